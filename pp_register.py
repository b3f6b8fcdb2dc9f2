#!/usr/bin/env python3
"""Register images: find their astrometric solution against a catalogue of stars, with SCAMP.

reads   images from pp_prepare; reference stars from the local store, or VizieR
writes  the WCS into the header of each image that could be registered; CATALOG.cat, registration_succeeded.lst,
        registration_failed.lst, best_astrometry.dat, astrometry_scamp.xml; IMAGE.ldac

Examples:
  pp_register mscience*.fits
  pp_register -cat GAIA-DR2 -snr 5 -source_tolerance medium mscience*.fits
  pp_register -cat mystars.csv mscience*.fits
"""

import toolbox

# isort: split
import functools
import logging
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

import diagnostics
import pp_extract
import pp_setup
from catalog import Catalog, canonical_name
from photometrypipeline import astromatic, astrometry, sky, telescopes, times, wcskeywords
from photometrypipeline.errors import CatalogError, NotReachable, ProgramError
from photometrypipeline.files import safe_name, write_text
from photometrypipeline.services import Client

log = logging.getLogger("pp.register")

SEPARATION_LIMIT_DEG = 5.0  # fields further apart are different fields
LEAST_SNR = 3.0  # of sources for SCAMP
WORK = ".diagnostics"  # where the .head files end
FILES = ("registration_succeeded.lst", "registration_failed.lst", "best_astrometry.dat", "astrometry_scamp.xml")


@dataclass(frozen=True)
class Search:
    """How SCAMP looks for the match: around the given orientation only (`narrow`), how finely (px; None: as it likes).

    Its own choice follows the errors of the catalogue; with those of Gaia it takes 5 s per frame, a hundred times
    as long as at the resolution of a pixel.
    """

    name: str
    narrow: bool
    resolution_px: float | None


NARROW = Search("narrow search", True, 1.0)
WIDE = (Search("wide search", False, 1.0), Search("wide and fine search", False, None))


@dataclass
class Registration:
    """Outcome: the Frames that are registered and those that are not, {name: Verdict}, and the catalogue's name."""

    registered: list
    failed: list
    verdicts: dict
    catalog: str | None = None


@dataclass
class Attempt:
    """State of the work: extractions in question, first guesses, and what has been solved so far, all by frame name."""

    extractions: list
    guesses: dict
    solved: dict = field(default_factory=dict)
    verdicts: dict = field(default_factory=dict)
    catalogs: dict = field(default_factory=dict)

    def open(self):
        """Return the extractions that are not solved yet."""
        return [each for each in self.extractions if each.frame.name not in self.solved]


@toolbox.stamped("register", lambda done: (done.registered, FILES, {"failed": len(done.failed)}))
def register(
    frames,
    losses,
    *,
    catalogs=None,
    snr=None,
    min_area=None,
    source_tolerance=None,
    deblend=True,
    offline=False,
    jobs=1,
):
    """Register `frames`; returns a Registration.  Frames that stay without a solution keep their first guess.

    catalogs : names or paths, default the telescope's;  snr, min_area, source_tolerance : default the telescope's
    Raises NotReachable if no catalogue could be had at all.
    """
    telescope = telescopes.identify(frames[0].header)
    mask = astromatic.FLAG_MASKS[source_tolerance or telescope.source_tolerance]
    verdicts, extracted = {}, []
    toolbox.say(f"extracting sources of {len(frames)} frames for the registration")
    found = pp_extract.extract(
        frames, losses, snr=snr or telescope.snr, min_area=min_area or telescope.min_area, deblend=deblend, jobs=jobs
    )
    for extraction in found:
        reason = unusable(extraction, mask)
        if reason:
            verdicts[extraction.frame.name] = astrometry.Verdict(
                extraction.frame.name, reason, n_sources=len(extraction.sources)
            )
        else:
            extracted.append(extraction)
    extracted = drop_other_fields(extracted, verdicts)
    attempt = Attempt(extracted, {each.frame.name: each.frame.header.copy() for each in extracted})
    if extracted:
        try_catalogs(attempt, catalogs or telescope.astrometry_catalogs, telescope, mask, offline)
    verdicts |= attempt.verdicts
    return finish(frames, attempt, verdicts, telescope, losses)


def unusable(extraction, mask):
    """Return why a frame cannot be registered at all (str), or None."""
    number = len(extraction.sources)
    if number <= pp_setup.min_sources_frame:
        return f"too few sources ({number}, more than {pp_setup.min_sources_frame} are needed)"
    usable = len(trimmed(extraction, mask))
    if usable < astrometry.MIN_MATCHED:
        return f"too few sources that SCAMP can use ({usable} of {number} are bright and unflagged enough)"
    return None


def trimmed(extraction, mask):
    """Return the SourceList that SCAMP gets."""
    return astromatic.trim_for_scamp(extraction.sources, mask, pp_setup.scamp_max_sources, LEAST_SNR)


def unflagged(extraction):
    """Return (ra_deg, dec_deg) of the unflagged sources of a frame, or of all if there are none."""
    sources = extraction.sources
    clean = np.asarray(sources.table["FLAGS"]) == 0
    clean = clean if clean.any() else np.ones(len(sources), dtype=bool)
    return sources.ra_deg[clean], sources.dec_deg[clean]


def drop_other_fields(extractions, verdicts):
    """Return the extractions of the field with the most sources; frames more than 5 deg away get a verdict."""
    if not extractions:
        return []
    centres = [sky.mean_direction(*unflagged(each)) for each in extractions]
    keep = sky.largest_field(centres, [len(each.sources) for each in extractions], SEPARATION_LIMIT_DEG)
    for extraction, kept in zip(extractions, keep, strict=True):
        if not kept:
            name = extraction.frame.name
            verdicts[name] = astrometry.Verdict(
                name, "separate field, more than 5 degrees from the others", n_sources=len(extraction.sources)
            )
    return [extraction for extraction, kept in zip(extractions, keep, strict=True) if kept]


def try_catalogs(attempt, names, telescope, mask, offline):
    """Register what can be registered with the catalogues `names`, one after the other; changes `attempt`."""
    ra, dec, radius = sky.skycenter([unflagged(each) for each in attempt.extractions])
    epoch = times.julian_epoch(np.mean([each.frame.number("MIDTIMJD") for each in attempt.extractions]))
    client, failures = Client(offline=offline), []
    for name in dict.fromkeys(names):
        try:
            catalog = Catalog.fetch(
                name,
                ra,
                dec,
                radius + telescope.search_radius,
                telescope.max_mag,
                client=client,
                data_folder=Path.cwd(),
            )
        except NotReachable as error:
            log.warning("catalogue %s: %s", name, error)
            failures.append(error)
            continue
        catalog = catalog.astrometric().at_epoch(epoch)
        log.info(
            "%d stars of %s within %.3f deg of RA %.5f, Dec %.5f for the registration",
            len(catalog),
            catalog.release,
            radius + telescope.search_radius,
            ra,
            dec,
        )
        if len(catalog) < pp_setup.min_sources_astrometric_catalog:
            failures.append(CatalogError(f"{name} has only {len(catalog)} stars in this field"))
            log.warning("%s; %s", failures[-1], "next catalogue")
            continue
        reference = Path.cwd() / f"{safe_name(catalog.name)}.cat"
        catalog.write_reference(reference, epoch)
        use_catalog(attempt, catalog, reference, telescope, mask)
        if not attempt.open():
            return
    unreachable = [error for error in failures if isinstance(error, NotReachable)]
    if unreachable and len(failures) == len(dict.fromkeys(names)):
        raise unreachable[0]
    for extraction in attempt.open():
        name = extraction.frame.name
        attempt.verdicts.setdefault(
            name,
            astrometry.Verdict(
                name, str(failures[-1]) if failures else "no catalogue", n_sources=len(extraction.sources)
            ),
        )


def use_catalog(attempt, catalog, reference, telescope, mask):
    """Run SCAMP with one catalogue until all frames are solved: quickly first, thoroughly where that does not do."""
    known_orientation = telescope.key != "GENERIC"
    for search in [NARROW] * known_orientation + list(WIDE[: pp_setup.n_registration_repetitions]):
        toolbox.say(f"registering {len(attempt.open())} frames on {catalog.name}, {search.name}")
        try:
            run_once(attempt, attempt.extractions, catalog, reference, telescope, mask, search)
        except ProgramError as error:
            log.warning("%s", error)
            for extraction in attempt.open():
                name = extraction.frame.name
                attempt.verdicts[name] = astrometry.Verdict(name, str(error), n_sources=len(extraction.sources))
        if not attempt.open():
            return
        attempt.guesses = astrometry.improve_guesses(attempt.guesses, attempt.solved)


def run_once(attempt, extractions, catalog, reference, telescope, mask, search):
    """Run SCAMP once and take over the solutions that stand the test.

    Frames without a match disturb the common distortion of the others: where some failed, those that matched are solved
    again without them.
    """
    verdicts, solutions = solve(attempt, extractions, catalog, reference, telescope, mask, search)
    good = [each for each in extractions if verdicts[each.frame.name].registered]
    if good and len(good) < len(extractions):
        again, solutions = solve(attempt, good, catalog, reference, telescope, mask, search)
        verdicts |= again
    for name, verdict in verdicts.items():
        if name not in attempt.solved:
            attempt.verdicts[name] = verdict
            if verdict.registered:
                attempt.solved[name] = solutions[name]
                attempt.catalogs[name] = catalog.name


def solve(attempt, extractions, catalog, reference, telescope, mask, search):
    """Run SCAMP on `extractions`; returns ({name: Verdict}, {name: Header of the solution}).  Raises ProgramError."""
    names = [each.frame.name for each in extractions]
    folder = Path.cwd() / WORK
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="scamp_", dir=folder) as work:
        lists = [Path(work) / f"{number:05d}.ldac" for number in range(len(extractions))]
        for path, each in zip(lists, extractions, strict=True):
            astromatic.write_for_scamp(path, trimmed(each, mask), attempt.guesses[each.frame.name])
            bring_extra_header(each.frame, path)
        numbers = astromatic.run_scamp(
            lists,
            reference,
            telescope,
            mask,
            work,
            pp_setup.scamp_timeout_s,
            narrow=search.narrow,
            extra=scamp_extras(telescope, extractions, search),
        )
        solutions = {
            name: astromatic.read_head(path.with_suffix(".head")) for name, path in zip(names, lists, strict=True)
        }
        for each, path in zip(extractions, lists, strict=True):
            path.with_suffix(".head").replace(folder / f"{each.frame.stem}.head")
        (Path(work) / "scamp_output.xml").replace(Path.cwd() / "astrometry_scamp.xml")
    stars = np.asarray(catalog.table["ra_deg"], dtype=float), np.asarray(catalog.table["dec_deg"], dtype=float)
    limits = {
        "as_contrast": pp_setup.scamp_as_contrast_limit,
        "xy_contrast": pp_setup.scamp_xy_contrast_limit,
        "scale_factor": float(telescope.scamp.get("PIXSCALE_MAXERR", 1.1)),
        "chance": pp_setup.registration_chance_limit,
    }
    verdicts = {}
    for each, found in zip(extractions, numbers, strict=True):
        name, sources = each.frame.name, trimmed(each, mask)
        verdicts[name] = astrometry.judge(
            name, solutions[name], found, sources, stars, each.frame.number("SECPIXX"), limits
        )
        log.info("%s: %s", name, verdicts[name])
    return verdicts, solutions


def bring_extra_header(frame, path):
    """Put a user's `<stem>.ahead`, which SCAMP looks for beside the source list, where it will find it."""
    ahead = frame.path.with_suffix(".ahead")
    if ahead.exists():
        path.with_suffix(".ahead").write_bytes(ahead.read_bytes())


def scamp_extras(telescope, extractions, search):
    """Return settings (dict) that depend on the data: cross-identification within a pixel where pixels are large."""
    scale = max(each.frame.number("SECPIXX") for each in extractions)
    extras = (
        {}
        if "CROSSID_RADIUS" in telescope.scamp or telescope.scamp_file
        else {"CROSSID_RADIUS": f"{max(1.0, scale):g}"}
    )
    if search.resolution_px:
        extras["MATCH_RESOL"] = f"{search.resolution_px * scale:.4g}"
    if (Path.cwd() / "scamp.ahead").exists():
        extras["AHEADER_GLOBAL"] = str(Path.cwd() / "scamp.ahead")
    return extras


def finish(frames, attempt, verdicts, telescope, losses):
    """Write solutions into the frames, the files and the record of the step; returns the Registration."""
    registered, failed = [], []
    for frame in frames:
        verdict = verdicts.setdefault(frame.name, astrometry.Verdict(frame.name, "no sources could be extracted"))
        if verdict.registered:
            wcskeywords.write_solution(frame.header, attempt.solved[frame.name], attempt.catalogs[frame.name])
            frame.header["TEL_KEYW"] = telescope.key
            frame.save()
            registered.append(frame)
        else:
            losses.add(frame.name, f"not registered: {verdict.reason}")
            failed.append(frame)
        if (
            verdict.registered
            and 0 in (verdict.sigma_ra_arcsec, verdict.sigma_dec_arcsec)
            and min(verdict.as_contrast, verdict.xy_contrast) < astrometry.SUSPICIOUS_CONTRAST
        ):
            log.warning("%s: residuals of exactly 0 at low contrast, look at its solution", frame.name)
    catalog = next(iter(attempt.catalogs.values()), None)
    write_files(registered, failed, verdicts)
    limits = {"as": pp_setup.scamp_as_contrast_limit, "xy": pp_setup.scamp_xy_contrast_limit}
    rows = [{**asdict(verdicts[frame.name]), "registered": verdicts[frame.name].registered} for frame in frames]
    diagnostics.record("register", {"catalog": catalog, "skipped": False, "limits": limits, "frames": rows})
    toolbox.box(
        [
            f"{len(registered)}/{len(frames)} images have been registered successfully"
            + (f" on {catalog}" if catalog else "")
        ]
    )
    return Registration(registered, failed, verdicts, catalog)


def write_files(registered, failed, verdicts):
    """Write the lists of images and best_astrometry.dat."""
    for path, frames in (("registration_succeeded.lst", registered), ("registration_failed.lst", failed)):
        write_text(path, "".join(f"{frame.path}\n" for frame in frames))
    lines = ["# filename AS_contrast XY_contrast Chi2_catalog Chi2_int Pos_uncertainty(arcsec)"]
    for frame in [*registered, *failed]:
        row = verdicts[frame.name]
        sigma = np.hypot(row.sigma_ra_arcsec, row.sigma_dec_arcsec)
        lines.append(
            f"{frame.name:>25} {row.as_contrast:5.2f} {row.xy_contrast:5.2f} "
            f"{row.chi2_reference:10.7f} {row.chi2_internal:10.7f} {sigma:7.4f}"
        )
    write_text("best_astrometry.dat", "\n".join(lines) + "\n")


def build_parser():
    parser = toolbox.make_parser(__doc__, offline=True)
    parser.add_argument(
        "-snr", type=float, metavar="SIGMA", help="detection threshold in sigma (default: the telescope's, usually 3)"
    )
    parser.add_argument(
        "-minarea", type=float, metavar="PX", help="least number of connected pixels (default: the telescope's)"
    )
    parser.add_argument(
        "-cat",
        metavar="NAME",
        help="reference catalogue, or the path of your own table (default: the telescope's list)",
    )
    parser.add_argument(
        "-source_tolerance",
        choices=list(astromatic.FLAG_MASKS),
        help="flagged sources to admit (default: the telescope's, usually high)",
    )
    parser.add_argument("-nodeblending", action="store_true", help="do not split blended sources")
    parser.add_argument("-dump_config", action="store_true", help="print all settings that SCAMP would get, and stop")
    return parser


@toolbox.command(build_parser, functools.partial(diagnostics.show_failure, "register"))
def main(args, losses):
    catalogs = [canonical_name(args.cat)] if args.cat else None
    frames = toolbox.prepared_frames(args.images, losses)
    if args.dump_config:
        print(astromatic.effective_settings("SCAMP", telescopes.identify(frames[0].header)))
        return None
    done = register(
        frames,
        losses,
        catalogs=catalogs,
        snr=args.snr,
        min_area=args.minarea,
        source_tolerance=args.source_tolerance,
        deblend=not args.nodeblending,
        offline=args.offline,
        jobs=args.jobs,
    )
    diagnostics.render()
    return toolbox.OK if done.registered else toolbox.FAILED


if __name__ == "__main__":
    sys.exit(main())
