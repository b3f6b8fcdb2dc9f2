"""A file for what is too much for memory, shared with copies of this process; nothing is left of it at the end."""

import fcntl
import os
import pickle
import tempfile
import weakref
from typing import Any


class Shelf:
    """Objects in a file that has no name: `put` returns where one lies (offset, length), with which `get` finds it.

    Copies of the process that are made later write to it and read from it too, at the same time.
    """

    def __init__(self) -> None:
        with tempfile.TemporaryFile(prefix="pp_shelf_") as file:
            self._number = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._number)

    def put(self, thing: Any) -> tuple[int, int]:
        """Write an object that can be pickled; return where it lies."""
        content, number = memoryview(pickle.dumps(thing, pickle.HIGHEST_PROTOCOL)), self._number
        fcntl.lockf(number, fcntl.LOCK_EX)
        try:
            offset, written = os.fstat(number).st_size, 0
            while written < len(content):
                written += os.pwrite(number, content[written:], offset + written)
        finally:
            fcntl.lockf(number, fcntl.LOCK_UN)
        return offset, len(content)

    def get(self, place: tuple[int, int]) -> Any:
        """Return the object that lies at a place that `put` has returned."""
        offset, length = place
        return pickle.loads(os.pread(self._number, length, offset))
