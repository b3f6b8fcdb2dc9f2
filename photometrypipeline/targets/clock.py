"""What moving targets tell about the clock of the telescope: places ahead of or behind the prediction, along the track.

A time that is written late asks for the place of a later moment, ahead of where the target was found.  An error of the
ephemeris along the track looks the same for one body; several bodies of different speed tell one from the other.
"""

import logging
import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, stdtrit  # scipy.stats takes half a second to load

from photometrypipeline.base.scatter import SIGMA_PER_MAD

log = logging.getLogger("pp.clock")

FEWEST_ROWS = 3
SIGNIFICANT = 3.0  # sigma, of what is told
FRAME_ARCSEC = 0.005  # what all frames share with the reference catalogue
CENTROID = 0.01  # of the width of the images: what centroids may be off by in all frames alike
SAMPLED_PX = 2.5  # FWHM of narrower images, whose centroids depend on where in its pixel a source stands
LONGEST_D = 0.75  # of a series: over one night the rate of a body hardly changes
CLIP = 4.0  # robust sigma: single rows beyond are left out
SLOWEST_ARCSEC_S = 1e-4  # 0.4 arcsec/h: slower bodies know no time
KINDS = ("primary", "asteroid")  # of targets whose places are computed for the time of the frame


@dataclass(frozen=True)
class Drift:
    """Residuals of one body, found minus predicted, arcsec: their mean along and across the track, with errors.

    speed_arcsec_s : mean speed;  sigma_arcsec : uncertainty of the ephemeris along the track, 0 if unknown
    """

    name: str
    n: int
    speed_arcsec_s: float
    along_arcsec: float
    across_arcsec: float
    err_arcsec: float
    err_across_arcsec: float
    sigma_arcsec: float

    @property
    def late_s(self):
        """By how much the written times are late, if all of it is the clock's."""
        return -self.along_arcsec / self.speed_arcsec_s

    @property
    def err_s(self):
        """Its error, without that of the ephemeris."""
        return self.err_arcsec / self.speed_arcsec_s


def drift_of(name, rows, scale_arcsec=0.0):
    """Return the Drift of a body from its rows (of frames/rows.py), None if too few count or it hardly moves.

    scale_arcsec : size of a pixel, 0 where images are known to be well sampled

    Rows with an offset that was given by hand do not count: their predictions are the user's.
    """
    good = [
        row for row in rows if row.accepted and row.detected and not (row.offset_ra_arcsec or row.offset_dec_arcsec)
    ]
    values = np.array([(r.jd, r.ra_pred_deg, r.dec_pred_deg, r.ra_deg, r.dec_deg) for r in good]).reshape(-1, 5)
    good = [row for row, known in zip(good, np.isfinite(values).all(axis=1), strict=True) if known]
    values = values[np.isfinite(values).all(axis=1)]
    order = np.argsort(values[:, 0], kind="stable")
    values = values[order]
    if len(values) < FEWEST_ROWS or not 0 < values[-1, 0] - values[0, 0] < LONGEST_D:
        return None
    direction, speed = _motion(values)
    if speed < SLOWEST_ARCSEC_S:
        return None
    residual = _offset_arcsec(values[:, 1:3], values[:, 3:5])
    along = np.sum(residual * direction, axis=1)
    across = residual[:, 1] * direction[:, 0] - residual[:, 0] * direction[:, 1]
    mean, err, n = _robust_mean(along)
    mean_across, err_across, _ = _robust_mean(across)
    sigmas = np.array([(row.sigma_ra_arcsec, row.sigma_dec_arcsec) for row in good])[order]
    sigma = np.median(np.hypot(*(sigmas * direction).T))
    shared = _shared_arcsec(good, scale_arcsec)
    return Drift(name, n, speed, mean, mean_across, math.hypot(err, shared), math.hypot(err_across, shared),
                 float(sigma) if np.isfinite(sigma) else 0.0)  # fmt: skip


def _shared_arcsec(rows, scale_arcsec):
    """Return what the places of all Rows may be off by alike: the frame of reference, and the centroids."""
    widths = np.array([row.fwhm_arcsec for row in rows])
    widths = widths[widths > 0]
    if not widths.size:
        return FRAME_ARCSEC
    width = float(np.median(widths))
    undersampled = max(1.0, SAMPLED_PX * scale_arcsec / width) ** 2
    return math.hypot(FRAME_ARCSEC, CENTROID * width * undersampled)


def _motion(values):
    """Return (unit vectors along the track (E, N), shape (n, 2), mean speed in arcsec/s) from the predicted places."""
    middle = np.array([values[:, 0].mean(), *values[len(values) // 2, 1:3]])
    seconds = (values[:, 0] - middle[0]) * 86400
    track = _offset_arcsec(np.broadcast_to(middle[1:], (len(values), 2)), values[:, 1:3])
    degree = 2 if len(values) > FEWEST_ROWS else 1
    fits = [np.polynomial.Polynomial.fit(seconds, axis, degree).deriv() for axis in track.T]
    rates = np.column_stack([fit(seconds) for fit in fits])
    speeds = np.hypot(*rates.T)
    return rates / np.maximum(speeds, 1e-12)[:, None], float(speeds.mean())


def _offset_arcsec(start, end):
    """Return (East, North) of places `end` from `start`, both (ra_deg, dec_deg), shape (n, 2)."""
    east = (end[:, 0] - start[:, 0] + 180) % 360 - 180
    return 3600 * np.column_stack([east * np.cos(np.radians(end[:, 1])), end[:, 1] - start[:, 1]])


def _robust_mean(values):
    """Return (mean, its error, number) of what lies within CLIP robust sigma of the median."""
    away = np.abs(values - np.median(values))
    kept = values[away <= CLIP * SIGMA_PER_MAD * np.median(away) + 1e-9]
    kept = kept if len(kept) >= FEWEST_ROWS else values
    few = -stdtrit(len(kept) - 1, ndtr(-SIGNIFICANT)) / SIGNIFICANT  # the scatter of three values says little
    return float(kept.mean()), float(few * kept.std(ddof=1) / math.sqrt(len(kept))), len(kept)


def told(curves, scale_arcsec=0.0):
    """Return what the moving bodies of a night tell about the clock (str), '' if nothing stands out.

    curves : {name: rows};  scale_arcsec : as in `drift_of`
    """
    drifts = [drift for drift in (drift_of(name, rows, scale_arcsec) for name, rows in curves.items()) if drift]
    if not drifts:
        return ""
    for each in drifts:
        places = each.along_arcsec, each.err_arcsec, each.across_arcsec, each.err_across_arcsec
        words = '%s: %+.3f +- %.3f" along its track, %+.3f +- %.3f" across: times late by %.2f +- %.2f s'
        log.info(words, each.name, *places, each.late_s, each.err_s)
    return _of_one(drifts[0]) if len(drifts) == 1 else _of_several(drifts)


def _of_one(drift):
    if abs(drift.along_arcsec) < SIGNIFICANT * math.hypot(drift.err_arcsec, drift.sigma_arcsec):
        return ""  # within what the ephemeris says of itself
    words = f"times are {_seconds(drift.late_s, drift.err_s)}, or the ephemeris of {drift.name} is off by "
    words += f'{abs(drift.along_arcsec):.3f}" along its track'
    words += f' (its own error: {drift.sigma_arcsec:.3f}")' if drift.sigma_arcsec else ""
    if abs(drift.across_arcsec) > SIGNIFICANT * drift.err_across_arcsec:
        words += f'; it is off by {abs(drift.across_arcsec):.3f}" across the track as well, which no clock explains'
    return words


def _of_several(drifts):
    """Return what one clock for all bodies says, with the errors of their ephemerides."""
    speed, along = (np.array([getattr(each, name) for each in drifts]) for name in ("speed_arcsec_s", "along_arcsec"))
    variance = np.array([each.err_arcsec**2 + each.sigma_arcsec**2 for each in drifts])
    late, err = (
        -np.sum(speed * along / variance) / np.sum(speed**2 / variance),
        1 / math.sqrt(np.sum(speed**2 / variance)),
    )
    chi2 = float(np.sum((along + late * speed) ** 2 / variance)) / (len(drifts) - 1)
    err *= math.sqrt(max(chi2, 1.0))
    if abs(late) < SIGNIFICANT * err:
        return ""
    return f"times are {_seconds(late, err)}, by {len(drifts)} moving bodies"


def _seconds(late, err):
    decimals = max(0, min(3, 1 - math.floor(math.log10(err))))
    return f"{abs(late):.{decimals}f} +- {err:.{decimals}f} s {'late' if late > 0 else 'early'}"
