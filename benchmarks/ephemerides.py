#!/usr/bin/env python3
"""Measure how far computed positions are from those of JPL Horizons, and print a table: arcsec, per object and site.

Reads a recorded table of Horizons (CSV, gzipped) with columns orbit_id, targetname, observatory_code, mjd_utc, RA, DEC,
delta and so on, two months of nights per object and site.  It has no elements: they come from the first three nights.

Example:
  .venv/bin/python benchmarks/ephemerides.py ../shared/data/ephemerides/jpl_horizons_28objects_X05_W84.csv.gz
"""

import argparse
import csv
import gzip
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

import orbitfit  # noqa: E402  lies among the tests
from photometrypipeline.ephemerides import orbit, planets  # noqa: E402

SITES = ("X05", "W84")  # the second one takes over where the first ends
DAYS = (10, 30, 58.1)


def errors_arcsec(rows, site, elements, solar_system):
    """Return how far the computed places are from the recorded ones, shape (n,)."""
    ra, dec = orbit.ephemeris(elements, site, rows["jd"], solar_system)[:, :2].T
    east = ((ra - rows["RA"] + 180) % 360 - 180) * np.cos(np.radians(rows["DEC"]))
    return np.hypot(east, dec - rows["DEC"]) * 3600


def measure(path, orbit_id, solar_system):
    """Return (name, distance in au, [largest error up to 10, 30, 58 days]) of one object."""
    nights = [(site, orbitfit.read_rows(path, orbit_id, site)) for site in SITES]
    elements = orbitfit.fit(nights[0][1], SITES[0], solar_system=solar_system)
    found = [
        (rows["jd"] - elements["EPOCH"], errors_arcsec(rows, site, elements, solar_system)) for site, rows in nights
    ]
    since, errors = (np.concatenate(parts) for parts in zip(*found, strict=True))
    delta = np.concatenate([rows["delta"] for _, rows in nights])
    return nights[0][1]["name"], delta.min(), [errors[since < limit].max() for limit in DAYS]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    path = parser.parse_args().table
    with gzip.open(path, "rt") as file:
        ids = sorted({line["orbit_id"] for line in csv.DictReader(file)})
    systems = [planets.Series()] + ([planets.best()] if planets.best().name != "pyerfa" else [])
    print("| object | nearest (au) |" + "".join(f" {s.name}, {day:.0f} d |" for s in systems for day in DAYS))
    print("|---|---|" + "---|" * len(systems) * len(DAYS))
    for orbit_id in ids:
        cells = [measure(path, orbit_id, system) for system in systems]
        name, nearest, _ = cells[0]
        print(f"| {name} | {nearest:.2f} |" + "".join(f" {value:.3f} |" for _, _, errors in cells for value in errors))


if __name__ == "__main__":
    main()
