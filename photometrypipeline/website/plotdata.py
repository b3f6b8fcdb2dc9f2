"""The numbers behind the interactive plots of the main page, for the page's own scripts: plain data for JSON."""

import glob
import os
import shlex
from dataclasses import dataclass

import numpy as np

from photometrypipeline.frames.records import known, number
from photometrypipeline.website import figures
from photometrypipeline.website.pages import url, utc

DIGITS = {"mag": 3, "px": 2, "arcsec": 2}


def build(view, folder):
    """Return {frames, plots, targets, command} on a views.Overview; `folder` is where its frames lie.

    frames : [{name, page, time}] in the order of the run; everything else names a frame by its place in there
    plots : {name: one plot with its series, points in order of time}
    targets : {anchor: rows with their pictures, and the line that takes a row out by hand}
    command : the parts of the command that repeats the choice of rows, quoted for a shell; None without a target
    """
    frames = [
        {"name": frame.name, "page": frame.page and url(frame.page), "time": utc(_time_of(frame), seconds=True)}
        for frame in view.frames
    ]
    plots = _photometry_plots(view) | _calibration_plots(view)
    for target in view.targets:
        plots |= _target_plots(target)
    targets = {target.anchor: _target(target) for target in view.targets}
    return {"frames": frames, "plots": plots, "targets": targets, "command": _command(view, folder)}


def by_hand(view):
    """Return {target: [frames]}, names, of the observations that somebody has taken out, for the pages of frames."""
    marked = {target: [row for row in target.rows if row.by_hand and row.markable] for target in view.targets}
    return {target.name: [row.frame.name for row in rows] for target, rows in marked.items()}


def _time_of(frame):
    parts = [frame.prepare, frame.photometry, frame.calibrate]
    times = [part["midtime_jd"] for part in parts if part] + [row.data.jd for row in frame.rows]
    return next((time for time in times if known(time)), None)


def _photometry_plots(view):
    record = view.records["photometry"]
    if not (record and view.fwhm):
        return {}
    diameter_px = 2 * number(record["aprad_px"])
    points = [(view.frame_of(part).index, part["midtime_jd"], part["fwhm_px"]) for part in record["frames"]]
    plot = _plot(points, "Point Source FWHM", "px", [Series("", "black")]) | {"zero": True}
    if np.isfinite(diameter_px):
        plot["line"] = {"at": diameter_px, "label": "aperture diameter"}
    return {"fwhm": plot}


def _calibration_plots(view):
    record = view.records["calibrate"]
    if not (record and view.zeropoints):
        return {}
    points = [(view.frame_of(part).index, part["midtime_jd"], part["zp"], part["zp_sig"]) for part in record["frames"]]
    label = f"{figures.short(record['band'])}-Band Magnitude Zeropoints"
    plot = _plot(points, label, "mag", [Series("", "blue", error=True)])
    return {"zeropoints": plot | {"down": True, "section": "calibration"}}


def _target_plots(target):
    plots = {}
    shared = {"section": target.anchor, "target": target.anchor}
    if target.light_curve:
        points = [(row.frame.index, row.data.jd, row.data.mag, row.data.sig, None) for row in target.accepted]
        points += [(row.frame.index, row.data.jd, None, None, row.data.mag_limit) for row in target.limits]
        label = f"Magnitude ({figures.short(target.data.band or 'instrumental')})"
        series = [Series("", "red", error=True)]
        series += [Series("not detected, fainter than", "limit")] if target.limits else []
        plots[target.anchor] = _plot(points, label, "mag", series) | shared | {"down": True}
    if target.residuals:
        points = [(row.frame.index, row.data.jd, row.data.dra_arcsec, row.data.ddec_arcsec) for row in target.accepted]
        plot = _plot(points, "Predicted minus measured", "arcsec", [Series("RA", "blue"), Series("Dec", "red")])
        plots[f"{target.anchor}_residuals"] = plot | shared | {"line": {"at": 0, "label": ""}}
    return plots


@dataclass(frozen=True)
class Series:
    """One kind of points: what is said before its values, how it is drawn, and whether an error follows each value."""

    name: str
    colour: str  # one of LOOKS in plots.js
    error: bool = False


def _plot(points, label, unit, series):
    """Return a plot of `points`, [(frame, JD, value, ...)], with the numbers of each Series one after the other."""
    minutes, first = figures.minutes([point[1] for point in points])
    timed = sorted((index for index in range(len(points)) if np.isfinite(minutes[index])), key=minutes.__getitem__)
    columns = iter(range(2, 2 + len(series) + sum(each.error for each in series)))

    def column(place):
        return [points[index][place] if known(points[index][place]) else None for index in timed]

    return {
        "x": f"Minutes after {first} UT",
        "y": f"{label} ({unit})",
        "unit": unit,
        "digits": DIGITS[unit],
        "frame": column(0),
        "minutes": [round(float(minutes[index]), 4) for index in timed],
        "series": [
            {
                "label": figures.short(each.name),
                "colour": each.colour,
                "value": column(next(columns)),
                "error": column(next(columns)) if each.error else None,
            }
            for each in series
        ],
    }


def _target(target):
    rows = [
        {
            "frame": row.frame.index,
            "line": row.line if row.markable else None,
            "out": row.by_hand,
            "shown": [url(row.cutout.file), url(row.overlay.file)] if row.cutout and row.overlay else None,
        }
        for row in target.rows
    ]
    return {"name": target.name, "rows": rows}


def _command(view, folder):
    record = view.records["distill"]
    if not (record and view.targets):
        return None
    images = [str(name) for name in record["images"]] or [frame.name for frame in view.frames]
    texts = [str(argument) for argument in record["arguments"]]
    if not all(text.isprintable() for text in [*images, *texts]):
        return None
    return {
        "arguments": " ".join(map(shlex.quote, texts)),
        "images": _images(images, folder),
    }


def _images(names, folder):
    """Return `names` for a shell: as one pattern, if exactly these files in `folder` match it, or one by one."""
    start = os.path.commonprefix(names)
    end = os.path.commonprefix([name[len(start) :][::-1] for name in names])[::-1]
    found = glob.glob(f"{glob.escape(start)}*{glob.escape(end)}", root_dir=folder)
    if len(names) > 1 and start and sorted(found) == sorted(names):
        return f"{shlex.quote(start)}*{shlex.quote(end) if end else ''}"
    return " ".join(map(shlex.quote, names))
