"""Is it a match?  The odds that a WCS is right, from which sources it puts onto stars.

Bayes' theorem as Lang et al. (2010, AJ 139, 1782, section 3.4) put it: if the WCS is right, a source is a star of the
catalogue, off by its error, or something else (a distractor: an uncatalogued star, a hot pixel, a trail); if it is
wrong, sources lie anywhere.  The prior counts the places, angles and scales that could have been tried, so that the
odds mean the same for a blind search and for a good first guess.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

DISTRACTORS = np.array([0.1, 0.3, 0.6, 0.9])  # fractions of the sources that are no stars of the catalogue, to be tried
SIGMAS_PX = (0.2, 0.4, 0.8, 1.6, 3.2, 6.4)  # errors that are tried: stars may be trailed, lenses distort
NEIGHBOURS = 8  # of a star, from which the density around it is known
MIN_LOG_ODDS = np.log(1e6)  # a solution is accepted above: one in a million such is wrong


@dataclass(frozen=True)
class Prior:
    """How far the truth may have been from the first guess: the space that a search goes through."""

    radius_deg: float = 1.0  # of the pointing
    scale_factor: float = 1.2  # of the pixel scale
    angle_deg: float = 180.0  # of the orientation
    parities: int = 2

    def log_trials(self, scale_arcsec, half_diagonal_px, sigma_px):
        """Return the logarithm of the number of solutions that differ by more than `sigma_px` somewhere in the frame.

        scale_arcsec : of the pixels
        """
        steps = half_diagonal_px / sigma_px
        places = max(1.0, np.pi * (self.radius_deg * 3600 / scale_arcsec / sigma_px) ** 2)
        angles = max(1.0, 2 * np.radians(self.angle_deg) * steps)
        scales = max(1.0, 2 * np.log(self.scale_factor) * steps)
        return float(np.log(places) + np.log(angles) + np.log(scales) + np.log(self.parities))


@dataclass(frozen=True)
class Odds:
    """What speaks for a WCS.

    log_odds : natural logarithm of the odds, prior included;  sigma_px : error per axis that explains the matches best
    n_matched : sources that rather are a star than not
    """

    log_odds: float
    sigma_px: float
    n_matched: int


class Stars:
    """Stars of the catalogue that may be in the frame, by their `pixels` (complex, shape (n,))."""

    def __init__(self, pixels, area_px2):
        """area_px2 : of the frame, over which the stars are spread."""
        self.pixels = pixels
        self.mean_density = len(pixels) / area_px2
        self._points = np.column_stack([pixels.real, pixels.imag])
        self._tree = cKDTree(self._points) if len(pixels) else None

    def density(self, index):
        """Return the stars per px^2 around those of an index array; in a cluster a chance match is more likely."""
        if len(self.pixels) <= NEIGHBOURS or not len(index):
            return np.full(len(index), self.mean_density)
        reach = self._tree.query(self._points[index], NEIGHBOURS + 1)[0][:, -1]
        return np.maximum(self.mean_density, NEIGHBOURS / (np.pi * np.maximum(reach, 1e-3) ** 2))

    def nearest(self, pixels, radius_px):
        """Return (index, distance_px), shape (n,): for each source the star next to it, index -1 without one.

        A star goes to the source nearest to it alone.
        """
        n = len(pixels)
        if self._tree is None or not n:
            return np.full(n, -1), np.full(n, np.inf)
        points = np.column_stack([pixels.real, pixels.imag])
        distance, index = self._tree.query(points, distance_upper_bound=radius_px)
        order = np.argsort(distance, kind="stable")
        _, first = np.unique(index[order], return_index=True)
        taken = np.zeros(n, dtype=bool)
        taken[order[first]] = True
        found = taken & np.isfinite(distance)
        return np.where(found, index, -1), np.where(found, distance, np.inf)


def odds(source_pixels, stars, *, prior, scale_arcsec, half_diagonal_px):
    """Return the Odds that the WCS which gave the `stars` their pixels is right.

    source_pixels : complex, shape (n,), of the sources put to the test, the brightest first;  stars : Stars

    The brightest sources alone count, as many as speak best for the WCS: a catalogue may end where the frame goes on.
    What was tried (errors, fractions of distractors, numbers of sources) is held against the result.
    """
    n = len(source_pixels)
    index, distance = stars.nearest(source_pixels, 5 * SIGMAS_PX[-1])
    found = index >= 0
    best = Odds(-np.inf, SIGMAS_PX[0], 0)
    if not found.any():
        return best
    density = np.ones(n)
    density[found] = stars.density(index[found])
    tried = np.log(len(SIGMAS_PX) * len(DISTRACTORS) * n)
    for sigma in SIGMAS_PX:
        ratio = np.exp(-0.5 * (distance / sigma) ** 2) / (2 * np.pi * sigma**2 * density)
        gains = np.log(DISTRACTORS[:, None] + (1 - DISTRACTORS[:, None]) * ratio)
        totals = np.cumsum(gains, axis=1)
        fraction, last = np.unravel_index(np.argmax(totals), totals.shape)
        total = totals[fraction, last] - tried - prior.log_trials(scale_arcsec, half_diagonal_px, sigma)
        if total > best.log_odds:
            best = Odds(float(total), sigma, int((gains[fraction, : last + 1] > 0).sum()))
    return best
