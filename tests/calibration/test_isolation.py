"""Neighbours in the aperture of reference stars."""

import numpy as np
import pytest

from photometrypipeline.calibration import isolation


def test_light_of_neighbours_is_that_of_all_within_the_radius():
    ra = 150.0 + np.array([0.0, 2.0, 4.5, 60.0]) / 3600
    light = isolation.neighbour_light(ra, np.zeros(4), np.array([14.0, 16.5, 15.0, 14.0]), 3.0)
    assert light == pytest.approx([0.1, 10.0 + 10**0.6, 10**-0.6, 0.0])
    unknown = isolation.neighbour_light(ra, np.zeros(4), np.array([14.0, np.nan, 15.0, 14.0]), 3.0)
    assert unknown.tolist() == [0, 0, 0, 0]


def test_an_entry_that_stands_twice_is_no_neighbour():
    light = isolation.neighbour_light([10.0, 10.0], [5.0, 5.0 + 0.02 / 3600], np.array([14.0, 14.0]), 3.0)
    assert light.tolist() == [0, 0]


def test_the_cut_leaves_enough_stars():
    rng = np.random.default_rng(0)
    easy = np.concatenate([np.zeros(80), np.full(20, 0.1)])
    assert isolation.alone(easy).sum() == 80
    crowded = rng.uniform(0.005, 0.3, 200)
    assert 50 <= isolation.alone(crowded).sum() < 120
    assert isolation.alone(np.full(10, 0.5)).all()
