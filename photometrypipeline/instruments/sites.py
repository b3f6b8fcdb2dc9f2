"""Where on the Earth a header says that its telescope stands, and which station of the Minor Planet Center is there."""

from dataclasses import dataclass

import numpy as np

from photometrypipeline.sky import obscodes, sexagesimal

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
EARTH_RADIUS_KM = 6371.0


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
    codes, places, names = obscodes.fixed_stations()
    best = []
    for longitude in site.longitudes:
        latitude, east = np.radians(site.latitude_deg), np.radians(longitude)
        here = np.array([np.cos(east) * np.cos(latitude), np.sin(east) * np.cos(latitude), np.sin(latitude)])
        distances = np.arccos(np.clip(places @ here, -1, 1)) * EARTH_RADIUS_KM
        k = int(distances.argmin())
        best.append((float(distances[k]), codes[k], names[k]))
    distance, code, name = min(best)
    return code, name, distance
