"""APASS DR9: B, V (Vega) and g', r', i' (AB) of most of the sky, from 10 to 17; for photometry only.

Its pixels of 2.6 arcsec leave pairs closer than about 5 arcsec unresolved, its positions carry no epoch and are good to
0.1 to 0.3 arcsec.
"""

from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from photometrypipeline.catalogs.surveys.sheet import Column, Survey, flag, known, magnitudes, unless
from photometrypipeline.sky import sphere

SAME_STAR_DEG = 1 / 3600  # fields overlap, and a star in two of them is listed twice


def good_photometry(table):
    """Keep stars observed at least twice, within the range of the survey, once each."""
    faint = known(table, "Vmag") >= 17
    return unless((known(table, "flag_nights") < 2) | faint) & listed_first(table)


def listed_first(table):
    """Return the mask of rows that do not repeat an earlier one at the same place."""
    first = np.ones(len(table), dtype=bool)
    if len(table) > 1:
        tree = cKDTree(sphere.vectors(known(table, "ra_deg"), known(table, "dec_deg")))
        for _, later in tree.query_pairs(np.radians(SAME_STAR_DEG)):
            first[later] = False
    return first


BANDS = {"Bmag": "Bmag", "Vmag": "Vmag", "gmag": "g'mag", "rmag": "r'mag", "imag": "i'mag"}

APASS9 = Survey(
    name="APASS9",
    title="AAVSO Photometric All Sky Survey, DR9",
    table="II/336/apass9",
    release="APASS DR9",
    columns=(
        Column("ident", "recno", text=True),
        Column("ra_deg", "RAJ2000", "deg"),
        Column("dec_deg", "DEJ2000", "deg"),
        Column("e_ra_deg", "e_RAJ2000", "arcsec"),
        Column("e_dec_deg", "e_DEJ2000", "arcsec"),
        *magnitudes(BANDS),
        flag("nights", "nobs", cut="stars observed once"),
        flag("observations", "mobs"),
        flag("field", "Field"),
    ),
    limit_on="Vmag",
    key=None,
    not_for_registration="its positions are good to some 0.3 arcsec only, and it has no proper motions",
    bands={name.removesuffix("mag"): name for name in BANDS},
    systems={"B": "Vega", "V": "Vega", "g": "AB", "r": "AB", "i": "AB"},
    relations=("CG08-APASS", "STD-APASS", "LU05", "JE05"),
    bright=dict.fromkeys(BANDS, 10.0),
    good_photometry=good_photometry,
    zero_error_is_unknown=True,  # observed once
    uniformity_mag=0.035,  # what SkyMapper found of its first release, which was tied to APASS: 3 to 4 % in g and r
    position_error_arcsec=0.3,
    match_radius_arcsec=1.0,
)


def good_dr10_photometry(table):
    """Keep stars within the range of the survey, once each; one observation has no error, and is left out later."""
    faint = known(table, "Vmag") >= 17
    return unless(faint) & listed_first(table)


DR10_BANDS = ("Bmag", "Vmag", "gmag", "rmag", "imag", "zmag")

APASS10 = replace(
    APASS9,
    name="APASS10",
    title="AAVSO Photometric All Sky Survey, DR10",
    table="",
    release="APASS DR10",
    columns=(  # as apasszones.py reads them
        Column("ident", "ident", text=True),
        *(Column(name, name, "deg") for name in ("ra_deg", "dec_deg", "e_ra_deg", "e_dec_deg")),
        *magnitudes({name: name for name in DR10_BANDS}),
        *(flag(f"nights_{band}", f"nights_{band}") for band in "BVgriz"),
    ),
    bands={name.removesuffix("mag"): name for name in DR10_BANDS},
    systems=APASS9.systems | {"z": "AB"},
    bright=dict.fromkeys(DR10_BANDS, 7.0),
    good_photometry=good_dr10_photometry,
    advice="no service offers APASS DR10: pptool_store import reads its zone files",
)
