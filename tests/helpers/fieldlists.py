"""Simulated source lists and catalogues with a known answer, for the matcher of star patterns; no pixels involved.

field = fieldlists.make_field(seed=1, n_sources=25)
solution = starpatterns.solve(*field.sources, *field.stars, **field.guess)
"""

from dataclasses import dataclass

import numpy as np

from photometrypipeline.sky import tangent
from photometrypipeline.sky.tangent import LinearMap


@dataclass
class Field:
    """sources : x_px, y_px, flux;  stars : ra_deg, dec_deg, mag;  guess : keywords for `solve`;  the rest is the truth.

    star_of : the star (index) that each source is, -1 for none
    """

    sources: tuple
    stars: tuple
    guess: dict
    centre_deg: tuple
    scale_arcsec: float
    parity: int
    angle_deg: float
    star_of: np.ndarray


def make_field(
    seed,
    n_sources,
    *,
    size=(1024, 1024),
    scale=0.4,
    centre=(200.0, 40.0),
    pointing_error=1.0,
    scale_error=0.2,
    spurious=0.2,
    cloudy=False,
    noise_px=0.3,
    mag_noise=0.3,
    cubic=0.0,
    blind=0.3,
):
    """Return a Field of a telescope that points up to `pointing_error` (deg) off, its scale off by up to `scale_error`.

    n_sources : stars that are seen at most; beside them `spurious` times as many sources are none
    cloudy : half of the frame shows nothing;  cubic : distortion at the corners, fraction of the half diagonal
    blind : so many more stars (fraction) are in the catalogue than are seen
    """
    rng = np.random.default_rng(seed)
    half_px = np.hypot(*size) / 2
    ra, dec, mag = _stars(rng, n_sources * (1 + blind), size, scale, centre, pointing_error)
    error = pointing_error * np.sqrt(rng.uniform()) * np.exp(1j * rng.uniform(0, 2 * np.pi))
    true = tuple(float(value[0]) for value in tangent.deproject(error, centre))
    parity, angle = int(rng.choice([-1, 1])), rng.uniform(-np.pi, np.pi)
    true_scale = scale * (1 + scale_error) ** rng.uniform(-1, 1)
    a = true_scale / 3600 * np.exp(1j * angle)
    sky = LinearMap(a, 0j, 0j) if parity > 0 else LinearMap(0j, a, 0j)
    z = sky.inverse(tangent.project(ra, dec, true))
    z = z * (1 + cubic * (np.abs(z) / half_px) ** 2)
    seen = np.flatnonzero((np.abs(z.real) < size[0] / 2) & (np.abs(z.imag) < size[1] / 2) & ~(cloudy & (z.real > 0)))
    shown = mag[seen] + rng.normal(0, mag_noise, seen.size)  # another band than that of the catalogue
    order = np.argsort(shown)[:n_sources]
    seen, shown = seen[order], shown[order]
    n_spurious = int(spurious * len(seen))
    z = z[seen] + noise_px * (rng.normal(size=len(seen)) + 1j * rng.normal(size=len(seen)))
    junk = (rng.uniform(-0.5, 0.5, n_spurious) * size[0]) + 1j * (rng.uniform(-0.5, 0.5, n_spurious) * size[1])
    z = np.concatenate([z, junk]) + complex(size[0] + 1, size[1] + 1) / 2
    shown = np.concatenate([shown, rng.choice(shown, n_spurious) if n_spurious else []])
    star_of = np.concatenate([seen, np.full(n_spurious, -1)])
    mix = rng.permutation(len(z))
    matrix = sky.matrix
    return Field(
        (z.real[mix], z.imag[mix], 10 ** (-0.4 * shown[mix])),
        (ra, dec, mag),
        {"centre_deg": centre, "scale_arcsec": scale, "size_px": size, "pointing_error_deg": max(pointing_error, 0.01)},
        true,
        true_scale,
        parity,
        float(np.degrees(np.arctan2(-matrix[0, 1], matrix[1, 1]))),
        star_of[mix],
    )


def _stars(rng, per_frame, size, scale, centre, pointing_error):
    """Return ra_deg, dec_deg, mag of stars at random as far as the frame may reach, `per_frame` in each frame."""
    radius = pointing_error + 1.25 * np.hypot(*size) / 2 * scale / 3600
    density = per_frame / (size[0] * size[1] * (scale / 3600) ** 2)
    n = rng.poisson(density * np.pi * radius**2)
    places = radius * np.sqrt(rng.uniform(size=n)) * np.exp(2j * np.pi * rng.uniform(size=n))
    return *tangent.deproject(places, centre), 20 + np.log10(rng.uniform(1e-4, 1, n)) / 0.3
