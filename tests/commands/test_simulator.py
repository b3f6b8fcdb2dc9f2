"""The tests' own simulator, against what can be computed by hand."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from scipy import ndimage

import sky
from photometrypipeline.catalogs import surveys, vizier


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return sky.make_dataset(tmp_path_factory.mktemp("sky"))


@pytest.mark.parametrize(("beta", "lost"), [(None, 1e-9), (3.0, 2e-4)])
def test_all_light_of_a_star_arrives_where_the_star_is(beta, lost):
    x, y = 60.3, 55.8
    image = sky.render((110, 120), x, y, 5000.0, 4.0, beta)
    assert image.sum() == pytest.approx(5000.0, rel=2 * lost)  # the wings of a Moffat profile beyond the stamp
    row, column = ndimage.center_of_mass(image)
    assert (column + 1, row + 1) == pytest.approx((x, y), abs=0.01)


def test_light_in_an_aperture_follows_the_moffat_formula():
    fwhm, beta, radius = 5.0, 3.0, 6.0
    image = sky.render((121, 121), 61, 61, 1.0, fwhm, beta)
    fine = np.kron(image / 25, np.ones((5, 5)))
    y, x = (np.mgrid[:605, :605] - 302) / 5
    core = fwhm / 2 / np.sqrt(2 ** (1 / beta) - 1)
    expected = 1 - (1 + (radius / core) ** 2) ** (1 - beta)
    assert fine[np.hypot(x, y) <= radius].sum() == pytest.approx(expected, abs=0.004)  # the pixel widens the profile


@pytest.mark.parametrize("radius", [3, 5])
def test_share_of_light_in_an_aperture_is_what_is_measured_there(dataset, radius):
    shares = []
    for dx, dy in np.random.default_rng(2).uniform(-0.5, 0.5, (20, 2)):
        image = sky.render((41, 41), 21 + dx, 21 + dy, 1.0, dataset.fwhm_px[0])
        y, x = (np.mgrid[:410, :410] - 204.5) / 10
        shares.append(np.kron(image / 100, np.ones((10, 10)))[np.hypot(x - dx, y - dy) <= radius].sum())
    assert np.mean(shares) == pytest.approx(dataset.aperture_fraction(0, radius), abs=0.001)


def test_a_star_at_the_edge_loses_what_lies_outside():
    assert sky.render((50, 50), 0.5, 25, 1000.0, 3.0).sum() == pytest.approx(500, rel=1e-6)
    assert sky.render((50, 50), -80, 25, 1000.0, 3.0).sum() == 0


def test_noise_is_that_of_photons_and_of_reading():
    level, gain, read_noise = 400.0, 2.0, 5.0
    frame = sky.expose(np.full((400, 400), level), np.random.default_rng(1), gain, read_noise).astype(float)
    expected = np.sqrt(level / gain + (read_noise / gain) ** 2 + 1 / 12)  # ADU; 1/12: whole numbers
    assert frame.mean() == pytest.approx(level, abs=4 * expected / 400)
    assert frame.std() == pytest.approx(expected, rel=4 / np.sqrt(2 * frame.size))


def test_saturation_cuts():
    frame = sky.expose(np.full((5, 5), 1e5), np.random.default_rng(1), full_well_adu=50000)
    assert (frame == 50000).all()


@pytest.mark.parametrize(("flip", "east_is"), [((True, False), "left"), ((False, False), "right")])
def test_north_is_up_and_east_where_the_flip_puts_it(flip, east_is):
    wcs = sky.make_wcs((10.0, 60.0), (101, 51), scale=1.0, flip=flip)
    centre, east, north = ((10.0, 60.0), (10.01, 60.0), (10.0, 60.005))
    assert wcs.all_world2pix(*centre, 1) == pytest.approx([51, 26])
    assert wcs.all_world2pix(*north, 1) == pytest.approx([51, 26 + 18], abs=0.01)
    x, _ = wcs.all_world2pix(*east, 1)
    assert x == pytest.approx(51 + (-18 if east_is == "left" else 18), abs=0.01)  # 36 arcsec times cos 60 deg


def test_rotated_frames_keep_their_scale():
    wcs = sky.make_wcs((10.0, 60.0), (101, 51), scale=0.5, rotation_deg=30.0)
    corners = SkyCoord(*wcs.all_pix2world([51, 151], [26, 26], 1), unit="deg")
    assert corners[0].separation(corners[1]).arcsec == pytest.approx(50.0, abs=1e-4)


def test_stars_and_asteroid_stand_in_the_frames_where_and_as_bright_as_the_truth_says(dataset):
    k, radius = 1, 8
    image = fits.getdata(dataset.paths[k]).astype(float) - dataset.night.sky_adu
    x, y = dataset.star_pixels(k)
    bright = np.asarray(dataset.stars["R"]) < 16.5
    inside = (np.abs(x - 300) < 280) & (np.abs(y - 300) < 280) & bright
    assert inside.sum() > 10
    places = np.column_stack([x, y])[inside]
    mags = np.asarray(dataset.stars["R"])[inside]
    ast = dataset.wcs[k].all_world2pix(dataset.ra_deg[k], dataset.dec_deg[k], 1)
    for (star_x, star_y), mag in zip([*places, ast], [*mags, dataset.mag[k]], strict=True):
        rows, columns = np.mgrid[1:601, 1:601]
        near = np.hypot(columns - star_x, rows - star_y) < radius
        if np.hypot(x - star_x, y - star_y)[np.argsort(np.hypot(x - star_x, y - star_y))[1]] < 2.5 * radius:
            continue  # its neighbour's light falls into the aperture
        flux = image[near].sum()
        noise = np.sqrt(near.sum() * (150 / 2 + 6) + flux / 2)
        expected = 10 ** (0.4 * (dataset.zeropoint[k] - mag))
        assert flux == pytest.approx(expected, abs=5 * noise + 0.01 * expected)
        assert (image[near] * columns[near]).sum() / flux == pytest.approx(star_x, abs=0.6)


def test_the_header_is_off_by_the_pointing_error_and_the_time_is_exact(dataset):
    header = fits.getheader(dataset.paths[0])
    told = SkyCoord(header["RA"], header["DEC"], unit=("hourangle", "deg"))
    true = SkyCoord(*dataset.wcs[0].wcs.crval, unit="deg")
    east, north = told.spherical_offsets_to(true)
    assert (east.arcsec, north.arcsec) == pytest.approx(dataset.night.pointing_error, abs=0.02)
    assert header["DATE-OBS"] == "2017-02-02"
    assert dataset.midtime_jd[0] == pytest.approx(2457786.5 + (10 * 60 + 50.25) / 1440, abs=1e-8)
    assert "CTYPE1" not in header


def test_the_asteroid_moves_at_its_rate_and_far_from_stars(dataset):
    places = SkyCoord(dataset.ra_deg, dataset.dec_deg, unit="deg")
    hours = (dataset.midtime_jd[2] - dataset.midtime_jd[0]) * 24
    moved = places[0].separation(places[2]).arcsec
    assert moved == pytest.approx(hours * np.hypot(*dataset.night.rate), rel=1e-3)
    stars = SkyCoord(dataset.stars["ra_deg"], dataset.stars["dec_deg"], unit="deg")
    assert min(place.separation(stars).min() for place in places) > 8.5 * u.arcsec


def test_relations_between_bands_hold_with_their_published_scatter(dataset):
    stars = dataset.stars
    x = np.asarray(stars["gp1"] - stars["rp1"])
    residual = stars["R"] - (stars["rp1"] - 0.137 - 0.108 * x - 0.029 * x**2)  # Tonry et al. 2012
    assert np.std(residual) == pytest.approx(0.015, rel=0.1)
    assert abs(np.mean(residual)) < 4 * 0.015 / np.sqrt(len(stars))
    suns = np.abs(np.asarray(stars["g"] - stars["r"]) - 0.44) < 0.1
    cg08 = stars["r"] - 0.272 * (stars["r"] - stars["i"]) - 0.159  # Chonis & Gaskell 2008
    assert np.median((stars["R"] - cg08)[suns]) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("name", ["GAIA-DR3", "PANSTARRS", "SDSS-R9"])
def test_what_vizier_would_serve_reads_back_as_the_table(dataset, name):
    survey, table = surveys.get(name), dataset.table(name)
    assert set(table.colnames) == set(survey.column_names)
    read = vizier.to_schema(dataset.vizier_table(name), survey)
    assert list(read["ident"]) == list(table["ident"])
    for column in ("ra_deg", "e_dec_deg", "epoch_yr", survey.limit_on, f"e_{survey.limit_on}"):
        assert np.asarray(read[column]) == pytest.approx(np.asarray(table[column]), rel=1e-9)
    assert survey.good_photometry(table).mean() > 0.8


@pytest.mark.parametrize(("name", "column"), [("GAIA-DR3", "G"), ("PANSTARRS", "rp1"), ("SDSS-R9", "g")])
def test_catalogue_errors_describe_the_catalogue(dataset, name, column):
    """Pull distributions have a width of one: errors drawn and errors quoted are the same."""
    table = dataset.table(name)
    true = SkyCoord(dataset.stars["ra_deg"], dataset.stars["dec_deg"], unit="deg")
    index, apart, _ = SkyCoord(table["ra_deg"], table["dec_deg"], unit="deg").match_to_catalog_sky(true)
    assert apart.arcsec.max() < 4.0  # epochs 2003 to 2016 and fast stars
    measured = np.asarray(table[surveys.get(name).limit_on])
    pull = (measured - dataset.stars[column][index]) / table["e_" + surveys.get(name).limit_on]
    assert np.median(np.abs(pull)) == pytest.approx(0.674, abs=0.08)


def test_knobs(tmp_path):
    truth = sky.make_dataset(
        tmp_path,
        n_frames=2,
        size=(200, 150),
        n_stars=20,
        asteroid=False,
        blank=(1,),
        filters=("TOP 3 BOT 1", "TOP 2 BOT 1"),
        header={"AIRMASS": None, "X": 5},
        bad=tuple(sky.BAD_FRAMES),
        solved=True,
        store=False,
    )
    assert truth.bands == ["R", "V"]
    assert np.isnan(truth.ra_deg).all()
    blank = fits.getdata(truth.paths[1])
    assert blank.shape == (150, 200)
    assert blank.max() < 150 + 8 * blank.std()
    header = fits.getheader(truth.paths[0])
    assert "AIRMASS" not in header
    assert header["X"] == 5
    assert header["CTYPE1"] == "RA---TAN"
    assert all((tmp_path / name).exists() for name in truth.bad_files.values())
    assert not (tmp_path / "pp_store").exists()


def test_the_same_seed_gives_the_same_frames(tmp_path):
    one, other, third = (
        sky.make_dataset(tmp_path / name, 1, size=(100, 100), n_stars=5, seed=seed, store=False)
        for name, seed in (("one", 4), ("other", 4), ("third", 5))
    )
    assert (fits.getdata(one.paths[0]) == fits.getdata(other.paths[0])).all()
    assert (fits.getdata(one.paths[0]) != fits.getdata(third.paths[0])).any()
