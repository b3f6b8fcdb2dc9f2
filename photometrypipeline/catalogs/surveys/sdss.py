"""Sloan Digital Sky Survey: u, g, r, i, z of a third of the sky, from 14 to 22.

PSF magnitudes: for stars the model magnitudes agree to 0.02 mag, fibre magnitudes miss light, and the published
transformations were derived with PSF magnitudes. They are put on the AB system (u - 0.04, z + 0.02), which the
transformations undo again, as they are for magnitudes as measured.
"""

from photometrypipeline.catalogs.surveys.sheet import Column, Survey, flag, known, magnitudes, text_is, unless

AB_OFFSETS = {"umag": -0.04, "zmag": +0.02}
SATURATION = {f"{band}mag": 14.0 for band in "gri"} | {"umag": 12.0, "zmag": 12.0}
STAR = 6


def good_r9(table):
    """Keep primary, clean observations of stars."""
    return good_star(table) & text_is(table, "flag_clean", "+")


def good_star(table):
    """Keep primary observations of stars."""
    primary = unless((known(table, "flag_mode") != 1) & (known(table, "flag_mode") > 0))
    star = unless((known(table, "flag_class") != STAR) & (known(table, "flag_class") >= 0))
    return primary & star


def good_r16(table):
    """Keep primary, clean observations of stars."""
    return good_star(table) & unless(known(table, "flag_clean") == 0)


def as_measured(table):
    """Return {column: magnitudes without the AB offset}."""
    return {name: known(table, name) - offset for name, offset in AB_OFFSETS.items()}


def release(name, table, title, ident, star, clean, good, advice=""):
    """Return the Survey of one release; they differ in a few labels."""
    return Survey(
        name=name,
        title=title,
        table=table,
        release=title,
        columns=(
            Column("ident", ident, text=True),
            Column("ra_deg", "RA_ICRS", "deg"),
            Column("dec_deg", "DE_ICRS", "deg"),
            Column("e_ra_deg", "e_RA_ICRS", "arcsec"),
            Column("e_dec_deg", "e_DE_ICRS", "arcsec"),
            Column("epoch_yr", "ObsDate", "yr"),
            *magnitudes({f"{band}mag": f"{band}pmag" for band in "ugriz"}, AB_OFFSETS),
            flag("mode", "mode", cut="secondary observations"),
            flag("class", star, cut="galaxies"),
            clean,
        ),
        limit_on="gmag",
        key="rmag",
        bands={band: f"{band}mag" for band in "ugriz"},
        systems=dict.fromkeys("ugriz", "AB"),
        relations=("CG08", "LU05", "LU05-UG", "JE05", "HE06"),
        bright=SATURATION,
        uniformity_mag=0.01,  # Padmanabhan et al. 2008, ApJ 674, 1217; 0.02 in u
        good_photometry=good,
        relation_inputs=as_measured,
        constraints={"mode": "=1"},
        advice=advice,
    )


R9 = release(
    "SDSS-R9",
    "V/139/sdss9",
    "SDSS DR9",
    "SDSS9",
    "cl",
    flag("clean", "q_mode", text=True, cut="observations that are not clean"),
    good_r9,
    advice="PSF magnitudes of SDSS DR9 are used, on the AB system (u - 0.04, z + 0.02)",
)
R12 = release(
    "SDSS-R12",
    "V/147/sdss12",
    "SDSS DR12",
    "objID",
    "class",
    flag("clean", "q_mode", text=True, cut="observations that are not clean"),
    good_r9,
)
R16 = release(
    "SDSS-R16",
    "V/154/sdss16",
    "SDSS DR16",
    "objID",
    "class",
    flag("clean", "clean", cut="observations that are not clean"),
    good_r16,
)
