"""The light of all sources of a list, and the sky around them, against what was put there."""

import numpy as np
import pytest
from astropy.table import Table

import sky
from photometrypipeline.photometry import listlight, measure, ringsky, skyrings
from photometrypipeline.photometry.cutouts import aperture, within

SIZE, FWHM, BETA, RADIUS, LEVEL, GAIN = 500, 4.0, 3.0, 4.0, 400.0, 2.0


def crowd(seed, number=300, faint=400.0, bright=4e4):
    """Return (x, y, flux) of stars anywhere, 0-based px."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(30, SIZE - 30, (2, number))
    return x, y, np.exp(rng.uniform(np.log(faint), np.log(bright), number))


def exposed(x, y, flux, seed=1):
    rng = np.random.default_rng(seed)
    image = sky.render((SIZE, SIZE), x + 1, y + 1, flux, FWHM, BETA) + LEVEL
    return (rng.poisson(image * GAIN) / GAIN).astype(np.float32)


def listed(x, y, flux):
    """Return the list that Source Extractor would make, all of its magnitudes 99."""
    wide = {name: np.full(len(x), value, np.float32) for name, value in (
        ("FLUX_APER", 0), ("FLUXERR_APER", 0), ("MAG_APER", 99), ("MAGERR_APER", 99), ("FWHM_IMAGE", FWHM),
        ("ISOAREA_IMAGE", 20), ("FLUXERR_ISOCOR", 100))}  # fmt: skip
    return Table({"XWIN_IMAGE": x + 1, "YWIN_IMAGE": y + 1, "FLUX_ISOCOR": flux, "FLAGS": np.zeros(len(x), int)} | wide)


def test_rings_have_the_sky_that_a_single_target_has():
    x, y, flux = crowd(2)
    image = exposed(x, y, flux)
    image += (0.3 * np.arange(SIZE)).astype(np.float32)  # moonlight
    taken = within(image.shape, x, y, np.full(len(x), 10.0))
    inner, outer = measure.ring_px(FWHM, RADIUS)
    level, sigma, number = skyrings.of_image(image, taken, FWHM).rings(x, y, inner, outer)
    rows, columns = np.indices(image.shape)
    for k in range(60):
        away = np.hypot(rows - y[k], columns - x[k])
        ring = (away > inner) & (away < outer) & ~taken
        if ring.sum() < 300:
            continue
        places = (columns - x[k])[ring], (rows - y[k])[ring]
        one, one_sigma, one_number = (each[0] for each in ringsky.skies(image[ring][None].astype(float), *places))
        assert level[k] == pytest.approx(one, abs=2.5 * one_sigma / np.sqrt(one_number))
        assert sigma[k] == pytest.approx(one_sigma, rel=0.2)
        assert number[k] == pytest.approx(one_number, rel=0.2)


def test_an_image_without_free_pixels_has_no_sky():
    image = np.ones((64, 64), np.float32)
    assert skyrings.of_image(image, np.ones(image.shape, bool), FWHM) is None
    sky_map = skyrings.of_image(exposed(*crowd(4, 3)), np.zeros((SIZE, SIZE), bool), FWHM)
    assert np.isnan(sky_map.rings(np.array([-900.0]), np.array([10.0]), 16, 26)).all()


def test_magnitudes_and_errors_are_those_of_the_light():
    rng = np.random.default_rng(5)
    steps = np.linspace(40, 460, 10)
    y, x = (axis.ravel() + rng.uniform(-3, 3, 100) for axis in np.meshgrid(steps, steps))
    flux = np.exp(rng.uniform(np.log(2e3), np.log(5e4), 100))
    image = exposed(x, y, flux)
    bad = np.zeros(image.shape, bool)
    bad[:, [87, 320]] = True
    image[bad] = 0.0
    table = listed(x, y, flux)
    assert listlight.put_into(table, image, RADIUS, bad, GAIN) == 100
    alone = sky.render((61, 61), np.array([31.0]), np.array([31.0]), np.array([1.0]), FWHM, BETA)
    steps = np.arange(-30.0, 31.0)
    share = float((aperture(steps[None], steps[:, None], RADIUS) * alone).sum())
    pull = (np.asarray(table["FLUX_APER"]) - share * flux) / np.asarray(table["FLUXERR_APER"])
    whole = (np.abs(x - 87) > RADIUS + 1) & (np.abs(x - 320) > RADIUS + 1)
    assert abs(pull[whole].mean()) < 0.4 and 0.8 < pull[whole].std() < 1.25
    assert np.abs(pull[~whole]).max() < 12  # a column is filled to some per cent of what the star has there
    magnitude = -2.5 * np.log10(np.asarray(table["FLUX_APER"], float))
    assert np.asarray(table["MAG_APER"]) == pytest.approx(magnitude, abs=1e-4)
    again = listed(x, y, flux)
    listlight.put_into(again, image, RADIUS, bad, None, noise_factor=2.0)
    without_photons = np.asarray(table["FLUXERR_APER"]) ** 2 - np.asarray(table["FLUX_APER"]) / GAIN
    assert np.asarray(again["FLUXERR_APER"]) == pytest.approx(2 * np.sqrt(without_photons), rel=0.02)


def test_what_cannot_be_measured_stays_as_it_was():
    x, y, flux = np.array([100.0, 900.0]), np.array([100.0, 900.0]), np.array([1e4, 1e4])
    table = listed(x, y, flux)
    assert listlight.put_into(table, exposed(x[:1], y[:1], flux[:1]), RADIUS) == 1
    assert table["MAG_APER"][0] < -9 and table["MAG_APER"][1] == 99
    assert listlight.put_into(table[:0], np.zeros((9, 9), np.float32), RADIUS) == 0
    image = exposed(x[:1], y[:1], flux[:1]) - 3 * 1e3  # no light at all at a place below the sky
    image[90:111, 90:111] -= 500
    listlight.put_into(table, image, RADIUS)
    assert table["FLUX_APER"][0] < 0 and table["MAG_APER"][0] == 99
