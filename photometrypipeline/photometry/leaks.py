"""How much of a star's light falls into an aperture that lies next to it."""

import functools

import numpy as np

FARTHEST_WIDTHS = 30  # beyond so many widths a star's light is nothing
MOFFAT_BETA = 3.0  # wings of stars, for the light of neighbours; real ones are rarely wider


def light_inside(distance, radius, fwhm):
    """Return the share of a star's light in an aperture of `radius` whose centre is `distance` away; one unit for all.

    A Moffat profile with MOFFAT_BETA;  distance : any shape
    """
    grid, shares = _shares(round(radius / fwhm, 4))
    return np.interp(np.asarray(distance) / fwhm, grid, shares, right=0.0)


@functools.lru_cache(maxsize=512)
def _shares(radius):
    """Return (distances, shares of light) for an aperture of `radius`, in units of the width; integrated over rings."""
    grid = np.linspace(0, FARTHEST_WIDTHS, 40 * FARTHEST_WIDTHS + 1)
    core = 0.5 / np.sqrt(2 ** (1 / MOFFAT_BETA) - 1)
    rings = (np.arange(24) + 0.5) / 24 * radius
    # (1 + distance^2 / core^2)^-3 around a ring, its mean over all angles in closed form, as MOFFAT_BETA is 3
    a, b = 1 + (grid[:, None] ** 2 + rings**2) / core**2, 2 * grid[:, None] * rings / core**2
    profile = (MOFFAT_BETA - 1) / (np.pi * core**2) * (2 * a**2 + b**2) / (2 * (a**2 - b**2) ** 2.5)
    return grid, profile @ (2 * np.pi * rings * (radius / 24))


def leak(flux, distance, radius, fwhm):
    """Return the light that stars of aperture flux `flux`, `distance` away, send into an aperture."""
    return np.asarray(flux) * light_inside(distance, radius, fwhm) / light_inside(0.0, radius, fwhm)
