"""The zeropoint of a frame: the documented rule, and whether its error is what it says."""

import numpy as np
import pytest

from photometrypipeline.base.errors import TooFewStars
from photometrypipeline.calibration.zeropoint import fit_zeropoint

# m_ref, sigma_ref, m_inst, sigma_inst of ten stars, the first of which is wrong by 0.08 mag
STARS = np.array(
    [
        (15.00, 0.005, -10.09, 0.003),
        (15.50, 0.02, -9.49, 0.005),
        (16.00, 0.02, -9.01, 0.006),
        (16.40, 0.02, -8.57, 0.008),
        (17.00, 0.03, -8.00, 0.010),
        (17.30, 0.03, -7.72, 0.015),
        (18.00, 0.05, -6.98, 0.03),
        (18.20, 0.05, -6.83, 0.03),
        (19.00, 0.09, -5.86, 0.08),
        (19.30, 0.10, -5.82, 0.09),
    ]
).T
DIFFERENCE = STARS[0] - STARS[2]
VARIANCE = np.maximum(STARS[1], 0.01) ** 2 + STARS[3] ** 2


def test_all_stars_in_the_first_step():
    first = fit_zeropoint(DIFFERENCE, VARIANCE).steps[0]
    assert (first.zp, first.sig, first.chi2) == pytest.approx((25.0419, 0.0826, 5.2232), abs=5e-5)
    assert first.n_used == 10


@pytest.mark.parametrize(
    ("weighted", "stars", "numbers"),
    [
        (True, [2, 4, 5, 6, 7], (25.0092, 0.0446, 0.1419)),
        (False, [0, 2, 4, 5, 7], (25.0641, 0.0511, 4.7617)),  # the discrepant bright star stays in
    ],
)
def test_the_most_deviant_stars_go_first(weighted, stars, numbers):
    fit = fit_zeropoint(DIFFERENCE, VARIANCE, 0.5, weighted_ranking=weighted)
    assert np.flatnonzero(fit.step.used).tolist() == stars
    assert (fit.zp, fit.sig, fit.step.chi2) == pytest.approx(numbers, abs=5e-5)


def test_all_stars_stay_where_none_may_be_rejected():
    fit = fit_zeropoint(DIFFERENCE, VARIANCE, reject=False)
    assert fit.step.used.all() and len(fit.steps) == 1


@pytest.mark.parametrize(("minstars", "least"), [(0.5, 30), (20, 20), (1000, 60), (0.8, 48), (1.0, 60), (1, 3)])
def test_as_many_stars_are_kept_as_asked_for(minstars, least):
    rng = np.random.default_rng(5)
    fit = fit_zeropoint(25 + rng.normal(0, 0.02, 60), np.full(60, 0.02**2), minstars)
    assert fit.step.n_used >= least


@pytest.mark.parametrize(("minstars", "least"), [(300, 300), (0.9, 360), (0.5, 200)])
def test_no_number_of_stars_is_too_many_to_be_kept(minstars, least):
    rng = np.random.default_rng(6)
    fit = fit_zeropoint(25 + rng.normal(0, 0.02, 400), np.full(400, 0.02**2), minstars)
    assert least <= fit.step.n_used < least + 10  # 2 % are removed at once


def test_without_a_wish_a_hundred_stars_are_enough():
    rng = np.random.default_rng(6)
    fit = fit_zeropoint(25 + rng.normal(0, 0.02, 400), np.full(400, 0.02**2), 0.5, enough=100)
    assert 100 <= fit.step.n_used < 105


def test_clouds_lower_the_zeropoint_and_variable_stars_do_not():
    rng = np.random.default_rng(1)
    variance = np.full(60, 0.02**2)
    clear = 25.3 + rng.normal(0, 0.02, 60)
    clear[:5] -= 0.8  # five stars are fainter tonight
    night, cloudy = fit_zeropoint(clear, variance), fit_zeropoint(clear - 1.5, variance)
    assert not night.step.used[:5].any()
    assert night.zp == pytest.approx(25.3, abs=3 * 0.02 / np.sqrt(night.step.n_used))
    assert night.zp - cloudy.zp == pytest.approx(1.5)


def test_fewer_than_three_stars_give_none():
    with pytest.raises(TooFewStars, match="2 reference stars"):
        fit_zeropoint(np.array([25.0, 25.1]), np.array([1e-4, 1e-4]))


@pytest.mark.parametrize("underestimated", [1.0, 2.0])
def test_the_error_of_the_mean_is_the_scatter_of_many_fields(underestimated):
    """Also where the stars scatter twice as much as their errors say."""
    rng = np.random.default_rng(2)
    fits = []
    for _ in range(400):
        error = rng.uniform(0.01, 0.04, 80)
        fits.append(fit_zeropoint(25 + rng.normal(0, underestimated * error), error**2))
    scatter = np.std([fit.zp for fit in fits])
    assert np.mean([fit.err for fit in fits]) == pytest.approx(scatter, rel=0.3)
