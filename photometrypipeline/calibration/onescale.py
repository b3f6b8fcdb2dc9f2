"""Several nights on one scale: by how much the zeropoints of each are off, from the stars that they have in common.

The zeropoints of a night share an error, that of the catalogue's stars in its field.  Where fields overlap, the same
star has to have the same magnitude every night:  m(star, night) + shift(night) = m(star) + noise, with the shifts
0 +- the common errors beforehand, so that a night without any overlap stays where it is.
"""

from dataclasses import dataclass

import numpy as np

from photometrypipeline.base.errors import FrameError
from photometrypipeline.calibration import robust
from photometrypipeline.frames import framedb
from photometrypipeline.sky import matching

MAX_FRAMES = 12  # of a night, spread over it: more make the means of stars no better than the nights allow
MAX_STARS = 500  # per night, the best
MOST_ERROR = 0.05  # mag, of a star on one frame
LEAST_ERROR = 0.002  # mag, of the mean of a star over a night: flat field, images
SAME_ARCSEC = 1.0
N_ROUNDS = 30


@dataclass
class NightStars:
    """The stars of a night, arrays of shape (n,).

    mag, err : mean over its frames and its error, mag;  err_common : what all of them share beforehand, mag
    """

    ra_deg: np.ndarray
    dec_deg: np.ndarray
    mag: np.ndarray
    err: np.ndarray
    err_common: float


@dataclass(frozen=True)
class Scale:
    """shift : to be added to the magnitudes of each night, mag, shape (n_nights,); err : what it is good to

    against : what it is good to against the mean of all nights
    n_shared : stars of each night that other nights have as well
    """

    shift: np.ndarray
    err: np.ndarray
    n_shared: np.ndarray
    against: np.ndarray


def stars_of(databases, err_common, losses=None):
    """Return the NightStars of the frames with these databases (paths); those that cannot be read go to `losses`.

    Stars are those of the frame with most sources that others show as well: calibrated, unflagged, well measured.
    """
    picked = databases[:: max(1, -(-len(databases) // MAX_FRAMES))]
    frames = []
    for path in picked:
        try:
            found = _good_sources(path)
        except FrameError as trouble:
            if losses is not None:
                losses.add(str(path), f"{trouble.reason}; {trouble.remedy}")
            continue
        frames += [] if found is None else [found]
    if not frames:
        return NightStars(*(np.empty(0) for _ in range(4)), err_common)
    first = max(frames, key=lambda frame: frame.shape[1])
    mags, errors = (np.full((len(frames), first.shape[1]), np.nan) for _ in range(2))
    for row, frame in enumerate(frames):
        here, there = matching.unique_pairs(first[0], first[1], frame[0], frame[1], SAME_ARCSEC)
        mags[row, here], errors[row, here] = frame[2][there], frame[3][there]
    known = np.isfinite(mags)
    count = known.sum(axis=0)
    rows = np.flatnonzero(count >= min(2, len(frames)))
    mean = np.array([np.median(mags[known[:, star], star]) for star in rows])
    noise = np.sqrt(np.nanmean(errors[:, rows] ** 2, axis=0) / count[rows]) if rows.size else np.empty(0)
    best = np.sort(np.argsort(noise, kind="stable")[:MAX_STARS])
    total = np.hypot(noise, LEAST_ERROR)
    return NightStars(first[0][rows][best], first[1][rows][best], mean[best], total[best], err_common)


def _good_sources(path):
    """Return (ra_deg, dec_deg, mag, err), shape (4, n), of a frame's database; None without calibrated magnitudes.

    Raises FrameError for one that is missing or cannot be read.
    """
    header, table, zeropoint = framedb.read(path)
    term = framedb.read_colorterm(path)
    names = [f"{prefix}{header['filtername']}mag" for prefix in ("_", "")]
    name = next((name for name in names if name in table.colnames), None)
    if name is None or not zeropoint or zeropoint["zp"] is None or "err_frame" not in table.colnames:
        return None
    mag, err = np.array(table[name], dtype=float), np.array(table["err_frame"], dtype=float)
    if term is not None and "star_color" in table.colnames:
        mag = mag + term["coefficient"] * np.nan_to_num(np.asarray(table["star_color"]) - term["target_color"])
    good = np.isfinite(mag) & (err < MOST_ERROR) & (np.asarray(table["FLAGS"]) == 0)
    return np.array([np.asarray(table["ra_deg"])[good], np.asarray(table["dec_deg"])[good], mag[good], err[good]])


def solve(nights):
    """Return the Scale of a list of NightStars."""
    number = _same_stars(nights)
    n_stars = 1 + max((int(of_night.max()) for of_night in number if of_night.size), default=-1)
    shape = (len(nights), n_stars)
    mag, variance = np.zeros(shape), np.ones(shape)
    known = np.zeros(shape, dtype=bool)
    for row, (night, stars) in enumerate(zip(nights, number, strict=True)):
        mag[row, stars], variance[row, stars], known[row, stars] = night.mag, night.err**2, True
    known &= known.sum(axis=0) > 1
    prior = np.diag([1 / max(night.err_common, 1e-4) ** 2 for night in nights])
    shift, mean = np.zeros(len(nights)), np.zeros(n_stars)
    weight = np.where(known, 1 / variance, 0.0)
    for _ in range(N_ROUNDS):
        total = np.maximum(weight.sum(axis=0), 1e-12)
        normal = prior + np.diag(weight.sum(axis=1)) - (weight / total) @ weight.T
        star_sum = (weight * mag).sum(axis=0)
        right = -(weight * mag).sum(axis=1) + weight @ (star_sum / total)
        before, shift = shift, np.linalg.solve(normal, right)
        mean = (weight * (mag + shift[:, None])).sum(axis=0) / total
        residual = np.where(known, mag + shift[:, None] - mean, 0.0)
        beyond = 0.0
        if known.any():
            beyond = robust.excess_scatter(np.sqrt(2) * residual[known], np.sqrt(variance[known]), LEAST_ERROR / 10)
        noise = variance + beyond**2
        weight = np.where(known, robust.weight(residual / np.sqrt(noise)) / noise, 0.0)
        if np.abs(shift - before).max() < 1e-6:
            break
    covariance = np.linalg.inv(normal)
    of_mean = covariance.mean(axis=0)
    against = np.diag(covariance) - 2 * of_mean + of_mean.mean()
    return Scale(shift, np.sqrt(np.diag(covariance)), known.sum(axis=1), np.sqrt(np.maximum(against, 0.0)))


def _same_stars(nights):
    """Return [numbers, ...]: which star of all nights together each star of a night is."""
    ra, dec, found = np.empty(0), np.empty(0), []
    for night in nights:
        known, here = matching.unique_pairs(ra, dec, night.ra_deg, night.dec_deg, SAME_ARCSEC)
        number = np.full(night.mag.size, -1)
        number[here] = known
        new = np.flatnonzero(number < 0)
        number[new] = ra.size + np.arange(new.size)
        ra, dec = np.concatenate([ra, night.ra_deg[new]]), np.concatenate([dec, night.dec_deg[new]])
        found.append(number)
    return found


def color_between(jd, mag, err, is_reference, within_d):
    """Return (difference, error, number): magnitudes in another band minus those in the reference band.

    jd, mag, err, is_reference : of the rows of both bands, shape (n,);  within_d : rows of the reference band within
    this time before and after, between which is interpolated
    NaN where no row has such neighbours: nothing is known of the colour then.
    """
    order = np.argsort(jd[is_reference])
    time, known, sigma = (part[is_reference][order] for part in (jd, mag, err))
    values, weights = [], []
    for when, value, error in zip(jd[~is_reference], mag[~is_reference], err[~is_reference], strict=True):
        after = int(np.searchsorted(time, when))
        if not 0 < after < time.size or when - time[after - 1] > within_d or time[after] - when > within_d:
            continue
        share = (when - time[after - 1]) / max(time[after] - time[after - 1], 1e-12)
        between = (1 - share) * known[after - 1] + share * known[after]
        values.append(value - between)
        weights.append(1 / (error**2 + ((1 - share) * sigma[after - 1]) ** 2 + (share * sigma[after]) ** 2))
    if not values:
        return np.nan, np.nan, 0
    values, weights = np.array(values), np.array(weights)
    for _ in range(N_ROUNDS):
        middle = np.average(values, weights=weights)
        beyond = robust.excess_scatter(values - middle, 1 / np.sqrt(weights), LEAST_ERROR)
        counted = robust.weight((values - middle) * np.sqrt(weights)) * weights
        middle = np.average(values, weights=counted)
    return float(middle), float(np.hypot(1 / np.sqrt(weights.sum()), beyond / np.sqrt(values.size))), len(values)
