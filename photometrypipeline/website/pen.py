"""A pen for plots: smooth lines and dots in a part of a picture, for what differs from one plot to the next."""

import math
from functools import cache

import numpy as np

FAR = 30_000  # beyond all pictures, and what Pillow can count to is further away
FINER = 3  # drawn so many times larger, and reduced: smooth edges


class Pen:
    """Draws in the `box` (left, top, right, bottom; pixels, float) of a Pillow image; what lies beyond is not seen.

    Positions are pixels of the image.  Each colour is a layer of its own; `lay` puts them on the image, the first one
    used below the others.
    """

    def __init__(self, image, box):
        self.image = image
        self.left, self.top = math.floor(box[0]), math.floor(box[1])
        self.size = math.ceil(box[2]) - self.left, math.ceil(box[3]) - self.top
        self._layers = {}

    def line(self, points, colour, width_px):
        """Draw a line through `points` [(column, row), ...]."""
        if len(points) > 1:
            places = [self._place(*point) for point in points]
            width = max(1, round(width_px * FINER))
            self._layer(colour)[1].line(places, fill=255, width=width, joint="curve")

    def uprights(self, columns, ends, colour, width_px):
        """Draw upright lines, sharp: their edges are those of pixels, as matplotlib does it.

        columns : ndarray; a line is left out where it or an end is no number
        ends : (rows, rows), ndarrays: where the lines begin and end
        """
        width = max(1, round(width_px))
        left = np.floor(np.asarray(columns, float) + 0.5) - width // 2
        boxes = self._placed(left, np.minimum(*ends), left + width, np.maximum(*ends))
        _, layer = self._layer(colour)
        for x, y, right, bottom in boxes:
            layer.rectangle((x, y, max(right, x + 1) - 1, max(bottom, y + 1) - 1), fill=255)

    def level(self, row, colour, width_px, dash_px=None):
        """Draw a sharp line across the box, with `dash_px` (dash, gap) a broken one."""
        width = max(1, round(width_px))
        top = math.ceil(row - 0.5) - (width + 1) // 2 - self.top
        if -width < top < self.size[1]:
            strip = _strip(self.size[0], width, dash_px)
            self._layer(colour)[0].paste(strip, (0, top * FINER), strip)

    def dots(self, columns, rows, diameter_px, colour):
        """Draw a disc around each place that is known; columns and rows are ndarrays."""
        radius = diameter_px / 2
        _, layer = self._layer(colour)
        for box in self._placed(columns - radius, rows - radius, columns + radius, rows + radius, whole=False):
            layer.ellipse(box, fill=255)

    def lay(self):
        """Put on the image what has been drawn."""
        for colour, (mask, _) in self._layers.items():
            self.image.paste(colour, (self.left, self.top), mask.reduce(FINER))
        self._layers = {}

    def _placed(self, left, top, right, bottom, whole=True):
        """Return [(left, top, right, bottom), ...] on a layer of boxes whose edges (ndarrays) are all known."""
        edges = np.column_stack([left, top, right, bottom]) - (self.left, self.top, self.left, self.top)
        edges = np.clip(edges[np.isfinite(edges).all(axis=1)] * FINER, -FAR, FAR)
        return (np.rint(edges).astype(int) if whole else edges).tolist()

    def _place(self, column, row):
        return tuple(max(-FAR, min(place * FINER, FAR)) for place in (float(column) - self.left, float(row) - self.top))

    def _layer(self, colour):
        from PIL import Image, ImageDraw

        if colour not in self._layers:
            mask = Image.new("L", (self.size[0] * FINER, self.size[1] * FINER), 0)
            self._layers[colour] = mask, ImageDraw.Draw(mask)
        return self._layers[colour]


@cache
def _strip(length, width, dash_px):
    """Return a mask (Pillow image) of a line across a layer, `length` and `width` in pixels of the picture."""
    from PIL import Image

    place = (np.arange(length * FINER) + 0.5) / FINER
    dash, gap = dash_px or (length, 0)
    shown = np.where(place % (dash + gap) < dash, 255, 0).astype(np.uint8)
    return Image.fromarray(np.tile(shown, (width * FINER, 1)))
