"""Frames that were made of others of the same data set, or are copies of them: their light would count twice."""

import logging
import re

from photometrypipeline.frames.contents import digest

log = logging.getLogger("pp.singles")

MADE_OF_ONE = re.compile(r"_(psfsub|moving)(?=\.fits$)")
MARKS = {"psfsub": "PSFSUB_N", "moving": "COMOVE"}  # keyword that a frame has which was made of another


def without_products(frames):
    """Return the Frames without those made of others among them, which are named.

    A stack, or a frame on the grid of one, stands out among single frames; a frame without stars near the target, or
    shifted along with it, goes on only instead of its original.
    """
    names = {frame.name for frame in frames}
    single = [frame for frame in frames if "COMBO_N" not in frame.header]
    stacks = [frame.name for frame in frames if single and frame not in single]
    copies = [frame.name for frame in single if _is_made_of_another(frame, names)]
    for left, what in ((stacks, "stacked"), (copies, "made of other frames that are given as well")):
        if left:
            told = ", ".join(left[:3]) + (f" and {len(left) - 3} more" if len(left) > 3 else "")
            log.info("made of others, and left out: %s", ", ".join(left))
            log.warning("%s: %s, and left out; give such frames alone to measure them", told, what)
    return [frame for frame in frames if frame.name not in {*stacks, *copies}]


def _is_made_of_another(frame, names):
    made = MADE_OF_ONE.search(frame.name)
    return bool(made) and MARKS[made[1]] in frame.header and MADE_OF_ONE.sub("", frame.name) in names


def same_exposures(frames):
    """Return [[names], ...] of prepared Frames that are one exposure: the same time, and the same pixels."""
    of_time = {}
    for frame in frames:
        of_time.setdefault((frame.header.get("MIDTIMJD"), frame.size_px), []).append(frame)
    found = {}
    for time, alike in of_time.items():
        for frame in alike if len(alike) > 1 else ():
            found.setdefault((time, digest(frame.read_pixels().tobytes())), []).append(frame.name)
    return [names for names in found.values() if len(names) > 1]
