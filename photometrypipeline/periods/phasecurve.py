"""Phase curves: absolute magnitude and slope, fitted together with the rotation."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from photometrypipeline.periods import fourier, phasefunctions
from photometrypipeline.periods.evidence import precision_of

DEFAULT_G = 0.15
STEP = 1e-4  # for derivatives
KNOWN_TO = 0.5  # sigma of a parameter above which it is not called measured


@dataclass(frozen=True)
class Model:
    """A phase function: names of its parameters, where to begin, their limits, and which phase angles it needs."""

    name: str
    parameters: tuple
    start: tuple
    limits: tuple  # ((low, high), ...)
    range_deg: float
    nights: int
    smallest_deg: float = 180.0


MODELS = (
    Model("HG", ("G",), (DEFAULT_G,), ((-0.3, 0.8),), 4.0, 2),
    Model("HG12", ("G12",), (0.5,), ((-0.2, 1.2),), 4.0, 2),
    Model("HG1G2", ("G1", "G2"), (0.4, 0.3), ((0.0, 1.0), (0.0, 1.0)), 12.0, 4, 8.0),
)


@dataclass
class PhaseCurve:
    """A fitted phase curve: {parameter: (value, sigma)}, H first; `chi2`; `fixed`: whether the slope was assumed."""

    model: str
    band: str
    values: dict
    chi2: float
    fixed: bool = False

    def at(self, phase_deg):
        """Return magnitudes at 1 au at phase angles (deg)."""
        slopes = [value for name, (value, _) in self.values.items() if name != "H"]
        return self.values["H"][0] + phasefunctions.evaluate(self.model, phase_deg, slopes)


def fit(joined, solution):
    """Return the PhaseCurves (list) that the phase angles of a sessions.Joined allow; [] where they are unknown.

    Rotation and offsets of nights are those of the Solution, fitted anew together with each curve.  H is that of the
    first band, in the mean over a rotation.
    """
    points = joined.points
    if not np.isfinite(points.phase_deg).all() or (points.offset_sigma > 1).all():
        return []
    nights = len({int(each) for each in np.floor(points.t_d)})
    span, least = np.ptp(points.phase_deg), points.phase_deg.min()
    allowed = [
        each for each in MODELS if span >= each.range_deg and nights >= each.nights and least <= each.smallest_deg
    ]
    found = [_fitted(joined, solution, each) for each in allowed]
    return found or [_fitted(joined, solution, MODELS[0], fixed=True)]


def _fitted(joined, solution, model, fixed=False):
    points, mag = joined.points, joined.mag
    turning = solution.series.frequency if solution.series is not None else None
    rows, roots = _linear(points, turning, solution)
    base = np.concatenate([mag, np.zeros(len(roots))])
    weight = np.concatenate([1 / (solution.scale * solution.inflation * points.err), roots])

    def target(parameters):
        faded = phasefunctions.evaluate(model.name, points.phase_deg, parameters)
        return (base - np.concatenate([faded, np.zeros(len(roots))])) * weight

    design = rows * weight[:, None]
    solver = np.linalg.pinv(design)

    def left(parameters):
        wanted = target(parameters)
        return wanted - design @ (solver @ wanted)

    parameters = np.array([joined.slope] if fixed else model.start)
    if not fixed:
        parameters = least_squares(left, parameters, bounds=np.transpose(model.limits), diff_step=STEP).x
    values = solver @ target(parameters)
    sigma = _sigma(design, target, parameters, fixed)
    first = rows.shape[1] - int(points.band.max()) - 1 - len(points.offset_sigma)  # the band behind the harmonics
    result = {"H": (float(values[first]), float(sigma[first]))}
    names = ("G",) if fixed else model.parameters
    errors = [np.nan] if fixed else sigma[-len(parameters) :]
    result |= {name: (float(value), float(err)) for name, value, err in zip(names, parameters, errors, strict=True)}
    return PhaseCurve(model.name, joined.bands[0], result, float(np.sum(left(parameters) ** 2)), fixed)


def _linear(points, turning, solution):
    """Return (rows, roots): the linear model with a row for each prior, and the root of its precision.

    The nuisance of the phase angle is left out, the curve takes its place.
    """
    n_kept = int(points.band.max()) + 1 + len(points.offset_sigma)
    columns, precision = points.nuisance[:, :n_kept], points.precision[:n_kept]
    if turning is not None:
        order = solution.series.order
        columns = np.hstack([fourier.harmonics(points.t_d * turning, order), columns])
        precision = np.concatenate([precision_of(order, fourier.scale_of(points)), precision])
    return np.vstack([columns, np.eye(columns.shape[1])]), np.sqrt(precision)


def _sigma(design, target, parameters, fixed):
    """Return the errors of all linear parameters, and behind them of those of the curve."""
    if not fixed:
        here = target(parameters)
        steps = np.eye(len(parameters)) * STEP
        slopes = [-(target(parameters + step) - here) / STEP for step in steps]
        design = np.column_stack([design, *slopes])
    return np.sqrt(np.diag(np.linalg.pinv(design.T @ design)))
