"""Which of a million bodies may be near a field: all orbits as ellipses, a second of work.

Planets pull a body off its ellipse; how far, at most, is reckoned from the time since the epoch of the elements, and
seen from a near body's distance it is more. What is left over is integrated (together.py).
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from photometrypipeline.ephemerides.orbit import LIGHT_AU_D
from photometrypipeline.ephemerides.orbits.table import OrbitTable

CHUNK = 32768  # bodies at a time: the arrays of a step stay in the processor's cache
PULL_AU_D2 = 3e-7  # more than Jupiter's pull (1e-3 of the Sun's) in most of the asteroid belt
OFF_AU = 2e-5  # rounding of single precision, light time
WIDEST_DEG = 8.0
KEPLER_ROUNDS = 6


@dataclass
class Field:
    """A circle on the sky for some time: where to, radius, the middle `tdb` and half the span (d) of the frames.

    observer : heliocentric place of the observer at `tdb`, shape (3,), au;  speed : its velocity, au/d
    """

    towards: np.ndarray
    radius_deg: float
    tdb: float
    half_span_d: float
    observer: np.ndarray
    speed: np.ndarray


def near(orbits: OrbitTable, field: Field, jobs: int = 2) -> np.ndarray:
    """Return the numbers of the bodies that may come into the field; those on no ellipse are all among them."""
    with ThreadPoolExecutor(max(jobs, 1)) as pool:  # NumPy lets go of the interpreter within large arrays
        found = list(pool.map(lambda piece: _near(piece[0], piece[1], field), _pieces(orbits)))
    return np.concatenate([*found, np.zeros(0, dtype=int)])


def _pieces(orbits: OrbitTable) -> Iterator[tuple[int, list]]:
    epoch, m0, n, plane = (orbits[column] for column in ("epoch", "m0", "n", "plane"))
    for first in range(0, len(epoch), CHUNK):
        here = slice(first, first + CHUNK)
        yield first, [np.array(column[..., here]) for column in (epoch, m0, n, plane)]  # copies are aligned


def _near(first: int, columns: list, field: Field) -> np.ndarray:
    epoch, m0, n, plane = columns
    since = field.tdb - epoch
    anomaly = ((m0 + n * since + np.pi) % (2 * np.pi) - np.pi).astype(np.float32)
    motion = n.astype(np.float32)
    ecc, axes = plane[0], plane[1:].reshape(2, 3, -1)
    angle = kepler(anomaly, ecc)
    c, s = np.cos(angle), np.sin(angle)
    place = axes[0] * (c - ecc) + axes[1] * s
    speed = (axes[1] * c - axes[0] * s) * (motion / (1 - ecc * c))
    seen = place - field.observer.astype(np.float32)[:, None]
    delta = np.sqrt(np.einsum("ij,ij->j", seen, seen))
    seen -= speed * (delta / LIGHT_AU_D)
    delta = np.sqrt(np.einsum("ij,ij->j", seen, seen))
    moving = speed - field.speed.astype(np.float32)[:, None]
    apart = seen / delta - field.towards.astype(np.float32)[:, None]
    chord = np.sqrt(np.einsum("ij,ij->j", apart, apart))
    off_au = OFF_AU + PULL_AU_D2 * since.astype(np.float32) ** 2 / 2
    off_au += np.sqrt(np.einsum("ij,ij->j", moving, moving)) * field.half_span_d
    reach = np.radians(field.radius_deg) + np.minimum(off_au / delta, np.radians(WIDEST_DEG))
    return first + np.flatnonzero(~(chord > reach))  # NaN, on no ellipse, is not farther


def kepler(anomaly: np.ndarray, ecc: np.ndarray) -> np.ndarray:
    """Return the eccentric anomalies (rad) of mean anomalies from -pi to pi on ellipses, by Halley's method."""
    angle = anomaly + ecc * np.sin(anomaly) / np.maximum(1 - np.sin(anomaly + ecc) + np.sin(anomaly), 0.3)
    for _ in range(KEPLER_ROUNDS):
        e_sine, slope = ecc * np.sin(angle), 1 - ecc * np.cos(angle)
        off = angle - e_sine - anomaly
        step = off / (slope - np.float32(0.5) * off * e_sine / slope)
        angle = angle - step
        if np.nanmax(np.abs(step), initial=0) < 1e-5:
            break
    return angle
