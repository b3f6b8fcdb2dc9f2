"""A synthetic world of asteroids as the Minor Planet Center would write it down.

elements = draw(rng, 1_500_000, jd)       ndarray, shape (n, 9), columns of orbits.table; most epochs are jd
write_mpcorb(path, elements)              MPCORB.DAT, head and all; gzipped where the name ends in .gz
"""

import gzip

import numpy as np

from photometrypipeline.ephemerides.planets import GM_SUN
from photometrypipeline.sky import times

SHARES = {"belt": 0.94, "near": 0.025, "trojan": 0.02, "far": 0.015}
CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
HEAD = (
    "MINOR PLANET CENTER ORBIT DATABASE (MPCORB)\n\nsynthetic orbits\n\nDes'n     H     G   Epoch     M\n"
    + "-" * 160
    + "\n"
)


def draw(rng, number, jd):
    """Return elements of bodies in the belt, near the Earth, with Jupiter, and beyond Neptune; epoch `jd`."""
    kind = rng.choice(list(SHARES), number, p=list(SHARES.values()))
    between = rng.uniform
    a = np.select(
        [kind == "belt", kind == "near", kind == "trojan"],
        [between(2.1, 3.4, number), between(0.8, 2.8, number), between(5.1, 5.3, number)],
        between(30, 48, number),
    )
    q_near = between(0.3, 1.3, number)
    ecc = np.where(
        kind == "near", np.clip(1 - q_near / a, 0.02, 0.95), np.abs(rng.normal(0, 0.13, number)).clip(0, 0.4)
    )
    inclination = np.abs(rng.normal(0, np.where(kind == "near", 14, 9), number)).clip(0, 60)
    angles = between(0, 360, (3, number))
    h_mag = np.select(
        [kind == "near", kind == "far"], [between(17, 25, number), between(4, 9, number)], 18.2
    ) - np.where((kind == "belt") | (kind == "trojan"), rng.exponential(1.2, number), 0)
    motion = np.degrees(np.sqrt(GM_SUN / a**3))
    a, ecc, inclination, angles = np.round(a, 7), np.round(ecc, 7), np.round(inclination, 5), np.round(angles, 5)
    passage = jd - ((angles[2] + 180) % 360 - 180) / motion
    epoch = np.full(number, jd)
    return np.column_stack(
        [epoch, a * (1 - ecc), ecc, inclination, angles[0], angles[1], passage, h_mag.round(2), np.full(number, 0.15)]
    )


def packed_date(jd):
    """Return the date of a Julian date as the Minor Planet Center packs it, such as K25BL."""
    year, month, day = (int(part) for part in times.text_of(jd)[:10].split("-"))
    return f"{'IJKL'[year // 100 - 18]}{year % 100:02d}{CHARACTERS[month]}{CHARACTERS[day]}"


def lines(elements, first=1, last_observed="20250601"):
    """Yield a line of MPCORB.DAT for each row of elements, numbered from `first`."""
    packed = {jd: packed_date(jd) for jd in np.unique(elements[:, 0])}
    for number, (jd, q, ecc, inclination, node, argument, passage, h, g) in enumerate(elements, first):
        a = q / (1 - ecc)
        motion = np.degrees(np.sqrt(GM_SUN / a**3))
        mean = (jd - passage) * motion % 360
        code = (
            f"{number:05d}"
            if number < 100000
            else f"~{base62(number - 620000)}"
            if number >= 620000
            else packed_number(number)
        )
        yield (
            f"{code:7} {h:5.2f} {g:5.2f} {packed[jd]} {mean:9.5f}  {argument:9.5f}  {node:9.5f}  {inclination:9.5f}  "
            f"{ecc:9.7f} {motion:11.8f} {a:11.7f}  0 E2025-V47   200  10 2000-2025 0.50 M-v 3Ek MPCLINUX  "
            f" 0000 {f'({number}) Body{number}':<28}{last_observed}\n"
        )


def packed_number(number):
    """Return a number from 100000 to 619999 as the Minor Planet Center packs it."""
    return f"{(CHARACTERS + 'WXYZabcdefghijklmnopqrstuvwxyz')[number // 10000]}{number % 10000:04d}"


def base62(number):
    """Return four digits to the base 62."""
    digits = CHARACTERS + "WXYZabcdefghijklmnopqrstuvwxyz"
    return "".join(digits[number // 62**power % 62] for power in (3, 2, 1, 0))


def write_mpcorb(path, elements, head=True):
    """Write elements as MPCORB.DAT, gzipped where the name of `path` ends in .gz."""
    with gzip.open(path, "wt", compresslevel=1) if str(path).endswith(".gz") else open(path, "w") as stream:
        stream.write(HEAD if head else "")
        stream.writelines(lines(elements))
