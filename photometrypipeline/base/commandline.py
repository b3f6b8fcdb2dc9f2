"""The command line that all commands share; nothing here, or imported from here, is slow: `-h` answers at once.

Every script imports this module before any other.  Until it has found a Python that will do, an old one reads this: no
syntax newer than 3.6.
"""

from photometrypipeline import interpreter  # noqa: F401  first of all: finds the Python that has the packages

# isort: split
import argparse
import os
import re
import sys
import time
from pathlib import Path

from photometrypipeline import __version__
from photometrypipeline.base import loading, streams
from photometrypipeline.base.errors import USAGE, UsageError
from photometrypipeline.base.finite import finite

# Threads of numpy's linear algebra: they wait for each other on small matrices and cost twice the CPU time of one.
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_began = [time.monotonic()]  # when the command of this process did
SMALL_NUMBER = re.compile(r"-(\d+\.?\d*|\.\d+)[eE][-+]?\d+")


class Parser(argparse.ArgumentParser):
    """Parser of the commands: long options with one dash or two, abbreviations, negative numbers in any notation."""

    glances = ()  # called with the parsed arguments, raise UsageError for those that cannot be meant
    whole = ()  # actions whose options are not shortened, so that others may be: -ver is -verbose where there is one

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.register("type", float, finite)

    def parse_args(self, args=None, namespace=None):
        """Parse as argparse does, and look whether all options can be meant."""
        found = super().parse_args(args, namespace)
        found.given = self._given(args)
        try:
            for glance in self.glances:
                glance(found)
        except UsageError as error:
            self.error(str(error))
        return found

    def _given(self, args):
        """Return the names (tuple of str) of the arguments that a command line that can be parsed has itself."""
        defaults = [(action, action.default) for action in self._actions]
        for action in self._actions:
            action.default = argparse.SUPPRESS
        try:
            return tuple(vars(super().parse_args(args, None)))
        finally:
            for action, default in defaults:
                action.default = default

    def error(self, message):
        """End the process with one line that says what is wrong with the command line, and where all options stand."""
        self.exit(USAGE, f"{self.prog}: error: {streams.plain(message)} ({self.prog} -h explains all options)\n")

    def exit(self, status=0, message=None):
        """End the process as argparse does, with the status of a failure where its help was lost."""
        super().exit(streams.ended(status), message)

    def _get_option_tuples(self, option_string):
        """Return what an abbreviation may stand for, as argparse has it, without the options that are written whole."""
        return [found for found in super()._get_option_tuples(option_string) if found[0] not in self.whole]

    def parse_known_args(self, args=None, namespace=None):
        """Parse as argparse does, after bringing double dashes and numbers like -1e-4 into the form that it knows."""
        args = sys.argv[1:] if args is None else list(args)
        return super().parse_known_args([_plain(argument) for argument in args], namespace)


def _plain(argument):
    if SMALL_NUMBER.fullmatch(argument):
        return f"{float(argument):.15f}"
    return argument[1:] if re.match(r"--[A-Za-z]", argument) else argument


def parser_of(doc, *options, images=True, summary=True):
    """Return a Parser whose help is `doc`, the docstring of a script, with the options of the classes `options`.

    images : whether the command takes images; or how many, as argparse has it
    summary : whether it has -json, what it did for other programs
    """
    about, _, rest = doc.strip().partition("\n")
    parser = Parser(
        description=about, epilog=rest.strip(), formatter_class=argparse.RawDescriptionHelpFormatter, add_help=False
    )
    parser.add_argument("-h", "-help", action="help", help="show this help and exit")
    version = {"action": "version", "version": f"%(prog)s {__version__}, Python {sys.version.split()[0]}"}
    parser.whole = (parser.add_argument("-version", **version, help="show the version and exit"),)
    if summary:
        words = "print what was done as JSON on standard output, and nothing else there"
        parser.whole += (parser.add_argument("-json", dest="summary", action="store_true", help=words),)
    if images:
        parser.add_argument(
            "images",
            nargs="+" if images is True else images,
            help="FITS images; wildcards; a folder: all images in it; or one list file (.lst, .list), a name per line",
        )
    for each in options:
        each.add_to(parser)
    parser.glances = tuple(each.glance for each in options)
    return parser


def answer_at_once(build_parser):
    """End the process of a command that is asked for its help, or wrongly called, before anything slow is imported.

    Does nothing in any other program that imports the script.
    """
    if Path(sys.argv[0]).stem == Path(sys.modules[build_parser.__module__].__file__).stem:
        for name in ONE_THREAD:
            os.environ.setdefault(name, "1")
        _began[0] = time.monotonic()
        streams.guard()
        build_parser().parse_args()
        loading.as_command()


def so_far_s():
    """Return how long (s) the command of this process has been at work."""
    return time.monotonic() - _began[0]
