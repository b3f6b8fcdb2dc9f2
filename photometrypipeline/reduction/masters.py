"""Master frames: exposures of one kind combined, strip by strip, so that memory does not grow with their number."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from astropy.stats import mad_std

from photometrypipeline.frames import fitsbytes
from photometrypipeline.frames.frame import Frame

STRIP_PX = 4_000_000  # pixels of all frames that are combined at a time
CLIP_SIGMA = 4.0  # cosmic rays, and stars in flats of the sky
SAMPLE = 7  # every so many pixels along each axis tell a level

Correction = Callable[[np.ndarray, slice], np.ndarray]


@dataclass
class Master:
    """A combined image, float32 of shape (rows, columns); the typical error of a pixel, same unit; its frames."""

    image: np.ndarray
    error_adu: float
    names: list
    exptime_s: float = 0.0


def rows_of(frame: Frame, rows: slice) -> np.ndarray:
    """Return some rows of an image as float32, shape (rows, columns); BLANK pixels are NaN."""
    return fitsbytes.scaled(fitsbytes.pixels(frame.path)[rows], frame.header)


def level_of(frame: Frame, correct: Correction | None = None) -> float:
    """Return the median level of an image, after the correction of its rows."""
    whole = slice(0, frame.size_px[1])
    image = rows_of(frame, whole)
    image = correct(image, whole) if correct else image
    return float(np.nanmedian(image[::SAMPLE, ::SAMPLE]))


def combine(
    frames: Sequence[Frame], correct: Correction | None = None, scales: Sequence[float] | None = None
) -> Master:
    """Return the Master of `frames`: mean of what is left after clipping at 4 sigma around the median of each pixel.

    correct : called for (rows of one image, slice of the rows);  scales : factors, one a frame
    """
    from ccdproc import CCDData, Combiner  # takes a second to load

    columns, rows = frames[0].size_px
    height = max(1, STRIP_PX // (columns * len(frames)))
    image, errors = np.empty((rows, columns), dtype=np.float32), []
    for start in range(0, rows, height):
        part = slice(start, min(start + height, rows))
        strips = [rows_of(frame, part) for frame in frames]
        strips = [correct(strip, part) for strip in strips] if correct else strips
        strips = [strip * np.float32(scale) for strip, scale in zip(strips, scales or [1.0] * len(frames), strict=True)]
        combiner = Combiner([CCDData(strip, unit="adu", mask=~np.isfinite(strip)) for strip in strips])
        if len(frames) > 3:
            combiner.sigma_clipping(CLIP_SIGMA, CLIP_SIGMA, func=np.ma.median, dev_func=_spread)
        image[part] = combiner.average_combine().data
        errors.append(_error(strips))
    return Master(image, float(np.median(errors)), [frame.name for frame in frames])


def _spread(data, axis=0):
    """Return the robust scatter of one pixel over the frames, the same for its neighbourhood where frames are few."""
    each = mad_std(np.ma.filled(data.astype(float), np.nan), axis=axis, ignore_nan=True)
    return np.maximum(each, np.nanmedian(each))


def _error(strips):
    """Return the typical error of the mean of one pixel."""
    if len(strips) < 2:
        return np.nan
    sample = np.array([strip[::SAMPLE, ::SAMPLE] for strip in strips])
    return float(np.nanmedian(np.nanstd(sample, axis=0, ddof=1)) / np.sqrt(len(strips)))
