"""What a user's pp_setup.py may set: names that exist, to values of the kind that they have."""

import difflib
import math
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from types import ModuleType
from typing import Any

from photometrypipeline.base.errors import UsageError

OPTIONAL_NUMBER = "a number or None"
LIMITS = ("enough_stars",)  # settings with a usual number, which None takes away
CHOICES = {"photmode": ("APER", "ISOCOR", "AUTO", "PSF")}
FORMER = {  # settings of the documented suite, and what has taken their place; docs/faithful.md
    "instrument_keys": "identifiers of each telescope's definition",
    "allcatalogs": "all catalogues of docs/bands.md",
    **dict.fromkeys(
        ("confdiagnostics.overlay_lg_linewidth", "confdiagnostics.thumb_fontsize", "confdiagnostics.thumb_linewidth"),
        "marks that the browser draws",
    ),
    **dict.fromkeys((f"confdiagnostics.thumb_predicted_pos_{part}" for part in ("marker", "size", "color")),
                    "marks that the browser draws"),
}  # fmt: skip


def known(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Return {name: value} of the settings in a namespace; those of an object in it are called `object.name`."""
    found = {}
    for name, value in namespace.items():
        if name.startswith("_") or isinstance(value, ModuleType) or callable(value):
            continue  # what a file imports or defines for its own use
        found[name] = value
        found |= {f"{name}.{each}": getattr(value, each) for each in _fields(value)}
    return found


def check(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Raise UsageError for the first setting of `after` that `before` (both as `known` returns them) does not have.

    And for the first one of another kind, or that is gone; whole numbers and others are of one kind.  Returns what is
    to be told of settings that have no effect any more.
    """
    former = []
    for name, value in after.items():
        if name in FORMER and name not in before:
            former.append(f"the setting {name} has no effect any more: there are {FORMER[name]}")
            continue
        if name not in before:
            near = difflib.get_close_matches(name, before, 1)
            tip = f"the nearest is {near[0]}" if near else "names of your own begin with _"
            raise UsageError(f"no setting is called {name}; {tip}")
        kind = _kind(before[name])
        if not _plain(before[name]) and not isinstance(value, type(before[name])):
            raise UsageError(f"{name} is not the one of this version; set single values, such as {name}.NAME = ...")
        if not (_is(kind, value, before[name]) or (name in LIMITS and value is None)):
            raise UsageError(f"{name} = {value!r} is not {kind}; the usual value is {before[name]!r}")
        if unmeant := _unmeant(name, value, before[name]):
            raise UsageError(f"{name} = {value!r} {unmeant}; the usual value is {before[name]!r}")
    gone = [name for name in before if name not in after]
    if gone:
        raise UsageError(f"{gone[0]} has lost its value; set it to {_kind(before[gone[0]])}")
    return former


def _unmeant(name: str, value: Any, usual: Any) -> str:
    """Return what is wrong with a value of the right kind, "" if it can be meant."""
    if _is_number(value) and _is_number(usual) and value < 0 <= usual:
        return "is below 0"
    if name == "minstars" and (value == 0 or (isinstance(value, float) and value > 1)):
        return "is neither a number of stars nor a fraction up to 1.0"
    if name in CHOICES and value not in CHOICES[name]:
        return f"is not one of {', '.join(CHOICES[name])}"
    if name == "confreport.telescopes" and not all(isinstance(facts, dict) for facts in value.values()):
        return "has something other than a dict for a telescope"
    return ""


def _fields(value: Any) -> Iterator[str]:
    """Yield the names of the settings that an object holds, none for plain values."""
    if not _plain(value):
        yield from (name for name in dir(value) if name[0] != "_" and not callable(getattr(value, name)))


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str | tuple | list | set | dict | PurePath)


def _kind(usual: Any) -> str:
    """Return in words what a setting has to be, from its usual value."""
    if usual is None:
        return OPTIONAL_NUMBER
    if isinstance(usual, bool):
        return "True or False"
    if isinstance(usual, int | float):
        return "a number"
    if isinstance(usual, str):
        return "text"
    if isinstance(usual, dict):
        return "a dict"
    if isinstance(usual, tuple | list):
        return f"{len(usual)} numbers" if usual and _is_number(usual[0]) else "a tuple of text"
    return f"a {type(usual).__name__}"


def _is(kind: str, value: Any, usual: Any) -> bool:
    """Return whether `value` is of a kind, as `_kind` tells it of the `usual` value."""
    if usual is None:
        return value is None or _is_number(value)
    if isinstance(usual, bool):
        return isinstance(value, bool)
    if isinstance(usual, int | float):
        return _is_number(value)
    if isinstance(usual, tuple | list):
        each = _is_number if kind.endswith("numbers") else lambda part: isinstance(part, str | PurePath)
        fits = not kind.endswith("numbers") or len(value) == len(usual) if isinstance(value, tuple | list) else False
        return fits and all(map(each, value))
    return isinstance(value, type(usual))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
