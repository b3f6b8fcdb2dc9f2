#!/usr/bin/env python3
"""Write a report of astrometry and magnitudes for the Minor Planet Center.

reads   photometry_TARGET.dat, photometry.db; next to them the images, IMAGE.ldac.db and what the steps recorded;
        names of people and telescopes from confreport in pp_setup.py, or the options
writes  mpc_astrometry.dat, records of 80 columns; or, as ADES, mpc_astrometry.psv or mpc_astrometry.xml

`all` stands for all bodies in the folder: the target, those of -asteroids, and the unknown ones of -movers. Else the
last argument may name the object: a number, a designation, a comet, or up to 7 characters for an unknown one; without
it, it is what pp_distill knows. Rejected rows are not reported. What the MPC would refuse is left out and
named; ??? in the header of mpc_astrometry.dat is to be filled in, an ADES report that lacks names is not written.

Examples:
  pptool_mpcreport photometry_3552.dat 3552
  pptool_mpcreport -format psv all
  pptool_mpcreport -format psv night*/photometry_2015_AB123.dat "2015 AB123"
  pptool_mpcreport -format xml -observers "A. Observer" -measurers "A. Observer" -submitter "A. Observer" \\
      -design Reflector -aperture 1.8 photometry_3552.dat
"""

from photometrypipeline.base import commandline
from photometrypipeline.reports import reportsettings

ALL = "all"
BODIES = ("primary", "positions", "asteroid", "mover")  # kinds of targets
ENDINGS = {"80": "dat", "psv": "psv", "xml": "xml"}
STEM = "mpc_astrometry"


def build_parser():
    """Return the parser of the command line."""
    parser = commandline.parser_of(__doc__, images=False)
    parser.add_argument(
        "names", nargs="+", metavar="FILE", help="photometry_TARGET.dat, one or more, or all; then the object"
    )
    parser.add_argument(
        "-format",
        choices=list(ENDINGS),
        default="80",
        help="80: records of 80 columns; psv, xml: ADES (default: %(default)s)",
    )
    parser.add_argument("-output", metavar="FILE", help=f"name of the file (default: {STEM}.dat, .psv or .xml)")
    reportsettings.add_options(parser, ("submitter", "email", "institution", "observers", "measurers", "comment"))
    parser.add_argument(
        "-design", metavar="TEXT", help="of the telescope, such as Reflector (default: from confreport)"
    )
    parser.add_argument("-aperture", type=float, metavar="M", help="of the telescope, m (default: from confreport)")
    parser.add_argument(
        "-fratio", type=float, metavar="F", help="focal length over aperture (default: from confreport)"
    )
    parser.add_argument(
        "-mode", choices=reportsettings.MODES, help="of the camera (default: from confreport, else CCD)"
    )
    parser.add_argument(
        "-astcat",
        metavar="CODE",
        help="catalogue of the positions as the MPC calls it, such as Gaia3, for frames of other software",
    )
    parser.add_argument("-draft", action="store_true", help="write ADES although its header is incomplete")
    return parser


commandline.answer_at_once(build_parser)

# isort: split
import functools
import glob
import logging
import sys
from pathlib import Path

import toolbox

import pp_setup
from photometrypipeline.base.errors import PipelineError, UsageError
from photometrypipeline.base.files import write_text
from photometrypipeline.frames import observationsdb, positionsfile
from photometrypipeline.reports import ades, adesrules, astrometryreport, mpc80, mpccodes, observations

log = logging.getLogger("pp.mpcreport")


def arguments(names):
    """Return (files, identifier or None) of the positional arguments: the last one may name the object."""
    files, identifier = list(names), None
    if files == [ALL]:
        return bodies_here(), None
    if len(files) > 1 and not glob.glob(files[-1]):
        identifier = files.pop()
    return toolbox.existing(files), identifier


def bodies_here():
    """Return the files (list of str) of all bodies of the Solar System in this folder that any frame shows."""
    database = Path(observationsdb.FILE_NAME)
    curves = observationsdb.read(database) if database.exists() else []
    bodies = [curve for curve in curves if curve.kind in BODIES and any(row.accepted for row in curve.rows)]
    files = [curve.file for curve in bodies if Path(curve.file).exists()]
    if not files:
        raise UsageError("this folder contains no light curve of a body; run pp_run or pp_distill first, or name files")
    return files


def collect(files, identifier, settings, astcat, form, losses):
    """Return the Records (list) of all files that the MPC would take in this form; the others go to `losses`."""
    records = []
    for path in files:
        series = observations.read_series(path, functools.partial(toolbox.progress, label="reading"))
        for remark in series.remarks:
            toolbox.say(remark)
        if identifier is None and series.target == positionsfile.UNNAMED:
            raise UsageError(f"{path}: which object is it? Give a number, a designation, or up to 7 letters of yours")
        if series.simulated:
            log.warning("%s: the frames are simulated (SIMULATE in their headers): never send this report", path)
        named = astrometryreport.name_of(series, identifier)
        if form != "80" and astrometryreport.lacks_number(named):
            raise UsageError(f"{path}: ADES takes no designation from before 1925; give the number of {named.text}")
        if identifier is None and named.trk_sub and series.kind != "mover":
            log.warning("%s is not a designation: it is reported as an unknown object %s", series.target, named.trk_sub)
        if identifier and named.trk_sub and named.trk_sub != identifier:
            log.warning("%r is not a designation; the object is called %r, an unknown one", identifier, named.trk_sub)
        if identifier and not named.trk_sub and not named.is_what(identifier):
            log.warning("%r is read as %s", identifier, named.text)
        if series.kind in ("control", "fixed", "variable"):
            raise UsageError(
                f"{path} holds {series.target}, which is not a body of the Solar System; give another file"
            )
        records += astrometryreport.records_of(series, named, settings, astcat)
    if not records:
        raise PipelineError("no row of the light curves counts; see the reasons behind # in them")
    sound = astrometryreport.sound(records, losses)
    if not sound:
        raise PipelineError("no observation is left to report")
    return sound


def check_header(blocks, draft):
    """Raise UsageError for what is missing or wrong in the headers of an ADES report; of a draft warn only."""
    wrong = list(dict.fromkeys(reason for block in blocks for reason in adesrules.check_context(block.context)))
    if wrong and draft:
        log.warning("a draft, which the MPC would refuse: %s", "; ".join(wrong))
    elif wrong:
        raise UsageError(
            f"the MPC would refuse this report: {'; '.join(wrong)}; set it in confreport of your pp_setup.py, or give "
            "-submitter, -observers, -measurers, -design, -aperture (docs/reports.md); -draft writes it as it is"
        )


def advise(records, kind, text):
    """Say what the MPC takes, but asks to be done better."""
    old = {record.ades["astCat"] for record in records} & set(mpccodes.DEPRECATED_CATALOGS)
    if old:
        log.warning("the MPC asks that the catalogue %s no longer be used", ", ".join(sorted(old)))
    if any("rmsRA" not in record.ades for record in records):
        log.warning("uncertainties of positions are unknown, since the databases (.ldac.db) or images are missing")
    for band, number in mpc80.bands_without_letter(records).items() if kind == "80" else ():
        log.warning(
            "band %s: 80 columns have no letter for it, %d magnitudes are left out; ADES takes them", band, number
        )
    if kind == "80" and mpc80.PLACEHOLDER in text:
        log.warning("fill in every %s in the header before you send the report", mpc80.PLACEHOLDER)


@toolbox.command(build_parser)
def main(args, losses):
    files, identifier = arguments(args.names)
    settings = reportsettings.chosen(pp_setup.confreport, args)
    astcat = mpccodes.code_given(args.astcat) if args.astcat else None
    records = collect(files, identifier, settings, astcat, args.format, losses)
    if args.format == "80":
        text = mpc80.to_text(records, settings)
    else:
        blocks = astrometryreport.blocks_of(records, settings)
        check_header(blocks, args.draft)
        text = (ades.to_psv if args.format == "psv" else ades.to_xml)(blocks)
    path = Path(args.output or f"{STEM}.{ENDINGS[args.format]}")
    if path.exists():
        log.info("%s is replaced", path)
    write_text(path, text)
    advise(records, args.format, text)
    names = list(dict.fromkeys(record.designation.packed.strip() for record in records))
    told = ", ".join(names) if len(names) < 5 else f"{len(names)} bodies"
    toolbox.say(f"{path}: {len(records)} observations of {told}")


if __name__ == "__main__":
    sys.exit(main())
