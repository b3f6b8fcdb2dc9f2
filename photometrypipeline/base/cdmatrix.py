"""The matrix of a linear WCS in header cards: degrees of sky (rows: East, North) per pixel (columns: x, y)."""

from collections.abc import Mapping

import numpy as np

NAMES = (("CD1_1", "CD1_2"), ("CD2_1", "CD2_2"))
LINEAR = ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", *NAMES[0], *NAMES[1])  # all numbers of a linear WCS


def of(header: Mapping) -> np.ndarray:
    """Return the CD matrix of a header (or dict), shape (2, 2).  Raises KeyError for a card that is missing."""
    return np.array([[float(header[name]) for name in row] for row in NAMES])


def cards(matrix: np.ndarray) -> dict[str, float]:
    """Return {keyword: value} of a CD matrix."""
    return {NAMES[i][j]: float(value) for (i, j), value in np.ndenumerate(matrix)}
