"""WCS keywords: all dialects are taken out, the first guess has the right orientation, solutions can be read by all."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from photometrypipeline.frames import wcskeywords
from photometrypipeline.frames.wcskeywords import (
    first_guess,
    note_rms,
    pixel_scale_arcsec,
    remove_wcs,
    write_first_guess,
    write_solution,
)
from photometrypipeline.instruments import telescopes

pytestmark = pytest.mark.filterwarnings("ignore:RADECSYS")  # written beside RADESYS for old programs
MATRIX = ("CD1_1", "CD1_2", "CD2_1", "CD2_2")
VATT = {"size_px": (2048, 2049), "scale_arcsec": (0.375, 0.375), "flip_x": True, "flip_y": False}


def linear_header(**keywords):
    header = fits.Header({"SIMPLE": True, "BITPIX": 16, "NAXIS": 2, "NAXIS1": 100, "NAXIS2": 100, "OBJECT": "3552"})
    header.update(keywords)
    return header


# ---- taking out


DIALECTS = {
    "standard": "WCSAXES WCSNAME CTYPE1 CTYPE2 CRVAL1 CRVAL2 CRPIX1 CRPIX2 CUNIT1 CUNIT2 CDELT1 CDELT2 CROTA1 CROTA2 "
    "CD1_1 CD1_2 CD2_1 CD2_2 PC1_1 PC1_2 PC2_1 PC2_2 LONPOLE LATPOLE RADESYS RADECSYS PV1_0 PV2_39 PS1_0 CRDER1 CSYER2",
    "third axis": "CD3_3 PC3_3 PC1_3 CTYPE3 CRVAL3 CRPIX3 CDELT3",
    "alternate": "CTYPE1A CTYPE2A CRVAL1P CRPIX2P CD1_1A CD2_2P PC1_1B CDELT1P WCSNAMEP RADESYSA LONPOLEA EQUINOXA "
    "WCSAXESP PV1_1A CUNIT1P",
    "SIP of any order": "A_ORDER B_ORDER AP_ORDER BP_ORDER A_0_2 A_1_1 A_4_0 B_0_5 AP_0_1 AP_3_1 BP_1_2 A_DMAX B_DMAX",
    "IRAF": "WAT0_001 WAT1_001 WAT2_002 WCSDIM LTV1 LTV2 LTM1_1 LTM2_2 CD001001 PC001002",
    "old digitised plates": "PROJP1 PROJP3 PIXXMIT PIXOFFST CFINT1 CFINT2 CRDELT1 CRDELT2 TR1_0 TR1_14 TR2_14",
    "earlier solution": "ASTIRMS1 ASTRRMS2 ASTINST FGROUPNO FLXSCALE MAGZEROP PHOTIRMS PHOTINST PHOTLINK REGCAT",
}


@pytest.mark.parametrize("keywords", DIALECTS.values(), ids=DIALECTS)
def test_wcs_of_all_dialects_is_taken_out(keywords):
    header = linear_header(**dict.fromkeys(keywords.split(), 1.0))
    remove_wcs(header)
    assert list(header) == list(linear_header())


def test_a_keyword_that_stands_there_twice_goes_twice():
    header = linear_header()
    header.append(("CRVAL1", 1.0))
    header.append(("CRVAL1", 2.0))
    remove_wcs(header)
    assert "CRVAL1" not in header


def test_keywords_that_only_look_like_wcs_stay():
    names = "CCDSUM CCD_NAME CDS-SIDE PCOUNT PVERSION PSF TRACK TRIMSEC1 AIRMASS ABINNING B_FILTER WATER CTYPE CD1 TR1 "
    names += "EPOCH EQUINOX MJD-OBS DATE-OBS PHOTFLAG PHOT_K APRAD LST LTIME _CRVAL1 _CRVAL2 PC_CARD PC_1 PS1"
    header = linear_header(**dict.fromkeys(names.split(), 1.0))
    before = list(header)
    remove_wcs(header)
    assert list(header) == before


def test_keywords_to_keep_stay():
    header = linear_header(CRDELT1=2, CRVAL1=1.0)
    remove_wcs(header, keep=("CRDELT1",))
    assert header["CRDELT1"] == 2
    assert "CRVAL1" not in header


@pytest.mark.parametrize("key", telescopes.load().telescopes)
def test_no_telescope_loses_what_a_second_run_reads(key):
    telescope = telescopes.get(key)
    roles = ("time", "object", "filter", "exptime", "airmass", "chip", "gain", "saturation")
    coded = [telescope.header[role] for role in roles if role in telescope.header]
    coded += [code.replace("#CH#", "0").partition("#")[0] for code in telescope.binning if isinstance(code, str)]
    names = [name for each in coded for name in each.split("|")]
    header = linear_header(**dict.fromkeys(names, "x"))
    remove_wcs(header, keep=telescope.keep_keywords)
    assert [name for name in names if name not in header] == []


# ---- first guess


@pytest.mark.parametrize(
    ("rotate", "matrix"),
    [
        (0, (-1.0416667e-4, 0, 0, 1.0416667e-4)),
        (90, (0, -1.0416667e-4, -1.0416667e-4, 0)),
        (180, (1.0416667e-4, 0, 0, -1.0416667e-4)),
        (-90, (0, 1.0416667e-4, 1.0416667e-4, 0)),
    ],
)
def test_matrix_of_the_vatt(rotate, matrix):
    guess = first_guess(179.3, 0.43, rotate_deg=rotate, **VATT)
    assert [guess[name] for name in MATRIX] == pytest.approx(matrix, abs=1e-11)
    assert not any(str(guess[name]).startswith("-0.0") and guess[name] == 0 for name in MATRIX)
    assert (guess["CRPIX1"], guess["CRPIX2"]) == (1024, 1024)
    assert (guess["CRVAL1"], guess["CRVAL2"]) == (179.3, 0.43)


def bearing(wcs, dx, dy):
    """Position angle in degrees, East of North, of the direction (dx, dy) on the detector."""
    centre, place = wcs.pixel_to_world(1023, 1023), wcs.pixel_to_world(1023 + dx, 1023 + dy)
    return centre.position_angle(place).deg


@pytest.mark.parametrize(
    ("flip_x", "flip_y", "rotate", "angle_of_x", "angle_of_y"),
    [
        (True, False, 0, 270, 0),  # North up, East left
        (False, False, 0, 90, 0),  # mirrored
        (True, True, 0, 270, 180),
        (True, False, 30, 240, 330),
        (False, True, 0, 90, 180),
    ],
)
def test_orientation_on_the_sky(flip_x, flip_y, rotate, angle_of_x, angle_of_y):
    header = linear_header()
    guess = first_guess(179.3, 0.43, (2048, 2048), (0.4, 0.4), flip_x, flip_y, rotate)
    write_first_guess(header, guess)
    wcs = WCS(header)
    assert (bearing(wcs, 10, 0) - angle_of_x + 180) % 360 - 180 == pytest.approx(0, abs=0.01)
    assert (bearing(wcs, 0, 10) - angle_of_y + 180) % 360 - 180 == pytest.approx(0, abs=0.01)
    assert wcs.proj_plane_pixel_scales()[0].to_value("arcsec") == pytest.approx(0.4)


def test_pixels_that_are_no_squares():
    guess = first_guess(0, 0, (10, 10), (0.5, 1.0), True, False, 0)
    assert guess["CD1_1"] == pytest.approx(-0.5 / 3600)
    assert guess["CD2_2"] == pytest.approx(1 / 3600)
    assert pixel_scale_arcsec(guess) == pytest.approx(np.sqrt(0.5))


def test_first_guess_in_the_header():
    header = linear_header()
    write_first_guess(header, first_guess(179.3, 0.43, rotate_deg=0, **VATT))
    assert (header["CTYPE1"], header["CTYPE2"]) == ("RA---TAN", "DEC--TAN")
    assert header["RADESYS"] == header["RADECSYS"] == "FK5"
    assert all(header.comments[name].startswith("PP: ") for name in MATRIX)
    assert WCS(header).pixel_to_world(1023, 1023).ra.deg == pytest.approx(179.3)


def test_distortion_of_the_telescope_is_read_by_every_library():
    header = linear_header()
    guess = first_guess(179.3, 0.43, rotate_deg=0, **VATT)
    write_first_guess(header, guess, {"PV1_0": 0, "PV1_1": 1.0, "PV1_4": 0.5, "PV2_1": 1.0})
    assert header["CTYPE1"] == "RA---TPV"
    assert isinstance(header["PV1_0"], float)
    straight = linear_header()
    write_first_guess(straight, guess)
    bent, unbent = (WCS(each).pixel_to_world(1023 + 480, 1023) for each in (header, straight))
    assert bent.separation(unbent).deg == pytest.approx(0.5 * 0.05**2, rel=0.01)  # 480 px are 0.05 deg


# ---- solution


SOLVED = {
    "EQUINOX": 2000.0, "RADESYS": "ICRS", "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CUNIT1": "deg", "CUNIT2": "deg",
    "CRVAL1": 179.30123456789, "CRVAL2": 0.43, "CRPIX1": 50.5, "CRPIX2": 50.5, "CD1_1": -1e-4, "CD1_2": 1e-6,
    "CD2_1": 1e-6, "CD2_2": 1e-4, "PV1_0": 0.0, "PV1_1": 1.0, "PV2_1": 1.0, "PV1_4": 1e-5, "FGROUPNO": 1,
    "ASTIRMS1": 1e-6, "ASTIRMS2": 2e-6, "ASTRRMS1": 3e-6, "ASTRRMS2": 4e-6, "ASTINST": 1,
    "FLXSCALE": 0.0, "MAGZEROP": 0.0, "PHOTIRMS": 0.0, "PHOTINST": 1, "PHOTLINK": False,
}  # fmt: skip


def solved_header(**changes):
    header = linear_header(CRVAL1="179.2", PC1_1=1.0, PV1_2=1.0, A_0_2=1e-5, TEL_KEYW="VATT4K")
    solution = fits.Header({**SOLVED, **changes})
    solution.comments["CRVAL1"] = "World coordinate on this axis"
    write_solution(header, solution, "GAIA-DR3")
    return header


def test_solution_replaces_every_trace_of_the_first_guess():
    header = solved_header()
    assert not {"PC1_1", "PV1_2", "A_0_2"} & set(header)
    assert header["REGCAT"] == "GAIA-DR3"
    assert (header["RADESYS"], header["RADECSYS"]) == ("ICRS", "ICRS")
    assert header["TEL_KEYW"] == "VATT4K"
    assert header["ASTRRMS2"] == 4e-6


def test_values_of_the_solution_keep_their_types_digits_and_comments():
    header = fits.Header.fromstring(solved_header(FLXSCALE=1.0).tostring())
    assert header["PHOTLINK"] is False
    assert header["CRVAL1"] == 179.30123456789
    assert type(header["FGROUPNO"]) is int
    assert header.comments["CRVAL1"] == "World coordinate on this axis"  # without a second slash


def test_projection_with_distortion_is_named_so_that_every_library_reads_it():
    header = solved_header(PV1_4=0.5)
    assert (header["CTYPE1"], header["CTYPE2"]) == ("RA---TPV", "DEC--TPV")
    far = WCS(header).pixel_to_world(99, 49.5)
    near = WCS(solved_header(PV1_4=0.0)).pixel_to_world(99, 49.5)
    offset_deg = 49.5e-4  # 0.5 x^2 for x of 49.5 pixels
    assert far.separation(near).deg == pytest.approx(0.5 * offset_deg**2, rel=0.01)


def test_projection_without_distortion_stays_tangential():
    header = linear_header()
    solution = fits.Header({name: value for name, value in SOLVED.items() if not name.startswith("PV")})
    write_solution(header, solution, "GAIA")
    assert header["CTYPE1"] == "RA---TAN"


@pytest.mark.parametrize(("scale", "kept"), [(0.0, False), (1.0, True)])
def test_photometry_is_kept_only_where_it_was_solved(scale, kept):
    names = {"FLXSCALE", "MAGZEROP", "PHOTIRMS", "PHOTINST", "PHOTLINK"}
    header = solved_header(FLXSCALE=scale)
    assert names & set(header) == (names if kept else set())


def test_second_solution_replaces_the_first():
    header = solved_header(FLXSCALE=1.0)
    solution = fits.Header({name: value for name, value in SOLVED.items() if not name.startswith(("PV", "PHOT"))})
    write_solution(header, solution, "2MASS")
    assert header["REGCAT"] == "2MASS"
    assert not [name for name in header if name.startswith("PV")]
    assert "FLXSCALE" not in header


@pytest.mark.parametrize("value", [-1e-4, "-1e-4"])
def test_scale_of_a_header_whose_numbers_may_be_text(value):
    header = fits.Header({"CD1_1": value, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 1e-4})
    assert pixel_scale_arcsec(header) == pytest.approx(0.36)


@pytest.mark.parametrize("value", ["x", None])
def test_scale_that_is_not_known_is_nan(value):
    assert np.isnan(pixel_scale_arcsec(fits.Header()))
    assert np.isnan(pixel_scale_arcsec(fits.Header({"CD1_1": value, "CD1_2": 0, "CD2_1": 0, "CD2_2": 1e-4})))


def test_the_largest_rms_of_a_solution_is_kept_for_later_steps():
    header = fits.Header({"ASTRRMS1": 4e-6, "ASTRRMS2": 8e-6})  # SCAMP's
    note_rms(header, 0.018)
    assert [header[key] for key in ("ASTRRMS1", "ASTRRMS2")] == pytest.approx([5e-6, 8e-6])
    note_rms(header, 0.018, 0.036)
    assert header["ASTRRMS2"] == pytest.approx(1e-5)
    empty = fits.Header()
    note_rms(empty, float("nan"))
    assert "ASTRRMS1" not in empty


# ---- solutions that frames come with


def solution(projection, declination_first=False, pv=()):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval = [f"RA---{projection}", f"DEC--{projection}"], [150.0, 30.0]
    wcs.wcs.crpix, wcs.wcs.cd = [300.5, 200.5], np.array([[-1e-4, 2e-5], [2e-5, 1e-4]])
    wcs.wcs.set_pv(list(pv))
    if not declination_first:
        return wcs, wcs.to_header()
    turned = fits.Header({"CRPIX1": 300.5, "CRPIX2": 200.5, "CRVAL1": 30.0, "CRVAL2": 150.0})
    turned["CTYPE1"], turned["CTYPE2"] = f"DEC--{projection}", f"RA---{projection}"
    for i in (1, 2):
        for j in (1, 2):
            turned[f"CD{i}_{j}"] = wcs.wcs.cd[2 - i, j - 1]
    for i, m, value in pv:
        turned[f"PV{3 - i}_{m}"] = value
    return wcs, turned


@pytest.mark.parametrize("declination_first", [False, True])
@pytest.mark.parametrize(
    ("projection", "pv"),
    [("TAN", ()), ("ZEA", ()), ("STG", ()), ("ARC", ()), ("ZPN", ((2, 1, 1.0), (2, 3, 0.1))), ("SIN", ((2, 1, 0.1),))],
)
def test_every_projection_and_order_of_axes_is_read(projection, pv, declination_first):
    wcs, header = solution(projection, declination_first, pv)
    places = [10.0, 500.0], [20.0, 300.0]
    found = wcskeywords.wcs_of(header).all_pix2world(*places, 1)
    np.testing.assert_allclose(found, wcs.all_pix2world(*places, 1), atol=1e-9)
    assert wcskeywords.why_not_kept(header) == ""


def test_sip_terms_count_whether_or_not_the_projection_says_so():
    _, header = solution("TAN")
    header.update({"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-5, "B_0_2": -1e-5})
    plain = wcskeywords.wcs_of(header).all_pix2world(10.0, 20.0, 1)
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN-SIP", "DEC--TAN-SIP"
    assert wcskeywords.wcs_of(header).all_pix2world(10.0, 20.0, 1) == plain
    assert wcskeywords.wcs_of(solution("TAN")[1]).all_pix2world(10.0, 20.0, 1) != plain


@pytest.mark.parametrize(
    "changes",
    [
        {"PV1_3": 180.0},  # the native longitude of the pole, no polynomial
        {"CUNIT1": "degrees", "CUNIT2": "DEG"},
        {"CTYPE1": "ra---tan", "CTYPE2": "dec--tan"},
        {"RADESYS": None, "EQUINOX": 2000.0},
    ],
    ids=str,
)
def test_spellings_that_change_nothing(changes):
    wcs, header = solution("TAN")
    places = [10.0, 500.0], [20.0, 300.0]
    for keyword, value in changes.items():
        header.remove(keyword, ignore_missing=True)
        if value is not None:
            header[keyword] = value
    np.testing.assert_allclose(
        wcskeywords.wcs_of(header).all_pix2world(*places, 1), wcs.all_pix2world(*places, 1), atol=1e-9
    )
    assert wcskeywords.why_not_kept(header) == ""


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"RADESYS": None, "EQUINOX": 1950.0}, "of another equinox (FK5, 1950.0)"),
        ({"RADESYS": "FK4"}, "of another equinox (FK4"),
        ({"RADESYS": "FK5", "EQUINOX": 1950.0}, "of another equinox (FK5, 1950.0)"),
        ({"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"}, "in other coordinates (GLON-TAN)"),
        ({"CTYPE1": "LINEAR", "CTYPE2": "LINEAR"}, "cannot be read"),
        ({"CDELT1": 0.0}, "cannot be read"),
    ],
)
def test_a_solution_that_cannot_be_kept_says_why(changes, reason):
    _, header = solution("TAN")
    header.update({keyword: value for keyword, value in changes.items() if value is not None})
    for keyword in [keyword for keyword, value in changes.items() if value is None]:
        del header[keyword]
    assert reason in wcskeywords.why_not_kept(header)


def test_a_wcs_in_memory_is_to_the_bit_the_one_that_its_file_has():
    numbers = -1.0423456789012345e-4, 1.7320508075688772e-6, 1.7320508075688772e-6, 1.0423456789012345e-4
    header = fits.Header([("CTYPE1", "RA---TAN"), ("CTYPE2", "DEC--TAN")])
    header.extend([("CRVAL1", 179.123456789012345), ("CRVAL2", -6.2512345678901234)])
    header.extend([("CRPIX1", 511.98765432109876), ("CRPIX2", 512.12345678901234)])
    header.extend(zip(("CD1_1", "CD1_2", "CD2_1", "CD2_2"), numbers, strict=True))
    read = fits.Header.fromstring(header.tostring())
    assert any(read[name] != header[name] for name in ("CD1_1", "CD1_2"))  # its columns round them
    places = [
        np.array(wcskeywords.wcs_of(each).all_pix2world([3.0, 900.5], [7.0, 10.25], 0)) for each in (header, read)
    ]
    np.testing.assert_array_equal(*places)
