"""pp_combine for real, on simulated frames: flux, cosmic rays, places, headers; and bad input."""

import hashlib
import os
import shutil
import stat

import toolbox

import numpy as np
import pytest
from astropy.io import fits
from scipy.ndimage import center_of_mass
from test_stacks import sip_header

import pp_combine
import sky
from photometrypipeline.base.errors import PipelineError
from photometrypipeline.frames.frame import Frame, read_header
from photometrypipeline.frames.wcskeywords import wcs_of
from photometrypipeline.instruments import headers, telescopes
from photometrypipeline.photometry import noise

N_FRAMES = 9
OFFLINE = "-offline"
RATES = (-45.0, 20.0)  # arcsec/h, as Night.rate


def prepared(truth, **changes):
    """Put into the headers of simulated frames what pp_prepare would; `changes` for all."""
    telescope = telescopes.get("VATT4K")
    for path, jd in zip(truth.paths, truth.midtime_jd, strict=True):
        with fits.open(path, mode="update") as hdus:
            header = hdus[0].header
            header["MIDTIMJD"], header["TEL_KEYW"], header["TELINSTR"] = jd, "VATT4K", telescope.label
            header["SECPIXX"] = header["SECPIXY"] = header["SECPIX"] = truth.night.scale
            header.update(changes)
    return truth


def hashes(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("msc*.fits"))}


def fluxes(image, header, ra_deg, dec_deg, radius_px=9.0):
    """Return the light (ADU) in apertures on the places, shape (n,), NaN near the edge, and the sky under it."""
    x, y = wcs_of(header).all_world2pix(ra_deg, dec_deg, 0)
    rows, columns = np.indices((45, 45)) - 22
    values = np.full(len(x), np.nan)
    for n, (i, j) in enumerate(zip(np.rint(y), np.rint(x), strict=True)):
        if 25 < i < image.shape[0] - 25 and 25 < j < image.shape[1] - 25:
            part = image[int(i) - 22 : int(i) + 23, int(j) - 22 : int(j) + 23].astype(float)
            distance = np.hypot(rows - (y[n] - i), columns - (x[n] - j))
            share = np.clip(radius_px + 0.5 - distance, 0, 1)
            ring = (distance > 13) & (distance < 21)
            values[n] = np.sum(share * (part - np.mean(part[ring])))
    return values


def centroid(image, x, y, half=6):
    """Return (x, y), 0-based, of the light around a place of an image."""
    i, j = int(round(y)), int(round(x))
    part = image[i - half : i + half + 1, j - half : j + half + 1].astype(float)
    low = 0.3 * (part.max() - np.median(part))
    part = np.clip(part - np.median(part), low, None) - low
    row, column = center_of_mass(part)
    return column + j - half, row + i - half


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """Return (Truth, places of cosmic rays [(frame, x, y)], hashes) of frames in changing seeing and moonlight."""
    folder = tmp_path_factory.mktemp("night")
    rng = np.random.default_rng(11)
    truth = sky.make_dataset(
        folder,
        N_FRAMES,
        size=(420, 420),
        n_stars=45,
        seed=11,
        solved=True,
        asteroid_mag=17.5,
        fwhm_arcsec=1.6 * rng.normal(1, 0.06, N_FRAMES),
        exptime_s=30.0,
        header={"HIERARCH ESO TEL AIRM START": 1.13, "RDNOISE": 5.0, "DATASEC": "[1:420,1:420]"},
    )
    rays = []
    for k, path in enumerate(truth.paths):
        data, header = fits.getdata(path, header=True)
        data = data + np.uint16(60 * k)  # the moon rises
        stars = np.transpose(truth.star_pixels(k))
        while len([ray for ray in rays if ray[0] == k]) < 6:
            x, y = rng.uniform(60, 360, 2).astype(int)
            if np.hypot(*(stars - 1 - (x, y)).T).min() > 25:
                data[y, x : x + 2] = rng.integers(2000, 50000, 2)
                rays.append((k, x, y))
        fits.writeto(path, data, header, overwrite=True)
    prepared(truth)
    return truth, rays, hashes(folder)


@pytest.fixture(scope="module")
def stacks(night, tmp_path_factory):
    """Return {method: (pixels, header)} of the frames of the night."""
    truth, _, _ = night
    made = {}
    for method in ("average", "median", "clipped"):
        folder = tmp_path_factory.mktemp(method)
        choice = pp_combine.Options(method=method)
        frame = pp_combine.combine([Frame(path) for path in truth.paths], toolbox.Losses(), choice, folder)
        made[method] = frame.read_pixels(), frame.header
        assert [path.name for path in folder.iterdir()] == ["skycoadd.fits"]  # no temporary files, no weight image
    return made


@pytest.mark.parametrize("method", ["average", "clipped"])
def test_flux_is_that_of_the_mean_of_the_frames(night, stacks, method):
    truth, _, _ = night
    places = np.asarray(truth.stars["ra_deg"]), np.asarray(truth.stars["dec_deg"])
    frames = [
        fluxes(fits.getdata(path), wcs.to_header(), *places) for path, wcs in zip(truth.paths, truth.wcs, strict=True)
    ]
    mean = np.mean(frames, axis=0)
    ratio = fluxes(*stacks[method], *places) / mean
    bright = mean > 8000  # stack and frames have the same noise: only what combining does to it is left, below 0.3 %
    assert np.isfinite(ratio[bright]).sum() > 7
    assert np.nanmax(np.abs(ratio[bright] - 1)) < 0.003


def test_cosmic_rays_are_gone_from_clipped_and_median_but_not_from_average(night, stacks):
    truth, rays, _ = night
    left = {}
    for method, (image, header) in stacks.items():
        level, sigma = np.median(image), 1.4826 * np.median(np.abs(image - np.median(image)))
        values = []
        for k, x, y in rays:
            place = truth.wcs[k].all_pix2world(x + 0.5, y, 0)
            column, row = (int(np.rint(axis)) for axis in wcs_of(header).all_world2pix(*place, 0))
            values.append((image[row - 1 : row + 2, column - 1 : column + 2].max() - level) / sigma)
        left[method] = np.array(values)
    assert np.all(left["clipped"] < 5) and np.all(left["median"] < 5)  # the largest of 9 pixels, 54 times
    assert np.median(left["average"]) > 50


def test_a_rising_sky_does_not_cost_depth(stacks):
    """The level of each frame is taken off before pixels are compared: clipping then costs nothing."""
    scatter = {method: np.std(noise.empty_sums(image, 4.0)[0]) for method, (image, _) in stacks.items()}
    assert scatter["clipped"] < 1.03 * scatter["average"]  # cosmic rays are left in the average
    assert np.median(stacks["average"][0]) == pytest.approx(150 + 60 * (N_FRAMES - 1) / 2, abs=1.5)


def test_the_header_of_a_stack_says_what_it_is(night, stacks):
    truth, _, _ = night
    header = stacks["clipped"][1]
    assert header["EXPTIME"] == 30.0 * N_FRAMES
    assert (header["COMBO_N"], header["COMBO_M"], header["COMOVE"]) == (N_FRAMES, "clipped", "False")
    assert header["MIDTIMJD"] == header["COMBOJD"] == pytest.approx(truth.midtime_jd.mean(), abs=1e-8)
    assert header["COMBOJD1"] == pytest.approx(truth.midtime_jd[0] - 15 / 86400, abs=1e-8)
    assert header["COMBOJD2"] == pytest.approx(truth.midtime_jd[-1] + 15 / 86400, abs=1e-8)
    assert header["GAIN"] == pytest.approx(2.0 * N_FRAMES, rel=0.2)  # shares of a clipped mean follow the noise
    assert stacks["average"][1]["GAIN"] == pytest.approx(2.0 * N_FRAMES)
    assert stacks["average"][1]["RDNOISE"] == pytest.approx(5.0 * 3)
    assert stacks["average"][1]["SATURATE"] == pytest.approx(60000 - 60 * 4, abs=5)  # the brightest sky leaves least
    assert header["HIERARCH ESO TEL AIRM START"] == 1.13
    assert header["CTYPE1"] == "RA---TAN" and isinstance(header["CRVAL1"], float)
    assert header["OBJECT"] == "3552" and header["TEL_KEYW"] == "VATT4K" and header["INSTRUME"] == '= "Vatt4k"'
    assert "BZERO" not in header and "DATASEC" not in header and "APRAD" not in header
    assert 1.05 < header["NOISEFAC"] < 1.25  # Lanczos-3 at random phases takes 12 % off a pixel's noise
    assert header.comments["COMBO_N"].startswith("PP: ")


def test_gain_in_the_header_agrees_with_what_swarp_finds(night, stacks, tmp_path):
    """SWarp weights a clipped mean by the noise of the frames; its own gain is the reference."""
    truth, _, _ = night
    log = []
    original = pp_combine.swarp.run

    def spy(*arguments, **options):
        result = original(*arguments, **options)
        log.append(result[2]["GAIN"])
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pp_combine.swarp, "run", spy)
        frame = pp_combine.combine(
            [Frame(path) for path in truth.paths], toolbox.Losses(), pp_combine.Options(), tmp_path
        )
    assert frame.header["GAIN"] == pytest.approx(log[0], rel=0.03)


def test_the_asteroid_of_a_comoving_stack_is_where_it_was_at_mean_time(night, call, tmp_path):
    truth, _, before = night
    folder = tmp_path / "data"
    shutil.copytree(truth.folder, folder)
    place = truth.ra_deg.mean(), truth.dec_deg.mean()
    for arguments in (["-comoving"], ["-manual_rates", RATES[0] / 3600, RATES[1] / 3600]):
        done = call("pp_combine", *arguments, OFFLINE, *truth.files, cwd=folder)
        assert done.returncode == 0, done.stderr
        image, header = fits.getdata(folder / "comove.fits", header=True)
        x, y = wcs_of(header).all_world2pix(*place, 0)
        found = centroid(image, float(x), float(y))
        assert np.hypot(found[0] - x, found[1] - y) < 0.15  # px
        assert header["COMOVE"] == "True" and header["MIDTIMJD"] == header["COMBOJD"]
        flux = fluxes(image, header, [place[0]], [place[1]], 7)[0]
        expected = 10 ** (0.4 * (truth.night.zeropoint - truth.mag[0])) * truth.aperture_fraction(0, 7)
        assert flux == pytest.approx(expected, rel=0.03)
    assert hashes(folder) == before == hashes(truth.folder)
    assert "comove.fits of an earlier run is replaced" in (folder / "LOG").read_text()
    assert {path.name for path in folder.iterdir()} == {*truth.files, "pp_store", "comove.fits", "LOG"}


def test_other_steps_take_a_stack(night, call, tmp_path):
    truth, _, _ = night
    shutil.copytree(truth.folder / "pp_store", tmp_path / "pp_store")
    frames = [Frame(path) for path in truth.paths]
    stack = pp_combine.combine(frames, toolbox.Losses(), pp_combine.Options(), tmp_path)
    wcs = {keyword: stack.header[keyword] for keyword in ("CRVAL1", "CRPIX2", "CD1_1", "MIDTIMJD")}
    for command in (["pp_prepare"], ["pp_prepare", "-keep_wcs"], ["pp_register", OFFLINE], ["pp_photometry", OFFLINE],
                    ["pp_calibrate", OFFLINE], ["pp_distill", OFFLINE], ["pp_combine"]):  # fmt: skip
        done = call(*command, "skycoadd.fits", cwd=tmp_path)
        found = 3 if command[0] == "pp_distill" else 0  # the asteroid moves, it is not in a stack of the sky
        assert done.returncode == found, (command, done.stderr)
        if command[0] == "pp_prepare":  # the mean time and the WCS of a stack are nobody's but its own
            header = read_header(tmp_path / "skycoadd.fits")
            assert {keyword: header[keyword] for keyword in wcs} == wcs
    assert "extracted" in (tmp_path / "LOG").read_text() and "NOISEFAC" in (tmp_path / "LOG").read_text()
    again = read_header(tmp_path / "skycoadd.fits")  # the stack of a stack
    assert (again["COMBO_N"], again["EXPTIME"]) == (N_FRAMES, 30.0 * N_FRAMES)
    assert again["COMBOJD1"] == pytest.approx(truth.midtime_jd[0] - 15 / 86400, abs=1e-8)


# ---- shifted frames


def test_kept_files_are_shifted_as_the_worked_example_says(call, tmp_path):
    truth = sky.make_dataset(
        tmp_path, 2, size=(200, 200), n_stars=20, centre=(179.5, 60.0), cadence_s=600.0, solved=True, store=False
    )
    prepared(truth)
    before = hashes(tmp_path)
    done = call("pp_combine", "-manual_rates", 0.01, "-0.005", "-keep_files", *truth.files, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name, sign in zip(truth.files, (-1, 1), strict=True):
        old, new = read_header(tmp_path / name), read_header(tmp_path / name.replace(".fits", "_moving.fits"))
        cos = np.cos(np.radians(old["CRVAL2"])) / 0.5  # the frame's own declination, near 60 degrees
        assert (new["CRVAL1"] - old["CRVAL1"]) * cos == pytest.approx(-sign * 0.00166667, abs=3e-8)
        assert new["CRVAL2"] - old["CRVAL2"] == pytest.approx(sign * 0.00041667, abs=2e-8)
        np.testing.assert_array_equal(
            fits.getdata(tmp_path / name), fits.getdata(tmp_path / name.replace(".fits", "_moving.fits"))
        )
    assert {name: value for name, value in hashes(tmp_path).items() if name in before} == before


def test_kept_frames_of_a_stack_of_the_sky_lie_on_its_grid_and_count_once(call, tmp_path):
    """Their mean is the stack; a second run leaves them and the stack out."""
    truth = sky.make_dataset(tmp_path, 2, size=(200, 200), n_stars=20, solved=True, store=False)
    prepared(truth)
    done = call("pp_combine", "-method", "average", "-keep_files", *truth.files, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    kept = [tmp_path / name.replace(".fits", "_resamp.fits") for name in truth.files]
    stack, header = fits.getdata(tmp_path / "skycoadd.fits", header=True)
    sums = np.zeros_like(stack, dtype=float)
    for path, jd in zip(kept, truth.midtime_jd, strict=True):
        pixels, own = fits.getdata(path, header=True)
        assert own["MIDTIMJD"] == pytest.approx(jd, abs=1e-7) and own["COMBO_N"] == 1
        assert [own[key] for key in ("CRVAL1", "CRVAL2", "CD1_1")] == [
            header[key] for key in ("CRVAL1", "CRVAL2", "CD1_1")
        ]
        column, row = (round(header[key] - own[key]) for key in ("CRPIX1", "CRPIX2"))
        sums[row : row + pixels.shape[0], column : column + pixels.shape[1]] += pixels
    inner = np.s_[30:-30, 30:-30]  # covered by both
    np.testing.assert_allclose(sums[inner] / 2, stack[inner], rtol=1e-4)
    frames = [Frame(path) for path in [*truth.paths, *kept, tmp_path / "skycoadd.fits"]]
    assert pp_combine.combine(frames, toolbox.Losses(), pp_combine.Options(), tmp_path).header["COMBO_N"] == 2


# ---- frames of other kinds


def test_stars_of_frames_with_sip_distortion_fall_onto_each_other(tmp_path):
    """Two frames whose centres differ by 60 px: where SIP is ignored, stars are 1 px off and more."""
    rng = np.random.default_rng(4)
    first = sip_header()
    x, y = np.meshgrid(np.arange(90, 720, 60.0), np.arange(90, 520, 60.0))
    places = wcs_of(first).all_pix2world((x + rng.uniform(-1, 1, x.shape)).ravel(), y.ravel(), 1)
    frames = []
    for k, shift in enumerate((0, 60)):
        header = first.copy()
        header["CRPIX1"] += shift
        header.update({"INSTRUME": '= "Vatt4k"', "FILTER": "TOP 3 BOT 1", "EXPTIME": 30.0, "GAIN": 2.0, "AIRMASS": 1.1})
        header["MIDTIMJD"] = 2457786.9 + k / 1000
        image = 100 + sky.render((600, 800), *wcs_of(header).all_world2pix(*places, 1), np.full(x.size, 1e5), 4.2)
        fits.writeto(tmp_path / f"sip{k}.fits", image.astype(np.float32), header)
        frames.append(Frame(tmp_path / f"sip{k}.fits"))
    stack = pp_combine.combine(frames, toolbox.Losses(), pp_combine.Options(method="average"), tmp_path)
    image = stack.read_pixels()
    there = np.transpose(wcs_of(stack.header).all_world2pix(*places, 0))
    inside = np.all((there > 20) & (there < np.array(image.shape[::-1]) - 20), axis=1)
    missed = [np.hypot(*(np.array(centroid(image, *place)) - place)) for place in there[inside]]
    assert inside.sum() > 50
    assert max(missed) < 0.1  # px


def test_pixels_without_a_value_are_filled_by_the_other_frames(night, tmp_path):
    truth, _, _ = night
    paths = [shutil.copy(path, tmp_path) for path in truth.paths[:4]]
    data, header = fits.getdata(paths[0], header=True)
    x, y = truth.star_pixels(0)
    bright = np.asarray(truth.stars["R"]) < 16.5
    inside = bright & (x > 100) & (x < 320) & (y > 100) & (y < 320)
    star = np.flatnonzero(inside)[0]
    data = data.astype(np.float32)
    row, column = int(y[star]) - 1, int(x[star]) - 1
    data[row - 3 : row + 4, column - 3 : column + 4] = np.nan
    header.remove("BZERO", ignore_missing=True)
    fits.writeto(paths[0], data, header, overwrite=True)
    for method in ("average", "clipped"):
        stack = pp_combine.combine(
            [Frame(path) for path in paths], toolbox.Losses(), pp_combine.Options(method=method), tmp_path
        )
        image = stack.read_pixels()
        assert np.isfinite(image).all()
        place = [float(truth.stars["ra_deg"][star])], [float(truth.stars["dec_deg"][star])]
        mean = np.mean([
            fluxes(fits.getdata(path), wcs.to_header(), *place)
            for path, wcs in zip(paths[1:], truth.wcs[1:4], strict=True)
        ])  # fmt: skip
        assert fluxes(image, stack.header, *place)[0] == pytest.approx(mean, rel=0.02)


def test_bad_pixels_of_the_night_do_not_enter_a_stack(night, tmp_path):
    truth, _, _ = night
    paths = [shutil.copy(path, tmp_path) for path in truth.paths[:2]]
    data, header = fits.getdata(paths[0], header=True)
    column, row = 200, 210
    mask = np.zeros(data.shape, np.uint8)
    mask[row, column] = 4
    data[row, column] += 20000
    fits.writeto(paths[0], data, header, overwrite=True)

    def brightest():
        options = pp_combine.Options(method="average")
        stack = pp_combine.combine([Frame(path) for path in paths], toolbox.Losses(), options, tmp_path)
        place = truth.wcs[0].pixel_to_world_values(column, row)
        x, y = (int(value) for value in wcs_of(stack.header).world_to_pixel_values(*place))
        return np.ptp(stack.read_pixels()[y - 3 : y + 5, x - 3 : x + 5])

    assert brightest() > 5000
    fits.writeto(tmp_path / "badpixels.fits", mask)
    assert brightest() < 500


def test_a_median_is_warned_of(night, call, tmp_path):
    truth, _, _ = night
    done = call("pp_combine", "-method", "median", *truth.paths[:2], cwd=tmp_path)
    assert done.returncode == 0
    assert "does not conserve flux" in done.stderr and len(done.stderr.splitlines()) == 1


def test_backsub_takes_the_sky_away(night, tmp_path):
    truth, _, _ = night
    choice = pp_combine.Options(backsub=True)
    stack = pp_combine.combine([Frame(path) for path in truth.paths[:3]], toolbox.Losses(), choice, tmp_path)
    assert abs(np.median(stack.read_pixels())) < 2


def test_one_frame_is_combined_with_a_warning(night, call, tmp_path):
    truth, _, _ = night
    done = call("pp_combine", truth.paths[0], cwd=tmp_path)
    assert done.returncode == 0 and "only frame" in done.stderr


# ---- what goes wrong


def test_a_frame_without_ephemeris_is_named(night, tmp_path, monkeypatch):
    truth, _, _ = night
    for path in [*truth.paths[:3], truth.folder / "pp_store"]:
        (shutil.copytree if path.is_dir() else shutil.copy)(path, tmp_path / path.name)
    answered = pp_combine.ephemeris.positions

    def without_the_second(*arguments):
        found = answered(*arguments)
        found.ra_deg[1] = np.nan
        return found

    monkeypatch.setattr(pp_combine.ephemeris, "positions", without_the_second)
    frames = [Frame(tmp_path / name) for name in truth.files[:3]]
    options = pp_combine.Options(comoving=True, offline=True)
    with pytest.raises(PipelineError, match=f"no ephemeris of 3552 for {truth.files[1]}; leave out"):
        pp_combine.combine(frames, toolbox.Losses(), options, tmp_path)
    assert not (tmp_path / "comove.fits").exists()


def program(folder, name, text):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_a_failure_of_swarp_is_told_in_its_own_words(night, run_command, tmp_path):
    truth, _, _ = night
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin", "SWarp", "echo '> *Error*: Not enough memory for the image buffer'; exit 1")
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    done = run_command("pp_combine", *truth.paths[:2], cwd=tmp_path, env={"PATH": path})
    assert done.returncode == 1
    assert "Not enough memory for the image buffer" in done.stderr and len(done.stderr.splitlines()) == 1
    assert {each.name for each in tmp_path.iterdir()} == {"bin", "LOG"}


def test_swarp_is_found_by_its_small_name_too(night, run_command, tmp_path):
    truth, _, _ = night
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin", "swarp", f'exec {shutil.which("SWarp") or shutil.which("swarp")} "$@"')
    (tmp_path / "bin" / "sh").symlink_to(shutil.which("sh"))
    done = run_command("pp_combine", *truth.paths[:2], cwd=tmp_path, env={"PATH": str(tmp_path / "bin")})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "skycoadd.fits").exists()


def test_frames_of_two_filters_are_refused(night, call, tmp_path):
    truth, _, _ = night
    for path in truth.paths[:2]:
        shutil.copy(path, tmp_path)
    fits.setval(tmp_path / truth.files[1], "FILTER", value="TOP 2 BOT 1")
    done = call("pp_combine", *truth.files[:2], cwd=tmp_path)
    assert done.returncode == 2 and "TOP 2 BOT 1" in done.stderr and truth.files[1] in done.stderr


def test_a_frame_without_wcs_is_a_named_loss(night, call, tmp_path):
    truth, _, _ = night
    for path in truth.paths[:3]:
        shutil.copy(path, tmp_path)
    with fits.open(tmp_path / truth.files[2], mode="update") as hdus:
        for keyword in ("CTYPE1", "CTYPE2", "CRVAL1", "CRVAL2"):
            hdus[0].header.remove(keyword)
    done = call("pp_combine", *truth.files[:3], cwd=tmp_path)
    assert done.returncode == 3
    assert truth.files[2] in done.stderr and "run pp_register first" in done.stderr
    assert read_header(tmp_path / "skycoadd.fits")["COMBO_N"] == 2


def test_pointing_keywords_are_not_asked_for(night, tmp_path):
    truth, _, _ = night
    for path in truth.paths[:2]:
        shutil.copy(path, tmp_path)
        with fits.open(tmp_path / path.name, mode="update") as hdus:
            del hdus[0].header["RA"], hdus[0].header["DEC"]
    frames = [Frame(tmp_path / name) for name in truth.files[:2]]
    assert pp_combine.combine(frames, toolbox.Losses(), pp_combine.Options(), tmp_path).path.exists()


def test_the_full_configuration_is_printed(night, call, tmp_path):
    truth, _, _ = night
    done = call("pp_combine", "-dump_config", "-method", "average", truth.paths[0], cwd=tmp_path)
    assert done.returncode == 0
    settings = {line.split()[0]: line.split()[-1] for line in done.stdout.splitlines() if line.strip()}
    assert settings["COMBINE_TYPE"] == "AVERAGE" and settings["RESAMPLING_TYPE"] == "LANCZOS3"
    assert not (tmp_path / "skycoadd.fits").exists()


def test_settings_of_an_instrument_reach_swarp(night, run_command, tmp_path):
    truth, _, _ = night
    own = tmp_path / "config" / "photometrypipeline"
    own.mkdir(parents=True)
    (own / "vatt4k.swarp").write_text("RESAMPLING_TYPE NEAREST\nCLIP_SIGMA 3.3\n")
    env = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    done = run_command("pp_combine", "-dump_config", truth.paths[0], cwd=tmp_path, env=env)
    assert "NEAREST" in done.stdout and "3.3" in done.stdout
    done = run_command("pp_combine", *truth.paths[:2], cwd=tmp_path, env=env)
    assert done.returncode == 0 and "vatt4k.swarp" in (tmp_path / "LOG").read_text()


def test_every_instrument_finds_in_a_stack_what_it_asks_a_header_for(tmp_path):
    """All keywords that a telescope definition names for the steps survive, hierarchical ones among them."""
    wcs = sky.make_wcs((150.0, 2.0), (60, 60)).to_header()
    checked = 0
    for key in ("VATT4K", "EFOSC", "WFI", "LOTIS", "UKIRTWFCAM", "SOARSOI", "LCOSBIGKB78", "RATIR"):
        if key not in telescopes.load().telescopes:
            continue
        telescope = telescopes.get(key)
        wanted = [
            keyword
            for keyword in telescope.copy_keywords
            if keyword not in ("MIDTIMJD", "EXPTIME", *headers.READ_NOISE)
        ]
        header = wcs.copy()
        for keyword in wanted:
            if keyword not in header:
                header[keyword if len(keyword) < 9 and " " not in keyword else f"HIERARCH {keyword}"] = "1"
        header["TEL_KEYW"], header["MIDTIMJD"] = key, 2457786.5
        header[telescope.header["exptime"] if len(telescope.header["exptime"]) < 9 else "EXPTIME"] = 30.0
        name = tmp_path / f"{key}.fits"
        fits.writeto(name, np.random.default_rng(1).normal(100, 5, (60, 60)).astype(np.float32), header)
        stack = pp_combine.combine([Frame(name)], toolbox.Losses(), pp_combine.Options(), tmp_path)
        assert [keyword for keyword in wanted if keyword not in stack.header] == [], key
        checked += 1
    assert checked >= 4
