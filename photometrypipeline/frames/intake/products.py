"""Files made from what an observer gave: where they lie, and whether one that is there is still good."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from astropy.io import fits

from photometrypipeline.base.errors import FrameError
from photometrypipeline.base.files import replacing, stem_of
from photometrypipeline.frames import fitsbytes
from photometrypipeline.frames.frame import set_keyword

ORIGIN = "PPFROM"  # name of the file that a product was made from
MARK = "PPFROMID"  # tells the state of that file, and how the product was made
LONGEST_TEXT = 60  # characters that fit into a card with its comment
LOOKED_AT = 1 << 16  # bytes at each end of a file


def product_path(source: Path, part: str = "") -> Path:
    """Return the path of the product of `source` next to it: its stem, and the `part` behind an underscore."""
    return source.with_name(f"{stem_of(source.name)}{'_' if part else ''}{part}.fits")


def is_product(path: Path, source: Path) -> bool:
    """Return whether the file `path` says in its header that it was made from `source`."""
    header = _header(path)
    return header is not None and header.get(ORIGIN) == _short(source)


def make(source: Path, target: Path, way: str, write: Callable[[Path], None]) -> Path:
    """Return `target`, made by `write(temporary path)` unless it is there and was made from `source` the same `way`.

    Raises FrameError where another file has that name: it may be the only copy of something.
    """
    mark = _mark_of(source, way)
    header = _header(target)
    if header is not None and header.get(MARK) == mark:
        return target
    if os.path.lexists(target) and not is_product(target, source):
        raise FrameError(source, f"would become {target.name}, which exists already", "rename one of them")
    with replacing(target) as temporary:
        write(temporary)
        _sign(temporary, source, mark)
    return target


def is_text(name: str) -> bool:
    """Return whether a file name is text: bytes that are none in UTF-8 would fit neither tables nor databases."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def copy_with_plain_name(source: Path) -> Path:
    """Return the path of a copy of `source` whose name is text, an underscore for each byte that is none.

    Raises FrameError.
    """
    name = source.name.encode("utf-8", errors="replace").decode().replace("?", "_")
    return make(source, source.with_name(name), "copied", lambda temporary: _copy(source, temporary))


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def _sign(path, source, mark):
    """Put the origin into the first header of a file that nobody knows yet."""
    with open(path, "rb") as stream:
        raw = fitsbytes.read_raw_header(stream)
        rest = stream.read()
    header = fitsbytes.parse(raw)
    header.remove("CHECKSUM", ignore_missing=True)
    set_keyword(header, ORIGIN, _short(source), "the file that this was made from")
    set_keyword(header, MARK, mark, "state of that file")
    path.write_bytes(fitsbytes.header_bytes(header, raw, path) + rest)


def _short(source):
    plain = source.name.encode("ascii", errors="ignore").decode()
    if plain == source.name and len(plain) <= LONGEST_TEXT:
        return plain
    return f"{hashlib.sha256(os.fsencode(source.name)).hexdigest()[:12]}_{plain[-40:]}"


def _mark_of(source, way):
    """Return a text for the content of a file: its size and both ends, since reading all of it takes too long."""
    size = source.stat().st_size
    with open(source, "rb") as stream:
        ends = stream.read(LOOKED_AT)
        stream.seek(max(size - LOOKED_AT, 0))
        ends += stream.read(LOOKED_AT)
    return hashlib.sha256(f"{way} {size} ".encode() + ends).hexdigest()[:20]


def _header(path):
    """Return the first header of a FITS file, None if there is none."""
    try:
        with open(path, "rb") as stream:
            if stream.read(9) != b"SIMPLE  =":
                return None
            stream.seek(0)
            return fitsbytes.parse(fitsbytes.read_raw_header(stream))
    except (OSError, EOFError, ValueError, fits.VerifyError):
        return None
