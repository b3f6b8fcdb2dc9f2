"""A screen without a monitor (Xvfb) and a hand (xdotool), to drive a window as a user does.

with screen.Screen() as display: window = display.window("title", argv, cwd=folder); window.key("d")
"""

import contextlib
import ctypes
import os
import re
import shutil
import subprocess
import time

MISSING = [name for name in ("Xvfb", "xdotool") if shutil.which(name) is None]
SIZE_PX = 1280, 1024
SETTLED = 10  # looks at a window that find the same size


class Screen:
    """An X server of its own; `environment` are the variables for programs that shall show themselves on it."""

    def __enter__(self):
        argv = [
            "Xvfb",
            "-displayfd",
            "1",
            "-screen",
            "0",
            "{}x{}x24".format(*SIZE_PX),
            "-dpi",
            "96",
            "-nolisten",
            "tcp",
            "-noreset",  # else it starts anew when its last window closes, and refuses whoever comes at that moment
        ]
        self._server = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.number = int(self._server.stdout.readline())
        self.environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
        self.environment["DISPLAY"] = f":{self.number}"
        self._programs = []
        return self

    def __exit__(self, *_):
        for program in self._programs:  # those that a failed test left
            program.kill()
            program.communicate()
        self._server.terminate()
        self._server.wait(10)
        self._server.stdout.close()

    def window(self, title, argv, cwd):
        """Start a program and return its Window, once one whose title holds `title` is there."""
        program = subprocess.Popen(
            list(map(str, argv)), cwd=cwd, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._programs.append(program)
        return Window(self, program, title)

    def picture(self):
        """Return what the screen shows as Pillow image."""
        from PIL import ImageGrab

        return ImageGrab.grab(xdisplay=f":{self.number}")


class Window:
    """The window of a running program."""

    def __init__(self, screen, program, title):
        self.screen, self.program = screen, program
        self.id = wait_for(lambda: self._search(title), f"a window {title}", program)
        self._settle()

    def _settle(self):
        """Wait until the window keeps its size: it is there, and hears of nothing, before it has been laid out."""
        sizes = [None]

        def keeps():
            sizes.append(self.size_px)
            return len(sizes) > SETTLED and len(set(sizes[-SETTLED:])) == 1

        wait_for(keeps, "a window that keeps its size", self.program)

    def _search(self, title):
        found = self._xdotool("search", "--onlyvisible", "--name", re.escape(title), check=False).split()
        return found[-1] if found else None

    def _xdotool(self, *arguments, check=True):
        argv = ["xdotool", *map(str, arguments)]
        done = subprocess.run(argv, env=self.screen.environment, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout

    @property
    def title(self):
        return self._xdotool("getwindowname", self.id).strip()

    @property
    def size_px(self):
        lines = dict(line.split("=") for line in self._xdotool("getwindowgeometry", "--shell", self.id).split())
        return int(lines["WIDTH"]), int(lines["HEIGHT"])

    def click(self, x, y, button=1):
        """Press and release a button of the mouse at x, y from the upper left corner of the window."""
        self._xdotool("mousemove", "--window", self.id, round(x), round(y), "click", button)

    def key(self, *names):
        """Press and release keys, as xdotool names them, with the pointer in the window."""
        self._xdotool("windowfocus", "--sync", self.id)
        for name in names:
            self._xdotool("key", name)

    def wait_title(self, text):
        """Wait until the title holds `text`."""
        wait_for(lambda: text in self.title, f"the title {text}", self.program)

    def close(self):
        """Close the window as the cross in its corner does, by the message that window managers send."""
        send_delete(self.screen.number, int(self.id))

    def finish(self, timeout=150):
        """Return (exit status, standard output, standard error) of the program, which ends by itself."""
        out, err = self.program.communicate(timeout=timeout)
        return self.program.returncode, out, err


def wait_for(question, what, program=None, timeout_s=150):
    """Return the answer of `question()` as soon as it is true."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        answer = question()
        if answer:
            return answer
        if program is not None and program.poll() is not None:
            raise AssertionError(f"the program ended while {what} was waited for: {program.communicate()}")
        time.sleep(0.05)
    raise TimeoutError(f"{what} did not come within {timeout_s} s")


def insist(act, question, what, program):
    """Do `act()`, which may be done twice, until `question()` is true: a busy program misses a click now and then."""
    end = time.monotonic() + 150
    while time.monotonic() < end:
        act()
        with contextlib.suppress(TimeoutError):
            return wait_for(question, what, program, timeout_s=15)
    raise TimeoutError(f"{what} did not come")


class _ClientMessage(ctypes.Structure):
    """XClientMessageEvent of Xlib, filled up to the size of the union XEvent."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("message_type", ctypes.c_ulong),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5),
        ("padding", ctypes.c_long * 24),
    )


def send_delete(display_number, window):
    """Send WM_DELETE_WINDOW (ICCCM 4.2.8.1) to a window."""
    client_message = 33
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype, x11.XInternAtom.restype = ctypes.c_void_p, ctypes.c_ulong
    display = ctypes.c_void_p(x11.XOpenDisplay(f":{display_number}".encode()))
    protocols, delete = (x11.XInternAtom(display, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"))
    event = _ClientMessage(
        client_message, 0, 1, display, window, protocols, 32, (ctypes.c_long * 5)(delete, 0, 0, 0, 0)
    )
    x11.XSendEvent(display, ctypes.c_ulong(window), 0, ctypes.c_long(0), ctypes.byref(event))
    x11.XCloseDisplay(display)
