"""The pictures of one website: which there are, what they are drawn from, which view shows them."""

import logging
import os
import zlib
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from photometrypipeline.base import workers
from photometrypipeline.base.files import reference_file, stem_of
from photometrypipeline.frames.records import known
from photometrypipeline.website import calibrationplot, drawing, figures
from photometrypipeline.website.drawing import AnimationJob, CalibrationJob, FrameJob, PlotJob, RowJob, draw

log = logging.getLogger("pp.pictures")


def draw_all(view, gallery, settings, folders, jobs=1):
    """Draw all pictures of `view` (views.Overview), with `jobs` processes, and put them where it shows them.

    gallery : Gallery that they go to;  folders : where the FITS files of the frames are looked for
    """
    frames = list(_frames(view, gallery, settings, folders))
    rest = [*_animations(view, frames, gallery, settings), *_plots(view, gallery, settings)]
    rest += _light_curves(view, gallery, settings)
    stages = [[(job, partial(_hang_frame, frame, rows)) for frame, rows, job in frames], rest]
    jobs_planned = [[job for job, _ in stage] for stage in stages]
    easel = gallery.easel([name for stage in jobs_planned for job in stage for name in job.names()])
    if jobs > 1:
        drawing.warm_up()
        _draw_backgrounds(jobs_planned[0], settings)

    drawn = workers.side_by_side(partial(draw, easel), jobs_planned, jobs)
    for planned, results in zip(stages, drawn, strict=True):
        for (_, hang), result in zip(planned, results, strict=True):
            if result:
                made, *done = result
                gallery.hang(*done)
                hang(made)


def _draw_backgrounds(frame_jobs, settings):
    """Draw what the calibration plots share before processes are split off, for all of these."""
    first = next((job.calibration for job in frame_jobs if job.calibration), None)
    if first:
        calibrationplot.drawn(*first.ingredients[-2:], settings.plot_dpi)


def _plots(view, gallery, settings):
    """Yield (PlotJob, what takes its pictures) for the plots of the main page."""
    photometry, calibrate = view.records["photometry"], view.records["calibrate"]
    plot = partial(_plot, view, gallery, settings)
    if photometry and photometry["curve"]:
        ingredients = [photometry["curve"], photometry["aprad_px"], photometry["flux_limit"]]
        yield plot("curve_of_growth", "curve_of_growth", figures.curve_of_growth, ingredients)
    if photometry and any(known(frame["fwhm_px"]) for frame in photometry["frames"]):
        yield plot("fwhm", "fwhm", figures.fwhm, [photometry["frames"], photometry["aprad_px"]])
    if not (calibrate and calibrate["mode"] == "catalog"):
        return
    if any(known(frame["zp"]) for frame in calibrate["frames"]):
        points = [{name: frame[name] for name in ("midtime_jd", "zp", "zp_sig")} for frame in calibrate["frames"]]
        yield plot("zeropoints", "zeropoints", figures.zeropoints, [points, calibrate["band"]])


def _light_curves(view, gallery, settings):
    """Yield the same for light curves and residuals of all targets that have rows to show."""
    for target in view.targets:
        plot = partial(_plot, target, gallery, settings)
        if target.magnitudes:
            rows = [{name: getattr(row.data, name) for name in ("jd", "mag", "sig")} for row in target.accepted]
            limits = [{name: getattr(row.data, name) for name in ("jd", "mag_limit")} for row in target.limits]
            ingredients = [target.name, rows, target.data.band, limits]
            yield plot("light_curve", target.name, figures.light_curve, ingredients)
        rows = [
            {name: getattr(row.data, name) for name in ("jd", "dra_arcsec", "ddec_arcsec")} for row in target.accepted
        ]
        if any(known(row["dra_arcsec"]) and known(row["ddec_arcsec"]) for row in rows):
            yield plot("residuals", f"{target.name}_residuals", figures.residuals, [target.name, rows])


def _plot(owner, gallery, settings, slot, name, make, ingredients):
    names = gallery.name(name, f".{settings.image_file_format}"), gallery.name(name, ".svg")
    return PlotJob(*names, make, ingredients, settings), lambda pictures: setattr(owner, slot, pictures[0])


def _frames(view, gallery, settings, folders):
    """Yield (views.Frame, its rows with cut-outs, FrameJob) for every frame that has pictures."""
    if not (settings.individual_frame_pages or settings.show_target_animations):
        return
    with_pages = settings.individual_frame_pages  # without, there are cut-outs only, for the animations
    reference = limits = None
    if with_pages and settings.show_registration_star_map:
        reference = _reference_stars(view.records["register"], folders)
    if with_pages and view.records["calibrate"]:
        limits = calibrationplot.limits_of(view.records["calibrate"]["frames"])
    for frame in view.frames:
        path = _find(frame.name, folders)
        rows = [row for row in frame.rows if row.accepted and known(row.data.x_px) and known(row.data.y_px)]
        job = FrameJob(frame.name, path, settings)
        if path and with_pages and settings.show_quickview_image:
            _name_maps(job, view, frame, gallery, reference)
        if path:
            job.rows = [_row_job(row, gallery, settings) for row in rows]
        if with_pages:
            job.calibration = _calibration(view, frame, gallery, settings, limits)
        if job.names():
            yield frame, rows, job


def _name_maps(job, view, frame, gallery, reference):
    settings = job.settings
    job.quickview = gallery.name(frame.name, f".{settings.image_file_format}")
    if reference is not None and frame.register and not view.records["register"]["skipped"]:
        job.registration_map = gallery.name(f"{frame.name}_astrometry", f".{settings.overlay_format}")
        job.reference = reference
    if settings.show_calibration_star_map and frame.used_stars:
        job.calibration_map = gallery.name(f"{frame.name}_reference_stars", f".{settings.overlay_format}")
        job.stars = [(star["x"], star["y"]) for star in frame.used_stars if known(star["x"]) and known(star["y"])]


def _row_job(row, gallery, settings):
    stem = f"{row.target.name}_{stem_of(row.frame.name)}_thumb"
    names = (
        gallery.name(stem, f".{settings.image_file_format}"),
        gallery.name(f"{stem}_overlay", f".{settings.overlay_format}"),
    )
    wanted = ("x_px", "y_px", "aprad_px", "ra_pred_deg", "dec_pred_deg")
    return RowJob(*names, row.target.name, {name: getattr(row.data, name) for name in wanted})


def _calibration(view, frame, gallery, settings, limits):
    """Return the CalibrationJob of a frame, None if there is nothing to show."""
    if not (settings.show_phot_calibration_plots and frame.used_stars and frame.calibrate["steps"]):
        return None
    calibrate = view.records["calibrate"]
    name = f"{frame.calibrate['ldac'] or stem_of(frame.name) + '.ldac'}_photcal"
    name = gallery.name(name, f".{settings.image_file_format}")
    return CalibrationJob(name, [frame.calibrate, calibrate["band"], calibrate["catalog"], calibrate["color"], limits])


def _hang_frame(frame, rows, pictures):
    frame.quickview, frame.registration_map, frame.calibration_map, frame.calibration_plot, *pairs = pictures
    for row, (cutout, overlay) in zip(rows, pairs, strict=False):
        row.cutout, row.overlay = cutout, overlay


def _animations(view, frames, gallery, settings):
    """Yield (AnimationJob, what takes its picture) for every target with a cut-out, in order of time."""
    if not settings.show_target_animations:
        return
    cutouts = {row: cutout for _, rows, job in frames for row, cutout in zip(rows, job.rows, strict=False)}
    for target in view.targets:
        shown = [cutouts[row] for row in target.rows if row in cutouts]
        if shown:
            target.animation_step = -(-len(shown) // settings.animation_frames)
            pairs = [(each.cutout, each.overlay) for each in shown[:: target.animation_step]]
            yield AnimationJob(gallery.name(target.name, ".gif"), pairs), partial(_hang_animation, target)


def _hang_animation(target, pictures):
    (target.animation,) = pictures


@dataclass(frozen=True, eq=False)
class ReferenceStars:
    """Places (deg, ndarrays) of the stars that the frames were registered with; `digest` stands for all of them."""

    ra_deg: np.ndarray
    dec_deg: np.ndarray
    digest: int


def _reference_stars(register, folders):
    """Return the ReferenceStars of the record of that step, None if the file of their catalogue is not there."""
    if not register or not register["catalog"]:
        return None
    path = _find(reference_file(str(register["catalog"])), folders)
    if path is None:
        return None
    try:
        return _stars_in(path, os.stat(path).st_mtime_ns)
    except (OSError, KeyError) as error:
        log.warning("%s: reference stars are not shown: %s", path, error)
        return None


@lru_cache(1)
def _stars_in(path, changed_ns):
    """Return the ReferenceStars in an LDAC file that was last written to at `changed_ns`."""
    from astropy.io import fits

    with fits.open(path) as file:
        table = file["LDAC_OBJECTS"].data
        ra_deg, dec_deg = (np.array(table[name], float) for name in ("XWIN_WORLD", "YWIN_WORLD"))
    return ReferenceStars(ra_deg, dec_deg, zlib.crc32(np.concatenate([ra_deg, dec_deg]).tobytes()))


def _find(name, folders):
    paths = (os.path.join(str(folder), name) for folder in folders)
    return next((path for path in paths if os.path.isfile(path)), None)
