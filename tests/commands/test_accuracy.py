"""Magnitudes against the truth of simulated nights, one difficulty each; see benchmarks/accuracy.py."""

import json
import sqlite3
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
import accuracy
import nights
from photometrypipeline.frames import ldac
from photometrypipeline.frames.frame import read_header
from photometrypipeline.photometry import badpixels, masking

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def rows_of(folder, target):
    connection = sqlite3.connect(folder / "photometry.db")
    connection.row_factory = sqlite3.Row
    rows = connection.execute("select * from observations where kind = 'primary'").fetchall()
    connection.close()
    return {row["frame"]: dict(row) for row in rows if row["target"].startswith(target.truth.night.target)}


def test_bad_columns_cost_no_magnitude(tmp_path, call):
    series = nights.Series("", 1.0, bad_pixels=True, n_frames=7, size=440, n_targets=1, n_stars=55, n_behind=40)
    (target,) = nights.make(tmp_path, series, 4)
    names = target.truth.files
    assert call("pp_run", "-offline", "-injections", 0, "-jobs", 2, *names, cwd=tmp_path).returncode in (0, 3)
    mask = badpixels.read(tmp_path)
    x, y = target.places_px[1]  # the frame in which a dead column goes through the target
    column = int(round(x)) - 1
    assert mask[:, column].all() and 3 < mask.any(axis=0).sum() < 90 and mask.mean() < 0.03
    record = json.loads((tmp_path / ".diagnostics" / "photometry.json").read_text())["bad_pixels"]
    assert record["number"] == mask.sum() and record["columns"] > 400 and record["pixels"] > 10
    marked = ldac.read(tmp_path / f"{names[1][:-5]}.ldac")
    own = np.argmin(np.hypot(marked.table["XWIN_IMAGE"] - x, marked.table["YWIN_IMAGE"] - y))
    assert marked.table["FLAGS"][own] & masking.BAD_PIXELS  # no plain aperture here
    assert np.hypot(marked.table["XWIN_IMAGE"][own] - x, marked.table["YWIN_IMAGE"][own] - y) < 0.5  # not split in two
    rows = rows_of(tmp_path, target)
    assert len(rows) == 7
    found = accuracy.measured(target, rows, tmp_path)
    assert found["accepted"].sum() >= 6
    assert (np.abs(found["error"]) < 5 * found["limit"] + 0.02)[found["accepted"]].all()
    assert read_header(tmp_path / names[0])["APRAD"] > 1
    made = (tmp_path / badpixels.FILE_NAME).stat().st_mtime_ns
    assert call("pp_photometry", "-offline", *names, cwd=tmp_path).returncode == 0
    assert (tmp_path / badpixels.FILE_NAME).stat().st_mtime_ns == made  # the same frames: read again


def test_trails_cost_no_light(tmp_path, call):
    """A trail of 6 px loses 5 % of its light in the aperture of round stars."""
    series = nights.Series("", 6.0, n_frames=5, size=440, n_targets=1, n_stars=60, n_behind=30, mag=15.2)
    (target,) = nights.make(tmp_path, series, 2)
    assert call("pp_run", "-offline", "-injections", 0, "-jobs", 2, *target.truth.files, cwd=tmp_path).returncode in (
        0,
        3,
    )
    found = accuracy.measured(target, rows_of(tmp_path, target), tmp_path)
    assert found["accepted"].all()
    limit = found["limit"].mean()
    assert abs(found["error"].mean()) < 3 * limit / np.sqrt(5) + 0.008  # 0.015 mag of each of 50 stars, and the PSF
    assert found["error"].std(ddof=1) < 2.5 * limit
    assert (np.abs(found["error"]) < 3 * found["total"]).all()
    assert call("pp_distill", "-offline", "-photmode", "PSF", *target.truth.files, cwd=tmp_path).returncode in (0, 3)
    rows = rows_of(tmp_path, target)
    assert {row["method"] for row in rows.values()} == {"PSF"}
    by_psf = accuracy.measured(target, rows, tmp_path)
    assert by_psf["accepted"].all() and abs(by_psf["error"].mean()) < 3 * limit / np.sqrt(5) + 0.008
    assert np.abs(by_psf["error"] - found["error"]).max() > 1e-4
