"""The mean of a light curve, bright and faint."""

import numpy as np
import pytest

from photometrypipeline.frames import means
from photometrypipeline.frames.rows import NOT_DETECTED, Row


def row(mag, err=0.01, **more):
    return Row(mag=mag, err_frame=err, **more)


def faint_night(rng, n, flux, least_sigma):
    """Return Rows of frames with light `flux` of noise 1; below `least_sigma` it is not detected; zeropoint 25."""
    rows = []
    for light in flux + rng.normal(0, 1, n):
        if light > least_sigma:
            rows.append(row(25 - 2.5 * np.log10(light), 1.0857 / light))
        else:
            limits = {"mag_limit": 25 - 2.5 * np.log10(3), "inst_limit": -2.5 * np.log10(3)}
            forced = {"forced_flux": light, "forced_err": 1.0, "others_flux": 0.0}
            rows.append(Row(detected=False, reason=NOT_DETECTED, **limits, **forced))
    return rows


def test_of_bright_rows_it_is_that_of_the_magnitudes_and_a_sample():
    found = means.of_rows([row(17.0), row(17.1), row(17.4), row(12.0, reason="far")])
    assert (found.mag, found.scatter) == (pytest.approx(17.1667, abs=1e-4), pytest.approx(0.20817, abs=1e-5))
    assert (found.n, found.n_weak, found.by_flux, found.told()) == (3, 0, False, "")
    assert means.of_rows([row(17.0)]).scatter is None
    assert means.of_rows([]).mag is None
    assert means.of_rows([row(17.0, np.nan), row(19.0, 0.5)]).mag == 18.0  # an error that nobody knows weighs nothing


@pytest.mark.parametrize(("flux", "least_sigma"), [(5.0, 0.5), (2.0, 0.1), (2.5, 2.0)])
def test_of_faint_rows_it_is_that_of_the_light(flux, least_sigma):
    rng = np.random.default_rng(1)
    found = [means.of_rows(faint_night(rng, 40, flux, least_sigma)) for _ in range(300)]
    off = np.array([each.mag for each in found]) - (25 - 2.5 * np.log10(flux))
    assert abs(off.mean()) < 0.004 + 3 * off.std() / np.sqrt(off.size)
    assert off.std() == pytest.approx(1.0857 / flux / np.sqrt(40), rel=0.15)
    assert all(each.by_flux for each in found)
    by_magnitude = [
        np.mean([each.mag for each in faint_night(rng, 40, flux, least_sigma) if each.detected]) for _ in range(300)
    ]
    assert abs(np.mean(by_magnitude) - (25 - 2.5 * np.log10(flux))) > 0.015
    if flux < 3:
        assert "below 3 sigma" in found[0].told() and "without a detection" in found[0].told()


def test_light_of_others_says_nothing_of_the_target():
    rows = [row(20.0, 0.2), *faint_night(np.random.default_rng(2), 3, 50.0, 1e3)]
    assert means.of_rows(rows).n_unseen == 3
    for each in rows[1:]:
        each.others_flux = 7.0
    assert means.of_rows(rows).mag == pytest.approx(20.0)
