"""How the zeropoints of a night follow the airmass."""

from dataclasses import dataclass

import numpy as np

from photometrypipeline.calibration import robust
from photometrypipeline.calibration.gathering import MIN_AIRMASS_RANGE

MIN_FRAMES = 5
CLOUD_FLOOR = 0.002  # mag; no night is better


@dataclass(frozen=True)
class Extinction:
    """coefficient, err : mag per airmass;  scatter : of the zeropoints around it, mag, which is that of the sky."""

    coefficient: float
    err: float
    scatter: float

    def __str__(self):
        value = f"{self.coefficient:.3f} +- {self.err:.3f}"
        return f"extinction {value} mag per airmass, zeropoints scatter around it by {self.scatter:.4f} mag"


def fit(zp, err, airmass):
    """Return the Extinction of zeropoints `zp` with errors `err` (mag) at `airmass`, all of shape (n_frames,).

    None where the airmass runs over less than 0.3, or fewer than five frames are known.
    """
    known = np.isfinite(zp) & np.isfinite(airmass) & np.isfinite(err)
    if known.sum() < MIN_FRAMES or np.ptp(airmass[known]) < MIN_AIRMASS_RANGE:
        return None
    zp, err, airmass = zp[known], err[known], airmass[known]
    design = np.column_stack([np.ones(zp.size), -airmass])
    scatter, weight = CLOUD_FLOOR, np.ones(zp.size)
    for _ in range(20):
        inverse = weight / (err**2 + scatter**2)
        covariance = np.linalg.inv(design.T @ (inverse[:, None] * design))
        found = covariance @ (design.T @ (inverse * zp))
        residual = zp - design @ found
        scatter = robust.excess_scatter(residual * np.sqrt(zp.size / (zp.size - 2)), err, CLOUD_FLOOR)
        weight = robust.weight(residual / np.hypot(err, scatter))
    return Extinction(float(found[1]), float(np.sqrt(covariance[1, 1])), float(scatter))
