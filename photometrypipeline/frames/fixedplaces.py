"""Targets that stand still: a file with a name and a place on each line."""

import math
import re

from photometrypipeline.base.errors import FrameError
from photometrypipeline.frames.results import lines_of

WHOLE = re.compile(r"[-+]?\d{1,3}")


def read(path):
    """Return [(name, ra_deg, dec_deg), ...] of a file: name (no blanks), RA and Dec in degrees or sexagesimal.

    Sexagesimal RA is in hours: `12:34:56.7`, or `12 34 56.7` as three fields.  Raises FrameError naming the bad line.
    """
    targets = []
    for number, line in lines_of(path):
        name, *fields = line.replace(",", " ").split()
        try:
            ra_deg, dec_deg, _ = place_of(fields)
        except ValueError:
            raise FrameError(path, f"line {number} is not 'name RA Dec': {line.strip()[:60]}", "correct it") from None
        targets.append((name, ra_deg, dec_deg))
    if not targets:
        raise FrameError(path, "contains no targets", "one line per target: name RA Dec")
    return targets


def place_of(fields):
    """Return (ra_deg, dec_deg, further fields) of `fields` (list of str) that begin with a place.  Raises ValueError.

    A place is two numbers in degrees, two sexagesimal texts with RA in hours, or three fields for each of these.
    """
    if len(fields) >= 6 and _is_sexagesimal(fields[:3]) and _is_sexagesimal(fields[3:6]):
        fields = [":".join(fields[:3]), ":".join(fields[3:6]), *fields[6:]]
    try:
        ra, dec = angle_deg(fields[0], "hourangle"), angle_deg(fields[1], "deg")
    except IndexError:
        raise ValueError("no place") from None
    if not (math.isfinite(ra) and abs(dec) <= 90):
        raise ValueError("no place on the sky")
    return ra % 360, dec, fields[2:]


def _is_sexagesimal(fields):
    """Return whether three fields are whole degrees or hours, minutes and seconds."""
    if not all(WHOLE.fullmatch(text) for text in fields[:2]):
        return False
    try:
        return 0 <= float(fields[1]) < 60 and 0 <= float(fields[2]) < 60
    except ValueError:
        return False


def angle_deg(text, sexagesimal_unit):
    """Return degrees (float) of a number, or of a sexagesimal text in a unit (name) of astropy.  Raises ValueError."""
    try:
        return float(text)
    except ValueError:
        from astropy.coordinates import Angle  # slow to import, and seldom needed
        from astropy.units import UnitsError

    try:
        return float(Angle(text, unit=sexagesimal_unit).deg)
    except UnitsError as error:
        raise ValueError(str(error)) from None
