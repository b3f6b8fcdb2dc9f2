"""What shows that nothing has changed: every file, option and setting that an outcome could depend on."""

import argparse
import os
import time

import pytest

from photometrypipeline.runs import unchanged

TOLD = {"before": ["2 frames"], "report": ["17.0 mag"], "after": ["Done!"]}
OLD_NS = 1_700_000_000_000_000_000


@pytest.fixture
def night(tmp_path, monkeypatch):
    """Return (folder, arguments) of a call whose state is kept."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("PHOTPIPEDIR", raising=False)
    folder = tmp_path / "night"
    for name in (".diagnostics/stamps/prepare.json", "pp_store/refcats/GAIA.sqlite", "a.fits", "b.fits", "a.ldac.db"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        os.utime(path, ns=(OLD_NS, OLD_NS))
    monkeypatch.chdir(folder)
    args = argparse.Namespace(images=["a.fits", "b.fits"], offline=True, exclude=None, given=("images",))
    keep(args)
    return folder, args


def keep(args):
    folder = unchanged.folder_of(args.images)
    unchanged.keep(unchanged.state(args, folder), folder, TOLD)


def told(args):
    return unchanged.told_before(args, unchanged.folder_of(args.images))


def test_the_same_call_says_the_same(night):
    folder, args = night
    assert told(args) == TOLD
    (folder / "LOG").write_text("every run writes into it")
    (folder / "badpixels.fits").touch()
    assert told(args) is None  # a new file
    just_now = time.time_ns() + 10**10
    os.utime(folder / "badpixels.fits", ns=(just_now, just_now))
    keep(args)  # too young to be sure of
    assert told(args) is None
    os.utime(folder / "badpixels.fits", ns=(OLD_NS, OLD_NS))
    keep(args)
    args.images.append("badpixels.fits")  # by a wildcard
    assert told(args) == TOLD


@pytest.mark.parametrize(
    "name",
    ["a.fits", "a.ldac.db", ".diagnostics/stamps/prepare.json", "pp_store/refcats/GAIA.sqlite"],
)
def test_any_file_that_was_written_again_or_is_gone_is_noticed(night, name):
    folder, args = night
    content = (folder / name).read_text()
    (folder / name).write_text(content.upper())
    assert told(args) is None
    other = folder / "other"
    other.write_text(content)
    os.utime(other, ns=(OLD_NS, OLD_NS))
    os.replace(other, folder / name)  # the same content and time in another file
    assert told(args) is None
    if name.endswith(".fits"):
        return
    (folder / name).unlink()
    assert told(args) is None


def test_other_options_files_that_they_name_and_settings_are_noticed(night, tmp_path, monkeypatch):
    folder, args = night
    args.offline = False
    assert told(args) is None
    args.offline = True
    assert told(args) == TOLD
    listed = tmp_path / "rejected.lst"
    listed.write_text("a.fits 3552")
    args.exclude = str(listed)
    keep(args)
    assert told(args) == TOLD
    listed.write_text("b.fits 3552, and more")
    assert told(args) is None
    args.exclude = None
    keep(args)
    assert told(args) == TOLD
    settings = tmp_path / "config" / "photometrypipeline"
    settings.mkdir(parents=True)
    (settings / "pp_setup.py").write_text("minstars = 0.3\n")
    assert told(args) is None
    (settings / "pp_setup.py").unlink()
    assert told(args) == TOLD
    monkeypatch.setenv("PP_OFFLINE", "1")
    assert told(args) is None


def test_frames_that_are_not_called_by_their_names_go_the_long_way(night):
    folder, args = night
    assert unchanged.folder_of(["a.fits", "../b.fits"]) is None
    assert unchanged.folder_of(["all"]) is None and unchanged.folder_of([]) is None
    assert unchanged.folder_of(["frames.lst"]) is None
    unchanged.forget(folder)
    assert told(args) is None


def test_a_run_waits_until_its_last_file_can_be_told_from_a_later_one(tmp_path):
    (tmp_path / "diagnostics.html").write_text("page")
    written = (tmp_path / "diagnostics.html").stat().st_mtime_ns
    unchanged.settle(tmp_path)
    assert time.time_ns() - written >= unchanged.SETTLED_NS
    began = time.monotonic()
    unchanged.settle(tmp_path)
    os.utime(tmp_path / "diagnostics.html", ns=(0, time.time_ns() + 3600 * 10**9))  # a clock that went wrong
    unchanged.settle(tmp_path)
    assert time.monotonic() - began < 0.09
