"""The colour term of a data set: how a camera's band differs from the catalogue's, from the stars of all its frames.

The model is  m = m_inst + zeropoint(frame) + coefficient * (colour - target's colour): the zeropoint holds for a source
of the target's colour.
"""

from dataclasses import asdict, dataclass

import numpy as np
from astropy.stats import mad_std

from photometrypipeline.base.errors import TooFewStars

MIN_STARS = 5  # distinct stars; two numbers are fitted, and an outlier has to show
MIN_SPREAD = 0.05  # mag, standard deviation of the colours; stars of one colour say nothing about others
MAX_COLOR_ERROR = 0.1  # mag; stars with less certain colours would flatten the relation
CLIP = 3.0  # robust standard deviations
N_ROUNDS = 30


@dataclass(frozen=True)
class ColorTerm:
    """The colour term of a data set.

    color : such as "g-r"; coefficient, err : mag per mag; target_color : that the zeropoints hold for, mag
    mean_color : of the stars in the fit, weighted, mag; n_stars, n_used : with a colour, and not clipped
    scatter : of the stars around the relation, mag
    """

    color: str
    coefficient: float
    err: float
    target_color: float
    mean_color: float
    n_stars: int
    n_used: int
    scatter: float

    @property
    def error_at_target(self):
        """Error (mag) that the uncertain coefficient brings into magnitudes of sources with the target's colour."""
        return self.err * abs(self.target_color - self.mean_color)

    def correction(self, color):
        """Return what the term adds to the magnitude of a source of `color` beyond one of the target's colour, mag."""
        return self.coefficient * (color - self.target_color)

    def as_dict(self):
        """Return the fields as a dict."""
        return asdict(self)

    def __str__(self):
        value = f"{self.coefficient:+.4f}+-{self.err:.4f}"
        return f"colour term {value} * ({self.color}), for a source of {self.color} = {self.target_color:.3f}"


@dataclass
class Observations:
    """Matched reference stars of all frames, arrays of shape (n,).

    star, frame : numbers, from 0; difference : catalogue minus instrumental magnitude; noise : 1 sigma of the
    instrumental one, mag
    """

    star: np.ndarray
    frame: np.ndarray
    difference: np.ndarray
    noise: np.ndarray


def fit(observations, error, color, e_color, color_name, target_color):
    """Return the ColorTerm of a data set.

    observations : Observations; error, color, e_color : of each star of the catalogue, mag, NaN where unknown
    target_color : mag

    A star counts once, however many frames it is on, since its catalogue magnitude is wrong by the same amount on all
    of them; deviant stars are clipped, and the error is scaled to the scatter of the rest.  Raises TooFewStars.
    """
    known = np.isfinite(color) & (np.nan_to_num(e_color, nan=np.inf) <= MAX_COLOR_ERROR)
    good = known[observations.star] & np.isfinite(observations.difference)
    seen = np.unique(observations.star[good])
    if seen.size < MIN_STARS:
        raise TooFewStars(seen.size, MIN_STARS, f"reference stars with a colour {color_name}")
    mean, noise = star_means(observations, good, seen)
    x = color[seen]
    if np.std(x) < MIN_SPREAD:
        raise TooFewStars(1, 2, f"colours ({color_name}) that differ among the reference stars")
    variance = np.nan_to_num(error[seen], nan=0.0) ** 2 + noise**2
    line = _robust_line(x, mean, variance, e_color[seen])
    numbers = (line.slope, line.err, target_color, line.middle)
    return ColorTerm(color_name, *map(float, numbers), int(seen.size), int(line.used.sum()), float(line.scatter))


def star_means(observations, good, seen):
    """Return (mean, noise), mag, shape (n_seen,): each star's difference, freed of the frames' zeropoints.

    Zeropoints and means are found in turn; a measurement that deviates by more than 4 robust sigma has no say.
    """
    star = np.searchsorted(seen, observations.star[good])
    _, frame = np.unique(observations.frame[good], return_inverse=True)
    difference, noise = observations.difference[good], np.maximum(observations.noise[good], 1e-3)
    weight = 1 / noise**2
    mean, used = np.zeros(seen.size), np.ones(star.size, dtype=bool)
    for _ in range(N_ROUNDS):
        offset = _group_mean(frame, difference - mean[star], weight * used)
        mean = _group_mean(star, difference - offset[frame], weight * used)
        residual = difference - offset[frame] - mean[star]
        used = np.abs(residual) <= 4 * np.maximum(noise, mad_std(residual))
    total = np.bincount(star, weight * used, minlength=seen.size)
    return mean, 1 / np.sqrt(np.maximum(total, 1e-12))


def _group_mean(group, values, weight):
    total = np.bincount(group, weight)
    return np.bincount(group, values * weight) / np.where(total > 0, total, 1)


@dataclass
class _Line:
    slope: float
    err: float
    middle: float
    scatter: float
    used: np.ndarray


def _robust_line(x, y, variance, e_x):
    """Return the _Line through (x, y): weights from `variance` and the scatter beyond it, outliers clipped."""
    slope, intercept = 0.0, float(np.median(y))
    used = np.ones(x.size, dtype=bool)
    for _ in range(N_ROUNDS):
        own = variance + (slope * np.nan_to_num(e_x)) ** 2
        residual = y - intercept - slope * x
        spread = mad_std(residual[used])
        beyond = max(spread**2 - np.median(own[used]), 0.0)
        weight = used / (own + beyond + 1e-8)
        middle = np.average(x, weights=weight)
        s_xx = np.sum(weight * (x - middle) ** 2)
        new = float(np.sum(weight * (x - middle) * y) / s_xx)
        intercept = float(np.average(y, weights=weight) - new * middle)
        residual = y - intercept - new * x
        limit = CLIP * np.maximum(np.sqrt(own), spread)
        keep = np.abs(residual - np.median(residual[used])) <= limit
        settled = abs(new - slope) < 1e-7 and (keep == used).all()
        slope, used = new, keep if keep.sum() >= MIN_STARS else used
        if settled:
            break
    chi2 = np.sum(weight[used] * residual[used] ** 2) / max(used.sum() - 2, 1)
    err = np.sqrt(max(chi2, 1.0) / s_xx)
    return _Line(slope, err, float(middle), np.std(residual[used]), used)
