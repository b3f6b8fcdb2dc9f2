"""How well each period explains the magnitudes: the evidence of Fourier series of all orders, offsets marginalised.

For one frequency the model is linear: coefficients of the series, and the nuisances of Measurements, all with normal
priors.  The sums over the points that its normal equations need are Fourier transforms of points at uneven times, which
FINUFFT makes for all frequencies at once; one Cholesky decomposition then has the evidence of all orders, since a lower
order is its leading part.
"""

from dataclasses import dataclass

import finufft
import numpy as np
from scipy.special import logsumexp

HIGHEST_ORDER = 10
LONG_GRID, FEW_HARMONICS = 20_000, 5  # frequencies; with more of them fewer harmonics are tried at first
OVERSAMPLING = 20  # steps of the grid per 1/span
PRECISION = 1e-11  # of the transforms
CHUNK = 4000  # frequencies at a time
SCALES_MAG = (0.03, 0.12, 0.5)  # of the coefficients of the second harmonic: faint variation to the largest
# of the others, in units of the second: asteroids have two maxima in a rotation, mostly
SHARES = np.array([0.5, 1, 0.4, 0.4, 0.2, 0.2, 0.12, 0.12, 0.08, 0.08])


@dataclass
class Evidence:
    """Of each frequency (1/d, shape (n,)) the natural logarithm of its evidence, relative to no variation at all.

    full : all harmonics;  even : even harmonics alone, as of a body whose two sides look the same
    scale : by which the errors of the points are taken to be too small
    """

    frequency: np.ndarray
    full: np.ndarray
    even: np.ndarray
    scale: float = 1.0

    @property
    def total(self):
        """Evidence of a frequency, both kinds of series being as likely beforehand."""
        return np.logaddexp(self.full, self.even) - np.log(2)


class Projection:
    """The points with nuisances marginalised: weights, and what is left of magnitudes and of weights."""

    def __init__(self, points, scale=1.0):
        self.t_d = points.t_d
        self.weight = (scale * points.err) ** -2.0
        weighted = points.nuisance * self.weight[:, None]
        normal = points.nuisance.T @ weighted + np.diag(points.precision)
        self.shared = weighted @ np.linalg.cholesky(np.linalg.inv(normal))  # shape (n, n_nuisance)
        self.residual = self.weight * points.mag - self.shared @ (self.shared.T @ points.mag)
        self.chi2 = float(points.mag @ self.residual)  # without variation


def over_grid(points, lowest, highest, scale=1.0):
    """Return the Evidence of `points` at frequencies between two (1/d), in steps of 1/(20 span).

    scale : by which the errors of the points are too small
    A long grid is searched with fewer harmonics: it finds the maxima that are then looked at with all of them.
    """
    step = 1 / (OVERSAMPLING * points.span_d)
    first, last = max(1, int(np.floor(lowest / step))), int(np.ceil(highest / step))
    lone = Projection(points, scale)
    every = np.arange(first, last + 1)
    order = HIGHEST_ORDER if len(every) <= LONG_GRID else FEW_HARMONICS
    full = of_steps(lone, step, first, last - first + 1, order)
    above = of_steps(lone, step, last + 1, last, order)  # the even series needs twice the frequency
    even = np.concatenate([full, above])[2 * every - first]
    return Evidence(every * step, *(_over_orders(each) for each in (full, even[:, : max(1, order // 2)])), scale)


def around(points, frequency, half_width, n, scale=1.0, order=HIGHEST_ORDER):
    """Return the Evidence at `n` frequencies within half_width of one, all in 1/d."""
    return at(points, np.linspace(frequency - half_width, frequency + half_width, n), scale, order)


def at(points, frequencies, scale=1.0, order=HIGHEST_ORDER):
    """Return the Evidence at a few frequencies (1/d)."""
    lone = Projection(points, scale)
    full, even = (of_frequencies(lone, factor * frequencies, order) for factor in (1, 2))
    return Evidence(frequencies, *(_over_orders(each) for each in (full, even[:, : max(1, order // 2)])), scale)


def _over_orders(evidence):
    return logsumexp(evidence, axis=1) - np.log(evidence.shape[1])


def of_steps(lone, step, first, n, order):
    """Return ln evidence, shape (n, order), at frequencies (first ... first + n - 1) * step."""
    parts = []
    for begin in range(first, first + n, CHUNK):
        count = min(CHUNK, first + n - begin)
        parts.append(_solved(lone, _sums(lone, step, begin, count, order)))
    return np.concatenate(parts)


def of_frequencies(lone, frequencies, order):
    """Return ln evidence, shape (n, order), at a few frequencies (1/d), by plain sums."""
    once = np.exp(2j * np.pi * np.outer(frequencies, lone.t_d))
    turned = [np.ones_like(once)]
    for _ in range(2 * order):
        turned.append(turned[-1] * once)
    weights = np.array([each @ lone.weight for each in turned])
    rest = np.array([each @ np.column_stack([lone.residual, lone.shared]) for each in turned[1 : order + 1]])
    return _solved(lone, (weights, rest.transpose(0, 2, 1)))


def _sums(lone, step, first, n, order):
    """Return sums over the points times exp(2 pi i k f t): of the weights, k = 0 ... 2 order, shape (2 order + 1, n);

    of residuals and shared columns, k = 1 ... order, shape (order, 1 + n_nuisance, n).
    """
    columns = np.column_stack([lone.residual, lone.shared]).T
    weights = [np.full(n, lone.weight.sum(), dtype=complex)]
    rest = []
    for k in range(1, 2 * order + 1):
        given = np.vstack([lone.weight, columns]) if k <= order else lone.weight[None]
        found = _transform(2 * np.pi * k * step * lone.t_d, given, first, n)
        weights.append(found[0])
        if k <= order:
            rest.append(found[1:])
    return np.array(weights), np.array(rest)


def _transform(x, values, first, n):
    """Return sums of values (shape (m, n_points)) times exp(i j x), j = first ... first + n - 1, shape (m, n)."""
    turned = values * np.exp(1j * (first + n // 2) * x)
    return finufft.nufft1d1(
        np.mod(x, 2 * np.pi), np.ascontiguousarray(turned), n, isign=1, eps=PRECISION, nthreads=1
    ).reshape(len(values), n)


def normal_equations(weights, rest):
    """Return (matrix, shape (n, 2 order, 2 order), right side, shape (n, 2 order)) of cos and sin of each harmonic."""
    order, n = len(rest), weights.shape[1]
    matrix = np.empty((n, 2 * order, 2 * order))
    for k in range(1, order + 1):
        for m in range(1, order + 1):
            plus, minus = weights[k + m], weights[abs(k - m)]
            matrix[:, 2 * k - 2, 2 * m - 2] = (minus.real + plus.real) / 2
            matrix[:, 2 * k - 1, 2 * m - 1] = (minus.real - plus.real) / 2
            matrix[:, 2 * k - 2, 2 * m - 1] = (plus.imag + np.sign(m - k) * minus.imag) / 2
            matrix[:, 2 * m - 1, 2 * k - 2] = matrix[:, 2 * k - 2, 2 * m - 1]
    both = np.stack([rest.real, rest.imag], axis=1).reshape(2 * order, rest.shape[1], n)
    shared = both[:, 1:].transpose(2, 0, 1)
    matrix -= shared @ shared.transpose(0, 2, 1)
    return matrix, both[:, 0].T


def precision_of(order, scale_mag):
    """Return the precision of the prior (1/mag^2, shape (2 order,)) of the coefficients."""
    return np.repeat((scale_mag * SHARES[:order]) ** -2.0, 2)


def _forward(root, right):
    """Return the solutions of many small lower triangular systems, shape (n, m), all at once."""
    solved = np.empty_like(right)
    for row in range(right.shape[1]):
        solved[:, row] = right[:, row] - np.einsum("ij,ij->i", root[:, row, :row], solved[:, :row])
        solved[:, row] /= root[:, row, row]
    return solved


def _solved(lone, sums):
    matrix, right = normal_equations(*sums)
    order = right.shape[1] // 2
    found = []
    for scale in SCALES_MAG:
        prior = precision_of(order, scale)
        root = np.linalg.cholesky(matrix + np.diag(prior))
        solved = _forward(root, right) ** 2
        lost = 2 * np.log(np.diagonal(root, axis1=1, axis2=2)) - np.log(prior)
        found.append(np.cumsum((solved - lost) / 2, axis=1)[:, 1::2])
    return logsumexp(found, axis=0) - np.log(len(SCALES_MAG))
