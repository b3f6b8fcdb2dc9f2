"""pp_extract: what Source Extractor cannot know is corrected in its lists."""

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

import sky
from photometrypipeline import ldac


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
