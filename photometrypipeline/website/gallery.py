"""The pictures in .diagnostics/: drawn when what they show has changed, removed when no page shows them any more."""

import hashlib
import json
import logging
import pickle
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from photometrypipeline.base.files import replacing, safe_name, write_text

log = logging.getLogger("pp.gallery")

PARTS = ("calibrationplot", "figures", "imagefile", "images", "overlays", "pen", "twins")  # that draw
INDEX = "pictures.json"
PICKLED = 5  # protocol; a tenth of the time that JSON takes for a key
UNDRAWABLE = (OSError, ValueError, TypeError, LookupError, ArithmeticError)
OWN_ENDINGS = {".html", ".css", ".js", ".png", ".webp", ".jpg", ".gif", ".svg"}  # that the website makes, and removes
_last_sources = {}  # {path: (source, key)} of the pictures that this process has seen drawn


@dataclass(frozen=True)
class Picture:
    """A picture: file name, size in pixels, and places [(column, row) or None] of the data points drawn in it.

    `drawing` is the file that holds the same as lines, for papers, where there is one.
    """

    file: str
    width: int
    height: int
    points: list = field(default_factory=list)
    drawing: str | None = None


class Easel:
    """Where pictures are drawn, in this process or another: a folder and what an earlier run has left there.

    done : {name: what the index says of it} of the pictures that are there now
    sources : {name: source} of those, see `picture`
    """

    def __init__(self, folder, before):
        self.folder = Path(folder)
        self.before = before
        self.begin()

    def begin(self):
        """Forget what is done: another job begins."""
        self.done, self.sources = {}, {}

    def picture(self, name, ingredients, draw, drawing=None, source=None):
        """Return the Picture in the file `name`, or None, with a warning, if it cannot be drawn.

        ingredients : called for whatever the picture depends on: plain data
        draw : called with the path to write, and with `drawing` also that of the drawing; returns (width, height) in
            pixels or (width, height, points)
        drawing : name of a file that the same is written to as lines
        source : what the ingredients come from, to be compared; while it is the same they need not be asked for again
        """
        names = [name, drawing] if drawing else [name]
        kept = self.before.get(name) if all(_holds(self.folder / each) for each in names) else None
        key = kept["key"] if kept else None
        if kept is None or source is None or _last_sources.get(self.folder / name) != (source, key):
            key = hashlib.sha256(_version() + pickle.dumps(ingredients(), PICKLED)).hexdigest()
        if kept is None or kept["key"] != key:
            try:
                width, height, *points = self._draw(draw, names)
            except UNDRAWABLE as error:  # a picture is never worth a run
                log.warning("%s cannot be drawn: %s", name, error)
                self.clear(names)
                return None
            kept = {"key": key, "picture": [width, height, points[0] if points else [], drawing]}
        self.done[name], self.sources[name] = kept, source
        return Picture(name, *kept["picture"])

    def clear(self, names):
        """Remove what an earlier run has left in files that cannot be drawn: it shows something else."""
        for name in names:
            (self.folder / name).unlink(missing_ok=True)

    def _draw(self, draw, names):
        with replacing(self.folder / names[0], at_once=False) as path:
            if len(names) == 1:
                return draw(path)
            with replacing(self.folder / names[1], at_once=False) as lines:
                return draw(path, lines)


class Gallery:
    """All files of one website.

    `name` gives each its own name; pictures are drawn on an `easel`, `hang` takes them over from there; `finish`
    removes what is left of earlier runs.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._names = set()
        self._before = self._read_index()
        self._now = {}

    def name(self, wanted, ending):
        """Return a file name for `wanted` (str) with `ending` that is safe and no other file of the website has."""
        stem, count = safe_name(str(wanted).encode("utf-8", "replace").decode()), 1  # undecodable bytes become _
        name = stem + ending
        while name.casefold() in self._names:
            count += 1
            name = f"{stem}_{count}{ending}"
        self._names.add(name.casefold())
        return name

    def easel(self, names):
        """Return an Easel for the files `names`, which can be handed to another process."""
        (self.folder / INDEX).unlink(missing_ok=True)  # whoever is interrupted from here on draws all of them again
        return Easel(self.folder, {name: self._before[name] for name in names if name in self._before})

    def hang(self, done, sources):
        """Take over what an Easel has done."""
        self._now |= done
        _last_sources.update({self.folder / name: (source, done[name]["key"]) for name, source in sources.items()})

    def finish(self, pages):
        """Remove files of earlier runs: all but the pictures of this one and `pages` (file names)."""
        write_text(self.folder / INDEX, json.dumps(self._now), at_once=False)
        drawings = {entry["picture"][3] for entry in self._now.values()}
        kept = {*self._now, *drawings, *pages}
        for path in self.folder.iterdir():
            if path.suffix in OWN_ENDINGS and path.name not in kept and path.is_file():
                path.unlink()

    def _read_index(self):
        try:
            index = json.loads((self.folder / INDEX).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return index if isinstance(index, dict) else {}


def _holds(path):
    """Return whether there is such a file and something in it: a power failure may have left an empty one."""
    return path.is_file() and path.stat().st_size > 0


@cache
def _version():
    """What changes when the drawing does: a check of the programs' own text."""
    parts = (Path(__file__).with_name(f"{part}.py") for part in PARTS)
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).digest()
