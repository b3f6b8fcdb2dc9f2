"""Tables of text as archives, services and programs export them, with their marks for what is missing.

Read are CSV (Gaia archive, MAST, TAP), tab and semicolon separated tables of VizieR with units and a rule under the
names, Aladin's and TOPCAT's (CSV, TST, names behind #), and columns separated by blanks.
"""

import csv
import re

import numpy as np
from astropy import units as u
from astropy.table import MaskedColumn, Table

MISSING = re.compile(r"(?i:|null|none|nan|n/?a|\.?n\.a\.|masked|indef|nil|undefined|\\n|-+|\.+|[-+]?inf(inity)?)")
MARKS = ("", "null", "NULL", "None", "N/A", "--", "\\N")  # for readers that want them one by one
RULE = re.compile(r"[-=]+")
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eEdD][-+]?\d+)?")
SENTINELS = (-999.0, -9999.0, -99999.0, 9999.0, 99999.0)  # what surveys write for "not measured"
HUGE = 1e19  # and FITS writers: no quantity of a star is as large


def read(text):
    """Return the Table in the text of a file; cells that are marked as missing are masked.

    Raises ValueError, which says what is wrong in which line.
    """
    lines = list(enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1))
    comments = [line.lstrip("# ") for _, line in lines if line.startswith("#")]
    body = [(number, line) for number, line in lines if line.strip() and not line.startswith("#")]
    body = [(number, line) for number, line in body if line.strip() != "[EOD]"]
    if not body:
        raise ValueError("it contains no rows")
    names, units, delimiter, rows = _titles(comments, body)
    cells = []
    for number, line in rows:
        row = _cells(line, delimiter)
        row += [""] * (len(names) - len(row)) if delimiter == "\t" else []
        if len(row) != len(names):
            raise ValueError(f"line {number} has {len(row)} cells, but there are {len(names)} columns")
        cells.append(row)
    table = Table()
    for position, name in enumerate(names):
        table[name] = column([row[position] for row in cells])
        if units and units[position]:
            table[name].unit = u.Unit(units[position], parse_strict="silent")
    return table


def _titles(comments, body):
    """Return (names, units or None, delimiter, rows) of a table; the names are over a rule, first, or behind a #."""
    for position, (_, line) in enumerate(body[1:6], 1):
        delimiter = delimiter_of(line)
        cells = _cells(line, delimiter)
        if all(RULE.fullmatch(cell) for cell in cells):
            above = [_cells(text, delimiter) for _, text in body[:position]]
            above = [row for row in above if len(row) == len(cells)]
            if above:
                return above[0], above[1] if len(above) > 1 else None, delimiter, body[position + 1 :]
    first = body[0][1]
    delimiter = delimiter_of(first)
    names = _cells(first, delimiter)
    if not any(_is_value(cell) for cell in names):
        return names, None, delimiter, body[1:]
    for line in comments:
        behind = _cells(line, delimiter)
        if delimiter != " ":  # remarks in brackets may follow a name
            behind = [re.split(r"[\s(\[]", cell)[0] for cell in behind]
        if len(behind) == len(names) and not any(_is_value(cell) for cell in behind):
            return behind, None, delimiter, body
    raise ValueError("the first line must contain the names of the columns")


def _is_value(cell):
    return bool(MISSING.fullmatch(cell) or NUMBER.fullmatch(cell))


def delimiter_of(line):
    """Return what separates the cells of a line; blanks count where there is nothing else."""
    return next((sign for sign in "\t;," if sign in line), " ")


def _cells(line, delimiter):
    line = line.strip() if delimiter == " " else line
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])]


def column(cells):
    """Return the MaskedColumn of texts: integers, floats or, where one is not a number, text."""
    missing = np.array([bool(MISSING.fullmatch(cell)) for cell in cells], dtype=bool)
    known = [cell for cell, mark in zip(cells, missing, strict=True) if not mark]
    if known and all(re.fullmatch(r"[-+]?\d{1,18}", cell) for cell in known):
        return MaskedColumn([0 if mark else int(cell) for cell, mark in zip(cells, missing, strict=True)], mask=missing)
    if all(NUMBER.fullmatch(cell) for cell in known):
        return MaskedColumn(numbers(cells), mask=missing)
    return MaskedColumn(cells, mask=missing, dtype=str)


def numbers(cells):
    """Return floats, shape (n,), of texts, numbers or masked values, NaN where one is marked as missing.

    Raises ValueError for a text that is neither a number nor such a mark.
    """
    if np.ma.asarray(cells).dtype.kind in "USO":
        texts = [text_of(cell) for cell in cells]
        values = [np.nan if MISSING.fullmatch(text) else float(re.sub("[dD]", "e", text)) for text in texts]
        values = np.array(values, dtype=float)
    else:
        values = np.ma.filled(np.ma.asarray(cells).astype(float), np.nan)
    return np.where(np.isin(values, SENTINELS) | (np.abs(values) >= HUGE), np.nan, values)


def text_of(cell):
    """Return a cell as text, "" where it is masked."""
    if cell is None or cell is np.ma.masked:
        return ""
    return (cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)).strip()
