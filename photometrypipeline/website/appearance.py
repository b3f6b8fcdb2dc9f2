"""The files that give the pages their looks: templates, style sheet, scripts.  Quick to load: it needs nothing else."""

from pathlib import Path

from photometrypipeline.frames.contents import digest

TEMPLATES = Path(__file__).parent / "templates"
COMPILED = TEMPLATES / "__pycache__"
STATIC = Path(__file__).parent / "static"  # goes beside the pages as it is


def version() -> str:
    """Return a text that changes with anything that shapes the pages but the code."""
    files = sorted(path for folder in (TEMPLATES, STATIC) for path in folder.rglob("*") if path.is_file())
    files = [path for path in files if path.parent != COMPILED]
    return digest(b"".join(path.read_bytes() for path in files))
