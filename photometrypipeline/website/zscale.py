"""The range of brightness in which a picture is shown, as IRAF and ds9 find it (`zscale`).

As astropy.visualization.ZScaleInterval has it, whose import brings all of matplotlib along: a third of a second in each
process that draws.
"""

import numpy as np

MOST_SAMPLES = 1000
CONTRAST = 0.25
LEAST_KEPT = 0.5  # of the samples
FEWEST = 5
KREJ = 2.5  # sigma
ROUNDS = 5


def limits(values):
    """Return (low, high) of finite `values`, ndarray of any shape; raises IndexError for none.

    A line is fitted to the sorted values, those that deviate are left out, and the line, made steeper by 1 / CONTRAST,
    tells the range.
    """
    values = values.ravel()
    samples = np.sort(values[:: max(1, values.size // MOST_SAMPLES)][:MOST_SAMPLES])
    number = samples.size
    low, high = samples[0], samples[-1]
    least = max(FEWEST, int(number * LEAST_KEPT))
    x, kept, kernel = np.arange(number), np.ones(number, dtype=bool), np.ones(max(1, int(number * 0.01)), dtype=bool)
    good, before, fit = number, number + 1, None
    for _ in range(ROUNDS):
        if good >= before or good < least:
            break
        fit = np.polyfit(x, samples, deg=1, w=kept.astype(int))
        flat = samples - np.polyval(fit, x)
        threshold = KREJ * flat[kept].std()
        bad = ~kept | (flat < -threshold) | (flat > threshold)
        kept = ~np.convolve(bad, kernel, mode="same")
        before, good = good, int(kept.sum())
    if good >= least and fit is not None:
        slope, middle, median = fit[0] / CONTRAST, (number - 1) // 2, np.median(samples)
        low, high = max(low, median - (middle - 1) * slope), min(high, median + (number - middle) * slope)
    return float(low), float(high)
