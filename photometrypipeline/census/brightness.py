"""How bright a track is: its frames measured once more, at its own place, against stars that it takes no light from.

The median that takes the stars off has some of the light of a slow body in it, and the sums of the search lie between
pixels. Here the stars are the median of what each frame shows where the body is not, and the profile lies on its place.
"""

from dataclasses import replace

import numpy as np
from astropy.stats import gaussian_fwhm_to_sigma
from scipy.stats import chi2

from photometrypipeline.photometry import moffat

APART_FWHM = 1.5  # of a pixel from the body, in frames that tell what else is there
LEAST_FRAMES = 3  # that tell it
LEAST_SHARE = 0.3  # of the profile that has to be seen
LIGHT_CURVE = 0.4  # of the flux, by which bodies vary
CHANCE = 1e-4  # that a body's frames differ so much


def measured(stack, images, one):
    """Return the Found `one` with flux and error anew; as it was where it moves too little to be told from the sky.

    None where single frames have its light and the others do not: what crosses the track there is another body.

    stack : Stack of the `images`, the list of starless.aligned
    """
    found = [_on_frame(stack, images, number, one) for number in range(len(images))]
    flux, weight = np.array([each for each in found if each]).reshape(-1, 2).T
    if len(weight) < LEAST_FRAMES:
        return one
    mean = float((flux * weight).sum() / weight.sum())
    off = (flux - mean) ** 2 / (1 / weight + (LIGHT_CURVE * mean) ** 2)
    if chi2.sf(off.sum(), len(off) - 1) < CHANCE:
        return None
    return replace(one, flux=mean, err=float(weight.sum() ** -0.5), whole=True)


def _on_frame(stack, images, number, one):
    """Return (flux, 1 / variance) of a Found on one frame, ADU of the aperture; None where it is hidden or cut off."""
    layer = stack.layers[number]
    x, y = (at + rate * layer.minutes for at, rate in zip((one.x, one.y), one.rate, strict=True))
    half = layer.half_px
    column, row = int(np.rint(x)), int(np.rint(y))
    here = slice(row - half, row + half + 1), slice(column - half, column + half + 1)
    ny, nx = images[0].shape
    if not (half <= row < ny - half and half <= column < nx - half):
        return None
    parts = np.array([image[here] for image in images])
    offset = np.arange(-half, half + 1)
    for part, other in zip(parts, stack.layers, strict=True):
        away = other.minutes - layer.minutes
        dx, dy = x - column + one.rate[0] * away, y - row + one.rate[1] * away
        near = np.hypot(offset[None, :] - dx, offset[:, None] - dy) < APART_FWHM * stack.fwhm_px
        if other is not layer:
            part[near] = np.nan
    difference, variance = _without_stars(parts, number)
    usable = np.isfinite(difference) & ~stack.masked[here]
    light = profile(layer.fwhm_px, (x - column, y - row), half, [rate * layer.exptime_min for rate in one.rate])
    share = (light**2)[usable].sum() / (light**2).sum()
    if share < LEAST_SHARE:
        return None
    flux = (light * difference)[usable].sum() / (light**2)[usable].sum() * layer.aperture_per_fit
    more = float(np.mean(variance[usable]))  # the sky under it is known from a few frames only
    return flux, share / layer.err**2 / more


def _without_stars(parts, number):
    """Return (a piece of the frame `number` less the median of the others, its variance over that of the frame)."""
    others = np.delete(parts, number, axis=0)
    seen = np.isfinite(others).sum(axis=0)
    enough = seen >= LEAST_FRAMES
    stars = np.full(parts.shape[1:], np.nan)
    stars[enough] = np.nanmedian(others[:, enough], axis=0)
    return parts[number] - stars, 1 + np.pi / 2 / np.maximum(seen, 1)


def profile(fwhm_px, place, half, trail_px):
    """Return a Gaussian at a place (px from the middle pixel), drawn out along a trail (x, y), 2 half + 1 px wide."""
    offset = np.arange(-half, half + 1)
    total, width = 0.0, 2 * (fwhm_px * gaussian_fwhm_to_sigma) ** 2
    for dx, dy, weight in zip(*moffat.along(trail_px, fwhm_px / 4), strict=True):
        in_x, in_y = (np.exp(-((offset - at) ** 2) / width) for at in (place[0] + dx, place[1] + dy))
        total = total + weight * np.outer(in_y, in_x)
    return total / (np.pi * width)
