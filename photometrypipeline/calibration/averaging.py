"""Coefficients of terms that may be there or not: the average over what they may be beforehand, each by its evidence.

A detector may be flat to some mmag, or lose light towards its corners; a term for it costs noise where it is not
needed.  Each coefficient is normal around 0 with one of several widths; every combination of widths counts by how well
it explains the data (Hoeting et al. 1999, Statistical Science 14, 382).
"""

import itertools

import numpy as np


def posterior(information, right, widths, groups=None):
    """Return (mean, covariance) of coefficients, shapes (k,) and (k, k), averaged over all combinations of widths.

    information, right : normal equations of the data alone, shapes (k, k) and (k,)
    widths : for each coefficient, the widths (tuple) of its normal distribution beforehand, one as likely as another
    groups : a name for each coefficient; those of one name have their first width together, or their second, ...
    """
    if not len(right):
        return np.zeros(0), np.zeros((0, 0))
    combinations = _combinations(widths, groups or range(len(widths)))
    precision = information + np.einsum("nk,kj->nkj", combinations**-2.0, np.identity(len(right)))
    covariance = np.linalg.inv(precision)
    means = covariance @ right
    evidence = means @ right / 2 - np.linalg.slogdet(precision)[1] / 2 - np.log(combinations).sum(axis=1)
    weight = np.exp(evidence - evidence.max())
    weight /= weight.sum()
    mean = weight @ means
    away = means - mean
    return mean, np.einsum("n,nij->ij", weight, covariance) + np.einsum("n,ni,nj->ij", weight, away, away)


def _combinations(widths, groups):
    """Return all combinations of the widths, shape (n, k), coefficients of one group in step."""
    of_group = dict(zip(groups, widths, strict=True))
    picks = itertools.product(*(range(len(own)) for own in of_group.values()))
    steps = [dict(zip(of_group, pick, strict=True)) for pick in picks]
    return np.array([[own[step[group]] for group, own in zip(groups, widths, strict=True)] for step in steps])
