"""What the frames of an unknown camera tell together: gain from noise and level, saturation from stars cut off."""

import re

import numpy as np
import pytest
from astropy.io import fits

import sky
from photometrypipeline.frames.frame import Frame
from photometrypipeline.newcamera import camerafacts, pixelfacts


def write(path, gain, full_well, level=300.0, seed=1, bias=0.0, dtype=np.uint16, **keywords):
    """Write a frame of stars over a sky of `level` (ADU); return its Frame."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(1, 400, 40), rng.uniform(1, 300, 40)
    light = level + sky.render((300, 400), x, y, 10 ** rng.uniform(3, 5.2, 40), 3.0)
    pixels = np.clip(sky.expose(light, rng, gain, 4.0, 65535).astype(float) + bias, 0, full_well)
    fits.PrimaryHDU(pixels.astype(dtype), fits.Header(keywords)).writeto(path)
    return Frame(path)


def frames_of(folder, n, **options):
    levels = np.linspace(300, 900, n)
    return [write(folder / f"{k}.fits", level=level, seed=k, **options) for k, level in enumerate(levels)]


@pytest.mark.parametrize("gain", [0.5, 1.6])
def test_gain_from_the_sky_of_a_night_whatever_the_bias_is(tmp_path, gain, caplog):
    facts = camerafacts.measure(frames_of(tmp_path, 5, gain=gain, full_well=60000, bias=1000.0), {})
    assert facts.gain == pytest.approx(gain, rel=0.06)
    assert "no keyword gives the gain" in caplog.text


@pytest.mark.parametrize(
    ("keywords", "answers", "gain"),
    [
        ({"GAIN": 100, "EGAIN": 1.6}, {}, 1.6),
        ({"GAIN": 1.6}, {}, 1.6),
        ({"GAIN": 1.6}, {"gain": "0.8"}, 0.8),
        ({"CVF": 1.6}, {}, 1.6),
        ({"GAIN": 1.6, "BUNIT": "ADU"}, {}, 1.6),
        ({"GAIN": 1.6, "BUNIT": "electrons"}, {}, 1.0),
        ({"GAIN": 1.6, "BUNIT": "ELECTRONS/S", "EXPTIME": 30.0}, {}, 30.0),
        ({"GAIN": 1.6, "BUNIT": "counts s-1", "EXPTIME": 30.0}, {}, 48.0),
        ({"GAIN": 1.6, "BUNIT": "nanomaggy"}, {}, None),
        ({"GAIN": 100, "SWCREATE": "N.I.N.A. 3.1"}, {}, None),  # a setting; one level of the sky tells nothing
    ],
)
def test_gain_of_the_header_or_of_the_user(tmp_path, keywords, answers, gain):
    facts = camerafacts.measure([write(tmp_path / "a.fits", 1.6, 60000, **keywords)], answers)
    assert facts.gain == gain


@pytest.mark.parametrize(
    ("cards", "divisor", "gain"),
    [
        ({"GAIN": 1.6, "STACKCNT": 10, "EXPTIME": 30.0}, 65535.0, 1.6 * 65535 * 10),  # as Siril has means
        ({"GAIN": 1.6, "NDIT": 10, "DIT": 3.0, "EXPTIME": 3.0}, 1.0, 16.0),
        ({"GAIN": 1.6, "STACKCNT": 10, "EXPTIME": 30.0}, 1.0, 1.6),  # a sum, or a mean
    ],
)
def test_a_mean_of_exposures_has_gathered_more_electrons(tmp_path, cards, divisor, gain):
    frame = write(tmp_path / "a.fits", 1.6, 60000, dtype=np.float32, **cards)
    pixels = fits.getdata(frame.path) / np.float32(divisor)
    fits.writeto(frame.path, pixels, fits.getheader(frame.path), overwrite=True)
    assert camerafacts.measure([Frame(frame.path)], {}).gain == pytest.approx(gain)


def test_a_gain_that_the_noise_contradicts_is_named(tmp_path, caplog):
    frames = frames_of(tmp_path, 4, gain=1.6, full_well=60000, EGAIN=0.1)
    assert camerafacts.measure(frames, {}).gain == 0.1
    assert re.search(r"EGAIN says 0.1 e-/ADU, but the noise of the sky 1\.[56]", caplog.text)


@pytest.mark.parametrize(
    ("full_well", "dtype", "trusted"),
    [
        (255, np.uint8, 254.745),
        (4095, np.int16, 4090.905),
        (16383, np.uint16, 16366.617),
        (65520, np.uint16, 65454.48),  # 12 bits shifted by 4
        (50000, np.uint16, 47500),  # of the pixels
        (0.9, np.float32, 0.855),
    ],
)
def test_saturation_from_stars_that_are_cut_off(tmp_path, full_well, dtype, trusted):
    scale = 1.0 if full_well > 10 else 1e-4
    rng = np.random.default_rng(3)
    x, y = rng.uniform(1, 400, 40), rng.uniform(1, 300, 40)
    light = 60 + sky.render((300, 400), x, y, 10 ** rng.uniform(4, 6.5, 40), 3.0)
    pixels = rng.poisson(light) + rng.normal(0, 4.0, light.shape)
    pixels = np.clip(pixels * scale if scale < 1 else np.rint(pixels), 0, full_well).astype(dtype)
    fits.PrimaryHDU(pixels).writeto(tmp_path / "a.fits")
    facts = camerafacts.measure([Frame(tmp_path / "a.fits")], {})
    assert facts.saturation == pytest.approx(trusted, rel=1e-4)


def test_a_card_that_is_too_high_gives_way_to_the_stars(tmp_path, caplog):
    frame = write(tmp_path / "a.fits", 1.6, 4095, SATURATE=65535)
    assert camerafacts.measure([frame], {}).saturation == pytest.approx(4095, rel=0.002)
    assert "although SATURATE says 65535" in caplog.text


def test_without_stars_cut_off_the_numbers_of_the_file_set_the_limit(tmp_path):
    rng = np.random.default_rng(5)
    fits.PrimaryHDU(rng.normal(300, 5, (100, 100)).astype(np.uint16)).writeto(tmp_path / "a.fits")
    assert camerafacts.measure([Frame(tmp_path / "a.fits")], {}).saturation == pytest.approx(0.95 * 65535)
    assert camerafacts.measure([], {}).saturation is None


def test_frames_of_8_bits_have_a_level_of_their_own(tmp_path):
    frames = [write(tmp_path / "a.fits", 1.6, 4095), write(tmp_path / "b.fits", 1.6, 255, level=50, dtype=np.uint8)]
    facts = camerafacts.of_frames(frames, {})
    assert facts["a.fits"].saturation == pytest.approx(4095, rel=0.002)
    assert facts["b.fits"].saturation == pytest.approx(255, rel=0.01)


def test_a_gain_counts_for_the_numbers_of_the_camera_where_pixels_are_fractions(tmp_path, caplog):
    frame = write(tmp_path / "a.fits", 1.6, 60000, EGAIN=1.6)
    fits.PrimaryHDU(frame.read_pixels() / 65535, frame.header).writeto(tmp_path / "b.fits")
    facts = camerafacts.of_frames([frame, Frame(tmp_path / "b.fits")], {})
    assert facts["a.fits"].gain == pytest.approx(1.6) and facts["b.fits"].gain == pytest.approx(1.6 * 65535)
    assert "its pixels are fractions of 1" in caplog.text


def test_borders_without_a_value_are_no_matter():
    rng = np.random.default_rng(4)
    images = [rng.poisson(level, (400, 400)).astype(np.float32) for level in (500, 700, 900)]
    for image in images:
        image[:, :120] = np.nan
    gain, _ = pixelfacts.gain_of_sequence(images, False)  # and warnings are errors here
    assert gain == pytest.approx(1.0, rel=0.05)
