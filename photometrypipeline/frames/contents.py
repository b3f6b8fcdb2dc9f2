"""What files hold, as digests; a file is read again only if its size, its time or its inode have changed.

A frame has three: of its whole header, of the header without what pp_photometry writes there, and of all bytes behind
the header, which the pipeline never changes.
"""

import hashlib
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from photometrypipeline.base import jsonfile
from photometrypipeline.frames import fitsbytes

log = logging.getLogger("pp.contents")

MEASUREMENT = ("PHOTMODE", "APRAD", "APIDX")  # keywords of pp_photometry: for the steps before it they do not count
SETTLED_NS = 100_000_000  # a file this young may change once more within one tick of the clock of its file system


def digest(data):
    """Return a short text that stands for `data` (bytes or str)."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()[:24]


def signature(status):
    """Return (size, mtime_ns, inode) of an os.stat_result: as long as they are the same, so is the file."""
    return status.st_size, status.st_mtime_ns, status.st_ino


class Contents:
    """Digests of the files of one data set; those of large files are kept in `path` (JSON) from run to run.

    definitions : {key of a telescope: digest of all that is known of it}, see runs/recipes.py
    """

    def __init__(self, path):
        self.path, self.definitions = Path(path), {}
        try:
            kept = jsonfile.read(self.path) or {}
            self._kept = {name: (tuple(entry[:3]), str(entry[3])) for name, entry in kept.items()}
        except (TypeError, AttributeError, LookupError):  # of another version
            self._kept = {}

    def of_file(self, path):
        """Return the digest of a file, None if there is none."""
        try:
            with open(path, "rb") as stream:
                return self._digest(path, stream)
        except OSError:
            return None

    def of_frame(self, path):
        """Return [header, header without MEASUREMENT, what is behind it], None for a file that is not there.

        What is not a FITS file has no header, and all of it counts as behind it.
        """
        try:
            with open(path, "rb") as stream:
                try:
                    raw = fitsbytes.read_raw_header(stream)
                except EOFError:
                    stream.seek(0)
                    return ["", "", self._digest(path, stream)]
                lasting = [line for line in fitsbytes.lines(raw) if _keyword(line) not in MEASUREMENT]
                return [digest(raw), digest(b"".join(lasting).rstrip()), self._digest(path, stream)]
        except OSError:
            return None

    def of_frames(self, paths, jobs=1):
        """Return {name: digests as `of_frame` has them} for `paths` {name: path}, `jobs` at a time."""
        with ThreadPoolExecutor(max_workers=jobs) as pool:
            return dict(zip(paths, pool.map(self.of_frame, paths.values()), strict=True))

    def follow(self, frames):
        """Take over what the Frames know of new headers: the bytes behind them are the old ones."""
        for frame in frames:
            key = _key(frame.path, behind_header=True)
            for before, after in frame.replaced:
                old_sign, found = self._kept.get(key, (None, None))
                if old_sign == before:
                    self._kept[key] = after, found

    def _digest(self, path, stream):
        """Return the digest of the rest of `stream`, from memory where the file is the same."""
        sign, key = signature(os.fstat(stream.fileno())), _key(path, stream.tell() > 0)
        old_sign, old = self._kept.get(key, (None, None))
        found = old if old_sign == sign else None
        if found is None:
            found = hashlib.file_digest(stream, "sha256").hexdigest()[:24]
        self._kept[key] = sign, found
        return found

    def save(self):
        """Keep the digests for later runs, but for files that are so young that a change might go unseen."""
        settled = time.time_ns() - SETTLED_NS
        kept = {name: [*sign, found] for name, (sign, found) in self._kept.items() if sign[1] < settled}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        jsonfile.write(self.path, kept, at_once=False)


def _key(path, behind_header):
    return f"{os.path.abspath(path)}|{behind_header:d}"


def _keyword(line):
    return line[:8].rstrip().decode("ascii", errors="replace")
