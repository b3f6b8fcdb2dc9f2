"""The reference stars of a night on the page: table, map and plots, and the command that leaves some of them out."""

import shlex

import pytest

import browser
import diagnostics
import fakerun
from photometrypipeline.calibration import starlist
from photometrypipeline.frames import recordtypes
from viewing import draw_all, opened, point, show_plot
from website import cells, check_website, fill, page

NONE = "no Chromium here; tools/bootstrap --dev installs it"
needs_browser = pytest.mark.skipif(browser.CHROMIUM is None, reason=NONE)


@pytest.fixture(scope="module")
def night_site(tmp_path_factory):
    folder, field = tmp_path_factory.mktemp("night"), fakerun.Field(n_frames=7)
    field.write_frames(folder)
    field.write_catalog(folder)
    (folder / "photometry_3552.dat").write_text("#\n")
    distill = fakerun.distill(field) | {"images": field.names, "arguments": []}
    fill(folder, field, calibrate=fakerun.calibrate_night(field, strangers=["HD 1"]), distill=distill)
    diagnostics.render(folder)
    return folder


@pytest.fixture
def night_page(chromium, night_site):
    with opened(chromium, night_site) as page_of_night:
        yield page_of_night


def rows(night_site):
    table = page(night_site / "diagnostics.html").find("div", {"aria-label": "Reference stars"})
    return cells(table), [row.get("class") for row in table.find_all("tr")][1:]


def test_the_table_shows_what_each_star_does_with_those_left_out_first(night_site):
    check_website(night_site)
    (head, *lines), _ = rows(night_site)
    assert len(lines) == 22
    assert [line[-1] for line in lines[:2]] == ["left out by hand"] * 2
    names, mags = [line[1] for line in lines], [float(line[5]) for line in lines]
    assert [name for _, name in sorted(zip(mags, names, strict=True))] == [f"C{count}" for count in range(1, 23)]
    assert dict(zip(head[6:], lines[2][6:], strict=True)) == {
        "Colour": "0.60", "Offset (mmag)": "+10.0 ± 2.0", "Scatter (mmag)": "10.0", "Expected": "10.0",
        "Weight": "1.00", "Frames": "7",
        "Without it the target moves by (mmag)": "-2.10",
    }  # fmt: skip


def test_without_a_solution_of_the_night_there_are_no_such_stars(tmp_path):
    field = fakerun.Field(n_frames=2)
    fill(tmp_path, field)
    diagnostics.render(tmp_path)
    assert page(tmp_path / "diagnostics.html").find(id="reference-stars") is None


@needs_browser
def test_stars_marked_in_table_map_and_plot_come_out_as_commands(night_page, tmp_path):
    shown = night_page.evaluate("PP.data.stars.map(({line}) => line)")
    assert night_page.evaluate("document.querySelector('#rejection').hidden")
    assert night_page.evaluate("[0, 1, 2].map((star) => PP.starMarked(star))") == [True, True, False]
    draw_all(night_page)  # plots that are drawn later move what is below them
    night_page.evaluate("document.querySelector('tr[data-star=\"2\"] input').click()")
    assert "moves by about −2.10 mmag" in night_page.text("#rejection [role=status]")
    assert night_page.evaluate("document.querySelector('circle[data-star=\"2\"]').classList.contains('left')")
    click = "dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    night_page.evaluate(f"document.querySelector('circle[data-star=\"0\"]').{click}")
    assert not night_page.evaluate("document.querySelector('tr[data-star=\"0\"] input').checked")  # counts again
    show_plot(night_page, "#plot-star-scatter")
    night_page.evaluate("document.querySelector('#plot-star-scatter button[aria-pressed]').click()")
    night_page.click(*point(night_page, 0, "#plot-star-scatter"))
    brightest = night_page.evaluate("PP.data.plots['star-scatter'].stars[0]")
    expected = sorted({1, 2, brightest})
    first, *middle, last, calibrate, distill = night_page.text("#rejection pre").splitlines()
    assert (first, last) == ("cat > left_out_stars.lst <<'END'", "END")
    assert middle == [shown[star] for star in expected] + ["HD 1"]
    options = ["-exclude_stars", "left_out_stars.lst", "-catalog", "it's mine"]
    assert shlex.split(calibrate)[:-1] == ["pp_calibrate", *options]
    assert distill == "pp_distill mscience02*.fits"
    (tmp_path / "left_out_stars.lst").write_text("\n".join(middle))
    assert starlist.read(tmp_path / "left_out_stars.lst").names == middle
    night_page.evaluate("[...document.querySelectorAll('#rejection button')].at(-1).click()")  # forget
    assert night_page.evaluate("document.querySelector('#rejection').hidden")


@needs_browser
def test_marks_of_stars_and_of_observations_are_two_lists_in_one_command(night_page):
    night_page.evaluate("PP.mark('target-3552', 1)")
    assert "pp_calibrate" not in night_page.text("#rejection pre")  # what was left out before stays left out
    night_page.evaluate("PP.markStar(5)")
    assert night_page.text("#rejection pre").splitlines()[-4:] == [
        "cat > rejected.lst <<'END'",
        "mscience0218.fits 3552",
        "END",
        "pp_distill -exclude rejected.lst mscience02*.fits",
    ]
    assert night_page.evaluate("document.querySelectorAll('tr[data-frame] input.mark:checked').length") == 1


@needs_browser
def test_a_star_that_is_looked_at_is_lit_up_everywhere(night_page):
    night_page.evaluate("PP.lookAtStar(4, null)")
    assert night_page.evaluate("document.querySelector('tr[data-star=\"4\"]').classList.contains('looked')")
    assert night_page.evaluate("document.querySelector('circle[data-star=\"4\"]').classList.contains('here')")


def test_lines_of_a_list_are_names_where_these_are_names(tmp_path):
    idents = ["123456", "10.5 20.5", "a", "A", "", "b # c", "TYC 1-2-3"]
    ra_deg, dec_deg = [float(10 + count) for count in range(7)], [-5.0] * 7
    lines = starlist.lines_for(idents, ra_deg, dec_deg)
    assert [line in idents for line in lines] == [True, False, False, False, False, False, True]
    (tmp_path / "list").write_text("\n".join(lines))
    found = starlist.read(tmp_path / "list")
    for count in range(7):
        assert found.covers([idents[count]], [ra_deg[count]], [dec_deg[count]]).all()
    assert not found.covers(["c"], [99.0], [-5.0]).any()


def test_the_record_keeps_what_was_left_out(tmp_path):
    field = fakerun.Field(n_frames=2)
    fill(tmp_path, field, calibrate=fakerun.calibrate_night(field))
    assert [type(star) for star in diagnostics.read_records(tmp_path)["calibrate"].left_out] == [
        recordtypes.StarLeftOut
    ] * 2


@needs_browser
def test_a_range_that_begins_just_below_a_decade_can_be_drawn(night_page):
    """The ticks of the library never ended there, and the page did not answer any more."""
    show_plot(night_page, "#plot-star-scatter")
    ticks = night_page.evaluate(
        "(() => { const plot = PP.plots.get('star-scatter'); plot.spec.series.forEach((each) => {"
        " each.value = each.value.map((value, index) => (index ? 0.08925 : 0.00139)); });"
        " plot.draw(); return new Promise((done) => setTimeout(() => done(plot.u.axes[1]._splits), 200)); })()"
    )
    assert (ticks[0], ticks[9], ticks[-1]) == (0.001, 0.01, 0.1) and len(ticks) == 19
