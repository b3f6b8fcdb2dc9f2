"""What SCAMP gets to work on: the brightest sources of each frame, and stars that go as deep as these.

Its time grows with both numbers; its solution stands on its brightest sources.
"""

import numpy as np

from photometrypipeline.registration.astrometry import to_sky
from photometrypipeline.sky import matching

MOST_SOURCES = 400  # of a frame
MARGIN_MAG = 0.5  # stars may be fainter than the faintest source by that much
FEWEST_MATCHED = 20  # sources that tell how faint they are
FAINT_PERCENTILE = 98  # of their magnitudes: a wrong match or two must not decide
RADIUS_PX = 3.0


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
