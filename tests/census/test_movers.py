"""Bodies that nobody knows: which sources stand nowhere, which of them are one body, what chance makes of the rest."""

import numpy as np
import pytest

from movingfield import JD, Body, Field, random_bodies
from photometrypipeline.census import leftover, linking, movers, nextnights
from photometrypipeline.ephemerides import orbit
from photometrypipeline.sky import sphere
from photometrypipeline.targets.targets import Target


def found_in(field, rng, bodies=(), **limits):
    """Return (Night, Sources, Tracks) of a field."""
    measured = field.measured(rng, bodies)
    (night,) = leftover.fields(measured)
    sources = leftover.sources_of(night, measured, field.catalog_deg())
    return night, sources, linking.tracks(night, sources, **limits)


def recovered(night, tracks, bodies, off_arcsec=1.0):
    """Return which bodies a track follows, shape (n,)."""
    middle = [track.place(0.0)[0] for track in tracks]
    # the plane is centred on the field, with East and North as the bodies' own axes have them
    return np.array([any(np.hypot(*(place - body.place)) < off_arcsec for place in middle) for body in bodies])


def test_movers_of_four_frames_are_linked_and_nothing_else():
    rng = np.random.default_rng(11)
    there, linked, tracks_in_all = 0, 0, 0
    for _ in range(8):
        bodies = random_bodies(rng, 12)
        night, _, tracks = found_in(Field(), rng, bodies)
        linked += recovered(night, tracks, bodies).sum()
        there += len(bodies)
        tracks_in_all += len(tracks)
    assert linked >= 0.93 * there  # some meet stars
    assert tracks_in_all <= linked + 1


@pytest.mark.parametrize("knobs", [{}, {"n_noise": 60}, {"n_frames": 3}, {"n_frames": 10, "cadence_min": 2}])
def test_chance_makes_no_tracks(knobs):
    rng = np.random.default_rng(12)
    assert sum(len(found_in(Field(**knobs), rng)[2]) for _ in range(10)) <= 1  # expected: fewer than 0.1 each


def test_stars_that_no_catalogue_lists_stand_still_and_slow_bodies_do_not():
    rng = np.random.default_rng(13)
    field = Field(n_frames=6, cadence_min=10, catalogued=False, n_noise=5)
    slow = Body((30.0, 40.0), (0.08, 0.05))
    night, sources, tracks = found_in(field, rng, [slow])
    assert len(sources) < 6 * 25  # of 150 stars a frame
    assert recovered(night, tracks, [slow]).all() and len(tracks) == 1
    assert tracks[0].rate == pytest.approx(0.094, abs=0.01)


def test_a_trail_has_to_lie_along_the_motion():
    rng = np.random.default_rng(14)
    fast = Body((0.0, 0.0), (6.0, 3.0), 18.0)
    field = Field(n_frames=5, cadence_min=3, exptime_s=60)
    night, sources, tracks = found_in(field, rng, [fast])
    assert recovered(night, tracks, [fast]).all()
    sources.along[:] = sources.along[:, ::-1] * [1, -1]  # across it
    assert not linking.tracks(night, sources)


def test_a_body_that_fades_as_no_light_curve_does_is_not_linked():
    rng = np.random.default_rng(15)
    body = Body((50.0, -60.0), (0.6, 0.2), 18.0)
    night, sources, tracks = found_in(Field(), rng, [body])
    assert len(tracks) == 1
    sources.mag[tracks[0].members] += np.arange(4) * 1.5
    assert not linking.tracks(night, sources)


def test_the_turning_earth_bends_a_long_night_and_the_track_follows():
    rng = np.random.default_rng(16)
    field = Field(n_frames=9, cadence_min=30)
    body = Body((0.0, 0.0), (0.5, 0.1), 18.5)
    measured = field.measured(rng, [body])
    for each in measured:
        minutes = (each.header["obstime"] - JD) * 1440
        own = np.flatnonzero(np.abs(each.table["mag"] - 18.5) < 0.2)
        near = own[np.hypot((each.table["ra_deg"][own] - 150) * 3521, (each.table["dec_deg"][own] - 12) * 3600) < 150]
        each.table["dec_deg"][near] += 2e-4 * minutes**2 / 2 / 3600
    (night,) = leftover.fields(measured)
    tracks = linking.tracks(night, leftover.sources_of(night, measured, field.catalog_deg()))
    assert max(len(track.members) for track in tracks) >= 8


def test_known_bodies_are_marked_and_unknown_ones_named_and_written(tmp_path):
    rng = np.random.default_rng(17)
    field = Field(n_frames=5)
    bodies = [Body((20.0, 30.0), (0.5, 0.2), 18.0), Body((-100.0, 30.0), (0.3, -0.4), 19.0)]
    measured = field.measured(rng, bodies)
    ceres = Target("Ceres", "asteroid", {})
    for each in measured:
        minutes = (each.header["obstime"] - JD) * 1440
        places = np.array([bodies[0].place]) + np.array([bodies[0].rate]) * minutes + 1.0
        ceres.places[each.frame.name] = tuple(float(axis[0]) for axis in field._deg(places))
        ceres.motion_arcsec_h[each.frame.name] = (30.0, 12.0)
    found = movers.find(measured, field.catalog_deg(), [("Ceres", ceres)], "695", tmp_path)
    assert [each.known_as for each in found.movers if each.known_as] == ["Ceres"]
    (unknown,) = found.unknown
    assert len(unknown.name) == 7 and unknown.rate == pytest.approx((0.3, -0.4), abs=0.02)
    movers.write(found, tmp_path)
    again = movers.find(field.measured(rng, bodies), field.catalog_deg(), [("Ceres", ceres)], "695", tmp_path)
    assert [each.name for each in again.unknown] == [unknown.name]
    target = movers.target_of(unknown, measured)
    middle = target.places["frame002.fits"]
    assert sphere.separation_deg(*middle, *(float(a[0]) for a in field._deg(np.array([bodies[1].place])))) * 3600 < 0.3
    assert target.motion_arcsec_h["frame002.fits"] == pytest.approx((18.0, -24.0), abs=1.5)
    told = " ".join(movers.told(found))
    assert "moving and known: Ceres" in told and f"{unknown.name}: moves and is not known; 5 of 5 frames" in told


def test_a_body_as_near_but_faster_is_not_the_known_one():
    rng = np.random.default_rng(18)
    field, body = Field(n_frames=5, cadence_min=3), Body((0.0, 0.0), (0.6, 0.0), 18.0)
    measured = field.measured(rng, [body])
    other = Target("Slow", "asteroid", {})
    for each in measured:
        other.places[each.frame.name] = field.centre
        other.motion_arcsec_h[each.frame.name] = (0.0, 0.0)
    assert [each.known_as for each in movers.find(measured, field.catalog_deg(), [("Slow", other)], "695").movers] == [
        ""
    ]


def test_two_fields_are_searched_apart_and_two_frames_are_too_few():
    rng = np.random.default_rng(19)
    body = Body((0.0, 0.0), (0.6, 0.3), 18.0)
    here, there = Field(n_frames=4), Field(n_frames=2, centre=(151.0, 12.0), first=10)
    measured = [*there.measured(rng), *here.measured(rng, [body])]
    catalog = np.concatenate([here.catalog_deg(), there.catalog_deg()], axis=1)
    found = movers.find(measured, catalog, [], "695")
    assert len(found.unknown) == 1
    text = " ".join(found.remarks)
    assert "2 fields" in text and "2 frames of a field are too few" in text


def test_a_cloudy_frame_is_named_and_the_body_found_in_the_others():
    rng = np.random.default_rng(20)
    field, body = Field(n_frames=5), Body((0.0, 0.0), (0.6, 0.3), 18.0)
    measured = field.measured(rng, [body])
    measured[2].table = measured[2].table[:5]
    found = movers.find(measured, field.catalog_deg(), [], "695")
    assert "frame002.fits: so few sources" in found.remarks[0]
    assert len(found.unknown) == 1 and len(found.unknown[0].track.members) >= 4


def test_the_region_of_the_next_nights_holds_a_body_of_the_belt():
    elements = {"EPOCH": 2460000.5, "QR": 2.3, "EC": 0.12, "IN": 8.0, "OM": 80.0, "W": 73.0, "TP": 2459700.5, "H": 15}
    days = np.array([0.0, 1.0, 2.0, 3.0])
    truth = orbit.ephemeris(elements, "695", JD + days)
    rate = truth[0, 2] / 60, truth[0, 3] / 60
    found = nextnights.regions(tuple(truth[0, :2]), rate, (0.05, 0.002), JD, "695")
    for region, (ra, dec) in zip(found, truth[1:, :2], strict=True):
        east = sphere.ra_difference_deg(ra, region.ra_deg) * np.cos(np.radians(dec)) * 3600
        north = (dec - region.dec_deg) * 3600
        angle = np.radians(region.angle_deg)
        along, across = east * np.sin(angle) + north * np.cos(angle), east * np.cos(angle) - north * np.sin(angle)
        assert abs(along) < region.major_arcsec and abs(across) < region.minor_arcsec
        assert region.major_arcsec < 1800
    assert found[0].distances_au[0] < truth[0, 8] < found[0].distances_au[1]
