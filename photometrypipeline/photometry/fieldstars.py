"""The stars of a field, from the source lists of several frames: what stays in its place while the target moves on."""

from dataclasses import dataclass

import numpy as np

from photometrypipeline.sky import matching, sphere

MATCH_ARCSEC = 1.0  # detections so near to each other are the same star, or half a seeing disc if that is more
LEAST_SHARE = 0.3  # of the frames in which a star could have been found


@dataclass
class Detections:
    """Sources of one frame away from the target: ra_deg, dec_deg, shape (n,), and what part of the sky it shows.

    shows : function of (ra_deg, dec_deg), arrays, that returns whether places are on the frame and away from the target
    """

    ra_deg: np.ndarray
    dec_deg: np.ndarray
    shows: object


def find(frames, match_arcsec=MATCH_ARCSEC):
    """Return (ra_deg, dec_deg), shape (n,), of the stars in `frames` (list of Detections).

    A star is found in at least two frames, and in LEAST_SHARE of those that show its place; of a single frame all
    sources count.  Its place is the mean of its detections.
    """
    ra, dec, count = np.empty(0), np.empty(0), np.empty(0, dtype=int)
    for frame in frames:
        if not frame.ra_deg.size:
            continue
        known, new = matching.unique_pairs(ra, dec, frame.ra_deg, frame.dec_deg, match_arcsec) if ra.size else ([], [])
        known, new = np.asarray(known, dtype=int), np.asarray(new, dtype=int)
        share = 1 / (count[known] + 1)
        ra[known] = (ra[known] + share * sphere.ra_difference_deg(frame.ra_deg[new], ra[known])) % 360
        dec[known] += share * (frame.dec_deg[new] - dec[known])
        count[known] += 1
        others = np.setdiff1d(np.arange(frame.ra_deg.size), new)
        ra, dec = np.append(ra, frame.ra_deg[others]), np.append(dec, frame.dec_deg[others])
        count = np.append(count, np.ones(others.size, dtype=int))
    if not ra.size:
        return ra, dec
    possible = np.sum([frame.shows(ra, dec) for frame in frames], axis=0)
    stars = count >= np.maximum(min(2, len(frames)), LEAST_SHARE * possible)
    return ra[stars], dec[stars]
