"""Cosmic rays on single frames: found, kept next to the frame, and no star taken for one."""

from types import SimpleNamespace

import numpy as np
import pytest

import lightframe
import sky
from photometrypipeline.base.errors import FrameError
from photometrypipeline.frames.frame import Frame
from photometrypipeline.photometry import cosmics

SIZE, FWHM = 400, 3.0
CAMERA = SimpleNamespace(
    header={"gain": "GAIN", "saturation": "SATURATE"}, gain=2.0, saturation=60000.0, read_noise=5.0
)


def struck(rng, number):
    """Return an image (ADU) of straight tracks, 1 to 8 px long, of 300 to 3000 ADU a pixel."""
    image = np.zeros((SIZE, SIZE))
    for _ in range(number):
        x, y, angle = *rng.uniform(20, SIZE - 20, 2), rng.uniform(0, np.pi)
        steps = np.arange(rng.uniform(1, 8))
        rows, columns = np.rint(y + steps * np.sin(angle)).astype(int), np.rint(x + steps * np.cos(angle)).astype(int)
        image[rows, columns] = rng.uniform(300, 3000)
    return image


@pytest.fixture
def frame(tmp_path):
    """Return (Frame, bool image of the hits, places x, y of stars)."""
    rng = np.random.default_rng(4)
    x, y = lightframe.parted(rng, 40, SIZE, 25)
    stars = sky.render((SIZE, SIZE), x + 1, y + 1, 10 ** rng.uniform(3.5, 5.6, 40), FWHM, 3.0)
    hits = struck(rng, 60)
    lightframe.write(tmp_path / "a.fits", stars + hits, rng)
    return Frame(tmp_path / "a.fits"), hits > 0, (x, y)


def test_hits_are_found_and_stars_are_none(frame):
    image, hits, (x, y) = frame
    number = cosmics.find(image, CAMERA, FWHM)
    found = cosmics.joined(image, None)
    assert found.sum() == number and found.shape == (SIZE, SIZE)
    assert (found & hits).sum() > 0.9 * hits.sum()
    rows, columns = np.mgrid[:SIZE, :SIZE]
    cores = (np.hypot(rows[..., None] - y, columns[..., None] - x) < FWHM).any(axis=-1)
    assert (found & cores & ~hits).sum() <= 2
    assert (found & ~hits).sum() < 1.5 * hits.sum()  # the fringe of a hit is taken with it


def test_hits_join_the_bad_pixels_of_the_detector(frame):
    image, hits, _ = frame
    cosmics.find(image, CAMERA, FWHM)
    bad = np.zeros((SIZE, SIZE), bool)
    bad[:, 7] = True
    both = cosmics.joined(image, bad)
    assert both[:, 7].all() and (both & hits).any() and bad.sum() == SIZE
    cosmics.path_of(image).write_bytes(b"no table")
    with pytest.raises(FrameError, match=r"a\.cosmics.* is not a list of cosmic rays"):
        cosmics.joined(image, bad)
    cosmics.path_of(image).unlink()
    assert cosmics.joined(image, bad) is bad


def test_stars_as_sharp_as_hits_are_left_alone(frame, caplog):
    image, *_ = frame
    assert cosmics.find(image, CAMERA, 1.4) == 0 and cosmics.joined(image, None) is None
    assert "1.4 px wide, they would pass for cosmic rays" in caplog.text
