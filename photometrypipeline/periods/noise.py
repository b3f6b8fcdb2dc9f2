"""How far residuals scatter, over how long they hang together, and which points are far out."""

import numpy as np
from scipy.ndimage import median_filter

from photometrypipeline.periods.measurements import FREE_MAG

PRIOR_POINTS = 5  # so much the errors as given are believed
LONGEST_SHARE = 0.25  # of a session, over which residuals are compared
MOST_LAGS = 10  # neighbours
OUTLYING = 5.0  # sigma, from which on a point is an outlier
LONE = 8.0  # the same against its neighbours alone, before there is a fit
WINDOW = 7  # neighbours
SIGMA_PER_MAD = 1.4826


def scale_of(points, series):
    """Return by which factor the errors of the points are too small, from the residuals of a Series."""
    chi2 = float(np.sum((series.residual / points.err) ** 2))
    free = max(0.0, np.count_nonzero(points.err < FREE_MAG) - series.n_free - 1)
    return float(np.sqrt((chi2 + PRIOR_POINTS) / (free + PRIOR_POINTS)))


def correlation(points, series):
    """Return (inflation, length): by which factor means of residuals scatter more than independent ones would, and

    the number of neighbours (int) that were looked at; from the autocorrelation within sessions, with the weights of
    Newey and West (1987, Econometrica 55, 703).
    """
    rho = _autocorrelation(points, series)
    weight = 1 - np.arange(1, len(rho) + 1) / (len(rho) + 1)
    return float(np.sqrt(max(1.0, 1 + 2 * rho @ weight))), len(rho)


def _autocorrelation(points, series):
    studentised = series.residual / points.err / np.sqrt(np.maximum(1 - series.leverage, 0.1))
    parts = [studentised[points.session == each] for each in np.unique(points.session)]
    longest = int(np.clip(max(map(len, parts)) * LONGEST_SHARE, 1, MOST_LAGS))
    sums, pairs = np.zeros(longest), np.zeros(longest, dtype=int)
    for part in parts:
        for lag in range(1, min(longest, len(part) - 1) + 1):
            sums[lag - 1] += part[lag:] @ part[:-lag]
            pairs[lag - 1] += len(part) - lag
    return sums / np.maximum(pairs, 1) / np.mean(studentised**2)


def lone(points):
    """Return which points (bool, shape (n,)) are far from their neighbours in time, whatever the rotation does."""
    away = np.zeros(len(points))
    for each in np.unique(points.session):
        own = np.flatnonzero(points.session == each)
        own = own[np.argsort(points.t_d[own])]
        if len(own) >= WINDOW:
            away[own] = points.mag[own] - median_filter(points.mag[own], WINDOW, mode="nearest")
    return np.abs(away) > LONE * np.hypot(points.err, _spread(away))


def outliers(points, series):
    """Return which points (bool, shape (n,)) are far from a Series, in units of the scatter of the residuals."""
    away = series.residual / points.err / np.sqrt(np.maximum(1 - series.leverage, 0.1))
    return np.abs(away) > OUTLYING * max(1.0, _spread(away))


def _spread(values):
    return SIGMA_PER_MAD * float(np.median(np.abs(values - np.median(values))))
