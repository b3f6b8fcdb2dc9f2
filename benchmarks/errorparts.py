#!/usr/bin/env python3
"""Take the errors of magnitudes apart on simulated nights: what comes from the zeropoint, what from the target.

The nights are those of benchmarks/accuracy.py.  A target alone, without noise, in the aperture at its true place tells
the zeropoint that it should have had.  What the zeropoint is off by, and what its light is off by, make its error.

Columns, rms in mmag:
  limit        photons of target and sky and the read noise in the aperture, as in accuracy.py
  with others  the same and the photons of the stars whose light falls into the aperture
  by PSF       the same weighed by a PSF that is known perfectly
  night        common to all targets and frames of a night: its zeropoint;  stated: what err_zp_common claims for it
  floor        what the catalogue's errors, star by star, make of the mean of all its stars in a night
  place        of the zeropoint, what differs from target to target: terms of the place on the detector
  frame        of the zeropoint, what differs from frame to frame
  own mean     of a target's light, what all its frames have in common: sky, neighbours
  own          of a target's light, from frame to frame: photons, and whatever comes on top
  rms/limit    of all errors together;  /others: of `with others`;  /floor: of `with others` and `floor` in quadrature

Example:
  .venv/bin/python benchmarks/errorparts.py -series plain crossing -seeds 2 -nights /tmp/nights
"""

import argparse
import math
import shutil
import tempfile
from pathlib import Path

import numpy as np

import accuracy
import nights
from photometrypipeline.frames.frame import read_header

HEAD = ("series", "n", "limit", "with others", "by PSF", "night", "stated", "floor", "place", "frame", "own mean",
        "own", "rms/limit", "/others", "/floor")  # fmt: skip
CATALOG_SCATTER = 0.015  # mag, of R by the transformation, star by star
REACH_FWHM = 8.0  # of stars whose light is counted
FAINTEST = 20.0  # mag, of stars that say anything of the zeropoint


class Ideal:
    """What a measurement without any error would give of the targets of a night."""

    def __init__(self, series, seed, targets):
        rng = np.random.default_rng([seed, nights.PATTERN_SEED])
        self.series, self.targets = series, targets
        self.optics = nights.Optics.drawn(rng, series)
        self.pattern = nights.Pattern.drawn(rng, series, [each.truth for each in targets])

    def of(self, target, frame, radius_px):
        """Return (instrumental magnitude that a star as bright has, limits in mag: aperture, with others, by PSF)."""
        truth, stamp = target.truth, target.profiles[frame]
        night = truth.night
        x, y = target.places_px[frame]
        half = stamp.shape[0] // 2
        rows, columns = np.indices(stamp.shape) - half
        dx, dy = columns + round(x) - x, rows + round(y) - y
        inside = np.clip(radius_px + 0.5 - np.hypot(dx, dy), 0, 1)
        flux = 10 ** (0.4 * (truth.zeropoint[frame] - truth.mag[frame]))
        trail = nights._trail_px(truth, frame) if self.series.follow else (0.0, 0.0)
        fwhm = self.optics.fwhm_at(frame, x, y)
        steps = np.arange(-half, half + 1)
        star = flux * nights._trailed(steps + round(x) - x, steps + round(y) - y, fwhm, self.optics, trail)
        light = float((star * fine_aperture(dx, dy, radius_px)).sum())
        if self.pattern.response is not None:
            light *= self.pattern.response[int(round(y)) - 1, int(round(x)) - 1]
        sky = night.sky_adu / night.gain + (night.read_noise / night.gain) ** 2 + 1 / 12
        others = self._others(truth, frame, x, y, stamp.shape, fwhm) / night.gain
        noise2 = (fine_aperture(dx, dy, radius_px) ** 2 * (sky + others + stamp / night.gain)).sum()
        seen = float((inside * stamp).sum())
        profile = stamp / stamp.sum()
        by_psf = 1 / math.sqrt((profile**2 / (sky + others + stamp / night.gain)).sum()) / stamp.sum()
        per_mag = 2.5 / math.log(10)
        limits = target.limit_mag(frame, radius_px), per_mag * math.sqrt(noise2) / seen, per_mag * by_psf
        return -2.5 * math.log10(light), *limits

    def _others(self, truth, frame, x, y, shape, fwhm):
        """Return the light (ADU) of all stars in a stamp around FITS pixel x, y."""
        star_x, star_y = truth.star_pixels(frame)
        mags = np.asarray(truth.stars["R"])
        trail = nights._trail_px(truth, frame) if self.series.follow else (0.0, 0.0)
        image = np.zeros(shape)
        half = shape[0] // 2
        near = np.hypot(star_x - x, star_y - y) < half + REACH_FWHM * fwhm
        for k in np.flatnonzero(near):
            flux = 10 ** (0.4 * (truth.zeropoint[frame] - mags[k]))
            at = star_x[k] - round(x) + half + 1, star_y[k] - round(y) + half + 1
            steps = np.arange(1, shape[0] + 1)
            image += flux * nights._trailed(steps - at[0], steps - at[1], fwhm, self.optics, trail)
        return image


def fine_aperture(dx, dy, radius_px, number=5):
    """Return the share of each pixel in the aperture, by points within it, as the pipeline cuts it."""
    steps = (np.arange(number) + 0.5) / number - 0.5
    return np.mean([np.hypot(dx + x, dy + y) < radius_px for x in steps for y in steps], axis=0)


def floor_mag(truth, limits):
    """Return the error (mag) of the mean of all stars of the catalogue on the first frame, by their errors alone."""
    x, y = truth.star_pixels(0)
    size = truth.night.size[0]
    mag = np.asarray(truth.stars["R"])
    here = (x > 0) & (y > 0) & (x < size) & (y < size) & (mag < FAINTEST)
    noise = limits[0] * 10 ** (0.4 * (np.maximum(mag[here] - limits[1], -3.0))) / math.sqrt(truth.night.n_frames)
    survey = np.hypot(0.004, 0.016 * 10 ** (0.32 * (mag[here] - 20.0)))
    return 1 / math.sqrt((1 / (CATALOG_SCATTER**2 + survey**2 + noise**2)).sum())


def parts(ideal, target, rows, folder):
    """Return arrays (a dict), an element per frame: error, zp and own parts (mag), three limits, method."""
    n = len(target.truth.files)
    found = {name: np.full(n, np.nan) for name in ("error", "zp", "own", "limit", "others", "psf", "stated", "common")}
    found |= {"frame_err": np.full(n, np.nan), "by_psf": np.zeros(n, bool), "inst": np.full(n, np.nan)}
    for k, name in enumerate(target.truth.files):
        row, header = rows.get(name), read_header(folder / name)
        if not row or row["mag"] is None or row["band"] is None or row["status"] != "accepted":
            continue
        inst, found["limit"][k], found["others"][k], found["psf"][k] = ideal.of(target, k, header["APRAD"])
        found["error"][k] = row["mag"] - target.truth.mag[k]
        found["own"][k] = row["inst"] - inst
        found["zp"][k] = found["error"][k] - found["own"][k]
        found["stated"][k] = row["err_zp_common"] if row["err_zp_common"] is not None else np.nan
        found["common"][k], found["frame_err"][k] = row["err_common"], row["err_frame"]
        found["by_psf"][k] = row["method"] == "PSF"
    return found


def one_night(name, seed, args):
    """Return [parts of each target] of one night and its `floor` (mag)."""
    series = nights.ALL[name]
    label = f"{name.replace(' ', '_')}_{seed}"
    with tempfile.TemporaryDirectory(prefix="pp_parts_") as scratch:
        folder = Path(args.nights or scratch) / label
        targets = accuracy.simulated(name, seed, folder)
        work = Path(args.keep or scratch) / f"{label}_run"
        if args.again or not work.exists():
            shutil.rmtree(work, ignore_errors=True)
            shutil.copytree(folder, work)
            accuracy.run(args.code, work, targets[: args.targets], 1, args.options.split())
        ideal = Ideal(series, seed, targets)
        some = targets[: args.targets]
        found = [parts(ideal, each, accuracy.observations(work, each), work) for each in some]
    limits = float(np.nanmean(found[0]["limit"])), float(np.nanmean(targets[0].truth.mag))
    return found, floor_mag(targets[0].truth, limits)


def rms(values):
    """Return the rms of what is known of values, mmag."""
    values = np.concatenate([np.ravel(each) for each in values]) if isinstance(values, list) else values
    values = values[np.isfinite(values)]
    return 1e3 * float(np.sqrt(np.mean(values**2))) if values.size else math.nan


def line_of(name, several):
    """Return a row of the table (Markdown) from [(parts of the targets, floor)] of nights."""
    night, place, frame, own_mean, own = [], [], [], [], []
    for found, _ in several:
        zp, light = (np.array([each[key] for each in found]) for key in ("zp", "own"))
        night.append(np.nanmean(zp))
        of_target = np.nanmean(zp, axis=1, keepdims=True) - night[-1]
        of_frame = np.nanmean(zp - of_target, axis=0) - night[-1]
        place.append(of_target), frame.append(of_frame)
        means = np.nanmean(light, axis=1, keepdims=True)
        own_mean.append(means)
        number = np.isfinite(light).sum(axis=1, keepdims=True)
        own.append((light - means) * np.sqrt(number / np.maximum(number - 1, 1)))
    every = [each for found, _ in several for each in found]
    error, limit, others, psf = (np.concatenate([each[key] for each in every])
                                 for key in ("error", "limit", "others", "psf"))  # fmt: skip
    floor = np.concatenate([np.full_like(each["error"], value) for found, value in several for each in found])
    good = np.isfinite(error)
    stated = rms([each["stated"] for each in every])
    cells = [name, str(int(good.sum())), *(f"{value:.1f}" for value in (
        rms(limit), rms(others), rms(psf), rms(np.array(night)), stated, rms(floor), rms(place), rms(frame),
        rms(own_mean), rms(own)))]  # fmt: skip
    ratios = [math.sqrt(np.nanmean((error / each) ** 2)) for each in (limit, others, np.hypot(others, floor))]
    return "| " + " | ".join([*cells, *(f"{value:.2f}" for value in ratios)]) + " |"


def options():
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    accuracy.add_nights(parser)
    parser.add_argument("-code", type=Path, default=nights.ROOT, metavar="DIR", help="checkout to run")
    parser.add_argument("-nights", type=Path, metavar="DIR", help="keep the frames there, and use those that are there")
    parser.add_argument("-keep", type=Path, metavar="DIR", help="keep what the runs leave there, and use it again")
    parser.add_argument("-again", action="store_true", help="run where -keep has a run already")
    parser.add_argument("-options", default="", metavar="TEXT", help="further options of pp_run, in quotes")
    args = parser.parse_args()
    args.code = args.code.resolve()
    return args


def main():
    args = options()
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD), flush=True)
    for name in accuracy.names(args):
        several = [one_night(name, seed, args) for seed in range(args.first, args.first + args.seeds)]
        print(line_of(name, several), flush=True)


if __name__ == "__main__":
    main()
