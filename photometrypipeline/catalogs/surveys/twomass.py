"""2MASS: J, H, Ks of the whole sky, from 5 to 15.8, as it stood from 1997 to 2001."""

import numpy as np

from photometrypipeline.catalogs.surveys.sheet import Column, Survey, flag, known, magnitudes, text_is, unless


def errors_from_ellipse(table):
    """Set the errors in RA and Dec (deg) from the error ellipse; its angle counts from north through east."""
    angle = np.radians(known(table, "flag_err_angle"))
    major, minor = known(table, "flag_err_major") / 3600, known(table, "flag_err_minor") / 3600
    table["e_ra_deg"] = np.hypot(major * np.sin(angle), minor * np.cos(angle))
    table["e_dec_deg"] = np.hypot(major * np.cos(angle), minor * np.sin(angle))


def good_photometry(table):
    """Keep stars measured well in all three bands, without confusion, and no galaxies or asteroids."""
    quality = np.asarray(table["flag_quality"], dtype=str) if "flag_quality" in table.colnames else [""] * len(table)
    measured = np.array([set(letters) <= set("ABC") for letters in quality], dtype=bool)
    pure = unless((known(table, "flag_extended") > 0) | (known(table, "flag_asteroid") > 0))
    return measured & pure & text_is(table, "flag_confusion", "000")


TWOMASS = Survey(
    name="2MASS",
    title="2MASS All-Sky Catalog of Point Sources",
    table="II/246/out",
    release="2MASS PSC",
    columns=(
        Column("ident", "2MASS", text=True),
        Column("ra_deg", "RAJ2000", "deg"),
        Column("dec_deg", "DEJ2000", "deg"),
        Column("epoch_yr", "JD", "jd"),
        *magnitudes({"Jmag": "Jmag", "Hmag": "Hmag", "Ksmag": "Kmag"}),
        flag("err_major", "errMaj", "arcsec"),
        flag("err_minor", "errMin", "arcsec"),
        flag("err_angle", "errPA", "deg"),
        flag("quality", "Qflg", text=True, cut="stars measured poorly in a band"),
        flag("confusion", "Cflg", text=True, cut="confused and contaminated stars"),
        flag("extended", "Xflg", cut="galaxies"),
        flag("asteroid", "Aflg", cut="asteroids"),
    ),
    limit_on="Jmag",
    key="Jmag",
    bands={"J": "Jmag", "H": "Hmag", "Ks": "Ksmag"},
    systems=dict.fromkeys(("J", "H", "Ks"), "Vega"),
    relations=("HO09", "HO09Z"),
    bright={"Jmag": 5.0, "Hmag": 5.0, "Ksmag": 4.0},
    good_photometry=good_photometry,
    uniformity_mag=0.02,  # Skrutskie et al. 2006, AJ 131, 1163
    finish=errors_from_ellipse,
)
