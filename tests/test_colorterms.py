"""Band transformations against the worked numbers of the papers, and their errors."""

import numpy as np
import pytest

from photometrypipeline import colorterms

SDSS = {"umag": 18.90, "gmag": 17.50, "rmag": 16.95, "imag": 16.75}
PS1 = {"gp1mag": 17.50, "rp1mag": 17.00, "ip1mag": 16.80, "zp1mag": 16.70}
GAIA = {"Gmag": 15.00, "BPmag": 15.90, "RPmag": 15.00}
TWOMASS = {"Jmag": 14.00, "Hmag": 13.60, "Ksmag": 13.50}
SKYMAPPER = {"gsmmag": 16.60, "rsmmag": 16.20, "ismmag": 16.05, "zsmmag": 16.00}

WORKED = [
    ("CG08", SDSS, {"U": 18.0460, "B": 17.8959, "V": 17.1662, "R": 16.7366, "I": 16.3126}),
    ("LU05", SDSS, {"B": 17.8992, "V": 17.1781, "R": 16.7474, "I": 16.3191}),
    ("T12", PS1, {"g": 17.5903, "r": 17.0027, "i": 16.8030, "z": 16.6905}),
    ("T12", PS1, {"B": 17.9985, "V": 17.23925, "R": 16.80175, "I": 16.3615}),
    ("KB18", PS1, {"B": 17.50 + 0.199 + 0.270 + 0.004, "V": 17.50 - 0.020 - 0.249 - 0.002}),
    ("G2", GAIA, {"V": 15.1641, "R": 14.7672, "I": 14.3895, "g": 15.4693, "r": 14.9651, "i": 14.7964}),
    ("G3", GAIA, {"V": 15.1785, "R": 14.7746, "I": 14.3787, "g": 15.4737, "r": 14.9757, "i": 14.7960, "z": 14.7159}),
    ("HO09", TWOMASS, {"Z": 14.3800, "Y": 14.2800, "J": 13.9740, "H": 13.5980, "K": 13.5050}),
    ("SM1", SKYMAPPER, {"g": 16.7899, "r": 16.1814, "i": 16.0577, "z": 16.0099}),
]


def one_star(set_id, band, star, error=0.0, **options):
    values = {name: np.array([value]) for name, value in star.items()}
    errors = {name: np.array([error]) for name in star}
    mag, err = colorterms.transform(colorterms.find([set_id], band), values, errors, **options)
    return mag[0], err[0]


@pytest.mark.parametrize(
    ("set_id", "star", "band", "expected"),
    [(set_id, star, band, mag) for set_id, star, answers in WORKED for band, mag in answers.items()],
)
def test_worked_examples(set_id, star, band, expected):
    assert one_star(set_id, band, star)[0] == pytest.approx(expected, abs=6e-5)


def test_errors_come_from_every_magnitude_and_from_the_relation():
    for band, expected in {"B": 0.0463, "V": 0.0228, "R": 0.0326, "I": 0.0625}.items():
        assert one_star("CG08", band, SDSS, error=0.02)[1] == pytest.approx(expected, abs=6e-5)
    # V = r + 0.005 + 0.462 x + 0.013 x^2 at x = 0.5: dV/dg = 0.475, dV/dr = 0.525
    expected = np.sqrt((0.475 * 0.03) ** 2 + (0.525 * 0.03) ** 2 + 0.012**2)
    assert one_star("T12", "V", PS1, error=0.03)[1] == pytest.approx(expected, rel=1e-6)


def test_propagated_error_agrees_with_noisy_stars():
    rng = np.random.default_rng(3)
    noise = {"Gmag": 0.004, "BPmag": 0.02, "RPmag": 0.015}
    values = {name: GAIA[name] + rng.normal(0, noise[name], 20_000) for name in GAIA}
    errors = {name: np.full(20_000, noise[name]) for name in GAIA}
    for band in "VRIg":
        relation = colorterms.find(["G3"], band)[0]
        mag, err = relation.apply(values, errors)
        assert np.hypot(np.std(mag), relation.scatter) == pytest.approx(np.median(err), rel=0.02)


def test_nothing_is_extrapolated_unless_asked():
    red = PS1 | {"gp1mag": 18.6}  # g - r = 1.6
    assert np.isnan(one_star("T12", "V", red)[0])
    assert one_star("T12", "V", red, extrapolate=True)[0] == pytest.approx(17.0 + 0.005 + 0.462 * 1.6 + 0.013 * 1.6**2)
    assert np.isnan(one_star("T12", "V", PS1 | {"gp1mag": np.nan}, extrapolate=True)[0])


def test_a_star_at_the_break_of_skymapper_is_kept():
    at_break = SKYMAPPER | {"gsmmag": 17.5, "ismmag": 16.0}  # g - i = 1.5 exactly
    assert one_star("SM1", "g", at_break)[0] == pytest.approx(17.5 - 0.1085 * 1.5 + 0.5700)
    below = one_star("SM1", "g", at_break | {"gsmmag": 17.4999})[0]
    assert one_star("SM1", "g", at_break)[0] - below == pytest.approx(-0.007, abs=0.001)


def test_star_without_z_still_gets_g_r_i():
    no_z = PS1 | {"zp1mag": np.nan}
    assert one_star("T12", "i", no_z)[0] == pytest.approx(16.8030, abs=6e-5)
    assert np.isnan(one_star("T12", "z", no_z)[0])


def test_releases_of_gaia_differ_by_a_hundredth():
    for band in "VRI":
        assert 0.005 < abs(one_star("G2", band, GAIA)[0] - one_star("G3", band, GAIA)[0]) < 0.02
    assert colorterms.find(["G3"], "B") == []


def test_alternatives_agree_near_the_colour_of_the_sun():
    sun = {"gp1mag": 17.39, "rp1mag": 17.00, "ip1mag": 16.88, "zp1mag": 16.86}
    for band in "BVRI":
        assert one_star("T12", band, sun)[0] == pytest.approx(one_star("KB18", band, sun)[0], abs=0.03)
