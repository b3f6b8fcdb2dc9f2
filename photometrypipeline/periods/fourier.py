"""A Fourier series at one period, fitted together with the offsets of the sessions."""

from dataclasses import dataclass

import numpy as np

from photometrypipeline.periods.evidence import precision_of

GRID = 720  # phases at which a curve is looked at
ROUNDS = 8  # of Gauss and Newton
CONVERGED = 1e-4  # of the error of the frequency


@dataclass
class Series:
    """A fitted series: `frequency` 1/d, `coefficients` (mag, shape (2 order,)) of cos and sin of each harmonic,

    `offsets` (mag) of the nuisances of Measurements, `chi2`, `n_free` effective number of parameters,
    `residual` (mag, shape (n,)), `hat` (shape (n, n_parameters)) such that hat @ hat.T is the hat matrix,
    `influence` (shape (2 order + 1, n + n_parameters)): what a change of each magnitude, and of each prior, does to
    frequency and coefficients.
    """

    frequency: float
    coefficients: np.ndarray
    offsets: np.ndarray
    chi2: float
    n_free: float
    residual: np.ndarray
    hat: np.ndarray
    influence: np.ndarray | None = None

    @property
    def order(self) -> int:
        """Number of harmonics."""
        return len(self.coefficients) // 2

    @property
    def leverage(self):
        """How far each point draws the fit to itself, 0 to 1, shape (n,)."""
        return np.sum(self.hat**2, axis=1)

    @property
    def period_h(self) -> float:
        """Period in hours."""
        return 24 / self.frequency

    def at(self, phase):
        """Return the series at rotation phases (0 to 1, shape (n,)), mag."""
        return harmonics(np.asarray(phase, dtype=float), self.order) @ self.coefficients

    @property
    def curve(self):
        """The series over one rotation, mag, shape (GRID,)."""
        return self.at(np.arange(GRID) / GRID)

    @property
    def amplitude(self) -> float:
        """Peak to peak, mag."""
        return float(np.ptp(self.curve))


def harmonics(turns, order):
    """Return cos and sin of 1 ... order times `turns` (rotations), shape (n, 2 order)."""
    angle = 2 * np.pi * np.outer(turns, np.arange(1, order + 1))
    return np.stack([np.cos(angle), np.sin(angle)], axis=2).reshape(len(turns), 2 * order)


def derivative(turns, coefficients):
    """Return the derivative of a series with respect to `turns`, mag per rotation."""
    order = len(coefficients) // 2
    k = 2 * np.pi * np.arange(1, order + 1)
    turned = np.column_stack([coefficients[1::2] * k, -coefficients[::2] * k]).ravel()
    return harmonics(turns, order) @ turned


def scale_of(points):
    """Return the scale of the prior of coefficients (mag): how much the magnitudes vary."""
    return max(0.02, float(np.std(points.mag - _session_means(points))) * 2, float(np.std(points.mag)))


def _session_means(points):
    sums = np.bincount(points.session, points.mag, len(points.offset_sigma))
    counts = np.bincount(points.session, minlength=len(points.offset_sigma))
    return (sums / np.maximum(counts, 1))[points.session]


def fit(points, frequency, order, scale=1.0, prior_mag=None):
    """Return the Series of best fit at a frequency (1/d).  `scale`: by which the errors of the points are too small."""
    design = np.hstack([harmonics(points.t_d * frequency, order), points.nuisance])
    precision = np.concatenate([precision_of(order, prior_mag or scale_of(points)), points.precision])
    weight = (scale * points.err) ** -2.0
    covariance = np.linalg.inv(design.T @ (design * weight[:, None]) + np.diag(precision))
    solved = covariance @ (design.T @ (weight * points.mag))
    residual = points.mag - design @ solved
    hat = (design @ np.linalg.cholesky(covariance)) * np.sqrt(weight)[:, None]
    chi2 = float(np.sum(weight * residual**2))
    coefficients, offsets = solved[: 2 * order], solved[2 * order :]
    return Series(frequency, coefficients, offsets, chi2, float(np.sum(hat**2)), residual, hat)


def refined(points, frequency, order, scale=1.0):
    """Return the Series of best fit near a frequency (1/d), with its influence."""
    prior = scale_of(points)
    for _ in range(ROUNDS):
        found = fit(points, frequency, order, scale, prior)
        found.influence, error = influence_of(points, found, scale, prior)
        step = float(found.influence[0, : len(points)] @ found.residual)
        step = float(np.clip(step, -0.05 / points.span_d, 0.05 / points.span_d))
        frequency += step
        if abs(step) < CONVERGED * error:
            break
    return found


def influence_of(points, found, scale=1.0, prior_mag=None):
    """Return (influence, formal error of the frequency) of a Series; see there."""
    slope = derivative(points.t_d * found.frequency, found.coefficients) * points.t_d
    design = np.hstack([slope[:, None], harmonics(points.t_d * found.frequency, found.order), points.nuisance])
    nothing = [1e-12]  # is known of the frequency
    precision = np.concatenate([nothing, precision_of(found.order, prior_mag or scale_of(points)), points.precision])
    weight = (scale * points.err) ** -2.0
    covariance = np.linalg.inv(design.T @ (design * weight[:, None]) + np.diag(precision))
    kept = 2 * found.order + 1
    both = np.hstack([covariance @ (design.T * weight), covariance * precision])
    return both[:kept], float(np.sqrt(covariance[0, 0]))
