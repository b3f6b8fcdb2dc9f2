"""How a frame of an unknown camera looks at the sky: its stars found among those of a catalogue.

The places and scales that the header names are tried one after the other, then those that it would name without a known
mistake; a wide field is searched on the whole sky at last.
"""

from dataclasses import dataclass

import numpy as np

from photometrypipeline.base import cdmatrix
from photometrypipeline.base.errors import CatalogError
from photometrypipeline.instruments import headers, pointings
from photometrypipeline.registration import blind, starpatterns
from photometrypipeline.sky.sphere import separation_deg

REACHES_DEG = (0.3, 1.0)  # pointing errors that are searched, the narrow one first
SCALE_TOLERANCE = 0.2
UNKNOWN_SCALE_ARCSEC = (0.1, 12.0)  # per px, searched where the header tells no scale
UNKNOWN_FIELD_DEG = 1.0  # half the diagonal of the field that stars are asked for then
MOST_SOURCES = 250  # the brightest are enough
STARS_IN_FIELD = 150  # that the catalogue should have in a field like this
LIKE_DEG = 0.05  # places nearer to each other are tried once


@dataclass(frozen=True)
class View:
    """What the match tells: scale (x, y, arcsec per px), rotation (deg, as in a definition), `mirrored`: North up would
    have East right; centre (deg), distance from the place of the header, that Place, the Mistake that explains it.
    """

    scale_arcsec: tuple
    rotate_deg: float
    mirrored: bool
    centre_deg: tuple
    offset_deg: float
    place: object
    mistake: object
    n_matched: int
    rms_arcsec: float
    log_odds: float
    catalog: str
    faintest_mag: float


@dataclass(frozen=True)
class Attempt:
    """A place to look at: position (deg, ICRS), the Place of the header that it comes from, and the Mistake assumed."""

    ra_deg: float
    dec_deg: float
    place: object
    mistake: object = None


def attempts(places, equinox_yr=2000.0):
    """Return the Attempts (list) for the Places of a header: as they stand, then with a known mistake taken back."""
    found = []
    for place in places[:6]:
        if abs(place.dec_deg) <= 90:
            found.append(Attempt(*headers.to_icrs(place.ra_deg % 360, place.dec_deg, equinox_yr), place))
    for place in places[:3]:
        for mistake in pointings.gross_mistakes(place.ra_deg, place.dec_deg):
            if mistake.name != "ra_in_degrees" or place.unit != "deg":
                found.append(Attempt(mistake.ra_deg % 360, mistake.dec_deg, place, mistake))
    different = []
    for each in found:
        if all(separation_deg(each.ra_deg, each.dec_deg, o.ra_deg, o.dec_deg) > LIKE_DEG for o in different):
            different.append(each)
    return different


def magnitude_limit(half_diagonal_deg):
    """Return the magnitude to which a field of that size has some 150 stars (away from the Milky Way), 10.5 to 20.

    From star counts at high latitude, log N = 2.08 + 0.25 (G - 13) per square degree.
    """
    area = 2 * half_diagonal_deg**2
    return float(np.clip(13 + (np.log10(STARS_IN_FIELD / area) - 2.08) / 0.25, 10.5, 20.0))


def find(sources, size_px, reading, fetch, jd=None, equinox_yr=2000.0, bar=iter):
    """Return (View or None, what was tried: list of str).

    sources : (x_px, y_px, flux), arrays;  size_px : (nx, ny);  reading : recognise.Reading of the header
    fetch(ra_deg, dec_deg, radius_deg, mag_limit) : yields (name, ra_deg, dec_deg, mag) of stars, catalogue by catalogue
    jd : of the exposure, for mistakes of the equinox;  bar : wraps the list of looks at the sky, to show how far it is
    """
    brightest = np.argsort(-sources[2], kind="stable")[:MOST_SOURCES]
    sources = tuple(values[brightest] for values in sources)
    half_px = float(np.hypot(*size_px)) / 2
    scales = _different(scale for scale, _ in reading.scales)
    tried = []
    todo = attempts(reading.places, equinox_yr)
    looks = [
        (reach, attempt, scale)
        for reach in REACHES_DEG
        for attempt in todo
        if reach > REACHES_DEG[0] or not attempt.mistake or attempt.mistake.name != "sign"
        for scale in scales or [None]
    ]
    for reach, attempt, scale in bar(looks):
        half_deg = half_px * scale / 3600 if scale else UNKNOWN_FIELD_DEG
        radius = reach + half_deg * (1 + SCALE_TOLERANCE)
        for name, *stars in fetch(attempt.ra_deg, attempt.dec_deg, radius, magnitude_limit(half_deg)):
            tried.append(_told(attempt, scale, reach, name, len(stars[0])))
            solution = _solve(sources, size_px, stars, attempt, scale, reach)
            if solution:
                return _view(solution, attempt, stars, name, jd), tried
    return _anywhere(sources, size_px, scales, todo, jd, tried), tried


def _anywhere(sources, size_px, scales, todo, jd, tried):
    """Return the View of a wide field that lies at none of the places of its header, None if it is not found."""
    for scale in scales:
        try:
            solution = blind.locate(*sources, scale_arcsec=scale, scale_tolerance=SCALE_TOLERANCE, size_px=size_px)
        except CatalogError as error:
            tried.append(f"the whole sky: {error}")
            return None
        tried.append(f"the whole sky, {scale:.3f} arcsec/px: {'found' if solution else 'nothing'}")
        if solution:
            mistakes = [pointings.explain(each.ra_deg, each.dec_deg, *solution.centre_deg, jd) for each in todo]
            plain = [each for each in todo if each.mistake is None]
            explained = [each for each, mistake in zip(todo, mistakes, strict=True) if mistake and each in plain]
            return _view(solution, (explained or plain or [Attempt(np.nan, np.nan, None)])[0], None, "TYCHO2", jd)
    return None


def _different(scales):
    kept = []
    for scale in scales:
        if all(abs(np.log(scale / other)) > np.log(1 + SCALE_TOLERANCE) / 2 for other in kept):
            kept.append(scale)
    return kept


def _told(attempt, scale, reach, name, number):
    where = f"RA {attempt.ra_deg:.4f}, Dec {attempt.dec_deg:+.4f}"
    how = f", if {attempt.mistake.text}" if attempt.mistake else f" ({', '.join(attempt.place.keywords)})"
    size = f"{scale:.3f} arcsec/px" if scale else "any scale"
    return f"{where}{how}: {number} stars of {name}, {size}, to {reach:g} degrees"


def _solve(sources, size_px, stars, attempt, scale, reach):
    return starpatterns.solve(
        *sources,
        *stars,
        centre_deg=(attempt.ra_deg, attempt.dec_deg),
        scale_arcsec=scale,
        scale_tolerance=SCALE_TOLERANCE,
        scale_range_arcsec=UNKNOWN_SCALE_ARCSEC,
        pointing_error_deg=reach,
        size_px=size_px,
    )


def _view(solution, attempt, stars, name, jd):
    matrix = cdmatrix.of(solution.header)
    scale = tuple(float(value) * 3600 for value in np.hypot(*matrix))
    mistake = attempt.mistake
    if mistake is None and attempt.place is not None:
        mistake = pointings.explain(attempt.ra_deg, attempt.dec_deg, *solution.centre_deg, jd)
    mirrored = solution.parity > 0
    return View(
        scale,
        rotation_deg(matrix, mirrored),
        mirrored,
        tuple(float(value) for value in solution.centre_deg),
        float(separation_deg(attempt.ra_deg, attempt.dec_deg, *solution.centre_deg)),
        attempt.place,
        mistake,
        int(solution.n_matched),
        float(solution.rms_arcsec),
        float(solution.log_odds),
        name,
        float(np.nanmax(np.asarray(stars[2])[solution.i_star])) if stars else blind.FAINTEST,
    )


def rotation_deg(matrix, mirrored):
    """Return the rotation (deg, East of North, -180 to 180) of a CD matrix as a definition has it with flip_x.

    matrix = R(rotation) diag(fx sx, sy) with fx = 1 if `mirrored`, else -1: the mean of what the two axes say.
    """
    (xe, ye), (xn, yn) = matrix
    fx = 1 if mirrored else -1
    along_x = complex(fx * xe, fx * xn) / np.hypot(xe, xn)
    along_y = complex(yn, -ye) / np.hypot(ye, yn)
    return float(np.degrees(np.angle(along_x + along_y)))
