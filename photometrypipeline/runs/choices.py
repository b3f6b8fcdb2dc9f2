"""What was chosen by hand for a data set: pp_choices.toml in its folder, which pp_run keeps to.

    [photometry]
    aprad = 5.0

    [distill]
    exclude = "rejected.lst"

    [files]
    "rejected.lst" = \"\"\"
    mscience0219.fits 3552
    \"\"\"

A section holds the options of a step as they were given: to the step itself, or to pp_run.  Lists that they name are in
the file as well, so that it says everything: next to the frames on another machine it leads to the same results.
"""

import hashlib
import json
import os
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path

from photometrypipeline.base.errors import FrameError, UsageError
from photometrypipeline.base.files import write_text
from photometrypipeline.base.options import spelt
from photometrypipeline.frames import old, positionsfile
from photometrypipeline.runs import recipes
from photometrypipeline.runs.stepoptions import STEPS

FILE_NAME = "pp_choices.toml"
RUN = "run"  # section of what is pp_run's alone
OWN = ("rerun_registration",)
RIVALS = {"filter": ("instrumental", "magzp"), "instrumental": ("filter", "magzp"), "magzp": ("instrumental",)}
LARGEST_TEXT = 200_000  # bytes; of larger files only the digest is kept
HEAD = """\
# Choices made by hand for this data set. pp_run keeps to them; a line that is deleted is forgotten, all are by
# pp_run -fresh. With this file next to the same frames the same results come out elsewhere.
"""


@dataclass
class Choices:
    """steps : {step: {option: value}};  files : {name: text, or {"sha256": digest} of a large one}."""

    folder: Path
    steps: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)

    def __bool__(self):
        return any(self.steps.values())

    @property
    def path(self):
        """The Path of the file."""
        return self.folder / FILE_NAME

    # ---- what is chosen

    def replace_step(self, step, options, given):
        """Take over what was `given` (names) to a step by hand; return the choices (list of str) that are dropped."""
        before, declared = self.steps.get(step, {}), STEPS[step].declared()
        self.steps[step] = {
            name: self._named(getattr(options, name), declared[name][1].file)
            for name in declared
            if name in given and not declared[name][1].harmless and getattr(options, name) not in (None, False)
        }
        return told({step: {name: value for name, value in before.items() if name not in self.steps[step]}})

    def join(self, options, given):
        """Return (RunOptions, list of str): `options` completed by what is chosen, and the choices that were kept.

        given : names of the options that this call has; they replace earlier choices
        """
        new = {(step, theirs) for name in given for step, theirs in _goals(options, name)}
        for step, name in new:
            for rival in (name, *RIVALS.get(name, ())):
                if (step, rival) not in new or rival == name:
                    self.steps.get(step, {}).pop(rival, None)
        kept = {step: dict(values) for step, values in self.steps.items()}
        for name in given:
            for step, theirs in _goals(options, name):
                if getattr(options, name) not in (None, False):
                    is_file = name in options.declared() and options.declared()[name][1].file
                    self.steps.setdefault(step, {})[theirs] = self._named(getattr(options, name), is_file)
        values = {step: self.placed(step) for step in STEPS}
        single = {}
        for name in options.declared():
            goals = _goals(options, name)
            if len(goals) == 1 and name not in (*OWN, *given):
                ((step, theirs),) = goals
                single |= {name: values[step][theirs]} if theirs in values[step] else {}
        single |= {name: value for name, value in self.steps.get(RUN, {}).items() if name not in given}
        return replace(options, by_hand=values, **single), told(kept)

    def placed(self, step):
        """Return {option: value} of a step as the step takes it; files are where the value says.  Raises UsageError."""
        cls, values = STEPS[step], self.steps.get(step, {})
        names = {name for name, (_, known) in cls.declared().items() if known.file}
        found = {name: self._place(value) if name in names else value for name, value in values.items()}
        try:
            checked = cls.chosen(**found)
        except UsageError as error:
            raise UsageError(f"{self.path}, [{step}]: {error}") from None
        return {name: getattr(checked, name) for name in found}

    def _place(self, value):
        """Return the value of an option with the paths that lead to its files; what is missing is written."""
        if isinstance(value, (list, tuple)):
            return tuple(self._place(each) for each in value)
        if value == positionsfile.ALL:
            for name in self.files:
                if Path(name).match("positions_*.dat"):
                    self._place(name)
            return value
        path = self.folder / value
        if path.is_file() or value not in self.files:
            return str(path) if path.is_file() else value
        if not isinstance(self.files[value], str):
            raise UsageError(f"{self.path} needs {value}, which is not there; put it there, or delete the line")
        path = self.folder / Path(value).name
        if not path.exists():
            write_text(path, self.files[value])
        return str(path)

    def targets(self):
        """Return the names (set of str) of the targets that are chosen by files."""
        values = self.placed("distill")
        return old.named_in(self.folder, values.get("positions"), values.get("fixedtargets"))

    # ---- on disk

    def write(self):
        """Write the file with the present contents of all lists; without choices there is none."""
        if not self:
            self.path.unlink(missing_ok=True)
            return
        steps = {step: values for step, values in self.steps.items() if values}
        files, sections = {}, []
        for step in (RUN, *STEPS):
            if step in steps:
                lines = [f"{name} = {_toml(value)}" for name, value in sorted(steps[step].items())]
                files |= self._contents(step)
                sections.append("\n".join([f"[{step}]", *lines]))
        if files:
            lines = [f"{_toml(name)} = {_lines(content)}" for name, content in sorted(files.items())]
            sections.append("\n".join(["[files]", *lines]))
        text = HEAD + "\n" + "\n\n".join(sections) + "\n"
        if not self.path.exists() or self.path.read_text(encoding="utf-8") != text:
            write_text(self.path, text)

    def _contents(self, step):
        """Return {name: content} of the files that the choices of a step name; of missing ones what is known."""
        declared = STEPS[step].declared() if step in STEPS else {}
        found = {}
        for name, value in self.steps[step].items():
            for each in value if isinstance(value, (list, tuple)) else [value]:
                if not (declared and declared[name][1].file and isinstance(each, str)):
                    continue
                paths = {str(self.folder / each)} if (self.folder / each).is_file() else set()
                paths |= {str(path) for path in self.folder.glob("positions_*.dat") if each == positionsfile.ALL}
                found |= {each: self.files[each]} if each in self.files else {}
                found |= {self._name(path): _content(Path(path)) for path in recipes.with_sidecars(paths)}
        return found

    def _named(self, value, is_file):
        """Return the value of an option, files by their names as seen from the data set."""
        if isinstance(value, (list, tuple)):
            return [self._named(each, is_file) for each in value]
        return self._name(value) if is_file and isinstance(value, str) and Path(value).is_file() else value

    def _name(self, path):
        return Path(os.path.relpath(path, self.folder)).as_posix()

    def forget(self):
        """Forget all choices; the file goes to old/.  Return the names (list of str) of what was moved there."""
        self.steps, self.files = {}, {}
        return old.set_aside(self.folder, [FILE_NAME])


def read(folder):
    """Return the Choices of the data set in `folder`, none where it has no file.  Raises FrameError."""
    folder = Path(folder)
    path = folder / FILE_NAME
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Choices(folder)
    except (OSError, ValueError) as error:
        raise FrameError(path, f"cannot be read ({error})", "correct it, or start with pp_run -fresh") from None
    files = found.pop("files", {})
    alien = [name for name in found if name not in (RUN, *STEPS) or not isinstance(found[name], dict)]
    alien += [f"{name} in [{RUN}]" for name in found.get(RUN, {}) if name not in OWN]
    if alien:
        raise FrameError(path, f"{alien[0]} is not a section; the sections are {', '.join(STEPS)}", "correct it")
    return Choices(folder, found, files)


def keep(folder, step, options, given):
    """Keep what was `given` (names of options) to a step by hand; return the choices (list of str) that are dropped."""
    choices = read(folder)
    dropped = choices.replace_step(step, options, given)
    choices.write()
    return dropped


def told(steps):
    """Return {step: {option: value}} as commands (list of str) that would say the same."""
    commands = []
    for step, values in steps.items():
        declared = STEPS[step].declared() if step in STEPS else {}
        words = [
            " ".join(spelt(f"-{name}", value, declared[name][1])) for name, value in sorted(values.items()) if declared
        ]
        words += [] if declared else [f"-{name}" for name in values]
        commands += [f"pp_{step} {' '.join(words)}"] if words else []
    return commands


def _goals(options, name):
    """Return [(step, option), ...] that the option `name` of pp_run is handed on to, as far as it is a choice."""
    if name in OWN:
        return [(RUN, name)]
    known = options.declared()[name][1] if name in options.declared() else None
    if known is None or known.harmless:
        return []
    return [(step, theirs) for cls, theirs in known.to for step, each in STEPS.items() if each is cls]


def _content(path):
    """Return the text of a file, or {"sha256": digest} of what is large or no text."""
    raw = path.read_bytes()
    try:
        if len(raw) <= LARGEST_TEXT:
            return raw.decode()
    except UnicodeDecodeError:
        pass
    return {"sha256": hashlib.sha256(raw).hexdigest()}


def _toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml(str(key))} = {_toml(each)}" for key, each in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _lines(content):
    """Return a text as TOML writes one of several lines."""
    if isinstance(content, dict):
        return _toml(content)
    return '"""\n' + "\n".join(_toml(line)[1:-1] for line in content.split("\n")) + '"""'
