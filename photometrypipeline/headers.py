"""What the header of a frame says, read the way its telescope writes it: pointing, binning, mid-time, filter, exposure.

Values that `pp_prepare` overwrites are looked up under the name that they survive by (`_OBJECT`, `_CRVAL1`), so that a
second run starts from the numbers that the first one started from.
"""

import re

import numpy as np
from astropy import units
from astropy.coordinates import FK4, FK5, Angle, SkyCoord
from astropy.time import Time

from photometrypipeline import times
from photometrypipeline.errors import FrameError
from photometrypipeline.frame import saved_name
from photometrypipeline.instrument import as_text

ROLES = {  # role: the name by which users know it in a telescope definition
    "ra": "ra",
    "dec": "dec",
    "time": "date_keyword",
    "object": "object",
    "filter": "filter",
    "exptime": "exptime",
    "airmass": "airmass",
    "chip": "chip_id",
}


def value_of(frame, telescope, role):
    """Return the header value for a `role` of ROLES.  Raises FrameError naming file, keyword, role and telescope."""
    keyword = telescope.header[role]
    if keyword not in frame.header:
        raise missing(frame, telescope, keyword, ROLES[role])
    return frame.header[keyword]


def missing(frame, telescope, keyword, name):
    """Return the FrameError for a keyword that is not in the header."""
    return FrameError(
        frame.path,
        f"has no {keyword} in its header, the {name} keyword of {telescope.key}",
        f"add it, or correct {name} in the telescope definition",
    )


def exptime_s(frame, telescope):
    """Return the exposure time in s (float).  Raises FrameError."""
    value = value_of(frame, telescope, "exptime")
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = np.nan
    if not 0 <= seconds < np.inf:
        raise FrameError(frame.path, f"{telescope.header['exptime']} = {value!r} is no exposure time", "correct it")
    return seconds


def text_of(frame, telescope, role, default=""):
    """Return a header value as stripped text; numbers (`OBJECT = 3552`) become text without decimals of zero."""
    return as_text(frame.header.get(telescope.header[role], default))


def raw_filter(frame, telescope):
    """Return the filter as the telescope writes it, blanks at its ends stripped (str).  Raises FrameError."""
    value_of(frame, telescope, "filter")
    return text_of(frame, telescope, "filter")


def airmass(frame, telescope):
    """Return the airmass (float), or None if the header has no usable one."""
    try:
        value = float(frame.header.get(telescope.header["airmass"], "nan"))
    except (TypeError, ValueError):
        return None
    return value if 0.9 < value < 100 else None


def midtime_jd(frame, telescope):
    """Return the Julian date (UTC) of the middle of the exposure, rounded to 8 decimals.  Raises FrameError.

    A keyword with `JD` in its name holds a number, an MJD if below 2400000.5; whether it is the start or the middle of
    the exposure is a fact of the telescope.  All other forms hold date and time of the start.
    """
    coded = telescope.header["time"]
    half_day = exptime_s(frame, telescope) / 2 / times.SECONDS_PER_DAY
    if "|" not in coded and "JD" in coded:
        jd = _julian_date(frame, telescope, coded)
        return round(jd + (half_day if telescope.time_is == "start" else 0.0), 8)
    text = _date_and_time(frame, telescope, coded)
    try:
        return round(times.dateobs_to_jd(text) + half_day, 8)
    except ValueError as error:
        raise FrameError(frame.path, f"{coded}: {error}", "correct the date in the header") from None


def _julian_date(frame, telescope, keyword):
    if keyword not in frame.header:
        raise missing(frame, telescope, keyword, ROLES["time"])
    try:
        jd = float(frame.header[keyword])
    except (TypeError, ValueError):
        raise FrameError(frame.path, f"{keyword} = {frame.header[keyword]!r} is no Julian date", "correct it") from None
    return jd + times.MJD_ZERO if jd < times.MJD_ZERO else jd


def _date_and_time(frame, telescope, coded):
    keywords = coded.split("|")
    for keyword in keywords:
        if keyword not in frame.header:
            raise missing(frame, telescope, keyword, ROLES["time"])
    date, time = times.split_date_time(frame.header[keywords[0]])
    if len(keywords) == 2 and not time:
        time = str(frame.header[keywords[1]]).strip().replace("/", "-")
        time = times.split_date_time(time)[1] or time  # some write the date there once more
    return f"{date}T{time}" if time else date


def binning(frame, telescope):
    """Return the binning (x, y), both float > 0.  Raises FrameError naming the keyword.

    Codes: two numbers; two keywords; `KEY#blankN`, `KEY#xN`, `KEY#_N` for one keyword that holds both numbers parted by
    blanks, x or _; `#CH#` in a keyword stands for the second character of INSTRUME.
    """
    return tuple(_one_binning(frame, telescope, coded, axis) for axis, coded in enumerate(telescope.binning))


def _one_binning(frame, telescope, coded, axis):
    if not isinstance(coded, str):
        return float(coded)
    if "#CH#" in coded:
        coded, kind = coded.replace("#CH#", str(frame.header.get("INSTRUME", "  "))[1:2]), ""
    else:
        coded, _, kind = coded.partition("#")
    if coded not in frame.header:
        raise missing(frame, telescope, coded, "binning")
    value = frame.header[coded]
    try:
        if kind:
            value = _split_binning(str(value).strip(), kind)[axis]
        number = float(value)
    except (ValueError, IndexError, TypeError):
        number = 0.0
    if not 0 < number < np.inf:
        raise FrameError(frame.path, f"{coded} = {frame.header[coded]!r} is no binning", "correct it in the header")
    return number


def _split_binning(text, kind):
    if kind.startswith("blank"):
        return text.split()
    return re.split(kind[0], text, flags=re.IGNORECASE)


def pointing(frame, telescope):
    """Return (ra_deg, dec_deg) of the frame's centre as its header has it, in its own equinox.  Raises FrameError.

    Sexagesimal RA is in hours; a decimal one in what the telescope definition says (degrees, hours for UKIRT).
    """
    ra = _angle(frame, telescope, "ra", units.hourangle)
    dec = _angle(frame, telescope, "dec", units.deg)
    if not -90 <= dec <= 90:
        raise FrameError(
            frame.path, f"{telescope.header['dec']}: {dec} degrees is no declination", "correct it in the header"
        )
    jitter = telescope.special.get("jitter", ())  # keywords of the offsets in RA and Dec, arcsec
    if jitter and all(keyword in frame.header for keyword in jitter):
        ra, dec = (
            angle - float(frame.header[keyword]) / 3600 for angle, keyword in zip((ra, dec), jitter, strict=True)
        )
    return ra % 360, dec


def original(frame, keyword):
    """Return the value of `keyword` as it was before `pp_prepare` first changed it; None if there is none."""
    return frame.header.get(saved_name(keyword), frame.header.get(keyword))


def _angle(frame, telescope, role, sexagesimal_unit):
    keyword = telescope.header[role]
    value = original(frame, keyword)
    if value is None:
        raise missing(frame, telescope, keyword, ROLES[role])
    try:
        return float(value) * (15 if role == "ra" and telescope.ra_unit == "hour" and _decimal(telescope) else 1)
    except ValueError:
        pass
    separator = telescope.header["radec_separator"]
    text = " ".join(str(value).replace(separator if separator != "XXX" else ":", " ").replace(":", " ").split())
    try:
        return float(Angle(text, unit=sexagesimal_unit).deg)
    except (ValueError, units.UnitsError):
        raise FrameError(frame.path, f"{keyword} = {value!r} is no angle", "correct it in the header") from None


def _decimal(telescope):
    return telescope.header["radec_separator"] == "XXX"


def equinox(frame):
    """Return the equinox (yr) of the header's pointing; 2000 if it has none.  Text such as `J2000` is read too."""
    value = original(frame, "EQUINOX")
    if value is None:
        return 2000.0
    found = re.search(r"\d{4}(\.\d*)?", str(value))
    if not found:
        raise FrameError(frame.path, f"EQUINOX = {value!r} is no year", "correct it in the header")
    return float(found.group())


def to_icrs(ra_deg, dec_deg, equinox_yr):
    """Return (ra_deg, dec_deg) in ICRS of a position in the equinox `equinox_yr`: FK4 before 1984, FK5 since then."""
    if equinox_yr == 2000.0:
        return ra_deg, dec_deg
    system = (
        FK4(equinox=Time(equinox_yr, format="byear"))
        if equinox_yr < 1984
        else FK5(equinox=Time(equinox_yr, format="jyear"))
    )
    place = SkyCoord(ra_deg, dec_deg, unit="deg", frame=system).icrs
    return float(place.ra.deg), float(place.dec.deg)
