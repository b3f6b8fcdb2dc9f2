"""The airmass of a frame: that of its header, else computed from place, time and site."""

import numpy as np

from photometrypipeline.base.errors import TelescopeError
from photometrypipeline.instruments import headers, sites
from photometrypipeline.sky import obscodes, observer

COMPUTED = "computed from place, time and site"


def of_frame(frame, telescope, place_deg, midtime_jd):
    """Return (airmass, what tells it) of a frame; (None, '') where nothing does.

    place_deg : (ra, dec) of its centre, None if not known
    """
    known = headers.airmass(frame, telescope)
    if known is not None:
        return known, "airmass"
    if place_deg is None or None in place_deg:
        return None, ""
    computed = _computed(telescope.mpc_code, sites.site_of(frame.header), *place_deg, midtime_jd)
    return (round(computed, 4), COMPUTED) if np.isfinite(computed) else (None, "")


def _computed(code, site, ra_deg, dec_deg, jd):
    """Return the airmass (float), NaN where neither the station nor the header's site tells it."""
    if code != obscodes.GEOCENTRE and not obscodes.place_of(code):
        try:
            return float(observer.airmass(ra_deg, dec_deg, jd, code)[0])
        except TelescopeError:
            return np.nan
    if site is None:
        return np.nan
    # longitudes that some count to the West: what was seen was above the horizon
    found = [observer.airmass_at(ra_deg, dec_deg, jd, longitude, site.latitude_deg)[0] for longitude in site.longitudes]
    return float(next((each for each in found if np.isfinite(each)), np.nan))
