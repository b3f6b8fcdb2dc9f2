"""pptool_store: a field fetched here, carried in a file, used on a computer without a network."""

import numpy as np
import pytest
from astropy.time import Time

import orbitworld
import pptool_store
import services as local
import starlist
from horizons import Body
from photometrypipeline.base import services
from photometrypipeline.base.errors import FAILED, OK, PARTIAL, USAGE, CatalogError, UsageError
from photometrypipeline.catalogs import apasszones, prefetch, skystore, surveys, tilefile, tiles
from photometrypipeline.ephemerides import ephemeris, ephemstore
from photometrypipeline.ephemerides.orbits import shelf


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "here"))
    monkeypatch.delenv("PP_OFFLINE", raising=False)
    return tmp_path


def fetch_field(monkeypatch, survey="PANSTARRS"):
    sheet = surveys.get(survey)
    with local.Server({sheet.table: local.as_vizier(sheet, starlist.make(survey, 200, 150, -2, 0.3))}) as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        assert pptool_store.main(["fetch", survey.lower(), "150", "-2", "0.2", "21"]) == OK
        assert server.count("vizier") == 1


def test_a_field_travels_in_a_file(work, monkeypatch, capsys):
    fetch_field(monkeypatch)
    here = skystore.fetch("PANSTARRS", 150, -2, 0.2, 21, services.Client(offline=True))
    assert pptool_store.main(["export", "PANSTARRS", "field.sqlite", "-cone", "150", "-2", "0.2"]) == OK
    assert sorted(path.name for path in work.glob("field*")) == ["field.sqlite"]
    monkeypatch.setenv("XDG_DATA_HOME", str(work / "there"))
    assert pptool_store.main(["import", "field.sqlite"]) == OK
    there = skystore.fetch("PANSTARRS", 150, -2, 0.2, 21, services.Client(offline=True))
    assert list(there["ident"]) == list(here["ident"])
    assert list(there["gp1mag"]) == list(here["gp1mag"])
    assert len(there) > 50
    capsys.readouterr()
    assert pptool_store.main(["import", "field.sqlite"]) == OK
    assert "0 of" in capsys.readouterr().out  # nothing new


def test_list_and_clear(work, monkeypatch, capsys):
    fetch_field(monkeypatch)
    pptool_store.main(["list"])
    assert "PANSTARRS" in capsys.readouterr().out
    assert pptool_store.main(["clear", "PANSTARRS", "-cone", "150", "-2", "0.01"]) == OK
    assert pptool_store.main(["clear", "PANSTARRS"]) == OK
    capsys.readouterr()
    pptool_store.main(["list"])
    assert " 0 tiles" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["fetch", "GAIA", "10", "95", "0.1", "16"],
        ["fetch", "GAIA", "10", "5", "0", "16"],
        ["list", "GAIA", "-cone", "10", "-95", "0.1"],
    ],
)
def test_what_is_not_on_the_sky_is_refused(work, arguments, capsys):
    assert pptool_store.main(arguments) == USAGE
    assert "is not a cone on the sky" in capsys.readouterr().err


def test_a_place_is_a_number(work, capsys):
    with pytest.raises(SystemExit) as ended:
        pptool_store.main(["fetch", "GAIA", "nan", "5", "0.1", "16"])
    assert ended.value.code == USAGE and "argument RA" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["export", "GAIA", "x.sqlite"], ["import", "nothing.sqlite"], ["clear", "GAIA"]])
def test_what_is_not_there_is_said(work, arguments, capsys):
    assert pptool_store.main(arguments) == USAGE
    assert "ERROR" in capsys.readouterr().err


def test_unknown_catalogue(work, capsys):
    with pytest.raises(SystemExit) as ended:
        pptool_store.main(["fetch", "nonsense", "1", "2", "0.1", "20"])
    assert ended.value.code == USAGE
    assert "GAIA-DR3" in capsys.readouterr().err


# ---- prefetch


@pytest.fixture
def sky(monkeypatch, work):
    """Return a Server with Gaia and REFCAT2 around RA 150, Dec -2, and an asteroid that crosses it."""
    jd = Time("2026-12-02T12:00:00").jd
    body = Body(number=3552, name="Don Quixote", jd0=jd, ra_deg=150.0, dec_deg=-2.0, ra_rate=60.0, dec_rate=30.0)
    served = {}
    for name in ("GAIA", "REFCAT2"):
        sheet = surveys.get(name)
        served[sheet.table] = local.as_vizier(sheet, starlist.make(name, 4000, 150, -2, 1.5))
    with local.Server(served, [body]) as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server


def test_a_list_of_fields_is_fetched_with_few_requests(work, sky, capsys):
    (work / "fields.txt").write_text("# my fields\n150.0 -2.0 0.2 first\n10:00:48, -02:06:00   # the next one\n\n")
    command = ["prefetch", "-catalogs", "gaia,REFCAT2", "-fields", "fields.txt", "-radius", "0.1", "-mag", "19"]
    assert pptool_store.main(command) == OK
    told = capsys.readouterr().out
    assert "Gaia DR3, first" in told and "ATLAS-REFCAT2, 150.2000 -2.1000" in told
    asked = sky.count("vizier")
    assert asked <= 4  # two catalogues, two fields
    offline = services.Client(offline=True)
    assert len(skystore.fetch("GAIA", 150.0, -2.0, 0.2 + 0.5, 19, offline)) > 200  # the registration looks that far
    for name in ("GAIA", "REFCAT2"):
        for ra, dec, radius in ((150.0, -2.0, 0.2), (150.2, -2.1, 0.1)):
            assert len(skystore.fetch(name, ra, dec, radius, 19, services.Client(offline=True))) > 5
    assert pptool_store.main(command) == OK
    assert "0 of them fetched now" in capsys.readouterr().out
    assert sky.count("vizier") == asked


def test_nights_of_a_target_are_fetched_with_its_path(work, sky, capsys):
    command = ["prefetch", "-catalogs", "GAIA", "-targets", "3552,no such thing", "-site", "290"]
    command += ["-nights", "2026-12-01", "2026-12-03", "-radius", "0.2"]
    assert pptool_store.main(command) == PARTIAL  # one target is unknown, the other is done
    assert "no such thing" in capsys.readouterr().err
    assert sky.count("horizons") + sky.count("horizons_file") <= 4  # all epochs of a target at once
    jds = prefetch.nights("290", "2026-12-01", "2026-12-03")
    here = ephemeris.positions("3552", "290", jds, services.Client(offline=True))
    assert np.isfinite(here.ra_deg).all() and here.source == "store"
    assert 0.5 < here.ra_deg[-1] - here.ra_deg[0] < 2  # a degree and more in three nights
    for ra, dec in zip(here.ra_deg, here.dec_deg, strict=True):
        assert len(skystore.fetch("GAIA", ra, dec, 0.2, 21, services.Client(offline=True))) > 0


def test_a_target_that_nobody_could_be_asked_for_is_a_failure(work, sky, monkeypatch, capsys):
    monkeypatch.setenv("PP_OFFLINE", "1")
    command = ["prefetch", "-catalogs", "GAIA", "-targets", "3552", "-site", "290", "-nights", "2026-12-01"]
    assert pptool_store.main(command) == FAILED
    assert "ERROR: JPL Horizons" in capsys.readouterr().err


def test_nights_begin_and_end_at_noon_of_the_site():
    jds = prefetch.nights("290", "2026-12-01", None)  # Mount Graham, 109.9 deg west: noon is 19:20 UT
    assert jds[0] == pytest.approx(Time("2026-12-01T19:19:33").jd, abs=0.001)
    assert jds[-1] - jds[0] == pytest.approx(1.0)
    with pytest.raises(UsageError, match="2026-12-01"):
        prefetch.nights("290", "tomorrow", None)
    with pytest.raises(UsageError, match="nights"):
        prefetch.nights("290", "2026-12-05", "2026-12-01")


@pytest.mark.parametrize("text", ["150\n", "150 95\n", "ten five\n", "150 2 50\n", ""])
def test_fields_that_are_none_are_named(tmp_path, text):
    path = tmp_path / "fields.txt"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"fields\.txt"):
        prefetch.read_fields(path, 0.2)


def test_a_service_that_is_down_costs_a_field_and_not_the_rest(work, sky, capsys):
    (work / "fields.txt").write_text("150.0 -2.0\n151.2 -2.0\n")
    sky.faults["vizier"] = ["503"] * 4
    command = ["prefetch", "-catalogs", "GAIA", "-fields", "fields.txt", "-radius", "0.1"]
    assert pptool_store.main(command) == PARTIAL
    told = capsys.readouterr()
    assert "could not be reached" in told.err and "of them fetched now" in told.out


def test_a_service_that_is_down_for_all_fields_is_a_failure(work, sky, capsys):
    (work / "fields.txt").write_text("150.0 -2.0\n151.2 -2.0\n")
    sky.faults["vizier"] = "503"
    command = ["prefetch", "-catalogs", "GAIA", "-fields", "fields.txt", "-radius", "0.1"]
    assert pptool_store.main(command) == FAILED
    assert "could not be reached" in capsys.readouterr().err


def test_a_long_path_is_not_asked_for_with_one_huge_cone(work, sky):
    path = [(150.0 + 0.4 * step, 10.0 + 0.4 * step, 0.1) for step in range(12)]
    skystore.prefetch(surveys.get("GAIA"), path, 19, services.Client())
    radii = [float(request.fields["-c.rd"]) for request in sky.requests]
    wanted = len({tile for cone in path for tile in tiles.touched(*cone)})
    assert max(radii) < 3 and np.pi * np.sum(np.square(radii)) <= 6.5 * 0.25 * wanted
    assert len(radii) <= wanted


# ---- looking, and carrying everything


def test_a_field_is_looked_at_tile_by_tile(work, monkeypatch, capsys):
    fetch_field(monkeypatch)
    capsys.readouterr()
    assert pptool_store.main(["list", "PANSTARRS", "-cone", "150", "-2", "0.9"]) == OK
    told = capsys.readouterr().out
    n_have = len(tiles.touched(150, -2, 0.2))
    assert told.count("to rp1mag = 21, fetched 20") == n_have
    assert f"{n_have} of {len(tiles.touched(150, -2, 0.9))} tiles are in the store" in told
    assert told.count("missing") == len(tiles.touched(150, -2, 0.9)) - n_have


def test_everything_travels_in_a_folder(work, sky, monkeypatch, capsys):
    skystore.fetch("GAIA", 150, -2, 0.1, 19, services.Client())
    jd = Time("2026-12-02T12:00:00").jd
    before = ephemeris.positions("3552", "290", [jd], services.Client())
    assert pptool_store.main(["export", "all", "stick"]) == OK
    monkeypatch.setenv("XDG_DATA_HOME", str(work / "there"))
    assert pptool_store.main(["import", "stick"]) == OK
    after = ephemeris.positions("3552", "290", [jd], services.Client(offline=True))
    assert after.ra_deg == before.ra_deg
    assert len(skystore.fetch("GAIA", 150, -2, 0.1, 19, services.Client(offline=True))) > 5
    capsys.readouterr()
    pptool_store.main(["list"])
    assert "1 positions" in capsys.readouterr().out
    assert pptool_store.main(["clear", "ephemerides"]) == OK
    assert ephemstore.summary(skystore.user_folder() / ephemstore.FILE_NAME) == {}
    assert pptool_store.main(["clear", "all"]) == OK
    assert not list((skystore.user_folder() / "refcats").glob("*.sqlite*"))


# ---- APASS DR10


def zone_line(number, ra, dec, mags, errors, nights=4):
    cells = [f"{ra:.6f}", "0.123", f"{dec:.6f}", "0.234", *[str(nights)] * 8]
    cells += [f"{mag:.3f}" for mag in mags] + [f"{error:.3f}" for error in errors]
    return f"090-{number:07d} " + " ".join(f"{cell:>10}" for cell in cells)


@pytest.fixture
def zone(work):
    """Return (path, RA, Dec, V) of a zone file of 600 invented stars around RA 150, Dec 2, and the text as it comes."""
    rng = np.random.default_rng(3)
    ra, dec = starlist.spread(rng, 600, 150.0, 2.0, 1.0)
    v = rng.uniform(9, 16, 600)
    lines = ["# an invented zone"]
    for number in range(600):
        mags = v[number] + np.array([0.7, 0.0, 99.999 - v[number], 0.3, -0.2, -0.35, -0.4, 99.999 - v[number]])
        errors = [
            0.03,
            -0.02 if number % 10 == 0 else 0.02,
            99.999,
            0.03,
            0.02,
            0.0 if number % 7 == 0 else 0.04,
            0.05,
            0,
        ]
        lines.append(zone_line(number, ra[number], dec[number], mags, errors))
    path = work / "zp00.sum"
    path.write_text("\n".join(lines) + "\n")
    return path, ra, dec, v


def test_a_zone_of_apass_dr10_is_taken_in(zone, capsys):
    path, ra, dec, v = zone
    assert pptool_store.main(["import", str(path)]) == OK
    assert "600 stars of APASS DR10" in capsys.readouterr().out
    found = skystore.fetch("APASS10", 150, 2, 0.6, 20, services.Client(offline=True))
    near = skystore.sphere.separation_deg(150, 2, ra, dec) <= 0.6
    assert len(found) == near.sum()
    number = np.array([int(ident.split("-")[1]) for ident in found["ident"]])
    np.testing.assert_allclose(found["Vmag"], v[number], atol=6e-4)
    np.testing.assert_allclose(found["Bmag"] - found["Vmag"], 0.7, atol=2e-3)
    np.testing.assert_allclose(found["zmag"] - found["Vmag"], -0.4, atol=2e-3)
    np.testing.assert_allclose(found["e_dec_deg"] * 3600, 0.234, atol=1e-6)
    assert np.isnan(found["e_Vmag"]).sum() == (number % 10 == 0).sum()  # of one observation: unknown, not perfect
    assert np.isnan(found["e_imag"]).sum() == (number % 7 == 0).sum()


def test_what_is_not_imported_is_said(zone):
    pptool_store.main(["import", str(zone[0])])
    with pytest.raises(CatalogError, match="APASS10: not in the store.*pptool_store import"):
        skystore.fetch("APASS10", 10, 40, 0.1, 20, services.Client())


def test_files_that_are_no_zones(work, zone, capsys):
    (work / "letter.txt").write_text("Dear colleague,\nhere are the stars.\n")
    assert pptool_store.main(["import", "letter.txt"]) == USAGE
    lines = zone[0].read_text().splitlines()
    (work / "cut.sum").write_text("\n".join([*lines[:400], lines[400].replace("0.123", "small")]) + "\n")
    with pytest.raises(CatalogError, match=r"cut\.sum"):
        apasszones.read(work / "cut.sum")
    assert not tilefile.database(skystore.user_folder(), surveys.get("APASS10")).exists()


def test_orbits_are_imported_listed_carried_and_cleared(work, monkeypatch, capsys):
    orbitworld.write_mpcorb(work / "MPCORB.DAT.gz", orbitworld.draw(np.random.default_rng(1), 50, 2460800.5))
    assert pptool_store.main(["import", "MPCORB.DAT.gz"]) == OK
    assert pptool_store.main(["list"]) == OK
    out = capsys.readouterr().out
    assert "50 orbits of asteroids taken from MPCORB.DAT.gz, most of them of 2025-05-05" in out
    assert "50 of MPCORB.DAT.gz" in out
    assert pptool_store.main(["export", "all", "stick"]) == OK
    monkeypatch.setenv("XDG_DATA_HOME", str(work / "there"))
    assert pptool_store.main(["import", "stick"]) == OK
    assert len(shelf.tables()[0]) == 50
    assert pptool_store.main(["clear", "orbits"]) == OK
    assert shelf.tables() == []
    (work / "letter.txt").write_text("dear observer\n" * 50)
    assert pptool_store.main(["import", "letter.txt"]) == USAGE
    assert "letter.txt: contains no orbits" in capsys.readouterr().err
