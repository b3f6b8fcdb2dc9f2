"""What the shell offers behind the Tab key: one script for bash, zsh or fish, made from the parsers of all commands.

The parsers are built from the heads of the scripts, above what is slow to import.  Generators of others want options
with two dashes, and one file for each command.
"""

import argparse
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EARLY = re.compile(r"\n *commandline\.answer_at_once")  # what stands above in a script is quick and makes its parser
FILES, FOLDERS = ("FILE", "IMAGE", "TABLE"), ("FOLDER",)  # metavars of options that take such
FILE, FOLDER, OTHER = "file", "folder", "other"  # kinds of values; else a tuple of words


class Completion(argparse.Action):
    """The option -completion SHELL: prints the script for all commands in `folder`, and ends the process.

    values : {option without dash: what it may be} for options that do not list that themselves
    """

    def __init__(self, option_strings, dest, folder, values, **more):
        super().__init__(option_strings, dest, choices=tuple(SHELLS), default=argparse.SUPPRESS, **more)
        self.folder, self.values = folder, values

    def __call__(self, parser, namespace, values, option_string=None):
        """Print the script."""
        sys.stdout.write(SHELLS[values](words_of(parsers(self.folder), self.values)))
        parser.exit()


@dataclass(frozen=True)
class Option:
    """An option as a shell sees it: its names, what it does, and the kind of its values (n_values of them)."""

    names: tuple[str, ...]
    help: str
    kind: str | tuple[str, ...]
    n_values: int
    repeated: bool


@dataclass(frozen=True)
class Words:
    """What may stand behind a command: options, subcommands {name: (help, Words)}, and whether files may."""

    options: tuple[Option, ...]
    subcommands: dict[str, tuple[str, "Words"]]
    files: bool


def parsers(folder: Path) -> dict[str, argparse.ArgumentParser]:
    """Return {name: parser} of the commands in `folder`."""
    found = {}
    for path in sorted(folder.glob("pp*.py")):
        head, *early = EARLY.split(path.read_text(encoding="utf-8"), maxsplit=1)
        if early:
            names: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
            exec(compile(head, path, "exec"), names)
            found[path.stem] = names["build_parser"]()
            found[path.stem].prog = path.stem
    return found


def words_of(found: dict[str, argparse.ArgumentParser], values: dict[str, tuple[str, ...]]) -> dict[str, Words]:
    """Return {command: Words} of parsers {command: parser}; `values` as Completion has them."""
    return {name: _words(parser, values) for name, parser in found.items()}


def _words(parser, values):
    options, subcommands, files = [], {}, False
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help for choice in action._choices_actions}
            subcommands = {name: (helps[name], _words(sub, values)) for name, sub in action.choices.items()}
        elif action.option_strings and action.help != argparse.SUPPRESS:
            options.append(_option(parser, action, values))
        else:
            files = files or not action.option_strings
    return Words(tuple(options), subcommands, files)


def _option(parser, action, values):
    n_values = action.nargs if isinstance(action.nargs, int) else 1
    text = " ".join((parser._get_formatter()._expand_help(action) if action.help else "").split())
    kind = tuple(map(str, action.choices or values.get(action.dest, ()))) or _kind(action.metavar or action.dest)
    names = tuple(name for name in action.option_strings if not name.startswith("--"))
    return Option(names, text.partition("; ")[0], kind, n_values, isinstance(action, argparse._AppendAction))


def _kind(metavar):
    named = str(metavar).upper()
    return FILE if named in FILES else FOLDER if named in FOLDERS else OTHER


def _each(words):
    """Yield (words behind which it holds, as a text, and Words) of all subcommands and commands, in this order."""
    for command, known in words.items():
        yield from _each({f"{command} {name}": sub for name, (_, sub) in known.subcommands.items()})
        yield command, known


# ---- bash, from version 3.2 on: an answer without words means names of files


BASH = """\
# Completion of the Photometry Pipeline's commands for bash
_photometrypipeline() {
    local key=${1##*/} words=
    key=${key%%.py}
    if [ "$COMP_CWORD" -gt 1 ]; then
        case " %(with_subcommands)s " in *" $key "*) key="$key ${COMP_WORDS[1]}" ;; esac
    fi
    case "$key $3" in
%(values)s
    *)
        case "$key $2" in
%(options)s
        esac
        ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$2"))
}
complete -o bashdefault -o default -F _photometrypipeline %(commands)s
"""


def bash(words: dict[str, Words]) -> str:
    """Return the script for bash."""
    values, options = [], []
    for key, known in _each(words):
        for option in known.options:
            patterns = "|".join(f'"{key} {name}"' for name in option.names)
            if option.n_values:
                told = " ".join(option.kind) if isinstance(option.kind, tuple) else ""
                values.append(f'    {patterns}) words="{told}" ;;')
        names = " ".join(name for option in known.options for name in option.names)
        options.append(f'        "{key} -"*) words="{names}" ;;')
        if known.subcommands:
            options.append(f'        "{key} "*) words="{" ".join(known.subcommands)}" ;;')
    return BASH % {
        "with_subcommands": " ".join(name for name, known in words.items() if known.subcommands),
        "values": "\n".join(values),
        "options": "\n".join(options),
        "commands": " ".join(words),
    }


# ---- zsh


ZSH = """\
#compdef %(commands)s
# Completion of the Photometry Pipeline's commands for zsh
_photometrypipeline() {
    local key=${service:t:r}
    if (( CURRENT > 2 )) && [[ " %(with_subcommands)s " == *" $key "* ]]; then
        key="$key $words[2]"
        shift words
        (( CURRENT-- ))
    fi
    case $key in
%(cases)s
    esac
}
if [[ $funcstack[1] == _photometrypipeline ]]; then
    _photometrypipeline "$@"
else
    compdef _photometrypipeline %(commands)s
fi
"""


def zsh(words: dict[str, Words]) -> str:
    """Return the script for zsh, to be read at its start or put into a folder of $fpath."""
    cases = []
    for key, known in _each(words):
        specs = [shlex.quote(_zsh_option(option, name)) for option in known.options for name in option.names]
        if known.subcommands:
            told = " ".join(f"{name}\\:{shlex.quote(text)}" for name, (text, _) in known.subcommands.items())
            specs.append(shlex.quote(f"1:action:(({told}))"))
        elif known.files:
            specs.append("'*:file:_files'")
        lines = " \\\n            ".join(specs)
        cases.append(f'    "{key}")\n        _arguments \\\n            {lines}\n        ;;')
    return ZSH % {
        "commands": " ".join(words),
        "with_subcommands": " ".join(name for name, known in words.items() if known.subcommands),
        "cases": "\n".join(cases),
    }


def _zsh_option(option, name):
    text = option.help
    for special in "\\[]:":
        text = text.replace(special, "\\" + special)
    action = {FILE: "_files", FOLDER: "_files -/", OTHER: " "}.get(option.kind) or f"({' '.join(option.kind)})"
    return f"{'*' if option.repeated else ''}{name}[{text}]" + f":value:{action}" * option.n_values


# ---- fish


def fish(words: dict[str, Words]) -> str:
    """Return the script for fish."""
    lines = ["# Completion of the Photometry Pipeline's commands for fish"]
    for command, known in words.items():
        lines.append(f"complete -c {command} -e")
        if not known.files:
            lines.append(f"complete -c {command} -f")
        lines += [_fish_option(command, option) for option in known.options]
        for name, (text, sub) in known.subcommands.items():
            when = f"-n 'not __fish_seen_subcommand_from {' '.join(known.subcommands)}'"
            lines.append(f"complete -c {command} {when} -f -a {name} -d {shlex.quote(text)}")
            when = f"-n '__fish_seen_subcommand_from {name}'"
            lines += [_fish_option(f"{command} {when}", option) for option in sub.options]
            if sub.files:
                lines.append(f"complete -c {command} {when} -F")
    return "\n".join(lines) + "\n"


def _fish_option(command, option):
    names = " ".join(f"{'-s' if len(name) == 2 else '-o'} {name[1:]}" for name in option.names)
    value = ""
    if option.n_values:
        offered = {FILE: "-r -F", FOLDER: "-x -a '(__fish_complete_directories)'", OTHER: "-x"}
        value = offered.get(option.kind) or f"-x -a {shlex.quote(' '.join(option.kind))}"
    text = option.help.replace("\\", "\\\\").replace("'", "\\'")
    return f"complete -c {command} {names} {value} -d '{text}'"


SHELLS = {"bash": bash, "zsh": zsh, "fish": fish}
