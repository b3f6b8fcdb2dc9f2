"""The window of pp_manident: frames with their sources, clicked at until the target is known in all of them.

Thin: what is marked lives in marks.py, what is seen of a frame in viewport.py, what is drawn in markscene.py.
"""

import contextlib
import logging

import numpy as np

from photometrypipeline.frames import wcskeywords
from photometrypipeline.manident.marks import EXPECTED, FOLLOWED, MARKED
from photometrypipeline.manident.markscene import Scene
from photometrypipeline.manident.viewport import Viewport, grey, orientation_of

log = logging.getLogger("pp.markwindow")

ZOOMS = 0.25, 4.0  # limits of the keys + and -
BLINK_MS = 400
QUIT, CLOSED = "quit", "closed"

HELP = (
    ("left click", "mark: the source nearest to the pointer is the target"),
    ("right click, d", "next frame"),
    ("a", "previous frame"),
    ("n", "next frame without a mark"),
    ("g", "go to a frame: type its number or a part of its name, Enter"),
    ("Home, End", "first, last frame"),
    ("space", "the frame before, and back: blink by hand"),
    ("b", "blink all frames, or stop;  [ and ]  slower, faster"),
    ("u, y", "undo, redo"),
    ("Delete", "remove the mark of this frame"),
    ("x", "the target cannot be seen here: leave this frame out"),
    ("+, -, wheel", "zoom"),
    ("arrows, middle button", "move what is shown"),
    ("f", "follow the target from frame to frame, or stop"),
    ("0", "whole frame"),
    ("c, v", "more, less contrast;  i  dark stars on a bright sky"),
    ("o", "hide the circles, or show them"),
    ("h", "this help"),
    ("q", "write the positions and quit"),
)


class MarkWindow:
    """Shows `exposures` one by one and lets the user mark the target; `run` returns QUIT, or CLOSED without q.

    figure : from `markscene.open_figure`;  marks : Marks;  pixels : viewport.PixelCache
    zoom : screen pixels per pixel of the frame at the start
    """

    def __init__(self, figure, marks, pixels, zoom):
        self.figure, self.marks, self.pixels = figure, marks, pixels
        self.exposures = marks.exposures
        self.number, self.before = 0, 0
        self.message, self.typed = "h: help", None
        self.contrast, self.inverted = 1.0, False
        self.circles, self.following, self.help_shown = True, False, False
        self.outcome = CLOSED
        self._wcs, self._orientations, self._drag = {}, {}, None
        self._blink_ms, self._timer = BLINK_MS, None
        self._load(0)
        rows, columns = self._image.shape
        width, height = np.abs(self.orientation.onto(columns, rows))
        self.scene = Scene(figure, _help_text())
        self.scene.resize(width * zoom, height * zoom)
        self.view = Viewport(*self._middle(), zoom, *self.scene.area)
        self._connect()

    def run(self):
        """Show the window until it is closed."""
        import matplotlib.pyplot as plt

        self.show(0)
        plt.show(block=True)
        self._stop_blinking()
        self.pixels.close()
        return self.outcome

    def _connect(self):
        canvas = self.figure.canvas
        for event, function in (
            ("key_press_event", self._on_key),
            ("button_press_event", self._on_button),
            ("button_release_event", self._on_release),
            ("motion_notify_event", self._on_motion),
            ("scroll_event", self._on_scroll),
            ("resize_event", self._on_resize),
        ):
            canvas.mpl_connect(event, function)

    # ---- the frame that is shown

    def show(self, number):
        """Show frame `number` (any integer, cyclic) with the same part of the sky in the middle as before."""
        place = self._sky_in_the_middle()
        self.before, self.number = self.number, number % len(self.exposures)
        self._load(self.number)
        found = self.marks.found(self.number)
        if self.following and found is not None:
            place = found.ra_deg, found.dec_deg
        self._centre_on(place)
        self.draw()

    def _load(self, number):
        try:
            self._image, self._sky, self._noise = self.pixels.get(number)
        except Exception as error:  # noqa: BLE001  whatever reading raised: the marks are worth more than a picture
            self._image, self._sky, self._noise = np.zeros((2, 2), dtype=np.float32), 0.0, 1.0
            self.message = f"the pixels of this frame cannot be read: {error}"
            log.error("%s: %s", self.exposures[number].name, error)

    def wcs(self, number):
        """Return the WCS of a frame."""
        if number not in self._wcs:
            self._wcs[number] = wcskeywords.wcs_of(self.exposures[number].frame.header)
        return self._wcs[number]

    @property
    def orientation(self):
        """How the frame that is shown is put on the screen."""
        if self.number not in self._orientations:
            self._orientations[self.number] = orientation_of(self.wcs(self.number).pixel_scale_matrix)
        return self._orientations[self.number]

    def _onto(self, ra_deg, dec_deg):
        """Return u, v of places on the sky in the frame that is shown."""
        x, y = self.wcs(self.number).all_world2pix(np.atleast_1d(ra_deg), np.atleast_1d(dec_deg), 1, quiet=True)
        return self.orientation.onto(x, y)

    def _middle(self):
        rows, columns = self._image.shape
        return self.orientation.onto((columns + 1) / 2, (rows + 1) / 2)

    def _sky_in_the_middle(self):
        x, y = self.orientation.back(self.view.u, self.view.v)
        ra_deg, dec_deg = self.wcs(self.number).all_pix2world([x], [y], 1)
        return float(ra_deg[0]), float(dec_deg[0])

    def _centre_on(self, place):
        u, v = (float(axis[0]) for axis in self._onto(*place))
        x, y = self.orientation.back(u, v)
        rows, columns = self._image.shape
        if not (0 <= x <= columns + 1 and 0 <= y <= rows + 1):  # this frame shows another part of the sky
            u, v = self._middle()
        self.view = Viewport(float(u), float(v), self.view.zoom, *self.scene.area)

    # ---- drawing

    def draw(self):
        """Draw the window again."""
        limits, turned = self.view.limits, self.orientation
        part, extent = self.view.part(self._image, turned)
        picture = None if part is None else grey(part, self._sky, self._noise, self.contrast, self.inverted)
        self.scene.show_frame(picture, extent, limits)
        self._draw_sources()
        marked = self.exposures[self.number].name in self.marks.state.marked
        place, track = None if marked else self.marks.predicted(self.number), self.marks.track_places()
        others = self.marks.marked_places(without=self.number)
        wanted = [self._onto(*each) if each is not None and self.circles else None for each in (place, others, track)]
        self.scene.show_track(*wanted)
        to_sky = np.linalg.inv(self.wcs(self.number).pixel_scale_matrix)  # columns: steps to the East, to the North
        steps = [turned.onto(*(step / np.hypot(*step))) for step in (to_sky[:, 1], to_sky[:, 0])]
        self.scene.show_compass(steps, limits, self.view.zoom)
        title = f"{self.exposures[self.number].name} ({self.number + 1}/{len(self.exposures)})"
        status = self._state_line(), self.message if self.typed is None else f"go to frame: {self.typed}_"
        self.scene.show_texts(title, status, self.help_shown)

    def _draw_sources(self):
        each, found = self.exposures[self.number], self.marks.found(self.number)
        plain = np.ones(each.x.size, dtype=bool)
        rows = {MARKED: [], FOLLOWED: []}
        if found is not None and found.source is not None:
            plain[found.source] = False
            rows[found.how].append(found.source)
        places = [self.orientation.onto(each.x[chosen], each.y[chosen]) for chosen in (plain, *rows.values())]
        self.scene.show_sources(*places, self.view.zoom, self.circles)

    def _state_line(self):
        name, found = self.exposures[self.number].name, self.marks.found(self.number)
        if name in self.marks.state.absent:
            here = "left out: the target cannot be seen here"
        elif found is None:
            here = "not marked"
        elif found.how == EXPECTED:
            here = f'no source within {self.marks.reach_arcsec:g}" of the expected place'
        else:
            here = f"{found.how}: {found.ra_deg:.5f} {found.dec_deg:+.5f}"
        line = {0: "mark it in two frames at least", 1: "straight track", 2: "curved track"}[self.marks.degree]
        marked = f"{self.marks.n_marked} of {len(self.exposures)} frames marked, {line}"
        return f"{marked}   |   {here}   |   zoom {self.view.zoom:g}"

    # ---- events

    def _on_button(self, event):
        self._stop_blinking()
        if self.help_shown:
            self.help_shown = False
            self.draw()
        elif event.button == 3:
            self.show(self.number + 1)
        elif event.button == 2:
            self._drag = event.x, event.y
        elif event.button == 1 and event.inaxes is self.scene.axes:
            self._mark(*self.orientation.back(event.xdata, event.ydata))

    def _mark(self, x, y):
        source = self.marks.mark(self.number, x, y)
        if source is None:
            self.message = "this frame has no source to mark"
        else:
            each = self.exposures[self.number]
            away = np.hypot(each.x[source] - x, each.y[source] - y)
            self.message = (
                f"marked the source at {each.x[source]:.1f}, {each.y[source]:.1f}, {away:.1f} px from the pointer"
            )
        self.draw()

    def _on_release(self, event):
        self._drag = None

    def _on_motion(self, event):
        if self._drag is not None:
            self.view = self.view.moved(self._drag[0] - event.x, self._drag[1] - event.y)
            self._drag = event.x, event.y
            self.draw()

    def _on_scroll(self, event):
        if event.inaxes is self.scene.axes:
            self._zoom(2.0 if event.button == "up" else 0.5, event.xdata, event.ydata)

    def _on_resize(self, event):
        self.view = Viewport(self.view.u, self.view.v, self.view.zoom, *self.scene.area)
        self.draw()

    def _zoom(self, factor, u=None, v=None):
        if (factor > 1 and self.view.zoom < ZOOMS[1]) or (factor < 1 and self.view.zoom > ZOOMS[0]):
            self.view = self.view.zoomed(factor, *((self.view.u, self.view.v) if u is None else (u, v)))
        self.draw()

    def _on_key(self, event):
        key = event.key or ""
        if self.typed is not None:
            self._type(key)
        elif self.help_shown:
            self.help_shown = False
            self.draw()
        elif key in ("[", "]") and self._timer is not None:
            self._blink(self._blink_ms * (1.4 if key == "[" else 1 / 1.4))
        else:
            blinking = self._stop_blinking()
            if not (blinking and key == "b"):
                self.message = "h: help"
                self._actions().get(key, self.draw)()

    def _actions(self):
        """Return {key: function}."""
        last = len(self.exposures) - 1
        return {
            "a": lambda: self.show(self.number - 1),
            "d": lambda: self.show(self.number + 1),
            "n": self._next_unmarked,
            "g": self._ask_frame,
            "home": lambda: self.show(0),
            "end": lambda: self.show(last),
            " ": lambda: self.show(self.before),
            "b": lambda: self._blink(self._blink_ms),
            **dict.fromkeys(("u", "z", "ctrl+z"), lambda: self._say(self.marks.undo(), "undone", "nothing to undo")),
            **dict.fromkeys(("y", "ctrl+y"), lambda: self._say(self.marks.redo(), "redone", "nothing to redo")),
            **dict.fromkeys(
                ("delete", "backspace"),
                lambda: self._say(self.marks.remove(self.number), "mark removed", "this frame has no mark"),
            ),
            "x": lambda: self._say(self.marks.toggle_absent(self.number), "frame left out", "frame included again"),
            **dict.fromkeys(("+", "="), lambda: self._zoom(2.0)),
            **dict.fromkeys(("-", "_"), lambda: self._zoom(0.5)),
            "0": self._fit,
            "left": lambda: self._move(-0.25, 0),
            "right": lambda: self._move(0.25, 0),
            "up": lambda: self._move(0, 0.25),
            "down": lambda: self._move(0, -0.25),
            "f": self._follow,
            "c": lambda: self._grey(1.4),
            "v": lambda: self._grey(1 / 1.4),
            "i": lambda: self._toggle("inverted"),
            "o": lambda: self._toggle("circles"),
            **dict.fromkeys(("h", "?", "f1"), lambda: self._toggle("help_shown")),
            "q": self._quit,
        }

    def _say(self, done, yes, no):
        self.message = yes if done else no
        self.draw()

    def _toggle(self, name):
        setattr(self, name, not getattr(self, name))
        self.draw()

    def _grey(self, factor):
        self.contrast = float(np.clip(self.contrast * factor, 0.05, 20))
        self.message = f"contrast {self.contrast:.2g}"
        self.draw()

    def _move(self, right, up):
        self.view = self.view.moved(right * self.view.width, up * self.view.height)
        self.draw()

    def _fit(self):
        rows, columns = self._image.shape
        size = np.abs(self.orientation.onto(columns, rows))
        zoom = min(self.view.width / size[0], self.view.height / size[1])
        self.view = Viewport(*self._middle(), float(2 ** np.floor(np.log2(zoom))), self.view.width, self.view.height)
        self.draw()

    def _follow(self):
        self.following = not self.following
        self.message = "following the target" if self.following else "following the stars"
        found = self.marks.found(self.number)
        if self.following and found is not None:
            self._centre_on((found.ra_deg, found.dec_deg))
        self.draw()

    def _next_unmarked(self):
        state = self.marks.state
        order = [(self.number + step) % len(self.exposures) for step in range(1, len(self.exposures) + 1)]
        free = [n for n in order if self.exposures[n].name not in {*state.marked, *state.absent}]
        self.message = "" if free else "every frame is marked"
        self.show(free[0] if free else self.number)

    def _ask_frame(self):
        self.typed = ""
        self.draw()

    def _type(self, key):
        """Take a key of the answer to `g`: a frame's number, or a part of its name."""
        if key in ("enter", "escape"):
            typed, self.typed = self.typed, None
            self.message = "h: help"
            number = self._frame_called(typed) if key == "enter" else None
            if key == "enter" and number is None:
                self.message = f"no frame is called {typed!r}"
            self.show(self.number if number is None else number)
            return
        self.typed = self.typed[:-1] if key == "backspace" else self.typed + (key if len(key) == 1 else "")
        self.draw()

    def _frame_called(self, typed):
        if typed.isdigit() and 1 <= int(typed) <= len(self.exposures):
            return int(typed) - 1
        return next((n for n, each in enumerate(self.exposures) if typed and typed.lower() in each.name.lower()), None)

    def _blink(self, interval_ms):
        self._stop_blinking()
        self._blink_ms = int(np.clip(interval_ms, 100, 3000))
        self.message = f"blinking, {self._blink_ms} ms per frame;  b: stop,  [ and ]: slower, faster"
        self._timer = self.figure.canvas.new_timer(interval=self._blink_ms)
        self._timer.add_callback(lambda: self.show(self.number + 1))
        self._timer.start()

    def _stop_blinking(self):
        if self._timer is None:
            return False
        self._timer.stop()
        self._timer, self.message = None, "h: help"
        with contextlib.suppress(Exception):  # the window may be gone
            self.draw()
        return True

    def _quit(self):
        import matplotlib.pyplot as plt

        self.outcome = QUIT
        plt.close(self.figure)


def _help_text():
    width = max(len(keys) for keys, _ in HELP)
    return "\n".join(f"{keys:<{width}}   {what}" for keys, what in HELP)
