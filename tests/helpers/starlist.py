"""Invented stars in the internal schema of a survey, for the tests of catalogues and their store."""

import numpy as np
from astropy.table import Table

import services
from photometrypipeline.catalogs import surveys
from photometrypipeline.sky import sphere


def make(name, number, ra_deg, dec_deg, radius_deg, seed=1):
    """Return `number` flawless stars spread evenly over a cone, 12 to 20 mag in every band of a survey."""
    rng = np.random.default_rng(seed)
    survey = surveys.get(name)
    table = Table()
    table["ident"] = [str(4_611_686_018_427_387_904 + index) for index in range(number)]  # too long for a float
    table["ra_deg"], table["dec_deg"] = spread(rng, number, ra_deg, dec_deg, radius_deg)
    for column in ("e_ra_deg", "e_dec_deg"):
        table[column] = rng.uniform(1e-9, 1e-8, number)
    table["epoch_yr"] = survey.epoch_yr if np.isfinite(survey.epoch_yr) else 2013.5
    for column in ("pmra", "pmdec"):
        table[column] = rng.normal(0, 10, number)
        table[f"e_{column}"] = 0.1
    bright = rng.uniform(12, 20, number)
    for column in survey.column_names:
        if column.endswith("mag") and not column.startswith(("e_", "flag")):
            table[column] = bright + rng.normal(0, 0.3, number)
            table[f"e_{column}"] = 0.01
    if "flag_mode" in survey.column_names:
        table["flag_mode"] = 1.0
    return table


def spread(rng, number, ra_deg, dec_deg, radius_deg):
    """Return RA and Dec of points that fill a cone evenly."""
    height = 1 - rng.uniform(0, 1 - np.cos(np.radians(radius_deg)), number)
    around = rng.uniform(0, 2 * np.pi, number)
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    centre = np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    east = np.array([-np.sin(ra), np.cos(ra), 0.0])
    north = np.cross(centre, east)
    side = np.sqrt(1 - height**2)
    place = np.outer(height, centre) + np.outer(side * np.cos(around), east) + np.outer(side * np.sin(around), north)
    return np.degrees(np.arctan2(place[:, 1], place[:, 0])) % 360, np.degrees(np.arcsin(np.clip(place[:, 2], -1, 1)))


def serve(server, name, table):
    """Let the local server (services.Server) have a table of the survey `name`."""
    survey = surveys.get(name)
    server.sky[survey.table] = services.as_vizier(survey, table)


def in_cone(table, ra_deg, dec_deg, radius_deg, column, limit):
    """Return the rows of a table that lie in a cone and are brighter than `limit` in a column."""
    near = sphere.separation_deg(ra_deg, dec_deg, table["ra_deg"], table["dec_deg"]) <= radius_deg
    return table[near & (table[column] < limit)]
