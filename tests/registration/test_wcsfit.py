"""The fit of the final WCS against simulated frames with a known map; lists of positions, no pixels involved."""

from dataclasses import replace

import numpy as np
import pytest

from photometrypipeline.registration import wcsfit
from photometrypipeline.registration.astrometry import to_sky
from photometrypipeline.registration.distortion import Fit, Pairs, Problem, tpv_header
from photometrypipeline.sky import tangent
from photometrypipeline.sky.sphere import ra_difference_deg
from photometrypipeline.sky.tangent import LinearMap

SIZE, SCALE, CENTRE = (1024, 1024), 0.4, (200.0, 40.0)
HALF = np.hypot(*SIZE) / 2
MIDDLE = complex((SIZE[0] + 1) / 2, (SIZE[1] + 1) / 2)


def bent(u, cubic_px):
    """Return pixels (from the middle) with a distortion, mostly of third order, of `cubic_px` at the corners."""
    second = (0.6 + 0.3j) * u.real**2 + (0.2 - 0.4j) * u.real * u.imag
    return HALF * u + cubic_px * (u * np.abs(u) ** 2 + 0.2 * second)


class Night:
    """Frames (FrameStars) of one field, and the truth: `sky_of(number, x, y)`."""

    def __init__(self, seed, n_stars, n_frames=1, cubic_px=1.5, outliers=0.0):
        rng = np.random.default_rng(seed)
        number = int(n_stars * np.pi * 1.3**2 / 2)
        places = 1.3 * HALF * np.sqrt(rng.uniform(size=number)) * np.exp(2j * np.pi * rng.uniform(size=number))
        ra, dec = tangent.deproject(places * SCALE / 3600, CENTRE)
        error = 0.003 / 3600
        self.stars = wcsfit.StarList(
            ra + rng.normal(0, error, number) / np.cos(np.radians(dec)),
            dec + rng.normal(0, error, number),
            np.full(number, error),
        )
        sigma = 0.03 * 10 ** rng.uniform(-0.5, 0.8, number)  # px
        self.cubic_px, self.maps, self.frames = cubic_px, [], []
        for count in range(n_frames):
            dither = complex(*rng.normal(0, 20, 2)) * SCALE / 3600
            centre = tuple(float(value[0]) for value in tangent.deproject(dither, CENTRE))
            turn = LinearMap(0j, SCALE / 3600 * np.exp(1j * rng.uniform(0, 0.02)), 0j)
            self.maps.append((turn, centre))
            wanted = turn.inverse(tangent.project(ra, dec, centre))
            u = wanted / HALF
            for _ in range(20):
                u = u - (bent(u, cubic_px) - wanted) / HALF
            noise = sigma * (rng.normal(size=number) + 1j * rng.normal(size=number))
            noise = np.where(rng.uniform(size=number) < outliers, 40 * noise, noise)
            z = u * HALF + MIDDLE + noise
            seen = (np.abs(u.real) < 0.5 * SIZE[0] / HALF) & (np.abs(u.imag) < 0.5 * SIZE[1] / HALF)
            plane = tangent.project(ra[seen], dec[seen], centre)
            start = LinearMap.fit(z[seen], plane).header(centre)
            error_px = np.hypot(sigma[seen], wcsfit.FLOOR_PX)
            self.frames.append(wcsfit.FrameStars(f"{count}", z[seen].real, z[seen].imag, error_px, SIZE, start))

    def sky_of(self, number, x, y):
        turn, centre = self.maps[number]
        return tangent.deproject(turn(bent((x + 1j * y - MIDDLE) / HALF, self.cubic_px)), centre)

    def errors_arcsec(self, number, header):
        """Return distances from the truth all over the frame, not only where the stars are."""
        x, y = (axis.ravel() for axis in np.meshgrid(*(np.linspace(1, length, 21) for length in SIZE)))
        ra, dec = to_sky(header, x, y)
        true_ra, true_dec = self.sky_of(number, x, y)
        return 3600 * np.hypot(ra_difference_deg(ra, true_ra) * np.cos(np.radians(dec)), dec - true_dec)


def rms(values):
    return np.sqrt(np.mean(values**2))


@pytest.mark.parametrize(("n_stars", "goal_arcsec"), [(12, 0.08), (30, 0.05), (130, 0.015), (400, 0.01)])
def test_the_map_is_right_all_over_the_frame(n_stars, goal_arcsec):
    found = []
    for seed in range(6):
        night = Night(seed, n_stars)
        result = wcsfit.fit(night.frames, night.stars)["0"]
        found.append(rms(night.errors_arcsec(0, result.header)))
    assert max(found) < goal_arcsec


def test_few_stars_with_poor_places_state_an_error_that_holds():
    """Eight stars good to 0.15", the same in three frames: more frames do not teach a distortion, which went 5" off."""
    true, told = [], []
    for seed in range(30, 40):
        night = Night(seed, 8, n_frames=3, cubic_px=0.3)
        rng = np.random.default_rng(seed)
        error_deg = 0.15 / 3600
        places = [each + rng.normal(0, error_deg, each.size) for each in (night.stars.ra_deg, night.stars.dec_deg)]
        poor = wcsfit.StarList(*places, np.full(places[0].size, error_deg))
        for name, result in wcsfit.fit(night.frames, poor).items():
            true.append(rms(night.errors_arcsec(int(name), result.header)) / np.sqrt(2))
            told.append(result.cv_arcsec)
    true, told = np.array(true), np.array(told)
    assert true.max() < 1.0 and rms(true) < rms(told) < 3 * rms(true) and np.mean(true < told) > 0.68


def test_the_form_of_the_distortion_follows_what_the_stars_can_tell():
    plain = [
        wcsfit.fit(night.frames, night.stars)["0"].model for night in (Night(k, 100, cubic_px=0) for k in range(6))
    ]
    assert plain.count("linear") >= 5  # noise passes for a distortion now and then
    assert {wcsfit.fit(night.frames, night.stars)["0"].model for night in (Night(1, 150), Night(2, 400))} == {"cubic"}
    few = Night(3, 12)
    assert wcsfit.fit(few.frames, few.stars)["0"].model in ("linear", "radial")


def test_frames_that_share_their_distortion_know_it_better():
    night = Night(4, 60, n_frames=6)
    together = wcsfit.fit(night.frames, night.stars)
    assert all(result.shared for result in together.values()) and len(together) == 6
    alone = [wcsfit.fit([frame], night.stars)[frame.name] for frame in night.frames]
    joint = [rms(night.errors_arcsec(k, together[f"{k}"].header)) for k in range(6)]
    assert np.median(joint) < 0.8 * np.median([rms(night.errors_arcsec(k, one.header)) for k, one in enumerate(alone)])


def test_wrong_matches_do_not_bend_the_map():
    night = Night(5, 150, outliers=0.1)
    result = wcsfit.fit(night.frames, night.stars)["0"]
    assert rms(night.errors_arcsec(0, result.header)) < 0.015


def test_too_few_stars_give_no_result():
    night = Night(6, 12)
    few = replace(night.frames[0], x_px=night.frames[0].x_px[:4], y_px=night.frames[0].y_px[:4])
    assert wcsfit.fit([replace(few, sigma_px=few.sigma_px[:4])], night.stars) == {}


def test_a_solution_of_scamp_that_is_off_is_not_kept():
    night = Night(7, 150)
    ours = wcsfit.fit(night.frames, night.stars)["0"]
    shifted = ours.header.copy()
    shifted["CRVAL2"] += 0.1 / 3600
    kept = wcsfit.fit(night.frames, night.stars, (3, lambda: {"0": shifted}))["0"]
    assert (kept.solution, kept.header) == ("fit", ours.header)


def test_scamp_is_kept_where_it_predicts_better(monkeypatch):
    night = Night(8, 150)
    good = wcsfit.fit(night.frames, night.stars)["0"].header
    monkeypatch.setattr(wcsfit, "DEGREES", {"linear": 1, "quadratic": 2, "cubic": 3})
    monkeypatch.setattr(wcsfit, "better", lambda *_: False)  # ours stays linear
    result = wcsfit.fit(night.frames, night.stars, (3, lambda: {"0": good}))["0"]
    assert (result.solution, result.degree, result.header) == ("SCAMP", 3, good)


def test_the_header_is_the_fitted_map():
    """astropy's reading of the TPV terms against the polynomial itself, for a frame that is turned and mirrored."""
    rng = np.random.default_rng(9)
    u = rng.uniform(-0.7, 0.7, 300) + 1j * rng.uniform(-0.7, 0.7, 300)
    pairs = Pairs(
        u, u + 0.01 * u * np.abs(u) ** 2 + 0.004 * u.real**2 - 0.002j * u.imag**4, np.full(300, 1e-5), np.arange(300)
    )
    fitted = Problem([pairs], "quartic").fit()
    assert isinstance(fitted, Fit) and np.abs(fitted.residuals[0]).max() < 1e-10
    for matrix in (LinearMap(0.1 + 0.03j, 0.001j, 0j), LinearMap(0.002 + 0j, 0.08 - 0.05j, 0j)):
        header = tpv_header(matrix, CENTRE, MIDDLE, HALF, fitted, 0)
        ra, dec = to_sky(header, (u * HALF + MIDDLE).real, (u * HALF + MIDDLE).imag)
        true_ra, true_dec = tangent.deproject(matrix(fitted(u, 0)), CENTRE)
        assert header["CTYPE1"] == "RA---TPV"
        assert np.abs(ra_difference_deg(ra, true_ra)).max() * 3600 < 1e-5
        assert np.abs(dec - true_dec).max() * 3600 < 1e-5
