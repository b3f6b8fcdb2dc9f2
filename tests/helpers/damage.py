"""Harm that comes to files: cut, overwritten, of another kind, with values that no program expects; seeded.

damage.any_kind(path)                                  names of the kinds that suit a file
damage.apply("truncated", path, random.Random(3))      does it
"""

import json
import os
import random
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
from astropy.io import fits

ESCAPES = "\x1b[31mred\x1b]0;title\x07\x1b[2J"
ODD = [None, "x", "", -1, 0, 1e300, [], {}, [[]], True, "nan", float("nan"), float("inf"), ESCAPES, "9" * 400]
ODD_TEXT = ["nan", "x", "", "-1", "0", "1e999", "inf", "12:34", "é\x00", ESCAPES, "9" * 400, "'", "[", "{", "#", "\t"]
ODD_CARDS = [
    *("NaN", "60,0", "'unclosed", "***", "-5", "0", "1E20", "1e-320", "1E99", "-16", "T", "'abc'", "''", "", "(1,2)"),
    *("12:34", "2017-13-45", "100", "1.5.2", "'%s%d'", "/ comment", "=", "'24:00:00'", "-90.0001", "'12 34 56 78'"),
    *("'--5'", "inf", "64", "'12h34m'", "'2023-03-02T20:19:00+99:99'", "'Feb 30 2020 10:00:00'", "'\x1b[31mred'"),
]
STRANGE_CARDS = [
    *("CONTINUE  'x'", "HIERARCH A B = 1,5", "PARAM0  = \x01\xff", "A=B=C", "COMBO_N = 3", "_EXPTIME= 'x'"),
    *("PPRA    = 'x'", "MIDTIMJD= 'x'", "TEL_KEYW= 'GENERIC'", "SECPIXX = 'x'", "BSCALE  = 'x'", "BLANK   = 1.5"),
    *("TIMESYS = 'TAI'", "NCOMBINE= 5", "SATURATE= 'x'"),
]


KNOWN = {
    "SIMPLE": True, "BITPIX": 16, "NAXIS": 2, "NAXIS1": 40, "NAXIS2": 30, "INSTRUME": '= "Vatt4k"', "OBJECT": "3552",
    "FILTER": "TOP 3 BOT 1", "DATE-OBS": "2017-02-02", "TIME-OBS": "10:50:00.000", "EXPTIME": 30.0, "AIRMASS": 1.13,
    "CCDBIN1": 2, "CCDBIN2": 2, "RA": "11:58:00.00", "DEC": "+06:15:00.0", "EQUINOX": 2000.0, "GAIN": 2.0,
}  # fmt: skip
UNKNOWN = {
    "SIMPLE": True, "BITPIX": 16, "NAXIS": 2, "NAXIS1": 40, "NAXIS2": 30, "INSTRUME": "CAMX", "OBJECT": "3552",
    "FILTER": "V", "DATE-OBS": "2023-03-02T20:19:00.000", "EXPTIME": 30.0, "XBINNING": 1, "YBINNING": 1, "RA": 180.5,
    "DEC": 20.5, "PIXSCALE": 0.9, "EGAIN": 1.0, "SITELAT": 46.0, "SITELONG": 9.0, "DATE-END": "2023-03-02T20:19:30",
}  # fmt: skip
CAMERAS = {"known": KNOWN, "unknown": UNKNOWN}


def any_kind(path: Path) -> list[str]:
    """Return the names (list of str) of the kinds of damage that suit a file."""
    kinds = list(PLAIN)
    name = path.name
    if name.endswith((".db", ".sqlite")):
        kinds += DATABASE
    elif name.endswith(".json"):
        kinds += JSON
    elif name.endswith((".fits", ".ldac")):
        kinds += FITS
    elif name.endswith((".dat", ".lst", ".toml", ".cat", ".head", ".reg", ".txt", ".xml", ".py")):
        kinds += TEXT
    return kinds


def apply(kind: str, path: Path, rng: random.Random) -> None:
    """Damage the file `path` in the way that `kind` names."""
    {**PLAIN, **DATABASE, **JSON, **FITS, **TEXT}[kind](path, rng)


# ---- any file


def _gone(path, rng):
    path.unlink()


def _cut(path, rng):
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(1, max(len(content), 2))])


def _start(path, rng):
    path.write_bytes(path.read_bytes()[:100])


def _zeros(path, rng):
    path.write_bytes(bytes(path.stat().st_size))


def _end_of_zeros(path, rng):
    content = path.read_bytes()
    place = rng.randrange(len(content) + 1)
    path.write_bytes(content[:place] + bytes(len(content) - place))


def _noise(path, rng):
    path.write_bytes(rng.randbytes(max(path.stat().st_size, 100)))


def _flipped(path, rng):
    content = bytearray(path.read_bytes())
    for _ in range(min(20, len(content))):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def _folder(path, rng):
    path.unlink()
    path.mkdir()


def _dangling(path, rng):
    path.unlink()
    path.symlink_to(path.parent / "nowhere" / "nothing")


def _circle(path, rng):
    path.unlink()
    path.symlink_to(path.name)


def _other(path, rng):
    """Another file of the data set in its place."""
    files = [each for each in path.parent.iterdir() if each.is_file() and each != path]
    if files:
        shutil.copyfile(rng.choice(sorted(files)), path)


def _says(text):
    return lambda path, rng: path.write_text(text)


PLAIN = {
    "gone": _gone,
    "empty": _says(""),
    "cut": _cut,
    "only its start": _start,
    "zeros": _zeros,
    "zeros at the end": _end_of_zeros,
    "noise": _noise,
    "bits flipped": _flipped,
    "a folder": _folder,
    "a link to nothing": _dangling,
    "a link to itself": _circle,
    "another file": _other,
    "text": _says("no such thing\n"),
    "a web page": _says("<!DOCTYPE html><html><body>Maintenance\x1b[31m</body></html>\n"),
    "one long line": _says("x" * 300_000),
    "escape codes": _says(ESCAPES + "\n"),
}


# ---- databases


def _changed(path, change):
    with closing(sqlite3.connect(path)) as connection:
        tables = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
        if tables:
            change(connection, tables)
        connection.commit()


def _column_becomes(value):
    def change(path, rng):
        def one(connection, tables):
            table = rng.choice(sorted(tables))
            columns = sorted(row[1] for row in connection.execute(f'pragma table_info("{table}")'))
            connection.execute(f'update or ignore "{table}" set "{rng.choice(columns)}" = ?', (value,))

        _changed(path, one)

    return change


def _column_renamed(path, rng):
    def one(connection, tables):
        table = rng.choice(sorted(tables))
        columns = sorted(row[1] for row in connection.execute(f'pragma table_info("{table}")'))
        connection.execute(f'alter table "{table}" rename column "{rng.choice(columns)}" to "was_here"')

    _changed(path, one)


def _table_dropped(path, rng):
    _changed(path, lambda connection, tables: connection.execute(f'drop table "{rng.choice(sorted(tables))}"'))


def _table_emptied(path, rng):
    _changed(path, lambda connection, tables: connection.execute(f'delete from "{rng.choice(sorted(tables))}"'))


def _rows_doubled(path, rng):
    def one(connection, tables):
        table = rng.choice(sorted(tables))
        connection.execute(f'create table copy_ as select * from "{table}"')
        connection.execute(f'drop table "{table}"')
        connection.execute(f'alter table copy_ rename to "{table}"')
        connection.execute(f'insert into "{table}" select * from "{table}"')

    _changed(path, one)


def _no_tables(path, rng):
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table something_else (a)")
        connection.commit()


DATABASE = {
    "a column of NULL": _column_becomes(None),
    "a column of text": _column_becomes("x"),
    "a column of escape codes": _column_becomes(ESCAPES),
    "a column of infinity": _column_becomes(float("inf")),
    "a column of bytes": _column_becomes(b"\x00\xff"),
    "a column of -1": _column_becomes(-1),
    "a column with another name": _column_renamed,
    "a table dropped": _table_dropped,
    "a table emptied": _table_emptied,
    "rows doubled": _rows_doubled,
    "a database of something else": _no_tables,
}


# ---- JSON


def _places(value, found):
    """Collect (container, key) of everything in a JSON value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in list(pairs):
        found.append((value, key))
        _places(below, found)
    return found


def _json_changed(change):
    def apply_to(path, rng):
        value = json.loads(path.read_text())
        places = _places(value, [])
        if places:
            change(*rng.choice(places), rng)
        path.write_text(json.dumps(value))

    return apply_to


def _set_odd(container, key, rng):
    container[key] = rng.choice(ODD)


def _delete(container, key, rng):
    del container[key]


def _add(container, key, rng):
    if isinstance(container, dict):
        container["a key of tomorrow"] = rng.choice(ODD)
    else:
        container.append(rng.choice(ODD))


JSON = {
    "an odd value": _json_changed(_set_odd),
    "another odd value": _json_changed(_set_odd),
    "a key less": _json_changed(_delete),
    "a key more": _json_changed(_add),
    "an empty object": _says("{}"),
    "an empty list": _says("[]"),
    "null": _says("null"),
    "deeply nested": _says("[" * 100_000),
}


# ---- FITS


def _card_changed(path, rng):
    """Cards of the first header with an odd value, gone, added or disturbed byte by byte."""
    content = path.read_bytes()
    end = re.search(rb"END {77}", content)
    if not end:
        return
    cards = [content[at : at + 80].decode("latin-1") for at in range(0, end.start(), 80)]
    raw = b"".join(card.encode("latin-1")[:80].ljust(80) for card in [*mutated(cards, rng), "END"])
    behind = content[end.end() + -end.end() % 2880 :]
    path.write_bytes(raw + b" " * (-len(raw) % 2880) + behind)


def _no_numbers(path, rng):
    """All values of a column, or all pixels, are not numbers."""
    with fits.open(path, memmap=False) as hdus:
        for hdu in hdus:
            if isinstance(hdu, fits.BinTableHDU) and "MAG_APER" in hdu.columns.names:
                name = rng.choice([column.name for column in hdu.columns if column.format[-1] in "ED"])
                hdu.data[name][:] = rng.choice([np.nan, np.inf, 0, -1, 1e30])
            elif hdu.data is not None and not isinstance(hdu, fits.BinTableHDU) and hdu.data.ndim == 2:
                hdu.data = np.full(hdu.data.shape, rng.choice([np.nan, 0, np.inf, -1e30]), dtype=np.float32)
        hdus.writeto(path, overwrite=True, output_verify="silentfix")


def _fewer(path, rng):
    """A table without one column, or without rows; an image with one row of pixels."""
    with fits.open(path, memmap=False) as hdus:
        for number, hdu in enumerate(hdus):
            if isinstance(hdu, fits.BinTableHDU) and len(hdu.columns) > 5:
                columns = fits.ColDefs(list(hdu.columns))
                if rng.random() < 0.7:
                    columns.del_col(rng.choice(columns.names))
                    hdus[number] = fits.BinTableHDU.from_columns(columns, hdu.header, name=hdu.name)
                else:
                    hdu.data = hdu.data[: rng.choice([0, 1])]
            elif hdu.data is not None and hdu.data.ndim == 2 and hdu.is_image:
                hdu.data = hdu.data[:1]
        hdus.writeto(path, overwrite=True, output_verify="silentfix")


FITS = {
    "odd cards": _card_changed,
    "other odd cards": _card_changed,
    "values that are none": _no_numbers,
    "a part less": _fewer,
}


def mutated(cards: list[str], rng: random.Random) -> list[str]:
    """Return the cards with one to three changed, taken out, put in or disturbed byte by byte."""
    cards = list(cards)
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(cards))
        kind = rng.choice(["value", "value", "out", "in", "bytes"])
        if kind == "value":
            cards[place] = f"{cards[place][:8]}= {rng.choice(ODD_CARDS)}"
        elif kind == "out" and len(cards) > 1:
            del cards[place]
        elif kind == "in":
            cards.insert(place, rng.choice(STRANGE_CARDS))
        else:
            line = list(cards[place].ljust(80))
            for _ in range(rng.randint(1, 4)):
                line[rng.randrange(80)] = chr(rng.randrange(256))
            cards[place] = "".join(line)
    return cards


def cards_of(values: dict) -> list[str]:
    """Return the cards (list of str) of a header {keyword: value}."""
    return [str(fits.Card(keyword, value)).rstrip() for keyword, value in values.items()]


def write_frame(path: Path, cards: list[str]) -> None:
    """Write a small frame of nothing but sky with these cards, whatever they are."""
    pixels = np.random.default_rng(1).normal(500, 10, (30, 40)).astype(">i2").tobytes()
    raw = b"".join(card.encode("latin-1")[:80].ljust(80) for card in [*cards, "END"])
    Path(path).write_bytes(raw + b" " * (-len(raw) % 2880) + pixels + bytes(-len(pixels) % 2880))


# ---- text


def _word_changed(path, rng):
    lines = path.read_text(errors="replace").splitlines()
    if lines:
        number = rng.randrange(len(lines))
        words = re.split(r"(\s+|,|=)", lines[number])
        words[rng.randrange(len(words))] = rng.choice(ODD_TEXT)
        lines[number] = "".join(words)
    path.write_text("\n".join(lines) + "\n")


def _column_changed(path, rng):
    lines, column, odd = path.read_text(errors="replace").splitlines(), rng.randrange(12), rng.choice(ODD_TEXT)
    changed = []
    for line in lines:
        words = re.split(r"(\s+)", line)
        if not line.startswith("#") and 2 * column < len(words):
            words[2 * column] = odd
        changed.append("".join(words))
    path.write_text("\n".join(changed) + "\n")


def _line_lost(path, rng):
    lines = path.read_text(errors="replace").splitlines()
    if lines:
        del lines[rng.randrange(len(lines))]
    path.write_text("\n".join(lines) + "\n")


def _bytes_no_text(path, rng):
    path.write_bytes(path.read_bytes()[:200] + bytes(range(128, 256)) + path.read_bytes()[200:])


TEXT = {
    "an odd word": _word_changed,
    "another odd word": _word_changed,
    "an odd column": _column_changed,
    "a line less": _line_lost,
    "bytes that are no text": _bytes_no_text,
}


def put_back(folder: Path, original: Path) -> None:
    """Make the file or folder `folder` what it is in `original` again."""
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    elif os.path.lexists(folder):
        folder.unlink()
    if original.exists():
        shutil.copy2(original, folder)
