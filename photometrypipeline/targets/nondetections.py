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
from photometrypipeline.targets import observed

log = logging.getLogger("pp.nondetections")

LEGEND = "rows behind # that end with 'not detected' hold forced photometry: mag and inst_mag are 3-sigma limits"


def measure(matcher, number, lacking, method, offset_arcsec=(0.0, 0.0)):
    """Return {target name: Row} of forced photometry in frame `number` for the Targets `lacking` there.

    matcher : targetmatch.Matcher of the data set;  method : how magnitudes are measured (`photmode`)
    What cannot be measured is left out, and told in LOG.
    """
    each, found = matcher.measured[number], {}
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


def _words(each, target, light, others, limit, radius_px):
    words = f"{NOT_DETECTED}: {light.flux:.1f} +- {light.flux_err:.1f} ADU at the predicted place"
    if np.isfinite(limit):
        words += f", fainter than {limit:.2f} mag (3 sigma{'' if each.magnitude_columns else ', instrumental'})"
    else:
        words += f", {others:.0f} of them from stars: no limit"
    sigma = target.sigma_arcsec.get(each.frame.name)
    if sigma and max(sigma) > radius_px * each.frame.number("SECPIXX"):
        words += f'; the place is uncertain by {max(sigma):.1f}"'
    return words
