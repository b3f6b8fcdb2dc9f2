"""Panels: a plot on paper, that is the range of its axes, round numbers to write at them, and where a value lies."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from photometrypipeline.frames.records import number
from photometrypipeline.sky.times import text_of

MINUTES_PER_DAY = 1440.0
ROOM = 0.05  # left free at each end of an axis, as a fraction of what is shown
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)  # between ticks, times a power of ten
MOST_STEPS = 6
LARGEST, SMALLEST = 1e7, 1e-5  # steps beyond are written with a power of ten


@dataclass(frozen=True)
class Drawn:
    """A series as it is drawn: its look, `label` of the legend, points, and half lengths of error bars or None."""

    shape: str
    colour: str
    label: str
    x: np.ndarray
    y: np.ndarray
    error: np.ndarray | None

    @property
    def extent(self) -> np.ndarray:
        """The values along y that are to be seen, error bars included."""
        return self.y if self.error is None else np.concatenate([self.y - self.error, self.y + self.error])


@dataclass
class Panel:
    """A plot on paper: `plot` (plots.Plot), its series, and the values at left and right, bottom and top."""

    plot: Any
    series: list
    x_range: tuple
    y_range: tuple
    x_label: str
    y_label: str

    def place(self, x, y, width: float, height: float) -> tuple[np.ndarray, np.ndarray]:
        """Return (columns, rows) of values on a box of this size, counted from its upper left corner."""
        left, right = self.x_range
        bottom, top = self.y_range
        across = (np.asarray(x, dtype=float) - left) / (right - left)
        return across * width, (1 - (np.asarray(y, dtype=float) - bottom) / (top - bottom)) * height


def panels(plots: list) -> list[Panel]:
    """Return the Panels of `plots` (list of plots.Plot), which have the same x axis.

    Raises ValueError for limits that are no numbers.
    """
    series = [_drawn(plot) for plot in plots]
    x_values: list = [part.x for parts in series for part in parts]
    x_values += [[line.at] for plot in plots for line in plot.lines if line.axis == "x"]
    x_range = span(x_values, None, None)
    for plot in plots:
        low, high = plot.x.limits
        if None not in (low, high) and low < high:
            x_range = (float(low), float(high))
    made = []
    for plot, parts in zip(plots, series, strict=True):
        values = [part.extent for part in parts] + [[line.at] for line in plot.lines if line.axis == "y"]
        low, high = span(values, *plot.y.limits)
        y_range = (high, low) if plot.y.down else (low, high)
        made.append(Panel(plot, parts, x_range, y_range, _x_label(plot), plot.y.label))
    if not np.isfinite([x_range, *(each.y_range for each in made)]).all():
        raise ValueError("an axis without numbers")
    return made


def span(values: list, low: float | None, high: float | None) -> tuple[float, float]:
    """Return (low, high) of an axis for these lists of values, with some room, unless one end or both are given."""
    every = np.concatenate([np.zeros(0), *(np.asarray(each, dtype=float) for each in values)])
    every = every[np.isfinite(every)]
    first, last = (float(every.min()), float(every.max())) if every.size else (0.0, 1.0)
    room = ROOM * (last - first) if last - first > 1e-12 * max(abs(first), abs(last)) else ROOM * abs(first) or ROOM
    found = (first - room if low is None else float(low), last + room if high is None else float(high))
    return found if found[0] < found[1] else (found[0], found[0] + 1.0)


def ticks(start: float, end: float, most: int = MOST_STEPS) -> list[tuple[float, str]]:
    """Return [(value, text), ...] of round values between two, at most `most` steps apart."""
    low, high = sorted((start, end))
    rough = (high - low) / most
    power = math.floor(math.log10(rough))
    factor = next(each for each in STEPS if each * 10.0**power >= rough * (1 - 1e-9))
    step = factor * 10.0**power
    values = np.arange(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1) * step
    if not SMALLEST <= step < LARGEST:
        return [(value, _signed(f"{value:.3g}")) for value in values]
    decimals = max(0, -power - (factor == 10.0) + (factor == 2.5))
    return [(value, _signed(f"{value:.{decimals}f}")) for value in values]


def _signed(text: str) -> str:
    """Return a number as it is printed, with a minus sign, and none before nothing."""
    return text.replace("-", "−") if float(text) else text.lstrip("-")


def _drawn(plot) -> list[Drawn]:
    x, found = _x_values(plot), []
    for series in plot.series:
        shape, colour = series.look.split()
        y = _numbers(series.value)
        shown = np.isfinite(x) & np.isfinite(y)
        error = series.error and np.nan_to_num(np.abs(_numbers(series.error)))[shown]
        label = f"{series.label} {series.shift:+.2f}" if series.shift else series.label
        found.append(Drawn(shape, colour, label, x[shown], y[shown], error if series.error else None))
    return found


def _x_values(plot) -> np.ndarray:
    x = _numbers(plot.at)
    return (x - np.nanmin(x)) * MINUTES_PER_DAY if plot.x.time and np.isfinite(x).any() else x


def _x_label(plot) -> str:
    if not plot.x.time:
        return plot.x.label
    known = [at for at in _numbers(plot.at) if np.isfinite(at)]
    return f"Minutes after {text_of(min(known)) if known else 'unknown time'} UT"


def _numbers(values) -> np.ndarray:
    return np.array([number(value) for value in values], dtype=float)
