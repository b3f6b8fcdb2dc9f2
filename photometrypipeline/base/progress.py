"""Progress of long work: one line on a terminal, with the time that is left; nothing in a file or a pipe."""

import contextvars
import sys
from collections.abc import Iterable, Iterator
from typing import Any

SILENT = contextvars.ContextVar("SILENT", default=False)  # whether the screen is left alone
SHORT_S = 2.0  # work that takes less needs no line
FORM = "{desc}: {n_fmt} of {total_fmt} {unit}s, {elapsed} gone, {remaining} left |{bar}|"


def bar(items: Iterable[Any], label: str, total: int | None = None, unit: str = "frame") -> Iterator[Any]:
    """Return an iterator over `items` that tells how far it is; `total` : their number, if they have no length.

    The line is gone when the work is done.
    """
    from tqdm import tqdm  # not needed to answer -h

    off = SILENT.get() or not sys.stderr.isatty()
    form = {"bar_format": FORM} if total is not None or hasattr(items, "__len__") else {}
    return iter(tqdm(items, desc=label, total=total, unit=unit, delay=SHORT_S, leave=False, disable=off, **form))
