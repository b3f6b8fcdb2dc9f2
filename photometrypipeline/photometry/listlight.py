"""The light of all sources of a list in its one aperture, measured as targets are by photometry.measure.

Source Extractor finds the sources.  Its own sky around each of them knows of no other source: it is too high by
different amounts around different stars, and so would be the zeropoints that rest on them.
"""

import logging

import numpy as np

from photometrypipeline.frames import seeing
from photometrypipeline.instruments import headers
from photometrypipeline.photometry import masking, skyrings, stacks
from photometrypipeline.photometry.cutouts import aperture, reach_px, within
from photometrypipeline.photometry.errorbars import MAG_PER_RELATIVE_FLUX, NO_MEASUREMENT
from photometrypipeline.photometry.measure import ring_px

log = logging.getLogger("pp.listlight")

SOURCES_AT_ONCE = 2000


def measure(sources, frame, telescope, bad):
    """Give the sources of the SourceList of a Frame their light in its aperture; bad : bool of its shape, or None."""
    factor = float(frame.header.get("NOISEFAC") or 1.0)
    gain = headers.gain_e_adu(frame, telescope)
    radius_px, fwhm_px = float(frame.header["APRAD"]), stacks.fwhm_px(frame.header)
    put_into(sources.table, frame.read_pixels(), radius_px, bad, gain, factor, fwhm_px)


def put_into(table, image, radius_px, bad=None, gain=None, noise_factor=1.0, fwhm_px=None):
    """Give the sources of a list (Table, changed) their light: FLUX_APER, FLUXERR_APER, MAG_APER, MAGERR_APER.

    image : ADU, float32, NaN where it has no value;  bad : bool of its shape, or None;  gain : e-/ADU or None
    noise_factor : noise of apertures over that of their pixels, where pixels were resampled
    fwhm_px : of stars, None: that of the sources
    Sources without a sky around them keep what Source Extractor says; returns how many have one.
    """
    fwhm_px = fwhm_px or seeing.bright_fwhm_px(table)
    if not len(table) or not np.isfinite(fwhm_px) or "ISOAREA_IMAGE" not in table.colnames:
        return 0
    x, y = (np.asarray(table[f"{axis}WIN_IMAGE"], dtype=float) - 1 for axis in "XY")
    bad = bad if bad is not None and bad.shape == image.shape else None
    taken = within(image.shape, x, y, reach_px(table, fwhm_px))
    sky = skyrings.of_image(image, taken if bad is None else taken | bad, fwhm_px)
    if sky is None:
        return 0
    level, sigma, number = sky.rings(x, y, *ring_px(fwhm_px, radius_px))
    light, area = _in_apertures(_mended(image, bad, x, y, radius_px), x, y, radius_px)
    flux = light - area * level
    noise2 = noise_factor**2 * (area + area**2 / number) * sigma**2
    err = np.sqrt(noise2 + (np.maximum(flux, 0.0) / gain if gain else 0.0))
    good = np.isfinite(flux) & np.isfinite(err)
    with np.errstate(divide="ignore", invalid="ignore"):
        mag = np.where(flux > 0, -2.5 * np.log10(flux), NO_MEASUREMENT)
        mag_err = np.where(flux > 0, MAG_PER_RELATIVE_FLUX * err / flux, NO_MEASUREMENT)
    for name, values in (("FLUX", flux), ("FLUXERR", err), ("MAG", mag), ("MAGERR", mag_err)):
        before = np.asarray(table[f"{name}_APER"])
        table[f"{name}_APER"] = np.where(good, np.minimum(values, 3e38), before).astype(before.dtype)
    return int(good.sum())


def _mended(image, bad, x, y, radius_px):
    """Return the image with what is bad, or has no value, filled within the apertures."""
    unusable = ~np.isfinite(image) if bad is None else bad | ~np.isfinite(image)
    if not unusable.any():
        return image
    wanted = unusable & within(image.shape, x, y, np.full(len(x), radius_px + 1))
    return masking.filled(image, unusable, wanted) if wanted.any() else image


def _in_apertures(image, x, y, radius_px):
    """Return (light, ADU; area, px) in the apertures around places (0-based px), as much of them as is on the image."""
    half = int(np.ceil(radius_px)) + 1
    steps, light, area = np.arange(-half, half + 1), np.full(len(x), np.nan), np.zeros(len(x))
    for first in range(0, len(x), SOURCES_AT_ONCE):
        part = slice(first, first + SOURCES_AT_ONCE)
        column, row = (np.rint(axis[part]).astype(int)[:, None] + steps for axis in (x, y))
        shares = aperture((column - x[part, None])[:, None, :], (row - y[part, None])[:, :, None], radius_px)
        there = ((row >= 0) & (row < image.shape[0]))[:, :, None] & ((column >= 0) & (column < image.shape[1]))[:, None]
        shares = np.where(there, shares, 0.0)
        values = image[np.clip(row, 0, image.shape[0] - 1)[:, :, None], np.clip(column, 0, image.shape[1] - 1)[:, None]]
        light[part] = np.where(shares > 0, shares * values, 0.0).sum(axis=(1, 2))
        area[part] = shares.sum(axis=(1, 2))
    return np.where(area > 0, light, np.nan), area
