"""How far residuals scatter, over how long they hang together, and which points are far out."""

import numpy as np
from astropy.stats import mad_std
from scipy.ndimage import median_filter

from photometrypipeline.periods.measurements import FREE_MAG

PRIOR_POINTS = 5  # so much the errors as given are believed
LONGEST_SHARE = 0.25  # of a session, over which residuals are compared
MOST_LAGS = 10  # neighbours
OUTLYING = 5.0  # sigma, from which on a point is an outlier
USUAL, USUAL_POINTS = 1.25, 200  # inflation by seeing, extinction and flat fields, which neighbours share
LONE = 8.0  # the same against its neighbours alone, before there is a fit
WINDOW = 7  # neighbours


def scale_of(points, series):
    """Return by which factor the errors of the points are too small, from the residuals of a Series."""
    chi2 = float(np.sum((series.residual / points.err) ** 2))
    free = max(0.0, np.count_nonzero(points.err < FREE_MAG) - series.n_free - 1)
    return float(np.sqrt((chi2 + PRIOR_POINTS) / (free + PRIOR_POINTS)))


def correlation(points, series):
    """Return (inflation, length): by which factor means of residuals scatter more than independent ones would, and

    the number of neighbours (int) that were looked at; from the autocorrelation within sessions, with the weights of
    Newey and West (1987, Econometrica 55, 703).  What the fit has taken from the residuals is put back, and what is
    usual counts as much as USUAL_POINTS: a few nights tell too little of this.
    """
    rho, n = _autocorrelation(points, series), len(points)
    square = (n * _inflation(rho) ** 2 + USUAL_POINTS * USUAL**2) / (n + USUAL_POINTS)
    return float(np.sqrt(max(1.0, square))), len(rho)


def lost_in_fit(points, series, inflation):
    """Return by which factor blocks of residuals as they are scatter less than with this inflation."""
    return max(1.0, inflation / _inflation(_autocorrelation(points, series, whole=False)))


def _inflation(rho):
    weight = 1 - np.arange(1, len(rho) + 1) / (len(rho) + 1)
    return float(np.sqrt(max(0.1, 1 + 2 * rho @ weight)))


def _autocorrelation(points, series, whole=True):
    """Return the autocorrelation of the residuals at lags from 1; `whole`: with what the fit took from them."""
    scaled = series.residual / points.err
    scaled = scaled / np.sqrt(np.sum(scaled**2) / max(1.0, len(points) - series.n_free))
    order = np.lexsort((points.t_d, points.session))
    parts = [order[points.session[order] == each] for each in np.unique(points.session)]
    longest = int(np.clip(max(map(len, parts)) * LONGEST_SHARE, 1, MOST_LAGS))
    sums, pairs = np.zeros(longest), np.zeros(longest, dtype=int)
    for part in parts:
        for lag in range(1, min(longest, len(part) - 1) + 1):
            near, far = part[:-lag], part[lag:]
            taken = np.sum(series.hat[near] * series.hat[far]) if whole else 0.0
            sums[lag - 1] += scaled[near] @ scaled[far] + taken
            pairs[lag - 1] += len(near)
    variance = 1.0 if whole else np.mean(scaled**2)
    return sums / np.maximum(pairs, 1) / variance


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
    return float(mad_std(values))
