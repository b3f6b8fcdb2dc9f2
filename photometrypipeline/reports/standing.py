"""The reports that every run writes by itself, once the settings say who observed, and with what.

They are those of the body that the frames were taken for: never of simulated frames, nor of a name that is no
designation.  Nothing is sent anywhere.
"""

import logging
from pathlib import Path

from photometrypipeline.base.errors import PipelineError
from photometrypipeline.base.files import write_text
from photometrypipeline.base.losses import Losses
from photometrypipeline.instruments import telescopes
from photometrypipeline.reports import (
    ades,
    adesrules,
    alcdef,
    astrometryreport,
    lightcurve,
    observations,
    reportsettings,
)

log = logging.getLogger("pp.standing")

KIND = "primary"  # of targets that reports are written of


def write(curves, folder, client, choice, settings):
    """Write the reports that can be made of LightCurves in `folder` (Path); return (file names, lines for the user).

    client, choice : for distances and phase angles, as lightcurve.write_csv has them
    """
    files, told = [], []
    for curve in curves:
        if curve.kind != KIND or not any(row.accepted for row in curve.rows):
            continue
        missing = settings.lacking({row.telescope for row in curve.rows})
        wanted = {report: name for report, name in reportsettings.files_of(curve.name).items() if not missing[report]}
        series = observations.read_series(folder / curve.file) if wanted else None
        if series and series.simulated:
            log.info("%s: the frames are simulated, no reports are written", curve.name)
            continue
        for report, name in wanted.items():
            try:
                line = WRITERS[report](series, curve, folder / name, (client, choice), settings)
            except PipelineError as error:
                line = f"no {report} report of {curve.name}: {error}"
            else:
                files.append(name)
            told.append(line)
    return files, told


def _write_ades(series, curve, path: Path, _, settings):
    """Write the ADES file and return a line about it.  Raises PipelineError where nothing can be reported."""
    named, left_out = astrometryreport.name_of(series), Losses()
    if named.trk_sub:
        raise PipelineError(f"{curve.name} is not a designation; pptool_mpcreport reports it as an unknown object")
    sound = astrometryreport.sound(astrometryreport.records_of(series, named, settings), left_out)
    if not sound:
        raise PipelineError(next((reason for _, reason in left_out.entries), "no row counts"))
    blocks = astrometryreport.blocks_of(sound, settings)
    wrong = list(dict.fromkeys(reason for block in blocks for reason in adesrules.check_context(block.context)))
    if wrong:
        raise PipelineError(f"the MPC would refuse it: {'; '.join(wrong)}; correct confreport in pp_setup.py")
    write_text(path, ades.to_psv(blocks))
    more = "".join(f"; {image} {reason}" for image, reason in left_out.entries)
    return f"{path.name}: ADES, {len(sound)} observations of {named.text}{more}"


def _write_alcdef(series, curve, path: Path, ephemeris, settings):
    """Write the ALCDEF file and return a line about it.  Raises PipelineError where nothing can be reported."""
    named = astrometryreport.name_of(series)
    if "/" in named.prov_id or not (named.prov_id or named.perm_id.isdigit()):
        raise PipelineError(f"it takes asteroids, and {curve.name} is none that has a designation")
    geometry = lightcurve.geometry(curve, series.observations, path.parent, *ephemeris)
    known = {key: telescopes.get(key) for key in {each.row.telescope for each in series.observations}}
    text = alcdef.text_of([(series, geometry)], settings, known)
    if not text:
        refused = (alcdef.refusal(each.row) for each in series.observations if each.row.accepted)
        raise PipelineError(next(filter(None, refused), "no row counts"))
    write_text(path, text)
    number = sum(line.startswith("DATA=") for line in text.splitlines())
    return f"{path.name}: ALCDEF, {number} observations"


WRITERS = {"ADES": _write_ades, "ALCDEF": _write_alcdef}
