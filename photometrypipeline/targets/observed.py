"""Rows of a light curve from what is known of a frame, of a target, and of the source that is taken for it."""

import numpy as np

from photometrypipeline.frames.frame import time_error_s
from photometrypipeline.frames.rows import REFLECTED_SHARE, STAR_KINDS, STORED, Row
from photometrypipeline.targets import ensemble


def frame_facts(each, target, method, offset_arcsec=(0.0, 0.0)):
    """Return the Row of a target in a frame with what is known of it without any source.

    each : targets.Measured;  target : targets.Target, expected there;  method : how magnitudes are measured
    offset_arcsec : of the user, which the place of a body with an ephemeris has been given
    """
    origin, name = each.header["origin"].split(";"), each.frame.name
    place, calibrated = target.places[name], bool(each.magnitude_columns)
    manual = len(origin) > 2 and origin[2].endswith("_manual_zp")
    offset = offset_arcsec if target.has_ephemeris else (0.0, 0.0)
    sigma = target.sigma_arcsec.get(name, (np.nan, np.nan))
    zeropoint = each.zeropoint if calibrated else {}
    return Row(
        target=target.name,
        kind=target.kind,
        source=target.source,
        frame=name,
        ldac=each.frame.ldac.name,
        origin=each.header["origin"],
        telescope=origin[0],
        method=method,
        jd=each.header["obstime"],
        exptime_s=each.header["exptime"],
        light_time_s=target.light_time_s.get(name, np.nan),
        time_err_s=time_error_s(each.frame.header) or np.nan,
        airmass=_card(each.frame, "AIRMASS"),
        aprad_px=_card(each.frame, "APRAD") or np.nan,
        band=each.header["filtername"] if calibrated else "-",
        catalog="-" if not calibrated else "manual_zp" if manual else origin[2],
        magsys=each.header["magsys"] or "",
        **{f"{name}_mag": _number(zeropoint.get(name)) for name in ("zp", "zp_sig", "zp_err")},
        ra_pred_deg=place[0],
        dec_pred_deg=place[1],
        sigma_ra_arcsec=sigma[0],
        sigma_dec_arcsec=sigma[1],
        offset_ra_arcsec=offset[0],
        offset_dec_arcsec=offset[1],
    )


def add_source(row, each, match):
    """Fill in the source that a targetmatch.Match names: its magnitude with all errors that are known, its place."""
    source, names = each.table[match.index], each.table.colnames
    row.inst, row.e_inst = float(source[f"MAG_{row.method}"]), float(source[f"MAGERR_{row.method}"])
    row.mag, row.sig = row.inst, row.e_inst
    if each.magnitude_columns:
        row.mag, row.sig = (float(source[name]) for name in each.magnitude_columns)
    for name in names:
        if name.startswith("err_") and name in STORED:
            setattr(row, name, float(source[name]))
    by_sunlight(row)
    ensemble.use_own_color(row, each, source)
    row.ra_deg, row.dec_deg = float(source["ra_deg"]), float(source["dec_deg"])
    row.x_px, row.y_px = float(source["XWIN_IMAGE"]), float(source["YWIN_IMAGE"])
    row.flags, row.fwhm_arcsec = int(source["FLAGS"]), float(source["FWHM_WORLD"]) * 3600
    row.distance_arcsec, row.probability, row.contamination = (
        match.distance_arcsec,
        match.probability,
        match.contamination,
    )


def by_sunlight(row):
    """Give the Row of a body of the Solar System the error that transformations between bands have for sunlight."""
    if row.kind in STAR_KINDS or not np.isfinite(row.err_transformation):
        return
    before, row.err_transformation = row.err_transformation, REFLECTED_SHARE * row.err_transformation
    squares = row.err_common**2 - before**2 + row.err_transformation**2
    row.err_common = float(np.sqrt(max(squares, 0.0)))


def complete(row):
    """Return whether all that a light curve needs of a Row with a source is known."""
    return bool(np.all(np.isfinite([row.mag, row.sig, row.inst, row.e_inst, row.ra_deg, row.dec_deg])))


def _number(value):
    return np.nan if value is None else float(value)


def _card(frame, keyword):
    try:
        return float(frame.header.get(keyword, np.nan))
    except (TypeError, ValueError):
        return np.nan
