"""pp_distill on a night with a moving asteroid that fades, meets stars and passes over them; its options one by one."""

import re
import shutil
import sqlite3

import numpy as np
import pytest
from astropy.io import ascii as text_tables
from astropy.table import Table
from test_commands import run_plain

import pp_calibrate
import pp_distill
import sky
from horizons import Body
from photometrypipeline.ephemerides import ephemeris
from photometrypipeline.frames import lightcurves, records
from photometrypipeline.frames.rows import Row
from photometrypipeline.targets import targets
from services import Server

MAG, GONE = 17.0, 27.0
FADED, OVER_STARS, BESIDE = (3, 4, 5), (5,), 7  # numbers of frames
STARS = {4: (4.0, 0.0, 18.0), 5: (0.3, 0.1, 17.0), 6: (-0.3, 0.3, 16.0), 7: (2.6, 0.0, 17.5)}
ERROR = 0.012  # mag, of the asteroid: photons and sky in the aperture, zeropoint
GOOD = [0, 1, 2, 7, 8]
REPAIRED = 6


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """Return (folder, Truth) of nine frames, calibrated: the asteroid is gone in three of them and meets four stars."""
    folder = tmp_path_factory.mktemp("encounters")
    mags = [GONE if number in FADED else MAG for number in range(9)]
    met = [(number, *star) for number, star in STARS.items()]
    knobs = {"size": (800, 600), "n_stars": 150, "rate": (-1200.0, 300.0), "seed": 5, "solved": True}
    truth = sky.make_dataset(folder, 9, asteroid_mag=mags, encounters=met, **knobs)
    done = run_plain("pp_run", *truth.files, "-offline", "-keep_wcs", "-fixed_aprad", "4", cwd=folder)
    assert done.returncode == 3, done.stderr
    return folder, truth


@pytest.fixture
def night(pristine, tmp_path, monkeypatch):
    """Return (folder, Truth, distill) of a copy; distill(*options) runs pp_distill there and returns its status."""
    folder, truth = tmp_path / "night", pristine[1]
    shutil.copytree(pristine[0], folder, ignore=shutil.ignore_patterns(".diagnostics", "*.html", "LOG"))
    monkeypatch.chdir(folder)
    monkeypatch.setattr("diagnostics.render", lambda *_, **__: None)  # pages are looked at elsewhere

    def distill(*options, frames=truth.files):
        return pp_distill.main([*map(str, options), "-offline", *frames])

    return folder, truth, distill


def table_of(folder, name="3552"):
    """Return the rows that count, as others read them."""
    return text_tables.read(folder / f"photometry_{name}.dat", format="commented_header")


def lines_of(folder, name="3552"):
    """Return {frame number: [lines behind #]}."""
    found = {}
    for line in (folder / f"photometry_{name}.dat").read_text().splitlines():
        if line.startswith("#") and "mscience" in line:
            found.setdefault(int(re.search(r"mscience0(\d+)", line)[1]) - 217, []).append(line)
    return found


def observations(folder, name="3552", seen=True):
    """Return the rows of the database (list of sqlite3.Row) of a target: with a source, or forced ones."""
    connection = sqlite3.connect(folder / "photometry.db")
    connection.row_factory = sqlite3.Row
    query = f"select * from observations where target = ? and (status != 'not detected') = {seen:d} order by jd"
    rows = connection.execute(query, [name]).fetchall()
    connection.close()
    return rows


def limits(folder):
    """Return {frame number: row of the database} of the frames on which the asteroid was not detected."""
    return {int(row["frame"].removesuffix(".fits")[-4:]) - 217: row for row in observations(folder, seen=False)}


def frames_of(truth, numbers):
    return [truth.files[number].replace(".fits", ".ldac") for number in numbers]


# ---- which source is the target


def test_only_frames_that_show_the_asteroid_alone_count_and_they_are_right(pristine):
    folder, truth = pristine
    table = table_of(folder)
    assert list(table["filename"]) == frames_of(truth, sorted([*GOOD, REPAIRED]))
    alone = [number != REPAIRED for number in sorted([*GOOD, REPAIRED])]
    assert np.all(np.abs(table["mag"] - MAG)[alone] < 4 * ERROR)
    assert np.hypot(table["[1]"], table["[2]"]).max() < 0.1


def test_a_faded_asteroid_never_gets_the_magnitude_of_a_star(pristine):
    """One star is 4" away, inside the 10" that the old rule allows, one at the very place."""
    folder, _ = pristine
    behind = lines_of(folder)
    assert sorted(behind) == [3, 4, 5] and all(len(lines) == 1 for lines in behind.values())
    read = lightcurves.read(folder / "photometry_3552.dat")
    assert not read.remarks and len(read.curve.every) == 12  # table and database agree
    assert "(pos)" in behind[3][0] and "a star stands there (18.0 mag" in behind[4][0]
    assert "a star stands there (17.0 mag" in behind[5][0]
    rows = observations(folder)
    assert [row["status"] for row in rows] == ["accepted"] * 3 + ["rejected"] * 3 + ["accepted"] * 3
    assert sorted(limits(folder)) == [3, 4, 5]
    assert all(row["mag"] is None and row["reason"].startswith("not detected") for row in limits(folder).values())


def test_over_a_star_that_other_frames_know_the_rest_is_the_asteroid(pristine):
    folder, _ = pristine
    over = observations(folder)[REPAIRED]  # the star is 2.5 times as bright as the asteroid
    assert (over["status"], over["method"]) == ("accepted", "PSF")
    assert over["neighbour_fraction"] == pytest.approx(2.5, abs=0.2)
    assert abs(over["mag"] - MAG) < 3 * over["err_frame"]
    assert 0.02 < over["err_scene"] < over["err_frame"] < 0.06
    beside = observations(folder)[BESIDE]
    assert 0.01 < beside["contamination"] < 0.1  # the star 2.6" away, 1.6 widths


def test_the_database_tells_how_likely_each_match_is(pristine):
    folder, _ = pristine
    rows = observations(folder)
    assert all(rows[number]["probability"] > 0.99 for number in GOOD)
    assert all(row["probability"] < 0.01 for row in rows if row["status"] != "accepted")
    assert rows[4]["distance_arcsec"] == pytest.approx(4.0, abs=0.2)
    assert (rows[0]["sigma_ra_arcsec"], rows[0]["sigma_dec_arcsec"]) == (0.03, 0.02)
    assert rows[0]["err_total"] < rows[0]["sig"] and rows[0]["source"] == "store"


def test_forced_photometry_tells_how_faint_it_is(pristine):
    folder, truth = pristine
    rows = limits(folder)
    area, night = np.pi * 4**2, truth.night
    noise = np.sqrt(area * (night.sky_adu / night.gain + (night.read_noise / night.gain) ** 2 + 1 / 12))
    for number in (3, 4):
        assert rows[number]["forced_err"] == pytest.approx(noise, rel=0.2)  # faint stars of the field are in it too
        assert abs(rows[number]["forced_flux"]) < 4 * noise
        expected = (
            truth.zeropoint[number] + 2.5 * np.log10(truth.aperture_fraction(number, 4.0)) - 2.5 * np.log10(3 * noise)
        )
        assert rows[number]["mag_limit"] == pytest.approx(expected, abs=0.25)
        line = lines_of(folder)[number][0]
        assert f"fainter than {rows[number]['mag_limit']:.2f} mag (3 sigma)" in line
        assert len(line[1:].split(" # ")[0].split()) == 21
    for number in OVER_STARS:  # the star is known and taken off; how well it is known limits what can be said
        assert abs(rows[number]["forced_flux"]) < 4 * rows[number]["forced_err"]
        assert 18.5 < rows[number]["mag_limit"] < rows[3]["mag_limit"] - 0.2
        star = 10 ** (0.4 * (truth.zeropoint[number] - STARS[number][2])) * truth.aperture_fraction(number, 4.0)
        assert rows[number]["others_flux"] == pytest.approx(star, rel=0.05)
    assert all(row["forced_flux"] is None for row in observations(folder))


def test_the_page_and_the_tables_of_others_see_no_detection_in_it(pristine):
    folder, _ = pristine
    target = next(each for each in records.light_curves(records.read(folder)["distill"], folder) if each.name == "3552")
    assert sum(row.accepted for row in target.rows) == 6
    assert len(target.unseen) == 3 and all(row.forced_err > 0 for row in target.unseen)


def test_every_run_leaves_the_light_curve_as_a_tidy_table(pristine):
    folder, _ = pristine
    found = Table.read(folder / "lightcurve_3552.csv", format="ascii.csv")
    counts = found[found["accepted"] == "True"]
    np.testing.assert_allclose(counts["mag"], table_of(folder)["mag"], atol=6e-5)
    assert set(found["status"]) <= {"accepted", "rejected", "not detected", "not expected"}
    late_d = counts["jd"] - counts["jd_light_time_corrected"]
    np.testing.assert_allclose(late_d, counts["delta_au"] * 499.004784 / 86400, atol=2e-7)


def test_the_same_again_gives_the_same_bytes(night):
    folder, _, distill = night
    names = ("photometry_3552.dat", "photometry.db", "lightcurve_3552.csv")
    before = {name: (folder / name).read_bytes() for name in names}
    assert distill() == 3
    assert {name: (folder / name).read_bytes() for name in before} == before


# ---- options


def test_reject_none_takes_the_nearest_source_however_far(night):
    folder, truth, distill = night
    assert distill("-reject", "none") == 0
    table = table_of(folder)
    assert len(table) == 9 and np.hypot(table["[1]"], table["[2]"])[3] > 10
    assert "not detected" not in (folder / "photometry_3552.dat").read_text()


def test_reject_pos_alone_is_the_old_rule(night):
    folder, truth, distill = night
    assert distill("-reject", "pos") == 3
    assert list(table_of(folder)["filename"]) == frames_of(truth, [0, 1, 2, 4, 5, 6, 7, 8])


def test_reject_apr_asks_for_a_source_within_the_aperture(night):
    folder, truth, distill = night
    assert distill("-reject", "apr") == 3
    assert list(table_of(folder)["filename"]) == frames_of(truth, [0, 1, 2, 5, 6, 7, 8])
    assert "outside the aperture (apr)" in lines_of(folder)[4][0]


def test_reject_takes_a_list_and_refuses_what_it_does_not_know(night, capsys):
    folder, truth, distill = night
    assert distill("-reject", "pos, apr") == 3
    assert len(table_of(folder)) == 7
    assert distill("-reject", "pos,far") == 2
    assert "'far'" in (said := capsys.readouterr().err) or "far is unknown" in said
    assert distill("-reject", "") == 2


def test_an_offset_is_subtracted_from_the_prediction_and_shown(night):
    folder, truth, distill = night
    before = table_of(folder)
    assert distill("-offset", "1.5", "-3e-1") == 3
    table = table_of(folder)
    assert set(table["[3]"]) == {1.5} and set(table["[4]"]) == {-0.3}
    common = [row for row in before if row["filename"] in set(table["filename"])]
    np.testing.assert_allclose(table["[1]"], [row["[1]"] - 1.5 for row in common], atol=0.011)
    np.testing.assert_allclose(table["[2]"], [row["[2]"] + 0.3 for row in common], atol=0.011)


def test_target_overrides_the_name_in_the_headers(night, capsys):
    folder, truth, distill = night
    ephemeris.store_rows(folder / "pp_store", "2015 AB123", sky.SITE, truth.ephemeris())
    assert distill("-target", "2015_AB123") == 3
    assert list(table_of(folder, "2015_AB123")["filename"]) == frames_of(truth, sorted([*GOOD, REPAIRED]))
    assert distill("-target", "no such body") == 1  # it cannot be asked for: not the same as unknown
    assert "is not asked when offline" in capsys.readouterr().err


def positions_file(path, truth, numbers, name="", by_time=False):
    with open(path, "w") as stream:
        stream.write("# image RA Dec JD name\n\n")
        for number in numbers:
            image = "other.fits" if by_time else truth.files[number]
            place = f"{truth.ra_deg[number]:.7f},{truth.dec_deg[number]:+.7f}"
            stream.write(f"{image} {place} {truth.midtime_jd[number]:.8f} {name}\n")


def test_positions_are_matched_by_image_or_time_not_by_line(night):
    folder, truth, distill = night
    positions_file("marks.dat", truth, [8, 1, 0])
    positions_file("timed.dat", truth, [2, 0], "mine", by_time=True)
    assert distill("-positions", "marks.dat") == 3  # frames without a line are told
    table = table_of(folder, "manual_target")
    assert list(table["filename"]) == frames_of(truth, [0, 1, 8])
    assert np.hypot(table["[1]"], table["[2]"]).max() < 0.1
    assert distill("-positions", "timed.dat") == 3
    assert list(table_of(folder, "mine")["filename"]) == frames_of(truth, [0, 2])


def test_positions_all_objects_takes_every_file_of_that_name(night):
    folder, truth, distill = night
    positions_file("positions_first.dat", truth, range(9))
    positions_file("positions_x.dat", truth, range(9), "second")
    assert distill("-positions", "all_objects") == 3
    for name in ("first", "second"):
        assert set(frames_of(truth, GOOD)) <= set(table_of(folder, name)["filename"])
    for path in folder.glob("positions_*.dat"):
        path.unlink()
    assert distill("-positions", "all_objects") == 2


def star_near_the_middle(truth):
    """Return (ra, dec, R) of a star of middling brightness that every frame shows."""
    x, y = truth.star_pixels(0)
    nx, ny = truth.night.size
    mags = np.asarray(truth.stars["R"])
    good = (np.abs(x - nx / 2) < nx / 3) & (np.abs(y - ny / 2) < ny / 3) & (mags > 15.5) & (mags < 16.5)
    star = np.flatnonzero(good)[0]
    return float(truth.stars["ra_deg"][star]), float(truth.stars["dec_deg"][star]), float(mags[star])


def test_fixed_targets_stand_in_every_frame_in_degrees_or_sexagesimal(night):
    folder, truth, distill = night
    ra, dec, mag = star_near_the_middle(truth)
    text = f"{sky.sexagesimal(ra / 15)} {sky.sexagesimal(dec, '+')}"
    (folder / "fixed.txt").write_text(f"# name RA Dec\none {ra:.6f} {dec:.6f}\ntwo, {text}\n")
    assert distill("-fixedtargets", "fixed.txt") == 0
    for name in ("one", "two"):  # two targets may share a source
        table = table_of(folder, name)
        assert len(table) == 9 and np.all(np.abs(table["mag"] - mag) < 0.05)
    assert distill("-fixedtargets", "fixed.txt", "-positions", "none.dat") == 2
    (folder / "fixed.txt").write_text("one 179.5\n")
    assert distill("-fixedtargets", "fixed.txt") == 2  # seen before any work


def test_a_fixed_target_between_the_stars_is_not_detected(night):
    folder, truth, distill = night
    x, y = truth.star_pixels(0)
    grid = np.array([(i, j) for i in range(80, 720, 12) for j in range(80, 520, 12)])
    free = grid[np.argmax(np.hypot(grid[:, :1] - x, grid[:, 1:] - y).min(axis=1))]
    ra, dec = (float(value) for value in truth.wcs[0].all_pix2world(*free, 1))
    (folder / "fixed.txt").write_text(f"nova {ra:.6f} {dec:.6f}\n")
    assert distill("-fixedtargets", "fixed.txt") == 3
    rows = observations(folder, "nova", seen=False)
    assert [row["status"] for row in rows] == ["not detected"] * 9
    flux = np.array([row["forced_flux"] for row in rows]) / [row["forced_err"] for row in rows]
    assert np.abs(flux).max() < 4 and abs(flux.mean()) < 1.5


@pytest.fixture
def services(night, monkeypatch):
    """Return (folder, Truth, distill, Server) of a night for which VizieR and SkyBoT can be asked."""
    folder, truth, _ = night
    ra, dec, _ = star_near_the_middle(truth)
    stars = Table(
        {
            "OID": [1, 2, 3],
            "Name": ["V0001 Vir", "V0002 Vir", "NSV 3"],
            "V": [0, 1, 2],
            "RAJ2000": [ra, ra + 3.0, ra],
            "DEJ2000": [dec, dec, dec + 0.01],
            "Type": ["RR", "EA", ""],
            "max": [15.9, 12.0, 14.0],
            "n_max": ["V", "V", "V"],
            "min": [17.0, 13.0, 14.0],
            "Period": [0.5, 1.5, np.nan],
        }
    )

    def at(jd):
        return tuple(float(np.interp(jd, truth.midtime_jd, values)) for values in (truth.ra_deg, truth.dec_deg))

    stars["RAJ2000"].unit = stars["DEJ2000"].unit = "deg"
    stars["max"].unit = stars["min"].unit = "mag"
    middle = truth.midtime_jd[4]
    east_of_the_frames = at(middle)[0] + 155 / 3600  # the asteroid is 12" East of the middle there, an edge 150"
    bodies = [
        Body(number=3552, name="Testasteroid", path=at, v_mag=17.4, sigma_arcsec=0.05),
        Body(number=77, name="Faint", path=at, v_mag=25.0),
        Body(number=78, name="Unsure", path=at, v_mag=17.0, sigma_arcsec=40.0),
        Body(number=79, name="Beside", ra_deg=east_of_the_frames, dec_deg=at(middle)[1], jd0=middle, v_mag=15.0),
    ]
    with Server({"B/vsx/vsx": stars}, bodies) as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield folder, truth, lambda *options: pp_distill.main([*options, *truth.files]), server


def test_variable_stars_on_the_frames_are_targets_beside_the_asteroid(services):
    folder, truth, distill, server = services
    assert distill("-variable_stars", "-offline") == 1
    assert "variable_stars" not in (folder / "pp_choices.toml").read_text()  # what failed does not last
    assert distill("-variable_stars") == 3  # the asteroid's losses
    assert "variable_stars" in (folder / "pp_choices.toml").read_text()
    assert len(table_of(folder, "V0001_Vir")) == 9 and len(table_of(folder)) == 6
    assert not list(folder.glob("photometry_V0002*")) and not list(folder.glob("photometry_NSV*"))
    assert server.count("vizier") == 1


def test_asteroids_in_the_field_are_searched_bright_and_sure_ones(services):
    folder, truth, distill, server = services
    shutil.rmtree(folder / "pp_store")
    (folder / "photometry_3552.dat").unlink()
    assert distill("-asteroids") == 0
    assert len(table_of(folder, "Testasteroid")) == 6
    assert not [name for name in ("Faint", "Unsure", "Beside", "3552") if list(folder.glob(f"photometry_{name}*"))]
    assert server.count("skybot") == 1 and server.count("horizons") == 2  # one request for each that is asked for
    log = (folder / "LOG").read_text()
    assert "Faint left out: V 25.0" in log and "Unsure left out" in log and "Beside passes outside the frames" in log


def test_places_are_computed_from_elements_on_request_and_the_table_says_so(night):
    folder, truth, distill = night
    (folder / "ceres.txt").write_text("no elements\n")
    assert distill("-ephemeris", "local", "-elements", "ceres.txt") == 2
    assert distill("-ephemeris", "local", "-elements", "missing.txt") == 2
    assert distill("-ephemeris", "local") == 3  # nothing stored either; the control star is there
    # an orbit whose places have nothing to do with the field
    (folder / "orbit.json").write_text(
        '{"full_name": "3552 Testasteroid", "EPOCH": 2457780.5, "EC": 0.07, "QR": 2.5, "TP": 2457000.5, "OM": 80,'
        ' "W": 73, "IN": 10}'
    )
    assert distill("-ephemeris", "local", "-elements", "orbit.json") == 3
    text = (folder / "photometry_3552.dat").read_text()
    assert "# positions predicted by: computed from elements of JD 2457780.5 of the file given" in text
    assert all("predicted outside of the image" in lines[0] for lines in lines_of(folder).values())


# ---- what must not happen


def test_a_missing_database_is_named_and_none_is_made(night, capsys):
    folder, truth, distill = night
    missing = folder / truth.files[1].replace(".fits", ".ldac.db")
    missing.unlink()
    assert distill() == 3
    assert f"{truth.files[1]}: {missing.name} does not exist" in capsys.readouterr().err
    assert not missing.exists()
    assert list(table_of(folder)["filename"]) == frames_of(truth, [0, 2, 6, 7, 8])


def test_frames_without_ephemeris_have_no_prediction_not_that_of_the_frame_before(night):
    folder, truth, distill = night
    shutil.rmtree(folder / "pp_store")
    places = truth.ephemeris()
    places.ra_deg[2] = places.dec_deg[2] = np.nan
    ephemeris.store_rows(folder / "pp_store", "3552", sky.SITE, places)
    assert distill() == 3
    assert list(table_of(folder)["filename"]) == frames_of(truth, [0, 1, 6, 7, 8])


def test_a_band_of_several_letters_and_a_manual_zeropoint_are_told_as_they_are(night):
    folder, truth, distill = night
    assert pp_calibrate.main(["-magzp", "26.9", "0.05", "-filter", "gp1", "-offline", *truth.files[:3]]) == 0
    assert distill(frames=truth.files[:3]) == 0
    table = table_of(folder)
    assert set(table["[7]"]) == {"gp1"} and set(table["[6]"]) == {"manual_zp"}
    np.testing.assert_allclose(table["mag"] - table["inst_mag"], 26.9, atol=1e-4)


def test_an_instrumental_frame_among_calibrated_ones_does_not_count(night):
    folder, truth, distill = night
    assert pp_calibrate.main(["-instrumental", "-offline", truth.files[1]]) == 0
    assert distill() == 3
    assert list(table_of(folder)["filename"]) == frames_of(truth, [0, 2, 6, 7, 8])
    line = lines_of(folder)[1][0]
    assert "no calibrated magnitude" in line and line.split()[17] == "-"


def test_rows_keep_the_order_of_the_frames(night):
    folder, truth, distill = night
    assert distill(frames=truth.files[::-1]) == 3
    order = [int(number) for number in re.findall(r"mscience0(\d+)", (folder / "photometry_3552.dat").read_text())]
    assert len(order) == 9 and order == sorted(order, reverse=True)


def test_a_limit_of_an_uncalibrated_frame_says_nothing_among_calibrated_ones(night, capsys):
    folder, truth, distill = night
    assert pp_calibrate.main(["-instrumental", "-offline", truth.files[3]]) == 0
    capsys.readouterr()
    assert distill() == 3
    assert "fainter than -" not in capsys.readouterr().err
    row = limits(folder)[3]
    assert row["inst_limit"] < 0  # the table shows it
    assert (row["status"], row["band"], row["mag_limit"], row["forced_mag"]) == ("not detected", None, None, None)
    assert "(3 sigma, instrumental)" in lines_of(folder)[3][0]


@pytest.mark.parametrize(
    ("bands_and_reasons", "band"),
    [
        ([("R", "by hand"), ("R", "")], "R"),
        ([("V", "by hand"), ("R", "")], "R"),
        ([("R", "pos")], "R"),
        ([("-", "")], None),
    ],
)
def test_the_band_of_a_target_is_that_of_its_calibrated_rows_those_that_count_first(bands_and_reasons, band):
    rows = [Row(band=each, reason=reason) for each, reason in bands_and_reasons]
    target = targets.fixed("a star", "fixed", 10.0, 20.0, [], "given")
    assert pp_distill.light_curve(target, rows).band == band
