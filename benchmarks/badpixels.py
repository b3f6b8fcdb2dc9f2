#!/usr/bin/env python3
"""Measure what bad pixels cost: to find them in a sequence, and to fill them in a frame, CPU time on one core.

Example:
  .venv/bin/python benchmarks/badpixels.py -size 1024 2048 4096
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from astropy.io import fits

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from photometrypipeline.frames import fitsbytes  # noqa: E402
from photometrypipeline.frames.frame import Frame  # noqa: E402
from photometrypipeline.photometry import badpixels, masking  # noqa: E402


def frames(folder, size, number, rng):
    """Write `number` frames of noise with two dead columns and some hot pixels; returns their paths (list)."""
    hot, paths = rng.integers(0, size, (2, size // 5)), []
    for k in range(number):
        image = rng.normal(1000, 30, (size, size)).astype(np.int16)
        image[:, [size // 10, size // 2]], image[tuple(hot)] = 0, 5000
        paths.append(Path(folder) / f"frame{k:02d}.fits")
        fits.writeto(paths[-1], image)
    return paths


def seconds(work):
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-size", type=int, nargs="+", default=[1024, 2048], help="px (default: 1024 2048)")
    args = parser.parse_args()
    print("| frames | find (s) | fill one frame (s) | pixels found |\n|---|---|---|---|")
    for size in args.size:
        with tempfile.TemporaryDirectory(prefix="pp_badpixels_") as folder:
            paths = frames(folder, size, badpixels.MOST_FRAMES, np.random.default_rng(1))
            images = [fitsbytes.pixels(path) for path in paths]
            cost, found = seconds(lambda images=images: badpixels.find(images, 4.0, moves=True))
            frame = Frame(paths[0])
            with masking.without_bad_pixels(frame, None):  # its header is read
                pass
            fill = seconds(lambda frame=frame, bad=found.mask > 0: _filled(frame, bad))[0]
        print(f"| {len(paths)} of {size} x {size} px | {cost:.2f} | {fill:.3f} | {found.number} |")


def _filled(frame, bad):
    with masking.without_bad_pixels(frame, bad) as path:
        return path.stat().st_size


if __name__ == "__main__":
    main()
