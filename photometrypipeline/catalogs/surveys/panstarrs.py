"""Pan-STARRS DR1: g, r, i, z, y north of declination -30 deg, from 14 to about 21."""

from dataclasses import replace

import numpy as np

from photometrypipeline.catalogs.surveys.sheet import Column, Survey, flag, known, magnitudes, unless

RELATIONS = ("T12", "KB18", "STD-PS1", "T12L", "KB18L")  # the first that gives a band counts
EXTENDED, GOOD, POOR_STACK = 1, 4, 128  # bits of Qual (objInfoFlag of the survey's database)


def good_photometry(table):
    """Keep well-measured stars: small error in r, seen more than twice, not extended.

    A galaxy is brighter within the Kron aperture than as a point, by more than 0.05 mag; fainter than i = 21 the two
    are too noisy to tell.
    """
    quality = np.nan_to_num(known(table, "flag_quality"), nan=GOOD).astype(int)
    sound = (quality & GOOD > 0) & (quality & (EXTENDED | POOR_STACK) == 0)
    extended = (known(table, "ip1mag") - known(table, "flag_kron_i") > 0.05) & (known(table, "ip1mag") < 21)
    return sound & (known(table, "e_rp1mag") <= 0.03) & unless(extended | (known(table, "flag_detections") <= 2))


def good_astrometry(table):
    """Keep objects seen in single exposures: positions from stacks alone are tied to 2MASS, which is less exact."""
    return unless(known(table, "flag_detections") <= 0)


PANSTARRS = Survey(
    name="PANSTARRS",
    title="Pan-STARRS DR1",
    table="II/349/ps1",
    release="Pan-STARRS DR1",
    columns=(
        Column("ident", "objID", text=True),
        Column("ra_deg", "RAJ2000", "deg"),
        Column("dec_deg", "DEJ2000", "deg"),
        Column("e_ra_deg", "e_RAJ2000", "arcsec"),
        Column("e_dec_deg", "e_DEJ2000", "arcsec"),
        Column("epoch_yr", "Epoch", "mjd"),
        *magnitudes({f"{band}p1mag": f"{band}mag" for band in "grizy"}),
        flag("object", "f_objID"),
        flag("quality", "Qual", cut="extended and badly measured objects"),
        flag("detections", "Nd", cut="objects seen once or twice"),
        flag("stack_detections", "Ns"),
        flag("kron_i", "iKmag", "mag", cut="galaxies, by their Kron magnitude"),
    ),
    limit_on="rp1mag",
    key="rp1mag",
    bands={f"{band}p1": f"{band}p1mag" for band in "grizy"},
    systems={f"{band}p1": "AB" for band in "grizy"},
    aliases={"y": "yp1"},
    relations=RELATIONS,
    uniformity_mag=0.01,  # Magnier et al. 2020, ApJS 251, 6: 7 to 12 mmag, by filter
    bright={"gp1mag": 14.0, "rp1mag": 14.0, "ip1mag": 14.0, "zp1mag": 13.0, "yp1mag": 12.0},  # saturation
    good_photometry=good_photometry,
    good_astrometry=good_astrometry,
    mast="dr1",
    dec_limits=(-30.0, 90.0),
)
DR2 = replace(
    PANSTARRS,
    name="PANSTARRS-DR2",
    title="Pan-STARRS DR2",
    table="II/389/ps1_dr2",
    release="Pan-STARRS DR2",
    mast="dr2",
)
