"""The elliptical Moffat profile, integrated over pixels, with its derivatives.

Moffat (1969, A&A 3, 455), written so that a Gaussian is its limit:

    P(dx, dy) = (1 - b) / pi * sqrt(det W) * (1 + b w)^(-1 / b),    w = wxx dx^2 + 2 wxy dx dy + wyy dy^2,  b = 1 / beta

It contains all the light of the star: its integral over the plane is 1.
"""

import functools

import numpy as np

B_LIMITS = (0.02, 0.62)  # 1 / beta: a Gaussian to 1 %, and wings as of beta 1.6
FINE_FWHM = 2.4  # px; sharper profiles need more places in a pixel


def nodes(fwhm_px):
    """Return (dx, dy, weight), each shape (n,): places in a pixel whose weighted mean is the integral over it.

    Gauss-Legendre, four or sixteen of them: exact to 1e-3 of the peak for FWHM above 1.2 px.
    """
    return _nodes(2 if np.min(fwhm_px) > FINE_FWHM else 4)


@functools.cache
def _nodes(number):
    places, weights = np.polynomial.legendre.leggauss(number)
    x, y = np.meshgrid(places / 2, places / 2)
    return x.ravel(), y.ravel(), np.outer(weights / 2, weights / 2).ravel()


def along(trail_px, step_px):
    """Return (dx, dy, weight), each shape (n,): places spread evenly over a trail (x, y) whose middle is 0."""
    number = max(1, int(np.ceil(np.hypot(*trail_px) / step_px)))
    share = (np.arange(number) + 0.5) / number - 0.5
    return share * trail_px[0], share * trail_px[1], np.full(number, 1 / number)


def joined(first, second):
    """Return the places (dx, dy, weight) of which each is one of `first` and one of `second` added."""
    return (
        np.add.outer(first[0], second[0]).ravel(),
        np.add.outer(first[1], second[1]).ravel(),
        np.multiply.outer(first[2], second[2]).ravel(),
    )


def pixels(dx, dy, shape, b, places):
    """Return the light of a star of flux 1 in pixels at dx, dy (px from its centre), which have to be broadcastable.

    shape : (wxx, wxy, wyy), 1/px^2;  places : (dx, dy, weight) that are averaged in each pixel
    """
    wxx, wxy, wyy = shape
    total = 0.0
    for step_x, step_y, weight in zip(*(axis.tolist() for axis in places), strict=True):
        x, y = dx + step_x, dy + step_y
        total = total + weight * np.exp(-np.log1p(b * (wxx * x * x + 2 * wxy * x * y + wyy * y * y)) / b)
    return total * ((1 - b) / np.pi * np.sqrt(wxx * wyy - wxy * wxy))


def derivatives(dx, dy, shape, b, places):
    """Return (P, dP/dx0, dP/dy0, dP/db, dP/dwxx, dP/dwxy, dP/dwyy), arrays as of `pixels`; x0, y0: of the centre."""
    wxx, wxy, wyy = shape
    det = wxx * wyy - wxy * wxy
    sums = [0.0] * 7  # of a, a log, and the slope times 1st and 2nd powers; the rest follows
    for step_x, step_y, weight in zip(*(axis.tolist() for axis in places), strict=True):
        x, y = dx + step_x, dy + step_y
        xx, xy, yy = x * x, x * y, y * y
        bw = (b * wxx) * xx + (2 * b * wxy) * xy + (b * wyy) * yy
        one_more = bw + 1
        log = np.log(one_more) + (bw - (one_more - 1)) / one_more  # as log1p, in a fifth of its time
        a = np.exp(log * (-1 / b)) * weight
        slope = a / one_more  # minus dA/dw
        terms = a, a * log, slope * x, slope * y, slope * xx, slope * xy, slope * yy
        sums = [total + term for total, term in zip(sums, terms, strict=True)]
    total, logs, x, y, xx, xy, yy = sums
    norm = (1 - b) / np.pi * np.sqrt(det)
    profile = norm * total
    by_b = norm * (logs / b**2 - (wxx * xx + 2 * wxy * xy + wyy * yy) / b) - profile / (1 - b)
    return (
        profile,
        2 * norm * (wxx * x + wxy * y),
        2 * norm * (wxy * x + wyy * y),
        by_b,
        profile * (wyy / (2 * det)) - norm * xx,
        profile * (-wxy / det) - 2 * norm * xy,
        profile * (wxx / (2 * det)) - norm * yy,
    )


def fwhm_px(shape, b):
    """Return the FWHM (px) of a profile, the geometric mean of its axes."""
    wxx, wxy, wyy = shape
    return 2 * np.sqrt((2**b - 1) / b) / (wxx * wyy - wxy * wxy) ** 0.25


def round_shape(fwhm, b):
    """Return (wxx, wxy, wyy) of a round profile of FWHM `fwhm` (px)."""
    w = 4 * (2**b - 1) / b / fwhm**2
    return w, 0.0, w
