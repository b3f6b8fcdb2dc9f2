"""Where a user's own files lie, by the XDG base directory specification."""

import os
from pathlib import Path

NAME = "photometrypipeline"


def config() -> Path:
    """Return the Path of the user's settings and telescopes: by default ~/.config/photometrypipeline."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / NAME


def data() -> Path:
    """Return the Path of the user's store: by default ~/.local/share/photometrypipeline."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / NAME
