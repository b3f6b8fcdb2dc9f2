#!/usr/bin/env python3
"""Calibrate instrumental magnitudes against a catalogue of reference stars.

reads   IMAGE.ldac from pp_photometry; reference stars from the local store, or VizieR
writes  IMAGE.ldac.db, one SQLite database per image; IMAGE_cal.dat, the matched stars; CATALOG.cat

Examples:
  pp_calibrate mscience*.fits
  pp_calibrate -catalog SDSS-R9 -minstars 20 -solar mscience*.fits
  pp_calibrate -instrumental mscience*.fits
"""

import toolbox

# isort: split
import functools
import logging
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.table import Table

import diagnostics
import pp_setup
from catalog import Catalog, canonical_name
from photometrypipeline import errorbars, framedb, headers, ldac, matching, sky, telescopes, times
from photometrypipeline.errors import CatalogError, FrameError, NotReachable, PipelineError, TooFewStars, UsageError
from photometrypipeline.files import replacing, safe_name
from photometrypipeline.services import Client
from photometrypipeline.zeropoint import LEAST_REFERENCE_ERROR, fit_zeropoint

log = logging.getLogger("pp.calibrate")

NO_MEASUREMENT = 99.0  # magnitude that Source Extractor gives where it has none
COARSE_CATALOGS = {"APASS9": 1.0}  # arcsec; positions good to 0.1-0.3 arcsec, without an epoch


@dataclass
class Reference:
    """Reference stars ready for use: the Catalog, its magnitude and error columns, scatter of the relation."""

    catalog: Catalog
    mag: str
    err: str
    relation_err: float


@dataclass
class Settings:
    """How frames are calibrated; see the options."""

    band: str | None
    minstars: float
    maxflag: int
    use_all_stars: bool = False
    magzp: tuple | None = None


@dataclass
class Calibration:
    """Outcome: the Frames that have a database, those of them without a zeropoint, and the record of the step.

    `failure` is the NotReachable that left them without, None if services answered or were not needed.
    """

    frames: list
    uncalibrated: list
    record: dict
    failure: NotReachable | None = None


def left(done):
    """Return what the stamp of the step holds: frames, files, and which frames have no zeropoint in which band."""
    tables = [table_of(frame) for frame in done.frames]
    result = {"band": done.record["band"], "uncalibrated": [frame.name for frame in done.uncalibrated]}
    return done.frames, [*(frame.database for frame in done.frames), *tables], result


@toolbox.stamped("calibrate", left)
def calibrate(
    frames,
    losses,
    *,
    minstars=None,
    catalogs=None,
    band=None,
    maxflag=3,
    instrumental=False,
    magzp=None,
    solar=False,
    use_all_stars=False,
    offline=False,
    jobs=1,
):
    """Calibrate `frames`; returns a Calibration.  Frames without sources or zeropoint are named in `losses`.

    catalogs : names or paths, default the telescope's;  magzp : (zeropoint, sigma) to take instead of a fit
    Raises UsageError for several bands, PipelineError if there is nothing to calibrate.
    """
    telescope = telescopes.identify(frames[0].header)
    band = None if instrumental else common_band(frames, band)
    if magzp and band is None:
        raise UsageError("-magzp needs a band; give it with -filter")
    settings = Settings(band, minstars or pp_setup.minstars, maxflag, use_all_stars, magzp)
    reference, failure = None, None
    if band and not magzp:
        try:
            reference = choose_reference(frames, catalogs or telescope.photometry_catalogs, settings, solar, offline)
        except NotReachable as error:
            failure = error
        if reference is None:
            losses.add(
                "calibration",
                f"no catalogue is usable in band {band}, magnitudes stay instrumental"
                + (f" ({failure})" if failure else ""),
            )
    done = toolbox.parallel(lambda frame: calibrate_frame(frame, reference, settings), frames, jobs, "calibrate")
    pairs = toolbox.sort_out(frames, done, losses)
    if not pairs:
        raise PipelineError("not one of the frames has a source list; run pp_photometry first")
    for _frame, row in pairs:
        tell(row, losses, reference)
    ready = [frame for frame, _ in pairs]
    summary = summarise([row for _, row in pairs], reference, settings)
    diagnostics.record("calibrate", summary)
    lacking = [frame for frame, row in pairs if row["zp"] is None] if band and not magzp else []
    return Calibration(ready, lacking, summary, failure)


def common_band(frames, override):
    """Return the band of all frames (str), or None where they have none.  Raises UsageError for several."""
    if override:
        return override
    bands = {frame.name: band_of(frame) for frame in frames}
    if len(set(bands.values())) > 1:
        listed = ", ".join(f"{name}: {band}" for name, band in bands.items())
        raise UsageError(
            f"the frames have several bands ({listed}); calibrate each by itself, or give one with -filter"
        )
    return next(iter(bands.values()))


def band_of(frame):
    """Return the band of one frame; a filter without translation is taken for the band itself."""
    telescope = telescopes.identify(frame.header)
    raw = headers.raw_filter(frame, telescope)
    try:
        return telescope.band(raw)
    except PipelineError as error:
        log.warning("%s; taken for the name of the band", error)
        return raw


def choose_reference(frames, names, settings, solar, offline):
    """Return the Reference of the first catalogue that is good for the band, None if none is.

    Raises NotReachable if services failed and no other catalogue helped.
    """
    places = [read_positions(frame, settings.maxflag) for frame in frames]
    if not any(len(place[0]) for place in places):
        return None  # each frame says itself what it lacks
    ra, dec, radius = sky.skycenter([place for place in places if len(place[0])])
    epoch = times.julian_epoch(np.mean([frame.number("MIDTIMJD") for frame in frames]))
    client, refusals, failures = Client(offline=offline), [], []
    for name in dict.fromkeys(names):
        try:
            catalog = Catalog.fetch(
                name, ra, dec, radius, pp_setup.photometric_catalog_limit, client=client, data_folder=Path.cwd()
            )
            return prepare_reference(catalog, settings, solar, epoch)
        except NotReachable as error:
            log.warning("catalogue %s: %s; trying the next one", name, error)
            failures.append(error)
        except CatalogError as error:
            log.info("catalogue %s: %s", name, error)
            refusals.append(f"{name}: {error}")
    log.warning("no catalogue can be used: %s", "; ".join([*refusals, *map(str, failures)]))
    if failures:
        raise failures[0]
    return None


def read_positions(frame, maxflag):
    """Return (ra_deg, dec_deg) of the sources of a frame, empty if it has no list."""
    try:
        sources = ldac.read(frame.ldac, maxflag)
    except FrameError:
        return np.empty(0), np.empty(0)
    return sources.ra_deg, sources.dec_deg


def prepare_reference(catalog, settings, solar, epoch):
    """Return the Reference that `catalog` makes in the band.  Raises CatalogError if too few stars are left."""
    log.info("%d stars of %s for the calibration", len(catalog), catalog.release)
    if len(catalog) < pp_setup.min_sources_photometric_catalog:
        raise CatalogError(f"only {len(catalog)} stars in this field")
    if not settings.use_all_stars:
        catalog = catalog.photometric()
        if solar:
            catalog = catalog.solar_like(pp_setup.solcol)
    catalog, mag, err = catalog.in_band(settings.band, use_all=settings.use_all_stars)
    catalog.at_epoch(epoch).write_reference(Path.cwd() / f"{safe_name(catalog.name)}.cat", epoch)
    value, error = (np.asarray(catalog.table[name], dtype=float) for name in (mag, err))
    usable = np.isfinite(value) & (settings.use_all_stars | (error <= pp_setup.max_reference_error))
    if usable.sum() < pp_setup.min_sources_photometric_catalog:
        raise CatalogError(f"only {usable.sum()} stars usable in {settings.band}")
    catalog = catalog.at_epoch(epoch).select(usable)
    toolbox.say(f"{usable.sum()} reference stars in {settings.band} from {catalog.name}")
    return Reference(catalog, mag, err, catalog.relation_scatter(settings.band))


def calibrate_frame(frame, reference, settings):
    """Calibrate one frame and write its database; returns its part of the record (dict).  Raises FrameError."""
    telescope = telescopes.identify(frame.header)
    sources = ldac.read(frame.ldac, settings.maxflag)
    columns = f"MAG_{pp_setup.photmode}", f"MAGERR_{pp_setup.photmode}"
    inst, e_inst = (np.asarray(sources.table[name], dtype=float) for name in columns)
    if inst.ndim > 1:
        raise FrameError(frame.ldac, "holds several apertures", "run pp_photometry on its image first")
    sources = sources.select(
        (inst < NO_MEASUREMENT) & (e_inst < NO_MEASUREMENT) & np.isfinite(inst) & np.isfinite(e_inst)
    )
    inst, e_inst = (np.asarray(sources.table[name], dtype=float) for name in columns)
    fit, pairs, reason = None, (np.empty(0, dtype=int), np.empty(0, dtype=int)), None
    if not len(sources):
        reason = "no sources"
    elif reference is not None:
        try:
            pairs = match(frame, sources, reference)
            fit = fit_frame(inst, e_inst, pairs, reference, settings)
        except TooFewStars as error:
            found = f"{error.found} reference stars after source matching for frame {frame.ldac.name}"
            reason = f"{found}, at least {error.needed} are needed"
    write_database(frame, telescope, sources, (inst, e_inst), pairs, fit, reference, settings)
    if reference is not None and fit is not None and pp_setup.confcalibrate.save_caldata:
        write_caldata(frame, sources, pairs, fit, reference)
    return frame_record(frame, sources, (inst, e_inst), pairs, fit, reference, settings, reason)


def match(frame, sources, reference):
    """Return (i_star, i_source): reference stars and sources that belong to each other."""
    table = reference.catalog.table
    registration_rms = max((float(frame.header.get(key) or 0) * 3600 for key in ("ASTRRMS1", "ASTRRMS2")), default=0.0)
    least = COARSE_CATALOGS.get(reference.catalog.name.partition("_")[0], pp_setup.pos_epsilon)
    radius = max(least, 3 * registration_rms)
    return matching.unique_pairs(table["ra_deg"], table["dec_deg"], sources.ra_deg, sources.dec_deg, radius)


def fit_frame(inst, e_inst, pairs, reference, settings):
    """Return the Zeropoint of a frame.  Raises TooFewStars."""
    i_star, i_source = pairs
    mag, err = (
        np.asarray(reference.catalog.table[name], dtype=float)[i_star] for name in (reference.mag, reference.err)
    )
    err = np.maximum(np.nan_to_num(err, nan=LEAST_REFERENCE_ERROR), LEAST_REFERENCE_ERROR)
    return fit_zeropoint(
        mag - inst[i_source],
        err**2 + e_inst[i_source] ** 2,
        settings.minstars,
        weighted_ranking=pp_setup.weighted_ranking,
        reject=not settings.use_all_stars,
    )


def write_database(frame, telescope, sources, magnitudes, pairs, fit, reference, settings):
    """Write the database of a frame: its sources, the reference stars beside them, and calibrated magnitudes if any."""
    table = sources.table.copy()
    table.rename_columns(["XWIN_WORLD", "YWIN_WORLD"], ["ra_deg", "dec_deg"])
    table["ra_deg"] = np.mod(table["ra_deg"], 360.0)
    if reference is not None and fit is not None and pp_setup.confcalibrate.caldata_in_db:
        join(table, reference, pairs, settings.band)
    zeropoint = zeropoint_row(fit, pairs, reference, settings)
    if zeropoint["zp"] is not None:
        prefix = "" if settings.magzp else "_"
        table[f"{prefix}{settings.band}mag"] = magnitudes[0] + zeropoint["zp"]
        table[f"{prefix}e_{settings.band}mag"] = np.hypot(magnitudes[1], zeropoint["zp_sig"])
    gain = gain_of(frame, telescope)
    flux = np.asarray(table[f"FLUX_{pp_setup.photmode}"])
    zp_err = zeropoint["zp_err"] if zeropoint["zp"] is not None else np.nan
    for name, values in errorbars.parts(flux, magnitudes[1], gain, zp_err, zeropoint["relation_err"]).items():
        table[name] = values
    framedb.write(frame.database, header_row(frame, telescope, fit, reference, settings), table, zeropoint)


def gain_of(frame, telescope):
    """Return the gain (e-/ADU) that Source Extractor used, None if there is none."""
    return float(frame.header.get(telescope.header.get("gain", "GAIN")) or telescope.gain or 0) or None


def join(table, reference, pairs, band):
    """Add the columns of the reference stars to the sources that they belong to; the others stay empty."""
    i_star, i_source = pairs
    for name in reference.catalog.table.colnames:
        if name in ("ra_deg", "dec_deg", f"_{band}mag", f"_e_{band}mag") or name in table.colnames:
            continue
        column = np.asarray(reference.catalog.table[name])
        values = np.full(
            len(table),
            "" if column.dtype.kind in "US" else np.nan,
            dtype=column.dtype if column.dtype.kind in "US" else float,
        )
        values[i_source] = column[i_star]
        table[name] = values


def zeropoint_row(fit, pairs, reference, settings):
    """Return the row of table `zeropoint` (dict)."""
    relation = reference.relation_err if reference is not None else 0.0
    row = {
        "zp": None,
        "zp_sig": None,
        "zp_err": None,
        "relation_err": relation,
        "chi2": None,
        "n_used": 0,
        "n_matched": int(pairs[0].size),
    }
    if settings.magzp:
        return row | {"zp": settings.magzp[0], "zp_sig": settings.magzp[1], "zp_err": settings.magzp[1]}
    if fit is not None:
        return row | {
            "zp": fit.zp,
            "zp_sig": fit.sig,
            "zp_err": fit.err,
            "chi2": fit.step.chi2,
            "n_used": fit.step.n_used,
        }
    return row


def header_row(frame, telescope, fit, reference, settings):
    """Return the row of table `header` (dict)."""
    origin, description, system = f"{telescope.key};{frame.name}", "", "instrumental"
    if settings.magzp:
        origin += f";{settings.band}_manual_zp;"
        description = "calibrated using manual zeropoint {:g} +- {:g}".format(*settings.magzp)
    elif fit is not None:
        origin += f";{reference.catalog.name};{settings.band}"
        description = f"calibrated using {reference.catalog.history}"
        system = reference.catalog.systems.get(settings.band, "Vega")
    return {
        "name": frame.ldac.name,
        "origin": origin,
        "description": description,
        "magsys": system,
        "obstime": frame.number("MIDTIMJD"),
        "exptime": headers.exptime_s(frame, telescope),
        "obj": str(frame.header.get("OBJECT", "")).strip(),
        "filtername": settings.band,
    }


def write_caldata(frame, sources, pairs, fit, reference):
    """Write the matched reference stars of a frame to a table."""
    settings, (i_star, i_source) = pp_setup.confcalibrate, pairs
    table = Table(reference.catalog.table[i_star])
    table["fit"] = fit.step.used.astype(int)
    for name in ("MAG_APER", "MAGERR_APER"):
        table[name] = np.asarray(sources.table[name])[i_source]
    if settings.save_caldata_usedonly:
        table = table[table["fit"] == 1]
    with replacing(table_of(frame)) as temporary:
        table.write(temporary, format=settings.save_caldata_format, overwrite=True)


def table_of(frame):
    """Return the Path of the table with the reference stars of a frame."""
    return frame.path.with_name(frame.stem + pp_setup.confcalibrate.save_caldata_suffix)


def frame_record(frame, sources, magnitudes, pairs, fit, reference, settings, reason):
    """Return the part of one frame in the record of the step."""
    row = zeropoint_row(fit, pairs, reference, settings)
    return {
        "name": frame.name,
        "ldac": frame.ldac.name,
        "midtime_jd": frame.number("MIDTIMJD"),
        **{key: row[key] for key in ("zp", "zp_sig", "zp_err", "n_used", "n_matched")},
        "reason": reason,
        "steps": [{"n": step.n_used, "zp": step.zp, "sig": step.sig, "chi2": step.chi2} for step in fit.steps]
        if fit
        else [],
        "chosen": fit.chosen if fit else None,
        "stars": list(star_records(sources, magnitudes, pairs, fit, reference)) if fit else [],
    }


def star_records(sources, magnitudes, pairs, fit, reference):
    """Yield one dict per matched reference star."""
    table = reference.catalog.table
    for i_star, i_source, used in zip(*pairs, fit.step.used, strict=True):
        yield {
            "ident": str(table["ident"][i_star]),
            "ra_deg": float(table["ra_deg"][i_star]),
            "dec_deg": float(table["dec_deg"][i_star]),
            "mag": float(table[reference.mag][i_star]),
            "e_mag": float(table[reference.err][i_star]),
            "inst": float(magnitudes[0][i_source]),
            "e_inst": float(magnitudes[1][i_source]),
            "used": bool(used),
            "x": float(sources.table["XWIN_IMAGE"][i_source]),
            "y": float(sources.table["YWIN_IMAGE"][i_source]),
        }


def tell(row, losses, reference):
    """Say what became of one frame."""
    if row["reason"]:
        losses.add(row["name"], f"not calibrated: {row['reason']}" if reference is not None else row["reason"])
        toolbox.say(f"zeropoint for {row['name']}: Warning: {row['reason']}")
    elif row["zp"] is not None:
        stars = f" ({row['n_used']}/{row['n_matched']} reference stars)" if row["n_matched"] else " (given by hand)"
        toolbox.say(f"zeropoint for {row['ldac']}: {row['zp']:.3f}+-{row['zp_sig']:.3f}{stars}")


def summarise(rows, reference, settings):
    """Return the record of the step."""
    catalog = reference.catalog if reference is not None else None
    return {
        "mode": "manual" if settings.magzp else "catalog" if catalog is not None else "instrumental",
        "band": settings.band,
        "catalog": catalog.name if catalog is not None else None,
        "catalog_history": catalog.history if catalog is not None else None,
        "magsys": catalog.systems.get(settings.band, "Vega") if catalog is not None else None,
        "minstars": settings.minstars,
        "frames": rows,
    }


def build_parser():
    parser = toolbox.make_parser(__doc__, offline=True)
    parser.add_argument(
        "-minstars",
        type=float,
        metavar="N",
        help="reference stars to keep, a number or below 1 a fraction (default: 0.5)",
    )
    parser.add_argument(
        "-catalog",
        "-cat",
        metavar="NAME",
        help="reference catalogue, or the path of your own table (default: the telescope's list)",
    )
    parser.add_argument("-filter", metavar="BAND", help="band of the images, whatever the header says")
    parser.add_argument(
        "-maxflag",
        type=int,
        default=3,
        metavar="N",
        help="largest Source Extractor flag of sources to use; 7 admits saturated ones (default: %(default)s)",
    )
    parser.add_argument(
        "-instrumental", action="store_true", help="no calibration, databases with instrumental magnitudes"
    )
    parser.add_argument(
        "-magzp",
        type=float,
        nargs=2,
        metavar=("ZP", "SIGMA"),
        help="zeropoint and its uncertainty in mag, instead of a catalogue",
    )
    parser.add_argument("-solar", action="store_true", help="reference stars with colours like the Sun's only")
    parser.add_argument(
        "-use_all_stars", action="store_true", help="all reference stars, without any check of their quality"
    )
    return parser


@toolbox.command(build_parser, functools.partial(diagnostics.show_failure, "calibrate"))
def main(args, losses):
    catalogs = [canonical_name(args.catalog)] if args.catalog else None
    frames = toolbox.prepared_frames(args.images, losses)
    done = calibrate(
        frames,
        losses,
        minstars=args.minstars,
        catalogs=catalogs,
        band=args.filter,
        maxflag=args.maxflag,
        instrumental=args.instrumental,
        magzp=tuple(args.magzp) if args.magzp else None,
        solar=args.solar,
        use_all_stars=args.use_all_stars,
        offline=args.offline,
        jobs=args.jobs,
    )
    diagnostics.render()
    if done.failure:
        raise done.failure


if __name__ == "__main__":
    sys.exit(main())
