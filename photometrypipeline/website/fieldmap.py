"""What the reference stars say of the field: their mean offset in nine parts of a frame, and how much these differ."""

from dataclasses import dataclass

import numpy as np
from astropy.stats import mad_std
from scipy.special import chdtrc  # scipy.stats takes half a second to load

from photometrypipeline.frames.records import known

PARTS = 3  # along a side
FEWEST = 4  # stars of a part whose mean is shown
FEWEST_PARTS = 5
SHADES = 3  # of colour, each one a sigma
LEAST_ERROR_MAG = 0.001  # of a star
CHANCE = 0.003  # that an even field looks as uneven


@dataclass(frozen=True)
class Part:
    """A part of the field: mean offset of its stars from the mean of all, its error (mag), and how many there are."""

    mean_mag: float
    err_mag: float
    number: int

    @property
    def shade(self):
        """How many sigmas the mean is off, -SHADES to SHADES: above 0 the stars are measured too bright there."""
        return int(np.clip(np.trunc(self.mean_mag / self.err_mag), -SHADES, SHADES)) if self.err_mag else 0


@dataclass(frozen=True)
class FieldMap:
    """PARTS rows of as many Parts, None where there are too few stars; as they lie on the picture.

    rms_mag : how much the parts differ beyond their errors, None where the errors explain all of it
    """

    rows: list
    rms_mag: float | None

    @property
    def means(self):
        """The Parts that have a mean."""
        return [part for row in self.rows for part in row if part]


def of(stars, picture):
    """Return the FieldMap of referencestars.StarViews with places on a picture, None for too few stars."""
    seen = [star for star in stars if not star.out and star.place and known(star.data.offset)] if picture else []
    if len(seen) < FEWEST * FEWEST_PARTS:
        return None
    places = np.array([star.place for star in seen], dtype=float) / [picture["width"], picture["height"]]
    offsets, weights = _weighed(seen)
    column, row = np.clip((places * PARTS).astype(int), 0, PARTS - 1).T
    rows = [[_part(offsets, weights, (row == y) & (column == x)) for x in range(PARTS)] for y in range(PARTS)]
    found = FieldMap(rows, _beyond_errors([part for each in rows for part in each if part]))
    return found if len(found.means) >= FEWEST_PARTS else None


def _weighed(stars):
    """Return (offsets from the mean of all, mag; weights, 1/mag^2, with what stars scatter by beyond their errors)."""
    offsets, errors, shares = (
        np.array([getattr(star.data, name) or 0.0 for star in stars], dtype=float)
        for name in ("offset", "offset_err", "weight")
    )
    sharp = errors <= np.median(errors)
    own = mad_std(offsets[sharp]) ** 2 - np.median(errors[sharp]) ** 2  # the catalogue's errors, for the most part
    weights = shares / (errors**2 + max(own, LEAST_ERROR_MAG**2))
    return offsets - np.average(offsets, weights=weights), weights


def _part(offsets, weights, here):
    number = int((here & (weights > 0)).sum())
    if number < FEWEST:
        return None
    return Part(float(np.average(offsets[here], weights=weights[here])), float(weights[here].sum() ** -0.5), number)


def _beyond_errors(parts):
    """Return the rms of the means of Parts less what their errors explain, mag; None where chance may be all."""
    means, errors = np.array([(part.mean_mag, part.err_mag) for part in parts]).reshape(-1, 2).T
    if len(parts) < FEWEST_PARTS or chdtrc(len(parts) - 1, np.sum((means / errors) ** 2)) > CHANCE:
        return None
    return float(np.sqrt(max(np.var(means, ddof=1) - np.mean(errors**2), 0.0)))
