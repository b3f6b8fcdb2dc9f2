"""The matcher of star patterns against fields with a known place; simulated lists, see fieldlists.py."""

import numpy as np
import pytest

import fieldlists
from photometrypipeline.frames import wcskeywords
from photometrypipeline.registration import matchodds, starpatterns
from photometrypipeline.registration.astrometry import to_sky
from photometrypipeline.sky import tangent
from photometrypipeline.sky.sphere import separation_deg


def solve(field, **changes):
    return starpatterns.solve(*field.sources, *field.stars, **{**field.guess, **changes})


def assert_found(solution, field):
    """Place to 2 px, scale to 0.5 %, angle to 0.5 deg; the pairs are true ones but for chance."""
    assert solution is not None
    off = separation_deg(*solution.centre_deg, *field.centre_deg) * 3600 / field.scale_arcsec
    assert off < 2 and solution.parity == field.parity
    assert solution.scale_arcsec == pytest.approx(field.scale_arcsec, rel=0.005)
    assert abs((solution.angle_deg - field.angle_deg + 180) % 360 - 180) < 0.5
    true = field.star_of[solution.i_source] == solution.i_star
    assert true.mean() > 0.9 and solution.n_matched == true.size


@pytest.mark.parametrize(
    ("n_sources", "defects"),
    [
        (12, {}),
        (12, {"spurious": 1.0}),
        (25, {"cloudy": True}),
        (100, {"spurious": 1.5, "cloudy": True, "noise_px": 1.5}),
        (1000, {"mag_noise": 1.0}),
        (8000, {"size": (2048, 2048), "scale": 1.0, "cubic": 0.005}),
    ],
)
def test_a_frame_is_found_with_any_rotation_parity_scale_and_pointing(n_sources, defects):
    for seed in range(3 if n_sources < 100 else 1):
        field = fieldlists.make_field(seed, n_sources, **defects)
        assert_found(solve(field), field)


@pytest.mark.parametrize("centre", [(0.05, -0.3), (123.0, 89.9), (310.0, -89.5)])
def test_across_ra_0_and_at_the_poles(centre):
    field = fieldlists.make_field(5, 60, centre=centre)
    assert_found(solve(field), field)


def test_an_unknown_scale_is_found_and_a_known_parity_is_kept_to():
    field = fieldlists.make_field(2, 60, pointing_error=0.2)
    assert_found(solve(field, scale_arcsec=None), field)
    assert solve(field, parity=-field.parity) is None
    assert_found(solve(field, parity=field.parity), field)


def test_neither_a_wrong_field_nor_noise_has_a_solution():
    for seed, n_sources in enumerate([12, 100]):
        field, other = (fieldlists.make_field(number, n_sources) for number in (seed, seed + 100))
        wrong = fieldlists.Field(field.sources, other.stars, *list(vars(field).values())[2:])
        assert solve(wrong) is None
        rng = np.random.default_rng(seed)
        places = rng.uniform(1, 1024, (2, len(field.sources[0])))
        assert starpatterns.solve(*places, field.sources[2], *field.stars, **field.guess) is None


def test_too_little_is_no_match():
    field = fieldlists.make_field(1, 12)
    few = [values[:4] for values in field.sources]
    assert starpatterns.solve(*few, *field.stars, **field.guess) is None
    assert starpatterns.solve(*field.sources, [], [], [], **field.guess) is None


def test_the_header_places_sources_on_their_stars_and_the_angle_is_that_of_a_definition():
    field = fieldlists.make_field(7, 100, noise_px=0.1)
    solution = solve(field)
    x, y, _ = field.sources
    ra, dec = to_sky(solution.header, x[solution.i_source], y[solution.i_source])
    stars_ra, stars_dec, _ = field.stars
    off = separation_deg(ra, dec, stars_ra[solution.i_star], stars_dec[solution.i_star]) * 3600
    assert np.median(off) < 0.3 * field.scale_arcsec
    guess = wcskeywords.first_guess(
        *solution.centre_deg, (1024, 1024), (solution.scale_arcsec,) * 2, solution.parity < 0, False, solution.angle_deg
    )
    for name in ("CD1_1", "CD1_2", "CD2_1", "CD2_2"):
        assert solution.header[name] == pytest.approx(guess[name], abs=0.003 * solution.scale_arcsec / 3600)


def test_the_plane_is_the_gnomonic_projection():
    centre = (310.0, -72.0)
    place = tangent.deproject(0.5 + 0j, centre)
    assert np.tan(np.radians(separation_deg(*place, *centre))) == pytest.approx(np.radians(0.5), rel=1e-9)
    ra, dec = np.array([309.0, 315.0]), np.array([-71.0, -73.2])
    back = tangent.deproject(tangent.project(ra, dec, centre), centre)
    np.testing.assert_allclose(back, [ra, dec], atol=1e-10)
    assert np.isnan(tangent.project([130.0], [72.0], centre)).all()


def test_odds_of_right_and_wrong_are_far_apart():
    rng = np.random.default_rng(3)
    stars = matchodds.Stars(rng.uniform(-500, 500, 60) + 1j * rng.uniform(-500, 500, 60), 1e6)
    settings = {"prior": matchodds.Prior(), "scale_arcsec": 0.4, "half_diagonal_px": 707.0}
    sources = stars.pixels[:15] + rng.normal(0, 0.4, 15) + 1j * rng.normal(0, 0.4, 15)
    right = matchodds.odds(sources, stars, **settings)
    assert right.log_odds > 3 * matchodds.MIN_LOG_ODDS and right.n_matched == 15 and right.sigma_px == 0.4
    wrong = [matchodds.odds(sources + 40 * np.exp(1j * angle), stars, **settings).log_odds for angle in range(12)]
    assert max(wrong) < 0
    # chance alone matches in a cluster: the same number of matches says less where stars are dense
    spread = matchodds.odds(sources[:6], stars, **settings).log_odds
    dense = matchodds.Stars(
        np.concatenate([stars.pixels, stars.pixels[:6].repeat(40) + 20 * rng.normal(size=240)]), 1e6
    )
    assert matchodds.odds(sources[:6], dense, **settings).log_odds < spread - 6
