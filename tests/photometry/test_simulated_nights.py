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


def test_other_optics_keep_all_light_and_the_sky_can_have_a_shape():
    rng = np.random.default_rng(3)
    series = nights.OPTICS["coma"]
    optics = nights.Optics.drawn(rng, series)
    image = np.zeros((101, 101))
    nights._draw(image, 51.0, 51.0, 1.0, optics, 0, (0.0, 0.0), 12.0)
    assert image.sum() == pytest.approx(1, abs=6e-3)
    x = np.arange(101) - 50
    moments = [(image.sum(axis=0) * x**power).sum() for power in (1, 3)]
    assert abs(moments[0]) < 0.02 and moments[1] > 1  # one side has a tail
    fwhm = nights.Optics.drawn(rng, nights.OPTICS["focus drifts"]).fwhm_px
    assert fwhm[-1] > 1.5 * fwhm[0]
    nebula = nights.Pattern.drawn(rng, nights.OPTICS["nebula"], []).through(np.zeros((768, 768)))
    assert 70 < np.ptp(nebula) < 130
