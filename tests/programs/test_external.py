"""Outside programs: what they are called with, how they end, what is left of them."""

import time
from pathlib import Path

import pytest

from photometrypipeline.base.errors import ProgramError
from photometrypipeline.programs.external import run_program


@pytest.fixture
def program(tmp_path):
    """Return make(body): writes a shell script and returns its path."""

    def make(body):
        path = tmp_path / "program"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return make


@pytest.mark.parametrize(
    "name", ["a b.fits", "im[1].fits", "a&b;c.fits", "it's.fits", "q?*.fits", "é.fits", "n,1=2.fits"]
)
def test_no_program_sees_a_name_that_means_something_to_it(program, tmp_path, name):
    source, target = tmp_path / name, tmp_path / f"out {name}"
    source.write_text("pixels")
    copy = program('echo "$1" "$2"; cat "$1" > "$2"')
    printed = run_program([copy, source, target], [target])
    assert target.read_text() == "pixels"
    assert not set(printed.strip()) & set("[]&;'?*é,=") and len(printed.split()) == 2


def test_a_long_path_is_shortened(program, tmp_path):
    folder = tmp_path / ("x" * 200) / ("y" * 200)
    folder.mkdir(parents=True)
    (folder / "a.fits").write_text("pixels")
    printed = run_program([program('echo "$1"; cat "$1"'), folder / "a.fits"], [])
    assert len(printed.split()[0]) < 100 and printed.endswith("pixels")


def test_what_takes_too_long_is_stopped_with_all_that_it_has_started(program, tmp_path):
    slow = program(f"sleep 60 & echo $! > {tmp_path}/child; wait")
    start = time.monotonic()
    with pytest.raises(ProgramError, match=r"program did not end within 1 s and was stopped.*program_timeout_s"):
        run_program([slow], [], timeout_s=1)
    assert time.monotonic() - start < 20
    command_line = Path(f"/proc/{(tmp_path / 'child').read_text().strip()}/cmdline")
    while command_line.exists() and command_line.read_text():  # empty once it has ended
        assert time.monotonic() - start < 30, "the child of the program is still at work"
        time.sleep(0.1)


def test_a_crash_and_a_missing_file_are_told(program, tmp_path):
    with pytest.raises(ProgramError, match=r"crashed \(signal 9\)"):
        run_program([program("kill -9 $$")], [])
    with pytest.raises(ProgramError, match="did not write"):
        run_program([program("echo done")], [tmp_path / "result"])


def test_a_program_is_told_where_it_works_whatever_the_shell_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PWD", "/x" * 1000)  # SCAMP's buffer overflows with such a path
    printed = run_program(["/usr/bin/env"], [], cwd=tmp_path)
    assert f"PWD={tmp_path}\n" in printed
