"""Where targets are, frame by frame: a file with an image and a place on each line, as pp_manident writes it."""

import math
import re

from photometrypipeline.base.errors import FrameError
from photometrypipeline.base.files import write_text
from photometrypipeline.frames.fixedplaces import place_of
from photometrypipeline.frames.results import lines_of, word

ALL = "all_objects"  # instead of a file: all positions_*.dat of a data set
UNNAMED = "manual_target"  # a target whose file does not name it
FORM = "image RA Dec [JD] [name]"
EARLIEST_JD, LATEST_JD = 2.3e6, 2.6e6  # 1585 to 2406: any other number behind a place is the name of an asteroid
HEADING = re.compile(r"(?i)(image|file|frame)\S*\s+.*\bra", re.ASCII)


def write(path, rows, target="", remarks=()):
    """Write image, RA, Dec (deg), mid-time (JD) for each (image, ra_deg, dec_deg, jd) in `rows`.

    target : name in a fifth column, if given;  remarks : lines of text, comments behind the first line
    """
    name = f" {word(target)}" if target else ""
    lines = [f"# image, RA (deg), Dec (deg), mid-time (JD, UTC){', target' if target else ''}"]
    lines += [f"# {remark}" for remark in remarks]
    lines += [f"{word(image):>50} {ra:13.8f} {dec:+13.8f} {jd:18.9f}{name}" for image, ra, dec, jd in rows]
    write_text(path, "\n".join(lines) + "\n")


def read(path, default_name=UNNAMED):
    """Return {target: [(image, ra_deg, dec_deg, jd), ...]} of a file with one position per line, jd NaN where not told.

    Fields, separated by blanks or commas: image name; RA and Dec in degrees, or sexagesimal (RA in hours) with colons
    or as three fields each; perhaps the mid-time (JD); perhaps the target's name.  Lines that begin with `#` are
    comments.  Raises FrameError naming the line that cannot be read.
    """
    targets = {}
    lines = lines_of(path)
    for number, line in lines:
        fields = line.replace(",", " ").split()
        if (number, line) == lines[0] and HEADING.match(" ".join(fields)):
            continue
        try:
            ra_deg, dec_deg, rest = place_of(fields[1:])
        except ValueError:
            raise FrameError(path, f"line {number} is not '{FORM}': {line.strip()[:60]}", "correct it") from None
        jd = math.nan
        if rest and _is_jd(rest[0]):
            jd, rest = float(rest[0]) or math.nan, rest[1:]
        targets.setdefault("_".join(rest) or default_name, []).append((fields[0], ra_deg, dec_deg, jd))
    if not targets:
        raise FrameError(path, "contains no positions", f"one line per frame: {FORM}")
    return targets


def _is_jd(text):
    try:
        return EARLIEST_JD < float(text) < LATEST_JD or float(text) == 0  # 0: not told, as files of old have it
    except ValueError:
        return False
