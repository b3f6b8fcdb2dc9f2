"""Where on the Earth a header says that its telescope stands, and which station of the Minor Planet Center is there."""

import re
from dataclasses import dataclass

import erfa
import numpy as np

from photometrypipeline.instruments import values
from photometrypipeline.sky import obscodes, observer, sexagesimal

KEYWORDS = (
    ("SITELAT", "SITELONG"),
    ("LAT-OBS", "LONG-OBS"),
    ("OBSGEO-B", "OBSGEO-L"),
    ("LAT--OBS", "LONG-OBS"),
    ("OBS-LAT", "OBS-LONG"),
    ("LATITUDE", "LONGITUD"),
    ("GEOLAT", "GEOLON"),
    ("GEOLAT", "GEOLONG"),
    ("OBSLAT", "OBSLON"),
    ("OBSLAT", "OBSLONG"),
    ("OBS_LAT", "OBS_LONG"),
    ("GEO_LAT", "GEO_LONG"),
    ("SITE-LAT", "SITE-LON"),
    ("SITE_LAT", "SITE_LON"),
    ("TEL_LAT", "TEL_LONG"),
    ("TELLAT", "TELLONG"),
    ("LAT", "LONG"),
    ("LAT", "LON"),
    ("ESO TEL GEOLAT", "ESO TEL GEOLON"),
    ("OGE GEO LATITU", "OGE GEO LONGIT"),
)
LATITUDE = re.compile(r"(?P<before>(?:SITE|OBS|TEL|GEO|GPS)?[-_]*)LAT(?:I\w*)?(?P<behind>(?:[-_]+(?:OBS|SITE|TEL))?)")
GEOCENTRIC = ("OBSGEO-X", "OBSGEO-Y", "OBSGEO-Z")  # m, as the FITS standard has them
CODES = ("MPCCODE", "MPC_CODE", "MPC-CODE", "MPCOBS", "OBSCODE", "OBS-CODE", "OBS_CODE", "IAUCODE")
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
    for of_latitude, of_longitude in (*KEYWORDS, *_alike(header)):
        latitude, longitude = _angle_deg(header, of_latitude), _angle_deg(header, of_longitude)
        if latitude is None or longitude is None or not abs(latitude) <= 90 or (latitude == 0 and longitude == 0):
            continue
        west = re.search(r"(?i)west(?!.*east)(?<!east.west)", _comment(header, of_longitude))
        east = ((-longitude if west and longitude > 0 else longitude) + 180) % 360 - 180
        return Site(latitude, (east, -east), (of_latitude, of_longitude))
    return _by_geocentre(header)


def _alike(header):
    """Return the pairs of keywords (list) of a header whose names sound like a latitude and its longitude."""
    pairs = []
    for name in header:
        found = LATITUDE.fullmatch(name)
        if found:
            partner = re.compile(f"{re.escape(found['before'])}LONG?(?:I\\w*)?{re.escape(found['behind'])}")
            pairs += [(name, other) for other in header if partner.fullmatch(other)]
    return pairs


def _angle_deg(header, name):
    """Return the angle of a keyword (deg), None if it holds none; in radians where its comment says so."""
    angle = degrees(header.get(name))
    radians = (
        angle is not None and abs(angle) <= 2 * np.pi and re.search(r"(?i)\brad(ians?)?\b", _comment(header, name))
    )
    return float(np.degrees(angle)) if radians else angle


def _comment(header, name):
    return str(header.comments[name]) if hasattr(header, "comments") else ""


def _by_geocentre(header):
    """Return the Site of a geocentric place (m), None where the header names none that is near the ground."""
    place = np.array([values.number(header.get(name)) for name in GEOCENTRIC])
    if not (np.isfinite(place).all() and 6.3e6 < np.linalg.norm(place) < 6.4e6):
        return None
    east, north, _ = erfa.gc2gd(1, place)
    return Site(float(np.degrees(north)), (float(np.degrees(east)),) * 2, GEOCENTRIC)


def code_said(header):
    """Return the code of the Minor Planet Center that a header (mapping) names for its station, None if it does not."""
    texts = (str(header.get(name) or "").strip().upper() for name in CODES)
    codes = (text.zfill(3) for text in texts if text)
    return next((code for code in codes if code != obscodes.GEOCENTRE and obscodes.is_known(code)), None)


def degrees(value):
    """Return an angle in degrees from a number or text like -70:48:16, 38 13 11.000, W70 48 16; None if it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        text = re.sub(r"^\s*([NSEWnsew])\s*(\d.*)$", r"\2 \1", str(value))
        return sexagesimal.read(re.sub(r"(:\d\d):(\d\d?)\s*$", r"\1.\2", text) if text.count(":") == 3 else text)


def nearest_station(site):
    """Return (code, name, distance in km) of the station of the MPC that is nearest to a Site."""
    return min((obscodes.nearest(each, site.latitude_deg) for each in site.longitudes), key=lambda found: found[2])


def distance_km(header, code):
    """Return how far the site of a header (mapping) is from a station of the MPC, NaN if it names none."""
    site = site_of(header)
    if site is None:
        return np.nan
    there = obscodes.geocentric_km(code)
    places = [obscodes.geocentric_km(obscodes.of_place(each, site.latitude_deg)) for each in site.longitudes]
    return float(min(np.linalg.norm(place - there) for place in places))


def station(header, longitude_deg=None):
    """Return the code (str) of the place that a header (mapping) names, None if it names none.

    Its code, else that of a station of the MPC that is near, else one of ours (obscodes.py), with the longitude
    counted to the West where the frame would else have been taken below the horizon.

    longitude_deg : the eastern one where it is known
    """
    site = site_of(header)
    if site is None or code_said(header):
        return code_said(header)
    code, _, apart_km = nearest_station(site)
    if apart_km <= NEAR_KM:
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
