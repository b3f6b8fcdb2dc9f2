"""The plots of a run that are files as well: curve of growth, FWHM, zeropoints, light curves.

Drawn by Pillow: to load matplotlib and let it draw them takes a second, as long as all the rest of the pages of a
short series.
"""

import importlib.util
from functools import lru_cache
from pathlib import Path

import numpy as np

from photometrypipeline.website.panels import Panel, panels, ticks

SIZE_IN = (6.4, 4.8)
LEFT, RIGHT, TOP, BOTTOM = 0.13, 0.97, 0.07, 0.89  # edges of the panels, as fractions of the picture
GAP = 0.08  # between two panels, in heights of one
FINER = 3  # times as many pixels are drawn and then averaged, which makes edges smooth
POINTS_PER_IN = 72.0
TITLE_PT, TEXT_PT = 12.0, 10.0
LINE_PT, RULE_PT, THIN_PT, THICK_PT, FRAME_PT = 1.5, 1.2, 0.8, 3.0, 0.8
MARKER_PT, CAP_PT, TICK_PT, PAD_PT = 6.0, 6.0, 3.5, 3.5
DASH_PT = (4.4, 1.9)
GRID, BORDER, BLACK, WHITE = (223, 223, 223), (204, 204, 204), (0, 0, 0), (255, 255, 255)
BAND_OPACITY = 51  # of 255
LEGEND_OPACITY = 0.8
SAMPLES = 100  # of a line, by which is judged what a legend hides
FONT = ("mpl-data", "fonts", "ttf", "DejaVuSans.ttf")  # that matplotlib brings along
FORMATS = {"png": {"compress_level": 1}, "webp": {"lossless": True}, "jpg": {"quality": 92, "format": "JPEG"}}


def groups(plots):
    """Return [(name of the file, [its Plots]), ...] of those of `plots` that are files."""
    found = {}
    for plot in plots:
        if plot.file is not None:
            found.setdefault((plot.section, plot.file), []).append(plot)
    return [(file, members) for (_, file), members in found.items()]


def save(plots, path, file_format, dpi):
    """Draw `plots` (list of plots.Plot with the same x axis), one above the other, into the file `path`.

    Returns its size (width, height) in pixels.
    """
    picture = Sheet(dpi).draw(panels(plots))
    picture.save(path, dpi=(dpi, dpi), **({"format": file_format.upper()} | FORMATS[file_format]))
    return picture.size


def size_px(dpi):
    """Return the (width, height) of every file."""
    return tuple(round(length * dpi) for length in SIZE_IN)


class Sheet:
    """A picture with panels, one above the other; `dpi` says how large all of it is."""

    def __init__(self, dpi):
        self.dpi, self.size = dpi, size_px(dpi)

    def px(self, points):
        """Return a length in pixels of the picture."""
        return points * self.dpi / POINTS_PER_IN

    def fine(self, points):
        """Return a width in pixels of what is averaged, at least one."""
        return max(1, round(FINER * self.px(points)))

    def draw(self, shown: list[Panel]):
        """Return the Pillow image of the Panels."""
        from PIL import Image, ImageDraw

        picture = Image.new("RGB", self.size, WHITE)
        boxes = self._boxes(len(shown))
        for panel, box in zip(shown, boxes, strict=True):
            left, top, right, bottom = box
            margin = round(self.px(TICK_PT + FRAME_PT)) + 1  # around the panel: ticks and frame
            part = self._panel(panel, right - left, bottom - top, margin, last=panel is shown[-1])
            picture.paste(part, (left - margin, top - margin))
        pen = ImageDraw.Draw(picture)
        for panel, box in zip(shown, boxes, strict=True):
            self._texts(picture, pen, panel, box, last=panel is shown[-1])
            self._legend(picture, panel, box)
        left, top, right, _ = boxes[0]
        middle = (left + right) / 2, top - self.px(TITLE_PT / 2)
        pen.text(middle, readable(shown[0].plot.title), BLACK, self._font(TITLE_PT), anchor="ms")
        return picture

    def _boxes(self, number):
        """Return the (left, top, right, bottom) of each panel, px."""
        width, height = self.size
        each = (BOTTOM - TOP) / (number + GAP * (number - 1))
        tops = [TOP + n * each * (1 + GAP) for n in range(number)]
        left, right = round(LEFT * width), round(RIGHT * width)
        return [(left, round(top * height), right, round((top + each) * height)) for top in tops]

    # ---- what is drawn finely

    def _panel(self, panel, width, height, margin, last):
        """Return the image of a panel with its frame and ticks, `margin` px wider than its box on all sides."""
        from PIL import Image, ImageDraw

        inner = Image.new("RGB", (width * FINER, height * FINER), WHITE)
        pen, size = ImageDraw.Draw(inner, "RGBA"), inner.size
        columns, rows = self._tick_places(panel, *size)
        for column in columns:
            pen.line((column, 0, column, size[1]), GRID, self.fine(THIN_PT))
        for row in rows:
            pen.line((0, row, size[0], row), GRID, self.fine(THIN_PT))
        for series in panel.series:
            self._series(pen, panel, series, size)
        for line in panel.plot.lines:
            self._rule(pen, panel, line, size)
        whole = Image.new("RGB", tuple((side + 2 * margin) * FINER for side in (width, height)), WHITE)
        corner = margin * FINER
        whole.paste(inner, (corner, corner))
        pen, out, wide = ImageDraw.Draw(whole), FINER * self.px(TICK_PT), self.fine(FRAME_PT)
        for column in columns:
            pen.line((corner + column, corner + size[1], corner + column, corner + size[1] + out), BLACK, wide)
        for row in rows:
            pen.line((corner - out, corner + row, corner, corner + row), BLACK, wide)
        frame = (corner, corner, corner + size[0], corner, corner + size[0], corner + size[1], corner, corner + size[1])
        pen.line((*frame, corner, corner - wide / 2), BLACK, wide)
        return whole.reduce(FINER)

    @staticmethod
    def _tick_places(panel, width, height):
        """Return (columns, rows) of the ticks on a box of this size."""
        x, y = ([value for value, _ in ticks(*ends)] for ends in (panel.x_range, panel.y_range))
        columns, _ = panel.place(x, np.full(len(x), panel.y_range[0]), width, height)
        _, rows = panel.place(np.full(len(y), panel.x_range[0]), y, width, height)
        return columns, rows

    def _series(self, pen, panel, series, size):
        from PIL import ImageColor

        colour = ImageColor.getrgb(series.colour)
        columns, rows = panel.place(series.x, series.y, *size)
        ends = None
        if series.error is not None:
            ends = [panel.place(series.x, series.y + sign * series.error, *size)[1] for sign in (-1, 1)]
        if series.shape != "line":
            for n, (column, row) in enumerate(zip(columns, rows, strict=True)):
                self._marker(pen, series.shape, colour, column, row, ends and (ends[0][n], ends[1][n]))
            return
        if len(columns) > 1:
            if ends:
                edge = [*zip(columns, ends[0], strict=True), *zip(columns[::-1], ends[1][::-1], strict=True)]
                pen.polygon(edge, (*colour, BAND_OPACITY))
            pen.line([*zip(columns, rows, strict=True)], colour, self.fine(LINE_PT), joint="curve")

    def _marker(self, pen, shape, colour, column, row, ends=None):
        half, wide = FINER * self.px(MARKER_PT) / 2, self.fine(LINE_PT)
        if ends:
            cap = FINER * self.px(CAP_PT) / 2
            pen.line((column, ends[0], column, ends[1]), colour, wide)
            for end in ends:
                pen.line((column - cap, end, column + cap, end), colour, self.fine(1.0))
        if shape == "dot":
            pen.ellipse((column - half, row - half, column + half, row + half), colour)
        elif shape == "square":
            pen.rectangle((column - half, row - half, column + half, row + half), colour)
        else:  # the limit of a non-detection
            corners = [(column - half, row - half), (column + half, row - half), (column, row + half)]
            pen.line([*corners, corners[0], corners[1]], colour, self.fine(1.0))

    def _rule(self, pen, panel, line, size):
        """Draw a straight line at a value of an axis."""
        from PIL import ImageColor

        stroke, name = line.look.split()
        colour, wide = ImageColor.getrgb(name), self.fine(THICK_PT if stroke == "thick" else RULE_PT)
        across, along = (float(axis) for axis in panel.place(line.at, line.at, *size))
        length = size[1] if line.axis == "x" else size[0]
        parts = [(0, length)]
        if stroke == "dashed":
            dash, gap = (FINER * self.px(each) for each in DASH_PT)
            parts = [(start, start + dash) for start in np.arange(0, length, dash + gap)]
        for start, end in parts:
            pen.line((across, start, across, end) if line.axis == "x" else (start, along, end, along), colour, wide)

    # ---- what is written

    def _font(self, points):
        return font(max(1, round(self.px(points))))

    def _texts(self, picture, pen, panel, box, last):
        left, top, right, bottom = box
        columns, rows = self._tick_places(panel, right - left, bottom - top)
        small, away = self._font(TEXT_PT), self.px(TICK_PT + PAD_PT)
        for row, (_, text) in zip(rows, ticks(*panel.y_range), strict=True):
            pen.text((left - away, top + row), text, BLACK, small, anchor="rm")
        if last:
            for column, (_, text) in zip(columns, ticks(*panel.x_range), strict=True):
                pen.text((left + column, bottom + away), text, BLACK, small, anchor="ma")
            place = (left + right) / 2, self.size[1] - self.px(TEXT_PT / 2)
            pen.text(place, readable(panel.x_label), BLACK, small, anchor="ms")
        self._upwards(picture, readable(panel.y_label), small, (top + bottom) / 2)

    def _upwards(self, picture, text, font_, middle):
        """Write a text along the left edge, upwards."""
        from PIL import Image, ImageDraw

        length, height = round(font_.getlength(text)) + 2, round(sum(font_.getmetrics())) + 2
        strip = Image.new("L", (max(1, length), height), 0)
        ImageDraw.Draw(strip).text((1, 1), text, 255, font_)
        strip = strip.rotate(90, expand=True)
        place = (round(self.px(TEXT_PT / 2)), round(middle - strip.height / 2))
        picture.paste(BLACK, place, strip)

    def _legend(self, picture, panel, box):
        """Write what the series are, in the corner where the fewest points are hidden."""
        from PIL import Image, ImageColor, ImageDraw

        named = [series for series in panel.series if series.label]
        if not named:
            return
        small, pad, handle = self._font(TEXT_PT), self.px(0.4 * TEXT_PT), self.px(2.0 * TEXT_PT)
        line = 1.4 * self.px(TEXT_PT)
        length = max(small.getlength(readable(series.label)) for series in named)
        width, height = round(handle + length + 4 * pad), round(len(named) * line + 2 * pad)
        place = self._corner(panel, box, width, height)
        below = picture.crop((*place, place[0] + width, place[1] + height))
        below = Image.blend(below, Image.new("RGB", below.size, WHITE), LEGEND_OPACITY)
        drawn = below.resize((width * FINER, height * FINER), Image.Resampling.NEAREST)
        pen = ImageDraw.Draw(drawn)
        for n, series in enumerate(named):
            colour, row = ImageColor.getrgb(series.colour), FINER * (pad + (n + 0.5) * line)
            middle = FINER * (1.5 * pad + handle / 2)
            if series.shape == "line":
                reach = FINER * handle / 2
                pen.line((middle - reach, row, middle + reach, row), colour, self.fine(LINE_PT))
            else:
                ends = (row - FINER * line / 3, row + FINER * line / 3) if series.error is not None else None
                self._marker(pen, series.shape, colour, middle, row, ends)
        legend = drawn.reduce(FINER)
        pen = ImageDraw.Draw(legend)
        for n, series in enumerate(named):
            at = 3 * pad + handle, pad + (n + 0.5) * line
            pen.text(at, readable(series.label), BLACK, small, anchor="lm")
        pen.rounded_rectangle((0, 0, width - 1, height - 1), round(pad / 2), outline=BORDER)
        picture.paste(legend, place)

    def _corner(self, panel, box, width, height):
        """Return the place (left, top) of a legend of this size: the corner that hides the fewest points."""
        left, top, right, bottom = box
        pad = round(self.px(0.5 * TEXT_PT))
        columns, rows = ([left + pad, right - pad - width], [top + pad, bottom - pad - height])
        places = [(columns[1], rows[0]), (columns[0], rows[0]), (columns[0], rows[1]), (columns[1], rows[1])]

        x, y = panel.place(*_covered(panel), right - left, bottom - top)

        def hidden(place):
            across, down = x + left - place[0], y + top - place[1]
            return int(((across > 0) & (across < width) & (down > 0) & (down < height)).sum())

        return min(places, key=hidden)


def _covered(panel):
    """Return (x, y) of many values that something is drawn at."""
    parts = []
    for series in panel.series:
        if series.shape == "line" and len(series.x) > 1:
            n = np.linspace(0, len(series.x) - 1, SAMPLES)
            parts.append([np.interp(n, np.arange(len(series.x)), values) for values in (series.x, series.y)])
        else:
            reach = np.zeros(len(series.x)) if series.error is None else series.error
            parts += [(series.x, series.y + part * reach) for part in (-1, -0.5, 0, 0.5, 1)]
    for line in panel.plot.lines:
        at = np.full(SAMPLES, line.at)
        along = np.linspace(*(panel.y_range if line.axis == "x" else panel.x_range), SAMPLES)
        parts.append((at, along) if line.axis == "x" else (along, at))
    return (np.concatenate([np.zeros(0), *axis]) for axis in (zip(*parts, strict=True) if parts else ((), ())))


@lru_cache
def font(height_px):
    """Return the Pillow font of this height (px)."""
    from PIL import ImageFont

    found = importlib.util.find_spec("matplotlib")  # which is not loaded
    places = [Path(each).joinpath(*FONT) for each in found.submodule_search_locations] if found else []
    for path in filter(Path.is_file, places):
        return ImageFont.truetype(path, height_px)
    return ImageFont.load_default(height_px)


def readable(text):
    """Return a text on one line that every font can be asked for."""
    return "".join(character if character.isprintable() else "?" for character in text)
