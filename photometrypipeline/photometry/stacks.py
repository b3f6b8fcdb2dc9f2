"""What a stack of frames is: its mid-time, exposure, gain, read noise and saturation, and the header that says so."""

import re
from dataclasses import dataclass

import numpy as np

from photometrypipeline.base import cdmatrix
from photometrypipeline.frames.frame import printable, set_keyword
from photometrypipeline.frames.hdus import LAYOUT, SCALING
from photometrypipeline.frames.wcskeywords import remove_wcs
from photometrypipeline.instruments.headers import READ_NOISE

SECTIONS = re.compile(r"(DATA|BIAS|TRIM|CCD|DET|AMP)SEC\w?")  # of the detector; a stack is no part of it
OF_ONE_FRAME = ("PHOTMODE", "APRAD", "APIDX", "CHECKSUM", "DATASUM", *SCALING)
OF_STACKS = {
    "COMBO_N": "number of frames combined",
    "COMBO_M": "how they were combined",
    "COMOVE": "combined in the frame of the moving target",
    "COMBOJD": "exposure-weighted mean mid-time (JD, UTC)",
    "COMBOJD1": "start of the first exposure (JD, UTC)",
    "COMBOJD2": "end of the last exposure (JD, UTC)",
    "NOISEFAC": "noise of apertures over that of their pixels",
    "STARFWHM": "[px] FWHM of the stars in the stack of the sky",
}


@dataclass
class Layer:
    """One frame as a part of a stack.

    gain : e-/ADU, read_noise : e-, saturation : ADU, each None if unknown;  level, sigma : of its sky, ADU
    scale : factor on its pixels;  scaled : whether that factor brings all frames to the same flux of a star
    start_jd, end_jd : of the exposure;  n_frames : above 1 for a stack of stacks
    """

    frame: object
    midtime_jd: float
    exptime_s: float
    start_jd: float
    end_jd: float
    airmass: float | None
    gain: float | None
    read_noise: float | None
    saturation: float | None
    scale: float = 1.0
    scaled: bool = False
    n_frames: int = 1
    level: float = 0.0
    sigma: float = 1.0


@dataclass
class Totals:
    """What holds for the whole stack; units as in Layer."""

    midtime_jd: float
    start_jd: float
    end_jd: float
    exptime_s: float
    n_frames: int
    airmass: float | None
    gain: float | None
    read_noise: float | None
    saturation: float | None
    level: float


def is_stack(header):
    """Return whether a header is that of a stack."""
    return "COMBO_N" in header


def follows(header):
    """Return whether a header is that of a stack in which stars are no points, since it follows a target."""
    return is_stack(header) and header.get("COMOVE") == "True"


def fwhm_px(header):
    """Return the FWHM (px) of the stars that a stack would have if it did not follow a target, None if unknown."""
    value = header.get("STARFWHM")
    return float(value) if isinstance(value, int | float) and value > 0 else None


def drawn_out_s(header, exptime_s):
    """Return for how long (s) a moving target draws its trail: in a stack that follows it during one exposure alone.

    exptime_s : of the frame, of a stack that of all its frames together
    """
    if not is_stack(header):
        return exptime_s
    if follows(header):
        return exptime_s / max(float(header["COMBO_N"]), 1.0)
    whole = [header.get(name) for name in ("COMBOJD1", "COMBOJD2")]
    return (whole[1] - whole[0]) * 86400 if all(isinstance(each, float) for each in whole) else exptime_s


def mean_midtime(layers):
    """Return the exposure-weighted mean of the mid-times, JD (UTC), rounded as pp_prepare does."""
    exposures = np.array([layer.exptime_s for layer in layers])
    weights = exposures if exposures.sum() > 0 else None
    origin = layers[0].midtime_jd
    return round(origin + float(np.average([layer.midtime_jd - origin for layer in layers], weights=weights)), 8)


def median_efficiency(n_frames):
    """Return variance of the mean over variance of the median of `n_frames` normal values: 1 for 2, 2/pi for many.

    Good to 1 % against exact order statistics (Sarhan & Greenberg 1962, Contributions to Order Statistics).
    """
    if n_frames <= 2:
        return 1.0
    return (2 / np.pi) * (1 + (1.3 if n_frames % 2 == 0 else 0.5) / n_frames)


def weights_of(layers, method):
    """Return the share of each frame in a pixel of the stack, shape (n,), sum 1.

    SWarp weights frames of a clipped mean by the inverse variance of their sky, all others equally.
    """
    values = [1 / (layer.sigma * layer.scale) ** 2 if method == "clipped" else 1.0 for layer in layers]
    return np.array(values) / np.sum(values)


def totals(layers, method, backsub):
    """Return the Totals of a stack of `layers`; method : average, median, clipped.

    The effective gain g is such that a flux F of the stack has the photon noise (F / g)^0.5: with shares w, factors s
    and fluxes c (scaled) of the frames, g = sum(w c) / sum(w^2 c s / gain), N times the gain for N equal frames.  The
    effective read noise belongs to it: read noise times N^0.5 for N equal frames.  A median scatters more than a mean.
    """
    weights, scales = weights_of(layers, method), np.array([layer.scale for layer in layers])
    flux = np.array([1.0 if layer.scaled else max(layer.exptime_s, 1e-3) for layer in layers])
    efficiency = median_efficiency(len(layers)) if method == "median" else 1.0
    gain = read_noise = None
    if all(layer.gain for layer in layers):
        gains = np.array([layer.gain for layer in layers])
        gain = float(efficiency * np.sum(weights * flux) / np.sum(weights**2 * flux * scales / gains))
        if all(layer.read_noise is not None for layer in layers):
            noise = np.array([layer.read_noise for layer in layers]) / gains * scales  # ADU of the stack
            read_noise = float(gain * np.sqrt(np.sum((weights * noise) ** 2) / efficiency))
    level = float(np.sum(weights * scales * [layer.level for layer in layers]))
    saturation = None
    if all(layer.saturation for layer in layers):
        lowest = min(layer.scale * (layer.saturation - layer.level) for layer in layers)
        saturation = lowest + (0.0 if backsub else level)
    airmasses = [layer.airmass for layer in layers]
    exposures = np.array([layer.exptime_s for layer in layers])
    return Totals(
        midtime_jd=mean_midtime(layers),
        start_jd=min(layer.start_jd for layer in layers),
        end_jd=max(layer.end_jd for layer in layers),
        exptime_s=float(exposures.sum()),
        n_frames=sum(layer.n_frames for layer in layers),
        airmass=None if None in airmasses else float(np.average(airmasses, weights=np.maximum(exposures, 1e-3))),
        gain=gain,
        read_noise=read_noise,
        saturation=saturation,
        level=0.0 if backsub else level,
    )


def header_of(layers, telescope, made, whole, method, comoving, target=None):
    """Return the header (fits.Header) of a stack: what the first frame in time says, with what is different now.

    made : fits.Header that SWarp wrote, for its WCS;  whole : Totals;  target : object name, None keeps the frames'
    """
    first = min(layers, key=lambda layer: layer.midtime_jd)
    header = _template(first.frame.header)
    for keyword in ("EQUINOX", "RADESYS", "CTYPE1", "CTYPE2", "CUNIT1", "CUNIT2", *cdmatrix.LINEAR):
        if keyword in made:
            header[keyword] = (made[keyword], made.comments[keyword])
    set_keyword(header, "RADECSYS", header["RADESYS"], "copy of RADESYS")
    _carry_registration(header, layers)
    for keyword in dict.fromkeys((telescope.header["exptime"], "EXPTIME")):
        set_keyword(header, keyword, whole.exptime_s, "[s] sum over all frames")
    if whole.airmass is not None:
        for keyword in dict.fromkeys((telescope.header["airmass"], "AIRMASS")):
            set_keyword(header, keyword, round(whole.airmass, 4), "mean over all frames")
    if target:
        for keyword in dict.fromkeys((telescope.header["object"], "OBJECT")):
            set_keyword(header, keyword, target, "target name given by the user")
    _write_detector(header, telescope, whole)
    set_keyword(header, "MIDTIMJD", whole.midtime_jd, OF_STACKS["COMBOJD"])
    values = {"COMBO_N": whole.n_frames, "COMBO_M": method, "COMOVE": str(bool(comoving))}
    values |= {"COMBOJD": whole.midtime_jd, "COMBOJD1": round(whole.start_jd, 8), "COMBOJD2": round(whole.end_jd, 8)}
    for keyword, value in values.items():
        set_keyword(header, keyword, value, OF_STACKS[keyword])
    header.add_history(f"PP: {method} of {len(layers)} frames, by SWarp:")
    for layer in layers:
        header.add_history(printable(f"PP: {layer.frame.name}")[:72])
    return header


def _template(first):
    header = first.copy()
    remove_wcs(header)
    gone = {keyword for keyword in header if keyword in LAYOUT or keyword in OF_ONE_FRAME or keyword in OF_STACKS}
    gone |= {keyword for keyword in header if SECTIONS.fullmatch(keyword)}
    for keyword in gone:
        header.remove(keyword, remove_all=True)
    return header


def _carry_registration(header, layers):
    """Put in which catalogue the frames were registered with, and the worst of their residuals."""
    headers = [layer.frame.header for layer in layers]
    catalogs = {str(each["REGCAT"]) for each in headers if "REGCAT" in each}
    if len(catalogs) == 1:
        set_keyword(header, "REGCAT", catalogs.pop(), "reference catalogue of the registration")
    for keyword in ("ASTRRMS1", "ASTRRMS2"):
        values = [float(each[keyword]) for each in headers if keyword in each]
        if values:
            set_keyword(header, keyword, max(values), "[deg] largest of the frames")


def _write_detector(header, telescope, whole):
    """Put gain, read noise and saturation level of the stack where the steps look for them; none that is unknown."""
    values = {"gain": (whole.gain, "[e-/ADU] effective"), "saturation": (whole.saturation, "[ADU] least of the frames")}
    for role, (value, comment) in values.items():
        names = dict.fromkeys((telescope.header.get(role, ""), {"gain": "GAIN", "saturation": "SATURATE"}[role]))
        for keyword in filter(None, names):
            header.remove(keyword, ignore_missing=True)
            if value is not None:
                set_keyword(header, keyword, round(value, 6), comment)
    for keyword in [keyword for keyword in READ_NOISE if keyword in header] or ["RDNOISE"]:
        header.remove(keyword, ignore_missing=True)
        if whole.read_noise is not None:
            set_keyword(header, keyword, round(whole.read_noise, 4), "[e-] effective")
