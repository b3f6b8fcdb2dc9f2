"""Data sets whose headers have a mistake in the pointing: where they may look, and which mistake it was."""

from collections import Counter

import numpy as np

from photometrypipeline.instruments import pointings
from photometrypipeline.registration.astrometry import to_sky

LEAST_DEG = 0.1  # nearer pointings need no explanation
MOST_PLACES = 6  # that are tried; each may cost a request


def alternatives(guesses):
    """Yield (Mistake, {name: Header}) for the mistakes that the headers of a data set may share.

    guesses : {name: first guess of the WCS};  the mistake is the one of the first frame, the headers are changed copies
    """
    first = next(iter(guesses.values()))
    for mistake in pointings.gross_mistakes(float(first["CRVAL1"]), float(first["CRVAL2"]))[:MOST_PLACES]:
        changed = {name: _moved(guess, mistake) for name, guess in guesses.items()}
        if None not in changed.values():
            yield mistake, changed


def _moved(guess, mistake):
    """Return a copy of a first guess where the same mistake is taken back, None if it cannot have it."""
    same = pointings.gross_mistakes(float(guess["CRVAL1"]), float(guess["CRVAL2"]))
    same = [each for each in same if each.name == mistake.name]
    if not same:
        return None
    near = min(same, key=lambda m: pointings.separation(m.ra_deg, m.dec_deg, mistake.ra_deg, mistake.dec_deg))
    guess = guess.copy()
    guess["CRVAL1"], guess["CRVAL2"] = near.ra_deg % 360, near.dec_deg
    return guess


def explanations(headers, solutions):
    """Return {text of a mistake: number of frames} for frames whose true place a known mistake explains.

    headers : {name: Header} with the first guess and MIDTIMJD;  solutions : {name: Header} with the WCS of the stars
    """
    found = Counter()
    for name, solution in solutions.items():
        header = headers[name]
        middle = [[(int(header[f"NAXIS{axis}"]) + 1) / 2] for axis in (1, 2)]
        told = [float(each[0]) for each in to_sky(header, *middle)]
        true = [float(each[0]) for each in to_sky(solution, *middle)]
        if np.isfinite([*told, *true]).all():
            mistake = pointings.explain(*told, *true, float(header["MIDTIMJD"]), least_deg=LEAST_DEG)
            if mistake:
                found[mistake.text] += 1
    return found
