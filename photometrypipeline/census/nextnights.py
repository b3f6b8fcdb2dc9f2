"""Where a body that nobody knows will be in the next nights: all orbits of the kind of Vaisala that fit what was seen.

One night tells place and motion on the sky, not the distance. For each distance the body is taken to be in the
perihelion or aphelion of its orbit (Vaisala 1939), which leaves one orbit; those that are too eccentric for an asteroid
go, the others are integrated, and their places are the region to search.
"""

from dataclasses import dataclass

import numpy as np

from photometrypipeline.ephemerides import orbit
from photometrypipeline.ephemerides.orbits import infield, together
from photometrypipeline.ephemerides.planets import GM_SUN

NEAREST_AU, FARTHEST_AU = 0.15, 45.0
ORBITS = 400
ECCENTRIC = 0.6
HELD = 0.95  # of the orbits lie within the region


@dataclass
class Region:
    """Where to look at the UT Julian date `jd`: centre (deg), half axes (arcsec) and the position angle of the longer.

    distances_au : from the Earth, the least and the largest of the orbits that fit
    """

    jd: float
    ra_deg: float
    dec_deg: float
    major_arcsec: float
    minor_arcsec: float
    angle_deg: float
    distances_au: tuple


def regions(place_deg, rate_arcsec_min, errors, jd, mpc_code, days=(1, 2, 3)):
    """Return a Region for each of the `days` after `jd`; none where no orbit fits.

    place_deg : (RA, Dec) at `jd`;  rate_arcsec_min : (RA with cos Dec, Dec);  errors : of both, arcsec and arcsec/min
    """
    rng = np.random.default_rng(1)
    start, distances = _states(place_deg, rate_arcsec_min, errors, jd, mpc_code, rng)
    if len(start) < 10:
        return []
    jds = jd + np.asarray(days, dtype=float)
    seen = together.seen_later(start, float(orbit.tdb_of(np.array([jd]))[0]), mpc_code, jds)
    reach = float(np.min(distances)), float(np.max(distances))
    return [_region(jds[k], seen.ra_deg[:, k], seen.dec_deg[:, k], reach) for k in range(len(jds))]


def _states(place_deg, rate, errors, jd, mpc_code, rng):
    """Return (states of the orbits that fit, shape (n, 6); distances in au)."""
    field = infield.field_at((*place_deg, 0.1), np.array([jd]), mpc_code)
    ra, dec = np.radians(place_deg)
    east, north = (
        np.array([-np.sin(ra), np.cos(ra), 0]),
        np.array([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)]),
    )
    delta = np.exp(rng.uniform(np.log(NEAREST_AU), np.log(FARTHEST_AU), ORBITS * 20))
    off = rng.normal(size=(4, delta.size)) * np.array([[errors[0]], [errors[0]], [errors[1]], [errors[1]]])
    per_day = np.radians(1440 / 3600)
    turning = ((rate[0] + off[2])[:, None] * east + (rate[1] + off[3])[:, None] * north) * per_day
    towards = field.towards + np.radians(off[0] / 3600)[:, None] * east + np.radians(off[1] / 3600)[:, None] * north
    place = field.observer + delta[:, None] * towards
    aside = field.speed + delta[:, None] * turning
    depth = np.sum(place * towards, axis=1)
    inwards = -np.sum(place * aside, axis=1) / np.where(np.abs(depth) > 0.05, depth, np.nan)
    speed = aside + inwards[:, None] * towards
    ecc = np.abs(np.linalg.norm(place, axis=1) * np.sum(speed**2, axis=1) / GM_SUN - 1)
    fits = np.flatnonzero(ecc < ECCENTRIC)[:ORBITS]
    place = place + speed * (delta / orbit.LIGHT_AU_D)[:, None]  # the light shows where it was
    return np.hstack([place, speed])[fits], delta[fits]


def _region(jd, ra_deg, dec_deg, distances):
    """Return the Region that holds most of the places."""
    ra, dec = ra_deg[0], float(np.median(dec_deg))
    east = ((ra_deg - ra + 180) % 360 - 180) * np.cos(np.radians(dec)) * 3600
    middle = float(np.median(east))
    offsets = np.column_stack([east - middle, (dec_deg - dec) * 3600])
    _, _, axes = np.linalg.svd(offsets, full_matrices=False)
    along = np.abs(offsets @ axes.T)
    halves = np.quantile(along, HELD, axis=0)
    angle = float(np.degrees(np.arctan2(axes[0, 0], axes[0, 1])) % 180)
    ra = (ra + middle / 3600 / np.cos(np.radians(dec))) % 360
    return Region(float(jd), float(ra), dec, float(max(halves[0], 1)), float(max(halves[1], 1)), angle, distances)
