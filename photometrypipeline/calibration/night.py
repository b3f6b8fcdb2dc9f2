"""One solution for a night: the zeropoints of all frames from all stars at once, by a robust fit.

The model of a star s on a frame f is

    m_cat,s - inst_sf = zp_f + sum_j a_j x_j,sf + d_s + e_sf

with terms x_j for the star's colour (against the target's), its place on the detector and the level of the sky around
it, the star's own constant offset d_s ~ N(0, e_cat,s^2 + s_int^2 + (share sigma_s)^2), where a share of its noise is
the same on all frames (its sky), and noise e_sf of variance sigma_sf^2 + jitter^2.
Both are Student's t with 4 degrees of freedom (Lange, Little & Taylor 1989, JASA 84, 881): a star that is variable, or
wrong in the catalogue, and a measurement that went wrong cost next to nothing.  The offsets are eliminated
analytically, which leaves normal equations of as many unknowns as frames and terms.  Stars without a catalogue
magnitude have an offset of unknown size: they tie frames to each other and say nothing of the level.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from photometrypipeline.base.errors import TooFewStars
from photometrypipeline.calibration import averaging, robust

MIN_STARS = 3  # with a catalogue magnitude in the night, and of any kind on a frame
LEAST_NOISE = 0.002  # mag, of a measurement beyond its stated error: flat field, changing images
LEAST_SCATTER = 0.001  # mag, of stars beyond their errors in the catalogue
LEAST_SCATTER_FEW = 0.005  # the same where there are so few stars that it cannot be told
LEAST_SHARE, LEAST_SHARE_FEW = 0.1, 0.4  # of a star's noise that stays the same in all frames; as LEAST_SCATTER
MANY_STARS = 30
N_ROUNDS = 40
N_SCALES = 15  # rounds in which the scales of the noise are still adapted
SETTLED = 2e-6  # mag


@dataclass(frozen=True)
class Term:
    """A column of the model: `values` broadcasts to (n_frames, n_stars).

    prior : widths (tuple) of the normal distribution of its coefficient beforehand, around 0; any of them may be right
    uneven : by which share of their noise single stars differ from the term, for a coefficient of 1
    group : of terms whose widths go together, by default that of its own
    """

    name: str
    values: np.ndarray
    prior: tuple
    uneven: float = 0.0
    group: str = ""


@dataclass
class Measurements:
    """What the frames of a night say of its stars.

    difference : catalogue minus instrumental magnitude, shape (n_frames, n_stars), NaN where a star is not measured;
        minus the instrumental magnitude for stars without one in the catalogue
    noise : 1 sigma of the instrumental magnitude, mag, same shape
    catalog_err : 1 sigma of the catalogue magnitude, shape (n_stars,), infinite for stars without one
    likeness : weight of each star for the level of the zeropoints, 0 to 1: how much its colour is like the target's
    terms : list of Term
    lasting : noise of each star, mag, shape (n_stars,), of which some share may be the same on all frames; or None
    """

    difference: np.ndarray
    noise: np.ndarray
    catalog_err: np.ndarray
    likeness: np.ndarray
    terms: list = field(default_factory=list)
    lasting: np.ndarray | None = None


@dataclass(frozen=True)
class Stars:
    """What the solution says of each star, arrays of shape (n_stars,), mag; NaN where it says nothing.

    offset : its constant offset d_s from the catalogue as measured; offset_err : noise of that mean
    scatter : of its single measurements over the night;  expected : what that should be by the noise
    influence : by how much the level of all zeropoints would change without it
    weight : 1 for a sound, quiet star with the target's colour, less for others
    n_frames : on which it is measured
    """

    offset: np.ndarray
    offset_err: np.ndarray
    scatter: np.ndarray
    expected: np.ndarray
    influence: np.ndarray
    weight: np.ndarray
    n_frames: np.ndarray


@dataclass(frozen=True)
class Night:
    """The solution of a night, mag.

    zp : of each frame, shape (n_frames,), NaN for frames that no star ties to the catalogue
    err_frame : error of zp minus the mean of all;  err_common : error of that mean
    terms : {name: (coefficient, error)};  covariance : of (mean zeropoint, *terms), shape (1 + n_terms,) * 2
    jitter, scatter : of measurements, and of stars, beyond their stated errors
    share : of the noise of its single measurements that each star keeps on all frames
    n_reference : stars with a catalogue magnitude that count;  stars : Stars
    """

    zp: np.ndarray
    err_frame: np.ndarray
    err_common: float
    terms: dict
    covariance: np.ndarray
    jitter: float
    scatter: float
    share: float
    n_reference: int
    stars: Stars

    def common_error(self, x):
        """Return the common error (mag) for terms at `x`, shape (..., n_terms): of the mean and of all coefficients."""
        row = np.concatenate([np.ones((*np.shape(x)[:-1], 1)), x], axis=-1)
        return np.sqrt(np.einsum("...i,ij,...j->...", row, self.covariance, row))


def solve(measured):
    """Return the Night of Measurements.  Raises TooFewStars."""
    tied = _tied_frames(measured)
    n_reference = int(np.isfinite(measured.difference[tied][:, np.isfinite(measured.catalog_err)]).any(axis=0).sum())
    if n_reference < MIN_STARS:
        raise TooFewStars(n_reference, MIN_STARS)
    fit = _Fit(measured, tied)
    fit.run()
    return fit.night(n_reference)


def _tied_frames(measured):
    """Return which frames have MIN_STARS and hang together, by stars in common, with the stars of the catalogue."""
    known = np.isfinite(measured.difference)
    enough = known.sum(axis=1) >= MIN_STARS
    frame, star = np.nonzero(known & enough[:, None])
    n_frames, n_stars = known.shape
    reference = np.flatnonzero(np.isfinite(measured.catalog_err))
    anchor = n_frames + n_stars
    rows = np.concatenate([frame, np.full(reference.size, anchor)])
    columns = np.concatenate([star, reference]) + n_frames
    graph = coo_array((np.ones(rows.size), (rows, columns)), shape=(anchor + 1, anchor + 1))
    _, group = connected_components(graph, directed=False)
    return enough & (group[:n_frames] == group[anchor])


class _Fit:
    """The fit at work: iteratively reweighted least squares, the scales of the noise adapted on the way."""

    def __init__(self, measured, tied):
        self.tied = tied
        self.y = measured.difference[tied]
        self.known = np.isfinite(self.y)
        self.y = np.where(self.known, self.y, 0.0)
        self.variance = np.where(self.known, measured.noise[tied], 1.0) ** 2
        self.n_frames, self.n_stars = self.y.shape
        self.reference = np.isfinite(measured.catalog_err)
        self.catalog_variance = np.where(self.reference, measured.catalog_err, 0.0) ** 2
        self.likeness = measured.likeness
        self.terms = measured.terms
        whole = (len(tied), self.n_stars)
        columns = [np.broadcast_to(term.values, whole)[tied] for term in measured.terms]
        self.x = np.array(columns).reshape(len(columns), self.n_frames, self.n_stars)
        self.widths = [term.prior for term in measured.terms]
        self.groups = [term.group or term.name for term in measured.terms]
        self.uneven = np.array([term.uneven for term in measured.terms])
        self.lasting = np.zeros(self.n_stars) if measured.lasting is None else np.nan_to_num(measured.lasting)
        self.zp, self.offset = self._begin()
        self.coefficients = np.zeros(len(self.terms))
        self.jitter, self.scatter, self.share = LEAST_NOISE, LEAST_SCATTER_FEW, LEAST_SHARE_FEW
        self.star_weight, self.frame_weight = np.ones(self.n_stars), np.ones(self.y.shape)
        self.precision, self.restless = np.zeros(self.n_stars), np.ones(self.n_stars)

    def _begin(self):
        """Return first zeropoints and offsets, medians in turn, from the catalogue's stars outwards."""
        y = np.where(self.known, self.y, np.nan)
        zp = _median(np.where(self.reference, y, np.nan), axis=1)
        for _ in range(self.n_frames if np.isnan(zp).any() else 1):
            offset = _median(y - zp[:, None], axis=0)
            new = _median(y - offset, axis=1)
            zp = np.where(np.isnan(zp), new, zp)
            if not np.isnan(zp).any():
                break
        return np.nan_to_num(zp), np.nan_to_num(_median(y - zp[:, None], axis=0))

    def run(self):
        """Iterate until no zeropoint changes any more."""
        for number in range(N_ROUNDS):
            before = self.zp
            self._weigh(adapting=number < N_SCALES)
            self._solve()
            if number > 3 and np.abs(self.zp - before).max() < SETTLED:
                break

    # ---- one round

    def _model(self):
        return self.zp[:, None] + np.tensordot(self.coefficients, self.x, axes=1)

    def _weigh(self, adapting):
        """Set the weights of measurements and stars from the residuals of the round before."""
        residual = np.where(self.known, self.y - self._model() - self.offset, 0.0)
        if adapting:
            self.jitter = self._find_jitter(residual)
        noise = self.variance + self.jitter**2
        # of a star as a whole first: its own scatter, which makes all its measurements worse
        chi2 = np.sum(residual**2 / noise, axis=0) / np.maximum(self._freedom(), 1e-3)
        count = self.known.sum(axis=0)
        self.restless = np.minimum((robust.NU + count) / (robust.NU + count * np.minimum(chi2, 1e6)), 1.0)
        sound = 1 / np.sqrt(np.maximum(np.where(self.known, 1 / noise, 0.0).sum(axis=0), 1e-12))
        noise = noise / self.restless
        self.z = residual / np.sqrt(noise)
        self.frame_weight = np.where(self.known, robust.weight(self.z) / noise, 0.0)
        total = self.frame_weight.sum(axis=0)
        self.mean_error = 1 / np.sqrt(np.maximum(total, 1e-12))
        raw = self._raw_offset()
        if adapting:
            self.scatter, self.share = self._find_scatter(raw, sound), self._find_share(raw, sound)
            self.share = float(np.hypot(self.share, np.abs(self.uneven @ self.coefficients)))
        self.spread = self.catalog_variance + self.scatter**2 + (self.share * self.lasting) ** 2
        # a restless star is not excused by its large error: what varies has no business in the level
        self.z_star = raw / np.sqrt(self.spread + sound**2)
        self.star_weight = np.where(self.reference, robust.weight(self.z_star), 0.0)
        self.precision = np.where(self.reference, self.likeness * self.star_weight / self.spread, 0.0)

    def _raw_offset(self):
        """Return the mean deviation of each star from the zeropoints, shape (n_stars,)."""
        deviation = np.where(self.known, self.y - self._model(), 0.0)
        total = self.frame_weight.sum(axis=0)
        return (self.frame_weight * deviation).sum(axis=0) / np.maximum(total, 1e-12)

    def _leverage(self):
        """Return which share of each measurement's residual the fitted offsets and zeropoints take up."""
        weight = np.where(self.known, 1 / (self.variance + self.jitter**2), 0.0)
        of_star = weight / np.maximum(weight.sum(axis=0) + self.precision, 1e-12)
        of_frame = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
        return np.where(self.known, 1 - np.maximum((1 - of_star) * (1 - of_frame), 0.0), 1.0)

    def _freedom(self):
        """Return the share of the degrees of freedom of a star's residuals that is left, times their number."""
        return (1 - self._leverage()).sum(axis=0)

    def _find_jitter(self, residual):
        left = 1 - self._leverage()
        use = self.known & (left > 0.2)
        if use.sum() < 10:
            return LEAST_NOISE
        values = residual[use] / np.sqrt(left[use])
        importance = np.broadcast_to(self.restless, use.shape)[use]
        return robust.excess_scatter(values, np.sqrt(self.variance[use]), LEAST_NOISE, importance)

    def _find_scatter(self, raw, mean_error):
        least = LEAST_SCATTER if self.reference.sum() >= MANY_STARS else LEAST_SCATTER_FEW
        seen = self.reference & self.known.any(axis=0)
        error = np.sqrt(self.catalog_variance + (self.share * self.lasting) ** 2 + mean_error**2)
        return robust.excess_scatter(raw[seen], error[seen], least, self.likeness[seen])

    def _find_share(self, raw, mean_error):
        """Return the `share` of Night: faint stars, whose noise is large, tell it."""
        least = LEAST_SHARE if self.reference.sum() >= MANY_STARS else LEAST_SHARE_FEW
        seen = self.reference & self.known.any(axis=0) & (self.lasting > 0)
        error = np.sqrt(self.catalog_variance + self.scatter**2 + mean_error**2)[seen]
        unit = self.lasting[seen]
        return robust.excess_scatter(raw[seen] / unit, error / unit, least, self.likeness[seen])

    def _solve(self):
        """Solve the normal equations, the offsets of the stars eliminated."""
        w, x = self.frame_weight, self.x
        whole = w.sum(axis=0) + self.precision
        inverse = np.where(whole > 0, 1 / np.maximum(whole, 1e-30), 0.0)
        per_star = np.einsum("fs,jfs->js", w, x)  # 1' W X of each star, for the terms; for the frames it is w itself
        of_frames = np.diag(w.sum(axis=1) + 1e-9) - (w * inverse) @ w.T
        mixed = np.einsum("fs,jfs->fj", w, x) - (w * inverse) @ per_star.T
        of_terms = np.einsum("jfs,fs,kfs->jk", x, w, x, optimize=True) - (per_star * inverse) @ per_star.T
        wy = w * self.y
        sums = inverse * wy.sum(axis=0)
        right, right_terms = wy.sum(axis=1) - w @ sums, np.einsum("jfs,fs->j", x, wy) - per_star @ sums
        self.factor = cho_factor(of_frames)
        self.lever = cho_solve(self.factor, mixed)  # by how much zeropoints follow the coefficients
        information = of_terms - mixed.T @ self.lever
        self.coefficients, self.of_terms = averaging.posterior(
            information, right_terms - self.lever.T @ right, self.widths, self.groups
        )
        self.zp = cho_solve(self.factor, right - mixed @ self.coefficients)
        deviation = self.y - self._model()
        self.offset = inverse * (w * deviation).sum(axis=0)

    # ---- what comes out

    def night(self, n_reference):
        """Return the Night."""
        n = self.n_frames
        covariance = self._covariance()
        share = self.frame_weight.sum(axis=1)
        mean = np.zeros((1 + len(self.x), n + len(self.x)))
        mean[0, :n] = share / share.sum()
        mean[1:, n:] = np.eye(len(self.x))
        common = mean @ covariance @ mean.T
        against = (covariance @ mean[0])[:n]
        relative = np.diag(covariance)[:n] - 2 * against + common[0, 0]
        common -= self._unlikely(mean @ covariance)
        seen = self.reference & self.known.any(axis=0)
        common *= robust.inflation(self.z_star[seen])
        left = np.sqrt(np.maximum(1 - self._leverage(), 0.05))
        relative = relative * robust.inflation((self.z / left)[self.known])
        zp, err = np.full((2, len(self.tied)), np.nan)
        zp[self.tied], err[self.tied] = self.zp, np.sqrt(np.maximum(relative, 0.0))
        errors = np.sqrt(np.diag(common)[1:])
        names = [term.name for term in self.terms]
        terms = {name: (float(a), float(e)) for name, a, e in zip(names, self.coefficients, errors, strict=True)}
        stars = self._stars(covariance @ mean[0])
        level = float(np.sqrt(common[0, 0]))
        return Night(zp, err, level, terms, common, self.jitter, self.scatter, self.share, n_reference, stars)

    def _covariance(self):
        """Return the covariance of (zeropoints, coefficients)."""
        crossed = -self.lever @ self.of_terms
        of_frames = cho_solve(self.factor, np.eye(self.n_frames)) - crossed @ self.lever.T
        return np.block([[of_frames, crossed], [crossed.T, self.of_terms]])

    def _unlikely(self, functionals):
        """Return by how much stars that count less for their colour make the covariance too large.

        The normal equations take their weight for a large error.  Their offsets are no larger than those of others:
        what a star of weight l adds to the covariance is about l of what the equations say.
        functionals : rows of the covariance, shape (n, n_frames + n_terms)
        """
        w, total = self.frame_weight, np.maximum(self.frame_weight.sum(axis=0), 1e-12)
        noise, spread = 1 / total, np.where(self.reference, self.spread, 1.0)
        counted = noise + spread / np.maximum(self.likeness, 1e-12)
        level = np.concatenate([w, np.einsum("fs,jfs->js", w, self.x)]) / total
        too_much = (1 - (noise + spread) / counted) * total * self.precision / (total + self.precision)
        reach = functionals @ level
        return (reach * too_much) @ reach.T

    def _stars(self, functional):
        """Return the Stars; `functional` is the covariance of the mean zeropoint with all unknowns."""
        w, n = self.frame_weight, self.n_frames
        deviation = np.where(self.known, self.y - self._model(), 0.0)
        total = w.sum(axis=0)
        raw = np.where(total > 0, (w * deviation).sum(axis=0) / np.maximum(total, 1e-12), np.nan)
        count = self.known.sum(axis=0)
        residual = np.where(self.known, deviation - np.nan_to_num(raw), 0.0)
        single = np.sqrt(np.sum(residual**2, axis=0) / np.maximum(count - 1, 1))
        noise = self.variance + self.jitter**2
        expected = np.sqrt(np.sum(np.where(self.known, noise, 0.0), axis=0) / np.maximum(count, 1))
        # taking star s out: first order of the normal equations, over 1 minus the star's own share
        direction = functional[:n, None] + np.tensordot(functional[n:], self.x, axes=1)
        inverse = 1 / np.maximum(total + self.precision, 1e-12)
        pull = (w * direction * deviation).sum(axis=0)
        pull -= (w * direction).sum(axis=0) * inverse * (w * deviation).sum(axis=0)
        own = (w * direction**2).sum(axis=0) - (w * direction).sum(axis=0) ** 2 * inverse
        level = float(functional[:n] @ (w.sum(axis=1) / w.sum()))
        influence = -pull / np.maximum(1 - own / level, 0.05)
        return Stars(
            offset=np.where(self.reference, raw, np.nan),
            offset_err=np.where(count > 0, self.mean_error, np.nan),
            scatter=np.where(count > 1, single, np.nan),
            expected=np.where(count > 0, expected, np.nan),
            influence=np.where(count > 0, influence, np.nan),
            weight=np.where(self.reference, self.likeness * self.restless * np.minimum(self.star_weight, 1.0), 0.0),
            n_frames=count,
        )


def _median(values, axis):
    """Return medians that leave NaN out, NaN where there is nothing else, without a warning."""
    known = np.isfinite(values)
    ordered = np.sort(np.where(known, values, np.inf), axis=axis)
    count = known.sum(axis=axis)
    low, high = np.maximum((count - 1) // 2, 0), np.minimum(count // 2, values.shape[axis] - 1)
    picked = [np.take_along_axis(ordered, np.expand_dims(at, axis), axis).squeeze(axis) for at in (low, high)]
    return np.where(count > 0, np.mean(np.where(np.isfinite(picked), picked, 0.0), axis=0), np.nan)
