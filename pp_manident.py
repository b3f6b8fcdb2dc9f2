#!/usr/bin/env python3
"""Find a target by hand: mark it in some frames, a track through the marks finds it in the others.

reads   IMAGE.fits, prepared, registered or not; IMAGE.ldac from pp_extract or a later step
writes  positions.dat for pp_distill -positions; an older one becomes positions.dat.old
        positions.marks.json, the marks: a window that was closed without q goes on from there

In the window, left click marks the source nearest to the pointer, d and a browse, q writes the positions and quits,
h shows all keys. Source and circles: green; marked: red; where the track leads: yellow.

Examples:
  pp_manident mscience*.fits
  pp_manident -zoom 1 -target 2015_AB123 mscience*.fits    writes positions_2015_AB123.dat
  pp_distill -positions positions.dat mscience*.fits       the photometry that follows
"""

from photometrypipeline.base import commandline

# isort: split
import argparse

from photometrypipeline.runs import stepoptions


def zoom(text):
    """Return the scale of the command line, a number from 0.05 to 16."""
    value = float(text)
    if not 0.05 <= value <= 16:
        raise argparse.ArgumentTypeError("a number from 0.05 to 16")
    return value


def build_parser():
    """Return the parser of the command line."""
    parser = commandline.parser_of(__doc__, stepoptions.Jobs)
    parser.add_argument(
        "-zoom",
        type=zoom,
        default=0.5,
        metavar="SCALE",
        help="screen pixels per pixel of the frame at the start; above 1 enlarges (default: %(default)s)",
    )
    parser.add_argument(
        "-target", default="", metavar="NAME", help="name of the target; the file is positions_NAME.dat (default: none)"
    )
    parser.add_argument("-new", action="store_true", help="start without the marks of an earlier session")
    parser.add_argument(
        "-edit", action="store_true", help="continue from the marks of a session that was finished with q"
    )
    return parser


commandline.answer_at_once(build_parser)

# isort: split
import logging
import sys

import toolbox

import pp_setup
from photometrypipeline.base.errors import PipelineError
from photometrypipeline.base.files import safe_name
from photometrypipeline.manident import marks, viewport

log = logging.getLogger("pp.manident")


def read_exposures(frames, jobs, losses):
    """Return the Exposures (list) of `frames`; those without source list or WCS go to `losses`.

    Raises PipelineError if none is left.
    """
    results = toolbox.parallel(marks.read_exposure, frames, jobs, "loading")
    exposures = [exposure for _, exposure in toolbox.sort_out(frames, results, losses)]
    if not exposures:
        raise PipelineError("none of the frames has a list of sources; run pp_extract or pp_photometry first")
    toolbox.say(f"{len(exposures)} frames, {sum(each.x.size for each in exposures)} sources")
    return exposures


def open_marks(exposures, path, start_new, edit):
    """Return the Marks, with those of an earlier session where that was not finished, or with `edit` in any case."""
    model = marks.Marks(exposures, pp_setup.max_distance_arcsec, path)
    if not path.exists():
        return model
    if start_new or (marks.read_saved(path)["finished"] and not edit):
        path.replace(path.with_name(path.name + ".old"))
        return model
    lost = model.load()
    for name in lost:
        log.warning("%s: its mark is lost, since no source is left at its place", name)
    toolbox.say(f"{model.n_marked} marks of an earlier session; -new starts without them")
    return model


def finish(model, positions, target, losses):
    """Write the positions; frames whose place is not known go to `losses`.  Raises PipelineError without any mark."""
    if not model.n_marked:
        raise PipelineError(f"nothing was marked; {positions} is not written")
    missing = model.write_positions(positions, target)
    for name in missing:
        absent = name in model.state.absent
        losses.add(name, "left out by hand" if absent else "no position: mark two frames at least, or this one too")
    toolbox.say(f"{positions}: {len(model.exposures) - len(missing)} of {len(model.exposures)} frames")
    toolbox.say(f"next: pp_distill -positions {positions} IMAGES")


@toolbox.command(build_parser, alone=lambda args: False)  # the window may stay open for hours
def main(args, losses):
    from photometrypipeline.manident import markscene, markwindow  # bring matplotlib along

    frames = toolbox.prepared_frames(args.images, losses)
    figure = markscene.open_figure()
    exposures = read_exposures(frames, args.jobs, losses)
    stem = f"positions_{safe_name(args.target)}" if args.target else "positions"
    positions, saved = args.folder / f"{stem}.dat", args.folder / f"{stem}.marks.json"
    model = open_marks(exposures, saved, args.new, args.edit)
    pixels = viewport.PixelCache(lambda number: exposures[number].frame.read_pixels(), len(exposures))
    outcome = markwindow.MarkWindow(figure, model, pixels, args.zoom).run()
    if outcome == markwindow.QUIT:
        finish(model, positions, args.target, losses)
    else:
        losses.add(
            positions, f"not written, the window was closed without q; {model.n_marked} marks are kept, start again"
        )


if __name__ == "__main__":
    sys.exit(main())
