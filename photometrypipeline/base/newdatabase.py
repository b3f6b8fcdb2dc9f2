"""A new SQLite database in the place of an old one."""

import contextlib
import sqlite3
from collections.abc import Iterator
from os import PathLike

from photometrypipeline.base.files import replacing


@contextlib.contextmanager
def new_database(path: str | PathLike) -> Iterator[sqlite3.Connection]:
    """Yield a connection to an empty database, which takes the place of `path` when the block ends well.

    It keeps no journal and waits for the disk once, at the end: whoever is interrupted leaves the old file as it was.
    """
    with replacing(path) as temporary, contextlib.closing(sqlite3.connect(temporary)) as connection, connection:
        connection.executescript("pragma journal_mode = off; pragma synchronous = off")
        yield connection
