"""Stars that are known to stand near a target: of a catalogue, or seen in other frames while it was elsewhere."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from scipy.spatial import cKDTree

from photometrypipeline.base.errors import in_words
from photometrypipeline.base.files import reference_file
from photometrypipeline.catalogs.surveys import earlier_names
from photometrypipeline.sky.matching import chord_of
from photometrypipeline.sky.sphere import separation_deg, vectors

log = logging.getLogger("pp.knownstars")

N_OTHERS = 8  # frames that are looked at for one; more teach nothing
SAME_ARCSEC = 1.0  # sources of different frames this near are one star, but see `same_place`
SHARE_SEEN = 0.3  # of the frames must show a star: faint ones are detected now and then
CLEAR_ARCSEC = 3.0  # a target is elsewhere if it has moved by this, its widths and its uncertainty


@dataclass
class Stars:
    """Stars: ra_deg, dec_deg, and inst, the instrumental magnitude that they should have in a frame; NaN if unknown."""

    ra_deg: np.ndarray
    dec_deg: np.ndarray
    inst: np.ndarray

    def __len__(self):
        return self.ra_deg.size


def same_place(fwhm_arcsec):
    """Return the distance (arcsec) within which two sources cannot be told apart."""
    return max(SAME_ARCSEC, 0.7 * fwhm_arcsec)


class KnownStars:
    """What the frames of a data set, and the reference catalogues next to them, know of stars.

    measured : list of targets.Measured;  folder : where the catalogues lie that registration and calibration used
    """

    def __init__(self, measured, folder="."):
        self.measured = measured
        self.ra = [np.asarray(each.table["ra_deg"], dtype=float) for each in measured]
        self.dec = [np.asarray(each.table["dec_deg"], dtype=float) for each in measured]
        self.inst = [np.asarray(each.table["MAG_APER"], dtype=float) for each in measured]
        self.zp = [each.zeropoint["zp"] if each.magnitude_columns else None for each in measured]
        self.trees = [cKDTree(vectors(ra, dec)) for ra, dec in zip(self.ra, self.dec, strict=True)]
        self.fwhm_arcsec = [_width(each.table) for each in measured]
        self.catalog = _catalog(measured, Path(folder))
        self._known, self._shifts, self._places = {}, {}, {}

    def near(self, target, number, place, radius_arcsec, sigma_arcsec):
        """Return the Stars within `radius_arcsec` of `place` in frame `number`, where `target` is expected there."""
        found = [self._of_catalog(number, place, radius_arcsec)]
        others = self._others(target, number, place, sigma_arcsec)
        if others:
            found.append(self._standing(target, number, others, place, radius_arcsec, sigma_arcsec))
        ra, dec, inst = (np.concatenate([getattr(stars, name) for stars in found]) for name in Stars.__annotations__)
        return Stars(*_without_doubles(ra, dec, inst, same_place(self.fwhm_arcsec[number])))

    def known(self, number):
        """Return which sources of a frame are known stars: bool, shape (n,)."""
        if number not in self._known:
            limit = chord_of(same_place(self.fwhm_arcsec[number]))
            points = self.trees[number].data
            found = np.zeros(len(points), dtype=bool)
            others = [self.trees[j] for j in _spread(len(self.measured), 4, number)]
            for tree in [*others, self.catalog.tree]:
                if tree is not None and tree.n and len(points):
                    found |= tree.query(points, distance_upper_bound=limit)[0] <= limit
            self._known[number] = found
        return self._known[number]

    def _clear(self, number, sigma_arcsec):
        return CLEAR_ARCSEC + 2 * self.fwhm_arcsec[number] + 3 * sigma_arcsec

    def _others(self, target, number, place, sigma_arcsec):
        """Return the numbers of the frames in which the target is farthest from its place in frame `number`."""
        if target.name not in self._places:
            there = [target.places.get(each.frame.name, (np.nan, np.nan)) for each in self.measured]
            self._places[target.name] = np.array(there).T
        apart = separation_deg(*place, *self._places[target.name]) * 3600
        apart[number] = np.nan
        usable = np.flatnonzero(apart > self._clear(number, sigma_arcsec))  # not where it is NaN
        return usable[np.argsort(-apart[usable], kind="stable")][:N_OTHERS].tolist()

    def _standing(self, target, number, others, place, radius_arcsec, sigma_arcsec):
        """Return the Stars that several of the frames `others` show, the target's surroundings there left out."""
        point, parts = vectors(*place)[0], []
        for other in others:
            rows = self.trees[other].query_ball_point(point, float(chord_of(radius_arcsec)))
            there = target.places[self.measured[other].frame.name]
            rows = np.array(sorted(rows), dtype=int)
            ra, dec = self.ra[other][rows], self.dec[other][rows]
            away = separation_deg(ra, dec, *there) * 3600 > self._clear(other, sigma_arcsec)
            inst = self.inst[other][rows] + self.between(number, other)
            parts.append(np.column_stack([ra, dec, inst, np.full(rows.size, other)])[away])
        rows = np.concatenate(parts)
        if not len(rows):
            return Stars(*np.empty((3, 0)))
        tree = cKDTree(vectors(rows[:, 0], rows[:, 1]))
        needed = 1 if len(others) == 1 else max(2, int(np.ceil(SHARE_SEEN * len(others))))
        found, left = [], np.ones(len(rows), dtype=bool)
        for seed in range(len(rows)):
            if left[seed]:
                group = tree.query_ball_point(tree.data[seed], float(chord_of(same_place(self.fwhm_arcsec[number]))))
                group = [row for row in group if left[row]]
                left[group] = False
                if np.unique(rows[group, 3]).size >= needed:
                    found.append(np.median(rows[group, :3], axis=0))  # of a pole or RA 0 no frame spans both sides
        return Stars(*np.reshape(found, (-1, 3)).T)

    def between(self, number, other):
        """Return by how much instrumental magnitudes are larger in frame `number` than in `other`; NaN if unknown."""
        if self.zp[number] is not None and self.zp[other] is not None:
            return self.zp[other] - self.zp[number]
        if (number, other) not in self._shifts:
            self._shifts[number, other] = self._median_shift(number, self.trees[other], self.inst[other])
        return self._shifts[number, other]

    def _of_catalog(self, number, place, radius_arcsec):
        """Return the catalogue's Stars around `place`, their magnitudes shifted to those of the frame."""
        catalog = self.catalog
        if catalog.tree is None:
            return Stars(*np.empty((3, 0)))
        rows = np.array(sorted(catalog.tree.query_ball_point(vectors(*place)[0], float(chord_of(radius_arcsec)))), int)
        return Stars(catalog.ra[rows], catalog.dec[rows], catalog.mag[rows] + self.shift(number))

    def shift(self, number):
        """Return instrumental minus catalogue magnitude in a frame: a median over stars of all colours."""
        if number not in self._shifts:
            self._shifts[number] = self._median_shift(number, self.catalog.tree, self.catalog.mag)
        return self._shifts[number]

    def _median_shift(self, number, tree, mag):
        limit = chord_of(SAME_ARCSEC)
        distance, rows = self.trees[number].query(tree.data, distance_upper_bound=limit)
        near = distance <= limit
        shifts = self.inst[number][rows[near]] - mag[near]
        shifts = shifts[np.isfinite(shifts)]
        return float(np.median(shifts)) if shifts.size >= 3 else np.nan


def _spread(n_frames, wanted, but):
    """Return `wanted` numbers of frames that are spread over all but one."""
    numbers = [number for number in range(n_frames) if number != but]
    return numbers[:: max(1, len(numbers) // wanted)][:wanted]


def _width(table):
    width = np.asarray(table["FWHM_WORLD"], dtype=float) * 3600
    width = width[(width > 0) & (np.asarray(table["FLAGS"]) == 0)]
    return float(np.median(width)) if width.size else 2.0


def _without_doubles(ra, dec, inst, limit_arcsec):
    """Return (ra, dec, inst), stars known twice once; a measured magnitude wins over a catalogue's."""
    near = separation_deg(ra[:, None], dec[:, None], ra, dec) * 3600 <= limit_arcsec
    kept = np.zeros(ra.size, dtype=bool)
    for row in range(ra.size - 1, -1, -1):  # those seen in frames come last
        kept[row] = not (near[row] & kept).any()
    return ra[kept], dec[kept], inst[kept]


@dataclass
class _Catalog:
    ra: np.ndarray
    dec: np.ndarray
    mag: np.ndarray
    tree: object  # None without stars


def _file_of(name, folder):
    """Return the Path of the stars of a catalogue whose name may tell what has been done to it since."""
    paths = [folder / reference_file(each) for each in earlier_names(name)]
    return next((path for path in paths if path.is_file()), paths[-1])


def _catalog(measured, folder):
    """Return the stars of the catalogues that registration and calibration left in `folder`."""
    names = {str(each.frame.header.get("REGCAT", "")).strip() for each in measured}
    origins = [str(each.header["origin"]).split(";") for each in measured]
    names |= {origin[2] for origin in origins if len(origin) > 3 and origin[3]}
    columns = [np.empty((3, 0))]
    for path in sorted({_file_of(name, folder) for name in names if name}):
        try:
            with fits.open(path, memmap=False) as hdus:
                table = hdus["LDAC_OBJECTS"].data
                mag = table["MAG"] if "MAG" in table.names else np.full(len(table), np.nan)
                columns.append(np.array([table["XWIN_WORLD"] % 360, table["YWIN_WORLD"], mag], dtype=float))
        except (OSError, KeyError, TypeError) as error:
            log.info("%s: no stars from it (%s)", path, in_words(error))
    # the deepest alone: several would have to be brought onto one scale of magnitudes
    ra, dec, mag = max(columns, key=lambda part: part.shape[1])
    return _Catalog(ra, dec, mag, cKDTree(vectors(ra, dec)) if ra.size else None)
