"""The records that the steps leave for the website."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

import diagnostics
import fakerun
import pp_setup
from website import MAKERS, check_website, fill, main_page, words


@pytest.fixture
def field():
    return fakerun.Field(n_frames=3)


def test_running_a_step_again_removes_what_later_steps_recorded(tmp_path, field):
    fill(tmp_path, field)
    diagnostics.record("photometry", fakerun.photometry(field), tmp_path)
    assert list(diagnostics.read_records(tmp_path)) == ["prepare", "register", "photometry"]
    diagnostics.render(tmp_path)
    headings = [heading.get_text() for heading in main_page(tmp_path).find_all("h2")]
    assert headings == ["Registration", "Instrumental Photometry"]


def test_a_record_is_plain_json_in_which_what_is_no_number_is_null(tmp_path):
    frame = {"name": Path("a.fits"), "airmass": np.float32(np.nan), "exptime_s": np.inf, "size_px": np.array([3, 4])}
    diagnostics.record("prepare", {"frames": [frame], "band": np.ma.masked}, tmp_path)
    text = (tmp_path / ".diagnostics" / "prepare.json").read_text()
    stored = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    frame = {"name": "a.fits", "airmass": None, "exptime_s": None, "size_px": [3, 4]}
    assert stored == {"frames": [frame], "band": None}
    assert diagnostics.read_records(tmp_path)["prepare"]["frames"][0]["midtime_jd"] is None  # absent, hence added


def test_an_interrupted_record_leaves_the_old_one(tmp_path, field, monkeypatch):
    diagnostics.record("prepare", fakerun.prepare(field), tmp_path)

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        diagnostics.record("prepare", {"frames": []}, tmp_path)
    assert len(diagnostics.read_records(tmp_path)["prepare"]["frames"]) == 3
    assert [path.name for path in (tmp_path / ".diagnostics").iterdir()] == ["prepare.json"]


def test_a_damaged_record_counts_as_absent(tmp_path, field):
    fill(tmp_path, field)
    (tmp_path / ".diagnostics" / "register.json").write_text('{"frames": [')
    diagnostics.render(tmp_path)
    assert main_page(tmp_path).find(id="register") is None
    assert main_page(tmp_path).find(id="photometry") is not None


@pytest.mark.parametrize(("recorded", "stays"), [("prepare", False), ("calibrate", False), ("distill", True)])
def test_a_failure_is_shown_until_its_step_or_an_earlier_one_succeeds(tmp_path, field, recorded, stays):
    diagnostics.record_failure("calibrate", "VizieR could not be reached", tmp_path)
    diagnostics.record(recorded, MAKERS[recorded](field), tmp_path)
    diagnostics.render(tmp_path)
    notes = main_page(tmp_path).find_all("p", "failure")
    assert len(notes) == stays


def test_pages_are_made_of_a_failure_alone(tmp_path):
    (tmp_path / "LOG").write_text("")
    diagnostics.record_failure("prepare", "no telescope is called <b>", tmp_path)
    diagnostics.render(tmp_path)
    note = main_page(tmp_path).find("p", "failure")
    assert words(note) == "pp_prepare failed: no telescope is called <b> – see LOG"
    assert note.find("a")["href"] == "LOG"
    check_website(tmp_path)


def test_nothing_recorded_means_no_page(tmp_path):
    assert diagnostics.render(tmp_path) is None
    assert not (tmp_path / "diagnostics.html").exists()


def test_the_switch_in_pp_setup_turns_everything_off(tmp_path, field, monkeypatch):
    monkeypatch.setattr(pp_setup, "diagnostics", False)
    fill(tmp_path, field)
    diagnostics.record_failure("prepare", "x", tmp_path)
    assert diagnostics.render(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
