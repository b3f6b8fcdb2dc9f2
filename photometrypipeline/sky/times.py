"""Times: the date keywords of headers in all their spellings, Julian dates, decimal years.

Dates are UTC throughout.  astropy.time does the arithmetic, and is loaded when there is some; here is the reading of
what observatories write.
"""

import warnings
from datetime import datetime, timedelta

import numpy as np

from photometrypipeline.sky import dates

SECONDS_PER_DAY = 86400.0
MJD_ZERO = 2400000.5  # JD of MJD 0
SCALES = {  # names of time scales in headers: as astropy calls them, and what to add to them first (s)
    **dict.fromkeys(("TAI", "IAT"), ("tai", 0.0)),
    **dict.fromkeys(("TT", "TDT", "ET"), ("tt", 0.0)),
    **dict.fromkeys(("TDB", "TCB", "TCG"), ("tdb", 0.0)),  # of the last two astropy would want the place
    "GPS": ("tai", 19.0),
}


def is_julian(coded: str) -> bool:
    """Return whether a keyword of the time, as a telescope definition codes it, holds a Julian date."""
    return "|" not in coded and ("JD" in coded or coded.startswith("JUL"))


def dateobs_to_jd(text: str, zone_h: float = 0.0) -> float:
    """Return the Julian date (float, UTC) of a date and time such as `2017-02-02T10:56:03.456`.

    All spellings of `dates.read` are understood; a zone at the end (`Z`, `UT`, `+02`, `-0700`, `+00:00`) is taken off,
    without one the clock is `zone_h` hours ahead of UTC.  Leap seconds do not count, as in JD.  Raises ValueError if
    there is no time of day, or the text cannot be read.
    """
    reading = dates.read(text)
    if reading.seconds is None:
        raise ValueError(f"{text!r} has no time of day")
    if reading.day_jd is None:
        raise ValueError(f"{text!r} has no date")
    ahead_h = zone_h if reading.zone_h is None else reading.zone_h
    return float(reading.day_jd + (reading.seconds - ahead_h * 3600) / SECONDS_PER_DAY)


def spoken_s(seconds: float) -> str:
    """Return a time as text in the unit that suits it."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def utc_of(jd: float, scale: str) -> float:
    """Return the Julian date (UTC) of one on another time scale of SCALES; others are taken for UTC."""
    name, add_s = SCALES.get(scale, ("utc", 0.0))
    if name == "utc" or not 2436934.5 < jd < 2488070:  # 1960, when UTC begins, to 2100
        return jd
    from astropy.time import Time

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # leap seconds of years to come
        return float(Time(jd + add_s / SECONDS_PER_DAY, format="jd", scale=name).utc.jd)


def jd_to_gregorian(jd: float, is_mjd: bool = False) -> tuple[int, int, int, int, int, int]:
    """Return (year, month, day, hour, minute, second), all int, of a Julian date; seconds are rounded down."""
    from astropy.time import Time

    if is_mjd:
        jd = jd + MJD_ZERO
    day_start = np.floor(jd - 0.5) + 0.5
    seconds = (jd - day_start) * SECONDS_PER_DAY
    when = Time(day_start, format="jd", scale="tai").ymdhms
    # a double keeps a Julian date to 4e-5 s: half a millisecond saves full seconds from being rounded down one too far
    moment = datetime(int(when["year"]), int(when["month"]), int(when["day"])) + timedelta(seconds=seconds + 5e-4)
    return moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second


def jd_to_fractionalyear(jd: float, is_mjd: bool = False) -> float:
    """Return the year plus the elapsed fraction of that year (float)."""
    from astropy.time import Time

    return float(Time(jd + MJD_ZERO if is_mjd else jd, format="jd", scale="tai").decimalyear)


def fractionalyear_to_jd(year: float) -> float:
    """Return the Julian date (float): the inverse of `jd_to_fractionalyear`."""
    from astropy.time import Time

    return float(Time(year, format="decimalyear", scale="tai").jd)


def julian_epoch(jd: float) -> float:
    """Return the Julian epoch (yr, e.g. 2017.0918) of a Julian date, the measure of proper motions."""
    return 2000.0 + (jd - 2451545.0) / 365.25


def text_of(jd: float) -> str:
    """Return `YYYY-MM-DD HH:MM:SS` of a Julian date."""
    return "{:04d}-{:02d}-{:02d} {:02d}:{:02d}:{:02d}".format(*jd_to_gregorian(jd))
