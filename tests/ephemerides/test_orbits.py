"""All orbits: the Minor Planet Center's files, the table that they become, and which bodies are in a field."""

import gzip

import numpy as np
import pytest

import orbitworld
from photometrypipeline.base.errors import FrameError, UsageError
from photometrypipeline.base.services import Client
from photometrypipeline.ephemerides import elementsfile, ephemeris, names, orbit
from photometrypipeline.ephemerides.ephemchoice import LOCAL, Choice
from photometrypipeline.ephemerides.orbits import infield, mpcfiles, shelf, table, together, twobody
from photometrypipeline.sky import sphere

EPOCH = 2460800.5
SITE = "695"
COMET = (
    "    CK22E030  2023 01 12.7840  1.112235  1.000320  145.8150  302.5552  109.1687  20230225   8.0  4.0  "
    "C/2022 E3 (ZTF)                                          MPEC 2023-A50\n"
)


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Return (path of MPCORB.DAT, elements) of 1200 bodies; the store is empty."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    elements = orbitworld.draw(np.random.default_rng(4), 1200, EPOCH)
    orbitworld.write_mpcorb(tmp_path / "MPCORB.DAT", elements)
    return tmp_path / "MPCORB.DAT", elements


def test_a_table_holds_what_the_reader_of_single_bodies_finds(world):
    path, _ = world
    found, remarks = mpcfiles.read(path)
    assert len(found) == 1200 and not remarks
    for number in (0, 17, 1199):
        (single,) = elementsfile.read(path, str(number + 1))
        assert found.orbit(number).full_name == single.full_name
        assert found.orbit(number).elements == pytest.approx(single.elements, rel=1e-12, abs=1e-9)


def test_a_designation_without_number_and_a_missing_magnitude(tmp_path):
    elements = orbitworld.draw(np.random.default_rng(4), 2, EPOCH)
    first, second = orbitworld.lines(elements)
    first = first[:8] + " " * 11 + first[19:166] + f"{'2022 AB1':28}" + first[194:]
    second = "K22A01B" + second[7:105] + "E" + second[106:166] + " " * 28 + second[194:]
    (tmp_path / "some.txt").write_text(first + second)
    found, _ = mpcfiles.read(tmp_path / "some.txt")
    assert [found.orbit(n).full_name for n in (0, 1)] == ["(2022 AB1)", "(2022 AB1)"]
    assert "H" not in found.orbit(0).elements and "H" in found.orbit(1).elements
    assert np.isfinite(found.error_arcsec(np.array([0, 1]), EPOCH)).tolist() == [True, False]


def test_a_comet_on_a_hyperbola_is_found_where_it_is(tmp_path, world):
    (tmp_path / "CometEls.txt").write_text(COMET)
    comets, _ = shelf.take(tmp_path / "CometEls.txt")
    jd = np.array([2459980.6])
    truth = orbit.ephemeris(comets.orbit(0).elements, SITE, jd)
    (body,) = infield.search([comets], (truth[0, 0], truth[0, 1], 0.1), jd, SITE)
    assert (body.number, body.name) == ("", "C/2022 E3 (ZTF)")
    assert sphere.separation_deg(body.places.ra_deg, body.places.dec_deg, *truth[0, :2])[0] * 3600 < 0.01
    assert body.places.v_mag[0] == pytest.approx(truth[0, 4])


def test_kepler_on_all_ellipses():
    rng = np.random.default_rng(2)
    angle, ecc = rng.uniform(-np.pi, np.pi, 100000), rng.uniform(0, 0.999, 100000)
    found = twobody.kepler((angle - ecc * np.sin(angle)).astype(np.float32), ecc.astype(np.float32))
    off = np.abs(found - ecc * np.sin(found) - (angle - ecc * np.sin(angle)))
    assert off.max() < 3e-6  # rad, of the mean anomaly: single precision


def test_bodies_together_stand_where_each_alone_stands(world):
    _, elements = world
    orbits = table.build("asteroids", "x", elements[:40], np.full(40, b"(1) X"), np.zeros(40), np.full(40, EPOCH))
    jds = EPOCH + np.array([-100.0, 0.3, 150.2])
    alone = [orbits.orbit(n).elements for n in range(40)]
    seen = together.seen(alone, SITE, jds)
    for n in range(0, 40, 8):
        truth = orbit.ephemeris(alone[n], SITE, jds)
        apart = sphere.separation_deg(seen.ra_deg[n], seen.dec_deg[n], truth[:, 0], truth[:, 1]) * 3600
        assert apart.max() < 0.003
        assert seen.phase_deg[n] == pytest.approx(truth[:, 9], abs=1e-4)


@pytest.mark.parametrize("away_d", [-190, 150])
def test_nothing_in_a_field_is_missed(world, away_d):
    """Truth: every body integrated, none preselected."""
    path, _ = world
    orbits, _ = shelf.take(path)
    jds = EPOCH + away_d + np.array([0.1, 0.2, 0.3])
    everyone = together.seen([orbits.orbit(n).elements for n in range(len(orbits))], SITE, jds)
    field = (float(everyone.ra_deg[5, 1]), float(everyone.dec_deg[5, 1]), 5.0)
    inside = sphere.separation_deg(everyone.ra_deg, everyone.dec_deg, *field[:2]) <= field[2]
    expected = {orbits.orbit(n).full_name for n in np.flatnonzero(inside.any(axis=1))}
    found = infield.search(shelf.tables(), field, jds, SITE)
    assert len(expected) > 3 and {body.places.full_name for body in found} == expected
    brightest = [np.nanmin(body.places.v_mag) for body in found]
    assert brightest == sorted(brightest)
    limit = float(np.median(brightest))
    assert len(infield.search(shelf.tables(), field, jds, SITE, limit)) == sum(np.array(brightest) <= limit)


def test_rates_and_errors_follow_the_motion(world):
    path, _ = world
    orbits, _ = shelf.take(path)
    jd = np.array([EPOCH + 20.5])
    truth = orbit.ephemeris(orbits.orbit(7).elements, SITE, jd)[0]
    found = infield.search([orbits], (truth[0], truth[1], 0.01), jd, SITE)
    body = next(body for body in found if body.number == "8")
    assert [body.places.ra_rate[0], body.places.dec_rate[0]] == pytest.approx(truth[2:4], rel=1e-3, abs=1e-3)
    assert 0.3 <= body.err_arcsec < 0.5 and body.places.sigma_ra_arcsec[0] < 2


def test_a_target_is_computed_from_the_imported_orbits_where_nothing_else_is_known(world):
    path, _ = world
    orbits, _ = shelf.take(path)
    jds = EPOCH + np.array([20.5, 20.6])
    client = Client(offline=True)
    for choice in (Choice(LOCAL), Choice()):
        found = ephemeris.positions("8", SITE, jds, client, None, choice)
        truth = orbit.ephemeris(orbits.orbit(7).elements, SITE, jds)
        assert np.array_equal(found.ra_deg, truth[:, 0]) and np.array_equal(found.dec_deg, truth[:, 1])
        assert found.full_name == orbits.orbit(7).full_name and "of MPCORB.DAT in the store" in found.source
        errors = orbits.error_arcsec(np.array([7]), float(jds.mean())) / found.delta_au
        assert np.array_equal(found.sigma_ra_arcsec, errors) and np.array_equal(found.sigma_dec_arcsec, errors)
    with pytest.raises(ephemeris.NoElements, match="import those of the Minor Planet Center"):
        ephemeris.positions("4321", SITE, jds, client, None, Choice(LOCAL))


def test_a_file_of_elements_that_does_not_help_is_named_with_the_reason(world):
    path, lines = world
    jds = EPOCH + np.array([1020.5])
    for name, told in (("4321", "MPCORB.DAT holds none of that body; no"), ("8", "those in the file given are of ")):
        with pytest.raises(ephemeris.NoElements, match=told):
            ephemeris.positions(name, SITE, jds, Client(offline=True), None, Choice(LOCAL, str(path)))


def test_names_lead_to_one_orbit_and_to_no_other(tmp_path, world):
    lines = list(orbitworld.lines(world[1][:5]))
    for n, name in enumerate(("(1) Ceres", "(11) Ceresia", "2022 AB1", "2022 AB12", "(111) Ate")):
        lines[n] = lines[n][:166] + f"{name:28}" + lines[n][194:]
    (tmp_path / "MPCORB.DAT").write_text("".join(lines))
    (tmp_path / "CometEls.txt").write_text(COMET)
    orbits, _ = mpcfiles.read(tmp_path / "MPCORB.DAT")
    comets, _ = mpcfiles.read(tmp_path / "CometEls.txt")

    def means(text, found=orbits):
        return sorted({n for query in names.queries(text) for n in found.numbers_of(query)})

    asked = ("1", "ceres", "11", "2022 AB1", "2022ab12", "ate")
    assert [means(text) for text in asked] == [[0], [0], [1], [2], [3], [4]]
    assert means("301") == means("NGC 7790") == []
    assert means("C/2022 E3", comets) == means("2022 E3 ZTF", comets) == [0] and means("C/2022 E3-B", comets) == []


def test_what_is_no_file_of_orbits(world, tmp_path):
    path, _ = world
    for name, content in {
        "a.txt": b"hello\n" * 50,
        "b.dat": b"",
        "c.gz": gzip.compress(path.read_bytes())[:5000],
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FrameError, match="contains no orbits|ends too early"):
            shelf.take(tmp_path / name)
    assert not shelf.paths()


def test_broken_lines_are_told_and_the_others_kept(world, tmp_path):
    path, _ = world
    lines = path.read_text().splitlines(keepends=True)
    lines[10] = lines[10][:70] + "  xxxxxxx" + lines[10][79:]
    lines[11] = lines[11][:50] + "\n"
    (tmp_path / "NEA.txt").write_text("".join(lines))
    orbits, remarks = mpcfiles.read(tmp_path / "NEA.txt")
    assert len(orbits) == 1198 and remarks[0].startswith("2 lines are no orbits")


def test_older_orbits_or_a_piece_do_not_take_the_place_of_better_ones(world, tmp_path):
    path, elements = world
    shelf.take(path)
    elements[:, 0] -= 400
    (tmp_path / "old").mkdir()
    orbitworld.write_mpcorb(tmp_path / "old" / "MPCORB.DAT.gz", elements)
    with pytest.raises(UsageError, match="those in the store of 2025-05-05"):
        shelf.take(tmp_path / "old" / "MPCORB.DAT.gz")
    elements[:, 0] += 400
    orbitworld.write_mpcorb(tmp_path / "old" / "mpcorb.dat", elements[:100])
    with pytest.raises(UsageError, match="it has 100 orbits, the store has 1200"):
        shelf.take(tmp_path / "old" / "mpcorb.dat")
    assert len(shelf.tables()[0]) == 1200


def test_orbits_far_from_the_frames_are_told(world):
    path, _ = world
    shelf.take(path)
    assert shelf.age_remark(shelf.tables(), EPOCH + 100) == ""
    assert "900 d away from the frames" in shelf.age_remark(shelf.tables(), EPOCH + 900)


def test_a_broken_table_is_told_and_left_out(world, caplog):
    path, _ = world
    shelf.take(path)
    stored = shelf.paths()[0]
    stored.write_bytes(stored.read_bytes()[:1000])
    assert shelf.tables() == [] and "pptool_store" in caplog.text
