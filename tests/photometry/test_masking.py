"""What bad pixels take from a source, and how well they are filled."""

import numpy as np
import pytest

import sky
from photometrypipeline.photometry import masking

SHAPE = (60, 70)


def test_lost_light_is_that_of_the_profile():
    bad = np.zeros(SHAPE, bool)
    bad[:, 34] = True  # FITS column 35
    for fwhm in (2.5, 4.0, 7.0):
        star = sky.render(SHAPE, 34.2, 30.7, 1.0, fwhm)
        expected = [star[bad].sum(), sky.render(SHAPE, 31.0, 20.0, 1.0, fwhm)[bad].sum(), 0.0]
        assert masking.lost_fraction(bad, [34.2, 31.0, 10.0], [30.7, 20.0, 10.0], fwhm) == pytest.approx(
            expected, abs=0.006
        )
    assert masking.lost_fraction(bad, [np.nan], [3.0], 4.0) == 0


@pytest.mark.parametrize(
    ("where", "tolerance"),
    [
        ((slice(None), slice(34, 35)), 0.012),
        ((slice(None), slice(33, 35)), 0.04),
        ((30, 34), 0.002),
        ((slice(29, 30), slice(None)), 0.012),
    ],
)
def test_filled_pixels_keep_the_flux(where, tolerance):
    star = sky.render(SHAPE, 34.6, 30.4, 1e4, 4.5) + 100
    bad = np.zeros(SHAPE, bool)
    bad[where] = True
    broken = np.where(bad, 0, star)
    lost = (star - 100)[bad].sum() / 1e4
    assert lost > 0.02
    assert (masking.filled(broken, bad) - 100).sum() / (star - 100).sum() == pytest.approx(1, abs=tolerance)
    assert np.array_equal(masking.filled(broken, bad)[~bad], star.astype(np.float32)[~bad])


def test_edges_and_large_holes():
    image = np.full(SHAPE, 100.0) + np.arange(SHAPE[1])
    bad = np.zeros(SHAPE, bool)
    bad[:, :2] = bad[5:45, 20:60] = True
    filled = masking.filled(np.where(bad, np.nan, image), bad)
    assert np.isfinite(filled).all() and np.abs(filled - image)[:, :2].max() <= 2
    assert np.all(filled[25, 40] == pytest.approx(np.median(image[~bad]), abs=1))
    assert (masking.filled(image, np.ones(SHAPE, bool)) == 0).all()
