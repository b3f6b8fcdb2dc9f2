"""A tree of data sets: one folder each, found below a starting folder and run in processes of their own."""

import logging
import os
import subprocess
from pathlib import Path

from photometrypipeline.frame import EXTENSIONS

log = logging.getLogger("pp.datatree")

MADE_BY_US = ("skycoadd", "comove", "skycoadd.old", "comove.old", "pp_store")


def find(root, prefix=""):
    """Return {folder: [image name, ...]} of `root` and everything below it, sorted; folders are relative to `root`.

    Images begin with `prefix` and end on .fits, .fit or .fts in any letter case.  Hidden folders, and those that the
    pipeline makes itself, are passed over.  Folders without images are in it only if nothing lies below them.
    """
    root, found = Path(root), {}
    for folder, below, files in sorted(_walk(root)):
        images = sorted(name for name in files if name.startswith(prefix) and name.lower().endswith(EXTENSIONS))
        if images or not below:
            found[str(folder.relative_to(root))] = images
    return found


def _walk(root):
    for folder, below, files in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith(".") and name not in MADE_BY_US)
        yield Path(folder), list(below), [name for name in files if not name.startswith(".")]


def run(folder, argv):
    """Run a command (list of str) in `folder`; returns its exit status.  Its output is in the LOG there."""
    log.info("data set %s: %s", folder, " ".join(map(str, argv)))
    done = subprocess.run([str(part) for part in argv], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace")  # fmt: skip
    if done.returncode:
        log.warning("%s: %s", folder, (done.stdout.strip().splitlines() or ["no output"])[-1])
    return done.returncode
