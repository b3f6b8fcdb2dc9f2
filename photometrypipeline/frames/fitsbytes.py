"""FITS files as bytes: headers and pixels are read and written as they stand, whatever standard they break.

astropy.io.fits corrects headers when it writes them, and refuses what it cannot correct.  Frames of real telescopes
have such cards; what the pipeline does not change stays byte for byte as the telescope wrote it.
"""

import logging
import re

import numpy as np
from astropy.io import fits

from photometrypipeline.frames import cards

log = logging.getLogger("pp.frame")

BLOCK, CARD = 2880, 80  # bytes
EXACT_BELOW = 2**23  # whole numbers, in single precision
MOST_AXES, MOST_PIXELS = 999, 2**31  # of an axis
PLAIN = re.compile(r"([A-Z0-9_-]+) *= +(?:'((?:[^']|'')*)'|([TF])|([-+]?\d+(?:\.\d*)?(?:E[-+]?\d+)?)) *(?:/.*)?")
PIXELS = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}  # by BITPIX


def read_raw_header(stream):
    """Return the header (bytes, whole blocks) that starts where `stream` stands.  Raises EOFError without its END."""
    blocks = []
    while not blocks or not any(line[:8].rstrip(b" \0") == b"END" for line in lines(blocks[-1])):
        block = stream.read(BLOCK)
        if len(block) < BLOCK:
            raise EOFError("its header has no END card")
        blocks.append(block)
    return b"".join(blocks)


def lines(raw):
    """Return the cards of a raw header as a list of bytes."""
    return [raw[start : start + CARD] for start in range(0, len(raw), CARD)]


def structure(raw):
    """Return what the cards of a raw header say of the data behind it, BITPIX and NAXIS (dict, or a whole Header)."""
    found = plain(b"".join(line for line in lines(raw[:BLOCK]) if line.startswith((b"BITPIX", b"NAXIS"))))
    number = found.get("NAXIS")
    whole = type(number) is int and all(f"NAXIS{axis}" in found for axis in range(1, number + 1))
    return found if whole and "BITPIX" in found else parse(raw)


def parse(raw):
    """Return a raw header as fits.Header, whose every card can be read: broken ones stand for what they mean."""
    return fits.Header.fromstring(cards.readable(_text(raw)))


def plain(raw):
    """Return the values {keyword: str, bool, int or float} of a raw header (bytes) that a program has written.

    For headers of tables, whose cards keep to the standard: ten times as fast as fits.Header.
    """
    found = {}
    for line in lines(raw):
        card = PLAIN.fullmatch(_text(line))
        if card and card[1] not in found:  # of several the first counts
            found[card[1]] = _value(*card.groups()[1:])
    return found


def plain_header(cards):
    """Return a header as bytes, whole blocks, of `cards` [(keyword, text or int), ...] without comments.

    As fits.Header writes it, in a tenth of the time; the keywords are short ones.
    """
    written = []
    for keyword, value in cards:
        if isinstance(value, str):
            value = "'{:<8}'".format(value.replace("'", "''")) if value else "''"
        else:
            value = f"{value:>20}"
        written.append(f"{keyword:<8}= {value:<20}".ljust(CARD))
    text = "".join([*written, "END".ljust(CARD)])
    return text.ljust(len(text) + -len(text) % BLOCK).encode("ascii")


def _value(text, logical, number):
    if text is not None:
        return text.rstrip().replace("''", "'")
    if logical:
        return logical == "T"
    return float(number) if "." in number or "E" in number else int(number)


def _text(raw):
    return raw.decode("ascii", errors="replace").replace("\ufffd", "?")


def header_bytes(header, raw, path):
    """Return a fits.Header as bytes, whole blocks; unchanged cards that break the standard stand there as in `raw`.

    raw : the header or headers that it was made from (bytes);  path : named in LOG together with these cards
    A CONTINUE that continues nothing spoils the card before it for every other reader: it stays a comment.
    """
    written = lines(header.tostring(sep="", endcard=True, padding=True).encode("ascii", errors="replace"))
    places = {}
    for place, line in enumerate(written):
        places.setdefault(line, []).append(place)
    for line in lines(raw):
        corrected = [] if line in places or line.startswith(b"CONTINUE") else places.get(_as_astropy_writes(line), [])
        if corrected:
            log.info("%s: card kept as it is, although it breaks the FITS standard: %s", path, _text(line).rstrip())
            written[corrected.pop(0)] = line
    return b"".join(written)


def _as_astropy_writes(line):
    text = cards.repaired(_text(line))
    return (
        text.encode() if text[:8].rstrip() == "COMMENT" else str(fits.Card.fromstring(text)).encode("ascii", "replace")
    )


def shape(header, prefix=""):
    """Return the shape (tuple of int, the last axis is NAXIS1) of the data behind `header`; () without data.

    prefix : Z for an image that is compressed into a table
    Raises KeyError where the header does not tell, ValueError where what it tells cannot be.
    """
    number = _whole(header, f"{prefix}NAXIS", MOST_AXES)
    return tuple(_whole(header, f"{prefix}NAXIS{axis}", MOST_PIXELS) for axis in range(number, 0, -1))


def _whole(header, keyword, most):
    """Return the number (int, 0 to `most`) that a keyword of the structure holds.  Raises KeyError, ValueError."""
    value = _stated(header, keyword)
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = -1
    if isinstance(value, bool) or not 0 <= number <= most or number != float(value):
        raise ValueError(f"{keyword} = {value} is impossible")
    return number


def _stated(header, keyword):
    if keyword not in header:
        raise KeyError(f"{keyword} is missing")
    value = header[keyword]
    if value is None or isinstance(value, fits.card.Undefined):
        raise ValueError(f"{keyword} has no value")
    return value


def data_bytes(header):
    """Return the number of bytes of the data behind `header`, without the padding at their end; raises as `shape`."""
    lengths = shape(header)
    bitpix = _stated(header, "BITPIX")
    if bitpix not in PIXELS:
        raise ValueError(f"BITPIX = {bitpix} is impossible")
    return abs(int(bitpix)) // 8 * int(np.prod(lengths, dtype=np.int64)) if lengths else 0


def pixels(path):
    """Return the image in the first HDU as it is stored: memory map, shape (rows, columns), scaling not applied."""
    with open(path, "rb") as stream:
        header = structure(read_raw_header(stream))
        return np.memmap(path, PIXELS[header["BITPIX"]], mode="r", offset=stream.tell(), shape=shape(header))


def scaled(stored_pixels, header):
    """Return pixels as float32 with the scaling of `header` applied, NaN where they are BLANK; raises as `scaling`."""
    scale, zero = scaling(header)
    # pixels of 16 bits and a whole number added to them are exact in single precision
    exact = zero == 0 or (header["BITPIX"] in (8, 16) and zero.is_integer() and abs(zero) <= EXACT_BELOW)
    values = np.array(stored_pixels, dtype=np.float32 if scale == 1 and exact else np.float64)
    if scale != 1:
        values *= scale
    if zero:
        values += zero
    blank = header.get("BLANK")
    if header["BITPIX"] > 0 and isinstance(blank, int):
        values[stored_pixels == blank] = np.nan
    return values.astype(np.float32, copy=False)


def scaling(header):
    """Return (BSCALE, BZERO) of a header, (1, 0) where it has none.  Raises ValueError for what cannot be."""
    found = []
    for keyword, usual in (("BSCALE", 1.0), ("BZERO", 0.0)):
        value = header.get(keyword)
        absent = value is None or isinstance(value, fits.card.Undefined)
        if not absent and (isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value)):
            raise ValueError(f"{keyword} = {value} is impossible")
        found.append(usual if absent else float(value))
    if not found[0]:
        raise ValueError("BSCALE = 0 is impossible")
    return tuple(found)


def stored(array):
    """Return an array as the bytes of a FITS file, filled up to whole blocks."""
    return padded(array.astype(array.dtype.newbyteorder(">"), copy=False).tobytes())


def padded(content):
    """Return bytes filled up with zeros to whole blocks."""
    return content + bytes(-len(content) % BLOCK)
