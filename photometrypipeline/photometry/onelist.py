"""One extraction of a frame for two steps: all that the photometry wants is measured before the frame is registered.

The registration takes the sources above its own threshold.  Nothing that is measured in pixels knows of the WCS; places
on the sky follow from it, once it is known.
"""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from photometrypipeline.base.attempts import attempt
from photometrypipeline.base.errors import PipelineError
from photometrypipeline.frames import ldac, wcskeywords
from photometrypipeline.frames.frame import printable
from photometrypipeline.sky import sphere

log = logging.getLogger("pp.onelist")

WORK = ".diagnostics"  # where lists lie until the aperture is chosen
SUFFIX = ".growth.ldac"
THRESHOLD = "SEXATHLD"  # card of Source Extractor: the analysis threshold, ADU above the sky
APERTURES = ("FLUX_APER", "FLUXERR_APER", "MAG_APER", "MAGERR_APER")


def path_of(frame: Any, folder: Path) -> Path:
    """Return the Path of the list of a Frame with all apertures, in the data set in `folder`."""
    (folder / WORK).mkdir(exist_ok=True)
    return folder / WORK / f"{frame.stem}{SUFFIX}"


def suits(registration: Any, photometry: Any) -> bool:
    """Return whether sources for the registration are among those for the photometry, both options of extractions."""
    alike = registration.nodeblending == photometry.nodeblending and photometry.kernel is None
    return alike and registration.snr >= photometry.snr and registration.minarea >= photometry.minarea


@dataclass
class Lists:
    """Lists of frames that are measured before they are registered.

    registration, photometry : options of the two extractions, the latter with the radii that are measured
    one : function of (frames, bad, losses) that measures Frames, returns {Frame: (path, width of its rings)}
    mask : begins to look for bad pixels, returns what sequencemask.beforehand does
    bad : where pixels are bad (bool), which were filled, or None;  masks : {digest: badpixels.Found}
    ready : {frame name: path}, whose last aperture is the registration's own;  lost : names of frames that failed
    tried : whether they have been measured;  both : whether they serve the photometry as well
    """

    registration: Any
    photometry: Any
    one: Callable
    mask: Callable
    bad: np.ndarray | None = None
    masks: dict = field(default_factory=dict)
    ready: dict = field(default_factory=dict)
    lost: set = field(default_factory=set)
    tried: bool = False
    both: bool = True

    def measure(self, frames: list, losses: Any) -> None:
        """Measure Frames, once; those that fail go to `losses`.  None is ready where one list cannot serve both steps.

        The first and the middle frame tell how wide stars are, before bad pixels are told.
        """
        if self.tried:  # by a first registration: what failed then is tried by itself
            self.lost = set()
            return
        self.tried = True
        bad_pixels = self.mask()
        first = [frames[k] for k in sorted({0, len(frames) // 2})]
        if self._measure(first, None, losses) or not self.ready:
            log.info("stars are rings, or cannot be measured: each step looks for sources by itself")
            self.remove()
            return
        found, self.masks = bad_pixels(list(self.ready.values()))
        if found is None:
            log.info("which pixels are bad depends on how the sky moves: the photometry looks for sources by itself")
            self.both = False
            return
        self.bad = found.mask > 0 if found.number else None
        left = [frame for frame in frames if self.bad is not None or frame not in first]
        self._measure([frame for frame in left if frame.name not in self.lost], self.bad, losses)

    def _measure(self, frames: list, bad: np.ndarray | None, losses: Any) -> bool:
        """Measure Frames; return whether the stars of any are rings, which are left to each step."""
        done = self.one(frames, bad, losses)
        self.lost |= {frame.name for frame in frames if frame not in done}
        for frame in frames:
            self.ready.pop(frame.name, None)
        self.ready |= {frame.name: path for frame, (path, ring_px) in done.items() if not ring_px}
        return any(ring_px for _, ring_px in done.values())

    @property
    def threshold(self) -> list[float]:
        """Threshold (sigma) and smallest area (px) of the sources in them."""
        return [float(self.photometry.snr), float(self.photometry.minarea)]

    def of_registration(self, frame: Any) -> ldac.SourceList | None:
        """Return the SourceList of a Frame for the registration, None without."""
        sources = attempt(ldac.read, self.ready[frame.name]) if frame.name in self.ready else None
        if sources is None or isinstance(sources, PipelineError):
            return None
        factor = self.registration.snr / self.photometry.snr
        return one_aperture(above(sources, factor, self.registration.minarea), -1)

    def of_photometry(self, frame: Any, options: Any, bad: np.ndarray | None) -> Path | None:
        """Return the path of the list of a Frame if it was measured with `options` and without `bad` pixels."""
        filled = bad is self.bad or (bad is not None and self.bad is not None and np.array_equal(bad, self.bad))
        same = filled and options == self.photometry
        return self.ready.get(frame.name) if same and self.both else None

    def remove(self) -> None:
        """Remove the lists that are left."""
        for path in self.ready.values():
            path.unlink(missing_ok=True)
        self.ready = {}


def above(sources: ldac.SourceList, factor: float, min_area_px: float) -> ldac.SourceList:
    """Return those of a SourceList that have `min_area_px` above `factor` times the threshold they were found at.

    The area above it follows from that above the first threshold and from the peak, by the profile of a Gaussian.
    """
    first = sources.header.get(THRESHOLD)
    if not isinstance(first, int | float) or not first > 0:
        return sources
    peak, area = (np.asarray(sources.table[name], dtype=float) for name in ("FLUX_MAX", "ISOAREA_IMAGE"))
    with np.errstate(divide="ignore", invalid="ignore"):
        smaller = area * np.log(peak / (factor * first)) / np.log(peak / first)
    return sources.select((peak > factor * first) & ((area if factor == 1 else smaller) >= min_area_px))


def one_aperture(sources: ldac.SourceList, index: int) -> ldac.SourceList:
    """Return a SourceList with several apertures, changed to hold the one with that index."""
    for name in APERTURES:
        values = sources.table[name]
        if values.ndim > 1:
            sources.table[name] = values[:, index]
    return sources


def describe(sources: ldac.SourceList, frame: Any) -> None:
    """Let the cards of Source Extractor in a list tell of the image and of the one aperture that it holds now."""
    header, told = sources.header, {"FITSFILE": printable(frame.name), "SEXAPED1": 2 * float(frame.header["APRAD"])}
    told |= {f"SEXAPED{number}": 0.0 for number in (2, 3, 4)}
    with contextlib.suppress(ValueError):
        wcs, (nx, ny) = wcskeywords.wcs_of(frame.header), frame.size_px
        told["SEXPXSCL"] = float(_scale_deg(wcs, np.array([(nx + 1) / 2]), np.array([(ny + 1) / 2]))[0]) * 3600
    for name in told.keys() & set(header):
        at, comment = header.index(name), header.comments[name]
        del header[name]  # a card of the same number keeps its form, which differs with what was there before
        header.insert(at, (name, told[name], comment))


def placed(sources: ldac.SourceList, header: Any) -> ldac.SourceList:
    """Return a SourceList, changed to have the `header` of its image as it is now, and the places by its WCS.

    The cards that Source Extractor has added stay.  Without a WCS that can be read, places stay as well.
    """
    own = [card for card in sources.header.cards if card.keyword not in header]
    sources.header = header.copy()
    sources.header.extend(own, strip=False)
    return put_places(sources, header)


def put_places(sources: ldac.SourceList, header: Any) -> ldac.SourceList:
    """Return a SourceList, changed to have places by the WCS of a header; without one that can be read they stay."""
    try:
        wcs = wcskeywords.wcs_of(header)
    except ValueError:
        return sources
    table = sources.table
    x, y = (np.asarray(table[name], dtype=float) for name in ("XWIN_IMAGE", "YWIN_IMAGE"))
    ra, dec = wcs.all_pix2world(x, y, 1)
    table["XWIN_WORLD"], table["YWIN_WORLD"] = np.mod(ra, 360.0), dec
    if "FWHM_WORLD" in table.colnames:
        width = np.asarray(table["FWHM_IMAGE"], dtype=float) * _scale_deg(wcs, x, y)
        table["FWHM_WORLD"] = width.astype(np.float32)
    return sources


def _scale_deg(wcs: Any, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the size (deg) of a pixel at each place, the root of its area on the sky."""
    right, left, upper, lower = (
        wcs.all_pix2world(x + dx, y + dy, 1) for dx, dy in ((0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5))
    )
    across, along = (
        (sphere.ra_difference_deg(one[0], other[0]) * np.cos(np.radians(one[1])), one[1] - other[1])
        for one, other in ((right, left), (upper, lower))
    )
    return np.sqrt(np.abs(across[0] * along[1] - across[1] * along[0]))
