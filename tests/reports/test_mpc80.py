"""Records of 80 columns, as the Minor Planet Center reads them."""

import re
from types import SimpleNamespace

import pytest

import pp_setup
import pptool_mpcreport
from photometrypipeline.base.errors import UsageError
from photometrypipeline.frames.frame import Frame
from photometrypipeline.reports import astrometryreport, mpc80, mpccodes, reportsettings
from photometrypipeline.reports.designations import Designation
from photometrypipeline.reports.observations import Observation
from reportrows import row


def record80(**changes):
    observation = Observation(row(**changes), "x", Frame("a.fits"))
    observation.header = {"REGCAT": "GAIA"}
    return astrometryreport.Record(observation, Designation("1"), {"stn": "290", "mode": "CCD", "astCat": "Gaia3"})


def line80(**changes):
    return mpc80.line_of(record80(**changes))


def test_a_magnitude_in_a_band_without_a_letter_is_left_out_and_told(caplog):
    records = [record80(band=band) for band in ("BP", "RP", "RP", "V")]
    records.append(record80(band="-"))
    pptool_mpcreport.advise(records, "80", mpc80.line_of(records[0]))
    told = [line for line in caplog.messages if "no letter" in line]
    assert [re.search(r"band (\w+):.* (\d+) magnitudes", line).groups() for line in told] == [("BP", "1"), ("RP", "2")]
    assert [mpc80.line_of(record)[65:71].strip() != "" for record in records] == [False, False, False, True, True]
    caplog.clear()
    pptool_mpcreport.advise(records, "psv", "")
    assert "no letter" not in caplog.text


def test_a_place_just_before_ra_zero_stays_below_360_deg(tmp_path):
    observation = Observation(row(ra_deg=359.99999999), "x", Frame(tmp_path / "a.fits"))
    settings = reportsettings.chosen(pp_setup.confreport, SimpleNamespace())
    (record,) = astrometryreport.records_of(
        SimpleNamespace(observations=[observation], kind="fixed"), Designation("1"), settings
    )
    assert record.ades["ra"] == "0.0000000" and mpc80.line_of(record)[32:44] == "00 00 00.000"


def test_declinations_above_minus_one_degree_keep_their_sign():
    assert line80(dec_deg=-0.0125)[44:56] == "-00 00 45.00"
    assert line80(dec_deg=-0.00001)[44] == "-"
    assert line80(dec_deg=0.0125)[44:56] == "+00 00 45.00"


def test_seconds_are_carried_over_and_never_sixty():
    assert line80(ra_deg=15 * (1 + 59.9999999 / 3600))[32:44] == "01 01 00.000"
    assert line80(ra_deg=359.9999999)[32:44] == "00 00 00.000"
    assert line80(dec_deg=-(12 + 59.999999 / 60))[44:56] == "-13 00 00.00"
    assert line80(jd=2457787.49999999)[15:32] == "2017 02 03.000000"
    assert astrometryreport.iso_of(2457787.49999999) == "2017-02-03T00:00:00.00Z"
    assert astrometryreport.iso_of(2457786.95663722) == "2017-02-02T10:57:33.46Z"


def test_bands_of_several_letters_and_instrumental_magnitudes_do_not_shift_the_line():
    for band, letter in (("rp1", "r"), ("Ks", "K"), ("V", "V"), ("yp1", "y")):
        line = line80(band=band)
        assert (len(line), line[64:71]) == (80, f" 17.04{letter}")
    assert line80(sig=0.06)[64:71] == " 17.0 r" and line80(sig=0.06, err_total=0.01)[64:71] == " 17.04r"
    assert line80(band="BP")[64:71].strip() == ""  # the MPC has no letter for it
    assert line80(band="-", mag=-9.1)[64:71].strip() == ""  # no magnitude at all
    assert line80(band="-", mag=15.2)[64:71] == " 15.20C"


@pytest.mark.parametrize(("given", "code"), [("Gaia3", "Gaia3"), ("gaia-dr3", "Gaia3"), ("ucac4", "UCAC4")])
def test_a_catalogue_is_given_by_its_code_or_by_its_name(given, code):
    assert mpccodes.code_given(given) == code


def test_a_catalogue_that_the_mpc_does_not_know_is_refused():
    with pytest.raises(UsageError, match="-astcat SkyMapper is not a catalogue code of the MPC; these are .*Gaia3"):
        mpccodes.code_given("SkyMapper")
