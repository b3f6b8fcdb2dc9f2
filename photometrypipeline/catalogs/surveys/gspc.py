"""Gaia synthetic photometry: U, B, V, R, I and u, g, r, i, z to G = 17.65, from the spectra of Gaia, the whole sky.

Accurate to 0.01 to 0.03 mag, worse in U and u. The y of the released table is known to be wrong and not used.
"""

import numpy as np

from photometrypipeline.catalogs.surveys.sheet import Column, Survey, flag, known, unless

JOHNSON, SLOAN = "UBVRI", "ugriz"


def good_photometry(table):
    """Keep stars whose BP and RP fluxes add up to G (see gaia.py); V stands for G in the size of the scatter."""
    scatter = 0.0059898 + 8.817481e-12 * known(table, "Vmag") ** 7.618399
    return unless(np.abs(known(table, "flag_excess")) > 3 * scatter)


def validity(band):
    """Return the name of the flag of a band; the letters alone would differ in case only, which SQL does not see."""
    return f"valid_{'johnson' if band in JOHNSON else 'sdss'}_{band}"


def band_columns(band):
    """Return the columns of one band: magnitudes have no errors, but fluxes do."""
    return (
        Column(f"{band}mag", f"{band}mag", "mag"),
        Column(f"e_{band}mag", f"e_F{band}", over=f"F{band}"),
        flag(validity(band), f"{band}Flag", cut=f"stars outside the range in which {band} holds"),
    )


GSPC = Survey(
    name="GSPC",
    title="Gaia Synthetic Photometry Catalogue",
    table="I/360/syntphot",
    release="GSPC (Gaia DR3)",
    columns=(
        Column("ident", "Source", text=True),
        Column("ra_deg", "RA_ICRS", "deg"),
        Column("dec_deg", "DE_ICRS", "deg"),
        *(column for band in JOHNSON + SLOAN for column in band_columns(band)),
        flag(
            "excess", "E(BP/RP)corr", spellings=("E(BP/RP)Corr",), cut="blends by the excess of their BP and RP fluxes"
        ),
    ),
    limit_on="Vmag",
    key=None,
    not_for_registration="it has neither errors nor proper motions of its positions, which are Gaia's",
    bands={band: f"{band}mag" for band in JOHNSON + SLOAN},
    systems=dict.fromkeys(JOHNSON, "Vega") | dict.fromkeys(SLOAN, "AB"),
    epoch_yr=2016.0,
    uniformity_mag=0.01,
    relations=("GS-PS1",),
    valid_flags={f"{band}mag": (f"flag_{validity(band)}", 1) for band in JOHNSON + SLOAN},
    good_photometry=good_photometry,
)
