"""What stands on the screen, and what in LOG."""

import logging

from photometrypipeline.base.logfile import SHOWN, logging_to

log = logging.getLogger("pp.test")


def test_of_warnings_alike_the_first_few_are_on_the_screen_and_all_in_log(tmp_path, capsys):
    with logging_to(tmp_path):
        for number in range(40):
            log.warning("%s: PSF guessed, %.1f px: %s", f"a{number}.fits", 2 + number / 10, "too few stars")
        log.warning("%s: PSF guessed, %.1f px: %s", "b.fits", 2.0, "no star at all")
        log.warning("one of %d frames", 3)
        for number in range(5):
            log.error("%s: damaged", f"a{number}.fits")
    told = capsys.readouterr().err.splitlines()
    assert [line for line in told if "too few" in line] == [
        f"WARNING: a{n}.fits: PSF guessed, {2 + n / 10:.1f} px: too few stars" for n in range(SHOWN)
    ]
    assert sum("more like the last: LOG" in line for line in told) == 1
    assert any("no star at all" in line for line in told) and any("one of 3" in line for line in told)
    assert sum("damaged" in line for line in told) == 5  # errors are all told
    assert (tmp_path / "LOG").read_text().count("too few stars") == 40


def test_the_same_message_is_told_once(tmp_path, capsys):
    with logging_to(tmp_path):
        for _ in range(3):
            log.warning("no gain is known")
    assert capsys.readouterr().err.count("no gain is known") == 1
