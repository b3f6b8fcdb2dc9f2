"""pp_photometry: what its options do to the source lists, and which sources the aperture rests on."""

import shutil

import numpy as np
import pytest

import pp_extract
import pp_photometry
import pp_prepare
import sky
from photometrypipeline.base.errors import ProgramError
from photometrypipeline.ephemerides import ephemeris
from photometrypipeline.frames import ldac, records
from photometrypipeline.frames.frame import read_header

COMET = "C/2013 US10"
PAIR_ARCSEC = 2.6  # between the asteroid and a star as bright in the first frame


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Return (folder, Truth) of three prepared frames with a WCS; in the first the asteroid stands beside a star."""
    folder = tmp_path_factory.mktemp("aperture")
    met = [(0, PAIR_ARCSEC, 0.0, 16.0)]
    truth = sky.make_dataset(folder, 3, encounters=met, rate=(-1000.0, 500.0), asteroid_mag=16.0, solved=True, seed=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("diagnostics.render", lambda *_, **__: None)
        assert pp_prepare.main(["-keep_wcs", *truth.files]) == 0
    return folder, truth


@pytest.fixture
def frames(prepared, tmp_path, monkeypatch):
    """Return (folder, Truth, measure) of a copy; measure(*options) runs pp_photometry and returns its record."""
    folder, truth = tmp_path / "frames", prepared[1]
    shutil.copytree(prepared[0], folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr("diagnostics.render", lambda *_, **__: None)

    def measure(*options, status=0):
        assert pp_photometry.main([*map(str, options), "-offline", "-jobs", "2", *truth.files]) == status
        return records.read(folder)["photometry"] if status in (0, 3) else None

    return folder, truth, measure


def sources(folder, number=0):
    return ldac.read(folder / f"mscience0{217 + number}.ldac")


def near(found, place, radius_arcsec):
    """Return how many sources lie around a place."""
    east = (found.ra_deg - place[0]) * np.cos(np.radians(place[1]))
    return int((np.hypot(east, found.dec_deg - place[1]) * 3600 < radius_arcsec).sum())


def test_a_fixed_target_is_that_of_the_curve_of_growth_and_no_ephemeris_is_asked(frames, capsys):
    folder, truth, measure = frames
    star = truth.stars[np.argmin(np.abs(np.asarray(truth.stars["R"]) - 16.0))]
    (folder / "stars.txt").write_text(f"comparison {star['ra_deg']} {star['dec_deg']}\n")
    record = measure("-fixedtargets", "stars.txt", "-target", "nobody knows it", "-target_only")
    assert record.n_target == 3
    assert "ephemeris" not in capsys.readouterr().err and "Horizons" not in (folder / "LOG").read_text()


def test_the_curve_counts_the_frames_with_the_target_and_the_stars(frames):
    folder, truth, measure = frames
    record = measure()
    assert record.n_target == 3 and 100 < record.n_background <= 150
    assert record.curve.target and record.curve.background
    header = read_header(folder / truth.files[0])
    assert header["APRAD"] == record.aprad_px and header["APIDX"] == record.curve.index
    assert "best-fit aperture radius: " in (folder / "LOG").read_text()


def test_a_fixed_aperture_is_taken_and_the_index_of_an_earlier_curve_goes(frames):
    folder, truth, measure = frames
    measure("-background_only")
    assert "APIDX" in read_header(folder / truth.files[0])
    mask = (folder / "badpixels.fits").read_bytes()
    record = measure("-aprad", 5.25)
    assert (folder / "badpixels.fits").read_bytes() == mask  # made without source lists of an earlier step: the same
    header, found = read_header(folder / truth.files[0]), sources(folder)
    assert header["APRAD"] == record.aprad_px == 5.25 and "APIDX" not in header
    assert record.curve is None and "hand" in header.comments["APRAD"]
    x, y = truth.star_pixels(0)
    inside = np.flatnonzero((x > 40) & (x < 560) & (y > 40) & (y < 560) & (truth.stars["R"] < 16.5))
    share = truth.aperture_fraction(0, 5.25)
    apart = np.hypot(x[inside, None] - x[inside], y[inside, None] - y[inside]) + 999 * np.eye(inside.size)
    for star in inside[apart.min(axis=1) > 30][:5]:
        row = np.argmin(np.hypot(found.table["XWIN_IMAGE"] - x[star], found.table["YWIN_IMAGE"] - y[star]))
        expected = 10 ** (0.4 * (truth.zeropoint[0] - truth.stars["R"][star])) * share
        assert found.table["FLUX_APER"][row] == pytest.approx(expected, rel=0.03)  # neighbours, and noise below 1 %


def test_a_higher_threshold_finds_fewer_sources_and_loses_the_faint_ones(frames):
    folder, _, measure = frames
    measure("-aprad", 4, "-snr", 1.5)
    many = sources(folder).table
    measure("-aprad", 4, "-snr", 20)
    few = sources(folder).table
    assert 10 < len(few) < 0.8 * len(many)
    assert few["MAG_APER"].max() < many["MAG_APER"].max() - 1
    assert few["FLUX_MAX"].min() > 5 * many["FLUX_MAX"].min()


def test_a_larger_area_is_what_every_source_has_then(frames):
    folder, _, measure = frames
    measure("-aprad", 4, "-minarea", 40)
    found = sources(folder).table
    assert len(found) > 10 and found["ISOAREA_IMAGE"].min() >= 40
    measure("-aprad", 4, "-minarea", 5)
    assert sources(folder).table["ISOAREA_IMAGE"].min() < 40


def test_without_deblending_a_close_pair_is_one_source(frames):
    folder, truth, measure = frames
    place = truth.ra_deg[0], truth.dec_deg[0]
    measure("-aprad", 4)
    assert near(sources(folder), place, 4.5) == 2
    measure("-aprad", 4, "-nodeblending")
    assert near(sources(folder), place, 4.5) == 1


def test_stars_alone_or_the_target_alone(frames):
    folder, _, measure = frames
    stars = measure("-background_only")
    assert stars.n_target == 0 and stars.curve.target is None and stars.n_background > 100
    target = measure("-target_only")
    assert target.n_target == 3 and target.curve.background is None and target.n_background == 0
    assert "target" in target.strategy and "background" in stars.strategy
    measure("-background_only", "-target_only", status=2)


def test_the_name_of_the_target_can_be_given_also_with_a_slash(frames):
    folder, truth, measure = frames
    ephemeris.store_rows(folder / "pp_store", COMET, sky.SITE, truth.ephemeris())
    for name in ("C/2013_US10", "C/2013 US10", "C_2013_US10"):
        assert measure("-target", name).n_target == 3, name
    unknown = measure("-target", "2199 AB1")
    assert unknown.n_target == 0 and unknown.n_background > 100
    measure("-target", "2199 AB1", "-target_only", status=1)


def test_one_frame_without_ephemeris_takes_the_target_from_no_other_frame(frames):
    folder, truth, measure = frames
    shutil.rmtree(folder / "pp_store")
    places = truth.ephemeris()
    places.ra_deg[0] = places.dec_deg[0] = np.nan
    ephemeris.store_rows(folder / "pp_store", "3552", sky.SITE, places)
    assert measure().n_target == 2


def test_a_frame_that_cannot_be_measured_is_named_and_leaves_no_list_behind(frames, monkeypatch, capsys):
    folder, truth, measure = frames
    measure("-background_only")
    assert (folder / "mscience0218.ldac").exists()
    real = pp_extract.run

    def failing(frame, *arguments):
        if frame.name == truth.files[1]:
            raise ProgramError("source-extractor ended with code 1")
        return real(frame, *arguments)

    monkeypatch.setattr(pp_extract, "run", failing)
    record = measure("-background_only", status=3)
    assert [each.name for each in record.frames] == [truth.files[0], truth.files[2]]
    assert f"{truth.files[1]}: source-extractor ended with code 1" in capsys.readouterr().err
    assert not (folder / "mscience0218.ldac").exists()
    assert sources(folder, 2).table["FLUX_APER"].ndim == 1


def test_nothing_to_measure_is_an_error_that_says_what_to_do(frames, capsys):
    folder, truth, measure = frames
    measure("-background_only", "-snr", 1e6, status=1)
    assert "-aprad" in capsys.readouterr().err
