"""The registration for real: simulated frames through Source Extractor, the matcher, SCAMP and the fit."""

import json
import subprocess

import numpy as np
import pytest
from astropy.io import fits

import sky
import stressframes
from photometrypipeline.catalogs.surveys import tycho2
from photometrypipeline.frames import ldac
from photometrypipeline.frames.frame import read_header
from photometrypipeline.instruments import telescopes
from photometrypipeline.programs import astromatic
from photometrypipeline.programs.external import find_program
from photometrypipeline.registration import blind, locate, matchodds, starpatterns
from photometrypipeline.registration.astrometry import to_sky
from photometrypipeline.sky import tangent
from photometrypipeline.sky.sphere import ra_difference_deg, separation_deg
from photometrypipeline.sky.tangent import LinearMap


def registered(folder, **knobs):
    """Return (Truth, {name: record of registration}) of simulated frames after pp_prepare and pp_register."""
    from test_commands import run_plain

    truth = sky.make_dataset(folder, **knobs)
    for command in (["pp_prepare"], ["pp_register", "-offline"]):
        done = run_plain(*command, *truth.files, cwd=folder)
        assert done.returncode == 0, done.stderr
    rows = json.loads((folder / ".diagnostics" / "register.json").read_text())["frames"]
    return truth, {row["name"]: row for row in rows}


def errors_arcsec(truth, number):
    """Return what the WCS of a frame is off, all over the frame."""
    nx, ny = truth.night.size
    x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(1, nx, 21), np.linspace(1, ny, 21)))
    ra, dec = to_sky(read_header(truth.paths[number]), x, y)
    true_ra, true_dec = truth.wcs[number].all_pix2world(x, y, 1)
    return 3600 * np.hypot(ra_difference_deg(ra, true_ra) * np.cos(np.radians(dec)), dec - true_dec)


def rms(values):
    return np.sqrt(np.mean(values**2))


@pytest.fixture(scope="module")
def bent(tmp_path_factory):
    """Return (Truth, records) of a frame of 1k x 1k with some 100 stars, bent by 1.5 px in the corners."""
    folder = tmp_path_factory.mktemp("bent")
    return registered(folder, n_frames=1, size=(1024, 1024), n_stars=130, cubic_px=1.5, seed=3)


def test_scamp_tells_its_numbers_whatever_the_object_is_called(tmp_path):
    """SCAMP copies the name into its XML as it stands."""
    _, rows = registered(tmp_path, n_frames=2, header={"OBJECT": 'R&D <b> "x"'})
    assert all(row["as_contrast"] > 0 and row["sigma_ra_arcsec"] > 0 for row in rows.values())
    assert (tmp_path / "astrometry_scamp.xml").is_file()
    assert read_header(tmp_path / next(iter(rows)))["OBJECT"] == 'R&D <b> "x"'


def test_the_wcs_is_right_to_15_mas_all_over_a_frame_with_100_stars(bent):
    truth, rows = bent
    row = rows[truth.files[0]]
    assert 90 <= row["n_matched"] <= 150 and row["degree"] == 3
    assert rms(errors_arcsec(truth, 0)) < 0.015
    assert row["log_odds"] > 100 and row["solution"] in ("fit", "SCAMP") and row["rms_arcsec"] < 0.02
    assert row["offset_arcmin"] == pytest.approx(np.hypot(*truth.night.pointing_error) / 60, abs=0.3)


def test_the_wcs_is_right_to_80_mas_with_12_stars(tmp_path):
    truth, rows = registered(tmp_path, n_frames=2, size=(1024, 1024), n_stars=15, cubic_px=1.0, seed=14)
    for number, name in enumerate(truth.files):
        assert rows[name]["n_matched"] <= 14
        assert rms(errors_arcsec(truth, number)) < 0.08


def test_source_extractor_and_swarp_read_the_wcs_as_astropy_does(bent, tmp_path):
    truth, _ = bent
    header = read_header(truth.paths[0])
    assert header["CTYPE1"] == "RA---TPV" and "PV1_7" in header
    columns = {"parameters": telescopes.setup_file("singleaperture.sexparam"), "apertures_px": [5]}
    camera = telescopes.get("VATT4K")
    astromatic.extract(truth.paths[0], tmp_path / "own.ldac", camera, 300, snr=20, min_area=7, **columns)
    own = ldac.read(tmp_path / "own.ldac")
    ra, dec = to_sky(header, own.table["XWIN_IMAGE"], own.table["YWIN_IMAGE"])
    assert separation_deg(ra, dec, own.ra_deg, own.dec_deg).max() * 3600 < 1e-3
    argv = [find_program("SWarp"), truth.paths[0], "-c", telescopes.setup_file("pipeline.swarp")]
    argv += [
        "-IMAGEOUT_NAME",
        tmp_path / "flat.fits",
        "-WEIGHTOUT_NAME",
        tmp_path / "weight.fits",
        "-VERBOSE_TYPE",
        "QUIET",
    ]
    subprocess.run([str(part) for part in argv], cwd=tmp_path, check=True, capture_output=True)
    astromatic.extract(tmp_path / "flat.fits", tmp_path / "flat.ldac", camera, 300, snr=20, min_area=7, **columns)
    flat = ldac.read(tmp_path / "flat.ldac")
    assert not any(keyword.startswith("PV") for keyword in fits.getheader(tmp_path / "flat.fits"))
    off = [separation_deg(a, d, flat.ra_deg, flat.dec_deg).min() * 3600 for a, d in zip(ra, dec, strict=True)]
    assert len(flat) > 30 and np.median(off) < 0.02  # arcsec; pixels of 0.375"


def test_a_wrong_orientation_scale_and_pointing_in_one_data_set(tmp_path):
    off = {"RA": sky.sexagesimal((sky.Night.centre[0] + 0.1) / 15), "DEC": sky.sexagesimal(sky.Night.centre[1] - 0.07)}
    wrong = {"rotation_deg": 137.0, "flip": (False, False), "scale": 0.33, "header": off}
    truth, rows = registered(tmp_path, n_frames=2, size=(800, 800), n_stars=60, seed=5, **wrong)
    for number, name in enumerate(truth.files):
        assert rows[name]["registered"] and rms(errors_arcsec(truth, number)) < 0.03
        assert rows[name]["offset_arcmin"] == pytest.approx(60 * np.hypot(0.1, 0.07), abs=1.0)


@pytest.mark.parametrize(
    ("scale", "told"), [({}, "no header gives it"), ({"FOCALLEN": 516.0, "XPIXSZ": 5.0}, "the headers say 1.999")]
)
def test_a_camera_without_scale_or_orientation_in_its_headers(tmp_path, scale, told):
    """Binned 2 x 2, its scale is a guess that is wrong by a factor of 2, or wrong; what the stars show is told."""
    from test_commands import run_plain

    header = {"INSTRUME": "CAMX", "TELESCOP": None, "FILTER": "R", "CCDBIN1": 2, "CCDBIN2": 2, **scale}
    look = {"scale": 1.2, "rotation_deg": 137.0, "flip": (False, False)}
    truth = sky.make_dataset(tmp_path, n_frames=1, size=(700, 700), n_stars=60, seed=5, header=header, **look)
    truth.stars[["ra_deg", "dec_deg", "V"]].write(tmp_path / "stars.csv")
    assert run_plain("pp_prepare", *truth.files, cwd=tmp_path).returncode == 0
    done = run_plain("pp_register", "-offline", "-cat", "stars.csv", *truth.files, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1.2000 arcsec/px, a mirror image, turned by 137.0 deg East of North; pptool_telescope keeps" in done.stdout
    assert f"the pixel scale, 1.2000 arcsec, comes from the stars: {told}" in done.stderr
    assert rms(errors_arcsec(truth, 0)) < 0.05


# ---- frames that are hard


def found_in(image, stars, guess, folder, snr=3.0):
    """Return (Solution or None, SourceList) of a stress frame's image after Source Extractor."""
    stressframes.StressFrame.write(stressframes.StressFrame(image, *[None] * 7), folder / "frame.fits")
    columns = telescopes.setup_file("singleaperture.sexparam")
    options = {"snr": snr, "min_area": 3, "parameters": columns, "apertures_px": [5], "ignore_saturation": True}
    astromatic.extract(folder / "frame.fits", folder / "frame.ldac", telescopes.get("VATT4K"), 300, **options)
    sources = astromatic.trim_for_scamp(ldac.read(folder / "frame.ldac"), 0x00F8, 2000, 1.0)
    seen = locate.Seen.of("frame", sources, guess["size_px"], None)
    return starpatterns.solve(seen.x_px, seen.y_px, seen.flux, *stars, **guess), sources


@pytest.mark.parametrize("defect", stressframes.DEFECTS)
def test_spoilt_frames_are_found(defect, tmp_path):
    frame = stressframes.make(stressframes.DEFECTS.index(defect), 40, defect)
    solution, _ = found_in(frame.image, frame.stars, frame.guess, tmp_path)
    assert solution is not None and frame.is_right(solution)


def test_noise_is_never_found(tmp_path):
    frame = stressframes.make(1, 40)
    solution, sources = found_in(stressframes.noise(1), frame.stars, frame.guess, tmp_path, snr=1.2)
    assert len(sources) > 30  # hot pixels and noise that look like stars
    assert solution is None


# ---- the whole sky


def wide_field(stars, centre, size_px, scale_arcsec, seed):
    """Return (x_px, y_px, flux) of a mirrored, turned frame that shows stars (ra_deg, dec_deg, mag) and junk."""
    rng = np.random.default_rng(seed)
    turn = scale_arcsec / 3600 * np.exp(2j * np.pi * rng.uniform())
    z = LinearMap(0j, turn, 0j).inverse(tangent.project(stars[0], stars[1], centre))
    seen = (np.abs(z.real) < size_px / 2) & (np.abs(z.imag) < size_px / 2) & (rng.uniform(size=z.size) < 0.9)
    z = z[seen] + rng.normal(0, 0.3, seen.sum()) + 1j * rng.normal(0, 0.3, seen.sum())
    flux = 10 ** (-0.4 * (np.asarray(stars[2])[seen] + rng.normal(0, 0.3, seen.sum())))
    junk = rng.uniform(-size_px / 2, size_px / 2, (2, seen.sum() // 3))
    z = np.concatenate([z, junk[0] + 1j * junk[1]]) + complex(size_px + 1, size_px + 1) / 2
    return z.real, z.imag, np.concatenate([flux, rng.choice(flux, junk.shape[1])])


def test_a_wide_field_is_found_anywhere_on_the_real_sky():
    try:
        tycho2.find()
    except tycho2.CatalogError as error:
        pytest.skip(str(error))
    for seed, centre in enumerate([(12.0, 41.0), (359.9, -5.0), (200.0, -88.5)]):
        table = tycho2.read(*centre, 1.0, 12.5)
        stars = (table["ra_deg"], table["dec_deg"], table["VTmag"])
        x, y, flux = wide_field(stars, centre, 1000, 4.0, seed)  # 1.1 deg wide
        found = blind.locate(x, y, flux, scale_arcsec=4.5, size_px=(1000, 1000))
        assert separation_deg(*found.centre_deg, *centre) * 3600 < 4.0 and found.parity == -1
        assert found.scale_arcsec == pytest.approx(4.0, rel=1e-3)
    guessed = blind.locate(x, y, flux, scale_arcsec=2.0, scale_tolerance=2.0, size_px=(1000, 1000))  # a factor of 3
    assert guessed.scale_arcsec == pytest.approx(4.0, rel=1e-3)
    rng = np.random.default_rng(1)
    nothing = rng.uniform(1, 1000, (2, 40))
    assert blind.locate(*nothing, rng.uniform(1, 9, 40), scale_arcsec=4.0, size_px=(1000, 1000)) is None
    assert blind.locate(x, y, flux, scale_arcsec=0.5, size_px=(1000, 1000)) is None  # a field too small for it


def test_odds_hold_what_was_searched_against_a_match():
    wide, narrow = matchodds.Prior(), matchodds.Prior(0.01, 1.001, 0.5, 1)
    assert wide.log_trials(0.4, 700, 0.4) > narrow.log_trials(0.4, 700, 0.4) + 15
    whole_sky = matchodds.Prior(blind.WHOLE_SKY_DEG)
    places = np.exp(whole_sky.log_trials(0.4, 700, 0.4) - wide.log_trials(0.4, 700, 0.4))
    assert places == pytest.approx(41253 / np.pi, rel=0.01)  # square degrees against those of a disc of 1 deg


def test_codes_of_quads_are_those_of_the_index():
    """Four stars whose code is known by construction, named in every order."""
    a, b = 10 + 20j, 110 + 60j
    c, d = (a + np.conj(code / (1 + 1j)) * (b - a) for code in (0.3 + 0.5j, 0.6 + 0.2j))
    z = np.array([a, b, c, d])
    for order in ([0, 1, 2, 3], [1, 0, 2, 3], [0, 1, 3, 2], [1, 0, 3, 2]):
        quads, codes = blind.coded(z, np.array([order]))
        np.testing.assert_allclose(codes[0], [0.3, 0.5, 0.6, 0.2], atol=1e-12)
        assert quads[0].tolist() == [0, 1, 2, 3]
