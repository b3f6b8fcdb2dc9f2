"""Neighbours in the aperture of reference stars."""

import numpy as np
import pytest

from photometrypipeline.calibration import isolation
from photometrypipeline.photometry import leaks

RADIUS, FWHM = 3.0, 2.0


def light_of(ra_deg, dec_deg, mag, radius=RADIUS):
    stars = np.asarray(ra_deg), np.asarray(dec_deg), np.asarray(mag)
    return isolation.neighbour_light(stars, stars, radius, FWHM)


def test_light_of_neighbours_is_what_falls_into_the_aperture():
    ra = 150.0 + np.array([0.0, 2.0, 4.5, 60.0]) / 3600
    light = light_of(ra, np.zeros(4), [14.0, 16.5, 15.0, 14.0])
    near, farther, far = leaks.leak(np.ones(3), np.array([2.0, 2.5, 4.5]), RADIUS, FWHM)
    ratio = 10**-0.4
    expected = [0.1 * near + ratio * far, 10 * near + 10**0.6 * farther, far / ratio + 10**-0.6 * farther, 0]
    assert light == pytest.approx(expected, rel=1e-3)
    assert near > 0.8 and far < 0.2
    unknown = light_of(ra, np.zeros(4), [14.0, np.nan, 15.0, 14.0])
    assert unknown == pytest.approx([ratio * far, 0, far / ratio, 0], rel=1e-3)
    assert light_of(ra, np.zeros(4), [14.0, 16.5, 15.0, 14.0], radius=0.0).tolist() == [0, 0, 0, 0]


def test_stars_of_the_field_that_are_no_references_count():
    stars = np.array([150.0]), np.array([2.0]), np.array([15.0])
    everything = np.array([150.0, 150.0]), np.array([2.0, 2.0 + 1.5 / 3600]), np.array([15.0, 18.0])
    light = isolation.neighbour_light(stars, everything, RADIUS, np.nan)  # width unknown: as wide as the aperture
    assert light == pytest.approx(leaks.leak(10**-1.2, 1.5, RADIUS, RADIUS), rel=1e-3)


def test_an_entry_that_stands_twice_is_no_neighbour():
    light = light_of([10.0, 10.0], [5.0, 5.0 + 0.02 / 3600], [14.0, 14.0])
    assert light.tolist() == [0, 0]


def test_the_cut_leaves_enough_stars():
    rng = np.random.default_rng(0)
    easy = np.concatenate([np.zeros(80), np.full(20, 0.1)])
    assert isolation.alone(easy).sum() == 80
    crowded = rng.uniform(0.005, 0.3, 200)
    assert 50 <= isolation.alone(crowded).sum() < 120
    assert isolation.alone(np.full(10, 0.5)).all()
