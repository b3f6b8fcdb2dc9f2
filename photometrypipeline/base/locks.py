"""Locks between processes: one at a time, given back whatever happens to the one who holds it.

Who has to wait says for whom, and gives up in the end: a process that was stopped (Ctrl-Z) holds its locks for ever.
"""

import contextlib
import logging
import os
import time
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import IO

from photometrypipeline.base.errors import SystemTrouble

log = logging.getLogger("pp.locks")

PATIENCE_S = 3600.0  # for what others fetch or write
TOLD_AFTER_S = 10.0
LONGEST_PAUSE_S = 0.2


@contextlib.contextmanager
def locked(path: str | PathLike, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Hold the lock on the file `path`, made if missing, after waiting for it; where there are none, go on without.

    Raises SystemTrouble naming the process that has it after `patience_s`.
    """
    path = Path(path)
    with contextlib.ExitStack() as stack:
        try:
            import fcntl  # noqa: F401

            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            stack.callback(os.close, handle)  # closing gives the lock back, and so does dying
            wait_for(handle, f"{path} is in use", patience_s)
        except (ImportError, OSError) as error:
            log.debug("cannot lock %s: %s", path, error)
        yield


def hold(stream: IO, why: str, patience_s: float, told_after_s: float = 0.0) -> None:
    """Lock the open file `stream` until it is closed; where there are no locks, go on without.

    why : what is told if it is held by another process for `told_after_s`.  Raises SystemTrouble after `patience_s`.
    """
    try:
        wait_for(stream.fileno(), why, patience_s, told_after_s)
    except (ImportError, OSError) as error:
        log.debug("cannot lock %s: %s", stream.name, error)


def wait_for(handle: int, why: str, patience_s: float, told_after_s: float = TOLD_AFTER_S) -> None:
    """Lock an open file (descriptor), after waiting for who has it.  Raises SystemTrouble, OSError, ImportError."""
    import fcntl

    began, told, pause_s = time.monotonic(), False, 0.005
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited_s = time.monotonic() - began
        if waited_s >= patience_s:
            raise SystemTrouble(
                f"{why} by {holder(handle)}, for longer than {patience_s / 60:.0f} min; wait until it has ended, "
                "or end it, then run the same command again"
            )
        if not told and waited_s >= told_after_s:
            told = True
            log.warning("%s by %s; waiting for it to end", why, holder(handle))
        time.sleep(min(pause_s, max(patience_s - waited_s, 0.001)))
        pause_s = min(1.5 * pause_s, LONGEST_PAUSE_S)


def holder(handle: int) -> str:
    """Return in words which process has the lock on an open file, as far as the system says it (Linux does)."""
    number = os.fstat(handle).st_ino
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/locks").read_text().splitlines():
            words = line.split()
            if words[1] == "FLOCK" and int(words[5].rsplit(":", 1)[1]) == number:
                argv = Path(f"/proc/{words[4]}/cmdline").read_bytes().decode(errors="replace").split("\0")
                named = [os.path.basename(word) for word in argv if "pp" in os.path.basename(word)]
                return f"process {words[4]}" + (f" ({named[0]})" if named else "")
    return "another process"
