"""A frame: one image, its header, and the files that the steps leave next to it.

The header is the only part of an image that the pipeline changes; the bytes of the pixels are copied as they stand.
"""

import logging
import os
import re
import shutil
import unicodedata
from functools import cached_property
from pathlib import Path

import numpy as np
from astropy.io import fits

from photometrypipeline.base.errors import FrameError, in_words
from photometrypipeline.base.files import BAD_PIXELS as BAD_PIXELS
from photometrypipeline.base.files import replacing, stem_of
from photometrypipeline.frames import contents, fitsbytes, hdus
from photometrypipeline.frames.fitsbytes import CARD, data_bytes

log = logging.getLogger("pp.frame")

COMMENT_START = "PP: "  # of every keyword that the pipeline writes
BINNED_LATER = "PPBIN"  # keyword: pixels of the camera along each axis that make one of the image
COLOUR = "PPCOLOR"  # keyword: the filter of one colour of a camera with a mask of colours
EXTENSIONS = (".fits", ".fit", ".fts")  # in any letter case
KEYWORD_LENGTH = 8  # longer ones are HIERARCH cards
TIME_ERROR = "PPTIMERR"  # s, by which a mid-time may be off
LONGEST_STEM = 255 - len(".growth.ldac")  # of the names that the steps make of an image's
VALUE_END = 30  # columns that keyword and value take at least


class Frame:
    """One image on disk: `path`, `name` (file name), `stem`, and the header as it was when it was first asked for.

    telescope : its Telescope, once somebody has found it out (instruments/dataset.py)
    replaced : [(contents.signature before, after), ...] of the file whenever it got a new header
    """

    def __init__(self, path, telescope=None):
        self.path, self.telescope, self.replaced = Path(path), telescope, []

    def __repr__(self):
        return f"Frame({str(self.path)!r})"

    @property
    def name(self):
        """File name without its folder."""
        return self.path.name

    @property
    def stem(self):
        """File name up to the last `.fits`; names the files that belong to the image."""
        return stem_of(self.name)

    @property
    def ldac(self):
        """Path of the source list."""
        return self.path.with_name(f"{self.stem}.ldac")

    @property
    def database(self):
        """Path of the SQLite database."""
        return self.path.with_name(f"{self.stem}.ldac.db")

    @cached_property
    def header(self):
        """Primary header (fits.Header).  Raises FrameError for a file that is not a complete FITS image."""
        if len(os.fsencode(self.stem)) > LONGEST_STEM:
            reason = f"has a name that is too long for those of its files ({LONGEST_STEM} bytes before .fits at most)"
            raise FrameError(self.path, reason, "rename it")
        return read_header(self.path)

    @property
    def size_px(self):
        """(columns, rows) of the image."""
        return int(self.header["NAXIS1"]), int(self.header["NAXIS2"])

    def required(self, keyword, remedy="run pp_prepare first"):
        """Return the header value of `keyword`.  Raises FrameError if it is missing."""
        if keyword not in self.header:
            raise FrameError(self.path, f"has no {keyword} in its header", remedy)
        return self.header[keyword]

    def number(self, keyword, remedy="run pp_prepare first"):
        """Return the header value of `keyword` as a float; text, as older versions wrote it, is accepted."""
        value = self.required(keyword, remedy)
        try:
            return float(value)
        except (TypeError, ValueError):
            raise FrameError(self.path, f"{keyword} = {value!r} is not a number", "correct it in the header") from None

    def save(self):
        """Write the (changed) header back into the file, atomically; pixels and extensions stay byte for byte."""
        self.replaced.append(write_header(self.path, self.header))

    def save_cropped(self, border_px):
        """Write the (changed) header and the image without its outer `border_px` pixels, atomically."""
        inner = fitsbytes.pixels(self.path)[border_px:-border_px, border_px:-border_px]
        self.header["NAXIS2"], self.header["NAXIS1"] = inner.shape
        write_header(self.path, self.header, inner)

    def read_pixels(self):
        """Return the image as float32, shape (rows, columns); NaN where it has no value."""
        return fitsbytes.scaled(self.stored_pixels(), self.header)

    def stored_pixels(self):
        """Return the image as it is stored, shape (rows, columns), also where it lies behind the first HDU."""
        first = fitsbytes.pixels(self.path)
        return first if first.ndim == 2 else hdus.pixels(self.path)


def printable(text):
    """Return a text as headers hold it, in printable ASCII: accents are taken off, line ends become blanks."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", errors="ignore").decode()
    return re.sub(r"[^ -~]+", " ", plain)


def set_keyword(header, keyword, value, comment):
    """Set a keyword of the pipeline, its comment starting with `PP:`; what does not fit into its card is cut off."""
    value = printable(value) if isinstance(value, str) else value
    room = CARD - max(len(str(fits.Card(keyword, value)).rstrip()), VALUE_END) - len(" / ")
    put(header, keyword, value, (COMMENT_START + comment)[: max(room, 0)])


def put(header, keyword, value, comment):
    """Set a keyword to what is written the same way whatever stood there: astropy keeps the digits of equal numbers."""
    if keyword in header and len(keyword) <= KEYWORD_LENGTH:
        place = header.index(keyword)
        header.remove(keyword, remove_all=True)  # of several the first counts
        header.insert(place, (keyword, value, comment))
    else:
        header[keyword] = value, comment


def time_error_s(header):
    """Return by how many s the mid-time of a prepared frame may be off, 0 where nothing is in doubt."""
    value = header.get(TIME_ERROR)
    return float(value) if isinstance(value, int | float) and value > 0 else 0.0


def keep_first(header, keyword):
    """Save `keyword`, with its comment, under `_` and its first 7 letters, unless an earlier value is kept there."""
    if keyword in header:
        saved = saved_name(keyword)
        if saved not in header:
            said = str(header.comments[keyword]) or f"value of {keyword} before the pipeline changed it"
            set_keyword(header, saved, header[keyword], said)


def saved_name(keyword):
    """Return the keyword under which an overridden value survives: `_OBJECT`, `_CRVAL1`."""
    return f"_{keyword[:7]}"


def read_header(path):
    """Return the header of a complete FITS image as fits.Header.  Raises FrameError naming what is wrong.

    Where the image lies in an extension it is the header that `flatten` will give to the file.
    """
    path = Path(path)
    if not path.exists():
        raise FrameError(path, "does not exist", "check its name")
    if path.suffix.lower() in (".gz", ".fz", ".bz2", ".xz", ".zip"):
        raise FrameError(path, "is compressed", "run pp_prepare or pp_run on it, which unpack it next to it")
    try:
        with open(path, "rb") as stream:
            start = stream.read(9)
            if not start:
                raise FrameError(path, "is empty", "copy it again")
            if start != b"SIMPLE  =":
                raise FrameError(path, "is not a FITS file", "remove it from the list or convert it")
            stream.seek(0)
            header = fitsbytes.parse(fitsbytes.read_raw_header(stream))
            size = data_bytes(header)
            fitsbytes.scaling(header)
            missing = stream.tell() + size - path.stat().st_size
    except hdus.UNREADABLE as error:
        raise FrameError(
            path, f"has no readable header ({in_words(error)})", "it may be truncated; copy it again", error
        ) from None
    if missing > 0:
        raise FrameError(path, f"is truncated, {missing} bytes of the image are missing", "copy it again")
    return header if size else _header_of_extension(path)


def _header_of_extension(path):
    try:
        return hdus.flat_header(path)
    except hdus.UNREADABLE as error:
        reason = f"cannot be read beyond its first header ({in_words(error)})"
        raise FrameError(path, reason, "copy it again", error) from None


def write_header(path, header, pixels=None):
    """Replace the primary header of the file `path` and copy all that follows it, byte for byte, atomically.

    pixels : array that takes the place of the image, as it is to be stored;  None: the image stays
    Returns the contents.signature of the file before and after.
    Raises FrameError for a header that belongs to another image than the one behind it.
    """
    header.remove("CHECKSUM", ignore_missing=True)  # of the old header; DATASUM of the same data still holds
    with open(path, "rb") as source, replacing(path, precious=True) as temporary, open(temporary, "wb") as target:
        raw = fitsbytes.read_raw_header(source)
        old_size = data_bytes(fitsbytes.structure(raw))
        if pixels is None and data_bytes(header) != old_size:
            raise FrameError(path, "has its image in an extension", "run pp_prepare first")
        target.write(fitsbytes.header_bytes(header, raw, path))
        if pixels is not None:
            target.write(fitsbytes.stored(pixels))
            source.seek(old_size + -old_size % fitsbytes.BLOCK, 1)
        shutil.copyfileobj(source, target, length=1 << 22)
        before = os.fstat(source.fileno())
    return contents.signature(before), contents.signature(os.stat(path))


def is_blank(path, header):
    """Return True if an image of floats holds no finite pixel at all; integer images always have values."""
    if int(header["BITPIX"]) > 0:
        return False
    return not any(np.isfinite(row).any() for row in fitsbytes.pixels(path))
