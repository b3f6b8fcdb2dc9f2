"""Lists of reference stars that are taken out by hand."""

import numpy as np
import pytest

from photometrypipeline.base.errors import UsageError
from photometrypipeline.calibration import starlist


def write(tmp_path, text):
    path = tmp_path / "stars.txt"
    path.write_text(text)
    return path


def test_names_and_places(tmp_path):
    text = "# variables\nTYC 2827-1234-1\n150.1 2.2\n10:00:48.0, -02:30:00, 5  # a double\n\n"
    found = starlist.read(write(tmp_path, text))
    assert found.names == ["TYC 2827-1234-1"]
    assert found.places == [(150.1, 2.2, 2.0), (pytest.approx(150.2), -2.5, 5.0)]
    idents = np.array(["tyc  2827-1234-1", "b", "c", "d"])
    ra, dec = np.array([1.0, 150.1 + 1.5 / 3600, 150.2, 10.0]), np.array([1.0, 2.2, -2.5 + 4 / 3600, 10.0])
    assert found.covers(idents, ra, dec).tolist() == [True, True, True, False]
    assert found.covers(None, ra, dec).tolist() == [False, True, True, False]
    assert found.strangers(idents[1:], ra[2:], dec[2:]) == ["TYC 2827-1234-1", "150.10000 +2.20000"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "10:xx:00 2.5\n"])
def test_a_list_that_says_nothing_is_an_error(tmp_path, text):
    with pytest.raises(UsageError, match="stars.txt"):
        starlist.read(write(tmp_path, text))
    with pytest.raises(UsageError, match="cannot be read"):
        starlist.read(tmp_path / "missing")
