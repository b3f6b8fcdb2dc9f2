#!/usr/bin/env python3
"""Measure what a large tree costs besides the work on the frames: finding, summary, starting, the scheduler.

    .venv/bin/python benchmarks/tree.py -sets 10000
    .venv/bin/python benchmarks/tree.py -whole 10 -checkout ../before

CPU times, so that other work on the machine matters little; the frames are not looked at, but with -whole: then small
data sets are run whole, with pages, by two processes.
"""

import argparse
import contextlib
import ctypes
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

import sky  # noqa: E402  lies with the tests
from photometrypipeline.runs import cluster, datatree, treesummary  # noqa: E402


def cpu_s():
    """Return the CPU time (s) of this process and of its children that have ended."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def timed(label, n, work):
    """Do the work, print its CPU time for each of `n`."""
    began = cpu_s()
    result = work()
    spent = cpu_s() - began
    print(f"{label:60s} {spent:8.2f} s {1000 * spent / n:10.3f} ms each", flush=True)
    return result


def one_data_set(folder):
    """Print the cost of one data set of ten frames of 1024 x 1024 pixels, done and up to date."""
    truth = sky.make_dataset(folder, 10, seed=3, size=(1024, 1024), n_stars=250)
    argv = [sys.executable, str(ROOT / "pp_run.py"), "-offline", *truth.files]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    for label in ("one data set of ten frames of 1024 x 1024 pixels", "the same again, all up to date"):
        timed(label, 1, lambda: subprocess.run(argv, cwd=folder, check=True, **quiet))


def whole_sets(place, number, checkout):
    """Print what `number` data sets of three frames of 400 x 400 pixels cost with `pp_run all` of a checkout."""
    subreaper = 36
    ctypes.CDLL(None).prctl(subreaper, 1, 0, 0, 0)  # processes whose parents have ended are counted here
    sky.make_dataset(place / "s0", 3, seed=3, size=(400, 400), n_stars=70)
    for each in range(1, number):
        shutil.copytree(place / "s0", place / f"s{each}")
    argv = [sys.executable, str(checkout / "pp_run.py"), "all", "-offline", "-jobs", "2"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}

    def work():
        subprocess.run(argv, cwd=place, check=True, **quiet)
        wall_s = time.monotonic() - began
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait()
        return wall_s

    began = time.monotonic()
    wall_s = timed(f"{number} data sets of three frames of 400 x 400 pixels", number, work)
    print(f"{'the same, wall time':60s} {wall_s:8.2f} s {60 * number / wall_s:10.1f} sets per minute", flush=True)


def write_summary(root, sets, states):
    """Write the summary of `sets`, all in the given state."""
    for each in sets:
        each.state = states
    with treesummary.TreeSummary(sets, root):
        pass


def on_cluster(root, sets):
    """Run `true` for each data set on a local cluster of two workers."""
    from distributed import LocalCluster

    with LocalCluster(2, threads_per_worker=1, processes=True, dashboard_address=None) as made:
        work = cluster.run(root, sets, lambda each, jobs: ["true"], 1, made.scheduler_address)
        timed("scheduler and client, per data set", len(sets), lambda: [None for _ in work])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-sets", type=int, default=10000)
    parser.add_argument("-tasks", type=int, default=500)
    parser.add_argument("-whole", type=int, help="data sets to be run whole, and nothing else")
    parser.add_argument("-checkout", type=Path, default=ROOT, help="whose pp_run is measured (default: this one)")
    args = parser.parse_args()
    if args.whole:
        with tempfile.TemporaryDirectory(prefix="pp_tree_") as place:
            return whole_sets(Path(place), args.whole, args.checkout.resolve())
    with tempfile.TemporaryDirectory(prefix="pp_tree_") as place:
        one_data_set(Path(place) / "one")
        root = Path(place) / "tree"
        for number in range(args.sets):
            folder = root / f"{number // 100:04d}" / f"{number:06d}"
            folder.mkdir(parents=True)
            (folder / "a.fits").touch()
        sets = timed("finding the data sets", args.sets, lambda: datatree.find(root))
        timed("summary before the start, written twice", args.sets, lambda: write_summary(root, sets, datatree.WAITING))
        timed("summary at the end, written twice", args.sets, lambda: write_summary(root, sets, 0))
        began = time.monotonic()
        some = [datatree.DataSet(each.folder, each.images) for each in sets[: args.tasks]]
        work = datatree.run(root, some, lambda each, jobs: ["true"], 2)
        timed("starting a process here, per data set", args.tasks, lambda: [None for _ in work])
        print(f"{'the same, wall time':60s} {time.monotonic() - began:8.2f} s")
        on_cluster(root, [datatree.DataSet(each.folder, each.images) for each in sets[: args.tasks]])
        print(", ".join(f"{path.name} {path.stat().st_size / 1e6:.1f} MB" for path in root.glob("summary.*")))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak memory of this process: {peak:.0f} MB")


if __name__ == "__main__":
    sys.exit(main())
