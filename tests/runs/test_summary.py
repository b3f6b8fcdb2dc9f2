"""-json of every command: standard output holds one JSON object and nothing else."""

import importlib
import json
import tomllib

import pytest
from conftest import ROOT

import sky

COMMANDS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames")
    truth = sky.make_dataset(folder, 2, solved=True, store=False, n_stars=20)
    (folder / "broken.fits").write_bytes(b"no image")
    return truth


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_it(name):
    parser = importlib.import_module(name).build_parser()
    assert any("-json" in action.option_strings for action in parser._actions)


def test_it_tells_what_was_said_written_and_lost(frames, call):
    done = call("pptool_sip", "-json", *frames.files, "broken.fits", cwd=frames.folder)
    told = json.loads(done.stdout)
    assert (done.returncode, told["status"], told["outcome"], told["command"]) == (3, 3, "partial", "pptool_sip")
    stems = [name.removesuffix(".fits") for name in frames.files]
    assert told["files"] == sorted(f"{stem}.wcs" for stem in stems)
    assert [line.split(":")[0] for line in told["said"]] == [f"{stem}.wcs" for stem in stems]
    assert [loss["name"] for loss in told["losses"]] == ["broken.fits"] and told["error"] is None


def test_an_error_is_in_there_with_its_status(frames, call):
    done = call("pptool_sip", "-json", "nothing.fits", cwd=frames.folder)
    told = json.loads(done.stdout)
    assert (done.returncode, told["outcome"]) == (2, "usage") and "nothing.fits" in told["error"]
    again = call("pptool_sip", frames.files[0], cwd=frames.folder)
    assert again.stdout.startswith(frames.files[0].removesuffix(".fits") + ".wcs: within")  # as ever without it


def test_steps_come_with_what_they_left(frames, call):
    done = call("pp_prepare", "-json", "-keep_wcs", *frames.files, cwd=frames.folder)
    told = json.loads(done.stdout)
    assert told["status"] == 0, told
    assert told["steps"]["prepare"]["passed"] == frames.files and told["targets"] == []
