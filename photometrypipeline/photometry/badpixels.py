"""Bad pixels of a detector, as the frames of a sequence show them: columns, rows, pieces of both, single pixels.

What stays at its place on the detector while the sky moves, or is narrower than the image of a star, is no light.  Each
frame is compared with its own local sky, in units of its noise; what deviates in the median over the frames from its
neighbourhood, and by more than 8 robust sigma, is bad.  A star that stands still on the detector, the target itself
where the telescope follows it, is as wide as a star and therefore spared.

The mask is `badpixels.fits` next to the frames, uint8: the bits below, 0 for good pixels.  A file of that name without
the keyword PPFRAMES is the user's own, and is used as it stands.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.stats import mad_std
from scipy.ndimage import find_objects, label, median_filter

from photometrypipeline.base.errors import FrameError
from photometrypipeline.base.files import replacing
from photometrypipeline.base.scatter import SIGMA_PER_MAD
from photometrypipeline.frames.frame import BAD_PIXELS, printable

log = logging.getLogger("pp.badpixels")

FILE_NAME = BAD_PIXELS
MADE_FROM = "PPFRAMES"  # keyword: digest of what the mask was made from
VERSION = 1  # of the method: another one makes masks anew
FEWEST_FRAMES = 3
MOST_FRAMES = 25  # evenly spread over longer sequences: time and memory are the same from then on
SIGMA = 8.0
PIECE_PX = 64  # length of a piece of a column or row
AROUND_PX = 15  # columns among which one of them stands out
BOX_PX = 64  # mesh of the local sky
ROW_STEP = 16  # of the rows that its sky is taken from
STRIP_ROWS = 256  # read at a time of each frame
SURELY = 4.0  # sigma below the sky: no pixel is there by chance in all frames
CLIP_SIGMA = 6.0  # of a single measurement: beyond, one frame has no more to say
STANDING = 2.0  # times SIGMA for columns where stars stay on their pixels: their own pattern has tails
SOFT = 0.5  # of a column's deviation: what the next one may have of it
SHARP = 0.15  # of a pixel: what its neighbours have of its deviation; of a star they have 0.3 and more
WELL_SAMPLED_PX, SAMPLED_PX = 3.2, 2.0  # FWHM from which a star fills 5 x 5 pixels, and 3 x 3
SPARED_PX = 4.0  # around places where something may stand still, in undersampled frames
SHIFT_FWHM = 2.0  # between frames that show a star in different pixels
MOST_BAD = 0.05  # of all pixels: more is no list of defects but a sequence that does not suit

COLUMN, ROW, PIXEL, DEAD, INSTRUMENT = 1, 2, 4, 8, 16  # bits of a mask: why; the last is from the instrument's own


@dataclass
class Found:
    """What a sequence shows: `mask` (uint8, shape of a frame, bits COLUMN, ROW, PIXEL, DEAD), or None and `reason`.

    n_frames : that were compared;  remark : what could not be looked for, or ''
    """

    mask: np.ndarray | None
    n_frames: int
    reason: str = ""
    remark: str = ""

    def count(self, bit):
        """Return how many pixels have one of the bits."""
        return 0 if self.mask is None else int(np.count_nonzero(self.mask & bit))

    @property
    def number(self):
        """How many pixels are bad."""
        return self.count(0xFF)


def spread(frames):
    """Return at most MOST_FRAMES of a list, evenly spread over it."""
    return [frames[k] for k in np.unique(np.linspace(0, len(frames) - 1, min(len(frames), MOST_FRAMES)).astype(int))]


def shifted(places_px, fwhm_px):
    """Return whether a point of the sky falls on different pixels in more than half of the frames.

    places_px : shape (n, 2), where it lies in each frame;  fwhm_px : of a star
    """
    places = np.asarray(places_px, dtype=float)
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    return bool((apart < SHIFT_FWHM * fwhm_px).sum(axis=1).max() <= max(1, len(places) / 2))


def find(images, fwhm_px=None, moves=False, standing_px=None):
    """Return Found for `images`, a list of 2-D arrays of one shape in time order; memory maps are read in strips.

    fwhm_px : of a star, None if unknown;  moves : the sky moves over the detector (see `shifted`)
    standing_px : (column, row), from 0, where a target may stand still although the sky moves, None if unknown
    """
    images = spread(list(images))
    if len(images) < FEWEST_FRAMES:
        return Found(None, len(images), f"{len(images)} frames do not tell bad pixels, {FEWEST_FRAMES} would")
    return judged(compared(images), len(images), fwhm_px, moves, standing_px)


def judged(seen, n_frames, fwhm_px=None, moves=False, standing_px=None):
    """Return the Found of what `compared` has seen in so many frames; the others as `find` has them."""
    return _judged(seen, n_frames, _long(seen, n_frames, moves), fwhm_px, moves, standing_px)


def judged_both(seen, n_frames, fwhm_px):
    """Return {moves: Found} as `judged` does for both, where stars are wide enough to tell pixels without their places.

    One object where they are alike.
    """
    long = {moves: _long(seen, n_frames, moves) for moves in (True, False)}
    found = {True: _judged(seen, n_frames, long[True], fwhm_px, True, None)}
    alike = np.array_equal(long[True], long[False])
    return found | {False: found[True] if alike else _judged(seen, n_frames, long[False], fwhm_px, False, None)}


def _long(seen, n_frames, moves):
    """Return the mask (uint8) of what is more than single pixels: constant ones, and pieces of columns and rows."""
    mean, columns, rows, same = seen
    mask = np.where(same, np.uint8(DEAD), np.uint8(0))
    sigma = SIGMA if moves else STANDING * SIGMA
    mask[_pieces(mean, columns, n_frames, sigma)] |= COLUMN
    mask[_pieces(mean.T, rows, n_frames, sigma).T] |= ROW
    return mask


def _judged(seen, n_frames, mask, fwhm_px, moves, standing_px):
    mean, width, remark = seen[0], ring(fwhm_px, moves, standing_px is not None), ""
    if width is None:
        known = "stars are narrower than 2 px" if fwhm_px else "the width of stars is unknown"
        still = "it is unknown where the target is" if moves else "they stay on their pixels; shift the telescope"
        remark = f"{known} and {still}: hot pixels cannot be told from stars"
    else:
        undersampled = fwhm_px is None or fwhm_px < SAMPLED_PX
        mask[_single(mean, mask > 0, n_frames, width, standing_px if undersampled else ())] |= PIXEL
    share = np.count_nonzero(mask & (COLUMN | ROW | PIXEL)) / mask.size
    if share > MOST_BAD:
        return Found(None, n_frames, f"{share:.0%} of the pixels stand out, which no detector has: no mask is made")
    return Found(mask, n_frames, "", remark)


class _Sky:
    """The local sky of one image, and its noise: tells by how many sigma pixels deviate."""

    def __init__(self, image):
        middles = [_starts(n) + min(BOX_PX, n) / 2 for n in image.shape]
        boxes = [np.minimum(_starts(n), max(n - BOX_PX, 0)) for n in image.shape]
        columns = boxes[1][:, None] + np.arange(min(BOX_PX, image.shape[1]))
        grid, noise = [], []
        for first in boxes[0]:
            rows = _finite(np.asarray(image[first : first + BOX_PX : ROW_STEP], dtype=np.float32))
            values = rows[:, columns].transpose(1, 0, 2).reshape(len(columns), -1)
            grid.append(np.median(values, axis=1))
            noise.append(np.median(np.abs(values - grid[-1][:, None]), axis=1))
        sigma = SIGMA_PER_MAD * float(np.median(noise)) or float(np.mean(noise)) or 1.0
        x = np.arange(image.shape[1])
        self.scale = np.float32(1 / sigma)
        self.levels = np.array([np.interp(x, middles[1], each) for each in grid], dtype=np.float32) * self.scale
        self.middles = middles[0]

    def deviation(self, raw, rows):
        """Return (`raw` - sky) / noise, clipped, of the rows (slice) that `raw` holds; 0 where it has no number."""
        last = len(self.middles) - 1
        place = np.interp(np.arange(rows.start, rows.stop), self.middles, np.arange(last + 1))
        away = raw.astype(np.float32)
        away *= self.scale
        for low in range(int(place[0]), int(place[-1]) + 1):
            own = slice(*np.searchsorted(place, (low, low + 1)))
            above = self.levels[min(low + 1, last)] - self.levels[low]
            away[own] -= self.levels[low] + above * (place[own, None] - low).astype(np.float32)
        if raw.dtype.kind == "f":
            away[~np.isfinite(away)] = 0.0
        return np.clip(away, -CLIP_SIGMA, CLIP_SIGMA, out=away)


def _finite(values):
    good = np.isfinite(values)
    return values if good.all() else np.where(good, values, np.median(values[good]) if good.any() else 0.0)


def _starts(n, step=PIECE_PX):
    """Return where the pieces of `n` pixels begin; the last one is never shorter than half a piece, if that exists."""
    return np.arange(0, max(n - PIECE_PX // 2, 1), step)


def compared(images):
    """Return what all frames say together of each pixel and each piece.

    Mean of the clipped deviations (sigma), shape (ny, nx); median over the frames of the mean of pieces of columns,
    shape (pieces, nx), and of rows, shape (pieces, ny); whether a pixel always has the same value, or none. Above the
    sky that does not count: a star may saturate in all frames.
    """
    ny, nx = images[0].shape
    skies = [_Sky(image) for image in images]
    mean, same = np.empty((ny, nx), np.float32), np.empty((ny, nx), bool)
    rare = mean.size * (0.3 * max(float(sky.scale) for sky in skies)) ** (len(images) - 1) < 0.01  # the same by chance
    pieces = _starts(ny), _starts(nx)
    of_columns = np.empty((len(images), len(pieces[0]), nx), np.float32)
    of_rows = np.empty((len(images), len(pieces[1]), ny), np.float32)
    strips = [*_starts(ny, STRIP_ROWS), ny]
    for rows in map(slice, strips[:-1], strips[1:]):
        own = np.flatnonzero((pieces[0] >= rows.start) & (pieces[0] < rows.stop))
        ends = [*pieces[0][own[1:]], rows.stop]
        total, first = np.zeros((rows.stop - rows.start, nx), np.float32), images[0][rows]
        alike = np.ones(total.shape, bool)
        for k, (image, sky) in enumerate(zip(images, skies, strict=True)):
            raw = image[rows]
            if k:
                alike &= _equal(raw, first)
            away = sky.deviation(raw, rows)
            total += away
            for piece, end in zip(own, ends, strict=True):
                of_columns[k][piece] = away[pieces[0][piece] - rows.start : end - rows.start].sum(axis=0)
            of_rows[k][:, rows] = np.add.reduceat(away, pieces[1], axis=1).T
        mean[rows] = total / len(images)
        same[rows] = alike & ((mean[rows] == 0) | (mean[rows] < (0 if rare else -SURELY)))
    of_columns /= np.diff([*pieces[0], ny])[:, None]
    of_rows /= np.diff([*pieces[1], nx])[:, None]
    return mean, np.median(of_columns, axis=0), np.median(of_rows, axis=0), same


def _equal(one, other):
    """Return where two arrays have the same value, or none."""
    same = one == other
    return same if one.dtype.kind != "f" else same | (np.isnan(one) & np.isnan(other))


def _pieces(mean, found, n_frames, n_sigma):
    """Return where pieces of columns stand out, bool, shape of `mean`; give it the transposed for rows.

    found : of each piece, shape (pieces, columns).  The median of its pixels has to stand out as well: of a star, which
    moves over the piece or stands still in it, that shows little.
    """
    bad, starts = np.zeros(mean.shape, bool), [*_starts(len(mean)), len(mean)]
    away = found - _smoothed(found)
    expected = 1.25 / np.sqrt(PIECE_PX * n_frames)
    out = np.abs(away) > n_sigma * max(mad_std(away), expected)
    for k in np.flatnonzero(out.any(axis=1)):
        rows, columns = slice(starts[k], starts[k + 1]), np.flatnonzero(out[k])
        least = np.maximum(np.abs(away[k]) / 2, n_sigma * expected)
        if not (_middles(mean[rows], columns) * np.sign(away[k, columns]) > least[columns]).any():
            continue  # whatever the noise of the others is
        middle = np.median(mean[rows], axis=0)
        middle -= _smoothed(middle[None])[0]
        limit = np.maximum(least, n_sigma * mad_std(middle))
        bad[rows] = _with_edges(out[k] & (middle * np.sign(away[k]) > limit), np.abs(middle))
    return bad


def _smoothed(values):
    """Return the median of the AROUND_PX around each value within its row: as one line, which SciPy is fast with."""
    wide = np.pad(values, ((0, 0), (AROUND_PX // 2, AROUND_PX // 2)), mode="edge")
    return median_filter(wide.ravel(), AROUND_PX).reshape(wide.shape)[:, AROUND_PX // 2 : -(AROUND_PX // 2)]


def _middles(values, columns):
    """Return the medians of some columns less the median of those of the AROUND_PX around each, shape (n,)."""
    reach = np.arange(AROUND_PX) - AROUND_PX // 2
    around = np.clip(columns[:, None] + reach, 0, values.shape[1] - 1)
    needed, at = np.unique(around, return_inverse=True)
    middles = np.median(values[:, needed], axis=0)[at.reshape(around.shape)]
    return middles[:, AROUND_PX // 2] - np.median(middles, axis=1)


def _with_edges(out, height):
    """Return those runs of `out`, bool, shape (n,), beyond which `height` falls at once: light would fall slowly."""
    runs, number = label(out)
    for slices in find_objects(runs, number):
        first, last = slices[0].start, slices[0].stop - 1
        beyond = [(end, side) for end, side in ((first, first - 1), (last, last + 1)) if 0 <= side < len(out)]
        if any(height[side] > SOFT * height[end] for end, side in beyond):
            out[slices] = False
    return out


def ring(fwhm_px, moves, standing_known):
    """Return the width (px) of the neighbourhood that tells a pixel from a star, None if none does."""
    if fwhm_px is not None and fwhm_px >= SAMPLED_PX:
        return 5 if fwhm_px >= WELL_SAMPLED_PX else 3
    return 3 if moves and standing_known else None


def _single(mean, known, n_frames, width, spared):
    """Return where single pixels stand out sharply from the `width` x `width` around them, bool, shape of `mean`."""
    threshold = SIGMA * max(mad_std(mean[::3, ::3]), 1 / np.sqrt(n_frames))
    rows, columns = np.nonzero((np.abs(mean) > threshold) & ~known)
    here, reach = mean[rows, columns], np.arange(width) - width // 2
    dy, dx = np.delete(np.array(np.meshgrid(reach, reach, indexing="ij")).reshape(2, -1), width**2 // 2, axis=1)
    places = np.clip(rows[:, None] + dy, 0, len(mean) - 1), np.clip(columns[:, None] + dx, 0, mean.shape[1] - 1)
    around = _medians(np.where(known[places], np.nan, mean[places]))
    sharp = (around * np.sign(here) < SHARP * np.abs(here)) & (np.abs(here - around) > threshold)
    for x, y in spared:
        sharp &= np.hypot(columns - x, rows - y) > SPARED_PX
    bad = np.zeros(mean.shape, bool)
    bad[rows[sharp], columns[sharp]] = True
    return bad


def _medians(values):
    """Return the median of each row without its NaN, 0 for rows of NaN, shape (n,)."""
    ordered, number = np.sort(values, axis=1), np.isfinite(values).sum(axis=1)
    at, last = np.arange(len(values)), values.shape[1] - 1
    low, high = ordered[at, np.maximum(number - 1, 0) // 2], ordered[at, np.minimum(number // 2, last)]
    return np.where(number > 0, (low + high) / 2, 0.0)


# ---- the file


def read(folder, shape=None):
    """Return where pixels are bad, bool, from the mask in `folder`; None without one, or where it names no pixel.

    shape : (rows, columns) of the frames; a mask of another one is not for them.  Raises FrameError for a broken file.
    """
    mask, _ = _read(Path(folder) / FILE_NAME)
    if mask is None or not mask.any():
        return None
    if shape is not None and mask.shape != tuple(shape):
        log.warning("%s is %s, the frames are %s: not used", FILE_NAME, _size(mask.shape), _size(shape))
        return None
    return mask > 0


def _size(shape):
    return f"{shape[1]} x {shape[0]} px"


def _read(path):
    """Return (mask, header), None twice without a file."""
    try:
        with fits.open(path, memmap=False) as hdus:
            return _bits(np.asarray(hdus[0].data)), hdus[0].header
    except FileNotFoundError:
        return None, None
    except (OSError, TypeError, ValueError, AttributeError) as error:
        raise FrameError(path, f"is not a mask of bad pixels ({error})", "remove it; it is made again", error) from None


def _bits(values):
    """Return the bits (uint8) of a mask; one by hand may mark bad pixels by any number but 0, or by none (NaN)."""
    with np.errstate(invalid="ignore"):
        of_ours = values.dtype == np.uint8 or bool(((values >= 0) & (values <= 255) & (values % 1 == 0)).all())
    return values.astype(np.uint8) if of_ours else np.where(values != 0, PIXEL, 0).astype(np.uint8)


def kept(folder, made_from, shape):
    """Return the Found whose mask lies in `folder`, if it was made from what `made_from` (digest) says or by the user.

    made_from : None for whatever it was made from;  shape : (rows, columns) of the frames
    None if there is none, or one that was made from something else, or for other frames.
    """
    mask, header = _read(Path(folder) / FILE_NAME)
    if mask is None or mask.shape != tuple(shape) or (made_from and header.get(MADE_FROM, made_from) != made_from):
        return None
    number = header.get("NFRAMES", 0)
    return Found(mask, number if isinstance(number, int) else 0, "", str(header.get("PPREMARK", "")))


def write(folder, found, names, made_from):
    """Write the mask of `found` with the names of its frames and its thresholds; without a mask, remove an old one.

    Two frames are too few for a mask and leave alone what more have told before.
    """
    path = Path(folder) / FILE_NAME
    if found.mask is None:
        if found.n_frames >= FEWEST_FRAMES:
            path.unlink(missing_ok=True)
        return
    header = fits.Header()
    header["NFRAMES"] = found.n_frames, "frames that were compared"
    header["NSIGMA"] = SIGMA, "deviation of a bad pixel, robust sigma"
    header["NBAD"] = int(np.count_nonzero(found.mask)), "bad pixels"
    header[MADE_FROM] = made_from, "what the mask was made from"
    if found.remark:
        header["PPREMARK"] = found.remark
    meaning = (
        ("column", COLUMN),
        ("row", ROW),
        ("pixel", PIXEL),
        ("constant", DEAD),
        ("instrument's mask", INSTRUMENT),
    )
    header["COMMENT"] = "bits: " + ", ".join(f"{bit} {name}" for name, bit in meaning)
    for name in names:
        header["HISTORY"] = printable(name)
    with replacing(path) as temporary:
        fits.PrimaryHDU(found.mask, header).writeto(temporary, overwrite=True)
