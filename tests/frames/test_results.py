"""photometry_*.dat: to the byte where scripts read it."""

import astropy.table
import numpy as np
import pandas
import pytest
from astropy.io import ascii as text_tables

from photometrypipeline.frames.results import (
    Row,
    format_row,
    header_line,
    write,
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


def test_the_foot_tells_how_to_read_it(tmp_path):
    path = tmp_path / "t.dat"
    write(path, [row(), row(reason="far"), row(jd=2457787.0)], ["a remark"])
    calls = [line.removeprefix("# to read it: ") for line in path.read_text().splitlines() if "to read it" in line]
    by_astropy, by_pandas = (eval(call, {"astropy": astropy, "pandas": pandas, "FILE": str(path)}) for call in calls)
    assert list(by_pandas.columns) == by_astropy.colnames and len(by_pandas) == len(by_astropy) == 2
    np.testing.assert_array_equal(by_pandas["julian_date"], by_astropy["julian_date"])
