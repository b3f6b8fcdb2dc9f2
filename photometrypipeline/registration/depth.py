"""How deep frames are, before their sources are measured: how many peaks stand out of the noise, by a piece of each."""

import numpy as np
from scipy.ndimage import maximum_filter, uniform_filter

from photometrypipeline.base.attempts import attempt
from photometrypipeline.base.errors import PipelineError
from photometrypipeline.base.scatter import SIGMA_PER_MAD
from photometrypipeline.frames import fitsbytes

SIDE_PX = 1024  # of the piece in the middle
SKY_PX, PEAK_PX, SMOOTH_PX = 65, 5, 3
PEAK_SIGMA = 5.0  # of smoothed pixels
FEWEST_PEAKS = 10  # fewer tell no density: as many are taken to be there


def peaks_per_deg2(frames: list) -> float:
    """Return how many peaks a square degree has on some of the Frames, of several the most; inf if none tells."""
    chosen = [frames[k] for k in sorted({0, len(frames) // 2, len(frames) - 1})] if frames else []
    found = [each for each in (attempt(_of_frame, frame) for frame in chosen) if not isinstance(each, PipelineError)]
    return max(found, default=np.inf)


def _of_frame(frame) -> float:
    scale_deg = frame.number("SECPIXX") / 3600
    stored = fitsbytes.pixels(frame.path)
    top, left = (max(0, (length - SIDE_PX) // 2) for length in stored.shape)
    image = fitsbytes.scaled(stored[top : top + SIDE_PX, left : left + SIDE_PX], frame.header)
    return max(_peaks(image), FEWEST_PEAKS) / (image.size * scale_deg**2)


def _peaks(image: np.ndarray) -> int:
    """Return the number of peaks of an image, NaN where it has no value."""
    good = np.isfinite(image)
    image = np.where(good, image, np.median(image[good]) if good.any() else 0.0)
    smooth = uniform_filter(image, SMOOTH_PX) - uniform_filter(image, SKY_PX)
    middle = np.median(smooth)
    sigma = SIGMA_PER_MAD * np.median(np.abs(smooth - middle))
    highest = (smooth == maximum_filter(smooth, PEAK_PX)) & (smooth - middle > PEAK_SIGMA * sigma)
    return int(highest.sum()) if sigma > 0 else 0
