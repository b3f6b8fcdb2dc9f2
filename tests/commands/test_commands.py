"""The commands for real: simulated frames in, light curve out, compared with the truth; and bad input."""

import hashlib
import re
import shutil
import sqlite3

import numpy as np
import pytest
from astropy.io import ascii as text_tables
from astropy.io import fits
from astropy.table import Table

import sky
from photometrypipeline.frames import framedb, ldac
from photometrypipeline.frames.frame import read_header

OFFLINE = "-offline"
RECORDS = [f"{step}.json" for step in ("prepare", "register", "photometry", "calibrate", "distill")]
TARGET = "photometry_3552.dat"
PHOTON_LIMITED = 1.3  # times the expected noise, allowed for the scatter of few frames


def pixels(path):
    """Return a hash of everything behind the header of a file."""
    with open(path, "rb") as stream:
        fits.Header.fromfile(stream)
        return hashlib.sha256(stream.read()).hexdigest()


def results_of(folder):
    """Return {file name: bytes} of all tables and databases of a data set."""
    kinds = ("*.dat", "*.db", "*.lst")
    return {path.name: path.read_bytes() for kind in kinds for path in sorted(folder.glob(kind))}


def light_curve(folder, name=TARGET):
    return text_tables.read(folder / name, format="commented_header")


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """Return (folder, Truth, hashes of the pixels before, CompletedProcess) of a data set that went all the way."""
    folder = tmp_path_factory.mktemp("night")
    truth = sky.make_dataset(folder, 5, seed=3)
    before = {name: pixels(folder / name) for name in truth.files}
    return folder, truth, before, run_plain("pp_run", *truth.files, OFFLINE, cwd=folder)


def run_plain(name, *arguments, cwd):
    import os
    import subprocess
    import sys

    from conftest import ROOT

    argv = [sys.executable, str(ROOT / f"{name}.py"), *map(str, arguments)]
    return subprocess.run(
        argv, cwd=cwd, env=dict(os.environ), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
    )


# ---- the main job


def test_all_frames_are_done_and_nothing_is_complained_of(night):
    folder, truth, _, done = night
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert (folder / "registration_succeeded.lst").read_text().split() == truth.files
    assert (folder / "registration_failed.lst").read_bytes() == b""
    assert (folder / "diagnostics.html").exists()


def test_magnitudes_of_the_asteroid_are_right_within_their_errors(night):
    folder, truth, _, _ = night
    table = light_curve(folder)
    error = np.array(table["mag"]) - truth.mag
    honest = np.array(
        [frame_value(folder, name, "err_total", row) for name, row in zip(truth.files, table, strict=True)]
    )
    zp_err = max(framedb.read(folder / f"{name[:-5]}.ldac.db")[2]["zp_err"] for name in truth.files)
    assert abs(error.mean()) < 3 * np.hypot(zp_err, np.mean(table["in_sig"]) / np.sqrt(len(table)))
    assert error.std(ddof=1) < PHOTON_LIMITED * np.sqrt(2) * np.mean(
        table["in_sig"]
    )  # five frames: sqrt(chi2/4) < 1.8 at 99 %
    assert np.all(honest < np.array(table["sig"]))  # the documented error has the scatter of the stars in it


def frame_value(folder, image, column, row):
    _, table, _ = framedb.read(folder / image.replace(".fits", ".ldac.db"))
    return float(
        table[column][np.argmin(np.hypot(table["ra_deg"] - row["source_ra"], table["dec_deg"] - row["source_dec"]))]
    )


def test_positions_are_right_to_a_hundredth_of_a_pixel_or_so(night):
    folder, truth, _, _ = night
    table = light_curve(folder)
    east = (table["source_ra"] - truth.ra_deg) * np.cos(np.radians(truth.dec_deg)) * 3600
    north = (table["source_dec"] - truth.dec_deg) * 3600
    # seeing 1.6", S/N 90: a centroid is good to 1.6 / 2.35 / 90 = 0.008"; the solution rests on 70 stars
    assert np.sqrt(np.mean(east**2 + north**2)) < 0.05
    np.testing.assert_allclose(table["julian_date"], truth.midtime_jd, atol=6e-8)


def test_zeropoints_are_those_of_the_simulation(night):
    folder, truth, _, _ = night
    header = read_header(folder / truth.files[0])
    for number, name in enumerate(truth.files):
        _, _, zeropoint = framedb.read(folder / name.replace(".fits", ".ldac.db"))
        expected = truth.zeropoint[number] + 2.5 * np.log10(truth.aperture_fraction(number, header["APRAD"]))
        assert zeropoint["zp"] == pytest.approx(expected, abs=max(0.01, 3 * zeropoint["zp_err"]))
        assert zeropoint["n_matched"] >= 50


def test_pixels_of_the_frames_are_never_changed(night):
    folder, _, before, _ = night
    assert {name: pixels(folder / name) for name in before} == before


def test_the_header_says_what_was_done(night):
    folder, truth, _, _ = night
    header = read_header(folder / truth.files[0])
    assert header["TEL_KEYW"] == "VATT4K" and header["TELINSTR"] == "VATT/VATT4k"
    assert header["MIDTIMJD"] == pytest.approx(truth.midtime_jd[0], abs=1e-8)
    assert (header["SECPIXX"], header["SECPIXY"], header["SECPIX"]) == (0.375, 0.375, 0.375)
    assert header["REGCAT"] == "GAIA"
    assert header["CTYPE1"] == "RA---TAN"  # the simulated telescope does not distort: no terms are fitted to noise
    assert isinstance(header["CRVAL1"], float) and "FLXSCALE" not in header
    assert header["PHOTMODE"] == "APER" and 0 <= header["APIDX"] < 20
    for keyword in ("MIDTIMJD", "TEL_KEYW", "SECPIXX", "APRAD", "APIDX", "REGCAT"):
        assert header.comments[keyword].startswith("PP: ")


def test_the_table_has_the_documented_columns(night):
    folder, truth, _, _ = night
    table = light_curve(folder)
    names = "filename julian_date mag sig source_ra source_dec "
    names += '[1] [2] [3] [4] [5] ZP ZP_sig inst_mag in_sig [6] [7] [8] [9] [10] FWHM"'
    assert table.colnames == names.split()
    assert list(table["filename"]) == [name.replace(".fits", ".ldac") for name in truth.files]
    assert set(table["[6]"]) == {"PANSTARRS_transformed"} and set(table["[7]"]) == {"R"}
    np.testing.assert_allclose(table["mag"] - table["inst_mag"], table["ZP"], atol=2e-4)
    np.testing.assert_allclose(np.hypot(table["in_sig"], table["ZP_sig"]), table["sig"], atol=2e-4)


def test_the_database_is_laid_out_as_scripts_know_it(night):
    folder, truth, _, _ = night
    with sqlite3.connect(folder / truth.files[0].replace(".fits", ".ldac.db")) as connection:
        header = connection.execute(
            "select name, origin, magsys, obstime, exptime, obj, filtername from header"
        ).fetchone()
        columns = [row[1] for row in connection.execute("pragma table_info(data)")]
        number = connection.execute("select count(*) from data where _RJohnsonmag is not null").fetchone()[0]
    connection.close()
    assert header[:3] == ("mscience0217.ldac", "VATT4K;mscience0217.fits;PANSTARRS_transformed;R", "Vega")
    assert header[3:] == (pytest.approx(truth.midtime_jd[0]), 30.0, "3552", "R")
    assert {"ra_deg", "dec_deg", "MAG_APER", "FLAGS", "_RJohnsonmag", "_e_RJohnsonmag", "ident", "gp1mag"} <= set(
        columns
    )
    assert number > 80
    lower = [name.lower() for name in columns]
    assert len(set(lower)) == len(lower)


def test_log_has_the_lines_that_programs_look_for(night):
    folder, _, _, _ = night
    log = (folder / "LOG").read_text()
    assert re.search(r"best-fit aperture radius: \d+\.\d \(px\)", log)
    assert re.search(r"^pp_run\.py: 5 VATT4K frames identified \[\d\d/\d\d/\d{4} \d\d:\d\d:\d\d\]$", log, re.MULTILINE)
    assert re.search(r"zeropoint for mscience0217\.ldac: 26\.\d{3}\+-0\.\d{3} \(\d+/\d+ reference stars\)", log)
    assert "source-extractor" in log and "scamp" in log


def test_the_final_source_list_is_what_source_extractor_finds_with_that_aperture(night, run_command):
    folder, truth, _, _ = night
    ours = ldac.read(folder / "mscience0217.ldac")
    radius = read_header(folder / "mscience0217.fits")["APRAD"]
    copy = folder / "again"
    copy.mkdir(exist_ok=True)
    shutil.copy(folder / "mscience0217.fits", copy)
    assert (
        run_command(
            "pp_extract", "-snr", 1.5, "-minarea", 12, "-aprad", radius, "mscience0217.fits", cwd=copy
        ).returncode
        == 0
    )
    theirs = ldac.read(copy / "mscience0217.ldac")
    assert ours.table.colnames == theirs.table.colnames
    light = ("FLUX_APER", "FLUXERR_APER", "MAG_APER", "MAGERR_APER")  # ours: the same aperture, another sky
    for name in ours.table.colnames:
        if name not in ("XWIN_WORLD", "YWIN_WORLD", "FWHM_WORLD", *light):
            np.testing.assert_array_equal(ours.table[name], theirs.table[name], err_msg=name)
    off = (ours.table["FLUX_APER"] - theirs.table["FLUX_APER"]) / theirs.table["FLUXERR_APER"]
    assert abs(np.median(off)) < 0.3 and np.percentile(np.abs(off), 90) < 1.0  # a sky's error, not the light's
    distance = np.hypot(
        ours.table["XWIN_WORLD"] - theirs.table["XWIN_WORLD"], ours.table["YWIN_WORLD"] - theirs.table["YWIN_WORLD"]
    )
    assert distance.max() * 3600 < 1e-3
    with fits.open(folder / "mscience0217.ldac") as a, fits.open(copy / "mscience0217.ldac") as b:
        assert [hdu.name for hdu in a] == [hdu.name for hdu in b]
        assert a[2].columns.formats == b[2].columns.formats
        assert a[1].columns.names == b[1].columns.names == ["Field Header Card"]


def test_a_second_run_gives_the_same_bytes_for_any_number_of_workers(night, run_command):
    folder, truth, _, _ = night
    copy = folder.parent / "second"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("again"))
    before = results_of(copy)
    frames = {name: (copy / name).read_bytes() for name in truth.files}
    done = run_command("pp_run", *truth.files, OFFLINE, "-force", "-jobs", 1, cwd=copy)
    assert done.returncode == 0, done.stderr
    assert results_of(copy) == before
    assert {name: (copy / name).read_bytes() for name in truth.files} == frames


def test_steps_by_hand_give_what_pp_run_gives(night, tmp_path, run_command):
    folder, truth, _, _ = night
    sky.make_dataset(tmp_path, 5, seed=3)
    for command in (
        ["pp_prepare"],
        ["pp_register", OFFLINE],
        ["pp_photometry", OFFLINE, "-snr", 1.5],
        ["pp_calibrate", OFFLINE],
        ["pp_distill", OFFLINE],
    ):
        done = run_command(command[0], *command[1:], *truth.files, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    by_hand, ours = (np.genfromtxt(place / TARGET, comments="#", usecols=range(1, 15)) for place in (tmp_path, folder))
    away = np.abs(by_hand - ours)  # the registration looks for sources of its own by hand, which moves the WCS
    assert away[:, 3:5].max() * 3600 < 0.0005
    assert away.max() < 0.001 and np.median(away[:, 1]) == 0  # 1 of 25 parts of a pixel at the edge of an aperture


def test_pp_run_hands_the_colour_term_on_and_the_results_state_it(night, tmp_path, run_command):
    folder, truth, _, _ = night
    copy = shutil.copytree(folder, tmp_path / "copy")
    done = run_command("pp_run", *truth.files, OFFLINE, "-colorterm", "g-r", "-target_color", "0.9", cwd=copy)
    assert done.returncode == 0, done.stderr
    assert "up to date: prepare, register, photometry" in done.stdout  # the colour term concerns the calibration alone
    term = framedb.read_colorterm(copy / truth.files[0].replace(".fits", ".ldac.db"))
    assert abs(term["coefficient"]) < 4 * term["err"] < 0.1  # the simulated camera has the band of the catalogue
    text = (copy / TARGET).read_text()
    assert f"# colour term {term['coefficient']:+.4f}+-{term['err']:.4f} * (g-r): magnitudes hold for" in text
    assert "a source of g-r = 0.900" in text
    light_curve(copy)  # and it reads as before
    wrong = run_command("pp_run", *truth.files, OFFLINE, "-colorterm", "g-g", cwd=copy)
    assert wrong.returncode == 2 and "g-g is not a colour" in wrong.stderr
    kept = run_command("pp_run", *truth.files, OFFLINE, cwd=copy)
    assert kept.returncode == 0 and "-colorterm g-r" in kept.stdout
    assert run_command("pp_run", "-fresh", *truth.files, OFFLINE, cwd=copy).returncode == 0
    assert results_of(copy) == results_of(folder)  # without it everything is as it was


def test_without_diagnostics_there_are_the_same_tables_and_no_pages(night, tmp_path, run_command):
    folder, truth, _, _ = night
    settings = tmp_path / "settings" / "photometrypipeline"
    settings.mkdir(parents=True)
    (settings / "pp_setup.py").write_text("diagnostics = False\n")
    data = tmp_path / "data"
    data.mkdir()
    sky.make_dataset(data, 5, seed=3)
    done = run_command("pp_run", *truth.files, OFFLINE, cwd=data, env={"XDG_CONFIG_HOME": str(settings.parent)})
    assert done.returncode == 0, done.stderr
    tables = results_of(data)
    assert set(tables) <= set(results_of(folder))  # other tests leave tables of theirs there
    assert tables == {name: content for name, content in results_of(folder).items() if name in tables}
    assert not (data / "diagnostics.html").exists()
    left = (data / ".diagnostics").iterdir()
    assert not [path for path in left if path.suffix in (".html", ".png", ".js") or path.name in RECORDS]


def test_the_control_star_keeps_still(night):
    folder, _, _, _ = night
    table = light_curve(folder, "photometry_Control_Star.dat")
    assert len(table) == 5
    assert np.ptp(table["mag"]) < 0.05
    assert np.all(np.abs(table["[1]"]) < 0.1)


def test_observations_taken_out_by_hand_stay_behind_a_hash_and_the_rest_stays_as_it_was(night, tmp_path, run_command):
    folder, truth, _, _ = night
    copy = shutil.copytree(folder, tmp_path / "copy")
    before = {name: (copy / name).read_text() for name in (TARGET, "photometry_Control_Star.dat")}
    (copy / "rejected.lst").write_text(f"{truth.files[1]} 3552\nno_such.fits\n")
    done = run_command("pp_distill", OFFLINE, "-exclude", "rejected.lst", *truth.files, cwd=copy)
    assert done.returncode == 0, done.stderr  # asked for, hence no loss
    assert "rejected.lst: 'no_such.fits' is not an observation of this run" in done.stderr
    lines = before[TARGET].splitlines()
    lines[2] = "#" + lines[2][1:] + " # by hand"
    assert (copy / TARGET).read_text().splitlines() == lines
    assert (copy / "photometry_Control_Star.dat").read_text() == before["photometry_Control_Star.dat"]
    done = run_command("pp_run", OFFLINE, "-exclude", "rejected.lst", *truth.files, cwd=copy)
    assert done.returncode == 0, done.stderr
    assert (copy / TARGET).read_text().splitlines() == lines
    done = run_command("pp_run", OFFLINE, *truth.files, cwd=copy)
    assert "as chosen before (pp_choices.toml; -fresh forgets it): pp_distill -exclude rejected.lst" in done.stdout
    assert (copy / TARGET).read_text().splitlines() == lines
    done = run_command("pp_run", OFFLINE, "-fresh", *truth.files, cwd=copy)
    assert "moved to old/: pp_choices.toml" in done.stdout
    assert (copy / TARGET).read_text() == before[TARGET]


# ---- bad input


BAD = {
    "truncated": "truncated",
    "text": "not a FITS file",
    "empty": "is empty",
    "no date": "DATE-OBS",
    "no pointing": "RA",
    "blank": "too few sources",
    "elsewhere": "no match",
    "cube": "cube",
}


@pytest.fixture(scope="module")
def mixed_night(tmp_path_factory):
    """Return (folder, Truth, bytes of the bad files before, CompletedProcess): two good frames among bad ones."""
    folder = tmp_path_factory.mktemp("mixed")
    truth = sky.make_dataset(folder, 2, bad=list(BAD))
    with fits.open(folder / truth.files[0]) as hdus:
        header = hdus[0].header.copy()
        nothing = np.full(hdus[0].data.shape, np.nan, dtype=np.float32)
    fits.PrimaryHDU(nothing, header).writeto(folder / "nan.fits")
    fits.PrimaryHDU(None, header).writeto(folder / "nodata.fits")
    truth.bad_files |= {"nan": "nan.fits", "nodata": "nodata.fits"}
    before = {kind: (folder / name).read_bytes() for kind, name in truth.bad_files.items()}
    return folder, truth, before, run_plain("pp_run", "*.fits", OFFLINE, cwd=folder)


@pytest.mark.parametrize(("kind", "why"), [*BAD.items(), ("nan", "NaN"), ("nodata", "no image")])
def test_each_bad_frame_is_named_with_its_reason(mixed_night, kind, why):
    _, truth, _, done = mixed_night
    summary = done.stderr[done.stderr.index("losses:") :]
    lines = [line for line in summary.splitlines() if truth.bad_files[kind] in line]
    assert len(lines) == 1
    assert why in lines[0]


def test_good_frames_are_done_among_bad_ones(mixed_night):
    folder, truth, _, done = mixed_night
    assert done.returncode == 3
    assert "Traceback" not in done.stdout + done.stderr
    assert list(light_curve(folder)["filename"]) == [name.replace(".fits", ".ldac") for name in truth.files]


def test_frames_that_cannot_be_prepared_stay_untouched(mixed_night):
    folder, truth, before, _ = mixed_night
    for kind in set(before) - {"blank", "elsewhere"}:
        assert (folder / truth.bad_files[kind]).read_bytes() == before[kind], kind


@pytest.mark.parametrize(
    ("arguments", "why"),
    [([], "images"), (["nothing*.fits"], "nothing"), (["missing.fits"], "missing.fits"), (["LOGBOOK.txt"], "read")],
)
def test_no_images_is_a_wrong_command_line(tmp_path, run_command, arguments, why):
    (tmp_path / "LOGBOOK.txt").write_text("no image\n")
    done = run_command("pp_run", "-injections", 0, *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert why in done.stderr and "Traceback" not in done.stderr


def test_two_filters_are_refused_and_listed(tmp_path, run_command):
    truth = sky.make_dataset(tmp_path, 2, filters=("TOP 3 BOT 1", "TOP 2 BOT 1"), store=False)
    before = [path.read_bytes() for path in truth.paths]
    done = run_command("pp_run", "-injections", 0, *truth.files, OFFLINE, cwd=tmp_path)
    assert done.returncode == 2
    assert "TOP 2 BOT 1" in done.stderr and truth.files[0] in done.stderr and "-filter" in done.stderr
    assert [path.read_bytes() for path in truth.paths] == before


def test_two_instruments_are_refused_and_listed(tmp_path, run_command):
    truth = sky.make_dataset(tmp_path, 2, store=False)
    fits.setval(truth.paths[1], "INSTRUME", value="agile")
    done = run_command("pp_run", "-injections", 0, *truth.files, OFFLINE, cwd=tmp_path)
    assert done.returncode == 2
    assert "VATT4K" in done.stderr and "ARC35AGILE" in done.stderr


def test_an_unknown_camera_says_what_it_needs_without_a_terminal(tmp_path, run_command):
    truth = sky.make_dataset(
        tmp_path, 1, header={"INSTRUME": "Homebuilt", "EXPTIME": None, "FILTER": None}, store=False
    )
    before = truth.paths[0].read_bytes()
    done = run_command("pp_run", "-injections", 0, *truth.files, OFFLINE, cwd=tmp_path)
    assert done.returncode == 2
    assert "-set filter=... -set exptime=..." in done.stderr
    assert truth.paths[0].read_bytes() == before


def test_a_filter_without_translation_is_an_error_that_names_the_key(tmp_path, run_command):
    truth = sky.make_dataset(tmp_path, 1, header={"FILTER": "Bessel X"}, store=False)
    done = run_command("pp_run", "-injections", 0, *truth.files, OFFLINE, cwd=tmp_path)
    assert done.returncode == 1
    assert "filter_translations" in done.stderr and "VATT4K" in done.stderr and "Bessel X" in done.stderr


# ---- targets


def test_a_target_that_is_not_there_is_no_star(tmp_path, run_command):
    truth = sky.make_dataset(tmp_path, 2, n_stars=60, seed=8)
    place = empty_place(truth)
    (tmp_path / "places.dat").write_text(
        "".join(f"{name} {place[0]:.6f} {place[1]:.6f} 0 ghost\n" for name in truth.files)
    )
    assert run_command("pp_run", "-injections", 0, *truth.files, OFFLINE, cwd=tmp_path).returncode == 0
    done = run_command("pp_distill", "-positions", "places.dat", *truth.files, cwd=tmp_path)
    assert done.returncode == 3
    rows = [line for line in (tmp_path / "photometry_ghost.dat").read_text().splitlines() if "mscience" in line]
    assert len(rows) == 2  # of each frame what there is at the place, and the nearest source
    assert all(row.startswith("#") and "(pos)" in row and "not detected" in row for row in rows)


def empty_place(truth):
    """Return a place in the first frame that has no source within 12 arcsec."""
    x, y = truth.star_pixels(0)
    grid = np.array([(i, j) for i in range(60, 540, 10) for j in range(60, 540, 10)])
    apart = np.hypot(grid[:, :1] - x, grid[:, 1:] - y).min(axis=1)
    ax, ay = truth.wcs[0].all_world2pix([truth.ra_deg[0]], [truth.dec_deg[0]], 1)
    apart = np.minimum(apart, np.hypot(grid[:, 0] - ax, grid[:, 1] - ay))
    best = grid[np.argmax(apart)]
    assert apart.max() * 0.375 > 12
    return [float(value) for value in truth.wcs[0].all_pix2world(*best, 1)]


# ---- catalogues of the user


def test_own_catalogue_for_registration_and_calibration(tmp_path, run_command):
    truth = sky.make_dataset(tmp_path, 2)
    stars = truth.table("PANSTARRS")
    r, colour = np.asarray(stars["rp1mag"], float), np.asarray(stars["gp1mag"] - stars["rp1mag"], float)
    own = Table(
        {
            "RA": stars["ra_deg"],
            "DEC": stars["dec_deg"],
            "Rmag": r - 0.138 - 0.131 * colour,
            "e_Rmag": np.full(len(r), 0.01),
        }
    )
    own[np.isfinite(own["Rmag"])].write(tmp_path / "my stars.csv", format="ascii.csv")
    done = run_command(
        "pp_run",
        "-injections",
        0,
        *truth.files,
        OFFLINE,
        "-cat",
        "my stars.csv",
        "-catalog",
        "my stars.csv",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    table = light_curve(tmp_path)
    assert set(table["[6]"]) == {"my_stars"}
    np.testing.assert_allclose(table["mag"], truth.mag, atol=0.06)  # 0.011 noise, 0.02 of the linear relation


def test_own_catalogue_that_lacks_something_says_what_before_any_work(tmp_path, run_command):
    (tmp_path / "own.csv").write_text("alpha_hours,Vmag\n1.0,12.0\n")
    fits.writeto(tmp_path / "a.fits", np.zeros((9, 9)))
    done = run_command("pp_run", "a.fits", OFFLINE, "-cat", "own.csv", cwd=tmp_path)
    assert done.returncode == 2 and not list(tmp_path.glob("*.ldac"))
    assert "own.csv" in done.stderr and "alpha_hours" in done.stderr and "dec_deg" in done.stderr
    assert "Traceback" not in done.stderr
