"""The catalogue as the steps use it: epochs, bands, Sun-like stars, reference files for SCAMP."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits, votable

import catalog as module
import pp_setup
import services as local
import starlist
from catalog import Catalog, canonical_name
from photometrypipeline.base import services
from photometrypipeline.base.errors import BandNotAvailable, NotReachable, UsageError
from photometrypipeline.catalogs import surveys

DATA = Path(__file__).resolve().parents[1].parent.parent / "shared" / "data" / "catalogs"


def make(name, number=100, **columns):
    """Return a Catalog of invented stars; `columns` replace those of starlist."""
    survey = surveys.get(name)
    table = starlist.make(name, number, 150.0, 2.0, 0.2)
    for column, values in columns.items():
        table[column] = values
    key = survey.key
    table["mag"] = table[key] if key else np.nan
    table["e_mag"] = table[f"e_{key}"] if key else np.nan
    return Catalog(name, table, f"{number} sources downloaded", survey.release, survey.systems, survey.bands, survey)


def one(name, ra_deg, dec_deg, pmra, pmdec, epoch_yr):
    table = {"ra_deg": [ra_deg], "dec_deg": [dec_deg], "pmra": [pmra], "pmdec": [pmdec], "epoch_yr": [epoch_yr]}
    return make(name, 1, **table, e_pmra=[0.1], e_pmdec=[0.2], e_ra_deg=[1e-8], e_dec_deg=[1e-8])


# ---- names


def test_names(tmp_path):
    assert [canonical_name(name) for name in ("gaia", "PanSTARRS", "skymapper", "2mass")] == [
        "GAIA",
        "PANSTARRS",
        "SkyMapper",
        "2MASS",
    ]
    (tmp_path / "mine.csv").write_text("ra,dec,Vmag\n1,2,3\n")
    assert canonical_name(tmp_path / "mine.csv") == str(tmp_path / "mine.csv")
    with pytest.raises(UsageError, match="GAIA-DR2.*PANSTARRS"):
        canonical_name("nonsense")


# ---- epochs


def test_proper_motion_check_value():  # of the plane formula; a great circle differs by 8 microarcsec
    moved = one("GAIA", 10.0, 60.0, 100.0, -50.0, 2016.0).at_epoch(2026.5).table
    assert moved["ra_deg"][0] == pytest.approx(10.000583333, abs=5e-9)
    assert moved["dec_deg"][0] == pytest.approx(59.999854167, abs=5e-9)
    assert moved["epoch_yr"][0] == 2026.5
    assert moved["e_ra_deg"][0] * 3.6e6 == pytest.approx(np.hypot(0.036, 10.5 * 0.1))
    assert moved["e_dec_deg"][0] * 3.6e6 == pytest.approx(np.hypot(0.036, 10.5 * 0.2))


@pytest.mark.parametrize(("ra_deg", "dec_deg"), [(359.99999, 10.0), (0.00001, -30.0), (77.0, 89.9999), (200.0, -89.99)])
def test_motion_across_ra_0_and_near_the_poles(ra_deg, dec_deg):
    start, moved = one("GAIA", ra_deg, dec_deg, -800.0, 600.0, 2016.0), None
    moved = start.at_epoch(2036.0)
    here, there = (SkyCoord(c.table["ra_deg"], c.table["dec_deg"], unit="deg") for c in (start, moved))
    assert here.separation(there).arcsec[0] == pytest.approx(20.0, rel=1e-6)
    assert here.position_angle(there).deg[0] == pytest.approx(360 - np.degrees(np.arctan2(800, 600)), abs=1e-4)
    assert 0 <= moved.table["ra_deg"][0] < 360


def test_stars_without_motion_or_epoch_stay():
    for motion, epoch in ((np.nan, 2016.0), (100.0, np.nan)):
        moved = one("GAIA", 10.0, 60.0, motion, 5.0, epoch).at_epoch(2026.0).table
        assert (moved["ra_deg"][0], moved["dec_deg"][0]) == (10.0, 60.0)
    twice = one("GAIA", 10.0, 60.0, 100.0, -50.0, 2016.0).at_epoch(2020.0).at_epoch(2026.5).table
    assert twice["ra_deg"][0] == pytest.approx(10.000583333, abs=5e-9)


# ---- bands


def test_the_documented_name_of_the_table():
    stars = Catalog("x", {"ra_deg": [1.0, 2.0]})
    assert stars.data is stars.table


def test_native_band_is_taken_as_it_is():
    stars = make("PANSTARRS", 50, flag_quality=4.0, e_rp1mag=0.01)
    found, mag, err = stars.in_band("gp1")
    assert (mag, err, found.name, found.systems["gp1"]) == ("gp1mag", "e_gp1mag", "PANSTARRS", "AB")
    assert (found.values("gp1mag") >= 14).all()  # brighter ones are saturated there
    assert len(found) == (stars.values("gp1mag") >= 14).sum()
    assert found.relation_scatter("gp1") == 0
    assert stars.in_band("y")[1] == "yp1mag"


def test_transformed_band():
    columns = {"gp1mag": 17.5, "rp1mag": 17.0, "ip1mag": 16.8, "zp1mag": 16.7}
    stars = make("PANSTARRS", 10, **columns)
    found, mag, err = stars.in_band("V")
    assert (mag, err, found.name) == ("_Vmag", "_e_Vmag", "PANSTARRS_transformed")
    assert found.history == "10 sources downloaded, 10 transformed to V (Vega) by T12"
    assert found.systems["V"] == "Vega"
    assert found.values("_Vmag") == pytest.approx(17.23925)
    assert found.values("_Imag") == pytest.approx(16.3615)  # B, V, R, I come together
    assert "_gmag" not in found.table.colnames
    assert found.values("_e_Vmag") == pytest.approx(np.hypot(0.01 * np.hypot(0.475, 0.525), 0.012))
    assert found.relation_scatter("V") == 0.012
    assert stars.in_band("g")[0].systems["g"] == "AB"


def test_sdss_transformations_see_magnitudes_as_measured():
    columns = {"umag": 18.90 - 0.04, "gmag": 17.50, "rmag": 16.95, "imag": 16.75, "flag_class": 6.0}
    found, mag, _ = make("SDSS-R9", 5, **columns).in_band("U")
    assert found.values(mag) == pytest.approx(18.0460, abs=5e-5)
    assert [name for name in found.table.colnames if name.startswith("_")] == ["_Umag", "_e_Umag"]


def test_gaia_dr2_is_corrected_before_its_transformation():
    columns = {"Gmag": 15.0, "BPmag": 15.5, "RPmag": 14.6}
    found, mag, _ = make("GAIA-DR2", 5, **columns).in_band("V")
    assert found.values(mag) == pytest.approx(15.1641 - 0.0032 * 9, abs=5e-5)


def test_use_all_keeps_what_the_cuts_throw_out():
    stars = make("PANSTARRS", 20, gp1mag=13.0, rp1mag=12.5, ip1mag=12.3, e_rp1mag=0.05)
    with pytest.raises(BandNotAvailable, match="none of 20 stars"):
        stars.in_band("V")
    assert len(stars.in_band("V", use_all=True)[0]) == 20


def test_red_stars_are_left_out_of_b_where_there_are_enough_others():
    colour = np.r_[np.full(30, 0.5), np.full(10, 1.1)]
    many = make("PANSTARRS", 40, rp1mag=16.0, gp1mag=16.0 + colour, ip1mag=15.8, zp1mag=15.7)
    assert len(many.in_band("B")[0]) == 30
    assert len(many.in_band("V")[0]) == 40
    assert len(many.select(np.arange(25, 40)).in_band("B")[0]) == 15


def test_bands_that_are_not_there():
    with pytest.raises(BandNotAvailable, match="no band B; it has G, BP, RP, by transformation V, R, I"):
        make("GAIA").in_band("B")
    with pytest.raises(BandNotAvailable):
        make("PANSTARRS", 0).in_band("V")


def test_synthetic_photometry_needs_its_flag():
    stars = make("GSPC", 10, flag_valid_johnson_V=np.r_[np.ones(6), np.zeros(4)])
    assert len(stars.in_band("V")[0]) == 6
    assert stars.in_band("V")[0].systems["V"] == "Vega"


def test_stars_with_neighbours_inside_the_aperture_are_left_out_where_enough_are_left(caplog):
    stars = make(
        "REFCAT2", 60, flag_dupvar=0.0, flag_rp1=np.r_[np.full(30, 6.0), np.full(20, 25.0), np.full(10, np.nan)]
    )
    assert len(stars.photometric(aperture_arcsec=5.0)) == 60
    assert len(stars.photometric(aperture_arcsec=10.0)) == 30  # nothing found nearby is no neighbour
    with caplog.at_level("INFO"):
        assert len(stars.select(np.arange(45)).photometric(aperture_arcsec=10.0)) == 45
    assert "30 stars have neighbours" in caplog.text


def test_skymapper_wants_two_good_images_per_band():
    flawless = {"e_rsmmag": 0.01, "gsmmag": 15.6, "rsmmag": 15.2, "ismmag": 15.1, "zsmmag": 15.0}
    goods = {f"flag_good_{band}": 3.0 for band in "uvgriz"}
    once = goods | {"flag_good_i": np.r_[np.ones(4), np.full(6, 2.0)]}
    assert len(make("SkyMapper-DR4", 10, **flawless, **once).in_band("ism")[0]) == 6
    assert len(make("SkyMapper-DR4", 10, **flawless, **once).in_band("gsm")[0]) == 10
    assert len(make("SkyMapper-DR4", 10, **flawless).in_band("ism")[0]) == 10  # flags that nobody delivered
    assert len(make("SkyMapper-DR4", 10, **flawless, **once).in_band("r")[0]) == 6  # T12 looks at r - i


@pytest.mark.parametrize(
    ("name", "band", "system"),
    [
        ("TGAS", "G", "Vega"),
        ("GAIA-DR1", "G", "Vega"),
        ("UCAC4", "V", "Vega"),
        ("UCAC4", "g", "AB"),
        ("UCAC4", "Ks", "Vega"),
    ]
    + [("URAT-1", "B", "Vega"), ("GSPC", "gp1", "AB"), ("REFCAT2", "K", "Vega"), ("REFCAT2", "Z", "Vega")]
    + [("SDSS-R16", "Z", "Vega"), ("SkyMapper", "u", "AB"), ("PANSTARRS-DR2", "y", "AB"), ("APASS10", "z", "AB")],
)
def test_bands_of_the_registry_are_there(name, band, system):
    color = {"Jmag": 13.4, "Hmag": 13.0, "Ksmag": 12.9, "gmag": 15.0, "rmag": 14.6, "imag": 14.5, "zmag": 14.4}
    columns = {column: mag for column, mag in color.items() if column in surveys.get(name).column_names}
    columns |= {f"flag_valid_{letter}": 1.0 for letter in "UBVRIugriz"} | {"e_rsmmag": 0.01}
    found, mag, err = make(name, 30, **columns).in_band(band)
    assert len(found) >= 15 and found.systems[band] == system
    assert np.isfinite(found.values(mag)).all() and np.isfinite(found.values(err)).all()


def test_another_relation_by_its_id(monkeypatch):
    columns = {"gp1mag": 17.5, "rp1mag": 17.0, "ip1mag": 16.8, "zp1mag": 16.7}
    stars = make("PANSTARRS", 10, **columns)
    monkeypatch.setattr(pp_setup, "preferred_relations", ("KB18", "LU05"))
    found, mag, _ = stars.in_band("V")
    assert found.history.endswith("by KB18")
    assert found.values(mag) == pytest.approx(17.5 - 0.020 - 0.498 * 0.5 - 0.008 * 0.25)
    assert stars.in_band("g")[0].history.endswith("by T12")  # KB18 does not give it
    monkeypatch.setattr(pp_setup, "preferred_relations", ("nonsense",))
    with pytest.raises(UsageError, match="nonsense is unknown"):
        stars.in_band("V")


def test_stars_off_the_locus_are_left_out_if_wanted(monkeypatch):
    rng = np.random.default_rng(8)
    g_r = rng.uniform(0.3, 1.2, 60)
    r_i = 0.36 * g_r - 0.02 + rng.normal(0, 0.01, 60)
    r_i[:5] += np.array([0.1, -0.12, 0.09, 0.15, -0.1])
    stars = make("SDSS-R9", 60, rmag=16.0, gmag=16.0 + g_r, imag=16.0 - r_i, flag_class=6.0)
    assert len(stars.in_band("R")[0]) > 55
    monkeypatch.setattr(pp_setup, "stellar_locus_cut", True)
    kept = stars.in_band("R")[0]
    assert not np.isin(stars.values("ra_deg")[:5], kept.values("ra_deg")).any()
    assert len(kept) >= 50
    assert len(stars.select(np.arange(15)).in_band("R")[0]) >= 12  # too few to tell


def test_extrapolated_stars_are_marked():
    stars = make("PANSTARRS", 20, rp1mag=16.0, gp1mag=16.0 + np.r_[np.full(12, 0.5), np.full(8, 1.6)], ip1mag=15.8)
    assert len(stars.in_band("V")[0]) == 12
    everything = stars.in_band("V", use_all=True)[0]
    assert list(everything.values("flag_extrapolated")) == [0.0] * 12 + [1.0] * 8


def test_colours_are_those_of_the_band_asked_for():
    stars = make("PANSTARRS", 4, gp1mag=16.4, rp1mag=[16.0, 16.0, 13.0, np.nan], ip1mag=15.9, zp1mag=15.8)
    native, error = stars.color("gp1-rp1")
    assert native[:2] == pytest.approx(0.4) and error[:2] == pytest.approx(0.01 * np.sqrt(2))
    assert np.isnan(native[2:]).all()  # saturated, and unknown
    sloan = stars.color("g-r")[0]
    assert sloan[0] == pytest.approx(0.4 + 0.014 + 0.141 * 0.4 + 0.012 * 0.16)
    with pytest.raises(BandNotAvailable, match="no band U"):
        stars.color("U-B")
    assert stars.usual_color() == "g-r"
    assert make("2MASS", 5).usual_color() == "J-H"
    assert make("GAIA", 5).usual_color() in ("g-r", "BP-RP")
    assert make("USNO-B1", 5).usual_color() is None


# ---- Sun-like stars


def test_sun_like_stars_of_sdss():
    g_minus_r = np.array([0.44, 0.23, 0.63, 0.65, 0.44])
    r_minus_i = np.array([0.11, 0.11, 0.11, 0.11, 0.35])
    stars = make("SDSS-R9", 5, rmag=16.0, gmag=16.0 + g_minus_r, imag=16.0 - r_minus_i)
    kept = stars.solar_like(0.2)
    assert list(kept.values("gmag") - 16) == pytest.approx([0.44, 0.63])
    assert kept.name == "SDSS-R9_solar"
    assert kept.history.endswith("2 Sun-like stars")


def test_sun_like_stars_of_panstarrs_are_judged_in_sdss_colours():
    # T12 maps g - r of 0.39 (Pan-STARRS, the Sun) to 0.46 (SDSS); 0.60 becomes 0.69 and is out, 0.53 stays in
    colour = np.array([0.39, 0.60, 0.53])
    stars = make("PANSTARRS", 3, rp1mag=16.0, gp1mag=16.0 + colour, ip1mag=15.88, zp1mag=15.86)
    assert list(stars.solar_like(0.2).values("gp1mag") - 16) == pytest.approx([0.39, 0.53])


def test_sun_like_stars_of_2mass_on_both_sides():
    stars = make("2MASS", 3, Jmag=12.0, Hmag=12.0 - np.array([0.05, 0.30, 0.52]))
    assert list(stars.solar_like(0.2).values("Hmag")) == pytest.approx([11.70])


def test_no_colours_no_cut(caplog):
    assert len(make("USNO-B1", 7).solar_like()) == 7
    assert "no colours" in caplog.text


# ---- fetching, and the file for SCAMP


def test_fetch_knows_what_it_got(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    survey = surveys.get("GAIA")
    with local.Server({survey.table: local.as_vizier(survey, starlist.make("GAIA", 300, 0.0, 0.0, 0.3))}) as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        stars = Catalog.fetch("gaia", 0.0, 0.0, 0.2, 18, client=services.Client())
        assert len(Catalog.fetch("gaia", 0.0, 60.0, 0.2, 18, client=services.Client())) == 0
        server.faults["vizier"] = "503"
        with pytest.raises(NotReachable):
            Catalog.fetch("gaia", 90.0, 60.0, 0.2, 18, client=services.Client())
    assert (stars.name, stars.release, stars.native_bands) == ("GAIA", "Gaia DR3", ("G", "BP", "RP"))
    assert stars.history == f"{len(stars)} sources downloaded"
    assert len(stars) > 50
    np.testing.assert_array_equal(stars.values("mag"), stars.values("Gmag"))


def test_reference_file(tmp_path):
    stars = make("GAIA", 30, Gmag=np.r_[np.nan, np.linspace(12, 18, 29)])
    stars.table["pmra"][3] = np.nan
    stars.write_reference(tmp_path / "GAIA.cat", 2026.5)
    with fits.open(tmp_path / "GAIA.cat") as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "LDAC_IMHEAD", "LDAC_OBJECTS"]
        assert hdus[1].columns["Field Header Card"].format == "1680A"
        columns = [(column.name, column.format, column.unit) for column in hdus[2].columns]
        assert columns == [
            ("XWIN_WORLD", "D", "deg"),
            ("YWIN_WORLD", "D", "deg"),
            ("ERRAWIN_WORLD", "E", "deg"),
            ("ERRBWIN_WORLD", "E", "deg"),
            ("ERRTHETAWIN_WORLD", "E", "deg"),
            ("MAG", "E", "mag"),
            ("MAGERR", "E", "mag"),
            ("OBSDATE", "D", "yr"),
        ]
        data = hdus[2].data
        assert len(data) == 29
        assert sorted(set(data["OBSDATE"])) == [2016.0, 2026.5]
        np.testing.assert_allclose(data["XWIN_WORLD"], stars.at_epoch(2026.5).values("ra_deg")[1:])
        assert (data["ERRAWIN_WORLD"] > 0).all()
    assert [path.name for path in tmp_path.iterdir()] == ["GAIA.cat"]


def test_reference_file_without_magnitudes_or_errors(tmp_path):
    make("APASS9", 5, e_ra_deg=np.nan, e_dec_deg=0.0).write_reference(tmp_path / "APASS9.cat", 2026.5)
    with fits.open(tmp_path / "APASS9.cat") as hdus:
        assert "MAG" not in hdus[2].columns.names
        assert hdus[2].data["ERRAWIN_WORLD"] == pytest.approx(0.3 / 3600)


@pytest.mark.skipif(not DATA.exists() or shutil.which("scamp") is None, reason="needs scamp and the real source list")
def test_scamp_registers_a_real_frame_with_our_reference_file(tmp_path):
    stars = Catalog.read(DATA / "gaia_dr2_XHBDF79_scamp_ldac.cat")
    stars.write_reference(tmp_path / "ref.cat", 2015.5)
    shutil.copyfile(DATA / "lco_kb76_XHBDF79_sextractor_ldac.fits", tmp_path / "frame.ldac")
    (tmp_path / "scamp.conf").write_text(
        "ASTREF_CATALOG FILE\nASTREFCAT_NAME ref.cat\nASTREFCENT_KEYS XWIN_WORLD,YWIN_WORLD\n"
        "ASTREFERR_KEYS ERRAWIN_WORLD,ERRBWIN_WORLD,ERRTHETAWIN_WORLD\nASTREFMAG_KEY MAG\nASTREFMAGERR_KEY MAGERR\n"
        "ASTREFOBSDATE_KEY OBSDATE\nASTREFMAG_LIMITS -99.0,99.0\nCHECKPLOT_TYPE NONE\nSOLVE_PHOTOM N\n"
        "CENTROID_KEYS XWIN_IMAGE,YWIN_IMAGE\nCENTROIDERR_KEYS ERRAWIN_IMAGE,ERRBWIN_IMAGE,ERRTHETAWIN_IMAGE\n"
        "DISTORT_KEYS XWIN_IMAGE,YWIN_IMAGE\nPHOTFLUX_KEY FLUX_AUTO\nPHOTFLUXERR_KEY FLUXERR_AUTO\n"
        "SN_THRESHOLDS 5,50\nFWHM_THRESHOLDS 0,100\nWRITE_XML Y\nXML_NAME out.xml\nNTHREADS 1\n"
    )
    subprocess.run(["scamp", "frame.ldac", "-c", "scamp.conf"], cwd=tmp_path, check=True, capture_output=True)
    table = votable.parse(tmp_path / "out.xml", verify="ignore").get_table_by_id("Fields").to_table()
    assert table["AS_Contrast"][0] > 10
    assert table["XY_Contrast"][0] > 10
    assert table["NDeg_Reference"][0] > 80


def test_names_are_those_of_the_registry():
    assert {"GAIA", "TGAS", "SDSS-R9", "SDSS-R13", "APASS9", "URAT-1", "USNO-B1", "2MASS"} <= set(module.NAMES)
