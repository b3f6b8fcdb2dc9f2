"""The overview of a long run in a browser: its tables have few rows until they come near, and all of them then."""

import pytest

import browser
import diagnostics
import fakerun
from photometrypipeline.website import pages
from photometrypipeline.website.websettings import DiagnosticsSettings
from viewing import open_section
from website import check_website, fill

pytestmark = pytest.mark.skipif(browser.CHROMIUM is None, reason="no Chromium here; tools/bootstrap --dev installs it")
ROWS = "document.querySelectorAll('#{} tr[data-frame]').length"
TABLE = 'table[data-target="target-3552"]'
N_FRAMES = 400


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder, field = tmp_path_factory.mktemp("long"), fakerun.Field(n_frames=N_FRAMES)
    fill(folder, field, distill=fakerun.distill(field, rejected=(300,)))
    diagnostics.render(folder, DiagnosticsSettings(individual_frame_pages=False))
    check_website(folder)
    return folder / "diagnostics.html"


def test_rows_of_a_long_table_appear_when_it_comes_near_in_their_order(chromium, site):
    page = chromium.page()
    page.open(site.as_uri())
    page.settle()
    assert page.evaluate(ROWS.format("prepare")) == pages.FIRST_ROWS
    page.evaluate("document.querySelector('#prepare .wide').scrollIntoView()")
    page.wait(f"{ROWS.format('prepare')} === {N_FRAMES}")
    numbers = "[...document.querySelectorAll('#prepare tr[data-frame]')].map((row) => Number(row.dataset.frame))"
    assert page.evaluate(numbers) == list(range(N_FRAMES))
    assert page.evaluate("document.querySelectorAll('#prepare noscript').length") == 0 and page.problems == []


def test_rows_of_a_target_that_appear_later_can_be_marked_bad(chromium, site):
    page = chromium.page()
    page.open(site.as_uri())
    open_section(page)
    page.evaluate(f"document.querySelector('{TABLE}').scrollIntoView()")
    page.wait(f"document.querySelectorAll('{TABLE} tr[data-frame]').length === {N_FRAMES}")
    boxes = f"[...document.querySelectorAll('{TABLE} input.mark')].map((box) => Number(box.dataset.frame))"
    assert page.evaluate(boxes) == [n for n in range(N_FRAMES) if n != 300]  # that one does not count anyway
    page.evaluate("document.querySelector('input.mark[data-frame=\"355\"]').click()")
    assert "1 " in page.text("#rejection b") and page.problems == []


def test_all_rows_are_there_on_paper_and_without_scripts(chromium, site):
    page = chromium.page()
    page.open(site.as_uri())
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(ROWS.format("prepare")) == N_FRAMES == page.evaluate(ROWS.format("register"))
    page.close()
    page = chromium.page(scripts=False)
    page.open(site.as_uri())
    assert page.evaluate(ROWS.format("prepare")) == N_FRAMES
