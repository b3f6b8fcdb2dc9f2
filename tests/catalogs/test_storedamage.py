"""The local store of reference stars with several processes at a time, after a crash, and with damaged files."""

import contextlib
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import starlist
from photometrypipeline.base import databases, services
from photometrypipeline.base.errors import CatalogError, NotReachable, passing_trouble
from photometrypipeline.catalogs import skystore, surveys, tilefile, tiles

ROOT = Path(__file__).resolve().parents[1].parent
PLACES = [(150.0, 2.0), (0.05, 0.1), (359.99, -45.3), (200.0, 89.9), (17.0, -90.0)]


FETCH = """
import sys
sys.path.insert(0, {root!r})
from photometrypipeline.base import services
from photometrypipeline.catalogs import skystore
table = skystore.fetch("GAIA", 150.0, 2.0, 0.3, 20.0, services.Client())
print(len(table), float(table["ra_deg"].sum()))
"""


TEN = """
import os, sys
sys.path.insert(0, {root!r})
from photometrypipeline.base import services
from photometrypipeline.catalogs import skystore, vizier  # once, before the processes part
go = os.pipe()
for number in range(10):
    if os.fork() == 0:
        os.close(go[1])
        os.read(go[0], 1)  # all start when the parent closes its end
        table = skystore.fetch("GAIA", 150.0, 2.0, 0.3, 20.0, services.Client())
        os.write(1, f"{{len(table)}} {{float(table['ra_deg'].sum())!r}}\\n".encode())
        os._exit(0)
os.close(go[1])
assert all(os.waitstatus_to_exitcode(os.wait()[1]) == 0 for number in range(10))
"""


def test_ten_processes_that_want_the_same_field_ask_once(server):
    stars = starlist.make("GAIA", 800, 150, 2, 0.6)
    starlist.serve(server, "GAIA", stars)
    server.faults["vizier"], server.slow_s = ["slow"], 1.0  # all others arrive while the first one waits
    command = [sys.executable, "-c", TEN.format(root=str(ROOT))]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ.copy(), timeout=120)
    assert done.returncode == 0, done.stderr
    answers = done.stdout.split("\n")[:-1]
    assert len(answers) == 10 and len(set(answers)) == 1
    assert int(answers[0].split()[0]) == len(starlist.in_cone(stars, 150, 2, 0.3, "Gmag", 20))
    assert server.count("vizier") == 1  # 150, 2 lies at the corner of four tiles, which adjoin


KILL = """
import os, signal, sys, time
sys.path[:0] = [{root!r}, {root!r} + "/tests/helpers"]
import starlist
from pathlib import Path
from photometrypipeline.catalogs import surveys, tilefile, tiles
survey, path = surveys.get("GAIA"), Path(sys.argv[1])
stars, wanted = starlist.make("GAIA", 12_000, 150, 2, 1.5), tiles.touched(150, 2, 1.4)
for delay_s in (0.0, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2):
    child = os.fork()
    if child == 0:
        while True:
            tilefile.write(path, survey, wanted, stars, 20 + time.time() % 1, {{}})
    time.sleep(delay_s)
    while delay_s == 0.2 and not tilefile.covered(path, survey, wanted, 20):
        time.sleep(0.05)  # a machine that has other things to do
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print(*tilefile.covered(path, survey, wanted, 20))
"""


def test_kill_9_in_the_middle_of_writing_leaves_whole_tiles(home):
    path = home / "refcats" / "GAIA-DR3.sqlite"
    command = [sys.executable, "-c", KILL.format(root=str(ROOT)), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ.copy(), timeout=120)
    assert done.returncode == 0, done.stderr
    covered = [len(line.split()) for line in done.stdout.splitlines()]
    assert len(covered) == 10 and covered[-1] > 0
    survey, stars = surveys.get("GAIA"), starlist.make("GAIA", 12_000, 150, 2, 1.5)
    at = tiles.tile_of(stars["ra_deg"], stars["dec_deg"])
    with tilefile.reading(path) as connection:
        assert connection.execute("pragma integrity_check").fetchone()[0] == "ok"
        rows = dict(connection.execute("select tile, count(*) from source group by tile"))
        noted = dict(connection.execute("select tile, n_rows from coverage"))
    assert rows == {tile: number for tile, number in noted.items() if number}  # nothing half, nothing unaccounted
    assert all(number == (at == tile).sum() for tile, number in noted.items())
    tilefile.write(path, survey, tiles.touched(150, 2, 1.4), stars, 20, {})  # and it goes on from there
    assert len(tilefile.read(path, survey, tiles.touched(150, 2, 1.4))) == np.isin(at, tiles.touched(150, 2, 1.4)).sum()


def test_a_crash_in_the_middle_of_writing_leaves_no_half_tile(server, home, monkeypatch):
    stars = starlist.make("GAIA", 800, 150, 2, 0.6)
    starlist.serve(server, "GAIA", stars)
    script = """
import os
import re
from photometrypipeline.catalogs import tilefile
plain, seen = tilefile._cover, []
def dying(*arguments):
    seen.append(1)
    if len(seen) == 3:
        os._exit(9)  # after the rows of the third tile, before its coverage
    plain(*arguments)
tilefile._cover = dying
"""
    lines = FETCH.format(root=str(ROOT)).splitlines()
    died = subprocess.run([sys.executable, "-c", "\n".join([*lines[:3], script, *lines[3:]])], env=os.environ.copy())
    assert died.returncode == 9
    survey, path = surveys.get("GAIA"), home / "refcats" / "GAIA-DR3.sqlite"
    wanted = tiles.touched(150, 2, 0.3)
    covered = tilefile.covered(path, survey, wanted, 20)
    assert len(covered) == 2
    stored = tilefile.read(path, survey, wanted)
    assert set(tiles.tile_of(stored["ra_deg"], stored["dec_deg"])) <= set(covered)
    found = skystore.fetch("GAIA", 150, 2, 0.3, 20, services.Client())
    assert set(found["ident"]) == set(starlist.in_cone(stars, 150, 2, 0.3, "Gmag", 20)["ident"])


def test_damaged_and_foreign_files_are_named(server, home):
    path = home / "refcats" / "GAIA-DR3.sqlite"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"SQLite format 3\0" + b"rubbish" * 500)
    with pytest.raises(CatalogError, match=r"GAIA-DR3\.sqlite.*delete"):
        skystore.fetch("GAIA", 150, 2, 0.1, 20, services.Client())
    path.unlink()
    starlist.serve(server, "GAIA", starlist.make("GAIA", 50, 150, 2, 0.1))
    skystore.fetch("GAIA", 150, 2, 0.1, 20, services.Client())
    with sqlite3.connect(path) as connection:
        connection.execute("update meta set value = '99' where key = 'schema_version'")
    connection.close()
    with pytest.raises(CatalogError, match="schema version 99"):
        skystore.fetch("GAIA", 150, 2, 0.1, 20, services.Client())


def test_a_file_that_is_locked_is_trouble_that_passes(home, monkeypatch):
    path, survey, opened = home / "refcats" / "GAIA-DR3.sqlite", surveys.get("GAIA"), databases.opened
    tilefile.write(path, survey, tiles.touched(150, 2, 0.1), starlist.make("GAIA", 50, 150, 2, 0.1), 21, {})
    monkeypatch.setattr(databases, "opened", lambda *given, timeout: opened(*given, timeout=0.01))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other, passing_trouble() as noted:
        other.execute("pragma journal_mode = delete")
        other.execute("begin exclusive")
        with pytest.raises(CatalogError, match="is locked by another program; see to that"):
            tilefile.read(path, survey, tiles.touched(150, 2, 0.1))
    assert len(noted) == 1  # what is made without this catalogue is not up to date


def test_an_empty_file_left_by_a_crash_is_filled(server, home):
    (home / "refcats").mkdir(parents=True)
    (home / "refcats" / "GAIA-DR3.sqlite").touch()
    starlist.serve(server, "GAIA", starlist.make("GAIA", 50, 150, 2, 0.1))
    assert len(skystore.fetch("GAIA", 150, 2, 0.2, 21, services.Client())) == 50


def test_columns_that_differ_only_in_case_are_kept_apart(home):
    survey = surveys.get("GSPC")
    names = dict(tilefile.sql_names(survey))
    assert len({name.lower() for name in names.values()}) == len(names)
    stars = starlist.make("GSPC", 40, 10, 10, 0.1)
    path = home / "refcats" / "GSPC.sqlite"
    tilefile.write(path, survey, tiles.touched(10, 10, 0.2), stars, 21, {})
    stored = tilefile.read(path, survey, tiles.touched(10, 10, 0.2))
    order = np.argsort(stored["ident"])
    for band in ("Rmag", "rmag", "Imag", "imag", "Umag", "umag"):
        np.testing.assert_array_equal(stored[band][order], stars[band])


def test_a_column_that_is_new_makes_old_tiles_fetched_again(server, home, monkeypatch):
    stars = starlist.make("GAIA", 50, 150.2, 2.2, 0.05)
    starlist.serve(server, "GAIA", stars)
    survey = surveys.get("GAIA")
    older = surveys.Survey(**{**vars(survey), "columns": survey.columns[:-2]})
    skystore.fetch(older, 150.2, 2.2, 0.1, 21, services.Client())
    old = skystore.fetch(survey, 150.2, 2.2, 0.1, 21, services.Client(offline=True))
    assert len(old) == 50  # better than none
    skystore.fetch(survey, 150.2, 2.2, 0.1, 21, services.Client())
    assert server.count("vizier") == 2


def test_a_home_that_cannot_be_written_to_does_not_stop_a_run(server, home, monkeypatch):
    starlist.serve(server, "GAIA", starlist.make("GAIA", 50, 150.2, 2.2, 0.05))
    home.parent.mkdir(parents=True)
    home.write_text("a file where the folder should be")
    assert len(skystore.fetch("GAIA", 150.2, 2.2, 0.1, 21, services.Client())) == 50


@pytest.mark.parametrize(
    ("mangled", "reason"),
    [
        (lambda body: re.sub(rb"<TD>150\.\d+</TD>", b"<TD/>", body), "none of which has a place on the sky"),
        (lambda body: re.sub(rb"<TD>150\.", b"<TD>50.", body), "all from elsewhere on the sky"),
        (lambda body: re.sub(rb"<TD>150\.\d+</TD>", b"<TD>n.a.</TD>", body), "has a place on the sky"),
    ],
)
def test_rows_that_are_all_unusable_are_no_empty_field(server, home, mangled, reason):
    starlist.serve(server, "GAIA", starlist.make("GAIA", 40, 150.3, 2.0, 0.1))
    server.mangled, server.mangler = "vizier", mangled
    with pytest.raises(NotReachable, match=reason):
        skystore.fetch("GAIA", 150.3, 2.0, 0.05, 20, services.Client())
    server.mangler = None
    assert len(skystore.fetch("GAIA", 150.3, 2.0, 0.2, 30, services.Client())) == 40
