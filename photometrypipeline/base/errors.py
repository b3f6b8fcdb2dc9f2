"""What can go wrong, one class each; every message is one line that says what, where and what to do."""

from collections.abc import Iterable
from os import PathLike

OK, FAILED, USAGE, PARTIAL = 0, 1, 2, 3  # exit status of every command


class PipelineError(Exception):
    """Base of all expected errors; `status` is the exit status of a command that ends with it."""

    status = FAILED


class UsageError(PipelineError):
    """The command line, or the choice of input files, cannot be carried out."""

    status = USAGE


class FrameError(PipelineError):
    """A file cannot be used: `path`, `reason`, and the `remedy` for the user."""

    def __init__(self, path: str | PathLike, reason: str, remedy: str = "") -> None:
        self.path, self.reason, self.remedy = str(path), str(reason), str(remedy)
        super().__init__(f"{self.path}: {self.reason}" + (f"; {self.remedy}" if remedy else ""))


class TelescopeError(PipelineError):
    """An instrument is unknown, or its definition is wrong."""


class UnknownFilter(TelescopeError):
    """The filter of a frame is not in the `filter_translations` of its telescope."""


class ProgramError(PipelineError):
    """Source Extractor, SCAMP or SWarp is missing, failed, or left something unusable."""


class CatalogError(PipelineError):
    """A table of reference stars cannot be read or used; says what is missing."""


class BandNotAvailable(CatalogError):
    """A catalogue has the band neither natively nor by a transformation, or no star of it survives."""


class NotReachable(PipelineError):
    """A service could not be asked or did not answer sensibly; nothing is known about what it would have said."""

    def __init__(self, service: str, host: str, reason: str) -> None:
        self.service, self.host, self.reason = service, host, str(reason)[:200]
        super().__init__(f"{service} ({host}) could not be reached: {self.reason}")


class NotFound(PipelineError):
    """A service answered that nothing of that name exists."""


class Ambiguous(NotFound):
    """A service answered: several things have that name; `candidates` lists them as text."""

    def __init__(self, message: str, candidates: Iterable[str] = ()) -> None:
        self.candidates = list(candidates)
        super().__init__(message)


class TooFewStars(PipelineError):
    """Not enough stars for a fit: `found` and `needed`."""

    def __init__(self, found: int, needed: int, what: str = "reference stars") -> None:
        self.found, self.needed = found, needed
        super().__init__(f"{found} {what}, at least {needed} are needed")
