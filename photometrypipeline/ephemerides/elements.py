"""The orbit of one body as a dictionary of elements, and how those that others give become ours."""

from dataclasses import dataclass

import numpy as np

from photometrypipeline.ephemerides.planets import GM_SUN

MJD_ZERO = 2400000.5
RANGES = (("EC", 0.0, 100.0), ("QR", 1e-4, 1e5), ("IN", 0.0, 180.0 + 1e-9))  # least, and above the largest; au, deg


@dataclass
class Orbit:
    """The `elements` (dict) of one body and the `full_name` under which the file has it, "" where it tells none.

    origin : what it is from, in words;  err_arcsec : one sigma of its places as seen from 1 au, NaN where unknown
    """

    full_name: str
    elements: dict
    origin: str = "the file given"
    err_arcsec: float = np.nan

    def out_of_range(self):
        """Return which of the elements cannot be (str), "" where all can."""
        for key, low, high in RANGES:
            if not low <= self.elements[key] < high:
                return f"{key} = {self.elements[key]:g} of {self.full_name.strip() or 'the object'} cannot be"
        return ""


def julian_date(year, month, day):
    """Return the Julian date of a day of the Gregorian calendar; `day` may have a fraction."""
    a = (14 - month) // 12
    y, m = year + 4800 - a, month + 12 * a - 3
    return day + (153 * m + 2) // 5 + 365 * y + y // 4 - y // 100 + y // 400 - 32045.5


def perihelion(epoch, a_au, ecc, anomaly_deg):
    """Return {QR, TP}: perihelion distance and the passage nearest to `epoch`, from the mean anomaly of an ellipse."""
    motion = np.degrees(np.sqrt(GM_SUN / a_au**3))  # deg/d
    return {"QR": a_au * (1 - ecc), "TP": epoch - ((anomaly_deg + 180) % 360 - 180) / motion}
