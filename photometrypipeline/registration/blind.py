"""Where is this frame, if nobody knows?  Quads of its stars looked up among those of the whole sky.

The index file (surveys/tycho2.py) holds 4.4 million quads of 22 to 30 arcmin with their codes: the places of two stars
in a frame in which the two others lie at (0, 0) and (1, 1) (Lang et al. 2010, AJ 139, 1782, section 2.1).  A field of
half a degree has some of them.  Like quads propose a place; the odds decide, as for any other match.
"""

import functools
import itertools
import logging

import numpy as np
from scipy.spatial import cKDTree

from photometrypipeline.base.errors import CatalogError
from photometrypipeline.catalogs.surveys import tycho2
from photometrypipeline.registration import fieldmatch, triangles
from photometrypipeline.registration.fieldmatch import Bounds, Candidates, SourceField, StarField
from photometrypipeline.registration.matchodds import MIN_LOG_ODDS, Prior
from photometrypipeline.sky import tangent
from photometrypipeline.sky.tangent import LinearMap

log = logging.getLogger("pp.blind")

LEAST_FIELD_DEG = 0.6  # diagonal of the frame
QUAD_DEG = (22 / 60, 30 / 60)  # distance of the outer stars of a quad in the index
WHOLE_SKY_DEG = 114.6  # radius of a disc as large as the sky
SOURCES = 28  # brightest, within REGION_DEG of the middle of a large field
REGION_DEG = 0.6
CODE_TOLERANCE = 0.012
CELL_DEG, CELL_SCALE = 0.1, 0.03  # of the votes
MOST_PLACES = 80  # that are put to the test
FAINTEST = 12.5  # VT of the stars of a test, mag


def locate(x_px, y_px, flux, *, scale_arcsec, scale_tolerance=0.2, size_px, folders=(), min_log_odds=MIN_LOG_ODDS):
    """Return the Solution (fieldmatch.py) of a frame anywhere on the sky, None if no place stands the test.

    The sources as in starpatterns.solve;  scale_arcsec : right within the factor 1 + `scale_tolerance`
    folders : where the index file lies, default the usual ones.  Raises CatalogError if it is not installed.
    """
    frame = SourceField.of(x_px, y_px, flux, size_px)
    factor = 1 + scale_tolerance
    if len(frame.pixels) < 5 or 2 * frame.half_diagonal * scale_arcsec / 3600 * factor < LEAST_FIELD_DEG:
        return None
    path = str(tycho2.find(folders))
    bounds = Bounds(scale_arcsec, factor, Prior(WHOLE_SKY_DEG, factor))
    best = None
    for pixels, vectors, parity in places(frame, path, scale_arcsec, factor):
        found = _test(frame, pixels, vectors, parity, bounds, folders)
        if found and (best is None or found[2].log_odds > best[0][2].log_odds):
            best = found, found[3]
            if found[2].log_odds > 2 * min_log_odds:
                break
    if best is None or best[0][2].log_odds < min_log_odds:
        return None
    return fieldmatch.finish(*best[0][:3], frame, best[1], bounds.prior)


def possible(size_px, scale_arcsec, folders=()):
    """Return whether a frame of this size (nx, ny) can be found without its pointing: if wide, and Tycho-2 is here."""
    if not float(np.hypot(*size_px)) * scale_arcsec / 3600 >= LEAST_FIELD_DEG:
        return False
    try:
        return bool(tycho2.find(folders))
    except CatalogError as error:
        log.info("%s", error)
        return False


def _test(frame, pixels, vectors, parity, bounds, folders):
    """Return (LinearMap, centre_deg, Odds, StarField) for four sources taken for four stars (unit vectors), or None."""
    x, y, z = vectors.T
    ra, dec = np.degrees(np.arctan2(y, x)) % 360, np.degrees(np.arctan2(z, np.hypot(x, y)))
    start = LinearMap.fit(pixels, tangent.project(ra, dec, (ra[0], dec[0])), parity)
    centre = tuple(float(value[0]) for value in tangent.deproject(start.c, (ra[0], dec[0])))
    start = LinearMap.fit(pixels, tangent.project(ra, dec, centre), parity)
    reach = 1.2 * frame.half_diagonal * np.sqrt(abs(start.determinant))
    stars = tycho2.read(*centre, reach, FAINTEST, folders)
    sky = StarField.of(stars["ra_deg"], stars["dec_deg"], stars["VTmag"], centre)
    if len(sky.plane) < 5:
        return None
    found = fieldmatch.test(start, frame, sky, Candidates(frame, sky, bounds.scale, reach), bounds)
    return (*found, sky) if found else None


def places(frame, path, scale_arcsec, factor):
    """Yield (pixels of four sources, unit vectors of four stars, parity), those that the most quads agree on first."""
    corners = quads_of(frame, scale_arcsec / 3600, factor)
    tree, quads, stars, (scale, lowest) = _index(path)
    hits = []
    for parity in (1, -1):
        z = frame.pixels if parity > 0 else np.conj(frame.pixels)
        ordered, codes = coded(z, corners)
        for mine, found in zip(ordered, tree.query_ball_point(codes, CODE_TOLERANCE), strict=True):
            hits += [(mine, theirs, parity) for theirs in found]
    if not hits:
        return
    mine = np.array([hit[0] for hit in hits])
    parity = np.array([hit[2] for hit in hits])
    vectors = stars[quads[[hit[1] for hit in hits]]] / scale + lowest
    seen = frame.pixels[mine]
    turn, middle = _similarities(np.where(parity[:, None] > 0, seen, np.conj(seen)), vectors)
    off = np.log(np.abs(turn) * 3600 / scale_arcsec)
    good = np.flatnonzero(np.abs(off) <= np.log(factor) + CELL_SCALE)
    steps = np.column_stack([middle[good] / np.radians(CELL_DEG), off[good] / CELL_SCALE])
    groups = []
    for shift in (0.0, 0.5):
        cells = np.floor(steps + shift).astype(np.int64)
        cells = np.column_stack([cells - cells.min(axis=0), parity[good] > 0])
        groups += triangles.fullest(cells, MOST_PLACES)
    groups.sort(key=lambda members: -members.size)
    for members in groups[:MOST_PLACES]:
        one = good[members[0]]
        yield frame.pixels[mine[one]], vectors[one], int(parity[one])


def quads_of(frame, pixel_deg, factor):
    """Return quads of bright sources, indices of shape (n, 4): A and B apart as in the index, C and D between them."""
    inner = np.flatnonzero(np.abs(frame.pixels) * pixel_deg < REGION_DEG)[:SOURCES]
    found = []
    for a, b in itertools.combinations(inner, 2):
        apart = abs(frame.pixels[b] - frame.pixels[a]) * pixel_deg
        if not QUAD_DEG[0] / factor <= apart <= QUAD_DEG[1] * factor:
            continue
        middle = (frame.pixels[a] + frame.pixels[b]) / 2
        radius = abs(frame.pixels[b] - frame.pixels[a]) / 2
        between = [k for k in inner if k not in (a, b) and abs(frame.pixels[k] - middle) <= radius]
        found += [(a, b, c, d) for c, d in itertools.combinations(between, 2)]
    return np.array(found, dtype=np.intp).reshape(-1, 4)


def coded(z, quads):
    """Return (quads, codes), shapes (n, 4): the quads with their stars in the order of the index, and their codes.

    z : places of all stars (complex, x to the East)
    Of the four ways to name the stars the index has the one with xC <= xD and xC + xD <= 1.
    """
    a, b, c, d = (z[quads[:, k]] for k in range(4))
    turn = (1 + 1j) / np.conj(b - a)
    codes = np.stack([np.conj(c - a) * turn, np.conj(d - a) * turn], axis=1)
    quads = quads.copy()
    swap = codes.real.sum(axis=1) > 1
    codes[swap] = 1 + 1j - codes[swap]
    quads[swap] = quads[swap][:, [1, 0, 2, 3]]
    swap = codes[:, 0].real > codes[:, 1].real
    codes[swap] = codes[swap][:, ::-1]
    quads[swap] = quads[swap][:, [0, 1, 3, 2]]
    return quads, np.column_stack([codes[:, 0].real, codes[:, 0].imag, codes[:, 1].real, codes[:, 1].imag])


def _similarities(z, vectors):
    """Return (turn, middle): what A and B of quads propose, deg per px (complex), and unit vectors of pixel 0.

    z : complex, shape (n, 4), mirrored where the parity is -1;  vectors : shape (n, 4, 3)
    """
    centre = vectors[:, 0] + vectors[:, 1]
    centre /= np.linalg.norm(centre, axis=1)[:, None]
    east = np.column_stack([-centre[:, 1], centre[:, 0], np.zeros(len(centre))])
    east /= np.maximum(np.linalg.norm(east, axis=1), 1e-12)[:, None]
    north = np.cross(centre, east)
    a, b = (
        (np.sum(vectors[:, k] * east, axis=1) + 1j * np.sum(vectors[:, k] * north, axis=1))
        / np.sum(vectors[:, k] * centre, axis=1)
        for k in (0, 1)
    )
    turn = (b - a) / (z[:, 1] - z[:, 0])
    shift = a - turn * z[:, 0]
    middle = centre + shift.real[:, None] * east + shift.imag[:, None] * north
    return turn * (180 / np.pi), middle / np.linalg.norm(middle, axis=1)[:, None]


@functools.lru_cache(maxsize=1)
def _index(path):
    """Return (kd-tree of the codes, quads, places of the stars, (their scale, lowest)); takes some seconds, once."""
    quads, codes = tycho2.open_quads(path)
    places, scale, lowest, _ = tycho2.open_index(path)
    return cKDTree(codes, balanced_tree=False, compact_nodes=False), quads, places, (scale, lowest)
