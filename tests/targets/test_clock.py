"""A clock that is off shows in the residuals along the tracks of moving targets."""

from types import SimpleNamespace

import numpy as np
import pytest

from photometrypipeline.frames.rows import Row
from photometrypipeline.reports import astrometryreport
from photometrypipeline.targets import clock

SCATTER = 0.03  # arcsec


def rows(late_s, rate=(-250.0, 170.0), n=12, seed=1, across=0.0, sigma=(0.01, 0.01), start=(359.999, 60.0), **changes):
    """Return Rows of a target at `rate` (arcsec/h E, N) whose times are written late."""
    rng = np.random.default_rng(seed)
    speed = np.hypot(*rate)
    found = []
    for k in range(n):
        hours = k * 0.02
        truth = np.array(rate) * hours
        predicted = truth + np.array(rate) * late_s / 3600
        side = across * np.array([-rate[1], rate[0]]) / speed if speed else np.zeros(2)
        seen = truth + side + rng.normal(0, SCATTER, 2)
        places = [(start[0] + e / 3600 / np.cos(np.radians(start[1])), start[1] + north / 3600)
                  for e, north in (predicted, seen)]  # fmt: skip
        found.append(Row(
            jd=2457000.5 + hours / 24 + late_s / 86400, ra_pred_deg=places[0][0] % 360, dec_pred_deg=places[0][1],
            ra_deg=places[1][0] % 360, dec_deg=places[1][1], sigma_ra_arcsec=sigma[0],
            sigma_dec_arcsec=sigma[1], **changes
        ))  # fmt: skip
    return found


@pytest.mark.parametrize("late", [0.9, -2.0])
def test_a_late_clock_is_measured(late):
    drift = clock.drift_of("3552", rows(late))
    speed = np.hypot(250, 170) / 3600
    assert drift.speed_arcsec_s == pytest.approx(speed, rel=1e-3)
    few = 3.96 / 3  # what 3 sigma of a normal distribution are for a scatter by 12 values
    assert drift.err_s == pytest.approx(few * np.hypot(SCATTER / np.sqrt(12), clock.FRAME_ARCSEC) / speed, rel=0.5)
    assert drift.late_s == pytest.approx(late, abs=3 * drift.err_s)
    words = clock.told({"3552": rows(late)})
    assert ("late" if late > 0 else "early") in words and "or the ephemeris of 3552 is off by" in words
    assert "across" not in words


def test_a_good_clock_is_not_mentioned():
    assert [clock.told({"3552": rows(0.0, seed=seed)}) for seed in range(20)].count("") >= 19


def test_three_places_that_agree_by_chance_say_nothing():
    seeds = range(300)
    told = [clock.told({"3552": rows(0.0, n=3, seed=seed)}) for seed in seeds]
    assert sum(map(bool, told)) <= 4  # 0.3 % expected


def test_centroids_of_narrow_images_are_trusted_less():
    wide, narrow = (clock.drift_of("x", rows(0.0, fwhm_arcsec=fwhm), 3.0) for fwhm in (9.0, 4.2))
    assert wide.err_arcsec == pytest.approx(0.09, rel=0.1) and narrow.err_arcsec == pytest.approx(0.134, rel=0.1)
    assert clock.told({"x": rows(0.25 / 0.084, fwhm_arcsec=4.2)}, 3.0) == ""
    assert "late" in clock.told({"x": rows(0.25 / 0.084, fwhm_arcsec=1.2)}, 0.375)


def test_what_is_off_across_the_track_is_no_clock():
    assert "which no clock explains" in clock.told({"3552": rows(2.0, across=0.2)})
    assert clock.told({"3552": rows(0.0, across=0.2)}) == ""


def test_several_bodies_tell_clock_from_ephemeris():
    bodies = {"a": rows(1.5, seed=2), "b": rows(1.5, (600.0, 20.0), seed=3), "c": rows(1.5, (30.0, -150.0), seed=4)}
    assert "late, by 3 moving bodies" in clock.told(bodies)
    one_ephemeris = {"a": rows(2.0, seed=2), "b": rows(0, (600.0, 20.0), seed=3), "c": rows(0, (300.0, -150.0), seed=4)}
    assert clock.told(one_ephemeris) == ""


def test_what_does_not_count():
    assert clock.drift_of("x", rows(1.0, n=2)) is None
    assert clock.drift_of("x", rows(1.0, rate=(0.1, 0.0))) is None
    assert clock.drift_of("x", rows(1.0, reason="by hand")) is None
    assert clock.drift_of("x", rows(1.0, offset_ra_arcsec=3.0)) is None
    assert clock.drift_of("x", [Row(detected=False, jd=1.0)] * 5) is None
    one_wrong = rows(0.0)
    one_wrong[3].dec_deg += 3 / 3600
    assert clock.told({"x": one_wrong}) == ""
    unknown = clock.drift_of("x", rows(1.0, sigma=(np.nan, np.nan)))
    assert unknown.sigma_arcsec == 0


def test_reports_say_it_with_each_position():
    words = clock.told({"3552": rows(0.9)})
    row = Row(band="R", catalog="PANSTARRS")
    remarks = astrometryreport._remarks(SimpleNamespace(row=row), {"photCat": "PS1DR1", "mag": "17.0"}, words)
    assert remarks == words and 20 < len(remarks) < 200
