"""The plot of a frame's calibration: zeropoint as stars are dropped, residuals of the rest.

There is one for each frame of a run, so its limits are those of the whole run where frames can be compared, and what
all of them share (axes, labels, grids) is drawn once, by matplotlib.  What is a frame's own is put on a copy of that.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from photometrypipeline.frames.records import known, number
from photometrypipeline.website import imagefile
from photometrypipeline.website.figures import new_figure, numbers, plain_style, short
from photometrypipeline.website.overlays import POINTS_PER_INCH, letters
from photometrypipeline.website.pen import Pen

FEW_TICKS = 5  # a label takes as long to draw as all points
ABSURD = 1e6  # no magnitude, and no number of stars
MARGIN = 0.05  # of a range, beside what is drawn
TEXT_PT = 10  # as matplotlib has it, and so the next two
TITLE_ROOM_PT = 6
GRID_GREY = (216, 216, 216)


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


def save(path, file_format, dpi, frame, band, catalog, color, limits):
    """Write the plot of a frame of the calibrate record to `path` and return its size (width, height) in pixels.

    color : name of the colour of the stars, such as "g-r"; with it residuals are drawn against colour as well
    limits : Limits of the run
    """
    from PIL import ImageDraw

    axes = drawn(color, limits, dpi)
    image = axes.background.copy()
    pen = ImageDraw.Draw(image)
    _draw_steps(axes, image, pen, frame)
    used, values, error = residuals(frame)
    for part, name in ((axes.mag, "mag"), (axes.color, "color")):
        if part is not None:
            _draw_residuals(part, image, numbers([star[name] for star in used]), values, error)
    box = _box(axes.steps)
    place = (box[0] + box[2]) / 2, box[1] - TITLE_ROOM_PT * dpi / POINTS_PER_INCH
    pen.text(place, _title(frame, band, catalog), "black", _font(dpi), "ms")
    return imagefile.save(image, path, file_format)


@cache
def drawn(color, limits, dpi):
    """Return the Axes with `background`, a picture of all that does not change from frame to frame of a run."""
    from photometrypipeline.website import twins

    with plain_style():
        axes = _empty(short(color) if color else None, limits)
        axes.figure.set_dpi(dpi)
        for axis in (axes.steps.yaxis, axes.chi2.yaxis):
            axis.get_label().set_visible(True)
            axis.set_tick_params(length=0, labelleft=False, labelright=False)
            axis.grid(False)
        axes.background = twins.picture(axes.figure)
    return axes


def _draw_steps(axes, image, pen, frame):
    """Draw zeropoint and chi2 against the number of stars, with the ordinates."""
    n_stars, zeropoint, sigma, chi2 = _numbers_of(frame)
    point_px = axes.figure.dpi / POINTS_PER_INCH
    _set_ordinates(axes, zeropoint, sigma, chi2)
    strokes = Pen(image, _box(axes.steps))
    for row in _ordinate(axes.steps, pen):
        strokes.level(row, GRID_GREY, 0.8 * point_px, (3 * point_px, 1.3 * point_px))
    _ordinate(axes.chi2, pen)
    column, row = _places(axes.steps, n_stars, zeropoint)
    _, below = _places(axes.steps, n_stars, zeropoint - np.nan_to_num(sigma))
    _, above = _places(axes.steps, n_stars, zeropoint + np.nan_to_num(sigma))
    strokes.uprights(column, (below, above), "red", 0.6 * point_px)
    strokes.line(_known(column, row), "red", point_px)
    if known(frame["n_used"]):
        column, _ = _places(axes.steps, [frame["n_used"]], [0])
        strokes.uprights(column, _box(axes.steps)[1::2], "black", 1.5 * point_px)
    shown = np.isfinite(chi2) & (chi2 > 0)
    strokes.line(_known(*_places(axes.chi2, n_stars[shown], chi2[shown])), "blue", 1.5 * point_px)
    row = _places(axes.chi2, [0], [1])[1][0]
    strokes.level(row, "blue", 1.5 * point_px, (1.5 * point_px, 2.5 * point_px))
    strokes.lay()
    _frame(axes.steps, image)


def _draw_residuals(part, image, x, values, error):
    strokes, point_px = Pen(image, _box(part)), part.figure.dpi / POINTS_PER_INCH
    column, row = _places(part, x, values)
    _, below = _places(part, x, values - error)
    _, above = _places(part, x, values + error)
    strokes.uprights(column, (below, above), "black", 0.8 * point_px)
    strokes.dots(column, row, 4 * point_px, "black")  # with its edge
    strokes.lay()


def _places(part, x, y):
    """Return (columns, rows) on the picture of data of an axes, ndarrays."""
    height = part.figure.bbox.height
    with np.errstate(invalid="ignore", divide="ignore"):
        columns, rows = part.transData.transform(np.column_stack([x, y]).astype(float)).T
    return columns, height - rows


def _known(columns, rows):
    shown = np.isfinite(columns) & np.isfinite(rows)
    return list(zip(columns[shown].tolist(), rows[shown].tolist(), strict=True))


def _box(part):
    """Return (left, top, right, bottom) of an axes on the picture."""
    box, height = part.bbox, part.figure.bbox.height
    return box.x0, height - box.y1, box.x1, height - box.y0


def _ordinate(part, pen):
    """Draw ticks and labels of the ordinate of an axes; return their rows."""
    left, top, right, bottom = _box(part)
    point_px = part.figure.dpi / POINTS_PER_INCH
    values = part.yaxis.get_majorticklocs()
    labels = part.yaxis.get_major_formatter().format_ticks(values)
    on_the_right = part.yaxis.get_label_position() == "right"
    edge, sign, anchor = (right, 1, "lm") if on_the_right else (left, -1, "rm")
    rows = []
    for row, label in zip(_places(part, np.zeros(len(values)), values)[1], labels, strict=True):
        if top - 0.01 <= row <= bottom + 0.01:
            rows.append(row)
            end = edge + sign * 3.5 * point_px
            line = math.ceil(row - 0.5) - 1  # where matplotlib has it
            pen.line([(round(edge), line), (round(end), line)], "black")
            pen.text((edge + sign * 7 * point_px, row), label, "black", _font(part.figure.dpi), anchor)
    return rows


def _frame(part, image):
    """Draw the frame of an axes again, over what has been drawn at its edge."""
    from PIL import ImageDraw

    left, top, right, bottom = (round(edge) for edge in _box(part))
    ImageDraw.Draw(image).rectangle((left, top, right, bottom), outline="black")


def _font(dpi):
    return letters(round(TEXT_PT * dpi / POINTS_PER_INCH))


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


def _title(frame, band, catalog):
    return f"{short(frame['ldac'] or frame['name'])}: {short(band)}-band from {short(catalog)}"


def _numbers_of(frame):
    """Return (number of stars, zeropoint, its error, chi2) of each step of the rejection, ndarrays."""
    return [numbers([step[name] for step in frame["steps"]]) for name in ("n", "zp", "sig", "chi2")]


def _set_ordinates(axes, zeropoint, sigma, chi2):
    ends = _around([*(zeropoint - np.nan_to_num(sigma)), *(zeropoint + np.nan_to_num(sigma))])
    if ends:
        axes.steps.set_ylim(*ends[::-1])
    shown = np.isfinite(chi2) & (chi2 > 0)
    if shown.any():
        low, high = chi2[shown].min(), chi2[shown].max()
        axes.chi2.set_ylim(min(low, 1) / 1.5, max(high, 1) * 1.5)


def _around(values):
    finite = [value for value in values if abs(value) < ABSURD]  # nor is NaN
    if not finite:
        return None
    low, high = min(finite), max(finite)
    room = (high - low) * MARGIN or 0.05
    return float(low - room), float(high + room)
