"""What a catalogue is asked for the registration: few stars close by, then more for frames that are not found."""

import logging
from collections.abc import Callable
from pathlib import Path

from photometrypipeline.catalogs import starcounts, surveys

log = logging.getLogger("pp.questions")

NEAR_DEG = 0.1  # around the frames, which the first question covers: most telescopes point better than that
FAR_DEG = 1.0  # pointing error that is survived with any catalogue
FEW_ROWS, MOST_ROWS = 20_000, 200_000  # that the first question may bring, and later ones, about
SPARE = 4.0  # times as many stars as are seen: 1.5 mag deeper, for what the model of their number does not know


def reaches_of(telescope, repetitions: int) -> list[float]:
    """Return how far beyond the frames stars are asked for (deg), from one question to the next."""
    wide = [telescope.search_radius, FAR_DEG][: max(1, repetitions)]
    return sorted({min(NEAR_DEG, wide[0]), wide[0], max(wide)})


def questions(
    name: str,
    circle: tuple[float, float, float],
    reaches: list[float],
    faintest: float,
    seen_per_deg2: Callable[[], float] | None = None,
) -> list:
    """Return [(reach in deg, magnitude limit), ...] in the order in which a catalogue is asked for stars.

    circle : (ra_deg, dec_deg, radius_deg) around the frames;  faintest : magnitude that is enough anywhere
    seen_per_deg2 : tells how many stars a square degree has on the frames; asked where the sky is dense
    In the Milky Way the first question is for bright stars alone, and as deep as the frames; those that are not found
    there ask for more.
    """
    ra_deg, dec_deg, radius_deg = circle
    if Path(name).is_file() or surveys.get(name).reader or surveys.get(name).limit_on is None:
        return [(reach, faintest) for reach in reaches]
    wanted = [(reaches[0], FEW_ROWS), *((reach, MOST_ROWS) for reach in reaches)]
    asked = [
        (reach, starcounts.limit(ra_deg, dec_deg, radius_deg + reach, faintest, most_rows))
        for reach, most_rows in wanted
    ]
    if seen_per_deg2:
        asked[0] = asked[0][0], _as_deep(ra_deg, dec_deg, asked[0][1], seen_per_deg2)
    for reach, limit in dict.fromkeys(asked):
        if limit < faintest:
            words = "%s: within %g deg of the frames stars to %.1f mag are asked for, not to %.1f: there are very many"
            log.info(words, name, reach, limit, faintest)
    return list(dict.fromkeys(asked))


def _as_deep(ra_deg: float, dec_deg: float, limit: float, seen_per_deg2: Callable[[], float]) -> float:
    """Return the magnitude to which there are SPARE times as many stars as frames show, `limit` at most."""
    if starcounts.per_deg2(ra_deg, dec_deg, min(limit, starcounts.FAINTEST_MAG)) <= starcounts.DENSE_PER_DEG2:
        return limit
    return min(limit, starcounts.depth(ra_deg, dec_deg, SPARE * seen_per_deg2()))
