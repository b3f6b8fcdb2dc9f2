"""The spline through marked places: on the sphere, across RA 0, at the pole; times in any order."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

from photometrypipeline.manident.track import Track
from photometrypipeline.sky import sphere

HOURS = np.linspace(-4, 4, 9)


def moving(centre, hours, bend_arcsec_h2=0.0):
    """Return ra_deg, dec_deg of a body that moves by 60 arcsec/h along a great circle, and to the side of it."""
    angle = 70 * u.deg
    place = SkyCoord(*centre, unit="deg").directional_offset_by(angle, 60 * np.asarray(hours) * u.arcsec)
    place = place.directional_offset_by(angle + 90 * u.deg, bend_arcsec_h2 * np.asarray(hours) ** 2 * u.arcsec)
    return place.ra.deg, place.dec.deg


def error_arcsec(track, hours, truth):
    return 3600 * sphere.separation_deg(*track.at(2460000.5 + np.asarray(hours) / 24), *truth)


@pytest.mark.parametrize("centre", [(120.0, 20.0), (359.999, -45.0), (0.0005, 60.0), (200.0, 89.95)])
def test_two_marks_make_a_straight_line_everywhere_on_the_sphere(centre):
    seen = [HOURS[1], HOURS[-2]]
    track = Track(2460000.5 + np.array(seen) / 24, *moving(centre, seen))
    assert track.degree == 1
    assert error_arcsec(track, HOURS, moving(centre, HOURS)).max() < 0.01  # beyond both marks as well


@pytest.mark.parametrize("n_marks", [3, 5])
def test_three_marks_and_more_follow_a_bend(n_marks):
    centre, seen = (359.99, 10.0), np.linspace(-4, 4, n_marks)
    track = Track(2460000.5 + seen / 24, *moving(centre, seen, bend_arcsec_h2=1.5))
    assert track.degree == 2
    assert error_arcsec(track, HOURS, moving(centre, HOURS, bend_arcsec_h2=1.5)).max() < 0.02
    straight = Track(2460000.5 + seen[[0, -1]] / 24, *moving(centre, seen[[0, -1]], bend_arcsec_h2=1.5))
    assert error_arcsec(straight, [0], moving(centre, [0], bend_arcsec_h2=1.5)) == pytest.approx(24, abs=0.1)  # the sag


def test_the_curve_goes_through_the_marks_in_any_order_of_time():
    rng = np.random.default_rng(3)
    hours = rng.permutation(HOURS)
    ra, dec = moving((10.0, 0.0), hours)
    ra = ra + rng.normal(0, 0.3 / 3600, ra.size)
    track = Track(2460000.5 + hours / 24, ra, dec)
    assert error_arcsec(track, hours, (ra, dec)).max() < 1e-4


def test_places_of_one_time_are_averaged():
    jd = [2460000.5, 2460000.5, 2460000.6]
    track = Track(jd, [10.0, 10.0, 10.1], [5.0 - 1 / 3600, 5.0 + 1 / 3600, 5.0])
    assert track.degree == 1
    ra, dec = track.at(2460000.5)
    assert (ra, dec) == (pytest.approx(10.0, abs=1e-8), pytest.approx(5.0, abs=1e-8))


def test_one_time_makes_no_track():
    with pytest.raises(ValueError, match="two different times"):
        Track([2460000.5, 2460000.5], [1.0, 2.0], [0.0, 0.0])
