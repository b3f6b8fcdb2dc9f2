"""Light curves as tidy tables and ALCDEF: read back by astropy and pandas, with the geometry of a known orbit."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.coordinates import EarthLocation, SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time

from photometrypipeline.base.errors import FrameError
from photometrypipeline.ephemerides import aspect, ephemeris, orbit
from photometrypipeline.ephemerides.ephemstore import COLUMNS
from photometrypipeline.frames import framedb, observationsdb, results
from photometrypipeline.frames.rows import LightCurve, Row
from photometrypipeline.instruments import telescopes
from photometrypipeline.reports import aavso, alcdef, lightcurve, observations
from photometrypipeline.reports.reportsettings import ReportSettings
from photometrypipeline.sky import obscodes

SITE = "290"  # of the VATT4K
NAME, FULL_NAME = "3552", "3552 Don Quixote (1983 SA)"
CERES = {  # any orbit will do
    "EPOCH": 2458849.5, "EC": 0.07687465, "QR": 2.556401147, "TP": 2458240.1791309, "OM": 80.30119, "W": 73.80897,
    "IN": 10.59128, "H": 3.34, "G": 0.12,
}  # fmt: skip
JD = np.array([2458900.70001234, 2458900.71, 2458900.72, 2458901.73, 2458901.74])
FILE = "photometry_3552.dat"


@pytest.fixture(scope="module")
def places():
    """Return {column: values} of a body seen from the telescope, and its position."""
    return dict(zip(COLUMNS, orbit.ephemeris(CERES, SITE, JD).T, strict=True))


@pytest.fixture
def folder(tmp_path, places):
    """Return a folder as pp_distill leaves it: two nights of an asteroid, the third row rejected, the last one bare."""
    rows = []
    for n, jd in enumerate(JD):
        stem, ra, dec = f"im {n}", places["ra_deg"][n], places["dec_deg"][n]
        common = {"ldac": f"{stem}.ldac", "jd": jd, "exptime_s": 30.0, "mag": 15.0 + n / 100, "sig": 0.05, "inst": -9.0}
        common |= {"zp_mag": 24.0 + n / 100, "zp_sig_mag": 0.003}
        common |= {"e_inst": 0.012, "ra_deg": ra, "dec_deg": dec, "ra_pred_deg": ra, "dec_pred_deg": dec + 0.5 / 3600}
        row = results.Row(
            **common, flags=n, telescope="VATT4K", fwhm_arcsec=1.5, catalog="PANSTARRS_transformed", band="R"
        )
        row.reason = "cosmic ray" if n == 2 else ""
        rows.append(row)
        if n == len(JD) - 1:
            break
        header = fits.Header({"AIRMASS": 1.1 + n / 10, "SECPIXX": 0.375, "APRAD": 4.0, "REGCAT": "GAIA"})
        fits.PrimaryHDU(np.zeros((2, 2), dtype=np.float32), header).writeto(tmp_path / f"{stem}.fits")
        errors = {"err_photon": 0.008, "err_background": 0.006, "err_zeropoint": 0.005, "err_transformation": 0.015}
        source = {
            "ra_deg": [ra, ra + 0.01],
            "dec_deg": [dec, dec],
            "XWIN_IMAGE": [10.25, 20.0],
            "YWIN_IMAGE": [11.5, 9.0],
        }
        source |= {name: [value, 9.0] for name, value in {**errors, "err_total": 0.0112}.items()}
        head = {
            "name": f"{stem}.ldac",
            "magsys": "Vega",
            "obstime": jd,
            "exptime": 30.0,
            "obj": NAME,
            "filtername": "R",
        }
        framedb.write(tmp_path / f"{stem}.ldac.db", head, Table(source))
    results.write(tmp_path / FILE, rows, ["positions predicted by: store"])
    known = ephemeris.Ephemeris(NAME, FULL_NAME, "store", JD, **places)
    ephemeris.store_rows(tmp_path / "pp_store", NAME, SITE, known)
    return tmp_path


def test_a_light_curve_is_read_back_as_it_was_written(folder):
    lines, remarks = results.read(folder / FILE)
    rows = [line.row for line in lines]
    assert [row.accepted for row in rows] == [True, True, False, True, True] and rows[2].reason == "cosmic ray"
    assert remarks == ["positions predicted by: store"]
    assert rows[1].mag == 15.01 and rows[1].ldac == "im_1.ldac" and rows[1].flags == 1 and rows[1].band == "R"
    assert rows[1].ddec_arcsec == pytest.approx(0.5, abs=1e-6)
    results.write(folder / "again.dat", rows, remarks)
    assert (folder / "again.dat").read_text() == (folder / FILE).read_text()
    (folder / "b.dat").write_text("1 2 3\n")
    with pytest.raises(FrameError, match="not a light curve"):
        results.read(folder / "b.dat")


def test_rows_find_their_files_and_say_what_is_missing(folder):
    series = observations.read_series(folder / FILE)
    first, last = series.observations[0], series.observations[-1]
    assert (first.image, first.row.magsys, first.row.jd) == (
        "im 0.fits",
        "Vega",
        JD[0],
    )  # all digits, from the database
    assert (first.row.x_px, first.row.err_total) == (10.25, 0.0112)
    assert not last.source and series.missing == {"image": ["im_4.fits"], "database": ["im_4.ldac.db"]}


@pytest.fixture
def tables(folder, run_command):
    """Return ({format: Table as an independent reader sees it}, standard error) of one call."""
    done = run_command("pptool_lightcurve", "-format", "ecsv,csv,votable", "-offline", FILE, cwd=folder)
    assert done.returncode == 3, done.stderr  # one row has neither image nor database, which is said
    read = {
        "ecsv": Table.read(folder / "lightcurve_3552.ecsv", format="ascii.ecsv"),
        "votable": Table.read(folder / "lightcurve_3552.vot", format="votable"),
        "csv": pd.read_csv(folder / "lightcurve_3552.csv"),
    }
    return read, done.stderr


def test_every_quantity_is_there_with_its_unit_in_all_forms(tables, places):
    read, errors = tables
    assert "im_4.ldac.db" in errors and "im_4.fits" in errors
    sheet = {**lightcurve.ROW_COLUMNS, **lightcurve.TIME_COLUMNS, **lightcurve.GEOMETRY_COLUMNS}
    known = list(sheet)
    assert list(read["csv"].columns) == read["ecsv"].colnames == read["votable"].colnames == known
    for table in (read["ecsv"], read["votable"]):
        for name in known:
            unit = u.Unit(str(table[name].unit)) if table[name].unit else u.dimensionless_unscaled
            assert unit == u.Unit(sheet[name][0]), name
            assert table[name].description
        assert list(table["accepted"]) == [True, True, False, True, True]
    for name, (unit, _, decimals) in lightcurve.GEOMETRY_COLUMNS.items():
        step = 0.6 * 10.0**-decimals
        full = np.ma.filled(read["ecsv"][name].astype(float), np.nan)
        np.testing.assert_allclose(read["csv"][name], full, rtol=0, atol=step, err_msg=name)
        np.testing.assert_array_equal(np.ma.filled(read["votable"][name].astype(float), np.nan), full)
        assert unit
    assert read["csv"]["reason"].fillna("").tolist() == ["", "", "cosmic ray", "", ""]
    assert [str(value) for value in read["votable"]["reason"]] == ["", "", "cosmic ray", "", ""]


def test_numbers_are_right_and_what_is_not_known_is_masked(tables, places):
    table = tables[0]["ecsv"]
    assert table.meta["ephemeris"] == {NAME: f"{FULL_NAME}: store"}
    np.testing.assert_array_equal(table["jd"][:4], JD[:4])
    for name, column in (("r_au", "r_au"), ("delta_au", "delta_au"), ("phase_deg", "phase_deg")):
        np.testing.assert_allclose(table[name], places[column], rtol=1e-12)
    np.testing.assert_allclose(table["rate_ra_arcsec_h"], places["ra_rate"], rtol=1e-12)
    light_s = places["delta_au"] * 149597870.7 / 299792.458  # au in km over the speed of light in km/s
    np.testing.assert_allclose(table["light_time_s"], light_s, rtol=1e-9)
    np.testing.assert_allclose((table["jd"] - table["jd_light_time_corrected"]) * 86400, light_s, atol=1e-4)
    expected = table["mag"] - 5 * np.log10(places["r_au"] * places["delta_au"])
    np.testing.assert_allclose(table["reduced_mag"], expected, atol=1e-9)
    np.testing.assert_allclose(table["airmass"][:4], [1.1, 1.2, 1.3, 1.4])
    assert table["err_photon_mag"][0] == 0.008 and table["err_total_mag"][0] == 0.0112
    for name in ("err_photon_mag", "err_total_mag", "x_px", "airmass", "aprad_px"):
        assert table[name].mask.tolist() == [False] * 4 + [True], name


def test_without_an_ephemeris_the_geometry_is_masked_and_it_is_said(folder, run_command):
    import shutil

    shutil.rmtree(folder / "pp_store")
    done = run_command("pptool_lightcurve", "-offline", FILE, cwd=folder)
    assert done.returncode == 3
    assert "3552: JPL Horizons" in done.stderr and "masked" in done.stderr
    table = Table.read(folder / "lightcurve_3552.ecsv", format="ascii.ecsv")
    assert all(table[name].mask.all() for name in lightcurve.GEOMETRY_COLUMNS)
    done = run_command("pptool_lightcurve", "-offline", "-target", "NGC 7790", FILE, cwd=folder)
    assert "no ephemeris" in done.stdout + done.stderr
    assert (folder / "lightcurve_NGC_7790.ecsv").exists()


def test_alcdef_blocks_hold_a_night_each(folder, run_command, places):
    people = ["-submitter", "A. Observer", "-email", "a@example.org", "-observers", "A. Observer; B. Other"]
    done = run_command("pptool_lightcurve", "-format", "alcdef", "-offline", *people, FILE, cwd=folder)
    assert done.returncode == 3, done.stderr
    blocks = (folder / "lightcurve_3552.alcdef.txt").read_text().split("STARTMETADATA\n")[1:]
    assert len(blocks) == 2
    for block, night in zip(blocks, ([0, 1], [3, 4]), strict=True):
        head, data = block.split("ENDMETADATA\n")
        meta = dict(line.split("=", 1) for line in head.splitlines())
        expected = {"OBJECTNUMBER": "3552", "OBJECTNAME": "Don Quixote", "MPCDESIG": "1983 SA", "MPCCODE": "290"}
        expected |= {
            "FILTER": "R",
            "MAGBAND": "R",
            "STANDARD": "INTERNAL",
            "ALLOWSHARING": "TRUE",
            "LTCAPP": "NONE",
            "REDUCEDMAGS": "NONE",
        }
        expected |= {"CONTACTNAME": "A. Observer", "CONTACTINFO": "[a@example.org]", "DELIMITER": "PIPE"}
        expected |= {"OBSERVERS": "A. Observer; B. Other", "SESSIONDATE": ["2020-02-21", "2020-02-22"][night[0] > 0]}
        assert expected.items() <= meta.items()
        assert float(meta["PHASE"]) == pytest.approx(places["phase_deg"][night].mean(), abs=0.01)
        assert float(meta["OBSLATITUDE"]) == pytest.approx(32.70, abs=0.01)
        lines = data.splitlines()
        assert lines[-1] == "ENDDATA"
        for line, n in zip(lines[:-1], night, strict=True):
            values = [float(value) for value in line.removeprefix("DATA=").split("|")]
            assert values[:2] == [pytest.approx(JD[n], abs=6e-7), pytest.approx(15.0 + n / 100)]
            assert values[2] == pytest.approx(0.0112 if n < 4 else 0.05)  # without a database the documented error


def test_alcdef_without_names_is_refused(folder, run_command):
    done = run_command("pptool_lightcurve", "-format", "alcdef", "-offline", FILE, cwd=folder)
    assert done.returncode == 2 and "-observers" in done.stderr and "pp_setup.py" in done.stderr
    done = run_command("pptool_lightcurve", "-format", "excel", "-offline", FILE, cwd=folder)
    assert done.returncode == 2 and "excel" in done.stderr and "votable" in done.stderr


@pytest.mark.parametrize("with_database", [True, False])
def test_the_error_of_the_zeropoint_is_not_derived_from_rounded_columns(folder, run_command, with_database):
    """sig 0.0126 and in_sig 0.0122 have the difference 0.0031 in quadrature, 0.05 and 0.05 have none."""
    rows = [line.row for line in results.read(folder / FILE)[0]][:2]
    for row, jd, zp_sig, e_inst in zip(rows, JD, (0.00302, 0.00151), (0.01223, 0.05), strict=False):
        row.jd, row.target, row.zp_sig_mag, row.e_inst, row.sig = jd, NAME, zp_sig, e_inst, np.hypot(zp_sig, e_inst)
    results.write(folder / FILE, rows)
    if with_database:
        observationsdb.write(folder / "photometry.db", [LightCurve(NAME, FILE, "primary", FULL_NAME, "store", rows)])
    done = run_command("pptool_lightcurve", "-offline", FILE, cwd=folder)
    assert done.returncode == 0, done.stderr
    table = Table.read(folder / "lightcurve_3552.ecsv", format="ascii.ecsv")
    expected = [0.00302, 0.00151] if with_database else [0.0030, 0.0015]
    np.testing.assert_allclose(table["zp_sig_mag"], expected, atol=1e-12)
    np.testing.assert_allclose(table["inst_sig_mag"], [0.01223, 0.05] if with_database else [0.0122, 0.05], atol=1e-12)


def test_a_limit_is_never_a_magnitude(folder):
    rows = [line.row for line in results.read(folder / FILE)[0]]
    unseen = replace(
        rows[1], detected=False, mag_limit=20.5, inst_limit=-4.0, reason=f"{results.NOT_DETECTED}: 3.0 +- 9.1 ADU"
    )
    no_limit = replace(unseen, ldac="im_3.ldac", mag_limit=np.nan, inst_limit=np.nan)
    results.write(folder / FILE, [*rows[:2], unseen, no_limit, *rows[2:4]])
    series = observations.read_series(folder / FILE)
    assert not series.missing  # no source is looked for where there is none
    places = ephemeris.positions(NAME, SITE, [each.row.jd for each in series.observations], None, folder)
    table = lightcurve.table([(series, lightcurve.geometry_of(series.observations, places))])
    assert table["status"].tolist() == ["accepted"] * 2 + [results.NOT_DETECTED] * 2 + ["rejected", "accepted"]
    assert table["limit_mag"].mask.tolist() == [True, True, False, True, True, True] and table["limit_mag"][2] == 20.5
    for name in ("mag", "reduced_mag", "ra_deg", "flags", "err_total_mag", "zp_mag"):
        assert table[name].mask[2:4].all() and not table[name].mask[:2].any(), name
    assert not table["r_au"].mask.any() and not table["airmass"].mask.any()


def test_the_bisector_lies_half_way_between_sun_and_observer(places):
    lon, lat = aspect.bisector_deg(JD, places["ra_deg"], places["dec_deg"], places["delta_au"])
    bisector = SkyCoord(lon, lat, unit="deg", frame="barycentricmeanecliptic").icrs  # J2000, by astropy
    seen = SkyCoord(places["ra_deg"], places["dec_deg"], unit="deg")
    np.testing.assert_allclose(bisector.separation(seen).deg, places["phase_deg"] / 2, atol=0.01)


def test_times_at_the_sun_and_at_the_barycentre_are_those_of_astropy(folder, run_command):
    """astropy's own light travel times (with its built-in ephemeris) for a star at the place of each row."""
    run_command("pptool_lightcurve", "-offline", FILE, cwd=folder)
    table = Table.read(folder / "lightcurve_3552.ecsv", format="ascii.ecsv")
    site = EarthLocation.from_geocentric(*obscodes.geocentric_km(SITE), unit=u.km)
    times = Time(table["jd"], format="jd", scale="utc", location=site)
    places = SkyCoord(table["ra_deg"], table["dec_deg"], unit="deg")
    bary = (times.tdb + times.light_travel_time(places, "barycentric")).jd
    helio = times.jd + times.light_travel_time(places, "heliocentric").jd
    np.testing.assert_allclose(table["bjd_tdb"], bary, rtol=0, atol=0.01 / 86400)
    np.testing.assert_allclose(table["hjd"], helio, rtol=0, atol=0.01 / 86400)
    assert np.ptp(table["bjd_tdb"] - table["hjd"] - 69.184 / 86400) < 5 / 86400  # TDB - UTC; the Sun moves by 2.6 s


def test_parquet_holds_the_same_table_with_units_and_nulls(folder, run_command):
    parquet = pytest.importorskip("pyarrow.parquet")
    done = run_command("pptool_lightcurve", "-format", "ecsv,parquet", "-offline", "-json", FILE, cwd=folder)
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout)["files"] == ["lightcurve_3552.ecsv", "lightcurve_3552.parquet"]
    table = Table.read(folder / "lightcurve_3552.ecsv", format="ascii.ecsv")
    found = parquet.read_table(folder / "lightcurve_3552.parquet")
    assert found.column_names == table.colnames
    for name in table.colnames:
        wanted = [None if value is np.ma.masked else value for value in table[name]]
        assert [str(value) for value in found[name].to_pylist()] == [str(value) for value in wanted], name
        assert found.schema.field(name).metadata[b"unit"].decode() == str(table[name].unit or "")
        assert str(found.schema.field(name).type) in ("double", "int64", "string", "bool"), name  # also without a value
    frame = pd.read_parquet(folder / "lightcurve_3552.parquet")
    assert frame["mag"].tolist() == table["mag"].tolist() and frame["airmass"].isna().sum() == 1


def test_accepted_rows_that_alcdef_cannot_take_are_named(folder, run_command):
    rows = [line.row for line in results.read(folder / FILE)[0]]
    rows[0].band, rows[1].band = "BP", "-"
    results.write(folder / FILE, rows)
    people = ["-submitter", "A. Observer", "-email", "a@example.org", "-observers", "A. Observer"]
    done = run_command("pptool_lightcurve", "-format", "alcdef", "-offline", *people, FILE, cwd=folder)
    assert done.returncode == 3
    assert "im 0.fits: not in ALCDEF: ALCDEF has no name for the band BP" in done.stderr
    assert "im 1.fits: not in ALCDEF: its magnitude is instrumental" in done.stderr
    assert "im 2.fits" not in done.stderr  # rejected by its user


def test_magnitudes_through_a_colour_term_are_called_transformed_and_sharing_is_a_setting(folder):
    series = observations.read_series(folder / FILE)
    for each in series.observations:
        each.row.err_color = 0.003
    settings = ReportSettings(allow_sharing=False)
    text = alcdef.text_of([(series, None)], settings, {"VATT4K": telescopes.get("VATT4K")})
    assert text.count("STANDARD=TRANSFORMED") == 2 == text.count("ALLOWSHARING=FALSE")
    assert "COMMENT=reference stars: PANSTARRS_transformed" in text


@pytest.fixture
def star(folder):
    """A light curve of a variable star: accepted, rejected, a limit, another band, instrumental."""
    common = {"kind": "variable", "telescope": "VATT4K", "catalog": "APASS9", "ra_deg": 10.0, "dec_deg": 20.0}
    common |= {"ra_pred_deg": 10.0, "dec_pred_deg": 20.0, "exptime_s": 30.0, "err_frame": 0.004, "airmass": 1.23456}
    rows = [Row(**common, frame=f"im {n}.fits", ldac=f"im {n}.ldac", jd=JD[n], mag=12.3456, band="V") for n in range(5)]
    rows[0].err_color, rows[1].reason, rows[3].band, rows[4].band = 0.01, "cosmic ray", "BP", "-"
    rows[2].detected, rows[2].mag_limit, rows[2].reason = False, 18.77, "not detected: nothing there"
    name, file = "V0001_Vir", "photometry_V0001_Vir.dat"
    results.write(folder / file, rows)
    observationsdb.write(folder / "photometry.db", [LightCurve(name, file, "variable", name, "VSX", rows)])
    return folder, file


def test_a_star_is_reported_to_the_aavso_with_its_limits(star, run_command):
    folder, file = star
    done = run_command("pptool_lightcurve", "-format", "aavso", "-offline", "-aavso_code", "XYZ", file, cwd=folder)
    assert done.returncode == 3, done.stderr
    assert "im 3.fits: not in the AAVSO file: the AAVSO has no name for the band BP" in done.stderr
    assert "im 4.fits: not in the AAVSO file: its magnitude is instrumental" in done.stderr
    lines = (folder / "lightcurve_V0001_Vir.aavso.txt").read_text().splitlines()
    head = dict(line[1:].split("=") for line in lines if "=" in line and line.startswith("#"))
    assert {"TYPE": "EXTENDED", "OBSCODE": "XYZ", "DELIM": ",", "DATE": "JD", "OBSTYPE": "CCD"}.items() <= head.items()
    names = next(line for line in lines if line.startswith("#NAME"))[1:].split(",")
    first, limit = (dict(zip(names, line.split(","), strict=True)) for line in lines if not line.startswith("#"))
    assert (first["NAME"], first["DATE"], first["MAG"], first["MERR"]) == (
        "V0001 Vir",
        "2458900.700012",
        "12.346",
        "0.004",
    )
    assert (first["FILT"], first["TRANS"], first["CNAME"], first["AMASS"]) == ("V", "YES", "ENSEMBLE", "1.2346")
    assert (limit["MAG"], limit["MERR"], limit["TRANS"], limit["CHART"]) == ("<18.8", "na", "NO", "APASS9")


def test_the_sequence_of_transformed_magnitudes_is_the_catalogue(star):
    folder, file = star
    series = observations.read_series(folder / file)
    for each in series.observations:
        each.row.catalog = "SkyMapper-DR4_solar_transformed"
    lines = aavso.text_of([series], "XYZ").splitlines()[7:]
    assert lines and {line.split(",")[13] for line in lines} == {"SkyMapper-DR4"}


def test_bodies_do_not_go_to_the_aavso_nor_stars_to_alcdef_and_a_code_is_needed(star, run_command):
    folder, file = star
    done = run_command("pptool_lightcurve", "-format", "aavso", "-offline", "-aavso_code", "X", FILE, cwd=folder)
    assert done.returncode == 2 and "takes stars" in done.stderr
    done = run_command("pptool_lightcurve", "-format", "alcdef", "-offline", "-draft", file, cwd=folder)
    assert done.returncode == 2 and "-format aavso" in done.stderr
    done = run_command("pptool_lightcurve", "-format", "aavso", "-offline", file, cwd=folder)
    assert done.returncode == 2 and "-aavso_code" in done.stderr
    done = run_command("pptool_lightcurve", "-format", "all", "-offline", "-draft", file, cwd=folder)
    assert {path.suffix for path in folder.glob("lightcurve_V0001*")} == {".ecsv", ".csv", ".vot", ".parquet", ".txt"}
