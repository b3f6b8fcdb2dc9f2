"""What the Minor Planet Center refuses: by the schema of ADES for submissions, and by its own lists of values.

The form of every value is what the official schema (submit.xsd in the package iau-ades) says.
"""

import re
from datetime import UTC, datetime
from functools import cache
from importlib.resources import as_file, files

from photometrypipeline.base.errors import TelescopeError
from photometrypipeline.reports import ades, mpccodes, reportsettings
from photometrypipeline.sky import obscodes

EARLIEST_YEAR = 1990  # before, no CCD frame was measured with a catalogue of these
SAME_SECONDS = 0.5  # two records of one object and site nearer than this are the same observation
NO_PLACE = {
    "244": "geocentric occultations",
    "247": "roving observers",
    "270": "roving observers",
    "500": "the geocentre",
}


PLAIN_CONTEXT = {  # of a report that nobody would refuse
    "observatory": [("mpcCode", "500")],
    "submitter": [("name", "A. Observer")],
    "observers": [("name", "A. Observer")],
    "measurers": [("name", "A. Observer")],
    "telescope": [("design", "Reflector"), ("aperture", "1.0"), ("detector", "CCD")],
}
PLAIN_RECORD = {"permID": "1", "mode": "CCD", "stn": "500", "obsTime": "2020-01-01T00:00:00Z"}
PLAIN_RECORD |= {"ra": "1.0", "dec": "1.0", "astCat": "Gaia3"}
LONGEST = 25  # characters that an earlier state of the schema allows of entries on the telescope
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


@cache
def schema():
    """Return the schema of submissions (lxml's XMLSchema) that the package iau-ades brings."""
    from lxml import etree

    with as_file(files("ades") / "data" / "xsd" / "submit.xsd") as path:
        return etree.XMLSchema(etree.parse(path))


def breaches(blocks):
    """Return [(path of the element, its text, what the schema says against it)] of Blocks, one for each element."""
    from lxml import etree

    root = etree.fromstring(ades.to_xml(blocks).encode())
    schema().validate(root)
    found = {}
    for error in schema().error_log:
        path = re.sub(r"\[\d+\]", "", error.path)
        text = root.xpath(error.path)[0].text or ""
        said = re.sub(r"^Element '\w+': (\[facet '\w+'\] )?", "", error.message).rstrip(".")
        found.setdefault(path, (path, text.strip(), said[0].lower() + said[1:]))
    return list(found.values())


def check_record(record, now=None):
    """Return why a record ({field: text}) would be refused, list of str, empty if it would not.

    now : datetime (UTC); an observation of the future is refused
    """
    found = [f"{name} is missing" for name in NEEDED if not record.get(name)]
    if not any(record.get(name) for name in ("permID", "provID", "trkSub")):
        found.append("nothing identifies the object (permID, provID or trkSub)")
    found += [f"{name} is not a field of an optical observation" for name in record if name not in ades.FIELDS]
    found += [f"{name} must not contain |" for name, text in record.items() if text and "|" in text]
    found += [f"{one} without {other}" for one, other in TOGETHER if record.get(one) and not record.get(other)]
    if not found:
        wrong = breaches([ades.Block(PLAIN_CONTEXT, [record])])
        found += [f"{path.rsplit('/', 1)[1]} {text!r} is refused: {said}" for path, text, said in wrong]
    return found or _values(record, now or datetime.now(UTC))


def _values(record, now):
    """Return what the MPC's own lists say against a record that is well-formed."""
    found = []
    for name, allowed in (("mode", reportsettings.MODES), ("band", mpccodes.BANDS)):
        if record.get(name) and record[name] not in allowed:
            found.append(f"{name} {record[name]!r} is not on the MPC's list")
    for name in ("astCat", "photCat"):
        if record.get(name) and record[name] not in (*mpccodes.CURRENT_CATALOGS, *mpccodes.DEPRECATED_CATALOGS):
            found.append(f"{name} {record[name]!r} is not on the MPC's list")
    if record["astCat"] == "UNK":
        found.append("the astrometric catalogue is unknown")
    found += check_site(record["stn"])
    time = datetime.fromisoformat(record["obsTime"])
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
    found += [f"{group} is not a group of the header" for group in context if group not in known]
    plain = {group: entries for group, entries in context.items() if group in known}
    for group, entries in plain.items():
        if not isinstance(entries, str):
            found += [f"{group} has no entry {name}" for name, _ in entries if name not in known[group]]
            plain[group] = [(name, text) for name, text in entries if name in known[group]]
    long = [name for name, text in plain.get("telescope", []) if len(text) > LONGEST]
    found += [f"telescope {name} has more than {LONGEST} characters" for name in long]
    missing = bool(found) and any(reason.endswith("is missing") for reason in found)
    for path, text, said in [] if missing else breaches([ades.Block(plain, [PLAIN_RECORD])]):
        group, _, name = path.partition("obsContext/")[2].partition("/")
        found.append(f"{group} {name} {text!r} is refused: {said}")
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
