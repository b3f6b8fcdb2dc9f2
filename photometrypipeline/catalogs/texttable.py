"""Tables of text as archives, services and programs export them, with their marks for what is missing.

Read are CSV (Gaia archive, MAST, TAP), tables of VizieR with units and a rule under the names (separated by tabs,
semicolons, bars, or in columns as wide as the rule), Aladin's and TOPCAT's (CSV, TST, names behind #, in a box), and
columns separated by blanks.  Numbers may have a decimal comma where nothing is separated by commas.
"""

import csv
import re
from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.table import MaskedColumn, Table

MISSING = re.compile(r"(?i:|null|none|nan|n/?a|\.?n\.a\.|masked|indef|nil|undefined|\\n|-+|\.+|[-+]?inf(inity)?)")
MARKS = ("", "null", "NULL", "None", "N/A", "--", "\\N")  # for readers that want them one by one
RULE = re.compile(r"[-=]+")
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eEdD][-+]?\d+)?")
DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?")
BORDER = re.compile(r"\+[-+=]+")  # of a table in a box
UTF16 = (b"\xff\xfe", b"\xfe\xff")
SENTINELS = (-999.0, -9999.0, -99999.0, 9999.0, 99999.0)  # what surveys write for "not measured"
HUGE = 1e19  # and FITS writers: no quantity of a star is as large


def encoding_of(start):
    """Return the encoding of a text by its first bytes: UTF-8 or, as Excel has it, UTF-16."""
    return "utf-16" if start.startswith(UTF16) else "utf-8-sig"


def decoded(content):
    """Return the text in the content (bytes) of a file."""
    return content.decode(encoding_of(content), errors="replace")


def is_boxed(text):
    """Return whether a table stands in a box of bars, as TOPCAT prints it: every line is between two of them."""
    lines = [line.strip() for line in text.split("\n") if line.strip() and not line.startswith("#")]
    lines = [line for line in lines if not BORDER.fullmatch(line)]
    return bool(lines) and all(len(line) > 1 and line[0] == line[-1] == "|" for line in lines)


def read(text):
    """Return the Table in the text of a file; cells that are marked as missing are masked.

    Raises ValueError, which says what is wrong in which line.
    """
    boxed = is_boxed(text)
    lines = list(enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1))
    comments = [line.lstrip("# ") for _, line in lines if line.startswith("#")]
    body = [(number, line) for number, line in lines if line.strip() and not line.startswith("#")]
    body = [(number, line) for number, line in body if line.strip() != "[EOD]"]
    if boxed:
        body = [(number, line.strip()[1:-1]) for number, line in body if not BORDER.fullmatch(line.strip())]
    if not body:
        raise ValueError("it contains no rows")
    names, units, cut, rows = _titles(comments, body)
    cells = _rows_of(rows, cut, len(names))
    table = Table()
    for position, name in enumerate(names):
        given = [row[position] for row in cells]
        if not name and not any(given):
            continue  # a separator ends each line
        label = name or f"column{position + 1}"
        label = label if label not in table.colnames else f"{label}_{position + 1}"
        table[label] = column(given, comma=cut.delimiter != ",")
        unit = units[position] if units else _unit_behind(name)
        if unit:
            table[label].unit = u.Unit(unit, parse_strict="silent")
    return table


def _unit_behind(name):
    """Return the unit (str) in brackets behind the name of a column, "" where there is none."""
    inside = re.search(r"[(\[]([^)\]]*)[)\]]$", name)
    word = inside[1].strip() if inside else ""
    word = {"hours": "h", "hour": "h", "hr": "h", "degrees": "deg", "degree": "deg"}.get(word.lower(), word)
    try:
        return str(u.Unit(word)) if word else ""
    except ValueError:
        return ""


def _rows_of(rows, cut, number):
    """Return the cells (lists of str) of rows (line number, line).  Raises ValueError where they are not `number`."""
    found = [(line_number, cut.cells(line)) for line_number, line in rows]
    if cut.spans and any(len(cells) != number for _, cells in found):
        return [cut.by_width(line) for _, line in rows]
    for line_number, cells in found:
        cells += [""] * (number - len(cells)) if cut.delimiter == "\t" else []
        if len(cells) == number + 1 and not cells[-1]:
            del cells[-1]  # a separator ends the line
        if len(cells) != number:
            raise ValueError(f"line {line_number} has {len(cells)} cells, but there are {number} columns")
    return [cells for _, cells in found]


@dataclass(frozen=True)
class Cut:
    """How lines are cut into cells: by a delimiter, or by the (first, end) characters of the dashes of a rule."""

    delimiter: str
    spans: tuple = ()

    def cells(self, line):
        """Return the cells (list of str) between delimiters."""
        return _cells(line, self.delimiter)

    def by_width(self, line):
        """Return the cells (list of str) under the dashes of the rule."""
        return [line[start:end].strip() for start, end in self.spans]


def _titles(comments, body):
    """Return (names, units or None, Cut, rows) of a table; the names are over a rule, first, or behind a #."""
    for position, (_, line) in enumerate(body[1:6], 1):
        delimiter = delimiter_of(line)
        cells = _cells(line, delimiter)
        if all(RULE.fullmatch(cell) for cell in cells):
            spans = tuple(mark.span() for mark in re.finditer(r"\S+", line)) if delimiter == " " else ()
            cut = Cut(delimiter, spans)
            above = [text for _, text in body[:position]]
            split = [row for row in map(cut.cells, above) if len(row) == len(cells)]
            above = [cut.by_width(text) for text in above] if spans and len(split) < len(above) else split
            if above:
                return above[0], above[1] if len(above) > 1 else None, cut, body[position + 1 :]
    first = body[0][1]
    delimiter = delimiter_of(first)
    names = _cells(first, delimiter)
    if any(names) and not any(_is_value(cell) for cell in names if cell):
        return names, None, Cut(delimiter), body[1:]
    for line in comments:
        behind = _cells(line, delimiter)
        if delimiter != " ":  # remarks in brackets may follow a name
            behind = [re.split(r"[\s(\[]", cell)[0] for cell in behind]
        if len(behind) == len(names) and not any(_is_value(cell) for cell in behind):
            return behind, None, Cut(delimiter), body
    raise ValueError("the first line must contain the names of the columns")


def _is_value(cell):
    return bool(MISSING.fullmatch(cell) or NUMBER.fullmatch(cell))


def delimiter_of(line):
    """Return what separates the cells of a line; blanks count where there is nothing else."""
    return next((sign for sign in "\t;,|" if sign in line), " ")


def _cells(line, delimiter):
    line = line.strip() if delimiter == " " else line
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])]


def column(cells, comma=False):
    """Return the MaskedColumn of texts: integers, floats or, where one is not a number, text.

    comma : whether numbers may have a decimal comma
    """
    if comma and any(map(DECIMAL_COMMA.fullmatch, cells)):
        cells = [cell.replace(",", ".") if DECIMAL_COMMA.fullmatch(cell) else cell for cell in cells]
    if set(cells) <= {"+", "-"}:
        return MaskedColumn(cells, dtype=str)  # signs of declinations
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
