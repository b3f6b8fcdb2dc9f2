"""ATLAS-REFCAT2: g, r, i, z on the Pan-STARRS system over the whole sky, from 6 to 19, with Gaia DR2 positions."""

import numpy as np

from photometrypipeline.catalogs.surveys import panstarrs
from photometrypipeline.catalogs.surveys.sheet import Column, Survey, flag, known, magnitudes, unless

CONSTANT = (0, 2)  # dupvar: 0 constant, 1 variable, 2 unknown; 4 is added for duplicates
LEAST_DISTANCE_ARCSEC = 3.0  # within it neighbours must not reach a tenth of the star's light


def good_photometry(table):
    """Keep constant, single stars."""
    varies = np.isfinite(known(table, "flag_dupvar")) & ~np.isin(known(table, "flag_dupvar"), CONSTANT)
    return unless(varies | (known(table, "flag_rp1") < LEAST_DISTANCE_ARCSEC))


REFCAT2 = Survey(
    name="REFCAT2",
    title="ATLAS-REFCAT2",
    table="J/ApJ/867/105/refcat2",
    release="ATLAS-REFCAT2",
    columns=(  # it has no identifiers
        Column("ra_deg", "RA_ICRS", "deg"),
        Column("dec_deg", "DE_ICRS", "deg"),
        Column("pmra", "pmRA", "mas/yr"),
        Column("pmdec", "pmDE", "mas/yr"),
        Column("e_pmra", "e_pmRA", "mas/yr"),
        Column("e_pmdec", "e_pmDE", "mas/yr"),
        *magnitudes({f"{band}p1mag": f"{band}mag" for band in "griz"}),
        *magnitudes({"Gmag": "Gmag", "BPmag": "BPmag", "RPmag": "RPmag"}),
        *magnitudes({"Jmag": "Jmag", "Hmag": "Hmag", "Ksmag": "Kmag"}),
        flag("dupvar", "dupvar", cut="variable and duplicated stars"),
        flag("rp1", "rp1", "arcsec", cut="stars with close neighbours"),
        flag("r1", "r1", "arcsec"),
        flag("r10", "r10", "arcsec"),
        flag("extinction_g", "Ag", "mag"),
    ),
    limit_on="Gmag",
    key="Gmag",
    bands={f"{band}p1": f"{band}p1mag" for band in "griz"}
    | {"G": "Gmag", "BP": "BPmag", "RP": "RPmag", "J": "Jmag", "H": "Hmag", "Ks": "Ksmag"},
    systems={f"{band}p1": "AB" for band in "griz"} | dict.fromkeys(("G", "BP", "RP", "J", "H", "Ks"), "Vega"),
    epoch_yr=2015.5,
    relations=(*panstarrs.RELATIONS, "HO09", "HO09Z"),
    good_photometry=good_photometry,
    neighbours="flag_rp1",
    zero_error_is_unknown=True,
    uniformity_mag=0.005,  # Tonry et al. 2018, ApJ 867, 105; 0.02 near the galactic plane
    position_error_arcsec=0.005,
)
