"""IMCCE SkyBoT: which bodies of the Solar System are in a field at a moment.

The request is our own: astroquery sends the observatory code under a name that the service does not read, and the
answer is then geocentric without a word. The answer repeats the code that was used, which is checked.
"""

import logging

import numpy as np
from astropy.coordinates import Angle
from astropy.table import Table

from photometrypipeline.base.errors import NotReachable
from photometrypipeline.base.services import SERVICES, Retry, base_url, refuse_html
from photometrypipeline.catalogs import votables
from photometrypipeline.ephemerides.ephemeris import Shelf
from photometrypipeline.sky import obscodes

log = logging.getLogger("pp.skybot")

LIFETIME_D = 30  # orbits improve, objects are discovered
UNCERTAINTY_LIMIT_ARCSEC = 120
VALID_JD = (2411320.0, 2473540.0)  # 1889 to 2060
NOTHING_FOUND = "No solar system object was found"
NOTHING = Table(
    names=["number", "name", "ra_deg", "dec_deg", "klass", "v_mag", "err_arcsec", "dist_arcsec", "ra_rate", "dec_rate"],
    dtype=[object, object, float, float, object, float, float, float, float, float],
)
# Internal name of a column and its FIELD in the answer
FIELDS = {
    "v_mag": "Mv",
    "err_arcsec": "ErrPos",
    "dist_arcsec": "d",
    "ra_rate": "dRAcosDec",
    "dec_rate": "dDEC",
}


def search(ra_deg, dec_deg, radius_deg, jd, mpc_code, client, data_folder=None):
    """Return a Table of the known bodies within a cone at the UT Julian date `jd`, seen from `mpc_code`; maybe no rows.

    Columns: number (str, "" for unnumbered), name, ra_deg, dec_deg (astrometric), klass, v_mag, err_arcsec (of the
    position), dist_arcsec (from the centre), ra_rate (with cos Dec), dec_rate (arcsec/h); NaN where unknown.
    Answers are kept for a month; without the service older ones are used. Raises NotReachable.
    """
    mpc_code = observer_of(mpc_code)
    request = parameters(ra_deg, dec_deg, radius_deg, jd, mpc_code)
    key = "skybot " + " ".join(f"{name}={value}" for name, value in request.items())
    shelf = Shelf(data_folder)
    kept = shelf.find_answer(key)
    if kept and not kept.expired:
        return parse(kept.value, mpc_code)
    try:
        body, table = _ask(client, request, mpc_code)
    except NotReachable as failure:
        if not kept:
            raise
        log.warning("%s; using an older answer", failure)
        return parse(kept.value, mpc_code)
    shelf.user.keep_answer(key, body, LIFETIME_D)
    return table


def observer_of(code):
    """Return the code of the MPC (str) that SkyBoT is asked with: of a place without one that of the next station."""
    place = obscodes.place_of(code)
    return obscodes.nearest(*place[:2])[0] if place else str(code)


def parameters(ra_deg, dec_deg, radius_deg, jd, mpc_code):
    """Return the parameters (dict of str) of a cone search; raises NotReachable outside of the years that it knows."""
    if not VALID_JD[0] <= jd <= VALID_JD[1]:
        raise NotReachable("SkyBoT", base_url("skybot"), f"it knows the years 1889 to 2060, not JD {jd:.1f}")
    return {
        "-ra": f"{ra_deg % 360:.6f}",
        "-dec": f"{dec_deg:.6f}",
        "-rd": f"{radius_deg:.5f}",
        "-ep": f"{jd:.6f}",
        "-observer": str(mpc_code),
        "-filter": str(UNCERTAINTY_LIMIT_ARCSEC),
        "-objFilter": "111",
        "-refsys": "EQJ2000",
        "-output": "all",
        "-mime": "votable",
        "-from": "photometrypipeline",
    }


def _ask(client, request, mpc_code):
    """Return (body, Table).  Certain radii make the service fail while a slightly larger one is answered."""

    def check(response):
        refuse_html(response)
        return response.content, parse(response.content, mpc_code)

    description = f"bodies within {request['-rd']} deg of {request['-ra']} {request['-dec']} at JD {request['-ep']}"
    try:
        return client.get("skybot", request, description, check=check)
    except NotReachable as failure:
        if "MySQL" not in failure.reason:
            raise
        wider = {**request, "-rd": f"{float(request['-rd']) * 1.01:.5f}"}
        return client.get("skybot", wider, description, check=check)


def parse(body, mpc_code):
    """Return the Table of `search` from the VOTable `body` (bytes).

    Raises Retry for a body that is not an answer, NotReachable if the answer was made for another observatory.
    """
    try:
        document = votables.document(body)
    except ValueError as error:
        raise Retry(f"an unreadable answer: {str(error)[:100]}") from None
    infos = [*document.infos, *(info for resource in document.resources for info in resource.infos)]
    failed = [info for info in infos if info.name == "QUERY_STATUS" and info.value == "ERROR"]
    if failed:
        reason = " ".join((info.content or "") for info in failed).strip() or body.decode("utf-8", "replace")
        if NOTHING_FOUND in reason:
            return NOTHING.copy()
        raise Retry(f"the service reports: {reason[:150]}")
    _check_observer(document, mpc_code)
    tables = list(document.iter_tables())
    try:
        return _convert(votables.table(tables[0])) if tables else NOTHING.copy()
    except votables.BROKEN as error:
        raise Retry(f"an answer with cells that cannot be read: {' '.join(str(error).split())[:100]}") from None


def _check_observer(document, mpc_code):
    used = [
        str(param.value) for resource in document.resources for param in resource.params if param.name == "Observer"
    ]
    if used != [str(mpc_code)]:
        reason = f"positions for observatory {', '.join(used) or 'unknown'} instead of {mpc_code}"
        raise NotReachable(SERVICES["skybot"].label, base_url("skybot"), reason)


def _convert(raw):
    table = NOTHING.copy()
    if not len(raw):
        return table
    columns = {name: _floats(raw, label) for name, label in FIELDS.items()}
    columns["ra_deg"], columns["dec_deg"] = _positions(raw)
    columns["number"] = [number if number.isdigit() else "" for number in _texts(raw, "Num")]
    columns["name"], columns["klass"] = _texts(raw, "Name"), _texts(raw, "Class")
    found = Table([columns[name] for name in table.colnames], names=table.colnames)
    found = found[(np.abs(found["ra_deg"] - 180.0) <= 180.0) & (np.abs(found["dec_deg"]) <= 90.0)]
    if not len(found):
        raise Retry(f"{len(raw)} bodies, none of which has a place on the sky")
    return found


def _positions(raw):
    if "_RAJ2000" in raw.colnames:
        return _floats(raw, "_RAJ2000"), _floats(raw, "_DECJ2000")
    return Angle(_texts(raw, "RA"), unit="hourangle").deg, Angle(_texts(raw, "DEC"), unit="deg").deg


def _floats(raw, label):
    if label not in raw.colnames:
        return np.full(len(raw), np.nan)
    return np.ma.filled(np.ma.asarray(raw[label], dtype=float), np.nan)


def _texts(raw, label):
    return [str(value).strip() for value in raw[label]]
