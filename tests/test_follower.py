"""Pictures drawn beside a run, and side by side: the same as drawn alone, whatever happens to the other process."""

import os
import signal
import time

import pytest

import diagnostics
import fakerun
from photometrypipeline import records, workers
from website import check_website


@pytest.fixture
def field(tmp_path):
    field = fakerun.Field(n_frames=2)
    field.write_frames(tmp_path)
    return field


def record(step, field, folder):
    diagnostics.record(step, getattr(fakerun, step)(field), folder)


def pictures(folder):
    return {
        path.name: path.read_bytes() for path in (folder / ".diagnostics").iterdir() if path.suffix in (".png", ".gif")
    }


def wait_for(path):
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end, f"{path} is not drawn"
        time.sleep(0.05)


def test_a_run_draws_ahead_and_ends_with_the_same_pages(tmp_path, field):
    with diagnostics.drawing_ahead(tmp_path, jobs=2):
        record("prepare", field, tmp_path)
        wait_for(tmp_path / ".diagnostics" / "mscience0218.fits.png")  # with no page asked for yet
        for step in records.STEPS[1:]:
            record(step, field, tmp_path)
        assert not (tmp_path / "diagnostics.html").exists()
        assert diagnostics.render(tmp_path) == tmp_path / "diagnostics.html"
    check_website(tmp_path)
    beside = pictures(tmp_path), (tmp_path / "diagnostics.html").read_bytes()
    (tmp_path / ".diagnostics" / "pictures.json").unlink()  # so that all of them are drawn again, here
    diagnostics.render(tmp_path)
    assert (pictures(tmp_path), (tmp_path / "diagnostics.html").read_bytes()) == beside


def test_pages_are_made_although_the_process_that_draws_ahead_was_killed(tmp_path, field):
    with diagnostics.drawing_ahead(tmp_path, jobs=2):
        record("prepare", field, tmp_path)
        os.kill(diagnostics._ahead[tmp_path]._process.pid, signal.SIGKILL)
        record("register", field, tmp_path)
        diagnostics.render(tmp_path)
    check_website(tmp_path)
    assert (tmp_path / ".diagnostics" / "mscience0218.fits.png").exists()


def test_a_run_that_ends_without_pages_leaves_no_process(tmp_path, field):
    with diagnostics.drawing_ahead(tmp_path, jobs=2):
        record("prepare", field, tmp_path)
        process = diagnostics._ahead[tmp_path]._process
    assert not process.is_alive()


def test_with_one_core_nothing_is_started(tmp_path, field):
    with diagnostics.drawing_ahead(tmp_path, jobs=1):
        record("prepare", field, tmp_path)
        assert diagnostics._ahead == {}
        diagnostics.render(tmp_path)
    check_website(tmp_path)


def test_work_side_by_side_comes_back_in_order():
    assert workers.side_by_side(lambda number: (number**2, os.getpid()), [[], []], 2) == [[], []]
    (done,) = workers.side_by_side(lambda number: (number**2, os.getpid()), [range(20)], 2)
    assert [square for square, _ in done] == [number**2 for number in range(20)]
    assert os.getpid() not in {process for _, process in done}


def test_a_stage_finds_what_the_one_before_has_left(tmp_path):
    def write_or_read(name):
        if name.startswith("all"):
            return sorted(path.name for path in tmp_path.iterdir())
        time.sleep(0.02 * int(name))
        (tmp_path / name).touch()

    names = [str(number) for number in range(5)]
    assert workers.side_by_side(write_or_read, [names, ["all 1", "all 2"]], 2)[1] == [names, names]


def test_work_is_done_here_when_a_process_dies():
    here = os.getpid()

    def fragile(number):
        if os.getpid() != here:
            os._exit(9)
        return number

    assert workers.side_by_side(fragile, [range(10)], 2) == [list(range(10))]
