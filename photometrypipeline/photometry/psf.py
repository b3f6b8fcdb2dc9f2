"""The image of a point source: built from the stars of a frame, fitted to stars that are in the way, taken off.

Built as by Anderson & King (2000, PASP 112, 1360) where there are enough stars, else a Moffat profile; by photutils.
"""

import logging
import warnings
from dataclasses import dataclass

import numpy as np
from astropy.modeling.fitting import TRFLSQFitter
from astropy.nddata import NDData
from astropy.table import Table
from astropy.utils.exceptions import AstropyWarning
from scipy.optimize import least_squares

from photometrypipeline.photometry import noise

log = logging.getLogger("pp.psf")

MOST_STARS = 30  # the PSF is made of; the brightest
WELL_SAMPLED_PX = 3.0  # FWHM; a grid as fine as the pixels does from there on, and is ten times faster
FEWEST_FOR_BUILDING = 8  # with fewer the profile is fitted, not built
FEWEST = 2
CHECK_EVERY = 4  # of the stars, one of so many is left out of the PSF and tells how well it fits
SNR_MIN = 40.0
APART_FWHM = 4.0  # of a PSF star from any other source
REACH_FWHM = 4.0  # to which light is taken off
CORE_FWHM = 1.5  # radius of the pixels that are fitted
BOUND_PX = 0.5  # by which a fit may move a star
GROUP_FWHM = 2.5  # sources so near to each other are fitted together


@dataclass
class Field:
    """What a PSF is fitted to: pixels without sky, their 1-sigma errors, mask (True: not to be used), FWHM in px."""

    pixels: np.ndarray
    errors: np.ndarray
    mask: np.ndarray
    fwhm_px: float


@dataclass
class Fit:
    """PSF model with positions (0-based px), fluxes and their 1-sigma errors (ADU) of the fitted sources.

    The errors are those of the common fit: they grow where sources overlap, since light may belong to one or the other.
    """

    model: object
    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray
    flux_err: np.ndarray


def field_of(image, fwhm_px, gain, saturation):
    """Return the Field of an image (ADU, NaN without value); gain : e-/ADU, None: noise of the sky alone."""
    usable = np.isfinite(image) & (image < (saturation or np.inf))
    flat = np.where(usable, image, np.nanmedian(image))
    pixels = flat - noise.background(flat, usable)
    sigma = noise.empty_sums(flat, 1.0, usable)[1]
    photons = np.clip(pixels, 0, None) / gain if gain else 0.0
    return Field(pixels, np.sqrt(sigma**2 + photons), ~usable, fwhm_px)


def reach_px(fwhm_px):
    """Return the side (odd, px) of the square around a star in which its light is taken off."""
    return 2 * int(np.ceil(REACH_FWHM * fwhm_px)) + 1


def choose_stars(field, x, y, snr, flags, avoid):
    """Return the indices of sources fit for a PSF, brightest first: unflagged, bright, alone, whole.

    x, y : 0-based px, shape (n,);  avoid : (x, y) of the target
    """
    half = reach_px(field.fwhm_px) // 2
    rows, columns = field.pixels.shape
    inside = (x > half + 1) & (y > half + 1) & (x < columns - half - 2) & (y < rows - half - 2)
    distance = np.hypot(x - x[:, None], y - y[:, None])
    np.fill_diagonal(distance, np.inf)
    alone = distance.min(axis=1, initial=np.inf) > APART_FWHM * field.fwhm_px
    away = np.hypot(x - avoid[0], y - avoid[1]) > 2 * APART_FWHM * field.fwhm_px
    good = np.flatnonzero(inside & alone & away & (flags == 0) & (snr > SNR_MIN))
    good = good[np.argsort(-snr[good], kind="stable")]
    whole = [not field.mask[int(y[n]) - half : int(y[n]) + half + 1, int(x[n]) - half : int(x[n]) + half + 1].any()
             for n in good]  # fmt: skip
    return good[np.array(whole, dtype=bool)][:MOST_STARS]


def build(field, x, y):
    """Return the PSF model (photutils) of the stars at x, y (0-based px), shape (n,).  ValueError: too few."""
    from photutils.psf import EPSFBuilder, EPSFStars, MoffatPSF, extract_stars

    if x.size < FEWEST:
        raise ValueError(f"only {x.size} stars are bright and isolated enough for a PSF, {FEWEST} are needed")
    if x.size < FEWEST_FOR_BUILDING:
        start = MoffatPSF(alpha=field.fwhm_px / 1.2, beta=3.0)
        start.alpha.fixed = start.beta.fixed = False
        fits = fit(field, start, x, y, side=reach_px(field.fwhm_px), table=True)
        log.info("PSF: Moffat profile, mean of %d stars", x.size)
        return MoffatPSF(alpha=float(np.median(fits["alpha_fit"])), beta=float(np.median(fits["beta_fit"])))
    side = reach_px(field.fwhm_px) + 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        stars = extract_stars(NDData(field.pixels), Table({"x": x, "y": y}), size=(side, side))
        builder = EPSFBuilder(oversampling=1 if field.fwhm_px > WELL_SAMPLED_PX else 2, maxiters=5, progress_bar=False)
        model = builder(EPSFStars(list(stars.all_stars)))[0]
    log.info("PSF: built from %d stars", x.size)
    return model


def fit(field, model, x, y, side=None, table=False):
    """Return the Fit of `model` to sources at about x, y (0-based px), near ones together; flux NaN where it fails."""
    from photutils.psf import PSFPhotometry, SourceGrouper

    side = side or 2 * int(np.ceil(CORE_FWHM * field.fwhm_px)) + 1
    photometry = PSFPhotometry(
        model,
        (side, side),
        grouper=SourceGrouper(GROUP_FWHM * field.fwhm_px),
        fitter=TRFLSQFitter(),
        xy_bounds=BOUND_PX,
        aperture_radius=field.fwhm_px,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what did not converge is seen in its numbers
        found = photometry(
            field.pixels,
            mask=field.mask,
            error=field.errors,
            init_params=Table({"x": np.asarray(x), "y": np.asarray(y)}),
        )
    if table:
        return found
    return Fit(model, *(np.asarray(found[name], dtype=float) for name in ("x_fit", "y_fit", "flux_fit", "flux_err")))


def fit_around(field, model, x, y, target):
    """Return the Fit of stars at known places x, y (0-based px) and, as its last source, of the target among them.

    target : (x, y) about where it is; it may move by BOUND_PX, the stars do not: where both overlap, places and fluxes
    would take each other's part.  Fluxes follow linearly from the places (Golub & Pereyra 1973, SIAM J. Num. Anal. 10,
    413); their errors contain that of the target's place.
    """
    rows, columns = np.indices(field.pixels.shape)
    near = np.zeros(field.pixels.shape, dtype=bool)
    for place in (*zip(x, y, strict=True), target):
        near |= np.hypot(columns - place[0], rows - place[1]) < CORE_FWHM * field.fwhm_px
    near &= ~field.mask
    across, up, weight = columns[near], rows[near], 1 / field.errors[near]
    data, extra = field.pixels[near] * weight, shape_of(model)

    def profiles(place):
        places = [*zip(x, y, strict=True), place]
        return np.column_stack([model.evaluate(across, up, 1.0, *each, *extra) * weight for each in places])

    def misfit(place):
        shapes = profiles(place)
        return data - shapes @ np.linalg.lstsq(shapes, data, rcond=None)[0]

    bounds = [value - BOUND_PX for value in target], [value + BOUND_PX for value in target]
    place = least_squares(misfit, target, bounds=bounds, diff_step=1e-3 / max(1.0, *np.abs(target))).x
    shapes = profiles(place)
    flux = np.linalg.lstsq(shapes, data, rcond=None)[0]
    moved = [profiles(place + step)[:, -1] - profiles(place - step)[:, -1] for step in np.identity(2) * 0.05]
    jacobian = np.column_stack([shapes, *(each / 0.1 * flux[-1] for each in moved)])
    error = np.sqrt(np.diag(np.linalg.pinv(jacobian.T @ jacobian)))[: flux.size]
    return Fit(model, np.append(x, place[0]), np.append(y, place[1]), flux, error)


def light(fitted, which, shape, fwhm_px):
    """Return an image (ADU, `shape`) of the fitted sources with the indices `which`, out to REACH_FWHM."""
    image, half = np.zeros(shape), reach_px(fwhm_px) // 2
    for n in which:
        if not (np.isfinite(fitted.flux[n]) and fitted.flux[n] > 0):
            continue
        rows = np.arange(max(0, round(fitted.y[n]) - half), min(shape[0], round(fitted.y[n]) + half + 1))
        columns = np.arange(max(0, round(fitted.x[n]) - half), min(shape[1], round(fitted.x[n]) + half + 1))
        if rows.size and columns.size:
            across, up = np.meshgrid(columns, rows)
            one = fitted.model.evaluate(across, up, fitted.flux[n], fitted.x[n], fitted.y[n], *shape_of(fitted.model))
            image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += one
    return image


def shape_of(model):
    """Return the parameters (list) of a model beyond flux and place."""
    return [getattr(model, name).value for name in model.param_names if name not in ("flux", "x_0", "y_0")]


def check(field, model, x, y):
    """Return (bias, scatter) of the light that stars leave in apertures of one FWHM, as shares of their flux."""
    fitted = fit(field, model, x, y)
    left = field.pixels - light(fitted, range(x.size), field.pixels.shape, field.fwhm_px)
    rows, columns = np.indices(left.shape)
    shares = []
    for n in np.flatnonzero(np.isfinite(fitted.flux) & (fitted.flux > 0)):
        near = np.hypot(columns - fitted.x[n], rows - fitted.y[n]) < field.fwhm_px
        shares.append(left[near].sum() / fitted.flux[n])
    return (float(np.mean(shares)), float(np.std(shares))) if shares else (np.nan, np.nan)
