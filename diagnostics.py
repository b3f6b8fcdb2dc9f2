#!/usr/bin/env python3
"""Make the website of a data set again from what its steps have recorded.

reads   .diagnostics/STEP.json, left by each step; the frames, for their pictures
writes  diagnostics.html, and in .diagnostics/ the pages of the frames, plots and pictures

The steps themselves call this module; by hand it is needed only after a change of settings.
"""

from photometrypipeline import interpreter  # noqa: F401  first of all: finds the Python that has the packages

# isort: split
import argparse
import contextlib
import logging
import sys
from functools import partial
from pathlib import Path

import pp_setup
from photometrypipeline.base import errors, interruption, streams, workers
from photometrypipeline.base.attempts import attempt, expected
from photometrypipeline.base.logfile import logging_to
from photometrypipeline.frames import records
from photometrypipeline.frames.rows import RECORDED_KINDS
from photometrypipeline.runs import provenance
from photometrypipeline.runs.imagenames import make_ready
from photometrypipeline.targets import account
from photometrypipeline.website import (
    ahead,
    downloads,
    findingchart,
    pagedata,
    pages,
    pictures,
    plotfiles,
    plots,
    referencestars,
    starnames,
    verdicts,
    views,
)

log = logging.getLogger("pp.diagnostics")

SWITCHED_OFF = "diagnostics is off in pp_setup.py"

FRAMES_EACH = 20  # pages that a process of its own is worth


def record(step, data, folder="."):
    """Keep what `step` found (of the class in recordtypes.RECORDS) in the data set `folder`, and return it.

    Records of later steps are stale then and are removed, and so are notes that this step or a later one failed.
    Nothing is kept where pp_setup.diagnostics is off.  Raises OSError if the folder cannot be written to.
    """
    return records.write(step, data, folder) if pp_setup.diagnostics else records.typed(step, data)


def record_failure(step, message, folder="."):
    """Keep a red note for the website of the data set `folder`: `step` ended with `message`, one line that says why."""
    if pp_setup.diagnostics:
        records.write_failure(step, message, folder)


def read_records(folder="."):
    """Return {step: record} of the steps that have left one in `folder`; see recordtypes."""
    return records.read(folder)


def render(folder=".", settings=None, jobs=1):
    """Write all pages of the data set `folder` again and return the path of the main page.

    settings : DiagnosticsSettings; default: pp_setup.confdiagnostics
    jobs : processes that draw
    Returns None, and does nothing, if no step has left a record or pp_setup.diagnostics is off.  Pictures are kept
    where what they show is the same.  Raises UsageError for impossible settings, OSError if nothing can be written.
    """
    return rendered(folder, settings, jobs)[0]


def rendered(folder=".", settings=None, jobs=1, assistant=None, drawn=()):
    """Do what `render` does, and return (path, verdicts.Verdict on the whole run), or (None, None).

    assistant : what draughtsman() has begun before; default one of its own
    drawn : what `draw_ahead` has returned
    """
    settings = (settings or pp_setup.confdiagnostics).check()
    found, failures = records.read(folder), records.read_failures(folder)
    if not (pp_setup.diagnostics and (found or failures)):
        return None, None
    if assistant is None:
        with draughtsman(jobs) as own:
            return rendered(folder, settings, jobs, own, drawn)
    folders = [folder]
    if "prepare" in found:
        found["prepare"].directory = found["prepare"].directory or str(Path(folder).resolve())
        folders.append(found["prepare"].directory)  # where the frames were, if only the records were copied
    site = Path(folder) / settings.diagnostics_path
    view = views.overview(found, failures, records.light_curves(found.get("distill"), folder))
    shelf = ahead.shelf_for(view, settings, site)
    for wait in drawn:
        shelf.take(wait())
    names = starnames.of(view)
    stars = referencestars.of(view, names)
    shown = plots.of_run(view, stars)
    plot_files = pictures.PlotFiles(shown, shelf, settings, assistant)
    rest = max(1, jobs - 1)
    pictures.draw_frames(view, shelf, settings, folders, rest)
    chart = findingchart.of(view, folders, names)
    stars.find_places(view, folders, names)
    write = partial(_write_pages, view, (shown, chart, stars, names), plot_files, settings, site, Path(folder), rest)
    written, verdict = write()
    if not plot_files.finish():
        written, verdict = write()  # without those that could not be drawn
    shelf.finish(written)
    return site / settings.main_html, verdict


def draughtsman(jobs):
    """Return the workers.Assistant that draws plots, begun now: with `jobs` > 1 it loads matplotlib meanwhile."""
    return workers.Assistant(jobs, plotfiles.load)


def draw_ahead(step, folder, assistant):
    """Begin with pictures that are settled once `step` is done; return the list of what waits for them when called."""
    wanted = pp_setup.diagnostics and step in ahead.STEPS
    return [assistant.ask(ahead.draw, step, folder, pp_setup.confdiagnostics)] if wanted else []


def judge(folder="."):
    """Return the Verdicts (list of verdicts.Verdict) on the data set `folder`; none if no step has left a record."""
    found, failures = records.read(folder), records.read_failures(folder)
    if not (found or failures):
        return []
    view = views.overview(found, failures, records.light_curves(found.get("distill"), folder))
    return verdicts.judge(view, pp_setup.confverdict)


def show_failure(step, message, folder="."):
    """Keep a red note and show it on the website at once."""
    record_failure(step, message, folder)
    render(folder)


def _write_pages(view, contents, plot_files, settings, site, folder, jobs):
    """Write main page, frame pages and what they share; return (names of those in .diagnostics/, Verdict on the run).

    contents : plots.Plot, the chart as findingchart.of gives it, referencestars.ReferenceStars, starnames.StarNames
    plot_files : pictures.PlotFiles of those plots that are files as well
    """
    shown, chart, stars, names = contents
    place = site / records.FOLDER
    made = pages.environment()
    written = pages.write_static(place)
    shared = {
        "view": view,
        "settings": settings,
        "files": downloads.paths(view, site, folder),
        "plot_files": plot_files.pictures,
        "star_names": names,
    }
    data = pagedata.of_run(view, shown, folder, chart, stars)
    by_hand = pagedata.by_hand(view) if data["command"] else None
    ledger = account.Ledger(view.records, provenance.made_by(folder))
    shared["account"] = lambda row: ledger.steps(row.data) if row.data.kind in RECORDED_KINDS else []
    template = made.get_template("frame.html")

    def write(frame):
        own = plots.of_frame(view, frame, names) if settings.show_phot_calibration_plots else []
        told = {"plots": own, "data": pagedata.of_frame(frame, own, by_hand, names)}
        pages.write_page(place / frame.page, template.render(frame=frame, root="../", here="", **told, **shared))

    with_page = [frame for frame in view.frames if frame.page]
    workers.side_by_side(write, with_page, jobs, FRAMES_EACH, label="pages", unit="page")
    judged = verdicts.judge(view, pp_setup.confverdict, data["plots"])
    shared |= {"root": "", "here": f"{records.FOLDER}/", "verdicts": judged, "plots": shown}
    shared |= {"overall": verdicts.overall(judged), "stars": stars}
    shared["downloads"] = downloads.of_lead(view, shared["files"], folder)
    shared["offers"] = downloads.offers(view, shared["files"], folder, pp_setup.confreport)
    html = made.get_template("main.html").render(data=data, **shared)
    pages.write_page(site / settings.main_html, html)
    return written | {frame.page for frame in view.frames if frame.page}, shared["overall"]


def build_parser():
    """Return the parser of the command line."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="diagnostics.py", description=__doc__, formatter_class=form)
    parser.add_argument("folder", nargs="?", default=".", help="data set (default: the current directory)")
    help_of_jobs = "pictures drawn in parallel (default: all cores, %(default)s)"
    parser.add_argument("-jobs", type=int, default=workers.cores(), help=help_of_jobs)
    return parser


def main(arguments=None):
    """Render the data set that the command line names; return an exit status."""
    if arguments is None:
        interruption.while_at_work()
        streams.guard()
    args = build_parser().parse_args(arguments)
    try:
        print(_page_of(args))
        return streams.ended(errors.OK)
    except KeyboardInterrupt:
        print(f"ERROR: {interruption.STOPPED}", file=sys.stderr)
        return interruption.status()
    except Exception as error:  # noqa: BLE001  one line for the user, the traceback in the LOG
        error = expected(error)
        print(f"ERROR: {streams.plain(str(error))}", file=sys.stderr)
        return error.status


def _page_of(args):
    """Return the name of the page of the data set that the command line names.  Raises PipelineError without any."""
    if pp_setup.problem:
        raise pp_setup.problem
    if not Path(args.folder).is_dir():
        raise errors.UsageError(f"{args.folder} does not exist; check its name")
    with contextlib.ExitStack() as stack:
        if Path(args.folder, records.FOLDER).is_dir():
            stack.enter_context(logging_to(args.folder)).wait_for_others()
            make_ready([], Path(args.folder))
        page = attempt(lambda folder: render(folder, jobs=args.jobs), args.folder)  # while there is a LOG
    if isinstance(page, errors.PipelineError):
        raise page
    if page is None:
        reason = "no step has left a record here; run pp_prepare first"
        raise errors.PipelineError(f"{args.folder}: {reason if pp_setup.diagnostics else SWITCHED_OFF}")
    return page


if __name__ == "__main__":
    sys.exit(main())
