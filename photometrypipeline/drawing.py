"""The drawing of pictures: what one process gets to do at a time, a plot or all pictures of a frame."""

import logging
import zlib
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from photometrypipeline import calibrationplot, figures, images, overlays
from photometrypipeline.records import known

log = logging.getLogger("pp.drawing")

REGISTRATION_MARK_PT = 5  # diameter of circles
CALIBRATION_MARK_PT = 10
CALIBRATION_LINE_PT = 0.3


@dataclass
class PlotJob:
    """A plot of the main page: what `make`, a function of figures, draws from `ingredients`."""

    name: str
    drawing: str  # file of the same as lines
    make: Any
    ingredients: list
    settings: Any

    def names(self):
        """Return the names (list) of the pictures."""
        return [self.name]

    def draw(self, easel):
        """Return [Picture or None]."""
        return [_plot(easel, self.name, self.make, self.ingredients, self.settings, self.drawing)]


@dataclass
class AnimationJob:
    """The animation of a target: `pairs` are the names of cut-outs and their overlays, in order of time.

    It has to wait until these are drawn.
    """

    name: str
    pairs: list

    def names(self):
        """Return the names (list) of the pictures."""
        return [self.name]

    def draw(self, easel):
        """Return [Picture], or [None] if less than two cut-outs could be drawn."""
        pairs = [[easel.folder / name for name in pair] for pair in self.pairs]
        pairs = [pair for pair in pairs if all(path.is_file() for path in pair)]
        if len(pairs) < 2:
            return [None]
        ingredients = [zlib.crc32(path.read_bytes()) for pair in pairs for path in pair]
        return [easel.picture(self.name, ingredients, partial(overlays.save_animation, pairs))]


@dataclass
class RowJob:
    """The cut-out of a target on a frame, and its overlay; `data` is part of the row of the record."""

    cutout: str
    overlay: str
    target: str
    data: dict


@dataclass
class CalibrationJob:
    """The plot of a frame's calibration."""

    name: str
    ingredients: list


@dataclass
class FrameJob:
    """All pictures of a frame, as far as they have a file name; `path` is None if its pixels are not to be had."""

    frame: str
    path: str | None
    settings: Any
    quickview: str | None = None
    registration_map: str | None = None
    reference: tuple | None = None  # (ra_deg, dec_deg) of the stars on the registration map
    calibration_map: str | None = None
    stars: list = field(default_factory=list)  # FITS positions of those on the calibration map
    rows: list = field(default_factory=list)
    calibration: CalibrationJob | None = None

    def names(self):
        """Return the names (list) of the pictures."""
        names = [self.quickview, self.registration_map, self.calibration_map]
        names += [self.calibration.name] if self.calibration else []
        names += [name for row in self.rows for name in (row.cutout, row.overlay)]
        return [name for name in names if name]

    def draw(self, easel):
        """Return [quick view, registration map, calibration map, calibration plot, (cut-out, overlay), ...].

        Each of them is a Picture or None.
        """
        plot = None
        if self.calibration:
            plot = _calibration_plot(easel, self.calibration, self.settings)
        maps, pairs = (None, None, None), []
        if self.quickview or self.rows:
            try:
                with images.Pixels(self.path) as pixels:
                    maps = self._maps(easel, pixels) if self.quickview else maps
                    pairs = [_cutout(easel, self.frame, row, pixels, self.settings) for row in self.rows]
            except (OSError, ValueError, TypeError) as error:  # a bad file costs its pictures, never the pages
                log.warning("%s: no pictures of this frame: %s", self.path, error)
                easel.clear(name for row in self.rows for name in (row.cutout, row.overlay))
        return [*maps, plot, *pairs]

    def _maps(self, easel, pixels):
        settings = self.settings
        shown_px = round(settings.image_size_lg_in * settings.image_dpi)
        arguments = (settings.image_size_lg_px, shown_px, settings.image_stretch)
        view = images.quickview_view(pixels, shown_px)

        def draw_quickview(path):
            return _save(images.quickview(pixels, *arguments)[0], path, settings.image_file_format)

        quickview = easel.picture(self.quickview, [pixels.fingerprint, arguments], draw_quickview)
        registration = calibration = None
        if quickview and self.registration_map:
            positions = _inside(pixels, zip(*pixels.position(*self.reference), strict=True))
            marks = (REGISTRATION_MARK_PT, settings.overlay_lg_linewidth)
            registration = _star_map(easel, self.registration_map, view, positions, marks, False, settings)
        if quickview and self.calibration_map:
            marks = (CALIBRATION_MARK_PT, CALIBRATION_LINE_PT)
            calibration = _star_map(easel, self.calibration_map, view, self.stars, marks, True, settings)
        return quickview, registration, calibration


def draw(easel, job):
    """Return (pictures of a job, what the Easel has done), the latter for Gallery.hang."""
    easel.done = {}
    return job.draw(easel), easel.done


def _plot(easel, name, make, ingredients, settings, drawing=None):
    def draw_plot(path, lines=None):
        with figures.plain_style():
            made = make(*ingredients)
            figure, points = made if isinstance(made, tuple) else (made, [])
            size = figures.save(figure, path, settings.image_file_format, settings.plot_dpi)
            if lines:
                figures.save_drawing(figure, lines)
            return *size, figures.pixels(figure, points)

    return easel.picture(name, [ingredients, settings.plot_dpi], draw_plot, drawing)


def _calibration_plot(easel, job, settings):
    def draw_plot(path):
        if settings.image_file_format == "png":
            return calibrationplot.save(path, settings.plot_dpi, *job.ingredients)
        with figures.plain_style():
            figure = calibrationplot.calibration_analysis(*job.ingredients)
            return figures.save(figure, path, settings.image_file_format, settings.plot_dpi)

    return easel.picture(job.name, [job.ingredients, settings.plot_dpi], draw_plot)


def _star_map(easel, name, view, positions, marks, numbered, settings):
    def draw_map(path):
        image = overlays.star_map(view, positions, settings.image_dpi, *marks, numbered=numbered)
        return _save(image, path, settings.overlay_format)

    return easel.picture(name, [repr(view), positions, marks, settings.image_dpi], draw_map)


def _cutout(easel, frame, row, pixels, settings):
    data, shown_px = row.data, round(settings.image_size_thumb_in * settings.image_dpi)
    place = (data["x"], data["y"], settings.image_size_thumb_px, shown_px)
    view = images.cutout_view(*place)
    labels = (frame, row.target)
    predicted = _predicted(data, pixels, view)

    def draw_pixels(path):
        return _save(images.cutout(pixels, *place, settings.image_stretch)[0], path, settings.image_file_format)

    def draw_marks(path):
        marks = overlays.target_marks(view, data, labels, predicted, pixels.scale_arcsec, settings)
        return _save(marks, path, settings.overlay_format)

    cutout = easel.picture(row.cutout, [pixels.fingerprint, place, settings.image_stretch], draw_pixels)
    ingredients = [place, labels, predicted, data["aprad_px"], pixels.scale_arcsec, repr(settings)]
    return cutout, easel.picture(row.overlay, ingredients, draw_marks)


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


def _save(image, path, file_format):
    options = {"png": {"compress_level": 1}, "webp": {"lossless": True}, "jpg": {"quality": 92}}[file_format]
    if image.mode == "L" and file_format == "png":
        image = image.convert("P")  # of greys: Pillow does not look for the best filter of each line then
        options = {"compress_type": 2}  # noise only needs its letters counted (Huffman): half the time, the same size
    if file_format != "png" and image.mode == "P":
        image = image.convert("RGBA")
    image.save(path, format={"jpg": "JPEG"}.get(file_format, file_format.upper()), **options)
    return image.size
