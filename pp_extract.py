#!/usr/bin/env python3
"""Find and measure the sources in images, with Source Extractor.

reads   images from pp_prepare; the settings of their telescope
writes  IMAGE.ldac, one source list (FITS_LDAC) per image

Examples:
  pp_extract mscience*.fits
  pp_extract -snr 3 -minarea 12 -aprad 4.5 mscience0217.fits
"""

from photometrypipeline.base import commandline
from photometrypipeline.runs.stepoptions import ExtractOptions as Options


def build_parser():
    """Return the parser of the command line."""
    return commandline.parser_of(__doc__, Options)


commandline.answer_at_once(build_parser)

# isort: split
import contextlib
import functools
import logging
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import toolbox

import numpy as np

import pp_setup
from photometrypipeline.base.errors import UsageError
from photometrypipeline.base.files import replacing
from photometrypipeline.frames import ldac, wcskeywords
from photometrypipeline.frames.frame import Frame
from photometrypipeline.instruments import headers, telescopes
from photometrypipeline.instruments.dataset import telescope_of
from photometrypipeline.photometry import errorbars, masking, rings
from photometrypipeline.programs import astromatic

log = logging.getLogger("pp.extract")

COLUMNS = "singleaperture.sexparam"


@dataclass
class Extraction:
    """What was found in one frame: the Frame, its Telescope, and the SourceList that its .ldac file holds.

    ring_px : how wide the stars are where they are rings, since the telescope was out of focus
    n_sources : in the file, where `sources` are some of them
    """

    frame: Frame
    telescope: object
    sources: ldac.SourceList
    ring_px: float | None = None
    n_sources: int = -1

    def __post_init__(self):
        self.n_sources = len(self.sources) if self.n_sources < 0 else self.n_sources


def extract(frames, losses, options=Options(), bad=None):  # noqa: B008  it is frozen
    """Run Source Extractor on `frames`; returns the Extractions (list) of those that worked, others go to `losses`.

    bad : function of a Frame that returns which of its pixels are bad, as `run` takes them; None: all are good
    """

    def one(frame):
        instrument = telescopes.get(options.telescope) if options.telescope else telescope_of(frame)
        ring_px = run(frame, instrument, frame.ldac, options, bad(frame) if bad else None)
        return Extraction(frame, instrument, ldac.read(frame.ldac), ring_px)

    pairs = toolbox.sort_out(frames, toolbox.parallel(one, frames, options.jobs, "extract"), losses)
    if pairs and not options.quiet:
        numbers = [len(extraction.sources) for _, extraction in pairs]
        lines = [f"{number:6d} sources in {frame.name}" for number, (frame, _) in zip(numbers, pairs, strict=True)]
        toolbox.say_each(lines, f"{len(pairs)} frames with {min(numbers)} to {max(numbers)} sources")
    return [extraction for _, extraction in pairs]


def run(frame, telescope, output, options, bad=None):
    """Run Source Extractor on one Frame; `output` is complete or not there.  Raises ProgramError, FrameError.

    Returns how wide (px) its stars are if they are rings, which are then found on a smoothed copy; None otherwise.
    A list that is left from before is removed first: it must not pass for the result of a run that failed.
    bad : where the detector has bad pixels (bool), or None: the program gets a copy in which they are filled, as a
        source on a dead column would fall in two; sources that lose too much light to them have masking.BAD_PIXELS in
        FLAGS
    """
    output.unlink(missing_ok=True)
    radii_px = options.aprad or [telescope.aprad_default]
    bad = bad if bad is not None and bad.shape == frame.size_px[::-1] else None
    columns = columns_file(options.paramfile, len(radii_px))
    with replacing(output) as temporary, columns as parameters, masking.without_bad_pixels(frame, bad) as image:
        once = functools.partial(
            astromatic.extract,
            image,
            temporary,
            telescope,
            pp_setup.program_timeout_s,
            apertures_px=radii_px,
            parameters=parameters,
            mask=mask_of(frame, telescope),
            deblend=not options.nodeblending,
            ignore_saturation=options.ignore_saturation,
            filter=options.kernel,
        )
        ring_px = rings.told(frame.header)
        if ring_px is None:
            number = once(snr=options.snr, min_area=options.minarea)
            if not (options.kernel or options.paramfile):
                ring_px = rings.diameter_px(frame, ldac.read(temporary))
        if ring_px:
            snr, min_area = rings.least(ring_px, options.snr, options.minarea)
            with rings.smoothed(frame, ring_px, bad) as detection:
                number = once(snr=snr, min_area=min_area, detection=detection)
                narrow(temporary, ring_px)
        correct(temporary, frame, telescope)
        if bad is not None:
            mark(temporary, bad)
    log.info(
        "%s: %d sources extracted, snr %g, minarea %g, aperture radii %s px%s",
        frame.name,
        number,
        options.snr,
        options.minarea,
        ", ".join(f"{radius:g}" for radius in radii_px),
        f"; stars are rings of {ring_px:.0f} px: found on a smoothed image" if ring_px else "",
    )
    return ring_px


def narrow(path, ring_px):
    """Take the width of a ring for that of the sources that the smoothing has made wider."""
    sources = ldac.read(path)
    sources.table["FWHM_IMAGE"] = np.minimum(sources.table["FWHM_IMAGE"], np.float32(ring_px))
    ldac.write(path, sources)


def correct(path, frame, telescope):
    """Correct in a source list what Source Extractor cannot know.

    Errors of a resampled image, whose NOISEFAC tells what its pixels hide; places where the WCS has SIP terms.
    """
    factor, by_wcs = float(frame.header.get("NOISEFAC") or 1.0), wcskeywords.needs_astropy(frame.header)
    if factor == 1.0 and not by_wcs:
        return
    sources = ldac.read(path)
    if factor != 1.0:
        errorbars.correct_correlated(sources.table, factor, headers.gain_e_adu(frame, telescope))
        log.info("%s: background part of all errors times %.3f (NOISEFAC)", frame.name, factor)
    if by_wcs:
        pixels = sources.table["XWIN_IMAGE"], sources.table["YWIN_IMAGE"]
        ra, dec = wcskeywords.wcs_of(frame.header).all_pix2world(*pixels, 1)
        sources.table["XWIN_WORLD"], sources.table["YWIN_WORLD"] = np.mod(ra, 360.0), dec
        log.info("%s: places by the WCS that it came with", frame.name)
    ldac.write(path, sources)


def mark(path, bad):
    """Set masking.BAD_PIXELS in the FLAGS of those sources of a list that lose too much of their light."""
    sources = ldac.read(path)
    width, flags = (np.asarray(sources.table[name]) for name in ("FWHM_IMAGE", "FLAGS"))
    clean = (flags == 0) & (width > 0)
    if not clean.any():
        return
    places = (np.asarray(sources.table[name], dtype=float) for name in ("XWIN_IMAGE", "YWIN_IMAGE"))
    lost = masking.lost_fraction(bad, *places, float(np.median(width[clean]))) > masking.MOST_LOST
    if lost.any():
        sources.table["FLAGS"] = np.where(lost, flags | masking.BAD_PIXELS, flags).astype(flags.dtype)
        ldac.write(path, sources)


@contextlib.contextmanager
def columns_file(parameters, n_apertures):
    """Yield the path of the file that tells Source Extractor its columns: `parameters`, or that of the pipeline.

    For several apertures the pipeline's columns get as many elements: the program writes as many as the file asks for.
    """
    path = Path(parameters) if parameters else telescopes.setup_file(COLUMNS)
    if not path.is_file():
        raise UsageError(f"parameter file {path} does not exist")
    if parameters or n_apertures == 1:
        yield path.resolve()
        return
    with tempfile.NamedTemporaryFile("w", suffix=".sexparam") as several:
        several.write(re.sub(r"(?m)^(\w+_APER)\b", rf"\1({n_apertures})", path.read_text(encoding="utf-8")))
        several.flush()
        yield Path(several.name)


def mask_of(frame, telescope):
    """Return the Path of the mask for the binning of the frame, None if there is none."""
    if not telescope.mask_files:
        return None
    return telescope.masks.get(",".join(f"{factor:.0f}" for factor in headers.binning(frame, telescope)))


@toolbox.command(build_parser)
def main(args, losses):
    frames = toolbox.prepared_frames(args.images, losses)
    if args.dump_config:
        telescope = telescopes.get(args.telescope) if args.telescope else frames.telescope
        print(astromatic.effective_settings("Source Extractor", telescope))
        return None
    done = extract(frames, losses, Options.of(args).checked())
    return toolbox.OK if done else toolbox.FAILED


if __name__ == "__main__":
    sys.exit(main())
