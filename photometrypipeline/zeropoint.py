"""The photometric zeropoint of a frame, from the stars that it has in common with a reference catalogue."""

from dataclasses import dataclass

import numpy as np

from photometrypipeline.errors import TooFewStars

MIN_STARS = 3
MOST_STARS_TO_KEEP = 100
LEAST_REFERENCE_ERROR = 0.01  # mag


@dataclass(frozen=True)
class Step:
    """One step of the rejection: zeropoint `zp` and `sig` (mag), reduced `chi2`, `used` (bool, shape (n_stars,))."""

    zp: float
    sig: float
    chi2: float
    used: np.ndarray

    @property
    def n_used(self):
        """Number of stars left."""
        return int(self.used.sum())


@dataclass(frozen=True)
class Zeropoint:
    """The zeropoint of a frame: all `steps` of the rejection and the number `chosen` of the one that counts.

    `err` is the error of the mean zeropoint (mag), `sig` the scatter that describes one star.
    """

    steps: tuple
    chosen: int
    err: float

    @property
    def step(self):
        """The Step that counts."""
        return self.steps[self.chosen]

    @property
    def zp(self):
        """Zeropoint, mag."""
        return self.step.zp

    @property
    def sig(self):
        """Scatter and mean error joined, mag; generous for bright stars."""
        return self.step.sig


def fit_zeropoint(difference, variance, minstars=0.5, weighted_ranking=True, reject=True):
    """Return the Zeropoint of one frame, the most deviant stars dropped until the reduced chi squared is least.

    difference : ndarray, shape (n_stars,), mag; catalogue minus instrumental magnitude
    variance : ndarray, shape (n_stars,), mag^2; sum of the squared 1-sigma errors of both
    minstars : stars to keep, a number or below 1 a fraction of n_stars; never more than 100
    weighted_ranking : rank by residual over error (the documentation); False: by the residual alone (the last code)
    reject : False keeps all stars
    Raises TooFewStars below MIN_STARS.

    After Mommert (2017, A&C 18, 47).  `sig` = sqrt(weighted variance of the residuals + mean variance).
    """
    difference, variance = np.asarray(difference, dtype=float), np.asarray(variance, dtype=float)
    n_stars = difference.size
    if n_stars < MIN_STARS:
        raise TooFewStars(n_stars, MIN_STARS)
    steps = (
        _reject_stepwise(difference, variance, weighted_ranking)
        if reject
        else [_solve(difference, variance, np.ones(n_stars, bool))]
    )
    n_min = min(int(minstars * n_stars) if minstars < 1 else int(minstars), MOST_STARS_TO_KEEP)
    chosen = int(np.argmin([step.chi2 for step in steps]))
    while chosen > 0 and steps[chosen].n_used < n_min:
        chosen -= 1
    return Zeropoint(tuple(steps), chosen, mean_error(difference, variance, steps[chosen]))


def _reject_stepwise(difference, variance, weighted_ranking):
    used = np.ones(difference.size, dtype=bool)
    steps = []
    while used.sum() >= MIN_STARS:
        step = _solve(difference, variance, used.copy())
        steps.append(step)
        deviation = np.abs(difference - step.zp) / (np.sqrt(variance) if weighted_ranking else 1.0)
        order = np.argsort(np.where(used, -deviation, np.inf), kind="stable")
        used[order[: max(1, used.sum() // 50)]] = False
    return steps


def _solve(difference, variance, used):
    weight = used / variance
    zp = np.average(difference, weights=weight)
    residual2 = (difference - zp) ** 2
    chi2 = np.sum(residual2 * weight) / (used.sum() - 1)
    sig = np.sqrt(np.average(residual2, weights=weight) + variance[used].mean())
    return Step(float(zp), float(sig), float(chi2), used)


def mean_error(difference, variance, step):
    """Return the error of the mean zeropoint (mag): from the stars' errors, or from their scatter where that is larger.

    All stars within 3 sigma count for the scatter, not only those that survived the rejection: keeping the half that
    agrees best makes the scatter of what is kept smaller than it is.
    """
    sound = np.abs(difference - step.zp) < 3 * np.maximum(np.sqrt(variance), _robust_scatter(difference - step.zp))
    scaled = np.sum((difference[sound] - step.zp) ** 2 / variance[sound]) / max(sound.sum() - 1, 1)
    return float(np.sqrt(max(scaled, 1.0) / np.sum(1 / variance[step.used])))


def _robust_scatter(residual):
    return 1.4826 * np.median(np.abs(residual - np.median(residual)))
