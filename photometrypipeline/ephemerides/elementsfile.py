"""Orbital elements from a file of the user's: those of the Minor Planet Center or of JPL, as both hand them out.

    MPCORB.DAT, and pieces of it      one asteroid a line, packed epoch
    CometEls.txt                      one comet a line
    ELEMENTS.NUMBR, .UNNUM, .COMET    JPL's tables, with their two lines of titles
    Horizons' text                    the head of any answer, or several of them one behind the other; ELEMENTS tables
    JSON                              of JPL's SBDB (one body or a query), of Horizons, of the MPC, or our own keys
    CSV                               of JPL's SBDB query
    allnum.cat, .eq0, .eq1            OrbFit's, of AstDyS and NEODyS

Any of them may be packed by gzip.

All become dictionaries with the keys of horizons.ORBIT and EXTRAS: angles in deg, J2000 ecliptic, au, TDB Julian dates.
"""

import gzip
import json
import re
import zlib

from photometrypipeline.base.errors import FrameError
from photometrypipeline.catalogs import texttable
from photometrypipeline.ephemerides import elementsjson, horizons, names, orbfit
from photometrypipeline.ephemerides.elements import MJD_ZERO, Orbit, julian_date, perihelion

REMEDY = "give lines of MPCORB, CometEls, JPL's ELEMENTS tables, an answer of Horizons, JSON, CSV of SBDB, or AstDyS"
GZIP = b"\x1f\x8b"
MPCORB = re.compile(r".{7} .{12}([IJKL]\d\d[1-9A-C][1-9A-V])\s")
COMET = re.compile(r"[\d ]{4}[A-Z].{7} *(\d{4}) (\d\d) ([\d ]\d\.\d+) ")
_CSV = re.compile(r"\ufeff?[^\n]*(?<![\w.])e\"? *,", re.IGNORECASE)  # titles, an eccentricity among them
_RULE = re.compile(r"-{3,}( -{2,})+\s*")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
_CENTURY = {"I": 1800, "J": 1900, "K": 2000, "L": 2100}


def read(path, text):
    """Return the Orbits (list) of the body that the name `text` means, in the file `path`; one without a name is any.

    Raises FrameError for a file that cannot be read or holds no elements at all.
    """
    asked = names.queries(text)
    try:
        with _opened(path) as stream:
            found = _from_stream(stream, asked)
    except OSError as error:
        raise FrameError(path, f"cannot be read ({error.strerror or error})", "check its name") from None
    except (EOFError, ValueError) as error:
        raise FrameError(path, f"has elements that cannot be read ({error})", REMEDY) from None
    except (KeyError, TypeError, IndexError, AttributeError, RecursionError, ArithmeticError, zlib.error):
        raise FrameError(path, "has elements that cannot be read (of another form, or damaged)", REMEDY) from None
    if found is None:
        raise FrameError(path, "holds no orbital elements", REMEDY)
    meant = [orbit for orbit in found if is_meant(asked, orbit.full_name)]
    for orbit in meant:
        wrong = orbit.out_of_range()
        if wrong:
            raise FrameError(path, f"has elements that cannot be read ({wrong})", REMEDY)
    return meant


def _opened(path):
    """Return the text of a file as a stream, unpacked, without the mark of its encoding."""
    with open(path, "rb") as stream:
        start = stream.read(2)
    return (gzip.open if start == GZIP else open)(path, "rt", encoding=texttable.encoding_of(start), errors="replace")


def _from_stream(stream, asked):
    """Return the Orbits (list) in any of the forms, None where there is none."""
    start = stream.read(100000)
    stream.seek(0)
    if start.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
        return _from_json(json.loads(stream.read().lstrip("\ufeff")), asked)
    if "JPL/HORIZONS" in start or "$$SOE" in start:
        return _from_horizons(stream.read())
    if orbfit.END in start:
        return orbfit.orbits(stream.read(), lambda name: is_meant(asked, name))
    if _CSV.match(start):
        return _meant(elementsjson.bodies_of_rows(stream.read().lstrip("\ufeff").splitlines()), asked)
    return _from_lines(stream, _sieve(asked))


def is_meant(asked, full_name):
    """Whether one of the Queries means a body; one without a name is any."""
    return not full_name or any(_means(query, full_name) for query in asked)


def _sieve(asked):
    """Return a fast test whether a line may hold a body: all of MPCORB, a million lines and more, passes through it."""
    parts = [re.sub(r"^DES=|;.*", "", query.command).lower() for query in asked]
    packed = [query.text.lower() for query in asked]  # a line may have no readable designation
    return lambda line: any(part in line.lower() for part in {*parts, *packed})


def _means(query, full_name):
    if query.kind == names.NAME:
        before, inside = re.fullmatch(r"(.*?) ?(?:\(([^()]*)\))?", full_name).groups()
        own_names = re.sub(r"^\d+ |^\d+[PDI]/", "", before), inside or ""
        return query.command.rstrip(";").lower() in (name.lower() for name in own_names)
    return query.command in names.aliases(full_name)


# ---- lines of fixed columns


def _from_lines(lines, may_be):
    """Return the Orbits (list) in lines of fixed columns that pass `may_be`, None where no line is one."""
    found, columns, before, known = [], None, "", False
    for line in lines:
        line = line.rstrip("\n")
        if _RULE.fullmatch(line):
            columns, known = _columns(before, line), True
        elif columns and line.strip():
            if may_be(line):
                found.append(_from_jpl({title: line[start:end].strip() for title, (start, end) in columns.items()}))
        elif MPCORB.match(line) or COMET.match(line):
            known = True
            if may_be(line):
                found.append(_from_mpcorb(line) if MPCORB.match(line) else comet(line))
        before = line
    return found if known else None


def _columns(titles, rule):
    """Return {title: (first, last) character} of a table; the rule under the titles shows where its columns lie."""
    return {
        " ".join(titles[dashes.start() : dashes.end()].split()): (dashes.start(), dashes.end())
        for dashes in re.finditer("-+", rule)
    }


def _from_jpl(fields):
    """One row of JPL's ELEMENTS tables; epochs are MJD, times of perihelion YYYYMMDD.ddddd."""
    orbit = {key: float(fields[title]) for key, title in (("EC", "e"), ("IN", "i"), ("W", "w"), ("OM", "Node"))}
    orbit["EPOCH"] = float(fields["Epoch"]) + MJD_ZERO
    if "q" in fields:
        year, month, day = re.fullmatch(r"(-?\d+)(\d\d)(\d\d\.\d+)", fields["Tp"]).groups()
        orbit |= {"QR": float(fields["q"]), "TP": julian_date(int(year), int(month), float(day))}
    else:
        orbit |= perihelion(orbit["EPOCH"], float(fields["a"]), orbit["EC"], float(fields["M"]))
    for key in ("H", "G"):
        if fields.get(key):
            orbit[key] = float(fields[key])
    if "Designation" in fields:
        return Orbit(f"({fields['Designation']})", orbit)
    name = fields.get("Num Name") or f"{fields['Num']} {fields['Name']}"
    return Orbit(name, orbit)


def _from_mpcorb(line):
    orbit = {"EC": float(line[70:79]), "IN": float(line[59:68]), "W": float(line[37:46]), "OM": float(line[48:57])}
    orbit["EPOCH"] = packed_date(line[20:25])
    orbit |= perihelion(orbit["EPOCH"], float(line[92:103]), orbit["EC"], float(line[26:35]))
    for key, field in (("H", line[8:13]), ("G", line[14:19])):
        if field.strip():
            orbit[key] = float(field)
    readable = line[166:194].strip()
    numbered = re.fullmatch(r"\((\d+)\) ?(.*)", readable)
    if numbered:
        return Orbit(" ".join(numbered.groups()).strip(), orbit)
    return Orbit(f"({readable})" if readable else unpacked(line[:7].strip()), orbit)


def unpacked(packed):
    """Return a name for a packed number or designation of the Minor Planet Center."""
    command = names.queries(packed)[0].command.rstrip(";")
    return f"({command.removeprefix('DES=')})" if command.startswith("DES=") else f"{command} "


def comet(line):
    """Return the Orbit in a line of the MPC's CometEls.txt; the date of its osculating elements may be missing."""
    perihelion = julian_date(int(line[14:18]), int(line[19:21]), float(line[22:29]))
    epoch = line[81:89]
    orbit = {
        "EPOCH": julian_date(int(epoch[:4]), int(epoch[4:6]), float(epoch[6:])) if epoch.strip() else perihelion,
        "QR": float(line[30:39]),
        "EC": float(line[41:49]),
        "W": float(line[51:59]),
        "OM": float(line[61:69]),
        "IN": float(line[71:79]),
        "TP": perihelion,
    }
    if line[91:95].strip() and line[96:100].strip():
        orbit |= {"M1": float(line[91:95]), "K1": 2.5 * float(line[96:100])}
    return Orbit(re.sub(r"\s{2,}.*", "", line[102:158].strip()), orbit)


def packed_date(packed):
    """Return the Julian date of an epoch such as K194R, 2019 April 27.0."""
    year = _CENTURY[packed[0]] + int(packed[1:3])
    return julian_date(year, _DIGITS.index(packed[3]), _DIGITS.index(packed[4]))


# ---- text of Horizons


def _from_json(content, asked):
    """Return the Orbits (list) in the content of a JSON file, None where it has none; only what is meant is read."""
    text = elementsjson.text_of_horizons(content)
    if text is not None:
        return _from_horizons(text)
    return _meant(elementsjson.bodies(content), asked)


def _meant(bodies, asked):
    return [each.orbit() for each in bodies if is_meant(asked, each.full_name)] if bodies else None


def _from_horizons(text):
    found = []
    for part in re.split(r"(?=^JPL/HORIZONS)", text, flags=re.MULTILINE):
        elements = horizons.header_elements(part) or _of_horizons_table(part)
        if elements:
            told = re.search(r"Target body name:[ \t]*(.*?)[ \t\r]*(\{source|$)", part, re.MULTILINE)
            head = re.match(r"JPL/HORIZONS +(.*?) +\d{4}-\w{3}-\d\d", part)
            found.append(Orbit((told or head)[1] if told or head else "", elements))
    return found or None


def _of_horizons_table(text):
    """Return the elements (dict) of the first epoch in a table of type ELEMENTS, None where there is none.

    Raises ValueError for a table around another body than the Sun, or in other units.
    """
    titles, _, table = text.partition("$$SOE")
    row = table.partition("$$EOE")[0].strip()
    if not row or "osculating elements" not in titles:
        return None
    for label, wanted in (("Center body name", "Sun (10)"), ("Output units", "AU-D"), ("Reference frame", "Ecliptic")):
        told = re.search(rf"{label} *: *(.*)", titles)
        if told and not told[1].startswith(wanted):
            raise ValueError(f"{label} is {told[1].split('{')[0].strip()}, not {wanted}")
    if re.match(r"[\d.]+ *,", row):  # CSV
        columns = [title.strip() for title in next(line for line in titles.splitlines() if "JDTDB" in line).split(",")]
        values = dict(zip(columns, row.splitlines()[0].split(","), strict=False))
    else:
        lines = re.split(r"\n(?=[\d.]+ = )", row)[0]
        values = dict(re.findall(r"(\w+) *= *([-+\d.]+(?:E[-+]\d+)?)", lines)) | {"JDTDB": lines.split()[0]}
    labels = {"EPOCH": "JDTDB", "TP": "Tp"}
    return {key: float(values[labels.get(key, key)]) for key in horizons.ORBIT}
