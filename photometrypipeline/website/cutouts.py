"""Cut-outs around a target, what is marked on them, and their animation.

Marks are plain data in pixels of the picture: the pages draw them above the cut-outs, an animation has them inside.
"""

import itertools
import math

import numpy as np

from photometrypipeline.frames.records import known
from photometrypipeline.website.pixels import View, to_grey

FRAME_TIME_MS = 500
BOX_PX = 15  # frame pixels; marks the target where there is no aperture
LEAST_BAR_PX = 4
GREYS, RED, BLUE, WHITE = 252, 252, 253, 254  # in the palette of an animation


def draw(pixels, x, y, side_px, shown_px, stretch):
    """Return the Pillow image of a square of `side_px` around the FITS position x, y; black off the frame."""
    from PIL import Image

    view = view_of(x, y, side_px, shown_px)
    part = pixels.window(round(view.left - 0.5), round(view.bottom - 0.5), side_px)
    image = Image.fromarray(to_grey(part, stretch)[::-1])
    return image.resize((shown_px, shown_px), Image.Resampling.BICUBIC)


def view_of(x, y, side_px, shown_px):
    """Return the View of a cut-out around the FITS position x, y; its edges lie on edges of pixels."""
    left, bottom = (round(centre - side_px / 2 - 0.5) + 0.5 for centre in (x, y))
    return View(left, bottom, shown_px / side_px, shown_px, shown_px)


def marks(pixels, row, view, bar_arcsec):
    """Return {circle, box, cross, bar, bar_arcsec} of a row (rows.Row), in pixels of the picture.

    circle : [column, row, radius] of the aperture, None without a fixed one; then box is [column, row, side]
    cross : [column, row] of the prediction, None if it is not on the picture
    bar : length of `bar_arcsec`, None where the scale is unknown or the bar would not fit
    """
    column, line = view.place(row.x_px, row.y_px)
    aperture = known(row.aprad_px)
    size = row.aprad_px if aperture else BOX_PX
    place = [round(value, 1) for value in (column, line, size * view.scale)]
    length = bar_arcsec / pixels.scale_arcsec * view.scale if pixels.scale_arcsec else math.inf
    return {
        "circle": place if aperture else None,
        "box": None if aperture else place,
        "cross": _predicted(pixels, row, view),
        "bar": round(length, 1) if LEAST_BAR_PX <= length < 0.9 * view.width else None,
        "bar_arcsec": bar_arcsec,
    }


def _predicted(pixels, row, view):
    if not (known(row.ra_pred_deg) and known(row.dec_pred_deg)):
        return None
    x, y = (float(value[0]) for value in pixels.position(row.ra_pred_deg, row.dec_pred_deg))
    column, line = view.place(x, y)
    inside = 0 <= column < view.width and 0 <= line < view.height
    return [round(column, 1), round(line, 1)] if inside else None


def save_animation(parts, path):
    """Write an endless GIF of `parts`, [(path of a cut-out, marks), ...], in that order; return (width, height).

    One picture after the other: Image.save keeps all of them until the last one is there.
    """
    from PIL import GifImagePlugin

    pictures = (_marked(*part) for part in parts)
    first = next(pictures)
    size, palette = first.size, bytes(first.getpalette())
    header, _ = GifImagePlugin.getheader(first.copy(), palette, {"loop": 0})
    with open(path, "wb") as file:
        file.writelines(header)
        for picture in itertools.chain([first], pictures):
            data = GifImagePlugin.getdata(picture, duration=FRAME_TIME_MS)
            file.writelines(data)
            data.clear()  # which Pillow holds on to until garbage is collected
        file.write(b";")
    return size


def _marked(path, marks):
    from PIL import Image, ImageDraw

    with Image.open(path) as picture:
        grey = np.asarray(picture.convert("L")).astype(np.uint16) * (GREYS - 1) // 255
    image = Image.frombytes("P", grey.shape[::-1], grey.astype(np.uint8).tobytes())
    levels = [round(level * 255 / (GREYS - 1)) for level in range(GREYS) for _ in range(3)]
    image.putpalette([*levels, 255, 40, 40, 100, 149, 237, 255, 255, 255])
    pen = ImageDraw.Draw(image)
    if marks["circle"]:
        column, row, radius = marks["circle"]
        pen.ellipse((column - radius, row - radius, column + radius, row + radius), outline=RED)
    if marks["box"]:
        column, row, side = marks["box"]
        pen.rectangle((column - side / 2, row - side / 2, column + side / 2, row + side / 2), outline=RED)
    if marks["cross"]:
        column, row = marks["cross"]
        for sign in (-1, 1):
            pen.line((column - 5, row - 5 * sign, column + 5, row + 5 * sign), fill=BLUE)
    if marks["bar"]:
        right, bottom = 0.97 * image.width, 0.9 * image.height
        pen.line((right - marks["bar"], bottom, right, bottom), fill=WHITE)
        pen.line((right, bottom - marks["bar"], right, bottom), fill=WHITE)
    return image
