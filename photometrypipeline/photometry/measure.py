"""How bright a target is at a known place: in the aperture of the reference stars, and by PSF times trail.

Both are given as the light that a star as bright would have in the aperture, so that one zeropoint holds for both.
The sky is that of a ring (ringsky); the weights of the PSF are those of the target for the stars as well, so that
errors of the PSF cancel.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.ndimage import binary_dilation, median_filter

from photometrypipeline.photometry import ringsky
from photometrypipeline.photometry.cutouts import FramePixels, aperture
from photometrypipeline.photometry.errorbars import MAG_PER_RELATIVE_FLUX
from photometrypipeline.photometry.framepsf import FramePSF
from photometrypipeline.photometry.ties import LEAST_STARS, Ties, robust_mean

RING_FWHM = 4.0  # inner radius of the ring of sky
RING_WIDTH_FWHM = 2.5
RING_WIDTH_PX = 8.0
RING_AREA = 30.0  # times that of the aperture, at least: the sky of a small ring would cost what a large aperture gains
REACH_FWHM = 3.0  # to which the light of a target is weighed
MOST_STARS = 25  # that tie a frame's PSF to its source list
SECTORS = 8  # of a ring, which tell how even the sky is
MODEL_ERROR = 0.01  # of the light of a neighbour, by the PSF
TRAIL_ERROR = 0.05  # of the correction for the trail
GUESSED_ERROR = 0.1  # the same where the PSF is guessed from a width, which may be off by a fifth
PLACES = 3  # in a pixel, per axis, over which the light in an aperture is averaged
PLACE_ERROR = 0.2  # of the correction for a place among the pixels, by what profiles of one width differ
SHARPEST_PX = 2.0  # FWHM below which a star is as sharp as a cosmic ray
STRUCK_SIGMA = 8.0
COVERED = 0.5  # of the noise of a pixel, by light of a neighbour: there it is no sky, even when that is off
SAME_FWHM = 0.7  # a source so near to a neighbour is that neighbour
STEEP = 0.1  # of the step from a pixel to those around it, by which a profile may be wrong
AROUND = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]])


@dataclass
class Exposure:
    """One frame, ready to be measured at any place.

    pixels : FramePixels;  psf : FramePSF;  wcs : astropy WCS;  radius_px : of the aperture;  gain : e-/ADU or None
    ties : Ties to its source list, None where there are too few stars
    aperture_offset_mag : magnitudes of the source list minus those of our aperture
    """

    pixels: FramePixels
    psf: FramePSF
    wcs: object
    radius_px: float
    gain: float | None
    noise_factor: float = 1.0  # noise of apertures over that of their pixels, where pixels were resampled
    ties: Ties | None = None
    aperture_offset_mag: float = 0.0
    starless: bool = False  # a stack that follows a target: stars are no points in it, and masked
    _shares: dict = field(default_factory=dict)
    _offsets: dict = field(default_factory=dict)

    def __getstate__(self):
        return self.__dict__ | {"wcs": None}  # whoever reads it again has that of the frame

    @property
    def fwhm_px(self):
        return self.psf.fwhm_px

    def share_at(self, x, y):
        """Return the share of a star's light in the aperture near a place (0-based px), to a pixel.

        It is the mean over all places among the pixels, which the reference stars have, and that of the PSF in the
        pixel's middle, whoever asks first: results must not depend on who measures which frame when.
        """
        key = (round(x), round(y)) if self.psf.varies else (0, 0)
        if key not in self._shares:
            self._shares[key] = _mean_share(self.psf, *map(float, key), self.radius_px)
        return self._shares[key]

    @property
    def ring_px(self):
        """(inner, outer) radius of the ring of sky around a star."""
        return ring_px(self.fwhm_px, self.radius_px)

    @property
    def usual_psf_offset_mag(self):
        """What `psf_offset_mag` gives for a source that is not brighter than the sky."""
        if None not in self._offsets:
            sky = self.ties.variance**0.5 if self.ties else 1.0
            self._offsets[None] = self.psf_offset_mag(0.0, sky)[0]
        return self._offsets[None]

    def psf_offset_mag(self, flux, sigma):
        """Return (mag, error, n): magnitudes of the list minus those by the PSF, with the weights of a target.

        flux, sigma : of the target and of a pixel of its sky, ADU
        """
        return self.ties.offset_mag(flux, sigma, self.gain) if self.ties else (0.0, np.nan, 0)


def _mean_share(psf, x, y, radius_px):
    """Return the share of a star's light in an aperture around it, the mean over its places among the pixels."""
    half = int(np.ceil(radius_px)) + 1
    steps = np.linspace(-half, half, 2 * half * PLACES + 1)
    dx, dy = steps[None, :], steps[:, None]
    return float((aperture(dx, dy, radius_px) * psf.light(x, y, dx, dy)).sum()) / PLACES**2


@dataclass(frozen=True)
class Neighbour:
    """A star near a target: place (0-based px) in a frame, light (ADU, of the whole profile) and its error."""

    x: float
    y: float
    flux: float
    flux_err: float


@dataclass
class Light:
    """What was measured at a place; fluxes in ADU as a star would have them in the aperture, errors 1 sigma.

    flux_err : photons and sky;  scene_err : neighbours;  offsets are to be added to magnitudes of these fluxes
    neighbour_flux : light of neighbours in the aperture, as it is there
    pixel_correction_mag : added for the place among the pixels, on which the light in an aperture depends
    trail_chi2 : by how much a source that is not drawn out along its trail fits worse
    noise : of `flux` by empty places around (n_empty), NaN where nobody looked
    dx, dy, place_err : px from the place given to where the light is, by the PSF
    n_struck : pixels that were left out since they are sharper than any light through the optics
    neighbours : tuple of Neighbour, whose light was taken off
    """

    flux: float
    flux_err: float
    scene_err: float
    psf_flux: float
    psf_flux_err: float
    psf_scene_err: float
    offset_mag: float
    psf_offset_mag: float
    psf_err_mag: float
    trail_correction_mag: float
    neighbour_flux: float
    neighbour_fraction: float
    masked_fraction: float
    nearest_fwhm: float
    sky: float
    sigma: float
    dx: float = np.nan
    dy: float = np.nan
    place_err: float = np.nan
    trail_px: tuple = (0.0, 0.0)
    pixel_correction_mag: float = 0.0
    trail_chi2: float = 0.0
    noise: float = np.nan
    n_empty: int = 0
    n_struck: int = 0
    neighbours: tuple = ()

    def mag(self, psf=False):
        """Return (instrumental magnitude, its error by photons and sky, by the scene); NaN without light."""
        flux, err, scene = (
            (self.psf_flux, self.psf_flux_err, self.psf_scene_err)
            if psf
            else (self.flux, self.flux_err, self.scene_err)
        )
        if not flux > 0:
            return np.nan, np.nan, np.nan
        offset = self.psf_offset_mag if psf else self.offset_mag
        errors = MAG_PER_RELATIVE_FLUX * np.array([err, scene]) / flux
        return float(-2.5 * np.log10(flux) + offset), float(errors[0]), float(errors[1])


def ring_px(fwhm_px, radius_px):
    """Return the (inner, outer) radius (px) of the ring of sky around a star."""
    inner = max(RING_FWHM * fwhm_px, radius_px + 2)
    outer = inner + max(RING_WIDTH_FWHM * fwhm_px, RING_WIDTH_PX)
    return inner, max(outer, float(np.sqrt(inner**2 + RING_AREA * radius_px**2)))


def ring_sky(cut, pixels, dx, dy, inner, outer):
    """Return (level, sigma, number) of the sky in a ring of a Cutout, sources left out where enough remains.

    As ringsky.skies has it; NaN for too few pixels.
    """
    distance = np.hypot(dx, dy)
    ring = (distance > inner) & (distance < outer)
    places = [np.broadcast_to(axis, ring.shape)[ring] for axis in (dx, dy)]
    for values in (np.where(cut.occupied, np.nan, pixels)[ring], pixels[ring]):
        level, sigma, number = (float(each[0]) for each in ringsky.skies(values[None, :], *places))
        if np.isfinite(level):
            break
    return level, sigma, number


def ring_error(place, pixels, level, sigma, number):
    """Return the error (ADU) of a sky that `ring_sky` found, by how much the sectors of the ring leave its plane.

    The noise of its pixels is the least of it: light of stars that nobody sees is spread unevenly.
    """
    distance = np.hypot(place.dx, place.dy)
    sky = (distance > place.ring[0]) & (distance < place.ring[1]) & ~place.cut.occupied
    sky &= np.abs(pixels - level) < ringsky.CLIP_SIGMA * sigma
    turned = np.arctan2(place.dy, place.dx)[sky] * (SECTORS / (2 * np.pi))
    sector = (turned + SECTORS / 2).astype(int) % SECTORS
    count = np.bincount(sector, minlength=SECTORS)
    usual = sigma**2 / max(number, 1)
    if count.min() < ringsky.FEWEST_SKY / SECTORS:
        return float(np.sqrt(usual))
    away = np.bincount(sector, pixels[sky] - level, SECTORS) / count
    angle, weight = np.arange(SECTORS) * (2 * np.pi / SECTORS), np.sqrt(count)
    plane = np.column_stack([np.ones(SECTORS), np.cos(angle), np.sin(angle)]) * weight[:, None]
    left = weight * away - plane @ np.linalg.lstsq(plane, weight * away)[0]
    seen = (left**2).sum() / (SECTORS - 3) / max(number, 1)  # sigma^2 / number if there is nothing but noise
    return float(np.sqrt(max(seen, usual)))


def calibrate_stars(exposure, stars, inst):
    """Put the Stars of the PSF into an Exposure: sky from rings, their light by the PSF, the offset of the aperture.

    inst : their magnitudes in the source list
    """
    if len(stars) > MOST_STARS:
        few = np.argsort(-stars.flux, kind="stable")[:MOST_STARS]
        stars, inst = stars.some(few), np.asarray(inst)[few]
    inner, outer = exposure.ring_px
    half = int(np.ceil(outer)) + 1
    skies, fluxes = [], []
    for x, y in zip(stars.x, stars.y, strict=True):
        cut = exposure.pixels.cutout(x, y, half)
        dx, dy = cut.grid
        dx, dy = dx - (x - cut.column), dy - (y - cut.row)
        level = ring_sky(cut, cut.pixels, dx, dy, inner, outer)[0]
        skies.append(level)
        fluxes.append(np.nansum(aperture(dx, dy, exposure.radius_px) * (cut.pixels - level)))
    skies, fluxes = np.array(skies), np.array(fluxes)
    good = np.isfinite(skies) & (fluxes > 0) & np.isfinite(inst)
    if good.sum() < LEAST_STARS:
        return
    stars, inst, skies = stars.some(good), np.asarray(inst, dtype=float)[good], skies[good]
    x, y = stars.x[:, None], stars.y[:, None]
    dx, dy = stars.dx - (x - stars.columns[:, None]), stars.dy - (y - stars.rows[:, None])
    profile = exposure.psf.light(x, y, dx, dy)
    share = (aperture(dx, dy, exposure.radius_px) * profile).sum(axis=1)
    light, own = np.where(stars.usable, [stars.pixels - skies[:, None], profile], 0.0)
    exposure.ties = Ties(light, own, inst, share, float(np.median(stars.variance.min(axis=1))))
    exposure.aperture_offset_mag = robust_mean(inst + 2.5 * np.log10(fluxes[good]))[0]


@dataclass
class Place:
    """The pixels around a place and what is expected in them; several measurements of one place share it."""

    cut: object
    dx: np.ndarray
    dy: np.ndarray
    profile: np.ndarray  # light of a target of flux 1, 0 beyond its reach
    inside: np.ndarray  # share of each pixel in the aperture
    share: float  # of the target's light in the aperture
    round_share: float  # of a star's at this place
    star_share: float  # of a star's, the mean over places among the pixels
    ring: tuple
    round_profile: np.ndarray | None = None  # that of a star, where the target is drawn out otherwise


def place_of(exposure, x, y, trail_px, cut=None):
    """Return the Place at x, y (0-based px) for a target that is drawn out along `trail_px`."""
    inner, outer = (radius + np.hypot(*trail_px) / 2 for radius in exposure.ring_px)
    half = int(np.ceil(outer)) + 1
    cut = cut or exposure.pixels.cutout(x, y, half)
    dx, dy = cut.grid
    dx, dy = dx - (x - cut.column), dy - (y - cut.row)
    reach = int(np.ceil(max(REACH_FWHM * exposure.fwhm_px, exposure.radius_px + 1) + np.hypot(*trail_px) / 2))
    box = slice(max(0, half - reach), half + reach + 1)
    profile = np.zeros(cut.pixels.shape)
    profile[box, box] = exposure.psf.light(x, y, dx[:, box], dy[box], trail_px)
    inside = aperture(dx, dy, exposure.radius_px)
    share = round_share = float((inside * profile).sum())
    star_profile = None
    if tuple(trail_px) != tuple(exposure.psf.trail_px):
        star_profile = np.zeros(cut.pixels.shape)
        star_profile[box, box] = exposure.psf.light(x, y, dx[:, box], dy[box])
        round_share = float((inside * star_profile).sum())
    shares = share, round_share, exposure.share_at(x, y)
    return Place(cut, dx, dy, profile, inside, *shares, (inner, outer), star_profile)


def measure(exposure, x, y, trail_px=(0.0, 0.0), neighbours=(), place=None):
    """Return the Light at x, y (0-based px), None where the frame has no pixels or no sky there.

    trail_px : (x, y) along which the target is drawn out;  neighbours : list of Neighbour
    place : a Place that was prepared, its pixels perhaps changed
    """
    place = place or place_of(exposure, x, y, trail_px)
    light, left, variance = _measured(exposure, x, y, trail_px, neighbours, place)
    if light is None or exposure.fwhm_px < SHARPEST_PX:
        return light
    struck = _struck(place, left, light, variance)
    if struck.any():
        pixels = np.where(struck, np.nan, place.cut.pixels)
        again = _measured(exposure, x, y, trail_px, neighbours, replace(place, cut=replace(place.cut, pixels=pixels)))
        if again[0] is not None:
            light = again[0]
            light.n_struck = int(struck.sum())
    return light


def _struck(place, left, light, variance):
    """Return which pixels of a target stand out of those around them as no light through the optics does, bool.

    left : pixels without sky and neighbours, ADU;  variance : of each.  What the profile has there is taken off first;
    of the rest, the median of the eight pixels around has nearly nothing if a cosmic ray made it, and no less than
    the profile allows if it is light of a star that nobody knows.
    """
    profile = place.profile * light.psf_flux / place.star_share
    rest, noise2 = left - profile, 1.2 * np.broadcast_to(variance, left.shape)
    bright = (place.profile > 0) & (rest > STRUCK_SIGMA / 2 * np.sqrt(noise2))
    if not bright.any():
        return bright
    sharp = rest - _around(rest)
    noise = np.sqrt(STEEP**2 * (profile - _around(profile)) ** 2 + noise2)
    star = place.profile if place.round_profile is None else place.round_profile
    peak = np.unravel_index(np.argmax(star), star.shape)
    sharpest = 1 - _around(star)[peak] / star[peak]
    like_no_star = (sharp > (1 + sharpest) / 2 * rest) & (rest > sharp / 2)
    struck = bright & like_no_star & (sharp > STRUCK_SIGMA * noise)
    return (place.profile > 0) & binary_dilation(struck) & (sharp > STRUCK_SIGMA / 2 * noise)


def _around(image):
    """Return the median of the eight pixels around each one, shape of `image`."""
    return median_filter(image, footprint=AROUND, mode="nearest")


def _measured(exposure, x, y, trail_px, neighbours, place):
    """Return (Light or None, pixels without sky and neighbours, their variance); see `measure`."""
    usable = np.isfinite(place.cut.pixels)
    masked = float((place.profile * ~usable).sum() / place.profile.sum())
    if masked > 0.9 or not usable[place.inside > 0].any():
        return None, None, None
    lights, errors = _neighbour_light(exposure, place, neighbours, x, y)
    pixels = place.cut.pixels - lights.sum(axis=0) if len(lights) else place.cut.pixels
    level, sigma, number = ring_sky(place.cut, pixels, place.dx, place.dy, *place.ring)
    if not (np.isfinite(level) and sigma > 0):
        return None, None, None
    if len(lights):
        place = replace(place, cut=_uncovered(exposure, place.cut, neighbours, lights.sum(axis=0) > COVERED * sigma))
        level, sigma, number = ring_sky(place.cut, pixels, place.dx, place.dy, *place.ring)
    sky_err = ring_error(place, pixels, level, sigma, number)
    left = np.where(usable, pixels - level, 0.0)
    others = np.clip(lights.sum(axis=0), 0, None) if len(lights) else 0.0
    flux, weight, norm, variance = _by_psf(place, left, usable, sigma, exposure.gain, others)
    variance = variance + (exposure.noise_factor**2 - 1) * sigma**2
    err2 = ((weight / norm) ** 2 * variance).sum() + (weight.sum() / norm * sky_err) ** 2
    filled = np.where(usable, left, flux * place.profile)
    ratio = place.star_share / place.share
    in_aperture = float((place.inside * filled).sum())
    noise2 = (place.inside**2 * variance).sum() + (place.inside.sum() * sky_err) ** 2
    leaks = np.array([(place.inside * each).sum() for each in lights])
    by_psf = np.array([(weight * each).sum() / norm for each in lights])
    offset, *_ = exposure.psf_offset_mag(flux, sigma)
    total = max(in_aperture * ratio, 1e-9)
    light = Light(
        flux=in_aperture * ratio,
        flux_err=float(np.sqrt(noise2)) * ratio,
        scene_err=_scene_err(leaks, errors, exposure) * ratio,
        psf_flux=flux * place.star_share,
        psf_flux_err=float(np.sqrt(err2)) * place.star_share,
        psf_scene_err=_scene_err(by_psf, errors, exposure) * place.star_share,
        offset_mag=exposure.aperture_offset_mag,
        psf_offset_mag=offset,
        psf_err_mag=_psf_err(exposure, place),
        trail_correction_mag=float(2.5 * np.log10(place.share / place.round_share)),
        pixel_correction_mag=float(2.5 * np.log10(place.round_share / place.star_share)),
        neighbour_flux=float(leaks.sum()) if len(leaks) else 0.0,
        neighbour_fraction=float(max(leaks.sum(), 0.0) / total) if len(leaks) else 0.0,
        masked_fraction=masked,
        nearest_fwhm=min((np.hypot(n.x - x, n.y - y) for n in neighbours), default=np.inf) / exposure.fwhm_px,
        sky=level,
        sigma=sigma,
        trail_px=tuple(trail_px),
        neighbours=tuple(neighbours),
    )
    light.dx, light.dy, light.place_err, chi2 = _fit(place.profile, left, weight > 0, flux, variance)
    if place.round_profile is not None:
        light.trail_chi2 = _fit(place.round_profile, left, weight > 0, flux, variance)[3] - chi2
    return light, filled, variance


def _uncovered(exposure, cut, neighbours, bright):
    """Return a Cutout in which pixels of neighbours, whose light is off, count as sky where they are not `bright`."""
    known = [each.x for each in neighbours], [each.y for each in neighbours]
    others = exposure.pixels.occupied(cut.column, cut.row, cut.half, known, SAME_FWHM * exposure.fwhm_px)
    return replace(cut, occupied=cut.occupied & (others | bright))


def _neighbour_light(exposure, place, neighbours, x, y):
    """Return (light of each in the pixels, shape (n, rows, columns); their relative errors)."""
    images, errors = [], []
    for each in neighbours:
        if each.flux > 0:
            own = exposure.psf.light(each.x, each.y, place.dx - (each.x - x), place.dy - (each.y - y))
            images.append(each.flux * own)
            errors.append(each.flux_err / each.flux)
    return np.array(images), np.array(errors)


def _scene_err(leaks, errors, exposure):
    """Return the error (ADU) that neighbours leave: of their fluxes, and of the PSF."""
    model = max(MODEL_ERROR, np.nan_to_num(exposure.psf.residual, nan=MODEL_ERROR))
    return float(np.sqrt(((leaks * np.hypot(errors, model)) ** 2).sum())) if len(leaks) else 0.0


def _psf_err(exposure, place):
    """Return the error (mag) that the profile leaves in the corrections for trail and place among the pixels."""
    trail_mag, place_mag = 2.5 * np.log10([place.share / place.round_share, place.round_share / place.star_share])
    of_trail = GUESSED_ERROR if exposure.psf.guessed else TRAIL_ERROR
    return float(np.hypot(of_trail * trail_mag, PLACE_ERROR * place_mag))


def _by_psf(place, left, usable, sigma, gain, others):
    """Return (flux, weights, their norm, variance of the pixels) of the target, its own photons in the weights."""
    profile = np.where(usable, place.profile, 0.0)
    flux = max(float((place.inside * left).sum()) / place.share, 0.0)
    for _ in range(3):
        weight = profile / (sigma**2 + (profile * max(flux, 0.0) / gain if gain else 0.0))
        norm = (weight * profile).sum()
        flux = float((weight * left).sum() / norm)
    photons = (np.clip(place.profile * flux, 0, None) + others) / gain if gain else 0.0
    return flux, weight, norm, sigma**2 + photons


def _fit(profile, left, used, flux, variance):
    """Return (dx, dy, error, chi2) of a fit of flux and place, one step of it: px from the place to the light."""
    by_y, by_x = np.gradient(profile)
    if not flux > 0 or used.sum() < 9:
        return np.nan, np.nan, np.nan, 0.0
    sigma = np.sqrt(np.broadcast_to(variance, left.shape)[used])
    columns = np.column_stack([profile[used], -by_x[used] * flux, -by_y[used] * flux]) / sigma[:, None]
    inverse = np.linalg.pinv(columns.T @ columns)
    found = inverse @ (columns.T @ (left[used] / sigma))
    chi2 = float((((left[used] / sigma) - columns @ found) ** 2).sum())
    return float(found[1]), float(found[2]), float(np.sqrt(inverse[1, 1] + inverse[2, 2])), chi2
