"""Where is this frame?  The pattern of its stars found among those of a catalogue.

    solution = starpatterns.solve(x_px, y_px, flux, ra_deg, dec_deg, mag, centre_deg=(179.5, 6.2), scale_arcsec=0.38)
    solution.header, solution.log_odds              # a linear TAN WCS, and the odds that it is right

Any rotation, either parity, pointing and scale off by as much as is asked for.  Triangles of the brightest sources are
looked up among those of neighbouring stars of the catalogue, as bright as the sources by their number per area.  They
propose places, angles and scales; what the most agree on is put to the test, and the odds alone decide.

A frame whose orientation and scale are known, from its neighbours or from a good definition of its camera, needs a
shift alone: `solve_near` finds it many times as fast.
"""

import numpy as np

from photometrypipeline.base import cdmatrix
from photometrypipeline.registration import fieldmatch, triangles
from photometrypipeline.registration.fieldmatch import Bounds, Candidates, Solution, SourceField, StarField
from photometrypipeline.registration.matchodds import MIN_LOG_ODDS, Prior
from photometrypipeline.sky import tangent
from photometrypipeline.sky.tangent import LinearMap

__all__ = ["Solution", "solve", "solve_near"]

MIN_SOURCES = 5
MIN_STARS = 4  # in the region that is searched
TRIANGLE_SOURCES = 22  # brightest sources whose triangles are all taken
NEIGHBOURS = 8  # of a star, with which it makes triangles
DEPTHS = (1.5, 4.0, 0.6)  # stars of the catalogue per source, tried one after the other
NEAR_DEG = 0.2  # pointing errors up to this are tried first
SHIFT_SOURCES = 40  # brightest sources that vote for a shift
SHIFT_STARS = 3.0  # stars of the catalogue per voting source
MOST_SHIFTS = 12  # that are put to the test
NEAR_SCALE, NEAR_ANGLE_DEG = 1.02, 2.0  # how far scale and angle may be off where they are known


def solve(
    x_px,
    y_px,
    flux,
    ra_deg,
    dec_deg,
    mag,
    *,
    centre_deg,
    scale_arcsec=None,
    scale_tolerance=0.2,
    scale_range_arcsec=(0.05, 60.0),
    parity=None,
    pointing_error_deg=1.0,
    size_px=None,
    min_log_odds=MIN_LOG_ODDS,
):
    """Return the Solution for a frame, or None where no pattern of its sources stands the test.

    x_px, y_px, flux : of the sources, shape (n,); the first pixel is 1, any unit of flux; obvious non-stars left out
    ra_deg, dec_deg, mag : of the stars, shape (m,), at the epoch of the frame; they have to cover all the places that
    are possible: pointing error and half the diagonal of the frame around `centre_deg`
    centre_deg : (ra, dec), the assumed place of the middle of the frame
    scale_arcsec : assumed scale per px, right within the factor 1 + `scale_tolerance`; None tries `scale_range_arcsec`
    parity : 1 or -1 if known (see Solution);  size_px : (nx, ny), default the extent of the sources
    min_log_odds : of the solution, natural logarithm
    """
    frame = SourceField.of(x_px, y_px, flux, size_px)
    sky = StarField.of(ra_deg, dec_deg, mag, centre_deg)
    if len(frame.pixels) < MIN_SOURCES or len(sky.plane) < MIN_SOURCES:
        return None
    parities = (1, -1) if parity is None else (parity,)
    factor = 1 + scale_tolerance
    for scale in [scale_arcsec] if scale_arcsec else scale_ladder(scale_range_arcsec, factor):
        total = factor if scale_arcsec else scale_range_arcsec[1] / scale_range_arcsec[0]
        prior = Prior(pointing_error_deg, total, 180.0, len(parities))
        radii = [r for r in (max(NEAR_DEG, frame.half_diagonal * scale / 3600),) if r < 0.8 * pointing_error_deg]
        for radius in [*radii, pointing_error_deg]:
            for depth in DEPTHS:
                proposals = by_triangles(frame, sky, scale, factor, radius, parities, depth)
                reach = radius + frame.half_diagonal * scale / 3600 * factor
                candidates = Candidates(frame, sky, scale, reach)
                found = best_of(proposals, frame, sky, candidates, Bounds(scale, factor, prior), min_log_odds)
                if found:
                    return fieldmatch.finish(*found, frame, sky, prior)
    return None


def solve_near(
    x_px, y_px, flux, ra_deg, dec_deg, mag, *, header, pointing_error_deg=0.3, size_px=None, min_log_odds=MIN_LOG_ODDS
):
    """Return the Solution for a frame whose `header` (fits.Header with a TAN WCS) has the right orientation and scale.

    Scale and angle may be off by 2 % and 2 deg, little enough that a shift brings stars near their sources; the place
    by up to `pointing_error_deg`.  The rest as in `solve`.
    """
    frame = SourceField.of(x_px, y_px, flux, size_px)
    matrix = cdmatrix.of(header)
    guess = LinearMap.of_matrix(matrix, (float(header["CRPIX1"]), float(header["CRPIX2"])))
    crval = float(header["CRVAL1"]), float(header["CRVAL2"])
    centre = tuple(float(value[0]) for value in tangent.deproject(guess(frame.middle), crval))
    sky = StarField.of(ra_deg, dec_deg, mag, centre)
    if len(frame.pixels) < MIN_SOURCES or len(sky.plane) < MIN_SOURCES or not guess.determinant:
        return None
    scale = float(np.sqrt(abs(guess.determinant)) * 3600)
    prior = Prior(pointing_error_deg, NEAR_SCALE, NEAR_ANGLE_DEG, 1)
    candidates = Candidates(frame, sky, scale, pointing_error_deg + frame.half_diagonal * scale / 3600)
    proposals = by_shift(frame, sky, guess, pointing_error_deg)
    found = best_of(proposals, frame, sky, candidates, Bounds(scale, NEAR_SCALE, prior), min_log_odds)
    return fieldmatch.finish(*found, frame, sky, prior) if found else None


def scale_ladder(scale_range_arcsec, factor):
    """Return scales (arcsec per px) that cover a range in steps, the middle of the range first."""
    low, high = np.log(scale_range_arcsec)
    steps = max(1, int(np.ceil((high - low) / (2 * np.log(factor)))))
    scales = np.exp(low + (high - low) * (np.arange(steps) + 0.5) / steps)
    return [float(scales[k]) for k in np.argsort(np.abs(np.arange(steps) - (steps - 1) / 2), kind="stable")]


def best_of(proposals, frame, sky, candidates, bounds, min_log_odds):
    """Return (LinearMap, centre_deg, Odds) of the best proposal, None if none has the odds that are asked for."""
    best = None
    for start in proposals:
        found = fieldmatch.test(start, frame, sky, candidates, bounds)
        if found and (best is None or found[2].log_odds > best[2].log_odds):
            best = found
            if found[2].log_odds > 2 * min_log_odds:
                break
    return best if best and best[2].log_odds >= min_log_odds else None


def bright_part(frame, sky, scale_arcsec, reach_deg, n_sources, depth):
    """Return the places (complex, deg) of `depth` stars for each of `n_sources` per frame, within `reach_deg`."""
    wanted = depth * n_sources * np.pi * reach_deg**2 / (frame.area_px2 * (scale_arcsec / 3600) ** 2)
    return sky.plane[np.abs(sky.plane) <= reach_deg][: int(np.ceil(wanted))]


def by_triangles(frame, sky, scale_arcsec, factor, radius_deg, parities, depth):
    """Yield LinearMaps that like triangles of sources and stars agree on, the most votes first.

    scale_arcsec : right within `factor`;  radius_deg : of the pointing;  depth : stars of the catalogue per source
    """
    pixel_deg = scale_arcsec / 3600
    pixels = frame.pixels[:TRIANGLE_SOURCES]
    reach = radius_deg + frame.half_diagonal * pixel_deg * factor
    stars = bright_part(frame, sky, scale_arcsec, reach, len(pixels), depth)
    if len(stars) < MIN_STARS:
        return
    least, most = 0.05 * frame.half_diagonal, 2.0 * frame.half_diagonal
    ours = triangles.Triangles.of(pixels, triangles.all_triples(len(pixels)), least, most)
    triples = triangles.neighbouring_triples(stars, NEIGHBOURS)
    theirs = triangles.Triangles.of(stars / pixel_deg, triples, least / factor, most * factor)
    a, c, parity = triangles.similarities(ours, theirs, pixels, stars, factor)
    good = np.isin(parity, parities) & (np.abs(c) <= radius_deg * 1.02)
    good &= np.abs(np.log(np.abs(a) / pixel_deg)) <= np.log(factor) + triangles.CELL
    for turn, shift, side in triangles.by_votes(a[good], c[good], parity[good], 2 * frame.half_diagonal * pixel_deg):
        yield LinearMap(turn, 0j, shift) if side > 0 else LinearMap(0j, turn, shift)


def by_shift(frame, sky, guess, radius_deg):
    """Yield LinearMaps with the matrix of `guess` and the shifts that the most pairs of source and star agree on."""
    pixel_deg = float(np.sqrt(abs(guess.determinant)))
    pixels = frame.pixels[:SHIFT_SOURCES]
    reach = radius_deg + frame.half_diagonal * pixel_deg
    stars = bright_part(frame, sky, pixel_deg * 3600, reach, len(pixels), SHIFT_STARS)
    turned = guess.a * pixels + guess.b * np.conj(pixels)
    shifts = (stars[:, None] - turned).ravel()
    shifts = shifts[np.abs(shifts) <= radius_deg]
    if not shifts.size:
        return
    cell = max(3.0, 0.01 * frame.half_diagonal) * pixel_deg
    votes = []
    for offset in (0.0, 0.5):
        steps = np.column_stack([shifts.real, shifts.imag]) / cell + offset
        steps = np.floor(steps - steps.min(axis=0)).astype(np.int64)
        votes += [shifts[members] for members in triangles.fullest(steps, MOST_SHIFTS)]
    votes.sort(key=lambda members: -members.size)
    for members in votes[:MOST_SHIFTS]:
        yield LinearMap(guess.a, guess.b, members.mean())
