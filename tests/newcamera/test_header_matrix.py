"""One frame in the headers of many programs and years: the same time, place, scale and band come out of each."""

import pytest
from astropy.io import fits
from astropy.time import Time

import pp_prepare
from photometrypipeline.frames import fitsbytes
from photometrypipeline.frames.frame import Frame
from photometrypipeline.instruments import telescopes
from photometrypipeline.newcamera import generic

START, EXPTIME_S, BINNED_ARCSEC = Time("2023-03-02T20:19:00.250"), 30.0, 1.2
MIDDLE_JD = START.jd + EXPTIME_S / 2 / 86400
PLACE = (180.5, -20.25)  # deg: 12h02m00s, -20d15m00s
OPTIONS = {"ra_deg": None, "dec_deg": None, "flip_x": False, "flip_y": False, "rotate_deg": 0.0, "target": None}
BASE = {
    "DATE-OBS": "= '2023-03-02T20:19:00.250' / UTC of start",
    "EXPTIME": "= 30.0 / [s]",
    "RA": "= 180.5 / [deg]",
    "DEC": "= -20.25 / [deg]",
    "XBINNING": "= 2",
    "YBINNING": "= 2",
    "PIXSCALE": "= 1.2",
    "FILTER": "= 'V'",
    "OBJECT": "= '3552'",
    "INSTRUME": "= 'CAMX'",
}
TIMES = [
    {"DATE-OBS": "= '2023-03-02T20:19:15.250' / mid-exposure"},
    {"DATE-OBS": "= '2023-03-02T20:19:30.250' / System Clock:Frame Received"},
    {"DATE-OBS": "= '2023-03-02T20:19:30.250' / end of exposure"},
    {"DATE-OBS": "= '2023-03-02t20:19:00.250Z'"},
    {"DATE-OBS": "= '2023-03-02T22:19:00.250+02:00'"},
    {"DATE-OBS": "= '2023-03-02 20:19:00,250'"},
    {"DATE-OBS": "= '20230302T201900.250'"},
    {"DATE-OBS": "= '02-Mar-2023 20:19:00.250'"},
    {"DATE-OBS": "= 2023-03-02T20:19:00.250 / no quotes"},
    {"DATE-OBS": "= '2023-03-02T20:19:00.250 / quote left open"},
    {"DATE-OBS": "= '2023-03-02'", "TIME-OBS": "= '20:19:00.250'"},
    {"DATE-OBS": "= '02/03/23'", "UT": "= '20 19 00.250'"},
    {"DATE-OBS": "= '02/03/2023'", "UTC": "= '20h19m00.250s'"},
    {"DATE-OBS": "= '2023-03-02'", "UT": "= 73140.250 / [s] seconds of the day"},
    {"DATE-OBS": "= '2023-03-02'", "TIME-OBS": "= 0.8465306713 / fraction of day"},
    {"DATE-OBS": "= '2023-03-02T20:19:37.250'", "TIMESYS": "= 'TAI'"},
    {"DATE-OBS": "= '2023-03-02T20:20:09.434'", "TIMESYS": "= 'TT'"},
    {"DATE-OBS": "= '2023-03-02T20:19:00.250'", "DATE-AVG": "= '2023-03-02T20:19:15.250'"},
    {"DATE-OBS": "= '2023-03-02T20:19:00.250'", "DATE-END": "= '2023-03-02T20:19:42'"},
    {"DATE-OBS": "= '2023-03-02T21:19:00.250'", "JD": f"= {START.jd:.9f}"},
    {"DATE-OBS": None, "DATE-BEG": "= '2023-03-02T20:19:00.250'"},
    {"DATE-OBS": None, "DATE_OBS": "= '2023-03-02T20:19:00.250'"},
    {"DATE-OBS": None, "MJD-BEG": f"= {START.mjd:.10f}"},
    {"DATE-OBS": None, "DATE-AVG": "= '2023-03-02T20:19:15.250'"},
    {"DATE-OBS": None, "DATE-MID": "= '2023-03-02T20:19:15.250'"},
    {"DATE-OBS": None, "DATE-END": "= '2023-03-02T20:19:30.250'"},
    {"DATE-OBS": "= '2023-03-02'", "MIDTIME": "= '20:19:15.250'"},
    {"DATE-OBS": "= '2023-03-02'", "UT-END": "= '20:19:30.250'"},
]
EXPOSURES = [
    {"EXPTIME": "= 30,0"},
    {"EXPTIME": "= '30.0 sec'"},
    {"EXPTIME": None, "EXPOSURE": "= '030.00'"},
    {"EXPTIME": "= 0", "EXPOSURE": "= 30"},
    {"EXPTIME": "= 30000 / exposure [ms]"},
    {"EXPTIME": "= 0.5 / exposure in minutes"},
    {"EXPTIME": "= '30000 ms'"},
    {"EXPTIME": None, "EXPOINUS": "= 30000000"},
    {"EXPTIME": None, "EXPOSURE": "= 30000000. / [us]"},
    {"EXPTIME": "= 30000 / exposure [ms]", "EXPOSURE": "= 30.0"},
    {"EXPTIME": None, "ITIME": "= 3.0E1"},
    {"EXPTIME": "=30.0"},
    {"EXPTIME": "= 3.0 / [s] of each", "STACKCNT": "= 10", "TOTALEXP": "= 30."},
    {"EXPTIME": "= 30.0", "SNAPSHOT": "= 1 / Number of images combined"},
    {"EXPTIME": "= 30.0", "NCOADDS": "= 3", "EACHSNAP": "= 10.0"},
]
PLACES = [
    {"RA": "= '12:02:00'", "DEC": "= '-20:15:00'"},
    {"RA": "= '12 02 00.0'", "DEC": "= '-20 15 00'"},
    {"RA": "= '12h02m00s'", "DEC": "= '-20d15m00s'"},
    {"RA": "= '12 02.0'", "DEC": "= '-20 15'"},
    {"RA": "= '12:02:00 J2000'", "DEC": "= '-20*15''00'"},
    {"RA": "= '120200.0'", "DEC": "= '-201500'"},
    {"RA": "= 12:02:00", "DEC": "= -20:15:00 / no quotes"},
    {"RA": "= 180,5", "DEC": "= -20,25"},
    {"RA": "= 12.0333333333 / [h]", "DEC": "= -20.25"},
    {"RA": None, "DEC": None, "OBJCTRA": "= '12 02 00'", "OBJCTDEC": "= '-20 15 00'"},
    {"RA": None, "DEC": None, "TELRA": "= 180.5", "TELDEC": "= -20.25"},
    {"RA": "= 12.0333333333", "DEC": "= -20.25", "OBJCTRA": "= '12 02 00'", "OBJCTDEC": "= '-20 15 00'"},
    {"RA": "= '180.5 deg'", "DEC": "= '-20.25 deg'"},
    {"RA": "= 3.150319300 / [rad]", "DEC": "= -0.353429174 / [rad]"},
    {"RA": "= '12:01:60.0'", "DEC": "= '-20:14:60'"},
    {"RA": "= 181.0", "DEC": "= 90.0", "OBJCTRA": "= '12 02 00'", "OBJCTDEC": "= '-20 15 00'"},  # parked
    {"RA": "= 0.0", "DEC": "= 0.0", "OBJCTRA": "= '12 02 00'", "OBJCTDEC": "= '-20 15 00'"},
]
OTHERS = [
    {"PIXSCALE": None, "SECPIX": "= 1.2"},
    {"PIXSCALE": "= 0.000333333333 / [deg]"},
    {"PIXSCALE": None, "XPIXSZ": "= 9.0", "FOCALLEN": "= 1547.0"},
    {"PIXSCALE": None, "PIXSIZE1": "= 4.5", "FOCAL": "= 1547.0"},
    {"PIXSCALE": "= 1200 / [mas]"},
    {"PIXSCALE": "= 0.02 / [arcmin]"},
    {"PIXSCALE": None, "PLTSCALE": "= 133.33333 / arcsec/mm", "XPIXSZ": "= 9.0"},
    {"PIXSCALE": None, "XPIXSZ": "= 9.0", "FOCALLEN": "= 154.7 / focal length, cm"},
    {"PIXSCALE": None, "XPIXSZ": "= 9.0", "FOCALLEN": "= 60.905 / focal length in inches"},
    {"PIXSCALE": None, "XPIXSZ": "= 4.5 / [um] unbinned pixel size", "FOCALLEN": "= 1547.0"},
    {"XBINNING": None, "YBINNING": None, "CCDSUM": "= '2 2'"},
    {"XBINNING": None, "YBINNING": None, "BINNING": "= '2x2'"},
    {"FILTER": "= 'Johnson V'"},
    {"FILTER": "= V / no quotes"},
    {"FILTER": "= 'Harris V'"},
    {"FILTER": None, "FILTER1": "= 'Clear'", "FILTER2": "= 'V'"},
    {"FILTER": None, "PPCOLOR": "= 'TG'"},
    {"FILTER": "= 'UVIR'", "PPCOLOR": "= 'TG'"},
    {"AIRMASS": "= NaN"},
    {"CCD-TEMP": "= -10,5"},
    {"WINDSPD": "= ****"},
    {"P.I.": "= 'O'Brien'"},
    {"CONTINUE": "  'of nothing'"},
    {"JUNK": " without a sign"},
    {"GAIN": "= 100 / Sensor gain", "EGAIN": "= 1.0"},
]


def frame_of(changes):
    cards = {keyword: text for keyword, text in (BASE | changes).items() if text is not None}
    lines = ["SIMPLE  = T", "BITPIX  = 16", "NAXIS   = 2", "NAXIS1  = 600", "NAXIS2  = 400"]
    lines += [f"{keyword:8}{text}" for keyword, text in cards.items()]
    frame = Frame("a.fits")
    frame.header = fitsbytes.parse("".join(line.ljust(80) for line in (*lines, "END")).encode())
    return frame


@pytest.mark.parametrize("changes", TIMES + EXPOSURES + PLACES + OTHERS, ids=str)
def test_every_dialect_says_the_same(changes):
    frame, telescope = frame_of(changes), telescopes.get("GENERIC")
    generic.implant(frame, telescope, generic.complete([frame], {"a.fits": telescope}, {}, keep_wcs=False))
    pp_prepare.prepare_header(frame, telescope, **OPTIONS, keep_wcs=False)
    header = frame.header
    assert header["MIDTIMJD"] == pytest.approx(MIDDLE_JD, abs=1.5e-3 / 86400)  # 8 decimals keep a ms
    assert header["EXPTIME"] == EXPTIME_S
    assert header["CRVAL1"] == pytest.approx(PLACE[0], abs=0.01 / 3600)
    assert header["CRVAL2"] == pytest.approx(PLACE[1], abs=0.01 / 3600)
    assert header["SECPIXX"] == pytest.approx(BINNED_ARCSEC, rel=1e-3)
    assert telescope.band(header["FILTER"]) == "V"
    assert fits.Header.fromstring(header.tostring())["MIDTIMJD"] == header["MIDTIMJD"]


def test_the_matrix_is_as_large_as_it_should_be():
    assert len(TIMES + EXPOSURES + PLACES + OTHERS) >= 60
