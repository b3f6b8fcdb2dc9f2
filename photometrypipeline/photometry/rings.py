"""Stars out of focus: rings of light, which a source finder takes for several sources each.

Where sources stand in groups, the image is looked at: if its brightest blobs have a hole in the middle, the stars are
rings, and they are found on a smoothed copy of the image, in which each of them is one peak above its centre.
"""

import contextlib

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter
from scipy.spatial import cKDTree

from photometrypipeline.frames.frame import set_keyword
from photometrypipeline.instruments import values
from photometrypipeline.photometry.masking import copy_with, filled

WIDTH = "PPRINGS"  # keyword: diameter (px) of the rings of a frame
INNER, OUTER = 0.6, 1.2  # radii of apertures, in diameters of the ring
MOST_SOURCES = 1500  # that are looked at for groups
GOOD_SNR = 8.0  # of a source that counts; noise is nowhere in groups
REACHES_PX = (12.0, 24.0, 48.0)  # of a group
CROWDED, PAIRS = 3.0, 12  # times as many pairs as sources spread at random would make, and so many more
SMOOTH_PX = (3.0, 5.0, 8.0, 13.0, 21.0, 34.0)  # sigma, tried one after the other
MOST_PIXELS = 1200  # of a side of the part that is looked at
FINE_PX = 4.0  # sigma that is fine enough: wider ones are applied to a binned image
MOST_BLOBS, FEWEST_BLOBS = 30, 4
HOLE = 0.75  # of the ring's light per pixel, at most, in the middle of it
LEAST_PEAK_PX = 2.5  # radius of the ring
ROUND = 0.25  # of its mean light: the least that a ring has in any sector
SECTORS = 8
SIGMA_PER_DIAMETER = 0.35  # of the smoothing that leaves one peak: 1 / sqrt(2) of the mean radius would just do
LEAST_SNR = 3.0  # of a source on a smoothed image, whose noise has blobs of its own
AREA_SHARE = 0.3  # of a disc as wide as the ring, at least, above the threshold


def in_words(rings_px):
    """Return a sentence on frames whose stars are rings, '' without.

    rings_px : how wide (px) the rings of each frame are, None where its stars are none
    """
    seen = [each for each in rings_px if each]
    if not seen:
        return ""
    wide = f"{np.median(seen):.0f} px wide, found by their middles"
    return f"{len(seen)} of {len(rings_px)} frames are out of focus: their stars are rings {wide}"


def note(header, ring_px):
    """Write into a header how wide (px) the rings are that its stars are; None: they are none."""
    header.remove(WIDTH, ignore_missing=True)
    if ring_px:
        set_keyword(header, WIDTH, ring_px, "[px] stars are rings as wide: out of focus")


def told(header):
    """Return how wide (px) the rings are by the header of a frame that was looked at before, None without."""
    width = values.number(header.get(WIDTH))
    return width if 0 < width < np.inf else None


def diameter_px(frame, sources):
    """Return how wide (px) the rings are that the stars of a Frame are, None where its stars are none.

    sources : frames.ldac.SourceList of the frame
    """
    columns = ("XWIN_IMAGE", "YWIN_IMAGE", "FLUX_ISOCOR", "FLUXERR_ISOCOR")
    x, y, flux, error = (np.asarray(sources.table[name], dtype=float) for name in columns)
    good = flux > GOOD_SNR * error
    return of_image(frame.read_pixels()) if in_groups(x[good], y[good], flux[good], frame.size_px) else None


def in_groups(x, y, flux, size_px):
    """Return whether sources have more close neighbours than chance would give them."""
    brightest = np.argsort(-flux, kind="stable")[:MOST_SOURCES]
    if brightest.size < FEWEST_BLOBS:
        return False
    tree = cKDTree(np.column_stack([x[brightest], y[brightest]]))
    found = (tree.count_neighbors(tree, np.array(REACHES_PX)) - brightest.size) / 2
    chance = brightest.size**2 * np.pi * np.square(REACHES_PX) / 2 / np.prod(np.asarray(size_px, dtype=float))
    return bool(np.any(found > CROWDED * chance + PAIRS))


def of_image(image):
    """Return the diameter (px) of the rings that the stars of an image are, None where they are none."""
    part = _middle(np.asarray(image, dtype=np.float32))
    sky = np.nanmedian(part)
    part = np.nan_to_num(part - sky, nan=0.0)
    for sigma in SMOOTH_PX:
        if 8 * sigma > min(part.shape):
            return None
        factor = max(1, int(sigma / FINE_PX))
        found = _ring(_blobs(_binned(part, factor), sigma / factor), int(3 * sigma / factor))
        if found:
            return round(found * factor, 1)
    return None


def _binned(part, factor):
    rows, columns = (length // factor for length in part.shape)
    return part[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor).mean(axis=(1, 3))


def _middle(image):
    rows, columns = (max(0, (length - MOST_PIXELS) // 2) for length in image.shape)
    return image[rows : rows + MOST_PIXELS, columns : columns + MOST_PIXELS]


def _blobs(part, sigma):
    """Return cut-outs, shape (n, side, side), around the brightest peaks of a smoothed image, their total light 1."""
    half = int(3 * sigma)
    smooth = gaussian_filter(part, sigma)
    peaks = (smooth == maximum_filter(smooth, size=2 * half + 1)) & (smooth > 0)
    peaks[:half], peaks[-half:], peaks[:, :half], peaks[:, -half:] = (False,) * 4
    rows, columns = np.nonzero(peaks)
    order = np.argsort(-smooth[rows, columns], kind="stable")[:MOST_BLOBS]
    cut = [
        part[r - half : r + half + 1, c - half : c + half + 1] for r, c in zip(rows[order], columns[order], strict=True)
    ]
    return np.array([each / total for each in cut if (total := each.sum()) > 0])


def _ring(blobs, half):
    """Return the outer diameter (px) of the ring that blobs are on average, None if they are none."""
    if len(blobs) < FEWEST_BLOBS:
        return None
    mean = np.median(blobs, axis=0)
    offsets = np.arange(-half, half + 1)
    radius = np.hypot(offsets[:, None], offsets)
    bins = np.rint(radius).astype(int)
    profile = np.bincount(bins.ravel(), mean.ravel()) / np.bincount(bins.ravel())
    profile = profile[: half + 1]
    peak = int(np.argmax(profile))
    if peak < LEAST_PEAK_PX or profile[:2].mean() > HOLE * profile[peak] or profile[-1] > profile[peak] / 2:
        return None
    sector = ((np.arctan2(offsets[:, None], offsets) / np.pi + 1) / 2 * SECTORS).astype(int) % SECTORS
    on_ring = np.abs(radius - peak) <= max(1.0, peak / 4)
    light = np.array([mean[on_ring & (sector == k)].mean() for k in range(SECTORS)])
    if light.min() < ROUND * light.mean():
        return None
    beyond = profile[peak:] / profile[peak]
    last = int(np.flatnonzero(beyond < 0.5)[0])
    return 2.0 * (peak + last - (0.5 - beyond[last]) / (beyond[last - 1] - beyond[last]))


@contextlib.contextmanager
def smoothed(frame, ring_px, bad=None):
    """Yield the path of a copy of a Frame in which stars that are rings of `ring_px` across are peaks."""
    pixels = frame.read_pixels()
    good = filled(pixels, np.zeros(pixels.shape, dtype=bool) if bad is None else bad)
    with copy_with(frame, gaussian_filter(good, SIGMA_PER_DIAMETER * ring_px)) as path:
        yield path


def least(ring_px, snr, min_area):
    """Return the threshold (sigma) and the area (px) above it that a source on a smoothed image needs."""
    return max(snr, LEAST_SNR), max(min_area, AREA_SHARE * np.pi / 4 * ring_px**2)


def aperture_range(frames, usual):
    """Return the range (px) of aperture radii for frames: the `usual` one, or a wider one that takes rings in whole."""
    ring_px = max((told(frame.header) or 0.0 for frame in frames), default=0.0)
    if not ring_px:
        return usual
    return max(usual[0], INNER * ring_px), max(usual[1], OUTER * ring_px)
