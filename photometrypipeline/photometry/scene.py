"""The stars around a target, known from the frames of a night: their places, and how bright they are in each frame.

A moving target uncovers what stands at its place.  Each star is measured in frames in which the target is elsewhere,
together with all others near it; its mean, scaled by the zeropoints, is what is taken off where the target passes.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from photometrypipeline.photometry.measure import Neighbour, ring_sky

NEAR_FWHM = 7.5  # sources so near to a target count, in its aperture or in the sky around it
GROUP_FWHM = 3.0  # stars so near to each other are fitted together
CLEAR_FWHM = 3.0  # a target farther away leaves a star alone
CORE_FWHM = 1.5  # radius of the pixels that are fitted
ALMOST_CLEAR_FWHM = 2.0  # the same where too few frames have it so far away
FEWEST_CLEAR = 3  # frames
MOST_FRAMES = 12  # in which a star is measured
MOST_MEMBERS = 60  # of a group
ROUNDS = 3  # of the fit: the noise of bright stars follows from their fluxes
FLOOR = 0.005  # relative error of a star's mean flux: the PSF, its own variations
LONE_ERROR = 0.05  # the same if a single frame shows it


@dataclass
class Placed:
    """Sources on a frame: x, y (0-based px), and the trail (x, y), px, of each, as lists."""

    x: np.ndarray
    y: np.ndarray
    trails: list


def fit_fluxes(exposure, placed, wanted=None):
    """Return (flux, flux_err), ADU of the whole profile, shape (n,), of sources fitted together; NaN off the frame.

    wanted : which of them are asked for, bool; the others are fitted where they are next to those
    """
    n = len(placed.x)
    flux, err = np.full(n, np.nan), np.full(n, np.nan)
    fwhm = exposure.fwhm_px
    rows, columns = exposure.pixels.shape
    inside = (placed.x > 1) & (placed.y > 1) & (placed.x < columns - 2) & (placed.y < rows - 2)
    apart = np.hypot(placed.x[:, None] - placed.x, placed.y[:, None] - placed.y)
    reach = np.array([np.hypot(*each) / 2 for each in placed.trails])
    linked = (apart < GROUP_FWHM * fwhm + reach[:, None] + reach) & inside & inside[:, None]
    groups = connected_components(coo_matrix(linked), directed=False)[1]
    for group in np.unique(groups[inside]):
        members = np.flatnonzero((groups == group) & inside)
        if wanted is not None and not wanted[members].any():
            continue
        for first in range(0, members.size, MOST_MEMBERS):
            some = members[first : first + MOST_MEMBERS]
            flux[some], err[some] = _fit_group(exposure, placed, some)
    return flux, err


def _fit_group(exposure, placed, members):
    """Return (flux, flux_err) of the members of a group, shape (n,); NaN where there are too few pixels."""
    x, y = placed.x[members], placed.y[members]
    middle = (x.min() + x.max()) / 2, (y.min() + y.max()) / 2
    reach = np.hypot(x - middle[0], y - middle[1]).max()
    inner, outer = exposure.ring_px
    cut = exposure.pixels.cutout(*middle, int(np.ceil(reach + outer)) + 1)
    dx, dy = cut.grid
    shift = middle[0] - cut.column, middle[1] - cut.row
    level, sigma, _ = ring_sky(cut, cut.pixels, dx - shift[0], dy - shift[1], reach + inner, reach + outer)
    nothing = np.full((2, members.size), np.nan)
    if not (np.isfinite(level) and sigma > 0):
        return nothing
    near, profiles = np.zeros(cut.pixels.shape, dtype=bool), []
    for n, (own_x, own_y) in enumerate(zip(x, y, strict=True)):
        own_dx, own_dy = dx - (own_x - cut.column), dy - (own_y - cut.row)
        trail = placed.trails[members[n]]
        near |= np.hypot(own_dx, own_dy) < CORE_FWHM * exposure.fwhm_px + np.hypot(*trail) / 2
        profiles.append((own_dx, own_dy, own_x, own_y, trail))
    near &= np.isfinite(cut.pixels)
    if near.sum() < 3 * members.size:
        return nothing
    shape, data = cut.pixels.shape, cut.pixels[near] - level
    columns = []
    for own_dx, own_dy, own_x, own_y, trail in profiles:
        own = tuple(np.broadcast_to(axis, shape)[near] for axis in (own_dx, own_dy))
        columns.append(exposure.psf.light(own_x, own_y, *own, trail))
    return _solve(np.column_stack(columns), data, sigma, exposure.gain)


def _solve(profiles, data, sigma, gain):
    """Return (flux, flux_err) of linear least squares, the photons of the sources in the weights."""
    variance = np.full(data.shape, sigma**2)
    for _ in range(ROUNDS):
        scaled = profiles / np.sqrt(variance)[:, None]
        normal = scaled.T @ scaled
        flux = np.linalg.lstsq(normal, scaled.T @ (data / np.sqrt(variance)), rcond=1e-9)[0]
        if not gain:
            break
        variance = sigma**2 + np.clip(profiles @ np.clip(flux, 0, None), 0, None) / gain
    return flux, np.sqrt(np.diag(np.linalg.pinv(normal, rcond=1e-9)))


@dataclass
class NightStars:
    """Stars along the way of a target: ra_deg, dec_deg, shape (n,), and their light in the aperture.

    flux, flux_err : mean over the frames, ADU in the aperture at a zeropoint of 0, shape (n,); NaN where unknown
    n_frames : in which it was measured;  x, y : 0-based px, shape (n_frames of the night, n)
    """

    ra_deg: np.ndarray
    dec_deg: np.ndarray
    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray | None = None
    flux_err: np.ndarray | None = None
    n_frames: np.ndarray | None = None

    def __len__(self):
        return len(self.ra_deg)


def joined(one, other):
    """Return the NightStars of both, the light of `other` unknown."""
    ra, dec = (np.append(*pair) for pair in ((one.ra_deg, other.ra_deg), (one.dec_deg, other.dec_deg)))
    unknown = np.full(len(other), np.nan)
    light = (None if each is None else np.append(each, unknown) for each in (one.flux, one.flux_err, one.n_frames))
    return NightStars(ra, dec, np.hstack([one.x, other.x]), np.hstack([one.y, other.y]), *light)


def blended(stars, number, new, fwhm_px):
    """Return which stars are fitted together with one of the last `new` stars in frame `number`, bool, shape (n,)."""
    apart = np.hypot(*(axis[number][:, None] - axis[number][-new:] for axis in (stars.x, stars.y)))
    return (apart < GROUP_FWHM * fwhm_px).any(axis=1)


def frames_for(stars, target_x, target_y, fwhm_px, sizes_px, moves, usable):
    """Return in which frames each star is to be measured: bool, shape (n_frames, n_stars).

    target_x, target_y : 0-based px in each frame, NaN where it is not expected;  fwhm_px, usable : of each frame
    sizes_px : (columns, rows) of each frame;  moves : a target that stands still is fitted together with its neighbours
    """
    sizes = np.array(sizes_px, dtype=float)
    margin = 2 * np.asarray(fwhm_px)[:, None]
    good = (stars.x > margin) & (stars.y > margin)
    good &= (stars.x < sizes[:, :1] - margin) & (stars.y < sizes[:, 1:] - margin)
    good &= np.asarray(usable, dtype=bool)[:, None]
    if moves:
        apart = np.hypot(stars.x - np.asarray(target_x)[:, None], stars.y - np.asarray(target_y)[:, None])
        for limit in (ALMOST_CLEAR_FWHM, CLEAR_FWHM):  # what is never clear is fitted together with the target
            with np.errstate(invalid="ignore"):
                clear = good & ~(apart < limit * np.asarray(fwhm_px)[:, None])
            good = np.where(clear.sum(axis=0) >= FEWEST_CLEAR, clear, good)
    for star in range(len(stars)):
        there = np.flatnonzero(good[:, star])
        if there.size > MOST_FRAMES:
            kept = there[np.linspace(0, there.size - 1, MOST_FRAMES).round().astype(int)]
            good[:, star] = False
            good[kept, star] = True
    return good


def mean_fluxes(stars, fluxes, errors, scale):
    """Put the mean light of each star over the night into NightStars.

    fluxes, errors : ADU in the aperture, shape (n_frames, n_stars), NaN where it was not measured
    scale : 10^(0.4 zeropoint) of each frame
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        values, sigma = fluxes / scale[:, None], errors / scale[:, None]
        known = np.isfinite(values) & np.isfinite(sigma) & (sigma > 0)
        middle, seen = np.full(len(stars), np.nan), known.any(axis=0)
        middle[seen] = np.nanmedian(np.where(known, values, np.nan)[:, seen], axis=0)
        far = np.abs(values - middle) > 5 * np.hypot(sigma, 0.02 * np.abs(middle))
        known &= ~far
        weight = np.where(known, 1 / sigma**2, 0.0)
        total = weight.sum(axis=0)
        mean = np.where(known, values, 0.0)
        mean = (mean * weight).sum(axis=0) / total
        number = known.sum(axis=0)
        chi2 = np.where(known, (values - mean) ** 2 * weight, 0).sum(axis=0) / np.maximum(number - 1, 1)
        err = np.sqrt(np.maximum(chi2, 1) / total)
    err = np.hypot(err, np.where(number > 1, FLOOR, LONE_ERROR) * np.abs(mean))
    found = np.array([np.where(number > 0, mean, np.nan), err, number])
    if stars.flux is not None:  # what was not measured again stays
        found = np.where(seen, found, [stars.flux, stars.flux_err, stars.n_frames])
    stars.flux, stars.flux_err, stars.n_frames = found


def neighbours(stars, number, x, y, reach_px, in_aperture):
    """Return the Neighbours (list) of a place (0-based px) in frame `number`, within `reach_px`.

    in_aperture : function of (x, y) that returns what a flux of 1 of the whole profile is in the aperture at a
        zeropoint of 0 there
    """
    near = np.hypot(stars.x[number] - x, stars.y[number] - y) < reach_px
    near &= np.isfinite(stars.flux) & (stars.flux > 0)
    found = []
    for star in np.flatnonzero(near):
        factor = in_aperture(stars.x[number, star], stars.y[number, star])
        found.append(
            Neighbour(
                float(stars.x[number, star]),
                float(stars.y[number, star]),
                float(stars.flux[star] / factor),
                float(stars.flux_err[star] / factor),
            )
        )
    return found
