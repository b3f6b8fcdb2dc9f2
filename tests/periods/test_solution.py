"""Periods of synthetic bodies: found, with honest errors, with all that is possible beside them."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "example_data"))
import rotating
from photometrypipeline.base.errors import PipelineError
from photometrypipeline.periods import candidates, evidence, fourier, noise, order, residuals, shape, solution
from photometrypipeline.periods.measurements import Measurements

NIGHTS = ((0, 6), (1, 6), (3, 5))  # day, hours


def points_of(period_h=7.3, amplitude=0.3, nights=NIGHTS, err=0.015, common=0.008, harmonics=3, seed=1, step_min=5.0):
    """Return (Body, Measurements)."""
    rng = np.random.default_rng(seed)
    truth = rotating.body(rng, period_h, amplitude, harmonics)
    t_d = [day + np.arange(0, hours / 24, step_min / 1440) for day, hours in nights]
    session = np.repeat(np.arange(len(nights)), [len(each) for each in t_d])
    return truth, rotating.observed(rng, truth, np.concatenate(t_d), session, err, common)


@pytest.fixture(scope="module")
def solved():
    truth, points = points_of()
    return truth, points, solution.solve(points, "body")


def test_period_and_amplitude_agree_with_the_truth_within_their_errors(solved):
    truth, _, found = solved
    assert abs(found.period_h - truth.period_h) < 3.5 * found.period_err_h
    assert found.period_err_h < 0.01
    assert abs(found.amplitude_mag - 0.3) < 4 * found.amplitude_err_mag
    assert found.amplitude_err_mag < 0.02


def test_the_double_is_listed_and_unlikely(solved):
    _, _, found = solved
    assert found.candidates[0].reason == "best"
    (double,) = [each for each in found.candidates if each.reason == "double"]
    assert double.holds(found.series.frequency / 2)
    assert double.odds < 0.1 and double.n_maxima == 4


def test_transforms_give_the_same_as_plain_sums():
    _, points = points_of(nights=((0, 3), (1, 3)))
    lone, step = evidence.Projection(points), 0.05
    fast = evidence.of_steps(lone, step, 20, 7, 4)
    plain = evidence.of_frequencies(lone, step * np.arange(20, 27), 4)
    np.testing.assert_allclose(fast, plain, atol=1e-4, rtol=0)


def test_evidence_is_that_of_a_normal_distribution_of_all_magnitudes():
    """The same by the covariance of the magnitudes themselves, all priors in it, without any normal equations."""
    _, points = points_of(nights=((0, 2), (1, 2)), step_min=15)
    frequency, n = 3.1, 3
    rows = fourier.harmonics(points.t_d * frequency, n)
    base = np.diag(points.err**2) + points.nuisance @ np.diag(1 / points.precision) @ points.nuisance.T

    def log_likelihood(covariance):
        sign, log = np.linalg.slogdet(covariance)
        return -(points.mag @ np.linalg.solve(covariance, points.mag) + log) / 2

    wanted = [
        log_likelihood(base + rows @ np.diag(1 / evidence.precision_of(n, scale)) @ rows.T) - log_likelihood(base)
        for scale in evidence.SCALES_MAG
    ]
    (got,) = evidence.of_frequencies(evidence.Projection(points), np.array([frequency]), n)
    assert got[-1] == pytest.approx(np.logaddexp.reduce(wanted) - np.log(len(wanted)), abs=1e-4)


def test_offsets_of_nights_do_not_make_a_period():
    """Nights that are off by far more than the body varies: with a wide prior the period is found nevertheless."""
    truth, points = points_of(amplitude=0.1, common=0.3)
    found = solution.solve(points, "body")
    assert any(each.holds(24 / truth.period_h) for each in found.candidates)
    assert abs(found.amplitude_mag - 0.1) < 0.03


def test_two_nights_apart_leave_aliases_whose_reason_is_told():
    truth, points = points_of(period_h=5.1, amplitude=0.12, nights=((0, 3), (5, 3)), err=0.03, seed=4)
    found = solution.solve(points, "body")
    assert any(each.holds(24 / truth.period_h) for each in found.candidates)
    assert len(found.candidates) > 3
    reasons = " ".join(each.reason for each in found.candidates)
    assert "rotation" in reasons
    assert found.probability.sum() == pytest.approx(1)


def test_a_night_shorter_than_the_period_gives_a_lower_limit():
    truth, points = points_of(period_h=14.0, nights=((0, 5),))
    found = solution.solve(points, "body")
    assert found.period_h is None
    assert 4 < found.longer_than_h <= truth.period_h
    assert "less than one rotation" in found.verdict and "\n" not in found.verdict


def test_a_constant_body_has_no_period():
    rng = np.random.default_rng(3)
    _, points = points_of(amplitude=0.3)
    found = solution.solve(points.with_mag(rng.normal(0, 0.015, len(points))), "body")
    assert found.period_h is None and "no variation" in found.verdict
    assert 0.005 < found.amplitude_mag + 2 * found.amplitude_err_mag < 0.06


def test_too_few_points_are_one_line():
    _, points = points_of(nights=((0, 0.5),))
    with pytest.raises(PipelineError, match="at least 12"):
        solution.solve(points, "body")


def test_half_a_period_with_one_maximum_is_warned_of():
    rng = np.random.default_rng(5)
    _, points = points_of()
    mag = 0.05 * np.cos(2 * np.pi * points.t_d * 24 / 6.0) + rng.normal(0, 0.01, len(points))
    found = solution.solve(points.with_mag(mag), "body")
    assert any(each.holds(24 / 6.0) for each in found.candidates)
    assert any(each.holds(24 / 12.0) for each in found.candidates)


def test_the_period_that_the_user_takes_comes_first(solved):
    _, points, _ = solved
    found = solution.solve(points, "body", chosen_h=14.6)
    assert found.period_h == pytest.approx(14.6, rel=1e-3)
    with pytest.raises(PipelineError, match="excluded"):
        solution.solve(points, "body", chosen_h=9.0)


def test_correlated_noise_makes_the_error_larger():
    truth, points = points_of(nights=((0, 8), (1, 8), (2, 8)))
    rng = np.random.default_rng(8)
    white = rng.normal(0, 0.015, len(points))
    red = np.convolve(rng.normal(0, 1, len(points) + 7), np.ones(8), "valid")
    errors = []
    for given in (white, red / red.std() * 0.015):
        found = solution.solve(points.with_mag(truth.mag(points.t_d) + given), "body", (6, 9))
        errors.append(found.period_err_h)
    assert errors[1] > 1.6 * errors[0]


def test_cross_validation_needs_the_harmonics_that_are_there():
    truth, points = points_of(harmonics=4, amplitude=0.6, err=0.005)
    size = np.hypot(truth.coefficients[::2], truth.coefficients[1::2])
    chosen, scores = order.choose(points, 24 / truth.period_h)
    needed = 1 + np.flatnonzero(size > 0.01)[-1]
    assert needed <= chosen <= 7
    assert scores[chosen] < scores[2]


def test_leaving_out_a_block_is_what_it_says():
    """The formula for a block that is left out, against fits without it."""
    _, points = points_of(nights=((0, 3), (1, 3)), step_min=10)
    frequency, n = 24 / 7.3, 2
    blocks = order.blocks_of(points, frequency)
    prior, total = fourier.scale_of(points), 0.0
    for each in np.unique(blocks):
        own = blocks == each
        part = points.part(~own)
        fit = fourier.fit(part, frequency, n, prior_mag=prior)
        left = points.mag[own] - fit.at(points.t_d[own] * frequency) - points.nuisance[own] @ fit.offsets
        total += np.sum((left / points.err[own]) ** 2)
    assert order._score(points, frequency, n, 1.0, blocks) == pytest.approx(total / len(points), rel=1e-6)


def test_second_period_shows_in_the_residuals():
    truth, points = points_of(nights=((0, 8), (1, 8), (2, 8)), err=0.01)
    eclipses = 0.02 * np.cos(2 * np.pi * points.t_d * 24 / 3.37)
    series = fourier.refined(points.with_mag(points.mag + eclipses), 24 / truth.period_h, 3)
    found = residuals.second_period(points, series, (1, 40))
    assert found.significant
    assert found.period_h == pytest.approx(3.37, rel=0.02)
    assert found.amplitude_mag == pytest.approx(0.04, rel=0.3)


def test_residuals_without_a_second_period_show_none(solved):
    assert not solved[2].second.significant


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        (lambda x: np.cos(x), 1),
        (lambda x: np.cos(2 * x) + 0.2 * np.cos(x), 2),
        (lambda x: np.cos(3 * x) + 0.1 * np.sin(x), 3),
        (lambda x: np.cos(2 * x) + 0.03 * np.cos(9 * x), 2),
        (lambda x: 0 * x, 1),
    ],
)
def test_maxima_that_stand_out_are_counted(curve, expected):
    assert shape.maxima(curve(2 * np.pi * np.arange(720) / 720)) == expected


def test_large_curves_with_one_maximum_are_unlikely():
    assert shape.odds(1, 0.05) > 0.2
    assert shape.odds(1, 0.5) < 0.01
    assert shape.odds(2, 0.5) == shape.odds(2, 0.05) == 1


def test_reasons_of_aliases():
    best = candidates.Candidate(3.0, 2.99, 3.01, 100.0)

    def reason(frequency):
        made = candidates.Candidate(frequency, frequency - 0.01, frequency + 0.01, 99.0)
        return candidates.reason_of(made, best, 30.0, 1.0)

    assert reason(1.5) == "double" and reason(6.0) == "half"
    assert reason(4.0) == "1 rotation more a night"
    assert reason(2.5) == "half a rotation less a night"
    assert "too few" in reason(3.7)


def test_scale_of_errors_is_found():
    truth, points = points_of()
    half = Measurements(
        points.t_d, points.mag, points.err / 2, points.session, points.band, points.phase_deg, points.offset_sigma
    )
    series = fourier.refined(half, 24 / truth.period_h, 4)
    assert noise.scale_of(half, series) == pytest.approx(2.0, rel=0.15)


def test_outliers_do_not_count_and_are_counted():
    truth, points = points_of()
    hit = np.zeros(len(points), dtype=bool)
    hit[[7, 60, 130]] = True
    found = solution.solve(points.with_mag(points.mag + np.where(hit, [0.9], 0)), "body")
    np.testing.assert_array_equal(found.outlying, hit)
    clean = solution.solve(points, "body")
    assert not clean.outlying.any()
    assert abs(found.period_h - clean.period_h) < 0.5 * clean.period_err_h
    assert found.period_err_h < 1.3 * clean.period_err_h


@pytest.mark.parametrize(
    ("asked_h", "why"),
    [
        ((9000, 10000), "do not tell periods"),
        ((9, 6), "do not tell periods"),
        ((1e-6, 1), "would have to be tried"),
    ],
)
def test_a_range_that_cannot_be_searched_is_told(solved, asked_h, why):
    with pytest.raises(PipelineError, match=why):
        solution.solve(solved[1], "body", asked_h)
