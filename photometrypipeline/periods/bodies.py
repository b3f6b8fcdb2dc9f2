"""Which body it is: one for all sessions, its distances where a file has none, its known absolute magnitude."""

import logging
import re
from pathlib import Path

import numpy as np

from photometrypipeline.base.errors import NotFound, NotReachable, TelescopeError, UsageError
from photometrypipeline.ephemerides import ephemeris, names
from photometrypipeline.reports.designations import of_body

log = logging.getLogger("pp.period")


def identity(session):
    """Return what two names of one body have in common: its number, its designation, else its name (str)."""
    for text in (session.target, session.full_name):
        found = of_body(text) if text else None
        if found and (found.perm_id or found.prov_id):
            return found.perm_id or found.prov_id
    return session.target.replace("_", " ").casefold()


def chosen(sessions, target):
    """Return those Sessions that are of `target` where a file has several bodies, else all of them."""
    if not target or len({identity(each) for each in sessions}) == 1:
        return sessions
    wanted = [each for each in sessions if _is(each, target)]
    if not wanted:
        raise UsageError(f"{sessions[0].source} has no session of {target}")
    return wanted


def _is(session, target):
    asked = of_body(target)
    if asked and identity(session) in (asked.perm_id, asked.prov_id):
        return True
    name = re.sub(r"\(.*?\)|^\d+ ", "", session.full_name).strip()
    known = {each.casefold() for each in (session.target, session.full_name, name)}
    return target.replace("_", " ").casefold() in known


def only(sessions, target):
    """Return the name of the body of all Sessions, `target` if given.  Raises UsageError for several bodies."""
    found = {}
    for each in sessions:
        found.setdefault(identity(each), each)
    if len(found) > 1:
        listed = ", ".join(f"{each.target} ({each.source})" for each in found.values())
        raise UsageError(f"these are light curves of {len(found)} bodies: {listed}; give those of one, or -target NAME")
    return target or max((each.full_name or each.target for each in sessions), key=len)


def add_distances(sessions, places, losses):
    """Give Sessions that lack them distances and phase angles; where there is no ephemeris they go without.

    places : function of (name, site, jds) that returns an ephemeris.Ephemeris
    """
    for each in sessions:
        if each.has_distances:
            continue
        site = each.site or "500"
        try:
            found = places(each.target, site, each.jd)
        except NotReachable as error:
            losses.add(each.key, f"{error}; {_instead(sessions)}")
            return
        except (NotFound, TelescopeError, ValueError) as error:
            log.info("%s: no ephemeris (%s)", each.key, error)
            losses.add(each.key, f"no ephemeris of {each.target}; {_instead(sessions)}")
            return
        each.r_au, each.delta_au, each.phase_deg = found.r_au, found.delta_au, found.phase_deg
        each.full_name = each.full_name if " " in each.full_name else found.full_name


def _instead(sessions):
    """Return what is done without distances, as the end of a message."""
    if all(each.at_unit_distance for each in sessions):
        return "light time and reduction to 1 au are as its file says"
    return "magnitudes are not reduced to 1 au"


def known(name, sessions):
    """Return {"H", "G", "source"} of what an ephemeris answer said of the body; numbers are None where it did not."""
    for query in names.queries(name):
        for folder in dict.fromkeys(Path(each.source).parent for each in sessions):
            shelf = ephemeris.Shelf(folder)
            kept = shelf.find_name(query.command)
            full_name = kept.value.full_name if kept else None
            for elements in shelf.find_elements(full_name) if full_name else []:
                if np.isfinite(elements.get("H", np.nan)):
                    return {"H": elements["H"], "G": elements.get("G", 0.15), "source": "JPL Horizons"}
    return {"H": None, "G": None, "source": ""}
