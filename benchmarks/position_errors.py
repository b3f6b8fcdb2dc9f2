#!/usr/bin/env python3
"""Compare the errors that pptool_mpcreport states with those of simulated frames, whose truth is known.

Example:
  .venv/bin/python benchmarks/position_errors.py -frames 25 -mag 17 18.5
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from astropy.time import Time

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

import sky  # noqa: E402  lies among the tests
from photometrypipeline.reports import ades  # noqa: E402


def run(name, *arguments, cwd):
    argv = [sys.executable, str(ROOT / f"{name}.py"), *arguments]
    subprocess.run(argv, cwd=cwd, check=True, capture_output=True)


def measure(folder, n_frames, mag):
    """Return (errors, stated), each of shape (3, n): RA and Dec in arcsec, and magnitude."""
    truth = sky.make_dataset(folder, n_frames, seed=int(10 * mag), size=(500, 500), asteroid_mag=mag)
    run("pp_run", *truth.files, "-offline", cwd=folder)
    run("pptool_mpcreport", "-format", "psv", "-draft", f"photometry_{truth.night.target}.dat", cwd=folder)
    records = ades.read(folder / "mpc_astrometry.psv")[1][0].records
    times = Time([record["obsTime"].rstrip("Z") for record in records], scale="utc").jd
    k = np.abs(truth.midtime_jd - times[:, None]).argmin(axis=1)

    def values(name):
        return np.array([float(record[name]) for record in records])

    east = (values("ra") - truth.ra_deg[k]) * np.cos(np.radians(truth.dec_deg[k])) * 3600
    north = (values("dec") - truth.dec_deg[k]) * 3600
    errors = np.array([east, north, values("mag") - truth.mag[k]])
    return errors, np.array([values("rmsRA"), values("rmsDec"), values("rmsMag")])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-frames", type=int, default=25, help="per magnitude (default: %(default)s)")
    parser.add_argument("-mag", type=float, nargs="+", default=[17.0, 18.5], help="of the asteroid (default: 17 18.5)")
    args = parser.parse_args()
    print("mag    what  rms of the errors  stated  within 1 sigma  within 2 sigma")
    for mag in args.mag:
        with tempfile.TemporaryDirectory() as folder:
            errors, stated = measure(Path(folder), args.frames, mag)
        for name, error, sigma in zip(("RA", "Dec", "mag"), errors, stated, strict=True):
            share = [100 * np.mean(np.abs(error) < limit * sigma) for limit in (1, 2)]
            rms = np.sqrt(np.mean(error**2))
            print(f"{mag:5.1f}  {name:4}  {rms:17.4f}  {sigma.mean():6.4f}  {share[0]:12.0f} %  {share[1]:12.0f} %")


if __name__ == "__main__":
    main()
