"""The light that neighbours send into the apertures of reference stars, which makes these too bright."""

import logging

import numpy as np
from scipy.spatial import cKDTree

from photometrypipeline.photometry import leaks
from photometrypipeline.sky.matching import chord_of
from photometrypipeline.sky.sphere import vectors

log = logging.getLogger("pp.isolation")

REACH_FWHM = 4.0  # beyond an aperture: of a neighbour farther away next to no light falls into it
SAME_ARCSEC = 0.1  # a star itself, or an entry twice in the catalogue
LEAST_LIGHT = 0.02  # of a star, from neighbours; a fifth of it is not known
ENOUGH_STARS = 50  # as many are to be left; otherwise more light is put up with
MOST_LIGHT = 0.16
LIGHT_ERROR = 0.2  # share of that light: widths differ from frame to frame, wings from those that are assumed


def neighbour_light(stars, everything, radius_arcsec, fwhm_arcsec):
    """Return the light of neighbours in the aperture around each star, in units of its own light there, shape (n,).

    stars, everything : (ra_deg, dec_deg, mag), mag NaN where unknown: such stars neither give light nor have any
        measure of it (0);  radius_arcsec : of the aperture, 0 where unknown
    fwhm_arcsec : of the images; where it is NaN they are as wide as the aperture
    """
    fwhm_arcsec = fwhm_arcsec if fwhm_arcsec > 0 else radius_arcsec
    light = np.zeros(len(stars[0]))
    trees, mags = [], []
    for ra_deg, dec_deg, mag in (stars, everything):
        known = np.isfinite(mag)
        trees.append(cKDTree(vectors(np.asarray(ra_deg)[known], np.asarray(dec_deg)[known])))
        mags.append(np.asarray(mag, dtype=float)[known])
    if not radius_arcsec or not min(map(len, mags)):
        return light
    reach = float(chord_of(radius_arcsec + REACH_FWHM * fwhm_arcsec))
    pairs = trees[0].sparse_distance_matrix(trees[1], reach, output_type="ndarray")
    pairs = pairs[pairs["v"] > chord_of(SAME_ARCSEC)]
    apart = np.degrees(2 * np.arcsin(pairs["v"] / 2)) * 3600
    ratio = 10 ** (0.4 * (mags[0][pairs["i"]] - mags[1][pairs["j"]]))
    sent = leaks.leak(ratio, apart, radius_arcsec, fwhm_arcsec)
    light[np.isfinite(stars[2])] = np.bincount(pairs["i"], sent, minlength=len(mags[0]))
    return light


def alone(light):
    """Return which stars count as alone, bool, shape (n,): those with less than 2 % of foreign light.

    In crowded fields the limit is doubled, up to 16 %, until ENOUGH_STARS are left, or all that there are.
    """
    limit = LEAST_LIGHT
    while limit < MOST_LIGHT and (light < limit).sum() < min(ENOUGH_STARS, 0.5 * len(light)):
        limit *= 2
    good = light < limit
    if good.sum() < min(ENOUGH_STARS, 0.5 * len(light)):
        return np.ones(len(light), dtype=bool)
    if not good.all():
        log.info("%d of %d reference stars have neighbours in their aperture, left out", (~good).sum(), len(light))
    return good
