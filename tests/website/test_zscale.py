"""The range of a picture against astropy's."""

import numpy as np
import pytest

from photometrypipeline.website import zscale


@pytest.mark.parametrize("seed", range(8))
def test_it_is_that_of_astropy(seed):
    from astropy.visualization import ZScaleInterval

    rng = np.random.default_rng(seed)
    number = int(rng.integers(5, 40_000))
    sky = rng.normal(1000, 10, number) + (rng.random(number) < 0.05) * rng.exponential(3000, number)
    assert zscale.limits(sky.copy()) == pytest.approx(ZScaleInterval().get_limits(sky), rel=1e-12)


def test_a_frame_of_one_value_has_no_range():
    low, high = zscale.limits(np.full(100, 7.0))
    assert low == high == 7.0
