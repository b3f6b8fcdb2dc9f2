#!/usr/bin/env python3
"""Check the limits of undetected targets: how deep they are, and how often empty sky exceeds them.

A simulated night (benchmarks/nights.py), with and without bad columns, is run with pp_run; then forced photometry is
made at many places of one frame that no star, known or not, comes near.  The depth is compared with what the sky
allows: three times the noise of photons and read noise in the aperture.

Example:
  .venv/bin/python benchmarks/limits.py -places 10000
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

import accuracy
import nights
from photometrypipeline.base.errors import PipelineError
from photometrypipeline.frames.frame import Frame
from photometrypipeline.photometry import badpixels, forced

CLEAR_PX = {22.3: 12.0, 19.0: 25.0, 16.5: 45.0}  # of stars brighter than that: wings reach far


def measured(series, seed, n_places, args):
    """Return (flux / error of the places, limits in mag less those of the sky, share of bad pixels)."""
    with tempfile.TemporaryDirectory(prefix="pp_limits_") as folder:
        targets = nights.make(folder, series, seed)
        truth, night = targets[0].truth, targets[0].truth.night
        accuracy.run(args.code, Path(folder), targets[:1], args.jobs, [])
        frame = Frame(truth.paths[0])
        radius = float(frame.header["APRAD"])
        pixels = forced.open_frame(frame, radius, night.gain)
        bad = badpixels.read(folder)
        x, y = empty_places(targets, series.size, n_places, np.random.default_rng(seed))
        found = [each for each in (at(pixels, *place) for place in zip(x, y, strict=True)) if each]
    area = np.pi * radius**2
    noise = np.sqrt(area * (night.sky_adu / night.gain + (night.read_noise / night.gain) ** 2 + 1 / 12))
    off = np.array([each.inst_limit for each in found]) + 2.5 * np.log10(3 * noise)
    return np.array([each.flux / each.flux_err for each in found]), off, 0.0 if bad is None else bad.mean()


def at(pixels, x, y):
    """Return the Forced measurement of a place, None where there is none."""
    try:
        return pixels.measure(x, y)
    except PipelineError:
        return None


def empty_places(targets, size, number, rng):
    """Return x, y (FITS pixels) of places in the first frame that no star is near, nor any of the targets."""
    truth = targets[0].truth
    x, y = truth.star_pixels(0)
    x, y = (np.append(axis, [each.places_px[0][n] for each in targets]) for n, axis in enumerate((x, y)))
    mags = np.append(truth.stars["R"], [each.truth.mag[0] for each in targets])
    clear = np.max([np.where(mags < faint, px, 0.0) for faint, px in CLEAR_PX.items()], axis=0)
    stars, places = np.column_stack([x, y]), np.empty((0, 2))
    while len(places) < number:
        more = rng.uniform(12, size - 11, (number, 2))
        empty = np.array([(np.hypot(*(stars - place).T) > clear).all() for place in more])
        places = np.vstack([places, more[empty]])
    return places[:number].T


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-places", type=int, default=2000, help="in one frame (default: 2000)")
    parser.add_argument("-seed", type=int, default=1)
    parser.add_argument("-jobs", type=int, default=1)
    args = parser.parse_args()
    args.code = nights.ROOT
    print("| bad columns | places | beyond 3 sigma | above +3 sigma | limit less that of the sky (mag) | bad pixels |")
    print("|---|---|---|---|---|---|")
    for bad in (False, True):
        series = replace(nights.SERIES["plain"], bad_pixels=bad, n_behind=100, n_frames=8)
        pulls, off, share = measured(series, args.seed, args.places, args)
        print(
            f"| {'yes' if bad else 'no'} | {pulls.size} | {100 * np.mean(np.abs(pulls) > 3):.2f} % |"
            f" {100 * np.mean(pulls > 3):.2f} % | {np.median(off):+.2f} | {100 * share:.2f} % |",
            flush=True,
        )


if __name__ == "__main__":
    main()
