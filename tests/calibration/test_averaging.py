"""Terms that may be there or not: what data say of them, averaged over how wide they may be."""

import numpy as np
import pytest

from photometrypipeline.calibration import averaging

WIDTHS = (0.004, 0.03, 0.2)


def posterior(values, errors, groups=None):
    information = np.diag(1 / np.square(errors))
    return averaging.posterior(information, information @ np.array(values), [WIDTHS] * len(values), groups)


def test_what_is_not_there_costs_less_than_a_free_term_and_what_is_there_is_found():
    mean, covariance = posterior([0.004], [0.006])
    assert abs(mean[0]) < 0.003 and np.sqrt(covariance[0, 0]) < 0.005
    mean, covariance = posterior([0.05], [0.006])
    assert mean[0] == pytest.approx(0.05, abs=0.003) and np.sqrt(covariance[0, 0]) == pytest.approx(0.006, rel=0.1)


def test_terms_of_one_group_are_wide_together():
    mean, covariance = posterior([0.05, 0.01], [0.006, 0.006], ["gradient", "gradient"])
    assert mean == pytest.approx([0.05, 0.01], abs=0.003)  # the second is believed, as the first needs the width
    alone = posterior([0.05, 0.01], [0.006, 0.006])
    assert abs(alone[0][1]) < mean[1] and alone[1][1, 1] == pytest.approx(covariance[1, 1], rel=0.5)
    calm, certain = posterior([0.005, -0.004], [0.006, 0.006], ["gradient", "gradient"])
    apart = posterior([0.005, -0.004], [0.006, 0.006])
    assert np.abs(calm).max() < np.abs(apart[0]).max() and np.trace(certain) < np.trace(apart[1])


def test_no_terms_need_no_average():
    mean, covariance = averaging.posterior(np.zeros((0, 0)), np.zeros(0), [])
    assert mean.shape == (0,) and covariance.shape == (0, 0)
