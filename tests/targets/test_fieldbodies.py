"""Who says which bodies are in a field: SkyBoT, the orbits in the store, or nobody."""

import numpy as np
import pytest

import orbitworld
from horizons import Body
from photometrypipeline.base.errors import NotReachable
from photometrypipeline.base.services import Client
from photometrypipeline.ephemerides import orbit
from photometrypipeline.ephemerides.orbits import shelf
from photometrypipeline.targets import fieldbodies
from services import Server

EPOCH, SITE = 2460800.5, "695"
JDS = EPOCH + 30 + np.array([0.3, 0.32, 0.34])


@pytest.fixture
def body(tmp_path, monkeypatch):
    """Return (name, places) of a body whose orbit is in the store, with forty others."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("PP_OFFLINE", raising=False)
    orbitworld.write_mpcorb(tmp_path / "MPCORB.DAT", orbitworld.draw(np.random.default_rng(8), 41, EPOCH))
    orbits, _ = shelf.take(tmp_path / "MPCORB.DAT")
    return "Body6", orbit.ephemeris(orbits.orbit(5).elements, SITE, JDS)


def around(places):
    return float(places[1, 0]), float(places[1, 1]), 0.05


def test_without_skybot_the_orbits_answer_and_local_asks_nobody(body):
    name, places = body
    for client, mode in ((Client(offline=True), "auto"), (None, "local")):
        census = fieldbodies.search(around(places), JDS, SITE, client, mode)
        (found,) = census.bodies
        assert (found.name, found.asked) == (name, "6") and "MPCORB.DAT of 2025-05-05" in census.source
        assert found.places.ra_deg == pytest.approx(places[:, 0], abs=1e-6)


def test_with_skybot_it_says_who_is_there_and_the_orbits_say_where(body, monkeypatch):
    name, places = body
    there = {"ra_deg": places[1, 0], "dec_deg": places[1, 1] + 2 / 3600, "jd0": float(JDS.mean()), "v_mag": 17.0}
    new = Body(designation="2030 AB", ra_rate=36.0, **there)
    with Server(objects=[Body(number=6, name=name, **there), new]) as server:
        for key, value in server.environment().items():
            monkeypatch.setenv(key, value)
        census = fieldbodies.search(around(places), JDS, SITE, Client(), "auto")
    assert census.source == "SkyBoT" and server.count("skybot") == 1 and not server.count("horizons")
    known, unknown = sorted(census.bodies, key=lambda found: found.name != name)
    assert known.places.dec_deg == pytest.approx(places[:, 1], abs=1e-6)
    assert unknown.places is None and unknown.rough.dec_deg == pytest.approx(np.full(3, there["dec_deg"]), abs=1e-5)
    assert np.diff(unknown.rough.ra_deg)[0] == pytest.approx(
        36 * 0.48 / 3600 / np.cos(np.radians(places[1, 1])), rel=0.02
    )


def test_where_nobody_can_answer_the_remedy_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with pytest.raises(fieldbodies.NoOrbits, match="pptool_store import MPCORB"):
        fieldbodies.search((10.0, 2.0, 0.1), JDS, SITE, None, "local")
    with pytest.raises(NotReachable):
        fieldbodies.search((10.0, 2.0, 0.1), JDS, SITE, Client(offline=True), "auto")


def test_old_orbits_are_used_with_a_word(body):
    _, places = body
    later = JDS + 700
    census = fieldbodies.search(around(places), later, SITE, None, "local")
    assert "730 d away from the frames" in census.remarks[0]
