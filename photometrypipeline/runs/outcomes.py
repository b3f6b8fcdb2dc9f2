"""What became of a run of pp_run in a folder, for whoever started it: one JSON file, while it runs and after it."""

import json
import os
import time
from pathlib import Path

from photometrypipeline.base.files import write_text
from photometrypipeline.frames.records import FOLDER

NAME = "outcome.json"


def write(folder=".", **facts):
    """Keep `facts` (JSON values) about the run in `folder`: step, status, error, losses."""
    place = Path(folder) / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    facts |= {"process": os.getpid(), "time": time.strftime("%Y-%m-%d %H:%M:%S")}
    write_text(place / NAME, json.dumps(facts, indent=1) + "\n", at_once=False)


def read(folder="."):
    """Return what is kept about the last run in `folder` (dict), empty if there is nothing."""
    try:
        found = json.loads((Path(folder) / FOLDER / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def forget(folder):
    """Remove it: what is there after the next run is of that one."""
    (Path(folder) / FOLDER / NAME).unlink(missing_ok=True)
