"""Headers that are wrong: clocks on local time, right ascensions in the wrong unit, positions of another equinox."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.coordinates import FK4, FK5, AltAz, EarthLocation, SkyCoord
from astropy.io import fits
from astropy.time import Time
from astropy.utils import iers

from photometrypipeline.base.errors import FrameError
from photometrypipeline.frames.frame import Frame
from photometrypipeline.instruments import clocks, exposures, plausibility, pointings, sites, telescopes
from photometrypipeline.sky import times

START = "2021-07-13T03:36:24.000"  # UTC
START_JD = 2459408.6502777776
EXPOSURE_S = 60.0
LATITUDE, LONGITUDE = 31.6811, -110.8783  # Mount Hopkins, zone -7
ZONE_H = -7.0
PLACE = (270.5, 18.25)  # deg


def local(hours=ZONE_H):
    """Return the start on a clock that is `hours` ahead of UTC."""
    return Time(Time(START).jd + hours / 24, format="jd").isot


def frame_with(**keywords):
    """Return a Frame in memory; a value may be (value, comment), `__` in a name stands for `-`."""
    frame = Frame("night/a.fits")
    frame.header = fits.Header()
    for name, value in {"EXPTIME": EXPOSURE_S, **keywords}.items():
        frame.header[name.replace("__", "-")] = value
    return frame


def hopkins(**changes):
    """Return a telescope whose date and time stand in DATE-OBS, its pointing in RA and DEC, sexagesimal."""
    base = telescopes.get("VATT4K")
    header = base.header | {"time": "DATE-OBS"} | changes.pop("header", {})
    return replace(base, header=header, **changes)


def midtime(frame, telescope=None, place=PLACE):
    found = exposures.of_frame(frame, telescope or hopkins(), place)
    return found.midtime_jd, found.corrected


MIDDLE_JD = START_JD + EXPOSURE_S / 2 / 86400
SITE = {"SITELAT": LATITUDE, "SITELONG": LONGITUDE}


def sidereal():
    """Return the local sidereal time at the start as text, by astropy."""
    with iers.conf.set_temp("auto_download", False):
        lst = Time(START_JD, format="jd", scale="ut1").sidereal_time("mean", LONGITUDE)
    return lst.to_string(sep=":", precision=1, pad=True)


def altitude():
    """Return the altitude (deg) of PLACE at the start, by astropy."""
    with iers.conf.set_temp("auto_download", False):
        site = EarthLocation(lat=LATITUDE, lon=LONGITUDE, height=2600)
        sky = SkyCoord(*PLACE, unit="deg").transform_to(AltAz(obstime=Time(START), location=site))
    return float(sky.alt.deg)


# ---- time


@pytest.mark.parametrize(
    "evidence",
    [
        {"JD": START_JD},
        {"MJD-OBS": START_JD - 2400000.5},
        {"DATE-UTC": START},
        {"UT": START.split("T")[1]},
        {"UTC-OBS": START},
        {"LST": sidereal(), **SITE},
        {"LST": sidereal(), "SITELAT": LATITUDE, "SITELONG": -LONGITUDE},  # longitudes counted to the West
    ],
    ids=lambda evidence: "+".join(evidence),
)
def test_local_time_is_found_and_corrected(evidence):
    jd, corrected = midtime(frame_with(**{"DATE-OBS": local(), **evidence}))
    assert jd == pytest.approx(MIDDLE_JD, abs=1 / 86400)
    assert "local time" in corrected and "DATE-OBS" in corrected
    assert midtime(frame_with(**{"DATE-OBS": START, **evidence})) == (pytest.approx(MIDDLE_JD, abs=1e-8), "")


@pytest.mark.parametrize("zone_h", [-11, -3.5, 1, 2, 5.75, 9.5, 13])
def test_zones_of_all_kinds(zone_h):
    frame = frame_with(**{"DATE-OBS": local(zone_h), "JD": START_JD})
    assert midtime(frame)[0] == pytest.approx(MIDDLE_JD, abs=1 / 86400)


@pytest.mark.parametrize("text", [START + "Z", local() + "-0700", local(2) + "+02:00", local(2) + " +02"])
def test_a_zone_behind_the_time_is_believed(text):
    for evidence in ({}, {"DATE-LOC": local()}, {"JD": START_JD}):
        assert midtime(frame_with(**{"DATE-OBS": text, **evidence}))[0] == pytest.approx(MIDDLE_JD, abs=1e-8)


def test_two_against_one_and_one_against_one():
    frame = frame_with(**{"DATE-OBS": START, "JD": START_JD, "UT": local().split("T")[1]})
    assert midtime(frame) == (pytest.approx(MIDDLE_JD, abs=1e-8), "")  # the clock has another on its side
    frame = frame_with(**{"DATE-OBS": (START, "UTC of the start"), "MJD-OBS": START_JD - 2400000.5 + 7 / 24})
    doubtful = exposures.of_frame(frame, hopkins(), PLACE)
    assert (doubtful.midtime_jd, doubtful.error_s) == (pytest.approx(MIDDLE_JD, abs=1e-8), 7 * 3600)
    assert "MJD-OBS gives a time 7 h later; one of the two is not UTC" in doubtful.doubts[0]
    assert midtime(frame, hopkins(zone_h=0))[0] == pytest.approx(MIDDLE_JD, abs=1e-8)


def test_altitude_tells_of_local_time_but_not_surely():
    frame = frame_with(**{"DATE-OBS": local(), "OBJCTALT": altitude(), **SITE})
    doubtful = exposures.of_frame(frame, hopkins(), PLACE)
    assert doubtful.error_s == 7 * 3600
    assert "the altitude of the target corresponds to a time 7 h later" in doubtful.doubts[0]
    assert midtime(frame_with(**{"DATE-OBS": START, "OBJCTALT": altitude(), **SITE}))[1] == ""
    assert midtime(frame, place=None)[1] == ""


def test_altitude_decides_between_two_clocks():
    keywords = {"DATE-OBS": (local(), "UT date"), "JD": START_JD, "OBJCTALT": altitude(), **SITE}
    jd, corrected = midtime(frame_with(**keywords))
    assert jd == pytest.approx(MIDDLE_JD, abs=1 / 86400) and "local time" in corrected


def test_a_zone_in_the_definition():
    assert midtime(frame_with(**{"DATE-OBS": local()}), hopkins(zone_h=ZONE_H))[0] == pytest.approx(MIDDLE_JD)
    assert midtime(frame_with(**{"DATE-OBS": START + "Z"}), hopkins(zone_h=ZONE_H))[0] == pytest.approx(MIDDLE_JD)


@pytest.mark.parametrize(
    "harmless",
    [
        {"DATE-LOC": local()},
        {"LT": local().split("T")[1]},
        {"DATE-END": "2021-07-13T10:37:24"},
        {"DATE": "2021-07-13T10:36:24"},  # of the file
        {"HJD": START_JD + 0.29167},
        {"MJD-OBS": 59408.0},  # the day alone
        {"UT": "03:37:24"},  # the end of the exposure
        {"JD": START_JD + 0.007},  # a clock that is ten minutes off is no zone
        {"LST": "nonsense", **SITE},
    ],
    ids=lambda evidence: "+".join(evidence),
)
def test_what_is_no_contradiction(harmless):
    assert midtime(frame_with(**{"DATE-OBS": START, **harmless})) == (pytest.approx(MIDDLE_JD, abs=1e-8), "")


def test_sidereal_time_is_that_of_astropy():
    hours, minutes, seconds = map(float, sidereal().split(":"))
    expected = hours + minutes / 60 + seconds / 3600
    assert clocks.sidereal_time_h(START_JD, LONGITUDE) == pytest.approx(expected, abs=0.2 / 3600)


# ---- sites


@pytest.mark.parametrize(
    ("keywords", "latitude", "longitude"),
    [
        ({"SITELAT": "38 13 11.000", "SITELONG": "-6 37 54.000"}, 38.219722, -6.631667),
        ({"SITELAT": "+46:52:00.408", "SITELONG": "-96:27:11.8008"}, 46.866780, -96.453278),
        ({"SITELAT": "31:58.8", "SITELONG": "111:36.0"}, 31.98, 111.6),
        ({"LATITUDE": 19.825252, "LONGITUD": -155.468876}, 19.825252, -155.468876),
        ({"LAT-OBS": -31.2736, "LONG-OBS": 249.0644}, -31.2736, -110.9356),
    ],
)
def test_sites(keywords, latitude, longitude):
    site = sites.site_of(keywords)
    assert site.latitude_deg == pytest.approx(latitude, abs=1e-5)
    assert site.longitudes[0] == pytest.approx(longitude, abs=1e-5)


def test_no_site():
    assert sites.site_of({}) is None
    assert sites.site_of({"SITELAT": 0, "SITELONG": 0}) is None
    assert sites.site_of({"SITELAT": "here", "SITELONG": "there"}) is None


def test_the_nearest_station():
    code, name, distance_km = sites.nearest_station(sites.site_of({"SITELAT": 19.825252, "SITELONG": 155.468876}))
    assert "CFHT" in name or "Canada" in name
    assert distance_km < 0.2
    assert sites.nearest_station(sites.site_of({"SITELAT": 0.1, "SITELONG": -30.0}))[2] > 500


# ---- pointing

TELESCOPE_RA, TELESCOPE_DEC = "18 02 00.00", "+18 15 00.0"


def pointing(telescope=None, **keywords):
    return plausibility.checked_pointing(frame_with(**keywords), telescope or hopkins())


def test_right_headers_are_left_alone():
    assert pointing(RA=TELESCOPE_RA, DEC=TELESCOPE_DEC) == (pytest.approx(270.5), pytest.approx(18.25), "")
    assert pointing(RA=270.5, DEC=18.25, OBJCTRA=TELESCOPE_RA, OBJCTDEC=TELESCOPE_DEC)[2] == ""
    assert (
        pointing(RA=270.5, DEC=18.25, OBJCTRA="18 06 00", OBJCTDEC=TELESCOPE_DEC)[2] == ""
    )  # target beside the centre


@pytest.mark.parametrize(
    ("ra", "dec", "unit", "mistake"),
    [
        (18.0333333, 18.25, "deg", "in hours"),  # hours that count as degrees
        (270.5, 18.25, "hour", "in degrees"),  # degrees that count as hours
        (18.25, 270.5, "deg", "swapped"),
        (270.5, -18.25, "deg", "lacks the sign"),
    ],
)
def test_mistakes_that_another_position_of_the_header_shows(ra, dec, unit, mistake):
    camera = hopkins(header={"radec_separator": "XXX"}, ra_unit=unit)
    found = pointing(camera, RA=ra, DEC=dec, OBJCTRA=TELESCOPE_RA, OBJCTDEC=TELESCOPE_DEC)
    assert found[:2] == (pytest.approx(270.5, abs=1e-4), pytest.approx(18.25, abs=1e-4))
    assert mistake in found[2]


def test_a_declination_that_can_only_be_a_right_ascension():
    camera = hopkins(header={"radec_separator": "XXX"}, ra_unit="deg")
    assert pointing(camera, RA=-18.25, DEC=270.5) == (270.5, -18.25, "RA and Dec were swapped")
    with pytest.raises(FrameError, match="not a declination"):
        pointing(camera, RA=118.25, DEC=270.5)


def test_a_place_that_nothing_explains_is_named(caplog):
    assert pointing(RA=TELESCOPE_RA, DEC=TELESCOPE_DEC, OBSRA="04:33:52", OBSDEC="-70:38:30")[2] == ""
    assert "OBSRA, OBSDEC = 04:33:52, -70:38:30 lie 126 degrees away" in caplog.text


@pytest.mark.parametrize(
    ("read", "name"),
    [
        ((18.0333333, 18.25), "ra_in_hours"),
        ((270.5 * 15, 18.25), "ra_in_degrees"),
        ((18.25, 270.5), "swapped"),
        ((18.25 * 15, 18 + 2 / 60), "swapped"),
        ((270.5, -18.25), "sign"),
    ],
)
def test_gross_mistakes_are_explained_by_the_true_place(read, name):
    off = (0.2, -0.1)  # pointing error, deg
    mistake = pointings.explain(*read, 270.5 + off[0], 18.25 + off[1])
    assert mistake.name == name
    assert pointings.separation(mistake.ra_deg, mistake.dec_deg, 270.5, 18.25) < 1e-4


@pytest.mark.parametrize(
    ("system", "name"),
    [(FK5(equinox="J2021.53"), "equinox_of_date"), (FK4(equinox="B1950"), "b1950")],
)
def test_the_equinox_is_explained_by_the_true_place(system, name):
    told = SkyCoord(*PLACE, unit="deg").transform_to(system)
    mistake = pointings.explain(told.ra.deg, told.dec.deg, *PLACE, jd=START_JD)
    assert mistake.name == name
    assert pointings.separation(mistake.ra_deg, mistake.dec_deg, *PLACE) < 0.001


def test_j2000_in_a_header_that_says_b1950():
    as_read = SkyCoord(*PLACE, unit="deg", frame=FK4(equinox="B1950")).icrs
    mistake = pointings.explain(as_read.ra.deg, as_read.dec.deg, *PLACE, jd=START_JD)
    assert mistake.name == "already_j2000"


def test_a_mere_pointing_error_is_not_explained_away():
    rng = np.random.default_rng(3)
    explained = 0
    for _ in range(200):
        angle, off = rng.uniform(0, 2 * np.pi), rng.uniform(0.06, 1.0)
        ra = PLACE[0] + off * np.cos(angle) / np.cos(np.radians(PLACE[1]))
        explained += pointings.explain(ra, PLACE[1] + off * np.sin(angle), *PLACE, jd=START_JD) is not None
    # an error that happens to be like the precession since 2000 (0.29 deg) or 1950 (0.64 deg), either way, to 30 %:
    # each such disc is 0.3 of its distance wide, so it holds the share 2 asin(0.3) / 2 pi of the directions at most
    assert explained < 200 * 0.1


def test_positions_in_all_spellings():
    header = fits.Header([("RA", "11:57:07.2"), ("DEC", "-00:00:30.5")])
    place = pointings.read(header)[0]
    assert (place.ra_deg, place.dec_deg) == (pytest.approx(179.28), pytest.approx(-0.00847222))
    assert (place.form, place.unit, place.separator) == ("sexagesimal", "hour", ":")
    header = fits.Header([("TELRA", 11.9, "[h] telescope"), ("TELDEC", 1.0), ("MOONRA", 3.0), ("MOONDEC", 4.0)])
    assert [each.keywords for each in pointings.read(header)] == [("TELRA", "TELDEC")]
    assert pointings.read(header)[0].ra_deg == pytest.approx(178.5)
    assert pointings.read(fits.Header([("RA", "zenith"), ("DEC", 3.0)])) == []


def test_julian_epoch_of_the_start():
    assert times.julian_epoch(START_JD) == pytest.approx(2021.53, abs=0.005)
