"""Variable stars of a field, from the AAVSO's Variable Star Index, whose tiles the sky store keeps for three months."""

import numpy as np
from astropy.table import Table

from photometrypipeline.catalogs import skystore, surveys

VARIABLE, SUSPECTED = 0, 1  # of column V; 2 is constant or not existing, 3 a possible duplicate
# Name of our column and that of the store
COLUMNS = {
    "name": "name",
    "ra_deg": "ra_deg",
    "dec_deg": "dec_deg",
    "type": "type",
    "max_mag": "brightest",
    "max_band": "brightest_band",
    "min_mag": "faintest",
    "period_d": "period_d",
}
TEXTS = ("name", "type", "max_band")


def search(ra_deg, dec_deg, radius_deg, client, data_folder=None):
    """Return a Table of the variable and suspected variable stars in a cone, brightest first; maybe no rows.

    Columns: name, ra_deg, dec_deg (J2000), type, max_mag (mag at maximum), max_band, min_mag, period_d; NaN or "" where
    unknown. Without VizieR older answers are used. Raises NotReachable.
    """
    raw = skystore.fetch(surveys.get("VSX"), ra_deg, dec_deg, radius_deg, None, client, data_folder)
    state = np.nan_to_num(np.asarray(raw["state"], dtype=float), nan=VARIABLE)
    raw = raw[(state == VARIABLE) | (state == SUSPECTED)]
    kinds = {name: object if name in TEXTS else float for name in COLUMNS}
    table = Table({name: np.asarray(raw[stored]).astype(kinds[name]) for name, stored in COLUMNS.items()})
    table.sort("max_mag")
    return table
