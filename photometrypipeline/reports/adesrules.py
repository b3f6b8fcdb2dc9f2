"""What the Minor Planet Center refuses: the rules of ADES 2022 for submissions as data, and its own about the values.

Written from the published schema (submit.xsd of IAU-ADES, 2022) and the MPC's lists of field values.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from photometrypipeline.base.errors import TelescopeError
from photometrypipeline.reports import ades, mpccodes
from photometrypipeline.sky import obscodes

EARLIEST_YEAR = 1990  # before, no CCD frame was measured with a catalogue of these
SAME_SECONDS = 0.5  # two records of one object and site nearer than this are the same observation
NO_PLACE = {
    "244": "geocentric occultations",
    "247": "roving observers",
    "270": "roving observers",
    "500": "the geocentre",
}


@dataclass(frozen=True)
class Rule:
    """What the text of a field has to be: of a `pattern`, at most `longest` characters, a number within limits."""

    pattern: str = r"[^|]*[^|\s][^|]*"
    longest: int | None = None
    least: str | None = None  # exclusive if `above`
    most: str | None = None
    above: bool = False
    below: bool = False


_POSITIVE = r"(0|[1-9]\d*)(\.\d*)?"
_WORD = r"[A-Za-z0-9_]+"


def _positive(longest):
    return Rule(_POSITIVE, longest, "0", "100000", above=True, below=True)


RULES = {
    "permID": Rule(r"\d+([IPD](-[A-Z]{1,2})?)?", 25),
    "provID": Rule(
        r"\d{4} [A-HJ-Y][A-HJ-Z]\d*|\d{4} (P-L|T-[123])"
        r"|[ADCPX]/\d{4} [A-Z]{1,2}\d*(-[A-Z])?|A[89]\d\d [A-HJ-Y][A-HJ-Z]",
        25,
    ),
    "trkSub": Rule(r"[-A-Za-z0-9_]+", 8),
    "obsSubID": Rule(longest=35),
    "mode": Rule(_WORD, 3),
    "stn": Rule(r"[A-Za-z0-9_]{3,4}"),
    "obsTime": Rule(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z"),
    "rmsTime": _positive(8),
    "ra": Rule(r"([1-3]\d\d|[1-9]?\d)(\.\d{0,9})?", None, "0", "360", below=True),
    "dec": Rule(r"[+-]?[1-9]?\d(\.\d{0,9})?", None, "-90", "90"),
    "rmsRA": _positive(7),
    "rmsDec": _positive(7),
    "rmsCorr": Rule(r"[+-]?[01](\.\d{0,11})?", None, "-1", "1", above=True, below=True),
    "astCat": Rule(r"[.A-Za-z0-9_]+", 8),
    "mag": Rule(r"[+-]?(0|[1-9]\d*)(\.\d*)?", 8, "-5", "35"),
    "rmsMag": _positive(6),
    "band": Rule(_WORD, 3),
    "fltr": Rule(_WORD, 3),
    "photCat": Rule(r"[.A-Za-z0-9_]+", 8),
    "photAp": _positive(6),
    "logSNR": Rule(r"[+-]?(0|[1-9]\d*)(\.\d*)?", 6),
    "seeing": _positive(6),
    "exp": _positive(6),
    "rmsFit": _positive(6),
    "nStars": Rule(r"[1-9]\d{0,5}"),
    "disc": Rule(r"[*+]"),
    "uncTime": _positive(8),
    "notes": Rule(_WORD, 6),
    "remarks": Rule(longest=300),
}
CONTEXT_RULES = {
    ("observatory", "mpcCode"): RULES["stn"],
    ("telescope", "design"): Rule(longest=25),
    ("telescope", "detector"): Rule(longest=25),
    ("telescope", "filter"): Rule(longest=25),
    ("telescope", "arraySize"): Rule(longest=25),
    ("telescope", "aperture"): _positive(6),
    ("telescope", "fRatio"): _positive(6),
    ("telescope", "pixelScale"): _positive(6),
    ("software", "fitOrder"): Rule(longest=25),
}
TEXT = Rule(longest=100)  # of all other entries
NEEDED = ("mode", "stn", "obsTime", "ra", "dec", "astCat")  # of a record, besides an identification
NEEDED_IN_CONTEXT = (
    ("observatory", "mpcCode"),
    ("submitter", "name"),
    ("observers", "name"),
    ("measurers", "name"),
    ("telescope", "design"),
    ("telescope", "aperture"),
    ("telescope", "detector"),
)
TOGETHER: tuple[tuple[str, str], ...] = (
    ("rmsMag", "mag"),
    ("band", "mag"),
    ("photCat", "mag"),
    ("photAp", "mag"),
    ("fltr", "mag"),
    ("mag", "band"),
)
TOGETHER += (
    ("rmsCorr", "rmsRA"),
    ("rmsRA", "rmsDec"),
    ("rmsDec", "rmsRA"),
)  # the first makes no sense without the second


def breach(text, rule):
    """Return what is wrong with the text of a field by a Rule (str), empty if nothing is."""
    if rule.longest is not None and len(text) > rule.longest:
        return f"has {len(text)} characters, {rule.longest} are allowed"
    if not re.fullmatch(rule.pattern, text):
        return "does not have the form that ADES requires"
    if rule.least is None:
        return ""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return "is not a number"
    least, most = Decimal(rule.least), Decimal(rule.most)
    if value < least or value > most or (rule.above and value == least) or (rule.below and value == most):
        return f"is not within {rule.least} to {rule.most}"
    return ""


def check_record(record, now=None):
    """Return why a record ({field: text}) would be refused, list of str, empty if it would not.

    now : datetime (UTC); an observation of the future is refused
    """
    found = [f"{name} is missing" for name in NEEDED if not record.get(name)]
    if not any(record.get(name) for name in ("permID", "provID", "trkSub")):
        found.append("nothing identifies the object (permID, provID or trkSub)")
    for name, text in record.items():
        if name not in RULES:
            found.append(f"{name} is not a field of an optical observation")
        elif breach(text, RULES[name]):
            found.append(f"{name} {text!r} {breach(text, RULES[name])}")
    found += [f"{one} without {other}" for one, other in TOGETHER if record.get(one) and not record.get(other)]
    if not found:
        found += _values(record, now or datetime.now(UTC))
    return found


def _values(record, now):
    """Return what the MPC's own lists say against a record that is well-formed."""
    found = []
    for name, allowed in (("mode", mpccodes.MODES), ("band", mpccodes.BANDS)):
        if record.get(name) and record[name] not in allowed:
            found.append(f"{name} {record[name]!r} is not on the MPC's list")
    for name in ("astCat", "photCat"):
        if record.get(name) and record[name] not in (*mpccodes.CURRENT_CATALOGS, *mpccodes.DEPRECATED_CATALOGS):
            found.append(f"{name} {record[name]!r} is not on the MPC's list")
    if record["astCat"] == "UNK":
        found.append("the astrometric catalogue is unknown")
    found += check_site(record["stn"])
    try:
        time = datetime.fromisoformat(record["obsTime"])
    except ValueError:
        return [*found, f"obsTime {record['obsTime']} is not a date"]
    if time > now:
        found.append(f"obsTime {record['obsTime']} is in the future")
    if time.year < EARLIEST_YEAR:
        found.append(f"obsTime {record['obsTime']} lies before {EARLIEST_YEAR}")
    return found


def check_site(code):
    """Return why an observatory code cannot stand in a record (list of str)."""
    if not obscodes.is_known(code):
        return [f"stn {code!r} is not an observatory code of the MPC"]
    if code in NO_PLACE:
        return [f"stn {code} stands for {NO_PLACE[code]}: the observer's place would have to be given"]
    try:
        obscodes.geocentric_km(code)
    except TelescopeError:
        return [f"stn {code} has no fixed place on the Earth: the observer's place would have to be given"]
    return []


def check_context(context):
    """Return why the header of a Block would be refused (list of str)."""
    found = []
    for group, name in NEEDED_IN_CONTEXT:
        entries = context.get(group) or []
        if not any(text for entry, text in entries if entry == name):
            found.append(f"{group} {name} is missing")
    known = dict(ades.CONTEXT)
    for group, entries in context.items():
        if group not in known:
            found.append(f"{group} is not a group of the header")
            continue
        for name, text in [("", entries)] if isinstance(entries, str) else entries:
            if name and name not in known[group]:
                found.append(f"{group} has no entry {name}")
            elif breach(text, CONTEXT_RULES.get((group, name), TEXT)):
                found.append(f"{group} {name} {text!r} {breach(text, CONTEXT_RULES.get((group, name), TEXT))}")
    return found


def check_series(records):
    """Return [(number of the record, why it would be refused), ...] by what the others say: observations sent twice,
    and single observations of an object that nobody knows.
    """
    found, seen = [], {}
    for number, record in enumerate(records):
        name = record.get("permID") or record.get("provID") or record.get("trkSub")
        seconds = datetime.fromisoformat(record["obsTime"]).timestamp()
        others = seen.setdefault((name, record["stn"]), [])
        if any(abs(seconds - other) < SAME_SECONDS for other in others):
            found.append((number, f"a second observation of {name} at {record['obsTime']}"))
        others.append(seconds)
    lone = {name for (name, _), times in seen.items() if len(times) == 1}
    for number, record in enumerate(records):
        if record.get("trkSub") in lone and not (record.get("permID") or record.get("provID")):
            found.append((number, f"a single observation of the unknown object {record['trkSub']} is not a tracklet"))
    return found
