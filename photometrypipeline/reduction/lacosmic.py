"""Pixels that are sharper than any star: L.A.Cosmic (van Dokkum 2001, PASP 113, 1420), by astroscrappy."""

import importlib.util
from dataclasses import dataclass

import numpy as np

from photometrypipeline.base.errors import UsageError

SIGMA = 5.0  # of a pixel above its surroundings
CONTRAST = 5.0  # over the fine structure that a star would have
READ_NOISE_E, SATURATION_ADU = 6.5, 65535.0  # where none is known


@dataclass(frozen=True)
class Detector:
    """What noise is reckoned from: gain (e-/ADU), read noise (e-), saturation (ADU), each None where unknown."""

    gain: float | None = None
    read_noise_e: float | None = None
    saturation_adu: float | None = None


def check_installed() -> None:
    """Raise UsageError where the library that finds cosmic rays is missing."""
    if importlib.util.find_spec("astroscrappy") is None:
        raise UsageError("-cosmics needs the package astroscrappy; pip install 'photometrypipeline[reduce]' brings it")


def find(image: np.ndarray, detector: Detector) -> tuple[np.ndarray, np.ndarray]:
    """Return (hit, repaired): which pixels of an image were hit, bool, and the image without the hits.

    image : ADU, NaN where it has no value, which stays so;  where the gain is unknown, 1 e-/ADU is taken
    """
    from astroscrappy import detect_cosmics

    image, gain = np.asarray(image, dtype=np.float32), float(detector.gain or 1.0)
    unusable = ~np.isfinite(image)
    # in electrons, so that releases that return the image in ADU and those that do not agree
    hit, clean_e = detect_cosmics(
        np.where(unusable, np.nanmedian(image), image) * np.float32(gain), inmask=unusable, gain=1.0,
        readnoise=float(detector.read_noise_e or READ_NOISE_E),
        satlevel=gain * (detector.saturation_adu or SATURATION_ADU),
        sigclip=SIGMA, objlim=CONTRAST, fsmode="median",
    )  # fmt: skip
    return hit, np.where(hit & ~unusable, clean_e / np.float32(gain), image)
