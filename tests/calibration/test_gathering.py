"""From the stars of frames to the measurements of a night: who takes part, who ties frames, what the detector does."""

import numpy as np
import pytest

from photometrypipeline.calibration import extinction, gathering, nightly, targetcolor
from photometrypipeline.calibration.gathering import FrameStars

SIZE = (1000, 800)


def frames_of(n_frames, n_reference, n_others, seed=1, drift_px=0.0, r2=0.0, airmass=(1.0, 1.0), k=0.0, k2=0.0):
    """Return ({name: FrameStars}, zeropoints, catalogue errors, colours) of a simulated night."""
    rng = np.random.default_rng(seed)
    number = n_reference + n_others
    x0, y0 = rng.uniform(150, SIZE[0] - 150, number), rng.uniform(150, SIZE[1] - 150, number)
    offset = rng.normal(0, 0.01, number)
    color = rng.uniform(0.2, 1.2, number)
    mag = rng.uniform(13, 16, number)
    zp = 25 + rng.normal(0, 0.1, n_frames)
    masses = np.linspace(*airmass, n_frames)
    frames = {}
    for row in range(n_frames):
        x = x0 + drift_px * (row / max(n_frames - 1, 1) - 0.5)
        place = ((x - 500.5) ** 2 + (y0 - 400.5) ** 2) / (np.hypot(*SIZE) / 2) ** 2
        term = r2 * place + (k + k2 * (masses[row] - masses.mean())) * (color - 0.55)
        difference = zp[row] - 0.12 * (masses[row] - 1) + offset + term + rng.normal(0, 0.003, number)
        noise, flags = np.full(number, 0.003), np.zeros(number, dtype=int)
        of = slice(0, n_reference)
        ra, dec = 150 + x0 / 3600, 2 + y0 / 3600  # places on the sky stay
        others = np.array([part[n_reference:] for part in (ra, dec, mag - difference, noise, x, y0)])
        columns = (np.arange(n_reference), difference[of], noise[of], x[of], y0[of], flags[of])
        frames[f"f{row}"] = FrameStars(*columns, others, masses[row], SIZE)
    return frames, zp - 0.12 * (masses - 1), np.full(n_reference, 0.005), color[:n_reference]


def solve(frames, errors, color, asked=False):
    return nightly.solve(frames, errors, color, (targetcolor.of(None, "g-r"), asked), 1.0)


def test_drifting_stars_tell_what_the_detector_does_even_where_the_catalogue_knows_few_of_them():
    frames, zp, errors, color = frames_of(8, 10, 60, drift_px=250.0, r2=-0.03)
    found = solve(frames, errors, color)
    value, err = found.solution.terms["r2"]
    assert value == pytest.approx(-0.03, abs=4 * err) and err < 0.005
    still = frames_of(8, 10, 60, r2=-0.03)
    assert "r2" not in solve(still[0], *still[2:]).solution.terms
    error = found.solution.zp - zp
    assert np.std(error) < 0.0015
    middle = found.of("f0").correction(np.array([500.0]), np.array([400.0]))
    corner = found.of("f0").correction(np.array([950.0]), np.array([760.0]))
    assert corner - middle == pytest.approx(-0.03 * 0.81, abs=0.006)
    assert found.of("f0").common_error(np.array([950.0]), np.array([760.0])) > found.solution.err_common


def test_images_that_widen_in_the_corners_cost_more_there_on_frames_of_worse_seeing():
    frames, zp, errors, color = frames_of(12, 150, 0, r2=0.06)
    seeing = np.linspace(-0.1, 0.1, 12)
    for frame, wider in zip(frames.values(), seeing, strict=True):
        frame.fwhm_px = 4.0 * (1 + wider)
        place = ((frame.x - 500.5) ** 2 + (frame.y - 400.5) ** 2) / (np.hypot(*SIZE) / 2) ** 2
        frame.difference -= 0.15 * wider * place  # less light in the aperture
    found = solve(frames, errors, color)
    value, err = found.solution.terms["r2_fwhm"]
    assert value == pytest.approx(-0.15, abs=4 * err) and err < 0.02
    places = np.array([950.0, 500.5]), np.array([760.0, 400.5])
    sharp, wide = (-np.diff(found.of(name).correction(*places)) for name in ("f0", "f11"))
    assert sharp - wide == pytest.approx(0.15 * 0.2 * 0.81, abs=0.003)
    for frame in frames.values():
        frame.fwhm_px = np.nan
    assert "r2_fwhm" not in solve(frames, errors, color).solution.terms


def test_extinction_and_its_colour_term_come_from_a_run_through_airmass():
    frames, _, errors, color = frames_of(12, 150, 0, airmass=(1.0, 2.2), k=0.03, k2=-0.02)
    for row, frame in enumerate(frames.values()):  # no clouds
        frame.difference -= np.median(frame.difference) - 25 + 0.12 * (frame.airmass - 1) + 0.001 * (row % 2)
    found = solve(frames, errors, color)
    assert found.extinction.coefficient == pytest.approx(0.12, abs=0.01)
    assert found.extinction.scatter < 0.006
    value, err = found.solution.terms["color_airmass"]
    assert value == pytest.approx(-0.02, abs=4 * err + 0.002)
    assert found.of("f0").color > found.of("f11").color
    level = frames_of(12, 150, 0, airmass=(1.0, 1.2))
    calm = solve(level[0], *level[2:])
    assert calm.extinction is None and "color_airmass" not in calm.solution.terms


def test_clouds_do_not_pass_for_extinction():
    rng = np.random.default_rng(3)
    airmass = np.linspace(1, 2, 30)
    zp = 25 - 0.15 * airmass + rng.normal(0, 0.003, 30)
    zp[10:16] -= 0.7  # clouds
    found = extinction.fit(zp, np.full(30, 0.001), airmass)
    assert found.coefficient == pytest.approx(0.15, abs=4 * found.err)


def test_flagged_stars_stay_out_where_others_are_enough():
    frames, *_ = frames_of(2, 60, 0)
    frame = frames["f0"]
    frame.flags[:30] = 2
    assert frame.sound().i_star.tolist() == list(range(30, 60))
    frame.flags[:50] = 3
    assert frame.sound() is frame


def test_of_very_many_stars_the_best_take_part_and_every_frame_keeps_some():
    frames, _, errors, color = frames_of(3, 1500, 0)
    for frame in frames.values():
        frame.noise[:] = 0.05
        frame.noise[100:1100] = 0.002
    lonely = frames["f2"]
    keep = lonely.i_star < 100
    frames["f2"] = FrameStars(
        *(part[keep] for part in (lonely.i_star, lonely.difference, lonely.noise, lonely.x, lonely.y, lonely.flags)),
        *(lonely.others, lonely.airmass, lonely.size_px),
    )
    found = gathering.gather(list(frames.values()), errors, color, targetcolor.of(None, "g-r"))
    assert gathering.MAX_STARS <= found.i_star.size <= gathering.MAX_STARS + 3 * gathering.MIN_PER_FRAME
    assert np.isfinite(found.measurements.difference[2]).sum() == gathering.MIN_PER_FRAME


def test_a_sky_that_is_too_high_around_all_stars_does_not_move_the_zeropoint():
    rng = np.random.default_rng(21)
    mag, sky_noise, too_high = np.sort(rng.uniform(15, 20, 150)), 60.0, 2.0
    flux, offset = 10 ** (-0.4 * (mag - 27)), rng.normal(0, 0.01, 150)
    noise = 1.0857 * np.hypot(np.sqrt(flux), sky_noise) / flux
    zp = 27 + rng.normal(0, 0.1, 10)
    nobody = np.empty((6, 0))
    found = {}
    for told in (True, False):
        frames = {}
        for row in range(10):
            inst = -2.5 * np.log10(flux - too_high * sky_noise) + 27 - zp[row] + offset + rng.normal(0, noise)
            places = rng.uniform(50, 900, 150), rng.uniform(50, 700, 150)
            columns = (np.arange(150), mag - inst, noise, *places, np.zeros(150, dtype=int), nobody, 1.2, SIZE)
            frames[f"f{row}"] = FrameStars(*columns, inst=inst if told else None)
        found[told] = solve(frames, np.full(150, 0.005), np.full(150, 0.5)).solution
    value, err = found[True].terms["sky"]
    assert value == pytest.approx(-too_high, abs=max(4 * err, 0.2))  # a logarithm is not quite straight
    assert np.mean(found[True].zp - zp) == pytest.approx(0, abs=4 * found[True].err_common)
    assert np.mean(found[False].zp - zp) < -0.004 and "sky" not in found[False].terms


def test_noise_neither_weighs_a_star_by_its_luck_nor_makes_it_fainter():
    rng = np.random.default_rng(4)
    mag, zp, sky_noise = np.repeat([15.0, 19.0], 20000), 27.0, 100.0
    flux = 10 ** (-0.4 * (mag - zp))
    got = flux + rng.normal(0, np.hypot(sky_noise, np.sqrt(flux)))
    inst, noise = -2.5 * np.log10(got), 1.0857 * np.hypot(sky_noise, np.sqrt(got)) / got
    columns = (np.arange(mag.size), mag - inst, noise, *np.zeros((2, mag.size)), np.zeros(mag.size, dtype=int))
    frame = FrameStars(*columns, np.empty((6, 0)), 1.2, SIZE, inst=inst)
    faint = mag == 19.0

    def mean(difference, error):
        return np.average(difference[faint], weights=error[faint] ** -2.0) - zp

    assert mean(frame.difference, frame.noise) > 0.004  # those that noise makes brighter count more
    assert mean(*frame.by_the_catalog()) == pytest.approx(0, abs=0.002)
    assert frame.by_the_catalog()[1][faint].mean() == pytest.approx(
        1.0857 * np.sqrt(sky_noise**2 + 10**3.2) / 10**3.2, rel=0.01
    )


def test_a_gradient_over_the_detector_has_one_width_whatever_its_direction():
    frames, zp, errors, color = frames_of(6, 150, 0)
    for frame in frames.values():  # a gradient of 0.03 mag along x alone
        frame.difference += 0.03 * (frame.x - 500.5) / (np.hypot(*SIZE) / 2)
    along = solve(frames, errors, color).solution.terms
    assert along["x"][0] == pytest.approx(0.03, abs=4 * along["x"][1])
    for frame in frames.values():  # the same, turned by 45 degrees
        frame.difference += 0.03 * (frame.y - 400.5) / (np.hypot(*SIZE) / 2)
    across = solve(frames, errors, color).solution.terms
    assert across["y"][0] == pytest.approx(0.03, abs=4 * across["y"][1])
    assert across["y"][1] == pytest.approx(along["y"][1], rel=0.1)  # it was free before, with x
