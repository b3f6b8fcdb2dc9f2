"""What a transformation between bands is, and how magnitudes and their errors go through it.

A relation gives m = lead + zero + sum of polynomials in colours. Its error is propagated from every magnitude that goes
in, with the scatter of the relation, or with the errors of its coefficients where the authors quote those:
sigma^2 = sum_j (dm/dm_j)^2 sigma_j^2 + scatter^2 + zero_err^2 + (colour slope_err)^2.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np


@dataclass(frozen=True)
class Term:
    """A polynomial without constant in the colour `blue` - `red`: `coefficients` of its first, second, ... power."""

    blue: str
    red: str
    coefficients: tuple
    slope_err: float = 0.0


@dataclass(frozen=True)
class Relation:
    """How one band follows from others.

    id : of the set it belongs to; band, system : what comes out; lead, zero, terms : see the module
    limits : ((magnitude column or (blue, red), low, high), ...), outside it says nothing; mag
    scatter, zero_err : mag; core : a colour range in which it holds better, used where enough stars lie in it
    source : publication
    """

    id: str
    band: str
    system: str
    lead: str
    zero: float
    terms: tuple
    limits: tuple
    source: str
    scatter: float = 0.0
    zero_err: float = 0.0
    core: tuple | None = None

    @property
    def inputs(self):
        """Names of the magnitude columns that go in, each once, the leading one first."""
        return tuple(dict.fromkeys([self.lead, *(name for term in self.terms for name in (term.blue, term.red))]))

    @property
    def needs(self):
        """Names of all magnitude columns that it looks at, those of its limits too."""
        return {*self.inputs, *(name for what, _, _ in self.limits for name in _names(what))}

    @property
    def systematic(self):
        """The part of the error that does not average out over stars, mag."""
        return self.zero_err or self.scatter

    def inside(self, values, limits=None):
        """Return a mask of stars within `limits` (default: those of the relation); values : {column: mag}."""
        good = np.ones(np.shape(values[self.inputs[0]]), dtype=bool)
        for what, low, high in self.limits if limits is None else limits:
            value = values[what] if isinstance(what, str) else values[what[0]] - values[what[1]]
            good &= (value >= low) & (value < high)
        return good

    def value(self, values):
        """Return the magnitude of every star, NaN where an input is missing."""
        mag = values[self.lead] + self.zero
        for term in self.terms:
            mag = mag + np.polynomial.Polynomial([0, *term.coefficients])(values[term.blue] - values[term.red])
        return mag

    def slopes(self, values):
        """Return {column: dm / dm_j} for every magnitude that goes in."""
        slopes = dict.fromkeys(self.inputs, 0.0)
        slopes[self.lead] = 1.0
        for term in self.terms:
            powers = np.polynomial.Polynomial([0, *term.coefficients])
            slope = powers.deriv()(values[term.blue] - values[term.red])
            slopes[term.blue] = slopes[term.blue] + slope
            slopes[term.red] = slopes[term.red] - slope
        return slopes

    def own_variance(self, values):
        """Return the variance that the relation itself adds, mag^2."""
        variance = self.scatter**2 + self.zero_err**2
        for term in self.terms:
            variance = variance + ((values[term.blue] - values[term.red]) * term.slope_err) ** 2
        return variance

    def apply(self, values, errors):
        """Return (mag, err) of every star; NaN where an input is missing.  values, errors : {column: ndarray, mag}."""
        variance = self.own_variance(values)
        for name, slope in self.slopes(values).items():
            variance = variance + (slope * errors[name]) ** 2
        return self.value(values), np.sqrt(variance)


@dataclass(frozen=True)
class Chain:
    """Two relations one after the other: `first` {intermediate column: Relation}, then `second`.

    limits : on top of those of the relations, which hold too
    """

    id: str
    first: dict
    second: Relation
    own_limits: tuple = ()
    zero_err: ClassVar[float] = 0.0

    @property
    def steps(self):
        """The relations of `first` that `second` needs, {intermediate column: Relation}."""
        return {name: relation for name, relation in self.first.items() if name in self.second.needs}

    @property
    def inputs(self):
        """As in Relation."""
        return tuple(dict.fromkeys(name for relation in self.steps.values() for name in relation.inputs))

    @property
    def limits(self):
        """The limits in terms of the magnitudes that go in."""
        return (*self.own_limits, *dict.fromkeys(limit for step in self.steps.values() for limit in step.limits))

    @property
    def source(self):
        """Both publications."""
        return f"{next(iter(self.first.values())).source}; then {self.second.source}"

    @property
    def scatter(self):
        """Scatter of both, mag."""
        return float(np.hypot(next(iter(self.first.values())).scatter, self.second.scatter))

    systematic = scatter
    needs = Relation.needs

    band = property(lambda self: self.second.band)
    system = property(lambda self: self.second.system)
    core = None

    def inside(self, values, limits=None):
        """As in Relation; the limits of the second relation count as well."""
        good = Relation.inside(self, values, limits)
        return good if limits is not None else good & self.second.inside(self._between(values))

    def _between(self, values):
        return {name: relation.value(values) for name, relation in self.steps.items()}

    def apply(self, values, errors):
        """As in Relation; what several intermediate magnitudes have in common is not counted as independent."""
        between, steps = self._between(values), self.steps
        outer = self.second.slopes(between)
        slopes = dict.fromkeys(self.inputs, 0.0)
        variance = self.second.own_variance(between)
        for name, slope in outer.items():
            variance = variance + slope**2 * steps[name].own_variance(values)
            for column, inner in steps[name].slopes(values).items():
                slopes[column] = slopes[column] + slope * inner
        for column, slope in slopes.items():
            variance = variance + (slope * errors[column]) ** 2
        return self.second.value(between), np.sqrt(variance)


def _names(what):
    return (what,) if isinstance(what, str) else what


def transform(relations, values, errors, extrapolate=False):
    """Return (mag, err) of one band from its `relations` (branches of one transformation), NaN outside their limits.

    values, errors : {magnitude column: ndarray, shape (n,), mag}; extrapolate : also beyond the limits of a relation
    that is alone; branches always keep theirs.
    """
    mag = np.full(np.shape(values[relations[0].inputs[0]]), np.nan)
    err = mag.copy()
    for relation in relations:
        inside = relation.inside(values)
        if extrapolate and len(relations) == 1:
            inside[:] = True
        one_mag, one_err = relation.apply(values, errors)
        mag[inside], err[inside] = one_mag[inside], one_err[inside]
    return mag, err
