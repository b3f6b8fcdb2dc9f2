"""A plot as picture and as drawing at once: matplotlib lays it out, and looks for its ticks and labels, only once."""

import io
from functools import lru_cache

import numpy as np
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.transforms import Affine2D, Bbox, TransformedPath
from PIL import Image

POINTS_PER_INCH = 72


def both(figure):
    """Draw a matplotlib Figure; return (Pillow image, RGB, at its dpi; the same in SVG as str)."""
    lines, renderer = io.StringIO(), _renderer(*figure.bbox.size, figure.dpi)
    drawing = renderer.begin(lines)
    figure.draw(renderer)
    drawing.finalize()
    return _image(renderer.picture), lines.getvalue()


def picture(figure):
    """Draw a matplotlib Figure; return the Pillow image, RGB, at its dpi."""
    renderer = RendererAgg(*figure.bbox.size, figure.dpi)
    figure.draw(renderer)
    return _image(renderer)


@lru_cache(1)
def _renderer(width_px, height_px, dpi):
    return _Both(width_px, height_px, dpi)  # the same one each time: matplotlib keeps sizes of texts for a renderer


def _image(renderer):
    return Image.fromarray(np.asarray(renderer.buffer_rgba())).convert("RGB")


class _Both(RendererBase):
    """Passes on what is to be drawn to a renderer of pictures, as it is, and to one of drawings, reduced to points.

    Lengths come from the picture: what is placed by them is at the same place in both.
    """

    def __init__(self, width_px, height_px, dpi):
        super().__init__()
        self.picture = RendererAgg(width_px, height_px, dpi)
        self._drawing = None
        self._scale = POINTS_PER_INCH / dpi
        self._reduce = Affine2D().scale(self._scale)
        self.get_canvas_width_height = self.picture.get_canvas_width_height
        self.get_text_width_height_descent = self.picture.get_text_width_height_descent
        self.points_to_pixels = self.picture.points_to_pixels
        self.flipy = self.picture.flipy

    def begin(self, lines):
        """Begin another figure on an empty picture; return the renderer of the drawing, which goes to a text file."""
        self.picture.clear()
        width, height = self.picture.width * self._scale, self.picture.height * self._scale
        self._drawing = RendererSVG(width, height, lines, image_dpi=self.picture.dpi, metadata={"Date": None})
        return self._drawing

    def open_group(self, s, gid=None):
        self._drawing.open_group(s, gid)

    def close_group(self, s):
        self._drawing.close_group(s)

    def draw_path(self, gc, path, transform, rgbFace=None):
        self.picture.draw_path(gc, path, transform, rgbFace)
        self._drawing.draw_path(self._reduced(gc), path, transform + self._reduce, rgbFace)

    def draw_markers(self, gc, marker_path, marker_trans, path, trans, rgbFace=None):
        self.picture.draw_markers(gc, marker_path, marker_trans, path, trans, rgbFace)
        places = marker_path, marker_trans + self._reduce, path, trans + self._reduce
        self._drawing.draw_markers(self._reduced(gc), *places, rgbFace)

    def draw_path_collection(self, gc, master_transform, paths, transforms, offsets, offset_trans, *style, **more):
        self.picture.draw_path_collection(
            gc, master_transform, paths, transforms, offsets, offset_trans, *style, **more
        )
        places = master_transform + self._reduce, paths, transforms, offsets, offset_trans + self._reduce
        self._drawing.draw_path_collection(self._reduced(gc), *places, *style, **more)

    def draw_text(self, gc, x, y, s, prop, angle, ismath=False, mtext=None):
        self.picture.draw_text(gc, x, y, s, prop, angle, ismath, mtext)
        text = mtext and _Reduced(mtext, self._reduce)
        self._drawing.draw_text(self._reduced(gc), x * self._scale, y * self._scale, s, prop, angle, ismath, text)

    def _reduced(self, gc):
        """Return a graphics context like `gc` whose borders are reduced: widths are in points in both."""
        reduced = self._drawing.new_gc()
        reduced.copy_properties(gc)
        box, (path, transform) = gc.get_clip_rectangle(), gc.get_clip_path()
        if box is not None:
            reduced.set_clip_rectangle(Bbox(box.get_points() * self._scale))
        if path is not None:
            reduced.set_clip_path(TransformedPath(path, transform + self._reduce))
        return reduced


class _Reduced:
    """A matplotlib Text at the place that it has on the drawing."""

    def __init__(self, text, reduce):
        self._text, self._reduce = text, reduce

    def get_transform(self):
        return self._text.get_transform() + self._reduce

    def __getattr__(self, name):
        return getattr(self._text, name)
