"""Where a target is in each frame: the prediction and the night's common offset, or the source itself.

A prediction that all frames agree on, but for an offset that they share, tells the place better than the centroid of a
faint source, and does not follow noise, neighbours and bad pixels.
"""

from dataclasses import dataclass

import numpy as np

from photometrypipeline.base.scatter import SIGMA_PER_MAD
from photometrypipeline.frames import exclusions
from photometrypipeline.sky import sphere

WIDTH_PER_SIGMA = 0.45  # error of a centroid: FWHM * WIDTH_PER_SIGMA * relative error of the flux
LEAST_ERROR_FWHM = 0.01
LOOSE_FWHM = 0.12  # a prediction that scatters by more against the sources is worse than they are
ROUGH_FWHM = 0.25  # an ephemeris that is better than that is believed where nothing else tells
CLEAN = 0.05  # share of light from stars with which a source still tells where the target is
LARGEST_ERROR_MAG = 0.25
LEAST_SIGNAL = 8.0  # of light that tells where a target is
SCENE_SHARE = 0.1  # of the neighbours' error over the light, beyond which it does not
FEWEST_TO_CONFIRM = 3
FEWEST_FOR_DRIFT = 6
DRIFT_SIGMA = 5.0
OUTLIER_SIGMA = 5.0


@dataclass
class Place:
    """Where a target is expected: ra_deg, dec_deg, and the error, arcsec per axis.

    confirmed : other frames agree on it, or an ephemeris that is good enough tells it
    by_source : it is that of the frame's own source
    """

    ra_deg: float
    dec_deg: float
    sigma_arcsec: float
    confirmed: bool
    by_source: bool = False


@dataclass
class Sample:
    """Where the light of a target was seen in one frame: arcsec East and North of the prediction, error per axis."""

    east: float
    north: float
    err: float
    fwhm_arcsec: float


def samples_of_rows(rows):
    """Return {frame name: Sample} of Rows whose sources are surely the target and nothing else."""
    return {row.frame: _of_source(row) for row in rows if _tells(row)}


def _tells(row):
    clean = not row.contamination > CLEAN and row.flags <= 1
    counts = row.accepted or row.reason == exclusions.REASON  # taken out by hand: the places of the rest do not move
    return counts and clean and row.e_inst < LARGEST_ERROR_MAG and row.fwhm_arcsec > 0


def _of_source(row):
    east = sphere.ra_difference_deg(row.ra_deg, row.ra_pred_deg) * np.cos(np.radians(row.dec_pred_deg)) * 3600
    north = (row.dec_deg - row.dec_pred_deg) * 3600
    err = row.fwhm_arcsec * np.hypot(WIDTH_PER_SIGMA * row.e_inst, LEAST_ERROR_FWHM)
    return Sample(float(east), float(north), float(err), row.fwhm_arcsec)


def sample_of_light(light, exposure, x, y, prediction):
    """Return the Sample of a measure.Light at x, y (0-based px), None where it does not tell the place.

    prediction : (ra_deg, dec_deg)
    """
    flux, err = light.psf_flux, np.hypot(light.psf_flux_err, light.psf_scene_err)
    off = np.hypot(light.dx, light.dy)
    if not (flux > LEAST_SIGNAL * err and off < exposure.fwhm_px and light.masked_fraction < CLEAN):
        return None
    if light.psf_scene_err > SCENE_SHARE * flux:
        return None
    ra, dec = (float(axis[0]) for axis in exposure.wcs.all_pix2world([x + light.dx], [y + light.dy], 0))
    east = float(sphere.ra_difference_deg(ra, prediction[0])) * np.cos(np.radians(prediction[1])) * 3600
    scale = np.sqrt(abs(np.linalg.det(exposure.wcs.pixel_scale_matrix))) * 3600
    fwhm = exposure.fwhm_px * scale
    own = np.hypot(light.place_err / np.sqrt(2) * scale, light.psf_scene_err / flux * fwhm)
    return Sample(east, (dec - prediction[1]) * 3600, float(np.hypot(own, LEAST_ERROR_FWHM * fwhm)), fwhm)


def of_target(target, measured, samples, settings):
    """Return {frame name: Place} of a Target wherever it has a prediction.

    measured : list of targets.Measured;  samples : {frame name: Sample};  settings : targetmatch.MatchSettings
    """
    frames = [each for each in measured if each.frame.name in target.places]
    names = [each.frame.name for each in frames]
    if not names:
        return {}
    jd = np.array([each.header["obstime"] for each in frames], dtype=float)
    told = np.array([name in samples for name in names])
    if not told.any():
        return {each.frame.name: _by_ephemeris(target, each, settings) for each in frames}
    unknown = Sample(np.nan, np.nan, np.nan, np.nan)
    own = [samples.get(name, unknown) for name in names]
    east, north, err, fwhm = (np.array([getattr(one, key) for one in own]) for key in Sample.__annotations__)
    model, sigma, scatter, good = _common(jd, (east, north), err, told)
    number, loose = int(good.sum()), scatter > LOOSE_FWHM * np.nanmedian(fwhm)
    found = {}
    for n, name in enumerate(names):
        place = target.places[name]
        if told[n] and (loose or number == 1):
            found[name] = _placed(place, east[n], north[n], float(err[n]), False, True)
        else:
            agree = number - int(good[n]) >= FEWEST_TO_CONFIRM - 1 and number >= FEWEST_TO_CONFIRM and not loose
            found[name] = _placed(place, *(axis[n] for axis in model), float(sigma), agree)
    return found


def _by_ephemeris(target, each, settings):
    """Return the Place that nothing but the prediction tells."""
    name, widths = each.frame.name, np.asarray(each.table["FWHM_WORLD"], dtype=float) * 3600
    sigma = target.sigma_arcsec.get(name)
    if sigma is None or not target.has_ephemeris:
        return _placed(target.places[name], 0.0, 0.0, np.nan, False)
    clock = target.rate_arcsec_h.get(name, 0.0) / 3600 * settings.clock_error_s
    total = float(np.hypot(max(sigma), clock))
    fwhm = float(np.median(widths[widths > 0])) if (widths > 0).any() else 0.0
    return _placed(target.places[name], 0.0, 0.0, total, total < ROUGH_FWHM * fwhm)


def _placed(prediction, east, north, sigma, confirmed, by_source=False):
    dec = prediction[1] + north / 3600
    ra = (prediction[0] + east / 3600 / np.cos(np.radians(dec))) % 360
    return Place(float(ra), float(dec), sigma, confirmed, by_source)


def _common(jd, offsets, err, told):
    """Return ((east, north) in all frames, its error per axis, scatter beyond the errors, which count)."""
    good = told.copy()
    for _ in range(3):
        middle = [np.median(axis[good]) for axis in offsets]
        away = np.hypot(*(axis - value for axis, value in zip(offsets, middle, strict=True)))
        spread = max(SIGMA_PER_MAD * np.median(away[good]) / 1.1774, np.median(err[good]))
        good = told & (away < OUTLIER_SIGMA * np.hypot(spread, np.nan_to_num(err)))
        if not good.any():
            good = told.copy()
            break
    model = [np.full(jd.size, np.average(axis[good], weights=1 / err[good] ** 2)) for axis in offsets]
    if good.sum() >= FEWEST_FOR_DRIFT and np.ptp(jd[good]) > 0:
        model = [_with_drift(jd, axis, err, good, flat) for axis, flat in zip(offsets, model, strict=True)]
    left = np.concatenate([(axis - value)[good] for axis, value in zip(offsets, model, strict=True)])
    number = int(good.sum())
    both = np.tile(err[good] ** 2, 2)
    scatter = np.sqrt(max(np.mean(left**2) * number / max(number - 1, 1) - np.mean(both), 0.0))
    sigma = np.sqrt(scatter**2 + 1 / np.sum(1 / err[good] ** 2))
    return model, sigma, scatter, good


def _with_drift(jd, offset, err, good, flat):
    """Return the offset in all frames with a drift in time, where the sources show one; else `flat`."""
    time = jd - jd[good].mean()
    columns = np.column_stack([np.ones(good.sum()), time[good]]) / err[good][:, None]
    inverse = np.linalg.inv(columns.T @ columns)
    level, slope = inverse @ (columns.T @ (offset[good] / err[good]))
    chi2 = np.sum(((offset - level - slope * time)[good] / err[good]) ** 2) / max(good.sum() - 2, 1)
    if abs(slope) > DRIFT_SIGMA * np.sqrt(inverse[1, 1] * max(chi2, 1.0)):
        return level + slope * time
    return flat
