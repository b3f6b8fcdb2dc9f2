"""Work on many things, frames mostly, in which the failure of one is its own: the mechanism that all steps share."""

import logging
import traceback
from collections.abc import Callable
from typing import Any

from photometrypipeline.base.errors import REMEDY, InternalError, PipelineError, SystemTrouble, of_the_system
from photometrypipeline.base.logfile import LOG_NAME

log = logging.getLogger("pp.attempts")


def attempt(function: Callable[[Any], Any], item: Any) -> Any:
    """Return function(item), or the PipelineError that it ended with, whatever it raised."""
    try:
        return function(item)
    except Exception as error:  # noqa: BLE001  what one item brings to light must not take the others down
        return expected(error)


def expected(error: Exception) -> PipelineError:
    """Return the PipelineError that stands for an exception: itself, trouble of the system, or an internal error.

    The traceback of all but the first goes into LOG.
    """
    if isinstance(error, PipelineError):
        return error
    log.debug("%s", "".join(traceback.format_exception(error)))
    trouble = of_the_system(error)
    if trouble:
        path = _named(error)
        return SystemTrouble(f"{f'{path}: ' if path else ''}{trouble}; {REMEDY}")
    if isinstance(error, OSError) and error.strerror:
        path = _named(error)
        return PipelineError(f"{f'{path}: ' if path else ''}{error.strerror.lower()}; check names and permissions")
    told = f"internal error: {type(error).__name__}: {error}".replace("\n", " ")
    return InternalError(f"{told}; details are in {LOG_NAME}, please report them")


def _named(error: Exception) -> str | None:
    """Return the file that an exception speaks of; of two, the one that was to be replaced."""
    return getattr(error, "filename2", None) or getattr(error, "filename", None)
