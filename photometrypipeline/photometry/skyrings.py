"""The sky around all sources of a frame at once: planes through rings, with sources and bad pixels left out.

What `ringsky` finds around one target, here from sums over small blocks of pixels, so that it costs the same
for a hundred sources and for ten thousand.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter

from photometrypipeline.base.scatter import SIGMA_PER_MAD
from photometrypipeline.photometry.ringsky import CLIP_SIGMA, FEWEST_SKY, plane

SPARSE = 3  # every third pixel along both axes tells the levels that others are clipped at
CELL, COARSE = 21, 7  # such pixels, side of the cells for the first level, and of the blocks for the second
FEWEST_IN_CELL = 20
FIRST_CLIP_SIGMA = 4.0  # around the level of a cell, within which the sky may have a slope
BAND_PX = 64  # rows that are at work at a time
SOURCES_AT_ONCE = 2000


@dataclass
class SkyMap:
    """The sky's pixels in blocks of `side` px: their `number`, and the sum of what they have above `level` (ADU).

    sigma : of a pixel around there, ADU
    """

    side: int
    level: np.ndarray
    sigma: np.ndarray
    number: np.ndarray
    above: np.ndarray

    def rings(self, x, y, inner_px, outer_px):
        """Return (level, sigma of a pixel, number of pixels) of the rings around places, each of shape (n,).

        x, y : 0-based px.  NaN where a ring has too few pixels.
        """
        found = np.full((3, len(x)), np.nan)
        for first in range(0, len(x), SOURCES_AT_ONCE):
            part = slice(first, first + SOURCES_AT_ONCE)
            found[:, part] = self._rings(np.asarray(x)[part], np.asarray(y)[part], inner_px, outer_px)
        return found

    def _rings(self, x, y, inner_px, outer_px):
        steps = np.arange(-int(outer_px / self.side) - 1, int(outer_px / self.side) + 2)
        half = (self.side - 1) / 2
        column, row = ((np.rint(axis) // self.side).astype(int)[:, None] + steps for axis in (x, y))
        dx, dy = column * self.side + half - x[:, None], row * self.side + half - y[:, None]
        apart2 = dx[:, None, :] ** 2 + dy[:, :, None] ** 2
        rows, columns = self.number.shape
        there = ((row >= 0) & (row < rows))[:, :, None] & ((column >= 0) & (column < columns))[:, None, :]
        ring = there & (apart2 > inner_px**2) & (apart2 < outer_px**2)
        at = np.clip(row, 0, rows - 1)[:, :, None], np.clip(column, 0, columns - 1)[:, None, :]
        middle = tuple(
            np.clip(np.rint(axis) // self.side, 0, n - 1).astype(int) for axis, n in ((y, rows), (x, columns))
        )
        level, sigma = self.level[middle], self.sigma[middle]
        number = self.number[at] * ring
        total = self.above[at] * ring + number * (self.level[at] - level[:, None, None])
        count = number.sum(axis=(1, 2))
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = total.sum(axis=(1, 2)) / count
            more, unsure, _ = _to_the_middle(number, total - number * mean[:, None, None], dx, dy)
        enough = (count >= FEWEST_SKY) & (sigma > 0)
        return np.where(enough, [level + mean + more, sigma, count / (1 + unsure * count)], np.nan)


def _to_the_middle(number, away, dx, dy):
    """Return what ringsky.plane does of rings of blocks: pixels in each, and their sum less that of the mean.

    number, away : shape (n, rows, columns);  dx, dy : px from the middle, shape (n, columns), (n, rows)
    """
    in_columns, in_rows, count = number.sum(axis=1), number.sum(axis=2), number.sum(axis=(1, 2))
    x, y = (in_columns * dx).sum(axis=1) / count, (in_rows * dy).sum(axis=1) / count
    xx, yy = (in_columns * dx**2).sum(axis=1) - count * x**2, (in_rows * dy**2).sum(axis=1) - count * y**2
    xy = np.einsum("nij,ni,nj->n", number, dy, dx, optimize=True) - count * x * y
    slope = (away.sum(axis=1) * dx).sum(axis=1), (away.sum(axis=2) * dy).sum(axis=1)
    return plane(count, (x, y), (xx, yy, xy), slope)


def of_image(image, taken, fwhm_px):
    """Return the SkyMap of an image (ADU, float32, NaN where it has no value), None where there is no sky in it.

    taken : pixels that belong to sources or are bad, bool;  fwhm_px : of the stars
    """
    some = image[::SPARSE, ::SPARSE], taken[::SPARSE, ::SPARSE]
    cells = _cells(*some)
    side = max(2, int(0.75 * fwhm_px))
    if cells is None or min(some[0].shape) < COARSE or min(image.shape) < side:
        return None
    near = _local(some, cells, 2 * int(np.ceil(5 * fwhm_px / (COARSE * SPARSE))) + 1)
    level, sigma = _at_blocks(near, image.shape, COARSE * SPARSE, side)
    return SkyMap(side, level, sigma, *_summed(image, taken, side, level, CLIP_SIGMA * sigma))


def _cells(image, taken):
    """Return (level, sigma) of the free pixels in cells of CELL px, shape (rows, columns); None if there is no sky."""
    side = [min(CELL, length) for length in image.shape]
    rows, columns = (length // one for length, one in zip(image.shape, side, strict=True))
    part = slice(0, rows * side[0]), slice(0, columns * side[1])
    values = np.where(taken[part], np.nan, image[part]).reshape(rows, side[0], columns, side[1])
    values = values.transpose(0, 2, 1, 3).reshape(rows * columns, -1)
    level = _medians(values)
    sigma = SIGMA_PER_MAD / np.sqrt(2) * _medians(np.abs(np.diff(values, axis=1)))  # no slope of the sky is in it
    known = np.isfinite(values).sum(axis=1) >= FEWEST_IN_CELL
    if not known.any():
        return None
    for cell in np.flatnonzero(known & ~(sigma > 0)):  # most pixels have the same whole number
        sigma[cell] = np.nanstd(values[cell])
    level[~known], sigma[~known] = np.median(level[known]), np.median(sigma[known])
    return level.reshape(rows, columns), uniform_filter(sigma.reshape(rows, columns), 3, mode="nearest")


def _medians(values):
    """Return the median of each row without its NaN, NaN for rows of NaN, shape (n,)."""
    ordered, number = np.sort(values, axis=1), np.isfinite(values).sum(axis=1)
    at = np.arange(len(values)), np.maximum(number // 2, 0).clip(max=values.shape[1] - 1)
    return np.where(number > 0, ordered[at], np.nan).astype(float)


def _at_blocks(maps, shape, pitch, side):
    """Return maps in steps of `pitch` px at the blocks of `side` px of an image of `shape`."""
    at = [(np.arange(length // side) * side + side // 2) // pitch for length in shape]
    at = np.ix_(*(np.minimum(each, n - 1) for each, n in zip(at, maps[0].shape, strict=True)))
    return [each[at] for each in maps]


def _summed(image, taken, side, levels, limits):
    """Return (number, sum) of the pixels of each block that are not `taken` and within `limits` of `levels` (ADU).

    The sum is that of what they have above the level of their block.
    """
    rows, columns = levels.shape
    levels, limits = levels.astype(np.float32), limits.astype(np.float32)
    number, total = np.empty((2, rows, columns), np.float32)
    band = max(1, BAND_PX // side)
    shape = band, side, columns * side
    above, size, sky = np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(shape, bool)
    wide, of_column = np.empty((band, 1, columns * side), np.float32), np.arange(columns * side) // side
    for top in range(0, rows, band):
        n = min(band, rows - top)
        part = slice(top * side, (top + n) * side), slice(0, columns * side)
        np.take(levels[top : top + n, None], of_column, axis=2, out=wide[:n], mode="clip")
        np.subtract(image[part].reshape(n, *shape[1:]), wide[:n], out=above[:n])
        np.take(limits[top : top + n, None], of_column, axis=2, out=wide[:n], mode="clip")
        np.less(np.abs(above[:n], out=size[:n]), wide[:n], out=sky[:n])
        np.greater(sky[:n], taken[part].reshape(n, *shape[1:]), out=sky[:n])
        np.copyto(above[:n], 0, where=~sky[:n])
        number[top : top + n] = _of_blocks(sky[:n].view(np.uint8).sum(axis=1, dtype=np.uint16), side)
        total[top : top + n] = _of_blocks(above[:n].sum(axis=1), side)
    return number, total


def _of_blocks(rows, side):
    """Return the sums of every `side` values in each row."""
    return sum((rows[:, k::side] for k in range(1, side)), start=rows[:, ::side])


def _local(some, cells, width):
    """Return (level, sigma) of each block of COARSE px by `width` x `width` blocks around it, else by its cell."""
    image, taken = some
    usual = _at_blocks(cells, image.shape, CELL, COARSE)
    number, above = _summed(image, taken, COARSE, usual[0], FIRST_CLIP_SIGMA * usual[1])
    number, total = (uniform_filter(each, width, mode="constant") for each in (number, above + number * usual[0]))
    enough = number * width**2 >= FEWEST_SKY
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.where(enough, total / number, usual[0])
    return level, usual[1]
