"""Files of positions: as people write them, and as pp_manident does."""

from types import SimpleNamespace

import numpy as np
import pytest

from photometrypipeline.base.errors import FrameError
from photometrypipeline.frames import fixedplaces, positionsfile
from photometrypipeline.targets import targets


def test_positions_are_read_with_commas_comments_and_names(tmp_path):
    path = tmp_path / "p.dat"
    path.write_text("# image ra dec jd\n\na.fits 10.5 -3.25 2457786.5\nb.fits,370.5,4,2457786.6,2015 AB1\n")
    targets = positionsfile.read(path)
    assert targets["manual_target"] == [("a.fits", 10.5, -3.25, 2457786.5)]
    assert targets["2015_AB1"] == [("b.fits", 10.5, 4.0, 2457786.6)]


def test_written_positions_come_back_to_a_ten_thousandth_of_an_arcsecond(tmp_path):
    rows = [("a name without end ".replace(" ", "_") + "x" * 60, 179.123456789, -0.00000012, 2457786.123456789)]
    positionsfile.write(tmp_path / "p.dat", rows)
    (found,) = positionsfile.read(tmp_path / "p.dat")["manual_target"]
    assert found[0] == rows[0][0]
    np.testing.assert_allclose(found[1:3], rows[0][1:3], atol=1e-8)


@pytest.mark.parametrize(
    ("text", "why"),
    [("a.fits 1\n", "line 1"), ("a.fits 1 91\n", "line 1"), ("", "no position"), ("a.fits x 2 3\n", "line 1")],
)
def test_a_bad_positions_file_is_named_with_its_line(tmp_path, text, why):
    (tmp_path / "p.dat").write_text(text)
    with pytest.raises(FrameError, match=why):
        positionsfile.read(tmp_path / "p.dat")


@pytest.mark.parametrize(
    "place",
    ["179.279975 0.42829", "11:57:07.194 +00:25:41.84", "11 57 07.194 +0 25 41.84", "11h57m07.194s 0d25m41.84s"],
)
@pytest.mark.parametrize(
    ("rest", "name", "jd"),
    [
        ("", "manual_target", np.nan),
        (" 2457786.5", "manual_target", 2457786.5),
        (" 2457786.5 2015 AB1", "2015_AB1", 2457786.5),
        (" 0 ghost", "ghost", np.nan),  # a time that is not told
        (" 3552", "3552", np.nan),
        (" Don Quixote", "Don_Quixote", np.nan),
    ],
)
def test_places_in_any_notation_with_or_without_time_and_name(tmp_path, place, rest, name, jd):
    (tmp_path / "p.dat").write_text(f"image RA Dec\na.fits {place}{rest}\n")
    ((image, ra, dec, found),) = positionsfile.read(tmp_path / "p.dat")[name]
    assert image == "a.fits"
    np.testing.assert_allclose([ra, dec], [179.279975, 0.42829], atol=1e-5)
    np.testing.assert_equal(found, jd)


def test_declinations_just_south_of_the_equator_stay_south(tmp_path):
    (tmp_path / "t.dat").write_text("star 0 0 1.5 -00 00 36\n")
    ((_, ra, dec),) = fixedplaces.read(tmp_path / "t.dat")
    np.testing.assert_allclose([ra, dec], [0.00625, -0.01], atol=1e-9)


def test_without_times_frames_are_found_by_their_names_alone():
    frames = [
        SimpleNamespace(frame=SimpleNamespace(name=f"{stem}.fits", stem=stem), header={"obstime": 2457786.5})
        for stem in "ab"
    ]
    target = targets.from_positions("rock", [("a.fits", 10.0, 1.0, np.nan)], frames)
    assert target.places == {"a.fits": (10.0, 1.0)}
