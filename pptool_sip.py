#!/usr/bin/env python3
"""Write the coordinates of registered frames in the form of SIP, for programs that read no other distortion.

reads   the WCS in the headers of the images
writes  IMAGE.wcs, a FITS header without pixels as other astrometric programs write it; images stay as they are

Examples:
  pptool_sip mscience*.fits
"""

from photometrypipeline.base import commandline


def build_parser():
    """Return the parser of the command line."""
    return commandline.parser_of(__doc__)


commandline.answer_at_once(build_parser)

# isort: split
import sys

import toolbox

from astropy.io import fits

from photometrypipeline.base.errors import FrameError
from photometrypipeline.base.files import replacing
from photometrypipeline.frames.wcskeywords import wcs_of
from photometrypipeline.registration import sip


def write_sip(frame):
    """Write IMAGE.wcs of a Frame; return by how much it deviates at most (arcsec).  Raises FrameError."""
    wcs = wcs_of(frame.header)
    if not wcs.has_celestial:
        raise FrameError(frame.path, "has no coordinates", "run pp_register on it first")
    header, deviation = sip.of_wcs(wcs, frame.size_px)
    header["COMMENT"] = f"WCS of {frame.name} as SIP, within {deviation:.2g} arcsec everywhere"
    with replacing(frame.path.with_name(f"{frame.stem}.wcs")) as path:
        fits.PrimaryHDU(header=header).writeto(path, overwrite=True)
    return deviation


@toolbox.command(build_parser)
def main(args, losses):
    for frame, deviation in toolbox.each(write_sip, toolbox.open_frames(args.images, losses), losses):
        toolbox.say(f"{frame.stem}.wcs: within {deviation:.2g} arcsec of the WCS in {frame.name}")


if __name__ == "__main__":
    sys.exit(main())
