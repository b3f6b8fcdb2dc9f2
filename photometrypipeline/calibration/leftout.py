"""Reference stars that are left out by hand, and what the page tells of them."""

import logging

import numpy as np

from photometrypipeline.base.errors import CatalogError
from photometrypipeline.frames import recordtypes

log = logging.getLogger("pp.calibrate")


def without(catalog, excluded, band):
    """Return (Catalog without the stars of a StarList, these as StarLeftOut, lines of the list that are no star)."""
    places = np.asarray(catalog.values("ra_deg")), np.asarray(catalog.values("dec_deg"))
    idents = catalog.table["ident"] if "ident" in catalog.table.colnames else None
    strangers = excluded.strangers(idents, *places)
    for line in strangers:
        log.warning("%s: %s has no star %s", excluded.path, catalog.name, line)
    covered = excluded.covers(idents, *places)
    log.info("%d stars of %s taken out by hand", covered.sum(), catalog.name)
    return catalog.select(~covered), stars_left_out(catalog.select(covered), band), strangers


def stars_left_out(catalog, band):
    """Return the stars of a Catalog as list of StarLeftOut, with their magnitudes in `band` where they have one."""

    def places(stars):
        return list(zip(stars.values("ra_deg").tolist(), stars.values("dec_deg").tolist(), strict=True))

    try:
        measured, mag, _ = catalog.in_band(band, use_all=True)
        mags = dict(zip(places(measured), measured.values(mag).tolist(), strict=True))
    except CatalogError:
        mags = {}
    idents = catalog.table["ident"] if "ident" in catalog.table.colnames else [""] * len(catalog)
    return [
        recordtypes.StarLeftOut(ident=str(ident), ra_deg=place[0], dec_deg=place[1], mag=mags.get(place))
        for ident, place in zip(idents, places(catalog), strict=True)
    ]
