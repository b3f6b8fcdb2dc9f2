"""A tree of data sets: one folder each, found below a starting folder, run in parallel processes."""

import contextlib
import logging
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from photometrypipeline.base.errors import FAILED, OK, PARTIAL
from photometrypipeline.base.files import STACK_FOLDERS
from photometrypipeline.frames.frame import BAD_PIXELS, EXTENSIONS
from photometrypipeline.frames.intake.compressed import ENDINGS
from photometrypipeline.runs import outcomes, splitting, starts

log = logging.getLogger("pp.datatree")

MADE_BY_US = (*STACK_FOLDERS, "skycoadd.old", "comove.old", "pp_store", "masters")
IMAGES = (*EXTENSIONS, *(before + behind for before in EXTENSIONS for behind in ENDINGS))
LOOK_EVERY_S = 0.1
STOPS_WITHIN_S = 20.0  # a data set that was told to
WAITING, RUNNING, NO_IMAGES, INTERRUPTED = "waiting", "running", "no images", "interrupted"


@dataclass
class DataSet:
    """One folder, its images, and what became of it.

    folder : relative to the start of the tree;  state : exit status of pp_run, or text for one that has none yet
    error : the line that a failed run ended with;  losses : [[name, reason]];  duration_s : wall time, None before
    """

    folder: str
    images: list
    state: int | str = WAITING
    error: str = ""
    losses: list = field(default_factory=list)
    duration_s: float | None = None

    @property
    def to_be_run(self):
        """Whether there is anything to do that has not been begun."""
        return self.state == WAITING

    def ended(self, root, status, last_line):
        """Take over the outcome of a run that ended with `status`, negative for a signal."""
        found = outcomes.read(Path(root) / self.folder)
        self.duration_s = found.get("duration_s")
        self.losses = [list(entry) for entry in found.get("losses", [])]
        if status < 0:
            self.state, self.error = FAILED, f"its process was killed by signal {-status}; run it again"
        else:
            self.state = status
            step = f"pp_{found['step']}: " if found.get("step") else ""
            why = found.get("error") or last_line or "it printed no reason"
            self.error = "" if status in (OK, PARTIAL) else step + why
        if self.error:
            log.warning("%s: %s", self.folder, self.error)


def find(root, prefix=""):
    """Return the DataSets (list) of `root` and everything below it, sorted by folder.

    Images begin with `prefix` and end on .fits, .fit or .fts in any letter case, compressed or not.  Hidden folders and
    those that the pipeline makes itself are passed over, and so are images that have been sorted into sub-folders (see
    splitting.py).  Folders without images are in it only if nothing lies below them.
    """
    root, found = Path(root), []
    for folder, images, below in image_folders(root, prefix):
        name, parts = str(folder.relative_to(root)), splitting.read(folder)
        if parts:
            left = [image for image in images if not parts.covers(image)]
            state = f"sorted into {', '.join(parts.folders)}"
            found.append(DataSet(name, [], state, losses=[[image, parts.why(image)] for image in left]))
        elif images or not below:
            found.append(DataSet(name, images, WAITING if images else NO_IMAGES))
    return found


def image_folders(root, prefix="", deepest=None):
    """Return [(folder, names of images in it, names of folders below it)] of `root` and all below it, sorted.

    deepest : levels below `root` that are looked at (default: all)
    """
    found = []
    for folder, below, files in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith(".") and name not in MADE_BY_US)
        names = [name for name in files if name.startswith(prefix or "") and not name.startswith(".")]
        names = [name for name in names if name != BAD_PIXELS]
        if deepest is not None and len(Path(folder).relative_to(root).parts) >= deepest:
            below.clear()
        found.append((Path(folder), sorted(name for name in names if name.lower().endswith(IMAGES)), list(below)))
    return sorted(found)


def run(root, data_sets, command, jobs, begin=starts.Command):
    """Run the data sets that are to be run, several at a time; changes their states.

    command : called with a DataSet and the number of cores for it, returns the argument list
    begin : what begins a command, called as starts.Command is
    jobs : cores in all; each data set gets an equal share of them, the last ones what has become free
    Yields the DataSets (list) that have ended since the last time, often none, a few times per second.
    """
    waiting, running = [each for each in data_sets if each.to_be_run], {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                each = waiting.pop(0)
                share = max(1, jobs // min(jobs, len(waiting) + len(running) + 1))
                running[each.folder] = each, *start(Path(root) / each.folder, command(each, share), begin)
                each.state = RUNNING
            ended = []
            for each, process, output in list(running.values()):
                status = process.status()
                if status is not None:
                    del running[each.folder]
                    each.ended(root, status, last_line(output))
                    ended.append(each)
            yield ended
            if not ended:
                time.sleep(LOOK_EVERY_S)
    finally:
        stop(running.values())


def stop(running):
    """End the data sets that are at work, [(DataSet, its process, its output)]: each leaves its files old or new."""
    running = list(running)
    for _, process, _ in running:
        with contextlib.suppress(OSError):
            process.terminate()
    for each, process, output in running:
        process.wait(STOPS_WITHIN_S)
        if process.status() is None:
            process.kill()
            process.wait()
        output.close()
        each.state = INTERRUPTED


def start(folder, argv, begin):
    """Begin a command (list of str) in `folder`; returns (its process, file with what it prints)."""
    log.info("data set %s: %s", folder, " ".join(map(str, argv)))
    outcomes.forget(folder)
    output = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115  closed by last_line
    return begin(argv, folder, output), output


def last_line(output):
    """Return the last line that was printed into a file (str), and close it."""
    with output:
        output.seek(0)
        lines = output.read().strip().splitlines()
    return lines[-1] if lines else ""
