"""The pixels of a frame for pictures: read in parts, turned into greys, and where they lie on a picture.

Positions on a frame are FITS pixels (the centre of the first pixel is 1, 1; rows count upwards), positions on a picture
are columns and rows from its upper left corner.
"""

import contextlib
import warnings
import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from photometrypipeline.frames import fitsbytes
from photometrypipeline.frames.wcskeywords import wcs_of
from photometrypipeline.website import zscale

MOST_SAMPLES = 40_000  # pixels that percentiles and limits are taken from
PROBED_ROWS = 64  # rows that tell whether pixels have changed
ARCSEC_PER_DEG = 3600.0


@dataclass(frozen=True)
class View:
    """The part of a frame that a picture shows: left and lower edge (FITS pixels), picture pixels per pixel, size."""

    left: float
    bottom: float
    scale: float
    width: int
    height: int

    def place(self, x, y):
        """Return (column, row) on the picture of the FITS position x, y."""
        return (x - self.left) * self.scale, self.height - (y - self.bottom) * self.scale


class Pixels:
    """The pixels and the WCS of one frame, read in parts; use as a context manager.

    The file is opened when something of it is asked for.  What does so raises OSError for a file that is not there or
    no FITS file, ValueError for one without a two-dimensional image.
    """

    def __init__(self, path):
        self._path = path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if "_file" in vars(self):
            self._file.close()

    @cached_property
    def _file(self):
        return fits.open(self._path)

    @cached_property
    def _hdu(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)  # of accents and broken cards, which stay as they are
            images = (hdu for hdu in self._file if hdu.is_image and len(hdu.shape) == 2 and min(hdu.shape) > 0)
            hdu = next(images, None)
        if hdu is None:
            raise ValueError(f"{self._path} holds no two-dimensional image")
        return hdu

    @cached_property
    def header(self):
        """The header of the image, whatever cards in it break the standard."""
        with open(self._path, "rb") as file:
            file.seek(self._hdu.fileinfo()["hdrLoc"])
            return fitsbytes.parse(fitsbytes.read_raw_header(file))

    @property
    def width(self):
        """Number of columns."""
        return self._hdu.shape[1]

    @property
    def height(self):
        """Number of rows."""
        return self._hdu.shape[0]

    @cached_property
    def fingerprint(self):
        """A short text that changes with the pixels, but not with the header: steps write headers again and again."""
        kind = (self._hdu.shape, *(self.header.get(keyword) for keyword in ("BITPIX", "BSCALE", "BZERO")))
        check, rows = zlib.crc32(repr(kind).encode()), range(0, self.height, max(1, self.height // PROBED_ROWS))
        for row in self._stored(rows):
            check = zlib.crc32(row, check)
        return f"{check:08x}"

    def _stored(self, rows):
        """Yield some rows as bytes: as they lie in the file, which is far faster than one by one as pixels."""
        if not self._is_plain:  # compressed
            yield from (np.ascontiguousarray(self._hdu.section[row]).tobytes() for row in rows)
            return
        start, length = self._hdu.fileinfo()["datLoc"], self.width * abs(self.header["BITPIX"]) // 8
        with open(self._path, "rb") as file:
            for row in rows:
                file.seek(start + row * length)
                yield file.read(length)

    @cached_property
    def wcs(self):
        """The WCS of the frame, or None if it has none."""
        try:
            return wcs_of(self.header)
        except ValueError:
            return None

    @cached_property
    def scale_arcsec(self):
        """Pixel scale (arcsec), the root of the area that a pixel covers; None without WCS."""
        if self.wcs is None:
            return None
        return float(np.sqrt(abs(np.linalg.det(self.wcs.pixel_scale_matrix)))) * ARCSEC_PER_DEG

    def position(self, ra_deg, dec_deg):
        """Return the FITS positions (x, y), ndarrays, of places on the sky; NaN where there is none."""
        ra_deg, dec_deg = np.atleast_1d(np.asarray(ra_deg, float)), np.atleast_1d(np.asarray(dec_deg, float))
        if self.wcs is None:
            return np.full(ra_deg.shape, np.nan), np.full(dec_deg.shape, np.nan)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of places beyond the horizon of the projection
            x, y = self.wcs.all_world2pix(ra_deg, dec_deg, 1, quiet=True)
        return np.asarray(x), np.asarray(y)

    def whole(self):
        """Return all pixels, float32, NaN for those that are saturated or not a number."""
        return self.rows(slice(None))

    def rows(self, part):
        """Return those rows (slice) of the pixels as `whole` does."""
        stored = self._map
        values = self._hdu.section[part] if stored is None else fitsbytes.scaled(stored[part], self.header)
        return self._usable(values)

    def window(self, left, bottom, side):
        """Return side x side pixels (float32) from column `left`, row `bottom` (0-based) on, NaN off the frame."""
        part = np.full((side, side), np.nan, dtype=np.float32)
        columns = slice(max(left, 0), min(left + side, self.width))
        rows = slice(max(bottom, 0), min(bottom + side, self.height))
        if columns.start < columns.stop and rows.start < rows.stop:
            inside = self.rows(rows)[:, columns]
            part[rows.start - bottom : rows.stop - bottom, columns.start - left : columns.stop - left] = inside
        return part

    @cached_property
    def _map(self):
        """The pixels as they are stored, a memory map; None for a compressed image."""
        if not self._is_plain:
            return None
        kind, start = fitsbytes.PIXELS[self.header["BITPIX"]], self._hdu.fileinfo()["datLoc"]
        return np.memmap(self._path, kind, mode="r", offset=start, shape=self._hdu.shape)

    @property
    def _is_plain(self):
        return isinstance(self._hdu, fits.PrimaryHDU | fits.ImageHDU)

    def _usable(self, values):
        values = np.asarray(values, dtype=np.float32)
        saturation = self.header.get("SATURATE")
        if isinstance(saturation, (int, float)) and saturation > 0:
            values[values >= saturation] = np.nan
        return values


def to_grey(values, stretch):
    """Return `values` (float, NaN for none) as uint8: 0 to 255 between their z-scale limits, 0 for NaN."""
    sample = sample_of(values)
    if sample.size == 0:
        return np.zeros(values.shape, dtype=np.uint8)
    low, high = _zscale(sample)
    scaled = values - np.float32(low)
    scaled *= np.float32(1 / (high - low))
    np.minimum(np.fmax(scaled, 0, out=scaled), 1, out=scaled)  # no number becomes 0
    scaled = _stretched(scaled, stretch)
    scaled *= 255
    scaled += 0.5
    return scaled.astype(np.uint8)


def sample_of(values):
    """Return some of the finite `values`, at most about MOST_SAMPLES, from everywhere on the frame."""
    step = sample_step(values.size)
    sample = values[::step, ::step]
    return sample[np.isfinite(sample)]


def sample_step(number):
    """Return how far apart along both axes the samples of so many pixels are."""
    return max(1, round(np.sqrt(number / MOST_SAMPLES)))


def _zscale(sample):
    with contextlib.suppress(ValueError, IndexError, np.linalg.LinAlgError):  # too few pixels for its fit
        low, high = zscale.limits(sample)
        if high > low:
            return low, high
    low, high = float(sample.min()), float(sample.max())
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _stretched(values, stretch):
    if stretch == "log":
        return np.log1p(1000 * values) / np.log(1001)
    if stretch == "power":
        return np.sqrt(values)
    return values
