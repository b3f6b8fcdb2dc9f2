#!/usr/bin/env python3
"""Write the tables of docs/files.md from the code that writes the files: make docs."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "files.md"
sys.path.insert(0, str(ROOT))

from photometrypipeline.frames import framedb, results  # noqa: E402
from photometrypipeline.reports import lightcurve  # noqa: E402

MEANINGS = {  # of the labels of photometry_*.dat that its last lines do not explain
    "filename": "source list of the frame, `FRAME.ldac`",
    "julian_date": "middle of the exposure, UTC",
    "mag": "calibrated magnitude; instrumental where column [7] is `-`",
    "sig": "its error, with the scatter of the zeropoint",
    "source_ra": "right ascension of the source, deg (J2000)",
    "source_dec": "declination, deg",
    "ZP": "zeropoint, mag",
    "ZP_sig": "its scatter, mag",
    "inst_mag": "instrumental magnitude",
    "in_sig": "its error, mag",
    'FWHM"': "width of the source, arcsec",
}
PROGRAM = "https://sextractor.readthedocs.io"


def table(head, rows):
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def result_columns():
    """Return the table of the columns of photometry_*.dat."""
    told = dict(re.match(r"(\[[\d,]+\]): (.*)", line).groups() for line in results.LEGEND if line.startswith("["))
    told = {f"[{number}]": text for key, text in told.items() for number in key.strip("[]").split(",")}
    labels = [label for label, _ in results.HEADER[1:]]
    return table(["column", "what"], [[f"`{label}`", told.get(label) or MEANINGS[label]] for label in labels])


def curve_columns():
    """Return the table of the columns of lightcurve_*."""
    groups = (lightcurve.ROW_COLUMNS, lightcurve.TIME_COLUMNS, lightcurve.GEOMETRY_COLUMNS)
    rows = [[f"`{name}`", str(unit or ""), text] for group in groups for name, (unit, text, *_) in group.items()]
    return table(["column", "unit", "what"], rows)


def source_columns():
    """Return the names of the columns of a source list."""
    names = (ROOT / "setup" / "singleaperture.sexparam").read_text().split()
    return ", ".join(f"`{name}`" for name in names) + f": as [Source Extractor's manual]({PROGRAM}) explains them.\n"


def frame_schema():
    """Return the schema of a frame's database."""
    return f"```sql\n{framedb.SCHEMA.strip()}\n{framedb.COLOR_SCHEMA.strip()}\n```\n"


PARTS = {"result": result_columns, "curve": curve_columns, "sources": source_columns, "frame": frame_schema}


def page(text):
    """Return the page with its parts as the code has them."""
    for name, make in PARTS.items():
        pattern = rf"(<!-- from the code: {name} -->\n).*?(<!-- end -->)"
        text = re.sub(pattern, lambda found, make=make: found[1] + "\n" + make() + "\n" + found[2], text, flags=re.S)
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
