"""Star counts: against what catalogues count, and that a question in the Milky Way stays small."""

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

import sky
from photometrypipeline.calibration import referencestars
from photometrypipeline.catalogs import starcounts
from photometrypipeline.frames.frame import Frame
from photometrypipeline.registration import depth, questions

SQUARE_DEGREES = 41253
CENTRE, POLE = (266.405, -28.936), (192.859, 27.128)  # of the Galaxy


@pytest.fixture(scope="module")
def places():
    """Places spread evenly over the sky, shape (600, 2)."""
    n = np.arange(600) + 0.5
    return np.column_stack([np.mod(n * 137.50776, 360), np.degrees(np.arcsin(1 - 2 * n / n.size))])


def test_galactic_coordinates_are_those_of_astropy(places):
    told = SkyCoord(*places.T, unit="deg").galactic
    longitude, latitude = np.transpose([starcounts.galactic(*place) for place in places])
    apart = SkyCoord(longitude, latitude, frame="galactic", unit="deg").separation(told)
    assert apart.arcsec.max() < 1


# all stars of Tycho-2 and UCAC4 down to these magnitudes, http://hnsky.com/star_count.htm
@pytest.mark.parametrize(("mag", "counted"), [(12, 2.956e6), (14, 1.721e7), (15, 3.939e7), (16, 8.890e7)])
def test_the_whole_sky_has_as_many_stars_as_catalogues(places, mag, counted):
    mean = np.mean([starcounts.per_deg2(*place, mag) for place in places])
    assert counted / 1.5 < mean * SQUARE_DEGREES < 1.5 * counted


def test_stars_crowd_towards_the_plane_and_the_centre_and_grow_with_depth():
    at = [starcounts.per_deg2(*place, 19) for place in (POLE, (75.0, 28.9), CENTRE)]  # the second at l 176, b -9
    assert at[0] < 1500 < at[1] / 5 and at[1] < 50_000 < 200_000 < at[2]
    depths = [starcounts.per_deg2(*CENTRE, mag) for mag in np.arange(8, 22, 0.5)]
    assert (np.diff(depths) > 0).all()


def test_the_calibration_asks_for_few_rows_and_for_stars_that_no_telescope_saturates():
    """A field of 4' in the Milky Way, one of 2 deg there, one of 4' at the pole of the Galaxy."""
    limit = referencestars.limit_mag("PANSTARRS", (*CENTRE, 0.05), 21.0)
    assert starcounts.rows(*CENTRE, 0.05, limit) <= 25_000 and 18 <= limit < 21
    beside = [(CENTRE[0] + east, CENTRE[1] + north, 0.051) for east in (-0.1, 0, 0.1) for north in (-0.1, 0, 0.1)]
    assert {referencestars.limit_mag("PANSTARRS", cone, 21.0) for cone in beside} == {limit}  # nothing asked for again
    wide = referencestars.limit_mag("PANSTARRS", (*CENTRE, 1.0), 21.0)
    assert 20_000 < starcounts.rows(*CENTRE, 1.0, wide) <= 200_000 and wide <= 18
    assert referencestars.limit_mag("PANSTARRS", (*POLE, 0.05), 21.0) == 21.0


@pytest.mark.parametrize("place", [CENTRE, (286.0, 5.0), (75.0, 36.0), (120.0, -45.0), POLE])
def test_a_first_question_brings_20_000_rows_at_most_and_later_ones_what_they_need(place):
    asked = questions.questions("GAIA", (*place, 0.07), [0.1, 0.3, 1.0], 19.0)
    reach, limit = asked[0]
    assert reach == 0.1 and limit <= 19
    assert starcounts.rows(*place, 0.17, limit) <= 20_000
    assert limit == 19 or starcounts.rows(*place, 0.17, limit + 0.5) > 20_000  # no brighter than it must be
    assert [reach for reach, _ in asked][-2:] == [0.3, 1.0]
    deeper = dict(asked)[0.1]
    assert deeper == 19 or starcounts.rows(*place, 0.17, deeper) > 60_000


def test_where_stars_are_few_nothing_changes():
    assert questions.questions("GAIA", (*POLE, 0.07), [0.1, 0.3], 19.0) == [(0.1, 19.0), (0.3, 19.0)]
    assert questions.questions("TYCHO2", (*CENTRE, 0.07), [0.1, 0.3], 19.0) == [(0.1, 19.0), (0.3, 19.0)]
    assert starcounts.limit(*POLE, 0.1, 40.0, 20_000) == 40.0


def test_a_first_question_goes_as_deep_as_the_frames():
    asked = questions.questions("GAIA", (*CENTRE, 0.07), [0.1, 0.3], 19.0, lambda: 3000.0)
    usual = questions.questions("GAIA", (*CENTRE, 0.07), [0.1, 0.3], 19.0)
    limit = asked[0][1]
    assert starcounts.per_deg2(*CENTRE, limit - 0.5) < 12_000 <= starcounts.per_deg2(*CENTRE, limit)
    assert limit < usual[0][1] and asked[1:] == usual[1:]  # frames that are not found ask as before
    deep = questions.questions("GAIA", (*CENTRE, 0.07), [0.1, 0.3], 19.0, lambda: 1e6)
    assert deep == usual
    never = questions.questions("GAIA", (*POLE, 0.07), [0.1, 0.3], 19.0, lambda: pytest.fail("pixels are not read"))
    assert never == [(0.1, 19.0), (0.3, 19.0)]


@pytest.mark.parametrize("n_stars", [20, 600])
def test_peaks_are_the_stars_of_a_frame(tmp_path, n_stars):
    truth = sky.make_dataset(tmp_path, 1, seed=8, size=(900, 700), n_stars=n_stars)
    frame = Frame(tmp_path / truth.files[0])
    frame.header["SECPIXX"] = 0.4
    area_deg2 = 900 * 700 * (0.4 / 3600) ** 2
    assert depth.peaks_per_deg2([frame]) * area_deg2 == pytest.approx(n_stars, rel=0.5)
    frame.header["SECPIXX"] = "unknown"
    assert depth.peaks_per_deg2([frame]) == np.inf == depth.peaks_per_deg2([])
