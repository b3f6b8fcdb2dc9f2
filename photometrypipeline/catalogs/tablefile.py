"""The table in a file of any form in which archives and programs export one, told by what the file begins with.

FITS, VOTable, ECSV, IPAC, the machine-readable tables of journals, text with any separator; packed by gzip or not.
"""

import csv
import gzip
import io
import logging
import re
import warnings
import zlib
from pathlib import Path

from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import ascii as text_tables
from astropy.io import fits
from astropy.table import Column, Table
from astropy.time import Time
from astropy.utils.exceptions import AstropyWarning

from photometrypipeline.base.errors import CatalogError, in_words
from photometrypipeline.catalogs import texttable, votables

log = logging.getLogger("pp.tablefile")

UNREADABLE: tuple = (OSError, EOFError, zlib.error, ValueError, TypeError, LookupError, csv.Error)
UNREADABLE += (text_tables.InconsistentTableError, fits.VerifyError, AttributeError, OverflowError, MemoryError)
GZIP = b"\x1f\x8b"
LONGEST_REASON = 200  # characters
FOREIGN = {
    b"PAR1": "Parquet",
    b"PK\x03\x04": "a zip archive or a file of Excel",
    b"\x89HDF": "HDF5",
    b"%PDF": "PDF",
    b"\xd0\xcf\x11\xe0": "a file of Excel",
}
PARTS = ("RAh", "RAm", "RAs", "DEd", "DEm", "DEs")  # of positions, in tables of journals and of CDS


def load(path):
    """Return the table (astropy) in a file.  Raises CatalogError, which says why, if it cannot be read."""
    try:
        content = Path(path).read_bytes()
        content = gzip.decompress(content) if content.startswith(GZIP) else content
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            return plain(_of_bytes(content))
    except UNREADABLE as error:
        reason = in_words(error)[:LONGEST_REASON]
        raise CatalogError(f"{path}: cannot be read as FITS, VOTable, ECSV or CSV ({reason})") from None


def _of_bytes(content):
    """Return the table in the content of a file."""
    start = content[:2000]
    if start.startswith(b"SIMPLE"):
        return _of_fits(content)
    foreign = next((kind for mark, kind in FOREIGN.items() if start.startswith(mark)), "")
    if foreign:
        raise ValueError(f"it is {foreign}; save it as CSV, VOTable or FITS")
    if b"<VOTABLE" in start.upper():
        return _of_votable(content)
    text = texttable.decoded(content)
    if re.match(r"\s*<(!doctype\s+)?html", text, re.IGNORECASE):
        raise ValueError("it is a web page")
    if text.startswith("# %ECSV"):
        missing = [(mark, "0") for mark in texttable.MARKS]
        return text_tables.read(text.splitlines(), format="ecsv", fill_values=missing)
    if "Byte-by-byte Description of file" in text:
        return text_tables.read(text, format="cds")
    if text.lstrip().startswith(("|", "\\")) and not texttable.is_boxed(text):
        return Table.read(text.splitlines(), format="ascii.ipac")
    return texttable.read(text)


def _of_votable(content):
    found = votables.document(content)
    tables = [votables.table(each) for each in found.iter_tables()]
    if not tables:
        told = [
            str(info.content or info.value) for each in found.resources for info in each.infos if info.value == "ERROR"
        ]
        raise ValueError(f"it contains no table but an error: {told[0]}" if told else "it contains no table")
    if sum(len(each) > 0 for each in tables) > 1:
        log.warning("it contains %d tables; the longest is taken", len(tables))
    return max(tables, key=len)


def _of_fits(content):
    with fits.open(io.BytesIO(content), memmap=False) as hdus:
        tables = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU | fits.TableHDU)]
        tables = [hdu for hdu in tables if hdu.name != "LDAC_IMHEAD"]
        if not tables:
            raise ValueError("it contains no table")
        return Table.read(tables[0])


def plain(table):
    """Return a Table with nothing but plain columns: places and times in one column become numbers, parts a place."""
    table = Table(table)  # a QTable has quantities
    for name in list(table.colnames):
        column = table[name]
        if isinstance(column, SkyCoord):
            place = column.icrs
            table["RA_ICRS"], table["DE_ICRS"] = (Column(angle.deg, unit=u.deg) for angle in (place.ra, place.dec))
            table.remove_column(name)
        elif isinstance(column, Time):
            table[name] = column.jyear
    if set(PARTS) <= set(table.colnames):
        signs = table["DE-"] if "DE-" in table.colnames else [""] * len(table)
        hours, degrees = ([table[name] for name in part] for part in (PARTS[:3], PARTS[3:]))
        table["RAJ2000"] = [":".join(map(str, row)) for row in zip(*hours, strict=True)]
        rows = zip(signs, *degrees, strict=True)
        table["DEJ2000"] = [f"{texttable.text_of(sign)}{':'.join(map(str, row))}" for sign, *row in rows]
        table.remove_columns([name for name in (*PARTS, "DE-") if name in table.colnames])
    return table
