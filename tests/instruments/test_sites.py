"""Where a header says that its telescope stands: the station of its frames, to ephemerides and clocks."""

from types import SimpleNamespace

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import EarthLocation
from astropy.io import fits

from photometrypipeline.ephemerides import horizons, skybot
from photometrypipeline.instruments import airmasses, clocks, sites, telescopes
from photometrypipeline.sky import obscodes, observer

HILL = {"SITELAT": "46 03 00", "SITELONG": "09 07 12", "SITEELEV": 1280.0}


@pytest.mark.parametrize("changes", [{}, {"SITELAT": 46.05, "SITELONG": 9.12}, {"SITELAT": "46:03:00 N"}])
def test_a_telescope_without_a_station_stands_where_its_header_says(changes):
    code = telescopes.get("GENERIC").for_header(HILL | changes).mpc_code
    truth = EarthLocation.from_geodetic(9.12, 46.05, 1280.0)
    away = obscodes.geocentric_km(code) - np.array([each.to_value(u.km) for each in truth.geocentric])
    assert np.hypot.reduce(away) < 0.002


@pytest.mark.parametrize(
    ("of_latitude", "of_longitude"),
    [("SITELAT", "SITELON"), ("LAT_OBS", "LONG_OBS"), ("OBS_LAT", "OBS_LON"), ("GEOLATIT", "GEOLONGI")]
    + [("TEL-LAT", "TEL-LONG"), ("LATITUDE", "LONGITUDE"), ("LAT--OBS", "LONG-OBS"), ("SITE-LAT", "SITE-LONG")],
)
@pytest.mark.parametrize("place", [(31.958, -111.6), ("31:57:28:80", "-111:36:00:00"), ("N31 57 28.8", "W111 36 00")])
def test_where_a_telescope_stands_in_many_words(of_latitude, of_longitude, place):
    site = sites.site_of(dict(zip((of_latitude, of_longitude), place, strict=True)))
    assert (site.latitude_deg, site.longitudes[0]) == pytest.approx((31.958, -111.6), abs=1e-6)


def test_a_place_in_radians():
    cards = [("SITELAT", 0.557772, "[rad] latitude"), ("SITELONG", -1.947787, "[rad] longitude, East positive")]
    site = sites.site_of(fits.Header(cards))
    assert (site.latitude_deg, site.longitudes[0]) == pytest.approx((31.958, -111.6), abs=1e-3)


def test_latitudes_that_are_of_no_site_are_none():
    assert sites.site_of({"GLAT": 12.0, "GLON": 30.0, "LATPOLE": 0.0, "LONPOLE": 180.0}) is None


def test_a_station_that_is_known_counts_before_the_header():
    assert telescopes.get("VATT4K").for_header(HILL).mpc_code == "290"
    assert telescopes.get("GENERIC").for_header({"INSTRUME": "x"}).mpc_code == obscodes.GEOCENTRE


def test_a_place_at_a_station_is_that_station():
    place = {"SITELAT": 32.7013, "SITELONG": -109.8918}  # Mount Graham
    assert sites.station(place) in ("290", "G83", "I35")


def test_a_longitude_counted_to_the_west_is_found_out_by_what_was_above_the_horizon():
    west = {"SITELAT": 35.05, "SITELONG": 106.02}
    frame = {"CRVAL1": 180.5, "CRVAL2": 20.0, "MIDTIMJD": 2460376.75}  # 6 h UT in March: high in New Mexico
    assert obscodes.place_of(sites.station(west))[0] == pytest.approx(106.02)
    assert obscodes.place_of(sites.station(west | frame))[0] == pytest.approx(-106.02)


def test_the_sidereal_time_tells_how_a_longitude_is_counted():
    jd = 2460376.55  # when the field is up at both
    header = {"SITELAT": 35.05, "SITELONG": 40.0, "CRVAL1": 180.5, "CRVAL2": 20.0, "MIDTIMJD": jd}
    for longitude in (40.0, -40.0):
        seen = header | {"LST": clocks.sidereal_time_h(jd, longitude)}
        code = telescopes.get("GENERIC").for_header(seen).mpc_code
        assert obscodes.place_of(code)[0] == pytest.approx(longitude)
        frame = SimpleNamespace(header=fits.Header(seen))
        airmass, _ = airmasses.of_frame(frame, telescopes.get("GENERIC"), (180.5, 20.0), jd)
        assert airmass == pytest.approx(observer.airmass_at(180.5, 20.0, jd, longitude, 35.05)[0], abs=1e-3)


def test_services_are_asked_for_the_place():
    code = telescopes.get("GENERIC").for_header(HILL).mpc_code
    asked = horizons._asker("3552;", code, [2460000.5]).ephemerides_async(get_query_payload=True, cache=False)
    assert asked["CENTER"].strip("'") == "coord@399" and asked["SITE_COORD"] == "'9.12,46.05,1.28'"
    assert obscodes.is_known(skybot.observer_of(code)) and skybot.observer_of("290") == "290"


@pytest.mark.parametrize(
    "cards",
    [
        [("SITELAT", "20:42:27"), ("SITELONG", "156:15:21", "longitude, West")],
        [("LATITUDE", "20d42m27s N"), ("LONGITUD", "156d15m21s W")],
        [("GEO_LAT", 20.7075), ("GEO_LONG", 203.744167)],
        [("LAT", 20.7075), ("LON", -156.255833)],
        [("OBSGEO-X", -5464313.0), ("OBSGEO-Y", -2403739.0), ("OBSGEO-Z", 2241193.0)],
    ],
    ids=str,
)
def test_dialects_of_a_site(cards):
    site = sites.site_of(fits.Header(cards))
    assert site.latitude_deg == pytest.approx(20.7075, abs=0.01)
    assert site.longitudes[0] == pytest.approx(-156.2558, abs=0.01)


def test_a_code_of_the_station_in_the_header_counts():
    assert sites.station({"MPCCODE": "703"} | HILL) == "703"
    assert sites.station({"OBSCODE": 46}) == "046"
    assert sites.station({"MPCCODE": ""}) is None and sites.station({"MPCCODE": "500"}) is None
