#!/usr/bin/env python3
"""Register images: find their astrometric solution against a catalogue of stars.

The pattern of the stars tells where a frame lies; SCAMP and a fit of our own refine that, and the better one is kept.

reads   images from pp_prepare; reference stars from the local store, or VizieR
writes  the WCS into the header of each image that could be registered; CATALOG.cat, registration_succeeded.lst,
        registration_failed.lst, best_astrometry.dat, astrometry_scamp.xml; IMAGE.ldac

Examples:
  pp_register mscience*.fits
  pp_register -cat GAIA-DR2 -snr 5 -source_tolerance medium mscience*.fits
  pp_register -cat mystars.csv mscience*.fits
"""

from photometrypipeline.base import commandline
from photometrypipeline.runs.stepoptions import RegisterOptions as Options


def build_parser():
    """Return the parser of the command line."""
    return commandline.parser_of(__doc__, Options)


commandline.answer_at_once(build_parser)

# isort: split
import functools
import logging
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import toolbox

import numpy as np

import diagnostics
import pp_extract
import pp_setup
from catalog import Catalog
from photometrypipeline.base import workers
from photometrypipeline.base.errors import CatalogError, NotReachable, OutsideSurvey, ProgramError
from photometrypipeline.base.files import reference_file
from photometrypipeline.catalogs import surveys
from photometrypipeline.catalogs.surveys import tycho2
from photometrypipeline.frames import ldac, recordtypes, wcskeywords
from photometrypipeline.instruments.dataset import DataSet, telescope_of
from photometrypipeline.newcamera import generic
from photometrypipeline.photometry import rings
from photometrypipeline.programs import astromatic, scampfit
from photometrypipeline.programs.choices import FLAG_MASKS
from photometrypipeline.registration import (
    astrometry,
    blind,
    depth,
    locate,
    questions,
    scampinput,
    starcover,
    wcsfit,
    wrongpointing,
)
from photometrypipeline.registration.attempt import Attempt, drop_other_fields
from photometrypipeline.sky import sphere, times

log = logging.getLogger("pp.register")

LAST_RESORT = "TYCHO2"
MOST_IN_VAIN = 4  # frames looked for on the whole sky, if none is found
TOGETHER_DEG = 2.0  # frames found there that share a cone of the catalogue
FILES = ("registration_succeeded.lst", "registration_failed.lst", "best_astrometry.dat", scampfit.REPORT)


@dataclass
class Registration:
    """Outcome: the Frames that are registered and those that are not, {name: Verdict}, and the catalogues' names.

    list_of : threshold and smallest area of the sources that were measured for the photometry as well, None without
    """

    registered: list
    failed: list
    verdicts: dict
    catalog: str | None = None
    list_of: list | None = None
    catalogs: tuple = ()


def left(done):
    """Return what the stamp of the step holds: frames, files, how many failed, and what list of sources it took."""
    stars = [reference_file(name) for name in done.catalogs]
    return done.registered, [*FILES, *stars], {"failed": len(done.failed), "list": done.list_of}


@toolbox.stamped("register", left)
def register(frames, losses, options=Options()):  # noqa: B008  it is frozen
    """Register `frames`; returns a Registration.  Frames that stay without a solution keep their first guess.

    Raises NotReachable if no catalogue could be had at all.
    """
    frames = DataSet.of(frames)
    telescope = frames.telescope
    mask = FLAG_MASKS[options.source_tolerance or telescope.source_tolerance]
    verdicts, extracted = {}, []
    found = sources_of(frames, losses, extraction_of(options, telescope), mask)
    if out_of_focus := rings.in_words([each.ring_px for each in found]):
        log.warning("%s", out_of_focus)
    for extraction in found:
        reason = unusable(extraction)
        if reason:
            verdicts[extraction.frame.name] = astrometry.Verdict(
                extraction.frame.name, reason, n_sources=extraction.n_sources
            )
        else:
            extracted.append(extraction)
    extracted = drop_other_fields(extracted, verdicts)
    guesses = {each.frame.name: each.frame.header for each in extracted}  # which changes when all are solved
    chosen = {each.frame.name: each.sources for each in extracted}
    attempt = Attempt(frames, extracted, guesses, chosen, telescope, mask)
    if extracted:
        names = list(options.cat or [*telescope.astrometry_catalogs, *last_resort(attempt)])
        try_catalogs(attempt, extracted, names, options.offline)
        for together in found_blindly(attempt):
            try_catalogs(attempt, together, names, options.offline)
        if attempt.answered and not attempt.solved:
            here = [name for name in names if Path(name).is_file() or surveys.canonical(name) == LAST_RESORT]
            look_for_mistakes(attempt, here if options.offline else names, options.offline)
        attempt.raise_if_nothing_answered()
    verdicts |= attempt.verdicts
    return finish(frames, attempt, verdicts, telescope, losses)


def extraction_of(options, telescope):
    """Return the options of the extraction that those of the step mean."""
    return pp_extract.Options(
        snr=options.snr or telescope.snr,
        minarea=options.minarea or telescope.min_area,
        nodeblending=options.nodeblending,
        quiet=True,
        jobs=options.jobs,
    )


def sources_of(frames, losses, options, mask):
    """Return the Extractions (list) of those frames that have sources, which their .ldac files hold; by `options`.

    Out of the lists that were measured ahead for the photometry as well, where there are any.  They hold those sources
    that take part alone.  mask : FLAGS of those that do not
    """
    ahead, done = frames.ahead, []
    trimmed = functools.partial(scampinput.taking_part, mask=mask, most=pp_setup.scamp_max_sources)
    toolbox.say(
        f"extracting sources of {len(frames)} frames for the registration{' and the photometry' if ahead else ''}"
    )
    if ahead:
        ahead.measure(frames, losses)
        for frame in frames:
            sources = ahead.of_registration(frame)
            if sources is not None:
                ldac.write(frame.ldac, sources)
                done.append(trimmed(pp_extract.Extraction(frame, telescope_of(frame), sources)))
    ready = {each.frame.name for each in done} | (ahead.lost if ahead else set())
    left = [frame for frame in frames if frame.name not in ready]
    done += [trimmed(each) for each in (pp_extract.extract(left, losses, options) if left else [])]
    order = {frame.name: number for number, frame in enumerate(frames)}
    return sorted(done, key=lambda each: order[each.frame.name])


def unusable(extraction):
    """Return why a frame cannot be registered at all (str), or None."""
    number, usable = extraction.n_sources, len(extraction.sources)
    if number <= pp_setup.min_sources_frame:
        return f"too few sources ({number}, more than {pp_setup.min_sources_frame} are needed)"
    if usable < astrometry.MIN_MATCHED:
        return f"too few sources that SCAMP can use ({usable} of {number} are bright and unflagged enough)"
    return None


def values_of(catalog):
    """Return (ra_deg, dec_deg, mag), arrays, of a Catalog."""
    return tuple(catalog.values(column) for column in ("ra_deg", "dec_deg", "mag"))


def last_resort(attempt):
    """Return the catalogues (list of names) that need no service and are tried after all others; for wide fields."""
    if min(attempt.widest_deg(each) for each in attempt.extractions) < blind.LEAST_FIELD_DEG:
        return []
    try:
        tycho2.find(pp_setup.catalog_folders)
    except CatalogError as error:
        log.info("%s", error)
        return []
    return [LAST_RESORT]


def try_catalogs(attempt, extractions, names, offline):
    """Register those of `extractions` that can be with the catalogues `names`, one after the other; changes `attempt`.

    Each is asked for the stars on the frames and close by, then, for frames that do not lie among them, within the
    search radius of the telescope, and as far as a telescope may be off.
    """
    placed = [each for each in extractions if attempt.has_place(each)]
    if not placed:
        return
    ra, dec, radius = sphere.skycenter([attempt.seen_in(each).corners_deg for each in placed])
    client, scarce, asked = attempt.data.client(offline), [], set()
    reaches = questions.reaches_of(attempt.telescope, pp_setup.n_registration_repetitions)
    circle, faintest = (ra, dec, attempt.guessed * radius), attempt.telescope.max_mag
    seen = functools.cache(lambda: depth.peaks_per_deg2(list(attempt.data))) if attempt.guessed == 1 else None
    for name in dict.fromkeys(names):
        for reach, limit in questions.questions(name, circle, reaches, faintest, seen):
            try:
                catalog = stars_around(attempt, name, (ra, dec, attempt.guessed * radius + reach), limit, client)
            except OutsideSurvey as error:
                pass_over(attempt, f"catalogue {name}: {error}")
                scarce.append(str(error))
                break
            except (CatalogError, NotReachable) as error:
                log.warning("catalogue %s: %s", name, error)
                attempt.failures.setdefault(name, error)
                break
            reason = scarcity(attempt, catalog, attempt.guessed * radius + reach)
            if reason and reach < reaches[-1] and reach <= questions.NEAR_DEG:
                continue  # a small cone may miss the stars of a sparse field
            if reason:
                pass_over(attempt, reason)
                scarce.append(reason)
                break
            asked.add(name)
            use_catalog(attempt, attempt.open(extractions), catalog, reach)
            if not attempt.open(extractions):
                return
    for extraction in attempt.open(extractions):
        if not asked or extraction.frame.name not in attempt.verdicts:
            attempt.refuse(extraction, scarce[-1] if scarce else str([*attempt.failures.values()][0]))
    attempt.answered |= bool(asked - {LAST_RESORT} or scarce or LAST_RESORT in names[:1])


def pass_over(attempt, reason):
    """Tell why a catalogue is no use; only LOG hears of places where the frames lie if their headers are mistaken."""
    log.log(logging.INFO if attempt.doubted else logging.WARNING, "%s; next catalogue", reason)


def stars_around(attempt, name, cone, limit_mag, client):
    """Return the Catalog of a cone (RA, Dec, radius in deg) at the epoch of the frames, down to a magnitude.

    Raises NotReachable, CatalogError.
    """
    ra_deg, dec_deg, radius_deg = cone
    epoch = times.julian_epoch(np.mean([each.frame.number("MIDTIMJD") for each in attempt.extractions]))
    folder = attempt.data.folder
    catalog = Catalog.fetch(name, ra_deg, dec_deg, radius_deg, limit_mag, client=client, data_folder=folder)
    catalog = catalog.astrometric().at_epoch(epoch)
    place = f"{radius_deg:.3f} deg of RA {ra_deg:.5f}, Dec {dec_deg:.5f}"
    log.info("%d stars of %s within %s for the registration", len(catalog), catalog.release, place)
    return catalog


def scarcity(attempt, catalog, radius_deg):
    """Return why the stars of a Catalog, a cone of `radius_deg`, are too few for the frames (str), else empty text."""
    number = len(catalog)
    if number < pp_setup.min_sources_astrometric_catalog:
        return f"{catalog.name} has {f'only {number}' if number else 'no'} stars in this field"
    if catalog.survey is None:
        return ""  # a table of one's own need not cover more than the frames
    seen = [attempt.seen_in(each) for each in attempt.extractions if attempt.has_place(each)]
    reason = starcover.too_few(seen, catalog.values("ra_deg"), catalog.values("dec_deg"), radius_deg)
    return f"too few stars of {catalog.name}: {reason}" if reason else ""


def use_catalog(attempt, extractions, catalog, reach_deg):
    """Solve what lies among the stars of one catalogue, whose cone reaches `reach_deg` beyond the frames."""
    stars = values_of(catalog)
    toolbox.say(f"registering {len(extractions)} frames on {catalog.name}, pointing within {reach_deg:g} deg")
    seen = [attempt.seen_in(each) for each in extractions]
    found = locate.locate(
        seen,
        stars,
        attempt.located,
        pointing_error_deg=reach_deg,
        scale_tolerance=attempt.scale_tolerance,
        bar=lambda frames: toolbox.progress(frames, "locate"),
    )
    for extraction in extractions:
        if extraction.frame.name not in found:
            attempt.refuse(extraction, f"no match with the catalogue: its stars are not those of {catalog.name} here")
    attempt.located += [(frame, found[frame.name]) for frame in seen if frame.name in found]
    if found:
        refine(attempt, [each for each in extractions if each.frame.name in found], found, catalog, stars)


def found_blindly(attempt):
    """Look for the frames that are left on the whole sky; returns lists of extractions that lie together.

    Needs Tycho-2 and a field of half a degree.  Where other frames were found, or some were looked for in vain, the
    rest shows clouds rather than another place.
    """
    wide = [each for each in attempt.open() if attempt.widest_deg(each) >= blind.LEAST_FIELD_DEG]
    if attempt.solved:
        wide = [each for each in wide if not attempt.has_place(each)]
    if not wide:
        return []
    places, folders = {}, pp_setup.catalog_folders
    toolbox.say(f"searching the whole sky for {len(wide)} frames, among the stars of Tycho-2")
    for extraction in toolbox.progress(wide, "blind"):
        if not places and extraction in wide[MOST_IN_VAIN:]:
            break
        try:
            solution = locate.on_whole_sky(attempt.seen_in(extraction), attempt.scale_tolerance, folders)
        except CatalogError as error:
            log.warning("%s", error)
            return []
        if solution:
            name = extraction.frame.name
            log.info("%s: found at RA %.4f, Dec %.4f without its pointing", name, *solution.centre_deg)
            places[name] = solution.centre_deg
            attempt.guesses[name] = solution.header
    for extraction in attempt.open():
        if not attempt.has_place(extraction):
            reason = "its pointing is not known, and its stars were not found on the sky"
            attempt.refuse(extraction, f"{reason}; say where it looks with -set ra=... -set dec=... -set secpix=...")
    groups, left = [], [each for each in wide if each.frame.name in places]
    while left:
        centre = places[left[0].frame.name]
        near = [each for each in left if sphere.separation_deg(*centre, *places[each.frame.name]) < TOGETHER_DEG]
        groups.append(near)
        left = [each for each in left if each not in near]
    return groups


def look_for_mistakes(attempt, names, offline):
    """Look for frames with a mistake in their headers: the scale of an unknown camera, RA in another unit ..."""
    kept, verdicts = dict(attempt.guesses), dict(attempt.verdicts)
    attempt.doubted = True
    if attempt.telescope.key == generic.KEY and attempt.doubt_scale(generic.GUESSED_WITHIN):
        try_catalogs(attempt, attempt.open(), names, offline)
        if attempt.solved:
            return
        attempt.believe_scale()
    for mistake, changed in wrongpointing.alternatives(kept):
        log.info("looking at RA %.4f, Dec %.4f: %s", mistake.ra_deg, mistake.dec_deg, mistake.text)
        attempt.guesses = changed
        try_catalogs(attempt, attempt.open(), names, offline)
        if attempt.solved:
            return
    attempt.guesses, attempt.verdicts = kept, verdicts


def refine(attempt, extractions, found, catalog, stars):
    """Solve frames whose place is known ({name: Solution}), with SCAMP and with a fit of our own; keep the better."""
    sources = attempt.trimmed
    frames = {each.frame.name: each.frame for each in extractions}
    degree = scampfit.degree_of(attempt.telescope, max(solution.n_matched for solution in found.values()))
    field = starcover.near_frames(catalog, [(frames[name], found[name]) for name in frames])
    epochs = field.values("epoch_yr")
    epoch = float(np.nanmedian(epochs)) if np.isfinite(epochs).any() else np.nan
    field.write_reference(attempt.data.folder / reference_file(catalog.name), epoch)
    solved = workers.alongside(functools.partial(by_scamp, attempt, frames, found, field, epoch, degree))
    seen = [
        wcsfit.frame_stars(name, sources[name], frame.size_px, found[name].header) for name, frame in frames.items()
    ]
    results = wcsfit.fit(seen, wcsfit.StarList.of(field), (degree, lambda: solved()[1]))
    numbers, _ = solved()
    for extraction in extractions:
        name = extraction.frame.name
        if name not in results:
            attempt.refuse(
                extraction, f"no match with the catalogue: too few of its sources lie on stars of {catalog.name}"
            )
            continue
        verdict = judged(attempt, extraction, found[name], results[name], numbers.get(name, {}), stars)
        attempt.verdicts[name] = verdict
        log.info("%s: %s", name, verdict)
        if verdict.registered:
            attempt.solved[name] = results[name].header
            attempt.catalogs[name] = catalog.name


def by_scamp(attempt, frames, found, field, epoch_yr, degree):
    """Return ({name: numbers}, scampfit.Heads) of SCAMP's solution; both empty where it fails.

    frames : {name: Frame};  found : {name: Solution};  field : Catalog of the stars in and around them
    """
    scale = max(solution.scale_arcsec for solution in found.values())
    jobs = [
        scampfit.Job(frame, scampinput.well_spread(attempt.trimmed[name], frame.size_px), found[name].header)
        for name, frame in frames.items()
    ]
    places = [(job.sources, job.header) for job in jobs]
    deep = scampinput.stars_as_deep(places, values_of(field), scampinput.RADIUS_PX * scale)
    stars = functools.partial(field.select(deep).write_reference, epoch_yr=epoch_yr)
    n_matched = min(solution.n_matched for solution in found.values())
    narrow = scampfit.Limits(scale, max(max(frame.size_px) for frame in frames.values()), n_matched)
    limit_s, folder = pp_setup.scamp_timeout_s, attempt.data.folder
    try:
        return scampfit.run(jobs, stars, attempt.telescope, attempt.mask, narrow, degree, limit_s, folder)
    except ProgramError as error:
        log.warning("%s; the fit without SCAMP is used", error)
        return {}, scampfit.Heads({})


def judged(attempt, extraction, solution, result, numbers, stars):
    """Return the Verdict on the final WCS of a frame."""
    frame = extraction.frame
    sources = attempt.trimmed[frame.name]
    known = wcskeywords.NO_POINTING not in frame.header
    thought = locate.middle_of(frame.header, frame.size_px) if known else None
    verdict = astrometry.Verdict(
        frame.name,
        None,
        n_sources=len(sources),
        solution=result.solution,
        degree=result.degree,
        model=result.model,
        shared=result.shared,
        cv_arcsec=result.cv_arcsec,
        offset_arcmin=60 * float(sphere.separation_deg(*solution.centre_deg, *thought)) if thought else np.nan,
        **{key: numbers[key] for key in astrometry.NUMBERS if key in numbers},
    )
    limits = {
        "scale_arcsec": frame.number("SECPIXX"),
        "scale_factor": 1.05 * (1 + attempt.scale_tolerance),
        "log_odds": pp_setup.registration_log_odds,
        "prior": solution.prior,
    }
    return astrometry.judge(verdict, result.header, sources, stars, frame.size_px, limits)


def finish(frames, attempt, verdicts, telescope, losses):
    """Write solutions into the frames, the files and the record of the step; returns the Registration."""
    registered, failed, scales = [], [], []
    headers = {each.frame.name: each.frame.header for each in attempt.extractions}
    rings_px = {each.frame.name: each.ring_px for each in attempt.extractions}
    for text, number in wrongpointing.explanations(headers, attempt.solved).items():
        log.warning("the pointing in the headers of %d of %d frames is wrong: %s", number, len(frames), text)
    for frame in frames:
        verdict = verdicts.setdefault(frame.name, astrometry.Verdict(frame.name, "no sources could be extracted"))
        if verdict.registered:
            rings.note(frame.header, rings_px.get(frame.name))
            scales.append(attempt.write_into(frame, verdict))
            registered.append(frame)
        else:
            losses.add(frame.name, f"not registered: {verdict.reason}")
            failed.append(frame)
        contrasts = (verdict.as_contrast, verdict.xy_contrast)
        wanted = (pp_setup.scamp_as_contrast_limit, pp_setup.scamp_xy_contrast_limit)
        if verdict.registered and any(found < least for found, least in zip(contrasts, wanted, strict=True)):
            log.info("%s: SCAMP is not sure of its match (contrasts %.1f, %.1f); its stars are", frame.name, *contrasts)
    if telescope.key == generic.KEY and registered:
        from photometrypipeline.newcamera import orientation

        seen = orientation.in_words([attempt.solved[frame.name] for frame in registered])
        toolbox.say(f"unknown camera, as the stars show it: {seen}; pptool_telescope keeps that for it")
    if scales := [each for each in scales if each]:
        scale = float(np.median(scales))
        told = f"the headers say {attempt.told_arcsec:.4g}" if attempt.told_arcsec else "no header gives it"
        log.warning("the pixel scale, %.4f arcsec, comes from the stars: %s", scale, told)
    catalog = next(iter(attempt.catalogs.values()), None)
    astrometry.write_files(registered, failed, verdicts, frames.folder)
    limits = recordtypes.RegisterLimits(
        as_contrast=pp_setup.scamp_as_contrast_limit,
        xy_contrast=pp_setup.scamp_xy_contrast_limit,
        log_odds=pp_setup.registration_log_odds,
    )
    rows = [
        recordtypes.RegisteredFrame(**asdict(verdicts[frame.name]), registered=verdicts[frame.name].registered)
        for frame in frames
    ]
    summary = recordtypes.Register(catalog=catalog, skipped=False, limits=limits, frames=rows)
    diagnostics.record("register", summary, frames.folder)
    on = f" on {catalog}" if catalog else ""
    toolbox.box([f"{len(registered)}/{len(frames)} images have been registered successfully{on}"])
    list_of = frames.ahead.threshold if frames.ahead and frames.ahead.ready else None
    used = tuple(sorted(set(attempt.catalogs.values())))
    return Registration(frames.only(registered), failed, verdicts, catalog, list_of, used)


@toolbox.command(build_parser, functools.partial(diagnostics.show_failure, "register"))
def main(args, losses):
    options = Options.of(args).checked()
    frames = toolbox.prepared_frames(args.images, losses)
    if args.dump_config:
        print(astromatic.effective_settings("SCAMP", frames.telescope))
        return None
    done = register(frames, losses, options)
    diagnostics.render(args.folder, jobs=args.jobs)
    if not done.registered:
        return toolbox.FAILED
    toolbox.keep_choices("register", args, options)
    return toolbox.OK


if __name__ == "__main__":
    sys.exit(main())
