"""pptool_telescope: one frame of each simulated camera gives a definition that equals the true one."""

import re
import subprocess

import numpy as np
import pytest
from astropy.io import fits

import pp_prepare
import pptool_telescope
from cameras import ALL, EXPOSURE_S, START, Camera
from photometrypipeline.base.errors import FAILED, OK, USAGE
from photometrypipeline.frames.frame import Frame
from photometrypipeline.instruments import headers, telescopes
from photometrypipeline.sky.sphere import separation_deg

OPTIONS = {"ra_deg": None, "dec_deg": None, "flip_x": False, "flip_y": False, "rotate_deg": 0.0, "target": None}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder for frames, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    return pptool_telescope.main(["-offline", "-cat", "stars.csv", *arguments])


def defined():
    """Return the Telescope of the only definition in the user's folder."""
    (path,) = (telescopes.user_folder() / "instruments").glob("*.toml")
    return telescopes.get(path.stem)


def matrix_of(header):
    return np.array([[header[f"CD{i}_{j}"] for j in (1, 2)] for i in (1, 2)])


@pytest.mark.parametrize("camera", ALL, ids=lambda camera: camera.dialect)
def test_one_frame_gives_the_true_definition(camera, folder, capsys):
    camera.write(folder)
    before = (folder / "frame.fits").read_bytes()
    assert run("frame.fits") == OK
    assert (folder / "frame.fits").read_bytes() == before
    frame = Frame(folder / "frame.fits")
    telescope = telescopes.identify(frame.header)
    assert telescope.key == defined().key
    # scale to 0.1 %, angle to 0.1 degrees, parity
    assert np.array(telescope.pixel_scale) * camera.binning == pytest.approx([camera.scale] * 2, rel=0.001)
    assert (telescope.flip_x, telescope.flip_y) == (not camera.mirrored, False)
    turn = (telescope.rotate - camera.rotation_deg + 180) % 360 - 180
    assert abs(turn) < 0.1
    # the true pointing is found, and what pp_prepare makes of the header is off by no more than the header is
    centre = re.search(r"centre ([\d.]+) ([-+][\d.]+),", capsys.readouterr().out)
    assert separation_deg(float(centre[1]), float(centre[2]), *camera.pointing) * 3600 < 0.5 + 0.5 * camera.scale
    # time, exposure, filter
    assert headers.midtime_jd(frame, telescope) == pytest.approx(START.jd + EXPOSURE_S / 2 / 86400, abs=0.01 / 86400)
    assert headers.exptime_s(frame, telescope) == EXPOSURE_S
    raw, band = camera.expected["band"]
    assert (headers.raw_filter(frame, telescope), telescope.band(raw)) == (raw, band)
    assert headers.binning(frame, telescope) == (camera.binning, camera.binning)
    gain = camera.expected.get("gain", "GAIN")
    if isinstance(gain, str):
        assert telescope.header["gain"] == gain
    else:
        assert telescope.gain == pytest.approx(gain, rel=0.15)
    pp_prepare.prepare_header(frame, telescope, **OPTIONS, keep_wcs=False)
    guess, true = matrix_of(frame.header), camera.wcs.wcs.cd
    np.testing.assert_allclose(guess, true, atol=0.003 * camera.scale / 3600)
    told = separation_deg(frame.header["CRVAL1"], frame.header["CRVAL2"], *camera.told) * 3600
    assert told < 0.02 + camera.scale  # what the header says, and the rounding of the middle to a pixel


def test_it_prints_and_writes_nothing_if_told_so(folder, capsys):
    ALL[0].write(folder)
    assert run("-print", "-key", "MINE", "-code", "695", "frame.fits") == OK
    printed = capsys.readouterr().out
    assert 'mpc_code = "695"' in printed and "# MINE: proposed by pptool_telescope from frame.fits" in printed
    assert not (telescopes.user_folder() / "instruments").exists()


def test_a_definition_is_never_overwritten_unasked(folder, capsys):
    ALL[0].write(folder)
    assert run("-key", "MINE", "frame.fits") == OK
    path = telescopes.user_folder() / "instruments" / "MINE.toml"
    path.write_text(path.read_text() + "# mine\n")
    assert run("-key", "MINE", "frame.fits") == USAGE
    assert "-force replaces it" in capsys.readouterr().err
    assert path.read_text().endswith("# mine\n")
    assert run("-key", "MINE", "-force", "frame.fits") == OK
    assert not path.read_text().endswith("# mine\n")


def test_force_replaces_the_one_definition_that_the_camera_has(folder, capsys):
    ALL[0].write(folder)
    assert run("-key", "MINE", "frame.fits") == OK
    capsys.readouterr()
    assert run("frame.fits") == USAGE
    assert "MINE.toml already; -force replaces it" in capsys.readouterr().err
    assert run("-force", "frame.fits") == OK
    assert defined().key == "MINE"  # and no second one beside it
    assert run("-force", "-key", "BETTER", "frame.fits") == OK
    assert defined().key == "BETTER"


def test_a_prepared_frame_gives_the_definition_of_the_untouched_one(folder):
    ALL[0].write(folder)
    assert run("-key", "MINE", "frame.fits") == OK
    path = telescopes.user_folder() / "instruments" / "MINE.toml"
    first = [line for line in path.read_text().splitlines() if not line.startswith("# MINE: proposed")]
    assert pp_prepare.main(["frame.fits"]) == OK
    assert run("-force", "frame.fits") == OK
    again = [line for line in path.read_text().splitlines() if not line.startswith("# MINE: proposed")]
    assert again == first


def test_what_it_is_unsure_of_is_said(folder, capsys):
    camera = next(each for each in ALL if each.dialect == "homemade")
    camera.write(folder)
    assert run("frame.fits") == OK
    said = capsys.readouterr().out.split("Please check:")[1]
    assert "DATE-OBS is local time, as JULDATE shows" in said
    assert "MOUNTRA and MOUNTDEC, is wrong: its RA is in hours" in said
    assert "the header has no binning" in said
    assert "mpc_code is that of the centre of the Earth" in said
    assert "gain is an estimate" in said
    assert defined().ra_unit == "hour" and defined().header["time"] == "JULDATE"


def test_a_frame_without_pointing_is_proposed_as_far_as_it_goes(folder, capsys):
    camera = ALL[1]
    camera.write(folder)
    for keyword in ("RA", "DEC"):
        fits.delval(folder / "frame.fits", keyword)
    assert run("frame.fits") == FAILED
    told = capsys.readouterr()
    assert "does not give its pointing" in told.err and "Traceback" not in told.err
    assert "nothing is written" in told.err and "-cat none" in told.err
    assert "give -ra and -dec" in told.out
    assert not (telescopes.user_folder() / "instruments").exists()
    assert pptool_telescope.main(["-offline", "-cat", "none", "frame.fits"]) == OK
    assert defined().pixel_scale == pytest.approx((camera.scale,) * 2, rel=0.001)  # from the optics


def test_a_frame_that_is_somewhere_else_is_not_matched(folder, capsys):
    camera = ALL[1]
    camera.write(folder)
    header = fits.getheader(folder / "frame.fits")
    stars = np.random.default_rng(8).uniform(20, 540, (70, 2))
    pixels = np.random.default_rng(9).normal(320, 15, (560, 720))
    for x, y in stars.astype(int):
        pixels[y : y + 3, x : x + 3] += 900
    fits.writeto(folder / "frame.fits", pixels.astype(np.float32), header, overwrite=True)
    assert run("frame.fits") == FAILED
    told = capsys.readouterr()
    assert "its stars match no position that its header may mean" in told.err
    assert "flip_x, flip_y, rotate are not known" in told.out


def test_without_any_catalogue_nothing_is_written(folder, capsys):
    ALL[1].write(folder)
    assert pptool_telescope.main(["-offline", "-cat", "GAIA", "frame.fits"]) == FAILED
    told = capsys.readouterr().err
    assert "is not asked when offline" in told and "-cat none" in told and "Traceback" not in told
    assert not (telescopes.user_folder() / "instruments").exists()
    assert pptool_telescope.main(["-offline", "-cat", "none", "frame.fits"]) == OK
    assert "no stars could be matched" in capsys.readouterr().out


def test_several_frames_bring_all_their_filters(folder, capsys):
    camera = Camera("ascom", 1.2, 10.0, False, (80.0, 20.0))
    camera.write(folder)
    for number, name in enumerate(("B", "Rc", "Ha")):
        data, header = fits.getdata(folder / "frame.fits", header=True)
        header["FILTER"] = name
        fits.writeto(folder / f"more{number}.fits", data, header)
    assert run("-jobs", "2", "frame.fits", "more0.fits", "more1.fits", "more2.fits") == OK
    assert defined().filters == {"Sloan r": "r", "B": "B", "Rc": "R", "Ha": None}


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["nothing.fits"], FAILED, "nothing.fits"),
        (["-code", "ZZZ9", "frame.fits"], USAGE, "no station of the Minor Planet Center"),
        (["-key", "MY CAM", "frame.fits"], USAGE, "letters, digits and _ only"),
        (["text.fits"], FAILED, "is not a FITS file"),
    ],
)
def test_mistakes_of_the_user(arguments, status, says, folder, capsys):
    ALL[0].write(folder)
    (folder / "text.fits").write_text("no image")
    assert run(*arguments) in (status, USAGE)
    told = capsys.readouterr().err
    assert says in told and "Traceback" not in told


def test_it_works_as_a_command(folder, run_command):
    ALL[0].write(folder)
    done = run_command("pptool_telescope", "-offline", "-cat", "stars.csv", "frame.fits", cwd=folder)
    assert done.returncode == OK, done.stderr
    assert "SBIGSTXL6303.toml written; pp_run knows this camera as SBIGSTXL6303 now" in done.stdout
    assert done.stderr == ""
    assert subprocess.run(["grep", "-c", "WARNING", "LOG"], cwd=folder, check=False).returncode == 1
