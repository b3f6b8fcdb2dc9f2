"""The pipeline from Python: the steps of the commands as functions that return objects.

Options have the names of the command line (docs/commands.md): `run(images, target="3552", filter="R", offline=True)`.
Images are names, patterns, Frames, or what an earlier step returned.  Functions raise the errors of
photometrypipeline.base.errors, print nothing unless `verbose`, and leave the process as they found it; like the
commands they write LOG, records and results into the folder of the frames.

This is the one module of the package that reaches the scripts, when a function is called, not when it is imported.
"""

import contextlib
import importlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

from astropy.table import Table

from photometrypipeline import launcher
from photometrypipeline.base.errors import UsageError
from photometrypipeline.base.losses import Losses
from photometrypipeline.frames import records
from photometrypipeline.frames.frame import Frame
from photometrypipeline.instruments.dataset import DataSet, folder_of
from photometrypipeline.reports import lightcurve, observations
from photometrypipeline.website.verdicts import Verdict

Images = str | Path | Frame | list | tuple  # or a Step
UNITS = {  # of columns, by the end of their names
    "_jd": "d",
    "_deg": "deg",
    "_arcmin": "arcmin",
    "_arcsec": "arcsec",
    "_px": "pix",
    "_s": "s",
    "_mag": "mag",
}
OF_TREES = ("prefix", "scheduler")  # options of `pp_run all`


@dataclass(frozen=True)
class Step:
    """What a step leaves.

    name : of the step;  frames : DataSet of those that go on to the next step;  losses : [(name, reason), ...] of what
    could not be done;  outcome : what the step itself returned, with all it knows
    """

    name: str
    frames: DataSet
    losses: list
    outcome: object = field(repr=False)

    @property
    def folder(self) -> Path:
        """The folder of the data set."""
        return self.frames.folder

    @cached_property
    def record(self) -> object:
        """What the step has recorded for the pages (of a class in frames/recordtypes.py), None if nothing."""
        return records.read(self.folder).get(self.name)

    @cached_property
    def table(self) -> Table:
        """A row for each frame, a column with unit for each number; for distill the first light curve."""
        if self.name == "distill":
            return next(iter(self.light_curves.values()), Table())
        return _table(self.record)

    @cached_property
    def light_curves(self) -> dict:
        """{target: Table} of distill, targets in the order in which they were found; else empty."""
        return _light_curves(self.folder) if self.name == "distill" else {}


@dataclass(frozen=True)
class Run:
    """A data set after all steps, as its folder shows it; losses : [(name, reason), ...] of what could not be done."""

    folder: Path
    losses: list

    @cached_property
    def light_curves(self) -> dict:
        """{target: Table}, rejected observations and limits included; the control star comes last."""
        return _light_curves(self.folder)

    @cached_property
    def light_curve(self) -> Table | None:
        """The Table of the first target, None without a target."""
        kinds = {curve.name: curve.kind for curve in _curves(self.folder)}
        return next((found for name, found in self.light_curves.items() if kinds.get(name) != "control"), None)

    @cached_property
    def zeropoints(self) -> Table:
        """A row for each calibrated frame."""
        return _table(self.records.get("calibrate"))

    @cached_property
    def records(self) -> dict:
        """{step: what it has recorded for the pages, of a class in frames/recordtypes.py}."""
        return records.read(self.folder)

    @cached_property
    def verdicts(self) -> dict:
        """{"Registration": Verdict, ...}: whether to trust the steps."""
        return verdicts(self.folder)

    @property
    def files(self) -> dict:
        """{name: Path} of the results that exist: tables, databases, LOG, main page."""
        patterns = ("photometry_*.dat", "photometry.db", "LOG", "diagnostics.html", "*.ldac.db")
        return {path.name: path for pattern in patterns for path in sorted(self.folder.glob(pattern))}


# ---- all steps


def run(images: Images, *, verbose: bool = False, **options) -> Run:
    """Run all steps that are not up to date on the frames of one field, as pp_run does.

    options : those of pp_run.  Raises PipelineError, and NotReachable where a service that left gaps was away: what
    could be done without it lies in the folder.
    """
    alien = [name for name in OF_TREES if options.get(name)]
    if alien:
        raise UsageError(f"option {alien[0]} belongs to `pp_run all`")
    with _at_work("pp_run", images, verbose) as work:
        script = work.script
        chosen = script.Options.chosen(**options)
        chosen = replace(chosen, jobs=chosen.jobs or work.toolbox.cores())
        script.run(work.names, work.losses, chosen, tuple(options))
    return Run(work.folder, work.losses.entries)


def stackedphotometry(images: Images, *, verbose: bool = False, **options) -> Run:
    """Measure a target in a stack of registered frames, as pp_stackedphotometry does; the Run is that of the stack."""
    with _at_work("pp_stackedphotometry", images, verbose) as work:
        script = work.script
        chosen = script.Options.chosen(**options)
        frames = work.toolbox.prepared_frames(work.names, work.losses)
        failure = script.stacked_photometry(frames, work.losses, chosen)
        if failure:
            raise failure
    return Run(work.folder / (script.COMOVING if chosen.moving else script.SKY), work.losses.entries)


# ---- single steps


def prepare(images: Images, *, verbose: bool = False, **options) -> Step:
    """Prepare the headers, as pp_prepare does."""
    return _step("prepare", images, verbose, options)


def extract(images: Images, *, verbose: bool = False, **options) -> Step:
    """Find the sources, as pp_extract does; `outcome` is a list of Extractions."""
    return _step("extract", images, verbose, options)


def register(images: Images, *, verbose: bool = False, **options) -> Step:
    """Find the astrometric solutions, as pp_register does."""
    return _step("register", images, verbose, options)


def measure(images: Images, *, verbose: bool = False, **options) -> Step:
    """Measure all sources with the best aperture, as pp_photometry does."""
    return _step("photometry", images, verbose, options)


def calibrate(images: Images, *, verbose: bool = False, **options) -> Step:
    """Tie magnitudes to a catalogue, as pp_calibrate does."""
    return _step("calibrate", images, verbose, options)


def distill(images: Images, *, verbose: bool = False, **options) -> Step:
    """Find the targets and write their light curves, as pp_distill does."""
    return _step("distill", images, verbose, options)


def combine(images: Images, *, verbose: bool = False, **options) -> Step:
    """Combine frames into one, as pp_combine does; it is the one Frame in `frames`."""
    return _step("combine", images, verbose, options)


# ---- what lies in a folder


def light_curve(path: str | Path) -> Table:
    """Return the Table of a file photometry_TARGET.dat, completed from photometry.db.  Raises FrameError."""
    return lightcurve.table([(observations.read_series(path), None)])


def verdicts(folder: str | Path = ".") -> dict[str, Verdict]:
    """Return {"Registration": Verdict, ...} on the data set in a folder: state, and why in words."""
    with launcher.scripts():
        return {verdict.name: verdict for verdict in importlib.import_module("diagnostics").judge(folder)}


def pages(folder: str | Path = ".") -> Path | None:
    """Make the pages of the data set in a folder anew; return the path of the main one, None if nothing is recorded."""
    with launcher.scripts():
        return importlib.import_module("diagnostics").render(folder)


# ---- how they do it


@contextlib.contextmanager
def _at_work(script, images, verbose):
    """Yield what a call needs, as attributes; behind it the process is as it was.

    script, toolbox : modules;  names : of the images (list of str);  folder : theirs;  losses : Losses
    """
    with launcher.scripts():
        script, toolbox = map(importlib.import_module, (script, "toolbox"))
        names = toolbox.expand(_names(images))
        work = SimpleNamespace(script=script, toolbox=toolbox, names=names, folder=folder_of(names), losses=Losses())
        with toolbox.at_work(work.folder, console=verbose):
            toolbox.check_settings()
            yield work


def _step(name, images, verbose, values):
    with _at_work(f"pp_{name}", images, verbose) as work:
        toolbox, script = work.toolbox, work.script
        if name == "extract":
            values = {"quiet": not verbose} | values
        options = script.Options.chosen(**values)
        if name == "prepare":
            frames = toolbox.single_frames(toolbox.taken_in(work.names, options, work.losses), work.losses)
        else:
            frames = toolbox.prepared_frames(work.names, work.losses)
        outcome = getattr(script, name)(frames, work.losses, options)
        if getattr(outcome, "failure", None):
            raise outcome.failure
        if name in toolbox.choices.STEPS:
            toolbox.choices.keep(work.folder, name, options, tuple(values))
    return Step(name, frames.only(_handed_on(name, frames, outcome)), work.losses.entries, outcome)


def _handed_on(name, frames, outcome):
    if name == "extract":
        return [each.frame for each in outcome]
    if name in ("combine", "prepare"):
        return [outcome] if name == "combine" else outcome
    return outcome.registered if name == "register" else frames if name == "distill" else outcome.frames


def _names(images):
    """Return the names (list of str) of images that are given in any of the forms that functions take."""
    if isinstance(images, Step):
        images = images.frames
    if isinstance(images, (str, Path, Frame)):
        images = [images]
    return [str(getattr(each, "path", each)) for each in images]


def _curves(folder):
    """Return the LightCurves (list) of the data set in `folder`."""
    return records.light_curves(records.read(folder, ("distill",)).get("distill"), folder)


def _light_curves(folder):
    """Return {target: Table} of the data set in `folder`."""
    return {curve.name: light_curve(folder / curve.file) for curve in _curves(folder) if curve.every}


def _table(record):
    """Return the Table of the frames of a record, without what is a list itself; None is masked."""
    rows = getattr(record, "frames", [])
    columns = {}
    for name in rows[0].__struct_fields__ if rows else ():
        values = [getattr(row, name) for row in rows]
        if not any(isinstance(value, list) for value in values):
            unit = next((unit for end, unit in UNITS.items() if name.endswith(end)), "")
            columns[name] = lightcurve.column(values, unit, "", None)
    return Table(columns)
