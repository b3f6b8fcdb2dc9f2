"""What the pages' own scripts are told: plain data for JSON."""

import glob
import os
import shlex

from photometrypipeline.frames.records import known
from photometrypipeline.website.findingchart import view_on
from photometrypipeline.website.pages import url, utc


def of_run(view, plots, folder, chart=None, stars=None):
    """Return what the scripts of a views.Overview are told; `folder` is where its frames lie.

    frames : [{name, page, time, jd}] in the order of the run; everything else names a frame by its place in there
    plots : {name: plots.Plot as data}
    targets : {anchor: rows with their pictures, and the line that takes a row out by hand}
    chart : as findingchart.of gives it
    stars : [{name, line, out, place, influence}] of referencestars.ReferenceStars, star_map the picture they are on
        with the labels that fit there
    command : the parts of the command that repeats the choice of rows, quoted for a shell; None without a target
    calibration : those of the command that repeats the choice of stars, with the lines of their list that are no star
    """
    frames = [
        {"name": frame.name, "page": frame.page and url(frame.page), "time": utc(_time_of(frame), seconds=True)}
        for frame in view.frames
    ]
    targets = {target.anchor: _target(target) for target in view.targets}
    told = {"frames": frames, "targets": targets, "command": _command(view, folder), "chart": chart}
    if stars is not None and stars.stars:
        picture = stars.picture and stars.picture | {"labels": stars.labels}
        told |= {"stars": [_star(star) for star in stars.stars], "star_map": picture}
        told["calibration"] = _calibration(view, folder)
    return told | _plots(plots)


def of_frame(frame, plots, by_hand, names):
    """Return {plots, maps, cutouts, by_hand} of the page of a views.FrameView; maps are marks on its quick view.

    names : starnames.StarNames
    """
    maps, cutouts = {}, {row.target.anchor: _cutout(row) for row in frame.rows if row.cutout}
    if frame.reference_places:
        maps["registration"] = {"stars": frame.reference_places, "names": None}
    if frame.quickview and frame.size_px:
        view = view_on(frame)
        stars = [star for star in frame.used_stars if known(star.x_px) and known(star.y_px)]
        places = [[round(place, 1) for place in view.place(star.x_px, star.y_px)] for star in stars]
        maps |= {"calibration": {"stars": places, "names": list(map(names.of, stars))}} if places else {}
    return {"maps": maps, "cutouts": cutouts, "by_hand": by_hand} | _plots(plots)


def by_hand(view):
    """Return {target: [frames]}, names, of the observations that somebody has taken out, for the pages of frames."""
    marked = {target: [row for row in target.rows if row.by_hand and row.markable] for target in view.targets}
    return {target.name: [row.frame.name for row in rows] for target, rows in marked.items()}


def _plots(plots):
    return {"plots": {plot.name: plot.data() for plot in plots}}


def _time_of(frame):
    parts = [frame.prepare, frame.photometry, frame.calibrate]
    times = [part.midtime_jd for part in parts if part] + [row.data.jd for row in frame.rows]
    return next((time for time in times if known(time)), None)


def _target(target):
    rows = [
        {
            "frame": row.frame.index,
            "line": row.line if row.markable else None,
            "out": row.by_hand,
            "cutout": _cutout(row) if row.cutout else None,
        }
        for row in target.rows
    ]
    unseen = [{"frame": row.frame.index, "cutout": _cutout(row)} for row in target.unseen if row.cutout]
    return {"name": target.name, "rows": rows, "unseen": unseen}


def _cutout(row):
    names = {"target": row.target.name, "frame": row.frame.name}
    return {"file": url(row.cutout.file), "side": row.cutout.width} | names | row.marks


def _command(view, folder):
    record = view.records["distill"]
    if not (record and view.targets):
        return None
    return _parts(
        record.arguments, [str(name) for name in record.images] or [frame.name for frame in view.frames], folder
    )


def _calibration(view, folder):
    record = view.records["calibrate"]
    parts = _parts(record.arguments, [frame.name for frame in record.frames], folder)
    return parts and parts | {"strangers": record.strangers}


def _star(star):
    influence = None if star.out else star.data.influence
    name = f"{star.name} {star.data.ident}".strip()
    return {"name": name, "line": star.line, "out": star.out, "place": star.place, "influence": influence}


def _parts(arguments, images, folder):
    """Return {arguments, images} of a command, quoted for a shell; None if that cannot be done."""
    texts = [str(argument) for argument in arguments]
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
