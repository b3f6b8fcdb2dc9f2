"""Maps from pixels to the tangent plane that bend: what may be added to a linear one, fitted and written as TPV.

A frame's map is  plane = M (u + linear(u) + D(u)),  u being the pixel from the middle of the frame in half diagonals
(complex), M its rotation and scale as they are known already, and D the distortion of the camera in pixels, which all
frames of a data set may share.  All terms are linear in their coefficients, which are real.
"""

from dataclasses import dataclass

import numpy as np

from photometrypipeline.sky import tangent
from photometrypipeline.sky.tangent import LinearMap

# what a distortion may be, in the order of its freedom, and the degree of its polynomial
DEGREES = {"linear": 1, "radial": 3, "quadratic": 2, "cubic": 3, "quartic": 4}
HUBER = 2.0  # residuals beyond so many sigmas weigh less
ROUNDS = 6
LINEAR = 6  # real coefficients of a linear map
# powers (i, j) of x and y that PV1_k multiplies; of y and x for PV2_k (k = 3 and 11 are odd powers of the radius)
TPV_TERMS = {0: (0, 0), 1: (1, 0), 2: (0, 1), 4: (2, 0), 5: (1, 1), 6: (0, 2)}
TPV_TERMS |= {7: (3, 0), 8: (2, 1), 9: (1, 2), 10: (0, 3), 12: (4, 0), 13: (3, 1), 14: (2, 2), 15: (1, 3), 16: (0, 4)}


def free_terms(model):
    """Return the number of coefficients (real) of a model's distortion."""
    return len(_bends(np.zeros(1, dtype=complex), model))


def _monomials(u, degrees):
    return [u.real**i * u.imag ** (degree - i) for degree in degrees for i in range(degree, -1, -1)]


def _bends(u, model):
    """Return the terms of D at `u`, list of complex arrays."""
    if model == "radial":
        return [u * np.abs(u) ** 2]
    terms = _monomials(u, range(2, DEGREES[model] + 1))
    return [factor * term for term in terms for factor in (1, 1j)]


@dataclass(frozen=True)
class Pairs:
    """The matched stars of one frame.

    u : complex, shape (n,);  wanted : what the map has to make of them, M^-1 of their places on the plane
    sigma : errors per axis, in the unit of u;  star : number of each star, the same in all frames
    common : the part of sigma that is the star's own in the catalogue, and so the same in all frames; default none
    """

    u: np.ndarray
    wanted: np.ndarray
    sigma: np.ndarray
    star: np.ndarray
    common: np.ndarray | None = None

    def best(self, number):
        """Return the `number` pairs with the smallest errors."""
        rows = np.sort(np.argsort(self.sigma, kind="stable")[:number])
        common = None if self.common is None else self.common[rows]
        return Pairs(self.u[rows], self.wanted[rows], self.sigma[rows], self.star[rows], common)


@dataclass(frozen=True)
class Fit:
    """A fit to one or more frames.

    linear : per frame the complex coefficients of 1, u, conj u that are added to u;  bend : real coefficients of D
    damping : per frame, shape (n,), weights from 0 (an outlier) to 1;  residuals : per frame, complex, in the unit of u
    """

    model: str
    linear: list
    bend: np.ndarray
    damping: list
    residuals: list

    def __call__(self, u, number):
        """Return what the map of frame `number` makes of `u`, before M."""
        constant, turn, stretch = self.linear[number]
        return u + constant + turn * u + stretch * np.conj(u) + self.distortion(u)

    def distortion(self, u):
        """Return D(u)."""
        return sum((c * term for c, term in zip(self.bend, _bends(u, self.model), strict=True)), np.zeros_like(u))


class Problem:
    """The equations for the map of each frame and for the distortion that all of them share, for one model.

    columns : per frame, real and imaginary parts, shape (2, n, 6 + k + 1): linear terms, D's, and the target
    """

    def __init__(self, frames, model):
        self.frames, self.model = frames, model
        self.columns = []
        for f in frames:
            terms = [k * t for t in (np.ones_like(f.u), f.u, np.conj(f.u)) for k in (1, 1j)]
            terms = np.stack([*terms, *_bends(f.u, model), f.wanted - f.u], axis=-1)
            self.columns.append(np.stack([terms.real, terms.imag]))

    @property
    def determined(self):
        """Whether there are twice as many numbers as coefficients, in every frame and altogether.

        Where errors are those of the catalogue, more frames of the same stars tell nothing new.
        """
        spare = [2 * f.u.size - LINEAR for f in self.frames]
        return min(spare) >= 0 and sum(spare) / self._repeated() >= 2 * free_terms(self.model)

    def _repeated(self):
        """Return how many frames say the same: 1 where errors are those of the sources, all where of the stars."""
        if any(frame.common is None for frame in self.frames):
            return 1.0
        star = np.concatenate([frame.star for frame in self.frames])
        share = np.median(np.concatenate([(frame.common / frame.sigma) ** 2 for frame in self.frames]))
        return 1 + (star.size / np.unique(star).size - 1) * float(share)

    def fit(self):
        """Return the Fit; residuals beyond HUBER sigmas weigh less, and hardly anything beyond three times that."""
        damping = [np.ones(f.u.size) for f in self.frames]
        for _ in range(ROUNDS):
            own, bend = _solved(_products(self._weighted(damping)))
            residuals = [_left(columns, linear, bend) for columns, linear in zip(self.columns, own, strict=True)]
            pulls = [np.abs(r) / f.sigma for r, f in zip(residuals, self.frames, strict=True)]
            limit = HUBER * max(1.0, spread(np.concatenate(pulls)))
            damping = [np.minimum(1.0, limit / np.maximum(pull, limit)) * (pull < 3 * limit) for pull in pulls]
        return Fit(self.model, [tuple(c[::2] + 1j * c[1::2]) for c in own], bend, damping, residuals)

    def _weighted(self, damping):
        """Return the columns of each frame with weights `damping` over sigma^2, as root."""
        weights = [np.sqrt(part) / frame.sigma for part, frame in zip(damping, self.frames, strict=True)]
        return [columns * weight[:, None] for columns, weight in zip(self.columns, weights, strict=True)]

    def cross_validate(self, damping, folds):
        """Return per frame, shape (n,), how far each star is from where a fit without it puts it, in sigmas."""
        folded = [[np.flatnonzero(f.star % folds == fold) for f in self.frames] for fold in range(folds)]
        weighted = self._weighted(damping)
        parts = [_products([each[:, rows] for each, rows in zip(weighted, held, strict=True)]) for held in folded]
        pulls = [np.zeros(f.u.size) for f in self.frames]
        for fold, held in enumerate(folded):
            own, bend = _solved(sum(part for number, part in enumerate(parts) if number != fold))
            for pull, rows, columns, linear, f in zip(pulls, held, self.columns, own, self.frames, strict=True):
                pull[rows] = np.abs(_left(columns[:, rows], linear, bend)) / f.sigma[rows]
        return pulls


def _products(weighted):
    """Return the normal equations of each frame, shape (n_frames, 7 + k, 7 + k), from its weighted columns."""
    flat = [each.reshape(-1, each.shape[-1]) for each in weighted]
    return np.array([each.T @ each for each in flat])


def _solved(products):
    """Return (own, bend): linear coefficients of each frame, shape (n_frames, 6), and those of D, shape (k,)."""
    line, mixed, rest = products[:, :LINEAR, :LINEAR], products[:, :LINEAR, LINEAR:], products[:, LINEAR:, LINEAR:]
    taken = np.linalg.pinv(line, hermitian=True) @ mixed
    normal = (rest - mixed.transpose(0, 2, 1) @ taken).sum(axis=0)  # what linear maps cannot take up
    bend = np.linalg.lstsq(normal[:-1, :-1], normal[:-1, -1], rcond=None)[0]
    return taken[:, :, -1] - taken[:, :, :-1] @ bend, bend


def _left(columns, own, bend):
    """Return what a map leaves of the target, complex, shape (n,)."""
    left = columns @ np.concatenate([-own, -bend, [1.0]])
    return left[0] + 1j * left[1]


def spread(pulls):
    """Return the sigma per axis of distances in a plane, robustly: they have their median at 1.177 sigma."""
    return float(np.median(pulls)) / 1.177


def tpv_header(matrix, centre_deg, middle_px, half_diagonal_px, fit, number):
    """Return the fits.Header of a frame's map: TAN for a linear one, else TPV.

    matrix : M, LinearMap from u onto the plane around `centre_deg`;  fit, number : of the frame

    The linear part is in the CD matrix, the constant in CRVAL; PV terms are those of degree 2 and more.
    """
    constant, turn, stretch = fit.linear[number]
    a, b = matrix.a * (1 + turn) + matrix.b * np.conj(stretch), matrix.a * stretch + matrix.b * np.conj(1 + turn)
    shift = matrix(constant)
    centre = tuple(float(value[0]) for value in tangent.deproject(shift, centre_deg))
    linear = LinearMap(a / half_diagonal_px, b / half_diagonal_px, 0j)
    placed = LinearMap(linear.a, linear.b, linear(-middle_px))
    header = placed.header(centre)
    degree = DEGREES[fit.model]
    if degree == 1:
        return header
    grid = np.linspace(-0.8, 0.8, 2 * degree + 3)
    u = (grid[:, None] + 1j * grid).ravel()
    x = a * u + b * np.conj(u)  # plane coordinates before the distortion
    bent = fit.distortion(u)
    extra = matrix.a * bent + matrix.b * np.conj(bent)
    unit = np.abs(x).max()
    powers = {k: powers for k, powers in TPV_TERMS.items() if 2 <= sum(powers) <= degree}
    header["CTYPE1"], header["CTYPE2"] = "RA---TPV", "DEC--TPV"
    for axis, one, other, along in ((1, x.real, x.imag, extra.real), (2, x.imag, x.real, extra.imag)):
        terms = np.column_stack([(one / unit) ** i * (other / unit) ** j for i, j in powers.values()])
        values = np.linalg.lstsq(terms, along, rcond=None)[0]
        header[f"PV{axis}_1"] = 1.0
        for (k, (i, j)), value in zip(powers.items(), values, strict=True):
            header[f"PV{axis}_{k}"] = float(value / unit ** (i + j))
    return header
