"""Sources of several frames that are one body: linked by uniform motion, with brightness and trails that agree.

Two sources tell a motion; a third one where it leads to makes a track, which then looks for its sources in all frames.
How many such tracks chance makes is reckoned from the density of the sources: see `expected`.
"""

from dataclasses import dataclass
from math import comb

import numpy as np
from scipy.spatial import cKDTree

SLOWEST, FASTEST = 0.05, 10.0  # arcsec/min
CROWD = 8.0  # sources of another frame that one source is tried with, by chance: bounds the motion between two frames
SIGMAS = 3.5
TOLERANCE_ARCSEC = 0.1  # beside the errors of the centres: astrometry
FARTHEST = 4.0  # intervals that two sources are believed beyond their own
CURVED = 2.5e-4  # arcsec/min^2: the turning Earth bends the way of a body at 1 au so much (one sigma)
LIGHT_CURVE_MAG = 0.3
LEAST_FRAMES = 3
LEAST_WAY = 2.5  # of the error of a source, and of half the width of stars, that a track moves in all
FALSE_TRACKS = 0.03  # in a data set, by each of three searches: what fast ones find by chance is not held against slow
SEARCHES_ARCSEC_MIN = (0.5, 2.0)  # the fastest of the slow and of the usual ones
DRAWN_OUT_FWHM = 1.5  # a trail that long must be seen as one


@dataclass
class Track:
    """A body: `members` (numbers of Sources), place (arcsec), rate (arcsec/min) and bend at the middle of the night.

    x, y : (3,) each: place, rate, acceleration;  cov : (3, 3), of one axis;  chance : how many tracks as good are
    expected by chance in the whole night
    """

    members: np.ndarray
    x: np.ndarray
    y: np.ndarray
    cov: np.ndarray
    chance: float = np.inf

    @property
    def rate(self):
        """The speed, arcsec/min."""
        return float(np.hypot(self.x[1], self.y[1]))

    def place(self, minutes):
        """Return (n, 2), arcsec on the plane, at times (min)."""
        terms = _terms(minutes)
        return np.column_stack([terms @ self.x, terms @ self.y])

    def sigma(self, minutes):
        """Return the error of its place at times (min), arcsec, shape (n,)."""
        terms = _terms(minutes)
        return np.sqrt(np.einsum("ij,jk,ik->i", terms, self.cov, terms))


def _terms(minutes):
    minutes = np.atleast_1d(np.asarray(minutes, dtype=float))
    return np.column_stack([np.ones(minutes.size), minutes, minutes**2 / 2])


def tracks(night, sources, slowest=SLOWEST, fastest=FASTEST):
    """Return the Tracks of a leftover.Night's Sources, the surest first; no source belongs to two of them."""
    if len(night) < LEAST_FRAMES:
        return []
    search = _Search(night, sources, slowest, fastest)
    found = []
    for pair in search.promising():
        track = search.grow(pair)
        if track is not None:
            found.append(track)
    return _apart(found)


def _apart(found):
    """Return the tracks (list), the surest of those that share sources."""
    taken, kept = set(), []
    for track in sorted(found, key=lambda track: track.chance):
        if track.chance <= FALSE_TRACKS / 3 and not taken.intersection(track.members.tolist()):
            taken.update(track.members.tolist())
            kept.append(track)
    return kept


class _Search:
    def __init__(self, night, sources, slowest, fastest):
        self.night, self.sources, self.slowest, self.fastest = night, sources, slowest, fastest
        self.rows = [np.flatnonzero(sources.frame == k) for k in range(len(night))]
        self.trees = [cKDTree(sources.place[rows]) if rows.size else None for rows in self.rows]
        self.still = 0.5 * float(np.median(night.fwhm_arcsec))
        self.area = [night.area_arcsec2(k) for k in range(len(night))]
        self.done = set()  # pairs of sources that a track has explained

    # ---- two sources, and a third

    def promising(self):
        """Return pairs of sources, shape (n, 2), that a third one agrees with, those with most of them first."""
        parts = [self._pairs(i, j) for i in range(len(self.night)) for j in range(i + 1, len(self.night))]
        pairs = np.concatenate([*parts, np.zeros((0, 2), dtype=int)])
        if not len(pairs):
            return pairs
        agree = self._agreeing(pairs)
        order = np.argsort(-agree, kind="stable")
        return pairs[order][agree[order] > 0]

    def reach(self, i, j):
        """Return how far (arcsec) a body may move between two frames, and how far it has to."""
        gap = self.night.minutes[j] - self.night.minutes[i]
        alone = np.sqrt(CROWD * self.area[j] / np.pi / max(self.rows[j].size, 1))
        return min(self.fastest * gap, alone), max(self.slowest * gap, self.still)

    def _pairs(self, i, j):
        gap = self.night.minutes[j] - self.night.minutes[i]
        if gap <= 0 or self.trees[i] is None or self.trees[j] is None:
            return np.zeros((0, 2), dtype=int)
        most, least = self.reach(i, j)
        near = self.trees[i].query_ball_tree(self.trees[j], most)
        first = np.repeat(self.rows[i], [len(each) for each in near])
        second = self.rows[j][np.array([n for each in near for n in each], dtype=int)]
        moved = self.sources.place[second] - self.sources.place[first]
        far = np.linalg.norm(moved, axis=1)
        keep = (far >= least) & self._as_bright(first, second)
        first, second, rate = first[keep], second[keep], moved[keep] / gap
        keep = self.drawn_out(first, rate) & self.drawn_out(second, rate)
        return np.column_stack([first[keep], second[keep]])

    def _as_bright(self, first, second):
        mag, err = self.sources.mag, self.sources.err
        apart = np.abs(mag[first] - mag[second])
        allowed = 3 * np.sqrt(err[first] ** 2 + err[second] ** 2 + 2 * LIGHT_CURVE_MAG**2)
        return ~(apart > allowed)

    def drawn_out(self, numbers, rate):
        """Return whether sources have the shape that a motion (arcsec/min, shape (n, 2)) gives them."""
        frame = self.sources.frame[numbers]
        speed = np.linalg.norm(rate, axis=1)
        expected = speed * self.night.exposure_min[frame]
        width = self.night.fwhm_arcsec[frame]
        length = self.sources.length[numbers]
        cosine = np.abs(np.sum(self.sources.along[numbers] * rate, axis=1)) / np.maximum(speed, 1e-12)
        long = expected > DRAWN_OUT_FWHM * width
        fits = (length > 0.4 * expected) & (length < 1.7 * expected + width) & (cosine > 0.85)
        compact = length < expected + 2.5 * width
        return np.where(long, fits, compact)

    def _agreeing(self, pairs):
        """Return with how many other frames each pair agrees, shape (n,)."""
        a, b = pairs.T
        sources, minutes = self.sources, self.night.minutes
        start, end = minutes[sources.frame[a]], minutes[sources.frame[b]]
        rate = (sources.place[b] - sources.place[a]) / (end - start)[:, None]
        agree = np.zeros(len(pairs), dtype=int)
        for k, tree in enumerate(self.trees):
            if tree is None:
                continue
            share = (minutes[k] - start) / (end - start)
            asked = np.flatnonzero(
                (sources.frame[a] != k) & (sources.frame[b] != k) & (np.abs(share - 0.5) <= FARTHEST)
            )
            place = sources.place[a][asked] + rate[asked] * (minutes[k] - start[asked])[:, None]
            error = np.hypot(sources.sigma[a][asked] * (1 - share[asked]), sources.sigma[b][asked] * share[asked])
            bend = CURVED / 2 * np.abs((minutes[k] - start[asked]) * (minutes[k] - end[asked]))
            apart, row = tree.query(place)
            other = self.rows[k][row]
            near = apart < self._tolerance(np.hypot(error, bend), sources.sigma[other])
            agree[asked] += near & self._as_bright(a[asked], other) & self.drawn_out(other, rate[asked])
        return agree

    @staticmethod
    def _tolerance(error, sigma):
        return SIGMAS * np.hypot(error, sigma) + TOLERANCE_ARCSEC

    # ---- a track

    def grow(self, pair):
        """Return the Track that a pair of sources leads to, None where it leads to none, or to one known already."""
        if (int(pair[0]), int(pair[1])) in self.done:
            return None
        members = np.array(pair)
        for _ in range(5):
            track = self.fit(members)
            more = self._members(track)
            if not np.isin(pair, more).all():
                return None
            if np.array_equal(more, members):
                break
            members = more
        if len(members) < LEAST_FRAMES:
            return None
        self.done.update((int(a), int(b)) for a in members for b in members)
        track = self.fit(members)
        return self._judged(track)

    def fit(self, members):
        """Return the Track through sources: least squares, the bend held near nothing by what the Earth makes of it."""
        minutes = self.night.minutes[self.sources.frame[members]]
        weight = 1 / np.hypot(self.sources.sigma[members], TOLERANCE_ARCSEC / 2) ** 2
        terms = _terms(minutes)
        normal = terms.T @ (weight[:, None] * terms) + np.diag([0, 0, 1 / CURVED**2])
        cov = np.linalg.inv(normal)
        x, y = (cov @ (terms.T @ (weight * axis)) for axis in self.sources.place[members].T)
        return Track(np.asarray(members), x, y, cov)

    def _members(self, track):
        """Return the sources where a track leads to, at most one a frame, nearer ones of a frame first."""
        minutes = self.night.minutes
        place, sigma = track.place(minutes), track.sigma(minutes)
        own = self.sources.mag[track.members]
        mag = np.median(own) if np.isfinite(own).all() else np.nan
        found = []
        for k, tree in enumerate(self.trees):
            if tree is None or sigma[k] > 3 * self.night.fwhm_arcsec[k] + 3:
                found += [n for n in track.members if self.sources.frame[n] == k]
                continue
            near = self.rows[k][tree.query_ball_point(place[k], SIGMAS * (sigma[k] + 1.0) + TOLERANCE_ARCSEC)]
            apart = np.linalg.norm(self.sources.place[near] - place[k], axis=1)
            fits = apart < self._tolerance(sigma[k], self.sources.sigma[near])
            allowed = 3 * np.hypot(self.sources.err[near], LIGHT_CURVE_MAG)
            fits &= ~(np.abs(self.sources.mag[near] - mag) > allowed)
            fits &= self.drawn_out(near, np.tile([track.x[1], track.y[1]], (near.size, 1)))
            found += near[fits][np.argsort(apart[fits])][:1].tolist()
        return np.array(found, dtype=int)

    def _judged(self, track):
        """Return a Track with the number expected by chance, None where it stands still or fits badly."""
        minutes = self.night.minutes[self.sources.frame[track.members]]
        way = track.rate * np.ptp(minutes)
        error = float(np.median(self.sources.sigma[track.members]))
        if not self.slowest <= track.rate <= self.fastest or way < LEAST_WAY * (self.still + error):
            return None
        off = self.sources.place[track.members] - track.place(minutes)
        sigma = np.hypot(self.sources.sigma[track.members], TOLERANCE_ARCSEC / 2)
        if np.sum((off / sigma[:, None]) ** 2) / (2 * len(minutes) - 4) > SIGMAS**2:
            return None
        track.chance = self.expected(track)
        return track

    def expected(self, track):
        """Return how many tracks with as many sources as this one chance would make in the whole night.

        Pairs of sources that are as bright and as fast, or slower; times the chance that so many of the other frames
        have a source where it leads to. What is seen in several frames at one place counts once. Sources crowd around
        bright stars and along trails of satellites: the density is the local one.
        """
        frames = len(self.night)
        fastest = next((step for step in SEARCHES_ARCSEC_MIN if track.rate <= step), self.fastest)
        pairs = 0.0
        for i in range(frames):
            for j in range(i + 1, frames):
                most, least = self.reach(i, j)
                most = min(most, fastest * (self.night.minutes[j] - self.night.minutes[i]))
                if most > least:
                    pairs += self.rows[i].size * self.rows[j].size * np.pi * most**2 / self.area[j]
        alike = self._share_alike(track)
        density = float(np.mean(self.sources.density[track.members]))
        size = self._tolerance(track.sigma(self.night.minutes), float(np.median(self.sources.sigma[track.members])))
        hit = min(1.0, density * np.pi * float(np.mean(size**2)) * alike)
        others = self._places(track) - 2
        if others < 1:
            return np.inf
        covered = sum(bool(self.night.covers(k, track.place(self.night.minutes[k]))[0]) for k in range(frames))
        return pairs * alike * comb(max(covered - 2, others), others) * hit**others

    def _places(self, track):
        """Return at how many places a track was seen: a faint star is seen at its own now and then."""
        way = np.sort(self.sources.place[track.members] @ [track.x[1], track.y[1]]) / track.rate
        count, last = 1, way[0]
        for each in way[1:]:
            if each - last >= self.still:
                count, last = count + 1, each
        return count

    def _share_alike(self, track):
        """Return the share of all sources that are as bright as a track."""
        mag = self.sources.mag
        own = np.nanmedian(mag[track.members]) if np.isfinite(mag[track.members]).any() else np.nan
        if not np.isfinite(own):
            return 1.0
        known = np.isfinite(mag)
        near = np.abs(mag - own) < 3 * np.hypot(np.nanmedian(self.sources.err[track.members]), LIGHT_CURVE_MAG)
        return float((near[known].sum() + 1) / (known.sum() + 1))
