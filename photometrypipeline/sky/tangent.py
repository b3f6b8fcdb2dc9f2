"""The tangent plane: gnomonic projection of the sky, and linear maps between it and the pixels of a frame.

Plane coordinates are complex numbers xi + i eta in degrees, xi to the East and eta to the North of the tangent point
(Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.3).
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from astropy.io import fits
from numpy.typing import ArrayLike

from photometrypipeline.base import cdmatrix
from photometrypipeline.sky.sphere import vectors


def _axes(centre_deg: tuple[float, float]) -> tuple[np.ndarray, ...]:
    ra, dec = np.radians(centre_deg)
    east = np.array([-np.sin(ra), np.cos(ra), 0.0])
    north = np.array([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)])
    return east, north, vectors(*centre_deg)[0]


def project(ra_deg: ArrayLike, dec_deg: ArrayLike, centre_deg: tuple[float, float]) -> np.ndarray:
    """Return plane coordinates, shape (n,), complex, deg; NaN for what lies 90 deg or more from the tangent point."""
    east, north, middle = _axes(centre_deg)
    places = vectors(ra_deg, dec_deg)
    depth = places @ middle
    plane = np.full(len(places), complex(np.nan, np.nan))
    ahead = depth > 1e-6
    plane[ahead] = (places[ahead] @ east + 1j * (places[ahead] @ north)) / depth[ahead] * (180 / np.pi)
    return plane


def deproject(plane: ArrayLike, centre_deg: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return (ra_deg, dec_deg), RA in [0, 360), of plane coordinates, shape (n,)."""
    east, north, middle = _axes(centre_deg)
    plane = np.atleast_1d(plane) * (np.pi / 180)
    x, y, z = (middle + np.outer(plane.real, east) + np.outer(plane.imag, north)).T
    return np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))


@dataclass(frozen=True)
class LinearMap:
    """plane = a z + b conj(z) + c for pixels z = x + i y: any shift, rotation, scale, parity and shear.

    A frame that shows the sky as we see it, East left of North, has a = 0 and a negative determinant.
    """

    a: complex
    b: complex
    c: complex

    def __call__(self, pixels: ArrayLike) -> Any:
        """Return plane coordinates of complex pixel positions."""
        return self.a * np.asarray(pixels) + self.b * np.conj(pixels) + self.c

    def inverse(self, plane: ArrayLike) -> Any:
        """Return complex pixel positions of plane coordinates."""
        offset = np.asarray(plane) - self.c
        return (np.conj(self.a) * offset - self.b * np.conj(offset)) / self.determinant

    @property
    def determinant(self) -> float:
        """Area (deg^2) of a pixel, negative where East is left of North, as we see the sky."""
        return abs(self.a) ** 2 - abs(self.b) ** 2

    @property
    def matrix(self) -> np.ndarray:
        """The CD matrix, deg per px, shape (2, 2)."""
        across, up = self.a + self.b, 1j * (self.a - self.b)
        return np.array([[across.real, up.real], [across.imag, up.imag]])

    @classmethod
    def of_matrix(cls, matrix: np.ndarray, crpix_px: tuple[float, float]) -> Self:
        """Return the map of a CD matrix (deg per px) with the tangent point at `crpix_px` (x, y)."""
        across, up = complex(*matrix[:, 0]), complex(*matrix[:, 1])
        a, b, origin = (across - 1j * up) / 2, (across + 1j * up) / 2, complex(*crpix_px)
        return cls(a, b, -(a * origin + b * np.conj(origin)))

    @classmethod
    def fit(cls, pixels: np.ndarray, plane: np.ndarray, parity: int = 0, weights: np.ndarray | None = None) -> Self:
        """Return the least-squares map of matched positions (complex); `parity` 1 or -1 asks for a similarity."""
        weights = np.ones(len(pixels)) if weights is None else np.asarray(weights, dtype=float)
        columns = {1: [pixels], -1: [np.conj(pixels)], 0: [pixels, np.conj(pixels)]}[parity]
        design = np.column_stack([*columns, np.ones(len(pixels))]) * weights[:, None]
        terms = np.linalg.lstsq(design, plane * weights, rcond=None)[0]
        if parity == 0:
            return cls(*terms)
        return cls(terms[0], 0j, terms[1]) if parity > 0 else cls(0j, terms[0], terms[1])

    def header(self, centre_deg: tuple[float, float]) -> fits.Header:
        """Return a fits.Header with this map as a TAN WCS; `centre_deg` is the tangent point of the plane."""
        origin = complex(self.inverse(0j))
        header = fits.Header()
        header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
        header["CUNIT1"], header["CUNIT2"] = "deg", "deg"
        header["CRVAL1"], header["CRVAL2"] = float(centre_deg[0]), float(centre_deg[1])
        header["CRPIX1"], header["CRPIX2"] = origin.real, origin.imag
        header.update(cdmatrix.cards(self.matrix))
        header["RADESYS"], header["EQUINOX"] = "ICRS", 2000.0
        return header
