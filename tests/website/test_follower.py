"""Pictures drawn beside a run, and side by side: the same as drawn alone, whatever happens to the other process."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import diagnostics
import fakerun
from photometrypipeline.base import workers
from photometrypipeline.frames import records
from photometrypipeline.website import follower
from website import check_website

ROOT = Path(__file__).resolve().parents[2]


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


def files(folder):
    """All that the website is made of, with its content."""
    made = [folder / "diagnostics.html", *(folder / ".diagnostics").iterdir()]
    return {path.name: path.read_bytes() for path in made if path.is_file() and path.suffix != ".json"}


def wait_for(path):
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end, f"{path} is not drawn"
        time.sleep(0.05)


def test_a_run_draws_ahead_and_ends_with_the_same_pages(tmp_path, field):
    with diagnostics.drawing_ahead(tmp_path, jobs=2):
        record("prepare", field, tmp_path)
        diagnostics.draw_meanwhile(tmp_path)
        wait_for(tmp_path / ".diagnostics" / "mscience0218.fits.png")  # with no page asked for yet
        for step in records.STEPS[1:]:
            record(step, field, tmp_path)
        assert not (tmp_path / "diagnostics.html").exists()
        assert diagnostics.render(tmp_path) == tmp_path / "diagnostics.html"
    check_website(tmp_path)
    beside = files(tmp_path)
    (tmp_path / ".diagnostics" / "pictures.json").unlink()  # so that all of them are drawn again, here
    diagnostics.render(tmp_path)
    assert files(tmp_path) == beside


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
    assert process.exitcode == -signal.SIGTERM  # at once: there is nothing to wait for


def test_with_one_core_nothing_is_started(tmp_path, field):
    with diagnostics.drawing_ahead(tmp_path, jobs=1):
        record("prepare", field, tmp_path)
        assert diagnostics._ahead == {}
        diagnostics.render(tmp_path)
    check_website(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "worth"),
    [
        (["a.fits"], True),
        (["-jobs", "2", "a.fits"], True),
        (["-jobs", "12", "a.fits"], True),
        (["-jobs", "1", "a.fits"], False),
        (["a.fits", "--jobs=1"], False),
        (["-j", "1", "a.fits"], False),
        (["all"], False),
        (["-h"], False),
        ([], False),
    ],
)
def test_only_a_run_of_one_data_set_on_several_cores_starts_it_early(monkeypatch, arguments, worth):
    monkeypatch.setattr(follower, "cores", lambda: 2)
    assert follower.worth_starting(["/usr/bin/pp_run", *arguments]) is worth
    assert follower.worth_starting(["pp_run.py", *arguments]) is worth
    assert not follower.worth_starting(["pp_distill.py", *arguments])
    monkeypatch.setattr(follower, "cores", lambda: 1)
    assert not follower.worth_starting(["pp_run", *arguments])


@pytest.mark.skipif(workers.cores() < 2, reason="only one core")
def test_pp_run_starts_it_while_it_loads_and_ends_it_where_there_is_nothing_to_draw(tmp_path):
    code = (
        "import sys; sys.argv = ['pp_run', 'x.fits']; import pp_run, diagnostics; "
        "print(*(each._process.pid for each in diagnostics._started))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    (pid,) = map(int, done.stdout.split())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_one_that_was_started_early_serves_the_run_and_warns_in_its_log(tmp_path, field, monkeypatch):
    """It is copied before the run has opened LOG, and opens it itself."""
    monkeypatch.setattr(diagnostics, "_started", [])
    diagnostics.get_ready()
    (early,) = diagnostics._started
    (tmp_path / "mscience0218.fits").write_bytes(b"no image")
    with diagnostics.drawing_ahead(tmp_path, jobs=2):
        for step in records.STEPS:
            record(step, field, tmp_path)
        assert diagnostics._ahead[tmp_path] is early
        diagnostics.render(tmp_path)
    assert not early._process.is_alive()
    assert diagnostics._started == []
    assert "mscience0218.fits: no pictures of this frame" in (tmp_path / "LOG").read_text()
    check_website(tmp_path)


def test_what_is_wanted_at_once_does_not_wait_for_what_is_drawn_ahead(tmp_path, field):
    """Drawing ahead ends with the picture at hand, keeps what is done, and the rest is drawn with the pages."""
    for step in records.STEPS:
        record(step, field, tmp_path)
    answers = iter([False] + [True] * 1000)
    diagnostics.draw_ahead(tmp_path, 2, wanted=lambda: next(answers))
    drawn = {name for name in pictures(tmp_path) if not name.endswith(".gif")}
    assert "mscience0217.fits.png" in drawn
    assert "mscience0218.fits.png" not in drawn
    before = (tmp_path / ".diagnostics" / "mscience0217.fits.png").stat()
    diagnostics.render(tmp_path)
    check_website(tmp_path)
    assert (tmp_path / ".diagnostics" / "mscience0217.fits.png").stat().st_mtime_ns == before.st_mtime_ns
    assert "mscience0218.fits.png" in pictures(tmp_path)


def test_what_a_step_has_found_so_far_is_drawn_and_shown_only_once_it_is_recorded(tmp_path, field):
    for step in records.STEPS[:-1]:
        record(step, field, tmp_path)
    found = fakerun.distill(field)
    with diagnostics.drawing_ahead(tmp_path, jobs=2):
        record("calibrate", field, tmp_path)
        diagnostics.draw_meanwhile(tmp_path, lambda: {"distill": {"targets": found["targets"][1:]}})
        early = tmp_path / ".diagnostics" / "3552.gif"
        wait_for(early)
        drawn = early.stat().st_ino
        diagnostics.record("distill", found, tmp_path)
        diagnostics.render(tmp_path)
    assert early.stat().st_ino == drawn
    assert (tmp_path / ".diagnostics" / "Control_Star.gif").exists()
    check_website(tmp_path)
    record("calibrate", field, tmp_path)  # the record of distill goes with that
    diagnostics.draw_ahead(tmp_path, 2, {"distill": records.tidy("distill", found)})
    assert early.exists()
    page = diagnostics.render(tmp_path)
    check_website(tmp_path)
    assert "Don Quixote" not in page.read_text()
    assert not early.exists()


def test_a_message_that_does_not_fit_the_pipe_is_left_out_and_nobody_waits(tmp_path):
    def draw(folder, jobs, more, wanted):
        (tmp_path / f"begun with {more}").touch()
        time.sleep(1)

    busy = follower.Follower(lambda: None, draw, lambda *_: None)
    busy.draw(tmp_path, 2, "short")
    wait_for(tmp_path / "begun with short")
    began = time.monotonic()
    busy.draw(tmp_path, 2, "long" * 100_000)
    assert time.monotonic() - began < 0.5
    busy.dismiss()


def test_who_is_dismissed_takes_those_along_that_it_has_split_off(tmp_path):
    def one(number):
        (tmp_path / f"{os.getpid()}.pid").touch()
        time.sleep(60)

    begun = follower.Follower(lambda: None, None, lambda folder, jobs: workers.side_by_side(one, [range(8)], 2, each=1))
    begun._tell(follower.FINISH, tmp_path, 2)
    end = time.monotonic() + 30
    while len(list(tmp_path.glob("*.pid"))) < 2:
        assert time.monotonic() < end
        time.sleep(0.05)
    begun.dismiss()
    for path in tmp_path.glob("*.pid"):
        while Path("/proc", path.stem).exists() and "zombie" not in Path("/proc", path.stem, "status").read_text():
            assert time.monotonic() < end
            time.sleep(0.05)


def test_work_for_which_nobody_waits_lets_others_go_first():
    before = os.nice(0)
    assert follower.politely(lambda: os.nice(0)) == before + follower.POLITE
    assert os.nice(0) == before  # and the rest of the process goes on at full speed


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
