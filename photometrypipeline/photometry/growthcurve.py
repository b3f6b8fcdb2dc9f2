"""The curve of growth: how flux and S/N of target and stars depend on the aperture radius, and which one to take.

After Mommert (2017, Astronomy and Computing 18, 47).
"""

from dataclasses import dataclass

import numpy as np

N_RADII = 20
N_BACKGROUND = 50  # sources per frame
ENOUGH = 5  # good sources, which need no others beside them
GOOD_SNR = 20.0  # sources that are tried first have at least this


@dataclass(frozen=True)
class Curve:
    """Normalised curves over the radii: `flux`, its standard error `sigma`, and `snr`, each shape (n_radii,)."""

    flux: np.ndarray
    sigma: np.ndarray
    snr: np.ndarray


@dataclass(frozen=True)
class Aperture:
    """The chosen aperture: `radius_px`, its `index` among the radii, and why (`strategy`, a sentence)."""

    radius_px: float
    index: int
    strategy: str
    met_limit: bool


def radii_px(aprad_range):
    """Return the 20 radii (px) between and including the two of `aprad_range`, rounded to 2 decimals.

    They are rounded before they are measured: the aperture that is chosen is then exactly one of those in the list.
    """
    return np.round(np.linspace(*aprad_range, N_RADII), 2)


def normalise(flux, flux_err):
    """Return (flux, snr) curves of sources, each divided by its largest value; rows without sense are left out.

    flux, flux_err : shape (n_sources, n_radii), counts
    A source with NaN, or without any positive flux (it would turn the curve upside down), is dropped.
    """
    flux, flux_err = np.atleast_2d(flux).astype(float), np.atleast_2d(flux_err).astype(float)
    sound = np.isfinite(flux).all(axis=1) & np.isfinite(flux_err).all(axis=1) & (flux_err > 0).all(axis=1)
    sound &= flux.max(axis=1, initial=-np.inf) > 0
    flux, snr = flux[sound], flux[sound] / flux_err[sound]
    return flux / flux.max(axis=1, keepdims=True), snr / snr.max(axis=1, keepdims=True)


def background_sources(flux_aper, flux_err, flags, exclude=None):
    """Return the indices of up to 50 sources that stand for the point spread function, the good ones first.

    flux_aper, flux_err : shape (n, n_radii);  flags : shape (n,), of Source Extractor;  exclude : index of the target

    Unflagged sources with S/N above 20, brightest first, and only where there are fewer than 5 of these the others with
    FLAGS <= 3: the brightest are least disturbed by noise, which turns the curves of faint ones down far out, while
    saturated ones have another profile.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        snr = np.nanmax(np.where(np.asarray(flux_err) > 0, flux_aper / flux_err, np.nan), axis=1, initial=-np.inf)
    flags = np.asarray(flags)
    usable = (flags <= 3) & np.isfinite(snr) & (snr > 0)
    if exclude is not None:
        usable[exclude] = False
    good = usable & (flags == 0) & (snr > GOOD_SNR)
    order = np.lexsort((np.arange(flags.size), -snr, ~good))  # good ones first, then by S/N
    wanted = int(good.sum()) if good.sum() >= ENOUGH else N_BACKGROUND
    return order[usable[order]][: min(wanted, N_BACKGROUND)]


def combine(flux_curves, snr_curves):
    """Return the Curve of many sources: medians, and the standard error of the mean flux; None without sources."""
    if not len(flux_curves):
        return None
    flux, snr = np.asarray(flux_curves), np.asarray(snr_curves)
    return Curve(np.median(flux, axis=0), flux.std(axis=0) / np.sqrt(len(flux)), np.median(snr, axis=0))


def choose(radii, target, background, limit=0.7, margin=0.05):
    """Return the Aperture for the curves `target` and `background` (Curve or None; not both None).

    limit : fraction of the flux that has to be inside;  margin : largest difference between both curves

    With both: the smallest radius at which both are above the limit and differ by less than the margin; failing that,
    of those above the limit the one with the least difference.  With one: the smallest radius above the limit.  If none
    is above it, the radius with the most flux inside.
    """
    curves = [curve.flux for curve in (target, background) if curve is not None]
    inside = np.minimum.reduce(curves)
    above = inside > limit
    if not above.any():
        index = int(np.argmax(inside))
        return Aperture(
            float(radii[index]), index, "no radius meets the flux limit; largest flux fraction taken", False
        )
    if len(curves) == 1:
        index = int(np.argmax(above))
        kind = "target" if target is not None else "background"
        return Aperture(float(radii[index]), index, f"smallest {kind} aperture radius that meets the flux limit", True)
    difference = np.abs(curves[0] - curves[1])
    both = above & (difference < margin)
    if both.any():
        index = int(np.argmax(both))
        return Aperture(
            float(radii[index]), index, "target and background above the flux limit, difference within the margin", True
        )
    index = int(np.argmin(np.where(above, difference, np.inf)))
    return Aperture(
        float(radii[index]), index, "target and background above the flux limit, their difference minimal", True
    )
