"""Tycho-2: 1.87 million stars of the whole sky to V about 11.5, from a file that Debian packages; asks no service.

The package astrometry-data-tycho2-07-littleendian holds an index file of astrometry.net: the stars as unit vectors
(tables `kdtree_data_stars`, unsigned integers, and `kdtree_range_stars`, their scale), with magnitudes next to them
(`MAG_VT`). Positions are for J2000, proper motions are not in it; errors are the typical ones that Hog et al. (2000,
A&A 355, L27) give.
"""

import functools
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table

from photometrypipeline.base.errors import CatalogError, in_words
from photometrypipeline.catalogs.surveys.sheet import Column, Survey
from photometrypipeline.sky import sphere

PACKAGE = "astrometry-data-tycho2-07-littleendian"
FILE = "index-tycho2-07.littleendian.fits"
FOLDERS = ("/usr/share/astrometry", "/usr/local/share/astrometry", "/usr/local/astrometry/data")
HOW_TO_INSTALL = f"install it with `sudo apt-get install {PACKAGE}`"

MOTION_MAS = 15.0  # per year and axis, of two stars in three; what the unknown proper motion adds to the errors
# VT, error of a position (mas), error of VT (mag)
TYPICAL = np.array([(8.0, 20, 0.013), (9.0, 25, 0.02), (10.0, 40, 0.05), (11.0, 70, 0.09), (12.0, 100, 0.19)])
# V = VT - 0.090 (BT - VT) (ESA 1997, SP-1200, vol. 1, section 1.3); of most stars BT - VT lies between 0.2 and 1.4
V_MINUS_VT, V_SCATTER = -0.07, 0.05


def find(folders=()):
    """Return the Path of the index file in the first of `folders`, or of the usual ones.  Raises CatalogError."""
    for folder in folders or FOLDERS:
        path = Path(folder) / FILE
        if path.is_file():
            return path
    looked = ", ".join(str(folder) for folder in folders or FOLDERS)
    raise CatalogError(f"TYCHO2 is not installed on this machine (no {FILE} in {looked}); {HOW_TO_INSTALL}")


@functools.lru_cache(maxsize=2)
def open_index(path):
    """Return (places, scale, lowest, VT): raw places of all stars, shape (n, 3), which are memory-mapped, and mag.

    A unit vector is `place / scale + lowest`.  Raises CatalogError for a file that is not such an index.
    """
    try:
        with fits.open(path, memmap=True) as hdus:
            names = {hdu.columns.names[0]: hdu for hdu in hdus[1:]}
            number = names["MAG_VT"].header["NAXIS2"]
            scaling = _raw(path, names["kdtree_range_stars"], "<f8", 7)
            places = _raw(path, names["kdtree_data_stars"], "<u4", 3 * number).reshape(number, 3)
            vt_mag = np.array(names["MAG_VT"].data["MAG_VT"], dtype=float)
    except (OSError, KeyError, IndexError, ValueError, TypeError) as error:
        reason = f"is not an index file of Tycho-2 stars ({in_words(error)})"
        raise CatalogError(f"{path} {reason}; {HOW_TO_INSTALL}") from None
    return places, scaling[6], scaling[:3], vt_mag


def open_quads(path):
    """Return (quads, codes), shapes (n, 4): the stars of each quad by number (memory-mapped), and its code.

    Raises CatalogError.
    """
    try:
        with fits.open(path, memmap=True) as hdus:
            names = {hdu.columns.names[0]: hdu for hdu in hdus[1:]}
            number = names["quads"].header["NAXIS2"]
            scaling = _raw(path, names["kdtree_range_codes"], "<f8", 9)
            quads = _raw(path, names["quads"], "<u4", 4 * number).reshape(number, 4)
            codes = _raw(path, names["kdtree_data_codes"], "<u2", 4 * number).reshape(number, 4)
    except (OSError, KeyError, IndexError, ValueError, TypeError) as error:
        reason = f"is not an index file of Tycho-2 stars ({in_words(error)})"
        raise CatalogError(f"{path} {reason}; {HOW_TO_INSTALL}") from None
    return quads, codes / scaling[8] + scaling[:4]


def _raw(path, hdu, dtype, number):
    """Return the numbers of a table that FITS knows as text, as the machine that wrote them had them."""
    return np.memmap(path, dtype=dtype, mode="r", offset=hdu.fileinfo()["datLoc"], shape=number)


def read(ra_deg, dec_deg, radius_deg, mag_limit, folders=()):
    """Return the stars of a cone brighter than VT = `mag_limit`, as a Table in the internal schema, brightest first.

    Raises CatalogError where the package is not installed.
    """
    places, scale, lowest, vt_mag = open_index(find(folders))
    middle = sphere.vectors(ra_deg, dec_deg)[0]
    cosine = places @ (middle / scale) + lowest @ middle
    rows = np.flatnonzero((cosine >= np.cos(np.radians(min(radius_deg, 180.0)))) & (vt_mag < mag_limit))
    rows = rows[np.argsort(vt_mag[rows], kind="stable")]
    return table_of(rows, places[rows] / scale + lowest, vt_mag[rows])


def table_of(rows, vectors, vt_mag):
    """Return the Table, in the internal schema, of stars with the given unit vectors, shape (n, 3)."""
    x, y, z = vectors.T
    position_deg = np.interp(vt_mag, TYPICAL[:, 0], TYPICAL[:, 1]) / 3.6e6
    error_mag = np.interp(vt_mag, TYPICAL[:, 0], TYPICAL[:, 2])
    number = len(rows)
    return Table(
        {
            "ident": np.char.add("TYCHO2-", np.asarray(rows).astype(str)) if number else np.empty(0, dtype="U8"),
            "ra_deg": np.degrees(np.arctan2(y, x)) % 360.0,
            "dec_deg": np.degrees(np.arctan2(z, np.hypot(x, y))),
            "e_ra_deg": position_deg,
            "e_dec_deg": position_deg,
            "epoch_yr": np.full(number, 2000.0),
            "pmra": np.zeros(number),
            "pmdec": np.zeros(number),
            "e_pmra": np.full(number, MOTION_MAS),
            "e_pmdec": np.full(number, MOTION_MAS),
            "VTmag": vt_mag,
            "e_VTmag": error_mag,
            "Vmag": vt_mag + V_MINUS_VT,
            "e_Vmag": np.hypot(error_mag, V_SCATTER),
        }
    )


TYCHO2 = Survey(
    name="TYCHO2",
    title="Tycho-2 (Hog et al. 2000), as Debian packages it",
    table="I/259/tyc2",
    release="Tycho-2, Debian",
    columns=(
        Column("ident", "row", text=True),
        Column("ra_deg", "RAmdeg", "deg"),
        Column("dec_deg", "DEmdeg", "deg"),
        Column("VTmag", "VTmag", "mag"),
        Column("e_VTmag", "e_VTmag", "mag"),
        Column("Vmag", "Vmag", "mag"),
        Column("e_Vmag", "e_Vmag", "mag"),
    ),
    limit_on="VTmag",
    key="VTmag",
    bands={"V": "Vmag"},
    systems={"V": "Vega"},
    epoch_yr=2000.0,
    position_error_arcsec=0.07,
    coarse_mag=0.25,
    reader=read,
    advice="TYCHO2 has no colours: V follows from VT with an error of 0.05 mag or more; for wide fields only",
)
