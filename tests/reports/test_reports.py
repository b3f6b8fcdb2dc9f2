"""Reports for the Minor Planet Center, checked by rules of their own and read by other readers than ours."""

import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.time import Time
from conftest import ROOT

import sky
from photometrypipeline.catalogs import surveys
from photometrypipeline.frames import observationsdb, results
from photometrypipeline.reports import ades, mpccodes, reportsettings, standing

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


def test_the_catalogue_of_the_header_is_the_one_that_was_given(data, run_command):
    folder, _ = data
    done = run_command("pptool_mpcreport", "-astcat", "UCAC4", FILE, "3552", cwd=folder)
    assert done.returncode == 0 and "NET UCAC-4" in (folder / "mpc_astrometry.dat").read_text().splitlines()


def test_every_catalogue_and_band_of_ours_has_its_code_or_none():
    assert set(mpccodes.CATALOGS) <= set(surveys.SURVEYS)
    listed = {*mpccodes.CURRENT_CATALOGS, *mpccodes.DEPRECATED_CATALOGS}
    assert {code for code, _ in mpccodes.CATALOGS.values()} <= listed
    for band in [*"ugrizyUBVRIJHKG", "Ks", "gp1", "yp1", "BP", "RP"]:
        assert mpccodes.band_codes(band)[0] in mpccodes.BANDS
    assert mpccodes.catalog_codes("PANSTARRS_transformed_solar")[0] == "PS1_DR1"
    assert mpccodes.catalog_codes("SDSS-R9_transformed") == ("", "")
    assert mpccodes.catalog_codes("my_stars") == mpccodes.catalog_codes(None) == ("", "")
