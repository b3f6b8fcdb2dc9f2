"""Websites in tests: records to make them from, and what holds for each of them."""

import json
import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

import html5lib
from bs4 import BeautifulSoup

import diagnostics
import fakerun
import pp_setup
from photometrypipeline.frames import observationsdb, records
from photometrypipeline.website import views

MAKERS = {step: getattr(fakerun, step) for step in records.STEPS}
SCRIPTS = {
    "sections.js",
    "uPlot.iife.min.js",
    "page.js",
    "rows.js",
    "svgpen.js",
    "axes.js",
    "plots.js",
    "overlays.js",
    "start.js",
    "player.js",
    "marked.js",
    "starmarks.js",
    "marks.js",
    "framemarks.js",
    "keys.js",
}
HOSTILE = "<script>alert(1)</script> \"x' & C/2013 US10 (Ä 星) {{ 7*7 }} $\\frac{1}$ %2e%2e/../../evil" + "z" * 200

LONG = "L" * 200  # no blank, no place to break it


def fill(folder, field, **changed):
    """Record all steps; `changed` replaces the record of a step, None leaves a step out."""
    for step, make in MAKERS.items():
        data = changed[step] if step in changed else make(field)
        if data is not None:
            record(step, data, folder)


def view_of(data, failures=()):
    """Return the views.Overview of {step: record}, as the makers above return them."""
    curves = data["distill"]["targets"] if "distill" in data else []
    named = data | ({"distill": with_names(data["distill"])} if curves else {})
    return views.overview({step: records.typed(step, part) for step, part in named.items()}, list(failures), curves)


def with_names(distill):
    """Return the record of distill with the names of its light curves, as it is on disk."""
    return distill | {"targets": [target.name for target in distill["targets"]]}


def record(step, data, folder):
    """Record one step; what pp_distill finds is in the database of the data set as well."""
    if step == "distill" and pp_setup.diagnostics:
        observationsdb.write(folder / observationsdb.FILE_NAME, data["targets"])
    diagnostics.record(step, with_names(data) if step == "distill" else data, folder)


def page(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def main_page(folder):
    return page(folder / "diagnostics.html")


def cells(table):
    """The texts of a table, row by row."""
    return [[cell.get_text(" ", strip=True) for cell in row.find_all(["th", "td"])] for row in table.find_all("tr")]


def facts(soup):
    """Tables with a heading in front of each value, as one dictionary."""
    return {row[0]: row[1] for table in soup.find_all("table", "facts") for row in cells(table)}


def words(soup):
    return soup.get_text(" ", strip=True)


def check_website(folder, main="diagnostics.html"):
    """Every page is valid HTML with no scripts but ours, links live and stay in `folder`, no id is used twice."""
    folder = folder.resolve()
    checked = [folder / main, *sorted((folder / ".diagnostics").glob("*.html"))]
    ids = {}
    for path in checked:
        text = path.read_text(encoding="utf-8")
        html5lib.HTMLParser(strict=True).parse(text)
        soup = BeautifulSoup(text, "html.parser")
        assert not soup.find_all(["iframe", "object", "base", "style"])
        for script in soup.find_all("script"):
            if "src" in script.attrs:
                assert Path(script["src"]).name in SCRIPTS
            else:
                assert script["type"] == "application/json"
                json.loads(script.string)
        assert not [tag for tag in soup.find_all(True) if any(name.startswith("on") for name in tag.attrs)]
        own = [tag["id"] for tag in soup.find_all(id=True)]
        assert len(own) == len(set(own)), path
        ids[path] = set(own)
    for path in checked:
        for tag in page(path).find_all(["a", "img", "area", "link", "script"]):
            link = tag.get("href") or tag.get("src")
            if link or tag.name != "script":
                check_link(link, path, folder, ids)
    return checked


def check_link(link, path, folder, ids):
    parts = urlsplit(link)
    assert not (parts.scheme or parts.netloc or parts.path.startswith("/")), link
    aim = Path(os.path.normpath(path.parent / unquote(parts.path))) if parts.path else path
    assert aim.is_file(), f"{path.name}: {link}"
    assert aim.is_relative_to(folder), link
    if parts.fragment:
        assert parts.fragment in ids[aim], f"{path.name}: {link}"
