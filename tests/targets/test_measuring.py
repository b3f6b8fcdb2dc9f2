"""All targets in all frames: what one frame brings to light is its own."""

import logging
from types import SimpleNamespace

from photometrypipeline.targets.measuring import Measuring


def test_a_frame_whose_pixels_fail_goes_on_with_its_source_list(caplog):
    work = Measuring.__new__(Measuring)
    work.jobs, work.exposures = 1, ["pixels", "damaged", "pixels"]
    work.measured = [SimpleNamespace(frame=SimpleNamespace(name=name)) for name in ("a.fits", "b.fits", "c.fits")]

    def light(number):
        if work.exposures[number] == "damaged":
            raise ValueError("no pixels there")
        return 1.0 if work.exposures[number] else 0.0

    with caplog.at_level(logging.WARNING, "pp.measuring"):
        assert work._side_by_side(light, range(3), "targets") == [1.0, 0.0, 1.0]
    assert "b.fits: measured by its source list alone: " in caplog.text and "a.fits" not in caplog.text
    work.exposures[1] = "damaged"
    assert work._side_by_side(light, range(3), "places", without=lambda number: None) == [1.0, None, 1.0]
