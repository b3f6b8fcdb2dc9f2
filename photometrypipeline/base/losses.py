"""Losses: what a run could not do, named one by one."""

import logging
import os
import textwrap
from typing import Any

from photometrypipeline.base.errors import FrameError

log = logging.getLogger("pp")

MANY = 10  # losses for one reason: more are told together
INDENT = "    "
FEW_LINES = textwrap.TextWrapper(
    118, initial_indent=INDENT, subsequent_indent=INDENT, break_long_words=False, break_on_hyphens=False
)


class Losses:
    """What a run could not do: frames or parts of the work, each with its reason; their summary is printed last."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []

    def __bool__(self) -> bool:
        return bool(self.entries)

    def add(self, name: str, reason: object) -> None:
        """Note that `name` (a frame, a target) is lost, or lost in part, for `reason`; each pair counts once."""
        if (name, reason) not in self.entries:
            self.entries.append((str(name), str(reason)))
            log.warning("%s: %s", name, reason, stacklevel=2)

    def add_error(self, frame: Any, error: Exception) -> None:
        """Note the PipelineError of a frame; a file of it that the error speaks of is named too."""
        name, reason = getattr(frame, "name", frame), str(error)
        if isinstance(error, FrameError):
            of = os.path.basename(error.path)
            reason = f"{'' if of == name else of + ' '}{error.reason}; {error.remedy}".rstrip("; ")
        self.add(name, reason)

    def summary(self) -> list[str]:
        """Return the lines (list of str) that name all losses at the end of a command, none without any.

        Each has a line of its own; where many have the same reason, their names share a few.
        """
        number = len(self.entries)
        lines = [f"{number} loss{'es' if number > 1 else ''}:"] if number else []
        of_reason: dict[str, list[str]] = {}
        for name, reason in self.entries:
            of_reason.setdefault(reason, []).append(name)
        for name, reason in self.entries:
            names = of_reason.get(reason, [])
            if 0 < len(names) <= MANY:
                lines.append(f"  {name}: {reason}")
            elif of_reason.pop(reason, None):
                lines.append(f"  {len(names)} of them: {reason}")
                lines += FEW_LINES.wrap(", ".join(names))
        return lines
