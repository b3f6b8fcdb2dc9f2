"""Observations that a person has taken out: a list with an image, and perhaps a target, on each line."""

from pathlib import Path

from photometrypipeline.base.errors import UsageError
from photometrypipeline.base.files import stem_of

REASON = "by hand"


class Exclusions:
    """The lines of such a list.

    A line is the name of an image (`a.fits`, its stem, or `a.ldac`, as result files have it) and, behind blanks, that
    of a target; without one the image counts for no target.  Blanks in names may be written `_`.
    """

    def __init__(self, lines=()):
        self._lines = {_joined(line): line.strip() for line in lines}
        self._used = set()

    def __bool__(self):
        return bool(self._lines)

    def __repr__(self):
        return f"Exclusions({sorted(self._lines.values())})"  # a run is up to date as long as this stays the same

    def covers(self, image, target):
        """Return whether the observation of `target` on `image` (file name) is taken out."""
        stem = stem_of(image)
        found = {
            _joined(f"{name} {of}") for name in (image, stem, f"{stem}.ldac") for of in ("", target)
        } & self._lines.keys()
        self._used |= found
        return bool(found)

    def unused(self):
        """Return the lines (list of str) that `covers` never met."""
        return [line for key, line in self._lines.items() if key not in self._used]


def read(path):
    """Return the Exclusions of a file; lines that begin with `#` are comments.  Raises UsageError."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); give a list of images to leave out") from None
    return Exclusions(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))


def _joined(text):
    return "_".join(text.split())
