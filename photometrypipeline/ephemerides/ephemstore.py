"""The ephemeris store, `ephemerides.sqlite`: what Horizons and SkyBoT once answered.

One row per object, site and epoch, so that one more frame asks for that frame alone. Several processes may use a file
at the same time: SQLite locks it, every change is one transaction. No write-ahead log: network file systems break it.
"""

import contextlib
import functools
import json
import logging
import math
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from photometrypipeline.base import databases
from photometrypipeline.base.errors import FrameError

log = logging.getLogger("pp.ephemstore")

FILE_NAME = "ephemerides.sqlite"
EPOCH_UNIT_D = 1e-8  # epochs that agree to 1 ms are the same: a body moves microarcseconds in that time
BUSY_S = 30
SECONDS_PER_DAY = 86400

# What is known of an object at an epoch; angles in deg, rates in arcsec/h (RA with cos Dec), sigma is one sigma.
COLUMNS = (
    "ra_deg",
    "dec_deg",
    "ra_rate",
    "dec_rate",
    "v_mag",
    "sigma_ra_arcsec",
    "sigma_dec_arcsec",
    "r_au",
    "delta_au",
    "phase_deg",
)

VERSION = "1"
SCHEMA = f"""
create table if not exists meta (key text primary key, value text);
insert or ignore into meta values ('version', '{VERSION}');
-- What a COMMAND means. full_name is null where Horizons knows no such object, or several: candidates (JSON)
create table if not exists name (
    command text primary key, full_name text, candidates text not null, asked real not null, expires real);
-- epoch: UT Julian date in units of {EPOCH_UNIT_D} d; asked, expires: Unix time in s, expires null means never
create table if not exists position (
    object text not null, site text not null, epoch integer not null,
    {", ".join(f"{column} real" for column in COLUMNS)},
    asked real not null, expires real,
    primary key (object, site, epoch)) without rowid;
-- Osculating elements (JSON, as in horizons.py) at a TDB Julian date
create table if not exists elements (
    object text not null, epoch real not null, elements text not null, asked real not null,
    primary key (object, epoch)) without rowid;
-- Whole answers of other services, by their canonical request
create table if not exists answer (request text primary key, body blob not null, asked real not null, expires real);
"""


def now():
    """Return the Unix time (s); the one clock of expiry."""
    return time.time()


def epoch_of(jd):
    """Return the integer that stands for the UT Julian date `jd` in the store."""
    return round(jd / EPOCH_UNIT_D)


@dataclass
class Kept:
    """Something from the store: `value`, when it was asked for (Unix time, s), and whether it is out of date."""

    value: object
    asked: float
    expired: bool = False


@dataclass
class Named:
    """What a question led to: the `full_name` of the object, or None and the `candidates` (list of str)."""

    full_name: str | None
    candidates: list = field(default_factory=list)


def _whole(find):
    """Make a method of Store raise FrameError for rows that hold what no answer ever held."""

    @functools.wraps(find)
    def checked(self, *arguments):
        try:
            return find(self, *arguments)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise self._damaged(error) from None

    return checked


class Store:
    """One file.  What stands in a read-only one belongs to a data set and is never out of date.

    Raises FrameError if the file is not a store.  A store that cannot be written to is a warning: it saves time only.
    """

    def __init__(self, folder, read_only=False):
        self.path = Path(folder) / FILE_NAME
        self.read_only = read_only

    @_whole
    def find_name(self, command):
        """Return Kept(Named) for the COMMAND of a question, or None."""
        rows = self._select("select full_name, candidates, asked, expires from name where command = ?", [command])
        if not rows:
            return None
        named = Named(rows[0][0], [str(each) for each in json.loads(rows[0][1])])
        if not isinstance(named.full_name, str | None):
            raise ValueError(f"a name is {named.full_name!r}")
        return self._kept(named, *rows[0][2:])

    def keep_name(self, command, named, lifetime_d):
        row = (command, named.full_name, json.dumps(named.candidates), *_dates(lifetime_d))
        self._insert("name", [row])

    @_whole
    def find_positions(self, full_name, site, jds):
        """Return {epoch: Kept(ndarray of shape (len(COLUMNS),))} for those of the UT Julian dates that are there."""
        columns = ", ".join(COLUMNS)
        query = (
            f"select {columns}, asked, expires from position where object = ? and site = ? "
            "and epoch between ? - 1 and ? + 1 order by abs(epoch - ?) limit 1"
        )
        found = {}
        with self._open() as connection:
            for epoch in {epoch_of(jd) for jd in jds} if connection else ():
                row = connection.execute(query, [full_name, site, epoch, epoch, epoch]).fetchone()
                if row and _possible(row):
                    found[epoch] = self._kept(np.array(row[:-2], dtype=float), *row[-2:])
        return found

    @_whole
    def find_around(self, full_name, site, jd, reach_d):
        """Return {epoch: Kept}, as find_positions, for all UT Julian dates within `reach_d` of `jd` that are there."""
        query = (
            f"select epoch, {', '.join(COLUMNS)}, asked, expires from position where object = ? and site = ? "
            "and epoch between ? and ?"
        )
        rows = self._select(query, [full_name, site, epoch_of(jd - reach_d), epoch_of(jd + reach_d)])
        return {row[0]: self._kept(np.array(row[1:-2], dtype=float), *row[-2:]) for row in rows if _possible(row[1:])}

    def keep_positions(self, full_name, site, jds, values, lifetime_d):
        """Keep `values`, shape (n, len(COLUMNS)), NaN where unknown, at the n UT Julian dates."""
        dates = _dates(lifetime_d)
        rows = [(full_name, site, epoch_of(jd), *map(float, row), *dates) for jd, row in zip(jds, values, strict=True)]
        self._insert("position", rows)

    @_whole
    def find_elements(self, full_name):
        """Return the list of orbital elements (dict) known of the object, at different epochs."""
        rows = self._select("select elements from elements where object = ? order by epoch", [full_name])
        found = [json.loads(row[0]) for row in rows]
        if not all(math.isfinite(each["EPOCH"]) for each in found):
            raise ValueError("elements without an epoch")
        return found

    def keep_elements(self, full_name, elements):
        self._insert("elements", [(full_name, elements["EPOCH"], json.dumps(elements), now())])

    @_whole
    def find_answer(self, request):
        """Return Kept(bytes) for the canonical text of a request, or None."""
        rows = self._select("select body, asked, expires from answer where request = ?", [request])
        return self._kept(*rows[0]) if rows else None

    def keep_answer(self, request, body, lifetime_d):
        self._insert("answer", [(request, body, *_dates(lifetime_d))])

    def _kept(self, value, asked, expires):
        return Kept(value, asked, not self.read_only and expires is not None and expires < now())

    def _select(self, query, values):
        with self._open() as connection:
            return connection.execute(query, values).fetchall() if connection else []

    def _insert(self, table, rows):
        if not rows:
            return
        places = ", ".join("?" * len(rows[0]))
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(self._connect()) as connection, connection:
                connection.executescript(f"begin immediate; {SCHEMA} commit;")
                connection.executemany(f"insert or replace into {table} values ({places})", rows)
        except (OSError, sqlite3.OperationalError) as error:
            log.warning("%s cannot be written, nothing is stored: %s", self.path, error)
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from None

    @contextlib.contextmanager
    def _open(self):
        """Yield a connection for reading, or None without a file yet."""
        if not self.path.exists():
            yield None
            return
        try:
            with contextlib.closing(self._connect()) as connection:
                version = connection.execute("select value from meta where key = 'version'").fetchone()
                if version != (VERSION,):
                    raise self._damaged(f"version {version and version[0]}, not {VERSION}")
                yield connection
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from None

    def _connect(self):
        if self.read_only:  # immutable: the folder may lie on a medium where SQLite cannot place its lock
            return databases.opened(self.path, "&immutable=1", timeout=BUSY_S)
        return sqlite3.connect(self.path, timeout=BUSY_S, isolation_level="IMMEDIATE")

    def _damaged(self, reason):
        cause, remedy = reason if isinstance(reason, Exception) else None, "remove it; it is filled again when needed"
        return FrameError(self.path, f"is not a usable ephemeris store ({reason})", remedy, cause)


def _possible(row):
    """Return whether a row begins with a place on the sky, RA and Dec in deg, or with none, as answers may."""
    if row[0] is None and row[1] is None:
        return True
    return row[0] is not None and row[1] is not None and 0 <= row[0] <= 360 and abs(row[1]) <= 90


def _dates(lifetime_d):
    asked = now()
    return asked, None if lifetime_d is None else asked + lifetime_d * SECONDS_PER_DAY


def merge(source, target):
    """Take what the file `source` holds into the file `target`, where it is missing or older; return {table: rows}.

    Raises FrameError for a file that is not a store.
    """
    taken = {}
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    try:
        with contextlib.closing(sqlite3.connect(target, timeout=BUSY_S)) as connection:
            connection.executescript(SCHEMA)
            connection.execute("attach database ? as other", [str(Path(source).resolve())])
            for table in ("name", "position", "elements", "answer"):
                columns = [row[1] for row in connection.execute(f"pragma other.table_info({table})")]
                keys = [row[1] for row in connection.execute(f"pragma table_info({table})") if row[5]]
                same = " and ".join(f"mine.{key} = theirs.{key}" for key in keys)
                newer = f"select 1 from main.{table} mine where {same} and mine.asked >= theirs.asked"
                listed = ", ".join(columns)
                query = f"insert or replace into main.{table} ({listed}) select {listed} from other.{table} theirs"
                taken[table] = connection.execute(f"{query} where not exists ({newer})").rowcount
            connection.commit()
    except sqlite3.Error as error:
        raise FrameError(source, f"is not a store of ephemerides ({error})", "export it again") from None
    return taken


def summary(path):
    """Return {table: number of rows} of a file, empty if there is none.  Raises FrameError for what is not a store."""
    if not Path(path).exists():
        return {}
    try:
        with contextlib.closing(databases.opened(path)) as connection:
            tables = ("name", "position", "elements", "answer")
            return {table: connection.execute(f"select count(*) from {table}").fetchone()[0] for table in tables}
    except sqlite3.Error as error:
        raise FrameError(
            path, f"is not a store of ephemerides ({error})", "delete it, its rows are asked for again"
        ) from None
