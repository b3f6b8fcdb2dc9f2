#!/usr/bin/env python3
"""Put the light curve of a target over several nights on one scale, and its bands next to each other: one table.

reads   photometry_TARGET.dat and photometry.db of each night, IMAGE.ldac.db of its frames;
        the target's ephemeris from the local store, or JPL Horizons
writes  night_TARGET.ecsv (.csv, .vot): a row per observation of all nights; shift_mag is what was added to the
        magnitudes of its night, so that stars which several nights show have the same magnitude in all

Examples:
  pptool_night night1/photometry_3552.dat night2/photometry_3552.dat
  pptool_night -band R -format csv */photometry_3552.dat
"""

from photometrypipeline.base import commandline
from photometrypipeline.runs import stepoptions


def build_parser():
    """Return the parser of the command line."""
    parser = commandline.parser_of(__doc__, stepoptions.Offline, stepoptions.Ephemeris, images=False)
    parser.add_argument("files", nargs="+", metavar="FILE", help="light curves of one target, photometry_TARGET.dat")
    parser.add_argument(
        "-band", metavar="BAND", help="also the magnitudes of all bands as they would be in this one, column band_mag"
    )
    parser.add_argument(
        "-format", default="ecsv", metavar="LIST", help="ecsv, csv, votable, separated by commas (default: %(default)s)"
    )
    parser.add_argument("-output", metavar="STEM", help="name of the file without ending (default: night_TARGET)")
    parser.add_argument("-target", metavar="NAME", help="name of the target (default: as pp_distill called it)")
    return parser


commandline.answer_at_once(build_parser)

# isort: split
import sys
from pathlib import Path

import toolbox

import numpy as np

import pptool_lightcurve
from photometrypipeline.base.errors import PipelineError, UsageError
from photometrypipeline.base.files import safe_name
from photometrypipeline.base.services import Client
from photometrypipeline.calibration import onescale
from photometrypipeline.reports import lightcurve

NEAR_H = 3.0  # rows of another band are compared with those of the wanted one within this time


def sessions_of(parts):
    """Return {(number of the file, band): [Observation, ...]} of all calibrated rows."""
    found = {}
    for number, (series, _) in enumerate(parts):
        for each in series.observations:
            if each.row.calibrated:
                found.setdefault((number, each.row.band), []).append(each)
    if not found:
        raise PipelineError("no observation is calibrated; run pp_calibrate and pp_distill first")
    return found


def one_scale(sessions, losses):
    """Bring the sessions of each band onto one scale; returns {id(row): shift, mag}, and tells what was done."""
    shifts = {}
    for band in dict.fromkeys(band for _, band in sessions):
        own = [key for key in sessions if key[1] == band]
        stars = [_stars(sessions[key], losses) for key in own]
        scale = onescale.solve(stars)
        found = zip(own, stars, scale.shift, scale.err, scale.against, scale.n_shared, strict=True)
        for key, of_night, shift, err, against, shared in found:
            folder = sessions[key][0].frame.path.parent
            overlap = f"{shared} stars in common with other nights" if shared else "no star in common with other nights"
            overlap = overlap if of_night.mag.size else "no stars in the databases of its frames to compare with"
            good = f"good to {against:.4f} against all nights and to {err:.4f} with what they share"
            toolbox.say(f"{folder}, {band}: {shift:+.4f} mag, {good}, {overlap}")
            for each in sessions[key]:
                _shift(each.row, shift, err)
                shifts[id(each.row)] = shift
    return shifts


def _stars(observed, losses):
    databases = sorted({each.frame.database for each in observed})
    errors = [each.row.err_zp_common for each in observed if np.isfinite(each.row.err_zp_common)]
    fields = [each.row.err_uniformity for each in observed if np.isfinite(each.row.err_uniformity)]
    common = np.hypot(np.median(errors) if errors else 0.02, np.median(fields) if fields else 0.0)
    return onescale.stars_of(databases, float(max(common, 1e-3)), losses)


def _shift(row, shift, err):
    """Add a shift to the magnitudes of a Row; its error takes the place of those of zeropoint and catalogue."""
    for name in ("mag", "mag_limit", "forced_mag", "mag_psf", "zp_mag"):
        setattr(row, name, getattr(row, name) + shift)
    if np.isfinite(row.err_common):
        parts = np.nan_to_num([row.err_transformation, row.err_color])
        row.err_zp_common, row.err_uniformity = float(err), 0.0
        row.err_common = float(np.sqrt(np.sum(parts**2) + err**2))


def bring_to_band(sessions, band):
    """Return {id(row): magnitude as it would be in `band`} of the accepted rows, by the mean colours of the target.

    Raises UsageError for a band that no observation has.
    """
    bands = list(dict.fromkeys(key[1] for key in sessions))
    if band not in bands:
        raise UsageError(f"-band {band}: the observations are in {', '.join(bands)}")
    every = [each.row for observed in sessions.values() for each in observed]
    found = {id(row): row.mag for row in every if row.band == band}
    for other in bands:
        rows = [row for row in every if row.band in (band, other) and row.accepted and row.detected]
        if other == band or not rows:
            continue
        jd, mag, err = (np.array([getattr(row, name) for row in rows]) for name in ("jd", "mag", "err_repeat"))
        color, error, number = onescale.color_between(
            jd, mag, err, np.array([row.band == band for row in rows]), NEAR_H / 24
        )
        if not number:
            toolbox.say(
                f"{other} - {band}: no observations within {NEAR_H:.0f} h of each other, the colour stays unknown"
            )
            continue
        toolbox.say(f"{other} - {band} = {color:+.4f} +- {error:.4f} mag, from {number} observations")
        found |= {id(row): row.mag - color for row in every if row.band == other}
    return found


@toolbox.command(build_parser)
def main(args, losses):
    kinds = [kind.strip() for kind in args.format.split(",")]
    wrong = [kind for kind in kinds if kind not in ("ecsv", "csv", "votable")]
    if wrong:
        raise UsageError(f"format {wrong[0]!r} is unknown; valid: ecsv, csv, votable")
    every = pptool_lightcurve.read_all(toolbox.existing(args.files), args.target, losses)
    names = list(dict.fromkeys(series.target for series in every))
    if len(names) > 1:
        raise UsageError(f"these are light curves of {', '.join(names)}; give those of one target, or -target NAME")
    sessions = sessions_of([(series, None) for series in every])
    shifts = one_scale(sessions, losses)
    in_band = bring_to_band(sessions, args.band) if args.band else None
    client, choice = Client(offline=args.offline), toolbox.ephemeris_choice(args)
    parts = [(series, pptool_lightcurve.geometry(series, losses, client, choice)) for series in every]
    found = lightcurve.table(parts)
    rows = [each.row for series in every for each in series.observations]
    numbers = [number for number, series in enumerate(every, start=1) for _ in series.observations]
    found.add_column(lightcurve.column(numbers, "", "number of the night, in the order of the files", None), 1, "night")
    shift = [shifts.get(id(row)) for row in rows]
    found["shift_mag"] = lightcurve.column(shift, "mag", "what was added to put all nights on one scale", 4)
    if in_band is not None:
        values = [in_band.get(id(row)) if row.detected else None for row in rows]
        found["band_mag"] = lightcurve.column(values, "mag", f"magnitude as it would be in {args.band}", 4)
    stem = args.output or f"night_{safe_name(names[0])}"
    for kind in kinds:
        path = Path(f"{stem}.{pptool_lightcurve.ENDINGS[kind]}")
        lightcurve.write(found, path, kind)
        toolbox.say(f"{path}: {len(found)} observations of {names[0]}, {len(every)} nights")


if __name__ == "__main__":
    sys.exit(main())
