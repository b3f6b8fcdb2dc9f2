"""The drawing of pictures: what one process gets to do at a time, a plot or all pictures of a frame."""

import logging
import zlib
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from photometrypipeline.frames.records import known
from photometrypipeline.website import calibrationplot, figures, imagefile, images, overlays

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
        """Return [Picture], or [None] if no cut-out could be drawn."""
        pairs = [[easel.folder / name for name in pair] for pair in self.pairs]
        pairs = [pair for pair in pairs if all(path.is_file() for path in pair)]
        if not pairs:
            return [None]
        ingredients = [zlib.crc32(path.read_bytes()) for pair in pairs for path in pair]
        return [easel.picture(self.name, lambda: ingredients, partial(overlays.save_animation, pairs))]


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
    reference: Any = None  # pictures.ReferenceStars on the registration map
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

        def draw_quickview(path):
            return imagefile.save(images.quickview(pixels, *arguments)[0], path, settings.image_file_format)

        quickview = easel.picture(
            self.quickview, lambda: [pixels.fingerprint, arguments], draw_quickview, source=[pixels.stamp, arguments]
        )
        registration = calibration = None
        if quickview and self.registration_map:
            marks = (REGISTRATION_MARK_PT, settings.overlay_lg_linewidth)
            stars = self.reference.digest, cache(lambda: _inside(pixels, self.reference))
            registration = _star_map(easel, self.registration_map, pixels, shown_px, *stars, marks, False, settings)
        if quickview and self.calibration_map:
            marks = (CALIBRATION_MARK_PT, CALIBRATION_LINE_PT)
            stars = self.stars, lambda: self.stars
            calibration = _star_map(easel, self.calibration_map, pixels, shown_px, *stars, marks, True, settings)
        return quickview, registration, calibration


@cache
def warm_up():
    """Load what drawing takes, once, before processes that draw are split off: each of them would do it again."""
    figures.warm_up()
    overlays.warm_up()


def draw(easel, job):
    """Return (pictures of a job, what the Easel has done, from which sources), the latter two for Gallery.hang."""
    easel.begin()
    return job.draw(easel), easel.done, easel.sources


def _plot(easel, name, make, ingredients, settings, drawing=None):
    def draw_plot(path, lines=None):
        with figures.plain_style():
            made = make(*ingredients)
            figure, points = made if isinstance(made, tuple) else (made, [])
            size = figures.save(figure, path, settings.image_file_format, settings.plot_dpi, lines)
            return *size, figures.pixels(figure, points)

    source = [ingredients, settings.plot_dpi]
    return easel.picture(name, lambda: source, draw_plot, drawing, source)


def _calibration_plot(easel, job, settings):
    def draw_plot(path):
        return calibrationplot.save(path, settings.image_file_format, settings.plot_dpi, *job.ingredients)

    source = [job.ingredients, settings.plot_dpi]
    return easel.picture(job.name, lambda: source, draw_plot, source=source)


def _star_map(easel, name, pixels, shown_px, stars, positions, marks, numbered, settings):
    """Return the Picture of stars on a quick view: `positions` is called for their places, `stars` identifies them."""

    def ingredients():
        return [repr(images.quickview_view(pixels, shown_px)), positions(), marks, settings.image_dpi]

    def draw_map(path):
        view = images.quickview_view(pixels, shown_px)
        image = overlays.star_map(view, positions(), settings.image_dpi, *marks, numbered=numbered)
        return imagefile.save(image, path, settings.overlay_format)

    source = [pixels.stamp, stars, shown_px, marks, settings.image_dpi]
    return easel.picture(name, ingredients, draw_map, source=source)


def _cutout(easel, frame, row, pixels, settings):
    data, shown_px = row.data, round(settings.image_size_thumb_in * settings.image_dpi)
    place = (data["x_px"], data["y_px"], settings.image_size_thumb_px, shown_px)
    view = images.cutout_view(*place)
    labels = (frame, row.target)

    def draw_pixels(path):
        cutout, _ = images.cutout(pixels, *place, settings.image_stretch)
        return imagefile.save(cutout, path, settings.image_file_format)

    @cache
    def predicted():
        return _predicted(data, pixels, view)

    def ingredients_of_marks():
        return [place, labels, predicted(), data["aprad_px"], pixels.scale_arcsec, repr(settings)]

    def draw_marks(path):
        marks = overlays.target_marks(view, data, labels, predicted(), pixels.scale_arcsec, settings)
        return imagefile.save(marks, path, settings.overlay_format)

    source = [pixels.stamp, data, labels, repr(settings)]
    cutout = easel.picture(
        row.cutout, lambda: [pixels.fingerprint, place, settings.image_stretch], draw_pixels, source=source
    )
    return cutout, easel.picture(row.overlay, ingredients_of_marks, draw_marks, source=source)


def _predicted(data, pixels, view):
    """Return the FITS position of the prediction, None if it is not on the cut-out."""
    if not (known(data["ra_pred_deg"]) and known(data["dec_pred_deg"])):
        return None
    x, y = (float(value[0]) for value in pixels.position(data["ra_pred_deg"], data["dec_pred_deg"]))
    column, row = view.place(x, y)
    return (x, y) if 0 <= column < view.width and 0 <= row < view.height else None


def _inside(pixels, stars):
    """Return the FITS positions [(x, y), ...] of those of `stars` (with ra_deg, dec_deg) that are on the frame."""
    x, y = pixels.position(stars.ra_deg, stars.dec_deg)
    inside = (x >= 0.5) & (x <= pixels.width + 0.5) & (y >= 0.5) & (y <= pixels.height + 0.5)
    return list(zip(x[inside].tolist(), y[inside].tolist(), strict=True))
