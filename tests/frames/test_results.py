"""photometry_*.dat and positions files: to the byte where scripts read them."""

import numpy as np
import pytest
from astropy.io import ascii as text_tables

from photometrypipeline.base.errors import FrameError
from photometrypipeline.frames.results import (
    Row,
    format_row,
    header_line,
    mean_and_scatter,
    read_positions,
    write,
    write_positions,
)

SAMPLE = (
    "                   mscience0217.ldac 2457786.9566337  19.4248 0.0308  179.27990133   +0.42829624 -0.00  0.01"
    "  0.00  0.00 180.00  29.3773 0.0283  -9.9525 0.0122 SDSS-R9_transformed V   0 VATT4K      APER 1.43"
)


def row(**changes):
    values = {
        "ldac": "mscience0217.ldac", "jd": 2457786.9566337, "exptime_s": 180.0, "mag": 19.4248, "sig": 0.0308,
        "inst": -9.9525,
        "e_inst": 0.0122, "ra_deg": 179.27990133, "dec_deg": 0.42829624, "ra_pred_deg": 179.27990133 - 0.001 / 3600,
        "dec_pred_deg": 0.42829624 + 0.01 / 3600, "flags": 0, "telescope": "VATT4K", "fwhm_arcsec": 1.43,
        "catalog": "SDSS-R9_transformed", "band": "V", "zp_mag": 29.3773, "zp_sig_mag": 0.0283,
    }  # fmt: skip
    return Row(**(values | changes))


def test_a_row_has_the_documented_form():
    assert format_row(row()) == SAMPLE


def test_labels_end_where_they_should():
    line = header_line()
    ends = {"filename": 36, "julian_date": 52, "mag": 61, "source_dec": 96, "ZP": 136, "in_sig": 159, "[10]": 206}
    for label, end in ends.items():
        assert line[: end + 1].split()[-1] == label and line[end - len(label) : end] == label


def test_a_rejected_row_stands_behind_a_hash_with_its_reason():
    line = format_row(row(reason="too far"))
    assert line[0] == "#" and line.endswith("# too far")
    assert len(line.split("# too far")[0].lstrip("#").split()) == 21


def test_names_are_never_cut_and_blanks_never_split_a_field():
    line = format_row(row(ldac="a very long name " + "x" * 40 + ".ldac", catalog="my own stars"))
    fields = line.split()
    assert len(fields) == 21
    assert fields[0] == "a_very_long_name_" + "x" * 40 + ".ldac" and fields[15] == "my_own_stars"


def test_an_instrumental_row_has_21_fields_and_no_zeropoint():
    fields = format_row(row(catalog="-", band="-", mag=-9.9525, sig=0.0122)).split()
    assert len(fields) == 21
    assert fields[11:13] == ["0.0000", "0.0000"] and fields[15:17] == ["-", "-"]


def test_offsets_hold_across_ra_zero():
    near = row(ra_deg=359.9999, ra_pred_deg=0.0001)
    assert near.dra_arcsec == pytest.approx(0.72, abs=1e-6)


def test_the_table_is_read_as_others_read_it(tmp_path):
    write(tmp_path / "t.dat", [row(), row(reason="far"), row(jd=2457787.0)], ["a remark"])
    table = text_tables.read(tmp_path / "t.dat", format="commented_header")
    assert len(table) == 2 and len(table.colnames) == 21
    assert table["[7]"][0] == "V" and table["[8]"][0] == 0
    np.testing.assert_allclose(table["mag"], 19.4248)


def test_positions_are_read_with_commas_comments_and_names(tmp_path):
    path = tmp_path / "p.dat"
    path.write_text("# image ra dec jd\n\na.fits 10.5 -3.25 2457786.5\nb.fits,370.5,4,2457786.6,2015 AB1\n")
    targets = read_positions(path)
    assert targets["manual_target"] == [("a.fits", 10.5, -3.25, 2457786.5)]
    assert targets["2015_AB1"] == [("b.fits", 10.5, 4.0, 2457786.6)]


def test_written_positions_come_back_to_a_ten_thousandth_of_an_arcsecond(tmp_path):
    rows = [("a name without end ".replace(" ", "_") + "x" * 60, 179.123456789, -0.00000012, 2457786.123456789)]
    write_positions(tmp_path / "p.dat", rows)
    (found,) = read_positions(tmp_path / "p.dat")["manual_target"]
    assert found[0] == rows[0][0]
    np.testing.assert_allclose(found[1:3], rows[0][1:3], atol=1e-8)


@pytest.mark.parametrize(
    ("text", "why"), [("a.fits 1 2\n", "line 1"), ("", "no position"), ("a.fits x 2 3\n", "line 1")]
)
def test_a_bad_positions_file_is_named_with_its_line(tmp_path, text, why):
    (tmp_path / "p.dat").write_text(text)
    with pytest.raises(FrameError, match=why):
        read_positions(tmp_path / "p.dat")


def test_mean_and_scatter_are_those_of_a_sample():
    mean, scatter = mean_and_scatter([17.0, 17.1, 17.4])
    assert (mean, scatter) == (pytest.approx(17.1667, abs=1e-4), pytest.approx(0.20817, abs=1e-5))
    assert mean_and_scatter([17.0]) == (17.0, None)
    assert mean_and_scatter([]) == (None, None)
