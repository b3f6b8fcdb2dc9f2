"""Stacks: their gain, noise and times; the shifts of a moving target; what SWarp is told; noise in apertures."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS

import sky
from photometrypipeline.base import cdmatrix
from photometrypipeline.ephemerides.ephemeris import between
from photometrypipeline.ephemerides.ephemstore import COLUMNS
from photometrypipeline.frames import wcskeywords
from photometrypipeline.photometry import errorbars, motion, noise, stacks, starmask
from photometrypipeline.programs import swarp


def layer(midtime_jd=2457786.5, exptime_s=30.0, gain=2.0, read_noise=5.0, **more):
    half = exptime_s / 2 / 86400
    times = {"start_jd": midtime_jd - half, "end_jd": midtime_jd + half}
    values = {"airmass": 1.2, "saturation": 60000.0, "level": 150.0, "sigma": 9.0}
    return stacks.Layer(None, midtime_jd, exptime_s, **times, gain=gain, read_noise=read_noise, **(values | more))


def combined(frames, method):
    """Return simulated pixels of a stack: `frames` has the shape (n_frames, n_pixels)."""
    return np.median(frames, axis=0) if method == "median" else frames.mean(axis=0)


@pytest.mark.parametrize(
    ("method", "exposures", "gains"),
    [
        ("average", [30.0] * 9, [2.0] * 9),
        ("median", [30.0] * 9, [2.0] * 9),
        ("median", [30.0] * 4, [2.0] * 4),
        ("average", [30.0, 60.0, 120.0], [2.0, 2.0, 2.0]),
        ("average", [30.0, 30.0], [1.0, 3.0]),
    ],
)
def test_effective_gain_and_read_noise_give_the_noise_of_simulated_stacks(method, exposures, gains):
    rng = np.random.default_rng(2)
    rate = 40.0  # ADU/s, so that photons dominate
    whole = stacks.totals([layer(exptime_s=t, gain=g) for t, g in zip(exposures, gains, strict=True)], method, False)
    frames = np.array(
        [
            (rng.poisson(rate * t * g, 200_000) + rng.normal(0, 5, 200_000)) / g
            for t, g in zip(exposures, gains, strict=True)
        ]
    )
    if method == "median":  # all with the same mean
        assert len(set(exposures)) == 1
    pixels = combined(frames, method)
    predicted = pixels.mean() / whole.gain + (whole.read_noise / whole.gain) ** 2
    assert predicted == pytest.approx(pixels.var(), rel=0.02)  # 200,000 values: 0.3 %; the median's formula: 1 %


def test_equal_frames_add_up_as_the_textbook_says():
    whole = stacks.totals([layer() for _ in range(16)], "average", False)
    assert (whole.gain, whole.read_noise) == (pytest.approx(32.0), pytest.approx(20.0))
    assert (whole.exptime_s, whole.n_frames, whole.level, whole.saturation) == (480.0, 16, 150.0, 60000.0)


def test_a_flux_scale_changes_the_gain_as_photon_statistics_want():
    """Two frames, the second through clouds that take half the light: scaled by 2 it counts as one of gain 1."""
    clear, cloudy = layer(scale=1.0, scaled=True), layer(scale=2.0, scaled=True)
    rng = np.random.default_rng(3)
    electrons = [rng.poisson(20000, 100_000), rng.poisson(10000, 100_000)]
    pixels = (electrons[0] / 2 + 2 * electrons[1] / 2) / 2
    assert pixels.mean() / stacks.totals([clear, cloudy], "average", True).gain == pytest.approx(pixels.var(), rel=0.02)


def test_nothing_is_made_up_where_gain_or_saturation_are_not_known():
    whole = stacks.totals([layer(), layer(gain=None, saturation=None)], "average", False)
    assert whole.gain is None and whole.read_noise is None and whole.saturation is None


def test_saturation_of_a_stack_is_that_of_the_frame_with_the_brightest_sky():
    whole = stacks.totals([layer(level=100.0), layer(level=5100.0)], "average", False)
    assert whole.level == 2600.0
    assert whole.saturation == 60000.0 - 5100.0 + 2600.0


def test_the_time_of_a_stack_is_weighted_by_exposure():
    first, second = layer(2457786.5, 30.0), layer(2457786.6, 90.0)
    assert stacks.mean_midtime([first, second]) == pytest.approx(2457786.575, abs=1e-8)
    whole = stacks.totals([second, first], "average", False)
    assert whole.start_jd == pytest.approx(2457786.5 - 15 / 86400)
    assert whole.end_jd == pytest.approx(2457786.6 + 45 / 86400)


# ---- motion


def test_a_trail_lasts_one_exposure_where_the_stack_follows_the_target():
    plain = fits.Header([("EXPTIME", 30.0)])
    still = fits.Header([("COMBO_N", 10), ("COMOVE", "False"), ("COMBOJD1", 2457786.5), ("COMBOJD2", 2457786.51)])
    moving = fits.Header([("COMBO_N", 10), ("COMOVE", "True"), ("STARFWHM", 4.2), *still.items()][:3])
    assert [stacks.is_stack(each) for each in (plain, still, moving)] == [False, True, True]
    assert [stacks.follows(each) for each in (plain, still, moving)] == [False, False, True]
    lasts = [stacks.drawn_out_s(each, exptime) for each, exptime in ((plain, 30), (still, 300), (moving, 300))]
    assert lasts == pytest.approx([30, 864, 30], rel=1e-6)
    assert [stacks.fwhm_px(each) for each in (plain, moving)] == [None, 4.2]


def test_rates_are_divided_by_cos_dec_and_refer_to_the_mean_time():
    """Worked example: 0.01 and -0.005 arcsec/s at Dec 60, two equal exposures 600 s apart."""
    times = np.array([2457786.5, 2457786.5 + 600 / 86400])
    mean = stacks.mean_midtime([layer(time) for time in times])
    dra, ddec = motion.from_rates((0.01, -0.005), times, mean, [60.0, 60.0])
    np.testing.assert_allclose(dra, [-0.00166667, 0.00166667], atol=2e-8)
    np.testing.assert_allclose(ddec, [0.00041667, -0.00041667], atol=2e-8)
    assert motion.moved_reference((180.0, 60.0), (dra[1], ddec[1])) == (
        pytest.approx(180 - 0.00166667, abs=2e-8),
        pytest.approx(60 + 0.00041667, abs=2e-8),
    )


def test_reference_points_pass_ra_zero():
    assert motion.moved_reference((0.001, 0.0), (0.003, 0.0))[0] == pytest.approx(359.998)
    assert motion.moved_reference((359.999, 0.0), (-0.003, 0.0))[0] == pytest.approx(0.002)


@pytest.mark.parametrize("dec", [0.0, 60.0, 85.0])
def test_the_target_lands_on_its_place_also_at_the_edge_of_a_field_near_the_pole(dec):
    wcs = sky.make_wcs((0.2, dec), (2000, 2000), scale=1.0)
    place = tuple(float(axis[0]) for axis in wcs.all_pix2world([1900.0], [150.0], 1))
    east, north = 90.0, -60.0  # arcsec that it moved since the time of the stack
    before = sky.shifted(place, -east, -north)
    moved = wcs.deepcopy()
    moved.wcs.crval = motion.onto_place(wcs, place, before)
    moved.wcs.set()
    x, y = moved.all_world2pix(*([value] for value in before), 1)
    assert np.hypot(x[0] - 1900, y[0] - 150) < 0.05


def test_positions_between_stored_ones_follow_the_curve_of_the_diurnal_parallax():
    """A body at 0.05 au: its parallax swings by 176 arcsec a day on top of its own motion."""
    hours = np.array([0.0, 1.0, 0.4])
    omega = 2 * np.pi / 24
    ra = 359.9995 + (40.0 * hours + 176 * np.sin(omega * hours)) / 3600 / np.cos(np.radians(20.0))
    rate = 40.0 + 176 * omega * np.cos(omega * hours)  # arcsec/h with cos Dec
    rows = [
        [dict.fromkeys(COLUMNS, 1.0) | {"ra_deg": ra[n] % 360, "dec_deg": 20.0, "ra_rate": rate[n], "dec_rate": 0.0}]
        for n in (0, 1)
    ]
    before, after = ([row[0][name] for name in COLUMNS] for row in rows)
    found = dict(zip(COLUMNS, between(before, after, 0.4, 1 / 24), strict=True))
    assert (found["ra_deg"] - ra[2] % 360) * 3600 == pytest.approx(0, abs=0.005)
    assert found["dec_deg"] == pytest.approx(20.0) and found["v_mag"] == 1.0


# ---- what SWarp is told


def sip_header():
    header = sky.make_wcs((180.0, 20.0), (800, 600), rotation_deg=12).to_header(relax=True)
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN-SIP", "DEC--TAN-SIP"
    header["A_ORDER"], header["B_ORDER"] = 3, 3
    terms = {"A_2_0": 2e-5, "A_1_1": -8e-6, "A_3_0": 2e-8, "B_0_2": 3e-5, "B_1_1": 1e-5, "B_1_2": -1e-8}
    header.update(terms)
    return header


def as_tpv(cards):
    """Return the WCS of cards for SWarp, which reads PV terms behind TAN."""
    cards = cards.copy()
    if any(keyword.startswith("PV") for keyword in cards):
        cards["CTYPE1"], cards["CTYPE2"] = "RA---TPV", "DEC--TPV"
    return WCS(cards)


def test_sip_distortion_which_swarp_ignores_becomes_pv_terms():
    header = sip_header()
    rng = np.random.default_rng(5)
    x, y = rng.uniform(1, 800, 200), rng.uniform(1, 600, 200)
    expected = WCS(header).all_pix2world(x, y, 1)
    undistorted = WCS(header).wcs_pix2world(x, y, 1)
    assert np.abs(np.array(expected) - undistorted).max() * 3600 / 0.375 > 2  # px: there is something to lose
    back = as_tpv(swarp.solution(header, (800, 600))).all_world2pix(*expected, 1)
    assert np.hypot(back[0] - x, back[1] - y).max() < 0.01


@pytest.mark.parametrize("form", ["text", "tpv called tan", "tpv", "cdelt"])
def test_other_forms_of_wcs_reach_swarp_unchanged(form):
    header = sky.make_wcs((359.99, -30.0), (400, 400), rotation_deg=30).to_header(relax=True)
    if form == "cdelt":
        expected = WCS(header)
        assert "CDELT1" in header
    else:
        header = swarp.solution(header, (400, 400))
        if form.startswith("tpv"):
            header.update({"PV1_1": 1.0, "PV2_1": 1.0, "PV1_4": 0.02, "PV2_7": 0.5})
            header["CTYPE1"], header["CTYPE2"] = "RA---TPV", "DEC--TPV"
        expected = WCS(header)
        if form == "tpv called tan":
            header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
        if form == "text":  # as the original suite wrote it
            for keyword in cdmatrix.LINEAR:
                header[keyword] = str(header[keyword])
    x, y = np.array([1.0, 200.0, 390.0]), np.array([5.0, 100.0, 399.0])
    found = as_tpv(swarp.solution(header, (400, 400))).all_pix2world(x, y, 1)
    np.testing.assert_allclose(found, expected.all_pix2world(x, y, 1), atol=1e-9)


def test_a_header_without_wcs_is_refused():
    with pytest.raises(ValueError, match="no celestial"):
        wcskeywords.wcs_of(fits.Header([("OBJECT", "x")]))


# ---- stars in the way


def test_the_mask_of_stars_lies_where_the_frame_shows_them():
    """A rotated, distorted frame of another size: masked pixels are those within the light of its stars."""
    wcs, frame = sky.make_wcs((180.0, 20.0), (420, 400)), WCS(sip_header())
    rng = np.random.default_rng(9)
    ra, dec = wcs.all_pix2world(rng.uniform(40, 380, 25), rng.uniform(40, 360, 25), 1)
    stack = rng.normal(100, 2, (400, 420))
    stack += sky.render(stack.shape, *wcs.all_world2pix(ra, dec, 1), np.full(25, 1e4), 4.2)
    mask = starmask.of_stack(stack, frame_sigma=9.0)
    on_frame = starmask.on_frame(mask, wcs, frame, (800, 600))
    light = sky.render((600, 800), *frame.all_world2pix(ra, dec, 1), np.full(25, 1e4), 4.2)
    assert on_frame[light > 3].mean() > 0.98  # ADU, a third of the noise of a frame
    assert on_frame[light < 1e-3].mean() < 0.003  # and nothing else, but for the odd noise peak


def test_the_trace_of_a_moving_target_is_not_masked():
    """A target of 20 sigma in each of 25 frames leaves up to 0.3 sigma of one along its path in the clipped mean."""
    stack = np.random.default_rng(10).normal(0, 9 / 5, (300, 300))
    stack[140:150, 50:250] += 0.3 * 9
    assert not starmask.of_stack(stack, frame_sigma=9.0)[130:160].any()


# ---- noise


def test_white_noise_has_a_factor_of_one_and_stars_do_not_raise_it():
    rng = np.random.default_rng(6)
    image = rng.normal(100, 9, (600, 600))
    assert noise.aperture_noise_factor(image, 5) == pytest.approx(1.0, abs=0.03)
    image += sky.render((600, 600), rng.uniform(0, 600, 60), rng.uniform(0, 600, 60), 10 ** rng.uniform(3, 5, 60), 4.2)
    assert noise.aperture_noise_factor(image, 5) == pytest.approx(1.0, abs=0.03)


def test_the_factor_of_smoothed_noise_is_that_of_its_kernel():
    """Means of 2 x 2 pixels: a pixel's noise falls to a half, that of a large aperture hardly."""
    fine = np.random.default_rng(7).normal(0, 9, (801, 801))
    smooth = (fine[1:, 1:] + fine[:-1, 1:] + fine[1:, :-1] + fine[:-1, :-1]) / 4
    kernel = noise.disc(8)
    wider = np.zeros((kernel.shape[0] + 1,) * 2)
    for i in (0, 1):
        for j in (0, 1):
            wider[i : i + kernel.shape[0], j : j + kernel.shape[1]] += kernel / 4
    expected = np.sqrt(np.sum(wider**2)) / (0.5 * np.sqrt(np.sum(kernel**2)))
    assert 1.8 < expected < 2
    assert noise.aperture_noise_factor(smooth, 8) == pytest.approx(expected, rel=0.04)


def test_without_empty_sky_there_is_no_factor():
    assert np.isnan(noise.aperture_noise_factor(np.random.default_rng(8).normal(0, 1, (30, 30)), 8))


def test_errors_are_corrected_in_their_background_part_alone():
    flux, background, gain = np.array([1e5, 100.0, -20.0]), 50.0, 2.0
    err = np.sqrt(background**2 + np.maximum(flux, 0) / gain)
    mag_err = np.abs(1.0857 * err / flux)
    mag_err[2] = 99.0
    table = Table({"FLUX_APER": flux, "FLUXERR_APER": err, "MAGERR_APER": mag_err, "ERRAWIN_IMAGE": np.full(3, 0.1)})
    errorbars.correct_correlated(table, 1.2, gain)
    np.testing.assert_allclose(table["FLUXERR_APER"] ** 2, (1.2 * background) ** 2 + np.maximum(flux, 0) / gain)
    np.testing.assert_allclose(table["MAGERR_APER"][:2], 1.0857 * table["FLUXERR_APER"][:2] / flux[:2])
    assert table["MAGERR_APER"][2] == 99.0
    np.testing.assert_allclose(table["ERRAWIN_IMAGE"], 0.12)
    unknown = Table({"FLUX_APER": flux, "FLUXERR_APER": np.full(3, background)})
    errorbars.correct_correlated(unknown, 1.2, None)
    np.testing.assert_allclose(unknown["FLUXERR_APER"], 60.0)
