"""Standard output and error of a command, where a reader may go away (`| head -1`) and a disk may be full.

Results are files: what cannot be said any more is no reason to leave work undone.
"""

import contextlib
import os
import re
import sys
from typing import Any, TextIO

from photometrypipeline.base.errors import FAILED, OK, PARTIAL

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")  # all but tab and the end of a line


def plain(text: str) -> str:
    """Return `text` with its control characters as one would write them (`\\x1b`).

    What a header, a file, a program or a service says may be shown, and shall not steer the terminal.
    """
    return CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def boxed(lines: list[str]) -> list[str]:
    """Return lines with a box around them."""
    width = max((len(line) for line in lines), default=0)
    edge = "#" * (width + 4)
    return [edge, *(f"# {line.ljust(width)} #" for line in lines), edge] if lines else []


class Stream:
    """A stream that takes whatever is written; from the first trouble on nobody reads it, and `trouble` is the error.

    number : of its file descriptor.  Text on standard output is `plain`; standard error has progress bars, which steer
    """

    def __init__(self, stream: TextIO, number: int) -> None:
        self._stream, self._number = stream, number
        self.trouble: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write `text`; returns its length."""
        try:
            self._stream.write(plain(text) if self._number == 1 else text)
        except OSError as error:
            self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Hand on what is written."""
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self.trouble = self.trouble or error
        nowhere(self._number)  # also for what is still in the buffer, and for programs started from here
        with contextlib.suppress(OSError):
            self._stream.flush()


def nowhere(number: int) -> None:
    """Make the file descriptor `number` one that takes everything and keeps nothing."""
    null = os.open(os.devnull, os.O_RDWR)
    if null != number:
        os.dup2(null, number)
        os.close(null)


def guard() -> None:
    """Let standard output and error of this process be Streams; those that were closed before it began go nowhere.

    A closed one would be the number of the next file that is opened, which messages would then be written into.
    """
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            nowhere(number)
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115  as long as the process
        if not isinstance(getattr(sys, name), Stream):
            setattr(sys, name, Stream(getattr(sys, name), number))


def ended(status: int) -> int:
    """Return the exit status of a command that would have ended with `status`: output that was lost is a failure.

    A reader that went away has had enough: that is none.
    """
    if not isinstance(sys.stdout, Stream):
        return status
    sys.stdout.flush()
    trouble = sys.stdout.trouble
    if trouble is None or isinstance(trouble, BrokenPipeError):
        return status
    reason = (trouble.strerror or str(trouble)).lower()
    sys.stderr.write(f"ERROR: standard output cannot be written: {reason}; files are as they should be\n")
    return FAILED if status in (OK, PARTIAL) else status
