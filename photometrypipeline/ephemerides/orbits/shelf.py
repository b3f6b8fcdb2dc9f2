"""The orbits in the store: one file for each file of the Minor Planet Center that was imported."""

import dataclasses
import logging
import re
import time
from os import PathLike
from pathlib import Path

import numpy as np

from photometrypipeline.base.errors import FrameError, UsageError
from photometrypipeline.base.files import safe_name
from photometrypipeline.catalogs import skystore
from photometrypipeline.ephemerides.elements import Orbit
from photometrypipeline.ephemerides.names import Query
from photometrypipeline.ephemerides.orbits import mpcfiles, table
from photometrypipeline.ephemerides.orbits.table import OrbitTable
from photometrypipeline.sky import times

log = logging.getLogger("pp.orbits")

FOLDER = "orbits"
OLD_D = 200  # from the epoch of the orbits; farther than that two-body places begin to miss bodies
UNIX_JD = 2440587.5
A_PIECE = 0.5  # of the orbits that a file of the same name had


def user_folder() -> Path:
    """Return the folder of the user's store in which orbits are kept."""
    return skystore.user_folder() / FOLDER


def paths(data_folder: str | PathLike | None = None) -> list[Path]:
    """Return the files with orbits: those of the data set's own store, then the user's."""
    own = [Path(data_folder) / "pp_store" / FOLDER] if data_folder is not None else []
    return [path for folder in (*own, user_folder()) for path in sorted(folder.glob("*.npz"))]


def tables(data_folder: str | PathLike | None = None) -> list[OrbitTable]:
    """Return all tables that can be read; of one that cannot a warning tells."""
    found = []
    for path in paths(data_folder):
        try:
            found.append(table.load(path))
        except FrameError as error:
            log.warning("%s", error)
    return found


def of_body(query: Query, jd: float, data_folder: str | PathLike | None = None) -> list[Orbit]:
    """Return all orbits of one body that the stores have, with the error that their places have at `jd`."""
    found = []
    for each in tables(data_folder):
        for number in each.numbers_of(query):
            err_arcsec = float(each.error_arcsec(np.array([number]), jd)[0])
            origin = f"{each.origin} in the store"
            found.append(dataclasses.replace(each.orbit(number), origin=origin, err_arcsec=err_arcsec))
    return found


def take(path: str | PathLike) -> tuple[OrbitTable, list[str]]:
    """Import a file of the Minor Planet Center; returns its OrbitTable and remarks (list of str).

    Raises FrameError for a file that is none, UsageError where the store has a better one of that name.
    """
    orbits, remarks = mpcfiles.read(path)
    target = user_folder() / f"{name_of(path)}.npz"
    if target.exists():
        _compare(path, orbits, target)
    user_folder().mkdir(parents=True, exist_ok=True)
    orbits.save(target)
    age_d = time.time() / 86400 + UNIX_JD - orbits.usual_epoch
    if age_d > OLD_D and orbits.kind == table.ASTEROIDS:
        remarks.append(f"the orbits are {age_d:.0f} d old: for frames of these days download the file again")
    return orbits, remarks


def name_of(path: str | PathLike) -> str:
    """Return under which name the orbits of a file are kept: that of the file, whatever its ending."""
    return safe_name(re.sub(r"(?i)(\.(gz|dat|txt))+$", "", Path(path).name).lower())


def _compare(path: str | PathLike, orbits: OrbitTable, target: Path) -> None:
    """Raise UsageError if the store has newer or many more orbits of a file of the same name."""
    try:
        before = table.load(target)
    except FrameError:
        return
    advice = f"nothing is taken; pptool_store clear {FOLDER} first if you mean it"
    if orbits.usual_epoch < before.usual_epoch:
        newer = times.text_of(before.usual_epoch)[:10]
        raise UsageError(f"{path}: its orbits are of {day_of(orbits)}, those in the store of {newer}; {advice}")
    if len(orbits) < A_PIECE * len(before):
        raise UsageError(f"{path}: it has {len(orbits)} orbits, the store has {len(before)}; {advice}")


def day_of(orbits: OrbitTable) -> str:
    """Return the day for which most of the orbits hold, such as 2025-11-21."""
    return times.text_of(orbits.usual_epoch)[:10]


def age_remark(found: list[OrbitTable], jd: float) -> str:
    """Return what is to be said of orbits far from the frames, empty where nothing is."""
    ages = [abs(jd - each.usual_epoch) for each in found if each.kind == table.ASTEROIDS]
    if not ages or min(ages) <= OLD_D:
        return ""
    nearest = found[int(np.argmin(ages))]
    return (
        f"the orbits in the store ({nearest.origin}, of {day_of(nearest)}) are {min(ages):.0f} d away from the frames: "
        "bodies may be missed or misplaced; import the file of the year of the frames"
    )
