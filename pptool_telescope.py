#!/usr/bin/env python3
"""Propose a telescope definition from a frame of a camera that the pipeline does not know.

Keywords are recognised by their names and by what they hold; scale, rotation, mirror image and true pointing are
measured by matching the stars of the frame with a catalogue; gain and saturation are estimated from the pixels.  What
was taken from where is printed, and what to check.  Frames stay as they are.

reads   images of one camera; of prepared ones what the pipeline has put into the header is passed over; stars of
        TYCHO2, GAIA, or a table of your own (-cat)
writes  KEY.toml in the folder of your own instruments, ~/.config/photometrypipeline/instruments (or below
        $XDG_CONFIG_HOME), unless -print; from then on the camera is known to all commands

Examples:
  pptool_telescope image0001.fits
  pptool_telescope -print image*.fits
  pptool_telescope -key HILLTOP -code 695 image0001.fits image0042.fits
"""

from photometrypipeline.base import commandline
from photometrypipeline.runs import stepoptions


def build_parser():
    """Return the parser of the command line."""
    parser = commandline.parser_of(__doc__, stepoptions.Jobs, stepoptions.Offline)
    parser.add_argument(
        "-cat",
        metavar="CATALOG",
        help="catalogue, or table of stars, to match with; `none`: the header alone (default: TYCHO2 and GAIA)",
    )
    parser.add_argument("-key", metavar="NAME", help="key of the definition (default: from the name of the camera)")
    parser.add_argument(
        "-code", metavar="MPC", help="station code of the Minor Planet Center (default: nearest station)"
    )
    parser.add_argument("-print", action="store_true", help="print the definition, write nothing")
    parser.add_argument("-force", action="store_true", help="replace the definition that this camera has")
    return parser


commandline.answer_at_once(build_parser)

# isort: split
import dataclasses
import functools
import logging
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import toolbox

import numpy as np
from astropy.io import fits

import pp_extract
import pp_prepare
from catalog import Catalog
from photometrypipeline.base import progress
from photometrypipeline.base.errors import CatalogError, FrameError, NotReachable, PipelineError, UsageError
from photometrypipeline.base.files import write_text
from photometrypipeline.base.services import Client
from photometrypipeline.catalogs import surveys
from photometrypipeline.catalogs.surveys import tycho2
from photometrypipeline.frames import ldac, wcskeywords
from photometrypipeline.frames.frame import Frame
from photometrypipeline.frames.hdus import flatten
from photometrypipeline.instruments import headers, pointings, telescopes
from photometrypipeline.newcamera import pixelfacts, proposal, recognise, skyview
from photometrypipeline.sky import obscodes, times

log = logging.getLogger("pp.telescope")

SEARCH = pp_extract.Options(snr=5.0, minarea=3, aprad=(3.0,), ignore_saturation=True)  # for what is matched
WIDE_DEG = 0.25  # half the diagonal of a field with enough stars of Tycho-2
LEAST_SOURCES = 8
LONGEST_S = 45.0  # that stars of a frame are looked for on the sky
WITHOUT_STARS = (
    "no catalogue to match with; -cat FILE takes a table of yours, -cat none what the header alone says; for Tycho-2, "
    f"which asks no service, {tycho2.HOW_TO_INSTALL}"
)
READ_BACK_DEG = 0.02  # by which the first guess may miss what was measured, besides the error of the pointing


def look(frame, stars, losses):
    """Return the FrameFacts of one Frame; `stars` is a Stars.  Raises FrameError."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.fits"
        copy.write_bytes(frame.path.read_bytes())
        flatten(copy)
        pixels = Frame(copy).read_pixels()
        plain = Path(folder) / "plain.fits"
        fits.PrimaryHDU(pixels).writeto(plain)
        sources = sources_of(Frame(plain))
    header = wcskeywords.before_pipeline(frame.header)
    reading = recognise.read(header)
    noise = reading.get("read_noise")
    facts = pixelfacts.measure(pixels, noise.value if noise else None, "BAYERPAT" in header)
    size = (pixels.shape[1], pixels.shape[0])
    x, y, flux, fwhm = sources
    view = None
    if len(x) < LEAST_SOURCES:
        losses.add(frame.name, f"has only {len(x)} sources, too few to find it on the sky")
    elif stars.asked:
        start = reading.get("time")
        jd = start.value if start else None
        looks = functools.partial(in_time, frame.name)
        view, tried = skyview.find((x, y, flux), size, reading, stars.of(jd), jd, headers.equinox(frame), looks)
        for line in tried:
            log.info("%s: tried %s", frame.name, line)
        if view is None:
            losses.add(frame.name, stars.why_not(reading))
        else:  # the altitude of the true place may tell something of the clock
            reading.judge_time(header, view.centre_deg)
    width = float(np.median(fwhm[np.argsort(-flux)[:60]])) if len(fwhm) else 3.0
    return proposal.FrameFacts(frame.name, header, size, reading, view, facts, width, len(x))


def in_time(name, looks):
    """Yield the looks at the sky for the frame `name`, the likeliest first, until LONGEST_S have gone."""
    began = time.monotonic()
    for done, look in enumerate(progress.bar(looks, f"{name}: places on the sky", unit="place")):
        if done and time.monotonic() - began > LONGEST_S:
            words = "%s: not found in %.0f s, at %d of the %d places and scales that its header may mean"
            advice = "a pixel scale in its header (SECPIX) makes them fewer"
            log.warning("%s; %s", words % (name, LONGEST_S, done, len(looks)), advice)
            return
        yield look


def sources_of(frame):
    """Return (x_px, y_px, flux, fwhm_px), arrays, of the sources of a frame without a header of its own."""
    generic = dataclasses.replace(telescopes.get("GENERIC"), saturation=None, gain=None)
    pp_extract.run(frame, generic, frame.ldac, SEARCH)
    table = ldac.read(frame.ldac).table
    columns = [np.asarray(table[name], dtype=float) for name in ("XWIN_IMAGE", "YWIN_IMAGE", "FLUX_AUTO", "FWHM_IMAGE")]
    good = np.all(np.isfinite(columns), axis=0) & (columns[2] > 0)
    return [column[good] for column in columns]


class Stars:
    """Catalogues to match with, asked one after the other; what could not be asked is remembered."""

    def __init__(self, names, client, folder):
        self.names, self.client, self.folder = names, client, folder
        self.asked = "none" not in names
        self.failures, self.known = {}, {}

    def of(self, jd):
        """Return fetch(ra_deg, dec_deg, radius_deg, mag_limit), which yields (name, ra, dec, mag) for the time `jd`."""

        def fetch(ra_deg, dec_deg, radius_deg, mag_limit):
            for name in self._order(radius_deg):
                catalog = self._fetch(name, ra_deg, dec_deg, radius_deg, mag_limit)
                if catalog is not None and len(catalog):
                    catalog = catalog.at_epoch(times.julian_epoch(jd)) if jd else catalog
                    yield catalog.name, *(catalog.values(column) for column in ("ra_deg", "dec_deg", "mag"))

        return fetch

    def _order(self, radius_deg):
        if self.names:
            return self.names
        wide = radius_deg > WIDE_DEG + skyview.REACHES_DEG[0]
        names = ("TYCHO2", "GAIA") if wide else ("GAIA",)
        return [name for name in names if surveys.canonical(name)]

    def _fetch(self, name, *cone):
        cone = tuple(round(value, 3) for value in cone)
        if (name, cone) in self.known:
            return self.known[name, cone]
        try:
            found = Catalog.fetch(name, *cone, client=self.client, data_folder=self.folder)
        except (NotReachable, CatalogError) as error:
            self.failures[name] = error
            log.info("%s: %s", name, error)
            found = None
        self.known[name, cone] = found
        return found

    def why_not(self, reading):
        """Return in words why a frame was not found among the stars.  Raises NotReachable if there were none."""
        unreachable = [error for error in self.failures.values() if isinstance(error, NotReachable)]
        if unreachable and not any(found is not None and len(found) for found in self.known.values()):
            log.error("%s", WITHOUT_STARS)
            raise unreachable[0]
        if not reading.places:
            return "does not give its pointing: its stars cannot be matched; add RA and DEC to its header"
        failures = "; ".join(str(error) for error in self.failures.values())
        return (
            "its stars match no position that its header may mean"
            + (f" ({failures})" if failures else "")
            + "; check its pointing, or take a frame with more stars"
        )


def tell(proposed, frames):
    """Print what was measured, what was taken from where, and what to check."""
    for facts in frames:
        view = facts.view
        if view is None:
            toolbox.say(f"{facts.name}: {facts.n_sources} sources, not found on the sky")
            continue
        turn = f"rotation {view.rotate_deg:+.2f} deg, {'mirrored' if view.mirrored else 'not mirrored'}"
        scale = " x ".join(f"{each:.4f}" for each in view.scale_arcsec)
        toolbox.say(
            f"{facts.name}: {view.n_matched} of {facts.n_sources} sources are stars of {view.catalog}: centre "
            f"{view.centre_deg[0]:.4f} {view.centre_deg[1]:+.4f}, {scale} arcsec/px, {turn}, "
            f"{offset(view)} (log odds {view.log_odds:.0f})"
        )
    width = max(len(f"{key} = {value}") for key, value, _ in proposed.lines)
    for key, value, comment in [*proposed.lines, *(line for lines in proposed.tables.values() for line in lines)]:
        toolbox.say(f"  {f'{key} = {value}':{min(width, 60)}}  {comment}".rstrip())
    if proposed.checks:
        toolbox.say("Please check:")
    for check in proposed.checks:
        toolbox.say(f"  - {check}")


def offset(view):
    """Return in words how far a frame is from where its header says that it is."""
    if view.place is None:
        return "found on the whole sky"
    apart = f"{view.offset_deg:.1f} deg" if view.offset_deg > 2 else f"{view.offset_deg * 60:.1f} arcmin"
    return f"{apart} from the header's pointing" + (f", if {view.mistake.text}" if view.mistake else "")


def own_definition(header):
    """Return the Path of the file of the user's that a camera with this header is defined in, None without one."""
    try:
        telescope = telescopes.identify(header)
    except PipelineError:
        return None
    path = Path(telescope.origin)
    packaged = path.is_relative_to(telescopes.SETUP_FOLDER)
    return path if path.suffix == ".toml" and path.stem == telescope.key and not packaged else None


def save(proposed, title, force, own=None):
    """Write the definition into the user's folder; returns its Path.  Raises UsageError if there is one already.

    own : Path of the definition that the camera has, which `force` replaces
    """
    folder = telescopes.user_folder() / "instruments"
    path = own if own and own.stem == proposed.key else folder / f"{proposed.key}.toml"
    if path.exists() and not force:
        raise UsageError(f"{path} exists; -force replaces it, -key NAME writes another")
    if own and own != path and force:
        own.replace(own.with_name(f"{own.name}.old"))
        toolbox.say(f"{own} is {own.name}.old now: this camera has one definition")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, proposed.text(title))
    return path


def read_back(proposed, facts, path):
    """Return what is wrong with the written definition, '' if it is found by header and reads the frame it comes from.

    Raises PipelineError, the definition taken away, if it cannot even be loaded.
    """
    try:
        telescope = telescopes.get(proposed.key)
    except PipelineError:
        path.unlink()
        raise
    header = facts.header.copy()
    found = telescopes.identify(header, None if proposed_identifies(proposed) else proposed.key)
    if found.key != proposed.key:
        return f"this camera is found as {found.key}: use -telescope {proposed.key}, or remove the other definition"
    frame = Frame(facts.name)
    frame.header = header
    view = facts.view
    if view is None or not telescope.pixel_scale:
        return ""
    options = {"ra_deg": None, "dec_deg": None, "flip_x": False, "flip_y": False, "rotate_deg": 0.0, "target": None}
    try:
        pp_prepare.prepare_header(frame, telescope, **options, keep_wcs=False)
    except FrameError as error:
        return f"with this definition pp_prepare cannot read the frame: {error}"
    off = pointings.separation(frame.header["CRVAL1"], frame.header["CRVAL2"], *view.centre_deg)
    expected = 0.0 if view.mistake else view.offset_deg
    if off > expected + READ_BACK_DEG and off > 1.0:
        return (
            f"with this definition pp_prepare places the frame {off:.2f} degrees from where it points: check header.ra"
        )
    return ""


def proposed_identifies(proposed):
    """Return whether the definition has an identifier."""
    return ("identifiers", "[]") not in [(key, value) for key, value, _ in proposed.lines]


@toolbox.command(build_parser)
def main(args, losses):
    if args.code and not obscodes.is_known(args.code):
        raise UsageError(f"-code {args.code}: no station of the Minor Planet Center has this code")
    if args.key and not args.key.isidentifier():
        raise UsageError(f"-key {args.key}: letters, digits and _ only")
    frames = toolbox.open_frames(args.images, losses)
    stars = Stars([args.cat] if args.cat else [], Client(args.offline), frames[0].path.parent)
    results = toolbox.parallel(lambda frame: look(frame, stars, losses), frames, args.jobs, "look")
    facts = [each for _, each in toolbox.sort_out(frames, results, losses)]
    if not facts:
        raise PipelineError("none of the frames can be used")
    known, own = set(telescopes.load().telescopes), own_definition(facts[0].header)
    if own and not (args.force or args.key or args.print):
        raise UsageError(f"this camera is defined in {own} already; -force replaces it, -key NAME writes another")
    key = args.key or (own.stem if own and args.force else None)
    proposed = proposal.propose(facts, known, key, args.code)
    more = f" and {len(facts) - 1} more" if len(facts) > 1 else ""
    title = [f"{proposed.key}: proposed by pptool_telescope from {facts[0].name}{more}, {datetime.now(UTC):%Y-%m-%d}"]
    if args.print:
        print(proposed.text(title), end="")
        return
    tell(proposed, facts)
    if stars.asked and all(each.view is None for each in facts):
        raise PipelineError(
            "scale and orientation could not be measured, nothing is written; take a frame with more stars and a right"
            " pointing; or -cat none writes what the header alone says, for you to complete"
        )
    path = save(proposed, title, args.force, own)
    warning = read_back(proposed, facts[0], path)
    if warning:
        log.warning("%s", warning)
    toolbox.say(f"{path} written; pp_run knows this camera as {proposed.key} now")


if __name__ == "__main__":
    sys.exit(main())
