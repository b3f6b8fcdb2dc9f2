"""FITS_LDAC, the source lists that Source Extractor writes and SCAMP reads.

HDU 0 is empty, HDU 1 (`LDAC_IMHEAD`) holds the header of the image as text, HDU 2 (`LDAC_OBJECTS`) one row per source.
"""

import logging
import re

import numpy as np
from astropy.io import fits

from photometrypipeline.base.errors import FrameError
from photometrypipeline.base.files import replacing
from photometrypipeline.frames import fitsbytes
from photometrypipeline.frames.columns import Columns

log = logging.getLogger("pp.ldac")

CARD = 80  # characters
PLACES = ("XWIN_WORLD", "YWIN_WORLD", "XWIN_IMAGE", "YWIN_IMAGE")
MOST, LEAST_WHOLE = 1e7, 0.9  # the largest value that any of them can have; fraction of the sources that must be whole
PROGRAM_FLAGS = 0xFF  # the bits of FLAGS that are Source Extractor's; higher ones are ours
KINDS = {"E": ">f4", "D": ">f8", "I": ">i2", "J": ">i4", "K": ">i8", "B": "|u1"}  # by the letter of TFORM
FORM = re.compile(rf"(\d*)([{''.join(KINDS)}])")


class SourceList:
    """A source list: `header` (fits.Header of the image when it was measured) and `table` (Columns).

    The header may be given as the raw bytes of one, which are read when it is asked for: it takes more memory than the
    sources of a small frame.
    """

    def __init__(self, header: fits.Header | bytes, table: Columns):
        self._header, self.table = header, table

    @property
    def header(self) -> fits.Header:
        """Header of the image when it was measured."""
        if isinstance(self._header, bytes):
            self._header = fitsbytes.parse(self._header)
        return self._header

    @header.setter
    def header(self, header: fits.Header) -> None:
        self._header = header

    def __len__(self):
        return len(self.table)

    @property
    def ra_deg(self):
        """Right ascension of the windowed centroids, deg, in [0, 360), shape (n,)."""
        return np.mod(np.asarray(self.table["XWIN_WORLD"], dtype=float), 360.0)

    @property
    def dec_deg(self):
        """Declination of the windowed centroids, deg, shape (n,)."""
        return np.asarray(self.table["YWIN_WORLD"], dtype=float)

    def select(self, rows):
        """Return a SourceList with the `rows` (bool mask or indices) alone."""
        return SourceList(self._header, self.table[rows])


def read(path, max_flags=None):
    """Return the SourceList in the file `path`; with `max_flags` only sources whose FLAGS are not larger.

    Source Extractor's own bits count alone: a source on bad pixels is no worse for a list of what stands on a frame.

    Raises FrameError for a file that is missing, cut short, or holds no table of sources.
    """
    try:
        hdus = {header.get("EXTNAME"): (header, data) for header, data in _hdus(path)}
        if "LDAC_OBJECTS" not in hdus or "LDAC_IMHEAD" not in hdus:
            raise FrameError(path, "is not a source list (FITS_LDAC)", "run pp_extract on its image again")
        header = hdus["LDAC_IMHEAD"][1].replace(b"\0", b" ")
        table = _checked(_table(*hdus["LDAC_OBJECTS"]), path)
    except FileNotFoundError:
        raise FrameError(path, "does not exist", "run pp_extract or pp_photometry on its image first") from None
    except FrameError:
        raise
    except Exception as error:  # noqa: BLE001  damage has many faces
        raise FrameError(path, f"cannot be read as a source list ({error})", "run pp_extract again", error) from None
    if max_flags is not None:
        table = table[np.asarray(table["FLAGS"]) & PROGRAM_FLAGS <= max_flags]
    return SourceList(header, table)


def _checked(table, path):
    """Return Columns without the sources that have no place, which Source Extractor never writes: damage, and told.

    Raises ValueError where that is more than a few.
    """
    values = [np.asarray(table[name], dtype=float) for name in PLACES if name in table.colnames]
    if not (values and len(table)):
        return table
    placed = np.logical_and.reduce([np.isfinite(each) & (np.abs(each) < MOST) for each in values])
    if placed.all():
        return table
    if placed.mean() < LEAST_WHOLE:
        raise ValueError(f"{np.sum(~placed)} of its {len(table)} sources have no place")
    log.warning("%s: %d of %d sources have no place and are left out", path, np.sum(~placed), len(table))
    return table[placed]


def _hdus(path):
    """Yield (values of its header by keyword, data as bytes) of each HDU; far faster than with astropy's objects."""
    with open(path, "rb") as stream:
        end = stream.seek(0, 2)
        stream.seek(0)
        while stream.tell() < end:
            header = fitsbytes.plain(fitsbytes.read_raw_header(stream))
            size = fitsbytes.data_bytes(header)
            data = stream.read(size)
            if len(data) < size:
                raise ValueError("it is truncated")
            stream.seek(-size % fitsbytes.BLOCK, 1)
            yield header, data


def _table(header, data):
    """Return the Columns in a binary table; `meta` has unit and TDISP of each column as text, for `write`."""
    fields, meta = [], {}
    for n in range(1, header["TFIELDS"] + 1):
        name, form = header[f"TTYPE{n}"], FORM.fullmatch(header[f"TFORM{n}"].strip())
        if form is None or f"TZERO{n}" in header or f"TSCAL{n}" in header:
            raise ValueError(f"column {name} has a format that Source Extractor does not write")
        number = int(form[1] or 1)
        fields.append((name, KINDS[form[2]], () if number == 1 else (number,)))
        meta[name] = header.get(f"TUNIT{n}"), header.get(f"TDISP{n}")
    rows = np.frombuffer(data, dtype=fields, count=header["NAXIS2"])
    # in the machine's byte order, which numpy computes with faster
    return Columns({name: rows[name].astype(rows[name].dtype.newbyteorder("=")) for name in meta}, meta)


def write(path, sources):
    """Write a SourceList to `path`, in the layout of Source Extractor, written under another name and renamed."""
    # SCAMP crashes where the text does not end with an END card of 80 characters
    cards = sources.header.tostring(sep="", endcard=True, padding=False).encode("ascii", "replace")
    size = len(cards)
    imhead = [("TTYPE1", "Field Header Card"), ("TFORM1", f"{size}A"), ("TDIM1", f"({CARD}, {size // CARD})")]
    content = [fits.PrimaryHDU().header.tostring().encode(), _binary_table("LDAC_IMHEAD", imhead, (size, 1, 1), cards)]
    table, described = sources.table, []
    rows = np.empty(len(table), dtype=[_field(name, table[name]) for name in table.colnames])
    for n, name in enumerate(table.colnames, start=1):
        rows[name] = table[name]
        kind = next(kind for kind, dtype in KINDS.items() if dtype == rows.dtype[name].base.str)
        unit, display = table.meta.get(name, (None, None))
        described += [(f"TTYPE{n}", name), (f"TFORM{n}", f"{int(np.prod(rows.dtype[name].shape))}{kind}")]
        described += [(f"TUNIT{n}", unit)] * bool(unit) + [(f"TDISP{n}", display)] * bool(display)
    content.append(
        _binary_table("LDAC_OBJECTS", described, (rows.dtype.itemsize, len(rows), len(table.colnames)), rows.tobytes())
    )
    with replacing(path) as temporary:
        temporary.write_bytes(b"".join(content))


def _field(name, column):
    """Return (name, dtype, shape) of a column as it stands in a FITS file."""
    values = np.asarray(column)
    return name, values.dtype.newbyteorder(">"), values.shape[1:]


def _binary_table(name, cards, size, data):
    """Return a binary table extension as bytes, whole blocks.

    cards : describe its columns;  size : (bytes per row, rows, columns)
    """
    layout = [("XTENSION", "BINTABLE"), ("BITPIX", 8), ("NAXIS", 2), ("NAXIS1", size[0]), ("NAXIS2", size[1])]
    layout += [("PCOUNT", 0), ("GCOUNT", 1), ("TFIELDS", size[2]), ("EXTNAME", name)]
    return fitsbytes.plain_header([*layout, *cards]) + fitsbytes.padded(data)
