"""A run that has nothing to do, known without loading what a run needs: nothing at all has changed since the last one.

A run that ends with all steps up to date keeps what it was called with and size, time and inode of every file that its
outcome could depend on: all in the folder of the frames, its store, its records and pages, the settings, instruments
and programs, the sources and the packages of the pipeline.  The same call with all of them as they were says what that
run would say.  With any difference, or doubt, the run goes the long way, which looks at what has changed.
"""

import contextlib
import hashlib
import importlib.util
import json
import logging
import os
import shutil
import sys
import time
from pathlib import Path

from photometrypipeline.base import jsonfile, userfolders
from photometrypipeline.base.files import BAD_PIXELS
from photometrypipeline.base.streams import boxed, ended, plain

log = logging.getLogger("pp.unchanged")

PLACE = Path(".diagnostics") / "stamps" / "unchanged.json"
OWN = (PLACE.name, "outcome.json")  # that every run writes
BELOW = (".diagnostics", ".diagnostics/stamps")
PROGRAMS = ("source-extractor", "sex", "sextractor", "scamp")
PACKAGES = ("numpy", "scipy", "astropy", "matplotlib", "jinja2")
ENVIRONMENT = ("PP_", "PHOTPIPEDIR", "XDG_", "PATH", "PYTHONPATH")
SETTLED_NS = 30_000_000  # a file this young may change once more within one tick of the clock of its file system, 10 ms
ENDINGS = (".fits", ".fit", ".fts")
PACKAGE = Path(__file__).resolve().parents[1]


def folder_of(images: list[str]) -> Path | None:
    """Return the folder of frames that are called by their names, None for other ways of naming them."""
    images = without_mask(images)
    folders = {os.path.dirname(name) for name in images}
    named = all(name.lower().endswith(ENDINGS) and os.path.isfile(name) for name in images)
    return Path(folders.pop()) if named and len(folders) == 1 else None


def without_mask(images: list[str]) -> list[str]:
    """Return the names of images without the mask of bad pixels, which wildcards bring along."""
    return [name for name in images if os.path.basename(name) != BAD_PIXELS]


def called(args) -> str:
    """Return what a command was called with, as text."""
    facts = {name: sorted(value) if isinstance(value, set) else value for name, value in vars(args).items()}
    facts.pop("folder", None)
    return repr(sorted((facts | {"images": without_mask(args.images)}).items()))


def state(args, folder: Path, others: tuple = ()) -> dict:
    """Return what the outcome of a call depends on (JSON values); `others` : paths of more files."""
    places = [folder, *(folder / name for name in BELOW), *_folders(folder / "pp_store")]
    return {
        "around": around(args),
        "folders": {str(place): _listed(place) for place in places},
        "others": {str(path): _signature(path) for path in others},
    }


def around(args) -> dict:
    """Return what the outcome of a call depends on besides the folder of its frames (JSON values)."""
    config, own = userfolders.config(), os.environ.get("PHOTPIPEDIR")
    places = [config, config / "instruments", *([Path(own), Path(own) / "setup"] if own else [])]
    places += [PACKAGE.parent, *_folders(PACKAGE), PACKAGE.parent / "setup", PACKAGE.parent / "setup" / "instruments"]
    named = [value for value in vars(args).values() if isinstance(value, str) and os.path.isfile(value)]
    programs = [path for path in map(shutil.which, PROGRAMS) if path]
    packages = [str(spec.origin) for spec in map(importlib.util.find_spec, PACKAGES) if spec]
    return {
        "called": called(args),
        "where": os.getcwd(),
        "python": sys.version,
        "environment": sorted(list(item) for item in os.environ.items() if item[0].startswith(ENVIRONMENT)),
        "folders": {str(place): _listed(place) for place in places},
        "files": {path: _signature(path) for path in (*named, *programs, *packages)},
    }


def _folders(top: Path) -> list[Path]:
    """Return a folder and all below it, but for those of compiled sources."""
    found = []
    for place, below, _ in os.walk(top):
        below[:] = [name for name in below if name != "__pycache__"]
        found.append(Path(place))
    return found


def _listed(place: Path) -> dict:
    """Return {name: [size, mtime_ns, inode]} of the files in a folder, empty without one."""
    from photometrypipeline.base.logfile import LOG_NAME  # brings tqdm along, which `-h` does without

    own = (*OWN, LOG_NAME)
    try:
        with os.scandir(place) as entries:
            return {each.name: _facts(each.stat()) for each in entries if each.name not in own and each.is_file()}
    except OSError:
        return {}


def _signature(path) -> list | None:
    try:
        return _facts(os.stat(path))
    except OSError:
        return None


def _facts(status: os.stat_result) -> list:
    return [status.st_size, status.st_mtime_ns, status.st_ino]


def keep(now: dict, folder: Path, told: dict, others: tuple = ()) -> None:
    """Keep the state `now` of a call that has nothing left to do, and what the next one would say.

    told : {"before": lines, "report": lines that stand in a box, "after": lines};  others : as in `state`
    """
    newest = max((facts[1] for facts in now["folders"][str(folder)].values()), default=0)
    if newest < time.time_ns() - SETTLED_NS:
        kept = {"state": digest(now), "told": told, "others": [str(path) for path in others]}
        jsonfile.write(folder / PLACE, kept, at_once=False)
    else:
        forget(folder)


def settle(folder: Path) -> None:
    """Wait until the files of a folder are old enough to be told from later ones."""
    newest = max((facts[1] for facts in _listed(folder).values()), default=0)
    rest_ns = newest + SETTLED_NS - time.time_ns()
    if 0 <= rest_ns <= SETTLED_NS:
        time.sleep((rest_ns + 1_000_000) / 1e9)


def forget(folder: Path) -> None:
    """Remove what is kept."""
    with contextlib.suppress(OSError):
        (folder / PLACE).unlink(missing_ok=True)


def told_before(args, folder: Path) -> dict | None:
    """Return what was kept to be said, if nothing has changed since then, else None."""
    known = (jsonfile.read(folder / PLACE) if (folder / PLACE).is_file() else None) or {}  # a pipe would never end
    told, others = known.get("told"), tuple(known.get("others", ()))
    return told if told and known["state"] == digest(state(args, folder, others)) else None


def digest(content: dict) -> str:
    """Return a short text that stands for JSON values."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def answer_at_once(build_parser, name: str) -> None:
    """End the process of the command `name` if it has nothing to do, before anything slow is imported."""
    if Path(sys.argv[0]).stem != name:
        return
    began, args = time.monotonic(), build_parser().parse_args()
    folder = folder_of(args.images)
    if folder is None or args.summary or told_before(args, folder) is None:
        return
    from photometrypipeline.base.logfile import logging_to

    with logging_to(folder) as messages:
        messages.wait_for_others()
        told = told_before(args, folder)  # with the folder to oneself
        if told is None:
            return
        log.info("%s.py starts in %s: %s", name, os.getcwd(), called(args))
        say(told["before"], told["before"])
        say(boxed(told["report"]), told["report"])
        say(told["after"], told["after"])
        from photometrypipeline.runs import outcomes

        outcomes.write(folder, status=0, error="", losses=[], duration_s=round(time.monotonic() - began, 1))
        status = ended(0)
        log.info("%s.py ends with status %d", name, status)
    sys.exit(status)


def say(lines: list[str], logged: list[str]) -> None:
    """Print lines, and log others."""
    for line in logged:
        log.info("%s", line)
    sys.stdout.write("".join(f"{plain(line)}\n" for line in lines))
