"""Images whose pixels are not light, and those that only kept the cards of it."""

import numpy as np

from photometrypipeline.newcamera import pixelunits

CARDS = {"BSOFTEN": 10.0, "BOFFSET": 3.0}


def test_asinh_magnitudes_are_told_from_light():
    light = np.array([[100.0, 2e4], [250.0, np.nan]])
    asinh = 2.5 * np.log10(np.e) * np.arcsinh((light - CARDS["BOFFSET"]) / 2 / CARDS["BSOFTEN"])
    assert pixelunits.is_asinh(CARDS, asinh)
    assert not pixelunits.is_asinh(CARDS, light)
    assert not pixelunits.is_asinh({}, asinh)
