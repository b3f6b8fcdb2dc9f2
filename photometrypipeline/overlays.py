"""Transparent drawings that lie exactly on the pictures of `images`, and the animations made of both.

Lines are drawn larger by FINER and then reduced, which smooths the edges.
"""

import math
from functools import cache
from pathlib import Path

FINER = 3
BLACK, RED, WHITE = (0, 0, 0), (255, 40, 40), (255, 255, 255)
POINTS_PER_INCH = 72
FRAME_TIME_MS = 500
LONGEST_LABEL = 44  # characters; more do not fit a cut-out
NUMBER_PT = 6
BOX_PX = 15  # frame pixels; marks the target where there is no aperture


class Overlay:
    """An empty, transparent picture of the size of `view` (images.View), with a pen that knows its FITS positions."""

    def __init__(self, view, dpi):
        self.view = view
        self.point_px = dpi / POINTS_PER_INCH  # one typographic point
        self._layers = {}  # one mask per colour: a mask takes a tenth of the time of a coloured picture

    def image(self):
        """Return the drawing as a Pillow image."""
        from PIL import Image

        together = Image.new("RGBA", (self.view.width, self.view.height), (0, 0, 0, 0))
        for colour, mask in sorted(self._layers.items()):  # black first: it is the shade behind text
            box = mask.getbbox()
            if box:  # most of a layer is empty
                layer = Image.new("RGBA", (box[2] - box[0], box[3] - box[1]), colour)
                layer.putalpha(mask.crop(box))
                together.alpha_composite(layer, box[:2])
        return together

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
        from PIL import ImageDraw

        font = letters(round(size_pt * self.point_px))
        if colour == WHITE:  # has to be told from white sky
            shade = {"fill": 170, "stroke_fill": 170, "stroke_width": 1}
            ImageDraw.Draw(self._layer(BLACK)).text((column, row), text, font=font, anchor=anchor, **shade)
        ImageDraw.Draw(self._layer(colour)).text((column, row), text, fill=255, font=font, anchor=anchor)

    def _smooth(self, shape, places, colour, **style):
        """Draw a `shape` of Pillow's through `places` [column, row, column, row], larger first and then reduced."""
        from PIL import Image, ImageChops, ImageDraw

        room, layer = style["width"] // FINER + 2, self._layer(colour)
        low = [max(0, math.floor(min(places[axis::2])) - room) for axis in (0, 1)]
        high = [min(layer.size[axis], math.ceil(max(places[axis::2])) + room) for axis in (0, 1)]
        if low[0] >= high[0] or low[1] >= high[1]:
            return
        mask = Image.new("L", ((high[0] - low[0]) * FINER, (high[1] - low[1]) * FINER), 0)
        getattr(ImageDraw.Draw(mask), shape)(
            [(place - low[index % 2]) * FINER for index, place in enumerate(places)], **style
        )
        layer.paste(ImageChops.lighter(layer.crop((*low, *high)), mask.reduce(FINER)), (*low, *high))

    def _layer(self, colour):
        from PIL import Image

        if colour not in self._layers:
            self._layers[colour] = Image.new("L", (self.view.width, self.view.height), 0)
        return self._layers[colour]

    def _pen(self, width_pt):
        return max(FINER, round(width_pt * self.point_px * FINER))  # thinner than a pixel of the picture is not seen


def star_map(view, positions, dpi, diameter_pt, width_pt, numbered=False):
    """Return the overlay with red circles on `positions` [(x, y)], with `numbered` counted from 1 at their right."""
    from PIL import Image, ImageChops, ImageDraw

    radius_px = diameter_pt * dpi / POINTS_PER_INCH / 2
    mask = Image.new("L", (view.width, view.height), 0)
    for x, y in positions:
        column, row = view.place(x, y)
        left, top = math.floor(column - radius_px) - 2, math.floor(row - radius_px) - 2
        ring = _ring(radius_px, width_pt * dpi / POINTS_PER_INCH, *(_quarter(column - left), _quarter(row - top)))
        box = (left, top, left + ring.width, top + ring.height)
        mask.paste(ImageChops.lighter(mask.crop(box), ring), box)  # rings may cross
    if numbered:
        pen, font = ImageDraw.Draw(mask), letters(round(NUMBER_PT * dpi / POINTS_PER_INCH))
        for count, (x, y) in enumerate(positions, start=1):
            column, row = view.place(x, y)
            pen.text((column + radius_px + 2, row), str(count), fill=255, font=font, anchor="lm")
    return _in_one_colour(mask, RED)


@cache
def _ring(radius_px, width_px, column, row):
    """Return a mask with a smooth circle around a place of it."""
    from PIL import Image, ImageDraw

    side = math.ceil(2 * radius_px) + 5
    ring = Image.new("L", (side * FINER, side * FINER), 0)
    box = [(centre + sign * radius_px) * FINER for sign in (-1, 1) for centre in (column, row)]
    ImageDraw.Draw(ring).ellipse(box, outline=255, width=max(FINER, round(width_px * FINER)))
    return ring.reduce(FINER)


def _quarter(length):
    return round(4 * length) / 4


def _in_one_colour(mask, colour):
    """Return the picture in `colour` whose opacity is `mask`: with a palette of opacities, a quarter of the size."""
    from PIL import Image

    picture = Image.frombytes("P", mask.size, mask.tobytes())
    picture.putpalette(colour * 256)
    picture.info["transparency"] = bytes(range(256))
    return picture


def target_marks(view, row, labels, predicted, scale_arcsec, settings):
    """Return the overlay of a cut-out: aperture, prediction, names, scale bars.

    row : row of the distill record (x, y, aprad_px)
    labels : (name of the image, name of the target)
    predicted : FITS position (x, y) of the prediction, or None
    scale_arcsec : of a pixel of the frame, or None for no scale bars
    """
    overlay = Overlay(view, settings.image_dpi)
    width_pt = settings.thumb_linewidth
    if row["aprad_px"] is None:
        overlay.square(row["x"], row["y"], BOX_PX * view.scale, RED, width_pt)
    else:
        overlay.circle(row["x"], row["y"], row["aprad_px"] * view.scale, RED, width_pt)
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
    first.save(path, format="GIF", save_all=True, append_images=pictures, duration=FRAME_TIME_MS, loop=0)
    return first.size


def _together(below, above):
    from PIL import Image

    with Image.open(below) as picture, Image.open(above) as overlay:
        together = Image.alpha_composite(picture.convert("RGBA"), overlay.convert("RGBA"))
    return together.convert("RGB").quantize(palette=_palette(), dither=Image.Dither.NONE)


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
