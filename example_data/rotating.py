"""Synthetic bodies that rotate: nights of magnitudes of which period, amplitude and shape are known."""

from dataclasses import dataclass

import numpy as np

from photometrypipeline.periods.measurements import Measurements

WIDTHS = np.array([0.25, 1, 0.25, 0.2, 0.1, 0.1])  # of the harmonics of an elongated body, the second is the largest
FAINT_MAG = 0.15  # bodies that vary less may have any shape
CORRELATED = 0.3  # noise that neighbours share, in units of that of one point
SHARED_D = 0.02  # over this time


@dataclass
class Body:
    """A body: `period_h`, and `coefficients` (mag) of cos and sin of each harmonic."""

    period_h: float
    coefficients: np.ndarray

    def mag(self, t_d):
        """Return how much fainter than its mean it is at times (d, shape (n,))."""
        turns = 2 * np.pi * np.outer(t_d * 24 / self.period_h, np.arange(1, len(self.coefficients) // 2 + 1))
        return np.cos(turns) @ self.coefficients[::2] + np.sin(turns) @ self.coefficients[1::2]


def body(rng, period_h, amplitude_mag, order):
    """Return a Body with that peak-to-peak amplitude and `order` harmonics."""
    widths = WIDTHS[:order].copy()
    if amplitude_mag < FAINT_MAG:
        widths[0] = 0.7
    size = widths * np.where(np.arange(order) == 1, 1, rng.standard_normal(order))
    angle = rng.uniform(0, 2 * np.pi, order)
    made = Body(period_h, np.column_stack([size * np.cos(angle), size * np.sin(angle)]).ravel())
    curve = made.mag(np.linspace(0, period_h / 24, 1000))
    made.coefficients *= amplitude_mag / np.ptp(curve)
    return made


def times(rng, n_nights, hours=(4, 8), minutes=(3, 8)):
    """Return (t_d, session): mid-times of nights of that many hours, one frame in so many minutes."""
    day, t_d, session = 0, [], []
    for night in range(n_nights):
        length, step = rng.uniform(*hours) / 24, rng.uniform(*minutes) / 1440
        begin = day + rng.uniform(-0.06, 0.06) - length / 2
        own = np.arange(begin, begin + length, step)
        t_d.append(own + rng.uniform(-0.1, 0.1, len(own)) * step)
        session.append(np.full(len(own), night))
        day += int(rng.choice([1, 1, 1, 2, 3]))
    return np.concatenate(t_d), np.concatenate(session)


def observed(rng, truth, t_d, session, err_mag, err_common_mag):
    """Return the Measurements of a Body with noise: of each point, of its neighbours together, and of each night."""
    shared = rng.standard_normal(len(t_d))
    for place in range(1, len(t_d)):
        kept = np.exp(-abs(t_d[place] - t_d[place - 1]) / SHARED_D)
        shared[place] = kept * shared[place - 1] + np.sqrt(1 - kept**2) * shared[place]
    offsets = rng.normal(0, err_common_mag, session.max() + 1)
    noise = err_mag * (rng.standard_normal(len(t_d)) + CORRELATED * shared)
    mag = truth.mag(t_d) + noise + offsets[session]
    unknown, same = np.full(len(t_d), np.nan), np.zeros(len(t_d), dtype=int)
    err = np.full(len(t_d), err_mag)
    return Measurements(t_d, mag - mag.mean(), err, session, same, unknown, np.full(len(offsets), err_common_mag))
