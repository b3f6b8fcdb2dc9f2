"""Locks: who waits says for whom, and gives up."""

import os
import subprocess
import sys

import pytest

from photometrypipeline.base import locks
from photometrypipeline.base.errors import SystemTrouble

HOLDER = "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()"


@pytest.fixture
def held(tmp_path):
    """Yield (path, number of the process that has the lock on it, function that lets go)."""
    path = tmp_path / "some.lock"
    argv = [sys.executable, "-c", HOLDER, str(path), "pp_run.py"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        yield path, process.pid
        process.communicate("\n")


def test_a_lock_that_is_not_given_back_names_its_holder_and_is_given_up(held):
    path, number = held
    told = rf"some.lock is in use by process {number} \(pp_run.py\), for longer"
    with pytest.raises(SystemTrouble, match=told), locks.locked(path, patience_s=0.05):
        pass


def test_who_waits_is_told_for_whom(held, caplog):
    path, number = held
    handle = os.open(path, os.O_RDWR)
    with pytest.raises(SystemTrouble):
        locks.wait_for(handle, "it is in use", 0.05, 0.0)
    os.close(handle)
    assert f"it is in use by process {number} (pp_run.py); waiting" in caplog.text


def test_a_free_lock_is_had_at_once(tmp_path):
    with locks.locked(tmp_path / "new" / "some.lock", patience_s=0.0):
        assert (tmp_path / "new" / "some.lock").exists()
