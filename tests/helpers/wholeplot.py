"""The plot of a frame's calibration as matplotlib draws all of it: what the fast way has to look like."""

import numpy as np

from photometrypipeline.frames.records import known
from photometrypipeline.website import calibrationplot
from photometrypipeline.website.figures import errorbar, numbers, short


def calibration_analysis(frame, band, catalog, color=None, limits=None):
    """Return the Figure of a frame of the calibrate record.

    color : name of the colour of the stars, such as "g-r"; with it residuals are drawn against colour as well
    limits : Limits of the run; default: those of the frame
    """
    axes = calibrationplot._empty(short(color) if color else None, limits or calibrationplot.limits_of([frame]))
    _fill(axes, frame, band, catalog)
    return axes.figure


def _fill(axes, frame, band, catalog):
    """Draw what is the frame's own."""
    axes.steps.set_title(calibrationplot._title(frame, band, catalog), parse_math=False)
    n_stars, zeropoint, sigma, chi2 = calibrationplot._numbers_of(frame)
    calibrationplot._set_ordinates(axes, zeropoint, sigma, chi2)
    errorbar(axes.steps, n_stars, zeropoint, sigma, color="red", fmt="-", linewidth=1, elinewidth=0.6)
    if known(frame["n_used"]):
        axes.steps.axvline(frame["n_used"], color="black")
    shown = np.isfinite(chi2) & (chi2 > 0)
    axes.chi2.plot(n_stars[shown], chi2[shown], color="blue")
    axes.chi2.axhline(1, color="blue", linestyle="dotted")
    used, values, error = calibrationplot.residuals(frame)
    style = {"color": "black", "fmt": "o", "markersize": 3, "elinewidth": 0.8}
    for part, name in ((axes.mag, "mag"), (axes.color, "color")):
        if part is not None:
            errorbar(part, numbers([star[name] for star in used]), values, error, **style)
