"""What the user decides about the data: sessions left out or shifted, kept in a file next to the result.

[sessions."2026-11-20 VATT4K R"]
use = false
shift_mag = 0.02

[search]
period_h = [2.0, 40.0]
harmonics = 4
take_h = 7.3
"""

import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from photometrypipeline.base.errors import FrameError, UsageError
from photometrypipeline.base.files import write_text

HEAD = "# What pptool_period does with the sessions, and how it searches; remove this file for all data as they are.\n"
KEYS = {"use": bool, "shift_mag": (int, float)}
SEARCH = {"period_h": list, "harmonics": int, "take_h": (int, float)}


@dataclass
class Choices:
    """The choices: {session: {"use": bool, "shift_mag": float}}, and {name: value} of the search."""

    sessions: dict = field(default_factory=dict)
    search: dict = field(default_factory=dict)

    def __bool__(self):
        return bool(self.sessions or self.search)


def read(path):
    """Return the Choices of a file, empty ones without it.  Raises FrameError for a file that cannot be understood."""
    try:
        found = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Choices()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FrameError(path, f"cannot be read ({error})", "correct it, or remove it") from None
    unknown = [name for name in found if name not in ("sessions", "search")]
    sessions, search = found.get("sessions", {}), found.get("search", {})
    for key, about in sessions.items():
        unknown += [f"{key}: {name}" for name, value in about.items() if not isinstance(value, KEYS.get(name, ()))]
    unknown += [name for name, value in search.items() if not isinstance(value, SEARCH.get(name, ()))]
    if unknown:
        raise FrameError(path, f"{unknown[0]} is not a choice", "known: use, shift_mag; period_h, harmonics, take_h")
    return Choices(sessions, search)


def write(path, choices):
    """Write the file, so that the same command without options gives the same again."""
    lines = [HEAD]
    for key, about in choices.sessions.items():
        lines += [
            f"[sessions.{json.dumps(key, ensure_ascii=False)}]",
            *(f"{n} = {_text(v)}" for n, v in about.items()),
            "",
        ]
    if choices.search:
        lines += ["[search]", *(f"{name} = {_text(value)}" for name, value in choices.search.items())]
    write_text(path, "\n".join(lines).rstrip() + "\n")


def _text(value):
    return json.dumps(value)


def session_named(sessions, text):
    """Return the Session that a number (from 1, as listed) or a part of a name means.  Raises UsageError."""
    if text.strip().isdigit() and 1 <= int(text) <= len(sessions):
        return sessions[int(text) - 1]
    found = [each for each in sessions if text.strip().lower() in each.key.lower()]
    if len(found) != 1:
        known = "; ".join(f"{number} = {each.key}" for number, each in enumerate(sessions, start=1))
        raise UsageError(f"{text!r} is {'no' if not found else 'more than one'} session; there are {known}")
    return found[0]


def change(choices, sessions, leave=(), take=(), shifts=()):
    """Put what the command line says into the Choices: sessions to leave out, to take in, (session, mag) shifts."""
    for text, use in [*((each, False) for each in leave), *((each, True) for each in take)]:
        choices.sessions.setdefault(session_named(sessions, text).key, {})["use"] = use
    for text, mag in shifts:
        choices.sessions.setdefault(session_named(sessions, text).key, {})["shift_mag"] = mag


def apply(choices, sessions):
    """Mark the Sessions as chosen; return the names (list) of chosen sessions that are not there."""
    known = {each.key: each for each in sessions}
    for key, about in choices.sessions.items():
        if key in known:
            known[key].used = about.get("use", True)
            known[key].shift_mag = float(about.get("shift_mag", 0.0))
    return [key for key in choices.sessions if key not in known]
