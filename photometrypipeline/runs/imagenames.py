"""The names of images, and of other files, that the arguments of a command mean: wildcards, folders, list files."""

import glob
import logging
import os
import re
from pathlib import Path

from photometrypipeline.base.errors import FrameError, Occupied, UsageError
from photometrypipeline.base.files import A_PIPE, STACK_FOLDERS, endless_in, is_endless, stem_of, sweep
from photometrypipeline.frames.frame import BAD_PIXELS
from photometrypipeline.runs import datatree, stamps

log = logging.getLogger("pp.images")

NOWHERE = "is a link to something that is not there"
NO_FRAMES = (BAD_PIXELS, *(f"{stack}.fits" for stack in STACK_FOLDERS))


def expand(arguments, quiet=False):
    """Return the image names (list of str) that `arguments` mean: wildcards are expanded, one list file is read.

    A folder stands for all images in it; one without any is left out, unless it is all there is, and told if not
    `quiet`.  Raises UsageError naming every file that does not exist, and for two images
    with the same base name.
    """
    if len(arguments) == 1 and re.search(r"\.(lst|list)", arguments[0]) and not arguments[0].lower().endswith(".fits"):
        arguments = _read_list(arguments[0])
    names = []
    for argument in arguments:
        if os.path.isdir(argument):
            try:
                names += _images_in(argument)
            except UsageError as error:
                if len(arguments) == 1:
                    raise
                if not quiet:
                    log.warning("%s; it is left out", error)  # a wildcard may have met it
            continue
        renamed = stamps.final_name(argument)  # by an earlier run of pp_prepare
        found = sorted(glob.glob(argument) or glob.glob(renamed)) if not os.path.exists(argument) else []
        names += found or [renamed if not os.path.exists(argument) and os.path.exists(renamed) else argument]
    names = [name for name in dict.fromkeys(names) if os.path.basename(name) != BAD_PIXELS]
    missing = [name for name in names if not os.path.lexists(name) and name != "all"]
    if missing:
        more = " ..." if len(missing) > 10 else ""
        raise UsageError(f"no such file: {', '.join(missing[:10])}{more}; check the names")
    bases = [os.path.basename(name) for name in names]
    twice = sorted({base for base in bases if bases.count(base) > 1})
    if twice:
        raise UsageError(f"several images are called {', '.join(twice)}; their result files would overwrite each other")
    return names


def make_ready(images, folder):
    """Remove what a command that was killed has left half-written in `folder` and in those of the `images`.

    Raises Occupied where there is a pipe, a socket or a device that is or belongs to none of the images: whoever reads
    one never ends.  Without `images` none may be there; images that nobody asked for may.
    """
    places = _places(images, folder)
    for path in [path for place in places for path in endless_in(place)]:
        frame = path.name.lower().endswith(datatree.IMAGES) and path.name not in NO_FRAMES
        if not (images and frame) and not _owner(path.name, images):
            raise Occupied(path, A_PIPE)
    for place in places:
        sweep(place)


def _places(images, folder):
    return {folder, *(Path(name).parent for name in images)}


def without_endless(images, folder, losses):
    """Return the `images` (list of str) that can be read to their end, as all of their files there and in `folder` can.

    A pipe, a socket or a device is the loss of the image that it is, or that it would belong to; a link to nothing is
    one as well.  Raises UsageError if no image is left.
    """
    lost = {name: _pipe(name) for name in images if is_endless(name)}
    lost |= {name: FrameError(name, NOWHERE, "mend the link") for name in images if _leads_nowhere(name)}
    for path in [path for place in _places(images, folder) for path in endless_in(place)]:
        owner = _owner(path.name, images)
        if owner:
            lost.setdefault(owner, _pipe(path))
    for name, error in lost.items():
        losses.add_error(os.path.basename(name), error)
    left = [name for name in images if name not in lost]
    if images and not left:
        raise UsageError("none of the images can be read")
    return left


def _pipe(path):
    return FrameError(path, f"is {A_PIPE}, where a file belongs", "move it away")


def _leads_nowhere(path):
    return os.path.islink(path) and not os.path.exists(path)


def _owner(name, images):
    """Return the image to which a file of this name belongs, None where there is none."""
    owners = [each for each in images if name.startswith((f"{stem_of(each)}.", f"{stem_of(each)}_cal."))]
    return max(owners, key=lambda each: len(stem_of(each)), default=None)


def existing(names):
    """Return the names (list of str) of files, wildcards expanded.  Raises UsageError naming those that are missing."""
    found = [match for name in names for match in (sorted(glob.glob(name)) or [name])]
    missing = [name for name in found if not os.path.exists(name)]
    if missing:
        raise UsageError(f"no such file: {', '.join(missing)}; check the names")
    return list(dict.fromkeys(found))


def _images_in(folder):
    """Return the names (list of str) of the images in `folder`.  Raises UsageError if there is none."""
    below = []
    for place, images, _ in datatree.image_folders(folder, deepest=1):
        if place == Path(folder) and images:
            return [os.path.normpath(os.path.join(folder, image)) for image in images]
        below += [str(place)] if images else []
    remedy = f"those below it ({', '.join(below[:3])}) are run by `pp_run all` there" if below else "check its name"
    raise UsageError(f"folder {folder} contains no images; {remedy}")


def _read_list(path):
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise UsageError(f"list file {path} cannot be read ({error.strerror}); check its name") from None
    names = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not names:
        raise UsageError(f"list file {path} contains no images")
    return names
