#!/usr/bin/env python3
"""Kill pp_run (SIGKILL) at random moments, start it again each time, and compare the result with that of a quiet run.

    .venv/bin/python benchmarks/kills.py -kills 50

Frames, tables and databases have to be the same to the byte in the end, the pixels of the frames throughout.  Half of
the kills come at a random time, the other half right before or after a file is renamed into its place.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

import interrupting  # noqa: E402  lies with the tests
import sky  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-kills", type=int, default=50)
    parser.add_argument("-frames", type=int, default=6)
    parser.add_argument("-size", type=int, default=600, help="side of a frame, px")
    parser.add_argument("-seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="pp_kills_") as place:
        raw, quiet = Path(place) / "raw", Path(place) / "quiet"
        sky.make_dataset(raw, args.frames, seed=3, size=(args.size, args.size))
        shutil.copytree(raw, quiet)
        began = time.monotonic()
        assert interrupting.start(quiet).wait() == 0
        duration_s = time.monotonic() - began
        expected = interrupting.results(quiet)
        print(f"quiet run: {duration_s:.1f} s, {len(expected)} files to compare")
        kills, rounds, wrong = 0, 0, 0
        while kills < args.kills:
            rounds += 1
            folder = Path(place) / f"round{rounds}"
            shutil.copytree(raw, folder)
            pixels = interrupting.pixels(folder)
            while kills < args.kills:
                moment = rng.uniform(0, duration_s) if rng.random() < 0.5 else None
                killed = interrupting.run_and_kill(folder, rng, moment)
                wrong += interrupting.pixels(folder) != pixels
                if not killed:
                    break
                kills += 1
            assert interrupting.start(folder).wait() in (0,)
            different = interrupting.compare(expected, interrupting.results(folder))
            wrong += bool(different)
            print(f"round {rounds}: {kills} kills so far, {different or 'same bytes'}", flush=True)
            shutil.rmtree(folder)
        data_sets = f"{rounds} data sets of {args.frames} frames of {args.size} px"
        print(f"{kills} kills in {data_sets}: {wrong} times something was wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
