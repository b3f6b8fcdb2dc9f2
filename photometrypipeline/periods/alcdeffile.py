"""Light curves of others, from files of alcdef.org: blocks of metadata, each with its data.

After "Asteroid Lightcurve Data Exchange Format, Definition and Standards", version 2.2.
"""

from pathlib import Path

import numpy as np

from photometrypipeline.base import scatter
from photometrypipeline.base.errors import FrameError, UsageError
from photometrypipeline.periods.sessions import Session, key_of

DELIMITERS = {"PIPE": "|", "TAB": "\t", "COMMA": ",", "SEMICOLON": ";", "SPACE": None}
COMMON_MAG = {"TRANSFORMED": 0.03, "STANDARD": 0.03, "INTERNAL": 0.05}  # by which the levels of nights are off
START, DATA = "STARTMETADATA", "DATA"


def is_one(path):
    """Return whether a file looks like ALCDEF."""
    with open(path, encoding="utf-8", errors="replace") as stream:
        return any(line.strip().upper().startswith(START) for _, line in zip(range(200), stream, strict=False))


def read(path):
    """Return the Sessions (list) of a file.  Raises UsageError, or FrameError naming the line that is wrong."""
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); check its name") from None
    found, about, rows = [], {}, []
    for number, line in enumerate(lines, start=1):
        name, _, value = (part.strip() for part in line.partition("="))
        name = name.upper()
        if name == START:
            found += _session(path, about, rows)
            about, rows = {}, []
        elif name == DATA:
            rows.append(_row(path, number, value, about))
        elif value and name not in about:
            about[name] = value
    found += _session(path, about, rows)
    if not found:
        raise FrameError(path, "contains no data blocks of ALCDEF", "check the file")
    return found


def _row(path, number, text, about):
    delimiter = DELIMITERS.get(about.get("DELIMITER", "PIPE").upper(), "|")
    try:
        fields = [float(each) for each in text.split(delimiter)[:3] if each.strip()]
        jd, mag = fields[:2]
    except ValueError:
        raise FrameError(path, f"line {number} is not DATA=JD|mag|error: {text[:40]}", "correct it") from None
    return jd, mag, fields[2] if len(fields) > 2 and fields[2] > 0 else np.nan


def _session(path, about, rows):
    """Return [Session], nothing for a block without data."""
    if not rows:
        return []
    jd, mag, err = np.array(sorted(rows)).T
    band = about.get("MAGBAND") or about.get("FILTER") or "-"
    site, unknown = about.get("MPCCODE", ""), np.full(len(jd), np.nan)
    telescope = site or about.get("OBSERVERS", about.get("FACILITY", "-"))[:20]
    corrected = about.get("LTCAPP", "NONE").upper() not in ("NONE", "FALSE", "NO", "")
    standard = about.get("STANDARD", "NONE").upper()
    return [
        Session(
            key=key_of(np.mean(jd), telescope, band),
            target=_target(about),
            source=str(path),
            telescope=telescope,
            band=band,
            jd=jd,
            mag=mag,
            err=np.where(np.isfinite(err), err, _scatter(mag)),
            err_common=COMMON_MAG.get(standard, 0.05),
            r_au=unknown,
            delta_au=unknown,
            phase_deg=np.full(len(jd), abs(_number(about.get("PHASE"), np.nan))),
            differential=about.get("DIFFERMAGS", "FALSE").upper() == "TRUE" or standard == "NONE",
            light_corrected=corrected,
            reduced=about.get("REDUCEDMAGS", "NONE").upper() not in ("NONE", "FALSE", "NO", ""),
            light_d=abs(_number(about.get("LTCDAYS"))),
            unity_mag=_number(about.get("UCORMAG")) or np.nan,
            site=site,
            full_name=_full_name(about),
        )
    ]


def _number(text, default=0.0):
    try:
        return float(text)
    except (TypeError, ValueError):
        return default


def _target(about):
    """Return how an ephemeris is asked for the body: its number, designation or name."""
    number = about.get("OBJECTNUMBER", "0").lstrip("0")
    return number or about.get("MPCDESIG") or about.get("OBJECTNAME") or "unnamed"


def _full_name(about):
    number = about.get("OBJECTNUMBER", "0").lstrip("0")
    name, designation = about.get("OBJECTNAME", ""), about.get("MPCDESIG", "")
    parts = [number, name, f"({designation})" if designation and designation != name else ""]
    return " ".join(part for part in parts if part)


def _scatter(mag):
    """Return by how much neighbours differ, as an error of one point (mag)."""
    steps = np.diff(mag)
    return max(0.005, float(scatter.about(steps)) / np.sqrt(2)) if steps.size else 0.05
