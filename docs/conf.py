"""The documentation as a site: `make site`, with warnings as errors.  All of it is in the pages; this sets them."""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from photometrypipeline import __version__  # noqa: E402

project = "Photometry Pipeline"
version = release = __version__
copyright = "the Photometry Pipeline developers"

extensions = ["myst_parser", "sphinxcontrib.mermaid"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]
suppress_warnings = ["misc.highlighting_failure", "toc.not_included"]
exclude_patterns = ["_build"]
highlight_language = "none"

html_theme = "furo"
html_title = f"Photometry Pipeline {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False

PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changes.md"}
ANCHORS = {"#your-own-telescope": "telescopes.md#your-own-camera-from-one-frame"}  # links within the README
OTHERS = "(others)"  # in the menu: pages that it does not name
INSERTED = re.compile(r"<!-- ([\w.]+\.(?:md|ipynb))(?:, from (.*?))?(?:, to (.*?))? -->\n")  # a file, or lines of it


def linked(text, folder):
    """Return the text of a page in `folder` (Path) with all links as they are in docs/; to other files, their names."""

    def link(match):
        words, target = match.groups()
        path, hash_, anchor = target.partition("#")
        place = (folder / path).resolve()
        if not path or ":" in target or ROOT not in place.parents:
            return f"[{words}]({ANCHORS.get(target, target)})"
        if place.parent in (ROOT / "docs", ROOT / "docs" / "images"):
            return f"[{words}]({place.relative_to(ROOT / 'docs')}{hash_}{anchor})"
        if place.parent == ROOT and place.name in PAGES:
            return f"[{words}]({PAGES[place.name]}{hash_}{anchor})"
        return words if words.startswith("`") else f"`{place.relative_to(ROOT)}`"

    return re.sub(r"\[([^\]]+)\]\(([^)]+)\)", link, text)


def inserted(match):
    """Return the text of the file that a comment names, or of its lines from one to before another."""
    name, start, end = match.groups()
    if name.endswith(".ipynb"):
        return "\n\n".join(map(cell_text, json.loads((ROOT / "docs" / name).read_text(encoding="utf-8"))["cells"]))
    text = (ROOT / name).read_text(encoding="utf-8")
    text = text.partition(f"\n{start}\n")[2] if start else text
    return linked(text.partition(f"\n{end}\n")[0] if end else text, ROOT) + "\n"


def cell_text(cell):
    """Return a cell of a notebook in Markdown."""
    text = "".join(cell["source"])
    return f"```python\n{text}\n```" if cell["cell_type"] == "code" else text


def setup(app):
    """Insert files of the root and the notebook into their pages, and let links that lead out of docs/ stay within."""

    def read(app, name, source):
        if name == "index":
            named = set(re.findall(r"^[\w-]+$", source[0], re.MULTILINE))
            others = sorted({path.stem for path in (ROOT / "docs").glob("*.md")} - named - {"index"})
            source[0] = source[0].replace(OTHERS, "\n".join(others))
        source[0] = INSERTED.sub(inserted, linked(source[0], ROOT / "docs"))

    app.connect("source-read", read)
