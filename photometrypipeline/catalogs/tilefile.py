"""One file of the sky store: SQLite, the tiles of one catalogue release with what is known to be complete in it.

This module alone connects to it. A tile is written in one transaction, together with its coverage, so a crash leaves it
as it was; deleting the file is a legal way to refresh.
"""

import contextlib
import logging
import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from astropy.table import Table

from photometrypipeline.base import databases
from photometrypipeline.base.errors import REMEDY, CatalogError, StoreTrouble, of_the_system
from photometrypipeline.catalogs import tiles

log = logging.getLogger("pp.skystore")

SCHEMA_VERSION = "1"
SCHEMA = """
create table if not exists meta(key text primary key, value text);
-- schema_version, survey, table, release, units, systems
create table if not exists coverage(
    tile integer primary key,
    mag_limit real not null,        -- all stars brighter than that are here
    columns_hash text not null,     -- of the columns that were asked for
    n_rows integer not null,        -- zero is an answer too: the field lies outside the survey
    complete integer not null,      -- 1: an answer that was cut off is not stored
    fetched_utc text not null,
    url text, request text, answer_sha256 text);
create table if not exists used(tile integer primary key, used_utc text not null);
-- when a tile was last read; kept only while the size of the store is limited
"""
EMPTY_LASTS = timedelta(days=7)  # an overloaded service may answer with nothing; then it is asked again
NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "lustre", "gpfs", "beegfs", "fuse.sshfs"}


def database(folder, survey):
    """Return the Path of the file in which the store `folder` keeps `survey` (Survey)."""
    return Path(folder) / "refcats" / f"{survey.name}.sqlite"


def write(path, survey, covered, table, mag_limit, origin, shared=True):
    """Write the rows of `table` (internal schema) that lie in the tiles `covered`, and their coverage.

    mag_limit : all stars brighter than that are in `table`; origin : dict with url, request, answer_sha256
    shared : False for a file that will be read from read-only media: no write-ahead log
    Raises CatalogError for a file that is damaged or of another version.
    """
    names = survey.column_names
    at = tiles.part_of(np.asarray(table["ra_deg"], dtype=float), np.asarray(table["dec_deg"], dtype=float))
    order = np.argsort(at, kind="stable")  # the parts of a tile follow one another
    at, table = at[order], table[order]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    told = [origin.get(key) for key in ("url", "request", "answer_sha256")]
    marks = ",".join("?" * (len(names) + 1))
    fields = ", ".join(f'"{sql}"' for _, sql in sql_names(survey))
    with _writing(path, survey, shared) as connection:
        for tile in map(int, covered):
            rows = {}  # by ident: the parts in which a crowded tile is fetched overlap
            own = [tile] if tile >= tiles.FIRST_PART else tiles.parts(tile)
            first, last = np.searchsorted(at, [own[0], own[-1] + 1])
            columns = [_as_stored(table[first:last], name, survey) for name in names]
            for index, values in enumerate(zip(*columns, strict=True)):
                ident = values[0] or f"row {first + index}"
                rows[ident] = (tile, ident, *values[1:])
            with _transaction(connection):
                connection.execute("delete from source where tile = ?", [tile])
                connection.executemany(f"insert into source(tile, {fields}) values ({marks})", rows.values())
                _cover(connection, [tile, float(mag_limit), survey.columns_hash, len(rows), 1, now, *told])


def _cover(connection, facts):
    """Note that a tile is complete: `facts` in the order of the table `coverage`."""
    connection.execute("insert or replace into coverage values (?,?,?,?,?,?,?,?,?)", facts)


def covered(path, survey, wanted, mag_limit, any_columns=False, expired=False):
    """Return those of the tiles `wanted` (list) that a file can answer for down to `mag_limit`, in their order.

    any_columns : accept rows for which other columns were asked for; expired : accept an old answer of zero rows, and
    old rows of a catalogue that grows
    """
    with reading(path) as connection:
        if connection is None:
            return []
        marks = ",".join("?" * len(wanted))
        query = f"select tile, columns_hash, n_rows, fetched_utc from coverage where tile in ({marks})"
        rows = connection.execute(query + " and mag_limit >= ? and complete = 1", [*wanted, mag_limit]).fetchall()
    oldest = _days_ago(EMPTY_LASTS)
    oldest_full = "" if survey.lasts_days is None else _days_ago(timedelta(days=survey.lasts_days))
    good = set()
    for tile, columns_hash, n_rows, fetched in rows:
        fresh = expired or fetched > (oldest_full if n_rows else oldest)
        if fresh and (any_columns or columns_hash == survey.columns_hash):
            good.add(tile)
    return [tile for tile in wanted if tile in good]


def _days_ago(interval):
    return (datetime.now(UTC) - interval).isoformat(timespec="seconds")


def origins(path, wanted):
    """Return [(tile, when it was fetched, hash of the answer)] of those of the tiles `wanted` that are there."""
    with reading(path) as connection:
        if connection is None or not wanted:
            return []
        query = f"select tile, fetched_utc, answer_sha256 from coverage where tile in ({','.join('?' * len(wanted))})"
        return connection.execute(query + " order by tile", wanted).fetchall()


def touch(path, survey, wanted):
    """Note that the tiles `wanted` were used now."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with _writing(path, survey, True) as connection, _transaction(connection):
        connection.executemany("insert or replace into used values (?, ?)", [[tile, now] for tile in wanted])


def usage(path):
    """Return [(tile, n_rows, last use or fetch, UTC as text)] of a file."""
    with reading(path) as connection:
        if connection is None:
            return []
        noted = {row[0] for row in connection.execute("select name from sqlite_master")}
        used = dict(connection.execute("select tile, used_utc from used")) if "used" in noted else {}
        rows = connection.execute("select tile, n_rows, fetched_utc from coverage").fetchall()
    return [(tile, n_rows, max(fetched, used.get(tile, ""))) for tile, n_rows, fetched in rows]


def shrink(path):
    """Give the room of removed tiles back to the file system, and return the size of the file in bytes."""
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
            connection.execute("vacuum")
            connection.execute("pragma wal_checkpoint(truncate)")
    except sqlite3.OperationalError as error:  # somebody reads or writes: the room is used by the next tiles
        log.info("%s: not compacted now (%s)", path, error)
    except sqlite3.DatabaseError as error:
        raise _damaged(path, error) from None
    return size(path)


def size(path):
    """Return the bytes that a file takes, with its write-ahead log."""
    parts = (path, path.with_name(path.name + "-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())


def read(path, survey, wanted):
    """Return all rows of some tiles as a Table in the internal schema; a column that the file lacks is missing."""
    pairs = sql_names(survey)
    rows = []
    with reading(path) as connection:
        if connection is not None and wanted:
            present = {row[1].lower() for row in connection.execute("pragma table_info(source)")}
            picks = [f'"{sql}"' if sql.lower() in present else "null" for _, sql in pairs]
            query = f"select {', '.join(picks)} from source where tile in ({','.join('?' * len(wanted))})"
            rows = connection.execute(query, wanted).fetchall()
    columns = zip(*rows, strict=True) if rows else [[] for _ in pairs]
    table = Table()
    for (name, _), values in zip(pairs, columns, strict=True):
        if name == "ident" or name in survey.text_names:
            table[name] = np.array([value or "" for value in values], dtype=str)
        else:
            table[name] = np.array(values, dtype=float)
    return table


@contextlib.contextmanager
def reading(path):
    """Yield a connection that cannot write to the file, or None where there is nothing; works on read-only media."""
    if not path.exists():
        yield None
        return
    try:
        with contextlib.closing(_open_for_reading(path)) as connection:
            begun = connection.execute("select count(*) from sqlite_master where name = 'meta'").fetchone()[0]
            if begun:
                _check_version(connection, path)
            yield connection if begun else None  # killed before the first transaction
    except sqlite3.DatabaseError as error:
        raise _damaged(path, error) from None


def _open_for_reading(path):
    """Return a connection that cannot write; what a writer that was killed left half done is rolled back first."""
    log_file = path.with_name(path.name + "-wal")
    settled = not (log_file.exists() and log_file.stat().st_size) and not os.access(path.parent, os.W_OK)
    more = "&immutable=1" if settled else ""
    connection = databases.opened(path, more, timeout=30)
    try:
        connection.execute("select count(*) from sqlite_master")
    except sqlite3.OperationalError as error:
        connection.close()
        if not str(getattr(error, "sqlite_errorname", "")).startswith("SQLITE_READONLY"):
            raise
        with contextlib.closing(sqlite3.connect(path, timeout=30)) as writing:  # reading rolls back
            writing.execute("select count(*) from sqlite_master").fetchone()
        connection = databases.opened(path, more, timeout=30)
    return connection


def inventory(path):
    """Return (name of the survey, [(tile, mag_limit, n_rows, fetched_utc)]) of a file.  Raises CatalogError."""
    with reading(path) as connection:
        if connection is None:
            raise CatalogError(f"{path}: contains no reference stars; give an export of pptool_store")
        name = connection.execute("select value from meta where key = 'survey'").fetchone()[0]
        rows = connection.execute("select tile, mag_limit, n_rows, fetched_utc from coverage order by tile").fetchall()
    return name, rows


def copy(source, target, survey, wanted, shared=True):
    """Copy the tiles `wanted` from one file to another that does not have them, or not as deep; return how many.

    shared : as in `write`
    """
    depth = {tile: limit for tile, limit, _, _ in inventory(source)[1]}
    present = {tile: limit for tile, limit, _, _ in inventory(target)[1]} if target.exists() else {}
    news = [tile for tile in wanted if tile in depth and depth[tile] > present.get(tile, -np.inf)]
    with reading(source) as old:
        names = [row[1] for row in old.execute("pragma table_info(source)")]
        facts = [row[1] for row in old.execute("pragma table_info(coverage)")]
        with _writing(target, survey, shared) as new:
            known = {row[1] for row in new.execute("pragma table_info(source)")}
            for tile in news:
                with _transaction(new):
                    new.execute("delete from source where tile = ?", [tile])
                    for table, columns in (("source", [name for name in names if name in known]), ("coverage", facts)):
                        fields = ", ".join(f'"{name}"' for name in columns)
                        rows = old.execute(f"select {fields} from {table} where tile = ?", [tile])
                        marks = ",".join("?" * len(columns))
                        new.executemany(f"insert or replace into {table}({fields}) values ({marks})", rows)
    return len(news)


def remove(path, survey, unwanted):
    """Forget some tiles."""
    with _writing(path, survey, True) as connection, _transaction(connection):
        for table in ("source", "coverage", "used"):
            connection.executemany(f"delete from {table} where tile = ?", [[tile] for tile in unwanted])


def sql_names(survey):
    """Return [(our name, name in SQLite)]; SQLite takes Gmag and gmag for the same, so the second gets a suffix."""
    taken, pairs = set(), []
    for name in survey.column_names:
        sql = name
        while sql.lower() in taken:
            sql += "_2"
        taken.add(sql.lower())
        pairs.append((name, sql))
    return pairs


@contextlib.contextmanager
def _writing(path, survey, shared):
    """Yield a connection to the file, made if it is missing, whose tables are those of `survey`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
            quick = shared and not on_network(path)
            connection.execute("pragma journal_mode = " + ("wal" if quick else "delete"))
            with _transaction(connection):
                _declare(connection, survey)
            _check_version(connection, path)
            yield connection
    except sqlite3.DatabaseError as error:
        raise _damaged(path, error) from None


@contextlib.contextmanager
def _transaction(connection):
    """Everything in the block happens, or nothing; a writer waits for another one here, before it has read anything."""
    connection.execute("begin immediate")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


def _declare(connection, survey):
    """Create the tables, or add the columns that an older release did not ask for."""
    for statement in SCHEMA.split(";\n"):
        connection.execute(statement)
    texts = {"ident", *survey.text_names}
    kinds = [(sql, "text" if name in texts else "real") for name, sql in sql_names(survey)]
    body = ", ".join(f'"{sql}" {kind}' for sql, kind in kinds)
    key = "primary key(tile, ident)"  # without rowid: the rows of a tile lie together on disk
    connection.execute(f"create table if not exists source(tile integer not null, {body}, {key}) without rowid")
    present = {row[1].lower() for row in connection.execute("pragma table_info(source)")}
    for sql, kind in kinds:
        if sql.lower() not in present:
            connection.execute(f'alter table source add column "{sql}" {kind}')
    facts = {
        "schema_version": SCHEMA_VERSION,
        "survey": survey.name,
        "table": survey.table,
        "release": survey.release,
        "units": "deg; yr; mas/yr; mag",
        "systems": " ".join(f"{band}:{system}" for band, system in survey.systems.items()),
    }
    connection.executemany("insert or ignore into meta values (?, ?)", facts.items())


def _check_version(connection, path):
    version = connection.execute("select value from meta where key = 'schema_version'").fetchone()
    if version is None or version[0] != SCHEMA_VERSION:
        found = version[0] if version else "none"
        message = f"{path}: schema version {found}, this program reads {SCHEMA_VERSION}; delete the file"
        raise CatalogError(f"{message}, and its stars will be fetched again")


def _damaged(path, error):
    trouble = of_the_system(error)
    if trouble:
        return StoreTrouble(f"{path}: cannot be used: {trouble}; {REMEDY}")
    return CatalogError(f"{path}: cannot be used ({error}); if it is damaged delete it, its stars are fetched again")


def _as_stored(table, name, survey):
    """Return a column as a list for SQLite: text, or floats with None for a missing value."""
    if name == "ident" or name in survey.text_names:
        values = table[name] if name in table.colnames else [""] * len(table)
        return [str(value).strip() for value in values]
    if name not in table.colnames:
        return [survey.epoch_yr if name == "epoch_yr" and np.isfinite(survey.epoch_yr) else None] * len(table)
    values = np.ma.filled(np.ma.asarray(table[name]).astype(float), np.nan)
    return [value if value == value else None for value in values.tolist()]


def on_network(path):
    """Return whether a path lies on a network file system, where SQLite's write-ahead log does not work."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return True  # unknown: the slower journal is safe everywhere
    inside = [(len(mount[1]), mount[2]) for mount in mounts if Path(mount[1]) in path.resolve().parents]
    return max(inside, default=(0, ""))[1] in NETWORK_FILE_SYSTEMS
