"""Results that no longer belong to the state of a data set: they go to its folder `old/`."""

from pathlib import Path

from photometrypipeline.base import jsonfile
from photometrypipeline.base.files import safe_name
from photometrypipeline.frames import positionsfile

FOLDER = "old"
ENDINGS = ("ecsv", "vot", "parquet", "alcdef.txt", "aavso.txt")  # of lightcurve_TARGET, besides .csv of each run
REPORTS = "mpc_astrometry.*"  # of pptool_mpcreport, of one target or several
ROW = ".ldac "  # behind the name of the source list
RESTS_ON = Path(".diagnostics") / "stamps" / "targets.json"  # {table of a target: {database of a frame: digest}}


def set_aside(folder, names):
    """Move those files `names` of a data set that exist to its folder old/; return their names (list of str).

    Nothing there is overwritten: later files of one name get .1, .2, ... behind it.
    """
    moved, place = [], Path(folder) / FOLDER
    for name in dict.fromkeys(names):
        path = Path(folder) / name
        if not path.is_file():
            continue
        place.mkdir(exist_ok=True)
        free, number = place / path.name, 0
        while free.exists():
            number += 1
            free = place / f"{path.name}.{number}"
        path.rename(free)
        moved.append(path.name)
    return moved


def told(moved, why):
    """Return the line (list of one str) that names files which set_aside has moved, none where it moved none."""
    return [f"moved to {FOLDER}/: {', '.join(moved)}, {why}"] if moved else []


def results_of(target, table=None):
    """Return the names (list of str) of the files that hold the light curve of a target; `table`: of the .dat."""
    return [table or f"photometry_{safe_name(target)}.dat", f"lightcurve_{safe_name(target)}.csv", *made_of(target)]


def made_of(target):
    """Return the names (list of str) of the files that are made of the light curve of a target, if they are."""
    name = safe_name(target)
    return [f"ades_{name}.psv", *(f"lightcurve_{name}.{ending}" for ending in ENDINGS)]


def rows_in(path):
    """Return the lines (list of str) of the observations in a table photometry_*.dat, counted or not; [] without it."""
    try:
        return [line for line in Path(path).read_text(encoding="utf-8", errors="replace").splitlines() if ROW in line]
    except OSError:
        return []


def set_reports_aside(folder, curves, before):
    """Move what was made of those LightCurves `curves` that have changed since then; return the names (list of str).

    before : {table: its rows before}, of all tables of the curves
    """
    changed = [each for each in curves if before[each.file] not in ([], rows_in(Path(folder) / each.file))]
    names = [name for curve in changed for name in made_of(curve.name)]
    if any(curve.kind != "control" for curve in changed):
        names += sorted(path.name for path in Path(folder).glob(REPORTS))
    return set_aside(folder, names)


def named_in(folder, positions, fixedtargets):
    """Return the names (set of str) of the targets in files of positions and of fixed targets; None for no file."""
    from photometrypipeline.frames import fixedplaces

    if positions == positionsfile.ALL:
        paths = [(path, path.stem.removeprefix("positions_")) for path in Path(folder).glob("positions_*.dat")]
    else:
        paths = [(positions, positionsfile.UNNAMED)] if positions else []
    names = {name for path, unnamed in paths for name in positionsfile.read(path, unnamed)}
    return names | ({name for name, *_ in fixedplaces.read(fixedtargets)} if fixedtargets else set())


def outdated(folder, curves, made, digest_of):
    """Return [(target, table), ...] of the LightCurves `curves` of an earlier pp_distill that rest on other magnitudes.

    made : {table: {database: digest}} of the present one;  digest_of : called with the path of a database
    What is known of all tables is kept for the next time.
    """
    path = Path(folder) / RESTS_ON
    known = jsonfile.read(path) or {}
    gone = [
        (curve.name, curve.file)
        for curve in curves
        if curve.file not in made
        and any(digest_of(Path(folder) / name) != digest for name, digest in known.get(curve.file, {}).items())
    ]
    left = {table: rests for table, rests in (known | made).items() if table not in {file for _, file in gone}}
    path.parent.mkdir(parents=True, exist_ok=True)
    jsonfile.write(path, left)
    return gone
