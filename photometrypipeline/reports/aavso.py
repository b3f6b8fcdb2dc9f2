"""The extended format of the AAVSO, in which its database takes magnitudes of variable stars.

After "AAVSO Extended File Format", version 1.2: six parameters, then a line per observation with 15 fields.
"""

import math

import photometrypipeline
from photometrypipeline.catalogs.surveys import earlier_names
from photometrypipeline.reports.alcdef import transformed

FILTERS = {"U": "U", "B": "B", "V": "V", "R": "R", "I": "I", "J": "J", "H": "H", "K": "K", "Ks": "K"}
FILTERS |= {"u": "SU", "g": "SG", "r": "SR", "i": "SI", "z": "SZ"}
FIELDS = "NAME,DATE,MAG,MERR,FILT,TRANS,MTYPE,CNAME,CMAG,KNAME,KMAG,AMASS,GROUP,CHART,NOTES"
NOTHING = "na"
LONGEST_NAME, LONGEST_CHART, LONGEST_NOTES = 30, 20, 100


def refusal(row):
    """Return why a Row cannot be reported (str), empty if it can: a magnitude that counts, or a limit."""
    if not row.calibrated:
        return "its magnitude is instrumental"
    return "" if row.band in FILTERS else f"the AAVSO has no name for the band {row.band}"


def reported(observations):
    """Return the Observations that can be reported: accepted ones, and limits of what was not detected."""
    wanted = [each for each in observations if each.row.accepted or math.isfinite(each.row.mag_limit)]
    return [each for each in wanted if not refusal(each.row)]


def text_of(parts, code):
    """Return the file (str) for [Series, ...] of stars, empty without any observation;  code : of the observer."""
    lines = [_line(series, each) for series in parts for each in reported(series.observations)]
    if not lines:
        return ""
    head = {
        "TYPE": "EXTENDED",
        "OBSCODE": code,
        "SOFTWARE": f"Photometry Pipeline {photometrypipeline.__version__}",
        "DELIM": ",",
        "DATE": "JD",
        "OBSTYPE": "CCD",
    }
    return "\n".join([*(f"#{name}={value}" for name, value in head.items()), f"#{FIELDS}", *lines]) + "\n"


def _line(series, each):
    row = each.row
    mag, error = (f"{row.mag:.3f}", f"{row.err_repeat:.3f}") if row.detected else (f"<{row.mag_limit:.1f}", NOTHING)
    airmass = f"{row.airmass:.4f}" if math.isfinite(row.airmass) else NOTHING
    name = _plain(series.target.replace("_", " "))[:LONGEST_NAME]
    trans, catalog = "YES" if transformed(row) else "NO", _plain(row.catalog)
    chart = _plain(earlier_names(row.catalog)[-1])[:LONGEST_CHART]  # the sequence: whose stars they are
    notes = f"zeropoint of many stars of {catalog}"[:LONGEST_NOTES]
    fields = [name, f"{row.jd:.6f}", mag, error, FILTERS[row.band], trans, "STD", "ENSEMBLE", NOTHING, NOTHING, NOTHING]
    return ",".join([*fields, airmass, NOTHING, chart, notes])


def _plain(text):
    return " ".join(str(text).replace(",", " ").split())
