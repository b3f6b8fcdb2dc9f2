"""Targets that were not detected: how much light there is at their places, and how faint they have to be for that.

What comes out are Rows as of detected targets, which never count as detections: their place is the predicted one, their
magnitude three times the noise.
"""

import logging

import numpy as np

from photometrypipeline.base.errors import PipelineError
from photometrypipeline.frames.rows import NOT_DETECTED
from photometrypipeline.instruments import headers
from photometrypipeline.instruments.dataset import telescope_of
from photometrypipeline.photometry import forced
from photometrypipeline.sky import rounding
from photometrypipeline.targets import corrected, observed

log = logging.getLogger("pp.nondetections")

LEGEND = "rows behind # that are 'not detected' hold forced photometry: mag and inst_mag are 3-sigma limits"


def measure(matcher, number, lacking, method, offset_arcsec=(0.0, 0.0), outcome=None):
    """Return {target name: Row} of forced photometry in frame `number` for the Targets `lacking` there.

    matcher : targetmatch.Matcher of the data set;  method : how magnitudes are measured (`photmode`)
    outcome : measuring.Outcome, whose Lights tell what is at their places once neighbours are off
    What cannot be measured is left out, and told in LOG.
    """
    each, found = matcher.measured[number], {}
    lights = {target.name: outcome.lights.get((target.name, number)) if outcome else None for target in lacking}
    for target in [target for target in lacking if lights[target.name] is not None]:
        row = observed.frame_facts(each, target, method, offset_arcsec)
        exposure = outcome.exposures[number]
        _place(row, each, target, exposure.radius_px, matcher.stars.fwhm_arcsec[number])
        _add_measured(row, each, target, lights[target.name], exposure)
        found[target.name] = row
    return found | _by_aperture(matcher, number, [t for t in lacking if lights[t.name] is None], method, offset_arcsec)


def _place(row, each, target, radius_px, fwhm_arcsec):
    place = target.places[each.frame.name]
    row.x_px, row.y_px = (float(axis[0]) for axis in each.wcs.all_world2pix(*([v] for v in place), 1, quiet=True))
    row.aprad_px, row.fwhm_arcsec = radius_px, fwhm_arcsec


def _add_measured(row, each, target, light, exposure):
    """Fill in a measure.Light; its error has the noise of empty places around and what neighbours leave."""
    noise = light.noise if np.isfinite(light.noise) else light.flux_err
    photons = max(light.flux, 0.0) / exposure.gain if exposure.gain else 0.0
    err = float(np.sqrt(noise**2 + light.scene_err**2 + photons))
    row.detected = False
    row.forced_flux, row.forced_err, row.others_flux = light.flux, err, light.neighbour_flux
    row.neighbour_fraction, row.masked_fraction = np.nan, light.masked_fraction
    zp = corrected.add_zeropoint(row, each) if row.calibrated else 0.0
    limit = -2.5 * np.log10(forced.DETECTION_SIGMA * np.hypot(noise, light.scene_err)) + light.offset_mag
    row.inst_limit = float(limit) if light.masked_fraction <= corrected.MASKED_REJECT else np.nan
    row.forced_mag = -2.5 * np.log10(light.flux) + light.offset_mag + zp if light.flux > 0 else np.nan
    row.mag_limit = row.inst_limit + zp
    words = f"{NOT_DETECTED}: {_adu(light.flux, err)} ADU at the predicted place"
    if light.neighbour_flux > noise:
        words += f" without the {light.neighbour_flux:.0f} of stars"
    row.reason = _told(words, each, target, row.mag_limit, exposure.radius_px, "bad pixels are in the way")


def _by_aperture(matcher, number, lacking, method, offset_arcsec):
    """Return {target name: Row} of Targets in a frame that has no more than its source list."""
    each, found = matcher.measured[number], {}
    if not lacking:
        return found
    try:
        telescope = telescope_of(each.frame)
        radius = float(each.frame.header.get("APRAD") or telescope.aprad_default)
        pixels = forced.open_frame(each.frame, radius, headers.gain_e_adu(each.frame, telescope))
    except PipelineError as error:
        log.warning("%s: no limit for what was not detected: %s", each.frame.name, error)
        return found
    for target in lacking:
        place = target.places[each.frame.name]
        x, y = (float(value) for value in each.wcs.all_world2pix(*place, 1, quiet=True))
        try:
            light = pixels.measure(x, y)
        except PipelineError as error:
            log.warning("%s: no limit for %s: %s", each.frame.name, target.name, error)
            continue
        others = matcher.light_at(target, number, place)
        row = observed.frame_facts(each, target, method, offset_arcsec)
        _add_light(row, each, target, light, others, radius)
        row.x_px, row.y_px, row.aprad_px, row.fwhm_arcsec = x, y, radius, matcher.stars.fwhm_arcsec[number]
        found[target.name] = row
    return found


def _add_light(row, each, target, light, others, radius_px):
    """Fill in one Forced measurement; without a limit where others' light is as strong as the noise."""
    zp = row.zp_mag if row.calibrated else 0.0
    row.detected = False
    row.forced_flux, row.forced_err, row.others_flux = light.flux, light.flux_err, others
    row.inst_limit = light.inst_limit if others < light.flux_err else np.nan
    row.forced_mag, row.mag_limit = light.inst + zp, row.inst_limit + zp
    row.reason = _words(each, target, light, others, row.mag_limit, radius_px)


def _adu(flux, error):
    digits = rounding.decimals(error, 1)
    return f"{flux:.{digits}f} +- {error:.{digits}f}"


def _words(each, target, light, others, limit, radius_px):
    words = f"{NOT_DETECTED}: {_adu(light.flux, light.flux_err)} ADU at the predicted place"
    return _told(words, each, target, limit, radius_px, f"{others:.0f} of them from stars")


def _told(words, each, target, limit, radius_px, why_not):
    """Return `words` with the limit, or why there is none, and whether the place is uncertain."""
    if np.isfinite(limit):
        words += f", fainter than {limit:.2f} mag (3 sigma{'' if each.magnitude_columns else ', instrumental'})"
    else:
        words += f", {why_not}: no limit"
    sigma = target.sigma_arcsec.get(each.frame.name)
    if sigma and max(sigma) > radius_px * each.frame.number("SECPIXX"):
        words += f'; the place is uncertain by {max(sigma):.1f}"'
    return words
