"""Small pieces of a frame, read from disk when needed: pixels, which of them are bad, which belong to sources."""

import functools
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from photometrypipeline.frames import fitsbytes

WINGS_FWHM = 2.5  # a source is masked in the sky of others so far, or to twice its isophote
EDGE_PLACES, EDGE_WEIGHTS = np.polynomial.legendre.leggauss(6) * np.array([[0.5]])  # in a pixel


@dataclass
class Cutout:
    """A square piece of a frame around the pixel (`column`, `row`), 0-based, shape (2 half + 1, 2 half + 1).

    pixels : ADU, NaN where there is none or it is bad;  occupied : which of them belong to sources, bool
    """

    pixels: np.ndarray
    occupied: np.ndarray
    column: int
    row: int
    half: int

    @property
    def grid(self):
        """(dx, dy) of its pixels from its central one: shapes (1, n) and (n, 1)."""
        steps = np.arange(-self.half, self.half + 1, dtype=float)
        return steps[None, :], steps[:, None]


class FramePixels:
    """The pixels of one frame; nothing is read before a cut-out asks for it.

    path : of the FITS file;  header : its header (BSCALE, BZERO, BLANK)
    sources : (x, y, radius), 0-based px, of what stands on it, or None;  bad : bool, shape of the frame, or None
    saturation : ADU above which a pixel is as good as bad, or None
    """

    def __init__(self, path, header, sources=None, bad=None, saturation=None):
        self._path, self._map = path, None
        self.shape = fitsbytes.shape(header)
        self._scale, self._zero = fitsbytes.scaling(header)
        self._blank = header.get("BLANK") if int(header["BITPIX"]) > 0 else None
        self._saturation = saturation or np.inf
        self._bad = bad if bad is not None and bad.shape == self.shape and bad.any() else None
        x, y, radius = (np.asarray(axis, dtype=float) for axis in sources or ((), (), ()))
        self._sources = np.column_stack([x, y, radius])
        self._tree = cKDTree(self._sources[:, :2]) if x.size else None
        self._widest = float(radius.max()) if x.size else 0.0

    def __getstate__(self):  # elsewhere it is read again, and few pixels are bad
        listed = None if self._bad is None else np.flatnonzero(self._bad).astype(np.uint32)
        return self.__dict__ | {"_map": None, "_bad": listed}

    def __setstate__(self, state):
        self.__dict__.update(state)
        if self._bad is not None:
            self._bad, listed = np.zeros(self.shape, dtype=bool), self._bad
            self._bad.flat[listed] = True

    @property
    def _stored(self):
        if self._map is None:
            self._map = fitsbytes.pixels(self._path)
        return self._map

    def cutout(self, x, y, half):
        """Return the Cutout around a place (0-based px); beyond the edges of the frame its pixels are NaN."""
        column, row = int(round(x)), int(round(y))
        pixels = np.full((2 * half + 1, 2 * half + 1), np.nan)
        (top, into_row), (left, into_column) = (
            _overlap(middle, half, size) for middle, size in zip((row, column), self.shape, strict=True)
        )
        if top.stop > top.start and left.stop > left.start:
            part = self._stored[top, left]
            values = part.astype(float) * self._scale + self._zero
            unusable = values >= self._saturation
            if self._blank is not None:
                unusable |= part == self._blank
            if self._bad is not None:
                unusable |= self._bad[top, left]
            values[unusable] = np.nan
            pixels[into_row, into_column] = values
        return Cutout(pixels, self.occupied(column, row, half), column, row, half)

    def occupied(self, column, row, half, but=((), ()), same_px=0.0):
        """Return which pixels of such a Cutout belong to sources, bool.

        but : (x, y) of stars, 0-based px, whose light is off: a source within `same_px` of one of them is left out
        """
        occupied = np.zeros((2 * half + 1, 2 * half + 1), dtype=bool)
        if self._tree is None:
            return occupied
        near = self._sources[self._tree.query_ball_point((column, row), half * np.sqrt(2) + self._widest)]
        if len(but[0]):
            off = np.hypot(near[:, :1] - np.asarray(but[0]), near[:, 1:2] - np.asarray(but[1])).min(axis=1)
            near = near[off > same_px]
        apart = np.maximum(np.abs(near[:, 0] - column), np.abs(near[:, 1] - row))
        steps = np.arange(-half, half + 1)
        for x, y, radius in near[apart < half + 1 + near[:, 2]].tolist():
            reach = int(np.ceil(radius))
            rows, columns = (
                slice(max(0, at + half - reach), max(0, at + half + reach + 1))
                for at in (int(round(y)) - row, int(round(x)) - column)
            )
            away = (steps[columns] + column - x) ** 2 + (steps[rows, None] + row - y) ** 2
            occupied[rows, columns] |= away <= radius**2
        return occupied


def reach_px(table, fwhm_px):
    """Return how far (px) from its place the light of each source of a list (Table) is not sky, shape (n,)."""
    area = np.maximum(np.asarray(table["ISOAREA_IMAGE"], dtype=float), 1)
    return np.maximum(2 * np.sqrt(area / np.pi), WINGS_FWHM * fwhm_px)


def within(shape, x, y, radius_px):
    """Return which pixels of an image of `shape` lie within `radius_px` of places (0-based px, shape (n,)), bool.

    To half a pixel: places count as the middle of their pixel, radii in steps of a quarter.
    """
    places = np.rint(np.column_stack([y, x, 4 * np.asarray(radius_px)])).astype(int)
    half = places[:, 2] // 4
    there = ((places[:, :2] >= -half[:, None]) & (places[:, :2] < np.array(shape) + half[:, None])).all(axis=1)
    if not there.any():
        return np.zeros(shape, dtype=bool)
    edge = int(half[there].max())
    found = np.zeros([length + 2 * edge for length in shape], dtype=bool)
    places[:, :2] += edge - half[:, None]
    for top, left, quarters in places[there].tolist():
        disc = _disc(quarters)
        found[top : top + len(disc), left : left + len(disc)] |= disc
    return found[edge : -edge or None, edge : -edge or None]


@functools.lru_cache(maxsize=512)
def _disc(quarters):
    """Return which pixels lie within a quarter of `quarters` px of the middle one, bool, as many as that takes."""
    steps = np.arange(-(quarters // 4), quarters // 4 + 1)
    return steps**2 + steps[:, None] ** 2 <= (quarters / 4) ** 2


def _overlap(middle, half, size):
    """Return (slice of the frame, slice of the cut-out) along one axis."""
    first, last = max(0, middle - half), min(size, middle + half + 1)
    return slice(first, last), slice(first - middle + half, last - middle + half)


def aperture(dx, dy, radius_px):
    """Return the share of each pixel that lies in a circle, shape of dx + dy (px from its centre, broadcastable).

    Of a pixel at its edge it is the part inside, to 0.005 from 2 px on: the length of the chords, summed by Gauss and
    Legendre.  Source Extractor counts 25 points of a pixel, which makes the light of a star depend on its place among
    the pixels, by 0.002 mag where it is 3.5 px wide.
    """
    distance = np.hypot(dx, dy)
    shares = (distance < radius_px).astype(float)
    edge = np.nonzero(np.abs(distance - radius_px) < np.sqrt(0.5))
    x, y = (np.abs(np.broadcast_to(axis, distance.shape)[edge])[:, None] for axis in (dx, dy))
    chord = np.sqrt(np.maximum(radius_px**2 - (np.minimum(x, y) + EDGE_PLACES) ** 2, 0.0))
    low, high = (np.maximum(x, y) + side for side in (-0.5, 0.5))
    shares[edge] = np.maximum(np.minimum(chord, high) - np.maximum(-chord, low), 0.0) @ EDGE_WEIGHTS
    return shares
