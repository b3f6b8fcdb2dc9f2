"""The records of the steps: one JSON file each in .diagnostics/, from which all pages are made.

What a record holds is declared in `recordtypes`.  One that does not keep to that is not written; one on disk that does
not is of another version of this program, and counts as absent.
"""

import json
import logging
import math
import os
from pathlib import Path

import msgspec

from photometrypipeline.base.errors import FrameError
from photometrypipeline.base.files import write_text
from photometrypipeline.frames import observationsdb
from photometrypipeline.frames.recordtypes import RECORDS

log = logging.getLogger("pp.records")

FOLDER = ".diagnostics"
STEPS = tuple(RECORDS)
FAILURES = "failures.json"


def write(step, record, folder="."):
    """Keep `record` (of the class that RECORDS names, or a dict with its fields) as what `step` found; return it.

    Numbers may be numpy's; what is not finite becomes None.  What later steps recorded is stale then and goes, and so
    do the failures noted for this step and later ones.  Raises msgspec.ValidationError, which names the field that is
    missing, unknown, or of another type.
    """
    place = _place(folder)
    text = _to_json(record)
    known = _from_json(text, RECORDS[step])
    position = STEPS.index(step)
    for later in STEPS[position + 1 :]:
        (place / f"{later}.json").unlink(missing_ok=True)
    write_text(place / f"{step}.json", text)
    kept = {name: message for name, message in _failures(place).items() if name in STEPS[:position]}
    _write_failures(place, kept)
    return known


def typed(step, record):
    """Return `record`, of the class that RECORDS names or a dict with its fields, as `read` brings it back."""
    return _from_json(_to_json(record), RECORDS[step])


def path_of(step, folder="."):
    """Return the Path of the record of `step`."""
    return Path(folder) / FOLDER / f"{step}.json"


def write_failure(step, message, folder="."):
    """Note that `step` ended with `message` (one line); the note stays until that step, or an earlier one, succeeds."""
    place = _place(folder)
    notes = _failures(place)
    notes.pop(step, None)  # the newest comes last
    _write_failures(place, notes | {step: str(message)})


def read(folder=".", steps=STEPS):
    """Return {step: record} of those of `steps` that left one; see `recordtypes`."""
    found = {step: _read(step, path_of(step, folder)) for step in steps}
    return {step: record for step, record in found.items() if record is not None}


def _read(step, path):
    try:
        return _from_json(path.read_bytes(), RECORDS[step])
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        log.warning("%s is damaged, or of another version (%s); run pp_%s again", path, error, step)
        return None


def light_curves(record, folder="."):
    """Return the LightCurves (list) that a record of pp_distill names, from photometry.db in `folder`.

    None without a record; none, with a warning, where they cannot be read.
    """
    if record is None:
        return []
    try:
        known = {curve.name: curve for curve in observationsdb.read(Path(folder) / observationsdb.FILE_NAME)}
    except FrameError as error:
        log.warning("%s", error)
        return []
    return [known[name] for name in record.targets if name in known]


def read_failures(folder="."):
    """Return [(step, message)] of the failures that still count, in the order in which they happened."""
    return list(_failures(Path(folder) / FOLDER).items())


def number(value):
    """Return a value of a record as a float, NaN for None and anything else that is not a number."""
    if type(value) is float:  # nearly all of them: pages and plots ask ten thousands of times
        return value
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan


def known(value):
    """Return whether a value of a record is a finite number."""
    return math.isfinite(number(value))


def _place(folder):
    place = Path(folder) / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    return place


def _failures(place):
    try:
        notes = json.loads((place / FAILURES).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        log.warning("%s cannot be read (%s); run the step again", place / FAILURES, error)
        return {}
    return {step: str(message) for step, message in notes.items()} if isinstance(notes, dict) else {}


def _write_failures(place, notes):
    if notes:
        write_text(place / FAILURES, json.dumps(notes, indent=0) + "\n")
    else:
        (place / FAILURES).unlink(missing_ok=True)


def _to_json(record):
    """Return a record as text with a line for each field, and for each entry of a list: frames have a line each."""
    fields = record if isinstance(record, dict) else {name: getattr(record, name) for name in record.__struct_fields__}
    return "{\n" + ",\n".join(f'"{name}": {_lines(part)}' for name, part in fields.items()) + "\n}\n"


def _lines(part):
    if isinstance(part, list) and part:
        return "[\n " + ",\n ".join(map(_line, part)) + "\n]"
    return _line(part)


def _line(part):
    try:
        return msgspec.json.encode(part, enc_hook=_builtin).decode()
    except UnicodeEncodeError:  # a file name of bytes that are no text
        return json.dumps(plain(part), allow_nan=False)


def _from_json(text, kind):
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return msgspec.convert(json.loads(text), kind)  # which also knows what is not a text


def _builtin(value):
    """Return what msgspec does not know as plain Python: numbers and arrays of numpy, paths."""
    return value.tolist() if hasattr(value, "tolist") else os.fspath(value)


def plain(value):
    """Return `value` with records, arrays and paths as plain Python, numbers that are not finite as None."""
    value = msgspec.to_builtins(value, enc_hook=_builtin)
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
