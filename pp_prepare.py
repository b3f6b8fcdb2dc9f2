#!/usr/bin/env python3
"""Prepare images: what later steps need to know goes into their headers, in one form for all telescopes.

reads   the images, and the definition of their telescope (setup/, or the user's own)
writes  into the header of each image: mid-time, pixel scale, telescope keyword, filter, exposure, target name, and a
        first guess of the WCS; the pixels stay as they are.  Images that end on .fit or .fts are renamed to .fits.
        Compressed files, files with several images, and frames of colour cameras stay as they are: what can be
        measured is made next to them (IMAGE.fits, IMAGE_chipN.fits, IMAGE_green.fits).

Examples:
  pp_prepare mscience*.fits
  pp_prepare -target 2015_AB123 -ra 179.3 -dec 0.43 image*.fits
"""

from photometrypipeline.base import commandline
from photometrypipeline.runs.stepoptions import PrepareOptions as Options


def build_parser():
    """Return the parser of the command line."""
    return commandline.parser_of(__doc__, Options)


commandline.answer_at_once(build_parser)

# isort: split
import functools
import logging
import re
import sys
from collections import Counter
from dataclasses import replace

import toolbox

import numpy as np

import diagnostics
import pp_setup
from photometrypipeline.base.errors import FrameError, PipelineError, TelescopeError, UnknownFilter, UsageError
from photometrypipeline.frames import recordtypes, wcskeywords
from photometrypipeline.frames.contents import MEASUREMENT
from photometrypipeline.frames.frame import (
    COMMENT_START,
    EXTENSIONS,
    TIME_ERROR,
    Frame,
    is_blank,
    keep_first,
    saved_name,
    set_keyword,
)
from photometrypipeline.frames.hdus import flatten
from photometrypipeline.frames.singles import same_exposures
from photometrypipeline.instruments import airmasses, exposurelength, exposures, headers, plausibility, telescopes
from photometrypipeline.instruments.dataset import DataSet
from photometrypipeline.instruments.instrument import as_text
from photometrypipeline.newcamera import bodyplace, generic, pixelunits, recognise
from photometrypipeline.registration import blind
from photometrypipeline.sky.times import MJD_ZERO, spoken_s

log = logging.getLogger("pp.prepare")

NOWHERE = (0.0, 90.0)  # deg, stands for a pointing that nobody knows
SAME_TIME_D = 1e-7  # what rounding may do to a mid-time, 9 ms
LONGEST_TEXT = 67  # characters that one card holds
BY_USER = "PP: target name given by the user"  # comment of such a card, cut where the card is full
EXTINCTION = 0.05  # mag per airmass, assumed; SCAMP asks for it, nothing is corrected by it


@toolbox.stamped("prepare", lambda ready: (ready, [], {}))
def prepare(frames, losses, options=Options()):  # noqa: B008  it is frozen
    """Prepare the headers of `frames`; returns the Frames that are ready, whose files may have got new names.

    Frames that cannot be prepared stay as they are and go to `losses`.  Writes the record of the step.
    """
    frames = DataSet.of(frames)
    first = telescopes_of(frames, options.telescope, losses)
    frames = frames.only(understood(frames, first, losses))
    by_hand = {name: str(value) for name, value in (("ra", options.ra), ("dec", options.dec)) if value is not None}
    given = options.set | by_hand
    places = {}
    if not (options.keep_wcs or {"ra", "dec"} <= set(given)):
        client = frames.client(options.offline)
        places = bodyplace.of_frames(frames, first, options.target, client, options.places)
    answers = generic.complete(frames, first, given, options.keep_wcs, places)
    wanted = {
        "ra_deg": options.ra,
        "dec_deg": options.dec,
        "flip_x": options.flipx,
        "flip_y": options.flipy,
        "rotate_deg": options.rotate,
        "target": options.target,
        "keep_wcs": options.keep_wcs,
    }

    facts, unknown = {}, [each for each in frames if first[each.name].key == generic.KEY]
    if unknown:
        from photometrypipeline.newcamera import camerafacts

        facts = camerafacts.of_frames(unknown, answers)
    doubtful = {}  # Exposures by the name of their frame

    def one(frame):
        instrument, name = first[frame.name], frame.name
        changes = {"keep_wcs": options.keep_wcs or is_stack(frame)}
        if frame.name in places:
            changes |= dict(zip(("ra_deg", "dec_deg"), places[frame.name], strict=True))
        frame = rename(frame)
        if flatten(frame.path):
            frame = Frame(frame.path)
        frame.telescope = instrument
        if is_blank(frame.path, frame.header):
            raise FrameError(frame.path, "contains no pixel with a value, all are NaN", "remove it from the list")
        if pixelunits.ASINH[0] in frame.header and pixelunits.is_asinh(frame.header, frame.read_pixels()):
            reason = "has asinh magnitudes as pixels (BSOFTEN, BOFFSET), not light"
            raise FrameError(frame.path, reason, "make it linear, or take a cut-out, which is")
        generic.implant(frame, instrument, answers, facts.get(name))
        doubtful[frame.name] = prepare_header(frame, instrument, **wanted | changes)
        crop = instrument.special.get("crop_border_px")
        if crop and "PPCROP" not in frame.header:
            crop_border(frame, int(crop), changes["keep_wcs"])
        else:
            frame.save()
        frame.telescope = None  # a prepared header may tell more of the site
        return frame

    done = toolbox.sort_out(frames, toolbox.parallel(one, frames, options.jobs, "prepare"), losses)
    if not done:
        raise PipelineError("none of the images could be prepared")
    ready = frames.only([frame for _, frame in done])
    report_doubts([doubtful[frame.name] for frame in ready])
    report_mistakes(ready)
    for names in same_exposures(ready):
        log.warning(
            "%s are copies of one exposure, which counts %d times; leave out all but one",
            ", ".join(names[:5]),
            len(names),
        )
    diagnostics.record("prepare", record([(frame, first[old.name]) for old, frame in done], wanted), frames.folder)
    toolbox.say(f"{len(ready)} of {len(frames)} images have been prepared for {first[done[0][0].name].label}")
    return ready


def report_mistakes(frames):
    """Say what was wrong in the headers of prepared frames and has been corrected, once for all that share it."""
    corrected = Counter(frame.header["PPFIXED"] for frame in frames if "PPFIXED" in frame.header)
    for text, number in corrected.items():
        log.warning("%d of %d images: %s; corrected (PPFIXED in their headers)", number, len(frames), text)


def report_doubts(found):
    """Say by how much the times of Exposures (list) may be off, once for all that share the reason."""
    errors = {}
    for exposure in found:
        for text in exposure.doubts:
            errors.setdefault(re.sub(r"[\d.]+", "#", text), []).append((exposure.error_s, text))
    for alike in errors.values():
        error_s, text = max(alike)
        if not error_s:
            log.warning("%d of %d images: %s; if that is wrong, correct their headers", len(alike), len(found), text)
            continue
        log.warning(
            "%d of %d images: the time may be off by up to %s (%s in their headers): %s",
            len(alike),
            len(found),
            spoken_s(error_s),
            TIME_ERROR,
            text,
        )


def is_stack(frame):
    """Return whether a frame comes from pp_combine; its WCS stays, that of its telescope knows nothing of it."""
    if "COMBO_N" not in frame.header:
        return False
    log.info("%s is a stack, its WCS is kept", frame.name)
    return True


def telescopes_of(frames, override, losses):
    """Return {frame name: Telescope}; a header that names no known instrument counts as GENERIC, with a warning."""
    found, unknown = {}, Counter()
    for frame in frames:
        try:
            found[frame.name] = telescopes.identify(frame.header, override)
        except TelescopeError as error:
            if override:
                raise UsageError(str(error)) from None
            unknown[str(error)] += 1
            log.info("%s: %s; treated as GENERIC", frame.name, error)
            found[frame.name] = telescopes.get("GENERIC").for_header(frame.header)
    for reason, number in unknown.items():
        log.warning("%d of %d images: %s; treated as GENERIC", number, len(frames), reason)
    return found


def understood(frames, telescopes, losses):
    """Return the Frames (list) whose headers can be read, whatever they say; others go to `losses`.

    What is asked of all of them together is not in the way of the others then.
    """

    def read(frame):
        telescope = telescopes[frame.name]
        if telescope.key == generic.KEY:
            recognise.read(frame.header)
        else:
            bodyplace.has_pointing(frame, telescope)

    kept = [frame for frame, _ in toolbox.each(read, frames, losses)]
    if not kept:
        raise PipelineError("none of the images could be prepared")
    return kept


def rename(frame):
    """Return the Frame under its name ending on .fits; renames the file, never over another.  Raises FrameError."""
    if frame.path.suffix == ".fits" or frame.path.suffix.lower() not in EXTENSIONS:
        return frame
    path = frame.path.with_suffix(".fits")
    if path.exists() and not path.samefile(frame.path):
        raise FrameError(frame.path, f"cannot be renamed, {path.name} exists already", "rename one of them")
    frame.path.rename(path)
    log.info("%s renamed to %s", frame.name, path.name)
    return Frame(path)


def prepare_header(frame, telescope, *, ra_deg, dec_deg, flip_x, flip_y, rotate_deg, target, keep_wcs):
    """Change the header of `frame` in memory; returns its Exposure.  Raises FrameError; it is then not to be saved.

    All that is needed is read before the first keyword is changed.  The outcome is the same, card for card, whatever
    later steps have done to the header since it was prepared last.
    """
    header = frame.header
    if not target:
        take_target_back(header, telescope)
    facts = read_facts(frame, telescope, keep_wcs, (ra_deg, dec_deg))
    while header.cards and header.cards[-1].is_blank:
        del header[-1]  # room for further cards; how much of it is left would depend on what was written before
    write_standard(header, facts)
    write_observation(header, telescope, facts)
    if target:
        write_target(header, telescope, target)
    if not keep_wcs:
        write_wcs(frame, telescope, facts, (ra_deg, dec_deg), (flip_x, flip_y), rotate_deg)
    return facts["exposure"]


def read_facts(frame, telescope, keep_wcs, given_deg):
    """Return what the header says (dict): binning, scale, mid-time, filter, exposure, airmass, object, pointing.

    given_deg : (ra, dec) of the centre by hand, each may be None.  Raises FrameError for whatever is missing.
    """
    pointing_optional = keep_wcs or None not in given_deg
    if keep_wcs and (reason := wcskeywords.why_not_kept(frame.header)):
        raise FrameError(frame.path, reason, "leave out -keep_wcs to have it registered, or remove the frame")
    binning = headers.binning(frame, telescope)
    scale = telescope.pixel_scale or generic.pixel_scale(frame)
    facts = {
        "binning": binning,
        "scale_arcsec": tuple(round(s * b, 8) for s, b in zip(scale, binning, strict=True)),
        "filter": headers.raw_filter(frame, telescope),
        "object": headers.text_of(frame, telescope, "object"),
        "equinox": headers.equinox(frame, telescope),
        "chip": telescope.chip(headers.value_of(frame, telescope, "chip")) if telescope.chips else telescope,
        "distortion": telescope.distortion_of(frame.header),
    }
    facts["corrected"], facts["keeps_midtime"] = [], False
    try:
        *facts["pointing_deg"], corrected = plausibility.checked_pointing(frame, telescope)
        facts["corrected"].append(corrected)
    except FrameError as error:
        widest_arcsec = min(facts["scale_arcsec"]) * wcskeywords.scale_factor(frame.header)
        found_later = blind.possible(frame.size_px, widest_arcsec, pp_setup.catalog_folders)
        if not (pointing_optional or found_later):
            raise
        if not pointing_optional:
            log.warning("%s; the registration will search the whole sky for it", error)
        facts["pointing_deg"] = None
    if keep_wcs:
        exposure, facts["keeps_midtime"] = own_midtime(frame, telescope, facts["pointing_deg"])
    else:
        exposure = exposures.of_frame(frame, telescope, facts["pointing_deg"])
    facts["exposure"], facts["exptime_s"] = exposure, exposure.light_s
    place_deg = given_deg if None not in given_deg else facts["pointing_deg"]
    facts["airmass"], facts["airmass_how"] = airmasses.of_frame(frame, telescope, place_deg, exposure.midtime_jd)
    facts["corrected"].append(exposure.corrected)
    for text in exposure.notes:
        log.info("%s: %s", frame.name, text)
    return facts


def own_midtime(frame, telescope, pointing_deg):
    """Return (Exposure, whether a MIDTIMJD of the header is kept): it wins over what the rest of the header says."""
    kept = headers.number(frame.header.get("MIDTIMJD"))
    if not MJD_ZERO < kept < np.inf or "COMBO_N" in frame.header:
        return exposures.of_frame(frame, telescope, pointing_deg), False
    try:
        exposure = exposures.of_frame(frame, telescope, pointing_deg)
    except FrameError as error:
        log.info("%s; MIDTIMJD = %s is kept", error, kept)
        return exposures.Exposure(kept, headers.exptime_s(frame, telescope)), True
    if abs(exposure.midtime_jd - kept) < SAME_TIME_D:
        return replace(exposure, midtime_jd=kept), True
    log.warning(
        "%s: MIDTIMJD = %.8f is kept, although the rest of the header gives %.8f; remove it to have it computed",
        frame.name,
        kept,
        exposure.midtime_jd,
    )
    return exposures.Exposure(kept, exposure.light_s), True


def write_standard(header, facts):
    """Put in the keywords that Source Extractor and SCAMP ask for, take out those of steps that are to follow."""
    for keyword in MEASUREMENT:
        header.remove(keyword, ignore_missing=True)
    epoch = re.search(r"\d{4}", str(header.get("EPOCH", "")))
    if not epoch or float(epoch.group()) < 1950:
        set_keyword(header, "EPOCH", 2000, "required by Source Extractor")
    set_keyword(header, "PHOTFLAG", "F", "not known to be photometric, for SCAMP")
    set_keyword(header, "PHOT_K", EXTINCTION, "assumed extinction coefficient")
    scale = facts["scale_arcsec"]
    for keyword, value in (("SECPIXX", scale[0]), ("SECPIXY", scale[1]), ("SECPIX", scale[0])):
        set_keyword(header, keyword, value, "[arcsec/px] pixel scale after binning")


def write_observation(header, telescope, facts):
    """Put in what was observed when, with which telescope."""
    exposure = facts["exposure"]
    if not facts["keeps_midtime"]:
        set_keyword(header, "MIDTIMJD", exposure.midtime_jd, "obs midtime (JD, UTC)")
    for keyword in ("PPFIXED", "PPDOUBT", TIME_ERROR):
        header.remove(keyword, ignore_missing=True)
    if exposure.error_s:
        set_keyword(header, TIME_ERROR, round(exposure.error_s, 3), "[s] MIDTIMJD may be off by as much")
    if exposure.doubts:
        set_keyword(header, "PPDOUBT", "; ".join(exposure.doubts)[:LONGEST_TEXT], "")
    if any(facts["corrected"]):
        set_keyword(header, "PPFIXED", "; ".join(filter(None, facts["corrected"]))[:LONGEST_TEXT], "")
    set_keyword(header, "TELINSTR", telescope.label, "telescope/instrument name")
    set_keyword(header, "TEL_KEYW", telescope.key, "telescope keyword")
    write_filter(header, telescope, facts["filter"])
    write_length(header, telescope, exposure)
    if facts["airmass"] is None:
        header.remove("AIRMASS", ignore_missing=True)
    else:
        set_keyword(header, "AIRMASS", facts["airmass"], facts["airmass_how"])
    set_keyword(header, "OBJECT", facts["object"] or "None", "target")


def write_filter(header, telescope, raw):
    """Put in the filter; what the own keyword of the telescope says besides, of an empty wheel, survives."""
    keyword = telescope.header["filter"] or "FILTER"
    own = as_text(header.get(keyword, ""))
    if own and own != raw:
        keep_first(header, keyword)
    elif keyword != "FILTER":
        set_keyword(header, keyword, raw, "filter as the telescope calls it")
    set_keyword(header, "FILTER", raw, "filter as the telescope calls it")


def write_length(header, telescope, exposure):
    """Put in the exposure time; that of a stack replaces that of its frames, which survives under `_EXPTIME`.

    What the camera says of a length that is right stays, since a second run needs it.
    """
    keyword = telescope.header["exptime"]
    if exposure.light_s != headers.number(header.get(keyword)) and keyword == "EXPTIME":
        keep_first(header, keyword)
    whole = exposure.is_stack and saved_name(keyword) in header
    right = exposure.light_s == headers.number(header.get("EXPTIME"))
    said = str(header.comments["EXPTIME"]).removeprefix(COMMENT_START) if right else ""
    said = f"[s] {exposurelength.WHOLE}" if whole else said or "[s] exposure time"
    set_keyword(header, "EXPTIME", exposure.light_s, said)


def write_target(header, telescope, target):
    """Replace the object name; the first old one survives under `_` and the keyword."""
    for keyword in dict.fromkeys((telescope.header["object"], "OBJECT")):
        keep_first(header, keyword)
        set_keyword(header, keyword, target, BY_USER.removeprefix(COMMENT_START))


def take_target_back(header, telescope):
    """Put back the object name of the camera where an earlier run has replaced it by one of the user."""
    for keyword in dict.fromkeys((telescope.header["object"], "OBJECT")):
        if keyword in header and saved_name(keyword) in header and header.comments[keyword].startswith(BY_USER[:20]):
            set_keyword(header, keyword, header.pop(saved_name(keyword)), "target")


def write_wcs(frame, telescope, facts, centre_deg, flips, rotate_deg):
    """Replace the WCS by the first guess: telescope's orientation around the pointing of the header, or the user's."""
    header, chip = frame.header, facts["chip"]
    by_hand = all(value is not None for value in centre_deg)
    unknown = not (facts["pointing_deg"] or by_hand)
    pointing = headers.to_icrs(*facts["pointing_deg"], facts["equinox"]) if facts["pointing_deg"] else NOWHERE
    offset = (0.0, 0.0) if by_hand or chip is telescope else chip.offset
    centre = [
        given if given is not None else own + shift
        for given, own, shift in zip(centre_deg, pointing, offset, strict=True)
    ]
    guess = wcskeywords.first_guess(
        centre[0] % 360,
        centre[1],
        frame.size_px,
        facts["scale_arcsec"],
        chip.flip_x != flips[0],
        chip.flip_y != flips[1],
        chip.rotate + rotate_deg,
    )
    wcskeywords.note_pointing(header, unknown)
    own_wcs = headers.uses_wcs(frame, telescope)
    if not wcskeywords.is_ours(header):
        for keyword in (telescope.keyword("ra"), telescope.keyword("dec")):
            if keyword in guess:
                keep_first(header, keyword)
        if "EQUINOX" not in header and facts["equinox"] != 2000.0:  # EPOCH or RADESYS tell it
            set_keyword(header, saved_name("EQUINOX"), facts["equinox"], "of the pointing")
        keep_first(header, "EQUINOX")
    wcskeywords.remove_wcs(header, keep=telescope.keep_keywords)
    if own_wcs and facts["pointing_deg"]:
        for keyword, value in zip(headers.OWN_CENTRE, facts["pointing_deg"], strict=True):
            set_keyword(header, keyword, float(value), "[deg] centre by the WCS that the image came with")
    set_keyword(header, "EQUINOX", 2000.0, "equinox of the WCS")
    wcskeywords.write_first_guess(header, guess, facts["distortion"])


def crop_border(frame, border_px, keep_wcs):
    """Cut `border_px` off each side of the image, once in its life, noted in PPCROP; an existing WCS moves along."""
    header = frame.header
    nx, ny = (length - 2 * border_px for length in frame.size_px)
    if min(nx, ny) < 1:
        raise FrameError(
            frame.path, f"is too small to cut off {border_px} pixels on each side", "remove it from the list"
        )
    set_keyword(header, "PPCROP", border_px, "[px] cut off at each side")
    for keyword, middle in (("CRPIX1", nx // 2), ("CRPIX2", ny // 2)):
        if keep_wcs and keyword in header:
            header[keyword] = float(header[keyword]) - border_px
        elif not keep_wcs:
            header[keyword] = middle
    frame.save_cropped(border_px)


def record(prepared, options):
    """Return the record of the step: `prepared` is a list of (Frame, Telescope)."""
    filters = list(dict.fromkeys(str(frame.header["FILTER"]) for frame, _ in prepared))
    telescope = prepared[0][1]
    try:
        band = telescope.band(filters[0])
    except UnknownFilter as error:
        log.warning("%s", error)
        band = None
    return recordtypes.Prepare(
        telescope=recordtypes.TelescopeName(key=telescope.key, label=telescope.label),
        raw_filters=filters,
        band=band,
        frames=[_frame_record(frame, telescope) for frame, telescope in prepared],
    )


def _frame_record(frame, telescope):
    header = frame.header
    binning = headers.binning(frame, telescope)
    scale = [header["SECPIXX"], header["SECPIXY"]]
    centre = [
        float(header[key]) if np.isreal(header.get(key)) else None for key in ("CRVAL1", "CRVAL2") if key in header
    ]
    if wcskeywords.NO_POINTING in header:
        centre = []
    return recordtypes.PreparedFrame(
        name=frame.name,
        stem=frame.stem,
        midtime_jd=header["MIDTIMJD"],
        object=str(header["OBJECT"]),
        filter=str(header["FILTER"]),
        airmass=header.get("AIRMASS"),
        exptime_s=header["EXPTIME"],
        pixel_scale_arcsec=[s / b for s, b in zip(scale, binning, strict=True)],
        binning=list(binning),
        size_px=list(frame.size_px),
        ra_deg=centre[0] if len(centre) == 2 else None,
        dec_deg=centre[1] if len(centre) == 2 else None,
    )


@toolbox.command(build_parser, functools.partial(diagnostics.show_failure, "prepare"))
def main(args, losses):
    options = Options.of(args).checked()
    images = toolbox.taken_in(args.images, options, losses)
    prepare(toolbox.single_frames(images, losses), losses, options)
    toolbox.keep_choices("prepare", args, options)
    diagnostics.render(args.folder, jobs=args.jobs)


if __name__ == "__main__":
    sys.exit(main())
