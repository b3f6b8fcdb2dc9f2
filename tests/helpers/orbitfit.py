"""Osculating elements from positions with distances: recorded rows of Horizons bring no elements with them.

rows = read_rows(path, "00013", "X05")             {name: ndarray}; mjd_utc, RA, DEC (deg), delta, r (au), and others
elements = fit(rows, "X05", nights=3)              from the first nights alone
"""

import csv
import gzip

import numpy as np

from photometrypipeline.ephemerides import orbit, planets

COLUMNS = ("mjd_utc", "RA", "DEC", "RA_rate", "DEC_rate", "delta", "r", "alpha", "RA_3sigma", "DEC_3sigma")
STEPS = np.repeat([1e-7, 1e-9], 3)  # au and au/d, for partial derivatives


def read_rows(path, orbit_id, site):
    """Return {column: ndarray} of one object seen from one site, in the order of time; NaN where a field is empty."""
    with gzip.open(path, "rt") as file:
        lines = [
            line for line in csv.DictReader(file) if (line["orbit_id"], line["observatory_code"]) == (orbit_id, site)
        ]
    rows = {name: np.array([float(line[name] or "nan") for line in lines]) for name in COLUMNS}
    return rows | {"jd": rows["mjd_utc"] + 2400000.5, "name": lines[0]["targetname"]}


def places(rows, site, solar_system):
    """Return (tdb, heliocentric places): when the light left the body, shape (n,), and where it was, (n, 3), au."""
    tdb = orbit.tdb_of(rows["jd"])
    ra, dec = np.radians(rows["RA"]), np.radians(rows["DEC"])
    towards = np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    emitted = tdb - rows["delta"] / orbit.LIGHT_AU_D
    observer = solar_system.earth_and_sun(tdb)[0] + orbit.site_au(site, rows["jd"])
    return emitted, observer + rows["delta"][:, None] * towards - solar_system.earth_and_sun(emitted)[1]


def fit(rows, site, nights=3, solar_system=None, push=None):
    """Return the elements (dict) at the first row, from the rows of the first `nights` (least squares, all alike).

    push : known non-gravitational parameters (dict), which go into the elements
    """
    solar_system = solar_system or planets.best()
    early = rows["jd"] < np.unique(np.floor(rows["jd"]))[nights]
    tdb, seen = places({name: rows[name][early] for name in ("jd", "RA", "DEC", "delta")}, site, solar_system)
    epoch = tdb[0]
    state = np.concatenate([seen[0], (seen[-1] - seen[0]) / (tdb[-1] - epoch)])
    for _ in range(3):

        def predicted(state):
            path = orbit.Path(elements_of(state, epoch) | (push or {}), epoch - 0.1, tdb[-1] + 0.1, solar_system)
            return path(tdb).ravel()

        now = predicted(state)
        partials = np.column_stack([(predicted(state + step) - now) / step.sum() for step in np.diag(STEPS)])
        state = state + np.linalg.lstsq(partials, seen.ravel() - now, rcond=None)[0]
    return elements_of(state, epoch) | (push or {})


def elements_of(state, epoch):
    """Return the elements (dict) of a heliocentric state, shape (6,), au and au/d, ICRF, at a TDB Julian date."""
    turn = orbit._turn_x(-np.degrees(orbit.OBLIQUITY_RAD))
    place, speed = turn @ state[:3], turn @ state[3:]
    r, gm = np.linalg.norm(place), orbit.GM_SUN
    normal = np.cross(place, speed)
    momentum = np.linalg.norm(normal)
    towards = np.cross(speed, normal) / gm - place / r  # to the perihelion, as long as the eccentricity
    ecc = np.linalg.norm(towards)
    q = momentum**2 / gm / (1 + ecc)
    node = np.array([-normal[1], normal[0], 0]) / np.hypot(*normal[:2])
    sideways = np.cross(normal / momentum, node)
    anomaly = np.arctan2(momentum * (place @ speed) / r, momentum**2 / r - gm)
    half = np.sqrt(abs(1 - ecc) / (1 + ecc)) * np.tan(anomaly / 2)
    if ecc < 1:
        eccentric = 2 * np.arctan(half)
        mean = eccentric - ecc * np.sin(eccentric)
    else:
        eccentric = 2 * np.arctanh(half)
        mean = ecc * np.sinh(eccentric) - eccentric
    return {
        "EPOCH": epoch,
        "EC": ecc,
        "QR": q,
        "TP": epoch - mean / np.sqrt(gm * (abs(1 - ecc) / q) ** 3),
        "OM": np.degrees(np.arctan2(normal[0], -normal[1])) % 360,
        "W": np.degrees(np.arctan2(towards @ sideways, towards @ node)) % 360,
        "IN": np.degrees(np.arccos(normal[2] / momentum)),
    }
