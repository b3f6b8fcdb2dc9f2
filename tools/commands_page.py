#!/usr/bin/env python3
"""Write docs/commands.md from the commands' own parsers, so that the manual says what `-h` says: make docs."""

import argparse
import os
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from photometrypipeline.base import completion  # noqa: E402

PAGE = ROOT / "docs" / "commands.md"
CORES = f"all cores, {os.cpu_count()}"  # help texts name those of this machine
HEAD = """# The commands and their options

Written by `make docs` from the commands' own help. Every command is called with or without `.py` and also takes its
options with two dashes; an option may be shortened as long as it stays unique. `-h` shows the help of a command,
`-version` its version. Exit statuses, files and settings are in the [README](../README.md).
"""
EVERYWHERE = ("h", "help", "version")


def commands():
    """Return the names of the commands, pp_run first, as pyproject.toml lists them."""
    return list(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"])


def invocation(action):
    """Return an argument as one writes it: `-offset DRA DDEC`."""
    values = [action.metavar or (action.dest.upper() if action.option_strings else action.dest)]
    if action.choices:
        values = ["{" + ",".join(str(choice) for choice in action.choices) + "}"]
    if isinstance(action.metavar, tuple):
        values = list(action.metavar)
    elif isinstance(action.nargs, int):
        values *= action.nargs
    if action.nargs == 0:
        values = []
    names = [name for name in action.option_strings if not name.startswith("--")] or action.option_strings[:1]
    return " ".join([", ".join(names)] * bool(names) + values)


def table(parser):
    """Return the table of a parser's arguments, without its subcommands."""
    rows = []
    for action in parser._actions:
        shown = action.help != argparse.SUPPRESS and action.dest not in EVERYWHERE
        if shown and not isinstance(action, argparse._SubParsersAction):
            text = parser._get_formatter()._expand_help(action) if action.help else ""
            rows.append((invocation(action), " ".join(text.replace(CORES, "all cores").split())))
    if not rows:
        return ""
    cells = "".join("| `{}` | {} |\n".format(*(cell.replace("|", "\\|") for cell in row)) for row in rows)
    return f"| argument | meaning |\n|---|---|\n{cells}"


def section(name, parser):
    """Return the part of the page on one command, with its subcommands."""
    text = "\n\n".join(part.strip() for part in (parser.description, parser.epilog) if part)
    parts = [f"## {name}\n\n```\n{text}\n```\n\n{table(parser)}"]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help for choice in action._choices_actions}
            parts += [f"### {name} {sub}\n\n{helps[sub]}\n\n{table(action.choices[sub])}" for sub in action.choices]
    return "\n".join(parts)


def page():
    """Return the text of docs/commands.md."""
    parsers = completion.parsers(ROOT)
    return HEAD + "".join("\n" + section(name, parsers[name]) for name in commands())


if __name__ == "__main__":
    PAGE.write_text(page())
