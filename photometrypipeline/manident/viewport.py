"""What a window shows of a frame: North up and East left, at any zoom, with any contrast.

Places on the frame are FITS pixels x, y (the first is centred on 1, 1). Places on the screen are u to the right and v
up, in units of pixels of the frame: the frame is turned by multiples of 90 degrees and mirrored, never resampled.
"""

import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from astropy.stats import mad_std

MOST_BYTES = 250e6  # of pixels kept in memory
SAMPLES = 200_000  # pixels that the grey scale is taken from
DARK, BRIGHT = 1.0, 14.0  # limits of the grey scale below and above the sky, in sigma of its noise, at contrast 1


@dataclass(frozen=True)
class Orientation:
    """How a frame is put on the screen: (u, v) = matrix @ (x, y), a matrix of 0, 1 and -1."""

    matrix: tuple

    def onto(self, x, y):
        """Return u, v of pixels x, y."""
        (a, b), (c, d) = self.matrix
        return a * np.asarray(x) + b * np.asarray(y), c * np.asarray(x) + d * np.asarray(y)

    def back(self, u, v):
        """Return x, y of places u, v on the screen: the inverse of `onto`."""
        (a, b), (c, d) = self.matrix  # orthogonal: the inverse is the transposed matrix
        return a * np.asarray(u) + c * np.asarray(v), b * np.asarray(u) + d * np.asarray(v)

    def turned(self, pixels):
        """Return an array `pixels`, indexed [y, x], as it is indexed [v, u]."""
        (a, b), (c, d) = self.matrix
        if a:
            return pixels[:: int(d), :: int(a)]
        return pixels.T[:: int(c), :: int(b)]


def orientation_of(cd):
    """Return the Orientation that brings North up and East left best; `cd` is the CD matrix, shape (2, 2)."""
    wanted = np.array([[-1.0, 0.0], [0.0, 1.0]]) @ np.asarray(cd, dtype=float)  # East counts to the left
    choices = [
        ((sx, 0), (0, sy)) if straight else ((0, sx), (sy, 0))
        for straight in (True, False)
        for sx in (1, -1)
        for sy in (1, -1)
    ]
    return Orientation(max(choices, key=lambda matrix: float(np.sum(np.array(matrix) * wanted))))


@dataclass(frozen=True)
class Viewport:
    """A window of `width` x `height` screen pixels around (u, v); `zoom` is screen pixels per pixel of the frame."""

    u: float
    v: float
    zoom: float
    width: float
    height: float

    @property
    def limits(self):
        """(left, right, bottom, top) in u and v."""
        half_width, half_height = self.width / 2 / self.zoom, self.height / 2 / self.zoom
        return self.u - half_width, self.u + half_width, self.v - half_height, self.v + half_height

    def zoomed(self, factor, u, v):
        """Return the Viewport with another zoom, in which the place u, v stays where it is on the screen."""
        return Viewport(
            u + (self.u - u) / factor, v + (self.v - v) / factor, self.zoom * factor, self.width, self.height
        )

    def moved(self, right_px, up_px):
        """Return the Viewport that shows what lies so many screen pixels to the right and up."""
        return Viewport(self.u + right_px / self.zoom, self.v + up_px / self.zoom, self.zoom, self.width, self.height)

    def part(self, pixels, orientation):
        """Return (array indexed [v, u], extent) of what is seen of a frame, `pixels` indexed [y, x].

        extent : (left, right, bottom, top) in u and v.  Where the screen has less pixels than the frame, blocks of
        pixels are averaged.  None, None where nothing is seen.
        """
        left, right, bottom, top = self.limits
        x, y = orientation.back([left, right], [bottom, top])
        step = max(1, int(1 / self.zoom + 1e-9))
        x0, x1 = _blocks(min(x), max(x), step, pixels.shape[1])
        y0, y1 = _blocks(min(y), max(y), step, pixels.shape[0])
        if x1 <= x0 or y1 <= y0:
            return None, None
        part = pixels[y0:y1, x0:x1]
        if step > 1:
            part = part.reshape(part.shape[0] // step, step, part.shape[1] // step, step).mean(axis=(1, 3))
        u, v = orientation.onto([x0 + 0.5, x1 + 0.5], [y0 + 0.5, y1 + 0.5])
        return orientation.turned(part), (min(u), max(u), min(v), max(v))


def _blocks(first, last, step, size):
    """Return the 0-based range of whole blocks of `step` pixels that covers the FITS pixels first to last."""
    start = max(0, int(np.floor((first - 0.5) / step))) * step
    stop = min(size // step, int(np.ceil((last - 0.5) / step))) * step
    return start, stop


class PixelCache:
    """The pixels of many frames, of which few are in memory at a time; the neighbours of the last one come unasked.

    read : function of the number of a frame that returns its pixels, float32, shape (rows, columns)
    """

    def __init__(self, read, n_frames, most_bytes=MOST_BYTES):
        self._read, self._n_frames, self._most_bytes = read, n_frames, most_bytes
        self._kept = OrderedDict()  # number -> (pixels or exception, sky, noise)
        self._lock = threading.Lock()
        self._ahead, self._wanted = ThreadPoolExecutor(max_workers=1), []

    def get(self, number):
        """Return (pixels, sky, noise) of a frame, the last two in its own unit.  Raises what reading raises."""
        for wish in self._wanted:  # of neighbours that nobody looked at
            wish.cancel()
        found = self._fetch(number)
        neighbours = [(number + 1) % self._n_frames, (number - 1) % self._n_frames]
        self._wanted = [self._ahead.submit(self._fetch, each) for each in neighbours if each not in self._kept]
        if isinstance(found[0], Exception):
            raise found[0]
        return found

    def close(self):
        """Read nothing more."""
        self._ahead.shutdown(wait=True, cancel_futures=True)

    @property
    def bytes_kept(self):
        return sum(getattr(found[0], "nbytes", 0) for found in self._kept.values())

    def _fetch(self, number):
        with self._lock:  # one reader at a time: two would only fight for the disk
            if number not in self._kept:
                try:
                    pixels = self._read(number)
                    self._kept[number] = (pixels, *sky_and_noise(pixels))
                except Exception as error:  # noqa: BLE001  told when the frame is shown, wherever it was read
                    self._kept[number] = (error, 0.0, 1.0)
            self._kept.move_to_end(number)
            while len(self._kept) > 1 and self.bytes_kept > self._most_bytes:
                self._kept.popitem(last=False)
            return self._kept[number]


def sky_and_noise(pixels):
    """Return the median of the central half of a frame and the sigma of its noise, from the median deviation."""
    rows, columns = pixels.shape
    middle = pixels[rows // 4 : rows - rows // 4, columns // 4 : columns - columns // 4]
    sample = middle.ravel()[:: max(1, middle.size // SAMPLES)]
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return 0.0, 1.0
    median = float(np.median(sample))
    return median, float(mad_std(sample)) or float(sample.std()) or 1.0


def grey(values, sky, noise, contrast=1.0, inverted=False):
    """Return `values` (float array) as uint8 for the screen; twice the `contrast` halves the range that is shown."""
    low, high = sky - DARK * noise / contrast, sky + BRIGHT * noise / contrast
    scaled = np.clip((np.nan_to_num(values, nan=low) - low) / (high - low), 0, 1)
    return (255 * (1 - scaled if inverted else scaled)).astype(np.uint8)
