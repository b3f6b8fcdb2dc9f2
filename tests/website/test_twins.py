"""A plot as picture and as drawing, laid out once, on axes that are used again: both as matplotlib alone makes them."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import fakerun
from photometrypipeline.frames import records
from photometrypipeline.website import figures, twins

ROOT = Path(__file__).resolve().parents[2]


def plots():
    """{name: function that makes the Figure} of every kind of plot on the main page."""
    field = fakerun.Field(n_frames=4)
    found = {
        step: records.complete(records.RECORDS[step], records.plain(getattr(fakerun, step)(field)))
        for step in ("photometry", "calibrate")
    }
    names = ("jd", "mag", "sig", "dra_arcsec", "ddec_arcsec")
    rows = [{name: getattr(row, name) for name in names} for row in fakerun.distill(field)["targets"][1].rows]
    photometry = found["photometry"]
    limits = [{"jd": rows[0]["jd"] - 0.01, "mag_limit": 21.0}]
    return {
        "curve": lambda: figures.curve_of_growth(photometry["curve"], photometry["aprad_px"], 0.7),
        "fwhm": lambda: figures.fwhm(photometry["frames"], photometry["aprad_px"])[0],
        "zeropoints": lambda: figures.zeropoints(found["calibrate"]["frames"], "V")[0],
        "light curve": lambda: figures.light_curve("3552", rows, "V", limits)[0],
        "residuals": lambda: figures.residuals("3552", rows),
    }


def drawn(make):
    with figures.plain_style():
        picture, lines = twins.both(make())
    return np.asarray(picture).tobytes(), lines


def places(lines):
    """All numbers of a drawing, and all words but the names that it gives to its own parts."""
    lines = re.sub(r'(url\(#|id="|#)[A-Za-z]?[0-9a-f]{8,}', "", lines)
    pieces = re.split(r"(-?\d+\.?\d*(?:e-?\d+)?)", lines)
    return [float(number) for number in pieces[1::2]], pieces[::2]


@pytest.mark.parametrize("name", plots())
def test_picture_and_drawing_are_what_matplotlib_makes_one_by_one(name):
    with figures.plain_style():
        figure = plots()[name]()
        canvas = FigureCanvasAgg(figure)
        picture, lines = twins.both(figure)
        canvas.draw()
        alone = io.StringIO()
        figure.savefig(alone, format="svg", metadata={"Date": None})
    assert np.array_equal(np.asarray(picture), np.asarray(canvas.buffer_rgba())[..., :3])
    (ours, our_words), (theirs, their_words) = places(lines), places(alone.getvalue())
    assert our_words == their_words
    np.testing.assert_allclose(ours, theirs, atol=0.1)  # points: letters are measured in pixels, not in points


@pytest.mark.parametrize("name", plots())
def test_a_plot_shows_nothing_of_those_drawn_before_it(name):
    made = plots()
    figures._blank.cache_clear()
    fresh = drawn(made[name])
    for other in made.values():
        drawn(other)
        assert drawn(made[name]) == fresh
