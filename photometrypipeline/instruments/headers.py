"""What the header of a frame says, read the way its telescope writes it: pointing, binning, mid-time, filter, exposure.

Values that the first guess of the WCS overwrites are looked up under the name that they survive by (`_CRVAL1`), so that
a second run starts from the numbers that the first one started from.
"""

import re
import warnings
from dataclasses import replace

import numpy as np
from astropy import units
from astropy.io import fits

from photometrypipeline.base.errors import FrameError
from photometrypipeline.frames.frame import BINNED_LATER, COLOUR, COMMENT_START, saved_name
from photometrypipeline.frames.wcskeywords import WCS_PATTERN, is_ours
from photometrypipeline.instruments import exposurelength, filternames, moments
from photometrypipeline.instruments.instrument import OWN_WCS, as_text
from photometrypipeline.instruments.values import number
from photometrypipeline.sky import dates, sexagesimal, times

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
OWN_AIRMASS = re.compile(r"PP: (computed|fake)")  # comments of those that the pipeline has put there
OWN_CENTRE = ("PPRA", "PPDEC")  # where the WCS that a first guess has replaced had the centre of the frame
READ_NOISE = ("RDNOISE", "READNOIS", "READNOISE", "RON", "RONOISE", "ENOISE")  # as telescopes write it, e-
SHORTEST_S, LONGEST_S = 1e-5, 1e6  # of an exposure
MOST_BINNING = 64
NO_OBJECT = re.compile(r"|none|null|unknown|n/?a|undefined", re.IGNORECASE)
OTHER_OBJECTS = ("OBJNAME", "TARGNAME", "TARGET", "OBJCAT", "OBJECTNA", "TARGETID", "SRCNAME")
OF_DATE = re.compile(r"now|date|app|current", re.IGNORECASE)  # in place of a year
OLDEST_EQUINOX, LATEST_EQUINOX = 1850.0, 2100.0
OF_WCS = ("CRVAL1", "CRVAL2", "EQUINOX")  # a first guess replaces them; some telescopes have their pointing there


def value_of(frame, telescope, role):
    """Return the header value for a `role` of ROLES.  Raises FrameError naming file, keyword, role and telescope."""
    return _needed(frame, telescope, telescope.header[role], ROLES[role])


def _needed(frame, telescope, keyword, name):
    value = frame.header.get(keyword)
    if value is None:  # not there, or a card without a value
        raise missing(frame, telescope, keyword, name)
    return value


def missing(frame, telescope, keyword, name):
    """Return the FrameError for a keyword that is not in the header."""
    return FrameError(
        frame.path,
        f"has no {keyword} in its header, the {name} keyword of {telescope.key}",
        f"add it, or correct {name} in the telescope definition",
    )


def exptime_s(frame, telescope):
    """Return the exposure time in s (float), in whatever unit the header has it.  Raises FrameError."""
    keyword = telescope.header["exptime"]
    own = value_of(frame, telescope, "exptime")
    value = exposurelength.first_value(frame.header, keyword)
    comment = str(frame.header.comments[keyword])
    comment = "[s]" if value is not own or comment.startswith(COMMENT_START) else comment
    seconds = exposurelength.seconds(value, comment, keyword)
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise FrameError(
            frame.path, f"{keyword} = {value!r} is not an exposure time in s", "correct it, or remove the frame"
        )
    return seconds


def light_s(frame, telescope):
    """Return for how long (s) light was gathered for a prepared frame: for a stack all of it.  Raises FrameError."""
    whole = "EXPTIME" in frame.header and exposurelength.WHOLE in str(frame.header.comments["EXPTIME"])
    return number(frame.header["EXPTIME"]) if whole else exptime_s(frame, telescope)


def gain_e_adu(frame, telescope):
    """Return the gain (e-/ADU) that Source Extractor uses for a frame, None if none is known."""
    value = number(frame.header.get(telescope.header.get("gain", "GAIN")))
    return value if 0 < value < np.inf else telescope.gain or None


def saturation_adu(frame, telescope):
    """Return the level (ADU) at which the pixels of a frame saturate, None if none is known."""
    value = number(frame.header.get(telescope.header.get("saturation", "SATURATE")))
    return value if 0 < value < np.inf else telescope.saturation or None


def read_noise_e(frame, telescope):
    """Return the read noise (e-) of a frame, None if none is known."""
    for keyword in READ_NOISE:
        value = number(frame.header.get(keyword))
        if 0 <= value < np.inf:
            return value
    return telescope.read_noise


def text_of(frame, telescope, role, default=""):
    """Return a header value as stripped text; numbers (`OBJECT = 3552`) become text without decimals of zero.

    The object of an unknown camera may have another keyword, where the usual one says nothing.
    """
    value = frame.header.get(telescope.header[role])
    text = as_text(default if value is None else value)
    if role == "object" and telescope.key == "GENERIC" and NO_OBJECT.fullmatch(text):
        others = [as_text(frame.header.get(name) or "") for name in OTHER_OBJECTS]
        return next((other for other in others if not NO_OBJECT.fullmatch(other)), text)
    return text


def raw_filter(frame, telescope):
    """Return the filter as the telescope writes it, blanks at its ends stripped (str).  Raises FrameError.

    Where the wheel that the definition names is empty, one of the others that it names may hold a filter.
    """
    if COLOUR in frame.header:  # the mask of colours before the pixels is the filter
        return str(frame.header[COLOUR])
    if not telescope.header["filter"]:
        return ""  # a camera whose headers do not tell it
    value_of(frame, telescope, "filter")
    own = text_of(frame, telescope, "filter")
    if not _is_clear(telescope, own):
        return own
    others = [as_text(frame.header.get(name) or "") for name in telescope.header.get("filter2", "").split()]
    return next((other for other in others if other and not _is_clear(telescope, other)), own)


def _is_clear(telescope, name):
    return telescope.filters.get(name, "") is None or filternames.is_clear(name)


def airmass(frame, telescope):
    """Return the airmass (float), or None if the header has no usable one of the telescope's own."""
    keyword = telescope.header["airmass"]
    if keyword in frame.header and OWN_AIRMASS.match(str(frame.header.comments[keyword])):
        return None
    value = number(frame.header.get(keyword))
    return value if 0.9 < value < 100 else None


def midtime_jd(frame, telescope):
    """Return the Julian date (UTC) of the middle of the exposure, rounded to 8 decimals.  Raises FrameError.

    It is told by the keyword of the telescope alone; `exposures.of_frame` weighs it against the rest of the header.
    """
    if "COMBO_N" in frame.header:  # a stack: no date of its header, and not its exposure, tells its mean time
        kept = "COMBOJD" if "COMBOJD" in frame.header else "MIDTIMJD"
        return round(_julian_date(frame, kept), 8)
    moment = own_moment(frame, telescope)
    share = {moments.START: 0.5, moments.MIDDLE: 0.0}.get(moment.kind, -0.5)
    return round(moment.jd + share * exptime_s(frame, telescope) / times.SECONDS_PER_DAY, 8)


def own_moment(frame, telescope):
    """Return the Moment in the keyword of the time that the telescope's definition names.  Raises FrameError.

    A keyword with `JD` in its name holds a number, an MJD if below 2400000.5; whether it is the start or the middle of
    the exposure is a fact of the telescope.  All other forms hold date and time of the start, unless a comment says
    that they are those of the middle or of the end.
    """
    coded = telescope.header["time"]
    if times.is_julian(coded):
        jd = _julian_date(frame, coded)
        moment = moments.julian(frame.header, coded)
        kind = moment.kind if moment and moment.told else telescope.time_is
        jd, step_s, told = (moment.jd, moment.step_s, moment.told) if moment else (jd, 0.0, False)
        return moments.Moment(jd, coded, "utc", kind, told or kind != moments.START, step_s)
    of_date, _, of_time = coded.partition("|")
    text = _needed(frame, telescope, of_date, ROLES["time"])
    try:
        moment = moments.of_keywords(frame.header, of_date, of_time)
        if moment is None and not of_time and dates.read(text).jd is not None:
            moment = moments.of_day(frame.header, of_date)
        if moment is None and not of_time:
            raise ValueError(f"{text!r} has no time of day")
    except ValueError as error:
        raise FrameError(frame.path, f"{coded}: {error}", "correct the date in the header") from None
    if moment is None:
        value = _needed(frame, telescope, of_time, ROLES["time"])
        raise FrameError(frame.path, f"{coded}: {value!r} is not a time of day", "correct the date in the header")
    if telescope.zone_h and moment.says != "zone":
        return moved(moment, -telescope.zone_h)
    return moment


def moved(moment, add_h):
    """Return a Moment that is `add_h` hours later."""
    return replace(moment, jd=moment.jd + add_h / 24, says="utc")


def _julian_date(frame, keyword):
    value = frame.header.get(keyword)
    if value is None:
        raise FrameError(
            frame.path, f"has no {keyword} in its header, the {ROLES['time']} keyword", "add it to the header"
        )
    jd = number(value)
    if not np.isfinite(jd):
        raise FrameError(frame.path, f"{keyword} = {value!r} is not a Julian date", "correct it in the header")
    return jd + times.MJD_ZERO if jd < times.MJD_ZERO else jd


def binning(frame, telescope):
    """Return the binning (x, y), both float > 0.  Raises FrameError naming the keyword.

    Codes: two numbers; two keywords; `KEY#blankN`, `KEY#xN`, `KEY#_N`, `KEY#*N` for one keyword with both numbers
    separated by blanks, x, _ or *; `#CH#` in a keyword stands for the second character of INSTRUME.
    """
    later = number(frame.header.get(BINNED_LATER, 1))  # after the camera has read out
    later = later if later > 0 else 1.0
    return tuple(_one_binning(frame, telescope, coded, axis) * later for axis, coded in enumerate(telescope.binning))


def _one_binning(frame, telescope, coded, axis):
    if not isinstance(coded, str):
        return float(coded)
    if "#CH#" in coded:
        coded, kind = coded.replace("#CH#", str(frame.header.get("INSTRUME", "  "))[1:2]), ""
    else:
        coded, _, kind = coded.partition("#")
    value = _needed(frame, telescope, coded, "binning")
    fields = _split_binning(str(value).strip(), kind) if kind else [value] * 2
    factor = number(fields[axis]) if len(fields) > axis else np.nan
    if not 0 < factor <= MOST_BINNING:
        raise FrameError(frame.path, f"{coded} = {value!r} is not a binning factor", "correct it in the header")
    return factor


def _split_binning(text, kind):
    if kind.startswith("blank"):
        return text.split()
    return re.split(re.escape(kind[0]), text, flags=re.IGNORECASE)


def pointing(frame, telescope):
    """Return (ra_deg, dec_deg) of the frame's centre as its header has it, in its own equinox.  Raises FrameError.

    Sexagesimal RA is in hours; a decimal one in what the telescope definition says (degrees, hours for UKIRT).  Where
    the definition says `WCS|RA`, the WCS that the image has tells its centre: that of one chip of many, as a rule.
    """
    if uses_wcs(frame, telescope):
        return centre_by_wcs(frame)
    kept = [frame.header.get(keyword) for keyword in OWN_CENTRE]
    if None not in kept and telescope.header["ra"].startswith(OWN_WCS) and is_ours(frame.header):
        return float(kept[0]), float(kept[1])
    in_degrees = telescope.ra_unit == "deg" and telescope.header["radec_separator"] != "XXX"
    ra = _angle(frame, telescope, "ra", units.deg if in_degrees else units.hourangle)
    dec = _angle(frame, telescope, "dec", units.deg)
    if not -90 <= dec <= 90:
        keyword = telescope.keyword("dec")
        raise FrameError(frame.path, f"{keyword}: {dec} degrees is not a declination", "correct it in the header")
    jitter = telescope.special.get("jitter", ())  # keywords of the offsets in RA and Dec, arcsec
    offsets = [number(frame.header.get(keyword)) for keyword in jitter]
    if offsets and np.isfinite(offsets).all():
        ra, dec = ra - offsets[0] / 3600, dec - offsets[1] / 3600
    return ra % 360, dec


def uses_wcs(frame, telescope):
    """Return whether the image's own WCS tells where it looks: the definition says so, and there is one, not ours."""
    projection = str(frame.header.get("CTYPE1", ""))
    own = projection.startswith(("RA--", "DEC-")) and not is_ours(frame.header)
    return own and telescope.header["ra"].startswith(OWN_WCS)


def centre_by_wcs(frame):
    """Return (ra_deg, dec_deg) of the centre of a frame by the WCS in its header.  Raises FrameError."""
    from astropy.wcs import WCS

    cards = fits.Header([card for card in frame.header.cards if _belongs_to_wcs(card.keyword)])
    cards["NAXIS1"], cards["NAXIS2"] = frame.size_px
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wcs = WCS(cards, naxis=2)
            if not wcs.has_celestial:
                raise ValueError("it has none")
            place = wcs.pixel_to_world(*((size - 1) / 2 for size in frame.size_px))
            ra, dec = (float(place.data.lon.deg) % 360, float(place.data.lat.deg))
    except Exception as error:  # noqa: BLE001 - whatever a broken WCS makes of wcslib
        reason = " ".join(str(error).split())
        raise FrameError(
            frame.path, f"its WCS, which should give its pointing, cannot be used: {reason}", "give -ra and -dec"
        ) from None
    if not np.isfinite([ra, dec]).all():
        raise FrameError(frame.path, "its WCS gives no position on the sky for its centre", "give -ra and -dec")
    return ra, dec


def _belongs_to_wcs(keyword):
    return bool(WCS_PATTERN.fullmatch(keyword)) or keyword == "EQUINOX"


def original(frame, keyword):
    """Return the value of `keyword` before the first guess of the WCS replaced it; None if there is none."""
    return original_value(frame.header, keyword)


def original_value(header, keyword):
    """Return what `original` does, of a header (mapping)."""
    kept = header.get(saved_name(keyword)) if keyword in OF_WCS else None
    return header.get(keyword) if kept is None else kept


def _angle(frame, telescope, role, sexagesimal_unit):
    keyword = telescope.keyword(role)
    value = original(frame, keyword)
    if value is None:
        raise missing(frame, telescope, keyword, ROLES[role])
    decimal = telescope.header["radec_separator"] == "XXX"
    separator = ":" if decimal else telescope.header["radec_separator"]
    try:
        angle = float(value) * (15 if role == "ra" and telescope.ra_unit == "hour" and decimal else 1)
    except ValueError:
        text = " ".join(str(value).replace(separator, " ").replace(":", " ").split())
        angle = _sexagesimal(text, sexagesimal_unit)
    if not np.isfinite(angle):
        raise FrameError(frame.path, f"{keyword} = {value!r} is not an angle", "correct it in the header")
    return angle


def _sexagesimal(text, unit):
    whole = sexagesimal.read(text)
    if whole is not None and (unit != units.hourangle or abs(whole) <= 24):
        return whole * (15 if unit == units.hourangle else 1)
    from astropy.coordinates import Angle

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of 24 h and 60 s
        try:
            return float(Angle(text, unit=unit).deg)
        except (ValueError, units.UnitsError):
            return np.nan


def equinox(frame, telescope=None):
    """Return the equinox (yr) of the header's pointing; 2000 if it has none.  Text such as `J2000` is read too."""
    if telescope is not None and telescope.equinox is not None:
        return times.julian_epoch(midtime_jd(frame, telescope)) if telescope.equinox == "date" else telescope.equinox
    by_wcs = telescope is not None and uses_wcs(frame, telescope)
    value = frame.header.get("EQUINOX") if by_wcs else original(frame, "EQUINOX")
    if value is None or not str(value).strip():
        value = _other_equinox(frame.header) if telescope is not None and telescope.key == "GENERIC" else 2000.0
    if telescope is not None and OF_DATE.search(str(value)):
        return times.julian_epoch(midtime_jd(frame, telescope))
    found = re.search(r"\d{4}(\.\d*)?", str(value))
    if not found:
        raise FrameError(frame.path, f"EQUINOX = {value!r} is not a year", "correct it in the header")
    return float(found.group())


def _other_equinox(header):
    """Return the equinox (yr) that a header without EQUINOX tells: by EPOCH, its old name, or by FK4; else 2000."""
    epoch = number(header.get("EPOCH"))
    if OLDEST_EQUINOX <= epoch < LATEST_EQUINOX:
        return epoch
    system = str(header.get("RADESYS", header.get("RADECSYS", ""))).strip().upper()
    return 1950.0 if system.startswith("FK4") else 2000.0


def to_icrs(ra_deg, dec_deg, equinox_yr):
    """Return (ra_deg, dec_deg) in ICRS of a position in the equinox `equinox_yr`: FK4 before 1984, FK5 since then."""
    if equinox_yr == 2000.0:
        return ra_deg, dec_deg
    from astropy.coordinates import FK4, FK5, SkyCoord
    from astropy.time import Time

    if equinox_yr < 1984:
        system = FK4(equinox=Time(equinox_yr, format="byear"))
    else:
        system = FK5(equinox=Time(equinox_yr, format="jyear"))
    place = SkyCoord(ra_deg, dec_deg, unit="deg", frame=system).icrs
    return float(place.ra.deg), float(place.dec.deg)
