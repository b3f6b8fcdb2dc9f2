"""Work in parallel processes, for what threads do not speed up: drawing, mostly."""

import contextlib
import contextvars
import functools
import gc
import logging
import os
import sys

from photometrypipeline.base import interruption, progress

log = logging.getLogger("pp.workers")

SOME = 4  # a process for fewer pieces of work costs more than it gains


def cores():
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_work = None  # (function, stages) of a process of a pool, which inherits them: nothing has to be sent to it


def side_by_side(function, stages, jobs, each=SOME, label=None, unit="frame"):
    """Return [[function(item), ...], ...] in the order of `stages`, lists of items, computed by up to `jobs` processes.

    A stage is begun when the one before is done.  Processes are copies of this one, which start at once.  Where the
    system has none that are safe (Linux has), and for few items, the work is done here, one by one; so it is when a
    process dies.  `each` : pieces of work that a process is worth.
    label : of the line that tells how far it is, None for none;  unit : what an item is, in that line
    """

    def watched(found, items):
        return progress.bar(found, label, len(items), unit) if label else found

    stages = [list(items) for items in stages]
    jobs = min(jobs, sum(map(len, stages)) // each)
    if jobs > 1 and sys.platform == "linux":
        import multiprocessing  # for a command that only shows its help this is slow
        from concurrent.futures import ProcessPoolExecutor
        from concurrent.futures.process import BrokenProcessPool

        gc.freeze()  # what a copy's garbage collector does not touch is not copied
        try:
            fork = multiprocessing.get_context("fork")
            with ProcessPoolExecutor(jobs, fork, _inherit, (function, stages)) as pool:
                return [
                    list(watched(pool.map(_one, [stage] * len(items), range(len(items))), items))
                    for stage, items in enumerate(stages)
                ]
        except (BrokenProcessPool, OSError) as error:
            log.warning("drawing in parallel failed (%s); continuing in one process", error)
        finally:
            gc.unfreeze()
    return [[function(item) for item in watched(items, items)] for items in stages]


class Assistant:
    """A process next to this one that is begun before there is work for it, and loads meanwhile what that needs.

    With one job, and where the system has no safe copies, there is none: work is done here when it is waited for; so
    it is when the process dies.

    load : called there first of all
    """

    def __init__(self, jobs, load):
        self._process = None
        if jobs < 2 or sys.platform != "linux":
            return
        import multiprocessing

        fork = multiprocessing.get_context("fork")
        self._pipe, theirs = fork.Pipe()
        process = fork.Process(target=_assist, args=(theirs, self._pipe, load), daemon=True)
        gc.freeze()  # what a copy's garbage collector does not touch is not copied
        try:
            process.start()
            self._process = process
        except OSError as error:
            log.warning("no process for the drawing (%s)", error)
        finally:
            gc.unfreeze()
            theirs.close()

    def ask(self, function, *arguments):
        """Begin function(*arguments) there, which pickle has to know; return what waits for its result when called.

        Results are waited for in the order of the questions.
        """

        def wait():
            try:
                return self._pipe.recv()
            except (EOFError, OSError):
                return function(*arguments)

        if self._process is None:
            return functools.partial(function, *arguments)
        with contextlib.suppress(OSError):  # it has died
            self._pipe.send((function, arguments))
        return wait

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """End the process."""
        if self._process is not None:
            self._pipe.close()
            self._process.join()


def _assist(pipe, other_end, load):
    interruption.in_copies()
    other_end.close()
    with contextlib.suppress(Exception):
        load()
    with contextlib.suppress(EOFError, OSError):
        while True:
            function, arguments = pipe.recv()
            pipe.send(function(*arguments))


def _inherit(function, stages):
    global _work
    interruption.in_copies()
    _work = function, stages


def alongside(function):
    """Begin function() in a thread, for what an outside program does; return what waits for its result when called."""
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(1)
    future = pool.submit(contextvars.copy_context().run, function)
    pool.shutdown(wait=False)
    return future.result


def _one(stage, index):
    function, stages = _work
    return function(stages[stage][index])
