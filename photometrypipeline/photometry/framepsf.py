"""The point-spread function of a frame, from its isolated stars.

An elliptical Moffat profile, the same for all stars or varying over the field where they show it, and a table of what
the stars have beyond it.  All stars are fitted at once: what belongs to a single one (place, flux, sky) is eliminated
from the normal equations, so that a fit costs as much as its pixels and no more.
"""

import logging
from dataclasses import dataclass, replace

import numpy as np
from astropy.stats import gaussian_sigma_to_fwhm
from scipy.ndimage import gaussian_filter, map_coordinates, maximum_filter
from scipy.spatial import cKDTree

from photometrypipeline.base import scatter
from photometrypipeline.photometry import moffat
from photometrypipeline.photometry.matched import significance

log = logging.getLogger("pp.framepsf")

MOST_STARS = 40
FEWEST_STARS = 3
SNR_MIN = 30.0
APART_FWHM = 4.0  # of a star from any other that is brighter than FAINT_NEIGHBOUR of it
FAINT_NEIGHBOUR = 0.02
NEAREST_FWHM = 2.0  # no source at all so near
FIT_FWHM = 2.5  # radius of the pixels that are fitted
MODEL_ERROR = 0.02  # of the light in a pixel; without it the brightest star alone would shape the profile
ROUNDS = 15
CONVERGED = 1e-4  # relative change of chi2
TERMS = {15: 4, 9: 3}  # stars needed for a profile that varies over the field: with x and y; and with r^2
GAIN_PER_TERM = 8.0  # what each further parameter has to take off chi2, in units of the reduced chi2
FAST = np.float32  # of the profiles in the fit, half the time and exact enough
LEAST_PIXELS = 0.75  # share of its pixels that a star has to have
UNUSABLE = 1e30  # variance of pixels that do not count
BAD_STAR = 5.0  # times the usual chi2: no star, or two of them
OTHER_SIGMA = 4.5  # of light beside a star, which others have not there
FEWEST_COMPARED = 8  # stars
TABLE_STEP_PX = 0.5
START_B = 0.3
LEAST_ROUND = 0.8  # stars that a trail would make longer than that are round for certain if they are half as long
TRAILED_GAIN = 30.0  # a trailed profile has to take so much off chi2, in units of the reduced one, and be rounder


@dataclass
class FramePSF:
    """The profile of stars on one frame (pixels 0-based).

    b, terms : 1 / beta, and the coefficients, shape (3, n_terms), of (wxx, wxy, wyy) over the field (see moffat)
    size_px : (columns, rows) of the frame;  trail_px : (x, y) along which stars are drawn out, 0 where they are round
    table, half_px : what stars have beyond the profile, in steps of TABLE_STEP_PX out to `half_px`; None without
    stars : the Stars that it was made from;  residual : rms of what it leaves in an aperture of one FWHM, share of flux
    """

    b: float
    terms: np.ndarray
    size_px: tuple
    trail_px: tuple = (0.0, 0.0)
    table: np.ndarray | None = None
    half_px: float = 0.0
    stars: object = None
    residual: float = np.nan
    chi2: float = np.nan
    guessed: bool = False  # from a width alone: there were no stars for more

    def shape_at(self, x, y):
        """Return (wxx, wxy, wyy) of the profile at a place."""
        return tuple(np.moveaxis(basis(x, y, self.size_px, self.terms.shape[1]) @ self.terms.T, -1, 0))

    def fwhm_at(self, x, y):
        """Return the FWHM (px) at a place, of the profile that is not trailed."""
        return moffat.fwhm_px(self.shape_at(x, y), self.b)

    @property
    def fwhm_px(self):
        """The FWHM in the middle of the frame."""
        return float(self.fwhm_at(*((size - 1) / 2 for size in self.size_px)))

    @property
    def varies(self):
        """Whether the profile varies over the field."""
        return self.terms.shape[1] > 1

    @property
    def stars_trailed(self):
        """Whether the stars are drawn out, since the telescope did not follow them."""
        return np.hypot(*self.trail_px) > 0

    def light(self, x, y, dx, dy, trail_px=None):
        """Return the light of a source of flux 1 at (x, y) in pixels dx, dy (px from it, broadcastable with x and y).

        trail_px : (x, y) along which the source is drawn out; None: as the stars are
        """
        trail = self.trail_px if trail_px is None else trail_px
        shape = self.shape_at(x, y)
        width = float(np.min(moffat.fwhm_px(shape, self.b)))
        inner, steps = moffat.nodes(width), moffat.along(trail, step_of(width))
        if np.hypot(*trail) > 0:
            inner = moffat.joined(inner, steps)
        total = moffat.pixels(dx, dy, shape, self.b, inner)
        if self.table is not None:
            for step_x, step_y, weight in zip(*steps, strict=True):
                total = total + weight * self._beyond(dx - step_x, dy - step_y)
        return total

    def _beyond(self, dx, dy):
        places = np.broadcast_arrays((dy + self.half_px) / TABLE_STEP_PX, (dx + self.half_px) / TABLE_STEP_PX)
        return map_coordinates(self.table, places, order=1, mode="constant", cval=0.0)


def step_of(fwhm_px):
    """Return the steps (px) in which a profile is moved along a trail."""
    return max(0.35, fwhm_px / 8)


def basis(x, y, size_px, n_terms):
    """Return the terms (1, x, y, r^2) of places, shape (..., n_terms), in units of half the longer side."""
    half = max(size_px) / 2
    x, y = (np.asarray(x) - (size_px[0] - 1) / 2) / half, (np.asarray(y) - (size_px[1] - 1) / 2) / half
    return np.stack([np.ones(np.shape(x)), x, y, x * x + y * y][:n_terms], axis=-1)


def guess(fwhm_px, size_px, b=START_B):
    """Return the FramePSF of a frame of which nothing is known but the width of its sources."""
    terms = np.array(moffat.round_shape(fwhm_px, b))[:, None]
    return FramePSF(b, terms, size_px, guessed=True, residual=0.05)


def choose(x, y, snr, flux, flags, fwhm_px, size_px, avoid=()):
    """Return the indices of sources that are fit for a PSF, spread over the frame.

    x, y, snr, flux, flags : shape (n,);  avoid : places (x, y) of targets
    """
    margin = FIT_FWHM * fwhm_px + 2
    inside = (x > margin) & (y > margin) & (x < size_px[0] - margin) & (y < size_px[1] - margin)
    good = np.flatnonzero(inside & (flags == 0) & (snr > SNR_MIN))
    if not good.size:
        return good
    good = good[np.argsort(-flux[good], kind="stable")][: 8 * MOST_STARS]
    tree = cKDTree(np.column_stack([x, y]))
    alone = []
    for n, near in zip(good, tree.query_ball_point(tree.data[good], APART_FWHM * fwhm_px), strict=True):
        others = [m for m in near if m != n]
        far = all(np.hypot(x[m] - x[n], y[m] - y[n]) > NEAREST_FWHM * fwhm_px for m in others)
        alone.append(far and all(flux[m] < FAINT_NEIGHBOUR * flux[n] for m in others))
    good = good[np.array(alone)]
    for place in avoid:
        good = good[np.hypot(x[good] - place[0], y[good] - place[1]) > APART_FWHM * fwhm_px]
    return _spread(good, x, y, size_px)


def _spread(good, x, y, size_px):
    """Return up to MOST_STARS of `good` (brightest first), in turn from nine parts of the frame."""
    parts = np.minimum(3 * x[good] // size_px[0], 2) + 3 * np.minimum(3 * y[good] // size_px[1], 2)
    turn = np.zeros(good.size, dtype=int)
    for part in range(9):
        there = np.flatnonzero(parts == part)
        turn[there] = np.arange(there.size)
    return good[np.lexsort([np.arange(good.size), turn])][:MOST_STARS]


@dataclass
class Stars:
    """Pixels of stars on one frame: `pixels` and `variance` (ADU; UNUSABLE where a pixel does not count).

    columns, rows : of their central pixels, shape (n,);  dx, dy : of their pixels from those, shape (p,)
    x, y, flux, sky : fitted place (0-based px), light and sky, shape (n,)
    """

    pixels: np.ndarray
    variance: np.ndarray
    columns: np.ndarray
    rows: np.ndarray
    dx: np.ndarray
    dy: np.ndarray
    flux: np.ndarray
    sky: np.ndarray
    x: np.ndarray | None = None
    y: np.ndarray | None = None
    sources: np.ndarray | None = None  # their rows in the source list

    def __len__(self):
        return len(self.flux)

    @property
    def usable(self):
        """Which pixels count: bool, shape (n, p)."""
        return self.variance < UNUSABLE

    def some(self, which):
        """Return the Stars of an index or mask."""
        names = ("pixels", "variance", "columns", "rows", "flux", "sky", "x", "y", "sources")
        return Stars(
            dx=self.dx, dy=self.dy, **{name: None if (v := getattr(self, name)) is None else v[which] for name in names}
        )


def cut_stars(pixels, x, y, flux, fwhm_px, gain, radius_px=0.0, sources=None):
    """Return the Stars at x, y (0-based px) of a frame (FramePixels); flux : about, ADU, shape (n,).

    gain : e-/ADU or None;  radius_px : of an aperture that their pixels have to hold
    sources : their rows in the source list, default 0, 1, ...;  stars that lack a quarter of their pixels are left out
    """
    half = int(np.ceil(max(FIT_FWHM * fwhm_px, radius_px + 1.5)))
    steps = np.arange(-half, half + 1)
    dx, dy = (axis.ravel() for axis in np.meshgrid(steps, steps))
    inside = np.hypot(dx, dy) <= half + 0.3
    cuts = [pixels.cutout(*place, half) for place in zip(x, y, strict=True)]
    values = np.array([cut.pixels.ravel()[inside] for cut in cuts]).reshape(len(cuts), inside.sum())
    whole = np.isfinite(values).mean(axis=1) > LEAST_PIXELS
    values, cuts = values[whole], [cut for cut, good in zip(cuts, whole, strict=True) if good]
    x, y, flux = (np.array(axis, dtype=float)[whole] for axis in (x, y, flux))
    sources = (np.arange(whole.size) if sources is None else np.asarray(sources))[whole]
    usable = np.isfinite(values)
    edge = np.hypot(dx, dy)[inside] > 0.8 * half
    sky = np.nanmedian(np.where(edge, values, np.nan), axis=1)
    noise = scatter.about(np.where(edge, values, np.nan), sky[:, None], axis=1)
    light = np.clip(np.where(usable, values - sky[:, None], 0), 0, None)
    variance = noise[:, None] ** 2 + (light / gain if gain else 0) + (MODEL_ERROR * light) ** 2
    variance = np.where(usable, np.maximum(variance, 1e-12), UNUSABLE)
    columns, rows = (np.array([getattr(cut, name) for cut in cuts], dtype=float) for name in ("column", "row"))
    values = np.where(usable, values, 0.0)
    return Stars(values, variance, columns, rows, dx[inside], dy[inside], flux, sky, x, y, sources)


def fit(stars, fwhm_px, size_px, motion_px=None, trailed=None):
    """Return the FramePSF of Stars.  Raises ValueError for fewer than FEWEST_STARS.

    motion_px : (x, y) along which the stars may be drawn out, since the telescope followed something else; or None
    trailed : whether they are, where that is known
    """
    if len(stars) < FEWEST_STARS:
        raise ValueError(f"only {len(stars)} stars are bright and isolated enough for a PSF, {FEWEST_STARS} are needed")
    if trailed:
        best = _shaped(stars, fwhm_px, size_px, tuple(motion_px))
        best.residual = _residual(best)
        return best
    best = _shaped(stars, fwhm_px, size_px)
    if trailed is None and motion_px is not None and _may_be_trailed(best, np.hypot(*motion_px)):
        trailed = _shaped(stars, fwhm_px, size_px, tuple(motion_px))
        better = best.chi2 - trailed.chi2 * len(best.stars) / len(trailed.stars)
        if better > TRAILED_GAIN * max(best.chi2 / best.stars.pixels.size, 1) and _roundness(trailed) > _roundness(
            best
        ):
            best = trailed
    if not best.stars_trailed:
        best.table, best.half_px = _table(best)
    best.residual = _residual(best)
    return best


def _may_be_trailed(psf, trail_px):
    """Return whether stars of a profile may be drawn out: it tells at all, and they are not round for certain.

    A trail adds a twelfth of its square to the variance along it (a box), which would show in the profile.
    """
    drawn_out = 1 / np.hypot(1, gaussian_sigma_to_fwhm / np.sqrt(12) * trail_px / psf.fwhm_px)
    return trail_px > 0.3 * psf.fwhm_px and (drawn_out > LEAST_ROUND or _roundness(psf) < (1 + drawn_out) / 2)


def _roundness(psf):
    """Return the ratio of the axes of a profile in the middle of the frame, 1 where it is round."""
    wxx, wxy, wyy = (float(term[0]) for term in psf.terms)
    mean, off = (wxx + wyy) / 2, np.hypot((wxx - wyy) / 2, wxy)
    return np.sqrt((mean - off) / (mean + off))


def _shaped(stars, fwhm_px, size_px, trail=(0.0, 0.0)):
    """Return the FramePSF without a table: bad stars left out, varying over the field where that is seen."""
    if np.hypot(*trail) > 0:  # along it they are wider than the profile
        fwhm_px = max(1.5, np.sqrt(max(fwhm_px**2 - np.hypot(*trail) ** 2 / 2, 0.3 * fwhm_px**2)))
    psf = FramePSF(START_B, np.array(moffat.round_shape(fwhm_px, START_B))[:, None], size_px, trail)
    psf = _iterate(psf, stars)
    each = _chi2_of_stars(psf)
    good = each < BAD_STAR * np.median(each)
    good = good if good.sum() >= FEWEST_STARS else np.ones(good.size, bool)
    others = _others(psf, psf.stars.some(good)) if not psf.stars_trailed else None
    if not good.all() or others is not None:
        stars = psf.stars.some(good)
        stars.variance = stars.variance if others is None else np.where(others, UNUSABLE, stars.variance)
        psf = _iterate(psf, stars)
    for least, n_terms in TERMS.items():
        if len(psf.stars) >= least:
            wider = FramePSF(psf.b, np.pad(psf.terms, [(0, 0), (0, n_terms - 1)]), size_px, trail)
            wider = _iterate(wider, psf.stars)
            if psf.chi2 - wider.chi2 > GAIN_PER_TERM * 3 * (n_terms - 1) * wider.chi2 / psf.stars.pixels.size:
                return wider
            break
    return psf


def _others(psf, stars):
    """Return which pixels of Stars have light that other stars have not at that place, bool; None for none.

    Stars that nobody sees in the wings of brighter ones would make the profile too wide.
    """
    if len(stars) < FEWEST_COMPARED:
        return None
    left, weight, dx, dy = _left(replace(psf, stars=stars))
    brightest = np.argsort(-stars.flux, kind="stable")[: max(FEWEST_COMPARED, len(stars) // 3)]
    left -= np.median(left[brightest], axis=0)
    columns, rows = (np.rint(axis - axis.min()).astype(int) for axis in (stars.dx, stars.dy))
    at = np.arange(len(stars))[:, None], rows, columns
    seen, sums = np.zeros((2, len(stars), rows.max() + 1, columns.max() + 1))
    seen[at], sums[at] = left, weight
    found = (significance(seen, sums, psf.fwhm_px) > OTHER_SIGMA)[at] & (np.hypot(dx, dy) > psf.fwhm_px)
    if not found.any():
        return None
    mask = np.zeros(seen.shape, bool)
    mask[at] = found
    reach = 2 * int(np.ceil(psf.fwhm_px / 2)) + 1
    return maximum_filter(mask, (1, reach, reach))[at] & (np.hypot(dx, dy) > 0.7 * psf.fwhm_px)


def _iterate(psf, stars):
    """Return the FramePSF that fits Stars best, soft L1, starting from `psf`; its chi2 is the sum over all pixels."""
    phi = basis(stars.x, stars.y, psf.size_px, psf.terms.shape[1])
    state = psf.b, psf.terms, stars.x - stars.columns, stars.y - stars.rows, stars.flux, stars.sky
    damping, cost, step = 1e-3, np.inf, None
    for _ in range(ROUNDS):
        trial = state if step is None else _moved(state, step, phi)
        new, equations = _equations(psf, stars, phi, trial) if trial is not None else (np.inf, None)
        if new <= cost * (1 + 1e-9):
            small = step is not None and cost - new < CONVERGED * cost
            state, cost, kept, damping = trial, new, equations, damping / 5
            if small:
                break
        else:
            damping *= 20
            if damping > 1e6:
                break
        step = _step(*kept, damping, [limit - state[0] for limit in moffat.B_LIMITS])
    b, terms, x, y, flux, sky = state
    fitted = stars.some(slice(None))
    fitted.x, fitted.y, fitted.flux, fitted.sky = stars.columns + x, stars.rows + y, flux, sky
    return FramePSF(float(b), terms, psf.size_px, psf.trail_px, stars=fitted, chi2=float(cost))


def _moved(state, step, phi):
    """Return the state after a step, None where it leads to a profile that is none."""
    own, shared = step
    b, terms = state[0] + shared[0], state[1] + shared[1:].reshape(state[1].shape)
    shapes = phi @ terms.T
    b = float(np.clip(b, *moffat.B_LIMITS))
    if (shapes[:, 0] <= 0).any() or (shapes[:, 0] * shapes[:, 2] <= shapes[:, 1] ** 2).any():
        return None
    x, y, flux, sky = (values + own[:, n] for n, values in enumerate(state[2:]))
    if (np.abs(x) > 2).any() or (np.abs(y) > 2).any():
        x, y = np.clip(x, -2, 2), np.clip(y, -2, 2)
    return b, terms, x, y, flux, sky


def _equations(psf, stars, phi, state):
    """Return (cost, normal equations) of a state: soft L1 as weights of each pixel."""
    b, terms, x, y, flux, sky = state
    shapes = tuple((phi @ terms.T).T[:, :, None])
    width = float(np.median(moffat.fwhm_px(shapes, b)))
    places = moffat.nodes(width)
    if np.hypot(*psf.trail_px) > 0:
        places = moffat.joined(places, moffat.along(psf.trail_px, max(0.5, width / 5)))
    dx, dy = ((axis - at[:, None]).astype(FAST) for axis, at in ((stars.dx, x), (stars.dy, y)))
    p, px, py, pb, pxx, pxy, pyy = moffat.derivatives(dx, dy, tuple(w.astype(FAST) for w in shapes), FAST(b), places)
    light = flux[:, None].astype(FAST)
    sigma = np.sqrt(stars.variance).astype(FAST)
    left = (stars.pixels - sky[:, None]).astype(FAST) / sigma - light * p / sigma
    softened = np.sqrt(1 + left * left)
    cost = float(2 * (softened - 1).sum(dtype=float))
    root = 1 / (np.sqrt(softened) * sigma)
    terms = (light * px, light * py, p, np.ones_like(p), light * pb, light * pxx, light * pxy, light * pyy)
    columns = np.stack([*(term * root for term in terms), left * sigma * root], axis=1)
    products = (columns @ columns.transpose(0, 2, 1)).astype(float)
    # each of the last three stands for n_terms columns, which differ by a factor that a star has for all its pixels
    spread = np.zeros((len(phi), 1 + 3 * phi.shape[1], 4))
    spread[:, 0, 0] = 1
    for n in range(3):
        spread[:, 1 + n * phi.shape[1] : 1 + (n + 1) * phi.shape[1], 1 + n] = phi
    own, shared, rest = slice(0, 4), slice(4, 8), slice(8, 9)
    a_mixed = products[:, own, shared] @ spread.transpose(0, 2, 1)
    a_shared = (spread @ products[:, shared, shared] @ spread.transpose(0, 2, 1)).sum(axis=0)
    y_shared = (spread @ products[:, shared, rest]).sum(axis=0)
    return cost, (products[:, own, own], a_mixed, a_shared, products[:, own, rest], y_shared)


def _step(a_own, a_mixed, a_shared, y_own, y_shared, damping, range_of_b):
    """Return (own, shared) steps of the damped normal equations, those of single stars eliminated.

    range_of_b : by how much b may change, down and up; where it wants more, the rest takes the step that goes with that
    """
    a_own = a_own + damping * a_own * np.identity(4) + 1e-12 * np.identity(4)
    a_shared = a_shared + damping * np.diag(np.diag(a_shared))
    solved = np.linalg.solve(a_own, np.concatenate([a_mixed, y_own], axis=2))
    mixed_t = a_mixed.transpose(0, 2, 1)
    inner = a_shared - (mixed_t @ solved[:, :, :-1]).sum(axis=0)
    right = y_shared - (mixed_t @ solved[:, :, -1:]).sum(axis=0)
    shared = np.linalg.lstsq(inner, right, rcond=1e-12)[0]
    if not range_of_b[0] <= shared[0, 0] <= range_of_b[1]:
        of_b = np.clip(shared[:1], *range_of_b)
        rest = np.linalg.lstsq(inner[1:, 1:], right[1:] - inner[1:, :1] * of_b, rcond=1e-12)[0]
        shared = np.concatenate([of_b, rest])
    own = (solved[:, :, -1:] - solved[:, :, :-1] @ shared)[:, :, 0]
    return own, shared[:, 0]


def _left(psf):
    """Return (what the profile leaves of the stars, share of their flux; its weight; dx, dy), shape (n, p)."""
    stars = psf.stars
    dx, dy = stars.dx - (stars.x - stars.columns)[:, None], stars.dy - (stars.y - stars.rows)[:, None]
    profile = psf.light(stars.x[:, None], stars.y[:, None], dx, dy)
    flux = np.maximum(stars.flux, 1e-9)[:, None]
    left = (stars.pixels - stars.sky[:, None]) / flux - profile
    return left, flux**2 / stars.variance, dx, dy


def _chi2_of_stars(psf):
    left, weight, _, _ = _left(psf)
    return (left**2 * weight).mean(axis=1)


def _table(psf):
    """Return (table, half_px) of what stars have beyond the profile, twice oversampled, smooth where it is noise."""
    left, weight, dx, dy = _left(psf)
    half = float(np.ceil(psf.stars.dx.max()))
    n = int(2 * half / TABLE_STEP_PX) + 1
    column, row = (np.rint((axis + half) / TABLE_STEP_PX).astype(int) for axis in (dx, dy))
    inside = (column >= 0) & (row >= 0) & (column < n) & (row < n) & psf.stars.usable
    index = (row * n + column)[inside]
    weight, left = weight[inside], left[inside]
    limit = 3 * np.sqrt(1 / weight)
    value = np.clip(left, -limit - 0.01, limit + 0.01)
    sums = np.bincount(index, weight, n * n).reshape(n, n)
    totals = np.bincount(index, weight * value, n * n).reshape(n, n)
    wide, wide_sums = gaussian_filter(totals, 1.5), gaussian_filter(sums, 1.5)
    fine, fine_sums = gaussian_filter(totals, 0.7), gaussian_filter(sums, 0.7)
    with np.errstate(divide="ignore", invalid="ignore"):
        smooth, sharp = wide / wide_sums, fine / fine_sums
        noise = 1 / np.sqrt(fine_sums * 4 * np.pi * 0.7**2)  # of the sum of some bins
    table = np.where(np.abs(sharp) > noise, sharp, smooth)
    y, x = np.indices(table.shape) * TABLE_STEP_PX - half
    fade = np.clip((half - np.hypot(x, y)) / max(0.2 * half, 1.0), 0, 1)  # to nothing at the edge
    return np.nan_to_num(table, nan=0.0, posinf=0.0, neginf=0.0) * fade, half


def _residual(psf):
    """Return the rms of what the PSF leaves within one FWHM of the stars, share of their flux, beyond noise."""
    left, weight, dx, dy = _left(psf)
    core = (np.hypot(dx, dy) < psf.fwhm_px) & psf.stars.usable
    sums = np.where(core, left, 0).sum(axis=1)
    noise = np.where(core, 1 / np.maximum(weight, 1 / UNUSABLE), 0).sum(axis=1)
    return float(np.sqrt(max(np.median(sums**2) / 0.455 - np.median(noise), 0.0)))
