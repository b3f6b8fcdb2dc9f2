"""Headers as programs and observatories write them: the middle of the exposure, its length, and what is not sure."""

from pathlib import Path

import pytest
from astropy.time import Time

import pp_prepare
from photometrypipeline.base.errors import TelescopeError
from photometrypipeline.frames import fitsbytes
from photometrypipeline.frames.frame import TIME_ERROR, Frame
from photometrypipeline.instruments import telescopes
from photometrypipeline.newcamera import generic

OPTIONS = {"ra_deg": None, "dec_deg": None, "flip_x": False, "flip_y": False, "rotate_deg": 0.0, "target": None}
LACKING = {"RA": "180.5", "DEC": "20.5", "FILTER": "'V'", "XBINNING": "1", "YBINNING": "1", "INSTRUME": "'CAMX'"}
LACKING |= {"OBJECT": "'433'", "PIXSCALE": "0.9", "EGAIN": "1.0"}
MS = 1.5e-3 / 86400


def read(path):
    """Return [(name, middle in JD, s of light, s of error, lines), ...] of the file of headers."""
    _, *blocks = path.read_text(encoding="utf-8").split("\n=== ")
    found = []
    for block in blocks:
        title, *lines = block.strip().split("\n")
        name, middle, light_s, error_s = (part.strip() for part in title.split("|"))
        found.append((name, Time(middle, scale="tai").jd, float(light_s), float(error_s), lines))
    return found


HEADERS = read(Path(__file__).with_name("programs.txt"))


def frame_of(lines):
    there = {line[:8].strip() for line in lines}
    lines = [*lines, *(f"{name:8}= {value}" for name, value in LACKING.items() if name not in there)]
    layout = ["SIMPLE  = T", "BITPIX  = 16", "NAXIS   = 2", "NAXIS1  = 600", "NAXIS2  = 400"]
    frame = Frame("a.fits")
    frame.header = fitsbytes.parse("".join(line.ljust(80)[:80] for line in (*layout, *lines, "END")).encode())
    return frame


def prepare(frame):
    try:
        telescope = telescopes.identify(frame.header)
    except TelescopeError:
        telescope = telescopes.get("GENERIC").for_header(frame.header)
    generic.implant(frame, telescope, generic.complete([frame], {"a.fits": telescope}, {}, keep_wcs=False))
    pp_prepare.prepare_header(frame, telescope, **OPTIONS, keep_wcs=False)
    return frame.header


@pytest.mark.parametrize(
    ("name", "middle_jd", "light_s", "error_s", "lines"), HEADERS, ids=[each[0] for each in HEADERS]
)
def test_the_middle_of_the_exposure(name, middle_jd, light_s, error_s, lines):
    frame = frame_of(lines)
    for _ in range(2):  # the second time gives the same
        header = prepare(frame)
        assert header["MIDTIMJD"] == pytest.approx(middle_jd, abs=MS)
        assert header["EXPTIME"] == pytest.approx(light_s, abs=0.01)
        assert header.get(TIME_ERROR, 0.0) == pytest.approx(error_s, abs=0.1)


def test_the_table_is_as_long_as_it_should_be():
    assert len(HEADERS) >= 80
