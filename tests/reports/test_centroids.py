"""Errors of positions."""

import numpy as np
import pytest

from photometrypipeline.frames.frame import Frame
from photometrypipeline.reports import centroids
from photometrypipeline.reports.observations import Observation
from reportrows import row


def test_the_error_ellipse_is_turned_onto_the_sky():
    cd = np.array([[-1e-4, 0], [0, 1e-4]])  # 0.36 arcsec per px, East to the left
    long_in_x = centroids.sky_covariance(0.2, 0.1, 0.0, cd)
    np.testing.assert_allclose(long_in_x, np.diag([0.072, 0.036]) ** 2, atol=1e-15)
    turned = centroids.sky_covariance(0.2, 0.1, 0.0, np.array([[0, 1e-4], [1e-4, 0]]))
    np.testing.assert_allclose(turned, np.diag([0.036, 0.072]) ** 2, atol=1e-15)
    slanted = centroids.sky_covariance(0.2, 0.1, 45.0, cd)
    assert slanted[0, 0] == pytest.approx(slanted[1, 1]) and slanted[0, 1] < 0  # x grows to the West, y to the North
    assert np.linalg.det(slanted) == pytest.approx(np.linalg.det(long_in_x))


def test_centroid_and_registration_add_up():
    header = {
        "CD1_1": -1e-4,
        "CD1_2": 0.0,
        "CD2_1": 0.0,
        "CD2_2": 1e-4,
        "ASTRRMS1": 0.03 / 3600,
        "ASTRRMS2": 0.05 / 3600,
    }
    source = {"ERRAWIN_IMAGE": 0.04 / 0.36, "ERRBWIN_IMAGE": 0.12 / 0.36, "ERRTHETAWIN_IMAGE": 0.0}
    observation = Observation(row(), "x", Frame("a.fits"))
    observation.header, observation.source = header, source
    rms_ra, rms_dec, correlation, rms_fit = centroids.position_errors(observation)
    assert (rms_ra, rms_dec) == (pytest.approx(0.05), pytest.approx(0.13))
    assert correlation == pytest.approx(0, abs=1e-9) and rms_fit == pytest.approx(np.sqrt((0.03**2 + 0.05**2) / 2))
