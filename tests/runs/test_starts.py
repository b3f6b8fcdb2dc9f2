"""Data sets that are copies of a loaded process behave as commands do."""

import os
import signal
import sys
import time

import pytest
from conftest import ROOT

from photometrypipeline.runs import datatree, starts

SCRIPT = """
import os, sys, time
LOADED_BY = os.getpid()

def begin():
    print("begins")

def main():
    place = os.path.basename(os.getcwd())
    print(os.getpid() == LOADED_BY, *sys.argv[1:], place, os.environ.get("PYTHONPATH"), sys.stdin.read() == "")
    print("trouble", file=sys.stderr)
    if place == "d1":
        os.kill(os.getpid(), 9)
    if place == "d2":
        raise ValueError("not told")
    open("at_work", "w").close()
    time.sleep(60 if place == "d3" else 0)
    return 3

if __name__ == "__main__":
    begin()
    sys.exit(main())
"""


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Return (root, data sets, command): four sets, done by a script."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    script = tmp_path / "scripts" / "made_script.py"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    for number in range(4):
        (tmp_path / f"d{number}").mkdir()
    sets = [datatree.DataSet(f"d{number}", ["a.fits"]) for number in range(4)]
    return tmp_path, sets, lambda each, jobs: [sys.executable, str(script), "-jobs", str(jobs)]


def test_copies_end_as_commands_do_and_are_loaded_once(tree, monkeypatch):
    root, sets, command = tree
    printed, ends = [], datatree.last_line
    monkeypatch.setattr(datatree, "last_line", lambda output: printed.append(ends(output)) or printed[-1])
    begin = starts.Starts(("made_script",), lambda: 1)
    for _ in datatree.run(root, sets[:3], command, 1, begin):
        pass
    assert [each.state for each in sets[:3]] == [3, 1, 1]
    assert f"killed by signal {signal.SIGKILL.value}" in sets[1].error and sets[2].error == "ValueError: not told"
    each, process, output = sets[0], *datatree.start(root / "d0", command(sets[0], 2), begin)
    process.wait()
    output.seek(0)
    told = output.read().splitlines()
    output.close()
    assert sorted(told) == sorted(["begins", f"False -jobs 2 {each.folder} {ROOT} True", "trouble"])


def test_a_copy_is_told_to_end(tree):
    root, sets, command = tree
    work = datatree.run(root, sets[3:], command, 1, starts.Starts(("made_script",), lambda: 1))
    until = time.monotonic() + 60
    while not (root / "d3" / "at_work").exists() and time.monotonic() < until:
        next(work)
    work.close()
    assert sets[3].state == datatree.INTERRUPTED


def test_what_has_changed_since_it_was_loaded_is_loaded_anew(tree):
    root, sets, command = tree
    settings = ["of before"]
    begin = starts.Starts(("made_script",), lambda: list(settings))
    settings.append("changed")
    process, output = datatree.start(root / "d0", command(sets[0], 1), begin)
    process.wait()
    output.seek(0)
    assert "True -jobs 1 d0" in output.read() and isinstance(process, starts.Command)
    output.close()
    assert os.environ["PYTHONPATH"] == str(ROOT)
