#!/usr/bin/env python3
"""How often pptool_period is right: synthetic bodies of known period, amplitude and shape.

Bodies of 2 to 60 h, 0.05 to 1 mag and 2 to 6 harmonics are seen in 2 to 6 nights of 4 to 8 h; points err by 5 to
30 mmag, neighbours share a third of that again, nights are off by 5 to 10 mmag.

Examples:
  nice benchmarks/period.py                  200 bodies
  nice benchmarks/period.py -bodies 50 -list
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "example_data")]

import rotating  # noqa: E402
from photometrypipeline.periods import solution  # noqa: E402

RIGHT = 0.005  # relative error of a period that is right, or within three of its stated errors


def draw(seed):
    """Return (Body, Measurements) number `seed`."""
    rng = np.random.default_rng([20, seed])
    period_h, amplitude = (np.exp(rng.uniform(*np.log(limits))) for limits in ((2, 60), (0.05, 1)))
    truth = rotating.body(rng, period_h, amplitude, int(rng.integers(2, 7)))
    t_d, session = rotating.times(rng, int(rng.integers(2, 7)))
    err, common = np.exp(rng.uniform(*np.log((0.005, 0.03)))), rng.uniform(0.005, 0.01)
    return truth, rotating.observed(rng, truth, t_d - t_d.mean(), session, err, common)


def judged(seed):
    """Return what became of one body: dict."""
    truth, points = draw(seed)
    began = time.monotonic()
    found = solution.solve(points, f"body {seed}")
    seconds = time.monotonic() - began
    frequency = 24 / truth.period_h
    stated = [each for each in found.candidates if each.low <= frequency <= each.high]
    best = bool(
        found.candidates and found.period_h and found.candidates[0].low <= frequency <= found.candidates[0].high
    )
    right = best or bool(found.period_h and abs(found.period_h / truth.period_h - 1) < RIGHT)
    pull = (found.period_h - truth.period_h) / found.period_err_h if right else np.nan
    kind = "right" if right else "stated" if stated else "longer" if _below(found, truth) else "wrong"
    n = sum(each.odds > 0.01 for each in found.candidates)
    odds = stated[0].odds if stated else 0
    about = {"seed": seed, "truth": truth, "points": points, "found": found, "seconds": seconds}
    return about | {"kind": kind, "pull": pull, "n": n, "odds": odds}


def _below(found, truth):
    """Return whether a lower limit, or no variation, is what was found, and true."""
    if found.period_h is not None:
        return False
    return found.longer_than_h is not None and found.longer_than_h <= truth.period_h


def line(each):
    truth, found = each["truth"], each["found"]
    amplitude = np.ptp(truth.mag(np.linspace(0, truth.period_h / 24, 1000)))
    return (
        f"{each['seed']:4d} {each['kind']:7} {truth.period_h:8.3f} h {amplitude:.3f} mag "
        f"found {found.period_h or np.nan:8.4f} +- {found.period_err_h:.4f} pull {each['pull']:6.2f} "
        f"order {found.order} of {len(truth.coefficients) // 2} {each['n']:3d} periods, odds {each['odds']:.4f}; "
        f"err {each['points'].err[0]:.4f} span {each['points'].span_d * 24:5.1f} h, "
        f"{found.scale:.2f} {found.inflation:.2f} {found.verdict}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-bodies", type=int, default=200, metavar="N", help="how many (default: %(default)s)")
    parser.add_argument("-first", type=int, default=0, metavar="N", help="number of the first (default: %(default)s)")
    parser.add_argument("-list", action="store_true", help="a line for each body")
    args = parser.parse_args()
    results = []
    for seed in range(args.first, args.first + args.bodies):
        results.append(judged(seed))
        if args.list:
            print(line(results[-1]), flush=True)
    summary(results)


def summary(results):
    kinds = [each["kind"] for each in results]
    n = len(results)
    for kind in ("right", "stated", "longer", "wrong"):
        print(f"{kind:8} {kinds.count(kind):4d}  {100 * kinds.count(kind) / n:5.1f} %")
    pulls = np.abs([each["pull"] for each in results])
    pulls = pulls[np.isfinite(pulls)]
    for limit, expected in ((1, 68.3), (2, 95.4)):
        share = 100 * np.mean(pulls < limit)
        print(f"within {limit} sigma: {share:.1f} % of {len(pulls)} (expected {expected})")
    seconds = [each["seconds"] for each in results]
    print(f"periods with odds above 1 %: median {np.median([each['n'] for each in results]):.0f}")
    print(f"time of one body: median {np.median(seconds):.1f} s, longest {max(seconds):.1f} s")


if __name__ == "__main__":
    main()
