"""What ties the PSF of a frame to the magnitudes of its source list: the light of its stars, by both."""

from dataclasses import dataclass

import numpy as np
from astropy.stats import mad_std

LEAST_STARS = 4


@dataclass(frozen=True)
class Ties:
    """The stars of a frame in their pixels, 0 in those that do not count.

    light : without the sky, ADU, and profile : of a flux of 1, by the PSF; shape (n, p)
    inst, share : magnitude in the source list, and share of the profile in the aperture; shape (n,)
    variance : of a pixel of sky, ADU^2, the median over the stars
    """

    light: np.ndarray
    profile: np.ndarray
    inst: np.ndarray
    share: np.ndarray
    variance: float

    def __len__(self):
        return len(self.inst)

    def offset_mag(self, flux, sigma, gain):
        """Return (mag, error, n): magnitudes of the list minus those by the PSF, with the weights of a target.

        flux, sigma : of the target and of a pixel of its sky, ADU;  gain : e-/ADU or None
        """
        photons = self.profile * max(flux, 0.0) / gain if gain else 0.0
        weight = self.profile / (sigma**2 + photons)
        light = (weight * self.light).sum(axis=1) / (weight * self.profile).sum(axis=1)
        good = light > 0
        return robust_mean(self.inst[good] + 2.5 * np.log10(light[good] * self.share[good]))


def robust_mean(values):
    """Return (mean without outliers, its error, how many there were); (0, NaN, 0) of none."""
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    if values.size < LEAST_STARS:
        return 0.0, np.nan, 0
    middle = np.median(values)
    scatter = max(mad_std(values), 1e-4)
    kept = values[np.abs(values - middle) < 3 * scatter]
    return float(kept.mean()), float(scatter / np.sqrt(kept.size)), int(kept.size)
