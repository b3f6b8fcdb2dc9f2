"""The names of the catalogues, and of all bands that one has or a transformation gives.

Light enough for a command line to look at.
"""

from pathlib import Path

from photometrypipeline.base.errors import UsageError
from photometrypipeline.instruments import filternames

JOHNSON = ("U", "B", "V", "R", "I")
SLOAN = ("u", "g", "r", "i", "z", "y")
INFRARED = ("Y", "Z", "J", "H", "K", "Ks", "Jukirt", "Hukirt")
GAIA = ("G", "BP", "RP")
PANSTARRS = ("gp1", "rp1", "ip1", "zp1", "yp1")
SKYMAPPER = ("usm", "vsm", "gsm", "rsm", "ism", "zsm")
BANDS = (*JOHNSON, *SLOAN, *INFRARED, *GAIA, *PANSTARRS, *SKYMAPPER)
SETS = {"Johnson, Cousins": JOHNSON, "Sloan": SLOAN, "infrared": INFRARED, "Gaia": GAIA, "Pan-STARRS": PANSTARRS}
KNOWN = ", ".join(f"{' '.join(bands)} ({name})" for name, bands in (SETS | {"SkyMapper": SKYMAPPER}).items())
CATALOGS = (  # surveys.NAMES
    *("2MASS", "APASS10", "APASS9", "GAIA", "GAIA-DR1", "GAIA-DR2", "GAIA-DR3", "GAIA-EDR3", "GSPC", "PANSTARRS"),
    *("PANSTARRS-DR2", "REFCAT2", "SDSS-R12", "SDSS-R13", "SDSS-R16", "SDSS-R9", "SkyMapper", "SkyMapper-DR4"),
    *("TGAS", "TYCHO2", "UCAC4", "URAT-1", "USNO-B1", "VSX"),
)
NEAREST = "G"  # of bands, to no filter at all: Gaia's, as wide as a bare CCD
NO_BAND = ("none", "clear", "c", "l", "lum", "luminance", "open", "white", "empty")
UNFILTERED = f"magnitudes stay instrumental; -filter {NEAREST} calibrates to the nearest"


def check(name, catalogs=None):
    """Raise UsageError unless `name` is a band, or None in any letter case, as -filter takes them.

    catalogs : names of catalogues as the user gives them; tables of the user may have any band, SkyMapper has its v
    """
    given = (catalogs,) if isinstance(catalogs, str) else catalogs or ()
    if name in BANDS or name.lower() == "none" or any(Path(each).is_file() for each in given):
        return
    if name == "v" and any(each.lower().startswith("skymapper") for each in given):
        return
    if name.lower() in NO_BAND:
        raise UsageError(f"-filter {name} is not a band; with -filter None {UNFILTERED}")
    near = [band for band in BANDS if band.lower() == name.lower()]
    near += ["vsm (SkyMapper)"] if name == "v" else []
    near = near or [band for band in (filternames.guess(name)[0],) if band in BANDS]  # r', Rc, Bessel V
    hint = f"did you mean {' or '.join(near)}?" if near else f"the bands are {KNOWN}"
    raise UsageError(f"-filter {name or repr('')} is not a band; {hint}")
