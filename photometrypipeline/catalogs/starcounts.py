"""How many stars there are on the sky, roughly: how deep a catalogue can be asked without a flood of rows.

The model of the Galaxy by Bahcall & Soneira (1980, ApJS 44, 73), as the fit to its counts in V in their appendix B
gives them.  It holds for galactic latitudes above 20 deg, to 15 %.  Nearer to the plane, where dust hides what the
model does not know of, latitudes below LEAST_LATITUDE_DEG count as that one.  The whole sky has 3.8 times 10^7 stars
brighter than 15 then and 9.2 times 10^7 brighter than 16, as UCAC4 and Tycho-2 together (3.9 and 8.9); in the plane it
has rather too many faint ones.  The Magellanic Clouds are not in it.
"""

from collections.abc import Callable

import numpy as np

from photometrypipeline.catalogs import tiles

# of the disc, then the spheroid: amplitude, magnitude, slope, slope within the root, power of that
DISC, SPHEROID = (925.0, 15.75, 0.035, -0.132, 3.0), (1050.0, 17.5, 0.087, -0.180, 2.5)
LEAST_LATITUDE_DEG = 10.0
V_MINUS_MAG = 0.25  # of usual stars: V minus G, and about the same for r
STEP_MAG = 0.5  # between limits: what is kept for one field has to serve the next one
BRIGHTEST_MAG, FAINTEST_MAG = 10.0, 22.0
DENSE_PER_DEG2 = 5000.0  # stars, from which tiles are asked for in parts
SMALL_DEG = 1.0  # radius of a cone, up to which they are: a larger one is mostly whole tiles
POLE_DEG, NODE_DEG = (192.85948, 27.12825), 122.93192  # of the Galaxy, ICRS; longitude of the celestial pole


def galactic(ra_deg: float, dec_deg: float) -> tuple[float, float]:
    """Return galactic (longitude, latitude), deg, of a place."""
    ra, dec, pole = np.radians(ra_deg - POLE_DEG[0]), np.radians(dec_deg), np.radians(POLE_DEG[1])
    sine = np.sin(dec) * np.sin(pole) + np.cos(dec) * np.cos(pole) * np.cos(ra)
    along = np.cos(dec) * np.sin(ra), np.sin(dec) * np.cos(pole) - np.cos(dec) * np.sin(pole) * np.cos(ra)
    return float((NODE_DEG - np.degrees(np.arctan2(*along))) % 360), float(np.degrees(np.arcsin(np.clip(sine, -1, 1))))


def per_deg2(ra_deg: float, dec_deg: float, mag: float) -> float:
    """Return about how many stars brighter than `mag` (G, r) there are in a square degree around a place."""
    longitude, latitude = np.radians(galactic(ra_deg, dec_deg))
    latitude = max(abs(latitude), np.radians(LEAST_LATITUDE_DEG))
    v = mag + V_MINUS_MAG
    towards = np.cos(latitude) * np.cos(longitude)
    mu = float(np.interp(v, [12, 20], [0.03, 0.09]))
    gamma = float(np.interp(v, [12, 20], [0.36, 0.04]))
    disc = (np.sin(latitude) - mu * towards) ** -(3 - 5 * gamma)
    spheroid = (1 - towards) ** -(1.45 - 0.2 * towards)
    return float(_grown(v, *DISC) * disc + _grown(v, *SPHEROID) * spheroid)


def _grown(v: float, amplitude: float, middle: float, slope: float, inner: float, power: float) -> float:
    return amplitude * 10 ** (slope * (v - middle)) / (1 + 10 ** (inner * (v - middle))) ** power


def tiles_of(ra_deg: float, dec_deg: float, radius_deg: float, mag: float) -> list[int]:
    """Return the tiles that a store has to have for a cone to this magnitude, in dense sky parts of them."""
    wanted = tiles.touched(ra_deg, dec_deg, radius_deg)
    if radius_deg > SMALL_DEG:
        return wanted
    faintest = min(mag, FAINTEST_MAG)
    found: list[int] = []
    for tile in wanted:
        middle = tiles.middle(tile)
        dense = per_deg2(middle[0], middle[1], faintest) > DENSE_PER_DEG2
        parts = tiles.touched_parts(tile, ra_deg, dec_deg, radius_deg) if dense else []
        found += parts if 0 < len(parts) < tiles.ACROSS**2 else [tile]
    return found


def rows(ra_deg: float, dec_deg: float, radius_deg: float, mag: float) -> float:
    """Return about how many rows a store has to fetch for a cone to this magnitude: those of all tiles it touches."""
    boxes = [tiles.bounds(tile) for tile in tiles_of(ra_deg, dec_deg, radius_deg, mag)]
    _, _, reach = tiles.enclosing_cone(boxes, 0.0)
    area_deg2 = 2 * np.pi * (1 - np.cos(np.radians(reach))) * np.degrees(1) ** 2
    return per_deg2(ra_deg, dec_deg, mag) * float(area_deg2)


def usual_rows(ra_deg: float, dec_deg: float, radius_deg: float, mag: float) -> float:
    """Return about how many rows `rows` gives, whatever tiles the cone happens to touch.

    Fields that hardly differ, such as one before and after its registration, have to ask for the same depth.
    """
    return per_deg2(ra_deg, dec_deg, mag) * np.pi * (radius_deg + tiles.HEIGHT_DEG / tiles.ACROSS) ** 2


def limit(
    ra_deg: float, dec_deg: float, radius_deg: float, faintest: float, most_rows: float, count: Callable = rows
) -> float:
    """Return the magnitude to which a catalogue may be asked for a cone and give about `most_rows` rows at most.

    `faintest` where there are so few; else whole steps of STEP_MAG.  count : `rows` or `usual_rows`
    """
    if count(ra_deg, dec_deg, radius_deg, min(faintest, FAINTEST_MAG)) <= most_rows:
        return faintest
    steps = np.arange(BRIGHTEST_MAG, min(faintest, FAINTEST_MAG), STEP_MAG)
    counts = [count(ra_deg, dec_deg, radius_deg, float(step)) for step in steps]
    return float(max([step for step, count in zip(steps, counts, strict=True) if count <= most_rows], default=steps[0]))


def depth(ra_deg: float, dec_deg: float, number: float) -> float:
    """Return the magnitude to which a square degree has `number` stars, in whole steps of STEP_MAG, the next one."""
    steps = np.arange(BRIGHTEST_MAG, FAINTEST_MAG, STEP_MAG)
    counts = (per_deg2(ra_deg, dec_deg, float(step)) for step in steps)
    return next((float(step) for step, count in zip(steps, counts, strict=False) if count >= number), FAINTEST_MAG)
