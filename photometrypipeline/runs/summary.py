"""What a command did, as JSON for other programs: -json of every command.

{"command": "pp_run", "folder": "/data/night", "status": 3, "outcome": "partial", "error": null,
 "losses": [{"name": "a.fits", "reason": "..."}], "said": ["..."], "files": ["photometry_3552.dat", ...],
 "steps": {"prepare": {"made": "...", "passed": [...], ...}, ...}, "targets": [{"name": "3552", ...}]}
"""

import contextlib
import json
import os
import sys
import time
from pathlib import Path

from photometrypipeline import __version__
from photometrypipeline.base import files
from photometrypipeline.base.errors import FAILED, OK, PARTIAL, USAGE
from photometrypipeline.frames import records
from photometrypipeline.runs.stamps import STEPS, Stamps

OUTCOMES = {OK: "ok", FAILED: "failed", USAGE: "usage", PARTIAL: "partial", 130: "interrupted"}
WITH_STEPS = "pp_"  # commands that begin so change what the steps have left


class Summary:
    """Collects what a command says and writes; `printed` is called with the text (str) of it at the end.

    name : of the command;  folder : of its results
    """

    def __init__(self, name, folder):
        self.name, self.folder = name, Path(folder)
        self.said, self.losses, self.error = [], [], ""

    @contextlib.contextmanager
    def collecting(self):
        """Within the block standard output belongs to nobody but this: what is printed goes to standard error."""
        self.start, self.written = time.time(), files.WRITTEN.start()
        out = sys.stdout
        try:
            with contextlib.redirect_stdout(sys.stderr):
                yield self
        finally:
            self.out = out
            files.WRITTEN.stop()

    def take(self, args, status, losses, error):
        """Take over what is known at the end of a command."""
        self.losses = [{"name": name, "reason": reason} for name, reason in losses.entries]
        self.error = error

    def say(self, message):
        """Take over a line for the user."""
        self.said += message.splitlines()

    def write(self, status):
        """Print the summary as the only thing on standard output."""
        print(json.dumps(records.plain(self.facts(status)), indent=1, ensure_ascii=True), file=self.out, flush=True)

    def facts(self, status):
        """Return the summary as JSON values (dict)."""
        found = {"command": self.name, "version": __version__, "folder": os.path.abspath(self.folder)}
        found |= {"status": status, "outcome": OUTCOMES.get(status, str(status)), "error": self.error or None}
        found |= {"duration_s": round(time.time() - self.start, 3), "losses": self.losses, "said": self.said}
        found["files"] = sorted({self._named(path) for path in self.written if records.FOLDER not in Path(path).parts})
        if self.name.startswith(WITH_STEPS):
            found |= {"steps": self._steps(), "targets": self._targets()}
        return found

    def _named(self, path):
        place, folder = Path(os.path.abspath(path)), Path(os.path.abspath(self.folder))
        return str(place.relative_to(folder) if place.is_relative_to(folder) else place)

    def _steps(self):
        stamps = {step: Stamps(self.folder).read(step) for step in STEPS}
        return {
            step: {"made": stamp.made, "given": stamp.given, "passed": stamp.passed, "losses": stamp.losses}
            | {"result": stamp.result}
            for step, stamp in stamps.items()
            if stamp is not None
        }

    def _targets(self):
        if not records.path_of("distill", self.folder).is_file():
            return []
        from photometrypipeline.runs import treesummary  # brings the pages along

        found = records.read(self.folder, ("distill",)).get("distill")
        return [treesummary.target_facts(curve) for curve in records.light_curves(found, self.folder)]
