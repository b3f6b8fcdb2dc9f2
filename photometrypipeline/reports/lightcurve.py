"""One tidy table of light curves: a row per observation, a column with a unit for everything that is known of it."""

import contextlib
import csv
import json
import logging
import os
from dataclasses import dataclass

import numpy as np
from astropy.table import MaskedColumn, Table

from photometrypipeline.base.errors import PipelineError, TelescopeError
from photometrypipeline.base.files import replacing, safe_name
from photometrypipeline.ephemerides import aspect, ephemeris
from photometrypipeline.frames.frame import Frame
from photometrypipeline.frames.rows import COLUMNS, STAR_KINDS
from photometrypipeline.reports import observations
from photometrypipeline.sky import observer

log = logging.getLogger("pp.lightcurve")

ROW_COLUMNS = {  # name: (unit, description, decimals in text files or None, attribute of a Row)
    column.title: (column.unit, column.meaning, column.decimals, name)
    for name, column in COLUMNS.items()
    if column.title
}
# of the source that is taken for the target: masked where it was not detected
OF_SOURCE = ("dra_arcsec", "ddec_arcsec", "flags", "fwhm_arcsec", "x_px", "y_px", "zp_mag", "zp_sig_mag", "zp_err_mag")
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


TIME_COLUMNS = {  # name: (unit, description, decimals, function of jd, RA, Dec and site)
    "hjd": ("d", "heliocentric Julian date, UTC, as of a star at this place", 8, observer.hjd_utc),
    "bjd_tdb": ("d", "barycentric Julian date, TDB, as of a star at this place", 8, observer.bjd_tdb),
}


@dataclass
class Geometry:
    """What an ephemeris says of all observations of a Series: {column: ndarray}, and where it comes from."""

    columns: dict
    source: str


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
    found = Table({name: column(*about) for name, about in _columns(parts).items()}, copy=False)
    found.meta["ephemeris"] = {series.target: known.source if known else "none" for series, known in parts}
    found.meta["time_scale"] = "UTC"
    return found


def _columns(parts):
    """Return {name: (values, unit, description, decimals)} of [(Series, Geometry or None), ...]."""
    observations = [each for series, _ in parts for each in series.observations]
    columns = {}
    for name, (unit, text, decimals, attribute) in ROW_COLUMNS.items():
        absent = attribute in OF_SOURCE
        values = [None if absent and not each.row.detected else getattr(each.row, attribute) for each in observations]
        columns[name] = values, unit, text, decimals
    for name, (unit, text, decimals, function) in TIME_COLUMNS.items():
        columns[name] = _times(observations, function).tolist(), unit, text, decimals
    for name, (unit, text, decimals) in GEOMETRY_COLUMNS.items():
        values = [
            known.columns[name] if known else np.full(len(series.observations), np.nan) for series, known in parts
        ]
        columns[name] = np.concatenate(values).tolist(), unit, text, decimals
    return columns


def _times(observations, function):
    """Return `function` of the time, place and site of each Observation, ndarray; NaN where a site has no place."""
    found = np.full(len(observations), np.nan)
    rows = [each.row for each in observations]
    for key in dict.fromkeys(row.telescope for row in rows):
        own = [number for number, row in enumerate(rows) if row.telescope == key]
        places = [
            (row.jd, row.ra_deg, row.dec_deg) if row.detected else (row.jd, row.ra_pred_deg, row.dec_pred_deg)
            for row in (rows[number] for number in own)
        ]
        with contextlib.suppress(TelescopeError):
            found[own] = function(*np.transpose(places), observations[own[0]].station)
    return found


def column(values, unit, description, decimals):
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
    """Write the table to `path` as `kind` (ecsv, csv, votable, parquet); numbers in full precision but in CSV.

    Raises ValueError for any other kind, ImportError for Parquet without pyarrow.
    """
    with replacing(path) as temporary:
        _write(found, temporary, kind)


def _write(found, path, kind):
    if kind == "csv":
        _write_csv(found, path)
        return
    found = found.copy()
    for column in found.columns.values():
        column.info.format = None
    if kind == "ecsv":
        found.write(path, format="ascii.ecsv", delimiter=",", overwrite=True)
    elif kind == "votable":
        _write_votable(found, path)
    elif kind == "parquet":
        _write_parquet(found, path)
    else:
        raise ValueError(kind)


def _write_csv(found, path):
    """Write a table as astropy's `ascii.csv` does, in a fiftieth of the time; what is masked is empty."""
    texts = {}
    for name, column in found.columns.items():
        form, masked = column.info.format or "", np.ma.getmaskarray(column)
        values = zip(masked, np.ma.getdata(column).tolist(), strict=True)
        texts[name] = ["" if no else format(value, form).strip() for no, value in values]
    _write_texts(texts, path)


def _write_texts(columns, path):
    """Write {name: list of str} as CSV."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator=os.linesep)
        rows.writerow(columns)
        rows.writerows(zip(*columns.values(), strict=True))


def texts(values, decimals):
    """Return the numbers or texts of a column as text (list of str); None, NaN and empty text are empty."""
    form = f".{decimals}f" if decimals is not None else ""

    def text(value):
        if value is None or isinstance(value, (bool, int, np.integer, str)):
            return "" if value is None else str(value).strip()
        return format(float(value), form) if np.isfinite(value) else ""

    whole = all(value is None or isinstance(value, (bool, int, np.integer, str)) for value in values)
    return [text(value if whole or value is None else float(value)) for value in values]


def write_csv(curves, folder, client, choice):
    """Write lightcurve_TARGET.csv into `folder` (Path) for each of the LightCurves that has rows; return the names.

    Distances and what follows from them are masked where `client` (services.Client) brings no ephemeris.
    """
    names = []
    for curve in curves:
        if not curve.every:
            continue
        observed = [observations.Observation(row, curve.name, Frame(folder / row.frame)) for row in curve.every]
        about = (folder / curve.file, curve.name, curve.kind, curve.full_name)
        series = observations.Series(*about, observed, {}, [])
        names.append(f"lightcurve_{safe_name(curve.name)}.csv")
        with replacing(folder / names[-1]) as path:
            found = _columns([(series, geometry(curve, observed, folder, client, choice))])
            _write_texts({name: texts(values, decimals) for name, (values, _, _, decimals) in found.items()}, path)
    return names


def geometry(curve, observed, folder, client, choice):
    """Return the Geometry for the Observations of a LightCurve; None, with a line in LOG, where there is none."""
    if curve.kind in STAR_KINDS or curve.kind in ("positions", "mover"):
        return None
    try:
        site = observed[0].station
        jds = np.array([each.row.jd for each in observed])
        return geometry_of(observed, ephemeris.positions(curve.name, site, jds, client, folder, choice))
    except PipelineError as error:
        log.info("%s: no distances in the table: %s", curve.name, error)
        return None


def _write_votable(found, path):
    """VOTable knows no masked text: it is empty there; and what is masked of a number is NaN."""
    for name, column in found.columns.items():
        if column.dtype.kind == "U":
            found[name] = MaskedColumn(column.filled(""), description=column.description)
    found.write(str(path), format="votable", overwrite=True)  # older releases of astropy take no Path


def _write_parquet(found, path):
    """Parquet keeps unit and description of each column in its metadata; what is masked is null."""
    import pyarrow
    from pyarrow import parquet

    types = {"b": pyarrow.bool_(), "i": pyarrow.int64(), "f": pyarrow.float64(), "U": pyarrow.string()}
    fields, arrays = [], []
    for name, column in found.columns.items():
        about = {"unit": str(column.unit or ""), "description": column.description or ""}
        values, kind = np.ma.filled(column), column.dtype.kind  # which is the same in every file, also without a value
        if name == "flags" and kind == "f":
            values, kind = np.zeros(len(column), dtype=int), "i"  # of no source at all
        arrays.append(pyarrow.array(values.tolist(), types[kind], mask=np.ma.getmaskarray(column)))
        fields.append(pyarrow.field(name, arrays[-1].type, metadata=about))
    meta = {name: json.dumps(value) for name, value in found.meta.items()}
    parquet.write_table(pyarrow.table(arrays, schema=pyarrow.schema(fields, metadata=meta)), path)
