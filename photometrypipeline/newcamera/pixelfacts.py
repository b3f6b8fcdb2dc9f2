"""What the pixels of one frame tell of its camera: sky and noise, gain, the level at which stars saturate."""

import warnings
from dataclasses import dataclass

import numpy as np

from photometrypipeline.base import scatter

BLOCK_PX = 24  # side of the squares in which level and noise are measured
STARS_SIGMA = 3.0  # pixels above are left out
SMOOTH = 3  # squares whose median is taken
LEAST_RANGE = 0.03  # by which the sky has to vary over the image
SIGNIFICANT = 6.0  # the slope of variance against level has to be so many times its error
FLAT_TOP = 0.985  # of the highest pixels: neighbours as high as this belong to a star that is cut off
LEAST_FLAT_PX = 6
LEAST_ABOVE_SIGMA = 20.0  # of the sky: by so much a star that is cut off stands out
SAMPLE = 50000  # pixels
BELOW_SATURATION = 0.95  # of the level at which stars are cut off: what is reported, since response bends before


@dataclass(frozen=True)
class PixelFacts:
    """What was measured; levels in ADU, None where the frame does not tell.

    gain : e-/ADU, and `gain_how` it was found;  saturation : ADU;  highest : the highest pixel
    """

    sky: float
    noise: float
    gain: float | None
    gain_how: str
    saturation: float | None
    highest: float
    bayer: bool = False


def measure(pixels, read_noise=None, bayer=False):
    """Return the PixelFacts of an image (ADU, shape (rows, columns)).

    read_noise : electrons, if known;  bayer : the pixels lie behind a mask of colours, neighbours see different light
    """
    pixels = np.asarray(pixels, dtype=np.float32)
    levels, variances = _blocks(pixels, 2 if bayer else 1)
    known = np.isfinite(levels)
    sky = float(np.median(levels[known])) if known.any() else float(np.nanmedian(pixels))
    variance = float(np.median(variances[known])) if known.any() else np.nan
    gain, how = _gain(levels, variances, read_noise)
    return PixelFacts(
        sky, float(np.sqrt(variance)), gain, how, saturation_level(pixels), float(np.nanmax(pixels)), bayer
    )


def gain_of_sequence(images, bayer=False):
    """Return (gain in e-/ADU, its relative error) from images (list) of one camera, (None, nan) where they do not tell.

    The level of the sky varies over an image and from one to the next, and with it the noise, whatever is added to all.
    """
    levels, variances = [], []
    for pixels in images:
        of_level, of_variance = _blocks(np.asarray(pixels, dtype=np.float32), 2 if bayer else 1)
        if np.isfinite(of_level).sum() < 20:
            continue
        levels.append(_smooth(of_level))
        variances.append(_smooth(of_variance))
    if not levels:
        return None, np.nan
    slope, error = _slope(np.concatenate(levels), np.concatenate(variances))
    if not slope > SIGNIFICANT * error > 0:
        return None, np.nan
    return 1 / slope, error / slope


def _blocks(pixels, step):
    """Return (level, variance) of squares of the image, maps with NaN where stars are in the way.

    Noise is that of the differences of near pixels.  Neighbours are not compared: from one to the next, an image that
    was resampled has less noise than it really has.
    """
    rows, columns = (size // BLOCK_PX for size in pixels.shape)
    if rows * columns == 0:
        return np.empty((0, 0)), np.empty((0, 0))
    cut = pixels[: rows * BLOCK_PX, : columns * BLOCK_PX]
    blocks = cut.reshape(rows, BLOCK_PX, columns, BLOCK_PX).swapaxes(1, 2).reshape(-1, BLOCK_PX, BLOCK_PX)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of borders without a value
        middle = np.nanmedian(blocks, axis=(1, 2))
        width = scatter.about(blocks, middle[:, None, None], axis=(1, 2))
    with np.errstate(invalid="ignore"):
        quiet = np.abs(blocks - middle[:, None, None]) < STARS_SIGMA * width[:, None, None]
    apart = 2 * step
    both = quiet[:, :, apart:] & quiet[:, :, :-apart]
    difference = np.where(both, blocks[:, :, apart:] - blocks[:, :, :-apart], np.nan)
    enough = both.sum(axis=(1, 2)) > 0.5 * BLOCK_PX * (BLOCK_PX - apart)
    # the variance of a normal distribution cut at 3 sigma is 0.9733 of the whole one
    variance = np.nansum(difference**2, axis=(1, 2)) / np.maximum(both.sum(axis=(1, 2)), 1) / 2 / 0.9733
    shape = (rows, columns)
    return np.where(enough, middle, np.nan).reshape(shape), np.where(enough, variance, np.nan).reshape(shape)


def _gain(levels, variances, read_noise):
    """Return (gain in e-/ADU or None, how it was found) from level and variance of the squares.

    variance = level / gain + (read noise / gain)^2.  Where the level varies over the image, by vignetting or by a
    gradient, the slope tells the gain whatever is added to all pixels; else the level has to be that above bias.
    """
    if np.isfinite(levels).sum() < 20 or not np.nanmedian(variances) > 0:
        return None, "too few pixels without stars"
    slope, error = _slope(_smooth(levels), _smooth(variances))
    if slope > SIGNIFICANT * error > 0:
        return 1 / slope, f"noise grows with the level of the sky over the image (to {100 * error / slope:.0f} %)"
    level, variance = float(np.nanmedian(levels)), float(np.nanmedian(variances))
    if level <= 0:
        return None, "the sky is not above 0"
    # the larger root of variance g^2 - level g - read_noise^2 = 0
    rn2 = (read_noise or 0.0) ** 2
    gain = (level + np.sqrt(level**2 + 4 * variance * rn2)) / (2 * variance)
    how = "noise against level of the sky, true only if the bias is subtracted"
    if not 0.02 < gain < 50:
        return None, "noise and level of the sky do not match: the bias was not subtracted, or frames were averaged"
    return float(gain), how + ("" if read_noise else " and read noise small")


def _smooth(values):
    """Return the medians of 3 x 3 squares, as one array: what varies slowly over the image; haloes of stars do not."""
    rows, columns = (size // SMOOTH for size in values.shape)
    if rows * columns == 0:
        return np.empty(0)
    cut = values[: rows * SMOOTH, : columns * SMOOTH].reshape(rows, SMOOTH, columns, SMOOTH).swapaxes(1, 2)
    cut = cut.reshape(rows * columns, -1)
    return np.nanmedian(cut[np.isfinite(cut).sum(axis=1) > SMOOTH], axis=1)


def _slope(levels, variances):
    """Return (slope, error) of variance against level, outliers left out twice; (0, inf) where the levels are alike."""
    keep = np.ones(levels.size, dtype=bool)
    if levels.size < 12 or np.ptp(np.percentile(levels, [5, 95])) < LEAST_RANGE * abs(np.median(levels)):
        return 0.0, np.inf
    slope, error = 0.0, np.inf
    for _ in range(3):
        x, y = levels[keep], variances[keep]
        spread = np.sum((x - x.mean()) ** 2)
        if x.size < 10 or not spread > 0:
            return 0.0, np.inf
        slope = np.sum((x - x.mean()) * (y - y.mean())) / spread
        residual = variances - y.mean() - slope * (levels - x.mean())
        width = scatter.about(residual[keep])
        error = width / np.sqrt(spread)
        keep = np.abs(residual) < 3 * width
    return float(slope), float(error)


def saturation_level(pixels):
    """Return the level (ADU) from which pixels cannot be trusted, None if no star is cut off in the image."""
    level = cut_off_level(pixels)
    return None if level is None else BELOW_SATURATION * level


def cut_off_level(pixels):
    """Return the level (ADU) at which the stars of an image are cut off, None if none is.

    Stars that are cut off have several neighbouring pixels of nearly the same, highest value.
    """
    finite = np.isfinite(pixels)
    if not finite.any():
        return None
    # hot pixels and cosmic rays stand alone: the highest level that two neighbours reach together
    pairs = np.maximum(_pairs(pixels, 0).max(initial=-np.inf), _pairs(pixels, 1).max(initial=-np.inf))
    sample = pixels[finite][:: max(1, finite.sum() // SAMPLE)]
    sky = float(np.median(sample))
    noise = float(scatter.about(sample, sky))
    if not pairs > sky + LEAST_ABOVE_SIGMA * noise or not pairs > sky:
        return None  # the tops of the noise are alike, too
    high = pixels >= FLAT_TOP * pairs
    beside = np.zeros(high.shape, dtype=int)
    beside[1:] += high[:-1]
    beside[:-1] += high[1:]
    beside[:, 1:] += high[:, :-1]
    beside[:, :-1] += high[:, 1:]
    flat = high & (beside >= 2)  # in the middle of a plateau
    if flat.sum() < LEAST_FLAT_PX:
        return None
    return float(np.median(pixels[flat]))


def _pairs(pixels, axis):
    """Return the lower of each pair of neighbours along an axis."""
    one, other = (pixels[1:], pixels[:-1]) if axis == 0 else (pixels[:, 1:], pixels[:, :-1])
    lower = np.minimum(one, other)
    return lower[np.isfinite(lower)]
