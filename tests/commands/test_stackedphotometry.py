"""pp_stackedphotometry for real: an asteroid below the limit of single frames, found and measured in their stack."""

import re

import numpy as np
import pytest
from astropy.io import ascii as text_tables
from astropy.io import fits
from astropy.stats import mad_std
from astropy.table import Table
from test_combine import prepared

import pp_setup
import sky
from photometrypipeline.catalogs import skystore
from photometrypipeline.frames import framedb, positionsfile, records
from photometrypipeline.frames.frame import read_header
from photometrypipeline.frames.wcskeywords import wcs_of
from photometrypipeline.photometry import noise

OFFLINE = "-offline"
N_FRAMES = 25
RADIUS_PX = 3.5
BELOW = 1.5  # mag
SHARE = 0.83  # of the light of a star of FWHM 4.27 px within that radius
TARGET = "photometry_3552.dat"


@pytest.fixture
def no_pages(monkeypatch):
    monkeypatch.setattr(pp_setup, "diagnostics", False)


def limit_of_a_frame(night):
    """Return the magnitude whose light in the aperture is 5 times the noise of its pixels."""
    pixel = np.sqrt(night.sky_adu * night.gain + night.read_noise**2) / night.gain
    return night.zeropoint - 2.5 * np.log10(5 * pixel * np.sqrt(np.pi) * RADIUS_PX / SHARE)


def light_curve(folder, name=TARGET):
    return text_tables.read(folder / name, format="commented_header")


def honest_error(folder, row):
    _, table, _ = framedb.read(folder / "comove" / "comove.ldac.db")
    near = np.hypot(table["ra_deg"] - row["source_ra"], table["dec_deg"] - row["source_dec"])
    return float(table["err_total"][near.argmin()])


@pytest.fixture(scope="module")
def faint(tmp_path_factory):
    """Return the Truth of 25 frames with an asteroid 1.5 mag below the limit of one of them."""
    mag = limit_of_a_frame(sky.Night()) + BELOW
    folder = tmp_path_factory.mktemp("faint")
    truth = sky.make_dataset(folder, N_FRAMES, size=(360, 360), n_stars=36, seed=21, asteroid_mag=mag, solved=True)
    assert truth.aperture_fraction(0, RADIUS_PX) == pytest.approx(SHARE, abs=0.005)
    return prepared(truth)


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    """Return the Truth of four frames with a bright asteroid that hardly moves."""
    folder = tmp_path_factory.mktemp("slow")
    truth = sky.make_dataset(
        folder, 4, size=(330, 330), n_stars=50, seed=22, asteroid_mag=17.5, rate=(-1.0, 1.0), solved=True
    )
    return prepared(truth)


def test_an_asteroid_below_the_limit_is_found_and_measured(faint, call):
    """With its ephemeris, then with rates by hand, which keeps the results of the first run."""
    folder, ways = faint.folder, (["-comoving"], ["-manual_rates", -45 / 3600, 20 / 3600])
    (folder / TARGET).write_text("mscience0217.ldac: what the frames gave\n")
    for n, arguments in enumerate(ways):
        frames = faint.files if n == 0 else sorted(path.name for path in folder.glob("*.fits"))  # with the stacks
        done = call("pp_stackedphotometry", *arguments, OFFLINE, *frames, cwd=folder)
        assert done.returncode == 0, done.stderr
        (row,) = light_curve(folder)
        error = honest_error(folder, row)
        assert 0.1 < error < 0.25  # 5 sigma / 10^(0.4 * 1.5) * 5 for 25 frames: S/N 6
        assert abs(row["mag"] - faint.mag[0]) < 2.5 * error
        east = (row["source_ra"] - faint.ra_deg.mean()) * np.cos(np.radians(row["source_dec"])) * 3600
        assert np.hypot(east, (row["source_dec"] - faint.dec_deg.mean()) * 3600) < 0.6  # seeing 1.6" / S/N 6, 2 sigma
        assert (row["[6]"], row["[7]"], row["[5]"]) == ("manual_zp", "R", 30.0 * N_FRAMES)
        _, _, zeropoint = framedb.read(folder / "skycoadd" / "skycoadd.ldac.db")
        assert row["ZP"] == pytest.approx(zeropoint["zp"], abs=2e-4)
        _, _, moving = framedb.read(folder / "comove" / "comove.ldac.db")
        for name in ("err_zp_frame", "err_transformation", "err_uniformity"):
            assert moving[name] == pytest.approx(zeropoint[name]) and moving[name] > 0
        assert row["julian_date"] == pytest.approx(faint.midtime_jd.mean(), abs=1e-7)
        sky_header, header = (read_header(folder / name / f"{name}.fits") for name in ("skycoadd", "comove"))
        assert header["APRAD"] == sky_header["APRAD"]
        assert (folder / "comove.old").exists() == (n == 1)
        assert "what the frames gave" in (folder / f"{TARGET}.old").read_text()  # not what the first stack gave
        assert (f"{TARGET} was there already" in done.stderr) == (n == 0)
        for name in ("skycoadd", "comove"):
            assert (folder / name / "diagnostics.html").exists() and (folder / name / "LOG").exists()
            assert not list((folder / name).glob("coadd*"))
            assert (folder / f"{name}.fits").read_bytes() == (folder / name / f"{name}.fits").read_bytes()
    assert not list(folder.glob("*Control_Star*"))
    assert "pp_combine" in (folder / "comove" / "LOG").read_text()


def test_depth_grows_with_the_number_of_frames(faint, tmp_path, call, no_pages):
    link_store(faint, tmp_path)
    for arguments in ([], ["-comoving", "-mask_stars", "skycoadd.fits"]):
        done = call("pp_combine", *arguments, OFFLINE, *faint.paths, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    single = mad_std(noise.empty_sums(fits.getdata(faint.paths[3]).astype(float), RADIUS_PX)[0])
    stacked = mad_std(noise.empty_sums(fits.getdata(tmp_path / "comove.fits").astype(float), RADIUS_PX)[0])
    assert 2.5 * np.log10(single / stacked) == pytest.approx(1.25 * np.log10(N_FRAMES), abs=0.15)


def link_store(truth, folder):
    (folder / "pp_store").symlink_to(truth.folder / "pp_store")
    return folder


def test_without_comoving_the_stack_of_the_sky_gives_the_target(slow, tmp_path, call, no_pages):
    done = call("pp_stackedphotometry", OFFLINE, *slow.paths, cwd=link_store(slow, tmp_path))
    assert done.returncode == 0, done.stderr
    (row,) = light_curve(tmp_path)
    assert abs(row["mag"] - slow.mag[0]) < 3 * row["sig"] and row["[7]"] == "R"
    assert row["[6]"] == "PANSTARRS_transformed"
    assert (tmp_path / "skycoadd" / TARGET).exists() and not (tmp_path / "comove").exists()
    assert "use -comoving" not in done.stderr


def test_a_stack_that_does_not_follow_a_fast_target_says_so(slow, tmp_path, call, no_pages):
    rows = [(slow.files[k], slow.ra_deg[k], slow.dec_deg[0] + 2 * k / 3600, slow.midtime_jd[k]) for k in (0, 3)]
    positionsfile.write(tmp_path / "positions.dat", rows)
    options = ("-positions", "positions.dat", OFFLINE)
    done = call("pp_stackedphotometry", *options, *slow.paths, cwd=link_store(slow, tmp_path))
    assert re.search(r'the target moves by 6\.\d" .* use -comoving', done.stderr)


def test_filter_and_fixed_aperture_reach_both_stacks(slow, tmp_path, call, no_pages):
    done = call(
        "pp_stackedphotometry", "-comoving", "-filter", "r", "-fixed_aprad", 5, "-targetname", 3552, "-reject", "none",
        "-method", "average", OFFLINE, *slow.paths, cwd=link_store(slow, tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (row,) = light_curve(tmp_path)
    assert row["[7]"] == "r"
    for name in ("skycoadd", "comove"):
        header = read_header(tmp_path / name / f"{name}.fits")
        assert (header["APRAD"], header["COMBO_M"], header["OBJECT"]) == (5.0, "average", "3552")


def test_without_a_zeropoint_magnitudes_are_instrumental_and_the_status_says_so(slow, tmp_path, call, no_pages):
    moved = slow.table("PANSTARRS").copy()  # as many stars, none where one is
    moved["dec_deg"] = np.asarray(moved["dec_deg"]) + 7 / 3600
    cone = (*slow.night.centre, sky.STORE_RADIUS_DEG)
    for name in ("PANSTARRS", "SDSS-R9", "APASS9"):
        skystore.write_tiles(tmp_path / "pp_store", name, moved if name == "PANSTARRS" else moved[:0], cone, 21.0)
    sky.ephemeris.store_rows(tmp_path / "pp_store", "3552", sky.SITE, slow.ephemeris())
    done = call("pp_stackedphotometry", "-comoving", OFFLINE, *slow.paths, cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert "no zeropoint" in done.stderr
    (row,) = light_curve(tmp_path)
    assert row["[7]"] == "-" and row["ZP"] == 0 and row["mag"] == row["inst_mag"]
    flux = 10 ** (0.4 * (slow.night.zeropoint - slow.mag[0]))
    radius = read_header(tmp_path / "comove" / "comove.fits")["APRAD"]
    expected = -2.5 * np.log10(flux * slow.aperture_fraction(0, radius))
    assert row["mag"] == pytest.approx(expected, abs=0.03)


def test_a_target_without_ephemeris_is_measured_where_positions_put_it(slow, tmp_path, call, no_pages):
    skystore_only = link_store(slow, tmp_path)
    rows = [(slow.files[k], slow.ra_deg[k], slow.dec_deg[k], slow.midtime_jd[k]) for k in (0, 3)]
    positionsfile.write(tmp_path / "positions.dat", rows)
    done = call(
        "pp_stackedphotometry", "-manual_rates", -1 / 3600, 1 / 3600, "-positions", "positions.dat", OFFLINE,
        *slow.paths, cwd=skystore_only,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (row,) = light_curve(tmp_path, "photometry_manual_target.dat")
    assert abs(row["mag"] - slow.mag[0]) < 3 * row["sig"] and abs(row["[1]"]) < 0.1
    assert wcs_of(read_header(tmp_path / "comove" / "comove.fits")).has_celestial


def test_frames_of_two_filters_end_with_status_2_before_anything_is_made(slow, tmp_path, call, no_pages):
    other = tmp_path / "other.fits"
    other.write_bytes(slow.paths[0].read_bytes())
    fits.setval(other, "FILTER", value="TOP 2 BOT 1")
    done = call("pp_stackedphotometry", "-comoving", OFFLINE, *slow.paths, other, cwd=tmp_path)
    assert done.returncode == 2 and "other.fits" in done.stderr
    assert not (tmp_path / "skycoadd").exists()


def test_solar_takes_stars_of_all_colours_where_those_like_the_sun_are_too_few(slow, tmp_path, call, no_pages):
    table = slow.table("PANSTARRS").copy()
    table["ip1mag"] = np.asarray(table["rp1mag"]) - 0.45  # no star is like the Sun
    cone = (*slow.night.centre, sky.STORE_RADIUS_DEG)
    skystore.write_tiles(tmp_path / "pp_store", "PANSTARRS", table, cone, 21.0)
    for name in ("SDSS-R9", "APASS9"):
        skystore.write_tiles(tmp_path / "pp_store", name, table[:0], cone, 21.0)
    sky.ephemeris.store_rows(tmp_path / "pp_store", "3552", sky.SITE, slow.ephemeris())
    done = call("pp_stackedphotometry", "-solar", OFFLINE, *slow.paths, cwd=tmp_path)
    assert "too few stars like the Sun" in done.stdout
    (row,) = light_curve(tmp_path)
    assert row["[7]"] == "R" and row["ZP"] > 0


def test_a_table_of_the_user_gives_the_zeropoint_and_is_found_from_the_folders_of_the_stacks(
    slow, tmp_path, call, no_pages
):
    stars = Table({"ra": slow.stars["ra_deg"], "dec": slow.stars["dec_deg"]})
    stars["Rmag"], stars["e_Rmag"] = slow.stars["R"] + 0.5, 0.01
    stars.write(tmp_path / "own.ecsv")
    options = ("-comoving", "-catalog", "own.ecsv", OFFLINE)
    done = call("pp_stackedphotometry", *options, *slow.paths, cwd=link_store(slow, tmp_path))
    assert done.returncode == 0, done.stderr
    (row,) = light_curve(tmp_path)
    assert abs(row["mag"] - (slow.mag[0] + 0.5)) < 3 * row["sig"] < 0.2


def test_a_colour_term_is_fitted_in_the_stack_of_the_sky(slow, tmp_path, call):
    """The simulated camera has none: the coefficient is 0 within its error, and the asteroid keeps its magnitude."""
    options = ("-comoving", "-colorterm", "g-r", "-target_color", 0.6, OFFLINE)
    done = call("pp_stackedphotometry", *options, *slow.paths, cwd=link_store(slow, tmp_path))
    assert done.returncode == 0, done.stderr
    term = records.read(tmp_path / "skycoadd")["calibrate"].color_term
    assert term.target_color == 0.6 and abs(term.coefficient) < 3 * term.err < 0.1
    (row,) = light_curve(tmp_path)
    assert abs(row["mag"] - slow.mag[0]) < 3 * row["sig"]
    wrong = call("pp_stackedphotometry", "-colorterm", "blue", OFFLINE, *slow.paths, cwd=tmp_path)
    assert wrong.returncode == 2 and "blue" in wrong.stderr


def test_a_step_that_fails_leaves_a_red_note_and_the_seeing_is_not_judged_where_no_star_is(slow, tmp_path, call):
    done = call("pp_stackedphotometry", "-comoving", OFFLINE, *slow.paths, cwd=link_store(slow, tmp_path))
    assert done.returncode == 0, done.stderr
    record = records.read(tmp_path / "comove")["photometry"]
    assert record.frames[0].fwhm_px is None and record.basis == "that of skycoadd.fits"
    assert "of a star's light" not in (tmp_path / "comove" / "diagnostics.html").read_text()
    done = call("pp_stackedphotometry", "-comoving", "-targetname", "No Such", OFFLINE, *slow.paths, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert records.read_failures(tmp_path / "comove")[0][0] == "combine"
    assert "pp_combine failed" in (tmp_path / "comove" / "diagnostics.html").read_text()
