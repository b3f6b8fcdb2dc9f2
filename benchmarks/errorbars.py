#!/usr/bin/env python3
"""Check the error bars: how many magnitudes lie within one and two sigma of the truth, how near to the photon limit.

Simulated frames (tests/helpers/sky.py) with targets that no catalogue knows, put between the stars, are run with pp_run
and pp_distill -positions.  Prints a row for each range of true S/N: number of measurements, shares within 1 and 2 sigma
(err_total), then the rms over that of its limit (photons of target and sky, read noise, in the chosen aperture): of the
error, and of the light curves about their means, which a common error of the zeropoints leaves alone.

Example:
  .venv/bin/python benchmarks/errorbars.py -frames 6 -targets 40 -nights 8
"""

import argparse
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from astropy.io import fits

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

import sky  # noqa: E402  lies among the tests
from photometrypipeline.frames.frame import read_header  # noqa: E402

LIMITS = (5, 10, 20, 50, 100, 1000)  # of true S/N
APART_ARCSEC = 14.0  # of the targets from each other and from the stars


def place_targets(truth, number, rng):
    """Return x, y (shape (n_targets, n_frames)) of targets that stand still on the sky, apart from all stars."""
    nx, ny = truth.night.size
    stars = np.column_stack(truth.star_pixels(0))
    asteroid = np.column_stack(truth.wcs[0].all_world2pix(truth.ra_deg, truth.dec_deg, 1))
    taken, found = np.vstack([stars, asteroid]), []
    while len(found) < number:
        place = rng.uniform([60, 60], [nx - 60, ny - 60])
        if np.hypot(*(taken - place).T).min() > APART_ARCSEC / truth.night.scale:
            found.append(place)
            taken = np.vstack([taken, place])
    ra, dec = truth.wcs[0].all_pix2world(*np.transpose(found), 1)
    return ra, dec, [wcs.all_world2pix(ra, dec, 1) for wcs in truth.wcs]


def add_targets(truth, mags, pixels, rng, floats):
    """Put the light of the targets, with its photon noise, into the frames.

    floats : spread the whole numbers of the camera evenly over +-0.5 ADU, as the division by a flat field does
    """
    night = truth.night
    for path, (x, y), zeropoint, fwhm in zip(truth.paths, pixels, truth.zeropoint, truth.fwhm_px, strict=True):
        data, header = fits.getdata(path, header=True)
        clean = sky.render(data.shape, x, y, 10 ** (0.4 * (zeropoint - mags)), fwhm)
        electrons = rng.poisson(np.maximum(clean, 0) * night.gain)
        total = np.clip(np.rint(data + electrons / night.gain), 0, night.full_well_adu)
        total = (total + rng.uniform(-0.5, 0.5, total.shape)).astype(np.float32) if floats else total.astype(np.uint16)
        header = fits.Header([card for card in header.cards if card.keyword not in ("BZERO", "BSCALE")])
        fits.writeto(path, total, header, overwrite=True)


def measure(folder, names, settings):
    """Run the pipeline on the frames, with targets of the file positions.dat."""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(settings), "XDG_DATA_HOME": str(settings)}
    for command in (["pp_run"], ["pp_distill", "-positions", "positions.dat"]):
        argv = [sys.executable, str(ROOT / f"{command[0]}.py"), *command[1:], *names, "-offline"]
        subprocess.run(argv, cwd=folder, env=environment, check=False, capture_output=True, stdin=subprocess.DEVNULL)


def expected_snr(truth, mags, number, radius_px):
    """Return the S/N that photons and read noise allow in the aperture, shape (n_targets,)."""
    night, area = truth.night, np.pi * radius_px**2
    flux = 10 ** (0.4 * (truth.zeropoint[number] - mags)) * truth.aperture_fraction(number, radius_px)
    per_pixel = night.sky_adu / night.gain + (night.read_noise / night.gain) ** 2 + 1 / 12
    return flux / np.sqrt(area * per_pixel + flux / night.gain)


def one_night(seed, n_frames, n_targets, settings, floats=False):
    """Return rows of (error in mag, err_total, true S/N, number of the target) for the accepted measurements."""
    folder, rng = Path(tempfile.mkdtemp(prefix="pp_errors_")), np.random.default_rng(seed)
    try:
        truth = sky.make_dataset(folder, n_frames, seed=seed, size=(900, 900), n_stars=150)
        mags = rng.uniform(15.0, 20.6, n_targets)
        ra, dec, pixels = place_targets(truth, n_targets, rng)
        add_targets(truth, mags, pixels, rng, floats)
        lines = [f"{name} {ra[k]:.8f} {dec[k]:.8f} 0 t{k}\n" for name in truth.files for k in range(n_targets)]
        (folder / "positions.dat").write_text("".join(lines))
        measure(folder, truth.files, settings)
        radius = read_header(truth.paths[0])["APRAD"]
        query = (
            "select frame, target, mag, err_total from observations where kind = 'positions' and status = 'accepted'"
        )
        connection = sqlite3.connect(folder / "photometry.db")
        rows = connection.execute(query).fetchall()
        connection.close()
        snr = [expected_snr(truth, mags, number, radius) for number in range(n_frames)]
        found = []
        for frame, target, mag, err in rows:
            number, k = truth.files.index(frame), int(target[1:])
            found.append((mag - mags[k], err, snr[number][k], 1000 * seed + k))
        return np.array(found)
    finally:
        shutil.rmtree(folder)


def variance_of_curves(error, target):
    """Return the variance of the errors about the mean of each target's."""
    _, number, counts = np.unique(target, return_inverse=True, return_counts=True)
    mean = np.bincount(number, error) / counts
    return np.sum((error - mean[number]) ** 2) / (error.size - counts.size)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-frames", type=int, default=6, help="per night")
    parser.add_argument("-targets", type=int, default=40, help="per frame")
    parser.add_argument(
        "-nights", type=int, default=8, help="with stars of their own; their zeropoints err independently"
    )
    parser.add_argument("-floats", action="store_true", help="frames as a flat field leaves them, no whole numbers")
    args = parser.parse_args()
    settings = Path(tempfile.mkdtemp(prefix="pp_settings_"))
    (settings / "photometrypipeline").mkdir()
    (settings / "photometrypipeline" / "pp_setup.py").write_text("diagnostics = False\n")
    nights = [one_night(seed, args.frames, args.targets, settings, args.floats) for seed in range(1, args.nights + 1)]
    error, err, snr, target = np.vstack(nights).T
    print("| true S/N | number | within 1 sigma | within 2 sigma | median error (mag) | rms / limit | light curves |")
    print("|---|---|---|---|---|---|---|")
    for low, high in zip(LIMITS[:-1], LIMITS[1:], strict=True):
        here = (snr >= low) & (snr < high)
        z = np.abs(error[here]) / err[here]
        limit = np.mean((1.0857 / snr[here]) ** 2)
        print(
            f"| {low} to {high} | {here.sum()} | {100 * (z < 1).mean():.0f} % | {100 * (z < 2).mean():.0f} % |"
            f" {np.median(error[here]):+.4f} | {np.sqrt(np.mean(error[here] ** 2) / limit):.2f} |"
            f" {np.sqrt(variance_of_curves(error[here], target[here]) / limit):.2f} |"
        )
    shutil.rmtree(settings)


if __name__ == "__main__":
    main()
