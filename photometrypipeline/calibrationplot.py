"""The plot of a frame's calibration: zeropoint as stars are dropped, residuals of the rest.

There is one for each frame of a run, so its limits are those of the whole run where frames can be compared, and what
all of them share (axes, labels, grids) is drawn once.
"""

from dataclasses import dataclass, field
from functools import cache

import numpy as np

from photometrypipeline.figures import (
    errorbar,
    new_figure,
    numbers,
    opaque_png,
    short,
)
from photometrypipeline.records import known, number

FEW_TICKS = 5  # a label takes as long to draw as all points
ABSURD = 1e6  # no magnitude, and no number of stars
MARGIN = 0.05  # of a range, beside what is drawn


@dataclass(frozen=True)
class Limits:
    """Ends (low, high) of the axes that all frames of a run share; None where nothing is known."""

    n_stars: tuple | None = None
    mag: tuple | None = None
    color: tuple | None = None
    residual: tuple | None = None


@dataclass
class Axes:
    """The empty plot: `title` and the two ordinates of `steps` and `chi2` differ from frame to frame."""

    figure: object
    steps: object
    chi2: object
    mag: object
    color: object = None
    background: object = None
    canvas: object = None
    parts: list = field(default_factory=list)


def limits_of(frames):
    """Return the Limits of all `frames` (list) of the calibrate record."""
    n_stars, mag, color, residual = [], [], [], []
    for frame in frames:
        used, values, error = residuals(frame)
        n_stars += [number(step["n"]) for step in frame["steps"]]
        mag += [number(star["mag"]) for star in used]
        color += [number(star["color"]) for star in used]
        residual += [*(values - error), *(values + error)]
    return Limits(*map(_around, (n_stars, mag, color, residual)))


def residuals(frame):
    """Return (stars used, calibrated minus catalogue magnitude of each, its error) of a frame, the latter ndarrays."""
    used = [star for star in frame["stars"] if star["used"]]
    mag, inst, e_inst = (numbers([star[name] for star in used]) for name in ("mag", "inst", "e_inst"))
    correction = np.nan_to_num(numbers([star["color_correction"] for star in used]))  # of a colour term
    error = np.sqrt(e_inst**2 + np.nan_to_num(number(frame["zp_sig"])) ** 2)
    return used, inst + number(frame["zp"]) + correction - mag, error


def calibration_analysis(frame, band, catalog, color=None, limits=None):
    """Return the Figure of a frame of the calibrate record.

    color : name of the colour of the stars, such as "g-r"; with it residuals are drawn against colour as well
    limits : Limits of the run; default: those of the frame
    """
    axes = _empty(short(color) if color else None, limits or limits_of([frame]))
    _fill(axes, frame, band, catalog)
    return axes.figure


def save(path, dpi, frame, band, catalog, color, limits):
    """Write the same to `path` as PNG and return its size in pixels, much faster for many frames of a run."""
    axes = _drawn(short(color) if color else None, limits, dpi)
    axes.canvas.restore_region(axes.background)
    _fill(axes, frame, band, catalog)
    moving = [axes.steps.yaxis, axes.chi2.yaxis, axes.steps.title]
    for artist in [*moving, *(artist for part in axes.parts for artist in _artists(part))]:
        artist.axes.draw_artist(artist)
    for part in axes.parts:
        part.remove()
    opaque_png(axes.canvas, path)
    return axes.canvas.get_width_height()


@cache
def _drawn(color, limits, dpi):
    """Return the Axes with `background`, a picture of all that does not change."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    axes = _empty(color, limits)
    axes.figure.set_dpi(dpi)
    axes.canvas = FigureCanvasAgg(axes.figure)
    for axis in (axes.steps.yaxis, axes.chi2.yaxis):
        axis.set_visible(False)
    axes.canvas.draw()
    axes.background = axes.canvas.copy_from_bbox(axes.figure.bbox)
    for axis in (axes.steps.yaxis, axes.chi2.yaxis):
        axis.set_visible(True)
    return axes


def _empty(color, limits):
    figure = new_figure()
    colored = color is not None and limits.color is not None
    steps = figure.add_subplot(2, 2, (1, 2))
    mag = figure.add_subplot(2, 2, 3 if colored else (3, 4))
    figure.subplots_adjust(left=0.14, right=0.87, top=0.93, bottom=0.1, hspace=0.36, wspace=0.06)
    axes = Axes(figure, steps, steps.twinx(), mag)
    if colored:
        axes.color = figure.add_subplot(2, 2, 4, sharey=mag)
        axes.color.tick_params(labelleft=False)
        axes.color.set_xlabel(f"Reference Star {color} (mag)", parse_math=False)
    steps.set_xlabel("Number of Reference Stars")
    steps.set_ylabel("Magnitude Zeropoint", color="red")
    mag.set_xlabel("Reference Star Magnitude")
    mag.set_ylabel("Calibration-Reference (mag)")
    right = axes.chi2
    right.set_ylabel("Reduced χ²", color="blue")
    right.set_yscale("log")
    right.yaxis.set_major_formatter("{x:g}")  # powers of ten in mathematical type take longer than all the rest
    right.minorticks_off()
    right.yaxis.set_label_coords(1.14, 0.5)
    for part, ends in ((steps, limits.n_stars), (mag, limits.mag), (axes.color, limits.color)):
        if part is None:
            continue
        part.locator_params(nbins=FEW_TICKS)
        part.grid(True, linestyle="dashed", alpha=0.5)
        part.xaxis.set_label_coords(0.5, -0.19)  # where labels fit need not be found out
        part.yaxis.set_label_coords(-0.082 / part.get_position().width, 0.5)
        if ends:
            part.set_xlim(*ends)
    for part in filter(None, (mag, axes.color)):
        part.axhline(0, color="black", linestyle="dashed")
    if limits.residual:
        mag.set_ylim(*limits.residual[::-1])
    return axes


def _fill(axes, frame, band, catalog):
    """Draw what is the frame's own; `axes.parts` holds it afterwards."""
    title = f"{short(frame['ldac'] or frame['name'])}: {short(band)}-band from {short(catalog)}"
    axes.steps.set_title(title, parse_math=False)
    axes.parts = [*_steps(axes, frame)]
    used, values, error = residuals(frame)
    style = {"color": "black", "fmt": "o", "markersize": 3, "elinewidth": 0.8}
    for part, name in ((axes.mag, "mag"), (axes.color, "color")):
        if part is not None:
            axes.parts.append(errorbar(part, numbers([star[name] for star in used]), values, error, **style))
    axes.parts = [part for part in axes.parts if part is not None]


def _steps(axes, frame):
    steps = frame["steps"]
    n_stars, zeropoint, sigma, chi2 = (numbers([step[name] for step in steps]) for name in ("n", "zp", "sig", "chi2"))
    ends = _around([*(zeropoint - np.nan_to_num(sigma)), *(zeropoint + np.nan_to_num(sigma))])
    if ends:
        axes.steps.set_ylim(*ends[::-1])
    yield errorbar(axes.steps, n_stars, zeropoint, sigma, color="red", fmt="-", linewidth=1, elinewidth=0.6)
    if known(frame["n_used"]):
        yield axes.steps.axvline(frame["n_used"], color="black")
    shown = np.isfinite(chi2) & (chi2 > 0)
    if shown.any():
        low, high = chi2[shown].min(), chi2[shown].max()
        axes.chi2.set_ylim(min(low, 1) / 1.5, max(high, 1) * 1.5)
    yield axes.chi2.plot(n_stars[shown], chi2[shown], color="blue")[0]
    yield axes.chi2.axhline(1, color="blue", linestyle="dotted")


def _artists(part):
    """Return the artists of a part: those of error bars are several."""
    children = getattr(part, "get_children", None)
    return part.get_children() if children and not hasattr(part, "axes") else [part]


def _around(values):
    finite = [value for value in values if abs(value) < ABSURD]  # nor is NaN
    if not finite:
        return None
    low, high = min(finite), max(finite)
    room = (high - low) * MARGIN or 0.05
    return float(low - room), float(high + room)
