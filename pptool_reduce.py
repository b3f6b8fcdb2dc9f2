#!/usr/bin/env python3
"""Reduce raw frames: bias, dark and flat frames are combined, and applied to those of the sky.

reads   raw frames of the sky together with bias, dark and flat frames, in one folder or in a tree; the headers tell
        which is which (IMAGETYP and the like), and what belongs together: camera, binning, gain, filter, exposure,
        temperature
writes  reduced/IMAGE.fits for each frame of the sky, whose header names what was applied; masters/ with the combined
        frames and the bad pixels that they show.  The raw frames stay as they are.

Overscans are subtracted and cut off where the header tells them (BIASSEC, and DATASEC or TRIMSEC).  A dark of another
exposure is scaled where there is a bias.  Go on with pp_run in reduced/.

Examples:
  pptool_reduce .
  pptool_reduce -temperature 1 -cosmics night1/
  pptool_reduce -list *.fits
"""

from photometrypipeline.base import commandline
from photometrypipeline.runs.stepoptions import ReduceOptions as Options


def build_parser():
    """Return the parser of the command line."""
    parser = commandline.parser_of(__doc__, Options, images=False)
    # called otherwise than the images of other commands, for which a folder means the frames that lie in it
    parser.add_argument("raw", metavar="images", nargs="*", default=["."],
                        help="folders or frames (default: this folder)")  # fmt: skip
    return parser


commandline.answer_at_once(build_parser)

# isort: split
import importlib.util
import logging
import os
import shutil
import sys
from pathlib import Path

import toolbox

import numpy as np

from photometrypipeline.base.errors import FrameError, PipelineError, UsageError
from photometrypipeline.base.files import sweep
from photometrypipeline.frames import intake
from photometrypipeline.frames.frame import Frame
from photometrypipeline.instruments import headers, telescopes
from photometrypipeline.newcamera import recognise
from photometrypipeline.reduction import apply, kinds, lacosmic, night, plan
from photometrypipeline.runs import datatree

log = logging.getLogger("pp.reduce")

MASTERS = "masters"


def raw_images(arguments, output):
    """Return the names (list of str) of all images that the arguments mean, folders searched to the bottom."""
    names, made = [], {Path(output).resolve(), Path(MASTERS).resolve()}
    for argument in arguments:
        if not os.path.isdir(argument):
            names += toolbox.existing([argument])
            continue
        for folder, images, _ in datatree.image_folders(argument):
            if not made & {folder.resolve(), *folder.resolve().parents}:
                names += [os.path.normpath(folder / image) for image in images]
    if not names:
        raise UsageError(f"no image found in {', '.join(arguments)}")
    return list(dict.fromkeys(names))


def reduce(names, losses, options):
    """Reduce the raw frames `names`; returns the paths of the reduced images.  Raises PipelineError if it is none."""
    output = Path(options.output)
    choice = intake.Choice(options.ext, options.split, None)  # colours are separated after the flat
    frames = toolbox.open_frames(intake.take_in(names, choice, losses), losses)
    work = output / night.WITHOUT_OVERSCAN
    try:
        cut = toolbox.parallel(lambda frame: night.trimmed(frame, work), frames, options.jobs, "overscan")
        found = night.sort([ready for _, ready in toolbox.sort_out(frames, cut, losses)], options.temperature, losses)
        if not found.lights:
            raise PipelineError("no raw frame of the sky found; IMAGETYP in the headers tells the kind")
        recipes = [plan.recipe_for(group, found.calibrations, options.temperature) for group in found.lights]
        tell(found, recipes)
        if options.list:
            return []
        return carry_out(recipes, found, output, losses, options)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def tell(found, recipes):
    """Say what there is, and what goes with what."""
    for group in found.calibrations:
        toolbox.say(f"{len(group.frames):4d} {group.settings.kind}: {describe(group.settings)}")
    for recipe in recipes:
        toolbox.say(f"{len(recipe.lights.frames):4d} of the sky: {describe(recipe.lights.settings)}")
        for part in ("bias", "dark", "flat"):
            group = getattr(recipe, part)
            toolbox.say(f"       {part}: {describe(group.settings) if group else 'none'}")
        for remark in recipe.remarks:
            log.warning("%s: %s", describe(recipe.lights.settings), remark)
    if found.others:
        log.warning("%d frames are neither of the sky nor for calibration: %s", len(found.others), found.others[0])


def describe(own):
    """Return Settings in words."""
    parts = [own.camera or "unknown camera", f"{own.size_px[0]} x {own.size_px[1]} px"]
    parts += [f"binning {own.binning[0]} x {own.binning[1]}"]
    parts += [f"filter {own.filter}"] if own.filter and own.kind not in (kinds.BIAS, kinds.DARK) else []
    parts += [f"{own.exptime_s:g} s"] if own.exptime_s is not None and own.kind != kinds.BIAS else []
    parts += [f"{own.temperature_c:.1f} deg C"] if own.temperature_c is not None else []
    return ", ".join(parts)


def carry_out(recipes, found, output, losses, options):
    """Make the masters and reduce all frames; returns the paths of the reduced images."""
    output.mkdir(parents=True, exist_ok=True)
    for folder in (output, Path(MASTERS)):
        sweep(folder)
    masters, done, taken = night.Masters(found.calibrations, Path(MASTERS), toolbox.say), [], set()
    for recipe in recipes:
        try:
            calibration, names = masters.calibration(recipe)
        except FrameError as error:
            losses.add_error(Frame(error.path), error)
            continue
        for remark in recipe.remarks:
            losses.add(describe(recipe.lights.settings), remark)
        write_bad_pixels(recipe, calibration)
        frames = recipe.lights.frames
        paths = [output_path(output, frame, taken) for frame in frames]
        jobs = list(zip(frames, paths, strict=True))
        results = toolbox.parallel(
            lambda job, how=(calibration, names): night.reduce_frame(*job, *how, detector_of(job[0], options)),
            jobs,
            options.jobs,
            "reduce",
        )
        done += [path for _, path in toolbox.sort_out(frames, results, losses)]
    if not done:
        raise PipelineError("none of the frames could be reduced")
    toolbox.say(f"{len(done)} reduced frames in {output}/; go on there with pp_run")
    return done


def output_path(output, frame, taken):
    """Return where the reduced image of a frame goes: frames of the same name from several folders stay apart."""
    path, count = output / f"{frame.stem}.fits", 1
    while path in taken:
        count += 1
        path = output / f"{frame.stem}_{count}.fits"
    taken.add(path)
    return path


def write_bad_pixels(recipe, calibration):
    """Write the bad pixels that the masters show, and say where a definition of the camera would look for them."""
    bad = apply.bad_pixels(calibration)
    if bad is None:
        return
    own = recipe.lights.settings
    key = ",".join(map(str, own.binning))
    name = night.name_of(own).removeprefix(f"{own.kind or ''}_")
    path = Path(MASTERS) / f"mask_{name}"
    night.write_mask(path, bad)
    folder = telescopes.user_folder()
    toolbox.say(
        f"{path}: {bad.sum()} bad pixels ({100 * bad.mean():.2f} %); to have them masked, copy it to {folder} and add "
        f'masks."{key}" = "{path.name}" to the definition of the camera'
    )


def detector_of(frame, options):
    """Return the lacosmic.Detector of a raw frame, None where cosmic rays are not searched for."""
    if not options.cosmics:
        return None
    reading = recognise.read(frame.header)
    gain, full = (found.value if (found := reading.get(role)) else None for role in ("gain", "saturation"))
    return lacosmic.Detector(gain, headers.read_noise_e(frame, telescopes.get("GENERIC")), full)


@toolbox.command(build_parser)
def main(args, losses):
    options = Options.of(args).checked()
    if importlib.util.find_spec("ccdproc") is None:
        raise PipelineError(
            "pptool_reduce needs the package ccdproc: pip install 'photometrypipeline[reduce]', or make setup"
        )
    np.seterr(invalid="ignore", divide="ignore")
    reduce(raw_images(args.raw, options.output), losses, options)


if __name__ == "__main__":
    sys.exit(main())
