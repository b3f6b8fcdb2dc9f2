"""ADES reports of all kinds of bodies: by the official schemas, and by what the MPC refuses."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from lxml import etree

from photometrypipeline.base.losses import Losses
from photometrypipeline.frames.frame import Frame
from photometrypipeline.reports import ades, adesrules, astrometryreport, mpc80, reportsettings
from photometrypipeline.reports.designations import Designation, of_body
from photometrypipeline.reports.observations import Observation
from reportrows import row

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


def reported(name, folder, telescope="VATT4K", **cards):
    """Return (records, blocks) of one observation of the body `name`."""
    of_row = {"frame": "a.fits", "err_total": 0.02, "telescope": telescope}
    observation = Observation(row(**of_row), name, Frame(folder / "a.fits"))
    observation.header = {"REGCAT": "GAIA-DR3", "SECPIXX": 0.375, "APRAD": 4.0, **cards}
    settings = reportsettings.ReportSettings(submitter="A. B", observers=("A. B",), measurers=("A. B",))
    settings.telescopes = {"*": {"design": "Reflector", "aperture_m": 1.8}}
    series = SimpleNamespace(full_name=name, target=name, kind="primary", observations=[observation])
    records = astrometryreport.records_of(series, astrometryreport.name_of(series), settings)
    return records, astrometryreport.blocks_of(records, settings)


@pytest.mark.parametrize(
    ("telescope", "cards", "station"),
    [
        ("LCOSINISTRO", {"SITEID": "cpt", "ENCID": "doma"}, "K91"),  # one family of cameras, many stations
        ("LCOSINISTRO", {"SITEID": "coj", "ENCID": "domb"}, "Q64"),
        ("GENERIC", {"MPCCODE": "G96"}, "G96"),
        ("VATT4K", {}, "290"),
    ],
)
def test_the_station_is_that_of_the_frame(tmp_path, telescope, cards, station):
    records, blocks = reported("3552", tmp_path, telescope, **cards)
    assert records[0].ades["stn"] == station and blocks[0].context["observatory"] == [("mpcCode", station)]
    text = mpc80.to_text(records, reportsettings.ReportSettings())
    assert f"COD {station}\n" in text and text.rstrip().endswith(station)
    assert adesrules.check_site(station) == []


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
