"""Where is this frame?  The pattern of its stars found among those of a catalogue.

    solution = starpatterns.solve(x_px, y_px, flux, ra_deg, dec_deg, mag, centre_deg=(179.5, 6.2), scale_arcsec=0.38)
    solution.header, solution.log_odds              # a linear TAN WCS, and the odds that it is right

Any rotation, either parity, pointing and scale off by as much as is asked for.  Triangles of the brightest sources are
looked up, by the ratios of their sides, among triangles of neighbouring stars of the catalogue, as bright as those by
their number per area (Groth 1986, AJ 91, 1244).  A pair of similar triangles proposes a place, an angle and a scale;
proposals that agree point to the truth, whose odds are then worked out (matchodds.py) and which alone decide.
"""

import logging
from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from scipy.spatial import cKDTree

from photometrypipeline import matchodds, tangent
from photometrypipeline.matchodds import MIN_LOG_ODDS, Prior, Stars
from photometrypipeline.tangent import LinearMap

log = logging.getLogger("pp.starpatterns")

MIN_SOURCES = 5
TRIANGLE_SOURCES = 22  # brightest sources whose triangles are all taken
TESTED_SOURCES = 150  # brightest ones that a proposal is tested with
STARS_PER_SOURCE = 3  # stars of the catalogue per source tested: bands differ, clouds hide
RATIO_TOLERANCE = 0.012  # of the sides of similar triangles
NEIGHBOURS = 8  # of a star, with which it makes triangles
CELL = 0.03  # of the votes: rad, fraction of the scale, fraction of the frame's diagonal
MOST_PROPOSALS = 120  # cells that are put to the test
DEPTHS = (1.5, 4.0, 0.6)  # stars of the catalogue per source, tried one after the other
NEAR_DEG = 0.2  # pointing errors up to this are tried first


@dataclass(frozen=True)
class Solution:
    """A frame found on the sky.

    header : fits.Header, linear TAN WCS;  scale_arcsec : per px, geometric mean
    angle_deg : of rotation, such that wcskeywords.first_guess(..., flip_x=parity < 0, flip_y=False,
    rotate_deg=angle_deg) has this orientation;  parity : -1 as the sky is seen (East left of North), 1 mirrored
    centre_deg : (ra, dec) of the middle of the frame;  offset_deg : its distance from the pointing that was given
    log_odds : natural logarithm of the odds that this is right
    i_source, i_star : indices of sources and stars that belong together, shape (n_matched,);  rms_arcsec : per axis
    """

    header: fits.Header
    scale_arcsec: float
    angle_deg: float
    parity: int
    centre_deg: tuple
    offset_deg: float
    log_odds: float
    n_matched: int
    rms_arcsec: float
    i_source: np.ndarray
    i_star: np.ndarray


def solve(
    x_px,
    y_px,
    flux,
    ra_deg,
    dec_deg,
    mag,
    *,
    centre_deg,
    scale_arcsec=None,
    scale_tolerance=0.2,
    scale_range_arcsec=(0.05, 60.0),
    parity=None,
    pointing_error_deg=1.0,
    size_px=None,
    min_log_odds=MIN_LOG_ODDS,
):
    """Return the Solution for a frame, or None where no pattern of its sources stands the test.

    x_px, y_px, flux : of the sources, shape (n,); the first pixel is 1, any unit of flux; obvious non-stars left out
    ra_deg, dec_deg, mag : of the stars, shape (m,), at the epoch of the frame; they have to cover all the places that
    are possible: pointing error and half the diagonal of the frame around `centre_deg`
    centre_deg : (ra, dec), the assumed place of the middle of the frame
    scale_arcsec : assumed scale per px, right within the factor 1 + `scale_tolerance`; None tries `scale_range_arcsec`
    parity : 1 or -1 if known (see Solution);  size_px : (nx, ny), default the extent of the sources
    min_log_odds : of the solution, natural logarithm
    """
    frame = _Frame.of(x_px, y_px, flux, size_px)
    sky = _Sky.of(ra_deg, dec_deg, mag, centre_deg)
    if len(frame.pixels) < MIN_SOURCES or len(sky.plane) < MIN_SOURCES:
        return None
    parities = (1, -1) if parity is None else (parity,)
    factor = 1 + scale_tolerance
    for scale in [scale_arcsec] if scale_arcsec else scale_ladder(scale_range_arcsec, factor):
        total = factor if scale_arcsec else scale_range_arcsec[1] / scale_range_arcsec[0]
        prior = Prior(pointing_error_deg, total, 180.0, len(parities))
        radii = [r for r in (max(NEAR_DEG, frame.half_diagonal * scale / 3600),) if r < 0.8 * pointing_error_deg]
        for radius in [*radii, pointing_error_deg]:
            for depth in DEPTHS:
                search = _Search(frame, sky, scale, factor, radius, parities, prior)
                found = search.run(depth, min_log_odds)
                if found:
                    return _solution(*found, frame, sky)
    return None


def scale_ladder(scale_range_arcsec, factor):
    """Return scales (arcsec per px) that cover a range in steps, the middle of the range first."""
    low, high = np.log(scale_range_arcsec)
    steps = max(1, int(np.ceil((high - low) / (2 * np.log(factor)))))
    scales = np.exp(low + (high - low) * (np.arange(steps) + 0.5) / steps)
    return [float(scales[k]) for k in np.argsort(np.abs(np.arange(steps) - (steps - 1) / 2), kind="stable")]


@dataclass(frozen=True)
class _Frame:
    """The sources: pixels as complex numbers from the middle of the frame, brightest first; `order` among the input."""

    pixels: np.ndarray
    order: np.ndarray
    middle: complex
    half_diagonal: float
    half_size: tuple

    @classmethod
    def of(cls, x_px, y_px, flux, size_px):
        x, y, flux = (np.asarray(values, dtype=float) for values in (x_px, y_px, flux))
        good = np.flatnonzero(np.isfinite(x) & np.isfinite(y) & np.isfinite(flux))
        order = good[np.argsort(-flux[good], kind="stable")]
        if size_px is None:
            size_px = (x[good].max(), y[good].max()) if good.size else (1.0, 1.0)
        middle = complex((size_px[0] + 1) / 2, (size_px[1] + 1) / 2)
        pixels = x[order] + 1j * y[order] - middle
        return cls(pixels, order, middle, float(np.hypot(*size_px)) / 2, (size_px[0] / 2, size_px[1] / 2))

    @property
    def area_px2(self):
        return 4 * self.half_size[0] * self.half_size[1]

    def holds(self, pixels, margin_px=0.0):
        """Return the mask of pixels (complex, from the middle) inside the frame."""
        across, up = self.half_size
        return (np.abs(pixels.real) <= across + margin_px) & (np.abs(pixels.imag) <= up + margin_px)


@dataclass(frozen=True)
class _Sky:
    """The stars: plane coordinates around the assumed pointing, deg, brightest first; `order` among the input."""

    plane: np.ndarray
    order: np.ndarray
    ra_deg: np.ndarray
    dec_deg: np.ndarray
    centre_deg: tuple

    @classmethod
    def of(cls, ra_deg, dec_deg, mag, centre_deg):
        ra, dec = np.asarray(ra_deg, dtype=float), np.asarray(dec_deg, dtype=float)
        mag = np.nan_to_num(np.asarray(mag, dtype=float), nan=np.inf)
        plane = tangent.project(ra, dec, centre_deg) if ra.size else np.empty(0, dtype=complex)
        order = np.argsort(mag, kind="stable")
        order = order[np.isfinite(plane[order])]
        return cls(plane[order], order, ra[order], dec[order], tuple(centre_deg))


@dataclass(frozen=True)
class _Triangles:
    """Triangles: `corners` (indices, shape (n, 3)) opposite to the longest, middle and shortest side, and their shape.

    features : middle over longest and shortest over longest side, shape (n, 2);  longest : in the units of the points
    turn : 1 if the corners run anticlockwise, else -1
    """

    corners: np.ndarray
    features: np.ndarray
    longest: np.ndarray
    turn: np.ndarray

    @classmethod
    def of(cls, points, corners, shortest, longest):
        """Return those triangles of `points` (complex) whose longest side lies in the range and that tell something."""
        p = points[corners]
        sides = np.abs(np.stack([p[:, 1] - p[:, 2], p[:, 2] - p[:, 0], p[:, 0] - p[:, 1]], axis=1))
        order = np.argsort(-sides, axis=1)
        sides = np.take_along_axis(sides, order, axis=1)
        corners = np.take_along_axis(corners, order, axis=1)
        good = (sides[:, 0] >= shortest) & (sides[:, 0] <= longest)
        sides, corners = sides[good], corners[good]
        features = sides[:, 1:] / sides[:, :1]
        # thin ones measure nothing, and the corners of nearly isosceles ones change places with the errors
        good = (features[:, 1] > 0.12) & (features[:, 0] < 0.985) & (features[:, 1] < 0.985 * features[:, 0])
        good &= features.sum(axis=1) > 1.03
        corners, features, sides = corners[good], features[good], sides[good]
        p = points[corners]
        turn = np.sign(((p[:, 1] - p[:, 0]) * np.conj(p[:, 2] - p[:, 0])).imag)
        return cls(corners, features, sides[:, 0], -turn)


def _all_triples(n):
    return np.array([(i, j, k) for i in range(n) for j in range(i + 1, n) for k in range(j + 1, n)], dtype=np.intp)


def _neighbouring_triples(points, neighbours):
    """Return the triples (indices, shape (n, 3)) of each point with two of its nearest neighbours."""
    neighbours = min(neighbours, len(points) - 1)
    xy = np.column_stack([points.real, points.imag])
    near = cKDTree(xy).query(xy, neighbours + 1)[1][:, 1:]
    first, second = np.triu_indices(neighbours, 1)
    triples = np.stack(
        [np.repeat(np.arange(len(points)), first.size), near[:, first].ravel(), near[:, second].ravel()], axis=1
    )
    triples.sort(axis=1)
    number = len(points)
    _, unique = np.unique((triples[:, 0] * number + triples[:, 1]) * number + triples[:, 2], return_index=True)
    return triples[unique]


@dataclass(frozen=True)
class _Search:
    """One search: around an assumed scale (arcsec per px, right within `factor`) and pointing (within `radius_deg`)."""

    frame: _Frame
    sky: _Sky
    scale: float
    factor: float
    radius_deg: float
    parities: tuple
    prior: Prior

    def run(self, depth, min_log_odds):
        """Return (LinearMap, centre_deg, Odds) or None, with `depth` stars of the catalogue per source."""
        pixel_deg = self.scale / 3600
        frame = self.frame
        n_bright = min(TRIANGLE_SOURCES, len(frame.pixels))
        reach = self.radius_deg + frame.half_diagonal * pixel_deg * self.factor
        near = np.abs(self.sky.plane) <= reach
        wanted = depth * n_bright * np.pi * reach**2 / (frame.area_px2 * pixel_deg**2)
        stars = self.sky.plane[near][: int(np.ceil(wanted))]
        if len(stars) < 4:
            return None
        ours, theirs = self._triangles(frame.pixels[:n_bright], stars / pixel_deg)
        tested = self._brightest(near)
        proposals = self._proposals(ours, theirs, frame.pixels, stars)
        best = None
        for a, c, parity in proposals:
            start = LinearMap(a, 0j, c) if parity > 0 else LinearMap(0j, a, c)
            found = self._test(start, parity, tested)
            if found and (best is None or found[2].log_odds > best[2].log_odds):
                best = found
                if found[2].log_odds > 2 * min_log_odds:
                    break
        return best if best and best[2].log_odds >= min_log_odds else None

    def _brightest(self, near):
        """Return (indices, kd-tree of their places) of as many stars as the tests of this search may need."""
        pixel_deg = self.scale / 3600
        per_frame = STARS_PER_SOURCE * min(len(self.frame.pixels), TESTED_SOURCES)
        reach = self.radius_deg + self.frame.half_diagonal * pixel_deg * self.factor
        wanted = 1.5 * per_frame * np.pi * reach**2 / (self.frame.area_px2 * pixel_deg**2)
        brightest = np.flatnonzero(near)[: int(np.ceil(wanted))]
        plane = self.sky.plane[brightest]
        return brightest, cKDTree(np.column_stack([plane.real, plane.imag]))

    def _triangles(self, pixels, stars_px):
        """Return the _Triangles of sources and stars, both in pixels of the assumed scale."""
        least, most = 0.05 * self.frame.half_diagonal, 2.0 * self.frame.half_diagonal
        ours = _Triangles.of(pixels, _all_triples(len(pixels)), least, most)
        triples = _neighbouring_triples(stars_px, NEIGHBOURS)
        return ours, _Triangles.of(stars_px, triples, least / self.factor, most * self.factor)

    def _proposals(self, ours, theirs, pixels, stars):
        """Yield (factor, shift, parity) of similarities that pairs of like triangles agree on, the most votes first."""
        if not len(ours.corners) or not len(theirs.corners):
            return
        # the third coordinate: as many tolerances of a ratio as the scale may be off
        weight = RATIO_TOLERANCE / (np.log(self.factor) + RATIO_TOLERANCE)
        one = np.column_stack([ours.features, np.log(ours.longest) * weight])
        other = np.column_stack([theirs.features, np.log(theirs.longest) * weight])
        pairs = cKDTree(one).query_ball_tree(cKDTree(other), RATIO_TOLERANCE, p=np.inf)
        counts = np.fromiter((len(pair) for pair in pairs), dtype=np.intp, count=len(pairs))
        if not counts.sum():
            return
        i_ours = np.repeat(np.arange(len(pairs)), counts)
        i_theirs = np.concatenate([np.asarray(pair, dtype=np.intp) for pair in pairs if pair])
        parity = (ours.turn[i_ours] * theirs.turn[i_theirs]).astype(int)
        z = pixels[ours.corners[i_ours]]
        z = np.where(parity[:, None] > 0, z, np.conj(z))
        w = stars[theirs.corners[i_theirs]]
        z_mean, w_mean = z.mean(axis=1), w.mean(axis=1)
        z0 = z - z_mean[:, None]
        a = (np.conj(z0) * (w - w_mean[:, None])).sum(axis=1) / (np.abs(z0) ** 2).sum(axis=1)
        c = w_mean - a * z_mean
        good = np.isin(parity, self.parities) & (np.abs(c) <= self.radius_deg * 1.02)
        good &= np.abs(np.log(np.abs(a) * 3600 / self.scale)) <= np.log(self.factor) + CELL
        yield from self._by_votes(a[good], c[good], parity[good])

    def _by_votes(self, a, c, parity):
        """Yield the medians of the cells with the most proposals, of two grids that are shifted against each other."""
        if not a.size:
            return
        place = CELL * 2 * self.frame.half_diagonal * self.scale / 3600
        coordinates = np.column_stack([np.log(np.abs(a)) / CELL, np.angle(a) / CELL, c.real / place, c.imag / place])
        coordinates -= coordinates.min(axis=0)
        cells = []
        for shift in (0.0, 0.5):
            steps = np.floor(coordinates + shift).astype(np.int64)
            sizes = steps.max(axis=0) + 1
            key = ((steps[:, 0] * sizes[1] + steps[:, 1]) * sizes[2] + steps[:, 2]) * sizes[3] + steps[:, 3]
            key = key * 2 + (parity > 0)
            order = np.argsort(key, kind="stable")
            starts = np.flatnonzero(np.diff(key[order], prepend=-1))
            counts = np.diff(starts, append=key.size)
            for cell in np.argsort(-counts, kind="stable")[:MOST_PROPOSALS]:
                cells.append((int(counts[cell]), order[starts[cell] : starts[cell] + counts[cell]]))
        cells.sort(key=lambda cell: -cell[0])
        for _, members in cells[:MOST_PROPOSALS]:
            middle = members if members.size < 3 else _central(members, coordinates[members])
            yield a[middle].mean(), c[middle].mean(), int(parity[members[0]])

    def _test(self, start, parity, candidates):
        """Return (LinearMap, centre_deg, Odds) of a proposal after its map was fitted to its matches, or None."""
        frame, sky = self.frame, self.sky
        tested = frame.pixels[:TESTED_SOURCES]
        centre = tuple(float(value[0]) for value in tangent.deproject(start.c, sky.centre_deg))
        brightest, tree = candidates
        reach = 1.1 * frame.half_diagonal * np.sqrt(abs(start.determinant))
        around = brightest[np.sort(tree.query_ball_point([start.c.real, start.c.imag], reach))]
        pixels = start.inverse(sky.plane[around])
        inside = frame.holds(pixels, 0.05 * frame.half_diagonal)
        inside, pixels = (part[inside][: STARS_PER_SOURCE * len(tested)] for part in (around, pixels))
        if inside.size < 4:
            return None
        # the turn of North between the two tangent points is in the fit that follows
        plane = tangent.project(sky.ra_deg[inside], sky.dec_deg[inside], centre)
        stars = Stars(pixels, frame.area_px2)
        radius = max(4.0, 0.015 * frame.half_diagonal)
        found, fitted = None, None
        for _ in range(8):
            index, distance = stars.nearest(tested, radius)
            matched = index >= 0
            if matched.sum() < 4:
                break
            kind = parity if matched.sum() < 7 else 0
            fitted = LinearMap.fit(tested[matched], plane[index[matched]], kind)
            if not self._plausible(fitted, parity):
                return None
            stars = Stars(fitted.inverse(plane), frame.area_px2)
            found = matchodds.odds(
                tested,
                stars,
                prior=self.prior,
                scale_arcsec=np.sqrt(abs(fitted.determinant)) * 3600,
                half_diagonal_px=frame.half_diagonal,
            )
            narrower = max(1.5, 4 * found.sigma_px) if np.isfinite(found.log_odds) else radius / 1.5
            if narrower >= radius:
                break
            radius = max(narrower, radius / 2)
        return (fitted, centre, found) if found else None

    def _plausible(self, fitted, parity):
        """Return whether a map has the scale that was asked for, its parity, and hardly any shear."""
        scale = np.sqrt(abs(fitted.determinant)) * 3600
        shear = min(abs(fitted.a), abs(fitted.b)) / max(abs(fitted.a), abs(fitted.b))
        off = abs(np.log(scale / self.scale)) <= np.log(self.factor) + CELL
        return bool(off and np.sign(fitted.determinant) == parity and shear < 0.03)


def _central(members, coordinates):
    """Return those third of the members of a cell that lie nearest to the median of all."""
    distance = np.abs(coordinates - np.median(coordinates, axis=0)).max(axis=1)
    return members[np.argsort(distance, kind="stable")[: max(1, members.size // 3)]]


def _solution(fitted, centre_deg, found, frame, sky):
    """Return the Solution: the map fitted once more, to all matches around the true middle of the frame."""
    middle = tuple(float(value[0]) for value in tangent.deproject(fitted(0j), centre_deg))
    plane = tangent.project(sky.ra_deg, sky.dec_deg, middle)
    # the same map around the new tangent point, exact at three pixels
    corners = frame.half_diagonal / 2 * np.array([1, -0.5 + 0.9j, -0.5 - 0.9j])
    fitted = LinearMap.fit(corners, tangent.project(*tangent.deproject(fitted(corners), centre_deg), middle))
    radius = max(1.5, 4 * found.sigma_px)
    for _ in range(3):
        pixels = fitted.inverse(plane)
        inside = np.flatnonzero(np.isfinite(plane) & frame.holds(pixels, radius))
        inside = inside[: STARS_PER_SOURCE * max(len(frame.pixels), TESTED_SOURCES)]
        index, distance = Stars(pixels[inside], frame.area_px2).nearest(frame.pixels, radius)
        matched = index >= 0
        if matched.sum() < 7:
            break
        fitted = LinearMap.fit(frame.pixels[matched], plane[inside[index[matched]]])
    scale = float(np.sqrt(abs(fitted.determinant)) * 3600)
    offsets = distance[matched] * scale
    placed = LinearMap(fitted.a, fitted.b, fitted(-frame.middle))  # pixels of the image, not from its middle
    matrix, parity = placed.matrix, int(np.sign(fitted.determinant))
    return Solution(
        header=placed.header(middle),
        scale_arcsec=scale,
        angle_deg=float(np.degrees(np.arctan2(-matrix[0, 1], matrix[1, 1]))),
        parity=parity,
        centre_deg=middle,
        offset_deg=float(np.abs(tangent.project(*middle, sky.centre_deg)[0])),
        log_odds=found.log_odds,
        n_matched=int(matched.sum()),
        rms_arcsec=float(np.sqrt(np.mean(offsets**2) / 2)) if matched.any() else np.nan,
        i_source=frame.order[matched],
        i_star=sky.order[inside[index[matched]]],
    )
