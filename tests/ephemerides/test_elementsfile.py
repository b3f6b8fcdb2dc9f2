"""Files of orbital elements, as the Minor Planet Center and JPL write them: all lead to the same places."""

import gzip
import json

import numpy as np
import pytest
from test_orbit import CERES, recorded_ceres

from photometrypipeline.base.errors import FrameError
from photometrypipeline.ephemerides import elementsfile, ephemstore, horizons, orbit
from photometrypipeline.sky import sphere

# as published, in different years; too long for our lines
# ruff: noqa: E501
MPCORB = [
    "00001    3.34  0.15 K2555 188.70269   73.27343   80.25221   10.58780  0.0794013  0.21424651   2.7660512  0 E2024-V47  7330 125 1801-2024 0.80 M-v 30k MPCLINUX   4000      (1) Ceres              20241101",
    "00002    4.11  0.15 K25BL 211.52977  310.93340  172.88859   34.92833  0.2306430  0.21379713   2.7699258  0 MPO964264  9023 124 1804-2025 0.64 M-c 28k MPCORBFIT  4000      (2) Pallas             20251214",
]
JPL_NUMBERED = """\
 Num   Name              Epoch      a          e        i         w        Node        M         H     G   Ref
------ ----------------- ----- ---------- ---------- --------- --------- --------- ----------- ----- ----- ----------
     1 Ceres             59396  2.7656553 0.07839202  10.58820  73.73827  80.26764 247.5499723  3.53  0.12 JPL 48
     2 Pallas            59396  2.7738148 0.22975842  34.89778 310.43686 172.92018 229.2297176  4.22  0.11 JPL 46
"""
JPL_COMETS = """\
Num  Name                                     Epoch      q           e        i         w        Node          Tp       Ref
------------------------------------------- ------- ----------- ---------- --------- --------- --------- -------------- ------------
  1P/Halley                                   49400  0.58597811 0.96714291 162.26269 111.33249  58.42008 19860205.89532 JPL J863/77
  2P/Encke                                    55460  0.33586872 0.84833156  11.78308 186.54970 334.56582 20100806.50196 JPL K105/1
"""
MPC_COMETS = """\
    CJ95O010  1997 03 29.4673  0.928143  0.994910  130.7602  283.2592   89.0370  20190217  -2.0  4.0  C/1995 O1 (Hale-Bopp)                                    MPC106342
0003I         2025 10 29.4825  1.356507  6.139884  128.0055  322.1535  175.1129  20251121  11.8  4.0  3I/ATLAS                                                 MPEC 2026-G41
"""


def written(tmp_path, text):
    path = tmp_path / "elements.txt"
    path.write_text(text)
    return path


def place(elements, jd):
    values = orbit.ephemeris(elements, "500", [jd])[0]
    return values[ephemstore.COLUMNS.index("ra_deg")], values[ephemstore.COLUMNS.index("dec_deg")]


def apart_arcsec(one, other):
    return sphere.separation_deg(*one, *other) * 3600


@pytest.mark.parametrize("text", ["\n".join(MPCORB), JPL_NUMBERED, "\r\n".join(["a heading", "-" * 80, *MPCORB])])
def test_ceres_of_each_file_stands_where_the_elements_of_horizons_put_it(tmp_path, text):
    """Orbits of different years and makers, 1.5 and 5.3 years from the elements of Horizons.

    Five years cost 0.1" by pyerfa's planets, the rounding of the MPC 0.05".
    """
    (found,) = elementsfile.read(written(tmp_path, text), "Ceres")
    assert found.full_name == "1 Ceres"
    jd = found.elements["EPOCH"]
    assert apart_arcsec(place(found.elements, jd), place(CERES, jd)) < 0.4
    assert found.elements["H"] == pytest.approx(3.4, abs=0.2) and found.elements["G"] in (0.12, 0.15)


def test_hale_bopp_of_the_mpc_stands_where_horizons_puts_it(tmp_path):
    (found,) = elementsfile.read(written(tmp_path, MPC_COMETS), "Hale-Bopp")
    answer = recorded_ceres("sbpy_TestEphemerisCLI-c1995o1-horizons.txt")
    jd = answer.jd[0]
    told = {name: answer.values[0][ephemstore.COLUMNS.index(name)] for name in ("ra_deg", "dec_deg")}
    # the MPC rounds q to 1e-6 au and the time of perihelion to 9 s; 45 au away that is 0.1", the orbits differ by more
    assert apart_arcsec(place(found.elements, jd), tuple(told.values())) < 1.5
    assert found.elements["M1"] == -2.0 and found.elements["K1"] == 10.0


@pytest.mark.parametrize(
    ("text", "name", "full_name", "perihelion_jd"),
    [
        (JPL_COMETS, "1P", "1P/Halley", 2446467.39532),
        (JPL_COMETS, "Encke", "2P/Encke", 2455415.00196),
        (MPC_COMETS, "C/1995 O1", "C/1995 O1 (Hale-Bopp)", 2450536.9673),
        (MPC_COMETS, "CJ95O010", "C/1995 O1 (Hale-Bopp)", 2450536.9673),
        (MPC_COMETS, "3I", "3I/ATLAS", 2460977.9825),
    ],
)
def test_comets_are_found_by_number_designation_and_name(tmp_path, text, name, full_name, perihelion_jd):
    (found,) = elementsfile.read(written(tmp_path, text), name)
    assert found.full_name == full_name
    assert found.elements["TP"] == pytest.approx(perihelion_jd, abs=1e-6)


@pytest.mark.parametrize("name", ["1", "(1)", "00001", "1 Ceres", "Ceres", "ceres"])
def test_an_asteroid_is_found_under_every_usual_name(tmp_path, name):
    for text in ("\n".join(MPCORB), JPL_NUMBERED):
        assert [each.full_name for each in elementsfile.read(written(tmp_path, text), name)] == ["1 Ceres"]
    assert elementsfile.read(written(tmp_path, JPL_NUMBERED), "3") == []
    assert elementsfile.read(written(tmp_path, JPL_NUMBERED), "2001 AB1") == []


def test_a_designation_is_found_in_a_line_of_mpcorb(tmp_path):
    line = MPCORB[0].replace("00001  ", "K14A01B").replace("(1) Ceres  ", "2014 AB1   ")
    for name in ("2014 AB1", "2014_AB1", "2014AB1", "K14A01B"):
        assert [each.full_name for each in elementsfile.read(written(tmp_path, line), name)] == ["(2014 AB1)"]


FLAT = {**CERES, "full_name": "1 Ceres (A801 AA)"}
OF_THE_MPC = {"Number": "(1)", "Name": "Ceres", "Principal_desig": "A801 AA", "Epoch": CERES["EPOCH"], "H": 3.34}
OF_THE_MPC |= {"e": CERES["EC"], "i": CERES["IN"], "Node": CERES["OM"], "Peri": CERES["W"], "G": 0.12}
AXIS_AU = CERES["QR"] / (1 - CERES["EC"])
MOTION_DEG = np.degrees(np.sqrt(orbit.GM_SUN / AXIS_AU**3))
OF_THE_MPC |= {"a": AXIS_AU, "M": (CERES["EPOCH"] - CERES["TP"]) * MOTION_DEG % 360}
SBDB = {"object": {"fullname": "1 Ceres (A801 AA)"}, "phys_par": [{"name": "H", "value": "3.34"}]}
SBDB["orbit"] = {"epoch": "2458849.5", "model_pars": [{"name": "A2", "value": "1e-14"}]}
SBDB["orbit"]["elements"] = [
    {"name": name, "value": repr(CERES[key])}
    for name, key in (("e", "EC"), ("q", "QR"), ("tp", "TP"), ("om", "OM"), ("w", "W"), ("i", "IN"))
]


FIELDS = ["full_name", "epoch", "e", "q", "tp", "om", "w", "i", "H"]
VALUES = [str(CERES[key]) for key in ("EPOCH", "EC", "QR", "TP", "OM", "W", "IN")]
QUERY = {"signature": {"source": "NASA/JPL Small-Body DB"}, "count": "2", "fields": FIELDS}
QUERY["data"] = [["       2 Pallas (A802 FA)", *[None] * 8], ["       1 Ceres (A801 AA)", *VALUES, "3.34"]]
GET_ORB = {"designation_data": {"permid": "1", "name": "Ceres", "unpacked_primary_provisional_designation": "A801 AA"}}
GET_ORB |= {"epoch_data": {"epoch": CERES["EPOCH"] - 2400000.5, "timeform": "MJD"}, "magnitude_data": {"H": 3.34}}
GET_ORB["COM"] = {
    "coefficient_names": ["q", "e", "i", "node", "argperi", "peri_time"],
    "coefficient_values": [*[CERES[key] for key in ("QR", "EC", "IN", "OM", "W")], CERES["TP"] - 2400000.5],
}


WEB_SERVICE = {"name": "Ceres", "number": 1, "designation": None, "epoch": "2020-01-01.0", "absolute_magnitude": "3.34"}
WEB_SERVICE |= {
    label: repr(CERES[key])
    for label, key in (
        ("epoch_jd", "EPOCH"), ("eccentricity", "EC"), ("perihelion_distance", "QR"), ("perihelion_date_jd", "TP"),
        ("ascending_node", "OM"), ("argument_of_perihelion", "W"), ("inclination", "IN"),
    )
}  # fmt: skip
OF_PARTS = {**QUERY, "fields": ["pdes", "epoch.mjd", *FIELDS[2:]]}
OF_PARTS["data"] = [["1", str(CERES["EPOCH"] - 2400000.5), *VALUES[1:], "3.34"]]


@pytest.mark.parametrize(
    "content",
    [FLAT, [FLAT], OF_THE_MPC, {"data": [OF_THE_MPC]}, SBDB, QUERY, {"mpc_orb": GET_ORB}, [{"mpc_orb": [GET_ORB]}, 200]]
    + [[{"mpc_orb": GET_ORB}, 200], [WEB_SERVICE]],
)
def test_json_in_its_different_forms_is_the_same_orbit(tmp_path, content):
    (found,) = elementsfile.read(written(tmp_path, json.dumps(content)), "Ceres")
    assert orbit.state(found.elements) == pytest.approx(orbit.state(CERES), abs=1e-10)
    assert found.elements["H"] == 3.34
    assert found.elements.get("A2") == (1e-14 if content is SBDB else None)


def test_a_query_that_names_bodies_by_their_numbers_is_read(tmp_path):
    (found,) = elementsfile.read(written(tmp_path, json.dumps(OF_PARTS)), "1")
    assert orbit.state(found.elements) == pytest.approx(orbit.state(CERES), abs=1e-10)


def test_rows_of_csv_are_those_of_json_also_when_packed(tmp_path):
    """As the page of SBDB's query saves them, with a mark of Unicode in front as Excel puts it there."""
    lines = [",".join(FIELDS), *(",".join(f'"{each or ""}"' for each in row) for row in QUERY["data"])]
    path = tmp_path / "sbdb_query_results.csv.gz"
    path.write_bytes(gzip.compress(("\ufeff" + "\n".join(lines)).encode()))
    (found,) = elementsfile.read(path, "Ceres")
    assert orbit.state(found.elements) == pytest.approx(orbit.state(CERES), abs=1e-10)


OEF = "format  = 'OEF2.0'       ! file format\nrectype = '{}'\nelem    = 'KEP'\nrefsys  = {}  ! plane\nEND_OF_HEADER\n"
ANOMALY_DEG = OF_THE_MPC["M"]
KEPLERIAN = [AXIS_AU, CERES["EC"], CERES["IN"], CERES["OM"], CERES["W"], ANOMALY_DEG]


def equinoctial():
    node, longitude = np.radians([CERES["OM"], CERES["OM"] + CERES["W"]])
    tilt = np.tan(np.radians(CERES["IN"] / 2))
    turned = [
        CERES["EC"] * np.sin(longitude),
        CERES["EC"] * np.cos(longitude),
        tilt * np.sin(node),
        tilt * np.cos(node),
    ]
    return [AXIS_AU, *turned, (CERES["OM"] + CERES["W"] + ANOMALY_DEG) % 360]


def oef(kind):
    """Ceres behind Pallas, as AstDyS writes both; elements are told in the order of the kind."""
    epoch = CERES["EPOCH"] - 2400000.5
    if kind == "1L":
        rows = [f"'{name}' {epoch} {' '.join(map(repr, map(float, KEPLERIAN)))} 3.34 0.12 0" for name in "21"]
        return OEF.format("1L", "ECLM J2000") + "! Name, Epoch(MJD), a, e, i ...\n" + "\n".join(rows)
    values = KEPLERIAN if kind == "KEP" else equinoctial()
    numbers = " ".join(f"{value:.16E}" for value in values)
    body = f"1\n! comment\n {kind}  {numbers}\n MJD  {epoch:.9f} TDT\n MAG  3.340  0.120\n"
    return OEF.format("ML", "ECLM J2000") + body.replace("1\n", "2\n", 1) + body


@pytest.mark.parametrize("kind", ["1L", "KEP", "EQU"])
def test_the_catalogues_and_files_of_astdys_are_the_same_orbit(tmp_path, kind):
    (found,) = elementsfile.read(written(tmp_path, oef(kind)), "1 Ceres")
    assert orbit.state(found.elements) == pytest.approx(orbit.state(CERES), abs=1e-10)
    assert (found.elements["H"], found.elements["G"]) == (3.34, 0.12)


def test_elements_on_the_equator_are_refused(tmp_path):
    with pytest.raises(FrameError, match="refsys is EQUM J2000"):
        elementsfile.read(written(tmp_path, oef("KEP").replace("ECLM", "EQUM")), "1")


BLOCK = """\
Target body name: 1 Ceres (A801 AA)               {source: JPL#48}
Center body name: Sun (10)                        {source: DE441}
Output units    : AU-D, deg, Julian Day Number (Tp)
Output type     : GEOMETRIC osculating elements
Reference frame : Ecliptic of J2000.0
$$SOE
2451544.500000000 = A.D. 2000-Jan-01 00:00:00.0000 TDB
 EC= 7.837505574674922E-02 QR= 2.549670145428669E+00 IN= 1.058336066935565E+01
 OM= 8.049436497808115E+01 W = 7.392278720553115E+01 Tp=  2451516.163103133447
 N = 2.141950384425567E-01 MA= 6.069622713669460E+00 TA= 7.121194154895409E+00
 A = 2.766494289599058E+00 AD= 2.983318433769447E+00 PR= 1.680711199557247E+03
2451545.500000000 = A.D. 2000-Jan-02 00:00:00.0000 TDB
 EC= 9E-02 QR= 2.5E+00 IN= 1.1E+01
$$EOE
"""


def test_a_table_of_elements_without_the_facts_on_the_body_is_read(tmp_path, shared_data):
    """In both layouts of Horizons: by labels, and with commas."""
    (found,) = elementsfile.read(written(tmp_path, BLOCK), "Ceres")
    recorded = shared_data / "ephemerides" / "astroquery_jplhorizons_tests_data_ceres_elements_single.txt"
    text = recorded.read_text()
    facts = text[text.index("Initial IAU76") : text.index("            JDTDB,")]
    commas = text[text.index("Ephemeris / API_USER") :].replace(facts, "")
    (again,) = elementsfile.read(written(tmp_path, commas), "Ceres")
    assert found.elements == pytest.approx(again.elements) and found.elements["EPOCH"] == 2451544.5


def test_a_table_around_the_earth_is_refused(tmp_path):
    with pytest.raises(FrameError, match=r"Center body name is Earth \(399\), not Sun"):
        elementsfile.read(written(tmp_path, BLOCK.replace("Sun (10)", "Earth (399)")), "Ceres")


def test_an_answer_of_horizons_in_json_is_its_text(tmp_path):
    text = (
        "JPL/HORIZONS  1 Ceres (A801 AA)  2026-May-11 07:53:26\n EPOCH= 2458849.5\n EC= .0768 QR= 2.5 TP= 2458240.1\n"
    )
    text += " OM= 80.3 W= 73.8 IN= 10.6\n$$SOE\n$$EOE\n"
    (found,) = elementsfile.read(written(tmp_path, json.dumps({"signature": {}, "result": text})), "Ceres")
    assert (found.full_name, found.elements["TP"]) == ("1 Ceres (A801 AA)", 2458240.1)


def test_comets_of_the_mpc_in_json_are_those_of_its_lines(tmp_path):
    """The same comet from CometEls.txt and from cometels.json, whose passage is a date; 1531 is long before MJD 0."""
    comet = {"Designation_and_name": "C/1995 O1 (Hale-Bopp)", "Orbit_type": "C", "Perihelion_dist": 0.928143}
    comet |= {"Year_of_perihelion": 1997, "Month_of_perihelion": 3, "Day_of_perihelion": 29.4673, "e": 0.99491}
    comet |= {"Peri": 130.7602, "Node": 283.2592, "i": 89.037, "Epoch_year": 2019, "Epoch_month": 2, "Epoch_day": 17}
    comet |= {"H": -2.0, "G": 4.0}
    old = comet | {"Designation_and_name": "1P/Halley", "Year_of_perihelion": 1531, "Epoch_year": 1531}
    (of_lines,) = elementsfile.read(written(tmp_path, MPC_COMETS), "C/1995 O1")
    path = written(tmp_path, json.dumps([comet, old]))
    (found,), (halley,) = elementsfile.read(path, "C/1995 O1"), elementsfile.read(path, "1P")
    assert found.full_name == of_lines.full_name
    assert found.elements == pytest.approx(of_lines.elements)
    assert found.elements["TP"] - halley.elements["TP"] == pytest.approx(365.2425 * (1997 - 1531), abs=2)


@pytest.mark.parametrize(
    ("content", "why"),
    [({"code": "300", "message": "matched more than one"}, "matched more than one"), ([None], "no orbital elements")]
    + [([], "no orbital elements"), (5, "no orbital elements"), ({"data": [[1, 2]]}, "no orbital elements")]
    + [(FLAT | {"EC": "null"}, "EC = 'null' of 1 Ceres"), (FLAT | {"TP": None, "QR": None}, "no QR, TP for 1 Ceres")],
)
def test_json_without_the_elements_is_explained(tmp_path, content, why):
    with pytest.raises(FrameError, match=why):
        elementsfile.read(written(tmp_path, json.dumps(content)), "Ceres")


def test_elements_without_a_name_are_those_of_the_target(tmp_path):
    (found,) = elementsfile.read(written(tmp_path, json.dumps(CERES)), "2015 AB123")
    assert found.elements["QR"] == CERES["QR"]


def test_answers_of_horizons_are_read_one_behind_the_other(tmp_path):
    block = "JPL/HORIZONS        {}        2026-May-11 07:53:26\n EPOCH= 2458849.5 ! 2020-Jan-01.00 (TDB)\n EC= .0768 QR= 2.5"
    block += " TP= 2458240.1\n OM= 80.3 W= 73.8 IN= 10.6\n M1= 10.0 k1= 8.0\n A1= 1.D-9 A2= -2.E-10\n"
    text = block.format("1 Ceres (A801 AA)") + block.format("2P/Encke")
    (found,) = elementsfile.read(written(tmp_path, text), "2P")
    assert (found.full_name, found.elements["A1"], found.elements["A2"]) == ("2P/Encke", 1e-9, -2e-10)
    assert set(horizons.ORBIT) < set(found.elements)


@pytest.mark.parametrize(
    ("text", "why"),
    [("[" * 100_000, "damaged"), (json.dumps(SBDB | {"object": "Ceres"}), "another form")]
    + [(json.dumps({"mpc_orb": GET_ORB | {"epoch_data": None}}), "another form")]
    + [(JPL_COMETS.replace("20100806.50196", "2010-Aug-06.50"), "damaged")]
    + [("", "no orbital elements"), ("just words\n", "no orbital elements"), ('{"EPOCH": 2458849.5}', "cannot be read")]
    + [("{broken", "cannot be read"), (MPCORB[0].replace("0.0794013", "x.0794013"), "cannot be read")],
)
def test_a_file_without_elements_is_named(tmp_path, text, why):
    with pytest.raises(FrameError, match=rf"elements.txt.*{why}.*MPCORB"):
        elementsfile.read(written(tmp_path, text), "2P" if text.startswith("Num") else "Ceres")
    with pytest.raises(FrameError, match="check its name"):
        elementsfile.read(tmp_path / "missing", "Ceres")


def test_a_mark_of_the_encoding_hides_no_body(tmp_path):
    for encoding in ("utf-8-sig", "utf-16"):
        (tmp_path / "elements.txt").write_bytes("\r\n".join(MPCORB).encode(encoding))
        assert len(elementsfile.read(tmp_path / "elements.txt", "Ceres")) == 1


def test_the_epoch_of_an_sbdb_table_may_be_an_mjd(tmp_path):
    rows = [
        ["full_name", "epoch_mjd", *FIELDS[2:-1]],
        ["1 Ceres (A801 AA)", str(CERES["EPOCH"] - 2400000.5), *VALUES[1:]],
    ]
    (found,) = elementsfile.read(written(tmp_path, "\n".join(map(",".join, rows))), "Ceres")
    assert found.elements["EPOCH"] == CERES["EPOCH"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (
            {"code": "300", "list": [{"pdes": "73P-B"}, {"pdes": "73P-C"}]},
            "several bodies .* 73P-B, 73P-C; ask for one",
        ),
        ({"signature": {"version": "1.2"}, "error": "Cannot interpret date."}, r"\(Cannot interpret date"),
        (FLAT | {"EC": -0.1}, r"EC = -0.1 of 1 Ceres \(A801 AA\) cannot be"),
        (FLAT | {"IN": 200.0}, "IN = 200 of 1 Ceres"),
        (FLAT | {"QR": 0.0}, "QR = 0 of 1 Ceres"),
    ],
)
def test_what_a_service_says_in_the_place_of_elements_and_what_cannot_be_is_told(tmp_path, content, why):
    with pytest.raises(FrameError, match=why):
        elementsfile.read(written(tmp_path, json.dumps(content)), "Ceres")
