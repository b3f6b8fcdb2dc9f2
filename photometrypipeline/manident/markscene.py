"""What stands in the window of pp_manident: frame, circles, track, compass, lines of text. Draws, decides nothing."""

import contextlib
import os
import sys

import matplotlib
import numpy as np
from matplotlib import patheffects

from photometrypipeline.base.errors import PipelineError

TITLE_PX, STATUS_PX = 30, 46  # bars above and below the frame
LARGEST_PX, SMALLEST_PX = (1200, 900), (640, 480)  # of the window
RADIUS_PX = 4.0  # of the circles on the screen, at zoom 0.7 and below
MANY = 1000  # circles; more are drawn fainter, or the frame would vanish behind them
GREEN, RED, YELLOW, TEXT, BACKGROUND = "#35d04f", "#ff3b30", "#ffd60a", "#e8e8e8", "#16181c"


def open_figure():
    """Return a matplotlib Figure in a window.  Raises PipelineError without a display or back-end."""
    for name in [name for name in matplotlib.rcParams if name.startswith("keymap.")]:
        matplotlib.rcParams[name] = []  # the keys are ours
    matplotlib.rcParams["toolbar"] = "None"
    alternative = "or write the positions into a file yourself (lines of image, RA, Dec, JD) for pp_distill -positions"
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise PipelineError(f"the window needs a display; log in with one (ssh -X), {alternative}")
    try:
        import matplotlib.pyplot as plt

        figure = plt.figure(facecolor=BACKGROUND)
    except Exception as error:  # noqa: BLE001  every back-end has its own way to fail
        raise PipelineError(f"no window can be opened ({error}); {alternative}") from None
    if figure.canvas.manager is None or not getattr(figure.canvas, "required_interactive_framework", None):
        raise PipelineError(
            f"matplotlib cannot open a window here (back-end {plt.get_backend()}): the display is unreachable, or "
            "Python lacks Tk and Qt; install one (apt-get install python3-tk, pip install 'photometrypipeline[gui]'), "
            f"{alternative}"
        )
    return figure


class Scene:
    """The artists of one Figure. Places are u (to the right) and v (up), in pixels of the frame."""

    def __init__(self, figure, help_text):
        self.figure = figure
        self.axes = figure.add_axes([0, 0, 1, 1], facecolor="black")
        self.axes.set_axis_off()
        self.axes.add_artist(self.axes.patch)  # black also where the axes themselves are not drawn
        self.axes.patch.set_zorder(-10)
        grey_scale = {"cmap": "gray", "vmin": 0, "vmax": 255, "aspect": "auto"}
        empty = np.zeros((2, 2), dtype=np.uint8)
        self._picture = self.axes.imshow(empty, **grey_scale, origin="lower", interpolation="nearest")
        self._sources = self._points("o", GREEN, markeredgewidth=0.9, markerfacecolor="none")
        self._track = self._points("", YELLOW, linewidth=0.7, linestyle="--", alpha=0.6)
        self._others = self._points(".", RED, markersize=3)
        self._expected = self._points("+", YELLOW, markersize=9, markeredgewidth=0.8)
        self._followed = self._points("o", YELLOW, markeredgewidth=2, markerfacecolor="none")
        self._marked = self._points("o", RED, markeredgewidth=2, markerfacecolor="none")
        self._arrows = [self._arrow(letter) for letter in "NE"]
        text = {"color": TEXT, "family": "DejaVu Sans", "fontsize": 9, "va": "center"}
        self._title = figure.text(0.5, 0.98, "", **{**text, "fontsize": 11}, ha="center")
        self._status = [figure.text(0.01, 0.03, "", **text) for _ in range(2)]
        box = {"facecolor": BACKGROUND, "edgecolor": "#555", "alpha": 0.93, "boxstyle": "round,pad=1"}
        text |= {"family": "DejaVu Sans Mono", "ha": "center", "multialignment": "left", "linespacing": 1.5}
        self._help = figure.text(0.5, 0.5, help_text, **text, visible=False, bbox=box)

    def _points(self, marker, colour, **how):
        how = {"linestyle": "none", **how}
        return self.axes.plot([], [], marker=marker, color=colour, markeredgecolor=colour, **how)[0]

    def _arrow(self, letter):
        arrow = self.axes.annotate("", (0, 0), (0, 0), arrowprops={"arrowstyle": "-|>", "color": TEXT})
        outline = [patheffects.withStroke(linewidth=3, foreground="black")]  # legible in front of stars
        return arrow, self.axes.text(
            0, 0, letter, color=TEXT, ha="center", va="center", fontsize=9, path_effects=outline
        )

    # ---- sizes

    @property
    def ratio(self):
        """Pixels of the screen per pixel that the back-end speaks of: 2 on screens with fine pixels."""
        return getattr(self.figure.canvas, "device_pixel_ratio", 1)

    @property
    def area(self):
        """Width and height (screen pixels) of the part of the window that shows the frame."""
        width, height = self.figure.canvas.get_width_height(physical=True)
        return max(width, 50), max(height - (TITLE_PX + STATUS_PX) * self.ratio, 50)

    def resize(self, width, height):
        """Give the window the size at which the frame has `width` x `height` pixels, if the screen is large enough."""
        largest = LARGEST_PX
        with contextlib.suppress(Exception):  # each back-end asks in its own way; the default is good for most screens
            window = self.figure.canvas.manager.window
            if hasattr(window, "winfo_screenwidth"):
                screen = window.winfo_screenwidth(), window.winfo_screenheight()
            else:
                screen = window.screen().size().width(), window.screen().size().height()
            largest = 0.92 * screen[0], 0.85 * screen[1]
        size = np.minimum((width, height + TITLE_PX + STATUS_PX), largest)
        self.figure.set_size_inches(*(np.maximum(size, SMALLEST_PX).astype(int) / self.figure.dpi))

    # ---- what is shown

    def show_frame(self, picture, extent, limits):
        """Show `picture` (uint8, or None for nothing) that fills `extent`; the window reaches to `limits`."""
        height = self.figure.canvas.get_width_height(physical=True)[1]
        self.axes.set_position([0, STATUS_PX * self.ratio / height, 1, self.area[1] / height])
        self._picture.set_visible(picture is not None)
        if picture is not None:
            self._picture.set_data(picture)
            self._picture.set_extent(extent)
        self.axes.set(xlim=limits[:2], ylim=limits[2:])

    def show_sources(self, plain, marked, followed, zoom, circles):
        """Show circles around places (u, v): green, red, yellow; the green ones only if `circles` are wanted."""
        radius_px = RADIUS_PX * max(1.0, 1.4 * zoom)  # grows as the stars do
        diameter = 2 * radius_px * self.ratio * 72 / self.figure.dpi  # points
        for artist, places, size in (
            (self._sources, plain, diameter),
            (self._marked, marked, 1.6 * diameter),
            (self._followed, followed, 1.6 * diameter),
        ):
            artist.set_data(*places)
            artist.set_markersize(size)
        self._sources.set(visible=circles, alpha=float(np.clip(MANY / max(len(plain[0]), 1), 0.4, 1)))

    def show_track(self, expected, others, track):
        """Show where the target is expected, where it was marked in other frames, the track; (u, v) or None each."""
        for artist, places in ((self._expected, expected), (self._others, others), (self._track, track)):
            artist.set_data(*(([], []) if places is None else places))

    def show_compass(self, directions, limits, zoom):
        """Show arrows to North and East, `directions` (du, dv) of length 1, in the lower left corner."""
        u, v, length = limits[0] + 60 / zoom, limits[2] + 30 / zoom, 32 / zoom
        for (arrow, letter), (du, dv) in zip(self._arrows, directions, strict=True):
            arrow.xy, arrow.xyann = (u + du * length, v + dv * length), (u, v)
            letter.set_position((u + 1.32 * du * length, v + 1.32 * dv * length))

    def show_texts(self, title, status, help_shown):
        """Show the title, the two lines of `status`, and the help or not."""
        height = self.figure.canvas.get_width_height()[1]
        self._title.set(text=title, y=1 - TITLE_PX / 2 / height)
        self.figure.canvas.manager.set_window_title(title)
        for text, line, y in zip(self._status, status, (0.68, 0.26), strict=True):
            text.set(text=line, y=y * STATUS_PX / height)
        self._help.set_visible(help_shown)
        self.figure.canvas.draw_idle()
