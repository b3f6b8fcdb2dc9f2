"""The database of a data set, `photometry.db`: all targets in all frames, one row each, detected or not (SQLite)."""

import contextlib
import sqlite3

from photometrypipeline.base.files import replacing

FILE_NAME = "photometry.db"
VERSION = 1
COLUMNS = {  # name: (type, unit and meaning)
    "target": ("TEXT", "name, as in the name of its table photometry_TARGET.dat"),
    "kind": ("TEXT", "primary, positions, fixed, variable, asteroid, control"),
    "frame": ("TEXT", "file name of the image"),
    "jd": ("REAL", "middle of the exposure, JD (UTC)"),
    "exptime_s": ("REAL", "s"),
    "status": ("TEXT", "accepted; rejected; not detected (mag_limit tells how faint it is); not expected (outside)"),
    "reason": ("TEXT", "why the row does not count; NULL for accepted ones"),
    "mag": ("REAL", "mag of the source taken for the target, calibrated where band is not NULL; never a limit"),
    "sig": ("REAL", "mag, as in photometry_TARGET.dat: with the scatter of the zeropoint"),
    "err_total": ("REAL", "mag, what repeated measurements scatter by"),
    "inst": ("REAL", "mag, instrumental"),
    "e_inst": ("REAL", "mag"),
    "band": ("TEXT", "NULL for instrumental magnitudes"),
    "catalog": ("TEXT", "of the reference stars"),
    "ra_deg": ("REAL", "measured, deg"),
    "dec_deg": ("REAL", "deg"),
    "ra_pred_deg": ("REAL", "predicted, deg"),
    "dec_pred_deg": ("REAL", "deg"),
    "sigma_ra_arcsec": ("REAL", "uncertainty of the predicted place (1 sigma) along RA, NULL if unknown"),
    "sigma_dec_arcsec": ("REAL", "the same along Dec"),
    "distance_arcsec": ("REAL", "of the source from the predicted place, on the sky"),
    "probability": ("REAL", "that the source is the target, 0 to 1"),
    "contamination": ("REAL", "share of the light of the source that comes from known stars, 0 to 1"),
    "flags": ("INTEGER", "of Source Extractor"),
    "fwhm_arcsec": ("REAL", "arcsec"),
    "forced_flux": ("REAL", "ADU at the predicted place, where the target was not detected"),
    "forced_err": ("REAL", "ADU, 1 sigma"),
    "forced_mag": ("REAL", "mag of forced_flux, NULL if it is not positive; in the system of mag"),
    "mag_limit": (
        "REAL",
        "mag of three times forced_err: a fainter target is not seen; NULL where stars are in the way",
    ),
    "others_flux": ("REAL", "ADU, light of stars and other sources in that aperture"),
    "source": ("TEXT", "where the predicted place comes from"),
}


FORCED = ("forced_flux", "forced_err", "forced_mag", "mag_limit", "others_flux")
COMMON = ("frame", "jd", "exptime_s", "ra_pred_deg", "dec_pred_deg", "band", "catalog")  # known without any source
OF_SOURCE = ("mag", "sig", "err_total", "inst", "e_inst", "ra_deg", "dec_deg", "contamination", "flags", "fwhm_arcsec")
SCHEMA = (
    "create table observations (\n"
    + "\n".join(
        f"    {name} {kind}{',' if name != list(COLUMNS)[-1] else ''} -- {meaning}"
        for name, (kind, meaning) in COLUMNS.items()
    )
    + "\n)"
)


def write(path, rows):
    """Write the database, whole and atomically; `rows` are dicts with COLUMNS, what is missing or NaN becomes NULL."""
    marks = ", ".join("?" * len(COLUMNS))
    values = [[_stored(row.get(name)) for name in COLUMNS] for row in rows]
    with replacing(path) as temporary, contextlib.closing(sqlite3.connect(temporary)) as connection, connection:
        connection.execute(SCHEMA)
        connection.executemany(f"insert into observations values ({marks})", values)
        connection.execute("create table pipeline (version INTEGER)")
        connection.execute("insert into pipeline values (?)", [VERSION])


def _stored(value):
    return None if value is None or value == "" or value != value else value  # NaN differs from itself
