#!/usr/bin/env python3
"""Run the whole pipeline: prepare, register, photometry, calibrate, distill.

reads   the images of one field in one filter, from one camera; or, with the word `all`, those of every folder below
writes  photometry_TARGET.dat, the light curve; diagnostics.html, which tells how far to trust it; LOG; and the files of
        each step

Examples:
  pp_run mscience*.fits
  pp_run -target 2015_AB123 -fixed_aprad 4 *.fits
  pp_run -prefix mscience all
  pp_run -example try_it
"""

from photometrypipeline.base import commandline, completion

# isort: split
from pathlib import Path

from photometrypipeline.base.errors import UsageError
from photometrypipeline.catalogs import bandnames
from photometrypipeline.runs import unchanged
from photometrypipeline.runs.runoptions import RunOptions as Options


def build_parser():
    """Return the parser of the command line."""
    parser = commandline.parser_of(__doc__, Options, images="*")
    text = "run the simulated example in this folder, which is made, without network, and compare it with the truth"
    parser.add_argument("-example", metavar="FOLDER", help=text)
    catalogs = dict.fromkeys(("cat", "catalog", "catalogs", "survey"), bandnames.CATALOGS)
    text = "print what the shell needs to complete all commands behind the Tab key, and exit; see docs/installation.md"
    about = {"folder": Path(__file__).parent, "values": {"filter": bandnames.BANDS, **catalogs}, "help": text}
    parser.whole += (parser.add_argument("-completion", action=completion.Completion, **about),)
    parser.glances += (images_or_example,)
    return parser


def images_or_example(args):
    """Raise UsageError unless there is something to run."""
    if not args.images and not args.example:
        raise UsageError("no images are given")
    if args.images and args.example:
        raise UsageError("-example brings its own images; leave the others out")


def begin():
    """End the process of a command that asks for its help, is wrongly called, or has nothing to do; else begin it."""
    commandline.answer_at_once(build_parser)
    unchanged.answer_at_once(build_parser, Path(__file__).stem)


begin()

# isort: split
import contextlib
import functools
import logging
import os
import sys
from dataclasses import dataclass, field, replace

import toolbox

from tqdm import tqdm

import pp_setup
from photometrypipeline.base import loading, workers
from photometrypipeline.base.attempts import attempt
from photometrypipeline.base.errors import PipelineError
from photometrypipeline.frames import old, records, recordtypes
from photometrypipeline.frames.contents import digest
from photometrypipeline.frames.frame import Frame
from photometrypipeline.instruments.dataset import folder_of, telescope_of
from photometrypipeline.runs import choices, cluster, datatree, example, onekind, outcomes, recipes, splitting, starts
from photometrypipeline.runs.stamps import Stamp, Stamps
from photometrypipeline.runs.stepoptions import STEPS
from photometrypipeline.website import appearance, plotfiles

log = logging.getLogger("pp.run")

SCRIPTS = ("pp_run", "diagnostics", "pp_prepare", "pp_register", "pp_photometry", "pp_calibrate", "pp_distill")
LOADED = (*SCRIPTS, "astropy.wcs", "jinja2", "photometrypipeline.runs.ahead", "PIL.GifImagePlugin", "PIL.ImageFont")
IDENTIFIED, UP_TO_DATE = "{} {} frames identified", "up to date: {} (-force does all steps again)"
LISTS = ".diagnostics/*.growth.ldac"  # with all apertures, of frames that were lost before they got one


@dataclass
class Course:
    """How far a run has come: the step at work, the process that draws, once it has been begun, what it draws ahead."""

    step: str = "prepare"
    draughtsman: workers.Assistant | None = None
    drawn: list = field(default_factory=list)


def run(images, losses, options, given=()):
    """Run all steps on one data set; returns the exit status before losses count.  Raises PipelineError.

    given : names of the options that were chosen now; others stay as chosen before
    Whatever happens, the pages tell it.
    """
    course, changed, folder = Course(), True, folder_of(images)
    options, chosen = with_choices(folder, options, given)
    try:
        failures, changed = run_steps(images, losses, options, course)
        outcomes.write(folder)  # what fails from here on is no step
        chosen.write()
        if failures:  # what could be done without the service is kept
            course.step, failure = failures[-1]
            raise failure
    except PipelineError as error:
        import diagnostics

        outcomes.write(folder, step=course.step)
        diagnostics.record_failure(course.step, str(error), folder)
        raise
    finally:
        for left in folder.glob(LISTS):
            left.unlink(missing_ok=True)
        with course.draughtsman or contextlib.nullcontext():
            render_pages(folder, changed, options.jobs, course)
    for line in last_lines(folder, Stamps(folder).read("pages")):
        toolbox.say(line)
    return toolbox.OK


def last_lines(folder, pages):
    """Return what a run ends with (list of str): page and verdict, from the Stamp of the pages or None."""
    verdict = pages.result.get("verdict") if pages else None
    return [*([f"{folder / pp_setup.confdiagnostics.main_html}: {verdict}"] if verdict else []), "Done!"]


def with_choices(folder, options, given):
    """Return (options, Choices): completed by what was chosen by hand before, which is told; -fresh forgets it."""
    chosen = choices.Choices(folder) if options.fresh else choices.read(folder)
    before = targets_chosen(folder)
    options, kept = chosen.join(options, given)
    if kept:
        toolbox.say(f"as chosen before ({choices.FILE_NAME}; -fresh forgets it): {'; '.join(kept)}")
    forgotten = old.set_aside(folder, [choices.FILE_NAME]) if options.fresh else []
    gone = sorted(before - chosen.targets())
    moved = forgotten + old.set_aside(folder, [name for target in gone for name in old.results_of(target)])
    for line in old.told(moved, "of an earlier choice"):
        toolbox.say(line)
    return options, chosen


def targets_chosen(folder):
    """Return the names (set of str) of targets that files chosen before name, none where these cannot be read."""
    try:
        return choices.read(folder).targets()
    except PipelineError as error:
        log.info("%s", error)
        return set()


def render_pages(folder, changed, jobs, course):
    """Make the pages of a data set, unless nothing has changed since they were made."""
    known = Stamps(folder)
    recipe = {
        "records": {step: known.contents.of_file(records.path_of(step, folder)) for step in [*STEPS, "failures"]},
        "settings": digest(repr(recipes.relevant(toolbox.settings(), "pages"))),
        "version": [*recipes.version(), appearance.version()],
    }
    stamp = known.read("pages")
    if not changed and stamp and not recipes.difference(stamp.recipe, recipe) and known.same_files(stamp):
        return
    import diagnostics  # slow to load, as the steps are

    page, verdict = diagnostics.rendered(folder, jobs=jobs, assistant=course.draughtsman, drawn=course.drawn)
    if page:
        known.finish(Stamp("pages", recipe), [], [page], [], {"verdict": verdict.brief})


def run_steps(images, losses, options, course):
    """Run the steps that are not up to date; `course.step` names the present one.

    Returns [(step, NotReachable that left gaps in it), ...] and whether there was anything to do.
    """
    images = toolbox.taken_in(sorted(images), options, losses)
    frames = toolbox.single_frames(images, losses)
    frames = frames.only(onekind.of_the_sky(frames))
    onekind.check(frames, options.filter)
    toolbox.say(IDENTIFIED.format(len(frames), onekind.key_of(frames[0])))
    steps = [name for name in STEPS if not (options.keep_wcs and name == "register")]
    done = up_to_date(steps, frames, options)
    for stamp in done:
        losses.entries += [tuple(entry) for entry in stamp.losses if tuple(entry) not in losses.entries]
    if done:
        frames = frames.only([Frame(frames.folder / name) for name in done[-1].passed])
    failures, outcome = [], None
    if steps[len(done) :]:
        with loading.at_once():
            import astropy.time  # noqa: F401  both processes need this, and what draws

            from photometrypipeline.website import ahead  # noqa: F401
        course.draughtsman = workers.Assistant(options.jobs, plotfiles.load)  # while the steps are loaded here
        recipes.ask_versions()
        with loading.at_once():
            import diagnostics

            function_of(steps[0])
    for name in steps[len(done) :]:
        course.step = name
        outcomes.write(frames.folder, step=name)
        if name == "register":
            frames.ahead = measuring_ahead(frames, options)
        with fetched_ahead(frames, options) if name == "register" else contextlib.nullcontext():
            outcome = in_turns(name, frames, losses, options)
        course.drawn += diagnostics.draw_ahead(name, frames.folder, course.draughtsman)
        frames = frames.only(handed_on(name, outcome))
        if getattr(outcome, "failure", None):
            failures.append((name, outcome.failure))
            diagnostics.record_failure(name, str(outcome.failure), frames.folder)
        if name == "prepare" and options.keep_wcs:
            skipped = recordtypes.Register(catalog=None, skipped=True, limits=None, frames=[])
            diagnostics.record("register", skipped, frames.folder)
        if name == "register" and not frames:
            remedy = "see LOG, and check pointing and scale of the headers (pp_prepare -ra -dec)"
            raise PipelineError(f"no frame could be registered; {remedy}")
    report = outcome.report() if outcome else done[-1].result["report"]
    if report:
        toolbox.box(report)
    return failures, outcome is not None


def measuring_ahead(frames, options):
    """Return the onelist.Lists that measure frames for registration and photometry at once; None where that fails."""
    import pp_photometry
    import pp_register

    registration = pp_register.extraction_of(options_of("register", options), frames.telescope)
    found = attempt(lambda each: pp_photometry.ahead(each, options_of("photometry", options), registration), frames)
    if isinstance(found, PipelineError):
        log.info("registration and photometry look for sources by themselves: %s", found)
        return None
    return found


def fetched_ahead(frames, options):
    """Return the Ahead of a run, as a context within which stars and ephemeris are fetched next to what is done."""
    from photometrypipeline.runs import ahead  # slow to load, as the steps are

    chosen, settings = {step: options_of(step, options) for step in STEPS}, toolbox.settings()
    limits = settings["photometric_catalog_limit"], settings["n_registration_repetitions"]
    try:
        return ahead.fetch(frames, chosen, *limits)
    except PipelineError as error:  # the step that needs it says so
        log.info("nothing is fetched ahead: %s", error)
        return contextlib.nullcontext()


def handed_on(step, outcome):
    """Return the Frames that go on from a step with this outcome."""
    if step == "prepare":
        return outcome
    return outcome.registered if step == "register" else getattr(outcome, "frames", [])


def up_to_date(steps, data, options):
    """Return the Stamps of the first `steps` that need not be done again on a DataSet, and say so."""
    if options.force:
        return []
    known = Stamps(data.folder)

    def recipe_of(stamp, frames):
        step = stamp.step
        recipe = toolbox.recipe(step, data.only(frames), options_of(step, options), known.contents)
        if step == "register" and stamp.result.get("list") not in (None, list_of(data, options)):
            recipe["options"]["list"] = "of another photometry"
        gaps = stamp.result.get("failed") or stamp.result.get("uncalibrated")
        if options.again(step) and (gaps or stamp.recipe["options"].get("again")):
            recipe["options"]["again"] = True
        return recipe

    done, why = known.valid(steps, data, recipe_of)
    if done:
        toolbox.say(UP_TO_DATE.format(", ".join(stamp.step for stamp in done)))
    if why:
        log.info("to be done: %s", why)
    known.contents.save()
    return done


def list_of(data, options):
    """Return threshold and smallest area (list) of the sources of the photometry, which the registration takes too."""
    chosen = options_of("photometry", options)
    return [float(chosen.snr), float(chosen.minarea or data.telescope.min_area)]


def options_of(step, options):
    """Return the options of one step: what pp_run hands on, and choices by hand that it has no options for."""
    return replace(options.hand_on(STEPS[step]), **options.by_hand.get(step, {}))


def function_of(step):
    """Return the function of one step.  All are loaded together, which takes longer than a run with nothing to do."""
    import pp_calibrate
    import pp_distill
    import pp_photometry
    import pp_prepare
    import pp_register

    scripts = (pp_prepare, pp_register, pp_photometry, pp_calibrate, pp_distill)
    return getattr(dict(zip(STEPS, scripts, strict=True))[step], step)


def in_turns(step, frames, losses, options):
    """Return the outcome of a step; of a second try where one is wanted and the first left frames behind."""
    function, chosen = function_of(step), options_of(step, options)
    attempt_losses = toolbox.Losses()
    outcome = function(frames, attempt_losses, chosen)
    gaps = getattr(outcome, "failed", None) or getattr(outcome, "uncalibrated", None)
    if options.again(step) and gaps:
        known = Stamps(frames.folder)
        first, attempt_losses = known.read(step), toolbox.Losses()
        if step == "calibrate":
            import pp_calibrate

            toolbox.say(pp_calibrate.FEW_LIKE_THE_SUN)
            chosen = replace(chosen, solar=False)
        outcome = function(frames, attempt_losses, chosen)
        known.amend(step, first, again=True)
    losses.entries += attempt_losses.entries
    return outcome


def run_all(args, losses):
    """Run every data set below the present folder in a process of its own; returns the exit status."""
    from photometrypipeline.runs import treesummary  # brings the pages along

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
        jobs, begun_by = args.jobs or toolbox.cores(), starter(args, sum(each.to_be_run for each in tree))
        work = datatree.run(root, tree, functools.partial(command_of, args), jobs, begun_by)
    total, quiet, shown = sum(each.to_be_run for each in tree), not sys.stderr.isatty(), []
    bar = tqdm(total=total, desc="data sets", unit="set", leave=False, disable=quiet)
    with summary, contextlib.closing(work), bar:
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


def starter(args, number):
    """Return what begins each of a number of data sets, as datatree.run takes it."""
    alike = os.path.isabs(os.environ.get("PHOTPIPEDIR") or "/")  # else each folder may have settings of its own
    if number < starts.FEW or not alike:
        return starts.Command
    return starts.Starts(LOADED, functools.partial(unchanged.around, args))


def split_tree(args):
    """Sort the frames of folders with several objects, filters or cameras into sub-folders, as copies."""
    for folder, images, _ in datatree.image_folders(Path.cwd(), args.prefix):
        parts = splitting.split(folder, images, by_filter=not args.filter)
        if parts:
            toolbox.say(f"{folder}: frames are copied into {', '.join(parts.folders)}; the originals stay as they are")


def command_of(args, data_set, jobs):
    """Return the command (list of str) for a data set of a tree."""
    arguments = Options.of(args).arguments("prefix", "jobs", "split", "scheduler", absolute=True)
    return [sys.executable, str(Path(__file__).resolve()), *arguments, "-jobs", str(jobs), *data_set.images]


def note_end(args, status, losses, error):
    """Keep what became of the run, for a `pp_run all` that started it."""
    if args.images != ["all"]:
        facts = {"status": status, "error": error, "losses": losses.entries}
        own = outcomes.read(args.folder)
        if error and own.get("process") == os.getpid():
            facts["step"] = own.get("step")
        outcomes.write(args.folder, **facts, duration_s=round(commandline.so_far_s(), 1))


@toolbox.command(build_parser, alone=lambda args: args.images != ["all"], at_end=note_end)
def run_images(args, losses):
    """Run what the command line asks for; returns the exit status."""
    if args.images == ["all"]:
        return run_all(args, losses)
    for name in ("prefix", "scheduler"):
        if getattr(args, name):
            raise UsageError(f"-{name} belongs to `pp_run all`")
    options, around = Options.of(args).checked(), unchanged.around(args)
    status = run(args.images, losses, replace(options, jobs=options.jobs or toolbox.cores()), args.given)
    remember(args, losses, options, around)
    return status


def remember(args, losses, options, around):
    """Keep what this call would say, which has nothing to do now; nothing is kept where it would say more.

    around : what unchanged.around said when it began
    """
    folder, known = args.folder, Stamps(args.folder)
    stamps, pages, frames = [known.read(step) for step in STEPS], known.read("pages"), [Frame(i) for i in args.images]
    if (
        losses
        or not all([*stamps, pages])
        or sorted(stamps[0].given) != sorted(known.names(frames))
        or unchanged.folder_of(args.images) != folder
        or options.keep_wcs or options.filter or options.fresh or options.force
        or pp_setup._former or os.environ.get("PHOTPIPEDIR") or choices.read(folder).join(options, args.given)[1]
    ):  # fmt: skip
        return unchanged.forget(folder)
    telescope = telescope_of(frames[0])
    files = [telescope.sex_file, telescope.scamp_file, telescope.swarp_file, *(telescope.masks or {}).values()]
    files = tuple(path for path in files if path)
    unchanged.settle(folder)
    now = unchanged.state(args, folder, files)  # before it is compared: what changes from here on is noticed
    if now["around"] != around or not (known.in_place(stamps) and known.same_files(pages)):
        return unchanged.forget(folder)
    before = [IDENTIFIED.format(len(frames), telescope.key), UP_TO_DATE.format(", ".join(STEPS))]
    told = {"before": before, "report": stamps[-1].result["report"], "after": last_lines(folder, pages)}
    return unchanged.keep(now, folder, told, files)


def run_example(folder):
    """Run the example in `folder` and compare it with the truth; returns the exit status."""
    data = Path(__file__).parent / "example_data"
    try:
        frames = example.lay_out(data / "vatt4k", folder)
    except UsageError as error:
        build_parser().error(str(error))
    return run_images([*frames, "-offline"]) or example.compare(data / "check_example.py", folder)


def main(argv=None):
    """Run the command line `argv` (list of str), that of the process by default; returns the exit status."""
    args = build_parser().parse_args(argv)
    return run_example(Path(args.example)) if args.example else run_images(argv)


if __name__ == "__main__":
    sys.exit(main())
