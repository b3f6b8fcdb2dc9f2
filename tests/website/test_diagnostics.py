"""The website: what the pages say for given records, whatever is missing or hostile in them."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from bs4 import BeautifulSoup

import browser
import diagnostics
import fakerun
from photometrypipeline.frames import records
from photometrypipeline.website import plots
from website import SCRIPTS, cells, check_website, facts, fill, main_page, page, record, words


@pytest.fixture
def field():
    return fakerun.Field(n_frames=3)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A complete data set with frames, records of all steps, and its website; to be looked at only."""
    folder, field = tmp_path_factory.mktemp("finished"), fakerun.Field(n_frames=3)
    field.write_frames(folder)
    field.write_catalog(folder)
    for name in ("3552", "Control_Star"):
        (folder / f"photometry_{name}.dat").write_text("#\n")
    fill(folder, field)
    diagnostics.render(folder)
    return folder


@pytest.fixture
def run(finished, tmp_path):
    """A copy of it to work with."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


# ---- main page


def test_head_and_data_summary(finished):
    section = main_page(finished).find(id="prepare")
    assert facts(section) == {
        "Data Directory": "/data/2017-02-02/3552",
        "Telescope/Instrument": "VATT/VATT4k (VATT4K)",
        "Number of Frames": "3",
        "Raw Filter Identifier": "TOP 1 BOT 1",
        "Translated Filter Identifier": "V",
        "Log File": "LOG",
    }
    header, first, *_ = cells(section.find_all("table")[1])
    assert header[:5] == ["Idx", "Filename", "Observation Midtime (UT)", "Object Name", "Filter"]
    # 300 x 200 px of 0.25" in 2 x 2 binning
    assert first[2:] == ["2017-02-02 10:57", "3552", "V", "1.16", "180.0", "0.25 x 0.25", "2 x 2", "2.5 x 1.7"]
    assert main_page(finished).title.get_text() == "3552, 2017-02-02, V, VATT4K"
    assert page(finished / ".diagnostics" / "mscience0217.fits.html").title.get_text() == (
        "mscience0217.fits, 2017-02-02, V, VATT4K"
    )


def test_the_first_screen_has_the_result(finished):
    soup = main_page(finished)
    assert soup.h1.get_text() == "3552 Don Quixote (1983 SA)"
    assert words(soup.header).endswith("2017-02-02 · V · VATT/VATT4k · 3 frames")
    lead = soup.find(id="lead")
    assert words(lead.find("div", "verdict")) == "Good The light curve can be used as it is."
    mags = [fakerun.TARGET_MAG + 0.15 * np.sin(count / 2) for count in range(3)]
    told = words(lead.find("ul", "numbers"))
    assert told.startswith(f"{np.mean(mags):.3f} mag in V (Vega), mean ± {0.0131 / 3**0.5:.3f} noise")
    assert f"{np.std(mags, ddof=1):.3f} mag standard deviation" in told
    assert "3 of 3 frames 0 rejected" in told and told.endswith(
        "mag scatter of a constant star Control Star; its noise explains 0.013 mag"
    )
    assert [link.get_text() for link in lead.find("p", "downloads").find_all("a")] == [
        "photometry_3552.dat",
        "photometry.db",
    ]
    assert lead.find(id="plot-target-3552") and lead.find("div", "player")
    assert lead.find("div", attrs={"data-chart": True}).img["src"] == ".diagnostics/mscience0218.fits.png"


def test_the_directory_is_where_the_data_set_lies_unless_the_record_says_otherwise(tmp_path, field):
    diagnostics.record("prepare", fakerun.prepare(field, directory=None), tmp_path)
    diagnostics.render(tmp_path)
    assert facts(main_page(tmp_path))["Data Directory"] == str(tmp_path.resolve())


def test_an_untranslated_filter_and_several_raw_ones_are_named(tmp_path, field):
    diagnostics.record("prepare", fakerun.prepare(field) | {"band": None, "raw_filters": ["clear", "VR"]}, tmp_path)
    diagnostics.render(tmp_path)
    shown = facts(main_page(tmp_path))
    assert shown["Translated Filter Identifier"] == "not translated"
    assert shown["Raw Filter Identifier"] == "clear, VR"


def test_registration_says_who_is_lost_and_why(tmp_path, field):
    fill(tmp_path, field, register=fakerun.register(field, lost=(1,)))
    diagnostics.render(tmp_path)
    section = main_page(tmp_path).find(id="register")
    assert "1 file could not be registered: mscience0218.fits : contrasts below the limits" in words(section)
    bad, good = cells(section.find("table"))[1:3]  # trouble first
    assert good[1:7] == ["58.2", "28.1", "0.071", "0.065", "1.2e+03", "1.2e-02"]
    assert good[8:] == ["512", "own fit, cubic", "registered"]
    assert bad[-1] == "not registered : contrasts below the limits"
    assert section.find("tr", "lost").find("td").get_text() == "mscience0218.fits"


def test_registration_of_all_of_none_and_skipped(tmp_path, field):
    told = []
    for lost, skipped in (((), False), ((0, 1, 2), False), ((0, 1, 2), True)):
        diagnostics.record("register", fakerun.register(field, lost=lost) | {"skipped": skipped}, tmp_path)
        diagnostics.render(tmp_path)
        told.append(words(main_page(tmp_path).find(id="register")))
    assert "All frames registered." in told[0]
    assert "3 files could not be registered:" in told[1]
    assert "Registration was skipped" in told[2]
    assert "could not be registered" not in told[2]


def test_instrumental_photometry(finished):
    section = main_page(finished).find(id="photometry")
    shown = facts(section)
    assert shown["Aperture Radius (px)"] == "4.53"
    assert shown["Source Extractor MINAREA (px)"] == "12.0"
    assert shown["Aperture Radius Basis"] == "3 target detections and 150 background sources"
    plots = [image["src"] for image in section.find_all("img")]
    assert plots == [".diagnostics/curve_of_growth.png", ".diagnostics/fwhm.png"]
    assert [figure["id"] for figure in section.find_all("figure")] == ["plot-growth", "plot-growth-snr", "plot-fwhm"]


def test_an_aperture_set_by_hand_has_a_table_and_fwhm_but_no_curve(tmp_path, field):
    by_hand = fakerun.photometry(field) | {"curve": None, "basis": "set by hand", "n_target": None, "gain_known": False}
    fill(tmp_path, field, photometry=by_hand)
    diagnostics.render(tmp_path)
    section = main_page(tmp_path).find(id="photometry")
    assert facts(section)["Aperture Radius Basis"] == "set by hand"
    assert "no photon noise" in facts(section)["Gain"]
    assert [image["src"] for image in section.find_all("img")] == [".diagnostics/fwhm.png"]


def test_calibration_table(tmp_path, field):
    fill(tmp_path, field, calibrate=fakerun.calibrate(field, lost=(1,)))
    diagnostics.render(tmp_path)
    section = main_page(tmp_path).find(id="calibrate")
    shown = facts(section)
    assert shown["Reference Catalog"] == "SDSS-R9_transformed"
    assert shown["Reference Catalog History"] == "612 sources downloaded, 540 transformed to V (Vega)"
    assert cells(section.find_all("table")[1])[1:] == [
        ["mscience0217.fits", "25.0000", "0.0283", "0.0051", "20", "30", "calibrated"],
        ["mscience0218.fits", "—", "—", "—", "0", "2", "not calibrated : 2 reference stars, at least 3 are needed"],
        ["mscience0219.fits", "24.9600", "0.0283", "0.0051", "20", "30", "calibrated"],
    ]
    assert section.find(id="plot-zeropoints")


def test_a_new_plot_needs_no_more_than_its_description(tmp_path, field, monkeypatch):
    """Whoever adds one touches plots.py, and plots.js for points that look like no others."""
    one = plots.Series("dot red", [1.0, 3.0], error=[0.1, 0.2])
    added = plots.Plot(
        "seeing", "calibrate", "A new one", plots.Axis("x"), plots.Axis("y"), [1, 2], [one], file="seeing"
    )
    known = plots.of_run
    monkeypatch.setattr(plots, "of_run", lambda view, stars: [*known(view), added])
    fill(tmp_path, field)
    diagnostics.render(tmp_path)
    check_website(tmp_path)
    soup = main_page(tmp_path)
    assert soup.find(id="calibrate").find(id="plot-seeing")
    assert json.loads(soup.find(id="data").string)["plots"]["seeing"]["series"][0]["value"] == [1.0, 3.0]
    assert (tmp_path / ".diagnostics" / "seeing.png").is_file()


def test_zeropoints_set_by_hand_and_instrumental_runs_say_so(tmp_path, field):
    found, none = fakerun.calibrate(field, lost=range(3)), {"catalog": None, "catalog_history": None, "magsys": None}
    by_hand = [frame | {"zp_mag": 24.5, "zp_sig_mag": 0.05, "reason": None} for frame in found["frames"]]
    diagnostics.record("calibrate", found | none | {"mode": "manual", "frames": by_hand}, tmp_path)
    diagnostics.render(tmp_path)
    assert "The zeropoint was set by hand: 24.5000 ± 0.0500 mag." in words(main_page(tmp_path))
    without = [frame | {"reason": "no catalogue has band V here"} for frame in found["frames"]]
    diagnostics.record("calibrate", found | none | {"mode": "instrumental", "frames": without}, tmp_path)
    diagnostics.render(tmp_path)
    told = words(main_page(tmp_path).find(id="calibrate"))
    assert "Instrumental magnitudes are reported" in told
    assert told.count("no catalogue has band V here") == 1


def test_results_of_the_target_before_the_control_star_and_rejected_rows_with_their_reason(tmp_path, field):
    fill(tmp_path, field, distill=fakerun.distill(field, rejected=(1,)))
    (tmp_path / "photometry_3552.dat").write_text("#\n")
    diagnostics.render(tmp_path)
    section = main_page(tmp_path).find(id="distill")
    assert [heading.get_text() for heading in section.find_all("h3")] == ["3552", "Control Star"]
    first = fakerun.TARGET_MAG
    mean, scatter = first + 0.15 * np.sin(1) / 2, 0.15 * np.sin(1) / 2**0.5  # of two values
    overview = cells(section.find("table"))[1]
    assert overview == ["3552", "primary", "V", f"{mean:.3f}", f"{scatter:.3f}", "2", "0", "1", "photometry_3552.dat"]
    block = section.find(id="target-3552")
    assert block.find("a", string="photometry_3552.dat")["href"] == "photometry_3552.dat"
    rows = cells(block.find("table"))[1:]
    assert [row[-1] for row in rows] == ["accepted", "rejected : pos", "accepted"]
    assert rows[0][2:7] == ["2017-02-02 10:57", "2457786.9566372", "19.400 ± 0.013", "—", "-5.600 ± 0.012"]
    assert section.find("a", string="photometry_Control_Star.dat") is None  # that file is not there


def test_non_detections_have_a_table_and_their_frame_says_so(tmp_path, field):
    fill(tmp_path, field, distill=fakerun.distill(field, unseen=(1,)))
    diagnostics.render(tmp_path)
    section = main_page(tmp_path).find(id="target-3552_unseen")
    row = cells(section.find("table"))[1]
    assert (row[0], row[4], row[7]) == ("mscience0218.fits", "12 ± 30", "20.100")
    block = page(tmp_path / ".diagnostics" / "mscience0218.fits.html").find(id="target-3552")
    assert words(block) == "not detected : fainter than 20.10 mag (3 σ) at the predicted place; not detected"
    check_website(tmp_path)


def test_a_target_without_accepted_rows_and_a_run_without_targets_say_so(tmp_path, field):
    fill(tmp_path, field, distill=fakerun.distill(field, rejected=(0, 1, 2)))
    diagnostics.render(tmp_path)
    block = main_page(tmp_path).find(id="target-3552")
    assert "No accepted row" in words(block)
    assert not block.find_all("img")
    record("distill", fakerun.distill(field) | {"targets": []}, tmp_path)
    diagnostics.render(tmp_path)
    assert "No target was found" in words(main_page(tmp_path).find(id="distill"))


def test_the_head_tells_what_came_of_each_step_in_words_and_colour(tmp_path, field):
    rejected = fakerun.distill(field, rejected=(0, 1, 2))
    fill(tmp_path, field, register=fakerun.register(field, lost=(1,)), distill=rejected)
    diagnostics.render(tmp_path)
    items = main_page(tmp_path).find("ul", "verdicts")("li", recursive=False)
    told = {item.b.get_text(): (words(item), item["class"]) for item in items}
    assert told["Registration"][0].startswith("Registration doubtful 2 of 3 frames registered")
    assert told["Registration"][1] == ["doubtful"]
    assert told["Calibration"][0].startswith("Calibration good stars scatter by 0.028 mag around the zeropoint (24.980")
    assert told["Target"][0].startswith("Target failed 3552: 0 of 3 rows accepted")
    assert told["Target"][1] == ["failed"]


def test_comment_markers_of_the_steps_stay_for_programs_that_read_pages(finished):
    text = (finished / "diagnostics.html").read_text()
    assert sorted(re.findall(r"<!-- (pp_\w+) -->", text)) == sorted(f"pp_{step}" for step in records.STEPS)


# ---- frame pages


def test_frame_page_with_head_neighbours_and_target(finished):
    soup = page(finished / ".diagnostics" / "mscience0217.fits.html")
    shown = facts(soup)
    assert shown["RA"] == "179.30000 deg (11 57 12.00)"
    assert shown["Dec"] == "+0.43000 deg (+00 25 48.0)"
    assert shown["Observation Midtime"].startswith("2017-02-02 10:57:33 UT")
    neighbours = [link["href"] for link in soup.nav.find_all("a")]
    assert neighbours == ["mscience0219.fits.html", "../diagnostics.html", "mscience0218.fits.html"]  # a ring
    target = soup.find(id="target-3552")
    assert facts(target)["Apparent Magnitude"] == "19.400 ± 0.013 (V)"
    assert facts(target)['RA Offset from Prediction (")'] == "+0.30"
    images = [image["src"] for image in target.find_all("img")]
    assert images == ["3552_mscience0217_thumb.png"]
    headings = [heading.get_text() for heading in soup.find_all("h2")]
    assert headings[-2:] == ["3552 Photometry", "Control Star Photometry"]


def test_sections_are_closed_or_open_at_the_start(finished):
    soup = page(finished / ".diagnostics" / "mscience0217.fits.html")
    states = {part.find(["h2", "h3"]).get_text(): part.has_attr("open") for part in soup.find_all("details")}
    assert states == {
        "Quickview Image": False,
        "Astrometric Registration": False,
        "Photometric Calibration": False,
        "Calibration Analysis": True,
        "Calibration Map": False,
        "Calibration Data Table": False,
        "3552 Photometry": True,
        "Control Star Photometry": True,
    }
    targets = main_page(finished).find(id="distill").find_all("details", recursive=False)
    assert [part.has_attr("open") for part in targets] == [True, False]  # the control star is closed


def test_calibration_of_a_frame_lists_the_stars_used(finished, field):
    soup = page(finished / ".diagnostics" / "mscience0218.fits.html")
    rows = cells(soup.find(id="calibration-table").find("table"))
    assert len(rows) == 21  # twenty of thirty were used
    star = rows[1]
    mag, used = field.mag[1], np.arange(30) % 3 != 0  # the first one is an outlier
    assert star[:2] == [f"C{1 + sum(field.mag[used] < mag)}", "1237648720000000001"]
    assert star[4] == f"{mag:.3f} ± 0.020"
    assert star[6] == f"{mag:.3f} ± {np.hypot(0.0283, 0.003 + 0.002 / 3):.3f}"
    assert float(star[7]) == 0
    assert facts(soup.find(id="calibration"))["Zeropoint (mag)"] == "24.9800 ± 0.0283"


def test_a_rejected_row_has_words_and_no_picture_and_the_way_along_the_target_includes_it(tmp_path, field):
    field.write_frames(tmp_path)
    fill(tmp_path, field, distill=fakerun.distill(field, rejected=(1,)))
    diagnostics.render(tmp_path)
    rejected = page(tmp_path / ".diagnostics" / "mscience0218.fits.html").find(id="target-3552")
    assert "rejected : pos" in words(rejected)
    assert not rejected.find_all("img")
    before = page(tmp_path / ".diagnostics" / "mscience0217.fits.html").find(id="target-3552")
    assert before.nav.find_all("a")[-1]["href"] == "mscience0218.fits.html#target-3552"


# ---- the website as a whole


def test_every_file_is_there_under_its_documented_name_and_all_links_live(finished, field):
    pages_checked = check_website(finished)
    assert len(pages_checked) == 4
    present = {path.name for path in (finished / ".diagnostics").iterdir()}
    expected = {"curve_of_growth.png", "fwhm.png", "zeropoints.png", "diagnostics_stylesheet.css", "icon.svg"}
    expected |= {"uPlot.min.css", "uPlot_LICENSE.txt", *SCRIPTS}
    for target in ("3552", "Control_Star"):
        expected |= {f"{target}.png", f"{target}.gif"}
        for name in field.names:
            stem = name.removesuffix(".fits")
            expected |= {f"{target}_{stem}_thumb.png", f"{name}.html", f"{name}.png"}
    assert present == expected | {f"{step}.json" for step in records.STEPS} | {"pictures.json"}


def test_rendering_again_changes_nothing_and_keeps_the_pictures(run):
    def state():
        return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (run / ".diagnostics").glob("*.*")}

    main, before = (run / "diagnostics.html").read_bytes(), state()
    diagnostics.render(run)
    after = state()
    assert (run / "diagnostics.html").read_bytes() == main
    assert {path: content for path, (content, _) in after.items()} == {path: old for path, (old, _) in before.items()}
    drawn = [path for path in after if path.suffix in (".png", ".gif")]
    assert [after[path][1] for path in drawn] == [before[path][1] for path in drawn]


def test_a_plot_is_drawn_again_when_its_numbers_change_and_others_are_not(run, field):
    place = run / ".diagnostics"
    before = {path.name: path.stat().st_mtime_ns for path in place.glob("*.png")}
    changed = fakerun.distill(field)
    changed["targets"][1].rows[0].mag += 0.5
    record("distill", changed, run)
    diagnostics.render(run)
    redrawn = {path.name for path in place.glob("*.png") if path.stat().st_mtime_ns != before[path.name]}
    assert redrawn == {"3552.png"}


def test_a_picture_that_a_power_failure_has_emptied_is_drawn_again(run):
    picture = run / ".diagnostics" / "3552.png"
    before = picture.read_bytes()
    picture.write_bytes(b"")
    diagnostics.render(run)
    assert picture.read_bytes() == before


def test_pages_and_pictures_of_frames_that_are_gone_are_removed_and_other_files_are_not(run, field):
    (run / ".diagnostics" / "notes.txt").write_text("mine")
    fewer = fakerun.Field(n_frames=1)
    fill(run, fewer)
    diagnostics.render(run)
    present = {path.name for path in (run / ".diagnostics").iterdir()}
    assert not [name for name in present if "0218" in name or "0219" in name]
    assert {"mscience0217.fits.html", "notes.txt", "distill.json"} <= present
    check_website(run)


def test_the_data_set_can_be_moved(run, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("else where") / "50% of #1"
    shutil.move(run, elsewhere)
    check_website(elsewhere)
    diagnostics.render(elsewhere)
    check_website(elsewhere)
    written = [elsewhere / "diagnostics.html", *(elsewhere / ".diagnostics").glob("*.html")]
    assert not [path for path in written if str(run) in path.read_text()]


@pytest.mark.parametrize("step", records.STEPS)
def test_one_record_alone_makes_a_website(tmp_path, field, step):
    fill(tmp_path, field, **{name: None for name in records.STEPS if name != step})
    diagnostics.render(tmp_path)
    check_website(tmp_path)
    assert main_page(tmp_path).find(id=step) is not None


def test_without_frames_the_pages_have_plots_but_no_pictures_of_them(tmp_path, field):
    fill(tmp_path, field)
    (tmp_path / field.names[0]).write_text("no FITS file")
    diagnostics.render(tmp_path)
    check_website(tmp_path)
    assert not list((tmp_path / ".diagnostics").glob("*thumb*"))
    assert (tmp_path / ".diagnostics" / "3552.png").is_file()


# ---- what is missing, or failed; and a browser


def test_a_step_that_failed_as_a_whole_has_a_section_that_the_verdict_leads_to(tmp_path, field):
    diagnostics.record("prepare", fakerun.prepare(field), tmp_path)
    diagnostics.record_failure("register", "VizieR: GAIA-DR3 could not be reached", tmp_path)
    diagnostics.render(tmp_path)
    check_website(tmp_path)
    soup = main_page(tmp_path)
    assert "pp_register failed" in words(soup.find(id="register"))
    (link,) = soup.select(".verdicts a[href='#register']")
    assert "could not be reached" in link.find_parent("li").get_text()


def test_a_single_frame_has_an_animation_as_well(tmp_path):
    field = fakerun.Field(n_frames=1)
    field.write_frames(tmp_path)
    fill(tmp_path, field)
    diagnostics.render(tmp_path)
    check_website(tmp_path)
    frame = page(tmp_path / ".diagnostics" / f"{field.names[0]}.html")
    assert {link["href"] for link in frame.find_all("a", string="animation")} == {"3552.gif", "Control_Star.gif"}


@pytest.mark.parametrize(
    ("of_row", "of_others", "shown"), [("V", "V", "V"), ("-", "V", "instrumental"), ("-", "-", "instrumental")]
)
def test_a_magnitude_is_called_by_its_own_band_whether_it_counts_or_not(tmp_path, field, of_row, of_others, shown):
    found = fakerun.distill(field, rejected=[0])
    for target in found["targets"]:
        for row in target.rows:
            row.band = of_row if row.frame == field.names[0] else of_others
    fill(tmp_path, field, distill=found)
    diagnostics.render(tmp_path)
    soup = page(tmp_path / ".diagnostics" / f"{field.names[0]}.html")
    assert facts(soup)["Apparent Magnitude"].endswith(f"({shown})")


@pytest.mark.skipif(browser.CHROMIUM is None, reason="needs a Chromium")
def test_a_browser_opens_the_section_that_an_address_names(finished, tmp_path_factory):
    profile = tmp_path_factory.mktemp("profile")
    address = (finished / ".diagnostics" / "mscience0217.fits.html").as_uri() + "#calibration"
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    command = [browser.CHROMIUM, *quiet, f"--user-data-dir={profile}", "--dump-dom", address]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    parts = BeautifulSoup(shown, "html.parser").find_all("details", open=True)
    opened = [part.find(["h2", "h3"]).get_text() for part in parts]
    assert "Photometric Calibration" in opened
    assert "Astrometric Registration" not in opened
