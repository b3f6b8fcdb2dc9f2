"""Bodies of a field: what stands still is none of them, and what is told of the others."""

from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import Table

from photometrypipeline.census import bodies
from photometrypipeline.frames.rows import LightCurve, Row
from photometrypipeline.targets import targets


def field(n_frames=5, rate=(30.0, 10.0), drift=1.0, mag=18.0, limit=21.0, v_mag=18.4, monkeypatch=None):
    """Return (Target, Rows, Measured): a body that is seen moving by `drift` of its prediction; all on the image."""
    target = targets.Target("Ceres", "asteroid", {}, full_name="1 Ceres")
    rows, measured = [], []
    for k in range(n_frames):
        name, hours = f"f{k}.fits", k * 0.25
        east, north = np.array(rate) * hours / 3600
        target.places[name] = 150 + east, 2 + north
        target.v_mag[name], target.rate_arcsec_h[name] = v_mag, float(np.hypot(*rate))
        row = Row(target="Ceres", kind="asteroid", frame=name, jd=2460000.5 + hours / 24, mag=mag, band="R")
        row.ra_pred_deg, row.dec_pred_deg = target.places[name]
        row.ra_deg, row.dec_deg = 150 + drift * east, 2 + drift * north
        row.fwhm_arcsec = 2.0
        rows.append(row)
        table = Table({"mag": np.linspace(15, limit, 50)})
        frame = SimpleNamespace(name=name)
        measured.append(SimpleNamespace(frame=frame, table=table, magnitude_columns=("mag", "e_mag")))
    return target, rows, measured


@pytest.fixture(autouse=True)
def on_the_image(monkeypatch):
    monkeypatch.setattr(targets, "inside", lambda measured, place: True)


def test_a_source_that_stands_still_is_not_the_asteroid_and_one_that_moves_is():
    target, rows, measured = field(drift=0.0)
    bodies.doubt(target, rows, measured)
    assert {row.reason for row in rows} == {bodies.STANDS}
    target, rows, measured = field(drift=0.97)
    bodies.doubt(target, rows, measured)
    assert all(row.accepted for row in rows)


def test_what_moves_too_little_to_be_told_from_a_star_is_said():
    target, rows, measured = field(rate=(0.5, 0.2))
    bodies.doubt(target, rows, measured)
    (line,) = bodies.lines([target], [LightCurve("Ceres", "c.dat", "asteroid", "1 Ceres", "", rows)])
    assert line.seen == 5 and "by place and brightness alone" in line.remark


@pytest.mark.parametrize("mag, kept", [(18.0, False), (20.6, True)])
def test_one_frame_alone_shows_no_asteroid_unless_the_others_are_too_shallow(mag, kept):
    target, rows, measured = field(mag=mag)
    for row in rows[1:]:
        row.reason = "no source (pos)"
    bodies.doubt(target, rows, measured)
    assert rows[0].accepted == kept and (kept or rows[0].reason == "seen on this frame alone of 5 (prob)")


def test_brighter_than_any_light_curve_allows_is_told_and_the_brightest_come_first():
    target, rows, _ = field(mag=16.0)
    unseen = targets.Target("Faint", "asteroid", dict(target.places), v_mag=dict.fromkeys(target.places, 17.0))
    limits = [Row(target="Faint", kind="asteroid", frame=row.frame, jd=row.jd, band="R") for row in rows]
    for row in limits:
        row.detected, row.mag_limit, row.reason = False, 20.5, "not detected"
    curves = [
        LightCurve("Faint", "f.dat", "asteroid", "Faint", "", limits),
        LightCurve("Ceres", "c.dat", "asteroid", "1 Ceres", "", rows),
    ]
    ceres, faint = bodies.lines([unseen, target], curves)
    assert ceres.full_name == "1 Ceres" and ceres.remark == "2.0 mag brighter than predicted (18.0 in R)"
    assert (faint.seen, faint.limit_mag) == (0, 20.5)
    assert faint.remark == "not seen, though predicted with 16.6 mag in R"
    assert len(bodies.told([ceres, faint])) == 2


def test_a_target_alone_makes_no_table():
    target, rows, _ = field()
    target.kind = "primary"
    assert bodies.lines([target], [LightCurve("Ceres", "c.dat", "primary", "1 Ceres", "", rows)]) == []
