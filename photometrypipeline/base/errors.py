"""What can go wrong, one class each; every message is one line that says what, where and what to do.

Trouble that passes (a full disk, a program that crashed) is told apart from what lies in the frames: what was made
while there was any is never taken for up to date.
"""

import contextvars
import errno
import os
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from os import PathLike

OK, FAILED, USAGE, PARTIAL = 0, 1, 2, 3  # exit status of every command
AGAIN = "then run the same command again"


# The lists of all who want to know of passing trouble
_NOTED: contextvars.ContextVar[tuple[list[str], ...]] = contextvars.ContextVar("_NOTED", default=())


@contextmanager
def passing_trouble() -> Iterator[list[str]]:
    """Give a list to which all passing trouble comes that is met inside, even where a way around it is found.

    Threads that work in a copy of this context (contextvars.copy_context) tell as well.
    """
    noted: list[str] = []
    token = _NOTED.set((*_NOTED.get(), noted))
    try:
        yield noted
    finally:
        _NOTED.reset(token)


class PipelineError(Exception):
    """Base of all expected errors; `status` is the exit status of a command that ends with it.

    passing : whether the same command may well succeed later, without a change to its files
    """

    status = FAILED
    passing = False

    def __init__(self, *told: object) -> None:
        super().__init__(*told)
        if self.passing:
            for noted in _NOTED.get():
                noted.append(str(self))


class UsageError(PipelineError):
    """The command line, or the choice of input files, cannot be carried out."""

    status = USAGE


class FrameError(PipelineError):
    """A file cannot be used: `path`, `reason`, and the `remedy` for the user.

    cause : the exception behind it; where the system is to blame for that one, the trouble may pass
    """

    def __init__(self, path: str | PathLike, reason: str, remedy: str = "", cause: BaseException | None = None) -> None:
        self.path, self.reason, self.remedy = str(path), str(reason), str(remedy)
        trouble = of_the_system(cause)
        if trouble:
            self.passing, self.reason, self.remedy = True, f"cannot be read or written: {trouble}", REMEDY
        super().__init__(f"{self.path}: {self.reason}" + (f"; {self.remedy}" if self.remedy else ""))

    def __reduce__(self) -> tuple:
        return FrameError, (self.path, self.reason, self.remedy)


class TelescopeError(PipelineError):
    """An instrument is unknown, or its definition is wrong."""


class UnknownFilter(TelescopeError):
    """The filter of a frame is not in the `filter_translations` of its telescope; `band` : the nearest one, or None."""

    def __init__(self, message: str, band: str | None = None) -> None:
        self.band = band
        super().__init__(message)


class ProgramError(PipelineError):
    """Source Extractor, SCAMP or SWarp is missing, failed, or left something unusable."""

    passing = True


class UnusableResult(ProgramError):
    """A program ended well and left what no retry will mend, for what it was given."""

    passing = False


class SystemTrouble(PipelineError):
    """The system is out of something: disk, memory, files that may be open, permission to write."""

    passing = True


class Occupied(SystemTrouble, IsADirectoryError):
    """A folder, or something else (`what`), lies where a file of that name belongs."""

    def __init__(self, path: str | PathLike, what: str = "a folder") -> None:
        self.what = what
        super().__init__(f"{path} is {what}, where a file belongs; move it away, {AGAIN}")
        self.errno, self.strerror, self.filename = errno.EISDIR, f"is {what}", str(path)

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple:
        return Occupied, (self.filename, self.what)


class InternalError(PipelineError):
    """An error in the pipeline itself."""

    passing = True


class CatalogError(PipelineError):
    """A table of reference stars cannot be read or used; says what is missing."""


class StoreTrouble(CatalogError):
    """A file of the store cannot be used now; it may be locked, or the disk is full."""

    passing = True


class BandNotAvailable(CatalogError):
    """A catalogue has the band neither natively nor by a transformation, or no star of it survives."""


class OutsideSurvey(CatalogError):
    """A field lies where a catalogue has no stars at all; nobody needs to be asked."""


FILL_STORE = "run once with a network, or import a store"


class NotReachable(PipelineError):
    """A service could not be asked or did not answer sensibly; nothing is known about what it would have said.

    at_s : when that was found out, on the clock of time.monotonic
    """

    def __init__(self, service: str, host: str, reason: str, at_s: float | None = None) -> None:
        self.service, self.host, self.reason = service, host, str(reason)[:200]
        self.at_s = time.monotonic() if at_s is None else at_s
        super().__init__(f"{service} ({host}) could not be reached: {self.reason}")


class Offline(NotReachable):
    """A service was not asked, as the user wished, and the local store does not have the answer (`reason`)."""

    def __init__(self, service: str, host: str, reason: str) -> None:
        super().__init__(service, host, reason)
        told = f"{service} is not asked when offline, and the local store lacks {self.reason}; {FILL_STORE}"
        PipelineError.__init__(self, told)


class NotFound(PipelineError):
    """A service answered that nothing of that name exists."""


class Ambiguous(NotFound):
    """A service answered: several things have that name; `candidates` lists them as text."""

    def __init__(self, message: str, candidates: Iterable[str] = ()) -> None:
        self.candidates = list(candidates)
        super().__init__(message)


class TooFewStars(PipelineError):
    """Not enough stars for a fit: `found` and `needed`."""

    def __init__(self, found: int, needed: int, what: str = "reference stars") -> None:
        self.found, self.needed = found, needed
        super().__init__(f"{found} {what}, at least {needed} are needed")


# ---- trouble of the system

REMEDY = f"see to that, {AGAIN}"
NOT_TO_BLAME = (errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EINVAL)
OF_SQLITE = ("disk", "open database file", "readonly", "locked", "out of memory")


def in_words(error: BaseException) -> str:
    """Return what an exception says, on one line: a key that is missing is told so, one that says nothing is named."""
    told = " ".join(str(error.args[0] if isinstance(error, KeyError) and error.args else error).split())
    if isinstance(error, KeyError) and " " not in told:
        return f"{told} is missing"
    return told or type(error).__name__


def errno_of(error: BaseException | None) -> int | None:
    """Return the errno of an OSError, also of one that a library raised again with no more than the text of another."""
    if not isinstance(error, OSError) or error.errno:
        return getattr(error, "errno", None)
    found = re.match(r"\[Errno (\d+)\]", str(error))
    return int(found[1]) if found else None


def of_the_system(error: BaseException | None) -> str:
    """Return in a few words what the system is out of, "" if the `error` tells of something else."""
    number = errno_of(error)
    if number and number not in NOT_TO_BLAME:
        return (getattr(error, "strerror", None) or os.strerror(number)).lower()
    if isinstance(error, MemoryError) or "can't start new thread" in str(error):
        return "not enough memory"
    text = str(error)
    if isinstance(error, sqlite3.OperationalError) and any(word in text for word in OF_SQLITE):
        return f"{text} by another program" if text.endswith("is locked") else text
    return ""
