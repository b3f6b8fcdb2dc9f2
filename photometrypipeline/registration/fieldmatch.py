"""A frame put onto the sky: its sources and the stars as points in two planes, and a proposed map put to the test.

Proposals come from starpatterns.py and starshift.py; here they are fitted to their matches, and the odds of what comes
out are worked out (matchodds.py).
"""

from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from scipy.spatial import cKDTree

from photometrypipeline.registration import matchodds
from photometrypipeline.registration.matchodds import Prior, Stars
from photometrypipeline.sky import tangent
from photometrypipeline.sky.tangent import LinearMap

TESTED_SOURCES = 150  # brightest ones that a proposal is tested with
STARS_PER_SOURCE = 3  # stars of the catalogue per source tested: bands differ, clouds hide
SLACK = 0.03  # natural logarithm of the scale, beyond what was asked for
MAX_SHEAR = 0.03  # of square pixels


@dataclass(frozen=True)
class Solution:
    """A frame found on the sky.

    header : fits.Header, linear TAN WCS;  scale_arcsec : per px, geometric mean
    angle_deg : of rotation, such that wcskeywords.first_guess(..., flip_x=parity < 0, flip_y=False,
    rotate_deg=angle_deg) has this orientation;  parity : -1 as the sky is seen (East left of North), 1 mirrored
    centre_deg : (ra, dec) of the middle of the frame;  offset_deg : its distance from the pointing that was given
    log_odds : natural logarithm of the odds that this is right;  prior : of the search that found it
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
    prior: Prior


@dataclass(frozen=True)
class SourceField:
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
class StarField:
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


class Candidates:
    """As many of the brightest stars of a region as its tests may need, with a kd-tree of their places."""

    def __init__(self, frame, sky, scale_arcsec, reach_deg):
        """reach_deg : radius of the region around the origin of the plane of `sky`."""
        pixel_deg = scale_arcsec / 3600
        per_frame = STARS_PER_SOURCE * min(len(frame.pixels), TESTED_SOURCES)
        wanted = 1.5 * per_frame * np.pi * reach_deg**2 / (frame.area_px2 * pixel_deg**2)
        self.index = np.flatnonzero(np.abs(sky.plane) <= reach_deg)[: int(np.ceil(wanted))]
        plane = sky.plane[self.index]
        self._tree = cKDTree(np.column_stack([plane.real, plane.imag]))

    def within(self, place, radius_deg):
        """Return the indices of the stars around a place (complex, deg), brightest first."""
        return self.index[np.sort(self._tree.query_ball_point([place.real, place.imag], radius_deg))]


@dataclass(frozen=True)
class Bounds:
    """What a solution keeps to: the assumed `scale` (arcsec per px) within `factor`; and the Prior of the search."""

    scale: float
    factor: float
    prior: Prior

    def allow(self, fitted, parity):
        """Return whether a map has the scale that was asked for, its parity, and hardly any shear."""
        scale = np.sqrt(abs(fitted.determinant)) * 3600
        shear = min(abs(fitted.a), abs(fitted.b)) / max(abs(fitted.a), abs(fitted.b))
        off = abs(np.log(scale / self.scale)) <= np.log(self.factor) + SLACK
        return bool(off and np.sign(fitted.determinant) == parity and shear < MAX_SHEAR)


def test(start, frame, sky, candidates, bounds):
    """Return (LinearMap, centre_deg, Odds) of a proposal after its map was fitted to its matches, or None.

    start : LinearMap onto the plane of `sky`;  candidates : Candidates;  bounds : Bounds
    """
    parity = int(np.sign(start.determinant))
    tested = frame.pixels[:TESTED_SOURCES]
    centre = tuple(float(value[0]) for value in tangent.deproject(start.c, sky.centre_deg))
    reach = 1.1 * frame.half_diagonal * np.sqrt(abs(start.determinant))
    around = candidates.within(start.c, reach)
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
        if not bounds.allow(fitted, parity):
            return None
        stars = Stars(fitted.inverse(plane), frame.area_px2)
        found = matchodds.odds(
            tested,
            stars,
            prior=bounds.prior,
            scale_arcsec=np.sqrt(abs(fitted.determinant)) * 3600,
            half_diagonal_px=frame.half_diagonal,
        )
        narrower = max(1.5, 4 * found.sigma_px) if np.isfinite(found.log_odds) else radius / 1.5
        if narrower >= radius:
            break
        radius = max(narrower, radius / 2)
    return (fitted, centre, found) if found else None


def finish(fitted, centre_deg, found, frame, sky, prior):
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
        prior=prior,
    )
