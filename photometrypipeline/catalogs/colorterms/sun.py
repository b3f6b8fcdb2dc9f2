"""The Sun's colours, and how a colour is written."""

# Magnitudes relative to one band of each system, mag: SDSS web pages (SDSS, put on AB: u - 0.04, z + 0.02), Willmer
# 2018, ApJS 236, 47 (Pan-STARRS), Ramirez et al. 2012, ApJ 752, 5 (Johnson-Cousins), Casagrande et al. 2012, ApJ 761,
# 16 (2MASS), Casagrande & VandenBerg 2018, MNRAS 479, L102 (Gaia).
_FAMILIES = (
    {"u": 1.83, "g": 0.44, "r": 0.0, "i": -0.11, "z": -0.12},
    {"gp1": 0.39, "rp1": 0.0, "ip1": -0.12, "zp1": -0.14, "yp1": -0.14},
    {"U": 0.811, "B": 0.653, "V": 0.0, "R": -0.356, "I": -0.701},
    {"J": 0.286, "H": 0.0, "Ks": -0.076},
    {"BP": 0.82, "RP": 0.0},
)
USUAL_COLORS = ("g-r", "B-V", "BP-RP", "J-H", "gsm-rsm", "gp1-rp1", "V-R")  # in the order of preference


def color_bands(text):
    """Return the two bands of a colour such as "g-r" as (str, str), None for a text that is not a colour."""
    blue, minus, red = str(text).strip().partition("-")
    return (blue, red) if minus and blue.isalnum() and red.isalnum() and blue != red else None


def solar_color(blue, red):
    """Return the Sun's colour between two bands of one system, mag, None where it is not known here."""
    for family in _FAMILIES:
        if blue in family and red in family:
            return round(family[blue] - family[red], 3)
    return None
