"""The simulator of the accuracy benchmark, against GalSim."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
import nights

galsim = pytest.importorskip("galsim")
SHEAR = (0.04, -0.02)


@pytest.mark.parametrize("trail", [(0.0, 0.0), (5.0, 3.3), (-11.0, 4.0)])
def test_profiles_are_those_of_galsim(trail):
    optics = nights.Optics(np.array([4.2]), 3.0, SHEAR, 0.0, 101)
    ours, theirs = np.zeros((101, 101)), galsim.ImageD(101, 101)
    nights._draw(ours, 50.3, 51.6, 1.0, optics, 0, trail, 12.0)
    params = galsim.GSParams(folding_threshold=2e-4, maximum_fft_size=8192)
    star = galsim.Moffat(beta=3.0, fwhm=4.2, gsparams=params).shear(g1=SHEAR[0], g2=SHEAR[1])
    if any(trail):
        line = galsim.Box(math.hypot(*trail), 1e-3, gsparams=params)
        star = galsim.Convolve(star, line.rotate(math.atan2(trail[1], trail[0]) * galsim.radians), gsparams=params)
    star.drawImage(theirs, scale=1.0, center=galsim.PositionD(50.3, 51.6))
    assert np.abs(ours - theirs.array).max() < 1e-4 * ours.max()
    assert np.abs(ours - theirs.array).sum() < 5e-4


def test_a_night_has_its_light_and_its_defects(tmp_path):
    series = nights.Series("", 2.0, bad_pixels=True, n_stars=8, n_behind=0, n_frames=2, n_targets=2, size=160)
    targets = nights.make(tmp_path, series, 1)
    assert [len(each.profiles) for each in targets] == [2, 2]
    for each in targets:  # all the light but for the wings beyond 8 FWHM
        flux = 10 ** (0.4 * (each.truth.zeropoint - each.truth.mag))
        assert np.array([stamp.sum() for stamp in each.profiles]) == pytest.approx(flux, rel=6e-3)
    limit = [targets[0].limit_mag(0, radius) for radius in (1.0, 5.0, 15.0)]
    assert limit[1] < limit[0] and limit[1] < limit[2]  # little light, or much sky
    sky = np.median(nights.fits.getdata(targets[0].truth.paths[0])[-12:], axis=0)  # columns in pieces end at the top
    assert (sky == 0).any() and sky.max() > 500  # a dead column and a hot one
