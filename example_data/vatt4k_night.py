"""The invented night that make_vatt4k.py puts into frames: telescope, weather, stars, galaxies, asteroid.

A value per frame stands in a list.  Angles are in deg unless a name says otherwise.
"""

import sys
from pathlib import Path

import numpy as np
from astropy.table import vstack
from astropy.wcs import WCS, Sip

import starfield

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from photometrypipeline.sky import times

SEED = 3552

# ---- the telescope
NX, NY = 930, 870  # px, binned 2x2
TRUE_SCALE = 0.3763  # arcsec per binned px; the instrument definition says 0.375
ROTATION_DEG = 1.1  # of the camera, which nobody told the header
GAIN, READ_NOISE = 1.9, 4.7  # e-/ADU, e-
FULL_WELL, SATURATE = 62000.0, 60000.0  # ADU: where charge spills over; what the header calls saturated
ZEROPOINT = 25.0  # R of a star that gives 1 e-/s above the atmosphere
EXTINCTION = 0.09  # mag per airmass
LATITUDE_DEG, LONGITUDE_DEG = 32.7013, -109.8920  # Mount Graham
MPC_CODE = "290"

# ---- the weather
FIRST = 217  # number of the first frame
DATE, EXPTIME_S = "2017-02-02", 20.0
START_UT = ["10:46:12.204", "10:47:27.881", "10:48:43.530", "10:49:59.177", "10:51:14.912"]
START_UT += ["10:52:30.446", "10:53:46.105", "10:55:01.790", "10:56:17.463", "10:57:33.128"]
FWHM_ARCSEC = [1.35, 1.42, 1.30, 1.55, 1.70, 1.88, 1.62, 1.48, 1.38, 1.25]
BETA = 3.3  # of the Moffat profile
TRANSPARENCY = [0.97, 0.93, 0.90, 0.95, 0.82, 0.70, 0.62, 0.75, 0.88, 0.98]
SKY = [20.30, 20.32, 20.31, 20.29, 20.24, 20.15, 20.10, 20.16, 20.22, 20.24]  # R mag per square arcsec
DITHER_EAST = [0, 4, -5, 9, -7, 2, 12, -10, 6, -3]  # arcsec
DITHER_NORTH = [0, -3, 6, 2, -8, 11, -5, 3, 8, -11]

# ---- the sky
CENTRE = (179.5, 6.25)  # ICRS: in SDSS and Pan-STARRS, in the middle of a tile of the store
POINTING_ERROR = (-38.0, 47.0)  # arcsec East, North: where the telescope really looked
HALF_WIDTH = np.array([1.02, 0.77])  # of the area with stars, East and North
STORE_RADIUS = 0.72  # a cone that touches ten tiles, all of which lie in that area
BRIGHTEST, FAINTEST = 13.2, 22.0  # r of the stars
DENSITY = 3500  # stars per square degree
GROUP_STARS, GROUP_SIGMA = 1000, 0.050  # of a loose group, so that so small a frame has enough
SLOPE, GROUP_SLOPE = 0.19, 0.10  # counts grow as 10^(slope m)
NEAR = 0.12  # whatever is further from CENTRE is in no frame

# ---- the asteroid
RATE = (-33.0, 12.0)  # arcsec/h, RA with cos Dec, and Dec
R_MAG, AMPLITUDE, PERIOD_H = 17.05, 0.09, 0.31  # a light curve that a constant would not fit
EPHEMERIS_ERROR = (0.12, -0.07)  # arcsec, predicted minus true, so that a copied prediction is found out


def frame_name(k):
    return f"mscience{FIRST + k:04d}.fits"


def midtimes():
    """Return the middle of each exposure, JD (UTC), rounded to 8 decimals as pp_prepare does."""
    return np.array([round(times.dateobs_to_jd(f"{DATE}T{at}") + EXPTIME_S / 2 / 86400, 8) for at in START_UT])


def offset(east, north, centre=CENTRE):
    """Return ra, dec of points so far (deg on the sky) from `centre`."""
    dec = centre[1] + north
    return centre[0] + east / np.cos(np.radians(dec)), dec


def distance(table):
    """Return the distance of the rows from CENTRE, deg, shape (n,)."""
    east = (table["ra_deg"] - CENTRE[0]) * np.cos(np.radians(CENTRE[1]))
    return np.hypot(np.asarray(east), np.asarray(table["dec_deg"]) - CENTRE[1])


# ---- what there is ---------------------------------------------------------------------------------------------------


def make_sky(rng):
    """Return stars, doubles, some bright stars and galaxies: a starfield Table with further columns for the frames.

    `variable_mag` is what a variable star differs from its catalogue magnitude; `size_arcsec` (half-light radius),
    `sersic`, `ratio`, `angle_deg` describe galaxies.
    """
    n = int(DENSITY * 4 * HALF_WIDTH.prod())
    places = [np.r_[rng.uniform(-half, half, n), rng.normal(0, GROUP_SIGMA, GROUP_STARS)] for half in HALF_WIDTH]
    mags = starfield.uniform_magnitudes(rng, n, BRIGHTEST, FAINTEST, SLOPE)
    mags = np.r_[mags, starfield.uniform_magnitudes(rng, GROUP_STARS, BRIGHTEST, FAINTEST, GROUP_SLOPE)]
    stars = starfield.make_stars(rng, *offset(*places), mags)
    stars["variable_mag"] = np.where(rng.uniform(size=len(stars)) < 0.03, rng.normal(0, 0.2, len(stars)), 0.0)
    places = np.array([[0.031, 0.043], [-0.052, -0.021], [0.012, -0.056]])
    bright = starfield.make_stars(rng, *offset(*places.T), np.array([11.1, 11.5, 12.6]))
    sky = vstack([stars, bright, _companions(stars, rng), _galaxies(rng)])
    for column in ("variable_mag", "size_arcsec", "sersic", "ratio", "angle_deg"):
        sky[column] = np.ma.filled(sky[column], 0.0)
    return sky


def _companions(stars, rng):
    """Return companions of eight stars of middling magnitude near the centre, 0.9 to 2.6 arcsec away."""
    primaries = stars[(distance(stars) < 0.05) & (stars["rp1"] > 16.5) & (stars["rp1"] < 19.5)][:8]
    apart, angle = np.linspace(0.9, 2.6, 8) / 3600, rng.uniform(0, 2 * np.pi, 8)
    places = offset(apart * np.sin(angle), apart * np.cos(angle), (primaries["ra_deg"], primaries["dec_deg"]))
    companions = starfield.make_stars(rng, *map(np.asarray, places), primaries["rp1"] + rng.uniform(0.3, 1.5, 8))
    companions["pmra"], companions["pmdec"] = primaries["pmra"], primaries["pmdec"]
    return companions


def _galaxies(rng, n=60):
    """Return n galaxies within 0.1 deg of the centre, with colours of stars."""
    galaxies = starfield.make_stars(rng, *offset(*rng.uniform(-0.1, 0.1, (2, n))), rng.uniform(17.5, 21.5, n))
    galaxies["kind"], galaxies["pmra"], galaxies["pmdec"] = "galaxy", 0.0, 0.0
    galaxies["size_arcsec"] = 0.6 + 2.2 * 10 ** (-0.2 * (galaxies["rp1"] - 17.5))
    galaxies["sersic"] = np.where(rng.uniform(size=n) < 0.6, 1.0, 3.5)
    galaxies["ratio"], galaxies["angle_deg"] = rng.uniform(0.3, 1.0, n), rng.uniform(0, 180, n)
    return galaxies


def asteroid_track(sky):
    """Return ra, dec, R (shapes (n_frames,)) of the asteroid, on a path clear of stars near the middle of a frame."""
    hours = (midtimes() - midtimes()[0]) * 24
    obstacles = sky[distance(sky) < NEAR]
    ra, dec = starfield.positions_at(obstacles, times.julian_epoch(midtimes()[0]))
    need = np.where(obstacles["R"] < R_MAG + 1.5, 11.0, 7.5) + 2 * obstacles["size_arcsec"]  # arcsec
    grid = np.arange(-0.03, 0.031, 0.002)
    for east, north in sorted(((e, n) for e in grid for n in grid), key=lambda at: round(np.hypot(*at), 6)):
        moved = [start + (error + rate * hours) / 3600
                 for start, error, rate in zip((east, north), POINTING_ERROR, RATE, strict=True)]  # fmt: skip
        track = offset(*moved)
        across = (ra[:, None] - track[0]) * np.cos(np.radians(CENTRE[1]))
        if (np.hypot(across, dec[:, None] - track[1]).min(axis=1) * 3600 > need).all():
            return *track, R_MAG + AMPLITUDE * np.sin(2 * np.pi * hours / PERIOD_H)
    raise RuntimeError("no path between the stars is clear: choose another SEED")


# ---- how a frame shows it --------------------------------------------------------------------------------------------


def pointing(k):
    """Return ra, dec of what the telescope believes: CENTRE and the dither."""
    return offset(DITHER_EAST[k] / 3600, DITHER_NORTH[k] / 3600)


def true_wcs(k):
    """Return the WCS (TAN with SIP terms) of frame k: off by POINTING_ERROR, turned, and mildly distorted."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"]
    wcs.wcs.crpix = [NX / 2 + 0.5, NY / 2 + 0.5]
    wcs.wcs.crval = offset((POINTING_ERROR[0] + DITHER_EAST[k]) / 3600, (POINTING_ERROR[1] + DITHER_NORTH[k]) / 3600)
    angle = np.radians(ROTATION_DEG + 0.004 * k)  # the derotator lags
    wcs.wcs.cd = TRUE_SCALE / 3600 * np.array([[-np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    a, b = np.zeros((4, 4)), np.zeros((4, 4))
    a[2, 0], a[1, 1], b[0, 2], b[2, 0] = 1.5e-6, -8e-7, -1.1e-6, 6e-7  # up to half a pixel in the corners
    a[3, 0] = a[1, 2] = b[0, 3] = b[2, 1] = 4e-10  # and a tenth of one, radial
    wcs.sip = Sip(a, b, None, None, wcs.wcs.crpix)
    wcs.pixel_shape = NX, NY
    wcs.wcs.set()
    return wcs


def airmass(k):
    """Return the airmass (Pickering 2002) of CENTRE in frame k."""
    sidereal = 280.46061837 + 360.98564736629 * (midtimes()[k] - 2451545.0) + LONGITUDE_DEG
    hour_angle, dec, latitude = np.radians([sidereal - CENTRE[0], CENTRE[1], LATITUDE_DEG])
    sine = np.sin(latitude) * np.sin(dec) + np.cos(latitude) * np.cos(dec) * np.cos(hour_angle)
    altitude = np.degrees(np.arcsin(sine))
    return 1 / np.sin(np.radians(altitude + 244 / (165 + 47 * altitude**1.1)))


def zeropoint(k):
    """Return the zeropoint of frame k: R + 2.5 log10(ADU of the whole exposure, all the light of a star)."""
    lost = EXTINCTION * airmass(k) - 2.5 * np.log10(TRANSPARENCY[k])
    return ZEROPOINT - lost + 2.5 * np.log10(EXPTIME_S / GAIN)


def sky_level(k):
    """Return the sky of frame k in ADU, shape (NY, NX): a level, a slope from the Moon, and a little vignetting."""
    level = 10 ** (0.4 * (zeropoint(k) - SKY[k])) * TRUE_SCALE**2
    y, x = np.mgrid[-1 : 1 : NY * 1j, -1 : 1 : NX * 1j]
    return level * (1 + 0.05 * x - 0.03 * y - 0.02 * (x**2 + y**2))
