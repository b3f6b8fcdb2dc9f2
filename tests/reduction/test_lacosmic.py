"""Cosmic rays on simulated frames: those that were put there are found and repaired, and no star is."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

import sky
from photometrypipeline.reduction import lacosmic

SIZE, FWHM, SKY, SATURATION = 300, 3.5, 300.0, 20_000.0


@pytest.mark.parametrize("gain", [0.5, 1.0, 8.0])
def test_hits_are_found_and_repaired_and_stars_that_are_full_are_not(gain):
    rng = np.random.default_rng(5)
    x, y = rng.uniform(20, SIZE - 20, (2, 30))
    flux = 10 ** rng.uniform(3.5, 6.3, 30)  # the brightest are far beyond saturation
    clean = sky.render((SIZE, SIZE), x, y, flux, FWHM, 3.0) + SKY
    image = np.minimum(rng.poisson(clean * gain) / gain + rng.normal(0, 5 / gain, clean.shape), SATURATION)
    empty = 5 + np.argwhere((clean < SKY + 0.5)[5:-5, 5:-5])  # the method leaves out the edge
    hits = tuple(empty[rng.choice(len(empty), 40, replace=False)].T)
    struck = image.copy()
    struck[hits] += 60 * np.sqrt(SKY / gain + (5 / gain) ** 2)
    struck[0, 0] = np.nan
    hit, repaired = lacosmic.find(struck, lacosmic.Detector(gain, 5.0, SATURATION))
    assert hit[hits].mean() > 0.95
    struck_or_next = np.zeros_like(hit)
    struck_or_next[hits] = True
    struck_or_next = binary_dilation(struck_or_next, np.ones((3, 3)))
    assert not (hit & ~struck_or_next).any()  # no star, however full
    noise = np.sqrt(SKY / gain + (5 / gain) ** 2)
    assert np.std((repaired - clean)[hits]) < 1.5 * noise
    assert np.isnan(repaired[0, 0]) and np.array_equal(repaired[~hit], struck.astype(np.float32)[~hit], equal_nan=True)
