"""The SQLite database of one frame, `<stem>.ldac.db`: its sources with all that was measured, matched and calibrated.

Tables `header` and `data` are laid out as users' scripts know them.  `zeropoint` and `pipeline` came later: the fit
behind the calibrated magnitudes, and the version of this layout.
"""

import contextlib
import functools
import math
import re
import sqlite3
from pathlib import Path

import numpy as np

from photometrypipeline.base import databases
from photometrypipeline.base.errors import FrameError
from photometrypipeline.frames.columns import Columns

VERSION = 1  # of the layout: 1 = header, data, zeropoint

SCHEMA = """
create table header (
    name TEXT,         -- file name of the source list
    origin TEXT,       -- telescope;image[;catalogue;band]
    description TEXT,  -- what was done: 'calibrated using ...'
    magsys TEXT,       -- AB, Vega or instrumental
    obstime REAL,      -- middle of the exposure, JD (UTC)
    exptime REAL,      -- s
    obj TEXT,          -- name of the target
    filtername TEXT    -- band, NULL if none
);
create table zeropoint (
    zp REAL,           -- mag, NULL where the frame has none
    zp_sig REAL,       -- mag, scatter and error joined: describes one star
    zp_err REAL,       -- mag, error of the mean
    relation_err REAL, -- mag, scatter of the band transformation per reference star, 0 where the band is native
    chi2 REAL,         -- reduced
    n_used INTEGER,
    n_matched INTEGER,
    method TEXT,       -- night: from one solution of all frames; frame: from the stars of this one; manual
    zp_frame REAL,     -- mag, from the stars of this frame alone
    zp_night REAL,     -- mag, from one solution of all frames; with zp_frame one of the two is zp
    err_zp_frame REAL, -- mag, error of zp against the mean of all frames
    err_zp_common REAL,  -- mag, error of zp that all frames share
    err_transformation REAL,  -- mag, common: band transformation and colour term at the colour of the target
    err_color REAL,    -- mag, common: colour term times the uncertain colour of the target
    err_uniformity REAL  -- mag, common: catalogue from field to field
);
create table pipeline (version INTEGER);
"""
COLOR_SCHEMA = """
create table colorterm (  -- one row, if a colour term was applied; the same for all frames of the data set
    color TEXT,         -- such as g-r
    coefficient REAL,   -- magnitude = instrumental + zp + coefficient * (color - target_color)
    err REAL,           -- 1 sigma of the coefficient
    target_color REAL,  -- mag, of the source that `zp` holds for, and all calibrated magnitudes of this file
    mean_color REAL,    -- mag, of the stars in the fit
    n_stars INTEGER,    -- with a known colour
    n_used INTEGER,     -- not clipped
    scatter REAL,       -- mag, of the stars around the relation
    color_err REAL      -- mag, error that the coefficient brings into magnitudes at target_color
);
"""
HEADER_COLUMNS = ("name", "origin", "description", "magsys", "obstime", "exptime", "obj", "filtername")
ZEROPOINT_COLUMNS = (
    *("zp", "zp_sig", "zp_err", "relation_err", "chi2", "n_used", "n_matched", "method", "zp_frame", "zp_night"),
    *("err_zp_frame", "err_zp_common", "err_transformation", "err_color", "err_uniformity"),
)
COUNTS = ("FLAGS", "NUMBER")  # of Source Extractor: every source has them
CALIBRATE_AGAIN = "run pp_calibrate on this image again"
COLOR_COLUMNS = [
    "color",
    "coefficient",
    "err",
    "target_color",
    "mean_color",
    "n_stars",
    "n_used",
    "scatter",
    "color_err",
]
JOHNSON = "BVRI"  # stored under longer names, since SQLite does not tell Rmag from rmag
MAGNITUDE = re.compile(r"^(_?(?:e_)?)([A-Z])mag$")
LONG_NAME = re.compile(r"^(_?(?:e_)?)([A-Z])Johnsonmag$")


def write(path, header, table, zeropoint=None, colorterm=None):
    """Write the database of a frame, whole and atomically; an older one is replaced.

    header : dict with HEADER_COLUMNS;  table : Columns or astropy Table, one row per source, NaN and masked become NULL
    zeropoint : dict with ZEROPOINT_COLUMNS, or None; colorterm : dict with COLOR_COLUMNS, or None
    """
    names = stored_names(table.colnames)
    columns = ", ".join(f"{_quoted(name)} {_kind(table[old])}" for name, old in zip(names, table.colnames, strict=True))
    rows = zip(*(_values(table[name]) for name in table.colnames), strict=True)
    with databases.new_database(path) as connection:
        connection.executescript(SCHEMA)
        connection.execute(
            f"insert into header values ({_marks(HEADER_COLUMNS)})", [header.get(name) for name in HEADER_COLUMNS]
        )
        if zeropoint is not None:
            values = [zeropoint.get(name) for name in ZEROPOINT_COLUMNS]
            connection.execute(f"insert into zeropoint values ({_marks(ZEROPOINT_COLUMNS)})", values)
        if colorterm is not None:
            connection.executescript(COLOR_SCHEMA)
            values = [colorterm.get(name) for name in COLOR_COLUMNS]
            connection.execute(f"insert into colorterm values ({_marks(COLOR_COLUMNS)})", values)
        connection.execute("insert into pipeline values (?)", [VERSION])
        connection.execute(f"create table data ({columns})")
        connection.executemany(f"insert into data values ({_marks(names)})", rows)


def read(path, dec_range_deg=None, wanted=None):
    """Return (header, table, zeropoint) of a frame: dict, Columns with NaN for NULL, dict or None.

    dec_range_deg : (lowest, highest) declination of the sources that are wanted, None for all
    wanted : function of the header and the name of a column: whether it is wanted;  None: all are
    Raises FrameError for a database that is missing or holds something else.
    """
    if not Path(path).exists():  # sqlite3 would make an empty database
        raise FrameError(path, "does not exist", "run pp_calibrate on this image first")
    try:
        with contextlib.closing(databases.opened(path)) as connection:
            header = dict(zip(HEADER_COLUMNS, connection.execute("select * from header").fetchone()[:8], strict=True))
            table = _read_table(connection, dec_range_deg, wanted and functools.partial(wanted, header))
            zeropoint = _read_row(connection, "zeropoint", ZEROPOINT_COLUMNS)
        _check(header, zeropoint, table)
    except (sqlite3.Error, TypeError, ValueError, OverflowError) as error:
        raise FrameError(path, f"is not the database of a frame ({error})", CALIBRATE_AGAIN, error) from None
    return header, table, zeropoint


def read_colorterm(path):
    """Return the colour term that was applied to a frame (dict with COLOR_COLUMNS), None without one.

    Raises FrameError for a file that cannot be read.
    """
    try:
        with contextlib.closing(databases.opened(path)) as connection:
            return _read_row(connection, "colorterm", COLOR_COLUMNS)
    except sqlite3.Error as error:
        raise FrameError(path, f"is not the database of a frame ({error})", CALIBRATE_AGAIN, error) from None


def _check(header, zeropoint, table):
    """Raise TypeError, ValueError for what pp_calibrate never writes: damage, or the work of another program."""
    for name in ("obstime", "exptime"):
        if not math.isfinite(header[name]):
            raise ValueError(f"{name} is {header[name]}")
    for name, value in (zeropoint or {}).items():
        if name != "method" and not isinstance(value, int | float | None):
            raise TypeError(f"{name} is {value!r}")
    for name in table.colnames:
        if name in COUNTS and table[name].dtype.kind not in "iu" and len(table):
            raise ValueError(f"{name} is missing for some sources")


def _read_table(connection, dec_range_deg, wanted):
    kinds = {row[1]: row[2] for row in connection.execute("pragma table_info(data)")}
    names = [name for name in kinds if wanted is None or wanted(original_name(name))]
    where = " where dec_deg between ? and ?" if dec_range_deg else ""
    rows = connection.execute(
        f"select {', '.join(map(_quoted, names))} from data{where}", dec_range_deg or ()
    ).fetchall()
    columns = list(zip(*rows, strict=True)) if rows else [[] for _ in names]
    pairs = zip(names, columns, strict=True)
    return Columns({original_name(name): _column(name, values, kinds[name]) for name, values in pairs})


def _column(name, values, kind):
    kinds = set(map(type, values))
    if kinds & {str, bytes}:
        if kind != "TEXT":
            raise ValueError(f"column {name} holds text")
        return np.array([value if value is not None else "" for value in values], dtype=object).astype(str)
    if kinds == {int}:
        return np.array(values)
    return np.array(values, dtype=float)  # None becomes NaN


def _read_row(connection, table, columns):
    """Return the only row of a table that may be absent, as a dict or None."""
    known = {row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")}
    if table not in known:
        return None
    present = {row[1] for row in connection.execute(f"pragma table_info({table})")}  # older files have fewer
    names = [name for name in columns if name in present]
    row = connection.execute(f"select {', '.join(names)} from {table}").fetchone()
    return dict.fromkeys(columns) | dict(zip(names, row, strict=True)) if row else None


def stored_names(names):
    """Return the column names (list of str) under which `names` are stored, so that no two differ in letter case alone.

    Magnitudes of one capital letter become `XJohnsonmag`: always for the calibrated `_Xmag` of B, V, R, I; for `Xmag`
    of those unless the calibrated one is there; and for any other letter that meets its small twin.
    """
    lower: dict[str, list] = {}
    for name in names:
        lower.setdefault(name.lower(), []).append(name)
    stored: dict[str, str] = {}  # {in small letters: as it is}
    for name in names:
        wanted = _stored_name(name, set(names), len(lower[name.lower()]) > 1)
        while wanted.lower() in stored:  # any other column, such as a flag per band
            wanted += "_"
        stored[wanted.lower()] = wanted
    return list(stored.values())


def _stored_name(name, names, clashes):
    found = MAGNITUDE.match(name)
    if not found:
        return name
    start, letter = found.groups()
    johnson = letter in JOHNSON and (start.startswith("_") or f"_{start}{letter}mag" not in names)
    return f"{start}{letter}Johnsonmag" if johnson or clashes else name


def original_name(name):
    """Return the column name that `stored_names` made `name` of."""
    return LONG_NAME.sub(r"\1\2mag", name)


def _quoted(name):
    return '"' + name.replace('"', '""') + '"'


def _marks(names):
    return ", ".join("?" * len(names))


def _kind(column):
    kind = np.asarray(column).dtype.kind
    return "INTEGER" if kind in "iub" else "REAL" if kind == "f" else "TEXT"


def _values(column):
    mask = np.asarray(getattr(column, "mask", False)) | np.zeros(len(column), dtype=bool)
    data = np.asarray(column)
    if data.dtype.kind == "f":
        mask = mask | ~np.isfinite(data)
        values = data.astype(float).tolist()
    elif data.dtype.kind in "iub":
        values = data.astype(int).tolist()
    else:
        values = [str(value) for value in data.tolist()]
        mask = mask | np.array([value == "" for value in values], dtype=bool)
    if not mask.any():
        return values
    return [None if hidden else value for value, hidden in zip(values, mask.tolist(), strict=True)]
