"""Data sets on a Dask cluster of two local worker processes: the same bytes, also when a worker is killed."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT

import interrupting
import sky
from photometrypipeline.base.errors import NotReachable
from photometrypipeline.runs import cluster as dask_cluster

distributed = pytest.importorskip("distributed")
psutil = pytest.importorskip("psutil")  # comes with it
SETS = ("a", "b")

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of dask's own sockets and threads
]


@pytest.fixture(scope="module")
def cluster():
    """Yield a LocalCluster of two processes."""
    with distributed.LocalCluster(2, threads_per_worker=1, processes=True, dashboard_address=None) as made:
        yield made


def make(root):
    sky.make_dataset(root / "a", 2, seed=3, size=(400, 400), n_stars=70)
    for name in SETS[1:]:
        shutil.copytree(root / "a", root / name)
    (root / "bad").mkdir()
    (root / "bad" / "a.fits").write_text("no image\n")


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """Return (root of the untouched tree, results of the same without a cluster)."""
    raw = tmp_path_factory.mktemp("raw")
    make(raw)
    quiet = tmp_path_factory.mktemp("quiet") / "a"
    shutil.copytree(raw / "a", quiet)
    assert interrupting.start(quiet).wait() == 0
    return raw, interrupting.results(quiet)


def start(folder, cluster):
    argv = [sys.executable, str(ROOT / "pp_run.py"), "all", "-offline", "-scheduler", cluster.scheduler_address]
    return subprocess.Popen(
        argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def is_beyond_the_first_step(worker):
    """Return whether the data set that a worker process (its number) has at work is prepared."""
    for each in psutil.Process(worker).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it may have ended meanwhile
            if os.path.exists(os.path.join(each.cwd(), ".diagnostics/stamps/prepare.json")):
                return True
    return False


def test_a_worker_is_killed_and_the_bytes_are_the_same(here, cluster, tmp_path):
    raw, expected = here
    shutil.copytree(raw, tmp_path / "tree")
    with start(tmp_path / "tree", cluster) as process:
        with distributed.Client(cluster) as client:
            workers = client.run(os.getpid).values()
        limit = time.monotonic() + 120
        while not (victims := [pid for pid in workers if is_beyond_the_first_step(pid)]):
            assert time.monotonic() < limit and process.poll() is None
            time.sleep(0.02)
        os.kill(victims[0], signal.SIGKILL)
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 3, errors
    for name in SETS:
        assert interrupting.compare(expected, interrupting.results(tmp_path / "tree" / name)) == []
    facts = json.loads((tmp_path / "tree" / "summary.json").read_text())
    assert {each["folder"]: each["exit_status"] for each in facts["data_sets"]} == {"a": 0, "b": 0, "bad": 2}
    assert "bad/a.fits: is not a FITS file" in errors
    logs = [(tmp_path / "tree" / name / "LOG").read_text() for name in SETS]
    assert any("up to date: prepare" in log for log in logs)  # the one whose worker died went on elsewhere


def test_a_scheduler_that_is_not_there_is_an_error_of_one_line(monkeypatch):
    monkeypatch.setattr(dask_cluster, "CONNECT_S", 0.5)
    with pytest.raises(NotReachable, match=r"^Dask scheduler \(tcp://127.0.0.1:9\) could not be reached.*$"):
        dask_cluster.connect("tcp://127.0.0.1:9")
