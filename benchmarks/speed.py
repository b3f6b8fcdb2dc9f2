#!/usr/bin/env python3
"""Measure what a run costs, as ratios to one bare Source Extractor pass over the same frames on one core.

Simulated frames (tests/helpers/sky.py), reference stars and ephemeris in a store next to them, no network, pages on.
Pass and run alternate, so that other work on the machine strikes both.  Ratios of CPU time hold on a busy machine too;
those of wall time are worth something on a quiet one alone.

    .venv/bin/python benchmarks/speed.py -json now.json -compare before.json
    .venv/bin/python benchmarks/speed.py -checkout ../before -sets sparse -pairs 1

-page writes docs/speed.md.
"""

import argparse
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

import sky  # noqa: E402  lies among the tests
from photometrypipeline.instruments import telescopes  # noqa: E402
from photometrypipeline.programs.external import find_program  # noqa: E402

QUIET = {"stdout": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
PROGRAMS = {"Source Extractor": "source-extractor", "SCAMP": "scamp"}  # and the first name that each is looked for by
PAGE = ROOT / "docs" / "speed.md"
FINE = {"scale": 0.1875, "fwhm_arcsec": 0.9, "header": {"CCDBIN1": 1, "CCDBIN2": 1}}
SMALL = {"size": (256, 256), "n_stars": 20}


@dataclass(frozen=True)
class Set:
    """A data set: its frames, and the goal of its run in bare passes."""

    about: str
    frames: int
    goal: float
    knobs: dict


SETS = {
    "usual": Set("10 frames 1k x 1k", 10, 5.0, {"size": (1024, 1024), "n_stars": 320}),
    "sparse": Set("6 sparse frames 1k x 1k", 6, 9.0, {"size": (1024, 1024), "n_stars": 40}),
    "large": Set("5 frames 4k x 4k", 5, 2.2, {"size": (4096, 4096), "n_stars": 2500} | FINE),
    "crowded": Set("4 frames 2k x 2k, 9,000 sources", 4, 2.2, {"size": (2048, 2048), "n_stars": 9000} | FINE),
}
SPEED_UP = 1.7  # of two cores: the goals are of wall time on both
QUIET_LOAD = 0.5  # of the machine before the start, below which wall times count
FEW, MANY = 10, 30  # small frames, between which the cost of a frame is measured


@dataclass
class Cost:
    """CPU time (s) of a process with all that it started, of that each outside program, and wall time (s)."""

    cpu_s: float
    wall_s: float
    programs_s: dict


def measured(argv, folder, settings):
    """Run a command; return its Cost.  Its output goes to the end of the error if it fails."""
    notes = {program: settings / f"{name}.times" for program, name in PROGRAMS.items()}
    for path in notes.values():
        path.unlink(missing_ok=True)
    environment = {**os.environ, "XDG_CONFIG_HOME": str(settings), "XDG_DATA_HOME": str(settings)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # with it all sources are compiled each time
    environment["PATH"] = f"{settings / 'bin'}:{environment['PATH']}"
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(argv, cwd=folder, env=environment, stderr=subprocess.PIPE, check=False, **QUIET)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, argv))}\n{done.stderr.decode()[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, wall, {program: noted(path) for program, path in notes.items()})


def noted(path):
    """Return the sum of the times (s) that shells noted with `times`: of their children, in every second line."""
    if not path.exists():
        return 0.0
    children = path.read_text().splitlines()[1::2]
    return sum(60 * float(m) + float(s) for line in children for m, s in re.findall(r"(\d+)m([\d.]+)s", line))


def shims(folder):
    """Put a script for each outside program into `folder` that runs it and notes its times."""
    folder.mkdir()
    for program, name in PROGRAMS.items():
        script, notes = folder / name, folder.parent / f"{name}.times"
        script.write_text(f'#!/bin/bash\n{find_program(program)} "$@"\ncode=$?\ntimes >> {notes}\nexit $code\n')
        script.chmod(0o755)


def bare_pass(folder, names, settings):
    """Return the Cost of one bare Source Extractor pass over the frames."""
    setup = telescopes.SETUP_FOLDER
    wanted = f"-c {setup / 'pipeline.sex'} -PARAMETERS_NAME {setup / 'singleaperture.sexparam'}"
    wanted += " -DETECT_MINAREA 12 -DETECT_THRESH 1.5 -ANALYSIS_THRESH 1.5 -CATALOG_NAME /dev/null -VERBOSE_TYPE QUIET"
    program = find_program("Source Extractor")
    lines = "\n".join(f"PHOTPIPEDIR={setup.parent} {program} {name} {wanted} || exit 1" for name in names)
    return measured(["sh", "-c", lines], folder, settings)


def run(folder, names, settings, checkout, *options):
    """Return the Cost of pp_run on the frames in `folder`."""
    argv = [sys.executable, str(checkout / "pp_run.py"), *names, "-offline", *options]
    return measured(argv, folder, settings)


def warm_up(settings, checkout):
    """Run once, so that all is compiled and cached."""
    with tempfile.TemporaryDirectory(prefix="pp_speed_") as place:
        run(place, sky.make_dataset(place, 2, seed=3, **SMALL).files, settings, checkout)


def measure_set(each, pairs, settings, checkout, jobs):
    """Return what a Set costs (dict): ratios of CPU and wall time to a bare pass, shares of the programs (medians)."""
    rows, again = [], []
    with tempfile.TemporaryDirectory(prefix="pp_speed_") as place:
        raw, work = Path(place) / "raw", Path(place) / "work"
        names = sky.make_dataset(raw, each.frames, seed=3, **each.knobs).files
        for _ in range(pairs):
            shutil.rmtree(work, ignore_errors=True)
            shutil.copytree(raw, work)
            bare = bare_pass(raw, names, settings)
            done = run(work, names, settings, checkout, *(["-jobs", str(jobs)] if jobs else []))
            again.append(run(work, names, settings, checkout).cpu_s)
            row = {"bare_cpu_s": bare.cpu_s, "cpu_s": done.cpu_s, "cpu_ratio": done.cpu_s / bare.cpu_s}
            row |= {"wall_s": done.wall_s, "wall_ratio": done.wall_s / bare.cpu_s}
            row |= {f"{name} share": part / done.cpu_s for name, part in done.programs_s.items()}
            rows.append(row)
    found = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    return found | {"nothing_to_do_cpu_s": statistics.median(again)}


def measure_a_frame_more(pairs, settings, checkout):
    """Return the CPU time (s) that a frame of 256 x 256 px adds to a run."""
    costs = []
    with tempfile.TemporaryDirectory(prefix="pp_speed_") as place:
        raw, work = Path(place) / "raw", Path(place) / "work"
        names = sky.make_dataset(raw, MANY, seed=3, **SMALL).files
        for _ in range(pairs):
            spent = []
            for number in (FEW, MANY):
                shutil.rmtree(work, ignore_errors=True)
                shutil.copytree(raw, work)
                spent.append(run(work, names[:number], settings, checkout).cpu_s)
            costs.append((spent[1] - spent[0]) / (MANY - FEW))
    return statistics.median(costs)


def measure_help(settings, checkout):
    """Return the CPU time (s) of `pp_run -h`, the median of five."""
    argv = [sys.executable, str(checkout / "pp_run.py"), "-h"]
    return statistics.median(measured(argv, settings, settings).cpu_s for _ in range(5))


def rows_of(result, earlier=None):
    """Return the table of a result (list of rows of text), with a column of an earlier one where that is given."""

    def row(about, goal, unit, of):
        values = [of(each) for each in ([earlier, result] if earlier else [result])]
        return [about, *(f"{value:.3g}{unit}" if value is not None else "" for value in values), f"{goal:g}{unit}"]

    rows = []
    for name, each in SETS.items():
        if name in result["sets"]:
            kinds = {"CPU": each.goal * SPEED_UP} | ({"wall": each.goal} if result.get("quiet") else {})
            for kind, goal in kinds.items():
                found = f"{kind.lower()}_ratio"
                rows.append(
                    row(f"{each.about}, {kind}", goal, " x", lambda of: of["sets"].get(name, {}).get(found))  # noqa: B023
                )
            for program, goal in (("Source Extractor", None), ("SCAMP", 10)):
                share = f"{program} share"
                made = row(
                    f"&nbsp; of the CPU time {program}",
                    goal or 0,
                    " %",
                    lambda of: 100 * of["sets"][name][share] if name in of["sets"] else None,  # noqa: B023
                )
                rows.append(made if goal else [*made[:-1], ""])
    for key, about, goal in (
        ("nothing_to_do_cpu_s", "a run that has nothing to do", 0.5),
        ("help_cpu_s", "`pp_run -h`", 0.2),
        ("frame_cpu_s", "a frame of 256 x 256 px more", 0.25),
    ):
        if key in result:
            rows.append(row(f"{about}, CPU", goal, " s", lambda of: of.get(key)))  # noqa: B023
    return rows


def table(result, earlier=None):
    """Return the table of a result as Markdown."""
    head = ["what", *(["before"] if earlier else []), "now", "goal"]
    lines = [head, ["---"] * len(head), *rows_of(result, earlier)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_page(result, earlier=None):
    """Write docs/speed.md: what stands there, with the table renewed."""
    text = PAGE.read_text(encoding="utf-8")
    made = f"<!-- table -->\n{table(result, earlier)}\n<!-- end -->"
    PAGE.write_text(re.sub(r"<!-- table -->.*<!-- end -->", lambda _: made, text, flags=re.DOTALL), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-sets", nargs="*", choices=SETS, default=list(SETS), help="default: all")
    parser.add_argument("-pairs", type=int, default=3, help="of a bare pass and a run (default: 3)")
    parser.add_argument("-jobs", type=int, help="of the runs (default: the cores)")
    parser.add_argument("-checkout", type=Path, default=ROOT, help="whose pp_run is measured (default: this one)")
    parser.add_argument("-brief", action="store_true", help="the sets alone")
    parser.add_argument("-json", type=Path, help="file to write")
    parser.add_argument("-compare", type=Path, help="file of an earlier measurement")
    parser.add_argument("-page", action="store_true", help="renew docs/speed.md")
    args = parser.parse_args()
    earlier = json.loads(args.compare.read_text()) if args.compare else None
    result = {"cores": os.cpu_count(), "python": platform.python_version(), "pairs": args.pairs, "sets": {}}
    result["quiet"] = os.getloadavg()[0] < QUIET_LOAD
    with tempfile.TemporaryDirectory(prefix="pp_speed_settings_") as place:
        settings = Path(place)
        shims(settings / "bin")
        warm_up(settings, args.checkout.resolve())
        for name in args.sets:
            found = measure_set(SETS[name], args.pairs, settings, args.checkout.resolve(), args.jobs)
            result["sets"][name] = found
            print(name, {key: round(value, 3) for key, value in found.items()}, flush=True)
        if not args.brief:
            result["nothing_to_do_cpu_s"] = result["sets"][args.sets[0]]["nothing_to_do_cpu_s"]
            result["help_cpu_s"] = measure_help(settings, args.checkout.resolve())
            result["frame_cpu_s"] = measure_a_frame_more(args.pairs, settings, args.checkout.resolve())
    print(table(result, earlier))
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n")
    if args.page:
        write_page(result, earlier)


if __name__ == "__main__":
    main()
