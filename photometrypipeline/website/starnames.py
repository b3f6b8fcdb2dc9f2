"""What the pages call the reference stars of a data set: C1, C2, ... from the brightest on, the same everywhere."""

import math
from dataclasses import dataclass, field

from photometrypipeline.frames.records import number

WIDTH = 0.62  # of a letter, over its size
GAP_PX = 11  # from the star to its name
BASE = 0.35  # of its size that a letter stands below the middle of the star


@dataclass(repr=False, eq=False)
class StarNames:
    """`order` has a number for each star, from 1 on; `pulls` by how much (mag) those of the night move the target.

    counted : keys of the stars in the solution of the night; None where that does not count
    """

    order: dict = field(default_factory=dict)
    pulls: dict = field(default_factory=dict)
    counted: set | None = None

    def of(self, star):
        """Return the name (str) of a star of the record of pp_calibrate, empty for one that was never used."""
        found = self.order.get(_key(star))
        return f"C{found}" if found else ""

    def counts(self, star):
        """Whether the magnitudes rest on a recordtypes.ReferenceStar."""
        return bool(star.used) if self.counted is None else _key(star) in self.counted

    def labels(self, stars, places, width, size_px, most, taken=()):
        """Return [[column, row, name], ...] of names that fit on a picture without touching, strongest stars first.

        places : [column, row] of each star on a picture `width` pixels wide, None for one that is not on it
        size_px : of the letters, pixels of the picture;  most : names at most
        taken : (left, top, right, bottom) of what else is drawn there
        """
        named = [(star, place, self.of(star)) for star, place in zip(stars, places, strict=True) if place]
        named = sorted((each for each in named if each[2]), key=lambda each: self._rank(each[0]))
        found, boxes = [], list(taken)
        for _, (x, y), name in named:
            wide = WIDTH * size_px * len(name)
            left = x + GAP_PX if x + GAP_PX + wide < width else x - GAP_PX - wide
            box = (left, y - size_px / 2, left + wide, y + size_px / 2)
            if len(found) < most and box[1] > 0 and not any(_touch(box, other) for other in boxes):
                boxes.append(box)
                found.append([round(left, 1), round(y + BASE * size_px, 1), name])
        return found

    def _rank(self, star):
        key = _key(star)
        return -abs(number(self.pulls.get(key, 0.0))), self.order[key]


def of(view):
    """Return the StarNames of a views.Overview."""
    record = view.records["calibrate"]
    if not record:
        return StarNames()
    night = record.night.stars if record.night else []
    magnitudes = {_key(star): star.mag for star in [*night, *record.left_out]}
    for frame in record.frames:
        for star in frame.stars:
            if star.used:
                magnitudes.setdefault(_key(star), star.mag)
    order = sorted(magnitudes, key=lambda key: (_size(magnitudes[key]), key))
    pulls = {_key(star): star.influence or 0.0 for star in night}
    counted = set(pulls) if night and record.night.counts else None
    return StarNames({key: index + 1 for index, key in enumerate(order)}, pulls, counted)


def _key(star):
    return star.ident if star.ident.strip() else f"{star.ra_deg:.4f} {star.dec_deg:+.4f}"


def _size(mag):
    return number(mag) if math.isfinite(number(mag)) else math.inf


def _touch(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
