#!/usr/bin/env python3
"""Measure how deep stacks are and how honest their errors: simulated frames with stars and many faint movers.

    .venv/bin/python benchmarks/stacks.py                 25 frames, movers 1.5 mag below the limit of one frame
    .venv/bin/python benchmarks/stacks.py -frames 9 -below 0.9 -method average

All movers share one motion, so that one comoving stack holds them all.  The limit of a frame is the magnitude at which
the light in the aperture is 5 times the scatter of apertures on empty sky.  Prints the depth of frame and stack, how
many movers the pipeline finds, and the scatter of (measured - true) / stated error, which is 1 for honest errors.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.stats import mad_std

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

import toolbox  # noqa: E402

# isort: split
import pp_combine  # noqa: E402
import pp_extract  # noqa: E402
import pp_stackedphotometry  # noqa: E402
import sky  # noqa: E402  lies among the tests
from photometrypipeline.frames import wcskeywords  # noqa: E402
from photometrypipeline.frames.frame import Frame  # noqa: E402
from photometrypipeline.photometry import noise  # noqa: E402

RATES = (-0.0125, 0.0056)  # arcsec/s, RA with cos Dec, and Dec
RADIUS_PX = 3.5
APART_PX = 34


def add_movers(truth, mag, rng):
    """Put movers of magnitude `mag` into all frames; returns their places (ra_deg, dec_deg) at mean time."""
    nx, ny = truth.night.size
    x, y = (axis.ravel() for axis in np.meshgrid(*(np.arange(40, n - 40, APART_PX) for n in (nx, ny))))
    middle = truth.wcs[len(truth.wcs) // 2]
    x, y = x + rng.uniform(-0.5, 0.5, x.size), y + rng.uniform(-0.5, 0.5, y.size)
    ra, dec = middle.all_pix2world(x, y, 1)
    seconds = (truth.midtime_jd - truth.midtime_jd.mean()) * 86400
    for k, path in enumerate(truth.paths):
        there = sky.shifted((ra, dec), *(rate * seconds[k] for rate in RATES))
        extra = sky.render((ny, nx), *truth.wcs[k].all_world2pix(*there, 1), np.full(x.size, flux_of(truth, mag)),
                           truth.fwhm_px[k])  # fmt: skip
        light = sky.clean_frame(truth, k) + extra
        header = fits.getheader(path)
        fits.writeto(path, sky.expose(light, rng, truth.night.gain, truth.night.read_noise), header, overwrite=True)
    return ra, dec


def flux_of(truth, mag):
    return 10 ** (0.4 * (truth.night.zeropoint - mag))


def depth(image, truth, covered=None):
    """Return the magnitude (all the light) whose part in the aperture is 5 times the scatter of empty apertures."""
    usable = np.ones(image.shape, bool) if covered is None else covered
    sums = noise.empty_sums(image, RADIUS_PX, usable)[0]
    share = truth.aperture_fraction(0, RADIUS_PX)
    return truth.night.zeropoint - 2.5 * np.log10(5 * mad_std(sums) / share)


def pulls(stack, truth, places, mag, factor, resampled):
    """Return (fraction found, (measured - true)/error of each) of the movers in the list of a stack."""
    stack.header["NOISEFAC"] = factor
    stack.save()
    losses = toolbox.Losses()
    snr = pp_stackedphotometry.Options.snr
    settings = pp_stackedphotometry.detection(snr, truth.fwhm_px[0], {"NOISEFAC": resampled})
    options = pp_extract.Options(aprad=(RADIUS_PX,), quiet=True, **settings)
    found = pp_extract.extract([Frame(stack.path)], losses, options)[0].sources
    x, y = wcskeywords.wcs_of(stack.header).all_world2pix(*places, 1)
    distance = np.hypot(found.table["XWIN_IMAGE"] - x[:, None], found.table["YWIN_IMAGE"] - y[:, None])
    good = np.asarray(found.table["FLAGS"])[distance.argmin(axis=1)] == 0
    near = distance.min(axis=1) < 2.0
    rows = distance.argmin(axis=1)[near & good]
    true = flux_of(truth, mag) * truth.aperture_fraction(0, RADIUS_PX)
    pull = (np.asarray(found.table["FLUX_APER"])[rows] - true) / np.asarray(found.table["FLUXERR_APER"])[rows]
    return near.mean(), pull


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-frames", type=int, default=25)
    parser.add_argument("-size", type=int, default=700, help="px (default: 700)")
    parser.add_argument("-below", type=float, default=1.5, help="mag below the limit of one frame (default: 1.5)")
    parser.add_argument("-method", default="clipped")
    parser.add_argument("-seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pp_stacks_") as folder:
        os.chdir(folder)
        rng = np.random.default_rng(args.seed)
        truth = sky.make_dataset(folder, args.frames, size=(args.size, args.size), n_stars=60, solved=True, store=False,
                                 asteroid=False, seed=args.seed)  # fmt: skip
        limit = depth(fits.getdata(truth.paths[0]).astype(float), truth)
        mag = limit + args.below
        places = add_movers(truth, mag, rng)
        for path, jd in zip(truth.paths, truth.midtime_jd, strict=True):
            with fits.open(path, mode="update") as hdus:
                hdus[0].header["MIDTIMJD"], hdus[0].header["SECPIXX"] = jd, truth.night.scale
        frames = [Frame(path) for path in truth.paths]
        choice = pp_combine.Options(manual_rates=RATES, method=args.method)
        stack = pp_combine.combine(frames, toolbox.Losses(), choice)
        image = fits.getdata(stack.path).astype(float)
        factor = stack.header["NOISEFAC"]
        reached = depth(image, truth)
        print(f"{args.frames} frames, {args.method}: limit of a frame {limit:.2f}, of the stack {reached:.2f}: gain "
              f"{reached - limit:.2f} mag, {1.25 * np.log10(args.frames):.2f} for a mean without loss")  # fmt: skip
        print(f"noise factor {factor:.3f}")
        for value in (1.0, factor):
            share, pull = pulls(stack, truth, places, mag, value, factor)
            print(f"NOISEFAC {value:.3f}: {share:.2%} of {len(places[0])} movers found; (measured - true)/error: "
                  f"mean {pull.mean():+.2f}, scatter {mad_std(pull):.2f} (robust) {pull.std():.2f}; "
                  f"within 1: {np.mean(np.abs(pull) < 1):.0%}, within 2: {np.mean(np.abs(pull) < 2):.0%}")  # fmt: skip


if __name__ == "__main__":
    main()
