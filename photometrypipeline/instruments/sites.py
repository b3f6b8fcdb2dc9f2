"""Where on the Earth a header says that its telescope stands, and which station of the Minor Planet Center is there."""

from dataclasses import dataclass

import numpy as np

from photometrypipeline.instruments import values
from photometrypipeline.sky import obscodes, observer, sexagesimal

KEYWORDS = (
    ("SITELAT", "SITELONG"),
    ("LAT-OBS", "LONG-OBS"),
    ("OBSGEO-B", "OBSGEO-L"),
    ("OBS-LAT", "OBS-LONG"),
    ("LATITUDE", "LONGITUD"),
    ("GEOLAT", "GEOLON"),
    ("GEOLAT", "GEOLONG"),
    ("OBSLAT", "OBSLON"),
    ("TEL_LAT", "TEL_LONG"),
    ("ESO TEL GEOLAT", "ESO TEL GEOLON"),
    ("OGE GEO LATITU", "OGE GEO LONGIT"),
)
NEAR_KM = 2.0  # of a station that counts as the same place; coordinates in headers are often rounded to an arcminute
HEIGHTS = ("SITEELEV", "ALT-OBS", "OBSGEO-H", "OBS-ELEV", "SITEALT", "ELEVATIO", "HEIGHT", "OBSALT", "ESO TEL GEOELEV")
LOWEST_M, HIGHEST_M = -450, 6000


@dataclass(frozen=True)
class Site:
    """A place on the Earth; `longitudes`: eastern, as written first, then with its sign turned, as some write West."""

    latitude_deg: float
    longitudes: tuple
    keywords: tuple


def site_of(header):
    """Return the Site that a header (mapping) names, None if it names none."""
    for of_latitude, of_longitude in KEYWORDS:
        latitude, longitude = degrees(header.get(of_latitude)), degrees(header.get(of_longitude))
        if latitude is None or longitude is None or not abs(latitude) <= 90 or (latitude == 0 and longitude == 0):
            continue
        east = (longitude + 180) % 360 - 180
        return Site(latitude, (east, -east), (of_latitude, of_longitude))
    return None


def degrees(value):
    """Return an angle in degrees from a number or text like -70:48:16 or 38 13 11.000; None if it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        pass
    return sexagesimal.read(value)


def nearest_station(site):
    """Return (code, name, distance in km) of the station of the MPC that is nearest to a Site."""
    return min((obscodes.nearest(each, site.latitude_deg) for each in site.longitudes), key=lambda found: found[2])


def station(header, longitude_deg=None):
    """Return the code (str) of the place that a header (mapping) names, None if it names none.

    That of a station of the MPC that is near, else one of ours (obscodes.py); with the longitude counted to the West
    where the frame would else have been taken below the horizon.  longitude_deg : the eastern one where it is known
    """
    site = site_of(header)
    if site is None:
        return None
    code, _, distance_km = nearest_station(site)
    if distance_km <= NEAR_KM:
        return code
    seen = [values.number(header.get(name)) for name in ("CRVAL1", "CRVAL2", "MIDTIMJD")]
    longitude = site.longitudes[0] if longitude_deg is None else longitude_deg
    if longitude_deg is None and np.isfinite(seen).all() and abs(seen[1]) <= 90:
        up = [observer.altitude_at_deg(*seen, each, site.latitude_deg)[0] > 0 for each in site.longitudes]
        longitude = site.longitudes[1] if up == [False, True] else longitude
    return obscodes.of_place(longitude, site.latitude_deg, height_m(header))


def height_m(header):
    """Return the height above the sea (m) that a header names, 0 if it names none that can be."""
    heights = (values.number(header.get(name)) for name in HEIGHTS)
    return next((height for height in heights if LOWEST_M <= height <= HIGHEST_M), 0.0)
