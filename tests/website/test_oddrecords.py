"""Pages of records that lack values, or have names that nobody expects."""

import os
import warnings
from dataclasses import replace
from typing import get_args, get_origin, get_type_hints

import numpy as np
import pytest
from msgspec import Struct

import diagnostics
import fakerun
from photometrypipeline.frames import recordtypes
from photometrypipeline.frames.rows import STORED
from website import HOSTILE, MAKERS, check_website, fill, main_page, words


@pytest.fixture
def field():
    return fakerun.Field(n_frames=3)


def emptied_rows(found, empty):
    """Return what pp_distill found with `empty` in all rows, or what stands for something of another kind there."""
    number, text = empty if isinstance(empty, float) else float("nan"), empty if isinstance(empty, str) else ""
    for row in [row for target in found["targets"] for row in target.every]:
        for each in STORED.values():
            if each.name not in ("target", "frame", "reason"):
                setattr(row, each.name, {float: number, str: text, int: 0}[each.type])
    return found


def emptied(value, kind, empty):
    """Return `value` of a record with `empty` wherever a value of `kind` can hold it."""
    if isinstance(value, dict) and isinstance(kind, type):
        types = get_type_hints(kind)
        return {name: emptied(part, types[name], empty) for name, part in value.items()}
    if isinstance(value, (list, np.ndarray)):
        inner = next(each for each in [kind, *get_args(kind)] if get_origin(each) is list)
        return [emptied(part, get_args(inner)[0], empty) for part in value]
    allowed = get_args(kind) or (kind,)
    kinds = [each for each in allowed if isinstance(each, type) and issubclass(each, Struct)]
    if kinds and isinstance(value, dict):
        return emptied(value, kinds[0], empty)
    return empty if type(empty) in allowed and type(value) in (type(empty), type(None), np.float64) else value


@pytest.mark.parametrize("empty", [None, "", "text", -1e300])
def test_no_value_of_a_record_breaks_the_pages(tmp_path, field, empty):
    made = {step: make(field) for step, make in MAKERS.items() if step != "distill"}
    made = {step: emptied(part, recordtypes.RECORDS[step], empty) for step, part in made.items()}
    for step in made:
        for count, frame in enumerate(made[step]["frames"]):
            frame["name"] = field.names[count]
    fill(tmp_path, field, **made, distill=emptied_rows(fakerun.distill(field, unseen=(1,)), empty))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numbers beyond what can be drawn
        diagnostics.render(tmp_path)
    check_website(tmp_path)


def test_hostile_names_stay_text_and_inside_the_folder(tmp_path, field):
    folder = tmp_path / "data"
    folder.mkdir()
    field.names = [f"{count} {HOSTILE}.fits".replace("/", ":") for count in range(3)]
    assert "<script>" in field.names[0]
    data = fakerun.prepare(field, directory="/data/<i>")
    for frame in data["frames"]:
        frame["object"] = frame["filter"] = HOSTILE
    targets = fakerun.distill(field, name=HOSTILE)
    for name in ("..", "fwhm", "zeropoints", "prepare.json", "../../x", "-", ""):
        targets["targets"].append(replace(targets["targets"][1], name=name))
    calibrated = fakerun.calibrate(field) | {"band": HOSTILE, "catalog": HOSTILE}
    fill(folder, field, prepare=data, distill=targets, calibrate=calibrated)
    diagnostics.render(folder)
    check_website(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert sorted(path.name for path in folder.iterdir()) == [".diagnostics", "diagnostics.html", "photometry.db"]
    shown = main_page(folder)
    assert HOSTILE in [heading.get_text() for heading in shown.find_all("h3")]  # as text, unchanged, not evaluated
    assert "49" not in words(shown.find(id="distill").h3)
    sources = [image["src"] for image in shown.find_all("img")]
    assert len(sources) == len(set(sources)) == 3 + 9  # a target called like a plot takes no plot's file


def test_names_of_bytes_that_are_no_text_are_survived(tmp_path, field):
    field.names = [os.fsdecode(b"bad\xff%d.fits" % count) for count in range(3)]
    field.write_frames(tmp_path)
    fill(tmp_path, field)
    diagnostics.render(tmp_path)
    text = (tmp_path / "diagnostics.html").read_text(encoding="utf-8")
    assert "bad?0.fits" in text
    check_website(tmp_path)
    assert (tmp_path / ".diagnostics" / "bad_0.fits.png").is_file()
