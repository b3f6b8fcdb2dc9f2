"""Tracks below the limit of single frames: found, compared with known bodies, and told how many of them are found."""

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from photometrypipeline.base.errors import PipelineError
from photometrypipeline.base.files import write_text
from photometrypipeline.census import brightness, movers, shiftadd, starless
from photometrypipeline.census.starless import Stack
from photometrypipeline.frames import positionsfile
from photometrypipeline.targets import exposures

PREFIX = "PPt"
FILE_NAME = "tracks.csv"
LEAST_FRAMES = 4
SAME_FWHM = 2.0  # a track is a known body's that is so near in the middle of the night
SAME_STEPS = 1.5  # and whose rate differs by so many steps
STEPS_MAG = (-0.5, 0.0, 0.3, 0.65, 1.0, 1.5)  # of artificial tracks, from 5 sigma of a single frame on
COLUMNS = (
    "name", "known_as", "jd", "ra_deg", "dec_deg", "ra_rate_arcsec_min", "dec_rate_arcsec_min", "snr", "mag", "mag_err",
    "mag_is_limit", "perhaps_chance",
)  # fmt: skip


@dataclass
class Level:
    """Artificial tracks of one magnitude: how many were put in and found, and the median of found minus put in."""

    mag: float
    number: int
    found: int
    bias_mag: float


@dataclass
class Known:
    """A known body: where it was predicted at minute 0 (px, rate in px/min), magnitude, and the Found, or None."""

    name: str
    place_px: tuple
    rate: tuple
    v_mag: float
    found: shiftadd.Found | None


@dataclass
class Outcome:
    """The Stack, what was Found with names, the Known bodies, the Levels of artificial tracks.

    chance : S/N (list) of tracks that stand out where the times of the frames are exchanged, None where nobody looked
    """

    stack: Stack
    found: list
    names: list
    known: list
    levels: list = field(default_factory=list)
    chance: list | None = None

    def doubtful(self, one):
        """Return whether chance makes tracks like that Found on these frames."""
        return bool(self.chance) and one.snr <= max(self.chance)


def find(measured, box, known, sigmas=shiftadd.SIGMAS, injections=48, jobs=2, site="500"):
    """Return the Outcome for frames `measured` (list of targets.Measured) and a box of rates, arcsec/min.

    known : [(name, targets.Target)];  injections : number of artificial tracks, 0 leaves that and the false ones out
    Raises PipelineError where there are too few frames, or too many rates.
    """
    measured = sorted(measured, key=lambda each: each.header["obstime"])
    if len(measured) < LEAST_FRAMES:
        raise PipelineError(f"{len(measured)} frames are too few to add: at least {LEAST_FRAMES}")
    images, reference = starless.aligned(measured, jobs)
    stack = starless.stack(measured, images, reference)
    number = len(shiftadd.rates(stack, box))
    if number > shiftadd.MOST_RATES:
        raise PipelineError(f"{number} rates would have to be tried, at most {shiftadd.MOST_RATES}: give a smaller box")
    found = _search(stack, images, box, jobs, sigmas)
    bodies = [body for body in (_known(stack, measured, *each, found) for each in known) if body]
    names = _names(stack, found, bodies, site)
    outcome = Outcome(stack, found, names, bodies)
    if injections:
        rng = np.random.default_rng(1)
        put = _draw(stack, box, injections, rng)
        _inject(images, measured, stack, put)
        shown = starless.stack(measured, images, reference)
        outcome.levels = _levels(shown, put, _search(shown, images, box, jobs, sigmas))
        exchanged = shiftadd.scrambled(shiftadd.without(stack, found), rng)
        outcome.chance = [one.snr for one in shiftadd.search(exchanged, box, jobs, sigmas)]
    return outcome


def _search(stack, images, box, jobs, sigmas):
    """Return what is Found, with the flux that each has at its own place."""
    found = (brightness.measured(stack, images, one) for one in shiftadd.search(stack, box, jobs, sigmas))
    return [one for one in found if one is not None]


# ---- known bodies


def _known(stack, measured, name, target, found):
    """Return the Known of a body, None where it does not lie on the frame in the middle of the night."""
    frames = [each for each in measured if each.frame.name in target.places]
    if not frames:
        return None
    jd = np.array([each.header["obstime"] for each in frames])
    places = np.array([target.places[each.frame.name] for each in frames])
    x, y = stack.wcs.all_world2pix(*places.T, 0, quiet=True)
    minutes = (jd - stack.jd) * 1440
    (rate_x, at_x), (rate_y, at_y) = (
        np.polyfit(minutes, axis, 1) if len(frames) > 1 else (0.0, float(axis[0])) for axis in (x, y)
    )
    ny, nx = stack.layers[0].light.shape
    if not (0 <= at_x < nx and 0 <= at_y < ny):
        return None
    mags = list(target.v_mag.values())
    body = Known(name, (at_x, at_y), (rate_x, rate_y), float(np.median(mags)) if mags else np.nan, None)
    body.found = _nearest(stack, found, body.place_px, body.rate)
    return body


def _nearest(stack, found, place, rate):
    """Return the Found at a place (px) with that rate (px/min), None without one."""
    step = shiftadd.rate_step(stack) / stack.scale_arcsec
    near = [
        (np.hypot(one.x - place[0], one.y - place[1]), n)
        for n, one in enumerate(found)
        if np.hypot(one.rate[0] - rate[0], one.rate[1] - rate[1]) < SAME_STEPS * step
    ]
    apart, n = min(near, default=(np.inf, -1))
    return found[n] if apart < SAME_FWHM * stack.fwhm_px + 2 / stack.scale_arcsec else None


def _names(stack, found, bodies, site):
    """Return a name for each Found: of a known body, or one for the Minor Planet Center."""
    names = []
    for one in found:
        own = next((body.name for body in bodies if body.found is one), None)
        ra, dec = place_deg(stack, one)
        names.append(own or movers.tracklet(PREFIX, f"{site} {stack.jd:.2f} {ra:.3f} {dec:.3f}", names))
    return names


def place_deg(stack, one, minutes=0.0):
    """Return (RA, Dec), deg, of a Found at a time."""
    place = one.x + one.rate[0] * minutes, one.y + one.rate[1] * minutes
    ra, dec = stack.wcs.all_pix2world(*([axis] for axis in place), 0)
    return float(ra[0]) % 360, float(dec[0])


def rate_arcsec_min(stack, one):
    """Return the rate (RA with cos Dec, Dec) of a Found."""
    return tuple(float(axis) for axis in stack.wcs.pixel_scale_matrix @ np.array(one.rate) * 3600)


def magnitude(stack, one):
    """Return (mag, error) of a Found; NaN for the first without a zeropoint."""
    err = 1.0857 * one.err / one.flux if one.flux > 0 else np.nan
    return (stack.zeropoint - 2.5 * np.log10(one.flux) if stack.zeropoint and one.flux > 0 else np.nan), err


# ---- artificial tracks


def _draw(stack, box, number, rng):
    """Return [(x, y, rate, mag), ...] of artificial tracks."""
    ny, nx = stack.layers[0].light.shape
    rows = []
    for n in range(number):
        rate = stack.to_pixels @ [rng.uniform(*axis) for axis in box]
        half = np.abs(rate) * np.ptp(stack.minutes) / 2 + 3 * stack.fwhm_px
        low, high = np.minimum(half, [nx / 2, ny / 2]), np.maximum([nx - half[0], ny - half[1]], [nx / 2, ny / 2])
        mag = stack.limit_mag + STEPS_MAG[n % len(STEPS_MAG)]
        rows.append((*rng.uniform(low, high + 1e-6), tuple(rate), mag))
    return rows


def _inject(images, measured, stack, put):
    """Add artificial tracks to images in place, with the profile of the stars of each frame."""
    for image, each, layer in zip(images, measured, stack.layers, strict=True):
        exposure = exposures.expose(each, "APER")
        if exposure is None:
            continue
        half = int(np.ceil(4 * stack.fwhm_px))
        minutes = float(each.header["exptime"] or 0) / 60
        offset = np.arange(-half, half + 1)
        for x, y, rate, mag in put:
            at = x + rate[0] * layer.minutes, y + rate[1] * layer.minutes
            column, row = (int(np.rint(axis)) for axis in at)
            if not (half <= column < image.shape[1] - half and half <= row < image.shape[0] - half):
                continue
            dx, dy = offset[None, :] - (at[0] - column), offset[:, None] - (at[1] - row)
            light = exposure.psf.light(*at, dx, dy, (rate[0] * minutes, rate[1] * minutes))
            inside = np.hypot(dx, dy) <= exposure.radius_px
            round_light = exposure.psf.light(*at, dx, dy)
            flux = 10 ** (0.4 * ((stack.zeropoint or 0.0) - mag)) / float(round_light[inside].sum())
            image[row - half : row + half + 1, column - half : column + half + 1] += (flux * light).astype(np.float32)


def _levels(stack, put, found):
    """Return the Levels of artificial tracks, brightest first."""
    levels = []
    for mag in sorted({row[3] for row in put}):
        own = [row for row in put if row[3] == mag]
        seen = [_nearest(stack, found, row[:2], row[2]) for row in own]
        off = [magnitude(stack, one)[0] - mag for one in seen if one and stack.zeropoint]
        levels.append(
            Level(mag, len(own), sum(one is not None for one in seen), float(np.median(off)) if off else np.nan)
        )
    return levels


# ---- what comes out


def told(outcome):
    """Return lines (list of str): known bodies first, then the others, then how many of such are found."""
    stack, lines = outcome.stack, []
    for body in sorted(outcome.known, key=lambda body: body.v_mag):
        predicted = f"predicted {body.v_mag:.1f} mag" if np.isfinite(body.v_mag) else "known"
        if body.found is None:
            lines.append(f"{body.name}: {predicted}, not found")
            continue
        apart = np.hypot(body.found.x - body.place_px[0], body.found.y - body.place_px[1]) * stack.scale_arcsec
        lines.append(f'{body.name}: {predicted}, found {apart:.1f}" from its place; {_about(stack, body.found)}')
    own = {id(body.found) for body in outcome.known}
    for name, one in zip(outcome.names, outcome.found, strict=True):
        if id(one) not in own:
            ra, dec = place_deg(stack, one)
            word = "perhaps chance" if outcome.doubtful(one) else "not known"
            lines.append(f"{name}: {word}; {_about(stack, one)}, RA {ra:.5f} Dec {dec:+.5f} at JD {stack.jd:.5f}")
    for level in outcome.levels:
        bias = f", {level.bias_mag:+.2f} mag off" if np.isfinite(level.bias_mag) else ""
        lines.append(f"artificial tracks of {level.mag:.2f} mag: {level.found} of {level.number} found{bias}")
    if outcome.chance is not None:
        highest = f", the highest with S/N {max(outcome.chance):.1f}" if outcome.chance else ""
        lines.append(f"with the times of the frames exchanged {len(outcome.chance)} tracks stand out{highest}")
    return lines


def _about(stack, one):
    mag, err = magnitude(stack, one)
    word = "" if one.whole else "at least "  # as bright as that
    bright = f", {word}{mag:.2f} +- {err:.2f} mag" if np.isfinite(mag) else ""
    return f"S/N {one.snr:.1f}{bright}, {np.hypot(*rate_arcsec_min(stack, one)):.3f} arcsec/min"


def write(outcome, measured, folder):
    """Write tracks.csv and, for what is not known, positions_NAME.dat; return the names of the files."""
    stack, stream = outcome.stack, io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    own, files = {id(body.found): body.name for body in outcome.known if body.found}, [FILE_NAME]
    for name, one in zip(outcome.names, outcome.found, strict=True):
        mag, err = magnitude(stack, one)
        numbers = [f"{stack.jd:.6f}", *(f"{each:.6f}" for each in place_deg(stack, one))]
        numbers += [*(f"{each:.4f}" for each in rate_arcsec_min(stack, one)), f"{one.snr:.1f}"]
        numbers += [
            f"{mag:.3f}" if np.isfinite(mag) else "",
            f"{err:.3f}",
            int(not one.whole),
            int(outcome.doubtful(one)),
        ]
        writer.writerow([name, own.get(id(one), ""), *numbers])
        if id(one) not in own:
            files.append(f"positions_{name}.dat")
            rows = []
            for each in measured:
                minutes = (each.header["obstime"] - stack.jd) * 1440
                rows.append((each.frame.name, *place_deg(stack, one, minutes), each.header["obstime"]))
            positionsfile.write(Path(folder) / files[-1], rows, name)
    write_text(Path(folder) / FILE_NAME, stream.getvalue())
    return files
