"""How a camera looks at the sky, from its sources and a header that may be wrong; positions alone, without pixels."""

import numpy as np
import pytest
from astropy.coordinates import FK4, FK5, SkyCoord
from astropy.io import fits
from astropy.time import Time

import sky
from photometrypipeline.base import cdmatrix
from photometrypipeline.instruments import headers
from photometrypipeline.newcamera import orientation, recognise, skyview
from photometrypipeline.sky.sphere import separation_deg

PLACE = (221.3, 21.6)  # deg
SCALE, SIZE = 0.8, (1000, 800)  # arcsec per px, px
JD = Time("2022-06-15T23:00:00").jd
rng = np.random.default_rng(11)
AROUND = sky.shifted(PLACE, *rng.uniform(-1.2, 1.2, (2, 9000)) * 3600)
MAG = rng.uniform(9, 19, 9000)


def catalogue(ra_deg, dec_deg, radius_deg, mag_limit):
    near = (separation_deg(ra_deg, dec_deg, *AROUND) < radius_deg) & (mag_limit > MAG)
    yield "SKY", AROUND[0][near], AROUND[1][near], MAG[near]


def look(cards, rotation_deg=25.0, mirrored=False, scale=SCALE, seed=1):
    """Return the View of a frame that really looks at PLACE, with a header of `cards`."""
    noise = np.random.default_rng(seed)
    wcs = sky.make_wcs(PLACE, SIZE, scale, rotation_deg, (not mirrored, False))
    x, y = wcs.all_world2pix(*AROUND, 1)
    seen = (x > 1) & (x < SIZE[0]) & (y > 1) & (y < SIZE[1]) & (MAG < 17)
    x, y = (values[seen] + noise.normal(0, 0.15, seen.sum()) for values in (x, y))
    flux = 10 ** (0.4 * (25 - MAG[seen])) * noise.normal(1, 0.05, seen.sum())
    header = fits.Header([(name, *np.atleast_1d(value).tolist()) for name, value in cards.items()])
    frame_equinox = headers.equinox(type("Frame", (), {"header": header, "path": "a.fits"})())
    view, tried = skyview.find((x, y, flux), SIZE, recognise.read(header), catalogue, JD, frame_equinox)
    return view, tried


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [-179.0, -90.3, -12.0, 0.4, 44.0, 133.7])
def test_scale_angle_parity_and_place(rotation, mirrored):
    view, _ = look({"RA": 221.4, "DEC": 21.55, "PIXSCALE": 0.84}, rotation, mirrored)
    assert view.mirrored == mirrored
    # some 200 stars with errors of 0.15 px over 1000 px: 0.003 % and 0.002 deg
    assert view.scale_arcsec == pytest.approx((SCALE, SCALE), rel=2e-4)
    assert (view.rotate_deg - rotation + 180) % 360 - 180 == pytest.approx(0, abs=0.01)
    assert separation_deg(*view.centre_deg, *PLACE) * 3600 < 0.1
    assert view.mistake is None
    assert view.offset_deg == pytest.approx(separation_deg(221.4, 21.55, *PLACE), abs=1e-4)


def test_a_pointing_that_is_off_by_most_of_a_degree():
    view, tried = look({"RA": 221.9, "DEC": 22.0, "PIXSCALE": SCALE})
    assert view.offset_deg == pytest.approx(separation_deg(221.9, 22.0, *PLACE), abs=1e-4)
    assert "to 0.3 degrees" in tried[0] and "to 1 degrees" in tried[-1]


def test_a_scale_that_nobody_tells():
    view, tried = look({"RA": 221.4, "DEC": 21.55})
    assert view.scale_arcsec[0] == pytest.approx(SCALE, rel=1e-3)  # stars are asked for as for a large field: some 20
    assert "any scale" in tried[-1]


def test_a_scale_that_is_that_of_unbinned_pixels():
    view, _ = look({"RA": 221.4, "DEC": 21.55, "PIXSCALE": 0.4, "XBINNING": 2, "YBINNING": 2})
    assert view.scale_arcsec[0] == pytest.approx(SCALE, rel=2e-4)


@pytest.mark.parametrize(
    ("cards", "name"),
    [
        ({"RA": 221.31 / 15, "DEC": 21.59}, "ra_in_hours"),
        ({"RA": "221:18:36", "DEC": "21:35:24"}, "ra_in_degrees"),
        ({"RA": 21.59, "DEC": 221.31}, "swapped"),
        ({"RA": "21:35:24", "DEC": "14:45:14.4"}, "swapped"),
        ({"RA": 221.31, "DEC": -21.59}, "sign"),
    ],
)
def test_gross_mistakes_are_found_by_the_stars_alone(cards, name):
    view, _ = look(cards | {"PIXSCALE": SCALE})
    assert view.mistake.name == name
    assert separation_deg(*view.centre_deg, *PLACE) * 3600 < 0.1


@pytest.mark.parametrize(
    ("system", "said", "name"),
    [
        (FK5(equinox=Time(JD, format="jd")), None, "equinox_of_date"),
        (FK4(equinox="B1950"), None, "b1950"),
        (FK4(equinox="B1950"), 2000.0, "b1950"),
        (FK5(equinox="J2000"), 1950.0, "already_j2000"),
    ],
)
def test_the_wrong_equinox_is_named(system, said, name):
    told = SkyCoord(*PLACE, unit="deg").transform_to(system)
    cards = {"RA": told.ra.to_string("hour", sep=":", precision=2), "DEC": told.dec.to_string(sep=":", precision=1)}
    view, _ = look(cards | {"PIXSCALE": SCALE} | ({"EQUINOX": said} if said else {}))
    assert view.mistake.name == name
    assert separation_deg(view.mistake.ra_deg, view.mistake.dec_deg, *PLACE) * 3600 < 2


def test_sources_that_are_no_stars_of_the_field_are_not_found():
    noise = np.random.default_rng(4)
    header = fits.Header([("RA", 221.3), ("DEC", 21.6), ("PIXSCALE", SCALE)])
    sources = (noise.uniform(1, 1000, 150), noise.uniform(1, 800, 150), 10 ** noise.uniform(2, 5, 150))
    view, tried = skyview.find(sources, SIZE, recognise.read(header), catalogue, JD)
    assert view is None and len(tried) > 4


def test_the_rotation_of_a_matrix_is_that_of_a_definition():
    from photometrypipeline.frames.wcskeywords import first_guess

    for mirrored in (False, True):
        for rotation in (-170.0, -45.0, 0.0, 12.5, 90.0, 179.0):
            cards = first_guess(0, 0, (10, 10), (0.5, 0.7), not mirrored, False, rotation)
            matrix = [[cards[f"CD{i}_{j}"] for j in (1, 2)] for i in (1, 2)]
            assert skyview.rotation_deg(matrix, mirrored) == pytest.approx(rotation, abs=1e-6)


def test_a_camera_in_words():
    def header(rotation_deg, mirrored=False):
        return sky.make_wcs(PLACE, SIZE, SCALE, rotation_deg, (not mirrored, False)).to_header()

    def with_cd(cards):
        matrix = np.array(
            [[cards.get(f"PC{i}_{j}", float(i == j)) * cards[f"CDELT{i}"] for j in (1, 2)] for i in (1, 2)]
        )
        return cdmatrix.cards(matrix)

    one = orientation.in_words([with_cd(header(25.0)), with_cd(header(25.2))])
    assert one == "0.8000 arcsec/px, not a mirror image, turned by 25.1 deg East of North"
    both = orientation.in_words([with_cd(header(25.0, True)), with_cd(header(-155.0, True))])
    assert both == "0.8000 arcsec/px, a mirror image, turned by 25.0 or -155.0 deg East of North"
