"""Master frames applied to exposures of the sky."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.stats import sigma_clipped_stats

from photometrypipeline.base.errors import FrameError
from photometrypipeline.base.files import replacing
from photometrypipeline.frames import fitsbytes
from photometrypipeline.frames.frame import Frame, set_keyword
from photometrypipeline.frames.hdus import SCALING
from photometrypipeline.reduction.masters import Master, combine, level_of, rows_of

log = logging.getLogger("pp.reduce")

LEAST_FLAT = 0.1  # of its median: pixels that see less light are bad
HOT_SIGMA = 8.0  # a dark pixel further from the others is bad


@dataclass
class Calibration:
    """The Masters for one group of frames, None where there is none; `flat` has a median of 1."""

    bias: Master | None = None
    dark: Master | None = None
    flat: Master | None = None

    def subtracted(self, exptime_s: float | None) -> Callable:
        """Return the function of (rows, slice) that takes bias and dark of an exposure off rows of an image."""
        level = 0.0 if self.bias is None else self.bias.image
        factor = self.dark_factor(exptime_s)

        def correct(rows, part):
            if self.dark is not None and factor is None:  # a dark of the same exposure has the bias in it
                return rows - self.dark.image[part]
            rows = rows - (level[part] if self.bias is not None else np.float32(0))
            return rows - np.float32(factor) * (self.dark.image - level)[part] if self.dark is not None else rows

        return correct

    def dark_factor(self, exptime_s: float | None) -> float | None:
        """Return by what the dark current is multiplied, None where the dark is taken as it is."""
        if self.dark is None or self.bias is None or not (exptime_s and self.dark.exptime_s):
            return None
        return exptime_s / self.dark.exptime_s


def master_flat(frames: list[Frame], calibration: Calibration, exptime_s: float | None) -> Master:
    """Return the Master of flats with a median of 1: each is scaled to its own level.  Raises FrameError."""
    correct = calibration.subtracted(exptime_s)
    levels = [level_of(frame, correct) for frame in frames]
    bad = [frame for frame, level in zip(frames, levels, strict=True) if not level > 0]
    if bad:
        raise FrameError(bad[0].path, "is a flat without light", "remove it from the folder")
    made = combine(frames, correct, [1 / level for level in levels])
    made.image /= np.float32(np.nanmedian(made.image))
    return made


def reduced(frame: Frame, calibration: Calibration) -> np.ndarray:
    """Return the image of `frame` with bias and dark taken off and the flat divided out; NaN where that is hopeless."""
    exptime_s = float(frame.header.get("EXPTIME") or frame.header.get("EXPOSURE") or 0.0)
    whole = slice(0, frame.size_px[1])
    image = calibration.subtracted(exptime_s)(rows_of(frame, whole), whole)
    if calibration.flat is not None:
        flat = np.where(calibration.flat.image > LEAST_FLAT, calibration.flat.image, np.nan)
        image = image / flat
    return image.astype(np.float32, copy=False)


def bad_pixels(calibration: Calibration) -> np.ndarray | None:
    """Return the bad pixels that darks and flats show, bool of shape (rows, columns), None without either."""
    from ccdproc import ccdmask  # takes a second to load

    found = None
    if calibration.flat is not None:
        image = np.nan_to_num(calibration.flat.image, nan=0.0)
        found = ccdmask(image / _smooth(image), ncsig=9, nlsig=9) | (image < LEAST_FLAT)
    if calibration.dark is not None:
        dark = calibration.dark.image
        _, middle, sigma = sigma_clipped_stats(dark[::3, ::3])
        hot = dark > middle + HOT_SIGMA * max(float(sigma), 1e-6)
        found = hot if found is None else found | hot
    return found


def _smooth(image):
    """Return the large-scale shape of a flat, which is not the fault of any pixel."""
    from photutils.background import Background2D

    return Background2D(image, max(16, min(image.shape) // 16), exclude_percentile=50).background


def write(path: Path, frame: Frame, image: np.ndarray, calibration: Calibration, names: dict, cosmics: int | None):
    """Write a reduced image to `path`; its header says with what (`names`, {part: file name}) it was made."""
    header = frame.header.copy()
    for keyword in (*SCALING, "CHECKSUM", "DATASUM"):
        header.remove(keyword, ignore_missing=True)
    header["BITPIX"] = -32
    for part, keyword in (("bias", "PPBIAS"), ("dark", "PPDARK"), ("flat", "PPFLAT")):
        master = getattr(calibration, part)
        if master is not None:
            set_keyword(header, keyword, names[part], f"master {part} of {len(master.names)} frames")
            if np.isfinite(master.error_adu):
                unit = "relative" if part == "flat" else "ADU"
                set_keyword(header, f"{keyword}ER", master.error_adu, f"[{unit}] error of one of its pixels")
    if calibration.dark_factor(_exposure(frame)) is not None:
        set_keyword(
            header, "PPDARKFA", calibration.dark_factor(_exposure(frame)), "dark current was multiplied by this"
        )
    if cosmics is not None:
        set_keyword(header, "PPCOSMIC", cosmics, "pixels hit by cosmic rays, repaired")
    set_keyword(header, "PPRAW", frame.name, "the raw frame")
    with replacing(path) as temporary:
        temporary.write_bytes(fitsbytes.header_bytes(header, b"", path) + fitsbytes.stored(image))


def _exposure(frame):
    return float(frame.header.get("EXPTIME") or frame.header.get("EXPOSURE") or 0.0)
