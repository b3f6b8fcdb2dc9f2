"""photometry.db: every digit of a row comes back, edits of the table by hand count, old layouts are told."""

import contextlib
import json
import math
import re
import sqlite3
from dataclasses import fields

import pytest
from conftest import ROOT

from photometrypipeline.base import databases
from photometrypipeline.base.errors import FrameError
from photometrypipeline.frames import lightcurves, observationsdb, results
from photometrypipeline.frames.rows import COLUMNS, OUTSIDE, STORED, LightCurve, Row

FILE = "photometry_3552.dat"


def row(n=0, **changes):
    """A row in which every number is known, has more digits than the table, and is another than its neighbours."""
    numbers = {
        name: 1 / (n + 3 + count) for count, (name, each) in enumerate(STORED.items()) if each.type in (float, "float")
    }
    texts = {"target": "3552", "kind": "primary", "frame": f"im {n}.fits", "ldac": f"im {n}.ldac", "magsys": "Vega"}
    texts |= {"band": "R", "catalog": "PANSTARRS", "telescope": "VATT4K", "source": "store", "origin": "VATT4K;im"}
    return Row(**{**numbers, **texts, "flags": n, "jd": 2457786.123456789 + n, **changes})


def curve(*rows, name="3552"):
    return LightCurve(name, f"photometry_{name}.dat", "primary", "3552 Don Quixote", "store", list(rows))


def unseen(n):
    """A row without a source."""
    of_source = ("mag", "sig", "inst", "e_inst", "ra_deg", "dec_deg")
    return row(n, detected=False, reason="not detected: 3.0 +- 9.1 ADU", **dict.fromkeys(of_source, math.nan))


@pytest.fixture
def folder(tmp_path):
    """A folder with a light curve as pp_distill leaves it: accepted, rejected, not detected, accepted, outside."""
    rows = [row(0), row(1, reason="far (pos)"), unseen(1), row(2), row(3, reason=OUTSIDE)]
    results.write(tmp_path / FILE, rows, ["a remark"])
    observationsdb.write(tmp_path / "photometry.db", [curve(*rows)])
    return tmp_path


def edit(folder, change):
    """Change the lines of the table, without the first, which names the columns."""
    head, *lines = (folder / FILE).read_text().splitlines()
    (folder / FILE).write_text("\n".join([head, *change(lines)]) + "\n")


def test_every_fact_of_a_row_comes_back_to_the_last_digit(tmp_path):
    written = [row(0), row(1, reason="far"), unseen(2), row(3, band="-", catalog="-", zp_mag=math.nan)]
    observationsdb.write(tmp_path / "photometry.db", [curve(*written), curve(row(4), name="Control Star")])
    first, second = observationsdb.read(tmp_path / "photometry.db")
    assert [repr(each) for each in first.every] == [repr(each) for each in written]  # NaN differs from itself
    assert (first.name, first.file, first.kind, first.full_name) == ("3552", FILE, "primary", "3552 Don Quixote")
    assert (first.band, len(first.rows), len(first.unseen)) == ("R", 3, 1)
    assert second.name == "Control Star" and len(second.every) == 1


def test_programs_find_status_and_null_where_nothing_is_known(folder):
    connection = sqlite3.connect(folder / "photometry.db")
    found = connection.execute("select status, mag is null, reason from observations order by rowid").fetchall()
    assert [status for status, *_ in found] == ["accepted", "rejected", "not detected", "accepted", "not expected"]
    assert [hidden for _, hidden, _ in found] == [0, 0, 1, 0, 0]
    assert found[0][2] is None and found[1][2] == "far (pos)"
    versions = connection.execute("pragma user_version").fetchone(), connection.execute("select * from pipeline")
    assert (versions[0], versions[1].fetchone()) == ((observationsdb.VERSION,), (observationsdb.VERSION,))
    connection.close()


def test_the_schema_is_documented_as_it_is():
    """`make docs` renews it."""
    text = (ROOT / "docs" / "database.md").read_text()
    assert re.search(r"```sql\n(.*?)```", text, re.DOTALL)[1] == observationsdb.SCHEMA
    assert f"version {observationsdb.VERSION}" in text


def test_every_field_of_a_row_is_stored_but_what_follows_from_others():
    assert {each.name for each in fields(Row)} - set(STORED) == {"detected"}  # which status tells
    assert set(observationsdb.NAMES) == set(STORED) | {"status"}
    assert all(column.meaning for column in COLUMNS.values())


def test_targets_of_an_earlier_run_stay_as_long_as_their_tables(folder):
    other = curve(row(0, target="4179"), name="4179")
    results.write(folder / other.file, other.every)
    observationsdb.update(folder / "photometry.db", [other])
    assert [each.name for each in observationsdb.read(folder / "photometry.db")] == ["4179", "3552"]
    (folder / FILE).unlink()
    observationsdb.update(folder / "photometry.db", [other])
    assert [each.name for each in observationsdb.read(folder / "photometry.db")] == ["4179"]


def test_a_database_that_is_locked_is_not_made_again_without_earlier_targets(folder, monkeypatch):
    place, opened = folder / "photometry.db", databases.opened
    before = place.read_bytes()
    monkeypatch.setattr(databases, "opened", lambda path: opened(path, timeout=0.01))
    with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as browser:
        browser.execute("begin exclusive")
        with pytest.raises(FrameError, match="is locked by another program; see to that, then run the same"):
            observationsdb.update(place, [curve(row(0, target="4179"), name="4179")])
    assert place.read_bytes() == before


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("pragma user_version = 0", "earlier version of this program; run pp_distill again"),
        ("pragma user_version = 99", "layout 99, of a later version of this program; update"),
        ("drop table targets", "is not a database of light curves"),
        ("update observations set mag = 'x'", "mag is 'x'"),
        ("update observations set jd = 9e999", "jd is inf"),
        ("update targets set name = null", "is not a database of light curves"),
    ],
)
def test_another_layout_is_told_in_one_line_and_the_table_is_read_alone(folder, sql, why):
    connection = sqlite3.connect(folder / "photometry.db")
    connection.execute(sql)
    connection.commit()
    connection.close()
    with pytest.raises(FrameError, match=why) as told:
        observationsdb.read(folder / "photometry.db")
    assert "\n" not in str(told.value)
    reading = lightcurves.read(folder / FILE)
    assert len(reading.curve.every) == 5 and not reading.stored
    (remark,) = reading.remarks
    assert why in remark and f"{FILE} is read alone" in remark


# ---- the table of the user and the database


def test_where_both_agree_the_rows_have_all_digits(folder):
    reading = lightcurves.read(folder / FILE)
    assert reading.curve.every[0].mag == row(0).mag and reading.curve.kind == "primary"
    assert all(reading.is_stored(each) for each in reading.curve.every) and not reading.remarks


def test_a_table_alone_is_read_in_its_own_precision(folder):
    (folder / "photometry.db").unlink()
    reading = lightcurves.read(folder / FILE)
    first, rejected, limit, *_ = reading.curve.every
    assert first.mag == round(row(0).mag, 4) and first.zp_sig_mag == round(row(0).zp_sig_mag, 4)
    assert (rejected.status, limit.status, reading.remarks) == ("rejected", "not detected", [])
    assert math.isnan(limit.mag) and limit.mag_limit == round(row(1).mag_limit, 4)


def test_a_table_alone_still_knows_the_whole_name_of_its_body(folder):
    (folder / "photometry.db").unlink()
    assert lightcurves.read(folder / FILE).curve.full_name == ""
    (folder / ".diagnostics").mkdir()
    kept = [{"file": "photometry_x.dat", "full_name": "4 Vesta"}, {"file": FILE, "full_name": "3552 Don Quixote"}]
    (folder / ".diagnostics" / "distill.json").write_text(json.dumps({"targets": kept}))  # of an earlier version
    assert lightcurves.read(folder / FILE).curve.full_name == "3552 Don Quixote"
    edit(folder, lambda lines: [*lines, "# target: 3552 Don Quixote (1983 SA)"])
    assert lightcurves.read(folder / FILE).curve.full_name == "3552 Don Quixote (1983 SA)"


def test_rows_that_the_user_took_out_in_or_away_count_as_the_table_says(folder):
    def change(lines):
        lines[0] = "#" + lines[0][1:]
        lines[1] = " " + lines[1][1:]
        return lines[:3] + lines[4:]

    edit(folder, change)
    reading = lightcurves.read(folder / FILE)
    rows = reading.curve.every
    assert [each.status for each in rows] == ["rejected", "accepted", "not detected", "not expected"]
    assert rows[0].reason == lightcurves.BY_HAND and rows[0].mag == row(0).mag  # still with all digits
    (remark,) = reading.remarks
    assert "1 row taken out, 1 row taken in, 1 row removed" in remark and "the table counts" in remark


def test_a_reason_of_the_user_is_kept(folder):
    edit(folder, lambda lines: ["#" + lines[0][1:] + " # passes a galaxy", *lines[1:]])
    assert lightcurves.read(folder / FILE).curve.every[0].reason == "passes a galaxy"


def test_other_values_in_the_table_are_those_of_the_user(folder):
    edit(folder, lambda lines: [lines[0].replace("VATT4K", "DCTLMI"), *lines[1:]])
    reading = lightcurves.read(folder / FILE)
    assert reading.curve.every[0].telescope == "DCTLMI" and not reading.is_stored(reading.curve.every[0])
    assert "1 row with other values" in reading.remarks[0]


def test_a_limit_does_not_become_a_magnitude_when_its_hash_is_taken_away(folder):
    edit(folder, lambda lines: [*lines[:2], " " + lines[2][1:], *lines[3:]])
    limit = lightcurves.read(folder / FILE).curve.every[2]
    assert limit.status == "not detected" and not limit.accepted and math.isnan(limit.mag)
