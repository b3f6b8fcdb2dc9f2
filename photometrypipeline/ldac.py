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
            for column in data.columns:
                table[column.name].unit = column.unit
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
    """Write a SourceList to `path`, in the layout of Source Extractor, beside and renamed.

    A missing unit or a column of vectors (twenty apertures) are written as Source Extractor would.
    """
    cards = sources.header.tostring(sep="", endcard=True, padding=False)
    number = len(cards) // CARD
    imhead = fits.BinTableHDU.from_columns(
        [fits.Column(name="Field Header Card", format=f"{number * CARD}A", dim=f"({CARD},{number})", array=_one_row(cards))],
        name="LDAC_IMHEAD",
    )
    objects = fits.BinTableHDU.from_columns([_column(sources.table[name]) for name in sources.table.colnames], name="LDAC_OBJECTS")
    with replacing(path) as temporary:
        fits.HDUList([fits.PrimaryHDU(), imhead, objects]).writeto(temporary, overwrite=True)


def _one_row(cards):
    rows = [cards[start : start + CARD] for start in range(0, len(cards), CARD)]
    return np.array([rows], dtype=f"S{CARD}")


def _column(column):
    kinds = {"f4": "E", "f8": "D", "i2": "I", "i4": "J", "i8": "K"}
    values = np.asarray(column)
    per_row = "" if values.ndim == 1 else str(values.shape[1])
    unit = str(column.unit) if column.unit is not None else None
    return fits.Column(name=column.name, format=f"{per_row or 1}{kinds[values.dtype.str[1:]]}", unit=unit, array=values)
