"""Tycho-2 from the index file that Debian packages: a small one of the same form, and the real one where it is."""

import numpy as np
import pytest

import pp_setup
import tychoindex
from catalog import Catalog
from photometrypipeline.base.errors import CatalogError
from photometrypipeline.base.services import Client
from photometrypipeline.catalogs.surveys import tycho2
from photometrypipeline.sky import sphere


@pytest.fixture(scope="session")
def installed():
    """Return the folder of the real index file; skips the test where the package is not installed."""
    try:
        return tycho2.find().parent
    except CatalogError as error:
        pytest.skip(str(error))


def test_positions_magnitudes_and_errors_of_a_cone(tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    ra, dec = (350 + rng.uniform(0, 20, 3000)) % 360, rng.uniform(-5, 5, 3000)
    mag = rng.uniform(6, 12.5, 3000)
    tychoindex.write(tmp_path, ra, dec, mag)
    monkeypatch.setattr(pp_setup, "catalog_folders", (str(tmp_path),))
    stars = Catalog.fetch("Tycho2", 0.0, 0.5, 2.0, 12.0, client=Client(offline=True))
    expected = (sphere.separation_deg(0.0, 0.5, ra, dec) < 2.0) & (mag < 12.0)
    assert len(stars) == expected.sum() > 50
    assert np.all(np.diff(stars.values("VTmag")) >= 0)
    order = np.argsort(mag[expected])
    off = sphere.separation_deg(
        stars.values("ra_deg"), stars.values("dec_deg"), ra[expected][order], dec[expected][order]
    )
    assert off.max() * 3600 < 1e-3
    np.testing.assert_allclose(stars.values("VTmag"), mag[expected][order], atol=1e-5)
    v, name, error = stars.in_band("V")
    assert np.all(np.abs(v.values(name) - v.values("VTmag")) < 0.15) and np.all(v.values(error) >= 0.05)


def test_without_proper_motions_positions_grow_less_certain(tmp_path, monkeypatch):
    tychoindex.write(tmp_path, [10.0], [60.0], [9.0])
    monkeypatch.setattr(pp_setup, "catalog_folders", (str(tmp_path),))
    star = Catalog.fetch("TYCHO2", 10.0, 60.0, 0.1, 15, client=Client(offline=True))
    later = star.at_epoch(2020.0)
    assert later.values("ra_deg") == pytest.approx(10.0, abs=1e-7)
    assert later.values("e_ra_deg")[0] * 3600 == pytest.approx(np.hypot(0.025, 20 * 0.015), rel=1e-3)


def test_a_missing_or_broken_file_is_told_in_one_line(tmp_path):
    with pytest.raises(CatalogError, match="apt-get install astrometry-data-tycho2-07-littleendian") as caught:
        tycho2.read(1.0, 2.0, 1.0, 12.0, (str(tmp_path),))
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)
    (tmp_path / tycho2.FILE).write_bytes(b"SIMPLE  = nonsense" * 400)
    with pytest.raises(CatalogError, match="is not an index file"):
        tycho2.read(1.0, 2.0, 1.0, 12.0, (str(tmp_path),))


def test_the_real_file_has_the_stars_where_they_were_in_2000(installed):
    """Barnard's star, 10 arcsec a year (Gaia DR3, moved to J2000), and HAT-P-32 (Hartman et al. 2011)."""
    for ra, dec, vt_mag in ((269.452077, 4.693388, 9.78), (31.0428, 46.6878, 11.48)):
        stars = tycho2.read(ra, dec, 0.05, 13.0)
        nearest = np.argmin(sphere.separation_deg(stars["ra_deg"], stars["dec_deg"], ra, dec))
        assert sphere.separation_deg(stars["ra_deg"][nearest], stars["dec_deg"][nearest], ra, dec) * 3600 < 0.5
        assert stars["VTmag"][nearest] == pytest.approx(vt_mag, abs=0.05)
    assert len(tycho2.read(0.0, 90.0, 180.0, 99.0)) > 1.8e6
