"""Reference stars that are alone in their aperture: the light of neighbours makes the others too bright."""

import logging

import numpy as np
from scipy.spatial import cKDTree

from photometrypipeline.sky.matching import chord_of
from photometrypipeline.sky.sphere import vectors

log = logging.getLogger("pp.isolation")

REACH = 1.5  # aperture radii: of a neighbour farther away next to no light falls into the aperture
SAME_ARCSEC = 0.1  # an entry twice in the catalogue
LEAST_LIGHT = 0.01  # of a star, from neighbours: 0.01 mag
ENOUGH_STARS = 50  # as many are to be left; otherwise more light is put up with
MOST_LIGHT = 0.16


def neighbour_light(ra_deg, dec_deg, mag, radius_arcsec):
    """Return the light of all neighbours within a radius of each star, in units of its own, shape (n,).

    mag : NaN where unknown: such stars neither give light nor have any measure of it (0)
    """
    known = np.isfinite(mag)
    light = np.zeros(len(mag))
    if known.sum() < 2 or not radius_arcsec:
        return light
    tree = cKDTree(vectors(np.asarray(ra_deg)[known], np.asarray(dec_deg)[known]))
    pairs = tree.query_pairs(float(chord_of(radius_arcsec)), output_type="ndarray")
    apart = np.linalg.norm(tree.data[pairs[:, 0]] - tree.data[pairs[:, 1]], axis=1)
    pairs = pairs[apart > chord_of(SAME_ARCSEC)]
    flux = 10 ** (-0.4 * np.asarray(mag, dtype=float)[known])
    total = np.zeros(len(flux))
    for one, other in (pairs.T, pairs.T[::-1]):
        np.add.at(total, one, flux[other])
    light[known] = total / flux
    return light


def alone(light):
    """Return which stars count as alone, bool, shape (n,): those with less than 1 % of foreign light.

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
