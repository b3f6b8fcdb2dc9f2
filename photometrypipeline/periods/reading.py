"""The sessions of a body from what users have: folders, tables of this suite, files of alcdef.org."""

from pathlib import Path

import numpy as np
from astropy.table import Table

from photometrypipeline.base.errors import FrameError, UsageError
from photometrypipeline.frames import observationsdb
from photometrypipeline.frames.rows import STAR_KINDS
from photometrypipeline.periods import alcdeffile
from photometrypipeline.periods.sessions import Session, groups, key_of

FORMATS = {".csv": "ascii.csv", ".ecsv": "ascii.ecsv", ".vot": "votable", ".parquet": "parquet"}
NEEDED = ("jd", "mag", "band", "target")
ERRORS = ("err_frame_mag", "err_total_mag", "sig_mag")
REMEDY = "give photometry_TARGET.dat, a table of pptool_lightcurve or pptool_night, an ALCDEF file, or a folder"


def light_curves_in(folder, target=None):
    """Return the paths of the tables photometry_TARGET.dat of bodies in a folder, of `target` alone if given.

    Those of stars are left out, and where there is a primary target those of others too.
    Raises UsageError for a folder without any.
    """
    folder = Path(folder)
    every = sorted(folder.glob("photometry_*.dat"))
    try:
        known = {curve.file: curve for curve in observationsdb.read(folder / observationsdb.FILE_NAME)}
    except FrameError:
        known = {}
    kinds = {path: known[path.name].kind if path.name in known else "" for path in every}
    if target:
        names = {
            path: {path.stem.removeprefix("photometry_"), getattr(known.get(path.name), "name", "")} for path in every
        }
        chosen = [path for path in every if target in names[path] or target.replace(" ", "_") in names[path]]
    else:
        bodies = [path for path in every if kinds[path] not in STAR_KINDS]
        chosen = [path for path in bodies if kinds[path] in ("primary", "positions")] or bodies
    if not chosen:
        raise UsageError(
            f"{folder} holds no light curve of {target or 'a body'} (photometry_TARGET.dat); run pp_distill"
        )
    return chosen


def kind_of(path):
    """Return what a file is: "dat", "table" or "alcdef".  Raises FrameError for anything else."""
    path = Path(path)
    if path.suffix == ".dat" and not alcdeffile.is_one(path):
        return "dat"
    if path.suffix in FORMATS:
        return "table"
    if alcdeffile.is_one(path):
        return "alcdef"
    raise FrameError(path, "is not a light curve", REMEDY)


def from_series(series, geometry):
    """Return (sessions, {reason: number of rows left out}) of a Series of this suite and its Geometry or None."""
    kept, left = [], {}
    for number, each in enumerate(series.observations):
        reason = "not accepted" if not each.row.accepted else "" if each.row.calibrated else "not calibrated"
        if reason:
            left[reason] = left.get(reason, 0) + 1
        else:
            kept.append(number)
    rows = [series.observations[number].row for number in kept]
    columns = {
        "jd": np.array([row.jd for row in rows]),
        "mag": np.array([row.mag for row in rows]),
        "err": np.array([row.err_repeat for row in rows]),
        "err_common": np.array([row.err_common for row in rows]),
    }
    for name in ("r_au", "delta_au", "phase_deg"):
        columns[name] = geometry.columns[name][kept] if geometry else np.full(len(rows), np.nan)
    telescope, band = [row.telescope for row in rows], [row.band for row in rows]
    observed = [series.observations[number] for number in kept]
    about = {"target": series.target, "source": str(series.path), "full_name": series.full_name}
    return _sessions(columns, telescope, band, about, observed), left


def from_table(path):
    """Return the Sessions (list) of a table of pptool_lightcurve or pptool_night.

    Raises FrameError for one that cannot be read, or is another table.
    """
    path = Path(path)
    try:
        table = Table.read(path, format=FORMATS[path.suffix])
    except FileNotFoundError:
        raise UsageError(f"no such file: {path}; check the name") from None
    except Exception as error:  # noqa: BLE001  readers of tables raise whatever they like
        raise FrameError(path, f"cannot be read ({' '.join(str(error).split())[:80]})", REMEDY) from None
    lacking = [name for name in NEEDED if name not in table.colnames]
    error_name = next((name for name in ERRORS if name in table.colnames), None)
    lacking += [] if error_name else [ERRORS[0]]
    if lacking:
        raise FrameError(path, f"is not a light curve: no column {', '.join(lacking)}", REMEDY)
    number = {name: _numbers(path, table, name) for name in ("jd", "mag", error_name)}
    good = np.isfinite(list(number.values())).all(axis=0)
    if "accepted" in table.colnames:
        good &= np.array([str(each).lower() in ("true", "1") for each in table["accepted"]])
    good &= np.array([bool(band) and band not in ("-", "--") for band in _texts(table, "band")])
    columns = {"jd": number["jd"], "mag": number["mag"], "err": number[error_name]}
    names = {"err_common": "err_common_mag", "r_au": "r_au", "delta_au": "delta_au", "phase_deg": "phase_deg"}
    for ours, theirs in names.items():
        columns[ours] = _numbers(path, table, theirs) if theirs in table.colnames else np.full(len(table), np.nan)
    found = []
    targets = np.array(_texts(table, "target"))
    telescope = np.array(_texts(table, "telescope") if "telescope" in table.colnames else ["-"] * len(table))
    for target in dict.fromkeys(targets[good]):
        own = good & (targets == target)
        about = {"target": str(target), "source": str(path)}
        part = {name: values[own] for name, values in columns.items()}
        found += _sessions(part, telescope[own].tolist(), np.array(_texts(table, "band"))[own].tolist(), about, [])
    if not found:
        raise FrameError(path, "has no row that is accepted and calibrated", "run pp_calibrate and pp_distill")
    return found


def _numbers(path, table, name):
    """Return a column as floats, NaN where it is masked."""
    try:
        return np.ma.filled(np.ma.asarray(table[name]).astype(float), np.nan)
    except (TypeError, ValueError):
        raise FrameError(path, f"column {name} does not hold numbers", REMEDY) from None


def _texts(table, name):
    return ["" if each is np.ma.masked else str(each) for each in table[name]]


def _sessions(columns, telescope, band, about, observed):
    found = []
    for own in groups(columns["jd"], telescope, band):
        part = {name: values[own] for name, values in columns.items() if name != "err_common"}
        first = own[0]
        key = key_of(np.mean(part["jd"]), telescope[first], band[first])
        common = columns["err_common"][own]
        err_common = float(np.median(common[np.isfinite(common)])) if np.isfinite(common).any() else np.nan
        rows = [observed[number] for number in own] if observed else []
        found.append(
            Session(
                key, telescope=telescope[first], band=band[first], err_common=err_common, observed=rows, **about, **part
            )
        )
    return found
