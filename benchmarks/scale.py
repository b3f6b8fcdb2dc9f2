#!/usr/bin/env python3
"""Measure what a frame costs in a short and in a long sequence: seconds and memory have to stay the same.

    .venv/bin/python benchmarks/scale.py -frames 50 200 1000

Small simulated frames (256 x 256 pixels), reference stars and ephemeris next to them, no network; each sequence is run
with pp_run in a process of its own, then a second time, up to date.  CPU times, so that other work on the machine
matters little; memory is the peak of pp_run itself, and that of the largest process that it started.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

import sky  # noqa: E402  lies with the tests

QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
LOOK_EVERY_S = 0.1


class Peaks(threading.Thread):
    """Watches the memory (MB) of a process, and of all that it starts, until it has ended."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process, self.own, self.others = process, 0.0, 0.0

    def run(self):
        """Look now and then."""
        while self.process.returncode is None:
            self.own = max(self.own, peak_mb(self.process.pid))
            for number in children(self.process.pid):
                self.others = max(self.others, peak_mb(number))
            time.sleep(LOOK_EVERY_S)


def peak_mb(number):
    """Return the largest memory (MB) that a process has had so far, 0 if it has ended."""
    try:
        lines = Path(f"/proc/{number}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def children(number):
    """Return the numbers (list) of the processes that a process has started, with theirs."""
    try:
        files = list(Path(f"/proc/{number}/task").glob("*/children"))
        own = [int(word) for file in files for word in file.read_text().split()]
    except OSError:
        return []
    return own + [below for each in own for below in children(each)]


def run(folder, names, jobs):
    """Return (wall, CPU) in s and (own, others') memory in MB of one pp_run."""
    (folder / "frames.lst").write_text("\n".join(names) + "\n")
    argv = [sys.executable, str(ROOT / "pp_run.py"), "-offline", "-jobs", str(jobs), "frames.lst"]
    home = {name: str(folder) for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
    began = time.monotonic()
    with open(folder / "told", "w") as told:
        process = subprocess.Popen(argv, cwd=folder, env={**os.environ, **home}, stderr=told, **QUIET)
        watch = Peaks(process)
        watch.start()
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    watch.join()
    if process.returncode:
        raise RuntimeError(f"pp_run ends with {process.returncode}: {(folder / 'told').read_text()[-1000:]}")
    return time.monotonic() - began, used.ru_utime + used.ru_stime, watch.own, watch.others


def measure(n_frames, args):
    """Print two rows: a sequence of `n_frames`, and the same again, up to date."""
    folder = Path(tempfile.mkdtemp(prefix="pp_scale_"))
    try:
        night = {"cadence_s": 20.0, "exptime_s": 10.0, "rate": (-6.0, 3.0)}  # the target stays in the frame
        truth = sky.make_dataset(folder, n_frames, seed=4, size=(args.size,) * 2, n_stars=args.stars, **night)
        for label in ("all", "again"):
            wall, cpu, own, others = run(folder, truth.files, args.jobs)
            print(
                f"{n_frames:6d} {label:5s} {wall:8.1f} {cpu:8.1f} {cpu / n_frames:12.4f} {own:8.0f} {others:8.0f}",
                flush=True,
            )
    finally:
        shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-frames", type=int, nargs="+", default=[50, 200, 1000], help="lengths of sequences")
    parser.add_argument("-size", type=int, default=256, help="px (default: 256)")
    parser.add_argument("-stars", type=int, default=45, help="in a frame (default: 45)")
    parser.add_argument("-jobs", type=int, default=2)
    args = parser.parse_args()
    print("frames what   wall(s)   CPU(s) CPU s/frame   own MB   others")
    for n_frames in args.frames:
        measure(n_frames, args)


if __name__ == "__main__":
    main()
