"""What one unit of the pixels of a processed image is worth in electrons, by its BUNIT.

The gain in a header is that of the camera.  An image in electrons has none left, one per second has gathered that many
times more, and one in units of flux density does not tell.
"""

import re
from collections.abc import Mapping

import numpy as np

ASINH = ("BSOFTEN", "BOFFSET")  # of stacks of Pan-STARRS
LARGEST_ASINH = 60.0  # no light is as large in such pixels
ELECTRONS = re.compile(r"(photo-?)?e(lectrons?|lec|l)?[-_]?\b", re.IGNORECASE)
RATE = re.compile(r"/ ?s(ec(onds?)?)?\b|\bper s(ec(ond)?)?\b|\bs\^?(\*\*)?\(?-1\)?|\bcps\b", re.IGNORECASE)
FLUX = re.compile(r"jy\b|magg(y|ies)|erg|w ?/ ?m|ab ?mag", re.IGNORECASE)


def gain_of_image(bunit: object, gain_e_adu: float, exptime_s: float | None) -> float | None:
    """Return the electrons in one unit of the pixels of an image, None where it is in units of flux.

    gain_e_adu : that of the camera;  exptime_s : of the image, None if it is not known
    """
    unit = str(bunit or "").strip()
    if FLUX.search(unit):
        return None
    seconds = exptime_s if RATE.search(unit) and exptime_s else 1.0
    return (1.0 if ELECTRONS.match(unit) else gain_e_adu) * seconds


def is_rate(bunit: object) -> bool:
    """Return whether the pixels of an image are counts or electrons per second."""
    return bool(RATE.search(str(bunit or "")))


def is_asinh(header: Mapping[str, object], pixels: np.ndarray) -> bool:
    """Return whether the pixels of an image are asinh magnitudes of its light, which cannot be added up.

    Of an image that was made linear again the cards may have stayed.
    """
    return all(name in header for name in ASINH) and bool(np.nanmax(pixels) < LARGEST_ASINH)
