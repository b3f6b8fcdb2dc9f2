"""Loading the packages of a command: nobody looks for garbage meanwhile, and several threads may load at once."""

import contextlib
import gc
import inspect
import threading
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any


def as_command() -> None:
    """From now on this process loads packages as a command does, until collecting()."""
    gc.disable()
    warnings.filterwarnings("ignore", "XDG_[A-Z]+_HOME is set")  # to a folder that is not there, says astropy
    inspect.getmodule = _one_at_a_time(inspect.getmodule)


def _one_at_a_time(asks: Callable[..., ModuleType | None]) -> Callable[..., ModuleType | None]:
    """Return inspect.getmodule for threads: its table is incomplete while another fills it, which ends astropy."""
    lock = threading.RLock()

    def getmodule(*arguments: Any) -> ModuleType | None:
        with lock:
            return asks(*arguments)

    return getmodule


def collecting() -> None:
    """Look for garbage again: what has been loaded by now is none."""
    gc.freeze()
    gc.enable()


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """Within the block a lot is imported, which makes no garbage."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
