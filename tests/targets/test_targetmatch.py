"""How likely a source is the target: probabilities against counted outcomes, and the light of neighbours."""

from types import SimpleNamespace

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from scipy.spatial import cKDTree

import sky as simulator
from photometrypipeline.photometry import leaks
from photometrypipeline.sky import matching
from photometrypipeline.targets import knownstars
from photometrypipeline.targets import targetmatch as tm
from photometrypipeline.targets.targets import Measured, Target


def test_probabilities_of_all_possibilities_add_up_to_one():
    each, none = tm.posterior([3.0, 0.2, 0.0], seen=0.8)
    assert each.sum() + none == pytest.approx(1)
    assert each[0] / each[1] == pytest.approx(15) and each[2] == 0
    assert tm.posterior([], seen=0.8)[1] == 1
    assert tm.posterior([1.0], seen=0.5)[0] == pytest.approx([0.5])


def test_the_density_of_offsets_is_one_in_all():
    step = 0.1
    east, north = np.meshgrid(np.arange(-20, 20, step), np.arange(-20, 20, step))
    density = tm.offset_density(east, north, 0.5, 1.5)
    assert density.sum() * step**2 == pytest.approx(1, abs=1e-4)
    inside = density[np.hypot(east / 0.5, north / 1.5) < 1].sum() * step**2
    assert inside == pytest.approx(0.98 * 0.3935, abs=0.02)  # 1 sigma of a normal distribution of two dimensions


@pytest.mark.parametrize(("per_arcsec2", "sigma"), [(0.002, 0.3), (0.01, 1.5), (0.03, 1.0)])
def test_of_the_sources_called_likely_by_so_much_that_share_is_the_target(per_arcsec2, sigma):
    """Four thousand fields with a target that is seen in seven of ten; probabilities are what comes true."""
    rng, seen, radius = np.random.default_rng(4), 0.7, 20.0
    told, true = [], []
    for _ in range(4000):
        n = rng.poisson(per_arcsec2 * (2 * radius) ** 2)
        places = rng.uniform(-radius, radius, (n, 2))
        if rng.uniform() < seen:
            wide = np.hypot(sigma, tm.FAR_ARCSEC) if rng.uniform() < tm.FAR_SHARE else sigma
            places = np.vstack([rng.normal(0, wide, 2), places])
        if len(places):
            ratios = (
                tm.offset_density(*places.T, np.full(len(places), sigma), np.full(len(places), sigma)) / per_arcsec2
            )
            probability = tm.posterior(ratios, seen)[0]
            told += list(probability)
            true += [number == 0 and len(places) > n for number in range(len(places))]
    told, true = np.array(told), np.array(true)
    for low, high in ((0.02, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.0)):
        here = (told >= low) & (told < high)
        if here.sum() > 30:
            scatter = np.sqrt(told[here] @ (1 - told[here])) / here.sum()
            assert abs(true[here].mean() - told[here].mean()) < 3.5 * scatter, (low, high)
    taken = told >= 0.5
    assert (taken & true).sum() > 0.8 * true.sum() * (0.9 if per_arcsec2 * sigma**2 < 0.01 else 0.5)


def test_a_target_much_fainter_than_the_frame_is_not_expected_to_be_seen():
    assert tm.chance_of_seeing(23.0, 19.0) == tm.SEEN_LIMITS[0]
    assert tm.chance_of_seeing(15.0, 19.0) == tm.SEEN_LIMITS[1]
    assert tm.chance_of_seeing(19.0, 19.0) == pytest.approx(0.5)
    assert tm.chance_of_seeing(np.nan, 19.0) == tm.UNKNOWN_SEEN


def test_a_magnitude_as_predicted_speaks_for_the_target_and_a_wrong_one_against_it():
    field = np.random.default_rng(1).uniform(14, 20, 500)
    right, wrong = tm.magnitude_ratio(np.array([17.1, 14.2]), 17.0, field)
    assert right > 2 and 0.01 < wrong < 0.2  # never impossible: comets burst, asteroids are ill known
    assert tm.magnitude_ratio(np.array([17.0, 14.0]), np.nan, field).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("apart_px", [0.0, 3.0, 7.0, 12.0])
def test_light_in_an_aperture_beside_a_star_is_that_of_its_pixels(apart_px):
    fwhm, radius, size = 4.0, 4.0, 61
    image = simulator.render((size, size), 31.0, 31.0, 1.0, fwhm, beta=leaks.MOFFAT_BETA)
    y, x = (np.indices((size * 9, size * 9)) + 0.5) / 9 - 0.5  # FITS 31 is index 30
    inside = np.hypot(x - 30 - apart_px, y - 30) < radius
    summed = (np.kron(image, np.ones((9, 9))) / 81)[inside].sum()
    assert leaks.light_inside(apart_px, radius, fwhm) == pytest.approx(summed, rel=0.05)  # pixels blur the profile


def test_a_star_far_away_sends_no_light_and_one_in_the_middle_all_of_its_own():
    assert leaks.leak([1000.0], [0.0], 1.5, 1.6) == pytest.approx([1000.0])
    assert leaks.leak([1000.0], [30.0], 1.5, 1.6)[0] < 0.1


# ---- a crowded night, as source lists

SCALE, SIZE, FWHM_ARCSEC, ZP = 0.4, 700, 1.6, 25.0
N_FRAMES, N_STARS, STEP_ARCSEC = 24, 784, 9.0  # a star in each 100 arcsec^2; the target moves by more than a width


def crowded_night(rng, target_mag):
    """Return (list of Measured, Target): stars 0.01 per arcsec^2 down to 20 mag, a moving target or, with None, none.

    Sources nearer than a width to a brighter one are blended into it, as in a real list.
    """
    half = SIZE * SCALE / 2
    stars = rng.uniform(-half, half, (N_STARS, 2))
    mags = 20 - rng.exponential(1.2, N_STARS)
    measured, target = [], Target("moving", "primary", {}, "12345 Moving", "test")
    for number in range(N_FRAMES):
        place = np.array([(number - N_FRAMES / 2) * STEP_ARCSEC, 30.0])
        places, magnitudes = stars, mags
        if target_mag is not None:
            places, magnitudes = np.vstack([stars, place]), np.append(mags, target_mag)
        measured.append(Measured(frame_like(number), HEADER, source_list(rng, places, magnitudes), {"zp": ZP}))
        name = f"frame{number}.fits"
        east, north = place + rng.normal(0, 0.1, 2)
        target.places[name] = 150.0 + east / 3600, north / 3600
        target.sigma_arcsec[name], target.v_mag[name], target.rate_arcsec_h[name] = (0.1, 0.1), 17.2, 30.0
    return measured, target


@pytest.mark.parametrize(
    ("name", "is_point"),
    [
        ("2P/Encke", False),
        ("73P-BT/Schwassmann-Wachmann 3", False),
        ("332P-A/Ikeya-Murakami", False),
        ("ATLAS (C/2019 Y4-B)", False),
        ("1I/'Oumuamua (A/2017 U1)", False),
        ("3552 Don Quixote (1983 SA)", True),
        ("2015 AB123", True),
        ("(2010 P12)", True),
    ],
)
def test_magnitudes_of_comets_and_their_fragments_are_not_those_of_points(name, is_point):
    assert tm._has_point_magnitude(SimpleNamespace(full_name=name)) is is_point


HEADER = {"origin": "TEL;frame.fits;CAT;R", "filtername": "R", "obstime": 2460000.5, "exptime": 60.0}


def frame_like(number):
    header = {"APRAD": 4.0, "ASTRRMS1": 0.1 / 3600, "ASTRRMS2": 0.1 / 3600}
    return SimpleNamespace(
        name=f"frame{number}.fits", header=header, size_px=(SIZE, SIZE), number=lambda keyword: SCALE
    )


def source_list(rng, places, magnitudes):
    """Return the table of what a source extractor would find: blends merged, faint sources now and then."""
    order = np.argsort(magnitudes, kind="stable")
    places, light = places[order], 10 ** (-0.4 * (magnitudes[order] - ZP))
    kept = light > rng.normal(0.8, 0.15, light.size) * 10 ** (-0.4 * (19.8 - ZP))
    for bright, faint in sorted(cKDTree(places).query_pairs(FWHM_ARCSEC)):
        if kept[bright]:
            light[bright] += leaks.leak(light[faint], np.hypot(*(places[bright] - places[faint])), 1.6, FWHM_ARCSEC)
            kept[faint] = False
    light, places = light[kept], places[kept]
    error = 0.002 + 0.1 * 10 ** (-0.4 * (18.5 - ZP)) / light
    mag = -2.5 * np.log10(light) + rng.normal(0, error)
    east, north = (places + rng.normal(0, 0.02, places.shape)).T
    columns = {
        "ra_deg": 150 + east / 3600,
        "dec_deg": north / 3600,
        "MAG_APER": mag,
        "_Rmag": mag + ZP,
        "_e_Rmag": error,
    }
    columns |= {"FLAGS": np.zeros(mag.size, int), "FWHM_WORLD": np.full(mag.size, FWHM_ARCSEC / 3600)}
    return Table(columns | {"ERRAWIN_IMAGE": error / 2})


def test_an_asteroid_that_is_too_faint_never_becomes_a_star(tmp_path):
    """Eighty frames of crowded fields, without any catalogue: the other frames tell what is a star."""
    for seed in (1, 2):
        measured, target = crowded_night(np.random.default_rng(seed), None)
        matcher = tm.Matcher(measured, tmp_path)
        matches = [matcher.match(target, number) for number in range(N_FRAMES)]
        assert sum(match.distance_arcsec < 10 for match in matches) > 0.8 * N_FRAMES  # the old rule takes these
        assert all(match.doubt for match in matches)


def test_stars_are_known_by_their_light_in_frames_without_a_zeropoint_too(tmp_path):
    measured, target = crowded_night(np.random.default_rng(7), None)
    for each in measured[::2]:  # thinner clouds, not calibrated
        each.table["MAG_APER"] -= 0.7
        each.table.remove_columns(["_Rmag", "_e_Rmag"])
        each.zeropoint = None
    matcher = tm.Matcher(measured, tmp_path)
    stars = matcher.stars.near(target, 0, target.places["frame0.fits"], 60.0, 0.1)
    nearest, distance = matching.nearest(stars.ra_deg, stars.dec_deg, matcher.stars.ra[0], matcher.stars.dec[0])
    same = distance < 0.3
    off = stars.inst[same] - matcher.stars.inst[0][nearest[same]]
    assert same.sum() > 50 and abs(np.median(off)) < 0.02
    assert all(matcher.match(target, number).doubt for number in range(N_FRAMES))


def test_an_asteroid_among_many_stars_is_found_where_it_stands_alone_and_is_right_there(tmp_path):
    measured, target = crowded_night(np.random.default_rng(3), 17.0)
    matcher = tm.Matcher(measured, tmp_path)
    matches = [matcher.match(target, number) for number in range(N_FRAMES)]
    accepted = [
        (match, measured[number].table["_Rmag"][match.index]) for number, match in enumerate(matches) if not match.doubt
    ]
    assert len(accepted) > 0.7 * N_FRAMES
    assert all(abs(mag - 17.0) < 0.12 for _, mag in accepted)  # a tenth of the light may be a star's
    assert all(match.probability > 0.9 and match.distance_arcsec < 0.6 for match, _ in accepted)


def test_in_a_single_frame_a_star_far_from_the_magnitude_and_place_is_doubted(tmp_path):
    measured, target = crowded_night(np.random.default_rng(5), None)
    taken = 0
    for number in range(N_FRAMES):
        match = tm.Matcher(measured[number : number + 1], tmp_path).match(target, 0)
        taken += not match.doubt
    assert taken <= 2  # nothing but place and magnitude speaks against a star here


@pytest.mark.parametrize(
    ("file", "history"),
    [
        ("PANSTARRS", "PANSTARRS"),
        ("PANSTARRS", "PANSTARRS_transformed"),
        ("PANSTARRS", "PANSTARRS_solar_transformed"),
        ("my_solar_analogs", "my_solar_analogs_transformed"),
        ("stars_solar", "stars_solar"),  # a table of the user, called so
        ("one_night", "one night_solar"),
    ],
)
def test_stars_of_the_calibration_are_known_whatever_became_of_their_magnitudes(tmp_path, file, history):
    """The file is called as the catalogue was fetched; the database tells what has been done to it since."""
    for name, n_stars in (("GAIA", 3), (file, 5)):
        columns = [
            fits.Column(column, "1D", array=10.0 + np.arange(n_stars)) for column in ("XWIN_WORLD", "YWIN_WORLD", "MAG")
        ]
        table = fits.BinTableHDU.from_columns(columns, name="LDAC_OBJECTS")
        fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / f"{name}.cat")
    frame = SimpleNamespace(header={"REGCAT": "GAIA"})
    measured = [SimpleNamespace(frame=frame, header={"origin": f"VATT4K;a.fits;{history};R"})]
    assert knownstars._catalog(measured, tmp_path).ra.size == 5
