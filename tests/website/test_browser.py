"""The pages in a real browser: no error, nothing from outside, plots that answer, and nobody shut out."""

import functools
import http.server
import shutil
import sys
import threading
from pathlib import Path

import pytest

import browser
import diagnostics
import fakerun
from photometrypipeline.frames import records
from photometrypipeline.runs import datatree, treesummary
from viewing import LIGHT_CURVE, PLOTS, draw_all, go_back, is_open, looked_at, open_all, open_section, point, show_plot
from website import HOSTILE, LONG, MAKERS, fill, record

AXE = Path(sys.prefix) / "share" / "axe-core" / "axe.min.js"

pytestmark = pytest.mark.skipif(browser.CHROMIUM is None, reason="no Chromium here; tools/bootstrap --dev installs it")


@pytest.fixture(scope="module")
def long_site(tmp_path_factory):
    """A data set whose every text is one long word."""
    folder, field = tmp_path_factory.mktemp("long"), fakerun.Field(n_frames=3)
    field.names = [f"{count}{LONG}.fits" for count in range(3)]
    field.write_frames(folder)
    field.write_catalog(folder, LONG)
    prepare = fakerun.prepare(field, directory=f"/{LONG}")
    for frame in prepare["frames"]:
        frame["object"] = frame["filter"] = LONG
    register, calibrate = fakerun.register(field, lost=(1,)), fakerun.calibrate(field, lost=(2,))
    register["frames"][1]["reason"] = calibrate["frames"][2]["reason"] = LONG
    register |= {"catalog": LONG}
    calibrate |= {"band": LONG, "catalog": LONG, "catalog_history": LONG}
    distill = fakerun.distill(field, rejected=(1,), name=LONG, unseen=(2,))
    distill |= {"images": field.names, "arguments": ["-target", LONG]}
    for target in distill["targets"]:
        target.full_name = target.source = target.kind = LONG
        for row in target.rows:
            row.band, row.reason = LONG, row.reason and LONG
    fill(folder, field, prepare=prepare, register=register, calibrate=calibrate, distill=distill)
    diagnostics.record_failure("distill", LONG, folder)
    diagnostics.render(folder)
    return folder


def addresses(folder):
    return [path.as_uri() for path in [folder / "diagnostics.html", *sorted((folder / ".diagnostics").glob("*.html"))]]


def check_pages(chromium, addresses, base):
    """Open each page with all of its sections: nothing fails, and nothing is asked for outside of `base`."""
    for address in addresses:
        page = chromium.page()
        page.open(address)
        open_all(page)
        page.evaluate("document.querySelectorAll('img').forEach((image) => { image.loading = 'eager'; })")
        page.settle()
        page.wait("[...document.images].every((image) => image.complete)")
        assert page.problems == [], address
        assert [wanted for wanted in page.requests if not wanted.startswith((base, "data:"))] == [], address
        broken = "[...document.images].filter((image) => !image.naturalWidth).map((image) => image.src)"
        assert page.evaluate(broken) == []
        page.close()


def test_every_page_opens_without_an_error_and_asks_for_nothing_outside_of_its_folder(chromium, site):
    check_pages(chromium, addresses(site), site.as_uri())


def test_the_folder_can_be_packed_and_served_from_anywhere(chromium, site, tmp_path):
    shutil.make_archive(tmp_path / "site", "zip", site)
    shutil.unpack_archive(tmp_path / "site.zip", tmp_path / "else where" / "50% of it")
    handler = functools.partial(QuietHandler, directory=tmp_path / "else where")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_address[1]}/50%25%20of%20it/"
        names = ["diagnostics.html", ".diagnostics/mscience0217.fits.html"]
        check_pages(chromium, [base + name for name in names], base)
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_hostile_names_run_nothing_and_stay_as_they_are(chromium, tmp_path):
    """Were any of them taken for HTML or script, the title of the page would change."""
    script = "document.title='pwned'"
    attack = f'<img src=x onerror="{script}"></script><script>{script}</script>\u2028' + HOSTILE
    field = fakerun.Field(n_frames=3)
    field.names = [f"{count} {HOSTILE}.fits".replace("/", ":") for count in range(3)]
    data = fakerun.prepare(field, directory=attack)
    for frame in data["frames"]:
        frame["object"] = frame["filter"] = attack
    register = fakerun.register(field, lost=(1,))
    register["frames"][1]["reason"] = register["catalog"] = attack
    calibrate = fakerun.calibrate(field) | {"band": attack, "catalog": attack, "catalog_history": attack}
    distill = fakerun.distill(field, name=attack) | {"arguments": ["-target", attack]}
    fill(tmp_path, field, prepare=data, register=register, calibrate=calibrate, distill=distill)
    diagnostics.record_failure("distill", attack, tmp_path)
    diagnostics.render(tmp_path)
    check_pages(chromium, addresses(tmp_path), tmp_path.as_uri())
    page = chromium.page()
    page.open((tmp_path / "diagnostics.html").as_uri())
    open_all(page)
    for figure in page.evaluate("[...document.querySelectorAll('figure[data-plot]')].map((each) => each.id)"):
        page.show(f"[id='{figure}']")
        page.evaluate(f"document.querySelector(\"[id='{figure}'] .chart\").focus()")
        page.press("ArrowRight")
    assert page.evaluate("document.title").startswith("<img src=x onerror=")
    assert page.evaluate("document.querySelectorAll('script:not([src])').length") == 1
    assert field.names[2] in page.text("#plot-fwhm .readout")
    assert not page.evaluate("document.documentElement.classList.contains('can-mark')")  # no command can be made
    page.open(addresses(tmp_path)[1])
    assert not page.evaluate("document.querySelector('input.mark')")
    page.close()


# ---- sections


STAR = "target-control-star"  # whose section is closed at first
LINKS = [f"#plot-{STAR}", f"#{STAR}"]


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("anchor", LINKS)
def test_an_address_opens_the_section_that_it_leads_into(chromium, site, anchor, scripts):
    page = chromium.page(scripts=scripts)
    page.open((site / "diagnostics.html").as_uri())
    assert not is_open(page, STAR)
    page.open((site / "diagnostics.html").as_uri() + anchor)
    page.wait("document.getElementById('target-control-star').closest('details').open && scrollY > 300")
    page.close()


def test_a_link_opens_the_section_that_it_leads_into(closed_overview):
    anchor = f"#{STAR}"
    closed_overview.evaluate(f"document.querySelector('a[href=\"{anchor}\"]').click()")
    closed_overview.settle()
    assert is_open(closed_overview, STAR)
    assert 0 <= closed_overview.show(anchor)[1] <= 900


def test_a_browser_that_opens_no_section_itself_is_helped(closed_overview):
    closed_overview.evaluate(
        "history.replaceState(null, '', '#plot-target-control-star')"
    )  # no browser opens anything here
    assert not is_open(closed_overview, STAR)
    closed_overview.evaluate("dispatchEvent(new HashChangeEvent('hashchange'))")
    assert is_open(closed_overview, STAR)


def test_sections_are_open_again_on_the_way_back(overview):
    overview.click(*point(overview, 1))
    overview.wait("location.pathname.endsWith('mscience0218.fits.html')")
    go_back(overview)
    overview.wait("location.pathname.endsWith('diagnostics.html') && document.readyState === 'complete'")
    assert overview.evaluate("location.hash") == ""
    assert is_open(overview)
    assert not is_open(overview, "target-control-star")


def test_a_frame_leads_back_to_the_section_of_its_target(chromium, site):
    page = chromium.page()
    page.open((site / ".diagnostics" / "mscience0218.fits.html").as_uri())
    page.evaluate("document.querySelector('#target-control-star nav a[href*=diagnostics]').click()")
    page.wait("location.pathname.endsWith('diagnostics.html') && document.readyState === 'complete'")
    assert is_open(page, STAR)
    page.close()


def test_on_paper_the_targets_are_open_and_drawn(closed_overview):
    closed_overview.evaluate("dispatchEvent(new Event('beforeprint'))")
    drawn = closed_overview.evaluate("[...PP.plots.keys()]")
    assert {"fwhm", "zeropoints", "target-3552", "target-control-star"} <= set(drawn)
    assert is_open(closed_overview, STAR)
    closed_overview.evaluate("dispatchEvent(new Event('afterprint'))")
    assert not is_open(closed_overview, STAR)


# ---- player, thumbnails, keys


def test_thumbnails_come_when_they_are_opened_and_their_marks_can_be_switched_off(overview):
    thumbnails = "document.querySelector('.thumbnails')"
    assert overview.evaluate(f"{thumbnails}.querySelectorAll('img').length") == 0
    overview.evaluate(f"{thumbnails}.open = true")
    overview.wait(f"{thumbnails}.querySelectorAll('img').length === 4")  # accepted rows
    overlay = f"getComputedStyle({thumbnails}.querySelector('.overlay')).display"
    assert overview.evaluate(overlay) != "none"
    overview.evaluate(f"{thumbnails}.querySelector('input').click()")
    assert overview.evaluate(overlay) == "none"


def test_the_player_steps_pauses_and_changes_its_speed(overview):
    overview.show(".player")
    button = "document.querySelector('.player button[aria-label=\"%s\"]').click()"
    overview.evaluate(button % "next frame")
    overview.wait("document.querySelector('.player .readout').textContent.startsWith('mscience0218.fits: 2 of 4')")
    assert overview.evaluate("document.querySelector('.player img').src").endswith("3552_mscience0218_thumb.png")
    assert looked_at(overview, LIGHT_CURVE) == 1
    overview.evaluate("document.querySelector('.player select').value = '16'")
    overview.evaluate(button % "play")
    title = "document.querySelector('.player button[aria-label=\"%s\"]').title"
    assert overview.evaluate(title % "pause") == "pause"
    overview.wait("PP.players[0].index === 0")  # past the end
    overview.evaluate(button % "pause")
    assert overview.evaluate(title % "play") == "play"
    stopped = overview.evaluate("PP.players[0].index")
    overview.evaluate("new Promise((done) => setTimeout(done, 250))")
    assert overview.evaluate("PP.players[0].index") == stopped


def test_arrow_keys_lead_from_frame_to_frame_and_keep_the_section(chromium, site):
    page = chromium.page()
    page.open((site / ".diagnostics" / "mscience0218.fits.html").as_uri() + "#calibration")
    opened = "[...document.querySelectorAll('details[open] h2')].map((part) => part.textContent)"
    assert "Photometric Calibration" in page.evaluate(opened)
    assert "Astrometric Registration" not in page.evaluate(opened)
    page.press("ArrowRight")
    page.wait("location.href.endsWith('mscience0219.fits.html#calibration') && document.readyState === 'complete'")
    page.press("ArrowLeft")
    page.wait("location.href.endsWith('mscience0218.fits.html#calibration') && document.readyState === 'complete'")
    page.press("o")
    page.wait("location.pathname.endsWith('diagnostics.html')")
    assert page.problems == []
    page.close()


# ---- sizes and colours


# what is cut off at the right, or lies there out of sight; tables scroll
BEYOND = """[...document.querySelectorAll('body *')].filter((part) => !part.closest('.wide, .u-wrap')
  && part.getBoundingClientRect().right > innerWidth).map((part) => part.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("width", [320, 390, 1920])
def test_no_page_is_wider_than_the_window(chromium, site, width):
    page = chromium.page(width=width, height=800)
    for address in addresses(site)[:2]:
        page.open(address)
        draw_all(page)
        page.settle()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
    page.close()


def test_a_title_is_one_line(chromium, long_site):
    page = chromium.page(width=390)
    page.open((long_site / "diagnostics.html").as_uri())
    draw_all(page)
    heights = page.evaluate("[...document.querySelectorAll('.title')].map((title) => title.offsetHeight)")
    assert len(heights) == len(PLOTS)
    assert max(heights) < 30
    page.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_long_words_make_no_page_wider(chromium, long_site, width):
    page = chromium.page(width=width, height=800)
    for address in addresses(long_site):
        page.open(address)
        page.settle()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        draw_all(page)
        page.evaluate("document.querySelectorAll('.thumbnails, .player').forEach((part) => part.scrollIntoView())")
        page.evaluate("document.querySelectorAll('input.mark').forEach((box) => box.click())")  # with the panel
        page.settle()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        assert page.evaluate(BEYOND) == [], address
    page.close()


@pytest.mark.parametrize("width", [390, 600, 768])
def test_pictures_of_a_frame_shrink_with_the_window(chromium, tmp_path, width):
    field = fakerun.Field(n_frames=1, width=900, height=600)
    field.write_frames(tmp_path)
    fill(tmp_path, field)
    diagnostics.render(tmp_path)
    page = chromium.page(width=width, height=800)
    page.open((tmp_path / ".diagnostics" / "mscience0217.fits.html").as_uri())
    open_all(page)
    page.show("#quickview img")
    box = "(({width, height}) => [width, height])(document.querySelector('#quickview img').getBoundingClientRect())"
    picture = page.evaluate(box)
    assert 0.8 * width < picture[0] < width
    assert picture[0] / picture[1] == pytest.approx(1.5, abs=0.02)
    assert page.evaluate(
        "[...document.querySelectorAll('figure')].every((each) => each.scrollWidth <= each.clientWidth)"
    )
    page.close()


@pytest.mark.parametrize("section", ["prepare", "distill"])
def test_the_tables_that_sum_up_a_run_fit_into_a_small_window(chromium, site, section):
    page = chromium.page(width=500, height=800)
    page.open((site / "diagnostics.html").as_uri())
    page.show(f"#{section} .folding")
    table = f"document.querySelector('#{section} .folding')"
    page.wait(f"{table}.querySelector('td').offsetWidth > 0")  # drawn when it comes into sight
    assert page.evaluate(f"{table}.scrollWidth <= {table}.clientWidth")
    page.resize(1300, 800)
    page.settle()
    lines = f"[...{table}.querySelectorAll('tr')].map((row) => row.offsetHeight)"
    assert max(page.evaluate(lines)) < 40  # one line each
    page.close()


def test_the_last_column_of_the_summary_of_a_tree_is_on_the_screen(chromium, tmp_path):
    losses = [[f"mscience{number:04d}.fits", "is not a FITS file; remove it from the list"] for number in range(9)]
    sets = [datatree.DataSet("night", ["a.fits"], 0), datatree.DataSet("broken", ["a.fits"], 1, "no frame", losses)]
    fill(tmp_path / "night", fakerun.Field())
    diagnostics.render(tmp_path / "night")
    with treesummary.TreeSummary(sets, tmp_path):
        pass
    page = chromium.page(width=1500, height=900)
    page.open((tmp_path / "summary.html").as_uri())
    assert page.evaluate("document.querySelector('.wide').scrollWidth <= document.querySelector('.wide').clientWidth")
    assert page.evaluate("document.querySelector('tbody td:nth-child(6)').innerText.length") > 20
    page.close()


def test_plots_follow_the_width_of_the_window(chromium, site):
    page = chromium.page(width=1300)
    page.open((site / "diagnostics.html").as_uri())
    show_plot(page, "#plot-fwhm")
    wide = page.evaluate("PP.plots.get('fwhm').u.width")
    page.resize(420, 800)
    page.wait(f"PP.plots.get('fwhm').u.width < Math.min(400, {wide})")
    page.close()


@pytest.mark.skipif(not AXE.is_file(), reason="no axe-core here; tools/bootstrap --dev fetches it where there is npm")
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_an_accessibility_checker_finds_nothing_serious(chromium, site, dark, width):
    for address in addresses(site)[:2]:
        page = chromium.page(width=width, dark=dark)
        page.open(address)
        draw_all(page)  # their buttons are made with them
        mark = "PP.mark ? PP.mark('target-3552', 0) : document.querySelector('input.mark').click()"
        page.evaluate(mark)  # with the panel
        page.settle()
        page.evaluate(AXE.read_text(encoding="utf-8") + "; true")
        found = page.evaluate(
            "axe.run(document, {resultTypes: ['violations']}).then((result) => result.violations.map((each) =>"
            " [each.impact, each.id, each.nodes.map((node) => node.html.slice(0, 120)).slice(0, 3)]))"
        )
        assert [each for each in found if each[0] in ("serious", "critical")] == [], address
        page.close()


@pytest.mark.parametrize("n_frames", [1, 2])
def test_the_shortest_runs_have_pages_as_well(chromium, tmp_path, n_frames):
    field = fakerun.Field(n_frames=n_frames)
    field.write_frames(tmp_path)
    for step in records.STEPS:
        record(step, MAKERS[step](field), tmp_path)
    diagnostics.render(tmp_path)
    check_pages(chromium, addresses(tmp_path), tmp_path.as_uri())
    page = chromium.page()
    page.open((tmp_path / "diagnostics.html").as_uri())
    open_section(page)
    page.move(*point(page, 0))
    assert "19.400 ± 0.013 mag" in page.text(f"{LIGHT_CURVE} .tip")
    page.close()
