"""Band transformations against the worked numbers of the papers, and their errors."""

import numpy as np
import pytest
from astropy.table import Table

from catalog import Catalog
from photometrypipeline.base.errors import UsageError
from photometrypipeline.catalogs import bandnames, colorterms, surveys

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
    ("HO09", TWOMASS, {"Z": 14.3800, "Y": 14.2800, "Jukirt": 13.9740, "Hukirt": 13.5980, "K": 13.5050}),
    ("HO09Z", TWOMASS, {"Z": 14.4440}),
    ("SM1", SKYMAPPER, {"g": 16.7899, "r": 16.1814, "i": 16.0577, "z": 16.0099}),
    # those without a published example: worked by hand from the equations
    ("T12L", PS1, {"g": 17.50 + 0.014 + 0.081, "z": 16.70 + 0.013 - 0.025, "V": 17.0 + 0.006 + 0.237}),
    ("T12L", PS1, {"r": 17.0 - 0.001 + 0.0055, "i": 16.8 - 0.004 + 0.010}),
    ("T12L", PS1, {"B": 17.50 + 0.213 + 0.2935, "R": 17.0 - 0.138 - 0.0655, "I": 16.8 - 0.367 - 0.0745}),
    ("KB18L", PS1, {"B": 17.50 + 0.194 + 0.2805, "V": 17.50 - 0.017 - 0.254}),
    ("LU05", SDSS, {"U": 17.50 + 0.3130 * 0.55 + 0.2271 + 0.78 * 1.40 - 0.88}),
    ("LU05-UG", SDSS, {"B": 18.90 - 0.8116 * 1.40 + 0.1313, "V": 17.50 - 0.2906 * 1.40 + 0.0885}),
    ("LU05-UG", SDSS | {"zmag": 16.65}, {"R": 16.95 - 0.1837 * 0.55 - 0.0971, "I": 16.75 - 0.0378 - 0.3974}),
    ("JE05", SDSS, {"B": 17.50 + 0.39 * 0.55 + 0.21, "V": 17.50 - 0.59 * 0.55 - 0.01}),
    ("JE05", SDSS, {"U": 17.50 + 0.39 * 0.55 + 0.21 + 0.78 * 1.40 - 0.88, "R": 17.1655 - 1.09 * 0.20 - 0.22}),
    ("JE05", SDSS, {"I": 17.1655 - 1.09 * 0.20 - 0.22 - 1.00 * 0.20 - 0.21}),
    ("HE06", {"imag": 16.75, "zmag": 16.65}, {"Z": 16.65 - 0.01 + 0.006 - 0.528}),
    ("STD-APASS", SDSS, {"R": 16.95 - 0.157 - 0.04785 - 0.004235, "I": 16.75 - 0.354 - 0.0649 - 0.00121}),
    ("GS-PS1", SDSS, {"gp1": 17.50 - 0.00291 - 0.05478 - 0.009199, "rp1": 16.95 - 0.00393 + 0.008206 - 0.002895}),
    ("GS-PS1", SDSS | {"zmag": 16.65}, {"ip1": 16.75 + 0.01274 + 0.0061875 - 0.003267, "zp1": 16.692694}),
    ("G2-NIR", GAIA, {"J": 15.0 + 0.01883 - 1.2546 + 0.0639333, "H": 15.0 + 0.1621 - 1.7712 + 0.107568}),
    ("G2-NIR", GAIA, {"Ks": 15.0 + 0.1885 - 1.8828 + 0.108945}),
]
# Corrections to the leading band along the stellar locus: g-r, r-i of Pan-STARRS; B-g, V-g, R-r, I-i by each set
LOCUS = {
    "T12": [
        (0.20, 0.03, 0.325, -0.102, -0.160, -0.394),
        (0.39, 0.12, 0.434, -0.203, -0.184, -0.422),
        (0.60, 0.22, 0.558, -0.313, -0.212, -0.454),
        (0.80, 0.30, 0.679, -0.417, -0.242, -0.486),
        (1.00, 0.42, 0.802, -0.520, -0.274, -0.520),
        (1.20, 0.65, 0.928, -0.622, -0.308, -0.555),
    ],
    "KB18": [
        (0.20, 0.03, 0.308, -0.120, -0.183, -0.413),
        (0.39, 0.12, 0.412, -0.215, -0.206, -0.440),
        (0.60, 0.22, 0.529, -0.322, -0.237, -0.473),
        (0.80, 0.30, 0.641, -0.424, -0.271, -0.507),
        (1.00, 0.42, 0.755, -0.526, -0.310, -0.544),
        (1.20, 0.65, 0.870, -0.629, -0.354, -0.584),
    ],
    "STD-PS1": [
        (0.20, 0.03, 0.323, -0.110, -0.166, -0.403),
        (0.39, 0.12, 0.441, -0.206, -0.187, -0.426),
        (0.60, 0.22, 0.555, -0.313, -0.211, -0.451),
        (0.80, 0.30, 0.658, -0.414, -0.232, -0.471),
        (1.00, 0.42, 0.742, -0.518, -0.266, -0.501),
        (1.20, 0.65, 0.828, -0.623, -0.331, -0.558),
    ],
}


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


@pytest.mark.parametrize(("set_id", "row"), [(set_id, row) for set_id, rows in LOCUS.items() for row in rows])
def test_ways_from_pan_starrs_to_johnson_along_the_stellar_locus(set_id, row):
    x, y, *expected = row
    star = {"gp1mag": 16.0 + x, "rp1mag": 16.0, "ip1mag": 16.0 - y}
    leads = {"B": "gp1mag", "V": "gp1mag", "R": "rp1mag", "I": "ip1mag"}
    for band, number in zip("BVRI", expected, strict=True):
        mag = one_star(set_id, band, star, extrapolate=True)[0]  # 1.20 is the end of the range
        assert mag - star[leads[band]] == pytest.approx(number, abs=1.1e-3), band


def test_relations_of_sdss_differ_as_their_comparison_says():
    sun = {"umag": 17.87, "gmag": 16.44, "rmag": 16.0, "imag": 15.89}
    red = {"umag": 19.6, "gmag": 17.2, "rmag": 16.0, "imag": 15.55}
    for star, differences in ((sun, {"B": 0.005, "V": 0.011, "R": 0.013, "I": -0.002}), (red, {"V": 0.017})):
        for band, difference in differences.items():
            found = one_star("LU05", band, star)[0] - one_star("CG08", band, star)[0]
            assert found == pytest.approx(difference, abs=1e-3), band


def test_the_sun_in_the_relations_of_gaia():
    sun = {"Gmag": 15.0, "BPmag": 15.0 + 0.33, "RPmag": 15.0 + 0.33 - 0.82}
    made = {band: one_star("G3", band, sun)[0] for band in "VRIiz"}
    assert made["V"] - made["R"] == pytest.approx(0.365, abs=1e-3)
    assert made["V"] - made["I"] == pytest.approx(0.727, abs=1e-3)
    assert made["i"] - made["z"] == pytest.approx(0.056, abs=1e-3)
    assert one_star("G2-NIR", "J", sun)[0] - one_star("G2-NIR", "H", sun)[0] == pytest.approx(0.29, abs=0.02)


def test_two_ways_from_skymapper_to_sdss_part_as_known():
    # along the main sequence, from g - i of SkyMapper; T12 behind the fits of stdpipe, against the fits to DR1
    for g_i, allowed in ((0.25, 0.02), (0.4, 0.02), (0.55, 0.02)):
        star = {"gsmmag": 16.0 + g_i, "rsmmag": 16.0 + 0.28 * g_i, "ismmag": 16.0, "zsmmag": 15.97}
        for band in "gri":
            chain, direct = (one_star(set_id, band, star)[0] for set_id in ("STD-SM4+T12", "SM1"))
            assert chain == pytest.approx(direct, abs=allowed), (g_i, band)
    red = {"gsmmag": 17.35, "rsmmag": 16.4, "ismmag": 16.0, "zsmmag": 15.8}
    assert np.isnan(one_star("STD-SM4+T12", "g", red)[0])  # beyond g - i = 1.0 nothing is published that agrees


def test_a_chain_is_one_relation_after_the_other():
    first = {f"{band}mag": one_star("STD-SM4", band, SKYMAPPER)[0] for band in ("gp1", "rp1", "ip1", "zp1")}
    for band in "griz":
        assert one_star("STD-SM4+T12", band, SKYMAPPER)[0] == pytest.approx(one_star("T12", band, first)[0], abs=1e-9)


def test_the_error_of_a_chain_knows_what_its_parts_have_in_common():
    rng = np.random.default_rng(4)
    values = {name: mag + rng.normal(0, 0.01, 20_000) for name, mag in SKYMAPPER.items()}
    errors = {name: np.full(20_000, 0.01) for name in SKYMAPPER}
    for band in "griz":
        relation = colorterms.find(["STD-SM4+T12"], band)[0]
        mag, err = relation.apply(values, errors)
        own = one_star("STD-SM4+T12", band, SKYMAPPER, error=0.0)[1]
        assert np.hypot(np.std(mag), own) == pytest.approx(np.median(err), rel=0.02)


def test_every_relation_of_the_data_has_a_worked_example():
    worked = {(set_id, band) for set_id, _, answers in WORKED for band in answers}
    worked |= {(set_id, band) for set_id in LOCUS for band in "BVRI"}
    worked |= {("STD-SM4+T12", band) for band in "griz"} | {("CG08-APASS", band) for band in "RI"}  # of CG08's numbers
    missing = {(relation.id, relation.band) for relation in colorterms.RELATIONS} - worked
    missing -= {("STD-SM4", band) for band in ("gp1", "rp1", "ip1", "zp1", "yp1", "B", "V", "R", "I")}  # next test
    assert missing == set()


def test_cubic_fits_of_skymapper_by_hand():
    x, y = 0.40, 0.15
    rows = {
        "gp1": ("gsmmag", 0.01396, (0.04069, 0.26946, -0.07715), (0.13365, -0.14041, 0.02610)),
        "rp1": ("rsmmag", -0.00813, (0.18907, -0.23258, 0.08779), (-0.23340, 0.21909, -0.06274)),
        "ip1": ("ismmag", 0.00097, (-0.02816, -0.02117, 0.03553), (0.14031, -0.03623, 0.00912)),
        "zp1": ("zsmmag", -0.00205, (-0.07394, -0.05169, 0.08071), (0.37918, -0.32064, 0.09721)),
        "yp1": ("zsmmag", 0.00698, (0.08235, -0.11040, 0.03878), (-0.28233, 0.20532, -0.06497)),
        "B": ("gsmmag", 0.10763, (1.00214, 0.18181, -0.22774), (-0.07535, 0.08215, -0.00403)),
        "V": ("gsmmag", -0.00294, (-0.33074, 0.03256, -0.02546), (-0.14349, 0.08255, -0.00734)),
        "R": ("rsmmag", -0.08548, (0.15375, -0.19437, 0.07297), (-0.40721, 0.18463, -0.07378)),
        "I": ("ismmag", -0.19322, (-0.06889, 0.04622, -0.00925), (-0.05231, -0.04437, 0.01198)),
    }
    for band, (lead, constant, p, q) in rows.items():
        by_hand = SKYMAPPER[lead] + 2 * constant + sum(c * x**n for n, c in enumerate(p, 1))
        by_hand += sum(c * y**n for n, c in enumerate(q, 1))
        assert one_star("STD-SM4", band, SKYMAPPER)[0] == pytest.approx(by_hand, abs=1e-9), band


def test_order_of_preference():
    assert colorterms.ordered(("T12", "KB18"), ("KB18",))[0] == "KB18"
    assert colorterms.ordered(("CG08", "LU05"), ("KB18",))[0] == "CG08"  # where it does not apply it changes nothing
    with pytest.raises(UsageError, match="KB19 is unknown; there are CG08"):
        colorterms.ordered(("T12",), ("KB19",))


def test_colours_of_the_sun():
    assert colorterms.solar_color(*colorterms.color_bands("g-r")) == 0.44
    assert colorterms.solar_color("B", "V") == 0.653
    assert colorterms.solar_color("BP", "RP") == 0.82
    assert colorterms.solar_color("gp1", "rp1") == 0.39
    assert colorterms.solar_color("V", "I") == 0.701
    assert colorterms.solar_color("g", "rp1") is None  # bands of two systems
    assert colorterms.color_bands("g - r") is None and colorterms.color_bands("gr") is None
    # T12 takes the Sun of Pan-STARRS to the Sun of SDSS, within the uncertainty of both
    sun = {"gp1mag": 16.39, "rp1mag": 16.0, "ip1mag": 15.88, "zp1mag": 15.86}
    made = {band: one_star("T12", band, sun)[0] for band in "gri"}
    assert made["g"] - made["r"] == pytest.approx(0.44, abs=0.03)
    assert made["r"] - made["i"] == pytest.approx(0.11, abs=0.03)


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


def test_j_of_ukirt_can_be_asked_for_next_to_that_of_2mass():
    """A star of J, H = 14.00, 13.60: J - 0.065 (J-H) is 13.974; asked for plainly, J is the catalogue's."""
    survey = surveys.get("2MASS")
    stars = Table({name: [14.0] for name in ("Jmag", "Hmag", "Ksmag")} | {"ra_deg": [10.0], "dec_deg": [20.0]})
    stars["Hmag"], stars["Ksmag"] = [13.6], [13.5]
    for name in ("Jmag", "Hmag", "Ksmag"):
        stars[f"e_{name}"] = [0.02]
    catalog = Catalog("2MASS", stars, "", survey.release, dict(survey.systems), dict(survey.bands), survey)
    for band, mag in (("J", 14.0), ("Jukirt", 13.974), ("Hukirt", 13.598)):
        found, column, _ = catalog.in_band(band)
        assert found.values(column)[0] == pytest.approx(mag)
    bandnames.check("Jukirt")
