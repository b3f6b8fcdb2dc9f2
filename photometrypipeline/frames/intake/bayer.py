"""Frames of colour cameras: one image of one colour, of pixels behind a mask or of three planes.

Every second pixel along both axes has one and the same colour; two of four are green.  Measured as they are, such
frames mix the colours of a star by where it fell on the mask.
"""

import logging
import re
from pathlib import Path

import numpy as np
from astropy.io import fits

from photometrypipeline.base.errors import FrameError
from photometrypipeline.frames import fitsbytes, hdus
from photometrypipeline.frames.frame import BINNED_LATER, COLOUR, read_header, set_keyword
from photometrypipeline.frames.hdus import SCALING
from photometrypipeline.frames.intake import products
from photometrypipeline.frames.wcskeywords import bin_pixels

log = logging.getLogger("pp.intake")

MASK_KEYWORDS = ("BAYERPAT", "BAYRPAT", "COLORTYP", "COLORTYPE", "CFAIMAGE", "BAYERIND")
OFFSETS = ("YBAYROFF", "BAYOFFY", "XBAYROFF", "BAYOFFX")
PATTERNS = ("RGGB", "BGGR", "GRBG", "GBRG")
FILTERS = {"green": "TG", "interpolate": "TG", "red": "TR", "blue": "TB"}  # as the AAVSO calls these three
NO_MASK = (*PATTERNS, "NONE", "MONO", "MONOCHROME", "RGB", "FALSE", "F", "TRUE", "T", "0", "1")
COLOUR_CAMERA = re.compile(
    r"ASI ?\d{3,4}MC|QHY ?\d+C\b|ATR\d+\w*C\b|\bOSC\b|Canon|Nikon|EOS|DSLR|Player One .*-C\b", re.IGNORECASE
)
OF_AXES = ("NAXIS", "CTYPE", "CRVAL", "CRPIX", "CDELT", "CUNIT", "CROTA")
PLANES = {"red": 0, "green": 1, "interpolate": 1, "blue": 2}  # of an image in colours
COLOURED = re.compile(  # programs that write images in colours as three planes
    r"RGB|Seestar|Siril|PixInsight|ASI(AIR|Studio|FitsView|Img)|Dwarf|Vespera|eVscope|Unistellar|Origin|DeepSkyStacker|"
    r"Astro ?Pixel|SharpCap|Nebulosity|MaxIm|Photoshop",
    re.IGNORECASE,
)
COLOURED_BY = ("CREATOR", "SWCREATE", "PROGRAM", "SOFTWARE", "SWMODIFY", "INSTRUME", "CTYPE3", "COLORSPC")
DIAGONALS = {"falling": ((0, 0), (1, 1)), "rising": ((0, 1), (1, 0))}
ALIKE = 4.0  # standard errors by which the levels of two greens may differ
SURELY = 4.0  # times as much apart as the other two, where only the name of the camera tells of a mask
GREEN_KERNEL = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]]) / 4


def pattern_of(header: fits.Header) -> str | None:
    """Return the colours of the first two rows of pixels (RGGB and the like), None where the header tells none."""
    for keyword in MASK_KEYWORDS:
        found = str(header.get(keyword, "")).strip().upper().strip("'[]")
        if found in PATTERNS:
            return found
        if found in ("TRUE", "T") and keyword.startswith("BAYER"):
            return "RGGB"
    return None


def one_colour(path: Path, way: str) -> Path:
    """Return the path of the image in one colour of a frame behind a mask of colours; of any other frame its own.

    green, red, blue : the pixels of that colour in each cell of 2 x 2, the scale is twice that of the camera
    interpolate : green at every pixel, from its neighbours where the mask has another colour
    none : as it is, which is said
    Of an image of three planes, red, green and blue, each colour has a plane.
    """
    try:
        header = read_header(path)
    except FrameError:
        return path  # whoever opens it says what is wrong
    if has_planes(header) and way in PLANES:
        target = products.product_path(path, "green" if way == "interpolate" else way)
        return products.make(path, target, way, lambda temporary: _write_plane(temporary, header, path, way))
    said, unsaid = pattern_of(header), _is_colour_camera(header)
    if int(header.get("NAXIS", 0)) != 2 or not (said or unsaid):
        if other := _other_mask(header):
            log.warning("%s lies behind a mask of colours that is not known (%s): measured as it is", path.name, other)
        return path
    if way == "none" or not (said or way == "green"):
        log.warning("%s lies behind a mask of colours (%s) and is measured as it is", path.name, said or "not told")
        return path
    target = products.product_path(path, "green" if way == "interpolate" else way)
    try:
        return products.make(path, target, way, lambda temporary: _write(temporary, header, path, way))
    except NoMask:
        if not said:
            return path
        log.warning("%s: BAYERPAT is in the header, but all pixels see the same light: measured as it is", path.name)
        return path


def _is_colour_camera(header):
    """Return whether a raw frame is of a model that is sold with a mask of colours, though its header tells of none."""
    return bool(COLOUR_CAMERA.search(str(header.get("INSTRUME", "")))) and COLOUR not in header


def _other_mask(header):
    """Return what a header says of a mask of colours that is none of PATTERNS, '' if it says nothing."""
    texts = (str(header.get(keyword, "")).strip() for keyword in MASK_KEYWORDS)
    return next((text for text in texts if text and text.upper() not in NO_MASK), "")


def has_planes(header: fits.Header) -> bool:
    """Return whether an image has three planes that are surely its colours."""
    if header.get("NAXIS") != 3 or header.get("NAXIS3") != 3:
        return False
    text = " ".join(str(header.get(name, "")) for name in COLOURED_BY)
    return pattern_of(header) is not None or bool(COLOURED.search(text))


class NoMask(Exception):
    """The pixels of a frame show no mask of colours."""


def _scaled(path, header):
    first = fitsbytes.pixels(path)
    stored = hdus.pixels(path) if header["NAXIS"] == 2 and first.ndim != 2 else first
    return np.asarray(fitsbytes.scaled(stored, header), dtype=np.float32)


def _cells_of(pixels, header, path):
    """Return {colour: [(row, column), ...]} of the pixels in a cell of 2 x 2.  Raises NoMask where none is to be seen.

    The order of rows in files differs between programs, so the two greens, whose levels are alike, tell which diagonal
    is theirs; the keywords tell which of the others is red.
    """
    levels = {place: _level(pixels[place[0] :: 2, place[1] :: 2]) for place in ((0, 0), (0, 1), (1, 0), (1, 1))}
    apart = {name: _apart(levels, pair) for name, pair in DIAGONALS.items()}
    if max(*apart.values(), _apart(levels, ((0, 0), (0, 1)))) < ALIKE:
        raise NoMask
    claimed = _claimed(header)
    said = "falling" if claimed[0][0] == "G" else "rising"
    other = "rising" if said == "falling" else "falling"
    if pattern_of(header) is None:
        if max(apart.values()) < SURELY * max(ALIKE, min(apart.values())):
            raise NoMask
        log.warning("%s: the header does not tell the mask of colours of its camera; the pixels show it", path.name)
    if apart[said] > ALIKE and apart[said] > 3 * apart[other]:
        if pattern_of(header):
            log.warning("%s: the mask of colours begins a row lower than the header says; the pixels tell", path.name)
        claimed = claimed[::-1]
    cells = {"green": [], "red": [], "blue": []}
    for row in (0, 1):
        for column in (0, 1):
            cells[{"G": "green", "R": "red", "B": "blue"}[claimed[row][column]]].append((row, column))
    return cells


def _claimed(header):
    """Return the mask that the header describes, two texts of two letters, for the first two rows of the file."""
    pattern = pattern_of(header) or PATTERNS[0]
    rows = [pattern[:2], pattern[2:]]
    if _odd(header, *OFFSETS[:2]):
        rows = rows[::-1]
    if _odd(header, *OFFSETS[2:]):
        rows = [row[::-1] for row in rows]
    return rows


def _odd(header, *keywords):
    for keyword in keywords:
        try:
            return int(float(header[keyword])) % 2 == 1
        except (KeyError, TypeError, ValueError):
            continue
    return False


def _level(pixels):
    """Return (level of the sky, its standard error) of the pixels of one place in the cells."""
    sample = pixels[:: max(1, pixels.shape[0] // 400), :: max(1, pixels.shape[1] // 400)]
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return 0.0, np.inf
    low, middle, high = np.percentile(sample, [16, 50, 84])
    return float(middle), float(max(1.25 * (high - low) / 2, 0.5) / np.sqrt(sample.size))


def _apart(levels, pair):
    (a, e_a), (b, e_b) = (levels[place] for place in pair)
    return abs(a - b) / np.hypot(e_a, e_b) if np.isfinite(e_a + e_b) else 0.0


def _write(target, header, path, way):
    pixels, new = _scaled(path, header), header.copy()
    cells = _cells_of(pixels, header, path)
    if way == "interpolate":
        image = _interpolated(pixels, cells["green"])
    else:
        rows, columns = pixels.shape[0] // 2 * 2, pixels.shape[1] // 2 * 2
        image = np.mean([pixels[r:rows:2, c:columns:2] for r, c in cells[way]], axis=0, dtype=np.float32)
        _describe_cells(new, len(cells[way]))
    _describe(new, image, way)
    target.write_bytes(fitsbytes.header_bytes(new, b"", target) + fitsbytes.stored(image.astype(np.float32)))


def _write_plane(target, header, path, way):
    image, new = _scaled(path, header)[PLANES[way]], header.copy()
    log.info("%s: its three planes are taken for red, green and blue", path.name)
    for keyword in [each for each in new if each.endswith("3") and each.startswith(OF_AXES)]:
        new.remove(keyword)
    new["NAXIS"] = 2
    new.remove("WCSAXES", ignore_missing=True)
    _describe(new, image, way)
    target.write_bytes(fitsbytes.header_bytes(new, b"", target) + fitsbytes.stored(image.astype(np.float32)))


def _interpolated(pixels, greens):
    """Return green at every pixel: the mean of the four green neighbours where the mask has another colour."""
    from scipy.ndimage import convolve  # slow to load, and most frames are none of a colour camera

    mask = np.zeros(pixels.shape, dtype=np.float32)
    for row, column in greens:
        mask[row::2, column::2] = 1
    filled = np.where(mask > 0, np.nan_to_num(pixels), 0).astype(np.float32)
    weight = convolve(mask, GREEN_KERNEL, mode="mirror")
    return convolve(filled, GREEN_KERNEL, mode="mirror") / weight


def _describe_cells(header, number):
    """Change what a header says of its pixels to cells of 2 x 2, of which `number` pixels were averaged."""
    set_keyword(header, BINNED_LATER, 2, "pixels of the camera along each axis in one of these")
    bin_pixels(header, 2)
    for keyword, factor in (("EGAIN", number), ("RDNOISE", np.sqrt(number)), ("READNOIS", np.sqrt(number))):
        if isinstance(header.get(keyword), (int, float)) and not isinstance(header.get(keyword), bool):
            header[keyword] = float(header[keyword]) * factor  # of a mean, whose noise is smaller


def _describe(header, image, way):
    for keyword in (*MASK_KEYWORDS, *OFFSETS, *SCALING, "DATASUM"):
        header.remove(keyword, ignore_missing=True)
    header["BITPIX"], header["NAXIS1"], header["NAXIS2"] = -32, image.shape[1], image.shape[0]
    set_keyword(header, COLOUR, FILTERS[way], f"{way} of a colour camera")
