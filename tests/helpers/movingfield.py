"""A field as lists of sources, without pixels: stars, bodies that move, and what noise makes.

field = Field(n_frames=4, cadence_min=10, n_stars=200, n_noise=10)
measured = field.measured(rng, [Body(place, rate, mag), ...])        for census.leftover and census.movers
"""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
from astropy.table import Table
from astropy.wcs import WCS

JD = 2460000.7
ZEROPOINT = 25.0
FAINTEST = 21.0  # S/N 5


@dataclass
class Body:
    """A body: place (arcsec from the middle of the field) at the middle of the night, rate (arcsec/min), magnitude."""

    place: tuple
    rate: tuple
    mag: float = 19.0


@dataclass
class Field:
    """Frames of `size_arcmin`, `cadence_min` apart; per frame `n_stars`, `n_noise` chance detections at the limit."""

    n_frames: int = 4
    cadence_min: float = 10.0
    n_stars: int = 200
    n_noise: int = 10
    size_arcmin: float = 10.0
    exptime_s: float = 60.0
    fwhm_arcsec: float = 2.0
    astrometry_arcsec: float = 0.05
    centre: tuple = (150.0, 12.0)
    dither_arcsec: float = 5.0
    first: int = 0
    catalogued: bool = True
    stars: np.ndarray = field(default=None)

    def measured(self, rng, bodies=()):
        """Return a list of what census.leftover takes for targets.Measured."""
        half = self.size_arcmin * 30
        if self.stars is None:
            places = rng.uniform(-half * 1.1, half * 1.1, (self.n_stars, 2))
            self.stars = np.column_stack([places, FAINTEST + 0.7 - rng.exponential(1.5, self.n_stars)])
        minutes = (np.arange(self.n_frames) - (self.n_frames - 1) / 2) * self.cadence_min
        return [self._frame(k, minutes[k], rng, bodies, half) for k in range(self.n_frames)]

    def catalog_deg(self):
        """Return (ra, dec) of the brighter half of the stars, as a catalogue lists them; of none if it is unknown."""
        if not self.catalogued:
            return np.zeros(0), np.zeros(0)
        listed = self.stars[self.stars[:, 2] < np.median(self.stars[:, 2])]
        return self._deg(listed[:, :2])

    def _deg(self, places):
        dec = self.centre[1] + places[:, 1] / 3600
        return self.centre[0] + places[:, 0] / 3600 / np.cos(np.radians(dec)), dec

    def _frame(self, k, minutes, rng, bodies, half):
        rows = [self.stars]
        length = np.zeros(len(self.stars))
        angle = np.zeros(len(self.stars))
        for body in bodies:
            place = np.array(body.place) + np.array(body.rate) * minutes
            rows.append(np.append(place, body.mag)[None])
            length = np.append(length, np.hypot(*body.rate) * self.exptime_s / 60)
            angle = np.append(angle, np.degrees(np.arctan2(body.rate[1], -body.rate[0])))  # East is left
        noise = np.column_stack(
            [rng.uniform(-half, half, (self.n_noise, 2)), FAINTEST - rng.exponential(0.15, self.n_noise)]
        )
        rows = np.concatenate([*rows, noise])
        length, angle = (np.append(column, np.zeros(self.n_noise)) for column in (length, angle))
        snr = 5 * 10 ** (0.4 * (FAINTEST - rows[:, 2]))
        seen = (rng.normal(snr, 1.0) > 4.0) & (np.abs(rows[:, :2]) < half - 5).all(axis=1)
        rows, snr, length, angle = rows[seen], snr[seen], length[seen], angle[seen]
        sigma = np.hypot(self.fwhm_arcsec / 2.355 / snr, self.astrometry_arcsec)
        places = rows[:, :2] + rng.normal(size=(len(rows), 2)) * sigma[:, None]
        ra, dec = self._deg(places)
        width = self.fwhm_arcsec / 2.355
        table = Table(
            {
                "ra_deg": ra,
                "dec_deg": dec,
                "FLAGS": np.zeros(len(ra), dtype=int),
                "FWHM_WORLD": np.full(len(ra), self.fwhm_arcsec / 3600),
                "FWHM_IMAGE": np.full(len(ra), self.fwhm_arcsec),
                "A_IMAGE": np.sqrt(width**2 + length**2 / 12),
                "B_IMAGE": np.full(len(ra), width),
                "THETA_IMAGE": angle,
                "FLUX_APER": snr,
                "FLUXERR_APER": np.ones(len(ra)),
                "mag": rows[:, 2] + rng.normal(size=len(ra)) / snr,
                "err": 1.0857 / snr,
            }
        )
        return self._measured(k, minutes, table)

    def _measured(self, k, minutes, table):
        size = int(self.size_arcmin * 60)  # 1" pixels
        wcs = WCS(naxis=2)
        wcs.wcs.ctype, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [(size + 1) / 2] * 2
        wcs.wcs.crval, wcs.wcs.cdelt = self.centre, [-1 / 3600, 1 / 3600]
        frame = SimpleNamespace(
            name=f"frame{self.first + k:03d}.fits", size_px=(size, size), number=lambda keyword: 1.0, header={}
        )
        header = {"obstime": JD + minutes / 1440, "exptime": self.exptime_s, "filtername": "R"}
        return SimpleNamespace(frame=frame, wcs=wcs, table=table, header=header, magnitude_columns=("mag", "err"))


def random_bodies(rng, number, half_arcsec=200.0, rates=(0.1, 3.0), mags=(18.0, 20.5)):
    """Return Bodies (list) anywhere in the field, with any direction; S/N 7 is 20.63 mag."""
    speed = np.exp(rng.uniform(*np.log(rates), number))
    angle = rng.uniform(0, 2 * np.pi, number)
    rate = np.column_stack([np.cos(angle), np.sin(angle)]) * speed[:, None]
    place = rng.uniform(-half_arcsec, half_arcsec, (number, 2))
    return [Body(tuple(p), tuple(r), float(m)) for p, r, m in zip(place, rate, rng.uniform(*mags, number), strict=True)]
