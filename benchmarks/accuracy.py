#!/usr/bin/env python3
"""Measure how near to the photon limit magnitudes come, and how honest their errors are, on simulated nights.

Each series of benchmarks/nights.py is run with pp_run -offline, and pp_distill -target for its other moving targets.
Columns, of the accepted measurements (mmag unless said otherwise):
  bias         mean error, and its uncertainty from the scatter of the targets' means
  limit        what photons of target and sky and the read noise allow in the chosen aperture
  rms/limit    of all errors; `frame`: of the light curves about their own means, which a common error leaves alone
  1 s, 2 s     share within one and two sigma (%): of err_frame with err_zp_common and err_color, the common errors that
               simulated nights have (not err_transformation, nor err_uniformity), or of err_total where a version has
               only that; `frame`: of err_frame about the mean of the light curve
  > 5 s        measurements further than five sigma (and than 5 limits) from the truth
  kept         share (%) of the frames with an accepted measurement
  s            wall time of pp_run with its pages

Examples:
  .venv/bin/python benchmarks/accuracy.py -seeds 3
  .venv/bin/python benchmarks/accuracy.py -optics
  .venv/bin/python benchmarks/accuracy.py -series plain "trail 6" -code ../old -nights /tmp/nights -o before.json
"""

import argparse
import json
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import nights
from photometrypipeline.frames.frame import read_header

HEAD = (
    "series",
    "n",
    "bias",
    "limit",
    "rms/limit",
    "frame",
    "1 s",
    "2 s",
    "frame 1 s",
    "frame 2 s",
    "> 5 s",
    "kept",
    "s",
)


def simulated(name, seed, folder):
    """Return the Targets (list) of a night whose frames lie in `folder`, where it is made unless it is there."""
    known = folder / "targets.pickle"
    if not known.exists():
        shutil.rmtree(folder, ignore_errors=True)
        targets = nights.make(folder, nights.ALL[name], seed)
        known.write_bytes(pickle.dumps(targets))
    return pickle.loads(known.read_bytes())


def run(code, folder, targets, jobs, options):
    """Run the pipeline in the checkout `code` over `folder`; returns the wall time (s) of pp_run.

    A command that fails leaves frames without measurements, which count as lost; its last words are shown.
    """
    own = code / ".venv" / "bin" / "python"
    python = str(own) if own.exists() else sys.executable
    settings = str(folder / "settings")
    environment = {**os.environ, "XDG_CONFIG_HOME": settings, "XDG_DATA_HOME": settings, "OMP_NUM_THREADS": "1"}
    names = targets[0].truth.files
    commands = [["pp_run.py", "-jobs", str(jobs), *options]]
    commands += [["pp_distill.py", "-target", each.truth.night.target] for each in targets[1:]]
    walls, rows = [], {}
    for target, (script, *arguments) in zip(targets, commands, strict=True):
        started = time.monotonic()
        argv = [python, str(code / script), *arguments, "-offline", *names]
        done = subprocess.run(
            argv, cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        walls.append(time.monotonic() - started)
        if done.returncode not in (0, 3):
            print(
                f"{folder.name}: {script} ended with {done.returncode}: {done.stderr.strip()[-500:]}", file=sys.stderr
            )
        rows[target.truth.night.target] = observations(folder, target)
    return walls[0], rows


def observations(folder, target):
    """Return {frame: row as a dict} of one target from photometry.db."""
    if not (folder / "photometry.db").exists():
        return {}
    connection = sqlite3.connect(folder / "photometry.db")
    connection.row_factory = sqlite3.Row
    rows = connection.execute("select * from observations where kind = 'primary'").fetchall()
    connection.close()
    return {row["frame"]: dict(row) for row in rows if row["target"].startswith(target.truth.night.target)}


def measured(target, rows, folder):
    """Return a dict of arrays, an element per frame: error, limit, claimed errors (mag), accepted."""
    error, limit, total, frame_only = np.full((4, len(target.truth.files)), np.nan)
    accepted = np.zeros(len(error), bool)
    for k, name in enumerate(target.truth.files):
        row, header = rows.get(name), read_header(folder / name)
        if "APRAD" in header:
            limit[k] = target.limit_mag(k, header["APRAD"])
        if not row or row["mag"] is None or row["band"] is None:
            continue
        accepted[k], error[k] = row["status"] == "accepted", row["mag"] - target.truth.mag[k]
        parts = [row.get(name) for name in ("err_frame", "err_zp_common", "err_color")]
        total[k] = np.sqrt(np.sum(np.square(parts))) if None not in parts else row["err_total"]
        frame_only[k] = parts[0] if parts[0] is not None else row["err_total"]
    return {"error": error, "limit": limit, "total": total, "frame_only": frame_only, "accepted": accepted}


def one_night(name, seed, args):
    """Return the measurements of all targets of one night (list of dicts of lists), and the wall time (s)."""
    with tempfile.TemporaryDirectory(prefix="pp_accuracy_") as scratch:
        folder = Path(args.nights or scratch) / f"{name.replace(' ', '_')}_{seed}"
        targets = simulated(name, seed, folder)[: args.targets]
        work = Path(scratch) / f"{name.replace(' ', '_')}_{seed}_run"
        shutil.copytree(folder, work)
        wall_s, rows = run(args.code, work, targets, args.jobs, args.options.split())
        found = [measured(each, rows[each.truth.night.target], work) for each in targets]
        reasons = {f"{frame} {body}": row["reason"] for body, own in rows.items() for frame, row in own.items()
                   if row["reason"]}  # fmt: skip
    for each in found:
        each.update({key: np.where(np.isfinite(values), values, None).tolist() if key != "accepted" else values.tolist()
                     for key, values in each.items()})  # fmt: skip
    return {"series": name, "seed": seed, "wall_s": wall_s, "targets": found, "reasons": reasons}


def summary(runs):
    """Return the figures (dict) of one series from its nights."""
    curves = [{key: np.array(values, float) for key, values in each.items()} for one in runs for each in one["targets"]]
    kept = np.concatenate([each["accepted"] for each in curves]).astype(bool)
    good = [{key: values[each["accepted"] == 1] for key, values in each.items()} for each in curves]
    good = [each for each in good if each["error"].size]
    if not good:
        return {"n": 0, "kept": 0.0, "wall_s": float(np.mean([one["wall_s"] for one in runs]))}
    error, limit, total = (np.concatenate([each[key] for each in good]) for key in ("error", "limit", "total"))
    means = np.array([each["error"].mean() for each in good])
    several = [each for each in good if each["error"].size > 2]
    away, pulls, expected = ([], [], [])
    for each in several:
        rest = (each["error"] - each["error"].mean()) * np.sqrt(each["error"].size / (each["error"].size - 1))
        away.append(rest), pulls.append(rest / each["frame_only"]), expected.append(each["limit"])
    away, pulls, expected = (np.concatenate(values) if values else np.empty(0) for values in (away, pulls, expected))
    z = np.abs(error) / total
    return {
        "n": int(error.size),
        "bias_mmag": 1e3 * float(error.mean()),
        "bias_sigma_mmag": 1e3 * float(means.std() / np.sqrt(max(len(means) - 1, 1))),
        "limit_mmag": 1e3 * float(np.sqrt(np.mean(limit**2))),
        "rms_over_limit": float(np.sqrt(np.mean((error / limit) ** 2))),
        "frame_rms_over_limit": float(np.sqrt(np.mean((away / expected) ** 2))),
        "within_1": 100 * float(np.mean(z < 1)),
        "within_2": 100 * float(np.mean(z < 2)),
        "frame_within_1": 100 * float(np.mean(np.abs(pulls) < 1)),
        "frame_within_2": 100 * float(np.mean(np.abs(pulls) < 2)),
        "outliers": int(np.sum((z > 5) & (np.abs(error) > 5 * limit))),
        "kept": 100 * float(kept.mean()),
        "wall_s": float(np.mean([one["wall_s"] for one in runs])),
    }


def line_of(name, found):
    """Return a row of the table (Markdown)."""
    if not found["n"]:
        return f"| {name} | 0 |" + " |" * (len(HEAD) - 4) + f" 0 | {found['wall_s']:.0f} |"
    cells = [name, f"{found['n']}", f"{found['bias_mmag']:+.1f} ± {found['bias_sigma_mmag']:.1f}"]
    cells += [f"{found['limit_mmag']:.1f}", f"{found['rms_over_limit']:.2f}", f"{found['frame_rms_over_limit']:.2f}"]
    cells += [f"{found[key]:.0f}" for key in ("within_1", "within_2", "frame_within_1", "frame_within_2")]
    cells += [f"{found['outliers']}", f"{found['kept']:.0f}", f"{found['wall_s']:.0f}"]
    return f"| {' | '.join(cells)} |"


def add_nights(parser):
    """Add the options that say which nights are meant."""
    parser.add_argument("-series", nargs="+", choices=list(nights.ALL), metavar="NAME",
                        help=f"of {', '.join(nights.SERIES)} (default: these), {', '.join(nights.OPTICS)}")  # fmt: skip
    parser.add_argument("-optics", action="store_true", help="the series of other optics, skies and telescopes instead")
    parser.add_argument("-seeds", type=int, default=1, metavar="N", help="nights of each series (default: 1)")
    parser.add_argument("-first", type=int, default=1, metavar="SEED", help="of the first night (default: 1)")
    parser.add_argument("-targets", type=int, default=4, metavar="N", help="of each night, measured (default: 4)")


def names(args):
    """Return the names of the series that the options ask for, list."""
    return args.series or list(nights.OPTICS if args.optics else nights.SERIES)


def options():
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_nights(parser)
    parser.add_argument("-jobs", type=int, default=1, metavar="N", help="-jobs of pp_run (default: 1)")
    parser.add_argument("-side", type=int, default=1, metavar="N", help="nights simulated in parallel (default: 1)")
    parser.add_argument(
        "-code", type=Path, default=nights.ROOT, metavar="DIR", help="checkout to run (default: this one)"
    )
    parser.add_argument("-nights", type=Path, metavar="DIR", help="keep the frames there, and use those that are there")
    parser.add_argument("-options", default="", metavar="TEXT", help="further options of pp_run, in quotes")
    parser.add_argument("-o", type=Path, metavar="FILE", help="write all measurements and figures as JSON")
    args = parser.parse_args()
    args.code = args.code.resolve()
    return args


def main():
    args = options()
    asked = [(name, seed) for name in names(args) for seed in range(args.first, args.first + args.seeds)]
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD), flush=True)
    runs, figures = [], {}
    with ThreadPoolExecutor(args.side) as pool:
        for one in pool.map(lambda pair: one_night(*pair, args), asked):
            runs.append(one)
            of_series = [each for each in runs if each["series"] == one["series"]]
            if len(of_series) == args.seeds:
                figures[one["series"]] = summary(of_series)
                print(line_of(one["series"], figures[one["series"]]), flush=True)
    if args.o:
        args.o.write_text(json.dumps({"code": args.code.name, "figures": figures, "nights": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
