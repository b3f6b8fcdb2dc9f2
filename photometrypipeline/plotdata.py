"""The numbers behind the interactive plots of the main page, for the page's own scripts: plain data for JSON."""

import glob
import os
import shlex

import numpy as np

from photometrypipeline import figures
from photometrypipeline.pages import url, utc
from photometrypipeline.records import known, number

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


def _time_of(frame):
    parts = [frame.prepare, frame.photometry, frame.calibrate]
    times = [part["midtime_jd"] for part in parts if part] + [row.data["jd"] for row in frame.rows]
    return next((time for time in times if known(time)), None)


def _photometry_plots(view):
    record = view.records["photometry"]
    if not (record and view.fwhm):
        return {}
    diameter_px = 2 * number(record["aprad_px"])
    points = [(view.frame_of(part).index, part["midtime_jd"], part["fwhm_px"]) for part in record["frames"]]
    plot = _plot(points, "Point Source FWHM", "px", {"FWHM": "black"}) | {"zero": True}
    if np.isfinite(diameter_px):
        plot["line"] = {"at": diameter_px, "label": "aperture diameter"}
    return {"fwhm": plot}


def _calibration_plots(view):
    record = view.records["calibrate"]
    if not (record and view.zeropoints):
        return {}
    points = [(view.frame_of(part).index, part["midtime_jd"], part["zp"], part["zp_sig"]) for part in record["frames"]]
    label = f"{figures.short(record['band'])}-Band Zeropoints"
    plot = _plot(points, label, "mag", {"zeropoint": "blue"}, errors=True)
    return {"zeropoints": plot | {"down": True, "section": "calibration"}}


def _target_plots(target):
    plots = {}
    shared = {"section": target.anchor, "target": target.anchor}
    if target.light_curve:
        points = [(row.frame.index, row.data["jd"], row.data["mag"], row.data["sig"]) for row in target.accepted]
        label = f"Magnitude ({figures.short(target.data['band'] or 'instrumental')})"
        plot = _plot(points, label, "mag", {target.name: "red"}, errors=True)
        plots[target.anchor] = plot | shared | {"down": True}
    if target.residuals:
        points = [
            (row.frame.index, row.data["jd"], row.data["dra_arcsec"], row.data["ddec_arcsec"])
            for row in target.accepted
        ]
        plot = _plot(points, "Predicted minus measured", "arcsec", {"RA": "blue", "Dec": "red"})
        plots[f"{target.anchor}_residuals"] = plot | shared | {"line": {"at": 0, "label": ""}}
    return plots


def _plot(points, label, unit, colours, errors=False):
    """Return a plot of `points`, [(frame, JD, value, ...)], a value for each series of `colours` {its name: colour}.

    With `errors` there is one series, and the last number is the error of its value.
    """
    minutes, first = figures.minutes([point[1] for point in points])
    timed = sorted((index for index in range(len(points)) if np.isfinite(minutes[index])), key=minutes.__getitem__)

    def column(number_of):
        return [points[index][number_of] if known(points[index][number_of]) else None for index in timed]

    return {
        "x": f"Minutes after {first} UT",
        "y": f"{label} ({unit})",
        "unit": unit,
        "digits": DIGITS[unit],
        "frame": column(0),
        "minutes": [round(float(minutes[index]), 4) for index in timed],
        "series": [
            {
                "label": figures.short(name),
                "colour": colour,
                "value": column(2 + number_of),
                "error": column(3) if errors else None,
            }
            for number_of, (name, colour) in enumerate(colours.items())
        ],
    }


def _target(target):
    rows = [
        {
            "frame": row.frame.index,
            "line": row.line,
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
