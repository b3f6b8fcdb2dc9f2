"""Headers with anything in them: pp_prepare names the frame or reads it, never hangs, and does its neighbour."""

import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import pp_prepare

EXAMPLES = int(os.environ.get("PP_MUTATIONS", "25"))  # of each kind; 1000 were run once
KNOWN = {
    "SIMPLE": True, "BITPIX": 16, "NAXIS": 2, "NAXIS1": 40, "NAXIS2": 30, "INSTRUME": '= "Vatt4k"', "OBJECT": "3552",
    "FILTER": "TOP 3 BOT 1", "DATE-OBS": "2017-02-02", "TIME-OBS": "10:50:00.000", "EXPTIME": 30.0, "AIRMASS": 1.13,
    "CCDBIN1": 2, "CCDBIN2": 2, "RA": "11:58:00.00", "DEC": "+06:15:00.0", "EQUINOX": 2000.0, "GAIN": 2.0,
}  # fmt: skip
UNKNOWN = {
    "SIMPLE": True, "BITPIX": 16, "NAXIS": 2, "NAXIS1": 40, "NAXIS2": 30, "INSTRUME": "CAMX", "OBJECT": "3552",
    "FILTER": "V", "DATE-OBS": "2023-03-02T20:19:00.000", "EXPTIME": 30.0, "XBINNING": 1, "YBINNING": 1, "RA": 180.5,
    "DEC": 20.5, "PIXSCALE": 0.9, "EGAIN": 1.0, "SITELAT": 46.0, "SITELONG": 9.0, "DATE-END": "2023-03-02T20:19:30",
}  # fmt: skip
VALUES = [
    *("NaN", "60,0", "'unclosed", "***", "-5", "0", "1E20", "1e-320", "1E99", "-16", "T", "'abc'", "''", "", "(1,2)"),
    *("12:34", "2017-13-45", "100", "1.5.2", "'%s%d'", "/ comment", "=", "'24:00:00'", "-90.0001", "'12 34 56 78'"),
    *("'--5'", "inf", "64", "'12h34m'", "'2023-03-02T20:19:00+99:99'", "'Feb 30 2020 10:00:00'"),
]
CARDS = [
    *("CONTINUE  'x'", "HIERARCH A B = 1,5", "PARAM0  = \x01\xff", "A=B=C", "COMBO_N = 3", "_EXPTIME= 'x'"),
    *("PPRA    = 'x'", "MIDTIMJD= 'x'", "TEL_KEYW= 'GENERIC'", "SECPIXX = 'x'", "BSCALE  = 'x'", "BLANK   = 1.5"),
    *("TIMESYS = 'TAI'", "NCOMBINE= 5", "SATURATE= 'x'"),
]


@st.composite
def mutations(draw, cards):
    """Return the cards with some changed, taken out, put in or disturbed byte by byte."""
    cards = list(cards)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(cards) - 1))
        kind = draw(st.sampled_from(["value", "value", "out", "in", "bytes"]))
        if kind == "value":
            cards[place] = f"{cards[place][:8]}= {draw(st.sampled_from(VALUES))}"
        elif kind == "out" and len(cards) > 1:
            del cards[place]
        elif kind == "in":
            cards.insert(place, draw(st.sampled_from(CARDS)))
        else:
            line = list(cards[place].ljust(80))
            for column, code in draw(st.dictionaries(st.integers(0, 79), st.integers(0, 255), max_size=4)).items():
                line[column] = chr(code)
            cards[place] = "".join(line)
    return cards


def cards_of(values):
    return [str(fits.Card(keyword, value)).rstrip() for keyword, value in values.items()]


def write(path, cards):
    pixels = np.random.default_rng(1).normal(500, 10, (30, 40)).astype(">i2").tobytes()
    raw = b"".join(card.encode("latin-1")[:80].ljust(80) for card in [*cards, "END"])
    Path(path).write_bytes(raw + b" " * (-len(raw) % 2880) + pixels + bytes(-len(pixels) % 2880))


@pytest.mark.parametrize("values", [KNOWN, UNKNOWN], ids=["known", "unknown"])
def test_any_header_is_read_or_named_and_the_neighbour_is_done(values, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    good = cards_of(values)

    @seed(9)
    @settings(
        max_examples=EXAMPLES,
        deadline=20_000,
        derandomize=False,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(mutations(good))
    def prepared(cards):
        Path("LOG").unlink(missing_ok=True)
        write("bad.fits", cards)
        write("good.fits", good)
        status = pp_prepare.main(["-jobs", "1", "-offline", "bad.fits", "good.fits"])
        told = "".join(capsys.readouterr()) + Path("LOG").read_text()
        assert status in (0, 3)
        assert "internal error" not in told and "Traceback" not in told
        assert "MIDTIMJD" in fits.getheader("good.fits")
        assert status == 0 or "bad.fits: " in told

    prepared()
