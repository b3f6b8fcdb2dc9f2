"""The Minor Planet Center's files of all orbits, read by the million: MPCORB.DAT, NEA.txt and the like, CometEls.txt.

Gzipped or not. The columns are those of elementsfile.py, which reads single bodies of the same files.
"""

import gzip
import logging
import re
import zlib
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import numpy as np

from photometrypipeline.base.errors import FrameError
from photometrypipeline.ephemerides import elementsfile
from photometrypipeline.ephemerides.elements import julian_date
from photometrypipeline.ephemerides.orbits import table
from photometrypipeline.ephemerides.planets import GM_SUN

log = logging.getLogger("pp.orbits")

CHUNK_LINES = 100_000
WIDTH = 202  # characters of a line of MPCORB
LEAST_WIDTH = 103  # up to the semimajor axis
REMEDY = "give MPCORB.DAT, NEA.txt or CometEls.txt of the Minor Planet Center, as they are or as .gz"
_FLOATS = {  # MPCORB: first and last column, from 0
    "H": (8, 13), "G": (14, 19), "M": (26, 35), "W": (37, 46), "OM": (48, 57), "IN": (59, 68), "EC": (70, 79),
    "A": (92, 103),
}  # fmt: skip


def read(path: str | PathLike) -> tuple[table.OrbitTable, list[str]]:
    """Return the OrbitTable of a file, and remarks (list of str) on what of it cannot be used. Raises FrameError."""
    parts: list[tuple] = []
    bad: list[str] = []
    kind = None
    try:
        for lines in _chunks(path):
            kind = kind or _kind_of(lines)
            if kind == table.ASTEROIDS:
                parts.append(_asteroids(lines, bad))
            elif kind == table.COMETS:
                parts.append(_comets(lines, bad))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FrameError(path, f"ends too early or is broken ({error})", "download it again") from None
    except OSError as error:
        raise FrameError(path, f"cannot be read ({error.strerror or error})", "check its name") from None
    if not sum(len(part[0]) for part in parts):
        raise FrameError(path, "contains no orbits of the Minor Planet Center", REMEDY)
    elements, names, u, last = (np.concatenate(column) for column in zip(*parts, strict=True))
    remarks = [f"{len(bad)} lines are no orbits, such as: {bad[0][:60].strip()}"] if bad else []
    return table.build(str(kind), Path(path).name, elements, names, u, last), remarks


def _chunks(path: str | PathLike) -> Iterator[list[bytes]]:
    """Yield the lines of a file, gzipped or not, without its head, in lists of CHUNK_LINES."""
    with open(path, "rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if zipped else open(path, "rb") as stream:
        kept: list[bytes] = []
        while block := stream.readlines(CHUNK_LINES * WIDTH):
            for number, line in enumerate(block[:200]):
                if line.startswith(b"-----"):  # ends the head of MPCORB.DAT
                    kept, block = [], block[number + 1 :]
                    break
            kept += block
            if len(kept) >= CHUNK_LINES:
                yield kept
                kept = []
        if kept:
            yield kept


def _kind_of(lines: list[bytes]) -> str | None:
    for line in lines[:300]:
        text = line.decode("utf-8", "replace")
        if elementsfile.MPCORB.match(text):
            return table.ASTEROIDS
        if elementsfile.COMET.match(text):
            return table.COMETS
    return None


def _asteroids(lines: list[bytes], bad: list[str]) -> tuple:
    """Return (elements, names, u, last_jd) of lines of MPCORB; those that are none go to `bad`."""
    long = [line for line in lines if len(line) >= LEAST_WIDTH]
    bad += [line.decode("utf-8", "replace") for line in lines if len(line) < LEAST_WIDTH and line.strip()]
    text = np.array(long, dtype=f"S{WIDTH}")
    usable = np.ones(len(text), dtype=bool)
    values = {key: _floats(text, *place, usable, key not in ("H", "G")) for key, place in _FLOATS.items()}
    epoch = _packed_dates(_field(text, 20, 25), usable)
    usable &= (values["EC"] >= 0) & (values["EC"] < 1) & (values["A"] > 0)
    bad += [line.decode("utf-8", "replace") for line in text[~usable]]
    values = {key: column[usable] for key, column in values.items()}
    text, epoch = text[usable], epoch[usable]
    motion = np.degrees(np.sqrt(GM_SUN / values["A"] ** 3))
    passage = epoch - ((values["M"] + 180) % 360 - 180) / motion
    q = values["A"] * (1 - values["EC"])
    columns = [epoch, q, *(values[key] for key in ("EC", "IN", "OM", "W")), passage, values["H"], values["G"]]
    names = np.char.strip(_field(text, 166, 194))
    packed = names == b""
    if packed.any():
        names[packed] = [_unpacked(line[:7]) for line in text[packed]]
    u = np.frombuffer(np.ascontiguousarray(_field(text, 105, 106)).tobytes(), dtype=np.uint8).astype(int) - ord("0")
    known = (u >= 0) & (u <= 9)
    return (
        np.column_stack(columns),
        _readable(names),
        np.where(known, u, table.UNKNOWN_U),
        _days(_field(text, 194, 202)),
    )


def _field(text: np.ndarray, first: int, last: int) -> np.ndarray:
    """Return columns `first` to `last` of lines, shape (n,), bytes."""
    characters = text.view(np.uint8).reshape(len(text), -1)[:, first:last]
    return np.ascontiguousarray(characters).view(f"S{last - first}").ravel()


def _floats(text: np.ndarray, first: int, last: int, usable: np.ndarray, needed: bool) -> np.ndarray:
    """Return numbers, NaN where there is none; where one is `needed` the line is not `usable` then."""
    column = _field(text, first, last)
    try:
        return column.astype(float)
    except ValueError:
        values = np.array([_number(word) for word in column])
    if needed:
        usable &= np.isfinite(values)
    return values


def _number(word: bytes) -> float:
    try:
        return float(word)
    except ValueError:
        return np.nan


def _packed_dates(packed: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Return Julian dates of packed epochs, of which there are few different ones; NaN where one is none."""
    different, which = np.unique(packed, return_inverse=True)
    dates = np.array([_packed_date(each.decode("ascii", "replace")) for each in different])[which]
    usable &= np.isfinite(dates)
    return dates


def _packed_date(packed: str) -> float:
    return elementsfile.packed_date(packed) if re.fullmatch("[IJKL][0-9]{2}[1-9A-C][1-9A-V]", packed) else np.nan


def _days(dates: np.ndarray) -> np.ndarray:
    """Return Julian dates of days YYYYMMDD, NaN where there is none."""
    different, which = np.unique(dates, return_inverse=True)
    return np.array([_day(each.decode("ascii", "replace")) for each in different], dtype=float)[which]


def _day(date: str) -> float:
    return julian_date(int(date[:4]), int(date[4:6]), int(date[6:])) if re.fullmatch("[0-9]{8}", date) else np.nan


def _unpacked(packed: bytes) -> bytes:
    """Return the readable form, (1) or 2022 AB1, of a packed number or designation."""
    name = elementsfile.unpacked(packed.decode("ascii", "replace").strip())
    return (name[1:-1] if name.startswith("(") else f"({name.strip()})").encode()


def _readable(names: np.ndarray) -> np.ndarray:
    """Return names as Horizons writes them, 1 Ceres and (2022 AB1), from (1) Ceres and 2022 AB1."""
    numbered = np.char.startswith(names, b"(")
    found = np.char.add(np.char.add(b"(", names), b")").astype("S32")
    if numbered.any():
        found[numbered] = np.char.replace(np.char.lstrip(names[numbered], b"("), b")", b"", 1)
    return found


def _comets(lines: list[bytes], bad: list[str]) -> tuple:
    """Return (elements, names, u, last_jd) of lines of CometEls.txt; those that are none go to `bad`."""
    rows, names = [], []
    for line in lines:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        try:
            orbit = elementsfile.comet(text)
        except (ValueError, IndexError):
            bad += [text] if text.strip() else []
            continue
        keys = (*table.ELEMENTS, *table.MAGNITUDES[table.COMETS])
        rows.append([orbit.elements.get(key, np.nan) for key in keys])
        names.append(orbit.full_name.encode()[:32])
    elements = np.array(rows, dtype=float).reshape(-1, 9)
    none = np.full(len(rows), np.nan)
    return elements, np.array(names, dtype="S32"), np.full(len(rows), table.UNKNOWN_U), none
