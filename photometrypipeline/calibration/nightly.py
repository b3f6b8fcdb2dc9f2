"""The solution of a night in terms of frames: what each gets from it, and what there is to tell of it."""

import logging
from dataclasses import asdict, dataclass

import numpy as np

from photometrypipeline.base.errors import TelescopeError, TooFewStars
from photometrypipeline.calibration import extinction, gathering, night, targetcolor
from photometrypipeline.calibration.gathering import FrameStars
from photometrypipeline.instruments import headers
from photometrypipeline.sky import observer

log = logging.getLogger("pp.night")

FAKE = "fake airmass"  # beginning of the comment of an airmass that pp_prepare made up
PLACE_TERMS = ("x", "y", "r2")
DIGITS_DEG, DIGITS_MAG = 8, 5  # of a star in the record


@dataclass(frozen=True)
class FrameZeropoint:
    """What the night says of one frame: zeropoint `zp` for a source of the target's colour in the mean of all places.

    err_frame : error against the mean of all frames;  night : NightSolution that it belongs to
    color : coefficient of the colour on this frame, mag per mag
    seeing : FWHM of the frame over the mean of the night, less 1
    """

    zp: float
    err_frame: float
    color: float
    night: "NightSolution"
    seeing: float

    def correction(self, x, y):
        """Return what the place on the detector (px) adds to the zeropoint, mag, shape of `x`."""
        return self._place_rows(x, y) @ np.array([value for value, _ in self.night.solution.terms.values()])

    def common_error(self, x, y):
        """Return the error that all frames share at a place on the detector (px), mag, shape of `x`."""
        return self.night.solution.common_error(self._place_rows(x, y))

    def _place_rows(self, x, y):
        """Return the values of all terms of the solution that depend on the place, shape (..., n_terms), others 0."""
        names, detector = list(self.night.solution.terms), self.night.gathered.detector
        rows = np.zeros((*np.shape(x), len(names)))
        if detector:
            at = dict(zip(PLACE_TERMS, detector.terms(x, y), strict=True))
            at["r2_fwhm"] = self.seeing * at["r2"]
            for name in at.keys() & set(names):
                rows[..., names.index(name)] = at[name]
        return rows

    def color_row(self):
        """Return the row of table `colorterm` (dict) of the frame's database, None without a term."""
        target, terms = self.night.target, self.night.solution.terms
        if target is None or "color" not in terms:
            return None
        n_stars = int((self.night.gathered.i_star >= 0).sum())
        return {
            "color": target.name,
            "coefficient": self.color,
            "err": terms["color"][1],
            "target_color": target.value,
            "mean_color": self.night.mean_color,
            "n_stars": n_stars,
            "n_used": int((self.night.solution.stars.weight > 0.5).sum()),
            "scatter": self.night.solution.scatter,
            "color_err": self.color_error,
        }

    def told(self):
        """Return what stands in the description of the frame's database (str)."""
        target = f", for a source of {self.night.target}" if self.night.target else ""
        return f"one solution for {len(self.night.names)} frames{target}"

    @property
    def source_error(self):
        """Error (mag) of a single source against the mean of all frames, beyond the one that is stated for it.

        That of the zeropoint, and what measurements of stars were found to scatter by beyond their errors: flat field,
        pixel phase, noise that nobody knows of.  The least jitter is a prudence of the fit and no finding.
        """
        jitter = self.night.solution.jitter
        return float(np.sqrt(self.err_frame**2 + max(jitter**2 - night.LEAST_NOISE**2, 0.0)))

    @property
    def color_error(self):
        """Error (mag) that the uncertain colour of the target brings."""
        return abs(self.color) * (self.night.target.err if self.night.target else 0.0)


@dataclass
class NightSolution:
    """The solution of a night.

    names : of the frames, in the order of the rows;  solution : night.Night;  gathered : gathering.Gathered
    target : TargetColor, or None without colours;  extinction : Extinction, or None
    mean_color : of the stars that make the level, mag, NaN without colours
    """

    names: list
    solution: night.Night
    gathered: gathering.Gathered
    target: targetcolor.TargetColor | None
    extinction: extinction.Extinction | None
    mean_color: float

    def of(self, name):
        """Return the FrameZeropoint of a frame, None for one that no star ties to the catalogue."""
        if name not in self.names or not np.isfinite(self.solution.zp[self.names.index(name)]):
            return None
        row = self.names.index(name)
        color = self.solution.terms.get("color", (0.0, 0.0))[0]
        if "color_airmass" in self.solution.terms:
            color += self.solution.terms["color_airmass"][0] * self.gathered.airmass[row]
        zp, err_frame = float(self.solution.zp[row]), float(self.solution.err_frame[row])
        return FrameZeropoint(zp, err_frame, float(color), self, float(self.gathered.seeing[row]))

    def told(self):
        """Return what LOG says of the solution (list of str)."""
        found = self.solution
        lines = [
            f"one solution for the night: {np.isfinite(found.zp).sum()} frames, {found.n_reference} reference stars,"
            f" zeropoints good to {np.nanmedian(found.err_frame):.4f} mag against each other,"
            f" {found.err_common:.4f} mag in common"
        ]
        lines.append(
            f"scatter beyond stated errors: {found.jitter:.4f} mag of measurements, {found.scatter:.4f} mag of stars"
        )
        if found.terms:
            terms = ", ".join(f"{name} {value:+.4f} +- {err:.4f}" for name, (value, err) in found.terms.items())
            lines.append(f"terms: {terms}; for a source of {self.target}" if self.target else f"terms: {terms}")
        return lines + ([str(self.extinction)] if self.extinction else [])

    def differences(self, own):
        """Return {"mean", "scatter", "largest", "n"} of these zeropoints minus those of each frame by itself, mag.

        own : {name of the frame: zeropoint}
        """
        pairs = [(self.of(name), zp) for name, zp in own.items() if zp is not None]
        values = np.array([found.zp - zp for found, zp in pairs if found is not None])
        if not values.size:
            return None
        mean = float(values.mean())
        facts = {"mean": mean, "scatter": float(values.std()), "largest": float(np.abs(values - mean).max())}
        return facts | {"n": int(values.size)}

    def record(self, catalog, mag, color):
        """Return what the record of the step keeps of the solution (dict).

        catalog : Table of the reference stars;  mag, color : of each of them, mag, color may be None
        """
        found = self.solution
        return {
            "err_common": found.err_common,
            "jitter": found.jitter,
            "scatter": found.scatter,
            "n_reference": found.n_reference,
            "terms": [{"name": name, "value": value, "err": err} for name, (value, err) in found.terms.items()],
            "target_color": asdict(self.target) if self.target else None,
            "color_width": self.gathered.color_width,
            "extinction": asdict(self.extinction) if self.extinction else None,
            "stars": self._stars(catalog, mag, color),
        }

    def _stars(self, catalog, mag, color):
        """Return one dict per reference star of the solution: where, and what night.Stars says of it."""
        rows = np.flatnonzero(self.gathered.i_star >= 0)
        star = self.gathered.i_star[rows]
        columns = {
            "ident": [str(ident) for ident in catalog["ident"][star]],
            "ra_deg": np.round(np.asarray(catalog["ra_deg"], float)[star], DIGITS_DEG).tolist(),
            "dec_deg": np.round(np.asarray(catalog["dec_deg"], float)[star], DIGITS_DEG).tolist(),
            "mag": np.round(np.asarray(mag, float)[star], DIGITS_MAG).tolist(),
            "color": [None] * star.size if color is None else np.round(color[star], DIGITS_MAG).tolist(),
        }
        said = self.solution.stars
        for name in ("offset", "offset_err", "scatter", "expected", "influence", "weight"):
            columns[name] = np.round(getattr(said, name)[rows], DIGITS_MAG).tolist()
        columns["n_frames"] = said.n_frames[rows].tolist()
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def solve(frames, catalog_err, color, wish, same_arcsec):
    """Return the NightSolution.  Raises TooFewStars.

    frames : {name: FrameStars};  catalog_err, color : of the reference stars, mag, shape (n_stars,), color may be None
    wish : TargetColor, or None without colours, and whether the user asked for a colour term
    same_arcsec : within which sources of different frames are one star
    """
    target, asked = wish
    if color is None or not np.isfinite(color).any():
        color, target = np.full(len(catalog_err), np.nan), None
    if not any(frame.i_star.size for frame in frames.values()):
        raise TooFewStars(0, night.MIN_STARS)
    prior = gathering.WIDE_COLOR_PRIOR if asked else gathering.COLOR_PRIOR
    gathered = gathering.gather(list(frames.values()), catalog_err, color, target, prior, same_arcsec)
    solution = night.solve(gathered.measurements)
    course = extinction.fit(solution.zp, solution.err_frame, np.array([each.airmass for each in frames.values()]))
    weight = np.where(gathered.i_star >= 0, solution.stars.weight, 0.0)
    of_star = np.where(gathered.i_star >= 0, color[gathered.i_star], np.nan)
    counts = np.isfinite(of_star) & (weight > 0)
    mean_color = float(np.average(of_star[counts], weights=weight[counts])) if counts.any() else np.nan
    return NightSolution(list(frames), solution, gathered, target, course, mean_color)


def frame_stars(frame, telescope, sources, inst, noise, pairs, mag):
    """Return the FrameStars of a frame.

    sources : SourceList;  inst, noise : mag, of all of them;  pairs : (i_star, i_source) of matched reference stars
    mag : of the reference stars, mag
    """
    i_star, i_source = pairs
    table = sources.table
    x, y = (np.asarray(table[name], dtype=float) for name in ("XWIN_IMAGE", "YWIN_IMAGE"))
    flags = np.asarray(table["FLAGS"], dtype=int)
    taken = np.zeros(len(sources), dtype=bool)
    taken[i_source] = True
    others = gathering.others_of(sources.ra_deg, sources.dec_deg, inst, noise, x, y, flags, taken)
    at = (np.median(sources.ra_deg), np.median(sources.dec_deg)) if len(sources) else (np.nan, np.nan)
    columns = (i_star, mag[i_star] - inst[i_source], noise[i_source], x[i_source], y[i_source], flags[i_source])
    size_px = tuple(int(frame.header.get(key, 1)) for key in ("NAXIS1", "NAXIS2"))
    widths = np.asarray(table["FWHM_IMAGE"], dtype=float)[i_source] if "FWHM_IMAGE" in table.colnames else np.empty(0)
    fwhm_px = float(np.median(widths)) if widths.size else np.nan
    return FrameStars(*columns, others, airmass_of(frame, telescope, *at), size_px, fwhm_px, inst[i_source])


def airmass_of(frame, telescope, ra_deg, dec_deg):
    """Return the airmass (float) in the header of a frame, computed for a place where there is none; NaN if unknown."""
    known = headers.airmass(frame, telescope)
    if known is not None and not _made_up(frame.header):
        return known
    try:
        return float(observer.airmass(ra_deg, dec_deg, frame.number("MIDTIMJD"), telescope.mpc_code)[0])
    except TelescopeError:
        return np.nan


def _made_up(header):
    return "AIRMASS" in header and header.comments["AIRMASS"].startswith(FAKE)
