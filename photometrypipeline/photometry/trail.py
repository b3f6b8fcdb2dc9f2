"""Trails: how far a moving target goes during an exposure."""

import numpy as np

from photometrypipeline.sky.times import SECONDS_PER_DAY

SECONDS_PER_HOUR = 3600.0
NOTHING_PX = 0.05  # a trail that is shorter is none


def motion_px(wcs, place, rate_arcsec_h, exptime_s):
    """Return (x, y), px, that a target moves during an exposure.

    place : (ra_deg, dec_deg) in the middle of it;  rate_arcsec_h : (RA with cos Dec, Dec)
    Through the WCS, so that rotation, flip and distortion are in it; (0, 0) where something is unknown.
    """
    if not np.all(np.isfinite([*place, *rate_arcsec_h, exptime_s])):
        return 0.0, 0.0
    half_deg = np.array(rate_arcsec_h) / 3600 * exptime_s / SECONDS_PER_HOUR / 2
    dra = half_deg[0] / np.cos(np.radians(place[1]))
    x, y = wcs.all_world2pix(
        [place[0] - dra, place[0] + dra], place[1] + np.array([-1, 1]) * half_deg[1], 0, quiet=True
    )
    moved = float(x[1] - x[0]), float(y[1] - y[0])
    return moved if np.hypot(*moved) > NOTHING_PX else (0.0, 0.0)


def rate_between(jd, ra_deg, dec_deg):
    """Return (RA with cos Dec, Dec) rates, arcsec/h, shape (n,) each, at places along a track; NaN for a single one.

    jd : ascending or not, shape (n,)
    """
    jd, ra, dec = (np.asarray(axis, dtype=float) for axis in (jd, ra_deg, dec_deg))
    if jd.size < 2 or np.ptp(jd) == 0:
        return np.full((2, jd.size), np.nan)
    order = np.argsort(jd, kind="stable")
    hours = (jd[order] - jd[order[0]]) * SECONDS_PER_DAY / SECONDS_PER_HOUR
    keep = np.append(True, np.diff(hours) > 0)
    east = ((ra[order] - ra[order[0]] + 180) % 360 - 180) * np.cos(np.radians(dec[order])) * 3600
    north = (dec[order] - dec[order[0]]) * 3600
    rates = np.empty((2, jd.size))
    for n, along in enumerate((east, north)):
        slopes = np.gradient(along[keep], hours[keep])
        rates[n, order] = np.interp(hours, hours[keep], slopes)
    return rates


def on_detector(psf, motion):
    """Return (x, y), px, along which a target is drawn out that moves by `motion` against the stars (a FramePSF)."""
    total = psf.trail_px[0] + motion[0], psf.trail_px[1] + motion[1]
    return total if np.hypot(*total) > NOTHING_PX else (0.0, 0.0)
