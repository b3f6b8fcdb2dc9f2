"""Signs of a second period in what the rotation leaves: eclipses and rotation of a satellite, or tumbling."""

from dataclasses import dataclass

import nifty_ls  # noqa: F401  gives LombScargle the method fastnifty
import numpy as np
from astropy.timeseries import LombScargle

from photometrypipeline.periods.measurements import FREE_MAG

SHUFFLES = 100
SIGNIFICANT = 0.01
OVERSAMPLING = 8
MULTIPLES = 0.02  # relative: so near to a multiple or a part of the rotation the residuals are its own
HIGHEST_MULTIPLE = 12
SEED = 20250102


@dataclass
class Second:
    """The periodogram of the residuals: `frequency` (1/d), `power` (0 to 1), and its highest peak.

    level : power that residuals without a period exceed in one of a hundred cases, their order in time kept in blocks
    """

    frequency: np.ndarray
    power: np.ndarray
    level: float
    period_h: float
    amplitude_mag: float
    significant: bool


def second_period(points, series, limits_h):
    """Return the Second of the residuals of a Series; None where there are too few points."""
    low_h, high_h = min(limits_h), min(max(limits_h), 24 * points.span_d)
    n = int(np.ceil((24 / low_h - 24 / high_h) * points.span_d * OVERSAMPLING))
    if n < 10 or len(points) < 30:
        return None
    frequency = 24 / high_h + np.arange(n) / (OVERSAMPLING * points.span_d)
    residual = series.residual / np.sqrt(np.maximum(1 - series.leverage, 0.1))
    residual = np.where(points.err < FREE_MAG, residual, 0.0)
    spectrum = _power(points, residual, frequency)
    rng = np.random.default_rng(SEED)
    highest = [_power(points, _shuffled(points, residual, rng), frequency).max() for _ in range(SHUFFLES)]
    level = float(np.quantile(highest, 1 - SIGNIFICANT))
    place = int(np.argmax(np.where(_own(frequency, series.frequency, points.span_d), 0, spectrum)))
    model = LombScargle(points.t_d, residual, points.err)
    theta = model.model_parameters(frequency[place])
    amplitude = 2 * float(np.hypot(*theta[1:3]))
    significant = bool(spectrum[place] > level)
    return Second(frequency, spectrum, level, 24 / frequency[place], amplitude, significant)


def _power(points, residual, frequency):
    grid = {"assume_regular_frequency": True, "method": "fastnifty"}
    return LombScargle(points.t_d, residual, points.err).power(frequency, **grid)


def _own(frequency, rotation, span_d):
    """Return which frequencies are multiples of that of the rotation, or parts of it."""
    found = np.zeros(len(frequency), dtype=bool)
    for multiple in [0.5, *range(1, HIGHEST_MULTIPLE + 1)]:
        found |= np.abs(frequency - multiple * rotation) < max(MULTIPLES * rotation, 0.5 / span_d)
    return found


def _shuffled(points, residual, rng):
    """Return the residuals with blocks of each session in another place."""
    mixed = np.empty_like(residual)
    for each in np.unique(points.session):
        own = np.flatnonzero(points.session == each)
        size = max(3, len(own) // 12)
        begins = rng.integers(0, len(own), size=-(-len(own) // size))
        signs = rng.choice([-1.0, 1.0], size=len(begins))
        index = (begins[:, None] + np.arange(size)) % len(own)
        mixed[own] = (residual[own][index] * signs[:, None]).ravel()[: len(own)]
    return mixed
