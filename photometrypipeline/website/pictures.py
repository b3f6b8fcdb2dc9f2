"""The pictures of a website: drawn when what they show has changed, removed when no page shows them any more."""

import hashlib
import logging
import os
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from photometrypipeline.base import jsonfile, workers
from photometrypipeline.base.errors import in_words
from photometrypipeline.base.files import reference_file, replacing, safe_name, stem_of
from photometrypipeline.frames.records import known
from photometrypipeline.frames.rows import RECORDED_KINDS
from photometrypipeline.website import cutouts, plotfiles, quickview
from photometrypipeline.website.pixels import Pixels

log = logging.getLogger("pp.pictures")

INDEX = "pictures.json"
UNDRAWABLE = (OSError, ValueError, TypeError, LookupError, ArithmeticError)
OWN_ENDINGS = {".html", ".css", ".js", ".png", ".webp", ".jpg", ".gif", ".svg"}  # that the website makes, and removes
# noise would shrink by a quarter at most, and in seven times the time
SAVED_AS = {"png": {"compress_level": 0}, "webp": {"lossless": True}, "jpg": {"quality": 92, "format": "JPEG"}}


@dataclass(frozen=True)
class Picture:
    """A picture: its file name and its size in pixels."""

    file: str
    width: int
    height: int


class Shelf:
    """The files of a website in one folder: `name` gives each its own, `finish` removes what earlier runs have left."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._names = set()
        self._before, self._now = self._read_index(), {}

    def name(self, wanted, ending):
        """Return a file name for `wanted` (str) with `ending` that is safe and no other file of the website has."""
        stem, count = safe_name(str(wanted).encode("utf-8", "replace").decode()), 1  # undecodable bytes become _
        name = stem + ending
        while name.casefold() in self._names:
            count += 1
            name = f"{stem}_{count}{ending}"
        self._names.add(name.casefold())
        return name

    def picture(self, name, contents, draw):
        """Return (Picture in the file `name`, key of `contents`), None with a warning if it cannot be drawn.

        contents : whatever it depends on, as plain data; while that is the same the file is kept
        draw : called with the path to write, returns (width, height) in pixels
        """
        key, path = hashlib.sha256(repr([_version(), contents]).encode()).hexdigest(), self.folder / name
        kept_key, *size = self._before.get(name, [None])
        if kept_key != key or not (path.is_file() and path.stat().st_size):  # a power failure may leave an empty one
            try:
                with replacing(path, at_once=False) as new:
                    size = draw(new)
            except UNDRAWABLE as error:  # a picture is never worth a run
                log.warning("%s cannot be drawn: %s", name, error)
                path.unlink(missing_ok=True)
                return None
        return Picture(name, *size), key

    def key_of(self, picture):
        """Return what tells the contents of a Picture that has been kept."""
        return self._now[picture.file][0]

    def begin(self):
        """Forget on disk what there is: whoever is interrupted from here on draws all of it again."""
        (self.folder / INDEX).unlink(missing_ok=True)

    def take(self, drawn):
        """Take over the files that were drawn ahead, {name: [key, width, height]}, as if an earlier run had left them.

        They are drawn again if what they show has changed since.
        """
        self._before |= drawn

    def leave_out(self, names):
        """Forget files on disk that are going to be drawn: who is interrupted must not take a new one for the old."""
        others = {name: entry for name, entry in self._before.items() if name not in names}
        if len(others) < len(self._before):
            jsonfile.write(self.folder / INDEX, others, at_once=False)

    def keep(self, drawn):
        """Take over [(Picture, key) or None] and return the Pictures."""
        self._now |= {picture.file: [key, picture.width, picture.height] for picture, key in filter(None, drawn)}
        return [each and each[0] for each in drawn]

    def finish(self, pages):
        """Remove files of earlier runs: all but the pictures of this one and `pages` (file names)."""
        jsonfile.write(self.folder / INDEX, self._now, at_once=False)
        for path in self.folder.iterdir():
            if path.suffix in OWN_ENDINGS and path.name not in {*self._now, *pages} and path.is_file():
                path.unlink()

    def _read_index(self):
        return jsonfile.read(self.folder / INDEX) or {}


@dataclass
class FrameJob:
    """The pictures of a frame: `drawn` are its quick view and its cut-outs, in the order of `rows`.

    reference : (RA, Dec) in deg, ndarrays, of the stars that the frames were registered with
    """

    frame: Any
    path: str
    quickview: str | None = None
    rows: list = field(default_factory=list)  # (RowView, name of the file)
    reference: tuple | None = None
    settings: Any = None

    def draw(self, shelf):
        """Return ([(Picture, key) or None], (width, height) of the frame, places of stars, marks of each row)."""
        settings = self.settings
        try:
            with Pixels(self.path) as pixels:
                drawn, size_px, places = [self._quickview(shelf, pixels)], (pixels.width, pixels.height), None
                if self.reference is not None and drawn[0]:
                    places = quickview.places(pixels, shown_px(settings), *self.reference)
                pairs = [self._cutout(shelf, pixels, row.data, name) for row, name in self.rows]
        except UNDRAWABLE as error:  # a bad file costs its pictures, never the pages
            log.warning("%s: no pictures of this frame: %s", self.path, error)
            return [None] * (1 + len(self.rows)), None, None, [None] * len(self.rows)
        return drawn + [picture for picture, _ in pairs], size_px, places, [marks for _, marks in pairs]

    def _quickview(self, shelf, pixels):
        return shelf.picture(self.quickview, *quick_view(pixels, self.settings)) if self.quickview else None

    def _cutout(self, shelf, pixels, data, name):
        settings = self.settings
        side_px = round(settings.image_size_thumb_in * settings.image_dpi)
        place = (data.x_px, data.y_px, settings.image_size_thumb_px, side_px)
        save = partial(_save, lambda: cutouts.draw(pixels, *place, settings.image_stretch), settings.image_file_format)
        picture = shelf.picture(name, [pixels.fingerprint, place, settings.image_stretch], save)
        return picture, cutouts.marks(pixels, data, cutouts.view_of(*place), settings.thumb_scalelength)

    def hang(self, shelf, drawn, size_px, places, marks):
        """Tell the views what has been drawn."""
        self.frame.quickview, *pictures = shelf.keep(drawn)
        self.frame.size_px, self.frame.reference_places = size_px, places
        for (row, _), picture, marked in zip(self.rows, pictures, marks, strict=True):
            row.cutout, row.marks = picture, marked


class PlotFiles:
    """The plots of a run that are files, drawn by an assistant next to the process that makes all the rest.

    `pictures` are {name of a plot: Picture of its file}; they are there, or gone, once `finish` has been called.
    """

    def __init__(self, plots, shelf, settings, assistant):
        self._shelf, self._groups = shelf, plots_by_file(plots, shelf, settings)
        shelf.begin()
        self._wait = assistant.ask(draw_plots, shelf, self._groups, settings)
        size = plotfiles.size_px(settings.plot_dpi)
        self.pictures = {plot.name: Picture(name, *size) for name, members in self._groups.items() for plot in members}

    def finish(self):
        """Wait for the files; return whether all of them could be drawn, and forget the others."""
        drawn = {picture.file for picture in self._shelf.keep(self._wait()) if picture}
        self.pictures = {name: picture for name, picture in self.pictures.items() if picture.file in drawn}
        return len(drawn) == len(self._groups)


def plots_by_file(plots, shelf, settings):
    """Return {name of a file: list of those Plots that it shows}."""
    ending = f".{settings.image_file_format}"
    return {shelf.name(file, ending): members for file, members in plotfiles.groups(plots)}


def draw_plots(shelf, groups, settings):
    """Draw `groups` of Plots, {name of the file: list}; return [(Picture, key) or None]."""
    return [shelf.picture(name, *plot_file(plots, settings)) for name, plots in groups.items()]


def plot_file(plots, settings):
    """Return (contents, draw) of a file with Plots, as Shelf.picture has them."""
    how = {"file_format": settings.image_file_format, "dpi": settings.plot_dpi}
    return [plots, how], partial(plotfiles.save, plots, **how)


def quick_view(pixels, settings):
    """Return (contents, draw) of the quick view of Pixels, as Shelf.picture has them."""
    how = (settings.image_size_lg_px, shown_px(settings), settings.image_stretch)
    return [pixels.fingerprint, how], partial(_save, lambda: quickview.draw(pixels, *how), settings.image_file_format)


@dataclass
class AnimationJob:
    """The animation of a target, made of its cut-outs; it has to wait for these."""

    target: Any
    name: str
    rows: list

    def draw(self, shelf):
        shown = [(shelf.folder / row.cutout.file, row.marks) for row in self.rows]
        contents = [(shelf.key_of(row.cutout), row.marks) for row in self.rows]
        return [shelf.picture(self.name, contents, partial(cutouts.save_animation, shown))]


def draw_frames(view, shelf, settings, folders, jobs=1):
    """Draw all pictures of frames that `view` (views.Overview) shows, with `jobs` processes, and tell it of them.

    shelf : Shelf that they go to;  folders : where the FITS files are looked for
    """
    of_frames = list(frame_jobs(view, shelf, settings, folders))
    for job, result in zip(of_frames, _drawn(of_frames, shelf, jobs), strict=True):
        job.hang(shelf, *result)
    animations = list(_animations(view, shelf, settings))
    for job, result in zip(animations, _drawn(animations, shelf, jobs), strict=True):
        (job.target.animation,) = shelf.keep(result)


def _drawn(drawing_jobs, shelf, jobs):
    return workers.side_by_side(lambda job: job.draw(shelf), drawing_jobs, jobs, label="pictures", unit="part")


@cache
def _version():
    """What changes when the drawing does: a check of the programs' own text."""
    names = ("cutouts", "pixels", "plotfiles", "quickview", "zscale")
    parts = (Path(__file__).with_name(f"{name}.py") for name in names)
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()


def shown_px(settings):
    """Return the longest side of a quick view on a page, px."""
    return round(settings.image_size_lg_in * settings.image_dpi)


def _save(draw, file_format, path):
    image = draw()
    if file_format == "png":
        image = image.convert("P")  # of which Pillow filters no lines, as it does with greys
    image.save(path, **({"format": file_format.upper()} | SAVED_AS[file_format]))
    return image.size


def frame_jobs(view, shelf, settings, folders):
    """Yield a FrameJob for every frame that has pictures and whose file is there."""
    with_pages = settings.individual_frame_pages  # without, there are cut-outs only, for the animations
    reference = None
    if with_pages and settings.show_registration_star_map:
        reference = _reference_stars(view.records["register"], folders)
    for frame in view.frames:
        path = find(frame.name, folders)
        if not path or not (with_pages or settings.show_target_animations):
            continue
        job = FrameJob(frame, path, settings=settings)
        if with_pages and settings.show_quickview_image:
            job.quickview = shelf.name(frame.name, f".{settings.image_file_format}")
            if frame.register and not view.records["register"].skipped:
                job.reference = reference
        for row in frame.rows:
            if row.accepted and known(row.data.x_px) and known(row.data.y_px):
                job.rows.append((row, _cutout_name(row, shelf, settings)))
        for row in frame.unseen:
            asked_for = row.target.data.kind in RECORDED_KINDS and frame in row.target.missed
            if asked_for and known(row.data.x_px) and known(row.data.y_px):
                job.rows.append((row, _cutout_name(row, shelf, settings)))
        yield job


def _cutout_name(row, shelf, settings):
    return shelf.name(f"{row.target.name}_{stem_of(row.frame.name)}_thumb", f".{settings.image_file_format}")


def _animations(view, shelf, settings):
    """Yield an AnimationJob for every target with a cut-out, in order of time."""
    for target in view.targets if settings.show_target_animations else []:
        shown = target.pictured
        if shown:
            target.animation_step = -(-len(shown) // settings.animation_frames)
            yield AnimationJob(target, shelf.name(target.name, ".gif"), shown[:: target.animation_step])


def _reference_stars(register, folders):
    """Return (RA, Dec) in deg of the stars that the frames were registered with, None if their file is not there."""
    path = find(reference_file(str(register.catalog)), folders) if register and register.catalog else None
    if path is None:
        return None
    from astropy.io import fits

    try:
        with fits.open(path) as file:
            table = file["LDAC_OBJECTS"].data
            return tuple(np.array(table[name], float) for name in ("XWIN_WORLD", "YWIN_WORLD"))
    except (OSError, KeyError) as error:
        log.warning("%s: reference stars are not shown: %s", path, in_words(error))
        return None


def find(name, folders):
    """Return the path of the file `name` in the first of `folders` that has it, None if none has."""
    paths = (os.path.join(str(folder), name) for folder in folders)
    return next((path for path in paths if os.path.isfile(path)), None)
