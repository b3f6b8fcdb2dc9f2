"""How significant light is at each place, by a filter as wide as a star."""

import numpy as np
from astropy.stats import gaussian_fwhm_to_sigma
from scipy.ndimage import gaussian_filter


def significance(light, weight, fwhm_px):
    """Return the light of a star at each pixel over its error, shape of `light`: (..., rows, columns).

    weight : 1 / variance of each pixel, 0 where it does not count
    """
    width = gaussian_fwhm_to_sigma * fwhm_px
    axes = (light.ndim - 2, light.ndim - 1)
    seen = gaussian_filter(light * weight, width, mode="constant", axes=axes)
    noise2 = gaussian_filter(weight, width / np.sqrt(2), mode="constant", axes=axes) / (4 * np.pi * width**2)
    return np.where(noise2 > 0, seen / np.sqrt(np.maximum(noise2, 1e-300)), 0.0)
