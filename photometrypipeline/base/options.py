"""Options, each declared once: as a field of a frozen dataclass of its step.

    @dataclass(frozen=True)
    class ExtractOptions(Jobs):
        snr: float = option(1.5, metavar="SIGMA", help="detection threshold in sigma (default: %(default)s)")

Field and option have one name, here `snr` and -snr.  From the declaration follow the option of the command (`add_to`,
`of`), what a command hands on to the steps that it calls (`shared`, `hand_on`), the command line that stands for an
object (`arguments`), what the outcome of a step depends on (`relevant`), the interface for Python (`chosen`) and
docs/commands.md.  To add an option, write its field and use it in the step.
"""

import argparse
import dataclasses
import difflib
import math
import types
import typing
from pathlib import Path

from photometrypipeline.base.errors import UsageError
from photometrypipeline.base.finite import finite


@dataclasses.dataclass(frozen=True)
class Declaration:
    """What an option is besides its name, type and default.

    help, metavar, choices, nargs, action, type : as argparse has them;  also : further names of the option
    check : called with the value, text of the command line included, returns it as the step wants it; raises UsageError
    glance : called with the value and all options (object or Namespace), raises UsageError for what is seen to be wrong
        at once, before anything is imported or done
    within : (least, largest) of the number or numbers that it takes
    file : whether it may be the path of a file of the user;  harmless : whether it never changes a result
    to : (class, name) of the options of steps that get its value
    """

    help: str
    metavar: str | tuple | None = None
    choices: tuple | None = None
    nargs: int | None = None
    action: str | None = None
    type: object = None
    also: tuple = ()
    check: object = None
    glance: object = None
    within: tuple | None = None
    file: bool = False
    harmless: bool = False
    to: tuple = ()


def option(default=None, *, help, **more):
    """Return the field of an option; `default` may be a function that makes it.  See Declaration."""
    made = {"default_factory": default} if callable(default) else {"default": default}
    return dataclasses.field(**made, metadata={"option": Declaration(help, **more)})


def shared(name, *classes, **changes):
    """Return the field of an option that is handed on to steps, the option `name` of all `classes`.

    It is declared as the first of them has it, but for `changes`: of a Declaration, or of the default.
    """
    known = {field.name: field for field in dataclasses.fields(classes[0])}[name]
    made = known.default_factory
    default = changes.pop("default", known.default if made is dataclasses.MISSING else made)
    declared = dataclasses.asdict(known.metadata["option"]) | changes
    return option(default, **declared | {"to": tuple((each, name) for each in classes)})


class Options:
    """Base of the options of a step, a frozen dataclass; its fields without a declaration are for callers alone."""

    @classmethod
    def declared(cls):
        """Return {name: (field, Declaration)} of all options."""
        fields = dataclasses.fields(cls)
        return {field.name: (field, field.metadata["option"]) for field in fields if "option" in field.metadata}

    @classmethod
    def add_to(cls, parser):
        """Add the options to an argparse parser."""
        for name, (field, known) in cls.declared().items():
            keywords = {"dest": name, "help": known.help}
            if field.type is bool:
                keywords["action"] = "store_true"
            else:
                shown = {key: getattr(known, key) for key in ("metavar", "choices", "nargs", "action")}
                keywords |= {key: value for key, value in shown.items() if value is not None}
                keywords |= {"type": known.type or _kind(field), "default": _as_text(_default(field), known)}
            parser.add_argument(f"-{name}", *(f"-{other}" for other in known.also), **keywords)

    @classmethod
    def of(cls, args):
        """Return the object that parsed arguments (Namespace) stand for, not yet checked."""
        given = {}
        for name, (field, known) in cls.declared().items():
            value = getattr(args, name)
            if value != _as_text(_default(field), known):  # else the default stands
                given[name] = tuple(value) if isinstance(value, list) else value
        return cls(**given)

    @classmethod
    def chosen(cls, **values):
        """Return the checked object with these options.  Raises UsageError for unknown names and impossible values."""
        for name, value in values.items():
            if name not in cls.declared():
                near = difflib.get_close_matches(name, cls.declared(), 1)
                raise UsageError(f"no option is called {name}" + (f"; did you mean {near[0]}?" if near else ""))
            values[name] = _converted(name, value, *cls.declared()[name])
        return cls(**values).checked()

    @classmethod
    def glance(cls, args):
        """Raise UsageError for options of `args` (Namespace or object) that are wrong at first sight."""
        for name, (_, known) in cls.declared().items():
            value = getattr(args, name)
            if known.within and value is not None:
                _refuse_beyond(known.within, name, value)
            if known.glance and value is not None:
                known.glance(value, args)

    def checked(self):
        """Return a copy whose values are as the step wants them.  Raises UsageError for what cannot be carried out."""
        self.glance(self)
        checks = {name: known.check for name, (_, known) in self.declared().items() if known.check}
        found = {name: check(getattr(self, name)) for name, check in checks.items() if getattr(self, name) is not None}
        done = dataclasses.replace(self, **found)
        done.check()
        return done

    def check(self):
        """Raise UsageError for options that exclude each other; for classes that have such."""

    def hand_on(self, cls, **more):
        """Return the options of a step, an object of `cls`, as far as they are declared to be handed on; and `more`."""
        given = {}
        for name, (_, known) in self.declared().items():
            given |= {theirs: getattr(self, name) for step, theirs in known.to if step is cls}
        return cls(**given | more)

    def arguments(self, *without, absolute=False):
        """Return the options (list of str) of the command line that stand for this object, defaults left out.

        without : names that are left out;  absolute : paths of files are made absolute, for another folder
        """
        arguments = []
        for name, (field, known) in self.declared().items():
            value = getattr(self, name)
            if name in without or value is None or value is False or value == _default(field):
                continue
            if absolute and known.file and isinstance(value, str) and Path(value).is_file():
                value = str(Path(value).resolve())
            arguments += spelt(f"-{name}", value, known)
        return arguments

    def relevant(self):
        """Return {name: value} of all that the outcome of a step may depend on."""
        harmless = {name for name, (_, known) in self.declared().items() if known.harmless}
        every = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in every.items() if name not in harmless}


def _refuse_beyond(limits, name, value):
    """Raise UsageError for a number, or one of several, beyond the limits of its option."""
    numbers = value if isinstance(value, (list, tuple)) else [value]
    if not all(limits[0] <= float(number) <= limits[1] for number in numbers):
        given = " ".join(f"{float(number):g}" for number in numbers)
        raise UsageError(f"-{name} {given}: give a number from {limits[0]:g} to {limits[1]:g}")


def _default(field):
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _kind(field):
    """Return the type that the text of an option is converted to."""
    kinds = typing.get_args(field.type) if isinstance(field.type, types.UnionType) else (field.type,)
    return next((kind for kind in kinds if kind in (int, float)), None)


def _as_text(value, known):
    """Return a default as help texts show it."""
    if known.action == "append":
        return []
    return ",".join(value) if isinstance(value, tuple) and known.nargs is None and value else value or value


def spelt(option, value, known):
    """Return an option with its value (list of str) as a user would write it."""
    if value is True:
        return [option]
    if known.nargs:
        return [option, *map(str, value)]
    if known.action == "append":
        pairs = [f"{key}={text}" for key, text in value.items()] if isinstance(value, dict) else value
        return [word for pair in pairs for word in (option, pair)]
    return [option, ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)]


def _converted(name, value, field, known):
    """Return a value given in Python as the command line would give it.  Raises UsageError."""
    if value is None or isinstance(value, bool) and field.type is bool:
        return value
    if field.type is bool:
        raise UsageError(f"option {name} = {value!r}: True or False is wanted")
    value = str(value) if isinstance(value, Path) else tuple(value) if isinstance(value, list) else value
    kind = known.type or _kind(field)
    kind = finite if kind is float else kind
    try:
        if known.nargs:
            if isinstance(value, str) or len(value) != known.nargs:
                raise ValueError(f"{known.nargs} values are wanted")
            value = tuple(map(kind or str, value))
        elif kind and not isinstance(value, tuple):
            value = kind(str(value))
    except (TypeError, ValueError, ArithmeticError, argparse.ArgumentTypeError) as error:
        raise UsageError(f"option {name} = {value!r}: {error}") from None
    if known.choices and value not in known.choices:
        raise UsageError(f"option {name} = {value!r}: choose from {', '.join(known.choices)}")
    return value


# ---- types of options

RADII_PX = (0.1, 10_000.0)  # of apertures


def radius_px(text):
    """Return the radius (float, px) that an option gives, None for 0; raises ArgumentTypeError for a negative one."""
    radius = float(text)
    if radius and not RADII_PX[0] <= radius <= RADII_PX[1]:
        raise argparse.ArgumentTypeError(f"{text} is not a radius; give pixels")
    return radius or None


def radii_px(text):
    """Return the aperture radii (list of float, px) of a list separated by commas."""
    values = [float(field) for field in text.split(",") if field.strip()]
    if not values or not all(RADII_PX[0] <= radius <= RADII_PX[1] for radius in values):
        raise ValueError(f"{text!r} is not an aperture radius")
    return values


def stars_to_keep(text):
    """Return a number of stars (int), or the fraction of them (float up to 1) that a decimal point stands for."""
    try:
        number = int(text) if text.strip("+-").isdigit() else float(text)
    except ValueError:
        number = 0
    if not 0 < number < math.inf or (isinstance(number, float) and number > 1):
        raise argparse.ArgumentTypeError(f"{text}: give a number of stars such as 20, or a fraction up to 1.0")
    return number


def number_of_jobs(text):
    """Return how many frames are worked on at a time (int); raises ArgumentTypeError."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number
