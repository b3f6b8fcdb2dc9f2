"""The frames of a data set, made ready for measuring targets: their PSF, and the scale of their source lists."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from photometrypipeline.base.errors import PipelineError
from photometrypipeline.base.shelf import Shelf
from photometrypipeline.frames import seeing
from photometrypipeline.instruments import headers
from photometrypipeline.instruments.dataset import telescope_of
from photometrypipeline.photometry import cosmics, framepsf, stacks
from photometrypipeline.photometry.cutouts import FramePixels, reach_px
from photometrypipeline.photometry.measure import Exposure, calibrate_stars

log = logging.getLogger("pp.exposures")

FEWEST_ALIKE, FEW_UNLIKE = 4, 0.35  # frames that tell of each other; the share that may be unlike all others


@dataclass(frozen=True)
class Sketch:
    """What is asked of all frames at once: where the Exposure lies, width and trail of its stars, if it has none."""

    place: tuple
    fwhm_px: float
    trail_px: tuple
    starless: bool = False


class Exposures(Sequence):
    """The Exposures of a night, None where a frame has none, by their numbers: on a Shelf, since they are many.

    measured : list of targets.Measured;  one at a time is in memory
    """

    def __init__(self, measured):
        self.measured, self._shelf = measured, Shelf()
        self.sketches, self._last = [None] * len(measured), (None, None)

    def __len__(self):
        return len(self.sketches)

    def __getitem__(self, number):
        sketch = self.sketches[number]
        if sketch is None:
            return None
        if self._last[0] != number:
            exposure = self._shelf.get(sketch.place)
            exposure.wcs = self.measured[number].wcs
            self._last = number, exposure
        return self._last[1]

    def keep(self, exposure):
        """Put an Exposure or None on the shelf; return its Sketch or None."""
        if exposure is None:
            return None
        exposure.usual_psf_offset_mag  # noqa: B018  which is asked for in each of the passes, and kept with it
        place = self._shelf.put(exposure)
        return Sketch(place, exposure.fwhm_px, tuple(exposure.psf.trail_px), exposure.starless)

    @property
    def usable(self):
        """Which frames have one with stars: bool, shape (n,)."""
        return np.array([sketch is not None and not sketch.starless for sketch in self.sketches])

    @property
    def fwhm_px(self):
        """The width of their stars, NaN without one: shape (n,)."""
        return np.array([sketch.fwhm_px if sketch else np.nan for sketch in self.sketches])


def unlike_others(sketches, moved_px):
    """Return (numbers of frames, whether stars are drawn out on the others) where few frames are unlike all others.

    sketches : Sketch or None of each frame;  moved_px : of the target during each exposure, shape (n,)
    """
    lengths = np.array([np.hypot(*each.trail_px) if each and not each.starless else np.nan for each in sketches])
    trailed, known = lengths > 0, np.isfinite(lengths)
    share = trailed.sum() / max(known.sum(), 1)
    if known.sum() < FEWEST_ALIKE or min(share, 1 - share) > FEW_UNLIKE:
        return [], False
    usual = bool(share > 0.5)
    odd = known & (trailed != usual)
    if usual:  # the trails of a short exposure may not be seen
        odd &= moved_px > 0.5 * np.median(lengths[trailed])
    return np.flatnonzero(odd).tolist(), usual


def expose(each, method, bad=None, avoid=(), motions=(), trailed=None):
    """Return the Exposure of a targets.Measured, None where it has to do with its source list; LOG tells why.

    method : of the magnitudes in its list (`photmode`);  bad : mask of bad pixels, bool, or None
    avoid : places (x, y), 0-based px, of targets;  motions : (x, y) px that targets move during the exposure
    trailed : whether the stars are drawn out along the fastest, where that is known
    """
    frame, table = each.frame, each.table
    following = stacks.follows(frame.header)
    fwhm = seeing.fwhm_px(table) if not following else stacks.fwhm_px(frame.header) or np.nan
    if not np.isfinite(fwhm):
        log.warning("%s: the width of no source is known, measured by its source list alone", frame.name)
        return None
    try:
        telescope = telescope_of(frame)
        gain, saturation = headers.gain_e_adu(frame, telescope), headers.saturation_adu(frame, telescope)
    except PipelineError as error:
        log.warning("%s: measured by its source list alone: %s", frame.name, error)
        return None
    x, y = (np.asarray(table[f"{axis}WIN_IMAGE"], dtype=float) - 1 for axis in "XY")
    reach = reach_px(table, fwhm)
    try:
        bad = cosmics.joined(frame, bad)
    except PipelineError as error:
        log.warning("%s", error)
    pixels = FramePixels(frame.path, frame.header, (x, y, reach), bad, saturation)
    radius = float(frame.header.get("APRAD") or telescope.aprad_default)
    factor = float(frame.header.get("NOISEFAC") or 1.0)
    if following:
        log.info("%s: stars are no points, PSF of their width in the stack of the sky, %.1f px", frame.name, fwhm)
        return Exposure(pixels, framepsf.guess(fwhm, frame.size_px), each.wcs, radius, gain, factor, starless=True)
    psf, chosen = _psf(each, pixels, (x, y), fwhm, gain, radius, avoid, motions, trailed)
    exposure = Exposure(pixels, psf, each.wcs, radius, gain, factor)
    if psf.stars is not None:
        inst = np.asarray(table[f"MAG_{method}"], dtype=float)[psf.stars.sources]
        calibrate_stars(exposure, psf.stars, inst)
        psf.stars = None
    return exposure


def _psf(each, pixels, places, fwhm, gain, radius, avoid, motions, trailed):
    """Return (FramePSF, indices of its stars)."""
    table, size = each.table, each.frame.size_px
    flux, err = (np.asarray(table[name], dtype=float) for name in ("FLUX_APER", "FLUXERR_APER"))
    with np.errstate(divide="ignore", invalid="ignore"):
        snr = np.nan_to_num(flux / err)
    flags = np.asarray(table["FLAGS"])
    chosen = framepsf.choose(*places, snr, np.nan_to_num(flux), flags, fwhm, size, avoid)
    fastest = max(motions, key=lambda each: np.hypot(*each), default=(0.0, 0.0))
    against = -fastest[0], -fastest[1]  # so the stars move where the telescope follows the target
    try:
        if chosen.size < framepsf.FEWEST_STARS:
            raise ValueError(f"only {chosen.size} stars are bright and isolated enough")
        at = [axis[chosen] for axis in places]
        stars = framepsf.cut_stars(pixels, *at, flux[chosen], fwhm, gain, radius, chosen)
        psf = framepsf.fit(stars, fwhm, size, against, trailed)
    except (ValueError, np.linalg.LinAlgError) as error:
        log.warning("%s: PSF guessed from the width of the sources, %.1f px: %s", each.frame.name, fwhm, error)
        return framepsf.guess(fwhm, size), chosen
    log.info(
        "%s: PSF of %d stars, FWHM %.2f px, beta %.2f%s, leaves %.2f %% of a star",
        each.frame.name,
        len(psf.stars),
        psf.fwhm_px,
        1 / psf.b,
        ", varying over the field" if psf.varies else "",
        100 * psf.residual,
    )
    return psf, chosen
