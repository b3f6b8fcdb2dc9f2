#!/usr/bin/env python3
"""Write light curves in the forms that programs and archives take: one tidy table, ALCDEF, or the AAVSO's.

reads   photometry_TARGET.dat, photometry.db; next to them the images, IMAGE.ldac.db and what the steps recorded;
        the target's ephemeris from the local store, or JPL Horizons
writes  lightcurve_TARGET.ecsv, .csv, .vot, .parquet: a row per observation, a column with unit for each quantity, with
        error parts, rejections and their reasons, distances, phase angle, light time, magnitude as at 1 au;
        lightcurve_TARGET.alcdef.txt: accepted observations for alcdef.org, names from confreport in pp_setup.py;
        lightcurve_TARGET.aavso.txt: those of a star, and limits, in the extended format of the AAVSO

Examples:
  pptool_lightcurve photometry_3552.dat
  pptool_lightcurve -format csv,votable -output all night*/photometry_3552.dat
  pptool_lightcurve -samp photometry_3552.dat
  pptool_lightcurve -format alcdef -observers "A. Observer; B. Other" -submitter "A. Observer" photometry_3552.dat
"""

from photometrypipeline.base import commandline
from photometrypipeline.reports import reportsettings
from photometrypipeline.runs import stepoptions


def build_parser():
    """Return the parser of the command line."""
    parser = commandline.parser_of(__doc__, stepoptions.Offline, stepoptions.Ephemeris, images=False)
    parser.add_argument("files", nargs="+", metavar="FILE", help="light curves, photometry_TARGET.dat")
    parser.add_argument(
        "-format",
        default="ecsv",
        metavar="LIST",
        help="separated by commas: ecsv, csv, votable, parquet, alcdef, aavso; or all (default: %(default)s)",
    )
    parser.add_argument("-output", metavar="STEM", help="name of the files without ending (default: lightcurve_TARGET)")
    parser.add_argument("-target", metavar="NAME", help="name of the target (default: as pp_distill called it)")
    parser.add_argument(
        "-samp",
        action="store_true",
        help="send the table, as VOTable, and a frame with its regions to the programs that are open: TOPCAT, Aladin,"
        " DS9",
    )
    reportsettings.add_options(parser, ("submitter", "email", "observers", "institution", "aavso_code"))
    parser.add_argument(
        "-draft", action="store_true", help="write ALCDEF without the names of people, AAVSO without a code"
    )
    return parser


commandline.answer_at_once(build_parser)

# isort: split
import functools
import importlib.util
import logging
import sys
from pathlib import Path

import toolbox

import numpy as np

import pp_setup
from photometrypipeline.base.errors import NotFound, NotReachable, PipelineError, TelescopeError, UsageError
from photometrypipeline.base.files import safe_name, stem_of, write_text
from photometrypipeline.base.services import Client
from photometrypipeline.ephemerides import ephemeris
from photometrypipeline.frames import positionsfile
from photometrypipeline.frames.rows import STAR_KINDS
from photometrypipeline.instruments import telescopes
from photometrypipeline.reports import aavso, alcdef, lightcurve, observations, regions, samp

log = logging.getLogger("pp.lightcurve")

TABLES = {"ecsv": "ecsv", "csv": "csv", "votable": "vot", "parquet": "parquet"}
ENDINGS = TABLES | {"alcdef": "alcdef.txt", "aavso": "aavso.txt"}


def formats(text, parts):
    """Return the formats (list) of a list separated by commas; `all` is what suits the targets.  Raises UsageError."""
    if text == "all":
        stars = all(series.kind in STAR_KINDS for series, _ in parts)
        known = [name for name in TABLES if name != "parquet" or importlib.util.find_spec("pyarrow")]
        return [*known, "aavso" if stars else "alcdef"]
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in ENDINGS]
    if unknown or not names:
        raise UsageError(f"format {', '.join(unknown) or text!r} is unknown; valid: {', '.join(ENDINGS)}, all")
    return names


def read_all(paths, target, losses):
    """Return the Series (list) of the files, called `target` if given; what they lack on disk goes to `losses`."""
    found = []
    for path in paths:
        series = observations.read_series(path, functools.partial(toolbox.progress, label="reading"))
        for remark in series.remarks:
            toolbox.say(remark)
        for kind, names in series.missing.items():
            more = "" if len(names) == 1 else f" and {len(names) - 1} more"
            losses.add(path, f"{kind} missing: {names[0]}{more}; the columns that come from it are masked")
        if target:
            series.target, series.full_name, series.kind = target, "", ""
        found.append(series)
    return found


def geometry(series, losses, client, choice):
    """Return the Geometry of a Series; None, with a message, for what has no ephemeris, or none that can be had."""
    if series.kind in STAR_KINDS:
        return None
    if series.kind == "positions" or series.target == positionsfile.UNNAMED:
        toolbox.say(f"{series.target}: which body is it? Give -target NAME for distances and what follows from them")
        return None
    jds = np.array([each.row.jd for each in series.observations])
    try:
        site = series.observations[0].station
        places = ephemeris.positions(series.target, site, jds, client, data_folder=series.path.parent, choice=choice)
    except NotReachable as error:
        losses.add(series.target, f"{error}; distances and what follows from them are masked")
    except (NotFound, TelescopeError) as error:
        toolbox.say(f"{series.target}: no ephemeris ({error}); distances and what follows from them are masked")
    else:
        series.full_name = series.full_name if " " in series.full_name else places.full_name
        return lightcurve.geometry_of(series.observations, places)
    return None


def write_alcdef(parts, stem, settings, draft, losses):
    """Write the ALCDEF file.  Raises UsageError for names that are missing, PipelineError without any observation."""
    lacking = [name for name in ("submitter", "email", "observers") if not getattr(settings, name)]
    if lacking and not draft:
        raise UsageError(f"ALCDEF requires {' and '.join(lacking)}; {reportsettings.remedy(lacking)}")
    bodies = {series.target for series, _ in parts}
    if len(bodies) > 1:
        raise UsageError(f"ALCDEF files hold one object each, these are {', '.join(sorted(bodies))}")
    stars = [series.target for series, _ in parts if series.kind in STAR_KINDS]
    if stars:
        raise UsageError(f"ALCDEF takes asteroids, {stars[0]} is a star; use -format aavso")
    keys = {each.row.telescope for series, _ in parts for each in series.observations}
    text = alcdef.text_of(parts, settings, {key: telescopes.get(key) for key in keys})
    if not text:
        raise PipelineError("no observation is both accepted and calibrated in a band that ALCDEF knows")
    name_left_out([series for series, _ in parts], alcdef.refusal, "ALCDEF", losses)
    path = f"{stem}.{ENDINGS['alcdef']}"
    write_text(path, text)
    lines = text.splitlines()
    n_observations = sum(line.startswith("DATA=") for line in lines)
    toolbox.say(f"{path}: {lines.count('STARTMETADATA')} sessions, {n_observations} observations")


def write_aavso(parts, stem, settings, draft, losses):
    """Write the file for the AAVSO.  Raises UsageError for bodies and a missing code, PipelineError without a row."""
    every = [series for series, _ in parts]
    bodies = [series.target for series in every if series.kind not in STAR_KINDS]
    if bodies:
        raise UsageError(f"the AAVSO takes stars; give {bodies[0]} to pp_distill with -fixedtargets if it is one")
    if not settings.aavso_code and not draft:
        raise UsageError(f"the AAVSO requires the observer's code; {reportsettings.remedy(['aavso_code'])}")
    text = aavso.text_of(every, settings.aavso_code)
    if not text:
        raise PipelineError("no observation is both accepted and calibrated in a band that the AAVSO knows")
    name_left_out(every, aavso.refusal, "the AAVSO file", losses)
    path = f"{stem}.{ENDINGS['aavso']}"
    write_text(path, text)
    toolbox.say(f"{path}: {sum(not line.startswith('#') for line in text.splitlines())} observations")


def name_left_out(every, refusal, file, losses):
    """Tell which accepted rows of the Series are not in a report."""
    for each in (each for series in every for each in series.observations if each.row.accepted):
        if refusal(each.row):
            losses.add(each.image, f"not in {file}: {refusal(each.row)}")


def shown_on_sky(parts):
    """Return the samp.Messages of the frame in the middle of the first light curve, and of its regions."""
    observed = [each for each in parts[0][0].observations if each.row.accepted] or parts[0][0].observations
    path = observed[len(observed) // 2].frame.path if observed else None
    if path is None or not path.is_file():
        return []
    drawn = path.with_name(regions.name_of(stem_of(path.name)))
    return [samp.image(path), *([samp.regions(drawn)] if drawn.is_file() else [])]


WRITERS = {"alcdef": write_alcdef, "aavso": write_aavso}


@toolbox.command(build_parser)
def main(args, losses):
    settings = reportsettings.chosen(pp_setup.confreport, args)
    client = Client(offline=args.offline)
    choice = toolbox.ephemeris_choice(args)
    parts = [
        (series, geometry(series, losses, client, choice))
        for series in read_all(toolbox.existing(args.files), args.target, losses)
    ]
    kinds = formats(args.format, parts)
    kinds += ["votable"] if args.samp and "votable" not in kinds else []
    names = list(dict.fromkeys(series.target for series, _ in parts))
    stem = args.output or (f"lightcurve_{safe_name(names[0])}" if len(names) == 1 else "lightcurves")
    found = lightcurve.table(parts)
    for kind in kinds:
        if kind in WRITERS:
            WRITERS[kind](parts, stem, settings, args.draft, losses)
        else:
            path = Path(f"{stem}.{ENDINGS[kind]}")
            try:
                lightcurve.write(found, path, kind)
            except ImportError:
                advice = "pip install 'photometrypipeline[parquet]'"
                raise UsageError(f"Parquet needs the package pyarrow: {advice}") from None
            toolbox.say(f"{path}: {len(found)} observations of {', '.join(names)}, {len(found.colnames)} columns")
    if args.samp:
        for line in samp.send([samp.table(f"{stem}.{ENDINGS['votable']}"), *shown_on_sky(parts)]):
            toolbox.say(line)


if __name__ == "__main__":
    sys.exit(main())
