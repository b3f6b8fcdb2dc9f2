"""From where and under which light a body was seen: light time, magnitude at unit distances, phase angle bisector."""

import erfa
import numpy as np

from photometrypipeline.ephemerides.orbit import LIGHT_AU_D, OBLIQUITY_RAD, tdb_of
from photometrypipeline.sky import sphere

SECONDS_PER_DAY = 86400.0


def light_time_d(delta_au):
    """Return the time (d) that light takes over `delta_au` (au, any shape)."""
    return np.asarray(delta_au, dtype=float) / LIGHT_AU_D


def reduced_mag(mag, r_au, delta_au):
    """Return magnitudes as at 1 au from the Sun and from the observer, at the phase angle of the observation."""
    return np.asarray(mag, dtype=float) - 5 * np.log10(
        np.asarray(r_au, dtype=float) * np.asarray(delta_au, dtype=float)
    )


def bisector_deg(jd, ra_deg, dec_deg, delta_au):
    """Return (longitude, latitude) of the phase angle bisector, deg, ecliptic J2000; all arguments of shape (n,).

    jd : UT Julian dates;  ra_deg, dec_deg : astrometric, ICRF;  delta_au : distance from the observer

    The direction half way between those from the Sun and from the Earth to the body (Harris et al. 1984, Icarus 57,
    251). The Earth comes from ERFA's epv00; its centre stands for the site, and the Sun at the time of observation for
    that when the light left: together below 0.01 deg.
    """
    earth = np.atleast_2d(erfa.epv00(tdb_of(np.asarray(jd, dtype=float)), 0.0)[0]["p"])
    towards = sphere.vectors(ra_deg, dec_deg)
    from_sun = earth + towards * np.atleast_1d(delta_au)[:, None]
    bisector = towards + from_sun / np.linalg.norm(from_sun, axis=1)[:, None]
    x, y, z = bisector.T
    cos, sin = np.cos(OBLIQUITY_RAD), np.sin(OBLIQUITY_RAD)
    y, z = cos * y + sin * z, cos * z - sin * y
    return np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))
