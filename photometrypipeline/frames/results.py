"""The light curve of a target, `photometry_<target>.dat`: one row of 21 fields per frame, rejected ones behind `#`."""

import statistics
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from photometrypipeline.base.errors import FrameError, UsageError
from photometrypipeline.base.files import write_text

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
NOT_DETECTED = "not detected"  # beginning of the reason of a row that holds forced photometry
UNNAMED = "manual_target"  # a target whose file of positions does not name it
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
)


@dataclass
class Row:
    """One observation of a target; magnitudes in mag, positions in deg, offsets in arcsec, `jd` the mid-time (UTC).

    `sig` is the uncertainty as documented (with the scatter of the zeropoint); `err_total` the honest one.  `catalog`
    and `band` are `-` where the magnitude is instrumental.  `reason` is why the row stands behind `#`, or empty.
    """

    ldac: str
    jd: float
    exptime_s: float
    mag: float
    sig: float
    inst: float
    e_inst: float
    ra_deg: float
    dec_deg: float
    ra_pred_deg: float
    dec_pred_deg: float
    flags: int
    telescope: str
    fwhm_arcsec: float
    x: float = np.nan
    y: float = np.nan
    catalog: str = "-"
    band: str = "-"
    method: str = "APER"
    offset_arcsec: tuple = (0.0, 0.0)
    err_total: float = np.nan
    source: str = ""
    reason: str = ""
    frame: str = ""
    origin: str = ""
    extra: dict = field(default_factory=dict)

    @property
    def accepted(self):
        """Whether the row counts."""
        return not self.reason

    @property
    def detected(self):
        """Whether there is a source; if not, `mag` is a limit, or NaN, and the place is the predicted one."""
        return not self.reason.startswith(NOT_DETECTED)

    @property
    def calibrated(self):
        """Whether the magnitude is tied to a catalogue or a zeropoint."""
        return self.band != "-"

    @property
    def dra_arcsec(self):
        """Predicted minus measured RA, arcsec of coordinate (no cos Dec), across RA 0."""
        return float(((self.ra_pred_deg - self.ra_deg + 180.0) % 360.0 - 180.0) * 3600)

    @property
    def ddec_arcsec(self):
        """Predicted minus measured declination, arcsec."""
        return float((self.dec_pred_deg - self.dec_deg) * 3600)


def mean_and_scatter(magnitudes):
    """Return (mean, standard deviation of one observation) of magnitudes (list of float, mag).

    None stands for what cannot be told: both without any, the second for a single one.
    """
    mean = statistics.fmean(magnitudes) if magnitudes else None
    return mean, statistics.stdev(magnitudes) if len(magnitudes) > 1 else None


def header_line():
    """Return the first line of the table."""
    line = ""
    for label, end in HEADER:
        line += label.rjust(end - len(line))
    return line


def format_row(row):
    """Return a Row as one line: 21 fields after a status character; behind them the reason of a rejection."""
    zp = row.mag - row.inst if row.calibrated else 0.0
    zp_sig = np.sqrt(max(row.sig**2 - row.e_inst**2, 0.0)) if row.calibrated else 0.0
    fields = (
        f"{word(row.ldac):>35} {row.jd:15.7f} {row.mag:8.4f} {row.sig:6.4f} {row.ra_deg:13.8f} {row.dec_deg:+13.8f} "
        f"{row.dra_arcsec:5.2f} {row.ddec_arcsec:5.2f} {row.offset_arcsec[0]:5.2f} {row.offset_arcsec[1]:5.2f} "
        f"{row.exptime_s:5.2f} {zp:8.4f} {zp_sig:6.4f} {row.inst:8.4f} {row.e_inst:6.4f} {word(row.catalog)} "
        f"{word(row.band)} {row.flags:3d} {word(row.telescope)}{' ' if len(row.method) > 9 else ''}"
        f"{word(row.method):>10} {row.fwhm_arcsec:4.2f}"
    )
    return (" " if row.accepted else "#") + fields + (f" # {row.reason}" if row.reason else "")


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


def read(path):
    """Return (rows, remarks) of a light curve: list of Row, rejected ones with their reason, and the lines of remarks.

    What the file does not hold is NaN or empty in the rows: `x`, `y`, `err_total`, `frame`.  Raises FrameError for a
    file that is no light curve.
    """
    rows, remarks = [], []
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); check its name") from None
    if not lines or lines[0].split()[:3] != ["#", "filename", "julian_date"]:
        raise FrameError(path, "is not a light curve of pp_distill (photometry_TARGET.dat)", "check its name")
    for line in lines[1:]:
        text = line[1:] if line.startswith("#") else line
        try:
            rows.append(_row(text, rejected=line.startswith("#")))
        except (ValueError, IndexError):
            if not line.startswith("#") and line.strip():
                raise FrameError(
                    path, f"contains a line that is not a row: {line.strip()[:60]}", "run pp_distill again"
                ) from None
            remarks += [text.strip()] if text.strip() else []
    return rows, [remark for remark in remarks if remark not in LEGEND]


def _row(text, rejected):
    """Return the Row of a line without its first character.  Raises ValueError or IndexError for anything else."""
    content, _, reason = text.partition(" # ")
    fields = content.split()
    if len(fields) < N_FIELDS:
        raise IndexError(len(fields))
    numbers = [float(fields[n]) for n in (*range(1, 15), 20)]
    jd, mag, sig, ra, dec, dra, ddec, offset_ra, offset_dec, exptime, _, _, inst, e_inst, fwhm = numbers
    return Row(
        ldac=fields[0],
        jd=jd,
        exptime_s=exptime,
        mag=mag,
        sig=sig,
        inst=inst,
        e_inst=e_inst,
        ra_deg=ra,
        dec_deg=dec,
        ra_pred_deg=(ra + dra / 3600) % 360,
        dec_pred_deg=dec + ddec / 3600,
        flags=int(fields[17]),
        telescope=fields[18],
        fwhm_arcsec=fwhm,
        catalog=fields[15],
        band=fields[16],
        method=fields[19],
        offset_arcsec=(offset_ra, offset_dec),
        reason=reason.strip() or ("rejected" if rejected else ""),
    )


def write_positions(path, rows, target="", remarks=()):
    """Write `positions.dat`: image, RA, Dec (deg), mid-time (JD) for each (image, ra_deg, dec_deg, jd) in `rows`.

    target : name in a fifth column, if given;  remarks : lines of text, comments behind the first line
    """
    name = f" {word(target)}" if target else ""
    lines = [f"# image, RA (deg), Dec (deg), mid-time (JD, UTC){', target' if target else ''}"]
    lines += [f"# {remark}" for remark in remarks]
    lines += [f"{word(image):>50} {ra:13.8f} {dec:+13.8f} {jd:18.9f}{name}" for image, ra, dec, jd in rows]
    write_text(path, "\n".join(lines) + "\n")


def read_positions(path, default_name=UNNAMED):
    """Return {target: [(image, ra_deg, dec_deg, jd), ...]} of a file with one position per line.

    Fields: image name, RA, Dec in degrees, mid-time JD, and perhaps the target's name, separated by blanks or commas;
    lines that begin with `#` are comments.  Raises FrameError naming the line that cannot be read.
    """
    targets = {}
    for number, line in lines_of(path):
        fields = line.replace(",", " ").split()
        try:
            position = (fields[0], float(fields[1]) % 360.0, float(fields[2]), float(fields[3]))
        except (IndexError, ValueError):
            raise FrameError(
                path, f"line {number} is not 'image RA Dec JD [name]': {line.strip()[:60]}", "correct it"
            ) from None
        targets.setdefault("_".join(fields[4:]) or default_name, []).append(position)
    if not targets:
        raise FrameError(path, "contains no positions", "one line per frame: image RA Dec JD [name]")
    return targets


def lines_of(path):
    """Return [(number, line), ...] of a file of the user without comments.  Raises UsageError if it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return [(n, line) for n, line in enumerate(stream, 1) if line.strip() and not line.lstrip().startswith("#")]
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); check its name") from None
