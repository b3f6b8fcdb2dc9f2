"""An assistant works next to the process that asks it; without one the work is done all the same."""

import os
import signal
import sys

import pytest

from photometrypipeline.base import workers

needs_copies = pytest.mark.skipif(sys.platform != "linux", reason="no process that is a safe copy")
loaded = []


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
