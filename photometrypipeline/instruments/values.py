"""Values of header cards: what number a card holds, however it is written."""

import re

import numpy as np

TEXT_NUMBER = re.compile(  # `60,0`, `60.0 sec`, `2.3 arcsec/px`
    r"\s*([-+]?(?:\d+[.,]?\d*|[.,]\d+)(?:[EeDd][-+]?\d{1,2})?)\s*"
    r"(?:s|sec|secs|seconds?|deg|degrees?|e-?/ADU|e-|ADU|arcsec|\"|arcsec/pix\w*|arcsec/px)?\.?\s*",
    re.IGNORECASE,
)


def number(value):
    """Return a header value as float, NaN if it is none; decimal commas and a unit behind a text do not hide it."""
    if isinstance(value, bool):
        return np.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        found = TEXT_NUMBER.fullmatch(str(value))
        return float(found[1].replace(",", ".").upper().replace("D", "E")) if found else np.nan
