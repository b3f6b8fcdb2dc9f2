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

import toolbox

# isort: split
import logging
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import diagnostics
import pp_calibrate
import pp_distill
import pp_photometry
import pp_prepare
import pp_register
from catalog import canonical_name
from photometrypipeline import datatree, headers, telescopes
from photometrypipeline.errors import FrameError, PipelineError, TelescopeError, UsageError

log = logging.getLogger("pp.run")

SNR = 1.5  # of sources in the photometry


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
    reject: tuple = ("pos",)
    keep_wcs: bool = False
    register_catalogs: list | None = None
    calibrate_catalogs: list | None = None
    offline: bool = False
    jobs: int = 1


def run(images, losses, options):
    """Run all steps on one data set; returns the exit status before losses count.  Raises PipelineError.

    Whatever happens, the pages tell it.
    """
    step = ["prepare"]
    try:
        failure = run_steps(images, losses, options, step)
        if failure:  # what could be done without the service is kept
            raise failure
    except PipelineError as error:
        diagnostics.record_failure(step[0], str(error))
        raise
    finally:
        diagnostics.render()
    toolbox.say("Done!")
    return toolbox.OK


def run_steps(images, losses, options, step):
    """Run the steps in turn, `step[0]` names the present one; returns the NotReachable that left gaps, or None."""
    frames = toolbox.open_frames(sorted(images), losses)
    check_one_kind(frames, options)
    toolbox.say(f"{len(frames)} {telescope_of(frames[0])} frames identified")
    frames = pp_prepare.prepare(frames, losses, target=options.target, keep_wcs=options.keep_wcs, jobs=options.jobs)

    step[0] = "register"
    frames = registered(frames, losses, options)

    step[0] = "photometry"
    frames = pp_photometry.photometry(
        frames,
        losses,
        snr=SNR,
        fixed_aprad=options.fixed_aprad or None,
        target=options.target,
        offline=options.offline,
        jobs=options.jobs,
    ).frames
    step[0] = "calibrate"
    calibration = calibrated(frames, losses, options)

    step[0] = "distill"
    choice = pp_distill.Choice(
        options.target, asteroids=options.asteroids, reject=options.reject, offline=options.offline
    )
    done = pp_distill.distill(
        calibration.frames, losses, choice, instrumental_wanted=calibration.record["band"] is None
    )
    report(done)
    return done.failure or calibration.failure


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
                f"frames in several filters: {_listed(filters)}; run each by itself, or give one band with -filter"
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


def registered(frames, losses, options):
    """Return the frames with an astrometric solution.  Raises PipelineError if there is none."""
    if options.keep_wcs:
        diagnostics.record("register", {"catalog": None, "skipped": True, "frames": []})
        return frames
    settings = {
        "catalogs": options.register_catalogs,
        "source_tolerance": options.source_tolerance,
        "offline": options.offline,
        "jobs": options.jobs,
    }
    attempt_losses = toolbox.Losses()
    done = pp_register.register(frames, attempt_losses, **settings)
    if done.failed and options.rerun_registration:
        attempt_losses = toolbox.Losses()
        done = pp_register.register(frames, attempt_losses, **settings)
    losses.entries += attempt_losses.entries
    if not done.registered:
        raise PipelineError(
            "no frame could be registered; see LOG, and check pointing and scale of the headers (pp_prepare -ra -dec)"
        )
    return done.registered


def calibrated(frames, losses, options):
    """Return the Calibration; with -solar and frames left without a zeropoint, that of a second run with all stars."""
    settings = {
        "band": options.band,
        "catalogs": options.calibrate_catalogs,
        "offline": options.offline,
        "jobs": options.jobs,
    }
    attempt_losses = toolbox.Losses()
    done = pp_calibrate.calibrate(frames, attempt_losses, solar=options.solar, **settings)
    if options.solar and done.uncalibrated:
        toolbox.say("too few stars like the Sun: calibrating again with stars of all colours")
        attempt_losses = toolbox.Losses()
        done = pp_calibrate.calibrate(frames, attempt_losses, **settings)
    losses.entries += attempt_losses.entries
    return done


def report(done):
    """Print mean magnitude and scatter of each target that was found."""
    lines = []
    for name in done.found:
        magnitudes = [row.mag for row in done.rows[name] if row.accepted]
        band = next((row.band for row in done.rows[name] if row.accepted), "-")
        mean = sum(magnitudes) / len(magnitudes)
        scatter = (sum((value - mean) ** 2 for value in magnitudes) / len(magnitudes)) ** 0.5
        unit = "instrumental" if band == "-" else band
        lines.append(
            f"{name}: {mean:.3f} mag ({unit}) on average, standard deviation {scatter:.3f}, {len(magnitudes)} frames"
        )
    if lines:
        toolbox.box(lines)


def run_all(args, losses):
    """Run every data set below the present folder in a process of its own; returns the exit status."""
    data_sets = datatree.find(Path.cwd(), args.prefix or "")
    if not any(data_sets.values()):
        raise UsageError(
            f"there are no images in {Path.cwd()} or below it"
            + (f" that begin with {args.prefix}" if args.prefix else "")
        )
    started = time.strftime("%Y-%m-%d %H:%M:%S")
    states = {folder: "waiting" if images else "no images" for folder, images in data_sets.items()}
    diagnostics.summarise(states, Path.cwd(), started)
    for folder, images in data_sets.items():
        if not images:
            toolbox.say(f"{folder}: no images, nothing to do")
            continue
        toolbox.say(f"{folder}: {len(images)} images")
        states[folder] = "running"
        diagnostics.summarise(states, Path.cwd(), started)
        states[folder] = datatree.run(Path.cwd() / folder, [sys.executable, __file__, *arguments_of(args), *images])
        if states[folder] != toolbox.OK:
            losses.add(folder, f"pp_run ended with status {states[folder]}, see {folder}/LOG")
        diagnostics.summarise(states, Path.cwd(), started)
    statuses = [status for status in states.values() if isinstance(status, int)]
    return toolbox.OK if any(status in (toolbox.OK, toolbox.PARTIAL) for status in statuses) else toolbox.FAILED


def arguments_of(args):
    """Return the options (list of str) for a data set of a tree; paths of the user's tables are made absolute."""
    arguments = []
    for name, value in vars(args).items():
        option = f"-{name}"
        if name in ("images", "prefix") or value in (None, False):
            continue
        if name in ("cat", "catalog") and Path(value).is_file():
            value = Path(value).resolve()
        arguments += [option] if value is True else [option, str(value)]
    return arguments


def build_parser():
    parser = toolbox.make_parser(__doc__, offline=True)
    parser.add_argument("-prefix", metavar="TEXT", help="with `all`: only files whose names begin with it")
    parser.add_argument(
        "-target", metavar="NAME", help="target name for all images, designations with _ (default: header)"
    )
    parser.add_argument("-filter", metavar="BAND", help="band for the calibration, whatever the header says")
    parser.add_argument(
        "-fixed_aprad",
        type=float,
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
        default="pos",
        metavar="LIST",
        help="rejection schemas, parted by commas: pos, apr, none (default: %(default)s)",
    )
    parser.add_argument("-keep_wcs", action="store_true", help="trust the WCS in the headers, no registration")
    parser.add_argument(
        "-cat",
        metavar="NAME",
        help="catalogue for the registration, or the path of your own table (default: the telescope's list)",
    )
    parser.add_argument(
        "-catalog",
        metavar="NAME",
        help="catalogue for the calibration, or the path of your own table (default: the telescope's list)",
    )
    return parser


@toolbox.command(build_parser)
def main(args, losses):
    if args.images == ["all"]:
        return run_all(args, losses)
    if args.prefix:
        raise UsageError("-prefix belongs to `pp_run all`")
    options = Options(
        args.target,
        args.filter,
        args.fixed_aprad,
        args.source_tolerance,
        args.solar,
        args.rerun_registration,
        args.asteroids,
        pp_distill.schemas(args.reject),
        args.keep_wcs,
        [canonical_name(args.cat)] if args.cat else None,
        [canonical_name(args.catalog)] if args.catalog else None,
        args.offline,
        args.jobs,
    )
    return run(args.images, losses, options)


if __name__ == "__main__":
    sys.exit(main())
