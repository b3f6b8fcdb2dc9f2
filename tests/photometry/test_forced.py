"""Forced photometry on simulated frames: empty sky, stars of known flux, noise that is correlated."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import sky as simulator
from photometrypipeline.base.errors import PipelineError
from photometrypipeline.photometry.forced import ForcedFrame

SIZE, FWHM, RADIUS, GAIN, SKY, READ_NOISE = 700, 4.3, 4.5, 2.0, 150.0, 5.0
N_STARS = 60


@pytest.fixture(scope="module")
def field():
    """Return (ForcedFrame, x, y, flux of its stars, clean image) of a frame of stars, well above the noise."""
    rng = np.random.default_rng(3)
    x, y = rng.uniform(1, SIZE, (2, N_STARS))
    flux = 10 ** rng.uniform(3, 4.6, N_STARS)
    clean = SKY + simulator.render((SIZE, SIZE), x, y, flux, FWHM)
    frame = simulator.expose(clean, rng, GAIN, READ_NOISE)
    return ForcedFrame(frame, (x, y, np.full(N_STARS, 20.0)), RADIUS, GAIN), x, y, flux, clean


def empty_places(x, y, number, rng, least_px=14.0):
    """Return places (list of (x, y)) without a star within `least_px`."""
    found = []
    while len(found) < number:
        place = rng.uniform(8, SIZE - 8, 2)
        if np.hypot(x - place[0], y - place[1]).min() > least_px:
            found.append(place)
    return found


def significances(frame, places):
    measured = [frame.measure(*place) for place in places]
    return np.array([each.flux / each.flux_err for each in measured])


def test_empty_sky_is_beyond_three_sigma_in_fewer_than_one_of_two_hundred_places(field):
    frame, x, y, _, _ = field
    found = significances(frame, empty_places(x, y, 2000, np.random.default_rng(8)))
    assert (np.abs(found[:1000]) > 3).mean() < 0.005  # of a normal distribution it is 0.0027
    assert (np.abs(found) > 3).mean() < 0.005
    assert 0.9 < found.std() < 1.03  # an error may not be bought by making it large
    assert abs(found.mean()) < 0.06


def test_noise_that_is_correlated_between_pixels_is_measured_as_it_is():
    """Resampled images: the noise of single pixels tells nothing of that of an aperture."""
    rng = np.random.default_rng(5)
    pixels = SKY + gaussian_filter(rng.normal(0, 20, (SIZE, SIZE)), 1.2)
    frame = ForcedFrame(pixels, ([], [], []), RADIUS)
    found = significances(frame, rng.uniform(8, SIZE - 8, (1000, 2)))
    assert (np.abs(found) > 3).mean() < 0.005
    assert 0.9 < found.std() < 1.05
    naive = pixels.std() * np.sqrt(np.pi) * RADIUS
    assert frame.measure(300.0, 300.0).flux_err > 2 * naive


def test_stars_have_their_flux(field):
    frame, x, y, flux, _ = field
    alone = [n for n in range(N_STARS) if np.sort(np.hypot(x - x[n], y - y[n]))[1] > 30]
    alone = [n for n in alone if 40 < x[n] < SIZE - 40 and 40 < y[n] < SIZE - 40]
    share = 1 - np.exp(-(RADIUS**2) / 2 / ((FWHM * simulator.SIGMA_PER_FWHM) ** 2 + 2 / 12))
    measured = [frame.measure(x[n], y[n]) for n in alone]
    off = np.array([(each.flux - flux[n] * share) / each.flux_err for n, each in zip(alone, measured, strict=True)])
    assert len(alone) > 20
    assert abs(off.mean()) < 3 / np.sqrt(len(alone))
    assert 0.6 < off.std() < 1.4


def test_the_limit_is_the_magnitude_of_three_sigma(field):
    frame, x, y, _, clean = field
    place = empty_places(x, y, 1, np.random.default_rng(2), 40.0)[0]
    found = frame.measure(*place)
    area = np.pi * RADIUS**2
    noise = np.sqrt(area * (SKY / GAIN + (READ_NOISE / GAIN) ** 2 + 1 / 12))
    assert found.flux_err == pytest.approx(noise, rel=0.12)  # the sky of the ring is noisy too: 1 %
    assert found.inst_limit == pytest.approx(-2.5 * np.log10(3 * noise), abs=0.12)
    assert np.isnan(found.inst) == (found.flux <= 0)


def test_places_without_values_are_refused(field):
    frame, *_ = field
    for place in ((2.0, 300.0), (-40.0, 20.0), (SIZE - 1.0, SIZE - 1.0), (1e6, 5.0)):
        with pytest.raises(PipelineError, match="beyond the image"):
            frame.measure(*place)
    pixels = np.full((100, 100), 7.0)
    pixels[45:55, 45:55] = np.nan
    with pytest.raises(PipelineError, match="without a value"):
        ForcedFrame(pixels, ([], [], []), RADIUS).measure(50.0, 50.0)
    crowded = ForcedFrame(np.full((100, 100), 7.0), ([50.0], [50.0], [90.0]), RADIUS)
    with pytest.raises(PipelineError, match="empty places"):
        crowded.measure(50.0, 50.0)


def test_bad_pixels_do_not_own_the_noise():
    rng = np.random.default_rng(5)
    clean = rng.normal(SKY, 9.0, (600, 600))
    bad = np.zeros(clean.shape, bool)
    bad[:, 30::90] = True
    bad[tuple(rng.integers(0, 600, (2, 200)))] = True
    broken = np.where(bad, clean + rng.uniform(-150, 900, clean.shape), clean)
    place, nothing = (303.4, 290.2), ([], [], [])
    plain = ForcedFrame(clean, nothing, RADIUS).measure(*place)
    masked = ForcedFrame(broken, nothing, RADIUS, bad=bad)
    assert masked.measure(*place).flux_err == pytest.approx(plain.flux_err, rel=0.12)
    assert plain.flux_err == pytest.approx(9.0 * np.sqrt(np.pi * RADIUS**2), rel=0.12)
    assert ForcedFrame(broken, nothing, RADIUS).measure(*place).flux_err > 3 * plain.flux_err
    x, y = rng.uniform(40, 560, (2, 600))
    pulls = np.array([found.flux / found.flux_err for found in map(masked.measure, x, y)])
    assert np.mean(np.abs(pulls) > 3) < 0.015  # 0.003 are expected, and apertures over filled columns scatter more


def test_the_noise_is_that_of_the_place():
    rng = np.random.default_rng(6)
    sigma = np.where(np.arange(600) < 300, 6.0, 18.0)
    frame = ForcedFrame(SKY + rng.normal(0, 1, (600, 600)) * sigma, ([], [], []), RADIUS)
    quiet, loud = (frame.measure(x, 300.0).flux_err for x in (100.0, 500.0))
    assert loud / quiet == pytest.approx(3, rel=0.25)
