"""From measurements to the rotation: the period with its error, what else is possible, what to beware of."""

from dataclasses import dataclass, field

import numpy as np
from scipy.special import logsumexp

from photometrypipeline.base.errors import PipelineError
from photometrypipeline.periods import bootstrap, candidates, evidence, fourier, noise, order, residuals, shape
from photometrypipeline.periods.measurements import Measurements

FEWEST_POINTS = 12
POINTS_A_PERIOD = 4  # in the shortest period that is looked for
LONGEST_SPANS = 2.0  # the longest one, in spans of the data: half a rotation may show all there is
MOST_FREQUENCIES = 200_000
SEEN = 5.0  # ln of the odds for a variation against none, from which on there is one
SHORTEST_H, LONGEST_RATIO = 0.01, 1.02
MOST_ASKED = 10 * MOST_FREQUENCIES  # in a range that was asked for
COVERAGE_BINS = 20
ROUNDS = 4  # of the search
MOST_OUTLYING = 0.05  # share of the points
ORDERS = range(2, 9)  # harmonics that may be there
SURE = 0.95  # of the probability that a lower limit of the period stands on
ONCE_MORE = 0.1  # ln of a change of the scale of the errors for which the search is repeated


@dataclass
class Solution:
    """What was found; `period_h` None, and `verdict` says why, where there is no period.

    period_err_h, amplitude_mag, amplitude_err_mag : with one sigma;  order : harmonics, scores : {order: chi2}
    longer_than_h : lower limit of the period where less than one rotation was seen, else None
    outlying : which points (bool, shape (n,)) are far out and do not count
    candidates : all periods that are not excluded, the best first;  probability : of each of them, shape (n,)
    series, errors : the fit;  scale : by which errors of points were too small;  inflation, length : how residuals hang
    together;  rotations : number in the span;  coverage : share of the rotation that was seen
    """

    points: Measurements
    grid: evidence.Evidence
    candidates: list
    outlying: np.ndarray
    verdict: str = ""
    period_h: float | None = None
    period_err_h: float = np.nan
    longer_than_h: float | None = None
    amplitude_mag: float = np.nan
    amplitude_err_mag: float = np.nan
    order: int = 0
    scores: dict = field(default_factory=dict)
    series: fourier.Series | None = None
    errors: bootstrap.Errors | None = None
    scale: float = 1.0
    inflation: float = 1.0
    length: int = 1
    rotations: float = 0.0
    coverage: float = 0.0
    log_odds_of_variation: float = np.nan
    second: residuals.Second | None = None
    warnings: list = field(default_factory=list)

    @property
    def probability(self):
        """Share of each candidate in what is possible, shape (n_candidates,)."""
        odds = np.array([each.odds for each in self.candidates])
        return odds / odds.sum() if odds.size else odds


def limits_h(points):
    """Return (shortest, longest) period in hours that points can tell."""
    longest = LONGEST_SPANS * points.span_d * 24
    shortest = max(SHORTEST_H, POINTS_A_PERIOD * points.cadence_d * 24)
    shortest = max(shortest, 24 * 2 * evidence.OVERSAMPLING * points.span_d / MOST_FREQUENCIES)
    return shortest, longest


def solve(points, name, period_h=None, n_harmonics=None, chosen_h=None):
    """Return the Solution for Measurements of the body `name`.

    period_h : (shortest, longest) period to be looked for;  n_harmonics : instead of the choice by cross-validation
    chosen_h : the period that the user takes, of those that are possible
    Raises PipelineError where there is too little to look for a period in.
    """
    _check(points, name)
    low_h, high_h = period_h or limits_h(points)
    steps = evidence.OVERSAMPLING * points.span_d * 24 * (1 / low_h - 1 / high_h)
    if steps > MOST_ASKED:
        shortest_h = 1 / (1 / high_h + MOST_ASKED / steps * (1 / low_h - 1 / high_h))
        raise PipelineError(
            f"{name}: {steps:.0f} periods would have to be tried; the shortest has to be {shortest_h:.2g} h at least"
        )
    longest_h = 24 * evidence.OVERSAMPLING * points.span_d  # of the search
    if not 0 < low_h * LONGEST_RATIO < high_h or low_h >= longest_h:
        raise PipelineError(
            f"{name}: {points.span_d * 24:.2f} h of data do not tell periods between {low_h:.2f} and {high_h:.2f} h"
        )
    points, outlying, grid, scale, inflation, length = _search(points, low_h, high_h)
    found = candidates.find(points, grid, night_of(points))
    solution = Solution(points, grid, found, outlying, scale=scale, inflation=inflation, length=length)
    solution.log_odds_of_variation = _odds_of_variation(grid)
    if solution.log_odds_of_variation < SEEN:
        return _constant(solution, name)
    if chosen_h:
        _take(solution, chosen_h, name)
    _fit(solution, n_harmonics)
    _judge(solution, name, chosen_h)
    return solution


def _check(points, name):
    if len(points) < FEWEST_POINTS:
        raise PipelineError(f"{name}: {len(points)} measurements, at least {FEWEST_POINTS} are needed for a period")
    if not points.span_d > 0:
        raise PipelineError(f"{name}: all measurements have the same time")


def _search(points, low_h, high_h):
    """Return (points, outlying, Evidence, scale, inflation, length).

    Errors are scaled to the residuals, points far out do not count any more, and the search is repeated.
    """
    total, given, outlying = noise.USUAL, points, noise.lone(points)
    points = given.without(outlying)
    for _ in range(ROUNDS):
        grid = evidence.over_grid(points, 24 / high_h, 24 / low_h, total)
        frequency = grid.frequency[grid.full.argmax()]
        n, _ = order.choose(points, frequency, total)
        series = fourier.refined(points, frequency, n, total)
        scale = noise.scale_of(points, series)
        inflation, length = noise.correlation(points, series)
        change, total = abs(np.log(scale * inflation / total)), scale * inflation
        found = outlying | noise.outliers(points, series)
        if found.mean() > MOST_OUTLYING:  # then they are no outliers
            found = outlying
        same = (found == outlying).all()
        outlying, points = found, given.without(found)
        if change < ONCE_MORE and same:
            break
    return points, outlying, grid, scale, inflation, length


def _odds_of_variation(grid):
    """Return ln of the odds for a variation, all periods as likely on a logarithmic scale, against none."""
    width = np.gradient(np.log(grid.frequency)) if len(grid.frequency) > 1 else np.ones(1)
    return float(logsumexp(grid.total, b=width / width.sum()))


def _constant(solution, name):
    grid, total = solution.grid, solution.scale * solution.inflation
    seen = np.where(grid.frequency >= 1 / solution.points.span_d, grid.total, -np.inf)
    series = fourier.refined(solution.points, grid.frequency[seen.argmax()], order.LOWEST_ORDER, total)
    errors = bootstrap.errors_of(solution.points, series, solution.length, solution.inflation)
    limit = series.amplitude + 2 * errors.amplitude
    solution.verdict = (
        f"{name}: no variation was found, so no period can be given; a rotation would show less than {limit:.3f} mag"
    )
    solution.amplitude_mag, solution.amplitude_err_mag = series.amplitude, errors.amplitude
    solution.candidates = []
    return solution


def _take(solution, chosen_h, name):
    """Put the candidate that the user takes in front."""
    near = [each for each in solution.candidates if each.holds(24 / chosen_h)]
    if not near:
        raise PipelineError(f"{name}: a period of {chosen_h:g} h is excluded by the data")
    first = near[0]
    solution.candidates.remove(first)
    solution.candidates.insert(0, first)


def _fit(solution, n_harmonics):
    points, best, total = solution.points, solution.candidates[0], solution.scale * solution.inflation
    if n_harmonics is None:
        solution.order, solution.scores = order.choose(points, best.frequency, total)
    else:
        solution.order = n_harmonics
    solution.series = fourier.refined(points, best.frequency, solution.order, total)
    if not best.holds(solution.series.frequency):  # a wide range without a top
        solution.series = fourier.fit(points, best.frequency, solution.order, total)
        solution.series.influence, _ = fourier.influence_of(points, solution.series, total)
    solution.scale = noise.scale_of(points, solution.series)
    solution.inflation, solution.length = noise.correlation(points, solution.series)
    solution.errors = bootstrap.errors_of(points, solution.series, solution.length, solution.inflation)
    solution.amplitude_mag, solution.amplitude_err_mag = solution.series.amplitude, solution.errors.amplitude
    solution.rotations = points.span_d * solution.series.frequency
    phase = np.mod(points.t_d * solution.series.frequency, 1)
    solution.coverage = len(np.unique((phase * COVERAGE_BINS).astype(int))) / COVERAGE_BINS


def _judge(solution, name, chosen_h):
    """Decide whether there is a period, and say what to beware of."""
    series, found = solution.series, solution.candidates
    if solution.rotations < 1 and not chosen_h:
        likely = np.cumsum(solution.probability) < SURE
        likely[: int(likely.sum()) + 1] = True
        highest = max(each.high for each, counts in zip(found, likely, strict=True) if counts)
        solution.longer_than_h = 24 / highest
        solution.verdict = (
            f"{name}: less than one rotation was seen in {solution.points.span_d * 24:.1f} h; "
            f"the period is probably longer than {solution.longer_than_h:.1f} h; observe more nights"
        )
    else:
        solution.period_h = series.period_h
        other = _spread_of_orders(solution)
        solution.period_err_h = float(np.hypot(solution.errors.frequency, other)) * 24 / series.frequency**2
        if solution.rotations < 2:
            solution.warnings.append(
                f"the data span {solution.rotations:.1f} rotations only: the period rests on few repeated parts"
            )
    n_maxima = shape.maxima(series.curve) if solution.period_h else 2
    if n_maxima == 1:
        solution.warnings.append("the curve has one maximum and one minimum: the true period may be twice as long")
    if n_maxima > 3:
        solution.warnings.append(f"the curve has {n_maxima} maxima: the true period may be shorter")
    if solution.coverage < 0.8 and solution.period_h:
        solution.warnings.append(f"{100 * (1 - solution.coverage):.0f} % of the rotation were not observed")
    if len(found) > 1 and solution.period_h:
        share = solution.probability[0]
        if share < 0.9:
            solution.warnings.append(f"the period is not unique: its probability is {100 * share:.0f} %, see the list")
    solution.second = residuals.second_period(solution.points, series, 24 / solution.grid.frequency[[-1, 0]])
    if solution.second and solution.second.significant:
        second = solution.second
        text = f"the residuals vary with a period of {second.period_h:.3f} h, {second.amplitude_mag:.3f} mag"
        solution.warnings.append(text)


def _spread_of_orders(solution):
    """Return how far (1/d) the frequencies of series of other orders lie off, each as likely as its evidence says."""
    points, total = solution.points, solution.scale * solution.inflation
    lone, best = evidence.Projection(points, total), solution.candidates[0]
    squares, logs = [], []
    for n in sorted({*ORDERS, solution.order}):
        series = fourier.refined(points, solution.series.frequency, n, total)
        if best.holds(series.frequency):
            squares.append((series.frequency - solution.series.frequency) ** 2)
            logs.append(evidence.of_frequencies(lone, np.array([series.frequency]), n)[0, -1])
    weight = np.exp(np.array(logs) - max(logs, default=0))
    return float(np.sqrt(weight @ squares / weight.sum())) if squares else 0.0


def night_of(points):
    """Return the time (d) of which all gaps between sessions are multiples, in days; else the shortest gap."""
    middles = np.sort([points.t_d[points.session == each].mean() for each in np.unique(points.session)])
    gaps = np.diff(middles)
    gaps = gaps[gaps > 0.3]
    whole = np.round(gaps).astype(int)
    if not gaps.size or np.all(np.abs(gaps - whole) < 0.15):
        return float(np.gcd.reduce(whole)) if gaps.size else 1.0
    return float(gaps.min())
