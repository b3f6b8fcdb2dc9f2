#!/usr/bin/env python3
"""Manage the local store of reference stars and ephemerides: look into it, fetch ahead, carry it to another computer.

reads   the network for `fetch` and `prefetch`; files of other stores, zones of APASS DR10, or the orbits of the Minor
        Planet Center for `import`
writes  the user's store, ~/.local/share/photometrypipeline (or below $XDG_DATA_HOME); a file or folder for `export`

Examples:
  pptool_store list                                   what is there
  pptool_store list PANSTARRS -cone 150.1 2.2 0.5     tile by tile, and what is missing of a field
  pptool_store fetch PANSTARRS 150.1 2.2 0.5 21       RA, Dec, radius in degrees, magnitude limit
  pptool_store prefetch -catalogs GAIA,REFCAT2 -fields fields.txt
  pptool_store prefetch -catalogs GAIA,PANSTARRS -targets 3552,2P -site 290 -nights 2026-12-01 2026-12-03
  pptool_store export all stick/store                 everything, for `pptool_store import stick/store` elsewhere
  pptool_store export PANSTARRS field.sqlite -cone 150.1 2.2 0.5
  pptool_store import field.sqlite zp05.sum           tiles; a zone file of APASS DR10
  pptool_store import MPCORB.DAT.gz NEA.txt CometEls.txt   all orbits, for the known bodies in a field without network
  pptool_store clear PANSTARRS -cone 150.1 2.2 0.5
"""

from photometrypipeline.base import commandline

# isort: split
import argparse

ALL, EPHEMERIDES, ORBITS = "all", "ephemerides", "orbits"


def survey_named(name):
    """Return the Survey of an argument of the command line."""
    from photometrypipeline.catalogs import surveys  # brings numpy along

    try:
        return surveys.get(name)
    except KeyError:
        raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(surveys.NAMES)}") from None


def survey_or(*words):
    """Return a converter of arguments: one of `words`, or the name of a catalogue."""

    def convert(name):
        return name if name in words else survey_named(name)

    return convert


def several(convert=str):
    """Return a converter of lists with commas."""
    return lambda text: [convert(part.strip()) for part in text.split(",") if part.strip()]


def build_parser():
    """Return the parser of the command line."""
    parser = commandline.parser_of(__doc__, images=False)
    known = "list | fetch | prefetch | export | import | clear"
    actions = parser.add_subparsers(dest="action", required=True, metavar=known)
    one = actions.add_parser("list", help="what is in the store; with a catalogue, tile by tile")
    one.add_argument("survey", type=survey_named, nargs="?", metavar="CATALOG")
    with_cone(one)
    one = actions.add_parser("fetch", help="fetch a field")
    one.add_argument("survey", type=survey_named, metavar="CATALOG")
    for name, text in (("ra", "deg"), ("dec", "deg"), ("radius", "deg"), ("mag", "magnitude limit")):
        one.add_argument(name, type=float, metavar=name.upper(), help=text)
    add_prefetch(actions)
    one = actions.add_parser("export", help="write tiles to a file, or everything to a folder")
    one.add_argument("survey", type=survey_or(ALL), metavar="CATALOG|all")
    one.add_argument("file", metavar="FILE")
    with_cone(one)
    one = actions.add_parser(
        "import", help="read what export wrote, zone files of APASS DR10, or MPCORB.DAT and the like"
    )
    one.add_argument("files", nargs="+", metavar="FILE")
    one = actions.add_parser(
        "clear", help="remove a catalogue or a cone of it, the ephemerides, the orbits, or everything"
    )
    one.add_argument("survey", type=survey_or(ALL, EPHEMERIDES, ORBITS), metavar="CATALOG|ephemerides|orbits|all")
    with_cone(one)
    return parser


def with_cone(parser):
    """Add -cone to the parser of an action."""
    cone = {"nargs": 3, "type": float, "metavar": ("RA", "DEC", "RADIUS"), "help": "deg (default: everything)"}
    parser.add_argument("-cone", **cone)


def add_prefetch(actions):
    """Add the action `prefetch`."""
    one = actions.add_parser("prefetch", help="fetch fields and the paths of targets ahead of an observing run")
    add = one.add_argument
    add("-catalogs", type=several(survey_named), required=True, metavar="A,B", help="catalogues, separated by commas")
    add("-fields", metavar="FILE", help="a field per line: RA, Dec (deg, or hours and deg with colons), radius, name")
    add("-targets", type=several(), metavar="A,B", help="names of Solar System objects, separated by commas")
    add("-site", metavar="CODE", help="observatory code of the Minor Planet Center, for -targets")
    add("-nights", nargs="+", metavar="DATE", help="first and last evening, such as 2026-12-01 2026-12-03")
    add("-radius", type=float, default=0.3, metavar="DEG", help="radius of a field (default: %(default)s)")
    text = "added for catalogues that serve the registration, which looks that far beyond frames (default: %(default)s)"
    add("-margin", type=float, default=0.5, metavar="DEG", help=text)
    add("-mag", type=float, default=21.0, metavar="MAG", help="magnitude limit (default: %(default)s)")


commandline.answer_at_once(build_parser)

# isort: split
import math
import sys
from pathlib import Path

import toolbox

from tqdm import tqdm

import pp_setup
from photometrypipeline.base import services
from photometrypipeline.base.errors import CatalogError, FrameError, NotFound, NotReachable, UsageError
from photometrypipeline.base.files import replacing, replacing_folder, safe_name
from photometrypipeline.catalogs import apasszones, prefetch, skystore, surveys, tilefile, tiles
from photometrypipeline.ephemerides import ephemeris, ephemstore
from photometrypipeline.ephemerides.orbits import shelf
from photometrypipeline.ephemerides.orbits import table as orbittable

SQLITE = b"SQLite format 3\0"


# ---- looking


def show(args, losses):
    """Print a line for every catalogue in the store, or one for every tile of a catalogue."""
    if args.survey:
        return show_tiles(args)
    folder = skystore.user_folder()
    files = sorted((folder / "refcats").glob("*.sqlite"))
    total = sum(map(tilefile.size, files)) / 1e6
    limit = "no size limit" if pp_setup.store_limit_mb is None else f"limited to {pp_setup.store_limit_mb:g} MB"
    toolbox.say(f"{folder}: {len(files)} catalogues, {total:.1f} MB, {limit}")
    for path in files:
        name, rows = tilefile.inventory(path)
        stars = sum(row[2] for row in rows)
        newest = max((row[3] for row in rows), default="never")[:10]
        size = tilefile.size(path) / 1e6
        toolbox.say(f"{name:16} {len(rows):6} tiles {stars:9} stars {size:8.1f} MB, last fetched {newest}")
    known = ephemstore.summary(folder / ephemstore.FILE_NAME)
    if known:
        answers = f"{known['position']} positions, {known['elements']} sets of elements, {known['answer']} answers"
        toolbox.say(f"{EPHEMERIDES:16} {answers}")
    for orbits in shelf.tables():
        toolbox.say(f"{ORBITS:16} {len(orbits):8} of {orbits.origin}, most of them of {shelf.day_of(orbits)}")


def show_tiles(args):
    """Print where the tiles of a catalogue are, how deep, and when they were fetched; for a cone what it lacks, too."""
    path = tilefile.database(skystore.user_folder(), args.survey)
    known = {row[0]: row for row in tilefile.inventory(path)[1]} if path.exists() else {}
    wanted = list(known)
    if args.cone is not None:
        present = [(tile, chosen(known, (tile,))) for tile in tiles.touched(*args.cone)]
        wanted = [each for tile, parts in present for each in parts or [tile]]
    lacking = 0
    for tile in wanted:
        place = "tile {:7d} at RA {:8.4f}, Dec {:+8.4f}: ".format(tile, *tiles.middle(tile))
        if tile in known:
            _, limit, n_rows, fetched = known[tile]
            depth = "complete" if limit >= skystore.FAINTEST else f"to {args.survey.limit_on} = {limit:g}"
            toolbox.say(f"{place}{n_rows} stars, {depth}, fetched {fetched[:10]}")
        else:
            lacking += 1
            toolbox.say(f"{place}missing")
    toolbox.say(f"{args.survey.release}: {len(wanted) - lacking} of {len(wanted)} tiles are in the store")


# ---- fetching


def fetch(args, losses):
    """Fetch what is missing of a field."""
    check_cone(args.ra, args.dec, args.radius)
    client = services.Client()
    limit_mb = pp_setup.store_limit_mb
    table = skystore.fetch(args.survey, args.ra, args.dec, args.radius, args.mag, client, limit_mb=limit_mb)
    toolbox.say(f"{len(table)} stars of {args.survey.release} are in the store")


def fetch_ahead(args, losses):
    """Fetch fields and the paths of targets, from each of some catalogues; what fails is a loss, the rest goes on."""
    if not (args.fields or args.targets):
        raise UsageError("nothing to fetch: give -fields FILE, or -targets with -site and -nights")
    if args.targets and not (args.site and args.nights):
        raise UsageError("-targets needs -site, an MPC code, and -nights, the dates of the evenings")
    client = services.Client()
    fields = prefetch.read_fields(args.fields, args.radius) if args.fields else []
    groups = [(field.name, [field]) for field in fields]
    if args.targets:
        found, unreached = paths(args, client, losses)
        groups += found
        if unreached and not groups:
            raise unreached[-1]
    failures, work = [], [(survey, name, group) for survey in args.catalogs for name, group in groups]
    for survey, name, group in tqdm(work, desc="fetch", delay=2, leave=False, disable=not sys.stderr.isatty()):
        margin = args.margin if survey.key else 0.0
        cones = [(field.ra_deg, field.dec_deg, field.radius_deg + margin) for field in group]
        try:
            n_tiles, n_new = skystore.prefetch(survey, cones, args.mag, client)
        except (NotReachable, CatalogError) as error:
            losses.add(f"{survey.name}, {name}", str(error))
            failures.append(error)
            continue
        toolbox.say(f"{survey.release}, {name}: {n_tiles} tiles, {n_new} of them fetched now")
    if failures and len(failures) == len(work):
        raise failures[-1]


def paths(args, client, losses):
    """Return [(name, Fields on its path)] of the targets, whose positions and elements are in the store then.

    And the NotReachable (list) of those for which Horizons could not be asked.
    """
    jds, found, unreached = prefetch.nights(args.site, args.nights[0], args.nights[-1]), [], []
    for name in args.targets:
        try:
            place = ephemeris.positions(name, args.site, jds, client)
        except (NotFound, NotReachable) as error:
            losses.add(name, str(error))
            unreached += [error] if isinstance(error, NotReachable) else []
            continue
        toolbox.say(f"{place.full_name}: {len(jds)} positions from {place.source}")
        found.append((place.full_name, prefetch.along(place, args.radius)))
    return found, unreached


# ---- carrying


def export(args, losses):
    """Copy tiles of a catalogue into a file that can be carried away, or everything into a folder."""
    target = Path(args.file)
    if target.exists():
        raise UsageError(f"{target} exists; choose another name or delete it first")
    if args.survey == ALL:
        return export_all(args, target)
    source = existing(args.survey)
    with replacing(target) as temporary:
        temporary.unlink()  # SQLite makes it
        number = tilefile.copy(source, temporary, args.survey, chosen_of(args, source), shared=False)
    toolbox.say(f"{number} tiles of {args.survey.release} written to {target}")


def export_all(args, target):
    """Copy all catalogues, or their tiles in a cone, and the ephemerides into a folder laid out as a store."""
    with replacing_folder(target) as temporary:
        copy_all(args, temporary)
    toolbox.say(f"written to {target}; elsewhere: pptool_store import {target}")


def copy_all(args, target):
    """Copy all that a store has into the folder `target`.  Raises UsageError if that is nothing."""
    folder = skystore.user_folder()
    for source in sorted((folder / "refcats").glob("*.sqlite")):
        survey = surveys.get(source.stem)
        number = tilefile.copy(source, tilefile.database(target, survey), survey, chosen_of(args, source), shared=False)
        toolbox.say(f"{number} tiles of {survey.release}")
    known = folder / ephemstore.FILE_NAME
    if known.exists():
        taken = ephemstore.merge(known, target / ephemstore.FILE_NAME)
        toolbox.say(f"{taken['position']} positions")
    for path in shelf.paths():
        copy_orbits(path, target / shelf.FOLDER)
    if not any(target.iterdir()):
        raise UsageError(f"{folder} contains nothing to export")


def copy_orbits(path, folder):
    """Copy a table of orbits into a folder, if it is one."""
    orbits = orbittable.load(path)
    folder.mkdir(parents=True, exist_ok=True)
    orbits.save(folder / path.name)
    toolbox.say(f"{len(orbits)} orbits of {orbits.origin}")


def take_in(args, losses):
    """Take tiles of files into the store, where they are missing or less deep; and orbits."""
    files = []
    for path in map(Path, args.files):
        if not path.exists():
            raise UsageError(f"{path} does not exist; check its name")
        parts = [*sorted((path / "refcats").glob("*.sqlite")), *path.glob(ephemstore.FILE_NAME)]
        parts += sorted((path / shelf.FOLDER).glob("*.npz"))
        if path.is_dir() and not parts:
            raise UsageError(f"{path} is not a store: it contains no refcats/*.sqlite")
        files += parts if path.is_dir() else [path]
    for file in files:
        if file.name == ephemstore.FILE_NAME:
            taken = ephemstore.merge(file, skystore.user_folder() / ephemstore.FILE_NAME)
            toolbox.say(f"{taken['position']} positions taken from {file}")
        elif is_sqlite(file):
            take_tiles(file)
        elif apasszones.is_zone_file(file):
            take_zone(file)
        elif file.suffix == ".npz":
            copy_orbits(file, shelf.user_folder())
        else:
            take_orbits(file)


def take_orbits(file):
    """Take in a file of the Minor Planet Center with orbits; a file of another kind is refused."""
    try:
        orbits, remarks = shelf.take(file)
    except FrameError as error:
        known = "an export of pptool_store, a zone file of APASS DR10, MPCORB.DAT, NEA.txt or CometEls.txt"
        raise UsageError(f"{file}: {error.reason}; what can be imported is {known}") from None
    for remark in remarks:
        toolbox.say(f"{file}: {remark}")
    toolbox.say(f"{len(orbits)} orbits of {orbits.kind} taken from {file}, most of them of {shelf.day_of(orbits)}")


def is_sqlite(file):
    """Return whether a file is a database of SQLite."""
    with open(file, "rb") as stream:
        return stream.read(len(SQLITE)) == SQLITE


def take_tiles(file):
    """Take in the tiles of an exported file."""
    name, rows = tilefile.inventory(file)
    if surveys.canonical(name) is None:
        raise CatalogError(f"{file}: made for the catalogue {name}, which this version does not know")
    survey = surveys.get(name)
    target = tilefile.database(skystore.user_folder(), survey)
    number = tilefile.copy(file, target, survey, [row[0] for row in rows])
    toolbox.say(f"{number} of {len(rows)} tiles of {survey.release} taken from {file}")


def take_zone(file):
    """Take in a zone file of APASS DR10."""
    survey, table = apasszones.survey(), apasszones.read(file)
    covered = apasszones.covered(table)
    target = tilefile.database(skystore.user_folder(), survey)
    tilefile.write(target, survey, covered, table, skystore.FAINTEST, {"url": safe_name(file.name)})
    toolbox.say(f"{len(table)} stars of {survey.release} in {len(covered)} tiles taken from {file}")


def clear(args, losses):
    """Forget a catalogue, or its tiles in a cone; the ephemerides; everything."""
    folder = skystore.user_folder()
    if args.survey in (ALL, EPHEMERIDES, ORBITS):
        if args.cone is not None:
            raise UsageError("-cone needs the name of one catalogue")
        known = folder / ephemstore.FILE_NAME
        gone = [known] if known.exists() and args.survey != ORBITS else []
        gone += shelf.paths() if args.survey in (ALL, ORBITS) else []
        gone += [path for path in sorted((folder / "refcats").glob("*.sqlite")) if args.survey == ALL]
        for path in gone:
            for part in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal"))):
                part.unlink(missing_ok=True)
        toolbox.say(f"{len(gone)} files removed from {folder}")
        return
    path = existing(args.survey)
    unwanted = chosen_of(args, path)
    tilefile.remove(path, args.survey, unwanted)
    tilefile.shrink(path)
    toolbox.say(f"{len(unwanted)} tiles of {args.survey.release} removed")


def existing(survey):
    """Return the Path of the store of a catalogue.  Raises UsageError if there is none."""
    path = tilefile.database(skystore.user_folder(), survey)
    if not path.exists():
        raise UsageError(f"nothing of {survey.name} is in the store; pptool_store list shows what is")
    return path


def chosen_of(args, path):
    """Return the tiles in the store that the cone of the command line touches, all without one."""
    present = [row[0] for row in tilefile.inventory(path)[1]]
    return present if args.cone is None else chosen(present, tiles.touched(*args.cone))


def chosen(present, wanted):
    """Return those of the tiles `present` that are among the tiles `wanted`, or parts of them."""
    wanted = set(wanted)
    return [tile for tile in present if tiles.whole(tile) in wanted]


def check_cone(ra_deg, dec_deg, radius_deg):
    """Raise UsageError for what is not a cone on the sky."""
    if not (-90 <= dec_deg <= 90 and 0 < radius_deg <= 180 and math.isfinite(ra_deg)):
        cone = f"{ra_deg:g} {dec_deg:g} {radius_deg:g}"
        raise UsageError(f"{cone} is not a cone on the sky: Dec is within -90 to 90, the radius above 0")


@toolbox.command(build_parser)
def main(args, losses):
    if getattr(args, "cone", None) is not None:
        check_cone(*args.cone)
    actions = {
        "list": show,
        "fetch": fetch,
        "prefetch": fetch_ahead,
        "export": export,
        "import": take_in,
        "clear": clear,
    }
    actions[args.action](args, losses)


if __name__ == "__main__":
    sys.exit(main())
