"""Transparent drawings that lie exactly on the pictures of `images`, and the animations made of both.

Lines are drawn larger by FINER and then reduced, which smooths the edges.
"""

import math
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from photometrypipeline.frames.records import known

FINER = 3
LEVELS = 31  # of opacity
MOST_SHADES = 255  # in a palette, beside nothing at all
BLACK, RED, WHITE = (0, 0, 0), (255, 40, 40), (255, 255, 255)
POINTS_PER_INCH = 72
FRAME_TIME_MS = 500
LONGEST_LABEL = 44  # characters; more do not fit a cut-out
NUMBER_PT = 6
MOST_TEXTS = 2000  # that are kept as they are drawn
SHADE = 170  # of 255: how dark it is behind white text
BOX_PX = 15  # frame pixels; marks the target where there is no aperture


class Overlay:
    """An empty, transparent picture of the size of `view` (images.View), with a pen that knows its FITS positions."""

    def __init__(self, view, dpi):
        self.view = view
        self.point_px = dpi / POINTS_PER_INCH  # one typographic point
        self._layers = {}  # one mask per colour: a mask takes a tenth of the time of a coloured picture

    def image(self):
        """Return the drawing as a Pillow image with a palette, which is written in a quarter of the time."""
        drawn = np.zeros((self.view.height, self.view.width), np.uint8)
        for layer in self._layers.values():
            np.maximum(drawn, layer, out=drawn)
        places = np.flatnonzero(drawn != 0)  # of bool, which takes a tenth of the time
        mixed = self._mixed(places)
        for bits in range(8):  # that are left out, none as a rule
            shades, which = np.unique((mixed >> bits << bits).view(np.uint32).ravel(), return_inverse=True)
            if len(shades) <= MOST_SHADES:
                break
        drawn.ravel()[places] = which + 1
        shades = shades.view(np.uint8).reshape(-1, 4)
        return _with_palette(drawn, [(0, 0, 0), *shades[:, :3].tolist()], [0, *shades[:, 3].tolist()])

    def _mixed(self, places):
        """Return the colours (n x 4, uint8: red, green, blue, opacity) at `places` of all layers upon each other."""
        mixed, opacity = np.zeros((len(places), 3)), np.zeros((len(places), 1))
        for colour, layer in sorted(self._layers.items()):  # black first: it is the shade behind text
            above = np.rint(layer.ravel()[places, np.newaxis] * (LEVELS / 255)) / LEVELS
            mixed = mixed * (1 - above) + np.array(colour) * above
            opacity = opacity * (1 - above) + above
        mixed = mixed / np.where(opacity, opacity, 1)
        return np.rint(np.hstack([mixed, 255 * opacity])).astype(np.uint8)

    def circle(self, x, y, radius_px, colour, width_pt):
        """Draw a circle around a FITS position; `radius_px` in pixels of the picture."""
        column, row = self.view.place(x, y)
        box = (column - radius_px, row - radius_px, column + radius_px, row + radius_px)
        self._smooth("ellipse", box, colour, outline=255, width=self._pen(width_pt))

    def square(self, x, y, side_px, colour, width_pt):
        """Draw a square around a FITS position; `side_px` in pixels of the picture."""
        column, row = self.view.place(x, y)
        half = side_px / 2
        box = (column - half, row - half, column + half, row + half)
        self._smooth("rectangle", box, colour, outline=255, width=self._pen(width_pt))

    def cross(self, x, y, side_pt, colour, width_pt, upright=False):
        """Draw an x (or, upright, a +) on a FITS position."""
        column, row = self.view.place(x, y)
        reach = side_pt * self.point_px / 2
        for across, down in ((reach, 0), (0, reach)) if upright else ((reach, reach), (reach, -reach)):
            self.line([(column - across, row - down), (column + across, row + down)], colour, width_pt)

    def line(self, ends, colour, width_pt):
        """Draw a line between two places (column, row) of the picture."""
        self._smooth("line", [part for end in ends for part in end], colour, fill=255, width=self._pen(width_pt))

    def text(self, column, row, text, size_pt, anchor, colour):
        """Write `text` at a place of the picture; `anchor` as in Pillow, e.g. `ls`: left end of the base line."""
        size_px = round(size_pt * self.point_px)
        if colour == WHITE:  # has to be told from white sky
            self._write(BLACK, column, row, text, size_px, anchor, 1)
        self._write(colour, column, row, text, size_px, anchor, 0)

    def _write(self, colour, column, row, text, size_px, anchor, stroke_px):
        mask, left, top = written(text, size_px, anchor, stroke_px)
        stamp(self._layer(colour), mask, round(column) + left, round(row) + top)

    def _smooth(self, shape, places, colour, **style):
        """Draw a `shape` of Pillow's through `places` [column, row, column, row], larger first and then reduced."""
        from PIL import Image, ImageDraw

        room, layer = style["width"] // FINER + 2, self._layer(colour)
        low = [max(0, math.floor(min(places[axis::2])) - room) for axis in (0, 1)]
        high = [min(layer.shape[1 - axis], math.ceil(max(places[axis::2])) + room) for axis in (0, 1)]
        if low[0] >= high[0] or low[1] >= high[1]:
            return
        mask = Image.new("L", ((high[0] - low[0]) * FINER, (high[1] - low[1]) * FINER), 0)
        getattr(ImageDraw.Draw(mask), shape)(
            [(place - low[index % 2]) * FINER for index, place in enumerate(places)], **style
        )
        stamp(layer, np.asarray(mask.reduce(FINER)), *low)

    def _layer(self, colour):
        if colour not in self._layers:
            self._layers[colour] = np.zeros((self.view.height, self.view.width), np.uint8)
        return self._layers[colour]

    def _pen(self, width_pt):
        return max(FINER, round(width_pt * self.point_px * FINER))  # thinner than a pixel of the picture is not seen


def star_map(view, positions, dpi, diameter_pt, width_pt, numbered=False):
    """Return the overlay with red circles on `positions` [(x, y)], with `numbered` counted from 1 at their right.

    At the edge of the picture the number is at the left.
    """
    point_px = dpi / POINTS_PER_INCH
    radius_px, size_px = diameter_pt * point_px / 2, round(NUMBER_PT * point_px)
    mask = np.zeros((view.height, view.width), np.uint8)
    for count, (x, y) in enumerate(positions, start=1):
        column, row = view.place(x, y)
        left, top = math.floor(column - radius_px) - 2, math.floor(row - radius_px) - 2
        stamp(mask, _ring(radius_px, width_pt * point_px, _quarter(column - left), _quarter(row - top)), left, top)
        if numbered:
            number, beside, below = written(str(count), size_px, "lm")
            place = round(column + radius_px + 2) + beside
            if place + number.shape[1] > view.width:  # no room at its right
                place = round(column - radius_px - 2) - beside - number.shape[1]
            stamp(mask, number, place, round(row) + below)
    return _with_palette(mask, [RED] * 256, range(256))


def stamp(mask, shape, left, top):
    """Put a `shape` on a mask (ndarrays of uint8), as far as it is on it; what is there already stays."""
    cut_left, cut_top = max(0, -left), max(0, -top)
    part = mask[top + cut_top : max(0, top + shape.shape[0]), left + cut_left : max(0, left + shape.shape[1])]
    np.maximum(part, shape[cut_top : cut_top + part.shape[0], cut_left : cut_left + part.shape[1]], out=part)


@cache
def _ring(radius_px, width_px, column, row):
    """Return a mask (ndarray) with a smooth circle around a place of it."""
    from PIL import Image, ImageDraw

    side = math.ceil(2 * radius_px) + 5
    ring = Image.new("L", (side * FINER, side * FINER), 0)
    box = [(centre + sign * radius_px) * FINER for sign in (-1, 1) for centre in (column, row)]
    ImageDraw.Draw(ring).ellipse(box, outline=255, width=max(FINER, round(width_px * FINER)))
    return np.asarray(ring.reduce(FINER))


@lru_cache(MOST_TEXTS)
def written(text, size_px, anchor, stroke_px=0):
    """Return (mask with `text` as ndarray, its left edge and its upper one from the place of the `anchor`, px).

    With `stroke_px` the letters are broader by that on all sides, and fainter: a shade for them.
    """
    from PIL import Image, ImageDraw

    font = letters(size_px)
    left, top, right, bottom = font.getbbox(text, anchor=anchor, stroke_width=stroke_px)
    left, top = math.floor(left), math.floor(top)
    mask = Image.new("L", (math.ceil(right) - left, math.ceil(bottom) - top), 0)
    shade = {"fill": SHADE, "stroke_fill": SHADE, "stroke_width": stroke_px} if stroke_px else {"fill": 255}
    ImageDraw.Draw(mask).text((-left, -top), text, font=font, anchor=anchor, **shade)
    return np.asarray(mask), left, top


def _quarter(length):
    return round(4 * length) / 4


def _with_palette(numbers, colours, opacities):
    """Return the Pillow image with the colour (red, green, blue) and the opacity of each number (ndarray of uint8)."""
    from PIL import Image

    picture = Image.frombytes("P", numbers.shape[::-1], numbers.tobytes())
    picture.putpalette([part for colour in colours for part in colour])
    picture.info["transparency"] = bytes(opacities)
    return picture


def target_marks(view, row, labels, predicted, scale_arcsec, settings):
    """Return the overlay of a cut-out: aperture, prediction, names, scale bars.

    row : facts of a row (dict: x_px, y_px, aprad_px)
    labels : (name of the image, name of the target)
    predicted : FITS position (x, y) of the prediction, or None
    scale_arcsec : of a pixel of the frame, or None for no scale bars
    """
    overlay = Overlay(view, settings.image_dpi)
    width_pt = settings.thumb_linewidth
    if not known(row["aprad_px"]):
        overlay.square(row["x_px"], row["y_px"], BOX_PX * view.scale, RED, width_pt)
    else:
        overlay.circle(row["x_px"], row["y_px"], row["aprad_px"] * view.scale, RED, width_pt)
    if predicted is not None:
        upright = settings.thumb_predicted_pos_marker == "+"
        side_pt = math.sqrt(settings.thumb_predicted_pos_size)
        overlay.cross(*predicted, side_pt, _colour(settings.thumb_predicted_pos_color), max(width_pt, 1), upright)
    margin = 0.02 * view.width
    for place, anchor, label in ((view.height - margin, "ls", labels[0]), (margin, "lt", labels[1])):
        overlay.text(margin, place, _short(label), settings.thumb_fontsize, anchor, WHITE)
    if scale_arcsec:
        _scale_bars(overlay, settings.thumb_scalelength / scale_arcsec * view.scale, settings)
    return overlay.image()


def _scale_bars(overlay, length_px, settings):
    view = overlay.view
    if not 4 <= length_px < 0.9 * view.width:  # nothing to be seen, or beyond the picture
        return
    right, bottom = view.width * 0.97, view.height * 0.9
    label = f'{settings.thumb_scalelength:g}"'
    width_pt = max(settings.thumb_linewidth, 0.7)
    overlay.line([(right - length_px, bottom), (right, bottom)], WHITE, width_pt)
    overlay.line([(right, bottom - length_px), (right, bottom)], WHITE, width_pt)
    overlay.text(right - length_px / 2, bottom + 4, label, settings.thumb_fontsize, "mt", WHITE)


def save_animation(parts, path):
    """Write an endless GIF of `parts`, [(path of a cut-out, of its overlay)], in that order; return (width, height)."""
    pictures = (_together(*pair) for pair in parts)  # one at a time: there may be a thousand
    first = next(pictures)
    endless = {"save_all": True, "duration": FRAME_TIME_MS, "loop": 0}
    first.save(path, format="GIF", append_images=pictures, optimize=False, **endless)  # half the time, the same size
    return first.size


def warm_up():
    """Load what animations take."""
    _nearest()


def _together(below, above):
    """Return a cut-out (grey) under its overlay, a Pillow image in the colours of `_palette`."""
    from PIL import Image

    with Image.open(below) as picture, Image.open(above) as overlay:
        grey, over = np.asarray(picture.convert("L")), np.asarray(overlay.convert("RGBA"))
    greys, mixtures = _nearest()
    colours = greys[grey]
    places = np.flatnonzero(over.view(np.uint32) != 0)  # few: what is grey needs no search for a colour
    grey, over = grey.ravel()[places, np.newaxis], over.reshape(-1, 4)[places]
    strength = over[:, 3:] / np.float32(255)
    red, green, blue = (grey + (over[:, :3] - grey.astype(np.float32)) * strength).astype(np.uint8).T >> 3
    colours.ravel()[places] = mixtures[red, green, blue]
    together = Image.frombytes("P", picture.size, colours.tobytes())
    together.putpalette(_palette().palette)
    return together


@cache
def _nearest():
    """Return the colours of `_palette` next to each grey, and next to each mixture of 32 x 32 x 32, ndarrays."""
    from PIL import Image

    def nearest(colours):
        strip = Image.fromarray(colours[np.newaxis])
        return np.asarray(strip.quantize(palette=_palette(), dither=Image.Dither.NONE))[0]

    levels = np.arange(4, 256, 8, dtype=np.uint8)
    mixtures = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    return nearest(np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(-1, 3)), nearest(mixtures).reshape(32, 32, 32)


def _short(text):
    text = "".join(character if character.isprintable() else "?" for character in str(text))
    return text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 1] + "…"


@cache
def _colour(name):
    from matplotlib.colors import to_rgb

    return tuple(round(255 * part) for part in to_rgb(name))


@cache
def _palette():
    """The 256 colours of an animation: one palette for all frames, of greys and of 6 x 6 x 2 mixed colours."""
    from PIL import Image

    greys = [(level, level, level) for level in (round(step * 255 / 183) for step in range(184))]
    mixed = [(51 * red, 51 * green, 255 * blue) for red in range(6) for green in range(6) for blue in range(2)]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in greys + mixed for part in colour])
    return palette


@cache
def letters(size_px):
    """Return the Pillow font of all pictures, the one that matplotlib uses too."""
    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size_px)
