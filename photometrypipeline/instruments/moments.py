"""Moments that a header names: when its exposure began, was half over or ended, or when its file was made.

Which of these a card means is told by its comment, else by its name (FITS standard 4.0, section 9: BEG, AVG, END), else
it is the start.  Times on other scales (TIMESYS, or as a comment says) are turned into UTC; local ones are not.
"""

import re
from dataclasses import dataclass, replace

from photometrypipeline.instruments import values
from photometrypipeline.sky import dates, times

START, MIDDLE, END, MADE = "start", "middle", "end", "made"
JULIAN = re.compile(
    r"(OBS|X|MID|MEAN|EXP|AVG)?[-_]?M?JD([-_]?(OBS|UTC?|S?TART?|STR|STA|BEG|S?OBS|MID|MEAN|AVG|END|STOP|GEO|UTCSTA?|TAI|TT|TDB|GPS))?"
    r"|JULDATE?|JULIAN(DA?T?E?)?|MJDATE|MJDSTART|MJDEND|MJDMID|EXPSTART|EXPEND|EXPMID"
)
CLOCK = re.compile(
    r"(UT|UTC|GMT|TIME|TM|EXP|SHUT)[-_]?(OBS|START|STA|STRT|STR|BEG|SHUT|OPEN|MID|MIDDLE|AVG|END|STOP|CLOSE|FIN)"
    r"|(UT|UTC|GMT)([-_]?(TIME|DATE))?|MID[-_]?(TIME|UT)|TIME|OBS[-_]?TIME|UTIME|STARTTIM|START|STOP|OPENTIME?|CLOSETIM"
)
START_DATE = (
    "DATE-OBS", "DATE_OBS", "DATE-BEG", "DATEOBS", "OBSDATE", "DATE-STA", "DATE_UTC", "DATE-UTC", "UT-DATE", "UTDATE",
    "UT_DATE", "OBS-DATE", "OBS_DATE",
)  # fmt: skip
OF_EXPOSURE = re.compile(
    r"(DATE|UT|UTC|GMT|TIME|TM|EXP|OBS|SHUT|T)[-_]?(OBS|BEG|START|STA|STR|AVG|MID|MEAN|END|STOP|UTC|OPEN|CLOSE)"
    r"|DATE[-_]?TIME|UTC?|OBSDATE|UT-DATE|UTC-EXP|GPS[-_]?(UP|START|ST|SU|SUTC|END|ED|EU|EUTC)|MEANTIME|OPENSHUT|OPENTIME?|CLOSETIM|DATE-HP"
)
COMMENTS = (  # what a comment says, the first that fits counts
    (END, r"\b(start|begin\w*|time|end|at) (of )?(the )?(image |sensor |ccd )?read-?out\b|\bread-?out (start|begin)"),
    (
        MIDDLE,
        r"\bmid(?!night|day)[- ]?\w*|\bmiddle\b|\bhalf-?way\b|\b(mean|average) (time|date|epoch|observ|exp|ut|jd|mjd)|"
        r"\bcent(er|re) of (the )?(expos|integration|observation|image|frame|shutter)|\bexposure cent(er|re)\b|"
        r"\b(time|utc?|date) (at|of) (the )?cent(er|re)\b|"
        r"\bmilieu d(e |')|\bmitte (de[rs]|aufnahme|belichtung)\b|\b(mitad|medio) de|"
        r"\bmet(a|\u00e0) (dell|posa|esposizione)",
    ),
    (
        START,
        r"\bstart|\bbegin|\bbegan|\bbegun|\bopen(ed|s|ing)?\b|\bonset\b|\bcommence|"
        r"\bd(e|\u00e9)but d(e |')|\banfang de[rs]\b|\binicio de|\binizio (dell|posa|esposizione)",
    ),
    (
        END,
        r"\bend(s|ed|ing)?\b|\bstop|\bfinish|\bshutter\b.*\bclos|\bclos\w* .*\bshutter|\breceived|\bgrabbed|\barriv|"
        r"\bfin(al)? d(e |')|\bende (de[rs]|aufnahme|belichtung)\b|\bfine (dell|posa|esposizione)|"
        r"\btime of (image )?download",
    ),
    (
        MADE,
        r"\bcreat(ed|ion)|\bgenerated|\b(file|image|frame|fits|header)\b.*\bwritten|\bwritten (at|on)\b|\bsaved\b|"
        r"\bfile (date|time)",
    ),
)
DENIED = re.compile(r"\bnot (the |at |of )?\w+", re.IGNORECASE)  # by a comment: start, not middle
NAMES = (
    (MIDDLE, r"MID|AVG|MEAN"),
    (END, r"END$|STOP|FIN$|CLOS|-ED$|^GPS[-_]?E"),
    (START, r"BEG|STA|STR|OPEN|SOBS|^GPS[-_]?S"),
    (MADE, r"^DATE$"),
)
NOT_THE_OBSERVER = re.compile(r"helio|bary|\b[HB]JD\b", re.IGNORECASE)
NO_MOMENT = re.compile(r"^_|HJD|BJD|HELJD|^MIDTIMJD$|^COMBOJD$|EQUINOX|REL|PUB|RELEASE|PROC")
LOCAL_NAME = re.compile(r"LOC[-_]?TIME|(DATE|TIME|UT)[-_]?LOC|^LT$|^LT-OBS|^LC-|LOCAL|LMT")
UTC_NAME = re.compile(r"UT|GMT|^DATE-BEG$")
SCALE_SAID = re.compile(r"\b(TAI|TDT|TDB|TT)\b")
SCALE_NAMED = re.compile(r"[-_](TAI|TDB|TDT|TT|GPS)$")
OURS = "PP: taken from"  # comment of a time that was put there for a camera that nobody has described
DATE_AND_TIME = re.compile(r"\d[-/.: ]\w.*\d[:h ]\d|\d{8}T\d{4}|[-/ .a-z]\d{1,2}\.\d{3,}\s*$", re.IGNORECASE)
OF_DAY = re.compile(r"TM[-_]")  # clocks that ESO's old headers give in seconds of the day
NEAR_MIDNIGHT_S = 1800.0  # an exposure that began at midnight may have other times as near to it
EARLIEST_JD, LATEST_JD = 2415020.0, 2488070.0  # 1900 to 2100


@dataclass(frozen=True)
class Moment:
    """One moment that a header names: `jd` (UTC, or as written where `says` is local), its keyword or two with | .

    says : utc, local, zone (one stands behind it) or nothing;  kind : START, MIDDLE, END or MADE, `told` by a comment
    or a name that leaves no doubt;  step_s : by how much it may be off for want of digits
    of_exposure : whether it is one of this exposure, and not of a block, a guider, a release
    """

    jd: float
    keyword: str
    says: str
    kind: str = START
    told: bool = False
    step_s: float = 0.0
    of_exposure: bool = True


def read(header):
    """Return all Moments (list) that a fits.Header names, also local ones."""
    found = []
    for card in header.cards:
        name, value = card.keyword, card.value
        if name and not NO_MOMENT.search(name) and not isinstance(value, bool | complex | type(None)):
            moment = _of_card(header, name, value, str(card.comment))
            if moment:
                found.append(moment)
    return found + _apart(header)


def _of_card(header, name, value, comment):
    if JULIAN.fullmatch(name):
        return julian(header, name)
    text = str(value)
    if not DATE_AND_TIME.search(text):
        return None
    try:
        reading = dates.read(text)
    except ValueError:
        return None
    if reading.jd is None or _is_day_alone(header, reading):
        return None
    return _moment(header, name, reading, comment)


def _is_day_alone(header, reading):
    """Return whether a date at midnight is one without a time of day, which stands in another keyword."""
    if reading.seconds != 0 or reading.zone_h is not None:
        return False
    clocks = [clock_of(header, name) for name in header if CLOCK.fullmatch(name) and not _whole(header[name])]
    return any(
        NEAR_MIDNIGHT_S < clock.seconds < dates.SECONDS_PER_DAY - NEAR_MIDNIGHT_S
        for clock in clocks
        if clock and clock.seconds is not None
    )


def julian(header, name):
    """Return the Moment of a card with a Julian date (MJD below 2400000.5), None if it holds none, or a day alone."""
    comment = header.comments[name]
    jd = values.number(header[name])
    if NOT_THE_OBSERVER.search(comment) or not jd > 0:
        return None
    jd = jd + times.MJD_ZERO if jd < times.MJD_ZERO else jd
    digits = len(str(header[name]).upper().partition("E")[0].partition(".")[2])
    if not EARLIEST_JD < jd < LATEST_JD or digits < 3 or jd % 1 == 0.5:
        return None
    kind, told = kind_of(name, comment)
    jd = times.utc_of(jd, _scale_of(header, name, comment))
    says = "local" if _is_local(header, name, comment) else "utc"
    return Moment(jd, name, says, kind, told, dates.SECONDS_PER_DAY * 10.0 ** -min(digits, 12))


def _moment(header, name, reading, comment, jd=None, keyword=None):
    """Return the Moment of a Reading, with its zone and its scale taken off."""
    jd = reading.jd if jd is None else jd
    if reading.zone_h is None:
        reading = replace(reading, zone_h=dates.zone_said(comment))
    says = _says(header, name, reading, comment)
    if says == "zone":
        jd -= reading.zone_h / 24
    jd = times.utc_of(jd, _scale_of(header, name, comment)) if reading.zone_h is None else jd
    kind, told = kind_of(name, comment)
    known = bool(OF_EXPOSURE.fullmatch(name)) or bool(
        re.search(r"expos|observ|integration|shutter|frame", comment, re.I)
    )
    return Moment(float(jd), keyword or name, says, kind, told, reading.step_s, known)


def _says(header, name, reading, comment):
    if reading.zone_h is not None:
        return "zone"
    if _is_local(header, name, comment):
        return "local"
    return "utc" if UTC_NAME.search(name) or dates.UNIVERSAL_SAID.search(comment) else "nothing"


def _is_local(header, name, comment):
    if LOCAL_NAME.search(name) or re.search(r"\blocal\b(?! sidereal)", comment, re.IGNORECASE):
        return True
    plain = not (UTC_NAME.search(name) or dates.UNIVERSAL_SAID.search(comment))
    return plain and str(header.get("TIMESYS", "")).strip().upper() in ("LOCAL", "LT", "LMT", "ZONE")


def _scale_of(header, name, comment):
    """Return the time scale of a card: that of its name, of its comment, or TIMESYS."""
    named = SCALE_NAMED.search(name) or SCALE_SAID.search(comment)
    if named:
        return named[1]
    if UTC_NAME.search(name) or dates.UNIVERSAL_SAID.search(comment) or comment.startswith(OURS):
        return "UTC"
    found = re.match(r"\s*([A-Z]+)", str(header.get("TIMESYS", "")).upper())
    return found[1] if found else "UTC"


def kind_of(name, comment):
    """Return (kind, told) of a keyword: what moment it means, and whether its comment or its name say so."""
    if comment.startswith(OURS):  # a start, whatever the keywords that it names mean
        return START, False
    said = DENIED.sub("", comment)
    for kind, pattern in COMMENTS:
        if re.search(pattern, said, re.IGNORECASE):
            return kind, True
    for kind, pattern in NAMES:
        if re.search(pattern, name):
            return kind, kind != MADE
    return START, False


def _apart(header):
    """Return the Moments whose date and time of day stand in two keywords."""
    days = [name for name in START_DATE if (reading := _read(header.get(name))) and reading.day_jd is not None]
    if not days:
        return []
    found = []
    for card in header.cards:
        name = card.keyword or ""
        if CLOCK.fullmatch(name) or LOCAL_NAME.search(name):
            moment = paired(header, days[0], name)
            if moment:
                found.append(moment)
    return found


def of_keywords(header, of_date, of_time=""):
    """Return the Moment of a date and its time of day in one keyword, or in two; None where the second holds none.

    A date that has a time of its own needs no second keyword.  Raises ValueError for what is no date.
    """
    comment = str(header.comments[of_date])
    reading = dates.read(header[of_date])
    if reading.jd is not None and not _is_day_alone(header, reading):
        return _moment(header, of_date, reading, comment)
    if not of_time:
        return None
    again = _read(header.get(of_time)) if isinstance(header.get(of_time), str) else None
    if again and again.jd is not None:  # some write the date there once more
        return _moment(header, of_time, again, str(header.comments[of_time]), keyword=f"{of_date}|{of_time}")
    return paired(header, of_date, of_time)


def of_day(header, of_date):
    """Return the Moment of a date without a time of its own, or a midnight that nobody meant; None without a clock."""
    found = [each for each in _apart(header) if each.keyword.startswith(f"{of_date}|") and each.says != "local"]
    return found[0] if found else None


def paired(header, of_date, of_time):
    """Return the Moment of a date and a time of day in two keywords, None if they hold none."""
    day, clock = _read(header.get(of_date)), clock_of(header, of_time)
    if not day or day.day_jd is None or clock is None or _whole(header.get(of_time)):
        return None
    comment = f"{header.comments[of_time]}"
    if kind_of(of_time, comment) == (START, False) and kind_of("", header.comments[of_date])[0] == MIDDLE:
        comment += " mid"  # as the one of the date has it
    jd = day.day_jd + clock.seconds / dates.SECONDS_PER_DAY
    return _moment(header, of_time, clock, comment, jd, f"{of_date}|{of_time}")


def _whole(value):
    """Return whether a time of day stands behind a date of its own."""
    reading = _read(value) if isinstance(value, str) else None
    return reading is not None and reading.day_jd is not None


def _read(value):
    try:
        return dates.read(value)
    except ValueError:
        return None


def clock_of(header, name):
    """Return the Reading of a time of day, text or number, None if it is none.

    Numbers are hours, or what the comment says: a fraction of the day, seconds of the day, hhmmss.  One below 1 without
    a word of hours is taken for a fraction: hours would be that small once in 24 times.
    """
    value, comment = header.get(name), header.comments[name] if name in header else ""
    if value is None or isinstance(value, bool | complex):
        return None
    number = values.number(value)
    if number != number:
        reading = _read(str(value).replace("/", "-"))
        return reading if reading and reading.seconds is not None else None
    unit_s = 1.0 if OF_DAY.match(name) and 24 <= number < dates.SECONDS_PER_DAY else _unit_s(number, comment)
    if unit_s is None:
        reading = _read(f"{number:013.6f}") if re.search(r"hhmmss", comment, re.IGNORECASE) else None
        return reading
    digits = len(str(value).partition(".")[2])
    return dates.Reading(None, number * unit_s, None, unit_s * 10.0 ** -min(digits, 12))


def _unit_s(number, comment):
    if re.search(r"(fraction|decimal|part)\w*( part)? of (the )?day|day fraction|\[d\]", comment, re.IGNORECASE):
        return dates.SECONDS_PER_DAY if 0 <= number < 1 else None
    if re.search(r"\bhours?\b|\bhrs?\b|\[h\]", comment, re.IGNORECASE):
        return 3600.0 if 0 <= number < 24 else None
    if re.search(r"\bsec(ond)?s?\b|\[s\]", comment, re.IGNORECASE):
        return 1.0 if 0 <= number < dates.SECONDS_PER_DAY else None
    if 0 < number < 1:
        return dates.SECONDS_PER_DAY
    return 3600.0 if 0 < number < 24 else None
