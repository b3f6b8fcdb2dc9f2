"""How long light was gathered for an image: of one exposure, or of all those that were added up in it."""

import re
from dataclasses import dataclass

import numpy as np

from photometrypipeline.frames.frame import saved_name
from photometrypipeline.instruments import values

COUNTS = (
    *("STACKCNT", "NCOMBINE", "NCOADD", "NCOADDS", "NUMCOADD", "COADDS", "NSUBEXP", "NSUBS", "NSTACK", "STACKNUM"),
    *(
        "NUMSTACK",
        "SNAPSHOT",
        "NUMFRAME",
        "NFRAMES",
        "NIMAGES",
        "NUMIMAGE",
        "NUM_IMG",
        "IMGCOUNT",
        "LUM_CNT",
        "STACK_N",
    ),
)
COUNTED = re.compile(
    r"\b(number|#|no\.?|count) of (sub-?)?(images?|frames?|exposures?|sub-?frames?|subs?|light frames?) \w{0,6} ?"
    r"(combined|stacked|co-?added|integrated|averaged|summed|added|used)|\bstack(ed)? (images|frames|count)|"
    r"\b(number|#|no\.?) of (exposures in (the |an )?integration|(co-?adds?|sub-?integrations))\b",
    re.IGNORECASE,
)
OF_SEQUENCE = re.compile(  # a number of images, or the number of this one, that are not in it
    r"\b(sequence|series|counter|running|index|requested|planned|to (take|do)|sub-?arrays?|"
    r"amp\w*|extensions?|run|file)\b",
    re.IGNORECASE,
)
OF_HISTORY = re.compile(  # the first as PixInsight writes it
    r"\bnumberOf(Images:)\s*(\d+)|"
    r"(?i:\b(?:stack(?:ed)?|combined|co-?added|averaged?|median|mean|sum(?:med)?|integrated|integration)"
    r"(?: (?:of|from))? (\d+) (?:light )?(?:images|frames|exposures|subs|files|lights)\b)"
)
OF_CALIBRATION = re.compile(r"flat|dark|bias|offset|master|calib|reference|star", re.IGNORECASE)
TOTALS = (
    *("TOTALEXP", "TOTEXP", "EXPTOTAL", "EXPTOT", "TOTEXPT", "TOTTIME", "TOTALTIM", "LIVETIME", "INTTOTAL", "TOTINTEG"),
    *("SUMEXP", "EXPSUM", "STACKEXP"),
)
TOTAL = re.compile(
    r"\b(total|summed|cumulative|combined|sum of)\b.*\b(expos|integration)|after dead ?time|"
    r"\b(expos|integration).*\b(sum of all|summed|in total|of all (\w+ )?(co-?adds|frames|images|subs))",
    re.IGNORECASE,
)
SINGLES = ["EACHSNAP", "SUBEXP", "SUB_EXP", "EXPSUB", "EXPTIME1", "SUBEXPT", "LUM_EXP"]
INTEGRATIONS = (("ESO DET NDIT", "ESO DET DIT"), ("NDIT", "DIT"))  # number, and s of each, of infrared cameras
SINGLE = re.compile(
    r"\b(each|per (frame|exposure|image|sub)|sub-?(exposure|frame)s?|single|individual)\b", re.IGNORECASE
)
ADDS_UP = re.compile(r"Seestar|ASIAIR|Siril|Dwarf|N\.I\.N\.A|SharpCap", re.IGNORECASE)  # EXPTIME is of one frame there
OTHER_LENGTH = re.compile(
    r"\[d\]|\bdays?\b|\bms\b|millisec|\bus\b|microsec|\bmin(ute)?s?\b|\bmean\b|\b(each|per|single|requested|dark|flat)\b",
    re.IGNORECASE,
)
UNITS_S = (  # what a comment says, the first that fits counts
    (r"\[s\]|(?<!['\u2019])\bs(ec(ond)?s?)?\b", 1.0),
    (r"\bms\b|\bmsec|millisec", 1e-3),
    (r"\bus\b|\busec|microsec|\u00b5s|EXPOINUS", 1e-6),
    (r"\bminutes?\b|[\[(]mins?[\])]|\bin mins?\b|\bmins?\.?\s*$", 60.0),
    (r"\[h\]|\bhours?\b|\bhrs?\b", 3600.0),
    (r"\[d\]|\bdays?\b", 86400.0),
)
UNITS = (1e3, 1e6, 60.0, 86400.0)  # that another keyword may have been written in
LEAST_S = 1.0  # two lengths that are nearer agree
WHOLE = "of the whole stack"  # in the comment of an EXPTIME that was corrected
SAME = 0.02  # of a length: two within are the same
MOST_FRAMES = 100000
LONGEST_STACK_S = 21600.0  # of one night and one body: what would be longer is the sum already


@dataclass(frozen=True)
class Length:
    """`light_s` that was gathered in `n_frames`;  single_s : as the header has it;  error_s : how sure that is."""

    light_s: float
    n_frames: int
    single_s: float
    error_s: float = 0.0
    why: str = ""

    @property
    def is_stack(self):
        """Whether light of several exposures was added up."""
        return self.n_frames > 1


def seconds(value, comment="", keyword=""):
    """Return an exposure time (s, float) from the value of a card, in the unit that it or its comment names."""
    text = re.fullmatch(r"\s*([\d.,]+)\s*([a-z\u00b5]+)\.?\s*", str(value), re.IGNORECASE)
    number, said = (values.number(text[1]), text[2]) if text else (values.number(value), f"{comment} {keyword}")
    other = np.nan if text else 1.0
    return number * next((unit_s for pattern, unit_s in UNITS_S if re.search(pattern, said, re.IGNORECASE)), other)


def first_value(header, keyword):
    """Return the value of the keyword of the exposure time as the camera wrote it."""
    if keyword in header and WHOLE in str(header.comments[keyword]) and saved_name(keyword) in header:
        return header[saved_name(keyword)]
    return header.get(keyword)


def read(header, exptime_s, keyword):
    """Return the Length of an image whose exposure time (s) stands in `keyword` of a fits.Header."""
    for name, of_each in INTEGRATIONS:
        number, each_s = values.number(header.get(name)), _seconds(header, of_each)
        if number > 1 and each_s and _same(each_s, exptime_s):
            return Length(number * each_s, int(number), each_s, 0.0, f"{name} of {each_s:g} s each")
    number, name = _count(header)
    if number < 2:
        return Length(exptime_s, 1, exptime_s)
    all_of_them, why = _total(header, exptime_s, keyword)
    comment = header.comments[keyword] if keyword in header else ""
    single = next((s for each in SINGLES if (s := _seconds(header, each))), None)
    product = number * exptime_s
    if all_of_them and all_of_them >= exptime_s * (1 - SAME):
        return Length(all_of_them, number, exptime_s, 0.0, f"{name}, {why}")
    if single and _same(number * single, exptime_s) or TOTAL.search(comment) and not SINGLE.search(comment):
        return Length(exptime_s, number, exptime_s, 0.0, f"{name}, {keyword} is the sum")
    software = " ".join(
        str(header.get(each, "")) for each in ("SWCREATE", "CREATOR", "PROGRAM", "SOFTWARE", "INSTRUME")
    )
    why = f"{name} of {exptime_s:g} s each"
    each = ADDS_UP.search(software) or name in ("STACKCNT", "HISTORY")
    if single and _same(single, exptime_s) or SINGLE.search(comment) or each:
        return Length(product, number, exptime_s, 0.0, why)
    if name == "SNAPSHOT":  # of the SBFITSEXT standard, whose EXPTIME is the total
        return Length(exptime_s, number, exptime_s, 0.0, f"{name}, {keyword} is the sum")
    error_s = (product - exptime_s) / 2 if product < 2 * LONGEST_STACK_S else 0.0
    if product > LONGEST_STACK_S:
        return Length(exptime_s, number, exptime_s, error_s, f"{name}, {keyword} is taken for the sum")
    return Length(product, number, exptime_s, error_s, f"{why}, unless {keyword} is the sum")


def contradiction(header, exptime_s, keyword):
    """Return (keyword, s) of another exposure time of a single exposure in the header, None if they agree.

    One of another unit, or of one of several exposures, does not contradict.
    """
    for name in ("EXPTIME", "EXPOSURE"):
        comment = str(header.comments[name]) if name in header else ""
        seconds = _seconds(header, name)
        if name == keyword or not seconds or OTHER_LENGTH.search(comment) or TOTAL.search(comment):
            continue
        ratio = seconds / exptime_s
        units = any(_same(ratio, unit) or _same(1 / ratio, unit) for unit in UNITS)
        if abs(seconds - exptime_s) > LEAST_S and not _same(seconds, exptime_s) and not units:
            return name, seconds
    return None


def _same(one, other):
    return abs(one - other) <= SAME * other


def _seconds(header, name):
    number = values.number(header.get(name))
    return number if 0 < number < 1e7 else None


def _count(header):
    """Return (number of frames, keyword that tells it); (1, '') where none does."""
    named = [name for name in COUNTS if name in header]
    named += [card.keyword for card in header.cards if _is_theirs(card) and COUNTED.search(str(card.comment))]
    for name in named:
        number = values.number(header.get(name))
        said = str(header.comments[name])
        if OF_SEQUENCE.search(said) and not COUNTED.search(said):
            continue
        if 1 < number <= MOST_FRAMES and number == int(number):
            return int(number), name
    lines = [str(line) for name in ("HISTORY", "COMMENT") for line in header.get(name, ())]
    lines = [line for line in lines if not OF_CALIBRATION.search(line)]
    told = [found for line in lines if (found := OF_HISTORY.search(line))]
    number = int(told[-1][2] or told[-1][3]) if told else 1
    return (number, "HISTORY" if told[-1][1] else "a comment") if 1 < number <= MOST_FRAMES else (1, "")


def _is_theirs(card):
    return card.keyword and not card.keyword.startswith("_")


def _total(header, exptime_s, keyword):
    """Return (s, keyword) of the exposure time of all frames together, (None, '') where nothing tells it."""
    for name in TOTALS:
        if seconds := _seconds(header, name):
            return seconds, name
    for card in header.cards:
        own = card.keyword in (keyword, "EXPTIME", "EXPOSURE") or not _is_theirs(card)
        if not own and TOTAL.search(str(card.comment)) and not SINGLE.search(str(card.comment)):
            seconds = _seconds(header, card.keyword)
            if seconds and seconds > exptime_s:
                return seconds, card.keyword
    return None, ""
