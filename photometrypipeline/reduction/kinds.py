"""What kind of exposure a frame is: of the sky, or bias, dark, flat; and whether it has been reduced."""

import re

from astropy.io import fits

BIAS, DARK, FLAT, DARK_FLAT, LIGHT = "bias", "dark", "flat", "dark flat", "light"
CALIBRATIONS = (BIAS, DARK, FLAT, DARK_FLAT)
KEYWORDS = ("IMAGETYP", "OBSTYPE", "EXPTYPE", "IMGTYPE", "FRAMETYP", "OBS_TYPE", "PICTTYPE", "FRAME", "ESO DPR TYPE")
WORDS = (  # pattern on the value without blanks, hyphens and underscores at its ends; the first that fits counts
    (re.compile(r"(?i)(dark[-_ ]?flat|flat[-_ ]?dark).*"), DARK_FLAT),
    (re.compile(r"(?i)(master[-_ ]?)?(bias|zero|offset)s?([-_ ]?(frame|field|image))?"), BIAS),
    (re.compile(r"(?i)(master[-_ ]?)?darks?([-_ ]?(frame|field|image))?"), DARK),
    (re.compile(r"(?i)(master[-_ ]?)?((sky|dome|twilight|twi|lamp|panel|day|led)[-_, ]?)?flats?.*"), FLAT),
    (re.compile(r"(?i)(flat[-_, ]?(sky|dome|twilight|lamp|led))"), FLAT),
    (re.compile(r"(?i)(light|object|science|expose|sky|target|standard|acq.*)s?([-_ ]?(frame|field|image))?"), LIGHT),
)
REDUCED_TEXT = ("FLATCOR", "FLATPROC", "PPFLAT", "FLATTED", "FLATFIL", "L1FLAT", "L1IDFLAT", "FLATNAME", "FLAT_FIL")
NOT_DONE = ("", "0", "f", "false", "n/a", "none", "no")


def kind_of(header: fits.Header) -> str | None:
    """Return the kind of the exposure that a header tells (one of the names above), None where it tells none."""
    for keyword in KEYWORDS:
        value = str(header.get(keyword, "")).strip(" -_")
        for pattern, kind in WORDS if value else ():
            if pattern.fullmatch(value):
                return kind
    return None


def is_reduced(header: fits.Header) -> bool:
    """Return whether a header says that its image has been flat-fielded."""
    if any(str(header.get(keyword, "")).strip().lower() not in NOT_DONE for keyword in REDUCED_TEXT):
        return True
    return "F" in str(header.get("CALSTAT", "")).upper() or str(header.get("RLEVEL", "")).strip() in ("91", "92")
