"""The interface for Python: how a process is left; test_docs.py tries docs/python.md as it stands."""

import logging
import os
import sys
import warnings
from pathlib import Path

import pytest
from conftest import ROOT

import photometrypipeline as pp
import sky
from photometrypipeline.base.errors import PipelineError, UsageError
from photometrypipeline.frames import lightcurves


def state():
    log = logging.getLogger("pp")
    loggers = log.level, log.propagate, list(log.handlers), list(logging.root.handlers)
    scripts = {name: sys.modules.get(name) for name in ("toolbox", "catalog", "diagnostics", "pp_run", "pp_setup")}
    return loggers, scripts, list(sys.path), os.getcwd(), dict(os.environ), list(warnings.filters)


def test_a_call_works_in_the_folder_of_the_frames_and_leaves_the_process_as_it_was(tmp_path, monkeypatch, capfd):
    truth = sky.make_dataset(tmp_path / "set", 2, seed=3, size=(420, 420), n_stars=70)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in ("toolbox", "catalog"):  # somebody else's
        monkeypatch.setitem(sys.modules, name, type(sys)(name))
    with pytest.raises(UsageError, match="no such file"):
        pp.run("nothing*.fits")  # what libraries do when they are loaded is done
    before = state()
    night = pp.run(truth.paths, offline=True)
    assert state() == before
    assert capfd.readouterr() == ("", "")
    assert not os.listdir() and night.folder == tmp_path / "set"
    told = lightcurves.read(night.files["photometry_3552.dat"]).curve.rows
    assert [row.mag for row in told] == list(night.light_curve["mag"])
    assert night.losses == [] and len(night.zeropoints) == 2
    pp.calibrate(truth.paths, offline=True, filter="V", verbose=True)
    out, _ = capfd.readouterr()
    assert "reference stars in V" in out
    assert state() == before


def test_errors_are_those_of_the_project_and_leave_the_process_as_it_was(tmp_path, capfd):
    sky.make_dataset(tmp_path, 1, size=(64, 60), n_stars=2, store=False)
    with pytest.raises(PipelineError, match="prepared"):
        pp.calibrate(tmp_path / "mscience0217.fits")
    before = state()
    with pytest.raises(PipelineError, match="no frame could be registered"):
        pp.run(str(tmp_path / "*.fits"), offline=True)
    with pytest.raises(UsageError, match="prefix belongs to"):
        pp.run(str(tmp_path / "*.fits"), prefix="m")
    assert state() == before
    assert capfd.readouterr() == ("", "")


def test_the_package_is_light_until_a_function_is_used_and_lists_what_it_has():
    assert set(pp.__all__) <= set(dir(pp))
    assert pp.run.__module__ == "photometrypipeline.interface"
    with pytest.raises(AttributeError):
        _ = pp.photometric
    assert Path(pp.__file__).parent == ROOT / "photometrypipeline"
