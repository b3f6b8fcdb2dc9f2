"""Many places of a frame measured at once, each as a target would be that has its sub-pixel position and its trail.

Empty places tell the noise; copies of a target put into them tell what its magnitude and its error are worth.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt

from photometrypipeline.photometry.measure import place_of
from photometrypipeline.photometry.ringsky import skies

MIN_EMPTY = 30
N_EMPTY = 300
NEAR_PX = 220  # around a target: noise and sky there are its own
NORMAL = {68.27: 1.0, 95.45: 2.0}  # so many percent of a normal distribution lie within so many sigma


@dataclass
class Copies:
    """Pixels around `n` places that lie a whole number of pixels from a measure.Place.

    left : ADU without sky and neighbours, 0 where there is none, shape (n, rows, columns);  usable : bool, the same
    sky_err, sigma : of each, ADU, shape (n,);  scene : light of neighbours and its relative error, [(n-th, image, err)]
    """

    place: object
    left: np.ndarray
    usable: np.ndarray
    sigma: np.ndarray
    sky_err: np.ndarray
    numbers: np.ndarray
    scene: list


def at(exposure, x, y, trail_px, shifts, neighbours=()):
    """Return the Copies at (x, y) + `shifts` (whole px, shape (n, 2)) where there are pixels and sky.

    neighbours : for each of the shifts a list of measure.Neighbour, or none at all
    """
    place = place_of(exposure, x, y, trail_px)
    inner, outer = place.ring
    distance = np.hypot(place.dx, place.dy)
    ring = (distance > inner) & (distance < outer)
    pixels, occupied, scene, numbers = [], [], [], []
    for number, shift in enumerate(shifts):
        cut = exposure.pixels.cutout(place.cut.column + shift[0], place.cut.row + shift[1], place.cut.half)
        if not np.isfinite(cut.pixels[place.inside > 0]).all():
            continue
        for each in neighbours[number] if len(neighbours) else ():
            dx, dy = place.dx - (each.x - x - shift[0]), place.dy - (each.y - y - shift[1])
            image = each.flux * exposure.psf.light(each.x, each.y, dx, dy)
            cut.pixels -= image
            scene.append((len(pixels), image, each.flux_err / each.flux))
        pixels.append(cut.pixels)
        occupied.append(cut.occupied)
        numbers.append(number)
    if not pixels:
        nothing = np.empty((0, *place.cut.pixels.shape))
        return Copies(place, nothing, nothing.astype(bool), *np.empty((2, 0)), np.empty(0, dtype=int), [])
    pixels, occupied = np.array(pixels), np.array(occupied)
    around = [np.broadcast_to(axis, ring.shape)[ring] for axis in (place.dx, place.dy)]
    level, sigma, number = skies(np.where(occupied, np.nan, pixels)[:, ring], *around)
    good = np.isfinite(level) & (sigma > 0)
    usable = np.isfinite(pixels)
    left = np.where(usable, pixels - level[:, None, None], 0.0)
    order = np.cumsum(good) - 1
    scene = [(int(order[n]), image, err) for n, image, err in scene if good[n]]
    sky_err = sigma[good] / np.sqrt(number[good])
    return Copies(place, left[good], usable[good], sigma[good], sky_err, np.array(numbers)[good], scene)


def photons_of(copies, flux, gain, rng):
    """Return pixels (as Copies.left) of targets of `flux` ADU with their own photon noise, to be added to copies."""
    light = np.broadcast_to(np.clip(copies.place.profile * flux, 0, None), copies.left.shape)
    return rng.poisson(light * gain) / gain if gain else light


def fluxes(exposure, copies, added=0.0):
    """Return (aperture, its error, PSF, its error), ADU as a star would have them in the aperture, shape (n,) each.

    added : pixels that are put in, as Copies.left
    """
    place, gain = copies.place, exposure.gain
    left = np.where(copies.usable, copies.left + added, 0.0)
    ratio = place.star_share / place.share
    in_aperture = (place.inside * left).sum(axis=(1, 2))
    profile = np.where(copies.usable, place.profile, 0.0)
    flux = np.maximum(in_aperture / place.share, 0.0)
    noise2 = copies.sigma[:, None, None] ** 2
    for _ in range(2):
        photons = profile * np.maximum(flux, 0.0)[:, None, None] / gain if gain else 0.0
        weight = profile / (noise2 + photons)
        norm = (weight * profile).sum(axis=(1, 2))
        flux = (weight * left).sum(axis=(1, 2)) / norm
    photons = profile * np.maximum(flux, 0.0)[:, None, None] / gain if gain else 0.0
    variance = noise2 * exposure.noise_factor**2 + photons
    total = weight.sum(axis=(1, 2)) / norm
    err_psf2 = (weight**2 * variance).sum(axis=(1, 2)) / norm**2 + (total * copies.sky_err) ** 2
    err2 = (place.inside**2 * variance).sum(axis=(1, 2)) + (place.inside.sum() * copies.sky_err) ** 2
    for n, image, err in copies.scene:
        relative = np.hypot(err, 0.01)
        err2[n] += ((place.inside * image).sum() * relative) ** 2
        err_psf2[n] += ((weight[n] * image).sum() / norm[n] * relative) ** 2
    return (
        in_aperture * ratio,
        np.sqrt(err2) * ratio,
        flux * place.star_share,
        np.sqrt(err_psf2) * place.star_share,
    )


def empty_shifts(exposure, x, y, trail_px, rng, number=N_EMPTY, reach_px=NEAR_PX):
    """Return up to `number` shifts (whole px, shape (n, 2)) from a place to empty ones around it.

    Neither sources nor bad pixels are in their apertures; the place itself is left alone.
    """
    own = 2 * exposure.radius_px + np.hypot(*trail_px)
    whole = exposure.pixels.cutout(x, y, reach_px)
    blocked = whole.occupied | ~np.isfinite(whole.pixels)
    free = distance_transform_edt(~blocked) > exposure.radius_px + 1
    steps = np.arange(-reach_px, reach_px + 1)
    free &= np.hypot(steps, steps[:, None]) > own
    dy, dx = np.nonzero(free)
    if not dx.size:
        return np.empty((0, 2), dtype=int)
    chosen = rng.permutation(dx.size)[: 8 * number]
    shifts = np.column_stack([dx[chosen], dy[chosen]]) - reach_px
    return shifts[:number]


def noise_at(exposure, x, y, trail_px, rng):
    """Return (noise of the aperture, of the PSF; number) of empty places around one, ADU as a star has it there.

    NaN where there are fewer than MIN_EMPTY; what noise is correlated between pixels, faint sources that nobody sees
    and an uneven sky are in it.
    """
    copies = at(exposure, x, y, trail_px, empty_shifts(exposure, x, y, trail_px, rng))
    if copies.sigma.size < MIN_EMPTY:
        return np.nan, np.nan, int(copies.sigma.size)
    found = fluxes(exposure, copies)
    return _scatter(found[0]), _scatter(found[2]), int(copies.sigma.size)


def _scatter(values):
    """Return the scatter of fluxes: of their middle or, where faint sources widen it, of their tails."""
    off = np.abs(values - np.median(values))
    return float(max(np.percentile(off, share) / sigma for share, sigma in NORMAL.items()))
