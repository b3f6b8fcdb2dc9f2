"""FITS_LDAC, the source lists that Source Extractor writes and SCAMP reads.

HDU 0 is empty, HDU 1 (`LDAC_IMHEAD`) holds the header of the image as text, HDU 2 (`LDAC_OBJECTS`) one row per source.
"""

from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from astropy.table import Table

from photometrypipeline.errors import FrameError
from photometrypipeline.files import replacing

CARD = 80  # characters


@dataclass
class SourceList:
    """A source list: `header` (fits.Header of the image when it was measured) and `table` (astropy Table)."""

    header: fits.Header
    table: Table

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
        return SourceList(self.header, self.table[rows])


def read(path, max_flags=None):
    """Return the SourceList in the file `path`; with `max_flags` only sources whose FLAGS are not larger.

    Raises FrameError for a file that is missing, cut short, or holds no table of sources.
    """
    try:
        with fits.open(path, memmap=False) as hdus:
            names = [hdu.name for hdu in hdus]
            if "LDAC_OBJECTS" not in names or "LDAC_IMHEAD" not in names:
                raise FrameError(path, "is no source list (FITS_LDAC)", "run pp_extract on its image again")
            header = _header_from_text(hdus["LDAC_IMHEAD"].data)
            data = hdus["LDAC_OBJECTS"].data
            table = Table({name: _native(data[name]) for name in data.names}, copy=False)
            table.meta = {column.name: (column.unit, column.disp) for column in data.columns}  # as text, for `write`
    except FileNotFoundError:
        raise FrameError(path, "does not exist", "run pp_extract or pp_photometry on its image first") from None
    except (OSError, ValueError, TypeError, IndexError) as error:
        raise FrameError(path, f"cannot be read as a source list ({error})", "run pp_extract again") from None
    if max_flags is not None:
        table = table[np.asarray(table["FLAGS"]) <= max_flags]
    return SourceList(header, table)


def _native(column):
    """Return a FITS column as an array in the machine's byte order, which numpy computes with faster."""
    column = np.asarray(column)
    return column.astype(column.dtype.newbyteorder("="))


def _header_from_text(record):
    # trailing blanks are lost on reading: cards are filled up to 80 characters again
    cards = [str(card).ljust(CARD) for card in np.ravel(record[0][0])]
    text = "".join(cards)
    return fits.Header.fromstring(text + " " * (-len(text) % CARD), sep="")


def write(path, sources):
    """Write a SourceList to `path`, in the layout of Source Extractor, beside and renamed."""
    cards = sources.header.tostring(sep="", endcard=True, padding=False)
    # as bytes: astropy ends texts with NUL instead of blanks, and SCAMP crashes without an END card of 80 characters
    text = np.frombuffer(cards.encode("ascii", "replace"), dtype=np.uint8)[np.newaxis]
    imhead = fits.BinTableHDU.from_columns(
        [fits.Column(name="Field Header Card", format=f"{len(cards)}B", array=text)], name="LDAC_IMHEAD"
    )
    imhead.header.set("TDIM1", f"({CARD}, {len(cards) // CARD})", after="TFORM1")
    columns = [_column(sources.table[name], sources.table.meta) for name in sources.table.colnames]
    objects = fits.BinTableHDU.from_columns(columns, name="LDAC_OBJECTS")
    with replacing(path) as temporary:
        fits.HDUList([fits.PrimaryHDU(), imhead, objects]).writeto(temporary, overwrite=True)
        as_bytes, as_text = (f"TFORM1  = '{len(cards)}{kind}".encode() for kind in "BA")
        temporary.write_bytes(temporary.read_bytes().replace(as_bytes, as_text, 1))


def _column(column, shown_as):
    kinds = {"f4": "E", "f8": "D", "i2": "I", "i4": "J", "i8": "K"}
    values = np.asarray(column)
    per_row = 1 if values.ndim == 1 else values.shape[1]
    unit, display = shown_as.get(column.name, (None, None))
    return fits.Column(
        name=column.name, format=f"{per_row}{kinds[values.dtype.str[1:]]}", unit=unit, disp=display, array=values
    )
