"""How wide stars are, from the source list of a frame."""

import numpy as np

from photometrypipeline.frames.columns import Columns

LEAST_PX = 0.7  # sharper things are no stars
BRIGHT_SNR, ENOUGH_BRIGHT = 50.0, 5  # such sources tell the width of stars; among faint ones are more blends


def widths_px(table: Columns) -> np.ndarray:
    """Return the FWHM (px) of the unflagged sources that may be stars, shape (n,), maybe none."""
    widths = np.asarray(table["FWHM_IMAGE"], dtype=float)
    return widths[(np.asarray(table["FLAGS"]) == 0) & (widths > LEAST_PX)]


def fwhm_px(table: Columns, unknown: float = np.nan) -> float:
    """Return the median of `widths_px`, `unknown` without any."""
    widths = widths_px(table)
    return float(np.median(widths)) if widths.size else unknown


def bright_fwhm_px(table: Columns) -> float:
    """Return the median width (px) of bright sources where there are enough, of all of them otherwise.

    NaN where no source tells it, or the list lacks the columns.
    """
    if not {"FWHM_IMAGE", "FLUX_ISOCOR", "FLUXERR_ISOCOR", "FLAGS"} <= set(table.colnames):
        return float("nan")
    flux, err = (np.asarray(table[name], dtype=float) for name in ("FLUX_ISOCOR", "FLUXERR_ISOCOR"))
    bright = table[flux > BRIGHT_SNR * err]
    return fwhm_px(bright if widths_px(bright).size >= ENOUGH_BRIGHT else table)
