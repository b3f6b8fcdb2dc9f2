"""Bodies too faint for a single frame: frames without stars are shifted along many motions and added.

The box of rates is walked in steps that spread a body's light by less than its width over the span of the frames.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import map_coordinates, maximum_filter
from scipy.optimize import minimize

SMEARED_FWHM = 0.7  # from the first frame to the last, at most, by the steps of the rates
BAND_ROWS = 64  # that are worked on at a time: they stay in the processor's cache
SIGMAS = 6.0
FIRST_LOOK = 0.85  # of SIGMAS, before place and motion are refined between the steps
MOST_CANDIDATES = 400
MOST_RATES = 40000
BRIGHT = 1.2  # times the S/N that counts: single frames show it as well
SHARE_OF_FRAMES = 0.5  # in which the light has to be positive


@dataclass
class Found:
    """A body: place (px, 0-based, of the frame in the middle) at minute 0, rate (px/min), S/N, flux (ADU) and error.

    whole : whether all of its light is in the flux; some is not of a body that hardly moves against the stars
    """

    x: float
    y: float
    rate: tuple
    snr: float
    flux: float
    err: float
    whole: bool = False


def rates(stack, box):
    """Return rates, px/min, shape (n, 2), that fill `box`: (least, most) in RA with cos Dec and in Dec, arcsec/min."""
    step = rate_step(stack)
    axes = [np.linspace(low, high, max(1, int(np.ceil((high - low) / step)) + 1)) for low, high in box]
    return np.array([(east, north) for east in axes[0] for north in axes[1]]) @ stack.to_pixels.T


def rate_step(stack):
    """Return the step between rates, arcsec/min."""
    return 2 * SMEARED_FWHM * stack.fwhm_px * stack.scale_arcsec / max(float(np.ptp(stack.minutes)), 1e-6)


def without(stack, found):
    """Return the Stack without the surroundings of bodies, a list of Found."""
    layers = [replace(layer, light=layer.light.copy(), weight=layer.weight.copy()) for layer in stack.layers]
    parts = [(layer.light, layer.weight, layer.shown, layer.minutes) for layer in layers]
    for one in found:
        _take_off(parts, one, stack.fwhm_px)
    return replace(stack, layers=layers)


def scrambled(stack, rng):
    """Return the Stack with the times of its frames exchanged: no body stands out of it, chance does as before."""
    minutes = rng.permutation(stack.minutes)
    layers = [replace(layer, minutes=float(when)) for layer, when in zip(stack.layers, minutes, strict=True)]
    return replace(stack, layers=layers)


def search(stack, box, jobs=2, sigmas=SIGMAS):
    """Return what is Found (list) above `sigmas`, brightest first; each is taken off before fainter ones are judged."""
    grid = rates(stack, box)
    best, which = highest(stack, grid, jobs)
    size = max(3, int(2 * round(stack.fwhm_px) + 1))
    peaks = (maximum_filter(best, size) == best) & (best > FIRST_LOOK * sigmas)
    rows, columns = np.nonzero(peaks)
    order = np.argsort(-best[rows, columns])[:MOST_CANDIDATES]
    layers = [(layer.light.copy(), layer.weight.copy(), layer.shown, layer.minutes) for layer in stack.layers]
    found = []
    for row, column in zip(rows[order], columns[order], strict=True):
        one = _refined(layers, float(column), float(row), grid[which[row, column]], stack)
        if one is not None and one.snr >= sigmas and _in_most(layers, one):
            found.append(one)
            _take_off(layers, one, stack.fwhm_px)
    return sorted(found, key=lambda one: -one.snr)


def highest(stack, grid, jobs=2):
    """Return (largest S/N of every pixel over all rates, number of that rate), both of the shape of the frame."""
    ny, nx = stack.layers[0].light.shape
    best, which = np.full((ny, nx), -np.inf, dtype=np.float32), np.zeros((ny, nx), dtype=np.int32)
    shifts = np.rint(grid[:, None, :] * stack.minutes[None, :, None]).astype(int)

    def band(first):
        last = min(first + BAND_ROWS, ny)
        light, weight = np.empty((2, last - first, nx), dtype=np.float32)
        for number, moved in enumerate(shifts):
            light[:], weight[:] = 0, 0
            for layer, (dx, dy) in zip(stack.layers, moved, strict=True):
                _add(light, layer.light, first, dx, dy)
                _add(weight, layer.weight, first, dx, dy)
            np.maximum(weight, 1e-30, out=weight)
            np.sqrt(weight, out=weight)
            np.divide(light, weight, out=light)
            higher = light > best[first:last]
            best[first:last][higher] = light[higher]
            which[first:last][higher] = number

    with ThreadPoolExecutor(max(1, jobs)) as pool:
        list(pool.map(band, range(0, ny, BAND_ROWS)))
    return best, which


def _add(total, image, first, dx, dy):
    """Add the rows of an image, shifted by (dx, dy), to a band of rows that begins with `first`."""
    ny, nx = image.shape
    low, high = max(first + dy, 0), min(first + dy + len(total), ny)
    left, right = max(dx, 0), min(nx + dx, nx)
    if low < high and left < right:
        total[low - first - dy : high - first - dy, left - dx : right - dx] += image[low:high, left:right]


def _sums(layers, x, y, rate, held=True):
    """Return (light, weight) of each frame along a motion, shape (n,) each."""
    found = []
    for light, weight, shown, minutes in layers:
        place = [[y + rate[1] * minutes], [x + rate[0] * minutes]]
        chosen = light if held else shown
        found.append([map_coordinates(image, place, order=1, mode="constant")[0] for image in (chosen, weight)])
    return np.array(found).T


def _snr(layers, x, y, rate, held=True):
    light, weight = _sums(layers, x, y, rate, held)
    return float(light.sum() / np.sqrt(weight.sum())) if weight.sum() > 0 else 0.0


def _refined(layers, x, y, rate, stack):
    """Return the Found at the best place and motion near a peak, None where nothing is left of it."""
    if _snr(layers, x, y, rate) < 0.6 * SIGMAS:
        return None  # it was the light of a brighter one
    best = _highest_near(layers, (x, y), rate, stack, held=True)
    snr = best[2]
    if _snr(layers, *best[0], best[1], held=False) > BRIGHT * snr:  # what is held has a flat top
        best = _highest_near(layers, *best[:2], stack, held=False)
    if np.hypot(best[0][0] - x, best[0][1] - y) > 3 * stack.fwhm_px:
        return None
    light, weight = _sums(layers, *best[0], best[1], held=False)
    if weight.sum() <= 0:
        return None
    return Found(*best[0], best[1], snr, float(light.sum() / weight.sum()), float(weight.sum() ** -0.5))


def _highest_near(layers, place, rate, stack, held):
    """Return (place, rate, S/N) of the highest S/N near a place and rate."""
    step = SMEARED_FWHM * stack.fwhm_px / max(float(np.ptp(stack.minutes)), 1e-6)
    units = np.array([1.0, 1.0, step, step])
    start = np.array([*place, *rate])

    def below(p):
        at = start + p * units
        return -_snr(layers, at[0], at[1], at[2:], held)

    simplex = np.vstack([np.zeros(4), 0.7 * np.eye(4)])
    options = {"initial_simplex": simplex, "xatol": 0.03, "fatol": 0.01}
    best = minimize(below, np.zeros(4), method="Nelder-Mead", options=options)
    at = [float(axis) for axis in start + best.x * units]
    return (at[0], at[1]), (at[2], at[3]), -float(best.fun)


def _in_most(layers, one):
    """Return whether the light comes from most of the frames that show the place."""
    light, weight = _sums(layers, one.x, one.y, one.rate)
    shown = weight > 0
    return shown.sum() >= 3 and (light[shown] > 0).sum() >= max(3, SHARE_OF_FRAMES * shown.sum())


def _take_off(layers, one, fwhm_px):
    """Leave out a body's surroundings in all frames."""
    in_a_frame = one.flux / one.err / np.sqrt(len(layers))
    radius = int(np.ceil(fwhm_px * (1.5 + 0.6 * np.log2(max(in_a_frame / 5, 1)))))  # the wings of a bright one
    for light, weight, _, minutes in layers:
        x, y = (int(np.rint(axis)) for axis in (one.x + one.rate[0] * minutes, one.y + one.rate[1] * minutes))
        here = slice(max(y - radius, 0), max(y + radius + 1, 0)), slice(max(x - radius, 0), max(x + radius + 1, 0))
        light[here], weight[here] = 0, 0
