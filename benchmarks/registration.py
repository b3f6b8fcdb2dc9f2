#!/usr/bin/env python3
"""Measure how well frames are found: simulated frames of 12 to 30,000 stars, with all that spoils them.

Any rotation, both parities, scale off by up to 20 %, pointing off by up to 1 deg; the stars trailed by 2 to 40 px, with
coma, hot pixels among them, half of the frame behind clouds, or all of that.  Every frame is drawn as an image
(tests/helpers/stressframes.py) and goes through Source Extractor.  Then: frames of nothing but noise, and frames among
the stars of another field; and the final WCS of pp_register against the truth.  Prints tables.

Example:
  nice .venv/bin/python benchmarks/registration.py -frames 500
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

import sky  # noqa: E402  lies among the tests
import stressframes  # noqa: E402
from photometrypipeline.frames import ldac  # noqa: E402
from photometrypipeline.frames.frame import read_header  # noqa: E402
from photometrypipeline.instruments import telescopes  # noqa: E402
from photometrypipeline.programs import astromatic, choices  # noqa: E402
from photometrypipeline.registration import locate, starpatterns  # noqa: E402
from photometrypipeline.registration.astrometry import to_sky  # noqa: E402
from photometrypipeline.sky.sphere import separation_deg  # noqa: E402

STARS = (12, 15, 18, 22, 27, 35, 50, 80, 130, 250, 500, 1000, 2000, 5000, 10000, 30000)
SHARE = (7, 7, 7, 7, 7, 7, 7, 7, 7, 6, 6, 6, 5, 5, 3, 2)  # how often each
BINS = (0, 12, 25, 100, 1000, 10000, 10**9)


def sources_of(write, folder):
    """Return the SourceList that takes part in the registration of the image that `write(path)` makes."""
    path, output = folder / "frame.fits", folder / "frame.ldac"
    write(path)
    telescope = telescopes.get("VATT4K")  # snr 3, minarea 12
    columns = telescopes.setup_file("singleaperture.sexparam")
    options = {"snr": telescope.snr, "min_area": 7, "parameters": columns, "apertures_px": [5]}
    astromatic.extract(path, output, telescope, 300, ignore_saturation=True, **options)
    return astromatic.trim_for_scamp(ldac.read(output), choices.FLAG_MASKS["high"], 2000, 3.0)


def find(sources, size_px, stars, guess):
    """Return (Solution or None, CPU time in s, wall time in s)."""
    seen = locate.Seen.of("frame", sources, size_px, None)
    cpu, wall = time.process_time(), time.perf_counter()
    solution = starpatterns.solve(seen.x_px, seen.y_px, seen.flux, *stars, **guess)
    return solution, time.process_time() - cpu, time.perf_counter() - wall


def plan(number):
    """Return [(seed, n_stars, defect)] of the stress set: every number of stars with every defect."""
    cycle = [n for n, times in zip(STARS, SHARE, strict=True) for _ in range(times)]
    order = np.random.default_rng(0).permutation(len(cycle))
    n_defects = len(stressframes.DEFECTS)
    return [(k, cycle[order[k % len(cycle)]], stressframes.DEFECTS[k % n_defects]) for k in range(number)]


def stress(number, folder, path, part):
    """Run the stress set, or every n-th of it (`part` is (k, n)); prints its tables.

    path : of a file with a line for each frame that is done; these are not done again
    """
    done = {int(line.split(",")[0]) for line in path.read_text().splitlines()} if path.exists() else set()
    for seed, n_stars, defect in plan(number)[part[0] - 1 :: part[1]]:
        if seed in done:
            continue
        frame = stressframes.make(seed, n_stars, defect)
        sources = sources_of(frame.write, folder)
        x, y = (np.asarray(sources.table[name]) for name in ("XWIN_IMAGE", "YWIN_IMAGE"))
        usable = frame.usable(x, y) if len(x) else 0
        solution, cpu, wall = find(sources, frame.guess["size_px"], frame.stars, frame.guess)
        found = "lost" if solution is None else "solved" if frame.is_right(solution) else "FALSE"
        log_odds = solution.log_odds if solution else np.nan
        with path.open("a") as out:
            print(seed, n_stars, defect, len(x), usable, found, f"{cpu:.3f},{log_odds:.1f}", sep=",", file=out)
    report([line.split(",") for line in path.read_text().splitlines()])


def report(lines):
    """Print the tables of the frames that are done, a line of fields each, as `stress` writes them."""
    rows = [(int(line[4]), int(line[3]), line[2], line[5], float(line[6]), float(line[7])) for line in lines]
    for line in lines:
        if line[5] == "FALSE" or (line[5] == "lost" and int(line[4]) >= BINS[1]):
            print(f"{line[5]}: frame {line[0]} ({line[2]}), {line[3]} sources, {line[4]} stars among them")
    by_bin, by_defect = defaultdict(list), defaultdict(list)
    for row in rows:
        place = int(np.searchsorted(BINS, row[0], side="right")) - 1
        by_bin[place].append(row)
        if row[0] >= BINS[1]:
            by_defect[row[2]].append(row)
    table("usable stars", [(label(place), by_bin[place]) for place in sorted(by_bin)])
    table("defect (12 usable stars or more)", [(name, by_defect[name]) for name in stressframes.DEFECTS])
    enough = [row for row in rows if row[0] >= BINS[1]]
    median_s = np.median([row[4] for row in enough])
    print(f"\n{len(rows)} frames; median over all with 12 stars or more: {median_s:.2f} s CPU")


def label(place):
    low, high = BINS[place], BINS[place + 1]
    return f"below {high}" if low == 0 else f"{low} and more" if high == BINS[-1] else f"{low} to {high - 1}"


def table(title, groups):
    """Print a Markdown table with a row for each group of frames."""
    print(f"\n| {title} | frames | solved | | lost | false | CPU s, median | 95 % | least log-odds |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, rows in groups:
        if not rows:
            continue
        count = Counter(row[3] for row in rows)
        cpu = [row[4] for row in rows]
        least = min((row[5] for row in rows if row[3] == "solved"), default=np.nan)
        share = f"{100 * count['solved'] / len(rows):.1f} %"
        print(
            f"| {name} | {len(rows)} | {count['solved']} | {share} | {count['lost']} | {count['FALSE']} "
            f"| {np.median(cpu):.2f} | {np.percentile(cpu, 95):.2f} | {least:.0f} |"
        )


def impostors(number, folder):
    """Count what is accepted of frames of noise, and of frames among the stars of other fields."""
    accepted, best = Counter(), defaultdict(list)
    for seed in range(number):
        frame = stressframes.make(seed, STARS[seed % 12], "none")
        for kind in ("noise", "wrong field"):
            if kind == "noise":
                image = stressframes.noise(seed)
                write = stressframes.StressFrame.write
                stand_in = stressframes.StressFrame(image, (), {}, (), 1.0, 1, np.empty(0), np.empty(0))
                sources, stars = noisy_sources(lambda path, s=stand_in, w=write: w(s, path), folder), frame.stars
            else:
                other = stressframes.make(seed + 1000, STARS[seed % 12], "none")
                # as if it lay where the frame was thought to be
                sources, stars = sources_of(other.write, folder), frame.stars
            size = frame.guess["size_px"]
            accepted[kind] += find(sources, size, stars, frame.guess)[0] is not None
            first = find(sources, size, stars, frame.guess | {"min_log_odds": -1e9})[0]
            best[kind].append(first.log_odds if first else -np.inf)
    print("\n| not in the catalogue | frames | accepted | highest log-odds of the first search |\n|---|---|---|---|")
    for kind, values in best.items():
        print(f"| {kind} | {len(values)} | {accepted[kind]} | {max(values):.0f} |")
    print(f"\naccepted is what has log-odds of {starpatterns.MIN_LOG_ODDS:.1f} or more")


def final_wcs(seeds):
    """Compare the WCS that pp_register writes, and SCAMP's, with the truth over the whole frame; prints a table."""
    print("\n| stars, frames | matched | own or SCAMP's WCS kept | rms, pipeline | worst | rms, SCAMP alone | worst |")
    print("|---|---|---|---|---|---|---|")
    for n_stars, n_frames in ((15, 1), (15, 4), (40, 1), (130, 1), (400, 1)):
        rows = [row for seed in range(seeds) for row in _registered(n_stars, n_frames, seed)]
        kinds = Counter(row[1] for row in rows)
        ours, theirs = (np.array([row[k] for row in rows]) for k in (2, 3))
        print(
            f"| {n_stars}, {n_frames} | {min(row[0] for row in rows)} to {max(row[0] for row in rows)} "
            f"| {', '.join(f'{number} {kind}' for kind, number in kinds.items())} "
            f'| {np.median(ours):.3f}" | {ours.max():.3f}" | {np.median(theirs):.3f}" | {theirs.max():.3f}" |',
            flush=True,
        )


def _registered(n_stars, n_frames, seed):
    """Return [(matched, kept, rms of the pipeline, of SCAMP)] of simulated frames, bent by 1.5 px in their corners."""
    with tempfile.TemporaryDirectory(prefix="pp_registration_") as folder:
        folder = Path(folder)
        knobs = {"size": (1024, 1024), "n_stars": n_stars, "cubic_px": 1.5, "seed": seed}
        truth = sky.make_dataset(folder, n_frames, **knobs)
        for name, *options in (("pp_prepare",), ("pp_register", "-offline")):
            argv = [sys.executable, str(ROOT / f"{name}.py"), *truth.files, *options]
            environment = {**os.environ, "XDG_DATA_HOME": str(folder)}
            subprocess.run(argv, cwd=folder, capture_output=True, check=True, env=environment)
        record = json.loads((folder / ".diagnostics" / "register.json").read_text())["frames"]
        x, y = (axis.ravel() for axis in np.meshgrid(*[np.linspace(1, 1024, 21)] * 2))
        found = []
        for row, path, wcs in zip(record, truth.paths, truth.wcs, strict=True):
            true_ra, true_dec = wcs.all_pix2world(x, y, 1)
            errors = []
            for header in (read_header(path), astromatic.read_head(folder / ".diagnostics" / f"{path.stem}.head")):
                off = separation_deg(*to_sky(header, x, y), true_ra, true_dec)
                errors.append(3600 * np.sqrt(np.mean(off**2)))
            found.append((row["n_matched"], row["solution"], *errors))
        return found


def noisy_sources(write, folder):
    """Return what Source Extractor takes for sources in an image of noise, at a threshold low enough to find some."""
    path, output = folder / "frame.fits", folder / "frame.ldac"
    write(path)
    columns = telescopes.setup_file("singleaperture.sexparam")
    options = {"snr": 1.2, "min_area": 3, "parameters": columns, "apertures_px": [5]}
    astromatic.extract(path, output, telescopes.get("VATT4K"), 300, ignore_saturation=True, **options)
    return astromatic.trim_for_scamp(ldac.read(output), choices.FLAG_MASKS["high"], 2000, 0.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-frames", type=int, default=500, help="of the stress set (default: %(default)s)")
    parser.add_argument(
        "-part", default="1/1", help="K/N: every N-th frame alone, from the K-th (default: %(default)s)"
    )
    parser.add_argument(
        "-rows", type=Path, default=Path("registration_rows.csv"), help="what is done already (default: %(default)s)"
    )
    parser.add_argument("-impostors", type=int, default=100, help="of each kind (default: %(default)s)")
    parser.add_argument(
        "-wcs", type=int, default=4, help="data sets of each kind for the final WCS (default: %(default)s)"
    )
    args = parser.parse_args()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    print(f"simulated frames; version {commit.stdout.strip()}, NumPy {np.__version__}")
    with tempfile.TemporaryDirectory(prefix="pp_registration_") as folder:
        if args.frames:
            stress(args.frames, Path(folder), args.rows, tuple(int(part) for part in args.part.split("/")))
        if args.impostors:
            impostors(args.impostors, Path(folder))
    if args.wcs:
        final_wcs(args.wcs)


if __name__ == "__main__":
    main()
