"""Empty places and artificial targets: what their noise is, and whether they come out as they were put in."""

import numpy as np
import pytest

import lightframe
import sky
from photometrypipeline.photometry import copies, measure

SIZE, FWHM, BETA, RADIUS = 600, 4.0, 3.0, 5.0
BAD_COLUMNS = (150, 301, 302, 455)


@pytest.fixture(scope="module", params=[False, True], ids=["clean", "bad columns"])
def exposure(request, tmp_path_factory):
    """Return an Exposure of a field of stars; with bad columns the mask of bad pixels knows them."""
    rng = np.random.default_rng(21)
    x, y = lightframe.parted(rng, 50, SIZE, 30)
    flux = 10 ** rng.uniform(3.7, 5.0, 50)
    clean = sky.render((SIZE, SIZE), x + 1, y + 1, flux, FWHM, BETA)
    bad = np.zeros(clean.shape, dtype=bool)
    if request.param:
        bad[:, BAD_COLUMNS] = True
        clean[:, BAD_COLUMNS] = np.array([400.0, -180.0, -180.0, 90.0])
    path = lightframe.write(tmp_path_factory.mktemp("copies") / "a.fits", clean, rng)
    return lightframe.exposure(path, x, y, flux, FWHM, RADIUS, bad=bad if request.param else None)


def photon_limit():
    """Return the noise (ADU) that sky and read noise allow in the aperture."""
    pixel = lightframe.SKY / lightframe.GAIN + (lightframe.READ_NOISE / lightframe.GAIN) ** 2
    return np.sqrt(np.pi * RADIUS**2 * pixel)


def test_the_noise_of_empty_places_is_what_sky_and_photons_allow(exposure):
    for place in ((300.0, 300.0), (160.0, 420.0)):
        noise, by_psf, number = copies.noise_at(exposure, *place, (0.0, 0.0), np.random.default_rng(1))
        assert number > 200
        assert 2.5 * np.log10(noise / photon_limit()) < 0.2  # mag, of the limit; 0.04 is the sky of the ring
        assert noise > 0.85 * photon_limit() and by_psf < noise


def test_three_of_a_thousand_empty_places_are_beyond_three_sigma(exposure):
    rng = np.random.default_rng(2)
    shifts = copies.empty_shifts(exposure, 300.0, 300.0, (0.0, 0.0), rng, 4000, 280)
    found = copies.at(exposure, 300.0, 300.0, (0.0, 0.0), shifts)
    noise = copies.noise_at(exposure, 300.0, 300.0, (0.0, 0.0), rng)[0]
    flux = copies.fluxes(exposure, found)[0]
    assert flux.size > 2000
    assert 0.0005 < np.mean(np.abs(flux) > 3 * noise) < 0.006  # 0.0027 of a normal distribution


@pytest.mark.parametrize("motion", [(0.0, 0.0), (4.0, -3.0)])
@pytest.mark.parametrize("flux", [2e4, 2e3])
def test_copies_come_out_as_they_were_put_in(exposure, motion, flux):
    rng = np.random.default_rng(3)
    shifts = copies.empty_shifts(exposure, 300.3, 299.6, motion, rng, 250)
    made = copies.at(exposure, 300.3, 299.6, motion, shifts)
    found = copies.fluxes(exposure, made, copies.photons_of(made, flux, exposure.gain, rng))
    truth = flux * made.place.star_share
    for value, err in (found[:2], found[2:]):
        pulls = (value - truth) / err
        assert abs(value.mean() / truth - 1) < 0.001 + 4 * err.mean() / truth / np.sqrt(value.size)
        assert np.std(pulls) == pytest.approx(1.0, abs=0.15)
        assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.68, abs=0.09)


def test_copies_agree_with_single_measurements(exposure):
    shifts = copies.empty_shifts(exposure, 300.0, 300.0, (0.0, 0.0), np.random.default_rng(4), 5)
    made = copies.at(exposure, 300.0, 300.0, (0.0, 0.0), shifts)
    together = copies.fluxes(exposure, made)
    for n, number in enumerate(made.numbers):
        alone = measure.measure(exposure, 300.0 + shifts[number][0], 300.0 + shifts[number][1])
        assert together[0][n] == pytest.approx(alone.flux, abs=0.02 * alone.flux_err)
        assert together[1][n] == pytest.approx(alone.flux_err, rel=0.05)
