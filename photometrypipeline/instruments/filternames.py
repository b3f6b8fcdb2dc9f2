"""Which band the name of a filter stands for, in the ways that observatories and capture programs write it."""

import re

SETS = r"(sdss|sloan|ps1?|pan-?starrs|gunn|astrodon|baader)"
JOHNSON_SETS = r"(johnson|john|bessell?|bes|cousins?|kron|harris|jc|astrodon|baader|custom)"
RULES = (  # pattern on the name without blanks at its ends, band as a group or a text; the first that fits counts
    (re.compile(rf"(?i:{SETS})[-_ ']*([ugrizy])(?:[-_ ]?prime|['p2])?", 0), 2),
    (re.compile(rf"(?i:{SETS})[-_ ']*([UGRIZY])(?:[-_ ]?prime|['p2])?", 0), 2),
    (re.compile(rf"([ugrizy])[-_ ']*(?i:{SETS}).*"), 1),
    (re.compile(r"([ugrizy])(?:['p]|[-_ ]?prime)?"), 1),
    (re.compile(r"([ugriz])(?:s|\.MP\d+)"), 1),
    (re.compile(r"S([GRIZU])"), 1),
    (re.compile(rf"(?i:{JOHNSON_SETS})[-_ ]*([UBVRI])c?"), 2),
    (re.compile(rf"([UBVRI])[-_ ]*(?:c|j|(?i:{JOHNSON_SETS}).*)?"), 1),
    (re.compile(r"(J|H|Ks|K)(?:[-_ ]?band)?"), 1),
)
NO_BAND = re.compile(
    r"(?i)|-|c|l|w|lum(inance)?|clear|none|no ?filter|open|empty|air|white|free|ir-?cut|lp|uv/?ir.*|wl|exo.*|cbb|"
    r"h-?(a|alpha).*|o-?iii.*|s-?ii.*|n-?ii.*|duo-?band|l-?(pro|enhance|extreme)|dark|<no filter>|i\+z"
)
TRICOLOUR = ("TG", "TB", "TR")  # of cameras with a mask of colours, as the AAVSO calls them
COLOURS = {"G": "V", "GREEN": "V", "TG": "V", "B": "B", "BLUE": "B", "TB": "B", "R": "R", "RED": "R", "TR": "R"}


def guess(name, others=()):
    """Return (band or None, doubt or '') for the `name` of a filter as a header has it.

    others : names of other filters of the camera; a set of L, R, G, B means colours for pictures, not bands
    """
    name = str(name).strip()
    of_pictures = name.upper() in COLOURS and (name.upper() not in ("R", "B") or _pictures(others))
    if of_pictures:
        band = COLOURS[name.upper()]
        return band, f"{name!r} is taken to be a filter for colour pictures; {band} is the nearest band"
    if NO_BAND.fullmatch(name):
        return None, ""
    for pattern, group in RULES:
        found = pattern.fullmatch(name)
        if found:
            band = found[group]
            is_johnson = "JOHNSON" in pattern.pattern.upper() or "UBVRI" in pattern.pattern
            if not is_johnson and band not in ("J", "H", "K", "Ks"):
                band = band.lower()
            if name == "R" and not others:
                return band, "'R' may be the red filter of a set for colour pictures"
            return band, ""
    return None, f"{name!r} is not the name of a known band: magnitudes stay instrumental"


def _pictures(others):
    names = {str(other).strip().upper() for other in others}
    return bool(names & {"G", "GREEN", "L", "LUM", "LUMINANCE"}) and "V" not in names
