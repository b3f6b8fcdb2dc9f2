"""The sky in the middle of a ring of which sources cover a part: flat, sloping, with stars that nobody knows."""

import numpy as np
import pytest

from photometrypipeline.photometry import ringsky

INNER, OUTER = 18.0, 29.0
DY, DX = (axis.ravel() for axis in np.indices((61, 61)) - 30.0)
RING = (np.hypot(DX, DY) > INNER) & (np.hypot(DX, DY) < OUTER)
DX, DY = DX[RING], DY[RING]
ALL = np.ones(DX.size, bool)
ONE_SIDE = DX + 0.3 * np.abs(DY) < 0  # a third of the ring, all of it on the left


def measured(slope, seen, rng, n=600):
    """Return (error of the level, what is claimed for it) of `n` rings, a pixel's noise being 10 ADU."""
    values = 150 + slope * DX + rng.normal(0, 10, (n, DX.size))
    level, sigma, number = ringsky.skies(np.where(seen, values, np.nan), DX, DY)
    assert sigma.mean() == pytest.approx(10, rel=0.02)
    return level - 150, sigma / np.sqrt(number)


@pytest.mark.parametrize("slope", [0.0, 0.45])
@pytest.mark.parametrize("seen", [ALL, ONE_SIDE], ids=["all of the ring", "one side"])
def test_the_level_is_that_of_the_middle_and_its_error_holds(slope, seen):
    off, err = measured(slope, seen, np.random.default_rng(4))
    assert abs(off.mean()) < 4 * err.mean() / np.sqrt(off.size) + 0.04 * slope * abs(DX[seen].mean())
    assert np.sqrt(np.mean((off / err) ** 2)) == pytest.approx(1.0, abs=4 / np.sqrt(2 * off.size))


def test_a_whole_ring_is_as_good_as_its_mean():
    _, err = measured(0.0, ALL, np.random.default_rng(5), n=5)
    assert err == pytest.approx(10 / np.sqrt(DX.size), rel=0.05)


def test_unknown_stars_are_cut_off_and_too_few_pixels_are_no_sky():
    rng = np.random.default_rng(7)
    values = 150 + rng.normal(0, 10, (2, DX.size))
    values[0, :40] += 300.0
    values[1, 59:] = np.nan
    level, sigma, _ = ringsky.skies(values, DX, DY)
    assert level[0] == pytest.approx(150, abs=1.5) and sigma[0] == pytest.approx(10, rel=0.08)
    assert np.isnan(level[1]) and np.isnan(sigma[1])
