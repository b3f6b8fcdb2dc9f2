"""Files with several images: the one that is meant, the amplifiers of a chip put together, chips apart.

Which pixels of an amplifier hold the sky, and where they belong on the chip, is told by the keywords that observatories
share: DATASEC or TRIMSEC, BIASSEC, DETSEC or CCDSEC, CCDSUM (NOAO's image data structure).
"""

import logging
import re
from pathlib import Path

import numpy as np
from astropy.io import fits

from photometrypipeline.base.errors import FrameError, in_words
from photometrypipeline.base.files import safe_name
from photometrypipeline.frames import fitsbytes, hdus
from photometrypipeline.frames.frame import set_keyword
from photometrypipeline.frames.hdus import QUALITY_PLANES, STRUCTURE, UNREADABLE, image_header
from photometrypipeline.frames.intake import products

log = logging.getLogger("pp.intake")

SECTION = re.compile(r"\[\s*(\d+)\s*:\s*(\d+)\s*,\s*(\d+)\s*:\s*(\d+)\s*\]")
CHIP_NAMES = ("CCDNAME", "CCDNUM", "CCDID", "CHIPID", "CHIP", "CCD_ID", "DETID", "ESO DET CHIP1 ID")
SMOOTH_ROWS = 51  # over which the level of an overscan is taken: its own noise must not stripe the image
OF_AMPLIFIERS = ("DATASEC", "TRIMSEC", "BIASSEC", "DETSEC", "CCDSEC", "AMPSEC", "DATASUM", "BSCALE", "BZERO", "BLANK")
LINEAR_WCS = re.compile(
    r"(CTYPE|CRVAL|CRPIX|CDELT|CUNIT|CROTA)[12]|(CD|PC)[12]_[12]|PV\d+_\d+|WCSAXES|WCSNAME|RADESYS|EQUINOX"
)


def take_apart(path: Path, extension: str | None = None, split: bool = False) -> list[Path]:
    """Return the paths of the images that are meant in the file `path`: its own, where it holds one.

    extension : number or name of the HDU to take;  split : each chip becomes a file
    Several amplifiers of one chip are put together.  Raises FrameError where there is no telling which image is meant.
    """
    try:
        found = hdus.read(path)
        images = _images(found)
        if extension is not None:
            return [_taken(path, found, _wanted(path, found, extension), extension)]
        if len(images) < 2 and not _quality_planes(found):
            return [path]
        if len(images) == 1:  # Source Extractor would measure the planes of quality as well
            name = images[0][1].name or str(images[0][0])
            return [_taken(path, found, images[0][1], name)]
        chips = _chips(images)
        if len(chips) > 1 and not split:
            raise FrameError(path, f"holds {len(images)} images ({_named(images)})", REMEDY)
        return [_of_chip(path, found, name, members, len(chips)) for name, members in chips.items()]
    except UNREADABLE as error:
        log.info("%s: %s", path, in_words(error))
        return [path]  # whoever opens it says what is wrong


REMEDY = "take one with -ext NAME, or all of them apart with -split"


def _images(found):
    """Return [(number, Hdu), ...] of the 2-D images of the sky, those of its quality left out."""
    images = [(n, hdu) for n, hdu in enumerate(found) if hdu.is_image and len(hdu.shape) == 2 and min(hdu.shape) > 1]
    return [(n, hdu) for n, hdu in images if hdu.name.upper() not in QUALITY_PLANES] or images


def _quality_planes(found):
    return [hdu for hdu in found[1:] if hdu.is_image and len(hdu.shape) == 2 and hdu.name.upper() in QUALITY_PLANES]


def _named(images):
    names = [hdu.name or str(number) for number, hdu in images]
    return ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")


def _wanted(path, found, extension):
    """Return the Hdu that -ext names: a number, EXTNAME, or `EXTNAME,EXTVER`.  Raises FrameError."""
    name, _, version = (part.strip() for part in str(extension).partition(","))
    numbered = name.isdigit() and not version
    chosen = [
        hdu
        for number, hdu in enumerate(found)
        if (number == int(name) if numbered else hdu.name.upper() == name.upper())
        and (not version or str(hdu.header.get("EXTVER", 1)) == version)
    ]
    there = _named(_images(found))
    if not chosen:
        raise FrameError(path, f"has no extension {extension} (it has {there})", "name another one")
    if not chosen[0].is_image or len(chosen[0].shape) != 2:
        raise FrameError(path, f"extension {extension} is not an image", f"take one of {there}")
    return chosen[0]


def _taken(path, found, hdu, extension):
    target = products.product_path(path, f"ext{safe_name(str(extension).replace(',', '_'))}")
    return products.make(path, target, f"ext {extension}", lambda temporary: _write(temporary, path, found, [hdu]))


def _of_chip(path, found, name, members, number_of_chips):
    target = products.product_path(path, f"chip{safe_name(name)}" if number_of_chips > 1 else "chip")
    if len(members) > 1 and not target.exists():
        log.info("%s: %d amplifiers put together in %s", path.name, len(members), target.name)
    return products.make(path, target, "chip", lambda temporary: _write(temporary, path, found, members))


def _chips(images):
    """Return {name of a chip: [HDU, ...]}: amplifiers of one chip belong together.

    The chip's own name tells; without any, images whose sections of the detector fill one rectangle are amplifiers.
    """
    names = [_chip_name(hdu.header) for _, hdu in images]
    if all(names) and len(set(names)) < len(names):
        chips = {}
        for name, (_, hdu) in zip(names, images, strict=True):
            chips.setdefault(name, []).append(hdu)
        return chips
    if len(images) > 1 and _fill_a_rectangle([hdu.header for _, hdu in images]):
        return {"": [hdu for _, hdu in images]}
    return {hdu.name or str(number): [hdu] for number, hdu in images}


def _chip_name(header):
    for keyword in CHIP_NAMES:
        if str(header.get(keyword, "")).strip():
            return str(header[keyword]).strip()
    return ""


def section(header: fits.Header, *keywords: str) -> tuple[int, int, int, int] | None:
    """Return (x1, x2, y1, y2) of the first of `keywords` that holds `[x1:x2,y1:y2]`, None without any."""
    for keyword in keywords:
        found = SECTION.fullmatch(str(header.get(keyword, "")).strip())
        if found:
            x1, x2, y1, y2 = map(int, found.groups())
            return x1, x2, y1, y2
    return None


def _place(header):
    """Return (x1, x2, y1, y2) of an amplifier on its detector in binned pixels, None where the header tells none."""
    found = section(header, "DETSEC", "CCDSEC")
    if not found:
        return None
    try:
        bins = [int(float(word)) for word in re.split(r"[\s,x]+", str(header.get("CCDSUM", "1 1")).strip())]
    except ValueError:
        bins = [1, 1]
    bins = bins if len(bins) == 2 and min(bins) > 0 else [1, 1]
    return tuple((value - 1) // bins[axis // 2] + 1 for axis, value in enumerate(found))


def _fill_a_rectangle(headers):
    places = [_place(header) for header in headers]
    if None in places:
        return False
    boxes = np.array([(*sorted(place[:2]), *sorted(place[2:])) for place in places])
    area = ((boxes[:, 1] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 2] + 1)).sum()
    around = (boxes[:, 1].max() - boxes[:, 0].min() + 1) * (boxes[:, 3].max() - boxes[:, 2].min() + 1)
    return len({tuple(box) for box in boxes}) == len(boxes) and area == around


def _write(target, path, found, members):
    """Write one plain image made of the HDUs `members`; what of the detector no amplifier has read is NaN."""
    content = path.read_bytes()
    parts = [_sky_of(hdu, content, to_electrons=len(members) > 1) for hdu in members]
    if len(members) == 1:
        image, (left, below) = parts[0][0], parts[0][1]
        header = _header(found, members[0], image, (-left, -below))
    else:
        image, origin = _mosaic([part[0] for part in parts], [_place(hdu.header) for hdu in members])
        place = _place(members[0].header)
        first = min(place[:2]) - origin[0] - parts[0][1][0], min(place[2:]) - origin[1] - parts[0][1][1]
        flipped = place[0] > place[1] or place[2] > place[3]
        header = _header(found, members[0], image, None if flipped else first)
    if any(part[2] for part in parts):
        for keyword in ("GAIN", "EGAIN"):
            if keyword in header or keyword == "GAIN":
                set_keyword(header, keyword, 1.0, "[e-/ADU] each amplifier was multiplied by its own")
    target.write_bytes(fitsbytes.header_bytes(header, b"", target) + fitsbytes.stored(image))


def _sky_of(hdu, content, to_electrons):
    """Return (pixels that see the sky, as float32; (columns, rows) cut off before them; whether they are electrons).

    Where there is an overscan its level is subtracted, and a gain per amplifier brings all of them to one scale.
    """
    header, data = hdu.header, _pixels(hdu, content)
    inside, raw = section(header, "DATASEC", "TRIMSEC"), has_overscan(header)
    if raw:
        data = data - _overscan_level(data, section(header, "BIASSEC"))
    cut = inside or (1, data.shape[1], 1, data.shape[0])
    data = data[min(cut[2:]) - 1 : max(cut[2:]), min(cut[:2]) - 1 : max(cut[:2])]
    gain = header.get("GAIN")
    electrons = raw and to_electrons and type(gain) in (int, float) and 0 < gain < 100
    return data * np.float32(gain) if electrons else data, (min(cut[:2]) - 1, min(cut[2:]) - 1), electrons


def _pixels(hdu, content):
    header = image_header(hdu)
    kind = np.dtype(fitsbytes.PIXELS[header["BITPIX"]])
    size = int(np.prod(hdu.shape)) * kind.itemsize
    stored = np.frombuffer(hdus.stored_pixels(hdu, content)[:size], kind).reshape(hdu.shape)
    return np.asarray(fitsbytes.scaled(stored, header), dtype=np.float32)


def has_overscan(header: fits.Header) -> bool:
    """Return whether an image has an overscan that its header tells, and that has not been subtracted."""
    told = section(header, "BIASSEC") is not None and section(header, "DATASEC", "TRIMSEC") is not None
    return told and not _subtracted(header)


def write_without_overscan(source: Path, target: Path) -> None:
    """Write the one image of `source` with the level of its overscan subtracted, and cut off.  Raises FrameError."""
    found = hdus.read(source)
    _write(target, source, found, [hdus.only_image(source, found)])


def _subtracted(header):
    return any(
        str(header.get(keyword, "")).strip() not in ("", "0", "F", "False") for keyword in ("OVERSCAN", "BIASCOR")
    )


def _overscan_level(data, overscan):
    """Return the level of the overscan for each row or column that it accompanies, shape (rows, 1) or (1, columns)."""
    from astropy.stats import sigma_clipped_stats  # slow to load, and most frames are one image
    from scipy.ndimage import median_filter

    strip = data[min(overscan[2:]) - 1 : max(overscan[2:]), min(overscan[:2]) - 1 : max(overscan[:2])]
    if strip.size == 0:
        return np.float32(0)
    if strip.shape[0] == data.shape[0]:
        return median_filter(np.median(strip, axis=1), SMOOTH_ROWS, mode="nearest")[:, None].astype(np.float32)
    if strip.shape[1] == data.shape[1]:
        return median_filter(np.median(strip, axis=0), SMOOTH_ROWS, mode="nearest")[None, :].astype(np.float32)
    return np.float32(sigma_clipped_stats(strip)[1])


def _mosaic(images, places):
    """Return (image, (x, y) on the detector of its first pixel) of amplifiers put where they belong."""
    boxes = np.array([(*sorted(place[:2]), *sorted(place[2:])) for place in places])
    x0, y0 = boxes[:, 0].min(), boxes[:, 2].min()
    whole = np.full((boxes[:, 3].max() - y0 + 1, boxes[:, 1].max() - x0 + 1), np.nan, dtype=np.float32)
    for image, place, box in zip(images, places, boxes, strict=True):
        part = image[:: -1 if place[2] > place[3] else 1, :: -1 if place[0] > place[1] else 1]
        into = whole[box[2] - y0 : box[3] - y0 + 1, box[0] - x0 : box[1] - x0 + 1]
        rows, columns = min(into.shape[0], part.shape[0]), min(into.shape[1], part.shape[1])
        into[:rows, :columns] = part[:rows, :columns]
    return whole, (int(x0), int(y0))


def _header(found, hdu, image, shift_px):
    """Return the header of a plain image: of the first HDU and of `hdu`, whose WCS moves by `shift_px`, None: goes."""
    header = found[0].header.copy(strip=True)
    for card in image_header(hdu).copy(strip=True).cards:
        own = LINEAR_WCS.fullmatch(card.keyword)
        if card.keyword and card.keyword not in STRUCTURE and (own or card.keyword not in header):
            if not own:
                header.append(card)
            elif shift_px is not None:
                header[card.keyword] = (card.value, card.comment)
    for keyword in OF_AMPLIFIERS:
        header.remove(keyword, ignore_missing=True)
    for axis, moved in enumerate(shift_px or ()):
        if f"CRPIX{axis + 1}" in hdu.header:
            header[f"CRPIX{axis + 1}"] = float(hdu.header[f"CRPIX{axis + 1}"]) + moved
    layout = {"SIMPLE": True, "BITPIX": -32, "NAXIS": 2, "NAXIS1": image.shape[1], "NAXIS2": image.shape[0]}
    for keyword in layout:
        header.remove(keyword, ignore_missing=True)
    for number, (keyword, value) in enumerate(layout.items()):
        header.insert(number, (keyword, value))
    header.remove("EXTEND", ignore_missing=True)
    return header
