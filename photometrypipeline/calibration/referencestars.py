"""Which stars of a catalogue are reference stars: good, usable in the band, alone."""

import logging
from pathlib import Path

import numpy as np

from photometrypipeline.base.errors import CatalogError
from photometrypipeline.calibration import isolation, starlist
from photometrypipeline.catalogs import bandnames, starcounts
from photometrypipeline.sky import sphere

log = logging.getLogger("pp.referencestars")

FEW_ROWS, MOST_ROWS = 20_000, 140_000  # of a catalogue, about, that are asked for: the fewer, if they are deep enough
DEEP_ENOUGH_MAG = 18.0  # large telescopes may saturate on all brighter stars


def aperture_arcsec(frame):
    """Return the radius of the aperture on a frame, 0 where its header does not tell."""
    radius_px, scale = frame.header.get("APRAD"), frame.header.get("SECPIX")
    return float(radius_px) * float(scale) if isinstance(radius_px, float) and isinstance(scale, float) else 0.0


def usual_catalogs(telescope, band):
    """Return the names (tuple) of the catalogues of a telescope; before them Gaia for its own bands, which few have."""
    own = tuple(telescope.photometry_catalogs)
    return ("GAIA", *own) if band in bandnames.GAIA else own


def limit_mag(name: str, cone: tuple[float, float, float], faintest: float) -> float:
    """Return the magnitude to which a catalogue is asked for a cone (RA, Dec, radius in deg); less in the Milky Way."""
    if Path(name).is_file():
        return faintest
    few, most = (starcounts.limit(*cone, faintest, rows, starcounts.usual_rows) for rows in (FEW_ROWS, MOST_ROWS))
    limit = max(few, min(most, DEEP_ENOUGH_MAG))
    if limit < faintest:
        log.info("%s: stars to %.1f mag are asked for, not to %.1f: there are very many", name, limit, faintest)
    return limit


def good(catalog, settings, solar_width, least):
    """Return (Catalog of the stars that are good enough, column of their magnitudes in the band, that of the errors).

    solar_width : mag, by which colours may differ from those of the Sun, None for stars of any colour
    Raises CatalogError if there are fewer than `least`, or the catalogue has no such band.
    """
    if len(catalog) < least:
        raise CatalogError(f"{f'only {len(catalog)}' if len(catalog) else 'no'} stars in this field")
    if not settings.use_all_stars:
        catalog = catalog.photometric(aperture_arcsec=settings.aperture_arcsec)
        if solar_width is not None:
            catalog = catalog.solar_like(solar_width)
    return catalog.in_band(settings.band, use_all=settings.use_all_stars)


def usable(catalog, mag, err, settings, wish, least, largest_err):
    """Return the Catalog of the stars that have a magnitude, and a colour where one is wished for.

    mag, err : names of columns;  wish : (name of the colour, ...) or None;  largest_err : mag, of a magnitude
    Raises CatalogError if fewer than `least` are left.
    """
    value, error = (np.asarray(catalog.table[name], dtype=float) for name in (mag, err))
    largest = max(largest_err, catalog.survey.coarse_mag if catalog.survey else 0.0)
    fit = np.isfinite(value) & (settings.use_all_stars | (error <= largest))
    if wish:
        fit &= np.isfinite(catalog.color(wish[0])[0])
    if fit.sum() < least:
        raise CatalogError(f"only {fit.sum()} stars usable in {settings.band}" + (f" and {wish[0]}" if wish else ""))
    return catalog.select(fit)


def brightest(catalog, mag, most):
    """Return the Catalog of the `most` stars that are brightest in the column `mag`, in their order."""
    if len(catalog) <= most:
        return catalog
    value = np.asarray(catalog.table[mag], dtype=float)
    return catalog.select(np.sort(np.argsort(value, kind="stable")[:most]))


def stand_alone(catalog, light, fixed):
    """Return which stars (bool array) have no neighbour, and are no target of the list `fixed` themselves.

    light : that of their neighbours, of isolation.neighbour_light
    """
    alone = isolation.alone(light)
    for _, *place in fixed:
        apart = sphere.separation_deg(*place, catalog.values("ra_deg"), catalog.values("dec_deg"))
        alone &= apart * sphere.ARCSEC_PER_DEG > starlist.RADIUS_ARCSEC
    return alone
