"""From the text that an observer wrote as OBJECT to the questions that JPL Horizons understands.

A text names a small body first, and a major body only when no small body answers: `301` is an asteroid and never
the Moon. Texts that certainly name no body of the Solar System (`flat`, `NGC 7790`, nothing) lead to no question.
"""

import re
from dataclasses import dataclass

from photometrypipeline.ephemerides import observernames

NUMBER = "number"
DESIGNATION = "designation"
COMET = "comet"
INTERSTELLAR = "interstellar"
NAME = "name"
MAJOR = "major"

# Identifiers of the planets and of the moons that can be seen: Horizons compares other texts with the beginnings of
# names, so that a bare "Mars" would also mean its barycentre and every spacecraft called after it.
MAJOR_BODIES = {
    "sun": 10, "mercury": 199, "venus": 299, "moon": 301, "mars": 499, "jupiter": 599, "saturn": 699, "uranus": 799,
    "neptune": 899, "pluto": 999, "phobos": 401, "deimos": 402, "io": 501, "europa": 502, "ganymede": 503,
    "callisto": 504, "amalthea": 505, "himalia": 506, "elara": 507, "pasiphae": 508, "sinope": 509, "lysithea": 510,
    "carme": 511, "ananke": 512, "leda": 513, "thebe": 514, "adrastea": 515, "metis": 516, "mimas": 601,
    "enceladus": 602, "tethys": 603, "dione": 604, "rhea": 605, "titan": 606, "hyperion": 607, "iapetus": 608,
    "phoebe": 609, "janus": 610, "epimetheus": 611, "ariel": 701, "umbriel": 702, "titania": 703, "oberon": 704,
    "miranda": 705, "triton": 801, "nereid": 802, "charon": 901,
}  # fmt: skip

_NOT_AN_OBJECT = re.compile(
    r"(none|null|nan|n/?a|unknown|undefined|object|target|science|test|focus|pointing|standard|star|sky|blank|"
    r"((dome|sky|twi|twilight|dusk|dawn|internal|master)[ -]?)?flats?([ -]?field)?|bias|zero|dark|arc|lamp|fringe|"
    r"(star[ -]?)?field)([ -]?\d+|[ -][\w.]{1,2}\d*)?|"
    r"(lights?|light[ -]?frames?|images?|img|frames?|exposures?|capture[ds]?|snapshots?|previews?|untitled|unnamed|"
    r"no[ -]?name)([ -]?0\d{1,3})?",  # Light 0001 is the first of a sequence, Light 433 an asteroid
    re.IGNORECASE,
)
_CATALOGUE = re.compile(
    r"(NGC|IC|M|Messier|UGC|PGC|MCG|ESO|Abell|HD|HDE|HIP|HR|SAO|BD|CD|CPD|TYC|GSC|2MASS|SDSS|Gaia|PG|SA|Landolt|GD|Feige|LTT|"
    r"LHS|GJ|Gliese|Barnard|Arp|Hickson|HCG|Herschel|Hubble|Caldwell|Melotte|Mel|Collinder|Cr|Trumpler|Tr|Berkeley|Stock|"
    r"Gum|Sharpless|Sh|Sh2|LDN|LBN|vdB|Ced|Palomar|Pal|Terzan|Simeis|Kohoutek|Wolf|Ross|Luyten|Lalande|Mrk|Mkn|Markarian|"
    r"PKS|PSR|Tycho(?=[ -]?\d{1,4}-\d)|OJ|EP|AAVSO|Starlink|Tile|Night|Run|UT|TRAPPIST|"
    r"Qatar|NGTS|WASP|HAT|HATS|KELT|TrES|XO|TOI|KIC|TIC|EPIC|KOI|Kepler|K2|CoRoT|GRB|SN|AT|Field|S82|Stripe)"
    r"([ -]?(P-|DR\d |J|B))?[ +-]?\d[\w.+ -]*|\d{1,2}(RXS|SWASP|XMM|FGL|FHL|ES|EG|SXPS|WHSP|LAC|CXO|WGA|HWC)\b.*|"
    r"(19|20)\d\d[a-z]{3,5}(?![a-z]).*",  # supernovae and other transients: 2023ixf
    re.IGNORECASE,
)
_CONSTELLATIONS = (  # as they stand behind the numbers of Flamsteed; Ara has none, and is an asteroid
    "And|Aqr|Aql|Ari|Aur|Boo|Cam|Cnc|CVn|CMa|CMi|Cap|Cas|Cen|Cep|Cet|Com|CrB|Crv|Crt|Cyg|Del|Dor|Dra|Equ|Eri|For|Gem|"
    "Her|Hya|Lac|Leo|LMi|Lep|Lib|Lup|Lyn|Lyr|Mon|Oph|Ori|Peg|Per|Psc|PsA|Pup|Sgr|Sco|Sct|Ser|Sex|Sge|Tau|Tri|Tuc|UMa|"
    "UMi|Vel|Vir|Vul|Andromedae|Aquarii|Aquilae|Arietis|Aurigae|Bootis|Cancri|Canum|Canis|Capricorni|Cassiopeiae|"
    "Centauri|Cephei|Ceti|Comae|Coronae|Corvi|Crateris|Cygni|Delphini|Doradus|Draconis|Equulei|Eridani|Geminorum|"
    "Herculis|Hydrae|Lacertae|Leonis|Leporis|Librae|Lupi|Lyncis|Lyrae|Monocerotis|Ophiuchi|Orionis|Pegasi|Persei|"
    "Piscium|Piscis|Puppis|Sagittarii|Sagittae|Scorpii|Scuti|Serpentis|Sextantis|Tauri|Trianguli|Tucanae|Ursae|Virginis|"
    "Vulpeculae"
)
_COUNTED = re.compile(  # numbers that are of no asteroid: of stars, units, parts
    rf"(?:\d|[1-9]\d|1[0-4]\d) ?(?i:{_CONSTELLATIONS})(?: .*)?|"
    r"[0-9]{1,4} (?i:secs?|seconds?|mins?|minutes?|hours?|hrs?|deg|"
    r"degrees?|inch|in|arcmin|arcsec|mm|cm|nm|km|bits?|frames?|images?|subs|stars?|percent|of \d+)(?:\W.*)?|"
    r"\d{1,2} (?:h|m)(?: .*)?"
)
_MONTHS = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_DATE = re.compile(
    r"(?:19|20)\d\d(?:([-/. ])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])|(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))"
    r"(?:[T ].*)?|"
    rf"(?:19|20)\d\d[-/. ]?{_MONTHS}[-/. ]?\d{{1,2}}(?:[T ].*)?|"
    r"(?:0?[1-9]|[12]\d|3[01])([-/. ])(?:0?[1-9]|1[0-2])\2(?:19|20)\d\d(?: .*)?|"
    rf"(?:0?[1-9]|[12]\d|3[01])[-/. ]?{_MONTHS}[-/. ]?(?:19|20)\d\d(?: .*)?|"
    rf"{_MONTHS} \d{{1,2}},? (?:19|20)\d\d(?: .*)?|"
    r"\d\d-(?:0[1-9]|1[0-2])-(?:[0-2]\d|3[01])|(?:19|20)\d\d-(?:[0-2]\d\d|3[0-6]\d)",
    re.IGNORECASE,
)
_CALIBRATION = re.compile(
    r"\d+[ -](?:(?:dome|sky|twilight|master)[ -]?)?(?:flats?|bias|darks?|arc|lamp)(?:[ -].*)?", re.IGNORECASE
)
_COORDINATES = re.compile(r"(J ?)?\d{4,6}(\.\d+)?[+-]\d{4,6}(\.\d+)?|\d+:\d+.*|[+-]?\d*\.\d+.*", re.IGNORECASE)

_HALF_MONTH = "[A-HJ-Y]"
_PROVISIONAL = re.compile(
    rf"((?:18|19|20|21)\d\d|A[89]\d\d)[ -]?({_HALF_MONTH}[A-HJ-Z]) ?(\d{{0,4}})(?![\w-])(?:\)?[ /].*)?", re.IGNORECASE
)
_SURVEY = re.compile(r"(\d{1,4}) ?(P-L|T-[123])", re.IGNORECASE)
_NUMBERED = re.compile(r"(\()?0*(\d{1,8})(?(1)\))(?: .*)?")
_NUMBERED_COMET = re.compile(
    r"0*(\d{1,4}(?=[ PD])|\d{1,2}(?=I))( ?[PD]|I)(?:-((?!SW\d)[A-Z]{1,2}\d?))?(?:[ /].*|-(?:SW\d|[A-Z]{3}).*)?",
    re.IGNORECASE,
)
_COMET = re.compile(
    rf"([CPDXA])(?:[ /-]?(\d{{4}})|/(-?\d{{1,3}}))[ -]?({_HALF_MONTH}(?:[A-HJ-Z](?=\d))?) ?(\d{{1,4}})"
    r"(?:-([A-Z]{1,2}\d?))?(?![\w-]).*",
    re.IGNORECASE,
)
_UNPREFIXED_COMET = re.compile(
    rf"((?:18|19|20|21)\d\d) ?({_HALF_MONTH})(\d{{1,3}})(?:-((?![UVRIL]\b)[A-Z]{{1,2}}\b))?(?!\w)(?:[ (].*)?",
    re.IGNORECASE,
)
_FRAGMENT_BEHIND_NAME = (
    re.compile(  # 73P/Schwassmann-Wachmann 3-B, 332P/Ikeya-Murakami-C; U to L behind letters: filters
        r".*/.*(?:[ \d]-([A-Z]{1,2})|[a-z)]-([A-Z]{2}|(?![UVRIL])[A-Z]))"
    )
)
_SATELLITE_OF_ASTEROID = re.compile(r"S/\d{4}[ (].*\(\d.*|\(\d+\) \d{1,3}")  # S/2005 (134340) 1, not asteroid 134340
_YEAR_AND_MORE = re.compile(  # no number of an asteroid: a broken designation, a date
    rf"(?:1[89]|2[01])\d\d (?:[A-Za-z]{{1,2}}\d.*|{_HALF_MONTH}[A-HJ-Z](?:\W.*)?|[01]?\d[ -][0-3]?\d.*)"
)
LONGEST = 60  # characters of a name
LARGEST_PACKED = 1_000_000  # numbers of asteroids; a tilde before four digits is a mark, rather

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CENTURY = {"I": 18, "J": 19, "K": 20, "L": 21}
_PACKED = re.compile(rf"([CPDXA]?)([IJKL])(\d\d)({_HALF_MONTH})([0-9A-Za-z])(\d)([A-HJ-Za-z0])")
_PACKED_EXTENDED = re.compile(rf"_([A-Z])({_HALF_MONTH})([0-9A-Za-z]{{4}})")
_PACKED_SURVEY = re.compile(r"(PL|T[123])S(\d{4})")
_PACKED_NUMBER = re.compile(r"([A-Za-z])(\d{4})|~([0-9A-Za-z]{4})")


@dataclass(frozen=True)
class Query:
    """One question for Horizons: `command` goes into COMMAND, `kind` says what it asks for, `text` is the name."""

    command: str
    kind: str
    text: str


def queries(text):
    """Return the list of Query to try in order for the name `text`; empty if it names nothing in the Solar System."""
    raw = "" if text is None else str(text).strip()
    name = " ".join(re.sub(r"[;=*\"`\x00-\x1f]", " ", raw.replace("_", " ")).split())
    packed = _packed(raw)
    if packed:
        return [Query(*packed, name)]
    name = re.sub(r"(?i)\.(fits?|fts)(\.\w+)?$", "", name)
    if _DATE.fullmatch(name) or _CALIBRATION.fullmatch(name):
        return []
    possible = [name] if _means_nothing(name) else observernames.readings(name)[: None if len(name) <= LONGEST else 1]
    if any(map(_COUNTED.fullmatch, possible)):
        return []
    for text in possible:
        certain = _designation(text) or _comet(text) or _number(text) or _in_parentheses(text)
        if certain:
            return [Query(certain[0], certain[1], name)]
        if _UNPREFIXED_COMET.fullmatch(text):
            return _unprefixed(text, name)
    if not re.search("[^\\W\\d_]{2}", name) or len(name) > LONGEST or any(map(_means_nothing, possible)):
        return []
    asked = dict.fromkeys(text for text in (name, possible[-1]) if re.search("[^\\W\\d_]{2}", text))
    major = possible[-1] if possible[-1] in asked else name
    return [
        *(Query(f"{text};", NAME, text) for text in asked),
        Query(str(MAJOR_BODIES.get(major.lower(), major)), MAJOR, major),
    ]


def _unprefixed(text, name):
    """Return the Queries for `2022 E3`, which is a comet of either kind: no asteroid has a designation like this."""
    year, half_month, number, fragment = _UNPREFIXED_COMET.fullmatch(text).groups()
    return [Query(*_comet_query(f"{kind}/{year} {half_month.upper()}{int(number)}", fragment), name) for kind in "CP"]


def _means_nothing(name):
    patterns = (_NOT_AN_OBJECT, _CATALOGUE, _COORDINATES, _DATE, _SATELLITE_OF_ASTEROID)
    return any(pattern.fullmatch(name) for pattern in patterns)


def _number(name):
    if re.fullmatch(r"-\d{1,8}", name):  # Horizons counts spacecraft below zero
        return name, MAJOR
    match = _NUMBERED.fullmatch(name)
    if match and int(match[2]) and not _YEAR_AND_MORE.fullmatch(name):
        return f"{int(match[2])};", NUMBER
    return None


def _designation(name):
    bare = name.strip("()")
    match = _PROVISIONAL.fullmatch(bare)
    if match:
        order = f"{int(match[3])}" if match[3].strip("0") else ""
        return f"DES={match[1].upper()} {match[2].upper()}{order};", DESIGNATION
    match = _SURVEY.fullmatch(bare)
    if match:
        return f"DES={match[1]} {match[2].upper()};", DESIGNATION
    return None


def _comet(name):
    match = _NUMBERED_COMET.fullmatch(name)
    if match:
        return _comet_query(f"{match[1]}{match[2].strip().upper()}", match[3], name)
    match = _COMET.fullmatch(name)
    if match:
        year = match[2] or match[3]
        return _comet_query(f"{match[1].upper()}/{year} {match[4].upper()}{int(match[5])}", match[6], name)
    return None


def _comet_query(designation, fragment, name=""):
    """Horizons keeps a comet once per apparition and fragment; CAP takes the last apparition; see horizons.ask."""
    behind = _FRAGMENT_BEHIND_NAME.fullmatch(name)
    fragment = fragment or (behind and (behind[1] or behind[2]))
    if designation[-1] == "I":  # the qualifiers would exclude 1I, which Horizons files under asteroids
        return f"DES={designation};", INTERSTELLAR
    if designation.startswith("A/"):
        return f"DES={designation};", DESIGNATION
    if fragment:
        return f"DES={designation}-{fragment.upper()};CAP", COMET
    return f"DES={designation};NOFRAG;CAP", COMET


def _in_parentheses(name):
    """Horizons itself writes `Hale-Bopp (C/1995 O1)` and `Mars (499)`: the parentheses say more than the name."""
    match = re.fullmatch(r"([^()]*?) ?\(([^()]+)\)", name)
    if not match:
        return None
    if match[2] == str(MAJOR_BODIES.get(match[1].lower())):
        return match[2], MAJOR
    return _designation(match[2]) or _comet(match[2]) or _number(match[2])


def aliases(full_name):
    """Return the commands (set of str) that surely lead to the small body that Horizons calls `full_name`."""
    inside = re.findall(r"\(([^()]+)\)$", full_name)
    found = [
        _number(full_name),
        *(_designation(text) for text in inside),
        *(_comet(text) for text in [full_name, *inside]),
    ]
    return {command for command, kind in filter(None, found) if kind != MAJOR}


def _packed(raw):
    """Read the Minor Planet Center's packed forms, such as J83S00A for 1983 SA and D4340 for number 134340."""
    match = _PACKED.fullmatch(raw)
    if match:
        return _packed_provisional(*match.groups())
    match = _PACKED_EXTENDED.fullmatch(raw)  # more than 15500 discoveries in half a month
    if match:
        cycle, letter = divmod(_base62(match[3]), 25)
        second = "ABCDEFGHJKLMNOPQRSTUVWXYZ"[letter]
        return f"DES={2000 + _base62(match[1])} {match[2]}{second}{cycle + 620};", DESIGNATION
    match = _PACKED_SURVEY.fullmatch(raw)
    if match:
        return f"DES={int(match[2])} {match[1][0]}-{match[1][1]};", DESIGNATION
    match = _PACKED_NUMBER.fullmatch(raw)
    if match:
        number = _base62(match[1]) * 10000 + int(match[2]) if match[1] else 620000 + _base62(match[3])
        return (f"{number};", NUMBER) if number < LARGEST_PACKED else None
    return None


def _packed_provisional(orbit, century, year, half_month, tens, units, last):
    year = f"{_CENTURY[century]}{year}"
    count = 10 * _base62(tens) + int(units)
    if last.isupper():
        order = str(count) if count else ""
        if orbit in ("", "A"):
            return f"DES={year} {half_month}{last}{order};", DESIGNATION
        return _comet_query(f"{orbit}/{year} {half_month}{last}{order}", None)
    if orbit and count:
        return _comet_query(f"{orbit}/{year} {half_month}{count}", None if last == "0" else last)
    return None


def _base62(digits):
    value = 0
    for digit in digits:
        value = 62 * value + _BASE62.index(digit)
    return value
