"""Which band the name of a filter stands for, in the ways that observatories and capture programs write it."""

import re

SLOAN_SETS = r"(?:sdss|sloan|ps1?|pan-?starrs|(?:thuan[- ]?)?gunn|hsc|des|decam|lsst|ztf)"
BOTH_SETS = r"(?:astrodon|baader|chroma|optolong|asahi)"  # sold in both systems: the letter's case tells
JOHNSON_SETS = (
    r"(?:johnson|john|bessell?|bess?|cousins?|kron|harris|mould|jc|ubvri|custom|phot(?:ometric)?"
    rf"|{BOTH_SETS})"
)
JOHNSON_ALONE = r"(?:johnson|john|bessell?|bess?|cousins?|kron|harris|mould)"  # no other system has the name
BAND_WORD = r"(?:[-_ ]*(?i:band|filter))?"
BEHIND = r"(?:[-_ #(/,;].*)?"  # serial numbers, wavelengths, names of sets
RULES = (  # pattern on the name without blanks at its ends, its system; the first that fits counts
    (
        re.compile(
            rf"(?i:{BOTH_SETS}[-_ ]+)?(?i:{SLOAN_SETS}|{BOTH_SETS})[-_ ']*([ugrizy])(?:[-_ ]?prime|['p2+]|'2)?"
            rf"{BAND_WORD}(?: ?[#(].*)?"
        ),
        "sloan",
    ),
    (re.compile(rf"(?i:{SLOAN_SETS})[-_ ']*([UGRIZY])(?:[-_ ]?prime|['p2+])?{BAND_WORD}"), "sloan"),
    (re.compile(rf"([UGRIZY])[-_ ](?i:{SLOAN_SETS}){BEHIND}"), "sloan"),
    (re.compile(rf"([ugrizy])['p]?[-_ (]*(?i:{SLOAN_SETS}|{BOTH_SETS}){BEHIND}\)?.*"), "sloan"),
    (re.compile(rf"([ugrizy])(?:['ps2+]|'2|[-_ ]?prime|[-_]s)?{BAND_WORD}"), "sloan"),
    (re.compile(r"([ugrizy])\.MP\d+|([ugrizy])_G\d{4}.*|p([ugrizy])"), "sloan"),
    (re.compile(r"S([GRIZU])"), "sloan"),
    (re.compile(r"([grizy])\.0+"), "sloan"),
    (re.compile(r"W-S-([GRIZ])\+?"), "sloan"),
    (re.compile(r"W-[JC]-([UBVRI])C?"), "johnson"),
    (
        re.compile(rf"(?i:{JOHNSON_SETS}[-_/ ]*{JOHNSON_SETS}?)[-_ ]*\(?([UBVRI])c?\)?{BAND_WORD}{BEHIND}"),
        "johnson",
    ),
    (re.compile(rf"(?i:{JOHNSON_ALONE})[-_/ ]*([ubvri])c?{BAND_WORD}"), "johnson"),
    (re.compile(rf"([UBVRI])[-_ ]*[cjJ]?{BAND_WORD}|([RI])C{BAND_WORD}"), "johnson"),  # BC, UC: of comets
    (re.compile(rf"([UBVRI])c?[-_ (/\[]*(?i:{JOHNSON_SETS}).*"), "johnson"),
    (re.compile(r"([UBVRI])_(?i:special)|([bv])_HIGH"), "johnson"),  # of FORS
    (re.compile(r"([UBVRI]) ?#\d+|([UBVRI])[-_ ]\d{3,4}([-_/]\d+)?"), "johnson"),
    (re.compile(rf"(?i:2mass|ukirt|mko|ukidss)?[-_ ]*(J|H|Ks|K){BAND_WORD}"), "infrared"),
)
H_ALPHA = r"h[-_ ]?(?:a|alpha|\u03b1)(?:[^a-z].*|o-?iii.*|s-?ii.*|n-?ii.*)?"
NO_BAND = re.compile(
    r"(?i)|-|c|cv|cr|vis|astro|dual|l|w|lum(inance)?|clear|none|no[-_ ]?filter|open|empty|blank|air|white|free|ir-?cut|"
    r"lp|uv/?ir.*|wl|exo.*|"
    rf"cbb|{H_ALPHA}|o-?iii.*|s-?ii.*|n-?ii.*|s|o|duo-?band|l-?(pro|enhance|extreme)|dark|<no[-_ ]filter>|i\+z"
)
COLOURS = {"G": "V", "GREEN": "V", "TG": "V", "B": "B", "BLUE": "B", "TB": "B", "R": "R", "RED": "R", "TR": "R"}
TRICOLOUR = ("TG", "TB", "TR")  # of cameras with a mask of colours, as the AAVSO calls them
NARROW = {"S", "O", "SII", "OIII", "S2", "O3"}


def guess(name, others=()):
    """Return (band or None, doubt or '') for the `name` of a filter as a header has it.

    others : names of other filters of the camera; a set of L, R, G, B means colours for pictures, not bands, and an H
        beside S and O is H alpha
    """
    name = str(name).strip()
    wheel = {str(other).strip().upper() for other in others}
    name = re.sub(r"^(?i:filter|filt|band)[-_ :=]+(?=\D)", "", name)
    if name in ("u", "y") and {str(other).strip() for other in others} & {"v", "b"}:
        return None, f"{name!r} beside v and b is that of Stroemgren: magnitudes stay instrumental"
    if name.upper() in COLOURS and name != "g" and (name.upper() not in ("R", "B") or _pictures(wheel)):
        band = COLOURS[name.upper()]
        return band, f"{name!r} is taken to be a filter for colour pictures; {band} is the nearest band"
    if name == "H":
        return _h(wheel)
    if NO_BAND.fullmatch(name):
        return None, ""
    for pattern, system in RULES:
        found = pattern.fullmatch(name)
        if found:
            band = next(group for group in found.groups() if group)
            band = {"sloan": band.lower(), "johnson": band.upper()}.get(system, band)
            if name == "R" and not others:
                return band, "'R' may be the red filter of a set for colour pictures"
            return band, ""
    return None, f"{name!r} is not the name of a known band: magnitudes stay instrumental"


def _h(wheel):
    """Return what `guess` does for a filter `H`: H alpha in a set for pictures, else the near infrared, perhaps."""
    if wheel & (NARROW | {"L", "LUM", "LUMINANCE"}):
        return None, ""
    if wheel & {"J", "K", "KS"}:
        return "H", ""
    return "H", "'H' may be H alpha or the near-infrared band"


def is_clear(name):
    """Return whether the name of a filter surely stands for none, so that another wheel may hold one."""
    return guess(name) == (None, "")


def _pictures(wheel):
    return bool(wheel & {"G", "GREEN", "L", "LUM", "LUMINANCE"}) and "V" not in wheel
