"""Several nights on one scale: shifts from stars in common, colours from observations side by side; pptool_night."""

import numpy as np
import pytest
from astropy.table import Table

from photometrypipeline.calibration import onescale
from photometrypipeline.frames import framedb, observationsdb, results
from photometrypipeline.frames.rows import LightCurve, Row


def nights(offsets, shared, seed=0, n_stars=80, err_common=0.01):
    """Return NightStars, each `offset` off; consecutive nights have `shared` stars in common."""
    rng = np.random.default_rng(seed)
    number = len(offsets) * n_stars
    ra, dec, mag = 150 + np.arange(number) / 200, rng.uniform(1, 2, number), rng.uniform(14, 17, number)
    found = []
    for row, offset in enumerate(offsets):
        own = slice(row * (n_stars - shared), row * (n_stars - shared) + n_stars)
        measured = mag[own] - offset + rng.normal(0, 0.004, n_stars)
        measured[:3] += 0.3  # variable
        found.append(onescale.NightStars(ra[own], dec[own], measured, np.full(n_stars, 0.004), err_common))
    return found


def test_nights_with_stars_in_common_agree_afterwards():
    pulls, apart = [], []
    for seed in range(20):
        offsets = np.random.default_rng(seed).normal(0, 0.01, 3)
        scale = onescale.solve(nights(offsets, 30, seed))
        left = scale.shift - offsets
        assert np.ptp(left) < 0.006  # of each other; without shifts 0.02
        assert scale.n_shared.tolist() == [30, 60, 30]
        pulls.append(left.mean() / scale.err.mean())
        apart.extend((left - left.mean()) / scale.against)
    assert 0.6 < np.std(apart) < 1.4 and scale.against.max() < 0.002
    assert scale.err.max() < 0.008  # three nights pin the level better than one
    assert np.std(pulls) < 1.5


def test_a_night_without_overlap_stays_where_it_is():
    scale = onescale.solve(nights([0.02, -0.01], 0))
    assert scale.shift.tolist() == [0, 0] and scale.err == pytest.approx([0.01, 0.01])
    empty = onescale.NightStars(*(np.empty(0) for _ in range(4)), 0.02)
    assert onescale.solve([empty]).err == pytest.approx([0.02])


def test_a_colour_comes_from_observations_side_by_side():
    rng = np.random.default_rng(2)
    jd = np.sort(rng.uniform(0, 0.2, 60))
    is_reference = np.arange(60) % 2 == 0
    course = 17 + 0.2 * np.sin(jd / 0.2 * 6)
    mag = course + np.where(is_reference, 0, 0.45) + rng.normal(0, 0.005, 60)
    color, err, number = onescale.color_between(jd, mag, np.full(60, 0.005), is_reference, 0.1)
    assert color == pytest.approx(0.45, abs=4 * err) and err < 0.003 and number > 25
    assert np.isnan(onescale.color_between(jd + ~is_reference, mag, np.full(60, 0.005), is_reference, 0.1)[0])


@pytest.fixture
def two_nights(tmp_path):
    """Write two nights of a target of 17.0 mag, the second calibrated 0.03 mag too faint; returns their tables."""
    rng = np.random.default_rng(1)
    ra, dec = 150 + rng.uniform(0, 0.1, 60), 2 + rng.uniform(0, 0.1, 60)
    mag, paths = rng.uniform(14, 16, 60), []
    for night, off in enumerate((0.0, 0.03)):
        folder = tmp_path / f"night{night}"
        folder.mkdir()
        rows = []
        for frame in range(3):
            name = f"n{night}f{frame}"
            table = Table({"ra_deg": ra, "dec_deg": dec, "FLAGS": np.zeros(60, dtype=int)})
            table["_Rmag"] = mag + off + rng.normal(0, 0.003, 60)
            table["err_frame"] = 0.003
            header = {"filtername": "R", "origin": f"VATT4K;{name}.fits;REFCAT2;R", "magsys": "Vega"}
            header |= {"obstime": 2461000.5 + night + frame / 100, "exptime": 60.0}
            framedb.write(folder / f"{name}.ldac.db", header, table, {"zp": 25.0})
            errors = {"err_frame": 0.005, "err_common": np.hypot(0.02, 0.01)}
            parts = {"err_zp_common": 0.02, "err_transformation": 0.01, "err_color": 0.0, "err_uniformity": 0.0}
            facts = {"kind": "positions", "frame": f"{name}.fits", "ldac": f"{name}.ldac", "telescope": "VATT4K"}
            measured = {"mag": 17.0 + off, "sig": 0.02, "inst": -8.0, "e_inst": 0.005, "flags": 0}
            place = {"ra_deg": 150.05, "dec_deg": 2.05, "ra_pred_deg": 150.05, "dec_pred_deg": 2.05}
            calibrated = {"band": "R", "catalog": "REFCAT2", "fwhm_arcsec": 1.5, "exptime_s": 60.0}
            jd = 2461000.5 + night + frame / 100
            rows.append(Row(target="X", jd=jd, **facts, **measured, **place, **calibrated, **errors, **parts))
        curve = LightCurve("X", "photometry_X.dat", "positions", "X", "positions file", rows)
        results.write(folder / curve.file, rows)
        observationsdb.update(folder / observationsdb.FILE_NAME, [curve])
        paths.append(str(folder / curve.file))
    return paths


def test_pptool_night_writes_one_table_of_all_nights(two_nights, tmp_path, run_command):
    done = run_command("pptool_night", "-offline", "-format", "csv", *two_nights, cwd=tmp_path)
    assert "Traceback" not in done.stderr and done.returncode in (0, 3), done.stderr
    assert "60 stars in common with other nights" in done.stdout
    table = Table.read(tmp_path / "night_X.csv")
    assert table["night"].tolist() == [1, 1, 1, 2, 2, 2]
    means = [np.mean(table["mag"][table["night"] == number]) for number in (1, 2)]
    assert abs(means[0] - means[1]) < 0.004  # 0.03 before
    assert np.mean(means) == pytest.approx(17.015, abs=0.003)  # neither night is better than the other
    assert table["err_zp_common_mag"][0] == pytest.approx(0.02 / np.sqrt(2), rel=0.1)
    wrong = run_command("pptool_night", "-band", "V", *two_nights, cwd=tmp_path)
    assert wrong.returncode == 2 and "the observations are in R" in wrong.stderr


def test_pptool_night_names_databases_that_cannot_be_read(two_nights, tmp_path, call):
    for path in tmp_path.glob("night1/*.ldac.db"):
        path.write_text("no database\n")
    done = call("pptool_night", "-offline", "-format", "csv", *two_nights, cwd=tmp_path)
    assert done.returncode == 3
    assert "night1, R: +0.0000" in done.stdout and "no stars in the databases of its frames" in done.stdout
    assert all(f"night1/n1f{number}.ldac.db: is not the database of a frame" in done.stderr for number in range(3))
