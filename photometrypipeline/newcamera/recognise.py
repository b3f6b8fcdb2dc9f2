"""What the keywords of an unknown header mean: found by their usual names, their comments, and what they can hold.

`read(header)` returns a Reading: for each role (time, exptime, ra ...) the keyword as a definition codes it, why it was
taken, and what is doubtful about it.  GENERIC frames are read by it on the fly; pptool_telescope writes a definition
from it.
"""

import re
from dataclasses import dataclass, field, replace

import numpy as np

from photometrypipeline.frames import wcskeywords
from photometrypipeline.instruments import (
    clocks,
    exposurelength,
    filternames,
    headers,
    moments,
    pointings,
    sites,
    values,
)
from photometrypipeline.instruments.instrument import IDENTIFYING, as_text
from photometrypipeline.sky import times

NAMES = {  # role: usual keywords, the one to prefer first
    "exptime": "EXPTIME EXPOSURE EXP_TIME EXP-TIME EXPOS EXPOSTIM ITIME TEXPTIME INTTIME XPOSURE EXPTIME1 EXPREQ EXPO "
    "EXPOINUS",
    "object": "OBJECT OBJNAME TARGNAME TARGET OBJCAT ESO_OBS_TARG_NAME OBJECTNA",
    "filter": "FILTER FILTERS FILTNAM FILTNAME FILTERID FILT FLT_ID INSFLNAM INSFILTE CCDFLTID ALFLTNM WFFBAND "
    "ESO_INS_FILT1_NAME FILTER1 FILTER2 FILTER01 FILTERA FILTERB FILTNME3 BAND",
    "airmass": "AIRMASS SECZ AMSTART AIRMASS0 AM ESO_TEL_AIRM_START OGE_TEL_TARG_AIRM_START",
    "gain": "EGAIN GAIN CVF CCDGAIN E-GAIN EPERDN GAIN1 ESO_DET_OUT1_GAIN",
    "read_noise": "RDNOISE READNOIS ENOISE RON RONOISE CCDNOISE ESO_DET_OUT1_RON",
    "saturation": "SATURATE SATLEVEL MAXLIN SATURATI",
}
COMMENTS = {  # role: what comments say, where no keyword has a usual name
    "exptime": r"\b(expos\w*|integration)\b.*\b(time|duration|s(ec(onds?)?)?)\b|\bduration of exposure",
    "object": r"\b(object|target)('?s)? name|name of (the )?(object|target)",
    "filter": r"\bfilter\b(?!.*wheel pos)",
    "airmass": r"\bair ?mass\b",
    "gain": r"\bgain\b.*e-?/|electrons? (per|/) ?(adu|dn|du|count)",
    "read_noise": r"read-?(out)? ?noise",
    "saturation": r"\bsaturat",
}
BINNING = (
    ("XBINNING", "YBINNING"),
    ("CCDXBIN", "CCDYBIN"),
    ("CCDBIN1", "CCDBIN2"),
    ("CCDBINX", "CCDBINY"),
    ("BINX", "BINY"),
    ("XBIN", "YBIN"),
    ("DETXBIN", "DETYBIN"),
    ("HBIN", "VBIN"),
    ("BIN1", "BIN2"),
    ("X_BIN", "Y_BIN"),
    ("ESO DET WIN1 BINX", "ESO DET WIN1 BINY"),
    ("OGE DET BINX", "OGE DET BINY"),
)
BOTH_BINNINGS = ("CCDSUM", "BINNING", "CCDBIN", "BIN", "XBINNING")
PIXELS_UM = ("XPIXSZ", "PIXSIZE1", "PIXSIZEX", "PIXSIZE", "XPIXELSZ", "PIXELSZ")
FOCI_MM = ("FOCALLEN", "FOCAL", "FOCALLN", "FOCLEN", "TELFOCAL", "FOC_LEN")
SCALES = ("SECPIX", "PIXSCALE", "SCALE", "IM_SCALE", "PIXSCAL", "SECPIX1", "PIXSCAL1", "PLTSCALE", "PLATESCA")
REQUESTED = re.compile(r"\b(request|command|nominal|planned|desired)", re.IGNORECASE)  # not what was exposed
ACTUAL = re.compile(r"\b(actual|measured|true|real|effective)\b", re.IGNORECASE)
OF_OTHERS = re.compile(r"\bmean\b|\bper (?!frame|sub|image|exp)|\bflat", re.IGNORECASE)  # no exposure of this image
AMPLIFIER = re.compile(r"camera gain|gain (setting|set)|\bdB\b|\bset\b|%", re.IGNORECASE)
TURNED = re.compile(r"\b(ADU|DN|counts?) ?(/|per) ?e", re.IGNORECASE)  # a gain that is the inverse of the usual one
CMOS = re.compile(r"ZWO|ASI\d|QHY|Seestar|PlayerOne|ToupTek|N\.I\.N\.A|SharpCap|ASIAIR|Dwarf|\bAPT\b", re.IGNORECASE)
PLAUSIBLE = {"gain": (0.005, 60), "read_noise": (0.3, 100), "saturation": (200, 5e6), "airmass": (0.99, 40)}
NOT_SAID = "that its time is UTC, the header does not say"
UNBINNED = re.compile(r"\bunbinned\b|\b(before|without) binning", re.IGNORECASE)
SCALE_UNITS = (  # what comments say, in arcsec
    (re.compile(r"\bmas\b|milli-?arc", re.IGNORECASE), 1e-3),
    (re.compile(r"\barc-?min", re.IGNORECASE), 60.0),
)
FOCUS_UNITS = (  # mm
    (re.compile(r"\[cm\]|\bcm\b|centimet", re.IGNORECASE), 10.0),
    (re.compile(r"\binch(es)?\b|\[in\]", re.IGNORECASE), 25.4),
    (re.compile(r"\[mm\]|\bmm\b|millimet", re.IGNORECASE), 1.0),
    (re.compile(r"\[m\]|\bmet(er|re)s?\b|\(m\)", re.IGNORECASE), 1000.0),
)
SCALE_LIMITS = (0.01, 150.0)  # arcsec per px


@dataclass(frozen=True)
class Found:
    """What holds a role: `coded` as a telescope definition writes it, its value, why it was taken, what is doubtful."""

    coded: object
    value: object
    why: str
    doubt: str = ""


@dataclass
class Reading:
    """All that was recognised in a header: roles to Found; positions, scales (arcsec per px, of the image as it is)."""

    roles: dict = field(default_factory=dict)
    places: list = field(default_factory=list)
    scales: list = field(default_factory=list)  # (arcsec/px, what tells it), the likelier first
    site: object = None
    station: str | None = None  # code of the MPC that the header names
    time: object = None  # a Judgement on the clock, see clocks.py

    def __getitem__(self, role):
        return self.roles[role]

    def get(self, role):
        """Return the Found of a role, None if nothing holds it."""
        return self.roles.get(role)

    def judge_time(self, header, place_deg=None):
        """Find the start of the exposure; `place_deg` is where the telescope surely looked, for altitudes."""
        exposure_s = float(self["exptime"].value) if "exptime" in self.roles else 0.0
        start, self.time = start_of(header, exposure_s, place_deg)
        if start:
            self.roles["time"] = start


def read(header):
    """Return the Reading of a fits.Header."""
    places = sorted(pointings.read(header), key=lambda place: abs(place.dec_deg) == 90)  # where mounts are parked
    reading = Reading(places=places, site=sites.site_of(header), station=sites.code_said(header))
    for role in NAMES:
        found = _by_name(header, role)
        if found:
            reading.roles[role] = found
    reading.roles["binning"] = binning_of(header)
    if reading.places:
        reading.roles["ra"] = reading.roles["dec"] = _pointing(*reading.places)
    reading.judge_time(header)
    reading.roles |= _names(header)
    reading.scales = scales_of(header, reading["binning"].value)
    return reading


def _keyword(name):
    return name.replace("_", " ") if name.startswith(("ESO_", "OGE_")) else name


def _by_name(header, role):
    names = [_keyword(name) for name in NAMES[role].split()]
    candidates = [(name, "usual name") for name in names if name in header]
    pattern = re.compile(COMMENTS[role], re.IGNORECASE)
    candidates += [
        (card.keyword, f"its comment, {card.comment!r}")
        for card in header.cards
        if card.keyword not in names and not card.keyword.startswith("_") and pattern.search(str(card.comment))
    ]
    doubts = []
    if role == "exptime":
        candidates = _exposed(header, candidates, names)
    if role == "filter":
        candidates = _wheel(header, candidates, names)
        doubts += _other_wheels(header, candidates, names)
    for name, why in candidates:
        value, doubt = _content(header, role, name)
        if value is not None:
            return Found(name, value, why, "; ".join([*doubts, doubt]).strip("; ") if doubt or doubts else "")
        if doubt:
            doubts.append(doubt)
    return None


def _exposed(header, candidates, names):
    """Return the candidates for the exposure time, one that was asked for last, where another tells the actual one."""
    own = [each for each in candidates if each[0] in names or ACTUAL.search(header.comments[each[0]])]
    others = [each for each in candidates if each not in own]
    return sorted(own, key=lambda each: bool(REQUESTED.search(header.comments[each[0]]))) + others


def _wheel(header, candidates, names):
    """Return the candidates for the filter, the one first that holds a filter where the first wheel is empty."""
    texts = {name: _content(header, "filter", name)[0] for name, _ in candidates if name in names}
    full = [name for name, text in texts.items() if text and not filternames.is_clear(text)]
    return sorted(candidates, key=lambda each: each[0] != full[0]) if full else candidates


def _other_wheels(header, candidates, names):
    """Return the doubt (list, of one or none) that several wheels have filters of different bands in the light."""
    wheels = {name: _content(header, "filter", name)[0] for name, _ in candidates if name in names}
    bands = {name: filternames.guess(text)[0] for name, text in wheels.items() if text}
    found = {name: band for name, band in bands.items() if band}
    if len(set(found.values())) < 2:
        return []
    return ["several filters are named: " + ", ".join(f"{name} = {wheels[name]}" for name in found)]


def _content(header, role, name):
    """Return (value, doubt) of a keyword for a role; the value is None where it cannot hold it."""
    value, comment = header[name], header.comments[name]
    if value is None or isinstance(value, bool):
        return None, ""
    text = as_text(value)
    if role in ("object", "filter"):
        return (text, "") if text and not re.fullmatch(r"(?i)n/?a|null|unknown", text) else (None, "")
    if role == "exptime":
        number = exposurelength.seconds(value, comment, name)
        ok = headers.SHORTEST_S <= number <= headers.LONGEST_S and not OF_OTHERS.search(comment)
        return (number, "") if ok else (None, "")
    number = values.number(value)
    if not np.isfinite(number):
        return None, ""
    if role == "gain" and name != "EGAIN" and _is_setting(header, number, comment):
        return None, f"{name} = {text} is taken for a setting of the camera, not for e-/ADU"
    if role == "gain" and number > 0 and TURNED.search(comment):
        number = 1 / number
    low, high = PLAUSIBLE[role]
    return (number, "") if low <= number <= high else (None, "")


def _is_setting(header, number, comment):
    """Return whether a gain is a setting of the amplifier: large, or of a camera or program that writes so."""
    if AMPLIFIER.search(comment):
        return True
    named = " ".join(str(header.get(name, "")) for name in ("INSTRUME", "SWCREATE", "CREATOR", "TELESCOP"))
    return number >= 20 or bool(CMOS.search(named))


def binning_of(header):
    """Return the Found of the binning (x, y), 1 x 1 with a doubt where no keyword gives it."""
    for pair in BINNING:
        numbers = [_number(header.get(name)) for name in pair]
        if all(number and 1 <= number <= 32 for number in numbers):
            return Found(pair, tuple(numbers), "usual names")
    for name in BOTH_BINNINGS:
        text = as_text(header.get(name, ""))
        fields = re.fullmatch(r"(\d+)\s*([x X_*])\s*(\d+)", text)
        if fields:
            kind = {" ": "#blank", "_": "#_", "*": "#*"}.get(fields[2], "#x")
            return Found((f"{name}{kind}0", f"{name}{kind}1"), (float(fields[1]), float(fields[3])), "usual name")
        if re.fullmatch(r"\d+(\.0*)?", text) and 1 <= float(text) <= 32:
            return Found((name, name), (float(text),) * 2, "usual name")
    return Found((1, 1), (1.0, 1.0), "no keyword gives it", "the header has no binning: taken as 1 x 1")


def _number(value):
    number = values.number(value)
    return number if np.isfinite(number) else None


def _pointing(place, *others):
    """Return the Found of the first of several Places; one of the others that lies elsewhere is a doubt."""
    doubt = ""
    in_hours = replace(place, ra_deg=place.ra_deg * 15, unit="hour")
    if not place.unit and any(other.unit and _nearer(in_hours, place, other) for other in others):
        place = in_hours
    if not place.unit:
        doubt = f"{place.keywords[0]} may be in degrees or in hours; taken as degrees"
    elsewhere = [(pointings.apart_deg(place, each), each) for each in others]
    apart_deg, other = min(elsewhere, key=lambda each: each[0], default=(0, None))
    if not doubt and apart_deg > pointings.OBVIOUS_DEG:
        used, far = (", ".join(each.keywords) for each in (place, other))
        doubt = f"{used} are used, although {far} lie {apart_deg:.0f} degrees away"
    return Found(place.keywords, (place.ra_deg, place.dec_deg), f"{place.form}, in {place.unit or 'degrees'}", doubt)


def _nearer(one, other, known):
    """Return whether one reading of a Place lies where a known Place is, and the other one does not."""
    apart = [pointings.separation(each.ra_deg, each.dec_deg, known.ra_deg, known.dec_deg) for each in (one, other)]
    return apart[0] < pointings.AGREE_DEG < apart[1]


def start_of(header, exposure_s, place_deg=None):
    """Return (Found, Judgement) of the start of the exposure; the value is the Julian date (UTC) of the start.

    `coded` is (time, time_is).  Keywords that say UTC, and Julian dates, go before a local clock; the Judgement is None
    unless a local clock is all that there is.  Without any time: (None, None).
    """
    everything = moments.read(header)
    known = [each for each in everything if "|" not in each.keyword or _belongs(header, each.keyword)]
    order = [*moments.START_DATE, "UT-OBS", "UTC-OBS", "UTSHUT", "DATETIME", "FRAME", "SSHT"]
    dated = [each for name in order for each in known if each.keyword.split("|")[0] == name and each.says != "local"]
    dated += [each for each in known if moments.JULIAN.fullmatch(each.keyword) and each.says != "local"]
    told = [each for each in known if each.of_exposure and each.told and each.kind != moments.MADE]
    dated += [each for each in told if each.says != "local" and each not in dated]
    dated += [each for each in known if each.says == "local" and each.keyword.split("|")[0] in (*order, "DATE-LOC")]
    if not dated:
        return None, None
    best = next((each for each in dated if each.says == "zone"), dated[0])
    judgement = clocks.judge(header, best, everything, exposure_s, place_deg)
    if judgement is None:
        doubt = "" if best.says in ("utc", "zone") or _agreed(everything, best) else NOT_SAID
        return _start(best, best.jd, exposure_s, doubt), None
    true_jd = best.jd + judgement.add_h / 24
    better = [each for each in dated if abs(each.jd - true_jd) * 24 < exposure_s / 3600 + clocks.SLACK_H]
    if judgement.sure and better:
        doubt = f"{best.keyword} is local time, as {better[0].keyword} shows, which is used instead"
        return _start(better[0], better[0].jd, exposure_s, doubt), None
    doubt = f"{best.keyword}: {judgement.reason}"
    sure = judgement if judgement.sure else None
    return _start(best, true_jd if sure else best.jd, exposure_s, doubt), sure


def _belongs(header, coded):
    """Return whether a time of day belongs to a date that has none of its own."""
    return moments.of_keywords(header, coded.split("|")[0]) is None


def _agreed(everything, best):
    return any(
        each.says == "utc" and abs(each.jd - best.jd) < 0.02 for each in everything if each.keyword != best.keyword
    )


def _start(moment, jd, exposure_s, doubt):
    julian = times.is_julian(moment.keyword)
    share = {moments.START: 0.0, moments.MIDDLE: 0.5}.get(moment.kind, 1.0)
    why = {"zone": "date, time and zone", "utc": "says UTC"}.get(moment.says, "date and time")
    time_is = moment.kind if julian else moments.MIDDLE  # what a definition says by default
    return Found((moment.keyword, time_is), jd - share * exposure_s / times.SECONDS_PER_DAY, why, doubt)


def _first(header, names):
    """Return (number, name) of the first of several keywords that holds a number above 0; (None, '') without."""
    found = ((_number(header.get(name)), name) for name in names)
    return next(((number, name) for number, name in found if number and number > 0), (None, ""))


def _names(header):
    """Return {'identifier': Found, 'telescop': Found} of what names camera and telescope."""
    found = {}
    names = [name for name in IDENTIFYING if as_text(header.get(name) or "")]
    if names:
        found["identifier"] = Found(names[0], as_text(header[names[0]]), f"value of {names[0]}")
    if "TELESCOP" in names[1:]:
        found["telescop"] = Found("TELESCOP", as_text(header["TELESCOP"]), "value of TELESCOP")
    return found


def scales_of(header, binning):
    """Return [(arcsec per px, origin)] of what a header may mean by its scale; the likelier, which is that of the image
    as it is, comes first, and values that would be those of unbinned pixels last.
    """
    size_um, of_size = _first(header, PIXELS_UM)
    unbinned = [name for name in SCALES if name in header and UNBINNED.search(header.comments[name])]
    found = [(_scale_arcsec(header, name, size_um), name) for name in SCALES]
    found = [(scale and scale * (binning[0] if name in unbinned else 1), name) for scale, name in found]
    matrix = wcskeywords.pixel_scale_arcsec(header)
    delta = _number(header.get("CDELT1"))
    if np.isfinite(matrix):
        found.append((matrix, "CD matrix"))
    elif delta and str(header.get("CTYPE1", "")).startswith("RA"):
        found.append((abs(delta) * 3600, "CDELT1"))
    focal_mm, of_focus = _first(header, FOCI_MM)
    if size_um and focal_mm:
        focal_mm *= _unit_mm(header.comments[of_focus], focal_mm)
        of_camera = of_size.startswith("PIXSIZE") or UNBINNED.search(header.comments[of_size])  # unlike XPIXSZ
        size_um *= binning[0] if of_camera else 1
        found.append((float(np.degrees(size_um / 1000 / focal_mm)) * 3600, f"{of_size} and {of_focus}"))
    found = [(scale, origin) for scale, origin in found if scale and SCALE_LIMITS[0] < scale < SCALE_LIMITS[1]]
    if binning[0] > 1:
        found += [
            (scale * binning[0], f"{origin}, if it is that of unbinned pixels")
            for scale, origin in found
            if origin not in unbinned
        ]
    return found


def _scale_arcsec(header, name, size_um):
    """Return the scale (arcsec per px) in a keyword, in whatever unit its comment says; None if it holds none.

    size_um : of a pixel, for those of a plate, None if it is not known
    """
    scale = _number(header.get(name))
    comment = str(header.comments[name]) if name in header else ""
    if not scale:
        return None
    if re.search(r"(?i)/ ?mm\b|\bper (mm|millimet)", comment):
        return scale * size_um / 1000 if size_um else None
    if scale < 0.05 and re.search(r"(?i)\bdeg", comment):
        return scale * 3600
    return scale * next((unit for pattern, unit in SCALE_UNITS if pattern.search(comment)), 1.0)


def _unit_mm(comment, focal):
    """Return the unit (mm) of a focal length; one that would be too short without a word of its unit is in metres."""
    said = next((unit for pattern, unit in FOCUS_UNITS if pattern.search(comment)), None)
    return said or (1000.0 if focal < 15 else 1.0)
