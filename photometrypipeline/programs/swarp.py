"""SWarp: its argument list, the headers that it reads next to the images, and a look at what it wrote."""

import logging
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from photometrypipeline.base import cdmatrix
from photometrypipeline.base.errors import ProgramError
from photometrypipeline.frames.wcskeywords import wcs_of
from photometrypipeline.instruments.telescopes import setup_file
from photometrypipeline.programs.choices import METHODS
from photometrypipeline.programs.external import find_program, run_program

log = logging.getLogger("pp.swarp")

HEADER_SUFFIX = ".head"  # ours, in the folder of the call; those next to the user's frames are never seen
OUTPUT, WEIGHT = "stack.fits", "stack.weight.fits"
PV_TERMS = {1: (0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22)}  # without those in r
PV_POWERS = [(n - k, k) for n in range(6) for k in range(n + 1)]  # of (x, y), in the order of the PV numbers
GRID = 25  # places along each side of a frame at which its distortion is sampled
WORST_FIT_PX = 0.02  # of a distortion that has to be brought into SWarp's form


def settings(method, backsub):
    """Return the settings (dict) that a kind of stack means, on top of the instrument's."""
    return {
        "COMBINE": "Y",
        "RESAMPLE": "Y",
        "COMBINE_TYPE": METHODS[method],
        "SUBTRACT_BACK": "Y",  # the map of each frame with -backsub, else its one level, which the stack gets back
        "BACK_TYPE": "AUTO" if backsub else "MANUAL",
        "CENTER_TYPE": "MOST",
        "INTERPOLATE": "Y",
        "DELETE_TMPFILES": "Y",
        "WRITE_XML": "N",
    }


def arguments(images, telescope, *, method, backsub, levels, weights, jobs, keep=False):
    """Return the SWarp command line (list of str); it is to be run in the folder of the images.

    images : names;  levels : sky level of each, ADU
    weights : for each the name of its weight image, or None;  keep : the resampled frames, for `resampled`
    """
    call = [find_program("SWarp"), *images, "-c", telescope.swarp_file or setup_file("pipeline.swarp")]
    wanted = {**telescope.swarp, **settings(method, backsub)}
    wanted["DELETE_TMPFILES"] = "N" if keep else "Y"
    if not backsub:
        wanted["BACK_DEFAULT"] = ",".join(f"{level:.4f}" for level in levels)
    wanted["WEIGHT_TYPE"] = "NONE"
    if any(weights):
        wanted["WEIGHT_TYPE"] = ",".join("MAP_WEIGHT" if weight else "NONE" for weight in weights)
        wanted["WEIGHT_IMAGE"] = ",".join(weight for weight in weights if weight)
    wanted |= {
        "IMAGEOUT_NAME": OUTPUT,
        "WEIGHTOUT_NAME": WEIGHT,
        "RESAMPLE_DIR": ".",
        "VMEM_DIR": ".",
        "HEADER_SUFFIX": HEADER_SUFFIX,
        "GAIN_KEYWORD": "GAIN",  # as write_head has it
        "SATLEV_KEYWORD": "SATURATE",
        "FSCALE_KEYWORD": "FLXSCALE",
        "COPY_KEYWORDS": "OBJECT",  # all others come from pp_combine, also those that SWarp cannot copy
        "VERBOSE_TYPE": "NORMAL",
        "NTHREADS": jobs,
    }
    for name, value in wanted.items():
        call += [f"-{name}", value]
    return [str(argument) for argument in call]


def run(folder, images, telescope, timeout_s, **options):
    """Combine `images` (names in `folder`); returns (pixels float32, covered bool, fits.Header) of the stack.

    covered : False where no frame has a value.  Raises ProgramError.
    """
    folder = Path(folder)
    call = arguments(images, telescope, **options)
    # names relative to the folder: SWarp splits paths at commas and blanks
    outputs = [folder / OUTPUT, folder / WEIGHT]
    run_program(call, outputs, cwd=folder, timeout_s=timeout_s)
    return _read(*outputs)


def resampled(folder, name):
    """Return (pixels float32, covered bool, fits.Header) of the frame `name`.fits on the grid of a stack just made."""
    return _read(*(Path(folder) / f"{name}.resamp{kind}.fits" for kind in ("", ".weight")))


def _read(image, weight):
    try:
        pixels, header = fits.getdata(image, header=True)
        covered = fits.getdata(weight) > 0
    except (OSError, TypeError, ValueError) as error:
        raise ProgramError(f"SWarp wrote no image that can be read ({error})") from None
    missing = [keyword for keyword in cdmatrix.LINEAR if keyword not in header]
    if missing or pixels is None or not covered.any():
        raise ProgramError(
            "SWarp wrote an image without "
            + (", ".join(missing) if missing else "any pixel that a frame covers")
            + "; do the frames show the same field, and are they registered?"
        )
    return np.asarray(pixels, dtype=np.float32), covered, header


def write_head(path, header, size_px, *, crval_deg, gain, saturation, scale):
    """Write the .head file that tells SWarp all it needs of one frame; what stands in the frame itself does not count.

    crval_deg : reference point (RA, Dec), that of the frame or one moved along with a target
    gain : e-/ADU, None if unknown;  saturation : ADU, or None;  scale : factor on the pixels
    """
    cards = solution(header, size_px)
    cards["CRVAL1"], cards["CRVAL2"] = (float(value) for value in crval_deg)
    cards["GAIN"] = float(gain or 0.0)
    cards["SATURATE"] = float(saturation or 1e30)
    cards["FLXSCALE"] = float(scale)
    lines = [str(card).rstrip() for card in cards.cards]
    Path(path).write_text("\n".join([*lines, "END"]) + "\n", encoding="ascii")


def solution(header, size_px):
    """Return the WCS of a frame as SWarp understands it (fits.Header): TAN, with PV terms if it is distorted.

    SWarp 2.41 reads PV terms behind TAN or TPV, and silently ignores SIP: any other distortion is fitted by PV terms.
    """
    wcs = wcs_of(header)
    cards = fits.Header([("CTYPE1", "RA---TAN"), ("CTYPE2", "DEC--TAN"), ("CUNIT1", "deg"), ("CUNIT2", "deg")])
    for axis in (1, 2):
        cards[f"CRVAL{axis}"] = float(wcs.wcs.crval[axis - 1])
        cards[f"CRPIX{axis}"] = float(wcs.wcs.crpix[axis - 1])
    cards.update(cdmatrix.cards(wcs.pixel_scale_matrix))
    cards["EQUINOX"] = float(header.get("EQUINOX") or 2000.0)
    cards["RADESYS"] = str(header.get("RADESYS") or header.get("RADECSYS") or "ICRS").strip()
    kinds = {ctype[4:].strip("-") for ctype in wcs.wcs.ctype}
    if wcs.sip is None and kinds <= {"TAN", "TPV"}:
        for keyword in (keyword for keyword in header if keyword.startswith(("PV1_", "PV2_"))):
            cards[keyword] = float(header[keyword])
        return cards
    for keyword, value in fitted_distortion(wcs, cards, size_px).items():
        cards[keyword] = value
    return cards


def fitted_distortion(wcs, linear, size_px):
    """Return PV keywords (dict) of fifth order that put pixels where `wcs` does, with the linear terms of `linear`.

    Definition of the terms: Shupe et al. (2012), "More flexibility in representing geometric distortion", SPIE 8451.
    """
    x, y = (axis.ravel() for axis in np.meshgrid(*(np.linspace(0.5, n + 0.5, GRID) for n in size_px)))
    places = wcs.all_pix2world(x, y, 1)
    plane = WCS(linear, fix=False)
    plane.wcs.crpix, plane.wcs.cd = [0.0, 0.0], np.identity(2)  # then its pixels are degrees in the tangent plane
    plane.wcs.set()
    target = plane.wcs_world2pix(*places, 1)
    matrix = cdmatrix.of(linear)
    first = matrix @ np.array([x - linear["CRPIX1"], y - linear["CRPIX2"]])
    unit = np.abs(first).max()
    result, residual = {}, 0.0
    for axis, (u, v) in ((1, first / unit), (2, (first / unit)[::-1])):
        terms = np.column_stack([u**i * v**j for i, j in PV_POWERS])
        coefficients = np.linalg.lstsq(terms, target[axis - 1], rcond=None)[0]
        residual = max(residual, np.abs(terms @ coefficients - target[axis - 1]).max())
        for number, (i, j), value in zip(PV_TERMS[1], PV_POWERS, coefficients, strict=True):
            result[f"PV{axis}_{number}"] = float(value / unit ** (i + j))
    scale = np.sqrt(abs(np.linalg.det(matrix)))
    if residual / scale > WORST_FIT_PX:
        log.warning(
            "the distortion of a frame is converted to SWarp's form with errors of up to %.2f px", residual / scale
        )
    return result
