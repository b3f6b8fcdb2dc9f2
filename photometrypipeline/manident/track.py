"""The track of a moving target on the sky: a spline in time through the places where it was seen."""

import numpy as np
from scipy.interpolate import make_interp_spline

from photometrypipeline.sky import sphere

MOST_DEGREE = 2


class Track:
    """A curve through places on the sky; `track.at(jd)` is the place at any time, beyond both ends as well.

    jd : Julian dates, shape (n,), in any order;  ra_deg, dec_deg : shape (n,)
    Places of one and the same time are averaged. Two times make a straight line, three or more parabolas that join
    smoothly. They lie in the plane that touches the sphere at the mean of the places, so that neither RA 0 nor a pole
    disturbs them; against even motion along a great circle the plane is off by 0.05 arcsec at half a degree.
    Raises ValueError for less than two different times.
    """

    def __init__(self, jd, ra_deg, dec_deg):
        jd = np.asarray(jd, dtype=float)
        self._plane = _Plane(sphere.mean_direction(ra_deg, dec_deg))
        places = np.column_stack(self._plane.onto(ra_deg, dec_deg))
        times, which = np.unique(jd, return_inverse=True)
        if times.size < 2:
            raise ValueError("a track needs places at two different times")
        mean = np.array([places[which == number].mean(axis=0) for number in range(times.size)])
        self.degree = min(times.size, MOST_DEGREE + 1) - 1
        self._start = times[0]
        self._spline = make_interp_spline(times - times[0], mean, k=self.degree)

    def at(self, jd):
        """Return (ra_deg, dec_deg), RA in [0, 360), at the Julian dates `jd`, of the same shape."""
        place = self._spline(np.asarray(jd, dtype=float) - self._start)
        return self._plane.back(place[..., 0], place[..., 1])


class _Plane:
    """Gnomonic projection around one direction (ra_deg, dec_deg); rad, East and North."""

    def __init__(self, centre):
        ra, dec = np.radians(centre)
        self.centre = sphere.vectors(*centre)[0]
        self.east = np.array([-np.sin(ra), np.cos(ra), 0.0])
        self.north = np.array([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)])

    def onto(self, ra_deg, dec_deg):
        vectors = sphere.vectors(ra_deg, dec_deg)
        depth = vectors @ self.centre
        return vectors @ self.east / depth, vectors @ self.north / depth

    def back(self, xi, eta):
        vector = self.centre + np.multiply.outer(xi, self.east) + np.multiply.outer(eta, self.north)
        x, y, z = np.moveaxis(vector, -1, 0)
        return np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))
