"""Forced photometry: how much light there is at a place, whether or not a source was detected there.

The aperture is that of the detected sources, cut out of the pixels in the same way,
the sky comes from a ring around it, as Source Extractor's local background does.  The error is what the same
measurement scatters by at the nearest empty places of the same frame: noise that is correlated between pixels, faint
sources that nobody sees and an uneven sky are all in it.  Photons of the source itself come on top.  Bad pixels belong
neither to empty places nor to the sky; in the aperture at the place itself they are filled.
"""

import logging
from dataclasses import dataclass

import numpy as np

from photometrypipeline.base.errors import PipelineError
from photometrypipeline.base.scatter import SIGMA_PER_MAD
from photometrypipeline.frames import ldac
from photometrypipeline.photometry import badpixels, cosmics, masking
from photometrypipeline.photometry.cutouts import aperture, within
from photometrypipeline.photometry.errorbars import MAG_PER_RELATIVE_FLUX

log = logging.getLogger("pp.forced")

MIN_RING = 100  # pixels of sky; at the edges and among sources the ring has gaps
RING_PX = 24  # width of the ring, as BACKPHOTO_THICK of the extraction
N_EMPTY = 800  # empty places that the noise is measured at
N_NEAR = 250  # of them, the nearest: the sky differs over a frame
MIN_EMPTY = 30
CLIP_SIGMA = 3.0  # of ring pixels around their median
NORMAL = {50: 0.67449, 95: 1.95996, 99: 2.57583}  # so many percent of a normal distribution lie within so many sigma
DETECTION_SIGMA = 3.0
OUTSIDE = "the aperture at the predicted place extends beyond the image, or contains pixels without a value"
SEED = 20170202  # places are drawn at random, the same ones in each run


@dataclass(frozen=True)
class Forced:
    """Light at a place: `flux` and its 1-sigma `flux_err` (ADU), `inst` and `e_inst` (mag; NaN without light), and
    `inst_limit`, the instrumental magnitude of three times the noise; `n_empty` places tell the noise.
    """

    flux: float
    flux_err: float
    n_empty: int

    @property
    def inst(self):
        return -2.5 * np.log10(self.flux) if self.flux > 0 else np.nan

    @property
    def e_inst(self):
        return MAG_PER_RELATIVE_FLUX * self.flux_err / self.flux if self.flux > 0 else np.nan

    @property
    def inst_limit(self):
        return -2.5 * np.log10(DETECTION_SIGMA * self.flux_err)


class ForcedFrame:
    """The pixels of one frame, ready to be measured anywhere.

    pixels : float array (rows, columns);  sources : (x_px, y_px, radius_px) of everything detected, FITS pixels
    radius_px : of the aperture;  gain : e-/ADU or None;  bad : bool array, where pixels are bad, or None
    """

    def __init__(self, pixels, sources, radius_px, gain=None, bad=None):
        pixels = np.asarray(pixels, dtype=np.float32)
        if bad is not None and bad.shape != pixels.shape:
            bad = None
        if bad is not None:
            pixels = masking.filled(pixels, bad)
        self.shape, self.radius_px, self.gain = pixels.shape, float(radius_px), gain
        self.inner = max(2 * self.radius_px, self.radius_px + 4)
        self.half = int(np.ceil(self.inner + RING_PX)) + 1
        # beyond the edge there is nothing to measure; sky pixels near it are
        self._padded = np.pad(pixels, self.half, constant_values=np.nan)
        x, y, reach = (np.asarray(values, dtype=float) for values in sources)
        occupied = within(self.shape, x - 1, y - 1, reach)
        self._occupied = np.pad(occupied if bad is None else occupied | bad, self.half, constant_values=True)
        self._empty = None  # measured when first needed

    def measure(self, x_px, y_px):
        """Return the Forced measurement at a place (FITS pixels).

        Raises PipelineError where the aperture leaves the image or holds no values, or where there
        is no room for empty places.
        """
        rows, columns = self.shape
        if not (0 <= x_px <= columns + 1 and 0 <= y_px <= rows + 1):
            raise PipelineError(OUTSIDE)
        column, row = int(round(x_px)), int(round(y_px))
        weights, ring = self._masks(x_px - column, y_px - row)
        flux = float(self._fluxes(np.array([column]), np.array([row]), weights, ring)[0])
        if not np.isfinite(flux):
            raise PipelineError(OUTSIDE)
        noise, number = self.noise_at(x_px, y_px)
        photons = max(flux, 0.0) / self.gain if self.gain else 0.0
        return Forced(flux, float(np.sqrt(noise**2 + photons)), number)

    def _masks(self, dx, dy):
        """Return (weights, ring): shares of the pixels of a stamp in the aperture, and which of them are sky (bool)."""
        steps = np.arange(-self.half, self.half + 1)
        x, y = steps - dx, steps[:, None] - dy
        distance = np.hypot(x, y)
        return aperture(x, y, self.radius_px), (distance > self.inner) & (distance < self.inner + RING_PX)

    def _fluxes(self, columns, rows, weights, ring):
        """Return the light (ADU) in apertures around pixels (FITS), their local sky taken off: shape (n,)."""
        inside = np.nonzero(weights)
        around = np.nonzero(ring)
        fluxes = np.empty(columns.size)
        for first in range(0, columns.size, 64):  # a ring has thousands of pixels
            part = slice(first, first + 64)
            top, left = rows[part, None] - 1, columns[part, None] - 1  # the padding shifts by half, the stamp too
            values = self._padded[top + inside[0], left + inside[1]].astype(float)
            sky = self._padded[top + around[0], left + around[1]].astype(float)
            taken = self._occupied[top + around[0], left + around[1]]
            taken &= ((~taken & np.isfinite(sky)).sum(axis=1) >= MIN_RING)[:, None]  # else clipping has to do
            sky[taken] = np.nan
            fluxes[part] = values @ weights[inside] - weights.sum() * _clipped_mean(sky)
        return fluxes

    def noise_at(self, x_px, y_px):
        """Return (scatter of the flux at the nearest empty places, ADU; how many there are).  Raises PipelineError.

        The middle of their distribution, times what its tails are wider by over the whole frame, where sources too
        faint to be detected make them so.
        """
        if self._empty is None:
            self._empty = self._measure_empty()
        columns, rows, away, tails = self._empty
        near = np.argsort(np.hypot(columns - x_px, rows - y_px), kind="stable")[:N_NEAR]
        return float(np.percentile(away[near], 50) / NORMAL[50] * tails), int(near.size)

    def _measure_empty(self):
        """Return (columns, rows, |flux - median| in ADU) of the empty places, and by how much tails are wider."""
        columns, rows = self._empty_places()
        fluxes = self._fluxes(columns, rows, *self._masks(0.0, 0.0))
        good = np.isfinite(fluxes)
        if good.sum() < MIN_EMPTY:
            raise PipelineError(f"only {good.sum()} empty places to measure the noise at")
        away = np.abs(fluxes[good] - np.median(fluxes[good]))
        widths = [np.percentile(away, share) / sigma for share, sigma in NORMAL.items()]
        return columns[good], rows[good], away, max(widths) / widths[0]

    def _empty_places(self):
        """Return (columns, rows), FITS pixels, of up to N_EMPTY places whose apertures touch no source."""
        rng = np.random.default_rng(SEED)
        rows, columns = (rng.integers(1, length + 1, 8 * N_EMPTY) for length in self.shape)
        reach = int(np.ceil(self.radius_px)) + 1
        y, x = np.nonzero(np.hypot(*(np.indices((2 * reach + 1,) * 2) - reach)) <= self.radius_px + 1)
        touched = self._occupied[
            rows[:, None] - 1 + self.half + y - reach, columns[:, None] - 1 + self.half + x - reach
        ].any(axis=1)
        return columns[~touched][:N_EMPTY], rows[~touched][:N_EMPTY]


def _clipped_mean(values):
    """Return the mean of each row without outliers and NaN; NaN for rows with fewer than MIN_RING values."""
    with np.errstate(invalid="ignore"):
        enough = np.isfinite(values).sum(axis=1) >= MIN_RING
        values = np.where(enough[:, None], values, 0.0)
        for _ in range(3):
            middle = _medians(values)
            limit = CLIP_SIGMA * SIGMA_PER_MAD * _medians(np.abs(values - middle))
            values = np.where(np.abs(values - middle) <= np.maximum(limit, 1e-12), values, np.nan)
        return np.where(enough, np.nanmean(values, axis=1), np.nan)


def _medians(values):
    """Return the median of each row without its NaN, shape (n, 1); numpy.nanmedian takes four times as long."""
    ordered, number = np.sort(values, axis=1), np.isfinite(values).sum(axis=1, keepdims=True)
    lower, upper = (
        np.take_along_axis(ordered, np.maximum(each, 0), axis=1) for each in ((number - 1) // 2, number // 2)
    )
    return (lower + upper) / 2


def open_frame(frame, radius_px, gain):
    """Return the ForcedFrame of a Frame (frame.py) with its source list next to it.  Raises FrameError."""
    bad = badpixels.read(frame.path.parent) if "COMBO_N" not in frame.header else None  # stacks have no such pixels
    bad = cosmics.joined(frame, bad)
    table = ldac.read(frame.ldac).table
    area, width = (np.asarray(table[name], dtype=float) for name in ("ISOAREA_IMAGE", "FWHM_IMAGE"))
    # wings reach beyond the isophote; twice its radius holds them
    reach = np.maximum(2 * np.sqrt(np.maximum(area, 1) / np.pi), np.clip(width, 2, 20))
    sources = np.asarray(table["XWIN_IMAGE"], dtype=float), np.asarray(table["YWIN_IMAGE"], dtype=float), reach
    return ForcedFrame(frame.read_pixels(), sources, radius_px, gain, bad)
