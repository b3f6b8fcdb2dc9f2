"""FITS headers as bytes: those of tables, read and written without astropy, say what they say with it."""

import pytest
from astropy.io import fits

from photometrypipeline.frames import fitsbytes


def test_plain_headers_are_written_and_read_as_astropy_does():
    cards = [("XTENSION", "BINTABLE"), ("BITPIX", 8), ("NAXIS1", 123456), ("EXTNAME", "O'Neil's list"), ("TUNIT1", "")]
    cards += [(f"TTYPE{n}", f"COLUMN_{n}") for n in range(40)]
    written = fitsbytes.plain_header(cards)
    assert written == fits.Header(cards).tostring().encode()
    assert fitsbytes.plain(written) == dict(cards)


def test_of_a_plain_header_numbers_logicals_and_the_first_of_a_name_are_read():
    header = fits.Header(
        [("SIMPLE", True), ("A", -2.5), ("B", 1e-7), ("C", "text / no comment", "a comment"), ("D", False)]
    )
    raw = header.tostring().replace("END", "A       =                    7".ljust(80) + "END", 1).encode()
    assert fitsbytes.plain(raw) == {"SIMPLE": True, "A": -2.5, "B": 1e-7, "C": "text / no comment", "D": False}


def header_of(*lines):
    text = "".join(f"{line:<80}" for line in [*lines, "END"])
    return text.ljust(len(text) + -len(text) % 2880).encode()


@pytest.mark.parametrize(
    "lines",
    [
        ["SIMPLE  =                    T", "BITPIX  =   16 / bits", "NAXIS   = 2", "NAXIS1  = 30", "NAXIS2  = 20"],
        [
            "SIMPLE  =                    T",
            "BITPIX  = 16",
            "NAXIS   = 2",
            "NAXIS1  = 30",
            *["COMMENT"] * 40,
            "NAXIS2  = 20",
        ],
        [
            "SIMPLE  =                    T",
            "BITPIX  = '16'",
            "BITPIX  = 16",
            "NAXIS   = 2",
            "NAXIS1  = 30",
            "NAXIS2  = 20",
        ],
        ["SIMPLE  =                    T", "BITPIX  = 8", "NAXIS   = 0"],
    ],
)
def test_the_structure_of_a_header_is_that_of_all_its_cards(lines):
    raw = header_of(*lines)
    found, whole = fitsbytes.structure(raw), fitsbytes.parse(raw)
    assert found["BITPIX"] == whole["BITPIX"] and fitsbytes.shape(found) == fitsbytes.shape(whole)
