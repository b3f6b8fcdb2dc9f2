"""VizieR: one cone of one catalogue, asked for by astroquery, judged and read here.

astroquery's own reading side ignores the HTTP status, takes an error for an empty field and keeps it in its cache; so
it only makes the request, and its raw answer comes here.
"""

import hashlib
import logging
from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table
from astropy.time import Time

from photometrypipeline.base import services
from photometrypipeline.base.errors import CatalogError, NotReachable
from photometrypipeline.catalogs import votables
from photometrypipeline.catalogs.surveys.sheet import ANGLES, COMMON, MOTIONS, plain_label
from photometrypipeline.sky import sphere

log = logging.getLogger("pp.vizier")

UCDS = {"ra_deg": "pos.eq.ra;meta.main", "dec_deg": "pos.eq.dec;meta.main"}  # whatever a table calls them

ROW_LIMIT = 200_000  # per request; an answer that reaches it is cut off
LONG_ANSWER_DEG = 0.5  # cones beyond that may hold more than 50 000 rows, and get more time
LONG_ANSWER_S = 300
LARGEST = 1e30  # no catalogue has such a number, and the reference file (.cat) cannot hold it
FAINTEST = 40.0  # mag; everything beyond, and below -5, is a sentinel such as 99.999 or -9999
LARGEST_ERROR_DEG = 30 / 3600  # a median position error above that is a mistaken unit
ELSEWHERE_DEG = 0.1  # beyond the cone that was asked for; fast stars are listed at another epoch
LARGEST_MOTION = 1000  # mas/yr, same for the median of proper motions


@dataclass
class Answer:
    """Rows of one cone in the internal schema, and where they come from."""

    table: Table
    complete: bool  # False: cut off at the row limit
    url: str
    request: str
    sha256: str


def cone(survey, ra_deg, dec_deg, radius_deg, mag_limit, client, row_limit=None):
    """Return the Answer of VizieR, or of its mirrors, for one cone; zero rows are an answer.

    survey : Survey; ra_deg, dec_deg, radius_deg : ICRS; mag_limit : of `survey.limit_on`, mag
    Raises NotReachable, also if only a mirror answers, with zero rows (mirrors lack tables); CatalogError if the answer
    lacks a column or has a unit that makes no sense.
    """
    place = f"{ra_deg:.5f} {dec_deg:+.5f}, radius {radius_deg:.4f} deg"
    what = f"{survey.name} at {place}" + (f", {survey.limit_label} < {mag_limit}" if survey.limit_on else "")
    query = _query(survey, mag_limit, row_limit or ROW_LIMIT)
    failure = None
    for number, url in enumerate(services.base_urls("vizier")):
        client.adopt(query._session, "vizier", url)
        try:
            answer = _ask(query, survey, (ra_deg, dec_deg, radius_deg), client, what, url, None if number == 0 else 1)
        except NotReachable as error:
            failure = failure or error
            continue
        if number and not len(answer.table):
            log.warning("%s: zero rows from the mirror %s do not prove that the field is empty", what, url)
            continue
        return answer
    raise failure


def _query(survey, mag_limit, row_limit):
    """Return the astroquery object that asks for the columns of `survey`, with its constraints."""
    from astroquery.vizier import VizierClass  # slow to import, and a run with a filled store does not need it

    return VizierClass(
        columns=list(dict.fromkeys(label for column in survey.columns for label in column.labels)),
        column_filters=({survey.limit_label: f"<{mag_limit:f}"} if survey.limit_on else {}) | survey.constraints,
        catalog=survey.table,
        row_limit=row_limit,
        vizier_server="vizier.cds.unistra.fr",
    )


def _ask(query, survey, place, client, what, url, tries):
    ra_deg, dec_deg, radius_deg = place
    asked = {}

    def send(timeout):
        query.TIMEOUT = timeout
        centre = SkyCoord(ra_deg, dec_deg, unit="deg")
        response = query.query_region_async(centre, radius=radius_deg * u.deg, frame="icrs", cache=False)
        asked["body"] = response.request.body
        asked["sha256"] = hashlib.sha256(response.content).hexdigest()
        return response

    def check(response):
        rows = read_answer(response.content, survey)
        return rows, None if rows is None else usable(to_schema(rows, survey), len(rows), survey.name, place)

    read_s = LONG_ANSWER_S if radius_deg > LONG_ANSWER_DEG else None
    rows, table = client.call("vizier", send, check, what, url=url, tries=tries, read_s=read_s)
    body = asked["body"]
    request = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    table = empty(survey) if table is None else table
    log.info("%s: %d rows", what, len(table))
    cut = rows is not None and (len(rows) >= query.ROW_LIMIT or rows.meta["overflow"])
    return Answer(table, not cut, url, request, asked["sha256"])


def usable(table, number, name, place):
    """Return the `table` of an answer that had `number` rows for a cone (ra, dec, radius in deg).

    Raises services.Retry if rows came and none of them is of use: that is no empty field.
    """
    ra_deg, dec_deg, radius_deg = place
    if number and not len(table):
        raise services.Retry(f"{number} rows of {name}, none of which has a place on the sky")
    away = sphere.separation_deg(ra_deg, dec_deg, np.asarray(table["ra_deg"]), np.asarray(table["dec_deg"]))
    if number and away.min() > radius_deg + ELSEWHERE_DEG:
        raise services.Retry(f"{number} rows of {name}, all from elsewhere on the sky")
    if len(table) < number:
        log.warning("%s: %d of %d rows have no place on the sky and are left out", name, number - len(table), number)
    return table


def read_answer(body, survey):
    """Return the table of `survey` in a VizieR answer (bytes), None if it has none, which means zero rows.

    Raises services.Retry if the body is not a valid answer: a web page, cut off, or an error told with HTTP status 200.
    """
    if not body.lstrip().startswith(b"<?xml") or b"<VOTABLE" not in body[:4000].upper():
        start = " ".join(body[:400].decode("utf-8", "replace").split())[:150]
        raise services.Retry(f"no VOTable: {start!r}")
    try:
        parsed = votables.document(body)
        tables = [each for each in parsed.iter_tables() if each.name in (survey.table, None)]
        table = votables.table(tables[0]) if tables else None
    except ValueError as error:
        raise services.Retry(f"a VOTable that cannot be read ({error})") from None
    infos = [*parsed.infos, *(info for resource in parsed.resources for info in resource.infos)]
    for info in infos:
        status = str(info.value).upper()
        if info.name.lower() == "error" or (info.name.upper() == "QUERY_STATUS" and status.startswith("ERROR")):
            raise services.Retry(f"error in the answer: {info.value} {info.content or ''}")
    if table is None:
        return None
    table.meta["overflow"] = any(str(info.value).upper() == "OVERFLOW" for info in infos)
    return table


def to_schema(rows, survey):
    """Return the rows of VizieR (astropy Table) in the internal schema: names, units, missing values as NaN.

    Raises CatalogError for a required column that is absent or whose unit cannot be right.
    """
    table = empty(survey, len(rows))
    for column in survey.columns:
        label = _label_in(rows, column.label, *column.spellings) or _label_by_ucd(rows, column.name)
        flux = _label_in(rows, column.over) if column.over else ""
        gone = column.over if label and flux is None else column.label
        label = None if flux is None else label
        if label is None and column.required and column.name != "ident":
            seen = ", ".join(rows.colnames)
            raise CatalogError(f"VizieR table {survey.table} came without column {gone}; columns seen: {seen}")
        if label is None:
            log.warning("VizieR table %s came without column %s; %s", survey.table, gone, column.effect)
        elif column.text:
            table[column.name] = _text(rows[label])
        elif column.over:
            table[column.name] = _error_of_flux(rows[label], rows[flux])
        else:
            table[column.name] = _numbers(rows[label], column, survey)
    _drop_sentinels(table, survey)
    survey.finish(table)
    if len(table) and not any(table["ident"]):  # known by their positions alone
        places = zip(table["ra_deg"], table["dec_deg"], strict=True)
        table["ident"] = np.array([f"{ra:.7f}{dec:+.7f}" for ra, dec in places], dtype=object)
    on_sky = (np.abs(table["ra_deg"] - 180.0) <= 180.0) & (np.abs(table["dec_deg"]) <= 90.0)  # no NaN is
    return table[on_sky]


def empty(survey, length=0):
    """Return a table of `length` rows of the schema of `survey`, in which everything is missing."""
    table = Table()
    for name in survey.column_names:
        is_text = name == "ident" or name in survey.text_names
        table[name] = np.full(length, "", dtype=object) if is_text else np.full(length, np.nan)
    table["epoch_yr"] = survey.epoch_yr
    return table


def _text(column):
    values = np.ma.asarray(column)
    missing = np.broadcast_to(np.ma.getmaskarray(values), values.shape)
    texts = ["" if gone else str(value).strip() for value, gone in zip(values.data, missing, strict=True)]
    return np.array(texts, dtype=object)


def _numbers(column, sheet, survey):
    """Return a column of the answer as floats in our unit, converted from the unit that its FIELD names.

    Raises CatalogError if that is not the unit that the sheet knows: rows that a mistaken label makes a thousand times
    too exact look as good as any.
    """
    values = floats(column, f"VizieR table {survey.table}: column {sheet.label}")
    served = _unit_served(column, sheet, survey)
    if sheet.unit in ("mjd", "jd"):
        good = np.isfinite(values) & (values > 0)
        return np.where(good, Time(np.where(good, values, 51544.5), format=sheet.unit).jyear, np.nan)
    if served is not None:
        values = values * served.to(sheet.unit_here or sheet.unit) + sheet.offset
        _assert_sensible(values, sheet, survey)
    return values


def floats(column, name):
    """Return a column as floats, NaN where it has nothing.  Raises services.Retry if it holds other things."""
    try:
        values = np.ma.filled(np.ma.asarray(column).astype(float), np.nan)
    except (ValueError, TypeError):
        raise services.Retry(f"{name} holds what is not a number") from None
    return np.where(np.abs(values) < LARGEST, values, np.nan)


def _unit_served(column, sheet, survey):
    """Return the unit (astropy) of a column in the answer, None for a number without; refuse one that is not ours."""
    if sheet.unit is None:
        return None
    expected = u.Unit({"mjd": "d", "jd": "d"}.get(sheet.unit, sheet.unit))
    if column.unit is None and sheet.name not in ANGLES | MOTIONS:
        return expected  # a magnitude or a year cannot be anything else
    served = u.Unit(column.unit, parse_strict="silent") if column.unit is not None else None
    if served not in (expected, *map(u.Unit, sheet.also)):
        message = f"VizieR table {survey.table}: column {sheet.label} has unit {column.unit}, {expected} was expected"
        raise CatalogError(message)
    return served


def _label_in(rows, *labels):
    """Return the name that a column has in an answer, which may be an older spelling; None if it is not there."""
    spelt = (name for label in labels for name in (label, plain_label(label)))
    return next((name for name in spelt if name in rows.colnames), None)


def _label_by_ucd(rows, name):
    """Return the label of the column that the table itself describes as our column `name`, None without one."""
    wanted = UCDS.get(name)
    described = {str(rows[label].meta.get("ucd", "")).lower(): label for label in reversed(rows.colnames)}
    return described.get(wanted) if wanted else None


def _error_of_flux(error, flux):
    """Return the error (mag) of a magnitude from the error of its flux and the flux, in any unit."""
    error, flux = (floats(column, f"column {column.name} of VizieR") for column in (error, flux))
    good = (flux > 0) & (error > 0)
    return np.where(good, 2.5 / np.log(10) * error / np.where(good, flux, 1.0), np.nan)


def _assert_sensible(values, sheet, survey):
    finite = np.abs(values[np.isfinite(values)])
    limits = {"ra_deg": 360, "dec_deg": 90}
    limits |= dict.fromkeys(("e_ra_deg", "e_dec_deg"), LARGEST_ERROR_DEG)
    limits |= dict.fromkeys(MOTIONS, LARGEST_MOTION)
    typical = np.median(finite) if finite.size else 0
    if typical > limits.get(sheet.name, np.inf):
        message = f"VizieR table {survey.table}: {sheet.label} is typically {typical:.4g} {sheet.unit_here}"
        raise CatalogError(f"{message}; its unit must be wrong")


def _drop_sentinels(table, survey):
    """Turn the numbers by which catalogues mean "no measurement" into NaN, each band for itself."""
    for name in table.colnames:
        if not name.endswith("mag") or name in COMMON or name in survey.text_names:
            continue
        values = table[name]
        if name.startswith("e_"):
            values[(values < 0) | (values > FAINTEST)] = np.nan
            if survey.zero_error_is_unknown:
                values[values == 0] = np.nan
        else:
            values[(values < -5) | (values > FAINTEST)] = np.nan
            if survey.zero_error_is_unknown:
                values[values == 0] = np.nan
