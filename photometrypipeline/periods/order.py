"""How many harmonics the data bear: those that predict best what was left out, block after block of time."""

import numpy as np

from photometrypipeline.periods import fourier
from photometrypipeline.periods.evidence import HIGHEST_ORDER

LOWEST_ORDER = 2
BLOCKS = 12
SHORTEST_SHARE = 0.05  # of a rotation, for a block


def blocks_of(points, frequency):
    """Return the number of the block of time of each point (int, shape (n,)): pieces of sessions of about one length.

    A block is longer than what two neighbours have in common, and short against the rotation.
    """
    length = max(SHORTEST_SHARE / frequency, 4 * points.cadence_d, _time_covered(points) / 40)
    length = min(length, max(_time_covered(points) / BLOCKS, 2 * points.cadence_d))
    found = np.zeros(len(points), dtype=int)
    count = 0
    for each in np.unique(points.session):
        own = points.session == each
        since = points.t_d[own] - points.t_d[own].min()
        pieces = max(1, round(float(since.max()) / length))
        found[own] = count + np.minimum((since / (since.max() or 1) * pieces).astype(int), pieces - 1)
        count += pieces
    return found


def _time_covered(points):
    return sum(float(np.ptp(points.t_d[points.session == each])) for each in np.unique(points.session))


def choose(points, frequency, scale=1.0, highest=HIGHEST_ORDER):
    """Return (order, scores): the number of harmonics (2 to 10) with the best predictions, and {order: chi2 a point}.

    Each block is predicted from all others, at this frequency (1/d); offsets of sessions have their priors.
    """
    blocks = blocks_of(points, frequency)
    scores = {}
    for order in range(LOWEST_ORDER, max(LOWEST_ORDER, min(highest, (len(points) - 3) // 3)) + 1):
        scores[order] = _score(points, frequency, order, scale, blocks)
    return min(scores, key=scores.get), scores


def _score(points, frequency, order, scale, blocks):
    """Return the mean chi2 of points whose block was left out.

    Leaving out block B of a linear fit leaves the residuals (1 - H_BB)^-1 r_B, with the hat matrix H of all points.
    """
    design = np.hstack([fourier.harmonics(points.t_d * frequency, order), points.nuisance])
    weight = (scale * points.err) ** -1.0
    prior = fourier.precision_of(order, fourier.scale_of(points))
    design = design * weight[:, None]
    normal = design.T @ design + np.diag(np.concatenate([prior, points.precision]))
    half = np.linalg.solve(np.linalg.cholesky(normal), design.T)
    target = points.mag * weight
    residual = target - half.T @ (half @ target)
    total = 0.0
    for each in np.unique(blocks):
        own = blocks == each
        part = half[:, own]
        predicted = np.linalg.solve(np.eye(own.sum()) - part.T @ part, residual[own])
        total += float(predicted @ predicted)
    return total / len(points)
