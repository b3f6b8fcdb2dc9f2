"""Data sets are worked on where their frames lie, wherever the process stands, and several in turns in one process."""

import os
import shutil
import sqlite3
from pathlib import Path

import toolbox

import pytest

import pp_calibrate
import pp_distill
import pp_photometry
import pp_prepare
import pp_register
import pp_run
import sky
from photometrypipeline.frames import records
from photometrypipeline.runs.stamps import Stamps

STEPS = {
    "prepare": (pp_prepare.prepare, pp_prepare.Options()),
    "register": (pp_register.register, pp_register.Options(offline=True)),
    "photometry": (pp_photometry.photometry, pp_photometry.Options(snr=pp_run.Options.snr, offline=True)),
    "calibrate": (pp_calibrate.calibrate, pp_calibrate.Options(offline=True)),
    "distill": (pp_distill.distill, pp_distill.Options(offline=True)),
}


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Return {name: (folder of untouched frames, folder where pp_run was called)} of two fields."""
    made = {}
    for name, seed in (("north", 3), ("south", 4)):
        raw, alone = tmp_path_factory.mktemp(name), tmp_path_factory.mktemp(f"{name}_alone") / "set"
        sky.make_dataset(raw, 2, seed=seed, size=(420, 420), n_stars=70)
        shutil.copytree(raw, alone)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(alone)
            assert pp_run.main(["mscience*.fits", "-offline"]) == 0
        made[name] = raw, alone
    return made


def results(folder):
    """Return {name: content} of what the steps leave in a folder, but for what holds times or is made for the eye."""
    found = {path.name: path.read_bytes() for path in folder.glob("*.dat")}
    found |= {path.name: path.read_text() for path in folder.glob("registration_*.lst")}
    for path in folder.glob("*.db"):
        with sqlite3.connect(path) as connection:
            found[path.name] = list(connection.iterdump())
        connection.close()
    return found


def test_steps_in_turns_on_two_data_sets_give_what_each_gives_alone(sets, tmp_path, monkeypatch):
    here = tmp_path / "elsewhere"
    here.mkdir()
    monkeypatch.chdir(here)
    folders = {name: shutil.copytree(raw, tmp_path / name) for name, (raw, _) in sets.items()}
    data = {
        name: toolbox.open_frames(sorted(Path("..", name).glob("mscience*.fits")), toolbox.Losses()) for name in folders
    }
    for step, (function, options) in STEPS.items():
        for name, frames in data.items():
            if step == "register":  # as pp_run does; by itself the step looks for sources of its own
                frames.ahead = pp_run.measuring_ahead(frames, pp_run.Options(offline=True, jobs=2))
            outcome = function(frames, toolbox.Losses(), options)
            data[name] = frames.only(pp_run.handed_on(step, outcome)) if step != "distill" else frames
    assert not os.listdir(here)
    for name, (_, alone) in sets.items():
        there, wanted = results(folders[name]), results(alone)
        names = there.pop("registration_succeeded.lst").split()
        assert [Path(each).name for each in names] == wanted.pop("registration_succeeded.lst").split()
        assert there == wanted
        assert set(records.read(folders[name])) == set(records.STEPS)
    north, south = (records.read(folders[name])["calibrate"] for name in sets)
    assert north.frames[0].zp_mag != south.frames[0].zp_mag


def test_frames_given_by_path_are_worked_on_in_their_folder_and_known_again_from_anywhere(sets, tmp_path, monkeypatch):
    raw, alone = sets["north"]
    folder = shutil.copytree(raw, tmp_path / "north")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert pp_run.main(["../north/mscience*.fits", "-offline"]) == 0
    assert not os.listdir()
    assert (folder / "LOG").is_file() and (folder / "diagnostics.html").is_file()
    table = "photometry_3552.dat"
    assert (folder / table).read_bytes() == (alone / table).read_bytes()
    made = {step: Stamps(folder).read(step).made for step in STEPS}
    monkeypatch.chdir(folder)
    assert pp_run.main(["mscience*.fits", "-offline"]) == 0
    assert {step: Stamps(folder).read(step).made for step in STEPS} == made
