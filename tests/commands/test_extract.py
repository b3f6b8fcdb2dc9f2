"""pp_extract: its options, and what Source Extractor cannot know, which is corrected in its lists."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from test_commands import run_plain

import pp_extract
import sky
from photometrypipeline.frames import ldac
from photometrypipeline.instruments import telescopes


def test_places_follow_the_sip_terms_of_a_solution_that_came_with_the_frame(tmp_path, run_command):
    truth = sky.make_dataset(tmp_path, 1, solved=True, asteroid=False)
    with fits.open(truth.paths[0], mode="update") as hdus:
        header = hdus[0].header
        header["CTYPE1"], header["CTYPE2"] = "RA---TAN-SIP", "DEC--TAN-SIP"
        header.update({"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 4e-5, "B_1_1": -3e-5})  # 3.6 px in a corner
        sip = WCS(header.copy())
    assert run_command("pp_prepare", "-keep_wcs", truth.paths[0], cwd=tmp_path).returncode == 0
    done = run_command("pp_extract", "-snr", "3", truth.paths[0], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    sources = ldac.read(truth.paths[0].with_suffix(".ldac"))
    x, y = sources.table["XWIN_IMAGE"], sources.table["YWIN_IMAGE"]
    ra, dec = sip.all_pix2world(x, y, 1)
    assert len(sources) > 50
    np.testing.assert_allclose(sources.ra_deg, ra, atol=1e-9)
    np.testing.assert_allclose(sources.dec_deg, dec, atol=1e-9)
    plain = sip.deepcopy()
    plain.sip = None
    apart = np.hypot((plain.all_pix2world(x, y, 1)[0] - ra) * np.cos(np.radians(dec)), 0) * 3600
    assert apart.max() > 1.0  # arcsec: what would be lost without the terms


SIGMA_PX = 1.8


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """Return the folder of one prepared frame: 12 stars, a saturated one, a blend, a group of hot pixels."""
    folder = tmp_path_factory.mktemp("image")
    header = {"SATURATE": 50000.0}
    truth = sky.make_dataset(folder, 1, asteroid=False, n_stars=0, size=(300, 300), store=False, header=header)
    rng = np.random.default_rng(5)
    x, y = (place.ravel() + 25.0 for place in np.meshgrid(np.arange(4) * 70, np.arange(3) * 70))
    flux = np.full(12, 8000.0)
    flux[6:] = 900.0  # peak about 3 sigma of the sky
    clean = np.full((300, 300), 150.0)
    fwhm = SIGMA_PX / sky.SIGMA_PER_FWHM
    clean += sky.render(clean.shape, x, y, flux, fwhm)
    clean += sky.render(clean.shape, [240.0, 60.0, 67.0], [250.0, 250.0, 250.0], [4e6, 20000.0, 20000.0], fwhm)
    clean[230:232, 150:152] += 2000
    with fits.open(truth.paths[0]) as hdus:
        header = hdus[0].header.copy()
    fits.writeto(truth.paths[0], sky.expose(clean, rng), header, overwrite=True)
    done = run_plain("pp_prepare", truth.files[0], cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def extracted(image, tmp_path, monkeypatch):
    """Return extract(*arguments): runs pp_extract on a copy of that frame, returns its SourceList."""
    shutil.copytree(image, tmp_path / "image")
    monkeypatch.chdir(tmp_path / "image")

    def extract(*arguments):
        assert pp_extract.main(["mscience0217.fits", *map(str, arguments)]) == 0
        return ldac.read(Path("mscience0217.ldac"))

    return extract


def near(sources, x, y, radius_px=6):
    """Return the rows of the sources near a place."""
    return sources.table[np.hypot(sources.table["XWIN_IMAGE"] - x, sources.table["YWIN_IMAGE"] - y) < radius_px]


def test_snr_is_the_threshold(extracted):
    faint, bright = extracted("-snr", 1.5), extracted("-snr", 20)
    assert all(len(near(faint, x, 25.0)) == 1 for x in (25.0, 95.0, 165.0, 235.0))
    assert len(near(faint, 165.0, 95.0)) == 1 and len(near(bright, 165.0, 95.0)) == 0  # 900 ADU
    assert len(near(bright, 25.0, 25.0)) == 1  # 8000 ADU


def test_minarea_leaves_out_what_is_smaller_than_a_star(extracted):
    assert len(near(extracted("-minarea", 3, "-snr", 4), 151.5, 231.5)) == 1
    few = extracted("-minarea", 9, "-snr", 4)
    assert len(near(few, 151.5, 231.5)) == 0 and len(near(few, 25.0, 25.0)) == 1


def test_apertures_are_the_telescopes_or_as_many_as_wanted(extracted):
    telescope = telescopes.get("VATT4K")
    (row,) = near(extracted(), 25.0, 25.0)
    one = {}
    for radius in (3.0, telescope.aprad_default):
        (again,) = near(extracted("-aprad", radius), 25.0, 25.0)
        one[radius] = float(again["FLUX_APER"])
    assert float(row["FLUX_APER"]) == one[telescope.aprad_default]
    (both,) = near(extracted("-aprad", f"3,{telescope.aprad_default}"), 25.0, 25.0)
    assert list(map(float, both["FLUX_APER"])) == list(one.values())
    variance = SIGMA_PX**2 + 2 / 12  # pixels blur twice, see sky.Truth
    assert one[3.0] == pytest.approx(8000 * (1 - np.exp(-9 / 2 / variance)), rel=0.03)  # noise 9 * sqrt(28) / 6000
    assert pp_extract.main(["mscience0217.fits", "-aprad", "4"]) == 0
    with pytest.raises(SystemExit, match="2"):
        pp_extract.main(["mscience0217.fits", "-aprad", "0"])


def test_paramfile_names_the_columns(extracted):
    Path("few columns.sexparam").write_text("XWIN_IMAGE\nYWIN_IMAGE\nXWIN_WORLD\nYWIN_WORLD\nFLAGS\nMAG_AUTO\n")
    names = extracted("-paramfile", "few columns.sexparam").table.colnames
    assert sorted(names) == sorted(["XWIN_IMAGE", "YWIN_IMAGE", "XWIN_WORLD", "YWIN_WORLD", "FLAGS", "MAG_AUTO"])
    assert pp_extract.main(["mscience0217.fits", "-paramfile", "missing.sexparam"]) != 0
    Path("wrong.sexparam").write_text("XWIN_IMAGE\nNO_SUCH_COLUMN\n")
    assert pp_extract.main(["mscience0217.fits", "-paramfile", "wrong.sexparam"]) == 1
    assert not Path("mscience0217.ldac").exists()  # of before: it does not pass for the result


def test_ignore_saturation(extracted):
    (star,) = near(extracted("-snr", 3), 240.0, 250.0, 12)
    assert star["FLAGS"] & 4
    (star,) = near(extracted("-snr", 3, "-ignore_saturation"), 240.0, 250.0, 12)
    assert not star["FLAGS"] & 4


def test_nodeblending(extracted):
    assert len(near(extracted("-snr", 3), 63.5, 250.0, 8)) == 2
    assert len(near(extracted("-snr", 3, "-nodeblending"), 63.5, 250.0, 8)) == 1


def test_telescope_and_quiet(extracted, capsys):
    fits.setval("mscience0217.fits", "TEL_KEYW", value="CFHTMEGAPRIME")
    capsys.readouterr()
    (row,) = near(extracted("-telescope", "VATT4K", "-quiet"), 25.0, 25.0)
    assert capsys.readouterr().out == ""
    (same,) = near(extracted("-aprad", telescopes.get("VATT4K").aprad_default, "-telescope", "VATT4K"), 25.0, 25.0)
    assert row["FLUX_APER"] == same["FLUX_APER"]
    assert "sources in mscience0217.fits" in capsys.readouterr().out
    other = telescopes.get("CFHTMEGAPRIME").aprad_default
    assert other != telescopes.get("VATT4K").aprad_default
    (theirs,) = near(extracted(), 25.0, 25.0)
    assert theirs["FLUX_APER"] != row["FLUX_APER"]
