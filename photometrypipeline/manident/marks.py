"""A target marked by hand in some frames: which source it is in all of them, and what is kept of that on disk.

The model behind the window of pp_manident; it knows nothing of a display.
"""

import json
import logging
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from photometrypipeline.base.errors import FrameError, in_words
from photometrypipeline.base.files import write_text
from photometrypipeline.frames import ldac, positionsfile
from photometrypipeline.manident.track import Track
from photometrypipeline.registration import astrometry
from photometrypipeline.sky import matching

log = logging.getLogger("pp.marks")

MAX_FLAGS = 4  # of a source that can be marked
SAME_SOURCE_PX = 3.0  # within which a mark of an earlier session finds its source again
MARKED, FOLLOWED, EXPECTED = "marked", "interpolated", "no source"


@dataclass
class Exposure:
    """A frame with its sources; all arrays have shape (n_sources,).

    name : of the image;  jd : middle of the exposure;  x, y : FITS pixels;  ra_deg, dec_deg : by the frame's WCS
    """

    name: str
    jd: float
    x: np.ndarray
    y: np.ndarray
    ra_deg: np.ndarray
    dec_deg: np.ndarray
    frame: object = None


def read_exposure(frame):
    """Return the Exposure of a Frame, sources with FLAGS up to 4.  Raises FrameError without source list or time."""
    jd = frame.number("MIDTIMJD")
    table = ldac.read(frame.ldac, max_flags=MAX_FLAGS).table
    x, y = (np.asarray(table[name], dtype=float) for name in ("XWIN_IMAGE", "YWIN_IMAGE"))
    try:
        ra_deg, dec_deg = astrometry.to_sky(frame.header, x, y)
    except (KeyError, ValueError) as error:
        raise FrameError(frame.path, f"has no usable WCS ({in_words(error)})", "run pp_prepare first") from None
    return Exposure(frame.name, jd, x, y, np.asarray(ra_deg), np.asarray(dec_deg), frame)


@dataclass(frozen=True)
class Found:
    """Where the target is in one frame: `how` (MARKED, FOLLOWED, EXPECTED), place in deg, `source` (index or None)."""

    how: str
    ra_deg: float
    dec_deg: float
    source: int | None


@dataclass
class State:
    """What the user said: {frame name: index of the source}, and the frames in which the target cannot be seen."""

    marked: dict = field(default_factory=dict)
    absent: frozenset = frozenset()


class Marks:
    """The marks of one target in `exposures` (list of Exposure), with undo; saved in `path` after every change.

    reach_arcsec : a source farther from the predicted place is not taken for the target
    """

    def __init__(self, exposures, reach_arcsec, path=None):
        self.exposures = exposures
        self.reach_arcsec = reach_arcsec
        self.path = Path(path) if path else None
        self._states, self._now = [State()], 0
        self._kept, self._kept_absent = {}, set()  # what was said of frames that are not here today
        self._track = None
        self._find_track()

    @property
    def state(self):
        return self._states[self._now]

    # ---- what the user does

    def mark(self, number, x, y):
        """Take the source nearest to the FITS pixel x, y of frame `number`; returns its index, None without sources."""
        each = self.exposures[number]
        if not each.x.size:
            return None
        source = int(np.argmin(np.hypot(each.x - x, each.y - y)))
        self._change({**self.state.marked, each.name: source}, self.state.absent - {each.name})
        return source

    def remove(self, number):
        """Take the mark of a frame back; returns whether it had one."""
        name = self.exposures[number].name
        if name not in self.state.marked:
            return False
        self._change({other: at for other, at in self.state.marked.items() if other != name}, self.state.absent)
        return True

    def toggle_absent(self, number):
        """Say that the target cannot be seen in a frame, or that it can after all; returns which."""
        name = self.exposures[number].name
        gone = name not in self.state.absent
        marked = {other: at for other, at in self.state.marked.items() if not (gone and other == name)}
        self._change(marked, self.state.absent ^ {name})
        return gone

    def undo(self):
        """Go back by one change; returns whether there was one."""
        return self._go(-1)

    def redo(self):
        """Do again what was undone; returns whether there was anything."""
        return self._go(1)

    def _go(self, step):
        if not 0 <= self._now + step < len(self._states):
            return False
        self._now += step
        self._find_track()
        self.save()
        return True

    def _change(self, marked, absent):
        self._states = [*self._states[: self._now + 1], State(marked, frozenset(absent))]
        self._now += 1
        self._find_track()
        self.save()

    # ---- what follows from it

    @property
    def n_marked(self):
        return len(self.state.marked)

    @property
    def degree(self):
        """Degree of the spline; 0 while there is none."""
        return self._track.degree if self._track else 0

    def _find_track(self):
        seen = [(each, self.state.marked[each.name]) for each in self.exposures if each.name in self.state.marked]
        times = [each.jd for each, _ in seen]
        self._track = None
        if len(set(times)) > 1:
            places = [(each.ra_deg[source], each.dec_deg[source]) for each, source in seen]
            self._track = Track(times, *np.transpose(places))

    def predicted(self, number):
        """Return (ra_deg, dec_deg) on the track in frame `number`; None before two frames are marked."""
        if self._track is None:
            return None
        ra_deg, dec_deg = self._track.at(self.exposures[number].jd)
        return float(ra_deg), float(dec_deg)

    def track_places(self):
        """Return (ra_deg, dec_deg) of the track at the times of all frames, in order of time; None without a track."""
        return None if self._track is None else self._track.at(sorted(each.jd for each in self.exposures))

    def marked_places(self, without=None):
        """Return (ra_deg, dec_deg) of the marked sources, but for frame `without`; None if there are none."""
        marked = self.state.marked
        places = [
            (each.ra_deg[marked[each.name]], each.dec_deg[marked[each.name]])
            for number, each in enumerate(self.exposures)
            if each.name in marked and number != without
        ]
        return tuple(np.transpose(places)) if places else None

    def found(self, number):
        """Return the Found of a frame: its mark, else the source nearest to the track; None where nothing is known.

        Where no source lies within reach of the predicted place, that place itself is it, without a source.
        """
        each = self.exposures[number]
        if each.name in self.state.absent:
            return None
        if each.name in self.state.marked:
            source = self.state.marked[each.name]
            return Found(MARKED, float(each.ra_deg[source]), float(each.dec_deg[source]), source)
        place = self.predicted(number)
        if place is None:
            return None
        (source,), (distance,) = matching.nearest(*place, each.ra_deg, each.dec_deg)
        if distance > self.reach_arcsec:
            return Found(EXPECTED, *place, None)
        return Found(FOLLOWED, float(each.ra_deg[source]), float(each.dec_deg[source]), int(source))

    # ---- on disk

    def write_positions(self, path, target=""):
        """Write the positions file of all frames whose place is known; an older one is kept, `.old` behind its name.

        Returns the names (list of str) of the frames that it lacks.  Without any mark nothing is written.
        """
        found = [self.found(number) for number in range(len(self.exposures))]
        if not self.n_marked:
            return [each.name for each in self.exposures]
        rows = [
            (each.name, at.ra_deg, at.dec_deg, each.jd)
            for each, at in zip(self.exposures, found, strict=True)
            if at is not None
        ]
        remarks = []
        for how, title in ((MARKED, "marked by hand"), (EXPECTED, "no source near, place on the track")):
            names = [each.name for each, at in zip(self.exposures, found, strict=True) if at and at.how == how]
            remarks += [f"{title}: {' '.join(names)}"] if names else []
        path = Path(path)
        if path.exists():
            shutil.copy2(path, path.with_name(path.name + ".old"))
        positionsfile.write(path, rows, target, remarks)
        self.save(finished=True)
        return [each.name for each, at in zip(self.exposures, found, strict=True) if at is None]

    def save(self, finished=False):
        """Keep the marks in `path`, all of them or the old ones; a disk that is full must not end the session."""
        if self.path is None:
            return
        by_name = {each.name: each for each in self.exposures}
        marks = {
            name: {"x": float(by_name[name].x[source]), "y": float(by_name[name].y[source]), "jd": by_name[name].jd}
            for name, source in self.state.marked.items()
        }
        content = {"finished": finished, "marked": {**self._kept, **marks}}
        content["absent"] = sorted(self._kept_absent | self.state.absent)
        try:
            write_text(self.path, json.dumps(content, indent=1) + "\n")
        except OSError as error:
            log.error("%s: the marks could not be saved there (%s)", self.path, error.strerror)

    def load(self):
        """Take over the marks that `path` holds; returns the names of frames whose source is no longer there.

        Raises FrameError for a file that holds something else.
        """
        content = read_saved(self.path)
        by_name = {each.name: each for each in self.exposures}
        marked, lost = {}, []
        for name, at in content["marked"].items():
            if name not in by_name:
                self._kept[name] = at
                continue
            distance = np.hypot(by_name[name].x - at["x"], by_name[name].y - at["y"])
            if distance.size and distance.min() <= SAME_SOURCE_PX:
                marked[name] = int(distance.argmin())
            else:
                lost.append(name)
        self._kept_absent = set(content["absent"]) - set(by_name)
        self._states, self._now = [State(marked, frozenset(content["absent"]) & set(by_name))], 0
        self._find_track()
        return lost


def read_saved(path):
    """Return what `save` wrote as dict with `finished`, `marked` and `absent`.  Raises FrameError."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        for at in content["marked"].values():
            _ = at["x"] + at["y"]
        return {"finished": bool(content["finished"]), "marked": content["marked"], "absent": list(content["absent"])}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FrameError(path, f"contains no marks ({in_words(error)})", "delete it, or start with -new") from None
