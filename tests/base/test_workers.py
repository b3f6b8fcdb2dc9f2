"""An assistant works next to the process that asks it; without one the work is done all the same."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from photometrypipeline.base import workers

needs_copies = pytest.mark.skipif(sys.platform != "linux", reason="no process that is a safe copy")
loaded = []
ROOT = Path(__file__).parents[2]


def load():
    loaded.append(os.getpid())


def fail():
    raise OSError("a library is missing")


def who(number):
    return number, os.getpid(), list(loaded)


@needs_copies
@pytest.mark.parametrize("prepare", [load, fail])
def test_an_assistant_answers_in_order_from_a_process_of_its_own(prepare):
    with workers.Assistant(2, prepare) as assistant:
        answers = [wait() for wait in [assistant.ask(who, number) for number in range(3)]]
    assert [number for number, *_ in answers] == [0, 1, 2]
    (process,) = {process for _, process, _ in answers}
    assert process != os.getpid() and loaded == []
    assert {tuple(there) for *_, there in answers} == {(process,) if prepare is load else ()}


def test_with_one_job_the_work_is_done_here():
    with workers.Assistant(1, fail) as assistant:
        assert assistant.ask(who, 5)() == (5, os.getpid(), [])


@needs_copies
def test_what_an_assistant_that_dies_was_asked_is_done_here():
    with workers.Assistant(2, load) as assistant:
        _, process, _ = assistant.ask(who, 0)()
        os.kill(process, signal.SIGKILL)
        assert assistant.ask(who, 7)()[:2] == (7, os.getpid())
        assert assistant.ask(who, 8)()[:2] == (8, os.getpid())


def where(number):
    return number**2, os.getpid()


def test_work_is_shared_between_copies_of_this_process_in_the_order_of_the_items():
    found = workers.side_by_side(where, range(100), 3)
    assert [value for value, _ in found] == [number**2 for number in range(100)]
    assert len({process for _, process in found}) <= 3
    assert workers.side_by_side(where, range(7), 2) == [(number**2, os.getpid()) for number in range(7)]  # few


@needs_copies
def test_every_process_has_its_share():
    def slowly(number):
        time.sleep(0.05)
        return where(number)

    found = workers.side_by_side(slowly, range(12), 3)
    assert len({process for _, process in found}) == 3


@needs_copies
def test_an_error_in_a_copy_is_raised_here_and_a_copy_that_dies_costs_nothing():
    here = os.getpid()

    def fail(number):
        time.sleep(0.05)
        if os.getpid() != here:
            raise ZeroDivisionError(number)
        return number

    with pytest.raises(ZeroDivisionError):
        workers.side_by_side(fail, range(8), 2)

    def die(number):
        time.sleep(0.05)
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    assert workers.side_by_side(die, range(8), 2) == list(range(8))


@needs_copies
def test_more_than_a_pipe_holds_comes_back():
    found = workers.side_by_side(lambda number: bytes([number]) * 300_000, range(12), 2)
    assert [(each[0], len(each)) for each in found] == [(number, 300_000) for number in range(12)]


INTERRUPTED = """
import os, sys, time
from photometrypipeline.base import interruption, workers

def slowly(number):
    print(os.getpid(), flush=True)
    time.sleep(60)

interruption.while_at_work()
try:
    workers.side_by_side(slowly, range(8), 2)
except KeyboardInterrupt:
    sys.exit(7)
"""


@needs_copies
def test_ctrl_c_ends_the_copies_at_once():
    argv = [sys.executable, "-c", INTERRUPTED]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        copies = [int(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 7
    assert not any(os.path.exists(f"/proc/{copy}") for copy in copies)
