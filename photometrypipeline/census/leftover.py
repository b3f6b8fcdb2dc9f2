"""Sources that stand at no star's place: what may move, and what the noise has made."""

from dataclasses import dataclass

import numpy as np
from astropy.stats import gaussian_fwhm_to_sigma
from scipy.spatial import cKDTree

from photometrypipeline.frames import seeing
from photometrypipeline.sky import sphere, tangent
from photometrypipeline.targets.knownstars import same_place

WORST_FLAG = 4  # of Source Extractor: from here on saturated, or cut by an edge
LEAST_SNR = 3.5
UNKNOWN_PX = 3.0  # width of stars where no source tells it
SHARPEST = 0.5  # of the width of stars; what is sharper is a cosmic ray
FAR_IN_TIME = 0.45  # of the span of the frames: what stands still so long is no mover
SHARE_SEEN = 0.3  # of the frames so far away in time, for a source to stand still
ROUNDING_ARCSEC = 0.05  # what centres are off by at least: pixels, astrometry between neighbouring stars
OFTEN = 3  # frames that show a source at one place
DRIFTING_CHI2 = 12.0  # by which a motion has to be the better explanation
LOCAL = 8  # sources that make a local density


@dataclass
class Night:
    """K frames in the order of time, of one field: mid-times (min, from the middle), exposures (min), stars' widths.

    outline : corners of each frame on the plane, shape (K, 4, 2), arcsec East and North of the centre (deg)
    numbers : of the frames in the list that they come from
    """

    numbers: np.ndarray
    centre_deg: tuple
    middle_jd: float
    minutes: np.ndarray
    exposure_min: np.ndarray
    fwhm_arcsec: np.ndarray
    outline: np.ndarray

    def __len__(self):
        return len(self.numbers)

    def covers(self, number, points):
        """Return whether the frame `number` of this night shows points, shape (n, 2) on the plane."""
        corners = self.outline[number]
        side = np.roll(corners, -1, axis=0) - corners
        ahead = points[:, None, :] - corners
        turn = side[:, 0] * ahead[..., 1] - side[:, 1] * ahead[..., 0]
        return (turn >= 0).all(axis=1) | (turn <= 0).all(axis=1)

    def area_arcsec2(self, number):
        """Return the area of a frame on the sky."""
        x, y = self.outline[number].T
        return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


@dataclass
class Sources:
    """n sources of a Night: number of the `frame`, `row` of its table, `place` (n, 2) on the plane and `sigma`, arcsec.

    mag, err : on one scale, NaN where unknown;  length, along : by how much they are drawn out (arcsec), and along what
    (unit vectors, shape (n, 2));  density : of such sources around, per arcsec^2
    """

    frame: np.ndarray
    row: np.ndarray
    place: np.ndarray
    sigma: np.ndarray
    mag: np.ndarray
    err: np.ndarray
    length: np.ndarray
    along: np.ndarray
    density: np.ndarray

    def __len__(self):
        return len(self.frame)

    def take(self, chosen):
        """Return those that are chosen (a mask or numbers)."""
        return Sources(*(getattr(self, name)[chosen] for name in Sources.__annotations__))


def fields(measured):
    """Return the Nights of the frames `measured` (list of targets.Measured): those that overlap are one."""
    centres = np.array([_centre(each) for each in measured])
    middle = sphere.mean_direction(*centres.T)
    outlines = [_outline(each, middle) for each in measured]
    left, found = list(range(len(measured))), []
    while left:
        group = [left.pop(0)]
        for number in group:
            near = [other for other in left if _overlap(outlines[number], outlines[other])]
            group += near
            left = [other for other in left if other not in near]
        found.append(_night([measured[n] for n in sorted(group)], np.array(sorted(group)), centres))
    return found


def _night(measured, numbers, centres):
    jd = np.array([each.header["obstime"] for each in measured], dtype=float)
    order = np.argsort(jd, kind="stable")
    centre = sphere.mean_direction(*centres[numbers].T)
    middle = float((jd.min() + jd.max()) / 2)
    widths = [seeing.fwhm_px(measured[n].table, UNKNOWN_PX) * measured[n].frame.number("SECPIXX") for n in order]
    exposures = [float(measured[n].header["exptime"] or 0.0) / 60 for n in order]
    outline = np.array([_outline(measured[n], centre) for n in order])
    return Night(
        numbers[order], centre, middle, (jd[order] - middle) * 1440, np.array(exposures), np.array(widths), outline
    )


def _centre(each):
    nx, ny = each.frame.size_px
    return [float(axis[0]) for axis in each.wcs.all_pix2world([(nx + 1) / 2], [(ny + 1) / 2], 1)]


def _outline(each, centre):
    nx, ny = each.frame.size_px
    ra, dec = each.wcs.all_pix2world([0.5, nx + 0.5, nx + 0.5, 0.5], [0.5, 0.5, ny + 0.5, ny + 0.5], 1)
    return on_plane(ra, dec, centre)


def on_plane(ra_deg, dec_deg, centre):
    """Return places on the tangential plane around `centre` (deg), shape (n, 2), arcsec East and North."""
    plane = tangent.project(np.asarray(ra_deg), np.asarray(dec_deg), centre) * 3600
    return np.column_stack([plane.real, plane.imag])


def _overlap(one, other):
    return all(
        one[:, axis].max() > other[:, axis].min() and other[:, axis].max() > one[:, axis].min() for axis in (0, 1)
    )


def sources_of(night, measured, catalog_deg):
    """Return the Sources of a Night that are no stars.

    measured : list of targets.Measured, all;  catalog_deg : (ra, dec) of the stars that catalogues list
    """
    every = [_sources(k, measured[night.numbers[k]], night) for k in range(len(night))]
    standing = _standing(every, night)
    stars = cKDTree(on_plane(*catalog_deg, night.centre_deg)) if len(catalog_deg[0]) else None
    kept = []
    for k, (sources, sound) in enumerate(every):
        chosen = sound & ~standing[k]
        if stars is not None and len(sources):
            chosen &= stars.query(sources.place)[0] > same_place(night.fwhm_arcsec[k])
        kept.append(sources.take(chosen))
    found = _joined(kept)
    found = found.take(~_now_and_then(found, night))
    return _joined([_with_density(found.take(found.frame == k), night.area_arcsec2(k)) for k in range(len(night))])


def _joined(parts):
    return Sources(*(np.concatenate([getattr(each, name) for each in parts]) for name in Sources.__annotations__))


def _now_and_then(sources, night):
    """Return which sources are stars at the limit, seen in some frames: several at one place that do not drift."""
    found = np.zeros(len(sources), dtype=bool)
    if not len(sources):
        return found
    tree = cKDTree(sources.place)
    for number, near in enumerate(tree.query_ball_point(sources.place, same_place(np.median(night.fwhm_arcsec)))):
        if np.unique(sources.frame[near]).size >= OFTEN and not _drift(sources, np.array(near), night):
            found[number] = True
    return found


def _drift(sources, near, night):
    """Return whether sources at one place are better explained by a motion."""
    minutes = night.minutes[sources.frame[near]]
    weight = 1 / sources.sigma[near] ** 2
    since = minutes - np.average(minutes, weights=weight)
    spread = np.sum(weight * since**2)
    if spread == 0:
        return False
    better = sum(np.sum(weight * since * axis) ** 2 for axis in sources.place[near].T) / spread
    return bool(better > DRIFTING_CHI2)


def _sources(k, each, night):
    """Return (Sources, which of them are sound) of one frame."""
    table = each.table
    place = on_plane(table["ra_deg"], table["dec_deg"], night.centre_deg)
    scale = float(each.frame.number("SECPIXX"))
    mag, err = _magnitudes(each)
    snr = np.asarray(table["FLUX_APER"], dtype=float) / np.asarray(table["FLUXERR_APER"], dtype=float)
    width = np.asarray(table["FWHM_IMAGE"], dtype=float) * scale
    sound = (np.asarray(table["FLAGS"]) < WORST_FLAG) & (snr > LEAST_SNR) & (width > SHARPEST * night.fwhm_arcsec[k])
    sound &= np.isfinite(place).all(axis=1)
    sigma = np.hypot(1.3 * gaussian_fwhm_to_sigma * night.fwhm_arcsec[k] / np.maximum(snr, 1.0), ROUNDING_ARCSEC)
    long, short = (np.asarray(table[name], dtype=float) * scale for name in ("A_IMAGE", "B_IMAGE"))
    length = np.sqrt(12 * np.maximum(long**2 - short**2, 0))
    number = np.full(len(table), k)
    rows, nothing = np.arange(len(table)), np.zeros(len(table))
    return Sources(number, rows, place, sigma, mag, err, length, _directions(each, table), nothing), sound


def _magnitudes(each):
    names = each.magnitude_columns
    if names:
        return tuple(np.asarray(each.table[name], dtype=float) for name in names)
    unknown = np.full(len(each.table), np.nan)
    return unknown, unknown


def _directions(each, table):
    """Return along what sources are drawn out, unit vectors East and North, shape (n, 2)."""
    angle = np.radians(np.asarray(table["THETA_IMAGE"], dtype=float))
    on_sky = np.column_stack([np.cos(angle), np.sin(angle)]) @ each.wcs.pixel_scale_matrix.T
    return on_sky / np.maximum(np.linalg.norm(on_sky, axis=1, keepdims=True), 1e-12)


def _standing(every, night):
    """Return, for each frame, which of its sources stand still: seen at the same place much later or earlier."""
    trees = [cKDTree(sources.place[np.isfinite(sources.place).all(axis=1)]) for sources, _ in every]
    span, found = np.ptp(night.minutes), []
    for k, (sources, _) in enumerate(every):
        far = np.flatnonzero(np.abs(night.minutes - night.minutes[k]) >= FAR_IN_TIME * span)
        seen, asked = np.zeros(len(sources)), np.zeros(len(sources))
        place = np.nan_to_num(sources.place, nan=1e9)
        for other in far[far != k]:
            within = same_place(max(night.fwhm_arcsec[k], night.fwhm_arcsec[other]))
            asked += night.covers(other, place)
            if trees[other].n:
                seen += trees[other].query(place, distance_upper_bound=within)[0] <= within
        found.append((seen > 0) & (seen >= np.ceil(SHARE_SEEN * asked)))
    return found


def _with_density(sources, area_arcsec2):
    """Fill in the density of sources: that of the frame, or around each where they crowd."""
    n = len(sources)
    sources.density = np.full(n, max(n, 1) / area_arcsec2)
    if n > LOCAL:
        reach = cKDTree(sources.place).query(sources.place, LOCAL + 1)[0][:, -1]
        sources.density = np.maximum(sources.density, LOCAL / (np.pi * np.maximum(reach, 1.0) ** 2) / 2)
    return sources
