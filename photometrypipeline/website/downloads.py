"""The result files of a data set that the page links to, and how to make the report that may be missing."""

import os
import shlex
from pathlib import Path

from photometrypipeline.base import files
from photometrypipeline.frames import observationsdb
from photometrypipeline.targets.clock import KINDS
from photometrypipeline.website import views

ENDINGS = ("csv", "ecsv", "vot", "parquet", "alcdef.txt", "aavso.txt")  # of what pptool_lightcurve makes
REPORTS = "mpc_astrometry.*"  # of pptool_mpcreport


def paths(view, site, folder):
    """Return {name: path relative to `site`} of the result files that exist in `folder`, for links from the pages."""
    names = ["LOG", observationsdb.FILE_NAME, *_reports(folder)]
    for target in view.targets:
        names += _of_target(target)
    found = {name: os.path.join(folder, views.base_name(name)) for name in names}
    return {name: os.path.relpath(path, site) for name, path in found.items() if os.path.isfile(path)}


def of_lead(view, known, folder):
    """Return the names (list) of those of the files `known` that belong to the leading target, its table first."""
    if not view.lead:
        return []
    names = [*_of_target(view.lead), *_reports(folder), observationsdb.FILE_NAME]
    return [name for name in names if name in known]


def report_command(view, known, folder):
    """Return the command that makes the ADES report of the leading target; None if there is one, or nothing for it."""
    lead = view.lead
    if not (lead and lead.accepted and lead.data.kind in KINDS and lead.data.file in known) or _reports(folder):
        return None
    name = views.base_name(lead.data.file)
    return f"pptool_mpcreport -format psv {shlex.quote(name)}" if name.isprintable() else None


def _of_target(target):
    return [target.data.file, *(f"lightcurve_{files.safe_name(target.name)}.{ending}" for ending in ENDINGS)]


def _reports(folder):
    return sorted(path.name for path in Path(folder).glob(REPORTS))
