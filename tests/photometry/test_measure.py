"""Magnitudes at known places against the light that was put there: trails, neighbours, bad pixels, errors."""

import pickle
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.io import fits

import lightframe
import sky
from photometrypipeline.photometry import framepsf, measure, scene
from photometrypipeline.photometry.cutouts import FramePixels

SIZE, FWHM, BETA, RADIUS = 640, 4.0, 3.0, 5.0


@pytest.fixture(scope="module")
def field():
    """Return (image without noise, x, y, flux of stars, x, y of free places)."""
    rng = np.random.default_rng(11)
    x, y = lightframe.parted(rng, 50, SIZE, 55)
    flux = 10 ** rng.uniform(4.3, 5.2, 25)
    return sky.render((SIZE, SIZE), x[:25] + 1, y[:25] + 1, flux, FWHM, BETA), x[:25], y[:25], flux, x[25:], y[25:]


def deviations(lights, flux):
    """Return (magnitude minus truth, claimed error), mag, shape (n,), by aperture and by PSF."""
    found = np.array([[light.mag(), light.mag(psf=True)] for light in lights])
    return [(found[:, n, 0] + 2.5 * np.log10(flux), np.hypot(*found[:, n, 1:].T)) for n in (0, 1)]


@pytest.mark.parametrize("motion", [(0.0, 0.0), (2.0, 0.5), (5.0, -3.5), (11.0, 5.0)])
def test_a_trail_costs_nothing_but_noise(tmp_path, field, motion):
    clean, x, y, flux, free_x, free_y = field
    target = 4e4
    clean = lightframe.with_targets(clean, free_x, free_y, target, FWHM, BETA, motion)
    lightframe.write(tmp_path / "a.fits", clean, np.random.default_rng(12))
    exposure = lightframe.exposure(tmp_path / "a.fits", x, y, flux, FWHM, RADIUS, others=(free_x, free_y))
    lights = [measure.measure(exposure, *place, motion) for place in zip(free_x, free_y, strict=True)]
    for off, error in deviations(lights, target):
        assert abs(off.mean()) < 0.002 + 3 * error.mean() / np.sqrt(off.size)
        assert 0.7 < np.std(off) / error.mean() < 1.35
    if np.hypot(*motion) > 5:
        assert lights[0].trail_correction_mag < -0.04


@pytest.mark.parametrize("wrong", [0.85, 1.2])
def test_a_profile_guessed_wrong_hardly_changes_what_a_trail_loses(tmp_path, field, wrong):
    clean, x, y, flux, free_x, free_y = field
    target, motion = 1e5, (11.0, 5.0)
    clean = lightframe.with_targets(clean, free_x, free_y, target, FWHM, BETA, motion)
    lightframe.write(tmp_path / "a.fits", clean, np.random.default_rng(13))
    exposure = lightframe.exposure(tmp_path / "a.fits", x, y, flux, FWHM, RADIUS, others=(free_x, free_y))
    guessed = replace(exposure, psf=framepsf.guess(wrong * FWHM, (SIZE, SIZE)))
    lights = [measure.measure(guessed, *place, motion) for place in zip(free_x, free_y, strict=True)]
    off, error = deviations(lights, target)[0]
    assert lights[0].trail_correction_mag < -0.2
    assert abs(off.mean()) < 0.010 + 3 * error.mean() / np.sqrt(off.size)
    assert abs(off.mean()) < lights[0].psf_err_mag  # which the row states


def test_the_correction_is_what_a_trailed_source_loses(tmp_path):
    shape = (121, 121)
    still = lightframe.trailed(shape, 60.3, 59.8, 1.0, FWHM, BETA)
    lightframe.write(tmp_path / "a.fits", still, np.random.default_rng(1))
    nothing = FramePixels(tmp_path / "a.fits", fits.getheader(tmp_path / "a.fits"), ([], [], []), None)
    exposure = measure.Exposure(nothing, framepsf.guess(FWHM, shape, 1 / BETA), None, RADIUS, None)
    inside = measure.aperture(np.arange(121)[None, :] - 60.3, np.arange(121)[:, None] - 59.8, RADIUS)
    for motion in ((2.0, 0.0), (4.0, 4.5), (0.0, 12.0)):
        drawn = lightframe.trailed(shape, 60.3, 59.8, 1.0, FWHM, BETA, motion)
        lost = -2.5 * np.log10((inside * drawn).sum() / (inside * still).sum())
        place = measure.place_of(exposure, 60.3, 59.8, motion)
        assert 2.5 * np.log10(place.share / place.round_share) == pytest.approx(-lost, abs=0.001)


def test_a_target_is_as_bright_wherever_it_lies_among_the_pixels(tmp_path):
    """Without a correction the light of stars 3 px wide in 2.6 px scatters by 0.0036 mag with their places."""
    rng, fwhm, target = np.random.default_rng(31), 3.0, 1e6
    x, y = lightframe.parted(rng, 60, SIZE, 45)
    flux = 10 ** rng.uniform(5.0, 5.6, 30)
    clean = sky.render((SIZE, SIZE), x[:30] + 1, y[:30] + 1, flux, fwhm, BETA)
    clean = lightframe.with_targets(clean, x[30:], y[30:], target, fwhm, BETA)
    lightframe.write(tmp_path / "a.fits", clean, rng)
    exposure = lightframe.exposure(tmp_path / "a.fits", x[:30], y[:30], flux, fwhm, 2.6, others=(x[30:], y[30:]))
    lights = [measure.measure(exposure, *place) for place in zip(x[30:], y[30:], strict=True)]
    for off, error in deviations(lights, target):
        assert np.std(off) < 1.4 * error.mean() < 0.0015
        assert abs(off.mean()) < 0.001
    assert all(light.trail_correction_mag == 0 for light in lights)


def test_errors_are_those_that_faint_targets_scatter_by(tmp_path, field):
    clean, x, y, flux, free_x, free_y = field
    target, motion = 1500.0, (3.0, 0.0)
    clean = lightframe.with_targets(clean, free_x, free_y, target, FWHM, BETA, motion)
    pulls = [[], []]
    for seed in range(4):
        lightframe.write(tmp_path / "a.fits", clean, np.random.default_rng(seed))
        exposure = lightframe.exposure(tmp_path / "a.fits", x, y, flux, FWHM, RADIUS, others=(free_x, free_y))
        for place in zip(free_x, free_y, strict=True):
            light = measure.measure(exposure, *place, motion)
            offsets = 10 ** (-0.4 * light.offset_mag), 10 ** (-0.4 * light.psf_offset_mag)
            pulls[0].append((light.flux * offsets[0] - target) / light.flux_err)
            pulls[1].append((light.psf_flux * offsets[1] - target) / light.psf_flux_err)
    for own in pulls:
        assert abs(np.mean(own)) < 0.3
        assert np.std(own) == pytest.approx(1.0, abs=0.17)  # 120 of them: 6.5 %
        assert np.mean(np.abs(own) < 1) == pytest.approx(0.68, abs=0.13)


def test_a_bad_column_through_the_target_is_repaired_by_the_psf(tmp_path, field):
    clean, x, y, flux, free_x, free_y = field
    target = 2e4
    clean = clean + sky.render(clean.shape, free_x + 1, free_y + 1, np.full(free_x.size, target), FWHM, BETA)
    path = lightframe.write(tmp_path / "a.fits", clean, np.random.default_rng(13))
    bad = np.zeros(clean.shape, dtype=bool)
    for column in free_x:
        bad[:, int(round(column)) + 1] = True
    exposure = lightframe.exposure(path, x, y, flux, FWHM, RADIUS, others=(free_x, free_y), bad=bad)
    lights = [measure.measure(exposure, *place) for place in zip(free_x, free_y, strict=True)]
    off, error = deviations(lights, target)[1]
    assert abs(off.mean()) < 0.005 and np.std(off) < 1.4 * error.mean()
    assert all(0.05 < light.masked_fraction < 0.4 for light in lights)


def test_light_of_a_neighbour_is_taken_off_with_its_error(tmp_path, field):
    clean, x, y, flux, free_x, free_y = field
    target, star = 1e4, 4e4  # 1.5 mag brighter, 1.2 FWHM away
    beside_x, beside_y = free_x + 4.0, free_y - 2.7
    clean = clean + sky.render(clean.shape, free_x + 1, free_y + 1, np.full(free_x.size, target), FWHM, BETA)
    clean = clean + sky.render(clean.shape, beside_x + 1, beside_y + 1, np.full(free_x.size, star), FWHM, BETA)
    path = lightframe.write(tmp_path / "a.fits", clean, np.random.default_rng(14))
    others = np.append(free_x, beside_x), np.append(free_y, beside_y)
    exposure = lightframe.exposure(path, x, y, flux, FWHM, RADIUS, others=others)
    lights = []
    for n in range(free_x.size):
        one = measure.Neighbour(beside_x[n], beside_y[n], star, 0.005 * star)
        lights.append(measure.measure(exposure, free_x[n], free_y[n], neighbours=[one]))
    off, error = deviations(lights, target)[0]
    assert abs(off.mean()) < 0.02 and 0.5 < np.std(off) / np.median(error) < 1.3
    assert all(light.neighbour_fraction > 0.5 and light.scene_err > 0 for light in lights)
    bare = deviations([measure.measure(exposure, *place) for place in zip(free_x, free_y, strict=True)], target)[0][0]
    assert bare.mean() < -0.4


def test_neighbours_are_measured_together(tmp_path, field):
    clean, x, y, flux, free_x, free_y = field
    apart = 3.2  # px, 0.8 FWHM: each alone would take light of the other
    places = np.append(free_x, free_x + apart), np.append(free_y, free_y)
    truth = np.append(np.full(free_x.size, 2e4), np.full(free_x.size, 1e4))
    clean = clean + sky.render(clean.shape, places[0] + 1, places[1] + 1, truth, FWHM, BETA)
    path = lightframe.write(tmp_path / "a.fits", clean, np.random.default_rng(15))
    exposure = lightframe.exposure(path, x, y, flux, FWHM, RADIUS, others=places)
    placed = scene.Placed(*places, [(0.0, 0.0)] * truth.size)
    found, error = scene.fit_fluxes(exposure, placed)
    share = np.median(found / truth)
    assert share == pytest.approx(1.0, abs=0.01)
    assert np.std((found - truth) / error) == pytest.approx(1.0, abs=0.35)


def test_fluxes_of_a_night_follow_the_zeropoints_and_shun_outliers():
    stars = scene.NightStars(np.zeros(2), np.zeros(2), np.zeros((6, 2)), np.zeros((6, 2)))
    scale = 10 ** (0.4 * np.array([20.0, 20.1, 19.0, 20.0, 20.0, 20.0]))
    fluxes = np.array([3e-5, 1e-6]) * scale[:, None]
    fluxes[3, 0] *= 1.6  # a cosmic
    fluxes[4] = np.nan
    scene.mean_fluxes(stars, fluxes, np.full((6, 2), 10.0), scale)
    assert stars.flux == pytest.approx([3e-5, 1e-6], rel=1e-6)
    assert stars.n_frames.tolist() == [4, 5]
    assert (stars.flux_err[0] > 0.005 * stars.flux[0]) and (stars.flux_err > 0).all()


def test_pixels_that_a_cosmic_ray_hit_are_left_out(tmp_path, field):
    clean, x, y, flux, free_x, free_y = field
    target, motion = 3e4, (3.0, 2.0)
    clean = lightframe.with_targets(clean, free_x, free_y, target, FWHM, BETA, motion)
    for step in range(5):  # an oblique track right through each
        clean[np.rint(free_y).astype(int) + step - 2, np.rint(free_x).astype(int) + step - 1] += 2000.0
    lightframe.write(tmp_path / "a.fits", clean, np.random.default_rng(15))
    exposure = lightframe.exposure(tmp_path / "a.fits", x, y, flux, FWHM, RADIUS, others=(free_x, free_y))
    lights = [measure.measure(exposure, *place, motion) for place in zip(free_x, free_y, strict=True)]
    assert min(light.n_struck for light in lights) >= 4
    off, error = deviations(lights, target)[1]
    assert abs(off.mean()) < 0.02 and np.abs(off).max() < 5 * error.max()  # they make it 0.3 mag brighter


def test_no_pixel_of_stars_trails_and_close_pairs_is_taken_for_a_hit(tmp_path, field):
    clean, x, y, flux, free_x, free_y = field
    clean = lightframe.with_targets(clean, free_x, free_y, 8e4, FWHM, BETA, (4.0, 0.0))
    clean += sky.render(clean.shape, free_x + 1 + 3.0, free_y + 1 - 2.5, np.full(free_x.size, 3e4), FWHM, BETA)
    lightframe.write(tmp_path / "a.fits", clean, np.random.default_rng(16))
    exposure = lightframe.exposure(tmp_path / "a.fits", x, y, flux, FWHM, RADIUS, others=(free_x, free_y))
    places = [*zip(free_x, free_y, strict=True), *zip(x, y, strict=True)]
    assert not any(measure.measure(exposure, *place, (4.0, 0.0)).n_struck for place in places[: free_x.size])
    assert not any(measure.measure(exposure, *place).n_struck for place in places)


def test_a_frame_that_was_put_away_measures_the_same_bad_pixels_left_out(tmp_path, field):
    clean, x, y, flux, free_x, free_y = field
    bad = np.zeros((SIZE, SIZE), dtype=bool)
    bad[:, round(free_x[0]) + 1] = True
    clean = lightframe.with_targets(clean, free_x[:1], free_y[:1], 4e4, FWHM, BETA)
    clean[bad] = 3e4
    lightframe.write(tmp_path / "a.fits", clean, np.random.default_rng(12))
    exposure = lightframe.exposure(tmp_path / "a.fits", x, y, flux, FWHM, RADIUS, others=(free_x, free_y), bad=bad)
    content = pickle.dumps(exposure)
    assert len(content) < bad.size  # neither its pixels nor a mask of all of them
    light, again = (measure.measure(each, free_x[0], free_y[0]) for each in (exposure, pickle.loads(content)))
    assert again == light and light.masked_fraction > 0.05
    assert light.mag()[0] == pytest.approx(-2.5 * np.log10(4e4), abs=0.05)


def test_the_error_of_a_sky_grows_where_its_sectors_leave_a_plane():
    rng = np.random.default_rng(9)
    steps = np.arange(-30.0, 31.0)
    occupied = np.zeros((61, 61), bool)
    place = SimpleNamespace(
        dx=steps[None], dy=steps[:, None], ring=(16.0, 26.0), cut=SimpleNamespace(occupied=occupied)
    )
    slope, lumps = 0.1 * steps[None] + np.zeros((61, 1)), 4 * np.cos(2 * np.arctan2(steps[:, None], steps[None]))
    found = {}
    for name, more in (("flat", 0.0), ("slope", slope), ("lumps", lumps)):
        errors = []
        for _ in range(60):
            pixels = 400 + more + rng.normal(0, 10, (61, 61))
            level, sigma, number = measure.ring_sky(place.cut, pixels, place.dx, place.dy, *place.ring)
            errors.append(measure.ring_error(place, pixels, level, sigma, number) / (10 / np.sqrt(number)))
        found[name] = np.array(errors)
    assert found["flat"].min() > 0.9 and 1.0 < found["flat"].mean() < 1.3
    assert found["slope"].mean() == pytest.approx(found["flat"].mean(), abs=0.15)
    assert found["lumps"].mean() > 3


def test_the_share_in_the_aperture_is_the_same_whoever_asks_first(tmp_path, field):
    clean, x, y, flux, *_ = field
    lightframe.write(tmp_path / "a.fits", clean, np.random.default_rng(15))
    one, other = (lightframe.exposure(tmp_path / "a.fits", x, y, flux, FWHM, RADIUS) for _ in range(2))
    places = [(100.3, 200.4), (99.6, 199.8), (400.1, 320.0)]
    shares = [one.share_at(*place) for place in places]
    assert [other.share_at(*place) for place in places[::-1]] == shares[::-1]


def test_a_ring_has_its_sky_where_the_light_of_known_neighbours_is_off(tmp_path, field):
    clean, x, y, flux, free_x, free_y = field
    angle = np.linspace(0, 2 * np.pi, 11)[:-1]
    around_x, around_y = (free_x[0] + 24 * np.cos(angle), free_y[0] + 24 * np.sin(angle))
    clean = lightframe.with_targets(clean, around_x, around_y, 6e3, FWHM, BETA)
    clean = lightframe.with_targets(clean, free_x[:1], free_y[:1], 2e4, FWHM, BETA)
    lightframe.write(tmp_path / "a.fits", clean, np.random.default_rng(21))
    exposure = lightframe.exposure(tmp_path / "a.fits", x, y, flux, FWHM, RADIUS, others=(around_x, around_y))
    stars = [measure.Neighbour(*place, 6e3, 60.0) for place in zip(around_x, around_y, strict=True)]
    alone, known = (measure.measure(exposure, free_x[0], free_y[0], neighbours=each) for each in ((), stars))
    assert known.flux_err < 0.97 * alone.flux_err
    assert abs(known.sky - lightframe.SKY) < 1.0 and known.sky < alone.sky + 0.5
    assert known.mag()[0] == pytest.approx(-2.5 * np.log10(2e4), abs=3 * known.mag()[1])
