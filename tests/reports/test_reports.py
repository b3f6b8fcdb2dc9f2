"""Reports for the Minor Planet Center, checked by rules of their own and read by other readers than ours."""

import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.time import Time
from conftest import ROOT
from lxml import etree

import pp_setup
import pptool_mpcreport
import sky
from photometrypipeline.base.losses import Losses
from photometrypipeline.catalogs import surveys
from photometrypipeline.frames import observationsdb, results
from photometrypipeline.frames.frame import Frame
from photometrypipeline.reports import (
    ades,
    adesrules,
    astrometryreport,
    centroids,
    mpc80,
    mpccodes,
    reportsettings,
    standing,
)
from photometrypipeline.reports.designations import Designation, of_body
from photometrypipeline.reports.observations import Observation

PEOPLE = ["-submitter", "A. Observer", "-observers", "A. Observer; B. C. Other", "-measurers", "D. Measurer"]
TELESCOPE = ["-design", "Gregorian", "-aperture", "1.83", "-fratio", "9"]
FILE = "photometry_3552.dat"


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """Return (folder, Truth) of a data set one row of whose light curve was rejected."""
    folder = tmp_path_factory.mktemp("night")
    truth = sky.make_dataset(folder, 6, seed=5, size=(500, 500), centre=(179.5, 6.25))
    argv = [sys.executable, ROOT / "pp_run.py", *truth.files, "-offline"]
    done = subprocess.run(list(map(str, argv)), cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    lines = (folder / FILE).read_text().splitlines()
    lines[1] = "#" + lines[1][1:] + " # looks odd"  # the first row: the legacy tool ended there
    (folder / FILE).write_text("\n".join(lines) + "\n")
    return folder, truth


@pytest.fixture
def data(night, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(night[0], folder)
    return folder, night[1]


# ---- the schema of ADES, once more: submit.xsd of IAU-ADES, version 2022, as a table of its own

SCHEMA_ORDER = (
    "permID", "provID", "artSat", "trkSub", "obsSubID", "mode", "stn", "sys", "ctr", "pos1", "pos2", "pos3", "obsTime",
    "rmsTime", "ra", "dec", "rmsRA", "rmsDec", "rmsCorr", "astCat", "mag", "rmsMag", "band", "fltr", "photCat",
    "photAp", "logSNR", "seeing", "exp", "rmsFit", "nStars", "disc", "uncTime", "notes", "remarks",
)  # fmt: skip
SCHEMA_REQUIRED = {"mode", "stn", "obsTime", "ra", "dec", "astCat"}
SCHEMA_FORM = {
    "permID": r"\d+([IPD](-[A-Z]{1,2})?)?",
    "provID": r"\d{4} [A-HJ-Y][A-HJ-Z]\d*|[ADCPX]/\d{4} [A-Z]{1,2}\d*(-[A-Z])?|\d{4} (P-L|T-[123])",
    "trkSub": r"[-A-Za-z0-9_]{1,8}",
    "mode": r"CCD|CMO|VID|TDI",
    "stn": r"\w{3,4}",
    "obsTime": r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z",
    "ra": r"([1-3][0-9]{2}|[1-9]?[0-9])?(\.[0-9]{0,9})?",
    "dec": r"[+\-]?([1-9]?[0-9])?(\.[0-9]{0,9})?",
    "rmsRA": r"(?=.{1,7}$)(0|[1-9]\d*)(\.\d*)?",
    "rmsDec": r"(?=.{1,7}$)(0|[1-9]\d*)(\.\d*)?",
    "rmsCorr": r"[+\-]?[01](\.\d{0,11})?",
    "astCat": r"[.A-Za-z0-9_]{1,8}",
    "mag": r"[+\-]?[0-9.]{1,7}",
    "rmsMag": r"[0-9.]{1,6}",
    "band": r"\w{1,3}",
    "photCat": r"[.A-Za-z0-9_]{1,8}",
    "photAp": r"[0-9.]{1,6}",
    "logSNR": r"[+\-]?[0-9.]{1,5}",
    "seeing": r"[0-9.]{1,6}",
    "exp": r"[0-9.]{1,6}",
    "rmsFit": r"[0-9.]{1,6}",
    "nStars": r"[1-9]\d{0,5}",
    "remarks": r"[^|]{1,300}",
}
SCHEMA_CONTEXT = {
    "observatory": {"mpcCode"}, "submitter": {"name"}, "observers": {"name"}, "measurers": {"name"},
    "telescope": {"design", "aperture", "detector"},
}  # fmt: skip


def check_optical(record):
    """Assert that a list of (field, text) is an optical record by the schema, in its order."""
    names = [name for name, _ in record]
    assert names == sorted(names, key=SCHEMA_ORDER.index) and len(set(names)) == len(names)
    assert set(names) >= SCHEMA_REQUIRED and set(names) & {"permID", "provID", "trkSub"}
    assert ("band" in names) == ("mag" in names)
    for name, text in record:
        assert re.fullmatch(SCHEMA_FORM[name], text), (name, text)
        if name.startswith("rms") and name != "rmsCorr":
            assert float(text) > 0
    assert 0 <= float(dict(record)["ra"]) < 360 and -90 <= float(dict(record)["dec"]) <= 90


def read_psv(text):
    """Return (header {group: set of entries}, records [[(field, text), ...], ...]) of a report of one block."""
    lines = text.splitlines()
    assert lines[0] == "# version=2022"
    header, group, titles, records = {}, None, None, []
    for line in lines[1:]:
        if line[0] == "#":
            group = line[2:].split()[0]
            header[group] = set()
        elif line[0] == "!":
            header[group].add(line[2:].split()[0])
        elif titles is None:
            titles = [title.strip() for title in line.split("|")]
        else:
            cells = [cell.strip() for cell in line.split("|")]
            records.append([(title, cell) for title, cell in zip(titles, cells, strict=False) if cell])
    return header, records


# ---- ADES


@pytest.mark.parametrize("form", ["psv", "xml"])
def test_an_ades_report_obeys_the_schema_and_tells_the_truth(data, run_command, form):
    folder, truth = data
    done = run_command("pptool_mpcreport", "-format", form, *PEOPLE, *TELESCOPE, FILE, cwd=folder)
    assert done.returncode == 0, done.stderr
    text = (folder / f"mpc_astrometry.{form}").read_text()
    if form == "psv":
        header, records = read_psv(text)
    else:
        root = ET.fromstring(text)
        assert (root.tag, root.get("version")) == ("ades", "2022") and [each.tag for each in root] == ["obsBlock"]
        assert [each.tag for each in root[0]] == ["obsContext", "obsData"]
        header = {group.tag: {entry.tag for entry in group} for group in root[0][0]}
        records = [[(each.tag, each.text) for each in optical] for optical in root[0][1]]
        assert {optical.tag for optical in root[0][1]} == {"optical"}
    for group, entries in SCHEMA_CONTEXT.items():
        assert header[group] >= entries
    assert len(records) == 5  # the rejected row is not among them
    for record in records:
        check_optical(record)
    first = dict(records[0])
    assert (first["permID"], first["stn"], first["mode"]) == ("3552", "290", "CCD")
    assert (first["astCat"], first["photCat"], first["band"]) == ("Gaia3", "PS1_DR1", "Rc")
    for record, k in zip(map(dict, records), range(1, 6), strict=True):
        time = Time(record["obsTime"].rstrip("Z"), format="isot", scale="utc")
        assert abs(time.jd - truth.midtime_jd[k]) * 86400 < 0.01
        east = (float(record["ra"]) - truth.ra_deg[k]) * np.cos(np.radians(truth.dec_deg[k])) * 3600
        north = (float(record["dec"]) - truth.dec_deg[k]) * 3600
        assert abs(east) < 4 * float(record["rmsRA"]) and abs(north) < 4 * float(record["rmsDec"])
        assert abs(float(record["mag"]) - truth.mag[k]) < 4 * float(record["rmsMag"])
        assert 0.002 < float(record["rmsFit"]) < 0.05 and 20 < int(record["nStars"]) < 150
        assert 0.005 < float(record["rmsRA"]) < 0.05  # a centroid at S/N 90 and seeing 1.6" is good to 0.008"
    assert ades.read(folder / f"mpc_astrometry.{form}")[1][0].records == [dict(record) for record in records]


def test_a_report_without_names_is_refused_with_what_is_missing_unless_a_draft(data, run_command):
    folder, _ = data
    done = run_command("pptool_mpcreport", "-format", "psv", FILE, cwd=folder)
    assert done.returncode == 2 and not (folder / "mpc_astrometry.psv").exists()
    assert done.stderr.count("\n") == 1
    for missing in ("submitter", "observers", "measurers", "design", "aperture", "pp_setup.py"):
        assert missing in done.stderr
    done = run_command("pptool_mpcreport", "-format", "psv", "-draft", FILE, cwd=folder)
    assert done.returncode == 0 and "draft" in done.stderr
    assert len(read_psv((folder / "mpc_astrometry.psv").read_text())[1]) == 5


def test_names_stand_in_the_settings(data, run_command, tmp_path):
    folder, _ = data
    config = tmp_path / "config" / "photometrypipeline"
    config.mkdir(parents=True)
    (config / "pp_setup.py").write_text(
        'confreport.submitter = "A. Observer"\nconfreport.observers = ("A. Observer", "É. Autre")\n'
        'confreport.measurers = ("A. Observer",)\n'
        'confreport.telescopes = {"VATT4K": {"design": "Gregorian", "aperture_m": 1.83, "name": "VATT"}}\n'
    )
    env = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    done = run_command("pptool_mpcreport", "-format", "xml", FILE, "1983 SA", cwd=folder, env=env)
    assert done.returncode == 0, done.stderr
    root = ET.parse(folder / "mpc_astrometry.xml").getroot()
    assert [each.text for each in root.iter("name")] == [
        "A. Observer",
        "A. Observer",
        "É. Autre",
        "A. Observer",
        "VATT",
    ]
    assert {each.text for each in root.iter("provID")} == {"1983 SA"} and not list(root.iter("permID"))


def test_every_run_writes_the_reports_that_the_settings_are_complete_for_and_sets_old_ones_aside(
    data, run_command, tmp_path
):
    folder, truth = data
    config = tmp_path / "config" / "photometrypipeline"
    config.mkdir(parents=True)
    (config / "pp_setup.py").write_text(
        'confreport.submitter = "A. Observer"\nconfreport.observers = confreport.measurers = ("A. Observer",)\n'
        'confreport.email = "a@example.org"\n'
        'confreport.telescopes = {"*": {"design": "Gregorian", "aperture_m": 1.83}}\n'
    )
    for name in ("mpc_astrometry.psv", "lightcurve_3552.ecsv"):  # of a light curve whose first row did not count
        (folder / name).write_text("of another light curve\n")
    env = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    done = run_command("pp_distill", "-offline", *truth.files, cwd=folder, env=env)
    assert done.returncode == 0, done.stderr
    assert "moved to old/: lightcurve_3552.ecsv, mpc_astrometry.psv, made of an earlier light curve" in done.stdout
    assert "ades_3552.psv: ADES, 6 observations of 3552" in done.stdout
    context, records = read_psv((folder / "ades_3552.psv").read_text())
    assert len(records) == 6 and {dict(record)["permID"] for record in records} == {"3552"}
    assert (folder / "lightcurve_3552.alcdef.txt").read_text().count("\nDATA=") == 6
    page = (folder / "diagnostics.html").read_text()
    assert page.count('href="ades_3552.psv"') == page.count('href="lightcurve_3552.alcdef.txt"') == 1
    for path in folder.glob("*.fits"):
        fits.setval(path, "SIMULATE", value=True)
    curves = observationsdb.read(folder / observationsdb.FILE_NAME)
    about = {"*": {"design": "Gregorian", "aperture_m": 1.83}}
    settings = reportsettings.ReportSettings("A. B.", "", "a@example.org", ("A. B.",), ("A. B.",), telescopes=about)
    assert standing.write(curves, folder, None, None, settings) == ([], [])


def test_what_the_settings_lack_is_said_in_words():
    settings = reportsettings.ReportSettings(submitter="A. Observer", telescopes={"VATT4K": {"design": "Gregorian"}})
    assert settings.lacking({"VATT4K", "OTHER"}) == {
        "ADES": "observers, measurers, design and aperture_m of OTHER, aperture_m of VATT4K",
        "ALCDEF": "email, observers",
        "AAVSO": "aavso_code",
    }


def test_frames_that_were_not_registered_are_not_reported(data, run_command):
    folder, truth = data
    for name in truth.files[1:3]:
        fits.delval(folder / name, "REGCAT")
    done = run_command("pptool_mpcreport", "-format", "psv", *PEOPLE, *TELESCOPE, FILE, "3552", cwd=folder)
    assert done.returncode == 3
    for name in truth.files[1:3]:
        assert f"{name}: not reported: the catalogue behind its positions is unknown" in done.stderr
    assert len(read_psv((folder / "mpc_astrometry.psv").read_text())[1]) == 3
    done = run_command(
        "pptool_mpcreport", "-format", "psv", "-astcat", "Gaia3", *PEOPLE, *TELESCOPE, FILE, "3552", cwd=folder
    )
    assert done.returncode == 0 and len(read_psv((folder / "mpc_astrometry.psv").read_text())[1]) == 5


# ---- 80 columns


def test_the_legacy_call_writes_records_that_another_reader_understands(data, run_command):
    folder, truth = data
    done = run_command("pptool_mpcreport", FILE, "3552", cwd=folder)
    assert done.returncode == 0 and "???" in done.stderr
    lines = (folder / "mpc_astrometry.dat").read_text().splitlines()
    header, rows = lines[:-5], lines[-5:]
    assert [line[:3] for line in header] == [
        "COD",
        "CON",
        "CON",
        "OBS",
        "MEA",
        "TEL",
        "NET",
        "BND",
        "NUM",
        "COM",
        "ACK",
    ]
    assert header[0] == "COD 290" and "NET Gaia-DR3" in header and "BND R" in header and "NUM 5" in header
    for line, k in zip(rows, range(1, 6), strict=True):
        assert len(line) == 80
        assert (line[:5], line[5:12], line[12:15], line[77:]) == ("03552", " " * 7, "  C", "290")
        year, month, day = line[15:32].split()
        time = Time(f"{year}-{month}-{int(float(day)):02d}", scale="utc").jd + float(day) % 1
        assert abs(time - truth.midtime_jd[k]) < 0.6e-6 + 0.01 / 86400
        place = SkyCoord(line[32:44], line[44:56], unit=("hourangle", "deg"))
        true = SkyCoord(truth.ra_deg[k], truth.dec_deg[k], unit="deg")
        assert place.separation(true) < 0.05 * u.arcsec
        assert abs(float(line[65:70]) - truth.mag[k]) < 0.1 and line[67] == "." and line[70] == "R"
        assert line[56:64].strip() == "" and line[71:77].strip() == ""


def test_several_files_and_an_unknown_object(data, run_command):
    folder, _ = data
    shutil.copytree(folder, folder / "again")
    rows = [line.row for line in results.read(folder / FILE)[0]]
    done = run_command("pptool_mpcreport", FILE, "again/" + FILE, "MyRock1", cwd=folder)
    assert done.returncode == 3 and "second observation of MyRock1" in done.stderr
    lines = (folder / "mpc_astrometry.dat").read_text().splitlines()
    assert sum(line.startswith("     MyRock1  C") for line in lines) == sum(row.accepted for row in rows)
    done = run_command("pptool_mpcreport", FILE, "no_such_file.dat", "3552", cwd=folder)
    assert done.returncode == 2 and "no_such_file.dat" in done.stderr
    shutil.copy(folder / FILE, folder / "photometry_manual_target.dat")
    done = run_command("pptool_mpcreport", "photometry_manual_target.dat", cwd=folder)
    assert done.returncode == 2 and "which object" in done.stderr
    done = run_command("pptool_mpcreport", "photometry_Control_Star.dat", "3552", cwd=folder)
    assert done.returncode == 2 and "not a body of the Solar System" in done.stderr


def row(**changes):
    values = {
        "ldac": "a.ldac", "jd": 2457786.9562037, "exptime_s": 30.0, "mag": 17.04, "sig": 0.03, "inst": -9.0,
        "e_inst": 0.01, "ra_deg": 10.0, "dec_deg": -0.5, "ra_pred_deg": 10.0, "dec_pred_deg": -0.5, "flags": 0,
        "telescope": "VATT4K", "fwhm_arcsec": 1.5, "catalog": "PANSTARRS", "band": "rp1",
    }  # fmt: skip
    return results.Row(**{**values, **changes})


def record80(**changes):
    observation = Observation(row(**changes), "x", Frame("a.fits"))
    observation.header = {"REGCAT": "GAIA"}
    return astrometryreport.Record(observation, Designation("1"), {"stn": "290", "mode": "CCD", "astCat": "Gaia3"})


def line80(**changes):
    return mpc80.line_of(record80(**changes))


def test_a_magnitude_in_a_band_without_a_letter_is_left_out_and_told(caplog):
    records = [record80(band=band) for band in ("BP", "RP", "RP", "V")]
    records.append(record80(band="-"))
    pptool_mpcreport.advise(records, "80", mpc80.line_of(records[0]))
    told = [line for line in caplog.messages if "no letter" in line]
    assert [re.search(r"band (\w+):.* (\d+) magnitudes", line).groups() for line in told] == [("BP", "1"), ("RP", "2")]
    assert [mpc80.line_of(record)[65:71].strip() != "" for record in records] == [False, False, False, True, True]
    caplog.clear()
    pptool_mpcreport.advise(records, "psv", "")
    assert "no letter" not in caplog.text


def test_the_catalogue_of_the_header_is_the_one_that_was_given(data, run_command):
    folder, _ = data
    done = run_command("pptool_mpcreport", "-astcat", "UCAC4", FILE, "3552", cwd=folder)
    assert done.returncode == 0 and "NET UCAC-4" in (folder / "mpc_astrometry.dat").read_text().splitlines()


def test_a_place_just_before_ra_zero_stays_below_360_deg(tmp_path):
    observation = Observation(row(ra_deg=359.99999999), "x", Frame(tmp_path / "a.fits"))
    settings = reportsettings.chosen(pp_setup.confreport, SimpleNamespace())
    (record,) = astrometryreport.records_of(
        SimpleNamespace(observations=[observation], kind="fixed"), Designation("1"), settings
    )
    assert record.ades["ra"] == "0.0000000" and mpc80.line_of(record)[32:44] == "00 00 00.000"


def test_declinations_above_minus_one_degree_keep_their_sign():
    assert line80(dec_deg=-0.0125)[44:56] == "-00 00 45.00"
    assert line80(dec_deg=-0.00001)[44] == "-"
    assert line80(dec_deg=0.0125)[44:56] == "+00 00 45.00"


def test_seconds_are_carried_over_and_never_sixty():
    assert line80(ra_deg=15 * (1 + 59.9999999 / 3600))[32:44] == "01 01 00.000"
    assert line80(ra_deg=359.9999999)[32:44] == "00 00 00.000"
    assert line80(dec_deg=-(12 + 59.999999 / 60))[44:56] == "-13 00 00.00"
    assert line80(jd=2457787.49999999)[15:32] == "2017 02 03.000000"
    assert astrometryreport.iso_of(2457787.49999999) == "2017-02-03T00:00:00.00Z"
    assert astrometryreport.iso_of(2457786.95663722) == "2017-02-02T10:57:33.46Z"


def test_bands_of_several_letters_and_instrumental_magnitudes_do_not_shift_the_line():
    for band, letter in (("rp1", "r"), ("Ks", "K"), ("V", "V"), ("yp1", "y")):
        line = line80(band=band)
        assert (len(line), line[64:71]) == (80, f" 17.04{letter}")
    assert line80(sig=0.06)[64:71] == " 17.0 r" and line80(sig=0.06, err_total=0.01)[64:71] == " 17.04r"
    assert line80(band="BP")[64:71].strip() == ""  # the MPC has no letter for it
    assert line80(band="-", mag=-9.1)[64:71].strip() == ""  # no magnitude at all
    assert line80(band="-", mag=15.2)[64:71] == " 15.20C"


# ---- what the MPC refuses

GOOD = {
    "permID": "3552", "mode": "CCD", "stn": "290", "obsTime": "2017-02-02T10:50:15.00Z", "ra": "179.5139208",
    "dec": "+6.2402090", "rmsRA": "0.010", "rmsDec": "0.011", "astCat": "Gaia3", "mag": "16.982", "rmsMag": "0.020",
    "band": "Rc", "photCat": "PS1_DR1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"permID": None}, "identifies the object"),
        ({"permID": "35 52"}, "permID"),
        ({"permID": None, "trkSub": "much_too_long"}, "trkSub"),
        ({"permID": None, "provID": "1983 IA"}, "provID"),
        ({"stn": None}, "stn is missing"),
        ({"stn": "ZZZ"}, "not an observatory code"),
        ({"stn": "500"}, "geocentre"),
        ({"stn": "250"}, "no fixed place"),
        ({"mode": "PHO"}, "mode"),
        ({"ra": "360.0"}, "ra"),
        ({"ra": "12:00:00"}, "ra"),
        ({"dec": "-90.5"}, "dec"),
        ({"rmsRA": "0"}, "rmsRA"),
        ({"rmsDec": None}, "rmsRA without rmsDec"),
        ({"obsTime": "2017-02-30T10:50:15Z"}, "is not a valid value"),
        ({"obsTime": "2017-02-02 10:50:15"}, "obsTime"),
        ({"obsTime": "2117-02-02T10:50:15Z"}, "future"),
        ({"obsTime": "1917-02-02T10:50:15Z"}, "before 1990"),
        ({"astCat": "GAIA-DR3"}, "astCat"),
        ({"astCat": "UNK"}, "unknown"),
        ({"photCat": "SDSS9"}, "photCat 'SDSS9' is not on the MPC's list"),
        ({"band": None}, "mag without band"),
        ({"band": "Vx"}, "band"),
        ({"mag": "-9.75"}, "mag"),
        ({"mag": None, "rmsMag": None, "photCat": None}, "band without mag"),
        ({"remarks": "a|b"}, "remarks"),
        ({"magnitude": "16.9"}, "not a field"),
    ],
)
def test_what_would_be_refused_is_found_and_explained(changes, reason):
    assert adesrules.check_record(GOOD) == []
    record = {name: text for name, text in {**GOOD, **changes}.items() if text is not None}
    found = adesrules.check_record(record)
    assert found and any(reason in each for each in found), found


def bodies():
    """Return {what: name as Horizons or an observer gives it} of bodies of all kinds, fifty and more."""
    rng = np.random.default_rng(4)
    numbers = [1, 4, 433, 3552, 9999, 10000, 99942, 134340, 619999, 620000, 847123]
    found = [str(number) for number in numbers] + [f"{number} Name (19{number % 90 + 10} AB)" for number in numbers]
    found += ["4 Vesta (A807 FA)", "433 Eros (A898 PA)", "944 Hidalgo (A920 UB)", "704 Interamnia (A910 TC)"]
    found += [f"({year} {half}{second}{count})" for year, half, second, count in zip(
        rng.integers(1993, 2026, 12), "ABCDEFGHJKXY", "ABCDEFGHJKYZ",
        ["", 1, 9, 10, 99, 100, 359, 360, 619, 620, 700, 12],
        strict=True)]  # fmt: skip
    found += ["6344 P-L", "3138 T-1", "1P/Halley", "73P/Schwassmann-Wachmann 3-B", "73P-AB/Schwassmann-Wachmann 3"]
    found += ["C/1995 O1 (Hale-Bopp)", "C/2013 US10 (Catalina)", "P/2010 A2 (LINEAR)", "D/1993 F2-A (Shoemaker-Levy 9)"]
    found += ["1I/'Oumuamua (A/2017 U1)", "2I/Borisov (C/2019 Q4)", "3I/ATLAS (C/2025 N1)", "A/2018 V3"]
    found += ["Himalia (JVI)", "Phoebe (SIX)", "S/2003 J 2", "Jupiter VI", "Neptune 2", "MyRock1", "x-1_B"]
    return found


def schemas(shared_data):
    return [etree.XMLSchema(etree.parse(shared_data / "ades" / "submit.xsd")), adesrules.schema()]


def reported(name, folder):
    """Return (records, blocks) of one observation of the body `name`."""
    observation = Observation(row(frame="a.fits", err_total=0.02), name, Frame(folder / "a.fits"))
    observation.header = {"REGCAT": "GAIA-DR3", "SECPIXX": 0.375, "APRAD": 4.0}
    settings = reportsettings.ReportSettings(submitter="A. B", observers=("A. B",), measurers=("A. B",))
    settings.telescopes = {"*": {"design": "Reflector", "aperture_m": 1.8}}
    series = SimpleNamespace(full_name=name, target=name, kind="primary", observations=[observation])
    records = astrometryreport.records_of(series, astrometryreport.name_of(series), settings)
    return records, astrometryreport.blocks_of(records, settings)


@pytest.mark.parametrize("name", bodies())
def test_every_kind_of_body_is_valid_by_both_official_schemas(shared_data, tmp_path, name):
    records, blocks = reported(name, tmp_path)
    document = etree.fromstring(ades.to_xml(blocks).encode())
    for schema in schemas(shared_data):
        assert schema.validate(document), schema.error_log
    assert adesrules.check_record(records[0].ades) == [] and adesrules.check_context(blocks[0].context) == []
    assert len(mpc80.line_of(records[0])) == 80


def test_a_designation_from_before_1925_is_reported_by_the_number_that_goes_with_it():
    vesta = SimpleNamespace(full_name="4 Vesta (A807 FA)", target="Vesta")
    for given in (None, "A807 FA", "4", "4 Vesta (A807 FA)"):
        assert astrometryreport.name_of(vesta, given).perm_id == "4"
    assert astrometryreport.lacks_number(astrometryreport.name_of(vesta, "A899 PA"))  # another body
    assert not astrometryreport.lacks_number(astrometryreport.name_of(vesta, "A/2018 V3"))


def test_pipe_separated_values_are_read_by_the_program_of_the_iau_and_valid(tmp_path):
    found = [reported(name, tmp_path)[1][0] for name in bodies()]
    block = ades.Block(found[0].context, [each.records[0] for each in found])
    (tmp_path / "a.psv").write_text(ades.to_psv([block]))
    code = "import sys; from ades import psvtoxml; psvtoxml.psvtoxml(*sys.argv[1:])"
    argv = [sys.executable, "-c", code, tmp_path / "a.psv", tmp_path / "a.xml"]
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    document = etree.parse(tmp_path / "a.xml")
    assert adesrules.schema().validate(document), adesrules.schema().error_log
    assert len(list(document.iter("optical"))) == len(bodies()) > 50


def test_fragments_and_satellites_are_not_taken_for_their_parents_and_numbers():
    for name, perm_id, prov_id, fragment in (
        ("73P/Schwassmann-Wachmann 3-B", "73P", "", "B"), ("D/1993 F2-A (Shoemaker-Levy 9)", "", "D/1993 F2", "A"),
        ("6344 P-L", "", "6344 P-L", ""), ("Himalia (JVI)", "Jupiter 6", "", ""), ("S/2003 J 2", "", "S/2003 J 2", ""),
        ("C/1995 O1 (Hale-Bopp)", "", "C/1995 O1", ""),
    ):  # fmt: skip
        found = of_body(name)
        assert (found.perm_id, found.prov_id, found.fragment) == (perm_id, prov_id, fragment), name
    assert of_body("Phoebe (SIX)").packed == "S009S       " and of_body("S/2003 J 2").packed == "    SK03J020"


def test_the_software_is_that_of_the_fit_that_was_kept(tmp_path):
    def astrometry(*solutions):
        records = []
        for number, solution in enumerate(solutions):
            each = Observation(row(jd=2457786.9 + number), "x", Frame(tmp_path / "a.fits"))
            each.header, each.registration = {}, SimpleNamespace(solution=solution)
            records.append(astrometryreport.Record(each, Designation("1"), {}))
        (block,) = astrometryreport.blocks_of(records, reportsettings.ReportSettings())
        return dict(block.context["software"])["astrometry"]

    assert astrometry("SCAMP").endswith(", SCAMP") and "SCAMP" not in astrometry("fit")
    assert astrometry("SCAMP", "fit").endswith("own fit to the reference stars, SCAMP")


def test_times_in_doubt_are_told_and_not_sent_if_they_may_be_wrong():
    series = [Observation(row(time_err_s=error_s), "x", Frame("a.fits")) for error_s in (np.nan, 2.5, 3600.0)]
    losses = Losses()
    records = [
        astrometryreport.Record(each, Designation("1"), {**GOOD, **astrometryreport.time_of(each.row)})
        for each in series
    ]
    assert [each.ades.get("uncTime") for each in records] == [None, "2.5", "3600.0"]
    assert astrometryreport.sound(records[1:], losses) == records[1:2]
    assert "not reported: its time may be off by 60.0 min" in losses.entries[0][1]


def test_observations_sent_twice_and_lone_ones_of_unknown_objects():
    unknown = {**{name: text for name, text in GOOD.items() if name != "permID"}, "trkSub": "rock1"}
    later = {**GOOD, "obsTime": "2017-02-02T11:50:15.00Z"}
    assert adesrules.check_series([GOOD, later, unknown, {**later, "permID": "", "trkSub": "rock1"}]) == []
    found = adesrules.check_series([GOOD, later, {**GOOD, "ra": "179.6"}, unknown])
    assert [number for number, _ in found] == [2, 3]


def test_headers_that_would_be_refused():
    context = {
        "observatory": [("mpcCode", "290")], "submitter": [("name", "A. B")], "observers": [("name", "A. B")],
        "measurers": [("name", "A. B")],
        "telescope": [("design", "Reflector"), ("aperture", "1.8"), ("detector", "CCD")],
    }  # fmt: skip
    assert adesrules.check_context(context) == []
    assert adesrules.check_context({**context, "measurers": []}) == ["measurers name is missing"]
    wrong = {
        **context,
        "telescope": [("design", "Reflector"), ("aperture", "wide"), ("detector", "CCD"), ("colour", "red")],
    }
    assert len(adesrules.check_context(wrong)) == 2
    assert adesrules.check_context({**context, "submitter": [("name", "x" * 101)]})


def test_every_catalogue_and_band_of_ours_has_its_code_or_none():
    assert set(mpccodes.CATALOGS) <= set(surveys.SURVEYS)
    listed = {*mpccodes.CURRENT_CATALOGS, *mpccodes.DEPRECATED_CATALOGS}
    assert {code for code, _ in mpccodes.CATALOGS.values()} <= listed
    for band in (
        "u",
        "g",
        "r",
        "i",
        "z",
        "y",
        "U",
        "B",
        "V",
        "R",
        "I",
        "J",
        "H",
        "K",
        "Ks",
        "gp1",
        "yp1",
        "G",
        "BP",
        "RP",
    ):
        assert mpccodes.band_codes(band)[0] in mpccodes.BANDS
    assert mpccodes.catalog_codes("PANSTARRS_transformed_solar")[0] == "PS1_DR1"
    assert mpccodes.catalog_codes("SDSS-R9_transformed") == ("", "")
    assert mpccodes.catalog_codes("my_stars") == mpccodes.catalog_codes(None) == ("", "")


# ---- errors of positions


def test_the_error_ellipse_is_turned_onto_the_sky():
    cd = np.array([[-1e-4, 0], [0, 1e-4]])  # 0.36 arcsec per px, East to the left
    long_in_x = centroids.sky_covariance(0.2, 0.1, 0.0, cd)
    np.testing.assert_allclose(long_in_x, np.diag([0.072, 0.036]) ** 2, atol=1e-15)
    turned = centroids.sky_covariance(0.2, 0.1, 0.0, np.array([[0, 1e-4], [1e-4, 0]]))
    np.testing.assert_allclose(turned, np.diag([0.036, 0.072]) ** 2, atol=1e-15)
    slanted = centroids.sky_covariance(0.2, 0.1, 45.0, cd)
    assert slanted[0, 0] == pytest.approx(slanted[1, 1]) and slanted[0, 1] < 0  # x grows to the West, y to the North
    assert np.linalg.det(slanted) == pytest.approx(np.linalg.det(long_in_x))


def test_centroid_and_registration_add_up():
    header = {
        "CD1_1": -1e-4,
        "CD1_2": 0.0,
        "CD2_1": 0.0,
        "CD2_2": 1e-4,
        "ASTRRMS1": 0.03 / 3600,
        "ASTRRMS2": 0.05 / 3600,
    }
    source = {"ERRAWIN_IMAGE": 0.04 / 0.36, "ERRBWIN_IMAGE": 0.12 / 0.36, "ERRTHETAWIN_IMAGE": 0.0}
    observation = Observation(row(), "x", Frame("a.fits"))
    observation.header, observation.source = header, source
    rms_ra, rms_dec, correlation, rms_fit = centroids.position_errors(observation)
    assert (rms_ra, rms_dec) == (pytest.approx(0.05), pytest.approx(0.13))
    assert correlation == pytest.approx(0, abs=1e-9) and rms_fit == pytest.approx(np.sqrt((0.03**2 + 0.05**2) / 2))
