#!/usr/bin/env python3
"""Combine frames into one deeper image: of the sky, or of a target that moves across it.

reads   images with a WCS, from pp_register or pp_prepare -keep_wcs; with -comoving the target's ephemeris from the
        local store, or JPL Horizons
writes  skycoadd.fits, or comove.fits with -comoving or -manual_rates; the images themselves stay as they are;
        -keep_files: each frame on the grid of the stack (IMAGE_resamp.fits), or shifted along (IMAGE_moving.fits)

Examples:
  pp_combine mscience*.fits
  pp_combine -comoving -targetname 2015_AB123 -method average mscience*.fits
  pp_combine -manual_rates 0.0125 -0.0056 -keep_files mscience*.fits
"""

from photometrypipeline.base import commandline
from photometrypipeline.runs.stepoptions import CombineOptions as Options


def build_parser():
    """Return the parser of the command line."""
    return commandline.parser_of(__doc__, Options)


commandline.answer_at_once(build_parser)

# isort: split
import logging
import shutil
import sys
import tempfile
from pathlib import Path

import toolbox

import numpy as np
from astropy.io import fits
from astropy.stats import sigma_clipped_stats

import pp_extract
import pp_setup
from photometrypipeline.base.errors import FrameError, PipelineError, UsageError
from photometrypipeline.base.files import replacing
from photometrypipeline.ephemerides import ephemeris
from photometrypipeline.frames import fitsbytes, wcskeywords
from photometrypipeline.frames.frame import Frame, set_keyword
from photometrypipeline.frames.singles import without_products
from photometrypipeline.instruments import headers
from photometrypipeline.instruments.dataset import DataSet, telescope_of
from photometrypipeline.photometry import badpixels, motion, noise, stacks, starmask
from photometrypipeline.programs import astromatic, swarp
from photometrypipeline.sky.times import SECONDS_PER_DAY

log = logging.getLogger("pp.combine")

SKY, COMOVING = "skycoadd.fits", "comove.fits"
LEAST_MOTION = 10.0  # aperture radii over all frames, for stars to be told from the target
LEVEL_SAMPLES = 500_000  # pixels of a frame that its sky level is taken from


def combine(frames, losses, options=Options(), folder=None):  # noqa: B008  it is frozen
    """Combine `frames` into one image; returns its Frame.  Frames that cannot be used go to `losses`.

    folder : where it is written, default that of the data set
    Raises UsageError for frames of several instruments or filters, PipelineError where nothing can be combined: no
    frame with a WCS, no ephemeris for one of them, SWarp failed.
    """
    frames = DataSet.of(frames)
    frames = frames.only(without_products(frames))
    telescope, folder = check_one_kind(frames), frames.folder if folder is None else Path(folder)
    layers = [layer for _, layer in toolbox.sort_out(frames, [layer_of(frame, telescope) for frame in frames], losses)]
    if not layers:
        raise PipelineError("none of the frames can be combined")
    if len(layers) == 1:
        log.warning("%s is the only frame: it is resampled, there is nothing to combine", layers[0].frame.name)
    if options.method == "median":
        log.warning("a median does not conserve flux where the seeing changes; use average or clipped for photometry")
    places = reference_points(layers, telescope, options, frames)
    output = folder / (COMOVING if options.moving else SKY)
    with tempfile.TemporaryDirectory(prefix=".pp_combine_", dir=folder) as work:
        pixels, covered, made = stack(layers, places, telescope, options, Path(work))
        if options.keep_files and not options.moving:
            keep_resampled(layers, telescope, options, Path(work), folder)
    whole = stacks.totals(layers, options.method, options.backsub)
    pixels = np.where(covered, pixels, 0.0) + np.float32(whole.level)
    header = stacks.header_of(layers, telescope, made, whole, options.method, options.moving, options.targetname)
    note_noise(header, pixels, covered, telescope)
    write(output, header, pixels, layers[0].frame)
    if options.keep_files and options.moving:
        for layer, place in zip(layers, places, strict=True):
            keep_moving(layer.frame, place, folder)
    of = f" in the frame of {object_name(layers, options.targetname)}" if options.moving else ""
    toolbox.say(f"{output.name}: {options.method} of {whole.n_frames} frames{of}, {whole.exptime_s:g} s in all")
    return Frame(output)


# ---- what goes into a stack


def check_one_kind(frames):
    """Return the Telescope of all frames.  Raises UsageError for several instruments or filters."""
    kinds = {}
    for frame in frames:
        telescope = telescope_of(frame)
        kinds.setdefault((telescope.key, headers.raw_filter(frame, telescope)), []).append(frame.name)
    if len(kinds) > 1:
        listed = "; ".join(
            f"{key}, filter {name}: {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}"
            for (key, name), names in kinds.items()
        )
        raise UsageError(f"frames of several instruments or filters cannot be combined: {listed}")
    return telescope_of(frames[0])


def layer_of(frame, telescope):
    """Return the Layer of one frame, its sky not yet looked at, or the FrameError that keeps it out."""
    try:
        return _layer_of(frame, telescope)
    except FrameError as error:
        return error


def _layer_of(frame, telescope):
    header = frame.header
    try:
        wcskeywords.wcs_of(header)
    except ValueError as error:
        raise FrameError(frame.path, f"has no usable WCS ({error})", "run pp_register first") from None
    midtime, exptime = frame.number("MIDTIMJD"), headers.light_s(frame, telescope)
    half = exptime / 2 / SECONDS_PER_DAY
    start, end = midtime - half, midtime + half
    if "COMBOJD1" in header and "COMBOJD2" in header:
        start, end = frame.number("COMBOJD1"), frame.number("COMBOJD2")
    scale = float(header.get("FLXSCALE") or 0)  # 0 where SCAMP solved no photometry
    return stacks.Layer(
        frame=frame,
        midtime_jd=midtime,
        exptime_s=exptime,
        start_jd=start,
        end_jd=end,
        airmass=headers.airmass(frame, telescope),
        gain=headers.gain_e_adu(frame, telescope),
        read_noise=headers.read_noise_e(frame, telescope),
        saturation=headers.saturation_adu(frame, telescope),
        scale=scale if scale > 0 else 1.0,
        scaled=scale > 0,
        n_frames=int(header.get("COMBO_N") or 1),
    )


# ---- where the frames go


def object_name(layers, target):
    """Return the name of the target: `target`, else the object of the first frame; warns if the frames disagree."""
    if target:
        return target
    names = list(dict.fromkeys(str(layer.frame.header.get("OBJECT", "None")).strip() for layer in layers))
    if len(names) > 1:
        log.warning("the frames name several objects (%s); %s is taken", ", ".join(names[:5]), names[0])
    return names[0]


def reference_points(layers, telescope, options, data):
    """Return the reference point (ra_deg, dec_deg) of the WCS of each frame, moved along with the target if wanted."""
    solutions = [wcskeywords.wcs_of(layer.frame.header) for layer in layers]
    points = [tuple(float(value) for value in wcs.wcs.crval) for wcs in solutions]
    if not options.moving:
        return points
    reference_jd = stacks.mean_midtime(layers)
    times = np.array([layer.midtime_jd for layer in layers])
    if options.manual_rates is not None:
        shifts = motion.from_rates(options.manual_rates, times, reference_jd, [point[1] for point in points])
        return [
            motion.moved_reference(point, shift) for point, shift in zip(points, zip(*shifts, strict=True), strict=True)
        ]
    name = object_name(layers, options.targetname)
    client = data.client(options.offline)
    jds = [*times, reference_jd]
    found = ephemeris.positions(name, telescope.mpc_code, jds, client, data.folder, options.places)
    without = [layer.frame.name for layer, ra in zip(layers, found.ra_deg, strict=False) if not np.isfinite(ra)]
    if not np.isfinite(found.ra_deg[-1]):
        without.append(f"the mean time JD {reference_jd}")
    if without:
        raise PipelineError(
            f"no ephemeris of {name} for {', '.join(without)}; leave out these frames, or use -manual_rates"
        )
    toolbox.say(f"{name} is {found.full_name} (positions: {found.source})")
    track = list(zip(found.ra_deg.tolist(), found.dec_deg.tolist(), strict=True))
    return [motion.onto_place(wcs, place, track[-1]) for wcs, place in zip(solutions, track[:-1], strict=True)]


# ---- the stack


def stack(layers, places, telescope, options, work):
    """Lay out the frames in the folder `work` and have SWarp combine them; returns what swarp.run does.

    Fills in sky level and noise of the layers.
    """

    stars = star_mask(layers, places, telescope, options)

    def lay(number):
        return lay_out(layers[number], places[number], stars, telescope, work, f"{number:05d}")

    weights = toolbox.parallel(lay, list(range(len(layers))), options.jobs, "combine")
    failed = [result for result in weights if isinstance(result, PipelineError)]
    if failed:
        raise failed[0]
    return swarp.run(
        work,
        [f"{number:05d}.fits" for number in range(len(layers))],
        telescope,
        pp_setup.program_timeout_s,
        method=options.method,
        backsub=options.backsub,
        levels=[layer.level for layer in layers],
        weights=weights,
        jobs=options.jobs,
        keep=options.keep_files,
    )


def star_mask(layers, places, telescope, options):
    """Return (mask, its WCS) of the stars in the stack of the sky that `options` names, None where none is wanted.

    A target that moves by few star widths is a star itself in that stack: then nothing is masked.
    """
    if options.mask_stars is None:
        return None
    stack_of_sky = Frame(options.mask_stars)
    wcs, header = wcskeywords.wcs_of(stack_of_sky.header), stack_of_sky.header
    scale_deg = np.sqrt(abs(np.linalg.det(wcs.pixel_scale_matrix)))
    shifts = [
        motion.moved_reference(place, wcskeywords.wcs_of(layer.frame.header).wcs.crval)
        for layer, place in zip(layers, places, strict=True)
    ]
    ra, dec = (np.ptp((np.array(axis) + 180) % 360) for axis in zip(*shifts, strict=True))
    moved_px = np.hypot(ra * np.cos(np.radians(places[0][1])), dec) / scale_deg
    if moved_px < LEAST_MOTION * float(header.get("APRAD") or telescope.aprad_default):
        log.info("the target moves by %.0f px in all: stars are not masked, since it might be taken for one", moved_px)
        return None
    sigma = np.median([sky_of(layer.frame.read_pixels())[1] for layer in layers[:3]])
    mask = starmask.of_stack(stack_of_sky.read_pixels(), sigma)
    log.info("stars of %s are masked, %.1f %% of its pixels", options.mask_stars, 100 * mask.mean())
    return mask, wcs


def sky_of(pixels, good=None):
    """Return (level, sigma) of the sky of a frame, ADU; good : pixels to use, default all that are finite."""
    good = np.isfinite(pixels) if good is None else good
    step = max(1, int(np.sqrt(pixels.size / LEVEL_SAMPLES)))
    _, level, sigma = sigma_clipped_stats(pixels[::step, ::step], ~good[::step, ::step], sigma=3)
    return float(level), float(sigma) or 1.0  # 1: an image without noise


def lay_out(layer, place, stars, telescope, work, name):
    """Put one frame into `work` as `name`.fits with its .head; returns the name of its weight image, None without one.

    stars : (mask, its WCS) of a stack of the sky, or None
    The frame is linked, not copied, unless it has pixels without a value.
    """
    frame = layer.frame
    pixels = frame.read_pixels()
    good = np.isfinite(pixels) & ~bad_pixels(frame, telescope)
    if not good.any():
        raise FrameError(frame.path, "has no usable pixel", "leave it out")
    layer.level, layer.sigma = sky_of(pixels, good)
    whole = good.all()
    if stars is not None:
        good &= ~starmask.on_frame(*stars, wcskeywords.wcs_of(frame.header), frame.size_px)
    image, weight = work / f"{name}.fits", None
    if whole:
        image.symlink_to(frame.path.resolve())
    else:
        fits.writeto(image, np.where(np.isfinite(pixels), pixels, np.float32(layer.level)))
    if not good.all():
        weight = f"{name}.weight.fits"
        fits.writeto(work / weight, good.astype(np.float32))
    swarp.write_head(
        work / f"{name}.head",
        frame.header,
        frame.size_px,
        crval_deg=place,
        gain=layer.gain,
        saturation=layer.saturation,
        scale=layer.scale,
    )
    return weight


def bad_pixels(frame, telescope):
    """Return where the pixels of a frame are bad (bool): by the telescope's mask, and by badpixels.fits next to it."""
    shape = frame.size_px[::-1]
    bad = np.zeros(shape, bool)
    mask = pp_extract.mask_of(frame, telescope)
    weights = None if mask is None else np.asarray(fits.getdata(mask))
    if weights is not None and weights.shape == bad.shape:
        bad |= weights <= 0
    elif weights is not None:
        log.warning("%s: not of the size of the frames, not used", mask)
    known = None if "COMBO_N" in frame.header else badpixels.read(frame.path.parent, shape)
    return bad if known is None else bad | known


def note_noise(header, pixels, covered, telescope):
    """Note in the header by how much apertures are noisier than their pixels tell; pp_extract corrects errors by it."""
    factor = noise.aperture_noise_factor(pixels, telescope.aprad_default, covered)
    if not np.isfinite(factor):
        log.warning(
            "too little empty sky to measure the noise of the stack: errors do not include what resampling hides"
        )
        return
    set_keyword(header, "NOISEFAC", round(factor, 4), stacks.OF_STACKS["NOISEFAC"])
    log.info("noise in apertures of %g px is %.3f times that of their pixels", telescope.aprad_default, factor)


def write(path, header, pixels, like):
    """Write the stack; `like` is the Frame whose header it goes back to, odd cards included."""
    if path.exists():
        log.info("%s of an earlier run is replaced", path)
    layout = {"SIMPLE": True, "BITPIX": -32, "NAXIS": 2, "NAXIS1": pixels.shape[1], "NAXIS2": pixels.shape[0]}
    for number, (keyword, value) in enumerate(layout.items()):
        header.insert(number, (keyword, value))
    with open(like.path, "rb") as stream:
        raw = fitsbytes.read_raw_header(stream)
    with replacing(path) as temporary:
        temporary.write_bytes(
            fitsbytes.header_bytes(header, raw, path) + fitsbytes.stored(np.asarray(pixels, dtype=np.float32))
        )


def keep_moving(frame, place, folder):
    """Write IMAGE_moving.fits: the frame with the reference point that it had in the comoving stack."""
    path = folder / f"{frame.stem}_moving.fits"
    with replacing(path) as temporary:
        shutil.copyfile(frame.path, temporary)
        copy = Frame(temporary)
        for keyword, value in zip(("CRVAL1", "CRVAL2"), place, strict=True):
            set_keyword(copy.header, keyword, float(value), "moved along with the target")
        set_keyword(copy.header, "COMOVE", "True", "WCS in the frame of the moving target")
        copy.save()


def keep_resampled(layers, telescope, options, work, folder):
    """Write IMAGE_resamp.fits for each frame: as it entered the stack, on its grid, with its own level of the sky."""
    for number, layer in enumerate(layers):
        pixels, covered, made = swarp.resampled(work, f"{number:05d}")
        whole = stacks.totals([layer], "average", options.backsub)
        header = stacks.header_of([layer], telescope, made, whole, "average", comoving=False)
        note_noise(header, pixels, covered, telescope)
        level = np.float32(whole.level)
        write(folder / f"{layer.frame.stem}_resamp.fits", header, np.where(covered, pixels, 0) + level, layer.frame)


@toolbox.command(build_parser, here=True)
def main(args, losses):
    options = Options.of(args).checked()
    frames = toolbox.prepared_frames(args.images, losses, args.folder)
    if args.dump_config:
        print(astromatic.effective_settings("SWarp", frames.telescope, swarp.settings(args.method, args.backsub)))
        return
    combine(frames, losses, options)


if __name__ == "__main__":
    sys.exit(main())
