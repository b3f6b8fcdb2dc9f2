"""The Minor Planet Center's old form of astrometric reports: header lines and records of 80 columns.

After the MPC's pages "Format For Optical Astrometric Observations" and "Observational Details".
"""

import textwrap
from collections import Counter

from photometrypipeline.reports import astrometryreport, mpccodes
from photometrypipeline.sky import rounding, times

PLACEHOLDER = "???"  # to be filled in before the report is sent
FINE_MAG = 0.05  # a magnitude with a smaller error has two decimals


def to_text(records, settings):
    """Return the report (str) of Records: a header for each telescope, then its observations in order of time."""
    lines = []
    for (key, station), own in astrometryreport.by_camera(records).items():
        lines += [*_header(key, station, own, settings), *(line_of(record) for record in own)]
    return "\n".join(lines) + "\n"


def _header(key, station, records, settings):
    about = settings.telescope(key)
    aperture, f_ratio = about.get("aperture_m"), about.get("f_ratio")
    telescope = f"{float(aperture):.2f}-m" if aperture else PLACEHOLDER
    telescope += f" f/{float(f_ratio):.1f}" if f_ratio else ""
    telescope += f" {about.get('design') or PLACEHOLDER} + {about['detector']}"
    catalogs = {mpccodes.header_name(record.ades["astCat"]) for record in records if record.ades.get("astCat")}
    bands = {mpccodes.band_codes(record.observation.row.band)[1] for record in records} - {""}
    contact = ", ".join(part for part in (settings.submitter, settings.institution) if part)
    names = records[0].observation.target
    lines = [
        f"COD {station}",
        f"CON {contact or PLACEHOLDER}",
        f"CON [{settings.email or PLACEHOLDER}]",
        *_names("OBS", settings.observers),
        *_names("MEA", settings.measurers),
        f"TEL {telescope}",
        f"NET {', '.join(sorted(catalogs)) or PLACEHOLDER}",
        f"BND {', '.join(sorted(bands)) or 'C'}",
        f"NUM {len(records)}",
        f"COM {settings.comment.splitlines()[0] if settings.comment else 'measured with the Photometry Pipeline'}",
        f"ACK {names} {date_of(records[0].observation.row.jd)[:10].replace(' ', '')}",
    ]
    return [line[:80] for line in lines]


def _names(keyword, names):
    """Return the lines for names of people, as many as they need."""
    lines = textwrap.wrap(", ".join(names) or PLACEHOLDER, 76, break_long_words=False)
    return [f"{keyword} {line.rstrip(',')}" for line in lines]


def line_of(record):
    """Return the record of 80 columns of one observation."""
    row = record.observation.row
    magnitude = f"{row.mag:5.2f}" if row.err_whole < FINE_MAG else f"{row.mag:4.1f} "
    magnitude = magnitude if row.mag > 0 else ""
    letter = mpccodes.band_codes(row.band)[1] if row.calibrated else "C"
    if not magnitude or not letter:
        magnitude, letter = "", ""
    mode = {"CMO": "B", "VID": "V"}.get(record.ades.get("mode"), "C")
    place = f"{date_of(row.jd):<17}{ra_of(row.ra_deg):<12}{dec_of(row.dec_deg):<12}"
    return f"{record.designation.packed}  {mode}{place}{'':9}{magnitude:<5}{letter:<1}{'':6}{record.ades['stn']}"


def bands_without_letter(records):
    """Return {band: number of Records} whose magnitudes are left out, as the format has no letter for their band."""
    rows = [record.observation.row for record in records]
    return dict(Counter(str(row.band) for row in rows if row.calibrated and not mpccodes.band_codes(row.band)[1]))


def date_of(jd):
    """Return `YYYY MM DD.dddddd` of a UTC Julian date, rounded and carried over."""
    midnight, fraction = rounding.day_and_parts(jd, 1000000)
    year, month, day = times.jd_to_gregorian(midnight + 1e-6)[:3]
    return f"{year:04d} {month:02d} {day:02d}.{fraction:06d}"


def ra_of(ra_deg):
    """Return `HH MM SS.sss` of a right ascension, rounded and carried over, across 24 h."""
    return rounding.sexagesimal(ra_deg % 360 / 15, 3, turn=24)


def dec_of(dec_deg):
    """Return `sDD MM SS.ss` of a declination, rounded and carried over; the sign stays also above -1 deg."""
    return rounding.sexagesimal(dec_deg, 2, plus="+")
