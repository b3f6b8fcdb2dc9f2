"""Raw frames of a camera with a known bias, dark current and flat field are brought back to the sky that they saw."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from photometrypipeline.base.errors import OK, PARTIAL
from photometrypipeline.reduction import kinds, plan
from photometrypipeline.reduction.settings import Settings

SHAPE = (96, 128)
BIAS, DARK_PER_S, SKY, GAIN, READ_NOISE = 1000.0, 0.5, 2000.0, 1.5, 6.0
HOT = (40, 50)


def flat_field():
    rows, columns = np.indices(SHAPE)
    return (1 + 0.2 * (columns / SHAPE[1] - 0.5) - 0.1 * (rows / SHAPE[0] - 0.5)).astype(float)


def expose(path, rng, kind, exptime_s=0.0, light=0.0, filter_name="V", temperature_c=-20.0, overscan=0, **cards):
    """Write a raw frame: `light` in electrons per pixel before the flat field."""
    dark = np.full(SHAPE, DARK_PER_S)
    dark[HOT] = 400.0
    electrons = rng.poisson(light * flat_field() + dark * exptime_s)
    image = BIAS + (electrons + rng.normal(0, READ_NOISE, SHAPE)) / GAIN
    header = fits.Header({"IMAGETYP": kind, "EXPTIME": exptime_s, "INSTRUME": "testcam", "CCD-TEMP": temperature_c})
    header["FILTER"], header["XBINNING"], header["YBINNING"], header["OBJECT"] = filter_name, 1, 1, "x"
    header.update(cards)
    if overscan:
        image = np.hstack([image, BIAS + rng.normal(0, READ_NOISE / GAIN, (SHAPE[0], overscan))])
        header["DATASEC"] = f"[1:{SHAPE[1]},1:{SHAPE[0]}]"
        header["BIASSEC"] = f"[{SHAPE[1] + 1}:{SHAPE[1] + overscan},1:{SHAPE[0]}]"
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.PrimaryHDU(np.clip(np.round(image), 0, 65535).astype(np.uint16), header).writeto(path)


@pytest.fixture
def night(tmp_path):
    rng = np.random.default_rng(20)
    for number in range(9):
        expose(tmp_path / "cal" / f"bias{number}.fits", rng, "Bias Frame")
        expose(tmp_path / "cal" / f"dark{number}.fits", rng, "Dark Frame", 60.0)
        expose(tmp_path / "cal" / f"flat{number}.fits", rng, "FLAT", 3.0, light=30000 * (1 + 0.05 * number))
    for number in range(2):
        expose(tmp_path / f"light{number}.fits", rng, "Light Frame", 60.0, light=SKY)
    return tmp_path


def sky_of(path):
    image = fits.getdata(path).astype(float)
    image[HOT] = np.nan
    return image


def test_the_sky_comes_back_flat_and_at_its_level(night, run_command):
    done = run_command("pptool_reduce", ".", cwd=night)
    assert done.returncode == OK, done.stderr
    for number in range(2):
        image, header = sky_of(night / "reduced" / f"light{number}.fits"), fits.getheader(night / "reduced/light0.fits")
        assert np.nanmean(image) == pytest.approx(SKY / GAIN, abs=4 * np.sqrt(SKY) / GAIN / np.sqrt(image.size) + 1.0)
        noise = np.sqrt(SKY + DARK_PER_S * 60 + READ_NOISE**2) / GAIN
        thirds = [np.nanmean(part) for part in np.array_split(image, 3, axis=1)]
        assert (
            np.ptp(thirds) < 5 * noise / np.sqrt(image.size / 3) + 0.002 * SKY / GAIN
        )  # the flat was 20 % from side to side
        assert np.nanstd(image) == pytest.approx(noise, rel=0.08)
        assert header["PPFLAT"].startswith("flat_testcam") and header["PPBIAS"] and header["PPDARK"]
    mask = fits.getdata(next((night / "masters").glob("mask_*.fits")))
    assert mask[HOT] == 0 and (mask == 0).sum() < 30


def test_a_dark_of_another_exposure_is_scaled(night, run_command):
    rng = np.random.default_rng(5)
    for path in night.glob("light*.fits"):
        path.unlink()
    expose(night / "long.fits", rng, "LIGHT", 240.0, light=SKY)
    done = run_command("pptool_reduce", ".", cwd=night)
    assert done.returncode == PARTIAL and "dark of 60 s scaled to 240 s" in done.stderr
    header = fits.getheader(night / "reduced" / "long.fits")
    assert header["PPDARKFA"] == pytest.approx(4.0)
    assert np.nanmean(sky_of(night / "reduced" / "long.fits")) == pytest.approx(SKY / GAIN, abs=3.0)


def test_overscan_is_subtracted_and_cut_off(tmp_path, run_command):
    rng = np.random.default_rng(3)
    for number in range(5):
        expose(tmp_path / f"flat{number}.fits", rng, "SKYFLAT", 0.0, light=30000, overscan=20)
    expose(tmp_path / "object.fits", rng, "OBJECT", 0.0, light=SKY, overscan=20)
    done = run_command("pptool_reduce", tmp_path, cwd=tmp_path)
    assert done.returncode == PARTIAL, done.stderr  # no bias, no dark: said
    image = sky_of(tmp_path / "reduced" / "object.fits")
    assert image.shape == SHAPE and np.nanmean(image) == pytest.approx(SKY / GAIN, abs=2.0)
    assert not (tmp_path / "reduced" / ".trimmed").exists()


def test_what_is_missing_is_told_and_nothing_is_invented(tmp_path, run_command):
    rng = np.random.default_rng(4)
    expose(tmp_path / "a.fits", rng, "LIGHT", 60.0, light=SKY, filter_name="R")
    for number in range(3):
        expose(tmp_path / f"flat{number}.fits", rng, "FLAT", 3.0, light=30000)
        expose(tmp_path / f"bias{number}.fits", rng, "zero")
        expose(tmp_path / f"dark{number}.fits", rng, "dark", 60.0, temperature_c=-5.0)
    done = run_command("pptool_reduce", ".", cwd=tmp_path)
    assert done.returncode == PARTIAL
    assert "no flat in R (there are flats in V): not flat-fielded" in done.stderr
    header = fits.getheader(tmp_path / "reduced" / "a.fits")
    assert "PPFLAT" not in header and "PPDARK" not in header and "PPBIAS" in header


def test_list_changes_nothing(night, run_command):
    before = {path.name for path in night.iterdir()}
    done = run_command("pptool_reduce", "-list", ".", cwd=night)
    assert done.returncode == OK and "9 bias: testcam" in done.stdout
    assert {path.name for path in night.iterdir()} - before <= {"LOG", "reduced"}


def test_raw_frames_of_several_kinds_are_no_data_set(night, run_command):
    names = [str(path) for path in [*night.glob("light*.fits"), *(night / "cal").glob("*0.fits")]]
    done = run_command("pp_run", *names, cwd=night)
    assert done.returncode == 2
    assert "pptool_reduce" in done.stderr and "1 bias, 1 dark, 1 flat" in done.stderr


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("BIAS", "bias"),
        ("zero", "bias"),
        ("Offset Frame", "bias"),
        ("DARK", "dark"),
        ("Dark Frame", "dark"),
        ("FLATDARK", "dark flat"),
        ("Dark Flat", "dark flat"),
        ("SKYFLAT", "flat"),
        ("FLAT,SKY", "flat"),
        ("Flat Field", "flat"),
        ("twilight flat", "flat"),
        ("object", "light"),
        ("EXPOSE", "light"),
        ("Light Frame", "light"),
        ("COMP", None),
        ("Darkness", None),
    ],
)
def test_kinds_in_all_dialects(text, kind):
    assert kinds.kind_of(fits.Header({"IMAGETYP": text})) == kind


def settings(**changes):
    known = Settings("bias", "cam", (128, 96), (1, 1), "100/21/", "V", 0.0, -20.0)
    return replace(known, **changes)


@pytest.mark.parametrize(
    ("changes", "odd"),
    [
        ({}, ""),
        ({"amplifier": "//"}, ""),  # a header that does not tell is no other setting
        ({"amplifier": "100//High Gain"}, ""),
        ({"amplifier": "0/21/"}, "with gain 0, not 100"),
        ({"amplifier": "0/30/"}, "with gain 0, not 100 and offset 30, not 21"),
        ({"binning": (2, 2)}, "binned 2 x 2"),
        ({"size_px": (64, 48)}, "of 64 x 48 px"),
        ({"camera": "other"}, "of other"),
    ],
    ids=str,
)
def test_what_does_not_suit_is_named(changes, odd):
    lights, other = settings(kind="light"), settings(**changes)
    assert lights.unlike(other) == odd and lights.same_camera(other) == (odd == "")
    recipe = plan.recipe_for(plan.Group(lights), [plan.Group(other)], 2.0)
    assert (recipe.bias is None) == bool(odd) and any(
        f"(there are: bias {odd})" in each for each in recipe.remarks
    ) == bool(odd)
