"""Pan-STARRS from MAST, the archive of its makers: the second source where VizieR is unreachable.

The same numbers under other names. Its answers are turned into what VizieR would have sent, and read as such.
"""

import hashlib
import json
import logging

import numpy as np
from astropy.table import Column as Values
from astropy.table import Table

from photometrypipeline.base.errors import CatalogError, in_words
from photometrypipeline.base.services import Retry, base_url, refuse_html
from photometrypipeline.catalogs import vizier

log = logging.getLogger("pp.mast")

PAGE_ROWS = 50_000  # more per page does not make it faster
LEAST_ERROR_ARCSEC = 1e-4  # a median below it is in degrees
# VizieR's label: name at MAST, unit. The answers name no units; these are those of the survey's own description.
COLUMNS = {
    "objID": ("objID", None),
    "RAJ2000": ("raMean", "deg"),
    "DEJ2000": ("decMean", "deg"),
    "e_RAJ2000": ("raMeanErr", "arcsec"),
    "e_DEJ2000": ("decMeanErr", "arcsec"),
    "Epoch": ("epochMean", "d"),
    "f_objID": ("objInfoFlag", None),
    "Qual": ("qualityFlag", None),
    "Nd": ("nDetections", None),
    "Ns": ("nStackDetections", None),
    "iKmag": ("iMeanKronMag", "mag"),
}
COLUMNS |= {f"{band}mag": (f"{band}MeanPSFMag", "mag") for band in "grizy"}
COLUMNS |= {f"e_{band}mag": (f"{band}MeanPSFMagErr", "mag") for band in "grizy"}


def cone(survey, ra_deg, dec_deg, radius_deg, mag_limit, client):
    """Return the vizier.Answer of MAST for one cone of `survey` (PANSTARRS or PANSTARRS-DR2), rMeanPSFMag < mag_limit.

    Raises NotReachable, CatalogError if the answer lacks a column.
    """
    place = f"{ra_deg:.5f} {dec_deg:+.5f}, radius {radius_deg:.4f} deg"
    fields = {"ra": f"{ra_deg:.8f}", "dec": f"{dec_deg:.8f}", "radius": f"{radius_deg:.8f}"}
    fields |= {"rMeanPSFMag.lt": f"{mag_limit:g}", "columns": json.dumps([name for name, _ in COLUMNS.values()])}

    def check(response):
        body, names, found = _read(response)
        table = vizier.to_schema(_as_vizier(names, found, survey), survey)
        vizier.usable(table, len(found), survey.name, (ra_deg, dec_deg, radius_deg))
        return body, names, found

    path, pages, digest, rows = f"{survey.mast}/mean.json", 0, hashlib.sha256(), []
    while True:
        pages += 1
        asked = fields | {"pagesize": str(PAGE_ROWS), "page": str(pages)}
        what = f"{survey.name} at {place}, page {pages}"
        body, names, found = client.get("mast", asked, what, check, path=path)
        digest.update(body)
        rows += found
        if len(found) < PAGE_ROWS or len(rows) >= vizier.ROW_LIMIT:
            break
    table = vizier.to_schema(_as_vizier(names, rows, survey), survey)
    log.info("%s at %s: %d rows from MAST", survey.name, place, len(table))
    complete = len(rows) < vizier.ROW_LIMIT
    return vizier.Answer(table, complete, base_url("mast") + path, json.dumps(fields), digest.hexdigest())


def _read(response):
    """Return (body, names of the columns, rows) of an answer.  Raises Retry for what is not an answer."""
    refuse_html(response)
    try:
        answer = json.loads(response.content)
        names, rows = [str(column["name"]) for column in answer["info"]], answer["data"]
        if any(not isinstance(row, list) or len(row) != len(names) for row in rows):
            raise ValueError("rows of different lengths")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Retry(f"no table in JSON ({in_words(error)})") from None
    return response.content, names, rows


def _as_vizier(names, rows, survey):
    """Return the rows as a Table with the labels and units of VizieR; -999 is a missing value."""
    where = {name.lower(): index for index, name in enumerate(names)}
    table = Table()
    for label, (name, unit) in COLUMNS.items():
        if name.lower() not in where:
            raise CatalogError(f"MAST: {survey.name} came without column {name}; columns seen: {', '.join(names)}")
        values = [row[where[name.lower()]] for row in rows]
        if label == "objID":
            table[label] = np.array([str(value) for value in values], dtype=str)
            continue
        numbers = vizier.floats([np.nan if value is None else value for value in values], f"column {name}")
        table[label] = Values(np.where(numbers == -999, np.nan, numbers), unit=unit)
    errors = np.asarray(table["e_RAJ2000"])
    errors = errors[np.isfinite(errors) & (errors > 0)]
    if errors.size and np.median(errors) < LEAST_ERROR_ARCSEC:
        raise CatalogError(
            f"MAST: raMeanErr of {survey.name} is typically {np.median(errors):.2g} arcsec; its unit must be wrong"
        )
    return table
