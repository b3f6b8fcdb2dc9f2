"""Images of an unknown camera (GENERIC): what their headers tell under any usual name, and what the user has to say.

What is found or answered is put into the header under the names of the GENERIC definition; later steps see an ordinary
telescope.
"""

import logging
import sys

import numpy as np
from astropy.time import Time

from photometrypipeline.base.errors import FrameError, UsageError
from photometrypipeline.frames import wcskeywords
from photometrypipeline.frames.frame import BINNED_LATER, COLOUR, keep_first, set_keyword
from photometrypipeline.instruments import moments, values
from photometrypipeline.newcamera import recognise
from photometrypipeline.registration import blind

log = logging.getLogger("pp.generic")

KEY = "GENERIC"
QUESTIONS = {
    "secpix": "pixel scale before binning (arcsec/px)",
    "binning": "binning factor (1, 2, ...)",
    "ra": "right ascension of the frame centre (degrees, or hh mm ss)",
    "dec": "declination of the frame centre (degrees, or dd mm ss)",
    "filter": "filter (a band such as V or r; 'clear' for none)",
    "date": "date and time of the start of the exposure (UTC, YYYY-MM-DDThh:mm:ss)",
    "exptime": "exposure time (s)",
}
SCALE = ("secpix", "binning")  # what the stars tell where the frame's place is known
GUESSED_WITHIN = 3.0
SCALES_DIFFER = 0.05  # of a scale: two that are nearer agree
USUAL_ARCSEC, USUAL_PIXEL_UM, USUAL_FOCUS_MM = 1.2, 4.5, 800.0
OPTIONAL = {"gain": "e-/ADU", "saturation": "ADU"}  # not asked for
MEASURED = {"gain": "PPGAIN", "saturation": "PPSATUR"}
WRITTEN = {"ra": "OBJCTRA", "dec": "OBJCTDEC", "filter": "FILTER", "exptime": "EXPTIME", "date": "DATE-OBS"}


def parse_answers(settings):
    """Return {name: text} of a list of `NAME=VALUE`.  Raises UsageError for an unknown name."""
    answers = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or name.strip().lower() not in QUESTIONS | OPTIONAL:
            raise UsageError(f"-set {setting}: expected NAME=VALUE with NAME one of {', '.join(QUESTIONS | OPTIONAL)}")
        answers[name.strip().lower()] = value.strip()
    return answers


def complete(frames, telescopes, answers, keep_wcs, placed=()):
    """Return `answers` with whatever else GENERIC frames lack, asked for on an interactive terminal.

    telescopes : {frame name: Telescope};  placed : names of frames whose place is known
    Without a terminal: raises UsageError with one list of all that is missing.
    What other frames tell is not asked for: a frame without it cannot be prepared, which stops only that one.
    """
    ours = [frame for frame in frames if telescopes[frame.name].key == KEY]
    lacking = [_lacking(frame, answers, frame.name in placed or keep_wcs) for frame in ours]
    missing = min(lacking, key=len, default=[])
    if set(missing) <= {"ra", "dec", *SCALE} and all(found_by_stars(frame, answers) for frame in ours):
        missing = []
    if len(ours) < len(frames):  # they are in the way of nobody: each says by itself what it lacks
        return answers
    if missing and not sys.stdin.isatty():
        listed = "; ".join(f"{name}: {QUESTIONS[name]}{_seen(ours[0].header, name)}" for name in missing)
        example = " ".join(f"-set {name}=..." for name in missing)
        raise UsageError(
            f"{ours[0].name}: unknown camera, and its header does not give {listed}; give it with {example}"
        )
    return answers | {name: input(f"{QUESTIONS[name]}: ").strip() for name in missing}


def _lacking(frame, answers, placed):
    """Return the names of QUESTIONS without an answer; where it is known where a frame looks, stars tell its scale."""
    reading = recognise.read(frame.header)
    missing = [name for name in QUESTIONS if find(frame, name, reading) is None and name not in answers]
    if placed:
        missing = [name for name in missing if name not in ("ra", "dec")]
    if {"ra", "dec"} & set(missing) or "secpix" not in missing:
        return missing
    return [name for name in missing if name not in SCALE]


def _seen(header, name):
    """Return what a header has under the usual names of what is missing, in brackets; '' if there is nothing."""
    usual = {"date": moments.START_DATE, "exptime": recognise.NAMES["exptime"].split()}.get(name, ())
    cards = [header.cards[each] for each in usual if header.get(each) is not None]
    texts = [f"{card.keyword} = {card.value!r}{f' / {card.comment}' if card.comment else ''}" for card in cards]
    return f" ({'; '.join(texts)} does not tell it)" if texts else ""


def guessed_scale(header):
    """Return a guess of the unbinned pixel scale (arcsec) that is right within GUESSED_WITHIN, from what is known."""
    size_um, focal_mm = (values.number(header.get(name)) for name in ("XPIXSZ", "FOCALLEN"))
    if not (size_um > 0 or focal_mm > 0):
        return USUAL_ARCSEC
    size_um = size_um if size_um > 0 else USUAL_PIXEL_UM
    focal_mm = focal_mm if focal_mm > 0 else USUAL_FOCUS_MM
    return float(np.degrees(size_um / 1000 / focal_mm)) * 3600


def found_by_stars(frame, answers):
    """Return whether a frame is so wide that its stars tell where it looks, with its pixel scale or with a guess."""
    scale, binning = answers.get("secpix") or find(frame, "secpix"), answers.get("binning") or find(frame, "binning")
    scale = scale or str(GUESSED_WITHIN * guessed_scale(frame.header))
    try:
        numbers = [float(value if isinstance(value, str) else value[0]) for value in (scale, binning or "1")]
    except (TypeError, ValueError):
        return False
    return blind.possible(frame.size_px, numbers[0] * numbers[1])


def find(frame, name, reading=None):
    """Return (value, what tells it) for what is needed, None if the header does not tell it; see recognise.py.

    reading : of the frame's header, where it is known already
    """
    header = frame.header
    if name == "secpix" and header.get("TEL_KEYW") == KEY:  # prepared before
        scale, binning = (values.number(header.get(each)) for each in ("SECPIXX", "BINX"))
        if scale > 0 and binning > 0:
            return scale / binning / binned_later(header), "SECPIXX"
    if name == "filter" and COLOUR in header:  # the mask of colours is the filter, whatever stands before it
        return str(header[COLOUR]), COLOUR
    reading = reading or recognise.read(header)
    if name == "secpix":
        if not reading.scales:
            return None
        scale, origin = reading.scales[0]
        of_image = origin in ("CD matrix", "CDELT1")  # the other keywords are those of the camera
        return scale / reading["binning"].value[0] / (binned_later(header) if of_image else 1), origin
    found = reading.get({"date": "time"}.get(name, name))
    if found is None:
        return None
    if name in ("ra", "dec"):
        return found.value[name == "dec"], found.coded[name == "dec"]
    if name == "binning":
        if found.doubt and not reading.scales and "SECPIXX" not in header:
            return None  # what the user says of the scale holds before binning
        return found.value[0], _keywords(found.coded)
    if name == "date":
        return Time(found.value, format="jd", scale="tai").isot, found.coded[0].replace("|", " and ")
    return found.value, found.coded


def binned_later(header):
    """Return how many pixels of the camera along each axis make one of the image, after the camera has read out."""
    number = values.number(header.get(BINNED_LATER, 1))
    return number if number > 0 else 1.0


def _keywords(coded):
    return " and ".join(dict.fromkeys(str(name).partition("#")[0] for name in coded))


def implant(frame, telescope, answers, facts=None):
    """Write what was answered, or found under other names, under the expected names into a GENERIC frame's header.

    facts : camerafacts.CameraFacts of all the frames
    """
    if telescope.key != KEY:
        return
    _write_measured(frame.header, facts)
    header = frame.header
    reading = recognise.read(header)
    told = {name: (answers[name], "the user") if name in answers else find(frame, name, reading) for name in QUESTIONS}
    found = _with_scale(header, told)
    missing = [name for name in ("secpix", "binning", "date", "exptime", "filter") if found[name] is None]
    if missing:
        listed = "; ".join(f"{name}: {QUESTIONS[name]}{_seen(header, name)}" for name in missing)
        raise FrameError(frame.path, f"unknown camera, and its header does not tell {listed}", "say it with -set")
    for name, keyword in WRITTEN.items():
        if found[name] and (name in answers or found[name][1] != keyword):
            keep_first(header, keyword)
            set_keyword(header, keyword, found[name][0], f"taken from {found[name][1]}")
            log.info("%s: %s = %s, taken from %s", frame.name, keyword, *found[name])
        doubt = getattr(reading.get({"date": "time"}.get(name, name)), "doubt", "")
        if doubt and name not in answers:  # the same for every frame, as a rule: said once
            log.log(logging.INFO if doubt == recognise.NOT_SAID else logging.WARNING, "unknown camera: %s", doubt)
    for keyword in ("BINX", "BINY"):
        set_keyword(
            header, keyword, _number(frame, found["binning"], "binning"), f"binning, from {found['binning'][1]}"
        )
    _compare_scales(reading, found["secpix"][1])
    scale = _number(frame, found["secpix"], "pixel scale")
    set_keyword(header, "SECPIXX", scale * header["BINX"], f"[arcsec/px] from {found['secpix'][1]}")
    log.info("%s: pixel scale before binning %.4f arcsec, taken from %s", frame.name, scale, found["secpix"][1])
    if "INSTRUME" not in header:  # a camera that says its name keeps it: a definition may be made for it later
        set_keyword(header, "INSTRUME", KEY, "unknown camera")


def _compare_scales(reading, origin):
    """Say where the WCS of a header is of quite another scale than the keyword that is used."""
    scales = {name: scale for scale, name in reading.scales}
    used, by_wcs = scales.get(origin), scales.get("CD matrix")
    binning = reading["binning"].value[0]
    if used and by_wcs and min(abs(np.log(by_wcs / used / factor)) for factor in (1, binning)) > SCALES_DIFFER:
        log.warning("unknown camera: %s says %.4g arcsec/px, the WCS %.4g", origin, used, by_wcs)


def _with_scale(header, found):
    """Return what was found ({name: (value, origin)}) with a guess of the scale where there is none, which is noted."""
    if found["secpix"] is not None:
        if found["secpix"][1] != "SECPIXX":  # which may be the guess of an earlier run
            header.remove(wcskeywords.NO_SCALE, ignore_missing=True)
        return found
    set_keyword(header, wcskeywords.NO_SCALE, GUESSED_WITHIN, "pixel scale is a guess, right within this factor")
    binning = found["binning"] or (1.0, "no keyword")
    return found | {"secpix": (guessed_scale(header), "a guess, the stars will tell"), "binning": binning}


def _write_measured(header, facts):
    """Put in gain and saturation level, as the camera has them; a stack keeps its own."""
    if facts is None or "COMBO_N" in header:
        return
    for name, unit in OPTIONAL.items():
        header.remove(MEASURED[name], ignore_missing=True)
        value = getattr(facts, name)
        if value is not None:
            set_keyword(header, MEASURED[name], float(f"{value:.6g}"), f"[{unit}] {getattr(facts, f'{name}_how')}")


def _number(frame, found, what):
    try:
        value = float(found[0])
    except (TypeError, ValueError):
        value = np.nan
    if not 0 < value < np.inf:
        raise FrameError(frame.path, f"{what} {found[0]!r} is not a number above 0", "give it with -set")
    return value


def pixel_scale(frame):
    """Return the unbinned pixel scale (x, y) in arcsec of a frame whose telescope definition has none."""
    scale = float(frame.header["SECPIXX"]) / float(frame.header["BINX"])
    return scale, scale
