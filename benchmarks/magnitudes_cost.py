#!/usr/bin/env python3
"""Measure what it costs that magnitudes are what docs/accuracy.md says: bad pixels, sky, neighbours, trails, one night.

One run of pp_run, in this process and on one core; the functions of each part are timed (CPU time), what one calls of
another is counted there.  The last line says how much longer the run takes than one without all of them would.

Example:
  .venv/bin/python benchmarks/magnitudes_cost.py -frames 40
"""

import argparse
import collections
import contextlib
import functools
import io
import os
import resource
import runpy
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

import sky  # noqa: E402  lies among the tests

PARTS = {
    "bad pixels found": ("photometrypipeline.photometry.sequencemask", "of_frames", "beforehand"),
    "bad pixels filled": ("photometrypipeline.photometry.masking", "filled"),
    "light of all sources": ("photometrypipeline.photometry.listlight", "put_into"),
    "light of neighbours of reference stars": ("photometrypipeline.calibration.isolation", "neighbour_light"),
    "solution of the night": ("photometrypipeline.calibration.nightly", "solve", "frame_stars"),
    "profiles of the frames": ("photometrypipeline.targets.exposures", "expose"),
    "artificial targets": ("photometrypipeline.targets.measuring", "Measuring._injections"),
    "targets and their neighbours": ("photometrypipeline.targets.measuring", "Measuring.run"),
}
spent, running = collections.Counter(), []


def timed(part, function):
    """Return `function`, its CPU time added to that of a part and taken off that of the part that calls it."""

    @functools.wraps(function)
    def wrapper(*arguments, **options):
        began = time.process_time()
        running.append(part)
        try:
            return function(*arguments, **options)
        finally:
            lasted = time.process_time() - began
            running.pop()
            spent[part] += lasted
            if running:
                spent[running[-1]] -= lasted

    return wrapper


def wrap():
    """Let the functions of all PARTS be timed."""
    for part, (module, *names) in PARTS.items():
        __import__(module)
        for name in names:
            owner, _, own = name.rpartition(".")
            place = getattr(sys.modules[module], owner) if owner else sys.modules[module]
            setattr(place, own, timed(part, getattr(place, own)))


def cpu_s():
    """Return the CPU time (s) of this process and of those that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def run(names):
    """Run pp_run in this process, silently."""
    sys.argv = [str(ROOT / "pp_run.py"), "-offline", "-jobs", "1", *names]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        runpy.run_path(sys.argv[0], run_name="__main__")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-frames", type=int, default=40, metavar="N", help="of 1024 x 1024 px (default: 40)")
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory(prefix="pp_cost_") as place:
        os.environ.update(XDG_CONFIG_HOME=place + "/settings", XDG_DATA_HOME=place + "/settings", OMP_NUM_THREADS="1")
        (Path(place) / "settings").mkdir()
        folder = Path(place) / "frames"
        folder.mkdir()
        truth = sky.make_dataset(folder, args.frames, size=(1024, 1024), n_stars=320, seed=3)
        os.chdir(folder)
        wrap()
        began = cpu_s()
        run(truth.files)
        whole = cpu_s() - began
        os.chdir(place)
        shutil.rmtree(folder)
    print("| part | s |\n|---|---|")
    for part in PARTS:
        print(f"| {part} | {spent[part]:.1f} |")
    total = sum(spent.values())
    print(f"| all of them | {total:.1f} |\n| `pp_run` | {whole:.1f} |")
    print(f"| more than a run without | {100 * total / (whole - total):.0f} % |")


if __name__ == "__main__":
    main()
