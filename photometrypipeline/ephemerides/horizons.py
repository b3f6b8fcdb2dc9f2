"""JPL Horizons: positions and orbital elements of one body, asked through astroquery, read from the raw answer.

Horizons says nearly everything with status 200, so the text decides between an answer, "no such object", "several
objects" and a failure of the service.
"""

import logging
import re
from dataclasses import dataclass

import numpy as np

from photometrypipeline.base.errors import Ambiguous, NotFound, PipelineError
from photometrypipeline.base.services import Retry, refuse_html
from photometrypipeline.ephemerides import identity, names, observernames
from photometrypipeline.ephemerides.ephemstore import COLUMNS, EPOCH_UNIT_D
from photometrypipeline.sky import obscodes

log = logging.getLogger("pp.horizons")

QUANTITIES = "1,3,9,19,20,24,36"  # astrometric position, rates, magnitude, r, delta, phase angle, uncertainty
GET_EPOCHS = 50  # an address may have some 2000 characters
POST_EPOCHS = 5000  # half of what Horizons accepts

# Titles of the columns, which depend on the object, the precision and the version; the first that is there is used.
# Horizons pads its titles with a varying number of underscores.
TITLES = {
    "jd": [r"Date_+JDUT"],
    "ra_deg": [r"R\.A\._*\(ICRF(/J2000\.0)?\)"],
    "dec_deg": [r"DEC_*\(ICRF(/J2000\.0)?\)"],
    "ra_rate": [r"dRA\*cosD"],
    "dec_rate": [r"d\(DEC\)/dt"],
    "v_mag": ["APmag", "T-mag", "N-mag"],  # comets: the whole coma rather than the nucleus
    "sigma_ra_arcsec": ["RA_3sigma"],
    "sigma_dec_arcsec": ["DEC_3sigma"],
    "r_au": ["r"],
    "delta_au": ["delta"],
    "phase_deg": ["S-T-O"],
}
SCALE = {"sigma_ra_arcsec": 1 / 3, "sigma_dec_arcsec": 1 / 3}  # Horizons gives three sigma
ORBIT = ("EPOCH", "EC", "QR", "TP", "OM", "W", "IN")  # perihelion distance in au, angles in deg, times in TDB JD
EXTRAS = ("H", "G", "M1", "K1", "A1", "A2", "A3", "DT", "ALN", "NK", "NM", "NN", "R0")  # magnitudes, non-gravitational
NUMBER = r"=\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[EeDd][-+]?\d+)?)"

REQUEST_IS_WRONG = (
    "BATVAR",
    "WLDINI",
    "INPUT ERROR",
    "Cannot interpret date",
    "Cannot output elements",
    "No site match",
)
UNKNOWN_TARGET = ("No matches found", "No such object record", "No such record", "out of bounds")


class Refused(PipelineError):
    """Horizons does not understand a request; a mistake in this program, or an unknown observatory code."""


class NoEphemeris(NotFound):
    """Horizons knows the object and has no position for the epoch: a spacecraft before its launch, a lost comet."""


class Apparitions(Ambiguous):
    """All candidates are apparitions or fragments of one comet, `designation`."""

    designation = None


@dataclass
class Answer:
    """`full_name` as Horizons writes it; `jd` shape (n,); `values` shape (n, len(COLUMNS)); `elements` dict or None."""

    full_name: str
    jd: np.ndarray
    values: np.ndarray
    elements: dict | None


def ask(client, query, mpc_code, jds, known=None):
    """Return the Answer to a names.Query for the UT Julian dates `jds` at the site `mpc_code`.

    known : the full name that the same question led to before
    Of a comet the last apparition before the end of the frames is asked for.
    Raises NotFound, NoEphemeris, Ambiguous, Refused, NotReachable.
    """
    dated = _before(query, jds)
    try:
        return _ask(client, dated, mpc_code, jds, known)
    except NotFound as error:
        if dated is query or isinstance(error, NoEphemeris | Ambiguous):
            raise
    return _ask(client, query, mpc_code, jds, known)  # a comet that is filed under a later date alone


def _before(query, jds):
    """Return the query with CAP, which to Horizons means before today, limited to what is before the frames' end."""
    if not query.command.endswith(";CAP"):
        return query
    return names.Query(f"{query.command}<{int(np.ceil(np.max(jds)))}", query.kind, query.text)


def _ask(client, query, mpc_code, jds, known):
    try:
        parts = [
            _ask_part(client, query, mpc_code, jds[first : first + POST_EPOCHS], known)
            for first in range(0, len(jds), POST_EPOCHS)
        ]
    except Apparitions as several:
        if query.kind == names.COMET:
            raise
        comet = names.Query(f"DES={several.designation};NOFRAG;CAP", names.COMET, query.text)
        return ask(client, comet, mpc_code, jds, known)
    if not _is_meant(query, parts[0].full_name, known):
        raise refusal(query)
    jd, values = (np.concatenate([getattr(part, name) for part in parts]) for name in ("jd", "values"))
    return Answer(parts[0].full_name, *_in_order(jds, jd, values), parts[0].elements)


def _is_meant(query, found, known):
    """Return whether the body `found` is what was asked for: the beginning of a name is enough for Horizons."""
    if query.kind == names.MAJOR:
        own_name = re.sub(r"\s*(\(| spacecraft).*", "", found, flags=re.IGNORECASE)
        return bool(re.fullmatch(r"-?\d+", query.command)) or own_name.lower() == query.command.lower()
    if query.kind == names.NAME:
        return observernames.agrees(query.text, found)
    fragment = re.fullmatch(r"DES=[^;]*\d-([A-Z]+\d?);CAP.*", query.command)
    if fragment:
        return bool(re.search(rf"\d-{fragment[1]}\b|-{fragment[1]}$", found.split("(")[0].strip(), re.IGNORECASE))
    if query.kind == names.NUMBER and observernames.unlike(query.text, found):
        log.warning("%r was asked for by its number, and JPL Horizons answers %s", query.text, found)
    elif found != known and not identity.is_surely(query, found):
        log.warning("JPL Horizons knows %r as %s: if that is another body, give its number or name", query.text, found)
    return True


def ask_elements(client, query, jd, known=None):
    """Return the osculating elements (dict, keys ORBIT) at the TDB Julian date `jd`; known, errors: as of `ask`."""
    dated = _before(query, [jd])
    try:
        return _ask_elements(client, dated, jd, known)
    except NotFound as error:
        if dated is query or isinstance(error, Ambiguous):
            raise
    return _ask_elements(client, query, jd, known)


def _ask_elements(client, query, jd, known):
    asker = _asker(query.command, "500@10", [jd])

    def send(timeout):
        asker.TIMEOUT = timeout
        return asker.elements_async(cache=False)

    client.adopt(asker._session, "horizons")
    description = f"elements of {query.command} at JD {jd:.1f}"
    doubt = identity.Doubt(query, known)

    def check(response):
        text = _text(response)
        found = parse_elements(text, query)
        doubt.judge(full_name(text))
        return found

    return client.call("horizons", send, check, description)


def _ask_part(client, query, mpc_code, jds, known):
    asker = _asker(query.command, mpc_code, jds)
    wanted = {"quantities": QUANTITIES, "extra_precision": True, "cache": False}
    description = f"{query.command} from {mpc_code} at {len(jds)} epochs"
    doubt = identity.Doubt(query, known)

    def check(response):
        answer = parse_ephemeris(_text(response), query)
        doubt.judge(answer.full_name)
        if not len(_in_order(jds, answer.jd, answer.values)[0]):
            raise Retry("a table without any of the times that were asked for")
        return answer

    if len(jds) > GET_EPOCHS:
        request = {"format": "text", "input": file_text(asker.ephemerides_async(get_query_payload=True, **wanted))}
        parts = {name: (None, text) for name, text in request.items()}
        return client.post("horizons_file", description, files=parts, check=check)

    def send(timeout):
        asker.TIMEOUT = timeout
        return asker.ephemerides_async(**wanted)

    client.adopt(asker._session, "horizons")
    return client.call("horizons", send, check, description)


def _asker(command, location, jds):
    """Return the astroquery object that makes the requests."""
    from astroquery.jplhorizons import HorizonsClass  # takes half a second, which a run with a filled store saves

    place = obscodes.place_of(location)
    location = {"lon": place[0], "lat": place[1], "elevation": place[2] / 1000} if place else location
    return HorizonsClass(id=command, location=location, epochs=[f"{jd:.9f}" for jd in jds])


def file_text(parameters):
    """Return the text of a request to the file API from the parameters (dict of str) of a GET request."""
    lines = ["!$$SOF", "MAKE_EPHEM='YES'", "OBJ_DATA='YES'"]
    for key, value in parameters.items():
        if key == "TLIST":
            lines += ["TLIST=", *(f"'{epoch}'" for epoch in value.split("\n"))]
        elif key != "format":
            bare = value.strip("'") if value.startswith("'") else value.strip('"')
            quote = '"' if "'" in bare else "'"
            lines.append(f"{key}={quote}{bare}{quote}")
    return "\n".join([*lines, "!$$EOF", ""])


def _text(response):
    refuse_html(response)
    if not response.content.strip():
        raise Retry("an empty answer")
    return response.content.decode("utf-8", "replace")


def _in_order(jds, jd, values):
    """Return the rows that belong to the epochs asked, under exactly these epochs."""
    nearest = [int(np.argmin(np.abs(jd - wanted))) if jd.size else -1 for wanted in jds]
    keep = [(wanted, row) for wanted, row in zip(jds, nearest, strict=True) if abs(jd[row] - wanted) < EPOCH_UNIT_D]
    return np.array([wanted for wanted, _ in keep]), values[[row for _, row in keep]]


def parse_ephemeris(text, query):
    """Return the Answer that the text of an OBSERVER table holds; raises as `ask`, and Retry for an unfinished text."""
    titles, rows = _table(text, query, "Date__")
    columns = {name: _column(titles, rows, patterns) * SCALE.get(name, 1) for name, patterns in TITLES.items()}
    on_sky = (np.abs(columns["ra_deg"] - 180.0) <= 180.0) & (np.abs(columns["dec_deg"]) <= 90.0)  # no NaN is
    if not (len(rows) and on_sky.all() and np.isfinite(columns["jd"]).all()):
        raise Retry("a table without positions")
    values = np.column_stack([columns[name] for name in COLUMNS])
    return Answer(full_name(text), columns["jd"], values, header_elements(text))


def parse_elements(text, query):
    """Return the first row (dict, keys ORBIT) of an ELEMENTS table; raises as `parse_ephemeris`."""
    titles, rows = _table(text, query, "JDTDB")
    wanted = {"EPOCH": "JDTDB", "TP": "Tp"}
    found = {key: float(_column(titles, rows, [wanted.get(key, key)])[0]) for key in ORBIT} if rows else {}
    if not found or not np.isfinite(list(found.values())).all():
        raise Retry("a table without elements")
    return found


def full_name(text):
    """Return the name that Horizons gives the target in `text`, such as `3552 Don Quixote (1983 SA)`."""
    match = re.search(r"Target body name:[ \t]*(.*?)[ \t\r]*(\{source|$)", text, re.MULTILINE)
    if not match or not match[1]:
        raise Retry("an answer without the name of the target")
    return match[1]


def header_elements(text):
    """Return the elements (dict, keys ORBIT and some of EXTRAS) in the head of an answer, None for a major body."""
    head = text[max(text.find("EPOCH="), 0) : text.find("$$SOE")]
    found = {}
    for key in ORBIT + EXTRAS:
        match = re.search(rf"(?<![\w.])(?i:{key}){NUMBER}", head)
        if match:
            found[key] = float(match[1].upper().replace("D", "E"))
    return found if all(key in found for key in ORBIT) else None


def _table(text, query, title):
    """Return (titles, rows), lists of stripped fields, of the table between $$SOE and $$EOE."""
    before, start, behind = text.partition("$$SOE")
    if not start:
        raise _failure(text, query)
    table, end, _ = behind.partition("$$EOE")
    if not end:
        raise Retry("an answer that ends early")
    title_lines = [line for line in before.splitlines() if line.lstrip().startswith(title)]
    if not title_lines:
        raise Retry("an answer without column titles")
    titles = [field.strip() for field in title_lines[-1].split(",")]
    rows = [[field.strip() for field in line.split(",")] for line in table.splitlines() if line.count(",") > 1]
    if any(len(row) != len(titles) for row in rows):
        raise Retry("a row that does not fit the column titles")
    return titles, rows


def _column(titles, rows, patterns):
    """Return the float values, shape (n_rows,), of the first column whose title fits one of `patterns`, else NaN."""
    for pattern in patterns:
        for position, title in enumerate(titles):
            if re.fullmatch(pattern, title):
                return np.array([_number(row[position]) for row in rows], dtype=float)
    return np.full(len(rows), np.nan)


def _number(field):
    """Return the number in a cell, NaN for one without: Horizons writes `n.a.`, `Sun_disc` and the like."""
    try:
        return float(field)
    except ValueError:
        return float("nan")


def _failure(text, query):
    """Return the error that a text without a table stands for."""
    if "No ephemeris for target" in text:
        return NoEphemeris(f"{query.text}: {_line_with('No ephemeris for target', text)}")
    if any(sign in text for sign in UNKNOWN_TARGET):
        return refusal(query)
    if "Matching small-bodies" in text or "Multiple major-bodies" in text:
        return _ambiguity(text, query)
    for sign in REQUEST_IS_WRONG:
        if sign in text:
            message = " ".join(re.sub(r"API (VERSION|SOURCE):.*|\*+", "", text).split())[:300]
            return Refused(f"JPL Horizons refuses the request for {query.command!r}: {message}")
    return Retry(f"no table in the answer: {' '.join(text.split())[:150]}")


def refusal(query, candidates=()):
    """Return the error for a name that means nothing to Horizons or, with `candidates`, several things."""
    if candidates:
        listed = "; ".join(candidates[:10]) + ("; ..." if len(candidates) > 10 else "")
        several = (
            f"{query.text!r} names {len(candidates)} objects of JPL Horizons, give a number or designation: {listed}"
        )
        return Ambiguous(several, candidates)
    return NotFound(f"JPL Horizons knows no object {query.text!r} (asked for {query.command})")


def _ambiguity(text, query):
    lines = text.splitlines()
    rule = next((index for index, line in enumerate(lines) if re.match(r"\s*-{2,}\s+-{2,}", line)), None)
    if rule is None:
        return Retry(f"an unreadable list of candidates: {' '.join(text.split())[:150]}")
    rows = []
    for line in lines[rule + 1 :]:
        if not re.match(r"\s*-?\d+\s", line):
            break
        rows.append(line)
    error = refusal(query, [" ".join(row.split()) for row in rows])
    designations = {
        re.sub(r"-[A-Z]+\d*$", "", name) for name in _primary_designations(lines[rule - 1 : rule + 1], rows)
    }
    if len(designations) == 1 and names.queries(*designations)[0].kind == names.COMET:
        error = Apparitions(str(error), error.candidates)
        error.designation = designations.pop()
    return error


def _primary_designations(head, rows):
    """Return the column `Primary Desig` of a list of small bodies; the rule under the titles shows its place."""
    titles, rule = head
    for dashes in re.finditer(r"-+", rule):
        if titles[dashes.start() : dashes.end()].strip() == "Primary Desig":
            return [row[dashes.start() : dashes.end()].strip() for row in rows]
    return []


def _line_with(sign, text):
    return next(" ".join(line.split()) for line in text.splitlines() if sign in line)
