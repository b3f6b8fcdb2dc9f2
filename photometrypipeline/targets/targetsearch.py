"""Which targets a data set has: the one that its frames were taken for, those of files, what else is in the field."""

import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from photometrypipeline.base.errors import Ambiguous, NotFound, NotReachable, UsageError
from photometrypipeline.base.files import safe_name
from photometrypipeline.ephemerides import ephemeris
from photometrypipeline.frames import fixedplaces, positionsfile
from photometrypipeline.instruments.dataset import telescope_of
from photometrypipeline.sky import sphere
from photometrypipeline.targets import targets

log = logging.getLogger("pp.targetsearch")

MAX_UNCERTAINTY_PX = 5  # of the predicted place of an asteroid to look for
COMPLETENESS_PERCENTILE = 90
VARIABLE_MARGIN_MAG = 1.0  # a star may be brighter than its catalogue says
MAX_VARIABLES = 200  # the brightest; surveys have found hundreds in every field


@dataclass
class Found:
    """The `targets`, `remarks` for the user (list of str), `losses` [(name, reason)], and the service that was away."""

    targets: list = field(default_factory=list)
    remarks: list = field(default_factory=list)
    losses: list = field(default_factory=list)
    failure: NotReachable | None = None
    folder: Path = Path()  # of the data set


def search(measured, choice, client, folder):
    """Return what is Found for a choice (DistillOptions) in the frames `measured` (list of Measured)."""
    found, searches = Found(folder=folder), []
    if choice.positions:
        found.targets += _of_positions(measured, choice.positions, folder)
    if choice.fixedtargets:
        found.targets += [
            targets.fixed(name, "fixed", ra, dec, measured, Path(choice.fixedtargets).name)
            for name, ra, dec in fixedplaces.read(choice.fixedtargets)
        ]
    if choice.asteroids:
        searches.append(asteroids)
    elif not (choice.positions or choice.fixedtargets):
        searches.append(primary)
    if choice.variable_stars:
        searches.append(variable_stars)
    for one in searches:
        try:
            found.targets += one(measured, choice, client, found)
        except NotReachable as error:
            log.error("%s", error)
            found.failure = found.failure or error
    _name_apart(found.targets)
    return found


def _name_apart(wanted):
    """Give targets names that lead to different files."""
    seen = {}
    for target in wanted:
        number = seen[safe_name(target.name)] = seen.get(safe_name(target.name), 0) + 1
        if number > 1:
            target.name = f"{target.name} {number}"


def _of_positions(measured, name, folder):
    """Return the targets of a positions file, or of all files positions_*.dat in `folder`."""
    paths = [name] if name != positionsfile.ALL else sorted(Path(folder).glob("positions_*.dat"))
    if not paths:
        raise UsageError("this folder contains no file positions_*.dat")
    found = []
    for path in paths:
        unnamed = Path(path).stem.removeprefix("positions_") if name == positionsfile.ALL else positionsfile.UNNAMED
        for target, rows in positionsfile.read(path, default_name=unnamed).items():
            found.append(targets.from_positions(target, rows, measured))
    return found


def primary(measured, choice, client, found):
    """Return the target that the frames were taken for, as a list; empty if its name means no Solar System object."""
    name = choice.target or measured[0].header["obj"] or "None"
    try:
        places = _ephemeris(name, measured, choice, client, found.folder)
    except Ambiguous as error:
        found.losses.append((name, f"{error}; choose one with -target: {', '.join(error.candidates[:8])}"))
        return []
    except ephemeris.NoElements as error:
        found.losses.append((name, str(error)))
        return []
    except NotFound as error:
        log.warning("no primary target: %s", error)
        return []
    found.remarks.append(f"{name} is {places.full_name} (positions: {places.source})")
    return [targets.from_ephemeris(name, "primary", measured, places, choice.offset)]


def _ephemeris(name, measured, choice, client, folder):
    jds = np.array([each.header["obstime"] for each in measured])
    return ephemeris.positions(name, site_of(measured), jds, client, folder, choice.places)


def site_of(measured):
    """Return the MPC code of the telescope."""
    return telescope_of(measured[0].frame).mpc_code


def asteroids(measured, choice, client, found):
    """Return the known bodies in the field, bright enough and known well enough to be found."""
    from photometrypipeline.targets import fieldbodies  # slow to load, as orbits are, and seldom wanted

    limit = completeness_mag(measured)
    if limit is None:
        log.error("no calibrated magnitudes: asteroids in the field cannot be selected by brightness, none is used")
        return []
    jds = np.array([each.header["obstime"] for each in measured])
    max_err = MAX_UNCERTAINTY_PX * max(unbinned_scale(each.frame) for each in measured)
    try:
        census = fieldbodies.search(
            field_of(measured), jds, site_of(measured), client, choice.places.mode, found.folder
        )
    except fieldbodies.NoOrbits as error:
        found.losses.append(("asteroids", str(error)))
        return []
    found.remarks += census.remarks
    targets_found, faint, uncertain = [], 0, 0
    for body in census.bodies:
        if body.err_arcsec > max_err or body.v_mag > limit:
            faint, uncertain = faint + (body.v_mag > limit), uncertain + (body.v_mag <= limit)
            reason = f"V {body.v_mag:.1f} (limit {limit:.1f}), uncertainty {body.err_arcsec:.1f} arcsec"
            log.info("asteroid %s left out: %s (limit %.1f)", body.name, reason, max_err)
            continue
        try:
            places = body.places or _ephemeris(body.asked, measured, choice, client, found.folder)
        except NotFound as error:
            log.warning("asteroid %s: %s", body.name, error)
            continue
        target = targets.from_ephemeris(body.name, "asteroid", measured, places, choice.offset)
        frames = {each.frame.name: each for each in measured}
        if any(targets.inside(frames[frame], place) for frame, place in target.places.items()):
            targets_found.append(target)
        else:
            log.info("asteroid %s passes outside the frames", body.name)
    expected = "1 asteroid is" if len(targets_found) == 1 else f"{len(targets_found)} asteroids are"
    found.remarks.append(
        f"{expected} expected in the field, brighter than {limit:.1f} mag, by {census.source}; "
        f"near it {faint} are fainter, {uncertain} too uncertain"
    )
    return targets_found


def known_bodies(measured, choice, client, folder):
    """Return ([(name, Target)] of all known bodies in the field, however faint; a remark, "" if it is complete)."""
    from photometrypipeline.targets import fieldbodies

    jds = np.array([each.header["obstime"] for each in measured])
    try:
        census = fieldbodies.search(field_of(measured), jds, site_of(measured), client, choice.places.mode, folder)
    except (NotReachable, fieldbodies.NoOrbits) as error:
        return [], f"which of the moving sources are known bodies nobody can say: {error}"
    found = [(body.name, body.places or body.rough) for body in census.bodies]
    return [(name, targets.from_ephemeris(name, "asteroid", measured, places)) for name, places in found], ""


def unbinned_scale(frame):
    """Return the larger unbinned pixel scale of a frame, arcsec."""
    telescope = telescope_of(frame)
    return max(telescope.pixel_scale) if telescope.pixel_scale else frame.number("SECPIXX")


def completeness_mag(measured):
    """Return the largest, over the frames, of the 90th percentile of calibrated magnitudes; None without any."""
    columns = [(each, each.magnitude_columns) for each in measured]
    limits = [np.nanpercentile(each.table[names[0]], COMPLETENESS_PERCENTILE) for each, names in columns if names]
    return float(max(limits)) if limits else None


def variable_stars(measured, choice, client, found):
    """Return the variable stars of the VSX catalogue that lie on the frames and may be bright enough to be seen."""
    from photometrypipeline.catalogs import vsx

    limit, targets_found = completeness_mag(measured), []
    for row in vsx.search(*field_of(measured), client, data_folder=found.folder):
        place = float(row["ra_deg"]), float(row["dec_deg"])
        if limit is not None and row["max_mag"] > limit + VARIABLE_MARGIN_MAG:
            log.info("variable star %s left out: %.1f mag at maximum, limit %.1f", row["name"], row["max_mag"], limit)
            continue
        covering = [each for each in measured if targets.inside(each, place)]
        if covering:
            targets_found.append(targets.fixed(str(row["name"]), "variable", *place, covering, "VSX"))
    if len(targets_found) > MAX_VARIABLES:
        log.warning(
            "%d variable stars are on the frames, the %d brightest are taken", len(targets_found), MAX_VARIABLES
        )
    found.remarks.append(f"{len(targets_found)} variable stars are on the frames")
    return targets_found[:MAX_VARIABLES]


def field_of(measured):
    """Return (ra_deg, dec_deg, radius_deg) of the circle around all frames."""
    return sphere.skycenter(
        [(np.asarray(each.table["ra_deg"]), np.asarray(each.table["dec_deg"])) for each in measured]
    )
