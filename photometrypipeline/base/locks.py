"""Locks between processes: one at a time, given back whatever happens to the one who holds it."""

import contextlib
import logging
import os
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import IO

log = logging.getLogger("pp.locks")


@contextlib.contextmanager
def locked(path: str | PathLike) -> Iterator[None]:
    """Hold the lock on the file `path`, made if missing, after waiting for it; where there are none, go on without."""
    path = Path(path)
    with contextlib.ExitStack() as stack:
        try:
            import fcntl

            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            stack.callback(os.close, handle)  # closing gives the lock back, and so does dying
            fcntl.flock(handle, fcntl.LOCK_EX)
        except (ImportError, OSError) as error:
            log.debug("cannot lock %s: %s", path, error)
        yield


def hold(stream: IO, wait: bool = True) -> bool:
    """Lock the open file `stream` until it is closed; returns whether that was possible, at once or after waiting.

    True as well where there are no locks.
    """
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:
        log.debug("cannot lock %s: %s", stream.name, error)
    return True
