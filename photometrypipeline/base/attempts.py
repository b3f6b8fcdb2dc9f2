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
        path = getattr(error, "filename", None)
        return SystemTrouble(f"{f'{path}: ' if path else ''}{trouble}; {REMEDY}")
    if isinstance(error, OSError) and error.strerror:
        path = f"{error.filename}: " if error.filename else ""
        return PipelineError(f"{path}{error.strerror.lower()}; check names and permissions")
    told = f"internal error: {type(error).__name__}: {error}".replace("\n", " ")
    return InternalError(f"{told}; details are in {LOG_NAME}, please report them")
