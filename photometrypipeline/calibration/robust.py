"""Student's t: weights, scatter beyond stated errors, and by how much weighting makes an error larger."""

import numpy as np

NU = 4.0  # degrees of freedom of the t distribution
CLIP = 1.5  # standard deviations: what deviates by more counts as if it did by that
CLIPPED_SQUARE = 0.7785  # mean of min(z^2, CLIP^2) of normal deviates z
FEW = 30  # deviates say less of their distribution than is known of it beforehand


def weight(z):
    """Return the weights of standardised deviates `z` (Lange, Little & Taylor 1989)."""
    return (NU + 1) / (NU + np.square(z))


def excess_scatter(values, errors, least, importance=None):
    """Return the scatter (at least `least`) that, added in quadrature to `errors`, explains `values` around 0.

    Huber's scale (1981, section 5.2): that with which clipped squares of the deviates, each counted with its weight,
    are as large as they are with normal ones.
    """
    if not len(values):
        return least
    square, variance = np.square(values), np.square(errors)
    importance = np.ones(len(values)) if importance is None else importance

    def too_small(scatter):
        inverse = 1 / (variance + scatter**2)
        counted = importance * inverse
        return np.sum(counted * np.minimum(square * inverse, CLIP**2)) > CLIPPED_SQUARE * np.sum(counted)

    low, high = least, max(least, float(np.sqrt(square.max())) * 2)
    if not too_small(low):
        return least
    for _ in range(25):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if too_small(middle) else (low, middle)
    return float(high)


def inflation(z):
    """Return the variance of a t-weighted mean over what its weights say (Huber 1981, chapter 6), from deviates `z`.

    The normal equations take weights for inverse variances; of normal deviates they would promise too much.
    """
    expected = np.random.default_rng(0).standard_normal(20000)
    drawn = _inflation(expected)
    if len(z) < FEW:
        return drawn
    return float(np.clip(_inflation(z), drawn, 4.0))


def _inflation(z):
    w = weight(z)
    slope = (NU + 1) * (NU - np.square(z)) / (NU + np.square(z)) ** 2
    return float(np.mean(np.square(w * z)) / max(np.mean(slope), 0.2) ** 2 * np.mean(w))
