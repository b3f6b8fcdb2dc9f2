"""A data set as the steps would leave it: frames of a moving target among stars, and the record of each step.

The truth is simple on purpose: zeropoint ZEROPOINT, seeing FWHM_PX, stars of known magnitude, no noise in the records.
"""

import math

import numpy as np
from astropy.io import fits

from photometrypipeline.frames.rows import LightCurve, Row

FIRST_JD = 2457786.95663722
ZEROPOINT, FWHM_PX, SCALE_ARCSEC, BINNING = 25.0, 4.0, 0.25, 2
RA_DEG, DEC_DEG = 179.30, 0.43  # centre of the first frame
APERTURES_PX = np.linspace(2, 10, 20)
N_STARS = 30
TARGET_MAG, CONTROL_MAG, LIMIT_MAG = 19.4, 16.0, 20.1


def frame_names(n_frames):
    return [f"mscience{217 + count:04d}.fits" for count in range(n_frames)]


def jd_of(count):
    return FIRST_JD + count * 240 / 86400


class Field:
    """Stars, a target and the frames of it: `width` x `height` pixels of SCALE_ARCSEC * BINNING arcsec."""

    def __init__(self, n_frames=3, width=300, height=200):
        rng = np.random.default_rng(seed=7)
        self.n_frames, self.width, self.height = n_frames, width, height
        self.names = frame_names(n_frames)
        self.x = rng.uniform(15, width - 15, N_STARS)
        self.y = rng.uniform(15, height - 15, N_STARS)
        self.mag = np.sort(rng.uniform(14.5, 19.5, N_STARS))
        self.scale_deg = SCALE_ARCSEC * BINNING / 3600

    def target_at(self, count):
        """FITS position of the target on a frame: it moves to the right."""
        return self.width * 0.3 + 6.3 * count, self.height * 0.6 + 1.2 * count

    def sky(self, x, y):
        """RA, Dec (deg) of a FITS position; north is up, east left, small field."""
        dec = DEC_DEG + (y - self.height / 2) * self.scale_deg
        return RA_DEG - (x - self.width / 2) * self.scale_deg / math.cos(math.radians(DEC_DEG)), dec

    def header(self, count):
        header = fits.Header()
        header["OBJECT"], header["MIDTIMJD"], header["EXPTIME"] = "3552", jd_of(count), 180.0
        header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
        header["CRVAL1"], header["CRVAL2"] = RA_DEG, DEC_DEG
        header["CRPIX1"], header["CRPIX2"] = self.width / 2, self.height / 2
        header["CD1_1"], header["CD1_2"], header["CD2_1"], header["CD2_2"] = -self.scale_deg, 0.0, 0.0, self.scale_deg
        return header

    def image(self, count):
        rng = np.random.default_rng(seed=count)
        pixels = rng.normal(500, 8, (self.height, self.width))
        places = [(x, y, 10 ** (0.4 * (ZEROPOINT - mag))) for x, y, mag in zip(self.x, self.y, self.mag, strict=True)]
        for x, y, flux in [*places, (*self.target_at(count), 10 ** (0.4 * (ZEROPOINT - TARGET_MAG)) * 6)]:
            self._add_source(pixels, x, y, flux)
        return pixels.astype(np.float32)

    def _add_source(self, pixels, x, y, flux):
        sigma = FWHM_PX / 2.3548
        left, bottom = int(max(x - 20, 0)), int(max(y - 20, 0))
        part = pixels[bottom : bottom + 40, left : left + 40]
        rows, columns = np.mgrid[: part.shape[0], : part.shape[1]]
        distance = (columns + left + 1 - x) ** 2 + (rows + bottom + 1 - y) ** 2
        part += flux / (2 * np.pi * sigma**2) * np.exp(-distance / (2 * sigma**2))

    def write_frames(self, folder):
        for count, name in enumerate(self.names):
            fits.writeto(folder / name, self.image(count), self.header(count), overwrite=True)
        (folder / "LOG").write_text("pp_prepare.py: started [02/02/2017 10:57:00]\n")

    def write_catalog(self, folder, name="GAIA"):
        ra, dec = self.sky(self.x, self.y)
        columns = [fits.Column("XWIN_WORLD", "1D", array=ra), fits.Column("YWIN_WORLD", "1D", array=dec)]
        table = fits.BinTableHDU.from_columns(columns, name="LDAC_OBJECTS")
        fits.HDUList([fits.PrimaryHDU(), table]).writeto(folder / f"{name}.cat", overwrite=True)


def prepare(field, directory="/data/2017-02-02/3552"):
    frames = [
        {
            "name": name, "stem": name.removesuffix(".fits"), "midtime_jd": jd_of(count), "object": "3552",
            "filter": "V", "airmass": 1.16 + 0.01 * count, "exptime_s": 180.0, "pixel_scale_arcsec": [SCALE_ARCSEC] * 2,
            "binning": [BINNING] * 2, "size_px": [field.width, field.height], "ra_deg": RA_DEG, "dec_deg": DEC_DEG,
        }
        for count, name in enumerate(field.names)
    ]  # fmt: skip
    return {
        "directory": directory, "telescope": {"key": "VATT4K", "label": "VATT/VATT4k"}, "raw_filters": ["TOP 1 BOT 1"],
        "band": "V", "frames": frames,
    }  # fmt: skip


def register(field, lost=()):
    """Record of register; the frames with the numbers `lost` were not registered."""
    frames = []
    for count, name in enumerate(field.names):
        good = count not in lost
        frames.append({
            "name": name, "registered": good, "reason": None if good else "contrasts below the limits",
            "as_contrast": 58.25 if good else 0.95, "xy_contrast": 28.14 if good else 1.02,
            "sigma_ra_arcsec": 0.0712, "sigma_dec_arcsec": 0.0651, "chi2_reference": 1234.5, "chi2_internal": 0.0123,
            "n_sources": 812, "n_matched": 130 if good else 4, "rms_arcsec": 0.0965,
            "log_odds": 512.3 if good else -8.1, "solution": "fit" if good else None, "degree": 3, "model": "cubic",
            "shared": True, "cv_arcsec": 0.01, "offset_arcmin": 0.4,
        })  # fmt: skip
    limits = {"as_contrast": 2.5, "xy_contrast": 2.5, "log_odds": 13.8}
    return {"catalog": "GAIA", "skipped": False, "limits": limits, "frames": frames}


def photometry(field):
    flux = 1 - np.exp(-((APERTURES_PX / FWHM_PX * 1.6652) ** 2))
    target = 1 - np.exp(-((APERTURES_PX / FWHM_PX * 1.75) ** 2))
    snr = flux / APERTURES_PX
    curve = {
        "radius_px": APERTURES_PX, "index": 6,
        "background": {"flux": flux, "sigma": np.full(20, 0.02), "snr": snr / snr.max()},
        "target": {"flux": target, "sigma": np.full(20, 0.05), "snr": snr / snr.max() * 0.95},
    }  # fmt: skip
    frames = [
        {"name": name, "midtime_jd": jd_of(count), "fwhm_px": FWHM_PX + 0.2 * (count % 3), "n_sources": 812}
        for count, name in enumerate(field.names)
    ]
    return {
        "method": "APER", "minarea_px": 12, "snr": 3, "aprad_px": 4.53,
        "basis": f"{len(frames)} target detections and {50 * len(frames)} background sources",
        "strategy": "smallest radius with both above the flux limit and their difference within the margin",
        "n_target": len(frames), "n_background": 50 * len(frames), "flux_limit": 0.7, "flux_margin": 0.05,
        "curve": curve, "frames": frames, "gain_known": True, "bad_pixels": None,
    }  # fmt: skip


def calibrate(field, lost=()):
    """Record of calibrate; the frames with the numbers `lost` have too few stars."""
    frames = []
    for count, name in enumerate(field.names):
        frame = {"name": name, "ldac": name.replace(".fits", ".ldac"), "midtime_jd": jd_of(count), "n_matched": N_STARS}
        frame |= dict.fromkeys(["zp_frame_mag", "zp_night_mag", "err_zp_frame_mag", "err_zp_common_mag"])
        frame |= {"method": "frame"}
        if count in lost:
            empty = {"zp_mag": math.nan, "zp_sig_mag": math.nan, "zp_err_mag": None, "n_used": 0, "chosen": None}
            few = {"n_matched": 2, "reason": "2 reference stars, at least 3 are needed"}
            frames.append(frame | empty | few | {"steps": [], "stars": []})
            continue
        frames.append(frame | _zeropoint(field, count))
    return {
        "mode": "catalog", "band": "V", "catalog": "SDSS-R9_transformed", "magsys": "Vega", "frames": frames,
        "catalog_release": "SDSS DR9", "catalog_origin": None, "minstars": 0.5, "color": None, "systematics": None,
        "color_term": None, "night": None,
        "catalog_history": "612 sources downloaded, 540 transformed to V (Vega)",
    }  # fmt: skip


def calibrate_night(field, strangers=()):
    """Record of calibrate with a night of 20 stars: star 7 moves the target most, star 2 is restless, two are out."""
    record = calibrate(field)
    every = record["frames"][0]["stars"]
    stars = [
        {name: star[name] for name in ("ident", "ra_deg", "dec_deg", "mag")}
        | {"color": 0.6, "offset": 0.01, "offset_err": 0.002, "scatter": 0.05 if count == 2 else 0.01, "weight": 1.0}
        | {"expected": 0.01, "influence": -0.0021 if count == 7 else 1e-5 * count, "n_frames": 7}
        for count, star in enumerate(every[:20])
    ]
    night = {"counts": True, "n_reference": 20, "terms": [], "target_color": None, "extinction": None, "stars": stars}
    night |= dict.fromkeys(["err_common", "jitter", "scatter", "color_width", "differences"])
    out = [{name: star[name] for name in ("ident", "ra_deg", "dec_deg", "mag")} for star in every[20:22]]
    arguments = ["-catalog", "it's mine"]
    return record | {"night": night, "left_out": out, "strangers": list(strangers), "arguments": arguments}


def _zeropoint(field, count):
    """Every third star is an outlier of 0.3 mag and not used."""
    zeropoint = ZEROPOINT - 0.02 * count
    used = np.arange(N_STARS) % 3 != 0
    ra, dec = field.sky(field.x, field.y)
    inst = field.mag - zeropoint + np.where(used, 0.0, 0.3)
    stars = [
        {
            "ident": str(1237648720000000000 + star), "ra_deg": ra[star], "dec_deg": dec[star], "mag": field.mag[star],
            "e_mag": 0.02, "inst_mag": inst[star], "e_inst_mag": 0.003 + 0.002 * star / 3, "used": used[star],
            "x_px": field.x[star], "y_px": field.y[star], "color_mag": None, "color_correction_mag": None,
        }
        for star in range(N_STARS)
    ]  # fmt: skip
    steps = [
        {"n": n, "zp_mag": zeropoint + 0.004 * (n - 20), "sig_mag": 0.01 * n / 20, "chi2": 10 ** ((n - 20) / 5)}
        for n in range(30, 14, -1)
    ]
    fit = {"zp_mag": zeropoint, "zp_sig_mag": 0.0283, "zp_err_mag": 0.0051, "n_used": int(used.sum()), "chosen": 10}
    return fit | {"reason": None, "steps": steps, "stars": stars}


def distill(field, rejected=(), name="3552", unseen=()):
    """Record of distill: the control star and a moving target; on the frames `rejected` the latter is 12" off.

    On the frames `unseen` there is no source at all, and a limit of LIMIT_MAG.
    """
    rows, control = [], []
    for count in range(field.n_frames):
        x, y = field.target_at(count)
        off = 12.0 if count in rejected else 0.3
        mag = TARGET_MAG + 0.15 * math.sin(count / 2)
        control.append(_row(field, count, field.x[0], field.y[0], CONTROL_MAG, 0.0))
        if count in unseen:
            continue
        rows.append(_row(field, count, x, y, mag, off))
        rows[-1].reason = "pos" if count in rejected else ""
    rows += [_unseen(field, count) for count in unseen]
    star = LightCurve("Control Star", "photometry_Control_Star.dat", "control", "", "horizons", control)
    target = LightCurve(name, f"photometry_{name}.dat", "primary", "3552 Don Quixote (1983 SA)", "horizons", rows)
    return {"targets": [star, target], "images": [], "arguments": []}


def _unseen(field, count):
    ra, dec = field.sky(*field.target_at(count))
    return Row(
        **_frame(field, count), ra_pred_deg=ra, dec_pred_deg=dec, forced_flux=12.0, forced_err=30.0, forced_mag=22.3,
        mag_limit=LIMIT_MAG, others_flux=0.0, reason="not detected", detected=False,
    )  # fmt: skip


def _row(field, count, x, y, mag, off_arcsec):
    ra, dec = field.sky(x, y)
    return Row(
        **_frame(field, count), mag=mag, sig=0.0308, err_total=0.0131, inst=mag - ZEROPOINT, e_inst=0.0122, ra_deg=ra,
        dec_deg=dec, ra_pred_deg=ra + off_arcsec / 3600, dec_pred_deg=dec - 0.1 / 3600, x_px=x, y_px=y, fwhm_arcsec=2.0,
        aprad_px=4.53,
    )  # fmt: skip


def _frame(field, count):
    frame = field.names[count]
    return {
        "frame": frame, "ldac": frame.replace(".fits", ".ldac"), "jd": jd_of(count), "exptime_s": 180.0, "band": "V",
    }  # fmt: skip
