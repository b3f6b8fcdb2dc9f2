"""Times: the date keywords of headers in all their spellings, Julian dates, decimal years.

Dates are UTC throughout.  astropy.time does the arithmetic; here is the reading of what observatories write.
"""

import re
from datetime import datetime, timedelta

import numpy as np
from astropy.time import Time

SECONDS_PER_DAY = 86400.0
MJD_ZERO = 2400000.5  # JD of MJD 0
PARTED = re.compile(r"(\S+?)(?:\s*[Tt]\s*|\s+)(\d.*)")  # a zone behind a time is none
ZONE = re.compile(r"(?<=\d)\s*(?:(Z|UTC?)|([+-])(\d{2}):?(\d{2})?)$", re.IGNORECASE)


def is_julian(coded):
    """Return whether a keyword of the time, as a telescope definition codes it, holds a Julian date."""
    return "|" not in coded and ("JD" in coded or coded.startswith("JUL"))


def dateobs_to_jd(text, zone_h=0.0):
    """Return the Julian date (float, UTC) of a date and time such as `2017-02-02T10:56:03.456`.

    `T` or blanks stand between date and time, dashes or slashes in the date: year-month-day, day-month-year with a year
    of four digits at the end, or the old FITS form DD/MM/YY (19YY).  A zone at the end (`Z`, `UT`, `+02`, `-0700`,
    `+00:00`) is taken off; without one the clock is `zone_h` hours ahead of UTC.  Raises ValueError if there is no time
    of day, or the text cannot be read.
    """
    text = str(text).strip()
    date, time = split_date_time(text)
    if not time:
        raise ValueError(f"{text!r} has no time of day")
    time, offset_min = _take_zone(time, zone_h)
    year, month, day = _read_date(date)
    hour, minute, second = _read_time(time)
    midnight = Time(
        {"year": year, "month": month, "day": day}, format="ymdhms", scale="tai"
    )  # no leap seconds, as in JD
    of_day = (hour * 60 + minute - offset_min) * 60 + second
    return float(midnight.jd + of_day / SECONDS_PER_DAY)


def split_date_time(text):
    """Return (date, time), both str, of a text with one or both, separated by `T` or blanks; time may be empty."""
    found = PARTED.fullmatch(str(text).strip())
    return found.groups() if found else (str(text).strip(), "")


def _take_zone(time, zone_h):
    found = ZONE.search(time)
    if not found:
        return time, zone_h * 60
    utc, sign, hours, minutes = found.groups()
    offset_min = 0 if utc else (int(hours) * 60 + int(minutes or 0)) * (-1 if sign == "-" else 1)
    return time[: found.start()].strip(), offset_min


def _read_date(date):
    fields = re.split(r"[-/.]", date)
    if len(fields) != 3 or not all(field.strip().isdigit() for field in fields):
        raise ValueError(f"{date!r} is not a date")
    first, second, third = (int(field) for field in fields)
    if len(fields[2]) == 4 and len(fields[0]) < 3:  # day-month-year
        first, third = third, first
    elif len(fields[0]) < 3 and "/" in date:  # DD/MM/YY, FITS before 1999
        first, third = 1900 + third, first
    if first < 1000:
        raise ValueError(f"{date!r} has no year of four digits")
    datetime(first, second, third)  # raises ValueError for a 31st of February
    return first, second, third


def _read_time(time):
    fields = time.split(":")
    if not 2 <= len(fields) <= 3:
        raise ValueError(f"{time!r} is not a time of day")
    try:
        hour, minute = int(fields[0]), int(fields[1])
        second = float(fields[2]) if len(fields) == 3 else 0.0
    except ValueError:
        raise ValueError(f"{time!r} is not a time of day") from None
    if not (0 <= hour <= 24 and 0 <= minute < 60 and 0 <= second < 61):
        raise ValueError(f"{time!r} is not a time of day")
    return hour, minute, second


def jd_to_gregorian(jd, is_mjd=False):
    """Return (year, month, day, hour, minute, second), all int, of a Julian date; seconds are rounded down."""
    if is_mjd:
        jd = jd + MJD_ZERO
    day_start = np.floor(jd - 0.5) + 0.5
    seconds = (jd - day_start) * SECONDS_PER_DAY
    when = Time(day_start, format="jd", scale="tai").ymdhms
    # a double keeps a Julian date to 4e-5 s: half a millisecond saves full seconds from being rounded down one too far
    moment = datetime(int(when["year"]), int(when["month"]), int(when["day"])) + timedelta(seconds=seconds + 5e-4)
    return moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second


def jd_to_fractionalyear(jd, is_mjd=False):
    """Return the year plus the elapsed fraction of that year (float)."""
    return float(Time(jd + MJD_ZERO if is_mjd else jd, format="jd", scale="tai").decimalyear)


def fractionalyear_to_jd(year):
    """Return the Julian date (float): the inverse of `jd_to_fractionalyear`."""
    return float(Time(year, format="decimalyear", scale="tai").jd)


def julian_epoch(jd):
    """Return the Julian epoch (yr, e.g. 2017.0918) of a Julian date, the measure of proper motions."""
    return 2000.0 + (jd - 2451545.0) / 365.25


def text_of(jd):
    """Return `YYYY-MM-DD HH:MM:SS` of a Julian date."""
    return "{:04d}-{:02d}-{:02d} {:02d}:{:02d}:{:02d}".format(*jd_to_gregorian(jd))
