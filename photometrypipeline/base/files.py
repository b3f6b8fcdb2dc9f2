"""Files: written next to their place and renamed into it, so that a crash leaves each of them old or new."""

import contextlib
import glob
import hashlib
import logging
import os
import re
import shutil
import sqlite3
import stat
import uuid
from collections.abc import Iterator
from contextvars import ContextVar
from os import PathLike
from pathlib import Path

from photometrypipeline.base.errors import Occupied, errno_of

log = logging.getLogger("pp.files")

NOT_IN_FILE_NAMES = re.compile(r"[\s/()\\:*?\"<>|\x00-\x1f]")
WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
HALF_WRITTEN = re.compile(r"\.[0-9a-f]{32}\.tmp(-journal|-wal|-shm)?$")  # the second kind is SQLite's
BAD_PIXELS = "badpixels.fits"  # the mask that lies next to frames, and is none of them (photometry/badpixels.py)
STACK_FOLDERS = ("skycoadd", "comove")  # of a data set, with what belongs to its stacks
LONGEST_STEM = 120  # most file systems take 255 bytes; endings and prefixes want their share


class _Written:
    """Keeps the paths of all files that are written while somebody wants to know."""

    def __init__(self) -> None:
        self.paths: list[str] | None = None

    def start(self) -> list[str]:
        """Return the list that paths are added to from now on."""
        self.paths = []
        return self.paths

    def stop(self) -> None:
        """Nobody wants to know any more."""
        self.paths = None

    def note(self, path: Path) -> None:
        """Note that a file has been written."""
        if self.paths is not None:
            self.paths.append(os.path.abspath(path))


WRITTEN = _Written()
_together: ContextVar[list[Path] | None] = ContextVar("together", default=None)
SIDE_BY_SIDE = 8  # files that the disk is asked for at the same time


@contextlib.contextmanager
def on_disk_together() -> Iterator[None]:
    """Within the block nobody waits for the disk; behind it all files of the block are there, in a fifth of the time.

    A power failure meanwhile may leave an empty file: for what a step makes, which is made again without its stamp.
    Threads that work in a copy of this context (contextvars.copy_context) take part.  Raises OSError.
    """
    written: list[Path] = []
    token = _together.set(written)
    try:
        yield
    finally:
        _together.reset(token)
        from concurrent.futures import ThreadPoolExecutor  # which `-h` does without

        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            list(pool.map(_wait_for_disk, dict.fromkeys(written)))


def _wait_for_disk(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as written:  # one that was needed for a while only
        os.fsync(written.fileno())


@contextlib.contextmanager
def replacing(path: str | PathLike, at_once: bool = True, precious: bool = False) -> Iterator[Path]:
    """Yield a Path next to `path`; when the block ends well it takes the place of `path`, otherwise it is removed.

    at_once : wait until the content is on the disk; without, a power failure soon after may leave an empty file, which
        is good enough for what can be made again
    precious : it cannot be made again: wait here, even within on_disk_together()
    The permissions of a file that is replaced are kept.  A link is replaced by a file of its own: what it points to
    belongs to somebody else.  Raises OSError where the folder cannot be written to, Occupied where `path` is a folder.
    """
    path = Path(path)
    if path.is_dir() and not path.is_symlink():
        raise Occupied(path)
    if path.is_symlink():
        log.info("%s is a link, and is replaced", path)
        log.warning("links to files become files of their own; what they point to stays as it is")
    elif path.exists() and not path.stat().st_mode & WRITABLE:
        log.info("%s is write-protected, and is replaced", path)
        log.warning("files that are write-protected are replaced as others are, and protected again")
    temporary = path.with_name(f".{path.name[:40]}.{uuid.uuid4().hex}.tmp")
    temporary.touch(exist_ok=False)  # with the permissions of any new file
    try:
        yield temporary
        together = None if precious else _together.get()
        if at_once and together is None:
            _wait_for_disk(temporary)
        if path.exists():
            temporary.chmod(stat.S_IMODE(path.stat().st_mode) | stat.S_IRUSR)  # what is made has to be read again
        os.replace(temporary, path)
        if at_once and together is not None:
            together.append(path)
        WRITTEN.note(path)
    except (OSError, sqlite3.Error) as error:
        if errno_of(error) and not error.errno:  # type: ignore[union-attr]
            raise OSError(errno_of(error), os.strerror(errno_of(error) or 0), str(path)) from error
        known = not isinstance(error, OSError) or error.errno is not None
        if known and getattr(error, "filename", None) in (None, str(temporary)):  # a full disk and SQLite name no file
            error.filename = str(path)  # type: ignore[union-attr]
        raise
    finally:
        temporary.unlink(missing_ok=True)


def put(source: str | PathLike, path: str | PathLike) -> None:
    """Copy the file `source` to `path`, all of it or nothing."""
    with replacing(path) as temporary:
        shutil.copyfile(source, temporary)


@contextlib.contextmanager
def replacing_folder(path: str | PathLike) -> Iterator[Path]:
    """Yield a new folder next to `path`, where there is nothing yet; when the block ends well it becomes `path`.

    What a process that was killed has left of the same is removed first.
    """
    path = Path(path)
    for left in path.parent.glob(f".{glob.escape(path.name[:40])}.*.tmp"):
        if HALF_WRITTEN.search(left.name):
            shutil.rmtree(left, ignore_errors=True)
    temporary = path.with_name(f".{path.name[:40]}.{uuid.uuid4().hex}.tmp")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        temporary.rename(path)
    except OSError as error:
        if str(error.filename).startswith(str(temporary)):
            error.filename = str(path)  # the one that a user has named
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


OURS = re.compile(
    r"(LOG|.*\.(fits?|fts|fz|gz|bz2|xz|zip|ldac|db|dat|csv|txt|json|toml|cat|lst|reg|xml|html|head|ahead|png))$",
    re.IGNORECASE,
)


A_PIPE = "a pipe or a device"


def is_endless(path: str | PathLike) -> bool:
    """Return whether `path` is a pipe, a socket or a device, or a link to one: reading it may never end."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def endless_in(folder: str | PathLike) -> list[Path]:
    """Return the paths of what is_endless in the data set `folder` and has a name that could be one of ours, sorted."""
    odd = []
    for place in map(Path(folder).joinpath, ("", ".diagnostics", ".diagnostics/stamps", *STACK_FOLDERS)):
        with contextlib.suppress(OSError), os.scandir(place) as entries:
            odd += [Path(each.path) for each in entries if not (each.is_file() or each.is_dir())]
    return sorted(path for path in odd if OURS.match(path.name) and is_endless(path))


def sweep(folder: str | PathLike) -> None:
    """Remove what a process that was killed left half-written in the data set `folder`: files and working folders."""
    folder = Path(folder)
    for stack in STACK_FOLDERS:
        if (folder / stack).is_dir():
            sweep(folder / stack)
    for place in (folder, folder / ".diagnostics", folder / ".diagnostics" / "stamps"):
        for path in place.glob(".*.tmp*"):
            if HALF_WRITTEN.search(path.name):
                with contextlib.suppress(OSError):  # a folder that cannot be written to
                    path.unlink(missing_ok=True)
    for path in [*(folder / ".diagnostics").glob("scamp_*"), *folder.glob(".pp_combine_*")]:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)


def write_text(path: str | PathLike, text: str, at_once: bool = True) -> None:
    """Write `text` (str) to `path` as UTF-8, all of it or nothing; `at_once` as in `replacing`."""
    with replacing(path, at_once) as temporary:
        temporary.write_text(text, encoding="utf-8")


def safe_name(name: str) -> str:
    """Return `name` (str, of a target) as a part of a file name: blanks, / ( ) and forbidden characters become _.

    A leading dot would hide the file, an endless name would not fit a file system: the first becomes _ as well, the
    second is cut, and ends with a digest of the whole, so that two long names never share a file.
    """
    safe = NOT_IN_FILE_NAMES.sub("_", str(name).strip())
    safe = re.sub(r"^\.", "_", safe)
    if len(os.fsencode(safe)) > LONGEST_STEM:
        mark = "_" + hashlib.sha256(os.fsencode(str(name))).hexdigest()[:8]
        while len(os.fsencode(safe)) > LONGEST_STEM - len(mark):
            safe = safe[:-1]
        safe += mark
    return safe or "_"


def reference_file(catalog: str) -> str:
    """Return the name of the file with the reference stars of a catalogue (str) that registration and calibration use.

    Whatever becomes of its magnitudes, the file is called as the catalogue was fetched.
    """
    return f"{safe_name(catalog)}.cat"


def stem_of(name: str) -> str:
    """Return the stem of an image name: up to, not including, the last `.fits`; any other name without its ending."""
    name = os.path.basename(str(name))
    position = name.lower().rfind(".fits")
    return name[:position] if position > 0 else os.path.splitext(name)[0]
