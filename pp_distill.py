#!/usr/bin/env python3
"""Find the target in all frames and write its light curve.

reads   IMAGE.ldac.db from pp_calibrate, the image headers; the target's ephemeris from the local store, or JPL Horizons
writes  photometry_TARGET.dat for each target, and photometry_Control_Star.dat; lightcurve_TARGET.csv, the same with a
        named column for all that is known; photometry.db, all of it as a database; movers.csv, what moves (-movers);
        IMAGE.reg, targets and reference stars as regions for DS9; ades_TARGET.psv and lightcurve_TARGET.alcdef.txt,
        reports on the body that the frames were taken for, where confreport in pp_setup.py has all that they need

Examples:
  pp_distill mscience*.fits
  pp_distill -target 2015_AB123 -offset 1.5 -0.3 mscience*.fits
  pp_distill -positions positions.dat mscience*.fits
  pp_distill -exclude rejected.lst mscience*.fits
"""

from photometrypipeline.base import commandline
from photometrypipeline.runs.stepoptions import DistillOptions as Options


def build_parser():
    """Return the parser of the command line."""
    return commandline.parser_of(__doc__, Options)


commandline.answer_at_once(build_parser)

# isort: split
import functools
import logging
import os
import sys
from dataclasses import dataclass, replace

import toolbox

import numpy as np

import diagnostics
import pp_setup
from photometrypipeline.base.errors import NotReachable, PipelineError
from photometrypipeline.base.files import safe_name
from photometrypipeline.census import bodies
from photometrypipeline.frames import exclusions, framedb, means, observationsdb, old, records, recordtypes, results
from photometrypipeline.frames.contents import Contents
from photometrypipeline.frames.lightcurves import NAMED
from photometrypipeline.frames.rows import MOVER, MOVERS, OUTSIDE, LightCurve
from photometrypipeline.instruments.dataset import DataSet
from photometrypipeline.photometry import badpixels
from photometrypipeline.reports import lightcurve, regions
from photometrypipeline.targets import (
    account,
    clock,
    corrected,
    ensemble,
    measuring,
    nondetections,
    observed,
    targetmatch,
    targets,
    targetsearch,
)

log = logging.getLogger("pp.distill")

INSTRUMENTAL = "no calibrated magnitude"


@dataclass
class Distillation:
    """Outcome: {target name: Rows with a source}, the names that were found, what could not be asked (NotReachable),
    files, and {target name: means.Mean}."""

    rows: dict
    found: list
    failure: NotReachable | None
    files: list
    means: dict

    def report(self):
        """Return lines (list of str) with mean magnitude and scatter of each target that was found."""
        lines = []
        for name in self.found:
            accepted = [row for row in self.rows[name] if row.accepted]
            unit = "instrumental" if accepted[0].band == "-" else accepted[0].band
            mean = self.means[name]
            faint = f" ({mean.told()})" if mean.told() else ""
            if mean.scatter is None:
                lines.append(f"{name}: {mean.mag:.3f} mag ({unit}), 1 frame{faint}")
                continue
            spread = f"on average, standard deviation {mean.scatter:.3f}, {len(accepted)} frames"
            lines.append(f"{name}: {mean.mag:.3f} mag ({unit}) {spread}{faint}")
        return lines


@dataclass
class Derived:
    """What the databases and pixels of a data set say of all targets, before anything is written.

    measured : list of targets.Measured;  everything : list of Target, the control star last;  failure : NotReachable
    rows : {target name: Rows with a source};  unseen : {target name: {frame name: Row without}}
    curves : LightCurves of all, as they are written;  remarks : {target name: list of str} on rows
    outcome : measuring.Outcome or None;  excluded : the observations that were taken out by hand
    moving : what moves on the frames, where that was asked for, or None
    """

    measured: list
    everything: list
    failure: NotReachable | None
    rows: dict
    unseen: dict
    curves: list
    remarks: dict
    outcome: object
    excluded: exclusions.Exclusions
    moving: object = None


@toolbox.stamped("distill", lambda done: ([], done.files, {"report": done.report()}))
def distill(frames, losses, options=Options()):  # noqa: B008  it is frozen
    """Find all targets that are asked for in `frames`; returns a Distillation.

    Raises PipelineError if no frame has a database, UsageError for a list of exclusions that cannot be read.
    """
    data = DataSet.of(frames)
    derived = derive(data, losses, options)
    before = {curve.file: old.rows_in(data.folder / curve.file) for curve in derived.curves}
    observationsdb.others(data.folder / observationsdb.FILE_NAME, derived.curves)  # one that is locked ends it here
    found = write(data, derived, losses)
    measured, curves, rows = derived.measured, derived.curves, derived.rows
    instrumental_wanted = all(each.header["filtername"] is None for each in measured)
    if not instrumental_wanted and not any(row.calibrated for own in rows.values() for row in own):
        losses.add("light curves", "all magnitudes are instrumental")
    if not found and derived.failure is None:
        losses.add("target", not_found(derived))
    for line in derived.excluded.unused():
        log.warning("%s: %r is not an observation of this run", options.exclude, line)
    set_aside(data, measured, curves, before)
    observationsdb.update(data.folder / observationsdb.FILE_NAME, curves)
    tidy = lightcurve.write_csv(curves, data.folder, data.client(offline=True), options.places)
    drawn = write_regions(data, measured, curves)
    reports = write_reports(data, curves, options)
    in_field = bodies.lines(derived.everything, curves)
    scale_arcsec = max(each.frame.number("SECPIXX") for each in measured)
    about_clock = clock.told({curve.name: curve.every for curve in curves if curve.kind in clock.KINDS}, scale_arcsec)
    for line in filter(None, (*bodies.told(in_field), about_clock)):
        toolbox.say(line)
    summary = recordtypes.Distill(
        targets=[curve.name for curve in curves],
        images=[each.frame.name for each in measured],
        arguments=options.arguments("exclude", "jobs"),
        clock=about_clock,
        injections=derived.outcome.injections if derived.outcome else [],
        lights=account.lights(derived.outcome, measured) if derived.outcome else [],
        bodies=in_field,
    )
    diagnostics.record("distill", summary, data.folder)
    files = [*(curve.file for curve in curves), *tidy, observationsdb.FILE_NAME, *drawn, *reports]
    files += [MOVERS] if derived.moving is not None else []
    return Distillation(rows, found, derived.failure, files, {each.name: means.of_rows(each.every) for each in curves})


def derive(data, losses, options):
    """Return the Derived of a DataSet, with the options of the step; writes nothing.

    Raises PipelineError if no frame has a database, UsageError for a list of exclusions that cannot be read.
    """
    excluded = exclusions.read(options.exclude) if options.exclude else exclusions.Exclusions()
    measured = read_databases(data, losses)
    search = targetsearch.search(measured, options, data.client(options.offline), data.folder)
    wanted, failure = search.targets, search.failure
    if failure and not wanted and not options.movers and (data.folder / observationsdb.FILE_NAME).exists():
        raise failure  # what an earlier run has found stays as it is
    for remark in search.remarks:
        toolbox.say(remark)
    for loss in search.losses:
        losses.add(*loss)
    matcher = targetmatch.Matcher(measured, data.folder, match_settings())
    moving = what_moves(matcher, wanted, options, data) if options.movers else None
    if moving is not None:
        from photometrypipeline.census import movers  # slow to load, and seldom wanted

        wanted = [*wanted, *(movers.target_of(mover, measured) for mover in moving.unknown)]
    rows = {target.name: rows_of(target, matcher, options, excluded) for target in wanted}
    control = targets.control_star(measured, wanted)
    if control is None:
        log.warning("no star is in both the first and the last frame: no control star")
    everything = [*wanted, *([control] if control else [])]
    rows |= {target.name: rows_of(target, matcher, options, excluded) for target in everything[len(wanted) :]}
    outcome = measure_places(everything, matcher, rows, options, data.folder)
    for target in everything if "prob" in options.reject else []:
        bodies.doubt(target, rows[target.name], measured)
    unseen = look_again(everything, matcher, rows, options, outcome)
    curves, remarks = [], {}
    for target in everything:
        own, remarks[target.name] = mark_instrumental(rows[target.name], unseen[target.name].values())
        curve = light_curve(target, in_turn(measured, own, unseen[target.name]))
        ensemble.observe(curve.every, measured)
        curves.append(curve)
    return Derived(measured, everything, failure, rows, unseen, curves, remarks, outcome, excluded, moving)


def not_found(derived):
    """Return in words that no target was found, with the limit where there is one, and what to do."""
    for target, curve in zip(derived.everything, derived.curves, strict=True):
        limits = [row.mag_limit for row in curve.unseen if np.isfinite(row.mag_limit)]
        if limits and target.kind != "control":
            moving = " -comoving" if target.has_ephemeris else ""
            deeper = f"; a stack of them goes deeper: pp_stackedphotometry{moving}" if len(limits) > 1 else ""
            words = f"{target.name} was detected on none of {len(limits)} frames where it was expected"
            return f"{words}, it is fainter than {np.median(limits):.2f} mag (3 sigma){deeper}"
    advice = "name a body with -target, give a star to pp_distill -fixedtargets, or mark it with pp_manident"
    return f"no target was found in any frame; {advice}"


def write(data, derived, losses):
    """Write the table of each target and name the frames without it; returns the names of those found (list)."""
    if derived.moving is not None:
        from photometrypipeline.census import movers

        movers.write(derived.moving, data.folder)
    found, about_color = [], color_remarks(derived.measured)
    for target, curve in zip(derived.everything, derived.curves, strict=True):
        own, unseen = derived.rows[target.name], derived.unseen[target.name]
        remarks = [f"{NAMED}{curve.full_name}"] if curve.full_name != target.name else []
        remarks += [f"positions predicted by: {target.source}", *about_color, *derived.remarks[target.name]]
        remarks += [nondetections.LEGEND] if unseen else []
        results.write(data.folder / curve.file, one_per_frame(curve.every), remarks)
        accepted = sum(row.accepted for row in own)
        toolbox.say(f"{curve.file}: {target.name} in {accepted} of {len(derived.measured)} frames")
        if target.kind != "control":
            note_losses(target, own, unseen, derived.measured, losses)
            found += [target.name] if accepted else []
    return found


def read_databases(frames, losses):
    """Return the Measured frames in the order given; those without a database go to `losses`."""
    found = toolbox.each(targets.Measured.read, frames, losses)
    measured = [each for _, each in found]
    if not measured:
        raise PipelineError("none of the frames has a database; run pp_calibrate first")
    return measured


def set_aside(data, measured, curves, before):
    """Move results of other targets on magnitudes that are gone, and reports of curves that have changed, to old/.

    before : {table: its rows before this run}
    """
    digest_of = Contents(os.devnull).of_file
    rests = {os.path.basename(each.frame.database): digest_of(each.frame.database) for each in measured}
    others = observationsdb.others(data.folder / observationsdb.FILE_NAME, curves)
    gone = old.outdated(data.folder, others, {curve.file: rests for curve in curves}, digest_of)
    moved = old.set_aside(data.folder, [name for target in gone for name in old.results_of(*target)])
    made = old.set_reports_aside(data.folder, curves, before)
    about = [(moved, "which rest on an earlier calibration"), (made, "made of an earlier light curve")]
    for line in (line for each in about for line in old.told(*each)):
        toolbox.say(line)


def write_reports(data, curves, options):
    """Write the reports that confreport has all names for; return the names of their files (list of str)."""
    settings = pp_setup.confreport
    if not settings.submitter:  # which all of them need
        return []
    from photometrypipeline.reports import standing

    files, told = standing.write(curves, data.folder, data.client(offline=True), options.places, settings)
    for line in told:
        toolbox.say(line)
    return files


def what_moves(matcher, wanted, options, data):
    """Return what moves on the frames, bodies that are known and those that nobody knows."""
    from photometrypipeline.census import movers

    measured = matcher.measured
    client = data.client(options.offline)
    known, remark = targetsearch.known_bodies(measured, options, client, data.folder)
    known += [(target.name, target) for target in wanted if target.moves]
    if options.asteroids:  # the target of the frames is not among those that are wanted then
        known += [(target.name, target) for target in own_target(measured, options, client, data.folder)]
    catalog = matcher.stars.catalog
    found = movers.find(measured, (catalog.ra, catalog.dec), known, targetsearch.site_of(measured), data.folder)
    for line in [*([remark] if remark else []), *movers.told(found)]:
        toolbox.say(line)
    return found


def own_target(measured, options, client, folder):
    """Return the Target that the frames were taken for, as a list; empty where nobody can say where it was."""
    try:
        return targetsearch.primary(measured, options, client, targetsearch.Found(folder=folder))
    except PipelineError as error:
        log.info("the target of the frames: %s", error)
        return []


def write_regions(data, measured, curves):
    """Write the region file of each frame, with the reference stars that pp_calibrate has recorded; return the names.

    Frames of the DataSet that were not measured keep none of an earlier run.
    """
    calibration = records.read(data.folder, ("calibrate",)).get("calibrate")
    stars = {each.name: each.stars for each in calibration.frames} if calibration else {}
    drawn = {}
    for frame in (each.frame for each in measured):
        drawn[frame.name] = regions.name_of(frame.stem)
        radius = targetmatch.aperture_arcsec(frame)
        regions.write(data.folder / drawn[frame.name], stars.get(frame.name, []), curves, frame.name, radius)
    for frame in data:
        if frame.name not in drawn:
            (data.folder / regions.name_of(frame.stem)).unlink(missing_ok=True)
    return list(drawn.values())


def color_remarks(measured):
    """Return the line (list of one str) that says for what colour the magnitudes hold, none without a colour term."""
    calibrated = [each for each in measured if each.zeropoint and each.zeropoint["zp"] is not None]
    term = framedb.read_colorterm(calibrated[0].frame.database) if calibrated else None
    if term is None:
        return []
    value, place = "{coefficient:+.4f}+-{err:.4f}".format(**term), "{color} = {target_color:.3f}".format(**term)
    return [f"colour term {value} * ({term['color']}): magnitudes hold for a source of {place}"]


# ---- which source


def match_settings():
    """Return the MatchSettings of pp_setup."""
    return targetmatch.MatchSettings(pp_setup.position_sigma_arcsec, pp_setup.clock_error_s, pp_setup.max_contamination)


def rows_of(target, matcher, options, excluded):
    """Return the Rows (list) of one target, one per frame in which it is expected and any source was found."""
    rows = []
    for number, each in enumerate(matcher.measured):
        place = target.places.get(each.frame.name)
        if place is None:
            continue
        match = matcher.match(target, number, by_probability="prob" in options.reject)
        if match.index < 0:
            log.warning("%s: no source at all, %s cannot be there", each.frame.name, target.name)
            continue
        row = observed.frame_facts(each, target, toolbox.list_photmode(), options.offset)
        observed.add_source(row, each, match)
        if not observed.complete(row):
            log.warning("%s: the source of %s lacks a value, row left out", each.frame.name, target.name)
            continue
        taken_out = excluded.covers(each.frame.name, target.name)
        schemas_say = rejection(match, each, place, options.reject)
        row.reason = exclusions.REASON if taken_out else schemas_say
        if row.reason:
            log.info("%s: %s rejected: %s", each.frame.name, target.name, row.reason)
        rows.append(row)
    return rows


def measure_places(everything, matcher, rows, options, folder):
    """Measure all targets at their places, with trails, neighbours and bad pixels; `rows` change in place.

    Returns the measuring.Outcome, None where magnitudes of another kind than by aperture are asked for.
    """
    method = options.photmode or pp_setup.photmode
    if method not in (corrected.APERTURE, corrected.PSF):
        log.info("magnitudes of Source Extractor (%s) are kept as they are", method)
        return None
    bad = badpixels.read(folder, matcher.measured[0].frame.size_px[::-1])
    work = measuring.Measuring(matcher, corrected.APERTURE, bad, options.jobs, options.injections)
    outcome = work.run(everything, rows)
    asked = corrected.Asked(method, options.offset, "prob" in options.reject, (exclusions.REASON,))
    corrected.apply(outcome, matcher.measured, rows, asked)
    return outcome


def look_again(everything, matcher, rows, options, outcome):
    """Return {target name: {frame name: Row}} of forced photometry where targets are on the image and not detected."""
    lacking = {number: [] for number in range(len(matcher.measured))}
    for target in everything if "none" not in options.reject else []:
        known = {row.frame: row.reason for row in rows[target.name]}
        for number, each in enumerate(matcher.measured):
            name = each.frame.name
            if name not in target.places or known.get(name, "nothing") in ("", exclusions.REASON, OUTSIDE):
                continue
            if target.kind != "control" and targets.inside(each, target.places[name]):
                lacking[number].append(target)
    numbers = [number for number, some in lacking.items() if some]
    found = (
        toolbox.parallel(
            lambda number: nondetections.measure(
                matcher, number, lacking[number], toolbox.list_photmode(), options.offset, outcome
            ),
            numbers,
            options.jobs,
            "not detected",
        )
        if numbers
        else []
    )
    unseen = {target.name: {} for target in everything}
    for number, forced in zip(numbers, found, strict=True):
        if isinstance(forced, PipelineError):
            log.warning("%s: %s", matcher.measured[number].frame.name, forced)
            continue
        for name, row in forced.items():
            unseen[name][row.frame] = row
    return unseen


def in_turn(measured, rows, unseen):
    """Return all Rows of a target in the order of the frames, forced ones behind those of the same frame."""
    own = {row.frame: row for row in rows}
    pairs = [(own.get(each.frame.name), unseen.get(each.frame.name)) for each in measured]
    return [row for pair in pairs for row in pair if row]


def one_per_frame(rows):
    """Return the rows of a table, one of each frame: a limit stands for a rejected source, and has both reasons."""
    lines = {}
    for row in rows:
        before = lines.get(row.frame)
        lines[row.frame] = replace(row, reason=f"{row.reason}; {before.reason}") if before else row
    return list(lines.values())


def rejection(match, measured, place, schemas):
    """Return why a row does not count (str), empty if it does."""
    if not targets.inside(measured, place):
        return OUTSIDE
    if "none" in schemas:
        return ""
    distance = f'nearest source {match.distance_arcsec:.1f}" from the prediction'
    if "pos" in schemas and match.distance_arcsec > pp_setup.max_distance_arcsec:
        return f"{distance} (pos)"
    if "apr" in schemas and match.distance_arcsec > targetmatch.aperture_arcsec(measured.frame):
        return f"{distance}, outside the aperture (apr)"
    return f"{match.doubt} (prob)" if "prob" in schemas and match.doubt else ""


def mark_instrumental(rows, unseen):
    """Return (rows, remarks): among calibrated rows the others are rejected; a series without any stays whole.

    Instrumental limits (`unseen`, Rows) say nothing among calibrated magnitudes: they keep to the table.
    """
    if any(row.calibrated for row in [*rows, *unseen]):
        for row in unseen:
            if not row.calibrated:
                row.mag_limit = row.forced_mag = np.nan
    if not rows:
        return rows, []
    if not any(row.calibrated for row in rows):
        return rows, ["all magnitudes are instrumental"]
    for row in rows:
        if not row.calibrated and row.accepted:
            row.reason = INSTRUMENTAL
    return rows, []


def file_of(target):
    """Return the name of the file of a target."""
    long_name = pp_setup.confdistill.full_target_names and target.full_name
    return f"photometry_{safe_name(target.full_name if long_name else target.name)}.dat"


def note_losses(target, rows, unseen, measured, losses):
    """Name the frames in which a target is missing."""
    accepted = {row.frame for row in rows if row.accepted or row.reason == exclusions.REASON}  # asked for: no loss
    reasons = {row.frame: row.reason for row in rows}
    limits = {name: row.mag_limit for name, row in unseen.items()}
    limits = {name: f"; fainter than {limit:.2f} mag" for name, limit in limits.items() if np.isfinite(limit)}
    if target.kind in ("asteroid", "variable", MOVER):
        return  # nobody asked for any of them in particular
    for each in measured:
        if each.frame.name not in accepted:
            reason = reasons.get(each.frame.name) or "no predicted place, or no source"
            losses.add(each.frame.name, f"{target.name}: {reason}{limits.get(each.frame.name, '')}")


def light_curve(target, rows):
    """Return the LightCurve of a target with its Rows in turn."""
    full_name = target.full_name or target.name
    return LightCurve(target.name, file_of(target), target.kind, full_name, target.source, rows)


@toolbox.command(build_parser, functools.partial(diagnostics.show_failure, "distill"))
def main(args, losses):
    options = Options.of(args).checked()
    done = distill(toolbox.prepared_frames(args.images, losses), losses, options)
    diagnostics.render(args.folder, jobs=options.jobs)
    if done.failure:
        raise done.failure
    toolbox.keep_choices("distill", args, options)


if __name__ == "__main__":
    sys.exit(main())
