"""How the pages write numbers and times, and where their templates are kept compiled."""

import sys

import pytest

from photometrypipeline.website import pages


def test_formats_of_numbers_and_times():
    assert pages.utc(2457786.95663722) == "2017-02-02 10:57"
    assert pages.utc(2451544.9999999) == "2000-01-01 11:59"
    assert [pages.utc(value) for value in (None, float("nan"), 1e300, "x")] == ["—"] * 4
    assert pages.plusminus(19.41684, 0.03083, 2) == "19.42 ± 0.03"
    assert pages.plusminus(19.4, None, 1) == "19.4"
    assert pages.sexagesimal(359.9999999, hours=True) == "00 00 00.00"
    assert [pages.signed(value, 2) for value in (-0.004, -0.006, 0.3, None)] == ["+0.00", "-0.01", "+0.30", "—"]
    assert pages.sexagesimal(-0.2) == "-00 12 00.0"
    assert pages.sexagesimal(83.82208, hours=True) == "05 35 17.30"  # the Orion Nebula, M 42


@pytest.fixture
def templates(tmp_path, monkeypatch):
    """A folder of templates of its own, which may be compiled for later."""
    monkeypatch.setattr(pages, "TEMPLATES", tmp_path)
    monkeypatch.setattr(pages, "COMPILED", tmp_path / "__pycache__")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    pages.environment.cache_clear()
    yield tmp_path
    pages.environment.cache_clear()


def said():
    pages.environment.cache_clear()  # as another run
    return pages.environment().get_template("a.html").render()


def test_templates_are_kept_compiled_until_they_change(templates):
    (templates / "a.html").write_text("one")
    assert said() == "one"
    (compiled,) = pages.COMPILED.iterdir()
    before = compiled.stat().st_mtime_ns
    assert said() == "one"
    assert compiled.stat().st_mtime_ns == before
    (templates / "a.html").write_text("another")
    assert said() == "another"
    compiled.write_bytes(b"\x00 left by a crash")
    assert said() == "another"


def test_templates_in_a_folder_that_nobody_may_write_to_are_compiled_each_time(templates, monkeypatch):
    (templates / "a.html").write_text("one")
    monkeypatch.setattr(pages.os, "access", lambda *_: False)
    assert said() == "one"
    assert not pages.COMPILED.exists()


def test_no_line_ends_within_an_option_and_nothing_else_becomes_html():
    told = pages.unbroken("run pp_x -comoving; 5 < 6 <b> -aprad 4.4, 3-4")
    assert told == (
        'run pp_x <span class="option">-comoving</span>; 5 &lt; 6 &lt;b&gt; <span class="option">-aprad</span> 4.4, 3-4'
    )
