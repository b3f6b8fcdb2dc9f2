"""The mean of a light curve.

Magnitudes of faint light have a skewed distribution: their mean is too faint, by 0.05 mag at five times the noise and
0.25 at twice, and where only frames count on which there was enough light it is too bright.  Fluxes have neither: the
mean of a faint target is that of its light on all frames, those without a detection included.
"""

import math
import statistics
from dataclasses import dataclass

from photometrypipeline.frames.rows import NOT_DETECTED

FAINT_MAG = 0.1  # error of a magnitude from which on fluxes are averaged
WEAK_SIGMA = 3.0  # light below that many times its noise is no detection by itself
PER_RELATIVE_FLUX = 2.5 / math.log(10)  # Pogson
WEAK_MAG = PER_RELATIVE_FLUX / WEAK_SIGMA  # error of a magnitude with such light


@dataclass(frozen=True)
class Mean:
    """Mean magnitude of the rows that count and the standard deviation of one, mag; None for what cannot be told.

    n : rows that count;  n_weak : of them, with light below WEAK_SIGMA;  n_unseen : frames without a detection whose
    light is in the mean;  by_flux : whether light was averaged
    """

    mag: float | None
    scatter: float | None
    n: int
    n_weak: int = 0
    n_unseen: int = 0
    by_flux: bool = False

    def told(self):
        """Return what is to be said of faint light (str), "" without any."""
        parts = [f"{self.n_weak} below {WEAK_SIGMA:.0f} sigma"] if self.n_weak else []
        parts += [f"{self.n_unseen} without a detection"] if self.n_unseen else []
        return f"mean of the light, {', '.join(parts)}" if parts else ""


def of_rows(rows):
    """Return the Mean of the Rows of a light curve, those without a detection among them."""
    counting = [row for row in rows if row.detected and row.accepted and _finite(row.mag)]
    magnitudes = [row.mag for row in counting]
    scatter = statistics.stdev(magnitudes) if len(magnitudes) > 1 else None
    if not magnitudes:
        return Mean(None, None, 0)
    errors = [_error(row) for row in counting]
    if not any(error > FAINT_MAG for error in errors) or not all(error > 0 for error in errors):
        return Mean(statistics.fmean(magnitudes), scatter, len(counting))
    middle = statistics.median(magnitudes)
    seen = [_light(mag, error, middle) for mag, error in zip(magnitudes, errors, strict=True)]
    unseen = [found for found in (_forced(row, middle) for row in rows) if found]
    flux = sum(light / sigma**2 for light, sigma in seen + unseen) / sum(1 / sigma**2 for _, sigma in seen + unseen)
    if not flux > 0:
        return Mean(statistics.fmean(magnitudes), scatter, len(counting))
    weak = sum(light < WEAK_SIGMA * sigma for light, sigma in seen)
    return Mean(middle - 2.5 * math.log10(flux), scatter, len(counting), weak, len(unseen), True)


def _error(row):
    """Return the error (mag) that a magnitude repeats by, 0 where it is unknown."""
    return row.err_repeat if _finite(row.err_repeat) else 0.0


def _light(mag, error, middle):
    """Return (light, its noise) of a magnitude, in units of that of magnitude `middle`."""
    light = 10 ** (-0.4 * (mag - middle))
    return light, light * error / PER_RELATIVE_FLUX


def _forced(row, middle):
    """Return (light, its noise) at the place of a target that was not detected, None where that says nothing of it."""
    if row.status != NOT_DETECTED or not all(map(_finite, (row.forced_flux, row.forced_err, row.mag_limit))):
        return None
    if not row.forced_err > 0 or (_finite(row.others_flux) and abs(row.others_flux) > row.forced_err):
        return None
    unit = 10 ** (-0.4 * (row.mag_limit - row.inst_limit - middle))
    return row.forced_flux * unit, row.forced_err * unit


def _finite(value):
    return value is not None and math.isfinite(value)
