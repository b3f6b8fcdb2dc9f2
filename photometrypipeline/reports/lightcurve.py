"""One tidy table of light curves: a row per observation, a column with a unit for everything that is known of it."""

from dataclasses import dataclass

import numpy as np
from astropy.table import MaskedColumn, Table

from photometrypipeline.ephemerides import aspect
from photometrypipeline.frames.results import NOT_DETECTED

# name: (unit, description, decimals in text files or None, value of an Observation)
ROW_COLUMNS = {
    "target": ("", "name of the target", None, lambda each: each.target),
    "image": ("", "file name of the image", None, lambda each: each.image),
    "filename": ("", "name of the source list, field 1 of photometry_*.dat", None, lambda each: each.row.ldac),
    "jd": ("d", "middle of the exposure, Julian date, UTC", 8, lambda each: each.row.jd),
    "accepted": ("", "whether the observation counts", None, lambda each: each.row.accepted),
    "status": (
        "",
        "accepted, rejected, or not detected: limit_mag tells how faint it is",
        None,
        lambda each: _status(each),
    ),
    "reason": ("", "why it does not count", None, lambda each: each.row.reason),
    "mag": ("mag", "magnitude, calibrated unless band is -", 4, lambda each: each.row.mag),
    "sig_mag": ("mag", "its uncertainty with the scatter of the zeropoint", 4, lambda each: each.row.sig),
    "err_total_mag": (
        "mag",
        "its uncertainty with the error of the mean zeropoint",
        4,
        lambda each: each.value("err_total"),
    ),
    "err_photon_mag": ("mag", "part of the photon noise of the target", 4, lambda each: each.value("err_photon")),
    "err_background_mag": ("mag", "part of sky and read noise", 4, lambda each: each.value("err_background")),
    "err_zeropoint_mag": ("mag", "part of the mean zeropoint", 4, lambda each: each.value("err_zeropoint")),
    "err_transformation_mag": (
        "mag",
        "common to all rows, not in err_total: catalogue and band transformation",
        4,
        lambda each: each.value("err_transformation"),
    ),
    "band": ("", "photometric band", None, lambda each: each.row.band),
    "magsys": ("", "AB, Vega or instrumental", None, lambda each: each.magsys),
    "catalog": ("", "photometric catalogue", None, lambda each: each.row.catalog),
    "zp_mag": ("mag", "zeropoint", 4, lambda each: each.row.mag - each.row.inst if each.row.calibrated else np.nan),
    "zp_sig_mag": ("mag", "scatter and error of the zeropoint", 4, lambda each: _zp_sig(each.row)),
    "inst_mag": ("mag", "instrumental magnitude", 4, lambda each: each.row.inst),
    "inst_sig_mag": ("mag", "its uncertainty", 4, lambda each: each.row.e_inst),
    "ra_deg": ("deg", "measured right ascension", 8, lambda each: each.row.ra_deg),
    "dec_deg": ("deg", "measured declination", 8, lambda each: each.row.dec_deg),
    "dra_arcsec": ("arcsec", "predicted minus measured RA, without cos Dec", 3, lambda each: each.row.dra_arcsec),
    "ddec_arcsec": ("arcsec", "predicted minus measured Dec", 3, lambda each: each.row.ddec_arcsec),
    "offset_ra_arcsec": ("arcsec", "manual offset in RA", 2, lambda each: each.row.offset_arcsec[0]),
    "offset_dec_arcsec": ("arcsec", "manual offset in Dec", 2, lambda each: each.row.offset_arcsec[1]),
    "exptime_s": ("s", "exposure time", 3, lambda each: each.row.exptime_s),
    "airmass": ("", "of the image", 4, lambda each: each.card("AIRMASS")),
    "fwhm_arcsec": ("arcsec", "full width at half maximum of the target", 2, lambda each: each.row.fwhm_arcsec),
    "aprad_px": ("pix", "radius of the aperture", 2, lambda each: each.card("APRAD")),
    "x_px": ("pix", "column of the target, the first is 1", 3, lambda each: each.row.x),
    "y_px": ("pix", "row of the target, the first is 1", 3, lambda each: each.row.y),
    "flags": ("", "FLAGS of Source Extractor", None, lambda each: each.row.flags),
    "telescope": ("", "key of telescope and camera", None, lambda each: each.row.telescope),
    "method": ("", "photometry method", None, lambda each: each.row.method),
}
# of the source that is taken for the target: masked where it was not detected
OF_SOURCE = (
    "mag", "sig_mag", "err_total_mag", "zp_mag", "zp_sig_mag", "inst_mag", "inst_sig_mag", "ra_deg", "dec_deg",
    "dra_arcsec", "ddec_arcsec", "fwhm_arcsec", "x_px", "y_px", "flags",
)  # fmt: skip
# name: (unit, description, decimals, name in what pp_distill recorded)
EXTRA_COLUMNS = {
    "limit_mag": ("mag", "3-sigma limit where the target was not detected", 3, "mag_limit"),
    "forced_mag": ("mag", "magnitude of the light at its place where it was not detected", 3, "forced_mag"),
    "forced_flux_adu": ("adu", "that light; may be negative", 2, "forced_flux"),
    "forced_err_adu": ("adu", "its uncertainty", 2, "forced_err"),
    "others_flux_adu": ("adu", "light of stars and other sources there", 2, "others_flux"),
    "distance_arcsec": ("arcsec", "of the source from the predicted place", 3, "distance_arcsec"),
    "probability": ("", "that the source is the target, 0 to 1", 4, "probability"),
    "contamination": ("", "share of its light that comes from known stars, 0 to 1", 4, "contamination"),
}
# name: (unit, description, decimals)
GEOMETRY_COLUMNS = {
    "r_au": ("AU", "distance from the Sun", 8),
    "delta_au": ("AU", "distance from the observer", 8),
    "phase_deg": ("deg", "phase angle: Sun, target, observer", 4),
    "light_time_s": ("s", "time of the light from the target to the observer", 3),
    "jd_light_time_corrected": ("d", "jd minus the light time: when the light left the target, UTC", 8),
    "reduced_mag": ("mag", "mag as at 1 au from Sun and observer: mag - 5 log10(r delta)", 4),
    "pab_lon_deg": ("deg", "phase angle bisector, ecliptic longitude J2000", 4),
    "pab_lat_deg": ("deg", "phase angle bisector, ecliptic latitude J2000", 4),
    "rate_ra_arcsec_h": ("arcsec / h", "predicted motion in RA, with cos Dec", 4),
    "rate_dec_arcsec_h": ("arcsec / h", "predicted motion in Dec", 4),
    "predicted_mag": ("mag", "V of the ephemeris, of a comet its total magnitude", 2),
    "predicted_ra_deg": ("deg", "right ascension of the ephemeris", 8),
    "predicted_dec_deg": ("deg", "declination of the ephemeris", 8),
    "predicted_sigma_arcsec": ("arcsec", "uncertainty of the ephemeris, 1 sigma", 4),
}
UNITS = {
    "mag": "mag",
    "arcsec": "arcsec",
    "deg": "deg",
    "px": "pix",
    "s": "s",
    "h": "h",
    "d": "d",
}  # of recorded extras


@dataclass
class Geometry:
    """What an ephemeris says of all observations of a Series: {column: ndarray}, and where it comes from."""

    columns: dict
    source: str


def _status(each):
    if each.row.accepted:
        return "accepted"
    return "rejected" if each.row.detected else NOT_DETECTED


def _zp_sig(row):
    return float(np.sqrt(max(row.sig**2 - row.e_inst**2, 0.0))) if row.calibrated else np.nan


def geometry_of(observations, ephemeris):
    """Return the Geometry for Observations at whose times the Ephemeris was asked."""
    jd, mag = (np.array([getattr(each.row, name) for each in observations]) for name in ("jd", "mag"))
    calibrated = np.array([each.row.calibrated and each.row.detected for each in observations])
    light_d = aspect.light_time_d(ephemeris.delta_au)
    lon, lat = aspect.bisector_deg(jd, ephemeris.ra_deg, ephemeris.dec_deg, ephemeris.delta_au)
    columns = {
        "r_au": ephemeris.r_au,
        "delta_au": ephemeris.delta_au,
        "phase_deg": ephemeris.phase_deg,
        "light_time_s": light_d * aspect.SECONDS_PER_DAY,
        "jd_light_time_corrected": jd - light_d,
        "reduced_mag": np.where(calibrated, aspect.reduced_mag(mag, ephemeris.r_au, ephemeris.delta_au), np.nan),
        "pab_lon_deg": lon,
        "pab_lat_deg": lat,
        "rate_ra_arcsec_h": ephemeris.ra_rate,
        "rate_dec_arcsec_h": ephemeris.dec_rate,
        "predicted_mag": ephemeris.v_mag,
        "predicted_ra_deg": ephemeris.ra_deg,
        "predicted_dec_deg": ephemeris.dec_deg,
        "predicted_sigma_arcsec": np.hypot(ephemeris.sigma_ra_arcsec, ephemeris.sigma_dec_arcsec),
    }
    return Geometry(columns, f"{ephemeris.full_name}: {ephemeris.source}")


def table(parts):
    """Return the astropy Table of [(Series, Geometry or None), ...]; values that are not known are masked.

    Every column has a unit, where it has a dimension, and a description.
    """
    observations = [each for series, _ in parts for each in series.observations]
    columns = {}
    for name, (unit, text, decimals, value) in ROW_COLUMNS.items():
        absent = name in OF_SOURCE
        values = [None if absent and not each.row.detected else value(each) for each in observations]
        columns[name] = _column(values, unit, text, decimals)
    for name, (unit, text, decimals, recorded) in EXTRA_COLUMNS.items():
        columns[name] = _column([_extra(each, recorded) for each in observations], unit, text, decimals)
    for name, (unit, text, decimals) in GEOMETRY_COLUMNS.items():
        values = [
            known.columns[name] if known else np.full(len(series.observations), np.nan) for series, known in parts
        ]
        columns[name] = _column(np.concatenate(values).tolist(), unit, text, decimals)
    known = {recorded for *_, recorded in EXTRA_COLUMNS.values()}
    for name in dict.fromkeys(name for each in observations for name in each.extra):
        if name not in known and name not in columns:
            unit = UNITS.get(name.rpartition("_")[2], "")
            columns[name] = _column([each.extra.get(name) for each in observations], unit, "from pp_distill", None)
    found = Table(columns)
    found.meta["ephemeris"] = {series.target: known.source if known else "none" for series, known in parts}
    found.meta["time_scale"] = "UTC"
    return found


def _extra(each, recorded):
    """Return what pp_distill recorded under a name; a limit stands in the row itself as well."""
    if recorded == "mag_limit" and recorded not in each.extra and not each.row.detected:
        return each.row.mag
    value = each.extra.get(recorded)
    return None if value is None else float(value)


def _column(values, unit, description, decimals):
    """Return a MaskedColumn of numbers, or texts if there is one; None, NaN and empty text are masked."""
    if all(isinstance(value, bool) for value in values):
        return MaskedColumn(values, dtype=bool, description=description)
    if any(isinstance(value, str) for value in values):
        texts = ["" if value is None else str(value) for value in values]
        return MaskedColumn(texts, mask=[not text for text in texts], dtype=str, description=description)
    mask = [value is None for value in values]
    if all(value is None or isinstance(value, (int, np.integer)) for value in values) and not all(mask):
        whole = [value or 0 for value in values]
        return MaskedColumn(whole, mask=mask, dtype=int, unit=unit or None, description=description)
    numbers = np.array([np.nan if value is None else float(value) for value in values])
    form = f".{decimals}f" if decimals is not None else None
    return MaskedColumn(numbers, mask=~np.isfinite(numbers), unit=unit or None, description=description, format=form)


def write(found, path, kind):
    """Write the table to `path` as `kind` (ecsv, csv, votable); numbers in full precision but in CSV.

    Raises ValueError for any other kind.
    """
    found = found.copy()
    if kind == "csv":
        found.meta = {}
        found.write(path, format="ascii.csv", overwrite=True)
        return
    for column in found.columns.values():
        column.info.format = None
    if kind == "ecsv":
        found.write(path, format="ascii.ecsv", delimiter=",", overwrite=True)
    elif kind == "votable":
        _write_votable(found, path)
    else:
        raise ValueError(kind)


def _write_votable(found, path):
    """VOTable knows no masked text: it is empty there; and what is masked of a number is NaN."""
    for name, column in found.columns.items():
        if column.dtype.kind == "U":
            found[name] = MaskedColumn(column.filled(""), description=column.description)
    found.write(path, format="votable", overwrite=True)
