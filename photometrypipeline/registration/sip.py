"""A WCS in the form of SIP, for programs that read no other distortion (Shupe et al. 2005, ASP Conf. Ser. 347, 491).

    (u + f(u, v), v + g(u, v)) -> CD -> plane behind the gnomonic projection,   u, v : px from CRPIX

f and g are polynomials without linear terms; the inverse ones, AP and BP, have these.
"""

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from photometrypipeline.sky import sphere, tangent

DEGREES = (2, 3, 4, 5)
MORE_BACK = 2  # degrees by which the inverse polynomials are higher, since theirs is no polynomial
GOOD_ARCSEC = 1e-4  # no more terms than this needs
N_GRID = 25  # places along each side that are fitted
N_CHECK = 40


def of_wcs(wcs, size_px):
    """Return (Header, largest deviation over the frame, arcsec) of the SIP form of an astropy WCS.

    size_px : (columns, rows) of the frame, on whose middle the polynomials are centred
    """
    every = [_fitted(wcs, size_px, degree) for degree in DEGREES]
    return next((found for found in every if found[1] < GOOD_ARCSEC), min(every, key=lambda found: found[1]))


def _fitted(wcs, size_px, degree):
    middle = np.array([(size + 1) / 2 for size in size_px])
    scale = max(size_px) / 2
    x, y = _grid(size_px, N_GRID)
    centre = tuple(float(axis[0]) for axis in wcs.all_pix2world([middle[0]], [middle[1]], 1))
    plane = tangent.project(*wcs.all_pix2world(x, y, 1), centre)
    u, v = (x - middle[0]) / scale, (y - middle[1]) / scale
    linear = [powers for powers in _powers(degree) if sum(powers) == 1]
    higher = [powers for powers in _powers(degree) if sum(powers) > 1]
    found = _solve(u, v, [*linear, *higher], np.column_stack([plane.real, plane.imag]))
    cd = found[:2].T / scale
    bent = found[2:] @ np.linalg.inv(cd).T  # px, as functions of u and v
    seen = np.column_stack([plane.real, plane.imag]) @ np.linalg.inv(cd).T / scale  # u + f and v + g
    inverse = _powers(degree + MORE_BACK)
    back = _solve(*seen.T, inverse, np.column_stack([u, v]) - seen) * scale
    header = _header(middle, centre, cd, size_px)
    for name, powers, columns in (("", higher, bent), ("P", inverse, back)):
        for axis, letter in enumerate("AB"):
            header[f"{letter}{name}_ORDER"] = sum(powers[-1])
            for (p, q), value in zip(powers, columns[:, axis], strict=True):
                header[f"{letter}{name}_{p}_{q}"] = float(value / scale ** (p + q))
    return header, _deviation(wcs, WCS(header), size_px)


def _powers(degree):
    return [(p, total - p) for total in range(1, degree + 1) for p in range(total, -1, -1)]


def _solve(u, v, powers, values):
    """Return the coefficients, shape (n_terms, 2), of polynomials without a constant term."""
    return np.linalg.lstsq(np.column_stack([u**p * v**q for p, q in powers]), values, rcond=None)[0]


def _grid(size_px, number):
    """Return (x, y) of a grid of places over a frame, the first pixel is 1."""
    axes = (np.linspace(0.5, size + 0.5, number) for size in size_px)
    return tuple(axis.ravel() for axis in np.meshgrid(*axes))


def _header(middle, centre, cd, size_px):
    header = fits.Header()
    header["WCSAXES"] = 2
    for axis, name, kind in ((1, "RA", "RA---TAN-SIP"), (2, "DEC", "DEC--TAN-SIP")):
        header[f"CTYPE{axis}"] = kind
        header[f"CUNIT{axis}"] = "deg"
        header[f"CRPIX{axis}"] = float(middle[axis - 1])
        header[f"CRVAL{axis}"] = (centre[axis - 1], f"{name} of the middle")
        for other in (1, 2):
            header[f"CD{axis}_{other}"] = float(cd[axis - 1, other - 1])
    header["RADESYS"] = "ICRS"
    header["IMAGEW"], header["IMAGEH"] = size_px
    return header


def _deviation(wcs, other, size_px):
    """Return the largest distance (arcsec) of two WCS over a frame, on other places than those of the fit."""
    x, y = _grid(size_px, N_CHECK)
    places = [each.all_pix2world(x, y, 1) for each in (wcs, other)]
    return float(np.max(sphere.separation_deg(*places[0], *places[1])) * 3600)
