"""What the shape of a curve says about its period: how many maxima a rotation has, and how likely that is."""

import numpy as np

PROMINENCE = 0.15  # of the amplitude, for an extremum to count
# how likely curves with one, two, three, four maxima are beforehand: faint ones may have any shape, large ones have two
# maxima, as elongated bodies do (Harris et al. 2014, Icarus 235, 55)
ODDS = {  # maxima: (amplitude below 0.1 mag, above 0.4 mag), between them on a logarithmic scale
    1: (0.25, 0.002),
    2: (1.0, 1.0),
    3: (0.25, 0.02),
    4: (0.05, 0.005),
}
MORE = (0.01, 0.001)
FAINT_MAG, LARGE_MAG = 0.1, 0.4


def maxima(curve):
    """Return how many maxima a closed curve (mag, shape (n,)) has that stand out, at least one."""
    return max(1, len(turns(curve)) // 2)


def turns(curve, prominence=PROMINENCE):
    """Return the places (list of int) of its extrema, dim and bright in turn, that stand out from their neighbours."""
    least = prominence * np.ptp(curve)
    if least <= 0:
        return []
    start = int(np.argmin(curve))
    rolled = np.roll(curve, -start)
    found, rising, last = [0], True, 0
    for place in range(1, len(rolled)):
        value, extreme = rolled[place], rolled[last]
        if (value > extreme) if rising else (value < extreme):
            last = place
        elif abs(value - extreme) > least:
            found.append(last)
            rising, last = not rising, place
    if rising:  # the last minimum is the first again
        found.append(last)
    return [(place + start) % len(curve) for place in found]


def odds(n_maxima, amplitude_mag):
    """Return how likely a curve of so many maxima and that amplitude is beforehand, relative to one with two maxima."""
    faint, large = np.log(ODDS.get(n_maxima, MORE))
    share = np.clip(np.log(amplitude_mag / FAINT_MAG) / np.log(LARGE_MAG / FAINT_MAG), 0, 1)
    return float(np.exp(faint + (large - faint) * share))
