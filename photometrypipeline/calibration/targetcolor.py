"""The colour of a target that nobody has measured: that of asteroids, by taxonomic class where it is known.

g-r of a class is the Sun's, 0.44, with the reflectance of the class's mean spectrum at 0.469 and 0.617 um (DeMeo et al.
2009, Icarus 202, 160).  Other colours follow from the Sun's in that system and a reflectance that is straight with
wavelength, which between 0.4 and 0.75 um it nearly is.
"""

from dataclasses import dataclass

import numpy as np

from photometrypipeline.base.errors import UsageError
from photometrypipeline.catalogs import colorterms

ASTEROID_G_R, ASTEROID_SPREAD = 0.55, 0.10  # mag, of the Main Belt as a whole
GIVEN_SPREAD = 0.02  # mag, of a colour that the user gives
CLASS_SPREAD = 0.04  # mag, of the members of a class around its mean
TAXONOMY = {  # g-r, mag
    "A": 0.84, "B": 0.46, "C": 0.48, "Cb": 0.43, "Cg": 0.56, "Cgh": 0.53, "Ch": 0.46, "D": 0.59, "K": 0.61, "L": 0.68,
    "O": 0.54, "Q": 0.64, "R": 0.72, "S": 0.68, "Sa": 0.76, "Sq": 0.66, "Sr": 0.68, "Sv": 0.67, "T": 0.57, "V": 0.73,
    "X": 0.50, "Xc": 0.53, "Xe": 0.59, "Xk": 0.53,
    "E": 0.53, "F": 0.46, "G": 0.48, "M": 0.53, "P": 0.50,  # of Tholen's classes: as Xk, B, C, Xk, X, which they became
}  # fmt: skip
WAVELENGTH_UM = {  # effective, of each band
    "U": 0.366, "B": 0.438, "V": 0.545, "R": 0.641, "I": 0.798, "J": 1.235, "H": 1.662, "K": 2.159, "Ks": 2.159,
    "u": 0.355, "g": 0.469, "r": 0.617, "i": 0.748, "z": 0.893,
    "gp1": 0.481, "rp1": 0.617, "ip1": 0.752, "zp1": 0.866, "yp1": 0.962,
    "gsm": 0.510, "rsm": 0.617, "ism": 0.779, "zsm": 0.916, "BP": 0.511, "G": 0.622, "RP": 0.777,
}  # fmt: skip
STAR_WIDTH = 0.35  # mag in g-r: stars whose colour differs by this from the target's count 0.6 times
# how far stars of types F to K spread in a colour, relative to g-r, for the width in other colours
STELLAR_SLOPE = {"g-r": 1.0, "B-V": 1.02, "BP-RP": 1.25, "J-H": 0.55, "gsm-rsm": 0.75, "gp1-rp1": 0.88, "V-R": 0.57}
ENOUGH_STARS = 20  # as many are to count, however far their colours lie


@dataclass(frozen=True)
class TargetColor:
    """The colour of the target: its `name`, such as "g-r", `value` and `err` (mag), and `origin`, where it is from."""

    name: str
    value: float
    err: float
    origin: str

    def __str__(self):
        return f"{self.name} = {self.value:.2f} +- {self.err:.2f} ({self.origin})"


def wished(text):
    """Return a wish for `of`: a colour (float, mag), or a taxonomic class.  Raises UsageError for anything else."""
    try:
        return float(text)
    except ValueError:
        return _taxonomic(text)


def of(wish, name, given_in=None):
    """Return the TargetColor in the colour `name` for a `wish`: None, a taxonomic class, or a number.

    given_in : the colour that a number is meant in, by default `name`
    Raises UsageError for a colour in which asteroids are not known here, and for a class that there is not.
    """
    if isinstance(wish, int | float):
        given_in = given_in or name
        value, err, origin = _between(given_in, name, float(wish)), GIVEN_SPREAD, "given"
        return TargetColor(name, round(value, 3), err, origin)
    if wish is None:
        g_r, err, origin = ASTEROID_G_R, ASTEROID_SPREAD, "asteroids on average"
    else:
        kind = _taxonomic(wish)
        g_r, err, origin = TAXONOMY[kind], CLASS_SPREAD, f"class {kind}"
    return TargetColor(name, round(_between("g-r", name, g_r), 3), round(err * _scale(name), 3), origin)


def _between(one, other, value):
    """Return the colour `other` of an asteroid whose colour `one` is `value`, mag.  Raises UsageError."""
    if one == other:
        return value
    for name in (one, other):
        if _scale(name) is None or colorterms.solar_color(*colorterms.color_bands(name)) is None:
            raise UsageError(
                f"the {name} of asteroids is not known here; give that of the target with -colorterm {name} and "
                "-target_color"
            )
    suns = [colorterms.solar_color(*colorterms.color_bands(name)) for name in (one, other)]
    return suns[1] + (value - suns[0]) / _scale(one) * _scale(other)


def _taxonomic(text):
    kind = str(text).strip().removesuffix("-type")
    found = {name.lower(): name for name in TAXONOMY}.get(kind.lower())
    if found is None:
        raise UsageError(
            f"-target_color {text} is neither a number nor a taxonomic class; classes are {', '.join(TAXONOMY)}"
        )
    return found


def _scale(name):
    """Return by how much a colour changes where g-r changes by 1 with the slope of the reflectance; None if unknown."""
    bands = [WAVELENGTH_UM.get(band) for band in colorterms.color_bands(name) or ()]
    if len(bands) != 2 or None in bands:
        return None
    return (bands[1] - bands[0]) / (WAVELENGTH_UM["r"] - WAVELENGTH_UM["g"])


def likeness(color, target):
    """Return how much each star counts by its colour, 0 to 1, shape (n,), and the width (mag) that it rests on.

    color : mag, shape (n,), NaN where unknown; such stars count as the median of the others does
    The width is 0.35 mag in g-r; it grows until ENOUGH_STARS count, or 0.7 of all where there are no more.
    """
    width = STAR_WIDTH * STELLAR_SLOPE.get(target.name, _scale(target.name) or 1.0)
    color = np.asarray(color, dtype=float)
    known = np.isfinite(color)
    if not known.any():
        return np.ones(color.shape), width
    needed = min(ENOUGH_STARS, 0.7 * known.sum())
    while True:
        weight = np.exp(-(((color - target.value) / width) ** 2) / 2)
        if np.nansum(weight) >= needed or width > 10:
            break
        width *= 1.2
    return np.where(known, weight, np.nanmedian(weight)), width
