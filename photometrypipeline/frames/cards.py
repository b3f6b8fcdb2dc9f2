"""Cards that break the FITS standard, read for what they plainly mean.

Cameras, capture programs and old archives write decimal commas, text without quotes, quotes that are never closed, NaN,
overflowed Fortran fields and cards without a keyword.  `repaired` returns such a card as the standard writes it, so
that no reader stumbles over one that it does not need: `60,0` is 60.0, `NaN` and `****` are cards without a value.
"""

import re
import warnings
from functools import lru_cache

from astropy.io import fits

CARD = 80  # characters
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[EeDd][-+]?\d{1,4})?"
STANDARD = re.compile(
    r"[A-Z0-9_-]{1,8} *(?<=^.{8})= (?:"
    r" *(?:[-+]?\d{1,18}(?:\.\d*)?(?:E[-+]?\d{1,2})?|[TF]) *(?:/ [ -~]*)?"
    r"|'(?:[^'\x00-\x1f\x7f]|'')*' *(?:/[ -~]*)?)"
    r"|(?:COMMENT |HISTORY | {8})[ -~]*|END *"
)
ASSIGNMENT = re.compile(r"\s*(HIERARCH\s+[^='/]+?|[A-Za-z0-9_.$#/&%@~-]+)\s*=(.*)")
NO_EQUALS = re.compile(rf"([A-Z][A-Z0-9_-]*) +({NUMBER})( */.*)?")
DECIMAL_COMMA = re.compile(r"([-+]?\d*),(\d+)((?:[EeDd][-+]?\d{1,3})?)")
NOT_A_NUMBER = re.compile(
    r"[-+]?(?:nan(?:\(\w*\))?|inf(?:inity)?|1\.#(?:q?nan|ind|inf)\w*|#+num!?|\*+|\?+|undefined|null|none|n/a)",
    re.IGNORECASE,
)
GOES_ON = re.compile(r"&'\s*(?:/.*)?$")  # a text that the next card continues
QUOTED = re.compile(r"'((?:[^']|'')*)'(?:\s+([^'/]*(?:/[^']*)?))?")  # what stands behind it is a comment
CLOSED = re.compile(r"'(.*)'\s*(?:/(.*))?")
WITH_SLASHES = re.compile(
    r"(\d{1,4}/\d{1,2}/\d{1,4}(?:\.\d*)?(?:[T ]\s*\d+:[\d:.]+)?)\s*(?:/(.*))?"
)  # a date, an angle
COMMENT = re.compile(r"(.*?)(?:\s/(.*)|/\s(.*)|/)?")


def readable(raw):
    """Return the cards of a raw header (text, 80 characters each) as text that astropy reads without complaint.

    Each line comes out as one line; nothing but the cards that break the standard is changed.
    """
    lines = [raw[start : start + CARD] for start in range(0, len(raw), CARD)]
    return "".join(_with_continuations(lines))


def _with_continuations(lines):
    """Return the lines with broken cards repaired; a CONTINUE that continues nothing becomes a comment."""
    result, place = [], 0
    while place < len(lines):
        end = place + 1
        while end < len(lines) and lines[end].startswith("CONTINUE  ") and GOES_ON.search(lines[end - 1]):
            end += 1
        group = lines[place:end]
        if len(group) > 1 and _astropy_reads("".join(group)):
            result += group
        else:
            result += [_as_comment(line) if line.startswith("CONTINUE") else repaired(line) for line in group]
        place = end
    return result


def repaired(line):
    """Return a card (text of 80 characters) as the standard has it: itself if it can be read as it stands."""
    return line if STANDARD.fullmatch(line) else _repaired(line)


@lru_cache(4096)
def _repaired(line):
    text = re.sub(r"[\x00-\x1f\x7f]", " ", line)
    if text == line and _means_what_it_says(text):
        return line
    keyword, value, comment = _plain_meaning(text)
    if keyword is None:
        return text if not text.strip() or _is_commentary(text) else _as_comment(text)
    return _card(keyword, value, comment) or _as_comment(text)


def _means_what_it_says(text):
    """Return whether astropy reads a card, and takes for its value what stands behind the equals sign."""
    if _is_commentary(text):
        return True
    if text[8:10] != "= " and not re.match(r"HIERARCH\s[^=]+=", text):
        return False
    return _astropy_reads(text) and not WITH_SLASHES.fullmatch(text[10:].strip())


def _is_commentary(text):
    return text[:8].rstrip() in ("", "COMMENT", "HISTORY", "END")


def _astropy_reads(text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            card = fits.Card.fromstring(text)
            _, value, *_ = card.keyword, card.value, card.comment, str(card)
            return not isinstance(value, complex)  # nothing in a header is: `(1,2)` is a text
        except (fits.VerifyError, ValueError, TypeError, IndexError):
            return False


def _plain_meaning(text):
    """Return (keyword, value, comment) of a card that breaks the standard; the keyword is None where there is none."""
    assignment = ASSIGNMENT.fullmatch(text)
    if not assignment:
        bare = NO_EQUALS.fullmatch(text.rstrip())
        return (bare[1], _number(bare[2]), (bare[3] or "").strip(" /")) if bare else (None, None, "")
    value, comment = _value(assignment[2].strip())
    return assignment[1], value, comment


def _value(text):
    """Return (value, comment) of what stands behind the equals sign; None without a value."""
    if text.startswith("'"):
        closed = QUOTED.fullmatch(text) or CLOSED.fullmatch(text)
        if closed:
            return closed[1].replace("''", "'").rstrip(), (closed[2] or "").strip(" /")
        text = text[1:]
        value, comment = _split(text)
        return value.replace("''", "'").rstrip("' "), comment
    slashes = WITH_SLASHES.fullmatch(text)
    if slashes:
        return slashes[1], (slashes[2] or "").strip()
    value, comment = _split(text)
    comma = DECIMAL_COMMA.fullmatch(value)
    if comma:
        return float(f"{comma[1] or '0'}.{comma[2]}{comma[3].upper().replace('D', 'E')}"), comment
    if re.fullmatch(NUMBER, value):
        return _number(value), comment
    if not value or NOT_A_NUMBER.fullmatch(value):
        return None, comment
    return value.strip('"'), comment


def _split(text):
    value, *comments = COMMENT.fullmatch(text).groups()
    return value.strip(), next((each.strip() for each in comments if each), "")


def _number(text):
    number = float(text.upper().replace("D", "E"))
    return int(text) if re.fullmatch(r"[-+]?\d{1,18}", text) else number


def _card(keyword, value, comment):
    """Return the text of a card, 80 characters, None where no card can hold it."""
    if isinstance(value, float) and not abs(value) < float("inf"):
        value = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for cut in (comment, comment[:20], ""):
            try:
                text = str(fits.Card(re.sub(r"^HIERARCH\s+", "", keyword), value, cut))
            except (ValueError, fits.VerifyError):
                return None
            if len(text) == CARD:
                return text
    return None


def _as_comment(text):
    return f"COMMENT {text.rstrip()}"[:CARD].ljust(CARD)
