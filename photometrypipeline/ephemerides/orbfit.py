"""Orbital elements in OrbFit's format OEF2.0, as AstDyS and NEODyS hand them out: allnum.cat, 433.eq0, 433.eq1.

A head of `keyword = 'value'` lines ends with END_OF_HEADER. Behind it stands one body a line (rectype 1L: name, epoch,
elements, H, G), or one in several lines (ML: name; KEP, EQU or COM with elements; MJD epoch; MAG H G).
"""

import re

import numpy as np

from photometrypipeline.ephemerides import names
from photometrypipeline.ephemerides.elements import MJD_ZERO, Orbit, perihelion

END = "END_OF_HEADER"
PLANE = "ECLM J2000"


def orbits(text, may_be):
    """Return the Orbits (list) of the bodies whose names pass `may_be` (function of a str), whatever their epochs.

    Raises ValueError for another plane of reference, and for elements that are missing or are no numbers.
    """
    head, _, body = text.partition(END)
    known = dict(re.findall(r"^\s*(\w+)\s*=\s*'?([^'!\n]*?)'?\s*(?:!.*)?$", head, re.MULTILINE))
    if known.get("refsys", PLANE).split() != PLANE.split():
        raise ValueError(f"refsys is {known['refsys']}, not {PLANE}")
    lines = [line for line in body.splitlines() if line.strip() and not line.lstrip().startswith("!")]
    if known.get("rectype", "ML").upper() == "1L":
        return [_of_line(line, known.get("elem", "KEP")) for line in lines if may_be(_name(line.split()[0]))]
    return [_of_block(block) for block in _blocks(lines) if may_be(_name(block[0].split()[0]))]


def _name(word):
    """Return `1 ` or `(2015 AB123)` for the name of a body, which has neither blanks nor a name proper."""
    bare = word.strip("'\"")
    asked = names.queries(bare)
    command = asked[0].command.rstrip(";") if asked else bare
    return f"({command.removeprefix('DES=')})" if command.startswith("DES=") else f"{command} "


def _of_line(line, kind):
    word, epoch, *numbers = line.split()
    values = [float(number) for number in numbers]
    return _orbit(word, kind, float(epoch), values[:6], values[6:8])


def _blocks(lines):
    """Return lists of lines, one of each body: a name stands in front of its elements."""
    starts = [number - 1 for number, line in enumerate(lines) if number and line.split()[0] in ("KEP", "EQU", "COM")]
    return [lines[start:end] for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]


def _of_block(lines):
    kind, *numbers = lines[1].split()
    told = {line.split()[0]: line.split()[1:] for line in lines[2:]}
    epoch, *scale = told["MJD"]
    if scale and scale[0] not in ("TDT", "TT", "TDB"):
        raise ValueError(f"the epoch of {lines[0].strip()} is in {scale[0]}, not in TDT")
    brightness = [float(number) for number in told.get("MAG", [])]
    return _orbit(lines[0].split()[0], kind, float(epoch), [float(number) for number in numbers[:6]], brightness)


def _orbit(word, kind, epoch_mjd, values, brightness):
    epoch = epoch_mjd + MJD_ZERO
    if kind == "COM":
        q_au, ecc, incl, node, peri, time = values
        found = {"QR": q_au, "TP": time + MJD_ZERO}
    else:
        a_au, ecc, incl, node, peri, anomaly = values if kind == "KEP" else _keplerian(values)
        found = perihelion(epoch, a_au, ecc, anomaly)
    found |= {"EPOCH": epoch, "EC": ecc, "IN": incl, "OM": node, "W": peri}
    known = (pair for pair in zip(("H", "G"), brightness, strict=False) if -50 < pair[1] < 50)
    return Orbit(_name(word), found | dict(known))


def _keplerian(equinoctial):
    """Return (a, e, i, node, argument of perihelion, mean anomaly) of a, h, k, p, q, lambda: au and deg."""
    a_au, h, k, p, q, longitude = equinoctial
    peri, node = np.degrees(np.arctan2(h, k)), np.degrees(np.arctan2(p, q)) % 360
    return a_au, np.hypot(h, k), 2 * np.degrees(np.arctan(np.hypot(p, q))), node, (peri - node) % 360, longitude - peri
