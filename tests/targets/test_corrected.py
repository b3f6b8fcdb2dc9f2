"""Which measurement of a target counts, and which is rejected with what words."""

import pytest

from photometrypipeline.photometry.measure import Light
from photometrypipeline.targets import corrected
from photometrypipeline.targets.places import Place

THERE = Place(120.0, 10.0, 0.02, True)
SCALE, FWHM = 0.4, 4.0  # arcsec per px, px


def light(**changes):
    """Return a Light of S/N 100 with `changes`."""
    known = {
        "flux": 1e4, "flux_err": 100.0, "scene_err": 0.0, "psf_flux": 1e4, "psf_flux_err": 95.0, "psf_scene_err": 0.0,
        "offset_mag": 0.0, "psf_offset_mag": 0.0, "psf_err_mag": 0.0, "trail_correction_mag": -0.02,
        "neighbour_flux": 0.0, "neighbour_fraction": 0.0, "masked_fraction": 0.0, "nearest_fwhm": 50.0, "sky": 200.0,
        "sigma": 10.0, "dx": 0.02, "dy": -0.01, "place_err": 0.05,
    }  # fmt: skip
    return Light(**(known | changes))


@pytest.mark.parametrize(
    ("changes", "method"),
    [
        ({}, "APER"),
        ({"masked_fraction": 0.05}, "PSF"),
        ({"nearest_fwhm": 0.7}, "PSF"),
        ({"neighbour_fraction": 0.6}, "PSF"),
        ({"neighbour_fraction": 0.1, "nearest_fwhm": 1.8}, "APER"),
    ],
)
def test_the_aperture_is_the_method_where_it_can_serve(changes, method):
    assert corrected.chosen_method(light(**changes), "APER") == method
    assert corrected.chosen_method(light(**changes), "PSF") == "PSF"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"masked_fraction": 0.5}, "50 % of its light falls on bad pixels"),
        ({"flux": -20.0}, "no light at its place"),
        ({"scene_err": 4e3, "nearest_fwhm": 0.4}, '40 % of its light may belong to stars next to it, the nearest 0.6"'),
        ({"dx": 1.6, "dy": 0.5}, 'its light is 0.67" from where the other frames have it (1'),
    ],
)
def test_what_does_not_count_is_told_why(changes, words):
    assert words in corrected.doubt(light(**changes), THERE, SCALE, FWHM, False)


def test_neighbours_and_small_offsets_alone_reject_nothing():
    assert corrected.doubt(light(neighbour_fraction=3.0, scene_err=90.0), THERE, SCALE, FWHM, False) == ""
    assert corrected.doubt(light(dx=0.6), THERE, SCALE, FWHM, False) == ""  # 0.15 FWHM
    alone = Place(120.0, 10.0, 0.02, False)
    assert corrected.doubt(light(dx=1.6), alone, SCALE, FWHM, False) == ""  # no other frame says where it is


def test_only_five_sigma_at_a_place_that_others_confirm_is_a_detection():
    faint = light(flux=600.0, psf_flux=600.0)
    assert corrected.detected(faint, THERE, SCALE, FWHM)
    assert not corrected.detected(light(flux=300.0, psf_flux=300.0), THERE, SCALE, FWHM)
    assert not corrected.detected(light(flux=600.0, psf_flux=600.0, psf_scene_err=150.0), THERE, SCALE, FWHM)
    assert not corrected.detected(faint, Place(120.0, 10.0, 0.02, False), SCALE, FWHM)
