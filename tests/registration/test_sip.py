"""A WCS as SIP says the same as the one it is made of, everywhere on the frame and both ways."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from photometrypipeline.registration import sip

SIZE = (2048, 1500)
SCALE = 0.4 / 3600


def header(cubic=0.0, linear=1.0, ra_deg=359.98, dec_deg=-30.0):
    """A TPV header, the pole of its projection off the middle; `cubic` : deg^-2, `linear` : in the first PV terms."""
    made = fits.Header()
    made["NAXIS"], made["NAXIS1"], made["NAXIS2"] = 2, *SIZE
    for axis, kind, value in ((1, "RA---TPV", ra_deg), (2, "DEC--TPV", dec_deg)):
        made[f"CTYPE{axis}"], made[f"CRVAL{axis}"], made[f"CRPIX{axis}"] = kind, value, 700.0 + 100 * axis
        made[f"CUNIT{axis}"] = "deg"
        for other in (1, 2):
            sign = -1 if axis == 1 else 1
            made[f"CD{axis}_{other}"] = sign * SCALE * (np.cos(0.3) if axis == other else -sign * np.sin(0.3))
        made[f"PV{axis}_1"], made[f"PV{axis}_7"], made[f"PV{axis}_4"] = linear, cubic, 0.3 * cubic * 0.1
    return made


@pytest.mark.parametrize(("cubic", "linear"), [(0.0, 1.0), (0.5, 1.0), (0.5, 1.003)])
def test_sip_is_the_same_to_a_thousandth_of_a_pixel_everywhere(cubic, linear):
    wcs = WCS(header(cubic, linear))
    found, deviation = sip.of_wcs(wcs, SIZE)
    assert found["CTYPE1"] == "RA---TAN-SIP" and (found["IMAGEW"], found["IMAGEH"]) == SIZE
    rng = np.random.default_rng(4)
    x, y = rng.uniform(1, SIZE[0], 500), rng.uniform(1, SIZE[1], 500)
    other = WCS(found)
    places = wcs.all_pix2world(x, y, 1), other.all_pix2world(x, y, 1)
    east = (places[0][0] - places[1][0] + 180) % 360 - 180
    apart = np.hypot(east * np.cos(np.radians(30)), places[0][1] - places[1][1]) * 3600
    assert apart.max() <= deviation * 1.01 + 1e-9 < 4e-4  # arcsec, of pixels of 0.4
    u, v = (
        np.transpose(other.wcs_world2pix(np.transpose(places[0]), 1)) - [[found["CRPIX1"]], [found["CRPIX2"]]]
    ).copy()
    for letter, axis, own, true in (("A", 1, u, x), ("B", 2, v, y)):
        powers = [(p, q) for p in range(8) for q in range(8) if f"{letter}P_{p}_{q}" in found]
        back = own + sum(found[f"{letter}P_{p}_{q}"] * u**p * v**q for p, q in powers)
        assert np.abs(back + found[f"CRPIX{axis}"] - true).max() < 0.02  # px, by the inverse polynomials
    without = WCS(found)
    without.sip = None
    if cubic:
        assert np.abs(without.all_pix2world(x, y, 1)[1] - places[0][1]).max() * 3600 > 0.1  # it matters
