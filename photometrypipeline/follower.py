"""A process beside a run that draws while the run goes on: what is drawn early nobody waits for at the end.

It reads commands, a line each: DRAW, after each record that a step leaves, and FINISH, once, for the pages.
"""

import contextlib
import logging
import os
import subprocess
import sys
import tempfile

log = logging.getLogger("pp.follower")

DRAW, FINISH = b"draw", b"finish"


class Follower:
    """Such a process, `argv` run in `folder`; what it says goes to the log."""

    def __init__(self, argv, folder):
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  as long as the process
        self._process = subprocess.Popen(
            argv,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            start_new_session=True,
        )

    def draw(self):
        """Tell it that there is something new."""
        self._tell(DRAW)

    def finish(self):
        """Have the pages made; returns whether they are."""
        self._tell(FINISH)
        return self.stop() == 0

    def stop(self):
        """Let it end what it is doing, and return its exit status."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        status = self._process.wait()
        if not self._said.closed:
            self._said.seek(0)
            for line in dict.fromkeys(self._said.read().decode("utf-8", "replace").splitlines()):
                log.warning("%s", line)
            self._said.close()
        return status

    def _tell(self, command):
        with contextlib.suppress(OSError):  # it has died: whoever waits for the pages finds out
            self._process.stdin.write(command + b"\n")
            self._process.stdin.flush()


def obey(draw, finish):
    """Be such a process: call draw() for what has come in meanwhile, finish() in the end; return the exit status."""
    while True:
        commands = os.read(sys.stdin.fileno(), 1 << 16).split()
        if FINISH in commands:
            finish()
            return 0
        if not commands:  # the run has ended without wanting pages
            return 1
        draw()
