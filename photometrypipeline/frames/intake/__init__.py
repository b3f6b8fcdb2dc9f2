"""What an observer gives made into frames that can be measured: unpacked, taken apart, one colour of a colour camera.

What was given stays as it is: each product is a file of its own next to it, whose header names what it was made from
(PPFROM).  A product that is still that of its original is taken as it is, with all that was done to it since.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from photometrypipeline.base.errors import FrameError
from photometrypipeline.base.files import A_PIPE, is_endless
from photometrypipeline.base.losses import Losses
from photometrypipeline.frames.frame import Frame
from photometrypipeline.frames.intake import bayer, chips, compressed, products

log = logging.getLogger("pp.intake")

__all__ = ["Choice", "take_in"]


@dataclass(frozen=True)
class Choice:
    """What is made of files that hold more than one plain image.

    extension : number or name of the HDU to take;  split : whether each chip becomes a frame of its own
    colour : of cameras with a mask of colours, as bayer.one_colour has it; None: frames stay as they are
    """

    extension: str | None = None
    split: bool = False
    colour: str | None = "green"


def take_in(names: Iterable[str], choice: Choice, losses: Losses) -> list[str]:
    """Return the names of the plain images that `names` hold, in their order; files that fail go to `losses`.

    A name stays where its file is a plain image, or cannot be read (the step that opens it says why).
    """
    ready = []
    for name in names:
        try:
            ready += _plain_images(Path(name), choice)
        except FrameError as error:
            losses.add_error(Frame(name), error)
    return [str(path) for path in dict.fromkeys(ready)]


def _plain_images(path, choice):
    if is_endless(path):
        raise FrameError(path, f"is {A_PIPE}, where a file belongs", "move it away")
    if not products.is_text(path.name):
        path = products.copy_with_plain_name(path)
    if compressed.is_compressed(path):
        path = compressed.unpack(path)
    paths = chips.take_apart(path, choice.extension, choice.split)
    return [bayer.one_colour(each, choice.colour) if choice.colour else each for each in paths]
