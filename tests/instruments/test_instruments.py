"""Every instrument with a header of its kind: date, pointing, scale, binning, filter, orientation come out right.

headers/KEY.txt is what the camera writes, headers/truth.toml what it was written for; the real headers beside the
project are read in place.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.time import Time

import pp_prepare
from photometrypipeline.frames.frame import Frame
from photometrypipeline.instruments import headers, telescopes
from photometrypipeline.sky.sphere import separation_deg

FOLDER = Path(__file__).resolve().parents[1] / "header_texts"
TRUTH = tomllib.loads((FOLDER / "truth.toml").read_text())
REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "headers"
OPTIONS = {"ra_deg": None, "dec_deg": None, "flip_x": False, "flip_y": False, "rotate_deg": 0.0, "target": None}


def frame_of(key):
    """Return a Frame in memory with the header of an instrument."""
    frame = Frame(f"night/{key}.fits")
    frame.header = fits.Header.fromstring((FOLDER / f"{key}.txt").read_text(), sep="\n")
    return frame


def test_there_is_a_header_for_each_instrument_of_the_documentation():
    assert set(TRUTH) == {path.stem for path in FOLDER.glob("*.txt")}
    assert set(TRUTH) <= set(telescopes.load().telescopes)
    assert len(TRUTH) == 62


@pytest.mark.parametrize("key", TRUTH)
def test_a_header_of_its_kind_is_read_right(key):
    frame, truth = frame_of(key), TRUTH[key]
    telescope = telescopes.identify(frame.header)
    assert telescope.key == key
    if key == "GENERIC":
        from photometrypipeline.newcamera import generic

        generic.implant(frame, telescope, {})
    assert headers.midtime_jd(frame, telescope) == pytest.approx(Time(truth["midtime"]).jd, abs=0.002 / 86400)
    assert headers.exptime_s(frame, telescope) == truth["exptime_s"]
    assert headers.binning(frame, telescope) == tuple(truth["binning"])
    assert headers.airmass(frame, telescope) == truth["airmass"]
    assert headers.text_of(frame, telescope, "object") == "3552 Don Quixote"
    assert headers.raw_filter(frame, telescope) == truth["filter"]
    assert (telescope.band(truth["filter"]) or "none") == truth["band"]


@pytest.mark.parametrize("key", TRUTH)
def test_the_first_guess_looks_where_and_how_the_camera_did(key):
    frame, truth = frame_of(key), TRUTH[key]
    telescope = telescopes.identify(frame.header)
    if key == "GENERIC":
        from photometrypipeline.newcamera import generic

        generic.implant(frame, telescope, {})
    pp_prepare.prepare_header(frame, telescope, **OPTIONS, keep_wcs=False)
    header = frame.header
    assert separation_deg(header["CRVAL1"], header["CRVAL2"], *truth["centre_deg"]) * 3600 < 0.05
    assert [header["CRPIX1"], header["CRPIX2"]] == [512, 528]
    matrix = 3600 * np.array([[header[f"CD{i}_{j}"] for j in (1, 2)] for i in (1, 2)])
    for direction, sky in (("east", (1, 0)), ("north", (0, 1))):
        along = np.array(truth[direction])  # a pixel to there
        np.testing.assert_allclose(matrix @ along, np.array(sky) * abs(truth["scale_arcsec"] @ abs(along)), atol=1e-3)
    assert header["TEL_KEYW"] == key
    assert [header["SECPIXX"], header["SECPIXY"]] == pytest.approx(truth["scale_arcsec"], rel=1e-4)


def test_the_page_lists_the_definitions_as_they_are():
    root = Path(__file__).resolve().parents[2]
    code = "import sys; sys.path.insert(0, 'tools'); import telescopes_page as t; print(end=t.page(t.PAGE.read_text()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == (root / "docs" / "telescopes.md").read_text()  # if not: make docs


# ---- real headers

LCO = {key for key in telescopes.load().telescopes if key.startswith("LCO")}
FOLLOWS_A_ROTATOR = {"GMOSN"}
HALF_A_TURN = {
    "LCOSINISTRO",
    "NOTALFOSC",
}  # the nominal WCS of raw headers is turned by 180 degrees against registered ones


def real(path):
    """Return {keyword: value} of a real header that is kept as text; the first value of each keyword counts."""
    header = {}
    for line in path.read_text(encoding="latin-1").splitlines():
        card = re.match(r"(?:HIERARCH +)?([A-Z0-9_ -]{1,30}?) *= +(?:'((?:[^']|'')*)'|([^/]*))", line)
        if card:
            text = card[2] if card[2] is not None else card[3]
            header.setdefault(card[1], _number(text.strip()) if card[2] is None else text.strip())
    return header


def _number(text):
    try:
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    except ValueError:
        return {"T": True, "F": False}.get(text, text)


def real_frames():
    """Return parameters (path) for the real headers whose camera has a definition."""
    found = []
    for path in sorted(REAL.glob("*.txt")):
        try:
            telescopes.identify(real(path))
        except telescopes.TelescopeError:
            continue
        found.append(pytest.param(path, id=path.stem))
    return found


def loaded(path):
    frame = Frame(path.with_suffix(".fits"))
    frame.header = fits.Header()
    for keyword, value in real(path).items():
        frame.header[keyword if len(keyword) < 9 else f"HIERARCH {keyword}"] = value
    return frame, telescopes.identify(frame.header)


needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="no real headers beside the project")


@needs_real
@pytest.mark.parametrize("path", real_frames())
def test_midtime_of_real_headers_is_half_an_exposure_after_their_mjd(path):
    frame, telescope = loaded(path)
    header = frame.header
    if telescope.header["time"].split("|")[0] not in header or "MJD-OBS" not in header:
        pytest.skip("the header has not both")
    if not isinstance(header.get("EXPTIME"), int | float) or not header["EXPTIME"] > 0:
        pytest.skip("the header has no EXPTIME, or is that of a bias frame")
    middle = float(header["MJD-OBS"]) + 2400000.5 + float(header["EXPTIME"]) / 2 / 86400
    digits = len(str(header["MJD-OBS"]).partition(".")[2])
    if digits < 3:
        pytest.skip("MJD-OBS has no time of day")
    # GMOS-N writes MJD-OBS when the observation begins and UTSTART when the shutter opens, half a minute later
    # MJD-OBS of LCO's raw frames is up to 13 s early, which DATE-OBS and UTSTART contradict
    of_kind = {"GMOSN": 40, **dict.fromkeys(LCO, 14)}
    tolerance_s = of_kind.get(telescope.key, 1 + 86400 * 10.0**-digits)
    assert headers.midtime_jd(frame, telescope) == pytest.approx(middle, abs=tolerance_s / 86400)


@needs_real
@pytest.mark.parametrize("path", real_frames())
def test_orientation_and_scale_of_real_headers_are_those_of_the_definition(path):
    frame, telescope = loaded(path)
    try:
        matrix = 3600 * fits_matrix(frame.header)
    except KeyError:
        pytest.skip("the header has no WCS")
    guess = telescope
    if telescope.chips:
        guess = telescope.chip(headers.value_of(frame, telescope, "chip"))
    binning = headers.binning(frame, telescope)
    scale = np.array(telescope.pixel_scale) * binning
    ours = guess_matrix(scale, guess)
    turn = ours @ np.linalg.inv(matrix)
    assert np.linalg.det(turn) > 0, "mirrored"
    # nominal pixel scales, differential refraction and distortion away from the axis: 2.5 %
    assert abs(np.linalg.det(turn)) ** 0.5 == pytest.approx(1, abs=0.025)
    angle = np.degrees(np.arctan2(turn[1, 0] - turn[0, 1], turn[0, 0] + turn[1, 1]))
    if telescope.key in FOLLOWS_A_ROTATOR:
        assert angle % 90 == pytest.approx(0, abs=1) or angle % 90 == pytest.approx(90, abs=1)
    elif telescope.key in HALF_A_TURN:
        assert min(abs(angle), 180 - abs(angle)) < 1
    else:
        assert abs(angle) < 1


def fits_matrix(header):
    """Return the matrix of the WCS (deg/px) of a header with CD, or PC and CDELT."""
    if "CD1_1" in header or "CD1_2" in header:
        return np.array([[float(header.get(f"CD{i}_{j}", 0)) for j in (1, 2)] for i in (1, 2)])
    return np.array([[float(header[f"PC{i}_{j}"]) * float(header[f"CDELT{i}"]) for j in (1, 2)] for i in (1, 2)])


def guess_matrix(scale, guess):
    from photometrypipeline.frames.wcskeywords import first_guess

    cards = first_guess(0, 0, (10, 10), scale, guess.flip_x, guess.flip_y, guess.rotate)
    return 3600 * np.array([[cards[f"CD{i}_{j}"] for j in (1, 2)] for i in (1, 2)])


@needs_real
@pytest.mark.parametrize("path", real_frames())
def test_the_place_that_real_headers_look_at_is_the_one_of_their_wcs(path):
    frame, telescope = loaded(path)
    if "CRVAL1" not in frame.header or telescope.keyword("ra") not in frame.header:
        pytest.skip("the header has not both")
    if telescope.key == "UKIRTWFCAM" and "JITTER_X" in frame.header:
        pytest.skip("TELRA is that of the jittered telescope")
    ra, dec = headers.pointing(frame, telescope)
    # CRVAL is the optical axis or the middle of the frame; a chip is up to a degree away
    assert separation_deg(ra, dec, float(frame.header["CRVAL1"]), float(frame.header["CRVAL2"])) < 1.1
