"""A catalogue without stars for frames of their size is known before any pattern is looked for."""

import numpy as np
import pytest
from astropy.io import fits

from photometrypipeline.registration import locate, starcover

CENTRE_DEG = 180.0, 10.0


def seen(scale_arcsec):
    """A frame of 1000 x 1000 px that is thought to lie on CENTRE_DEG."""
    header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 500.5, "CRPIX2": 500.5})
    header.update({"CRVAL1": CENTRE_DEG[0], "CRVAL2": CENTRE_DEG[1], "CD1_1": -scale_arcsec / 3600, "CD1_2": 0.0})
    header.update({"CD2_1": 0.0, "CD2_2": scale_arcsec / 3600})
    return locate.Seen("a.fits", np.zeros(9), np.zeros(9), np.ones(9), (1000, 1000), header)


def stars(number, radius_deg=1.0, centre=CENTRE_DEG, rng=np.random.default_rng(3)):  # noqa: B008  the same for all
    turn, away = rng.uniform(0, 2 * np.pi, number), radius_deg * np.sqrt(rng.uniform(0, 1, number))
    return centre[0] + away * np.cos(turn) / np.cos(np.radians(centre[1])), centre[1] + away * np.sin(turn)


@pytest.mark.parametrize(
    ("scale_arcsec", "number", "told"),
    [(0.36, 157, "0.5 in a frame of 6' x 6' on average, 5 are needed"), (3.6, 157, ""), (0.36, 1570, "")],
)
def test_fifty_stars_per_square_degree_are_enough_for_wide_frames_alone(scale_arcsec, number, told):
    assert starcover.too_few([seen(scale_arcsec)], *stars(number), 1.0) == told


def test_a_cluster_where_the_frame_is_thought_to_be_is_enough():
    ra, dec = (np.concatenate(each) for each in zip(stars(100), stars(6, 0.03), strict=True))
    assert starcover.too_few([seen(0.36)], ra, dec, 1.0) == ""
