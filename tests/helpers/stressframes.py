"""Simulated frames that are hard to register: any place, turn and scale, and what spoils frames; drawn as images.

frame = stressframes.make(seed=3, n_stars=60, defect="trailed")
frame.write(path)                       # for Source Extractor
frame.stars, frame.guess                # what a matcher gets beside the sources; the rest is the truth
"""

from dataclasses import dataclass, field

import numpy as np
from astropy.io import fits
from scipy.signal import fftconvolve
from scipy.spatial import cKDTree

import sky
from photometrypipeline.sky import tangent
from photometrypipeline.sky.tangent import LinearMap

DEFECTS = ("none", "trailed", "coma", "hot pixels", "half cloudy", "all of these")
GAIN, SKY_ADU = 2.0, 300.0
FAINTEST_SNR = 9.0  # of the faintest star that counts as one of the frame
DEEPER_MAG = 0.7  # the catalogue goes on
SLOPE = 0.3  # counts grow as 10^(SLOPE m)
COLOURS_MAG = 0.3  # scatter between the band of the frame and that of the catalogue


@dataclass
class StressFrame:
    """An image (uint16), the stars around it, what is thought of it, and the truth.

    stars : ra_deg, dec_deg, mag of the catalogue;  guess : keywords for starpatterns.solve
    x_px, y_px : of the stars in the frame (FITS), those that were drawn as bright as they are without clouds
    """

    image: np.ndarray
    stars: tuple
    guess: dict
    centre_deg: tuple
    scale_arcsec: float
    parity: int
    x_px: np.ndarray
    y_px: np.ndarray
    trail_px: float = 0.0
    knobs: dict = field(default_factory=dict)

    def write(self, path):
        header = fits.Header([("GAIN", GAIN), ("SATURATE", 60000.0), ("EXPTIME", 60.0)])
        fits.PrimaryHDU(self.image, header).writeto(path, overwrite=True)

    def is_right(self, solution):
        """Return whether a solution puts the middle of the frame where it is, to 5 px, with its scale and parity."""
        off = np.abs(tangent.project(*solution.centre_deg, self.centre_deg)[0]) * 3600 / self.scale_arcsec
        scale = solution.scale_arcsec / self.scale_arcsec
        return bool(off < 5 and abs(scale - 1) < 0.01 and solution.parity == self.parity)

    def usable(self, x_px, y_px):
        """Return the number of sources that are stars of the catalogue in truth."""
        pairs = cKDTree(np.column_stack([self.x_px, self.y_px]))
        reach = max(2.0, self.trail_px / 4)
        near = pairs.query(np.column_stack([x_px, y_px]), distance_upper_bound=reach)[1]
        return int(np.unique(near[near < len(self.x_px)]).size)


def make(seed, n_stars, defect="none", *, pointing_error=1.0, scale_error=0.2):
    """Return the StressFrame of a telescope that points up to `pointing_error` (deg) off; `defect` is one of DEFECTS.

    n_stars : about so many could be detected without the defect; where stars are trailed they are as much brighter
    """
    rng = np.random.default_rng([seed, n_stars])
    size = 1024 if n_stars <= 2000 else 2048 if n_stars <= 12000 else 3072
    scale = float(rng.choice([0.3, 0.5, 0.8, 1.2]))
    fwhm = rng.uniform(2.2, 4.0) if n_stars <= 12000 else 2.2
    bad = {name: defect in (name, "all of these") for name in DEFECTS[1:]}
    trail = float(np.exp(rng.uniform(np.log(2), np.log(40 if n_stars < 5000 else 12)))) if bad["trailed"] else 0.0
    centre = (float(rng.uniform(0, 360)), float(np.degrees(np.arcsin(rng.uniform(-1, 1)))))
    ra, dec, mag = _catalogue(rng, n_stars, size, scale, centre, pointing_error)
    off = pointing_error * np.sqrt(rng.uniform()) * np.exp(2j * np.pi * rng.uniform())
    true = tuple(float(value[0]) for value in tangent.deproject(off, centre))
    parity, true_scale = int(rng.choice([-1, 1])), scale * (1 + scale_error) ** rng.uniform(-1, 1)
    turn = true_scale / 3600 * np.exp(2j * np.pi * rng.uniform())
    plane = LinearMap(turn, 0j, 0j) if parity > 0 else LinearMap(0j, turn, 0j)
    z = plane.inverse(tangent.project(ra, dec, true))
    inside = np.flatnonzero((np.abs(z.real) < size / 2 + 40) & (np.abs(z.imag) < size / 2 + 40))
    z = z[inside] * (1 + rng.uniform(-0.003, 0.003) * (np.abs(z[inside]) / (size * 0.707)) ** 2)  # a lens
    x, y = z.real + (size + 1) / 2, z.imag + (size + 1) / 2
    area = np.pi * (0.7 * fwhm) ** 2 + fwhm * trail
    faintest = FAINTEST_SNR * np.sqrt(SKY_ADU / GAIN * area * 2)
    flux = faintest * 10 ** (-0.4 * (mag[inside] + rng.normal(0, COLOURS_MAG, inside.size)))
    image = _draw(rng, size, x, y, flux, fwhm, trail, bad)
    shown = mag[inside] < DEEPER_MAG
    guess = {"centre_deg": centre, "scale_arcsec": scale, "size_px": (size, size), "pointing_error_deg": pointing_error}
    knobs = {"n_stars": n_stars, "defect": defect, "trail_px": trail, "scale": scale, "fwhm_px": fwhm}
    return StressFrame(image, (ra, dec, mag), guess, true, true_scale, parity, x[shown], y[shown], trail, knobs)


def _catalogue(rng, n_stars, size, scale, centre, pointing_error):
    """Return ra_deg, dec_deg, mag (0 is the faintest that the frame shows) as far as the frame may reach."""
    radius = pointing_error + 1.3 * size / np.sqrt(2) * scale / 3600
    density = n_stars * 10 ** (SLOPE * DEEPER_MAG) / (size * scale / 3600) ** 2
    number = rng.poisson(density * np.pi * radius**2)
    places = radius * np.sqrt(rng.uniform(size=number)) * np.exp(2j * np.pi * rng.uniform(size=number))
    mag = DEEPER_MAG + np.log10(rng.uniform(10 ** (-SLOPE * 9.0), 1.0, number)) / SLOPE
    return *tangent.deproject(places, centre), mag


def _draw(rng, size, x, y, flux, fwhm, trail, bad):
    """Return the image with all that is bad about it."""
    if bad["half cloudy"]:
        edge = (x - size / 2) / (0.02 * size)
        flux = flux * (0.01 + 0.99 / (1 + np.exp(np.clip(edge, -50, 50))))
    light = sky.render((size, size), x, y, flux, fwhm)
    if trail:
        light = fftconvolve(light, _trail(trail, rng.uniform(0, np.pi)), mode="same")
    if bad["coma"]:
        light = fftconvolve(light, _coma(fwhm, rng.uniform(0, 2 * np.pi)), mode="same")
    image = sky.expose(SKY_ADU + np.clip(light, 0, None), rng, GAIN)
    if bad["hot pixels"]:
        number = int(rng.uniform(1e-4, 4e-4) * size**2)
        rows, columns = rng.integers(0, size, (2, number))
        image[rows, columns] = np.clip(SKY_ADU + 10 ** rng.uniform(2, 4.7, number), 0, 60000).astype(np.uint16)
    return image


def _trail(length, angle):
    """Return a kernel that smears light along a line, of sum 1."""
    half = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1))
    for step in np.linspace(-length / 2, length / 2, int(8 * length) + 2):
        px, py = half + step * np.cos(angle), half + step * np.sin(angle)
        i, j = int(np.floor(px)), int(np.floor(py))
        for di in (0, 1):
            for dj in (0, 1):
                weight = (1 - abs(px - i - di)) * (1 - abs(py - j - dj))
                kernel[min(j + dj, 2 * half), min(i + di, 2 * half)] += weight
    return kernel / kernel.sum()


def _coma(fwhm, angle):
    """Return a kernel with a fan-shaped tail to one side, of sum 1; its light lies within 3 FWHM."""
    half = int(np.ceil(3 * fwhm))
    dy, dx = np.mgrid[-half : half + 1, -half : half + 1]
    along = dx * np.cos(angle) + dy * np.sin(angle)
    across = -dx * np.sin(angle) + dy * np.cos(angle)
    fan = (along >= 0) & (np.abs(across) <= 0.5 * along + 0.5)
    kernel = np.where(fan, np.exp(-along / fwhm) / (1 + np.abs(along)), 0.0)
    return kernel / kernel.sum()


def noise(seed, size=1024):
    """Return an image of nothing but sky and hot pixels."""
    rng = np.random.default_rng(seed)
    nothing = np.empty(0)
    bad = dict.fromkeys(DEFECTS[1:], False) | {"hot pixels": True}
    return _draw(rng, size, nothing, nothing, nothing, 3.0, 0.0, bad)
