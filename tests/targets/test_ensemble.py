"""Light curves of stars: their own colour, barycentric time, normalised flux."""

from types import SimpleNamespace

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from photometrypipeline.frames.rows import Row
from photometrypipeline.sky import observer
from photometrypipeline.targets import ensemble, observed

PLACE = 31.0427, 46.6878
TERM = {"coefficient": -0.08, "err": 0.02, "target_color": 0.55}


def measured(names, header):
    def number(keyword):
        return header[keyword]

    frames = [SimpleNamespace(name=name, header=header, number=number, telescope=None) for name in names]
    return [SimpleNamespace(frame=frame) for frame in frames]


def header(**cards):
    found = fits.Header([("TEL_KEYW", "VATT4K"), ("MIDTIMJD", 2458107.6)])
    found.update(cards)
    return found


def row(frame, mag=12.0, kind="fixed", **more):
    return Row(frame=frame, kind=kind, mag=mag, jd=2458107.6, ra_pred_deg=PLACE[0], dec_pred_deg=PLACE[1], **more)


def test_flux_in_units_of_its_median_with_its_error():
    names = ["a", "b", "c", "d"]
    rows = [row(name, mag, err_frame=0.002) for name, mag in zip(names, (12.0, 12.0, 12.02, 12.5), strict=True)]
    rows[3].reason = "by hand"
    ensemble.observe(rows, measured(names, header(AIRMASS=1.3)))
    assert [each.norm_flux for each in rows] == pytest.approx([1, 1, 0.98175, 0.63096], abs=1e-5)
    assert rows[0].norm_flux_err == pytest.approx(0.002 / 1.0857, rel=1e-3)
    assert rows[0].airmass == 1.3
    assert rows[0].bjd_tdb == pytest.approx(observer.bjd_tdb(2458107.6, *PLACE, "290")[0], abs=1e-9)
    assert 0 < rows[0].bjd_tdb - 2458107.6 < 0.0065  # in December the Earth is on the star's side


def test_an_airmass_that_no_header_knows_is_computed():
    made_up = header()
    made_up["AIRMASS"] = 1.0, "fake airmass, the header has none"
    rows = [row("a", kind="primary")]
    ensemble.observe(rows, measured(["a"], made_up))
    assert rows[0].airmass == pytest.approx(observer.airmass(*PLACE, 2458107.6, "290")[0])
    assert rows[0].airmass > 1.01
    assert np.isnan(rows[0].bjd_tdb) and np.isnan(rows[0].norm_flux)  # of bodies light times tell more


def test_a_star_gets_the_magnitude_of_its_own_colour():
    table = Table({"star_color": [1.05, np.nan], "e_star_color": [0.03, np.nan]})
    each = SimpleNamespace(colorterm=TERM, table=table)
    errors = {"err_color": 0.008, "err_zp_common": 0.004, "err_common": np.hypot(0.008, 0.004)}
    star, asteroid, unknown = row("a", **errors), row("a", kind="primary", **errors), row("a", **errors)
    ensemble.use_own_color(star, each, table[0])
    assert star.mag == pytest.approx(12.0 - 0.08 * 0.5)
    assert star.err_color == pytest.approx(0.08 * 0.03)
    assert star.err_common == pytest.approx(np.sqrt(0.0024**2 + 0.004**2 + 0.01**2))
    ensemble.use_own_color(asteroid, each, table[0])
    ensemble.use_own_color(unknown, each, table[1])
    assert asteroid.mag == unknown.mag == 12.0 and unknown.err_color == 0.008


def test_sunlight_is_not_charged_with_what_stars_differ_by():
    errors = {"err_transformation": 0.015, "err_zp_common": 0.004, "err_common": np.hypot(0.015, 0.004)}
    star, asteroid, raw = row("a", **errors), row("a", kind="asteroid", **errors), row("a", kind="asteroid")
    for each in (star, asteroid, raw):
        observed.by_sunlight(each)
    assert star.err_transformation == 0.015 and np.isnan(raw.err_common)
    assert asteroid.err_transformation == pytest.approx(0.006)
    assert asteroid.err_common == pytest.approx(np.hypot(0.006, 0.004))


def test_errors_of_older_databases_still_count():
    assert row("a", sig=0.05).err_repeat == 0.05
    assert row("a", sig=0.05, err_total=0.02, err_transformation=0.015).err_whole == pytest.approx(0.025)
    assert row("a", err_total=0.02, err_frame=0.01, err_common=0.03).err_whole == pytest.approx(np.hypot(0.01, 0.03))
