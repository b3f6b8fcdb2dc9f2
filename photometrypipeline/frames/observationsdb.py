"""The database of a data set, `photometry.db`: all targets in all frames, in full precision (SQLite).

It is the one store of light curves: tables of users, reports and pages are made of it.
"""

import contextlib
import logging
import math
import os
import sqlite3
from pathlib import Path

from photometrypipeline.base import databases
from photometrypipeline.base.errors import FrameError
from photometrypipeline.frames.rows import COLUMNS, NOT_DETECTED, STORED, LightCurve, Row

log = logging.getLogger("pp.observationsdb")

FILE_NAME = "photometry.db"
VERSION = 2  # of the layout: 1 = one row per target and frame; 2 = one row per line of the tables, and the targets
KINDS = {"TEXT": (str, bytes), "REAL": (int, float), "INTEGER": (int,)}
NAMES = [name for name, column in COLUMNS.items() if column.kind]


def _schema():
    """Return the SQL (str) that makes the tables; each column has its unit and meaning as a comment."""
    lines = []
    for name in NAMES:
        column = COLUMNS[name]
        about = f"{column.unit}, {column.meaning}" if column.unit else column.meaning
        lines.append(f"    {name} {column.kind}{'' if name == NAMES[-1] else ','} -- {about}")
    return TARGETS + "create table observations (\n" + "\n".join(lines) + "\n);\n" + PIPELINE


TARGETS = """\
create table targets (
    name TEXT PRIMARY KEY, -- as in observations
    file TEXT,             -- name of its table, photometry_TARGET.dat
    kind TEXT,             -- primary, positions, fixed, variable, asteroid, mover, control
    full_name TEXT,        -- as the ephemeris calls it
    source TEXT            -- where its predicted places come from
);
"""
PIPELINE = "create table pipeline (version INTEGER); -- of this layout, as in PRAGMA user_version\n"
SCHEMA = _schema()


def write(path, curves):
    """Write the database, whole and atomically, with `curves` (list of LightCurve); NaN and empty texts become NULL."""
    marks = ", ".join("?" * len(NAMES))
    with databases.new_database(path) as connection:
        connection.executescript(SCHEMA)
        connection.execute(f"pragma user_version = {VERSION}")
        connection.execute("insert into pipeline values (?)", [VERSION])
        for each in curves:
            about = each.name, each.file, each.kind, each.full_name, each.source
            connection.execute("insert into targets values (?, ?, ?, ?, ?)", [_text(value) for value in about])
            rows = ([_text(each.name), *(_stored(row, name) for name in NAMES[1:])] for row in each.every)
            connection.executemany(f"insert into observations values ({marks})", rows)


def update(path, curves):
    """Write `curves` in place of what the database held of these targets.

    Others stay while their tables lie next to it: those are what an earlier pp_distill with another target left.
    """
    write(path, [*curves, *others(path, curves)])


def others(path, curves):
    """Return the LightCurves (list) that a database has of other targets than `curves`, whose tables are there.

    A database that is damaged has none.  Raises FrameError for one that cannot be read now, such as one that is locked.
    """
    path = Path(path)
    try:
        found = read(path)
    except FrameError as error:
        if error.passing:
            raise
        if path.exists():
            log.warning("%s %s: made again, without the targets of earlier runs; their tables stay", path, error.reason)
        return []
    taken = {each.name for each in curves} | {each.file for each in curves}
    return [each for each in found if not {each.name, each.file} & taken and (path.parent / each.file).is_file()]


def read(path, file=None):
    """Return the light curves (list of LightCurve) of a database; `file`: only that with a table of this name.

    Raises FrameError for a database that is missing, has the layout of another version, or is something else.
    """
    if not Path(path).exists():  # sqlite3 would make an empty database
        raise FrameError(path, "does not exist", "run pp_distill")
    try:
        with contextlib.closing(databases.opened(path)) as connection:
            _check_version(path, connection)
            where, values = (" where file = ?", [file]) if file else ("", [])
            return [_curve(connection, *about) for about in connection.execute("select * from targets" + where, values)]
    except (sqlite3.Error, TypeError, ValueError) as error:
        raise FrameError(path, f"is not a database of light curves ({error})", "run pp_distill again", error) from None


def _check_version(path, connection):
    (version,) = connection.execute("pragma user_version").fetchone()
    if version < VERSION:
        raise FrameError(path, "was written by an earlier version of this program", "run pp_distill again")
    if version > VERSION:
        raise FrameError(path, f"has layout {version}, of a later version of this program", "update this one")


def _curve(connection, name, file, kind, full_name, source):
    if not all(isinstance(each, str | bytes) for each in (name, file)):
        raise TypeError(f"a target is called {name!r} and has the table {file!r}")
    present = {row[1] for row in connection.execute("pragma table_info(observations)")}  # older files have fewer
    names = [each for each in STORED if each in present]
    query = f"select {', '.join([*names, 'status'])} from observations where target = ? order by rowid"
    rows = [_row(names, values) for values in connection.execute(query, [name])]
    return LightCurve(*map(_known, (name, file, kind, full_name, source)), rows)


def _row(names, values):
    """Return the Row of stored `values`.  Raises TypeError, ValueError for what pp_distill never writes."""
    *values, status = values
    for name, value in zip(names, values, strict=True):
        if value is not None and not isinstance(value, KINDS[COLUMNS[name].kind]):
            raise TypeError(f"{name} is {value!r}"[:100])
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{name} is {value}")
    known = {name: _known(value) for name, value in zip(names, values, strict=True) if value is not None}
    return Row(**known, detected=status != NOT_DETECTED)


def _text(value):
    """Return a text as SQLite takes it; a file name of bytes that are no text becomes these bytes."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return os.fsencode(value)
    return value


def _known(value):
    """Return what was stored of a text or number."""
    return os.fsdecode(value) if isinstance(value, bytes) else value


def _stored(row, name):
    """Return a fact of a Row as SQLite takes it: None for what is not known."""
    value = getattr(row, name)
    if isinstance(value, str):
        return None if value == "" or (value == "-" and name in ("band", "catalog")) else _text(value)
    value = value.item() if hasattr(value, "item") else value  # of numpy
    return value if isinstance(value, int) or math.isfinite(value) else None
