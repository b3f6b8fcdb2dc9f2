"""pptool_period as users call it: the commands of docs/period.md, on the nights that it names."""

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

import pptool_period
from photometrypipeline.periods import alcdeffile

ROOT = Path(__file__).resolve().parents[2]
TRUE_H, TRUE_MAG = 7.3, 0.42


def walk():
    """Return the commands (list of list of str) of the walk-through, without the directory."""
    text = (ROOT / "docs" / "period.md").read_text().partition("## A walk through")[2].partition("## How")[0]
    lines = [line for block in re.findall(r"```\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    return [shlex.split(line) for line in lines if not line.startswith("cd ")]


def here(folder, *arguments):
    """Run pptool_period within this process, which saves the time of imports; returns (status, stdout, stderr)."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = pptool_period.main(list(arguments))
        except SystemExit as end:  # of argparse
            status = end.code
    return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())


def run(folder, name, *arguments):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "XDG_DATA_HOME": str(folder / "data")}
    command = [sys.executable, str(ROOT / f"{name}.py"), *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("walk")
    made = run(place, "example_data/make_rotation", "rotation")
    assert made.returncode == 0, made.stderr
    return place / "rotation"


@pytest.fixture(scope="module")
def done(folder):
    """Return {command line: CompletedProcess} of the walk-through."""
    found = {" ".join(words): words for words in walk() if words[0] == "pptool_period"}
    first, *rest = found
    done = {first: run(folder, *found[first])}  # one as users do
    return done | {line: here(folder, *found[line][1:]) for line in rest}


def test_the_walk_through_does_what_it_says(folder, done):
    statuses = [each.returncode for each in done.values()]
    assert statuses == [0, 3, 0, 0, 0, 0], [each.stderr for each in done.values()]
    first, single = list(done.values())[:2]
    paragraph = next(line for line in first.stdout.splitlines() if "synodic period" in line)
    period, error = map(float, re.search(r"rotation is ([\d.]+) ± ([\d.]+) h", paragraph).groups())
    assert abs(period - TRUE_H) < 4 * error and error < 0.003
    quoted = (ROOT / "docs" / "period.md").read_text()
    assert f"{period:.2f}" in quoted
    assert "longer than" in single.stdout and "Traceback" not in single.stderr
    assert json.loads((folder / "first.json").read_text())["period_h"] is None


def test_choices_are_kept(folder, done):
    text = (folder / "period_3552.toml").read_text()
    assert "shift_mag = 0.01" in text and "use = true" in text and "harmonics = 4" in text
    found = json.loads((folder / "period_3552.json").read_text())
    assert found["harmonics"] == 4 and len(found["sessions"]) == 3
    assert found["periods_searched_h"][0] == pytest.approx(4, rel=0.02)


def test_the_files_hold_the_result(folder, done):
    found = json.loads((folder / "period_3552.json").read_text())
    assert abs(found["amplitude_mag"] - TRUE_MAG) < 0.02
    table = Table.read(folder / "period_3552.ecsv")
    assert len(table) == sum(each["points"] for each in found["sessions"])
    assert np.std(table["residual_mag"]) == pytest.approx(0.012, rel=0.2)
    np.testing.assert_allclose(table["rotation_mag"], table["model_mag"] + table["residual_mag"], atol=1e-9)
    page = (folder / "period_3552.html").read_text()
    assert "composite" in page and found["text"][:60] in page
    apart = json.loads((folder / "apart.json").read_text())
    assert len(apart["periods"]) > len(found["periods"])
    first = found["periods"][0]
    assert (first["period_h"], first["amplitude_mag"]) == (found["period_h"], found["amplitude_mag"])


def test_alcdef_is_written_and_read_again(folder):
    made = here(folder, "-offline", "-draft", "-output", "draft", "-range", "6", "9", "night1", "night2")
    assert made.returncode == 0, made.stderr
    sessions = alcdeffile.read(folder / "draft.alcdef.txt")
    assert [len(each) for each in sessions] == [98, 76]
    assert {each.site for each in sessions} == {"290"}


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["missing.dat"], 2, "no such file: missing.dat"),
        (["wrong.csv"], 1, "wrong.csv: is not a light curve"),
        (["empty"], 2, "empty holds no light curve"),
        (["night1", "-leave", "9"], 2, "is no session"),
        (["night1", "-take", "2.1"], 1, "is excluded by the data"),
        (["night1", "others.txt"], 2, "2 bodies"),
    ],
)
def test_bad_input_is_one_line(folder, arguments, status, words):
    (folder / "wrong.csv").write_text("ra,dec\n1,2\n")
    (folder / "empty").mkdir(exist_ok=True)
    block = "STARTMETADATA\nOBJECTNUMBER=433\nOBJECTNAME=Eros\nENDMETADATA\nDATA=2457800.7|15.1|0.01\nENDDATA\n"
    (folder / "others.txt").write_text(block)
    made = here(folder, "-offline", "-output", "bad", *arguments)
    assert made.returncode == status, made.stderr
    assert words in made.stderr and "Traceback" not in made.stderr
    assert sum(words in line for line in made.stderr.splitlines()) == 1
