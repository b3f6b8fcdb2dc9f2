"""The curve of growth: which aperture, and from which sources."""

import numpy as np
import pytest

from photometrypipeline.photometry.growthcurve import Curve, background_sources, choose, combine, normalise, radii_px

RADII = np.arange(2.0, 7.0)
BACKGROUND = np.array([0.50, 0.62, 0.69, 0.78, 0.90])
TARGET = np.array([0.56, 0.69, 0.75, 0.84, 0.94])


def curve(flux):
    return Curve(np.asarray(flux), np.zeros(len(flux)), np.ones(len(flux)))


def test_both_curves_above_the_limit_and_close_to_each_other():
    assert choose(RADII, curve(TARGET), curve(BACKGROUND)).radius_px == 6


def test_one_curve_takes_the_smallest_radius_above_the_limit():
    assert choose(RADII, None, curve(BACKGROUND)).radius_px == 5
    assert choose(RADII, curve(TARGET), None).radius_px == 4


def test_without_a_radius_within_the_margin_the_closest_above_the_limit():
    found = choose(RADII, curve(BACKGROUND + [0.3, 0.3, 0.2, 0.1, 0.08]), curve(BACKGROUND), margin=0.05)
    assert found.radius_px == 6 and found.met_limit


def test_curves_that_never_reach_the_limit_give_the_largest_share_and_say_so():
    found = choose(RADII, curve(TARGET / 2), curve(BACKGROUND / 2))
    assert found.radius_px == 6 and not found.met_limit


def test_twenty_radii_from_end_to_end_at_two_decimals():
    radii = radii_px((2, 10))
    assert radii.size == 20 and radii[0] == 2 and radii[-1] == 10
    np.testing.assert_allclose(radii[:4], [2.00, 2.42, 2.84, 3.26])


def test_sources_without_sense_do_not_turn_the_curve_over():
    flux = np.array([[1.0, 2, 4], [-3, -2, -1], [np.nan, 1, 2], [2, 3, 4]])
    normal, snr = normalise(flux, np.ones_like(flux))
    np.testing.assert_allclose(normal, [[0.25, 0.5, 1], [0.5, 0.75, 1]])
    np.testing.assert_allclose(snr, normal)


def test_unflagged_bright_sources_come_first_and_the_target_never():
    snr = np.array([500.0, 100, 50, 25, 10, 400])
    flags = np.array([0, 0, 2, 0, 0, 4])
    flux = np.repeat(snr[:, None], 3, axis=1)
    assert background_sources(flux, np.ones_like(flux), flags, exclude=0).tolist() == [1, 3, 2, 4]


def test_enough_good_sources_keep_the_faint_ones_out():
    snr = np.array([19.0, 21, 22, 23, 24, 25, 5])
    flux = np.repeat(snr[:, None], 3, axis=1)
    assert background_sources(flux, np.ones_like(flux), np.zeros(7)).tolist() == [5, 4, 3, 2, 1]


def test_the_median_of_gaussian_stars_is_their_enclosed_flux():
    rng = np.random.default_rng(3)
    radii, sigma = radii_px((2, 10)), 1.8
    truth = 1 - np.exp(-(radii**2) / 2 / sigma**2)
    flux = 1e5 * truth * (1 + rng.normal(0, 0.01, (50, 20)))
    combined = combine(*normalise(flux, np.full_like(flux, 300.0)))
    np.testing.assert_allclose(
        combined.flux, truth / combined.flux.max(), atol=0.03
    )  # the largest of 20 noisy ones is 1
    assert combined.sigma[0] == pytest.approx(0.01 * truth[0] / np.sqrt(50), rel=0.4)


def test_no_sources_give_no_curve():
    assert combine([], []) is None
