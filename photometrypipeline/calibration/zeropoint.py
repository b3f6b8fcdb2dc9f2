"""The photometric zeropoint of a frame, from the stars that it has in common with a reference catalogue."""

from dataclasses import dataclass

import numpy as np
from astropy.stats import mad_std

from photometrypipeline.base.errors import TooFewStars

MIN_STARS = 3
LEAST_REFERENCE_ERROR = 0.01  # mag
N_DRAWS = 128  # simulated fields for the error of the mean; it is then good to 6 %


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


def fit_zeropoint(difference, variance, minstars=0.5, weighted_ranking=True, reject=True, enough=None):
    """Return the Zeropoint of one frame, the most deviant stars dropped until the reduced chi squared is least.

    difference : ndarray, shape (n_stars,), mag; catalogue minus instrumental magnitude
    variance : ndarray, shape (n_stars,), mag^2; sum of the squared 1-sigma errors of both
    minstars : stars to keep, a number (int), or a fraction of n_stars (float up to 1)
    weighted_ranking : rank by residual over error (the documentation); False: by the residual alone (the last code)
    reject : False keeps all stars;  enough : number of stars that is enough whatever `minstars` says, None without one
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
        else [_solve(difference, variance, np.arange(n_stars))]
    )
    is_fraction = minstars < 1 or (isinstance(minstars, float) and minstars == 1)
    n_min = min(int(minstars * n_stars) if is_fraction else int(minstars), enough or n_stars)
    chosen = int(np.argmin([step.chi2 for step in steps]))
    while chosen > 0 and steps[chosen].n_used < n_min:
        chosen -= 1
    return Zeropoint(tuple(steps), chosen, mean_error(difference, variance, steps[chosen], weighted_ranking))


def _reject_stepwise(difference, variance, weighted_ranking):
    left, steps = np.arange(difference.size), []
    while left.size >= MIN_STARS:
        steps.append(_solve(difference, variance, left))
        deviation = np.abs(difference[left] - steps[-1].zp) / (np.sqrt(variance[left]) if weighted_ranking else 1.0)
        order = np.argsort(-deviation, kind="stable")
        left = np.sort(left[order[max(1, left.size // 50) :]])
    return steps


def _solve(difference, variance, left):
    """Return the Step with the stars `left` (indices)."""
    used = np.zeros(difference.size, dtype=bool)
    used[left] = True
    difference, variance = difference[left], variance[left]
    weight = 1 / variance
    zp = np.average(difference, weights=weight)
    residual2 = (difference - zp) ** 2
    chi2 = np.sum(residual2 * weight) / (left.size - 1)
    sig = np.sqrt(np.average(residual2, weights=weight) + variance.mean())
    return Step(float(zp), float(sig), float(chi2), used)


def mean_error(difference, variance, step, weighted_ranking=True):
    """Return the error of the mean zeropoint (mag): how much the same fit scatters over many fields like this one.

    The stars' errors count, or their scatter where that is larger; all stars within 3 sigma have a say in it, since
    those that survived the rejection agree too well.  Keeping the half that agrees best is a poor estimator of a mean:
    with normal errors it scatters 1.6 times as much as the weighted mean of the stars that are kept.  How much, is
    found by letting the fit loose on simulated stars (parametric bootstrap, Efron & Tibshirani 1993, chapter 6).
    """
    residual = difference - step.zp
    sound = np.abs(residual) < 3 * np.maximum(np.sqrt(variance), mad_std(residual))
    scaled = np.sum(residual[sound] ** 2 / variance[sound]) / max(sound.sum() - 1, 1)
    sound_variance = variance[sound] * max(scaled, 1.0)
    if step.n_used >= sound.sum():
        return float(np.sqrt(max(scaled, 1.0) / np.sum(1 / variance[step.used])))
    n_draws = max(32, N_DRAWS * 200 // max(200, sound_variance.size))  # fewer where each takes longer
    draws = np.random.default_rng(0).normal(size=(n_draws, sound_variance.size)) * np.sqrt(sound_variance)
    return float(np.std(_trimmed_means(draws, sound_variance, step.n_used, weighted_ranking)))


def _trimmed_means(draws, variance, n_keep, weighted_ranking):
    """Return the zeropoints, shape (n_draws,), of simulated fields whose most deviant stars are dropped in steps."""
    weight = np.tile(1 / variance, (len(draws), 1))  # 0 for what is dropped, as `rank`
    rank = np.sqrt(weight) if weighted_ranking else np.ones_like(weight)
    count = draws.shape[1]
    while True:
        zp = np.einsum("ij,ij->i", draws, weight) / weight.sum(axis=1)
        if count <= n_keep:
            return zp
        number = min(max(1, count // 50), count - n_keep)
        deviation = np.abs(draws - zp[:, None]) * rank
        worst = deviation >= np.partition(deviation, -number, axis=1)[:, -number, None]
        weight[worst] = rank[worst] = 0.0
        count -= number
        kept = weight > 0
        if 2 * count < kept.shape[1] and (kept.sum(axis=1) == count).all():
            draws, weight, rank = (values[kept].reshape(-1, count) for values in (draws, weight, rank))
