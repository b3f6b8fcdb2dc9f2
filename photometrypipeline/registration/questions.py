"""What a catalogue is asked for the registration: few stars close by, then more for frames that are not found."""

import logging
from pathlib import Path

from photometrypipeline.catalogs import starcounts, surveys

log = logging.getLogger("pp.questions")

NEAR_DEG = 0.1  # around the frames, which the first question covers: most telescopes point better than that
FAR_DEG = 1.0  # pointing error that is survived with any catalogue
FEW_ROWS, MOST_ROWS = 20_000, 200_000  # that the first question may bring, and later ones, about


def reaches_of(telescope, repetitions: int) -> list[float]:
    """Return how far beyond the frames stars are asked for (deg), from one question to the next."""
    wide = [telescope.search_radius, FAR_DEG][: max(1, repetitions)]
    return sorted({min(NEAR_DEG, wide[0]), wide[0], max(wide)})


def questions(name: str, circle: tuple[float, float, float], reaches: list[float], faintest: float) -> list:
    """Return [(reach in deg, magnitude limit), ...] in the order in which a catalogue is asked for stars.

    circle : (ra_deg, dec_deg, radius_deg) around the frames;  faintest : magnitude that is enough anywhere
    In the Milky Way the first question is for bright stars alone, and frames that are not found there ask for more.
    """
    ra_deg, dec_deg, radius_deg = circle
    if Path(name).is_file() or surveys.get(name).reader or surveys.get(name).limit_on is None:
        return [(reach, faintest) for reach in reaches]
    wanted = [(reaches[0], FEW_ROWS), *((reach, MOST_ROWS) for reach in reaches)]
    asked = [
        (reach, starcounts.limit(ra_deg, dec_deg, radius_deg + reach, faintest, most_rows))
        for reach, most_rows in wanted
    ]
    for reach, limit in dict.fromkeys(asked):
        if limit < faintest:
            words = "%s: within %g deg of the frames stars to %.1f mag are asked for, not to %.1f: there are very many"
            log.info(words, name, reach, limit, faintest)
    return list(dict.fromkeys(asked))
