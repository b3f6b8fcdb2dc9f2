"""Geometry on the sphere, and matching: everywhere the same, at RA 0 and at the poles."""

import numpy as np
import pytest

from photometrypipeline.base.errors import PipelineError
from photometrypipeline.sky import matching, sphere

CENTRES = [(150.0, 0.0), (0.0, 20.0), (359.99, -60.0), (45.0, 89.9)]


def field(ra, dec, half_deg=0.2, n=400):
    """Return positions spread evenly over a square around (ra, dec)."""
    from astropy.coordinates import SkyCoord

    rng = np.random.default_rng(4)
    x, y = rng.uniform(-half_deg, half_deg, (2, n))
    local = SkyCoord(ra, dec, unit="deg").skyoffset_frame()
    places = SkyCoord(x, y, unit="deg", frame=local).icrs
    return places.ra.deg, places.dec.deg


@pytest.mark.parametrize("centre", CENTRES)
def test_circle_around_a_field(centre):
    ra, dec, radius = sphere.skycenter([field(*centre)])
    assert sphere.separation_deg(ra, dec, *centre) < 0.02
    assert 0 <= ra < 360
    assert radius == pytest.approx(0.2 * np.sqrt(2), abs=0.02)


def test_circle_around_two_frames_holds_both():
    one, two = field(359.9, 10), field(0.3, 10)
    ra, dec, radius = sphere.skycenter([one, two])
    assert sphere.separation_deg(ra, dec, 0.1, 10.0) < 0.02
    for places in (one, two):
        assert np.mean(sphere.separation_deg(*places, ra, dec) < radius) > 0.97


def test_no_sources_have_no_centre():
    with pytest.raises(PipelineError, match="no sources"):
        sphere.skycenter([(np.empty(0), np.empty(0))])


@pytest.mark.parametrize(
    ("centres", "weights", "kept"),
    [
        ([(0, 0), (359, 0), (100, 0)], [10, 10, 15], [True, True, False]),  # across RA 0 they are near
        ([(0, 0), (5.0, 0)], [10, 20], [False, True]),  # exactly 5 degrees are two fields
        ([(0, 0), (4.9, 0), (9.8, 0), (40, 0)], [1, 1, 1, 2], [True, True, True, False]),  # linked one to the next
        ([(0, 0), (40, 0)], [7, 7], [True, False]),  # a tie goes to the first
        ([(10, 89), (190, 89)], [3, 4], [True, True]),  # over the pole
    ],
)
def test_only_the_richest_field_is_kept(centres, weights, kept):
    assert sphere.largest_field(centres, weights).tolist() == kept


@pytest.mark.parametrize("centre", CENTRES)
def test_pairs_are_found_by_their_distance_on_the_sphere(centre):
    ra, dec = field(*centre, n=50)
    east, north = 0.3 / 3600 / np.cos(np.radians(dec)), 0.2 / 3600
    shifted = np.mod(ra + east, 360), np.clip(dec + north, -90, 90)
    first, second = matching.unique_pairs(ra, dec, *shifted, radius_arcsec=0.5)
    assert first.tolist() == second.tolist() and first.size >= 48
    assert matching.unique_pairs(ra, dec, *shifted, radius_arcsec=0.3)[0].size <= 2


def test_a_star_with_two_sources_is_left_out_on_both_sides():
    ra, dec = np.array([10.0, 20.0]), np.array([0.0, 0.0])
    sources = np.array([10.0, 10.0001, 20.0]), np.zeros(3)
    assert [found.tolist() for found in matching.unique_pairs(ra, dec, *sources, 0.5)] == [[1], [2]]
    assert [found.tolist() for found in matching.unique_pairs(*sources, ra, dec, 0.5)] == [[2], [1]]


def test_nearest_across_ra_zero():
    index, distance = matching.nearest(359.9999, 0.0, np.array([0.0001, 359.99]), np.zeros(2))
    assert index[0] == 0 and distance[0] == pytest.approx(0.72, abs=1e-6)
    assert matching.nearest(1.0, 1.0, np.empty(0), np.empty(0))[0][0] == -1
