#!/usr/bin/env python3
"""Measure what a run costs: wall time against bare Source Extractor, time per frame, gain of a second core, memory.

Simulated frames (tests/helpers/sky.py), reference stars and ephemeris in a store next to them, no network.  A table is
printed.

Example:
  .venv/bin/python benchmarks/budget.py -frames 10 40 -size 1024
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

import sky  # noqa: E402  lies among the tests
from photometrypipeline.instruments import telescopes  # noqa: E402
from photometrypipeline.programs.external import find_program  # noqa: E402

QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}


def bare_pass(folder, names, jobs):
    """Return the wall time (s) of one bare Source Extractor pass over the frames, `jobs` at a time."""
    setup = telescopes.SETUP_FOLDER

    def one(name):
        argv = [find_program("Source Extractor"), name, "-c", str(setup / "pipeline.sex"), "-DETECT_MINAREA", "12"]
        argv += ["-DETECT_THRESH", "1.5", "-ANALYSIS_THRESH", "1.5", "-CATALOG_NAME", f"{name}.bare"]
        argv += ["-PARAMETERS_NAME", str(setup / "singleaperture.sexparam")]
        subprocess.run(argv, cwd=folder, env={**os.environ, "PHOTPIPEDIR": str(setup.parent)}, check=True, **QUIET)

    start = time.perf_counter()
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, names))
    return time.perf_counter() - start


def pipeline(folder, names, jobs, settings):
    """Return (wall time in s, of that SCAMP, peak memory in MB) of one `pp_run` in a process of its own."""
    argv = [sys.executable, str(ROOT / "pp_run.py"), *names, "-offline", "-jobs", str(jobs)]
    notes = timed_scamp(settings)
    notes.unlink(missing_ok=True)
    environment = {**os.environ, "XDG_CONFIG_HOME": str(settings), "XDG_DATA_HOME": str(settings)}
    environment["PATH"] = f"{settings}:{environment['PATH']}"
    start = time.perf_counter()
    subprocess.run(argv, cwd=folder, env=environment, check=True, **QUIET)
    wall = time.perf_counter() - start
    scamp = sum(float(end) - float(begin) for begin, end in (line.split() for line in notes.read_text().splitlines()))
    return wall, scamp, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def timed_scamp(folder):
    """Put a `scamp` into `folder` that runs the real one and notes how long it took; returns the file of its notes."""
    notes, script = folder / "scamp_seconds", folder / "scamp"
    script.write_text(
        f'#!/bin/sh\nb=$(date +%s.%N)\n{find_program("SCAMP")} "$@"\nc=$?\n'
        f'echo "$b $(date +%s.%N)" >> {notes}\nexit $c\n'
    )
    script.chmod(0o755)
    return notes


def measure(n_frames, size, jobs, settings):
    """Print one row: a data set of `n_frames` square frames of `size` px."""
    folder = Path(tempfile.mkdtemp(prefix="pp_budget_"))
    try:
        n_stars = int(110 * (size / 600) ** 2)
        truth = sky.make_dataset(folder, n_frames, size=(size, size), n_stars=n_stars, cadence_s=40.0)
        bare = bare_pass(folder, truth.files, jobs)
        wall, scamp, memory = pipeline(folder, truth.files, jobs, settings)
        goal = 1.5 * bare + scamp + 1
        print(
            f"{n_frames:6d} {size:5d} {jobs:4d} {bare:8.2f} {scamp:8.2f} {wall:8.2f} {goal:8.2f} "
            f"{wall / n_frames:8.3f} {memory:8.0f}"
        )
    finally:
        shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-frames", type=int, nargs="+", default=[10, 40], help="sizes of data sets (default: 10 40)")
    parser.add_argument("-size", type=int, default=1024, help="px (default: 1024)")
    parser.add_argument("-pages", action="store_true", help="make the diagnostics as well")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pp_budget_settings_") as settings:
        folder = Path(settings) / "photometrypipeline"
        folder.mkdir()
        (folder / "pp_setup.py").write_text(f"diagnostics = {args.pages}\n")
        print("frames  size jobs  bare(s) scamp(s)   run(s)  goal(s) s/frame   MB(peak)")
        for n_frames in args.frames:
            for jobs in (1, 2):
                measure(n_frames, args.size, jobs, Path(settings))


if __name__ == "__main__":
    main()
