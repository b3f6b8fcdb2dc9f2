#!/usr/bin/env python3
"""Calibrate instrumental magnitudes against a catalogue of reference stars.

reads   IMAGE.ldac from pp_photometry; reference stars from the local store, or VizieR
writes  IMAGE.ldac.db, one SQLite database per image; IMAGE_cal.dat, the matched stars; CATALOG.cat

Examples:
  pp_calibrate mscience*.fits
  pp_calibrate -catalog SDSS-R9 -minstars 20 -solar mscience*.fits
  pp_calibrate -colorterm g-r -target_color 0.6 mscience*.fits
  pp_calibrate -target_color S -exclude_stars doubles.txt mscience*.fits
  pp_calibrate -instrumental mscience*.fits

Catalogues and their own bands; others by transformation (docs/bands.md), U B V R I Z Y J H K among them:
  GAIA-DR3,GAIA-EDR3,GAIA-DR2      G BP RP
  GAIA-DR1,TGAS                    G
  GSPC                             U B V R I u g r i z
  REFCAT2                          gp1 rp1 ip1 zp1 G BP RP J H Ks
  PANSTARRS,PANSTARRS-DR2          gp1 rp1 ip1 zp1 yp1
  SDSS-R9,SDSS-R12,SDSS-R16        u g r i z
  SkyMapper,SkyMapper-DR4          usm vsm gsm rsm ism zsm
  APASS9                           B V g r i
  APASS10                          B V g r i z
  2MASS                            J H Ks
  TYCHO2                           V
  URAT-1,UCAC4                     B V g r i J H Ks
GAIA is the newest of its releases.
"""

from photometrypipeline.base import commandline
from photometrypipeline.runs.stepoptions import CalibrateOptions as Options


def build_parser():
    """Return the parser of the command line."""
    return commandline.parser_of(__doc__, Options)


commandline.answer_at_once(build_parser)

# isort: split
import functools
import logging
import sys
from dataclasses import dataclass

import toolbox

import numpy as np

import diagnostics
import pp_setup
from catalog import Catalog
from photometrypipeline.base.errors import (
    FrameError,
    NotReachable,
    PipelineError,
    TooFewStars,
    UsageError,
)
from photometrypipeline.base.files import reference_file
from photometrypipeline.calibration import (
    calibrated,
    choosing,
    nightly,
    referencestars,
    starlist,
    targetcolor,
)
from photometrypipeline.calibration.calibrated import Outcome, Reference, Settings
from photometrypipeline.calibration.zeropoint import LEAST_REFERENCE_ERROR, fit_zeropoint
from photometrypipeline.catalogs import bandnames, surveys
from photometrypipeline.frames import fixedplaces, ldac, recordtypes
from photometrypipeline.instruments import filternames, headers
from photometrypipeline.instruments.dataset import DataSet, telescope_of
from photometrypipeline.photometry import masking
from photometrypipeline.photometry.errorbars import NO_MEASUREMENT
from photometrypipeline.sky import matching, times

log = logging.getLogger("pp.calibrate")

FEW_LIKE_THE_SUN = "too few stars like the Sun: calibrating again with stars of all colours"
FRAME_EPOCH_YR = 0.02  # a frame further from the mean epoch than a week has its reference stars moved on their own


@dataclass
class Calibration:
    """Outcome: the Frames that have a database, those of them without a zeropoint, and the record of the step.

    `failure` is the NotReachable that left them without, None if services answered or were not needed.
    """

    frames: list
    uncalibrated: list
    record: recordtypes.Calibrate
    failure: NotReachable | None = None


@dataclass
class Solved:
    """What all frames of a data set have in common: Settings, Reference, ColorTerm and NightSolution, or None.

    failure : the NotReachable that left it without reference stars, or None
    """

    settings: Settings
    reference: Reference | None
    term: object
    night: object
    failure: NotReachable | None


def left(done):
    """Return what the stamp of the step holds: frames, files, and which frames have no zeropoint in which band."""
    suffix = pp_setup.confcalibrate.save_caldata_suffix
    tables = [calibrated.table_of(frame, suffix) for frame in done.frames]
    result = {"band": done.record.band, "uncalibrated": [frame.name for frame in done.uncalibrated]}
    name = done.record.catalog
    stars = [reference_file(surveys.earlier_names(str(name))[-1])] if name else []
    return done.frames, [*(frame.database for frame in done.frames), *tables, *stars], result


@toolbox.stamped("calibrate", left)
def calibrate(frames, losses, options=Options()):  # noqa: B008  it is frozen
    """Calibrate `frames`; returns a Calibration.  Frames without sources or zeropoint are named in `losses`.

    Raises UsageError for several bands or what is no colour, PipelineError if there is nothing to calibrate.
    """
    frames, jobs = DataSet.of(frames), options.jobs
    found = solve(frames, losses, options)
    settings, reference, term, night = found.settings, found.reference, found.term, found.night
    done = toolbox.parallel(
        lambda frame: calibrate_frame(frame, reference, settings, term, night), frames, jobs, "calibrate"
    )
    pairs = toolbox.sort_out(frames, done, losses)
    if not pairs:
        raise PipelineError("none of the frames has a source list; run pp_photometry first")
    tell([row for _, row in pairs], losses, reference)
    if reference is not None:
        common = calibrated.systematics(reference, term)
        errors = common.relation_err_mag, common.catalog_err_mag, common.color_err_mag
        told = "transformation %.3f, catalogue from field to field %.3f, colour term %.3f"
        log.info(f"errors common to all frames, mag: {told}", *errors)
    ready = frames.only([frame for frame, _ in pairs])
    summary = summarise([row for _, row in pairs], reference, settings, term, night)
    summary.arguments = options.arguments("exclude_stars")
    if settings.band and not options.filter:
        summary.band_doubt = frames.band_doubt
    summary = diagnostics.record("calibrate", summary, frames.folder)
    lacking = [frame for frame, row in pairs if row.zp_mag is None] if settings.band and not settings.magzp else []
    return Calibration(ready, lacking, summary, found.failure)


def solve(frames, losses, options, keep=True):
    """Return the Solved of a DataSet, with the options of the step; keep : write the reference stars next to it.

    Raises UsageError for several bands or what is no colour.
    """
    magzp, telescope = options.magzp, frames.telescope
    band = None if options.uncalibrated else options.filter or frames.band
    if magzp and band is None:
        raise UsageError("-magzp needs a band; give it with -filter")
    wish = None
    if options.colorterm:
        wish = options.colorterm, targetcolor.of(options.target_color, options.colorterm).value
    rest = {"photmode": toolbox.list_photmode(), "saving": pp_setup.confcalibrate}
    rest["aperture_arcsec"] = max(map(referencestars.aperture_arcsec, frames))
    rest["excluded"] = starlist.read(options.exclude_stars) if options.exclude_stars else None
    rest["common_errors"] = (*(magzp or ())[3:], 0.0, 0.0)[:2]
    rest["fixed"] = fixedplaces.read(options.fixedtargets) if options.fixedtargets else []
    rest["by_night"] = pp_setup.one_solution and options.minstars is None
    rest["enough_stars"] = pp_setup.enough_stars if options.minstars is None else None
    settings = Settings(
        band, options.minstars or pp_setup.minstars, options.maxflag, options.use_all_stars, magzp, **rest
    )
    reference, failure, term = None, None, None
    if band is None and not options.uncalibrated:
        raw = headers.raw_filter(frames[0], telescope)
        losses.add("calibration", no_band(raw, telescope))
    if band and not magzp:
        try:
            names = options.catalog or referencestars.usual_catalogs(telescope, band)
            reference = choose_reference(frames, names, settings, options, wish, keep)
        except NotReachable as error:
            failure = error
        if reference is None:
            losses.add(
                "calibration",
                f"no catalogue is usable in band {band}, magnitudes stay instrumental"
                + (f" ({failure})" if failure else ""),
            )
    if reference is not None and wish:
        term = color_term(frames, reference, settings, wish, losses, options.jobs)
    night = solve_night(frames, reference, settings, options, options.jobs)
    return Solved(settings, reference, term, night, failure)


def no_band(raw, telescope):
    """Return in words what a filter without a band, as a header has it, leads to."""
    by_definition = str(raw).strip() in telescope.filters and telescope.key != "GENERIC"
    if filternames.is_clear(raw) or by_definition:
        return f"filter {raw!r} is not a band: {bandnames.UNFILTERED}"
    return f"filter {raw!r} has no band, magnitudes stay instrumental; if it has one, give it with -filter"


def choose_reference(frames, names, settings, options, wish=None, keep=True):
    """Return the Reference of the first catalogue that is good for the band, None if none is; see choosing.reference.

    keep : write its stars into the folder of the DataSet `frames`
    """
    client = frames.client(options.offline)
    limits = choosing.Limits(
        pp_setup.photometric_catalog_limit,
        pp_setup.min_sources_photometric_catalog,
        pp_setup.max_photometric_stars,
        pp_setup.max_reference_error,
        pp_setup.solcol if options.solar else None,
    )
    fetch = functools.partial(Catalog.fetch, client=client, data_folder=frames.folder)
    reference = choosing.reference(frames, names, settings, limits, fetch, frames.folder if keep else None, wish)
    if reference is not None:
        toolbox.say(f"{len(reference.catalog)} reference stars in {settings.band} from {reference.catalog.name}")
    return reference


def color_term(frames, reference, settings, wish, losses, jobs):
    """Return the ColorTerm of the data set, None (a loss) if the stars do not determine it."""
    from photometrypipeline.calibration import colorfit  # a run with the terms of the night does without

    found = toolbox.parallel(lambda frame: observed_stars(frame, reference, settings), frames, jobs, "colours")
    parts = [(number, *part) for number, part in enumerate(found) if not isinstance(part, PipelineError)]
    star, frame, difference, noise = [], [], [], []
    for number, i_star, values, errors in parts:
        star.append(i_star)
        frame.append(np.full(i_star.size, number))
        difference.append(values)
        noise.append(errors)
    try:
        if not star:
            raise TooFewStars(0, colorfit.MIN_STARS)
        observations = colorfit.Observations(*map(np.concatenate, (star, frame, difference, noise)))
        error = np.maximum(reference.errors, LEAST_REFERENCE_ERROR)
        term = colorfit.fit(observations, error, reference.color, reference.e_color, *wish)
    except TooFewStars as error:
        losses.add("colour term", f"not determined, none is applied: {error}")
        return None
    toolbox.say(f"{term}; {term.n_used} of {term.n_stars} stars, scatter {term.scatter:.3f} mag")
    return term


def observed_stars(frame, reference, settings):
    """Return (i_star, catalogue minus instrumental magnitude, its noise) of the reference stars on a frame."""
    sources, inst, e_inst = measured_sources(frame, settings)
    i_star, i_source = match(frame, sources, reference)
    mag = np.asarray(reference.catalog.table[reference.mag], dtype=float)[i_star]
    return i_star, mag - inst[i_source], e_inst[i_source]


def solve_night(frames, reference, settings, options, jobs):
    """Return the NightSolution of a data set, None where there is nothing to solve or too few stars for it."""
    if reference is None or settings.use_all_stars or len(frames) < 2:
        return None
    found = toolbox.parallel(lambda frame: stars_of(frame, reference, settings), frames, jobs, "stars")
    parts = {frame.name: part for frame, part in zip(frames, found, strict=True) if not isinstance(part, PipelineError)}
    asked = night_color(reference, options), options.colorterm is not None
    radius = match_radius(frames[0], reference)
    try:
        night = nightly.solve(parts, reference.seen()[1], reference.color, asked, radius)
    except (TooFewStars, np.linalg.LinAlgError) as error:
        log.info("no solution for the night as a whole: %s", error)
        return None
    first, *others = night.told()
    if settings.by_night:
        toolbox.say(first)
    for line in others if settings.by_night else [first, *others]:
        log.info("%s", line)
    return night


def night_color(reference, options):
    """Return the TargetColor for the stars of a Reference, None if nothing is known of their colours."""
    if reference.color_name is None:
        return None
    try:
        return targetcolor.of(options.target_color, reference.color_name, options.colorterm or "g-r")
    except UsageError as error:
        log.info("%s", error)
        return None


def stars_of(frame, reference, settings):
    """Return the gathering.FrameStars of a frame.  Raises FrameError."""
    sources, inst, e_inst = measured_sources(frame, settings)
    i_star, i_source = match(frame, sources, reference)
    good = reference.alone[i_star]
    pairs = i_star[good], i_source[good]
    return nightly.frame_stars(frame, telescope_of(frame), sources, inst, e_inst, pairs, reference.seen()[0])


def calibrate_frame(frame, reference, settings, term=None, night=None):
    """Calibrate one frame and write its database; returns its part of the record.  Raises FrameError."""
    done = calibrated_frame(frame, reference, settings, term, night)
    calibrated.write_database(done, reference, settings)
    if done.fit is not None and settings.saving.save_caldata:
        calibrated.write_caldata(done, reference, settings.saving)
    return calibrated.frame_record(done, reference, settings)


def calibrated_frame(frame, reference, settings, term=None, night=None):
    """Return the Outcome of the calibration of one frame.  Raises FrameError."""
    telescope = telescope_of(frame)
    sources, inst, e_inst = measured_sources(frame, settings)
    nothing = np.empty(0, dtype=int)
    of_night = night.of(frame.name) if night is not None else None
    done = Outcome(frame, telescope, sources, inst, e_inst, (nothing, nothing), term=term, night=of_night)
    if not len(sources):
        done.reason = "no sources"
    elif reference is not None:
        try:
            done.pairs = match(frame, sources, reference)
            done.fit = fit_frame(done, reference, settings)
        except TooFewStars as error:
            found = f"{error.found} reference stars after source matching for frame {frame.ldac.name}"
            if not done.by_night(settings):
                done.reason = f"{found}, at least {error.needed} are needed"
    return done


def measured_sources(frame, settings):
    """Return (SourceList, magnitudes, errors) of the sources of a frame that have a magnitude.  Raises FrameError."""
    sources = ldac.read(frame.ldac, settings.maxflag)
    columns = f"MAG_{settings.photmode}", f"MAGERR_{settings.photmode}"
    inst, e_inst = (np.asarray(sources.table[name], dtype=float) for name in columns)
    if inst.ndim > 1:
        raise FrameError(frame.ldac, "holds several apertures", "run pp_photometry on its image first")
    good = (inst < NO_MEASUREMENT) & (e_inst < NO_MEASUREMENT) & np.isfinite(inst) & np.isfinite(e_inst)
    return sources.select(good), inst[good], e_inst[good]


def match(frame, sources, reference):
    """Return (i_star, i_source): reference stars and sources that belong to each other, none of them on bad pixels."""
    catalog = reference.catalog
    epoch = times.julian_epoch(frame.number("MIDTIMJD"))
    if abs(epoch - reference.epoch_yr) > FRAME_EPOCH_YR:
        catalog = catalog.at_epoch(epoch)
    stars = (catalog.table["ra_deg"], catalog.table["dec_deg"])
    i_star, i_source = matching.unique_pairs(*stars, sources.ra_deg, sources.dec_deg, match_radius(frame, reference))
    whole = (np.asarray(sources.table["FLAGS"])[i_source] & masking.BAD_PIXELS) == 0
    return i_star[whole], i_source[whole]


def match_radius(frame, reference):
    """Return the distance (arcsec) within which a source of a frame may be a star of a Reference."""
    registration_rms = max((float(frame.header.get(key) or 0) * 3600 for key in ("ASTRRMS1", "ASTRRMS2")), default=0.0)
    survey = reference.catalog.survey
    return max(survey.match_radius_arcsec if survey else 0.0, pp_setup.pos_epsilon, 3 * registration_rms)


def fit_frame(done, reference, settings):
    """Return the Zeropoint of a frame, for sources of the target's colour if there is a colour term.

    Raises TooFewStars.
    """
    i_star, i_source = done.pairs
    mag = np.asarray(reference.catalog.table[reference.mag], dtype=float)[i_star]
    err = np.maximum(reference.errors[i_star], LEAST_REFERENCE_ERROR)
    difference, variance = mag - done.inst[i_source], err**2 + done.e_inst[i_source] ** 2
    if done.term is not None:
        difference = difference - done.term.correction(reference.color[i_star])
        variance = variance + (done.term.coefficient * np.nan_to_num(reference.e_color[i_star])) ** 2
    return fit_zeropoint(
        difference,
        variance,
        settings.minstars,
        weighted_ranking=pp_setup.weighted_ranking,
        reject=not settings.use_all_stars,
        enough=settings.enough_stars,
    )


def tell(rows, losses, reference):
    """Say what became of the frames."""
    for row in rows:
        if row.reason:
            losses.add(row.name, f"not calibrated: {row.reason}" if reference is not None else row.reason)
    lines = [line for line in map(told_of, rows) if line]
    solved = [row for row in rows if row.zp_mag is not None and not row.reason]
    if not lines:
        return
    zeropoints = [row.zp_mag for row in solved]
    whole = f"zeropoints of {len(solved)} of {len(rows)} frames"
    if solved:
        scatter = np.median([row.zp_sig_mag for row in solved])
        whole += f": {min(zeropoints):.3f} to {max(zeropoints):.3f}, a typical one +-{scatter:.3f}"
    toolbox.say_each(lines, whole)


def told_of(row):
    """Return a line (str) on the zeropoint of one frame, empty where none was asked for."""
    if row.reason:
        return f"zeropoint for {row.name}: Warning: {row.reason}"
    if row.zp_mag is None:
        return ""
    stars = f" ({row.n_used}/{row.n_matched} reference stars)" if row.n_matched else " (given by hand)"
    return f"zeropoint for {row.ldac}: {row.zp_mag:.3f}+-{row.zp_sig_mag:.3f}{stars}"


def summarise(rows, reference, settings, term, night):
    """Return the record of the step."""
    told = None
    if night is not None:
        differences = night.differences({row.name: row.zp_frame_mag for row in rows})
        if differences:
            log.info(
                "zeropoints of the night minus those of each frame by itself: %+.4f mag on average, scatter %.4f, "
                "largest deviation from the average %.4f",
                *(differences[name] for name in ("mean", "scatter", "largest")),
            )
        mag = reference.catalog.table[reference.mag]
        told = night.record(reference.catalog.table, mag, reference.color)
        told |= {"counts": settings.by_night, "differences": differences}
    catalog = reference.catalog if reference is not None else None
    return recordtypes.Calibrate(
        mode="manual" if settings.magzp else "catalog" if catalog is not None else "instrumental",
        band=settings.band,
        catalog=catalog.name if catalog is not None else None,
        catalog_history=catalog.history if catalog is not None else None,
        catalog_release=catalog.release if catalog is not None else None,
        catalog_origin=catalog.origin or None if catalog is not None else None,  # a table of the user has none
        magsys=catalog.systems.get(settings.band, "Vega") if catalog is not None else None,
        minstars=settings.minstars,
        color=reference.color_name if reference is not None else None,
        systematics=calibrated.systematics(reference, term),
        color_term=term.as_dict() if term is not None else None,
        night=told,
        frames=rows,
        left_out=reference.left_out if reference is not None else [],
        strangers=reference.strangers if reference is not None else [],
    )


@toolbox.command(build_parser, functools.partial(diagnostics.show_failure, "calibrate"))
def main(args, losses):
    options = Options.of(args).checked()
    frames = toolbox.prepared_frames(args.images, losses)
    done = calibrate(frames, losses, options)
    diagnostics.render(args.folder, jobs=args.jobs)
    if done.failure:
        raise done.failure
    toolbox.keep_choices("calibrate", args, options)


if __name__ == "__main__":
    sys.exit(main())
