#!/usr/bin/env python3
"""Measure the website: what it adds to the time of a run, and how long a browser takes to show the overview.

Example:
  .venv/bin/python benchmarks/pages.py cost -repeat 3
  .venv/bin/python benchmarks/pages.py cost -frames 20 -size 2048
  .venv/bin/python benchmarks/pages.py show -frames 1 10 2000
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

import browser  # noqa: E402  lies among the tests
import diagnostics  # noqa: E402
import fakerun  # noqa: E402
import sky  # noqa: E402
import website  # noqa: E402
from photometrypipeline.frames import records  # noqa: E402
from photometrypipeline.website.websettings import DiagnosticsSettings  # noqa: E402

QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}


def cost(args):
    """Print wall and CPU time (s) of pp_run with and without pages, and what pages add, of `args.repeat` runs each."""
    with tempfile.TemporaryDirectory(prefix="pp_pages_") as place:
        pristine = Path(place) / "pristine"
        if args.frames:
            pristine.mkdir()
            n_stars = int(110 * (args.size / 600) ** 2)
            sky.make_dataset(pristine, args.frames[0], size=(args.size, args.size), n_stars=n_stars, cadence_s=40.0)
        else:
            shutil.copytree(ROOT / "example_data" / "vatt4k", pristine)
        spent = {False: [], True: []}
        for count in range(args.repeat):
            for pages in (False, True) if count % 2 else (True, False):  # a machine that slows down hits both
                spent[pages].append(run(pristine, Path(place), pages))
    for index, name in enumerate(("wall", "CPU")):
        report(name, *([times[index] for times in spent[pages]] for pages in (False, True)))


def report(name, without, with_pages):
    """Print how two lists of times (s), measured in pairs, differ: least against least, and the median of the pairs."""
    ratios = [after / before - 1 for before, after in zip(without, with_pages, strict=True)]
    middle = statistics.median(ratios)
    error = 1.86 * statistics.median(abs(ratio - middle) for ratio in ratios) / len(ratios) ** 0.5  # of a median
    found = f"{middle:+.1%}" + (f" +- {error:.1%}" if len(ratios) > 2 else "")
    least = f"{name} time: {min(without):.2f} s, with pages {min(with_pages):.2f} s"
    print(f"{least}: {min(with_pages) / min(without) - 1:+.1%}; in pairs {found}", flush=True)


def run(pristine, place, pages):
    """Return (wall, CPU) time in s of one pp_run on a copy of `pristine`."""
    folder, settings = place / "run", place / "settings" / "photometrypipeline"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(pristine, folder)
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "pp_setup.py").write_text(f"diagnostics = {pages}\n")
    names = sorted(path.name for path in folder.glob("*.fits"))
    environment = {**os.environ, "XDG_CONFIG_HOME": str(settings.parent), "XDG_DATA_HOME": str(settings.parent)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # users have their modules compiled
    before, start = os.times(), time.perf_counter()
    argv = [sys.executable, str(ROOT / "pp_run.py"), *names, "-offline"]
    subprocess.run(argv, cwd=folder, env=environment, check=True, **QUIET)
    wall, after = time.perf_counter() - start, os.times()
    return wall, sum(after[2:4]) - sum(before[2:4])


def show(args):
    """Print how large the overview of an invented run is, and how long headless Chromium takes to show it."""
    print("frames  render(s)  overview(MB)  loaded(s)  first paint(s)")
    for n_frames in args.frames or [10, 2000]:
        with tempfile.TemporaryDirectory(prefix="pp_pages_") as place:
            folder, field = Path(place), fakerun.Field(n_frames=n_frames)
            field.write_frames(folder)
            for step in records.STEPS:
                website.record(step, getattr(fakerun, step)(field), folder)
            start = time.perf_counter()
            plots = DiagnosticsSettings(show_phot_calibration_plots=n_frames < 100)  # they are not on the overview
            page = diagnostics.render(folder, plots, jobs=os.cpu_count())
            rendered = time.perf_counter() - start
            loaded, painted = min(shown(page.as_uri()) for _ in range(args.repeat))
            size = page.stat().st_size / 1e6
            print(f"{n_frames:6d} {rendered:10.1f} {size:13.2f} {loaded:10.2f} {painted:15.2f}", flush=True)


def shown(address):
    """Return (time until the load event, until the first content is painted), s, of a page in a fresh Chromium."""
    with tempfile.TemporaryDirectory() as profile, browser.Browser(profile) as chromium:
        page = chromium.page(width=1300, height=900)
        loaded = page.open(address)
        page.settle()
        paint = "performance.getEntriesByName('first-contentful-paint').map((entry) => entry.startTime)[0]"
        assert page.problems == []
        return loaded, page.evaluate(paint) / 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["cost", "show"])
    parser.add_argument(
        "-frames", type=int, nargs="+", help="cost: of a simulated run (default: the example); show: each"
    )
    parser.add_argument("-size", type=int, default=1024, help="cost: of simulated frames, px (default: 1024)")
    parser.add_argument("-repeat", type=int, default=1, help="the least of so many measurements (default: 1)")
    args = parser.parse_args()
    {"cost": cost, "show": show}[args.what](args)


if __name__ == "__main__":
    main()
