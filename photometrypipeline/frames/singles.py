"""Frames that were made of others of the same data set: their light would count twice."""

import logging
import re

log = logging.getLogger("pp.singles")

MADE_OF_ONE = re.compile(r"_(psfsub|moving)(?=\.fits$)")
MARKS = {"psfsub": "PSFSUB_N", "moving": "COMOVE"}  # keyword that a frame has which was made of another


def without_products(frames):
    """Return the Frames without those made of others among them; each is named.

    A stack, or a frame on the grid of one, stands out among single frames; a frame without stars near the target, or
    shifted along with it, goes on only instead of its original.
    """
    names = {frame.name for frame in frames}
    single = [frame for frame in frames if "COMBO_N" not in frame.header]
    kept = []
    for frame in frames:
        made = MADE_OF_ONE.search(frame.name)
        original = MADE_OF_ONE.sub("", frame.name)
        if single and frame not in single:
            log.warning("%s is a stack and left out; measure it on its own", frame.name)
        elif made and MARKS[made[1]] in frame.header and original in names:
            log.warning("%s is left out, since %s is given as well; give one of them", frame.name, original)
        else:
            kept.append(frame)
    return kept
