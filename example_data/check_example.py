#!/usr/bin/env python3
"""Compare the result of a run on example_data/vatt4k with what was put into the frames, and with the result to expect.

    python example_data/check_example.py FOLDER

FOLDER holds the frames and the result files of `pp_run mscience*fits`.  Ends with status 0 if everything is within its
limit, 1 if not.
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS, FITSFixedWarning, Sip
from scipy.ndimage import uniform_filter

DATA = Path(__file__).resolve().parent / "vatt4k"
RESULT = "photometry_3552.dat"

# Limits, and why.  The asteroid's photon noise is 0.010 to 0.015 mag in a frame, 0.004 mag in the mean of ten; the
# relation from Pan-STARRS to R has a scatter of 0.015 mag, 0.003 mag in the mean of the reference stars.
MEAN_MAG = 0.01  # mean error of the magnitudes
NOISE_RATIO = 1.3  # scatter of the errors over photon noise: for ten frames 1.0 +- 0.24
ZEROPOINT_MAG = 0.01  # of every frame
POSITION_ARCSEC = 0.1  # rms; the asteroid's centre is good to 0.02 to 0.03 arcsec
WCS_ARCSEC = 0.05  # rms over a frame; reference stars are that good, and there are 100
SAME_MAG, SAME_ARCSEC = 0.01, 0.05  # against the expected result; other versions of the programs round differently


def read_light_curve(path):
    """Return {frame: row} of the accepted rows of photometry_*.dat: mag, ra_deg, dec_deg, zeropoint, catalog, band."""
    rows = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            cells = line.split()
            named = dict(zip(("mag", "sig", "ra_deg", "dec_deg"), map(float, cells[2:6]), strict=True))
            named |= {"zeropoint": float(cells[11]), "catalog": cells[15], "band": cells[16]}
            rows[cells[0].removesuffix(".ldac") + ".fits"] = named
    return rows


def light_in_aperture(radius_px, fwhm_px, beta):
    """Return the share of a star's light that is measured within `radius_px`: a Moffat profile, in pixels.

    Pixels blur it twice: they integrate the light, and a pixel that the aperture cuts gives its share as if evenly lit.
    """
    core, step = fwhm_px / 2 / np.sqrt(2 ** (1 / beta) - 1), 0.05
    reach = np.arange(-radius_px - 2, radius_px + 2, step) + step / 2
    squared = reach**2 + reach[:, None] ** 2
    aperture = (squared <= radius_px**2).astype(float)
    for _ in range(2):
        aperture = uniform_filter(aperture, round(1 / step))
    profile = (beta - 1) / (np.pi * core**2) * (1 + squared / core**2) ** -beta
    return float((profile * aperture).sum() * step**2)


def photon_noise(truth, meta, radius_px):
    """Return the best possible error (mag) of the asteroid's magnitude in an aperture; `truth`: row of truth.ecsv."""
    light = light_in_aperture(radius_px, truth["fwhm_px"], truth["beta"])
    star = 10 ** (0.4 * (truth["zeropoint"] - truth["R_mag"])) * light * meta["gain"]  # e-
    pixels = np.pi * radius_px**2
    return 1.0857 * np.sqrt(star + pixels * (truth["sky_adu"] * meta["gain"] + meta["read_noise"] ** 2)) / star


def wcs_error(header, truth, meta):
    """Return the rms distance (arcsec) of the header's WCS from the true one over the frame."""
    true = WCS(naxis=2)
    true.wcs.ctype, true.wcs.crpix = ["RA---TAN-SIP", "DEC--TAN-SIP"], meta["crpix"]
    true.wcs.crval = truth["crval1"], truth["crval2"]
    true.wcs.cd = np.reshape([truth[name] for name in ("cd1_1", "cd1_2", "cd2_1", "cd2_2")], (2, 2))
    true.sip = Sip(np.array(meta["sip_a"]), np.array(meta["sip_b"]), None, None, meta["crpix"])
    true.wcs.set()
    x, y = np.meshgrid(*(np.linspace(1, size, 15) for size in meta["size"]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        found = SkyCoord(*WCS(header).all_pix2world(x, y, 1), unit="deg")
    apart = found.separation(SkyCoord(*true.all_pix2world(x, y, 1), unit="deg")).arcsec
    return float(np.sqrt(np.mean(apart**2)))


def compare(folder, expected=None):
    """Return a Table, one row per measured frame: errors against the truth, and what noise explains; mag, arcsec."""
    truth = Table.read(DATA / "truth.ecsv")
    measured = read_light_curve(folder / RESULT)
    rows = []
    for true in truth[[name in measured for name in truth["file"]]]:
        row, header = measured[true["file"]], fits.getheader(folder / true["file"])
        light = light_in_aperture(header["APRAD"], true["fwhm_px"], true["beta"])
        apart = separation(row, true)
        same = (expected or {}).get(true["file"])
        rows.append({
            "frame": true["file"],
            "R": row["mag"],
            "error": row["mag"] - true["R_mag"],
            "noise": photon_noise(true, truth.meta, header["APRAD"]),
            "position": apart,
            "zeropoint": row["zeropoint"] - true["zeropoint"] - 2.5 * np.log10(light),
            "wcs": wcs_error(header, true, truth.meta),
            "other_mag": abs(row["mag"] - same["mag"]) if same else np.nan,
            "other_arcsec": separation(row, same) if same else np.nan,
        })  # fmt: skip
    return Table(rows)


def separation(one, other):
    """Return the distance (arcsec) of two rows with ra_deg and dec_deg."""
    places = [SkyCoord(row["ra_deg"], row["dec_deg"], unit="deg") for row in (one, other)]
    return float(places[0].separation(places[1]).arcsec)


def verdicts(table, n_frames, measured):
    """Return [(what, value, limit, ok), ...]."""
    error = np.asarray(table["error"])
    noise = np.sqrt(np.mean(table["noise"] ** 2))
    foreign = sum((row["catalog"], row["band"]) != ("PANSTARRS_transformed", "R") for row in measured.values())
    quantities = [
        ("frames without a measurement", n_frames - len(table), 0),
        ("frames not calibrated to R with PANSTARRS", foreign, 0),
        ("mean magnitude error (mag)", abs(error.mean()), MEAN_MAG),
        ("scatter of magnitudes / photon noise", error.std(ddof=1) / noise, NOISE_RATIO),
        ("largest zeropoint error (mag)", np.abs(table["zeropoint"]).max(), ZEROPOINT_MAG),
        ("asteroid's position, rms (arcsec)", np.sqrt(np.mean(table["position"] ** 2)), POSITION_ARCSEC),
        ("worst WCS, rms over the frame (arcsec)", table["wcs"].max(), WCS_ARCSEC),
    ]
    if np.isfinite(table["other_mag"]).any():
        quantities.append(("largest difference from the expected magnitudes", np.nanmax(table["other_mag"]), SAME_MAG))
        quantities.append(("and positions (arcsec)", np.nanmax(table["other_arcsec"]), SAME_ARCSEC))
    return [(what, value, limit, bool(value <= limit)) for what, value, limit in quantities]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    if not (folder / RESULT).exists():
        print(f"{folder / RESULT} does not exist: the run found no asteroid, or has not been made")
        return 1
    expected = DATA / "expected" / RESULT
    measured = read_light_curve(folder / RESULT)
    table = compare(folder, read_light_curve(expected) if expected.exists() else None)
    if not len(table):
        print(f"{folder / RESULT} has no row that was not rejected")
        return 1
    for name in table.colnames[1:]:
        table[name].format = "%.4f"
    print("Each frame against the truth: magnitudes, and positions in arcsec")
    print("\n".join(table[table.colnames[:-2]].pformat(max_width=-1)))
    results = verdicts(table, len(Table.read(DATA / "truth.ecsv")), measured)
    for what, value, limit, ok in results:
        print(f"{'ok  ' if ok else 'FAIL'}  {what:48} {value:8.4f}  limit {limit:g}")
    return 0 if all(ok for *_, ok in results) else 1


if __name__ == "__main__":
    sys.exit(main())
