"""What SCAMP gets to work on: the brightest sources of all parts of each frame, and stars that go as deep as these.

Its time grows with both numbers; its solution stands on its brightest sources.
"""

from dataclasses import replace

import numpy as np
from astropy.io import fits

from photometrypipeline.frames import ldac
from photometrypipeline.programs import astromatic
from photometrypipeline.registration.astrometry import to_sky
from photometrypipeline.sky import matching

MOST_SOURCES = 400  # of a frame
CELLS = 5  # along each axis of a frame: a cluster must not have all the sources
SATURATED = 4  # bit of FLAGS: its centroid is worth little
MARGIN_MAG = 0.5  # stars may be fainter than the faintest source by that much
FEWEST_MATCHED = 20  # sources that tell how faint they are
FAINT_PERCENTILE = 98  # of their magnitudes: a wrong match or two must not decide
RADIUS_PX = 3.0
LEAST_SNR = 3.0  # of sources that take part
COLUMNS = {"XWIN_IMAGE", "YWIN_IMAGE", "ERRAWIN_IMAGE", "ERRBWIN_IMAGE", "XWIN_WORLD", "YWIN_WORLD", "FLUX_ISOCOR"}
COLUMNS |= {"FLAGS", "FWHM_IMAGE"}  # that are looked at, by SCAMP besides


def well_spread(sources, size_px):
    """Return the SourceList with MOST_SOURCES of `sources`, the brightest of each cell of a frame of size (nx, ny).

    Every cell of the frame has the same share of them; what some cannot fill goes to the brightest of the others.
    Saturated sources come in last.
    """
    if len(sources) <= MOST_SOURCES:
        return sources
    table = sources.table
    places = (np.asarray(table[name], dtype=float) for name in ("XWIN_IMAGE", "YWIN_IMAGE"))
    column, row = (
        np.clip((place - 0.5) / length * CELLS, 0, CELLS - 1).astype(int)
        for place, length in zip(places, size_px, strict=True)
    )
    saturated = (np.asarray(table["FLAGS"]) & SATURATED) > 0
    brightest_first = np.lexsort((-np.asarray(table["FLUX_ISOCOR"]), saturated))
    cell, rank = (row * CELLS + column)[brightest_first], np.empty(len(sources), dtype=int)
    for number in range(CELLS**2):
        within = cell == number
        rank[within] = np.arange(np.count_nonzero(within))
    beyond_share = rank >= MOST_SOURCES // CELLS**2
    order = brightest_first[np.lexsort((beyond_share, saturated[brightest_first]))]
    return sources.select(np.sort(order[:MOST_SOURCES]))


def stars_as_deep(frames, stars, radius_arcsec):
    """Return which `stars` are no fainter than the sources of `frames`, bool, shape (n_stars,).

    frames : [(SourceList, fits.Header with its WCS), ...];  stars : (ra_deg, dec_deg, mag), each shape (n_stars,)
    All of them where fewer than FEWEST_MATCHED sources lie on stars; stars without a magnitude stay.
    """
    ra, dec, mag = (np.asarray(values, dtype=float) for values in stars)
    faintest = []
    for sources, header in frames:
        places = to_sky(header, sources.table["XWIN_IMAGE"], sources.table["YWIN_IMAGE"])
        known = mag[matching.unique_pairs(*places, ra, dec, radius_arcsec)[1]]
        known = known[np.isfinite(known)]
        if known.size < FEWEST_MATCHED:
            return np.ones(mag.size, dtype=bool)
        faintest.append(np.percentile(known, FAINT_PERCENTILE))
    return ~(mag > max(faintest) + MARGIN_MAG)


def taking_part(extraction, mask, most):
    """Return an Extraction with those sources alone that take part, `most` at most, and what is looked at of them.

    mask : FLAGS of those that do not
    """
    sources = astromatic.trim_for_scamp(extraction.sources, mask, most, LEAST_SNR)
    for_scamp = astromatic.scamp_columns(extraction.telescope)
    if for_scamp is not None:
        columns = [name for name in sources.table.colnames if name in for_scamp | COLUMNS]
        sources = ldac.SourceList(fits.Header(), sources.table[columns])
    return replace(extraction, sources=sources)
