"""Dates of headers in all their spellings, Julian dates, decimal years."""

import numpy as np
import pytest
from astropy.time import Time

from photometrypipeline.sky import dates, times

CHECK_JD = 2457786.95559556  # 2017-02-02T10:56:03.456, by the formula for Gregorian dates
EIGHT_DIGITS = 6e-9  # days; half a unit of the eighth decimal, and what a double leaves of it


def by_formula(year, month, day, hour, minute, second):
    """The day number of the Gregorian calendar in integers, as textbooks give it."""
    a = (14 - month) // 12
    y, m = year + 4800 - a, month + 12 * a - 3
    day_number = day + (153 * m + 2) // 5 + 365 * y + y // 4 - y // 100 + y // 400 - 32045.5
    return day_number + hour / 24 + minute / 1440 + second / 86400


@pytest.mark.parametrize(
    "text",
    [
        "2017-02-02T10:56:03.456",
        "2017-02-02 10:56:03.456",
        "  2017-02-02   10:56:03.456 ",
        "2017-02-02t10:56:03.456",
        "2017/02/02 10:56:03.456",
        "02-02-2017 10:56:03.456",  # day-month-year
        "2/2/2017T10:56:03.456",
        "2017-02-02T10:56:03.456Z",
        "2017-02-02T10:56:03.456 UT",
        "2017-02-02 10:56:03.456 UTC",
        "2017-02-02T10:56:03.456+00:00",
        "2017-02-02T12:56:03.456+02",
        "2017-02-02T12:56:03.456 +0200",
        "2017-02-02T03:56:03.456-0700",
        "2017-02-02T16:26:03.456+05:30",
        "2017-02-03T00:56:03.456+14:00",  # the next day already
        "2017-02-02T10:56:03.456UTC+00:00",
        "2017-02-02T00:56:03.456 HST",
        "2017-02-02T10:56:03,456",
        "2017-02-02_10:56:03.456",
        "2017-02-02T10h56m03.456s",
        "2017-02-02 10-56-03.456",
        "2017 02 02 10 56 03.456",
        "2017:02:02 10:56:03.456",
        "20170202T105603.456",
        "02FEB2017 10:56:03.456",
        "2 Feb 17 10:56:03.456",
        "02-Feb-2017T10:56:03.456",
        "2017-Feb-02 10:56:03.456",
        "Feb 2 2017 10:56:03.456",
        "February 2nd, 2017 10:56:03.456 AM",
        "Thu Feb  2 10:56:03.456 2017",
        "Thu Feb  2 00:56:03.456 HST 2017",
        "2457786.95559556",
        "57786.45559556",
    ],
)
def test_spellings_of_one_moment(text):
    assert times.dateobs_to_jd(text) == pytest.approx(CHECK_JD, abs=EIGHT_DIGITS)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("31/12/99T23:59:59", (1999, 12, 31, 23, 59, 59)),  # FITS before the year 2000
        ("01/02/87 00:00:00", (1987, 2, 1, 0, 0, 0)),
        ("25-12-2004T01:02:03", (2004, 12, 25, 1, 2, 3)),
        ("2016-12-31T23:59:60.5", (2016, 12, 31, 23, 59, 60.5)),  # a leap second
        ("2017-02-02T24:00:00", (2017, 2, 3, 0, 0, 0)),
        ("2017-02-02T10:56", (2017, 2, 2, 10, 56, 0)),
        ("02/14/2017 10:56:03 PM", (2017, 2, 14, 22, 56, 3)),  # there is no 14th month
        ("02/03/17 10:56:03", (2017, 3, 2, 10, 56, 3)),
        ("2000-02-29T12:00:00", (2000, 2, 29, 12, 0, 0)),
        ("1930-01-23T05:00:00", (1930, 1, 23, 5, 0, 0)),
    ],
)
def test_dates(text, date):
    assert times.dateobs_to_jd(text) == pytest.approx(by_formula(*date), abs=EIGHT_DIGITS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2017-02-02",  # midnight would be a guess
        "10:56:03",
        "2017-02-30T10:56:03",
        "2017-13-02T10:56:03",
        "17-02-02T10:56:03",  # which century, which order?
        "2017-02-02T10.93",
        "2017-02-02T25:00:00",
        "2017-02-02T10:60:00",
        "2017-02-02T10:56:61",
        "2017-02-02T10:-5:00",
        "2017-02-02T10:56:nan",
        "2017-02-02T10:56:03 XYZ",
        "2017-02-02.5T10:56:03",
        "10:56:03 to 10:57:03",
        "2017-02-02T",
        "nonsense",
        "39363.456",  # seconds of the day
    ],
)
def test_text_that_is_no_date_and_time(text):
    with pytest.raises(ValueError):
        times.dateobs_to_jd(text)


def test_leap_seconds_are_not_counted():
    assert times.dateobs_to_jd("2017-01-01T00:00:00") - times.dateobs_to_jd("2016-12-31T00:00:00") == 1


@pytest.mark.parametrize(
    ("text", "day_jd", "seconds", "step_s"),
    [
        ("2017-02-02", 2457786.5, None, 0),
        ("20170202", 2457786.5, None, 0),
        ("10:56:03.456 UT", None, 39363.456, 0.001),
        ("10h56m03.456s", None, 39363.456, 0.001),
        ("10 56 03.456", None, 39363.456, 0.001),
        ("02/02/99  10:56", 2451211.5, 39360.0, 60),
        ("2017-02-02.455596", 2457786.5, 39363.4944, 0.0864),
        ("J2000.00000000", 2451544.5, 43200.0, 0.31557600),
        ("57786.455596", 2457786.5, 39363.4944, 0.0864),
    ],
)
def test_parts_of_a_moment_and_how_finely_they_are_told(text, day_jd, seconds, step_s):
    reading = dates.read(text)
    assert reading.day_jd == day_jd
    assert reading.seconds == (seconds if seconds is None else pytest.approx(seconds, abs=1e-4))
    assert reading.step_s == pytest.approx(step_s)


@pytest.mark.parametrize(
    ("scale", "ahead_s"), [("TAI", 37.0), ("TT", 69.184), ("TDB", 69.184), ("GPS", 18.0), ("UTC", 0.0), ("UT1", 0.0)]
)
def test_time_scales_in_2017(scale, ahead_s):
    assert times.utc_of(CHECK_JD + ahead_s / 86400, scale) == pytest.approx(CHECK_JD, abs=0.002 / 86400 + EIGHT_DIGITS)


def test_calendar_date_of_a_julian_date_is_the_one_it_was_made_of():
    rng = np.random.default_rng(seed=1)
    for jd in np.floor(rng.uniform(2415020, 2488070, 300)) + 0.5:  # 1900 to 2100, midnights
        second = int(rng.integers(86400))
        year, month, day = Time(jd, format="jd", scale="tai").ymdhms.tolist()[:3]
        date = (year, month, day, second // 3600, second // 60 % 60, second % 60)
        text = "{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}".format(*date)
        assert times.jd_to_gregorian(times.dateobs_to_jd(text)) == date


def test_seconds_of_a_calendar_date_are_rounded_down():
    assert times.jd_to_gregorian(CHECK_JD) == (2017, 2, 2, 10, 56, 3)
    assert times.jd_to_gregorian(by_formula(2017, 2, 2, 10, 56, 3.99)) == (2017, 2, 2, 10, 56, 3)
    assert times.jd_to_gregorian(by_formula(2017, 12, 31, 23, 59, 59.9)) == (2017, 12, 31, 23, 59, 59)
    assert times.jd_to_gregorian(57786.45559556, is_mjd=True) == (2017, 2, 2, 10, 56, 3)
    assert all(type(field) is int for field in times.jd_to_gregorian(CHECK_JD))
    assert times.text_of(CHECK_JD) == "2017-02-02 10:56:03"


@pytest.mark.parametrize(
    ("jd", "year"),
    [
        (2451544.5, 2000.0),  # 2000-01-01
        (2451544.5 + 183, 2000.5),  # half of a leap year
        (2451910.5 + 182.5, 2001.5),
        (2457754.5 + 365 - 1 / 86400, 2018 - 1 / 86400 / 365),
    ],
)
def test_decimal_years_count_the_days_of_their_year(jd, year):
    assert times.jd_to_fractionalyear(jd) == pytest.approx(year, abs=1e-9)
    assert times.fractionalyear_to_jd(year) == pytest.approx(jd, abs=1e-5)
    assert times.jd_to_fractionalyear(jd - 2400000.5, is_mjd=True) == pytest.approx(year, abs=1e-9)


def test_decimal_year_and_julian_date_are_inverse():
    for jd in np.random.default_rng(seed=2).uniform(2415020, 2488070, 50):
        assert times.fractionalyear_to_jd(times.jd_to_fractionalyear(jd)) == pytest.approx(jd, abs=1e-6)


def test_julian_epoch():
    assert times.julian_epoch(2451545.0) == 2000.0  # by definition
    assert times.julian_epoch(2457389.0) == pytest.approx(2016.0)  # reference epoch of Gaia DR3
    assert times.julian_epoch(CHECK_JD) == pytest.approx(Time(CHECK_JD, format="jd").jyear, abs=1e-9)
