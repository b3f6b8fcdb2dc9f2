#!/usr/bin/env python3
"""Measure a target that is too faint for single frames: in a stack that follows it, calibrated by a stack of the sky.

reads   registered images of one instrument and filter; the target's ephemeris and reference stars from the local store,
        or JPL Horizons and VizieR
writes  skycoadd.fits and, with -comoving or -manual_rates, comove.fits, the stacks; skycoadd/ and comove/ with the LOG,
        website and results of each; photometry_TARGET.dat.  Tables that the frames gave, and folders of an
        earlier run, get the ending .old.

Examples:
  pp_stackedphotometry -comoving mscience*.fits
  pp_stackedphotometry -comoving -targetname 2015_AB123 -filter R -fixed_aprad 4 mscience*.fits
  pp_stackedphotometry -manual_rates 0.0125 -0.0056 -positions positions.dat mscience*.fits
"""

from photometrypipeline.base import commandline
from photometrypipeline.runs.runoptions import StackedOptions as Options


def build_parser():
    """Return the parser of the command line."""
    return commandline.parser_of(__doc__, Options)


commandline.answer_at_once(build_parser)

# isort: split
import contextlib
import logging
import os
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import toolbox

import numpy as np
from astropy.coordinates import SkyCoord

import diagnostics
import pp_calibrate
import pp_combine
import pp_distill
import pp_photometry
import pp_prepare
from photometrypipeline.base.errors import NotReachable, PipelineError, UsageError
from photometrypipeline.base.files import STACK_FOLDERS, replacing, stem_of
from photometrypipeline.ephemerides import ephemeris
from photometrypipeline.frames import positionsfile
from photometrypipeline.frames.frame import set_keyword
from photometrypipeline.frames.singles import without_products
from photometrypipeline.instruments.dataset import DataSet
from photometrypipeline.manident.track import Track
from photometrypipeline.photometry import stacks
from photometrypipeline.programs import astromatic

log = logging.getLogger("pp.stackedphotometry")

SKY, COMOVING = STACK_FOLDERS
MINAREA_PX = 5  # connected pixels in the smoothed image, where noise has no such groups
SMOOTHED_SIGMA = 4.0  # threshold in the smoothed image, in its own noise, for the default of -snr
KERNEL = "detection.conv"
CONTROL = "Control_Star"  # in the names of its files, which stay in the folder
STORE = "pp_store"


@dataclass
class Sky:
    """What the stack of the sky gives: its calibrated Frames, aperture radius (px), and zeropoint or None.

    magzp : zeropoint, its scatter, its error, the errors of transformation and catalogue, mag
    """

    frames: list
    aprad_px: float
    fwhm_px: float | None
    magzp: tuple | None
    band: str | None
    failure: NotReachable | None


def stacked_photometry(frames, losses, options):
    """Measure the target in stacks of `frames`; returns the NotReachable that left gaps, or None."""
    frames = DataSet.of(frames)
    frames = frames.only(without_products(frames))
    pp_combine.check_one_kind(frames)
    home = frames.folder
    positions = read_positions(options.positions, frames)
    with own_folder(home, SKY) as folder:
        sky = measure_sky(frames, losses, options, folder)
        if not options.moving:
            warn_of_motion(frames, sky, options, positions)
            done = distill(sky, losses, options, positions)
    lay_among(home, pp_combine.SKY, SKY)
    if options.moving:
        with own_folder(home, COMOVING) as folder:
            moving = measure_moving(frames, losses, options, sky, folder)
            done = distill(moving, losses, options, positions)
        lay_among(home, pp_combine.COMOVING, COMOVING)
    bring_up(home, home / (COMOVING if options.moving else SKY), done)
    report(done)
    return done.failure or sky.failure


@contextlib.contextmanager
def own_folder(home, name):
    """Yield the Path of a new folder `name` of `home`, with a LOG and a website of its own.

    An old one gets the ending .old.
    """
    folder, old = home / name, home / f"{name}.old"
    if folder.exists():
        if old.exists():
            shutil.rmtree(old)
        folder.rename(old)
        log.info("%s of an earlier run is now %s", folder, old.name)
    folder.mkdir()
    if (home / STORE).is_dir():  # so that each step finds it, now and when called by hand
        (folder / STORE).symlink_to(os.path.join("..", STORE))
    with toolbox.logging_to(folder, console=False):
        log.info("working in %s", folder)
        try:
            yield folder
        finally:
            diagnostics.render(folder)


@contextlib.contextmanager
def noted(step, folder):
    """Leave a red note on the page of `folder` if the block ends with a PipelineError."""
    try:
        yield
    except PipelineError as error:
        diagnostics.record_failure(step, str(error), folder)
        raise


def measure_sky(frames, losses, options, folder):
    """Make, measure and calibrate the stack of the sky in `folder`; returns Sky."""
    of_sky = options.hand_on(pp_combine.Options, comoving=False, manual_rates=None)
    stack = prepared_stack(frames, losses, of_sky, folder)
    with noted("photometry", folder):
        chosen = options.hand_on(pp_photometry.Options, background_only=True)
        measured = pp_photometry.photometry(stack, losses, chosen)
    with noted("calibrate", folder):
        done = calibrate_sky(measured.frames, losses, options)
    row = done.record.frames[0]
    errors = done.record.systematics
    common = (errors.relation_err_mag, errors.catalog_err_mag) if errors else (0.0, 0.0)
    magzp = (row.zp_mag, row.zp_sig_mag, row.zp_err_mag, *common) if row.zp_mag is not None else None
    if magzp is None and done.record.band:
        log.warning("the stack of the sky has no zeropoint: the target's magnitudes are instrumental")
    fwhm_px = measured.record.frames[0].fwhm_px
    return Sky(done.frames, measured.aprad_px, fwhm_px, magzp, done.record.band, done.failure)


def prepared_stack(frames, losses, options, folder):
    """Make a stack in `folder`; returns the DataSet of its Frame, prepared."""
    with noted("combine", folder):
        stack = pp_combine.combine(frames, losses, options, folder)
    with noted("prepare", folder):
        return pp_prepare.prepare([stack], losses, pp_prepare.Options(keep_wcs=True))


def calibrate_sky(frames, losses, options):
    """Return the Calibration of the stack of the sky; with stars of all colours if those like the Sun are too few."""
    chosen, attempt_losses = options.hand_on(pp_calibrate.Options), toolbox.Losses()
    done = pp_calibrate.calibrate(frames, attempt_losses, chosen)
    if options.solar and done.uncalibrated:
        toolbox.say(pp_calibrate.FEW_LIKE_THE_SUN)
        attempt_losses = toolbox.Losses()
        done = pp_calibrate.calibrate(frames, attempt_losses, replace(chosen, solar=False))
    losses.entries += attempt_losses.entries
    return done


def measure_moving(frames, losses, options, sky, folder):
    """Make and measure the stack that follows the target, with aperture and zeropoint of `sky`; returns Sky."""
    following = options.hand_on(pp_combine.Options, mask_stars=str(folder.parent / SKY / pp_combine.SKY))
    stack = prepared_stack(frames, losses, following, folder)
    if sky.fwhm_px:
        set_keyword(stack[0].header, "STARFWHM", round(sky.fwhm_px, 3), stacks.OF_STACKS["STARFWHM"])
        stack[0].save()
    with noted("photometry", folder):
        chosen = pp_photometry.Options(
            aprad=sky.aprad_px,
            chosen_by=f"that of {pp_combine.SKY}",
            background_only=True,
            **detection(options.snr, sky.fwhm_px or sky.aprad_px, stack[0].header, folder),
        )
        measured = pp_photometry.photometry(stack, losses, chosen)
    with noted("calibrate", folder):
        chosen = pp_calibrate.Options(
            filter=sky.band, magzp=sky.magzp, instrumental=sky.magzp is None, offline=options.offline
        )
        done = pp_calibrate.calibrate(measured.frames, losses, chosen)
    return replace(sky, frames=done.frames)


def detection(snr, fwhm_px, header, folder="."):
    """Return the settings (dict) with which pp_photometry finds sources at the limit of a comoving stack.

    The image is smoothed with the width of its stars before the search: without that, a source of 6 sigma has too few
    pixels above any threshold that noise does not reach, and its place, hence its light in the aperture, is uncertain.
    folder : where the kernel is written
    """
    kernel = Path(folder).resolve() / KERNEL
    noise = astromatic.write_filter(kernel, fwhm_px) * float(header.get("NOISEFAC") or 1.0)
    return {
        "snr": SMOOTHED_SIGMA * noise * snr / Options.snr,
        "minarea": MINAREA_PX,
        "kernel": str(kernel),
    }


def distill(measured, losses, options, positions):
    """Find the target in a stack; returns a pp_distill.Distillation."""
    folder = measured.frames.folder
    given = {"target": options.targetname}
    if positions:
        given["positions"] = str(folder / "positions.dat")
        positionsfile.write(given["positions"], place_at(positions, measured.frames[0]))
    chosen = options.hand_on(pp_distill.Options, **given)
    with noted("distill", folder):
        return pp_distill.distill(measured.frames, losses, chosen)


def warn_of_motion(frames, sky, options, positions):
    """Say so if the target moves by more than half the seeing during a stack that does not follow it."""
    name = options.targetname or str(frames[0].header.get("OBJECT", ""))
    jds = np.sort([frame.number("MIDTIMJD") for frame in frames])[[0, -1]]
    if positions is None:
        client, site = frames.client(options.offline), frames.telescope.mpc_code
        try:
            found = ephemeris.positions(name, site, jds, client, frames.folder, options.places)
        except PipelineError:
            return  # pp_distill, which comes next, says that nothing is known
        places = SkyCoord(found.ra_deg, found.dec_deg, unit="deg")
    elif len({row[3] for row in positions}) > 1:
        _, ra, dec, times = zip(*positions, strict=True)
        places = SkyCoord(*Track(times, ra, dec).at(jds), unit="deg")
    else:
        return
    moved = places[0].separation(places[1]).arcsec
    seeing = (sky.fwhm_px or sky.aprad_px) * frames[0].number("SECPIX")
    if moved > seeing / 2:
        log.warning(
            'the target moves by %.1f" from the first frame to the last, at a FWHM of %.1f": %s loses light of it; '
            "use -comoving",
            moved,
            seeing,
            pp_combine.SKY,
        )


def read_positions(path, frames):
    """Return the rows of the one target of a positions file, None without a file; times that it lacks are the frames'.

    Raises UsageError for several targets, and for a line that has neither a time nor the name of one of `frames`.
    """
    if path is None:
        return None
    found = positionsfile.read(path)
    if len(found) > 1:
        raise UsageError(f"{path} has positions of several targets ({', '.join(found)}); one at a time")
    (rows,) = found.values()
    times = {frame.stem: frame.number("MIDTIMJD") for frame in frames}
    for image, *_, jd in rows:
        if np.isnan(jd) and stem_of(image) not in times:
            raise UsageError(f"{path}: {image} is none of the frames; give its mid-time (JD) behind the place")
    return [(image, *place, times[stem_of(image)] if np.isnan(jd) else jd) for image, *place, jd in rows]


def place_at(positions, frame):
    """Return the row (list of one tuple) for a positions file that says where the target is in a stack.

    One known place is taken as it is; several make a track.
    """
    jd = frame.number("MIDTIMJD")
    _, ra, dec, jds = zip(*positions, strict=True)
    place = Track(jds, ra, dec).at(jd) if len(set(jds)) > 1 else (ra[0], dec[0])
    return [(frame.name, *map(float, place), jd)]


def lay_among(home, name, folder):
    """Let the measured stack `name` lie in `home`, among the frames, as it does in its own `folder` there.

    Both are one file on the disk where that allows it; steps replace files, so that one never changes the other.
    """
    if (home / name).exists():
        log.info("%s of an earlier run is replaced; %s.old/ has what was measured in it", home / name, folder)
    with replacing(home / name) as temporary:
        temporary.unlink(missing_ok=True)
        try:
            os.link(home / folder / name, temporary)
        except OSError:
            shutil.copyfile(home / folder / name, temporary)


def bring_up(home, folder, done):
    """Copy the light curves of the targets from `folder` to `home`; what the frames gave gets the ending .old.

    What an earlier stack gave is replaced: it lies in the folder of that stack.
    """
    for name in done.files:
        if CONTROL in name:
            continue
        place = home / name
        if place.exists() and not is_of_stack(place):
            place.replace(place.with_name(f"{name}.old"))
            log.warning("%s was there already and is now %s.old", name, name)
        with replacing(place) as temporary:
            shutil.copyfile(folder / name, temporary)
        toolbox.say(f"{name} is copied from {folder.name}/")


def is_of_stack(path):
    """Return whether a result (table or database) is that of a stack, whose name stands in it."""
    content = path.read_bytes()
    names = (stem_of(name) for name in (pp_combine.SKY, pp_combine.COMOVING))
    return any(f"{name}{ending}".encode() in content for name in names for ending in (".fits", ".ldac"))


def report(done):
    """Print the magnitude of each target that was found."""
    lines = []
    for name in done.found:
        for row in done.rows[name]:
            unit = row.band if row.calibrated else "instrumental"
            lines += [f"{name}: {row.mag:.3f} +- {row.err_total:.3f} mag ({unit})"] if row.accepted else []
    if lines:
        toolbox.box(lines)


@toolbox.command(build_parser, here=True)
def main(args, losses):
    options = Options.of(args).checked()
    failure = stacked_photometry(toolbox.prepared_frames(args.images, losses, args.folder), losses, options)
    if failure:  # what could be done without the service is kept
        raise failure


if __name__ == "__main__":
    sys.exit(main())
