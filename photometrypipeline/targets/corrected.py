"""Rows of a light curve with the light that was measured at the target's place: which method counts, and what does not.

The aperture is the method; PSF times trail takes over where it cannot serve: pixels are bad, a neighbour stands within
a FWHM, or most light in it belongs to others.
"""

import logging
from dataclasses import dataclass

import numpy as np

from photometrypipeline.frames.rows import OUTSIDE, STORED
from photometrypipeline.sky import sphere
from photometrypipeline.targets import observed

log = logging.getLogger("pp.corrected")

APERTURE, PSF = "APER", "PSF"
MASKED_FLAG = 0.02  # share of the target's light on bad pixels with which the aperture does not serve
MASKED_REJECT = 0.35  # the same with which nothing does
BLEND_FWHM = 1.0  # a neighbour so near is parted by the PSF alone
CROWDED = 0.3  # neighbours' light in the aperture over the target's, from which the PSF serves better
DETECTED_SIGMA = 5.0
SCENE_LIMIT = 0.2  # share of the target's light by which its neighbours may be uncertain
NEAREST = 5  # sources that tell the zeropoint at a place
PLACE_SIGMA = 5.0
PLACE_FWHM = 0.25  # a target that is nearer to its place is there
PLACE_ERROR_FWHM = 0.03


def chosen_method(light, method):
    """Return APERTURE or PSF for a Light; `method` is what was asked for."""
    if method == PSF or light.masked_fraction > MASKED_FLAG:
        return PSF
    if light.nearest_fwhm < BLEND_FWHM or light.neighbour_fraction > CROWDED:
        return PSF
    return APERTURE


def doubt(light, place, scale_arcsec, fwhm_px, psf):
    """Return why a Light does not count (str), "" if it does.

    place : places.Place;  scale_arcsec : of a pixel;  psf : whether it was measured by the PSF
    """
    if light.masked_fraction > MASKED_REJECT:
        return f"{100 * light.masked_fraction:.0f} % of its light falls on bad pixels"
    flux, err, scene = (
        (light.psf_flux, light.psf_flux_err, light.psf_scene_err)
        if psf
        else (light.flux, light.flux_err, light.scene_err)
    )
    if not flux > 0:
        return "no light at its place"
    if scene > SCENE_LIMIT * flux and scene > err:
        words = f"{100 * scene / flux:.0f} % of its light may belong to stars next to it"
        return f'{words}, the nearest {light.nearest_fwhm * fwhm_px * scale_arcsec:.1f}" away'
    return off_place(light, place, scale_arcsec, fwhm_px)


def off_place(light, place, scale_arcsec, fwhm_px):
    """Return in words how far the light is from where the other frames have the target, "" where it is there."""
    if not place.confirmed or place.by_source or not np.isfinite(light.place_err):
        return ""
    away_px, own = np.hypot(light.dx, light.dy), light.place_err / np.sqrt(2)
    known = np.nan_to_num(place.sigma_arcsec) / scale_arcsec
    sigma = np.sqrt(own**2 + known**2 + (PLACE_ERROR_FWHM * fwhm_px) ** 2)
    if away_px <= max(PLACE_SIGMA * sigma, PLACE_FWHM * fwhm_px):
        return ""
    return (
        f'its light is {away_px * scale_arcsec:.2f}" from where the other frames have it ({away_px / sigma:.0f} sigma)'
    )


def detected(light, place, scale_arcsec, fwhm_px):
    """Return whether a Light at a place without a source of its own is the target."""
    err = np.hypot(light.psf_flux_err, light.psf_scene_err)
    seen = light.psf_flux > DETECTED_SIGMA * err and light.flux > 0 and light.masked_fraction <= MASKED_REJECT
    return bool(place.confirmed and seen and not doubt(light, place, scale_arcsec, fwhm_px, True))


def add_zeropoint(row, each):
    """Fill in what the nearest sources have of the zeropoint and its errors at the place of a Row; returns it (mag)."""
    columns, table = each.magnitude_columns, each.table
    if not columns or not len(table):
        return np.nan
    apart = np.hypot(np.asarray(table["XWIN_IMAGE"]) - row.x_px, np.asarray(table["YWIN_IMAGE"]) - row.y_px)
    near = np.argsort(apart)[:NEAREST]
    for name in table.colnames:
        if name.startswith("err_") and name in STORED:
            setattr(row, name, _median(np.asarray(table[name], dtype=float)[near]))
    observed.by_sunlight(row)
    zp = np.asarray(table[columns[0]], dtype=float) - np.asarray(table["MAG_APER"], dtype=float)
    return _median(zp[near])


def _median(values):
    values = values[np.isfinite(values)]
    return float(np.median(values)) if values.size else np.nan


def fill(row, light, method, zp):
    """Put a Light into a Row: magnitude by `method`, and all that is known of it; zp : mag, NaN without zeropoint."""
    inst, source, scene = light.mag(psf=method == PSF)
    inst_psf, source_psf, scene_psf = light.mag(psf=True)
    shape = light.psf_err_mag
    calibrated = row.calibrated and np.isfinite(zp)
    row.method, row.inst = method, inst
    row.e_inst = float(np.sqrt(source**2 + scene**2 + shape**2))
    row.mag, row.sig = inst, row.e_inst
    row.mag_psf, row.err_mag_psf = inst_psf, float(np.hypot(source_psf, scene_psf))
    row.err_source, row.err_scene, row.err_psf = source, scene, shape
    row.err_frame = row.e_inst
    if calibrated:
        row.mag, row.mag_psf = inst + zp, inst_psf + zp
        row.sig = float(np.hypot(row.e_inst, np.nan_to_num(row.zp_sig_mag)))
        zp_err = row.err_zp_frame if np.isfinite(row.err_zp_frame) else row.err_zeropoint
        row.err_frame = float(np.hypot(row.e_inst, np.nan_to_num(zp_err)))
    row.err_total = float(np.hypot(row.e_inst, np.nan_to_num(row.err_zeropoint)))
    row.trail_correction_mag = 0.0 if method == PSF else light.trail_correction_mag
    row.neighbour_fraction, row.masked_fraction = light.neighbour_fraction, light.masked_fraction


@dataclass(frozen=True)
class Asked:
    """What was asked for: method of the magnitudes (APERTURE or PSF), offset that predictions have been given, arcsec.

    strict : a row counts only where its light is the target's; if not, doubtful sources keep their own magnitudes
    spared : reasons of rejection that stand whatever was measured
    """

    method: str = APERTURE
    offset_arcsec: tuple = (0.0, 0.0)
    strict: bool = True
    spared: tuple = ()


def correct(row, each, light, place, exposure, asked):
    """Put a Light into a Row with a source of its own; the Row is rejected where the light does not count."""
    scale = each.frame.number("SECPIXX")
    used = chosen_method(light, asked.method)
    reason = doubt(light, place, scale, exposure.fwhm_px, used == PSF)
    away = sphere.separation_deg(row.ra_deg, row.dec_deg, place.ra_deg, place.dec_deg) * 3600
    if not asked.strict and (reason or away > exposure.fwhm_px * scale):
        return
    if np.isfinite(light.mag(psf=used == PSF)[0]):
        fill(row, light, used, row.mag - row.inst if row.calibrated else np.nan)
        if light.n_struck:
            log.info("%s: %s measured without %d pixels that a cosmic ray hit", row.frame, row.target, light.n_struck)
            put_to(row, each, light, place, exposure.fwhm_px * scale)
    if reason and not row.reason:
        row.reason = reason
        log.info("%s: %s rejected: %s", row.frame, row.target, reason)


def put_to(row, each, light, place, fwhm_arcsec):
    """Give a Row the place and the width of a Light, not those of a source of the list."""
    x, y = (float(axis[0]) for axis in each.wcs.all_world2pix([place.ra_deg], [place.dec_deg], 0, quiet=True))
    ra, dec = (float(axis[0]) for axis in each.wcs.all_pix2world([x + light.dx], [y + light.dy], 0))
    row.ra_deg, row.dec_deg, row.x_px, row.y_px = ra % 360, dec, x + light.dx + 1, y + light.dy + 1
    row.fwhm_arcsec = fwhm_arcsec
    row.distance_arcsec = float(np.hypot(light.dx, light.dy) * each.frame.number("SECPIXX"))


def rescued(target, each, light, place, exposure, asked):
    """Return the Row of a target without a source of its own, None where its light is not detected."""
    scale = each.frame.number("SECPIXX")
    if not asked.strict or not detected(light, place, scale, exposure.fwhm_px):
        return None
    row = observed.frame_facts(each, target, asked.method, asked.offset_arcsec)
    put_to(row, each, light, place, exposure.fwhm_px * scale)
    row.flags = 0
    row.contamination = float(np.clip(light.neighbour_fraction / (1 + light.neighbour_fraction), 0, 1))
    fill(row, light, chosen_method(light, asked.method), add_zeropoint(row, each))
    if not observed.complete(row):
        return None
    log.info("%s: %s measured where it has no source of its own", row.frame, target.name)
    return row


def apply(outcome, measured, rows, asked):
    """Put what was measured into the Rows ({target name: list}), in place; rescued Rows replace rejected ones.

    outcome : measuring.Outcome;  measured : list of targets.Measured
    """
    order = {each.frame.name: number for number, each in enumerate(measured)}
    for track in outcome.tracks:
        own = {row.frame: row for row in rows[track.target.name]}
        for number in track.numbers:
            each, light = measured[number], outcome.lights.get((track.target.name, number))
            name, row = each.frame.name, own.get(each.frame.name)
            if light is None or (row and row.reason == OUTSIDE):
                continue
            exposure, place = outcome.exposures[number], track.places[name]
            if row is not None and (row.accepted or row.reason in asked.spared):
                correct(row, each, light, place, exposure, asked)
                continue
            found = rescued(track.target, each, light, place, exposure, asked)
            if found is not None:
                found.probability = row.probability if row else np.nan
                own[name] = found
        rows[track.target.name] = sorted(own.values(), key=lambda row: order[row.frame])
