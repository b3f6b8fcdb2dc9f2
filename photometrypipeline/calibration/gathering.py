"""What the frames of a night say of their stars, laid out for night.solve: one row per frame, one column per star."""

import warnings
from dataclasses import dataclass, replace

import numpy as np

from photometrypipeline.calibration import night, targetcolor
from photometrypipeline.sky import matching

MAX_STARS = 1000  # more make the solution no better than the catalogue allows
MIN_PER_FRAME = 60  # as many of a frame's best stars stay, whatever their number elsewhere
ENOUGH_UNFLAGGED = 20  # with so many on a frame, those that Source Extractor flags (neighbours, blends) are left out
ENOUGH_REFERENCE = 100  # with fewer on any frame, stars that the catalogue does not know tie the frames as well
MAX_OTHERS = 200  # of those, per frame
OTHERS_NOISE = 0.03  # mag, at most
MIN_STARS_FOR_PLACE = 50  # fewer say nothing of how the zeropoint changes over the detector
MIN_DRIFT = (
    0.03  # half diagonals: stars that move so far over the detector say it, whether the catalogue has them or not
)
# The sky around a star holds others too faint to be seen, always the same ones: it came out 1 ADU too high in ten
# simulated frames, stars of 19.5 mag 0.1 to 0.25 mag too faint in each.  On average that is a term of the solution, in
# units of the noise of the sky in an aperture: next to nothing where no unknown star lies in the rings, or some, or
# many; stars differ from that mean by twice as much.
SKY_PRIOR = (0.1, 0.5, 3.0)
SKY_UNEVEN = 2.0
MIN_SKY_RANGE = 0.02  # mag, that a noise of the sky does to the faintest stars beyond the brightest
# mag per mag: a filter like that of the catalogue, another one; the wide one where the user asks for a colour term
COLOR_PRIOR, WIDE_COLOR_PRIOR = (0.01, 0.05), (1.0,)
# mag at one half diagonal from the middle: a good flat field and a constant PSF, a poor one, a PSF that varies by 25 %.
# x and y are one gradient, whose direction is nobody's choice: their widths go together.
PLACE_PRIOR = (0.004, 0.03, 0.2)
PLACE_GROUPS = {"x": "gradient", "y": "gradient", "r2": "r2"}
SEEING_PRIOR = (0.016, 0.1, 0.5)  # mag there if all images of a frame were twice as wide
MIN_SEEING_RANGE = 0.02  # of the FWHM
EXTINCTION_COLOR_PRIOR = (0.02,)  # mag per mag and airmass
MIN_AIRMASS_RANGE = 0.3
# A star near the limit is seen on the frames on which noise makes it brighter.  Whether one takes part is told by its
# magnitude in the catalogue, which knows nothing of that noise.
FAINT_MAG, FEWEST_BRIGHT = 0.1, 20  # noise that the sky does to it at most, where as many are left
MOST_AWAY_MAG = 0.5  # by which the flux in the catalogue may differ from the measured one: others are no noise
CROWDED = 3  # flags of Source Extractor: neighbours, blended


@dataclass
class FrameStars:
    """The stars of one frame, arrays; the first row of shape (n_reference,), the second (n_others,).

    i_star : numbers of the stars in the reference; difference : catalogue minus instrumental magnitude; noise : mag
    x, y : px; flags : of Source Extractor
    others : (ra_deg, dec_deg, inst, noise, x, y) of bright sources that are no reference stars
    airmass : NaN where unknown;  size_px : of the image, (nx, ny);  fwhm_px : of its stars, NaN where unknown
    inst : instrumental magnitudes of the reference stars, None where they are not told
    """

    i_star: np.ndarray
    difference: np.ndarray
    noise: np.ndarray
    x: np.ndarray
    y: np.ndarray
    flags: np.ndarray
    others: np.ndarray
    airmass: float
    size_px: tuple
    fwhm_px: float = np.nan
    inst: np.ndarray | None = None

    def sound(self):
        """Return the stars without those that are flagged, where enough are left."""
        good = (self.flags & CROWDED) == 0
        if good.all() or good.sum() < ENOUGH_UNFLAGGED:
            return self
        return self._with(good)

    def bright(self):
        """Return the stars without those near the limit of the frame, where enough are left."""
        good = ~(self.sky_mag() > FAINT_MAG)
        return self if good.all() or good.sum() < FEWEST_BRIGHT else self._with(good)

    def _with(self, good):
        names = ("i_star", "difference", "noise", "x", "y", "flags", *(("inst",) if self.inst is not None else ()))
        return replace(self, **{name: getattr(self, name)[good] for name in names})

    def by_the_catalog(self):
        """Return (difference, noise) of the reference stars as noise cannot bend them, mag.

        What noise makes brighter has a smaller error in magnitudes, and would count more; the logarithm makes the
        mean of noisy fluxes fainter by half their variance.  So noise is that of the flux in the catalogue.
        """
        away = self.difference - np.median(self.difference) if self.difference.size else self.difference
        noise = self.noise * 10 ** (0.4 * np.clip(away, -MOST_AWAY_MAG, MOST_AWAY_MAG))
        return self.difference + np.log(10) / 5 * noise**2, noise

    def sky_mag(self):
        """Return what one noise of the sky in the aperture does to each reference star, mag; NaN where not told.

        The noise of the sky is nearly all that the faintest stars have: the 5th percentile of the errors of fluxes.
        Fluxes are those of the catalogue: measured ones would go with the noise of what is to be explained.
        """
        if self.inst is None or not self.inst.size:
            return np.full(self.i_star.shape, np.nan)
        noise = np.percentile(self.noise * 10 ** (-0.4 * self.inst), 5)
        return noise * 10 ** (0.4 * (self.difference + self.inst - np.median(self.difference)))


@dataclass(frozen=True)
class Detector:
    """Where on the detector a source is, in half diagonals from the middle, less the means over all stars."""

    middle_px: tuple
    half_diagonal_px: float
    means: tuple = (0.0, 0.0, 0.0)

    def terms(self, x, y):
        """Return (x, y, r^2), arrays of the shape of `x`, of places in px."""
        u, v = (np.asarray(axis, dtype=float) - middle for axis, middle in zip((x, y), self.middle_px, strict=True))
        u, v = u / self.half_diagonal_px, v / self.half_diagonal_px
        return tuple(value - mean for value, mean in zip((u, v, u**2 + v**2), self.means, strict=True))


@dataclass
class Gathered:
    """Measurements for night.solve, and what their rows and columns are.

    i_star : number in the reference of each column, -1 for stars that the catalogue does not know
    detector : None where places are no terms; color_width : mag, None without colours
    airmass : of each frame, less its mean; NaN where unknown
    seeing : FWHM of each frame over the mean of all, less 1; 0 where unknown
    """

    measurements: night.Measurements
    i_star: np.ndarray
    detector: Detector | None
    color_width: float | None
    airmass: np.ndarray
    seeing: np.ndarray


def gather(frames, catalog_err, color, target, color_prior=COLOR_PRIOR, same_arcsec=1.0):
    """Return the Gathered of a night.

    frames : list of FrameStars;  catalog_err, color : of the stars of the reference, mag, shape (n_stars,)
    target : TargetColor, or None where there are no colours;  same_arcsec : within which sources are one star
    """
    frames = [frame.bright().sound() for frame in frames]
    likeness, width = np.ones(len(catalog_err)), None
    if target is not None:
        seen = np.unique(np.concatenate([frame.i_star for frame in frames]))
        likeness[seen], width = targetcolor.likeness(color[seen], target)
    chosen = _choose(frames, catalog_err, likeness)
    column = np.full(len(catalog_err), -1)
    column[chosen] = np.arange(chosen.size)
    few = min(int((column[frame.i_star] >= 0).sum()) for frame in frames) < ENOUGH_REFERENCE
    others = _linked(frames, same_arcsec) if few else [(np.empty(0, int), np.empty(0, int))] * len(frames)
    n_others = 1 + max((int(stars.max()) for stars, _ in others if stars.size), default=-1)
    shape = (len(frames), chosen.size + n_others)
    difference, noise, x, y, sky = (np.full(shape, np.nan) for _ in range(5))
    for row, (frame, (star, source)) in enumerate(zip(frames, others, strict=True)):
        use = column[frame.i_star] >= 0
        at = column[frame.i_star[use]]
        difference[row, at], noise[row, at] = (part[use] for part in frame.by_the_catalog())
        x[row, at], y[row, at], sky[row, at] = frame.x[use], frame.y[use], frame.sky_mag()[use]
        at = chosen.size + star
        _, _, inst, error, x_other, y_other = frame.others[:, source]
        difference[row, at], noise[row, at], x[row, at], y[row, at] = -inst, error, x_other, y_other
    free = np.full(n_others, np.inf)
    against = np.zeros(shape[1])
    if target is not None:
        against[: chosen.size] = np.nan_to_num(color[chosen] - target.value)
    known = np.isfinite(difference)
    airmass = np.array([frame.airmass for frame in frames])
    airmass = airmass - (np.nanmean(airmass) if np.isfinite(airmass).any() else 0.0)
    terms = _color_terms(against, airmass, target, color_prior, chosen.size)
    detector, seeing = _detector(frames, x[known], y[known]), _seeing(frames)
    drifting = known.any(axis=0).sum() >= MIN_STARS_FOR_PLACE and _drift(x, y) > MIN_DRIFT * detector.half_diagonal_px
    if chosen.size < MIN_STARS_FOR_PLACE and not drifting:
        detector = None
    else:
        at = detector.terms(np.where(known, x, detector.middle_px[0]), np.where(known, y, detector.middle_px[1]))
        of_place = zip(PLACE_GROUPS.items(), at, strict=True)
        terms += [night.Term(name, values, PLACE_PRIOR, group=group) for (name, group), values in of_place]
        if np.ptp(seeing) > MIN_SEEING_RANGE:
            terms.append(night.Term("r2_fwhm", seeing[:, None] * at[2], SEEING_PRIOR))
    terms += _sky_terms(sky, chosen.size)
    errors = np.concatenate([catalog_err[chosen], free])
    weights = np.concatenate([likeness[chosen], np.zeros(n_others)])
    found = night.Measurements(difference, noise, errors, weights, terms, _typical(noise))
    return Gathered(found, np.concatenate([chosen, np.full(n_others, -1)]), detector, width, airmass, seeing)


def _choose(frames, catalog_err, likeness):
    """Return the numbers (sorted) of the reference stars that take part: all, or those that say most."""
    star = np.concatenate([frame.i_star for frame in frames])
    noise = np.concatenate([frame.noise for frame in frames])
    seen = np.unique(star)
    if seen.size <= MAX_STARS:
        return seen
    value = np.bincount(star, 1 / (noise**2 + night.LEAST_NOISE**2), minlength=len(likeness))
    value *= 0.1 + likeness  # stars of any colour tell frames from each other
    best = set(np.argsort(-value, kind="stable")[:MAX_STARS].tolist())
    for frame in frames:
        best |= set(frame.i_star[np.argsort(frame.noise, kind="stable")[:MIN_PER_FRAME]].tolist())
    return np.array(sorted(best & set(seen.tolist())))


def _linked(frames, same_arcsec):
    """Return [(star, source), ...] of each frame: sources without a catalogue star, numbered as stars of the night.

    A star is known from the first frame that shows it; those that are on one frame alone say nothing and are left out.
    """
    ra, dec = np.empty(0), np.empty(0)
    found = []
    for frame in frames:
        here_ra, here_dec = frame.others[0], frame.others[1]
        star, source = matching.unique_pairs(ra, dec, here_ra, here_dec, same_arcsec)
        distance = matching.nearest(here_ra, here_dec, ra, dec)[1]
        new = np.flatnonzero(distance > 2 * same_arcsec)
        found.append((np.concatenate([star, ra.size + np.arange(new.size)]), np.concatenate([source, new])))
        ra, dec = np.concatenate([ra, here_ra[new]]), np.concatenate([dec, here_dec[new]])
    count = np.bincount(np.concatenate([star for star, _ in found]).astype(int), minlength=ra.size)
    number = np.where(count > 1, np.cumsum(count > 1) - 1, -1)
    kept = []
    for star, source in found:
        use = number[star.astype(int)] >= 0
        kept.append((number[star[use].astype(int)], source[use].astype(int)))
    return kept


def _typical(noise):
    """Return the median noise of each star over the frames that show it, shape (n,)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a star that no frame shows
        return np.nan_to_num(np.nanmedian(noise, axis=0))


def _color_terms(against, airmass, target, prior, n_reference):
    if target is None or not np.ptp(against):
        return []
    terms = [night.Term("color", against, prior)]
    known = np.isfinite(airmass)
    if known.all() and np.ptp(airmass) > MIN_AIRMASS_RANGE and n_reference >= targetcolor.ENOUGH_STARS:
        terms.append(night.Term("color_airmass", airmass[:, None] * against, EXTINCTION_COLOR_PRIOR))
    return terms


def _sky_terms(sky_mag, n_reference):
    """Return the term for a sky that is too high around all stars alike, where faint and bright ones tell it, or []."""
    known = sky_mag[np.isfinite(sky_mag)]
    if n_reference < MIN_STARS_FOR_PLACE or not known.size or np.ptp(np.percentile(known, (10, 90))) < MIN_SKY_RANGE:
        return []
    return [night.Term("sky", np.nan_to_num(sky_mag), SKY_PRIOR, SKY_UNEVEN)]


def _seeing(frames):
    """Return the `seeing` of Gathered, shape (n_frames,)."""
    fwhm = np.array([frame.fwhm_px for frame in frames])
    known = np.isfinite(fwhm)
    return np.where(known, fwhm / fwhm[known].mean() - 1, 0.0) if known.any() else np.zeros(len(frames))


def _drift(x, y):
    """Return how far stars move over the detector between frames, px: a standard deviation, median over the stars."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # stars on one frame, or none
        return float(np.nan_to_num(np.nanmedian(np.hypot(np.nanstd(x, axis=0), np.nanstd(y, axis=0)))))


def _detector(frames, x, y):
    """Return the Detector that all stars were measured on."""
    size = [max([float(frame.size_px[axis]) for frame in frames] + [float(at.max())]) for axis, at in enumerate((x, y))]
    bare = Detector(((size[0] + 1) / 2, (size[1] + 1) / 2), float(np.hypot(*size)) / 2)
    return Detector(bare.middle_px, bare.half_diagonal_px, tuple(float(part.mean()) for part in bare.terms(x, y)))


def others_of(ra_deg, dec_deg, inst, noise, x, y, flags, taken):
    """Return the `others` of FrameStars, shape (6, n): bright, unflagged sources that are not `taken` (bool)."""
    good = ~taken & (flags == 0) & (noise < OTHERS_NOISE)
    rows = np.flatnonzero(good)
    rows = rows[np.argsort(noise[rows], kind="stable")[:MAX_OTHERS]]
    return np.array([part[rows] for part in (ra_deg, dec_deg, inst, noise, x, y)], dtype=float)
