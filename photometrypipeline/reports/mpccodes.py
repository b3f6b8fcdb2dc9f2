"""How the Minor Planet Center calls catalogues and bands.

After its lists of allowed field values for ADES (catalogues, modes) and of magnitude bands, as of 2026. A value that is
not on the lists has a whole report refused.
"""

from photometrypipeline.base.errors import UsageError
from photometrypipeline.catalogs import surveys

# Our catalogue: (code in ADES, name in the header of 80-column reports)
CATALOGS = {
    "GAIA-DR3": ("Gaia3", "Gaia-DR3"),
    "GAIA-EDR3": ("Gaia3E", "Gaia-EDR3"),
    "GAIA-DR2": ("Gaia2", "Gaia-DR2"),
    "GAIA-DR1": ("Gaia1", "Gaia-DR1"),
    "TGAS": ("Gaia1", "Gaia-DR1"),
    "GSPC": ("Gaia3", "Gaia-DR3"),
    "REFCAT2": ("ATLAS2", "ATLAS-2"),
    "PANSTARRS": ("PS1_DR1", "PS1-DR1"),
    "PANSTARRS-DR2": ("PS1_DR2", "PS1-DR2"),
    "2MASS": ("2MASS", "2MASS"),
    "URAT-1": ("URAT1", "URAT-1"),
    "UCAC4": ("UCAC4", "UCAC-4"),
    "USNO-B1": ("USNOB1", "USNO-B1.0"),
}
CURRENT_CATALOGS = (
    "Gaia_Int", "PS1_DR2", "PS1_DR1", "ATLAS2", "Gaia3", "Gaia3E", "Gaia2", "Gaia1", "Gaia2016", "URAT1", "UCAC5",
    "UCAC4", "PPMXL", "NOMAD", "2MASS", "UBSC",
)  # fmt: skip
DEPRECATED_CATALOGS = (
    "UCAC3", "UCAC2", "UCAC1", "USNOB1", "USNOA2", "USNOSA2", "USNOA1", "USNOSA1", "Tyc2", "Tyc1", "Hip2", "Hip1",
    "ACT", "GSCACT", "GSC2.3", "GSC2.2", "GSC1.2", "GSC1.1", "GSC1.0", "GSC", "SDSS8", "SDSS7", "CMC15", "CMC14",
    "SSTRC4", "SSTRC1", "MPOSC3", "PPM", "AC", "SAO1984", "SAO", "AGK3", "FK4", "ACRS", "LickGas", "Ida93", "Perth70",
    "COSMOS", "Yale", "ZZCAT", "IHW", "GZ", "UNK",
)  # fmt: skip
BANDS = (
    "Ac", "Ao", "B", "Bj", "C", "G", "Gb", "Gr", "H", "I", "IR", "Ic", "J", "K", "L", "Lg", "Li", "Lr", "Lu", "Lx",
    "Ly", "Lz", "Pg", "Pi", "Pr", "Pw", "Py", "Pz", "R", "Rc", "Sg", "Si", "Sr", "Sz", "U", "UNK", "Uj", "V", "VR",
    "Vj", "W", "W3", "W4", "Y", "c", "g", "i", "o", "r", "u", "v", "w", "y", "z",
)  # fmt: skip
# Our band: (in ADES, in column 71 of a record); U to I are Johnson and Cousins, u to z those of the SDSS
_BANDS = {
    "U": ("Uj", "U"), "B": ("Bj", "B"), "V": ("Vj", "V"), "R": ("Rc", "R"), "I": ("Ic", "I"),
    "u": ("u", "u"), "g": ("Sg", "g"), "r": ("Sr", "r"), "i": ("Si", "i"), "z": ("Sz", "z"),
    "gp1": ("Pg", "g"), "rp1": ("Pr", "r"), "ip1": ("Pi", "i"), "zp1": ("Pz", "z"),
    "yp1": ("Py", "y"), "y": ("Py", "y"),
    "usm": ("u", "u"), "gsm": ("g", "g"), "rsm": ("r", "r"), "ism": ("i", "i"), "zsm": ("z", "z"),
    "G": ("G", "G"), "BP": ("Gb", ""), "RP": ("Gr", ""),
    "Y": ("Y", "Y"), "J": ("J", "J"), "H": ("H", "H"), "K": ("K", "K"), "Ks": ("K", "K"),
    "Jukirt": ("J", "J"), "Hukirt": ("H", "H"),
}  # fmt: skip


def catalog_name(text):
    """Return the name of a catalogue as we know it (str) from column [6] of a light curve or REGCAT, or None."""
    known = surveys.canonical(surveys.earlier_names(str(text or "").strip())[-1])
    return surveys.ALIASES.get(known, known) if known else None


def catalog_codes(text):
    """Return (code in ADES, name in an 80-column report) of a catalogue, both empty where the MPC has none for it."""
    return CATALOGS.get(catalog_name(text), ("", ""))


def code_given(text):
    """Return the code in ADES that a user means by `text`: the code itself, or a catalogue as we call it.

    Raises UsageError for what the MPC has no code for.
    """
    codes = (*CURRENT_CATALOGS, *DEPRECATED_CATALOGS)
    known = next((code for code in codes if code.lower() == text.lower()), "") or catalog_codes(text)[0]
    if not known:
        raise UsageError(f"-astcat {text} is not a catalogue code of the MPC; these are {', '.join(CURRENT_CATALOGS)}")
    return known


def header_name(code):
    """Return the name in the header of an 80-column report of a catalogue that ADES calls `code`; the code, if none."""
    return next((name for known, name in CATALOGS.values() if known == code), code)


def band_codes(band):
    """Return (band in ADES, letter in an 80-column report) of one of our bands, empty where the MPC has none."""
    return _BANDS.get(band, ("", ""))
