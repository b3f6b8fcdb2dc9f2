"""Dates and times as headers write them: what a text says of a day, a time of day and a zone, and how finely.

Read are ISO 8601 in its long and short forms, day and month in either order where there is no doubt, months by name,
the old FITS form DD/MM/YY, fractions of days, Julian dates and epochs, times with colons, blanks, dashes or `h m s`.
"""

import re
from dataclasses import dataclass
from datetime import date

SECONDS_PER_DAY = 86400.0
MJD_ZERO = 2400000.5
ORDINAL_ZERO_JD = 1721424.5  # JD of the midnight before the day 0 of datetime.date.toordinal
CENTURY_TURN = 50  # two digits below are of the years 2000
MONTHS = {
    "jan": 1,
    "feb": 2,
    "mar": 3,
    "apr": 4,
    "may": 5,
    "jun": 6,
    "jul": 7,
    "aug": 8,
    "sep": 9,
    "oct": 10,
    "nov": 11,
    "dec": 12,
}
UNIVERSAL = ("z", "ut", "utc", "gmt", "ut1")
ZONES_H = {"z": 0, "ut": 0, "utc": 0, "gmt": 0, "ut1": 0, "hst": -10, "pst": -8, "pdt": -7, "mst": -7, "mdt": -6}
ZONES_H |= {
    "wet": 0,
    "west": 1,
    "bst": 1,
    "cet": 1,
    "mez": 1,
    "cest": 2,
    "mesz": 2,
    "sast": 2,
    "eet": 2,
    "eest": 3,
    "msk": 3,
}
ZONES_H |= {
    "akst": -9,
    "akdt": -8,
    "est": -5,
    "edt": -4,
    "cdt": -5,
    "clt": -4,
    "clst": -3,
    "awst": 8,
    "jst": 9,
    "kst": 9,
    "aest": 10,
    "aedt": 11,
    "nzst": 12,
}
MONTH = r"(?P<month_name>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
SEP = r"\s*[-/.\s_]\s*"
DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<year>\d{4})(?P<sep>\s*[-/.:_]\s*|\s+)(?P<month>\d{1,2})(?P=sep)(?P<day>\d{1,2})(?P<part>\.\d+)?(?![\d:])",
        rf"(?P<day>\d{{1,2}}){SEP}(?P<month>\d{{1,2}}){SEP}(?P<year>\d{{4}})(?!\d)",
        r"(?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>\d{2})(?!\d)",
        rf"(?P<day>\d{{1,2}})[-/.\s]*{MONTH}[-/.\s,]*(?P<year>\d{{4}}|\d{{2}})(?!\d)",
        rf"(?:[a-z]{{3,9}},?\s+)?{MONTH}\s*(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s*,?\s+(?P<year>\d{{4}})(?!\d)",
        rf"(?P<year>\d{{4}})[-/.\s]*{MONTH}[-/.\s]*(?P<day>\d{{1,2}})(?P<part>\.\d+)?(?!\d)",
        r"(?P<year>1[89]\d\d|2[01]\d\d)(?P<month>\d\d)(?P<day>\d\d)(?P<part>\.\d+)?(?!\d)",
    )
)
ASCTIME = re.compile(
    rf"(?:[a-z]{{3}}\s+)?{MONTH}\s+(?P<day>\d{{1,2}})\s+(?P<clock>\d\d?:\d\d:\d\d(?:\.\d*)?)\s+(?P<zone>[a-z]{{2,4}}\s+)?"
    r"(?P<year>\d{4})",
    re.IGNORECASE,
)
CLOCK = re.compile(
    r"(?P<h>\d{1,2})(?:\s?[:h]\s?|\s+|-|(?=\d{4}(?!\d)))(?P<m>\d{1,2})"
    r"(?:(?:\s?[:m'-]\s?|\s+|(?<=\d{4}))(?P<s>\d{1,2}(?:\.\d*)?)?\s?(?:s|\")?)?\s*(?P<half>[ap]\.?m\.?)?",
    re.IGNORECASE,
)
ZONE = re.compile(
    r"\(?(?:utc?|gmt)?\s*(?P<sign>[+-])(?P<zh>\d{1,2}):?(?P<zm>\d{2})?\)?|\(?(?P<name>[a-z][a-z1]{0,3})\)?",
    re.IGNORECASE,
)
ZONE_WORD = re.compile(
    rf"\b({'|'.join(name.upper() for name, zone in ZONES_H.items() if name not in (*UNIVERSAL, 'hst'))})\b"
)
ZONE_OFFSET = re.compile(r"\b(?:UTC?|GMT) ?([+-]) ?(\d{1,2})(?::?(\d{2}))?\b(?![-:.\d])")
UNIVERSAL_SAID = re.compile(r"\b(UTC?|GMT|universal)\b", re.IGNORECASE)
EPOCH = re.compile(r"(?P<kind>[JB])\s?(?P<year>1[89]\d\d|2[01]\d\d)(?P<part>\.\d{3,})")
JULIAN = re.compile(r"(?:M?JD\s*)?(?P<jd>24\d{5}|[4-7]\d{4})(?P<part>\.\d{3,})")


@dataclass(frozen=True)
class Reading:
    """What a text says: midnight of its day (JD), seconds of the day, zone (h ahead of UTC); None for what is missing.

    step_s : by how much what it says may be off for want of digits
    """

    day_jd: float | None
    seconds: float | None
    zone_h: float | None = None
    step_s: float = 0.0

    @property
    def jd(self) -> float | None:
        """The Julian date, without the zone; None where day or time of day is missing."""
        if self.day_jd is None or self.seconds is None:
            return None
        return self.day_jd + self.seconds / SECONDS_PER_DAY


def read(text: object) -> Reading:
    """Return the Reading of a text that holds a date, a time of day, or both.  Raises ValueError for anything else."""
    whole = re.sub(r"(?<=\d),(?=\d)", ".", str(text).strip())
    number = EPOCH.fullmatch(whole) or JULIAN.fullmatch(whole)
    if number:
        return _julian(number)
    reordered = ASCTIME.fullmatch(whole)
    if reordered:
        part = reordered.groupdict("")
        whole = f"{part['day']} {part['month_name']} {part['year']} {part['clock']} {part['zone']}".strip()
    day_jd, fraction, rest = _date(whole)
    rest = re.sub(r"^\s*[T_,;.-]?\s*", "", rest, flags=re.IGNORECASE) if day_jd is not None else rest
    if fraction:
        if rest:
            raise ValueError(f"{text!r} has a fraction of the day and a time of day")
        digits = len(fraction) - 1
        return Reading(day_jd, float(fraction) * SECONDS_PER_DAY, None, SECONDS_PER_DAY * 10.0**-digits)
    if not rest:
        if day_jd is None:
            raise ValueError(f"{text!r} is not a date")
        return Reading(day_jd, None)
    seconds, zone_h, step_s = _time(rest, text)
    return Reading(day_jd, seconds, zone_h, step_s)


def zone_said(comment: str) -> float | None:
    """Return the hours by which a clock is ahead of UTC if a comment says `CET` or `UTC+1`, None if it does not."""
    offset = ZONE_OFFSET.search(comment)
    if offset:
        hours = int(offset[2]) + int(offset[3] or 0) / 60
        return -hours if offset[1] == "-" else hours
    word = None if UNIVERSAL_SAID.search(comment) else ZONE_WORD.search(comment)
    return float(ZONES_H[word[1].lower()]) if word else None


def other_day(text: object) -> float | None:
    """Return JD of the midnight that a date such as 03/04/2023 means if its first number is the month, not the day.

    With a time in the American way (PM) the month is read first, and it is the other way round.  None where both orders
    mean the same, where the second number can be no day, and for the old FITS form DD/MM/YY.
    """
    found = DATES[1].match(re.sub(r"(?<=\d),(?=\d)", ".", str(text).strip()))
    day, month = (int(found["day"]), int(found["month"])) if found else (0, 0)
    if not found or day == month or not (1 <= day <= 12 and 1 <= month <= 12):
        return None
    if is_american(text):
        day, month = month, day
    return _midnight(int(found["year"]), day, month, str(text))


def is_american(text: object) -> bool:
    """Return whether a text has its time of day with AM or PM behind it, and so the month first, as a rule."""
    return bool(re.search(r"\d\s*[ap]\.?m\.?\b", str(text), re.IGNORECASE))


def _julian(found: re.Match[str]) -> Reading:
    digits = len(found["part"]) - 1
    if "kind" in found.groupdict():
        from astropy.time import Time  # slow to load, and hardly ever needed here

        time = Time(f"{found['kind'].upper()}{found['year']}{found['part']}", scale="tai")
        jd, step_s = float(time.jd), 365.25 * SECONDS_PER_DAY * 10.0**-digits
    else:
        jd, step_s = float(found["jd"] + found["part"]), SECONDS_PER_DAY * 10.0**-digits
        jd += MJD_ZERO if jd < MJD_ZERO else 0.0
    day = (jd - 0.5) // 1 + 0.5
    return Reading(day, (jd - day) * SECONDS_PER_DAY, None, step_s)


def _date(text: str) -> tuple[float | None, str, str]:
    """Return (JD of midnight or None, fraction of the day as text, what stands behind the date)."""
    for pattern in DATES:
        found = pattern.match(text)
        if found:
            part = found.groupdict("")
            month = MONTHS[part["month_name"].lower()] if part.get("month_name") else int(part["month"])
            day = int(part["day"])
            if (
                found.start("day") == 0
                and not part.get("month_name")
                and day <= 12
                and (month > 12 or is_american(text))
            ):
                month, day = day, month  # as Americans write it
            return _midnight(int(part["year"]), month, day, text), part.get("part", ""), text[found.end() :]
    return None, "", text


def _midnight(year: int, month: int, day: int, text: str) -> float:
    if year < 100:
        year += 2000 if year < CENTURY_TURN else 1900
    if not 1800 <= year < 2200:
        raise ValueError(f"{text!r} has no year of four digits")
    try:
        return date(year, month, day).toordinal() + ORDINAL_ZERO_JD
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None


def _time(rest: str, text: object) -> tuple[float, float | None, float]:
    """Return (seconds of the day, zone in h or None, step in s).  Raises ValueError."""
    found = CLOCK.match(rest)
    behind = rest[found.end() :].strip() if found else ""
    zone = ZONE.fullmatch(behind) if behind else None
    if not found or (behind and not zone):
        raise ValueError(f"{text!r} is not a time of day")
    hour, minute, second = int(found["h"]), int(found["m"]), float(found["s"] or 0)
    if found["half"]:
        hour = hour % 12 + (12 if found["half"].lower().startswith("p") else 0)
    of_day = hour * 3600 + minute * 60 + second
    if not (hour < 24 and minute < 60 and second < 61) and of_day != SECONDS_PER_DAY:
        raise ValueError(f"{text!r} is not a time of day")
    step_s = 10.0 ** -len(found["s"].partition(".")[2]) if found["s"] else 60.0
    return of_day, _zone_h(zone, text), step_s


def _zone_h(zone: re.Match[str] | None, text: object) -> float | None:
    if zone is None:
        return None
    if zone["sign"]:
        hours = int(zone["zh"]) + int(zone["zm"] or 0) / 60
        return -hours if zone["sign"] == "-" else hours
    if zone["name"].lower() not in ZONES_H:
        raise ValueError(f"{text!r}: {zone['name']} is not a known zone")
    return float(ZONES_H[zone["name"].lower()])
