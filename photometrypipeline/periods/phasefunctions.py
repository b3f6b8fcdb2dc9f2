"""How bodies fade with the phase angle: the functions of the IAU, as sbpy has them."""

import warnings
from functools import cache

import numpy as np


@cache
def _models():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sbpy brings along what astropy is about to drop
        from sbpy import photometry
    return {"HG": photometry.HG, "HG12": photometry.HG12_Pen16, "HG1G2": photometry.HG1G2}


def evaluate(name, phase_deg, parameters):
    """Return how much fainter (mag) than at opposition a body is at phase angles (deg), by "HG", "HG12" or "HG1G2".

    Bowell et al. (1989, Asteroids II); Penttilae et al. (2016, P&SS 123, 117); Muinonen et al. (2010, Icarus 209, 542).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = _models()[name].evaluate(np.radians(phase_deg), 0.0, *parameters)
    return np.array(getattr(values, "value", values), dtype=float)


def hg(phase_deg, slope):
    """Return how much fainter (mag) than at opposition a body is at phase angles (deg) by H, G."""
    return evaluate("HG", phase_deg, (slope,))
