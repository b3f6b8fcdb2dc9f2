"""Keywords of unknown headers, recognised by name, comment and content; and what pixels tell of their camera."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.time import Time

import pp_prepare
import sky
from cameras import ALL, EXPOSURE_S, START
from photometrypipeline.frames.frame import Frame
from photometrypipeline.instruments import filternames, telescopes
from photometrypipeline.newcamera import generic, pixelfacts, recognise

OPTIONS = {"ra_deg": None, "dec_deg": None, "flip_x": False, "flip_y": False, "rotate_deg": 0.0, "target": None}


def header_of(*cards):
    return fits.Header([tuple(card) for card in cards])


def found(role, *cards):
    return recognise.read(header_of(*cards)).get(role)


# ---- roles


@pytest.mark.parametrize(
    ("cards", "keyword", "seconds"),
    [
        ([("EXPTIME", 30.0)], "EXPTIME", 30),
        ([("EXPOSURE", "060.00")], "EXPOSURE", 60),
        ([("EXPTIME", 0), ("EXPOSURE", 45)], "EXPOSURE", 45),  # a zero tells nothing
        ([("EXPTIME", "n/a"), ("ITIME", 12)], "ITIME", 12),
        ([("SHUTTER1", 20.5, "[s] Exposure time")], "SHUTTER1", 20.5),
        ([("FLATEXP", 2.5, "mean exposure time of the flats"), ("TINT", 7, "integration time (s)")], "TINT", 7),
    ],
)
def test_exposure_time_under_its_many_names(cards, keyword, seconds):
    exposure = found("exptime", *cards)
    assert (exposure.coded, exposure.value) == (keyword, seconds)


@pytest.mark.parametrize(
    ("cards", "keyword", "gain"),
    [
        ([("GAIN", 1.4)], "GAIN", 1.4),
        ([("GAIN", 100), ("EGAIN", 0.78)], "EGAIN", 0.78),
        ([("GAIN", 1.0, "Gain set"), ("EGAIN", 2.1)], "EGAIN", 2.1),
        ([("GAIN", "[3.3,3.4,3.3,3.4]"), ("CCDGAIN", 3.3)], "CCDGAIN", 3.3),
        ([("AMPGAIN", 2.2, "electrons per ADU")], "AMPGAIN", 2.2),
    ],
)
def test_gain_in_electrons_and_not_the_setting_of_an_amplifier(cards, keyword, gain):
    gain_found = found("gain", *cards)
    assert (gain_found.coded, gain_found.value) == (keyword, gain)


@pytest.mark.parametrize(
    "cards", [[("GAIN", 120)], [("GAIN", 0)], [("GAIN", 5, "Camera gain")], [("GAIN", 1), ("INSTRUME", "ZWO ASI1600")]]
)
def test_a_gain_that_is_none(cards):
    assert found("gain", *cards) is None


@pytest.mark.parametrize(
    ("cards", "coded", "factors"),
    [
        ([("XBINNING", 2), ("YBINNING", 3)], ("XBINNING", "YBINNING"), (2, 3)),
        ([("CCDSUM", "2 4")], ("CCDSUM#blank0", "CCDSUM#blank1"), (2, 4)),
        ([("BINNING", "2x2")], ("BINNING#x0", "BINNING#x1"), (2, 2)),
        ([("BINNING", "3_3")], ("BINNING#_0", "BINNING#_1"), (3, 3)),
        ([("BINNING", "2*2")], ("BINNING#*0", "BINNING#*1"), (2, 2)),
        ([("BINNING", 2)], ("BINNING", "BINNING"), (2, 2)),
        ([("XBINNING", 0), ("YBINNING", 0)], (1, 1), (1, 1)),
        ([], (1, 1), (1, 1)),
    ],
)
def test_binning_in_all_forms(cards, coded, factors):
    binning = found("binning", *cards)
    assert (binning.coded, binning.value) == (coded, factors)
    assert bool(binning.doubt) == (coded == (1, 1))


@pytest.mark.parametrize(
    ("cards", "coded", "doubt"),
    [
        ([("DATE-OBS", "2023-03-14T22:41:07.250", "UTC")], "DATE-OBS", ""),
        ([("DATE-OBS", "2023-03-14T22:41:07.250")], "DATE-OBS", "the header does not say"),
        ([("DATE-OBS", "2023-03-14T23:41:07.250+0100")], "DATE-OBS", ""),
        ([("DATE-OBS", "2023-03-14"), ("UT", "22:41:07.250")], "DATE-OBS|UT", ""),
        ([("DATE-OBS", "14/03/2023"), ("TIME-OBS", "22:41:07.250")], "DATE-OBS|TIME-OBS", "the header does not say"),
        ([("JD", START.jd)], "JD", ""),
        ([("DATE-OBS", "14/03/23"), ("TM-START", 81667.25)], "DATE-OBS|TM-START", "the header does not say"),
        ([("DATE-OBS", "2023 Mar 14.945222801")], "DATE-OBS", "the header does not say"),
        ([("MJD-OBS", START.mjd), ("HJD", START.jd + 0.003)], "MJD-OBS", ""),
        ([("DATE-OBS", "2023-03-14T23:41:07.250"), ("JD", START.jd)], "JD", "DATE-OBS is local time"),
        ([("DATE-LOC", "2023-03-14T23:41:07.250"), ("UT-OBS", "2023-03-14T22:41:07.250")], "UT-OBS", ""),
    ],
)
def test_the_start_of_the_exposure(cards, coded, doubt):
    start = found("time", ("EXPTIME", EXPOSURE_S), *cards)
    assert start.coded[0] == coded
    assert start.value == pytest.approx(START.jd, abs=0.01 / 86400)
    assert (doubt in start.doubt) if doubt else start.doubt == ""


def test_when_an_image_was_put_together_is_no_time_of_an_exposure():
    assert found("time", ("EXPTIME", 900.0), ("DATE", "2018-08-20T11:28:45", "creation date of Integration")) is None


def test_a_julian_date_of_the_middle():
    middle = START.jd + EXPOSURE_S / 2 / 86400
    start = found("time", ("EXPTIME", EXPOSURE_S), ("JD", middle, "Julian date at mid exposure"))
    assert start.coded == ("JD", "middle")


def test_local_time_alone_brings_its_zone():
    sidereal = (280.46061837 + 360.98564736629 * (START.jd - 2451545) + 9.8333) / 15 % 24  # Meeus, eq. 12.4
    text = f"{int(sidereal):02d}:{int(sidereal * 60 % 60):02d}:{sidereal * 3600 % 60:04.1f}"
    cards = [("DATE-OBS", "2023-03-14T23:41:07.250"), ("LST", text), ("SITELAT", 46.5), ("SITELONG", 9.8333)]
    reading = recognise.read(header_of(("EXPTIME", 40.0), *cards))
    assert reading.time.add_h == -1
    assert reading["time"].value == pytest.approx(START.jd, abs=0.01 / 86400)


@pytest.mark.parametrize(
    ("cards", "scales"),
    [
        ([("PIXSCALE", 0.5)], [0.5]),
        ([("PIXSCALE", 0.5), ("CCDSUM", "2 2")], [0.5, 1.0]),
        ([("CD1_1", -1e-4), ("CD2_2", 1e-4)], [0.36]),
        ([("CD1_2", 1e-4), ("CD2_1", 1e-4)], [0.36]),  # elements that are 0 may be left out
        ([("CDELT1", -2e-4), ("CDELT2", 2e-4), ("CTYPE1", "RA---TAN")], [0.72]),
        ([("CDELT1", 2.0), ("CDELT2", 2.0)], []),  # a binning
        ([("XPIXSZ", 9.0), ("FOCALLEN", 1000.0)], [1.8564]),
        ([("XPIXSZ", 9.0), ("FOCALLEN", 1.0)], [1.8564]),  # metres
        ([("XPIXSZ", 9.0), ("FOCALLEN", 0)], []),
    ],
)
def test_scales(cards, scales):
    assert [scale for scale, _ in recognise.read(header_of(*cards)).scales] == pytest.approx(scales, rel=1e-4)


# ---- names of filters


@pytest.mark.parametrize(
    ("band", "names"),
    [
        ("V", ["V", "Bessel V", "Johnson-V", "V_Johnson", "bessell v".upper().title(), "Bessell-V"]),
        ("R", ["Rc", "R_Cousins", "Cousins R", "Bessell R"]),
        ("I", ["I", "Ic", "I_Bes"]),
        ("r", ["r", "r'", "rp", "SDSS r", "Sloan-r", "SDSS-R", "r_SDSS", "SR", "r.MP9601", "PS1 r"]),
        ("z", ["zs", "z'", "Sloan z"]),
        ("Ks", ["Ks"]),
        (None, ["Clear", "L", "Luminance", "none", "open", "Ha", "H-alpha", "OIII", "IRCUT", "", "w"]),
        (None, ["CV", "CR", "VIS", "Astro", "DUAL"]),
        (None, ["Ha7nm", "Halpha 6563", "HaOIII", "NO_FILTER", "<NO FILTER>", "no filter", "BLANK"]),
        (
            "R",
            ["Harris R", "HARRIS R", "Harris-R", "R_Harris", "Mould R", "Baader R", "Astrodon R", "Chroma R", "R-Band"],
        ),
        (
            "R",
            ["Johnson-Cousins R", "Johnson/Cousins R", "Cousins Rc", "R#642", "W-C-RC", "R (Bessell)", "Bessell_R 640"],
        ),
        ("I", ["Baader I", "Astrodon I", "Kron-Cousins I", "Ic (Astrodon)", "Harris I"]),
        ("V", ["Baader V", "V (Johnson)", "PhotV", "W-J-V", "V band", "V_Bes 530_80"]),
        ("r", ["r_G0303", "HSC-R", "r DECam SDSS c0002 6415.0 1480.0", "Astrodon r", "Baader r'", "r_SDSS 625_140"]),
        ("g", ["pg", "g_G0301", "gp"]),
        ("z", ["z_s", "zs"]),
        ("V", ["Astrodon Photometric V", "Photometric V", "V #1", "V [Bessell]", "V/Bessell", "filter V", "v_HIGH"]),
        ("R", ["R_SPECIAL", "RC"]),
        ("r", ["ZTF_r", "Astrodon Sloan r", "SDSS r (2)", "Thuan-Gunn r", "r.00000"]),
        ("g", ["g", "ZTF g"]),
        ("y", ["Y DECam c0005 10095.0 1130.0"]),
        ("J", ["2MASS J", "UKIRT J", "J band"]),
    ],
)
def test_names_that_leave_no_doubt(band, names):
    assert {name: filternames.guess(name) for name in names} == dict.fromkeys(names, (band, ""))


def test_filters_of_two_bands_in_two_wheels_are_a_doubt():
    found = recognise.read(header_of(("FILTER1", "V"), ("FILTER2", "R"))).get("filter")
    assert found.value == "V" and "several filters are named: FILTER1 = V, FILTER2 = R" in found.doubt
    assert recognise.read(header_of(("FILTER1", "V"), ("FILTER2", "clear"))).get("filter").doubt == ""


def test_names_that_leave_a_doubt():
    assert filternames.guess("G")[0] == "V" and "filter for colour pictures" in filternames.guess("G")[1]
    assert filternames.guess("R", ["L", "G", "B"])[0] == "R" and filternames.guess("R", ["L", "G", "B"])[1]
    assert filternames.guess("B", ["V", "R"]) == ("B", "")
    assert filternames.guess("H", ["S", "O"]) == filternames.guess("H", ["L", "R", "G", "B"]) == (None, "")
    assert filternames.guess("H", ["J", "Ks"]) == ("H", "")
    assert filternames.guess("H")[1] == "'H' may be H alpha or the near-infrared band"
    assert filternames.guess("Hartmann")[1] and filternames.guess("Haze")[1]  # no H alpha
    assert filternames.guess("y", ["u", "v", "b"])[0] is None  # Stroemgren
    for comet_filter in ("BC", "UC", "GC"):
        assert filternames.guess(comet_filter)[0] is None
    band, doubt = filternames.guess("blue plastic")
    assert band is None and "'blue plastic' is not the name of a known band" in doubt


@pytest.mark.parametrize(
    ("cards", "keyword", "name"),
    [
        ([("FILTER1", "CLEAR"), ("FILTER2", "SDSS-r")], "FILTER2", "SDSS-r"),
        ([("FILTER1", "V"), ("FILTER2", "clear")], "FILTER1", "V"),
        ([("FILTER", "Open"), ("FILTER2", "Rc")], "FILTER2", "Rc"),
        ([("FILTER1", "Open"), ("FILTER2", "Clear")], "FILTER1", "Open"),
        ([("FILTER", "L")], "FILTER", "L"),
    ],
)
def test_both_wheels_are_read(cards, keyword, name):
    wheel = found("filter", *cards)
    assert (wheel.coded, wheel.value) == (keyword, name)


# ---- GENERIC reads by the same means


@pytest.mark.parametrize("camera", [each for each in ALL if each.dialect != "homemade"], ids=lambda each: each.dialect)
def test_generic_understands_the_dialects(camera, tmp_path):
    camera.write(tmp_path)
    frame = Frame(tmp_path / "frame.fits")
    telescope = telescopes.get("GENERIC")
    answers = generic.complete([frame], {"frame.fits": telescope}, {"filter": "V"}, keep_wcs=False)
    generic.implant(frame, telescope, answers)
    pp_prepare.prepare_header(frame, telescope, **OPTIONS, keep_wcs=False)
    header = frame.header
    assert header["MIDTIMJD"] == pytest.approx(START.jd + EXPOSURE_S / 2 / 86400, abs=0.01 / 86400)
    assert header["EXPTIME"] == EXPOSURE_S
    ra, dec = camera.told
    assert (header["CRVAL1"], header["CRVAL2"]) == (pytest.approx(ra, abs=1e-5), pytest.approx(dec, abs=1e-5))
    # SharpCap writes the size of unbinned pixels, which a header alone cannot tell from that of binned ones
    scale = camera.scale / (2 if camera.dialect == "sharpcap" else 1)
    assert header["SECPIXX"] == pytest.approx(scale, rel=0.05)


def test_generic_writes_the_time_that_it_found(tmp_path):
    camera = next(each for each in ALL if each.dialect == "homemade")
    camera.write(tmp_path)
    frame = Frame(tmp_path / "frame.fits")
    generic.implant(frame, telescopes.get("GENERIC"), {})
    assert Time(frame.header["DATE-OBS"]).jd == pytest.approx(START.jd, abs=0.01 / 86400)
    assert "JULDATE" in frame.header.comments["DATE-OBS"]


# ---- pixels


def exposed(gain, read_noise, level, rng, full_well=60000.0, stars=True):
    """Return a frame (ADU) of stars over a sky of `level` (ADU, number or image)."""
    x, y = rng.uniform(1, 400, 60), rng.uniform(1, 300, 60)
    light = sky.render((300, 400), x, y, 10 ** rng.uniform(3, 4.8, 60), 3.0) if stars else 0.0
    return sky.expose(np.broadcast_to(level, (300, 400)) + light, rng, gain, read_noise, full_well).astype(float)


@pytest.mark.parametrize(("gain", "level"), [(0.4, 900.0), (1.5, 300.0), (4.0, 2000.0)])
def test_gain_from_the_noise_of_the_sky(gain, level):
    facts = pixelfacts.measure(exposed(gain, 5.0, level, np.random.default_rng(1)), read_noise=5.0)
    # 120,000 pixels: the variance is known to 1 %; haloes of stars add a little to the level and to the noise
    assert facts.gain == pytest.approx(gain, rel=0.05)
    assert "true only if the bias is subtracted" in facts.gain_how
    assert facts.sky == pytest.approx(level, rel=0.01)


def test_gain_from_a_gradient_holds_although_the_bias_is_still_in():
    rng = np.random.default_rng(2)
    level = np.linspace(300, 3000, 400)[None, :] * np.ones((300, 1))
    facts = pixelfacts.measure(exposed(1.5, 8.0, level, rng) + 1000)
    assert facts.gain == pytest.approx(1.5, rel=0.05)
    assert "noise grows with the level" in facts.gain_how


def test_no_gain_where_noise_and_level_do_not_belong_together():
    rng = np.random.default_rng(3)
    facts = pixelfacts.measure(rng.normal(350, 1.1, (300, 400)))  # a bias of 300 ADU, or an average of frames
    assert facts.gain is None and "do not match" in facts.gain_how


def test_saturation_from_stars_that_are_cut_off():
    rng = np.random.default_rng(4)
    pixels = exposed(1.5, 5.0, 300.0, rng, full_well=4095.0)
    assert pixelfacts.saturation_level(pixels) == pytest.approx(0.95 * 4095, rel=0.002)
    pixels[50, 60] = 9000  # a hot pixel stands alone
    assert pixelfacts.saturation_level(pixels) == pytest.approx(0.95 * 4095, rel=0.002)


def test_no_saturation_where_no_star_is_cut_off():
    rng = np.random.default_rng(5)
    assert pixelfacts.saturation_level(exposed(1.5, 5.0, 300.0, rng)) is None
    assert pixelfacts.saturation_level(exposed(1.5, 5.0, 300.0, rng, stars=False)) is None
    assert pixelfacts.saturation_level(np.full((20, 20), np.nan)) is None


def test_the_station_that_a_header_names():
    assert recognise.read(fits.Header({"MPCCODE": "g96"})).station == "G96"
    assert recognise.read(fits.Header({"OBSCODE": "LSC"})).station is None
