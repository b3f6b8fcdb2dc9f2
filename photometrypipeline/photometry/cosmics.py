"""Pixels of single frames that cosmic rays hit, found by L.A.Cosmic, and kept.

The list of a frame is `<stem>.cosmics` next to it, a FITS table of pixels.  The pixels of the frame stay as they are:
hits are filled for Source Extractor, and left out where targets are measured, like bad pixels of the detector.
"""

import logging
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table

from photometrypipeline.base.errors import FrameError, in_words
from photometrypipeline.base.files import replacing
from photometrypipeline.frames.frame import Frame
from photometrypipeline.instruments import headers
from photometrypipeline.instruments.instrument import Telescope
from photometrypipeline.reduction import lacosmic

log = logging.getLogger("pp.cosmics")

SUFFIX = ".cosmics"
NARROWEST_PX = 2.0  # FWHM of stars below which their own cores pass for hits
MOST_HIT = 0.01  # of all pixels: more is no rain of cosmic rays but a frame that the method does not suit


def path_of(frame: Frame) -> Path:
    """Return where the list of a frame lies."""
    return frame.path.with_name(frame.stem + SUFFIX)


def find(frame: Frame, telescope: Telescope, fwhm_px: float | None) -> int:
    """Search a frame for cosmic rays and write its list; return the number of pixels, 0 where it does not suit."""
    if fwhm_px is None or fwhm_px < NARROWEST_PX:
        width = "of unknown width" if fwhm_px is None else f"{fwhm_px:.1f} px wide"
        log.warning("%s: stars are %s, they would pass for cosmic rays: not searched", frame.name, width)
        return _write(frame, np.empty(0, int), np.empty(0, int))
    of_frame = headers.gain_e_adu, headers.read_noise_e, headers.saturation_adu
    hit, _ = lacosmic.find(frame.read_pixels(), lacosmic.Detector(*(of(frame, telescope) for of in of_frame)))
    if hit.mean() > MOST_HIT:
        log.warning("%s: %.1f %% of the pixels look like cosmic rays: not believed", frame.name, 100 * hit.mean())
        hit[:] = False
    return _write(frame, *np.nonzero(hit))


def _write(frame, rows, columns):
    """Write the list of a frame; columns and rows count from 1."""
    table = Table({"x_px": columns.astype(np.int32) + 1, "y_px": rows.astype(np.int32) + 1})
    with replacing(path_of(frame)) as temporary:
        table.write(temporary, format="fits", overwrite=True)
    log.info("%s: %d pixels hit by cosmic rays", frame.name, rows.size)
    return int(rows.size)


def joined(frame: Frame, bad: np.ndarray | None) -> np.ndarray | None:
    """Return `bad` (bool, or None) together with the hits of a frame; None where no pixel is bad.

    Raises FrameError for a list that cannot be read.
    """
    path = path_of(frame)
    try:
        table = fits.getdata(path, 1)
        rows, columns = np.asarray(table["y_px"], int) - 1, np.asarray(table["x_px"], int) - 1
    except FileNotFoundError:
        return bad
    except (OSError, KeyError, IndexError, TypeError, ValueError) as error:
        remedy = "remove it, or run pp_photometry -cosmics again"
        raise FrameError(path, f"is not a list of cosmic rays ({in_words(error)})", remedy) from None
    shape = frame.size_px[::-1]
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    if not inside.any():
        return bad
    mask = np.zeros(shape, bool) if bad is None or bad.shape != shape else bad.copy()
    mask[rows[inside], columns[inside]] = True
    return mask
