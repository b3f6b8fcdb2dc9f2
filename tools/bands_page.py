#!/usr/bin/env python3
"""Write docs/bands.md, which catalogue gives which band and how, from the data of the catalogues: make docs."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "bands.md"
GROUPS = {
    "Johnson-Cousins (Vega)": "UBVRI",
    "SDSS (AB)": "ugriz",
    "Pan-STARRS (AB)": [f"{band}p1" for band in "grizy"],
    "SkyMapper (AB)": [f"{band}sm" for band in "uvgriz"],
    "Gaia (Vega)": ["G", "BP", "RP"],
    "2MASS (Vega)": ["J", "H", "Ks"],
    "UKIRT (Vega)": ["Z", "Y", "Jukirt", "Hukirt", "K"],
}
HEAD = """# Catalogues and bands

Written by `make docs` from the data in `photometrypipeline/surveys/` and `photometrypipeline/colorterms/`.

**N** stands for magnitudes that the catalogue has itself, an identifier such as **T12** for a transformation (below),
a dash for a band that it does not give. Where several transformations exist the first is taken; the setting
`preferred_relations = ("KB18",)` in a `pp_setup.py` of yours takes another one wherever it applies. What was used
stands in LOG, in the history of the database and on the pages. How to choose a catalogue: `pp_calibrate -catalog`.

A plain `g` with Pan-STARRS or REFCAT2 is the g of SDSS, transformed; `gp1` is their own. J and H mean those of 2MASS,
K that of UKIRT, whose own J and H are `Jukirt` and `Hukirt`. `y` means Pan-STARRS's, with SkyMapper `u` and `v` are its
own. SDSS-R9, -R12 and -R16 have u and z on the AB system (u - 0.04, z + 0.02); transformations undo it, as they are for
magnitudes as measured.

Outside of its colour range a transformation gives nothing, unless `-use_all_stars` is given: `flag_extrapolated` in
the database is 1 then. The scatter of a transformation, and what separates different ones, does not average out over
stars: 0.02 mag for B, V, R, I from Pan-STARRS, and more in B for red stars. It is named in LOG and in the database.
"""


def how(survey, band, system):
    """Return N, the identifier of a transformation, or a dash."""
    from photometrypipeline.catalogs import colorterms

    name = survey.aliases.get(band, band)
    if system.startswith("UKIRT"):
        relations = colorterms.find([set_id for set_id in survey.relations if set_id in ("HO09", "HE06")], band)
        return relations[0].id if relations and set(relations[0].inputs) <= set(survey.column_names) else "-"
    if name in survey.bands and not (system.startswith("SDSS") and name.endswith(("sm", "p1"))):
        return "N"
    relations = colorterms.find(survey.relations, band, survey.column_names)
    return relations[0].id if relations else "-"


def table(system, bands, surveys):
    """Return the table of one photometric system."""
    rows = [[name, *(how(survey, band, system) for band in bands)] for name, survey in surveys.items()]
    rows = [row for row in rows if set(row[1:]) != {"-"}]
    lines = [["catalogue", *bands], ["---"] * (len(bands) + 1), *rows]
    return f"\n### {system}\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def equation(relation):
    """Return a relation as one writes it: V = r + 0.005 + 0.462 (g-r) + 0.013 (g-r)^2."""

    def short(column):
        return column.removesuffix("mag").removesuffix("p1").removesuffix("sm")

    if not hasattr(relation, "terms"):
        return f"{relation.band}: first {', '.join(relation.steps)}, of these {equation(relation.second)}"
    parts = [short(relation.lead), f"{relation.zero:+.5g}"]
    for term in relation.terms:
        for power, value in enumerate(term.coefficients, 1):
            colour = f"({short(term.blue)}-{short(term.red)})" + (f"^{power}" if power > 1 else "")
            parts.append(f"{value:+.7g} {colour}")
    signed = (part if index == 0 else f"{part[0]} {part[1:]}" for index, part in enumerate(parts))
    return f"{relation.band} = {' '.join(signed)}"


def limits(relation):
    """Return the range in which a relation holds."""
    told = []
    for what, low, high in relation.limits:
        name = what if isinstance(what, str) else "-".join(what)
        told.append(f"{low:g} < {name.replace('mag', '')} < {high:g}")
    return ", ".join(told).replace("-inf < ", "").replace(" < inf", "")


def relations_table():
    """Return the table of all transformations."""
    from photometrypipeline.catalogs.colorterms import IDS, RELATIONS

    parts = ["\n## Transformations\n\nMagnitudes on the right are those of the catalogue. Errors in mag.\n"]
    for set_id in IDS:
        found = [relation for relation in RELATIONS if relation.id == set_id]
        parts.append(f"\n### {set_id}\n\n{found[0].source}\n\n| band | scatter or error | range |\n|---|---|---|\n")
        parts += [f"| {equation(one)} ({one.system}) | {one.systematic:.4g} | {limits(one)} |\n" for one in found]
    return "".join(parts)


def catalogues_table(surveys):
    """Return the table of the catalogues."""
    lines = ["\n## Catalogues\n\n| name | what | VizieR table | registration | calibration |\n|---|---|---|---|---|\n"]
    for name, survey in surveys.items():
        uses = ("yes" if use else "no" for use in (survey.key, survey.bands))
        lines.append(f"| {name} | {survey.title} | {survey.table or 'imported files'} | {' | '.join(uses)} |\n")
    return "".join(lines)


def page():
    """Return the text of docs/bands.md."""
    sys.path.insert(0, str(ROOT))
    from photometrypipeline.catalogs.surveys import ALIASES, SURVEYS

    names = "".join(f"`{alias}` means {name}. " for alias, name in ALIASES.items())
    parts = [HEAD, catalogues_table(SURVEYS), f"\n{names.strip()}\n\n## Bands\n"]
    parts += [table(system, list(bands), SURVEYS) for system, bands in GROUPS.items()]
    return "".join([*parts, relations_table()])


if __name__ == "__main__":
    PAGE.write_text(page())
