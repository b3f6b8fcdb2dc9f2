"""Headers that are wrong: what the rest of a header says against the pointing that is read from it.

A mistake that is certain is corrected, and what was corrected is returned with the value; one that is not is refused.
"""

import logging

from photometrypipeline.base.errors import FrameError
from photometrypipeline.instruments import headers, pointings
from photometrypipeline.instruments.instrument import OWN_WCS

log = logging.getLogger("pp.plausibility")


def checked_pointing(frame, telescope):
    """Return (ra_deg, dec_deg, what was corrected or '') of a frame's centre, in its equinox.  Raises FrameError."""
    keywords = (telescope.keyword("ra"), telescope.keyword("dec"))
    try:
        ra, dec = headers.pointing(frame, telescope)
    except FrameError:
        swapped = _surely_swapped(frame, keywords)
        if swapped is None:
            raise
        log.info("%s: %s and %s are swapped", frame.name, *keywords)
        return *swapped, "RA and Dec were swapped"
    if telescope.header["ra"].startswith(OWN_WCS) or telescope.special.get("jitter"):
        return ra, dec, ""
    own = pointings.read_pair(frame.header, keywords)
    others = pointings.read(frame.header) if own and own.is_placeholder else []
    if own and own.is_placeholder and not others:
        shown = " and ".join(str(frame.header.get(keyword)) for keyword in keywords)
        raise FrameError(frame.path, f"{', '.join(keywords)} hold {shown}, a placeholder", "give -ra and -dec")
    if others:
        other = others[0]
        return other.ra_deg, other.dec_deg, f"{', '.join(keywords)} hold a placeholder; {other.keywords[0]} is used"
    if telescope.ra_unit == "hour" and telescope.header["radec_separator"] == "XXX" and own and own.ra_deg > 24:
        return own.ra_deg, dec, f"{keywords[0]} is in degrees, not in hours"
    found = pointings.contradiction(frame.header, ra, dec, keywords)
    if found is None:
        return ra, dec, ""
    mistake, other = found
    values = (str(frame.header[keyword]) for keyword in other.keywords)
    where = f"{', '.join(other.keywords)} = {', '.join(values)}"
    if mistake is None:
        apart = pointings.separation(ra, dec, other.ra_deg, other.dec_deg)
        log.warning("%s: %s, %s are used, although %s lie %.0f degrees away", frame.name, *keywords, where, apart)
        return ra, dec, ""
    if own is not None and own.form == "sexagesimal" and other.form == "decimal":
        return ra, dec, ""  # the number is the one that is misread
    log.info("%s: %s = %s: %s, as %s show", frame.name, keywords[0], frame.header.get(keywords[0]), mistake.text, where)
    return mistake.ra_deg % 360, mistake.dec_deg, mistake.text


def _surely_swapped(frame, keywords):
    """Return (ra_deg, dec_deg) if what stands for Dec can only be a right ascension; None otherwise."""
    place = pointings.read_pair(frame.header, keywords)
    if place is None or place.form != "decimal" or not 90 < abs(place.dec_deg) <= 360:
        return None
    declination = float(frame.header[keywords[0]])
    return (place.dec_deg % 360, declination) if abs(declination) <= 90 else None
