"""A process beside a run that draws while the run goes on: what is drawn early nobody waits for at the end.

It is a copy of the run's own process, which has all modules loaded, and there is one on Linux only, where copies are
safe.  It takes commands: DRAW, after a record that brings new pictures, and FINISH, once, for the pages.
"""

import logging
import multiprocessing
import os
import sys

log = logging.getLogger("pp.follower")

DRAW, FINISH = "draw", "finish"
POSSIBLE = sys.platform == "linux"


class Follower:
    """Such a process: it calls draw() for what has come in, and finish() in the end."""

    def __init__(self, draw, finish):
        context = multiprocessing.get_context("fork")
        theirs, self._ours = context.Pipe(duplex=False)
        self._process = context.Process(target=_obey, args=(theirs, self._ours, draw, finish))
        self._process.start()
        theirs.close()

    def draw(self):
        """Tell it that there is something new."""
        self._tell(DRAW)

    def finish(self):
        """Have the pages made; returns whether they are."""
        self._tell(FINISH)
        return self.stop() == 0

    def stop(self):
        """Let it end what it is doing, and return its exit status."""
        self._ours.close()
        self._process.join()
        return self._process.exitcode

    def _tell(self, command):
        try:
            self._ours.send(command)
        except OSError:  # it has died: whoever waits for the pages finds out
            log.debug("the process that draws ahead is gone")


def _obey(commands, others_end, draw, finish):
    others_end.close()  # else the end of the run would never be noticed
    os.setsid()  # Ctrl-C is the run's affair: it wants its pages even then
    sys.stdin = open(os.devnull)  # noqa: SIM115
    while True:
        try:
            command = commands.recv()
            while command == DRAW and commands.poll():
                command = commands.recv()
        except EOFError:  # the run has ended without wanting pages
            sys.exit(1)
        if command == FINISH:
            finish()
            return
        draw()
