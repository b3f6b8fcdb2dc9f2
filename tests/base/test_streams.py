"""Standard output that is closed, full, or whose reader has gone."""

import subprocess
import sys

import pytest
from conftest import ROOT

from photometrypipeline.base import streams

COMMAND = """
import sys
from photometrypipeline.base import streams
streams.guard()
for number in range(20000):
    print("words of", number)
open("result", "w").write("done")
sys.exit(streams.ended({status}))
"""


def run(folder, redirection, status=0):
    (folder / "command.py").write_text(COMMAND.format(status=status))
    line = f'"{sys.executable}" command.py {redirection}; echo status ${{PIPESTATUS[0]}} >&2'
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert (folder / "result").read_text() == "done"
    return done


@pytest.mark.parametrize("status", [0, 3])
def test_a_reader_that_goes_away_changes_nothing(tmp_path, status):
    done = run(tmp_path, "| head -1", status)
    assert (done.stdout, done.stderr) == ("words of 0\n", f"status {status}\n")


def test_a_full_disk_below_standard_output_is_one_line_and_a_failure(tmp_path):
    told = "ERROR: standard output cannot be written: no space left on device; files are as they should be\nstatus 1\n"
    assert run(tmp_path, "> /dev/full").stderr == told
    assert run(tmp_path, "> /dev/full", status=2).stderr.endswith("status 2\n")


def test_closed_streams_take_what_is_written(tmp_path):
    assert run(tmp_path, ">&-").stderr == "status 0\n"
    assert run(tmp_path, ">&- 2>&-").stderr == "status 0\n"


def test_what_others_say_does_not_steer_the_terminal():
    told = "é \x1b[31mred\x1b]0;title\x07 \x9b2J \u202etxt.exe\r\n\tµ"
    assert streams.plain(told) == "é \\x1b[31mred\\x1b]0;title\\x07 \\x9b2J \\u202etxt.exe\\r\n\tµ"
