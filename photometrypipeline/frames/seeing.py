"""How wide stars are, from the source list of a frame."""

import numpy as np

from photometrypipeline.frames.columns import Columns

LEAST_PX = 0.7  # sharper things are no stars


def widths_px(table: Columns) -> np.ndarray:
    """Return the FWHM (px) of the unflagged sources that may be stars, shape (n,), maybe none."""
    widths = np.asarray(table["FWHM_IMAGE"], dtype=float)
    return widths[(np.asarray(table["FLAGS"]) == 0) & (widths > LEAST_PX)]


def fwhm_px(table: Columns, unknown: float = np.nan) -> float:
    """Return the median of `widths_px`, `unknown` without any."""
    widths = widths_px(table)
    return float(np.median(widths)) if widths.size else unknown
