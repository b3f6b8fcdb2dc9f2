"""Zone files of APASS DR10, as its makers give them away: text, one star per line, a file for 5 deg of declination.

A line holds the name (zone-number), RA, its error, Dec, its error (deg and arcsec), the numbers of nights, the
magnitudes and their errors, each for B, V and the SDSS-like u, g, r, i, z_s, Y; 99.999 is a missing magnitude, a
negative or zero error tells of a single observation.
"""

import csv

import numpy as np
from astropy.table import Table

from photometrypipeline.base.errors import CatalogError
from photometrypipeline.catalogs import surveys, tiles

BANDS = ["B", "V", "u", "g", "r", "i", "z", "Y"]
USED = ["B", "V", "g", "r", "i", "z"]
NAMES = ["ident", "ra_deg", "e_ra", "dec_deg", "e_dec"]
NAMES += [f"{start}{band}" for start in ("flag_nights_", "mag_", "err_") for band in BANDS]
MISSING_MAG = 90.0
CHUNK_ROWS = 200_000
SAMPLE_BYTES = 4096


def is_zone_file(path):
    """Return whether a file looks like a zone of APASS DR10."""
    with open(path, "rb") as file:
        lines = file.read(SAMPLE_BYTES).decode("ascii", "replace").splitlines()
    rows = [line.split() for line in lines[: max(len(lines) - 1, 1)] if line[:1].isdigit()]
    return bool(rows) and all(len(row) == len(NAMES) and "-" in row[0] for row in rows)


def read(path):
    """Return the stars of a zone file as a Table in the internal schema of APASS10.

    Raises CatalogError, with the number of the line, for a file that is something else.
    """
    import pandas  # slow to import, and needed here alone

    try:
        with pandas.read_csv(
            path,
            sep=r"\s+",
            names=NAMES,
            comment="#",
            dtype={"ident": str},
            quoting=csv.QUOTE_NONE,
            chunksize=CHUNK_ROWS,
        ) as chunks:
            parts = [_in_schema(chunk[chunk["ident"].str[:1].str.isdigit()]) for chunk in chunks]
    except (ValueError, AttributeError, UnicodeDecodeError) as error:
        raise CatalogError(f"{path}: cannot be read as a zone of APASS DR10 ({error})") from None
    if not parts:
        raise CatalogError(f"{path}: contains no stars")
    table = Table({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    if not (np.abs(table["dec_deg"]) <= 90).all() or not ((table["ra_deg"] >= 0) & (table["ra_deg"] <= 360)).all():
        raise CatalogError(f"{path}: its positions are not on the sky; a zone file of APASS DR10 was expected")
    return table


def _in_schema(chunk):
    columns = {"ident": chunk["ident"].to_numpy(dtype=str)}
    numbers = {name: chunk[name].to_numpy(dtype=float) for name in NAMES[1:]}  # ValueError for text
    columns |= {"ra_deg": numbers["ra_deg"], "dec_deg": numbers["dec_deg"]}
    columns |= {f"{name}_deg": numbers[name] / 3600 for name in ("e_ra", "e_dec")}
    for band in USED:
        mag, err = numbers[f"mag_{band}"], numbers[f"err_{band}"]
        columns[f"{band}mag"] = np.where(mag < MISSING_MAG, mag, np.nan)
        columns[f"e_{band}mag"] = np.where((err > 0) & (err < MISSING_MAG), err, np.nan)
        columns[f"flag_nights_{band}"] = numbers[f"flag_nights_{band}"]
    return columns


def covered(table):
    """Return the tiles (list) that a zone covers: those with stars.

    A tile has some 400, so that none in it means that the file does not reach there.
    """
    return np.unique(tiles.tile_of(table["ra_deg"], table["dec_deg"])).tolist()


def survey():
    """Return the Survey that zone files fill."""
    return surveys.get("APASS10")
