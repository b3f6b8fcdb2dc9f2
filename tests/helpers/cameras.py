"""Frames of cameras that nobody has defined, with a known answer: each in the dialect of the program that wrote it."""

from dataclasses import dataclass, field

import numpy as np
from astropy.io import fits
from astropy.time import Time, TimeDelta

import sky

START = Time("2023-03-14T22:41:07.250")
LOCAL = START + TimeDelta(1 / 24, format="jd")  # a clock of Central Europe
EXPOSURE_S = 40.0
SITE = {"SITELAT": "+46 30 00", "SITELONG": "+09 50 00"}  # the Alps, an hour ahead of UTC
COLUMNS = """ra_deg = "ra_deg"
dec_deg = "dec_deg"
epoch_yr = 2000.0
Vmag = "V"
e_Vmag = 0.05
[systems]
V = "Vega"
"""


@dataclass
class Camera:
    """A camera: what its headers are like, and the truth; `scale` in arcsec per binned px, `pointing` the centre."""

    dialect: str
    scale: float
    rotation_deg: float
    mirrored: bool
    pointing: tuple
    off_arcmin: tuple = (1.5, -1.0)  # of the header's pointing, East and North
    size: tuple = (720, 560)
    binning: int = 1
    n_stars: int = 70
    fwhm_px: float = 2.8
    gain: float = 1.6
    expected: dict = field(default_factory=dict)  # of the definition

    @property
    def wcs(self):
        return sky.make_wcs(self.pointing, self.size, self.scale, self.rotation_deg, (not self.mirrored, False))

    @property
    def told(self):
        """Where the header says that it looks (deg)."""
        return sky.shifted(self.pointing, *(60 * each for each in self.off_arcmin))

    def write(self, folder, seed=5):
        """Write frame.fits and the catalogue stars.csv into `folder`."""
        rng = np.random.default_rng(seed)
        half = np.array(self.size) * self.scale / 3600  # deg; the catalogue is twice as wide as the frame
        places = rng.uniform(-half, half, (4 * self.n_stars, 2))
        ra, dec = sky.shifted(self.pointing, *(places.T * 3600))
        mag = np.sort(rng.uniform(10, 15.5, len(ra)) ** 1.0)[rng.permutation(len(ra))]
        x, y = self.wcs.all_world2pix(ra, dec, 1)
        image = 320 + sky.render(self.size[::-1], x, y, 10 ** (0.4 * (23.2 - mag)), self.fwhm_px)
        frame = sky.expose(image, rng, self.gain, 4.0, 60000)
        header = DIALECTS[self.dialect](self)
        fits.PrimaryHDU(frame, fits.Header([(*card,) for card in header])).writeto(folder / "frame.fits")
        rows = [f"{a:.7f},{d:.7f},{m:.3f}" for a, d, m in zip(ra, dec, mag, strict=True)]
        (folder / "stars.csv").write_text("\n".join(["ra_deg,dec_deg,V", *rows, ""]))
        (folder / "stars.columns.toml").write_text(COLUMNS)


def hms(degrees, separator):
    return sky.sexagesimal(degrees / 15).replace(":", separator)


def dms(degrees, separator):
    return sky.sexagesimal(degrees, "+").replace(":", separator)


def optics(camera, with_binning=True):
    """Return the cards of pixel size and focal length; some programs give the size of unbinned pixels."""
    size_um = 4.5 * camera.binning
    focal_mm = size_um / 1000 / np.radians(camera.scale / 3600)
    written = size_um if with_binning else size_um / camera.binning
    return [("XPIXSZ", round(written, 3)), ("YPIXSZ", round(written, 3)), ("FOCALLEN", round(focal_mm, 1))]


def maxim(camera):
    ra, dec = camera.told
    return [
        ("DATE-OBS", START.isot, "UTC date/time of exposure start"),
        ("EXPTIME", EXPOSURE_S),
        ("EXPOSURE", EXPOSURE_S),
        *optics(camera),
        ("XBINNING", camera.binning),
        ("YBINNING", camera.binning),
        ("FILTER", "V"),
        ("IMAGETYP", "Light Frame"),
        *SITE.items(),
        ("JD", START.jd, "Julian Date at start of exposure"),
        ("OBJECT", "3552"),
        ("OBJCTRA", hms(ra, " ")),
        ("OBJCTDEC", dms(dec, " ")),
        ("SWCREATE", "MaxIm DL Version 6.18"),
        ("INSTRUME", "SBIG STXL-6303"),
        ("EGAIN", camera.gain),
    ]


def ascom(camera):
    ra, dec = camera.told
    return [
        ("DATE-OBS", START.isot),
        ("TIME-OBS", START.isot.split("T")[1], "[old format] UTC time of exposure start"),
        ("UT", START.isot.split("T")[1], "[old format] UTC time of exposure start"),
        ("EXPTIME", EXPOSURE_S, "[sec] Duration of exposure"),
        *optics(camera),
        ("XBINNING", camera.binning),
        ("YBINNING", camera.binning),
        ("FILTER", "Sloan r"),
        ("RA", hms(ra, " "), "[hms J2000] Target right ascension"),
        ("DEC", dms(dec, " "), "[dms +N J2000] Target declination"),
        ("AIRMASS", 1.31),
        ("TELESCOP", "ACP->Dome.Telescope"),
        ("INSTRUME", "Apogee USB/Net"),
    ]


def nina(camera):
    ra, dec = camera.told
    return [
        ("IMAGETYP", "LIGHT"),
        ("EXPOSURE", EXPOSURE_S, "[s] Exposure duration"),
        ("EXPTIME", EXPOSURE_S, "[s] Exposure duration"),
        ("DATE-LOC", LOCAL.isot, "Time of observation (local)"),
        ("DATE-OBS", START.isot, "Time of observation (UTC)"),
        ("XBINNING", camera.binning, "X axis binning factor"),
        ("YBINNING", camera.binning, "Y axis binning factor"),
        ("GAIN", 100, "Sensor gain"),
        ("EGAIN", camera.gain, "[e-/ADU] Electrons per A/D unit"),
        *optics(camera),
        ("INSTRUME", "ZWO ASI2600MM Pro"),
        ("TELESCOP", "C11"),
        ("FILTER", "R", "Active filter name"),
        ("RA", round(ra, 8), "[deg] RA of telescope"),
        ("DEC", round(dec, 8), "[deg] Declination of telescope"),
        ("OBJCTRA", hms(ra, " "), "[H M S] RA of imaged object"),
        ("OBJCTDEC", dms(dec, " "), "[D M S] Declination of imaged object"),
        ("PIERSIDE", "West"),
        ("SWCREATE", "N.I.N.A. 3.1.2.9001"),
    ]


def sharpcap(camera):
    ra, dec = camera.told
    return [
        ("SWCREATE", "SharpCap"),
        ("XBINNING", camera.binning),
        ("YBINNING", camera.binning),
        ("EXPTIME", EXPOSURE_S),
        ("DATE-OBS", f"{(START + TimeDelta(EXPOSURE_S, format='sec')).isot}1234", "System Clock-Frame Grabbed"),
        *optics(camera, with_binning=False),
        ("INSTRUME", "ZWO ASI290MM Mini"),
        ("GAIN", 200),
        ("OBJCTRA", hms(ra, " ")),
        ("OBJCTDEC", dms(dec, " ")),
    ]


def seestar(camera):
    ra, dec = camera.told
    return [
        ("CREATOR", "ZWO Seestar S70"),
        ("TELESCOP", "S70_40d24ed8"),
        ("INSTRUME", "Seestar S70"),
        ("EXPTIME", EXPOSURE_S),
        ("GAIN", 80),
        ("FILTER", "IRCUT"),
        ("RA", round(ra, 6)),
        ("DEC", round(dec, 6)),
        *optics(camera),
        ("SITELAT", 46.5),
        ("SITELONG", 9.8333),
        ("DATE-OBS", START.isot),
    ]


def observatory(camera):
    ra, dec = camera.told
    return [
        ("OBSERVAT", "HILL"),
        ("TELESCOP", "1m Cassegrain"),
        ("INSTRUME", "CCD camera [blue]"),
        ("DATE-OBS", START.isot.split("T")[0], "UT date (yyyy-mm-dd)"),
        ("UT", START.isot.split("T")[1]),
        ("EXPTIME", EXPOSURE_S),
        ("FILTERS", "Bessell I"),
        ("RA", hms(ra, ":")),
        ("DEC", dms(dec, ":")),
        ("EQUINOX", 2000.0),
        ("SECZ", 1.2),
        ("CCDSUM", f"{camera.binning} {camera.binning}"),
        ("PIXSCALE", round(camera.scale / camera.binning * 1.04, 4), "unbinned, nominal"),
        ("GAIN", camera.gain),
        ("RDNOISE", 4.0),
    ]


def homemade(camera):
    """Local time without a zone, RA as decimal hours without a word, no scale of any use, names of its own."""
    ra, dec = camera.told
    return [
        ("CAMERA", "homemade"),
        ("INSTRUME", "webcam 2"),
        ("DATE-OBS", LOCAL.isot),
        ("JULDATE", START.jd),
        ("TEXPOS", EXPOSURE_S, "exposure time in s"),
        ("MOUNTRA", round(ra / 15, 7)),
        ("MOUNTDEC", round(dec, 6)),
        ("FILT", "Rc"),
        ("SCALE", round(camera.scale, 3)),
    ]


DIALECTS = {each.__name__: each for each in (maxim, ascom, nina, sharpcap, seestar, observatory, homemade)}
ALL = [
    Camera("maxim", 1.13, 2.3, False, (150.3, 22.1), binning=2, expected={"band": ("V", "V"), "gain": "EGAIN"}),
    Camera("ascom", 0.62, 181.7, False, (10.02, -35.6), expected={"band": ("Sloan r", "r")}),
    Camera("nina", 0.91, -64.4, True, (299.8, 61.3), expected={"band": ("R", "R"), "gain": "EGAIN"}),
    Camera("sharpcap", 2.9, 97.2, False, (0.05, 3.3), binning=2, expected={"band": ("", None), "gain": 1.6}),
    Camera("seestar", 2.39, 33.0, False, (83.8, -5.4), expected={"band": ("IRCUT", None), "gain": 1.6}),
    Camera("observatory", 0.44, -90.6, True, (201.5, -43.0), binning=2, expected={"band": ("Bessell I", "I")}),
    Camera("homemade", 5.2, 270.4, True, (222.2, 71.8), expected={"band": ("Rc", "R"), "gain": 1.6}),
]
