"""A pen for plots: smooth lines and dots in a part of a picture, for what differs from one plot to the next."""

import math

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
            self._layer(colour).line(places, fill=255, width=width, joint="curve")

    def upright(self, column, ends, colour, width_px):
        """Draw an upright line between the rows `ends`, sharp: its edges are those of pixels, as matplotlib does it."""
        width = max(1, round(width_px))
        left = math.floor(column + 0.5) - width // 2
        self._bar((left, min(ends)), (left + width, max(ends)), colour)

    def level(self, row, colour, width_px, dash_px=None):
        """Draw a sharp line across the box, with `dash_px` (dash, gap) a broken one."""
        dash, gap = dash_px or (self.size[0], 0)
        width, start = max(1, round(width_px)), self.left
        top = math.ceil(row - 0.5) - (width + 1) // 2
        while start < self.left + self.size[0]:
            self._bar((start, top), (start + dash, top + width), colour)
            start += dash + gap

    def dot(self, column, row, diameter_px, colour):
        """Draw a disc around a place."""
        x, y = self._place(column, row)
        radius = diameter_px * FINER / 2
        self._layer(colour).ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)

    def lay(self):
        """Put on the image what has been drawn."""
        for colour, (mask, _) in self._layers.items():
            self.image.paste(colour, (self.left, self.top), mask.reduce(FINER))
        self._layers = {}

    def _bar(self, upper_left, lower_right, colour):
        left, top = map(round, self._place(*upper_left))
        right, bottom = map(round, self._place(*lower_right))
        self._layer(colour).rectangle((left, top, max(right, left + 1) - 1, max(bottom, top + 1) - 1), fill=255)

    def _place(self, column, row):
        return tuple(max(-FAR, min(place * FINER, FAR)) for place in (float(column) - self.left, float(row) - self.top))

    def _layer(self, colour):
        from PIL import Image, ImageDraw

        if colour not in self._layers:
            mask = Image.new("L", (self.size[0] * FINER, self.size[1] * FINER), 0)
            self._layers[colour] = mask, ImageDraw.Draw(mask)
        return self._layers[colour][1]
