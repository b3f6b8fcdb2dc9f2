"""What depends on where an observer stands: airmass, and the time at the barycentre of the Solar System."""

from typing import Any

import erfa
import numpy as np
from astropy.time import Time
from numpy.typing import ArrayLike

from photometrypipeline.sky import obscodes
from photometrypipeline.sky.sphere import vectors

AU_KM = 149597870.7
LIGHT_KM_S = 299792.458
SECONDS_PER_DAY = 86400.0


def altitude_deg(ra_deg: ArrayLike, dec_deg: ArrayLike, jd: ArrayLike, code: str) -> Any:
    """Return altitudes (deg, without refraction) of places, shape (n,), at UTC Julian dates from the site `code`.

    Good to 0.01 deg (UT1 = UTC, no aberration).  Raises TelescopeError for a site without a fixed place on the Earth.
    """
    place_m = obscodes.geocentric_km(code) * 1000
    longitude, latitude, _ = erfa.gc2gd(1, place_m)
    return altitude_at_deg(ra_deg, dec_deg, jd, np.degrees(longitude), np.degrees(latitude))


def altitude_at_deg(
    ra_deg: ArrayLike, dec_deg: ArrayLike, jd: ArrayLike, longitude_deg: float, latitude_deg: float
) -> Any:
    """Return what `altitude_deg` does for a site of eastern longitude and geodetic latitude (deg)."""
    zenith = vectors(longitude_deg, latitude_deg)[0]
    jd, ra_deg, dec_deg = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(part, float)) for part in (jd, ra_deg, dec_deg))
    )
    to_star = np.einsum("nij,nj->ni", _to_terrestrial(jd), vectors(ra_deg, dec_deg))
    return np.degrees(np.arcsin(np.clip(to_star @ zenith, -1, 1)))


def airmass(ra_deg: ArrayLike, dec_deg: ArrayLike, jd: ArrayLike, code: str) -> Any:
    """Return airmasses, shape (n,), NaN below the horizon and for the centre of the Earth; arguments as above.

    After Pickering (2002, DIO 12, 20), good to the horizon.
    """
    if str(code) == obscodes.GEOCENTRE:
        return np.full(np.broadcast(np.atleast_1d(ra_deg), dec_deg, jd).shape, np.nan)
    return _airmass_of(altitude_deg(ra_deg, dec_deg, jd, code))


def airmass_at(ra_deg: ArrayLike, dec_deg: ArrayLike, jd: ArrayLike, longitude_deg: float, latitude_deg: float) -> Any:
    """Return what `airmass` does for a site of eastern longitude and geodetic latitude (deg)."""
    return _airmass_of(altitude_at_deg(ra_deg, dec_deg, jd, longitude_deg, latitude_deg))


def _airmass_of(altitude: np.ndarray) -> Any:
    with np.errstate(invalid="ignore"):
        lifted = altitude + 244 / (165 + 47 * np.abs(altitude) ** 1.1)
        return np.where(altitude > 0, 1 / np.sin(np.radians(lifted)), np.nan)


def bjd_tdb(jd: ArrayLike, ra_deg: ArrayLike, dec_deg: ArrayLike, code: str = obscodes.GEOCENTRE) -> Any:
    """Return barycentric Julian dates (TDB), shape (n,), of UTC Julian dates of what is seen at a place on the sky.

    The time of a plane wave from a star (Eastman, Siverd & Gaudi 2010, PASP 122, 935); good to 1 ms with a site.
    Raises TelescopeError as `altitude_deg` does.
    """
    jd, ra_deg, dec_deg = _together(jd, ra_deg, dec_deg)
    tdb = Time(jd, format="jd", scale="utc").tdb.jd
    earth_km = np.atleast_1d(erfa.epv00(tdb, 0.0)[1])["p"] * AU_KM
    return tdb + _path_d(jd, earth_km, ra_deg, dec_deg, code)


def hjd_utc(jd: ArrayLike, ra_deg: ArrayLike, dec_deg: ArrayLike, code: str = obscodes.GEOCENTRE) -> Any:
    """Return heliocentric Julian dates (UTC), shape (n,), as variable-star observers use them; else as `bjd_tdb`."""
    jd, ra_deg, dec_deg = _together(jd, ra_deg, dec_deg)
    earth_km = np.atleast_1d(erfa.epv00(Time(jd, format="jd", scale="utc").tdb.jd, 0.0)[0])["p"] * AU_KM
    return jd + _path_d(jd, earth_km, ra_deg, dec_deg, code)


def _path_d(jd: Any, earth_km: Any, ra_deg: ArrayLike, dec_deg: ArrayLike, code: str) -> Any:
    """Return the time (d) that light from a star takes from the observer to the origin of `earth_km`, shape (n, 3)."""
    site_km = np.einsum("nji,j->ni", _to_terrestrial(jd), obscodes.geocentric_km(code))
    return np.sum((earth_km + site_km) * vectors(ra_deg, dec_deg), axis=1) / LIGHT_KM_S / SECONDS_PER_DAY


def _together(*parts: ArrayLike) -> tuple[np.ndarray, ...]:
    """Return numbers and arrays as arrays of one shape, (n,)."""
    return np.broadcast_arrays(*(np.atleast_1d(np.asarray(part, dtype=float)) for part in parts))


def _to_terrestrial(jd: ArrayLike) -> np.ndarray:
    """Return the rotations, shape (n, 3, 3), from celestial to terrestrial axes."""
    return erfa.c2t06a(Time(jd, format="jd", scale="utc").tt.jd, 0.0, jd, 0.0, 0.0, 0.0)
