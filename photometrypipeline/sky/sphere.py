"""Geometry on the sphere: unit vectors, distances, the circle that holds a set of frames, groups of fields.

All angles are degrees; everything holds across RA 0 and at the poles.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from astropy.coordinates import angular_separation
from numpy.typing import ArrayLike
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from photometrypipeline.base.errors import PipelineError

ARCSEC_PER_DEG = 3600.0


def vectors(ra_deg: ArrayLike, dec_deg: ArrayLike) -> np.ndarray:
    """Return unit vectors, shape (n, 3), of positions in degrees, shape (n,)."""
    ra, dec = np.radians(np.atleast_1d(ra_deg)), np.radians(np.atleast_1d(dec_deg))
    return np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


def direction(vector: np.ndarray) -> tuple[float, float]:
    """Return (ra_deg, dec_deg), RA in [0, 360), of a vector, shape (3,), of any length above 0."""
    x, y, z = vector
    return float(np.degrees(np.arctan2(y, x)) % 360.0), float(np.degrees(np.arctan2(z, np.hypot(x, y))))


def separation_deg(ra1_deg: ArrayLike, dec1_deg: ArrayLike, ra2_deg: ArrayLike, dec2_deg: ArrayLike) -> Any:
    """Return great-circle distances in degrees (Vincenty's formula, exact at all distances)."""
    return np.degrees(angular_separation(*(np.radians(angle) for angle in (ra1_deg, dec1_deg, ra2_deg, dec2_deg))))


def mean_direction(ra_deg: ArrayLike, dec_deg: ArrayLike) -> tuple[float, float]:
    """Return (ra_deg, dec_deg) of the mean of positions, shape (n,).  Raises PipelineError if there are none."""
    if np.size(ra_deg) == 0:
        raise PipelineError("no positions to take the centre of; there are no sources in any frame")
    return direction(vectors(ra_deg, dec_deg).mean(axis=0))


def ra_difference_deg(ra1_deg: ArrayLike, ra2_deg: ArrayLike) -> Any:
    """Return ra1 - ra2 in degrees of coordinate, in [-180, 180)."""
    return (np.asarray(ra1_deg) - np.asarray(ra2_deg) + 180.0) % 360.0 - 180.0


def skycenter(positions: Iterable[tuple[ArrayLike, ArrayLike]]) -> tuple[float, float, float]:
    """Return (ra_deg, dec_deg, radius_deg) of the circle around all frames.

    positions : list of (ra_deg, dec_deg), arrays of the sources of one frame each

    Each frame counts with the box between the 1st and 99th percentile of its sources, so that a few stray ones do not
    widen the circle; the centre is that of the box around all frames.  Raises PipelineError without any source.
    """
    positions = [(ra, dec) for ra, dec in positions if np.size(ra)]
    everything = [np.concatenate(axis) for axis in zip(*positions, strict=True)] or [np.empty(0)] * 2
    local = _local_axes(*mean_direction(*everything))
    boxes: list[tuple[float, float]] = []
    for ra, dec in positions:
        towards, east, north = local @ vectors(ra, dec).T
        x, y = np.degrees(np.arctan2(east, towards)), np.degrees(np.arcsin(np.clip(north, -1, 1)))
        boxes += [(column, row) for column in np.percentile(x, [1, 99]) for row in np.percentile(y, [1, 99])]
    corners = np.array(boxes)
    middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
    radius = np.max(separation_deg(*corners.T, *middle))
    ra_deg, dec_deg = direction(vectors(*middle).ravel() @ local)
    return float(ra_deg), float(dec_deg), float(radius)


def _local_axes(ra_deg: float, dec_deg: float) -> np.ndarray:
    """Return the unit vectors towards a place, and East and North there, shape (3, 3)."""
    ra, dec = np.radians([ra_deg, dec_deg])
    towards = vectors(ra_deg, dec_deg).ravel()
    east = np.array([-np.sin(ra), np.cos(ra), 0.0])
    north = np.array([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)])
    return np.array([towards, east, north])


def largest_field(centres: Sequence[tuple[float, float]], weights: ArrayLike, linking_deg: float = 5.0) -> np.ndarray:
    """Return a bool mask, shape (n,), of the frames that belong to the field with the most sources.

    centres : list of (ra_deg, dec_deg), one per frame;  weights : number of sources per frame

    Frames nearer than `linking_deg` to any frame of a field belong to it (single linkage).  Ties: more frames, then the
    field of the first frame.
    """
    if len(centres) < 2:
        return np.ones(len(centres), dtype=bool)
    # chord and angle grow together, so linking in space is linking on the sphere
    chord = 2 * np.sin(np.radians(linking_deg) / 2) * (1 - 1e-12)
    tree = cKDTree(vectors(*np.transpose(centres)))
    _, groups = connected_components(tree.sparse_distance_matrix(tree, chord, output_type="coo_matrix"), directed=False)
    weights = np.asarray(weights)
    best = max(
        dict.fromkeys(groups.tolist()),
        key=lambda group: (weights[groups == group].sum(), (groups == group).sum(), -np.argmax(groups == group)),
    )
    return groups == best
