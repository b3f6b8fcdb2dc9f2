"""What the results of a data set were made with, by the stamps of its steps: versions, programs, options.

And whether what is derived again from its files is the same to the last bit.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from photometrypipeline.base.errors import UsageError
from photometrypipeline.frames.rows import STORED
from photometrypipeline.runs.choices import STEPS
from photometrypipeline.runs.stamps import Stamps

MOST = 6  # differences that are named


def made_by(folder):
    """Return a dict per step that left a stamp, in their order: step, made (time), version, programs, options.

    options : as on a command line, without those that are as by default
    """
    found = []
    for step in STEPS:
        stamp = Stamps(folder).read(step)
        if stamp is not None and "version" in stamp.recipe:
            programs = stamp.recipe.get("programs", [])
            told = {"step": step, "made": stamp.made, "version": stamp.recipe["version"], "programs": programs}
            found.append(told | {"options": options_of(stamp, folder).arguments()})
    return found


def options_of(stamp, folder="."):
    """Return the options that the step of a Stamp had; files that they name are looked for in `folder` as well.

    Raises UsageError for options that this version does not have.
    """
    cls = STEPS[stamp.step]
    declared, given = cls.declared(), {}
    for name, value in stamp.recipe.get("options", {}).items():
        value = tuple(value) if isinstance(value, list) else value
        if name in declared and declared[name][1].file:
            value = _found(value, folder)
        given[name] = value
    try:
        return cls(**given)
    except TypeError as error:
        raise UsageError(f"pp_{stamp.step} was run by another version ({error}); run it again") from None


def _found(value, folder):
    if isinstance(value, tuple):
        return tuple(_found(each, folder) for each in value)
    beside = Path(folder) / str(value)
    return str(beside) if isinstance(value, str) and not Path(value).exists() and beside.is_file() else value


# ---- the same to the last bit


@dataclass(frozen=True)
class Check:
    """Whether a result that was derived again is the same; None where it could not be derived."""

    name: str
    same: bool | None
    text: str


def judged(name, differs, why):
    """Return the Check of a result that `differs` (list of str) in some places; why : what else has changed, or ""."""
    if not differs:
        return Check(name, True, "derived again: the same to the last bit" + (f" ({why})" if why else ""))
    more = f" and {len(differs) - MOST} more" if len(differs) > MOST else ""
    told = f"NOT the same: {', '.join(differs[:MOST])}{more}"
    return Check(name, False, f"{told}; {why or 'options, settings and versions are the same: a file was changed'}")


def differences(then, now):
    """Return the names (list of str), with both values, at which two dicts, or None, differ."""
    if then is None or now is None:
        return [] if then is None and now is None else ["is missing" if now is None else "was not there"]
    return [f"{name} {then.get(name)} -> {now[name]}" for name in now if not _equal(then.get(name), now[name])]


def row_differences(then, now):
    """Return the names (list of str), with both values, at which two Rows differ in what a database keeps."""
    pairs = [(name, getattr(then, name), getattr(now, name)) for name in STORED]
    return [f"{name} {before} -> {after}" for name, before, after in pairs if not _equal(before, after)]


def table_differences(then, now):
    """Return what differs (list of str) between two tables of sources."""
    if len(then) != len(now):
        return [f"{len(then)} -> {len(now)} sources"]
    lacking = [f"column {name}" for name in now.colnames if name not in then.colnames]
    found = []
    for name in (name for name in now.colnames if name in then.colnames):
        before, after = (np.asarray(_filled(table[name])) for table in (then, now))
        number = int(np.sum(~_same_values(before, after)))
        found += [f"{name} of {number} sources"] if number else []
    return lacking + found


def _filled(column):
    return column.filled(np.nan) if hasattr(column, "filled") and column.dtype.kind == "f" else column


def _same_values(before, after):
    if before.dtype.kind in "US" or after.dtype.kind in "US":
        return before.astype(str) == after.astype(str)
    before, after = before.astype(float), after.astype(float)
    return (before == after) | (~np.isfinite(before) & ~np.isfinite(after))


def _equal(before, after):
    return before == after or (_nothing(before) and _nothing(after))


def _nothing(value):
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))
