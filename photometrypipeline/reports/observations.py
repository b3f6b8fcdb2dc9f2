"""What is known of each row of a light curve, gathered from the files beside it: image, database, records."""

import contextlib
import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from photometrypipeline.base.errors import FrameError, PipelineError
from photometrypipeline.base.files import stem_of
from photometrypipeline.frames import framedb, ldac, records, results
from photometrypipeline.frames.frame import EXTENSIONS, Frame
from photometrypipeline.sky import matching

log = logging.getLogger("pp.observations")

SAME_TIME_D = 1e-6  # the file has 7 decimals of a day, the database and stored ephemerides have all
SAME_SOURCE_ARCSEC = 0.1  # a row and its source in the database; the file has 8 decimals of a degree


@dataclass
class Observation:
    """One row of a light curve with what belongs to it; what is missing on disk is None or empty.

    row : results.Row;  target : name;  image : file name;  header : of the image, else of the source list, else empty
    source : {column of the database: value} of the source, {} without;  magsys : AB, Vega or instrumental
    registration : record of the registration of this frame (dict);  extra : further values that pp_distill recorded
    """

    row: results.Row
    target: str
    image: str
    header: object = field(default_factory=dict)
    source: dict = field(default_factory=dict)
    magsys: str = ""
    registration: dict = field(default_factory=dict)
    extra: dict = field(default_factory=dict)

    def value(self, name):
        """Return a number of the database (float), NaN where there is none."""
        return float(self.source.get(name, np.nan))

    def card(self, keyword):
        """Return a number of the header (float), NaN where there is none."""
        try:
            return float(self.header.get(keyword, np.nan))
        except (TypeError, ValueError):
            return np.nan

    @property
    def pixel_scale_arcsec(self):
        """Pixel scale (arcsec), NaN where unknown."""
        return self.card("SECPIXX")


@dataclass
class Series:
    """One light curve: `path`, the `target` as the user calls it, its `kind` and `full_name` if recorded, its rows.

    missing : {kind of file: [names]} of what the rows lack on disk
    """

    path: Path
    target: str
    kind: str
    full_name: str
    observations: list
    missing: dict


def read_series(path, watched=iter):
    """Return the Series of a file photometry_TARGET.dat.  Raises FrameError for a file that is no light curve.

    watched : function that iterates over the rows, and may show how far it got
    """
    path = Path(path)
    rows, _ = results.read(path)
    if not rows:
        raise FrameError(path, "contains no rows", "the target was found in no frame")
    found = records.read(path.parent)
    recorded = next((each for each in found.get("distill", {}).get("targets", []) if each["file"] == path.name), {})
    target = recorded.get("name") or path.stem.removeprefix("photometry_")
    registered = {each["name"]: each for each in found.get("register", {}).get("frames", [])}
    parts = ((True, recorded.get("rows", [])), (False, recorded.get("unseen", [])))
    noted = {(detected, results.word(str(each["ldac"]))): each for detected, rows_ in parts for each in rows_}
    missing = {}
    observations = [
        _observation(row, path.parent, target, registered, noted.get((row.detected, row.ldac), {}), missing)
        for row in watched(rows)
    ]
    return Series(path, target, recorded.get("kind") or "", recorded.get("full_name") or "", observations, missing)


def _observation(row, folder, target, registered, recorded, missing):
    image = _image_of(row.ldac, folder)
    frame = Frame(image) if image else Frame(folder / f"{stem_of_ldac(row.ldac)}.fits")
    each = Observation(row, target, recorded.get("frame") or frame.name)
    try:
        each.header = frame.header if image else ldac.read(frame.ldac).header
    except PipelineError as error:
        log.info("%s", error)
        missing.setdefault("image", []).append(frame.name)
    try:
        margin = SAME_SOURCE_ARCSEC / 3600
        head, table, _ = framedb.read(frame.database, (row.dec_deg - margin, row.dec_deg + margin))
    except FrameError as error:
        log.info("%s", error)
        missing.setdefault("database", []).append(frame.database.name)
    else:
        each.magsys = head["magsys"] or ""
        if abs(head["obstime"] - row.jd) < SAME_TIME_D:
            row.jd = head["obstime"]
        each.source = _source(table, row) if row.detected else {}
        if row.detected and not each.source:
            missing.setdefault("source in the database", []).append(frame.database.name)
    each.registration = registered.get(each.image, {})
    each.extra = {
        name: value for name, value in recorded.items() if name not in KNOWN and not isinstance(value, (dict, list))
    }
    if row.detected:
        row.x, row.y, row.err_total = each.value("XWIN_IMAGE"), each.value("YWIN_IMAGE"), each.value("err_total")
    return each


KNOWN = {
    *results.Row.__dataclass_fields__,
    *("frame", "dra_arcsec", "ddec_arcsec", "accepted", "aprad_px"),
}


def stem_of_ldac(name):
    """Return the stem of an image from the name of its source list."""
    return name.removesuffix(".ldac")


def _image_of(name, folder):
    """Return the Path of the image of a source list called `name` in a light curve, None if it is not there."""
    stem = stem_of_ldac(name)
    for place in (folder, folder / stem):  # stacks lie in a folder of their own
        for extension in EXTENSIONS:
            for path in (place / f"{stem}{extension}", place / f"{stem}{extension.upper()}"):
                if path.exists():
                    return path
    for path in folder.iterdir():  # blanks of the name became underscores
        if path.suffix.lower() in EXTENSIONS and results.word(stem_of(path.name)) == stem:
            return path
    return None


def _source(table, row):
    """Return {column: value} of the source in a database that a row was made of; {} if there is none at its place."""
    (index,), (distance,) = matching.nearest(
        row.ra_deg, row.dec_deg, np.array(table["ra_deg"]), np.array(table["dec_deg"])
    )
    if index < 0 or distance > SAME_SOURCE_ARCSEC:
        return {}
    found = {}
    for name in table.colnames:
        with contextlib.suppress(TypeError, ValueError):  # texts, such as identifiers of stars
            found[name] = float(table[name][index])
    return found
