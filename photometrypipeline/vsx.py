"""Variable stars of a field, from the AAVSO's Variable Star Index through VizieR (Watson, Henden & Price 2006)."""

import logging
from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from photometrypipeline.ephemeris import Shelf
from photometrypipeline.errors import NotReachable
from photometrypipeline.vizier import read_answer

log = logging.getLogger("pp.vsx")

LIFETIME_D = 90
VARIABLE, SUSPECTED = 0, 1  # of column V; 2 is constant or not existing, 3 a possible duplicate
# Name of our column and its label at VizieR
COLUMNS = {
    "name": "Name",
    "ra_deg": "RAJ2000",
    "dec_deg": "DEJ2000",
    "type": "Type",
    "max_mag": "max",
    "max_band": "n_max",
    "min_mag": "min",
    "period_d": "Period",
}
TEXTS = ("name", "type", "max_band")


@dataclass(frozen=True)
class Index:
    table: str = "B/vsx/vsx"


def search(ra_deg, dec_deg, radius_deg, client, data_folder=None):
    """Return a Table of the variable and suspected variable stars in a cone, brightest first; maybe no rows.

    Columns: name, ra_deg, dec_deg (J2000), type, max_mag (mag at maximum), max_band, min_mag, period_d; NaN or "" where
    unknown. Answers are kept for three months; without VizieR older ones are used. Raises NotReachable.
    """
    key = f"vsx -c={ra_deg % 360:.5f}{dec_deg:+.5f} -c.rd={radius_deg:.4f}"
    shelf = Shelf(data_folder)
    kept = shelf.find_answer(key)
    if kept and not kept.expired:
        return parse(kept.value)
    try:
        body = _ask(ra_deg, dec_deg, radius_deg, client)
    except NotReachable as failure:
        if not kept:
            raise
        log.warning("%s; using an older answer", failure)
        return parse(kept.value)
    shelf.user.keep_answer(key, body, LIFETIME_D)
    return parse(body)


def _ask(ra_deg, dec_deg, radius_deg, client):
    from astroquery.vizier import VizierClass  # slow to import, not needed for an answer that is kept

    query = VizierClass(
        columns=["OID", "V", *COLUMNS.values()],
        catalog=Index.table,
        row_limit=-1,
        vizier_server="vizier.cds.unistra.fr",
    )
    client.adopt(query._session, "vizier")

    def send(timeout):
        query.TIMEOUT = timeout
        centre = SkyCoord(ra_deg, dec_deg, unit="deg")
        return query.query_region_async(centre, radius=radius_deg * u.deg, frame="icrs", cache=False)

    def check(response):
        parse(response.content)
        return response.content

    return client.call(
        "vizier", send, check, f"variable stars within {radius_deg:.3f} deg of {ra_deg:.4f} {dec_deg:+.4f}"
    )


def parse(body):
    """Return the Table of `search` from VizieR's answer (bytes); raises services.Retry for a body that is none."""
    raw = read_answer(body, Index())
    if raw is None:
        raw = Table(names=["V", *COLUMNS.values()])
    state = np.ma.filled(np.ma.asarray(raw["V"], dtype=float), VARIABLE)
    raw = raw[(state == VARIABLE) | (state == SUSPECTED)]
    columns = [_texts(raw[label]) if name in TEXTS else _floats(raw[label]) for name, label in COLUMNS.items()]
    table = Table(columns, names=list(COLUMNS), dtype=[object if name in TEXTS else float for name in COLUMNS])
    table.sort("max_mag")
    return table


def _texts(column):
    return ["" if value is np.ma.masked else str(value).strip() for value in column]


def _floats(column):
    return np.ma.filled(np.ma.asarray(column, dtype=float), np.nan)
