"""What became of the data sets of a tree, as rows of summary.html."""

from pathlib import Path

import numpy as np

from photometrypipeline import records
from photometrypipeline.errors import FAILED, OK, PARTIAL, USAGE

STATUS = {
    OK: ("done", "good"),
    PARTIAL: ("done with losses", "partly"),
    FAILED: ("failed", "bad"),
    USAGE: ("failed: cannot be run as it is", "bad"),
}


def rows(states, root):
    """Return one dict per data set: folder, page, and (text, class) of what each step found.

    states : {folder: exit status of pp_run, or text for one that has none yet}
    """
    return [_row(folder, state, Path(root) / folder) for folder, state in states.items()]


def _row(folder, state, path):
    found = records.read(path) if isinstance(state, int) else {}
    failures = records.read_failures(path) if isinstance(state, int) else []
    text, kind = STATUS.get(state, (str(state), "")) if isinstance(state, int) else (state, "")
    if failures and state != OK:
        text += ": " + "; ".join(f"{step}: {message}" for step, message in failures)
    prepare = found.get("prepare") or {"frames": [], "raw_filters": [], "band": None}
    targets = (found.get("distill") or {"targets": []})["targets"]
    return {
        "folder": folder,
        "page": f"{folder}/diagnostics.html" if (path / "diagnostics.html").exists() else None,
        "log": f"{folder}/LOG" if (path / "LOG").exists() else None,
        "target": ", ".join(dict.fromkeys(str(frame["object"]) for frame in prepare["frames"])),
        "filter": prepare["band"] or ", ".join(map(str, prepare["raw_filters"])),
        "frames": len(prepare["frames"]) or None,
        "registration": registration(found.get("register")),
        "aperture": aperture(found.get("photometry")),
        "zeropoint": zeropoint(found.get("calibrate")),
        "brightness": brightness(targets),
        "status": (text, kind),
    }


def registration(record):
    """Return (text, class) of the registration."""
    if record is None:
        return "", ""
    if record["skipped"]:
        return "skipped", ""
    good = sum(bool(frame["registered"]) for frame in record["frames"])
    number = len(record["frames"])
    if good == number:
        return "all registered", "good"
    return (f"failed for {number - good}/{number} images", "partly") if good else ("failed", "bad")


def aperture(record):
    """Return (text, class) of the aperture radius."""
    if record is None or record["aprad_px"] is None:
        return "", ""
    kind = "good" if record["n_target"] and record["n_background"] else "partly" if record["curve"] else ""
    return f"{record['aprad_px']:.1f} px, {record['basis']}", kind


def zeropoint(record):
    """Return (text, class) of the mean zeropoint."""
    if record is None:
        return "", ""
    fitted = [frame for frame in record["frames"] if frame["zp"] is not None]
    if record["mode"] == "instrumental":
        return ("instrumental", "") if record["band"] is None else ("none", "bad")
    if not fitted:
        return "none", "bad"
    zp, sig = (np.mean([frame[name] for frame in fitted]) for name in ("zp", "zp_sig"))
    return f"{zp:.3f} ± {sig:.3f}, {record['catalog'] or 'given by hand'}", "good" if len(fitted) == len(
        record["frames"]
    ) else "partly"


def brightness(targets):
    """Return (text, class) of the mean magnitude of the targets, the control star apart."""
    texts = []
    for target in targets:
        values = [row["mag"] for row in target["rows"] if row["accepted"] and row["mag"] is not None]
        if target["kind"] != "control" and values:
            texts.append(
                f"{target['name']}: {np.mean(values):.3f} ± {np.std(values):.3f} {target['band'] or 'instrumental'}"
            )
    return ("; ".join(texts), "good") if texts else ("no primary target extracted" if targets else "", "partly")
