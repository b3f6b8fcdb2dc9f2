#!/usr/bin/env python3
"""Photograph the website of a run for the README: docs/images/overview.png and lightcurve.png.

    make example
    .venv/bin/python tools/picture_pages.py example-run-DATE

Needs Chromium, as the tests of the pages do.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

import browser  # noqa: E402  lies among the tests

WIDTH, COLOURS = 1240, 256
POINT = 5  # of the light curve that the pointer rests on
FOLDER = ROOT / "docs" / "images"


def photograph(folder):
    """Write both pictures of the data set `folder`."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, browser.Browser(profile) as chromium:
        page = chromium.page(width=WIDTH, height=820)
        page.open((Path(folder).resolve() / "diagnostics.html").as_uri())
        page.settle()
        page.screenshot(FOLDER / "overview.png")
        name = page.evaluate("document.querySelector('#lead figure[data-plot]').dataset.plot")
        page.evaluate("document.querySelector('#lead .front').scrollIntoView()")
        page.settle()
        plot = f"PP.plots.get('{name}')"
        place = f"(() => {{ const box = {plot}.u.over.getBoundingClientRect(); const at = {plot}.placeOf({POINT});"
        page.move(*page.evaluate(place + " return [box.left + at[0], box.top + at[1]]; })()"))
        page.evaluate("new Promise((done) => setTimeout(done, 500))")  # the cut-out follows the pointer
        page.resize(WIDTH, 520)
        page.settle()
        page.screenshot(FOLDER / "lightcurve.png")
    for picture in FOLDER.glob("*.png"):
        with Image.open(picture) as image:
            small = image.convert("RGB").quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        small.save(picture, optimize=True)
        print(f"{picture}: {picture.stat().st_size / 1000:.0f} kB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="a data set after pp_run")
    photograph(parser.parse_args().folder)


if __name__ == "__main__":
    main()
