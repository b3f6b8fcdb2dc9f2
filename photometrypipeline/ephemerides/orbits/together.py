"""Where many bodies stand at the times of the frames: their orbits integrated side by side.

The planets, which take most of the time, are asked for once for all bodies. Bodies whose elements hold for the same
epoch go together; those that may come near the Earth have shorter steps, and go apart from the others.
"""

from dataclasses import dataclass

import numpy as np

from photometrypipeline.ephemerides import orbit, planets
from photometrypipeline.ephemerides.orbit import GM_SUN, LIGHT_AU_D

SWIFT_AU = 1.5  # perihelion distance below which a body may meet Mars, Earth or Venus, and moves fast
RTOL, ATOL = 1e-10, 1e-12  # 0.001 arcsec after years, for the worst of a hundred bodies
SAME_EPOCH_D = 1e-6


@dataclass
class Seen:
    """What is seen of n bodies at k times, each of shape (n, k): places (deg), distances (au), phase (deg)."""

    ra_deg: np.ndarray
    dec_deg: np.ndarray
    r_au: np.ndarray
    delta_au: np.ndarray
    phase_deg: np.ndarray


def seen(elements: list[dict], mpc_code: str, jds: np.ndarray, solar_system=None) -> Seen:
    """Return what the site `mpc_code` sees of bodies with these elements at the UT Julian dates `jds`, shape (k,)."""
    solar_system = solar_system or planets.best()
    jds = np.asarray(jds, dtype=float)
    place, speed = states(elements, orbit.tdb_of(jds), solar_system)
    return _emitted(place, speed, mpc_code, jds, solar_system)


def seen_later(start: np.ndarray, epoch: float, mpc_code: str, jds: np.ndarray, solar_system=None) -> Seen:
    """Return what a site sees of bodies in the states `start`, shape (n, 6), at the TDB Julian date `epoch`.

    jds : UT Julian dates, all later, in turn;  the state : heliocentric place and speed, au and au/d, ICRF
    """
    solar_system = solar_system or planets.best()
    later = _integrated(start, epoch, orbit.tdb_of(jds) - epoch, solar_system)
    return _emitted(later[..., :3], later[..., 3:], mpc_code, jds, solar_system)


def states(elements: list[dict], tdb: np.ndarray, solar_system) -> tuple[np.ndarray, np.ndarray]:
    """Return heliocentric (places, speeds) at TDB Julian dates, each of shape (n, k, 3): au and au/d, ICRF."""
    found = np.full((len(elements), len(tdb), 6), np.nan)
    start = np.array([orbit.state(one) for one in elements]).reshape(-1, 6)
    order = np.argsort(tdb)
    for group in _groups(elements):
        epoch = elements[group[0]]["EPOCH"]
        for sign in (-1, 1):
            here = order[(tdb[order] - epoch) * sign > 0]
            if here.size:
                times = (tdb[here] - epoch)[::sign]
                found[np.ix_(group, here[::sign])] = _integrated(start[group], epoch, times, solar_system)
        for k in np.flatnonzero(tdb == epoch):
            found[group, k] = start[group]
    return found[..., :3], found[..., 3:]


def _groups(elements: list[dict]) -> list[np.ndarray]:
    """Return the numbers of bodies that are integrated together."""
    keys = [(round(one["EPOCH"] / SAME_EPOCH_D), one["QR"] < SWIFT_AU) for one in elements]
    _, which = np.unique(np.array(keys, dtype=np.int64).reshape(-1, 2), axis=0, return_inverse=True)
    return [np.flatnonzero(which.ravel() == number) for number in range(which.max(initial=-1) + 1)]


def _integrated(start: np.ndarray, epoch: float, since: np.ndarray, solar_system) -> np.ndarray:
    """Return states, shape (n, k, 6), at times (d) since the epoch, all on one side of it and in turn."""
    from scipy.integrate import solve_ivp  # slow to load, and a run without orbits in the store does without

    n = len(start)

    def force(when: float, y: np.ndarray) -> np.ndarray:
        place, speed = y.reshape(2, n, 3)
        return np.concatenate([speed, orbit.gravity(place, speed, solar_system.heliocentric(epoch, when))]).ravel()

    first = np.concatenate([start[:, :3], start[:, 3:]]).ravel()
    answer = solve_ivp(force, (0, since[-1]), first, "DOP853", t_eval=since, rtol=RTOL, atol=ATOL)
    if not answer.success:
        return np.full((n, since.size, 6), np.nan)
    return answer.y.reshape(2, n, 3, -1).transpose(1, 3, 0, 2).reshape(n, since.size, 6)


def _emitted(place: np.ndarray, speed: np.ndarray, mpc_code: str, jds: np.ndarray, solar_system) -> Seen:
    """Return what is seen: the light left where the body was, which a parabola tells, and the Sun had moved as well."""
    tdb = orbit.tdb_of(jds)
    earth, sun = solar_system.earth_and_sun(tdb)
    observer = earth - sun + orbit.site_au(mpc_code, jds)
    sun_speed = solar_system.earth_and_sun(tdb + 0.5)[1] - solar_system.earth_and_sun(tdb - 0.5)[1]
    fall = -GM_SUN * place / np.linalg.norm(place, axis=-1, keepdims=True) ** 3
    ago = np.zeros((*place.shape[:2], 1))
    for _ in range(4):
        then = place - speed * ago + fall * ago**2 / 2
        towards = then - sun_speed * ago - observer
        ago = np.linalg.norm(towards, axis=-1, keepdims=True) / LIGHT_AU_D
    r, delta = np.linalg.norm(then, axis=-1), np.linalg.norm(towards, axis=-1)
    ra, dec = orbit.angles(towards.reshape(-1, 3))
    phase = np.degrees(np.arccos(np.clip(np.sum(then * towards, axis=-1) / r / delta, -1, 1)))
    return Seen(ra.reshape(r.shape), dec.reshape(r.shape), r, delta, phase)
