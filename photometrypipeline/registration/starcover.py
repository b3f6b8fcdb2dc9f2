"""The stars that a catalogue has for frames: whether they are enough, before any pattern is looked for, and which."""

import numpy as np

from photometrypipeline.registration.astrometry import MIN_MATCHED
from photometrypipeline.sky import sphere

LEAST_PER_FRAME = 1.0  # stars on average; MIN_MATCHED of them lie in one frame in 300 then, by chance


def too_few(seen, ra_deg, dec_deg, radius_deg):
    """Return why frames (list of locate.Seen) cannot be registered on stars in a cone of `radius_deg`, "" if they can.

    ra_deg, dec_deg : of the stars, arrays
    A group of stars where a frame is thought to be counts, however empty the sky around it is.
    """
    largest = max(seen, key=lambda frame: frame.diagonal_deg)
    width, height = (np.array(largest.size_px) * largest.scale_arcsec / 60).tolist()  # arcmin
    cone_deg2 = 2 * np.pi * (1 - np.cos(np.radians(radius_deg))) * np.degrees(1) ** 2
    mean = len(ra_deg) * min(width * height / 3600 / cone_deg2, 1.0)
    near = max(
        np.count_nonzero(sphere.separation_deg(ra_deg, dec_deg, *frame.centre_deg) < frame.diagonal_deg / 2)
        for frame in seen
    )
    if mean >= LEAST_PER_FRAME or near >= MIN_MATCHED:
        return ""
    return f"{mean:.2g} in a frame of {width:.0f}' x {height:.0f}' on average, {MIN_MATCHED} are needed"


def near_frames(catalog, located):
    """Return the stars of a Catalog in and around frames, [(Frame, Solution)]; SCAMP's time grows with the others."""
    near = np.zeros(len(catalog), dtype=bool)
    for frame, solution in located:
        reach = 0.75 * np.hypot(*frame.size_px) * solution.scale_arcsec / 3600
        near |= sphere.separation_deg(catalog.values("ra_deg"), catalog.values("dec_deg"), *solution.centre_deg) < reach
    return catalog.select(near)
