#!/usr/bin/env python3
"""Manage the local store of reference stars: what is there, fetch more, carry it to another computer.

reads   the network for `fetch`; files of other stores for `import`
writes  the user's store, ~/.local/share/photometrypipeline (or below $XDG_DATA_HOME); a file for `export`

Examples:
  pptool_store list
  pptool_store fetch PANSTARRS 150.1 2.2 0.5 21       RA, Dec, radius in degrees, magnitude limit
  pptool_store export PANSTARRS field.sqlite -cone 150.1 2.2 0.5
  pptool_store import field.sqlite                    on a computer without a network
  pptool_store clear PANSTARRS -cone 150.1 2.2 0.5
"""

import toolbox

# isort: split
import argparse
import sys
from pathlib import Path

from photometrypipeline import services, skystore, surveys, tilefile, tiles
from photometrypipeline.errors import CatalogError, UsageError


def show(args):
    """Print a line for every catalogue in the store."""
    folder = skystore.user_folder()
    files = sorted((folder / "refcats").glob("*.sqlite"))
    toolbox.say(f"{folder}: {len(files)} catalogues")
    for path in files:
        name, rows = tilefile.inventory(path)
        stars = sum(row[2] for row in rows)
        newest = max((row[3] for row in rows), default="never")[:10]
        size = path.stat().st_size / 1e6
        toolbox.say(f"{name:16} {len(rows):6} tiles {stars:9} stars {size:8.1f} MB, last fetched {newest}")


def fetch(args):
    """Fetch what is missing of a field."""
    client = services.Client()
    table = skystore.fetch(args.survey, args.ra, args.dec, args.radius, args.mag, client)
    toolbox.say(f"{len(table)} stars of {args.survey.release} are in the store")


def export(args):
    """Copy tiles of a catalogue into a file that can be carried away."""
    source = existing(args.survey)
    target = Path(args.file)
    if target.exists():
        raise UsageError(f"{target} exists; choose another name or delete it first")
    number = tilefile.copy(source, target, args.survey, chosen(args, source), shared=False)
    toolbox.say(f"{number} tiles of {args.survey.release} written to {target}")


def take_in(args):
    """Take the tiles of a file into the store, where they are missing or less deep."""
    for file in map(Path, args.files):
        if not file.exists():
            raise UsageError(f"{file} does not exist")
        name, rows = tilefile.inventory(file)
        if surveys.canonical(name) is None:
            raise CatalogError(f"{file}: made for the catalogue {name}, which this version does not know")
        survey = surveys.get(name)
        target = tilefile.database(skystore.user_folder(), survey)
        number = tilefile.copy(file, target, survey, [row[0] for row in rows])
        toolbox.say(f"{number} of {len(rows)} tiles of {survey.release} taken from {file}")


def clear(args):
    """Forget a catalogue, or its tiles in a cone."""
    path = existing(args.survey)
    unwanted = chosen(args, path)
    tilefile.remove(path, args.survey, unwanted)
    toolbox.say(f"{len(unwanted)} tiles of {args.survey.release} removed")


def existing(survey):
    """Return the Path of the store of a catalogue.  Raises UsageError if there is none."""
    path = tilefile.database(skystore.user_folder(), survey)
    if not path.exists():
        raise UsageError(f"nothing of {survey.name} is in the store; pptool_store list shows what is")
    return path


def chosen(args, path):
    """Return the tiles in the store that the cone of the command line touches, all without one."""
    present = [row[0] for row in tilefile.inventory(path)[1]]
    if args.cone is None:
        return present
    touched = set(tiles.touched(*args.cone))
    return [tile for tile in present if tile in touched]


def survey_named(name):
    """Return the Survey of an argument of the command line."""
    try:
        return surveys.get(name)
    except KeyError:
        raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(surveys.NAMES)}") from None


def build_parser():
    parser = toolbox.make_parser(__doc__, images=False, jobs=False)
    actions = parser.add_subparsers(required=True, metavar="list | fetch | export | import | clear")
    actions.add_parser("list", help="what is in the store").set_defaults(action=show)
    one = actions.add_parser("fetch", help="fetch a field")
    one.add_argument("survey", type=survey_named, metavar="CATALOG")
    for name, text in (("ra", "deg"), ("dec", "deg"), ("radius", "deg"), ("mag", "magnitude limit")):
        one.add_argument(name, type=float, metavar=name.upper(), help=text)
    one.set_defaults(action=fetch)
    one = actions.add_parser("export", help="write tiles to a file")
    one.add_argument("survey", type=survey_named, metavar="CATALOG")
    one.add_argument("file", metavar="FILE")
    one.set_defaults(action=export)
    forget = actions.add_parser("clear", help="remove a catalogue, or a cone of it")
    forget.add_argument("survey", type=survey_named, metavar="CATALOG")
    forget.set_defaults(action=clear)
    for action in (one, forget):
        cone = {"nargs": 3, "type": float, "metavar": ("RA", "DEC", "RADIUS"), "help": "deg (default: everything)"}
        action.add_argument("-cone", **cone)
    bring = actions.add_parser("import", help="take in the tiles of files that export wrote")
    bring.add_argument("files", nargs="+", metavar="FILE")
    bring.set_defaults(action=take_in)
    return parser


@toolbox.command(build_parser)
def main(args, losses):
    args.action(args)


if __name__ == "__main__":
    sys.exit(main())
