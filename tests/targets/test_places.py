"""Where a target is in each frame: offsets that frames share, drifts, predictions that are worse than sources."""

from types import SimpleNamespace

import numpy as np
import pytest

from photometrypipeline.targets import places, targets
from photometrypipeline.targets.targetmatch import MatchSettings

FWHM = 1.5  # arcsec


def night(number=10, sigma=None, rate=30.0):
    """Return (Target, list of what stands for Measured) of a target that moves East."""
    table = {"FWHM_WORLD": np.full(20, FWHM / 3600)}
    frames = [
        SimpleNamespace(frame=SimpleNamespace(name=f"{n}.fits"), header={"obstime": 2458000 + n / 500}, table=table)
        for n in range(number)
    ]
    target = targets.Target("1", "primary", {f"{n}.fits": (120 + n * 1e-3, 10.0) for n in range(number)})
    if sigma is not None:
        target.sigma_arcsec = dict.fromkeys(target.places, (sigma, sigma))
        target.rate_arcsec_h = dict.fromkeys(target.places, rate)
    return target, frames


def off_arcsec(target, found, name):
    """Return (east, north) of a Place against the prediction."""
    ra, dec = target.places[name]
    place = found[name]
    return (place.ra_deg - ra) * 3600 * np.cos(np.radians(10)), (place.dec_deg - dec) * 3600


def test_the_offset_of_the_night_is_used_in_all_frames_and_outliers_are_not():
    target, frames = night()
    rng = np.random.default_rng(1)
    samples = {f"{n}.fits": places.Sample(*rng.normal((0.4, -0.2), 0.03), 0.03, FWHM) for n in range(8)}
    samples["3.fits"] = places.Sample(1.1, 0.3, 0.03, FWHM)  # a piece of a source cut by a bad column
    found = places.of_target(target, frames, samples, MatchSettings())
    for name in ("0.fits", "3.fits", "9.fits"):
        assert off_arcsec(target, found, name) == pytest.approx((0.4, -0.2), abs=0.04)
        assert found[name].confirmed and not found[name].by_source


def test_a_drift_is_followed():
    target, frames = night()
    samples = {f"{n}.fits": places.Sample(0.05 * n, 0.0, 0.01, FWHM) for n in range(10) if n != 5}
    found = places.of_target(target, frames, samples, MatchSettings())
    assert off_arcsec(target, found, "5.fits")[0] == pytest.approx(0.25, abs=0.02)


def test_a_prediction_that_scatters_yields_to_the_sources():
    target, frames = night()
    rng = np.random.default_rng(2)
    samples = {f"{n}.fits": places.Sample(*rng.normal(0, 0.8, 2), 0.02, FWHM) for n in range(10)}
    found = places.of_target(target, frames, samples, MatchSettings())
    for name, sample in samples.items():
        assert found[name].by_source and not found[name].confirmed
        assert off_arcsec(target, found, name) == pytest.approx((sample.east, sample.north), abs=0.001)


def test_without_any_source_a_good_ephemeris_is_believed_and_a_bad_one_is_not():
    for sigma, believed in ((0.05, True), (2.0, False), (None, False)):
        target, frames = night(sigma=sigma)
        found = places.of_target(target, frames, {}, MatchSettings())
        assert all(place.confirmed == believed for place in found.values())
    target, frames = night(sigma=0.05, rate=7200.0)  # 2"/s: the clock is not as good as that
    assert not any(place.confirmed for place in places.of_target(target, frames, {}, MatchSettings()).values())


def test_two_frames_confirm_nothing():
    target, frames = night()
    samples = {f"{n}.fits": places.Sample(0.1, 0.1, 0.03, FWHM) for n in range(2)}
    assert not any(place.confirmed for place in places.of_target(target, frames, samples, MatchSettings()).values())
