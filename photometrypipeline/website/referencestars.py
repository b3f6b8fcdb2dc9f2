"""The reference stars of a night as the page shows them: a table and a map, on which stars are taken out by hand."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from photometrypipeline.calibration import starlist
from photometrypipeline.frames.records import known, number
from photometrypipeline.frames.recordtypes import NightStar, StarLeftOut
from photometrypipeline.website import fieldmap, findingchart, quickview

MOST_NAMES = 50  # on the map
LETTER_PX = 16  # of these; the style sheet says the same
MOST_ROWS = 300  # of the table; the map has all stars
RESTLESS = 2.0  # scatter over what is expected, from where on it is shown in red
FAR_OFF = 3.0  # offset over the median of all, likewise


@dataclass(repr=False, eq=False)
class StarView:
    """A star called `name`; `line` takes it out in a list for pp_calibrate, `out` tells whether that was done already.

    place : [column, row] on the picture of the map, None beyond its edges
    """

    data: NightStar | StarLeftOut
    name: str
    line: str
    out: bool
    place: list | None = None

    @property
    def restless(self):
        """Whether it scatters more than the noise explains."""
        return not self.out and number(self.data.scatter) > RESTLESS * number(self.data.expected)


@dataclass(repr=False, eq=False)
class ReferenceStars:
    """Stars in the order of the table: those left out, then by how much they move the target.

    picture : {file, width, height, frame} of the map, None without one;  typical : median size of the offsets, mag
    labels : names that fit on the map, as starnames.StarNames.labels gives them
    """

    stars: list = field(default_factory=list)
    picture: dict | None = None
    typical: float | None = None
    labels: list = field(default_factory=list)

    @cached_property
    def field(self):
        """The fieldmap.FieldMap of these stars, None without a picture or for too few of them."""
        return fieldmap.of(self.stars, self.picture)

    @property
    def shown(self):
        """The stars of the table."""
        return self.stars[:MOST_ROWS]

    @property
    def rest(self):
        """Number of stars that are on the map alone, and the most that one of them moves the target, mag."""
        others = self.stars[MOST_ROWS:]
        return len(others), max((abs(number(star.data.influence)) for star in others), default=None)

    @property
    def left_out(self):
        """The stars that were taken out by hand."""
        return [star for star in self.stars if star.out]

    @property
    def counted(self):
        """The stars that are in the solution of the night."""
        return [star for star in self.stars if not star.out]

    def far_off(self, star):
        """Whether the offset of a star from the catalogue is unusual among these."""
        return not star.out and abs(number(star.data.offset)) > FAR_OFF * number(self.typical)

    def find_places(self, view, folders, names):
        """Find the places of the stars on the quick view of a frame in `folders`, once there are quick views."""
        self.picture = _place_on_picture(self.stars, view, folders)
        if self.picture:
            places = [star.place for star in self.stars]
            width = self.picture["width"]
            self.labels = names.labels([star.data for star in self.stars], places, width, LETTER_PX, MOST_NAMES)


def of(view, names):
    """Return the ReferenceStars of a views.Overview, called by starnames.StarNames.

    Without stars where there is no solution of the night.
    """
    record = view.records["calibrate"]
    if not record:
        return ReferenceStars()
    night = sorted(record.night.stars if record.night else [], key=_pull, reverse=True)
    every = [*record.left_out, *night]
    lines = starlist.lines_for(*([getattr(star, name) for star in every] for name in ("ident", "ra_deg", "dec_deg")))
    n_out = len(record.left_out)
    pairs = zip(every, lines, strict=True)
    stars = [StarView(data, names.of(data), line, index < n_out) for index, (data, line) in enumerate(pairs)]
    offsets = [abs(star.offset) for star in night if known(star.offset)]
    typical = float(np.median(offsets)) if offsets else None
    return ReferenceStars(stars, None, typical)


def _pull(star):
    return abs(star.influence) if known(star.influence) else 0.0


def _place_on_picture(stars, view, folders):
    """Tell the stars their places on the quick view of a frame, and return what there is to know of this."""
    shown = [frame for frame in view.frames if frame.quickview and frame.size_px and frame.used_stars]
    frame = shown[len(shown) // 2] if shown else None

    def tell(pixels, picture):
        columns = [[getattr(star.data, name) for star in stars] for name in ("ra_deg", "dec_deg")]
        found = quickview.places_of_all(pixels, max(picture.width, picture.height), *columns)
        for star, place in zip(stars, found, strict=True):
            star.place = place
        return {}

    return findingchart.on_picture(frame if stars else None, folders, tell)
