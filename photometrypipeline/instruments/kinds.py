"""What a value in the definition of an instrument has to be: its type, and the words of an error message for it."""

import sys
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from photometrypipeline.instruments.instrument import TOLERANCES

LARGEST = sys.float_info.max  # no number of an instrument is infinite
Number = int | Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
Positive = Annotated[int, Meta(gt=0)] | Annotated[float, Meta(gt=0, le=LARGEST)]
Whole = Annotated[int, Meta(gt=0)]


class Kind(NamedTuple):
    """A type as msgspec knows it, what it is in words, and a condition that the type does not tell."""

    type: Any
    words: str
    condition: Callable = lambda _: True


KINDS = {
    "text": Kind(str, "text"),
    "texts": Kind(tuple[str, ...], "a list of texts"),
    "yes/no": Kind(bool, "true or false"),
    "number": Kind(Number, "a number"),
    "pair": Kind(tuple[Number, Number], "two numbers"),
    "code": Kind(
        Annotated[str, Meta(pattern="^[A-Za-z0-9]{3,4}$")],
        "a station code of the MPC: three or four letters or digits in quotes",
    ),
    "scale": Kind(
        tuple[Positive, ...],
        "two numbers above 0, arcsec per unbinned pixel, or [] if the user has to say",
        lambda scale: len(scale) in (0, 2),
    ),
    "range": Kind(tuple[Positive, Positive], "two numbers, the smaller first", lambda ends: ends[0] < ends[1]),
    "binning": Kind(
        tuple[str | Whole, str | Whole],
        "two whole numbers or two header keywords",
        lambda pair: type(pair[0]) is type(pair[1]),
    ),
    "unit": Kind(Literal["hour", "deg"], "'hour' or 'deg'"),
    "moment": Kind(Literal["start", "middle"], "'start' or 'middle'"),
    "zone": Kind(
        Annotated[int, Meta(ge=-14, le=14)] | Annotated[float, Meta(ge=-14, le=14)],
        "hours ahead of UTC, between -14 and 14",
    ),
    "equinox": Kind(
        Literal["date"] | Annotated[int, Meta(ge=1800, le=2100)] | Annotated[float, Meta(ge=1800, le=2100)],
        "a year between 1800 and 2100, or 'date'",
    ),
    "tolerance": Kind(Literal[TOLERANCES], "one of " + ", ".join(TOLERANCES)),
}


def checked(key, kind, value):
    """Return `value` in the form in which Telescope keeps it.  Raises ValueError if it is not of that kind."""
    wanted = KINDS[kind]
    try:
        found = msgspec.convert(value, wanted.type)
    except msgspec.ValidationError:
        found = None
    if found is None or not wanted.condition(found):
        raise ValueError(f"{key} = {value!r} has to be {wanted.words}")
    return None if kind == "scale" and not found else found
