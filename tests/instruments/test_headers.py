"""What headers say of pointing, binning, time, filter: in the ways of many telescopes, and in broken ways."""

from dataclasses import replace

import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits

from photometrypipeline.base.errors import FrameError
from photometrypipeline.frames.frame import Frame, keep_first, set_keyword
from photometrypipeline.instruments import headers, telescopes

ARCSEC = 1 / 3600


def frame_with(**keywords):
    frame = Frame("night1/a.fits")
    frame.header = fits.Header([(name.replace("__", "-"), value) for name, value in keywords.items()])
    return frame


def telescope(key="VATT4K", **changes):
    header = {name: changes.pop(name) for name in list(changes) if name in headers.ROLES or name == "radec_separator"}
    base = telescopes.get(key)
    return replace(base, header=base.header | header, **changes)


def message_of(function, *arguments):
    with pytest.raises(FrameError) as caught:
        function(*arguments)
    return str(caught.value)


# ---- mid-time


def test_date_and_time_in_two_keywords():
    frame = frame_with(DATE__OBS="2017-02-02", TIME__OBS="10:56:03.456", EXPTIME=180)
    assert headers.midtime_jd(frame, telescope()) == 2457786.95663722


@pytest.mark.parametrize(
    ("keywords", "coded"),
    [
        ({"DATE__OBS": "2017-02-02T10:56:03.456"}, "DATE-OBS"),
        ({"DATE__OBS": "2017-02-02T10:56:03.456", "UT": "23:00:00"}, "DATE-OBS|UT"),  # the first has a time of its own
        ({"DATE__OBS": "2017-02-02T10:56:03.456"}, "DATE-OBS|UT"),
        ({"DATE__OBS": "02/02/2017", "UT": " 10:56:03.456 UT"}, "DATE-OBS|UT"),
        ({"DATE__OBS": "2017-02-02", "UT": "2017-02-02T10:56:03.456"}, "DATE-OBS|UT"),
        ({"DATE__OBS": "2017-02-02T12:56:03.456+02:00"}, "DATE-OBS"),
    ],
)
def test_ways_to_write_the_start(keywords, coded):
    frame = frame_with(EXPTIME=180.0, **keywords)
    assert headers.midtime_jd(frame, telescope(time=coded)) == 2457786.95663722


@pytest.mark.parametrize("value", [2457786.95559556, 57786.45559556, "2457786.95559556", "57786.45559556"])
@pytest.mark.parametrize(("time_is", "midtime"), [("middle", 2457786.95559556), ("start", 2457786.95663723)])
def test_julian_dates_may_be_modified_or_text_and_mean_start_or_middle(value, time_is, midtime):
    frame = frame_with(OBSJD=value, EXPTIME=180)
    assert headers.midtime_jd(frame, telescope(time="OBSJD", time_is=time_is)) == pytest.approx(midtime, abs=1e-8)


def test_julian_date_of_ztf_is_the_start():
    frame = frame_with(OBSJD=2458000.5, EXPTIME=30.0)
    assert headers.midtime_jd(frame, telescopes.get("ZTFMOSAIC")) == pytest.approx(2458000.5 + 15 / 86400, abs=1e-8)


@pytest.mark.parametrize(
    ("keywords", "coded", "says"),
    [
        ({"DATE__OBS": "2017-02-02"}, "DATE-OBS", ["DATE-OBS", "'2017-02-02'", "no time of day"]),
        ({"DATE__OBS": "2017-02-02"}, "DATE-OBS|UT", ["no UT in its header", "date_keyword", "VATT4K"]),
        ({}, "DATE-OBS", ["no DATE-OBS in its header"]),
        ({"DATE__OBS": "yesterday"}, "DATE-OBS", ["DATE-OBS", "yesterday"]),
        ({"DATE__OBS": "2017-02-02", "UT": 39363.4}, "DATE-OBS|UT", ["DATE-OBS|UT", "39363.4"]),
        ({"DATE__OBS": None}, "DATE-OBS", ["no DATE-OBS"]),
        ({}, "OBSJD", ["no OBSJD in its header"]),
        ({"OBSJD": "soon"}, "OBSJD", ["OBSJD = 'soon' is not a Julian date"]),
        ({"OBSJD": "nan"}, "OBSJD", ["OBSJD = 'nan' is not a Julian date"]),
    ],
)
def test_time_that_cannot_be_read_names_file_keyword_and_value(keywords, coded, says):
    message = message_of(headers.midtime_jd, frame_with(EXPTIME=1, **keywords), telescope(time=coded))
    assert message.startswith("night1/a.fits: ")
    assert all(part in message for part in says), message


# ---- exposure, filter, object, airmass


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (180, 180.0),
        ("180.5", 180.5),
        ("60,0", 60.0),
        (0.001, 0.001),
        ("60.0 sec", 60.0),
        ("2 min", 120.0),
        ("500ms", 0.5),
    ],
)
def test_exposure_times(value, seconds):
    assert headers.exptime_s(frame_with(EXPTIME=value), telescope()) == seconds


@pytest.mark.parametrize("value", ["long", -3, "nan", "inf", None, 0, 1e-320, 1e99, True, "60 GB", "00:01:00"])
def test_exposure_times_that_are_none(value):
    assert "EXPTIME" in message_of(headers.exptime_s, frame_with(EXPTIME=value), telescope())


@pytest.mark.parametrize(
    ("value", "text"), [(3552, "3552"), (3552.0, "3552"), ("  3552 ", "3552"), (" ", ""), (None, ""), (2.5, "2.5")]
)
def test_object_names_may_be_numbers_or_empty(value, text):
    assert headers.text_of(frame_with(OBJECT=value), telescope(), "object") == text


@pytest.mark.parametrize("empty", [{}, {"OBJECT": ""}, {"OBJECT": "None"}, {"OBJECT": "Unknown"}])
def test_the_object_of_an_unknown_camera_may_have_another_keyword(empty):
    frame = frame_with(**empty, OBJNAME="433 Eros")
    assert headers.text_of(frame, telescopes.get("GENERIC"), "object") == "433 Eros"
    assert headers.text_of(frame, telescope(), "object") == empty.get("OBJECT", "")


def test_filter_is_stripped_and_may_be_a_number():
    assert headers.raw_filter(frame_with(FILTER=" TOP 2 BOT 1 "), telescope()) == "TOP 2 BOT 1"
    assert headers.raw_filter(frame_with(FILTER=3), telescope()) == "3"
    assert "no FILTER in its header" in message_of(headers.raw_filter, frame_with(), telescope())
    assert "no FILTER in its header" in message_of(headers.raw_filter, frame_with(FILTER=None), telescope())


@pytest.mark.parametrize(
    ("value", "airmass"), [(1.23, 1.23), ("1.23", 1.23), ("", None), (0, None), (-1, None), ("nan", None), (None, None)]
)
def test_airmass_is_one_or_more_or_not_known(value, airmass):
    assert headers.airmass(frame_with(AIRMASS=value), telescope()) == airmass
    assert headers.airmass(frame_with(), telescope()) is None


# ---- binning


@pytest.mark.parametrize(
    ("coded", "keywords", "factors"),
    [
        ((1, 2), {}, (1.0, 2.0)),
        (("CCDBIN1", "CCDBIN2"), {"CCDBIN1": 2, "CCDBIN2": 3}, (2.0, 3.0)),
        (("CCDBIN1", "CCDBIN2"), {"CCDBIN1": "2", "CCDBIN2": " 3 "}, (2.0, 3.0)),
        (("CCDSUM#blank0", "CCDSUM#blank1"), {"CCDSUM": "2 4"}, (2.0, 4.0)),
        (("CCDSUM#blank1", "CCDSUM#blank2"), {"CCDSUM": " 2   4 "}, (2.0, 4.0)),  # the digit tells nothing
        (("BINNING#x1", "BINNING#x2"), {"BINNING": "2x4"}, (2.0, 4.0)),
        (("BINNING#x1", "BINNING#x2"), {"BINNING": "2X4"}, (2.0, 4.0)),
        (("BIN#_1", "BIN#_2"), {"BIN": "2_4"}, (2.0, 4.0)),
        (("SC#CH#DTBN", "SC#CH#DTBN"), {"INSTRUME": "C1", "SC0DTBN": 1, "SC1DTBN": 2}, (2.0, 2.0)),
    ],
)
def test_codes_of_binning(coded, keywords, factors):
    found = headers.binning(frame_with(**keywords), telescope(binning=coded))
    assert found == factors
    assert all(type(factor) is float for factor in found)


@pytest.mark.parametrize(
    ("coded", "keywords", "says"),
    [
        (("CCDBIN1", "CCDBIN2"), {"CCDBIN1": 2}, "no CCDBIN2 in its header"),
        (("CCDBIN1", "CCDBIN1"), {"CCDBIN1": 0}, "CCDBIN1 = 0 is not a binning factor"),
        (("CCDBIN1", "CCDBIN1"), {"CCDBIN1": 100}, "CCDBIN1 = 100 is not a binning factor"),
        (("CCDSUM#blank0", "CCDSUM#blank1"), {"CCDSUM": "2"}, "CCDSUM = '2' is not a binning factor"),
        (("CCDSUM#blank0", "CCDSUM#blank1"), {"CCDSUM": "a b"}, "CCDSUM = 'a b' is not a binning factor"),
        (("SC#CH#DTBN", "SC#CH#DTBN"), {}, "in its header"),
    ],
)
def test_binning_that_cannot_be_read_names_the_keyword(coded, keywords, says):
    assert says in message_of(headers.binning, frame_with(**keywords), telescope(binning=coded))


# ---- pointing


@pytest.mark.parametrize(
    ("ra", "dec", "place"),
    [
        ("11:57:07.2", "+00:25:41.9", (179.28, 0.42830556)),
        ("11:57:07.2", "-00:12:30", (179.28, -0.20833333)),  # the sign of minus zero counts
        ("11:57:07.2", "-00:00:30.5", (179.28, -0.00847222)),
        ("11 57 07.2", "-5 30 00", (179.28, -5.5)),
        ("11: 57:07.2", "  -5 :30: 00", (179.28, -5.5)),
        ("11:57", "-5:30", (179.25, -5.5)),  # no seconds
        ("00:00:00", "+90:00:00", (0.0, 90.0)),
        ("23:59:59.9", "-89:59:59.9", (359.99958333, -89.99997222)),
        (179.28, -5.5, (179.28, -5.5)),  # numbers, although a separator is set: degrees
        ("179.28", "-5.5", (179.28, -5.5)),
        (-0.72, 1, (359.28, 1.0)),
    ],
)
@pytest.mark.parametrize("separator", [":", " "])
def test_pointing_sexagesimal_or_decimal(ra, dec, place, separator):
    frame = frame_with(RA=ra, DEC=dec)
    assert headers.pointing(frame, telescope(radec_separator=separator)) == pytest.approx(place, abs=1e-8)


def test_decimal_degrees():
    frame = frame_with(OBJRAD=179.28, OBJDECD="-5.5")
    assert headers.pointing(frame, telescopes.get("ZTFMOSAIC")) == pytest.approx((179.28, -5.5))


def test_right_ascension_of_ukirt_is_in_hours_and_jitter_is_taken_off():
    ukirt = telescopes.get("UKIRTWFCAM")
    frame = frame_with(TELRA=11.952, TELDEC=-5.5)
    assert headers.pointing(frame, ukirt) == pytest.approx((179.28, -5.5), abs=1e-9)
    frame = frame_with(TELRA=11.952, TELDEC=-5.5, JITTER_X=6.4, JITTER_Y=-3.2)
    expected = (179.28 - 6.4 * ARCSEC, -5.5 + 3.2 * ARCSEC)
    assert headers.pointing(frame, ukirt) == pytest.approx(expected, abs=1e-9)
    frame = frame_with(TELRA=11.952, TELDEC=-5.5, JITTER_X=6.4)  # the other one is missing
    assert headers.pointing(frame, ukirt) == pytest.approx((179.28, -5.5), abs=1e-9)


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"DEC": "-5:30:00"}, "no RA in its header, the ra keyword of VATT4K"),
        ({"RA": "11:57:07"}, "no DEC in its header"),
        ({"RA": None, "DEC": 1.0}, "no RA in its header"),
        ({"RA": "zenith", "DEC": "-5:30:00"}, "RA = 'zenith' is not an angle"),
        ({"RA": "25:00:00", "DEC": "-5:30:00"}, "RA = '25:00:00' is not an angle"),
        ({"RA": "nan", "DEC": "-5:30:00"}, "RA = 'nan' is not an angle"),
        ({"RA": "11:57:07", "DEC": "95:30:00"}, "DEC: 95.5 degrees is not a declination"),
        ({"RA": "11:57:07", "DEC": "inf"}, "DEC = 'inf' is not an angle"),
    ],
)
def test_pointing_that_cannot_be_read(keywords, says):
    message = message_of(headers.pointing, frame_with(**keywords), telescope())
    assert message.startswith("night1/a.fits: ")
    assert says in message


def test_second_run_reads_the_pointing_that_the_first_guess_replaced():
    frame = frame_with(CRVAL1=179.28, CRVAL2=-5.5)
    gmos = telescopes.get("GMOSN")
    for keyword in ("CRVAL1", "CRVAL2"):
        keep_first(frame.header, keyword)
        set_keyword(frame.header, keyword, 10.0, "first guess of the WCS")
    assert headers.pointing(frame, gmos) == (179.28, -5.5)


def test_pointing_that_the_user_replaced_is_the_one_that_counts():
    frame = frame_with(OBJCTRA="00 00 00", OBJCTDEC="+00 00 00")
    for keyword, value in (("OBJCTRA", "11 57 07.2"), ("OBJCTDEC", "-05 30 00")):
        keep_first(frame.header, keyword)
        set_keyword(frame.header, keyword, value, "taken from the user")
    assert headers.pointing(frame, telescopes.get("GENERIC")) == pytest.approx((179.28, -5.5))


# ---- equinox


@pytest.mark.parametrize(
    ("value", "year"),
    [(2000, 2000), (2000.0, 2000), ("J2000", 2000), ("J2000.0", 2000), ("B1950", 1950), (2017.1, 2017.1), (" ", 2000)],
)
def test_equinox(value, year):
    assert headers.equinox(frame_with(EQUINOX=value)) == year


def test_equinox_is_2000_where_nothing_is_said_and_the_first_one_where_it_was_changed():
    assert headers.equinox(frame_with()) == 2000
    assert headers.equinox(frame_with(EQUINOX=None)) == 2000
    assert headers.equinox(frame_with(EQUINOX=2000.0, _EQUINOX=1950.0)) == 1950
    assert "EQUINOX = 'now' is not a year" in message_of(headers.equinox, frame_with(EQUINOX="now"))


def test_other_ways_to_tell_the_equinox():
    generic = telescopes.get("GENERIC")
    assert headers.equinox(frame_with(EPOCH=1950.0), generic) == 1950  # the old name of EQUINOX
    assert headers.equinox(frame_with(RADESYS="FK4"), generic) == 1950
    of_date = frame_with(EQUINOX="JNOW", DATE__OBS="2021-07-02T12:00:00", EXPTIME=10.0)
    assert headers.equinox(of_date, generic) == pytest.approx(2021.5, abs=0.01)
    assert headers.equinox(frame_with(EPOCH=1950.0)) == 2000  # a known telescope's definition says what it means


def test_b1950_is_fk4():
    # 3C 273: B1950 and J2000 as in the catalogue of Veron-Cetty & Veron (2006)
    old = SkyCoord("12h26m33.3s +02d19m43s")
    new = SkyCoord("12h29m06.7s +02d03m08s")
    ra, dec = headers.to_icrs(old.ra.deg, old.dec.deg, 1950.0)
    assert new.separation(SkyCoord(ra, dec, unit="deg")).arcsec < 1.5  # digits of the catalogue


def test_equinox_of_date_is_precession():
    # 50.3 arcsec a year along the ecliptic; at RA 0, Dec 0 this is 46.1 in RA and 20.0 in Dec
    ra, dec = headers.to_icrs(0.0, 0.0, 2010.0)
    assert (ra - 360) * 3600 == pytest.approx(-461.2, abs=0.5)
    assert dec * 3600 == pytest.approx(-200.4, abs=0.5)


def test_equinox_2000_changes_nothing():
    assert headers.to_icrs(179.28, -5.5, 2000.0) == (179.28, -5.5)


def test_decimal_right_ascensions_are_degrees_but_for_one_telescope():
    in_hours = [
        key
        for key, each in telescopes.load().telescopes.items()
        if each.header["radec_separator"] == "XXX" and each.ra_unit == "hour"
    ]
    assert in_hours == ["UKIRTWFCAM"]
