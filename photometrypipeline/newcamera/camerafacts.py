"""What all frames of an unknown camera tell together: its gain, and the level from which its stars are cut off."""

import logging
from dataclasses import dataclass

import numpy as np

from photometrypipeline.base.errors import PipelineError
from photometrypipeline.frames import hdus
from photometrypipeline.instruments import exposurelength, values
from photometrypipeline.newcamera import pixelfacts, pixelunits, recognise

log = logging.getLogger("pp.generic")

STORED_AS = ("BITPIX", "BSCALE", "BZERO", "BUNIT")  # 8 and 16 bits do not end at the same level
LARGEST_OF_CAMERAS = 65535.0  # that pixels of 16 bits are divided by
EVERY_ROW = 16  # that is looked at
MOST_FRAMES = 12  # that are looked at, spread over the sequence
MOST_FOR_GAIN = 5
GAIN_FACTOR = 2.0  # by which a gain in a header may differ from what the noise tells
CONVERTERS = (8, 10, 12, 14, 16)  # bits of cameras
HARDLY_LESS = 1e-3
BELOW_CARD = 0.8  # of the level that a header names: stars cut off below show that it is wrong


@dataclass(frozen=True)
class CameraFacts:
    """`gain` in e-/ADU, `saturation` in ADU, None if unknown; and how they were found."""

    gain: float | None = None
    gain_how: str = ""
    saturation: float | None = None
    saturation_how: str = ""


def of_frames(frames, answers):
    """Return {frame name: CameraFacts} of Frames (list) of one camera: those whose pixels are stored alike share them.

    answers : of the user (dict of text), go before all
    """
    alike = {}
    for frame in frames:
        stored = (*(str(frame.header.get(name)) for name in STORED_AS), _is_of_unit_range(frame), _rate_of(frame))
        alike.setdefault(stored, []).append(frame)
    return {frame.name: facts for group in alike.values() for facts in [measure(group, answers)] for frame in group}


def measure(frames, answers):
    """Return the CameraFacts of Frames (list) of one camera; `answers` of the user (dict of text) go before all."""
    if not frames:
        return CameraFacts()
    chosen = [frames[k] for k in np.unique(np.linspace(0, len(frames) - 1, MOST_FRAMES).astype(int))]
    images = {frame.name: pixels for frame in chosen if (pixels := _pixels(frame)) is not None}
    header = frames[0].header
    reading = recognise.read(header)
    unit = LARGEST_OF_CAMERAS if _is_of_unit_range(frames[0]) else 1.0
    told = _told(reading, header, unit)
    gain = _gain(answers, told, list(images.values())[:MOST_FOR_GAIN], _bayer(header))
    return CameraFacts(*gain, *_saturation(answers, reading, images.values(), header))


def _rate_of(frame):
    """Return the exposure time (s) of a frame whose pixels are per second, None for others."""
    exptime = recognise.read(frame.header).get("exptime") if pixelunits.is_rate(frame.header.get("BUNIT")) else None
    return exptime and exptime.value


def _is_of_unit_range(frame):
    """Return whether the pixels are fractions of 1, as processing programs leave them (PixInsight, Siril)."""
    if frame.header.get("BITPIX") not in (-32, -64):
        return False
    try:
        rows = np.asarray(frame.stored_pixels()[::EVERY_ROW])
    except (PipelineError, *hdus.UNREADABLE):
        return False  # what is wrong with it is said when it is prepared
    rows = rows[np.isfinite(rows)]
    return bool(rows.size and 0 < rows.max() <= 1.0 and rows.min() > -1.0)


def _bayer(header):
    return any(name in header for name in ("BAYERPAT", "COLORTYP"))


def _pixels(frame):
    try:
        pixels = frame.read_pixels()
        return pixels if pixels.ndim == 2 and min(pixels.shape) > 1 else None
    except (PipelineError, MemoryError, *hdus.UNREADABLE):
        return None  # what is wrong with it is said when it is prepared


def _told(reading, header, unit):
    """Return (gain that a header tells, its keyword), (None, '') without one; unit : ADU in a pixel's 1."""
    found = reading.get("gain")
    if not found:
        return None, ""
    exptime = reading.get("exptime")
    number = _averaged(header, exptime, unit)
    value = pixelunits.gain_of_image(header.get("BUNIT"), found.value * unit * number, exptime and exptime.value)
    if number > 1 and value:
        log.warning(
            "unknown camera: its pixels are means of %d exposures%s: %s = %g e-/ADU counts as %.4g",
            *(number, f", fractions of {unit:g} ADU" if unit != 1 else "", found.coded, found.value, value),
        )
    elif unit != 1 and value:
        log.warning(
            "unknown camera: its pixels are fractions of 1, as of %g ADU: %s = %g e-/ADU counts as %.4g",
            *(unit, found.coded, found.value, value),
        )
    elif value != found.value:
        log.warning(
            "unknown camera: its pixels are in %s: %s = %g e-/ADU %s",
            *(
                header["BUNIT"],
                found.coded,
                found.value,
                f"counts as {value:.4g}" if value else "tells nothing of them",
            ),
        )
    return value, f"{found.coded}"


def _averaged(header, exptime, unit):
    """Return of how many exposures an image is surely the mean: fractions of 1 are no sum, nor are integrations."""
    if not exptime or (unit == 1 and not any(name in header for name, _ in exposurelength.INTEGRATIONS)):
        return 1
    first_s = values.number(exposurelength.first_value(header, exptime.coded))  # that of all in a prepared frame
    return exposurelength.read(header, first_s if first_s > 0 else exptime.value, exptime.coded).n_frames


def _gain(answers, told, images, bayer):
    """Return (gain or None, how it was found); told : (that of the header, its keyword)."""
    given = values.number(answers.get("gain"))
    if given > 0:
        return given, "given by the user"
    measured, error = pixelfacts.gain_of_sequence(images, bayer)
    value, keyword = told
    if value:
        if measured and not 1 / GAIN_FACTOR < measured / value < GAIN_FACTOR:
            log.warning(
                "unknown camera: %s says %g e-/ADU, but the noise of the sky %.3g; the header is believed; if it is "
                "wrong, use -set gain=%.3g",
                keyword,
                value,
                measured,
                measured,
            )
        return value, f"from {keyword}"
    if measured:
        log.warning(
            "unknown camera: no keyword gives the gain; %.3g e-/ADU (to %.0f %%) from noise and level of the sky over "
            "the frames; give yours with -set gain=...",
            measured,
            100 * error,
        )
        return measured, "noise against level of the sky"
    return None, ""


def _saturation(answers, reading, images, header):
    """Return (level in ADU or None, how it was found)."""
    given = values.number(answers.get("saturation"))
    if given > 0:
        return given, "given by the user"
    levels = [level for pixels in images if (level := pixelfacts.cut_off_level(pixels))]
    measured = _trusted(max(levels)) if levels else None
    found = reading.get("saturation")
    if found and not (measured and measured < BELOW_CARD * found.value):
        return found.value, f"from {found.coded}"
    if measured:
        log.log(
            logging.WARNING if found else logging.INFO,
            "unknown camera: stars are cut off near %.4g ADU%s",
            max(levels),
            f", although {found.coded} says {found.value:g}" if found else "",
        )
        return measured, "below the level where stars are cut off"
    highest = _highest(header)
    return (pixelfacts.BELOW_SATURATION * highest, "95 % of the largest number") if highest else (None, "")


def _trusted(level):
    """Return the level up to which pixels can be trusted, of that at which stars are cut off.

    Below the end of its numbers a converter is linear; the well of a pixel is not when it is nearly full.
    """
    by_converter = any(level == (2**bits - 1) * step for bits in CONVERTERS for step in (1, 2 ** (16 - bits)))
    return (1 - HARDLY_LESS if by_converter else pixelfacts.BELOW_SATURATION) * level


def _highest(header):
    """Return the largest value that the pixels of an image of integers of up to 16 bits can have, None for others."""
    bits = header.get("BITPIX")
    zero, scale = (values.number(header.get(name, default)) for name, default in (("BZERO", 0), ("BSCALE", 1)))
    if bits not in (8, 16) or scale != 1 or not np.isfinite(zero):
        return None
    return float(255 if bits == 8 else 32767) + zero
