"""Airmass and barycentric time against astropy."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.time import Time
from astropy.utils import iers

from photometrypipeline.base.errors import TelescopeError
from photometrypipeline.sky import obscodes, observer

RA, DEC, CODE = 31.0427, 46.6878, "290"  # HAT-P-32, from Mount Graham
JD = 2458107.55 + np.arange(6) * 0.04


@pytest.fixture
def place():
    return EarthLocation.from_geocentric(*obscodes.geocentric_km(CODE), unit=u.km)


def test_altitude_and_airmass(place):
    with iers.conf.set_temp("auto_download", False):
        frame = AltAz(obstime=Time(JD, format="jd"), location=place)
        expected = SkyCoord(RA, DEC, unit="deg").transform_to(frame).alt.deg
    found = observer.altitude_deg(RA, DEC, JD, CODE)
    assert found == pytest.approx(expected, abs=0.01)
    assert observer.airmass(RA, DEC, JD, CODE) == pytest.approx(1 / np.sin(np.radians(expected)), rel=0.01)
    assert np.isnan(observer.airmass(RA, -89.0, JD, CODE)).all()
    assert np.isnan(observer.airmass(RA, DEC, JD, "500")).all()


def test_barycentric_time(place):
    times = Time(JD, format="jd", scale="utc", location=place)
    with iers.conf.set_temp("auto_download", False):
        expected = (times.tdb + times.light_travel_time(SkyCoord(RA, DEC, unit="deg"))).jd
    assert observer.bjd_tdb(JD, RA, DEC, CODE) * 86400 == pytest.approx(expected * 86400, rel=0, abs=2e-3)
    geocentric = observer.bjd_tdb(JD, RA, DEC)
    assert 1e-3 < np.abs(geocentric - expected).max() * 86400 < 0.022


def test_a_spacecraft_has_no_airmass():
    with pytest.raises(TelescopeError, match="no fixed place"):
        observer.airmass(RA, DEC, JD, "250")
