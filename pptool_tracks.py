#!/usr/bin/env python3
"""Find bodies that no single frame shows: frames without their stars, added along all motions of a box of rates.

reads   images and IMAGE.ldac.db from pp_calibrate; SkyBoT or the orbits in the store for the known bodies
writes  tracks.csv, what stands above 6 sigma; positions_NAME.dat of what is not known, for pp_distill -positions

Known bodies come first: they prove that fainter ones would be found. Artificial tracks tell how faint.

Examples:
  pptool_tracks mscience*.fits
  pptool_tracks -box -0.8 -0.2 -0.3 0.3 mscience*.fits     rates in RA (with cos Dec) and Dec, arcsec/min
  pp_distill -positions all_objects mscience*.fits         then: light curves of the new ones
"""

from photometrypipeline.base import commandline
from photometrypipeline.runs import stepoptions

RATE_ARCSEC_MIN = 1.0


def build_parser():
    """Return the parser of the command line."""
    parser = commandline.parser_of(__doc__, stepoptions.Jobs, stepoptions.Offline, stepoptions.Ephemeris)
    parser.add_argument("-target", metavar="NAME", help="target name, whatever the headers say, e.g. 2015_AB123")
    parser.add_argument(
        "-rate",
        type=float,
        default=RATE_ARCSEC_MIN,
        metavar="R",
        help="rates from -R to R in RA and Dec, arcsec/min (default: %(default)s)",
    )
    parser.add_argument(
        "-box",
        type=float,
        nargs=4,
        metavar=("RA1", "RA2", "DEC1", "DEC2"),
        help="instead: least and largest rate in RA (with cos Dec) and in Dec, arcsec/min",
    )
    parser.add_argument("-sigma", type=float, default=6.0, metavar="S", help="what counts (default: %(default)s)")
    parser.add_argument(
        "-injections",
        type=int,
        default=48,
        metavar="N",
        help="artificial tracks, which tell how faint bodies are found; 0: none (default: %(default)s)",
    )
    return parser


commandline.answer_at_once(build_parser)

# isort: split
import logging
import sys

import toolbox

from photometrypipeline.base.errors import PipelineError, UsageError
from photometrypipeline.census import tracks
from photometrypipeline.instruments.dataset import DataSet
from photometrypipeline.targets import targets, targetsearch

log = logging.getLogger("pp.tracks")


def box_of(args):
    """Return the box of rates of the command line: (least, largest) in RA and in Dec, arcsec/min."""
    east_1, east_2, north_1, north_2 = args.box or (-args.rate, args.rate, -args.rate, args.rate)
    if not (east_1 < east_2 and north_1 < north_2):
        raise UsageError("-box needs the least rate before the largest, in RA and in Dec; -rate is above 0")
    if args.sigma < 4 or args.injections < 0:
        raise UsageError("-sigma below 4 is noise; -injections is not below 0")
    return (east_1, east_2), (north_1, north_2)


def measured_frames(frames, losses):
    """Return the targets.Measured (list) of frames with a database; the others are losses."""
    found = toolbox.each(targets.Measured.read, frames, losses)
    if not found:
        raise PipelineError("none of the frames has a database; run pp_calibrate first")
    return [each for _, each in found]


def known_bodies(measured, args, data):
    """Return [(name, Target)] of the known bodies in the field, and of the target of the frames."""
    options = stepoptions.DistillOptions(target=args.target, ephemeris=args.ephemeris, elements=args.elements)
    client, found = data.client(args.offline), targetsearch.Found(folder=data.folder)
    known, remark = targetsearch.known_bodies(measured, options, client, data.folder)
    if remark:
        toolbox.say(remark)
    try:
        own = targetsearch.primary(measured, options, client, found)
    except PipelineError as error:
        log.warning("%s", error)
        own = []
    names = {target.full_name for _, target in known}
    return known + [(target.name, target) for target in own if target.full_name not in names]


@toolbox.command(build_parser)
def main(args, losses):
    box = box_of(args)
    frames = toolbox.prepared_frames(args.images, losses)
    data = DataSet.of(frames)
    measured = measured_frames(frames, losses)
    known = known_bodies(measured, args, data)
    outcome = tracks.find(measured, box, known, args.sigma, args.injections, args.jobs, targetsearch.site_of(measured))
    for line in tracks.told(outcome):
        toolbox.say(line)
    files = tracks.write(outcome, measured, data.folder)
    toolbox.say(f"written: {', '.join(files)}")


if __name__ == "__main__":
    sys.exit(main())
