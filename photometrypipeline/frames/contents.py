"""What files hold, as digests; a file is read again only if its size, its time or its inode have changed.

A frame has three: of its whole header, of the header without what pp_photometry writes there, and of all bytes behind
the header, which the pipeline never changes.
"""

import hashlib
import json
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from photometrypipeline.base.files import write_text
from photometrypipeline.frames import fitsbytes

log = logging.getLogger("pp.contents")

MEASUREMENT = ("PHOTMODE", "APRAD", "APIDX")  # keywords of pp_photometry: for the steps before it they do not count
SETTLED_NS = 100_000_000  # a file this young may change once more within one tick of the clock of its file system
_behind_header: dict = {}  # {signature: digest} of images whose header this process has replaced


def digest(data):
    """Return a short text that stands for `data` (bytes or str)."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()[:24]


def signature(status):
    """Return (size, mtime_ns, inode) of an os.stat_result: as long as they are the same, so is the file."""
    return status.st_size, status.st_mtime_ns, status.st_ino


def header_replaced(before, after):
    """Note that an image with the status `before` got a new header and has the status `after`, its pixels copied."""
    known = _behind_header.pop(signature(before), None)
    if known:
        _behind_header[signature(after)] = known


class Contents:
    """Digests of the files of one data set; those of large files are kept in `path` (JSON) from run to run."""

    def __init__(self, path):
        self.path = Path(path)
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            self._kept = {name: (tuple(entry[:3]), str(entry[3])) for name, entry in kept.items()}
        except (OSError, ValueError, TypeError, AttributeError, LookupError):
            self._kept = {}

    def of_file(self, path):
        """Return the digest of a file, None if there is none."""
        try:
            with open(path, "rb") as stream:
                return self._digest(path, stream, {})
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
                    return ["", "", self._digest(path, stream, {})]
                lasting = [line for line in fitsbytes.lines(raw) if _keyword(line) not in MEASUREMENT]
                return [digest(raw), digest(b"".join(lasting).rstrip()), self._digest(path, stream, _behind_header)]
        except OSError:
            return None

    def of_frames(self, paths, jobs=1):
        """Return {name: digests as `of_frame` has them} for `paths` {name: path}, `jobs` at a time."""
        with ThreadPoolExecutor(max_workers=jobs) as pool:
            return dict(zip(paths, pool.map(self.of_frame, paths.values()), strict=True))

    def _digest(self, path, stream, elsewhere):
        """Return the digest of the rest of `stream`, from memory where the file is the same."""
        path, sign = os.path.abspath(path), signature(os.fstat(stream.fileno()))
        key = f"{path}|{stream.tell() > 0:d}"
        old_sign, old = self._kept.get(key, (None, None))
        found = elsewhere.get(sign) or (old if old_sign == sign else None)
        if found is None:
            found = hashlib.file_digest(stream, "sha256").hexdigest()[:24]
        if elsewhere is _behind_header:
            elsewhere[sign] = found
        self._kept[key] = sign, found
        return found

    def save(self):
        """Keep the digests for later runs, but for files that are so young that a change might go unseen."""
        settled = time.time_ns() - SETTLED_NS
        kept = {name: [*sign, found] for name, (sign, found) in self._kept.items() if sign[1] < settled}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.path, json.dumps(kept, indent=0) + "\n")


def _keyword(line):
    return line[:8].rstrip().decode("ascii", errors="replace")
