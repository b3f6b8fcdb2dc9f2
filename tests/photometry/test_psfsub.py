"""pptool_psfsub: an asteroid passes a star of two and a half times its light; its magnitude with and without that."""

import numpy as np
import pytest
from astropy.io import ascii as text_tables
from astropy.io import fits
from test_combine import hashes, prepared

import pp_setup
import sky
from photometrypipeline.frames.frame import read_header
from photometrypipeline.photometry import fieldstars, psf

OFFLINE = "-offline"
N_FRAMES = 6
ASTEROID, STAR = 18.5, 17.5  # mag
GAP_PX = 3.5  # between both when they are nearest: less than the seeing of 4.3 px
RADIUS_PX = 4


def light_curve(folder):
    return text_tables.read(folder / "photometry_3552.dat", format="commented_header")


def measure(call, folder, names):
    for command in (
        ["pp_photometry", "-aprad", RADIUS_PX, "-snr", 1.5],
        ["pp_calibrate"],
        ["pp_distill", "-reject", "none"],
    ):
        done = call(*command, OFFLINE, *names, cwd=folder)
        assert done.returncode in (0, 3), done.stderr
    return light_curve(folder)


@pytest.fixture
def passing(tmp_path, monkeypatch):
    """Return (Truth, distance of asteroid and star in each frame, px)."""
    monkeypatch.setattr(pp_setup, "diagnostics", False)
    truth = sky.make_dataset(
        tmp_path, N_FRAMES, size=(440, 440), n_stars=55, seed=31, asteroid_mag=ASTEROID, rate=(-60.0, 25.0),
        cadence_s=60.0, solved=True, beta=3.0,
    )  # fmt: skip
    prepared(truth)
    x, y = truth.wcs[3].all_world2pix(truth.ra_deg[3], truth.dec_deg[3], 1)
    place = truth.wcs[3].all_pix2world(x + 0.5, y + GAP_PX, 1)
    rng, gaps = np.random.default_rng(32), []
    for k, path in enumerate(truth.paths):
        star = truth.wcs[k].all_world2pix(*place, 1)
        flux = 10 ** (0.4 * (truth.night.zeropoint - STAR))
        light = sky.clean_frame(truth, k) + sky.render(truth.night.size[::-1], *star, flux, truth.fwhm_px[k], 3.0)
        header = fits.getheader(path)
        fits.writeto(path, sky.expose(light, rng, truth.night.gain, truth.night.read_noise), header, overwrite=True)
        asteroid = truth.wcs[k].all_world2pix(truth.ra_deg[k], truth.dec_deg[k], 1)
        gaps.append(float(np.hypot(star[0] - asteroid[0], star[1] - asteroid[1])))
    return truth, np.array(gaps)


def test_the_magnitude_is_right_where_a_star_was_in_the_way(passing, call):
    truth, gaps = passing
    blended = gaps < 5.5  # Source Extractor takes both for one source
    assert blended.sum() >= 3 and gaps.min() < 4.3
    before = measure(call, truth.folder, truth.files)
    spoilt = np.array(before["mag"]) - ASTEROID
    assert np.all(spoilt[blended] < -0.5)
    kept = hashes(truth.folder)
    done = call("pptool_psfsub", OFFLINE, *truth.files, cwd=truth.folder)
    assert done.returncode == 0, done.stderr
    assert {name: value for name, value in hashes(truth.folder).items() if name in kept} == kept
    names = [name.replace(".fits", "_psfsub.fits") for name in truth.files]
    after = measure(call, truth.folder, names)
    assert list(after["filename"]) == [name.replace(".fits", ".ldac") for name in names]
    error = np.array(after["mag"]) - ASTEROID
    target = 10 ** (0.4 * (truth.night.zeropoint - ASTEROID)) * 0.72  # the light within the aperture
    stated = np.array([read_header(truth.folder / name)["PSFERR"] for name in names])
    allowed = np.hypot(after["in_sig"], 1.0857 * stated / target)  # both are stated
    assert np.all(allowed[blended] < 0.15)
    assert np.all(np.abs(error[blended]) < 3 * allowed[blended])
    assert np.all(np.abs(error[~blended]) < 3.5 * allowed[~blended])
    assert abs(error[blended].mean()) < 3 * np.sqrt(np.mean(allowed[blended] ** 2) / blended.sum())
    east = (after["source_ra"] - truth.ra_deg) * np.cos(np.radians(truth.dec_deg)) * 3600
    assert np.all(np.hypot(east, (after["source_dec"] - truth.dec_deg) * 3600)[blended] < 0.25)


def test_headers_and_residuals_are_stated(passing, call):
    truth, _ = passing
    call("pp_photometry", "-aprad", RADIUS_PX, OFFLINE, *truth.files, cwd=truth.folder)
    done = call("pptool_psfsub", OFFLINE, "-radius", 8, *truth.files, cwd=truth.folder)
    assert "left of a star" in done.stdout
    for name in truth.files[2:5]:
        old, new = read_header(truth.folder / name), read_header(truth.folder / name.replace(".fits", "_psfsub.fits"))
        assert new["PSFSUB_N"] == 1 and 0 < new["PSFRESID"] < 0.02
        assert new["BITPIX"] == -32 and "BZERO" not in new
        for keyword in ("MIDTIMJD", "TEL_KEYW", "CRVAL1", "EXPTIME", "FILTER", "GAIN"):
            assert new[keyword] == old[keyword]
        left = fits.getdata(truth.folder / name) - fits.getdata(truth.folder / name.replace(".fits", "_psfsub.fits"))
        star = 10 ** (0.4 * (truth.night.zeropoint - STAR))
        # one star's light within four seeing discs is gone, and nothing else; 0.1 is the error of the blended fit
        assert 0.85 * star < left.sum() < 1.15 * star
        assert np.count_nonzero(left) <= psf.reach_px(5.3) ** 2


def test_what_is_missing_is_named(passing, call):
    truth, _ = passing
    done = call("pptool_psfsub", OFFLINE, *truth.files, cwd=truth.folder)
    assert done.returncode == 1 and truth.files[0] in done.stderr and "run pp_" in done.stderr
    done = call("pptool_psfsub", OFFLINE, "-target", "99999", *truth.files, cwd=truth.folder)
    assert done.returncode == 1 and "is not asked when offline" in done.stderr
    assert not list(truth.folder.glob("*_psfsub.fits"))


def test_a_star_is_what_stays_while_the_target_moves():
    rng = np.random.default_rng(3)
    ra, dec = 180 + rng.uniform(0, 0.1, 30), 10 + rng.uniform(0, 0.1, 30)
    frames = []
    for k in range(5):
        target = 180.05 + 0.002 * k, 10.05
        noisy = ra + rng.normal(0, 0.05 / 3600, 30), dec + rng.normal(0, 0.05 / 3600, 30)
        spurious = 180 + rng.uniform(0, 0.1, 4), 10 + rng.uniform(0, 0.1, 4)
        places = [np.concatenate([a, [t], s]) for a, t, s in zip(noisy, target, spurious, strict=True)]
        frames.append(fieldstars.Detections(*places, lambda r, d: np.ones(r.size, dtype=bool)))
    found = fieldstars.find(frames)
    assert found[0].size == 30
    order, truth = np.argsort(found[0]), np.argsort(ra)
    np.testing.assert_allclose(found[0][order], ra[truth], atol=0.1 / 3600)


def test_a_few_stars_give_a_moffat_profile():
    rng = np.random.default_rng(5)
    x, y = np.array([50.3, 150.8, 60.1]), np.array([60.2, 70.4, 150.9])
    image = rng.normal(100, 3, (200, 200)) + sky.render((200, 200), x + 1, y + 1, np.full(3, 5e4), 4.0, 3.0)
    field = psf.field_of(image, 4.0, 2.0, None)
    model = psf.build(field, x, y)
    bias, scatter = psf.check(field, model, x, y)
    assert abs(bias) < 0.02 and scatter < 0.02
    with pytest.raises(ValueError, match="only 1 stars"):
        psf.build(field, x[:1], y[:1])
