"""JSON files of our own that nobody edits: each carries a digest of its content, and a damaged one counts as absent."""

import hashlib
import json
from os import PathLike
from pathlib import Path
from typing import Any

from photometrypipeline.base.files import write_text

BROKEN = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)


def write(path: str | PathLike, content: Any, at_once: bool = True) -> None:
    """Write `content`, of what JSON knows, all of it or nothing; its keys are texts.  `at_once` as in replacing."""
    text = json.dumps(content, indent=0, sort_keys=True)
    write_text(path, f'{{"digest": "{_digest(content)}", "content": {text}}}\n', at_once)


def read(path: str | PathLike) -> Any:
    """Return the content of a file that `write` has made, None for one that is missing, or not as it was written."""
    try:
        known = json.loads(Path(path).read_text(encoding="utf-8"))
        return known["content"] if known["digest"] == _digest(known["content"]) else None
    except BROKEN:
        return None


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]
