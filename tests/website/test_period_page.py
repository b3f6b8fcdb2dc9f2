"""The page of pptool_period in a real browser: no error, all plots, and a composite that can be printed."""

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "example_data"))
import browser
import make_rotation
import pptool_period

pytestmark = pytest.mark.skipif(browser.CHROMIUM is None, reason="no Chromium here; tools/bootstrap --dev installs it")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("period")
    nights = ((0, 6.0, "R"), (1, 5.0, "R"), (2, 5.0, "V"), (3, 3.0, "R"), (5, 3.0, "R"))
    names = [str(path) for path in make_rotation.write(folder, nights)]
    stem = str(folder / "found")
    assert pptool_period.main(["-offline", "-range", "5", "20", "-output", stem, *names]) == 0
    with browser.Browser(tmp_path_factory.mktemp("profile")) as chromium:
        opened = chromium.page(height=4000)
        opened.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
        opened.open((folder / "found.html").as_uri())
        opened.folder = folder
        yield opened


def test_all_plots_are_drawn_without_an_error(page):
    page.wait(lambda: page.evaluate("PP.plots.size") == 5)
    assert page.evaluate("[...PP.plots.keys()]") == ["composite", "residuals", "periodogram", "second", "phase"]
    assert page.problems == []
    assert all(address.startswith(("file:", "data:", "blob:")) for address in page.requests)


def test_the_composite_is_saved_with_period_and_all_nights(page):
    page.evaluate("document.querySelector('#plot-composite button[title$=\"SVG\"]').click()")
    page.wait(lambda: list(page.folder.glob("*.svg")))
    (path,) = page.folder.glob("*.svg")
    page.wait(lambda: path.stat().st_size)
    drawn = ElementTree.parse(path).getroot()
    texts = ["".join(part.itertext()) for part in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert any("Period: 7.30" in text and "Amp: 0.4" in text and "JD₀ (LTC): 2457786" in text for text in texts)
    for key in ("2017-02-02 VATT4K R", "2017-02-04 VATT4K V", "2017-02-07 VATT4K R"):
        assert key in texts
    assert "Rotation phase" in texts
    assert any(text.startswith("Reduced magnitude (R, V) at phase angle") for text in texts)
    places = [float(part.get("y")) for part in drawn.iter("{http://www.w3.org/2000/svg}text") if "VATT4K" in part.text]
    assert len(set(places)) == 2  # six entries of the key take two rows
