"""Answers of Horizons about another body are recognised, and no odd but right one is refused."""

import pytest

from photometrypipeline.base.services import Retry
from photometrypipeline.ephemerides import identity, names

RIGHT = [
    ("3552", "3552 Don Quixote (1983 SA)"),
    ("20065803", "65803 Didymos (1996 GT)"),  # numbers of SPK files
    ("2000433", "433 Eros (A898 PA)"),
    ("2004 MN4", "99942 Apophis (2004 MN4)"),
    ("K04M04N", "99942 Apophis (2004 MN4)"),
    ("1801 AA", "1 Ceres (A801 AA)"),
    ("2010 ab1", "(2010 AB1)"),
    ("6344 P-L", "(6344 P-L)"),
    ("2P", "2P/Encke"),
    ("73P-B", "73P-B/Schwassmann-Wachmann 3"),
    ("73P", "73P/Schwassmann-Wachmann 3"),
    ("C/1995 O1", "C/1995 O1 (Hale-Bopp)"),
    ("C/1995 O1", "Hale-Bopp (C/1995 O1)"),
    ("P/2010 A2", "354P/LINEAR (P/2010 A2)"),
    ("C/2010 A2", "P/2010 A2 (LINEAR)"),
    ("D/1993 F2-K", "D/1993 F2-K (Shoemaker-Levy 9)"),
    ("D/1993 F2-K", "Shoemaker-Levy 9-K (D/1993 F2-K)"),
    ("A/2018 V3", "(2018 V3)"),
    ("A/2017 U1", "'Oumuamua (A/2017 U1)"),
    ("1I", "1I/'Oumuamua (A/2017 U1)"),
    ("2I/Borisov", "2I/Borisov (C/2019 Q4)"),
    ("Don Quixote", "3552 Don Quixote (1983 SA)"),
    ("Schwassmann-Wachmann 1", "29P/Schwassmann-Wachmann 1"),
    ("Apoph", "99942 Apophis (2004 MN4)"),  # refused later, as the beginning of a name
    ("-170", "James Webb Space Telescope (spacecraft) (-170)"),
]
PERHAPS = [
    ("1898 DQ", "433 Eros (A898 PA)"),
    ("2000 JW8", "719 Albert (A911 TB)"),  # lost for 89 years
    ("P/2002 R5", "54P/de Vico-Swift-NEAT"),  # lost as well
    ("2060", "95P/Chiron"),
    ("95P", "2060 Chiron (1977 UB)"),
    ("4015", "107P/Wilson-Harrington"),
    ("2003 AB1", "(2007 XY9)"),
    ("2003 AB1", "234567 (2007 XY9)"),
    ("P/2005 K3", "260P/McNaught"),
    ("2I/Borisov", "C/2019 Q4 (Borisov)"),
    ("C/2013 UQ4", "(2013 QU4)"),
    ("Apophis", "433 Eros (A898 PA)"),
]
OTHERS = [
    ("3552", "433 Eros (A898 PA)"),
    ("2P", "46P/Wirtanen"),
    ("1I", "2I/Borisov (C/2019 Q4)"),
    ("2004 MN4", "433 Eros (A898 PA)"),  # had its number a century before
    ("2004 MN4", "Mars (499)"),
    ("2004 MN4", "James Webb Space Telescope (spacecraft) (-170)"),
    ("-170", "Voyager 1 (spacecraft) (-31)"),
]
EVERY = [
    (asked, found, surely)
    for each, surely in ((RIGHT, True), (PERHAPS, None), (OTHERS, False))
    for asked, found in each
]


@pytest.mark.parametrize(("asked", "found", "surely"), EVERY)
def test_whether_the_body_that_answers_is_the_one_that_was_asked_for(asked, found, surely):
    assert identity.is_surely(names.queries(asked)[0], found) is surely


def test_a_moon_asked_for_by_its_name_or_number():
    major = names.queries("Titan")[1]
    assert identity.is_surely(major, "Titan (606)")
    assert identity.is_surely(major, "Rhea (605)") is False


def test_what_may_be_another_designation_has_to_be_said_twice_and_once_where_it_is_known():
    query, found = names.queries("1898 DQ")[0], "433 Eros (A898 PA)"
    doubt = identity.Doubt(query)
    with pytest.raises(Retry, match=r"about 433 Eros \(A898 PA\) instead of 1898 DQ"):
        doubt.judge(found)
    with pytest.raises(Retry, match="instead of 1898 DQ"):
        doubt.judge("719 Albert (A911 TB)")
    with pytest.raises(Retry, match="instead of 1898 DQ"):
        doubt.judge(found)
    doubt.judge(found)
    identity.Doubt(query, found).judge(found)


def test_another_body_is_refused_however_often_it_comes():
    doubt = identity.Doubt(names.queries("2004 MN4")[0], "433 Eros (A898 PA)")
    for _ in range(3):
        with pytest.raises(Retry, match="instead of 2004 MN4"):
            doubt.judge("433 Eros (A898 PA)")
