"""Names of reference stars: the same on all pages, the same with or without a star, and legible on pictures."""

from types import SimpleNamespace

import pytest

import fakerun
from photometrypipeline.website import starnames
from website import view_of


@pytest.fixture
def field():
    return fakerun.Field(n_frames=2)


def data_of(field, record):
    return {step: getattr(fakerun, step)(field) for step in ("prepare", "register", "photometry", "distill")} | {
        "calibrate": record
    }


def names_of(field, record):
    view = view_of(data_of(field, record))
    return view, starnames.of(view)


def test_names_follow_brightness_and_stay_when_a_star_is_left_out(field):
    view, names = names_of(field, fakerun.calibrate_night(field))
    stars = [star for star in view.frames[0].calibrate.stars if names.of(star)]
    assert [names.of(star) for star in sorted(stars, key=lambda star: star.mag)][:3] == ["C1", "C2", "C3"]
    before = {star.ident: names.of(star) for star in stars}
    record = fakerun.calibrate_night(field)
    moved = record["night"]["stars"].pop(4)
    record["left_out"].append({name: moved[name] for name in ("ident", "ra_deg", "dec_deg", "mag")})
    _, after = names_of(field, record)
    assert {star.ident: after.of(star) for star in stars} == before


def test_stars_that_the_magnitudes_rest_on_are_those_of_the_night_if_that_counts(field):
    view, names = names_of(field, fakerun.calibrate_night(field))
    stars = view.frames[0].calibrate.stars
    assert [names.counts(star) for star in stars] == [count < 20 for count in range(30)]
    record = fakerun.calibrate_night(field)
    record["night"]["counts"] = False
    view, names = names_of(field, record)
    assert [names.counts(star) for star in stars] == [star.used for star in stars]


def test_a_run_without_reference_stars_has_no_names(field):
    assert starnames.of(SimpleNamespace(records={"calibrate": None})).order == {}


def test_names_on_a_picture_touch_neither_each_other_nor_what_is_drawn_there(field):
    view, names = names_of(field, fakerun.calibrate_night(field))
    frame = view.frames[0]
    stars = frame.calibrate.stars[:20]
    places = [[100.0 + 9 * count, 100.0] for count in range(19)] + [[695.0, 300.0]]
    taken = [(600, 250, 640, 350)]
    found = names.labels(stars, places, 700, 20, most=10)
    spans = sorted((left, left + starnames.WIDTH * 20 * len(name)) for left, base, name in found if base < 200)
    assert len(spans) > 2
    assert all(one[1] <= other[0] for one, other in zip(spans, spans[1:], strict=False))
    assert found[0][2] == names.of(stars[7])  # which moves the target most
    at_edge = [left for left, base, _ in found if base > 200]
    assert len(at_edge) == 1 and at_edge[0] < 695
    assert not [base for _, base, _ in names.labels(stars, places, 700, 20, 10, [(600, 250, 700, 350)]) if base > 200]
    assert len(names.labels(stars, places, 700, 20, 2, taken)) == 2
    assert names.labels(stars, [None] * 20, 700, 20, 10) == []
