"""What moves and nobody asked for, on frames with pixels: pp_run -movers, and pptool_tracks below the single frame."""

import csv

import numpy as np
import pytest
from astropy.io import fits
from test_commands import run_plain

import sky

BRIGHT, FAINT = 18.5, 20.9  # S/N 30 and 4.5 in a frame
RATE = (-90.0, 40.0)  # arcsec/h


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """Return (folder, Truth, places of the faint body, CompletedProcess of pp_run) of six frames without a target."""
    folder = tmp_path_factory.mktemp("census")
    knobs = {"size": (500, 500), "n_stars": 70, "cadence_s": 240.0, "seed": 8, "solved": True, "rate": RATE}
    truth = sky.make_dataset(folder, 6, asteroid_mag=BRIGHT, header={"OBJECT": "field"}, **knobs)
    hours = (truth.midtime_jd - truth.midtime_jd.mean()) * 24
    faint = sky.shifted(truth.night.centre, 60 * hours - 15, 75 * hours + 10)
    rng = np.random.default_rng(3)
    for number, path in enumerate(truth.paths):
        with fits.open(path, mode="update") as hdus:
            x, y = truth.wcs[number].all_world2pix(faint[0][number], faint[1][number], 1)
            flux = 10 ** (0.4 * (truth.zeropoint[number] - FAINT))
            light = sky.render(hdus[0].shape, np.array([x]), np.array([y]), np.array([flux]), truth.fwhm_px[number])
            hdus[0].data = (hdus[0].data + rng.poisson(light * truth.night.gain) / truth.night.gain).astype(np.uint16)
    done = run_plain("pp_run", *truth.files, "-offline", "-keep_wcs", "-movers", "-injections", 0, cwd=folder)
    return folder, truth, faint, done


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_a_body_that_nobody_asked_for_is_found_named_and_measured(night):
    folder, truth, _, done = night
    assert done.returncode in (0, 3), done.stderr
    track = rows_of(folder / "movers.csv")[0]
    assert track["name"].startswith("PPm")
    assert float(track["chance"]) < 0.01
    table = (folder / f"lightcurve_{track['name']}.csv").read_text().splitlines()
    curve = list(csv.DictReader(line for line in table if not line.startswith("#")))
    mags = [float(row["mag"]) for row in curve if row["mag"]]
    assert len(mags) >= 5 and abs(np.mean(mags) - BRIGHT) < 0.05
    assert track["name"] in (folder / "diagnostics.html").read_text()


def test_a_body_below_the_single_frame_is_found_where_it_is(night):
    folder, truth, faint, _ = night
    box = ("-box", 0, 1.6, 0, 1.6)
    done = run_plain("pptool_tracks", *box, *truth.files, "-offline", "-injections", 0, cwd=folder)
    assert done.returncode == 0, done.stderr
    track = rows_of(folder / "tracks.csv")[0]
    middle = np.interp(float(track["jd"]), truth.midtime_jd, np.arange(6))
    for name, axis in (("ra_deg", 0), ("dec_deg", 1)):
        assert float(track[name]) == pytest.approx(np.interp(middle, range(6), faint[axis]), abs=0.5 / 3600)
    rate = [float(track[f"{axis}_rate_arcsec_min"]) for axis in ("ra", "dec")]
    assert rate == pytest.approx([1.0, 1.25], abs=0.1)
    assert float(track["mag"]) == pytest.approx(FAINT, abs=3 * float(track["mag_err"]))
    assert (folder / f"positions_{track['name']}.dat").exists()
    assert all(abs(float(each["mag"]) - BRIGHT) > 2 for each in rows_of(folder / "tracks.csv"))  # none crosses it
