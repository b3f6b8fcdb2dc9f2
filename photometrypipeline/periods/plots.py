"""The plots of the page: composite light curve, periodogram, residuals, phase curve."""

import numpy as np

from photometrypipeline.periods import result, words
from photometrypipeline.periods.candidates import EXCLUDED
from photometrypipeline.website.plots import Axis, Line, Plot, Series, short

SHAPES = ("dot", "square", "diamond", "triangle")
COLOURS = 8  # of nights, night1 ... night8 in the style sheet
CURVE_POINTS = 200
PERIODOGRAM_POINTS = 1500
MARKED = 6  # aliases in the periodogram


def of_solution(name, joined, solution, curves, known):
    """Return the Plots (list) of the page of a body."""
    made = []
    if solution.series is not None:
        made += [_composite(name, joined, solution), _residuals(name, joined, solution)]
    else:
        made.append(_over_time(name, joined))
    made.append(_periodogram(name, solution))
    made += [_second(name, solution)] if solution.second else []
    made += [_phase_curve(name, joined, solution, curves, known)] if curves else []
    return [plot for plot in made if not plot.empty]


def looks(count):
    """Return the looks (list of str) of so many sessions: colour after colour, then another shape."""
    return [f"{SHAPES[each // COLOURS % len(SHAPES)]} night{each % COLOURS + 1}" for each in range(count)]


def _of_sessions(joined, values, errors=None, rest=0):
    """Return a Series for each session with the values (shape (n,)) of its points; `rest`: points of other kinds."""
    made, points = [], joined.points
    kinds = looks(len(joined.sessions))
    for number, (session, look) in enumerate(zip(joined.sessions, kinds, strict=True)):
        own = points.session == number
        listed = [float(value) if mine else None for value, mine in zip(values, own, strict=True)]
        error = errors is not None and [float(value) if mine else None for value, mine in zip(errors, own, strict=True)]
        made.append(Series(look, listed + [None] * rest, session.key, error + [None] * rest if error else None))
    return made


def _names(joined, rest=0):
    keys = [each.key for each in joined.sessions]
    return [keys[number] for number in joined.points.session] + ["Fourier series"] * rest


def level_of(joined):
    """Return the magnitude (mag) about which the composite is drawn: that of the first band at the mean phase angle."""
    own = joined.points.band == 0
    return float(np.average(joined.mag[own], weights=joined.points.err[own] ** -2.0))


def _composite(name, joined, solution):
    points, series = joined.points, solution.series
    phase = np.mod(points.t_d * series.frequency, 1)
    level = level_of(joined)
    at = np.linspace(0, 1, CURVE_POINTS)
    mag = points.mag - result.corrections(joined, solution) + level
    model = Series("line black", [None] * len(points) + (series.at(at) + level).tolist(), "Fourier series")
    text = f"Period: {words.with_error(series.period_h, solution.period_err_h, 'h')}"
    text += f"\u2003Amp: {words.with_error(solution.amplitude_mag, solution.amplitude_err_mag, 'mag')}"
    text += f"\u2003JD₀ (LTC): {joined.jd_zero:.6f}\u2003Order: {series.order}"
    return Plot(
        "composite",
        "period",
        f"Composite light curve of {name}",
        Axis("Rotation phase", digits=4, limits=(0, 1)),
        Axis(_mag_label(joined), "mag", 3, down=True),
        [*phase.tolist(), *at.tolist()],
        [model, *_of_sessions(joined, mag, points.err, CURVE_POINTS)],
        short(name),
        "Nights in colours, freed of their offsets; phase 0 at JD₀, times corrected for the light time.",
        names=_names(joined, CURVE_POINTS),
        file=f"{name}_composite",
        subtitle=text,
    )


def _mag_label(joined):
    reduced = all(each.at_unit_distance for each in joined.sessions)
    text = f"{'Reduced magnitude' if reduced else 'Magnitude'} ({', '.join(joined.bands)})"
    return text + (f" at phase angle {joined.phase_mean_deg:.1f}°" if np.isfinite(joined.phase_mean_deg) else "")


def _residuals(name, joined, solution):
    points = joined.points
    phase = np.mod(points.t_d * solution.series.frequency, 1)
    return Plot(
        "residuals",
        "period",
        f"Residuals of the composite light curve of {name}",
        Axis("Rotation phase", digits=4, limits=(0, 1)),
        Axis("Measured minus series (mag)", "mag", 3, down=True),
        phase.tolist(),
        _of_sessions(joined, solution.series.residual, points.err),
        f"{short(name)}: residuals",
        "What the Fourier series leaves.",
        names=_names(joined),
        lines=[Line("y", 0, "solid black")],
        file=f"{name}_residuals",
    )


def _over_time(name, joined):
    return Plot(
        "curve",
        "period",
        f"Light curve of {name}",
        Axis("Time", time=True),
        Axis(_mag_label(joined), "mag", 3, down=True),
        (joined.points.t_d + joined.jd_zero).tolist(),
        _of_sessions(joined, joined.mag, joined.points.err),
        short(name),
        "All sessions; times corrected for the light time.",
        names=_names(joined),
        file=f"{name}_curve",
    )


def _thinned(frequency, values):
    """Return (frequency, values) with the largest of each of some bins of equal width in ln f."""
    edges = np.linspace(*np.log(frequency[[0, -1]]), PERIODOGRAM_POINTS + 1)
    bins = np.clip(np.searchsorted(edges, np.log(frequency)) - 1, 0, PERIODOGRAM_POINTS - 1)
    order = np.lexsort((values, bins))
    last = np.flatnonzero(np.diff(np.append(bins[order], -1)))
    chosen = np.sort(order[last])
    return frequency[chosen], values[chosen]


def _periodogram(name, solution):
    grid = solution.grid
    frequency, total = _thinned(grid.frequency, grid.total)
    tops = [(each.frequency, each.log_evidence) for each in solution.candidates]
    frequency = np.concatenate([frequency, [each[0] for each in tops]])
    total = np.concatenate([total, [each[1] for each in tops]])
    best = max(float(total.max()), 1e-9)
    lines = [Line("y", max(0.0, 1 - EXCLUDED / best), "dashed black", "not excluded above")]
    for number, each in enumerate(solution.candidates[: MARKED + 1]):
        label = f"{each.period_h:.4g} h, {each.reason}"
        lines.append(Line("x", each.period_h, "dashed blue" if number else "solid red", label))
    return Plot(
        "periodogram",
        "period",
        f"Periodogram of {name}",
        Axis("Period (h)", "h", 4, log=True, limits=(24 / float(grid.frequency[-1]), 24 / float(grid.frequency[0]))),
        Axis("Evidence, the best = 1", digits=4, limits=(0, 1.05)),
        (24 / frequency).tolist(),
        [Series("line black", np.maximum(total / best, 0).tolist())],
        f"{short(name)}: periodogram",
        "ln of the evidence for a Fourier series of each period against a constant body, in units of the best.",
        lines=lines,
        file=f"{name}_periodogram",
    )


def _second(name, solution):
    second = solution.second
    frequency, power = _thinned(second.frequency, second.power)
    lines = [Line("y", second.level, "dashed black", "residuals without a period stay below (99 %)")]
    if second.significant:
        lines.append(Line("x", second.period_h, "solid red", f"{second.period_h:.4g} h"))
    periods = (24 / second.frequency[-1], 24 / second.frequency[0])
    return Plot(
        "second",
        "period",
        f"Periodogram of the residuals of {name}",
        Axis("Period (h)", "h", 4, log=True, limits=tuple(map(float, periods))),
        Axis("Power of the residuals", digits=4, limits=(0, None)),
        (24 / frequency).tolist(),
        [Series("line black", power.tolist())],
        f"{short(name)}: periodogram of the residuals",
        "A second period, as of a satellite or of tumbling, would stand out here.",
        lines=lines,
        file=f"{name}_second",
    )


def _phase_curve(name, joined, solution, curves, known):
    points = joined.points
    rotation = solution.series.at(np.mod(points.t_d * solution.series.frequency, 1)) if solution.series else 0
    mag = joined.mag - rotation - _colours(joined)
    low, high = joined.phase_range_deg
    at = np.linspace(max(0, min(low - 1, 0.8 * low)), high + 1, CURVE_POINTS)
    n, every = len(points), _of_sessions(joined, mag, None, CURVE_POINTS)
    lines = []
    for curve, colour in zip(curves, ("red", "blue", "black"), strict=False):
        label = f"{curve.model}{' (slope assumed)' if curve.fixed else ''}"
        lines.append(Series(f"line {colour}", [None] * n + curve.at(at).tolist(), label))
    return Plot(
        "phase",
        "phase",
        f"Phase curve of {name}",
        Axis("Phase angle (deg)", "deg", 3),
        Axis(f"Reduced magnitude ({joined.bands[0]}), rotation mean", "mag", 3, down=True),
        [*points.phase_deg.tolist(), *at.tolist()],
        [*lines, *every],
        f"{short(name)}: phase curve",
        "Magnitudes at 1 au, freed of the rotation.",
        names=_names(joined, CURVE_POINTS),
        file=f"{name}_phase_curve",
    )


def _colours(joined):
    """Return by how much each point is fainter for its band than it would be in the first one."""
    means = [np.mean(joined.level[joined.points.band == each]) for each in range(len(joined.bands))]
    return (np.array(means) - means[0])[joined.points.band]
