"""LOG, the file in which all that is done is told, and the messages on the screen."""

import contextlib
import contextvars
import logging
import re
import sys
from collections import Counter
from pathlib import Path

from tqdm import tqdm

from photometrypipeline.base.errors import Occupied
from photometrypipeline.base.locks import hold
from photometrypipeline.base.streams import plain

log = logging.getLogger("pp")

LOG_NAME = "LOG"
SHOWN = 3  # warnings alike on the screen
LOG_FORMAT = "%(filename)s: %(message)s [%(asctime)s]"
PATIENCE_S = 12 * 3600.0  # with another command in the same folder
DATE_FORMAT = "%m/%d/%Y %H:%M:%S"


# Whether what this thread does is told in LOG alone: work for a step to come, which will tell it itself
in_the_background: contextvars.ContextVar[bool] = contextvars.ContextVar("in_the_background", default=False)


class logging_to:
    """Context manager: messages of the pipeline go to LOG in `folder`, warnings and errors also to standard error.

    console : False for a second LOG next to that of the command, which has the console already
    """

    def __init__(self, folder, quiet=False, console=True):
        self.folder, self.quiet, self.console = Path(folder), quiet, console

    def __enter__(self):
        self.before = log.level, log.propagate
        log.setLevel(logging.DEBUG)
        log.propagate = False
        self.handlers = [logging.NullHandler()]  # without any, Python would write warnings to the screen
        if self.console:
            console = _Console()
            console.setLevel(logging.ERROR if self.quiet else logging.WARNING)
            console.setFormatter(_ConsoleFormatter())
            console.addFilter(_Few())
            self.handlers.append(console)
        try:
            if (self.folder / LOG_NAME).is_symlink():
                (self.folder / LOG_NAME).unlink()  # what it points to belongs to somebody else
            if (self.folder / LOG_NAME).exists() and not (self.folder / LOG_NAME).is_file():
                what = "a folder" if (self.folder / LOG_NAME).is_dir() else "a pipe or a device"
                raise Occupied(self.folder / LOG_NAME, what)
            file = _File(self.folder / LOG_NAME, encoding="utf-8", errors="backslashreplace")
            file.setFormatter(_FileFormatter(LOG_FORMAT, DATE_FORMAT))
            self.handlers.append(file)
        except OSError as error:
            tqdm.write(f"WARNING: there is no {LOG_NAME} of this: {error.filename}: {error.strerror}", file=sys.stderr)
        for handler in self.handlers:
            log.addHandler(handler)
        return self

    def wait_for_others(self):
        """Return when no other command is at work in the folder; from then on this one is, as long as LOG is open.

        Raises SystemTrouble if one is for longer than PATIENCE_S.
        """
        for handler in self.handlers:
            if isinstance(handler, logging.FileHandler):
                hold(handler.stream, f"{self.folder} (see {LOG_NAME}) is in use", PATIENCE_S)

    def __exit__(self, *exception):
        for handler in self.handlers:
            log.removeHandler(handler)
            handler.close()
        log.level, log.propagate = self.before


class _File(logging.FileHandler):
    """LOG; where it cannot be written, that is told once, and the work goes on."""

    told = False

    def handleError(self, record):
        error = sys.exc_info()[1]
        if not isinstance(error, OSError | ValueError):
            super().handleError(record)
        elif not self.told:
            self.told = True
            tell(f"WARNING: {self.baseFilename} cannot be written: {getattr(error, 'strerror', None) or error}")

    def close(self):
        try:
            super().close()
        except OSError:  # what it still held does not fit the disk
            self.stream = None


def tell(line):
    """Write a line to standard error, if there is any that takes it."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        tqdm.write(plain(line), file=sys.stderr)


class _Few(logging.Filter):
    """Lets each message pass once, and of warnings that differ in their subject and in numbers alone the first few.

    What holds for every frame alike need not be told for each; LOG has them all.
    """

    def __init__(self):
        super().__init__()
        self.seen, self.alike = set(), Counter()

    def filter(self, record):
        message = record.getMessage()
        if message in self.seen or in_the_background.get():
            return False
        self.seen.add(message)
        kind = _kind(record, message)
        self.alike[kind] += 1
        if self.alike[kind] == SHOWN + 1 and record.levelno < logging.ERROR:
            tell(f"{record.levelname}: more like the last: {LOG_NAME} names them all")
        return self.alike[kind] <= SHOWN or record.levelno >= logging.ERROR


def _kind(record, message):
    """Return what a message has in common with others of its kind: all but "SUBJECT: " and the numbers."""
    by_subject = record.msg.startswith("%s: ") and isinstance(record.args, tuple)
    return re.sub(r"\d+", "#", message[len(str(record.args[0])) :] if by_subject else message)


class _Console(logging.Handler):
    """Writes to standard error, above a progress bar."""

    def emit(self, record):
        tell(self.format(record))


class _FileFormatter(logging.Formatter):
    def format(self, record):
        return plain(super().format(record))


class _ConsoleFormatter(logging.Formatter):
    def format(self, record):
        return f"{record.levelname}: {record.getMessage()}"
