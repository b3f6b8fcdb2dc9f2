"""Artificial targets: copies of a target on parallel tracks, measured as it is, tell what its magnitudes are worth.

They see the loss along the trail, light of neighbours, noise and the size of errors; they cannot see errors of the PSF
itself, of the zeropoint, and bad pixels under the target.
"""

import logging
import zlib
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from photometrypipeline.frames.recordtypes import Injected, InjectedLevel
from photometrypipeline.photometry import copies
from photometrypipeline.photometry.errorbars import MAG_PER_RELATIVE_FLUX
from photometrypipeline.photometry.measure import Neighbour

log = logging.getLogger("pp.injections")

MOST_FRAMES = 12  # spread over the night
FAINTER_MAG = (0.0, 2.5)
DETECTED_SIGMA = 5.0
NEAR_FWHM, BLEND_FWHM = 6.0, 1.5  # neighbours are taken off; copies on top of a source are no test
FARTHEST_PX = 400
EDGE_PX = 20
FEWEST = 20  # measurements; fewer tell nothing


@dataclass
class Job:
    """A target whose copies are measured: its Track, the shifts of the copies (px), and the zeropoints of frames.

    inst : its instrumental magnitude by frame number
    """

    track: object
    shifts: np.ndarray
    inst: dict


def prepare(track, inst, sizes_px, number, seed):
    """Return the Job for `number` copies of a target, None where it has no frame.

    inst : {frame number: instrumental magnitude} where it was measured;  sizes_px : (columns, rows) of each frame
    """
    frames = [frame for frame in track.numbers if frame in inst]
    if not frames or number < 1:
        return None
    kept = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), MOST_FRAMES)).round().astype(int))
    frames = [frames[n] for n in kept]
    rng = np.random.default_rng([seed, zlib.crc32(track.target.name.encode())])
    reach = min(FARTHEST_PX, max(sizes_px[frames[0]]))
    found = []
    for shift in rng.integers(-reach, reach + 1, (60 * number, 2)):
        x, y = track.x[frames] + shift[0], track.y[frames] + shift[1]
        sizes = np.array([sizes_px[frame] for frame in frames])
        on_frame = (x > EDGE_PX) & (y > EDGE_PX) & (x < sizes[:, 0] - EDGE_PX) & (y < sizes[:, 1] - EDGE_PX)
        if on_frame.mean() > 0.7 and np.hypot(*shift) > 3 * EDGE_PX:
            found.append(shift)
        if len(found) == number:
            break
    if not found:
        return None
    return Job(track, np.array(found), {frame: inst[frame] for frame in frames})


def measure(job, number, exposure, sources, trail_px, psf):
    """Return ([(off, err, snr) of all copies, arrays, of each level], mag of the limit), None where none has room.

    off, err : mag, of the flux over what was put in: linear, so that faint copies are not chosen by their noise
    sources : (x, y, flux in the aperture, error) of the frame's list, 0-based px;  psf : by PSF instead of aperture
    """
    x, y = job.track.x[number], job.track.y[number]
    rng = np.random.default_rng([number, zlib.crc32(job.track.target.name.encode())])
    shifts, neighbours = _surroundings(job.shifts, (x, y), exposure, sources, trail_px)
    made = copies.at(exposure, x, y, trail_px, shifts, neighbours)
    if not made.sigma.size:
        return None
    zero = copies.fluxes(exposure, made)[3 if psf else 1]
    offset = exposure.aperture_offset_mag
    levels = []
    for fainter in FAINTER_MAG:
        inst = job.inst[number] + fainter
        put_offset = exposure.psf_offset_mag(0.0, float(np.median(made.sigma)))[0]
        flux = 10 ** (-0.4 * (inst - put_offset)) / made.place.star_share
        added = copies.photons_of(made, flux, exposure.gain, rng)
        found = copies.fluxes(exposure, made, added)
        value, err = found[2:] if psf else found[:2]
        expected = 10 ** (-0.4 * (inst - (put_offset if psf else offset)))
        off = MAG_PER_RELATIVE_FLUX * (1 - value / expected)
        levels.append((off, MAG_PER_RELATIVE_FLUX * err / expected, value / err))
    return levels, -2.5 * np.log10(DETECTED_SIGMA * np.median(zero)) + offset


def _surroundings(shifts, place, exposure, sources, trail_px):
    """Return the shifts that do not lie on a source, and for each the Neighbours around."""
    x, y, flux, err = sources
    tree, fwhm = cKDTree(np.column_stack([x, y])) if len(x) else None, exposure.fwhm_px
    drawn_out = np.hypot(*trail_px) / 2
    kept, neighbours = [], []
    factor = 10 ** (-0.4 * exposure.usual_psf_offset_mag)
    for shift in shifts:
        at = place[0] + shift[0], place[1] + shift[1]
        near = tree.query_ball_point(at, NEAR_FWHM * fwhm + drawn_out) if tree else []
        apart = np.hypot(x[near] - at[0], y[near] - at[1])
        if (apart < BLEND_FWHM * fwhm + drawn_out).any():
            continue
        kept.append(shift)
        shares = [exposure.share_at(x[n], y[n]) * factor for n in near]
        neighbours.append(
            [
                Neighbour(x[n], y[n], flux[n] / share, err[n] / share)
                for n, share in zip(near, shares, strict=True)
                if flux[n] > 0
            ]  # fmt: skip
        )
    return np.array(kept, dtype=int).reshape(-1, 2), neighbours


def summary(job, measured, zeropoints, beyond):
    """Return the record (recordtypes.Injected) of a Job, None where too little was measured.

    measured : {frame number: what `measure` gave};  zeropoints : {frame number: mag, 0 where instrumental}
    beyond : {frame number: mag that rows of the frame claim besides photons and neighbours}
    """
    measured = {number: one for number, one in measured.items() if one is not None}
    if not measured:
        return None
    limit = float(np.median([one[1] + zeropoints[number] for number, one in measured.items()]))
    typical = float(np.median([job.inst[number] + zeropoints[number] for number in measured]))
    levels = []
    for n, fainter in enumerate(FAINTER_MAG):
        parts = [(*one[0][n], beyond[number]) for number, one in measured.items()]
        level = _level(typical + fainter, [(off, np.hypot(err, more), snr) for off, err, snr, more in parts])
        if level is None:
            return None
        levels.append(level)
    return Injected(
        target=job.track.target.name, tracks=len(job.shifts), frames=len(measured), levels=levels, limit_mag=limit
    )


def _level(mag, parts):
    """Return the InjectedLevel of measurements (list of (off, err, snr), arrays), None for too few."""
    off, err, snr = (np.concatenate(each) for each in zip(*parts, strict=True))
    if off.size < FEWEST:
        return None
    pulls, weight = off / err, 1 / err**2
    return InjectedLevel(
        mag=mag,
        n=int(off.size),
        bias_mag=float(np.average(off, weights=weight)),
        bias_err_mag=float(np.sqrt(1 / weight.sum()) * max(1.0, pulls.std())),
        scatter=float(np.sqrt(np.mean(pulls**2))),
        within_1=float(np.mean(np.abs(pulls) < 1)),
        within_2=float(np.mean(np.abs(pulls) < 2)),
        found=float(np.mean(snr > DETECTED_SIGMA)),
    )
