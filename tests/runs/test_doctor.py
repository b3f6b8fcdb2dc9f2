"""pptool_doctor: what is fine is ok, what is missing or broken is named with its remedy."""

import json
import sqlite3
from types import SimpleNamespace

import pptool_doctor
from photometrypipeline.base import userfolders
from photometrypipeline.base.errors import UsageError
from photometrypipeline.base.services import SERVICES
from photometrypipeline.runs import doctor
from services import Server

FINE = SimpleNamespace(problem=None)


def states(findings):
    return {each.name: each.state for each in findings}


def test_a_working_installation_is_fine_and_json_says_what_the_lines_say(capsys):
    assert pptool_doctor.main(["-offline"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert pptool_doctor.main(["-offline", "-json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [line.split(":")[0].split(maxsplit=1) for line in lines[:-1]] == [[f["state"], f["name"]] for f in found]
    assert {"python", "Source Extractor", "SCAMP", "telescopes", "store", "disk", "fonts"} <= {f["name"] for f in found}
    assert all(f["remedy"] for f in found if f["state"] != "ok")


def test_missing_programs_fail_and_say_how_to_get_them(monkeypatch):
    monkeypatch.setenv("PATH", "")
    found = {each.name: each for each in doctor.programs()}
    assert found["SCAMP"].state == doctor.BAD and "apt install scamp" in found["SCAMP"].remedy
    assert found["SWarp"].state == doctor.WARNING  # pp_run does without


def test_wrong_settings_and_a_damaged_store_are_named(own_folders):
    wrong = SimpleNamespace(problem=UsageError("pp_setup.py: line 3"))
    assert states(doctor.own_settings(wrong)) == {"settings": doctor.BAD}
    folder = userfolders.data() / "catalogs"
    folder.mkdir(parents=True)
    sqlite3.connect(folder / "GAIA.sqlite").close()
    assert states(doctor.store()) == {"store": doctor.OK}
    (folder / "GAIA.sqlite").write_bytes(b"SQLite format 3\0" + b"no page" * 100)
    assert states(doctor.store()) == {"store": doctor.BAD}


def test_a_check_that_breaks_is_a_finding_and_the_others_go_on(monkeypatch):
    monkeypatch.setattr(doctor, "telescope_files", lambda: 1 / 0)
    found = list(doctor.examine(FINE, offline=True))
    assert any("ZeroDivisionError" in each.text and each.state == doctor.BAD for each in found)
    assert "services" in states(found)


def test_services_are_asked_and_a_clock_that_is_off_is_seen(monkeypatch):
    with Server() as server:
        for name in SERVICES:
            monkeypatch.setenv(f"PP_{name.upper()}_URL", server.url)
        found = states(doctor.network(offline=False))
        assert found.pop("clock") == doctor.OK
        assert set(found.values()) == {doctor.OK}
    (found,) = doctor.clock([300.0, 300.4, -0.2])
    assert found.state == doctor.BAD and "300.0 s ahead" in found.text and found.remedy
