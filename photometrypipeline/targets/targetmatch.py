"""Which source is the target, and how likely that is.

A source near the predicted place may be the target, or anything else.  Bayes' theorem weighs the two: how often the
target lies so far from its prediction, given the uncertainties of ephemeris, astrometry, clock and centroid, against
how often another source lies there, given how many there are; and how likely the target is to be seen at all, given its
predicted magnitude and the depth of the frame.  With L the ratio of the two densities of probability for a source,
times the odds that the target is seen,

    P(source i is the target) = L_i / (1 + sum over j of L_j).

Known stars are left out of this: where one stands its light is in the frame, and whatever is measured there is the
star, or a blend with it.
"""

import logging
import re
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from photometrypipeline.photometry.leaks import leak
from photometrypipeline.sky import matching, sphere
from photometrypipeline.targets.knownstars import KnownStars, same_place

log = logging.getLogger("pp.targetmatch")

SEARCH_ARCSEC = 20.0  # around the prediction
ASTROMETRY_ARCSEC = 0.2  # error of the solution of a frame whose header tells none
FAR_SHARE, FAR_ARCSEC = 0.02, 3.0  # predictions are worse than they say now and then: old orbits, slow clocks
MAGNITUDE_SIGMA = 0.7  # mag, of a predicted magnitude: phase, colour, rotation
MAGNITUDE_FAR = 0.1  # share of predicted magnitudes that are any, within MAGNITUDE_RANGE
MAGNITUDE_RANGE = 10.0
UNKNOWN_SEEN = 0.5  # chance that a moving target of unknown magnitude is seen
STANDING_SEEN = 0.9  # chance that a star that somebody asks for is seen
SEEN_LIMITS = (0.02, 0.9)  # nothing is certain, and many things hide a target
NEIGHBOURS = 10  # for the local density
STAR_SHARE = 0.5  # of the light from a known star: the source is that star
COMET = re.compile(r"\b\d+[PDI](-[A-Z]{1,2}\d*)?(?![\w-])|\b[PCDXI]/")  # 2P/Encke, 73P-BT/..., ATLAS (C/2019 Y4-B)


@dataclass(frozen=True)
class MatchSettings:
    """How far predictions and clocks are trusted, and how much light of stars a target may have; as in pp_setup."""

    position_sigma_arcsec: float = 1.0  # 1 sigma per axis, of predicted places that come without one
    clock_error_s: float = 1.0
    max_contamination: float = 0.1


USUAL = MatchSettings()


@dataclass
class Match:
    """The source (`index`, -1 without any) for a target: distance from the prediction, probability, contamination.

    probability : that this source is the target (0 to 1);  contamination : share of its light that comes from stars and
    other sources (0 to 1);  doubt : why it is taken for something else, "" if it is not
    """

    index: int
    distance_arcsec: float = np.inf
    probability: float = 0.0
    contamination: float = 0.0
    doubt: str = ""


def posterior(likelihood_ratios, seen):
    """Return (P of each source, shape (n,); P that the target is none of them).

    likelihood_ratios : density of the target at each source over that of other sources, shape (n,)
    seen : probability that the target is detected in the frame at all
    """
    odds = np.asarray(likelihood_ratios, dtype=float) * seen / (1 - seen)
    return odds / (1 + odds.sum()), 1 / (1 + odds.sum())


def offset_density(east_arcsec, north_arcsec, sigma_east, sigma_north):
    """Return the density of probability per arcsec^2 of finding the target at offsets from its prediction.

    A normal distribution, and a wider one for the FAR_SHARE of predictions that are worse than they say.
    """
    near = np.exp(-((east_arcsec / sigma_east) ** 2 + (north_arcsec / sigma_north) ** 2) / 2)
    near = near / (2 * np.pi * sigma_east * sigma_north)
    wide_east, wide_north = np.hypot(sigma_east, FAR_ARCSEC), np.hypot(sigma_north, FAR_ARCSEC)
    far = np.exp(-((east_arcsec / wide_east) ** 2 + (north_arcsec / wide_north) ** 2) / 2)
    return (1 - FAR_SHARE) * near + FAR_SHARE * far / (2 * np.pi * wide_east * wide_north)


def chance_of_seeing(predicted_mag, limit_mag):
    """Return the probability that a target is brighter than the limit of a frame (mag), as uncertain as it is."""
    if not np.isfinite(predicted_mag) or not np.isfinite(limit_mag):
        return UNKNOWN_SEEN
    return float(np.clip(ndtr((limit_mag - predicted_mag) / MAGNITUDE_SIGMA), *SEEN_LIMITS))


def magnitude_ratio(mag, predicted_mag, field_mag):
    """Return how much more likely magnitudes `mag` are for the target than for a source of the field, shape (n,).

    field_mag : of the sources of the frame, whose distribution is counted in bins of 1.5 mag around each `mag`
    """
    if not np.isfinite(predicted_mag):
        return np.ones(np.shape(mag))
    deviation = (np.asarray(mag) - predicted_mag) / MAGNITUDE_SIGMA
    target = (1 - MAGNITUDE_FAR) * np.exp(-(deviation**2) / 2) / MAGNITUDE_SIGMA / np.sqrt(2 * np.pi)
    target = target + MAGNITUDE_FAR / MAGNITUDE_RANGE
    counts = (np.abs(np.asarray(mag)[:, None] - np.asarray(field_mag)[None, :]) < 0.75).sum(axis=1)
    return target / ((counts + 1) / (np.size(field_mag) + 1) / 1.5)


class Matcher:
    """Finds the targets among the sources of all frames of a data set (list of targets.Measured)."""

    def __init__(self, measured, folder=".", settings=USUAL):
        self.measured, self.settings = measured, settings
        self.stars = KnownStars(measured, folder)

    def match(self, target, number, by_probability=True):
        """Return the Match of a Target in frame `number`, the nearest source or, by probability, the likeliest one.

        Raises KeyError where the target has no predicted place.
        """
        place = target.places[self.measured[number].frame.name]
        tree = self.stars.trees[number]
        if not tree.n:
            return Match(-1)
        near = self._near(place, number, int(tree.query(sphere.vectors(*place)[0])[1]))
        distances = np.hypot(*near.offsets)
        probability, blends = self._probabilities(target, number, place, near)
        pieces = (distances < self.stars.fwhm_arcsec[number]) & ~blends.is_star
        probability = np.where(pieces, probability[pieces].sum(), probability)  # of one object that was split
        row = int(np.argmin(distances))
        best = int(np.argmax(probability))
        if by_probability and best != row and probability[best] >= 0.5:
            log.info(
                '%s: the source %.1f" from the prediction of %s is more likely it than the nearest one, %.1f" away',
                self.measured[number].frame.name,
                distances[best],
                target.name,
                distances[row],
            )
            row = best
        found = Match(int(near.rows[row]), float(distances[row]), float(probability[row]), float(blends.share[row]))
        found.doubt = self._doubt(found, blends, row)
        return found

    def _near(self, place, number, nearest):
        """Return the sources of a frame around `place`, the nearest one among them however far it is."""
        ra, dec = self.stars.ra[number], self.stars.dec[number]
        east = sphere.ra_difference_deg(ra, place[0]) * np.cos(np.radians(place[1])) * 3600
        north = (dec - place[1]) * 3600
        rows = np.flatnonzero(np.hypot(east, north) < SEARCH_ARCSEC)
        rows = np.unique(np.append(rows, nearest))
        return _Near(rows, (east[rows], north[rows]))

    def _probabilities(self, target, number, place, near):
        """Return (probability of each source to be the target, _Blends)."""
        each = self.measured[number]
        magnitudes, limit = self.magnitudes(number)
        predicted = target.v_mag.get(each.frame.name, np.nan) if each.magnitude_columns else np.nan
        if not _has_point_magnitude(target):
            predicted = np.nan
        sigma_east, sigma_north = prediction_sigma(target, each, near.rows, self.settings)
        blends = self._blends(target, number, place, near, float(np.hypot(sigma_east, sigma_north).min()))
        ratio = offset_density(*near.offsets, sigma_east, sigma_north)
        ratio = ratio * magnitude_ratio(magnitudes[near.rows], predicted, magnitudes)
        unknown = 1.0
        if target.moves:
            known = self.stars.known(number)
            unknown = 1 - known.sum() / (known.size + 2)  # share of sources that are not known as stars; never 0
            ratio = np.where(blends.is_star, 0.0, ratio)
        ratio = ratio / (density(self.stars.trees[number], place, each.frame) * unknown)
        seen = chance_of_seeing(predicted, limit) if target.moves else STANDING_SEEN
        return posterior(ratio, seen)[0], blends

    def magnitudes(self, number):
        """Return (magnitudes of the sources of a frame, the faint limit of their list)."""
        columns = self.measured[number].magnitude_columns
        if columns:
            magnitudes = np.asarray(self.measured[number].table[columns[0]], dtype=float)
        else:
            magnitudes = self.stars.inst[number]
        return magnitudes, float(np.nanpercentile(magnitudes, 95)) if magnitudes.size else np.nan

    def _blends(self, target, number, place, near, sigma_arcsec):
        """Return the _Blends of the sources near a place: how much of their light belongs to known stars and others."""
        each, stars = self.measured[number], None
        fwhm, radius = self.stars.fwhm_arcsec[number], aperture_arcsec(each.frame)
        flux = np.maximum(10 ** (-0.4 * self.stars.inst[number][near.rows]), 1e-30)
        found = _Blends(np.zeros(near.rows.size), np.zeros(near.rows.size, dtype=bool), [""] * near.rows.size)
        if target.moves:
            stars = self.stars.near(target, number, place, SEARCH_ARCSEC + 3 * fwhm, sigma_arcsec)
        if not stars or not near.rows.size:
            return found
        east = sphere.ra_difference_deg(stars.ra_deg, place[0]) * np.cos(np.radians(place[1])) * 3600
        north = (stars.dec_deg - place[1]) * 3600
        apart = np.hypot(near.offsets[0][:, None] - east, near.offsets[1][:, None] - north)  # (sources, stars)
        star_flux, told = 10 ** (-0.4 * stars.inst), np.isfinite(stars.inst)
        # a star of unknown magnitude is all of a source at its place, and nothing elsewhere
        light = np.where(told, leak(star_flux, apart, radius, fwhm) / flux[:, None], apart < same_place(fwhm))
        worst, rows = np.argmax(light, axis=1), np.arange(near.rows.size)
        found.share = np.minimum(light.sum(axis=1), 1.0)
        found.is_star = (apart[rows, worst] < max(same_place(fwhm), radius)) & (light[rows, worst] >= STAR_SHARE)
        shift = self.stars.zp[number] or 0.0
        for row, star in enumerate(worst):
            magnitude = f"{stars.inst[star] + shift:.1f} mag" if told[star] else "of unknown magnitude"
            found.words[row] = f'{magnitude}, {apart[row, star]:.1f}" from it'
        return found

    def _doubt(self, found, blends, row):
        """Return why a source is not taken for the target, "" if it is."""
        if blends.is_star[row]:
            return f"a star stands there ({blends.words[row]})"
        if found.contamination > self.settings.max_contamination:
            return f"{100 * found.contamination:.0f} % of its light comes from a star ({blends.words[row]})"
        if found.probability < 0.5:
            return f"more likely a field star, probability {found.probability:.2g} to be the target"
        return ""

    def light_at(self, target, number, place):
        """Return the light (ADU) that known stars and the frame's own sources send into an aperture at `place`."""
        each, fwhm = self.measured[number], self.stars.fwhm_arcsec[number]
        radius, total = aperture_arcsec(each.frame), 0.0
        groups = [(self.stars.ra[number], self.stars.dec[number], self.stars.inst[number])]
        if target.moves:
            sigma = float(np.hypot(*told_sigma(target, each.frame.name, self.settings)))
            stars = self.stars.near(target, number, place, SEARCH_ARCSEC, sigma)
            _, apart = (
                matching.nearest(stars.ra_deg, stars.dec_deg, *groups[0][:2]) if len(stars) else (None, np.empty(0))
            )
            unseen = apart > same_place(fwhm)  # those that are detected count with what they have in this frame
            groups.append((stars.ra_deg[unseen], stars.dec_deg[unseen], stars.inst[unseen]))
        for ra, dec, inst in groups:
            apart = sphere.separation_deg(ra, dec, *place) * 3600
            near = (apart < SEARCH_ARCSEC) & np.isfinite(inst)
            total += float(leak(10 ** (-0.4 * inst[near]), apart[near], radius, fwhm).sum())
        return total


@dataclass
class _Near:
    """Sources around a place: their `rows` in the table, their `offsets` from it (East, North), arcsec."""

    rows: np.ndarray
    offsets: tuple


@dataclass
class _Blends:
    """Of each source: `share` of its light from known stars, whether it `is_star`, and `words` on the worst of them."""

    share: np.ndarray
    is_star: np.ndarray
    words: list


def _has_point_magnitude(target):
    """Return whether the predicted magnitude is that of a point: of a comet it is that of the whole coma."""
    return not COMET.search(target.full_name)


def told_sigma(target, name, settings):
    """Return (sigma_east, sigma_north), arcsec, of the place predicted for the frame called `name`."""
    return target.sigma_arcsec.get(name, (settings.position_sigma_arcsec,) * 2)


def prediction_sigma(target, measured, rows, settings):
    """Return (sigma_east, sigma_north), arcsec, each of shape (n,): of the offset of sources from the prediction."""
    name, table, header = measured.frame.name, measured.table, measured.frame.header
    sigma = np.array(told_sigma(target, name, settings))
    clock = target.rate_arcsec_h.get(name, 0.0) / 3600 * settings.clock_error_s
    scale = measured.frame.number("SECPIXX")
    centroid = np.maximum(np.asarray(table["ERRAWIN_IMAGE"])[rows], 0) * scale
    both = []
    for axis in (0, 1):
        solution = float(header.get(f"ASTRRMS{axis + 1}") or 0) * 3600 or ASTROMETRY_ARCSEC
        both.append(np.sqrt(sigma[axis] ** 2 + clock**2 + solution**2 + centroid**2))
    return both


def density(tree, place, frame):
    """Return how many sources there are per arcsec^2 at a place: of the frame, or more where it is crowded."""
    nx, ny = frame.size_px
    everywhere = max(tree.n, 1) / (nx * ny * frame.number("SECPIXX") * frame.number("SECPIXY"))
    k = min(NEIGHBOURS, tree.n)
    if k < 2:
        return everywhere
    farthest = matching.angle_of(tree.query(sphere.vectors(*place)[0], k=k)[0][-1])
    return max(everywhere, (k - 1) / (np.pi * farthest**2))


def aperture_arcsec(frame):
    """Return the radius of the aperture of a frame; without one (photmode is not APER) twice a pixel's size."""
    return float(frame.header.get("APRAD") or 2.0) * frame.number("SECPIXX")
