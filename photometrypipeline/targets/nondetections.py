"""Targets that were not detected: how much light there is at their places, and how faint they have to be for that.

What comes out are Rows as of detected targets, which never count as detections: their place is the predicted one, their
magnitude three times the noise.
"""

import logging

import numpy as np

from photometrypipeline.base.errors import PipelineError
from photometrypipeline.frames import results
from photometrypipeline.instruments import headers, telescopes
from photometrypipeline.photometry import forced

log = logging.getLogger("pp.nondetections")

LEGEND = "rows behind # that end with 'not detected' hold forced photometry: mag and inst_mag are 3-sigma limits"


def measure(matcher, number, lacking, method, offset_arcsec=(0.0, 0.0)):
    """Return {target name: Row} of forced photometry in frame `number` for the Targets `lacking` there.

    matcher : targetmatch.Matcher of the data set;  method : how magnitudes are measured (`photmode`)
    What cannot be measured is left out, and told in LOG.
    """
    each, found = matcher.measured[number], {}
    try:
        telescope = telescopes.identify(each.frame.header)
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
        row = _row(each, target, place, (x, y), light, others, matcher.stars.fwhm_arcsec[number], radius)
        row.method, row.offset_arcsec = method, offset_arcsec if target.has_ephemeris else (0.0, 0.0)
        found[target.name] = row
    return found


def _row(each, target, place, pixel, light, others, fwhm_arcsec, radius_px):
    """Return the Row of one Forced measurement; without a limit where others' light is as strong as the noise."""
    columns, origin = each.magnitude_columns, each.header["origin"].split(";")
    zp = each.zeropoint["zp"] if columns else 0.0
    limit = light.inst_limit if others < light.flux_err else np.nan
    manual = len(origin) > 2 and origin[2].endswith("_manual_zp")
    extra = {
        "aprad_px": radius_px,
        "forced_flux": light.flux,
        "forced_err": light.flux_err,
        "forced_mag": light.inst + zp,
        "mag_limit": limit + zp,
        "others_flux": others,
    }
    return results.Row(
        ldac=each.frame.ldac.name,
        frame=each.frame.name,
        jd=each.header["obstime"],
        exptime_s=each.header["exptime"],
        mag=limit + zp,
        sig=0.0,
        inst=limit,
        e_inst=0.0,
        ra_deg=place[0],
        dec_deg=place[1],
        ra_pred_deg=place[0],
        dec_pred_deg=place[1],
        flags=0,
        telescope=origin[0],
        fwhm_arcsec=fwhm_arcsec,
        x=pixel[0],
        y=pixel[1],
        catalog="-" if not columns else "manual_zp" if manual else origin[2],
        band="-" if not columns else each.header["filtername"],
        source=target.source,
        reason=_words(each, target, light, others, limit + zp, radius_px),
        origin=each.header["origin"],
        extra=extra,
    )


def _words(each, target, light, others, limit, radius_px):
    words = f"{results.NOT_DETECTED}: {light.flux:.1f} +- {light.flux_err:.1f} ADU at the predicted place"
    if np.isfinite(limit):
        words += f", fainter than {limit:.2f} mag (3 sigma{'' if each.magnitude_columns else ', instrumental'})"
    else:
        words += f", {others:.0f} of them from stars: no limit"
    sigma = target.sigma_arcsec.get(each.frame.name)
    if sigma and max(sigma) > radius_px * each.frame.number("SECPIXX"):
        words += f'; the place is uncertain by {max(sigma):.1f}"'
    return words
