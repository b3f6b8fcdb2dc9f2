"""Cards that break the standard: what plainly means something is read, nothing raises, and files keep them."""

import numpy as np
import pytest
from astropy.io import fits

from photometrypipeline.base.errors import FrameError
from photometrypipeline.frames import cards, fitsbytes
from photometrypipeline.frames.frame import Frame

KEPT = (
    "OBJECT  = 'O''Brien 12'        / a name",
    "EXPTIME =                 60.0 / [s]",
    "COMMENT anything, 'even this",
    "HIERARCH ESO DET DIT = 12.5 / [s]",
    "SIMPLE  =                    T / conforms",
    "GAIN    = 1.5D+01",
    "P.I.    = 'Someone '",
)


def parsed(*lines):
    return fitsbytes.parse("".join(line.ljust(80) for line in (*lines, "END")).encode("latin-1"))


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("EXPTIME =                 60,0 / [s]", 60.0),
        ("EXPTIME = -1,5E+01", -15.0),
        ("EXPTIME = ,5", 0.5),
        ("EXPTIME =60.0 / no blank behind the sign", 60.0),
        ("EXPTIME=60", 60),
        ("EXPTIME  60.0 / no sign at all", 60.0),
        ("EXPTIME =\t60.0", 60.0),
        ("exptime = 60.0", 60.0),
        ("EXPTIME = 60.0 sec / with a unit", "60.0 sec"),
        ("EXPTIME =  NaN / not known", None),
        ("EXPTIME = nan(ind)", None),
        ("EXPTIME = -1.#IND", None),
        ("EXPTIME = INF", None),
        ("EXPTIME = ******* / overflow", None),
        ("EXPTIME =", None),
        ("EXPTIME = 2017-02-02T10:56:03 / no quotes", "2017-02-02T10:56:03"),
        ("EXPTIME = 17/05/85 / no quotes", "17/05/85"),
        ("EXPTIME = 12:34:56.7", "12:34:56.7"),
        ("EXPTIME = (1, 2) / a complex number by the standard", "(1, 2)"),
        ("EXPTIME = 3552 Don Quixote / name", "3552 Don Quixote"),
        ('EXPTIME = "double quotes" / c', "double quotes"),
        ("EXPTIME = 'never closed / comment", "never closed"),
        ("EXPTIME = 'O'Brien Hill'", "O'Brien Hill"),
        ("EXPTIME = 'filled with zeros\0\0\0'", "filled with zeros"),
        ("EXPTIME = 'abc' and more / comment", "abc"),
    ],
)
def test_broken_cards_are_read_for_what_they_mean(line, value):
    header = parsed(*KEPT[:1], line)
    assert header["EXPTIME"] == value and type(header["EXPTIME"]) is type(value)
    assert header["OBJECT"] == "O'Brien 12"
    assert [card.value for card in header.cards][0] == "O'Brien 12"  # every card can be read


@pytest.mark.parametrize("line", KEPT)
def test_cards_that_can_be_read_are_left_as_they_are(line):
    assert cards.repaired(line.ljust(80)) == line.ljust(80)


@pytest.mark.parametrize(
    "line",
    ["CONTINUE  'of nothing' /", "just some words", "= 12", "FOO", "\x01\x02\x03", "'", "HIERARCH", "A=B=C", "/ / /"],
)
def test_cards_without_a_keyword_disturb_nobody(line):
    header = parsed("OBJECT  = '3552    '", line, "FILTER  = 'V       '")
    assert (header["OBJECT"], header["FILTER"]) == ("3552", "V")
    assert all(card.value is not NotImplemented for card in header.cards)


def test_long_texts_are_read_over_several_cards():
    long = fits.Header({"LONG": "a long text;" * 12}).tostring(endcard=False, padding=False)
    header = parsed(*(long[start : start + 80] for start in range(0, len(long), 80)), "CONTINUE  'orphan'")
    assert header["LONG"] == "a long text;" * 12


def test_any_bytes_can_be_read():
    rng = np.random.default_rng(7)
    pool = np.frombuffer(b"ABC XYZ0189'=/-.,+ETF&\x00\xe9\t", dtype=np.uint8)
    for _ in range(300):
        line = bytes(rng.choice(pool, 80))
        for card in fitsbytes.parse(line + b"END".ljust(80)).cards:
            _ = card.keyword, card.value, card.comment


def write(path, *lines):
    fits.PrimaryHDU(np.arange(12, dtype=np.int16).reshape(3, 4)).writeto(path)
    content = path.read_bytes()
    end = content.index(b"END" + b" " * 77)
    new = b"".join(line.encode("latin-1").ljust(80) for line in lines)
    path.write_bytes((content[:end] + new + content[end : end + 80]).ljust(2880) + content[2880:])
    return path


def test_files_keep_their_broken_cards(tmp_path):
    lines = ("CCD-TEMP= -10,5", "WINDSPD = NaN", "NAME    = 'O'Brien Hill' / c", "no keyword")
    path = write(tmp_path / "a.fits", *lines, "CONTINUE  'orphan'")
    frame = Frame(path)
    frame.header["EXPTIME"] = 30.0
    frame.save()
    content = path.read_bytes()
    assert all(line.encode().ljust(80) in content for line in lines)
    assert b"no keyword".ljust(80) + b"COMMENT CONTINUE  'orphan'" in content  # else other readers lose the card before
    assert Frame(path).header["CCD-TEMP"] == -10.5 and Frame(path).header["EXPTIME"] == 30.0
    np.testing.assert_array_equal(Frame(path).read_pixels(), np.arange(12).reshape(3, 4))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("NAXIS1  =                    4", "NAXIS1  =                   -5"),
        ("NAXIS1  =                    4", "NAXIS1  =                 1E20"),
        ("NAXIS1  =                    4", "NAXIS1  =                  2.5"),
        ("NAXIS   =                    2", "NAXIS   =                   -2"),
        ("NAXIS   =                    2", "NAXIS   =                    T"),
        ("BITPIX  =                   16", "BITPIX  =                  -16"),
        ("BITPIX  =                   16", "BITPIX  =                    7"),
    ],
)
def test_a_structure_that_cannot_be_is_refused(tmp_path, old, new):
    path = write(tmp_path / "a.fits")
    path.write_bytes(path.read_bytes().replace(old.encode(), new.encode()))
    with pytest.raises(FrameError, match=new.split("=")[0].strip() + " = .* is impossible"):
        _ = Frame(path).header
