"""Frames of stars and trailed targets, drawn without the profiles of the package, ready to be measured."""

import numpy as np
from astropy.io import fits

import sky
from photometrypipeline.photometry import framepsf, measure
from photometrypipeline.photometry.cutouts import FramePixels

SKY, GAIN, READ_NOISE = 200.0, 2.0, 5.0


def trailed(shape, x, y, flux, fwhm_px, beta, trail=(0.0, 0.0), step_px=0.1):
    """Return an image of one source (0-based px) of total `flux` that is drawn out along `trail` (x, y)."""
    number = max(1, int(np.ceil(np.hypot(*trail) / step_px)))
    share = (np.arange(number) + 0.5) / number - 0.5
    x, y = x + 1 + share * trail[0], y + 1 + share * trail[1]
    return sky.render(shape, x, y, np.full(number, flux / number), fwhm_px, beta)


def with_targets(clean, x, y, flux, fwhm_px, beta, trail=(0.0, 0.0)):
    """Return `clean` and a target of `flux` at each place (0-based px), all drawn out along `trail`."""
    number = max(1, int(np.ceil(np.hypot(*trail) / 0.35)))
    share = (np.arange(number) + 0.5) / number - 0.5
    all_x, all_y = (np.add.outer(axis + 1, share * along).ravel() for axis, along in ((x, trail[0]), (y, trail[1])))
    return clean + sky.render(clean.shape, all_x, all_y, np.full(all_x.size, flux / number), fwhm_px, beta)


def parted(rng, number, size, apart, margin=40):
    """Return (x, y) of places at least `apart` px from each other."""
    places = []
    while len(places) < number:
        place = rng.uniform(margin, size - margin, 2)
        if all(np.hypot(*(place - other)) > apart for other in places):
            places.append(place)
    return np.array(places).T


def write(path, clean, rng):
    """Write a frame of `clean` (ADU without sky) with noise as float32."""
    electrons = rng.poisson((clean + SKY) * GAIN) + rng.normal(0, READ_NOISE, clean.shape)
    fits.writeto(path, (electrons / GAIN).astype(np.float32), overwrite=True)
    return path


def exposure(path, x, y, flux, fwhm_px, radius_px, *, motion=None, others=((), ()), bad=None):
    """Return the Exposure of a frame whose stars are known: magnitudes of the whole light stand in its list."""
    size = fits.getdata(path).shape[::-1]
    places = np.append(x, others[0]), np.append(y, others[1])
    pixels = FramePixels(path, fits.getheader(path), (*places, np.full(places[0].size, 2.5 * fwhm_px)), bad)
    snr = np.sqrt(flux * GAIN)
    chosen = framepsf.choose(x, y, snr, flux, np.zeros(x.size, dtype=int), fwhm_px, size)
    stars = framepsf.cut_stars(pixels, x[chosen], y[chosen], flux[chosen], fwhm_px, GAIN, radius_px, chosen)
    psf = framepsf.fit(stars, fwhm_px, size, motion)
    found = measure.Exposure(pixels, psf, None, radius_px, GAIN)
    measure.calibrate_stars(found, psf.stars, -2.5 * np.log10(flux[psf.stars.sources]))
    return found
