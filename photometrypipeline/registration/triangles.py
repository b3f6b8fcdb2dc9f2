"""Triangles of points and their likeness, whatever their size, place and turn: proposals for where a frame lies.

After Groth (1986, AJ 91, 1244): similar triangles have sides of like ratios.  Two triangles propose a similarity; those
that many propose come first.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

RATIO_TOLERANCE = 0.012  # of the sides of similar triangles
CELL = 0.03  # of the votes: rad, fraction of the scale, fraction of the frame's diagonal
MOST_PROPOSALS = 120  # cells that are put to the test


@dataclass(frozen=True)
class Triangles:
    """Triangles: `corners` (indices, shape (n, 3)) opposite to the longest, middle and shortest side, and their shape.

    features : middle over longest and shortest over longest side, shape (n, 2);  longest : in the units of the points
    turn : 1 if the corners run anticlockwise, else -1
    """

    corners: np.ndarray
    features: np.ndarray
    longest: np.ndarray
    turn: np.ndarray

    @classmethod
    def of(cls, points, corners, shortest, longest):
        """Return those triangles of `points` (complex) whose longest side lies in the range and that tell something."""
        p = points[corners]
        sides = np.abs(np.stack([p[:, 1] - p[:, 2], p[:, 2] - p[:, 0], p[:, 0] - p[:, 1]], axis=1))
        order = np.argsort(-sides, axis=1)
        sides = np.take_along_axis(sides, order, axis=1)
        corners = np.take_along_axis(corners, order, axis=1)
        good = (sides[:, 0] >= shortest) & (sides[:, 0] <= longest)
        sides, corners = sides[good], corners[good]
        features = sides[:, 1:] / sides[:, :1]
        # thin ones measure nothing, and the corners of nearly isosceles ones change places with the errors
        good = (features[:, 1] > 0.12) & (features[:, 0] < 0.985) & (features[:, 1] < 0.985 * features[:, 0])
        good &= features.sum(axis=1) > 1.03
        corners, features, sides = corners[good], features[good], sides[good]
        p = points[corners]
        turn = np.sign(((p[:, 1] - p[:, 0]) * np.conj(p[:, 2] - p[:, 0])).imag)
        return cls(corners, features, sides[:, 0], -turn)


def all_triples(n):
    return np.array([(i, j, k) for i in range(n) for j in range(i + 1, n) for k in range(j + 1, n)], dtype=np.intp)


def neighbouring_triples(points, neighbours):
    """Return the triples (indices, shape (n, 3)) of each point with two of its nearest neighbours."""
    neighbours = min(neighbours, len(points) - 1)
    xy = np.column_stack([points.real, points.imag])
    near = cKDTree(xy).query(xy, neighbours + 1)[1][:, 1:]
    first, second = np.triu_indices(neighbours, 1)
    triples = np.stack(
        [np.repeat(np.arange(len(points)), first.size), near[:, first].ravel(), near[:, second].ravel()], axis=1
    )
    triples.sort(axis=1)
    number = len(points)
    _, unique = np.unique((triples[:, 0] * number + triples[:, 1]) * number + triples[:, 2], return_index=True)
    return triples[unique]


def similarities(ours, theirs, pixels, stars, factor):
    """Return (a, c, parity), shape (n,), of the maps w = a z + c, or a conj(z) + c, that like triangles propose.

    ours, theirs : Triangles of `pixels` and `stars` (complex), the sizes of theirs right within `factor`
    """
    nothing = np.empty(0, dtype=complex), np.empty(0, dtype=complex), np.empty(0, dtype=int)
    if not len(ours.corners) or not len(theirs.corners):
        return nothing
    # the third coordinate: as many tolerances of a ratio as the scale may be off
    weight = RATIO_TOLERANCE / (np.log(factor) + RATIO_TOLERANCE)
    one = np.column_stack([ours.features, np.log(ours.longest) * weight])
    other = np.column_stack([theirs.features, np.log(theirs.longest) * weight])
    pairs = cKDTree(one).query_ball_tree(cKDTree(other), RATIO_TOLERANCE, p=np.inf)
    counts = np.fromiter((len(pair) for pair in pairs), dtype=np.intp, count=len(pairs))
    if not counts.sum():
        return nothing
    i_ours = np.repeat(np.arange(len(pairs)), counts)
    i_theirs = np.concatenate([np.asarray(pair, dtype=np.intp) for pair in pairs if pair])
    parity = (ours.turn[i_ours] * theirs.turn[i_theirs]).astype(int)
    z = pixels[ours.corners[i_ours]]
    z = np.where(parity[:, None] > 0, z, np.conj(z))
    w = stars[theirs.corners[i_theirs]]
    z_mean, w_mean = z.mean(axis=1), w.mean(axis=1)
    z = z - z_mean[:, None]
    a = (np.conj(z) * (w - w_mean[:, None])).sum(axis=1) / (np.abs(z) ** 2).sum(axis=1)
    return a, w_mean - a * z_mean, parity


def by_votes(a, c, parity, diagonal):
    """Yield (a, c, parity) of the maps that the most proposals agree on, best first; `diagonal` in the units of c.

    Votes are counted in the cells of two grids that are shifted against each other.
    """
    if not a.size:
        return
    place = CELL * diagonal
    coordinates = np.column_stack([np.log(np.abs(a)) / CELL, np.angle(a) / CELL, c.real / place, c.imag / place])
    coordinates -= coordinates.min(axis=0)
    cells = []
    for shift in (0.0, 0.5):
        steps = np.floor(coordinates + shift).astype(np.int64)
        steps = np.column_stack([steps, parity > 0])
        for members in fullest(steps, MOST_PROPOSALS):
            cells.append(members)
    cells.sort(key=lambda members: -members.size)
    for members in cells[:MOST_PROPOSALS]:
        middle = members if members.size < 3 else _central(members, coordinates[members])
        yield a[middle].mean(), c[middle].mean(), int(parity[members[0]])


def fullest(steps, number):
    """Return the members (index arrays) of the `number` cells that hold the most of integer `steps`, shape (n, k)."""
    key = np.zeros(len(steps), dtype=np.int64)
    for column in steps.T:
        key = key * (column.max() + 1) + column
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    counts = np.diff(starts, append=key.size)
    best = np.argsort(-counts, kind="stable")[:number]
    return [order[starts[cell] : starts[cell] + counts[cell]] for cell in best]


def _central(members, coordinates):
    """Return that third of the members of a cell that lies nearest to the median of all."""
    distance = np.abs(coordinates - np.median(coordinates, axis=0)).max(axis=1)
    return members[np.argsort(distance, kind="stable")[: max(1, members.size // 3)]]
