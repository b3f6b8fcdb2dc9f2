"""A frame: one image, its header, and the files that the steps leave beside it.

The header is the only part of an image that the pipeline changes; the bytes of the pixels are copied as they stand.
"""

import logging
import shutil
from functools import cached_property
from pathlib import Path

import numpy as np
from astropy.io import fits

from photometrypipeline.errors import FrameError
from photometrypipeline.files import replacing, stem_of

log = logging.getLogger("pp.frame")

COMMENT_START = "PP: "  # of every keyword that the pipeline writes
EXTENSIONS = (".fits", ".fit", ".fts")  # in any letter case
BLOCK = 2880  # bytes


class Frame:
    """One image on disk: `path`, `name` (file name), `stem`, and the header as it was when it was first asked for."""

    def __init__(self, path):
        self.path = Path(path)

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
        """Primary header (fits.Header).  Raises FrameError for a file that is no complete FITS image."""
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
            raise FrameError(self.path, f"{keyword} = {value!r} is no number", "correct it in the header") from None

    def save(self):
        """Write the (changed) header back into the file, atomically; pixels and extensions stay byte for byte."""
        write_header(self.path, self.header)

    def save_cropped(self, border_px):
        """Write the (changed) header and the image without its outer `border_px` pixels, atomically."""
        with fits.open(self.path, memmap=False, do_not_scale_image_data=True) as hdus:
            inner = hdus[0].data[border_px:-border_px, border_px:-border_px]
            with replacing(self.path) as temporary:
                flat = fits.PrimaryHDU(inner, header=self.header, do_not_scale_image_data=True)
                fits.HDUList([flat, *hdus[1:]]).writeto(temporary, overwrite=True)
        self.__dict__.pop("header", None)

    def read_pixels(self):
        """Return the image as float32, shape (rows, columns)."""
        with fits.open(self.path, memmap=False) as hdus:
            return np.asarray(hdus[0].data, dtype=np.float32)


def set_keyword(header, keyword, value, comment):
    """Set a keyword of the pipeline, its comment starting with `PP:`; what does not fit into its card is cut off."""
    header[keyword] = value
    room = 80 - len(str(fits.Card(keyword, value)).rstrip()) - 3
    header.comments[keyword] = (COMMENT_START + comment)[: max(room, 0)]


def keep_first(header, keyword):
    """Save the value of `keyword` under `_` and its first 7 letters, unless an earlier value is kept there already."""
    if keyword in header:
        saved = saved_name(keyword)
        if saved not in header:
            set_keyword(header, saved, header[keyword], f"value of {keyword} before the pipeline changed it")


def saved_name(keyword):
    """Return the keyword under which an overridden value survives: `_OBJECT`, `_CRVAL1`."""
    return f"_{keyword[:7]}"


def read_header(path):
    """Return the primary header of a complete FITS image as fits.Header.  Raises FrameError naming what is wrong."""
    path = Path(path)
    if not path.exists():
        raise FrameError(path, "does not exist", "check its name")
    if path.suffix.lower() in (".gz", ".fz", ".bz2", ".zip"):
        raise FrameError(path, "is compressed", "unpack it first (gunzip, funpack)")
    try:
        with open(path, "rb") as stream:
            start = stream.read(30)
            if not start.startswith(b"SIMPLE  ="):
                raise FrameError(path, "is no FITS file", "remove it from the list or convert it")
            stream.seek(0)
            header = fits.Header.fromfile(stream)
            data_start = stream.tell()
    except (OSError, EOFError, ValueError, UnicodeDecodeError) as error:
        raise FrameError(path, f"has no readable header ({error})", "it may be cut short; copy it again") from None
    missing = data_start + data_bytes(header) - path.stat().st_size
    if missing > 0:
        raise FrameError(path, f"is cut short, {missing} bytes of the image are missing", "copy it again")
    return header if data_bytes(header) else _header_of_extension(path)


def _header_of_extension(path):
    """Return the header that `flatten` will give to a file whose image lies in an extension.  Raises FrameError."""
    try:
        with fits.open(path, memmap=False, lazy_load_hdus=False) as hdus:
            return _merged(hdus, _only_image(path, hdus))
    except (OSError, TypeError, ValueError) as error:
        raise FrameError(path, f"cannot be read beyond its first header ({error})", "copy it again") from None


def data_bytes(header):
    """Return the number of bytes of the data that follow `header`, without the padding at their end."""
    lengths = [int(header[f"NAXIS{axis}"]) for axis in range(1, int(header.get("NAXIS", 0)) + 1)]
    return abs(int(header["BITPIX"])) // 8 * int(np.prod(lengths, dtype=np.int64)) if lengths else 0


def write_header(path, header):
    """Replace the primary header of the file `path` and copy all that follows it, byte for byte, atomically."""
    with open(path, "rb") as source, replacing(path) as temporary, open(temporary, "wb") as target:
        original = fits.Header.fromfile(source)
        source_end = source.tell()
        source.seek(0)
        raw = source.read(source_end).decode("ascii", errors="replace")
        target.write(_header_bytes(header, original, raw))
        shutil.copyfileobj(source, target, length=1 << 22)


def _header_bytes(header, original, raw):
    """Return `header` as bytes; unchanged cards that break the standard stand there as they do in `raw`."""
    text = header.tostring(sep="", endcard=True, padding=True)
    for number, card in enumerate(original.cards):
        line = raw[number * 80 : number * 80 + 80]
        shown = str(card)
        if line.isascii() and line != shown and len(shown) == 80 and text.count(shown) == 1:
            log.warning("card kept as it is, although it breaks the FITS standard: %s", line.rstrip())
            text = text.replace(shown, line)
    return text.encode("ascii", errors="replace")


def is_blank(path, header):
    """Return True if an image of floats holds no finite pixel at all; integer images always have values."""
    if int(header["BITPIX"]) > 0:
        return False
    with fits.open(path, memmap=True) as hdus:
        return not any(np.isfinite(row).any() for row in hdus[0].data)


def flatten(path):
    """Make one HDU of a file whose single 2-D image lies in an extension, or behind extra axes of length 1; atomically.

    Keywords of extensions are merged into the primary header, which wins.  Raises FrameError for true cubes and for
    files with several images.  Files that are flat already are left alone.  Returns True if the file was rewritten.
    """
    with fits.open(path, memmap=False, do_not_scale_image_data=True) as hdus:
        image = _only_image(path, hdus)
        if image is hdus[0] and len(image.shape) == 2 and not _has_new_keywords(hdus):
            return False
        header = _merged(hdus, image)
        flat = fits.PrimaryHDU(image.data.reshape(image.shape[-2:]), header=header, do_not_scale_image_data=True)
        others = [hdu for hdu in hdus[1:] if not hdu.is_image]  # tables stay
        with replacing(path) as temporary:
            fits.HDUList([flat, *others]).writeto(temporary, overwrite=True)
    log.info("%s: rewritten with its image in the first HDU", path)
    return True


def _only_image(path, hdus):
    """Return the one HDU that holds a 2-D image.  Raises FrameError for none, several, or a cube."""
    images = [hdu for hdu in hdus if hdu.is_image and hdu.header.get("NAXIS", 0) >= 2]
    if not images:
        raise FrameError(path, "holds no image", "remove it from the list")
    if len(images) > 1:
        raise FrameError(path, f"holds {len(images)} images", "split it into one file per image")
    shape = images[0].shape
    if sum(length != 1 for length in shape) > 2:
        size = " x ".join(map(str, shape[::-1]))
        raise FrameError(path, f"is a cube of {size} pixels", "split it into one file per plane")
    return images[0]


def _has_new_keywords(hdus):
    known = set(hdus[0].header)
    return any(hdu.is_image and set(hdu.header) - known - STRUCTURE for hdu in hdus[1:])


LAYOUT = {"SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "EXTEND"}
STRUCTURE = LAYOUT | {"EXTNAME", "EXTVER", "INHERIT"}  # belong to one HDU
SCALING = ("BSCALE", "BZERO", "BLANK")


def _merged(hdus, image):
    header = image.header.copy(strip=True) if image is hdus[0] else hdus[0].header.copy(strip=True)
    for hdu in hdus[1:]:
        if hdu.is_image:
            for card in hdu.header.copy(strip=True).cards:
                if card.keyword and card.keyword not in header and card.keyword not in STRUCTURE:
                    header.append(card)
    for keyword in SCALING:  # belong to the pixels, whichever header they stood in
        header.remove(keyword, ignore_missing=True)
        if keyword in image.header:
            header[keyword] = image.header[keyword]
    header["BITPIX"] = image.header["BITPIX"]
    header["NAXIS"] = 2
    header.set("NAXIS1", image.shape[-1], after="NAXIS")
    header.set("NAXIS2", image.shape[-2], after="NAXIS1")
    return header
