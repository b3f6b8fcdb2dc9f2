"""What to fetch ahead of an observing run: fields from a list, and the paths of targets over some nights."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.coordinates import Angle
from astropy.time import Time

from photometrypipeline.base.errors import UsageError
from photometrypipeline.sky import obscodes

STEP_H = 2.0  # between the epochs of a night for which the place of a target is asked for
MOST_NIGHTS = 60


@dataclass(frozen=True)
class Field:
    """A field to fetch: `name` for messages, ICRS centre and radius in deg."""

    name: str
    ra_deg: float
    dec_deg: float
    radius_deg: float


def read_fields(path, radius_deg):
    """Return the Fields (list) in a text file: RA, Dec, and if wanted radius and name in a line, # before a remark.

    RA, Dec : deg, or sexagesimal with colons (RA in hours); radius_deg : for lines without a radius
    Raises UsageError, with the number of the line.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error})") from None
    fields = []
    for number, line in enumerate(lines, 1):
        words = re.split(r"[,\s]+", line.partition("#")[0].strip(), maxsplit=3)
        if words != [""]:
            fields.append(_field(words, radius_deg, f"{path}, line {number}"))
    if not fields:
        raise UsageError(
            f"{path}: contains no fields; each line gives RA, Dec and, optionally, a radius in deg and a name"
        )
    return fields


def _field(words, radius_deg, place):
    try:
        ra, dec = (_angle(word, unit) for word, unit in zip(words[:2], (u.hourangle, u.deg), strict=True))
        radius = float(words[2]) if len(words) > 2 else radius_deg
        if not (0 <= ra <= 360 and abs(dec) <= 90 and 0 < radius <= 10):
            raise ValueError("RA 0 to 360, Dec -90 to 90, radius up to 10 deg")
    except ValueError as error:
        raise UsageError(f"{place}: {' '.join(words)!r} is not a field ({error})") from None
    return Field(words[3] if len(words) > 3 else f"{ra:.4f} {dec:+.4f}", ra % 360, dec, radius)


def _angle(text, unit):
    return float(Angle(text, unit=unit).deg) if ":" in text else float(text)


def nights(site, first, last):
    """Return UT Julian dates, shape (n,), every STEP_H hours from the local noon of `first` to that after `last`.

    site : MPC code; first, last : dates of evenings, such as "2026-12-01"
    Raises UsageError for what is not a date, or too long a time, TelescopeError for an unknown site.
    """
    x, y, _ = obscodes.geocentric_km(site)
    east_d = np.arctan2(y, x) / (2 * np.pi)
    try:
        noon, end = (Time(f"{date}T12:00:00", scale="utc").jd - east_d for date in (first, last or first))
    except ValueError:
        raise UsageError(f"{first}, {last}: dates are written as 2026-12-01") from None
    n_nights = round(end - noon) + 1
    if not 1 <= n_nights <= MOST_NIGHTS:
        raise UsageError(f"{first} to {last} are {n_nights} nights, 1 to {MOST_NIGHTS} can be fetched at once")
    return noon + np.arange(round(n_nights * 24 / STEP_H) + 1) * STEP_H / 24


def along(ephemeris, radius_deg):
    """Return the Fields on the path of an Ephemeris; between its epochs the target moves less than `radius_deg`."""
    fields = []
    known = np.isfinite(ephemeris.ra_deg) & np.isfinite(ephemeris.dec_deg)
    hop_deg = np.abs(np.nan_to_num(np.hypot(ephemeris.ra_rate, ephemeris.dec_rate))) * STEP_H / 3600
    for index in np.flatnonzero(known):
        place = float(ephemeris.ra_deg[index]), float(ephemeris.dec_deg[index])
        fields.append(Field(ephemeris.full_name, *place, radius_deg + float(hop_deg[index]) / 2))
    return fields
