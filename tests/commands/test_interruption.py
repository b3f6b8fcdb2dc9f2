"""Signals at any moment: one line, the right status, nothing half-written."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT

import sky

SMALL = {"size": (64, 60), "n_stars": 2, "store": False}


def start(command, *arguments, cwd, **streams):
    argv = [sys.executable, str(ROOT / f"{command}.py"), *arguments]
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    return subprocess.Popen(argv, cwd=cwd, env=environment, **{"stderr": subprocess.PIPE, "text": True} | streams)


@pytest.mark.parametrize(
    ("number", "status", "after_s"),
    [(signal.SIGINT, 130, 0.2), (signal.SIGINT, 130, 1.5), (signal.SIGTERM, 143, 1.0), (signal.SIGHUP, 129, 0.4)],
)
def test_a_signal_is_one_line_and_the_status_that_shells_know(tmp_path, number, status, after_s):
    sky.make_dataset(tmp_path, 1, **SMALL)
    process = start("pp_run", "-offline", "mscience0217.fits", cwd=tmp_path, stdout=subprocess.DEVNULL)
    time.sleep(after_s)
    process.send_signal(number)
    told = process.communicate(timeout=60)[1]
    if process.returncode != 1:  # 1: it was quicker than the signal, these frames cannot be registered
        assert process.returncode == status
        assert told.count("interrupted") == 1 and "Traceback" not in told
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_tree_that_is_told_to_end_ends_its_data_sets_and_says_so(tmp_path):
    sky.make_dataset(tmp_path / "a", 3, size=(420, 420), n_stars=70)
    process = start("pp_run", "-offline", "all", cwd=tmp_path, stdout=subprocess.DEVNULL)
    outcome = tmp_path / "a" / ".diagnostics" / "outcome.json"
    until = time.monotonic() + 60
    while not outcome.exists() and time.monotonic() < until:
        time.sleep(0.05)
    child = json.loads(outcome.read_text())["process"]
    process.send_signal(signal.SIGTERM)
    assert "Traceback" not in process.communicate(timeout=60)[1]
    assert process.returncode == 143
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert [each["state"] for each in summary["data_sets"]] == ["interrupted"] and not summary["finished"]


def test_every_command_removes_what_a_killed_one_left_half_written(tmp_path):
    sky.make_dataset(tmp_path, 1, **SMALL)
    half = tmp_path / f".photometry.db.{'0' * 32}.tmp-journal"
    half.touch()
    process = start("pp_prepare", "mscience0217.fits", cwd=tmp_path, stdout=subprocess.DEVNULL)
    assert process.communicate(timeout=60)[1] == "" and process.returncode == 0
    assert not half.exists()
