"""Databases in folders of any depth, which SQLite itself does not open, and what it says of those that are none."""

import contextlib
import sqlite3

import pytest

from photometrypipeline.base import databases


@pytest.fixture(params=["near", "far"])
def folder(request, tmp_path):
    deep = tmp_path.joinpath(*["x" * 120] * 5) if request.param == "far" else tmp_path
    deep.mkdir(parents=True, exist_ok=True)
    assert databases.is_far(deep / "a.db") == (request.param == "far")
    return deep


def content(path):
    with contextlib.closing(databases.opened(path)) as connection:
        return connection.execute("select * from star").fetchall()


def test_what_is_written_is_read_again_and_replaced_as_a_whole(folder):
    path = folder / "a.db"
    for rows in ([(1, "one")], [(2, "two"), (3, None)]):
        with databases.new_database(path) as connection:
            connection.execute("create table star (n, name)")
            connection.executemany("insert into star values (?, ?)", rows)
        assert content(path) == rows
    with pytest.raises(ValueError, match="in between"), databases.new_database(path) as connection:
        connection.execute("create table other (n)")
        raise ValueError("in between")
    assert content(path) == rows and [each.name for each in folder.iterdir()] == ["a.db"]


def test_a_database_with_a_log_next_to_it_is_read(folder):
    path = folder / "a.db"
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript("create table star (n); insert into star values (5)")
        raw = bytearray(connection.serialize())
    raw[18:20] = b"\2\2"  # as stores are written
    path.write_bytes(raw)
    assert content(path) == [(5,)]


@pytest.mark.parametrize("raw", [b"", b"noise" * 500, None])
def test_what_is_no_database_is_an_error_of_sqlite(folder, raw):
    path = folder / "a.db"
    if raw is not None:
        path.write_bytes(raw)
    with pytest.raises(sqlite3.Error):
        content(path)
