"""Work in parallel processes, for what threads do not speed up: drawing, mostly."""

import contextlib
import contextvars
import functools
import gc
import logging
import os
import sys

from photometrypipeline.base import interruption, loading, progress

log = logging.getLogger("pp.workers")

SOME = 4  # a process for fewer pieces of work costs more than it gains

_own = None  # in a copy of the process: its function and items


def cores():
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def side_by_side(function, items, jobs, each=SOME, label=None, unit="frame"):
    """Return [function(item), ...] in the order of `items`, computed by up to `jobs` copies of this process.

    Where the system has none that are safe (Linux has), and for few items, the work is done here, one by one; so it is
    when a copy dies.
    each : pieces of work that a process is worth
    label : of the line that tells how far it is, None for none;  unit : what an item is, in that line
    """

    def watched(found):
        return progress.bar(found, label, len(items), unit) if label else found

    items = list(items)
    jobs = min(jobs, len(items) // each)
    if jobs > 1 and sys.platform == "linux":
        from concurrent.futures import BrokenExecutor  # for a command that only shows its help this is slow

        try:
            found = dict(watched(_with_copies(function, items, jobs)))
            return [found[index] for index in range(len(items))]
        except (BrokenExecutor, OSError) as error:
            log.warning("work in parallel failed (%s); continuing in one process", error)
    return [function(item) for item in watched(items)]


def _with_copies(function, items, jobs):
    """Yield (index, function(item)) as they come, from `jobs` copies of this process.

    Raises BrokenExecutor where one dies, OSError where there can be none.
    """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor, as_completed

    fork, others = multiprocessing.get_context("fork"), multiprocessing.active_children()
    gc.freeze()  # what a copy's garbage collector does not touch is not copied
    pool = ProcessPoolExecutor(jobs, fork, _begin, (function, items))
    try:
        for done in as_completed([pool.submit(_work, index) for index in range(len(items))]):
            yield done.result()
    except BaseException:
        for process in multiprocessing.active_children():
            if process not in others:
                process.terminate()  # what is at work need not end
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        gc.unfreeze()


def _begin(function, items):
    """Begin, in a copy of the process, to work on items."""
    global _own
    interruption.in_copies()
    _own = function, items


def _work(index):
    function, items = _own
    return index, function(items[index])


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
    with contextlib.suppress(Exception), loading.at_once():
        load()
    with contextlib.suppress(EOFError, OSError):
        while True:
            function, arguments = pipe.recv()
            pipe.send(function(*arguments))


def alongside(function):
    """Begin function() in a thread, for what an outside program does; return what waits for its result when called."""
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(1)
    future = pool.submit(contextvars.copy_context().run, function)
    pool.shutdown(wait=False)
    return future.result
