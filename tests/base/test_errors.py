"""Passing trouble is noted by the one whose work met it, and by nobody else."""

import contextvars
from concurrent.futures import ThreadPoolExecutor

from photometrypipeline.base.errors import (
    ProgramError,
    SystemTrouble,
    UnusableResult,
    UsageError,
    in_words,
    passing_trouble,
)


def met_on_the_way():
    try:
        raise SystemTrouble("no space left")
    except SystemTrouble:
        return "found a way around"


def test_trouble_is_noted_even_where_a_way_around_is_found():
    with passing_trouble() as noted:
        met_on_the_way()
        UsageError("stays"), UnusableResult("stays"), ProgramError("died")
    assert noted == ["no space left", "died"]
    met_on_the_way()
    assert len(noted) == 2  # it is somebody else's by now


def test_a_part_tells_the_whole_that_it_belongs_to():
    with passing_trouble() as whole, passing_trouble() as part:
        met_on_the_way()
    assert whole == part == ["no space left"]


def test_two_pieces_of_work_side_by_side_note_their_own():
    def work(troubled):
        with passing_trouble() as noted, ThreadPoolExecutor(1) as pool:
            if troubled:
                pool.submit(contextvars.copy_context().run, met_on_the_way).result()
        return len(noted)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(work, [True, False, True, False])) == [1, 0, 1, 0]


def test_a_key_that_is_missing_is_told_without_the_quotes_of_python():
    assert in_words(KeyError("NAXIS1")) == "NAXIS1 is missing"
    assert in_words(KeyError("no table in it")) == "no table in it"
    assert in_words(ValueError("over\n two lines")) == "over two lines"
    assert in_words(EOFError()) == "EOFError"
