"""Where a moving target takes the frames: shifts between the mid-time of each and that of the stack."""

import numpy as np

from photometrypipeline.sky import sphere
from photometrypipeline.sky.times import SECONDS_PER_DAY

ARCSEC_PER_DEG = 3600.0
TOLERANCE_PX = 0.02  # a shift of the reference point may miss the target by as much before it is improved


def from_rates(rates_arcsec_s, midtimes_jd, reference_jd, dec_deg):
    """Return (dra_deg, ddec_deg), coordinate degrees, arrays of shape (n,), that a target moves from `reference_jd` on.

    rates_arcsec_s : (RA with cos Dec, Dec);  midtimes_jd, dec_deg : of the frames, shape (n,)
    """
    seconds = (np.asarray(midtimes_jd, dtype=float) - reference_jd) * SECONDS_PER_DAY
    east, north = (rate * seconds / ARCSEC_PER_DEG for rate in rates_arcsec_s)
    return east / np.cos(np.radians(dec_deg)), north


def moved_reference(crval_deg, shift_deg):
    """Return the reference point (RA in [0, 360), Dec) of a frame whose target moved by `shift_deg` since the
    reference time.
    """
    return (crval_deg[0] - shift_deg[0]) % 360.0, crval_deg[1] - shift_deg[1]


def onto_place(wcs, place, reference):
    """Return the reference point (RA, Dec) with which `wcs` puts the target at `place` onto the place `reference`.

    Off the centre of a frame, a shift of the reference point by the target's motion in RA and Dec turns the field a
    little; where that misses by more than TOLERANCE_PX, the remaining offset is taken off as well.
    """
    shift = sphere.ra_difference_deg(place[0], reference[0]), place[1] - reference[1]
    moved = wcs.deepcopy()
    pixel = wcs.all_world2pix(*([value] for value in place), 1, quiet=True)
    scale_deg = np.sqrt(abs(np.linalg.det(wcs.pixel_scale_matrix)))
    crval = moved_reference(wcs.wcs.crval, shift)
    for _ in range(3):
        moved.wcs.crval = crval
        moved.wcs.set()
        ra, dec = (axis[0] for axis in moved.all_pix2world(*pixel, 1))
        missed = sphere.ra_difference_deg(ra, reference[0]), dec - reference[1]
        distance = np.hypot(missed[0] * np.cos(np.radians(reference[1])), missed[1])
        if not distance > TOLERANCE_PX * scale_deg:
            break
        crval = moved_reference(crval, missed)
    return float(crval[0]), float(crval[1])
