"""The rows of a light curve for reports: those of `photometry.db`, and what the frames of each of them add."""

import contextlib
import logging
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from photometrypipeline.base.errors import FrameError, PipelineError
from photometrypipeline.base.files import stem_of
from photometrypipeline.frames import framedb, ldac, lightcurves, records, results
from photometrypipeline.frames.frame import EXTENSIONS, Frame
from photometrypipeline.frames.recordtypes import RegisteredFrame
from photometrypipeline.frames.rows import STORED, Row
from photometrypipeline.instruments import telescopes
from photometrypipeline.sky import matching

log = logging.getLogger("pp.observations")

SIMULATED = "SIMULATE"  # card of frames of the example and other simulations
SAME_TIME_D = 1e-6  # the file has 7 decimals of a day, the database and stored ephemerides have all
SAME_SOURCE_ARCSEC = 0.1  # a row and its source in the database; the file has 8 decimals of a degree


@dataclass
class Observation:
    """One row of a light curve, the `frame` it was measured on, which may be gone, and its `registration`, if known.

    lacking : {kind of file: name} of what was looked for in vain
    """

    row: Row
    target: str
    frame: Frame
    registration: RegisteredFrame | None = None
    lacking: dict = field(default_factory=dict)

    @property
    def image(self):
        """File name of the image."""
        return self.row.frame or self.frame.name

    @cached_property
    def station(self):
        """Code of the place that it was observed from (obscodes.py).  Raises TelescopeError."""
        return telescopes.get(self.row.telescope).for_header(self.header).mpc_code

    @cached_property
    def header(self):
        """The header of the image, else of the source list, else an empty one."""
        try:
            return self.frame.header if self.frame.path.exists() else ldac.read(self.frame.ldac).header
        except PipelineError as error:
            log.info("%s", error)
            self.lacking["image"] = self.frame.name
            return {}

    @cached_property
    def database(self):
        """(header, sources near the row) of the frame's database, (empty, None) where it is missing."""
        margin = SAME_SOURCE_ARCSEC / 3600
        dec = self.row.dec_deg if self.row.detected else self.row.dec_pred_deg
        try:
            return framedb.read(self.frame.database, (dec - margin, dec + margin))[:2]
        except FrameError as error:
            log.info("%s", error)
            self.lacking["database"] = self.frame.database.name
            return {}, None

    @cached_property
    def source(self):
        """{column: value} of the source in the frame's database that the row was made of, {} without."""
        _, table = self.database
        found = _source(table, self.row) if self.row.detected and table is not None else {}
        if self.row.detected and table is not None and not found:
            self.lacking["source in the database"] = self.frame.database.name
        return found

    def value(self, name):
        """Return a number of the frame's database (float), NaN where there is none."""
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
    """One light curve: `path`, the `target` as the user calls it, its `kind` and `full_name` if known, its rows.

    missing : {kind of file: [names]} of what rows lack that photometry.db does not know;  remarks : lines of text
    """

    path: Path
    target: str
    kind: str
    full_name: str
    observations: list
    missing: dict
    remarks: list

    @property
    def simulated(self):
        """Whether any of its frames is one that no telescope has taken."""
        return any(each.header.get(SIMULATED) for each in self.observations)


def read_series(path, watched=iter):
    """Return the Series of a file photometry_TARGET.dat.  Raises FrameError for a file that is no light curve.

    Rows that `photometry.db` does not know, or knows with other values, are completed from the files of their frames.
    watched : function that iterates over the rows, and may show how far it got
    """
    path = Path(path)
    reading = lightcurves.read(path)
    curve = reading.curve
    if not curve.every:
        raise FrameError(path, "contains no rows", "the target was found in no frame")
    register = records.read(path.parent, ["register"]).get("register")
    registered = {each.name: each for each in register.frames} if register else {}
    observations, missing = [], {}
    for row in watched(curve.every):
        each = Observation(row, curve.name, _frame_of(row, path.parent))
        each.registration = registered.get(each.image)
        if not reading.is_stored(row):
            _complete(each)
            for kind, name in each.lacking.items():
                missing.setdefault(kind, []).append(name)
        observations.append(each)
    return Series(path, curve.name, curve.kind, curve.full_name, observations, missing, reading.remarks)


def _complete(each):
    """Fill the row of an Observation with what image and database of its frame know."""
    row, (head, _) = each.row, each.database
    row.target, row.frame = each.target, each.image
    row.airmass, row.aprad_px = each.card("AIRMASS"), each.card("APRAD")
    row.magsys = head.get("magsys") or ""
    if head and abs(head["obstime"] - row.jd) < SAME_TIME_D:
        row.jd = head["obstime"]
    if row.detected:
        row.x_px, row.y_px = each.value("XWIN_IMAGE"), each.value("YWIN_IMAGE")
        for name in [name for name in each.source if name.startswith("err_") and name in STORED]:
            setattr(row, name, each.value(name))


def stem_of_ldac(name):
    """Return the stem of an image from the name of its source list."""
    return name.removesuffix(".ldac")


def _frame_of(row, folder):
    """Return the Frame of a Row of a light curve in `folder`; its image may be missing."""
    if row.frame and (folder / row.frame).exists():
        return Frame(folder / row.frame)
    return Frame(_image_of(row.ldac, folder) or folder / (row.frame or f"{stem_of_ldac(row.ldac)}.fits"))


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
