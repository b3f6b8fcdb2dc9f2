"""Frames without their stars, on the pixels of one of them: what is left is noise, and what moves.

All are laid on the frame in the middle and brought to its zeropoint; their median has the stars, and takes them off.
Each is then filtered with the profile of its stars: a pixel tells the light of a point source there, and its weight.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from astropy.stats import gaussian_fwhm_to_sigma, mad_std
from scipy.ndimage import binary_dilation, map_coordinates
from scipy.signal import oaconvolve

from photometrypipeline.frames import seeing
from photometrypipeline.photometry import noise

log = logging.getLogger("pp.tracks")

GRID_PX = 32  # between places at which the coordinates are computed; in between they are interpolated
STAR_SIGMAS = 4.0  # in the median above which pixels are left out
KERNEL_FWHM = 1.6  # half the size of the filter
MOST_SIGMAS = 5.0  # that a single pixel may add: brighter ones are seen in the frame itself, or cosmic rays
ISOLATED_FWHM = 4.0
STARS = 200
UNKNOWN_PX = 3.0  # width of stars where no source tells it


@dataclass
class Layer:
    """A frame without stars, filtered: `light` times `weight` and `weight`, shape (ny, nx); its mid-time in minutes.

    The sums of both over frames tell flux and inverse variance, in ADU of the aperture of the frame in the middle
    shown : the same light, not held to MOST_SIGMAS
    err : of a point source, and aperture_per_fit : what brings a flux that was fitted to it, both ADU of that aperture
    fwhm_px, half_px : of its stars, of the filter
    """

    name: str
    minutes: float
    light: np.ndarray
    weight: np.ndarray
    shown: np.ndarray
    exptime_min: float = 0.0
    fwhm_px: float = 0.0
    half_px: int = 0
    aperture_per_fit: float = 1.0
    err: float = 0.0


@dataclass
class Stack:
    """All Layers, in the order of time; the WCS and zeropoint (mag, None if unknown) of the frame they lie on.

    masked : where stars are, bool, shape (ny, nx);  fwhm_px : the widest stars;  scale_arcsec : of a pixel
    jd : of minute 0;  limit_mag : 5 sigma of a single frame
    """

    layers: list
    wcs: object
    zeropoint: float | None
    fwhm_px: float
    scale_arcsec: float
    jd: float
    limit_mag: float
    masked: np.ndarray | None = None

    @property
    def to_pixels(self):
        """What brings a motion East and North, arcsec, to pixels, shape (2, 2)."""
        return np.linalg.inv(self.wcs.pixel_scale_matrix * 3600)

    @property
    def minutes(self):
        """Mid-times, shape (n,)."""
        return np.array([layer.minutes for layer in self.layers])


def aligned(measured, jobs=2):
    """Return (images, reference): all frames as float32 on the pixels of the one in the middle, NaN beyond them.

    measured : list of targets.Measured, in the order of time
    """
    middle = len(measured) // 2
    reference = measured[middle]
    nx, ny = reference.frame.size_px

    def one(each):
        image = np.asarray(each.frame.read_pixels(), dtype=np.float32)
        sky = noise.background(image, _sky(image, each))
        image = image - sky.astype(np.float32)
        if each is not reference:
            image = _onto(image, each.wcs, reference.wcs, (ny, nx))
        return image * np.float32(10 ** (0.4 * (_zeropoint(reference) - _zeropoint(each))))

    with ThreadPoolExecutor(max(1, jobs)) as pool:
        return list(pool.map(one, measured)), middle


def _zeropoint(each):
    return each.zeropoint["zp"] if each.magnitude_columns else 0.0


def _sky(image, each):
    """Return where no source is, bool."""
    usable = np.isfinite(image)
    x, y = (np.rint(np.asarray(each.table[f"{axis}WIN_IMAGE"])).astype(int) - 1 for axis in "XY")
    inside = (x >= 0) & (y >= 0) & (x < image.shape[1]) & (y < image.shape[0])
    taken = np.zeros(image.shape, dtype=bool)
    taken[y[inside], x[inside]] = True
    radius = int(2 * seeing.fwhm_px(each.table, UNKNOWN_PX)) + 1
    rows, columns = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return usable & ~binary_dilation(taken, rows**2 + columns**2 <= radius**2)


def _onto(image, own, other, shape):
    """Return an image on the pixels of another frame; cubic, NaN where it shows nothing."""
    rows, columns = (np.arange(0, size + GRID_PX, GRID_PX, dtype=float) for size in shape)
    grid = np.meshgrid(columns, rows)
    sky = other.all_pix2world(grid[0].ravel(), grid[1].ravel(), 0)
    place = own.all_world2pix(*sky, 0, quiet=True)
    fine = np.meshgrid(np.arange(shape[0]) / GRID_PX, np.arange(shape[1]) / GRID_PX, indexing="ij")
    x, y = (map_coordinates(np.reshape(axis, grid[0].shape), fine, order=1) for axis in place)
    bad = ~np.isfinite(image)
    clean = np.where(bad, 0, image) if bad.any() else image
    return map_coordinates(clean, [y, x], order=3, mode="constant", cval=np.nan).astype(np.float32)


def stack(measured, images, reference):
    """Return the Stack of frames that `aligned` has brought onto the one with the number `reference`."""
    fwhm = [seeing.fwhm_px(each.table, UNKNOWN_PX) for each in measured]
    jd = np.array([each.header["obstime"] for each in measured], dtype=float)
    middle = float((jd.min() + jd.max()) / 2)
    cube = np.array(images)
    with np.errstate(invalid="ignore"):
        stars = np.nanmedian(cube, axis=0)
    spread = _sigma(stars)
    masked = binary_dilation(stars > STAR_SIGMAS * spread, iterations=max(1, round(max(fwhm) / 2)))
    layers, limits = [], []
    for k, each in enumerate(measured):
        kernel = profile(fwhm[k])
        scale = _own_scale(images[k], kernel, fwhm[k], measured[reference])
        *light, err = _layer(images[k] - stars, masked, kernel, scale)
        exptime_min = float(each.header["exptime"] or 0) / 60
        about = (exptime_min, fwhm[k], kernel.shape[0] // 2, scale, err)
        layers.append(Layer(each.frame.name, float((jd[k] - middle) * 1440), *light, *about))
        limits.append(err)
    at = measured[reference]
    zeropoint = at.zeropoint["zp"] if at.magnitude_columns else None
    limit = (zeropoint or 0.0) - 2.5 * np.log10(5 * float(np.median(limits)))
    scale = float(np.sqrt(abs(np.linalg.det(at.wcs.pixel_scale_matrix)))) * 3600
    return Stack(layers, at.wcs, zeropoint, float(max(fwhm)), scale, middle, float(limit), masked)


def profile(fwhm_px):
    """Return the filter: a Gaussian of the width of the stars, sum 1."""
    half = max(2, int(np.ceil(KERNEL_FWHM * fwhm_px)))
    offset = np.arange(-half, half + 1) / (fwhm_px * gaussian_fwhm_to_sigma)
    kernel = np.exp(-(offset**2) / 2)
    kernel = np.outer(kernel, kernel)
    return (kernel / kernel.sum()).astype(np.float32)


def _sigma(image):
    values = image[::3, ::3][np.isfinite(image[::3, ::3])]
    return float(mad_std(values)) or 1.0


def _layer(difference, masked, kernel, scale):
    """Return (light * weight, weight, the same not held, error of a point source) of a frame without its stars."""
    usable = np.isfinite(difference) & ~masked
    sigma = _sigma(np.where(usable, difference, np.nan))
    clean = np.where(usable, difference, 0).astype(np.float32)
    weight = np.maximum(oaconvolve(usable.astype(np.float32), kernel**2, mode="same"), 0)
    light = oaconvolve(clean, kernel, mode="same")
    weight[weight < 0.3 * float(np.sum(kernel**2))] = 0  # most of the profile is hidden
    with np.errstate(divide="ignore", invalid="ignore"):
        snr = np.where(weight > 0, light / np.sqrt(weight) / sigma, 0)
    real = _sigma(np.where(weight > 0, snr, np.nan))  # pixels that were resampled share their noise
    snr /= real
    error = sigma * real / np.sqrt(np.sum(kernel**2)) * scale  # ADU of the aperture
    inverse = (weight / np.sum(kernel**2) / error**2).astype(np.float32)
    root = np.sqrt(inverse)
    held = np.clip(snr, -MOST_SIGMAS, MOST_SIGMAS).astype(np.float32) * root
    return held, inverse, snr.astype(np.float32) * root, float(error)


def _own_scale(image, kernel, fwhm_px, reference):
    """Return the flux in the aperture over that which the filter finds, from stars of the frame in the middle."""
    table = reference.table
    x, y, flux, err = (
        np.asarray(table[n], dtype=float) for n in ("XWIN_IMAGE", "YWIN_IMAGE", "FLUX_APER", "FLUXERR_APER")
    )
    good = (np.asarray(table["FLAGS"]) == 0) & (flux > 20 * err)
    half = kernel.shape[0] // 2
    good &= (x > half + 2) & (y > half + 2) & (x < image.shape[1] - half - 2) & (y < image.shape[0] - half - 2)
    ratios, offset, width = [], np.arange(-half, half + 1), 2 * (fwhm_px * gaussian_fwhm_to_sigma) ** 2
    for n in np.flatnonzero(good)[np.argsort(-flux[good])][:STARS]:
        column, row = int(np.rint(x[n])) - 1, int(np.rint(y[n])) - 1
        part = image[row - half : row + half + 1, column - half : column + half + 1]
        if np.isfinite(part).all():
            dx, dy = x[n] - 1 - column, y[n] - 1 - row
            own = np.outer(np.exp(-((offset - dy) ** 2) / width), np.exp(-((offset - dx) ** 2) / width))
            own /= own.sum()
            ratios.append(flux[n] / (np.sum(own * part) / np.sum(own**2)))
    return float(np.median(ratios)) if len(ratios) >= 3 else 1.0
