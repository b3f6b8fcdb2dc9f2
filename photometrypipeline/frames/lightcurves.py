"""A light curve as its user has it: the rows of `photometry.db`, with what was edited by hand in the table."""

import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from photometrypipeline.base.errors import FrameError
from photometrypipeline.frames import observationsdb, records, results
from photometrypipeline.frames.rows import LightCurve

BY_HAND = "rejected by hand"
NAMED = "target: "  # begins the remark of a table that says what the ephemeris calls its body


@dataclass
class Reading:
    """What `read` found: the LightCurve, which of its rows came from the database, and what is to be said of both.

    stored : {id(row)} of rows in full precision, with all that pp_distill knew;  the others are as the table has them
    remarks : lines of text
    """

    curve: LightCurve
    stored: set = field(default_factory=set)
    remarks: list = field(default_factory=list)

    def is_stored(self, row):
        """Return whether a Row came from the database."""
        return id(row) in self.stored


def read(path):
    """Return the Reading of a table photometry_TARGET.dat, and of the database next to it where both agree.

    Where they do not, the table counts: rows that its user took out or in, removed, added, or gave other values.
    Raises UsageError for a file that cannot be read, FrameError for one that is not a light curve.
    """
    path = Path(path)
    lines, about = results.read(path)
    try:
        found = observationsdb.read(path.parent / observationsdb.FILE_NAME, path.name)
        curve, remarks = (found[0] if found else None), []
    except FrameError as error:
        curve = None
        remarks = [f"{error}; {path.name} is read alone"] if Path(error.path).exists() else []
    if curve is None:
        name, full_name = path.stem.removeprefix("photometry_"), _full_name(path, about)
        every = [line.row for line in lines]
        return Reading(LightCurve(name, path.name, full_name=full_name, every=every), remarks=remarks)
    return _joined(path, lines, curve)


def _full_name(path, about):
    """Return what a table without its database says of the name of its body, '' if nothing.

    about : its remarks;  earlier versions kept the name in the record of pp_distill
    """
    for line in about:
        if line.startswith(NAMED):
            return line.removeprefix(NAMED).strip()
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        for target in json.loads(records.path_of("distill", path.parent).read_bytes())["targets"]:
            if isinstance(target, dict) and target.get("file") == path.name:
                return str(target.get("full_name") or "")
    return ""


def _joined(path, lines, curve):
    known = {(results.word(row.ldac), row.detected): row for row in curve.every}
    own_lines = {line.row.ldac for line in lines if line.row.detected}
    rows, stored, counts = [], set(), dict.fromkeys(("taken out", "taken in", "added", "with other values"), 0)
    for line in lines:
        row = known.pop((line.row.ldac, line.row.detected), None)
        if row is None or results.fields_of(row).split() != line.fields.split():
            counts["added" if row is None else "with other values"] += 1
            rows.append(line.row)
            continue
        if row.detected and line.rejected == row.accepted:
            counts["taken out" if line.rejected else "taken in"] += 1
            row.reason = line.row.reason if line.row.reason != results.REJECTED else BY_HAND
        if not row.detected and line.row.ldac not in own_lines and (source := known.pop((line.row.ldac, True), None)):
            rows.append(source)  # the line of a limit stands for the rejected source as well
            stored.add(id(source))
        rows.append(row)
        stored.add(id(row))
    counts["removed"] = len(known)
    curve.every = rows
    edits = [f"{count} {'row' if count == 1 else 'rows'} {what}" for what, count in counts.items() if count]
    said = f"{path}: differs from {observationsdb.FILE_NAME} ({', '.join(edits)}); the table counts"
    return Reading(curve, stored, [said] if edits else [])
