"""Stars out of focus: rings are told from stars, and a frame of them keeps its place and magnitudes."""

import numpy as np
import pytest
from astropy.io import fits
from scipy.signal import oaconvolve

import lightframe
import sky
from photometrypipeline.base.errors import OK
from photometrypipeline.frames import results
from photometrypipeline.photometry import rings

SIZE = 500


def ring(outer_px):
    """Return the light of a star that is a ring, half as wide inside, as an image whose sum is 1."""
    offsets = np.arange(-int(outer_px) - 3, int(outer_px) + 4)
    radius = np.hypot(offsets[:, None], offsets)
    light = 1 / (1 + np.exp((radius - outer_px) / 0.5)) * (1 - 0.95 / (1 + np.exp((radius - outer_px / 2) / 0.5)))
    return light / light.sum()


def field(shape_of_star, rng, n_stars=40):
    """Return an image (ADU) of stars with one shape."""
    x, y = lightframe.parted(rng, n_stars, SIZE, 30)
    points = sky.render((SIZE, SIZE), x, y, 10 ** rng.uniform(3.8, 5.2, n_stars), 1.5)
    return sky.expose(oaconvolve(points, shape_of_star, mode="same") + 150, rng)


@pytest.mark.parametrize("outer_px", [6, 10, 20])
def test_rings_are_seen_and_measured(outer_px):
    assert rings.of_image(field(ring(outer_px), np.random.default_rng(1))) == pytest.approx(2 * outer_px, rel=0.15)


def test_stars_twins_and_noise_are_no_rings():
    rng = np.random.default_rng(2)
    twins = np.zeros((31, 31))
    twins[15, 6] = twins[15, 24] = 0.5
    disc = ring(8) + 0.05 * np.exp(-(np.hypot(*np.mgrid[-11:12, -11:12]) ** 2) / 30)
    for shape in (np.ones((1, 1)), twins, disc):
        assert rings.of_image(field(shape, rng)) is None
    assert rings.of_image(sky.expose(np.full((SIZE, SIZE), 150.0), rng)) is None


def test_a_frame_out_of_focus_is_registered_and_measured(tmp_path, run_command):
    truth = sky.make_dataset(tmp_path, 1, n_stars=60, size=(700, 700), fwhm_arcsec=0.6, asteroid_mag=15.0)
    rng = np.random.default_rng(3)
    clean = oaconvolve(sky.clean_frame(truth, 0) - 150, ring(10), mode="same") + 150
    fits.PrimaryHDU(sky.expose(clean, rng), fits.getheader(truth.paths[0])).writeto(truth.paths[0], overwrite=True)
    done = run_command("pp_run", "-injections", 0, "-offline", *truth.files, cwd=tmp_path)
    assert done.returncode == OK, done.stderr
    assert "1 of 1 frames are out of focus: their stars are rings 20 px wide, found by their middles" in done.stderr
    rows = [line.row for line in results.read(tmp_path / "photometry_3552.dat")[0]]
    assert [row.accepted for row in rows] == [True]
    for row, mag in zip(rows, truth.mag, strict=True):
        assert row.mag == pytest.approx(mag, abs=0.04)  # 12 reference stars, 0.1 mag of catalogue and neighbours each
        assert np.hypot(row.offset_ra_arcsec, row.offset_dec_arcsec) < 0.15  # a fiftieth of the ring
