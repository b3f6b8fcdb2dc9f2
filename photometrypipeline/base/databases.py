"""SQLite databases that are read as they are, and new ones in the place of old ones; in folders of any depth.

SQLite opens no file whose path has more than 504 bytes, whatever links lead there.  Such a database is read into memory
as a whole, and a new one is written from there.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from photometrypipeline.base.files import replacing

LONGEST_PATH = 490  # bytes; SQLite adds endings of its own to the name
WRITE_AHEAD = slice(18, 20)  # bytes of the head of a file that say how it is written, 1: with a rollback journal


@contextlib.contextmanager
def new_database(path: str | PathLike) -> Iterator[sqlite3.Connection]:
    """Yield a connection to an empty database, which takes the place of `path` when the block ends well.

    It keeps no journal and waits for the disk once, at the end: whoever is interrupted leaves the old file as it was.
    """
    with replacing(path) as temporary:
        far = is_far(temporary)
        with contextlib.closing(sqlite3.connect(":memory:" if far else temporary)) as connection:
            with connection:
                connection.executescript("pragma journal_mode = off; pragma synchronous = off")
                yield connection
            if far:
                temporary.write_bytes(connection.serialize())


def opened(path: str | PathLike, more: str = "", **settings) -> sqlite3.Connection:
    """Return a connection to the database `path` that changes nothing there.  Raises sqlite3.Error.

    more : what else its address says, such as `&immutable=1`;  settings : of sqlite3.connect
    """
    if not is_far(path):
        return sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro{more}", uri=True, **settings)
    connection = sqlite3.connect(":memory:", **settings)
    try:
        content = bytearray(Path(path).read_bytes())
        content[WRITE_AHEAD] = b"\1\1"  # else it would look for a log next to it
        connection.deserialize(bytes(content))
    except OSError as error:
        connection.close()
        raise sqlite3.OperationalError(f"unable to open database file: {error.strerror}") from None
    return connection


def is_far(path: str | PathLike) -> bool:
    """Return whether the path of a file is too long for SQLite."""
    return len(os.fsencode(os.path.realpath(path))) > LONGEST_PATH
