"""Ctrl-C, SIGTERM and a terminal that closes: one line and the status that shells know, at any moment.

While Python loads there is nothing to clean up, and the process ends at once.  At work the first signal is a
KeyboardInterrupt; another one, when that takes its time, ends the process.
"""

import _signal as signal  # the module in C: `signal` itself loads enum first, which takes a third of Python's start
import os
import sys
import time

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
LOADING = "interrupted before anything was done\n"
STOPPED = "interrupted; every file is either as it was or complete, and the same command continues"
AT_WORK = "interrupted at once; the next command removes what is half-written\n"
PATIENCE_S = 1.0  # a terminal and the command that started this one may both send a signal for one Ctrl-C

_first = []  # type: list[tuple[int, float]]  # the one signal that was heeded, and when


def while_loading():
    """From now on a signal ends the process of one of our commands with one line; does nothing in other programs.

    An old Python reads this: no syntax newer than 3.6.
    """
    if os.path.basename(sys.argv[0]).startswith(("pp_", "pptool_", "diagnostics.py")):
        _install(lambda number, _: _end(number, LOADING))


def while_at_work():
    """From now on a signal is a KeyboardInterrupt, and another one ends the process."""
    _first.clear()
    _install(_heed)


def in_copies():
    """In a process that is a copy of this one: the original alone heeds Ctrl-C, and ends its copies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def in_original():
    """In a process that only makes copies of itself: it heeds no signal; they end at once until they are at work."""
    own = os.getpid()
    _install(lambda number, _: None if os.getpid() == own else _end(number, LOADING))
    heard()


def hold():
    """Let signals wait from now on, also in processes that are begun, until heard() is called there."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def heard():
    """Let signals come that have waited."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def status():
    """Return the exit status (int) of a process that has been interrupted, as shells say it."""
    return 128 + (_first[0][0] if _first else signal.SIGINT)


def _install(handler):
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, handler)


def _heed(number, _):
    if not _first:
        _first.append((number, time.monotonic()))
        raise KeyboardInterrupt
    if time.monotonic() - _first[0][1] > PATIENCE_S:
        _end(number, AT_WORK)


def _end(number, line):
    os.write(2, f"{os.path.basename(sys.argv[0])}: {line}".encode(errors="replace"))
    os._exit(128 + number)
