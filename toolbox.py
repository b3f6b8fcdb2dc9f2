"""What every script shares: parser, LOG, exit status, the frames of a data set, parallel work; and small helpers
that users' own scripts call.
"""

from photometrypipeline import interpreter  # noqa: F401  first of all: finds the Python that has the packages

# isort: split
import atexit
import contextlib
import contextvars
import functools
import gc
import inspect
import logging
import math
import os
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from photometrypipeline.base.commandline import parser_of

from astropy.io.fits.verify import VerifyWarning
from astropy.utils.exceptions import AstropyUserWarning
from tqdm import tqdm

import pp_setup
from photometrypipeline.base import interruption, loading, streams
from photometrypipeline.base.attempts import attempt, expected
from photometrypipeline.base.errors import (
    FAILED,
    OK,
    PARTIAL,
    USAGE,
    FrameError,
    PipelineError,
    TelescopeError,
    UsageError,
    passing_trouble,
)
from photometrypipeline.base.files import on_disk_together, safe_name
from photometrypipeline.base.logfile import logging_to, tell
from photometrypipeline.base.losses import Losses
from photometrypipeline.base.progress import SILENT, bar
from photometrypipeline.base.workers import cores
from photometrypipeline.frames import intake, records
from photometrypipeline.frames.frame import Frame
from photometrypipeline.frames.singles import without_products
from photometrypipeline.instruments import telescopes
from photometrypipeline.instruments.dataset import DataSet, folder_of, telescope_of
from photometrypipeline.programs import external
from photometrypipeline.runs import choices, recipes, stamps, stepoptions, summary
from photometrypipeline.runs.imagenames import existing, expand, make_ready, without_endless  # noqa: F401
from photometrypipeline.sky.times import (  # noqa: F401  names that users' scripts import from here
    dateobs_to_jd,
    fractionalyear_to_jd,
    jd_to_fractionalyear,
    jd_to_gregorian,
)

__all__ = [
    "FAILED",
    "OK",
    "PARTIAL",
    "USAGE",
    "Losses",
    "command",
    "cores",
    "make_parser",
    "open_frames",
    "parallel",
    "say",
]

log = logging.getLogger("pp")

FEW_LINES = 30  # of frames are printed one by one
SUMMARY = contextvars.ContextVar("SUMMARY", default=None)  # summary.Summary of what is said, where one is wanted

NUMBERS = ("MIDTIMJD", "SECPIX", "SECPIXX", "SECPIXY", "EXPTIME", "APRAD", "ASTRRMS1", "ASTRRMS2")  # if they are there
PREPARE_AGAIN = "run pp_prepare on it again"

target_filename = safe_name


# ---- the command line


def make_parser(doc, images=True, jobs=True, offline=False, ephemeris=False):
    """Return a Parser whose help is `doc`, the docstring of a script, with the arguments that scripts share."""
    wanted = {stepoptions.Jobs: jobs, stepoptions.Offline: offline, stepoptions.Ephemeris: ephemeris}
    return parser_of(doc, *(each for each, is_wanted in wanted.items() if is_wanted), images=images)


def ephemeris_choice(args):
    """Return the ephemchoice.Choice that the options -ephemeris and -elements ask for; raises UsageError."""
    return stepoptions.Ephemeris.of(args).checked().places


def command(build_parser, on_failure=None, alone=lambda args: True, at_end=None, here=False):
    """Make the `main` of a script: parses, opens LOG, turns errors into one line and an exit status.

    on_failure : called with the text of the error when a step failed, and the folder, to show it on the pages there
    alone : called with the arguments, says whether no other command may be at work in the folder at the same time
    here : whether results lie in the present folder, for commands that leave the images alone; else with the images
    at_end : called with the arguments, exit status, Losses, and the line of the error that ended it (str)

    The decorated function gets (args, losses), args.folder being the Path of the folder of results, and returns
    nothing, or an exit status.  Losses that it adds are printed last and turn status 0 into 3.  `main(argv)` takes a
    list of str, or uses that of the process.
    """

    def decorate(function):
        @functools.wraps(function)
        def main(argv=None):
            if argv is None:
                loading.collecting()
                atexit.register(gc.freeze)  # else Python looks through all it has loaded before it ends: 0.3 s
                interruption.while_at_work()
            args = build_parser().parse_args(argv)
            if hasattr(sys.stdout, "reconfigure"):
                sys.stdout.reconfigure(errors="backslashreplace")  # names of files may hold bytes that are not text
            name = os.path.basename(sys.modules[function.__module__].__file__)
            shown, args.folder = _shown(args), Path() if here else _folder(args)
            try:
                with at_work(args.folder, alone(args), quiet=getattr(args, "quiet", False)):
                    if alone(args):
                        make_ready(_images(args), args.folder)
                    log.info("%s starts in %s: %s", name, os.getcwd(), shown)
                    work = _summarised if getattr(args, "summary", False) else _run
                    status = streams.ended(work(function, args, on_failure, at_end))
                    log.info("%s ends with status %d", name, status)
            except KeyboardInterrupt:  # before the work, or behind it
                tell(f"ERROR: {interruption.STOPPED}")
                status = interruption.status()
            except Exception as error:  # noqa: BLE001  another command that does not end, a folder that cannot be read
                told = expected(error)
                tell(f"ERROR: {told}")
                status = told.status
            return status

        return main

    return decorate


@contextlib.contextmanager
def at_work(folder, alone=True, quiet=False, console=True):
    """Within the block messages go to the LOG in `folder`; what that changes in the process is put back behind it.

    alone : wait until no other command is at work there;  quiet : no warnings on the screen
    console : False for no word on the screen at all
    """
    told = SILENT.set(not console)
    try:
        with warnings.catch_warnings(), logging_to(folder, quiet, console) as messages:
            warnings.filterwarnings("ignore", "ERFA function")  # of leap seconds in years to come: pp_prepare says it
            warnings.simplefilter("ignore", VerifyWarning)  # frame.py names what breaks the standard
            warnings.filterwarnings("ignore", "The following header keyword is invalid", AstropyUserWarning)
            if alone:
                messages.wait_for_others()
            yield
    finally:
        SILENT.reset(told)


def check_settings():
    """Raise UsageError for settings of a user that cannot be read; take the addresses of services from them."""
    if pp_setup.problem:
        raise pp_setup.problem
    for told in dict.fromkeys(pp_setup._former):
        log.warning("%s", told)
    use_addresses(pp_setup.service_urls)


def _folder(args):
    """Return the Path of the folder in which a command works: that of its images, the present one without any."""
    folder = folder_of(_images(args))
    return folder if folder.is_dir() else Path()


def _images(args):
    """Return the names of the images (list of str), none where they cannot be told: that is said when LOG is there."""
    try:
        return expand(getattr(args, "images", []), quiet=True)
    except UsageError:
        return []


def _shown(args):
    return ", ".join(f"{name}={value!r}" for name, value in sorted(vars(args).items()) if name != "given")


def _summarised(function, args, on_failure, at_end):
    """Run a command, and print what it did as JSON; returns the exit status."""
    told = summary.Summary(Path(sys.modules[function.__module__].__file__).stem, args.folder)
    token = SUMMARY.set(told)

    def ends(*facts):
        told.take(*facts)
        if at_end:
            at_end(*facts)

    try:
        with told.collecting():
            status = _run(function, args, on_failure, ends)
    finally:
        SUMMARY.reset(token)
    told.write(status)
    return status


def _run(function, args, on_failure, at_end):
    losses, told = Losses(), ""
    try:
        check_settings()
        if hasattr(args, "images"):
            args.images = without_endless(expand(args.images), args.folder, losses)
        status = function(args, losses) or OK
    except PipelineError as error:
        log.error("%s", error)
        status, told = error.status, str(error)
        if on_failure and status == FAILED:
            or_tell(on_failure, str(error), args.folder)
    except KeyboardInterrupt:
        log.error("%s", interruption.STOPPED)
        return interruption.status()
    except Exception as error:  # noqa: BLE001  one line for the user, the traceback in the LOG
        told = str(expected(error))
        log.error("%s", told)
        status = FAILED
    if losses:
        log.info("%s", " | ".join(line.strip() for line in losses.summary()))
        tell("\n".join(losses.summary()))
    status = PARTIAL if status == OK and losses else status
    if at_end:
        or_tell(at_end, args, status, losses, told)
    return status


def or_tell(function, *arguments):
    """Do what comes after the work; trouble with that, such as a full disk, is told and changes nothing."""
    try:
        function(*arguments)
    except Exception as error:  # noqa: BLE001  the work has been done, or has failed for a reason that was told
        log.warning("%s", expected(error))


def use_addresses(service_urls):
    """Take the addresses of services from the settings; environment variables win, and processes started here inherit.

    Raises UsageError for a service that does not exist.
    """
    if not service_urls:
        return
    from photometrypipeline.base.services import SERVICES  # slow to import, seldom needed here

    for service, urls in service_urls.items():
        if service not in SERVICES:
            raise UsageError(f"service_urls: {service!r} is not a service; the services are {', '.join(SERVICES)}")
        if not (isinstance(urls, str) and urls.split() and all("://" in url for url in urls.split())):
            raise UsageError(f"service_urls: {service} = {urls!r} is not an address, such as https://...")
        os.environ.setdefault(f"PP_{service.upper()}_URL", urls)


# ---- LOG and screen


def say(message, quiet=False):
    """Print a line for the user, and log it."""
    log.info("%s", message.strip(), stacklevel=2)
    if SILENT.get():
        return
    if SUMMARY.get():
        SUMMARY.get().say(message)
    elif not quiet:
        tqdm.write(streams.plain(message))


def say_each(lines, whole):
    """Print a line for each frame, and log them; of many frames `whole` (str), which stands for all, is printed."""
    if len(lines) <= FEW_LINES:
        for line in lines:
            say(line)
        return
    for line in lines:
        log.info("%s", line.strip(), stacklevel=2)
    say(whole)


def box(lines):
    """Print lines (list of str) in a box, the result of a step, and log them."""
    for line in lines:
        log.info("%s", line, stacklevel=2)
    if SUMMARY.get() and not SILENT.get():
        SUMMARY.get().say("\n".join(lines))
    elif not SILENT.get():
        tqdm.write(streams.plain("\n".join(streams.boxed(lines))))


# ---- the frames of a data set


def taken_in(images, options, losses):
    """Return the names of the plain images in the files `images`, which are unpacked and taken apart next to them.

    options : with `ext`, `split` and `bayer`.  Raises UsageError if there is none.
    """
    ready = intake.take_in(images, intake.Choice(options.ext, options.split, options.bayer), losses)
    if not ready:
        raise UsageError("none of these files contains an image that can be measured")
    given = {os.path.normpath(name) for name in images}
    made = [name for name in ready if os.path.normpath(name) not in given]
    if made:
        more = " ..." if len(made) > 3 else ""
        say(f"{len(made)} images made from {len(images)} files, next to them: {', '.join(made[:3])}{more}")
    return ready


def open_frames(images, losses):
    """Return the DataSet of those `images` that can be read; the others go to `losses`.

    Raises UsageError if there is none.
    """
    frames = [Frame(image) for image in images]
    readable = [frame for frame, _ in each(lambda frame: frame.header, frames, losses)]
    if not readable:
        raise UsageError("none of the images can be read")
    return DataSet(readable)


def single_frames(images, losses):
    """Return the DataSet of `open_frames` without stacks and copies that the suite made of the others."""
    frames = open_frames(images, losses)
    return frames.only(without_products(frames))


def prepared_frames(images, losses, folder=None):
    """Return the DataSet of those `images` that have been through pp_prepare; the others go to `losses`.

    folder : where results are to lie, default that of the images

    Raises UsageError if not one can be read, PipelineError if not one has been prepared.
    """
    telescopes.load()  # a definition that is wrong concerns all frames
    frames = [frame for frame, _ in each(check_prepared, single_frames(images, losses), losses)]
    if not frames:
        raise PipelineError("none of the images has been prepared; run pp_prepare on them first")
    return DataSet(frames, folder)


def check_prepared(frame):
    """Raise FrameError unless the header of a Frame is as every step after pp_prepare needs it."""
    frame.number("MIDTIMJD")
    for keyword in NUMBERS:
        if keyword in frame.header and not math.isfinite(frame.number(keyword)):
            raise FrameError(frame.path, f"{keyword} = {frame.header[keyword]} is not a number", PREPARE_AGAIN)
    try:
        telescope_of(frame)
    except TelescopeError as error:
        raise FrameError(frame.path, str(error), PREPARE_AGAIN) from None


def parallel(function, items, jobs, label):
    """Return [function(item), ...] in the order of `items`, computed `jobs` at a time.

    One more at a time where few are left over for a last round, in which a core would have nothing to do.

    A PipelineError stands for an item that failed.  Threads do, since the time goes into outside programs and numpy.
    Work that takes longer than 2 s shows a progress bar, on a terminal only.
    """

    uneven = 1 < jobs < len(items) < 4 * jobs and len(items) % jobs > 0
    with ThreadPoolExecutor(max_workers=max(1, min(jobs + uneven, len(items)))) as pool:
        futures = [pool.submit(contextvars.copy_context().run, attempt, function, item) for item in items]
        try:
            return [future.result() for future in progress(futures, label)]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            external.end_programs()
            raise


def progress(items, label):
    """Return an iterator over `items`, frames or their like, that tells how far it is after 2 s, on a terminal only."""
    return bar(items, label)


def each(function, frames, losses):
    """Return [(frame, function(frame)), ...] of the `frames` where it worked, one by one; the others go to `losses`."""
    return sort_out(frames, [attempt(function, frame) for frame in frames], losses)


def sort_out(frames, results, losses):
    """Return [(frame, result), ...] of `parallel` without the errors, which go to `losses`."""
    pairs = []
    for frame, result in zip(frames, results, strict=True):
        if isinstance(result, PipelineError):
            losses.add_error(frame, result)
        else:
            pairs.append((frame, result))
    return pairs


# ---- stamps: what a step was made from


def stamped(step, leaves):
    """Make a step, a function of (frames, losses, options), leave the stamp by which a later pp_run knows it.

    leaves : called with the outcome of the step, returns the Frames that go on, the names of the files that the step
        left next to them, and what pp_run wants to know of it later (dict)
    A step that could not ask a service leaves none, and so does one that met trouble that passes, even if it found a
    way around: the next run tries again.
    """

    def decorate(function):
        defaults = inspect.signature(function).parameters["options"].default

        @functools.wraps(function)
        def run(frames, losses, options=defaults):
            frames = DataSet.of(frames)
            known, missed, told = stamps.Stamps(frames.folder), len(frames.unreachable), len(losses.entries)
            stamp = known.begin(step, recipe(step, frames, options, known.contents), frames)
            log.info("pp_%s begins: %s", step, ", ".join(f"{name}={value!r}" for name, value in vars(options).items()))
            with passing_trouble() as met, on_disk_together():
                outcome = function(frames, losses, options)
            log.info("pp_%s has ended", step)
            if met:
                log.info("pp_%s is to be done again, since this may pass: %s", step, "; ".join(met[:5]))
            elif len(frames.unreachable) == missed and not getattr(outcome, "failure", None):
                passed, files, result = leaves(outcome)
                files, result = [*files, records.path_of(step, frames.folder)], records.plain(result)
                known.contents.follow({id(frame): frame for frame in (*frames, *passed)}.values())
                known.finish(stamp, passed, files, losses.entries[told:], result, getattr(options, "jobs", 1))
            return outcome

        return run

    return decorate


def recipe(step, frames, options, contents):
    """Return the recipe of a step (dict), what its outcome depends on besides the frames; `options` are its own."""
    return recipes.make(step, DataSet.of(frames), options.relevant(), settings(), contents)


def settings():
    """Return {name: value} of all settings in pp_setup."""
    kinds = (type(os), type, type(settings), UsageError)
    names = [name for name in vars(pp_setup) if not name.startswith("_") and name != "problem"]
    return {name: getattr(pp_setup, name) for name in names if not isinstance(getattr(pp_setup, name), kinds)}


def keep_choices(step, args, options):
    """Keep the options of a step that was run by hand for later runs of pp_run; say which earlier ones are dropped."""
    dropped = choices.keep(args.folder, step, options, args.given)
    if dropped:
        say(f"no longer chosen: {'; '.join(dropped)}")


# ---- helpers that users' scripts import


def list_photmode():
    """Return by which magnitudes of Source Extractor stars are measured (str): apertures where targets are by PSF."""
    return "APER" if pp_setup.photmode == "PSF" else pp_setup.photmode


def skycenter(catalogs):
    """Return (ra, dec, radius) in degrees of the circle around source lists with columns `ra_deg` and `dec_deg`."""
    import numpy as np

    from photometrypipeline.sky import sphere

    return sphere.skycenter([(np.asarray(catalog["ra_deg"]), np.asarray(catalog["dec_deg"])) for catalog in catalogs])


def read_scamp_output(path="scamp_output.xml"):
    """Return (columns, rows) of table `Fields` in SCAMP's report: {name: index}, and the rows as lists."""
    from photometrypipeline.programs.astromatic import votable_named

    rows = votable_named(path, "Fields")
    return {name: index for index, name in enumerate(rows[0] if rows else ())}, [list(row.values()) for row in rows]


def if_val_in_dict(value, dictionary):
    """Return True if `value` stands anywhere in nested dictionaries, lists and tuples."""
    if isinstance(dictionary, dict):
        return any(if_val_in_dict(value, inner) for inner in dictionary.values())
    if isinstance(dictionary, (list, tuple)):
        return any(if_val_in_dict(value, inner) for inner in dictionary)
    return dictionary == value
