"""Error bars, part by part."""

import numpy as np
import pytest

from photometrypipeline.photometry.errorbars import ZeropointErrors, parts


def test_parts_add_up_to_what_repeated_measurements_scatter_by():
    """Photons of source and sky in an aperture, and a zeropoint that is a little wrong each time."""
    rng = np.random.default_rng(1)
    gain, area, sky, flux, zp_err = 2.0, 60, 150.0, 5000.0, 0.006
    counts = rng.poisson(gain * (flux + area * sky), 20000) / gain - area * sky
    mag = -2.5 * np.log10(counts) + rng.normal(0, zp_err, counts.size)
    sextractor = 1.0857 * np.sqrt(area * sky / gain + flux / gain) / flux
    found = parts([flux], [sextractor], gain, ZeropointErrors(zp_err, 0.0, transformation=0.015))
    assert found["err_total"][0] == pytest.approx(mag.std(), rel=0.03)
    assert found["err_photon"][0] == pytest.approx(1.0857 / np.sqrt(flux * gain), rel=1e-4)
    assert found["err_background"][0] == pytest.approx(1.0857 * np.sqrt(area * sky / gain) / flux, rel=1e-3)
    together = np.sqrt(sum(found[f"err_{name}"][0] ** 2 for name in ("photon", "background", "zeropoint")))
    assert together == pytest.approx(found["err_total"][0], rel=1e-3)
    assert found["err_frame"][0] == found["err_total"][0]
    assert found["err_transformation"][0] == 0.015  # common to all frames: stands beside


def test_what_all_frames_share_stands_apart():
    found = parts(
        [5000.0, 50.0], [0.01, 0.1], 2.0, ZeropointErrors(0.002, np.array([0.003, 0.004]), 0.01, 0.005, 0.012)
    )
    assert found["err_frame"] == pytest.approx(np.hypot([0.01, 0.1], 0.002))
    assert found["err_common"] == pytest.approx(np.sqrt(np.array([0.003, 0.004]) ** 2 + 0.01**2 + 0.005**2 + 0.012**2))
    assert found["err_zeropoint"] == pytest.approx(np.hypot(0.002, [0.003, 0.004]))
    assert found["err_source"].tolist() == [0.01, 0.1]


def test_without_a_gain_the_photon_noise_is_unknown_and_not_zero():
    assert np.isnan(parts([5000.0], [0.02], None, ZeropointErrors(0.0, 0.0))["err_photon"][0])
