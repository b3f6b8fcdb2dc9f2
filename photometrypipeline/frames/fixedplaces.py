"""Targets that stand still: a file with a name and a place on each line."""

from astropy import units
from astropy.coordinates import Angle

from photometrypipeline.base.errors import FrameError
from photometrypipeline.frames.results import lines_of


def read(path):
    """Return [(name, ra_deg, dec_deg), ...] of a file: name (no blanks), RA and Dec in degrees or sexagesimal.

    Sexagesimal RA is in hours: `12:34:56.7`, or `12 34 56.7` as three fields.  Raises FrameError naming the bad line.
    """
    targets = []
    for number, line in lines_of(path):
        name, *fields = line.replace(",", " ").split()
        if len(fields) == 6:
            fields = [":".join(fields[:3]), ":".join(fields[3:])]
        try:
            ra, dec = (
                angle_deg(text, unit) for text, unit in zip(fields[:2], (units.hourangle, units.deg), strict=True)
            )
        except (ValueError, units.UnitsError):
            raise FrameError(path, f"line {number} is not 'name RA Dec': {line.strip()[:60]}", "correct it") from None
        targets.append((name, ra % 360, dec))
    if not targets:
        raise FrameError(path, "contains no targets", "one line per target: name RA Dec")
    return targets


def angle_deg(text, sexagesimal_unit):
    """Return degrees (float) of a number, or of a sexagesimal text in a unit of astropy.  Raises ValueError."""
    try:
        return float(text)
    except ValueError:
        return float(Angle(text, unit=sexagesimal_unit).deg)
