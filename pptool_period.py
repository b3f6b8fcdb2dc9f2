#!/usr/bin/env python3
"""Find the rotation period of a body from its nights: composite light curve, all possible periods, phase curve.

reads   light curves of one body, of any nights, bands and sites: photometry_TARGET.dat with photometry.db, tables of
        pptool_lightcurve and pptool_night, folders that hold them, ALCDEF files; the body's ephemeris from the local
        store, or JPL Horizons; period_TARGET.toml, what you decided about sessions
writes  period_TARGET.html with all plots; .json with all numbers; .ecsv, a row per point; .txt, a paragraph for a
        paper; .alcdef.txt, the sessions of this suite for alcdef.org; .toml, what you decided about sessions

Examples:
  pptool_period night1 night2 night3
  pptool_period */photometry_3552.dat others/ALCDEF_3552_Don_Quixote.txt
  pptool_period -leave 2 -shift "2026-11-22 VATT4K R" 0.03 night*
  pptool_period -range 3 12 -harmonics 4 night*
"""

from photometrypipeline.base import commandline

# isort: split
import argparse
import sys

from photometrypipeline.base.errors import UsageError
from photometrypipeline.reports import reportsettings
from photometrypipeline.runs import stepoptions


def mag(text):
    """Return a shift in mag (float)."""
    value = float(text)
    if not abs(value) < 20:
        raise argparse.ArgumentTypeError(f"{text} is not a shift in mag")
    return value


def build_parser():
    parser = commandline.parser_of(__doc__, stepoptions.Offline, stepoptions.Ephemeris, images=False)
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", help="light curves of one body, or folders that hold them")
    add("-target", metavar="NAME", help="name of the body (default: as the light curves call it)")
    add("-output", metavar="STEM", help="name of the files without ending (default: period_TARGET)")
    add("-range", nargs=2, type=float, metavar=("SHORTEST", "LONGEST"), help="periods to look for, in hours")
    add("-take", type=float, metavar="HOURS", help="take this one of the possible periods")
    text = "harmonics of the series (default: as many as predict best, 2 to 10)"
    add("-harmonics", type=int, choices=range(1, 11), metavar="N", help=text)
    text = "leave out a session, named by its number in the list or a part of its name; can be repeated"
    add("-leave", action="append", default=[], metavar="SESSION", help=text)
    add("-use", action="append", default=[], metavar="SESSION", help="take a session in again")
    text = "add so many magnitudes to a session; can be repeated"
    add("-shift", action="append", default=[], nargs=2, metavar=("SESSION", "MAG"), help=text)
    reportsettings.add_options(parser, ("submitter", "email", "observers", "institution"))
    add("-draft", action="store_true", help="write ALCDEF without the names of people")
    parser.glances += (shortest_first,)
    return parser


def shortest_first(args):
    """Raise UsageError for a range of periods that is none."""
    if args.range and not 0 < args.range[0] < args.range[1]:
        shown = " ".join(f"{value:g}" for value in args.range)
        raise UsageError(f"-range {shown}: give the shortest period before the longest, in hours above 0")


commandline.answer_at_once(build_parser)

import functools
import logging
from pathlib import Path

import toolbox

import pp_setup
import pptool_lightcurve
from photometrypipeline.base.errors import PipelineError
from photometrypipeline.base.files import safe_name, write_text
from photometrypipeline.base.services import Client
from photometrypipeline.ephemerides import ephemeris
from photometrypipeline.instruments import telescopes
from photometrypipeline.periods import (
    alcdeffile,
    bodies,
    choices,
    page,
    phasecurve,
    plots,
    reading,
    result,
    sessions,
    solution,
    words,
)
from photometrypipeline.reports import alcdef

log = logging.getLogger("pp.period")


def gather(args, losses, client, choice):
    """Return (sessions, parts): all Sessions of the files, and [(Series, Geometry or None)] of those of this suite."""
    found, parts = [], []
    for path in paths_of(args.files, args.target):
        kind = reading.kind_of(path)
        if kind == "dat":
            (series,) = pptool_lightcurve.read_all([path], None, losses)
            if args.target and (series.kind == "positions" or series.target == pptool_lightcurve.results.UNNAMED):
                series.target, series.full_name, series.kind = args.target, "", ""
            geometry = pptool_lightcurve.geometry(series, losses, client, choice)
            own, left = reading.from_series(series, geometry)
            for reason, count in left.items():
                log.info("%s: %d rows left out: %s", path, count, reason)
            if not own:
                losses.add(path, "has no row that is accepted and calibrated")
            parts.append((series, geometry))
        else:
            own = alcdeffile.read(path) if kind == "alcdef" else reading.from_table(path)
            own = bodies.chosen(own, args.target)
            bodies.add_distances(own, functools.partial(_places, client, choice, Path(path).parent), losses)
        found += own
    if not found:
        raise PipelineError("no measurement is accepted and calibrated; run pp_calibrate and pp_distill")
    found = sessions.named_apart(found)
    for copy, original in sessions.copies(found):
        losses.add(copy.source, f"{copy.key} is in {original.source} as well and counts once")
        found.remove(copy)
    return found, parts


def paths_of(names, target):
    """Return the paths (list) of the light curves that the arguments mean; folders stand for those in them."""
    found = []
    for name in toolbox.existing(names):
        found += reading.light_curves_in(name, target) if Path(name).is_dir() else [Path(name)]
    return list(dict.fromkeys(found))


def _places(client, choice, folder, name, site, jds):
    return ephemeris.positions(name, site, jds, client, data_folder=folder, choice=choice)


def decide(args, every, path):
    """Return the Choices of the file and the command line, put to the Sessions."""
    made = choices.read(path)
    try:
        shifts = [(text, mag(value)) for text, value in args.shift]
    except (ValueError, argparse.ArgumentTypeError):
        raise UsageError(f"-shift {' '.join(args.shift[0])}: give a session and a number of magnitudes") from None
    choices.change(made, every, args.leave, args.use, shifts)
    given = {"period_h": args.range, "harmonics": args.harmonics, "take_h": args.take}
    made.search |= {name: value for name, value in given.items() if value is not None}
    for key in choices.apply(made, every):
        toolbox.say(f"{path} names a session that is not there: {key}")
    if not any(each.used for each in every):
        raise UsageError(f"all sessions are left out; see {path}")
    return made


def list_sessions(every):
    """Tell which sessions there are."""
    for number, each in enumerate(every, start=1):
        shift = f", shifted by {each.shift_mag:+.3f} mag" if each.shift_mag else ""
        count = f"{len(each)} points" if each.used else "left out"
        toolbox.say(f"{number:3d} {each.key:32} {count}, {each.source}{shift}")


def write_alcdef(path, parts, every, args, losses):
    """Write the sessions of this suite that count as ALCDEF; returns whether there was anything to write."""
    settings = reportsettings.chosen(pp_setup.confreport, args)
    lacking = [name for name in ("submitter", "email", "observers") if not getattr(settings, name)]
    kept = {id(each) for session in every if session.used for each in session.observed}
    for series, geometry in parts:
        if geometry is not None:
            inside = [id(each) in kept for each in series.observations]
            geometry.columns = {name: values[inside] for name, values in geometry.columns.items()}
        series.observations = [each for each in series.observations if id(each) in kept]
    parts = [(series, geometry) for series, geometry in parts if series.observations]
    if not parts:
        return False
    if lacking and not args.draft:
        toolbox.say(f"no ALCDEF file: it requires {' and '.join(lacking)}; {reportsettings.remedy(lacking)}, or -draft")
        return False
    keys = {each.row.telescope for series, _ in parts for each in series.observations}
    text = alcdef.text_of(parts, settings, {key: telescopes.get(key) for key in keys})
    if text:
        write_text(path, text)
    return bool(text)


@toolbox.command(build_parser, here=True)
def main(args, losses):
    client, choice = Client(offline=args.offline), toolbox.ephemeris_choice(args)
    every, parts = gather(args, losses, client, choice)
    name = bodies.only(every, args.target)
    stem = args.output or f"period_{safe_name(args.target or every[0].target)}"
    made = decide(args, every, f"{stem}.toml")
    list_sessions(every)
    known = bodies.known(name, every)
    joined = sessions.join(every, known["G"] if known["G"] is not None else phasecurve.DEFAULT_G)
    search = made.search
    found = solution.solve(joined.points, name, search.get("period_h"), search.get("harmonics"), search.get("take_h"))
    if args.leave or args.use or args.shift or args.range or args.harmonics or args.take:
        choices.write(f"{stem}.toml", made)  # those that can be carried out
    curves = phasecurve.fit(joined, found) if found.period_h or found.series is None else []
    text = words.paragraph(name, joined, found, curves)
    data = result.record(name, joined, found, curves, known, text)
    data["left_out"] = [each.key for each in every if not each.used]
    result.write_json(f"{stem}.json", data)
    result.write_table(f"{stem}.ecsv", result.table(name, joined, found))
    write_text(f"{stem}.txt", text + "\n")
    files = [f"{stem}.json", f"{stem}.ecsv", f"{stem}.txt"]
    if write_alcdef(f"{stem}.alcdef.txt", parts, every, args, losses):
        files.append(f"{stem}.alcdef.txt")
    drawn = plots.of_solution(name, joined, found, curves, known)
    page.write(f"{stem}.html", name, data, drawn, [Path(each).name for each in files])
    toolbox.say(text)
    toolbox.say(f"{stem}.html: all plots; {', '.join(files)}")
    return toolbox.OK if found.period_h else toolbox.PARTIAL


if __name__ == "__main__":
    sys.exit(main())
