"""What observers put around the name of a body: marks and kinds in front, filters, exposures and counters behind."""

import re

MARKS = re.compile(r"^[\s~#!@+>\[<\"'.,:-]+(?=[\w(])|[\s.,:!?#@+>\]<\"'*-]+$")
KINDS = re.compile(
    r"^(?:(?:asteroid|minor ?planet|planetoid|number|n[or]\.?|mpc|comet|"
    r"ast|mp|neo|nea|pha|mba|tno|kbo|target|object|obj|lights?|science|sci|stack|"
    r"tracking)"
    r"(?:[\s:#-]+(?=\S)|(?=\d))|a(?=(?:\d{1,3}|\d{5,6})$))",
    re.IGNORECASE,
)
SETS = r"(?:sdss|sloan|ps1?|panstarrs|bessell?|johnson|cousins|harris|astrodon|baader|gunn)"
FILTERS = (
    rf"(?:{SETS}[ -]?)?(?:[UBVRIugrizywLCGHSO]|[VRI]c|[ugriz]['ps]|Ha|H-?alpha|OIII|SII|Lum(?:inance)?|Red|Green|Blue)"
    rf"(?:[ -]?(?:{SETS}|band|filter))?|clear|cl|open|no ?filter|unfiltered|white|exo|IR-?cut|LP"
)
WORDS = (
    r"lights?|science|sci|stack(?:ed)?|subs?|series|tracking|tracked|copy|final|cal(?:ibrated)?|red(?:uced)?|wcs|solved|"
    r"east|west|north|south|neo|nea|pha|ast(?:eroid)?|comet|(?:seq|run|night|set|part|field|frame|img|image|no|nr|n|x|visit|"
    r"epoch|test|gain|iso|bin|binning|pos|chip|ccd)[ #]?\d*"
)
NUMBERS = (
    r"\d*x?\d+(?:\.\d+)?\s?(?:s|secs?|seconds?|ms|m|min|minutes?)|\d+x\d+(?:\.\d+)?|#?\d{1,8}|(?:19|20)\d\d-\d\d?-\d\d?|"
    r"-?\d+(?:\.\d+)?C|bin\dx\d|x\d+"
)
APPENDED = re.compile(rf"(?P<kept>.*?\S)(?:[\s,.@/]+|-)(?:{NUMBERS}|(?i:{WORDS})|{FILTERS}|(?i:{SETS}[ -]?[ugriz]))")
GLUED = re.compile(r"((?:18|19|20|21)\d\d[ -]?[A-HJ-Ya-hj-y][A-HJ-Za-hj-z]\d{1,4})[A-Za-z]$|(\d{3,7})[BVRILCgriz]$")
NUMBER_AND_NAME = re.compile(r"^\(?(\d{1,8})\)?\s*[-/:.]?\s*(?=[^\W\d_](?!\d)[^\W\d_]{2})(?!(?:sec|min)\b)")
NUMBERED_COMET_FRAGMENT = re.compile(r"(0*\d{1,4} ?[PD])[ /](?:-)?((?!SW|GZ|TB)[A-HJ-Z]{2}|[ADEFMNPQTX])(?=$| )")
FRAGMENTS_OF_73P = re.compile(r"(0*73 ?P)[ /]([BCG])(?=$| )")
MOST_STEPS = 8


def readings(name):
    """Return the texts (list) that `name` may mean: itself, then without what observers put around it, step by step."""
    found = [_with_fragment(name)]
    text = _cleaned(name)
    for _ in range(MOST_STEPS):
        found.append(text)
        match = APPENDED.fullmatch(text)
        shorter = match["kept"] if match else text
        glued = GLUED.match(shorter)
        shorter = _cleaned((glued[1] or glued[2]) if glued else shorter)
        if shorter == text or not shorter:
            break
        text = shorter
    return list(dict.fromkeys(found))


def _cleaned(text):
    """Return a text without marks around it and kinds in front; a fragment of a comet gets its hyphen."""
    for _ in range(3):
        text = KINDS.sub("", MARKS.sub("", text)).strip()
    text = re.sub(r"^\(([^()]*)$", r"\1", text)
    text = NUMBER_AND_NAME.sub(r"\1 ", text)
    return _with_fragment(text)


def _with_fragment(text):
    """Return the name of a comet with a hyphen before the letters of its fragment."""
    return FRAGMENTS_OF_73P.sub(r"\1-\2", NUMBERED_COMET_FRAGMENT.sub(r"\1-\2", text))


def agrees(asked, found):
    """Return whether the name that was asked for is one that `found`, the full name of a body, contains."""
    own = re.sub(r"^\d+ ", "", found)
    words = re.findall(r"[^\W_]+", asked.casefold())
    return bool(words) and set(words) <= set(re.findall(r"[^\W_]+", own.casefold()))


def unlike(asked, found):
    """Return the words of a numbered body's name, as asked for, that its full name does not have (list of str)."""
    words = re.findall(r"[A-Z][^\W\d_]{3,}", asked)
    behind = set(re.findall(r"[^\W\d_]+", found.casefold()))
    return [word for word in words if word.casefold() not in behind]
