#!/usr/bin/env python3
"""Explain a magnitude: how it came about, step by step with the files it rests on, and derive it again from these.

reads   the records and stamps in .diagnostics, photometry.db, and what the number rests on: the frame, its source list
        and database, those of the other frames, bad pixels, reference stars and ephemeris in the store
writes  nothing

It runs Source Extractor on the frame, the calibration of the night and the measurement once more, with the options that
the steps had, and says of each result whether it is the same to the last bit; status 1 if one is not.

Examples:
  pptool_explain 3552 mscience0217.fits
  pptool_explain -nocheck "Control Star" mscience0217.fits
  pptool_explain -json 3552 mscience0217.fits > account.json
"""

from photometrypipeline.base import commandline
from photometrypipeline.runs import stepoptions


def build_parser():
    """Return the parser of the command line."""
    parser = commandline.parser_of(__doc__, stepoptions.Jobs, images=False, summary=False)
    parser.add_argument("target", metavar="TARGET", help="name of the target, as its table has it")
    parser.add_argument("images", nargs=1, metavar="FRAME", help="the image")
    parser.add_argument("-nocheck", action="store_true", help="tell how it came about, do not derive it again")
    parser.add_argument("-json", action="store_true", help="print JSON: row, steps with all facts, checks")
    return parser


commandline.answer_at_once(build_parser)

# isort: split
import contextlib
import dataclasses
import json
import sys
import tempfile
import textwrap
from pathlib import Path

import toolbox

import pp_calibrate
import pp_distill
import pp_photometry
from photometrypipeline.base.errors import FAILED, OK, NotReachable, PipelineError, UsageError
from photometrypipeline.base.losses import Losses
from photometrypipeline.calibration import calibrated
from photometrypipeline.frames import framedb, ldac, observationsdb, records
from photometrypipeline.instruments.dataset import DataSet
from photometrypipeline.runs import provenance, recipes, stamps
from photometrypipeline.runs.provenance import Check
from photometrypipeline.targets import account

WIDTH = 100  # of a line
INDENT = 17


# ---- what is asked for


def row_of(folder, target, frame):
    """Return the Row of a target on a frame in `folder`, one with a source if there is.  Raises UsageError."""
    curves = observationsdb.read(folder / observationsdb.FILE_NAME)
    plain = "_".join(target.split()).casefold()
    named = [each for each in curves if plain in ("_".join(each.name.split()).casefold(), each.full_name.casefold())]
    if not named:
        known = ", ".join(repr(each.name) for each in curves[:10])
        raise UsageError(f"no light curve of {target} in {folder.resolve()}; there are {known or 'none'}")
    rows = [row for row in named[0].every if row.frame == frame]
    if not rows:
        raise UsageError(f"{named[0].name} has no row on {frame}: it was not expected there, or there was no source")
    return max(rows, key=lambda row: (row.accepted, row.detected))


# ---- derived again


@contextlib.contextmanager
def silent():
    """Within the block the steps that run once more say nothing on the screen."""
    told = toolbox.SILENT.set(True)
    try:
        yield
    finally:
        toolbox.SILENT.reset(told)


class Deriving:
    """Derives a Row again from the files of its data set, in three parts; nothing is written but a temporary list."""

    def __init__(self, folder, row, jobs):
        self.folder, self.row, self.jobs = folder, row, jobs
        self.stamps = stamps.Stamps(folder)

    def checks(self):
        """Yield the Checks."""
        yield from self._part("photometry", "frame", self._frame)
        yield from self._part("photometry", "source list", self._sources)
        yield from self._part("calibrate", "calibration", self._calibration)
        yield from self._part("distill", "magnitude", self._magnitude)

    def _part(self, step, name, derive):
        """Yield the Check of one part, with what may be the reason where it is not the same."""
        stamp = self.stamps.read(step)
        if stamp is None:
            reason = f"pp_{step} left no stamp (it was interrupted, or met a service that was away): run it again"
            yield Check(name, None, f"cannot be derived: {reason}")
            return
        try:
            options = provenance.options_of(stamp, self.folder)
            names = [stamps.existing(self.folder / each) for each in stamp.given]
            frames = toolbox.prepared_frames([str(each) for each in names], Losses(), self.folder)
            known = {"jobs": self.jobs, "offline": True}
            known = {key: value for key, value in known.items() if hasattr(options, key)}
            with silent():
                differs = derive(frames, dataclasses.replace(options, **known))
            now = toolbox.recipe(step, frames, options, self.stamps.contents)
        except (PipelineError, NotReachable) as error:
            yield Check(name, None, f"cannot be derived: {error}")
            return
        why = recipes.difference(stamp.recipe, now)
        yield provenance.judged(name, differs, why and f"since pp_{step} ran: {why}")

    def _own(self, frames):
        found = [frame for frame in frames if frame.name == self.row.frame]
        if not found:
            raise PipelineError(f"{self.row.frame} was not given to the step")
        return found[0]

    def _frame(self, frames, options):
        """Return where the frame is not as pp_photometry left it (list of str)."""
        stamp, name = self.stamps.read("photometry"), self.row.frame
        then, now = stamp.frames.get(name), self.stamps.contents.of_frame(self._own(frames).path)
        parts = [what for what, part in (("header", 0), ("pixels", 2)) if then is None or then[part] != now[part]]
        files = [each for each, known in stamp.files.items() if self._digest(each) != known]
        return [f"{part} changed since" for part in parts] + [f"{each} changed since" for each in files]

    def _digest(self, name):
        return self.stamps.contents.of_file(self.folder / name)

    def _sources(self, frames, options):
        """Return where the source list of the frame differs from what its pixels give now."""
        frame = self._own(frames)
        with tempfile.TemporaryDirectory(prefix="pp_explain_") as place:
            again = pp_photometry.list_again(frame, options, Path(place) / "again.ldac")
        return provenance.table_differences(ldac.read(frame.ldac).table, again.table)

    def _calibration(self, frames, options):
        """Return where the database of the frame differs from what the source lists of all frames give now."""
        data, frame = DataSet.of(frames), self._own(frames)
        found = pp_calibrate.solve(data, Losses(), options, keep=False)
        if found.failure:
            raise found.failure
        done = pp_calibrate.calibrated_frame(frame, found.reference, found.settings, found.term, found.night)
        header, table, zeropoint, color = calibrated.contents(done, found.reference, found.settings)
        known_header, known_table, known_zeropoint = framedb.read(frame.database)
        pairs = (("", known_header, header), ("zeropoint ", known_zeropoint, zeropoint))
        pairs += (("colour term ", framedb.read_colorterm(frame.database), color),)
        differs = [f"{what}{each}" for what, then, now in pairs for each in provenance.differences(then, now)]
        return differs + provenance.table_differences(known_table, table)

    def _magnitude(self, frames, options):
        """Return where the row differs from what databases, pixels and ephemeris give now."""
        derived = pp_distill.derive(DataSet.of(frames), Losses(), options)
        curve = next((each for each in derived.curves if each.name == self.row.target), None)
        rows = [row for row in curve.every if row.frame == self.row.frame] if curve else []
        again = next((row for row in rows if row.detected == self.row.detected), None)
        if again is None:
            return [f"{self.row.target} is not found any more"]
        return provenance.row_differences(self.row, again)


# ---- told


def heading(row):
    """Return one line with the result."""
    band = f" in {row.band} ({row.magsys})" if row.calibrated else ", instrumental"
    if not row.detected:
        return f"{row.target} on {row.frame}: not detected, fainter than {row.mag_limit:.3f} mag{band}"
    common = f", +- {row.err_common:.4f} in common with the other frames" if row.err_common > 0 else ""
    counts = "counts" if row.accepted else "does not count"
    return f"{row.target} on {row.frame}: {row.mag:.4f} +- {row.err_repeat:.4f} mag{band}{common}; {counts}"


def lines_of(name, text, files=()):
    """Return lines (list of str) of a part of the account, its files below."""
    first = f"{name:{INDENT - 1}} "
    told = textwrap.wrap(text, WIDTH - INDENT, break_on_hyphens=False, break_long_words=False) or [""]
    told += textwrap.wrap(f"[{', '.join(files)}]", WIDTH - INDENT, break_on_hyphens=False) if files else []
    return [first + told[0], *(" " * INDENT + line for line in told[1:])]


@toolbox.command(build_parser)
def main(args, losses):
    folder, frame = args.folder, Path(args.images[0]).name
    row = row_of(folder, args.target, frame)
    steps = account.Ledger(records.read(folder), provenance.made_by(folder)).steps(row)
    if not args.json:
        print(heading(row), end="\n\n")
        for step in steps:
            print("\n".join(lines_of(step.name, step.text, step.files)))
        print(flush=True)
    checks = []
    for check in Deriving(folder, row, args.jobs).checks() if not args.nocheck else []:
        checks.append(check)
        if not args.json:
            print("\n".join(lines_of(check.name, check.text)), flush=True)
    if args.json:
        told = {"target": row.target, "frame": row.frame, "row": dataclasses.asdict(row)}
        told |= {"steps": [dataclasses.asdict(step) for step in steps]}
        told |= {"checks": [dataclasses.asdict(check) for check in checks]}
        print(json.dumps(records.plain(told), indent=1))
    return OK if all(check.same for check in checks) else FAILED


if __name__ == "__main__":
    sys.exit(main())
