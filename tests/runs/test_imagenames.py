"""Which of the images that were named can be read at all."""

import os

import pytest

from photometrypipeline.base.errors import Occupied, UsageError
from photometrypipeline.base.losses import Losses
from photometrypipeline.runs.imagenames import expand, make_ready, without_endless

IMAGES = ["a.fits", "a.b.fits", "c.fits"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in IMAGES:
        (tmp_path / name).touch()
    return tmp_path


def test_a_pipe_is_the_loss_of_one_image(folder):
    os.mkfifo("pipe")
    os.mkfifo("a.b.ldac")  # of a.b.fits, not of a.fits
    os.mkfifo("nobody_asked.fits")
    os.symlink("pipe", "linked.fits")
    os.symlink("unplugged/d.fits", "d.fits")
    losses = Losses()
    make_ready([*IMAGES, "linked.fits"], folder)
    assert without_endless(expand([*IMAGES, "linked.fits", "d.fits"]), folder, losses) == ["a.fits", "c.fits"]
    assert losses.entries == [
        ("linked.fits", "is a pipe or a device, where a file belongs; move it away"),
        ("d.fits", "is a link to something that is not there; mend the link"),
        ("a.b.fits", "a.b.ldac is a pipe or a device, where a file belongs; move it away"),
    ]


@pytest.mark.parametrize("name", ["badpixels.fits", "comove.fits", "photometry.db"])
def test_a_pipe_in_the_place_of_what_all_images_share_ends_a_command(folder, name):
    os.mkfifo(name)
    with pytest.raises(Occupied, match=f"{name} is a pipe or a device, where a file belongs; move it away"):
        make_ready(IMAGES, folder)


def test_without_an_image_that_can_be_read_a_command_ends(folder):
    os.mkfifo("d.fits")
    with pytest.raises(Occupied, match="d.fits is a pipe"):
        make_ready([], folder)
    with pytest.raises(UsageError, match="none of the images can be read"):
        without_endless(["d.fits"], folder, Losses())
