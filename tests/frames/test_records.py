"""The records that the steps leave for the website."""

import json
import os
from pathlib import Path

import jinja2
import msgspec
import numpy as np
import pytest

import diagnostics
import fakerun
import pp_setup
from photometrypipeline.frames import records
from photometrypipeline.frames.recordtypes import RECORDS
from photometrypipeline.website import pages
from website import MAKERS, check_website, fill, main_page, record, words


@pytest.fixture
def field():
    return fakerun.Field(n_frames=3)


def test_running_a_step_again_removes_what_later_steps_recorded(tmp_path, field):
    fill(tmp_path, field)
    diagnostics.record("photometry", fakerun.photometry(field), tmp_path)
    assert list(diagnostics.read_records(tmp_path)) == ["prepare", "register", "photometry"]
    diagnostics.render(tmp_path)
    headings = [heading.get_text() for heading in main_page(tmp_path).find_all("h2")]
    assert set(headings) == {"Registration", "Instrumental Photometry"}


def test_a_record_is_plain_json_in_which_what_is_not_a_number_is_null(tmp_path):
    frame = fakerun.prepare(fakerun.Field(n_frames=1))["frames"][0]
    frame |= {"name": Path("a.fits"), "airmass": np.float32(np.nan), "exptime_s": np.inf, "size_px": np.array([3, 4])}
    found = fakerun.prepare(fakerun.Field()) | {"frames": [frame], "band": np.ma.masked}
    kept = diagnostics.record("prepare", found, tmp_path)
    text = (tmp_path / ".diagnostics" / "prepare.json").read_text()
    stored = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    expected = {"name": "a.fits", "airmass": None, "exptime_s": None, "size_px": [3, 4]}
    assert expected.items() <= stored["frames"][0].items() and stored["band"] is None
    assert kept == diagnostics.read_records(tmp_path)["prepare"] and kept.frames[0].size_px == [3, 4]


@pytest.mark.parametrize("step", [step for step in records.STEPS if step != "distill"])
def test_a_field_that_is_missing_unknown_or_of_another_type_is_refused_by_its_name(tmp_path, field, step):
    def refused(record):
        with pytest.raises(msgspec.ValidationError) as told:
            records.write(step, record, tmp_path)
        assert not records.path_of(step, tmp_path).exists()
        return str(told.value)

    whole = MAKERS[step](field)
    first = whole["frames"][0]
    assert "`frames`" in refused({name: part for name, part in whole.items() if name != "frames"})
    assert "`zeropont`" in refused(whole | {"zeropont": 1.0})
    assert "`nmae`" in refused(whole | {"frames": [first | {"nmae": "x"}]})
    said = refused(whole | {"frames": [first, first | {"name": 3}]})
    assert "Expected `str`, got `int`" in said and "$.frames[1].name" in said
    with pytest.raises(TypeError, match="zeropont"):
        RECORDS[step](**whole, zeropont=1.0)


def test_a_record_of_an_earlier_version_counts_as_absent_and_says_what_to_do(tmp_path, field, caplog):
    fill(tmp_path, field)
    path = records.path_of("calibrate", tmp_path)
    path.write_text(path.read_text().replace('"zp_sig_mag"', '"zp_sig"'))
    diagnostics.render(tmp_path)
    assert main_page(tmp_path).find(id="calibrate") is None and main_page(tmp_path).find(id="photometry")
    (told,) = {each.getMessage() for each in caplog.records if "calibrate.json" in each.getMessage()}
    assert "of another version" in told and "zp_sig" in told and "run pp_calibrate again" in told
    assert "\n" not in told


def test_misspelt_names_in_a_template_fail():
    for name in ("calibrate.zpp_mag", "frame.zp"):
        template = pages.environment().from_string("{{ %s | fixed(3) }}" % name)  # noqa: UP031
        shown = records.typed("calibrate", fakerun.calibrate(fakerun.Field()))
        with pytest.raises(jinja2.UndefinedError, match="zp"):
            template.render(calibrate=shown, frame=shown.frames[0])


def test_an_interrupted_record_leaves_the_old_one(tmp_path, field, monkeypatch):
    diagnostics.record("prepare", fakerun.prepare(field), tmp_path)

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        diagnostics.record("prepare", fakerun.prepare(field) | {"frames": []}, tmp_path)
    assert len(diagnostics.read_records(tmp_path)["prepare"].frames) == 3
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
    record(recorded, MAKERS[recorded](field), tmp_path)
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
