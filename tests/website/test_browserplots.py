"""Plots in a real browser: drawn, asked, zoomed, saved, and there without scripts."""

from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import browser
import fakerun
from viewing import LIGHT_CURVE, PLOTS, draw_all, looked_at, open_all, open_section, point, show_plot

pytestmark = pytest.mark.skipif(browser.CHROMIUM is None, reason="no Chromium here; tools/bootstrap --dev installs it")

CALIBRATION = ["rejection", "residuals"]

# how much of a plot is not blank: the share of pixels of its canvas that something is drawn on
INK = """(() => { const canvas = PP.plots.get(%r).u.ctx.canvas;
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  return pixels.filter((value, index) => index %% 4 === 3 && value > 0).length / (pixels.length / 4); })()"""


def test_every_plot_of_a_run_is_drawn(chromium, site):
    page = chromium.page()
    page.open((site / "diagnostics.html").as_uri())
    draw_all(page)
    assert sorted(page.evaluate("[...PP.plots.keys()]")) == PLOTS
    assert min(page.evaluate(INK % name) for name in PLOTS) > 0.005
    assert page.problems == []
    page.close()


def test_the_calibration_of_a_frame_is_drawn_in_the_browser(chromium, site):
    page = chromium.page()
    page.open((site / ".diagnostics" / "mscience0217.fits.html").as_uri() + "#calibration")
    draw_all(page)
    assert page.evaluate("[...PP.plots.keys()]") == CALIBRATION
    assert min(page.evaluate(INK % name) for name in CALIBRATION) > 0.005
    page.move(*point(page, 0, "#plot-residuals"))
    assert page.text("#plot-residuals .tip").startswith("C1: 1237648720000000001")
    stars = "document.querySelectorAll('#calibration-map .star').length"
    assert page.evaluate(stars) == 20  # of thirty
    assert page.evaluate("document.querySelectorAll('#registration .star').length") > 20
    assert page.problems == []
    page.close()


def test_the_first_screen_shows_light_curve_chart_and_player(chromium, site):
    page = chromium.page()
    page.open((site / "diagnostics.html").as_uri())
    page.wait("PP.plots.has('target-3552') && PP.players.length > 0")
    page.settle()
    boxes = page.evaluate(
        "['.front > .plot .chart', '.chart-of-field', '.player .stack'].map((each) => {"
        " const box = document.querySelector(each).getBoundingClientRect(); return [box.top, box.bottom]; })"
    )
    assert max(bottom for _, bottom in boxes) < 900  # without scrolling
    assert max(top for top, _ in boxes) - min(top for top, _ in boxes) < 100  # next to each other
    scroll = (
        "[...document.querySelectorAll('.front figure')].filter((each) => each.scrollWidth > each.clientWidth).length"
    )
    assert page.evaluate(scroll) == 0  # nothing is wider than its column
    chart = "document.querySelectorAll('[data-chart] %s').length"
    assert (page.evaluate(chart % "circle.used"), page.evaluate(chart % "circle.left")) == (20, 10)
    assert page.evaluate(chart % "circle.way:not(.here)") == 5  # four measured, one predicted
    page.close()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(("address", "plot", "words"), [
    ("diagnostics.html", "target-3552", ["Magnitude (V)", "Airmass", "3552", "2017-02-02 UT"]),
    (".diagnostics/mscience0217.fits.html", "rejection", ["Magnitude Zeropoint", "Reduced χ²", "stars used"]),
])  # fmt: skip
def test_a_plot_can_be_saved_as_png_and_svg_in_black_on_white(chromium, site, tmp_path, address, plot, words, dark):
    page = chromium.page(dark=dark)
    page.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.open((site / address).as_uri())
    draw_all(page)
    for kind in ("PNG", "SVG"):
        page.evaluate(f'document.querySelector(\'#plot-{plot} button[title^="save"][title$="{SAVES[kind]}"]\').click()')
        page.wait(lambda kind=kind: list(tmp_path.glob(f"*.{kind.lower()}")))
    (lines,), (picture,) = (list(tmp_path.glob(f"*.{kind}")) for kind in ("svg", "png"))
    page.wait(lambda: picture.stat().st_size and lines.stat().st_size)
    drawn = ElementTree.parse(lines).getroot()
    texts = ["".join(part.itertext()) for part in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert set(words) <= set(texts)
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}path"))) > 10
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("L"))
    assert pixels.shape == (1560, 2400)
    assert (pixels > 250).mean() > 0.5
    assert (pixels < 60).mean() > 0.002  # the letters
    assert page.problems == []
    page.close()


SAVES = {"PNG": "as a picture, PNG", "SVG": "for papers, SVG"}


def choose_times(page, name):
    place = f"document.querySelector('{LIGHT_CURVE} select')"
    page.evaluate(f"{place}.value = '{name}'; {place}.dispatchEvent(new Event('change'))")
    page.settle()


def test_times_are_ut_or_julian_dates_in_all_plots_at_once(overview):
    show_plot(overview, "#plot-fwhm")
    show_plot(overview)
    label = "PP.plots.get('target-3552').u.axes[0].label"
    assert overview.evaluate(label) == "2017-02-02 UT"
    before = point(overview, 2)
    choose_times(overview, "JD")
    assert overview.evaluate(label) == "JD − 2457786"
    assert overview.evaluate("PP.plots.get('fwhm').u.axes[0].label") == "JD − 2457786"
    assert point(overview, 2) == pytest.approx(before, abs=2)
    overview.move(*point(overview, 2))
    assert overview.text(f"{LIGHT_CURVE} .tip").startswith("mscience0219.fits")


def test_a_limit_is_called_one(overview):
    overview.move(*point(overview, 4))
    assert f"not detected, fainter than {fakerun.LIMIT_MAG:.3f} mag" in overview.text(f"{LIGHT_CURVE} .tip")


def test_a_click_on_a_point_opens_the_section_of_its_frame(overview):
    overview.click(*point(overview, 2))
    overview.wait("location.pathname.endsWith('mscience0219.fits.html')")
    assert overview.evaluate("location.hash") == "#target-3552"


def test_dragging_zooms_and_the_whole_plot_comes_back(overview):
    scale = "(() => { const x = PP.plots.get('target-3552').u.scales.x; return [x.min, x.max]; })()"
    x, y = point(overview, 1)
    whole = overview.evaluate(scale)
    overview.drag((x - 30, y - 25), (x + 30, y + 25))
    left, right = overview.evaluate(scale)
    assert whole[0] < left < overview.evaluate("PP.plots.get('target-3552').x[1]") < right < whole[1]
    assert right - left < (whole[1] - whole[0]) / 2
    assert overview.evaluate("location.pathname").endswith("diagnostics.html")  # a zoom is no click
    overview.evaluate(f"document.querySelector('{LIGHT_CURVE} button[title^=\"show the whole\"]').click()")
    overview.settle()
    assert overview.evaluate(scale) == whole


def test_plots_are_for_the_keyboard_too(overview):
    show_plot(overview)
    overview.evaluate(f"document.querySelector('{LIGHT_CURVE} .chart').focus()")
    for key in ("ArrowRight", "ArrowRight", "End", "ArrowLeft"):
        overview.press(key)
    assert overview.text(f"{LIGHT_CURVE} .readout").startswith("mscience0222.fits: ")
    overview.press("Enter")
    overview.wait("location.pathname.endsWith('mscience0222.fits.html')")


def test_without_scripts_the_plots_that_are_files_and_all_tables_are_there(chromium, site):
    page = chromium.page(scripts=False)
    page.open((site / "diagnostics.html").as_uri())
    open_all(page)
    shown = page.evaluate("[...document.querySelectorAll('noscript img')].map((image) => image.getAttribute('src'))")
    assert {".diagnostics/fwhm.png", ".diagnostics/zeropoints.png", ".diagnostics/3552.png"} <= set(shown)
    assert len(shown) == len(set(shown))
    assert page.evaluate("document.querySelectorAll('#target-3552 tbody tr').length") >= 6
    assert page.evaluate("document.querySelector('td.mark').offsetWidth") == 0  # what cannot work is not shown
    page.open((site / ".diagnostics" / "mscience0217.fits.html").as_uri())
    open_all(page)
    assert page.evaluate("document.querySelectorAll('#calibration-table tbody tr').length") == 20
    page.close()


def test_hovering_tells_frame_value_and_error_and_marks_the_frame_in_all_plots_and_tables(overview):
    for plot in ("#plot-fwhm", "#plot-zeropoints"):
        show_plot(overview, plot)
    overview.move(*point(overview, 1))
    mag = fakerun.TARGET_MAG + 0.15 * 0.479425538604203  # sin(0.5): the second frame
    star = f"Control Star {fakerun.CONTROL_MAG:.3f} ± 0.013 mag"  # where it is, not where it is drawn
    told = f"mscience0218.fits{mag:.3f} ± 0.013 mag, {star}2017-02-02 11:01:33 UT"
    assert overview.text(f"{LIGHT_CURVE} .tip") == told
    assert [looked_at(overview, plot) for plot in ("#plot-fwhm", "#plot-zeropoints", LIGHT_CURVE)] == [1, 1, 1]
    rows = "[...document.querySelectorAll('tr.looked')].map((row) => row.querySelector('a').textContent)"
    assert set(overview.evaluate(rows)) == {"mscience0218.fits"}
    assert "24.980 ± 0.028 mag" in overview.text("#plot-zeropoints .readout")
    overview.move(*point(overview, 0, "#plot-fwhm"))
    assert looked_at(overview, LIGHT_CURVE) == 0


def test_a_plot_that_is_drawn_later_shows_the_frame_looked_at_before(chromium, site):
    page = chromium.page(height=600)
    page.open((site / "diagnostics.html").as_uri() + LIGHT_CURVE)
    show_plot(page)
    page.evaluate(f"document.querySelector('{LIGHT_CURVE} .chart').focus()")
    page.press("ArrowRight")
    page.press("ArrowRight")
    for plot in ("#plot-fwhm", "#plot-target-control-star"):
        assert not page.evaluate(f"PP.plots.has({plot.removeprefix('#plot-')!r})")
        open_section(page, "target-control-star")
        show_plot(page, plot)
        assert page.text(f"{plot} .readout").startswith("mscience0218.fits: ")
        place = point(page, 1, plot)
        ring = f"document.querySelector('{plot} .ring').getBoundingClientRect()"
        centre = page.evaluate(f"(({{left, top, width, height}}) => [left + width / 2, top + height / 2])({ring})")
        assert centre == pytest.approx(place, abs=1.5)
    page.close()


def test_rejected_rows_and_uncalibrated_frames_are_in_no_plot(overview):
    shown = "PP.data.plots[%r].frames"
    assert overview.evaluate(shown % "target-3552") == [0, 1, 2, 5, 6]
    seen, limits, _ = overview.evaluate("PP.data.plots['target-3552'].series.map((each) => each.value)")
    assert (seen[4], limits) == (None, [None, None, None, None, fakerun.LIMIT_MAG])  # the last frame has a limit only
    values = overview.evaluate("PP.data.plots.zeropoints.series[0].value")
    assert values == [25.0, 24.98, None, 24.94, 24.92, 24.9, 24.88]
