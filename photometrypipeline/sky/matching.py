"""Matching of positions on the sphere, with kd-trees on unit vectors."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree

from photometrypipeline.sky.sphere import ARCSEC_PER_DEG, vectors


def chord_of(radius_arcsec: ArrayLike) -> Any:
    """Return the length of the chord that an angle spans on the unit sphere."""
    return 2 * np.sin(np.radians(np.asarray(radius_arcsec) / ARCSEC_PER_DEG) / 2)


def angle_of(chord: ArrayLike) -> Any:
    """Return the angle in arcsec of chords on the unit sphere."""
    return np.degrees(2 * np.arcsin(np.clip(np.asarray(chord) / 2, 0, 1))) * ARCSEC_PER_DEG


def nearest(
    ra_deg: ArrayLike, dec_deg: ArrayLike, among_ra_deg: ArrayLike, among_dec_deg: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Return (index, distance_arcsec), both shape (n,): for each position the nearest of the others.

    Without others the index is -1 and the distance infinite.
    """
    number = np.size(ra_deg)
    if np.size(among_ra_deg) == 0:
        return np.full(number, -1), np.full(number, np.inf)
    chords, index = cKDTree(vectors(among_ra_deg, among_dec_deg)).query(vectors(ra_deg, dec_deg))
    return index, angle_of(chords)


def unique_pairs(
    ra1_deg: ArrayLike, dec1_deg: ArrayLike, ra2_deg: ArrayLike, dec2_deg: ArrayLike, radius_arcsec: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return (i1, i2), index arrays of the pairs nearer than `radius_arcsec` that are the only choice of each other.

    A position with two candidates inside the radius, on either side, is left out: a blend or a wrong match.
    """
    if np.size(ra1_deg) == 0 or np.size(ra2_deg) == 0:
        return np.empty(0, dtype=int), np.empty(0, dtype=int)
    first, second = cKDTree(vectors(ra1_deg, dec1_deg)), cKDTree(vectors(ra2_deg, dec2_deg))
    near = first.sparse_distance_matrix(second, float(chord_of(radius_arcsec)), output_type="coo_matrix")
    i1, i2 = near.row, near.col
    alone = (np.bincount(i1, minlength=first.n)[i1] == 1) & (np.bincount(i2, minlength=second.n)[i2] == 1)
    order = np.argsort(i1[alone], kind="stable")
    return i1[alone][order], i2[alone][order]
