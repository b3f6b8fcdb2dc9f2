"""The pictures of one website: which there are, what they are drawn from, which view shows them."""

import logging
import os
from functools import partial
from pathlib import Path

import numpy as np

from photometrypipeline import figures, images, overlays
from photometrypipeline.files import stem_of
from photometrypipeline.records import known

log = logging.getLogger("pp.pictures")

REGISTRATION_MARK_PT = 5  # diameter of circles
CALIBRATION_MARK_PT = 10
CALIBRATION_LINE_PT = 0.3


def draw_plots(view, gallery, settings):
    """Put the plots of the main page, and those of the frame pages, into `view` (views.Overview)."""
    photometry, calibrate = view.records["photometry"], view.records["calibrate"]
    plot = partial(_plot, gallery, settings)
    if photometry and photometry["curve"]:
        ingredients = [photometry["curve"], photometry["aprad_px"], photometry["flux_limit"]]
        view.curve_of_growth = plot("curve_of_growth", figures.curve_of_growth, ingredients)
    if photometry and any(known(frame["fwhm_px"]) for frame in photometry["frames"]):
        view.fwhm = plot("fwhm", figures.fwhm, [photometry["frames"], photometry["aprad_px"]])
    if not calibrate:
        return
    if any(known(frame["zp"]) for frame in calibrate["frames"]) and calibrate["mode"] == "catalog":
        points = [{name: frame[name] for name in ("midtime_jd", "zp", "zp_sig")} for frame in calibrate["frames"]]
        view.zeropoints = plot("zeropoints", figures.zeropoints, [points, calibrate["band"]])
    if settings.individual_frame_pages and settings.show_phot_calibration_plots:
        for frame in view.frames:
            if frame.used_stars and frame.calibrate["steps"]:
                name = f"{frame.calibrate['ldac'] or stem_of(frame.name) + '.ldac'}_photcal"
                ingredients = [frame.calibrate, calibrate["band"], calibrate["catalog"]]
                frame.calibration_plot = plot(name, figures.calibration_analysis, ingredients)


def draw_light_curves(view, gallery, settings):
    """Put a light curve into every target of `view` that has accepted rows with magnitudes."""
    for target in view.targets:
        if target.magnitudes:
            rows = [{name: row.data[name] for name in ("jd", "mag", "sig")} for row in target.accepted]
            ingredients = [target.name, rows, target.data["band"]]
            target.light_curve = _plot(gallery, settings, target.name, figures.light_curve, ingredients)


def draw_frames(view, gallery, settings, folders):
    """Put quick views, star maps and cut-outs into the frames of `view`; `folders` are searched for the FITS files."""
    wanted = settings.show_quickview_image or any(target.accepted for target in view.targets)
    if not (settings.individual_frame_pages and wanted):
        return
    reference = _reference_stars(view.records["register"], folders) if settings.show_registration_star_map else None
    for frame in view.frames:
        path = _find(frame.name, folders)
        if path is None:
            continue
        try:
            with images.Pixels(path) as pixels:
                _draw_frame(view, frame, pixels, reference, gallery, settings)
        except (OSError, ValueError, TypeError) as error:  # a bad file costs its pictures, never the pages
            log.warning("%s: no pictures of this frame: %s", path, error)


def draw_animations(view, gallery, settings):
    """Put an animation of the cut-outs of its accepted rows, in order of time, into every target of `view`."""
    if not settings.show_target_animations:
        return
    for target in view.targets:
        shown = [row for row in target.rows if row.cutout and row.overlay]
        if len(shown) > 1:
            pairs = [(gallery.path(row.cutout), gallery.path(row.overlay)) for row in shown]
            ingredients = [[gallery.key(row.cutout), gallery.key(row.overlay)] for row in shown]
            name = gallery.name(target.name, ".gif")
            target.animation = gallery.picture(name, ingredients, partial(overlays.save_animation, pairs))


def _plot(gallery, settings, name, make, ingredients):
    def draw(path):
        with figures.plain_style():
            made = make(*ingredients)
            figure, points = made if isinstance(made, tuple) else (made, [])
            size = figures.save(figure, path, settings.image_file_format, settings.plot_dpi)
            return *size, figures.pixels(figure, points)

    name = gallery.name(name, f".{settings.image_file_format}")
    return gallery.picture(name, [ingredients, settings.plot_dpi], draw)


def _draw_frame(view, frame, pixels, reference, gallery, settings):
    if settings.show_quickview_image:
        shown_px = round(settings.image_size_lg_in * settings.image_dpi)
        _draw_quickview(frame, pixels, shown_px, gallery, settings)
        map_view = images.quickview_view(pixels, shown_px)
        if reference is not None and frame.quickview and not view.records["register"]["skipped"]:
            positions = _inside(pixels, zip(*pixels.position(*reference), strict=True))
            marks = (REGISTRATION_MARK_PT, settings.overlay_lg_linewidth)
            name = f"{frame.name}_astrometry"
            frame.registration_map = _star_map(name, map_view, positions, marks, False, gallery, settings)
        if settings.show_calibration_star_map and frame.quickview and frame.used_stars:
            positions = [(star["x"], star["y"]) for star in frame.used_stars if known(star["x"]) and known(star["y"])]
            marks = (CALIBRATION_MARK_PT, CALIBRATION_LINE_PT)
            name = f"{frame.name}_reference_stars"
            frame.calibration_map = _star_map(name, map_view, positions, marks, True, gallery, settings)
    for row in frame.rows:
        if row.accepted and known(row.data["x"]) and known(row.data["y"]):
            _draw_cutout(row, pixels, gallery, settings)


def _draw_quickview(frame, pixels, shown_px, gallery, settings):
    arguments = (settings.image_size_lg_px, shown_px, settings.image_stretch)

    def draw(path):
        return _save(images.quickview(pixels, *arguments)[0], path, settings.image_file_format)

    name = gallery.name(frame.name, f".{settings.image_file_format}")
    frame.quickview = gallery.picture(name, [pixels.fingerprint, arguments], draw)


def _star_map(name, map_view, positions, marks, numbered, gallery, settings):
    def draw(path):
        image = overlays.star_map(map_view, positions, settings.image_dpi, *marks, numbered=numbered)
        return _save(image, path, settings.overlay_format)

    ingredients = [repr(map_view), positions, marks, settings.image_dpi]
    return gallery.picture(gallery.name(name, f".{settings.overlay_format}"), ingredients, draw)


def _draw_cutout(row, pixels, gallery, settings):
    data, shown_px = row.data, round(settings.image_size_thumb_in * settings.image_dpi)
    place = (data["x"], data["y"], settings.image_size_thumb_px, shown_px)
    view = images.cutout_view(*place)
    labels = (row.frame.name, row.target.name)
    predicted = _predicted(data, pixels, view)

    def draw_pixels(path):
        return _save(images.cutout(pixels, *place, settings.image_stretch)[0], path, settings.image_file_format)

    def draw_marks(path):
        marks = overlays.target_marks(view, data, labels, predicted, pixels.scale_arcsec, settings)
        return _save(marks, path, settings.overlay_format)

    stem = f"{row.target.name}_{stem_of(row.frame.name)}_thumb"
    name = gallery.name(stem, f".{settings.image_file_format}")
    row.cutout = gallery.picture(name, [pixels.fingerprint, place, settings.image_stretch], draw_pixels)
    ingredients = [place, labels, predicted, data["aprad_px"], pixels.scale_arcsec, repr(settings)]
    name = gallery.name(f"{stem}_overlay", f".{settings.overlay_format}")
    row.overlay = gallery.picture(name, ingredients, draw_marks)


def _predicted(data, pixels, view):
    """Return the FITS position of the prediction, None if it is not on the cut-out."""
    if not (known(data["ra_pred_deg"]) and known(data["dec_pred_deg"])):
        return None
    x, y = (float(value[0]) for value in pixels.position(data["ra_pred_deg"], data["dec_pred_deg"]))
    column, row = view.place(x, y)
    return (x, y) if 0 <= column < view.width and 0 <= row < view.height else None


def _inside(pixels, positions):
    right, top = pixels.width + 0.5, pixels.height + 0.5
    return [(float(x), float(y)) for x, y in positions if 0.5 <= x <= right and 0.5 <= y <= top]


def _reference_stars(register, folders):
    """Return (ra_deg, dec_deg) of the catalogue that the frames were registered with, None if its file is not there."""
    if not register or not register["catalog"]:
        return None
    path = _find(f"{Path(str(register['catalog'])).name}.cat", folders)
    if path is None:
        return None
    from astropy.io import fits

    try:
        with fits.open(path) as file:
            table = file["LDAC_OBJECTS"].data
            return np.array(table["XWIN_WORLD"], float), np.array(table["YWIN_WORLD"], float)
    except (OSError, KeyError) as error:
        log.warning("%s: reference stars are not shown: %s", path, error)
        return None


def _save(image, path, file_format):
    options = {"png": {"compress_level": 3}, "webp": {"lossless": True}, "jpg": {"quality": 92}}[file_format]
    image.save(path, format={"jpg": "JPEG"}.get(file_format, file_format.upper()), **options)
    return image.size


def _find(name, folders):
    paths = (os.path.join(str(folder), name) for folder in folders)
    return next((path for path in paths if os.path.isfile(path)), None)
