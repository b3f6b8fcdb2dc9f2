"""pp_manident in a real window: clicks and keys from outside, the file it writes, the photometry that follows."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from astropy.io import ascii as text_tables
from conftest import ROOT

import screen
import sky
from photometrypipeline.frames import positionsfile, wcskeywords
from photometrypipeline.frames.frame import read_header
from photometrypipeline.manident.markscene import STATUS_PX, TITLE_PX
from photometrypipeline.registration import astrometry

COMMAND = [sys.executable, ROOT / "pp_manident.py"]
ARCSEC = 1 / 3600


@pytest.fixture(scope="module")
def display():
    """Return a Screen; skips where there is none to be had."""
    if screen.MISSING:
        pytest.skip(f"no {' and no '.join(screen.MISSING)} here; tools/bootstrap --dev installs them")
    if subprocess.run([sys.executable, "-c", "import tkinter"], capture_output=True).returncode:
        pytest.skip("this Python has no Tk, and nothing else draws windows here (apt-get install python3-tk)")
    with screen.Screen() as started:
        yield started


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """Return (folder, Truth) of a data set that went all the way automatically."""
    folder = tmp_path_factory.mktemp("night")
    truth = sky.make_dataset(folder, 5, seed=3)
    argv = [sys.executable, ROOT / "pp_run.py", *truth.files, "-offline"]
    done = subprocess.run(list(map(str, argv)), cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder, truth


@pytest.fixture
def data(night, tmp_path):
    """Return (folder, Truth) of a copy that a test may change."""
    folder = tmp_path / "data"
    shutil.copytree(night[0], folder)
    return folder, night[1]


def place_in_window(window, folder, names, number, ra_deg, dec_deg, zoom=1):
    """Return x, y in the window of a place on the sky: what lay in the middle of the first frame stays in the middle.

    The frames have North up and East left as they are: columns count to the right, rows upwards.
    """
    first, this = (read_header(folder / names[n]) for n in (0, number))
    middle = astrometry.to_sky(first, (first["NAXIS1"] + 1) / 2, (first["NAXIS2"] + 1) / 2)
    xy = wcskeywords.wcs_of(this).all_world2pix([ra_deg, float(middle[0])], [dec_deg, float(middle[1])], 1)
    width, height = window.size_px
    right, up = xy[0][0] - xy[0][1], xy[1][0] - xy[1][1]
    return width / 2 + zoom * right, TITLE_PX + (height - TITLE_PX - STATUS_PX) / 2 - zoom * up


def marked(folder):
    """Return {image: (x, y)} of the marks that are kept."""
    path = folder / "positions.marks.json"
    content = json.loads(path.read_text()) if path.exists() else {"marked": {}}
    return {name: (at["x"], at["y"]) for name, at in content["marked"].items()}


def click_target(window, data, number, zoom=1, off_px=(2, -1)):
    """Click nearly at the asteroid in frame `number`, which is shown; return when the mark is kept."""
    folder, truth = data

    def click():
        x, y = place_in_window(window, folder, truth.files, number, truth.ra_deg[number], truth.dec_deg[number], zoom)
        window.click(x + off_px[0], y + off_px[1])

    screen.insist(click, lambda: truth.files[number] in marked(folder), "the mark", window.program)


def test_three_clicks_lead_to_the_automatic_photometry(display, data, run_command):
    folder, truth = data
    (folder / "positions.dat").write_text("# of last night\na.fits 10.0 20.0 2450000.5\n")
    window = display.window(f"{truth.files[0]} (1/5)", [*COMMAND, "-zoom", "1", *truth.files], cwd=folder)
    click_target(window, data, 0)
    window.key("d", "d")
    window.wait_title(f"{truth.files[2]} (3/5)")
    click_target(window, data, 2)
    window.click(5, 200, button=3)  # the next frame
    window.wait_title("(4/5)")
    window.key("d", "d", "a")  # once around and back to the last
    window.wait_title("(5/5)")
    click_target(window, data, 4)
    window.key("q")
    status, out, err = window.finish()
    assert (status, err) == (0, ""), out
    assert "positions.dat: 5 of 5 frames" in out

    assert "of last night" in (folder / "positions.dat.old").read_text()
    lines = (folder / "positions.dat").read_text().splitlines()
    assert lines[0] == "# image, RA (deg), Dec (deg), mid-time (JD, UTC)"
    rows = positionsfile.read(folder / "positions.dat")["manual_target"]
    assert [row[0] for row in rows] == truth.files
    np.testing.assert_allclose([row[1] for row in rows], truth.ra_deg, atol=0.1 * ARCSEC)
    np.testing.assert_allclose([row[2] for row in rows], truth.dec_deg, atol=0.1 * ARCSEC)
    np.testing.assert_allclose([row[3] for row in rows], truth.midtime_jd, atol=1e-8)

    done = run_command("pp_distill", "-positions", "positions.dat", *truth.files, "-offline", cwd=folder)
    assert done.returncode == 0, done.stderr
    by_hand, automatic = (
        text_tables.read(folder / f"photometry_{name}.dat", format="commented_header")
        for name in ("manual_target", "3552")
    )
    assert list(by_hand["filename"]) == list(automatic["filename"])
    np.testing.assert_allclose(by_hand["mag"], automatic["mag"], atol=0.01)
    np.testing.assert_allclose(by_hand["mag"], truth.mag, atol=0.06)


def test_a_mark_survives_when_the_window_is_closed_or_the_program_killed(display, data):
    folder, truth = data
    window = display.window("(1/5)", [*COMMAND, "-zoom", "1", *truth.files], cwd=folder)
    click_target(window, data, 0)
    window.close()
    status, out, err = window.finish()
    assert status == 3, err
    assert "1 marks are kept" in err and not (folder / "positions.dat").exists()

    window = display.window("(1/5)", [*COMMAND, "-zoom", "1", *truth.files], cwd=folder)
    window.key("End")
    window.wait_title("(5/5)")
    click_target(window, data, 4)
    window.program.kill()
    assert window.finish()[0] < 0
    assert set(marked(folder)) == {truth.files[0], truth.files[4]}

    window = display.window("(1/5)", [*COMMAND, *truth.files], cwd=folder)
    window.key("q")
    status, out, _ = window.finish()
    assert status == 0 and "2 marks of an earlier session" in out
    rows = positionsfile.read(folder / "positions.dat")["manual_target"]
    np.testing.assert_allclose([row[1] for row in rows], truth.ra_deg, atol=0.1 * ARCSEC)  # a straight track


def test_unregistered_frames_undo_jump_zoom_and_a_name(display, tmp_path, run_command):
    truth = sky.make_dataset(tmp_path, 3, seed=4, store=False, pointing_error=(20.0, 10.0))
    for command in ("pp_prepare", "pp_extract"):
        assert run_command(command, *truth.files, cwd=tmp_path).returncode == 0
    argv = [*COMMAND, "-zoom", "1", "-target", "My Rock", *reversed(truth.files)]  # in no order of time
    window = display.window("(1/3)", argv, cwd=tmp_path)
    names = list(reversed(truth.files))
    saved = tmp_path / "positions_My_Rock.marks.json"

    def count():
        return len(json.loads(saved.read_text())["marked"]) if saved.exists() else 0

    def click(number, zoom):
        # the headers know nothing of the pointing error: the target is where its pixel is
        k = truth.files.index(names[number])
        x, y = truth.wcs[k].all_world2pix(truth.ra_deg[k], truth.dec_deg[k], 1)
        place = astrometry.to_sky(read_header(tmp_path / names[number]), float(x), float(y))
        window.click(*place_in_window(window, tmp_path, names, number, *map(float, place), zoom))

    click(0, 1)
    screen.wait_for(lambda: count() == 1, "a mark", window.program)
    window.key("u")
    screen.wait_for(lambda: count() == 0, "undo", window.program)
    window.key("y")
    screen.wait_for(lambda: count() == 1, "redo", window.program)
    window.key("g", "3", "Return")
    window.wait_title(f"{names[2]} (3/3)")
    window.key("plus")
    click(2, 2)
    screen.wait_for(lambda: count() == 2, "a mark", window.program)
    window.key("q")
    assert window.finish()[0] == 0
    rows = positionsfile.read(tmp_path / "positions_My_Rock.dat")["My_Rock"]
    assert [row[0] for row in rows] == names
    for image, ra_deg, dec_deg, _ in rows:
        k = truth.files.index(image)
        x, y = wcskeywords.wcs_of(read_header(tmp_path / image)).all_world2pix(ra_deg, dec_deg, 1)
        true = truth.wcs[k].all_world2pix(truth.ra_deg[k], truth.dec_deg[k], 1)
        assert np.hypot(x - true[0], y - true[1]) < 0.3


def test_the_picture_shows_frame_and_circles_in_their_colours(display, data):
    folder, truth = data
    window = display.window("(1/5)", [*COMMAND, "-zoom", "2", *truth.files], cwd=folder)
    click_target(window, data, 0, zoom=2)
    window.key("End")
    window.wait_title("(5/5)")
    click_target(window, data, 4, zoom=2)
    window.key("a")
    window.wait_title("(4/5)")
    where = place_in_window(window, folder, truth.files, 3, truth.ra_deg[3], truth.dec_deg[3], 2)

    def yellow():
        return colours(display, where)["yellow"]

    assert screen.wait_for(lambda: yellow() > 20, "a yellow circle", window.program)
    seen = colours(display, where)
    assert seen["middle"] > 150, "the asteroid itself is bright, so the circle stands where the frame shows it"
    window.key("d")
    window.wait_title("(5/5)")
    where = place_in_window(window, folder, truth.files, 4, truth.ra_deg[4], truth.dec_deg[4], 2)
    assert screen.wait_for(lambda: colours(display, where)["red"] > 20, "a red circle", window.program)
    window.key("h")
    window.key("h", "b")
    window.wait_title("(2/5)")  # blinking goes on by itself
    window.key("b")
    window.program.kill()
    window.finish()


def colours(display, where, half_px=22):
    """Return how many pixels around `where` are yellow or red, and how bright it is in the middle (0 to 255)."""
    x, y = (round(value) for value in where)
    box = np.asarray(display.picture().convert("RGB"))[y - half_px : y + half_px, x - half_px : x + half_px].astype(int)
    red, green, blue = np.moveaxis(box, -1, 0)
    return {
        "yellow": int(((red > 180) & (green > 150) & (blue < 90)).sum()),
        "red": int(((red > 180) & (green < 110) & (blue < 110)).sum()),
        "middle": float(box[half_px - 2 : half_px + 2, half_px - 2 : half_px + 2].mean()),
    }


@pytest.mark.parametrize("backend", [None, "Agg"])
def test_without_a_display_one_line_says_what_to_do(data, run_command, backend):
    folder, truth = data
    done = run_command(
        "pp_manident", *truth.files, cwd=folder, env={"DISPLAY": "", "WAYLAND_DISPLAY": "", "MPLBACKEND": backend or ""}
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "pp_distill -positions" in done.stderr


def test_frames_that_cannot_be_used_are_named(display, data):
    folder, truth = data
    (folder / truth.files[1].replace(".fits", ".ldac")).unlink()
    window = display.window("(1/4)", [*COMMAND, "-zoom", "1", *truth.files], cwd=folder)
    click_target(window, data, 0)
    window.key("q")
    status, _, err = window.finish()
    assert status == 3
    assert truth.files[1] in err and "pp_extract" in err
    assert "mark two frames" in err  # one mark makes no track: the others are named, the mark is written
    rows = positionsfile.read(folder / "positions.dat")["manual_target"]
    assert [row[0] for row in rows] == [truth.files[0]]
