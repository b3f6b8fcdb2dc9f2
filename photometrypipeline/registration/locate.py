"""Where the frames of a data set are: from the header, from their neighbours, or from the pattern of their stars."""

import logging
from dataclasses import dataclass

import numpy as np
from astropy.io import fits

from photometrypipeline.base import cdmatrix
from photometrypipeline.frames.wcskeywords import pixel_scale_arcsec
from photometrypipeline.registration import blind, starpatterns
from photometrypipeline.registration.astrometry import taught, to_sky

log = logging.getLogger("pp.locate")

LEAST_REACH_DEG = 0.1  # pointing errors that are tried first: this, or two diagonals of the frame
LIKE_NEIGHBOURS = 0.02  # the scale of the frames of one camera, to this fraction
WIDE = 0.7  # of the scale
SHARP = 0.5  # of the typical FWHM: a hot pixel, not a star
BRIGHT = 60  # sources that tell the typical FWHM
DEMOTED = 1e-6


@dataclass(frozen=True)
class Seen:
    """One frame: its sources (x_px, y_px, flux), its size, and `guess`, the header with what is thought of its WCS."""

    name: str
    x_px: np.ndarray
    y_px: np.ndarray
    flux: np.ndarray
    size_px: tuple
    guess: fits.Header

    @classmethod
    def of(cls, name, sources, size_px, guess):
        """Return the frame of a SourceList; sources that are much sharper than a star count as faint."""
        x, y, flux, fwhm = (
            np.asarray(sources.table[column], dtype=float)
            for column in ("XWIN_IMAGE", "YWIN_IMAGE", "FLUX_ISOCOR", "FWHM_IMAGE")
        )
        brightest = np.argsort(-flux, kind="stable")[:BRIGHT]
        typical = np.median(fwhm[brightest]) if brightest.size else 0.0
        return cls(name, x, y, np.where(fwhm < SHARP * typical, DEMOTED * flux, flux), size_px, guess)

    @property
    def scale_arcsec(self):
        return pixel_scale_arcsec(self.guess)

    @property
    def diagonal_deg(self):
        return float(np.hypot(*self.size_px)) * self.scale_arcsec / 3600

    @property
    def centre_deg(self):
        """Place (ra, dec) where the middle of the frame is thought to be."""
        return middle_of(self.guess, self.size_px)

    @property
    def corners_deg(self):
        """Places (ra_deg, dec_deg), arrays of 4, where the corners are thought to be."""
        nx, ny = self.size_px
        return to_sky(linear(self.guess), [1, nx, nx, 1], [1, 1, ny, ny])


def middle_of(header, size_px):
    """Return (ra, dec), deg, of the middle of a frame by the linear part of its WCS."""
    ra, dec = to_sky(linear(header), *([(length + 1) / 2] for length in size_px))
    return float(ra[0]), float(dec[0])


def linear(header):
    """Return the linear part of a WCS as a fits.Header."""
    cards = [("CTYPE1", "RA---TAN"), ("CTYPE2", "DEC--TAN")]
    return fits.Header(cards + [(name, float(header[name])) for name in cdmatrix.LINEAR])


def locate(frames, stars, found, *, pointing_error_deg, scale_tolerance, bar=iter):
    """Return {name: Solution} of those `frames` (list of Seen) that lie among `stars` (ra_deg, dec_deg, mag).

    found : [(Seen, Solution)] of frames of the same camera that are known already
    pointing_error_deg, scale_tolerance : how far the guesses may be off;  bar : wraps the frames, to show how far it is

    A neighbour teaches rotation, scale and offset, which makes the next frames a matter of milliseconds; where its
    lesson does not hold, a frame is looked for with its own guess, then by the pattern of its stars.
    """
    known, solutions = list(found), {}
    for frame in bar(frames):
        solution = (
            by_neighbours(frame, stars, known, pointing_error_deg)
            or near_guess(frame, stars, linear(frame.guess), pointing_error_deg)
            or by_pattern(frame, stars, known, pointing_error_deg, scale_tolerance)
        )
        if solution:
            solutions[frame.name] = solution
            known.append((frame, solution))
    for frame in frames:  # those that came before the first one that was found
        solution = None if frame.name in solutions else by_neighbours(frame, stars, known, pointing_error_deg)
        if solution:
            solutions[frame.name] = solution
    return solutions


def near_guess(frame, stars, header, pointing_error_deg):
    """Return the Solution near a header whose orientation is right, None without."""
    return starpatterns.solve_near(
        frame.x_px,
        frame.y_px,
        frame.flux,
        *stars,
        header=header,
        pointing_error_deg=min(pointing_error_deg, max(LEAST_REACH_DEG, 2 * frame.diagonal_deg)),
        size_px=frame.size_px,
    )


def by_neighbours(frame, stars, known, pointing_error_deg):
    """Return the Solution from what the last frame found teaches: how far guesses are off, or simply where it was."""
    if not known:
        return None
    other, solution = known[-1]
    for header in (taught(frame.guess, other.guess, solution.header), solution.header):
        found = near_guess(frame, stars, header, pointing_error_deg)
        if found:
            return found
    return None


def on_whole_sky(frame, scale_tolerance, folders=()):
    """Return the Solution of a frame whose pointing is not known, from the stars of Tycho-2, None without.

    folders : where its index file lies, default the usual ones.  Raises CatalogError where it is not installed.
    """
    return blind.locate(
        frame.x_px,
        frame.y_px,
        frame.flux,
        scale_arcsec=frame.scale_arcsec,
        scale_tolerance=scale_tolerance,
        size_px=frame.size_px,
        folders=folders,
    )


def by_pattern(frame, stars, known, pointing_error_deg, scale_tolerance):
    """Return the Solution by the pattern of the stars: as its neighbours are turned and scaled if there are any."""
    scale, tolerance, parity = frame.scale_arcsec, scale_tolerance, None
    if known:
        scale, tolerance, parity = known[-1][1].scale_arcsec, LIKE_NEIGHBOURS, known[-1][1].parity
    span = {"scale_arcsec": scale, "scale_tolerance": tolerance}
    if tolerance > WIDE:  # in steps, or there are too many triangles alike
        span = {"scale_range_arcsec": (scale / (1 + tolerance), scale * (1 + tolerance))}
    return starpatterns.solve(
        frame.x_px,
        frame.y_px,
        frame.flux,
        *stars,
        centre_deg=frame.centre_deg,
        **span,
        parity=parity,
        pointing_error_deg=pointing_error_deg,
        size_px=frame.size_px,
    )
