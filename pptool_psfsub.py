#!/usr/bin/env python3
"""Take stars off that the target passes: they are fitted with the point-spread function of the frame and subtracted.

reads   images and IMAGE.ldac from pp_photometry; the target's ephemeris from the local store, or JPL Horizons
writes  IMAGE_psfsub.fits for each image in which a star is near the target; the images themselves stay as they are

A star is what other frames show at the same place, after the target has moved on.  Go on with pp_photometry,
pp_calibrate and pp_distill on the new frames.

Examples:
  pptool_psfsub mscience*.fits
  pptool_psfsub -positions positions.dat -radius 20 mscience*.fits
"""

from photometrypipeline.base import commandline
from photometrypipeline.runs import stepoptions

RADIUS_ARCSEC = 15.0


def build_parser():
    """Return the parser of the command line."""
    parser = commandline.parser_of(__doc__, stepoptions.Jobs, stepoptions.Offline, stepoptions.Ephemeris)
    parser.add_argument("-target", metavar="NAME", help="target name, whatever the headers say, e.g. 2015_AB123")
    parser.add_argument("-positions", metavar="FILE", help="places of the target: lines of image RA Dec [JD]")
    parser.add_argument(
        "-radius",
        type=float,
        default=RADIUS_ARCSEC,
        metavar="ARCSEC",
        help="around the target within which stars are subtracted (default: %(default)s)",
    )
    return parser


commandline.answer_at_once(build_parser)

# isort: split
import logging
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import toolbox

import numpy as np

from photometrypipeline.base.errors import FrameError, PipelineError, UsageError
from photometrypipeline.base.files import replacing
from photometrypipeline.ephemerides import ephemeris
from photometrypipeline.frames import ldac, positionsfile, seeing, wcskeywords
from photometrypipeline.frames.frame import set_keyword, write_header
from photometrypipeline.frames.hdus import SCALING
from photometrypipeline.instruments import headers
from photometrypipeline.instruments.dataset import telescope_of
from photometrypipeline.photometry import fieldstars, psf
from photometrypipeline.sky import sphere
from photometrypipeline.targets import targets

log = logging.getLogger("pp.psfsub")

SUFFIX = "_psfsub.fits"


@dataclass
class View:
    """One frame: its WCS, its sources (0-based px) and their FWHM, and the target's place on the sky and in px."""

    frame: object
    wcs: object
    sources: object
    x: np.ndarray
    y: np.ndarray
    fwhm_px: float
    place: tuple
    target_px: tuple


@dataclass
class Outcome:
    """What became of one frame: stars subtracted, bias and scatter of what is left of a star, shares of its light.

    light_adu, error_adu : their light in the target's aperture, and its error by the fit
    """

    n_stars: int
    bias: float = np.nan
    scatter: float = np.nan
    light_adu: float = 0.0
    error_adu: float = 0.0
    path: Path | None = None


def subtract_stars(frames, losses, places, radius_arcsec, jobs):
    """Write a frame without the stars near the target next to each of `frames`; returns {frame name: Outcome}.

    places : {frame name: (ra_deg, dec_deg)} of the target
    """

    def look(frame):
        return view_of(frame, places)

    views = toolbox.sort_out(frames, toolbox.parallel(look, frames, jobs, "sources"), losses)
    if not views:
        raise PipelineError("none of the frames can be used")
    views = [view for _, view in views]
    stars = fieldstars.find([detections_of(view) for view in views], match_arcsec(views))
    log.info("%d stars are known in the field", stars[0].size)

    def one(view):
        return clean(view, stars, radius_arcsec)

    done = toolbox.parallel(one, views, jobs, "stars")
    outcomes = toolbox.sort_out([view.frame for view in views], done, losses)
    return {frame.name: outcome for frame, outcome in outcomes}


def view_of(frame, places):
    """Return the View of a frame.  Raises FrameError where source list, WCS or place is missing."""
    if frame.name not in places:
        raise FrameError(frame.path, "has no place of the target", "give it with -positions")
    try:
        wcs = wcskeywords.wcs_of(frame.header)
    except ValueError as error:
        raise FrameError(frame.path, f"has no usable WCS ({error})", "run pp_register first") from None
    sources = ldac.read(frame.ldac)
    table = sources.table
    x, y = (np.asarray(table[name], dtype=float) - 1 for name in ("XWIN_IMAGE", "YWIN_IMAGE"))
    fwhm = seeing.fwhm_px(table)
    if not np.isfinite(fwhm):
        raise FrameError(frame.ldac, "holds no star whose width is known", "run pp_photometry again")
    place = places[frame.name]
    pixel = wcs.all_world2pix(*([value] for value in place), 0, quiet=True)
    return View(frame, wcs, sources, x, y, fwhm, place, tuple(float(axis[0]) for axis in pixel))


def match_arcsec(views):
    """Return how near to each other detections of one star lie: half a seeing disc, an arcsecond at least."""
    scale = np.median([np.sqrt(abs(np.linalg.det(view.wcs.pixel_scale_matrix))) * 3600 for view in views])
    return max(fieldstars.MATCH_ARCSEC, 0.5 * scale * np.median([view.fwhm_px for view in views]))


def detections_of(view):
    """Return the Detections of a frame without those that may be the target, or a blend with it."""
    margin = 1.5 * view.fwhm_px
    away = np.hypot(view.x - view.target_px[0], view.y - view.target_px[1]) > margin
    nx, ny = view.frame.size_px

    def shows(ra_deg, dec_deg):
        x, y = view.wcs.all_world2pix(ra_deg, dec_deg, 0, quiet=True)
        on_frame = (x > 0) & (y > 0) & (x < nx - 1) & (y < ny - 1)
        return on_frame & (np.hypot(x - view.target_px[0], y - view.target_px[1]) > margin)

    ra, dec = view.wcs.all_pix2world(view.x[away], view.y[away], 0)
    return fieldstars.Detections(np.mod(ra, 360), dec, shows)


def clean(view, stars, radius_arcsec):
    """Subtract the stars around the target from one frame, write the result; returns an Outcome."""
    near = sphere.separation_deg(*stars, *view.place) * 3600 < radius_arcsec
    if not near.any():
        return Outcome(0)
    frame = view.frame
    telescope = telescope_of(frame)
    image = frame.read_pixels().astype(float)
    field = psf.field_of(
        image, view.fwhm_px, headers.gain_e_adu(frame, telescope), headers.saturation_adu(frame, telescope)
    )
    model, bias, scatter = model_of(view, field)
    x, y = view.wcs.all_world2pix(stars[0][near], stars[1][near], 0, quiet=True)
    shift = offset(view, stars)
    fitted = psf.fit_around(field, model, x + shift[0], y + shift[1], view.target_px)
    taken = [n for n in range(x.size) if np.isfinite(fitted.flux[n]) and fitted.flux[n] > 0]
    light = psf.light(fitted, taken, image.shape, view.fwhm_px)
    in_place, error = in_aperture(view, fitted, taken, image.shape)
    path = frame.path.with_name(frame.stem + SUFFIX)
    write(path, frame, image - light, len(taken), scatter, error)
    return Outcome(len(taken), bias, scatter, in_place, error, path)


def offset(view, stars):
    """Return (dx, dy), px, by which the sources of a frame lie off the known stars: an error of its WCS."""
    x, y = view.wcs.all_world2pix(*stars, 0, quiet=True)
    clean = np.asarray(view.sources.table["FLAGS"]) == 0
    away = np.hypot(view.x - view.target_px[0], view.y - view.target_px[1]) > psf.APART_FWHM * view.fwhm_px
    moves = []
    for own_x, own_y in zip(view.x[clean & away], view.y[clean & away], strict=True):
        distance = np.hypot(x - own_x, y - own_y)
        if distance.min() < 0.5 * view.fwhm_px:
            moves.append((own_x - x[distance.argmin()], own_y - y[distance.argmin()]))
    return np.median(moves, axis=0) if moves else np.zeros(2)


def in_aperture(view, fitted, taken, shape):
    """Return (light, error), ADU, of the subtracted stars in the aperture of the target."""
    radius = float(view.frame.header.get("APRAD") or view.fwhm_px)
    rows, columns = np.indices(shape)
    inside = np.hypot(columns - view.target_px[0], rows - view.target_px[1]) < radius
    each = np.array([psf.light(fitted, [n], shape, view.fwhm_px)[inside].sum() for n in taken])
    errors = each * np.array([fitted.flux_err[n] / fitted.flux[n] for n in taken])
    return float(each.sum()), float(np.sqrt(np.nansum(errors**2)))


def model_of(view, field):
    """Return (model, bias, scatter): the PSF of a frame, and what it leaves of stars that it was not made from."""
    table = view.sources.table
    with np.errstate(divide="ignore", invalid="ignore"):
        snr = np.asarray(table["FLUX_ISOCOR"]) / np.asarray(table["FLUXERR_ISOCOR"])
    good = psf.choose_stars(field, view.x, view.y, np.nan_to_num(snr), np.asarray(table["FLAGS"]), view.target_px)
    checks = good[psf.CHECK_EVERY - 1 :: psf.CHECK_EVERY]
    if good.size - checks.size < psf.FEWEST:
        checks = good[:0]
    makers = np.setdiff1d(good, checks)
    try:
        model = psf.build(field, view.x[makers], view.y[makers])
    except ValueError as error:
        raise FrameError(view.frame.path, str(error), "use more exposure, or leave it out") from None
    checks = checks if checks.size else makers
    return model, *psf.check(field, model, view.x[checks], view.y[checks])


def write(path, frame, pixels, n_stars, scatter, error_adu):
    """Write the frame with other pixels, float32; its header keeps all that the steps need."""
    header = frame.header.copy()
    for keyword in (*SCALING, "DATASUM", "CHECKSUM"):
        header.remove(keyword, ignore_missing=True)
    header["BITPIX"] = -32
    set_keyword(header, "PSFSUB_N", n_stars, "number of stars subtracted near the target")
    if np.isfinite(scatter):
        set_keyword(header, "PSFRESID", round(scatter, 5), "what is left of a star, share of its light")
    set_keyword(header, "PSFERR", round(error_adu, 2), "[ADU] error of star light in the target's aperture")
    with replacing(path) as temporary:
        shutil.copyfile(frame.path, temporary)
        write_header(temporary, header, pixels.astype(np.float32))


# ---- where the target is


def places_of(frames, args):
    """Return {frame name: (ra_deg, dec_deg)} of the target that the command line means."""
    measured = [targets.Measured(frame, {"obstime": frame.number("MIDTIMJD")}, None, None) for frame in frames]
    if args.positions:
        found = positionsfile.read(args.positions)
        if len(found) > 1:
            raise UsageError(f"{args.positions} has positions of several targets ({', '.join(found)}); one at a time")
        return targets.from_positions(*next(iter(found.items())), measured).places
    name = args.target or str(frames[0].header.get("OBJECT", "None")).strip()
    jds = np.array([each.header["obstime"] for each in measured])
    client, choice = frames.client(args.offline), toolbox.ephemeris_choice(args)
    found = ephemeris.positions(name, frames.telescope.mpc_code, jds, client, frames.folder, choice)
    toolbox.say(f"{name} is {found.full_name} (positions: {found.source})")
    return targets.from_ephemeris(name, "primary", measured, found).places


def report(outcomes):
    """Print what was subtracted in each frame, and what is left of stars."""
    toolbox.say(f"{'image':40} stars  left of a star     star light in the target's aperture (ADU)")
    for name, outcome in outcomes.items():
        if outcome.n_stars:
            left = f"{outcome.bias:+.2%} +- {outcome.scatter:.2%}"
            toolbox.say(
                f"{name:40} {outcome.n_stars:5d}  {left:17} {outcome.light_adu:12.0f} +- {outcome.error_adu:.0f}"
            )
        else:
            toolbox.say(f"{name:40}     0  no star near the target, nothing is written")


@toolbox.command(build_parser)
def main(args, losses):
    if not args.radius > 0:
        raise UsageError("-radius must be above 0")
    frames = toolbox.prepared_frames(args.images, losses)
    report(subtract_stars(frames, losses, places_of(frames, args), args.radius, args.jobs))


if __name__ == "__main__":
    sys.exit(main())
