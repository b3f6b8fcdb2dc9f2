"""The local store of reference stars: a field is downloaded once, every later run reads the very same rows.

Kept are all rows of whole tiles, or parts of them (`tiles.py`), to a magnitude limit, with the flags by which they are
selected when read, in one SQLite file per catalogue release (`tilefile.py`), `<store>/refcats/<NAME>.sqlite`. The
user's store is shared by all runs; a folder `pp_store/` in a data set is a second one, looked at first and never
written to by a run.
"""

import atexit
import contextlib
import functools
import hashlib
import logging
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from astropy.table import vstack

from photometrypipeline.base import userfolders
from photometrypipeline.base.errors import CatalogError, NotReachable, OutsideSurvey
from photometrypipeline.base.locks import locked
from photometrypipeline.catalogs import starcounts, surveys, tilefile, tiles
from photometrypipeline.catalogs.tilefile import database
from photometrypipeline.sky import sphere

log = logging.getLogger("pp.skystore")

MARGIN_DEG = 0.01  # around tiles that are fetched: a star that moves may be listed beyond the edge
FAINTEST = 40.0  # mag, no star is fainter
LARGEST_WASTE = 6  # times the area of the tiles that are wanted, in the cone that is asked for
RAGGED_DEG = 2.0  # surveys do not end at one declination
DEEPEST_CUT = 6  # how often a tile that is too crowded for one request is cut into four


def user_folder():
    """Return the Path of the user's store: `$XDG_DATA_HOME/photometrypipeline`, by default below ~/.local/share."""
    return userfolders.data()


def fetch(survey, ra_deg, dec_deg, radius_deg, mag_limit, client, data_folder=None, limit_mb=None, installed=()):
    """Return all rows of a cone that are brighter than the limit, as a Table in the internal schema; may be empty.

    survey : Survey or its name; mag_limit : of `survey.limit_on`, mag, None for all; client : services.Client
    limit_mb : size of the user's store above which tiles that were not used for longest are removed, None: no limit
    Rows come from `<data_folder>/pp_store/`, then from the user's store, then from the network; whole tiles are fetched
    and kept. They are ordered by tile and ident; `meta["origin"]` says when the newest tile was fetched, and holds a
    hash of the answers, by which results can be tied to data. A catalogue that is a file of this machine is read from
    there, found in the folders `installed` or the usual ones.  Raises NotReachable if a tile is missing and cannot be
    fetched, CatalogError if a store is damaged or an answer unusable.
    """
    survey = surveys.get(survey) if isinstance(survey, str) else survey
    mag_limit = FAINTEST if mag_limit is None or survey.limit_on is None else float(mag_limit)
    if survey.reader:
        return survey.reader(ra_deg, dec_deg, radius_deg, mag_limit, installed)
    missing = starcounts.tiles_of(ra_deg, dec_deg, radius_deg, mag_limit)
    parts, known = [], []
    for folder, as_it_is in _stores(data_folder):
        path = database(folder, survey)
        have, missing = _there(path, survey, missing, mag_limit, any_columns=as_it_is, expired=as_it_is)
        parts.append(tilefile.read(path, survey, have))
        known += tilefile.origins(path, have)
        if limit_mb is not None and have and not as_it_is:
            tilefile.touch(path, survey, have)
    if missing:
        path = database(_writable(user_folder()), survey)
        download_missing(path, survey, missing, mag_limit, client)
        missing, _ = _there(path, survey, missing, mag_limit, any_columns=True, expired=True)
        parts.append(tilefile.read(path, survey, missing))
        known += tilefile.origins(path, missing)
        if limit_mb is not None:
            tilefile.touch(path, survey, missing)
            evict(user_folder(), limit_mb, path, missing + have)
    table = vstack([part for part in parts if len(part)] or parts[:1], metadata_conflicts="silent")
    distance = sphere.separation_deg(ra_deg, dec_deg, np.asarray(table["ra_deg"]), np.asarray(table["dec_deg"]))
    table = table[distance <= radius_deg]
    if survey.limit_on is not None:
        table = table[np.asarray(table[survey.limit_on]) < mag_limit]
    table = table[np.lexsort((np.asarray(table["ident"]), tiles.tile_of(table["ra_deg"], table["dec_deg"])))]
    answers = "".join(f"{tile} {answer}\n" for tile, _, answer in sorted(known, key=lambda row: row[0]))
    newest = max((fetched for _, fetched, _ in known), default="")
    table.meta["origin"] = {"fetched_utc": newest, "answers": hashlib.sha256(answers.encode()).hexdigest()[:16]}
    return table


def _there(path, survey, wanted, mag_limit, **how):
    """Return (tiles of a file that answer for the tiles `wanted`, those of `wanted` that none answers for).

    A part of a tile is there where its tile is.  how : as in `tilefile.covered`
    """
    whole = {tile: tiles.whole(tile) for tile in wanted}
    have = tilefile.covered(path, survey, list(dict.fromkeys([*whole.values(), *wanted])), mag_limit, **how)
    known = set(have)
    answering = [whole[tile] if whole[tile] in known else tile for tile in wanted]
    found = [tile for tile in dict.fromkeys(answering) if tile in known]
    return found, [tile for tile, answer in zip(wanted, answering, strict=True) if answer not in known]


def _stores(data_folder):
    """Return [(folder, as_it_is)] in the order of looking; the store of a data set is as its maker wants it."""
    own = [] if data_folder is None else [(Path(data_folder) / "pp_store", True)]
    return [*own, (user_folder(), False)]


def prefetch(survey, cones, mag_limit, client):
    """Fetch what the user's store lacks of some cones; return the numbers of tiles, and of those that were fetched.

    cones : [(ra_deg, dec_deg, radius_deg)]. Adjoining tiles of all cones go into one request.  Raises as `fetch`.
    """
    if survey.reader:
        raise CatalogError(f"{survey.name} is a file on this machine; nothing needs to be fetched")
    mag_limit = FAINTEST if mag_limit is None or survey.limit_on is None else float(mag_limit)
    wanted = list(dict.fromkeys(tile for cone in cones for tile in starcounts.tiles_of(*cone, mag_limit)))
    path = database(user_folder(), survey)
    if _writable(user_folder()) != user_folder():
        raise CatalogError(f"{user_folder()} cannot be written to; what is fetched could not be kept")
    _, missing = _there(path, survey, wanted, mag_limit)
    if missing:
        download_missing(path, survey, missing, mag_limit, client)
    return len(wanted), len(missing)


def fetch_ahead(survey, cone, mag_limit, client, data_folder=None):
    """Fetch what `fetch` would have to fetch for a cone (RA, Dec, radius in deg); return the number of tiles.

    Raises as `fetch`.
    """
    if survey.reader:
        return 0
    mag_limit = FAINTEST if mag_limit is None or survey.limit_on is None else float(mag_limit)
    missing = starcounts.tiles_of(*cone, mag_limit)
    for folder, as_it_is in _stores(data_folder):
        path = database(folder, survey)
        _, missing = _there(path, survey, missing, mag_limit, any_columns=as_it_is, expired=as_it_is)
    if missing:
        download_missing(database(_writable(user_folder()), survey), survey, missing, mag_limit, client)
    return len(missing)


def evict(folder, limit_mb, path, needed):
    """Remove the tiles that were not used for longest until the store takes 9/10 of `limit_mb`.

    path, needed : the file and the tiles that are in use at present and stay, however small the limit
    """
    files = sorted((folder / "refcats").glob("*.sqlite"))
    with locked(folder / "refcats" / "limit.lock"):
        room = sum(tilefile.size(file) for file in files) - limit_mb * 1e6
        if room <= 0:
            return
        room += 0.1 * limit_mb * 1e6
        old = []
        for file in files:
            entries = tilefile.usage(file)
            per_row = tilefile.size(file) / max(sum(n_rows for _, n_rows, _ in entries), 1)
            kept = set(needed) if file == path else set()
            old += [(used, file, tile, n_rows * per_row) for tile, n_rows, used in entries if tile not in kept]
        gone = {}
        for _, file, tile, taken in sorted(old):
            if room <= 0:
                break
            gone.setdefault(file, []).append(tile)
            room -= taken
        for file, unwanted in gone.items():
            with locked(file.with_suffix(".lock")):
                tilefile.remove(file, surveys.get(file.stem), unwanted)
                tilefile.shrink(file)
            log.info("%s: %d tiles removed, the store is limited to %g MB", file.stem, len(unwanted), limit_mb)
        if room > 0:
            log.warning("the store is larger than its limit of %g MB: this field alone takes more", limit_mb)


def write_tiles(folder, survey, table, coverage_cone, mag_limit):
    """Fill the store in `folder` (such as `<data set>/pp_store`) with `table`, in the internal schema.

    coverage_cone : (ra_deg, dec_deg, radius_deg); every tile that it touches counts as covered to `mag_limit`, so
    `table` has to hold all stars of the cone. Meant for the store of a data set, which is asked for that field alone.
    """
    survey = surveys.get(survey) if isinstance(survey, str) else survey
    touched = tiles.touched(*coverage_cone)
    tilefile.write(database(folder, survey), survey, touched, table, mag_limit, {"url": "local table"}, shared=False)


def download_missing(path, survey, wanted, mag_limit, client):
    """See to it that the file covers the tiles `wanted`; what others fetch meanwhile is not fetched again.

    An old answer is better than none: tiles that only ought to be renewed are used as they are if nobody answers.
    Raises OutsideSurvey where none of them lies in the survey.
    """
    if not survey.table:
        raise CatalogError(f"{survey.name}: not in the store for this field; {survey.advice}")
    check_limits(survey, wanted)
    skipped = set()
    while True:
        with locked(path.with_suffix(".lock")):
            _, missing = _there(path, survey, wanted, mag_limit)
            missing = [tile for tile in missing if tile not in skipped]
            if not missing:
                return
            group = compact(tiles.groups(missing)[0])
            try:
                download(path, survey, group, mag_limit, client)
            except NotReachable:
                _, lacking = _there(path, survey, group, mag_limit, any_columns=True, expired=True)
                if lacking:
                    raise
                log.warning("%s is unreachable; older rows of %d tiles are used", survey.name, len(group))
                skipped.update(group)


def check_limits(survey, wanted):
    """Raise OutsideSurvey if all the tiles lie more than a few degrees beyond the declinations that a survey covers."""
    low, high = survey.dec_limits
    decs = [tiles.bounds(tile)[2:] for tile in wanted]
    if all(top < low - RAGGED_DEG or bottom > high + RAGGED_DEG for bottom, top in decs):
        here = f"{np.mean(decs):+.0f}"
        raise OutsideSurvey(
            f"{survey.release} has stars at Dec {low:+.0f} to {high:+.0f}; this field, at {here}, is outside"
        )


def compact(group):
    """Return the first tiles of a group whose cone is not mostly other sky: those of a long path go one by one."""
    while len(group) > 1:
        _, _, radius_deg = tiles.enclosing_cone([tiles.bounds(tile) for tile in group], MARGIN_DEG)
        if np.pi * radius_deg**2 <= LARGEST_WASTE * sum(tiles.area_deg2(tile) for tile in group):
            break
        group = group[: len(group) // 2]
    return group


def download(path, survey, group, mag_limit, client):
    """Fetch adjoining tiles with one cone, or with smaller ones where it is cut off, and store them."""
    parts, origin = _download_boxes([tiles.bounds(tile) for tile in group], survey, mag_limit, client)
    table = vstack(parts, metadata_conflicts="silent") if len(parts) > 1 else parts[0]
    tilefile.write(path, survey, group, table, mag_limit, origin)
    depth = f" with stars to {survey.limit_on} < {mag_limit}" if survey.limit_on else ""
    log.info("%s: stored %d tiles%s", survey.name, len(group), depth)


def _download_boxes(boxes, survey, mag_limit, client, cuts=0):
    """Return ([Table], origin) of everything in `boxes`; an answer that is cut off is asked for again in parts."""
    ra_deg, dec_deg, radius_deg = tiles.enclosing_cone(boxes, MARGIN_DEG)
    answer = _ask(survey, (ra_deg, dec_deg, radius_deg), mag_limit, client)
    origin = {"url": answer.url, "request": answer.request, "answer_sha256": answer.sha256}
    if answer.complete:
        return [answer.table], origin
    if cuts == DEEPEST_CUT:
        place = f"{survey.name} at {ra_deg:.3f} {dec_deg:+.3f}"
        message = f"{place}: too many stars for one request, even in the smallest part"
        raise CatalogError(f"{message}; set a magnitude limit brighter than {mag_limit}")
    log.info("%s: answer cut off at %d rows; asking again in smaller parts", survey.name, len(answer.table))
    if len(boxes) > 1:
        parts = tiles.halves(boxes)
    else:
        parts, cuts = [[quarter] for quarter in tiles.quarters(boxes[0])], cuts + 1
    found = []
    for part in parts:
        rows, origin = _download_boxes(part, survey, mag_limit, client, cuts)
        found += rows
    return found, origin


def _ask(survey, cone, mag_limit, client):
    """Return the vizier.Answer for a cone; where VizieR is unreachable MAST is asked, if it has the catalogue."""
    from photometrypipeline.catalogs import mast, vizier  # half a second, and needed for a download alone

    try:
        return vizier.cone(survey, *cone, mag_limit, client)
    except NotReachable as failure:
        if not survey.mast or client.offline:
            raise
        log.warning("%s; asking MAST for %s", failure, survey.name)
        try:
            return mast.cone(survey, *cone, mag_limit, client)
        except NotReachable as second:
            log.warning("%s", second)
            raise failure from None


def _writable(folder):
    """Return `folder` if a store can be written there, otherwise a folder that lasts as long as this process."""
    with contextlib.suppress(OSError):
        (folder / "refcats").mkdir(parents=True, exist_ok=True)
        if os.access(folder / "refcats", os.W_OK):
            return folder
    return _lasting_folder(folder)


@functools.cache
def _lasting_folder(folder):
    """Return a folder that takes the place of one that cannot be written to, as long as this process lasts."""
    log.warning("%s cannot be written to; reference stars are kept for this run only", folder)
    made = Path(tempfile.mkdtemp(prefix="pp_store_"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made
