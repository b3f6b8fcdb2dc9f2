"""Errors of period and amplitude from the residuals as they are: blocks of them, drawn again and again."""

from dataclasses import dataclass

import numpy as np

from photometrypipeline.periods import noise
from photometrypipeline.periods.fourier import GRID, harmonics

DRAWS = 2000
SHORTEST_BLOCK = 4  # points
SEED = 20250101  # the same data give the same errors


@dataclass
class Errors:
    """Standard errors: of the frequency (1/d), the amplitude (mag) and the curve (mag, shape (GRID,))."""

    frequency: float
    amplitude: float
    curve: np.ndarray


def errors_of(points, series, length, inflation=1.0):
    """Return the Errors of a refined Series; `length`: number of neighbouring residuals that hang together.

    inflation : by which factor means of residuals scatter more than independent ones

    Residuals are freed of what the fit took from them (leverage), cut into blocks longer than they hang together, and
    put in place of others of their session with a random sign; the offsets of sessions are drawn from their priors.
    What that does to the parameters follows from the influence of each point.
    After Kuensch (1989, Ann. Statist. 17, 1217), and Wu (1986, Ann. Statist. 14, 1261) for the signs.
    """
    rng = np.random.default_rng(SEED)
    freed = series.residual / np.sqrt(np.maximum(1 - series.leverage, 0.1))
    freed = freed * noise.lost_in_fit(points, series, inflation)
    drawn = np.zeros((DRAWS, len(points)))
    for each in np.unique(points.session):
        own = np.flatnonzero(points.session == each)
        drawn[:, own] = _blocks(rng, freed[own] / points.err[own], length) * points.err[own]
    n = len(points)
    spread = np.where(_precision(series, points) > 0, _precision(series, points), np.inf) ** -0.5
    priors = rng.standard_normal((DRAWS, len(spread))) * spread
    changes = np.hstack([drawn, priors]) @ series.influence[:, : n + len(spread)].T
    curves = changes[:, 1:] @ harmonics(np.arange(GRID) / GRID, series.order).T
    curve = series.curve
    amplitude = curves[:, curve.argmax()] - curves[:, curve.argmin()]
    return Errors(float(changes[:, 0].std()), float(amplitude.std()), curves.std(axis=0))


def _precision(series, points):
    """Return the precision of the priors that are data, those of the offsets; coefficients keep theirs."""
    n = series.influence.shape[1] - len(points)
    own = np.zeros(n)
    own[n - len(points.precision) :] = points.precision
    return own


def _blocks(rng, values, length):
    """Return draws (shape (DRAWS, n)) of residuals: blocks of them from anywhere in the session, signs at random."""
    n = len(values)
    size = int(min(max(SHORTEST_BLOCK, length), max(1, n // 2)))
    n_blocks = -(-n // size)
    begins = rng.integers(0, n, size=(DRAWS, n_blocks))
    signs = rng.choice([-1.0, 1.0], size=(DRAWS, n_blocks))
    index = (begins[:, :, None] + np.arange(size)) % n
    return (values[index] * signs[:, :, None]).reshape(DRAWS, -1)[:, :n]
