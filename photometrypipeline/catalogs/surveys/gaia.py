"""Gaia: positions, proper motions and G, BP, RP of the whole sky, G from 3 to 21."""

from dataclasses import replace

import numpy as np

from photometrypipeline.catalogs.surveys.sheet import Column, Survey, flag, known, magnitudes, unless

MAX_RUWE = 1.4  # above: a binary, or a solution that does not describe the star
SCARCE = 50  # below so many stars with a proper motion, those without one are welcome too


def good_positions(table):
    """Keep sound solutions; those without proper motion, off by 0.1 arcsec after ten years, only if stars are few."""
    sound = unless((known(table, "flag_ruwe") >= MAX_RUWE) | (known(table, "flag_dup") > 0))
    moving = sound & np.isfinite(known(table, "pmra"))
    return moving if moving.sum() >= SCARCE else sound


def good_dr3_photometry(table):
    """Keep single, constant stars whose BP and RP fluxes add up to G.

    The excess of the flux in BP and RP is compared with the one of well-behaved stars, Riello et al. 2021,
    A&A 649, A3, Tables 2 and 5; 5 times its scatter is allowed.
    """
    colour = known(table, "BPmag") - known(table, "RPmag")
    expected = np.select(
        [colour < 0.5, colour < 4],
        [
            1.154360 + 0.033772 * colour + 0.032277 * colour**2,
            1.162004 + 0.011464 * colour + 0.049255 * colour**2 - 0.005879 * colour**3,
        ],
        1.057572 + 0.140537 * colour,
    )
    scatter = 0.0059898 + 8.817481e-12 * known(table, "Gmag") ** 7.618399
    blended = np.abs(known(table, "flag_excess") - expected) > 5 * scatter
    lone = unless((known(table, "flag_ruwe") >= MAX_RUWE) | (known(table, "flag_dup") > 0) | blended)
    return lone & ~variable(table)


def good_dr2_photometry(table):
    """Keep stars whose BP and RP fluxes add up to G: Evans et al. 2018, A&A 616, A4."""
    colour = known(table, "BPmag") - known(table, "RPmag")
    excess = known(table, "flag_excess")
    blended = (excess <= 1.0 + 0.015 * colour**2) | (excess >= 1.3 + 0.06 * colour**2)
    return unless(blended | (known(table, "flag_ruwe") >= MAX_RUWE) | (known(table, "flag_dup") > 0))


def variable(table):
    """Return the mask of stars that Gaia found to vary."""
    if "flag_variable" not in table.colnames:
        return np.zeros(len(table), dtype=bool)
    return np.asarray(table["flag_variable"], dtype=str) == "VARIABLE"


def corrected_dr2_g(table):
    """Return {"Gmag": G of DR2 on the scale of its transformations}; it drifts by 3.2 mmag per magnitude."""
    g = known(table, "Gmag")
    bright = -0.047344 + 1.16405 * g - 0.046799 * g**2 + 0.0035015 * g**3
    return {"Gmag": np.select([g < 6, g <= 16], [bright, g - 0.0032 * (g - 6)], g - 0.032)}


POSITIONS = (
    Column("ident", "Source", text=True),
    Column("ra_deg", "RA_ICRS", "deg"),
    Column("dec_deg", "DE_ICRS", "deg"),
    Column("e_ra_deg", "e_RA_ICRS", "mas"),
    Column("e_dec_deg", "e_DE_ICRS", "mas"),
    Column("pmra", "pmRA", "mas/yr"),
    Column("pmdec", "pmDE", "mas/yr"),
    Column("e_pmra", "e_pmRA", "mas/yr"),
    Column("e_pmdec", "e_pmDE", "mas/yr"),
)
BANDS = {"Gmag": "Gmag", "BPmag": "BPmag", "RPmag": "RPmag"}

DR3 = Survey(
    name="GAIA-DR3",
    title="Gaia Data Release 3",
    table="I/355/gaiadr3",
    release="Gaia DR3",
    columns=(
        *POSITIONS,
        *magnitudes(BANDS),
        flag("ruwe", "RUWE", cut="binaries and doubtful solutions (RUWE)"),
        flag("dup", "Dup", cut="duplicated sources"),
        flag("excess", "E(BP/RP)", cut="blends by the excess of their BP and RP fluxes"),
        flag("variable", "VarFlag", text=True, cut="variable stars"),
        flag("blend_percent", "IPDfmp"),
    ),
    limit_on="Gmag",
    key="Gmag",
    bands={"G": "Gmag", "BP": "BPmag", "RP": "RPmag"},
    systems={"G": "Vega", "BP": "Vega", "RP": "Vega"},
    epoch_yr=2016.0,
    uniformity_mag=0.003,
    relations=("G3",),
    good_photometry=good_dr3_photometry,
    good_astrometry=good_positions,
)

EDR3 = replace(DR3, name="GAIA-EDR3", title="Gaia Early Data Release 3", table="I/350/gaiaedr3", release="Gaia EDR3")
EDR3 = replace(EDR3, columns=tuple(column for column in DR3.columns if column.name != "flag_variable"))

DR2 = Survey(
    name="GAIA-DR2",
    title="Gaia Data Release 2",
    table="I/345/gaia2",
    release="Gaia DR2",
    columns=(
        *POSITIONS,
        *magnitudes(BANDS),
        flag("excess", "E(BR/RP)", cut="blends by the excess of their BP and RP fluxes"),
        flag("dup", "Dup", cut="duplicated sources"),
        flag("ruwe", "RUWE", cut="binaries and doubtful solutions (RUWE)"),
    ),
    limit_on="Gmag",
    key="Gmag",
    bands=DR3.bands,
    systems=DR3.systems,
    epoch_yr=2015.5,
    uniformity_mag=0.003,
    relations=("G2", "G2-NIR"),
    good_photometry=good_dr2_photometry,
    good_astrometry=good_positions,
    relation_inputs=corrected_dr2_g,
)

# Of historical interest: without BP, RP, and for DR1 without proper motions. The error of G follows from its flux.
TGAS = Survey(
    name="TGAS",
    title="Tycho-Gaia Astrometric Solution (Gaia DR1)",
    table="I/337/tgas",
    release="Gaia DR1 TGAS",
    columns=(
        *POSITIONS,
        Column("Gmag", "<Gmag>", "mag", spellings=("Gmag", "__Gmag_")),
        Column("e_Gmag", "e_<FG>", over="<FG>", required=False, spellings=("e__FG_",)),
    ),
    limit_on="Gmag",
    key="Gmag",
    bands={"G": "Gmag"},
    systems={"G": "Vega"},
    epoch_yr=2015.0,
    uniformity_mag=0.003,
    advice="TGAS ends at G = 12 and has too few stars for small fields; GAIA replaces it",
)
DR1 = replace(
    TGAS,
    name="GAIA-DR1",
    title="Gaia Data Release 1",
    table="I/337/gaia",
    release="Gaia DR1",
    columns=tuple(column for column in TGAS.columns if not column.name.startswith(("pm", "e_pm"))),
    advice="Gaia DR1 has no proper motions; GAIA replaces it",
)
