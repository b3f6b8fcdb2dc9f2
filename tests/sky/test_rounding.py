"""Angles and days as texts: what is rounded up is carried over, to the next minute, hour, day or turn."""

import pytest

from photometrypipeline.sky import rounding


@pytest.mark.parametrize(
    ("value", "arguments", "text"),
    [
        (12.5, (2,), "12 30 00.00"),
        (11 + 59 / 60 + 59.996 / 3600, (2,), "12 00 00.00"),
        (11 + 59 / 60 + 59.994 / 3600, (2,), "11 59 59.99"),
        (-0.25, (1, ":", "+"), "-00:15:00.0"),
        (0.25, (1, ":", "+"), "+00:15:00.0"),
        (359.99999999 / 15, (2, " ", "", 24), "00 00 00.00"),
        (0.5, (0,), "00 30 00"),
    ],
)
def test_angles_are_rounded_before_they_are_cut(value, arguments, text):
    assert rounding.sexagesimal(value, *arguments) == text


def test_the_last_part_of_a_day_is_the_next_midnight():
    assert rounding.day_and_parts(2457786.5 - 1e-7, 100000) == (2457786.5, 0)
    assert rounding.day_and_parts(2457786.25, 100000) == (2457785.5, 75000)


@pytest.mark.parametrize(("error", "least", "wanted"), [(64.7, 1, 1), (5.0, 2, 2), (0.5, 1, 2), (0.00068, 2, 5)])
def test_small_errors_keep_two_digits(error, least, wanted):
    assert rounding.decimals(error, least) == wanted


@pytest.mark.parametrize("error", [0.0, float("nan"), float("inf")])
def test_no_error_has_no_digits_of_its_own(error):
    assert rounding.decimals(error, 2) == 2
