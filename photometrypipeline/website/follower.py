"""A process beside a run that draws while the run goes on: what is drawn early nobody waits for at the end.

It is a copy of the run's own process, and there is one on Linux only, where copies are safe.  pp_run starts it between
its imports: a small process is copied at once, and what drawing takes is loaded while the run loads the rest.
It takes commands: DRAW, when there may be new pictures, and FINISH, once, for the pages.
"""

import atexit
import logging
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from photometrypipeline.base.logfile import logging_to
from photometrypipeline.base.workers import cores

log = logging.getLogger("pp.follower")

DRAW, FINISH = "draw", "finish"
PIPE_BYTES = 32_000  # that are written without waiting for the reader; Linux takes 65536
POLITE = 10  # how nice is what nobody waits for
POSSIBLE = sys.platform == "linux"


def worth_starting(argv):
    """Return whether the command line `argv` (list of str) is that of a run which will draw beside its steps."""
    words = [*argv[1:], ""]
    alone = any(
        word.startswith(("-j", "--j")) and (word.endswith("=1") or after == "1")
        for word, after in zip(words, words[1:], strict=False)
    )
    other = {"all", "-h", "-help", "--help"} & {*words} or len(words) < 2
    return POSSIBLE and Path(argv[0]).stem == "pp_run" and cores() > 1 and not (alone or other)


class Follower:
    """Such a process: it calls get_ready() first, draw(folder, jobs, more, wanted) for news, finish(folder, jobs) last.

    wanted() tells while drawing that the next command is there, which need not wait.
    early : started before the run has opened LOG; it opens that of the first folder itself
    """

    def __init__(self, get_ready, draw, finish, early=False):
        context = multiprocessing.get_context("fork")
        theirs, self._ours = context.Pipe(duplex=False)
        work = {DRAW: draw, FINISH: finish}
        self._process = context.Process(target=_obey, args=(theirs, self._ours, get_ready, work, early))
        self._process.start()
        theirs.close()
        atexit.register(self.dismiss)  # else the end of this process would wait for the other, and that for this one

    def draw(self, folder, jobs, more=None):
        """Tell it that there is something new in `folder`, for `jobs` processes to draw.

        more : handed on, unless it is so large that the run would have to wait until it is read
        """
        self._tell(DRAW, folder, jobs, more if len(pickle.dumps(more)) < PIPE_BYTES else None)

    def finish(self, folder, jobs):
        """Have the pages made; returns whether they are."""
        self._tell(FINISH, folder, jobs)
        return self.stop() == 0

    def stop(self):
        """Let it end what it is doing, and return its exit status."""
        self._ours.close()
        self._process.join()
        atexit.unregister(self.dismiss)
        return self._process.exitcode

    def dismiss(self):
        """End it at once, and those that it has split off."""
        try:
            os.killpg(self._process.pid, signal.SIGTERM)
        except ProcessLookupError:  # it leads no group yet, and has split off none
            self._process.terminate()
        self.stop()

    def _tell(self, *command):
        try:
            self._ours.send(command)
        except OSError:  # it has died: whoever waits for the pages finds out
            log.debug("the process that draws ahead is gone")


def _obey(commands, others_end, get_ready, work, early):
    others_end.close()  # else the end of the run would never be noticed
    os.setsid()  # Ctrl-C is the run's affair: it wants its pages even then
    sys.stdin = open(os.devnull)  # noqa: SIM115
    get_ready()
    while True:
        try:
            name, folder, *rest = commands.recv()
            while name == DRAW and commands.poll():
                name, folder, *rest = commands.recv()
        except EOFError:  # the run has ended without wanting pages
            sys.exit(1)
        if early:
            logging_to(folder).__enter__()
            early = False
        if name == FINISH:
            work[name](folder, *rest)
            return
        politely(work[name], folder, *rest, commands.poll)


def politely(function, *arguments):
    """Return function(*arguments), computed when nobody else wants the core: on Linux a thread can be nice.

    A process could not take it back, and the pages shall be made at full speed.
    """

    def work():
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), POLITE)
        return function(*arguments)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()
