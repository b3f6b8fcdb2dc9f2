"""One solution for a night: zeropoints, their two errors, and stars, against simulated nights whose truth is known."""

import time

import numpy as np
import pytest

from photometrypipeline.base.errors import TooFewStars
from photometrypipeline.calibration import night, robust

CATALOG_ERR, STAR_SCATTER, JITTER = 0.010, 0.010, 0.002  # mag


class Simulated:
    """A night: frames with zeropoints, stars with offsets of their own, measurements with noise and slips."""

    def __init__(self, n_frames, n_stars, seed, color=-0.05, r2=0.0, slips=0.01):
        rng = np.random.default_rng(seed)
        self.rng = rng
        mag = rng.uniform(13, 18, n_stars)
        self.color = rng.normal(0.1, 0.3, n_stars)  # against the target's
        self.zp = 25 + np.cumsum(rng.normal(0, 0.05, n_frames))  # clouds
        self.noise = np.broadcast_to(0.001 * 10 ** (0.2 * (mag - 13)), (n_frames, n_stars)).copy()
        self.offset = rng.normal(0, np.hypot(CATALOG_ERR, STAR_SCATTER), n_stars)
        x, y = rng.uniform(-1, 1, (2, n_stars))
        self.r2 = (x**2 + y**2) / 2 - 1 / 3
        self.difference = self.zp[:, None] + color * self.color + self.offset + r2 * self.r2
        self.difference += rng.normal(size=self.noise.shape) * np.hypot(self.noise, JITTER)
        self.difference[rng.random(self.noise.shape) < slips] += 0.3
        self.catalog_err = np.full(n_stars, CATALOG_ERR)

    def measurements(self):
        likeness = np.exp(-((self.color / 0.35) ** 2) / 2)
        terms = [night.Term("color", self.color, (0.05,))]
        if self.color.size >= 50:
            terms.append(night.Term("r2", self.r2, (0.01,)))
        return night.Measurements(self.difference, self.noise, self.catalog_err, likeness, terms)

    def solve(self):
        return night.solve(self.measurements())


def relative(solution, truth):
    """Return the errors of the zeropoints against each other, and of their mean, mag."""
    error = solution.zp - truth
    return error - error.mean(), error.mean()


@pytest.mark.parametrize(("n_stars", "goal"), [(500, 0.0003), (100, 0.0005), (15, 0.002)])
def test_zeropoints_agree_with_each_other(n_stars, goal):
    errors = []
    for seed in range(8):
        simulated = Simulated(30, n_stars, seed)
        errors.append(relative(simulated.solve(), simulated.zp)[0].std())
    assert np.mean(errors) < goal


@pytest.mark.parametrize("n_stars", [15, 100])
def test_both_errors_are_what_they_say(n_stars):
    frame, common = [], []
    for seed in range(40):
        simulated = Simulated(10, n_stars, seed)
        solution = simulated.solve()
        each, level = relative(solution, simulated.zp)
        frame += (each / solution.err_frame).tolist()
        common.append(level / solution.err_common)
    assert 0.75 < np.std(frame) < 1.15
    assert 0.7 < np.std(common) < 1.3
    assert abs(np.mean(common)) < 3 / np.sqrt(len(common))


def test_the_common_error_is_that_of_the_catalogue_and_the_frame_error_that_of_photons():
    found = [Simulated(20, 100, seed).solve() for seed in range(12)]
    expected = np.hypot(CATALOG_ERR, STAR_SCATTER) / np.sqrt(75)  # the stars' weights by colour add up to 75
    assert np.mean([solution.err_common for solution in found]) == pytest.approx(expected, rel=0.3)
    assert max(solution.err_frame.max() for solution in found) < 0.001
    assert np.mean([solution.scatter for solution in found]) == pytest.approx(STAR_SCATTER, abs=0.002)


def test_variable_stars_cost_nothing():
    quiet, restless = Simulated(30, 60, 3), Simulated(30, 60, 3)
    restless.difference[:, :8] += 0.2 + 0.3 * np.sin(np.arange(30)[:, None] / 4 + np.arange(8))
    without = Simulated(30, 60, 3)
    without.difference[:, :8] = np.nan
    found, reference = restless.solve(), without.solve()
    each, level = relative(found, quiet.zp)
    assert each.std() < 1.1 * relative(reference, quiet.zp)[0].std() + 5e-5
    assert abs(found.zp.mean() - reference.zp.mean()) < 0.6 * reference.err_common
    assert (found.stars.weight[:8] < 0.1).all()
    assert (found.stars.scatter[:8] > 5 * found.stars.expected[:8]).all()


def test_a_star_that_is_wrong_in_the_catalogue_costs_nothing():
    simulated = Simulated(20, 40, 5)
    right = simulated.solve()
    simulated.difference[:, :4] += 0.4
    wrong = simulated.solve()
    assert abs(wrong.zp.mean() - right.zp.mean()) < right.err_common
    assert wrong.stars.offset[:4] == pytest.approx(right.stars.offset[:4] + 0.4, abs=0.01)


def test_a_star_that_drops_out_of_frames_moves_no_zeropoint():
    simulated = Simulated(20, 12, 7, slips=0.0)
    simulated.difference[:, 0] += 0.06  # its constant offset
    simulated.noise[:, 0] = 0.001
    simulated.difference[10:, 0] = np.nan
    solution = simulated.solve()
    each, _ = relative(solution, simulated.zp)
    assert abs(each[10:].mean() - each[:10].mean()) < 0.0015  # a mean over stars of each frame would jump by 5 mmag
    naive = np.nanmean(simulated.difference, axis=1) - simulated.zp
    assert abs(naive[10:].mean() - naive[:10].mean()) > 0.003


def test_frames_without_stars_of_the_catalogue_hang_on_the_rest():
    simulated = Simulated(12, 60, 9)
    simulated.catalog_err[20:] = np.inf  # stars that the catalogue does not know
    simulated.difference[:, 20:] -= 18.0  # so that minus their instrumental magnitude is all there is
    simulated.difference[6:, :20] = np.nan
    simulated.difference[11, 22:] = np.nan  # and one that has too few stars even so
    solution = simulated.solve()
    assert np.isfinite(solution.zp[:11]).all() and np.isnan(solution.zp[11])
    each, _ = relative(solution, simulated.zp)
    error = solution.zp[:11] - simulated.zp[:11]
    assert np.std(error) < 0.001
    assert solution.n_reference == 20
    assert (solution.err_frame[6:11] < 0.002).all()


def test_frames_that_share_no_star_have_none():
    simulated = Simulated(6, 40, 11)
    simulated.catalog_err[20:] = np.inf
    simulated.difference[:3, 20:] = np.nan
    simulated.difference[3:, :20] = np.nan
    solution = simulated.solve()
    assert np.isfinite(solution.zp).tolist() == [True] * 3 + [False] * 3


def test_the_terms_come_out():
    found = [Simulated(20, 500, seed, color=0.04, r2=0.012).solve().terms for seed in range(10)]
    for name, truth in (("color", 0.04), ("r2", 0.012)):
        values, errors = np.array([terms[name] for terms in found]).T
        assert values.mean() == pytest.approx(truth, abs=0.003)  # the prior pulls r2 towards 0 a little
        assert np.std(values) < 2 * errors.mean()


def test_a_term_that_is_not_needed_costs_little_and_one_that_is_comes_out_whole():
    widths = (0.004, 0.03, 0.2)
    errors = {}
    for truth in (0.0, -0.15):
        for prior in (widths, (0.05,)):
            found = []
            for seed in range(12):
                simulated = Simulated(6, 80, seed, color=0.0, r2=truth)
                measured = simulated.measurements()
                measured.terms = [night.Term("r2", simulated.r2, prior)]
                found.append(night.solve(measured).terms["r2"])
            values, stated = np.array(found).T
            errors[truth, prior] = np.sqrt(np.mean((values - truth) ** 2))
            assert errors[truth, prior] < 2 * np.mean(stated)
    assert errors[0.0, widths] < 0.7 * errors[0.0, (0.05,)]
    assert errors[-0.15, widths] < 1.1 * errors[-0.15, (0.05,)]


def test_errors_that_a_faint_star_keeps_on_all_frames_are_found_and_do_not_move_the_level():
    found = {}
    for share in (0.0, 3.0):
        shares, levels = [], []
        for seed in range(8):
            simulated = Simulated(10, 100, seed, color=0.0)
            simulated.difference -= share * simulated.noise[0] * simulated.rng.normal(size=100)
            measured = simulated.measurements()
            measured.terms, measured.lasting = [], simulated.noise[0]
            solution = night.solve(measured)
            shares.append(solution.share)
            levels.append((solution.zp - simulated.zp).mean() / solution.err_common)
        found[share] = np.mean(shares)
        assert np.sqrt(np.mean(np.square(levels))) < 1.6  # all that a bright star keeps is below a mmag
    assert found[0.0] < 1.3 < 2.0 < found[3.0] < 4.0


def test_stars_of_another_colour_count_less_and_their_errors_no_more():
    pulls = []
    for seed in range(60):
        simulated = Simulated(5, 60, 100 + seed, color=0.0)
        measured = simulated.measurements()
        measured.terms, measured.likeness = [], np.where(np.arange(60) < 20, 1.0, 0.2)
        solution = night.solve(measured)
        pulls.append((solution.zp - simulated.zp).mean() / solution.err_common)
    assert 0.73 < np.std(pulls) < 1.25  # 0.69 if a small weight were a large error


def test_influence_is_what_leaving_a_star_out_does():
    simulated = Simulated(10, 12, 13, slips=0.0)
    whole = simulated.solve()
    for star in range(6):
        simulated_without = Simulated(10, 12, 13, slips=0.0)
        simulated_without.difference[:, star] = np.nan
        moved = simulated_without.solve().zp.mean() - whole.zp.mean()
        # the weights of the others change a little as well, which the linear answer leaves out
        assert whole.stars.influence[star] == pytest.approx(moved, abs=0.0012)


def test_errors_grow_where_the_coefficients_are_far_from_known():
    solution = Simulated(10, 100, 15).solve()
    at = np.array([[0.0, 0.0], [0.5, 0.0], [0.0, 0.6]])
    middle, red, corner = solution.common_error(at)
    assert middle == pytest.approx(solution.err_common)
    assert red > middle and corner > middle


def test_two_stars_are_too_few():
    with pytest.raises(TooFewStars):
        Simulated(5, 2, 1).solve()


def test_a_large_night_is_fast():
    simulated = Simulated(40, 500, 17)
    begin = time.process_time()
    simulated.solve()
    assert time.process_time() - begin < 5  # below a second on any machine that is not busy


def test_scatter_beyond_the_errors():
    rng = np.random.default_rng(1)
    errors = rng.uniform(0.005, 0.02, 4000)
    values = rng.normal(size=4000) * np.hypot(errors, 0.012)
    assert robust.excess_scatter(values, errors, 0.001) == pytest.approx(0.012, rel=0.1)
    assert robust.excess_scatter(values / 3, errors, 0.001) == 0.001
    values[:400] += 1.0
    assert robust.excess_scatter(values, errors, 0.001) == pytest.approx(0.012, rel=0.4)
