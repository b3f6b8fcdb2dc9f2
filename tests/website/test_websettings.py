"""The settings of the website, and the command that makes it again."""

import subprocess
import sys
from pathlib import Path

import pytest

import diagnostics
import fakerun
from photometrypipeline.base.errors import UsageError
from photometrypipeline.website.websettings import DiagnosticsSettings
from website import check_website, fill, main_page, page, words


@pytest.fixture
def field():
    return fakerun.Field(n_frames=3)


def test_without_frame_pages_names_are_plain_and_points_lead_nowhere(tmp_path, field):
    field.write_frames(tmp_path)
    fill(tmp_path, field)
    diagnostics.render(tmp_path, DiagnosticsSettings(individual_frame_pages=False))
    assert len(check_website(tmp_path)) == 1
    assert main_page(tmp_path).find("td", string="mscience0217.fits") is not None
    assert "click" not in words(main_page(tmp_path))
    place = tmp_path / ".diagnostics"
    assert (place / "3552.gif").is_file() and not (place / "mscience0217.fits.png").exists()


def test_settings_choose_what_is_shown_where_and_in_which_format(tmp_path, field):
    field.write_frames(tmp_path)
    fill(tmp_path, field)
    settings = DiagnosticsSettings(
        diagnostics_path="site", main_html="index.html", image_file_format="jpg", image_stretch="log", plot_dpi=50,
        show_registration_table=False, show_calibration_star_table=False, show_target_animations=False,
    )  # fmt: skip
    (tmp_path / "site").mkdir()
    diagnostics.render(tmp_path, settings)
    soup = page(tmp_path / "site" / "index.html")
    assert soup.find(id="register").find("table") is None
    assert soup.find("a", string="LOG")["href"] == "../LOG"
    picture = soup.find(id="photometry").img
    assert (picture["src"], picture["width"]) == (".diagnostics/curve_of_growth.jpg", "320")
    place = tmp_path / "site" / ".diagnostics"
    assert (place / "3552_mscience0217_thumb.jpg").is_file()
    assert not list(place.glob("*.gif"))
    assert "Calibration Data Table" not in (place / "mscience0217.fits.html").read_text()


@pytest.mark.parametrize("wrong", [{"image_stretch": "cubic"}, {"image_file_format": "bmp"}, {"plot_dpi": 0}])
def test_impossible_settings_are_named(tmp_path, wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        diagnostics.render(tmp_path, DiagnosticsSettings(**wrong))


def test_the_command_makes_the_website_again(tmp_path, field):
    fill(tmp_path, field, distill=None)
    script = str(Path(diagnostics.__file__))
    done = subprocess.run([sys.executable, script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, str(tmp_path / "diagnostics.html"))
    check_website(tmp_path)


def test_the_command_says_that_a_folder_holds_no_run(tmp_path, capsys):
    assert diagnostics.main([str(tmp_path)]) == 1
    assert "run pp_prepare first" in capsys.readouterr().err


def test_a_full_disk_behind_its_output_is_told_in_one_line(tmp_path, field):
    fill(tmp_path, field, distill=None)
    script = str(Path(diagnostics.__file__))
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, script, str(tmp_path)], stdout=full, stderr=-1, text=True, check=False)
    assert done.returncode == 1 and done.stderr.startswith("ERROR: standard output cannot be written: no space left")
    assert (tmp_path / "diagnostics.html").exists()
