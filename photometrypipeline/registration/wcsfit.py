"""The final WCS of the frames of a data set: a robust fit of our own, SCAMP's, or the better of the two.

How much a distortion may bend is for cross-validation to say: stars are left out of all frames in turn, and a model
that predicts their places no better than a simpler one is not used.  So the degree follows the number of stars.
"""

import logging
from dataclasses import dataclass, replace

import numpy as np

from photometrypipeline.base import cdmatrix
from photometrypipeline.registration.astrometry import to_sky
from photometrypipeline.registration.distortion import DEGREES, Pairs, Problem, free_terms, spread, tpv_header
from photometrypipeline.sky import matching, sphere, tangent
from photometrypipeline.sky.tangent import LinearMap

log = logging.getLogger("pp.wcsfit")

FLOOR_PX = 0.02  # error of a centroid that no formula knows
SATURATED_PX = 0.3  # added to the error of a saturated source
UNKNOWN_ARCSEC = 0.1  # error of a star's position where the catalogue gives none
UNTRUE = 1.3  # a scatter above that many formal errors
FOLDS = 8  # of the cross-validation
PRIOR_NUMBERS = 12
WORST = 4.0  # sigmas, more do not count in it: one bad star must not decide
MOST_FRAMES, MOST_PAIRS = 12, 300  # of each, that choose the model
MOST_ROUNDS = 6  # of matching and fitting
RADIUS_PX = (6.0, 1.0)  # of the matches: the first and the least one
MIN_PAIRS = 5
SATURATED = 4  # bit of FLAGS
CLEARLY = 0.95  # SCAMP's solution is kept if its errors are below this part of ours


@dataclass(frozen=True)
class FrameStars:
    """What is known of one frame: its sources (x_px, y_px, sigma_px), its size, and the linear WCS that matched.

    sources : SourceList;  header : fits.Header with that WCS
    """

    name: str
    x_px: np.ndarray
    y_px: np.ndarray
    sigma_px: np.ndarray
    size_px: tuple
    header: object


@dataclass(frozen=True)
class StarList:
    """Stars of the catalogue at the epoch of the frames; `sigma_deg` per axis."""

    ra_deg: np.ndarray
    dec_deg: np.ndarray
    sigma_deg: np.ndarray

    @classmethod
    def of(cls, catalog):
        """Return the stars of a Catalog; an error that it does not give is UNKNOWN_ARCSEC."""
        errors = [catalog.values(name) for name in ("e_ra_deg", "e_dec_deg")]
        sigma = np.hypot(*errors) / np.sqrt(2)
        sigma = np.where(sigma > 0, sigma, UNKNOWN_ARCSEC / 3600)
        return cls(catalog.values("ra_deg"), catalog.values("dec_deg"), sigma)


@dataclass(frozen=True)
class Result:
    """The WCS of one frame: `header`; `solution` 'fit' or 'SCAMP'; `model` and `degree` of its distortion.

    shared : whether all frames have one distortion;  cv_arcsec : error per axis of a star that was left out
    """

    name: str
    header: object
    solution: str
    model: str
    degree: int
    shared: bool
    n_matched: int
    cv_arcsec: float


def frame_stars(name, sources, size_px, header):
    """Return the FrameStars of a SourceList; errors are Source Extractor's, never below FLOOR_PX."""
    table = sources.table
    formal = np.sqrt(
        (np.asarray(table["ERRAWIN_IMAGE"], float) ** 2 + np.asarray(table["ERRBWIN_IMAGE"], float) ** 2) / 2
    )
    sigma = np.hypot(np.nan_to_num(formal, nan=1.0), FLOOR_PX)
    sigma = np.where((np.asarray(table["FLAGS"]) & SATURATED) > 0, np.hypot(sigma, SATURATED_PX), sigma)
    x, y = (np.asarray(table[column], dtype=float) for column in ("XWIN_IMAGE", "YWIN_IMAGE"))
    return FrameStars(name, x, y, sigma, size_px, header)


def fit(frames, stars, scamp=None):
    """Return {name: Result} of `frames` (list of FrameStars); a frame with fewer than MIN_PAIRS pairs is left out.

    stars : StarList;  scamp : (degree, function whose result gets the fits.Header of SCAMP's solution by name)
    """
    frames = [_Matched.of(frame, stars) for frame in frames]
    frames = [frame for frame in frames if frame.pairs.u.size >= MIN_PAIRS]
    if not frames:
        return {}
    choice, before = choose(frames), 0
    for _ in range(MOST_ROUNDS):  # a map that bends finds more pairs, which tell more of how it bends
        frames = [frame.again(*choice.of(number)) for number, frame in enumerate(frames)]
        choice, found = choose(frames), sum(frame.pairs.u.size for frame in frames)
        if found <= 1.02 * before:
            break
        before = found
    degree, solved = scamp or (1, dict)
    headers = solved()
    return {
        frame.frame.name: _result(frame, *choice.of(number), choice, degree, headers.get(frame.frame.name))
        for number, frame in enumerate(frames)
    }


@dataclass(frozen=True)
class _Matched:
    """A frame with its pairs: `matrix`, LinearMap from u onto the plane around `centre_deg`; `near`, stars near it."""

    frame: FrameStars
    matrix: LinearMap
    centre_deg: tuple
    half_diagonal: float
    u: np.ndarray
    stars: StarList
    near: np.ndarray
    i_source: np.ndarray
    i_star: np.ndarray
    pairs: Pairs

    @classmethod
    def of(cls, frame, stars):
        """Return the frame with the pairs that its linear WCS makes."""
        header, half = frame.header, float(np.hypot(*frame.size_px)) / 2
        cd = cdmatrix.of(header)
        guess = LinearMap.of_matrix(cd, (float(header["CRPIX1"]), float(header["CRPIX2"])))
        middle = complex(*((length + 1) / 2 for length in frame.size_px))
        crval = float(header["CRVAL1"]), float(header["CRVAL2"])
        centre = tuple(float(value[0]) for value in tangent.deproject(guess(middle), crval))
        # the same map around the middle of the frame, exact at three places
        corners = np.exp(2j * np.pi * np.arange(3) / 3) / 2
        plane = tangent.project(*tangent.deproject(guess(middle + corners * half), crval), centre)
        matrix = LinearMap.fit(corners, plane)
        u = (frame.x_px + 1j * frame.y_px - middle) / half
        reach = 1.2 * half * np.sqrt(abs(guess.determinant))
        near = np.flatnonzero(sphere.separation_deg(stars.ra_deg, stars.dec_deg, *centre) < reach)
        nothing = np.empty(0, dtype=int)
        empty = cls(frame, replace(matrix, c=0j), centre, half, u, stars, near, nothing, nothing, None)
        return empty.paired(lambda places: places, RADIUS_PX[0])

    @property
    def scale_arcsec(self):
        return float(np.sqrt(abs(self.matrix.determinant))) / self.half_diagonal * 3600

    def star_px(self, i_star):
        """Return the errors of stars (index array) in pixels."""
        return self.stars.sigma_deg[i_star] * 3600 / self.scale_arcsec

    def paired(self, bent, radius_px, excess_px=0.0):
        """Return this frame with the pairs that are the only choice of each other.

        bent : maps u as a Fit does;  excess_px : error that comes on top of the formal ones
        """
        ra, dec = tangent.deproject(self.matrix(bent(self.u)), self.centre_deg)
        stars, near = self.stars, self.near
        found = matching.unique_pairs(ra, dec, stars.ra_deg[near], stars.dec_deg[near], radius_px * self.scale_arcsec)
        i_source, i_star = found[0], near[found[1]]
        plane = tangent.project(stars.ra_deg[i_star], stars.dec_deg[i_star], self.centre_deg)
        sigma = np.hypot(self.frame.sigma_px[i_source], self.star_px(i_star))
        sigma = np.hypot(sigma, excess_px) / self.half_diagonal
        common = self.star_px(i_star) / self.half_diagonal
        pairs = Pairs(self.u[i_source], self.matrix.inverse(plane), sigma, i_star, common)
        return replace(self, i_source=i_source, i_star=i_star, pairs=pairs)

    def again(self, fitted, number):
        """Return this frame with the pairs that a Fit makes, within what its scatter asks for."""
        scatter_px = spread(np.abs(fitted.residuals[number])) * self.half_diagonal
        formal = np.hypot(self.frame.sigma_px[self.i_source], self.star_px(self.i_star))
        # stars as small as a pixel, or trails: what no formula knows is the same for bright and faint ones
        known = np.median(formal) > scatter_px / UNTRUE
        excess_px = 0.0 if known else float(np.sqrt(scatter_px**2 - np.median(formal) ** 2))
        radius_px = float(np.clip(4.5 * scatter_px, *RADIUS_PX[::-1]))
        found = self.paired(lambda u: fitted(u, number), radius_px, excess_px)
        return found if found.pairs.u.size >= MIN_PAIRS else self

    def residuals(self, header):
        """Return what the pairs are off, complex, in the unit of u, by any WCS."""
        ra, dec = to_sky(header, self.frame.x_px[self.i_source], self.frame.y_px[self.i_source])
        return self.matrix.inverse(tangent.project(ra, dec, self.centre_deg)) - self.pairs.wanted


@dataclass(frozen=True)
class Choice:
    """A model for all frames: Fits, one that they share or one each, and how much larger than its residuals its errors
    of stars left out are (`optimism`, by model)."""

    model: str
    shared: bool
    fits: list
    optimism: dict

    def of(self, number):
        """Return (Fit, number of the frame in it)."""
        return (self.fits[0], number) if self.shared else (self.fits[number], 0)


def choose(frames):
    """Return the Choice for frames that are _Matched: the simplest model that predicts stars as well as any."""
    sample = [frame.pairs.best(MOST_PAIRS) for frame in frames[:: -(-len(frames) // MOST_FRAMES)]]
    star = np.concatenate([pairs.star for pairs in sample])
    tried, optimism = {}, {}
    for model in DEGREES:
        problem = Problem(sample, model)
        if problem.determined or model == "linear":
            tried[model], optimism[model] = _predicted(problem, sample)
    scale = max(1e-9, min(spread(pulls) for pulls in tried.values()))
    best = "linear"
    for model, pulls in tried.items():
        if better(pulls / scale, tried[best] / scale, star):
            best = model
    shared = True
    if free_terms(best) and len(frames) > 1:
        alone = [Problem([pairs], best) for pairs in sample]
        if all(problem.determined for problem in alone):
            pulls = np.concatenate([_predicted(problem, problem.frames)[0] for problem in alone])
            shared = not better(pulls / scale, tried[best] / scale, star)
    everything = [frame.pairs for frame in frames]
    fits = [Problem(part, best).fit() for part in ([everything] if shared else [[pairs] for pairs in everything])]
    return Choice(best, shared, fits, optimism)


def _predicted(problem, pairs):
    """Return (pulls of stars left out, shape (n,), sigmas; their ratio to those of stars that had their say)."""
    fitted = problem.fit()
    pulls = np.concatenate(problem.cross_validate(fitted.damping, FOLDS))
    inside = np.concatenate([np.abs(r) / part.sigma for r, part in zip(fitted.residuals, pairs, strict=True)])
    return pulls, max(1.0, _rms(pulls) / max(_rms(inside), 1e-9))


def _rms(pulls):
    """Return the rms per axis of distances, none of which counts more than WORST times the typical one."""
    limit = WORST * max(spread(pulls), 1e-12)
    return float(np.sqrt(np.mean(np.minimum(pulls, limit) ** 2) / 2))


def better(pulls, others, star):
    """Return whether stars are predicted better by `pulls` than by `others`, by more than the error of the difference.

    All the differences of one star, in any frame, are one.
    """
    difference = np.minimum(others, WORST) ** 2 - np.minimum(pulls, WORST) ** 2
    _, group = np.unique(star, return_inverse=True)
    per_star = np.bincount(group, weights=difference)
    if per_star.size < 3:
        return False
    return bool(per_star.mean() > per_star.std(ddof=1) / np.sqrt(per_star.size))


def _expected(frame, residuals):
    """Return the error per axis, in the unit of u, of a star anywhere in a frame by a linear map through its pairs.

    What few residuals tell of the scatter is joined with the stated errors, which count as PRIOR_NUMBERS of them.
    """
    u, spare = frame.pairs.u, max(2 * frame.pairs.u.size - 6, 0)
    own = np.sum(np.minimum(np.abs(residuals), WORST * frame.pairs.sigma) ** 2)
    variance = (own + PRIOR_NUMBERS * np.median(frame.pairs.sigma) ** 2) / (spare + PRIOR_NUMBERS)
    x, y = (
        axis.ravel()
        for axis in np.meshgrid(*(np.linspace(-1, 1, 9) * n / 2 / frame.half_diagonal for n in frame.frame.size_px))
    )
    terms = np.column_stack([np.ones(u.size), u.real, u.imag])
    places = np.column_stack([np.ones(x.size), x, y])
    leverage = np.einsum("ij,jk,ik->i", places, np.linalg.pinv(terms.T @ terms), places)
    return float(np.sqrt(variance * (1 + leverage.mean())))


def _result(frame, fitted, number, choice, scamp_degree, scamp_header):
    """Return the Result of a frame: our fit, or SCAMP's solution where that predicts stars clearly better."""
    middle = complex(*((length + 1) / 2 for length in frame.frame.size_px))
    header = tpv_header(frame.matrix, frame.centre_deg, middle, frame.half_diagonal, fitted, number)
    ours = _rms(np.abs(fitted.residuals[number])) * choice.optimism[choice.model]
    to_arcsec = frame.half_diagonal * frame.scale_arcsec
    expected = _expected(frame, fitted.residuals[number])
    result = Result(
        frame.frame.name,
        header,
        "fit",
        choice.model,
        DEGREES[choice.model],
        choice.shared,
        frame.pairs.u.size,
        max(ours, expected) * to_arcsec,
    )
    alike = next(model for model, degree in DEGREES.items() if degree == scamp_degree and model != "radial")
    if scamp_header is None or alike not in choice.optimism:  # nearly as many terms as stars fit any places
        return result
    theirs = _rms(np.abs(frame.residuals(scamp_header))) * choice.optimism[alike]
    log.info(
        "%s: errors of stars left out %.4f arcsec (%s), SCAMP %.4f",
        frame.frame.name,
        ours * to_arcsec,
        choice.model,
        theirs * to_arcsec,
    )
    if not theirs < CLEARLY * ours:
        return result
    return replace(
        result,
        header=scamp_header,
        solution="SCAMP",
        model=alike,
        degree=scamp_degree,
        shared=True,
        cv_arcsec=max(theirs, expected) * to_arcsec,
    )
