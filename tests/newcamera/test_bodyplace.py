"""Frames without a pointing, and without a scale: what the ephemeris and the stars tell in their place."""

import numpy as np
import pytest
from astropy.io import fits

from photometrypipeline.base.errors import FrameError, NotFound, UsageError
from photometrypipeline.base.services import Client
from photometrypipeline.ephemerides import ephemeris
from photometrypipeline.ephemerides.ephemchoice import Choice
from photometrypipeline.frames import wcskeywords
from photometrypipeline.frames.frame import Frame
from photometrypipeline.instruments import plausibility, pointings, telescopes
from photometrypipeline.instruments.dataset import DataSet
from photometrypipeline.newcamera import bodyplace, generic

CHOICE = Choice("local", "elements.dat")
CARDS = {"DATE-OBS": "2023-03-02T20:19:00", "EXPTIME": 60.0, "FILTER": "V", "OBJECT": "3552", "NAXIS1": 900}


def frame_of(**cards):
    frame = Frame("a.fits")
    frame.header = fits.Header(list((CARDS | {"NAXIS2": 700} | cards).items()))
    return frame


@pytest.fixture
def answering(monkeypatch):
    """Horizons, or the store, knows 3552 alone; the epochs asked for."""
    asked = []

    def positions(name, code, jds, client, folder, choice):
        assert choice == CHOICE
        asked.extend((code, jd) for jd in jds)
        if name != "3552":
            raise NotFound("no such body")
        return type("Ephemeris", (), {"full_name": "3552 Don Quixote", "ra_deg": [11.5], "dec_deg": [-3.25]})

    monkeypatch.setattr(ephemeris, "positions", positions)
    return asked


def places_of(frame, key="GENERIC", target=None):
    known = {frame.name: telescopes.get(key)}
    return bodyplace.of_frames(DataSet([frame]), known, target, Client(offline=True), CHOICE)


def test_the_body_tells_where_a_frame_without_a_pointing_looks(answering):
    assert places_of(frame_of()) == {"a.fits": (11.5, -3.25)}
    assert answering[0][1] == pytest.approx(2460006.34687, abs=1e-5)  # the middle of the exposure
    assert places_of(frame_of(OBJECT="NGC 7000")) == {}
    assert places_of(frame_of(OBJECT="NGC 7000"), target="3552") == {"a.fits": (11.5, -3.25)}


@pytest.mark.parametrize(("ra", "dec"), [(0.0, 0.0), ("00 00 00", "00 00 00"), (0.0, 90.0), (-1, -1), (-999.0, -999.0)])
def test_placeholders_are_no_pointings(answering, ra, dec):
    assert not pointings.read(frame_of(RA=ra, DEC=dec).header)
    assert places_of(frame_of(RA=ra, DEC=dec)) == {"a.fits": (11.5, -3.25)}


@pytest.mark.parametrize(("ra", "dec"), [(180.5, 20.5), (0.0, 10.0), ("00 00 00", "+00 10 00"), (99.0, -9.0)])
def test_pointings_are_believed(answering, ra, dec):
    assert places_of(frame_of(RA=ra, DEC=dec)) == {} and not answering


def test_a_known_telescope_does_not_look_at_a_placeholder():
    frame = frame_of(RA="00:00:00.00", DEC="+00:00:00.0")
    with pytest.raises(FrameError, match="placeholder"):
        plausibility.checked_pointing(frame, telescopes.get("VATT4K"))


@pytest.mark.parametrize(
    ("cards", "scale"),
    [({}, 1.2), ({"FOCALLEN": 400.0}, 2.32), ({"XPIXSZ": 3.76}, 0.969)],
)
def test_a_scale_that_no_header_tells_is_guessed_and_marked(cards, scale):
    frame, telescope = frame_of(RA=180.5, DEC=20.5, **cards), telescopes.get("GENERIC")
    answers = generic.complete([frame], {"a.fits": telescope}, {}, keep_wcs=False)
    generic.implant(frame, telescope, answers)
    assert frame.header["SECPIXX"] == pytest.approx(scale, rel=2e-3)
    assert wcskeywords.scale_factor(frame.header) == generic.GUESSED_WITHIN
    wcskeywords.note_scale(frame.header, 0.77)
    assert wcskeywords.scale_factor(frame.header) == 1 and frame.header["SECPIX"] == 0.77


def test_a_scale_by_hand_is_no_guess():
    frame, telescope = frame_of(RA=180.5, DEC=20.5), telescopes.get("GENERIC")
    generic.implant(frame, telescope, {})
    generic.implant(frame, telescope, {"secpix": "0.5", "binning": "1"})
    assert wcskeywords.scale_factor(frame.header) == 1 and np.isclose(frame.header["SECPIXX"], 0.5)


@pytest.mark.parametrize("wide", [True, False])
def test_without_scale_and_pointing_the_whole_sky_is_searched_where_a_frame_may_be_wide(wide, monkeypatch):
    asked = []
    monkeypatch.setattr(generic.blind, "possible", lambda size_px, arcsec, *_: asked.append(arcsec) or wide)
    frame, telescope = frame_of(), telescopes.get("GENERIC")
    if not wide:
        with pytest.raises(UsageError, match="does not give secpix"):
            generic.complete([frame], {"a.fits": telescope}, {}, keep_wcs=False)
        return
    generic.implant(frame, telescope, generic.complete([frame], {"a.fits": telescope}, {}, keep_wcs=False))
    assert asked == [pytest.approx(3 * 1.2)]  # as wide as the guess may be off
    assert wcskeywords.scale_factor(frame.header) == 3 and "OBJCTRA" not in frame.header
