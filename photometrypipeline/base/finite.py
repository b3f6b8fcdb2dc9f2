"""Numbers of the user that are numbers."""

import math


def finite(text):
    """Return the number that a text is; raises ValueError for nan and inf, which no option means."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number
