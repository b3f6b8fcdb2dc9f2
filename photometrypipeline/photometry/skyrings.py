"""The sky around all sources of a frame at once: planes through rings, with sources and bad pixels left out.

What `ringsky` finds around one target, here from sums over small blocks of pixels, so that it costs the same
for a hundred sources and for ten thousand.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter

from photometrypipeline.base.scatter import SIGMA_PER_MAD
from photometrypipeline.photometry.ringsky import CLIP_SIGMA, CLIPPED_STD, FEWEST_SKY

SPARSE = 3  # every third pixel along both axes tells the levels that others are clipped at
CELL, COARSE = 21, 7  # such pixels, side of the cells for the first level, and of the blocks for the second
FEWEST_IN_CELL = 20
FIRST_CLIP_SIGMA = 4.0  # around the level of a cell, within which the sky may have a slope
BAND_PX = 256  # rows that are at work at a time
SOURCES_AT_ONCE = 2000


@dataclass
class SkyMap:
    """Sums of the sky's pixels in blocks of `side` px: `number`, `total` and `squares` around `middle` (ADU)."""

    side: int
    middle: float
    number: np.ndarray
    total: np.ndarray
    squares: np.ndarray

    @property
    def _sums(self):
        return self.number, self.total, self.squares

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
        number, total, squares = (each[at] * ring for each in self._sums)
        count = number.sum(axis=(1, 2))
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = total.sum(axis=(1, 2)) / count
            variance = squares.sum(axis=(1, 2)) / count - mean**2
            above, unsure, sloping = _to_the_middle(number, total - number * mean[:, None, None], dx, dy)
            sigma = CLIPPED_STD * np.sqrt(np.maximum(variance - sloping, 0.0))
        enough = (count >= FEWEST_SKY) & (sigma > 0)
        return np.where(enough, [mean + above + self.middle, sigma, count / (1 + unsure * count)], np.nan)


def _to_the_middle(number, away, dx, dy):
    """Return what ringsky does of planes, (n,) each, from blocks: pixels, and their sum less that of the mean.

    number, away : shape (n, rows, columns);  dx, dy : px from the middle, shape (n, columns), (n, rows)
    """
    in_columns, in_rows, count = number.sum(axis=1), number.sum(axis=2), number.sum(axis=(1, 2))
    x, y = (in_columns * dx).sum(axis=1) / count, (in_rows * dy).sum(axis=1) / count
    xx, yy = (in_columns * dx**2).sum(axis=1) - count * x**2, (in_rows * dy**2).sum(axis=1) - count * y**2
    xy = np.einsum("nij,ni,nj->n", number, dy, dx, optimize=True) - count * x * y
    vx, vy = (away.sum(axis=1) * dx).sum(axis=1), (away.sum(axis=2) * dy).sum(axis=1)
    norm = xx * yy - xy**2
    slope_x, slope_y = (yy * vx - xy * vy) / norm, (xx * vy - xy * vx) / norm
    unsure = (yy * x**2 - 2 * xy * x * y + xx * y**2) / norm
    found = -(slope_x * x + slope_y * y), unsure, (slope_x * vx + slope_y * vy) / count
    good = np.isfinite(found).all(axis=0)
    return tuple(np.where(good, each, 0.0) for each in found)


def of_image(image, taken, fwhm_px):
    """Return the SkyMap of an image (ADU, float32, NaN where it has no value), None where there is no sky in it.

    taken : pixels that belong to sources or are bad, bool;  fwhm_px : of the stars
    """
    some = image[::SPARSE, ::SPARSE], taken[::SPARSE, ::SPARSE]
    cells = _cells(*some)
    side = max(2, int(0.75 * fwhm_px))
    if cells is None or min(image.shape) < side:
        return None
    middle = float(np.median(cells[0]))
    coarse = _summed(*some, middle, COARSE, *_at_blocks(cells, some[0].shape, CELL, COARSE, (1, FIRST_CLIP_SIGMA)))
    near = _local(coarse, cells, 2 * int(np.ceil(5 * fwhm_px / (COARSE * SPARSE))) + 1)
    limits = _at_blocks(near, image.shape, COARSE * SPARSE, side, (1, CLIP_SIGMA))
    return _summed(image, taken, middle, side, *limits)


def _cells(image, taken):
    """Return (level, sigma) of the free pixels in cells of CELL px, shape (rows, columns); None if there is no sky."""
    side = [min(CELL, length) for length in image.shape]
    rows, columns = (length // one for length, one in zip(image.shape, side, strict=True))
    part = slice(0, rows * side[0]), slice(0, columns * side[1])
    values = np.where(taken[part], np.nan, image[part]).reshape(rows, side[0], columns, side[1])
    values = values.transpose(0, 2, 1, 3)[:, :, ::2, ::2].reshape(rows * columns, -1)
    level = _medians(values)
    sigma = SIGMA_PER_MAD * _medians(np.abs(values - level[:, None]))
    known = np.isfinite(values).sum(axis=1) >= FEWEST_IN_CELL
    if not known.any():
        return None
    for cell in np.flatnonzero(known & ~(sigma > 0)):  # most pixels have the same whole number
        sigma[cell] = np.nanstd(values[cell])
    level[~known], sigma[~known] = np.median(level[known]), np.median(sigma[known])
    return level.reshape(rows, columns), sigma.reshape(rows, columns)


def _medians(values):
    """Return the median of each row without its NaN, NaN for rows of NaN, shape (n,)."""
    ordered, number = np.sort(values, axis=1), np.isfinite(values).sum(axis=1)
    at = np.arange(len(values)), np.maximum(number // 2, 0).clip(max=values.shape[1] - 1)
    return np.where(number > 0, ordered[at], np.nan).astype(float)


def _at_blocks(maps, shape, pitch, side, factors):
    """Return maps in steps of `pitch` px, times `factors`, at the blocks of `side` px of an image of `shape`."""
    at = [(np.arange(length // side) * side + side // 2) // pitch for length in shape]
    at = np.ix_(*(np.minimum(each, n - 1) for each, n in zip(at, maps[0].shape, strict=True)))
    return [factor * each[at] for factor, each in zip(factors, maps, strict=True)]


def _summed(image, taken, middle, side, levels, limits):
    """Return the SkyMap of the pixels that are not `taken` and within `limits` of `levels` (ADU, of each block)."""
    rows, columns = levels.shape
    low, high = (np.repeat(each.astype(np.float32), side, axis=1) for each in (levels - limits, levels + limits))
    sums = np.empty((3, rows, columns))
    band = max(1, BAND_PX // side)
    for first in range(0, rows, band):
        blocks = slice(first, min(first + band, rows))
        part = slice(blocks.start * side, blocks.stop * side), slice(0, columns * side)
        shape = blocks.stop - blocks.start, side, columns * side
        values = image[part].reshape(shape)
        sky = (values > low[blocks, None]) & (values < high[blocks, None]) & ~taken[part].reshape(shape)
        values = np.where(sky, values - np.float32(middle), np.float32(0))
        of_rows = (sky.sum(axis=1, dtype=np.float32), values.sum(axis=1), (values * values).sum(axis=1))
        for n, each in enumerate(of_rows):
            sums[n, blocks] = np.add.reduceat(each, np.arange(0, columns * side, side), axis=1)
    return SkyMap(side, middle, *sums)


def _local(sky, cells, width):
    """Return (level, sigma) of each block of a SkyMap by `width` x `width` blocks around it, else by its cell."""
    number, total, squares = (uniform_filter(each, width, mode="constant") for each in sky._sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / number
        sigma = np.sqrt(np.maximum(squares / number - mean**2, 0.0))
    enough = (number * width**2 >= FEWEST_SKY) & (sigma > 0)
    shape = tuple(n * sky.side for n in number.shape)
    usual = _at_blocks(cells, shape, CELL, sky.side, (1, 1))
    return np.where(enough, mean + sky.middle, usual[0]), np.where(enough, sigma, usual[1])
