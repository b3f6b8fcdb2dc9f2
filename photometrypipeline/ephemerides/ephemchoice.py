"""How the places of targets are found: the options -ephemeris and -elements; apart, since every command loads it."""

from dataclasses import dataclass

AUTO, LOCAL, HORIZONS = MODES = ("auto", "local", "horizons")


@dataclass(frozen=True)
class Choice:
    """How places are found: `mode` auto (Horizons, without it computed), local (computed), horizons (never computed).

    elements : path of a file with orbital elements (elementsfile.py), or None for those in the store alone
    """

    mode: str = AUTO
    elements: str | None = None
