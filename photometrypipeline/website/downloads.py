"""The result files of a data set that the page links to, and how to make the reports that may be missing."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from photometrypipeline.frames import observationsdb, old
from photometrypipeline.targets.clock import KINDS
from photometrypipeline.website import views

STANDING = "primary"  # kind of targets whose reports every run writes by itself, if the settings are complete
OF_BODIES = (
    ("ADES", "for the Minor Planet Center", "pptool_mpcreport -format psv"),
    ("ALCDEF", "for alcdef.org", "pptool_lightcurve -format alcdef"),
)
OF_STARS = (("AAVSO", "for the AAVSO", "pptool_lightcurve -format aavso"),)
ENDINGS = {"ADES": (".psv", ".xml"), "ALCDEF": (".alcdef.txt",), "AAVSO": (".aavso.txt",)}


@dataclass(frozen=True)
class Offer:
    """A report that is not there: its form, whom it is for, the command that makes it, and what settings it lacks.

    standing : whether every run writes it once these are there
    """

    form: str
    whom: str
    command: str
    lacks: str
    standing: bool


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


def offers(view, known, folder, settings):
    """Return the Offers (list) of reports of the leading target that are not among the files `known`.

    settings : reportsettings.ReportSettings
    """
    lead = view.lead
    if not (lead and lead.accepted and lead.data.file in known):
        return []
    name = views.base_name(lead.data.file)
    forms = (
        (OF_BODIES if lead.data.kind in KINDS else OF_STARS if not lead.moving else ()) if name.isprintable() else ()
    )
    missing = settings.lacking({row.data.telescope for row in lead.accepted})
    there = of_lead(view, known, folder)
    return [
        Offer(form, whom, f"{command} {shlex.quote(name)}", missing[form], lead.data.kind == STANDING)
        for form, whom, command in forms
        if not any(file.endswith(ENDINGS[form]) for file in there)
    ]


def _of_target(target):
    return [*old.results_of(target.name, target.data.file)]


def _reports(folder):
    return sorted(path.name for path in Path(folder).glob(old.REPORTS))
