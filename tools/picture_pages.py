#!/usr/bin/env python3
"""Photograph the website of a run for the README and docs/pictures.md, into docs/images.

    make example
    .venv/bin/python tools/picture_pages.py example-run-DATE

Needs Chromium, as the tests of the pages do.
"""

import argparse
import base64
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
PARTS = {  # picture: the elements that are on it, from the first to the last
    "growth": ("figure[data-plot='growth']", "figure[data-plot='growth-snr']"),
    "zeropoints": ("figure[data-plot='zeropoints']",),
    "stars": ("figure[data-plot='star-offsets']", "figure[data-plot='star-scatter']"),
    "control": ("figure[data-plot='target-control-star']",),
    "registration": ("#register",),
}


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
        page.resize(WIDTH, 900)
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        page.settle()
        for name, selectors in PARTS.items():
            photograph_part(page, selectors, FOLDER / f"{name}.png")
        page.open(min((Path(folder).resolve() / ".diagnostics").glob("mscience*.html")).as_uri())
        page.settle()
        page.screenshot(FOLDER / "frame.png")
    for picture in FOLDER.glob("*.png"):
        with Image.open(picture) as image:
            small = image.convert("RGB").quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        small.save(picture, optimize=True)
        print(f"{picture}: {picture.stat().st_size / 1000:.0f} kB")


def photograph_part(page, selectors, path):
    """Write a picture of the box around the elements of a page, no higher than a screen."""
    boxes = f"{list(selectors)}.map((each) => document.querySelector(each).getBoundingClientRect())"
    edges = "((all) => [Math.min(...all.map((b) => b.left)), Math.min(...all.map((b) => b.top)) + scrollY,"
    edges += f" Math.max(...all.map((b) => b.right)), Math.max(...all.map((b) => b.bottom)) + scrollY])({boxes})"
    for _ in range(2):  # plots are drawn when they come into sight, and push down what is below
        page.show(selectors[-1])
        page.evaluate("new Promise((done) => setTimeout(done, 800))")
    left, top, right, bottom = page.evaluate(edges)
    clip = {"x": left - 8, "y": top - 8, "width": right - left + 16, "height": min(bottom - top + 16, 640), "scale": 1}
    shot = page.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
    path.write_bytes(base64.b64decode(shot["data"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="a data set after pp_run")
    photograph(parser.parse_args().folder)


if __name__ == "__main__":
    main()
