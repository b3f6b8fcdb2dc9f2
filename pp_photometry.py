#!/usr/bin/env python3
"""Measure all sources with the aperture that suits target and stars best, found by a curve of growth.

reads   images from pp_register (or pp_prepare -keep_wcs); the target's ephemeris from the local store, or JPL Horizons
writes  IMAGE.ldac; APRAD, APIDX and PHOTMODE in the image headers; aperturephotometry_curveofgrowth.dat;
        badpixels.fits, and with -cosmics IMAGE.cosmics

Examples:
  pp_photometry mscience*.fits
  pp_photometry -aprad 4.5 mscience*.fits
  pp_photometry -cosmics mscience*.fits
  pp_photometry -background_only -snr 1.5 mscience*.fits
"""

from photometrypipeline.base import commandline
from photometrypipeline.runs.stepoptions import PhotometryOptions as Options


def build_parser():
    """Return the parser of the command line."""
    return commandline.parser_of(__doc__, Options)


commandline.answer_at_once(build_parser)

# isort: split
import functools
import logging
import sys
from dataclasses import asdict, dataclass, replace

import toolbox

import numpy as np

import diagnostics
import pp_extract
import pp_setup
from photometrypipeline.base.errors import NotFound, NotReachable, PipelineError
from photometrypipeline.base.files import write_text
from photometrypipeline.ephemerides import ephemeris
from photometrypipeline.frames import fixedplaces, ldac, old, recordtypes
from photometrypipeline.frames.contents import MEASUREMENT
from photometrypipeline.frames.frame import set_keyword
from photometrypipeline.instruments import headers
from photometrypipeline.instruments.dataset import DataSet, telescope_of
from photometrypipeline.photometry import (
    badpixels,
    cosmics,
    growthcurve,
    listlight,
    onelist,
    rings,
    sequencemask,
)
from photometrypipeline.reduction import lacosmic
from photometrypipeline.sky import matching

log = logging.getLogger("pp.photometry")

CURVE = "aperturephotometry_curveofgrowth.dat"
MAX_FLAGS = 3  # of the target and of the sources of the curve of growth


@dataclass
class Photometry:
    """Outcome: the Frames that were measured, the radius, and the record of the step."""

    frames: list
    aprad_px: float
    record: dict


@dataclass
class Growth:
    """What one frame gives to the curve of growth: curves (lists of arrays) of its target and its other sources."""

    target_flux: list
    target_snr: list
    background_flux: list
    background_snr: list


def left(done):
    """Return what the stamp of the step holds: frames, files, and nothing else."""
    mask = done.record.bad_pixels.file
    hits = [path for path in map(cosmics.path_of, done.frames) if path.exists()]
    own = [name for name in (CURVE if done.record.curve else None, mask) if name]
    return done.frames, [*(frame.ldac for frame in done.frames), *hits, *own], {}


@toolbox.stamped("photometry", left)
def photometry(frames, losses, options=Options()):  # noqa: B008  it is frozen
    """Measure `frames`; returns Photometry.  Frames that fail go to `losses`.

    Raises PipelineError if no frame could be measured.
    """
    data, jobs = DataSet.of(frames), options.jobs
    frames = data.only(cleared(data, losses, jobs))
    telescope = frames.telescope
    gain_known = knows_gain(frames, telescope)
    common = extraction_of(options, telescope)
    predictions = {} if by_hand(options) or options.background_only else predict(frames, telescope, options)
    found = bad_pixels(frames, telescope, predictions, common)
    frames = frames.only(hit_pixels(frames, losses, options))
    radii = radii_of(frames, options)
    bad = found.mask > 0 if found.number else None
    lists = measure(frames, losses, replace(common, aprad=radii), bad)
    if by_hand(options):
        aperture, curve, counts = fixed(options.aprad, telescope.aprad_default, options.chosen_by), None, (0, 0)
    else:
        aperture, curve, counts = choose_aperture(lists, radii, predictions, options, losses)
    cut = functools.partial(cut_list, lists=lists, aperture=aperture, bad=bad)
    measured = toolbox.parallel(cut, list(lists), jobs, "photometry")
    measured = [frame for frame, _ in toolbox.sort_out(list(lists), measured, losses)]
    if curve is not None:
        write_curve(frames.folder / CURVE, radii, curve)
    outdated = [] if curve is not None else old.set_aside(frames.folder, [CURVE])
    for line in old.told(outdated, "of another choice of the aperture"):
        toolbox.say(line)
    if not measured:
        raise PipelineError("none of the frames could be measured")
    summary = recordtypes.Photometry(
        method=toolbox.list_photmode(),
        minarea_px=common.minarea,
        snr=options.snr,
        aprad_px=aperture.radius_px,
        basis=basis(aperture, counts),
        strategy=aperture.strategy,
        n_target=counts[0],
        n_background=counts[1],
        flux_limit=pp_setup.fluxlimit_aprad,
        flux_margin=pp_setup.fluxmargin_aprad,
        curve=curve,
        gain_known=gain_known,
        bad_pixels=sequencemask.record(found),
        frames=[told for _, told in toolbox.each(seeing, measured, losses)],
    )
    summary = diagnostics.record("photometry", summary, frames.folder)
    toolbox.box(
        [
            f"{'aperture' if aperture.index < 0 else 'best-fit aperture'} radius: {aperture.radius_px:.1f} (px)",
            aperture.strategy if aperture.index < 0 else f"{summary.basis}: {aperture.strategy}",
        ]
    )
    return Photometry(frames.only(measured), aperture.radius_px, summary)


def by_hand(options):
    """Return whether one aperture is given, rather than found by a curve of growth."""
    return bool(options.aprad) or toolbox.list_photmode() != "APER"


def radii_of(frames, options):
    """Return the radii (tuple, px) of the apertures that are measured."""
    usual = frames.telescope
    if by_hand(options):
        return (float(options.aprad or usual.aprad_default),)
    return tuple(growthcurve.radii_px(options.aprad_range or rings.aperture_range(frames, usual.aprad_range)).tolist())


def ahead(frames, options, registration):
    """Return the onelist.Lists that measure frames before they are registered, in one extraction for both steps.

    registration : options of its extraction.  None where that does not do: both steps then look for sources.
    """
    telescope = frames.telescope
    wanted = replace(extraction_of(options, telescope), aprad=radii_of(frames, options))
    if options.cosmics or any(stacked(frame) for frame in frames) or not onelist.suits(registration, wanted):
        return None
    extraction = replace(wanted, aprad=(*wanted.aprad, telescope.aprad_default))

    def one(chosen, bad, losses):
        def run(frame):
            path = onelist.path_of(frame, frames.folder)
            return path, pp_extract.run(frame, telescope_of(frame), path, extraction, bad)

        return dict(toolbox.sort_out(chosen, toolbox.parallel(run, chosen, options.jobs, "extract"), losses))

    masked = pp_extract.mask_of(frames[0], telescope)
    mask = functools.partial(sequencemask.beforehand, frames, frames.folder, masked, options.jobs)
    return onelist.Lists(registration, wanted, one, mask)


def stacked(frame):
    """Return whether a Frame is a stack of several."""
    return "COMBO_N" in frame.header


def bad_pixels(frames, telescope, predictions, common):
    """Return badpixels.Found: what the detector's frames show; a stack of several has no detector's pixels any more."""
    if any(stacked(frame) for frame in frames):
        return badpixels.Found(None, 0, "stacks have no bad pixels of their own")
    standing = [predictions.get(frame.name) for frame in frames] if predictions else None
    masked, known = pp_extract.mask_of(frames[0], telescope), frames.ahead.masks if frames.ahead else None
    extraction = replace(common, aprad=(telescope.aprad_default,))

    def listed(frame):
        pp_extract.run(frame, telescope_of(frame), frame.ldac, extraction)

    return sequencemask.of_frames(frames, frames.folder, masked, standing, known, listed)


def hit_pixels(frames, losses, options):
    """Return the Frames (list) whose pixels hit by cosmic rays are known where that is wanted, and forgotten where not.

    Raises PipelineError if there is none, UsageError without the library.
    """
    if not options.cosmics:
        for frame in frames:
            cosmics.path_of(frame).unlink(missing_ok=True)
        return list(frames)
    lacosmic.check_installed()
    done = toolbox.parallel(
        lambda frame: cosmics.find(frame, telescope_of(frame), sequencemask.typical_fwhm_px([frame])),
        frames,
        options.jobs,
        "cosmic rays",
    )
    ready = [frame for frame, _ in toolbox.sort_out(frames, done, losses)]
    if not ready:
        raise PipelineError("none of the frames could be searched for cosmic rays")
    return ready


def cleared(frames, losses, jobs):
    """Return the Frames whose headers hold nothing of an earlier photometry any more, which would pass into the lists.

    Raises PipelineError if there is none.
    """

    def one(frame):
        if any(keyword in frame.header for keyword in MEASUREMENT):
            for keyword in MEASUREMENT:
                frame.header.remove(keyword, ignore_missing=True)
            frame.save()

    ready = [frame for frame, _ in toolbox.sort_out(frames, toolbox.parallel(one, frames, jobs, "headers"), losses)]
    if not ready:
        raise PipelineError("none of the headers can be written")
    return ready


def knows_gain(frames, telescope):
    """Return whether the photon noise of the sources is known; says so in LOG and on the screen if not."""
    keyword = telescope.header.get("gain", "GAIN")
    known = all(headers.gain_e_adu(frame, telescope) for frame in frames)
    if not known:
        log.warning(
            "no gain is known for %s (header keyword %s, or `gain` in its definition): the errors of bright "
            "sources lack their photon noise",
            telescope.key,
            keyword,
        )
    return known


def fixed(radius_px, default_px, chosen_by):
    """Return the Aperture for a radius that was not searched for; without one (0, None) it is the telescope's."""
    strategy = chosen_by if radius_px else "the telescope's default"
    return growthcurve.Aperture(float(radius_px or default_px), -1, strategy, True)


def basis(aperture, counts):
    """Return in words which sources the aperture radius rests on."""
    if aperture.index < 0:
        return aperture.strategy
    parts = [
        f"{number} {label}"
        for number, label in zip(counts, ("target detections", "background sources"), strict=True)
        if number
    ]
    return " and ".join(parts) + (" only" if len(parts) == 1 else "")


def write_aperture(header, radius_px, index):
    """Put the aperture into a header; `index` None: it was chosen by hand."""
    set_keyword(header, "PHOTMODE", toolbox.list_photmode(), "photometry mode")
    set_keyword(
        header, "APRAD", float(radius_px), "[px] aperture radius" + (", chosen by hand" if index is None else "")
    )
    if index is None:
        header.remove("APIDX", ignore_missing=True)
    else:
        set_keyword(header, "APIDX", index, "index of the aperture radius")


def measure(frames, losses, options, bad):
    """Measure with all apertures at once; returns {Frame: path of its list}, which lies apart from the final ones.

    options : of the extraction;  bad : where pixels are bad (bool), or None
    The final list is cut out of it, so that each image is searched once; before the registration, where that was so.
    """
    usable = None if any(cosmics.path_of(frame).exists() for frame in frames) else frames.ahead

    def one(frame):
        ready = usable.of_photometry(frame, options, bad) if usable else None
        path = ready or onelist.path_of(frame, frames.folder)
        frame.ldac.unlink(missing_ok=True)  # of the registration: it must not pass for the final one if something fails
        if ready is None:
            pp_extract.run(frame, telescope_of(frame), path, options, cosmics.joined(frame, bad))
        return path

    return dict(toolbox.sort_out(frames, toolbox.parallel(one, frames, options.jobs, "photometry"), losses))


def predict(frames, telescope, options):
    """Return {frame name: (ra_deg, dec_deg)} of the target where an ephemeris has it; what is missing is logged.

    The first of -fixedtargets stands still, and nobody is asked.  Raises FrameError for a list that cannot be read.
    """
    if options.fixedtargets:
        _, *place = fixedplaces.read(options.fixedtargets)[0]
        return {frame.name: tuple(place) for frame in frames}
    client, found = frames.client(options.offline), {}
    names = {}
    for frame in frames:
        names.setdefault(options.target or str(frame.header.get("OBJECT", "None")), []).append(frame)
    for name, group in names.items():
        jds = np.array([frame.number("MIDTIMJD") for frame in group])
        try:
            places = ephemeris.positions(name, telescope.mpc_code, jds, client, frames.folder, options.places)
        except (NotFound, NotReachable) as error:
            log.warning("aperture from background sources: no position of %s: %s", name, error)
            continue
        for frame, ra, dec in zip(group, places.ra_deg, places.dec_deg, strict=True):
            if np.isfinite(ra):
                found[frame.name] = float(ra), float(dec)
    return found


def choose_aperture(lists, radii, predictions, options, losses):
    """Return (Aperture, curve record, (n_target, n_background)) from the lists with twenty apertures of all frames."""

    def grown(frame):
        sources = onelist.put_places(ldac.read(lists[frame]), frame.header)
        return growth_of(frame, sources, predictions.get(frame.name), options.target_only, len(radii))

    growths = [growth for _, growth in toolbox.each(grown, list(lists), losses)]
    target = growthcurve.combine(_joined(growths, "target_flux"), _joined(growths, "target_snr"))
    background = growthcurve.combine(_joined(growths, "background_flux"), _joined(growths, "background_snr"))
    if target is None and background is None:
        raise PipelineError(
            "no source is good enough for a curve of growth; give the radius with -aprad (pp_run: -fixed_aprad)"
        )
    if target is None and not options.background_only:
        log.warning("the target is not identified in any frame: aperture radius from background sources alone")
        if options.target_only:
            raise PipelineError("the target is not identified in any frame; use -aprad, or leave out -target_only")
    aperture = growthcurve.choose(radii, target, background, pp_setup.fluxlimit_aprad, pp_setup.fluxmargin_aprad)
    if not aperture.met_limit:
        log.warning(
            "curve of growth: %s; the largest radius of the telescope (%.1f px) may be too small",
            aperture.strategy,
            radii[-1],
        )
    curve = {
        "radius_px": list(radii),
        "index": aperture.index,
        **{name: _curve_record(each) for name, each in (("target", target), ("background", background))},
    }
    return aperture, curve, (sum(bool(each.target_flux) for each in growths), len(_joined(growths, "background_flux")))


def _joined(growths, name):
    return [curve for growth in growths for curve in getattr(growth, name)]


def _curve_record(curve):
    return {name: list(values) for name, values in asdict(curve).items()} if curve else None


def growth_of(frame, sources, prediction, target_only, n_radii):
    """Return the Growth of one frame; without a source near the `prediction` (ra_deg, dec_deg) it has no target."""
    flux, error = (np.asarray(sources.table[name])[:, :n_radii] for name in ("FLUX_APER", "FLUXERR_APER"))
    growth, target = Growth([], [], [], []), None
    if prediction:
        target = identify(frame, sources, prediction)
        if target is not None:
            curves = growthcurve.normalise(flux[target], error[target])
            growth.target_flux, growth.target_snr = list(curves[0]), list(curves[1])
    if not target_only and len(sources):
        rows = growthcurve.background_sources(flux, error, sources.table["FLAGS"], exclude=target)
        curves = growthcurve.normalise(flux[rows], error[rows])
        growth.background_flux, growth.background_snr = list(curves[0]), list(curves[1])
    return growth


def identify(frame, sources, prediction):
    """Return the index of the source at the predicted place, within 0.5" or half a pixel, or None with a warning."""
    usable = np.flatnonzero(np.asarray(sources.table["FLAGS"]) <= MAX_FLAGS)
    index, distance = matching.nearest(*prediction, sources.ra_deg[usable], sources.dec_deg[usable])
    limit = max(pp_setup.pos_epsilon, float(frame.header["SECPIXX"]) / 2)
    if distance[0] > limit:
        nearest = f'the nearest source is {distance[0]:.1f}" away' if len(usable) else "there is no source"
        log.warning('%s: no target within %.1f" of its predicted place: %s', frame.name, limit, nearest)
        return None
    return int(usable[index[0]])


def cut_list(frame, lists, aperture, bad):
    """Make the final source list of one frame: the columns of the chosen aperture out of the list with all of them.

    lists : {Frame: path};  bad : where pixels are bad (bool), or None
    """
    path = lists[frame]
    write_aperture(frame.header, aperture.radius_px, aperture.index if aperture.index >= 0 else None)
    frame.save()
    sources = onelist.placed(onelist.one_aperture(ldac.read(path), max(aperture.index, 0)), frame.header)
    listlight.measure(sources, frame, telescope_of(frame), cosmics.joined(frame, bad))
    onelist.describe(sources, frame)
    ldac.write(frame.ldac, sources)
    path.unlink()
    return frame


def list_again(frame, options, path):
    """Return the SourceList that the pixels of a measured Frame give with the options of the step; `path` is at work.

    Raises ProgramError, FrameError.
    """
    telescope = telescope_of(frame)
    mask = badpixels.read(frame.path.parent, frame.size_px[::-1])
    extraction = replace(extraction_of(options, telescope), aprad=(float(frame.header["APRAD"]),))
    bad = cosmics.joined(frame, mask)
    pp_extract.run(frame, telescope, path, extraction, bad)
    sources = onelist.placed(ldac.read(path), frame.header)
    listlight.measure(sources, frame, telescope, bad)
    return sources


def extraction_of(options, telescope):
    """Return the options of the extraction that those of the step mean, without apertures."""
    return pp_extract.Options(
        snr=options.snr,
        minarea=options.minarea or telescope.min_area,
        nodeblending=options.nodeblending,
        kernel=options.kernel,
        quiet=True,
        jobs=options.jobs,
    )


def seeing(frame):
    """Return the record of one frame: median FWHM of its unflagged sources, number of sources.

    A stack that follows a target has no stars, but trails or what masking has left: nothing there tells the seeing.
    """
    sources = ldac.read(frame.ldac)
    width = np.asarray(sources.table["FWHM_IMAGE"], dtype=float)
    clean = (np.asarray(sources.table["FLAGS"]) == 0) & (width > 0) & (frame.header.get("COMOVE") != "True")
    return recordtypes.MeasuredFrame(
        name=frame.name,
        midtime_jd=frame.number("MIDTIMJD"),
        fwhm_px=float(np.median(width[clean])) if clean.any() else None,
        n_sources=len(sources),
    )


def write_curve(path, radii, curve):
    """Write aperturephotometry_curveofgrowth.dat; zeros without a curve."""
    none = {"flux": np.zeros(len(radii)), "sigma": np.zeros(len(radii)), "snr": np.zeros(len(radii))}
    background, target = (curve[name] or none for name in ("background", "target"))
    lines = [
        "#" + "background".rjust(16) + "target".rjust(20) + "flux".rjust(14),
        "#"
        + "rad".rjust(4)
        + "flux".rjust(7)
        + "sigma".rjust(6)
        + "snr".rjust(4)
        + "flux".rjust(10)
        + "sigma".rjust(6)
        + "snr".rjust(4)
        + "residual".rjust(10),
    ]
    for n, radius in enumerate(radii):
        lines.append(
            f"{radius:5.2f}  {background['flux'][n]:5.3f} {background['sigma'][n]:5.3f} {background['snr'][n]:4.2f}   "
            f"{target['flux'][n]:6.3f} {target['sigma'][n]:5.3f} {target['snr'][n]:4.2f}   "
            f"{target['flux'][n] - background['flux'][n]:6.3f}"
        )
    write_text(path, "\n".join(lines) + "\n")


@toolbox.command(build_parser, functools.partial(diagnostics.show_failure, "photometry"))
def main(args, losses):
    options = Options.of(args).checked()
    frames = toolbox.prepared_frames(args.images, losses)
    photometry(frames, losses, options)
    toolbox.keep_choices("photometry", args, options)
    diagnostics.render(args.folder, jobs=args.jobs)


if __name__ == "__main__":
    sys.exit(main())
