"""The mask of bad pixels of a data set: made from its frames, joined with the instrument's own, kept, read again."""

import functools
import logging
from pathlib import Path

import numpy as np
from astropy.io import fits

from photometrypipeline.base import workers
from photometrypipeline.base.attempts import attempt
from photometrypipeline.base.errors import FrameError, PipelineError
from photometrypipeline.frames import fitsbytes, ldac, recordtypes, wcskeywords
from photometrypipeline.frames.contents import Contents, digest
from photometrypipeline.photometry import badpixels

log = logging.getLogger("pp.badpixels")

CONTENTS = ".diagnostics/stamps/contents.json"  # digests of the frames' pixels, which the steps keep
FEWEST_SOURCES = 5  # unflagged ones, that tell the FWHM
CLEAR_MAG = 0.1  # error of sources whose FWHM is that of stars; with a low threshold most are peaks of noise
LISTS = 3  # source lists that are looked at


def of_frames(frames, folder, instrument_mask=None, standing=None, known=None, make_list=None):
    """Return badpixels.Found of `frames` (Frames with a WCS), whose mask is then in `folder` as badpixels.fits.

    Frames of another size than most are left out of the comparison.  A mask made from the same frames is read again.
    instrument_mask : path of a weight image, 0 where a pixel is bad, or None
    standing : (ra_deg, dec_deg) or None of each frame: of a target that may stand still; None if all are unknown
    known : {digest of what it is made from: Found}, of `beforehand`
    make_list : as in `typical_fwhm_px`
    Raises FrameError for a mask that cannot be read.
    """
    folder = Path(folder)
    same, usual = _compared_with(frames, _can_be_compared)
    chosen = [frames[k] for k in same]
    fwhm_px = typical_fwhm_px(chosen, make_list)
    moves = sky_moves(chosen, fwhm_px) if chosen else False
    places = _pixels_of(chosen, [standing[k] for k in same]) if standing else None
    made_from = _made_from(chosen, folder, badpixels.ring(fwhm_px, moves, places is not None), moves, instrument_mask)
    few = len(chosen) < badpixels.FEWEST_FRAMES
    found = badpixels.kept(folder, None if few else made_from, usual[::-1])
    if found is None:
        found = (known or {}).get(made_from)
        if found is None:
            images = [fitsbytes.pixels(frame.path) for frame in chosen]
            found = badpixels.find(images, fwhm_px, moves, places)
            found = _joined(found, instrument_mask, usual[::-1])
        badpixels.write(folder, found, [frame.name for frame in chosen], made_from)
    _tell(found)
    return found


def beforehand(frames, folder, instrument_mask=None, jobs=1):
    """Return what tells bad pixels of `frames` whose WCS is not known yet: a function of paths of source lists.

    It returns (Found, {digest of what it is made from: Found}); Found is None where it depends on whether the sky moves
    over the detector.  The lists tell how wide stars are; with several `jobs` the frames are compared with each other
    while an outside program makes these.  The others as `of_frames` has them.
    """
    folder = Path(folder)
    same, usual = _compared_with(frames, _pixels_can_be_read)
    chosen = [frames[k] for k in same]
    compared = functools.partial(_compare, chosen)
    new = len(chosen) >= badpixels.FEWEST_FRAMES and not (folder / badpixels.FILE_NAME).exists()
    if jobs > 1 and new:
        compared = workers.alongside(compared)
    return functools.partial(_judged, chosen, usual[::-1], folder, instrument_mask, compared)


def _compare(frames):
    return badpixels.compared([fitsbytes.pixels(frame.path) for frame in frames])


def _judged(chosen, shape, folder, instrument_mask, compared, lists):
    fwhm_px = fwhm_of(lists)
    if len(chosen) < badpixels.FEWEST_FRAMES:
        found = badpixels.kept(folder, None, shape) or _joined(badpixels.find(chosen), instrument_mask, shape)
        return found, {}
    width = badpixels.ring(fwhm_px, False, False)
    if width is None:
        return None, {}
    made_from = {moves: _made_from(chosen, folder, width, moves, instrument_mask) for moves in (True, False)}
    for digest_of in made_from.values():
        if found := badpixels.kept(folder, digest_of, shape):
            return found, {}
    judged = badpixels.judged_both(compared(), len(chosen), fwhm_px)
    both = {moves: _joined(found, instrument_mask, shape) for moves, found in judged.items()}
    alike = [each.mask if each.number else None for each in both.values()]
    agreed = np.array_equal(*alike) if all(each is not None for each in alike) else alike[0] is alike[1]
    return (both[True] if agreed else None), {made_from[moves]: found for moves, found in both.items()}


def _compared_with(frames, can_be):
    """Return (numbers of the frames (list) that are compared with each other, their size (nx, ny))."""
    sizes = [attempt(_size, frame) for frame in frames]
    known = [size for size in sizes if isinstance(size, tuple)]
    usual = max(set(known), key=known.count) if known else (0, 0)
    same = [k for k, size in enumerate(sizes) if size == usual]
    return [k for k in badpixels.spread(same) if can_be(frames[k])], usual


def _pixels_can_be_read(frame):
    return not isinstance(attempt(lambda each: fitsbytes.pixels(each.path).shape, frame), PipelineError)


def _size(frame):
    return frame.size_px


def _can_be_compared(frame):
    """Return whether pixels and WCS of a frame can be read; one that is damaged says so where it is measured."""
    found = attempt(lambda each: (fitsbytes.pixels(each.path).shape, wcskeywords.wcs_of(each.header)), frame)
    if isinstance(found, PipelineError):
        log.info("%s: not compared with the others for bad pixels: %s", frame.name, found)
    return not isinstance(found, PipelineError)


def typical_fwhm_px(frames, make_list=None):
    """Return the median FWHM (px) in the source lists of a few frames, None without one that tells it.

    make_list : makes the list of a frame that has none, as after a photometry that was killed: otherwise the width, and
        with it the mask, would be another one than before
    """
    looked_at = frames[:: max(1, len(frames) // LISTS)]
    for frame in looked_at if make_list else ():
        if not frame.ldac.exists():
            attempt(make_list, frame)
    return fwhm_of([frame.ldac for frame in looked_at])


def fwhm_of(lists):
    """Return the median FWHM (px) in source lists (paths), None without one that tells it."""
    widths = []
    for path in lists:
        try:
            table = ldac.read(path, max_flags=0).table
        except FrameError:
            continue
        width = np.asarray(table["FWHM_IMAGE"], dtype=float)
        bright = width[(width > 0) & (np.asarray(table["MAGERR_AUTO"], dtype=float) < CLEAR_MAG)]
        width = bright if bright.size >= FEWEST_SOURCES else width[width > 0]
        widths += [np.median(width)] if width.size >= FEWEST_SOURCES else []
    return float(np.median(widths)) if widths else None


def sky_moves(frames, fwhm_px):
    """Return whether the sky moves over the detector from frame to frame, by the WCS of the headers."""
    solutions = [wcskeywords.wcs_of(frame.header) for frame in frames]
    nx, ny = frames[0].size_px
    place = solutions[0].all_pix2world((nx + 1) / 2, (ny + 1) / 2, 1)
    there = [wcs.wcs_world2pix(*place, 1) for wcs in solutions]
    return badpixels.shifted(np.array(there, dtype=float), fwhm_px or badpixels.WELL_SAMPLED_PX)


def _pixels_of(frames, places):
    """Return (column, row), from 0, of places (ra_deg, dec_deg) in their frames, without those that are unknown."""
    known = [(frame, place) for frame, place in zip(frames, places, strict=False) if place is not None]
    return [tuple(np.array(wcskeywords.wcs_of(f.header).wcs_world2pix(*place, 0), dtype=float)) for f, place in known]


def _made_from(frames, folder, *choices):
    contents = Contents(folder / CONTENTS)
    every = [(frame.name, contents.of_frame(frame.path)) for frame in frames]
    names = [(name, found and found[2]) for name, found in every]  # None for one that cannot be read now
    own = contents.of_file(choices[-1]) if choices[-1] else None
    return digest(repr((badpixels.VERSION, names, choices[:-1], own)))


def _joined(found, instrument_mask, shape):
    """Return `found` together with the bad pixels of the instrument's own mask."""
    if not instrument_mask:
        return found
    try:
        weights = np.asarray(fits.getdata(instrument_mask))
    except (OSError, TypeError, ValueError) as error:
        raise FrameError(
            instrument_mask, f"is not a mask ({error})", "correct the mask_file of the telescope"
        ) from None
    if weights.shape != tuple(shape):
        log.warning("%s: not of the size of the frames, not joined with their bad pixels", instrument_mask)
        return found
    mask = found.mask if found.mask is not None else np.zeros(shape, np.uint8)
    return badpixels.Found(mask | np.where(weights <= 0, np.uint8(badpixels.INSTRUMENT), np.uint8(0)), found.n_frames,
                           found.reason, found.remark)  # fmt: skip


def _tell(found):
    if found.reason:
        log.info("bad pixels: %s", found.reason)
    if found.remark:
        log.warning("bad pixels: %s", found.remark)
    if found.mask is not None:
        log.info("%d bad pixels by %d frames: %s", np.count_nonzero(found.mask), found.n_frames, badpixels.FILE_NAME)


def record(found):
    """Return what the pages tell of the mask."""
    bits = {"columns": badpixels.COLUMN, "rows": badpixels.ROW, "pixels": badpixels.PIXEL, "dead": badpixels.DEAD}
    counts = {name: found.count(bit) for name, bit in (bits | {"instrument": badpixels.INSTRUMENT}).items()}
    number = 0 if found.mask is None else int(np.count_nonzero(found.mask))
    share = number / found.mask.size if number else 0.0
    said = {"n_frames": found.n_frames, "reason": found.reason, "remark": found.remark}
    file = badpixels.FILE_NAME if number else None
    return recordtypes.BadPixels(number=number, share=share, file=file, **counts, **said)
