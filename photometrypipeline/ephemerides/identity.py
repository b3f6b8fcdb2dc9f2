"""Whether the body that Horizons answers about is the one that was asked for.

A body has more designations than its full name shows, so an answer under another one may well be right: `1898 DQ` is
433 Eros (A898 PA).  A service that mixes up two questions does not do so twice in the same way.
"""

import re

from photometrypipeline.base.services import Retry
from photometrypipeline.ephemerides import names, observernames

# How many asteroids had a number five years before a year, at least (counts of the Minor Planet Center): what had one
# by then gets no new designation.  The last numbered one that was lost and found anew was 719 Albert, as 2000 JW8.
NUMBERED_BEFORE = ((2001, 6_000), (2005, 15_000), (2010, 99_000), (2015, 220_000), (2020, 410_000), (2025, 540_000))


def is_surely(query, found):
    """Return whether `found`, a full name of Horizons, is what a names.Query asks for: True, False, None (perhaps)."""
    if query.kind == names.MAJOR:
        return _is_major(query.command, found)
    if re.search(r"\(-?\d+\)$", found):  # a planet, a moon, a spacecraft
        return False
    if query.kind == names.NAME:
        return observernames.agrees(query.text, found) or _begins_like(query.text, found) or None
    asked = re.match(r"(?:DES=)?([^;]*);", query.command)[1]
    if query.kind in (names.NUMBER, names.INTERSTELLAR) or re.fullmatch(r"\d+[PD](-\w+)?", asked):
        return _has_number(asked, found)
    core = re.sub(r"^[A-Z]/|-[A-Z]+\d?$", "", asked) if query.kind == names.COMET else asked.removeprefix("A/")
    core = re.sub(r"^[A1](?=[89]\d\d )", "[A1]", core)  # A898 PA and 1898 PA
    if re.search(rf"(?<![\w-]){core}(?![\w])", found, re.IGNORECASE):
        return True
    return False if _was_numbered_before(asked, found) else None


def _is_major(command, found):
    number = re.search(r"\((-?\d+)\)$", found)
    if re.fullmatch(r"-?\d+", command):
        return number[1] == command if number else None
    return found.casefold().startswith(command.casefold()) or None


def _begins_like(text, found):
    """Return whether the name asked for begins one of the words of the full name: that is enough for Horizons."""
    return bool(re.search(rf"(?<!\w){re.escape(text)}", found, re.IGNORECASE))


def _has_number(asked, found):
    """Return as `is_surely` for `3552`, `2P`, `73P-B`, `1I`; None for a body that is asteroid and comet."""
    asked = re.sub(r"-\w+$", "", asked).upper()
    number = re.match(r"(\d+[PDI]?)(?![A-Za-z0-9])", found)
    if not number:
        return None
    if asked[-1].isdigit() != number[1][-1].isdigit():
        return None
    told = number[1].rstrip("PD")
    return told == asked.rstrip("PD") or (told.isdigit() and asked in (f"2{told:0>6}", f"20{told:0>6}"))  # SPK-IDs


def _was_numbered_before(asked, found):
    """Return whether the asteroid `found` had a number long before the designation `asked` was given."""
    year, number = re.match(r"(20\d\d) ", asked), re.match(r"(\d+) ", found)
    if not (year and number):
        return False
    return int(number[1]) <= max((count for since, count in NUMBERED_BEFORE if since <= int(year[1])), default=0)


class Doubt:
    """What the answers to one question were about; `known`: the full name that the same question led to before."""

    def __init__(self, query, known=None):
        self.query, self.known, self.earlier = query, known, None

    def judge(self, found):
        """Raise Retry where `found` is another body, and the first time that it may be another one."""
        surely = is_surely(self.query, found)
        if surely or (surely is None and found in (self.known, self.earlier)):
            return
        self.earlier = found
        raise Retry(f"an answer about {found} instead of {self.query.text}")
