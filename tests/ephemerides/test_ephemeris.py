"""Positions of bodies: answers of Horizons read and kept, failures told apart, and what is left without the service."""

import json
import logging
import multiprocessing
import shutil
import sqlite3

import numpy as np
import pytest

from horizons import Body
from photometrypipeline.base.errors import Ambiguous, FrameError, NotFound, NotReachable
from photometrypipeline.base.services import Client
from photometrypipeline.ephemerides import ephemeris, ephemstore, orbit, planets
from photometrypipeline.ephemerides.ephemchoice import Choice
from services import Server

JD = 2460310.7123456789  # 2024-01-01
MINUTE = 1 / 1440
QUIXOTE = {
    "number": 3552,
    "name": "Don Quixote",
    "designation": "1983 SA",
    "jd0": JD,
    "ra_deg": 359.999,
    "dec_deg": 60.0,
    "ra_rate": 36.0,
    "dec_rate": -18.0,
    "v_mag": 17.25,
    "sigma_arcsec": 0.12,
}
# Osculating elements of Ceres, from the head of an answer of Horizons
CERES = {
    "EPOCH": 2460400.5,
    "EC": 0.07687465013145245,
    "QR": 2.556401146697176,
    "TP": 2458240.1791309435,
    "OM": 80.3011901917491,
    "W": 73.80896808746482,
    "IN": 10.59127767086216,
    "H": 3.34,
    "G": 0.12,
}
BODIES = [
    Body(**QUIXOTE),
    Body(number=1, name="Ceres", designation="A801 AA", jd0=JD, ra_deg=150.0, dec_deg=-10.0, elements=CERES),
    Body(number=9134, name="Encke", designation="4822 T-2", jd0=JD),
    Body(
        name="Encke",
        designation="2P",
        kind="comet",
        jd0=JD,
        ra_deg=20.0,
        v_mag=14.5,
        records=[(90000091, 2015), (90000092, 2023)],
    ),
    Body(
        name="Wirtanen",
        designation="46P",
        kind="comet",
        jd0=JD,
        ra_deg=30.0,
        records=[(90000551, 2012), (90000552, 2018)],
    ),
    Body(
        name="Schwassmann-Wachmann 3",
        designation="73P",
        kind="comet",
        jd0=JD,
        ra_deg=40.0,
        records=[(90000730, 2006), (90000731, 2022)],
    ),
    Body(
        name="Schwassmann-Wachmann 3-B",
        designation="73P-B",
        kind="comet",
        jd0=JD,
        ra_deg=41.0,
        records=[(90000732, 2006), (90000733, 2022)],
    ),
    Body(number=301, name="Bavaria", designation="1890 WA", jd0=JD, ra_deg=77.0),
    Body(number=301, name="Moon", kind="major", jd0=JD, ra_deg=200.0),
    Body(number=499, name="Mars", kind="major", jd0=JD, ra_deg=210.0),
    Body(number=4, name="Mars Barycenter", kind="major", jd0=JD, ra_deg=210.0),
    Body(number=-41, name="Mars Express", kind="major", jd0=JD, ra_deg=210.0, span=(JD + 100, JD + 200)),
    Body(number=-170, name="James Webb Space Telescope", kind="major", jd0=JD),
    Body(designation="2024 AA1", jd0=JD, ra_deg=99.0),
]


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    with Server(objects=list(BODIES)) as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def later(monkeypatch):
    """Return a function that lets days go by for the store."""
    day = [0.0]
    real = ephemstore.time.time
    monkeypatch.setattr(ephemstore, "now", lambda: real() + 86400 * day[0])

    def wait(days):
        day[0] += days

    return wait


def asked(server):
    """Return the epochs (JD) of each request that the server got."""
    return [
        [float(epoch) for epoch in request.fields["TLIST"].split()]
        for request in server.requests
        if request.route == "horizons" and request.fields["EPHEM_TYPE"] == "OBSERVER"
    ]


def test_a_night_is_one_request_and_positions_keep_all_their_digits(server):
    jds = JD + np.array([0, 10, 20]) * MINUTE
    found = ephemeris.positions("3552", "290", jds, Client())
    assert found.full_name == "3552 Don Quixote (1983 SA)"
    assert found.source == "horizons"
    # 36 arcsec/h over 20 min are 12 arcsec on the sky, twice that in RA at Dec 60, here across RA 0
    assert (
        np.abs((found.ra_deg - [359.999, 359.999 + 12 / 3600, 359.999 + 24 / 3600 - 360] + 180) % 360 - 180).max()
        < 2e-9
    )
    assert found.dec_deg == pytest.approx([60, 60 - 3 / 3600, 60 - 6 / 3600], abs=2e-9)
    assert found.ra_rate == pytest.approx(36, abs=0.01)
    assert found.dec_rate == pytest.approx(-18, abs=1e-3)
    assert found.v_mag == pytest.approx(17.25)
    assert found.sigma_ra_arcsec == pytest.approx(0.12)  # Horizons tells three sigma
    assert found.delta_au == pytest.approx(1.6)
    assert found.jd == pytest.approx(jds, abs=1e-9)
    assert len(asked(server)) == 1


def test_the_second_time_no_socket_is_opened(server):
    first = ephemeris.positions("3552", "290", [JD, JD + MINUTE], Client())
    again = ephemeris.positions("(3552) Don Quixote", "290", [JD + MINUTE, JD + 3e-9], Client(offline=True))
    assert server.count("horizons") == 1
    assert again.source == "store"
    assert again.ra_deg.tolist() == first.ra_deg[::-1].tolist()
    assert again.v_mag.tolist() == first.v_mag[::-1].tolist()


def test_one_more_frame_asks_for_that_epoch_alone(server):
    ephemeris.positions("3552", "290", [JD, JD + MINUTE], Client())
    found = ephemeris.positions("3552", "290", [JD, JD + MINUTE, JD + 2 * MINUTE], Client())
    assert [len(epochs) for epochs in asked(server)] == [2, 1]
    assert asked(server)[1] == pytest.approx([JD + 2 * MINUTE], abs=1e-8)
    assert found.source == "store, horizons"


def test_another_site_is_asked_anew(server):
    ephemeris.positions("3552", "290", [JD], Client())
    ephemeris.positions("3552", "568", [JD], Client())
    assert [request.fields["CENTER"] for request in server.requests] == ["'290'", "'568'"]


def test_names_of_the_same_object_share_its_positions(server):
    ephemeris.positions("3552", "290", [JD], Client())
    ephemeris.positions("1983 SA", "290", [JD + MINUTE], Client())
    found = ephemeris.positions("1983SA", "290", [JD, JD + MINUTE], Client(offline=True))
    assert np.isfinite(found.ra_deg).all()


def test_many_epochs_go_into_one_file(server):
    jds = JD + np.arange(400) * MINUTE
    found = ephemeris.positions("3552", "290", jds, Client())
    assert server.count("horizons") == 0
    assert server.count("horizons_file") == 1
    assert found.dec_deg == pytest.approx(60 - 18 / 3600 * np.arange(400) / 60, abs=2e-9)


def test_a_request_for_fifty_epochs_still_fits_an_address(server):
    ephemeris.positions("3552", "290", JD + np.arange(50) * MINUTE, Client())
    assert [len(epochs) for epochs in asked(server)] == [50]
    assert len(server.requests[0].path) < 2000


def test_repeated_and_unordered_epochs_come_back_as_asked(server):
    found = ephemeris.positions("3552", "290", JD + np.array([60, 0, 60, 30]) * MINUTE, Client())
    assert found.dec_deg == pytest.approx(60 - np.array([18, 0, 18, 9]) / 3600, abs=2e-9)


@pytest.mark.parametrize(
    ("name", "full_name"),
    [
        ("301", "301 Bavaria (1890 WA)"),  # not the Moon
        ("Mars", "Mars (499)"),  # not its barycentre, not Mars Express
        ("Moon", "Moon (301)"),
        ("2P/Encke", "2P/Encke"),
        ("46P", "46P/Wirtanen"),  # the apparition of 2018, not that of 2012
        ("Wirtanen", "46P/Wirtanen"),  # ambiguous at first: all candidates are one comet
        ("73P", "73P/Schwassmann-Wachmann 3"),
        ("73P-B", "73P-B/Schwassmann-Wachmann 3-B"),
        ("James_Webb_Space_Telescope", "James Webb Space Telescope (-170)"),
        ("2024 AA1", "(2024 AA1)"),
    ],
)
def test_names_lead_to_the_body_that_is_meant(server, name, full_name):
    assert ephemeris.positions(name, "290", [JD], Client()).full_name == full_name


def test_another_designation_leads_to_the_body_and_is_told_once(server, caplog):
    server.objects.append(Body(number=719, name="Albert", designation="A911 TB", aliases=("2000 JW8",), jd0=JD))
    for jds, requests in (([JD], 2), ([JD, JD + 1], 1)):  # what may be another body is asked for twice, once for all
        before = server.count("horizons")
        assert ephemeris.positions("2000 JW8", "290", jds, Client()).full_name == "719 Albert (A911 TB)"
        assert server.count("horizons") - before == requests
    told = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert sum("knows '2000 JW8' as 719 Albert (A911 TB)" in each for each in told) == 1


def test_comets_have_a_total_magnitude(server):
    assert ephemeris.positions("2P", "290", [JD], Client()).v_mag == pytest.approx(14.5)


@pytest.mark.parametrize(
    ("jd", "asked"),
    [
        (JD, ["'DES=46P;NOFRAG;CAP<2460311'"]),  # the apparition of the frames, not the last one before today
        (2454101.5, ["'DES=46P;NOFRAG;CAP<2454102'", "'DES=46P;NOFRAG;CAP'"]),  # before the first that is on file
    ],
)
def test_the_apparition_before_the_end_of_the_frames_is_asked_for(server, jd, asked):
    assert ephemeris.positions("46P", "290", [jd], Client()).full_name == "46P/Wirtanen"
    commands = [request.fields["COMMAND"].replace('"', "'") for request in server.requests]
    assert list(dict.fromkeys(commands)) == asked


def test_an_ambiguous_name_lists_the_candidates_and_picks_none(server):
    with pytest.raises(Ambiguous, match="names 3 objects") as caught:
        ephemeris.positions("Encke", "290", [JD], Client())
    assert [candidate.split()[0] for candidate in caught.value.candidates] == ["9134", "90000091", "90000092"]
    with pytest.raises(Ambiguous) as again:
        ephemeris.positions("Encke", "290", [JD], Client(offline=True))
    assert again.value.candidates == caught.value.candidates
    assert str(again.value) == str(caught.value)


def test_an_unknown_name_is_not_found_and_remembered_for_a_week(server, later):
    for client in (Client(), Client(offline=True)):
        with pytest.raises(NotFound, match="Pleiades"):
            ephemeris.positions("Pleiades", "290", [JD], client)
    assert server.count("horizons") == 2  # small body, major body
    server.objects.append(Body(number=7777, name="Pleiades", jd0=JD))
    later(8)
    assert ephemeris.positions("Pleiades", "290", [JD], Client()).full_name == "7777 Pleiades"


def test_an_expired_refusal_still_counts_when_nobody_can_be_asked(server, later):
    with pytest.raises(NotFound):
        ephemeris.positions("5555", "290", [JD], Client())
    later(8)
    with pytest.raises(NotFound, match="5555"):
        ephemeris.positions("5555", "290", [JD], Client(offline=True))


def test_the_beginning_of_a_spacecrafts_name_does_not_name_it(server):
    with pytest.raises(NotFound, match="James"):
        ephemeris.positions("James", "290", [JD], Client())


@pytest.mark.parametrize("name", ["None", "", "flat", "NGC 7790"])
def test_what_is_no_name_asks_nobody(server, name):
    with pytest.raises(NotFound):
        ephemeris.positions(name, "290", [JD], Client())
    assert not server.requests


def test_a_time_without_ephemeris_does_not_make_the_object_unknown(server):
    with pytest.raises(NotFound, match="No ephemeris for target"):
        ephemeris.positions("Mars Express", "290", [JD], Client())
    assert ephemeris.positions("Mars Express", "290", [JD + 150], Client()).full_name == "Mars Express (-41)"


@pytest.mark.parametrize("fault", ["503", "html", "cut", "truncated", "refuse", "another"])
def test_a_service_that_fails_is_not_reachable_and_nothing_is_remembered(server, fault):
    server.faults["horizons"] = fault
    with pytest.raises(NotReachable):
        ephemeris.positions("3552", "290", [JD], Client())
    server.faults.clear()
    assert ephemeris.positions("3552", "290", [JD], Client()).source == "horizons"


def test_a_short_failure_is_overcome(server):
    server.faults["horizons"] = ["503", "html"]
    assert ephemeris.positions("3552", "290", [JD], Client()).full_name == "3552 Don Quixote (1983 SA)"
    assert server.count("horizons") == 3


def test_offline_says_what_is_missing(server):
    with pytest.raises(NotReachable, match="3552.* from 290 at 1 epochs"):
        ephemeris.positions("3552", "290", [JD], Client(offline=True))
    assert not server.requests


def test_comets_and_objects_without_number_expire_numbered_asteroids_do_not(server, later):
    for name in ("1", "2P", "2024 AA1", "Mars"):
        ephemeris.positions(name, "290", [JD], Client())
    later(31)
    before = server.count("horizons")
    assert ephemeris.positions("1", "290", [JD], Client()).source == "store"
    assert server.count("horizons") == before
    assert ephemeris.positions("Mars", "290", [JD], Client()).source == "store"
    assert ephemeris.positions("2P", "290", [JD], Client()).source == "horizons"
    assert ephemeris.positions("2024 AA1", "290", [JD], Client()).source == "horizons"


def test_an_expired_answer_is_used_and_named_when_the_service_is_down(server, later):
    fresh = ephemeris.positions("2P", "290", [JD], Client())
    later(31)
    server.faults["horizons"] = "503"
    old = ephemeris.positions("2P", "290", [JD], Client())
    assert old.ra_deg.tolist() == fresh.ra_deg.tolist()
    assert "out of date" in old.source


def test_without_the_service_positions_are_computed_from_stored_elements(server, caplog):
    ephemeris.positions("Ceres", "290", [JD], Client())
    with caplog.at_level(logging.WARNING):
        found = ephemeris.positions("1", "290", [JD, JD + 1], Client(offline=True))
    assert "computed from elements of JD 2460400.5" in found.source
    assert found.ra_deg[0] == pytest.approx(150.0)  # what Horizons said stays
    assert 0.1 < np.hypot(found.ra_rate[1], found.dec_rate[1]) < 120  # arcsec/h, a main-belt asteroid
    assert "computed" in caplog.text
    again = ephemeris.positions("1", "290", [JD + 1], Client())
    assert again.source == "horizons"  # computed positions never enter the store


def elements_file(tmp_path, name, **changes):
    path = tmp_path / "elements.json"
    path.write_text(json.dumps({**CERES, "full_name": name, **changes}))
    return str(path)


def test_on_request_positions_are_computed_although_horizons_could_be_asked(server, tmp_path):
    choice = Choice("local", elements_file(tmp_path, "1 Ceres (A801 AA)"))
    found = ephemeris.positions("Ceres", "290", [JD, JD + 1], Client(), choice=choice)
    assert server.requests == []
    assert found.full_name == "1 Ceres (A801 AA)"
    assert found.source == f"computed from elements of JD 2460400.5 of the file given, {planets.best().name}"
    expected = orbit.ephemeris(CERES, "290", [JD, JD + 1])
    np.testing.assert_array_equal(found.ra_deg, expected[:, ephemstore.COLUMNS.index("ra_deg")])
    assert np.isnan(found.sigma_ra_arcsec).all()  # nobody knows how good the elements are


def test_stored_elements_do_without_a_file(server):
    asked = ephemeris.positions("Ceres", "290", [JD], Client())
    computed = ephemeris.positions("Ceres", "290", [JD], Client(offline=True), choice=Choice("local"))
    assert asked.source == "horizons" and "of the store" in computed.source
    assert computed.ra_deg[0] != asked.ra_deg[0]  # not what was stored for that moment


def test_without_elements_nothing_is_computed_and_the_way_out_is_told(server, tmp_path):
    with pytest.raises(ephemeris.NoElements, match="-elements"):
        ephemeris.positions("3552", "290", [JD], Client(), choice=Choice("local"))
    far = elements_file(tmp_path, "3552 Don Quixote", EPOCH=JD - 800)
    with pytest.raises(ephemeris.NoElements, match="within 730 d"):
        ephemeris.positions("3552", "290", [JD], Client(), choice=Choice("local", far))
    assert server.requests == []


def test_the_file_helps_when_horizons_is_away_and_not_before(server, tmp_path):
    choice = Choice(elements=elements_file(tmp_path, "3552 Don Quixote (1983 SA)"))
    server.faults["horizons"] = "503"
    away = ephemeris.positions("3552", "290", [JD], Client(), choice=choice)
    server.faults.clear()
    there = ephemeris.positions("3552", "290", [JD], Client(), choice=choice)
    assert "computed" in away.source and there.source == "horizons"
    assert there.ra_deg[0] == pytest.approx(QUIXOTE["ra_deg"])


def test_on_request_nothing_is_computed(server, tmp_path):
    ephemeris.positions("Ceres", "290", [JD], Client())
    choice = Choice("horizons", elements_file(tmp_path, "1 Ceres"))
    assert ephemeris.positions("Ceres", "290", [JD], Client(offline=True), choice=choice).source == "store"
    away = ephemeris.positions("Ceres", "290", [JD, JD + 1], Client(offline=True), choice=choice)
    assert np.isfinite(away.ra_deg).tolist() == [True, False]
    with pytest.raises(NotReachable):
        ephemeris.positions("Ceres", "290", [JD + 1], Client(offline=True), choice=choice)


def test_one_epoch_that_nobody_can_be_asked_for_leaves_the_others_their_places(server, caplog):
    known = ephemeris.positions("3552", "290", [JD], Client())
    client = Client(offline=True)
    found = ephemeris.positions("3552", "290", [JD, JD + 5], client)
    assert found.ra_deg[0] == known.ra_deg[0] and np.isnan(found.ra_deg[1])
    assert client.unreachable and "no position of 3552 Don Quixote (1983 SA) for 1 of 2 epochs" in caplog.text


def test_an_object_that_horizons_does_not_know_yet_is_computed_from_the_file(server, tmp_path):
    choice = Choice(elements=elements_file(tmp_path, "(2026 XY12)"))
    for _ in range(2):  # the second time the refusal is known
        found = ephemeris.positions("2026_XY12", "290", [JD], Client(), choice=choice)
        assert (found.full_name, "computed" in found.source) == ("(2026 XY12)", True)
    with pytest.raises(NotFound):
        ephemeris.positions("2026 XY13", "290", [JD], Client(), choice=choice)


def test_two_bodies_of_the_file_with_one_name_are_ambiguous(server, tmp_path):
    path = tmp_path / "two.json"
    path.write_text(json.dumps([{**CERES, "full_name": name} for name in ("9134 Encke (4822 T-2)", "2P/Encke")]))
    with pytest.raises(Ambiguous, match="two.json") as found:
        ephemeris.positions("Encke", "290", [JD], Client(), choice=Choice("local", str(path)))
    assert found.value.candidates == ["2P/Encke", "9134 Encke (4822 T-2)"]


def test_elements_far_from_the_night_are_asked_for_its_date(server):
    server.objects.append(Body(number=2, name="Pallas", jd0=JD, elements={**CERES, "EPOCH": JD - 3000}))
    ephemeris.positions("2", "290", [JD], Client())
    requests = [request.fields["EPHEM_TYPE"] for request in server.requests]
    assert requests == ["OBSERVER", "ELEMENTS"]
    kept = ephemeris.Shelf().find_elements("2 Pallas")
    assert min(abs(elements["EPOCH"] - JD) for elements in kept) <= 1


def test_the_data_sets_own_store_comes_first_and_is_left_alone(server, tmp_path):
    own = tmp_path / "frames" / "pp_store"
    moved = ephemeris.positions("3552", "290", [JD], Client())
    moved.ra_deg[:], moved.full_name = 123.0, "3552 Don Quixote (simulated)"
    ephemeris.store_rows(own, "3552", "290", moved)
    shutil.rmtree(tmp_path / "home")
    own.chmod(0o555)
    content = (own / "ephemerides.sqlite").read_bytes()
    found = ephemeris.positions("3552 Don Quixote", "290", [JD], Client(offline=True), tmp_path / "frames")
    assert found.ra_deg.tolist() == [123.0]
    assert found.source == "store"
    assert (own / "ephemerides.sqlite").read_bytes() == content
    assert not (tmp_path / "home").exists()  # simulated positions do not reach the user's store
    with pytest.raises(NotReachable):
        ephemeris.positions("3552", "290", [JD], Client(offline=True))


def test_a_damaged_store_is_named(server, tmp_path):
    path = tmp_path / "home" / "photometrypipeline" / "ephemerides.sqlite"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"this is no database, but long enough to look like one" * 10)
    with pytest.raises(FrameError, match="ephemerides.sqlite: is not a usable ephemeris store.*remove it"):
        ephemeris.positions("3552", "290", [JD], Client())


def test_a_store_that_cannot_be_written_costs_a_warning_only(server, tmp_path, monkeypatch, caplog):
    (tmp_path / "home").write_text("a file where a folder should be")
    assert ephemeris.positions("3552", "290", [JD], Client()).source == "horizons"
    assert "cannot be written" in caplog.text


def keep_some(folder, first):
    for index in range(10):
        values = np.full((1, len(ephemstore.COLUMNS)), float(first))
        ephemstore.Store(folder).keep_positions(f"body {first}", "290", [JD + index], values, None)


def test_several_processes_fill_one_store(tmp_path):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=keep_some, args=(tmp_path, number)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    with sqlite3.connect(tmp_path / "ephemerides.sqlite") as connection:
        counts = connection.execute("select object, count(*) from position group by object").fetchall()
    connection.close()
    assert counts == [("body 0", 10), ("body 1", 10), ("body 2", 10)]
