"""The PSF of a frame: its width, its wings, how it varies over the field, and whether the stars are drawn out."""

import numpy as np
import pytest
from astropy.io import fits

import lightframe
import sky
from photometrypipeline.photometry import framepsf, moffat, trail
from photometrypipeline.photometry.cutouts import aperture

SIZE = 500


def frame(path, rng, fwhm_px, beta=3.0, motion=(0.0, 0.0), number=40):
    """Write a frame with stars of FWHM `fwhm_px` (of x, y); returns (x, y, flux)."""
    x, y = lightframe.parted(rng, number, SIZE, 30, 35)
    flux = 10 ** rng.uniform(4.0, 5.2, number)
    clean = np.zeros((SIZE, SIZE))
    for own_x, own_y, own_flux in zip(x, y, flux, strict=True):
        clean += lightframe.trailed(clean.shape, own_x, own_y, own_flux, fwhm_px(own_x, own_y), beta, motion, 0.25)
    lightframe.write(path, clean, rng)
    return x, y, flux


def psf_of(path, x, y, flux, fwhm_px, motion=None):
    from photometrypipeline.photometry.cutouts import FramePixels

    pixels = FramePixels(path, fits.getheader(path))
    stars = framepsf.cut_stars(pixels, x, y, flux, fwhm_px, lightframe.GAIN)
    return framepsf.fit(stars, fwhm_px, (SIZE, SIZE), motion)


@pytest.mark.parametrize(("fwhm_px", "beta"), [(4.0, 3.0), (2.0, 2.5)])
def test_width_and_wings_of_a_moffat_profile_come_back(tmp_path, fwhm_px, beta):
    rng = np.random.default_rng(1)
    x, y, flux = frame(tmp_path / "a.fits", rng, lambda x, y: fwhm_px, beta)
    psf = psf_of(tmp_path / "a.fits", x + rng.normal(0, 0.1, x.size), y, flux, 1.2 * fwhm_px)
    assert psf.fwhm_px == pytest.approx(fwhm_px, rel=0.01)
    assert 1 / psf.b == pytest.approx(beta, abs=0.15)
    assert not psf.stars_trailed
    assert np.abs(psf.stars.x - x).max() < 0.08  # places too, 0.1 px off at the start


def test_a_gaussian_is_a_profile_too(tmp_path):
    rng = np.random.default_rng(2)
    x, y, flux = frame(tmp_path / "a.fits", rng, lambda x, y: 4.0, None)
    psf = psf_of(tmp_path / "a.fits", x, y, flux, 4.0)
    steps = np.arange(-12, 13)
    light = psf.light(250.0, 250.0, steps[None, :], steps[:, None])
    truth = sky.render((25, 25), 13.0, 13.0, 1.0, 4.0)
    assert np.abs(light - truth).max() < 0.01 * truth.max()
    assert light.sum() == pytest.approx(1.0, abs=0.005)


def test_the_fit_of_gaussian_stars_ends_at_its_least_chi2(tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    x, y, flux = frame(tmp_path / "a.fits", rng, lambda x, y: 4.0, None)
    costs, equations = [], framepsf._equations
    monkeypatch.setattr(framepsf, "_equations", lambda *a: (found := equations(*a), costs.append(found[0]))[0])
    found = psf_of(tmp_path / "a.fits", x, y, flux, 4.0)
    assert len(costs) < 25
    monkeypatch.setattr(framepsf, "ROUNDS", 60)
    assert found.chi2 < 1.002 * psf_of(tmp_path / "a.fits", x, y, flux, 4.0).chi2


def test_a_profile_that_widens_by_a_quarter_towards_the_corners_is_followed(tmp_path):
    rng = np.random.default_rng(3)

    def width(x, y):
        return 4.0 * (1 + 0.25 * ((x - SIZE / 2) ** 2 + (y - SIZE / 2) ** 2) / (SIZE**2 / 2))

    x, y, flux = frame(tmp_path / "a.fits", rng, width)
    psf = psf_of(tmp_path / "a.fits", x, y, flux, 4.4)
    assert psf.varies
    for place in ((250, 250), (60, 440), (430, 80)):
        assert psf.fwhm_at(*place) == pytest.approx(width(*place), rel=0.015)


def test_trailed_stars_are_recognised_and_the_profile_behind_them_is_round(tmp_path):
    rng = np.random.default_rng(4)
    x, y, flux = frame(tmp_path / "a.fits", rng, lambda x, y: 3.5, 3.0, (6.0, 3.0), number=20)
    psf = psf_of(tmp_path / "a.fits", x, y, flux, 5.5, motion=(-6.0, -3.0))
    assert psf.stars_trailed
    assert psf.fwhm_px == pytest.approx(3.5, rel=0.03)
    assert trail.on_detector(psf, (6.0, 3.0)) == (
        0.0,
        0.0,
    )  # a target that moves so is round: the telescope followed it
    assert np.hypot(*trail.on_detector(psf, (0.0, 0.0))) == pytest.approx(np.hypot(6, 3))


def test_round_stars_are_not_taken_for_trailed_ones(tmp_path):
    rng = np.random.default_rng(5)
    x, y, flux = frame(tmp_path / "a.fits", rng, lambda x, y: 4.0, number=20)
    psf = psf_of(tmp_path / "a.fits", x, y, flux, 4.0, motion=(-6.0, -3.0))
    assert not psf.stars_trailed


def test_a_bad_column_through_stars_does_not_spoil_the_profile(tmp_path):
    rng = np.random.default_rng(6)
    x, y, flux = frame(tmp_path / "a.fits", rng, lambda x, y: 4.0, number=20)
    image = fits.getdata(tmp_path / "a.fits")
    for star in (0, 1):
        image[:, int(x[star])] = 0.0
    fits.writeto(tmp_path / "a.fits", image, overwrite=True)
    psf = psf_of(tmp_path / "a.fits", x, y, flux, 4.0)
    assert psf.fwhm_px == pytest.approx(4.0, rel=0.02)


def test_two_stars_make_no_profile(tmp_path):
    rng = np.random.default_rng(7)
    x, y, flux = frame(tmp_path / "a.fits", rng, lambda x, y: 4.0, number=2)
    with pytest.raises(ValueError, match="only 2 stars"):
        psf_of(tmp_path / "a.fits", x, y, flux, 4.0)


def test_stars_for_the_profile_are_alone_and_spread_over_the_frame():
    rng = np.random.default_rng(8)
    x, y = rng.uniform(0, 1000, (2, 900))
    flux, flags = 10 ** rng.uniform(2, 5, 900), np.zeros(900, dtype=int)
    flags[:300] = 4
    chosen = framepsf.choose(x, y, flux / 20, flux, flags, 4.0, (1000, 1000), avoid=[(500.0, 500.0)])
    assert 20 < chosen.size <= framepsf.MOST_STARS and (chosen >= 300).all()
    apart = np.hypot(x[chosen][:, None] - x, y[chosen][:, None] - y)
    apart[np.arange(chosen.size), chosen] = np.inf
    brighter = flux > 0.02 * flux[chosen][:, None]
    assert (apart[brighter] > 16).all()
    assert (np.hypot(x[chosen] - 500, y[chosen] - 500) > 16).all()
    assert len({(int(a // 334), int(b // 334)) for a, b in zip(x[chosen], y[chosen], strict=True)}) == 9


def test_derivatives_of_the_profile_are_those_of_its_values():
    dx, dy = np.meshgrid(np.arange(-6.0, 7), np.arange(-6.0, 7))
    start = np.array([0.3, 0.08, 0.01, 0.11])  # b, wxx, wxy, wyy
    places = moffat.nodes(4.0)
    exact = moffat.derivatives(dx, dy, tuple(start[1:]), start[0], places)
    assert np.allclose(exact[0], moffat.pixels(dx, dy, tuple(start[1:]), start[0], places))
    for n in range(4):
        step = np.zeros(4)
        step[n] = 1e-5
        high, low = (moffat.pixels(dx, dy, tuple(p[1:]), p[0], places) for p in (start + step, start - step))
        assert np.allclose(exact[3 + n], (high - low) / 2e-5, atol=1e-6)
    moved = moffat.pixels(dx - 1e-5, dy, tuple(start[1:]), start[0], places)
    assert np.allclose(exact[1], (moved - exact[0]) / 1e-5, atol=1e-5)


def test_faint_stars_beside_some_stars_do_not_widen_the_profile(tmp_path):
    rng = np.random.default_rng(8)
    x, y = lightframe.parted(rng, 40, SIZE, 30, 35)
    flux = 10 ** rng.uniform(4.0, 5.2, 40)
    angle, share = rng.uniform(0, 2 * np.pi, 40), np.where(np.arange(40) % 2, 0.012, 0.0)
    clean = sky.render((SIZE, SIZE), x + 1, y + 1, flux, 4.0, 3.0)
    clean += sky.render((SIZE, SIZE), x + 1 + 8.5 * np.cos(angle), y + 1 + 8.5 * np.sin(angle), share * flux, 4.0, 3.0)
    lightframe.write(tmp_path / "a.fits", clean, rng)
    psf = psf_of(tmp_path / "a.fits", x, y, flux, 4.0)
    steps = np.arange(-14.0, 15.0)
    beside = [aperture(steps[None] - 8 * dx, steps[:, None] - 8 * dy, 3.3) for dx, dy in ((1, 0), (0, 1), (-0.7, 0.7))]
    own = psf.light(250.0, 250.0, steps[None], steps[:, None])
    truth = sky.render((29, 29), 15.0, 15.0, 1.0, 4.0, 3.0)
    found, true = (np.array([(each * light).sum() for each in beside]) for light in (own, truth))
    assert found == pytest.approx(true, rel=0.06)  # two widths away: 20 % too much with that light
    assert 1 / psf.b == pytest.approx(3.0, abs=0.1)
