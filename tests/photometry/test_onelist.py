"""One list of sources for two steps: what of it the registration takes, and where its sources are on the sky."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from photometrypipeline.base.errors import PipelineError
from photometrypipeline.frames import ldac, wcskeywords
from photometrypipeline.photometry import badpixels, onelist


@dataclass(frozen=True)
class Choice:
    """Options of an extraction."""

    snr: float = 1.5
    minarea: float = 12
    nodeblending: bool = False
    kernel: str | None = None
    aprad: tuple = (2.0, 3.0)


PHOTOMETRY, REGISTRATION = Choice(), Choice(snr=3.0)


def gaussians(peaks, sigma_px, threshold):
    """Return the SourceList of stars, with the area that each really has above the threshold; and their images."""
    y, x = np.mgrid[:61, :61] - 30
    images = [peak * np.exp(-(x**2 + y**2) / (2 * sigma_px**2)) for peak in peaks]
    header = fits.Header([(onelist.THRESHOLD, threshold)])
    area = [np.count_nonzero(image > threshold) for image in images]
    return ldac.SourceList(header, Table({"FLUX_MAX": peaks, "ISOAREA_IMAGE": area})), images


@pytest.mark.parametrize("sigma_px", [1.5, 3.0])
def test_sources_above_a_higher_threshold_are_those_that_it_would_have_found(sigma_px):
    sources, images = gaussians(np.geomspace(16, 3000, 60), sigma_px, 15.0)
    above = np.array([np.count_nonzero(image > 30.0) for image in images])
    taken = set(onelist.above(sources, 2.0, 12).table["FLUX_MAX"])
    for peak, area in zip(sources.table["FLUX_MAX"], above, strict=True):
        if abs(area - 12) > 3:  # pixels are whole
            assert (peak in taken) == (area >= 12)
    assert len(onelist.above(sources, 1.0, 12)) == np.count_nonzero(sources.table["ISOAREA_IMAGE"] >= 12)


def test_lists_that_do_not_hold_what_the_registration_wants():
    assert onelist.suits(REGISTRATION, PHOTOMETRY)
    for other in ({"snr": 4.0}, {"minarea": 20}, {"nodeblending": True}, {"kernel": "gauss.conv"}):
        assert not onelist.suits(REGISTRATION, replace(PHOTOMETRY, **other))


@dataclass(frozen=True)
class Hashed:
    """A frame."""

    name: str


def measured(mask, rings=(), broken=()):
    """Return Lists of five frames after they were measured, which frames were measured when, and the losses."""
    calls, lost = [], []

    def one(frames, bad, losses):
        calls.append(([frame.name for frame in frames], bad is not None))
        losses += [frame.name for frame in frames if frame.name in broken]
        return {f: (Path(f.name), 20.0 if f.name in rings else None) for f in frames if f.name not in broken}

    lists = onelist.Lists(REGISTRATION, PHOTOMETRY, one, lambda: lambda paths: (mask, {}))
    lists.measure([Hashed(f"{k}") for k in range(5)], lost)
    return lists, calls, lost


GOOD = badpixels.Found(np.zeros((9, 9), np.uint8), 5)
BAD = badpixels.Found(np.eye(9, dtype=np.uint8), 5)


def test_each_frame_is_measured_once():
    lists, calls, _ = measured(GOOD)
    assert calls == [(["0", "2"], False), (["1", "3", "4"], False)]
    assert sorted(lists.ready) == ["0", "1", "2", "3", "4"] and lists.bad is None
    assert lists.of_photometry(Hashed("3"), PHOTOMETRY, None) == Path("3")
    assert lists.of_photometry(Hashed("3"), PHOTOMETRY, BAD.mask > 0) is None  # which was found later
    assert lists.of_photometry(Hashed("3"), replace(PHOTOMETRY, aprad=(4.0,)), None) is None


def test_bad_pixels_are_filled_in_all_frames():
    lists, calls, _ = measured(BAD)
    assert calls == [(["0", "2"], False), (["0", "1", "2", "3", "4"], True)]
    assert lists.of_photometry(Hashed("0"), PHOTOMETRY, BAD.mask > 0) == Path("0")
    assert lists.of_photometry(Hashed("0"), PHOTOMETRY, None) is None


def test_rings_are_left_to_each_step():
    lists, calls, _ = measured(GOOD, rings=("2",))
    assert len(calls) == 1 and not lists.ready


def test_a_mask_that_depends_on_the_wcs_leaves_the_photometry_to_itself():
    lists, calls, _ = measured(None)
    assert len(calls) == 1 and sorted(lists.ready) == ["0", "2"]  # for the registration, which needs no mask
    assert lists.of_photometry(Hashed("0"), PHOTOMETRY, None) is None


def test_a_frame_that_fails_is_lost_and_one_of_rings_measured_later():
    lists, calls, lost = measured(GOOD, rings=("4",), broken=("0", "3"))
    assert lost == ["0", "3"] and lists.lost == {"0", "3"}
    assert sorted(lists.ready) == ["1", "2"]
    assert sum("0" in names for names, _ in calls) == 1
    lists.measure([Hashed("0")], lost)  # of a second registration
    assert not lists.lost and len(lost) == 2


def test_places_and_widths_follow_from_the_wcs_of_the_image():
    header = fits.Header(wcskeywords.first_guess(10.0, 60.0, (1000, 1000), (0.5, 0.4), False, False, 30.0).items())
    header["OBJECT"] = "433"
    x, y = np.array([1.0, 500.0, 999.0]), np.array([20.0, 500.0, 3.0])
    table = Table({"XWIN_IMAGE": x, "YWIN_IMAGE": y, "XWIN_WORLD": 0 * x, "YWIN_WORLD": 0 * x})
    table["FWHM_IMAGE"], table["FWHM_WORLD"] = np.float32([2, 4, 6]), np.float32([0, 0, 0])
    sources = ldac.SourceList(fits.Header([("OBJECT", "old"), ("SEXGAIN", 2.0)]), table)
    found = onelist.placed(sources, header)
    back = wcskeywords.wcs_of(header).all_world2pix(found.ra_deg, found.dec_deg, 1)
    assert np.allclose(back, [x, y], atol=1e-6)
    assert found.table["FWHM_WORLD"] * 3600 == pytest.approx(np.sqrt(0.5 * 0.4) * np.array([2, 4, 6]), rel=1e-4)
    assert (found.header["OBJECT"], found.header["SEXGAIN"]) == ("433", 2.0)


def test_a_list_that_cannot_be_read_is_none(tmp_path):
    (tmp_path / "a.ldac").write_bytes(b"no list")
    lists = onelist.Lists(REGISTRATION, PHOTOMETRY, None, None, ready={"a": tmp_path / "a.ldac"})
    assert lists.of_registration(Hashed("a")) is None
    with pytest.raises(PipelineError):
        ldac.read(tmp_path / "a.ldac")
    lists.remove()
    assert not list(tmp_path.iterdir())
