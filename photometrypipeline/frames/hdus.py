"""The parts of a FITS file (HDUs), and how a file whose one image lies behind the first is made flat."""

import io
import logging
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from photometrypipeline.base.errors import FrameError
from photometrypipeline.base.files import replacing
from photometrypipeline.frames import cards, fitsbytes

log = logging.getLogger("pp.frame")

LAYOUT = {"SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "EXTEND"}
STRUCTURE = LAYOUT | {"EXTNAME", "EXTVER", "INHERIT", "CHECKSUM", "DATASUM"}  # belong to one HDU
QUALITY_PLANES = {  # extensions that describe the image of the sky next to them
    *("BPM", "MASK", "DQ", "FLAG", "FLAGS", "ERR", "ERROR", "UNCERT", "SIGMA", "VAR", "VARIANCE", "IVAR", "WHT"),
    *("WEIGHT", "CONF", "CONFIDENCE", "EXPMAP", "BKG", "SKY", "NOISE", "THUMBNAIL", "THUMB", "PREVIEW"),
}
SCALING = ("BSCALE", "BZERO", "BLANK")
OF_TABLE = re.compile(  # keywords of the table into which an image is compressed
    r"XTENSION|BITPIX|PCOUNT|GCOUNT|TFIELDS|NAXIS\d*|(TTYPE|TFORM|TUNIT|TZERO|TSCAL|TNULL|TDIM)\d+|"
    r"Z(IMAGE|SIMPLE|EXTEND|TENSION|BITPIX|NAXIS\d*|TILE\d+|NAME\d+|VAL\d+|CMPTYPE|PCOUNT|GCOUNT|HECKSUM|DATASUM|"
    r"DITHER0|QUANTIZ|BLANK|MASKCMP|BLOCKED)"
)
IMAGES = ("", "IMAGE", "IUEIMAGE")  # values of XTENSION; the first HDU has none
UNREADABLE = (OSError, EOFError, KeyError, IndexError, TypeError, ValueError, fits.VerifyError)


@dataclass(frozen=True)
class Hdu:
    """One part of a file: its header as fits.Header and as bytes, where header and data start, bytes of the data."""

    header: object
    raw: bytes
    start: int
    data_start: int
    data_size: int

    @property
    def name(self):
        """Name of the extension (EXTNAME), empty without one."""
        return str(self.header.get("EXTNAME", "")).strip()

    @property
    def is_compressed(self):
        """Whether it is a table that holds the tiles of an image."""
        return self.header.get("ZIMAGE") is True

    @property
    def is_image(self):
        """Whether it holds, or could hold, an image."""
        return self.is_compressed or str(self.header.get("XTENSION", "")).strip() in IMAGES

    @property
    def shape(self):
        """Shape of the image (tuple, the last axis is NAXIS1); () without one."""
        return fitsbytes.shape(self.header, "Z" if self.is_compressed else "")

    @property
    def end(self):
        """Where the next HDU starts, bytes."""
        return self.data_start + self.data_size + -self.data_size % fitsbytes.BLOCK

    @property
    def is_empty(self):
        """Whether neither pixels nor a table stand behind the header."""
        return self.is_image and not np.prod(self.shape, initial=len(self.shape))


def read(path):
    """Return the Hdus (list) of a FITS file.  Raises UNREADABLE; what stands behind the last one is left out."""
    found = []
    with open(path, "rb") as stream:
        size = stream.seek(0, io.SEEK_END)
        place = 0
        while place < size and (not found or _starts_extension(stream, place)):
            stream.seek(place)
            raw = fitsbytes.read_raw_header(stream)
            header = fitsbytes.parse(raw)
            found.append(Hdu(header, raw, place, stream.tell(), _data_size(header, bool(found))))
            place = found[-1].end
    return found


def _starts_extension(stream, place):
    stream.seek(place)
    return stream.read(8) == b"XTENSION"


def _data_size(header, is_extension):
    size = fitsbytes.data_bytes(header)
    if not is_extension:
        return size
    groups, parameters = (int(header.get(name, default)) for name, default in (("GCOUNT", 1), ("PCOUNT", 0)))
    if groups < 1 or parameters < 0:
        raise ValueError(f"GCOUNT = {groups}, PCOUNT = {parameters}")
    return size * groups + parameters * groups * abs(int(header["BITPIX"])) // 8


def only_image(path, found):
    """Return the one Hdu that holds a 2-D image.  Raises FrameError for none, several, or a cube."""
    images = [hdu for hdu in found if hdu.is_image and len(hdu.shape) >= 2 and np.prod(hdu.shape) > 0]
    if not images:
        raise FrameError(path, "contains no image", "remove it from the list")
    images = [hdu for hdu in images if hdu.name.upper() not in QUALITY_PLANES] or images
    if len(images) > 1:
        raise FrameError(path, f"contains {len(images)} images", "take one with -ext NAME, or all with -split")
    shape = images[0].shape
    if any(length != 1 for length in shape[:-2]):
        size = " x ".join(map(str, shape[::-1]))
        raise FrameError(path, f"is a cube of {size} pixels", "split it into one file per plane")
    return images[0]


def pixels(path):
    """Return the one 2-D image of a file as it is stored (array), wherever it lies, scaling not applied.

    Raises UNREADABLE, and FrameError as `only_image`.
    """
    image = only_image(path, read(path))
    if image.is_compressed:
        return _unpacked(image, Path(path).read_bytes()).data
    stored = fitsbytes.PIXELS[image.header["BITPIX"]]
    return np.memmap(path, stored, mode="r", offset=image.data_start, shape=image.shape[-2:])


def flat_header(path):
    """Return the header (fits.Header) that `flatten` gives to a file whose image lies behind the first HDU."""
    found = read(path)
    return _merged(found, only_image(path, found))


def flatten(path):
    """Make one HDU of a file whose single 2-D image lies in an extension, or behind extra axes of length 1; atomically.

    Keywords of extensions are merged into the primary header, which wins.  Tables and spectra in further extensions
    stay.  Integers of 64 bits become such of 32.  Files that are flat already are left alone.  Returns True if the file
    was rewritten.  Raises FrameError for true cubes, for files with several images, and for files cut short.
    """
    path = Path(path)
    try:
        found = read(path)
        image = only_image(path, found)
        wide = image_header(image)["BITPIX"] == 64
        if image is found[0] and len(image.shape) == 2 and not wide and not _has_new_keywords(found):
            return False
        content = _flat_content(path, found, image)
    except UNREADABLE as error:
        raise FrameError(path, f"cannot be read ({error})", "it may be truncated; copy it again", error) from None
    with replacing(path, precious=True) as temporary:
        temporary.write_bytes(b"".join(content))
    log.info("%s: rewritten with its image in the first HDU", path)
    return True


def _flat_content(path, found, image):
    """Return the content (list of bytes) of the file with its `image` in the first HDU and other data behind it."""
    old = path.read_bytes()
    missing = max(hdu.data_start + hdu.data_size for hdu in found) - len(old)
    if missing > 0:
        raise FrameError(path, f"is truncated, {missing} bytes are missing", "copy it again")
    header, pixels = _merged(found, image), stored_pixels(image, old)
    if header["BITPIX"] == 64:
        pixels = _narrowed(np.frombuffer(pixels, ">i8")[: np.prod(image.shape)].reshape(image.shape), header)
    content = [fitsbytes.header_bytes(header, b"".join(hdu.raw for hdu in found), path), pixels]
    for hdu in found[1:]:
        if hdu is not image and not hdu.is_empty:
            content.append(fitsbytes.padded(old[hdu.start : hdu.end]))
    return content


def _narrowed(values, header):
    """Return integers of 64 bits, which Source Extractor does not know, as bytes of 32, or of floats where they do not
    fit; changes the `header` accordingly.
    """
    blank = header.get("BLANK")
    if header.get("BZERO") == 2**63:  # as unsigned integers are written
        values, blank = values.astype(np.uint64) ^ np.uint64(2**63), None
        header.remove("BZERO")
    limits = np.iinfo(np.int32)
    if limits.min <= values.min(initial=0) and values.max(initial=0) <= limits.max:
        header["BITPIX"] = 32
        return fitsbytes.stored(values.astype(np.int32))
    header["BITPIX"] = -64
    header.remove("BLANK", ignore_missing=True)
    return fitsbytes.stored(np.where(values == blank, np.nan, values.astype(np.float64)))


def stored_pixels(image, content):
    """Return the pixels of an Hdu as a file has them (bytes, whole blocks); `content` : bytes of the whole file."""
    if image.is_compressed:
        return fitsbytes.stored(_unpacked(image, content).data)
    return fitsbytes.padded(content[image.data_start : image.data_start + image.data_size])


def _unpacked(image, content):
    """Return the astropy HDU of a compressed image, scaling not applied, made of the part of the file that holds it."""
    header = cards.readable(image.raw.decode("ascii", errors="replace").replace("\ufffd", "?")).encode()
    part = fits.PrimaryHDU().header.tostring().encode() + header + content[image.data_start : image.end]
    hdu = fits.open(io.BytesIO(part), do_not_scale_image_data=True)[1]
    _ = hdu.data
    return hdu


def image_header(image):
    """Return the header of the image in an Hdu: a compressed one has the keywords of a table besides its own."""
    if not image.is_compressed:
        return image.header
    kept = fits.Header([card for card in image.header.cards if not OF_TABLE.fullmatch(card.keyword)])
    for keyword, axis in [("BITPIX", "ZBITPIX"), *((f"NAXIS{k}", f"ZNAXIS{k}") for k in (1, 2))]:
        kept[keyword] = image.header[axis]
    return kept


def _has_new_keywords(found):
    known = set(found[0].header)
    return any(hdu.is_empty and set(hdu.header) - known - STRUCTURE for hdu in found[1:])


def _merged(found, image):
    """Return the header of the flat image: that of the first HDU, and what is new in the image's and in empty ones."""
    header = found[0].header.copy(strip=True)
    of_image = image_header(image)
    for hdu in found[1:]:
        if hdu is image or hdu.is_empty:
            for card in (of_image if hdu is image else hdu.header).copy(strip=True).cards:
                if card.keyword and card.keyword not in header and card.keyword not in STRUCTURE:
                    header.append(card)
    for keyword in (*SCALING, "CHECKSUM", "DATASUM"):  # belong to the pixels, whichever header they stood in
        header.remove(keyword, ignore_missing=True)
        if keyword in SCALING and keyword in of_image:
            header[keyword] = of_image[keyword]
    layout = {"SIMPLE": True, "BITPIX": of_image["BITPIX"], "NAXIS": 2}
    layout |= {"NAXIS1": image.shape[-1], "NAXIS2": image.shape[-2], "EXTEND": True}
    for number, (keyword, value) in enumerate(layout.items()):
        header.insert(number, (keyword, value))
    return header
