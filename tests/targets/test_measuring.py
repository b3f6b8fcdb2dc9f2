"""All targets in all frames: what one frame brings to light is its own."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest

from photometrypipeline.targets.exposures import Exposures, Sketch, unlike_others
from photometrypipeline.targets.measuring import Measuring


def test_a_frame_whose_pixels_fail_goes_on_with_its_source_list(caplog):
    work = Measuring.__new__(Measuring)
    work.measured = [SimpleNamespace(frame=SimpleNamespace(name=f"{name}.fits"), wcs=None) for name in "abc"]
    work.jobs, work.exposures = 1, Exposures(work.measured)
    shelf = work.exposures._shelf
    for number, pixels in enumerate(("good", "damaged", "good")):
        work.exposures.sketches[number] = Sketch(shelf.put(SimpleNamespace(pixels=pixels)), 3.0, (0.0, 0.0))
    before = work.exposures.sketches[1]

    def light(number):
        exposure = work.exposures[number]
        if exposure and exposure.pixels == "damaged":
            raise ValueError("no pixels there")
        return 1.0 if exposure else 0.0

    with caplog.at_level(logging.WARNING, "pp.measuring"):
        assert work._side_by_side(light, range(3), "targets") == [1.0, 0.0, 1.0]
    assert "b.fits: measured by its source list alone: " in caplog.text and "a.fits" not in caplog.text
    assert work.exposures.usable.tolist() == [True, False, True]
    work.exposures.sketches[1] = before
    assert work._side_by_side(light, range(3), "places", without=lambda number: None) == [1.0, None, 1.0]


def test_frames_that_nobody_marked_the_target_on_tell_nothing_of_the_stars_on_its_way():
    """It passed for a star there, and was taken off itself on the others: half a magnitude in the example."""
    work = Measuring.__new__(Measuring)
    work.measured = [SimpleNamespace(frame=SimpleNamespace(name=f"{name}.fits")) for name in "abc"]
    work.exposures = SimpleNamespace(usable=[True, True, False])
    assert work.telling(SimpleNamespace(places={"a.fits": None, "c.fits": None})).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("lengths", "odd"),
    [
        ([12.0, 12.0, 12.0, 12.0, 0.0], ([4], True)),
        ([0.0, 0.0, 0.0, 1.5, None], ([3], False)),
        ([0.0, 0.0, 0.0, 0.0, 0.0], ([], False)),
        ([12.0, 12.0, 0.0, 0.0, 0.0], ([], False)),  # it may have followed for a while
        ([12.0, 12.0, 0.0, None, None], ([], False)),
    ],
)
def test_a_telescope_follows_the_target_on_all_frames_or_on_none(lengths, odd):
    sketches = [each if each is None else Sketch((), 4.0, (each, 0.0)) for each in lengths]
    assert unlike_others(sketches, np.full(5, 12.0)) == odd
    if odd[0] == [4]:
        assert unlike_others(sketches, np.array([12.0, 12.0, 12.0, 12.0, 2.0])) == ([], True)  # a short exposure
