"""Positions computed from orbital elements, for when Horizons cannot be asked.

The orbit is integrated with the pull of the eight planets and general relativity, for comets with their outgassing.
docs/ephemerides.md tells how near Horizons that comes; the error of the elements themselves comes on top.

Planets and Earth are those of planets.py. Earth rotation takes UT1 = UTC and no polar motion, an error of the site
below 0.5 km, 0.0006 arcsec at 1 au.
"""

import erfa
import numpy as np
from astropy.time import Time

from photometrypipeline.ephemerides import planets
from photometrypipeline.ephemerides.ephemstore import COLUMNS
from photometrypipeline.ephemerides.planets import AU_KM, GM_SUN
from photometrypipeline.sky import obscodes

LIGHT_AU_D = 173.1446326846693
OBLIQUITY_RAD = np.radians(84381.448 / 3600)  # of the ecliptic to which Horizons refers elements
REACH_D = 730  # farther from the epoch of the elements the asteroids' pull and the planets' errors begin to show
MARGIN_D = 2  # light takes half a day from 80 au
RATE_STEP_D = 5 / 1440


def nearest(orbits, jds):
    """Return the one of `orbits` (Orbit) with the epoch nearest to `jds`, None beyond REACH_D."""
    reachable = [one for one in orbits if np.max(np.abs(np.asarray(jds) - one.elements["EPOCH"])) <= REACH_D]
    return min(reachable, key=lambda one: abs(one.elements["EPOCH"] - np.mean(jds)), default=None)


def ephemeris(elements, mpc_code, jds, solar_system=None):
    """Return what is seen from the site `mpc_code` at the UT Julian dates `jds`: ndarray, shape (n, len(COLUMNS)).

    solar_system : planets.Series or planets.Kernel, by default the better of those that are installed

    Astrometric right ascension and declination (ICRF), as Horizons' quantity 1: light time is taken into account,
    aberration and refraction are not. Uncertainties are unknown, NaN. Raises TelescopeError for a site without a place.
    """
    jds = np.asarray(jds, dtype=float)
    tdb = tdb_of(jds)
    path = Path(elements, tdb.min() - MARGIN_D, tdb.max() + MARGIN_D, solar_system or planets.best())
    seen, r_au, phase_deg = _seen(path, mpc_code, jds)
    delta_au = np.linalg.norm(seen, axis=1)
    ra_deg, dec_deg = angles(seen)
    ra_before, dec_before = angles(_seen(path, mpc_code, jds - RATE_STEP_D)[0])
    ra_after, dec_after = angles(_seen(path, mpc_code, jds + RATE_STEP_D)[0])
    per_hour = 3600 / (48 * RATE_STEP_D)  # from deg over two steps to arcsec/h
    columns = {
        "ra_deg": ra_deg,
        "dec_deg": dec_deg,
        "ra_rate": ((ra_after - ra_before + 180) % 360 - 180) * np.cos(np.radians(dec_deg)) * per_hour,
        "dec_rate": (dec_after - dec_before) * per_hour,
        "v_mag": magnitude(elements, r_au, delta_au, phase_deg),
        "r_au": r_au,
        "delta_au": delta_au,
        "phase_deg": phase_deg,
    }
    return np.column_stack([columns.get(name, np.full(jds.size, np.nan)) for name in COLUMNS])


def tdb_of(jds):
    """Return TDB Julian dates of UTC Julian dates, both floats of shape (n,)."""
    return Time(jds, format="jd", scale="utc").tdb.jd


def magnitude(elements, r_au, delta_au, phase_deg):
    """Return V of an asteroid (H, G system; Bowell et al. 1989) or the total magnitude of a comet; NaN if unknown."""
    distance = 5 * np.log10(delta_au)
    if "H" in elements:
        tangent = np.tan(np.radians(phase_deg) / 2)
        phi1, phi2 = np.exp(-3.33 * tangent**0.63), np.exp(-1.87 * tangent**1.22)
        slope = elements.get("G", 0.15)
        return elements["H"] + 5 * np.log10(r_au) + distance - 2.5 * np.log10((1 - slope) * phi1 + slope * phi2)
    if "M1" in elements and "K1" in elements:
        return elements["M1"] + distance + elements["K1"] * np.log10(r_au)
    return np.full(np.shape(r_au), np.nan)


def state(elements):
    """Return the heliocentric state, shape (6,), at the epoch of the elements: au and au/d, ICRF."""
    ecc, q = elements["EC"], elements["QR"]
    radius, anomaly = _radius_and_anomaly(ecc, q, elements["EPOCH"] - elements["TP"])
    speed = np.sqrt(GM_SUN / (q * (1 + ecc)))
    in_plane = radius * np.array([np.cos(anomaly), np.sin(anomaly), 0])
    motion = speed * np.array([-np.sin(anomaly), ecc + np.cos(anomaly), 0])
    turn = _turn_z(elements["OM"]) @ _turn_x(elements["IN"]) @ _turn_z(elements["W"])
    turn = _turn_x(np.degrees(OBLIQUITY_RAD)) @ turn
    return np.concatenate([turn @ in_plane, turn @ motion])


def _radius_and_anomaly(ecc, q, since_perihelion_d):
    """Return the distance from the Sun (au) and the true anomaly (rad) on any conic."""
    from scipy.optimize import brentq

    if abs(ecc - 1) < 1e-10:  # Barker's equation
        third = 1.5 * np.sqrt(GM_SUN / (2 * q**3)) * since_perihelion_d
        root = np.cbrt(third + np.hypot(third, 1))
        anomaly = 2 * np.arctan(root - 1 / root)
    else:
        mean = np.sqrt(GM_SUN / (q / abs(1 - ecc)) ** 3) * since_perihelion_d
        if ecc < 1:
            mean = (mean + np.pi) % (2 * np.pi) - np.pi
            angle = brentq(lambda x: x - ecc * np.sin(x) - mean, mean - 1, mean + 1, xtol=1e-15)
            anomaly = 2 * np.arctan2(np.sqrt(1 + ecc) * np.sin(angle / 2), np.sqrt(1 - ecc) * np.cos(angle / 2))
        else:
            most = np.arcsinh((abs(mean) + 1) / (ecc - 1)) + 1
            angle = brentq(lambda x: ecc * np.sinh(x) - x - mean, -most, most, xtol=1e-15)
            anomaly = 2 * np.arctan(np.sqrt((ecc + 1) / (ecc - 1)) * np.tanh(angle / 2))
    return q * (1 + ecc) / (1 + ecc * np.cos(anomaly)), anomaly


class Path:
    """The integrated orbit between the TDB Julian dates `first` and `last`; `path(tdb)` is the heliocentric place.

    For `tdb` of shape (n,) that is an ndarray of shape (n, 3), au, ICRF.
    """

    def __init__(self, elements, first, last, solar_system=None):
        from scipy.integrate import solve_ivp  # slow to import, and needed where Horizons cannot be asked

        self.epoch = elements["EPOCH"]
        self.solar_system = solar_system or planets.best()
        force = _Force(elements, self.solar_system)
        self._arms = {}
        for sign, end in ((-1, min(first, self.epoch)), (1, max(last, self.epoch))):
            if end != self.epoch:
                self._arms[sign] = solve_ivp(
                    force, (0, end - self.epoch), state(elements), "DOP853", dense_output=True, rtol=1e-11, atol=1e-14
                ).sol

    def __call__(self, tdb):
        since = np.asarray(tdb) - self.epoch
        place = np.empty((since.size, 3))
        for sign, arm in self._arms.items():
            here = since * sign >= 0
            if here.any():  # the integrator's answer cannot be asked for nothing
                place[here] = arm(since[here])[:3].T
        return place


def gravity(place, speed, others):
    """Return the acceleration, au/d^2, of heliocentric bodies by the Sun (with relativity) and the planets.

    place, speed : shape (3,) or (n, 3), au and au/d;  others : heliocentric places of the planets, shape (8, 3)
    """
    if place.ndim > 1:
        others = others[:, None]
    apart = others - place
    towards = apart / _cubed(apart) - others / _cubed(others)
    r = np.sqrt(np.sum(place**2, axis=-1, keepdims=True))
    fast, outwards = np.sum(speed**2, axis=-1, keepdims=True), np.sum(place * speed, axis=-1, keepdims=True)
    relativity = ((4 * GM_SUN / r - fast) * place + 4 * outwards * speed) / LIGHT_AU_D**2
    return np.tensordot(planets.GM, towards, 1) + GM_SUN / r**3 * (relativity - place)


def _cubed(vectors):
    return np.sum(vectors**2, axis=-1, keepdims=True) ** 1.5


class _Force:
    """Derivative of the heliocentric state, for scipy's integrators; time counts from the epoch of the elements."""

    def __init__(self, elements, solar_system):
        self.epoch = elements["EPOCH"]
        self.heliocentric = solar_system.heliocentric
        self.push = np.array([elements.get(key, 0.0) for key in ("A1", "A2", "A3")])  # au/d^2 at the scale distance
        law = ("ALN", "NK", "NM", "NN", "R0")
        self.law = tuple(elements[key] for key in law) if all(key in elements for key in law) else (1, 0, 2, 1, 1)
        self.conic, self.delay_d = elements, elements.get("DT", 0.0)

    def __call__(self, since, y):
        place, speed = y[:3], y[3:]
        r = np.sqrt(place @ place)
        pull = gravity(place, speed, self.heliocentric(self.epoch, since))
        if self.push.any():
            pull += self._outgassing(place, speed, self._distance_before(since) if self.delay_d else r)
        return np.concatenate([speed, pull])

    def _distance_before(self, since):
        """Return how far from the Sun (au) the body was DT days before, on the conic of the elements: near enough."""
        on_the_way = self.epoch + since - self.delay_d - self.conic["TP"]
        return _radius_and_anomaly(self.conic["EC"], self.conic["QR"], on_the_way)[0]

    def _outgassing(self, place, speed, r):
        """After Marsden, Sekanina & Yeomans (1973, AJ 78, 211): radial, transverse and normal parts times g(r).

        `r` is the distance of DT days ago where the outgassing lags behind (Yeomans & Chodas 1989, AJ 98, 1083).
        """
        scale, k, m, n, r0 = self.law
        radial = place / np.linalg.norm(place)
        normal = np.cross(place, speed)
        normal /= np.linalg.norm(normal)
        axes = np.array([radial, np.cross(normal, radial), normal])
        return scale * (r / r0) ** -m * (1 + (r / r0) ** n) ** -k * (self.push @ axes)


def _seen(path, mpc_code, jds):
    """Return the vector from observer to body, shape (n, 3), the distance from the Sun (au), the phase angle (deg)."""
    tdb = tdb_of(jds)
    observer = path.solar_system.earth_and_sun(tdb)[0] + site_au(mpc_code, jds)
    emitted = tdb
    for _ in range(4):  # light time; each round gains four digits
        sun = path.solar_system.earth_and_sun(emitted)[1]
        place = path(emitted)
        seen = place + sun - observer
        emitted = tdb - np.linalg.norm(seen, axis=1) / LIGHT_AU_D
    r_au = np.linalg.norm(place, axis=1)
    cosine = np.sum(place * seen, axis=1) / r_au / np.linalg.norm(seen, axis=1)
    return seen, r_au, np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def site_au(mpc_code, jds):
    """Return the vector from the centre of the Earth to the site at UT Julian dates: shape (n, 3), au, ICRF axes."""
    turned = np.swapaxes(erfa.c2t06a(tdb_of(jds), 0.0, jds, 0.0, 0.0, 0.0), -1, -2)
    return turned @ obscodes.geocentric_km(mpc_code) / AU_KM


def angles(vectors):
    """Return (ra_deg, dec_deg) of vectors, shape (n, 3)."""
    ra_deg = np.degrees(np.arctan2(vectors[:, 1], vectors[:, 0])) % 360
    return ra_deg, np.degrees(np.arctan2(vectors[:, 2], np.hypot(vectors[:, 0], vectors[:, 1])))


def _turn_x(angle_deg):
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _turn_z(angle_deg):
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
