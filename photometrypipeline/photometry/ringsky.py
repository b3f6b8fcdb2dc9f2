"""The sky at the middle of a ring, from what sources leave of it: a plane through its pixels without outliers.

Where sources cover one side of a ring, the mean of the rest is the sky of the other side; a plane follows a slope to
the middle.  It costs nothing where the whole ring is seen, and its error tells what it costs elsewhere.
"""

import numpy as np

from photometrypipeline.base.scatter import SIGMA_PER_MAD

CLIP_SIGMA = 3.0
CLIPPED_STD = 1.0137  # sigma of a normal distribution over that of what lies within 3 sigma
FEWEST_SKY = 60  # pixels
ROUNDS = 3


def skies(values, dx, dy):
    """Return (level in the middle, sigma of a pixel, number) of each row of `values` (ADU), NaN for too few of them.

    values : shape (n, p), NaN left out;  dx, dy : px from the middle, shape (p,)
    number : of pixels whose mean would be as well known as the level;  its error is sigma over its root
    """
    mean, std, kept = _clipped(values)
    count = kept.sum(axis=1)
    enough = np.isfinite(values).sum(axis=1) >= FEWEST_SKY
    level, variance, sloping = _to_the_middle(np.where(kept, values - mean[:, None], 0.0), kept, dx, dy)
    sigma = np.where(enough, CLIPPED_STD * np.sqrt(np.maximum(std**2 - sloping, 0.0)), np.nan)
    number = count / (1 + variance * count)
    return np.where(enough, mean + level, np.nan), sigma, number


def _clipped(values):
    """Return (mean, std, bool: which were kept) of each row of `values` without outliers."""
    ordered = np.sort(values, axis=1)
    half = np.isfinite(values).sum(axis=1) // 2
    rows, half = np.arange(len(values)), half.clip(max=values.shape[1] - 1)
    off = np.abs(values - ordered[rows, half][:, None])
    spread = SIGMA_PER_MAD * np.sort(off, axis=1)[rows, half]
    kept = off <= CLIP_SIGMA * np.maximum(spread, 1e-9)[:, None]
    for _ in range(ROUNDS):
        count = np.maximum(kept.sum(axis=1), 1)
        mean = np.where(kept, values, 0).sum(axis=1) / count
        away = values - mean[:, None]
        std = np.sqrt(np.where(kept, away**2, 0).sum(axis=1) / count)
        kept, last = kept & (np.abs(away) <= CLIP_SIGMA * CLIPPED_STD * np.maximum(std, 1e-9)[:, None]), kept
        if (kept == last).all():
            break
    return mean, std, last


def _to_the_middle(away, kept, dx, dy):
    """Return what `plane` does of each row; away : values less their mean, 0 where not `kept`."""
    count = np.maximum(kept.sum(axis=1), 1)
    x, y = kept @ dx / count, kept @ dy / count
    xx, yy, xy = (kept @ (a * b) - count * p * q for a, b, p, q in ((dx, dx, x, x), (dy, dy, y, y), (dx, dy, x, y)))
    return plane(count, (x, y), (xx, yy, xy), (away @ dx, away @ dy))


def plane(count, centre, spread, slope):
    """Return (by how much the middle is above the mean, its variance over that of a pixel, the slope's) of planes.

    count : of pixels;  centre : (x, y) of them, where the mean is the sky, px from the middle
    spread : sums of (x^2, y^2, x y) about it;  slope : sums of (x, y) times what the pixels have above the mean
    All of shape (n,); nothing is added where the pixels tell of no plane.
    """
    (x, y), (xx, yy, xy), (vx, vy) = centre, spread, slope
    with np.errstate(divide="ignore", invalid="ignore"):
        norm = xx * yy - xy**2
        slope_x, slope_y = (yy * vx - xy * vy) / norm, (xx * vy - xy * vx) / norm
        variance = (yy * x**2 - 2 * xy * x * y + xx * y**2) / norm
        found = -(slope_x * x + slope_y * y), variance, (slope_x * vx + slope_y * vy) / count
    good = np.isfinite(found).all(axis=0)
    return tuple(np.where(good, each, 0.0) for each in found)
