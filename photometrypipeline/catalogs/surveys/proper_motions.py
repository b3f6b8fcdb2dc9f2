"""URAT-1, UCAC4, USNO-B1: older catalogues for positions; GAIA replaces them."""

import numpy as np

from photometrypipeline.catalogs.surveys.sheet import Column, Survey, flag, known, magnitudes, unless

APASS_BANDS = {"Bmag": "Bmag", "Vmag": "Vmag", "gmag": "gmag", "rmag": "rmag", "imag": "imag"}
TWOMASS_BANDS = {"Jmag": "Jmag", "Hmag": "Hmag", "Ksmag": "Kmag"}
APASS_RELATIONS = ("CG08-APASS", "STD-APASS", "LU05", "JE05", "HO09", "HO09Z")
SYSTEMS = dict.fromkeys(("B", "V", "J", "H", "Ks"), "Vega") | dict.fromkeys("gri", "AB")

COPIED_ERROR_MAG = 0.001  # stands in URAT-1 where APASS had no error


def drop_copied_errors(table):
    """Take errors of APASS magnitudes that are none out of a table of URAT-1, in place."""
    for name in APASS_BANDS:
        errors = table[f"e_{name}"]
        errors[errors <= COPIED_ERROR_MAG] = np.nan


URAT1 = Survey(
    name="URAT-1",
    title="USNO Robotic Astrometric Telescope, first catalogue",
    table="I/329/urat1",
    release="URAT1",
    columns=(
        Column("ident", "URAT1", text=True),
        Column("ra_deg", "RAJ2000", "deg", spellings=("RAICRS", "RA_ICRS")),
        Column("dec_deg", "DEJ2000", "deg", spellings=("DEICRS", "DE_ICRS")),
        Column("epoch_yr", "Epoch", "yr"),  # of the positions, despite the labels
        Column("e_ra_deg", "sigm", "mas"),
        Column("e_dec_deg", "sigm", "mas"),
        Column("pmra", "pmRA", "mas/yr"),
        Column("pmdec", "pmDE", "mas/yr"),
        Column("e_pmra", "e_pm", "mas/yr"),
        Column("e_pmdec", "e_pm", "mas/yr"),
        *magnitudes({"fmag": "f.mag"} | APASS_BANDS | TWOMASS_BANDS),
    ),
    limit_on="fmag",
    key="fmag",
    bands={name.removesuffix("mag"): name for name in APASS_BANDS | TWOMASS_BANDS},
    systems=SYSTEMS,
    relations=APASS_RELATIONS,
    zero_error_is_unknown=True,
    finish=drop_copied_errors,
    uniformity_mag=0.035,  # APASS's
    dec_limits=(-25.0, 90.0),  # patchily below -15
    advice="the magnitudes in URAT-1 are copied from APASS; APASS9 or REFCAT2 are better for photometry",
)

UCAC4 = Survey(
    name="UCAC4",
    title="USNO CCD Astrograph Catalog 4",
    table="I/322A/out",
    release="UCAC4",
    columns=(
        Column("ident", "UCAC4", text=True),
        Column("ra_deg", "RAJ2000", "deg", spellings=("RAICRS", "RA_ICRS")),
        Column("dec_deg", "DEJ2000", "deg", spellings=("DEICRS", "DE_ICRS")),
        Column("e_ra_deg", "ePos", "mas"),
        Column("e_dec_deg", "ePos", "mas"),
        Column("pmra", "pmRA", "mas/yr"),
        Column("pmdec", "pmDE", "mas/yr"),
        Column("e_pmra", "e_pmRA", "mas/yr", required=False),
        Column("e_pmdec", "e_pmDE", "mas/yr", required=False),
        Column("fmag", "f.mag", "mag"),
        Column("amag", "a.mag", "mag"),
        *magnitudes(APASS_BANDS | TWOMASS_BANDS, required=False, also=("cmag",)),
    ),
    limit_on="fmag",
    key="fmag",
    bands={name.removesuffix("mag"): name for name in APASS_BANDS | TWOMASS_BANDS},
    systems=SYSTEMS,
    relations=APASS_RELATIONS,
    epoch_yr=2000.0,
    zero_error_is_unknown=True,
    uniformity_mag=0.035,  # APASS's
    advice="UCAC4 ends at 16; GAIA has better positions, and its magnitudes are copied from APASS and 2MASS",
)


def good_plates(table):
    """Keep objects seen on at least three plates; on fewer they are often defects."""
    return unless(known(table, "flag_detections") < 3)


USNO_B1 = Survey(
    name="USNO-B1",
    title="USNO-B1.0",
    table="I/284/out",
    release="USNO-B1.0",
    columns=(
        Column("ident", "USNO-B1.0", text=True),
        Column("ra_deg", "RAJ2000", "deg", spellings=("RAICRS", "RA_ICRS")),
        Column("dec_deg", "DEJ2000", "deg", spellings=("DEICRS", "DE_ICRS")),
        Column("e_ra_deg", "e_RAJ2000", "mas"),
        Column("e_dec_deg", "e_DEJ2000", "mas"),
        Column("pmra", "pmRA", "mas/yr"),  # 0: not significant
        Column("pmdec", "pmDE", "mas/yr"),
        *(Column(f"{name}mag", f"{name}mag", "mag") for name in ("B1", "R1", "B2", "R2", "I")),
        flag("detections", "Ndet", cut="defects of single plates"),
    ),
    limit_on="R2mag",
    key="R2mag",
    bands={},
    systems={},
    epoch_yr=2000.0,
    good_astrometry=good_plates,
    advice="USNO-B1 is photographic: positions to 0.2 arcsec, and no photometry",
)
