"""The WCS keywords of a header: which they are, how they are taken out, and the first guess that takes their place."""

import contextlib
import re
import warnings
from functools import lru_cache

import numpy as np
from astropy.io import fits

from photometrypipeline.frames.frame import COMMENT_START, put, saved_name, set_keyword

RECENT = 64  # WCS that are remembered: each is asked for several times in a row
OF_WCSLIB = re.compile(r"^ERROR \d+ in \w+\(\) at line \d+ of file \S+:\s*")
WCS_PATTERN = re.compile(
    r"""(
      (CTYPE|CRVAL|CRPIX|CDELT|CUNIT|CROTA|CRDELT|CFINT|CNAME|CRDER|CSYER)\d[A-Z]?
    | (CD|PC|PV|PS|LTM|TR)\d+_\d+[A-Z]? | (CD|PC)\d{6} | PROJP\d
    | [AB]P?_(\d_\d|ORDER|DMAX)
    | LTV\d | WAT\d_\d+ | PIXXMIT | PIXOFFST
    | (WCSAXES|WCSNAME|LONPOLE|LATPOLE|RADESYS|EQUINOX)[A-Z] | WCSAXES | WCSNAME | WCSDIM | LONPOLE | LATPOLE
    | RADESYS | RADECSYS
    | AST[IR]RMS\d | ASTINST | FGROUPNO | FLXSCALE | MAGZEROP | PHOTIRMS | PHOTINST | PHOTLINK | REGCAT
    )""",
    re.VERBOSE,
)
SAME_WORDS = ("FILTER", "EXPTIME", "AIRMASS", "OBJECT", "EPOCH")  # of pp_prepare, with values of the camera
NO_POINTING = "PPNOPOS"
NO_SCALE = "PPNOSCAL"  # factor within which the pixel scale, a guess, is right
OF_POLYNOMIAL = re.compile(r"PV2_\d+|PV1_([5-9]|\d\d)")  # PV1_0 to PV1_4 alone turn the sphere (FITS standard 8.4)
PLAIN = ("CTYPE1", "CTYPE2", "CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CD1_1", "CD1_2", "CD2_1", "CD2_2")
LINEAR = ("CUNIT1", "CUNIT2", "CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CD1_1", "CD1_2", "CD2_1", "CD2_2")
QUALITY = ("FGROUPNO", "ASTIRMS1", "ASTIRMS2", "ASTRRMS1", "ASTRRMS2", "ASTINST")
OF_PLANE = re.compile(r"PV[12]_\d+")
OF_PHOTOMETRY = ("FLXSCALE", "MAGZEROP", "PHOTIRMS", "PHOTINST", "PHOTLINK")
BESIDE = ("CUNIT1", "CUNIT2", "RADESYS", "RADECSYS", "EQUINOX", "REGCAT", *QUALITY, *OF_PHOTOMETRY)  # of a plain WCS


def remove_wcs(header, keep=()):
    """Take all WCS keywords out of `header`, of any dialect and any version, but for the names in `keep`."""
    for keyword in {keyword for keyword in header if WCS_PATTERN.fullmatch(keyword)} - set(keep):
        header.remove(keyword, remove_all=True)


def is_ours(header):
    """Return whether the WCS is a first guess or a solution that the pipeline has written."""
    return "RADECSYS" in header and header.comments["RADECSYS"].startswith(COMMENT_START)


def before_pipeline(header):
    """Return a copy of a header as the camera wrote it, as far as the pipeline has kept that: its own cards are off.

    Values that it has overridden come back; those that it wrote in the same words (FILTER, EXPTIME, OBJECT) stay.
    """
    found = header.copy()
    if is_ours(found):
        remove_wcs(found)
    ours = [card.keyword for card in found.cards if card.comment.startswith(COMMENT_START)]
    saved = [keyword for keyword in ours if keyword.startswith("_")]
    back = {keyword: next((each for each in ours if saved_name(each) == keyword), keyword[1:]) for keyword in saved}
    for keyword in set(ours) - set(saved) - set(back.values()) - set(SAME_WORDS):
        found.remove(keyword, ignore_missing=True)
    for keyword, first in back.items():
        found[first] = (found.pop(keyword), "")
    return found


def wcs_of(header):
    """Return the astropy WCS of a frame, all kinds of keywords included; PV terms behind TAN count as TPV.

    Raises ValueError if the header has none.
    """
    plain = _plain_values(header)
    if plain:
        return _wcs_of_values(*plain).deepcopy()
    cards = fits.Header(
        [card for card in header.cards if WCS_PATTERN.fullmatch(card.keyword) and card.keyword != "RADECSYS"]
    )
    for keyword, value in [(keyword, value) for keyword, value in cards.items() if isinstance(value, str)]:
        with contextlib.suppress(ValueError):  # images of older versions hold numbers as text
            cards[keyword] = float(value)
    for name in ("CTYPE1", "CTYPE2", "CUNIT1", "CUNIT2"):
        if name in cards:
            text = str(cards[name]).strip()
            cards[name] = text.upper() if name.startswith("CTYPE") else re.sub(r"(?i)^deg(rees?)?$", "deg", text)
    if any(map(OF_POLYNOMIAL.fullmatch, cards)):
        for name in ("CTYPE1", "CTYPE2"):  # SCAMP calls it TAN; other projections have PV terms of their own
            cards[name] = re.sub(r"-TAN$", "-TPV", str(cards.get(name, "")).strip())
    if "A_ORDER" in cards:  # older programs leave the suffix out, and astropy applies the terms all the same
        for name in ("CTYPE1", "CTYPE2"):
            cards[name] = re.sub(r"-TAN$", "-TAN-SIP", str(cards.get(name, "")).strip())
    wcs = _read(cards)
    return _read(_right_ascension_first(cards, wcs)) if str(wcs.wcs.ctype[0])[:3] in ("DEC", "GLA", "ELA") else wcs


@lru_cache(1024)
def _of_wcs(keyword):
    return bool(WCS_PATTERN.fullmatch(keyword))


@lru_cache(4096)
def _in_file(value):
    """Return a value of a card as it is read from a file, whose 20 columns may round it."""
    return fits.Card.fromstring(str(fits.Card("NUMBER", value))).value if isinstance(value, float) else value


def _plain_values(header):
    """Return what `_wcs_of_values` takes where the WCS is a plain one, as the pipeline writes it; else None."""
    found = [keyword for keyword in header if _of_wcs(keyword)]
    terms = sorted(keyword for keyword in found if OF_PLANE.fullmatch(keyword))
    once = set(found)
    if len(found) > len(once) or not set(PLAIN) <= once <= {*PLAIN, *BESIDE, *terms}:
        return None
    projection = "TPV" if terms else "TAN"
    words = [header["CTYPE1"], header["CTYPE2"], *(header.get(f"CUNIT{axis}", "deg") for axis in (1, 2))]
    linear, values = ([_in_file(header[keyword]) for keyword in names] for names in (PLAIN[2:], terms))
    equinox = header.get("EQUINOX", np.nan)
    numbers = all(isinstance(value, int | float) for value in (*linear, *values, equinox))
    if not numbers or words != [f"RA---{projection}", f"DEC--{projection}", "deg", "deg"]:
        return None
    named = [(*map(int, keyword[2:].split("_")), value) for keyword, value in zip(terms, values, strict=True)]
    return projection, tuple(linear), tuple(named), (str(header.get("RADESYS", "")), equinox)


@lru_cache(RECENT)
def _wcs_of_values(projection, linear, terms, system):
    """Return the astropy WCS of numbers: in a tenth of the time that reading its cards takes.

    linear : CRVAL, CRPIX, and CD by rows;  terms : of the polynomial, (axis, number, value);  system : RADESYS, EQUINOX
    """
    from astropy.wcs import WCS  # brings coordinates and tables along; keywords alone do without

    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.cunit = [f"RA---{projection}", f"DEC--{projection}"], ["deg", "deg"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cd = linear[:2], linear[2:4], np.reshape(linear[4:], (2, 2))
    wcs.wcs.radesys, wcs.wcs.equinox = system
    wcs.wcs.set_pv(terms)
    try:
        wcs.wcs.set()
        if np.linalg.det(wcs.pixel_scale_matrix) == 0:
            raise ValueError("no celestial coordinates")
    except Exception as error:  # noqa: BLE001  astropy has no common base for what a broken WCS raises
        raise ValueError(" ".join(str(error).split())) from None
    return wcs


def _read(cards):
    return _wcs_of_text(cards.tostring()).deepcopy()


@lru_cache(RECENT)
def _wcs_of_text(text):
    from astropy.wcs import WCS  # brings coordinates and tables along; keywords alone do without

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wcs = WCS(text, naxis=2, fix=False)
            usable = wcs.has_celestial and np.linalg.det(wcs.pixel_scale_matrix) != 0
    except Exception as error:  # noqa: BLE001  astropy has no common base for what a broken WCS raises
        raise ValueError(" ".join(str(error).split())) from None
    if not usable:
        raise ValueError("no celestial coordinates")
    return wcs


def _right_ascension_first(cards, wcs):
    """Return the cards of a WCS whose first axis is the declination with its axes on the sky in the usual order."""
    turned = fits.Header()
    matrix = wcs.pixel_scale_matrix[::-1]
    for keyword, value in cards.items():
        if re.fullmatch(r"(CD|PC)\d+_\d+|(CD|PC)\d{6}|CDELT\d|CROTA\d", keyword):
            continue
        axis = re.fullmatch(r"(CTYPE|CRVAL|CUNIT|PV|PS)([12])(_\d+)?", keyword)
        turned[f"{axis[1]}{3 - int(axis[2])}{axis[3] or ''}" if axis else keyword] = value
    for i in (1, 2):
        for j in (1, 2):
            turned[f"CD{i}_{j}"] = float(matrix[i - 1, j - 1])
    return turned


def why_not_kept(header):
    """Return why the WCS of a header cannot be kept as it is (str), '' if it can."""
    try:
        wcs = wcs_of(header)
    except ValueError as error:
        return f"its WCS cannot be read: {OF_WCSLIB.sub('', str(error)).partition('. ')[0]}"
    if str(wcs.wcs.ctype[0])[:2] != "RA":
        return f"its WCS is in other coordinates ({wcs.wcs.ctype[0]})"
    equinox = str(header.get("EQUINOX", 2000))
    by_equinox = "FK5" if "EQUINOX" in header else "ICRS"  # FK4 before 1984, which is not kept either
    frame = str(header.get("RADESYS", header.get("RADECSYS", by_equinox))).strip().upper()
    if frame.startswith("FK4") or (frame not in ("ICRS", "") and not re.search(r"2000(\.0*)?\b", equinox)):
        return f"its WCS is of another equinox ({frame}, {equinox})"
    middle = wcs.all_pix2world(float(header.get("NAXIS1", 1)) / 2, float(header.get("NAXIS2", 1)) / 2, 1)
    return "" if np.isfinite(middle).all() else "its WCS has no place on the sky for the middle of the image"


def needs_astropy(header):
    """Return whether places are to be computed by astropy: Source Extractor ignores SIP terms and rare projections.

    The WCS of the pipeline's own is a plain one.
    """
    if is_ours(header):
        return has_sip(header)
    try:
        wcs_of(header)
    except ValueError:
        return False
    return True


def has_sip(header):
    """Return whether the WCS is distorted by SIP terms, which Source Extractor, SCAMP and SWarp silently ignore."""
    return "-SIP" in str(header.get("CTYPE1")) and "A_ORDER" in header


def first_guess(ra_deg, dec_deg, size_px, scale_arcsec, flip_x, flip_y, rotate_deg):
    """Return the WCS (dict) with the given centre; North up and East left for flip_x, not flip_y, and no rotation.

    size_px, scale_arcsec : (x, y), of the binned image;  rotate_deg : East of North
    """
    fx, fy = (-1 if flip_x else 1), (-1 if flip_y else 1)
    cos, sin = np.cos(np.radians(rotate_deg)), np.sin(np.radians(rotate_deg))
    sx, sy = (scale / 3600 for scale in scale_arcsec)
    matrix = {"CD1_1": fx * cos * sx, "CD1_2": -fy * sin * sy, "CD2_1": fx * sin * sx, "CD2_2": fy * cos * sy}
    return {
        "RADESYS": "FK5",
        "RADECSYS": "FK5",
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRVAL1": ra_deg,
        "CRVAL2": dec_deg,
        "CRPIX1": size_px[0] // 2,
        "CRPIX2": size_px[1] // 2,
    } | {keyword: float(round(value, 16)) + 0.0 for keyword, value in matrix.items()}


def write_first_guess(header, guess, distortion=()):
    """Put a first guess (dict), and PV keywords of the telescope's `distortion` (dict), into the header."""
    for keyword, value in guess.items():
        set_keyword(header, keyword, value, "first guess of the WCS")
    for keyword, value in dict(distortion).items():
        set_keyword(header, keyword, float(value), "distortion of the telescope")
    if distortion:
        header["CTYPE1"], header["CTYPE2"] = "RA---TPV", "DEC--TPV"


def write_solution(header, solution, catalog, keep=()):
    """Put SCAMP's `solution` (fits.Header of its .head file) into the header of the frame; values keep their types.

    keep : keywords that stay although they are of a WCS, since the telescope has something else in them

    SCAMP calls the projection TAN although it writes PV terms: it is named TPV, so that every library reads it.  Its
    photometric keywords are left out unless it solved photometry: FLXSCALE 0 would spoil a later stack.
    """
    remove_wcs(header, keep)
    distorted = any(keyword.startswith("PV") for keyword in solution)
    projection = "TPV" if distorted else "TAN"
    header["CTYPE1"], header["CTYPE2"] = f"RA---{projection}", f"DEC--{projection}"
    names = ["EQUINOX", *LINEAR, *QUALITY, *(keyword for keyword in solution if keyword.startswith("PV"))]
    if float(solution.get("FLXSCALE", 0)) > 0:
        names += OF_PHOTOMETRY
    for keyword in names:
        if keyword in solution:
            put(header, keyword, solution[keyword], solution.comments[keyword])
    frame = str(solution.get("RADESYS", "ICRS")).strip()
    header["RADESYS"], header["RADECSYS"] = (frame, "PP: system of the WCS"), (frame, "PP: copy of RADESYS")
    set_keyword(header, "REGCAT", catalog, "reference catalogue of the registration")


def bin_pixels(header, factor):
    """Change a linear WCS, of any dialect, to pixels that are `factor` times as large; SIP terms are taken out."""
    for axis in (1, 2):
        if f"CRPIX{axis}" in header:
            header[f"CRPIX{axis}"] = (float(header[f"CRPIX{axis}"]) - 0.5) / factor + 0.5
        per_pixel = [f"CDELT{axis}"] if f"CDELT{axis}" in header else [f"CD{axis}_{other}" for other in (1, 2)]
        for keyword in per_pixel:
            if keyword in header:
                header[keyword] = float(header[keyword]) * factor
    for keyword in [keyword for keyword in header if re.fullmatch(r"[AB]P?_(\d_\d|ORDER|DMAX)", keyword)]:
        header.remove(keyword)
    for axis in (1, 2):
        if f"CTYPE{axis}" in header:
            header[f"CTYPE{axis}"] = str(header[f"CTYPE{axis}"]).removesuffix("-SIP")


def note_pointing(header, unknown):
    """Note that the first guess stands for nothing, or take the note out."""
    header.remove(NO_POINTING, ignore_missing=True)
    if unknown:
        set_keyword(header, NO_POINTING, True, "pointing not known, CRVAL is none")


def scale_factor(header):
    """Return the factor (float) within which the pixel scale of a prepared frame is right, 1 where it is known."""
    return float(header.get(NO_SCALE, 1.0))


def note_scale(header, scale_arcsec):
    """Put in the pixel scale that the stars tell, in place of a guess."""
    header.remove(NO_SCALE, ignore_missing=True)
    for keyword in ("SECPIXX", "SECPIXY", "SECPIX"):
        set_keyword(header, keyword, round(scale_arcsec, 6), "[arcsec/px] pixel scale, from the stars")


def note_rms(header, rms_arcsec, left_out_arcsec=np.nan):
    """Keep the rms distance of sources from reference stars, per axis, as SCAMP does (deg).

    left_out_arcsec : that of stars that had no say in the fit.  The largest counts: few stars bend the fit to them, and
        what they are off then, SCAMP's figure too, says little of other places.
    """
    told = [value for value in (rms_arcsec, left_out_arcsec) if np.isfinite(value)]
    for keyword in ("ASTRRMS1", "ASTRRMS2"):
        before = header.get(keyword)
        known = [float(before)] if isinstance(before, int | float) and before > 0 else []
        if told:
            set_keyword(header, keyword, max([value / 3600 for value in told] + known), "deg, rms of the registration")


def pixel_scale_arcsec(header):
    """Return the pixel scale (arcsec/px, float) from the determinant of the CD matrix; NaN without one."""
    if not any(f"CD{i}_{j}" in header for i in (1, 2) for j in (1, 2)):
        return np.nan
    try:  # elements that are left out are 0
        (a, b), (c, d) = [[float(header.get(f"CD{i}_{j}", 0.0)) for j in (1, 2)] for i in (1, 2)]
    except (TypeError, ValueError, fits.VerifyError):
        return np.nan
    return float(np.sqrt(abs(a * d - b * c)) * 3600) or np.nan
