"""The airmass of a frame: that of its header, else computed from place, time and site."""

import numpy as np

from photometrypipeline.base.errors import TelescopeError
from photometrypipeline.instruments import clocks, headers, sites
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
    computed = _computed(telescope.mpc_code, frame.header, *place_deg, midtime_jd)
    return (round(computed, 4), COMPUTED) if np.isfinite(computed) else (None, "")


def _computed(code, header, ra_deg, dec_deg, jd):
    """Return the airmass (float), NaN where neither the station nor the header's site tells it."""
    site = sites.site_of(header)
    if code != obscodes.GEOCENTRE and not obscodes.place_of(code):
        try:
            return float(observer.airmass(ra_deg, dec_deg, jd, code)[0])
        except TelescopeError:
            return np.nan
    if site is None:
        return np.nan
    # some count longitudes to the West: sidereal time or altitude in the header, else the horizon, tell which
    longitude = clocks.Sky.of(header, (ra_deg, dec_deg)).longitude_deg(jd)
    longitudes = site.longitudes if longitude is None else (longitude,)
    found = [observer.airmass_at(ra_deg, dec_deg, jd, each, site.latitude_deg)[0] for each in longitudes]
    return float(next((each for each in found if np.isfinite(each)), np.nan))
