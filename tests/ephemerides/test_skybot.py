"""Which known bodies and variable stars are in a field."""

from pathlib import Path

import astroquery
import numpy as np
import pytest
from astropy.table import Column, Table

from horizons import Body, answer_skybot
from photometrypipeline.base.errors import NotReachable
from photometrypipeline.base.services import Client, Retry
from photometrypipeline.catalogs import vsx
from photometrypipeline.ephemerides import ephemstore, skybot
from services import Server

RECORDED = Path(astroquery.__file__).parent / "imcce" / "tests" / "data" / "skybot_query.vot"
JD = 2460310.75
BODIES = [
    Body(number=3552, name="Don Quixote", jd0=JD, ra_deg=0.05, dec_deg=60.0, ra_rate=36.0, dec_rate=-18.0, v_mag=17.2),
    Body(name="2024 AA1", jd0=JD, ra_deg=359.9, dec_deg=60.1, sigma_arcsec=7.5),
    Body(number=1, name="Ceres", jd0=JD, ra_deg=3.0, dec_deg=60.0),
    Body(number=499, name="Mars", kind="major", jd0=JD, ra_deg=0.0, dec_deg=60.0),
]
STARS = Table(
    {
        "OID": [1, 2, 3, 4],
        "Name": ["V* one", "ASASSN-V J1|2", "constant", "no maximum"],
        "V": [0, 1, 2, 0],
        "RAJ2000": Column([10.0, 10.1, 10.0, 9.95], unit="deg"),
        "DEJ2000": Column([5.0, 5.0, 5.0, 5.1], unit="deg"),
        "Type": ["RRAB", "", "CST", "EA"],
        "max": [15.2, 13.0, 10.0, np.nan],
        "n_max": ["V", "V", "V", ""],
        "min": [16.0, 13.5, 10.0, np.nan],
        "Period": [0.56, np.nan, np.nan, 2.5],
    }
)


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    with Server(objects=list(BODIES), sky={"B/vsx/vsx": STARS}) as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server


def test_a_real_answer():
    found = skybot.parse(RECORDED.read_bytes(), "500")
    assert found["number"].tolist() == ["229762", "523748", "", ""]
    assert found["name"][0] == "G!kun||'homdima"
    assert found["ra_deg"][0] == pytest.approx(81.303190599627357, abs=1e-12)
    assert found["dec_deg"][3] == pytest.approx(4.5092830524710497, abs=1e-12)
    assert found["v_mag"].tolist() == pytest.approx([19.6, 22.1, 22.1, 21.6], abs=1e-5)
    assert found["err_arcsec"].tolist() == pytest.approx([0.025, 0.07, 0.077, 0.148], abs=1e-5)
    assert found["ra_rate"][2] == pytest.approx(-28.383)
    assert found["klass"][2] == "MB>Middle"


def test_an_answer_for_another_observatory_is_refused():
    with pytest.raises(NotReachable, match="for observatory 500 instead of 568"):
        skybot.parse(RECORDED.read_bytes(), "568")


def test_sexagesimal_positions_serve_where_decimal_ones_are_missing():
    body = RECORDED.read_text().replace('"_RAJ2000"', '"other"').replace('"_DECJ2000"', '"another"')
    found = skybot.parse(body.encode(), "500")
    assert found["ra_deg"][0] == pytest.approx(81.303190599627357, abs=1e-6)
    assert found["dec_deg"][0] == pytest.approx(4.4903001723284355, abs=1e-6)


def test_nothing_there_is_an_answer():
    status, text = answer_skybot({"-ra": "0", "-dec": "0", "-rd": "0.1", "-ep": str(JD), "-observer": "290"}, [])
    found = skybot.parse(text.encode(), "290")
    assert len(found) == 0
    assert found.colnames == skybot.NOTHING.colnames


@pytest.mark.parametrize(
    "body", [b"", b"# Flag: -1\n# MySQL server (asterws3.imcce.fr):", RECORDED.read_bytes()[:6000]]
)
def test_what_is_no_table_is_tried_again(body):
    with pytest.raises(Retry):
        skybot.parse(body, "500")


def test_other_trouble_in_a_valid_document_is_tried_again():
    _, text = answer_skybot({"-ra": "0", "-dec": "0", "-rd": "0.1", "-ep": str(JD)}, [])
    with pytest.raises(Retry, match="MySQL server"):
        skybot.parse(text.replace("No solar system object was found", "SkyBoT -> MySQL server").encode(), "500")


def test_a_field_across_ra_zero(server):
    found = skybot.search(-0.01, 60.0, 0.3, JD, "290", Client())
    assert found["name"].tolist() == ["Don Quixote", "2024 AA1"]
    assert found["number"].tolist() == ["3552", ""]
    assert found["ra_deg"].tolist() == pytest.approx([0.05, 359.9])
    assert found["err_arcsec"].tolist() == pytest.approx([0.1, 7.5])
    request = server.requests[0].fields
    assert request["-observer"] == "290"
    assert "-loc" not in request
    assert float(request["-ra"]) == pytest.approx(359.99)


def test_the_second_search_opens_no_socket_and_old_answers_help(server, monkeypatch):
    first = skybot.search(0, 60, 0.3, JD, "290", Client())
    again = skybot.search(0, 60, 0.3, JD, "290", Client(offline=True))
    assert again["ra_deg"].tolist() == first["ra_deg"].tolist()
    assert server.count("skybot") == 1
    month_later = ephemstore.now() + 31 * 86400
    monkeypatch.setattr(ephemstore, "now", lambda: month_later)
    assert len(skybot.search(0, 60, 0.3, JD, "290", Client(offline=True))) == 2
    skybot.search(0, 60, 0.3, JD, "290", Client())
    assert server.count("skybot") == 2


def test_astroquerys_way_to_name_the_observatory_would_be_found_out(server, monkeypatch):
    ours = skybot.parameters

    def theirs(*arguments):
        request = ours(*arguments)
        return {"-loc" if name == "-observer" else name: value for name, value in request.items()}

    monkeypatch.setattr(skybot, "parameters", theirs)
    with pytest.raises(NotReachable, match="for observatory 500 instead of 290"):
        skybot.search(0, 60, 0.3, JD, "290", Client())


@pytest.mark.parametrize("fault", ["503", "html", "truncated", "refuse"])
def test_a_service_that_fails_is_not_an_empty_field(server, fault):
    server.faults["skybot"] = fault
    with pytest.raises(NotReachable):
        skybot.search(0, 60, 0.3, JD, "290", Client())


def test_years_that_skybot_does_not_know(server):
    with pytest.raises(NotReachable, match="1889 to 2060"):
        skybot.search(0, 60, 0.3, 2480000.5, "290", Client())


def test_variable_stars_without_the_constant_ones(server):
    found = vsx.search(10.0, 5.0, 0.2, Client())
    assert found["name"].tolist() == ["ASASSN-V J1|2", "V* one", "no maximum"]  # brightest first
    assert found["max_mag"].tolist()[:2] == [13.0, 15.2]
    assert np.isnan(found["max_mag"][2])
    assert found["period_d"][1] == pytest.approx(0.56)
    assert int(server.requests[0].fields["-out.max"]) > 100_000  # and an answer that long is asked for in parts
    assert len(vsx.search(10.0, 5.0, 0.2, Client(offline=True))) == 3
    assert server.count("vizier") == 1


def test_a_field_without_variable_stars(server):
    assert len(vsx.search(200.0, 5.0, 0.2, Client())) == 0
    assert len(vsx.search(200.0, 5.0, 0.2, Client(offline=True))) == 0


def test_vizier_out_of_order_is_no_field_without_variable_stars(server):
    server.faults["vizier"] = "error_info"
    with pytest.raises(NotReachable):
        vsx.search(10.0, 5.0, 0.2, Client())
