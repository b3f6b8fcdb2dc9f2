"""Bad points, marked on the overview and on pages of frames in a real browser: both agree, and a command comes out."""

import pytest

import browser
from viewing import LIGHT_CURVE, go_back, open_section, point, show_plot

pytestmark = pytest.mark.skipif(browser.CHROMIUM is None, reason="no Chromium here; tools/bootstrap --dev installs it")


def test_marked_points_make_the_command_that_takes_them_out(overview):
    assert overview.evaluate("document.querySelector('#rejection').hidden")  # as the last run had it
    show_plot(overview)
    overview.evaluate(f"document.querySelector('{LIGHT_CURVE} button[aria-pressed]').click()")
    overview.click(*point(overview, 1))
    box = "input.mark[data-target='target-3552'][data-frame='%d']"
    assert overview.evaluate(f'document.querySelector("{box % 1}").checked')
    assert overview.evaluate(f'document.querySelector("{box % 4}").checked')  # taken out before
    assert overview.text("#rejection pre").splitlines() == [
        "cat > rejected.lst <<'END'",
        "mscience0218.fits 3552",
        "mscience0221.fits 3552",
        "END",
        "pp_distill -exclude rejected.lst -target 'it'\"'\"'s 3552' mscience02*.fits",
    ]
    overview.evaluate(f'document.querySelector("{box % 4}").click()')
    overview.click(*point(overview, 1))
    assert overview.text("#rejection pre") == "pp_distill -target 'it'\"'\"'s 3552' mscience02*.fits"
    assert overview.evaluate("location.pathname").endswith("diagnostics.html")  # marking opens no page


def test_rows_rejected_by_a_schema_cannot_be_marked_and_all_others_can(overview):
    count = "document.querySelectorAll('input.mark[data-target=\"%s\"]').length"
    assert overview.evaluate(count % "target-3552") == 5  # of seven one is rejected, one not seen
    assert overview.evaluate(count % "target-control-star") == 0  # its section is closed
    open_section(overview, "target-control-star")
    overview.wait(count % "target-control-star" + " === 7")


def test_marks_outlast_a_visit_to_a_frame(overview):
    overview.evaluate("PP.mark('target-3552', 0)")
    overview.evaluate("document.querySelector('td a[href*=mscience0217]').click()")
    overview.wait("location.pathname.endsWith('mscience0217.fits.html')")
    overview.evaluate("document.querySelector('nav a[rel=up]').click()")
    overview.wait("location.pathname.endsWith('diagnostics.html') && typeof PP === 'object' && !!PP.players")
    assert overview.evaluate("PP.marked('target-3552', 0)")
    overview.evaluate("[...document.querySelectorAll('#rejection button')].at(-1).click()")  # forget
    assert not overview.evaluate("PP.marked('target-3552', 0)")


@pytest.mark.parametrize("other", ["sessionStorage.clear()", "window.name = ''"])
def test_marks_go_with_the_window_where_one_way_to_keep_them_fails(overview, other):
    """Firefox gives each file a session store of its own; other sites that are visited meanwhile take the name."""
    overview.evaluate("PP.mark('target-3552', 0)")
    overview.evaluate(other)
    overview.evaluate("document.querySelector('td a[href*=mscience0217]').click()")
    overview.wait("location.pathname.endsWith('mscience0217.fits.html') && document.readyState === 'complete'")
    assert overview.evaluate("document.querySelector('#target-3552 input.mark').checked")


def test_a_name_that_somebody_else_gave_the_window_stays(overview):
    overview.evaluate("window.name = 'results of tonight'")
    overview.evaluate("PP.mark('target-3552', 0)")
    assert overview.evaluate("window.name") == "results of tonight"
    overview.evaluate("window.name = 'photometry pipeline {'")  # cut off
    overview.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    assert overview.evaluate("PP.marked('target-3552', 0)")


BOX = "document.querySelector('#target-3552 input.mark')"
PANEL = "document.querySelector('#rejection')"


@pytest.fixture
def frame_page(chromium, site):
    """The page of the second frame in a new tab, at its target."""
    page = chromium.page()
    page.open((site / ".diagnostics" / "mscience0218.fits.html").as_uri() + "#target-3552")
    page.settle()
    yield page
    assert page.problems == []
    page.close()


def to_overview(page):
    page.press("o")
    page.wait("location.pathname.endsWith('diagnostics.html') && typeof PP === 'object' && !!PP.players")


def test_an_observation_is_marked_on_the_page_of_its_frame_as_well(frame_page):
    assert frame_page.evaluate(f"{PANEL}.hidden")
    frame_page.click(*frame_page.show("#target-3552 input.mark"))
    assert not frame_page.evaluate(f"{PANEL}.hidden")
    assert frame_page.text("#rejection [role=status]") == "2 observations marked bad."  # one by the last run
    frame_page.evaluate(f"{PANEL}.querySelector('a').click()")
    frame_page.wait("location.pathname.endsWith('diagnostics.html') && typeof PP === 'object' && !!PP.players")
    assert frame_page.text("#rejection [role=status]") == "2 observations marked bad."
    assert "\nmscience0218.fits 3552\nmscience0221.fits 3552\nEND" in frame_page.text("#rejection pre")
    frame_page.evaluate("PP.mark('target-3552', 1)")
    go_back(frame_page)
    frame_page.wait("location.pathname.endsWith('mscience0218.fits.html') && document.readyState === 'complete'")
    assert not frame_page.evaluate(f"{BOX}.checked")
    assert frame_page.evaluate(f"{PANEL}.hidden")


def test_frames_are_marked_by_keys_while_these_lead_through_the_run(frame_page):
    for frame in ("mscience0219", "mscience0220", "mscience0221"):
        frame_page.press("x")
        frame_page.press("ArrowRight")
        frame_page.wait(f"location.pathname.endsWith('{frame}.fits.html') && document.readyState === 'complete'")
    assert frame_page.evaluate(f"{BOX}.checked")  # by the last run
    assert frame_page.text("#rejection [role=status]") == "3 observations marked bad."
    to_overview(frame_page)
    marked = "PP.data.targets[%r].rows.filter((row) => PP.marked(%r, row.frame)).map((row) => row.frame)"
    assert frame_page.evaluate(marked % (("target-3552",) * 2)) == [1, 2, 4]
    assert frame_page.evaluate(marked % (("target-control-star",) * 2)) == []  # 0220 has a box for this one only


def test_a_box_is_named_reached_by_the_tab_key_and_leaves_the_arrows_to_the_page(frame_page):
    frame_page.evaluate(f"{BOX}.focus()")
    assert frame_page.evaluate(f"document.activeElement === {BOX}")
    frame_page.press(" ", text=" ")
    assert frame_page.evaluate(f"{BOX}.checked")
    assert frame_page.evaluate(f"{BOX}.labels[0].textContent").strip() == "mark this observation of 3552 bad"
    frame_page.press("ArrowRight")
    frame_page.wait("location.pathname.endsWith('mscience0219.fits.html')")


def test_a_page_that_was_kept_whole_learns_of_marks_made_meanwhile(overview):
    overview.evaluate("PP.mark('target-3552', 0)")
    overview.evaluate("window.name = ''")
    overview.evaluate("sessionStorage.setItem(sessionStorage.key(0), JSON.stringify({3552: ['mscience0218.fits']}))")
    overview.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    assert overview.text("#rejection [role=status]") == "1 observation marked bad."
    assert "\nmscience0218.fits 3552\nEND" in overview.text("#rejection pre")


def test_the_page_of_a_frame_marks_nothing_that_the_overview_cannot(chromium, site):
    page = chromium.page()
    boxes = "[...document.querySelectorAll('input.mark')].map((box) => box.dataset.target)"
    page.open((site / ".diagnostics" / "mscience0220.fits.html").as_uri())  # rejected by a schema
    assert page.evaluate(boxes) == ["Control Star"]
    page.open((site / ".diagnostics" / "mscience0223.fits.html").as_uri())  # not seen
    assert page.evaluate(boxes) == ["Control Star"]
    page.close()
    page = chromium.page(scripts=False)
    page.open((site / ".diagnostics" / "mscience0218.fits.html").as_uri())
    assert page.evaluate(f"{BOX}.offsetWidth") == 0
    page.close()
