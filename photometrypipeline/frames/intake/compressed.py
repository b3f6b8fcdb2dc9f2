"""Compressed images: gzip, bzip2, xz, zip, and FITS tiles (fpack)."""

import bz2
import gzip
import lzma
import shutil
import zipfile
import zlib
from pathlib import Path

from astropy.io import fits

from photometrypipeline.base.errors import FrameError, in_words
from photometrypipeline.frames.hdus import QUALITY_PLANES, UNREADABLE
from photometrypipeline.frames.intake import products

ENDINGS = (".gz", ".bz2", ".xz", ".fz", ".zip")
DAMAGED = (*UNREADABLE, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, RuntimeError)


def is_compressed(path: Path) -> bool:
    """Return whether the name of a file says that it is compressed."""
    return path.suffix.lower() in ENDINGS


def unpack(path: Path) -> Path:
    """Return the path of the unpacked image next to `path`, which stays.  Raises FrameError for a damaged file."""
    if not path.exists():
        raise FrameError(path, "does not exist", "check its name")
    bare = path.with_suffix("")
    named = bare.suffix.lower() in (".fits", ".fit", ".fts", ".fits_bayer", ".new")
    target = products.product_path(bare if named else bare.with_name(f"{bare.name}.fits"))
    way = _of_tiles if path.suffix.lower() == ".fz" else _of_bytes
    try:
        return products.make(path, target, "unpacked", lambda temporary: way(path, temporary))
    except DAMAGED as error:
        if isinstance(error, FrameError):
            raise
        reason = f"cannot be unpacked ({in_words(error)})"
        raise FrameError(path, reason, "it may be damaged; copy it again", error) from None


def _of_bytes(path, temporary):
    with _opened(path) as packed, open(temporary, "wb") as plain:
        shutil.copyfileobj(packed, plain, length=1 << 22)
    with open(temporary, "rb") as plain:
        if plain.read(9) != b"SIMPLE  =":
            raise FrameError(path, "holds something other than a FITS file", "remove it from the list")


def _opened(path):
    ending = path.suffix.lower()
    if ending == ".gz":
        return gzip.open(path, "rb")
    if ending == ".bz2":
        return bz2.open(path, "rb")
    if ending == ".xz":
        return lzma.open(path, "rb")
    archive = zipfile.ZipFile(path)
    names = [name for name in archive.namelist() if not name.endswith("/")]
    if len(names) != 1:
        raise FrameError(path, f"holds {len(names)} files", "unpack it first")
    return archive.open(names[0])


def _of_tiles(path, temporary):
    """Write the HDUs of a tile-compressed file as plain ones, but for masks and errors; integers stay what they are."""
    with fits.open(path, memmap=False, uint=True) as hdus:
        wanted = [hdu for hdu in hdus if hdu.name.upper() not in QUALITY_PLANES]
        plain = [
            fits.ImageHDU(hdu.data, hdu.header) if isinstance(hdu, fits.CompImageHDU) else hdu.copy() for hdu in wanted
        ]
    if not isinstance(plain[0], fits.PrimaryHDU):
        plain.insert(0, fits.PrimaryHDU())
    with open(temporary, "wb") as stream:
        fits.HDUList(plain).writeto(stream, output_verify="silentfix+ignore")
