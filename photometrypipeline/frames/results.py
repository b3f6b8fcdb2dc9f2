"""The light curve of a target, `photometry_<target>.dat`: one row of 21 fields per frame, rejected ones behind `#`."""

import math
from pathlib import Path
from typing import NamedTuple

from photometrypipeline.base.errors import FrameError, UsageError
from photometrypipeline.base.files import write_text
from photometrypipeline.frames.rows import NOT_DETECTED, Row

HEADER = (  # label and the position of its last character
    ("#", 1),
    ("filename", 36),
    ("julian_date", 52),
    ("mag", 61),
    ("sig", 68),
    ("source_ra", 82),
    ("source_dec", 96),
    ("[1]", 102),
    ("[2]", 108),
    ("[3]", 114),
    ("[4]", 120),
    ("[5]", 127),
    ("ZP", 136),
    ("ZP_sig", 143),
    ("inst_mag", 152),
    ("in_sig", 159),
    ("[6]", 177),
    ("[7]", 181),
    ("[8]", 185),
    ("[9]", 192),
    ("[10]", 206),
    ('FWHM"', 212),
)
N_FIELDS = 21  # of a row
REJECTED = "rejected"  # reason of a row behind `#` that gives none
LEGEND = (
    "[1]: predicted_RA - source_RA [arcsec]",
    "[2]: predicted_Dec - source_Dec [arcsec]",
    "[3,4]: manual target offsets in RA and Dec [arcsec]",
    "[5]: exposure time (s)",
    "[6]: photometric catalog",
    "[7]: photometric band",
    "[8]: Source Extractor flag",
    "[9]: telescope/instrument",
    "[10]: photometry method",
    "to read it: astropy.table.Table.read(FILE, format='ascii.commented_header')",
    r"to read it: pandas.read_csv(FILE, sep=r'\s+', comment='#', "
    r"names=pandas.read_csv(FILE, sep=r'\s+', nrows=0).columns[1:])",
)


def header_line():
    """Return the first line of the table."""
    line = ""
    for label, end in HEADER:
        line += label.rjust(end - len(line))
    return line


def format_row(row):
    """Return a Row as one line: 21 fields after a status character; behind them the reason of a rejection."""
    return (" " if row.accepted else "#") + fields_of(row) + (f" # {row.reason}" if row.reason else "")


def fields_of(row):
    """Return the 21 fields of a Row (str); of one without a source mag and inst_mag are limits, the place predicted."""
    mag, sig, inst, e_inst, ra, dec, dra, ddec, zp, zp_sig = _source_of(row) if row.detected else _limit_of(row)
    return (
        f"{word(row.ldac):>35} {row.jd:15.7f} {mag:8.4f} {sig:6.4f} {ra:13.8f} {dec:+13.8f} {dra:5.2f} {ddec:5.2f} "
        f"{row.offset_ra_arcsec:5.2f} {row.offset_dec_arcsec:5.2f} {row.exptime_s:5.2f} {zp:8.4f} {zp_sig:6.4f} "
        f"{inst:8.4f} {e_inst:6.4f} {word(row.catalog)} {word(row.band)} {row.flags:3d} {word(row.telescope)}"
        f"{' ' if len(row.method) > 9 else ''}{word(row.method):>10} {row.fwhm_arcsec:4.2f}"
    )


def _source_of(row):
    # as documented: what the place on the detector does to the zeropoint is in it
    zeropoint = (row.mag - row.inst, row.zp_sig_mag) if row.calibrated else (0.0, 0.0)
    source = row.mag, row.sig, row.inst, row.e_inst, row.ra_deg, row.dec_deg, row.dra_arcsec, row.ddec_arcsec
    return *source, *zeropoint


def _limit_of(row):
    zp = row.zp_mag if row.calibrated else 0.0
    mag = row.mag_limit if math.isfinite(row.mag_limit) else row.inst_limit + zp
    return mag, 0.0, row.inst_limit, 0.0, row.ra_pred_deg, row.dec_pred_deg, 0.0, 0.0, mag - row.inst_limit, 0.0


def word(text):
    """Return `text` as one field of a table: blanks become underscores, nothing becomes a dash."""
    return "_".join(str(text).split()) or "-"


def write(path, rows, remarks=()):
    """Write the light curve to `path`: header, `rows` (list of Row), the legend, and `remarks` (lines of text)."""
    lines = [
        header_line(),
        *(format_row(row) for row in rows),
        "#",
        *(f"# {line}" for line in LEGEND),
        *(f"# {line}" for line in remarks),
    ]
    write_text(path, "\n".join(lines) + "\n")


class Line(NamedTuple):
    """One row of a table as it stands there: its Row, the text of its 21 fields, and whether `#` is in front."""

    row: Row
    fields: str
    rejected: bool


def read(path):
    """Return (lines, remarks) of a light curve: list of Line, rejected ones too, and the lines of remarks.

    The rows hold what the file does, in its precision.  Raises UsageError for a file that cannot be read, FrameError
    for one that is not a light curve.
    """
    found, remarks = [], []
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); check its name") from None
    if not lines or lines[0].split()[:3] != ["#", "filename", "julian_date"]:
        raise FrameError(path, "is not a light curve of pp_distill (photometry_TARGET.dat)", "check its name")
    for line in lines[1:]:
        text = line[1:] if line.startswith("#") else line
        try:
            found.append(_line(text, rejected=line.startswith("#")))
        except (ValueError, IndexError):
            if not line.startswith("#") and line.strip():
                raise FrameError(
                    path, f"contains a line that is not a row: {line.strip()[:60]}", "run pp_distill again"
                ) from None
            remarks += [text.strip()] if text.strip() else []
    return found, [remark for remark in remarks if remark not in LEGEND]


def _line(text, rejected):
    """Return the Line of a text without its first character.  Raises ValueError or IndexError for anything else."""
    content, _, reason = text.partition(" # ")
    fields = content.split()
    if len(fields) < N_FIELDS:
        raise IndexError(len(fields))
    numbers = [float(fields[n]) for n in (*range(1, 15), 20)]
    jd, mag, sig, ra, dec, dra, ddec, offset_ra, offset_dec, exptime, zp, zp_sig, inst, e_inst, fwhm = numbers
    row = Row(
        ldac=fields[0],
        jd=jd,
        exptime_s=exptime,
        ra_pred_deg=(ra + dra / 3600) % 360,
        dec_pred_deg=dec + ddec / 3600,
        offset_ra_arcsec=offset_ra,
        offset_dec_arcsec=offset_dec,
        flags=int(fields[17]),
        telescope=fields[18],
        fwhm_arcsec=fwhm,
        catalog=fields[15],
        band=fields[16],
        method=fields[19],
        reason=(reason.strip() or REJECTED) if rejected else "",
        detected=not reason.startswith(NOT_DETECTED),
    )
    if row.calibrated:
        row.zp_mag, row.zp_sig_mag = zp, zp_sig
    if row.detected:
        row.mag, row.sig, row.inst, row.e_inst, row.ra_deg, row.dec_deg = mag, sig, inst, e_inst, ra, dec
    else:  # a limit never counts, whatever stands in front of it
        row.mag_limit, row.inst_limit, row.reason = mag, inst, reason.strip()
    return Line(row, " ".join(fields[:N_FIELDS]), rejected)


def lines_of(path):
    """Return [(number, line), ...] of a file of the user without comments.  Raises UsageError if it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return [(n, line) for n, line in enumerate(stream, 1) if line.strip() and not line.lstrip().startswith("#")]
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); check its name") from None
