#!/usr/bin/env python3
"""Make the simulated VATT4K data set: frames, the store that goes with them, and the truth.

    python example_data/make_vatt4k.py            in example_data/vatt4k
    python example_data/make_vatt4k.py FOLDER     somewhere else, e.g. to compare

Needs GalSim.  The random numbers come from numpy's RandomState, whose streams never change, and photon noise from
uniform numbers by the inverse Poisson distribution, so that a difference in the last digit of a sum cannot shift the
noise: frames made on another machine agree within 1 ADU.
"""

import argparse
from pathlib import Path

import galsim
import numpy as np
from astropy.io import fits
from astropy.table import Table
from scipy.stats import poisson

import starfield
import vatt4k_night as night
from photometrypipeline.catalogs import skystore
from photometrypipeline.ephemerides import ephemeris
from photometrypipeline.sky import times
from photometrypipeline.sky.rounding import sexagesimal

HERE = Path(__file__).resolve().parent
WHOLE = 97  # px; side of the stamp of a star
BRIGHT_ADU, WHOLE_BRIGHT = 3e5, 161  # the wings of a brighter one are seen further out
COSMIC_RAYS = 28  # per frame


def stream(number):
    """Return a stream of random numbers; each frame and each survey has its own."""
    return np.random.RandomState(night.SEED + number)  # newer generators may change with numpy


# ---- frames ----------------------------------------------------------------------------------------------------------


def write_frames(folder, sky, track):
    for k in range(len(night.START_UT)):
        frame = expose(render(k, sky, track), stream(1 + k))
        fits.PrimaryHDU(frame, header(k)).writeto(folder / night.frame_name(k), overwrite=True)


def render(k, sky, track):
    """Return frame k without noise, ADU, shape (NY, NX); element [0, 0] is pixel (1, 1) of FITS."""
    image = galsim.ImageD(night.NX, night.NY, init_value=0.0)
    fine = galsim.GSParams(folding_threshold=5e-4)
    psf = galsim.Moffat(night.BETA, fwhm=night.FWHM_ARCSEC[k] / night.TRUE_SCALE, gsparams=fine)
    wcs, zeropoint = night.true_wcs(k), night.zeropoint(k)
    near = sky[night.distance(sky) < night.NEAR]
    x, y = wcs.all_world2pix(*starfield.positions_at(near, times.julian_epoch(night.midtimes()[k])), 1)
    flux = 10 ** (0.4 * (zeropoint - near["R"] - near["variable_mag"]))
    for row in np.flatnonzero((np.abs(x - night.NX / 2) < night.NX) & (np.abs(y - night.NY / 2) < night.NY)):
        profile = galaxy(psf, near[row]) if near["kind"][row] == "galaxy" else psf
        paste(image, profile.withFlux(flux[row]), x[row], y[row])
    trail_h = (np.arange(9) - 4) / 9 * night.EXPTIME_S / 3600  # the asteroid moves during the exposure
    steps = [rate * trail_h / 3600 for rate in night.RATE]
    trail = wcs.all_world2pix(*night.offset(*steps, (track[0][k], track[1][k])), 1)
    for x, y in zip(*trail, strict=True):
        paste(image, psf.withFlux(10 ** (0.4 * (zeropoint - track[2][k])) / len(trail_h)), x, y)
    return image.array + night.sky_level(k)


def galaxy(psf, row):
    """Return the profile of a galaxy, blurred by `psf`; in pixels."""
    size = row["size_arcsec"] / night.TRUE_SCALE
    shape = galsim.Sersic(row["sersic"], half_light_radius=size, trunc=6 * size)
    return galsim.Convolve(shape.shear(q=row["ratio"], beta=row["angle_deg"] * galsim.degrees), psf)


def paste(image, profile, x, y):
    """Add a profile to `image` at FITS pixel `x`, `y`, integrated over each pixel."""
    size = WHOLE_BRIGHT if profile.flux > BRIGHT_ADU else WHOLE
    stamp = profile.drawImage(nx=size, ny=size, center=galsim.PositionD(x, y), scale=1.0, dtype=np.float64)
    bounds = stamp.bounds & image.bounds
    if bounds.isDefined():
        image[bounds] += stamp[bounds]


def expose(clean, rng):
    """Return the frame as it is read out, uint16: photon noise, cosmic rays, spilled charge, read noise."""
    electrons = poisson.ppf(rng.uniform(1e-12, 1 - 1e-12, clean.shape), clean * night.GAIN)
    for _ in range(COSMIC_RAYS):
        hit(electrons, rng.uniform(size=5))
    adu = spill(electrons / night.GAIN) + rng.normal(0, night.READ_NOISE / night.GAIN, clean.shape)
    return np.clip(np.rint(adu), 0, 65535).astype(np.uint16)


def hit(electrons, numbers):
    """Add a cosmic ray: a straight track of 1 to 14 pixels with 400 to 2500 e- each."""
    x, y, angle, length = numbers[0] * night.NX, numbers[1] * night.NY, numbers[2] * np.pi, 1 + 13 * numbers[3] ** 3
    for step in np.arange(0, length, 0.5):
        column, row = int(x + step * np.cos(angle)), int(y + step * np.sin(angle))
        if 0 <= column < night.NX and 0 <= row < night.NY:
            electrons[row, column] += (400 + 2100 * numbers[4]) / 2


def spill(adu):
    """Return `adu` with the charge above FULL_WELL moved along the columns, evenly up and down."""
    for column in np.flatnonzero((adu > night.FULL_WELL).any(axis=0)):
        line = adu[:, column]
        full = np.flatnonzero(line > night.FULL_WELL)
        for run in np.split(full, np.flatnonzero(np.diff(full) > 1) + 1):
            excess = (line[run] - night.FULL_WELL).sum()
            line[run] = night.FULL_WELL
            below, above = run[0] - 1, run[-1] + 1
            while excess > 0 and below >= 0 and above < len(line):
                for row in (below, above):
                    moved = min(night.FULL_WELL - line[row], excess / 2)
                    line[row], excess = line[row] + moved, excess - moved
                below, above = below - 1, above + 1
    return adu


def header(k):
    """Return the header of frame k in the style of the VATT: no WCS, date and time apart, a curious INSTRUME."""
    ra, dec = night.pointing(k)
    cards = fits.Header([("OBJECT", "3552"), ("TELESCOP", "VATT"), ("INSTRUME", '= "Vatt4k"')])
    cards["DATE-OBS"] = night.DATE, "UTC, start of exposure"
    cards["TIME-OBS"] = night.START_UT[k], "UTC, start of exposure"
    cards["EXPTIME"] = night.EXPTIME_S, "[s]"
    cards["FILTER"] = "TOP 3 BOT 1", "R"
    cards["RA"] = sexagesimal(ra / 15, 2, ":"), "pointing, hours"
    cards["DEC"] = sexagesimal(dec, 1, ":", "+"), "pointing, degrees"
    cards["EQUINOX"] = 2000.0, "of RA and DEC"
    cards["AIRMASS"] = round(night.airmass(k), 4)
    cards["CCDBIN1"], cards["CCDBIN2"] = (2, "binning in x"), (2, "binning in y")
    cards["GAIN"] = night.GAIN, "[e-/ADU]"
    cards["RDNOISE"] = night.READ_NOISE, "[e-]"
    cards["SATURATE"] = night.SATURATE, "[ADU]"
    cards["SIMULATE"] = True, "neither stars nor asteroid are real"
    return cards


# ---- what goes with them ---------------------------------------------------------------------------------------------


def write_store(folder, sky, track):
    """Write pp_store/: what the catalogues list of this sky, and what Horizons says of the asteroid."""
    for number, (survey, seen) in enumerate(starfield.SURVEYS.items()):
        cone = (*night.CENTRE, night.STORE_RADIUS)
        skystore.write_tiles(folder, survey, seen(sky, stream(100 + number)), cone, 21.0)
    error = np.array(night.EPHEMERIS_ERROR) / 3600
    ra, dec = night.offset(*error, track[:2])
    told = {"ra_rate": night.RATE[0], "dec_rate": night.RATE[1], "v_mag": night.R_MAG + 0.4, "r_au": 2.1}
    told |= {"sigma_ra_arcsec": 0.09, "sigma_dec_arcsec": 0.06, "delta_au": 1.2, "phase_deg": 14.0}
    told = {name: np.full(len(ra), value) for name, value in told.items()}
    name = "3552 Don Quixote (1983 SA)"
    found = ephemeris.Ephemeris("3552", name, "simulated", night.midtimes(), ra, dec, **told)
    ephemeris.store_rows(folder, "3552", night.MPC_CODE, found)


def write_truth(folder, sky, track):
    """Write truth.ecsv, a row per frame, and truth_stars.ecsv, all stars and galaxies that a frame may show."""
    rows = []
    for k, jd in enumerate(night.midtimes()):
        wcs, fwhm = night.true_wcs(k), night.FWHM_ARCSEC[k] / night.TRUE_SCALE
        x, y = wcs.all_world2pix(track[0][k], track[1][k], 1)
        background = night.sky_level(k)[int(y) - 1, int(x) - 1]
        asteroid = [column[k] for column in track]
        seen = (night.zeropoint(k), fwhm, night.BETA, background)
        rows.append((night.frame_name(k), jd, *asteroid, x, y, *seen, *wcs.wcs.crval, *wcs.wcs.cd.ravel()))
    names = ["file", "midtime_jd", "ra_deg", "dec_deg", "R_mag", "x_px", "y_px", "zeropoint", "fwhm_px", "beta"]
    names += ["sky_adu", "crval1", "crval2", "cd1_1", "cd1_2", "cd2_1", "cd2_2"]
    truth = Table(rows=rows, names=names)
    truth.meta = {"gain": night.GAIN, "read_noise": night.READ_NOISE, "crpix": wcs.wcs.crpix.tolist()}
    truth.meta |= {"sip_a": wcs.sip.a.tolist(), "sip_b": wcs.sip.b.tolist(), "size": [night.NX, night.NY]}
    truth.meta["comment"] = "simulated; zeropoint: R + 2.5 log10(all the ADU of a star in the whole exposure)"
    truth.write(folder / "truth.ecsv", overwrite=True)
    near = sky[night.distance(sky) < night.NEAR]
    stars = near["kind", "ra_deg", "dec_deg", "R", "variable_mag"]
    stars["ra_deg"], stars["dec_deg"] = starfield.positions_at(near, times.julian_epoch(night.midtimes()[0]))
    stars.rename_column("R", "R_mag")
    stars.round({"ra_deg": 8, "dec_deg": 8, "R_mag": 4, "variable_mag": 4})
    stars.write(folder / "truth_stars.ecsv", overwrite=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=HERE / "vatt4k", help="default: %(default)s")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    sky = night.make_sky(stream(0))
    track = night.asteroid_track(sky)
    write_frames(folder, sky, track)
    write_truth(folder, sky, track)
    write_store(folder / "pp_store", sky, track)


if __name__ == "__main__":
    main()
