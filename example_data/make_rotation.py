#!/usr/bin/env python3
"""Write simulated nights of a rotating asteroid, as pp_distill leaves them: for docs/period.md and the tests.

usage: make_rotation.py FOLDER

Three nights of asteroid 3552 on an invented orbit, each in a folder with photometry_3552.dat, photometry.db and the
ephemeris; the third is in another band. The truth: period 7.3 h, amplitude 0.42 mag, H = 13.0, G = 0.15.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import rotating
from photometrypipeline.ephemerides import aspect, ephemeris, orbit
from photometrypipeline.ephemerides.ephemstore import COLUMNS, Store
from photometrypipeline.frames import observationsdb, results
from photometrypipeline.frames.rows import LightCurve, Row
from photometrypipeline.periods import phasefunctions

NAME, FULL_NAME, SITE, TELESCOPE = "3552", "3552 Don Quixote (1983 SA)", "290", "VATT4K"
ORBIT = {"EPOCH": 2457800.5, "EC": 0.21, "QR": 1.75, "TP": 2457771.2, "OM": 80.3, "W": 73.8, "IN": 10.6}
PERIOD_H, AMPLITUDE_MAG, H, G = 7.3, 0.42, 13.0, 0.15
FIRST_JD = 2457786.70
NIGHTS = ((0, 6.5, "R"), (1, 5.0, "R"), (4, 6.0, "V"))  # day, hours, band
V_R = 0.42
ERR_MAG, ERR_COMMON_MAG, STEP_D = 0.012, 0.008, 4 / 1440
SEED = 73


def truth():
    """Return the rotating.Body of these nights."""
    return rotating.body(np.random.default_rng(SEED), PERIOD_H, AMPLITUDE_MAG, 4)


def write(folder, nights=NIGHTS, body=None, name=NAME, seed=SEED):
    """Write the nights into folders night1 ... of `folder`; return their Paths."""
    rng, body = np.random.default_rng(seed), body or truth()
    made = []
    for number, (day, hours, band) in enumerate(nights, start=1):
        jd = np.arange(FIRST_JD + day, FIRST_JD + day + hours / 24, STEP_D)
        made.append(Path(folder) / f"night{number}")
        made[-1].mkdir(parents=True, exist_ok=True)
        _write_night(made[-1], jd, band, body, name, rng)
    return made


def _write_night(folder, jd, band, body, name, rng):
    places = dict(zip(COLUMNS, orbit.ephemeris({**ORBIT, "H": H, "G": G}, SITE, jd).T, strict=True))
    ephemeris.store_rows(folder / "pp_store", name, SITE, ephemeris.Ephemeris(name, _full(name), "store", jd, **places))
    Store(folder / "pp_store").keep_elements(_full(name), {**ORBIT, "H": H, "G": G})
    light = jd - aspect.light_time_d(places["delta_au"])
    mag = H + phasefunctions.hg(places["phase_deg"], G) + 5 * np.log10(places["r_au"] * places["delta_au"])
    mag = mag + body.mag(light - FIRST_JD) - (V_R if band == "R" else 0) + rng.normal(0, ERR_COMMON_MAG)
    mag = mag + rng.normal(0, ERR_MAG, len(jd))
    rows = [_row(name, band, number, jd[number], mag[number], places) for number in range(len(jd))]
    file = f"photometry_{name}.dat"
    results.write(folder / file, rows)
    observationsdb.write(
        folder / observationsdb.FILE_NAME, [LightCurve(name, file, "primary", _full(name), "store", rows)]
    )


def _full(name):
    return FULL_NAME if name == NAME else f"{name} (simulated)"


def _row(name, band, number, jd, mag, places):
    ra, dec = float(places["ra_deg"][number]), float(places["dec_deg"][number])
    about = {"ra_deg": ra, "dec_deg": dec, "ra_pred_deg": ra, "dec_pred_deg": dec, "airmass": 1.2}
    errors = {"sig": 0.02, "err_total": 0.013, "err_frame": ERR_MAG, "err_common": ERR_COMMON_MAG}
    source = {
        "inst": mag - 25,
        "e_inst": ERR_MAG,
        "zp_mag": 25.0,
        "zp_sig_mag": 0.01,
        "exptime_s": 60.0,
        "fwhm_arcsec": 1.5,
    }
    image = f"{band}{number:04d}"
    named = {"target": name, "kind": "primary", "frame": f"{image}.fits", "ldac": f"{image}.ldac"}
    known = {"band": band, "catalog": "PANSTARRS", "magsys": "Vega", "telescope": TELESCOPE}
    return Row(jd=float(jd), mag=float(mag), **named, **known, **about, **errors, **source)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for path in write(sys.argv[1]):
        print(path)
