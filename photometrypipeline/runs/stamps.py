"""Stamps: what each step of a data set was made from, and what it left; by them a later run knows what still holds.

A step removes its stamp, and those of later steps, before it touches anything, and writes it when all is done.  So a
stamp that is there tells the truth about a step that came to its end, whatever happened to the process afterwards.

Headers are changed in place by three steps.  What counts is the state in which a step left them: a step may start again
only from the very state that the step before it left.  The keywords of pp_photometry are apart: for the steps before it
they do not count, and it takes them out first.  Any other state leads back to pp_prepare, which makes the same header
from every state (see pp_prepare.prepare_header).
"""

import json
import logging
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from photometrypipeline.base import jsonfile
from photometrypipeline.frames.contents import Contents, digest
from photometrypipeline.frames.frame import EXTENSIONS
from photometrypipeline.runs import recipes
from photometrypipeline.runs.stepoptions import STEPS

log = logging.getLogger("pp.stamps")

FOLDER = Path(".diagnostics") / "stamps"
ORDER = tuple(STEPS)
WHOLE, LASTING = slice(0, None, 2), slice(1, None)  # of the digests of a frame: header or its lasting part, and pixels


@dataclass
class Stamp:
    """One step: its recipe, and the frames and files that it left.

    previous : id of the stamp that this step went on from, None if the frames were in another state
    given, passed : names of the frames that the step got, and that it handed on
    frames : {name: digests as Contents.of_frame has them}, of all that were given;  files : {name: digest}
    losses : [[name, reason]];  result : what else a later step, or the user, wants to know of the step (dict)
    """

    step: str
    recipe: dict
    previous: str | None = None
    given: list = field(default_factory=list)
    passed: list = field(default_factory=list)
    frames: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    losses: list = field(default_factory=list)
    result: dict = field(default_factory=dict)
    made: str = ""

    @property
    def id(self):
        """Text that stands for all of the stamp."""
        return digest(json.dumps(asdict(self), sort_keys=True))


class Stamps:
    """The stamps of the data set in `folder`; frames and files go by their names in it, others by absolute paths."""

    def __init__(self, folder="."):
        self.folder = Path(folder)
        self.place = self.folder / FOLDER
        self.contents = Contents(self.place / "contents.json")

    def names(self, frames):
        """Return the names (list of str) by which stamps know the Frames."""
        return [self._name(final_name(frame.path)) for frame in frames]

    def files(self, paths):
        """Return the names (list of str) of those files that exist; a path without folder lies in the data set."""
        paths = [path if Path(path).parent != Path() else self.folder / path for path in paths]
        return [self._name(path) for path in paths if os.path.exists(path)]

    def _name(self, path):
        place = Path(os.path.abspath(path))
        folder = Path(os.path.abspath(self.folder))
        return str(place.relative_to(folder) if place.is_relative_to(folder) else place)

    def read(self, step):
        """Return the Stamp of `step`, None without one that can be read."""
        known = jsonfile.read(self.place / f"{step}.json")
        try:
            stamp = Stamp(**known) if known else None
        except TypeError:  # of another version
            return None
        return stamp if stamp and stamp.step == step else None

    def begin(self, step, recipe, frames):
        """Return the unfinished Stamp of a step that starts now with `frames`; stamps of it and of later steps go."""
        before = self._before(step, frames)
        for name in (*ORDER[ORDER.index(step) :], "pages"):
            (self.place / f"{name}.json").unlink(missing_ok=True)
        return Stamp(step, recipe, before, self.names(frames))

    def _before(self, step, frames):
        """Return the id of the stamp of the step before, if the frames are as it left them."""
        for name in reversed(ORDER[: ORDER.index(step)]):
            stamp = self.read(name)
            if stamp and stamp.passed == self.names(frames):
                same = self.same_frames(stamp, whole=name == "photometry" or step != "photometry")
                return stamp.id if same else None
            if stamp:
                return None
        return None

    def finish(self, stamp, passed, files, losses, result, jobs=1):
        """Write the Stamp of a step that has come to its end."""
        self.place.mkdir(parents=True, exist_ok=True)
        stamp.passed = self.names(passed)
        stamp.frames = self.contents.of_frames({name: existing(self.folder / name) for name in stamp.given}, jobs)
        stamp.files = {name: self.contents.of_file(self.folder / name) for name in self.files(files)}
        stamp.losses, stamp.result = [list(entry) for entry in losses], result
        stamp.made = time.strftime("%Y-%m-%d %H:%M:%S")
        self.write(stamp)
        self.contents.save()

    def write(self, stamp):
        """Write a Stamp as it is; one that a power failure spoils is none."""
        jsonfile.write(self.place / f"{stamp.step}.json", asdict(stamp), at_once=False)

    def amend(self, step, first, **options):
        """Make the stamp of `step` that of a second try, after `first` (Stamp or None): both together are one step."""
        second = self.read(step)
        if first and second:
            first.recipe["options"] |= options
            second.recipe, second.previous = first.recipe, first.previous
            self.write(second)

    def same_frames(self, stamp, whole):
        """Return whether all frames of a stamp are as it left them; not `whole`: but for the keywords of photometry."""
        part = WHOLE if whole else LASTING
        for name, state in stamp.frames.items():
            now = self.contents.of_frame(existing(self.folder / name))
            if now is None or state is None or now[part] != state[part]:
                log.info("%s is not as pp_%s left it", name, stamp.step)
                return False
        return True

    def same_files(self, stamp):
        """Return whether all files of a stamp are there as it left them, or a later step has made them anew."""
        later = map(self.read, ORDER[ORDER.index(stamp.step) + 1 :] if stamp.step in ORDER else ())
        anew = {name for each in later if each for name in each.files}
        files = {name: known for name, known in stamp.files.items() if name not in anew}
        changed = [name for name, known in files.items() if self.contents.of_file(self.folder / name) != known]
        if changed:
            log.info("%s %s not as pp_%s left it", ", ".join(changed[:5]), "are" if changed[1:] else "is", stamp.step)
        return not changed

    def valid(self, steps, frames, recipe_of):
        """Return ([Stamp, ...], why): the stamps of the first of `steps` that still hold, and why no more do.

        frames : those that can be read;  recipe_of(stamp, frames) : the recipe that its step would be run by now
        """
        found, names, previous, why = [], sorted(self.names(frames)), None, ""
        for step in steps:
            stamp = self.read(step)
            if stamp is None:
                why = f"{step}: not done yet, or not completed"
            elif stamp.previous != previous and step != "prepare":
                why = f"{step}: the step before it was done again, or frames have changed since"
            elif sorted(stamp.given) != names:
                why = f"{step}: other frames than last time"
            else:
                known = [frame for frame in frames if self.names([frame])[0] in stamp.given]
                difference = recipes.difference(stamp.recipe, recipe_of(stamp, known))
                why = f"{step}: {difference}" if difference else ""
            if why:
                break
            found.append(stamp)
            names, previous = sorted(stamp.passed), stamp.id
        return self._in_place(found, why)

    def in_place(self, stamps):
        """Return whether all frames and files are as these stamps, of steps one after the other, say."""
        return self._in_place(list(stamps), "")[0] == list(stamps)

    def _in_place(self, found, why):
        """Return (stamps, why) without the stamps whose frames or files are no longer as the run needs them."""
        last = len(found)
        for number, stamp in enumerate(found):
            if not self.same_files(stamp):
                last, why = number, f"{stamp.step}: files that it wrote were changed or removed"
                break
        while last and not self._frames_as_after(found[:last]):
            last, why = last - 1, f"{found[last - 1].step}: frames were changed since"
        return found[:last], why

    def _frames_as_after(self, stamps):
        """Return whether each frame is as the last of `stamps` that was given it has left it."""
        measured, seen = any(stamp.step == "photometry" for stamp in stamps), set()
        for stamp in reversed(stamps):
            if stamp.step in ("calibrate", "distill"):
                continue  # they leave the frames alone, and those that they lose are as pp_photometry left them
            left = Stamp(stamp.step, {}, frames={n: state for n, state in stamp.frames.items() if n not in seen})
            if not self.same_frames(left, whole=measured and stamp.step == "photometry"):
                return False
            seen |= set(left.frames)
        return True


def final_name(path):
    """Return the name (str) that an image has once pp_prepare has renamed it to .fits."""
    path = Path(path)
    return str(path.with_suffix(".fits") if path.suffix.lower() in EXTENSIONS else path)


def existing(name):
    """Return the Path of the image with the final name `name`, under the name that it has now."""
    path = Path(name)
    if path.exists():
        return path
    found = sorted(each for each in path.parent.glob(f"{_escaped(path.stem)}.*") if final_name(each) == str(path))
    return found[0] if found else path


def _escaped(text):
    return "".join(f"[{character}]" if character in "*?[" else character for character in text)
