"""A plot as picture and as drawing at once: matplotlib lays it out, and looks for its ticks and labels, only once."""

import io

import numpy as np
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.transforms import Affine2D, Bbox, TransformedPath
from PIL import Image

POINTS_PER_INCH = 72


def both(figure):
    """Draw a matplotlib Figure; return (Pillow image, RGB, at its dpi; the same in SVG as str)."""
    lines, scale = io.StringIO(), POINTS_PER_INCH / figure.dpi
    drawing = RendererSVG(*figure.bbox.size * scale, lines, image_dpi=figure.dpi, metadata={"Date": None})
    picture = RendererAgg(*figure.bbox.size, figure.dpi)
    figure.draw(_Both(picture, drawing, scale))
    drawing.finalize()
    return _image(picture), lines.getvalue()


def picture(figure):
    """Draw a matplotlib Figure; return the Pillow image, RGB, at its dpi."""
    renderer = RendererAgg(*figure.bbox.size, figure.dpi)
    figure.draw(renderer)
    return _image(renderer)


def _image(renderer):
    return Image.fromarray(np.asarray(renderer.buffer_rgba())).convert("RGB")


class _Both(RendererBase):
    """Passes on what is to be drawn to a renderer of pictures, as it is, and to one of drawings, reduced by `scale`.

    Lengths come from the picture: what is placed by them is at the same place in both.
    """

    def __init__(self, picture, drawing, scale):
        super().__init__()
        self._picture, self._drawing = picture, drawing
        self._scale, self._reduce = scale, Affine2D().scale(scale)
        self.get_canvas_width_height = picture.get_canvas_width_height
        self.get_text_width_height_descent = picture.get_text_width_height_descent
        self.points_to_pixels = picture.points_to_pixels
        self.flipy = picture.flipy
        self.open_group, self.close_group = drawing.open_group, drawing.close_group

    def draw_path(self, gc, path, transform, rgbFace=None):
        self._picture.draw_path(gc, path, transform, rgbFace)
        self._drawing.draw_path(self._reduced(gc), path, transform + self._reduce, rgbFace)

    def draw_markers(self, gc, marker_path, marker_trans, path, trans, rgbFace=None):
        self._picture.draw_markers(gc, marker_path, marker_trans, path, trans, rgbFace)
        places = marker_path, marker_trans + self._reduce, path, trans + self._reduce
        self._drawing.draw_markers(self._reduced(gc), *places, rgbFace)

    def draw_path_collection(self, gc, master_transform, paths, transforms, offsets, offset_trans, *style, **more):
        self._picture.draw_path_collection(
            gc, master_transform, paths, transforms, offsets, offset_trans, *style, **more
        )
        places = master_transform + self._reduce, paths, transforms, offsets, offset_trans + self._reduce
        self._drawing.draw_path_collection(self._reduced(gc), *places, *style, **more)

    def draw_text(self, gc, x, y, s, prop, angle, ismath=False, mtext=None):
        self._picture.draw_text(gc, x, y, s, prop, angle, ismath, mtext)
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
