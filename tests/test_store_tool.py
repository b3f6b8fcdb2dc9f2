"""pptool_store: a field fetched here, carried in a file, used on a computer without a network."""

import pytest

import pptool_store
import services as local
import starlist
from photometrypipeline import services, skystore, surveys
from photometrypipeline.errors import OK, USAGE


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "here"))
    monkeypatch.delenv("PP_OFFLINE", raising=False)
    return tmp_path


def fetch_field(monkeypatch, survey="PANSTARRS"):
    sheet = surveys.get(survey)
    with local.Server({sheet.table: local.as_vizier(sheet, starlist.make(survey, 200, 150, -2, 0.3))}) as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        assert pptool_store.main(["fetch", survey.lower(), "150", "-2", "0.2", "21"]) == OK
        assert server.count("vizier") == 1


def test_a_field_travels_in_a_file(work, monkeypatch, capsys):
    fetch_field(monkeypatch)
    here = skystore.fetch("PANSTARRS", 150, -2, 0.2, 21, services.Client(offline=True))
    assert pptool_store.main(["export", "PANSTARRS", "field.sqlite", "-cone", "150", "-2", "0.2"]) == OK
    assert sorted(path.name for path in work.glob("field*")) == ["field.sqlite"]
    monkeypatch.setenv("XDG_DATA_HOME", str(work / "there"))
    assert pptool_store.main(["import", "field.sqlite"]) == OK
    there = skystore.fetch("PANSTARRS", 150, -2, 0.2, 21, services.Client(offline=True))
    assert list(there["ident"]) == list(here["ident"])
    assert list(there["gp1mag"]) == list(here["gp1mag"])
    assert len(there) > 50
    capsys.readouterr()
    assert pptool_store.main(["import", "field.sqlite"]) == OK
    assert "0 of" in capsys.readouterr().out  # nothing new


def test_list_and_clear(work, monkeypatch, capsys):
    fetch_field(monkeypatch)
    pptool_store.main(["list"])
    assert "PANSTARRS" in capsys.readouterr().out
    assert pptool_store.main(["clear", "PANSTARRS", "-cone", "150", "-2", "0.01"]) == OK
    assert pptool_store.main(["clear", "PANSTARRS"]) == OK
    capsys.readouterr()
    pptool_store.main(["list"])
    assert " 0 tiles" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["export", "GAIA", "x.sqlite"], ["import", "nothing.sqlite"], ["clear", "GAIA"]])
def test_what_is_not_there_is_said(work, arguments, capsys):
    assert pptool_store.main(arguments) == USAGE
    assert "ERROR" in capsys.readouterr().err


def test_unknown_catalogue(work, capsys):
    with pytest.raises(SystemExit) as ended:
        pptool_store.main(["fetch", "nonsense", "1", "2", "0.1", "20"])
    assert ended.value.code == USAGE
    assert "GAIA-DR3" in capsys.readouterr().err
