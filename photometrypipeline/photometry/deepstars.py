"""Stars that no single frame shows, found in what many frames have in common once all known light is off.

A target that passes such a star comes out brighter, and its sky too high.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter

from photometrypipeline.base.scatter import SIGMA_PER_MAD
from photometrypipeline.photometry.matched import significance

MOST_SIDE_PX = 256  # of a Box with several places of a target
FEWEST_FRAMES = 4
FEWEST_AT_PIXEL = 3
FOUND_SIGMA = 4.5
MODEL_ERROR = 0.04  # of the light in a pixel that was taken off
APART_FWHM = 0.8  # from stars that are known
SKY_FWHM = 3.0  # sigma of the weights by which the sky around a pixel is averaged
OWN_FWHM = 1.5  # pixels so near to the target do not count
REACH_FWHM = (2.5, 6.0)  # to which the light of faint and of bright stars is taken off
BRIGHT = 40.0  # times the noise of a pixel and the FWHM in px: a star whose wings are seen


@dataclass(frozen=True)
class Box:
    """A piece of the sky as the pixels of a frame show it: first column and row (0-based), (rows, columns)."""

    column: int
    row: int
    shape: tuple

    @property
    def corners(self):
        """Three of its pixels, (x, y), shape (3, 2): the first, the last of its row, the last of its column."""
        rows, columns = self.shape
        return np.array([[0, 0], [columns - 1, 0], [0, rows - 1]]) + [self.column, self.row]


def boxes(x, y, reach_px):
    """Return the Boxes (list) of all within `reach_px` of places x, y (0-based px, shape (n,), in their order)."""
    low = [int(np.floor(axis.min() - reach_px)) for axis in (x, y)]
    high = [int(np.ceil(axis.max() + reach_px)) for axis in (x, y)]
    columns, rows = (last - first + 1 for first, last in zip(low, high, strict=True))
    if max(columns, rows) > MOST_SIDE_PX and len(x) > 1:
        half = len(x) // 2
        return boxes(x[:half], y[:half], reach_px) + boxes(x[half:], y[half:], reach_px)
    return [Box(*low, (rows, columns))]


def leftover(exposure, box, corners, stars, target, trail_px):
    """Return (what is left of a frame in the pixels of a Box, the light taken off), ADU, float32, shape of the Box.

    corners : where those of the Box are in this frame;  stars : list of measure.Neighbour
    target : measure.Neighbour, drawn out along `trail_px`
    NaN where there is no pixel, or the target; None where the frame has hardly any sky in the Box.
    """
    rows, columns = box.shape
    steps = [(corners[n + 1] - corners[0]) / max(length - 1, 1) for n, length in enumerate((columns, rows))]
    x, y = (
        np.rint(corners[0][k] + steps[0][k] * np.arange(columns) + steps[1][k] * np.arange(rows)[:, None]).astype(int)
        for k in (0, 1)
    )
    middle = (int(x.min()) + int(x.max())) // 2, (int(y.min()) + int(y.max())) // 2
    half = max(int(np.abs(axis - at).max()) for axis, at in zip((x, y), middle, strict=True)) + 1
    cut = exposure.pixels.cutout(*middle, half)
    at = y - middle[1] + half, x - middle[0] + half
    light, free = cut.pixels[at], ~cut.occupied[at]
    sky = light[free & np.isfinite(light)]
    if sky.size < np.prod(box.shape) / 20:
        return None
    level = np.median(sky)
    noise = SIGMA_PER_MAD * np.median(np.abs(sky - level))
    model, fwhm = np.zeros(box.shape), exposure.fwhm_px
    for each, trail in [*((star, None) for star in stars), (target, trail_px)]:
        reach = REACH_FWHM[int(each.flux > BRIGHT * noise * fwhm)] * fwhm + (
            0 if trail is None else np.hypot(*trail) / 2
        )
        near = (np.abs(x - each.x) < reach) & (np.abs(y - each.y) < reach)
        if near.any():
            model[near] += each.flux * exposure.psf.light(each.x, each.y, x[near] - each.x, y[near] - each.y, trail)
    own = np.hypot(x - target.x, y - target.y) < OWN_FWHM * fwhm + np.hypot(*trail_px) / 2
    left = np.where(own, np.nan, light - level - model)
    return left.astype(np.float32), model.astype(np.float32)


def find(left, models, fwhm_px, known):
    """Return (x, y), px in the Box, of stars in what is left of several frames, shape (n_frames, rows, columns).

    models : the light that was taken off;  known : (x, y) of stars that are known, shape (n, 2)
    """
    mean, number = _mean(left)
    usable = number >= FEWEST_AT_PIXEL
    if not usable.any():
        return np.empty((2, 0))
    width, weight = SKY_FWHM * fwhm_px, usable.astype(float)
    around = gaussian_filter(np.where(usable, mean, 0.0), width) / np.maximum(gaussian_filter(weight, width), 1e-9)
    mean = np.where(usable, mean - around, 0.0)
    sigma = SIGMA_PER_MAD * np.median(np.abs(mean * np.sqrt(number))[usable])
    variance = sigma**2 / np.maximum(number, 1) + (MODEL_ERROR * models.mean(axis=0)) ** 2
    seen = significance(mean, np.where(usable, 1 / variance, 0.0), fwhm_px)
    peak = (seen == maximum_filter(seen, 2 * int(np.ceil(0.7 * fwhm_px)) + 1)) & (seen > FOUND_SIGMA) & usable
    y, x = np.nonzero(peak)
    x, y = x + _off_peak(seen, y, x, 0, 1), y + _off_peak(seen, y, x, 1, 0)
    apart = np.hypot(*(axis[:, None] - known[:, n] for n, axis in enumerate((x, y))))
    new = (apart > APART_FWHM * fwhm_px).all(axis=1)
    return np.array([x[new], y[new]])


def _mean(left):
    """Return (mean over frames without the highest and the lowest value, number of values) of each pixel."""
    known = np.isfinite(left)
    number = known.sum(axis=0)
    total = np.where(known, left, 0).sum(axis=0)
    trimmed = number > FEWEST_AT_PIXEL
    highest, lowest = np.where(known, left, -np.inf).max(axis=0), np.where(known, left, np.inf).min(axis=0)
    total = total - (np.where(trimmed, highest, 0) + np.where(trimmed, lowest, 0))
    return total / np.maximum(number - 2 * trimmed, 1), number


def _off_peak(image, row, column, down, right):
    """Return how far (px) the top of a parabola through three pixels is from the middle one, along one axis."""
    padded = np.pad(image, 1, mode="edge")
    row, column = row + 1, column + 1
    before, top, after = (padded[row + step * down, column + step * right] for step in (-1, 0, 1))
    curved = 2 * top - before - after
    return np.where(curved > 0, (after - before) / np.maximum(2 * curved, 1e-9), 0.0)
