"""All periods that the data do not exclude: where the evidence is near its best, and why each of them is there."""

from dataclasses import dataclass, field

import numpy as np

from photometrypipeline.periods import evidence, fourier, shape

EXCLUDED = float(np.log(1000))  # a period with less evidence than the best by this factor is excluded
MISSED = 0.06  # share of the evidence of a narrow peak that a grid may miss
MOST = 80  # maxima that are looked at closely
ZOOMS, STEPS = 3, 17  # onto a maximum, and frequencies in each
SIDE = 45  # frequencies to each side of a maximum, ever farther away
NEAR = 0.3  # of the resolution, 1/span: so near a relation between two frequencies has to be
RATIOS = {  # frequency of a candidate over that of the best
    (1, 2): "double",
    (2, 1): "half",
    (2, 3): "3/2 (three maxima for two)",
    (3, 2): "2/3 (two maxima for three)",
    (1, 3): "triple",
    (3, 1): "a third",
}


@dataclass
class Candidate:
    """A period that the data do not exclude.

    frequency : of the best evidence, 1/d;  low, high : within which it is not excluded;  log_evidence : ln, relative to
    no variation;  n_maxima, amplitude_mag, curve : of the series there
    odds : how likely relative to the best candidate, shapes of curves taken into account;  reason : why it is there
    """

    frequency: float
    low: float
    high: float
    log_evidence: float
    n_maxima: int = 2
    amplitude_mag: float = 0.0
    curve: np.ndarray = field(default_factory=lambda: np.zeros(0))
    log_mass: float = 0.0
    odds: float = 1.0
    reason: str = ""

    @property
    def period_h(self) -> float:
        """Period in hours."""
        return 24 / self.frequency

    def holds(self, frequency):
        """Return whether a frequency (1/d) lies within the range of this candidate."""
        return self.low <= frequency <= self.high


def find(points, grid, night_d=1.0):
    """Return the Candidates (list), the most likely first, of an Evidence over all frequencies.

    night_d : time between two nights
    """
    tops = [_climbed(points, grid, grid.frequency[place]) for place in peaks(grid.total)]
    highest, _ = max(tops, key=lambda top: top[1])
    related = [highest / 2, highest * 2]  # whatever the grid shows of them
    tops += [_climbed(points, grid, each) for each in related if grid.frequency[0] < each < grid.frequency[-1]]
    best = max(total for _, total in tops)
    found = []
    for frequency, total in sorted(tops, key=lambda top: -top[1]):
        if total > best - EXCLUDED and not any(each.holds(frequency) for each in found):
            found.append(_looked_at(points, grid, frequency))
    found.sort(key=lambda each: -each.log_mass)
    for each in found:
        each.odds = float(np.exp(each.log_mass - found[0].log_mass))
        each.reason = reason_of(each, found[0], points.span_d, night_d) if each is not found[0] else "best"
    return [each for each in found if not _doubled(each, found)]


def peaks(total):
    """Return the indices (list) of maxima of the evidence (ln, shape (n,)) that may turn out to be the best.

    Between two frequencies of the grid lies some more evidence, a share of what there is.
    """
    padded = np.concatenate([[-np.inf], total, [-np.inf]])
    highest = (padded[1:-1] >= padded[:-2]) & (padded[1:-1] > padded[2:])
    least = total.max() - EXCLUDED - MISSED * max(total.max(), 0)
    places = np.flatnonzero(highest & (total > least))
    return places[np.argsort(-total[places])][:MOST].tolist()


def _climbed(points, grid, frequency):
    """Return (frequency, evidence) of the top near a frequency."""
    half = grid.frequency[1] - grid.frequency[0]
    for _ in range(ZOOMS):
        fine = evidence.around(points, frequency, half, STEPS, grid.scale)
        frequency, half = fine.frequency[fine.total.argmax()], half / (STEPS // 4)
    return float(frequency), float(fine.total.max())


def _looked_at(points, grid, frequency):
    """Return the Candidate at a frequency: how far to both sides it is not excluded, and what the curve is like."""
    step = grid.frequency[1] - grid.frequency[0]
    away = step * np.geomspace(1e-3, 300, SIDE)
    ladder = frequency + np.concatenate([-away[::-1], [0], away])
    ladder = ladder[(ladder > grid.frequency[0] - step) & (ladder < grid.frequency[-1] + step) & (ladder > step / 2)]
    total = evidence.at(points, ladder, grid.scale).total
    middle = int(np.argmin(np.abs(ladder - frequency)))
    out = np.flatnonzero(total < total[middle] - EXCLUDED)
    first, last = max(out[out < middle], default=-1) + 1, min(out[out > middle], default=len(ladder)) - 1
    low, high = ladder[max(first - 1, 0)], ladder[min(last + 1, len(ladder) - 1)]
    made = Candidate(float(frequency), float(low), float(high), float(total[middle]))
    near = slice(first, last + 1)
    series = fourier.fit(points, made.frequency, _order_for(points), grid.scale)
    made.curve, made.amplitude_mag, made.n_maxima = series.curve, series.amplitude, shape.maxima(series.curve)
    made.log_mass = _mass(ladder[near], total[near]) + np.log(shape.odds(made.n_maxima, made.amplitude_mag))
    return made


def _mass(frequency, total):
    """Return ln of the evidence times the width in ln f: beforehand all periods are as likely on that scale."""
    top = total.max()
    return float(top + np.log(np.trapezoid(np.exp(total - top) / frequency, frequency)))


def _order_for(points):
    return int(np.clip(len(points) // 12, 2, 4))


def _doubled(each, found):
    """Return whether a candidate merely repeats another, not the best, at twice its period with twice its maxima."""
    if each.n_maxima < 4 or each is found[0]:
        return False
    return any(other is not found[0] and other.holds(2 * each.frequency) for other in found)


def reason_of(each, best, span_d, night_d):
    """Return in words how a candidate comes about, given the best one: the nearest of all simple relations."""
    width = max(NEAR / span_d, (each.high - each.low) / 2, (best.high - best.low) / 2)
    found = []
    for (above, below), words in RATIOS.items():
        off = abs(each.frequency - best.frequency * above / below)
        found.append((off / max(1, above / below), off, words))
    for simple, (ratio, words) in enumerate(((1, ""), (0.5, ", of the double"), (2, ", of the half"))):
        away = each.frequency - ratio * best.frequency
        halves = round(2 * away * night_d)
        off = abs(away - halves / 2 / night_d)
        if halves:
            relation = f"{_relation(halves, night_d)}{words}"
            found.append((off + (0.1 + 0.3 * simple + 0.05 * abs(halves)) * width, off, relation))
    _, off, words = min(found)
    return words if off < width else "too few rotations seen to tell it apart"


def _relation(halves, night_d):
    """Return in words so many half rotations more in a number of days."""
    if halves % night_d == 0:
        halves, night_d = round(halves / night_d), 1.0
    return f"{_rotations(halves)} {'more' if halves > 0 else 'less'} {_per(night_d)}"


def _rotations(halves):
    n = abs(halves)
    if n == 1:
        return "half a rotation"
    return f"{n // 2} rotation{'s' if n > 2 else ''}" if n % 2 == 0 else f"{n / 2:g} rotations"


def _per(night_d):
    return "a night" if abs(night_d - 1) < 0.1 else f"in {night_d:.3g} d"
