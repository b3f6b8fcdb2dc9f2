"""Reference stars that a person takes out of the calibration: a list of names or places."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from astropy import units

from photometrypipeline.base.errors import UsageError
from photometrypipeline.frames.fixedplaces import angle_deg
from photometrypipeline.frames.results import lines_of
from photometrypipeline.sky import matching, sphere

RADIUS_ARCSEC = 2.0  # around a place, unless the line says otherwise


@dataclass
class StarList:
    """Stars by name and by place.

    names : identifiers of a catalogue;  places : [(ra_deg, dec_deg, radius_arcsec), ...]
    """

    path: str = ""
    names: list = field(default_factory=list)
    places: list = field(default_factory=list)

    def __bool__(self):
        return bool(self.names or self.places)

    def covers(self, idents, ra_deg, dec_deg):
        """Return which stars are on the list, bool, shape (n,).

        idents : names in the catalogue, shape (n,), or None where it has none
        """
        found = np.zeros(len(ra_deg), dtype=bool)
        if self.names and idents is not None:
            found |= np.isin([_plain(ident) for ident in idents], [_plain(name) for name in self.names])
        for ra, dec, radius in self.places:
            found |= sphere.separation_deg(ra, dec, ra_deg, dec_deg) * sphere.ARCSEC_PER_DEG <= radius
        return found

    def strangers(self, idents, ra_deg, dec_deg):
        """Return what is on the list and among no stars, as the lines (list of str) of a message."""
        known = {_plain(ident) for ident in idents} if idents is not None else set()
        lines = [name for name in self.names if _plain(name) not in known]
        for ra, dec, radius in self.places:
            if matching.nearest([ra], [dec], ra_deg, dec_deg)[1][0] > radius:
                lines.append(f"{ra:.5f} {dec:+.5f}")
        return lines


def read(path):
    """Return the StarList of a file: a star a line, its name in the catalogue, or RA, Dec, and perhaps a radius.

    Places are in degrees, or sexagesimal with colons (RA in hours); the radius in arcsec.  Commas may stand between.
    Lines that begin with `#` are comments, and so is what stands behind `#`.  Raises UsageError.
    """
    found = StarList(str(path))
    for number, line in lines_of(path):
        text = line.partition("#")[0].strip()
        fields = text.replace(",", " ").split()
        if not fields:
            continue
        place = _place(fields)
        if place is None and len(fields) in (2, 3) and ":" in text:
            raise UsageError(f"{path}: line {number} is neither a name nor 'RA Dec [radius]': {text[:60]}")
        if place is None:
            found.names.append(text)
        else:
            found.places.append(place)
    if not found:
        raise UsageError(f"{path} names no star; one line per star: its name in the catalogue, or RA Dec")
    return found


def lines_for(idents, ra_deg, dec_deg):
    """Return the line (list of str) that takes each of these stars out: its name, or its place where that is no name.

    No name is what other stars are called as well, what `read` would take for a place or a comment, and what is unfit
    for print.
    """
    count = Counter(map(_plain, idents))
    lines = []
    for ident, ra, dec in zip(idents, ra_deg, dec_deg, strict=True):
        name = " ".join(str(ident).split())
        usable = name and name.isprintable() and "#" not in name and count[_plain(name)] == 1
        usable = usable and ":" not in name and _place(name.replace(",", " ").split()) is None
        lines.append(name if usable else f"{ra:.6f} {dec:+.6f}")
    return lines


def _place(fields):
    """Return (ra_deg, dec_deg, radius_arcsec) of the fields of a line, None for a name."""
    if len(fields) not in (2, 3):
        return None
    try:
        ra, dec = angle_deg(fields[0], units.hourangle), angle_deg(fields[1], units.deg)
        radius = float(fields[2]) if len(fields) == 3 else RADIUS_ARCSEC
    except (ValueError, units.UnitsError):
        return None
    return (ra % 360.0, dec, radius) if -90 <= dec <= 90 and radius > 0 else None


def _plain(name):
    return "".join(str(name).split()).lower()
