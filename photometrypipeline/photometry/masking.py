"""What bad pixels do to sources: the share of their light that falls there, and images in which they are filled."""

import contextlib
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from photometrypipeline.frames import fitsbytes

BAD_PIXELS = 256  # bit of FLAGS, above those of Source Extractor: too much of the light falls on bad pixels
MOST_LOST = 0.02  # share of the light: a source that loses more is not measured by a plain aperture
REACH_FWHM = 1.5  # beyond lies 0.2 % of a Gaussian, and no centroid suffers
LONGEST_GAP_PX = 8  # that is bridged from both sides; larger holes get the sky


def lost_fraction(bad, x, y, fwhm_px):
    """Return the share of the light of point sources that falls on bad pixels, 0 to 1, shape (n,).

    bad : bool, shape (rows, columns);  x, y : FITS pixels, shape (n,);  fwhm_px : of a Gaussian profile
    """
    x, y = np.atleast_1d(np.asarray(x, dtype=float)), np.atleast_1d(np.asarray(y, dtype=float))
    rows, columns = np.nonzero(bad)
    lost, good = np.zeros(x.size), np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if not rows.size or not good.size:
        return lost
    sources = cKDTree(np.column_stack([x[good] - 1, y[good] - 1]))
    pairs = sources.sparse_distance_matrix(
        cKDTree(np.column_stack([columns, rows])), REACH_FWHM * fwhm_px + 1, output_type="ndarray"
    )
    narrow = 4 * math.log(2) / (fwhm_px**2 + 8 * math.log(2) / 12)  # the pixel widens the profile
    share = narrow / math.pi * np.exp(-narrow * pairs["v"] ** 2)
    lost[good] = np.bincount(pairs["i"], share, minlength=good.size)
    return np.clip(lost, 0.0, 1.0)


def filled(image, bad, wanted=None):
    """Return a copy (float32) of an image whose bad pixels have what a cubic through their neighbours says.

    wanted : those of the bad pixels (bool) that are to be filled; None: all

    Across the narrower gap, or by the mean of both directions where they are alike; a straight line where only the next
    pixels are good.  The error is a few per cent of what a star has in that pixel.
    """
    image = np.array(image, dtype=np.float32)
    bad = bad | ~np.isfinite(image)
    rows, columns = np.nonzero(bad if wanted is None else bad & wanted)
    if not rows.size:
        return image
    across, wide = _bridged(image, bad, rows, columns, (0, 1))
    upward, high = _bridged(image, bad, rows, columns, (1, 0))
    value = np.where(wide < high, across, np.where(high < wide, upward, (across + upward) / 2))
    unknown = ~np.isfinite(value)
    if unknown.any():  # the median of an image takes as long as all the rest
        value[unknown] = np.median(image[~bad]) if not bad.all() else 0.0
    image[rows, columns] = value
    return image


def _bridged(image, bad, rows, columns, step):
    """Return the value of each bad pixel from those beside it along `step` (dy, dx), and how wide the gap is (px).

    From one side alone where the other has no good pixel within LONGEST_GAP_PX; the gap then counts as too wide.
    """
    line = _Line(image, bad, rows, columns, step)
    before, after = line.nearest(-1), line.nearest(1)
    left, right = line.values(-before), line.values(after)
    straight = (left * after + right * before) / (before + after)
    outer = line.values(-before - 1), line.values(after + 1)
    places = np.array([-before - 1, -before, after, after + 1], dtype=float)
    curved = _lagrange(places, np.array([outer[0], left, right, outer[1]]))
    value = np.where(np.isfinite(curved), curved, straight)
    value = np.where(np.isfinite(value), value, np.where(np.isfinite(left), left, right))
    both = np.isfinite(left) & np.isfinite(right)
    one = np.where(np.isfinite(value), 2.0, 4.0) * LONGEST_GAP_PX
    return value, np.where(both, before + after, one)


@contextlib.contextmanager
def without_bad_pixels(frame, bad):
    """Yield the path of the image of a Frame; with `bad` (bool or None), of a copy in which bad pixels are filled."""
    if bad is None:
        yield frame.path.resolve()
        return
    with copy_with(frame, filled(frame.read_pixels(), bad)) as path:
        yield path


@contextlib.contextmanager
def copy_with(frame, pixels):
    """Yield the path of a copy of a Frame that has other `pixels` (float32), for as long as it is needed."""
    header = frame.header.copy()
    for keyword in ("BSCALE", "BZERO", "BLANK", "CHECKSUM", "DATASUM"):
        header.remove(keyword, ignore_missing=True)
    header["BITPIX"] = -32
    with tempfile.TemporaryDirectory(prefix="pp_filled_") as folder, open(frame.path, "rb") as stream:
        path = Path(folder) / frame.name
        raw = fitsbytes.read_raw_header(stream)
        path.write_bytes(fitsbytes.header_bytes(header, raw, path) + fitsbytes.stored(pixels))
        yield path


@dataclass
class _Line:
    """The pixels along `step` (dy, dx) from each of the bad ones at `rows`, `columns`."""

    image: np.ndarray
    bad: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    step: tuple

    def values(self, distance):
        """Return the good pixels at such a distance (px, one or one each), NaN for bad ones and beyond the edge."""
        y, x = self.rows + distance * self.step[0], self.columns + distance * self.step[1]
        inside = (y >= 0) & (y < self.image.shape[0]) & (x >= 0) & (x < self.image.shape[1])
        y, x = np.where(inside, y, 0), np.where(inside, x, 0)
        return np.where(inside & ~self.bad[y, x], self.image[y, x].astype(float), np.nan)

    def nearest(self, sign):
        """Return the distance (px) of the nearest good pixel on one side, LONGEST_GAP_PX if none is nearer."""
        found = np.full(self.rows.size, LONGEST_GAP_PX)
        for distance in range(LONGEST_GAP_PX - 1, 0, -1):
            found[np.isfinite(self.values(sign * distance))] = distance
        return found


def _lagrange(places, values):
    """Return the cubic through four `values` at `places`, shapes (4, n), at 0."""
    total = np.zeros(places.shape[1])
    for k in range(4):
        others = np.delete(places, k, axis=0)
        total += values[k] * np.prod(-others / (places[k] - others), axis=0)
    return total
