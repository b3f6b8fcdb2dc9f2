"""A folder with frames of several objects, filters or cameras, sorted into sub-folders, one data set each.

Frames are copied, and stay where they are: pp_prepare writes into headers, so that a symbolic link would change the
original, and a hard link would save nothing, since the first header that is written makes a file of its own.  Where the
file system can (btrfs, xfs, ...), a copy shares its blocks with the original until one of them is changed.
"""

import json
import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from photometrypipeline.base.errors import PipelineError
from photometrypipeline.base.files import replacing, safe_name, write_text
from photometrypipeline.frames.frame import Frame
from photometrypipeline.instruments import headers, telescopes
from photometrypipeline.runs.stamps import final_name

log = logging.getLogger("pp.splitting")

NOTE = Path(".diagnostics") / "split.json"
SHARE_BLOCKS = 0x40049409  # FICLONE of Linux


@dataclass
class Parts:
    """How a folder was sorted: {sub-folder: [image name]}, and {name of an image that was left: why}."""

    folders: dict
    left: dict

    def covers(self, image):
        """Return whether `image` has been sorted into a sub-folder."""
        return any(image in images for images in self.folders.values())

    def why(self, image):
        """Return why `image` is in no sub-folder."""
        return self.left.get(image, "arrived after the others were sorted; pp_run all -split sorts it as well")


def read(folder):
    """Return the Parts of a folder that has been sorted, None for any other one."""
    try:
        parts = Parts(**json.loads((Path(folder) / NOTE).read_text(encoding="utf-8")))
        parts.covers(""), parts.why("")
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return parts


def split(folder, images, by_filter=True):
    """Sort `images` (names) in `folder` into sub-folders; returns the Parts, None if they are one data set already.

    by_filter : False: frames of several filters stay together
    A second call copies what is new, or gone from its sub-folder, and nothing else.
    """
    folder = Path(folder)
    kinds, left = {}, {}
    for image in images:
        try:
            kinds[image] = kind_of(Frame(folder / image), by_filter)
        except PipelineError as error:
            left[image] = f"not sorted, {getattr(error, 'reason', error)}"
    known = read(folder)
    if len(set(kinds.values())) < 2 and not known:
        return None
    parts = Parts({}, left)
    named = names_of(sorted(set(kinds.values())))
    for kind, name in sorted(named.items(), key=lambda item: item[1]):
        parts.folders[name] = [image for image in images if kinds.get(image) == kind]
        for image in parts.folders[name]:
            place = folder / name / image
            if not (place.exists() or Path(final_name(place)).exists()):
                copy(folder / image, place)
        bring_companions(folder, folder / name, parts.folders[name])
    (folder / NOTE).parent.mkdir(exist_ok=True)
    write_text(folder / NOTE, json.dumps({"folders": parts.folders, "left": parts.left}, indent=1) + "\n")
    return parts


def kind_of(frame, by_filter):
    """Return (object, filter, camera) of a frame as text.  Raises PipelineError for one that cannot be read."""
    header = frame.header
    telescope = telescopes.identify(header)
    name = headers.text_of(frame, telescope, "object") or "unnamed"
    return name, headers.raw_filter(frame, telescope) if by_filter else "", telescope.key


def names_of(kinds):
    """Return {(object, filter, camera): name of the sub-folder}: object and band, and the camera where it matters."""
    names = {}
    for kind in kinds:
        name, raw, camera = kind
        band = band_of(raw, camera) if raw else ""
        parts = [name, *([band] if band else []), *([camera] if len({each[2] for each in kinds}) > 1 else [])]
        names[kind] = safe_name("_".join(parts))
    taken = list(names.values())
    return {
        kind: name if taken.count(name) == 1 else safe_name(f"{name}_{kind[1]}_{kind[2]}")
        for kind, name in names.items()
    }


def band_of(raw, camera):
    """Return the band of a filter, its raw name where it has none."""
    try:
        return telescopes.get(camera).band(raw) or raw
    except PipelineError:
        return raw


def copy(source, target):
    """Copy a file with its times, all of it or nothing; shares blocks where the file system can."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as temporary:
        if not share_blocks(source, temporary):
            shutil.copyfile(source, temporary)
        shutil.copystat(source, temporary)
    log.info("%s copied to %s", source, target)


def share_blocks(source, target):
    """Make `target` (exists, empty) a copy of `source` that shares its blocks; returns whether that was possible."""
    try:
        import fcntl

        with open(source, "rb") as old, open(target, "wb") as new:
            fcntl.ioctl(new.fileno(), SHARE_BLOCKS, old.fileno())
        return True
    except (ImportError, OSError):
        return False


def bring_companions(folder, part, images):
    """Give a sub-folder what a user has put next to the frames: header additions for SCAMP; a store, as a link."""
    additions = [folder / "scamp.ahead", *((folder / image).with_suffix(".ahead") for image in images)]
    for path in additions:
        if path.is_file() and not (part / path.name).exists():
            copy(path, part / path.name)
    if (folder / "pp_store").is_dir() and not (part / "pp_store").exists():
        (part / "pp_store").symlink_to(os.path.join("..", "pp_store"), target_is_directory=True)
