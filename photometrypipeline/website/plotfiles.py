"""The plots of a run that are files as well: curve of growth, FWHM, zeropoints, light curves."""

import contextlib
import functools
import warnings

import numpy as np

from photometrypipeline.frames.records import number
from photometrypipeline.sky.times import text_of

SIZE_IN = (6.4, 4.8)
MINUTES_PER_DAY = 1440.0
MARKERS = {"dot": "o", "ring": "o", "square": "s", "limit": "v"}
STROKES = {"solid": "solid", "thick": "solid", "dashed": "dashed"}
BAND_OPACITY = 0.2
MOST_TICKS = 6  # a label takes as long to draw as all points


def groups(plots):
    """Return [(name of the file, [its Plots]), ...] of those of `plots` that are files."""
    found = {}
    for plot in plots:
        if plot.file is not None:
            found.setdefault((plot.section, plot.file), []).append(plot)
    return [(file, members) for (_, file), members in found.items()]


def save(plots, path, file_format, dpi):
    """Draw `plots` (list of plots.Plot with the same x axis), one above the other, into the file `path`.

    Returns its size (width, height) in pixels.
    """
    with plain_style():
        figure = draw(plots)
        fast = {"pil_kwargs": {"compress_level": 1}} if file_format == "png" else {}
        figure.savefig(path, format=file_format, dpi=dpi, **fast)
    return size_px(dpi)


def load():
    """Load what it takes to draw, fonts included, and lay out the axes: this takes longer than to draw five plots."""
    with plain_style():
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        for number in (1, 2):
            FigureCanvasAgg(_sheet(number)[0]).draw()


def size_px(dpi):
    """Return the (width, height) of every file."""
    return tuple(round(length * dpi) for length in SIZE_IN)


@contextlib.contextmanager
def plain_style():
    """Within the block matplotlib draws as it comes, whatever the user's matplotlibrc says (TeX, dark styles)."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore", matplotlib.MatplotlibDeprecationWarning)  # of settings that nobody sets
        matplotlib.rcParams.update(  # rcdefaults() reads all style sheets
            {name: value for name, value in matplotlib.rcParamsDefault.items() if not name.startswith("backend")}
        )
        warnings.filterwarnings("ignore", "Glyph .* missing")  # names may be in any script; a box stands for it then
        yield


def draw(plots):
    """Return the matplotlib Figure of `plots`, one above the other; the next as many plots are drawn into the same."""
    figure, every = _sheet(len(plots))
    for axes, plot in zip(every, plots, strict=True):
        _empty(axes)
        _fill(axes, plot, title=axes is every[0])
    every[-1].set_xlabel(_x_label(plots[-1]), parse_math=False)
    return figure


@functools.cache
def _sheet(number):
    """Return (Figure, its axes) for a number of plots: axes with their ticks take half of the time of a plot."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_IN)
    figure.subplots_adjust(left=0.13, right=0.97, top=0.93, bottom=0.11, hspace=0.08)  # looking for room takes longer
    every = figure.subplots(number, sharex=True, squeeze=False)[:, 0]
    for axes in every:
        axes.grid(True, alpha=0.4)
        axes.ticklabel_format(useOffset=False)
        axes.locator_params(nbins=MOST_TICKS)
        axes.yaxis.set_label_coords(-0.11, 0.5)
    return figure, every


def _empty(axes):
    """Take all that _fill has put into axes away."""
    if axes.get_legend():
        axes.get_legend().remove()
    for container in list(axes.containers):
        container.remove()
    for artist in [*axes.lines, *axes.collections]:
        artist.remove()
    axes.relim()
    axes.yaxis.set_inverted(False)
    axes.set_autoscale_on(True)


def _fill(axes, plot, title):
    x = _x_values(plot)
    for series in plot.series:
        shape, colour = series.look.split()
        label = f"{series.label} {series.shift:+.2f}" if series.shift else series.label or None
        y, error = _numbers(series.value), series.error and np.nan_to_num(np.abs(_numbers(series.error)))
        shown = np.isfinite(x) & np.isfinite(y)
        if shape == "line":
            axes.plot(x[shown], y[shown], color=colour, label=series.label)
            if error is not None:
                low, high = (y - error)[shown], (y + error)[shown]
                axes.fill_between(x[shown], low, high, color=colour, alpha=BAND_OPACITY, linewidth=0)
            continue
        fill = "none" if shape in ("limit", "ring") else colour
        style = {"color": colour, "fmt": MARKERS[shape], "markerfacecolor": fill, "label": label}
        axes.errorbar(x[shown], y[shown], yerr=None if error is None else error[shown], capsize=3, **style)
    for line in plot.lines:
        stroke, colour = line.look.split()
        along = axes.axvline if line.axis == "x" else axes.axhline
        along(line.at, color=colour, linestyle=STROKES[stroke], linewidth=3 if stroke == "thick" else 1.2)
    low, high = plot.y.limits
    axes.set_ylim(low, high)
    if plot.y.down:
        axes.invert_yaxis()
    if None not in plot.x.limits and plot.x.limits[0] < plot.x.limits[1]:
        axes.set_xlim(*plot.x.limits)
    axes.set_ylabel(plot.y.label, parse_math=False)
    if title:
        axes.set_title(plot.title, y=1.0, parse_math=False)  # said, it is not looked for
    if any(series.label for series in plot.series):
        axes.legend(loc="best")


def _x_values(plot):
    x = _numbers(plot.at)
    return (x - np.nanmin(x)) * MINUTES_PER_DAY if plot.x.time and np.isfinite(x).any() else x


def _x_label(plot):
    if not plot.x.time:
        return plot.x.label
    known = [at for at in _numbers(plot.at) if np.isfinite(at)]
    return f"Minutes after {text_of(min(known)) if known else 'unknown time'} UT"


def _numbers(values):
    return np.array([number(value) for value in values], dtype=float)
