"""What became of the data sets of a tree: summary.html for people, summary.json for programs."""

import json
import time
from pathlib import Path

import numpy as np

from photometrypipeline.base.errors import FAILED, OK, PARTIAL, USAGE
from photometrypipeline.base.files import write_text
from photometrypipeline.frames import means, records
from photometrypipeline.runs import outcomes
from photometrypipeline.runs.datatree import RUNNING
from photometrypipeline.website import pages

STATUS = {
    OK: ("done", "good"),
    PARTIAL: ("done with losses", "partly"),
    FAILED: ("failed", "bad"),
    USAGE: ("failed: cannot be run as it is", "bad"),
}
PAGE, TWIN = "summary.html", "summary.json"
SHARE = 0.05  # of the time that may go into writing the summary of a large tree
LOOK_EVERY_S = 1.0  # at what is at work
SHOWN_LOSSES = 20  # per data set on the page; summary.json has all


class TreeSummary:
    """The summary of a tree while it is worked on; a context manager, after which it is complete."""

    def __init__(self, data_sets, root):
        self.data_sets, self.root = data_sets, Path(root)
        self.page = self.root / PAGE
        self._started = time.strftime("%Y-%m-%d %H:%M:%S")
        self.at_work = []  # texts: data set and step
        self._rows, self._pending = {}, False
        self._look, self._next = 0.0, 0.0

    def __enter__(self):
        (self.root / records.FOLDER).mkdir(exist_ok=True)
        pages.write_static(self.root / records.FOLDER)
        self._write(finished=False)
        return self

    def __exit__(self, *exception):
        self._write(finished=not any(exception))

    def _running(self):
        found = []
        for each in self.data_sets:
            if each.state == RUNNING:
                step = outcomes.read(self.root / each.folder).get("step")
                found.append(f"{each.folder}: {step}" if step else each.folder)
        return found

    def update(self, now=False):
        """Look what is at work; write if a data set ended (`now`) or went on a step, unless that takes too long."""
        began = time.monotonic()
        self._pending |= now
        if began >= self._look or now:
            before, self.at_work = self.at_work, self._running()
            self._pending |= before != self.at_work
            self._look = began + LOOK_EVERY_S
        if self._pending and began >= self._next:
            self._pending = False
            self._write(finished=False)
            self._next = time.monotonic() + (time.monotonic() - began) / SHARE

    def _write(self, finished):
        rows = [self._row(each) for each in self.data_sets]
        about = {"root": str(self.root.resolve()), "started": self._started}
        about |= {"updated": time.strftime("%Y-%m-%d %H:%M:%S"), "finished": finished}
        write_text(self.root / TWIN, json.dumps(about | {"data_sets": [row["facts"] for row in rows]}, indent=1) + "\n")
        html = (
            pages.environment()
            .get_template("tree.html")
            .render(rows=rows, root_name=about["root"], here=f"{records.FOLDER}/", **about)
        )
        pages.write_page(self.page, html)

    def _row(self, each):
        if each.folder in self._rows:
            return self._rows[each.folder]
        row = _row(each, self.root / each.folder)
        if isinstance(each.state, int):
            self._rows[each.folder] = row  # that is how it stays
        return row


def _row(each, path):
    """Return one row (dict): (text, class) of what each step found; `facts` holds the same for programs."""
    began = each.state == RUNNING or isinstance(each.state, int)
    found = records.read(path) if began else {}
    curves = records.light_curves(found.get("distill"), path)
    row = {
        "folder": each.folder,
        "page": f"{each.folder}/diagnostics.html" if began and (path / "diagnostics.html").exists() else None,
        "log": f"{each.folder}/LOG" if began and (path / "LOG").exists() else None,
        **observed(found.get("prepare"), each),
        "registration": registration(found.get("register"), began and "register" in dict(records.read_failures(path))),
        "aperture": aperture(found.get("photometry")),
        "zeropoint": zeropoint(found.get("calibrate")),
        "brightness": brightness(curves),
        "status": status(each, path),
        "losses": [f"{name}: {reason}" for name, reason in each.losses[:SHOWN_LOSSES]],
    }
    if len(each.losses) > SHOWN_LOSSES:
        row["losses"].append(f"and {len(each.losses) - SHOWN_LOSSES} more, see {TWIN}")
    row["facts"] = facts(each, row, found, curves)
    return row


def status(each, path):
    """Return (text, class) of how a data set stands."""
    if not isinstance(each.state, int):
        step = outcomes.read(path).get("step") if each.state == RUNNING else None
        return f"{each.state}: {step}" if step else each.state, ""
    text, kind = STATUS.get(each.state, (f"ended with status {each.state}", "bad"))
    return (f"{text}: {each.error}" if each.error else text), kind


def observed(record, each):
    """Return target, filter and number of frames (dict) of a data set, None or empty where they are not known yet."""
    frames, filters = (record.frames, record.raw_filters) if record else ([], [])
    return {
        "target": ", ".join(dict.fromkeys(frame.object for frame in frames)),
        "filter": (record and record.band) or ", ".join(filters),
        "frames": len(each.images) or None,
    }


def facts(each, row, found, curves):
    """Return what is known of a data set as JSON values (dict)."""
    register, photometry = found.get("register"), found.get("photometry")
    calibrate = found.get("calibrate")
    fitted = [frame for frame in calibrate.frames if frame.zp_mag is not None] if calibrate else []
    return {
        "folder": each.folder,
        "state": row["status"][0],
        "exit_status": each.state if isinstance(each.state, int) else None,
        "error": each.error or None,
        "losses": [{"name": name, "reason": reason} for name, reason in each.losses],
        "duration_s": each.duration_s,
        **{name: row[name] or None for name in ("target", "filter", "frames", "page", "log")},
        "n_registered": sum(bool(frame.registered) for frame in register.frames) if register else None,
        "aprad_px": photometry.aprad_px if photometry else None,
        "zeropoint_mag": float(np.mean([frame.zp_mag for frame in fitted])) if fitted else None,
        "catalog": calibrate.catalog if calibrate else None,
        "targets": [target_facts(curve) for curve in curves],
    }


def target_facts(target):
    """Return what the light curve of a target amounts to (dict)."""
    mean = means.of_rows(target.every)
    names = {name: getattr(target, name) for name in ("name", "kind", "file", "band")}
    return names | {"n_accepted": mean.n, "mean_mag": mean.mag, "std_mag": mean.scatter}


def registration(record, failed=False):
    """Return (text, class) of the registration; `failed`: as a whole, which leaves no record."""
    if record is None:
        return ("failed", "bad") if failed else ("", "")
    if record.skipped:
        return "skipped", ""
    good = sum(bool(frame.registered) for frame in record.frames)
    number = len(record.frames)
    if good == number:
        return "all registered", "good"
    return (f"failed for {number - good}/{number} images", "partly") if good else ("failed", "bad")


def aperture(record):
    """Return (text, class) of the aperture radius."""
    if record is None or record.aprad_px is None:
        return "", ""
    kind = "good" if record.n_target and record.n_background else "partly" if record.curve else ""
    return f"{record.aprad_px:.1f} px, {record.basis}", kind


def zeropoint(record):
    """Return (text, class) of the mean zeropoint."""
    if record is None:
        return "", ""
    fitted = [frame for frame in record.frames if frame.zp_mag is not None]
    if record.mode == "instrumental":
        return ("instrumental", "") if record.band is None else ("none", "bad")
    if not fitted:
        return "none", "bad"
    zp, sig = (np.mean([getattr(frame, name) for frame in fitted]) for name in ("zp_mag", "zp_sig_mag"))
    return f"{zp:.3f} ± {sig:.3f}, {record.catalog or 'given by hand'}", "good" if len(fitted) == len(
        record.frames
    ) else "partly"


def brightness(targets):
    """Return (text, class) of the mean magnitude of the targets, the control star apart."""
    texts = []
    for target in targets:
        mean = means.of_rows(target.every)
        if target.kind != "control" and mean.mag is not None:
            spread = "" if mean.scatter is None else f" ± {mean.scatter:.3f}"
            texts.append(f"{target.name}: {mean.mag:.3f}{spread} {target.band or 'instrumental'}")
    return ("; ".join(texts), "good") if texts else ("no primary target extracted", "partly") if targets else ("", "")
