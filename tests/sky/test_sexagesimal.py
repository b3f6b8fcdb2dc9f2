"""Angles in three parts: all dialects are read whole, or not at all."""

import pytest

from photometrypipeline.sky import sexagesimal


@pytest.mark.parametrize(
    "text",
    [
        *("-20:14:30", "-20 14 30", "-20d14m30s", "-20 14 30.0", "-20-14-30", "-20:14:30 J2000", "-20/14/30"),
        *("-20?14'30\"", "-20*14'30''", "-20 14-30", "-20:14/30", "20 14 30 S", "-20 deg 14 min 30 sec", "-20 14.5"),
        *("-20_14_30", "-201430", "201430S", "-20:14,5", "  -20 :14: 30 ", "-20d 14' 30\"", "-20:14:30 (2000.0)"),
    ],
)
def test_dialects_are_read_whole(text):
    assert sexagesimal.read(text) == pytest.approx(-(20 + 14 / 60 + 30 / 3600), abs=1e-9)


@pytest.mark.parametrize(
    "text",
    ["20:14:61", "20:61:00", "20:14:30 B1950", "20 14 30 50", "20.5", "180.5", "abc", "", "20:14:30:10", "20:1x"]
    + ["20h 30s", "20d30s", "20:-14:30", "20:14:-30"]
    + ["0" + " :" * 40, "12" + " " * 60 + "x", "12:34" + " m" * 40 + "x", "12:34:56" + "s " * 40 + "x"],
)
def test_what_cannot_be_read_whole_is_refused(text):
    assert sexagesimal.read(text) is None


def test_the_sign_of_minus_zero_counts():
    assert sexagesimal.read("-00:00:30.5") == pytest.approx(-30.5 / 3600)
    assert sexagesimal.read("00:-14:30") == pytest.approx(-(14 / 60 + 30 / 3600))
    assert sexagesimal.read("-20:-14:-30") == pytest.approx(-(20 + 14 / 60 + 30 / 3600))


def test_a_fraction_that_reads_like_an_equinox_stays():
    assert sexagesimal.read("17:08:19.2000") == pytest.approx(17 + 8 / 60 + 19.2 / 3600, abs=1e-12)
