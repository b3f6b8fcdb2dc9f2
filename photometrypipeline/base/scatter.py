"""The scatter of normal values among outliers about a known centre; about their median astropy.stats.mad_std has it."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

SIGMA_PER_MAD = 1.4826  # of a normal distribution, over the median of the absolute deviations


def about(
    values: np.ndarray, centre: ArrayLike = 0.0, axis: int | tuple[int, ...] | None = None, keepdims: bool = False
) -> Any:
    """Return the standard deviation of `values` about `centre` from the median deviation; NaN is left out."""
    return SIGMA_PER_MAD * np.nanmedian(np.abs(values - centre), axis=axis, keepdims=keepdims)
