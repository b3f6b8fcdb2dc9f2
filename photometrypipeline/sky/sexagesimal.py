"""Angles and hours in three parts, in the dialects that headers have: read whole, or not at all."""

import re

DEGREE = r"(?:deg\.?|hours?|hrs?|[:h_ d\u00b0\u00ba*?/-])"
MINUTE = r"(?:arcmin|min\.?|[:m_ '\u2032/?-])"
SECOND = r"(?:arcsec|sec\.?|[s \"'\u2033?])"
PARTS = re.compile(  # ++ and *+ never try another way: fifty blanks would have more ways than anybody can wait for
    rf"(?P<sign>[-+]?)\s*(?P<first>\d{{1,3}})(?:{DEGREE}|\s)++"
    rf"(?P<second>\d{{1,2}}(?:\.\d*)?)(?:(?:{MINUTE}|\s)++(?:(?P<third>\d{{1,2}}(?:\.\d*)?)"
    rf"(?:{SECOND}|\s)*+)?)?\s*(?P<side>[NSEW])?",
    re.IGNORECASE,
)
COMPACT = re.compile(r"(?P<sign>[-+]?)(?P<first>\d{2,3})(?P<second>\d{2})(?P<third>\d{2}(?:\.\d*)?)(?P<side>)")
J2000 = re.compile(r"(?:\s+\(?|\(|(?=J))(?:J ?)?2000(?:\.0*)?\)?\s*$|^\s*J ?2000(?:\.0*)?\s+", re.IGNORECASE)
INNER_SIGN = re.compile(r"\d\s*[:hd\u00b0 ]\s*-\s*\d", re.IGNORECASE)
MOST_DECIMAL = 360.0  # larger numbers are no degrees: their digits are hours or degrees, minutes and seconds


def read(text: str) -> float | None:
    """Return a text in parts (`12:34:56.7`, `+20d06m07s`, `12 34.5`, `200607S`) as float, None if it is none.

    The value is in the unit of the first part; South and West count below zero.
    """
    plain = J2000.sub("", re.sub(r"(?<=\d),(?=\d)", ".", str(text).strip()))
    side = re.fullmatch(r"([^hdm]*?)\s*([NSEW])", plain, re.IGNORECASE)  # behind h, d or m an S would be seconds
    if side:
        size = read(side[1])
        return size if size is None or side[2].upper() in "NE" else -size
    found = PARTS.fullmatch(plain) or (COMPACT.fullmatch(plain) if _too_large(plain) else None)
    if not found:
        return None
    minutes, seconds = found["second"], found["third"]
    if "." in minutes and seconds or not (float(minutes) < 60 and float(seconds or 0) <= 60):
        return None
    if found["side"] in ("s", "S") and re.search("[hdHD]", plain):  # `20h 30s` has no minutes
        return None
    size = int(found["first"]) + float(minutes) / 60 + float(seconds or 0) / 3600
    if INNER_SIGN.search(plain) and found["sign"] != "-":
        return -size if int(found["first"]) == 0 else None  # `00:-14:30`, or nonsense
    below = (found["sign"] == "-") != ((found["side"] or "").upper() in ("S", "W"))
    return -size if below else size


def _too_large(text: str) -> bool:
    digits = re.match(r"[-+]?(\d+)", text)
    return digits is not None and float(digits[1]) > MOST_DECIMAL
