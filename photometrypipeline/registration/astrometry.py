"""Astrometric solutions: where they place sources, whether they are to be believed, what they teach other frames."""

from dataclasses import dataclass, replace

import numpy as np

from photometrypipeline.base import cdmatrix, scatter
from photometrypipeline.base.files import write_text
from photometrypipeline.frames.wcskeywords import pixel_scale_arcsec, wcs_of
from photometrypipeline.registration.matchodds import Prior, Stars, odds
from photometrypipeline.sky import matching, sphere, tangent
from photometrypipeline.sky.tangent import LinearMap

LINEAR = ("CTYPE", "CRVAL", "CRPIX", "CUNIT", "CD1_", "CD2_")
MIN_MATCHED = 5  # stars; fewer cannot tell a match from chance in any field
TESTED_SOURCES = 150  # brightest ones whose matches are put to the test
STARS_PER_SOURCE = 3  # of the catalogue, for each of them
NUMBERS = ("as_contrast", "xy_contrast", "sigma_ra_arcsec", "sigma_dec_arcsec", "chi2_reference", "chi2_internal")


@dataclass(frozen=True)
class Verdict:
    """What is known of one frame's solution: SCAMP's numbers, own residuals, why it is refused (`reason`, or None).

    log_odds : natural logarithm of the odds that it is right;  solution : 'fit' or 'SCAMP';  degree, model : of its
    distortion;  shared : whether the frames have it in common;  cv_arcsec : error of a star that was left out
    offset_arcmin : from the pointing of the header
    """

    name: str
    reason: str | None
    as_contrast: float = np.nan
    xy_contrast: float = np.nan
    sigma_ra_arcsec: float = np.nan
    sigma_dec_arcsec: float = np.nan
    chi2_reference: float = np.nan
    chi2_internal: float = np.nan
    n_sources: int = 0
    n_matched: int = 0
    rms_arcsec: float = np.nan
    log_odds: float = np.nan
    solution: str | None = None
    degree: int | None = None
    model: str | None = None
    shared: bool | None = None
    cv_arcsec: float = np.nan
    offset_arcmin: float = np.nan

    @property
    def registered(self):
        """Whether the solution is accepted."""
        return self.reason is None


def to_sky(header, x_px, y_px):
    """Return (ra_deg, dec_deg), RA in [0, 360), of pixel positions (FITS convention, the first pixel is 1)."""
    ra, dec = wcs_of(header).all_pix2world(np.asarray(x_px), np.asarray(y_px), 1)
    return np.mod(ra, 360.0), dec


def judge(verdict, solution, sources, stars, size_px, limits):
    """Return `verdict` with what the matches say, and the reason if the solution is refused.

    solution : fits.Header with the WCS;  sources : SourceList of the frame, size_px : (nx, ny)
    stars : (ra_deg, dec_deg, mag) of the reference catalogue
    limits : dict with scale_arcsec and scale_factor (of the pixel scale), log_odds, prior (Prior)

    The matches decide: their odds count what could match by chance, which SCAMP's contrasts do not.
    """
    scale = pixel_scale_arcsec(solution)
    expected = limits["scale_arcsec"]
    factor = max(scale / expected, expected / scale) if scale > 0 else np.nan
    if not factor <= limits["scale_factor"]:
        return replace(verdict, reason=f"implausible pixel scale {scale:.4f} arcsec instead of {expected:.4f}")
    n_matched, rms = residuals(solution, sources, stars[:2], scale)
    found = log_odds(solution, sources, stars, size_px, limits["prior"])
    verdict = replace(verdict, n_matched=n_matched, rms_arcsec=rms, log_odds=found)
    if n_matched < MIN_MATCHED or not found >= limits["log_odds"]:
        chance = f"only {n_matched} of its sources lie on catalogue stars, as many as by chance (log-odds {found:.0f})"
        return replace(verdict, reason=f"no match with the catalogue: {chance}")
    return verdict


def residuals(solution, sources, stars, scale_arcsec):
    """Return (n_matched, rms_arcsec): sources that lie on stars, and their robust rms distance per axis."""
    radius = max(1.0, 1.5 * scale_arcsec)
    ra, dec = to_sky(solution, sources.table["XWIN_IMAGE"], sources.table["YWIN_IMAGE"])
    i_source, i_star = matching.unique_pairs(ra, dec, *stars, radius)
    if not i_source.size:
        return 0, np.nan
    east = sphere.ra_difference_deg(ra[i_source], stars[0][i_star]) * np.cos(np.radians(dec[i_source])) * 3600
    north = (dec[i_source] - stars[1][i_star]) * 3600
    rms = np.hypot(scatter.about(east), scatter.about(north)) / np.sqrt(2)
    return i_source.size, float(rms)


def log_odds(solution, sources, stars, size_px, prior=None):
    """Return the natural logarithm of the odds that a WCS is right, -inf where nothing matches; see matchodds.py.

    solution : fits.Header;  sources : SourceList;  stars : (ra_deg, dec_deg, mag);  size_px : (nx, ny)
    prior : Prior of the search that found it; default a wide one
    """
    table = sources.table
    order = np.argsort(-np.asarray(table["FLUX_ISOCOR"]), kind="stable")[:TESTED_SOURCES]
    ra, dec = to_sky(solution, np.asarray(table["XWIN_IMAGE"])[order], np.asarray(table["YWIN_IMAGE"])[order])
    middle = [(length + 1) / 2 for length in size_px]
    centre = tuple(float(value[0]) for value in to_sky(solution, *([value] for value in middle)))
    if not np.isfinite(centre).all():
        return -np.inf
    # both on the tangent plane, in undistorted pixels: inverting the distortion is slow and need not converge
    linear = LinearMap.of_matrix(cdmatrix.of(solution), (0.0, 0.0))
    ours = linear.inverse(tangent.project(ra, dec, centre))
    theirs = linear.inverse(tangent.project(stars[0], stars[1], centre))
    inside = np.flatnonzero((np.abs(theirs.real) <= size_px[0] / 2) & (np.abs(theirs.imag) <= size_px[1] / 2))
    inside = inside[np.argsort(np.nan_to_num(np.asarray(stars[2])[inside], nan=99.0), kind="stable")]
    near = Stars(theirs[inside[: STARS_PER_SOURCE * len(order)]], float(size_px[0]) * size_px[1])
    found = odds(
        ours[np.isfinite(ours)],
        near,
        prior=prior or Prior(),
        scale_arcsec=pixel_scale_arcsec(solution),
        half_diagonal_px=float(np.hypot(*size_px)) / 2,
    )
    return found.log_odds


def taught(guess, other_guess, other_solution):
    """Return the guess (fits.Header with a linear WCS) corrected by what another frame's turned out to be off."""
    matrix, shift = _change(other_guess, other_solution)
    return _changed(guess, matrix, shift)


def _change(guess, solution):
    centre = float(guess["CRPIX1"]), float(guess["CRPIX2"])
    ra, dec = to_sky(solution, *([value] for value in centre))
    east = sphere.ra_difference_deg(ra[0], float(guess["CRVAL1"])) * np.cos(np.radians(dec[0]))
    return cdmatrix.of(solution) @ np.linalg.inv(cdmatrix.of(guess)), (east, dec[0] - float(guess["CRVAL2"]))


def _changed(header, matrix, shift):
    header = header.copy()
    header.update(cdmatrix.cards(matrix @ cdmatrix.of(header)))
    header["CRVAL2"] = float(np.clip(float(header["CRVAL2"]) + shift[1], -90, 90))
    header["CRVAL1"] = (float(header["CRVAL1"]) + shift[0] / np.cos(np.radians(header["CRVAL2"]))) % 360
    return header


def write_files(registered, failed, verdicts, folder):
    """Write the lists of images and best_astrometry.dat into `folder`."""
    for path, frames in (("registration_succeeded.lst", registered), ("registration_failed.lst", failed)):
        write_text(folder / path, "".join(f"{frame.path}\n" for frame in frames))
    lines = ["# filename AS_contrast XY_contrast Chi2_catalog Chi2_int Pos_uncertainty(arcsec)"]
    for frame in [*registered, *failed]:
        row = verdicts[frame.name]
        sigma = np.hypot(row.sigma_ra_arcsec, row.sigma_dec_arcsec)
        lines.append(
            f"{frame.name:>25} {row.as_contrast:5.2f} {row.xy_contrast:5.2f} "
            f"{row.chi2_reference:10.7f} {row.chi2_internal:10.7f} {sigma:7.4f}"
        )
    write_text(folder / "best_astrometry.dat", "\n".join(lines) + "\n")
