"""SCAMP run on frames whose place is known: it refines the WCS of all of them together, within narrow limits."""

import logging
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from photometrypipeline.base.attempts import attempt
from photometrypipeline.base.errors import PipelineError
from photometrypipeline.base.files import put
from photometrypipeline.frames import wcskeywords
from photometrypipeline.programs import astromatic

log = logging.getLogger("pp.scampfit")

WORK = ".diagnostics"  # where the .head files end
REPORT = "astrometry_scamp.xml"
REFERENCE = "stars.cat"
LONGEST_PATH = 400  # bytes of its working folder, more end SCAMP with a buffer overflow
MARKUP = re.compile(r"[<>&\"]")
# What is left to find, after the match of the patterns: degrees, a factor, arcmin.
NARROW = {"POSANGLE_MAXERR": "0.5", "PIXSCALE_MAXERR": "1.01", "MATCH_FLIPPED": "N"}
POSITION_PX = 10  # and this many pixels
# Resolution of SCAMP's own match of patterns: nearly all of its time goes into transforms of an image of the field with
# pixels of that size.  Its own choice follows the errors of the catalogue, with those of Gaia a hundred times as long.
RESOLUTION_PX = 2.0
STEPS_FOR = {30: 1024, 100: 512}  # so many along a frame are enough with so many matched stars
RADIUS_PER_STEP = 0.25  # of a match: how well a step is told from the next one
STARS_FOR = {1: 0, 2: 30, 3: 100}  # degree of the distortion: matched stars in the frame that has most


@dataclass(frozen=True)
class Job:
    """One frame for SCAMP: its Frame, the SourceList that takes part, and the WCS (fits.Header) to start from."""

    frame: object
    sources: object
    header: object


@dataclass(frozen=True)
class Limits:
    """What tells how narrowly SCAMP has to look: pixel scale, longest side of a frame, fewest stars matched in one."""

    scale_arcsec: float
    side_px: float
    n_matched: int

    @property
    def resolution_px(self):
        """How finely the patterns are matched: as finely as in a small frame where there are few stars."""
        steps = min((steps for least, steps in STEPS_FOR.items() if self.n_matched >= least), default=np.inf)
        return max(RESOLUTION_PX, self.side_px / steps)

    @property
    def radius_arcsec(self):
        """Within what distance sources and stars are the same, then."""
        return max(1.0, self.scale_arcsec * max(1.0, RADIUS_PER_STEP * self.resolution_px))


def degree_of(telescope, n_matched):
    """Return the degree of the distortion: the telescope's own, else what so many matched stars of a frame allow."""
    if telescope.scamp_file:
        return int(settings_of(telescope.scamp_file).get("DISTORT_DEGREES", 3))
    if "DISTORT_DEGREES" in telescope.scamp:
        return int(telescope.scamp["DISTORT_DEGREES"])
    return max(degree for degree, stars in STARS_FOR.items() if n_matched >= stars)


def settings_of(path):
    """Return the settings (dict) in a configuration file."""
    return astromatic.settings_in(Path(path).read_text(encoding="utf-8"))


def run(jobs, reference, telescope, mask, limits, degree, timeout_s, folder):
    """Run SCAMP on the Jobs; returns ({name: numbers}, Heads); numbers as astromatic.run_scamp has them.

    reference : function of a path that writes the catalogue there, as FITS_LDAC
    mask : of FLAGS that are left out;  limits : Limits;  degree : of the distortion
    Leaves `astrometry_scamp.xml` in `folder`, and the .head files in `.diagnostics/`.  Raises ProgramError.
    """
    names = [job.frame.name for job in jobs]
    folder = Path(os.path.abspath(folder))
    heads_folder = folder / WORK
    heads_folder.mkdir(exist_ok=True)
    columns = astromatic.scamp_columns(telescope)
    far = len(os.fsencode(os.path.realpath(heads_folder))) > LONGEST_PATH
    with tempfile.TemporaryDirectory(prefix="scamp_", dir=None if far else heads_folder) as work:
        lists = [Path(work) / f"{number:05d}.ldac" for number in range(len(jobs))]
        for path, job in zip(lists, jobs, strict=True):
            header = plain(job.frame.header)
            wcskeywords.write_solution(header, job.header, "")
            astromatic.write_for_scamp(path, job.sources, header, columns)
            bring_extra_header(job.frame, path)
        reference(Path(work) / REFERENCE)
        extra = extras(telescope, limits, degree, folder / "scamp.ahead")
        numbers = astromatic.run_scamp(lists, REFERENCE, telescope, mask, work, timeout_s, extra=extra)
        heads = {job.frame.name: heads_folder / f"{job.frame.stem}.head" for job in jobs}
        for place, path in zip(heads.values(), lists, strict=True):
            shutil.move(path.with_suffix(".head"), place)
        put(Path(work) / "scamp_output.xml", folder / REPORT)
    return dict(zip(names, numbers, strict=True)), Heads(heads)


@dataclass(frozen=True)
class Heads:
    """The solutions of SCAMP, in the .head files `paths` ({name of the frame: Path}): read when they are asked for."""

    paths: dict

    def get(self, name):
        """Return the solution (fits.Header) of a frame; None without one, and, with a warning, for one of no use."""
        if name not in self.paths:
            return None
        head = attempt(astromatic.read_head, self.paths[name])
        if isinstance(head, PipelineError):
            log.warning("%s: %s; its fit without SCAMP is used", name, head)
            return None
        return head


def plain(header):
    """Return a copy of a header without characters that have a meaning in XML: SCAMP reports texts as they stand."""
    copy = header.copy()
    for card in copy.cards:
        if isinstance(card.value, str) and MARKUP.search(card.value):
            card.value = MARKUP.sub("_", card.value)
    return copy


def bring_extra_header(frame, path):
    """Put a user's `<stem>.ahead`, which SCAMP looks for next to the source list, where it will find it."""
    ahead = frame.path.with_suffix(".ahead")
    if ahead.exists():
        path.with_suffix(".ahead").write_bytes(ahead.read_bytes())


def extras(telescope, limits, degree, ahead):
    """Return settings (dict) that depend on the data: how far to look, the radius of a match, the degree.

    ahead : Path of header cards for all frames, which need not exist
    """
    found = NARROW | {
        "POSITION_MAXERR": f"{max(0.05, POSITION_PX * limits.scale_arcsec / 60):.4g}",
        "MATCH_RESOL": f"{limits.resolution_px * limits.scale_arcsec:.4g}",
    }
    if not telescope.scamp_file:
        found["DISTORT_DEGREES"] = str(degree)
        if "CROSSID_RADIUS" not in telescope.scamp:
            found["CROSSID_RADIUS"] = f"{limits.radius_arcsec:g}"
    if ahead.exists():
        found["AHEADER_GLOBAL"] = str(ahead)
    return found
