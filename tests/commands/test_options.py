"""Every option of the steps, by its effect: the command lines of users, run in this process."""

import logging
import shutil
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import toolbox

import numpy as np
import pytest
from astropy.io import ascii as text_tables
from astropy.io import fits
from test_commands import run_plain

import pp_calibrate
import pp_distill
import pp_extract
import pp_photometry
import pp_prepare
import pp_register
import pp_run
import sky
from photometrypipeline.frames import framedb, ldac, records, singles
from photometrypipeline.frames.frame import Frame, read_header
from photometrypipeline.instruments import telescopes
from photometrypipeline.instruments.dataset import DataSet

OFFLINE = "-offline"
SATURATED_ADU = 3000.0  # the brightest dozen stars of a frame reach it
TABLE = "photometry_3552.dat"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return (folder, Truth) of a data set of two frames that went all the way."""
    folder = tmp_path_factory.mktemp("finished")
    truth = sky.make_dataset(folder, 2, seed=3, header={"SATURATE": SATURATED_ADU})
    assert run_plain("pp_run", *truth.files, OFFLINE, cwd=folder).returncode == 0
    return folder, truth


@pytest.fixture
def night(finished, tmp_path, monkeypatch):
    """Return the Truth of a copy of it, where the test stands."""
    shutil.copytree(finished[0], tmp_path / "night")
    monkeypatch.chdir(tmp_path / "night")
    return finished[1]


# ---- pp_prepare

SMALL = {"size": (64, 60), "n_stars": 2, "store": False}


@pytest.fixture
def raw(tmp_path, monkeypatch):
    """Return the Truth of two small frames, where the test stands."""
    monkeypatch.chdir(tmp_path)
    return sky.make_dataset(tmp_path, 2, **SMALL)


def prepared(*arguments):
    """Return the header of the first frame after pp_prepare with these arguments."""
    assert pp_prepare.main(["mscience*.fits", *map(str, arguments)]) == 0
    return read_header("mscience0217.fits")


def matrix(header):
    return np.array([[header[f"CD{i}_{j}"] for j in (1, 2)] for i in (1, 2)]) * 3600 / 0.375


def test_ra_and_dec_each_replace_their_half_of_the_pointing(raw):
    plain = prepared()
    assert prepared("-ra", 10.5)["CRVAL1"] == 10.5
    assert prepared("-ra", 10.5)["CRVAL2"] == plain["CRVAL2"]
    only_dec = prepared("-dec", "-1.25e1")
    assert (only_dec["CRVAL1"], only_dec["CRVAL2"]) == (plain["CRVAL1"], -12.5)
    both = prepared("-ra", 10.5, "-dec", -12.5)
    assert (both["CRVAL1"], both["CRVAL2"]) == (10.5, -12.5)
    assert prepared().tostring() == plain.tostring()


def test_flips_toggle_the_setting_of_the_telescope_and_rotation_takes_any_sign(raw):
    np.testing.assert_allclose(matrix(prepared()), [[-1, 0], [0, 1]], atol=1e-9)  # VATT4K: flip in x
    np.testing.assert_allclose(matrix(prepared("-flipx")), [[1, 0], [0, 1]], atol=1e-9)
    np.testing.assert_allclose(matrix(prepared("-flipy")), [[-1, 0], [0, -1]], atol=1e-9)
    np.testing.assert_allclose(matrix(prepared("-rotate", 90)), [[0, -1], [-1, 0]], atol=1e-9)
    np.testing.assert_allclose(matrix(prepared("-rotate", -90)), [[0, 1], [1, 0]], atol=1e-9)


def test_target_replaces_the_object_and_the_first_name_survives(raw):
    prepared("-target", "2015_AB123")
    header = prepared("-target", "433")
    assert (header["OBJECT"], header["_OBJECT"]) == ("433", "3552")


def test_without_the_option_the_target_is_again_the_one_of_the_header(raw):
    plain = prepared()
    prepared("-target", "2015_AB123")
    again = prepared()
    assert again["OBJECT"] == "3552" and "_OBJECT" not in again
    assert sorted(map(str, again.cards)) == sorted(map(str, plain.cards))


def test_keep_wcs_keeps_it_and_without_the_option_it_goes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sky.make_dataset(tmp_path, 1, solved=True, **SMALL)
    before = read_header("mscience0217.fits")
    kept = prepared("-keep_wcs")
    names = ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "PC1_1", "PC1_2", "CTYPE1")
    assert [kept[name] for name in names] == [before[name] for name in names]
    assert kept["MIDTIMJD"] and kept["SECPIX"] == 0.375
    gone = prepared()
    assert "PC1_1" not in gone and gone["CRPIX1"] == 32


def test_keep_wcs_leaves_a_mid_time_alone_and_gives_the_same_header_from_every_state(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    sky.make_dataset(tmp_path, 1, solved=True, **SMALL)
    computed = prepared("-keep_wcs")["MIDTIMJD"]
    once = Path("mscience0217.fits").read_bytes()
    assert prepared("-keep_wcs")["MIDTIMJD"] == computed
    assert Path("mscience0217.fits").read_bytes() == once
    assert "is kept" not in capfd.readouterr().err
    fits.setval("mscience0217.fits", "MIDTIMJD", value=2457786.5, comment="mine")
    kept = prepared("-keep_wcs")
    assert (kept["MIDTIMJD"], kept.comments["MIDTIMJD"]) == (2457786.5, "mine")
    assert "MIDTIMJD = 2457786.50000000 is kept" in capfd.readouterr().err
    fits.setval("mscience0217.fits", "MIDTIMJD", value="no time")
    assert prepared("-keep_wcs")["MIDTIMJD"] == computed
    fits.setval("mscience0217.fits", "MIDTIMJD", value=2457786.5)
    assert prepared()["MIDTIMJD"] == computed


def test_telescope_forces_a_definition_that_later_steps_follow(raw):
    assert pp_prepare.main(["mscience*.fits", "-telescope", "VATT4K"]) == 0
    fits.setval("mscience0217.fits", "INSTRUME", value="Homebuilt")
    header = read_header("mscience0217.fits")
    assert telescopes.identify(header).key == "VATT4K"  # register, photometry, calibrate ask the same way
    assert pp_prepare.main(["mscience*.fits", "-telescope", "NOSUCH"]) == 2


# ---- pp_register


def registration(*arguments):
    """Return (exit status, rows of the record) of pp_register with these arguments, from the first guess on."""
    assert pp_prepare.main(["mscience*.fits"]) == 0
    status = pp_register.main(["mscience*.fits", OFFLINE, *map(str, arguments)])
    return status, records.read(".")["register"].frames


def test_source_tolerance_says_whether_saturated_stars_take_part(night):
    status, strict = registration("-source_tolerance", "none")
    assert status == 0
    status, tolerant = registration("-source_tolerance", "high", "-nodeblending")
    assert status == 0
    for few, many in zip(strict, tolerant, strict=True):
        assert few.n_matched + 5 <= many.n_matched


def test_snr_and_minarea_of_the_registration_leave_out_sources(night, capsys):
    status, rows = registration("-snr", 2000)
    assert status == 1
    assert all("too few sources" in row.reason for row in rows)
    status, rows = registration("-minarea", 5000)
    assert status == 1
    assert all("too few sources" in row.reason for row in rows)
    assert Path("registration_failed.lst").read_text().split() == ["mscience0217.fits", "mscience0218.fits"]
    assert "CTYPE1" in read_header("mscience0217.fits")  # still its first guess
    assert not list(Path().glob("*.head"))  # beside an image it would replace its WCS
    assert "not registered" in capsys.readouterr().err


def test_cat_names_the_catalogue(night, capsys):
    assert pp_register.main(["mscience*.fits", OFFLINE, "-cat", "panstarrs"]) == 0
    assert read_header("mscience0217.fits")["REGCAT"] == "PANSTARRS"
    assert pp_register.main(["mscience*.fits", OFFLINE, "-cat", "NOSUCH"]) == 2
    assert "NOSUCH" in capsys.readouterr().err


# ---- pp_photometry


def test_aprad_fixes_the_aperture_and_the_header_says_so(night):
    assert read_header("mscience0217.fits")["APIDX"] >= 0
    record = records.read(".")["photometry"]
    assert (record.n_target, record.n_background) == (2, 100)
    assert pp_photometry.main(["mscience*.fits", OFFLINE, "-aprad", "5.5"]) == 0
    header = read_header("mscience0217.fits")
    assert header["APRAD"] == 5.5 and "APIDX" not in header and "by hand" in header.comments["APRAD"]
    assert ldac.read(Path("mscience0217.ldac")).table["FLUX_APER"].ndim == 1


# ---- pp_calibrate


def calibrated(*arguments, images=("mscience*.fits",)):
    """Return {frame name: (header row, table, zeropoint row)} of all databases after pp_calibrate."""
    assert pp_calibrate.main([*images, OFFLINE, *map(str, arguments)]) in (0, 3)
    return {path.name[:12]: framedb.read(path) for path in sorted(Path().glob("*.ldac.db"))}


def zeropoints(databases):
    return [zeropoint for _, _, zeropoint in databases.values()]


def test_minstars_is_a_number_or_a_fraction(night):
    assert [row["n_used"] for row in zeropoints(calibrated("-minstars", 20))] == [20, 20]
    assert all(row["n_used"] == row["n_matched"] for row in zeropoints(calibrated("-minstars", "1.0")))
    with pytest.raises(SystemExit):
        pp_calibrate.main(["mscience*.fits", OFFLINE, "-minstars", "1.5"])
    for row in zeropoints(calibrated("-minstars", 0.9)):
        assert (
            int(0.9 * row["n_matched"]) <= row["n_used"] <= int(0.9 * row["n_matched"]) + 2
        )  # 2 % are removed at once


def test_use_all_stars_checks_nothing(night):
    usual, everything = zeropoints(calibrated()), zeropoints(calibrated("-use_all_stars"))
    for few, many in zip(usual, everything, strict=True):
        assert many["n_used"] == many["n_matched"] > few["n_matched"] > few["n_used"]


def test_maxflag_admits_saturated_sources_to_the_databases(night):
    largest = {}
    for flag in (0, 3, 7):
        tables = [table for _, table, _ in calibrated("-maxflag", flag).values()]
        largest[flag] = max(int(table["FLAGS"].max()) for table in tables), sum(map(len, tables))
    assert largest[0][0] == 0 and largest[3][0] <= 3 and 4 <= largest[7][0] <= 7
    assert largest[0][1] < largest[7][1] and largest[3][1] < largest[7][1]


def test_catalog_filter_and_solar_choose_the_reference_stars(night):
    header, _, plain = calibrated("--catalog", "SDSS-R9")["mscience0217"]
    assert header["origin"].split(";")[2:] == ["SDSS-R9_transformed", "R"]
    header, table, _ = calibrated("-filter", "V", "-catalog", "sdss-r9")["mscience0217"]
    assert header["filtername"] == "V" and "_Vmag" in table.colnames
    header, _, solar = calibrated("-solar", "-catalog", "SDSS-R9")["mscience0217"]
    assert "SDSS-R9_solar" in header["origin"]
    assert 3 <= solar["n_matched"] < plain["n_matched"]


def test_instrumental_and_manual_zeropoints(night):
    header, table, zeropoint = calibrated("-inst")["mscience0217"]  # abbreviated
    assert header["filtername"] is None and zeropoint["zp"] is None and "_Rmag" not in table.colnames
    header, table, zeropoint = calibrated("-magzp", "-2.5e-1", "1e-1")["mscience0217"]
    np.testing.assert_allclose(table["Rmag"], table["MAG_APER"] - 0.25, atol=1e-6)
    np.testing.assert_allclose(table["e_Rmag"], np.hypot(table["MAGERR_APER"], 0.1), atol=1e-6)
    assert header["origin"].endswith(";R_manual_zp;")
    assert pp_distill.main(["mscience*.fits", OFFLINE]) == 0
    rows = text_tables.read(TABLE, format="commented_header")
    assert set(rows["[6]"]) == {"manual_zp"} and set(rows["[7]"]) == {"R"}
    with pytest.raises(SystemExit):
        pp_calibrate.main(["mscience*.fits", "-magzp", "25"])


def test_the_filter_none_is_the_instrumental_way(night):
    header, table, zeropoint = calibrated("-filter", "None")["mscience0217"]
    assert header["filtername"] is None and zeropoint["zp"] is None and "_Rmag" not in table.colnames


def test_lists_of_images_serve_every_step(night):
    Path("one.list").write_text("# the second\n\nmscience0218.fits")
    for main, more in ((pp_prepare.main, ["-keep_wcs"]), (pp_extract.main, []), (pp_photometry.main, [OFFLINE])):
        assert main(["one.list", *more]) == 0
    for path in Path().glob("*.db"):
        path.unlink()
    assert pp_calibrate.main(["one.list", OFFLINE]) == 0
    assert [path.name for path in Path().glob("*.ldac.db")] == ["mscience0218.ldac.db"]
    assert pp_distill.main(["one.list", OFFLINE]) == 0
    assert len(text_tables.read(TABLE, format="commented_header")) == 1


# ---- pp_run


def test_target_filter_aperture_solar_and_rejection_in_one_run(tmp_path, run_command):
    filters = ("TOP 3 BOT 1", "TOP 1 BOT 1")
    truth = sky.make_dataset(tmp_path, 2, seed=3, filters=filters, target="3552", header={"OBJECT": "unknown field"})
    options = ("-target", "3552", "-filter", "R", "-fixed", "4.5", "-solar", "-reject", "apr,pos")
    done = run_command("pp_run", *truth.files, OFFLINE, *options, cwd=tmp_path)
    assert done.returncode in (0, 3), done.stderr
    assert "are all taken as R" in done.stderr
    table = text_tables.read(tmp_path / TABLE, format="commented_header")
    assert len(table) == 2 and set(table["[7]"]) == {"R"}
    assert all("_solar" in name for name in table["[6]"])
    header = read_header(truth.paths[0])
    assert (header["APRAD"], header["OBJECT"], header["_OBJECT"]) == (4.5, "3552", "unknown field")


def test_keep_wcs_trusts_the_headers(tmp_path, run_command):
    truth = sky.make_dataset(tmp_path, 2, seed=3, solved=True)
    before = read_header(truth.paths[0])
    done = run_command("pp_run", *truth.files, OFFLINE, "-keep_wcs", "-fixed_aprad", 5, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    after = read_header(truth.paths[0])
    names = ("CRVAL1", "CRVAL2", "PC1_1")
    assert [after[name] for name in names] == [before[name] for name in names]
    assert "REGCAT" not in after and not (tmp_path / "registration_succeeded.lst").exists()
    table = text_tables.read(tmp_path / TABLE, format="commented_header")
    np.testing.assert_allclose(table["mag"], truth.mag, atol=0.06)


class Fake:
    """Outcome of a step that leaves `gaps` frames behind."""

    def __init__(self, gaps):
        self.failed = self.uncalibrated = ["frame"] * gaps


@pytest.mark.parametrize("name", ["USNO-B1.0", "vsx"])
def test_a_catalogue_without_magnitudes_calibrates_nothing(tmp_path, monkeypatch, capfd, name):
    monkeypatch.chdir(tmp_path)
    fits.writeto("f.fits", np.zeros((2, 2)))
    for main in (pp_calibrate.main, pp_run.main):
        assert main(["-catalog", name, "f.fits"]) == 2
        assert "is not meant for the calibration" in capfd.readouterr().err


def test_places_where_frames_lie_if_headers_are_mistaken_are_no_warnings(caplog):
    for doubted, told in ((False, logging.WARNING), (True, logging.INFO)):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            pp_register.pass_over(SimpleNamespace(doubted=doubted), "SkyMapper DR1.1 has stars at Dec -90 to +2")
        assert [record.levelno for record in caplog.records] == [told]


@pytest.mark.parametrize(("step", "option"), [("register", "rerun_registration"), ("calibrate", "solar")])
@pytest.mark.parametrize(("wanted", "gaps", "calls"), [(True, 1, 2), (True, 0, 1), (False, 1, 1)])
def test_a_second_try_where_it_is_wanted_and_needed(tmp_path, monkeypatch, step, option, wanted, gaps, calls):
    monkeypatch.chdir(tmp_path)
    asked = []

    def attempt(frames, losses, options):
        asked.append(options)
        losses.add("frame", f"lost in try {len(asked)}")
        return Fake(gaps)

    monkeypatch.setattr({"register": pp_register, "calibrate": pp_calibrate}[step], step, attempt)
    losses = toolbox.Losses()
    pp_run.in_turns(step, DataSet(), losses, pp_run.Options(**{option: wanted}))
    assert len(asked) == calls
    assert losses.entries == [("frame", f"lost in try {calls}")]  # those of the last try are what counts
    if step == "calibrate":
        assert [options.solar for options in asked] == [wanted, False][:calls]


def test_options_of_pp_run_reach_their_steps():
    options = pp_run.Options(asteroids=True, reject=("apr",), source_tolerance="low", cat=("2MASS",))
    assert options.hand_on(pp_run.STEPS["distill"]).asteroids
    assert options.hand_on(pp_run.STEPS["distill"]).reject == ("apr",)
    assert options.hand_on(pp_run.STEPS["register"]).source_tolerance == "low"
    assert options.hand_on(pp_run.STEPS["register"]).cat == ("2MASS",)


def test_options_that_belong_to_trees_are_refused_for_one_data_set(night, capsys):
    for option in (["-prefix", "m"], ["-scheduler", "tcp://x:1"]):
        assert pp_run.main(["mscience0217.fits", *option]) == 2
        assert "belongs to `pp_run all`" in capsys.readouterr().err
    assert pp_run.main(["all", "-prefix", "zzz"]) == 2
    assert "begin with zzz" in capsys.readouterr().err


def test_rejection_schemas_that_do_not_exist_are_named(night, capsys):
    assert pp_run.main(["mscience0217.fits", "-reject", "pos,foo"]) == 2
    assert "foo" in capsys.readouterr().err


# ---- the walk by hand: each step says what it misses

MISSING = [
    (pp_extract.main, "raw", "run pp_prepare"),
    (pp_register.main, "raw", "run pp_prepare"),
    (pp_photometry.main, "raw", "run pp_prepare"),
    (pp_calibrate.main, "raw", "run pp_prepare"),
    (pp_distill.main, "raw", "run pp_prepare"),
    (pp_calibrate.main, "prepared", "run pp_photometry"),
    (pp_distill.main, "prepared", "run pp_calibrate"),
]


@pytest.mark.parametrize(("main", "state", "remedy"), MISSING)
def test_a_step_that_comes_too_early_names_the_frame_and_the_step_before(raw, capsys, main, state, remedy):
    if state == "prepared":
        prepared()
        capsys.readouterr()
    before = [path.read_bytes() for path in raw.paths]
    assert main(["mscience*.fits"]) == 1
    told = capsys.readouterr().err
    assert remedy in told and "mscience0217.fits" in told and "mscience0218.fits" in told
    assert "Traceback" not in Path("LOG").read_text()
    assert [path.read_bytes() for path in raw.paths] == before
    assert not list(Path().glob("*.db"))  # SQLite would make an empty one


def test_steps_may_be_repeated_in_any_order_that_has_what_it_needs(night):
    assert pp_calibrate.main(["mscience*.fits", OFFLINE, "-minstars", "10"]) == 0
    assert pp_photometry.main(["mscience*.fits", OFFLINE, "-aprad", "4"]) == 0
    assert pp_calibrate.main(["mscience*.fits", OFFLINE]) == 0
    assert pp_distill.main(["mscience*.fits", OFFLINE]) == 0
    rows = text_tables.read(TABLE, format="commented_header")
    np.testing.assert_allclose(rows["mag"], night.mag, atol=0.06)
    with sqlite3.connect("mscience0217.ldac.db") as connection:
        assert connection.execute("select count(*) from data").fetchone()[0] > 50
    connection.close()


# ---- settings of a user


def test_settings_of_a_user_override_single_ones(night, run_command, own_folders, tmp_path):
    folder = telescopes.user_folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pp_setup.py").write_text("minstars = 15\nconfcalibrate.save_caldata_suffix = '_stars.dat'\n")
    done = run_command("pp_calibrate", *night.files, OFFLINE, cwd=Path.cwd())
    assert done.returncode == 0, done.stderr
    assert framedb.read(Path("mscience0217.ldac.db"))[2]["n_used"] == 15
    assert Path("mscience0217_stars.dat").exists()
    (folder / "pp_setup.py").write_text("minstars = = 15\n")
    done = run_command("pp_calibrate", *night.files, OFFLINE, cwd=Path.cwd())
    assert done.returncode == 2
    assert str(folder / "pp_setup.py") in done.stderr and "SyntaxError" in done.stderr


def test_every_step_leaves_out_what_was_made_of_its_own_frames(tmp_path, caplog):
    def image(name, **header):
        fits.PrimaryHDU(np.zeros((4, 4), np.float32), fits.Header(header)).writeto(tmp_path / name)
        return Frame(tmp_path / name)

    one, two = image("m1.fits"), image("m2.fits")
    cleaned, alone = image("m1_psfsub.fits", PSFSUB_N=3), image("m3_psfsub.fits", PSFSUB_N=1)
    stack, moved = image("comove.fits", COMBO_N=2), image("m2_moving.fits", COMOVE="True")
    assert singles.without_products([stack, one, cleaned, two, moved, alone]) == [one, two, alone]
    assert "comove.fits: stacked, and left out" in caplog.text
    assert "m1_psfsub.fits, m2_moving.fits: made of other frames" in caplog.text
    assert singles.without_products([cleaned, two]) == [cleaned, two]  # instead of its original
    assert singles.without_products([stack]) == [stack]
    found = toolbox.single_frames([each.path for each in (stack, one, two)], toolbox.Losses())
    assert [each.name for each in found] == ["m1.fits", "m2.fits"]


def test_copies_of_an_exposure_are_found_and_frames_of_the_same_second_are_none(tmp_path):
    def image(name, level, jd):
        data = np.full((4, 4), level, np.float32)
        fits.PrimaryHDU(data, fits.Header({"MIDTIMJD": jd})).writeto(tmp_path / name)
        return Frame(tmp_path / name)

    frames = [image("a.fits", 1, 2.5), image("b.fits", 2, 2.5), image("c.fits", 1, 2.5), image("d.fits", 1, 2.6)]
    assert singles.same_exposures(frames) == [["a.fits", "c.fits"]]
