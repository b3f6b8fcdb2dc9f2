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


def side_by_side(function, items, jobs, each=SOME, label=None, unit="frame"):
    """Return [function(item), ...] in the order of `items`, computed by up to `jobs` processes, of which this is one.

    The others are copies of this one, which start at once.  Where the system has none that are safe (Linux has), and
    for few items, the work is done here, one by one; so it is when a process dies.
    each : pieces of work that a process is worth
    label : of the line that tells how far it is, None for none;  unit : what an item is, in that line
    """

    def watched(found):
        return progress.bar(found, label, len(items), unit) if label else found

    items = list(items)
    jobs = min(jobs, len(items) // each)
    if jobs > 1 and sys.platform == "linux":
        try:
            found = dict(watched(_with_copies(function, items, jobs)))
            return [found[index] for index in range(len(items))]
        except (EOFError, OSError) as error:
            log.warning("work in parallel failed (%s); continuing in one process", error)
    return [function(item) for item in watched(items)]


def _with_copies(function, items, jobs):
    """Yield (index, function(item)) as they come, from this process and copies of it.

    A pool of processes, with its threads and queues, takes three times as long to be there and gone.
    """
    import multiprocessing  # for a command that only shows its help this is slow

    fork, ends, copies, left = multiprocessing.get_context("fork"), [], [], _queue(len(items))
    gc.freeze()  # what a copy's garbage collector does not touch is not copied
    try:
        for _ in range(jobs - 1):
            ours, theirs = fork.Pipe(duplex=False)
            ends.append(ours)
            copies.append(fork.Process(target=_copy, args=(function, items, left, theirs), daemon=True))
            copies[-1].start()
            theirs.close()
        for index in _taken(left, len(items)):
            yield index, function(items[index])
            yield from _arrived(ends, wait=False)
        while ends:
            yield from _arrived(ends)
    finally:
        gc.unfreeze()
        os.close(left)
        for process in filter(lambda process: process.pid is not None, copies):
            if ends:
                process.terminate()  # interrupted
            process.join()


MOST_PARTS = 4096  # that work is handed out in; a pipe holds four times as many


def _queue(number):
    """Return the end (file descriptor) of a pipe from which processes take what is left of `number` items."""
    end, start = os.pipe()
    with os.fdopen(start, "wb") as file:
        file.write(b"".join(part.to_bytes(4, "little") for part in range(min(number, MOST_PARTS))))
    return end


def _taken(left, number):
    """Yield the indices of items that this process is to work on."""
    parts = min(number, MOST_PARTS)
    while token := os.read(left, 4):
        part = int.from_bytes(token, "little")
        yield from range(number * part // parts, number * (part + 1) // parts)


def _copy(function, items, left, end):
    """Work on what is left, in a copy of the process, and send (index, result or the error that it raised)."""
    interruption.in_copies()
    for index in _taken(left, len(items)):
        try:
            found = index, function(items[index]), None
        except Exception as error:  # noqa: BLE001  raised again where it is waited for
            found = index, None, error
        end.send(found)
    end.send(None)


def _arrived(ends, wait=True):
    """Yield (index, result) of what copies have sent through `ends`, from which those that are done are taken."""
    from multiprocessing.connection import wait as ready

    for end in ready(ends, None if wait else 0):
        found = end.recv()  # raises EOFError where a process has died
        if found is None:
            ends.remove(end)
            continue
        index, result, error = found
        if error:
            raise error
        yield index, result


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


def alongside(function):
    """Begin function() in a thread, for what an outside program does; return what waits for its result when called."""
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(1)
    future = pool.submit(contextvars.copy_context().run, function)
    pool.shutdown(wait=False)
    return future.result
