"""The model behind the window of pp_manident: marks, undo, what the track finds, the files."""

import numpy as np
import pytest

from photometrypipeline.base.errors import FrameError
from photometrypipeline.frames import positionsfile
from photometrypipeline.manident import marks
from photometrypipeline.manident.marks import EXPECTED, FOLLOWED, MARKED, Exposure, Marks

SCALE = 1 / 3600  # deg per px; East to the left, so RA falls as x rises
REACH = 10.0


def exposure(number, jd=None, target=True, n_stars=40):
    """Return a frame of 1 arcsec per px, shifted by 30 px per frame; its source 0 is the target."""
    rng = np.random.default_rng(5)
    east, north = rng.uniform(-300, 300, (2, n_stars))  # arcsec
    east[0], north[0] = 20 * number, -12 * number + 0.5 * number**2
    if not target:
        east[0], north[0] = 290, 290
    ra, dec = (0.001 + east * SCALE) % 360, north * SCALE
    x, y = 300 - east + 30 * number, 300 + north - 30 * number
    return Exposure(f"f{number:02d}.fits", 2460000.5 + 0.01 * number if jd is None else jd, x, y, ra, dec)


@pytest.fixture
def model(tmp_path):
    return Marks([exposure(number) for number in range(6)], REACH, tmp_path / "positions.marks.json")


def mark(model, *numbers):
    for number in numbers:
        each = model.exposures[number]
        assert model.mark(number, each.x[0] + 2, each.y[0] - 1) == 0


def test_marks_lead_to_the_same_source_in_shifted_frames(model):
    mark(model, 0, 5)
    assert model.degree == 1
    mark(model, 3)
    assert model.degree == 2
    found = [model.found(number) for number in range(6)]
    assert [each.source for each in found] == [0] * 6
    assert [each.how for each in found] == [MARKED, FOLLOWED, FOLLOWED, MARKED, FOLLOWED, MARKED]
    for number, each in enumerate(found):
        assert (each.ra_deg, each.dec_deg) == (model.exposures[number].ra_deg[0], model.exposures[number].dec_deg[0])


def test_a_target_that_is_not_there_does_not_become_a_neighbour(tmp_path):
    model = Marks([exposure(number, target=number != 2) for number in range(5)], REACH)
    mark(model, 0, 1, 4)
    found = model.found(2)
    assert (found.how, found.source) == (EXPECTED, None)
    where = exposure(2)
    assert found.ra_deg == pytest.approx(where.ra_deg[0], abs=0.3 * SCALE)
    assert found.dec_deg == pytest.approx(where.dec_deg[0], abs=0.3 * SCALE)
    assert model.write_positions(tmp_path / "positions.dat") == []
    assert "# no source near, place on the track: f02.fits" in (tmp_path / "positions.dat").read_text()


def test_undo_redo_and_taking_back(model):
    assert not model.undo()
    mark(model, 0, 5)
    assert model.remove(5) and not model.remove(4)
    assert model.n_marked == 1 and model.found(3) is None
    assert model.undo() and model.n_marked == 2 and model.found(3).how == FOLLOWED
    assert model.undo() and model.undo() and model.n_marked == 0
    assert model.redo() and model.redo() and model.redo() and not model.redo()
    assert set(model.state.marked) == {"f00.fits"}


def test_frames_without_the_target_are_left_out(model, tmp_path):
    mark(model, 0, 2, 5)
    assert model.toggle_absent(2) is True
    assert model.found(2) is None and model.n_marked == 2
    assert model.write_positions(tmp_path / "positions.dat") == ["f02.fits"]
    mark(model, 2)  # seen after all
    assert model.found(2).how == MARKED


def test_fewer_than_two_marks_write_what_is_known(model, tmp_path):
    path = tmp_path / "positions.dat"
    path.write_text("precious\n")
    assert len(model.write_positions(path)) == 6
    assert path.read_text() == "precious\n"  # nothing was marked: nothing is overwritten
    mark(model, 4)
    assert model.write_positions(path) == ["f00.fits", "f01.fits", "f02.fits", "f03.fits", "f05.fits"]
    assert (tmp_path / "positions.dat.old").read_text() == "precious\n"
    rows = positionsfile.read(path)["manual_target"]
    assert [row[0] for row in rows] == ["f04.fits"]


def test_frames_in_disorder_and_of_one_time(tmp_path):
    jd = [2460000.53, 2460000.50, 2460000.50, 2460000.51]
    model = Marks([exposure(round((each - 2460000.5) * 100), each) for each in jd], REACH)
    for number, each in enumerate(model.exposures):
        each.name = f"g{number}.fits"
    mark(model, 0, 1, 2)
    assert model.degree == 1
    assert model.found(3).source == 0


def test_marks_are_kept_after_every_change_and_found_again(model, tmp_path):
    mark(model, 0, 3)
    model.toggle_absent(4)
    again = Marks([exposure(number) for number in (5, 0, 3, 4)], REACH, model.path)
    assert again.load() == []
    assert again.state.marked == {"f00.fits": 0, "f03.fits": 0} and again.state.absent == {"f04.fits"}
    assert not marks.read_saved(model.path)["finished"]
    again.write_positions(tmp_path / "positions.dat")
    assert marks.read_saved(model.path)["finished"]


def test_marks_of_frames_that_are_not_here_today_stay(model):
    mark(model, 0, 3)
    model.toggle_absent(4)
    part = Marks([exposure(number) for number in (0, 1)], REACH, model.path)
    part.load()
    mark(part, 1)
    whole = Marks([exposure(number) for number in range(6)], REACH, model.path)
    whole.load()
    assert set(whole.state.marked) == {"f00.fits", "f01.fits", "f03.fits"} and whole.state.absent == {"f04.fits"}


def test_a_mark_whose_source_is_gone_is_named(model):
    mark(model, 0, 3)
    frames = [exposure(number) for number in range(6)]
    frames[3].x = frames[3].x + 200
    again = Marks(frames, REACH, model.path)
    assert again.load() == ["f03.fits"]
    assert set(again.state.marked) == {"f00.fits"}


def test_a_file_with_something_else_is_refused(model):
    model.path.write_text('{"marked": [1, 2]}')
    with pytest.raises(FrameError, match="contains no marks"):
        model.load()


def test_a_frame_without_sources_cannot_be_marked():
    empty = np.empty(0)
    frames = [exposure(0), Exposure("e.fits", 2460000.51, *[empty] * 4), exposure(2)]
    model = Marks(frames, REACH)
    assert model.mark(1, 5, 5) is None and model.n_marked == 0
    mark(model, 0, 2)
    assert model.found(1).how == EXPECTED
