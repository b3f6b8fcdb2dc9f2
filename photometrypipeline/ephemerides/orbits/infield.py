"""The known bodies in a field while frames were taken, from the orbits in the store: what SkyBoT answers, offline.

First all orbits as ellipses (twobody.py), then what may be near, integrated (together.py).
"""

import logging
import re
from dataclasses import dataclass

import numpy as np

from photometrypipeline.ephemerides import orbit, planets
from photometrypipeline.ephemerides.ephemeris import Ephemeris
from photometrypipeline.ephemerides.ephemstore import COLUMNS
from photometrypipeline.ephemerides.orbits import table, together, twobody
from photometrypipeline.ephemerides.orbits.table import OrbitTable
from photometrypipeline.sky import sphere

log = logging.getLogger("pp.orbits")

MARGIN_DEG = 0.005
ACROSS_ARCSEC = 0.3  # error of places across the orbit


@dataclass
class Body:
    """A known body near the field: `number` ("" without one), `name`, its Ephemeris at the times of the frames.

    err_arcsec : one sigma of its place along the orbit, NaN where unknown, inf where nothing is to be relied on
    """

    number: str
    name: str
    places: Ephemeris
    err_arcsec: float


def search(
    tables: list[OrbitTable],
    field_deg: tuple[float, float, float],
    jds: np.ndarray,
    mpc_code: str,
    limit_mag: float = np.inf,
    jobs: int = 2,
) -> list[Body]:
    """Return the Bodies brighter than `limit_mag` (V) in the circle `field_deg` (RA, Dec, radius), brightest first.

    jds : UT Julian dates of the frames, shape (k,); a body counts that is in the circle at any of them
    """
    jds = np.asarray(jds, dtype=float)
    field = field_at(field_deg, jds, mpc_code)
    bodies: dict[str, tuple] = {}
    for orbits in tables:
        numbers = twobody.near(orbits, field, jobs)
        if not numbers.size:
            continue
        log.info("%s: %d of %d orbits pass near the field", orbits.origin, numbers.size, len(orbits))
        errors = orbits.error_arcsec(numbers, field.tdb)
        for number, error in zip(numbers, errors, strict=True):
            one = orbits.orbit(int(number))
            away = abs(one.elements["EPOCH"] - field.tdb)
            if one.full_name not in bodies or away < bodies[one.full_name][0]:
                bodies[one.full_name] = away, one, float(error), orbits
    return _seen(list(bodies.values()), field_deg, jds, mpc_code, limit_mag) if bodies else []


def field_at(field_deg: tuple[float, float, float], jds: np.ndarray, mpc_code: str) -> twobody.Field:
    """Return the twobody.Field of a circle on the sky, seen from a site at the UT Julian dates `jds`."""
    middle, half = (jds.max() + jds.min()) / 2, np.ptp(jds) / 2
    around = np.array([middle - 0.02, middle, middle + 0.02])
    earth, sun = planets.best().earth_and_sun(orbit.tdb_of(around))
    observer = earth - sun + orbit.site_au(mpc_code, around)
    towards = np.asarray(sphere.vectors(field_deg[0], field_deg[1])).ravel()
    speed = (observer[2] - observer[0]) / 0.04
    tdb = float(orbit.tdb_of(around)[1])
    return twobody.Field(towards, field_deg[2] + MARGIN_DEG, tdb, float(half), observer[1], speed)


def _seen(bodies: list[tuple], field_deg: tuple, jds: np.ndarray, mpc_code: str, limit_mag: float) -> list[Body]:
    elements = [one.elements for _, one, _, _ in bodies]
    step = orbit.RATE_STEP_D
    times = np.concatenate([jds, jds - step, jds + step])
    seen = together.seen(elements, mpc_code, times)
    k, found = len(jds), []
    distance = sphere.separation_deg(seen.ra_deg[:, :k], seen.dec_deg[:, :k], *field_deg[:2])
    for n in np.flatnonzero((distance <= field_deg[2]).any(axis=1)):
        _, one, error, orbits = bodies[n]
        places = _ephemeris(one, seen, int(n), jds, error, f"computed from orbits of {orbits.origin}")
        if np.nanmin(places.v_mag, initial=np.inf) > limit_mag and np.isfinite(places.v_mag).any():
            continue
        number, name = _number_and_name(one.full_name, orbits.kind)
        if not number and orbits.kind == table.ASTEROIDS and not np.isfinite(error):
            error = np.inf  # too few observations for an uncertainty parameter
        found.append(Body(number, name, places, error))
    return sorted(found, key=lambda body: float(np.nanmean(np.append(body.places.v_mag, 99.0))))


def _ephemeris(one, seen: together.Seen, n: int, jds: np.ndarray, error: float, source: str) -> Ephemeris:
    """Return the Ephemeris of body `n`: its places at `jds`, and rates from those before and after."""
    k = len(jds)
    ra, dec = seen.ra_deg[n], seen.dec_deg[n]
    per_hour = 3600 / (48 * orbit.RATE_STEP_D)
    r, delta, phase = (column[n, :k] for column in (seen.r_au, seen.delta_au, seen.phase_deg))
    ra_rate = ((ra[2 * k :] - ra[k : 2 * k] + 180) % 360 - 180) * np.cos(np.radians(dec[:k])) * per_hour
    dec_rate = (dec[2 * k :] - dec[k : 2 * k]) * per_hour
    speed = np.maximum(np.hypot(ra_rate, dec_rate), 1e-9)
    along = error / delta
    columns = {
        "ra_deg": ra[:k],
        "dec_deg": dec[:k],
        "ra_rate": ra_rate,
        "dec_rate": dec_rate,
        "v_mag": orbit.magnitude(one.elements, r, delta, phase),
        "sigma_ra_arcsec": np.hypot(along * ra_rate / speed, ACROSS_ARCSEC),
        "sigma_dec_arcsec": np.hypot(along * dec_rate / speed, ACROSS_ARCSEC),
        "r_au": r,
        "delta_au": delta,
        "phase_deg": phase,
    }
    source = f"{source} of JD {one.elements['EPOCH']:.1f}"
    return Ephemeris(one.full_name, one.full_name, source, jds, **{name: columns[name] for name in COLUMNS})


def _number_and_name(full_name: str, kind: str) -> tuple[str, str]:
    """Return ("1", "Ceres") of `1 Ceres`, ("", "2022 AB1") of `(2022 AB1)`; comets keep their names whole."""
    if kind == table.COMETS:
        return "", full_name
    numbered = re.fullmatch(r"(\d+)(?: (.*))?", full_name)
    if numbered:
        return numbered[1], numbered[2] or numbered[1]
    return "", full_name.strip("()")
