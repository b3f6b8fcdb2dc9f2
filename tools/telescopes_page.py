#!/usr/bin/env python3
"""Write the list of instruments in docs/telescopes.md from their definitions; into the text around it: make docs."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
PAGE = ROOT / "docs" / "telescopes.md"
START, END = "<!-- instruments: written by `make docs` -->", "<!-- end of instruments -->"


def ours():
    """Return {key: Telescope} of the packaged instruments, without those of the user who runs this."""
    from photometrypipeline.instruments import instrumentfile, telescopes

    folder = telescopes.SETUP_FOLDER
    paths = sorted((folder / "instruments").glob("*.toml"))
    found = [instrumentfile.read_instruments(path, (folder,)) for path in paths]
    return {telescope.key: telescope for family in found for telescope in family}


def found_by(telescope):
    """Return in a cell's words which header values lead to a telescope."""
    names = ", ".join(f"`{name}`" for name in telescope.identifiers) or "-"
    where = ", ".join(f"`{name}`" for name in telescope.telescop)
    return f"{names}; TELESCOP {where}" if where else names


def row(telescope):
    """Return the row of one instrument."""
    scale = " x ".join(dict.fromkeys(f"{each:g}" for each in telescope.pixel_scale)) if telescope.pixel_scale else "-"
    codes = [telescope.mpc_code]
    if telescope.cases:
        codes += [changes["mpc_code"] for _, changes in telescope.cases[1] if "mpc_code" in changes]
    codes = list(dict.fromkeys(code for code in codes if code != "500" or len(codes) == 1))
    shown = ", ".join(codes) if len(codes) < 4 else f"{len(codes)} sites"
    bands = " ".join(dict.fromkeys(band for band in telescope.filters.values() if band)) or "-"
    cells = (f"`{telescope.key}`", telescope.label, shown, scale, bands, found_by(telescope))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def listing():
    """Return the table of all instruments."""
    head = [
        "| key | telescope | station | arcsec/px | bands | found by INSTRUME (or its like) |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *(row(telescope) for telescope in ours().values())])


def page(text):
    """Return the text of the page with the list renewed."""
    before, _, rest = text.partition(START)
    return f"{before}{START}\n\n{listing()}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
