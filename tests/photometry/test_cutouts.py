"""Cut-outs of frames, and apertures in them."""

import numpy as np
import pytest
from photutils.geometry import circular_overlap_grid

from photometrypipeline.photometry.cutouts import aperture

PLACES = np.random.default_rng(4).uniform(-0.5, 0.5, (40, 2))


@pytest.mark.parametrize("radius_px", [0.7, 2.0, 3.7, 9.3])
def test_pixels_at_the_edge_of_an_aperture_count_for_the_part_inside(radius_px):
    half = int(radius_px) + 2
    steps, side = np.arange(-half, half + 1), 2 * half + 1
    for x, y in PLACES:
        shares = aperture((steps - x)[None, :], (steps - y)[:, None], radius_px)
        edges = [first + end for first in (-x, -y) for end in (-half - 0.5, half + 0.5)]
        exact = circular_overlap_grid(*edges, side, side, radius_px, 1, 1)
        np.testing.assert_allclose(shares, exact, atol=0.006 if radius_px >= 2 else 0.03)
        assert shares.sum() == pytest.approx(np.pi * radius_px**2, abs=0.012 if radius_px >= 2 else 0.05)
