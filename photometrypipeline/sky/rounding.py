"""Angles and times as texts: rounded first, then cut into hours, minutes and seconds, so that nothing reads 60; and
how many decimals a number has room for.
"""

import numpy as np


def sexagesimal(value: float, decimals: int, separator: str = " ", plus: str = "", turn: int | None = None) -> str:
    """Return `HH MM SS.ss` of `value` (hours or degrees) with `decimals` of a second.

    plus : mark of positive values;  turn : a whole one (24 h, 360 deg), which is written as 0
    """
    unit = 10**decimals
    units = round(abs(value) * 3600 * unit)
    seconds, rest = divmod(units % (turn * 3600 * unit) if turn else units, unit)
    text = separator.join(f"{part:02d}" for part in (seconds // 3600, seconds // 60 % 60, seconds % 60))
    return ("-" if value < 0 else plus) + text + (f".{rest:0{decimals}d}" if decimals else "")


def day_and_parts(jd: float, parts_per_day: int) -> tuple[float, int]:
    """Return (JD of the midnight before, number of parts since then) of a Julian date, rounded to a part of a day."""
    parts = round((jd + 0.5) % 1 * parts_per_day)
    return float(np.floor(jd + 0.5) - 0.5 + parts // parts_per_day), parts % parts_per_day


def decimals(error: float, least: int) -> int:
    """Return how many decimals a number needs whose error shall have two digits: `least`, more for small ones.

    Pixels may be fractions of 1 or of a second, where fixed decimals would read 0.00 +- 0.00.
    """
    return max(least, 1 - int(np.floor(np.log10(error)))) if 0 < error < np.inf else least
