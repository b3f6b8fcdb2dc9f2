"""The database of a frame: laid out as scripts know it, and nothing lost between bands that differ in letter case."""

import contextlib
import sqlite3

import numpy as np
import pytest
from astropy.table import Table

from photometrypipeline.base.errors import FrameError
from photometrypipeline.frames import framedb

HEADER = {
    "name": "a.ldac",
    "origin": "VATT4K;a.fits;PANSTARRS;R",
    "magsys": "Vega",
    "obstime": 2457786.95,
    "exptime": 30.0,
    "obj": "3552",
}


def test_everything_comes_back(tmp_path):
    table = Table({"ra_deg": [1.5, 2.5], "FLAGS": [0, 3], "_Rmag": [17.1, np.nan], "ident": ["12", ""]})
    framedb.write(tmp_path / "a.db", HEADER, table, {"zp": 26.5, "zp_sig": 0.03, "n_used": 40})
    header, found, zeropoint = framedb.read(tmp_path / "a.db")
    assert {key: header[key] for key in HEADER} == HEADER and header["filtername"] is None
    assert found.colnames == table.colnames
    np.testing.assert_array_equal(found["_Rmag"], table["_Rmag"])
    assert list(found["ident"]) == ["12", ""]
    assert zeropoint["zp"] == 26.5 and zeropoint["n_used"] == 40 and zeropoint["chi2"] is None


def test_missing_is_null_and_types_are_those_of_old(tmp_path):
    framedb.write(tmp_path / "a.db", HEADER, Table({"FLAGS": np.array([1], "i2"), "mag": np.array([np.nan], "f4")}))
    connection = sqlite3.connect(tmp_path / "a.db")
    assert connection.execute("select typeof(FLAGS), typeof(mag) from data").fetchone() == ("integer", "null")
    kinds = {row[1]: row[2] for row in connection.execute("pragma table_info(data)")}
    connection.close()
    assert kinds == {"FLAGS": "INTEGER", "mag": "REAL"}


@pytest.mark.parametrize(
    ("names", "stored"),
    [
        (["_Rmag", "_e_Rmag"], ["_RJohnsonmag", "_e_RJohnsonmag"]),
        (["Vmag", "e_Vmag", "gmag"], ["VJohnsonmag", "e_VJohnsonmag", "gmag"]),
        (["Gmag", "gmag", "e_Gmag", "e_gmag"], ["GJohnsonmag", "gmag", "e_GJohnsonmag", "e_gmag"]),
        (["Gmag", "rp1mag"], ["Gmag", "rp1mag"]),
        (["imag", "_Imag"], ["imag", "_IJohnsonmag"]),
    ],
)
def test_names_never_differ_in_case_alone(names, stored):
    assert framedb.stored_names(names) == stored
    assert [framedb.original_name(name) for name in stored] == names


def test_reading_a_database_that_is_not_there_makes_none(tmp_path):
    with pytest.raises(FrameError, match="run pp_calibrate"):
        framedb.read(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


def test_something_else_is_no_database(tmp_path):
    (tmp_path / "a.db").write_text("no database")
    with pytest.raises(FrameError, match=r"a\.db"):
        framedb.read(tmp_path / "a.db")


def test_a_crash_leaves_the_old_database(tmp_path, monkeypatch):
    framedb.write(tmp_path / "a.db", HEADER, Table({"x": [1.0]}))
    before = (tmp_path / "a.db").read_bytes()
    monkeypatch.setattr("os.replace", lambda *names: (_ for _ in ()).throw(OSError("power cut")))
    with pytest.raises(OSError, match="power cut"):
        framedb.write(tmp_path / "a.db", HEADER, Table({"x": [2.0]}))
    assert (tmp_path / "a.db").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.db"]


def test_columns_that_differ_in_letter_case_alone_are_stored_apart():
    names = ["flag_valid_U", "flag_valid_u", "Umag", "umag", "_Umag"]
    stored = framedb.stored_names(names)
    assert len({name.lower() for name in stored}) == len(names)


@pytest.mark.parametrize(
    "damage",
    [
        "update header set obstime = null",
        "update header set exptime = 'long'",
        "update data set ra_deg = 'x'",
        "update data set FLAGS = null",
        "update zeropoint set zp = 'bright'",
        "drop table data",
        "delete from header",
    ],
)
def test_what_pp_calibrate_never_writes_is_an_error_of_that_file(tmp_path, damage):
    table = Table({"ra_deg": [1.5, 2.5], "FLAGS": [0, 3]})
    framedb.write(tmp_path / "a.db", HEADER, table, {"zp": 26.5})
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        connection.execute(damage)
    with pytest.raises(FrameError, match="a.db: is not the database of a frame .*; run pp_calibrate") as caught:
        framedb.read(tmp_path / "a.db")
    assert not caught.value.passing
