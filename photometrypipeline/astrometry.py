"""Astrometric solutions: where they place sources, whether they are to be believed, what they teach other frames."""

from dataclasses import dataclass, replace

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from photometrypipeline import matching, sky
from photometrypipeline.wcskeywords import pixel_scale_arcsec, write_solution

LINEAR = ("CTYPE", "CRVAL", "CRPIX", "CUNIT", "CD1_", "CD2_")
GEOMETRY = (*LINEAR, "PV1_", "PV2_", "EQUINOX", "RADESYS", "LONPOLE", "LATPOLE")  # beginnings of keywords
MIN_MATCHED = 5  # stars; fewer cannot tell a match from chance in any field
SUSPICIOUS_CONTRAST = 5.0  # below this, residuals of exactly 0 are not believed


@dataclass(frozen=True)
class Verdict:
    """What is known of one frame's solution: SCAMP's numbers, own residuals, why it is refused (`reason`, or None)."""

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

    @property
    def registered(self):
        """Whether the solution is accepted."""
        return self.reason is None


def wcs_of(header):
    """Return the astropy WCS of a header; PV terms behind a projection called TAN, as SCAMP writes it, count as TPV."""
    cards = fits.Header([card for card in header.cards if card.keyword.startswith(GEOMETRY)])
    if any(keyword.startswith("PV") for keyword in cards):
        cards["CTYPE1"], cards["CTYPE2"] = "RA---TPV", "DEC--TPV"
    for keyword in cards:  # images of older versions hold numbers as text
        if not keyword.startswith(("CTYPE", "CUNIT", "RADESYS")):
            cards[keyword] = float(cards[keyword])
    return WCS(cards, fix=False)


def to_sky(header, x_px, y_px):
    """Return (ra_deg, dec_deg), RA in [0, 360), of pixel positions (FITS convention, the first pixel is 1)."""
    ra, dec = wcs_of(header).all_pix2world(np.asarray(x_px), np.asarray(y_px), 1)
    return np.mod(ra, 360.0), dec


def judge(name, solution, scamp, sources, stars, expected_scale_arcsec, limits):
    """Return the Verdict on a solution.

    solution : fits.Header with the WCS;  scamp : dict of numbers of that frame (astromatic.run_scamp)
    sources : SourceList of the frame;  stars : (ra_deg, dec_deg) of the reference catalogue
    limits : dict with as_contrast, xy_contrast, scale_factor, chance

    Beside SCAMP's own contrasts, which are about 1 where nothing matches, the solution has to put stars onto sources
    more often than chance does.
    """
    verdict = Verdict(name, None, n_sources=len(sources), **{key: scamp[key] for key in NUMBERS})
    scale = pixel_scale_arcsec(solution)
    factor = max(scale / expected_scale_arcsec, expected_scale_arcsec / scale) if scale > 0 else np.nan
    for key, label in (("as_contrast", "AS"), ("xy_contrast", "XY")):
        if not scamp[key] >= limits[key]:
            found = f"{label} contrast {scamp[key]:.1f}, {limits[key]:g} is needed"
            return replace(verdict, reason=f"no match with the catalogue ({found})")
    if not factor <= limits["scale_factor"]:
        expected = f"{expected_scale_arcsec:.4f}"
        return replace(verdict, reason=f"implausible pixel scale {scale:.4f} arcsec instead of {expected}")
    n_matched, rms, chance = residuals(solution, sources, stars, scale)
    verdict = replace(verdict, n_matched=n_matched, rms_arcsec=rms)
    if n_matched < MIN_MATCHED or chance > limits["chance"]:
        return replace(verdict, reason=f"only {n_matched} of its sources lie on catalogue stars, as many as by chance")
    return verdict


NUMBERS = ("as_contrast", "xy_contrast", "sigma_ra_arcsec", "sigma_dec_arcsec", "chi2_reference", "chi2_internal")


def residuals(solution, sources, stars, scale_arcsec):
    """Return (n_matched, rms_arcsec, chance): sources that lie on stars, their robust rms distance per axis, and the
    probability that so many would do so by chance.
    """
    radius = max(1.0, 1.5 * scale_arcsec)
    ra, dec = to_sky(solution, sources.table["XWIN_IMAGE"], sources.table["YWIN_IMAGE"])
    i_source, i_star = matching.unique_pairs(ra, dec, *stars, radius)
    if not i_source.size:
        return 0, np.nan, 1.0
    east = sky.ra_difference_deg(ra[i_source], stars[0][i_star]) * np.cos(np.radians(dec[i_source])) * 3600
    north = (dec[i_source] - stars[1][i_star]) * 3600
    rms = 1.4826 * np.sqrt((np.median(np.abs(east)) ** 2 + np.median(np.abs(north)) ** 2) / 2)
    centre = sky.mean_direction(ra, dec)
    reach = sky.separation_deg(ra, dec, *centre).max()
    near = sky.separation_deg(*stars, *centre) < reach
    area = np.pi * max(reach, radius / 3600) ** 2
    chance = matching.chance_of_matches(i_source.size, len(sources), int(near.sum()), area, radius)
    return i_source.size, float(rms), chance


def improve_guesses(guesses, solved):
    """Return better first guesses (dict name -> Header) for frames that failed, from what the solved ones taught.

    guesses : {name: Header} of all frames before the solution;  solved : {name: Header} of those that were registered
    The median change of matrix and position is applied; without a solved frame the guesses come back as they were.
    """
    changes = [_change(guesses[name], header) for name, header in solved.items()]
    if not changes:
        return guesses
    matrix = np.median([change[0] for change in changes], axis=0)
    shift = np.median([change[1] for change in changes], axis=0)
    return {
        name: _solved(header, solved[name]) if name in solved else _changed(header, matrix, shift)
        for name, header in guesses.items()
    }


def _solved(header, solution):
    header = header.copy()
    write_solution(header, solution, "")
    return header


def _matrix(header):
    return np.array([[float(header[f"CD{i}_{j}"]) for j in (1, 2)] for i in (1, 2)])


def _change(guess, solution):
    centre = float(guess["CRPIX1"]), float(guess["CRPIX2"])
    ra, dec = to_sky(solution, *([value] for value in centre))
    east = sky.ra_difference_deg(ra[0], float(guess["CRVAL1"])) * np.cos(np.radians(dec[0]))
    return _matrix(solution) @ np.linalg.inv(_matrix(guess)), (east, dec[0] - float(guess["CRVAL2"]))


def _changed(header, matrix, shift):
    header = header.copy()
    for (i, j), value in np.ndenumerate(matrix @ _matrix(header)):
        header[f"CD{i + 1}_{j + 1}"] = value
    header["CRVAL2"] = float(np.clip(float(header["CRVAL2"]) + shift[1], -90, 90))
    header["CRVAL1"] = (float(header["CRVAL1"]) + shift[0] / np.cos(np.radians(header["CRVAL2"]))) % 360
    return header
