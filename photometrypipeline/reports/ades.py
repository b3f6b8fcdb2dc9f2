"""ADES, the IAU's form of astrometric reports: records of optical observations as pipe-separated values and as XML.

After "Astrometry Data Exchange Standard (ADES)", version 2022, IAU-ADES: names, order and precision of the fields.
"""

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

from photometrypipeline.base.errors import FrameError

VERSION = "2022"
# Fields of an optical record in the order of the standard, those that a pipeline like this knows
FIELDS = (
    "permID", "provID", "trkSub", "obsSubID", "mode", "stn", "obsTime", "rmsTime", "ra", "dec", "rmsRA", "rmsDec",
    "rmsCorr", "astCat", "mag", "rmsMag", "band", "fltr", "photCat", "photAp", "logSNR", "seeing", "exp", "rmsFit",
    "nStars", "disc", "uncTime", "notes", "remarks",
)  # fmt: skip
# Groups of the header in their order: name of the group, names of its entries
CONTEXT = (
    ("observatory", ("mpcCode", "name")),
    ("submitter", ("name", "institution")),
    ("observers", ("name",)),
    ("measurers", ("name",)),
    ("telescope", ("name", "design", "aperture", "detector", "fRatio", "filter", "arraySize", "pixelScale")),
    ("software", ("astrometry", "fitOrder", "photometry", "objectDetection")),
    ("coinvestigators", ("name",)),
    ("collaborators", ("name",)),
    ("fundingSource", ()),
    ("comment", ("line",)),
)
RIGHT = {"permID", "ra", "dec", "mag"}  # aligned to the right in a table, for people


@dataclass
class Block:
    """Observations that share a header.

    context : {group: [(entry, text), ...]}, a plain text for a group without entries
    records : list of {field: text}, in the order of the observations
    """

    context: dict
    records: list = field(default_factory=list)


def to_psv(blocks):
    """Return the text of a report as pipe-separated values."""
    lines = [f"# version={VERSION}"]
    for block in blocks:
        for group, _ in CONTEXT:
            entries = block.context.get(group)
            if isinstance(entries, str):
                lines.append(f"# {group} {entries}")
            elif entries:
                lines += [f"# {group}", *(f"! {name} {text}" for name, text in entries)]
        used = [name for name in FIELDS if any(record.get(name) for record in block.records)]
        width = {name: max(len(name), *(len(record.get(name, "")) for record in block.records)) for name in used}
        for record in [dict(zip(used, used, strict=True)), *block.records]:
            cells = [_padded(record.get(name, ""), name, width[name]) for name in used]
            lines.append("|".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def _padded(text, name, width):
    return text.rjust(width) if name in RIGHT and text != name else text.ljust(width)


def to_xml(blocks):
    """Return the text of a report as XML."""
    root = ET.Element("ades", version=VERSION)
    for block in blocks:
        part = ET.SubElement(root, "obsBlock")
        context = ET.SubElement(part, "obsContext")
        for group, _ in CONTEXT:
            entries = block.context.get(group)
            if isinstance(entries, str):
                ET.SubElement(context, group).text = entries
            elif entries:
                element = ET.SubElement(context, group)
                for name, text in entries:
                    ET.SubElement(element, name).text = text
        data = ET.SubElement(part, "obsData")
        for record in block.records:
            optical = ET.SubElement(data, "optical")
            for name in FIELDS:
                if record.get(name):
                    ET.SubElement(optical, name).text = record[name]
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def read(path):
    """Return (version, list of Block) of a report in either form.  Raises FrameError for anything else."""
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
        return _from_xml(text) if text.lstrip().startswith("<") else _from_psv(text)
    except (OSError, ValueError, ET.ParseError) as error:
        raise FrameError(path, f"is not an ADES report ({error})", "see docs/reports.md") from None


def _from_xml(text):
    root = ET.fromstring(text)
    if root.tag != "ades":
        raise ValueError(f"its first element is {root.tag}")
    blocks = []
    for part in root.iter("obsBlock"):
        context = {}
        for group in part.find("obsContext"):
            context[group.tag] = [(entry.tag, entry.text or "") for entry in group] or (group.text or "")
        records = [{field.tag: field.text or "" for field in optical} for optical in part.find("obsData")]
        blocks.append(Block(context, records))
    return root.get("version", ""), blocks


def _from_psv(text):
    version, blocks, names, group, fresh = "", [], [], None, False
    for line in text.splitlines():
        if line.startswith("#"):
            word, _, rest = line[1:].strip().partition(" ")
            if word.startswith("version="):
                version = word.removeprefix("version=")
                continue
            if not fresh:
                blocks.append(Block({}))
                fresh, names = True, []
            group = word
            blocks[-1].context[group] = rest.strip() or []
        elif line.startswith("!"):
            name, _, rest = line[1:].strip().partition(" ")
            blocks[-1].context[group].append((name, rest.strip()))
        elif line.strip():
            cells = [cell.strip() for cell in line.split("|")]
            fresh = False
            if not names:
                names = cells
                continue
            if len(cells) > len(names):
                raise ValueError(f"a line has {len(cells)} fields, its title {len(names)}")
            blocks[-1].records.append({name: cell for name, cell in zip(names, cells, strict=False) if cell})
    if not version:
        raise ValueError("its first line is not '# version=...'")
    return version, blocks
