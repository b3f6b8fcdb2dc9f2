"""The known bodies of the Solar System in the field of a data set: by SkyBoT, or by the orbits in the store.

SkyBoT is asked where it can be reached, the orbits answer where it cannot, and alone with -ephemeris local. Places in
all frames come from one integration of all bodies that the store knows; Horizons is asked for the others.
"""

import logging
from dataclasses import dataclass

import numpy as np

from photometrypipeline.base.errors import NotReachable, PipelineError
from photometrypipeline.ephemerides import skybot
from photometrypipeline.ephemerides.ephemchoice import LOCAL
from photometrypipeline.ephemerides.ephemeris import Ephemeris
from photometrypipeline.ephemerides.orbits import infield, shelf

log = logging.getLogger("pp.fieldbodies")

SKYBOT = "SkyBoT"
USUAL_RATE = 60.0  # arcsec/h; asteroids this fast may be in the field before or after the middle of the sequence
IMPORT = "pptool_store import MPCORB.DAT.gz"


class NoOrbits(PipelineError):
    """Bodies were to be found without network, and the store has no orbits."""


@dataclass
class Candidate:
    """A body that may be in the field: `number` ("" without one), `name`, predicted V, error (arcsec, NaN unknown).

    places : its Ephemeris in all frames, None where Horizons has to be asked
    rough : the same by SkyBoT's place and motion in the middle: good enough to know it again
    """

    number: str
    name: str
    v_mag: float
    err_arcsec: float
    places: Ephemeris | None
    rough: Ephemeris | None = None

    @property
    def asked(self) -> str:
        """The name by which Horizons knows it."""
        return self.number if self.number not in ("", "-", "0", "--") else self.name


@dataclass
class Census:
    """The `bodies` (list of Candidate) that may be in the field, who told (`source`), and `remarks` for the user."""

    bodies: list
    source: str
    remarks: list


def search(field_deg, jds, mpc_code, client, mode, folder=None, jobs=2):
    """Return the Census of a circle `field_deg` (RA, Dec, radius) at the UT Julian dates `jds` of the frames.

    mode : as ephemchoice.Choice.mode;  folder : of the data set
    Raises NotReachable where SkyBoT is away and the store has no orbits, NoOrbits where only these were to be used.
    """
    tables = shelf.tables(folder)
    if mode == LOCAL:
        if not tables:
            raise NoOrbits(f"no orbits are in the store, and nobody else is asked (-ephemeris local): {IMPORT}")
        return _local(tables, field_deg, jds, mpc_code, jobs)
    ra, dec, radius = field_deg
    wider = radius + USUAL_RATE / 3600 * np.ptp(jds) * 24 / 2
    try:
        table = skybot.search(ra, dec, wider, float(np.mean(jds)), mpc_code, client, data_folder=folder)
    except NotReachable as failure:
        if not tables:
            raise
        log.warning("%s; the orbits in the store are used", failure)
        return _local(tables, field_deg, jds, mpc_code, jobs)
    return _by_skybot(table, tables, (ra, dec, wider), jds, mpc_code, jobs)


def _local(tables, field_deg, jds, mpc_code, jobs):
    bodies = [
        Candidate(body.number, body.name, _brightest(body), body.err_arcsec, body.places)
        for body in infield.search(tables, field_deg, jds, mpc_code, jobs=jobs)
    ]
    source = ", ".join(f"{each.origin} of {shelf.day_of(each)}" for each in tables)
    old = shelf.age_remark(tables, float(np.mean(jds)))
    return Census(bodies, f"the orbits in the store ({source})", [old] if old else [])


def _by_skybot(table, tables, field_deg, jds, mpc_code, jobs):
    """Return the Census of SkyBoT's answer; places by integration for those whose orbits the store has, and fresh."""
    fresh = [each for each in tables if abs(float(np.mean(jds)) - each.usual_epoch) <= shelf.OLD_D]
    own = infield.search(fresh, field_deg, jds, mpc_code, jobs=jobs) if fresh and len(table) else []
    places = {key: body.places for body in own for key in (body.number, body.name) if key}
    bodies = []
    for row in table:
        number, name = str(row["number"]).strip(), str(row["name"])
        known = places.get(number) or places.get(name)
        rough = _straight(row, jds) if known is None else None
        bodies.append(Candidate(number, name, float(row["v_mag"]), float(row["err_arcsec"]), known, rough))
    return Census(bodies, SKYBOT, [])


def _straight(row, jds):
    """Return the Ephemeris of a body that goes on as SkyBoT says it does in the middle of the frames."""
    hours = (np.asarray(jds) - np.mean(jds)) * 24
    dec = row["dec_deg"] + row["dec_rate"] * hours / 3600
    ra = (row["ra_deg"] + row["ra_rate"] * hours / 3600 / np.cos(np.radians(dec))) % 360
    unknown, same = np.full(len(jds), np.nan), np.ones(len(jds))
    moving = row["ra_rate"] * same, row["dec_rate"] * same, row["v_mag"] * same
    errors = row["err_arcsec"] * same, row["err_arcsec"] * same
    name = str(row["name"])
    return Ephemeris(name, name, SKYBOT, np.asarray(jds), ra, dec, *moving, *errors, unknown, unknown, unknown)


def _brightest(body):
    v_mag = body.places.v_mag[np.isfinite(body.places.v_mag)]
    return float(v_mag.min()) if v_mag.size else np.nan
