"""What a period is sought in: magnitudes in sessions, each with the prior of its offset."""

from dataclasses import dataclass, field

import numpy as np

FREE_MAG = 30.0  # sigma of an offset that nothing is known of
SLOPE_SIGMA = 0.015  # mag/deg, by which bodies differ from the phase function that is taken out beforehand
SLOPE_FROM_DEG = 0.3  # phase angles that differ by less do not tell


@dataclass
class Measurements:
    """Magnitudes of one body; arrays of shape (n,), `offset_sigma` of shape (n_sessions,).

    t_d : when the light left the body, days after the date of zero phase;  mag : reduced to 1 au, without the mean of
        its band and the expected effect of the phase angle;  err : by which repeated measurements scatter, mag
    session, band : numbers from 0;  phase_deg : phase angle, NaN where unknown
    offset_sigma : prior of the offset of each session, mag
    """

    t_d: np.ndarray
    mag: np.ndarray
    err: np.ndarray
    session: np.ndarray
    band: np.ndarray
    phase_deg: np.ndarray
    offset_sigma: np.ndarray
    nuisance: np.ndarray = field(init=False)  # shape (n, n_nuisance)
    precision: np.ndarray = field(init=False)  # of their priors

    def __post_init__(self):
        self.nuisance, self.precision = _nuisance(self)

    def __len__(self):
        return len(self.t_d)

    @property
    def span_d(self) -> float:
        """Time between the first and the last point."""
        return float(np.ptp(self.t_d))

    @property
    def cadence_d(self) -> float:
        """Typical time between two points of a session."""
        nights = [np.sort(self.t_d[self.session == each]) for each in np.unique(self.session)]
        steps = np.concatenate([np.diff(night) for night in nights])
        steps = steps[steps > 0]
        return float(np.median(steps)) if steps.size else self.span_d

    def changed(self, **values):
        """Return the same points with other magnitudes, or errors."""
        names = ("t_d", "mag", "err", "session", "band", "phase_deg", "offset_sigma")
        return Measurements(**{name: getattr(self, name) for name in names} | values)

    def with_mag(self, mag):
        """Return the same points with other magnitudes."""
        return self.changed(mag=mag)

    def without(self, left_out):
        """Return the same points, some of which (bool, shape (n,)) do not count any more: their errors are endless."""
        return self.changed(err=np.where(left_out, FREE_MAG, self.err))

    def part(self, chosen):
        """Return some of the points (bool, shape (n,)); sessions and bands keep their numbers."""
        names = ("t_d", "mag", "err", "session", "band", "phase_deg")
        return Measurements(**{name: getattr(self, name)[chosen] for name in names}, offset_sigma=self.offset_sigma)


def _nuisance(points):
    """Return (columns, precision) of all that shifts magnitudes beside the rotation: bands, sessions, phase angle."""
    bands = [points.band == each for each in range(int(points.band.max(initial=-1)) + 1)]
    sessions = [points.session == each for each in range(len(points.offset_sigma))]
    columns = [np.asarray(each, dtype=float) for each in (*bands, *sessions)]
    precision = [FREE_MAG**-2] * len(bands) + list(1 / np.square(points.offset_sigma))
    if np.isfinite(points.phase_deg).all() and len(points) and np.ptp(points.phase_deg) > SLOPE_FROM_DEG:
        columns.append(points.phase_deg - points.phase_deg.mean())
        precision.append(SLOPE_SIGMA**-2)
    return np.array(columns).T, np.array(precision)
