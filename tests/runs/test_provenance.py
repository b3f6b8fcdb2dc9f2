"""What is derived again is compared to the last bit, and what differs is named."""

import numpy as np
import pytest
from astropy.table import Table

from photometrypipeline.base.errors import UsageError
from photometrypipeline.frames.rows import Row
from photometrypipeline.runs import provenance
from photometrypipeline.runs.stamps import Stamp
from photometrypipeline.runs.stepoptions import CalibrateOptions


def row(**changed):
    return Row(**{"target": "3552", "frame": "a.fits", "mag": 17.037, "band": "R", "jd": 2457786.9} | changed)


def test_one_unit_in_the_last_place_is_a_difference():
    assert provenance.row_differences(row(), row()) == []
    (told,) = provenance.row_differences(row(), row(mag=np.nextafter(17.037, 18)))
    assert told == "mag 17.037 -> 17.037000000000003"
    table = Table({"MAG_APER": [-10.1, np.nan], "ident": ["a", ""]})
    again = table.copy()
    assert provenance.table_differences(table, again) == []
    again["MAG_APER"][0] = np.nextafter(-10.1, 0)
    assert provenance.table_differences(table, again) == ["MAG_APER of 1 sources"]
    assert provenance.table_differences(table, again[:1]) == ["2 -> 1 sources"]


def test_a_difference_comes_with_its_reason():
    same = provenance.judged("magnitude", [], "")
    assert same.same and "to the last bit" in same.text
    other = provenance.judged("magnitude", [f"column {n}" for n in range(9)], "since pp_distill ran: settings changed")
    assert other.same is False
    assert "column 5 and 3 more" in other.text and other.text.endswith("settings changed")


def test_options_come_back_from_a_stamp(tmp_path):
    (tmp_path / "doubles.txt").write_text("114020000924966528\n")
    chosen = CalibrateOptions(catalog=("PANSTARRS",), magzp=(25.0, 0.1), exclude_stars="doubles.txt", maxflag=7)
    stamp = Stamp("calibrate", {"options": chosen.relevant()})
    found = provenance.options_of(stamp, tmp_path)
    assert found.catalog == ("PANSTARRS",) and found.magzp == (25.0, 0.1) and found.maxflag == 7
    assert found.exclude_stars == str(tmp_path / "doubles.txt")  # seen from any folder
    stamp.recipe["options"]["no_such_option"] = 1
    with pytest.raises(UsageError, match="another version"):
        provenance.options_of(stamp, tmp_path)
