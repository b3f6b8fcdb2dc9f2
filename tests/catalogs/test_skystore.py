"""The local store of reference stars: fetched once, complete, safe with several processes and after a crash."""

import json
import re
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import astroquery.mast
import numpy as np
import pytest
import requests

import starlist
from photometrypipeline.base import services
from photometrypipeline.base.errors import CatalogError, NotReachable, OutsideSurvey
from photometrypipeline.catalogs import mast, skystore, surveys, tilefile, tiles, vizier
from photometrypipeline.sky import sphere

ROOT = Path(__file__).resolve().parents[1].parent
PLACES = [(150.0, 2.0), (0.05, 0.1), (359.99, -45.3), (200.0, 89.9), (17.0, -90.0)]


# ---- tiles


def test_tiles_cover_the_sky_once():
    assert tiles.cells(np.arange(tiles.STRIPS)).sum() == 165_914
    rng = np.random.default_rng(2)
    ra, dec = starlist.spread(rng, 500, 0, 90, 180)
    for tile, star_ra, star_dec in zip(tiles.tile_of(ra, dec), ra, dec, strict=True):
        ra_low, ra_high, dec_low, dec_high = tiles.bounds(tile)
        assert ra_low <= star_ra <= ra_high
        assert dec_low <= star_dec <= dec_high
        width = (ra_high - ra_low) * np.cos(np.radians(min(abs(dec_low), abs(dec_high))))
        assert width <= 0.5 + 1e-9 or abs(star_dec) > 89.5


@pytest.mark.parametrize(("ra_deg", "dec_deg"), PLACES)
@pytest.mark.parametrize("radius_deg", [0.02, 0.3, 1.1])
def test_touched_tiles_hold_every_star_of_a_cone(ra_deg, dec_deg, radius_deg):
    ra, dec = starlist.spread(np.random.default_rng(3), 20_000, ra_deg, dec_deg, radius_deg)
    touched = tiles.touched(ra_deg, dec_deg, radius_deg)
    assert set(tiles.tile_of(ra, dec).tolist()) <= set(touched)
    assert len(touched) == len(set(touched)) <= 7 + 26 * radius_deg**2 + 12 * radius_deg
    centre_ra, centre_dec, radius = tiles.enclosing_cone([tiles.bounds(tile) for tile in touched], 0)
    assert sphere.separation_deg(centre_ra, centre_dec, ra, dec).max() <= radius


def test_tiles_meet_across_ra_0_and_at_the_pole():
    assert len(tiles.groups(tiles.touched(0.0, 0.1, 0.3))) == 1
    assert len(tiles.groups(tiles.touched(10.0, 90.0, 0.2))) == 1
    assert len(tiles.groups([*tiles.touched(10.0, 5.0, 0.1), *tiles.touched(20.0, 5.0, 0.1)])) == 2


@pytest.mark.parametrize(("ra_deg", "dec_deg"), PLACES)
def test_parts_fill_their_tile(ra_deg, dec_deg):
    ra, dec = starlist.spread(np.random.default_rng(4), 3000, ra_deg, dec_deg, 0.4)
    tile, part = tiles.tile_of(ra, dec), tiles.part_of(ra, dec)
    assert [tiles.whole(each) for each in part] == tile.tolist()
    low_ra, high_ra, low_dec, high_dec = np.transpose([tiles.bounds(each) for each in part])
    assert ((low_ra <= ra + 1e-9) & (ra <= high_ra + 1e-9) & (low_dec <= dec + 1e-9) & (dec <= high_dec + 1e-9)).all()
    near = sphere.separation_deg(ra_deg, dec_deg, ra, dec) < 0.13
    asked = [
        each for one in tiles.touched(ra_deg, dec_deg, 0.13) for each in tiles.touched_parts(one, ra_deg, dec_deg, 0.13)
    ]
    assert set(part[near].tolist()) <= set(asked)


# ---- fetching


@pytest.mark.parametrize(("ra_deg", "dec_deg"), PLACES)
def test_a_field_is_whole_and_fetched_once(server, ra_deg, dec_deg):
    stars = starlist.make("GAIA", 3000, ra_deg, dec_deg, 1.5)
    starlist.serve(server, "GAIA", stars)
    first = skystore.fetch("GAIA", ra_deg, dec_deg, 0.35, 18.0, services.Client())
    expected = starlist.in_cone(stars, ra_deg, dec_deg, 0.35, "Gmag", 18.0)
    assert set(first["ident"]) == set(expected["ident"])
    assert len(first) == len(expected) > 20
    assert server.count("vizier") == 1  # adjoining tiles: one cone
    again = skystore.fetch("GAIA", ra_deg, dec_deg, 0.35, 18.0, services.Client(offline=True))
    assert server.count("vizier") == 1
    for name in first.colnames:
        np.testing.assert_array_equal(first[name], again[name])


def test_values_survive_the_way_through_vizier_and_store(server):
    stars = starlist.make("SDSS-R9", 200, 150, 2, 0.2)
    stars["zmag"][:5] = np.nan
    starlist.serve(server, "SDSS-R9", stars)
    stored = skystore.fetch("SDSS-R9", 150, 2, 0.3, 30, services.Client())
    order = np.argsort(stored["ident"])
    for name in ("ra_deg", "dec_deg", "e_ra_deg", "umag", "e_umag", "gmag", "zmag", "epoch_yr"):
        np.testing.assert_allclose(stored[name][order], stars[name], rtol=1e-12, atol=0)
    assert list(stored["ident"][order]) == list(stars["ident"])


def test_a_shifted_field_asks_for_its_new_tiles_alone(server):
    starlist.serve(server, "GAIA", starlist.make("GAIA", 2000, 150.2, 2.25, 2))
    skystore.fetch("GAIA", 150.2, 2.25, 0.1, 18, services.Client())
    skystore.fetch("GAIA", 150.2, 2.25, 0.15, 17, services.Client())
    assert server.count("vizier") == 1
    skystore.fetch("GAIA", 150.7, 2.25, 0.1, 18, services.Client())
    assert server.count("vizier") == 2
    assert float(server.requests[1].fields["-c.rd"]) < 0.45  # one tile


def test_going_deeper_asks_again(server):
    stars = starlist.make("GAIA", 500, 150.2, 2.25, 0.5)
    starlist.serve(server, "GAIA", stars)
    for limit, n_requests in ((15, 1), (14, 1), (19, 2), (15, 2)):
        found = skystore.fetch("GAIA", 150.2, 2.25, 0.1, limit, services.Client())
        assert len(found) == len(starlist.in_cone(stars, 150.2, 2.25, 0.1, "Gmag", limit))
        assert server.count("vizier") == n_requests


DENSE = 286.0, 5.0  # in the Milky Way


def rows_told(caplog):
    """Return how many rows each answer of VizieR had, as LOG says."""
    told = [re.search(r": (\d+) rows$", record.getMessage()) for record in caplog.records]
    return [int(match[1]) for match in told if match]


def test_where_stars_are_dense_parts_of_tiles_are_asked_for(server, caplog):
    caplog.set_level("INFO")
    stars = starlist.make("GAIA", 40_000, *DENSE, 1.5)
    starlist.serve(server, "GAIA", stars)
    found = skystore.fetch("GAIA", *DENSE, 0.07, 19.0, services.Client())
    expected = starlist.in_cone(stars, *DENSE, 0.07, "Gmag", 19.0)
    assert set(found["ident"]) == set(expected["ident"]) and len(expected) > 20
    assert server.count("vizier") == 1
    (rows,) = rows_told(caplog)
    assert rows < 0.2 * len(starlist.in_cone(stars, *DENSE, 0.72, "Gmag", 19.0))  # what four whole tiles take
    again = skystore.fetch("GAIA", *DENSE, 0.07, 19.0, services.Client(offline=True))
    assert list(again["ident"]) == list(found["ident"])
    wider = skystore.fetch("GAIA", *DENSE, 0.17, 19.0, services.Client())
    expected = starlist.in_cone(stars, *DENSE, 0.17, "Gmag", 19.0)
    assert len(wider) == len(set(wider["ident"])) == len(expected)


def test_a_store_of_whole_tiles_answers_for_their_parts(server, home):
    stars = starlist.make("GAIA", 20_000, *DENSE, 1.5)
    path, survey = tilefile.database(skystore.user_folder(), surveys.get("GAIA")), surveys.get("GAIA")
    tilefile.write(path, survey, tiles.touched(*DENSE, 0.2), stars, 20.0, {"answer_sha256": "of old"})
    found = skystore.fetch("GAIA", *DENSE, 0.2, 19.0, services.Client(offline=True))
    expected = starlist.in_cone(stars, *DENSE, 0.2, "Gmag", 19.0)
    assert len(found) == len(set(found["ident"])) == len(expected)
    assert skystore.prefetch(survey, [(*DENSE, 0.2)], 19.0, services.Client(offline=True))[1] == 0
    starlist.serve(server, "GAIA", stars)
    deeper = skystore.fetch("GAIA", *DENSE, 0.05, 20.5, services.Client())  # parts next to the tiles of old
    assert set(deeper["ident"]) == set(starlist.in_cone(stars, *DENSE, 0.05, "Gmag", 20.5)["ident"])
    assert server.count("vizier") == 1


def test_an_empty_field_is_remembered_for_a_week(server, home):
    starlist.serve(server, "SDSS-R9", starlist.make("SDSS-R9", 10, 10, 40, 0.2))
    for _ in range(2):
        assert len(skystore.fetch("SDSS-R9", 200.2, -60.1, 0.1, 20, services.Client())) == 0
    assert server.count("vizier") == 1
    with sqlite3.connect(home / "refcats" / "SDSS-R9.sqlite") as connection:
        connection.execute("update coverage set fetched_utc = '2020-01-01T00:00:00+00:00'")
    connection.close()
    again = skystore.fetch("SDSS-R9", 200.2, -60.1, 0.1, 20, services.Client(offline=True))
    assert len(again) == 0  # better than nothing
    skystore.fetch("SDSS-R9", 200.2, -60.1, 0.1, 20, services.Client())
    assert server.count("vizier") == 2


@pytest.mark.parametrize("fault", ["503", "html", "refuse", "cut", "truncated", "error_info"])
def test_a_failure_is_no_empty_field(server, fault):
    starlist.serve(server, "GAIA", starlist.make("GAIA", 100, 150, 2, 0.3))
    server.faults["vizier"] = fault
    with pytest.raises(NotReachable):
        skystore.fetch("GAIA", 150, 2, 0.2, 20, services.Client())
    server.faults["vizier"] = [fault]
    assert len(skystore.fetch("GAIA", 150, 2, 0.2, 20, services.Client())) > 10


def test_a_table_without_rows_is_an_empty_field(server):
    server.faults["vizier"] = ["empty"]
    assert len(skystore.fetch("GAIA", 150.1, 2.1, 0.05, 20, services.Client())) == 0


def test_mirror_steps_in_but_proves_no_empty_field(server, monkeypatch):
    starlist.serve(server, "GAIA", starlist.make("GAIA", 100, 150.1, 2.1, 0.05))
    monkeypatch.setenv("PP_VIZIER_URL", f"http://127.0.0.1:9/viz-bin/votable {server.url}/viz-bin/votable")
    assert len(skystore.fetch("GAIA", 150.1, 2.1, 0.1, 20, services.Client())) > 10
    with pytest.raises(NotReachable, match=r"127\.0\.0\.1:9"):
        skystore.fetch("GAIA", 50.1, 2.1, 0.1, 20, services.Client())


@pytest.mark.parametrize(
    ("name", "dec_deg"), [("PANSTARRS", -45), ("SkyMapper", 30), ("SkyMapper-DR4", 50), ("URAT-1", -60)]
)
def test_a_field_outside_a_survey_is_not_asked_for(server, name, dec_deg):
    for client in (services.Client(), services.Client(offline=True)):
        with pytest.raises(OutsideSurvey, match=re.escape(f"this field, at {dec_deg:+d}, is outside")):
            skystore.fetch(name, 150, dec_deg, 0.2, 18, client)
        with pytest.raises(OutsideSurvey):
            skystore.prefetch(surveys.get(name), [(150, dec_deg, 0.2)], 18, client)
    assert not server.requests


def test_the_edge_of_a_survey_is_asked_for(server):
    starlist.serve(server, "PANSTARRS", starlist.make("PANSTARRS", 300, 150, -30.5, 0.5))
    assert len(skystore.fetch("PANSTARRS", 150, -30.5, 0.2, 21, services.Client())) > 10


def test_offline_says_what_is_missing(home):
    with pytest.raises(NotReachable, match=r"offline.*GAIA-DR3 at 150\.\d+ \+2"):
        skystore.fetch("GAIA", 150, 2, 0.1, 20, services.Client(offline=True))


def test_an_answer_that_is_cut_off_is_asked_for_in_parts(server, monkeypatch):
    monkeypatch.setattr(vizier, "ROW_LIMIT", 150)
    stars = starlist.make("GAIA", 2000, 150.2, 2.3, 0.6)
    starlist.serve(server, "GAIA", stars)
    found = skystore.fetch("GAIA", 150.2, 2.3, 0.4, 30, services.Client())
    assert set(found["ident"]) == set(starlist.in_cone(stars, 150.2, 2.3, 0.4, "Gmag", 30)["ident"])
    assert len(found) == len(set(found["ident"]))
    assert server.count("vizier") > 10


def test_what_was_cut_off_is_asked_for_where_it_is_half_as_wide():
    """Half of a square has a cone of 0.79 of its radius, a quarter one of 0.5; tiles are whole."""
    square = [tiles.bounds(tile) for tile in tiles.touched(0.0, 2.3, 0.9)]
    radii, parts = [], square
    for _ in range(3):
        radii.append(tiles.enclosing_cone(parts, 0.0)[2])
        halves = tiles.halves(parts)
        assert sorted(halves[0] + halves[1]) == sorted(parts)
        parts = max(halves, key=len)
    assert radii[1] < 0.85 * radii[0] and radii[2] < 0.7 * radii[0]


def test_a_field_too_crowded_for_any_request_is_refused(server, monkeypatch, home):
    monkeypatch.setattr(vizier, "ROW_LIMIT", 5)
    monkeypatch.setattr(skystore, "DEEPEST_CUT", 1)
    starlist.serve(server, "GAIA", starlist.make("GAIA", 500, 150.2, 2.2, 0.1))
    with pytest.raises(CatalogError, match="too many stars.*brighter"):
        skystore.fetch("GAIA", 150.2, 2.2, 0.1, 20, services.Client())
    assert tilefile.covered(home / "refcats" / "GAIA-DR3.sqlite", surveys.get("GAIA"), [184300], 1) == []


@pytest.mark.parametrize("fault", ["garbage", "unit:e_RA_ICRS=arcsec", "missing:Gmag"])
def test_an_answer_that_is_none_is_never_stored(server, home, fault):
    starlist.serve(server, "GAIA", starlist.make("GAIA", 100, 150.2, 2.2, 0.05))
    server.faults["vizier"] = fault
    with pytest.raises((NotReachable, CatalogError)):
        skystore.fetch("GAIA", 150.2, 2.2, 0.1, 20, services.Client())
    assert tilefile.covered(home / "refcats" / "GAIA-DR3.sqlite", surveys.get("GAIA"), [184300], 1) == []
    server.faults.clear()
    assert len(skystore.fetch("GAIA", 150.2, 2.2, 0.1, 20, services.Client())) > 10


def test_an_answer_of_200_000_rows_is_read_and_known_to_be_cut_off(server):
    stars = starlist.make("GAIA-DR1", 200_500, 150.25, 2.25, 0.2)
    starlist.serve(server, "GAIA-DR1", stars)
    answer = vizier.cone(surveys.get("GAIA-DR1"), 150.25, 2.25, 0.3, 30, services.Client())
    assert len(answer.table) == 200_000 and not answer.complete  # what the store does then, tests above say
    assert set(answer.table["ident"]) <= set(stars["ident"])


def test_a_catalogue_that_grows_is_asked_for_anew(server, home):
    starlist.serve(server, "VSX", starlist.make("VSX", 50, 150.2, 2.2, 0.05))
    for _ in range(2):
        assert len(skystore.fetch("VSX", 150.2, 2.2, 0.1, None, services.Client())) == 50
    assert server.count("vizier") == 1
    with sqlite3.connect(home / "refcats" / "VSX.sqlite") as connection:
        connection.execute("update coverage set fetched_utc = '2020-01-01T00:00:00+00:00'")
    connection.close()
    assert len(skystore.fetch("VSX", 150.2, 2.2, 0.1, None, services.Client())) == 50
    assert server.count("vizier") == 2
    with sqlite3.connect(home / "refcats" / "VSX.sqlite") as connection:
        connection.execute("update coverage set fetched_utc = '2020-01-01T00:00:00+00:00'")
    connection.close()
    server.faults["vizier"] = "503"
    assert (
        len(skystore.fetch("VSX", 150.2, 2.2, 0.1, None, services.Client())) == 50
    )  # an old answer is better than none


def test_rows_can_be_tied_to_the_answers_that_they_came_from(server):
    starlist.serve(server, "GAIA", starlist.make("GAIA", 100, 150.2, 2.2, 0.1))
    first = skystore.fetch("GAIA", 150.2, 2.2, 0.1, 20, services.Client()).meta["origin"]
    assert first["fetched_utc"][:10] == datetime.now(UTC).strftime("%Y-%m-%d")
    again = skystore.fetch("GAIA", 150.2, 2.2, 0.05, 18, services.Client(offline=True))
    assert again.meta["origin"] == first  # the same tile
    starlist.serve(server, "GAIA", starlist.make("GAIA", 100, 150.2, 2.2, 0.1, seed=2))
    assert skystore.fetch("GAIA", 150.2, 2.2, 0.1, 21, services.Client()).meta["origin"]["answers"] != first["answers"]


# ---- Pan-STARRS where VizieR is away


@pytest.mark.parametrize("name", ["PANSTARRS", "PANSTARRS-DR2"])
def test_mast_steps_in_with_the_same_stars(server, tmp_path, monkeypatch, name):
    stars = starlist.make(name, 300, 150.2, 2.2, 0.1)
    stars["zp1mag"][:20] = np.nan
    stars["e_ra_deg"], stars["e_dec_deg"] = 0.02 / 3600, 0.03 / 3600
    stars["flag_quality"], stars["flag_detections"], stars["flag_kron_i"] = 4.0, 12.0, stars["ip1mag"]
    starlist.serve(server, name, stars)
    from_vizier = skystore.fetch(name, 150.2, 2.2, 0.15, 19, services.Client())
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "another"))
    server.faults["vizier"] = "503"
    from_mast = skystore.fetch(name, 150.2, 2.2, 0.15, 19, services.Client())
    assert server.count("mast") == 1
    assert list(from_mast["ident"]) == list(from_vizier["ident"])
    for column in from_vizier.colnames[1:]:
        np.testing.assert_allclose(from_mast[column], from_vizier[column], rtol=1e-6, err_msg=column)
    assert np.isnan(from_mast["zp1mag"]).sum() > 5


def test_mast_sends_pages_and_can_fail_too(server, monkeypatch):
    monkeypatch.setattr(mast, "PAGE_ROWS", 40)
    stars = starlist.make("PANSTARRS", 100, 150.2, 2.2, 0.05)
    stars["e_ra_deg"] = 0.02 / 3600
    starlist.serve(server, "PANSTARRS", stars)
    server.faults["vizier"] = "refuse"
    assert len(skystore.fetch("PANSTARRS", 150.2, 2.2, 0.1, 30, services.Client())) == 100
    assert server.count("mast") == 3
    for fault in ("503", "html", "garbage", "truncated"):
        server.faults["mast"] = fault
        with pytest.raises(NotReachable, match="VizieR"):
            skystore.fetch("PANSTARRS", 10.2, 2.2, 0.1, 30, services.Client())


def test_a_real_answer_of_mast_is_read():
    recorded = Path(astroquery.mast.__file__).parent / "tests" / "data" / "panstarrs.json"
    response = requests.Response()
    response._content = recorded.read_bytes()
    _, names, rows = mast._read(response)
    assert names[:2] == ["objname", "objID"] and rows[0][1] == "68960059717834079"
    known = json.loads((recorded.parent / "panstarrs_columns.json").read_text())
    assert {name for name, _ in mast.COLUMNS.values()} <= {column["name"] for column in known}


# ---- a size limit


def test_without_a_limit_everything_stays_and_with_one_the_oldest_go(server, home):
    starlist.serve(server, "GAIA", starlist.make("GAIA", 30_000, 150, 2, 3))
    starlist.serve(server, "REFCAT2", starlist.make("REFCAT2", 3000, 150, 2, 1))
    places = [(148.2, 2.2), (149.2, 2.2), (150.2, 2.2), (151.2, 2.2)]
    skystore.fetch("REFCAT2", 150.2, 2.2, 0.05, 25, services.Client())
    for place in places:
        skystore.fetch("GAIA", *place, 0.05, 25, services.Client())
    asked = server.count("vizier")
    assert asked == 5
    path = home / "refcats" / "GAIA-DR3.sqlite"
    total_mb = sum(map(tilefile.size, path.parent.glob("*.sqlite"))) / 1e6
    with sqlite3.connect(path) as connection:  # the third one is the oldest by its fetching, but used just now
        for day, place in zip((5, 3, 1, 4), places, strict=True):
            tile = int(tiles.tile_of(*place))
            connection.execute("update coverage set fetched_utc = ? where tile = ?", [f"2025-01-0{day}", tile])
    connection.close()
    skystore.fetch("GAIA", *places[2], 0.05, 25, services.Client(offline=True), limit_mb=total_mb)
    skystore.fetch("GAIA", 152.2, 2.2, 0.05, 25, services.Client(), limit_mb=0.8 * total_mb)
    assert sum(map(tilefile.size, path.parent.glob("*.sqlite"))) <= 0.8 * total_mb * 1e6
    present = {row[0] for row in tilefile.inventory(path)[1]}
    kept = [int(tiles.tile_of(*place)) in present for place in [*places, (152.2, 2.2)]]
    assert kept[1] is False and kept[2] and kept[4]  # the one not used for longest is gone, what is in use stays
    assert server.count("vizier") == asked + 1


def test_a_limit_below_the_present_field_says_so_and_keeps_it(server, home, caplog):
    starlist.serve(server, "GAIA", starlist.make("GAIA", 2000, 150.2, 2.2, 0.2))
    assert len(skystore.fetch("GAIA", 150.2, 2.2, 0.2, 25, services.Client(), limit_mb=0.01)) > 500
    assert "larger than its limit" in caplog.text
    assert len(skystore.fetch("GAIA", 150.2, 2.2, 0.2, 25, services.Client(offline=True))) > 500


# ---- the store of a data set


def fill_data_set(folder, stars, cone=(150.0, 2.0, 0.4)):
    skystore.write_tiles(folder / "pp_store", "PANSTARRS", stars, cone, 21.0)


@pytest.mark.parametrize("read_only", [False, True])
def test_store_of_a_data_set_comes_first_and_stays_as_it_is(home, tmp_path, read_only):
    stars = starlist.make("PANSTARRS", 300, 150, 2, 0.4)
    fill_data_set(tmp_path, stars)
    refcats = tmp_path / "pp_store" / "refcats"
    if read_only:
        refcats.chmod(0o555)
    before = {path.name: path.read_bytes() for path in refcats.iterdir()}
    found = skystore.fetch("PANSTARRS", 150, 2, 0.3, 19, services.Client(offline=True), tmp_path)
    refcats.chmod(0o755)
    assert set(found["ident"]) == set(starlist.in_cone(stars, 150, 2, 0.3, "rp1mag", 19)["ident"])
    assert {path.name: path.read_bytes() for path in refcats.iterdir()} == before
    assert not (home / "refcats").exists()


def test_invented_stars_never_enter_the_users_store(server, home, tmp_path):
    starlist.serve(server, "PANSTARRS", starlist.make("PANSTARRS", 3000, 151, 2, 1.5, seed=8))
    fill_data_set(tmp_path, starlist.make("PANSTARRS", 300, 150, 2, 0.4))
    mixed = skystore.fetch("PANSTARRS", 150.6, 2, 0.6, 19, services.Client(), tmp_path)
    assert server.count("vizier") >= 1
    alone = skystore.fetch("PANSTARRS", 150, 2, 0.2, 19, services.Client())
    own = skystore.fetch("PANSTARRS", 150, 2, 0.2, 19, services.Client(offline=True), tmp_path)
    assert not np.isin(own["ra_deg"], alone["ra_deg"]).any()
    assert len(mixed) > 50


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b"5", b'{"info": [{"name": "raMean"}], "data": [{"0": 5}]}', b'{"info": [{}], "data": []}']
)
def test_what_is_no_table_of_mast_is_no_answer(body):
    with pytest.raises(services.Retry, match="no table in JSON"):
        mast._read(SimpleNamespace(content=body))


def test_a_column_without_a_name_of_mast_is_told():
    _, names, rows = mast._read(SimpleNamespace(content=b'{"info": [{"name": null}], "data": [[5]]}'))
    with pytest.raises(CatalogError, match="came without column .*; columns seen: None"):
        mast._as_vizier(names, rows, surveys.get("PANSTARRS"))
