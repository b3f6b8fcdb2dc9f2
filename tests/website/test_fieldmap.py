"""The map of the field: an even one looks even, a bad flat field shows by as much as it is bad."""

from types import SimpleNamespace

import numpy as np
import pytest

from photometrypipeline.website import fieldmap

PICTURE = {"width": 400, "height": 300}


def stars(rng, number, tilt_mag=0.0, bad=()):
    """Return stars that scatter by 0.01 mag, fainter ones by more; offsets run by `tilt_mag` from left to right."""
    found = []
    for n in range(number):
        x, y, err = rng.uniform(0, 400), rng.uniform(0, 300), rng.exponential(0.02)
        offset = 0.3 + tilt_mag * (x / 400 - 0.5) + rng.normal(0, np.hypot(0.01, err))
        data = SimpleNamespace(
            offset=offset + (0.5 if n in bad else 0), offset_err=err, weight=0.0 if n in bad else 1.0
        )
        found.append(SimpleNamespace(data=data, place=[x, y], out=False))
    return found


def test_an_even_field_looks_even_and_its_errors_are_right():
    rng = np.random.default_rng(4)
    maps = [fieldmap.of(stars(rng, 90, bad=range(5)), PICTURE) for _ in range(60)]
    assert sum(each.rms_mag is not None for each in maps) <= 2
    pulls = [part.mean_mag / part.err_mag for each in maps for part in each.means]
    assert np.std(pulls) == pytest.approx(np.sqrt(8 / 9), abs=0.1)  # the mean of all takes one of nine


def test_a_flat_field_that_is_off_shows_where_and_by_how_much():
    found = fieldmap.of(stars(np.random.default_rng(5), 200, tilt_mag=0.12), PICTURE)
    assert found.rms_mag == pytest.approx(0.12 * np.std([-1 / 3, 0, 1 / 3], ddof=0) * np.sqrt(9 / 8), abs=0.005)
    for row in found.rows:
        assert row[0].shade == -3 and row[2].shade == 3
        assert row[2].mean_mag - row[0].mean_mag == pytest.approx(0.08, abs=0.025)


def test_too_few_stars_make_no_map():
    rng = np.random.default_rng(6)
    assert fieldmap.of(stars(rng, 12), PICTURE) is None
    assert fieldmap.of(stars(rng, 90), None) is None
    unknown = SimpleNamespace(data=SimpleNamespace(offset=None), place=[5, 5], out=False)
    assert fieldmap.of([unknown] * 30, PICTURE) is None
    corner = [star for star in stars(rng, 300) if star.place[0] < 130]
    assert fieldmap.of(corner, PICTURE) is None
