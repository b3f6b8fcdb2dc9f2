"""Progress: one line with the time left on a terminal, nothing elsewhere; one line for many frames."""

import io
import sys
import time

import toolbox

from photometrypipeline.base import progress, workers


class Terminal(io.StringIO):
    def isatty(self):
        return True


def terminal_of(monkeypatch):
    """Return what a terminal shows from now on (pytest takes standard error away between fixtures and tests)."""
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr(progress, "SHORT_S", 0.0)
    return shown


def slowly(number):
    time.sleep(0.15)
    return number**2


def test_a_terminal_shows_one_line_with_the_time_left_which_is_gone_at_the_end(monkeypatch):
    terminal = terminal_of(monkeypatch)
    assert [slowly(number) for number in progress.bar(range(5), "measuring")] == [0, 1, 4, 9, 16]
    lines = terminal.getvalue().split("\r")
    assert "\n" not in terminal.getvalue() and lines[-2].strip() == ""  # wiped
    assert any("measuring: 3 of 5 frames" in line and "left" in line and "?" not in line for line in lines)


def test_work_in_processes_shows_it_too(monkeypatch):
    terminal = terminal_of(monkeypatch)
    assert workers.side_by_side(slowly, range(6), 2, each=2, label="light") == [0, 1, 4, 9, 16, 25]
    assert "light: " in terminal.getvalue() and "of 6 frames" in terminal.getvalue()
    assert workers.side_by_side(slowly, range(2), 1) == [0, 1]


def test_a_pipe_and_a_silent_run_show_nothing(monkeypatch):
    terminal = terminal_of(monkeypatch)
    told = progress.SILENT.set(True)
    list(progress.bar(range(3), "silent"))
    progress.SILENT.reset(told)
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    list(progress.bar(range(3), "piped"))
    assert terminal.getvalue() == pipe.getvalue() == ""


def test_many_frames_are_one_line_on_the_screen_and_all_in_log(capsys, tmp_path):
    for number, expected in ((30, 30), (500, 1)):
        with toolbox.at_work(tmp_path):
            toolbox.say_each([f"frame {each}" for each in range(number)], "all of them")
        assert len(capsys.readouterr().out.splitlines()) == expected
    assert "frame 499" in (tmp_path / "LOG").read_text()
