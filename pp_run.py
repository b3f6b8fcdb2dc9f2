#!/usr/bin/env python3
"""Run the whole pipeline: prepare, register, photometry, calibrate, distill.

reads   the images of one field in one filter, from one camera; or, with the word `all`, those of every folder below
writes  photometry_TARGET.dat, the light curve; diagnostics.html, which tells how far to trust it; LOG; and the files of
        each step

Examples:
  pp_run mscience*.fits
  pp_run -target 2015_AB123 -fixed_aprad 4 *.fits
  pp_run -prefix mscience all
"""

from photometrypipeline import interpreter  # noqa: F401  first of all: finds the Python that has the packages

# isort: split
import functools
import logging
import os
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import toolbox

from tqdm import tqdm

import diagnostics
import pp_calibrate
import pp_distill
import pp_photometry
import pp_prepare
import pp_register
from catalog import canonical_name
from photometrypipeline.base.errors import FrameError, PipelineError, TelescopeError, UsageError
from photometrypipeline.base.files import sweep
from photometrypipeline.ephemerides import ephemchoice
from photometrypipeline.frames import exclusions, records
from photometrypipeline.frames.contents import digest
from photometrypipeline.frames.frame import Frame
from photometrypipeline.instruments import headers, telescopes
from photometrypipeline.runs import cluster, datatree, outcomes, recipes, splitting, treesummary
from photometrypipeline.runs.stamps import Stamp, Stamps
from photometrypipeline.website import pages

log = logging.getLogger("pp.run")

STARTED = time.monotonic()
SNR = 1.5  # of sources in the photometry
STEPS = ("prepare", "register", "photometry", "calibrate", "distill")


@dataclass
class Options:
    """The options of a run, as the command line has them."""

    target: str | None = None
    band: str | None = None
    fixed_aprad: float | None = None
    source_tolerance: str | None = None
    solar: bool = False
    rerun_registration: bool = False
    asteroids: bool = False
    reject: tuple = pp_distill.Choice.reject
    keep_wcs: bool = False
    register_catalogs: list | None = None
    calibrate_catalogs: list | None = None
    offline: bool = False
    force: bool = False
    ephemeris: ephemchoice.Choice = ephemchoice.Choice()
    jobs: int = 1
    colorterm: str | None = None
    target_color: float | None = None
    exclude: str | None = None

    def again(self, step):
        """Return whether `step` is to be tried a second time where the first one left gaps."""
        return self.rerun_registration if step == "register" else self.solar if step == "calibrate" else False


def run(images, losses, options):
    """Run all steps on one data set; returns the exit status before losses count.  Raises PipelineError.

    Whatever happens, the pages tell it.
    """
    step, changed = ["prepare"], True
    for folder in {Path(), *(Path(image).parent for image in images)}:
        sweep(folder)
    try:
        failures, changed = run_steps(images, losses, options, step)
        outcomes.write()  # what fails from here on is no step
        if failures:  # what could be done without the service is kept
            step[0], failure = failures[-1]
            raise failure
    except PipelineError as error:
        outcomes.write(step=step[0])
        diagnostics.record_failure(step[0], str(error))
        raise
    finally:
        render_pages(changed, options.jobs)
    toolbox.say("Done!")
    return toolbox.OK


def render_pages(changed, jobs):
    """Make the pages, unless nothing has changed since they were made."""
    known = Stamps()
    recipe = {
        "records": {step: known.contents.of_file(records.path_of(step)) for step in [*STEPS, "failures"]},
        "settings": digest(repr(recipes.relevant(toolbox.settings(), "pages"))),
        "version": [*recipes.version(), pages.version()],
    }
    stamp = known.read("pages")
    if not changed and stamp and not recipes.difference(stamp.recipe, recipe) and known.same_files(stamp):
        return
    page = diagnostics.render(jobs=jobs)
    if page:
        known.finish(Stamp("pages", recipe), [], [page], [], {})


def run_steps(images, losses, options, step):
    """Run the steps that are not up to date, `step[0]` names the present one.

    Returns [(step, NotReachable that left gaps in it), ...] and whether there was anything to do.
    """
    frames = without_products(toolbox.open_frames(sorted(images), losses))
    check_one_kind(frames, options)
    toolbox.say(f"{len(frames)} {telescope_of(frames[0])} frames identified")
    steps = [name for name in STEPS if not (options.keep_wcs and name == "register")]
    done = up_to_date(steps, frames, options)
    for stamp in done:
        losses.entries += [tuple(entry) for entry in stamp.losses if tuple(entry) not in losses.entries]
    if done:
        frames = [Frame(name) for name in done[-1].passed]
    warn_of_exclusions(options)
    failures, outcome = [], None
    for name in steps[len(done) :]:
        step[0] = name
        outcomes.write(step=name)
        outcome = in_turns(name, frames, losses, options)
        frames = handed_on(name, outcome)
        if getattr(outcome, "failure", None):
            failures.append((name, outcome.failure))
            diagnostics.record_failure(name, str(outcome.failure))
        if name == "prepare" and options.keep_wcs:
            diagnostics.record("register", {"catalog": None, "skipped": True, "frames": []})
        if name == "register" and not frames:
            remedy = "see LOG, and check pointing and scale of the headers (pp_prepare -ra -dec)"
            raise PipelineError(f"no frame could be registered; {remedy}")
    report = outcome.report() if outcome else done[-1].result["report"]
    if report:
        toolbox.box(report)
    return failures, outcome is not None


def warn_of_exclusions(options):
    """Say that observations count again which an earlier run or pp_distill has taken out by hand."""
    stamp = Stamps().read("distill")
    before = stamp and (stamp.recipe["options"].get("choice") or {}).get("exclude")
    if before and not options.exclude:
        log.warning("what %s took out counts again; -exclude %s keeps it out", before, before)


def without_products(frames):
    """Return the Frames without those made of others among them, whose light would count twice; each is named.

    A stack stands out among single frames; a frame without stars near the target goes on only instead of its original.
    """
    names = {frame.name for frame in frames}
    single = [frame for frame in frames if "COMBO_N" not in frame.header]
    kept = []
    for frame in frames:
        original = re.sub(r"_psfsub(?=\.fits$)", "", frame.name)
        if single and frame not in single:
            log.warning("%s is a stack and left out; measure it on its own", frame.name)
        elif "PSFSUB_N" in frame.header and original != frame.name and original in names:
            log.warning("%s is left out, since %s is given as well; give one of them", frame.name, original)
        else:
            kept.append(frame)
    return kept


def handed_on(step, outcome):
    """Return the Frames that go on from a step with this outcome."""
    if step == "prepare":
        return outcome
    return outcome.registered if step == "register" else getattr(outcome, "frames", [])


def up_to_date(steps, frames, options):
    """Return the Stamps of the first `steps` that need not be done again, and say so."""
    if options.force:
        return []
    known = Stamps()

    def recipe_of(step, frames):
        function, arguments = call_of(step, options)
        recipe, stamp = function.recipe(known.contents, frames, **arguments), known.read(step)
        gaps = stamp.result.get("failed") or stamp.result.get("uncalibrated")
        if options.again(step) and (gaps or stamp.recipe["options"].get("again")):
            recipe["options"]["again"] = True
        return recipe

    done, why = known.valid(steps, frames, recipe_of)
    if done:
        toolbox.say(f"up to date: {', '.join(stamp.step for stamp in done)} (-force does all steps again)")
    if why:
        log.info("to be done: %s", why)
    known.contents.save()
    return done


def call_of(step, options):
    """Return (function, arguments as a dict) of one step."""
    common = {"offline": options.offline, "jobs": options.jobs}
    if step == "prepare":
        return pp_prepare.prepare, {"target": options.target, "keep_wcs": options.keep_wcs, "jobs": options.jobs}
    if step == "register":
        chosen = {"catalogs": options.register_catalogs, "source_tolerance": options.source_tolerance}
        return pp_register.register, chosen | common
    if step == "photometry":
        chosen = {"snr": SNR, "fixed_aprad": options.fixed_aprad or None, "target": options.target}
        chosen["places"] = options.ephemeris
        return pp_photometry.photometry, chosen | common
    if step == "calibrate":
        chosen = {"band": options.band, "catalogs": options.calibrate_catalogs, "solar": options.solar}
        chosen |= {"colorterm": options.colorterm, "target_color": options.target_color}
        return pp_calibrate.calibrate, chosen | common
    asked = {"asteroids": options.asteroids, "reject": options.reject, "offline": options.offline}
    asked |= {"ephemeris": options.ephemeris, "exclude": options.exclude}
    if options.exclude:
        asked["excluded"] = exclusions.read(options.exclude)
    return pp_distill.distill, {"choice": pp_distill.Choice(options.target, **asked)}


def in_turns(step, frames, losses, options):
    """Return the outcome of a step; of a second try where one is wanted and the first left frames behind."""
    function, arguments = call_of(step, options)
    attempt_losses = toolbox.Losses()
    outcome = function(frames, attempt_losses, **arguments)
    gaps = getattr(outcome, "failed", None) or getattr(outcome, "uncalibrated", None)
    if options.again(step) and gaps:
        known = Stamps()
        first, attempt_losses = known.read(step), toolbox.Losses()
        if step == "calibrate":
            toolbox.say(pp_calibrate.FEW_LIKE_THE_SUN)
            arguments = arguments | {"solar": False}
        outcome = function(frames, attempt_losses, **arguments)
        known.amend(step, first, again=True)
    losses.entries += attempt_losses.entries
    return outcome


def check_one_kind(frames, options):
    """Raise UsageError unless all frames come from one camera and one filter; what differs is listed per file."""
    cameras = {frame.name: telescope_of(frame) for frame in frames}
    if len(set(cameras.values())) > 1:
        raise UsageError(
            f"frames of several instruments: {_listed(cameras)}; run each instrument in a folder of its own"
        )
    filters = {}
    for frame in frames:
        try:
            filters[frame.name] = headers.raw_filter(frame, telescopes.identify(frame.header))
        except (FrameError, TelescopeError):
            continue  # pp_prepare says what is missing
    if len(set(filters.values())) > 1:
        if not options.band:
            raise UsageError(
                f"frames in several filters: {_listed(filters)}; sort them into folders of their own "
                "(`pp_run all -split` does), or give one band with -filter"
            )
        log.warning(
            "frames in several filters (%s) are all taken as %s", ", ".join(sorted(set(filters.values()))), options.band
        )
    if filters and not options.band:
        telescopes.identify(frames[0].header).band(next(iter(filters.values())))  # raises UnknownFilter


def telescope_of(frame):
    """Return the key of the frame's telescope, GENERIC where its header names none."""
    try:
        return telescopes.identify(frame.header).key
    except TelescopeError:
        return "GENERIC"


def _listed(values):
    groups = {}
    for name, value in values.items():
        groups.setdefault(value, []).append(name)
    return "; ".join(
        f"{value!r}: {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}" for value, names in groups.items()
    )


def run_all(args, losses):
    """Run every data set below the present folder in a process of its own; returns the exit status."""
    root = Path.cwd()
    if args.split:
        split_tree(args)
    tree = datatree.find(root, args.prefix or "")
    if not any(each.images for each in tree):
        of_prefix = f" that begin with {args.prefix}" if args.prefix else ""
        raise UsageError(f"there are no images in {root} or below it{of_prefix}")
    for each in tree:
        toolbox.say(f"{each.folder}: {f'{len(each.images)} images' if each.images else each.state}")
    summary = treesummary.TreeSummary(tree, root)
    if args.scheduler:
        work = cluster.run(root, tree, functools.partial(command_of, args), args.jobs or 1, args.scheduler)
    else:
        work = datatree.run(root, tree, functools.partial(command_of, args), args.jobs or toolbox.cores())
    total, quiet, shown = sum(each.to_be_run for each in tree), not sys.stderr.isatty(), []
    with summary, tqdm(total=total, desc="data sets", unit="set", leave=False, disable=quiet) as bar:
        for ended in work:
            for each in ended:
                toolbox.say(f"{each.folder}: {treesummary.STATUS.get(each.state, (each.state,))[0]}")
                bar.update()
            summary.update(now=bool(ended))
            if shown != summary.at_work:
                shown = summary.at_work
                bar.set_postfix_str(", ".join(shown))
    for each in tree:
        for name, reason in [*each.losses, *([(None, each.error)] if each.error else [])]:
            losses.add(f"{each.folder}/{name}" if name else each.folder, reason)
    toolbox.say(f"summary of all data sets: {summary.page}")
    statuses = [each.state for each in tree if isinstance(each.state, int)]
    return toolbox.FAILED if statuses and not {toolbox.OK, toolbox.PARTIAL} & set(statuses) else toolbox.OK


def split_tree(args):
    """Sort the frames of folders with several objects, filters or cameras into sub-folders, as copies."""
    for folder, images, _ in datatree.image_folders(Path.cwd(), args.prefix):
        parts = splitting.split(folder, images, by_filter=not args.filter)
        if parts:
            toolbox.say(f"{folder}: frames are copied into {', '.join(parts.folders)}; the originals stay as they are")


def command_of(args, data_set, jobs):
    """Return the command (list of str) for a data set of a tree."""
    return [sys.executable, str(Path(__file__).resolve()), *arguments_of(args), "-jobs", str(jobs), *data_set.images]


def arguments_of(args):
    """Return the options (list of str) for a data set of a tree; paths of the user's files are made absolute."""
    arguments = []
    for name, value in vars(args).items():
        option = f"-{name}"
        if name in ("images", "prefix", "jobs", "split", "scheduler") or value is None or value is False:
            continue
        if name in ("cat", "catalog", "elements", "exclude") and Path(value).is_file():
            value = Path(value).resolve()
        arguments += [option] if value is True else [option, str(value)]
    return arguments


def build_parser():
    parser = toolbox.make_parser(__doc__, offline=True, ephemeris=True)
    parser.set_defaults(jobs=None)
    parser.add_argument("-prefix", metavar="TEXT", help="with `all`: only files whose names begin with it")
    parser.add_argument(
        "-split",
        action="store_true",
        help="with `all`: copy frames of several objects, filters or cameras in one folder into sub-folders first",
    )
    parser.add_argument(
        "-exclude", metavar="FILE", help="observations that do not count, an image a line; see pp_distill -h"
    )
    parser.add_argument(
        "-scheduler",
        metavar="ADDRESS",
        help="with `all`: run the data sets on the Dask cluster with this scheduler, e.g. tcp://host:8786; "
        "-jobs are then the cores for each data set (default: 1)",
    )
    parser.add_argument(
        "-target", metavar="NAME", help="target name for all images, designations with _ (default: header)"
    )
    parser.add_argument("-filter", metavar="BAND", help="band for the calibration, whatever the header says")
    parser.add_argument(
        "-fixed_aprad",
        type=toolbox.radius_px,
        default=0.0,
        metavar="PX",
        help="aperture radius in px, no curve of growth (default: off)",
    )
    parser.add_argument(
        "-source_tolerance",
        choices=["none", "low", "medium", "high"],
        help="flagged sources that the registration admits (default: the telescope's, usually high)",
    )
    parser.add_argument("-solar", action="store_true", help="reference stars with colours like the Sun's only")
    parser.add_argument(
        "-rerun_registration", action="store_true", help="register once more if not all frames succeeded"
    )
    parser.add_argument(
        "-asteroids", action="store_true", help="all known asteroids in the field instead of the target"
    )
    parser.add_argument(
        "-reject",
        default=",".join(pp_distill.Choice.reject),
        metavar="LIST",
        help=pp_distill.REJECT_HELP,
    )
    parser.add_argument("-keep_wcs", action="store_true", help="trust the WCS in the headers, no registration")
    parser.add_argument("-force", action="store_true", help="do all steps again, even those that are up to date")
    parser.add_argument(
        "-cat",
        metavar="NAME",
        help="catalogue for the registration, or the path of your own table (default: the telescope's list)",
    )
    pp_calibrate.add_reference_options(parser)
    return parser


def note_end(args, status, losses, error):
    """Keep what became of the run, for a `pp_run all` that started it."""
    if args.images != ["all"]:
        facts = {"status": status, "error": error, "losses": losses.entries}
        own = outcomes.read()
        if error and own.get("process") == os.getpid():
            facts["step"] = own.get("step")
        outcomes.write(**facts, duration_s=round(time.monotonic() - STARTED, 1))


@toolbox.command(build_parser, alone=lambda args: args.images != ["all"], at_end=note_end)
def main(args, losses):
    if args.images == ["all"]:
        return run_all(args, losses)
    for name in ("prefix", "split", "scheduler"):
        if getattr(args, name):
            raise UsageError(f"-{name} belongs to `pp_run all`")
    options = Options(
        target=args.target,
        band=args.filter,
        fixed_aprad=args.fixed_aprad,
        source_tolerance=args.source_tolerance,
        solar=args.solar,
        rerun_registration=args.rerun_registration,
        asteroids=args.asteroids,
        reject=pp_distill.schemas(args.reject),
        keep_wcs=args.keep_wcs,
        register_catalogs=[canonical_name(args.cat)] if args.cat else None,
        calibrate_catalogs=[canonical_name(args.catalog)] if args.catalog else None,
        offline=args.offline,
        force=args.force,
        ephemeris=toolbox.ephemeris_choice(args),
        jobs=args.jobs or toolbox.cores(),
        colorterm=args.colorterm,
        target_color=args.target_color,
        exclude=args.exclude,
    )
    pp_calibrate.wished_color(args.colorterm, args.target_color)  # a mistake is told before the work begins
    if args.exclude:
        exclusions.read(args.exclude)
    return run(args.images, losses, options)


if __name__ == "__main__":
    sys.exit(main())
